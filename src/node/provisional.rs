//! Codes of lots that have not come here: a coupon that was sold on the other side of a split works all the same, and
//! nobody prints coupons by it (`docs/ledger.md`, "A coupon whose lot is not here").
//!
//! Such a code is served on one plan that the charter names, for a day of use at most, if nothing but its lot is missing:
//! its tag is of the present secret, its number is a seller's, and there has been neither route nor session to that
//! seller for ten minutes. What was let in goes on, also when the seller is reached again: the lot is late.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::Node;
use super::call::Alert;
use super::output::NoteLevel;
use super::plan;
use crate::base::limit::{NODE_UNKNOWN_LOTS, NODE_UNKNOWN_LOTS_OF_ONE, NODE_WRONG_TAGS};
use crate::base::sorted::SortedMap;
use crate::base::time::{Instant, Span};
use crate::base::voucher::{IssuerNumber, Verifier};
use crate::hotspot::tariff::{Allowance, Measure, Tariff, VoucherState};
use crate::ledger::{Kind, MemberState, Plan, PlanMeasure};

/// What decides whether codes of unknown lots are served.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Provisional {
    /// When a member was last known to be reached.
    reached: SortedMap<[u8; 32], Instant>,
    look_at: Instant,
    /// Wrong tags of the last day: from when on an hour was counted, and how many there were.
    wrong: VecDeque<(Instant, u32)>,
    /// There were too many, and nobody has logged in since.
    shut: bool,
    /// Whose lot was missing last although it was reached, and when.
    missing: Option<(Instant, IssuerNumber)>,
}

impl Provisional {
    /// A code was typed whose tag no secret makes.
    pub(super) fn handle_wrong_tag(&mut self, now: Instant) {
        while self.wrong.front().is_some_and(|(since, _)| now.since(*since) >= DAY + HOUR) {
            self.wrong.pop_front();
        }
        match self.wrong.back_mut() {
            Some((since, count)) if now.since(*since) < HOUR => *count = count.saturating_add(1),
            _ => self.wrong.push_back((now, 1)),
        }
        if self.wrong.iter().map(|(_, count)| *count).sum::<u32>() >= NODE_WRONG_TAGS {
            self.wrong.clear();
            self.shut = true;
        }
    }

    /// Somebody who works here has logged in.
    pub(super) fn handle_person(&mut self) {
        self.shut = false;
        self.wrong.clear();
    }
}

impl Node {
    /// When it is looked again who is reached; never where nobody asks.
    pub(super) fn provisional_wake(&self) -> Option<Instant> {
        self.provisional_plan().is_some().then_some(self.provisional.look_at)
    }

    /// Looks who is reached, each half minute.
    pub(super) fn look_who_is_reached(&mut self, now: Instant) {
        if self.provisional_wake().is_none_or(|at| at > now) {
            return;
        }
        let reached = self.reached_now();
        let provisional = &mut self.provisional;
        provisional.look_at = now + EACH;
        provisional.missing = provisional.missing.filter(|(at, _)| now.since(*at) < HOUR);
        provisional.reached.retain(|key, _| self.ledger.members().any(|state| state.member.key == *key));
        provisional.reached.extend(reached.into_iter().map(|key| (key, now)));
    }

    /// What a code gives whose lot is not here; `newest`: whether its tag is of the present secret.
    pub(super) fn serve_unknown(
        &mut self,
        now: Instant,
        issuer: IssuerNumber,
        verifier: Verifier,
        newest: bool,
    ) -> VoucherState {
        match self.may_serve(now, issuer, newest) {
            Ok(()) => self.unknown_state(verifier, true),
            Err(why) => {
                self.note(
                    NoteLevel::Warning,
                    format!("a code of issuer {} has no lot here: {why}", issuer.0),
                );
                VoucherState::Unknown
            }
        }
    }

