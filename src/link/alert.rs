//! What a link's own past says of its present, in plain words with the likely cause.
//!
//! The present are the last fifteen minutes, so that a shower alarms nobody; the past is the median of a week, and
//! there is none before a day has passed.

use serde::{Deserialize, Serialize};

use super::history::{Figure, History, Resolution, Step};
use crate::base::time::{Instant, Span};

/// Something that a caretaker should know of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What.
    pub symptom: Symptom,
    /// The number in its sentence.
    pub by: i32,
}

/// What can be found, in the order of [`WORDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Symptom {
    /// Nothing arrives, for minutes.
    Dead,
    /// The signal fell, by dB.
    Weak,
    /// One chain hears less, by dB.
    Chain,
    /// Frames are sent again, percent, and nobody disturbs.
    Distance,
    /// Frames are sent again, percent, on a busy channel.
    Noise,
    /// It carries so many percent.
    Slow,
    /// Its signal swings within a day, by dB.
    Weather,
    /// So many percent of what is sent never arrive.
    Lossy,
    /// The time there and back grew, by ms.
    Late,
}

/// A word for programs, and the sentence before and behind the number; the link is to be put before it.
const WORDS: [(&str, &str, &str); 9] = [
    ("link-dead", "is dead for ", " minutes: look at the power of the other end, then at the antennas"),
    (
        "link-weak",
        "hears ",
        " dB less than in the week before: has the antenna moved, is water in a cable, or has a tree grown into the way?",
    ),
    ("link-chain", "hears ", " dB less with one of its antennas than with the other: look at its cable"),
    (
        "link-distance",
        "sends ",
        " % of its frames again though the signal is as ever: the distance setting may be too short",
    ),
    ("link-noise", "sends ", " % of its frames again, and somebody else is on the channel: change it"),
    ("link-slow", "carries ", " % of what it did in the week before"),
    ("link-weather", "hears ", " dB more at some hours of a day than at others: it needs more margin"),
    (
        "link-lossy",
        "loses ",
        " % of what is sent, more than in the week before: look at the radio behind the cable, and at its dish",
    ),
    (
        "link-late",
        "takes ",
        " ms longer there and back than in the week before: somebody fills it, or its radio sends again and again",
    ),
];

impl Finding {
    /// The word for programs.
    pub const fn code(&self) -> &'static str {
        WORDS[self.symptom as usize].0
    }

    /// The sentence without its link.
    pub fn text(&self) -> String {
        let (_, before, after) = WORDS[self.symptom as usize];
        format!("{before}{}{after}", self.by)
    }
}

const SIGNAL: Figure = |step| step.signal_dbm.map(i32::from);
const GAP: Figure = |step| step.chain_gap_db.map(i32::from);
const RETRIES: Figure = |step| step.retries_percent.map(i32::from);
const BUSY: Figure = |step| step.busy_percent.map(i32::from);
const NOISE: Figure = |step| step.noise_dbm.map(i32::from);
const THROUGHPUT: Figure = |step| step.throughput_100kbit;
const FAILED: Figure = |step| step.failed_percent.map(i32::from);
const ROUND_TRIP: Figure = |step| step.round_trip_ms.map(i32::from);

/// What is to be said of a link with this past, which has been dead for so long if it is.
pub fn findings(past: &History, dead: Option<Span>, now: Instant) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut say = |symptom, by| found.push(Finding { symptom, by });
    if let Some(dead) = dead {
        if (DEAD_LEAST..DEAD_MOST).contains(&dead) {
            say(Symptom::Dead, i32::try_from(dead.as_secs() / 60).unwrap_or(0));
        }
        return found;
    }
    let steps = |resolution| past.steps(now, resolution).1.collect::<Vec<Step>>();
    let (minutes, hours) = (steps(Resolution::Minutes), steps(Resolution::Hours));
    let present = |figure: Figure| mean(last(&minutes, RECENT), figure);
    let usual = |figure: Figure| median(last(&hours, WEEK), figure);
    let weaker = usual(SIGNAL).zip(present(SIGNAL)).map_or(0, |(usual, present)| usual - present);
    let is_weak = weaker >= WEAKER_DB;
    if is_weak {
        say(Symptom::Weak, weaker);
    }
    if let Some(gap) = present(GAP).filter(|gap| *gap >= GAP_DB) {
        say(Symptom::Chain, gap);
    }
    let slower = usual(THROUGHPUT)
        .zip(present(THROUGHPUT))
        .map_or(100, |(usual, present)| present * 100 / usual.max(1));
    let more =
        |figure: Figure| usual(figure).zip(present(figure)).map_or(0, |(usual, present)| present - usual);
    let late = more(ROUND_TRIP);
    match present(RETRIES) {
        // A weak link sends again: that has no second cause.
        Some(retries) if retries > RETRIES_PERCENT && !is_weak => {
            let is_disturbed = present(BUSY).is_some_and(|busy| busy > BUSY_PERCENT)
                || present(NOISE).is_some_and(|noise| noise > NOISE_DBM);
            say(if is_disturbed { Symptom::Noise } else { Symptom::Distance }, retries);
        }
        // Of a closed radio nobody knows what it sends again.
        None if more(FAILED) >= LOSSY_PERCENT && !is_weak => {
            say(Symptom::Lossy, present(FAILED).unwrap_or(0))
        }
        None if late >= LATE_MS && !is_weak => say(Symptom::Late, late),
        _ if slower <= SLOW_PERCENT && !is_weak => say(Symptom::Slow, slower),
        _ => {}
    }
    let day = || last(&hours, DAY).iter().filter_map(SIGNAL);
    let swing = day().max().zip(day().min()).map_or(0, |(most, least)| most - least);
    if swing > SWING_DB && !is_weak {
        say(Symptom::Weather, swing);
    }
    found
}

