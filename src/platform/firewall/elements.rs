//! Set elements of nftables as bytes: what is written into a batch, what a dump says.
//!
//! Netlink's own fields and the marks are in host order (a mark is compared with a register of the
//! machine); every number that nftables calls a figure (timeout, counter, rate) is big-endian.

use std::net::{IpAddr, Ipv6Addr};

use crate::base::address::MacAddress;
use crate::base::time::Span;
use crate::hotspot::output::ClientId;
use crate::platform::netlink::message::{Attribute, Attributes, Batch, Message};

use super::base::TABLE;

/// The sets of the base table that the daemon writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Set {
    /// Device -> mark. Its timeout is the lease.
    Cid,
    /// The marks of live leases.
    Leases,
    /// Client -> what it sent.
    Up,
    /// Client -> what it got.
    Down,
    /// Client -> how fast it may send.
    LimitUp,
    /// Client -> how fast it may get.
    LimitDown,
    /// Marks that pass without a voucher.
    Open,
    /// Clients that do not pass.
    Shut,
    /// Holds 0 while there is no way outside.
    Offline,
    /// Addresses that everybody reaches.
    FreeServices4,
    /// The same.
    FreeServices6,
}

impl Set {
    /// All of them.
    pub(super) const ALL: [Self; 11] = [
        Self::Cid,
        Self::Leases,
        Self::Up,
        Self::Down,
        Self::LimitUp,
        Self::LimitDown,
        Self::Open,
        Self::Shut,
        Self::Offline,
        Self::FreeServices4,
        Self::FreeServices6,
    ];

    /// Its name in the base table.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Cid => "cid",
            Self::Leases => "leases",
            Self::Up => "up",
            Self::Down => "down",
            Self::LimitUp => "limit_up",
            Self::LimitDown => "limit_down",
            Self::Open => "open",
            Self::Shut => "shut",
            Self::Offline => "offline",
            Self::FreeServices4 => "free_services4",
            Self::FreeServices6 => "free_services6",
        }
    }
}

/// What an element is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// A device.
    Mac(MacAddress),
    /// A mark, or a client (the low half of a mark); or the octets of an IPv4 address.
    Mark(u32),
    /// An IPv6 address.
    V6(Ipv6Addr),
}

impl From<IpAddr> for Key {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::Mark(u32::from_ne_bytes(address.octets())),
            IpAddr::V6(address) => Self::V6(address),
        }
    }
}

impl From<ClientId> for Key {
    fn from(client: ClientId) -> Self {
        Self::Mark(client.0)
    }
}

/// What a counter says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counter {
    pub(super) bytes: u64,
    pub(super) packets: u64,
}

/// A limit: what goes over it is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    pub(super) bytes_per_s: u64,
    pub(super) burst_bytes: u32,
}

impl Limit {
    /// The limit for a rate as tariffs say it; `None` for 0, which is no limit.
    pub(super) fn from_kbps(kbps: u32) -> Option<Self> {
        (kbps != 0)
            .then(|| Self { bytes_per_s: u64::from(kbps.min(MAX_KBPS)) * 125, burst_bytes: BURST_BYTES })
    }
}

/// What stands beside the key of an element.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Value {
    /// What a map gives.
    pub(super) mark: Option<u32>,
    /// The timeout, when it is written; what is left of it, when it is read.
    pub(super) remaining: Span,
    /// Of counting sets.
    pub(super) counter: Option<Counter>,
    /// Of limiting sets.
    pub(super) limit: Option<Limit>,
}

/// The mark of a device: its client in the low half (never 0), and in the high half 15 bits of the MAC
/// address, so that of two devices of one voucher each has flows of its own. Should they fall
/// together (1 in 32,768), dismissing one ends downloads of the other until its lease is renewed. All devices of a policy have
/// its one mark, which says what goes first to the queues.
pub fn mark(client: ClientId, mac: MacAddress) -> u32 {
    if client.is_policy() {
        return FIRST_MARK | client.0;
    }
    // FNV-1a, folded. Vendors count the last octets up, so all of them must matter.
    let hash = mac
        .0
        .iter()
        .fold(0x811c_9dc5_u32, |hash, octet| (hash ^ u32::from(*octet)).wrapping_mul(0x0100_0193));
    ((hash ^ (hash >> 16)) << 16) & !FIRST_BIT | (client.0 & CLIENT_BITS)
}

