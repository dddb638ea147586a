//! The words that a rule is made of, and each as the bytes of its nf_tables expression.
//!
//! Netlink's figures (registers, keys, lengths) are big-endian on every machine. What a rule compares is as the
//! register has it: fields of a packet as they are on the wire, numbers of the kernel in the machine's order.

use crate::netlink::Writer;

/// A word of a rule. Words that load put their value into register 1, where the next word finds it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Word {
    /// Loads what the kernel knows of the packet.
    Meta(u32),
    /// Loads octets of the packet: from which header, where, how many.
    Octets(u32, u32, u32),
    /// Loads what connection tracking knows.
    Ct(u32),
    /// Loads the kind of the address that a flag names (1 its source, 2 its target).
    AddressKind(u32),
    /// Keeps these bits of the register, in the machine's order.
    Bits(u32),
    /// Keeps these octets of the register.
    Mask(&'static [u8]),
    /// Keeps these octets of the register, and turns those.
    MaskAndTurn(&'static [u8], &'static [u8]),
    /// Writes the register over the first two octets of the network's header, which has a checksum or none.
    WriteHead(bool),
    /// Goes on if the register holds these octets.
    Is(&'static [u8]),
    /// Goes on if the register holds this number of 16 bits.
    IsShort(u16),
    /// Goes on if the register holds this number.
    IsNumber(u32),
    /// Goes on if the register does not hold this number.
    IsNotNumber(u32),
    /// Goes on if the set has the register.
    In(&'static str),
    /// Goes on if the set does not have it.
    NotIn(&'static str),
    /// Goes on if it is one of these, a set without a name.
    Among(&'static Unnamed),
    /// Goes on if the map has the register, and loads what it gives.
    MapBy(&'static str),
    /// Loads a number.
    Number(u32),
    /// Writes the register into the connection's mark.
    SetMark,
    /// Goes on if packets come faster than so many a second, after so many at once.
    Over(u64, u32),
    /// The same for each register of a set of its own, which the packets fill.
    EachOver(&'static str, u64, u32),
    /// The same of octets.
    EachOctetsOver(&'static str, u64, u32),
    /// Puts the register into a set, for as long as that keeps anything, or begins its time anew.
    Keep(&'static str),
    /// Counts.
    Count,
    /// Ends the rule and all chains of this hook: 0 drop, 1 accept.
    Verdict(u32),
    /// Goes on in another chain for good.
    Goto(&'static str),
    /// Sends the packet to a port of this machine.
    Redirect(Port),
    /// Answers no: kind and code.
    Reject(u32, u8),
}

/// A port of this machine.
#[derive(Clone, Copy, Debug)]
pub(super) enum Port {
    /// The portal's, whichever it is.
    Portal,
    /// This one.
    Number(u16),
}

/// A set that stands in a rule.
#[derive(Debug)]
pub(super) struct Unnamed {
    /// What nft calls the type of its elements, as a number.
    pub(super) kind: u32,
    /// Octets of an element.
    pub(super) length: u32,
    /// The elements; of ranges, the first and the one behind the last.
    pub(super) elements: Elements,
}

/// What is in a set.
#[derive(Debug)]
pub(super) enum Elements {
    /// Single ones.
    Single(&'static [&'static [u8]]),
    /// A port each; the last one is the portal's.
    PortsAndPortal(&'static [u16]),
    /// Where ranges begin (true) and have ended (false).
    Ranges(&'static [(bool, [u8; 16])]),
}

pub(super) const DROP: Word = Word::Verdict(0);
pub(super) const ACCEPT: Word = Word::Verdict(1);

pub(super) const INPUT_NAME: Word = Word::Meta(6);
pub(super) const OUTPUT_NAME: Word = Word::Meta(7);
/// Its number for cables and radios is 1.
pub(super) const INPUT_KIND: Word = Word::Meta(8);
pub(super) const FAMILY: Word = Word::Meta(15);
pub(super) const PROTOCOL: Word = Word::Meta(16);

pub(super) const MAC_FROM: Word = Word::Octets(LINK, 6, 6);
/// The octet of IPv4 that its DSCP is in, and the two octets that either family's is in.
pub(super) const TRAFFIC_CLASS: Word = Word::Octets(NETWORK, 1, 1);
pub(super) const HEAD: Word = Word::Octets(NETWORK, 0, 2);
pub(super) const IP_FROM: Word = Word::Octets(NETWORK, 12, 4);
pub(super) const IP_TO: Word = Word::Octets(NETWORK, 16, 4);
pub(super) const IP6_FROM: Word = Word::Octets(NETWORK, 8, 16);
pub(super) const IP6_TO: Word = Word::Octets(NETWORK, 24, 16);
/// The port it comes from, and the port it goes to.
pub(super) const PORTS: Word = Word::Octets(TRANSPORT, 0, 4);
pub(super) const PORT_FROM: Word = Word::Octets(TRANSPORT, 0, 2);
pub(super) const PORT_TO: Word = Word::Octets(TRANSPORT, 2, 2);
/// What a question to a name server begins with.
pub(super) const NAME: Word = Word::Octets(TRANSPORT, 20, 16);
pub(super) const ICMP_KIND: Word = Word::Octets(TRANSPORT, 0, 1);

pub(super) const CT_STATE: Word = Word::Ct(0);
/// 1 is the way back.
pub(super) const CT_DIRECTION: Word = Word::Ct(1);
pub(super) const CT_MARK: Word = Word::Ct(CT_KEY_MARK);

const LINK: u32 = 0;
const NETWORK: u32 = 1;
const TRANSPORT: u32 = 2;
/// Where IPv4 has its checksum.
const IP_SUM: u32 = 10;
const CT_KEY_MARK: u32 = 3;
const REGISTER: u32 = 1;
const VERDICT_REGISTER: u32 = 0;

/// What a word needs that is not in it.
pub(super) struct Context {
    /// The portal's port.
    pub(super) portal_port: u16,
    /// The number of the set without a name that the word speaks of, in its batch.
    pub(super) unnamed: u32,
}

impl Word {
    /// Writes the word as an element of a list of expressions.
    pub(super) fn write(self, list: &mut Writer, context: &Context) {
        match self {
            Self::Meta(key) => expression(list, "meta", |e| numbers(e, &[(1, REGISTER), (2, key)])),
            Self::Octets(base, offset, length) => expression(list, "payload", |e| {
                numbers(e, &[(1, REGISTER), (2, base), (3, offset), (4, length)]);
            }),
            Self::Ct(key) => expression(list, "ct", |e| numbers(e, &[(1, REGISTER), (2, key)])),
            Self::AddressKind(which) => expression(list, "fib", |e| {
                numbers(e, &[(1, REGISTER), (2, ADDRESS_KIND), (3, which)]);
            }),
            Self::Bits(bits) => mask(list, &bits.to_ne_bytes()),
            Self::Mask(octets) => mask(list, octets),
            Self::MaskAndTurn(octets, turned) => mask_and_turn(list, octets, turned),
            Self::WriteHead(has_sum) => expression(list, "payload", |e| {
                let (kind, place) = if has_sum { (1, IP_SUM) } else { (0, 0) };
                numbers(e, &[(5, REGISTER), (2, NETWORK), (3, 0), (4, 2), (6, kind), (7, place), (8, 0)]);
            }),
            Self::Is(octets) => compare(list, 0, octets),
            Self::IsShort(number) => compare(list, 0, &number.to_ne_bytes()),
            Self::IsNumber(number) => compare(list, 0, &number.to_ne_bytes()),
            Self::IsNotNumber(number) => compare(list, 1, &number.to_ne_bytes()),
            Self::In(set) => look_up(list, set, &[(2, REGISTER)]),
            Self::NotIn(set) => look_up(list, set, &[(2, REGISTER), (5, 1)]),
            Self::Among(_) => look_up(list, UNNAMED, &[(2, REGISTER), (4, context.unnamed)]),
            Self::MapBy(set) => look_up(list, set, &[(2, REGISTER), (3, REGISTER)]),
            Self::Number(number) => load(list, &number.to_ne_bytes()),
            Self::SetMark => expression(list, "ct", |e| numbers(e, &[(2, CT_KEY_MARK), (4, REGISTER)])),
            Self::Over(rate, burst) => limit(list, rate, burst, PACKETS),
            Self::EachOver(set, rate, burst) => each_over(list, set, (rate, burst, PACKETS)),
            Self::EachOctetsOver(set, rate, burst) => each_over(list, set, (rate, burst, OCTETS)),
            Self::Keep(set) => expression(list, "dynset", |e| {
                e.text(1, set);
                numbers(e, &[(3, UPDATE), (4, REGISTER)]);
            }),
            Self::Count => counter(list),
            Self::Verdict(code) => verdict(list, code, None),
            Self::Goto(chain) => verdict(list, GOTO, Some(chain)),
            Self::Redirect(port) => {
                load(list, &port.number(context).to_be_bytes());
                expression(list, "redir", |e| numbers(e, &[(1, REGISTER), (3, PORT_GIVEN)]));
            }
            Self::Reject(kind, code) => expression(list, "reject", |e| {
                numbers(e, &[(1, kind)]);
                e.attribute(2, &[code]);
            }),
        }
    }
}

impl Port {
    fn number(self, context: &Context) -> u16 {
        match self {
            Self::Portal => context.portal_port,
            Self::Number(number) => number,
        }
    }
}

/// Attributes that are numbers.
pub(super) fn numbers(writer: &mut Writer, all: &[(u16, u32)]) {
    for (kind, number) in all {
        writer.attribute(*kind, &number.to_be_bytes());
    }
}

fn expression(list: &mut Writer, name: &str, body: impl FnOnce(&mut Writer)) {
    list.nest(LIST_ELEMENT, |element| expression_body(element, name, body));
}

fn expression_body(element: &mut Writer, name: &str, body: impl FnOnce(&mut Writer)) {
    element.text(1, name);
    element.nest(2, body);
}

/// An expression that counts.
pub(super) fn counter(list: &mut Writer) {
    expression(list, "counter", |_| {});
}

/// The same where a set wants one expression and no list.
pub(super) fn counter_body(element: &mut Writer) {
    expression_body(element, "counter", |_| {});
}

/// An expression that is true beyond a rate for the register, in a set that it fills.
fn each_over(list: &mut Writer, set: &str, (rate, burst, what): (u64, u32, u32)) {
    expression(list, "dynset", |e| {
        e.text(1, set);
        numbers(e, &[(3, UPDATE), (4, REGISTER)]);
        e.nest(7, |one| limit_body(one, rate, burst, what));
    });
}

/// An expression that is true beyond a rate.
fn limit(list: &mut Writer, rate: u64, burst: u32, what: u32) {
    list.nest(LIST_ELEMENT, |element| limit_body(element, rate, burst, what));
}

/// The same where one expression is wanted and no list.
pub(super) fn limit_body(element: &mut Writer, rate: u64, burst: u32, what: u32) {
    expression_body(element, "limit", |e| {
        e.attribute(1, &rate.to_be_bytes());
        e.attribute(2, &A_SECOND.to_be_bytes());
        numbers(e, &[(3, burst), (4, what), (5, INVERTED)]);
    });
}

fn compare(list: &mut Writer, how: u32, octets: &[u8]) {
    expression(list, "cmp", |e| {
        numbers(e, &[(1, REGISTER), (2, how)]);
        e.nest(3, |data| data.attribute(VALUE, octets));
    });
}

fn look_up(list: &mut Writer, set: &str, rest: &[(u16, u32)]) {
    expression(list, "lookup", |e| {
        e.text(1, set);
        numbers(e, rest);
    });
}

fn load(list: &mut Writer, octets: &[u8]) {
    expression(list, "immediate", |e| {
        numbers(e, &[(1, REGISTER)]);
        e.nest(2, |data| data.attribute(VALUE, octets));
    });
}

fn mask(list: &mut Writer, octets: &[u8]) {
    mask_and_turn(list, octets, &vec![0; octets.len()]);
}

fn mask_and_turn(list: &mut Writer, octets: &[u8], turned: &[u8]) {
    expression(list, "bitwise", |e| {
        let length = u32::try_from(octets.len()).expect("a register has 16 octets");
        numbers(e, &[(1, REGISTER), (2, REGISTER), (3, length)]);
        e.nest(4, |data| data.attribute(VALUE, octets));
        e.nest(5, |data| data.attribute(VALUE, turned));
    });
}

fn verdict(list: &mut Writer, code: u32, chain: Option<&str>) {
    expression(list, "immediate", |e| {
        numbers(e, &[(1, VERDICT_REGISTER)]);
        e.nest(2, |data| {
            data.nest(2, |verdict| {
                numbers(verdict, &[(1, code)]);
                if let Some(chain) = chain {
                    verdict.text(2, chain);
                }
            });
        });
    });
}

/// What the kernel makes a name of, for a set that stands in a rule.
pub(super) const UNNAMED: &str = "__set%d";
/// `NFTA_LIST_ELEM`.
pub(super) const LIST_ELEMENT: u16 = 1;
/// `NFTA_DATA_VALUE`.
pub(super) const VALUE: u16 = 1;
/// `NFT_LIMIT_PKTS`.
const PACKETS: u32 = 0;
/// `NFT_LIMIT_PKT_BYTES`.
pub(super) const OCTETS: u32 = 1;
const A_SECOND: u64 = 1;
/// `NFT_LIMIT_F_INV`.
const INVERTED: u32 = 1;
/// `NFT_DYNSET_OP_UPDATE`.
const UPDATE: u32 = 1;
/// `NFT_FIB_RESULT_ADDRTYPE`.
const ADDRESS_KIND: u32 = 3;
/// `NFT_GOTO`, which is -4.
const GOTO: u32 = (-4_i32).cast_unsigned();
/// `NF_NAT_RANGE_PROTO_SPECIFIED`.
const PORT_GIVEN: u32 = 2;
