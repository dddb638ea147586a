//! The calendar of a node that has no clock battery: whom it believes, and how far (`docs/ledger.md`, "Time").
//!
//! Best is the kernel while a time server keeps it in step; then the median of what the members with the role `clock`
//! say that have such a kernel; then the clock of a caretaker's phone; else the kernel's own, never before the floor.
//! A time once believed goes on by the monotonic clock, whatever the kernel says later. Whoever would move a good
//! time by more than ten minutes is refused, and people are told.

use serde::{Deserialize, Serialize};

use super::Node;
use super::call::Alert;
use super::output::Output;
use crate::base::limit::BUILT_UNIX_S;
use crate::base::sorted::SortedMap;
use crate::base::time::{Instant, Span, TimeQuality, WallTime};
use crate::ledger::body::Status;

/// What is known of the calendar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Calendar {
    held: WallTime,
    at: Instant,
    /// What the kernel said last, and when.
    kernel: (WallTime, Instant),
    offers: SortedMap<[u8; 32], Offer>,
    kept: Kept,
    saved: Option<Instant>,
    /// How many members stood behind a time of the mesh.
    voices: usize,
    /// Whom the time that is held does not agree with.
    disputed: Option<WallTime>,
}

/// What outlives a power cut: the last good time, and the number of the root's record that it came after.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Seconds since 1970.
    pub unix_s: u64,
    /// The number of the root's newest record that was known.
    pub number: u32,
}

/// What a member holds the time to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Offer {
    unix_s: u64,
    at: Instant,
    router_id: [u8; 8],
    /// It came in place of another one: nobody repeats it who heard it long ago.
    fresh: bool,
}

impl Calendar {
    /// What the calendar says now.
    pub(super) fn wall(&self, now: Instant) -> WallTime {
        carried((self.held, self.at), now)
    }

    /// Believes whom it should. `mesh` is what the clocks of others say now, in order; `root` the number and the floor
    /// of the root's newest record.
    fn settle(&mut self, now: Instant, mesh: &[u64], root: (u32, u64)) {
        let floor = self.floor(root);
        let kernel = carried(self.kernel, now);
        let median = mesh.get(mesh.len().saturating_sub(1) / 2);
        let candidate = match median {
            _ if kernel.quality == TimeQuality::Trusted => Some(kernel),
            median => median.map(|unix_s| WallTime { unix_s: *unix_s, quality: TimeQuality::Mesh }),
        };
        let held = self.wall(now);
        let is_good = held.quality >= TimeQuality::Mesh && held.unix_s >= floor;
        let far = |other: WallTime| is_good && held.unix_s.abs_diff(other.unix_s) > STEP_S;
        match candidate {
            Some(other) if other.unix_s < floor || far(other) => self.disputed = Some(other),
            // What a time server said is better than what the mesh says of it.
            Some(other) if !is_good || other.quality >= held.quality => {
                self.hold(now, other);
                self.voices = mesh.len();
            }
            _ => self.disputed = None,
        }
        let held = self.wall(now);
        if held.quality == TimeQuality::Stale || held.unix_s < floor {
            let unix_s = kernel.unix_s.max(floor);
            (self.held, self.at) = (WallTime { unix_s, quality: TimeQuality::Stale }, now);
        }
    }

    fn hold(&mut self, now: Instant, time: WallTime) {
        (self.held, self.at, self.disputed) = (time, now, None);
    }

    /// Before this it cannot be. The root's newest word replaces what was kept, once: somebody's wrong clock may have
    /// been believed.
    fn floor(&mut self, (number, root): (u32, u64)) -> u64 {
        if number > self.kept.number {
            self.kept = Kept { unix_s: 0, number };
            self.saved = None;
        }
        BUILT_UNIX_S.max(root).max(self.kept.unix_s)
    }

