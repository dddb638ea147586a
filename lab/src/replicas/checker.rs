//! What must hold when all is quiet: states are equal, what was acknowledged is there, the books agree, coupons gave
//! what the formula allows.

use tequio::base::time::TimeQuality;
use tequio::base::voucher::Verifier;
use tequio::ledger::{Ledger, RecordId};

use super::closes::{differ, sums};
use super::founding::HELD_S;
use super::replica::state;
use super::tally::Fact;
use super::{BoxId, World};

/// What a box may let through beyond what is left, before it hears of the others: one tick, told each minute.
const MINUTE_S: u64 = 60;

impl World {
    /// Whether all replicas have the same state, and the same bytes of it.
    pub(super) fn are_equal(&self) -> Result<(), String> {
        let first = self.first();
        let ids = |own: BoxId| self.ledger(own).held().map(|(_, id)| id).collect::<Vec<RecordId>>();
        let (known, whole) = (ids(first), self.boxes[first].state());
        for own in self.honest().skip(1) {
            let theirs = ids(own);
            if theirs != known {
                let lacks = known.iter().filter(|id| !theirs.contains(id)).count();
                let more = theirs.iter().filter(|id| !known.contains(id)).count();
                return Err(format!(
                    "replicas differ: box {own} lacks {lacks} records of box {first}, and has {more} more"
                ));
            }
            let state = self.boxes[own].state();
            if state != whole {
                let at = state.bytes().zip(whole.bytes()).take_while(|(one, two)| one == two).count();
                let around =
                    |text: &str| text.chars().skip(at.saturating_sub(60)).take(160).collect::<String>();
                return Err(format!(
                    "replicas differ: box {own} has the records of box {first} and says ..{}.. for ..{}..",
                    around(&state),
                    around(&whole)
                ));
            }
        }
        Ok(())
    }

    /// Everything else; the largest excess of a voucher.
    pub(super) fn check(&self) -> Result<u64, String> {
        self.nothing_is_lost()?;
        self.the_order_does_not_matter()?;
        self.the_books_agree()?;
        self.months_begin_when_they_were_sold()?;
        self.coupons_gave_what_they_may()
    }

    pub(super) fn hash(&self) -> String {
        let mix = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        format!("{:016x}", self.boxes[self.first()].state().bytes().fold(0xcbf2_9ce4_8422_2325, mix))
    }

    fn end(&self) -> &Ledger {
        self.ledger(self.first())
    }

    fn nothing_is_lost(&self) -> Result<(), String> {
        let there = |id: RecordId| self.end().has(id);
        let books = self.books.standing(&self.tally, &there);
        let of_gone = |fact: &Fact| self.closing && self.tally.expelled.contains_key(&fact.author);
        match self.tally.facts.values().find(|fact| books.is_missing(fact) && !of_gone(fact)) {
            Some(fact) => Err(format!("an acknowledged record is missing: {fact:?}")),
            None => Ok(()),
        }
    }

    /// A stranger who learns the same records in another order comes to the same state.
    fn the_order_does_not_matter(&self) -> Result<(), String> {
        let end = self.end();
        let mut other = Ledger::new([0; 32], 1);
        let mut ids: Vec<RecordId> = end.held().map(|(_, id)| id).collect();
        ids.sort_by_key(|id| (id.0[3], *id));
        for id in ids {
            let bytes = end.bytes_of(id).ok_or("a record that is held has bytes")?;
            other.handle_stored(&bytes).map_err(|refusal| refusal.to_string())?;
        }
        if state(&other) == state(end) {
            Ok(())
        } else {
            Err("another order ends in another state".to_owned())
        }
    }

    fn the_books_agree(&self) -> Result<(), String> {
        let end = self.end();
        if let Some(wrong) = &self.books.wrong {
            return Err(wrong.clone());
        }
        let rows = end.tally(&|_| true).into_iter();
        let theirs = sums(rows.map(|((node, ..), figures)| (node, move |of| figures.of(of))));
        let last = end.closes().last().map(|(id, _)| *id);
        if last != self.books.last() {
            return Err(format!("the last close is {last:?}, and should be {:?}", self.books.last()));
        }
        let there = |id: RecordId| end.has(id);
        let books = self.books.standing(&self.tally, &there);
        let ours = books.totals(&|id| books.has(id));
        if ours == theirs { Ok(()) } else { Err(differ(&theirs, &ours)) }
    }

