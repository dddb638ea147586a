//! Ways through closed radios (`kind bridge`): a cable to a radio of another make, which hands frames on and says nothing of
//! itself. Our own Hellos through it tell what gets lost and how long it takes there and back; a script that can ask the
//! radio may tell the rest, a [`Reading`] at a time. What is known has a history and is held against it, as with our radios.

use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use super::alert::{Finding, findings};
use super::history::{History, Step};
use super::make_room;
use super::plan::Below;
use crate::base::limit;
use crate::base::time::{Instant, Span};

/// All of them, in the order in which they were met; no more than [`limit::RADIO_LINKS`], so the one that is dead for longest
/// makes room.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bridges {
    /// When they are looked at next.
    pub next: Instant,
    ways: Vec<Bridge>,
    readings: Vec<(String, Instant, Reading)>,
}

/// One way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bridge {
    /// The cable's device.
    pub interface: String,
    /// The neighbour behind the radio.
    pub neighbour: Ipv6Addr,
    /// What it was like.
    pub history: History,
    /// What is to be said of it.
    pub found: Vec<Finding>,
    /// By how much the closed radio hears less than was planned, if it does.
    pub below: Option<Below>,
    /// When the neighbour was there last.
    alive: Instant,
    looked: Instant,
}

/// What a closed radio says of its link, if somebody asks it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// What it hears of the other end, -127 to 0.
    pub signal_dbm: Option<i16>,
    /// What it hears beside that, -127 to 0.
    pub noise_dbm: Option<i16>,
    /// What gets through, as it says.
    pub throughput_kbit: Option<u32>,
}

impl Bridges {
    /// All ways.
    pub fn all(&self) -> &[Bridge] {
        &self.ways
    }

    /// The closed radio behind a device was asked.
    pub fn read(&mut self, now: Instant, device: &str, reading: Reading) {
        self.readings.retain(|(known, at, _)| known != device && now.since(*at) < FRESH);
        if self.readings.len() < limit::RADIO_LINKS {
            self.readings.push((device.to_owned(), now, reading));
        }
    }

    /// What the closed radio behind a device said last, while that is news.
    pub fn reading(&self, now: Instant, device: &str) -> Option<Reading> {
        let found = self.readings.iter().find(|(known, at, _)| known == device && now.since(*at) < FRESH);
        found.map(|(_, _, reading)| *reading)
    }

    /// What a way is like now, as its Hellos tell; without a cost it is dead.
    pub fn push(&mut self, now: Instant, interface: &str, neighbour: Ipv6Addr, told: Step) {
        let reading = self.reading(now, interface).unwrap_or_default();
        let is = |way: &Bridge| way.interface == interface && way.neighbour == neighbour;
        if !self.ways.iter().any(is) {
            let dead_since = |way: &Bridge| Some(way.alive).filter(|alive| now.since(*alive) >= LOOK);
            if !make_room(&mut self.ways, dead_since) {
                return;
            }
            self.ways.push(Bridge::new(now, interface, neighbour));
        }
        let Some(way) = self.ways.iter_mut().find(|way| is(way)) else { return };
        if told.cost.is_some() {
            way.alive = now;
        }
        let hundreds = reading.throughput_kbit.map(|kbit| i32::try_from(kbit / 100).unwrap_or(i32::MAX));
        let (signal_dbm, noise_dbm) = (reading.signal_dbm, reading.noise_dbm);
        way.history.push(now, &Step { signal_dbm, noise_dbm, throughput_100kbit: hundreds, ..told });
    }

    /// Holds each against its past and its plan, once a minute.
    pub fn look(&mut self, now: Instant, planned_dbm: impl Fn(&str) -> Option<i16>) {
        for way in self.ways.iter_mut().filter(|way| now.since(way.looked) >= LOOK) {
            way.looked = now;
            let silent = now.since(way.alive);
            let is_dead = silent >= LOOK;
            way.found = findings(&way.history, is_dead.then_some(silent), now);
            let planned = planned_dbm(&way.interface).filter(|_| !is_dead);
            way.below = planned.and_then(|dbm| Below::plan(&way.history, now, dbm));
        }
    }
}

impl Bridge {
    fn new(now: Instant, interface: &str, neighbour: Ipv6Addr) -> Self {
        Self {
            interface: interface.to_owned(),
            neighbour,
            history: History::default(),
            found: Vec::new(),
            below: None,
            alive: now,
            looked: now,
        }
    }
}

