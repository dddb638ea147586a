//! What two nodes say to each other on a stream: one CBOR array a message, its kind first.
//!
//! A kind that this version does not know is passed over: a later version may say more.

use minicbor::{Decoder, Encoder};

use super::compare::Name;
use crate::base::limit;

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
    /// Of a later version.
    Unknown,
}

impl Message {
    /// The message's bytes: at most [`limit::SYNC_MESSAGE_BYTES`], if those who fill it keep to that.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let written = self.write(&mut Encoder::new(&mut bytes));
        debug_assert!(written.is_ok(), "a vector takes every byte");
        bytes
    }

    /// Reads a message; `None` if it makes no sense.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        if bytes.len() > limit::SYNC_MESSAGE_BYTES {
            return None;
        }
        let mut decoder = Decoder::new(bytes);
        decoder.array().ok()??;
        Some(match decoder.u16().ok()? {
            0 => Self::Path(list(&mut decoder)?),
            1 => Self::Records(list(&mut decoder)?),
            2 => Self::Compare(decoder.bytes().ok()?.to_vec()),
            3 => {
                let names =
                    list(&mut decoder)?.into_iter().map(|name| name.try_into().ok().map(Name::from_be_bytes));
                Self::Want(names.collect::<Option<Vec<_>>>()?)
            }
            _ => Self::Unknown,
        })
    }

    fn write(
        &self,
        encoder: &mut Encoder<&mut Vec<u8>>,
    ) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
        encoder.array(2)?;
        match self {
            Self::Path(records) => write_list(encoder.u16(0)?, records.iter().map(Vec::as_slice)),
            Self::Records(records) => write_list(encoder.u16(1)?, records.iter().map(Vec::as_slice)),
            Self::Compare(step) => encoder.u16(2)?.bytes(step).map(drop),
            Self::Want(names) => {
                let names: Vec<[u8; 8]> = names.iter().map(|name| name.to_be_bytes()).collect();
                write_list(encoder.u16(3)?, names.iter().map(|name| name.as_slice()))
            }
            Self::Unknown => encoder.u16(u16::MAX)?.null().map(drop),
        }
    }
}

fn write_list<'a>(
    encoder: &mut Encoder<&mut Vec<u8>>,
    items: impl ExactSizeIterator<Item = &'a [u8]>,
) -> Result<(), minicbor::encode::Error<std::convert::Infallible>> {
    encoder.array(items.len() as u64)?;
    for item in items {
        encoder.bytes(item)?;
    }
    Ok(())
}

/// A list takes no more room than the message had, whatever its head claims.
fn list(decoder: &mut Decoder<'_>) -> Option<Vec<Vec<u8>>> {
    let length = decoder.array().ok()??;
    let mut items = Vec::new();
    for _ in 0..length {
        items.push(decoder.bytes().ok()?.to_vec());
    }
    Some(items)
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
