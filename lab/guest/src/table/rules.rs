//! The rules of the daemon's base table, a second time: as what nft makes of them. Beside each stands nft's own text.
//! `table::same_as_nft` compares both in the kernel.

use super::word::{
    ACCEPT, CT_DIRECTION, CT_MARK, CT_STATE, DROP, Elements, FAMILY, ICMP_KIND, INPUT_KIND, INPUT_NAME,
    IP_FROM, IP_TO, IP6_FROM, IP6_TO, MAC_FROM, OUTPUT_NAME, PORT_TO, PORTS, PROTOCOL, Port, Unnamed, Word,
};
use Word::{
    AddressKind, Among, Bits, Count, EachOver, Goto, In, Is, IsNotNumber, IsNumber, IsShort, MapBy, Mask,
    NotIn, Number, Over, Redirect, Reject, SetMark,
};

type Rule = (&'static str, &'static [Word]);

/// All rules, by chain, in their order.
pub(super) fn all() -> impl Iterator<Item = &'static Rule> {
    [GUARD, GUARD_DESTINATION, MARK, REDIRECT, OWN, FORWARD, FROM_GUEST, TO_GUEST].into_iter().flatten()
}

const GUARD: &[Rule] = &[
    // iifname != @hotspot_interfaces accept
    ("hs_guard", &[INPUT_NAME, NotIn(HOTSPOT), ACCEPT]),
    // ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept
    ("hs_guard", &[FAMILY, V4, IP_TO, Is(&[255; 4]), PROTOCOL, UDP, PORTS, Is(&[0, 68, 0, 67]), ACCEPT]),
    // ip saddr @guests4 goto hs_guard_destination
    ("hs_guard", &[FAMILY, V4, IP_FROM, In("guests4"), Goto("hs_guard_destination")]),
    // ip6 saddr { ::, fe80::/10 } ip6 daddr { fe80::/10, ff02::/16 } accept
    ("hs_guard", &[FAMILY, V6, IP6_FROM, Among(&LOCAL_FROM), IP6_TO, Among(&LOCAL_TO), ACCEPT]),
    // ip6 saddr @guests6 goto hs_guard_destination
    ("hs_guard", &[FAMILY, V6, IP6_FROM, In("guests6"), Goto("hs_guard_destination")]),
    // counter drop
    ("hs_guard", &[Count, DROP]),
];

const GUARD_DESTINATION: &[Rule] = &[
    // meta nfproto ipv6 fib saddr type local counter drop
    ("hs_guard_destination", &[FAMILY, V6, AddressKind(SOURCE), LOCAL, Count, DROP]),
    // fib daddr . iif type local accept
    ("hs_guard_destination", &[AddressKind(TARGET | AT_INPUT), LOCAL, ACCEPT]),
    // ip daddr @infrastructure4 counter drop
    ("hs_guard_destination", &[FAMILY, V4, IP_TO, In("infrastructure4"), Count, DROP]),
    // ip6 daddr @infrastructure6 counter drop
    ("hs_guard_destination", &[FAMILY, V6, IP6_TO, In("infrastructure6"), Count, DROP]),
    // fib daddr type local counter drop
    ("hs_guard_destination", &[AddressKind(TARGET), LOCAL, Count, DROP]),
];

const MARK: &[Rule] = &[
    // iifname != @hotspot_interfaces accept
    ("hs_mark", &[INPUT_NAME, NotIn(HOTSPOT), ACCEPT]),
    // ct mark set ether saddr map @cid accept
    ("hs_mark", &[INPUT_KIND, ETHERNET, MAC_FROM, MapBy("cid"), SetMark, ACCEPT]),
    // ct mark set 0
    ("hs_mark", &[Number(0), SetMark]),
    // meta l4proto { tcp, udp } th dport 53 update @dns_rate { ether saddr limit rate over 5/second burst 20 packets }
    // counter drop
    (
        "hs_mark",
        &[
            PROTOCOL,
            TCP_OR_UDP,
            PORT_TO,
            NAMES,
            INPUT_KIND,
            ETHERNET,
            MAC_FROM,
            EachOver("dns_rate", 5, 20),
            Count,
            DROP,
        ],
    ),
    // meta l4proto { tcp, udp } th dport 53 limit rate over 300/second burst 600 packets counter drop
    ("hs_mark", &[PROTOCOL, TCP_OR_UDP, PORT_TO, NAMES, Over(300, 600), Count, DROP]),
];

