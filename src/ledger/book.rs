//! One voucher's life, read from the records that speak of it.

use serde::{Deserialize, Serialize};

use crate::base::sorted::{LargeMap, SortedMap};

use super::Ledger;
use super::body::{Body, Exchange, Issue, Plan, PlanMeasure, Sale};
use super::device::devices;
use super::kind::Kind;
use super::proof::proof_fits;
use super::record::{Record, RecordId};
use super::rights::Role;
use crate::base::time::{TimeQuality, WallTime};
use crate::base::voucher::{IssuerNumber, LotId, Verifier};

/// Everything that is known of one voucher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voucher {
    /// Its public name.
    pub verifier: Verifier,
    /// The issuer's number in its code.
    pub issuer: IssuerNumber,
    /// The key of the node that issued it.
    pub node: [u8; 32],
    /// Its lot.
    pub lot: LotId,
    /// Its place in the lot: with the lot, enough for the issuer to print it again.
    pub index: u16,
    /// The number of the epoch under which it was made.
    pub epoch: u32,
    /// The plan that it gives, as it was when the lot was made.
    pub plan: Plan,
    /// That plan's record.
    pub plan_record: RecordId,
    /// Who sold it, if somebody did.
    pub sold: Option<Sold>,
    /// Whether somebody with the right voided it.
    pub revoked: bool,
    /// Whether an expelled key can have searched its code: it should be changed for another one.
    pub exposed: bool,
    /// Whether it was changed for another one, or was made for an exchange that did not take place: good no more.
    pub exchanged: bool,
    /// What was added to its plan.
    pub extended: Extended,
    /// When it began, once it was typed: the least time of good quality, or, if all are doubtful, the
    /// least of them (days then go by `elapsed_s` of `used`).
    pub activated: Option<WallTime>,
    /// What it used, node by node and lane by lane, in the order of keys.
    pub used: Vec<Used>,
    /// Its devices, the oldest first; not more than the plan allows.
    pub devices: Vec<[u8; 8]>,
}

/// What a treasurer gave beyond the plan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extended {
    /// Seconds of use.
    pub seconds: u64,
    /// Days.
    pub days: u32,
    /// MB of 1,000,000 octets.
    pub data_mb: u32,
}

/// A sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sold {
    /// Who sold it.
    pub person: String,
    /// For how much, in minor units.
    pub price: u64,
    /// When.
    pub time: WallTime,
}

/// What a voucher used at one node on one lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Used {
    /// The node.
    pub node: [u8; 32],
    /// The lane.
    pub lane: u64,
    /// Seconds of use.
    pub seconds: u32,
    /// Octets from the guest.
    pub up_bytes: u64,
    /// Octets to the guest.
    pub down_bytes: u64,
    /// Seconds since the first use there.
    pub elapsed_s: u32,
}

/// Where a voucher is in its life, as far as the ledger alone can tell (days run out by the clock).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum VoucherState {
    /// Made, not sold.
    Printed,
    /// Sold, not used.
    Sold,
    /// In use.
    Activated,
    /// Its seconds or its octets are used up.
    Spent,
    /// Revoked, or changed for another one.
    Void,
}

impl Voucher {
    /// Seconds of use, at all nodes.
    pub fn used_s(&self) -> u64 {
        self.used.iter().map(|used| u64::from(used.seconds)).sum()
    }

    /// Octets in both directions, at all nodes.
    pub fn used_bytes(&self) -> u64 {
        self.used
            .iter()
            .fold(0, |sum, used| sum.saturating_add(used.up_bytes).saturating_add(used.down_bytes))
    }

    /// Octets that may pass in both directions together, if its plan has a limit.
    pub fn data_bytes(&self) -> Option<u64> {
        let data_mb = self.plan.data_mb?.saturating_add(self.extended.data_mb);
        Some(u64::from(data_mb) * 1_000_000)
    }

    /// The largest count of seconds since first use that a node reports.
    pub fn elapsed_s(&self) -> u64 {
        self.used.iter().map(|used| u64::from(used.elapsed_s)).max().unwrap_or(0)
    }

