//! Writes TLVs into packets, leaving out what the reader already knows.
//!
//! The writer keeps the same state as its reader will (RFC 8966 4.5): a Router-Id TLV is written when
//! the router-id changes, a Next Hop TLV when the next hop is not the packet's source, and of each
//! prefix only the octets in which it differs from the one before in the same encoding.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::packet::{HEADER, MAGIC, VERSION};
use super::timing::WrittenTiming;
use super::tlv::{
    HELLO_UNICAST, SUB_TLV_SOURCE_PREFIX, SeqnoRequest, Tlv, UPDATE_PREFIX, Update, encoding, kind,
};
use crate::babel::router_id::RouterId;
use crate::base::address::{Prefix, PrefixPair};

/// One packet that is being filled.
#[derive(Debug)]
pub struct PacketWriter {
    bytes: Vec<u8>,
    size: usize,
    state: WriterState,
    timing: Option<WrittenTiming>,
    /// RFC 9616: only beside a Hello does an IHU give back a time.
    has_hello: bool,
    /// RFC 9229 2.1: retractions of IPv4 go in the encoding that we announce in.
    retracts_via_v6: bool,
}

/// What the reader will know at this point of the packet.
#[derive(Clone, Debug)]
struct WriterState {
    default_v4: Option<[u8; 16]>,
    default_v4_via_v6: Option<[u8; 16]>,
    default_v6: Option<[u8; 16]>,
    next_hop_v4: Option<Ipv4Addr>,
    next_hop_v6: Ipv6Addr,
    router_id: Option<RouterId>,
}

impl PacketWriter {
    /// An empty packet of at most `size` octets that will be sent from `source`.
    pub fn new(size: usize, source: Ipv6Addr) -> Self {
        let state = WriterState {
            default_v4: None,
            default_v4_via_v6: None,
            default_v6: None,
            next_hop_v4: None,
            next_hop_v6: source,
            router_id: None,
        };
        Self {
            bytes: vec![MAGIC, VERSION, 0, 0],
            size: size.min(HEADER + usize::from(u16::MAX)),
            state,
            timing: None,
            has_hello: false,
            retracts_via_v6: true,
        }
    }

    /// The same, whose Hello and IHUs say these times.
    #[must_use]
    pub fn timed(self, timing: Option<WrittenTiming>) -> Self {
        Self { timing, ..self }
    }

    /// The same, whose retractions of IPv4 routes are of those with IPv6 next hops, or of those with IPv4 ones.
    #[must_use]
    pub fn retracting(self, retracts_via_v6: bool) -> Self {
        Self { retracts_via_v6, ..self }
    }

    /// Adds a TLV with all that its reader must know; `false`, and nothing added, if it does not fit.
    pub fn push(&mut self, tlv: &Tlv) -> bool {
        let length = self.bytes.len();
        let state = self.state.clone();
        match tlv {
            Tlv::AckRequest { opaque, interval_cs } => {
                let [a, b] = opaque.to_be_bytes();
                let [c, d] = interval_cs.to_be_bytes();
                self.tlv(kind::ACK_REQUEST, &[0, 0, a, b, c, d], &[]);
            }
            Tlv::Ack { opaque } => self.tlv(kind::ACK, &opaque.to_be_bytes(), &[]),
            Tlv::Hello { unicast, seqno, interval_cs } => {
                let [a, b] = if *unicast { HELLO_UNICAST } else { 0 }.to_be_bytes();
                let [c, d] = seqno.0.to_be_bytes();
                let [e, f] = interval_cs.to_be_bytes();
                let timestamp = self.timing.as_ref().map(WrittenTiming::hello).unwrap_or_default();
                self.has_hello = true;
                self.tlv(kind::HELLO, &[a, b, c, d, e, f], &timestamp);
            }
            Tlv::Ihu { address, rxcost, interval_cs } => self.ihu(*address, *rxcost, *interval_cs),
            Tlv::Update(update) => self.update(update),
            Tlv::RouteRequest(None) => self.tlv(kind::ROUTE_REQUEST, &[encoding::WILDCARD, 0], &[]),
            Tlv::RouteRequest(Some(prefix)) => {
                let (address_encoding, mut octets) = plain(&prefix.destination());
                octets.extend(source_prefix(prefix));
                self.tlv(kind::ROUTE_REQUEST, &[address_encoding, prefix.destination().length()], &octets);
            }
            Tlv::SeqnoRequest(request) => self.seqno_request(request),
        }
        if self.bytes.len() <= self.size {
            return true;
        }
        self.bytes.truncate(length);
        self.state = state;
        false
    }

