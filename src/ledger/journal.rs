//! Records as bytes on flash: append only, in one byte order, so that the file moves between routers.
//!
//! ```text
//! file    "TQJRNL" version:2  then frames
//! frame   0xA7 0x51  length:2  checksum:16  record
//! ```
//!
//! Numbers are big-endian. The checksum is BLAKE2s-128 under the node's own journal key, over length and
//! record: what bears it was verified by this very node before it was written, so a start verifies no
//! signatures. On another router the key is another one: [`scan`] then finds *foreign* frames by their
//! structure, and whoever loads them verifies each signature.
//!
//! A power cut leaves a torn tail, a tired flash a flipped bit. The scan keeps every frame that is whole,
//! finds the next one behind a damaged place, and says what it lost.

use std::ops::Range;

use blake2::Blake2sMac;
use blake2::digest::consts::U16;
use blake2::digest::{KeyInit, Mac};
use subtle::ConstantTimeEq;

use super::cbor;
use crate::base::limit::{CLOSE_BYTES, JOURNAL_BOTH_BYTES, JOURNAL_WASTE_BYTES};

/// What a journal begins with.
pub const HEADER: [u8; 8] = *b"TQJRNL\x00\x01";
/// The version in it.
const VERSION: u16 = 1;
/// How many versions to come are told from a flipped byte by their number alone.
const NEXT_VERSIONS: u16 = 15;
const MARK: [u8; 2] = [0xa7, 0x51];
/// Bytes of a frame before its record.
pub const FRAME_HEAD: usize = MARK.len() + 2 + 16;

/// What was found in a journal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// Where the records stand, in order.
    pub records: Vec<Range<usize>>,
    /// Everything up to here is of use: cut the file here, then append.
    pub valid_len: usize,
    /// Bytes behind that: a record whose writing was cut off, or damaged.
    pub torn: Option<Torn>,
    /// Damaged places between whole records.
    pub damaged: Vec<Torn>,
    /// The checksums are of another key: the signatures of these records were not verified by this node.
    pub foreign: bool,
}

/// A place whose bytes are no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn {
    /// Where it begins.
    pub position: usize,
    /// How many bytes.
    pub bytes: usize,
}

/// Why bytes are no journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalError {
    /// Written by a later version of the program.
    Version {
        /// The version that it says.
        version: u16,
    },
    /// Something else.
    NoJournal,
}

/// Whether a journal of so many octets should be written anew, of which so many count.
pub fn is_waste(octets: u64, count: u64) -> bool {
    let most = count.saturating_mul(3).min(JOURNAL_BOTH_BYTES.saturating_sub(count)).max(count);
    octets > most.saturating_add(JOURNAL_WASTE_BYTES)
}

/// The frame of one record, to be appended.
pub fn frame(key: &[u8; 32], record: &[u8]) -> Vec<u8> {
    let length = u16::try_from(record.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&MARK[..], &length, &checksum(key, length, record), record].concat()
}

/// Finds the records in the bytes of a journal.
pub fn scan(key: &[u8; 32], bytes: &[u8]) -> Result<Scan, JournalError> {
    if bytes.is_empty() {
        return Ok(Scan::default());
    }
    if let Some(version) = later_version(bytes) {
        return Err(JournalError::Version { version });
    }
    let own = scan_frames(bytes, |length, sum, record| checksum(key, length, record).ct_eq(&sum).into());
    if !own.records.is_empty() {
        return Ok(own);
    }
    let mut foreign = scan_frames(bytes, |_, _, record| cbor::walk(record).is_ok());
    foreign.foreign = true;
    let known = bytes.starts_with(&HEADER);
    match bytes.first_chunk::<8>() {
        _ if known && foreign.records.is_empty() => Ok(own),
        _ if known && !foreign.records.is_empty() => Ok(foreign),
        Some(header) if header.starts_with(&HEADER[..6]) => {
            Err(JournalError::Version { version: u16::from_be_bytes([header[6], header[7]]) })
        }
        _ if !foreign.records.is_empty() => Ok(foreign),
        // A power cut while the file was made.
        None if HEADER.starts_with(bytes) => {
            Ok(Scan { torn: Some(Torn { position: 0, bytes: bytes.len() }), ..Scan::default() })
        }
        _ => Err(JournalError::NoJournal),
    }
}

/// The version of a later program's journal. It must be neither read by today's rules nor cut. A number
/// further off than the next versions is a flipped byte if the frames behind it bear our checksum, and is
/// judged with them.
fn later_version(bytes: &[u8]) -> Option<u16> {
    let head = bytes.first_chunk::<8>().filter(|head| head.starts_with(&HEADER[..6]))?;
    let version = u16::from_be_bytes([head[6], head[7]]);
    (VERSION + 1..=VERSION + NEXT_VERSIONS).contains(&version).then_some(version)
}

fn scan_frames(bytes: &[u8], good: impl Fn([u8; 2], [u8; 16], &[u8]) -> bool) -> Scan {
    let mut scan = Scan::default();
    if bytes.starts_with(&HEADER) {
        scan.valid_len = HEADER.len();
    }
    let mut position = scan.valid_len;
    while let Some(start) = find_mark(bytes, position) {
        let Some(record) = frame_at(bytes, start, &good) else {
            position = start + 1;
            continue;
        };
        if start > scan.valid_len {
            scan.damaged.push(Torn { position: scan.valid_len, bytes: start - scan.valid_len });
        }
        position = record.end;
        scan.valid_len = record.end;
        scan.records.push(record);
    }
    if bytes.len() > scan.valid_len {
        scan.torn = Some(Torn { position: scan.valid_len, bytes: bytes.len() - scan.valid_len });
    }
    scan
}

fn find_mark(bytes: &[u8], from: usize) -> Option<usize> {
    bytes.get(from..)?.windows(MARK.len()).position(|window| window == MARK).map(|offset| from + offset)
}

/// The record of a whole frame that begins at `start`.
fn frame_at(
    bytes: &[u8],
    start: usize,
    good: impl Fn([u8; 2], [u8; 16], &[u8]) -> bool,
) -> Option<Range<usize>> {
    let length = *bytes.get(start + 2..)?.first_chunk::<2>()?;
    let sum = *bytes.get(start + 4..)?.first_chunk::<16>()?;
    let size = usize::from(u16::from_be_bytes(length));
    let range = start + FRAME_HEAD..start + FRAME_HEAD + size;
    let record = bytes.get(range.clone()).filter(|_| size > 0 && size <= CLOSE_BYTES)?;
    good(length, sum, record).then_some(range)
}

fn checksum(key: &[u8; 32], length: [u8; 2], record: &[u8]) -> [u8; 16] {
    let mut mac = <Blake2sMac<U16> as KeyInit>::new(key.into());
    mac.update(b"tequio journal 1");
    mac.update(&length);
    mac.update(record);
    mac.finalize().into_bytes().into()
}

impl std::fmt::Display for JournalError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Version { version } => {
                write!(formatter, "the journal is of version {version}, written by a later program")
            }
            Self::NoJournal => formatter.write_str("the file is no journal of tequio"),
        }
    }
}

impl std::error::Error for JournalError {}