    /// Where it is in its life.
    pub fn state(&self) -> VoucherState {
        let used_up = match self.plan.measure {
            PlanMeasure::UsedSeconds { seconds, .. } => {
                self.used_s() >= u64::from(seconds).saturating_add(self.extended.seconds)
            }
            PlanMeasure::DaysFromFirstUse { .. } | PlanMeasure::External => false,
        };
        match () {
            () if self.revoked || self.exchanged => VoucherState::Void,
            () if used_up || self.data_bytes().is_some_and(|data| self.used_bytes() >= data) => {
                VoucherState::Spent
            }
            () if self.activated.is_some() => VoucherState::Activated,
            () if self.sold.is_some() => VoucherState::Sold,
            () => VoucherState::Printed,
        }
    }
}

impl Ledger {
    /// A voucher of a counted lot. If two lots name it (one of them copied it), the one whose issuer fits
    /// the proof of an activation, else that with the lower id; [`Self::voucher_of`] is sure.
    pub fn voucher(&self, verifier: Verifier) -> Option<Voucher> {
        let lots: Vec<(&Record, &Issue)> = self.lots_with(verifier).collect();
        let proven =
            |(_, issue): &&(&Record, &Issue)| self.activations(verifier, issue.issuer).next().is_some();
        let (record, issue) = lots.iter().find(proven).or(lots.first())?;
        self.voucher_in(verifier, record, issue)
    }

    /// The voucher behind a code of this issuer.
    pub fn voucher_of(&self, issuer: IssuerNumber, verifier: Verifier) -> Option<Voucher> {
        let (record, issue) = self.lots_with(verifier).find(|(_, issue)| issue.issuer == issuer)?;
        self.voucher_in(verifier, record, issue)
    }

    /// The voucher that this node issued.
    pub fn voucher_by(&self, node: &[u8; 32], verifier: Verifier) -> Option<Voucher> {
        let (record, issue) = self.lots_with(verifier).find(|(record, _)| record.author == *node)?;
        self.voucher_in(verifier, record, issue)
    }

    /// What of a lot of this node can be handed over or given: made, not sold, not void.
    pub fn paper_of(&self, lot: LotId) -> Vec<Verifier> {
        let own = self.issues.get(&self.own_key).into_iter().flat_map(|lots| lots.keys());
        let lots = own
            .filter_map(|(_, id)| self.lot_of(self.records.get(id)?))
            .filter(|(_, issue)| issue.lot == lot);
        let vouchers = lots.flat_map(|(record, issue)| {
            issue.verifiers.iter().filter_map(move |one| self.voucher_in(*one, record, issue))
        });
        let given = |voucher: &Voucher| self.mentioning(voucher.verifier, Kind::InKind).next().is_some();
        let paper = vouchers.filter(|voucher| voucher.state() == VoucherState::Printed && !given(voucher));
        paper.map(|voucher| voucher.verifier).collect()
    }

    /// What an exposed voucher was changed for, and by which node.
    pub fn exchanged_for(&self, issuer: IssuerNumber, old: Verifier) -> Option<([u8; 32], Verifier)> {
        let (_, lot) = self.lots_with(old).find(|(_, issue)| issue.issuer == issuer)?;
        self.exchange_of(old, lot).map(|(record, body)| (record.author, body.new))
    }

    /// The counted lots that name a voucher, those that an officer honours last.
    pub(super) fn lots_with(&self, verifier: Verifier) -> impl Iterator<Item = (&Record, &Issue)> {
        let honoured = self.mentioning(verifier, Kind::Honoured);
        self.mentioning(verifier, Kind::Issue).chain(honoured).filter_map(|record| self.lot_of(record))
    }

