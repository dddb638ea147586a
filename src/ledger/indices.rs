//! Where a record stands: what it replaces, what it follows, and whose lots are to be counted again.

use crate::base::limit::RECORD_HEADS;
use crate::base::sorted::SortedSet;

use super::authority::Authority;
use super::kind::{Kind, Supersession};
use super::line::Line;
use super::record::{Record, RecordId};
use super::rights::Role;
use super::{Body, Ledger, Stale, Stub};

impl Ledger {
    /// Puts a record into its place. False if it was obsolete before it came and left no trace.
    pub(super) fn insert(&mut self, record: Record, stale: &mut Stale) -> bool {
        let (id, kind, author, seq) = (record.id, record.kind, record.author, record.seq);
        let tip = self.tips.entry(author).or_default();
        tip.seq = tip.seq.max(seq);
        if kind.chained() && tip.chained.is_some_and(|(top, at)| (seq, at) < (top, id)) {
            // It may be the link between a settlement and the lots that this one follows.
            stale.authors.extend(self.issues.contains_key(&author).then_some(author));
        }
        if kind.chained() && tip.chained.is_none_or(|(top, at)| (seq, at) > (top, id)) {
            tip.chained = Some((seq, id));
        }
        if kind.chained() && self.authority.is_limited(&author) {
            // It may be a link to records that count.
            stale.authority = true;
        }
        if kind.supersession() == Supersession::Latest && record.body != Body::Unread {
            let slot = (author, kind, record.body.subject());
            let rival = self.latest.get(&slot).and_then(|id| self.records.get(id));
            match rival.map(|rival| ((rival.seq, id) > (seq, rival.id), rival.id)) {
                Some((true, _)) => return self.leave_stub(&record),
                Some((false, rival)) => self.supersede(rival),
                None => {}
            }
            self.latest.insert(slot, id);
        }
        self.mentions.extend(record.body.verifiers().into_iter().map(|verifier| (verifier, kind, id)));
        let agrees_with = record.body.confirms();
        self.agreements.extend(agrees_with.map(|other| (other, id)));
        if !kind.is_many() {
            self.few.insert((kind, id));
        }
        self.records.insert(id, record);
        match kind {
            _ if kind.is_authority() || kind == Kind::Close => stale.authority = true,
            Kind::Issue => self.insert_lot(author, seq, id, stale),
            Kind::Settlement => match agrees_with {
                Some(other) => stale.authors.extend(self.records.get(&other).map(|record| record.author)),
                None => {
                    self.issues.entry(author).or_default().insert((seq, id));
                    stale.authors.insert(author);
                }
            },
            _ => {}
        }
        true
    }

    /// Computes anew what has become stale.
    pub(super) fn settle(&mut self, stale: Stale) {
        if stale.authority {
            let unlimited = Authority::of(self, &Line::default());
            let line = Line::of(self, &unlimited);
            let authority = if unlimited.has_limits() && !line.is_empty() {
                Authority::of(self, &line)
            } else {
                unlimited
            };
            if (&authority, &line) != (&self.authority, &self.line) {
                (self.authority, self.line) = (authority, line);
                let authors: Vec<[u8; 32]> = self.issues.keys().copied().collect();
                return authors.iter().for_each(|author| self.count_lots(author));
            }
        }
        stale.authors.iter().for_each(|author| self.count_lots(author));
    }

    /// These records and everything of the same author that they follow.
    pub(super) fn ancestors(&self, author: &[u8; 32], heads: &[RecordId]) -> SortedSet<RecordId> {
        let mut found = SortedSet::new();
        for head in heads {
            let mut next = Some(*head).filter(|id| self.link(*id).is_some_and(|(by, ..)| by == *author));
            while let Some(id) = next.filter(|id| found.insert(*id)) {
                next = self.before(id);
            }
        }
        found
    }

    /// The chained record that this one follows: of the same author, and with a lower number. A chain that climbs is
    /// none, so that what arrives above all others is behind nothing that is there.
    pub(super) fn before(&self, id: RecordId) -> Option<RecordId> {
        let (author, seq, prev) = self.link(id)?;
        prev.filter(|prev| self.link(*prev).is_some_and(|(by, below, _)| by == author && below < seq))
    }

