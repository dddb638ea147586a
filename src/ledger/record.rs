//! One record: an envelope in deterministic CBOR, and a signature over it.
//!
//! ```text
//! [ envelope: {0: version, 1: community, 2: kind, 3: author, 4: seq, 5: prev (none for the first of a
//!              chain and for kinds outside of it), 6: body},
//!   signature: 64 bytes, Ed25519 over "tequio record 1\0" + envelope ]
//! ```
//!
//! The record's id is the BLAKE2s-256 hash of the envelope's bytes. What a record says is kept in memory once: its bytes are
//! made again from the values, the community and the signature. One that we would write otherwise is kept as it came.
//!
//! A record of a higher version has these fields too, is signed like this, and says nothing here: it is kept and passed
//! on for those who can read it.
//! A community's first charter cannot name the community, since its own id is that name: it has zeros.

use std::fmt;
use std::ops::Range;

use blake2::{Blake2s256, Digest};
use ed25519_dalek::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};

use super::body::Body;
use super::cbor::{self, CborError};
use super::fields::{Field, Fields, begin_map, put};
use super::item::Items;
use super::kind::Kind;
use crate::base::limit::{CLOSE_BYTES, RECORD_BYTES};

/// The name of a record: the hash of its envelope.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordId(pub [u8; 32]);

/// A record that was read: well-formed, and signed once [`Record::verify`] says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its name.
    pub id: RecordId,
    /// What it is about.
    pub kind: Kind,
    /// The key that signed it.
    pub author: [u8; 32],
    /// The author's count.
    pub seq: u64,
    /// The author's chained record before it.
    pub prev: Option<RecordId>,
    /// What it says.
    pub body: Body,
    octets: u16,
    form: Form,
}

/// What of a record's bytes its values do not say.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    /// The signature: the envelope is as we write it.
    Usual([u8; 64]),
    /// Everything: a later version wrote it, or a body that is not understood, or fields that are not known here.
    Whole(Box<[u8]>),
}

/// Everything of an envelope but the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The community; zeros in the charter that founds it.
    pub community: [u8; 32],
    /// The kind's number on the wire.
    pub kind: u16,
    /// Whose record it is.
    pub author: [u8; 32],
    /// The author's count.
    pub seq: u64,
    /// The author's chained record before it.
    pub prev: Option<RecordId>,
}

/// Why a record is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Larger than any record may be.
    TooLarge {
        /// Its bytes.
        bytes: usize,
    },
    /// Not the one spelling of an item.
    Spelling(CborError),
    /// No envelope.
    Envelope {
        /// What is missing or wrong.
        what: &'static str,
    },
    /// The signature is not by the author, or the record was altered.
    Signature,
    /// It belongs to another community.
    Foreign,
    /// The ledger is full.
    Full,
}

const VERSION: u64 = 1;
const SIGNATURE_DOMAIN: &[u8] = b"tequio record 1\0";
/// Two bytes announce the signature's 64.
const SIGNATURE_HEAD: [u8; 2] = [0x58, 64];
const ARRAY_OF_TWO: u8 = 0x82;
const TAIL: usize = SIGNATURE_HEAD.len() + 64;
/// Bytes of a record around its envelope.
pub(super) const AROUND: usize = 1 + TAIL;

impl Record {
    /// Reads a record without looking at its signature.
    pub fn parse(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > CLOSE_BYTES {
            return Err(Refusal::TooLarge { bytes: bytes.len() });
        }
        cbor::walk(bytes).map_err(Refusal::Spelling)?;
        let range = envelope_range(bytes).ok_or(Refusal::Envelope { what: "it has no signature" })?;
        let envelope = &bytes[range];
        let (version, header, body) = read_envelope(envelope)?;
        let is_later = version > VERSION;
        let id = RecordId(Blake2s256::digest(envelope).into());
        let kind = Kind::from_number(header.kind);
        let too_large = Refusal::TooLarge { bytes: bytes.len() };
        if bytes.len() > most_bytes(kind) {
            return Err(too_large);
        }
        let octets = u16::try_from(bytes.len()).map_err(|_| too_large)?;
        if !kind.chained() && header.prev.is_some() && !is_later {
            return Err(Refusal::Envelope { what: "a record of this kind names no earlier one" });
        }
        let body = if is_later { Body::Unread } else { Body::decode(kind, body) };
        let is_usual = body.encode().is_some_and(|body| self::envelope(&header, &body) == envelope);
        let form = match bytes.last_chunk() {
            Some(signature) if is_usual => Form::Usual(*signature),
            _ => Form::Whole(bytes.into()),
        };
        let Header { author, seq, prev, .. } = header;
        Ok(Self { id, kind, author, seq, prev, body, octets, form })
    }

    /// Whether its author says the same elsewhere, or here: a word that is written once more is one word.
    pub(super) fn says_as(&self, other: &Self) -> bool {
        self.author == other.author && self.body.encode() == other.body.encode()
    }

    /// How many octets it has.
    pub const fn octets(&self) -> usize {
        self.octets as usize
    }

    /// The bytes as they came, for a record of this community.
    pub(super) fn bytes(&self, community: &[u8; 32]) -> Vec<u8> {
        let signature = match &self.form {
            Form::Usual(signature) => signature,
            Form::Whole(bytes) => return bytes.to_vec(),
        };
        let header = Header {
            community: if self.id.0 == *community { [0; 32] } else { *community },
            kind: self.kind.number(),
            author: self.author,
            seq: self.seq,
            prev: self.prev,
        };
        seal(&envelope(&header, &self.body.encode().unwrap_or_default()), signature)
    }