const REDIRECT: &[Rule] = &[
    // iifname != @hotspot_interfaces accept
    ("hs_redirect", &[INPUT_NAME, NotIn(HOTSPOT), ACCEPT]),
    // fib daddr type local tcp dport 80 redirect to :PORTAL
    ("hs_redirect", &[AddressKind(TARGET), LOCAL, PROTOCOL, TCP, PORT_TO, PAGES, Redirect(Port::Portal)]),
    // ip daddr 192.0.2.1 tcp dport 80 redirect to :PORTAL
    ("hs_redirect", &[FAMILY, V4, IP_TO, EVERYWHERE, PROTOCOL, TCP, PORT_TO, PAGES, Redirect(Port::Portal)]),
    // fib daddr type local accept
    ("hs_redirect", &[AddressKind(TARGET), LOCAL, ACCEPT]),
    // ct mark != 0 accept
    ("hs_redirect", &[CT_MARK, IsNotNumber(0), ACCEPT]),
    // ip daddr @walled_garden4 accept, and its three companions
    ("hs_redirect", &[FAMILY, V4, IP_TO, In("walled_garden4"), ACCEPT]),
    ("hs_redirect", &[FAMILY, V6, IP6_TO, In("walled_garden6"), ACCEPT]),
    ("hs_redirect", &[FAMILY, V4, IP_TO, In("free_services4"), ACCEPT]),
    ("hs_redirect", &[FAMILY, V6, IP6_TO, In("free_services6"), ACCEPT]),
    // tcp dport 80 redirect to :PORTAL
    ("hs_redirect", &[PROTOCOL, TCP, PORT_TO, PAGES, Redirect(Port::Portal)]),
    // meta l4proto { tcp, udp } th dport 53 redirect to :53
    ("hs_redirect", &[PROTOCOL, TCP_OR_UDP, PORT_TO, NAMES, Redirect(Port::Number(53))]),
];

const OWN: &[Rule] = &[
    // iifname != @hotspot_interfaces accept
    ("hs_own", &[INPUT_NAME, NotIn(HOTSPOT), ACCEPT]),
    // udp dport { 53, 123 } accept
    ("hs_own", &[PROTOCOL, UDP, PORT_TO, Among(&NAMES_AND_TIME), ACCEPT]),
    // tcp dport { 53, PORTAL } accept
    ("hs_own", &[PROTOCOL, TCP, PORT_TO, Among(&NAMES_AND_PORTAL), ACCEPT]),
    // udp sport 68 udp dport 67 accept
    ("hs_own", &[PROTOCOL, UDP, PORTS, Is(&[0, 68, 0, 67]), ACCEPT]),
    // ip6 saddr fe80::/10 udp sport 546 udp dport 547 accept
    (
        "hs_own",
        &[
            FAMILY,
            V6,
            IP6_FROM,
            Mask(&bits(&[0xff, 0xc0])),
            Is(&bits(&[0xfe, 0x80])),
            PROTOCOL,
            UDP,
            PORTS,
            Is(&[2, 34, 2, 35]),
            ACCEPT,
        ],
    ),
    // icmpv6 type { nd-router-solicit, nd-neighbor-solicit, nd-neighbor-advert, mld-..., mld2-... } accept
    ("hs_own", &[FAMILY, V6, PROTOCOL, ICMP6, ICMP_KIND, Among(&NEIGHBOURS), ACCEPT]),
    // ct state established ct direction reply accept
    ("hs_own", &[CT_STATE, Bits(ESTABLISHED), IsNotNumber(0), CT_DIRECTION, Is(&[1]), ACCEPT]),
    // meta l4proto { icmp, icmpv6 } ct state related accept
    ("hs_own", &[PROTOCOL, Among(&ICMP_OR_ICMP6), CT_STATE, Bits(RELATED), IsNotNumber(0), ACCEPT]),
    // counter drop
    ("hs_own", &[Count, DROP]),
];

const FORWARD: &[Rule] = &[
    // iifname @hotspot_interfaces goto hs_from_guest
    ("hs_forward", &[INPUT_NAME, In(HOTSPOT), Goto("hs_from_guest")]),
    // oifname @hotspot_interfaces goto hs_to_guest
    ("hs_forward", &[OUTPUT_NAME, In(HOTSPOT), Goto("hs_to_guest")]),
];

const FROM_GUEST: &[Rule] = &[
    // ct state invalid drop
    ("hs_from_guest", &[CT_STATE, Bits(INVALID), IsNotNumber(0), DROP]),
    // oifname @hotspot_interfaces counter drop
    ("hs_from_guest", &[OUTPUT_NAME, In(HOTSPOT), Count, DROP]),
    // ip daddr @walled_garden4 accept, and its three companions
    ("hs_from_guest", &[FAMILY, V4, IP_TO, In("walled_garden4"), ACCEPT]),
    ("hs_from_guest", &[FAMILY, V6, IP6_TO, In("walled_garden6"), ACCEPT]),
    ("hs_from_guest", &[FAMILY, V4, IP_TO, In("free_services4"), ACCEPT]),
    ("hs_from_guest", &[FAMILY, V6, IP6_TO, In("free_services6"), ACCEPT]),
    // ct mark and 0xffff @limit_up drop
    ("hs_from_guest", &[CT_MARK, Bits(CLIENT), In("limit_up"), DROP]),
    // ct mark and 0xffff @up accept
    ("hs_from_guest", &[CT_MARK, Bits(CLIENT), In("up"), ACCEPT]),
    // meta l4proto tcp counter reject with tcp reset
    ("hs_from_guest", &[PROTOCOL, TCP, Count, Reject(1, 0)]),
    // counter reject with icmpx admin-prohibited
    ("hs_from_guest", &[Count, Reject(2, 3)]),
];

