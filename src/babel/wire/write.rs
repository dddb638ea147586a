//! Writes TLVs into packets, leaving out what the reader already knows.
//!
//! The writer keeps the same state as its reader will (RFC 8966 4.5): a Router-Id TLV is written when
//! the router-id changes, a Next Hop TLV when the next hop is not the packet's source, and of each
//! prefix only the octets in which it differs from the one before in the same encoding.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

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
    default_v4: Option<[u8; 4]>,
    default_v4_via_v6: Option<[u8; 4]>,
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
        let (address_encoding, length, omitted, mut octets) = self.compressed(update);
        octets.extend(update.prefix.iter().flat_map(source_prefix));
        let flags = if address_encoding == encoding::WILDCARD { 0 } else { UPDATE_PREFIX };
        let [a, b] = update.interval_cs.to_be_bytes();
        let [c, d] = update.seqno.0.to_be_bytes();
        let [e, f] = update.metric.to_be_bytes();
        self.tlv(kind::UPDATE, &[address_encoding, flags, length, omitted, a, b, c, d, e, f], &octets);
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

    /// Address encoding, length, omitted octets and the octets that are left of an Update's prefix.
    fn compressed(&mut self, update: &Update) -> (u8, u8, u8, Vec<u8>) {
        let Some(prefix) = update.prefix.map(|pair| pair.destination()) else {
            return (encoding::WILDCARD, 0, 0, Vec::new());
        };
        let whole = usize::from(prefix.length()).div_ceil(8);
        let via_v4 = update.next_hop.map_or(!self.retracts_via_v6, |next_hop| next_hop.is_ipv4());
        let (address_encoding, omitted, octets) = match prefix.address() {
            IpAddr::V6(address) => {
                let octets = address.octets();
                let omitted = common(self.state.default_v6.replace(octets), &octets, whole);
                (encoding::IPV6, omitted, octets[omitted..whole].to_vec())
            }
            IpAddr::V4(address) => {
                let octets = address.octets();
                let (address_encoding, default) = if via_v4 {
                    (encoding::IPV4, &mut self.state.default_v4)
                } else {
                    (encoding::IPV4_VIA_IPV6, &mut self.state.default_v4_via_v6)
                };
                let omitted = common(default.replace(octets), &octets, whole);
                (address_encoding, omitted, octets[omitted..whole].to_vec())
            }
        };
        let omitted = u8::try_from(omitted).expect("a prefix has at most 16 octets");
        (address_encoding, prefix.length(), omitted, octets)
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

/// How many of the first `whole` octets are the same as in the default prefix.
fn common<const N: usize>(default: Option<[u8; N]>, octets: &[u8; N], whole: usize) -> usize {
    let Some(default) = default else { return 0 };
    default.iter().zip(octets).take(whole).take_while(|(one, other)| one == other).count()
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
