//! What two ledgers tell each other to become equal: pure functions, the bytes are carried elsewhere.
//!
//! Each side sends [`Ledger::summary`]: for each author how many of its records are held, their highest number, and the
//! sum of their ids. The other one [answers](Ledger::answer) with the records behind that number where all up to it are
//! the same, and with the short names of all that it holds of an author where they are not. To
//! those names a side [replies](Ledger::compare) with what the other one lacks, and asks for what it lacks itself. Nothing in
//! it is believed: a lie about what somebody holds costs octets, and every record is verified.

use super::Ledger;
use super::kind::Kind;
use super::record::RecordId;
use crate::base::sorted::{SortedMap, SortedSet};

/// What is held of one author.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Have {
    /// Whose records.
    pub author: [u8; 32],
    /// How many.
    pub count: u32,
    /// Their highest number.
    pub seq: u64,
    /// The bitwise sum of the beginnings of their ids.
    pub sum: [u8; 16],
}

/// The beginning of a record's id: tells the records of one author apart.
pub type ShortId = [u8; 8];

/// All that is held of one author, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Names {
    /// Whose.
    pub author: [u8; 32],
    /// Which, in order.
    pub ids: Vec<ShortId>,
}

/// What follows from somebody's summary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// Records that it lacks for sure, those that give others their meaning first.
    pub records: Vec<RecordId>,
    /// What is held where it cannot be known what it lacks.
    pub names: Vec<Names>,
}

impl Have {
    fn of(author: [u8; 32]) -> Self {
        Self { author, count: 0, seq: 0, sum: [0; 16] }
    }

    fn add(&mut self, seq: u64, id: RecordId) {
        self.count = self.count.saturating_add(1);
        self.seq = self.seq.max(seq);
        self.sum.iter_mut().zip(id.0).for_each(|(sum, byte)| *sum ^= byte);
    }
}

impl Ledger {
    /// What is held, author by author, in the order of their keys.
    pub fn summary(&self) -> Vec<Have> {
        let mut have: SortedMap<[u8; 32], Have> = SortedMap::new();
        for (author, seq, id) in self.held() {
            have.entry(author).or_insert(Have::of(author)).add(seq, id);
        }
        have.into_values().collect()
    }

    /// What somebody with this summary should get. Authors that it does not name it knows nothing of.
    pub fn answer(&self, summary: &[Have]) -> Answer {
        let theirs: SortedMap<[u8; 32], Have> = summary.iter().map(|have| (have.author, *have)).collect();
        let mut own: SortedMap<[u8; 32], Vec<(u64, RecordId)>> = SortedMap::new();
        for (author, seq, id) in self.held() {
            own.entry(author).or_default().push((seq, id));
        }
        let mut answer = Answer::default();
        for (author, records) in &own {
            let have = theirs.get(author).copied().unwrap_or(Have::of(*author));
            // Up to its highest number: the same records as it holds?
            let mut same = Have::of(*author);
            for (seq, id) in records.iter().filter(|(seq, _)| have.count > 0 && *seq <= have.seq) {
                same.add(*seq, *id);
            }
            if (same.count, same.sum) == (have.count, have.sum) {
                let behind = records.iter().filter(|(seq, _)| have.count == 0 || *seq > have.seq);
                answer.records.extend(behind.map(|(_, id)| *id));
            } else {
                let mut ids: Vec<ShortId> = records.iter().map(|(_, id)| short(*id)).collect();
                ids.sort_unstable();
                answer.names.push(Names { author: *author, ids });
            }
        }
        self.in_order(&mut answer.records);
        answer
    }

    /// What somebody who holds these lacks, and what is lacking here.
    pub fn compare(&self, names: &Names) -> (Vec<RecordId>, Vec<ShortId>) {
        let theirs: SortedSet<ShortId> = names.ids.iter().copied().collect();
        let own = self.held().filter(|(author, ..)| *author == names.author);
        let own: SortedMap<ShortId, RecordId> = own.map(|(_, _, id)| (short(id), id)).collect();
        let mut lacking: Vec<RecordId> =
            own.iter().filter(|(name, _)| !theirs.contains(*name)).map(|(_, id)| *id).collect();
        self.in_order(&mut lacking);
        (lacking, theirs.iter().filter(|name| !own.contains_key(*name)).copied().collect())
    }

    /// The records that somebody asks for by their short names, those that give others their meaning first.
    pub fn named_records(&self, author: &[u8; 32], names: &[ShortId]) -> Vec<RecordId> {
        let wanted: SortedSet<ShortId> = names.iter().copied().collect();
        let own = self.held().filter(|(by, _, id)| by == author && wanted.contains(&short(*id)));
        let mut found: Vec<RecordId> = own.map(|(_, _, id)| id).collect();
        self.in_order(&mut found);
        found
    }

    /// The bytes of a record, also of one that another replaced: it is a link of its author's chain.
    pub fn bytes_of(&self, id: RecordId) -> Option<&[u8]> {
        let kept = self.records.get(&id).map(|record| record.bytes.as_slice());
        kept.or_else(|| self.stubs.get(&id).map(|stub| stub.bytes.as_slice()))
    }

    /// Everything that should be on every node: author, number, id. What a member says of itself each minute is
    /// only pushed.
    fn held(&self) -> impl Iterator<Item = ([u8; 32], u64, RecordId)> {
        let kept = self.records.values().filter(|record| record.kind.is_stored());
        let stubs = self.stubs.iter().map(|(id, stub)| (stub.author, stub.seq, *id));
        kept.map(|record| (record.author, record.seq, record.id)).chain(stubs)
    }

    /// Root, officers and epochs first, then each author's in their order: whoever reads them can check each right at
    /// once.
    fn in_order(&self, ids: &mut [RecordId]) {
        ids.sort_by_cached_key(|id| {
            let record = self.records.get(id);
            let rank = record.map_or(3, |record| match record.kind {
                _ if Some(id.0) == self.community => 0,
                Kind::Charter | Kind::Succession => 1,
                kind if kind.is_authority() => 2,
                _ => 3,
            });
            let stub = self.stubs.get(id).map(|stub| (stub.author, stub.seq));
            (rank, record.map(|record| (record.author, record.seq)).or(stub), *id)
        });
    }
}

fn short(id: RecordId) -> ShortId {
    let [a, b, c, d, e, f, g, h, ..] = id.0;
    [a, b, c, d, e, f, g, h]
}
