//! The strict walk over a record's bytes, before anything is decoded.
//!
//! A record is named by the hash of its bytes, so one meaning must have one spelling. The walk demands
//! the deterministic encoding of RFC 8949 section 4.2: shortest numbers, definite lengths, map keys
//! sorted by their bytes and unique, nothing behind the end. Floating point numbers, tags and simple
//! values other than false, true and null do not occur in a ledger and are refused too; so is text that
//! is not UTF-8.

use std::fmt;

use crate::base::bytes::{Reader, Truncated};
use crate::base::limit::RECORD_DEPTH;

/// Where and why bytes are no deterministic CBOR.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CborError {
    /// Offset of the item at fault.
    pub position: usize,
    /// What is wrong with it.
    pub what: &'static str,
}

/// Checks that `bytes` is exactly one item in its only spelling.
pub fn walk(bytes: &[u8]) -> Result<(), CborError> {
    let mut reader = Reader::new(bytes);
    item(&mut reader, bytes, 0)?;
    if reader.is_empty() {
        Ok(())
    } else {
        Err(CborError { position: reader.position(), what: "there are bytes behind the end" })
    }
}

fn item(reader: &mut Reader<'_>, bytes: &[u8], depth: usize) -> Result<(), CborError> {
    let position = reader.position();
    let fault = |what| CborError { position, what };
    if depth > RECORD_DEPTH {
        return Err(fault("items are nested too deeply"));
    }
    let first = reader.u8()?;
    let (major, short) = (first >> 5, first & 0x1f);
    if major == 7 {
        return match short {
            20..=22 => Ok(()),
            _ => Err(fault("floats, undefined and other simple values are not allowed")),
        };
    }
    let argument = argument(reader, short).map_err(|error| error.at(position))?;
    let length = usize::try_from(argument).unwrap_or(usize::MAX);
    match major {
        0 | 1 => Ok(()),
        2 => Ok(reader.take(length).map(drop)?),
        3 => match std::str::from_utf8(reader.take(length)?) {
            Ok(_) => Ok(()),
            Err(_) => Err(fault("a text is not UTF-8")),
        },
        // Each item takes a byte at least, so the input's end bounds both loops.
        4 => (0..length).try_for_each(|_| item(reader, bytes, depth + 1)),
        5 => map(reader, bytes, length, depth),
        _ => Err(fault("tags are not allowed")),
    }
}

fn map(reader: &mut Reader<'_>, bytes: &[u8], pairs: usize, depth: usize) -> Result<(), CborError> {
    let mut previous: Option<&[u8]> = None;
    for _ in 0..pairs {
        let start = reader.position();
        item(reader, bytes, depth + 1)?;
        let key = &bytes[start..reader.position()];
        if previous.is_some_and(|previous| previous >= key) {
            return Err(CborError { position: start, what: "map keys are not sorted and unique" });
        }
        previous = Some(key);
        item(reader, bytes, depth + 1)?;
    }
    Ok(())
}

/// The number behind an initial byte, if it is spelt as short as can be.
fn argument(reader: &mut Reader<'_>, short: u8) -> Result<u64, CborError> {
    let (number, least) = match short {
        0..24 => return Ok(u64::from(short)),
        24 => (u64::from(reader.u8()?), 24),
        25 => (u64::from(reader.u16()?), 1 << 8),
        26 => (u64::from(reader.u32()?), 1 << 16),
        27 => (reader.u64()?, 1 << 32),
        _ => return Err(CborError { position: 0, what: "a length is indefinite or reserved" }),
    };
    if number < least {
        return Err(CborError { position: 0, what: "a number is not in its shortest form" });
    }
    Ok(number)
}

impl CborError {
    /// The same fault, at the place where its item begins.
    const fn at(self, position: usize) -> Self {
        Self { position, what: self.what }
    }
}

impl From<Truncated> for CborError {
    fn from(truncated: Truncated) -> Self {
        Self { position: truncated.position, what: "the bytes end inside an item" }
    }
}

impl fmt::Display for CborError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at byte {}", self.what, self.position)
    }
}

impl std::error::Error for CborError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(bytes: &[u8]) -> &'static str {
        walk(bytes).unwrap_err().what
    }

    #[test]
    fn every_other_spelling_is_refused() {
        for good in [
            &[0x00][..],
            &[0x18, 24],
            &[0x19, 1, 0],
            &[0x1a, 0, 1, 0, 0],
            &[0x1b, 0, 0, 0, 1, 0, 0, 0, 0],
            &[0x38, 24],
            &[0x42, 1, 2],
            &[0x62, 0xc3, 0xb1],
            &[0x82, 0xf4, 0xf6],
            &[0xa2, 0x00, 0x01, 0x01, 0x01],
            &[0xa2, 0x18, 0x64, 0x01, 0x20, 0x01],
        ] {
            assert_eq!(walk(good), Ok(()), "{good:02x?}");
        }
        assert_eq!(fault(&[0x18, 23]), "a number is not in its shortest form");
        assert_eq!(fault(&[0x19, 0, 255]), "a number is not in its shortest form");
        assert_eq!(fault(&[0x58, 1, 0]), "a number is not in its shortest form");
        assert_eq!(fault(&[0x1b, 0, 0, 0, 0, 255, 255, 255, 255]), "a number is not in its shortest form");
        assert_eq!(fault(&[0x9f, 0xff]), "a length is indefinite or reserved");
        assert_eq!(fault(&[0xbf, 0xff]), "a length is indefinite or reserved");
        assert_eq!(fault(&[0x1c]), "a length is indefinite or reserved");
        assert_eq!(fault(&[0xa2, 1, 0, 0, 0]), "map keys are not sorted and unique");
        assert_eq!(fault(&[0xa2, 0, 0, 0, 0]), "map keys are not sorted and unique");
        assert_eq!(fault(&[0, 0]), "there are bytes behind the end");
        assert_eq!(fault(&[]), "the bytes end inside an item");
        assert_eq!(fault(&[0x5b, 255, 255, 255, 255, 255, 255, 255, 255]), "the bytes end inside an item");
        assert_eq!(fault(&[0x9b, 255, 255, 255, 255, 255, 255, 255, 255]), "the bytes end inside an item");
        assert_eq!(fault(&[0x61, 0xff]), "a text is not UTF-8");
        assert_eq!(fault(&[0xc0, 0]), "tags are not allowed");
        assert_eq!(fault(&[0xf9, 0, 0]), "floats, undefined and other simple values are not allowed");
        assert_eq!(fault(&[0xf8, 32]), "floats, undefined and other simple values are not allowed");
    }

    #[test]
    fn nesting_is_bounded() {
        let deep = |levels: usize| [vec![0x81; levels], vec![0]].concat();
        assert_eq!(walk(&deep(RECORD_DEPTH)), Ok(()));
        assert_eq!(fault(&deep(RECORD_DEPTH + 1)), "items are nested too deeply");
        assert_eq!(fault(&deep(100_000)), "items are nested too deeply");
    }

    #[test]
    fn a_fault_says_where() {
        assert_eq!(walk(&[0x82, 0, 0x18, 1]).unwrap_err().position, 2);
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = walk(&bytes);
        }
    }
}
