//! Items of CBOR: reading and writing what [`cbor`](super::cbor) has walked, or what only needs the head of each item.
//!
//! Nothing is believed of the bytes: a reader ends where they end, and a length never takes memory.

/// The head of an empty array.
pub(super) const ARRAY: u8 = 0x80;
/// The head of an empty map.
pub(super) const MAP: u8 = 0xa0;
/// The head of a string of no bytes.
pub(super) const BYTES: u8 = 0x40;
/// The head of no text.
pub(super) const TEXT: u8 = 0x60;
/// The head of the largest negative number.
pub(super) const NEGATIVE: u8 = 0x20;
/// False; true is one more.
pub(super) const FALSE: u8 = 0xf4;
/// Nothing.
pub(super) const NULL: u8 = 0xf6;

/// One item.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'b> {
    /// The first octet without the length in it.
    major: u8,
    /// The number in its head: a value, a length, a count of items.
    argument: u64,
    /// What is behind its head.
    content: &'b [u8],
    /// Head and content.
    pub(super) bytes: &'b [u8],
}

impl<'b> Item<'b> {
    /// A number from 0 up.
    pub(super) const fn number(&self) -> Option<u64> {
        if self.major == 0 { Some(self.argument) } else { None }
    }

    /// A number of either sign.
    pub(super) fn signed(&self) -> Option<i64> {
        let number = i64::try_from(self.argument).ok()?;
        match self.major {
            0 => Some(number),
            NEGATIVE => Some(-1 - number),
            _ => None,
        }
    }

    /// A string of bytes.
    pub(super) const fn string(&self) -> Option<&'b [u8]> {
        if self.major == BYTES { Some(self.content) } else { None }
    }

    /// Text.
    pub(super) fn text(&self) -> Option<&'b str> {
        if self.major == TEXT { std::str::from_utf8(self.content).ok() } else { None }
    }

    /// False, true, or nothing: which of the simple values.
    pub(super) fn simple(&self) -> Option<u8> {
        if self.major == 0xe0 { self.bytes.first().copied() } else { None }
    }

    /// The items of an array.
    pub(super) const fn elements(&self) -> Option<Items<'b>> {
        if self.major == ARRAY { Some(Items::new(self.content)) } else { None }
    }

    /// Keys and values of a map, in turns.
    pub(super) const fn entries(&self) -> Option<Items<'b>> {
        if self.major == MAP { Some(Items::new(self.content)) } else { None }
    }
}

/// Items one behind the other.
#[derive(Clone, Debug)]
pub(super) struct Items<'b> {
    rest: &'b [u8],
}

impl<'b> Items<'b> {
    /// All in these bytes.
    pub(super) const fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The next item, with all items in it; `None` at the end, and where the bytes are no item.
    pub(super) fn next(&mut self) -> Option<Item<'b>> {
        let start = self.rest;
        let (major, argument) = self.head()?;
        let content = self.rest;
        // How many items are still to come before this one ends: no recursion, so depth costs nothing.
        let mut open = self.pass(major, argument)?;
        while let Some(left) = open.checked_sub(1) {
            let (major, argument) = self.head()?;
            open = left.checked_add(self.pass(major, argument)?)?;
        }
        Some(Item { major, argument, content: before(content, self.rest)?, bytes: before(start, self.rest)? })
    }

    /// Passes the octets of a string; says how many items an array or a map is to be followed by.
    fn pass(&mut self, major: u8, argument: u64) -> Option<u64> {
        match major {
            BYTES | TEXT => {
                self.rest = self.rest.get(usize::try_from(argument).ok()?..)?;
                Some(0)
            }
            ARRAY => Some(argument),
            MAP => argument.checked_mul(2),
            _ => Some(0),
        }
    }

    /// Reads the head of an item; of an array or a map, the next item is its first.
    pub(super) fn head(&mut self) -> Option<(u8, u64)> {
        let (first, rest) = self.rest.split_first()?;
        let short = first & 0x1f;
        let length = match short {
            0..24 => 0,
            24..28 => 1 << (short - 24),
            _ => return None,
        };
        let (octets, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        let long = octets.iter().fold(0, |number, octet| number << 8 | u64::from(*octet));
        Some((first & 0xe0, if length == 0 { u64::from(short) } else { long }))
    }
}

