//! One voucher's life, read from the records that speak of it.

use serde::{Deserialize, Serialize};

use crate::base::sorted::{SortedMap, SortedSet};

use super::body::{Body, Issue, Plan, PlanMeasure, Sale};
use super::kind::Kind;
use super::proof::proof_fits;
use super::record::{Record, RecordId};
use super::rights::Role;
use super::{Ledger, authority::MemberState};
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
    /// When it began, once it was typed: the least time of good quality, or, if all are doubtful, the
    /// least of them (days then go by `elapsed_s` of `used`).
    pub activated: Option<WallTime>,
    /// What it used, node by node and lane by lane, in the order of keys.
    pub used: Vec<Used>,
    /// Its devices, the oldest first; not more than the plan allows.
    pub devices: Vec<[u8; 8]>,
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
    /// Its seconds are used up.
    Spent,
    /// Revoked.
    Void,
}

impl Voucher {
    /// Seconds of use, at all nodes.
    pub fn used_s(&self) -> u64 {
        self.used.iter().map(|used| u64::from(used.seconds)).sum()
    }

    /// The largest count of seconds since first use that a node reports.
    pub fn elapsed_s(&self) -> u64 {
        self.used.iter().map(|used| u64::from(used.elapsed_s)).max().unwrap_or(0)
    }