    /// A caretaker's device says what time it is. The error is a sentence for her.
    fn set(&mut self, now: Instant, unix_s: u64, root: (u32, u64)) -> Result<(), &'static str> {
        let floor = self.floor(root);
        let held = self.wall(now);
        let near = |other: u64, span: u64| other.abs_diff(unix_s) <= span;
        if let Some(other) = self.disputed.filter(|other| near(other.unix_s, STEP_S) && other.unix_s >= floor)
        {
            // Two against one: the person decides between two clocks.
            self.hold(now, WallTime { unix_s, ..other });
            return Ok(());
        }
        match held.quality {
            _ if unix_s < floor => Err("This is earlier than it can be. Look at the date of this device."),
            TimeQuality::Mesh | TimeQuality::Trusted if near(held.unix_s, STEP_S) => Ok(()),
            TimeQuality::Mesh | TimeQuality::Trusted => {
                Err("The node knows the time, and this differs by more than ten minutes.")
            }
            TimeQuality::Caretaker if !near(held.unix_s, DAY_S) => {
                Err("Somebody has set the clock already, and this differs by more than a day.")
            }
            TimeQuality::Stale if unix_s > floor.saturating_add(FIRST_STEP_S) => Err(
                "This is more than a year later than the node remembers. Look at the date of this device.",
            ),
            _ => {
                self.hold(now, WallTime { unix_s, quality: TimeQuality::Caretaker });
                Ok(())
            }
        }
    }

    /// What is to be kept now, if something is.
    fn keep(&mut self, now: Instant) -> Option<Kept> {
        let held = self.wall(now);
        let due = self.saved.is_none_or(|saved| now.since(saved) >= KEEP);
        if held.quality < TimeQuality::Mesh || !due {
            return None;
        }
        self.saved = Some(now);
        self.kept.unix_s = self.kept.unix_s.max(held.unix_s);
        Some(self.kept)
    }
}

impl Node {
    /// What the calendar says now.
    pub(super) fn wall(&self, now: Instant) -> WallTime {
        self.calendar.wall(now)
    }

    /// The kernel's clock was read.
    pub(super) fn told_time(&mut self, now: Instant, told: WallTime) {
        self.calendar.kernel = (told, now);
        self.settle_time(now);
        // Notices end with their day, a mode and hours with the minute.
        self.name_community(now);
        self.look_at_rules(now, false);
    }

    /// What was kept over a power cut.
    pub(super) fn time_found(&mut self, now: Instant, kept: Kept) {
        self.calendar.kept = kept;
        self.settle_time(now);
    }

    /// A member says what time it is.
    pub(super) fn hear_time(&mut self, now: Instant, author: [u8; 32], status: &Status) {
        let Status { router_id, time, .. } = *status;
        let known = self.calendar.offers.get(&author);
        let fresh = known.is_some();
        if author == self.ledger.own_key() || time.quality != TimeQuality::Trusted {
            self.calendar.offers.remove(&author);
            return;
        }
        self.calendar.offers.insert(author, Offer { unix_s: time.unix_s, at: now, router_id, fresh });
        self.settle_time(now);
    }

