//! The accounts: what was made, sold, given, owed and paid, by node, person and plan.
//!
//! A row is a function of a set of records, like everything here. What a month brought is what the records
//! up to its end say, less what those before it said; no event is booked twice, and none is lost between
//! two reports. A void before the first use cancels the debt; one after it only if the treasurer's node
//! agrees with the debtor's.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::Ledger;
use super::again::is_first;
use super::body::{Body, Close, ClosedTotal, InKind, Issue, PaperDebt, Plan, PlanMeasure};
use super::close::is_below;
use super::kind::Kind;
use super::record::{Record, RecordId};
use super::rights::Role;
use super::text::fingerprint;
use crate::base::sorted::{LargeMap, LargeSet, SortedMap, SortedSet};
use crate::base::voucher::Verifier;

/// One column of the accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub enum Figure {
    /// Vouchers made.
    Printed,
    /// Paper that somebody took away and did not sell yet.
    Held,
    /// Vouchers sold.
    Sold,
    /// Vouchers in use or used up.
    Activated,
    /// Vouchers given for work or to the school.
    InKind,
    /// Vouchers voided, whose debt is cancelled.
    Void,
    /// Vouchers that somebody else had used, and that were replaced.
    Stolen,
    /// What came in for vouchers, in minor units.
    Taken,
    /// What the vouchers given in kind were worth.
    InKindWorth,
    /// What of it stays with the seller.
    SellerShare,
    /// What of it is the community's.
    Due,
    /// What was paid of that.
    Settled,
    /// What the community spent.
    Expenses,
    /// What it got beside.
    Contributions,
    /// What of the community's part is promised to others, by their names.
    Share,
}

/// How many columns there are.
pub const FIGURES: usize = Figure::Share as usize + 1;

/// Their names for programs, in their order.
pub const NAMES: [&str; FIGURES] = [
    "printed",
    "held",
    "sold",
    "activated",
    "in_kind",
    "void",
    "stolen",
    "taken",
    "in_kind_worth",
    "seller_share",
    "due",
    "settled",
    "expenses",
    "contributions",
    "share",
];

/// The figures of one row. Differences can be negative: what was held last month is sold in this one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Figures(pub [i64; FIGURES]);

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Total {
    /// Name of the node.
    pub node: String,
    /// The person; nobody for vouchers that nobody had.
    pub person: String,
    /// The plan's id; none for payments.
    pub plan: String,
    /// Its figures.
    pub figures: Figures,
}

/// Rows by (node, person, plan).
pub type Tally = SortedMap<([u8; 32], String, String), Figures>;

/// Which records are looked at.
type Lens<'a> = &'a dyn Fn(&Record) -> bool;

impl Figures {
    /// One figure.
    pub const fn of(&self, figure: Figure) -> i64 {
        self.0[figure as usize]
    }

    /// What is still to be paid.
    pub const fn owed(&self) -> i64 {
        self.of(Figure::Due).saturating_sub(self.of(Figure::Settled))
    }

    /// What is in the community's hands.
    pub const fn cash(&self) -> i64 {
        let got = self.of(Figure::Settled).saturating_add(self.of(Figure::Contributions));
        got.saturating_sub(self.of(Figure::Expenses))
    }

    /// Whether there is nothing to be said.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// These and `sign` times others.
    pub fn add(&mut self, other: &Self, sign: i64) {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            *own = own.saturating_add(other.saturating_mul(sign));
        }
    }

    fn put(&mut self, figure: Figure, amount: u64) {
        let own = &mut self.0[figure as usize];
        *own = own.saturating_add(i64::try_from(amount).unwrap_or(i64::MAX));
    }

    fn charge(&mut self, plan: &Plan, count: u64) {
        self.put(Figure::Taken, plan.price.saturating_mul(count));
        self.put(Figure::SellerShare, plan.seller_share.saturating_mul(count));
        self.put(Figure::Due, plan.price.saturating_sub(plan.seller_share).saturating_mul(count));
    }
}

impl Close {
    /// What it booked.
    pub(super) fn tally(&self) -> Tally {
        let row = |row: &ClosedTotal| {
            let mut figures = Figures::default();
            figures.0.iter_mut().zip(&row.figures).for_each(|(own, closed)| *own = *closed);
            ((row.node, row.person.clone(), row.plan.clone()), figures)
        };
        self.totals.iter().map(row).collect()
    }
}

