//! A ledger as bytes, for recordings: the records as they came. What they say is computed anew.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::record::{Record, RecordId};
use super::{Ledger, Stale, Stub, Tip};
use crate::base::sorted::{LargeMap, SortedMap, SortedSet};

/// Own key, how numbers begin, the next number and the lane, accepted roots, records, stubs, ends of chains.
type Parts<'a> = (
    [u8; 32],
    u64,
    (Option<u64>, Option<u64>),
    &'a SortedSet<[u8; 32]>,
    Vec<Vec<u8>>,
    &'a LargeMap<RecordId, Stub>,
    &'a SortedMap<[u8; 32], Tip>,
);
type OwnedParts = (
    [u8; 32],
    u64,
    (Option<u64>, Option<u64>),
    SortedSet<[u8; 32]>,
    Vec<Vec<u8>>,
    LargeMap<RecordId, Stub>,
    SortedMap<[u8; 32], Tip>,
);

impl Serialize for Ledger {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let records = self.written().collect();
        let numbers = (self.next_seq, self.lane);
        let parts: Parts<'_> =
            (self.own_key, self.seq_start, numbers, &self.accepted, records, &self.stubs, &self.tips);
        parts.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Ledger {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (own_key, seq_start, numbers, accepted, records, stubs, tips) =
            OwnedParts::deserialize(deserializer)?;
        let mut ledger = Self::new(own_key, seq_start);
        ((ledger.next_seq, ledger.lane), ledger.accepted) = (numbers, accepted);
        let mut stale = Stale { authority: true, ..Stale::default() };
        for bytes in records {
            let record = Record::parse(&bytes).map_err(serde::de::Error::custom)?;
            ledger.community.get_or_insert_with(|| record.community(&bytes));
            ledger.insert(record, &mut stale);
        }
        (ledger.stubs, ledger.tips) = (stubs, tips);
        ledger.settle(stale);
        Ok(ledger)
    }
}
