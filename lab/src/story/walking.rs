//! A phone that changes its address, walks from the square to the hamlet, and is let out there: its code is typed once.

use std::time::{Duration, Instant};

use super::phones::{describe_visit, shows};
use super::{ANDROID_CHECK, HAMLET, OUTSIDE_URL, SHORT_PATIENCE, SQUARE, Story};
use crate::failure::{Failure, Outcome};
use crate::interrupt;
use crate::phone::Phone;
use crate::timeline::Timeline;

/// The old node asks the phone nine times in twelve seconds before it says that it has left, and two statuses wait five
/// seconds each at most.
const WALK: Duration = Duration::from_secs(40);

impl Story {
    pub(super) fn walks_over(&mut self, timeline: &mut Timeline) -> Outcome<()> {
        let mut paco = self.phone(SQUARE, "paco", 5)?;
        paco.lease()?;
        let portal = paco.open(OUTSIDE_URL)?;
        let (code, verifier) = self.sell_one(SQUARE, "hora")?;
        paco.submit(&portal, &code)?;
        is_outside(&mut paco)?;
        timeline.note(format!("Paco types {code} at the square"));
        // The next day his phone calls itself something else.
        let browser = paco.walk_away();
        let mut paco = self.phone(SQUARE, "paco2", 6)?;
        paco.remember(browser);
        paco.lease()?;
        let welcome = paco.open(OUTSIDE_URL)?;
        paco.press(&welcome, "/return")?;
        is_outside(&mut paco)?;
        timeline.note(format!("as {} it comes back by its cookie, with one tap", paco.mac));
        self.until_known(HAMLET, &verifier, "activated")?;
        drop(paco.walk_away());
        let mut paco = self.phone(HAMLET, "paco3", 6)?;
        paco.lease()?;
        let began = Instant::now();
        interrupt::until("a phone to go on at the hamlet without typing", WALK, || {
            Ok(match paco.ask(ANDROID_CHECK) {
                Ok(page) if page.status == 204 => Ok(()),
                Ok(page) => Err(format!("the portal ({})", page.status)),
                Err(failure) => Err(failure.seen),
            })
        })?;
        is_outside(&mut paco)?;
        let taken = began.elapsed().as_secs_f64();
        timeline.figure("walk_to_outside_s", taken);
        timeline
            .note(format!("it walks over to the hamlet and is outside after {taken:.1} s, nothing typed"));
        self.let_out(&mut paco, &verifier, &code, timeline)
    }

    /// A caretaker ends the session; the phone is told, and its code is as good as before.
    fn let_out(&mut self, paco: &mut Phone, verifier: &str, code: &str, timeline: &Timeline) -> Outcome<()> {
        let answer = self.village.household(HAMLET).ask(&["session", "end", verifier])?;
        if answer["devices"] != 1 {
            return Err(Failure::new("one device to be let out", answer.to_string()));
        }
        paco.set_patience(SHORT_PATIENCE);
        let told = "Su sesi\u{f3}n se cerr\u{f3} en el nodo";
        let mut portal = None;
        interrupt::until("the phone to be told that its session was ended", WALK, || {
            Ok(match paco.open(OUTSIDE_URL) {
                Ok(visit) if visit.page.text().contains(told) => {
                    portal = Some(visit);
                    Ok(())
                }
                Ok(visit) => Err(describe_visit(&visit)),
                Err(failure) => Err(failure.seen),
            })
        })?;
        timeline.note("Ana ends its session in the hamlet, and its next page says so");
        if let Some(portal) = portal {
            paco.submit(&portal, code)?;
        }
        is_outside(paco)?;
        timeline.note("typed again, the code goes on where it was");
        Ok(())
    }
}

fn is_outside(phone: &mut Phone) -> Outcome<()> {
    let visit = phone.open(OUTSIDE_URL)?;
    match shows(&visit, "outside") {
        true => Ok(()),
        false => Err(Failure::new(format!("{}'s phone to be outside", phone.name), describe_visit(&visit))),
    }
}
