//! What is said to the kernel about queues: the bytes of single messages.
//!
//! Structures and numbers are those of `linux/rtnetlink.h` (`tcmsg`), `linux/pkt_sched.h` (cake, HTB, fq_codel),
//! `linux/pkt_cls.h` (u32), `linux/tc_act/` (mirred, ctinfo) and `linux/if_link.h`. Numbers are in the machine's order; only
//! what u32 compares with packets is in the network's.

use crate::platform::firewall::{DSCP_BITS, FIRST_BIT};
use crate::platform::netlink::message::{Batch, CREATE, REPLACE};

/// Bytes of `struct tcmsg`.
pub(super) const HEAD_BYTES: usize = 20;
/// `TC_H_ROOT`: where what leaves an interface is queued.
pub(super) const ROOT: u32 = 0xffff_ffff;
/// `TC_H_INGRESS`: where what arrives can be turned round.
pub(super) const INGRESS: u32 = 0xffff_fff1;
/// The side of [`INGRESS`] that filters hang on, for `ingress` and `clsact` alike.
pub(super) const ARRIVING: u32 = 0xffff_fff2;
/// The handle of our queue at the root of an interface: how ours is known as ours.
pub(super) const OURS: u32 = 0x7e90_0000;
/// The priority of our filter for what arrives.
pub(super) const PRIORITY: u32 = 0x7e90;
/// `TCA_KIND` and `TCA_OPTIONS`.
pub(super) const KIND: u16 = 1;
pub(super) const OPTIONS: u16 = 2;
/// `TCA_CAKE_BASE_RATE64` and `TCA_HTB_PARMS`.
pub(super) const CAKE_RATE: u16 = 2;
pub(super) const HTB_CLASS: u16 = 1;

/// One message: its type, its flags, and all that follows the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Order(pub(super) u16, pub(super) u16, pub(super) Vec<u8>);

/// Which way packets go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// To the outside: a customer is a source.
    Up,
    /// From there: a customer is a destination.
    Down,
}

/// cake: fair between customers, then between the flows of each; four classes by DSCP.
pub(super) fn cake(interface: u32, kbit: u32, way: Way) -> Order {
    let (flows, arriving) = match way {
        Way::Up => (CAKE_DUAL_SOURCE, 0_u32),
        Way::Down => (CAKE_DUAL_DESTINATION, 1),
    };
    let options = attributes(&[
        (CAKE_RATE, &bytes_per_s(kbit).to_ne_bytes()),
        (CAKE_DIFFSERV_MODE, &CAKE_DIFFSERV4.to_ne_bytes()),
        (CAKE_FLOW_MODE, &flows.to_ne_bytes()),
        // Customers behind a masquerade are told apart by what connection tracking knows.
        (CAKE_NAT, &1_u32.to_ne_bytes()),
        // What is dropped behind the thin pipe has used it.
        (CAKE_INGRESS, &arriving.to_ne_bytes()),
    ]);
    qdisc(interface, OURS, ROOT, b"cake\0", &options)
}

/// HTB with a class each for calls and names, for school and clinic, for the rest; each of them fair between flows.
/// The first order is one that a kernel without fq_codel refuses before anything of it stands.
pub(super) fn classes(interface: u32, kbit: u32) -> Vec<Order> {
    let mut orders = vec![
        fq_codel(interface, OURS, ROOT, kbit),
        remove_root(interface),
        qdisc(interface, OURS, ROOT, b"htb\0", &attributes(&[(HTB_START, &htb_start())])),
        class(interface, (WHOLE, 0), kbit, kbit, 0),
    ];
    for (priority, (minor, share, most)) in (0..).zip(CLASSES) {
        let part = |percent: u32| (kbit * percent / 100).max(8);
        // What nobody uses of its own, school and the rest share: first come only calls.
        orders.push(class(interface, (minor, WHOLE), part(share), part(most), priority.min(1)));
        orders.push(fq_codel(interface, OURS + (minor << 16), OURS | minor, part(share)));
    }
    for ipv6 in [false, true] {
        // A call that nobody marked. Beside ten downloads of its class it would wait until each of them has had its turn.
        orders.push(classify(interface, ipv6, &udp(ipv6, 0xff00), CALLS));
        // Traffic class in the first word of each header.
        let shift = if ipv6 { 20 } else { 16 };
        for (mask, value, minor) in CLASS_OF_DSCP {
            orders.push(classify(interface, ipv6, &[[mask << shift, value << shift, 0]], minor));
        }
        for port in [[0x0000_ffff, 53], [0xffff_0000, 53 << 16]] {
            let mut keys = udp(ipv6, 0);
            keys.push([port[0], port[1], if ipv6 { 40 } else { 20 }]);
            orders.push(classify(interface, ipv6, &keys, CALLS));
        }
    }
    orders
}

