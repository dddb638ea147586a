//! One code on both sides of a split: both run, the sum is deducted after healing, and the seller is told.
//!
//! Both sides need a way outside, since use counts only where there is one: the hamlet has a dish of its own.

use std::time::Instant;

use super::phones::{describe_visit, shows};
use super::{HAMLET, OUTSIDE_URL, PATIENCE, SHORT_PATIENCE, SQUARE, Story};
use crate::failure::Outcome;
use crate::interrupt;
use crate::phone::Phone;
use crate::terrain::Cut;
use crate::timeline::Timeline;
use crate::topology::OUTSIDE4;
use crate::uci::PORTAL_PORT;
use crate::village::SPLIT_SECONDS;

/// The other end of the hamlet's only link.
const CLINIC: &str = "clinica";

impl Story {
    /// Cut off, the hamlet goes on by its own dish, and a code that it sold before is typed on both sides.
    pub(super) fn used_on_both_sides(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let (code, verifier) = self.sell_one(HAMLET, "rato")?;
        self.until_known(SQUARE, &verifier, "sold")?;
        self.village.terrain.cut(CLINIC, HAMLET, Cut::Carrier)?;
        self.village.terrain.raise_dish()?;
        timeline
            .note(format!("Ana sells {code} in the hamlet, which is cut off then and has a dish of its own"));
        let moment = Instant::now();
        let mut there = self.phone(HAMLET, "memo", 5)?;
        let mut here = self.phone(SQUARE, "tona", 6)?;
        self.enter(&mut there, HAMLET, &code)?;
        self.enter(&mut here, SQUARE, &code)?;
        timeline.note("Memo types it in the hamlet and Toña at the square: both are outside");
        self.until_at_portal(&mut there, HAMLET)?;
        self.until_at_portal(&mut here, SQUARE)?;
        let lasted = moment.elapsed().as_secs_f64();
        timeline.note(format!("each got {SPLIT_SECONDS} s: after {lasted:.1} s both are back at the portal"));
        self.village.terrain.join(CLINIC, HAMLET)?;
        self.village.terrain.lower_dish()?;
        let healed = Instant::now();
        self.until_converged()?;
        self.until_told(&verifier)?;
        let taken = healed.elapsed().as_secs_f64();
        timeline.figure("split_reported_s", taken);
        timeline
            .note(format!("the split is healed, and {taken:.1} s later the hamlet says what was used twice"));
        Ok(())
    }

    /// A phone types the code and opens the outside.
    fn enter(&mut self, phone: &mut Phone, at: &str, code: &str) -> Outcome<()> {
        let log = self.village.household(at).log.clone();
        let limit = self.limit();
        phone.lease()?;
        phone.set_patience(SHORT_PATIENCE);
        let expected = format!("the portal at {at}, and the outside behind it, with a code of the hamlet");
        // The way outside changes in these seconds.
        interrupt::until(&expected, limit, || {
            let portal = match phone.open(OUTSIDE_URL) {
                Ok(visit) if visit.url().port == PORTAL_PORT => visit,
                Ok(visit) if shows(&visit, "outside") => return Ok(Ok(())),
                Ok(visit) => return Ok(Err(describe_visit(&visit))),
                Err(failure) => return Ok(Err(failure.seen)),
            };
            Ok(match phone.submit(&portal, code).and_then(|_| phone.open(&format!("http://{OUTSIDE4}/"))) {
                Ok(visit) if shows(&visit, "outside") => Ok(()),
                Ok(visit) => Err(describe_visit(&visit)),
                Err(failure) => Err(failure.seen),
            })
        })
        .map_err(|failure| failure.read(&log))
    }

    /// The phone goes on using the outside until its voucher ends.
    fn until_at_portal(&mut self, phone: &mut Phone, at: &str) -> Outcome<()> {
        let (router, limit) = (self.router(at), self.limit().max(PATIENCE * 5));
        let log = self.village.household(at).log.clone();
        interrupt::until(&format!("the voucher to end at {at}"), limit, || {
            Ok(match phone.open(&format!("http://{OUTSIDE4}/")) {
                Ok(visit) if visit.url().host == router && visit.url().port == PORTAL_PORT => Ok(()),
                Ok(visit) => Err(describe_visit(&visit)),
                // A connection that was open when the voucher ended is cut in the middle.
                Err(failure) => Err(failure.seen),
            })
        })
        .map_err(|failure| failure.read(&log))
    }

    /// Waits until the node that sold the voucher says that it was used twice.
    fn until_told(&mut self, verifier: &str) -> Outcome<()> {
        let limit = self.limit();
        let hamlet = self.village.household(HAMLET);
        interrupt::until("the hamlet to say that its voucher was used on both sides", limit, || {
            let status = hamlet.ask(&["status"])?;
            let alerts = status["alerts"].as_array().cloned().unwrap_or_default();
            let told = alerts
                .iter()
                .any(|alert| alert["code"] == "used-twice" && alert.to_string().contains(verifier));
            Ok(if told { Ok(()) } else { Err(status["alerts"].to_string()) })
        })
        .map_err(|failure| if failure.interrupted { failure } else { failure.read(&hamlet.log) })
    }
}