    /// A caretaker's device offers its clock.
    pub(super) fn set_time(&mut self, now: Instant, unix_s: u64) -> Result<(), &'static str> {
        self.calendar.set(now, unix_s, self.ledger.time_record())?;
        self.settle_time(now);
        Ok(())
    }

    fn settle_time(&mut self, now: Instant) {
        // Whoever has left is repeated by others for a while, and its time stands still.
        let good = self.wall(now).quality >= TimeQuality::Mesh;
        let unsure = !good && self.calendar.offers.values().any(|offer| !offer.fresh);
        let routes = if unsure { self.babel.report(now).routes } else { Vec::new() };
        let is_there =
            |offer: &Offer| offer.fresh || routes.iter().any(|route| route.router_id.0 == offer.router_id);
        let offers = self.calendar.offers.iter();
        let offers = offers.filter(|(author, offer)| self.ledger.is_clock(author) && is_there(offer));
        let mut mesh: Vec<u64> =
            offers.map(|(_, offer)| offer.unix_s.saturating_add(now.since(offer.at).as_secs())).collect();
        mesh.sort_unstable();
        self.calendar.settle(now, &mesh, self.ledger.time_record());
        if let Some(kept) = self.calendar.keep(now) {
            self.outputs.push_back(Output::SaveTime(kept));
        }
        if self.has_meters() {
            self.announce(now);
        }
    }

    /// Whether enough clocks stand behind the time that is held: one or two of the mesh are not.
    pub(super) fn time_is_confirmed(&self) -> bool {
        match self.calendar.held.quality {
            TimeQuality::Mesh => self.calendar.voices >= VOICES,
            quality => quality == TimeQuality::Trusted,
        }
    }

    /// That somebody says another time.
    pub(super) fn disputed_time(&self) -> Option<Alert> {
        let other = self.calendar.disputed?;
        let from = if other.quality == TimeQuality::Trusted { "the time server" } else { "the mesh" };
        let text = format!(
            "Two clocks do not agree: this node holds another time than {from} says. A caretaker's device can decide."
        );
        Some(Alert::new("clock-disputed", text, &[]))
    }
}

fn carried((time, at): (WallTime, Instant), now: Instant) -> WallTime {
    WallTime { unix_s: time.unix_s.saturating_add(now.since(at).as_secs()), quality: time.quality }
}