/// Whether this interface's class has that rate.
pub(super) const fn is_whole(handle: u32) -> bool {
    handle == OURS | WHOLE
}

/// How many queues hang below the one at the root of an interface that has [`classes`].
pub(super) const LEAVES: usize = CLASSES.len();

/// Takes our queue at the root away.
pub(super) fn remove_root(interface: u32) -> Order {
    Order(libc::RTM_DELQDISC, 0, head(interface, OURS, ROOT, 0))
}

/// Adds an interface of the kind `ifb`, switched on.
pub(super) fn add_turn(name: &str) -> Order {
    let mut message = link_head(0);
    message.extend_from_slice(&attributes(&[
        (libc::IFLA_IFNAME, &[name.as_bytes(), b"\0"].concat()),
        (libc::IFLA_LINKINFO, &attributes(&[(libc::IFLA_INFO_KIND, b"ifb")])),
    ]));
    Order(libc::RTM_NEWLINK, CREATE | libc::NLM_F_EXCL as u16, message)
}

/// Takes an interface away.
pub(super) fn remove_link(interface: u32) -> Order {
    Order(libc::RTM_DELLINK, 0, link_head(interface))
}

/// Makes a place for filters of what arrives.
pub(super) fn ingress(interface: u32) -> Order {
    qdisc(interface, INGRESS_HANDLE, INGRESS, b"ingress\0", &[])
}

/// Takes that place away, with all filters.
pub(super) fn remove_ingress(interface: u32) -> Order {
    Order(libc::RTM_DELQDISC, 0, head(interface, INGRESS_HANDLE, INGRESS, 0))
}

/// Sends what arrives on an interface through the queue of another, and on from there. If `marks`, what belongs to a flow
/// of a school gets its DSCP first, which connection tracking knows (`platform/firewall`).
pub(super) fn redirect(interface: u32, to: u32, marks: bool) -> Order {
    let mirred = words(&[0, 0, STOLEN, 0, 0, EGRESS_REDIRECT, to]);
    let mirred = attributes(&[(MIRRED_PARAMETERS, &mirred)]);
    let mirred = attributes(&[(ACTION_KIND, b"mirred\0"), (ACTION_OPTIONS, &mirred)]);
    let ctinfo = attributes(&[
        (CTINFO_ACTION, &words(&[0, 0, PIPE, 0, 0])),
        (CTINFO_DSCP, &DSCP_BITS.to_ne_bytes()),
        (CTINFO_STATE, &FIRST_BIT.to_ne_bytes()),
    ]);
    let ctinfo = attributes(&[(ACTION_KIND, b"ctinfo\0"), (NESTED | ACTION_OPTIONS, &ctinfo)]);
    let actions = if marks { attributes(&[(1, &ctinfo), (2, &mirred)]) } else { attributes(&[(1, &mirred)]) };
    let options = attributes(&[(U32_ACTION, &actions), (U32_SELECTOR, &selector(&[[0; 3]]))]);
    let all = u32::from((libc::ETH_P_ALL as u16).to_be());
    filter((interface, ARRIVING, PRIORITY << 16 | all), &options)
}

/// Takes our filter for what arrives away.
pub(super) fn remove_redirect(interface: u32) -> Order {
    Order(libc::RTM_DELTFILTER, 0, head(interface, 0, ARRIVING, PRIORITY << 16))
}

/// `struct tcmsg`.
pub(super) fn head(interface: u32, handle: u32, parent: u32, info: u32) -> Vec<u8> {
    words(&[0, interface, handle, parent, info])
}