/// The client that a mark belongs to.
pub const fn client_of(mark: u32) -> ClientId {
    ClientId(mark & CLIENT_BITS)
}

/// Starts a batch of nftables.
pub(super) fn begin(batch: &mut Batch, sequence: u32) {
    batch.message(NFNL_MSG_BATCH_BEGIN, 0, sequence, &BATCH_HEAD, |_| {});
}

/// Ends it. What stands between becomes true at once, or not at all.
pub(super) fn end(batch: &mut Batch, sequence: u32) {
    batch.message(NFNL_MSG_BATCH_END, 0, sequence, &BATCH_HEAD, |_| {});
}

/// Adds an element.
pub(super) fn add(batch: &mut Batch, flags: u16, sequence: u32, set: Set, key: Key, value: &Value) {
    batch.message(NEW_SET_ELEMENT, flags, sequence, &INET_HEAD, |batch| {
        one_element(batch, set, |batch| {
            write_key(batch, key);
            if let Some(mark) = value.mark {
                batch.nest(ELEMENT_DATA, |batch| batch.attribute(DATA_VALUE, &mark.to_ne_bytes()));
            }
            // An element without a timeout, or with 0, would stay for ever.
            let timeout_ms = value.remaining.as_millis().max(1);
            batch.attribute(ELEMENT_TIMEOUT, &timeout_ms.to_be_bytes());
            if let Some(counter) = &value.counter {
                expression(batch, b"counter\0", |batch| {
                    batch.attribute(COUNTER_BYTES, &counter.bytes.to_be_bytes());
                    batch.attribute(COUNTER_PACKETS, &counter.packets.to_be_bytes());
                });
            }
            if let Some(limit) = &value.limit {
                expression(batch, b"limit\0", |batch| {
                    batch.attribute(LIMIT_RATE, &limit.bytes_per_s.to_be_bytes());
                    batch.attribute(LIMIT_UNIT_S, &1_u64.to_be_bytes());
                    batch.attribute(LIMIT_BURST, &limit.burst_bytes.to_be_bytes());
                    batch.attribute(LIMIT_TYPE, &LIMIT_TYPE_BYTES.to_be_bytes());
                    batch.attribute(LIMIT_FLAGS, &LIMIT_FLAG_OVER.to_be_bytes());
                });
            }
        });
    });
}

/// Removes an element. The kernel refuses (`ENOENT`) if it is not there, and with it the whole batch.
pub(super) fn remove(batch: &mut Batch, flags: u16, sequence: u32, set: Set, key: Key) {
    batch.message(DELETE_SET_ELEMENT, flags, sequence, &INET_HEAD, |batch| {
        one_element(batch, set, |batch| write_key(batch, key));
    });
}

/// Asks for one element.
pub(super) fn ask(batch: &mut Batch, flags: u16, sequence: u32, set: Set, key: Key) {
    batch.message(GET_SET_ELEMENT, flags, sequence, &INET_HEAD, |batch| {
        one_element(batch, set, |batch| write_key(batch, key));
    });
}

/// Asks whether the table is there.
pub(super) fn ask_table(batch: &mut Batch, flags: u16, sequence: u32) {
    batch.message(GET_TABLE, flags, sequence, &INET_HEAD, |batch| {
        batch.attribute(TABLE_NAME, &zero_terminated(TABLE));
    });
}

/// Names the set whose elements are dumped.
pub(super) fn name_set(batch: &mut Batch, set: Set) {
    batch.attribute(LIST_TABLE, &zero_terminated(TABLE));
    batch.attribute(LIST_SET, &zero_terminated(set.name()));
}

