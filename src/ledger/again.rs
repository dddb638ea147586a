//! What is said twice: an author who finds that a close did not know a record of his writes it once more, and one who had
//! not heard of a close tells a first use anew. Each is booked once, whichever of two closes counts in the end.
//!
//! Two records are the same word if one author says the same with the same second of the clock ([`Record::says_as`]): nobody
//! pays twice in one second.

use super::Ledger;
use super::body::Cover;
use super::close::is_below;
use super::record::{Record, RecordId};
use crate::base::sorted::{LargeSet, SortedMap, SortedSet};

/// What a close knew of an author, as far as it can still be told.
struct Known {
    /// What its heads follow.
    ids: LargeSet<RecordId>,
    /// A chain that ends without its beginning: what was before this number was let go, and what is kept of it was known as well.
    let_go_below: u64,
}

impl Known {
    fn has(&self, id: RecordId, seq: u64) -> bool {
        self.ids.contains(&id) || seq < self.let_go_below
    }
}

impl Ledger {
    /// What is below a line and its author has written once more above it: the close did not know it.
    pub(super) fn written_again(&self, line: &SortedMap<[u8; 32], Cover>) -> LargeSet<RecordId> {
        let mut known: SortedMap<[u8; 32], Known> = SortedMap::new();
        let mut again = SortedSet::new();
        for record in self.records.values().filter(|record| record.kind.is_booked() && is_below(line, record))
        {
            let Some(cover) = line.get(&record.author) else { continue };
            let known = known.entry(record.author).or_insert_with(|| self.known_to(cover));
            let is_again = |other: &Record| other.says_as(record) && !is_below(line, other);
            if !known.has(record.id, record.seq) && self.records.values().any(is_again) {
                again.insert(record.id);
            }
        }
        again
    }

    /// First uses above a line that were booked below it: their author told them anew, with a better time, and had not heard
    /// of the close that knew the word before.
    pub(super) fn told_again(&self, line: &SortedMap<[u8; 32], Cover>) -> LargeSet<RecordId> {
        let mut again = SortedSet::new();
        for (id, stub) in self.stubs.iter() {
            let cover = line.get(&stub.author).filter(|cover| stub.seq <= cover.seq);
            let newer = self.newer(stub).filter(|newer| !is_below(line, newer));
            if let (Some(cover), Some(newer)) = (cover, newer)
                && self.known_to(cover).has(*id, stub.seq)
            {
                again.insert(newer.id);
            }
        }
        again
    }

    /// Records of this node below the line that the close did not know: to be written once more. What it let go itself
    /// is none of them: there a chain ends without its beginning.
    pub fn late(&self) -> Vec<&Record> {
        let booked = self.booked();
        let Some(cover) = booked.get(&self.own_key) else { return Vec::new() };
        let known = self.known_to(cover);
        let own = || {
            let own = self.records.values().filter(|record| record.author == self.own_key);
            own.filter(|record| record.kind.is_booked())
        };
        let is_late = |record: &&Record| {
            record.seq <= cover.seq
                && !known.has(record.id, record.seq)
                && self.is_whole_to(record.id, &known.ids)
        };
        let again = |record: &&Record| own().any(|other| other.seq > record.seq && other.says_as(record));
        let mut late: Vec<&Record> = own().filter(is_late).filter(|record| !again(record)).collect();
        late.sort_unstable_by_key(|record| (record.seq, record.id));
        late
    }

    fn known_to(&self, cover: &Cover) -> Known {
        let ids = self.covered_by(cover);
        let links = ids.iter().filter_map(|id| self.link(*id));
        let broken = links.filter(|(_, _, prev)| prev.is_some_and(|prev| !ids.contains(&prev)));
        let let_go_below = broken.map(|(_, seq, _)| seq).max().unwrap_or(0);
        Known { ids, let_go_below }
    }

    /// Whether the chain behind a record leads to what is known, or to its first record.
    fn is_whole_to(&self, id: RecordId, known: &LargeSet<RecordId>) -> bool {
        let mut at = id;
        while !known.contains(&at) {
            match self.before(at) {
                Some(before) => at = before,
                None => return self.is_first(at),
            }
        }
        true
    }
}

/// Whether nobody among those who were seen said this; now somebody has.
pub(super) fn is_first<'a>(seen: &mut Vec<&'a Record>, record: &'a Record) -> bool {
    let first = !seen.iter().any(|other| other.says_as(record));
    seen.extend(first.then_some(record));
    first
}
