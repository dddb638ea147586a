//! Closed books: treasurers close them in every part of a split, boxes let details go, and write again what a close did
//! not know. What is booked is kept here by rules of its own: who knew what when a close was written.

use std::collections::{BTreeMap, BTreeSet};

use tequio::base::voucher::Verifier;
use tequio::ledger::account::Figure;
use tequio::ledger::body::Close;
use tequio::ledger::month::Month;
use tequio::ledger::{Body, Record, RecordId};

use super::replica::BEGIN_UNIX_S;
use super::tally::{Fact, Sums, Tally, View};
use super::{BoxId, World};

/// The seats of the treasurers.
pub(super) const TREASURERS: [BoxId; 2] = [2, 3];
const DAY_S: u64 = 86_400;
/// Closes follow a calendar that is quicker: a month ends in the middle of a run.
const CALENDAR: u64 = 1_000;

/// One close, as somebody saw who stood beside.
#[derive(Clone, Debug)]
struct Booked {
    follows: Option<RecordId>,
    number: u32,
    /// How far it covers each author.
    up_to: BTreeMap<[u8; 32], u64>,
    /// What it has booked, with those before it.
    facts: BTreeSet<RecordId>,
    /// What it says that stays, each by ten octets.
    kept: BTreeSet<[u8; 10]>,
    /// What that comes to.
    totals: BTreeMap<[u8; 32], Sums>,
}

/// All of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Books {
    closes: BTreeMap<RecordId, Booked>,
    /// The first close whose totals are not what its writer knew.
    pub(super) wrong: Option<String>,
}

/// The books at a close, or at the end: what the close before has booked stays as it was, and what came since is added.
pub(super) struct Standing<'a> {
    tally: &'a Tally,
    last: Option<&'a Booked>,
    base: Option<&'a Booked>,
    there: &'a dyn Fn(RecordId) -> bool,
    /// Vouchers of lots that are closed for good.
    gone: BTreeSet<Verifier>,
    /// What has come too late: below the line, and nobody has booked it nor written it again.
    late: BTreeSet<RecordId>,
}

impl<'a> Standing<'a> {
    fn of(
        books: &'a Books,
        last: Option<RecordId>,
        tally: &'a Tally,
        there: &'a dyn Fn(RecordId) -> bool,
    ) -> Self {
        let last = last.and_then(|last| books.closes.get(&last));
        let base = last.and_then(|last| books.closes.get(&last.follows?));
        let gone = base.map(|base| closed_lots(base, tally)).unwrap_or_default();
        let mut standing = Self { tally, last, base, there, gone, late: BTreeSet::new() };
        standing.late = standing.late();
        standing
    }

    fn is_booked(&self, id: RecordId) -> bool {
        self.last.is_some_and(|last| last.facts.contains(&id))
    }

    fn is_below(&self, fact: &Fact) -> bool {
        self.last.and_then(|last| last.up_to.get(&fact.author)).is_some_and(|seq| fact.seq <= *seq)
    }

    fn is_late(&self, fact: &Fact) -> bool {
        self.is_below(fact) && !self.is_booked(fact.id) && (self.there)(fact.id)
    }

    /// Whether it speaks of nothing but lots that are closed for good.
    fn is_over(&self, fact: &Fact) -> bool {
        let speaks = self.tally.vouchers_of(fact);
        !speaks.is_empty() && speaks.iter().all(|voucher| self.gone.contains(voucher))
    }

    /// Whether a fact stands in the books: it was booked, or is above the line and does not speak of lots which are closed
    /// for good.
    pub(super) fn has(&self, id: RecordId) -> bool {
        let Some(fact) = self.tally.facts.get(&id) else { return false };
        // A payment is booked when the other node agrees, wherever the line is by then.
        let agrees = |other: &Fact| !self.is_below(other) && (self.there)(other.id);
        let agreed = || fact.is_payment() && self.tally.agreements_with(id).any(agrees);
        let is_above = || !self.is_below(fact) && !self.is_over(fact);
        self.is_booked(id) || ((self.there)(id) && (agreed() || is_above()))
    }

    /// What the books come to with all that stands in them.
    pub(super) fn totals(&self, stands: &dyn Fn(RecordId) -> bool) -> BTreeMap<[u8; 32], Sums> {
        let mut totals = self.last.map(|last| last.totals.clone()).unwrap_or_default();
        for (sign, sums) in [(1, self.sums(stands)), (-1, self.sums(&|id| self.is_booked(id)))] {
            for (node, sum) in sums {
                totals.entry(node).or_default().add(sum, sign);
            }
        }
        totals.retain(|_, sum| *sum != Sums::default());
        totals
    }

