//! The line of the last closes: what stands below it is booked, and what of it means nothing any more may be let go.
//!
//! The last close says what is booked (`account`). The one before it, the *base*, says what stays below its line: the
//! records that say who may do what, lots with a voucher that is still good, payments with which nobody has agreed, and the
//! last close of each month, each named by the close; and what speaks of those lots. Everything else below the line of the base means nothing here, whether it is still kept or
//! not: two nodes of which one has let it go say the same.
//!
//! Chains are cut by it. Of a key that was expelled, or that lost a role, there counts below the line what the base names,
//! and what such a key says of its own lots: a thief who writes there moves no more than its own vouchers.

use super::Ledger;
use super::authority::Authority;
use super::body::{Body, Close, Cover};
use super::kind::Kind;
use super::record::{Record, RecordId};
use super::rights::{Role, Roles};
use crate::base::sorted::SortedMap;

/// How much of a record's id a close names it by. To find another record of the same name takes 2^69 hashes with 2,000
/// names to hit.
pub(super) const NAME_BYTES: usize = 10;

/// Where the books stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// The last close, the base, and before them those that the base names: the last of each month.
    pub(super) closes: Vec<RecordId>,
    /// How far the base covers each author.
    covers: SortedMap<[u8; 32], Cover>,
    /// What the base names below its line, in order.
    names: Vec<[u8; NAME_BYTES]>,
}

impl Line {
    /// Where the closes draw it that these rights let count.
    pub(super) fn of(ledger: &Ledger, authority: &Authority) -> Self {
        let mut line = Self::default();
        let Some((last, close)) = last_close(ledger, authority) else { return line };
        if let Some((base, close)) = before(ledger, close) {
            line.covers = close.covers.iter().map(|cover| (cover.author, cover.clone())).collect();
            line.names = close.kept.as_chunks().0.to_vec();
            let ends = ledger.of_kind(Kind::Close).filter(|record| line.names(record.id));
            let mut ends: Vec<(u32, RecordId)> =
                ends.filter_map(|record| Some((close_in(ledger, record.id)?.number, record.id))).collect();
            ends.sort_unstable();
            line.closes = ends.into_iter().map(|(_, id)| id).collect();
            line.closes.push(base);
        }
        line.closes.push(last);
        line
    }

    /// Whether nothing is below it.
    pub(super) fn is_empty(&self) -> bool {
        self.covers.is_empty()
    }

    /// How far the base covers an author.
    pub(super) fn cover(&self, author: &[u8; 32]) -> Option<&Cover> {
        self.covers.get(author)
    }

    /// Whether a record stands below the line of the base.
    pub(super) fn is_below(&self, record: &Record) -> bool {
        self.covers.get(&record.author).is_some_and(|cover| record.seq <= cover.seq)
    }

    /// Whether this place of an author's chain is below the line, and is not the one that the cover names: that ends every
    /// chain which goes on above.
    pub(super) fn has_passed(&self, author: &[u8; 32], id: RecordId, seq: u64) -> bool {
        self.covers.get(author).is_some_and(|cover| seq <= cover.seq && id != cover.head)
    }

    /// Whether the base names a record.
    pub(super) fn names(&self, id: RecordId) -> bool {
        self.names.binary_search(&name(id)).is_ok()
    }

    /// The roles with which a record below the line counts whose author has them no more.
    pub(super) fn roles(&self, record: &Record, ever: Roles) -> Roles {
        match () {
            () if !self.is_below(record) => Roles::NONE,
            () if self.names(record.id) => ever,
            () if record.kind.is_of_vouchers() => {
                ever.both(Roles::NONE.with(Role::Seller).with(Role::Hotspot))
            }
            () => Roles::NONE,
        }
    }
}

impl Ledger {
    /// The last two closes, and before them the last one of each month before; the oldest first.
    pub fn closes(&self) -> Vec<(RecordId, &Close)> {
        self.line.closes.iter().filter_map(|id| Some((*id, close_in(self, *id)?))).collect()
    }

    /// Whether each other node that may close says that it stands behind the base: none can write another close before
    /// it any more, which would need what the base lets go.
    pub fn is_base_known(&self) -> bool {
        let closes = &self.line.closes[self.line.closes.len().saturating_sub(2)..];
        let statuses = self.statuses();
        let closers = self.members().filter(|state| state.member.roles.has(Role::Treasurer));
        let wrote = |key: &[u8; 32]| {
            closes.iter().any(|id| self.record(*id).is_some_and(|close| close.author == *key))
        };
        let mut others =
            closers.map(|state| state.member.key).filter(|key| *key != self.own_key && !wrote(key));
        others.all(|key| {
            let told = statuses.iter().find(|(author, _)| *author == key);
            told.and_then(|(_, status)| status.close).is_some_and(|close| closes.contains(&close))
        })
    }

