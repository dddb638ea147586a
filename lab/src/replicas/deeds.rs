//! What people do at boxes that are on: print, sell, type, void, settle, agree, spend. Seeded chance says who and when.

use tequio::base::time::Span;
use tequio::base::voucher::{IssuerNumber, LotId, Proof, Verifier};
use tequio::ledger::body::{Cash, Revocation, Settlement};
use tequio::ledger::proof::verifier_of;
use tequio::ledger::{Body, DraftError, Kind, Ledger, RecordId, Role};

use super::founding::{self, PRICE, SELLER_SHARE};
use super::guests::Paper;
use super::{BoxId, Plant, What, World};

impl World {
    /// The next thing that somebody does.
    pub(super) fn deed(&mut self) {
        if !self.people_work {
            return;
        }
        let pause = Span::from_millis(1_000) + self.random.span(Span::from_secs(9));
        self.push(self.now + pause, What::Deed);
        let own = self.draw(self.boxes.len());
        if !self.boxes[own].powered {
            return;
        }
        if self.boxes[own].is_copy {
            return self.thief_s_deed(own);
        }
        if self.ledger(own).is_tainted() && founding::roles(own).has(Role::Officer) {
            return self.rotate(own, Vec::new());
        }
        let done = match self.random.below(16) {
            0 | 1 => self.print(own, 4 + self.now.as_millis() as usize % 9).map(drop),
            2..=5 => self.sell(own),
            6..=10 => self.somebody_comes(own),
            11 => self.void(own),
            12 => self.settle(own),
            13 | 14 => self.agree(own),
            _ => self.spend(own),
        };
        match done {
            // What the rules refuse is refused: a seller whose float is full, an officer's box that sells nothing.
            Err(DraftError::Float { .. } | DraftError::NoRight { .. } | DraftError::Tainted) | Ok(()) => {}
            // What a box has forgotten after a lost tail, and has not heard of again.
            Err(error) => self.say(|| format!("box {own} refuses: {error}")),
        }
    }

    /// Prints a lot; the codes are on paper then.
    pub(super) fn print(&mut self, own: BoxId, count: usize) -> Result<Vec<Verifier>, DraftError> {
        let plan = if self.random.below(4) == 0 { "mes" } else { "diez" };
        let (verifiers, lot) = self.new_codes(own, count);
        let body = self.boxes[own].ledger.issue_body(lot, plan, verifiers.clone())?;
        self.write(own, body, true)?;
        Ok(verifiers)
    }

    /// Codes that nobody has seen before, of this box's number.
    pub(super) fn new_codes(&mut self, own: BoxId, count: usize) -> (Vec<Verifier>, LotId) {
        let community = self.ledger(own).community().expect("a box of a community");
        let issuer = self.ledger(own).own_member().map_or(IssuerNumber(1), |member| member.number);
        let lot = LotId(self.random.u64());
        let node = self.boxes[own].id();
        let mut verifiers = Vec::new();
        for _ in 0..count {
            let mut bytes = [0; 16];
            bytes.chunks_mut(8).for_each(|part| part.copy_from_slice(&self.random.u64().to_be_bytes()));
            let verifier = verifier_of(&community, issuer, &Proof(bytes));
            self.guests.paper.insert(verifier, Paper { issuer, proof: Proof(bytes), node, lot });
            verifiers.push(verifier);
        }
        (verifiers, lot)
    }

    /// Sells up to four codes of one lot.
    pub(super) fn sell(&mut self, own: BoxId) -> Result<(), DraftError> {
        let node = self.boxes[own].id();
        let ledger = self.ledger(own);
        let unsold = |verifier: &Verifier| {
            let voucher = ledger.voucher_by(&node, *verifier);
            voucher.is_some_and(|voucher| voucher.sold.is_none() && !voucher.revoked && !voucher.exchanged)
        };
        let of_ours = self.guests.paper.iter().filter(|(_, paper)| paper.node == node);
        let shelf: Vec<(LotId, Verifier)> = of_ours
            .filter(|(verifier, _)| unsold(verifier))
            .map(|(verifier, paper)| (paper.lot, *verifier))
            .collect();
        let Some((lot, _)) = shelf.first().copied() else { return Ok(()) };
        let count = 1 + self.draw(4);
        let some: Vec<Verifier> = shelf
            .into_iter()
            .filter(|(of, _)| *of == lot)
            .map(|(_, verifier)| verifier)
            .take(count)
            .collect();
        let time = self.boxes[own].wall(self.now);
        let body = self.boxes[own].ledger.sale_body(some, "ana", time)?;
        self.write(own, body, true).map(drop)
    }