/// Octets in a second.
pub(super) fn bytes_per_s(kbit: u32) -> u64 {
    u64::from(kbit) * 125
}

fn qdisc(interface: u32, handle: u32, parent: u32, kind: &[u8], options: &[u8]) -> Order {
    let mut message = head(interface, handle, parent, 0);
    message.extend_from_slice(&attributes(&[(KIND, kind)]));
    if !options.is_empty() {
        message.extend_from_slice(&attributes(&[(OPTIONS, options)]));
    }
    // The place of what arrives may stand already, and is nobody's to replace.
    let flags = if parent == INGRESS { CREATE } else { CREATE | REPLACE };
    Order(libc::RTM_NEWQDISC, flags, message)
}

fn fq_codel(interface: u32, handle: u32, parent: u32, kbit: u32) -> Order {
    // At slow rates the time of one packet and a half is what cannot be had for less, and without that a flow of few packets
    // loses some.
    let target_us = (1_514 * 12 * 1_000 / kbit.max(1)).max(5_000);
    let options = attributes(&[
        (FQ_CODEL_TARGET, &target_us.to_ne_bytes()),
        (FQ_CODEL_LIMIT, &QUEUE_PACKETS.to_ne_bytes()),
        (FQ_CODEL_QUANTUM, &300_u32.to_ne_bytes()),
        (FQ_CODEL_MEMORY, &QUEUE_BYTES.to_ne_bytes()),
    ]);
    qdisc(interface, handle, parent, b"fq_codel\0", &options)
}

/// `struct tc_htb_glob`: version, divisor, the class of what no filter knows, debugging, packets past the classes.
fn htb_start() -> Vec<u8> {
    words(&[3, 10, REST, 0, 0])
}

/// `struct tc_htb_opt`.
fn class(interface: u32, (minor, parent): (u32, u32), kbit: u32, most_kbit: u32, priority: u32) -> Order {
    // `struct tc_ratespec`: cell, link layer, overhead; the cell's place, the least packet; octets in a second.
    let (layer, cell) = (u32::from_ne_bytes([0, ETHERNET, 0, 0]), u32::from_ne_bytes([0xff, 0xff, 0, 0]));
    // A packet, and what a millisecond lets through, as the time that it takes: in units of 64 ns.
    let burst = |kbit: u32| {
        let octets = 1_600 + bytes_per_s(kbit) / 1_000;
        u32::try_from(octets * 125_000 / u64::from(kbit)).unwrap_or(u32::MAX)
    };
    let (rate, most) = (kbit * 125, most_kbit * 125);
    let (burst, most_burst) = (burst(kbit), burst(most_kbit));
    let options =
        words(&[layer, cell, rate, layer, cell, most, burst, most_burst, QUANTUM_BYTES, 0, priority]);
    let mut message = head(interface, OURS | minor, OURS | parent, 0);
    message.extend_from_slice(&attributes(&[
        (KIND, b"htb\0"),
        (OPTIONS, &attributes(&[(HTB_CLASS, &options)])),
    ]));
    Order(libc::RTM_NEWTCLASS, CREATE, message)
}

/// Mask, value, and where in the packet's header.
type Key = [u32; 3];

/// UDP, in which these bits of the packet's length are 0; IPv4 without options, and no later fragment.
fn udp(ipv6: bool, length: u32) -> Vec<Key> {
    match ipv6 {
        true => vec![[length << 16 | 0xff00, 17 << 8, 4]],
        false => vec![[0xf00_0000 | length, 0x500_0000, 0], [0x1fff, 0, 4], [0xff_0000, 17 << 16, 8]],
    }
}

fn classify(interface: u32, ipv6: bool, keys: &[Key], minor: u32) -> Order {
    let protocol = if ipv6 { libc::ETH_P_IPV6 } else { libc::ETH_P_IP } as u16;
    let place = (interface, OURS, (1 + u32::from(ipv6)) << 16 | u32::from(protocol.to_be()));
    let class = (OURS | minor).to_ne_bytes();
    filter(place, &attributes(&[(U32_CLASS, &class), (U32_SELECTOR, &selector(keys))]))
}

