//! Where a record stands: what it replaces, what it follows, and whose lots are to be counted again.

use std::borrow::Borrow;
use std::cmp::Ordering;

use crate::base::limit::RECORD_HEADS;
use crate::base::sorted::{LargeSet, SortedSet};
use crate::base::voucher::Verifier;

use super::authority::Authority;
use super::kind::{Kind, Supersession};
use super::line::Line;
use super::record::{Record, RecordId};
use super::rights::Role;
use super::{Body, Ledger, Stale, Stub};

/// That a record speaks of a voucher: which, the number of the record's kind, and how its id begins. There is one for
/// each voucher of each record, so they are small; who makes two ids that begin alike makes a search longer.
pub(super) type Mention = (Verifier, u16, [u8; 6]);

/// Records by their ids. Each has memory of its own: half-empty places of a table cost a pointer, and not a record.
#[derive(Clone, Debug, Default)]
pub(super) struct Records(LargeSet<Kept>);

/// A record in the table, found by its id.
#[derive(Clone, Debug)]
struct Kept(Box<Record>);

impl Borrow<RecordId> for Kept {
    fn borrow(&self) -> &RecordId {
        &self.0.id
    }
}

impl Ord for Kept {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.id.cmp(&other.0.id)
    }
}

impl PartialOrd for Kept {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.0.id == other.0.id
    }
}

impl Eq for Kept {}

/// Signatures are no part of an id.
impl PartialEq for Records {
    fn eq(&self, other: &Self) -> bool {
        self.values().eq(other.values())
    }
}

impl Eq for Records {}

impl Records {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, id: &RecordId) -> Option<&Record> {
        self.0.range_from(id).next().map(|kept| &*kept.0).filter(|record| record.id == *id)
    }

    pub(super) fn contains_key(&self, id: &RecordId) -> bool {
        self.0.contains(id)
    }

    /// All of them, in the order of their ids.
    pub(super) fn values(&self) -> impl Iterator<Item = &Record> + Clone {
        self.0.iter().map(|kept| &*kept.0)
    }

    fn insert(&mut self, record: Record) {
        self.0.insert(Kept(Box::new(record)));
    }

    fn remove(&mut self, id: &RecordId) -> Option<Box<Record>> {
        self.0.take(id).map(|kept| kept.0)
    }

    /// Those whose id begins so.
    fn beginning(&self, head: [u8; 6]) -> impl Iterator<Item = &Record> {
        let mut first = RecordId([0; 32]);
        first.0[..head.len()].copy_from_slice(&head);
        let from = self.0.range_from(&first).map(|kept| &*kept.0);
        from.take_while(move |record| record.id.0.starts_with(&head))
    }
}

fn head(id: RecordId) -> [u8; 6] {
    let mut head = [0; 6];
    head.copy_from_slice(&id.0[..6]);
    head
}

impl Ledger {
    /// Records of one kind that speak of a voucher, in the order of their ids.
    pub(super) fn mentioning(&self, verifier: Verifier, kind: Kind) -> impl Iterator<Item = &Record> {
        let number = kind.number();
        let same = move |mention: &&Mention| (mention.0, mention.1) == (verifier, number);
        let heads = self.mentions.range_from(&(verifier, number, [0; 6])).take_while(same);
        heads
            .flat_map(|(_, _, head)| self.records.beginning(*head))
            .filter(move |record| record.kind == kind && record.body.speaks_of(verifier))
    }

    /// The numbers of the kinds of records that speak of a voucher.
    pub(super) fn mentioned_by(&self, verifier: Verifier) -> impl Iterator<Item = u16> {
        let mentions = self.mentions.range_from(&(verifier, 0, [0; 6]));
        mentions.take_while(move |mention| mention.0 == verifier).map(|mention| mention.1)
    }