const TO_GUEST: &[Rule] = &[
    // ct state new,invalid,untracked counter drop
    ("hs_to_guest", &[CT_STATE, Bits(NEW | INVALID | UNTRACKED), IsNotNumber(0), Count, DROP]),
    // ip saddr @walled_garden4 accept, and its three companions
    ("hs_to_guest", &[FAMILY, V4, IP_FROM, In("walled_garden4"), ACCEPT]),
    ("hs_to_guest", &[FAMILY, V6, IP6_FROM, In("walled_garden6"), ACCEPT]),
    ("hs_to_guest", &[FAMILY, V4, IP_FROM, In("free_services4"), ACCEPT]),
    ("hs_to_guest", &[FAMILY, V6, IP6_FROM, In("free_services6"), ACCEPT]),
    // ct mark and 0xffff @limit_down drop
    ("hs_to_guest", &[CT_MARK, Bits(CLIENT), In("limit_down"), DROP]),
    // ct mark @leases ct mark and 0xffff @down accept
    ("hs_to_guest", &[CT_MARK, In("leases"), CT_MARK, Bits(CLIENT), In("down"), ACCEPT]),
    // counter drop
    ("hs_to_guest", &[Count, DROP]),
];

const HOTSPOT: &str = "hotspot_interfaces";
const V4: Word = Is(&[2]);
const V6: Word = Is(&[10]);
/// What stands on coupons.
const EVERYWHERE: Word = Is(&[192, 0, 2, 1]);
const TCP: Word = Is(&[6]);
const UDP: Word = Is(&[17]);
const ICMP6: Word = Is(&[58]);
const TCP_OR_UDP: Word =
    Among(&Unnamed { kind: PROTOCOL_KIND, length: 1, elements: Elements::Single(&[&[6], &[17]]) });
const ICMP_OR_ICMP6: Unnamed =
    Unnamed { kind: PROTOCOL_KIND, length: 1, elements: Elements::Single(&[&[1], &[58]]) };
const NAMES: Word = Is(&[0, 53]);
const PAGES: Word = Is(&[0, 80]);
const NAMES_AND_TIME: Unnamed =
    Unnamed { kind: PORT_KIND, length: 2, elements: Elements::Single(&[&[0, 53], &[0, 123]]) };
const NAMES_AND_PORTAL: Unnamed =
    Unnamed { kind: PORT_KIND, length: 2, elements: Elements::PortsAndPortal(&[53]) };
/// Router solicitation, neighbour solicitation and advertisement, three reports of multicast listeners.
const NEIGHBOURS: Unnamed = Unnamed {
    kind: ICMP6_KIND,
    length: 1,
    elements: Elements::Single(&[&[133], &[135], &[136], &[131], &[132], &[143]]),
};
const LOCAL_FROM: Unnamed = Unnamed {
    kind: IP6_KIND,
    length: 16,
    elements: Elements::Ranges(&[
        (true, bits(&[])),
        (false, 1_u128.to_be_bytes()),
        (true, bits(&[0xfe, 0x80])),
        (false, bits(&[0xfe, 0xc0])),
    ]),
};
const LOCAL_TO: Unnamed = Unnamed {
    kind: IP6_KIND,
    length: 16,
    elements: Elements::Ranges(&[
        (false, bits(&[])),
        (true, bits(&[0xfe, 0x80])),
        (false, bits(&[0xfe, 0xc0])),
        (true, bits(&[0xff, 0x02])),
        (false, bits(&[0xff, 0x03])),
    ]),
};
/// `ARPHRD_ETHER`.
const ETHERNET: Word = IsShort(1);
/// `RTN_LOCAL`.
const LOCAL: Word = IsNumber(2);
/// `NFTA_FIB_F_SADDR`.
const SOURCE: u32 = 1;
/// `NFTA_FIB_F_DADDR`.
const TARGET: u32 = 2;
/// `NFTA_FIB_F_IIF`.
const AT_INPUT: u32 = 8;
/// The low half of a mark is the client.
const CLIENT: u32 = 0xffff;
const INVALID: u32 = 1;
const ESTABLISHED: u32 = 2;
const RELATED: u32 = 4;
const NEW: u32 = 8;
const UNTRACKED: u32 = 0x40;
/// nft's numbers for the types of elements.
const IP6_KIND: u32 = 8;
const PROTOCOL_KIND: u32 = 12;
const PORT_KIND: u32 = 13;
const ICMP6_KIND: u32 = 29;

/// An IPv6 address that begins with these octets.
const fn bits(first: &[u8]) -> [u8; 16] {
    let mut all = [0; 16];
    let mut at = 0;
    while at < first.len() {
        all[at] = first[at];
        at += 1;
    }
    all
}