    /// The community it belongs to: for a first charter, the one that it founds. It stands in the bytes alone from which
    /// it was read, since all records of a ledger have the same.
    pub(super) fn community(&self, bytes: &[u8]) -> [u8; 32] {
        let named = head(bytes).map_or([0; 32], |(_, header)| header.community);
        if self.kind == Kind::Charter && named == [0; 32] { self.id.0 } else { named }
    }

    /// The version of its envelope: what a higher one than ours says is not for us.
    pub fn version(&self) -> u64 {
        match &self.form {
            Form::Usual(_) => VERSION,
            Form::Whole(bytes) => head(bytes).map_or(0, |(version, _)| version),
        }
    }

    /// The name of the record in `bytes`, if there is one.
    pub fn id_of(bytes: &[u8]) -> Option<RecordId> {
        Some(RecordId(Blake2s256::digest(&bytes[envelope_range(bytes)?]).into()))
    }

    /// Checks the signature of the bytes that it was read from, strictly: one key, one message, one signature.
    pub fn verify(&self, bytes: &[u8]) -> Result<(), Refusal> {
        let signature = bytes.last_chunk::<64>().map(Signature::from_bytes);
        let key = VerifyingKey::from_bytes(&self.author);
        let (Some(signature), Ok(key), Some(range)) = (signature, key, envelope_range(bytes)) else {
            return Err(Refusal::Signature);
        };
        key.verify_strict(&message(&bytes[range]), &signature).map_err(|_| Refusal::Signature)
    }
}

/// How long a record of this kind may be.
pub(super) fn most_bytes(kind: Kind) -> usize {
    if kind == Kind::Close { CLOSE_BYTES } else { RECORD_BYTES }
}

/// The bytes of an envelope.
pub fn envelope(header: &Header, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() + 160);
    let map = begin_map(&mut bytes);
    put(&mut bytes, map, 0, &VERSION);
    put(&mut bytes, map, 1, &header.community);
    put(&mut bytes, map, 2, &header.kind);
    put(&mut bytes, map, 3, &header.author);
    put(&mut bytes, map, 4, &header.seq);
    put(&mut bytes, map, 5, &header.prev);
    bytes[map] += 1;
    bytes.push(6);
    bytes.extend_from_slice(body);
    bytes
}

/// What is signed: a domain string, so that no other signature of the key can be passed off as a record's.
pub fn message(envelope: &[u8]) -> Vec<u8> {
    [SIGNATURE_DOMAIN, envelope].concat()
}

/// The whole record.
pub fn seal(envelope: &[u8], signature: &[u8; 64]) -> Vec<u8> {
    [&[ARRAY_OF_TWO][..], envelope, &SIGNATURE_HEAD, signature].concat()
}

/// A record was read before it is one: its header reads again.
fn head(bytes: &[u8]) -> Option<(u64, Header)> {
    let (version, header, _) = read_envelope(&bytes[envelope_range(bytes)?]).ok()?;
    Some((version, header))
}

/// Where the envelope stands in a record that passed the walk.
fn envelope_range(bytes: &[u8]) -> Option<Range<usize>> {
    let end = bytes.len().checked_sub(TAIL)?;
    let is_record = bytes.first() == Some(&ARRAY_OF_TWO) && bytes[end..].starts_with(&SIGNATURE_HEAD);
    // The walk proved two items; the first one must end exactly where the signature begins.
    let envelope = Items::new(bytes.get(1..)?).next()?;
    (is_record && envelope.bytes.len() + 1 == end).then_some(1..end)
}

fn read_envelope(bytes: &[u8]) -> Result<(u64, Header, &[u8]), Refusal> {
    let missing = |what| Refusal::Envelope { what };
    let fields = Items::new(bytes).next().and_then(Fields::of_map).ok_or(missing("it is not a map"))?;
    let version = fields.get(0).filter(|version| *version >= VERSION).ok_or(missing("it has no version"))?;
    let header = Header {
        community: fields.get(1).ok_or(missing("it names no community"))?,
        kind: fields.get(2).ok_or(missing("it has no kind"))?,
        author: fields.get(3).ok_or(missing("it has no author"))?,
        seq: fields.get(4).ok_or(missing("it has no seq"))?,
        prev: match fields.item(5) {
            Some(prev) => Some(RecordId::read(prev).ok_or(missing("prev is no id"))?),
            None => None,
        },
    };
    Ok((version, header, fields.item(6).ok_or(missing("it has no body"))?.bytes))
}

impl fmt::Display for RecordId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(8).try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { bytes } => {
                write!(
                    formatter,
                    "the record has {bytes} bytes, at most {RECORD_BYTES} are allowed ({CLOSE_BYTES} for a close)"
                )
            }
            Self::Spelling(error) => write!(formatter, "the record is not deterministic CBOR: {error}"),
            Self::Envelope { what } => write!(formatter, "this is no record: {what}"),
            Self::Signature => formatter.write_str("the record was altered, or its author did not sign it"),
            Self::Foreign => formatter.write_str("the record belongs to another community"),
            Self::Full => formatter.write_str("the ledger is full"),
        }
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::super::tests::village::busy;
    use super::*;

    /// What a ledger of some thousand records is made of: a field more here is a field more in each of them.
    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_record_takes_little_memory() {
        let sizes = (size_of::<Body>(), size_of::<Form>(), size_of::<Record>());
        assert!(sizes.0 <= 48 && sizes.1 <= 72 && sizes.2 <= 232, "body, form, record: {sizes:?} octets");
    }

    #[test]
    fn our_records_are_kept_as_their_values_and_a_signature() {
        for bytes in busy().records {
            let record = Record::parse(&bytes).unwrap();
            assert_eq!(matches!(record.form, Form::Usual(_)), record.body != Body::Unread, "{}", record.kind);
            assert_eq!(record.bytes(&record.community(&bytes)), bytes, "{}", record.kind);
        }
    }
}