    /// Somebody with a paper in the hand comes to this box.
    fn somebody_comes(&mut self, own: BoxId) -> Result<(), DraftError> {
        let free = |verifier: &&Verifier| !self.guests.drained.contains_key(*verifier);
        let codes: Vec<Verifier> = self.guests.paper.keys().filter(free).copied().collect();
        if !codes.is_empty() {
            let verifier = codes[self.draw(codes.len())];
            let wants_s = 60 + self.random.below(900);
            self.type_code(own, verifier, wants_s);
        }
        Ok(())
    }

    fn void(&mut self, own: BoxId) -> Result<(), DraftError> {
        let free = |verifier: &&Verifier| !self.guests.drained.contains_key(*verifier);
        let codes: Vec<Verifier> = self.guests.paper.keys().filter(free).copied().collect();
        if codes.is_empty() {
            return Ok(());
        }
        let verifier = codes[self.draw(codes.len())];
        match self.write(own, Ledger::revocation_body(vec![verifier], "mal impreso"), true) {
            Err(DraftError::UnknownVoucher { .. } | DraftError::NotOurs { .. }) => Ok(()),
            done => done.map(drop),
        }
    }

    /// A seller pays.
    fn settle(&mut self, own: BoxId) -> Result<(), DraftError> {
        let vouchers = 1 + self.random.below(20);
        let paid = vouchers * (PRICE - SELLER_SHARE);
        let is_planted = self.plant == Plant::Till;
        let time = self.boxes[own].wall(self.now);
        let written = paid + u64::from(is_planted);
        let body =
            Settlement { person: "ana".into(), paid: written, worth: vouchers * PRICE, time, confirms: None };
        let id = self.write(own, Body::Settlement(Box::new(body)), true)?;
        if is_planted {
            self.tally.really_paid.insert(id, paid);
        }
        Ok(())
    }

    /// A treasurer agrees with what others wrote and nobody of this box has agreed with.
    fn agree(&mut self, own: BoxId) -> Result<(), DraftError> {
        let node = self.boxes[own].id();
        let ledger = self.ledger(own);
        let answered: Vec<RecordId> = ledger
            .records()
            .filter(|record| record.author == node)
            .filter_map(|record| record.body.confirms())
            .collect();
        let open: Vec<(RecordId, Kind)> = ledger
            .records()
            .filter(|record| matches!(record.kind, Kind::Settlement | Kind::Revocation))
            .filter(|record| record.author != node && record.body.confirms().is_none())
            .filter(|record| !answered.contains(&record.id))
            .map(|record| (record.id, record.kind))
            .collect();
        if open.is_empty() {
            return Ok(());
        }
        let (id, kind) = open[self.draw(open.len())];
        let confirms = Some(id);
        let time = self.boxes[own].wall(self.now);
        let body = match kind {
            Kind::Settlement => Body::Settlement(Box::new(Settlement {
                person: "beto".into(),
                paid: 0,
                worth: 0,
                time,
                confirms,
            })),
            _ => Body::Revocation(Box::new(Revocation {
                verifiers: Vec::new(),
                reason: "visto".into(),
                confirms,
            })),
        };
        self.write(own, body, true).map(drop)
    }

    fn spend(&mut self, own: BoxId) -> Result<(), DraftError> {
        let amount = 1 + self.random.below(5_000);
        let time = self.boxes[own].wall(self.now);
        let cash = Cash { person: "tesorera".into(), amount, what: "cable".into(), time };
        let body = if self.random.below(2) == 0 {
            Body::Expense(Box::new(cash))
        } else {
            Body::Contribution(Box::new(cash))
        };
        self.write(own, body, true).map(drop)
    }
}
