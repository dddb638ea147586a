//! New records of this node: checked against the rules, then given out to be signed.
//!
//! The ledger holds no key. [`Ledger::draft`] makes the bytes, the vault signs them, [`Ledger::complete`]
//! puts the record into the state and hands it out to be stored. Complete a draft before the next one is
//! made: its number and its place in the chain are taken from the state.

use std::fmt;

use super::body::{
    Activation, Body, Charter, Counter, Epoch, Exchange, Grant, Issue, PlanMeasure, Revocation, Sale, Usage,
};
use super::close::is_below;
use super::kind::Kind;
use super::proof::proof_fits;
use super::record::{self, Header, Record, RecordId};
use super::rights::Role;
use super::{Ledger, Voucher};
use crate::base::limit::USAGE_PAGE;
use crate::base::sorted::{LargeMap, SortedMap, SortedSet};
use crate::base::time::{TimeQuality, WallTime};
use crate::base::voucher::{LotId, Proof, Verifier};

/// A record that waits for its signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Sign exactly this, with the node's Ed25519 key.
    pub message_to_sign: Vec<u8>,
    envelope: Vec<u8>,
}

/// Why this node may not write a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DraftError {
    /// The node belongs to no community yet.
    NoCommunity,
    /// The node has no role that may sign this.
    NoRight {
        /// What it wanted to sign.
        kind: Kind,
    },
    /// A value is out of its bounds.
    Value {
        /// Which, and what is expected.
        what: &'static str,
    },
    /// No plan of this name is on sale.
    NoPlan {
        /// The name.
        id: String,
    },
    /// Another member has the same issuer number.
    NumberTaken,
    /// The key was expelled: it never returns.
    Expelled,
    /// An expelled key holds the current secrets.
    Tainted,
    /// The lot is worth more than the float has room for.
    Float {
        /// What the lot is worth, in minor units.
        needed: u64,
        /// What there is room for.
        left: u64,
    },
    /// No counted lot has this voucher.
    UnknownVoucher {
        /// Which.
        verifier: Verifier,
    },
    /// The voucher was issued by another node.
    NotOurs {
        /// Which.
        verifier: Verifier,
    },
    /// It was sold before.
    AlreadySold {
        /// Which.
        verifier: Verifier,
    },
    /// It was voided.
    Revoked {
        /// Which.
        verifier: Verifier,
    },
    /// The proof does not belong to the voucher.
    WrongProof,
    /// This node has not activated the voucher.
    NotActivatedHere {
        /// Which.
        verifier: Verifier,
    },
    /// The author's numbers are used up.
    SequenceExhausted,
}

impl Ledger {
    /// Checks a new record of this node and makes what its key must sign.
    pub fn draft(&mut self, body: Body) -> Result<Draft, DraftError> {
        let kind = body.kind().ok_or(DraftError::Value { what: "the body has no kind" })?;
        if let Some(what) = body.fault() {
            return Err(DraftError::Value { what });
        }
        let founds = matches!(&body, Body::Charter(charter) if self.founds(charter));
        if self.community.is_none() && !founds {
            return Err(DraftError::NoCommunity);
        }
        let succeeds = matches!(&body, Body::Succession(body) if body.root == self.own_key);
        if !founds && !succeeds && !self.authority.may_sign(&self.own_key, kind) {
            return Err(DraftError::NoRight { kind });
        }
        self.check(&body)?;
        self.draft_again(&body)
    }

    /// What this node's key must sign for a body that was checked: now, or when it was written for the first time and a
    /// close did not know it. Since then its vouchers may have been sold, and its plan be gone.
    pub fn draft_again(&mut self, body: &Body) -> Result<Draft, DraftError> {
        let kind = body.kind().ok_or(DraftError::Value { what: "the body has no kind" })?;
        let tip = self.tips.get(&self.own_key).copied().unwrap_or_default();
        let start = self
            .next_seq
            .unwrap_or(tip.seq.checked_add(self.seq_start).ok_or(DraftError::SequenceExhausted)?);
        let seq = start.max(tip.seq.checked_add(1).ok_or(DraftError::SequenceExhausted)?);
        let prev = tip.chained.map(|(_, id)| id).filter(|_| kind.chained());
        let community = self.community.unwrap_or_default();
        let header = Header { community, kind: kind.number(), author: self.own_key, seq, prev };
        let bytes = body.encode().ok_or(DraftError::Value { what: "the body has no bytes" })?;
        let envelope = record::envelope(&header, &bytes);
        if envelope.len() + record::AROUND > record::most_bytes(kind) {
            return Err(DraftError::Value { what: "the record would be larger than any may be" });
        }
        self.next_seq = Some(seq.checked_add(1).ok_or(DraftError::SequenceExhausted)?);
        Ok(Draft { message_to_sign: record::message(&envelope), envelope })
    }

