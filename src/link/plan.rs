//! What was planned for a link, held against what it hears.
//!
//! The past of a link (`alert`) forgets within a week that it was ever better; its plan does not. As there, the present
//! are the last fifteen minutes; since when it is so is told by the hours of its history.

use serde::{Deserialize, Serialize};

use super::history::{History, Resolution, Step};
use crate::base::time::{Instant, Span};

/// A link that hears less than was planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Below {
    /// By how much, dB.
    pub by_db: i16,
    /// For how long, as far back as there are figures.
    pub since: Span,
}

impl Below {
    /// What there is to say, if anything.
    pub fn plan(history: &History, now: Instant, planned_dbm: i16) -> Option<Self> {
        let lacks = |step: Step| step.signal_dbm.map(|dbm| planned_dbm.saturating_sub(dbm));
        let minutes: Vec<Option<i16>> = history.steps(now, Resolution::Minutes).1.map(lacks).collect();
        // A quarter of an hour without a gap.
        let recent: Option<Vec<i16>> =
            minutes.get(minutes.len().checked_sub(RECENT)?..)?.iter().copied().collect();
        let by_db = recent?.iter().sum::<i16>() / RECENT as i16;
        if by_db < LEAST_DB {
            return None;
        }
        let (ended, hours) = history.steps(now, Resolution::Hours);
        let hours: Vec<Option<i16>> = hours.map(lacks).collect();
        // An hour of which nothing is known neither ends it nor begins it.
        let is_good = |lacks: &Option<i16>| lacks.is_some_and(|lacks| lacks < LEAST_DB);
        let bad = hours.iter().rev().take_while(|lacks| !is_good(lacks));
        let whole =
            bad.enumerate().filter(|(_, lacks)| lacks.is_some()).map(|(place, _)| place as u64 + 1).last();
        let since = whole.map_or(Span::from_secs(900), |hours| ended + Span::from_secs(hours * 3_600));
        Some(Self { by_db, since })
    }

    /// The sentence; the link is to be put before it.
    pub fn text(&self) -> String {
        let hours = self.since.as_secs() / 3_600;
        let (count, unit) = match hours {
            0 => (self.since.as_secs() / 60, "minutes"),
            1..48 => (hours, "hours"),
            _ => (hours / 24, "days"),
        };
        format!(
            "hears {} dB less than was planned, for {count} {unit} by now: has the dish moved?",
            self.by_db
        )
    }
}

/// Steps of five minutes that are the present.
const RECENT: usize = 3;
/// What a plan may be wrong by, and the weather do.
const LEAST_DB: i16 = 6;

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said at the end of hours like these; `None`: nobody was there.
    fn after(hours: &[Option<i16>]) -> Option<(i16, u64)> {
        let (mut history, mut now) = (History::default(), Instant::ZERO);
        for hour in hours {
            for _ in 0..60 {
                let step = Step { signal_dbm: *hour, ..Step::default() };
                history.push(now, &step);
                now = now + Span::from_secs(60);
            }
        }
        Below::plan(&history, now, -58).map(|below| (below.by_db, below.since.as_secs() / 60))
    }

    #[test]
    fn a_dish_that_moved_is_told_with_the_hour_since_when() {
        let good = Some(-60);
        assert_eq!(after(&[good; 50]), None);
        assert_eq!(after(&[Some(-63); 50]), None, "5 dB may be the plan's");
        assert_eq!(after(&[vec![good; 30], vec![Some(-70); 20]].concat()), Some((12, 20 * 60)));
        assert_eq!(after(&[vec![Some(-70); 30], vec![good; 2]].concat()), None, "it was put right");
        assert_eq!(after(&[Some(-70)]), Some((12, 15)), "the first hour is not over");
    }

    #[test]
    fn silence_neither_ends_it_nor_lengthens_it() {
        let moved = Some(-70);
        let mut hours = vec![Some(-60); 3];
        hours.extend([moved, None, None, moved, moved]);
        assert_eq!(after(&hours), Some((12, 5 * 60)));
        assert_eq!(after(&[Some(-60), None, None, moved]), Some((12, 15)), "the hour is not over");
        assert_eq!(after(&[Some(-60), None, moved, moved]), Some((12, 2 * 60)));
        assert_eq!(after(&[Some(-70), None]), None, "nobody knows");
    }

    #[test]
    fn the_sentence_says_how_long_in_a_round_number() {
        let text = |secs| Below { by_db: 12, since: Span::from_secs(secs) }.text();
        assert_eq!(
            text(900),
            "hears 12 dB less than was planned, for 15 minutes by now: has the dish moved?"
        );
        assert!(text(20 * 3_600).contains("for 20 hours"), "{}", text(20 * 3_600));
        assert!(text(80 * 3_600).contains("for 3 days"));
    }
}
