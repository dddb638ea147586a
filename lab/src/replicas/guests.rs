//! Guests at boxes: they type codes, use what is left as far as the box knows, and go. What they really got is kept.

use std::collections::{BTreeMap, BTreeSet};

use tequio::base::voucher::{IssuerNumber, LotId, Proof, Verifier};
use tequio::ledger::{Counter, Ledger, PlanMeasure};

use super::founding::HELD_S;
use super::{BoxId, Plant, TICK, World};

/// All guests, and the paper that is about.
#[derive(Default)]
pub(super) struct Guests {
    here: Vec<Guest>,
    /// Who has which code in the hand.
    pub(super) paper: BTreeMap<Verifier, Paper>,
    /// Seconds that guests really got of a voucher.
    pub(super) got_s: BTreeMap<Verifier, u64>,
    /// Where and in which run of a box a voucher was used.
    pub(super) served: BTreeMap<Verifier, BTreeSet<(BoxId, u32)>>,
    /// Vouchers that are drained in every part of a split, and in how many.
    pub(super) drained: BTreeMap<Verifier, u64>,
    ticks: u64,
}

/// A printed code.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paper {
    pub(super) issuer: IssuerNumber,
    pub(super) proof: Proof,
    pub(super) node: [u8; 32],
    pub(super) lot: LotId,
}

struct Guest {
    at: BoxId,
    verifier: Verifier,
    /// Seconds that she still wants.
    wants_s: u64,
}

impl World {
    /// Somebody types a code at a box; whether she was let in.
    pub(super) fn type_code(&mut self, at: BoxId, verifier: Verifier, wants_s: u64) -> bool {
        let Some(paper) = self.guests.paper.get(&verifier).copied() else { return false };
        let now = self.now;
        let one = &self.boxes[at];
        let Some(voucher) = one.ledger.voucher_of(paper.issuer, verifier) else { return false };
        if !one.powered || voucher.revoked || voucher.exchanged {
            return false;
        }
        let own = one.id();
        let was_here = one.ledger.records().any(|record| {
            record.author == own
                && matches!(&record.body, tequio::ledger::Body::Activation(first) if first.verifier == verifier)
        });
        if !was_here {
            let begin = one.wall(now);
            if self.write(at, Ledger::activation_body(verifier, paper.proof, begin), false).is_err() {
                return false;
            }
        }
        let device = [u8::try_from(at).unwrap_or(0); 8];
        let body = self.boxes[at].ledger.device_body(verifier, device, None, None, None);
        // A box that has just lost its own first word about this voucher says nothing of devices.
        let _ = self.write(at, body, false);
        if matches!(voucher.plan.measure, PlanMeasure::UsedSeconds { .. }) {
            self.guests.here.push(Guest { at, verifier, wants_s });
        }
        true
    }

    /// Each guest uses what is left; counters are told each minute, and when somebody goes.
    pub(super) fn count_guests(&mut self) {
        self.guests.ticks += 1;
        let mut told: BTreeSet<BoxId> = BTreeSet::new();
        if self.guests.ticks.is_multiple_of(3) {
            told.extend(0..self.boxes.len());
        }
        let mut here = std::mem::take(&mut self.guests.here);
        here.retain_mut(|guest| {
            if !self.boxes[guest.at].powered {
                return true;
            }
            let used_s = self.use_some(guest);
            if used_s == 0 || guest.wants_s == 0 {
                told.insert(guest.at);
            }
            used_s > 0 && guest.wants_s > 0
        });
        self.guests.here = here;
        told.into_iter().for_each(|at| self.tell_counters(at));
    }

    fn use_some(&mut self, guest: &mut Guest) -> u64 {
        let one = &mut self.boxes[guest.at];
        let own = one.id();
        let Some(voucher) = one.ledger.voucher(guest.verifier).filter(|voucher| !voucher.revoked) else {
            return 0;
        };
        let here_s: u64 =
            voucher.used.iter().filter(|used| used.node == own).map(|used| u64::from(used.seconds)).sum();
        let elsewhere_s = voucher.used_s() - here_s;
        let meter = one.meters.entry(guest.verifier).or_default();
        // As `hotspot::meter` learns: what the ledger knows of this node, if it is more.
        meter.used_s = meter.used_s.max(u32::try_from(here_s).unwrap_or(u32::MAX));
        let left_s = u64::from(HELD_S).saturating_sub(elsewhere_s + u64::from(meter.used_s));
        let used_s = left_s.min(TICK.as_secs()).min(guest.wants_s);
        meter.used_s += u32::try_from(used_s).expect("a tick is short");
        meter.is_written &= used_s == 0;
        guest.wants_s -= used_s;
        let boots = one.boots;
        *self.guests.got_s.entry(guest.verifier).or_default() += used_s;
        self.guests.served.entry(guest.verifier).or_default().insert((guest.at, boots));
        used_s
    }

    /// A box tells what its guests have used.
    pub(super) fn tell_counters(&mut self, at: BoxId) {
        let one = &mut self.boxes[at];
        if !one.powered {
            return;
        }
        let mut changed = Vec::new();
        for (verifier, meter) in one.meters.iter_mut().filter(|(_, meter)| !meter.is_written) {
            meter.is_written = true;
            let counter = Counter {
                verifier: *verifier,
                used_s: meter.used_s,
                up_bytes: 0,
                down_bytes: 0,
                elapsed_s: 0,
            };
            changed.push(counter);
        }
        if self.plant == Plant::Silent && at != self.first() {
            changed.retain(|counter| !self.guests.drained.contains_key(&counter.verifier));
        }
        if changed.is_empty() {
            return;
        }
        for mut body in self.boxes[at].ledger.usage_bodies(&changed, None) {
            if let (Plant::Double, tequio::ledger::Body::Usage(page)) = (self.plant, &mut body) {
                page.lane ^= u64::from(self.boxes[at].boots);
            }
            // After a lost tail the box may not know that it let this guest in: the guest gains.
            let _ = self.write(at, body, false);
        }
    }

    /// The last guests go home.
    pub(super) fn close_of_business(&mut self) {
        self.people_work = false;
        self.guests.here.clear();
        for at in 0..self.boxes.len() {
            self.tell_counters(at);
        }
    }
}
