//! Which lots of a seller count: what they are worth together is bounded by the float.
//!
//! The float is counted over the union of a key's branches, in the order (seq, id), never by arrival. A
//! settlement with which the treasurer's node agrees frees it again, for the lots that the settlement
//! follows: on a branch that it does not know, a copied key gains nothing by it.

use super::authority::MemberState;
use super::body::{Body, Issue, PlanMeasure};
use super::kind::Kind;
use super::record::{Record, RecordId};
use super::rights::Role;
use super::{Ledger, Stale};
use crate::base::sorted::{LargeSet, SortedMap, SortedSet};

impl Ledger {
    /// Puts a lot among the author's others.
    pub(super) fn insert_lot(&mut self, author: [u8; 32], seq: u64, id: RecordId, stale: &mut Stale) {
        let lots = self.issues.entry(author).or_default();
        lots.insert((seq, id), false);
        let last = lots.last_key_value().is_some_and(|(place, _)| *place == (seq, id));
        let above = self.line.cover(&author).is_none_or(|cover| seq > cover.seq);
        if last
            && above
            && self.float_used.contains_key(&author)
            && !stale.authority
            && !stale.authors.contains(&author)
        {
            // In a journal lots come in their order, and none needs a look at those before it.
            let used = self.float_used.get(&author).copied().unwrap_or(0);
            let value = self.lot_within(&author, id, used);
            self.issues.entry(author).or_default().insert((seq, id), value.is_some());
            self.float_used.insert(author, used.saturating_add(value.unwrap_or(0)));
        } else {
            stale.authors.insert(author);
        }
    }

    /// Decides which lots of an author count: by a seller, under one of its numbers, for a plan and an
    /// epoch that are known, and within the float. A lot that does not fit is left out, a later smaller one
    /// may fit. Below the line those count that the close names.
    pub(super) fn count_lots(&mut self, author: &[u8; 32]) {
        let (used, counted) = self.walk_float(author, u64::MAX);
        if let Some(lots) = self.issues.get_mut(author) {
            lots.iter_mut().for_each(|((_, id), counts)| *counts = counted.contains(id));
        }
        self.float_used.insert(*author, used);
    }

    /// What the lots of an author take of its float, those up to a number alone.
    pub(super) fn float_up_to(&self, author: &[u8; 32], seq: u64) -> u64 {
        self.walk_float(author, seq).0
    }

    fn order_of(&self, author: &[u8; 32]) -> impl Iterator<Item = &(u64, RecordId)> {
        self.issues.get(author).into_iter().flat_map(SortedMap::keys)
    }

    /// The lots that count, but for those that an officer honours.
    pub(super) fn counted_lots(&self) -> impl Iterator<Item = &Record> {
        let lots = self.issues.values().flat_map(|lots| lots.iter());
        lots.filter(|(_, counts)| **counts).filter_map(|((_, id), _)| self.records.get(id))
    }

    /// Whether a lot is among them.
    pub(super) fn is_counted(&self, lot: &Record) -> bool {
        let counts = self.issues.get(&lot.author).and_then(|lots| lots.get(&(lot.seq, lot.id)));
        counts.copied().unwrap_or(false)
    }

    /// What is taken of the float at the end, and which lots count.
    fn walk_float(&self, author: &[u8; 32], until: u64) -> (u64, LargeSet<RecordId>) {
        let cover = self.line.cover(author);
        // Of a key that was expelled nothing new comes: what it took below the line, a thief's lots among it, is no
        // reason to leave out what it sold above it before.
        let ended = self.authority.expulsions.contains_key(author);
        let mut used = cover.filter(|_| !ended).map_or(0, |cover| cover.float);
        // What each counted lot still takes; all that the close covers is one, at the end of its chain.
        let mut taken: Vec<(RecordId, u64)> = cover.map(|cover| (cover.head, used)).into_iter().collect();
        let mut counted = SortedSet::new();
        for (seq, id) in self.order_of(author).take_while(|(seq, _)| *seq <= until).copied() {
            let below = cover.filter(|cover| seq <= cover.seq);
            if let Some(worth) = self.settled(id) {
                let free = match below {
                    None => worth - self.free(id, worth, &mut taken),
                    // One that was agreed with above the line: the close did not count it.
                    Some(_) => late_settlement(worth, taken.first_mut().filter(|_| self.line.names(id))),
                };
                used = used.saturating_sub(free);
            } else if below.is_some() {
                if self.line.names(id) && self.lot_worth(author, id).is_some() {
                    counted.insert(id);
                }
            } else if let Some(value) = self.lot_within(author, id, used) {
                used = used.saturating_add(value);
                taken.push((id, value));
                counted.insert(id);
            }
        }
        (used, counted)
    }

