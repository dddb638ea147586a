//! The rules of the daemon's base table, a second time: as what nft makes of them. Beside each stands nft's own text.
//! `table::same_as_nft` compares both in the kernel.

use super::word::{
    ACCEPT, CT_DIRECTION, CT_MARK, CT_STATE, DROP, Elements, FAMILY, HEAD, ICMP_KIND, INPUT_KIND, INPUT_NAME,
    IP_FROM, IP_TO, IP6_FROM, IP6_TO, MAC_FROM, NAME, OUTPUT_NAME, PORT_FROM, PORT_TO, PORTS, PROTOCOL, Port,
    TRAFFIC_CLASS, Unnamed, Word,
};
use Word::{
    AddressKind, Among, Bits, Count, EachOctetsOver, EachOver, Goto, In, Is, IsNotNumber, IsNumber, IsShort,
    Keep, MapBy, Mask, MaskAndTurn, NotIn, Number, Over, Redirect, Reject, SetMark, WriteHead,
};

type Rule = (&'static str, &'static [Word]);

/// All rules, by chain, in their order.
pub(super) fn all() -> impl Iterator<Item = &'static Rule> {
    [
        GUARD,
        GUARD_DESTINATION,
        MARK,
        REDIRECT,
        OWN,
        NAMES_TOLD,
        FORWARD,
        FROM_GUEST,
        TO_GUEST,
        OPEN,
        REFUSE,
        FIRST,
        POLICY,
    ]
    .into_iter()
    .flatten()
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
    // ct mark set iifname map @policy_marks goto hs_first
    ("hs_mark", &[INPUT_NAME, MapBy("policy_marks"), SetMark, Goto("hs_first")]),
    // iifname != @hotspot_interfaces ct direction original ip dscp af21 ct mark set 0xa4000000
    (
        "hs_mark",
        &[
            INPUT_NAME,
            NotIn(HOTSPOT),
            CT_DIRECTION,
            Is(&[0]),
            FAMILY,
            V4,
            TRAFFIC_CLASS,
            Mask(&[0xfc]),
            Is(&[0x48]),
            Number(FIRST_MARK),
            SetMark,
        ],
    ),
    // iifname != @hotspot_interfaces ct direction original ip6 dscp af21 ct mark set 0xa4000000
    (
        "hs_mark",
        &[
            INPUT_NAME,
            NotIn(HOTSPOT),
            CT_DIRECTION,
            Is(&[0]),
            FAMILY,
            V6,
            HEAD,
            Mask(&[0x0f, 0xc0]),
            Is(&[0x04, 0x80]),
            Number(FIRST_MARK),
            SetMark,
        ],
    ),
    // iifname != @hotspot_interfaces accept
    ("hs_mark", &[INPUT_NAME, NotIn(HOTSPOT), ACCEPT]),
    // ip dscp af21 ip dscp set cs0
    (
        "hs_mark",
        &[FAMILY, V4, TRAFFIC_CLASS, Mask(&[0xfc]), Is(&[0x48]), HEAD, Mask(&[0xff, 3]), WriteHead(true)],
    ),
    // ip6 dscp af21 ip6 dscp set cs0
    (
        "hs_mark",
        &[
            FAMILY,
            V6,
            HEAD,
            Mask(&[0x0f, 0xc0]),
            Is(&[0x04, 0x80]),
            HEAD,
            Mask(&[0xf0, 0x3f]),
            WriteHead(false),
        ],
    ),
    // ct mark set ether saddr map @cid goto hs_first
    ("hs_mark", &[INPUT_KIND, ETHERNET, MAC_FROM, MapBy("cid"), SetMark, Goto("hs_first")]),
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
    // ct mark and 0 @offline meta nfproto ipv4 udp dport 53 @th,160,128 { PROBES } redirect to :PORTAL
    (
        "hs_redirect",
        &[
            CT_MARK,
            Bits(0),
            In("offline"),
            FAMILY,
            V4,
            PROTOCOL,
            UDP,
            PORT_TO,
            NAMES,
            NAME,
            Among(&PROBED),
            Redirect(Port::Portal),
        ],
    ),
    // fib daddr type local tcp dport 80 redirect to :PORTAL
    ("hs_redirect", &[AddressKind(TARGET), LOCAL, PROTOCOL, TCP, PORT_TO, PAGES, Redirect(Port::Portal)]),
    // ip daddr 192.0.2.1 tcp dport 80 redirect to :PORTAL
    ("hs_redirect", &[FAMILY, V4, IP_TO, EVERYWHERE, PROTOCOL, TCP, PORT_TO, PAGES, Redirect(Port::Portal)]),
    // fib daddr type local accept
    ("hs_redirect", &[AddressKind(TARGET), LOCAL, ACCEPT]),
    // ip daddr @walled_garden4 accept, and its companions
    ("hs_redirect", &[FAMILY, V4, IP_TO, In("walled_garden4"), ACCEPT]),
    ("hs_redirect", &[FAMILY, V6, IP6_TO, In("walled_garden6"), ACCEPT]),
    ("hs_redirect", &[FAMILY, V4, IP_TO, In("free_services4"), ACCEPT]),
    ("hs_redirect", &[FAMILY, V6, IP6_TO, In("free_services6"), ACCEPT]),
    ("hs_redirect", &[FAMILY, V4, IP_TO, In("free_names4"), ACCEPT]),
    ("hs_redirect", &[FAMILY, V6, IP6_TO, In("free_names6"), ACCEPT]),
    // ct mark and 0x80000000 @shut tcp dport 80 redirect to :PORTAL
    (
        "hs_redirect",
        &[CT_MARK, Bits(FIRST_BIT), In("shut"), PROTOCOL, TCP, PORT_TO, PAGES, Redirect(Port::Portal)],
    ),
    // ct mark != 0 accept
    ("hs_redirect", &[CT_MARK, IsNotNumber(0), ACCEPT]),
    // ct mark @open tcp dport 80 accept
    ("hs_redirect", &[CT_MARK, In("open"), PROTOCOL, TCP, PORT_TO, PAGES, ACCEPT]),
    // tcp dport 80 redirect to :PORTAL
    ("hs_redirect", &[PROTOCOL, TCP, PORT_TO, PAGES, Redirect(Port::Portal)]),
    // meta l4proto { tcp, udp } th dport 53 redirect to :53
    ("hs_redirect", &[PROTOCOL, TCP_OR_UDP, PORT_TO, NAMES, Redirect(Port::Number(53))]),
];