    /// Takes a signed draft into the state and returns the record's bytes, to be stored. The signature is
    /// the vault's and is not checked again.
    pub fn complete(&mut self, draft: Draft, signature: [u8; 64]) -> Vec<u8> {
        let bytes = record::seal(&draft.envelope, &signature);
        let taken = self.handle_stored(&bytes);
        debug_assert!(taken.is_ok_and(|outcome| outcome.new), "a draft is a record that counts");
        bytes
    }

    /// A new lot of a plan on sale, under the current epoch.
    pub fn issue_body(&self, lot: LotId, plan: &str, verifiers: Vec<Verifier>) -> Result<Body, DraftError> {
        let (plan, _) = self.plan(plan).ok_or_else(|| DraftError::NoPlan { id: plan.to_owned() })?;
        self.lot_body(lot, plan, verifiers, false)
    }

    /// The same of a plan's record, perhaps only to take the place of others.
    pub fn lot_body(
        &self,
        lot: LotId,
        plan: RecordId,
        verifiers: Vec<Verifier>,
        for_exchange: bool,
    ) -> Result<Body, DraftError> {
        let epoch = self.authority.current_epoch.ok_or(DraftError::NoCommunity)?;
        let issuer = self.own_member().ok_or(DraftError::NoRight { kind: Kind::Issue })?.number;
        Ok(Body::Issue(Box::new(Issue { lot, epoch, plan, verifiers, issuer, for_exchange })))
    }

    /// The sale of vouchers of one plan, at the price of that plan.
    pub fn sale_body(
        &self,
        verifiers: Vec<Verifier>,
        person: &str,
        time: WallTime,
    ) -> Result<Body, DraftError> {
        let first =
            *verifiers.first().ok_or(DraftError::Value { what: "a sale names a voucher at least" })?;
        let voucher = self.own_voucher(first)?;
        let (price, plan) = (voucher.plan.price, voucher.plan_record);
        Ok(Body::Sale(Box::new(Sale {
            verifiers,
            person: person.to_owned(),
            price,
            plan,
            external_count: 0,
            time,
        })))
    }

    /// The first use of a voucher at this node.
    pub const fn activation_body(verifier: Verifier, proof: Proof, begin: WallTime) -> Body {
        Body::Activation(Activation { verifier, proof, begin })
    }

    /// Vouchers that are void from now on.
    pub fn revocation_body(verifiers: Vec<Verifier>, reason: &str) -> Body {
        Body::Revocation(Box::new(Revocation { verifiers, reason: reason.to_owned(), confirms: None }))
    }

    /// Pages that hold these new figures, which are this node's on all lanes: each voucher's on the page where it
    /// stands already, new ones on the first page that has room. A figure that fell keeps its height.
    pub fn usage_bodies(&self, changed: &[Counter], day: Option<u32>) -> Vec<Body> {
        let lane = self.own_lane();
        let mut pages = self.own_pages(lane);
        let mut touched: SortedSet<_> = SortedSet::new();
        for counter in changed {
            let counter = &self.beyond_other_lanes(lane, *counter);
            let home = pages.iter().find(|(_, page)| page.contains_key(&counter.verifier));
            let room = || pages.iter().find(|(_, page)| page.len() < USAGE_PAGE);
            let next = || pages.last_key_value().map_or(0, |(last, _)| last.saturating_add(1));
            let number = home.or_else(room).map_or_else(next, |(number, _)| *number);
            let row = pages.entry(number).or_default().entry(counter.verifier).or_insert(*counter);
            row.used_s = row.used_s.max(counter.used_s);
            row.up_bytes = row.up_bytes.max(counter.up_bytes);
            row.down_bytes = row.down_bytes.max(counter.down_bytes);
            row.elapsed_s = row.elapsed_s.max(counter.elapsed_s);
            touched.insert(number);
        }
        let body = |page: u32| {
            let counters = pages.get(&page)?.values().copied().collect();
            Some(Body::Usage(Box::new(Usage { lane, page, counters, day })))
        };
        touched.into_iter().filter_map(body).collect()
    }