/// What became of one voucher.
struct Fate<'a> {
    /// Who owes it, if somebody does.
    debtor: Option<&'a str>,
    /// Whose row it stands in.
    person: &'a str,
    sold: bool,
    held: bool,
    used: bool,
    in_kind: bool,
    void: bool,
}

impl Ledger {
    /// What the last close booked, and what the records above its line say that are looked at.
    pub fn tally(&self, visible: Lens<'_>) -> Tally {
        let closes = self.closes();
        let Some((_, close)) = closes.last() else {
            return self.tally_records(visible, &self.given_in_kind(visible), None);
        };
        let line = self.booked();
        // What is below stands in both, and adds nothing: also what was let go, or came too late.
        let again = self.written_again(&line);
        let retold = self.told_again(&line);
        let was_booked = |record: &Record| is_below(&line, record) || retold.contains(&record.id);
        let below = |record: &Record| was_booked(record) && !again.contains(&record.id);
        let is_new = |record: &Record| visible(record) && !was_booked(record);
        let all = |record: &Record| below(record) || is_new(record);
        let gifts = [&below as Lens<'_>, &all].map(|seen| self.given_in_kind(seen));
        let touched = self.touched(&is_new, &gifts);
        let of = |touched| {
            let before = self.tally_records(&below, &gifts[0], touched);
            difference(self.tally_records(&all, &gifts[1], touched), &before)
        };
        let mut tally = of(Some(&touched));
        #[cfg(test)]
        assert_eq!(tally, of(None), "what no new record speaks of adds nothing");
        for (key, figures) in close.tally() {
            tally.entry(key).or_default().add(&figures, 1);
        }
        tally.retain(|_, figures| !figures.is_empty());
        tally
    }

    /// The vouchers of which these new records say more than the ones before: nothing else has changed in the accounts.
    pub(super) fn touched(&self, is_new: Lens<'_>, gifts: &[LargeSet<RecordId>; 2]) -> LargeSet<Verifier> {
        let mut touched = SortedSet::new();
        for record in self.records.values().filter(|record| record.kind.chained()) {
            // A word for an earlier gift leaves room in the quota for one that had none.
            let is_gift = || gifts[0].contains(&record.id) != gifts[1].contains(&record.id);
            if is_new(record) || (record.kind == Kind::InKind && is_gift()) {
                touched.extend(record.body.verifiers());
                let agrees_with = record.body.confirms().and_then(|other| self.records.get(&other));
                touched.extend(agrees_with.map(|other| other.body.verifiers()).unwrap_or_default());
            }
        }
        touched
    }

    /// The accounts of what is looked at, of some vouchers or of all.
    fn tally_records(
        &self,
        visible: Lens<'_>,
        given: &LargeSet<RecordId>,
        only: Option<&LargeSet<Verifier>>,
    ) -> Tally {
        let mut tally = Tally::new();
        let is_asked =
            |issue: &Issue| only.is_none_or(|only| issue.verifiers.iter().any(|one| only.contains(one)));
        for lot in self.counted_lots().chain(self.of_kind(Kind::Honoured)) {
            if let Some((lot, issue)) = self.lot_of(lot).filter(|(_, issue)| is_asked(issue) && visible(lot))
            {
                self.tally_lot(&mut tally, lot, issue, given, visible);
            }
        }
        self.tally_external(&mut tally, visible);
        self.tally_money(&mut tally, visible);
        tally
    }

    /// Rows for people, in the order of node, person and plan.
    pub fn rows(&self, tally: Tally) -> Vec<Total> {
        let name = |key: &[u8; 32]| match self.authority.state(key) {
            _ if *key == [0; 32] => String::new(),
            Some(state) => state.member.name.clone(),
            None => fingerprint(key),
        };
        let mut rows: Vec<Total> = tally
            .into_iter()
            .map(|((node, person, plan), figures)| Total { node: name(&node), person, plan, figures })
            .collect();
        rows.sort_by(|one, other| {
            (&one.node, &one.person, &one.plan).cmp(&(&other.node, &other.person, &other.plan))
        });
        rows
    }

    fn tally_lot(
        &self,
        tally: &mut Tally,
        lot: &Record,
        issue: &Issue,
        given: &LargeSet<RecordId>,
        visible: Lens<'_>,
    ) {
        let Some(plan) = self.plan_of(issue.plan) else { return };
        let stolen = |verifier: Verifier| {
            self.exchange_of(verifier, issue).is_some_and(|(exchange, _)| {
                self.agreements(exchange, Role::Treasurer).any(|record| visible(record) && visible(exchange))
            })
        };
        for verifier in issue.verifiers.iter().copied() {
            // An author who names a voucher in two lots has it once.
            let same = |(other, _): &(&Record, &Issue)| other.author == lot.author && visible(other);
            let first = self.lots_with(verifier).find(same);
            if first.is_none_or(|(first, _)| first.id != lot.id) {
                continue;
            }
            let fate = self.fate(verifier, lot, issue, given, visible);
            let row = tally.entry((lot.author, fate.person.to_owned(), plan.id.clone())).or_default();
            for (figure, is) in [
                (Figure::Printed, true),
                (Figure::Held, fate.held),
                (Figure::Sold, fate.sold),
                (Figure::Activated, fate.used),
                (Figure::InKind, fate.in_kind),
                (Figure::Void, fate.void),
                (Figure::Stolen, stolen(verifier)),
            ] {
                row.put(figure, u64::from(is));
            }
            if fate.in_kind {
                row.put(Figure::InKindWorth, plan.price);
            }
            if fate.debtor.is_some() {
                row.charge(plan, 1);
                share_out(tally, plan, 1);
            }
        }
    }

    fn fate<'a>(
        &'a self,
        verifier: Verifier,
        lot: &Record,
        issue: &Issue,
        given: &LargeSet<RecordId>,
        visible: Lens<'_>,
    ) -> Fate<'a> {
        let of = |kind| self.mentioning(verifier, kind).filter(|record| visible(record));
        let sale = self.sale(of(Kind::Sale), lot, issue).map(|(_, sale)| sale.person.as_str());
        let own = |record: &&Record| record.author == lot.author;
        let holder = of(Kind::HandOver).filter(own).filter(|record| self.authority.entitled(record));
        let holder =
            holder.max_by_key(|record| (record.seq, record.id)).and_then(|record| match &record.body {
                Body::HandOver(body) => Some(body.person.as_str()).filter(|person| !person.is_empty()),
                _ => None,
            });
        let gift = of(Kind::InKind).filter(own).find(|record| given.contains(&record.id));
        let gift = gift.and_then(|record| match &record.body {
            Body::InKind(body) => Some(body.person.as_str()),
            _ => None,
        });
        let used = self.activations(verifier, issue.issuer).any(|(record, _)| visible(record));
        let mut voids = of(Kind::Revocation).filter(|record| self.may_void(record, lot));
        let void = if used {
            voids.filter(own).any(|record| self.agreements(record, Role::Treasurer).any(visible))
        } else {
            voids.next().is_some()
        };
        let at_hand_over = self.charter().is_some_and(|charter| charter.paper_debt == PaperDebt::HandOver);
        let free = void || gift.is_some() || issue.for_exchange || matches!(lot.body, Body::Honoured(_));
        let debtor = match (sale, holder) {
            _ if free => None,
            (Some(person), _) => Some(person),
            (None, Some(person)) if used || at_hand_over => Some(person),
            // Paper that nobody took away is owed by the node from its first use.
            (None, None) if used => Some(""),
            _ => None,
        };
        Fate {
            debtor,
            person: gift.or(sale).or(holder).unwrap_or_default(),
            sold: sale.is_some() && !void && gift.is_none(),
            held: sale.is_none() && holder.is_some() && !void && gift.is_none(),
            used,
            in_kind: gift.is_some(),
            void,
        }
    }

    fn tally_external(&self, tally: &mut Tally, visible: Lens<'_>) {
        let mut seen = Vec::new();
        for record in self.records.values() {
            let Body::Sale(sale) = &record.body else { continue };
            if sale.external_count == 0 {
                continue;
            }
            let Some(plan) = self.plan_of(sale.plan).filter(|plan| plan.measure == PlanMeasure::External)
            else {
                continue;
            };
            let may = sale.price == plan.price && plan.is_sold_by(&record.author);
            let counts = may && self.authority.entitled(record) && visible(record);
            if counts && is_first(&mut seen, record) {
                let count = u64::from(sale.external_count);
                let row = tally.entry((record.author, sale.person.clone(), plan.id.clone())).or_default();
                row.put(Figure::Sold, count);
                row.charge(plan, count);
                share_out(tally, plan, count);
            }
        }
    }

    fn tally_money(&self, tally: &mut Tally, visible: Lens<'_>) {
        let mut seen = Vec::new();
        for kind in [Kind::Settlement, Kind::Expense, Kind::Contribution] {
            for record in self.of_kind(kind).filter(|record| visible(record)) {
                let (person, figure, amount) = match &record.body {
                    Body::Settlement(body)
                        if body.confirms.is_none()
                            && self.settles(record)
                            && !self.is_done(record)
                            && self.agreements(record, Role::Treasurer).any(visible) =>
                    {
                        (&body.person, Figure::Settled, body.paid)
                    }
                    Body::Expense(body) if self.authority.entitled(record) => {
                        (&body.person, Figure::Expenses, body.amount)
                    }
                    Body::Contribution(body) if self.authority.entitled(record) => {
                        (&body.person, Figure::Contributions, body.amount)
                    }
                    _ => continue,
                };
                if is_first(&mut seen, record) {
                    let row = tally.entry((record.author, person.clone(), String::new())).or_default();
                    row.put(figure, amount);
                }
            }
        }
    }

    /// Records of gifts that count: within the month's quota of the node, in the order (seq, id) over all
    /// branches, or with another node's word.
    pub(super) fn given_in_kind(&self, visible: Lens<'_>) -> LargeSet<RecordId> {
        let mut gifts: Vec<(&Record, &InKind)> = Vec::new();
        for record in self.records.values() {
            if let Body::InKind(body) = &record.body
                && body.confirms.is_none()
                && self.authority.holds(record, Role::Seller)
                && visible(record)
            {
                gifts.push((record, body));
            }
        }
        gifts.sort_by_key(|(record, _)| (record.author, record.seq, record.id));
        let quota = self.charter().map_or(0, |charter| charter.in_kind_quota);
        let mut used: LargeMap<([u8; 32], u32), u64> = SortedMap::new();
        let mut counted = SortedSet::new();
        for (record, body) in gifts {
            if self.agreements(record, Role::Treasurer).any(visible) {
                counted.insert(record.id);
                continue;
            }
            let worth = self.worth(record, body);
            let sum = used.entry((record.author, body.month)).or_default();
            if sum.checked_add(worth).is_some_and(|sum| sum <= quota) {
                *sum += worth;
                counted.insert(record.id);
            }
        }
        counted
    }

    fn worth(&self, record: &Record, body: &InKind) -> u64 {
        let price = |verifier: &Verifier| {
            let (_, issue) = self.lots_with(*verifier).find(|(lot, _)| lot.author == record.author)?;
            self.plan_of(issue.plan).map(|plan| plan.price)
        };
        body.verifiers.iter().filter_map(price).fold(0, u64::saturating_add)
    }
}

/// What is promised to others stands in rows of their own.
fn share_out(tally: &mut Tally, plan: &Plan, count: u64) {
    for share in &plan.shares {
        let row = tally.entry(([0; 32], share.to.clone(), plan.id.clone())).or_default();
        row.put(Figure::Share, share.amount.saturating_mul(count));
    }
}

/// What one tally says more than another.
pub fn difference(mut later: Tally, earlier: &Tally) -> Tally {
    for (key, figures) in earlier {
        later.entry(key.clone()).or_default().add(figures, -1);
    }
    later.retain(|_, figures| !figures.is_empty());
    later
}

impl Serialize for Total {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("node", &self.node)?;
        map.serialize_entry("person", &self.person)?;
        map.serialize_entry("plan", &self.plan)?;
        for (name, figure) in NAMES.iter().zip(self.figures.0) {
            map.serialize_entry(name, &figure)?;
        }
        map.serialize_entry("owed", &self.figures.owed())?;
        map.end()
    }
}