    /// Fills the packet up to so many octets with what no reader looks at (RFC 8966 4.6.2), as far as there is room.
    pub fn pad(&mut self, octets: usize) {
        let mut left = octets.min(self.size).saturating_sub(self.bytes.len());
        while left >= 2 {
            let body = (left - 2).min(usize::from(u8::MAX));
            self.tlv(kind::PADN, &[0; 255][..body], &[]);
            left -= body + 2;
        }
    }

    /// Whether nothing was added yet.
    pub fn is_empty(&self) -> bool {
        self.bytes.len() == HEADER
    }

    /// The finished packet.
    pub fn finish(mut self) -> Vec<u8> {
        let length = u16::try_from(self.bytes.len() - HEADER).expect("`push` keeps the body below 65,536");
        self.bytes[2..HEADER].copy_from_slice(&length.to_be_bytes());
        self.bytes
    }

    fn tlv(&mut self, tlv_kind: u8, head: &[u8], tail: &[u8]) {
        let length = u8::try_from(head.len() + tail.len()).expect("no TLV of ours is longer than 60 octets");
        self.bytes.extend_from_slice(&[tlv_kind, length]);
        self.bytes.extend_from_slice(head);
        self.bytes.extend_from_slice(tail);
    }

    fn ihu(&mut self, address: Option<IpAddr>, rxcost: u16, interval_cs: u16) {
        let (address_encoding, octets) = match address {
            None => (encoding::WILDCARD, Vec::new()),
            Some(IpAddr::V4(address)) => (encoding::IPV4, address.octets().to_vec()),
            Some(IpAddr::V6(address)) => host_v6(address),
        };
        let [a, b] = rxcost.to_be_bytes();
        let [c, d] = interval_cs.to_be_bytes();
        let timing = self.timing.as_ref().filter(|_| self.has_hello);
        let times = timing.map(|timing| timing.ihu(address)).unwrap_or_default();
        self.tlv(kind::IHU, &[address_encoding, 0, a, b, c, d], &[octets, times].concat());
    }

    fn update(&mut self, update: &Update) {
        if let Some(router_id) = update.router_id
            && self.state.router_id != Some(router_id)
        {
            self.state.router_id = Some(router_id);
            self.tlv(kind::ROUTER_ID, &[0, 0], &router_id.0);
        }
        self.next_hop(update);
        let (address_encoding, length, octets, left) = self.compressed(update);
        let omitted = u8::try_from(left.start).expect("a prefix has at most 16 octets");
        let source = update.prefix.as_ref().map(source_prefix).unwrap_or_default();
        let flags = if address_encoding == encoding::WILDCARD { 0 } else { UPDATE_PREFIX };
        let [a, b] = update.interval_cs.to_be_bytes();
        let [c, d] = update.seqno.0.to_be_bytes();
        let [e, f] = update.metric.to_be_bytes();
        let head = [address_encoding, flags, length, omitted, a, b, c, d, e, f];
        match source.is_empty() {
            true => self.tlv(kind::UPDATE, &head, &octets[left]),
            false => self.tlv(kind::UPDATE, &head, &[&octets[left], &source].concat()),
        }
    }

