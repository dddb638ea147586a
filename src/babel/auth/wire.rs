//! What authentication reads of a packet before anything else, and what it adds to one (RFC 8967 4.1, 6).
//!
//! Reading changes nothing: [`Sealed::read`] finds the packet counter and the challenges in the body and
//! the MACs in the trailer. What is malformed behind them is for the ordinary reader to refuse.

use std::net::{IpAddr, Ipv6Addr};

use super::settings::Algorithm;
use crate::babel::output::Seal;
use crate::babel::wire::packet::{HEADER, MAGIC, PacketError, VERSION, split};
use crate::base::bytes::Reader;
use crate::base::limit::BABEL_MACS_PER_PACKET;

/// What a packet says about its own authenticity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed<'a> {
    /// Header and body: what the MACs are computed over, behind the pseudo-header.
    pub covered: &'a [u8],
    /// Index and packet counter; the first that stands there counts.
    pub counter: Option<(&'a [u8], u32)>,
    /// The nonce that the sender wants back.
    pub challenge: Option<&'a [u8]>,
    /// The nonce that the sender gives back.
    pub reply: Option<&'a [u8]>,
    /// The MACs of the trailer, the first few of them.
    pub macs: Vec<&'a [u8]>,
}

impl<'a> Sealed<'a> {
    /// Reads a packet; an error if it is none.
    pub fn read(bytes: &'a [u8]) -> Result<Self, PacketError> {
        let (body, trailer) = split(bytes)?;
        let covered = &bytes[..HEADER + body.len()];
        let mut sealed = Self { covered, counter: None, challenge: None, reply: None, macs: Vec::new() };
        for (kind, value) in Tlvs(Reader::new(body)) {
            match kind {
                PC if sealed.counter.is_none() => sealed.counter = counter(value),
                CHALLENGE_REQUEST if value.len() <= NONCE_MOST => {
                    sealed.challenge.get_or_insert(value);
                }
                CHALLENGE_REPLY if value.len() <= NONCE_MOST => {
                    sealed.reply.get_or_insert(value);
                }
                _ => {}
            }
        }
        // RFC 8966 4.2: in the trailer only padding and MACs mean something.
        let macs = Tlvs(Reader::new(trailer)).filter(|(kind, _)| *kind == MAC).map(|(_, value)| value);
        sealed.macs = macs.take(BABEL_MACS_PER_PACKET).collect();
        Ok(sealed)
    }
}

/// The TLVs of a body or a trailer, up to the first that is cut off.
struct Tlvs<'a>(Reader<'a>);

impl<'a> Iterator for Tlvs<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            match self.0.u8().ok()? {
                PAD1 => {}
                kind => {
                    let length = self.0.u8().ok()?;
                    return Some((kind, self.0.take(usize::from(length)).ok()?));
                }
            }
        }
    }
}

fn counter(value: &[u8]) -> Option<(&[u8], u32)> {
    let (counter, index) = value.split_first_chunk::<4>()?;
    (index.len() <= INDEX_MOST).then_some((index, u32::from_be_bytes(*counter)))
}

/// What a MAC is computed over (RFC 8967 4.1): the pseudo-header (36 octets, of IPv4 12), then header and
/// body.
pub fn message(source: IpAddr, destination: IpAddr, covered: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(36 + covered.len());
    for end in [source, destination] {
        match end {
            IpAddr::V4(address) => message.extend_from_slice(&address.octets()),
            IpAddr::V6(address) => message.extend_from_slice(&address.octets()),
        }
        message.extend_from_slice(&PORT.to_be_bytes());
    }
    message.extend_from_slice(covered);
    message
}

/// Puts the packet counter at the end of a finished packet's body.
pub(in crate::babel) fn count(bytes: &mut Vec<u8>, index: &[u8], counter: u32) {
    bytes.extend_from_slice(&[PC, u8::try_from(4 + index.len()).expect("an index has 8 octets")]);
    bytes.extend_from_slice(&counter.to_be_bytes());
    bytes.extend_from_slice(index);
    let body = u16::try_from(bytes.len() - HEADER).expect("room was reserved for the counter");
    bytes[2..HEADER].copy_from_slice(&body.to_be_bytes());
}

/// The packet with a MAC of each key behind it, which `sign` computes over what it is given. A key that
/// `sign` does not have adds nothing.
pub fn sealed(
    mut bytes: Vec<u8>,
    destination: Ipv6Addr,
    seal: &Seal,
    mut sign: impl FnMut(&str, &[u8]) -> Vec<u8>,
) -> Vec<u8> {
    let message = message(seal.source.into(), destination.into(), &bytes);
    for key in &seal.keys {
        let mac = sign(key, &message);
        if let Ok(length) = u8::try_from(mac.len())
            && length > 0
        {
            bytes.extend_from_slice(&[MAC, length]);
            bytes.extend_from_slice(&mac);
        }
    }
    bytes
}

/// A packet with only a challenge, or the answer to one, in it.
pub(super) fn nonce_packet(kind: u8, nonce: &[u8]) -> Vec<u8> {
    let length = u8::try_from(nonce.len()).expect("a nonce of more than 192 octets is not read");
    [&[MAGIC, VERSION, 0, length + 2, kind, length], nonce].concat()
}

/// Octets that authentication adds to a packet: the counter in the body, a MAC of each key behind it.
pub(super) fn overhead(macs: impl Iterator<Item = Algorithm>) -> usize {
    2 + 4 + INDEX + macs.map(|algorithm| 2 + algorithm.mac_length()).sum::<usize>()
}

/// Octets of our index: as babeld's. It must never come again (RFC 8967 4.2), so it is drawn.
pub(super) const INDEX: usize = 8;
/// RFC 8967 6.2: an index of more octets is none.
const INDEX_MOST: usize = 32;
/// RFC 8967 6.3: a nonce of more octets is none.
const NONCE_MOST: usize = 192;
const PORT: u16 = 6696;

const PAD1: u8 = 0;
const MAC: u8 = 16;
const PC: u8 = 17;
pub(super) const CHALLENGE_REQUEST: u8 = 18;
pub(super) const CHALLENGE_REPLY: u8 = 19;