fn last(steps: &[Step], count: usize) -> &[Step] {
    &steps[steps.len().saturating_sub(count)..]
}

/// Of all steps; a step that says nothing leaves nothing to be said.
fn mean(steps: &[Step], figure: Figure) -> Option<i32> {
    let values: Vec<i32> = steps.iter().filter_map(figure).collect();
    let count = i32::try_from(values.len()).ok().filter(|count| *count == RECENT as i32)?;
    Some(values.iter().sum::<i32>().div_euclid(count))
}

/// Of those that say something, if they are a day's at least.
fn median(steps: &[Step], figure: Figure) -> Option<i32> {
    let mut values: Vec<i32> = steps.iter().filter_map(figure).collect();
    values.sort_unstable();
    (values.len() >= DAY).then(|| values[values.len() / 2])
}

/// Steps of five minutes, and of an hour.
const RECENT: usize = 3;
const DAY: usize = 24;
const WEEK: usize = 7 * DAY;
/// A link that is dead is told after a minute; after a day it was taken down on purpose, as like as not.
const DEAD_LEAST: Span = Span::from_secs(60);
const DEAD_MOST: Span = Span::from_secs(86_400);
/// What is more than weather, noise and the ways of radios.
const WEAKER_DB: i32 = 6;
const GAP_DB: i32 = 10;
const RETRIES_PERCENT: i32 = 50;
const BUSY_PERCENT: i32 = 60;
const NOISE_DBM: i32 = -85;
const SLOW_PERCENT: i32 = 50;
const SWING_DB: i32 = 10;
const LOSSY_PERCENT: i32 = 10;
const LATE_MS: i32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600;

    fn good() -> Step {
        Step {
            signal_dbm: Some(-60),
            noise_dbm: Some(-92),
            chain_gap_db: Some(2),
            retries_percent: Some(8),
            busy_percent: Some(20),
            throughput_100kbit: Some(400),
            ..Step::default()
        }
    }

    /// Codes after so many good hours and a quarter of an hour like this.
    fn codes(hours: u64, now: Step) -> Vec<(&'static str, i32)> {
        let mut history = History::default();
        let mut at = Instant::ZERO;
        let end = Span::from_secs(hours * HOUR);
        while at < Instant::ZERO + end {
            history.push(at, &good());
            at = at + Span::from_secs(60);
        }
        let until = at + Span::from_secs(1_200);
        while at < until {
            history.push(at, &now);
            at = at + Span::from_secs(60);
        }
        findings(&history, None, at).into_iter().map(|finding| (finding.code(), finding.by)).collect()
    }

    #[test]
    fn each_symptom_has_its_cause_and_a_good_link_has_none() {
        assert_eq!(codes(200, good()), []);
        let weak = Step { signal_dbm: Some(-72), retries_percent: Some(70), ..good() };
        assert_eq!(codes(200, weak), [("link-weak", 12)], "a weak link sends again: that is no second cause");
        assert_eq!(codes(200, Step { signal_dbm: Some(-65), ..good() }), []);
        assert_eq!(codes(200, Step { chain_gap_db: Some(14), ..good() }), [("link-chain", 14)]);
        let again = Step { retries_percent: Some(60), ..good() };
        assert_eq!(codes(200, again), [("link-distance", 60)]);
        assert_eq!(codes(200, Step { busy_percent: Some(80), ..again }), [("link-noise", 60)]);
        assert_eq!(codes(200, Step { noise_dbm: Some(-80), ..again }), [("link-noise", 60)]);
        assert_eq!(codes(200, Step { throughput_100kbit: Some(150), ..good() }), [("link-slow", 37)]);
    }

    #[test]
    fn without_a_day_of_past_nothing_is_compared() {
        assert_eq!(codes(20, Step { signal_dbm: Some(-80), ..good() }), []);
        assert_eq!(
            codes(0, Step { chain_gap_db: Some(14), ..good() }),
            [("link-chain", 14)],
            "that needs no past"
        );
    }

    #[test]
    fn a_link_that_swings_by_the_hour_needs_margin() {
        let mut history = History::default();
        for minute in 0..40 * 60 {
            let dbm = if minute / 60 % 24 == 5 { -75 } else { -60 };
            let at = Instant::from_millis(minute * 60_000);
            history.push(at, &Step { signal_dbm: Some(dbm), ..good() });
        }
        let now = Instant::from_millis(40 * 60 * 60_000);
        let codes: Vec<_> =
            findings(&history, None, now).into_iter().map(|one| (one.code(), one.by)).collect();
        assert_eq!(codes, [("link-weather", 15)]);
    }
}
