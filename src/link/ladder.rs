//! A radio that is stuck: nothing is heard on it though its far end should be there. Some drivers and chips need a push
//! after an interference, a radar or a firmware's fault, and the router is on a hill. What is tried is a ladder, the
//! gentle first and with time to work in between: a scan, a new association, the interface down and up.
//!
//! Whoever switches it on for a device (`recover_per_day`) says that its far end should be there. It begins when nobody is
//! heard on the radio, and waits while there is a better reason for silence: a radar, a change of both ends, somebody who
//! turns the dish. It is climbed so many times a day and no more.

use serde::{Deserialize, Serialize};

use super::radio_of;
use super::settings::LinkSettings;
use crate::base::time::{Instant, Span};

/// What is tried, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rung {
    /// The radio looks for others.
    Scan,
    /// It leaves its access point, or sends its silent stations away: they begin anew.
    Associate,
    /// It goes down and comes up.
    Restart,
}

/// How a radio is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Somebody is heard on it.
    Heard,
    /// Nobody, and there is a reason.
    Waits,
    /// Nobody.
    Silent,
}

/// The ladders of all radios for which one is switched on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladders {
    all: Vec<Ladder>,
    look_at: Instant,
}

/// One radio's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ladder {
    /// The radio's own device, like `wlan0`.
    pub radio: String,
    /// Since when it is silent, or when the last thing was tried.
    since: Instant,
    /// How many rungs were climbed since it was heard.
    climbed: usize,
    /// How many times it was climbed in the day that began then.
    today: (u32, Instant),
}

impl Ladders {
    /// When [`handle_wake`](Self::handle_wake) is to be called; never while nobody has switched one on.
    pub fn next_wake(&self, settings: &[LinkSettings]) -> Option<Instant> {
        let is_on = !self.all.is_empty() || settings.iter().any(|one| one.recover_per_day > 0);
        is_on.then_some(self.look_at)
    }

    /// Time has passed: what is to be tried, on which radio; `state` knows how it is.
    pub fn handle_wake(
        &mut self,
        now: Instant,
        settings: &[LinkSettings],
        state: &dyn Fn(&str) -> State,
    ) -> Vec<(String, Rung)> {
        self.look_at = now + LOOK;
        let most = |radio: &str| {
            let of_radio = settings.iter().filter(|one| radio_of(&one.device) == radio);
            of_radio.map(|one| u32::from(one.recover_per_day)).max().unwrap_or(0)
        };
        self.all.retain(|ladder| most(&ladder.radio) > 0);
        for radio in settings.iter().filter(|one| one.recover_per_day > 0).map(|one| radio_of(&one.device)) {
            if !self.all.iter().any(|ladder| ladder.radio == radio) {
                let radio = radio.to_owned();
                self.all.push(Ladder { radio, since: now, climbed: 0, today: (0, now) });
            }
        }
        let mut tried = Vec::new();
        for ladder in &mut self.all {
            match state(&ladder.radio) {
                State::Heard => (ladder.since, ladder.climbed) = (now, 0),
                State::Waits => ladder.since = now,
                State::Silent => {
                    let rung = ladder.climb(now, most(&ladder.radio));
                    tried.extend(rung.map(|rung| (ladder.radio.clone(), rung)));
                }
            }
        }
        tried
    }

    /// Those that something was tried on since they were heard.
    pub fn climbed(&self) -> impl Iterator<Item = &Ladder> {
        self.all.iter().filter(|ladder| ladder.climbed > 0)
    }
}

impl Ladder {
    fn climb(&mut self, now: Instant, most: u32) -> Option<Rung> {
        let place = self.climbed % RUNGS.len();
        let (rung, patience_s) = RUNGS[place];
        let patience_s = if self.climbed > 0 && place == 0 { REST_S } else { patience_s };
        if now.since(self.since) < Span::from_secs(patience_s) {
            return None;
        }
        if place == 0 {
            let (times, began) = self.today;
            let (times, began) = if now.since(began) < DAY { (times, began) } else { (0, now) };
            if times >= most {
                return None;
            }
            self.today = (times + 1, if times == 0 { now } else { began });
        }
        self.since = now;
        self.climbed += 1;
        Some(rung)
    }

    /// A sentence on what was tried, the same until the next thing is.
    pub fn text(&self) -> String {
        let tried = ["a scan", "a scan and a new association", "a scan, a new association and a restart"];
        format!(
            "Nothing is heard on {} though its far end should be there: {} of the radio did not help ({} today).",
            self.radio,
            tried[(self.climbed - 1).min(tried.len() - 1)],
            self.times(),
        )
    }

    /// How many times it was climbed today.
    pub const fn times(&self) -> u32 {
        self.today.0
    }
}