/// The elements that a message of the kernel lists. What cannot be read is left out.
pub(super) fn read(message: &Message<'_>) -> Vec<(Key, Value)> {
    if message.header.kind != NEW_SET_ELEMENT {
        return Vec::new();
    }
    let lists = message.attributes(INET_HEAD.len()).filter(|attribute| attribute.kind == LIST_ELEMENTS);
    lists.flat_map(|list| list.nested()).filter_map(|element| read_element(element.nested())).collect()
}

fn read_element(attributes: Attributes<'_>) -> Option<(Key, Value)> {
    let mut key = None;
    let mut value = Value::default();
    for attribute in attributes {
        match attribute.kind {
            ELEMENT_KEY => key = read_key(data(attribute)?),
            ELEMENT_DATA => value.mark = data(attribute)?.try_into().ok().map(u32::from_ne_bytes),
            ELEMENT_EXPIRATION => value.remaining = Span::from_millis(be64(attribute)?),
            ELEMENT_EXPRESSION => read_expression(attribute.nested(), &mut value),
            ELEMENT_EXPRESSIONS => {
                attribute.nested().for_each(|expression| read_expression(expression.nested(), &mut value));
            }
            _ => {}
        }
    }
    Some((key?, value))
}

fn read_key(bytes: &[u8]) -> Option<Key> {
    match bytes.len() {
        4 => bytes.try_into().ok().map(|mark| Key::Mark(u32::from_ne_bytes(mark))),
        16 => bytes.try_into().ok().map(|octets: [u8; 16]| Key::V6(octets.into())),
        _ => bytes.try_into().ok().map(|octets| Key::Mac(MacAddress(octets))),
    }
}

fn read_expression(attributes: Attributes<'_>, value: &mut Value) {
    let find = |kind| attributes.clone().find(|attribute| attribute.kind == kind);
    let (Some(name), Some(data)) = (find(EXPRESSION_NAME), find(EXPRESSION_DATA)) else { return };
    let figure = |kind| data.nested().find(|attribute| attribute.kind == kind);
    match &*name.text() {
        "counter" => {
            let figure = |kind| figure(kind).and_then(be64).unwrap_or(0);
            value.counter = Some(Counter { bytes: figure(COUNTER_BYTES), packets: figure(COUNTER_PACKETS) });
        }
        "limit" => {
            let burst = figure(LIMIT_BURST).and_then(|attribute| attribute.value.try_into().ok());
            value.limit = figure(LIMIT_RATE)
                .and_then(be64)
                .map(|bytes_per_s| Limit { bytes_per_s, burst_bytes: burst.map_or(0, u32::from_be_bytes) });
        }
        _ => {}
    }
}

fn one_element(batch: &mut Batch, set: Set, element: impl FnOnce(&mut Batch)) {
    name_set(batch, set);
    batch.nest(LIST_ELEMENTS, |batch| batch.nest(LIST_ELEMENT, element));
}

fn write_key(batch: &mut Batch, key: Key) {
    batch.nest(ELEMENT_KEY, |batch| match key {
        Key::Mac(mac) => batch.attribute(DATA_VALUE, &mac.0),
        Key::Mark(mark) => batch.attribute(DATA_VALUE, &mark.to_ne_bytes()),
        Key::V6(address) => batch.attribute(DATA_VALUE, &address.octets()),
    });
}

fn expression(batch: &mut Batch, name: &[u8], data: impl FnOnce(&mut Batch)) {
    batch.nest(ELEMENT_EXPRESSION, |batch| {
        batch.attribute(EXPRESSION_NAME, name);
        batch.nest(EXPRESSION_DATA, data);
    });
}

fn zero_terminated(name: &str) -> Vec<u8> {
    let mut bytes = name.as_bytes().to_vec();
    bytes.push(0);
    bytes
}

fn data(attribute: Attribute<'_>) -> Option<&[u8]> {
    attribute.nested().find(|inner| inner.kind == DATA_VALUE).map(|inner| inner.value)
}

fn be64(attribute: Attribute<'_>) -> Option<u64> {
    attribute.value.try_into().ok().map(u64::from_be_bytes)
}