    fn late(&self) -> BTreeSet<RecordId> {
        let is_again = |fact: &Fact| self.tally.again(fact).any(|id| self.has(id) && !self.is_booked(id));
        let late = self.tally.facts.values().filter(|fact| self.is_late(fact) && !is_again(fact));
        late.map(|fact| fact.id).collect()
    }

    fn sums(&self, stands: &dyn Fn(RecordId) -> bool) -> BTreeMap<[u8; 32], Sums> {
        let there = |id: RecordId| (self.there)(id) || self.is_booked(id);
        // What came too late adds nothing by itself; what is said of it later does.
        let stands = |id: RecordId| stands(id) || self.late.contains(&id);
        self.tally.sums(View { there: &there, stands: &stands, saved: &|fact| self.is_saved(fact) })
    }

    /// Of an expelled key there counts below the line of the base what it names, and what speaks of vouchers.
    fn is_saved(&self, fact: &Fact) -> bool {
        let Some(base) = self.base else { return false };
        let is_below = base.up_to.get(&fact.author).is_some_and(|seq| fact.seq <= *seq);
        is_below && (base.names(fact.id) || fact.is_of_vouchers())
    }

    /// Whether somebody would miss it who was told that it is done.
    pub(super) fn is_missing(&self, fact: &Fact) -> bool {
        // What is above the line and means nothing there is not lost.
        let is_there = |id: RecordId| {
            self.has(id)
                || ((self.there)(id) && self.tally.facts.get(&id).is_some_and(|fact| !self.is_below(fact)))
        };
        let is_rule = fact.first_use().is_some() || fact.void().is_some() || self.is_over(fact);
        fact.durable && !is_rule && !is_there(fact.id) && !self.tally.again(fact).any(is_there)
    }
}

impl Booked {
    fn names(&self, id: RecordId) -> bool {
        id.0.first_chunk().is_some_and(|name| self.kept.contains(name))
    }
}

impl Books {
    fn enter(&mut self, id: RecordId, close: &Close, tally: &Tally, knows: &dyn Fn(RecordId) -> bool) {
        let standing = Standing::of(self, close.follows, tally, knows);
        let mut facts = standing.last.map(|before| before.facts.clone()).unwrap_or_default();
        for cover in &close.covers {
            facts.extend(tally.ancestors(&cover.ends()).into_iter().filter(|fact| standing.has(*fact)));
        }
        let totals = standing.totals(&|id| facts.contains(&id));
        let theirs = sums(close.totals.iter().map(|row| {
            let figure = |of: Figure| row.figures.get(of as usize).copied().unwrap_or(0);
            (row.node, figure)
        }));
        if totals != theirs && self.wrong.is_none() {
            self.wrong = Some(format!("close {} {id}: {}", close.number, differ(&theirs, &totals)));
        }
        let up_to = close.covers.iter().map(|cover| (cover.author, cover.seq)).collect();
        let kept = close.kept.as_chunks().0.iter().copied().collect();
        let (follows, number) = (close.follows, close.number);
        self.closes.insert(id, Booked { follows, number, up_to, facts, kept, totals });
    }

    /// The one that counts: behind which most stand, else the lower id.
    pub(super) fn last(&self) -> Option<RecordId> {
        let last = self.closes.iter().max_by_key(|(id, close)| (close.number, std::cmp::Reverse(**id)));
        last.map(|(id, _)| *id)
    }

    /// Whether the last close has booked it.
    pub(super) fn has(&self, id: RecordId) -> bool {
        self.last().and_then(|last| self.closes.get(&last)).is_some_and(|last| last.facts.contains(&id))
    }

    /// How the books stand behind the last close.
    pub(super) fn standing<'a>(
        &'a self,
        tally: &'a Tally,
        there: &'a dyn Fn(RecordId) -> bool,
    ) -> Standing<'a> {
        Standing::of(self, self.last(), tally, there)
    }
}

/// Where two books say something else.
pub(super) fn differ(theirs: &BTreeMap<[u8; 32], Sums>, ours: &BTreeMap<[u8; 32], Sums>) -> String {
    let differs = ours.keys().chain(theirs.keys()).find(|node| ours.get(*node) != theirs.get(*node));
    let node = differs.copied().unwrap_or_default();
    format!(
        "the accounts of {} differ: the ledger says {:?}, the books {:?}",
        tequio::ledger::text::fingerprint(&node),
        theirs.get(&node),
        ours.get(&node)
    )
}