/// Each with the seconds of silence before it. A radio that listens for radars, or whose far end boots, is back in three
/// minutes; a new association needs one, and an interface that came up may listen for radars again.
const RUNGS: [(Rung, u64); 3] = [(Rung::Scan, 180), (Rung::Associate, 120), (Rung::Restart, 300)];
/// Before the next round: what a whole round did not heal is, as like as not, at the other end.
const REST_S: u64 = 1_800;
const DAY: Span = Span::from_secs(86_400);
const LOOK: Span = Span::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(devices: &[(&str, u8)]) -> Vec<LinkSettings> {
        let one = |(device, times): &(&str, u8)| LinkSettings {
            recover_per_day: *times,
            ..LinkSettings::usual((*device).to_owned())
        };
        devices.iter().map(one).collect()
    }

    /// What is tried until `until_s`, with the seconds; how the radios are in each of them.
    fn climb(
        settings: &[LinkSettings],
        until_s: u64,
        state: impl Fn(u64) -> State,
    ) -> Vec<(u64, String, Rung)> {
        let (mut ladders, mut tried) = (Ladders::default(), Vec::new());
        for second in 0..until_s {
            let now = Instant::from_millis(second * 1_000);
            while ladders.next_wake(settings).is_some_and(|at| at <= now) {
                let all = ladders.handle_wake(now, settings, &|_| state(second));
                tried.extend(all.into_iter().map(|(radio, rung)| (second, radio, rung)));
            }
        }
        tried
    }

    fn of(tried: &[(u64, String, Rung)]) -> Vec<(u64, Rung)> {
        tried.iter().map(|(second, _, rung)| (*second, *rung)).collect()
    }

    #[test]
    fn it_is_climbed_rung_by_rung_and_rests_and_no_more_often_than_allowed_a_day() {
        let tried = climb(&settings(&[("wlan0.sta1", 2)]), 2 * 86_400, |_| State::Silent);
        assert!(tried.iter().all(|(_, radio, _)| radio == "wlan0"));
        let day: Vec<_> = of(&tried).into_iter().filter(|(second, _)| *second < 86_400).collect();
        let (scan, associate, restart) = (Rung::Scan, Rung::Associate, Rung::Restart);
        let first = [(180, scan), (300, associate), (600, restart)];
        let second = [(2_400, scan), (2_520, associate), (2_820, restart)];
        assert_eq!(day, [first, second].concat());
        assert_eq!(tried.len(), 12, "and twice the next day: {tried:?}");
        assert_eq!(tried[6].0, 86_400 + 180, "a day after the first");
    }

    #[test]
    fn who_is_heard_or_has_a_reason_to_be_silent_is_left_alone() {
        let on = settings(&[("wlan0", 24)]);
        let now_and_then = |second| if second % 100 == 0 { State::Heard } else { State::Silent };
        assert_eq!(climb(&on, 20_000, now_and_then), []);
        assert_eq!(climb(&on, 20_000, |_| State::Waits), []);
        // Back after the scan; silent anew, it begins from below.
        let back = climb(
            &on,
            700,
            |second| if (190..=200).contains(&second) { State::Heard } else { State::Silent },
        );
        assert_eq!(
            of(&back),
            [(180, Rung::Scan), (380, Rung::Scan), (500, Rung::Associate)],
            "180 s after it was heard"
        );
        // After a wait for radars all of the time begins anew.
        let waited = climb(&on, 400, |second| if second <= 200 { State::Waits } else { State::Silent });
        assert_eq!(of(&waited), [(380, Rung::Scan)]);
    }

    #[test]
    fn nobody_wakes_for_a_ladder_that_is_off_and_one_radio_has_one() {
        let mut ladders = Ladders::default();
        let off = settings(&[("wlan0", 0)]);
        assert_eq!(ladders.next_wake(&off), None);
        assert_eq!(climb(&off, 10_000, |_| State::Silent), []);
        let two = settings(&[("wlan0.sta1", 1), ("wlan0.sta2", 0), ("wlan1", 1)]);
        assert_eq!(climb(&two, 200, |_| State::Silent).len(), 2);
        // Switched off, it is forgotten.
        let now = Instant::from_millis(5_000);
        ladders.handle_wake(now, &two, &|_| State::Silent);
        ladders.handle_wake(now, &off, &|_| State::Silent);
        assert_eq!(ladders.next_wake(&off), None);
    }

    #[test]
    fn what_was_tried_is_told() {
        let on = settings(&[("wlan0", 1)]);
        let mut ladders = Ladders::default();
        let at = |second: u64| Instant::from_millis(second * 1_000);
        for second in [0, 180, 300] {
            ladders.handle_wake(at(second), &on, &|_| State::Silent);
        }
        let told: Vec<String> = ladders.climbed().map(Ladder::text).collect();
        assert_eq!(
            told,
            [
                "Nothing is heard on wlan0 though its far end should be there: a scan and a new association of the radio did \
              not help (1 today)."
            ]
        );
        ladders.handle_wake(at(400), &on, &|_| State::Heard);
        assert_eq!(ladders.climbed().count(), 0);
    }
}
