//! What the TLVs mean, with nothing left to be resolved (RFC 8966 4.6).
//!
//! Router-Id and Next Hop TLVs are no values of their own: they only set the state with which the
//! Updates behind them are read (RFC 8966 4.5). Intervals stay in the wire's centiseconds.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::babel::router_id::RouterId;
use crate::babel::seqno::SeqNo;
use crate::base::address::PrefixPair;

/// The metric that means "not reachable".
pub const INFINITY: u16 = 0xffff;

/// One TLV that says something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tlv {
    /// The sender wants an [`Tlv::Ack`] within the interval (4.6.3).
    AckRequest {
        /// To be sent back as it is.
        opaque: u16,
        /// How long the answer may take.
        interval_cs: u16,
    },
    /// The answer to an [`Tlv::AckRequest`] (4.6.4).
    Ack {
        /// What the request said.
        opaque: u16,
    },
    /// "I am here" (4.6.5).
    Hello {
        /// Whether it counts in the history of unicast Hellos.
        unicast: bool,
        /// Its number; each kind of Hello is numbered for itself.
        seqno: SeqNo,
        /// When the next of its kind comes at the latest; 0 makes no promise.
        interval_cs: u16,
    },
    /// "I heard you" (4.6.6).
    Ihu {
        /// Who was heard; `None` is whoever receives this.
        address: Option<IpAddr>,
        /// What receiving from that neighbour costs the sender.
        rxcost: u16,
        /// When the next one comes at the latest.
        interval_cs: u16,
    },
    /// A route or its retraction (4.6.9).
    Update(Update),
    /// "Tell me about this prefix", or about all with `None` (4.6.10).
    RouteRequest(Option<PrefixPair>),
    /// "Have the origin use a newer sequence number" (4.6.11).
    SeqnoRequest(SeqnoRequest),
}

/// A route that the sender offers, or takes back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Update {
    /// The destination; `None`, only in a retraction, is everything the sender ever announced.
    pub prefix: Option<PrefixPair>,
    /// When it is repeated at the latest; 0xFFFF is never.
    pub interval_cs: u16,
    /// The origin's sequence number.
    pub seqno: SeqNo,
    /// The sender's metric; [`INFINITY`] retracts.
    pub metric: u16,
    /// The origin; `None` only in a retraction, which needs none.
    pub router_id: Option<RouterId>,
    /// Where to send packets; `None` only in a retraction, which needs none.
    pub next_hop: Option<IpAddr>,
}

/// A wish for a newer sequence number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeqnoRequest {
    /// The destination that is starving.
    pub prefix: PrefixPair,
    /// Its origin.
    pub router_id: RouterId,
    /// The smallest sequence number that helps.
    pub seqno: SeqNo,
    /// How many routers may still pass this on, the receiver included; never 0.
    pub hop_count: u8,
}

/// Why one TLV was ignored. The rest of its packet still counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TlvError {
    /// The TLV is shorter than its fields.
    Short,
    /// The address encoding is unknown, or not allowed here.
    AddressEncoding,
    /// The prefix is longer than its family has bits.
    PrefixLength,
    /// Octets are left out of a prefix, but no earlier Update says which.
    NoDefaultPrefix,
    /// More octets are left out than the prefix has, or some where none may be.
    Omitted,
    /// A wildcard with a prefix length, omitted octets, or a finite metric.
    Wildcard,
    /// The interval is 0 where a promise is needed.
    Interval,
    /// The hop count is 0.
    HopCount,
    /// The router-id is all zero or all one.
    RouterId,
    /// A route without a router-id.
    NoRouterId,
    /// A route without a next hop of its family.
    NoNextHop,
    /// A next hop that is no host: unspecified, loopback or multicast.
    NextHop,
    /// A sub-TLV that must be understood is not (RFC 8966 4.4).
    Mandatory,
    /// A sub-TLV is longer than its TLV.
    SubTlv,
    /// A prefix that nobody can route to: link-local, multicast, loopback.
    Martian,
    /// A source prefix that is empty, too long, too short, said twice, or where none may be (RFC 9079 7.1).
    SourcePrefix,
}

