//! What two nodes say to each other on a stream: one CBOR array a message, its kind first.
//!
//! A kind that this version does not know is passed over: a later version may say more.

use super::compare::Name;
use crate::base::limit;
use crate::ledger::item::{self, Item, Items};

/// One message of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// `[0, [record, ...]]`: why the sender belongs to the community. The first message each way.
    Path(Vec<Vec<u8>>),
    /// `[1, [record, ...]]`: records that the receiver lacks.
    Records(Vec<Vec<u8>>),
    /// `[2, bytes]`: one step of the comparison of both sets.
    Compare(Vec<u8>),
    /// `[3, [name, ...]]`: the receiver shall send these.
    Want(Vec<Name>),
    /// `[4, bytes]`: a word about the link between both, which is no matter of the ledger.
    Aside(Vec<u8>),
    /// Of a later version.
    Unknown,
}

impl Message {
    /// The message's bytes: at most [`limit::SYNC_MESSAGE_BYTES`], if those who fill it keep to that.
    pub(super) fn encode(&self) -> Vec<u8> {
        let (kind, rest) = match self {
            Self::Path(records) => (0, list(records)),
            Self::Records(records) => (1, list(records)),
            Self::Compare(step) => (2, item_of(step)),
            Self::Want(names) => (3, list(&names.iter().map(|name| name.to_be_bytes()).collect::<Vec<_>>())),
            Self::Aside(word) => (4, item_of(word)),
            Self::Unknown => (u64::from(u16::MAX), vec![item::NULL]),
        };
        let mut bytes = vec![item::ARRAY + 2];
        item::write_head(&mut bytes, 0, kind);
        bytes.extend(rest);
        bytes
    }

    /// Reads a message; `None` if it makes no sense.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > limit::SYNC_MESSAGE_BYTES {
            return None;
        }
        let mut items = Items::new(bytes);
        let (item::ARRAY, _) = items.head()? else { return None };
        Some(match items.next()?.number()? {
            0 => Self::Path(strings(items.next()?)?),
            1 => Self::Records(strings(items.next()?)?),
            2 => Self::Compare(items.next()?.string()?.to_vec()),
            3 => {
                let names = strings(items.next()?)?
                    .into_iter()
                    .map(|name| name.try_into().ok().map(Name::from_be_bytes));
                Self::Want(names.collect::<Option<Vec<_>>>()?)
            }
            4 => Self::Aside(items.next()?.string()?.to_vec()),
            _ => Self::Unknown,
        })
    }
}

fn item_of(bytes: &[u8]) -> Vec<u8> {
    let mut item = Vec::with_capacity(bytes.len() + 5);
    item::write_bytes(&mut item, bytes);
    item
}

fn list(strings: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    item::write_head(&mut bytes, item::ARRAY, strings.len() as u64);
    strings.iter().for_each(|string| item::write_bytes(&mut bytes, string.as_ref()));
    bytes
}

/// A list takes no more room than the message had, whatever its head claims.
fn strings(list: Item<'_>) -> Option<Vec<Vec<u8>>> {
    let mut items = list.elements()?;
    let mut strings = Vec::new();
    while let Some(item) = items.next() {
        strings.push(item.string()?.to_vec());
    }
    Some(strings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_message_reads_what_it_wrote() {
        let records = vec![vec![1, 2, 3], Vec::new(), vec![7; 300]];
        let messages = [
            Message::Path(records.clone()),
            Message::Records(records),
            Message::Compare(vec![0x61, 0, 0]),
            Message::Want(vec![9, Name::MAX]),
            Message::Aside(vec![1, 2]),
            Message::Unknown,
        ];
        for message in messages {
            assert_eq!(Message::decode(&message.encode()), Some(message));
        }
    }

    #[test]
    fn a_list_that_claims_more_than_it_has_is_refused() {
        // [1, array of 2^32 - 1 items]
        assert_eq!(Message::decode(&[0x82, 0x01, 0x9a, 0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(Message::decode(&[0x82, 0x03, 0x81, 0x41, 0x00]), None, "a name of one octet");
        assert_eq!(Message::decode(&[]), None);
        assert_eq!(Message::decode(&vec![0; limit::SYNC_MESSAGE_BYTES + 1]), None);
    }

    proptest! {
        #[test]
        fn nonsense_is_refused_and_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Some(message) = Message::decode(&bytes) {
                prop_assert_eq!(Message::decode(&message.encode()), Some(message));
            }
        }
    }
}