/// A reading is news for so long: a script that runs each minute may fail four times.
const FRESH: Span = Span::from_secs(300);
/// How often the past is held against the present, and after what silence a way is dead to whoever reads alerts.
const LOOK: Span = Span::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1_000)
    }

    fn told(failed: i16, round_trip_ms: i16) -> Step {
        Step {
            quality_percent: Some(100 - failed),
            failed_percent: Some(failed),
            round_trip_ms: Some(round_trip_ms),
            cost: Some(96),
            ..Step::default()
        }
    }

    /// What is said after thirty good hours and twenty minutes of this.
    fn codes(now: Step, readings: [Reading; 2], planned_dbm: Option<i16>) -> Vec<(&'static str, i32)> {
        let mut bridges = Bridges::default();
        let (change, end) = (30 * 3_600, 30 * 3_600 + 1_200);
        for second in (0..end).step_by(60) {
            let (step, reading) =
                if second < change { (told(1, 3), readings[0]) } else { (now, readings[1]) };
            bridges.read(at(second), "eth1", reading);
            bridges.push(at(second), "eth1", Ipv6Addr::LOCALHOST, step);
            bridges.look(at(second), |_| planned_dbm);
        }
        let way = &bridges.all()[0];
        let below = way.below.map(|below| ("link-plan", i32::from(below.by_db)));
        way.found.iter().map(|one| (one.code(), one.by)).chain(below).collect()
    }

    #[test]
    fn a_way_is_held_against_its_past_and_its_plan() {
        let silent = [Reading::default(); 2];
        assert_eq!(codes(told(1, 3), silent, None), []);
        assert_eq!(codes(told(9, 22), silent, None), [], "a bad hour of a good way");
        assert_eq!(codes(told(30, 3), silent, None), [("link-lossy", 30)]);
        assert_eq!(codes(told(1, 60), silent, None), [("link-late", 57)]);
        assert_eq!(codes(Step { cost: None, ..told(1, 3) }, silent, None), [("link-dead", 20)]);
        let reads = |dbm| Reading { signal_dbm: Some(dbm), ..Reading::default() };
        assert_eq!(codes(told(30, 60), [-60, -72].map(reads), None), [("link-weak", 12)]);
        assert_eq!(codes(told(1, 3), [-72, -72].map(reads), Some(-60)), [("link-plan", 12)]);
        let carries = |kbit| Reading { throughput_kbit: Some(kbit), ..Reading::default() };
        assert_eq!(codes(told(1, 3), [60_000, 20_000].map(carries), None), [("link-slow", 33)]);
    }

    #[test]
    fn a_reading_grows_old_and_there_are_not_more_than_links() {
        let mut bridges = Bridges::default();
        let reading = Reading { signal_dbm: Some(-61), ..Reading::default() };
        for number in 0..2 * limit::RADIO_LINKS {
            bridges.read(at(1), &format!("eth{number}"), reading);
        }
        assert_eq!(bridges.readings.len(), limit::RADIO_LINKS);
        assert_eq!(bridges.reading(at(300), "eth1"), Some(reading));
        assert_eq!(bridges.reading(at(301), "eth1"), None);
        bridges.read(at(400), "eth99", Reading::default());
        assert_eq!(bridges.readings.len(), 1, "the old ones made room");
        for number in 0..2 * limit::RADIO_LINKS {
            bridges.push(at(401), &format!("eth{number}"), Ipv6Addr::LOCALHOST, told(0, 0));
        }
        assert_eq!(bridges.all().len(), limit::RADIO_LINKS);
        for number in 2..limit::RADIO_LINKS {
            bridges.push(at(402), &format!("eth{number}"), Ipv6Addr::LOCALHOST, told(0, 0));
        }
        bridges.push(at(461), "eth0", Ipv6Addr::LOCALHOST, told(0, 0));
        bridges.push(at(461), "eth99", Ipv6Addr::LOCALHOST, told(0, 0));
        assert_eq!(bridges.all().len(), limit::RADIO_LINKS);
        let known: Vec<&str> = bridges.all().iter().map(|way| way.interface.as_str()).collect();
        assert_eq!((known[0], known.contains(&"eth1"), known.last()), ("eth0", false, Some(&"eth99")));
    }
}
