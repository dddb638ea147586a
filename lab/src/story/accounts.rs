//! The steps of the money: what a seller pays counts when two nodes say so.

use serde_json::Value;

use super::{HAMLET, SCHOOL, Story};
use crate::failure::{Failure, Outcome};
use crate::interrupt;
use crate::timeline::Timeline;
use crate::uci::CARETAKER;

/// The price of the hour that was sold in the hamlet.
const PAID: &str = "0.50";

impl Story {
    /// Ana pays for what she sold in the hamlet; the treasurer sits at the school.
    pub(super) fn settled_by_two(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let owed = self.owed_in_the_hamlet()?;
        if owed != 50 {
            return Err(Failure::new("50 cents owed by Ana in the hamlet", owed.to_string()));
        }
        let settle = ["books", "settle", "--person", "Ana", "--amount", PAID, "--key", "pago"];
        let hamlet = self.village.household(HAMLET);
        let (once, twice) = (hamlet.ask(&settle)?, hamlet.ask(&settle)?);
        if once["waits"] != true || once != twice {
            return Err(Failure::new("one payment that waits, at two taps", format!("{once}, {twice}")));
        }
        let record = once["record"].as_str().unwrap_or_default().to_owned();
        if self.owed_in_the_hamlet()? != 50 {
            return Err(Failure::new(
                "a payment that nobody agrees with to settle nothing",
                "it did".to_owned(),
            ));
        }
        let limit = self.limit();
        let school = self.village.household(SCHOOL);
        interrupt::until("the payment to wait at the school", limit, || {
            let books = school.ask(&["books", "show"])?;
            let waiting = books["waiting"].as_array().cloned().unwrap_or_default();
            let there = waiting.iter().any(|one| one["record"] == *record && one["may_agree"] == true);
            Ok(if there { Ok(()) } else { Err(books["waiting"].to_string()) })
        })?;
        let agreed = school.ask(&["books", "agree", &record])?;
        timeline
            .note(format!("{CARETAKER} pays {PAID} in the hamlet, the school agrees: {}", agreed["record"]));
        let mut left = 50;
        interrupt::until("the hamlet to know that Ana owes nothing", limit, || {
            left = self.owed_in_the_hamlet()?;
            Ok(if left == 0 { Ok(()) } else { Err(left.to_string()) })
        })
    }

    fn owed_in_the_hamlet(&mut self) -> Outcome<i64> {
        let books = self.village.household(HAMLET).ask(&["books", "show"])?;
        let people = books["people"].as_array().cloned().unwrap_or_default();
        let ana = people.iter().find(|person| person["person"] == "Ana").map(|ana| &ana["owed_here_cents"]);
        Ok(ana.and_then(Value::as_i64).unwrap_or(0))
    }
}