const OWN: &[Rule] = &[
    // iifname != @hotspot_interfaces accept
    ("hs_own", &[INPUT_NAME, NotIn(HOTSPOT), ACCEPT]),
    // udp dport { 53, 123, PORTAL } accept
    ("hs_own", &[PROTOCOL, UDP, PORT_TO, Among(&NAMES_TIME_AND_PORTAL), ACCEPT]),
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

const NAMES_TOLD: &[Rule] = &[
    // oifname != @hotspot_interfaces accept
    ("hs_names", &[OUTPUT_NAME, NotIn(HOTSPOT), ACCEPT]),
    // ct mark != 0 accept
    ("hs_names", &[CT_MARK, IsNotNumber(0), ACCEPT]),
    // meta l4proto { tcp, udp } th sport 53 update @names_down4 { ip daddr limit rate over 1 kbytes/second burst 16 kbytes }
    // counter drop
    (
        "hs_names",
        &[
            PROTOCOL,
            TCP_OR_UDP,
            PORT_FROM,
            NAMES,
            FAMILY,
            V4,
            IP_TO,
            EachOctetsOver("names_down4", 1_024, 16_384),
            Count,
            DROP,
        ],
    ),
    // the same with names_down6 and ip6 daddr
    (
        "hs_names",
        &[
            PROTOCOL,
            TCP_OR_UDP,
            PORT_FROM,
            NAMES,
            FAMILY,
            V6,
            IP6_TO,
            EachOctetsOver("names_down6", 1_024, 16_384),
            Count,
            DROP,
        ],
    ),
];

const FORWARD: &[Rule] = &[
    // iifname @hotspot_interfaces goto hs_from_guest
    ("hs_forward", &[INPUT_NAME, In(HOTSPOT), Goto("hs_from_guest")]),
    // oifname @hotspot_interfaces goto hs_to_guest
    ("hs_forward", &[OUTPUT_NAME, In(HOTSPOT), Goto("hs_to_guest")]),
    // iifname @policy_interfaces goto hs_from_policy
    ("hs_forward", &[INPUT_NAME, In("policy_interfaces"), Goto("hs_from_policy")]),
    // oifname @policy_interfaces goto hs_to_policy
    ("hs_forward", &[OUTPUT_NAME, In("policy_interfaces"), Goto("hs_to_policy")]),
];

const FROM_GUEST: &[Rule] = &[
    // ct state invalid drop
    ("hs_from_guest", &[CT_STATE, Bits(INVALID), IsNotNumber(0), DROP]),
    // oifname @hotspot_interfaces counter drop
    ("hs_from_guest", &[OUTPUT_NAME, In(HOTSPOT), Count, DROP]),
    // ip daddr @walled_garden4 accept, and its companions
    ("hs_from_guest", &[FAMILY, V4, IP_TO, In("walled_garden4"), ACCEPT]),
    ("hs_from_guest", &[FAMILY, V6, IP6_TO, In("walled_garden6"), ACCEPT]),
    ("hs_from_guest", &[FAMILY, V4, IP_TO, In("free_services4"), ACCEPT]),
    ("hs_from_guest", &[FAMILY, V6, IP6_TO, In("free_services6"), ACCEPT]),
    // ip daddr @free_names4 update @free_names4 { ip daddr } accept, and the same of IPv6
    ("hs_from_guest", &[FAMILY, V4, IP_TO, In("free_names4"), IP_TO, Keep("free_names4"), ACCEPT]),
    ("hs_from_guest", &[FAMILY, V6, IP6_TO, In("free_names6"), IP6_TO, Keep("free_names6"), ACCEPT]),
    // ct mark and 0x80000000 @shut goto hs_refuse
    ("hs_from_guest", &[CT_MARK, Bits(FIRST_BIT), In("shut"), Goto("hs_refuse")]),
    // ct mark @open goto hs_open_up
    ("hs_from_guest", &[CT_MARK, In("open"), Goto("hs_open_up")]),
    // ct mark and 0xffff @limit_up drop
    ("hs_from_guest", &[CT_MARK, Bits(CLIENT), In("limit_up"), DROP]),
    // ct mark and 0xffff @up accept
    ("hs_from_guest", &[CT_MARK, Bits(CLIENT), In("up"), ACCEPT]),
    // goto hs_refuse
    ("hs_from_guest", &[Goto("hs_refuse")]),
];

const TO_GUEST: &[Rule] = &[
    // ct state new,invalid,untracked counter drop
    ("hs_to_guest", &[CT_STATE, Bits(NEW | INVALID | UNTRACKED), IsNotNumber(0), Count, DROP]),
    // ip saddr @walled_garden4 accept, and its companions
    ("hs_to_guest", &[FAMILY, V4, IP_FROM, In("walled_garden4"), ACCEPT]),
    ("hs_to_guest", &[FAMILY, V6, IP6_FROM, In("walled_garden6"), ACCEPT]),
    ("hs_to_guest", &[FAMILY, V4, IP_FROM, In("free_services4"), ACCEPT]),
    ("hs_to_guest", &[FAMILY, V6, IP6_FROM, In("free_services6"), ACCEPT]),
    ("hs_to_guest", &[FAMILY, V4, IP_FROM, In("free_names4"), ACCEPT]),
    ("hs_to_guest", &[FAMILY, V6, IP6_FROM, In("free_names6"), ACCEPT]),
    // ct mark and 0x80000000 @shut counter drop
    ("hs_to_guest", &[CT_MARK, Bits(FIRST_BIT), In("shut"), Count, DROP]),
    // ct mark @open goto hs_open_down
    ("hs_to_guest", &[CT_MARK, In("open"), Goto("hs_open_down")]),
    // ct mark and 0xffff @limit_down drop
    ("hs_to_guest", &[CT_MARK, Bits(CLIENT), In("limit_down"), DROP]),
    // ct mark @leases ct mark and 0xffff @down accept
    ("hs_to_guest", &[CT_MARK, In("leases"), CT_MARK, Bits(CLIENT), In("down"), ACCEPT]),
    // counter drop
    ("hs_to_guest", &[Count, DROP]),
];

const FIRST: &[Rule] = &[
    // ct mark and 0x80000000 == 0 accept
    ("hs_first", &[CT_MARK, Bits(FIRST_BIT), IsNumber(0), ACCEPT]),
    // ip dscp set af21
    ("hs_first", &[FAMILY, V4, HEAD, MaskAndTurn(&[0xff, 3], &[0, 0x48]), WriteHead(true)]),
    // ip6 dscp set af21
    ("hs_first", &[FAMILY, V6, HEAD, MaskAndTurn(&[0xf0, 0x3f], &[0x04, 0x80]), WriteHead(false)]),
];

const POLICY: &[Rule] = &[
    // ct mark and 0xffff @shut goto hs_refuse
    ("hs_from_policy", &[CT_MARK, Bits(CLIENT), In("shut"), Goto("hs_refuse")]),
    // ct mark and 0xffff @policy_up drop
    ("hs_from_policy", &[CT_MARK, Bits(CLIENT), In("policy_up"), DROP]),
    // ct mark and 0xffff @up accept
    ("hs_from_policy", &[CT_MARK, Bits(CLIENT), In("up"), ACCEPT]),
    // ct mark and 0xffff @shut counter drop
    ("hs_to_policy", &[CT_MARK, Bits(CLIENT), In("shut"), Count, DROP]),
    // ct mark and 0xffff @policy_down drop
    ("hs_to_policy", &[CT_MARK, Bits(CLIENT), In("policy_down"), DROP]),
    // ct mark and 0xffff @down accept
    ("hs_to_policy", &[CT_MARK, Bits(CLIENT), In("down"), ACCEPT]),
];

const OPEN: &[Rule] = &[
    // update @open_up { ether saddr limit rate over 16 kbytes/second burst 64 kbytes } counter drop
    ("hs_open_up", &[INPUT_KIND, ETHERNET, MAC_FROM, EachOctetsOver("open_up", 16_384, 65_536), Count, DROP]),
    // accept
    ("hs_open_up", &[ACCEPT]),
    // update @open_down4 { ip daddr limit rate over 16 kbytes/second burst 64 kbytes } counter drop
    ("hs_open_down", &[FAMILY, V4, IP_TO, EachOctetsOver("open_down4", 16_384, 65_536), Count, DROP]),
    // update @open_down6 { ip6 daddr limit rate over 16 kbytes/second burst 64 kbytes } counter drop
    ("hs_open_down", &[FAMILY, V6, IP6_TO, EachOctetsOver("open_down6", 16_384, 65_536), Count, DROP]),
    // accept
    ("hs_open_down", &[ACCEPT]),
];

const REFUSE: &[Rule] = &[
    // meta l4proto tcp counter reject with tcp reset
    ("hs_refuse", &[PROTOCOL, TCP, Count, Reject(1, 0)]),
    // counter reject with icmpx admin-prohibited
    ("hs_refuse", &[Count, Reject(2, 3)]),
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
const NAMES_TIME_AND_PORTAL: Unnamed =
    Unnamed { kind: PORT_KIND, length: 2, elements: Elements::PortsAndPortal(&[53, 123]) };
/// What a question for a name that phones probe begins with.
const PROBED: Unnamed = Unnamed {
    kind: INTEGER_KIND,
    length: 16,
    elements: Elements::Single(&[
        b"\x11connectivityche",
        b"\x04play\x0agoogleapis",
        b"\x08clients3\x06google",
        b"\x07captive\x05apple\x03c",
        b"\x03www\x0fmsftconnect",
        b"\x04ipv6\x0fmsftconnec",
        b"\x03www\x08msftncsi\x03co",
        b"\x03dns\x08msftncsi\x03co",
        b"\x0cdetectportal\x07fi",
        b"\x07nmcheck\x05gnome\x03o",
        b"\x12connectivity-ch",
        b"\x0cnetwork-test\x06de",
        b"\x08spectrum\x02s3\x09ama",
    ]),
};
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
/// Marks of what goes first have it, and all of this.
const FIRST_BIT: u32 = 0x8000_0000;
const FIRST_MARK: u32 = 0xa400_0000;
/// The low half of a mark is the client.
const CLIENT: u32 = 0xffff;
const INVALID: u32 = 1;
const ESTABLISHED: u32 = 2;
const RELATED: u32 = 4;
const NEW: u32 = 8;
const UNTRACKED: u32 = 0x40;
/// nft's numbers for the types of elements.
const IP6_KIND: u32 = 8;
const INTEGER_KIND: u32 = 4;
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