    fn next_hop(&mut self, update: &Update) {
        match update.next_hop {
            Some(IpAddr::V4(next_hop)) if self.state.next_hop_v4 != Some(next_hop) => {
                self.state.next_hop_v4 = Some(next_hop);
                self.tlv(kind::NEXT_HOP, &[encoding::IPV4, 0], &next_hop.octets());
            }
            Some(IpAddr::V6(next_hop)) if self.state.next_hop_v6 != next_hop => {
                self.state.next_hop_v6 = next_hop;
                let (address_encoding, octets) = host_v6(next_hop);
                self.tlv(kind::NEXT_HOP, &[address_encoding, 0], &octets);
            }
            _ => {}
        }
    }

    /// Address encoding and length of an Update's prefix, its octets, and which of them are written.
    fn compressed(&mut self, update: &Update) -> (u8, u8, [u8; 16], Range<usize>) {
        let mut octets = [0; 16];
        let Some(prefix) = update.prefix.map(|pair| pair.destination()) else {
            return (encoding::WILDCARD, 0, octets, 0..0);
        };
        let whole = usize::from(prefix.length()).div_ceil(8);
        let via_v4 = update.next_hop.map_or(!self.retracts_via_v6, |next_hop| next_hop.is_ipv4());
        let (address_encoding, default) = match prefix.address() {
            IpAddr::V6(address) => {
                octets = address.octets();
                (encoding::IPV6, &mut self.state.default_v6)
            }
            IpAddr::V4(address) => {
                octets[..4].copy_from_slice(&address.octets());
                match via_v4 {
                    true => (encoding::IPV4, &mut self.state.default_v4),
                    false => (encoding::IPV4_VIA_IPV6, &mut self.state.default_v4_via_v6),
                }
            }
        };
        let omitted = default.replace(octets).map_or(0, |default| common(default, octets).min(whole));
        (address_encoding, prefix.length(), octets, omitted..whole)
    }

    fn seqno_request(&mut self, request: &SeqnoRequest) {
        let destination = request.prefix.destination();
        let (address_encoding, octets) = plain(&destination);
        let [a, b] = request.seqno.0.to_be_bytes();
        let mut tail = request.router_id.0.to_vec();
        tail.extend_from_slice(&octets);
        tail.extend(source_prefix(&request.prefix));
        let head = [address_encoding, destination.length(), a, b, request.hop_count, 0];
        self.tlv(kind::SEQNO_REQUEST, &head, &tail);
    }
}

/// With how many of the same octets both begin.
fn common(one: [u8; 16], other: [u8; 16]) -> usize {
    let same_bits = (u128::from_be_bytes(one) ^ u128::from_be_bytes(other)).leading_zeros();
    usize::try_from(same_bits / 8).unwrap_or(0)
}

/// A prefix as requests carry it; IPv4 as AE 1 (RFC 9229 2.2).
fn plain(prefix: &Prefix) -> (u8, Vec<u8>) {
    let whole = usize::from(prefix.length()).div_ceil(8);
    match prefix.address() {
        IpAddr::V4(address) => (encoding::IPV4, address.octets()[..whole].to_vec()),
        IpAddr::V6(address) => (encoding::IPV6, address.octets()[..whole].to_vec()),
    }
}

/// The source prefix sub-TLV, if the pair needs one: never compressed (RFC 9079 7.1).
fn source_prefix(pair: &PrefixPair) -> Vec<u8> {
    let Some(source) = pair.source() else { return Vec::new() };
    let octets = plain(&source).1;
    let length = u8::try_from(1 + octets.len()).expect("a prefix has at most 16 octets");
    let mut bytes = vec![SUB_TLV_SOURCE_PREFIX, length, source.length()];
    bytes.extend(octets);
    bytes
}

/// A host address: the short form if it lies in `fe80::/64`.
fn host_v6(address: Ipv6Addr) -> (u8, Vec<u8>) {
    let octets = address.octets();
    match octets {
        [0xfe, 0x80, 0, 0, 0, 0, 0, 0, ..] => (encoding::LINK_LOCAL, octets[8..].to_vec()),
        _ => (encoding::IPV6, octets.to_vec()),
    }
}