/// Sums of rows, node by node.
pub(super) fn sums<F: Fn(Figure) -> i64>(
    rows: impl Iterator<Item = ([u8; 32], F)>,
) -> BTreeMap<[u8; 32], Sums> {
    let mut sums: BTreeMap<[u8; 32], Sums> = BTreeMap::new();
    for (node, figure) in rows.filter(|(node, _)| *node != [0; 32]) {
        let sum = sums.entry(node).or_default();
        sum.printed += figure(Figure::Printed);
        sum.sold += figure(Figure::Sold);
        sum.used += figure(Figure::Activated);
        sum.void += figure(Figure::Void);
        sum.taken += figure(Figure::Taken);
        sum.due += figure(Figure::Due);
        sum.settled += figure(Figure::Settled);
        sum.expenses += figure(Figure::Expenses);
        sum.contributions += figure(Figure::Contributions);
    }
    sums.retain(|_, sum| *sum != Sums::default());
    sums
}

/// Vouchers of lots that are below the line of a base, which does not name them.
fn closed_lots(base: &Booked, tally: &Tally) -> BTreeSet<Verifier> {
    let is_below = |fact: &&Fact| base.up_to.get(&fact.author).is_some_and(|seq| fact.seq <= *seq);
    let lots = tally.facts.values().filter(is_below).filter(|fact| !base.names(fact.id));
    lots.flat_map(|fact| fact.lot().to_vec()).collect()
}

impl World {
    /// A treasurer closes the books up to here, as its own part knows them.
    pub(super) fn close(&mut self, own: BoxId) {
        let one = &self.boxes[own];
        // One with an old backup in it would first have to hear of the others.
        if !one.powered || one.was_hurt {
            return;
        }
        let unix_s = BEGIN_UNIX_S + self.now.as_micros() / 1_000_000 * CALENDAR;
        let last = one.ledger.closes().last().map(|(_, close)| (close.month, close.day));
        let today = u32::try_from(unix_s / DAY_S).ok();
        // As nodes do by themselves: first the month before, if nobody has ended it.
        let this = Month::of(unix_s);
        let (month, day) = match last {
            Some((month, Some(_))) if month < this.0 => (Month(month), None),
            _ => (this, today),
        };
        let body = match one.ledger.close_body(month, day) {
            Ok(body) => body,
            Err(why) => return self.say(|| format!("box {own} closes nothing: {why}")),
        };
        let Body::Close(close) = body.clone() else { return };
        // Who writes a close knows what it has, and what was booked before.
        let known: BTreeSet<RecordId> =
            self.tally.facts.keys().copied().filter(|id| one.ledger.has(*id)).collect();
        match self.write(own, body, true) {
            Ok(id) => {
                self.books.enter(id, &close, &self.tally, &|fact| known.contains(&fact));
                self.closes += 1;
                self.write_late(own);
            }
            Err(error) => self.say(|| format!("box {own} closes nothing: {error}")),
        }
    }

    /// What the last close did not know of a box, it writes once more.
    pub(super) fn write_late(&mut self, own: BoxId) {
        let late: Vec<Body> = self.ledger(own).late().iter().map(|record| record.body.clone()).collect();
        for body in late {
            let bytes = match self.boxes[own].sign_again(&body) {
                Ok(bytes) => bytes,
                Err(error) => {
                    self.say(|| format!("box {own} does not write again: {error}"));
                    continue;
                }
            };
            let record = Record::parse(&bytes).expect("what we wrote can be read");
            self.tally.enter(Fact::of(&record, true));
            self.late += 1;
            let one = &mut self.boxes[own];
            one.flash.write(&bytes);
            one.sync.handle_record(record.id, None, &one.ledger);
            self.drain(own);
        }
    }

    /// Every now and then a box lets go what it may: once all who may close say that they stand behind the same close.
    pub(super) fn let_go(&mut self) {
        let last = |own: BoxId| self.ledger(own).closes().last().map(|(id, _)| *id);
        let tips: BTreeSet<Option<RecordId>> = TREASURERS.into_iter().map(last).collect();
        let agreed: Vec<BoxId> =
            self.honest().filter(|own| tips.len() == 1 && tips.contains(&last(*own))).collect();
        for own in agreed {
            if self.boxes[own].powered && self.random.below(3) == 0 {
                self.let_go += self.boxes[own].ledger.let_go();
            }
        }
    }
}