fn filter((interface, parent, info): (u32, u32, u32), options: &[u8]) -> Order {
    let mut message = head(interface, 0, parent, info);
    message.extend_from_slice(&attributes(&[(KIND, b"u32\0"), (OPTIONS, options)]));
    Order(libc::RTM_NEWTFILTER, CREATE | libc::NLM_F_EXCL as u16, message)
}

/// `struct tc_u32_sel` that ends the search, and its keys.
fn selector(keys: &[Key]) -> Vec<u8> {
    let count = u8::try_from(keys.len()).unwrap_or_default();
    let mut bytes = words(&[u32::from_ne_bytes([1, 0, count, 0]), 0, 0, 0]);
    for [mask, value, at] in keys {
        bytes.extend_from_slice(&words(&[mask.to_be(), value.to_be(), *at, 0]));
    }
    bytes
}

/// `struct ifinfomsg` of an interface that is to be up.
fn link_head(interface: u32) -> Vec<u8> {
    let up = libc::IFF_UP as u32;
    words(&[0, interface, up, up])
}

fn words(list: &[u32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 * list.len());
    for word in list {
        bytes.extend_from_slice(&word.to_ne_bytes());
    }
    bytes
}

fn attributes(list: &[(u16, &[u8])]) -> Vec<u8> {
    let mut batch = Batch::new();
    for (kind, value) in list {
        batch.attribute(*kind, value);
    }
    batch.bytes().to_vec()
}

/// The class that all others are in.
const WHOLE: u32 = 1;
/// Calls, by their marks or as small packets of UDP; names, and what routing says.
const CALLS: u32 = 0x10;
/// School and clinic.
const SCHOOL: u32 = 0x20;
/// Everything else.
const REST: u32 = 0x30;
/// Each class, its own share, and what it may take when others leave it, in percent. Whoever marks everything as a call
/// gets half of the pipe at most.
const CLASSES: [(u32, u32, u32); 3] = [(CALLS, 30, 50), (SCHOOL, 30, 100), (REST, 40, 100)];
/// Mask and value of the traffic class octet (RFC 4594): CS6 and CS7; CS5, VOICE-ADMIT, EF; AF2, AF3; AF4.
const CLASS_OF_DSCP: [(u32, u32, u32); 4] =
    [(0xc0, 0xc0, CALLS), (0xe0, 0xa0, CALLS), (0xc0, 0x40, SCHOOL), (0xe0, 0x80, SCHOOL)];
/// What a class may send in its turn: a packet.
const QUANTUM_BYTES: u32 = 1_514;
/// Packets and octets in one queue: some seconds of a thin pipe; the kernel's own bound is 32 MB.
const QUEUE_PACKETS: u32 = 1_000;
const QUEUE_BYTES: u32 = 2_000_000;

const CAKE_DIFFSERV_MODE: u16 = 3;
const CAKE_FLOW_MODE: u16 = 5;
const CAKE_NAT: u16 = 11;
const CAKE_INGRESS: u16 = 15;
const CAKE_DIFFSERV4: u32 = 1;
const CAKE_DUAL_SOURCE: u32 = 5;
const CAKE_DUAL_DESTINATION: u32 = 6;
const HTB_START: u16 = 2;
/// `TC_LINKLAYER_ETHERNET`: the kernel needs no table of times.
const ETHERNET: u8 = 1;
const FQ_CODEL_TARGET: u16 = 1;
const FQ_CODEL_LIMIT: u16 = 2;
const FQ_CODEL_QUANTUM: u16 = 6;
const FQ_CODEL_MEMORY: u16 = 9;
const INGRESS_HANDLE: u32 = 0xffff_0000;
const U32_CLASS: u16 = 1;
const U32_SELECTOR: u16 = 5;
const U32_ACTION: u16 = 7;
const ACTION_KIND: u16 = 1;
const ACTION_OPTIONS: u16 = 2;
const MIRRED_PARAMETERS: u16 = 2;
/// Younger actions ask for it.
const NESTED: u16 = 0x8000;
const CTINFO_ACTION: u16 = 3;
const CTINFO_DSCP: u16 = 5;
const CTINFO_STATE: u16 = 6;
const PIPE: u32 = 3;
const STOLEN: u32 = 4;
const EGRESS_REDIRECT: u32 = 1;

#[cfg(test)]
mod tests;