    /// What of a figure stands on no other lane of this node: lanes are added.
    fn beyond_other_lanes(&self, lane: u64, mut counter: Counter) -> Counter {
        let others = self.own_usage().filter(|usage| usage.lane != lane);
        for row in others.flat_map(|usage| &usage.counters).filter(|row| row.verifier == counter.verifier) {
            counter.used_s = counter.used_s.saturating_sub(row.used_s);
            counter.up_bytes = counter.up_bytes.saturating_sub(row.up_bytes);
            counter.down_bytes = counter.down_bytes.saturating_sub(row.down_bytes);
        }
        counter
    }

    /// The lane on which this node counts: the one it has, or a number of this start.
    fn own_lane(&self) -> u64 {
        let lanes = self.own_usage().map(|usage| usage.lane);
        self.lane.or_else(|| lanes.max()).unwrap_or(self.seq_start)
    }

    /// This start counts on a lane of its own: what the one before it wrote last may be lost here and known elsewhere, and
    /// on one lane the higher figure alone would count.
    pub fn begin_lane(&mut self) {
        self.lane = Some(self.seq_start);
    }

    /// The pages of a lane, without vouchers that closed books have let go: others take their places.
    fn own_pages(&self, lane: u64) -> SortedMap<u32, LargeMap<Verifier, Counter>> {
        let own = self.own_usage().filter(|usage| usage.lane == lane);
        let kept =
            |row: &&Counter| self.own_activation(row.verifier).is_some_and(|record| !self.is_done(record));
        own.map(|usage| {
            let rows = usage.counters.iter().filter(kept);
            (usage.page, rows.map(|row| (row.verifier, *row)).collect())
        })
        .collect()
    }

    pub(super) fn own_activation(&self, verifier: Verifier) -> Option<&Record> {
        self.mentioning(verifier, Kind::Activation).find(|record| record.author == self.own_key)
    }

    /// Whether a first use here is still to be told: it never was, or only with a worse time, and no close has booked that. Told
    /// again above the line it would be booked twice.
    pub fn tells_first_use(&self, verifier: Verifier, quality: TimeQuality) -> bool {
        let booked = self.booked();
        let mut own =
            self.mentioning(verifier, Kind::Activation).filter(|record| record.author == self.own_key);
        !own.any(|record| {
            let told = matches!(&record.body, Body::Activation(first) if first.begin.quality >= quality);
            told || is_below(&booked, record)
        })
    }

    pub(super) fn own_usage(&self) -> impl Iterator<Item = &Usage> {
        let first = (self.own_key, Kind::Usage, Vec::new());
        let own = self
            .latest
            .range_from(&first)
            .take_while(|((author, kind, _), _)| *author == self.own_key && *kind == Kind::Usage);
        own.filter_map(|(_, id)| match &self.records.get(id)?.body {
            Body::Usage(usage) => Some(&**usage),
            _ => None,
        })
    }

    fn founds(&self, charter: &Charter) -> bool {
        self.community.is_none() && charter.root == self.own_key
    }

    /// What depends on more than the author's roles.
    fn check(&self, body: &Body) -> Result<(), DraftError> {
        match body {
            Body::Member(member) => {
                let by_root = self.authority.root() == Some(self.own_key);
                if self.authority.expulsions.contains_key(&member.key) {
                    return Err(DraftError::Expelled);
                }
                let before = self.authority.roles(&member.key);
                let privileged = before.privileged() || member.roles.privileged();
                if privileged && !by_root { Err(DraftError::NoRight { kind: Kind::Member }) } else { Ok(()) }
            }
            Body::Epoch(epoch) => self.check_epoch(epoch),
            Body::Grant(grant) => self.check_grant(grant),
            Body::Issue(issue) => self.check_issue(issue),
            Body::Sale(sale) => self.check_sale(sale),
            Body::Activation(activation) => self.check_activation(activation),
            Body::Device(device) => self.check_own_activation(device.verifier),
            Body::Usage(usage) => {
                usage.counters.iter().try_for_each(|counter| self.check_own_activation(counter.verifier))
            }
            Body::Revocation(revocation) if revocation.confirms.is_some() => self.check_agreement(body),
            Body::Revocation(revocation) => {
                let treasurer = self.authority.roles(&self.own_key).has(Role::Treasurer);
                let mut vouchers = revocation.verifiers.iter();
                vouchers.try_for_each(|verifier| {
                    if treasurer { self.known(*verifier) } else { self.own_voucher(*verifier) }.map(drop)
                })
            }
            Body::HandOver(body) => self.check_paper(&body.verifiers),
            Body::InKind(body) if body.confirms.is_none() => self.check_paper(&body.verifiers),
            Body::Extension(body) => {
                body.verifiers.iter().try_for_each(|verifier| self.known(*verifier).map(drop))
            }
            Body::Exchange(body) if body.confirms.is_none() => self.check_exchange(body),
            Body::Exchange(_) | Body::InKind(_) | Body::Settlement(_) | Body::Mode(_) => {
                self.check_agreement(body)
            }
            _ => Ok(()),
        }
    }

