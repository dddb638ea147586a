//! A whole packet: header, body, trailer (RFC 8966 4.2).
//!
//! A packet whose frame is broken (header, lengths) is refused as a whole and changes nothing. A
//! sound packet may hold TLVs that are to be ignored: they are listed beside the ones that count.

use std::fmt;
use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use super::read::{ParserState, is_martian};
use super::timing::Timing;
use super::tlv::{Tlv, TlvError, kind};
use crate::base::address::PrefixPair;
use crate::base::bytes::Reader;
use crate::base::limit::BABEL_TLVS_PER_PACKET;

/// The first octet of every Babel packet.
pub const MAGIC: u8 = 42;
/// The version that RFC 8966 speaks.
pub const VERSION: u8 = 2;
/// Octets before the body: magic, version, body length.
pub const HEADER: usize = 4;

/// What a packet says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The TLVs that count, in their order.
    pub tlvs: Vec<Tlv>,
    /// The TLVs that must be ignored: offset from the packet's start, and why.
    pub ignored: Vec<(usize, TlvError)>,
    /// What it says about time.
    pub timing: Timing,
}

/// Why a packet was refused as a whole, and at which octet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum PacketError {
    /// Shorter than a header.
    Short,
    /// The first octet is not 42.
    Magic,
    /// A version that is not 2.
    Version,
    /// The body is longer than the packet.
    BodyLength,
    /// A TLV is longer than the body; its offset.
    Truncated(usize),
    /// More TLVs than anybody needs.
    TooMany,
}

impl fmt::Display for PacketError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => formatter.write_str("the packet is shorter than its header"),
            Self::Magic => formatter.write_str("this is no Babel packet (byte 0)"),
            Self::Version => formatter.write_str("the version is not 2 (byte 1)"),
            Self::BodyLength => formatter.write_str("the body is longer than the packet (byte 2)"),
            Self::Truncated(position) => {
                write!(formatter, "the TLV at byte {position} is longer than the body")
            }
            Self::TooMany => write!(formatter, "the packet has more than {BABEL_TLVS_PER_PACKET} TLVs"),
        }
    }
}

impl std::error::Error for PacketError {}

/// Reads all of a packet that came from `source`; acts on nothing.
pub fn parse(bytes: &[u8], source: Ipv6Addr) -> Result<Packet, PacketError> {
    // RFC 8966 4.2: of the trailer, only padding and MACs count; `auth` has read those.
    let (body, _) = split(bytes)?;
    parse_body(body, ParserState::new(source))
}

/// The body and the trailer of a packet.
pub fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), PacketError> {
    let mut reader = Reader::new(bytes);
    let [magic, version, high, low] = reader.array().map_err(|_| PacketError::Short)?;
    if magic != MAGIC {
        return Err(PacketError::Magic);
    }
    if version != VERSION {
        return Err(PacketError::Version);
    }
    let length = usize::from(u16::from_be_bytes([high, low]));
    let body = reader.take(length).map_err(|_| PacketError::BodyLength)?;
    Ok((body, &bytes[HEADER + length..]))
}

/// Whether this can never be routed, to or from: link-local, multicast, loopback.
pub fn martian(prefix: &PrefixPair) -> bool {
    is_martian(&prefix.destination()) || prefix.source().is_some_and(|source| is_martian(&source))
}

fn parse_body(body: &[u8], mut state: ParserState) -> Result<Packet, PacketError> {
    let mut reader = Reader::new(body);
    let mut packet = Packet { tlvs: Vec::new(), ignored: Vec::new(), timing: Timing::default() };
    while !reader.is_empty() {
        let position = HEADER + reader.position();
        let truncated = PacketError::Truncated(position);
        let tlv_kind = reader.u8().map_err(|_| truncated)?;
        if tlv_kind == kind::PAD1 {
            continue;
        }
        let length = reader.u8().map_err(|_| truncated)?;
        let tlv_body = reader.take(usize::from(length)).map_err(|_| truncated)?;
        match state.tlv(tlv_kind, tlv_body) {
            Ok(Some(tlv)) => packet.tlvs.push(tlv),
            Ok(None) => {}
            Err(why) => packet.ignored.push((position, why)),
        }
        if packet.tlvs.len() + packet.ignored.len() > BABEL_TLVS_PER_PACKET {
            return Err(PacketError::TooMany);
        }
    }
    packet.timing = state.timing;
    Ok(packet)
}