    /// What a lot takes that comes behind those which take `used`; none if it does not fit.
    fn lot_within(&self, author: &[u8; 32], id: RecordId, used: u64) -> Option<u64> {
        let float = self.authority.state(author).map_or(0, |state| state.most_float);
        let value = self.lot_worth(author, id)?;
        used.checked_add(value).is_some_and(|sum| sum <= float).then_some(value)
    }

    fn lot_worth(&self, author: &[u8; 32], id: RecordId) -> Option<u64> {
        self.authority.state(author).and_then(|state| self.lot_value(state, id))
    }

    /// What the float of this node still has room for, in minor units.
    pub fn float_left(&self) -> u64 {
        let float = self.own_state().map_or(0, |state| state.member.float);
        float.saturating_sub(self.float_used.get(&self.own_key).copied().unwrap_or(0))
    }

    /// What a lot is worth, if nothing but the float could speak against it.
    fn lot_value(&self, state: &MemberState, id: RecordId) -> Option<u64> {
        let record = self.records.get(&id)?;
        let Body::Issue(issue) = &record.body else { return None };
        let sound = self.authority.holds(record, Role::Seller) && state.numbers.contains(&issue.issuer);
        self.sound_lot(issue).filter(|_| sound)
    }

    /// What a lot is worth whose plan and epoch are known; one for exchanges takes nothing.
    pub(super) fn sound_lot(&self, issue: &Issue) -> Option<u64> {
        let plan = self.plan_of(issue.plan).filter(|plan| plan.measure != PlanMeasure::External)?;
        let count = if issue.for_exchange { 0 } else { issue.verifiers.len() as u64 };
        plan.price.checked_mul(count).filter(|_| self.authority.known_epochs.contains_key(&issue.epoch))
    }

    /// What the vouchers of a settlement are worth, if it counts.
    pub(super) fn settled(&self, id: RecordId) -> Option<u64> {
        let record = self.records.get(&id)?;
        match &record.body {
            Body::Settlement(body) if body.confirms.is_none() && self.settles(record) => Some(body.worth),
            Body::Settlement(_) => Some(0),
            _ => None,
        }
    }

    /// Whether a settlement counts: by the debtor's node, and another one with `treasurer` agrees.
    pub(super) fn settles(&self, record: &Record) -> bool {
        self.authority.holds(record, Role::Seller) && self.is_agreed(record, Role::Treasurer)
    }

    /// Frees what the lots take that a settlement follows, the nearest first; gives what is left of `worth`.
    fn free(&self, settlement: RecordId, mut worth: u64, taken: &mut Vec<(RecordId, u64)>) -> u64 {
        let mut next = self.before(settlement);
        let covered = taken.first().map(|(id, _)| *id);
        let may_take = |id: RecordId| {
            Some(id) == covered || self.records.get(&id).is_some_and(|record| record.kind == Kind::Issue)
        };
        // No longer than there are lots to be found; a chain has no circle, its names are hashes.
        while let Some(id) = next.filter(|_| worth > 0 && !taken.is_empty()) {
            let at = || taken.iter().rposition(|(lot, _)| *lot == id);
            if let Some(at) = may_take(id).then(at).flatten() {
                let freed = taken[at].1.min(worth);
                worth -= freed;
                taken[at].1 -= freed;
                if taken[at].1 == 0 {
                    taken.remove(at);
                }
            }
            next = self.before(id);
        }
        worth
    }
}

/// What a settlement below the line frees of all that the close covers, if a treasurer's node agreed with it above it.
fn late_settlement(worth: u64, covered: Option<&mut (RecordId, u64)>) -> u64 {
    let Some((_, rest)) = covered else { return 0 };
    let free = worth.min(*rest);
    *rest -= free;
    free
}