    /// Whether a chain begins with this record.
    pub(super) fn is_first(&self, id: RecordId) -> bool {
        self.link(id).is_some_and(|(_, _, prev)| prev.is_none())
    }

    /// The ends of a key's chain, its branches' too: the chained records that no other one follows, the latest first.
    pub fn heads(&self, author: &[u8; 32]) -> Vec<RecordId> {
        let kept = self.records.values().filter(|record| record.kind.chained());
        let kept = kept.map(|record| (record.id, record.author, record.seq, record.prev));
        let stubs = self.stubs.iter().map(|(id, stub)| (*id, stub.author, stub.seq, stub.prev));
        let stands = |id: RecordId, seq: u64| !self.line.has_passed(author, id, seq);
        let own: Vec<_> =
            kept.chain(stubs).filter(|(id, by, seq, _)| by == author && stands(*id, *seq)).collect();
        let followed: SortedSet<RecordId> = own.iter().filter_map(|(_, _, _, prev)| *prev).collect();
        let mut ends: Vec<(u64, RecordId)> =
            own.iter().filter(|(id, ..)| !followed.contains(id)).map(|(id, _, seq, _)| (*seq, *id)).collect();
        ends.sort_unstable_by(|one, other| other.cmp(one));
        ends.into_iter().map(|(_, id)| id).take(RECORD_HEADS).collect()
    }

    /// The author of a chained record, its number, and what it says that it follows.
    fn link(&self, id: RecordId) -> Option<([u8; 32], u64, Option<RecordId>)> {
        let kept = self.records.get(&id).filter(|record| record.kind.chained());
        kept.map(|record| (record.author, record.seq, record.prev))
            .or_else(|| self.stubs.get(&id).map(|stub| (stub.author, stub.seq, stub.prev)))
    }

    /// Records of other nodes, by keys with this role, that agree with a record.
    pub(super) fn agreements<'a>(
        &'a self,
        record: &'a Record,
        role: Role,
    ) -> impl Iterator<Item = &'a Record> {
        let first = (record.id, RecordId([0; 32]));
        let same = move |(other, _): &&(RecordId, RecordId)| *other == record.id;
        let others = self.agreements.range_from(&first).take_while(same);
        others.filter_map(|(_, by)| self.records.get(by)).filter(move |by| {
            by.kind == record.kind && by.author != record.author && self.authority.holds(by, role)
        })
    }

    /// Whether another node's key, with this role, agrees with a record.
    pub(super) fn is_agreed(&self, record: &Record, role: Role) -> bool {
        self.agreements(record, role).next().is_some()
    }

    fn supersede(&mut self, id: RecordId) {
        if let Some(record) = self.take_out(id) {
            self.leave_stub(&record);
        }
    }

    /// Takes a record out, and what finds it.
    pub(super) fn take_out(&mut self, id: RecordId) -> Option<Record> {
        let record = self.records.remove(&id)?;
        for verifier in record.body.verifiers() {
            self.mentions.remove(&(verifier, record.kind, id));
        }
        self.few.remove(&(record.kind, id));
        if let Some(other) = record.body.confirms() {
            self.agreements.remove(&(other, id));
        }
        self.counted_lots.remove(&id);
        if let Some(issues) = self.issues.get_mut(&record.author) {
            issues.remove(&(record.seq, id));
        }
        let slot = (record.author, record.kind, record.body.subject());
        if self.latest.get(&slot) == Some(&id) {
            self.latest.remove(&slot);
        }
        Some(record)
    }

    fn leave_stub(&mut self, record: &Record) -> bool {
        if record.kind.chained() {
            let stub = Stub {
                author: record.author,
                seq: record.seq,
                prev: record.prev,
                bytes: record.bytes.clone(),
            };
            self.stubs.insert(record.id, stub);
        }
        record.kind.chained()
    }
}