    /// Whether nothing follows from a record any more: it may be forgotten.
    pub(super) fn is_done(&self, record: &Record) -> bool {
        if !self.line.has_passed(&record.author, record.id, record.seq) {
            return false;
        }
        match record.kind {
            Kind::Issue | Kind::Honoured | Kind::Close => !self.line.names(record.id),
            Kind::Device => true,
            // One that nobody has agreed with is named. What stands above the line in the same words is known by it.
            Kind::Settlement | Kind::Expense | Kind::Contribution => match record.body.confirms() {
                Some(other) => self.is_gone(other),
                None => {
                    !self.line.names(record.id) && !self.twins(record).any(|twin| !self.line.is_below(twin))
                }
            },
            kind if kind.is_of_vouchers() => {
                !record.body.verifiers().iter().any(|verifier| self.has_lot(*verifier))
                    && record.body.confirms().is_none_or(|other| self.is_gone(other))
            }
            _ => false,
        }
    }

    /// Forgets what nothing follows from any more; tells how many records that were. Not before all is here that the
    /// base names: what speaks of a lot means something once the lot has come.
    pub fn let_go(&mut self) -> usize {
        let here = self.records.values().filter(|record| self.line.names(record.id)).count();
        if here < self.line.names.len() {
            return 0;
        }
        let done: Vec<RecordId> =
            self.records.values().filter(|record| self.is_done(record)).map(|record| record.id).collect();
        done.iter().for_each(|id| drop(self.take_out(*id)));
        let stubs: Vec<RecordId> =
            self.stubs.iter().filter(|(id, stub)| self.is_passed(**id, stub)).map(|(id, _)| *id).collect();
        stubs.iter().for_each(|id| drop(self.stubs.remove(id)));
        done.len() + stubs.len()
    }

    /// Whether a stub stands below the line: only the one that a cover names is a link still. One says that the first use
    /// was booked until what took its place is below the line too.
    pub(super) fn is_passed(&self, id: RecordId, stub: &super::Stub) -> bool {
        self.line.has_passed(&stub.author, id, stub.seq)
            && self.newer(stub).is_none_or(|newer| self.line.is_below(newer))
    }

    fn is_gone(&self, id: RecordId) -> bool {
        self.records.get(&id).is_none_or(|record| self.is_done(record))
    }

    /// Whether a lot that stays, or one above the line, has this voucher.
    fn has_lot(&self, verifier: crate::base::voucher::Verifier) -> bool {
        let honoured = self.mentioning(verifier, Kind::Honoured);
        self.mentioning(verifier, Kind::Issue).chain(honoured).any(|lot| !self.is_done(lot))
    }
}

/// What a close calls a record.
pub(super) fn name(id: RecordId) -> [u8; NAME_BYTES] {
    let mut name = [0; NAME_BYTES];
    name.copy_from_slice(&id.0[..NAME_BYTES]);
    name
}

/// The close behind which the next one is written: of all that count the one with the highest number; of several, the
/// lowest id. So a close behind which others stand is not undone by one that comes late: its details may be gone. A
/// close counts by its author's right, or because one that counts follows it: below the line nothing else proves it.
fn last_close<'a>(ledger: &'a Ledger, authority: &Authority) -> Option<(RecordId, &'a Close)> {
    let closes =
        ledger.of_kind(Kind::Close).filter_map(|record| Some((record, close_in(ledger, record.id)?)));
    // What stands behind one that is here stands behind it in its number too.
    let fits = |close: &Close| match close.follows.and_then(|before| close_in(ledger, before)) {
        Some(before) => before.number.checked_add(1) == Some(close.number),
        None => true,
    };
    let counted = closes.filter(|(record, close)| authority.entitled(record) && fits(close));
    let last = counted.max_by_key(|(record, close)| (close.number, std::cmp::Reverse(record.id)));
    last.map(|(record, close)| (record.id, close))
}

/// The close that one follows, if it is here.
fn before<'a>(ledger: &'a Ledger, close: &Close) -> Option<(RecordId, &'a Close)> {
    let id = close.follows?;
    let before = close_in(ledger, id).filter(|before| before.number.checked_add(1) == Some(close.number))?;
    Some((id, before))
}

fn close_in(ledger: &Ledger, id: RecordId) -> Option<&Close> {
    match &ledger.record(id)?.body {
        Body::Close(close) => Some(close),
        _ => None,
    }
}