    fn check_epoch(&self, epoch: &Epoch) -> Result<(), DraftError> {
        let (follows, before) = self.current_epoch().unzip();
        if epoch.follows == follows && Some(epoch.number) == before.unwrap_or(0).checked_add(1) {
            Ok(())
        } else {
            Err(DraftError::Value { what: "a new epoch follows the current one" })
        }
    }

    fn check_grant(&self, grant: &Grant) -> Result<(), DraftError> {
        if self.authority.epochs.get(&grant.epoch) != Some(&grant.number) {
            return Err(DraftError::Value { what: "a grant names an epoch and its number" });
        }
        // Also: an expelled key gets no secrets.
        if !self.authority.members.contains_key(&grant.share.member) {
            return Err(DraftError::Value { what: "a grant is for a member" });
        }
        Ok(())
    }

    /// Paper that may be handed over or given away: ours, not sold, not void.
    fn check_paper(&self, verifiers: &[Verifier]) -> Result<(), DraftError> {
        for verifier in verifiers.iter().copied() {
            let voucher = self.own_voucher(verifier)?;
            if voucher.revoked || voucher.exchanged {
                return Err(DraftError::Revoked { verifier });
            }
            if voucher.sold.is_some() {
                return Err(DraftError::AlreadySold { verifier });
            }
        }
        Ok(())
    }

    fn check_exchange(&self, body: &Exchange) -> Result<(), DraftError> {
        let community = self.community.ok_or(DraftError::NoCommunity)?;
        let fits = |issuer| proof_fits(&community, issuer, &body.proof, body.old);
        let lot = self.lots_with(body.old).map(|(_, issue)| issue).find(|issue| fits(issue.issuer));
        let Some(lot) = lot else { return Err(DraftError::WrongProof) };
        if !self.authority.exposed.contains(&lot.epoch) {
            return Err(DraftError::Value {
                what: "only vouchers whose codes somebody can have searched are exchanged",
            });
        }
        if self.exchange_of(body.old, lot).is_some() {
            return Err(DraftError::Revoked { verifier: body.old });
        }
        self.own_voucher(body.new).map(drop)
    }

    /// Who agrees with a record agrees with one that is known, of the same kind, by somebody else.
    fn check_agreement(&self, body: &Body) -> Result<(), DraftError> {
        let Some(other) = body.confirms() else { return Ok(()) };
        let other = self.records.get(&other).filter(|other| other.author != self.own_key);
        if other.is_some_and(|other| Some(other.kind) == body.kind()) {
            Ok(())
        } else {
            Err(DraftError::Value { what: "a record agrees with one of the same kind, by another node" })
        }
    }

    fn check_issue(&self, issue: &Issue) -> Result<(), DraftError> {
        let state = self.own_state().ok_or(DraftError::NoRight { kind: Kind::Issue })?;
        if state.number_taken || state.member.number != issue.issuer {
            return Err(DraftError::NumberTaken);
        }
        let on_sale = issue.for_exchange || self.plans().any(|(id, _)| id == issue.plan);
        let plan = self.plan_of(issue.plan).filter(|_| on_sale);
        let plan = plan.ok_or_else(|| DraftError::NoPlan { id: issue.plan.to_string() })?;
        if plan.measure == PlanMeasure::External {
            return Err(DraftError::Value { what: "a plan that is served elsewhere has no codes" });
        }
        if !issue.for_exchange && !plan.is_sold_by(&self.own_key) {
            return Err(DraftError::Value { what: ELSEWHERE });
        }
        if self.authority.tainted {
            return Err(DraftError::Tainted);
        }
        if Some(issue.epoch) != self.authority.current_epoch {
            return Err(DraftError::Value { what: "a lot is made under the current epoch" });
        }
        if issue.verifiers.iter().any(|verifier| self.lots_with(*verifier).next().is_some()) {
            return Err(DraftError::Value { what: "a voucher of the lot exists already" });
        }
        let left = self.float_left();
        let count = if issue.for_exchange { 0 } else { issue.verifiers.len() as u64 };
        let needed = plan.price.saturating_mul(count);
        if needed > left { Err(DraftError::Float { needed, left }) } else { Ok(()) }
    }