    /// Who lies about time ages no coupon beyond its sale.
    fn months_begin_when_they_were_sold(&self) -> Result<(), String> {
        for verifier in self.guests.paper.keys() {
            let Some(voucher) = self.end().voucher(*verifier) else { continue };
            let (Some(sold), Some(begin)) = (voucher.sold, voucher.activated) else { continue };
            let good = |quality| quality >= TimeQuality::Mesh;
            if good(sold.time.quality) && good(begin.quality) && begin.unix_s < sold.time.unix_s {
                return Err(format!("voucher {verifier} began before it was sold"));
            }
        }
        Ok(())
    }

    fn coupons_gave_what_they_may(&self) -> Result<u64, String> {
        let told = self.end().used_twice();
        let held_s = u64::from(HELD_S);
        let mut most_s = 0;
        for (verifier, got_s) in &self.guests.got_s {
            let Some(voucher) = self.end().voucher(*verifier) else { continue };
            let used_s = voucher.used_s();
            if used_s > *got_s {
                return Err(format!(
                    "voucher {verifier} is charged {used_s} s, and its guests had {got_s} s"
                ));
            }
            // Each box, after each boot, may know of nobody else.
            let places = self.guests.served.get(verifier).map_or(0, |served| served.len() as u64);
            if used_s > places * (held_s + MINUTE_S) {
                return Err(format!("voucher {verifier} gave {used_s} s at {places} places"));
            }
            let excess_s = used_s.saturating_sub(held_s);
            most_s = most_s.max(excess_s);
            let is_told =
                told.iter().find(|twice| twice.verifier == *verifier).map_or(0, |twice| twice.excess_s);
            let noise_s = MINUTE_S * u64::from(voucher.plan.devices);
            if is_told != if excess_s > noise_s { excess_s } else { 0 } {
                return Err(format!(
                    "voucher {verifier} gave {excess_s} s too much, and its seller is told {is_told} s"
                ));
            }
        }
        self.guests.drained.iter().try_for_each(|(verifier, parts)| self.was_drained(*verifier, *parts))?;
        Ok(most_s)
    }

    /// The worst case: every part gives all that it held, and exactly that is told. Parts in which its node was
    /// expelled meanwhile do not count, nor do counters that a hurt flash has lost; guests gain by that.
    fn was_drained(&self, verifier: Verifier, parts: u64) -> Result<(), String> {
        let Some(voucher) = self.end().voucher(verifier) else {
            return Ok(());
        };
        let served = self.guests.served.get(&verifier).into_iter().flatten().map(|(own, _)| *own);
        let stolen = self.theft.as_ref().map(|theft| theft.victim());
        let lost = served.filter(|own| Some(*own) == stolen || self.boxes[*own].was_hurt).count() as u64;
        let held_s = u64::from(HELD_S);
        // With the stolen key's forged lots in its float, its own are good again only after the expulsion.
        let is_stolen = self.theft.as_ref().is_some_and(|theft| theft.key == voucher.node);
        // A box that holds a lot for closed for good counts no more of it: guests gain by that too.
        let least_s = if is_stolen || self.closing { 0 } else { parts.saturating_sub(lost) * held_s };
        let used_s = voucher.used_s();
        if used_s > parts * held_s || used_s < least_s {
            let served = self.guests.served.get(&verifier);
            let rows: Vec<_> = voucher
                .used
                .iter()
                .map(|used| {
                    (self.boxes.iter().position(|one| one.id() == used.node), used.lane, used.seconds)
                })
                .collect();
            return Err(format!(
                "voucher {verifier}, drained in {parts} parts, gave {used_s} s and not {least_s} s: {served:?}, {rows:?}"
            ));
        }
        Ok(())
    }
}