/// The client's half of a mark.
const CLIENT_BITS: u32 = 0xffff;
/// Marks of policies have it, and those of flows that another node's policy has marked.
pub(in crate::platform) const FIRST_BIT: u32 = 0x8000_0000;
/// Here they have the DSCP that queues put on what comes back.
pub(in crate::platform) const DSCP_BITS: u32 = 0x7e00_0000;
/// Both, with AF21.
const FIRST_MARK: u32 = FIRST_BIT | 18 << 25;
/// 10 Gbit/s: above it the kernel's arithmetic (nanoseconds x bytes) could overflow.
const MAX_KBPS: u32 = 10_000_000;
/// The kernel's bucket is one second of the rate and this. A packet larger than the bucket would never
/// pass: at the lowest rates this is what lets one through.
const BURST_BYTES: u32 = 32_768;

/// `struct nfgenmsg` of a batch's ends: the subsystem (nftables, 10) in network order.
const BATCH_HEAD: [u8; 4] = [0, 0, 0, 10];
/// `struct nfgenmsg` of the family `inet`.
pub(super) const INET_HEAD: [u8; 4] = [1, 0, 0, 0];

const NFNL_MSG_BATCH_BEGIN: u16 = 16;
const NFNL_MSG_BATCH_END: u16 = 17;
const GET_TABLE: u16 = 10 << 8 | 1;
const NEW_SET_ELEMENT: u16 = 10 << 8 | 12;
pub(super) const GET_SET_ELEMENT: u16 = 10 << 8 | 13;
const DELETE_SET_ELEMENT: u16 = 10 << 8 | 14;

const TABLE_NAME: u16 = 1;

const LIST_TABLE: u16 = 1;
const LIST_SET: u16 = 2;
const LIST_ELEMENTS: u16 = 3;
const LIST_ELEMENT: u16 = 1;

const ELEMENT_KEY: u16 = 1;
const ELEMENT_DATA: u16 = 2;
const ELEMENT_TIMEOUT: u16 = 4;
const ELEMENT_EXPIRATION: u16 = 5;
const ELEMENT_EXPRESSION: u16 = 7;
const ELEMENT_EXPRESSIONS: u16 = 11;

const DATA_VALUE: u16 = 1;
const EXPRESSION_NAME: u16 = 1;
const EXPRESSION_DATA: u16 = 2;

const COUNTER_BYTES: u16 = 1;
const COUNTER_PACKETS: u16 = 2;