    fn check_sale(&self, sale: &Sale) -> Result<(), DraftError> {
        for verifier in &sale.verifiers {
            let voucher = self.own_voucher(*verifier)?;
            let verifier = *verifier;
            if voucher.revoked || voucher.exchanged {
                return Err(DraftError::Revoked { verifier });
            }
            if voucher.sold.is_some() {
                return Err(DraftError::AlreadySold { verifier });
            }
            if voucher.plan_record != sale.plan || voucher.plan.price != sale.price {
                return Err(DraftError::Value { what: "one sale is of vouchers of one plan, at its price" });
            }
        }
        if sale.verifiers.is_empty() {
            let plan = self.plans().find(|(id, _)| *id == sale.plan).map(|(_, plan)| plan);
            let fits =
                plan.is_some_and(|plan| plan.measure == PlanMeasure::External && plan.price == sale.price);
            if plan.is_some_and(|plan| !plan.is_sold_by(&self.own_key)) {
                return Err(DraftError::Value { what: ELSEWHERE });
            }
            return if fits { Ok(()) } else { Err(DraftError::NoPlan { id: sale.plan.to_string() }) };
        }
        Ok(())
    }

    fn check_activation(&self, activation: &Activation) -> Result<(), DraftError> {
        let verifier = activation.verifier;
        let community = self.community.ok_or(DraftError::NoCommunity)?;
        self.known(verifier)?;
        // A copied lot shows another issuer: the proof says whose voucher this is.
        let fits = |issuer| proof_fits(&community, issuer, &activation.proof, verifier);
        let issuer = self.lots_with(verifier).map(|(_, issue)| issue.issuer).find(|issuer| fits(*issuer));
        match issuer.and_then(|issuer| self.voucher_of(issuer, verifier)) {
            None => Err(DraftError::WrongProof),
            Some(voucher) if voucher.revoked || voucher.exchanged => Err(DraftError::Revoked { verifier }),
            Some(_) => Ok(()),
        }
    }

    fn check_own_activation(&self, verifier: Verifier) -> Result<(), DraftError> {
        let own = self.own_activation(verifier);
        own.map(drop).ok_or(DraftError::NotActivatedHere { verifier })
    }

    fn known(&self, verifier: Verifier) -> Result<Voucher, DraftError> {
        self.voucher(verifier).ok_or(DraftError::UnknownVoucher { verifier })
    }

    /// A voucher of this node's own lots, whoever copied it.
    fn own_voucher(&self, verifier: Verifier) -> Result<Voucher, DraftError> {
        self.known(verifier)?;
        self.voucher_by(&self.own_key, verifier).ok_or(DraftError::NotOurs { verifier })
    }
}

/// Of a plan that names its sellers.
const ELSEWHERE: &str = "this plan is sold at other nodes";

impl fmt::Display for DraftError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCommunity => formatter.write_str("this node belongs to no community yet"),
            Self::NoRight { kind } => {
                write!(formatter, "this node has no role that may sign a record of kind {kind}")
            }
            Self::Value { what } => formatter.write_str(what),
            Self::NoPlan { id } => write!(formatter, "no plan {id} is on sale"),
            Self::NumberTaken => formatter.write_str(
                "another member has this node's issuer number: an officer must admit this node again",
            ),
            Self::Expelled => formatter.write_str("this key was expelled: the node needs new ones"),
            Self::Tainted => formatter.write_str(
                "somebody who was expelled knows the community's present secrets: an officer must rotate them again",
            ),
            Self::Float { needed, left } => write!(
                formatter,
                "the lot is worth {needed} minor units and the float has room for {left}: settle first"
            ),
            Self::UnknownVoucher { verifier } => write!(formatter, "no lot has the voucher {verifier}"),
            Self::NotOurs { verifier } => {
                write!(formatter, "the voucher {verifier} was issued by another node")
            }
            Self::AlreadySold { verifier } => write!(formatter, "the voucher {verifier} is sold already"),
            Self::Revoked { verifier } => write!(formatter, "the voucher {verifier} is void"),
            Self::WrongProof => formatter.write_str("the proof does not belong to the voucher"),
            Self::NotActivatedHere { verifier } => {
                write!(formatter, "this node has not activated the voucher {verifier}")
            }
            Self::SequenceExhausted => formatter.write_str("the numbers of this node's records are used up"),
        }
    }
}

impl std::error::Error for DraftError {}
