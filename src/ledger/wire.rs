//! How types of `base` stand in CBOR. Each module is a `with` of minicbor: `encode` and `decode`.

use minicbor::decode::{Decoder, Error as DecodeError};
use minicbor::encode::{Encoder, Error as EncodeError, Write};

use super::record::RecordId;
use super::rights::Roles;
use crate::base::address::Prefix;
use crate::base::time::{TimeQuality, WallTime};
use crate::base::voucher::{IssuerNumber, LotId, Proof, Verifier};

macro_rules! with {
    ($(#[$doc:meta])* $name:ident, $given:ty => $type:ty, |$value:ident, $encoder:ident| $encode:expr, |$decoder:ident| $decode:expr) => {
        $(#[$doc])*
        pub(super) mod $name {
            use super::*;

            pub(in crate::ledger) fn encode<C, W: Write>(
                $value: &$given,
                $encoder: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), EncodeError<W::Error>> {
                $encode?;
                Ok(())
            }

            pub(in crate::ledger) fn decode<C>($decoder: &mut Decoder<'_>, _: &mut C) -> Result<$type, DecodeError> {
                $decode
            }
        }
    };
}

with!(
    /// Eight bytes.
    verifier, Verifier => Verifier, |value, encoder| encoder.bytes(&value.0), |decoder| array(decoder).map(Verifier)
);
with!(
    /// Sixteen bytes.
    proof, Proof => Proof, |value, encoder| encoder.bytes(&value.0), |decoder| array(decoder).map(Proof)
);
with!(
    /// All verifiers in one string of bytes.
    verifiers, [Verifier] => Vec<Verifier>, |value, encoder| encoder.bytes(&join(value.iter().map(|one| &one.0[..]))),
    |decoder| split(decoder).map(|parts| parts.into_iter().map(Verifier).collect())
);
with!(
    /// All ids in one string of bytes.
    ids, [RecordId] => Vec<RecordId>, |value, encoder| encoder.bytes(&join(value.iter().map(|one| &one.0[..]))),
    |decoder| split(decoder).map(|parts| parts.into_iter().map(RecordId).collect())
);
with!(
    /// The key's bytes; none is no bytes.
    key, Option<[u8; 32]> => Option<[u8; 32]>,
    |value, encoder| encoder.bytes(value.as_ref().map_or(&[], |key| &key[..])),
    |decoder| split(decoder).map(|parts| parts.first().copied())
);
with!(
    /// Each as [`prefix`] says.
    prefixes, [Prefix] => Vec<Prefix>, |value, encoder| {
        encoder.array(value.len() as u64)?;
        value.iter().try_for_each(|prefix| encoder.bytes(&prefix_bytes(prefix)).map(drop))
    }, |decoder| read_prefixes(decoder)
);
with!(
    /// A number.
    number, IssuerNumber => IssuerNumber, |value, encoder| encoder.u16(value.0), |decoder| decoder.u16().map(IssuerNumber)
);
with!(
    /// A number.
    roles, Roles => Roles, |value, encoder| encoder.u16(value.0), |decoder| decoder.u16().map(Roles)
);
with!(
    /// A number.
    lot, LotId => LotId, |value, encoder| encoder.u64(value.0), |decoder| decoder.u64().map(LotId)
);
with!(
    /// The length, then the octets of the address: 5 or 17 bytes.
    prefix, Prefix => Prefix, |value, encoder| encoder.bytes(&prefix_bytes(value)), |decoder| read_prefix(decoder)
);
with!(
    /// `[seconds since 1970, quality]`.
    wall, WallTime => WallTime, |value, encoder| encoder.array(2)?.u64(value.unix_s)?.u8(value.quality as u8),
    |decoder| read_wall(decoder)
);

fn array<const N: usize>(decoder: &mut Decoder<'_>) -> Result<[u8; N], DecodeError> {
    decoder.bytes()?.try_into().map_err(|_| DecodeError::message("a string of bytes has the wrong length"))
}

fn join<'a>(parts: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    parts.flatten().copied().collect()
}

fn split<const N: usize>(decoder: &mut Decoder<'_>) -> Result<Vec<[u8; N]>, DecodeError> {
    let (parts, rest) = decoder.bytes()?.as_chunks::<N>();
    if rest.is_empty() {
        Ok(parts.to_vec())
    } else {
        Err(DecodeError::message("a string of bytes has the wrong length"))
    }
}

fn prefix_bytes(prefix: &Prefix) -> Vec<u8> {
    let mut bytes = vec![prefix.length()];
    match prefix.address() {
        std::net::IpAddr::V4(address) => bytes.extend(address.octets()),
        std::net::IpAddr::V6(address) => bytes.extend(address.octets()),
    }
    bytes
}

fn read_prefix(decoder: &mut Decoder<'_>) -> Result<Prefix, DecodeError> {
    let wrong = || DecodeError::message("a prefix is a length and an address");
    let (length, octets) = decoder.bytes()?.split_first().ok_or_else(wrong)?;
    let address = match (<[u8; 4]>::try_from(octets), <[u8; 16]>::try_from(octets)) {
        (Ok(octets), _) => octets.into(),
        (_, Ok(octets)) => octets.into(),
        _ => return Err(wrong()),
    };
    Prefix::new(address, *length).filter(|prefix| prefix.address() == address).ok_or_else(wrong)
}

fn read_prefixes(decoder: &mut Decoder<'_>) -> Result<Vec<Prefix>, DecodeError> {
    // Each takes a byte at least, so the input's end bounds the loop.
    let count = decoder.array()?.unwrap_or(0);
    (0..count).map(|_| read_prefix(decoder)).collect()
}

fn read_wall(decoder: &mut Decoder<'_>) -> Result<WallTime, DecodeError> {
    if decoder.array()? != Some(2) {
        return Err(DecodeError::message("a time is two numbers"));
    }
    let unix_s = decoder.u64()?;
    let quality = match decoder.u8()? {
        1 => TimeQuality::Caretaker,
        2 => TimeQuality::Mesh,
        3 => TimeQuality::Trusted,
        // Also a quality that a later version adds: believe nothing of it.
        _ => TimeQuality::Stale,
    };
    Ok(WallTime { unix_s, quality })
}