    /// The lot in a record, if it counts.
    pub(super) fn lot_of<'a>(&self, record: &'a Record) -> Option<(&'a Record, &'a Issue)> {
        match &record.body {
            Body::Issue(issue) => {
                let plan = self.plan_of(issue.plan);
                let may = issue.for_exchange || plan.is_none_or(|plan| plan.is_sold_by(&record.author));
                (may && self.is_counted(record)).then_some((record, issue))
            }
            Body::Honoured(body) => {
                let sound = self.authority.entitled(record) && self.sound_lot(&body.lot).is_some();
                sound.then_some((record, &body.lot))
            }
            _ => None,
        }
    }

    /// Activations by nodes that may, with a proof that fits. What an expelled node says of the time is no
    /// time.
    pub(super) fn activations(
        &self,
        verifier: Verifier,
        issuer: IssuerNumber,
    ) -> impl Iterator<Item = (&Record, WallTime)> {
        // All records of a ledger are of its community.
        let community = self.community.unwrap_or_default();
        self.mentioning(verifier, Kind::Activation).filter_map(move |record| match &record.body {
            Body::Activation(activation)
                if self.authority.entitled(record)
                    && proof_fits(&community, issuer, &activation.proof, verifier) =>
            {
                let live = self.authority.members.contains_key(&record.author);
                let untimed = WallTime { unix_s: u64::MAX, quality: TimeQuality::Stale };
                Some((record, if live { activation.begin } else { untimed }))
            }
            _ => None,
        })
    }

    /// The sale that counts: the issuing node's first, at the plan's price.
    pub(super) fn sale<'a>(
        &self,
        sales: impl Iterator<Item = &'a Record>,
        lot: &Record,
        issue: &Issue,
    ) -> Option<(&'a Record, &'a Sale)> {
        let price = self.plan_of(issue.plan)?.price;
        let sales = sales.filter_map(|record| match &record.body {
            Body::Sale(sale)
                if record.author == lot.author
                    && sale.plan == issue.plan
                    && sale.price == price
                    && self.authority.entitled(record) =>
            {
                Some((record, &**sale))
            }
            _ => None,
        });
        sales.min_by_key(|(record, _)| (record.seq, record.id))
    }

    /// The exchange that counts of an exposed voucher: of several, the one with the lower id.
    pub(super) fn exchange_of(&self, old: Verifier, lot: &Issue) -> Option<(&Record, &Exchange)> {
        let exchanges =
            self.mentioning(old, Kind::Exchange).filter(|_| self.authority.exposed.contains(&lot.epoch));
        exchanges
            .filter_map(|record| match &record.body {
                Body::Exchange(body) if body.old == old && self.exchanges(record, body, lot) => {
                    Some((record, &**body))
                }
                _ => None,
            })
            .next()
    }

    /// Whether a node may change a voucher of `lot` so: its code was typed, and the new one is of the node's own
    /// lot for exchanges, of the same plan.
    fn exchanges(&self, record: &Record, body: &Exchange, lot: &Issue) -> bool {
        let fresh = |(other, issue): (&Record, &Issue)| {
            other.author == record.author && issue.for_exchange && issue.plan == lot.plan
        };
        self.authority.holds(record, Role::Seller)
            && self.community.is_some_and(|own| proof_fits(&own, lot.issuer, &body.proof, body.old))
            && self.lots_with(body.new).any(fresh)
    }

    /// The exchange that a voucher of a lot for exchanges came from: the record, and what was given for it.
    fn exchange_for(&self, new: Verifier) -> Option<(&Record, &Exchange, &Issue)> {
        self.mentioning(new, Kind::Exchange).find_map(|record| match &record.body {
            Body::Exchange(body) if body.new == new => {
                let of = |(_, lot): &(&Record, &Issue)| {
                    self.exchange_of(body.old, lot).is_some_and(|(counted, _)| counted.id == record.id)
                };
                let (_, lot) = self.lots_with(body.old).find(of)?;
                Some((record, &**body, lot))
            }
            _ => None,
        })
    }

    pub(super) fn voucher_in(&self, verifier: Verifier, lot: &Record, issue: &Issue) -> Option<Voucher> {
        let plan = self.plan_of(issue.plan)?;
        let sale = self.sale(self.mentioning(verifier, Kind::Sale), lot, issue).map(|(_, sale)| sale);
        let begins: Vec<(&Record, WallTime)> = self.activations(verifier, issue.issuer).collect();
        let given = if issue.for_exchange { self.exchange_for(verifier) } else { None };
        let mut used = self.usage(verifier, &begins);
        let mut times: Vec<WallTime> = begins.iter().map(|(_, time)| *time).collect();
        if let Some((exchange, body, old)) = given
            && !self.is_agreed(exchange, Role::Treasurer)
        {
            // What was used of the old one is used, unless two nodes say that it was stolen.
            let before: Vec<(&Record, WallTime)> = self.activations(body.old, old.issuer).collect();
            used.extend(self.usage(body.old, &before));
            times.extend(before.iter().map(|(_, time)| *time));
        }
        let counts_here = |record: &&Record| self.counts_at(&begins, record);
        Some(Voucher {
            verifier,
            issuer: issue.issuer,
            node: lot.author,
            lot: issue.lot,
            index: issue.verifiers.iter().position(|one| *one == verifier)?.try_into().ok()?,
            epoch: self.authority.known_epochs.get(&issue.epoch).copied().unwrap_or(0),
            plan: plan.clone(),
            plan_record: issue.plan,
            sold: sale.map(|sale| Sold { person: sale.person.clone(), price: sale.price, time: sale.time }),
            revoked: self.mentioning(verifier, Kind::Revocation).any(|record| self.may_void(record, lot)),
            exposed: self.authority.exposed.contains(&issue.epoch),
            exchanged: (issue.for_exchange && given.is_none()) || self.exchange_of(verifier, issue).is_some(),
            extended: self.extended(verifier),
            activated: begin(times.into_iter(), sale.map(|sale| sale.time)),
            used,
            devices: devices(self.mentioning(verifier, Kind::Device).filter(counts_here), plan.devices),
        })
    }

    /// What a voucher used, at nodes that count.
    fn usage(&self, verifier: Verifier, begins: &[(&Record, WallTime)]) -> Vec<Used> {
        let records = self.mentioning(verifier, Kind::Usage).filter(|record| self.counts_at(begins, record));
        used(records, verifier)
    }

    /// Counters and devices count from a member that admits guests and has an activation of its own.
    fn counts_at(&self, begins: &[(&Record, WallTime)], record: &Record) -> bool {
        self.authority.may_sign(&record.author, record.kind)
            && begins.iter().any(|(begin, _)| begin.author == record.author)
    }

    fn extended(&self, verifier: Verifier) -> Extended {
        let mut sum = Extended::default();
        for record in
            self.mentioning(verifier, Kind::Extension).filter(|record| self.authority.entitled(record))
        {
            if let Body::Extension(body) = &record.body {
                sum.seconds = sum.seconds.saturating_add(u64::from(body.seconds));
                sum.days = sum.days.saturating_add(u32::from(body.days));
                sum.data_mb = sum.data_mb.saturating_add(body.data_mb.unwrap_or(0));
            }
        }
        sum
    }

    /// A treasurer voids any voucher, a seller its own.
    pub(super) fn may_void(&self, revocation: &Record, lot: &Record) -> bool {
        self.authority.holds(revocation, Role::Treasurer)
            || (self.authority.holds(revocation, Role::Seller) && revocation.author == lot.author)
    }
}

