//! Records in a file that people carry: what a node takes home when it joins a community.
//!
//! ```text
//! "TQRECS" version:2  then for each record  length:2  record
//! ```
//!
//! Numbers are big-endian. Nothing in it is secret, and nothing in it is believed without its signature.

use std::fmt;

use crate::base::bytes::{Reader, Truncated};
use crate::base::limit::CLOSE_BYTES;

/// What a bundle begins with.
pub const HEADER: [u8; 8] = *b"TQRECS\x00\x01";

/// Why bytes are no bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BundleError {
    /// Something else, or of a later version.
    NoBundle,
    /// A part is missing.
    Cut {
        /// Where the bytes end too early.
        position: usize,
    },
    /// A record is empty or longer than any may be.
    Length {
        /// Where.
        position: usize,
    },
}

/// The bytes of a bundle.
pub fn write<'a>(records: impl IntoIterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut bytes = HEADER.to_vec();
    for record in records {
        bytes.extend(u16::try_from(record.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend(record);
    }
    bytes
}

/// The records of a bundle, in order.
pub fn read(bytes: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut reader = Reader::new(bytes);
    if reader.take(HEADER.len()).ok() != Some(&HEADER) {
        return Err(BundleError::NoBundle);
    }
    let mut records = Vec::new();
    while !reader.is_empty() {
        let position = reader.position();
        let length = usize::from(reader.u16()?);
        if length == 0 || length > CLOSE_BYTES {
            return Err(BundleError::Length { position });
        }
        records.push(reader.take(length)?);
    }
    Ok(records)
}

impl From<Truncated> for BundleError {
    fn from(truncated: Truncated) -> Self {
        Self::Cut { position: truncated.position }
    }
}

impl fmt::Display for BundleError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoBundle => formatter.write_str("this is no bundle of records that this version can read"),
            Self::Cut { position } => {
                write!(formatter, "the bundle ends inside the record at byte {position}")
            }
            Self::Length { position } => {
                write!(formatter, "the record at byte {position} has a length that none may have")
            }
        }
    }
}

impl std::error::Error for BundleError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_reads_what_it_wrote_and_says_where_it_is_cut() {
        let records = [&b"one"[..], b"three"];
        let bytes = write(records);
        assert_eq!(read(&bytes).unwrap(), records);
        for cut in 0..bytes.len() {
            match read(&bytes[..cut]) {
                Ok(found) => assert_eq!(found, records[..found.len()]),
                Err(BundleError::NoBundle) => assert!(cut < HEADER.len()),
                Err(error) => assert!(matches!(error, BundleError::Cut { .. }), "{error}"),
            }
        }
        assert_eq!(read(&[&HEADER[..], &[0, 0]].concat()), Err(BundleError::Length { position: 8 }));
        assert_eq!(read(&[&HEADER[..], &[255, 255]].concat()), Err(BundleError::Length { position: 8 }));
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = read(&[&HEADER[..], &bytes].concat());
        }
    }
}