/// The front of `whole` that ends where `rest` begins.
fn before<'b>(whole: &'b [u8], rest: &[u8]) -> Option<&'b [u8]> {
    whole.get(..whole.len().checked_sub(rest.len())?)
}

/// Writes the head of an item: as short as it can be.
pub(super) fn write_head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let octets = argument.to_be_bytes();
    let (short, length) = match argument {
        0..24 => (argument as u8, 0),
        24..0x100 => (24, 1),
        0x100..0x1_0000 => (25, 2),
        0x1_0000..0x1_0000_0000 => (26, 4),
        _ => (27, 8),
    };
    out.push(major | short);
    out.extend_from_slice(&octets[octets.len() - length..]);
}

/// Writes a string of bytes.
pub(super) fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    write_head(out, BYTES, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::super::cbor;
    use super::super::fields::Field;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_head_is_as_short_as_can_be_and_reads_again() {
        for number in [0, 23, 24, 255, 256, 65_535, 65_536, u64::from(u32::MAX), 1 << 32, u64::MAX] {
            let mut bytes = Vec::new();
            write_head(&mut bytes, 0, number);
            assert_eq!(cbor::walk(&bytes), Ok(()), "{number}");
            assert_eq!(Items::new(&bytes).next().and_then(|item| item.number()), Some(number));
        }
    }

    #[test]
    fn an_item_ends_where_its_own_items_end() {
        // [{1: h'0203', 2: [[]]}, "a"], 7
        let bytes = [0x82, 0xa2, 1, 0x42, 2, 3, 2, 0x81, 0x80, 0x61, b'a', 7];
        let mut items = Items::new(&bytes);
        let array = items.next().unwrap();
        assert_eq!(array.bytes, &bytes[..11]);
        assert_eq!(items.next().unwrap().number(), Some(7));
        assert!(items.next().is_none());
        let mut elements = array.elements().unwrap();
        let mut entries = elements.next().unwrap().entries().unwrap();
        assert_eq!(entries.next().unwrap().number(), Some(1));
        assert_eq!(entries.next().unwrap().string(), Some(&[2, 3][..]));
        assert_eq!(elements.next().unwrap().text(), Some("a"));
    }

    #[test]
    fn numbers_of_either_sign() {
        let signed = |bytes: &[u8]| Items::new(bytes).next().unwrap().signed();
        assert_eq!(signed(&[0x20]), Some(-1));
        assert_eq!(signed(&[0x3b, 0x7f, 255, 255, 255, 255, 255, 255, 255]), Some(i64::MIN));
        assert_eq!(signed(&[0x3b, 0x80, 0, 0, 0, 0, 0, 0, 0]), None);
        assert_eq!(signed(&[0x1b, 0x80, 0, 0, 0, 0, 0, 0, 0]), None);
    }

    proptest! {
        #[test]
        fn another_codec_says_the_same(number: u64, signed: i64, bytes: Vec<u8>, text: String) {
            let mut ours = Vec::new();
            write_head(&mut ours, ARRAY, 4);
            number.write(&mut ours);
            signed.write(&mut ours);
            bytes.write(&mut ours);
            text.write(&mut ours);
            let mut theirs = minicbor::Encoder::new(Vec::new());
            theirs.array(4)?.u64(number)?.i64(signed)?.bytes(&bytes)?.str(&text)?;
            prop_assert_eq!(&ours, theirs.writer());
            let mut decoder = minicbor::Decoder::new(&ours);
            prop_assert_eq!((decoder.array()?, decoder.u64()?, decoder.i64()?), (Some(4), number, signed));
            prop_assert_eq!((decoder.bytes()?, decoder.str()?), (&bytes[..], &text[..]));
        }

        #[test]
        fn what_the_walk_passes_is_one_item(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut items = Items::new(&bytes);
            let read = items.next();
            if cbor::walk(&bytes).is_ok() {
                prop_assert_eq!(read.map(|item| item.bytes.len()), Some(bytes.len()));
            }
        }

        #[test]
        fn depth_and_length_that_are_not_there_end_at_once(depth in 0_usize..10_000) {
            let mut bytes = vec![0x9b, 255, 255, 255, 255, 255, 255, 255, 255];
            bytes.extend(vec![0x81; depth]);
            prop_assert!(Items::new(&bytes).next().is_none());
        }
    }
}