/// What a good time may be moved by at once.
const STEP_S: u64 = 600;
const DAY_S: u64 = 86_400;
/// How far beyond what it remembers a node without a clock lets itself be set: it may have been off for a year.
const FIRST_STEP_S: u64 = 400 * DAY_S;
/// So many clocks of the mesh are confirmed: with fewer a single wrong one decides.
const VOICES: usize = 3;
/// Between two writes of the last good time: four a day.
const KEEP: Span = Span::from_secs(6 * 3_600);

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u64 = 1_800_000_000;
    const NO_ROOT: (u32, u64) = (0, 0);

    fn told(unix_s: u64, quality: TimeQuality) -> Calendar {
        let mut calendar =
            Calendar { kernel: (WallTime { unix_s, quality }, Instant::ZERO), ..Calendar::default() };
        calendar.settle(Instant::ZERO, &[], NO_ROOT);
        calendar
    }

    fn after(secs: u64) -> Instant {
        Instant::ZERO + Span::from_secs(secs)
    }

    #[test]
    fn a_clock_in_1970_says_the_floor_and_one_in_2038_is_not_believed_either() {
        use TimeQuality::{Stale, Trusted};
        let calendar = told(5, Stale);
        assert_eq!(calendar.wall(after(7)), WallTime { unix_s: BUILT_UNIX_S + 7, quality: Stale });
        // A server of 1970 is none.
        let calendar = told(5, Trusted);
        assert_eq!((calendar.wall(after(0)).quality, calendar.disputed.is_some()), (Stale, true));
        for unix_s in [2_147_483_647, 2_147_483_648, 4_294_967_296, u64::MAX] {
            let calendar = told(unix_s, Stale);
            assert_eq!(
                calendar.wall(after(9)),
                WallTime { unix_s: unix_s.saturating_add(9), quality: Stale }
            );
        }
        // What was kept is a floor, until the root says better, once.
        let mut calendar = Calendar { kept: Kept { unix_s: 3 * NOON, number: 4 }, ..Calendar::default() };
        calendar.settle(after(0), &[], (4, NOON));
        assert_eq!(calendar.wall(after(0)).unix_s, 3 * NOON);
        calendar.settle(after(0), &[], (5, NOON));
        assert_eq!((calendar.wall(after(0)).unix_s, calendar.kept), (NOON, Kept { unix_s: 0, number: 5 }));
        calendar.kept.unix_s = 2 * NOON;
        calendar.settle(after(0), &[], (5, NOON));
        assert_eq!(calendar.wall(after(0)).unix_s, 2 * NOON, "not twice");
    }

    #[test]
    fn the_mesh_says_the_median_and_the_lower_of_two() {
        let mut calendar = told(5, TimeQuality::Stale);
        for (offers, is) in [
            (&[NOON][..], NOON),
            (&[NOON, NOON + 100], NOON),
            (&[7, NOON + 1, 3 * NOON], NOON + 1),
            (&[7, NOON + 2, NOON + 3, 3 * NOON], NOON + 2),
        ] {
            calendar.settle(after(0), offers, NO_ROOT);
            assert_eq!(calendar.wall(after(0)), WallTime { unix_s: is, quality: TimeQuality::Mesh });
            assert_eq!(calendar.voices, offers.len());
        }
        calendar.settle(after(60), &[], NO_ROOT);
        assert_eq!(calendar.wall(after(60)).unix_s, NOON + 62, "it goes on when nobody speaks");
    }

    #[test]
    fn a_good_time_is_not_moved_by_more_than_ten_minutes_until_a_person_says_so() {
        let mut calendar = told(NOON, TimeQuality::Trusted);
        let server = |unix_s| (WallTime { unix_s, quality: TimeQuality::Trusted }, after(0));
        for (says, holds) in [
            (NOON + 599, NOON + 599),
            (NOON + 599 - 600, NOON - 1),
            (NOON + 700, NOON - 1),
            (NOON - 86_400, NOON - 1),
            (5, NOON - 1),
            (NOON, NOON),
        ] {
            calendar.kernel = server(says);
            calendar.settle(after(0), &[], NO_ROOT);
            assert_eq!(calendar.wall(after(0)), WallTime { unix_s: holds, quality: TimeQuality::Trusted });
            assert_eq!(calendar.disputed.is_some(), says != holds, "{says}");
        }
        // The kernel lost its server, and its clock jumped: nobody asks it.
        calendar.kernel = (WallTime { unix_s: 5, quality: TimeQuality::Stale }, after(0));
        calendar.settle(after(0), &[NOON + 5_000], NO_ROOT);
        assert_eq!(calendar.wall(after(3)), WallTime { unix_s: NOON + 3, quality: TimeQuality::Trusted });
        assert!(calendar.set(after(0), NOON + 90_000, NO_ROOT).is_err());
        assert_eq!(
            calendar.set(after(0), NOON + 5_100, NO_ROOT),
            Ok(()),
            "between two clocks a person decides"
        );
        assert_eq!(calendar.wall(after(0)), WallTime { unix_s: NOON + 5_100, quality: TimeQuality::Mesh });
    }

    #[test]
    fn a_caretakers_phone_sets_a_clock_that_nobody_else_sets_within_bounds() {
        let mut calendar = told(5, TimeQuality::Stale);
        for (wrong, why) in [(BUILT_UNIX_S - 1, "earlier"), (BUILT_UNIX_S + FIRST_STEP_S + 1, "a year")] {
            assert!(calendar.set(after(0), wrong, NO_ROOT).is_err_and(|text| text.contains(why)));
        }
        assert_eq!(calendar.set(after(0), NOON, NO_ROOT), Ok(()));
        calendar.settle(after(10), &[], NO_ROOT);
        assert_eq!(calendar.wall(after(10)), WallTime { unix_s: NOON + 10, quality: TimeQuality::Caretaker });
        assert!(calendar.keep(after(10)).is_none(), "it is not good enough to be a floor");
        assert!(calendar.set(after(10), NOON - 2 * DAY_S, NO_ROOT).is_err());
        assert_eq!(calendar.set(after(10), NOON - 3_600, NO_ROOT), Ok(()));
        // Any good one is better, however far away.
        calendar.settle(after(10), &[NOON + 30 * DAY_S], NO_ROOT);
        let kept = calendar.keep(after(10));
        assert_eq!(kept, Some(Kept { unix_s: NOON + 30 * DAY_S, number: 0 }));
        assert!(calendar.keep(after(20)).is_none() && calendar.keep(after(10 + 6 * 3_600)).is_some());
    }
}
