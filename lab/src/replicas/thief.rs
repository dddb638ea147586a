//! What a copied box signs: some of it as its owner might, most of it as nobody may. Whatever of it counts must be
//! what the simulator's own books say counts.

use tequio::base::voucher::IssuerNumber;
use tequio::ledger::body::{Activation, Counter, Issue, Revocation, Settlement, Usage};
use tequio::ledger::{Body, DraftError, RecordId};

use super::founding::{self, PRICE};
use super::tally::GUESSED;
use super::{BoxId, World};

impl World {
    pub(super) fn thief_s_deed(&mut self, own: BoxId) {
        let done = match self.random.below(10) {
            0 => self.print(own, 10).map(drop),
            1 => self.sell(own),
            2 | 3 => self.forged_lot(own),
            4 => self.forged_settlement(own),
            5 => self.forged_rights(own),
            6 => self.forged_counters(own),
            7 => self.forged_first_use(own),
            8 => self.forged_void(own),
            _ => self.long_ago(own),
        };
        if let Err(error) = done {
            self.say(|| format!("the thief's own box refuses: {error}"));
        }
    }

    /// A record that the thief signs by himself: numbers of long ago, of today, far ahead.
    fn forge(&mut self, own: BoxId, body: &Body) -> RecordId {
        let key = self.boxes[own].id();
        let tip = self.ledger(own).heads(&key).first().copied();
        let seq = [3, 1 << 34, u64::MAX - 5][self.draw(3)] + self.random.below(5);
        let kind = body.kind().expect("the thief says something");
        let prev = tip.filter(|_| kind.chained() && self.random.below(2) == 0);
        let bytes = self.boxes[own].forge(seq, prev, body);
        self.bring(own, &bytes, false);
        tequio::ledger::Record::id_of(&bytes).expect("a record has a name")
    }

    /// Back-dated, or far ahead, and seven of them are over the float.
    fn forged_lot(&mut self, own: BoxId) -> Result<(), DraftError> {
        let (verifiers, lot) = self.new_codes(own, 180);
        let ledger = self.ledger(own);
        let (Some((plan, _)), Some((epoch, _))) = (ledger.plan("diez"), ledger.current_epoch()) else {
            return Ok(());
        };
        let issuer = ledger.own_member().map_or(IssuerNumber(1), |member| member.number);
        self.forge(
            own,
            &Body::Issue(Box::new(Issue { lot, epoch, plan, verifiers, issuer, for_exchange: false })),
        );
        Ok(())
    }

    /// He settles with himself.
    fn forged_settlement(&mut self, own: BoxId) -> Result<(), DraftError> {
        let time = self.boxes[own].wall(self.now);
        let body = Settlement { person: "eva".into(), paid: 9_000, worth: 100 * PRICE, time, confirms: None };
        let id = self.forge(own, &Body::Settlement(Box::new(body)));
        let agrees = Settlement { person: "eva".into(), paid: 0, worth: 0, time, confirms: Some(id) };
        self.forge(own, &Body::Settlement(Box::new(agrees)));
        Ok(())
    }

    /// A member of his own, and an epoch that expels an officer.
    fn forged_rights(&mut self, own: BoxId) -> Result<(), DraftError> {
        if founding::roles(self.theft.as_ref().map_or(0, |theft| theft.victim())).privileged() {
            // What an officer's key may do while it counts is not kept in these books.
            return Ok(());
        }
        let Body::Member(mut member) = founding::member(&self.boxes[own], 0, None) else { return Ok(()) };
        member.key = [self.draw(200) as u8; 32];
        self.forge(own, &Body::Member(member));
        let officer = self.boxes[0].id();
        let expulsion = tequio::ledger::body::Expulsion { member: officer, heads: Vec::new() };
        let epoch = founding::epoch(self.ledger(own), vec![expulsion]);
        self.forge(own, &epoch);
        Ok(())
    }

    /// Counters for coupons that he never saw.
    fn forged_counters(&mut self, own: BoxId) -> Result<(), DraftError> {
        let known: Vec<_> = self.guests.paper.keys().copied().collect();
        let mut counters: Vec<Counter> = Vec::new();
        for verifier in known.into_iter().take(40) {
            counters.push(Counter { verifier, used_s: 600, up_bytes: 0, down_bytes: 0, elapsed_s: 1 << 30 });
        }
        let lane = self.random.u64();
        self.forge(own, &Body::Usage(Box::new(Usage { lane, page: 0, counters, day: None })));
        Ok(())
    }

    /// First uses without the code.
    fn forged_first_use(&mut self, own: BoxId) -> Result<(), DraftError> {
        let known: Vec<_> = self.guests.paper.keys().copied().collect();
        if !known.is_empty() {
            let verifier = known[self.draw(known.len())];
            let begin = self.boxes[own].wall(self.now);
            self.forge(own, &Body::Activation(Activation { verifier, proof: GUESSED, begin }));
        }
        Ok(())
    }

    /// Voids what others sold.
    fn forged_void(&mut self, own: BoxId) -> Result<(), DraftError> {
        let known: Vec<_> = self.guests.paper.keys().copied().collect();
        if !known.is_empty() {
            let verifiers = vec![known[self.draw(known.len())]];
            let body = Revocation { verifiers, reason: "porque si".into(), confirms: None };
            self.forge(own, &Body::Revocation(Box::new(body)));
        }
        Ok(())
    }

    /// A typed code, but he says that it began a year ago.
    fn long_ago(&mut self, own: BoxId) -> Result<(), DraftError> {
        let codes: Vec<_> = self.guests.paper.iter().map(|(verifier, paper)| (*verifier, *paper)).collect();
        let free: Vec<_> =
            codes.into_iter().filter(|(verifier, _)| !self.guests.drained.contains_key(verifier)).collect();
        if !free.is_empty() {
            let (verifier, paper) = free[self.draw(free.len())];
            let mut begin = self.boxes[own].wall(self.now);
            begin.unix_s -= 31_536_000;
            self.forge(own, &Body::Activation(Activation { verifier, proof: paper.proof, begin }));
        }
        Ok(())
    }
}