/// The least time of good quality, never before a sale of good quality; else the least of all.
fn begin(times: impl Iterator<Item = WallTime> + Clone, sold: Option<WallTime>) -> Option<WallTime> {
    let good = |time: &WallTime| time.quality >= TimeQuality::Mesh;
    let least =
        |times: &mut dyn Iterator<Item = WallTime>| times.min_by_key(|time| (time.unix_s, time.quality));
    let Some(begin) = least(&mut times.clone().filter(good)) else {
        return least(&mut times.clone());
    };
    let floor = sold.filter(good).map_or(0, |sold| sold.unix_s);
    Some(WallTime { unix_s: begin.unix_s.max(floor), quality: begin.quality })
}

/// This voucher's counters, one row for each node and lane: the larger figure inside a lane.
fn used<'a>(records: impl Iterator<Item = &'a Record>, verifier: Verifier) -> Vec<Used> {
    let mut rows: LargeMap<([u8; 32], u64), Used> = SortedMap::new();
    for record in records {
        let Body::Usage(usage) = &record.body else { continue };
        for counter in usage.counters.iter().filter(|counter| counter.verifier == verifier) {
            let (node, lane) = (record.author, usage.lane);
            let nothing = Used { node, lane, seconds: 0, up_bytes: 0, down_bytes: 0, elapsed_s: 0 };
            let row = rows.entry((node, lane)).or_insert(nothing);
            row.seconds = row.seconds.max(counter.used_s);
            row.up_bytes = row.up_bytes.max(counter.up_bytes);
            row.down_bytes = row.down_bytes.max(counter.down_bytes);
            row.elapsed_s = row.elapsed_s.max(counter.elapsed_s);
        }
    }
    rows.into_values().collect()
}