    /// The record that one like this replaces, or is replaced by.
    pub(super) fn standing(&self, author: [u8; 32], kind: Kind, body: &Body) -> Option<&Record> {
        match body.voucher() {
            Some(verifier) => self
                .mentioning(verifier, kind)
                .find(|record| record.author == author && record.body.subject() == body.subject()),
            None => self.latest.get(&(author, kind, body.subject())).and_then(|id| self.records.get(id)),
        }
    }

    /// What has taken the place of a stub.
    pub(super) fn newer(&self, stub: &Stub) -> Option<&Record> {
        self.mentioning(stub.voucher?, Kind::Activation).find(|record| record.author == stub.author)
    }

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
        // What has no subject but its author is replaced unread too: a later version says it each minute.
        let of_author = matches!(kind, Kind::Status | Kind::Time);
        if kind.supersession() == Supersession::Latest && (!record.body.is_unread() || of_author) {
            let rival = self.standing(author, kind, &record.body);
            match rival.map(|rival| ((rival.seq, id) > (seq, rival.id), rival.id)) {
                Some((true, _)) => return self.leave_stub(&record),
                Some((false, rival)) => self.supersede(rival),
                None => {}
            }
            if record.body.voucher().is_none() {
                self.latest.insert((author, kind, record.body.subject()), id);
            }
        }
        let mentioned = record.body.verifiers().into_iter();
        self.mentions.extend(mentioned.map(|verifier| (verifier, kind.number(), head(id))));
        let agrees_with = record.body.confirms();
        self.agreements.extend(agrees_with.map(|other| (other, id)));
        if !kind.is_many() {
            self.few.insert((kind, id));
        }
        self.records.insert(record);
        match kind {
            _ if kind.is_authority() || kind == Kind::Close => stale.authority = true,
            Kind::Issue => self.insert_lot(author, seq, id, stale),
            Kind::Settlement => match agrees_with {
                Some(other) => stale.authors.extend(self.records.get(&other).map(|record| record.author)),
                None => {
                    self.issues.entry(author).or_default().insert((seq, id), false);
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
    pub(super) fn ancestors(&self, author: &[u8; 32], heads: &[RecordId]) -> LargeSet<RecordId> {
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
        let followed: LargeSet<RecordId> = own.iter().filter_map(|(_, _, _, prev)| *prev).collect();
        let mut ends: Vec<(u64, RecordId)> =
            own.iter().filter(|(id, ..)| !followed.contains(id)).map(|(id, _, seq, _)| (*seq, *id)).collect();
        ends.sort_unstable_by(|one, other| other.cmp(one));
        ends.into_iter().map(|(_, id)| id).take(RECORD_HEADS).collect()
    }

    /// The author of a chained record, its number, and what it says that it follows.
    pub(super) fn link(&self, id: RecordId) -> Option<([u8; 32], u64, Option<RecordId>)> {
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

    /// A record of which there are few, and what its author says elsewhere in the same words.
    pub(super) fn twins<'a>(&'a self, record: &'a Record) -> impl Iterator<Item = &'a Record> {
        self.of_kind(record.kind).filter(|other| other.says_as(record))
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
    pub(super) fn take_out(&mut self, id: RecordId) -> Option<Box<Record>> {
        let record = self.records.remove(&id)?;
        for verifier in record.body.verifiers() {
            let twin = |other: &Record| other.kind == record.kind && other.body.speaks_of(verifier);
            if !self.records.beginning(head(id)).any(twin) {
                self.mentions.remove(&(verifier, record.kind.number(), head(id)));
            }
        }
        self.few.remove(&(record.kind, id));
        if let Some(other) = record.body.confirms() {
            self.agreements.remove(&(other, id));
        }
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
            // First uses are the one chained kind of which a later word takes the place.
            let voucher = record.body.voucher();
            let (author, seq, prev) = (record.author, record.seq, record.prev);
            let stub = Stub { author, seq, prev, voucher, bytes: self.bytes(record) };
            self.stubs.insert(record.id, stub);
        }
        record.kind.chained()
    }
}