    /// Where it is in its life.
    pub fn state(&self) -> VoucherState {
        let used_up = match self.plan.measure {
            PlanMeasure::UsedSeconds { seconds, .. } => self.used_s() >= u64::from(seconds),
            PlanMeasure::DaysFromFirstUse { .. } | PlanMeasure::External => false,
        };
        match () {
            () if self.revoked => VoucherState::Void,
            () if used_up => VoucherState::Spent,
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

    /// Decides which lots of an author count: by a seller, under one of its numbers, for a plan and an
    /// epoch that count, and within the float. The float is counted in the order (seq, id), whatever the
    /// order of arrival; a lot that does not fit is left out, a later smaller one may fit.
    pub(super) fn count_lots(&mut self, author: &[u8; 32]) {
        let float = self.seller(author).map_or(0, |state| state.member.float);
        self.floats.insert(*author, float);
        let lots = self.issues.get(author).into_iter().flat_map(SortedSet::iter);
        for id in lots.map(|(_, id)| *id).collect::<Vec<_>>() {
            self.count_lot(author, id);
        }
    }

    /// The same for one lot, which comes behind all that were looked at.
    pub(super) fn count_lot(&mut self, author: &[u8; 32], id: RecordId) {
        let float = self.floats.get(author).copied().unwrap_or(0);
        let value = self.seller(author).and_then(|state| self.lot_value(state, id));
        if let Some(left) = value.and_then(|value| float.checked_sub(value)) {
            self.floats.insert(*author, left);
            self.counted_lots.insert(id);
        } else {
            self.counted_lots.remove(&id);
        }
    }

    fn seller(&self, author: &[u8; 32]) -> Option<&MemberState> {
        self.authority.members.get(author).filter(|state| state.member.roles.has(Role::Seller))
    }

    /// What the float of this node still has room for, in minor units.
    pub fn float_left(&self) -> u64 {
        let unsold = || self.own_state().map_or(0, |state| state.member.float);
        self.floats.get(&self.own_key).copied().unwrap_or_else(unsold)
    }

    /// What a lot is worth, if nothing but the float could speak against it.
    fn lot_value(&self, state: &MemberState, id: RecordId) -> Option<u64> {
        let Body::Issue(issue) = &self.records.get(&id)?.body else { return None };
        let plan = self.plan_of(issue.plan).filter(|plan| plan.measure != PlanMeasure::External)?;
        let sound = state.numbers.contains(&issue.issuer) && self.authority.epochs.contains_key(&issue.epoch);
        plan.price.checked_mul(issue.verifiers.len() as u64).filter(|_| sound)
    }

    /// Records of one kind that speak of a voucher, in the order of their ids.
    fn mentioning(&self, verifier: Verifier, kind: Kind) -> impl Iterator<Item = &Record> {
        let first = (verifier, kind, RecordId([0; 32]));
        let same = move |(other, of, _): &&(Verifier, Kind, RecordId)| (*other, *of) == (verifier, kind);
        self.mentions.range_from(&first).take_while(same).filter_map(|(_, _, id)| self.records.get(id))
    }

    pub(super) fn lots_with(&self, verifier: Verifier) -> impl Iterator<Item = (&Record, &Issue)> {
        self.mentioning(verifier, Kind::Issue).filter_map(|record| match &record.body {
            Body::Issue(issue) if self.counted_lots.contains(&record.id) => Some((record, issue)),
            _ => None,
        })
    }

    /// Activations by nodes that may, with a proof that fits.
    pub(super) fn activations(
        &self,
        verifier: Verifier,
        issuer: IssuerNumber,
    ) -> impl Iterator<Item = (&Record, WallTime)> {
        self.mentioning(verifier, Kind::Activation).filter_map(move |record| match &record.body {
            Body::Activation(activation)
                if self.authority.may_sign(&record.author, Kind::Activation)
                    && proof_fits(&record.community, issuer, &activation.proof, verifier) =>
            {
                Some((record, activation.begin))
            }
            _ => None,
        })
    }

    /// The sale that counts: the issuing node's first, at the plan's price.
    fn sale(&self, verifier: Verifier, lot: &Record, issue: &Issue, plan: &Plan) -> Option<&Sale> {
        let sales = self.mentioning(verifier, Kind::Sale).filter_map(|record| match &record.body {
            Body::Sale(sale)
                if record.author == lot.author && sale.plan == issue.plan && sale.price == plan.price =>
            {
                Some(((record.seq, record.id), sale))
            }
            _ => None,
        });
        sales.min_by_key(|(order, _)| *order).map(|(_, sale)| sale)
    }

    pub(super) fn voucher_in(&self, verifier: Verifier, lot: &Record, issue: &Issue) -> Option<Voucher> {
        let plan = self.plan_of(issue.plan)?;
        let sale = self.sale(verifier, lot, issue, plan);
        let begins: Vec<(&Record, WallTime)> = self.activations(verifier, issue.issuer).collect();
        let counts_here = |record: &&Record| begins.iter().any(|(begin, _)| begin.author == record.author);
        Some(Voucher {
            verifier,
            issuer: issue.issuer,
            node: lot.author,
            lot: issue.lot,
            index: issue.verifiers.iter().position(|one| *one == verifier)?.try_into().ok()?,
            epoch: self.authority.epochs.get(&issue.epoch).copied().unwrap_or(0),
            plan: plan.clone(),
            plan_record: issue.plan,
            sold: sale.map(|sale| Sold { person: sale.person.clone(), price: sale.price, time: sale.time }),
            revoked: self.mentioning(verifier, Kind::Revocation).any(|record| self.may_void(record, lot)),
            activated: begin(begins.iter().map(|(_, time)| *time), sale.map(|sale| sale.time)),
            used: used(self.mentioning(verifier, Kind::Usage).filter(counts_here), verifier),
            devices: devices(self.mentioning(verifier, Kind::Device).filter(counts_here), plan.devices),
        })
    }

    /// A treasurer voids any voucher, a seller its own.
    fn may_void(&self, revocation: &Record, lot: &Record) -> bool {
        let roles = self.authority.roles(&revocation.author);
        roles.has(Role::Treasurer) || (roles.has(Role::Seller) && revocation.author == lot.author)
    }

    /// The place of a device that comes next.
    pub(super) fn next_device_order(&self, verifier: Verifier) -> u32 {
        let orders = self.mentioning(verifier, Kind::Device).filter_map(|record| match &record.body {
            Body::Device(device) if self.authority.may_sign(&record.author, Kind::Device) => {
                Some(device.order)
            }
            _ => None,
        });
        orders.max().map_or(1, |order| order.saturating_add(1))
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
    let mut rows: SortedMap<([u8; 32], u64), Used> = SortedMap::new();
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

/// The newest devices, each once, at its latest place.
fn devices<'a>(records: impl Iterator<Item = &'a Record>, most: u8) -> Vec<[u8; 8]> {
    let mut latest: SortedMap<[u8; 8], u32> = SortedMap::new();
    for record in records {
        if let Body::Device(device) = &record.body {
            let order = latest.entry(device.tag).or_default();
            *order = device.order.max(*order);
        }
    }
    let mut ordered: Vec<(u32, [u8; 8])> = latest.into_iter().map(|(tag, order)| (order, tag)).collect();
    ordered.sort_unstable();
    let skip = ordered.len().saturating_sub(usize::from(most));
    ordered.into_iter().skip(skip).map(|(_, tag)| tag).collect()
}