impl fmt::Display for TlvError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Short => "the TLV is shorter than its fields",
            Self::AddressEncoding => "the address encoding is not allowed here",
            Self::PrefixLength => "the prefix is longer than an address",
            Self::NoDefaultPrefix => "octets of the prefix are left out and no earlier update has them",
            Self::Omitted => "more octets are left out than the prefix has",
            Self::Wildcard => "a wildcard carries a prefix or a finite metric",
            Self::Interval => "the interval is zero",
            Self::HopCount => "the hop count is zero",
            Self::RouterId => "the router-id is all zero or all one",
            Self::NoRouterId => "a route has no router-id",
            Self::NoNextHop => "a route has no next hop of its family",
            Self::NextHop => "the next hop is no host's address",
            Self::Mandatory => "a mandatory sub-TLV is unknown",
            Self::SubTlv => "a sub-TLV is longer than its TLV",
            Self::Martian => "the prefix is link-local, multicast or loopback",
            Self::SourcePrefix => "the source prefix is empty, too long, too short, or said twice",
        })
    }
}

impl std::error::Error for TlvError {}

impl Update {
    /// The retraction of `prefix`, or of everything.
    pub const fn retraction(prefix: Option<PrefixPair>, interval_cs: u16, seqno: SeqNo) -> Self {
        Self { prefix, interval_cs, seqno, metric: INFINITY, router_id: None, next_hop: None }
    }

    /// Whether this takes a route back.
    pub const fn is_retraction(&self) -> bool {
        self.metric == INFINITY
    }
}

/// TLV types (RFC 8966 4.6). All others are ignored.
pub(super) mod kind {
    /// Padding of one octet, the only TLV without a length.
    pub(crate) const PAD1: u8 = 0;
    /// Padding with a length: written, and ignored like the unknown.
    pub(crate) const PADN: u8 = 1;
    /// Acknowledgment Request.
    pub(crate) const ACK_REQUEST: u8 = 2;
    /// Acknowledgment.
    pub(crate) const ACK: u8 = 3;
    /// Hello.
    pub(crate) const HELLO: u8 = 4;
    /// I Heard You.
    pub(crate) const IHU: u8 = 5;
    /// Router-Id of the Updates behind it.
    pub(crate) const ROUTER_ID: u8 = 6;
    /// Next Hop of the Updates behind it.
    pub(crate) const NEXT_HOP: u8 = 7;
    /// Update.
    pub(crate) const UPDATE: u8 = 8;
    /// Route Request.
    pub(crate) const ROUTE_REQUEST: u8 = 9;
    /// Seqno Request.
    pub(crate) const SEQNO_REQUEST: u8 = 10;
}

/// Address encodings (RFC 8966 4.1.5, RFC 9229 2).
pub(super) mod encoding {
    /// No address.
    pub(crate) const WILDCARD: u8 = 0;
    /// IPv4, compressible.
    pub(crate) const IPV4: u8 = 1;
    /// IPv6, compressible.
    pub(crate) const IPV6: u8 = 2;
    /// The last 8 octets of a link-local IPv6 address.
    pub(crate) const LINK_LOCAL: u8 = 3;
    /// IPv4 with an IPv6 next hop, compressible for itself.
    pub(crate) const IPV4_VIA_IPV6: u8 = 4;
}

/// The Hello flag that says "unicast" (RFC 8966 4.6.5); all others are ignored.
pub(super) const HELLO_UNICAST: u16 = 0x8000;
/// The Update flag that makes its prefix the default for compression (RFC 8966 4.6.9).
pub(super) const UPDATE_PREFIX: u8 = 0x80;
/// The Update flag that makes the router-id of the prefix's last octets (RFC 8966 4.6.9).
pub(super) const UPDATE_ROUTER_ID: u8 = 0x40;
/// A timestamp of a Hello, or the two that an IHU gives back (RFC 9616).
pub(super) const SUB_TLV_TIMESTAMP: u8 = 3;
/// The sub-TLV of source-specific routes (RFC 9079 7.1).
pub(super) const SUB_TLV_SOURCE_PREFIX: u8 = 128;
/// The first sub-TLV type that must be understood (RFC 8966 4.4).
pub(super) const SUB_TLV_MANDATORY: u8 = 128;