    /// What a voucher gives whose lot is not here: nothing, unless it was let in before or `is_new`.
    pub(super) fn unknown_state(&self, verifier: Verifier, is_new: bool) -> VoucherState {
        let served = self.ledger.served_unknown(verifier);
        let Some(plan) = self.provisional_plan().filter(|_| is_new || served.is_some()) else {
            return VoucherState::Unknown;
        };
        let counters = [served, self.guests.pending(verifier)];
        let counters = || counters.iter().flatten();
        let used_s = counters().map(|counter| u64::from(counter.used_s)).max().unwrap_or(0);
        let seconds = match plan.measure {
            PlanMeasure::UsedSeconds { seconds, .. } => seconds.min(MOST_S),
            _ => MOST_S,
        };
        VoucherState::Good(Allowance {
            tariff: Tariff {
                name: plan.name.clone(),
                measure: Measure::UsedSeconds { seconds, within_days: 0 },
                devices: 1,
                rate_down_kbps: plan.rate_down_kbps,
                rate_up_kbps: plan.rate_up_kbps,
                hours: plan.hours,
                data_bytes: plan.data_bytes(),
            },
            used_s,
            used_here_s: used_s,
            up_bytes_here: counters().map(|counter| counter.up_bytes).max().unwrap_or(0),
            down_bytes_here: counters().map(|counter| counter.down_bytes).max().unwrap_or(0),
            bytes_elsewhere: 0,
            since_first_use_s: counters().map(|counter| u64::from(counter.elapsed_s)).max(),
            begin_is_good: false,
        })
    }

    /// A seller whose lots should be here and are not.
    pub(super) fn lot_missing(&self) -> impl Iterator<Item = Alert> {
        self.provisional.missing.iter().map(|(_, issuer)| {
            let key = self.ledger.seller_of(*issuer);
            let name = key.and_then(|key| self.member_name(&key)).unwrap_or_default();
            let text = format!(
                "A coupon of {name} was refused: this node does not know its lot, although it reaches {name}. Look there \
                 whether that node can save and share its records."
            );
            Alert::new("lot-missing", text, &[("member", name)])
        })
    }

    fn may_serve(&mut self, now: Instant, issuer: IssuerNumber, newest: bool) -> Result<(), &'static str> {
        if self.provisional_plan().is_none() {
            return Err("the community serves none of these");
        }
        if !newest || self.ledger.is_tainted() {
            return Err("its tag is not of the present secrets");
        }
        let seller = self.ledger.seller_of(issuer).ok_or("nobody sells under this number")?;
        if self.reached_now().contains(&seller) {
            self.provisional.missing = Some((now, issuer));
            return Err("that node is reached, and does not tell of it");
        }
        let since = self.provisional.reached.get(&seller).copied().unwrap_or(self.started);
        if now.since(since) < SPLIT {
            return Err("that node was reached a moment ago");
        }
        if self.provisional.shut {
            return Err("too many wrong codes were typed here; somebody has to log in first");
        }
        let (of_issuer, all) = self.ledger.unknown_served(issuer);
        if of_issuer >= NODE_UNKNOWN_LOTS_OF_ONE || all >= NODE_UNKNOWN_LOTS {
            return Err("as many of these as may be are served already");
        }
        Ok(())
    }

    /// The plan of such codes; none where no guests are let in.
    fn provisional_plan(&self) -> Option<&Plan> {
        self.hotspot.as_ref()?;
        let own = self.ledger.own_member()?;
        let id = self.ledger.charter()?.provisional_plan.as_ref()?;
        self.ledger.plan(id).map(|(_, plan)| plan).filter(|_| own.roles.may_sign(Kind::Activation))
    }

    /// Members that a stream or a route leads to at the moment.
    fn reached_now(&self) -> Vec<[u8; 32]> {
        let mut reached: Vec<[u8; 32]> = self.sync.peers().filter_map(|peer| peer.member).collect();
        let Some(charter) = self.ledger.charter() else { return reached };
        let statuses = self.ledger.statuses();
        for (prefix, ..) in self.babel.selected() {
            let destination = prefix.destination();
            let owns =
                |state: &&MemberState| plan::ranges(charter, state).any(|range| range.covers(&destination));
            reached.extend(self.ledger.members().find(owns).map(|state| state.member.key));
        }
        for place in [charter.ipv4, charter.ipv6] {
            for (_, router) in self.babel.announced_inside(place) {
                let named = statuses.iter().find(|(_, status)| status.router_id == router.0);
                reached.extend(named.map(|(key, _)| *key));
            }
        }
        reached
    }
}

/// Between two looks who is reached.
const EACH: Span = Span::from_secs(30);
/// Whoever was not reached for so long is on the other side of a split.
const SPLIT: Span = Span::from_secs(600);
/// What such a code gives at most, in seconds of use.
const MOST_S: u32 = 86_400;
const HOUR: Span = Span::from_secs(3_600);
const DAY: Span = Span::from_secs(86_400);