const LIMIT_RATE: u16 = 1;
const LIMIT_UNIT_S: u16 = 2;
const LIMIT_BURST: u16 = 3;
const LIMIT_TYPE: u16 = 4;
const LIMIT_FLAGS: u16 = 5;
const LIMIT_TYPE_BYTES: u32 = 1;
/// `NFT_LIMIT_F_INV`: matches what goes *over* the rate.
const LIMIT_FLAG_OVER: u32 = 1;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::netlink::message::{CREATE, Messages};

    /// One attribute as netlink has it; a type above 0x8000 is a nested one.
    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = u16::try_from(value.len() + 4).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn message(kind: u16, flags: u16, sequence: u32, payload: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(payload.len() + 16).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(sequence.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(payload);
        bytes
    }

    #[test]
    fn a_limit_is_written_byte_for_byte_as_nft_writes_it() {
        // nft 1.0.6 --debug=mnl: add element inet tequio limit_up
        //   { 6 limit rate over 250 kbytes/second burst 32 kbytes timeout 1h }
        // (its SET_ID is not needed; it puts the timeout before the key).
        let limit = attribute(
            0x8007,
            &[
                attribute(1, b"limit\0"),
                attribute(
                    0x8002,
                    &[
                        attribute(1, &[0, 0, 0, 0, 0, 3, 0xe8, 0]),
                        attribute(2, &[0, 0, 0, 0, 0, 0, 0, 1]),
                        attribute(3, &[0, 0, 0x80, 0]),
                        attribute(4, &[0, 0, 0, 1]),
                        attribute(5, &[0, 0, 0, 1]),
                    ]
                    .concat(),
                ),
            ]
            .concat(),
        );
        assert_eq!(limit.len(), 68);
        let element = [
            attribute(0x8001, &attribute(1, &6_u32.to_ne_bytes())),
            attribute(4, &[0, 0, 0, 0, 0, 0x36, 0xee, 0x80]),
            limit,
        ]
        .concat();
        let payload = [
            vec![1, 0, 0, 0],
            attribute(1, b"tequio\0"),
            attribute(2, b"limit_up\0"),
            attribute(0x8003, &attribute(0x8001, &element)),
        ]
        .concat();
        let expected = message(0x0a0c, 0x401, 9, &payload);

        let mut batch = Batch::new();
        let value =
            Value { remaining: Span::from_secs(3_600), limit: Limit::from_kbps(2_048), ..Value::default() };
        add(&mut batch, CREATE, 9, Set::LimitUp, Key::Mark(6), &value);
        assert_eq!(batch.bytes(), expected);
    }

    #[test]
    fn a_batch_has_its_two_ends() {
        let mut batch = Batch::new();
        begin(&mut batch, 1);
        end(&mut batch, 2);
        let ends = [message(16, 1, 1, &[0, 0, 0, 10]), message(17, 1, 2, &[0, 0, 0, 10])].concat();
        assert_eq!(batch.bytes(), ends);
    }

    #[test]
    fn what_is_written_reads_back_but_for_the_time_that_passed() {
        let mac = MacAddress([2, 0, 0x5e, 0x10, 0, 1]);
        let counter = Counter { bytes: 1_234_567_890_123, packets: 5 };
        for (set, key, value) in [
            (Set::Cid, Key::Mac(mac), Value { mark: Some(0xabcd_0007), ..Value::default() }),
            (Set::Up, Key::Mark(7), Value { counter: Some(counter), ..Value::default() }),
            (Set::LimitDown, Key::Mark(7), Value { limit: Limit::from_kbps(1), ..Value::default() }),
        ] {
            let mut batch = Batch::new();
            add(&mut batch, 0, 1, set, key, &value);
            let message = Messages::new(batch.bytes()).next().unwrap();
            // The kernel tells an expiration where we write a timeout.
            assert_eq!(read(&message), [(key, value)]);
        }
    }

    #[test]
    fn broken_elements_are_left_out() {
        let mut batch = Batch::new();
        let value =
            Value { counter: Some(Counter::default()), limit: Limit::from_kbps(9), ..Value::default() };
        add(&mut batch, 0, 1, Set::Up, Key::Mark(7), &value);
        let whole = batch.bytes().to_vec();
        for index in 20..whole.len() {
            for byte in [0, 1, 0x7f, 0xff] {
                let mut broken = whole.clone();
                broken[index] = byte;
                Messages::new(&broken).for_each(|message| drop(read(&message)));
            }
        }
    }

    #[test]
    fn a_mark_names_client_and_device() {
        let (one, two) = (MacAddress([2, 0, 0, 0, 0, 1]), MacAddress([2, 0, 0, 0, 0, 2]));
        let client = ClientId(0x1234);
        assert_ne!(mark(client, one), mark(client, two));
        assert_eq!(client_of(mark(client, one)), client);
        assert_ne!(mark(ClientId(1), one), mark(ClientId(2), one));
        let high: crate::base::sorted::SortedSet<u32> =
            (0..=255).map(|last| mark(client, MacAddress([2, 0, 0, 0, 0, last])) >> 16).collect();
        assert!(high.len() > 250, "neighbouring addresses must not fall together: {}", high.len());
        assert!(high.iter().all(|high| high & 0x8000 == 0), "no voucher goes before the others");
        let school = ClientId::of_policy(3);
        assert_eq!([mark(school, one), mark(school, two)], [0xa400_ff03; 2]);
        assert_eq!(client_of(mark(school, one)), school);
    }

    #[test]
    fn no_rate_overflows_the_kernels_arithmetic() {
        assert_eq!(Limit::from_kbps(0), None);
        let most = Limit::from_kbps(u32::MAX).unwrap();
        let bucket = most.bytes_per_s + u64::from(most.burst_bytes);
        assert!(bucket.checked_mul(1_000_000_000).is_some());
    }
}
