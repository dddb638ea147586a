//! The steps of the shared ledger: what one node sells or takes back, all others know.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::phones::{describe_visit, shows};
use super::{HAMLET, OUTSIDE_URL, PATIENCE, SHORT_PATIENCE, SQUARE, Story};
use crate::failure::{Failure, Outcome};
use crate::interrupt;
use crate::phone::Phone;
use crate::timeline::Timeline;
use crate::uci::{CARETAKER, PORTAL_PORT};

/// Nobody walks from the hamlet to the square in less.
const SOLD_AND_USED: Duration = Duration::from_secs(2);

impl Story {
    /// A voucher of the far hamlet opens the outside at the square, two seconds after it was sold.
    pub(super) fn sold_elsewhere(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let mut nico = self.phone(SQUARE, "nico", 4)?;
        nico.lease()?;
        let portal = nico.open(OUTSIDE_URL)?;
        let (code, verifier) = self.sell_one(HAMLET, "hora")?;
        let sold = Instant::now();
        timeline.note(format!("Ana sells {code} in the hamlet; Nico stands at the square"));
        self.until_known(SQUARE, &verifier, "sold")?;
        let taken = sold.elapsed();
        timeline.figure("voucher_to_square_s", taken.as_secs_f64());
        timeline.note(format!("the square knows it after {:.2} s", taken.as_secs_f64()));
        if taken > SOLD_AND_USED {
            let expected = format!("a coupon to be known at the square within {SOLD_AND_USED:?}");
            return Err(Failure::new(expected, format!("{taken:?}")));
        }
        let answer = nico.submit(&portal, &code)?;
        let visit = nico.open(OUTSIDE_URL)?;
        if answer.page.status >= 400 || !shows(&visit, "outside") {
            let seen = format!("{}; then {}", describe_visit(&answer), describe_visit(&visit));
            return Err(Failure::new("a code of the hamlet to open the outside at the square", seen));
        }
        timeline.note("Nico's phone opens the outside with it");
        self.until_known(HAMLET, &verifier, "activated")?;
        timeline.note("the hamlet knows that it is in use");
        self.revoked_elsewhere(&mut nico, &verifier, timeline)
    }

    /// The seller takes it back, and it ends where it is used.
    fn revoked_elsewhere(&mut self, nico: &mut Phone, verifier: &str, timeline: &Timeline) -> Outcome<()> {
        let began = Instant::now();
        let router = self.router(SQUARE);
        let limit = self.limit();
        let hamlet = self.village.household(HAMLET);
        hamlet.ask(&["voucher", "revoke", verifier, "--reason", "a joke"])?;
        nico.set_patience(SHORT_PATIENCE);
        interrupt::until(
            "a voucher that the hamlet took back to end at the square",
            limit.min(PATIENCE),
            || {
                Ok(match nico.open(OUTSIDE_URL) {
                    Ok(visit) if visit.url().host == router && visit.url().port == PORTAL_PORT => Ok(()),
                    Ok(visit) => Err(describe_visit(&visit)),
                    Err(failure) => Err(failure.seen),
                })
            },
        )?;
        let taken = began.elapsed().as_secs_f64();
        timeline
            .note(format!("Ana takes it back in the hamlet: {taken:.2} s later Nico is at the portal again"));
        Ok(())
    }

    /// One voucher, sold at this node: its code and its verifier.
    pub(super) fn sell_one(&mut self, at: &str, plan: &str) -> Outcome<(String, String)> {
        let household = self.village.household(at);
        let answer = household.ask(&["voucher", "issue", "--plan", plan, "--person", CARETAKER])?;
        let voucher = &answer["vouchers"][0];
        let text = |name: &str| voucher[name].as_str().map(str::to_owned);
        let (Some(code), Some(verifier)) = (text("code"), text("verifier")) else {
            let expected = "a code and a verifier in the answer to `voucher issue`";
            return Err(Failure::new(expected, answer.to_string()).read(&household.log));
        };
        self.codes.push(code.clone());
        Ok((code, verifier))
    }

    /// Waits until a node says that a voucher is in this state.
    pub(super) fn until_known(&mut self, at: &str, verifier: &str, state: &str) -> Outcome<()> {
        let limit = self.limit();
        let household = self.village.household(at);
        let log = household.log.clone();
        let mut seen = Value::Null;
        interrupt::until(&format!("{at} to know the voucher as {state}"), limit, || {
            seen =
                household.ask(&["voucher", "show", verifier]).unwrap_or_else(|failure| failure.seen.into());
            Ok(if seen["state"] == state { Ok(()) } else { Err(seen.to_string()) })
        })
        .map_err(|failure| failure.read(&log))
    }
}
