//! What a link was like: an hour in steps of ten seconds, two days in steps of five minutes, sixty days in hours.
//!
//! Twelve octets a step, 28 kB a link. It lives in memory only: flash would not outlive it, and a restart of the
//! daemon begins a new one. A time without figures leaves steps that say nothing, so that a step's place is its time.

use serde::{Deserialize, Serialize};

use crate::base::time::{Instant, Span};

/// One step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// Mean of the signal.
    pub signal_dbm: Option<i16>,
    /// Mean of the noise.
    pub noise_dbm: Option<i16>,
    /// By how much the best chain hears more than the worst. No step has this and `round_trip_ms`.
    pub chain_gap_db: Option<i16>,
    /// Of all frames that were sent, those that were sent again.
    pub retries_percent: Option<i16>,
    /// Of all frames, those that never arrived.
    pub failed_percent: Option<i16>,
    /// How much of the time the channel was busy.
    pub busy_percent: Option<i16>,
    /// Expected over planned throughput.
    pub quality_percent: Option<i16>,
    /// What is expected to get through.
    pub throughput_100kbit: Option<i32>,
    /// What it cost Babel.
    pub cost: Option<i32>,
    /// The lowest signal.
    pub lowest_dbm: Option<i16>,
    /// Of a way through a closed radio, whose chains nobody knows: the time there and back. Above 64 ms it is kept to 16 ms,
    /// and not above 1,072.
    pub round_trip_ms: Option<i16>,
}

/// A figure of a step.
pub type Figure = fn(&Step) -> Option<i32>;

/// What can be asked of a history, by its name.
pub const COLUMNS: [(&str, Figure); 12] = [
    ("signal_dbm", |step| step.signal_dbm.map(i32::from)),
    ("lowest_dbm", |step| step.lowest_dbm.map(i32::from)),
    ("noise_dbm", |step| step.noise_dbm.map(i32::from)),
    ("snr_db", |step| Some(i32::from(step.signal_dbm?) - i32::from(step.noise_dbm?))),
    ("chain_gap_db", |step| step.chain_gap_db.map(i32::from)),
    ("quality_percent", |step| step.quality_percent.map(i32::from)),
    ("throughput_kbit", |step| step.throughput_100kbit.map(|hundreds| hundreds * 100)),
    ("retries_percent", |step| step.retries_percent.map(i32::from)),
    ("failed_percent", |step| step.failed_percent.map(i32::from)),
    ("busy_percent", |step| step.busy_percent.map(i32::from)),
    ("cost", |step| step.cost),
    ("round_trip_ms", |step| step.round_trip_ms.map(i32::from)),
];

/// How fine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resolution {
    /// Ten seconds, for an hour.
    Seconds,
    /// Five minutes, for two days.
    Minutes,
    /// An hour, for sixty days.
    Hours,
}

impl Resolution {
    /// All of them, the finest first.
    pub const ALL: [Self; 3] = [Self::Seconds, Self::Minutes, Self::Hours];

    /// The one of this word: `seconds`, `minutes` or `hours`.
    pub fn named(word: &str) -> Option<Self> {
        let words = ["seconds", "minutes", "hours"];
        words.iter().position(|known| *known == word).map(|place| Self::ALL[place])
    }

    /// How long one step is.
    pub const fn step(self) -> Span {
        Span::from_secs(LEVELS[self as usize].0)
    }
}

/// Seconds of a step, and how many are kept.
const LEVELS: [(u64, usize); 3] = [(10, 360), (300, 576), (3_600, 1_440)];
/// What a word of figures begins with; one about a change begins with its version (`link/change`).
const FIGURES: u8 = 200;
/// The same of an end where a dish is turned: it wants ours more often.
const QUICKLY: u8 = 201;
/// Octets of a step.
const STEP: usize = 12;
/// Steps for which room is taken at one time.
const GROWTH: usize = 60;
/// Figures that are averaged.
const MEANS: usize = 10;
/// "Nothing is known", in the octets of a step: of a signed one, an unsigned one, two.
const NO_LEVEL: u8 = 127;
const NO_SHARE: u8 = 255;
const NO_NUMBER: u16 = u16::MAX;
/// One octet has the difference of two chains, or from here on a time there and back: a millisecond each to
/// [`EXACT_MS`], then [`COARSE_MS`] each.
const ROUND_TRIP: i16 = 127;
const EXACT_MS: i16 = 64;
const COARSE_MS: i16 = 16;

/// The history of one link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    levels: [Level; 3],
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Level {
    /// Steps, as a ring: the oldest at `head` once it is full.
    octets: Vec<u8>,
    head: u16,
    /// Which step is being made, counted since time began; `None` before the first.
    at: Option<u64>,
    sums: [i32; MEANS],
    counts: [u16; MEANS],
    lowest: Option<i16>,
}

impl History {
    /// Figures of a moment; not more often than once a second.
    pub fn push(&mut self, now: Instant, figures: &Step) {
        for (level, (every_s, most)) in self.levels.iter_mut().zip(LEVELS) {
            level.turn(now.as_millis() / 1_000 / every_s, most);
            level.add(figures);
        }
    }

    /// The steps of a resolution that are over, the oldest first, and how long ago the last one ended.
    pub fn steps(&self, now: Instant, resolution: Resolution) -> (Span, impl Iterator<Item = Step>) {
        let level = &self.levels[resolution as usize];
        let ended_s = level.at.unwrap_or(0) * LEVELS[resolution as usize].0;
        let ago = now.since(Instant::from_millis(ended_s * 1_000));
        let (newer, older) = level.octets.split_at(usize::from(level.head) * STEP);
        let octets = older.chunks_exact(STEP).chain(newer.chunks_exact(STEP));
        (ago, octets.map(read))
    }

    /// Octets that it takes, as they were asked for.
    pub fn bytes(&self) -> usize {
        self.levels.iter().map(|level| level.octets.capacity()).sum::<usize>() + size_of::<Self>()
    }
}

impl Level {
    /// Begins another step if it is time, and leaves room for those in which nothing was known.
    fn turn(&mut self, at: u64, most: usize) {
        let before = self.at.unwrap_or(at);
        if at > before {
            let step = self.mean();
            self.write(&step, most);
            let silent = (at - before - 1).min(most as u64);
            (0..silent).for_each(|_| self.write(&Step::default(), most));
            (self.sums, self.counts, self.lowest) = ([0; MEANS], [0; MEANS], None);
        }
        self.at = Some(before.max(at));
    }

    fn add(&mut self, figures: &Step) {
        for (place, value) in figures.means().into_iter().enumerate() {
            if let Some(value) = value {
                self.sums[place] = self.sums[place].saturating_add(value);
                self.counts[place] = self.counts[place].saturating_add(1);
            }
        }
        let lowest = figures.lowest_dbm.or(figures.signal_dbm);
        self.lowest = self.lowest.into_iter().chain(lowest).min();
    }

    fn mean(&self) -> Step {
        let of = |place: usize| {
            let count = i32::from(self.counts[place]);
            // To the nearest, also below zero.
            (count > 0).then(|| (self.sums[place] * 2 + count).div_euclid(count * 2))
        };
        let small = |place: usize| of(place).and_then(|mean| i16::try_from(mean).ok());
        Step {
            signal_dbm: small(0),
            noise_dbm: small(1),
            chain_gap_db: small(2),
            retries_percent: small(3),
            failed_percent: small(4),
            busy_percent: small(5),
            quality_percent: small(6),
            throughput_100kbit: of(7),
            cost: of(8),
            lowest_dbm: self.lowest,
            round_trip_ms: small(9),
        }
    }

    fn write(&mut self, step: &Step, most: usize) {
        let octets = written(step);
        if self.octets.len() < most * STEP {
            if self.octets.len() == self.octets.capacity() {
                self.octets.reserve_exact(GROWTH * STEP);
            }
            self.octets.extend(octets);
            return;
        }
        let start = usize::from(self.head) * STEP;
        self.octets[start..start + STEP].copy_from_slice(&octets);
        self.head = if usize::from(self.head) + 1 == most { 0 } else { self.head + 1 };
    }
}

impl Step {
    /// Its octets as a word to the other end of a link, behind one that says what they are.
    /// `asks`: for the other end's figures, more often than usual.
    pub fn word(&self, asks: bool) -> Vec<u8> {
        let mut word = vec![if asks { QUICKLY } else { FIGURES }];
        word.extend(written(self));
        word
    }

    /// What the other end says, if these are figures.
    pub fn of_word(word: &[u8]) -> Option<Self> {
        let (kind, octets) = word.split_first()?;
        (matches!(*kind, FIGURES | QUICKLY) && octets.len() == STEP).then(|| read(octets))
    }

    /// Whether the other end asks for ours.
    pub fn asks(word: &[u8]) -> bool {
        word.first() == Some(&QUICKLY)
    }

    fn means(&self) -> [Option<i32>; MEANS] {
        let wide = |value: Option<i16>| value.map(i32::from);
        [
            wide(self.signal_dbm),
            wide(self.noise_dbm),
            wide(self.chain_gap_db),
            wide(self.retries_percent),
            wide(self.failed_percent),
            wide(self.busy_percent),
            wide(self.quality_percent),
            self.throughput_100kbit,
            self.cost,
            wide(self.round_trip_ms),
        ]
    }
}

fn written(step: &Step) -> [u8; STEP] {
    let level = |value: Option<i16>| value.map_or(NO_LEVEL, |value| value.clamp(-127, 126).to_be_bytes()[1]);
    let share = |value: Option<i16>| value.map_or(NO_SHARE, |value| value.clamp(0, 254).to_be_bytes()[1]);
    let number = |value: Option<i32>| {
        value
            .map_or(NO_NUMBER, |value| u16::try_from(value.clamp(0, 65_534)).unwrap_or(NO_NUMBER))
            .to_be_bytes()
    };
    let round_trip = step.round_trip_ms.map(|time| {
        let time = time.max(0);
        let coarse = (time.max(EXACT_MS) - EXACT_MS) / COARSE_MS;
        (ROUND_TRIP + time.min(EXACT_MS) + coarse).min(254)
    });
    let gap = step.chain_gap_db.map(|gap| gap.min(ROUND_TRIP - 1));
    let ([a, b], [c, d]) = (number(step.throughput_100kbit), number(step.cost));
    [
        level(step.signal_dbm),
        level(step.noise_dbm),
        level(step.lowest_dbm),
        share(gap.or(round_trip)),
        share(step.retries_percent),
        share(step.failed_percent),
        share(step.busy_percent),
        share(step.quality_percent),
        a,
        b,
        c,
        d,
    ]
}

fn read(octets: &[u8]) -> Step {
    let octets: &[u8; STEP] = octets.try_into().unwrap_or(&[0; STEP]);
    let level = |octet: u8| (octet != NO_LEVEL).then(|| i16::from(octet.cast_signed()));
    let share = |octet: u8| (octet != NO_SHARE).then_some(i16::from(octet));
    let number = |one: u8, other: u8| {
        let value = u16::from_be_bytes([one, other]);
        (value != NO_NUMBER).then_some(i32::from(value))
    };
    let [signal, noise, lowest, gap, retries, failed, busy, quality, a, b, c, d] = *octets;
    let shared = share(gap);
    let round_trip = |code: i16| code.min(EXACT_MS) + (code.max(EXACT_MS) - EXACT_MS) * COARSE_MS;
    Step {
        signal_dbm: level(signal),
        noise_dbm: level(noise),
        lowest_dbm: level(lowest),
        chain_gap_db: shared.filter(|gap| *gap < ROUND_TRIP),
        retries_percent: share(retries),
        failed_percent: share(failed),
        busy_percent: share(busy),
        quality_percent: share(quality),
        throughput_100kbit: number(a, b),
        cost: number(c, d),
        round_trip_ms: shared.filter(|code| *code >= ROUND_TRIP).map(|code| round_trip(code - ROUND_TRIP)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::from_millis(seconds * 1_000)
    }

    fn signal(dbm: i16) -> Step {
        Step { signal_dbm: Some(dbm), ..Step::default() }
    }

    fn signals(history: &History, seconds: u64, resolution: Resolution) -> Vec<Option<i16>> {
        history.steps(at(seconds), resolution).1.map(|step| step.signal_dbm).collect()
    }

    #[test]
    fn a_step_is_the_mean_of_its_seconds_and_silence_keeps_its_place() {
        let mut history = History::default();
        for (seconds, dbm) in [(0, -60), (5, -63), (10, -70), (40, -50)] {
            history.push(at(seconds), &signal(dbm));
        }
        assert_eq!(signals(&history, 41, Resolution::Seconds), [Some(-61), Some(-70), None, None]);
        let (ago, steps) = history.steps(at(47), Resolution::Seconds);
        assert_eq!(ago, Span::from_secs(7));
        assert_eq!(steps.map(|step| step.lowest_dbm).next(), Some(Some(-63)), "the lowest is kept");
        assert_eq!(signals(&history, 41, Resolution::Minutes), []);
        history.push(at(301), &signal(-50));
        assert_eq!(signals(&history, 301, Resolution::Minutes), [Some(-61)], "-60.75");
    }

    #[test]
    fn every_figure_survives_its_octets_at_both_ends() {
        let ends = [(-127, 0, 0), (126, 254, 65_534)];
        for (level, share, number) in ends {
            let step = Step {
                signal_dbm: Some(level),
                noise_dbm: Some(level),
                chain_gap_db: Some(share.min(126)),
                retries_percent: Some(share),
                failed_percent: Some(share),
                busy_percent: Some(share),
                quality_percent: Some(share),
                throughput_100kbit: Some(number),
                cost: Some(number),
                lowest_dbm: Some(level),
                round_trip_ms: None,
            };
            assert_eq!(read(&written(&step)), step);
        }
        let kept = |time| read(&written(&Step { round_trip_ms: Some(time), ..Step::default() }));
        let times = [-5, 0, 1, 63, 64, 79, 80, 500, 1_072, 32_000].map(|time| kept(time).round_trip_ms);
        assert_eq!(times, [0, 0, 1, 63, 64, 64, 80, 496, 1_072, 1_072].map(Some));
        assert_eq!(kept(7).chain_gap_db, None);
        assert_eq!(read(&written(&Step::default())), Step::default());
        assert_eq!(Step::of_word(&signal(-61).word(true)).and_then(|step| step.signal_dbm), Some(-61));
        assert_eq!([true, false].map(|asks| Step::asks(&signal(-61).word(asks))), [true, false]);
        let words: [&[u8]; 4] = [&[], &[FIGURES], &[FIGURES; 12], &[1; 13]];
        assert!(words.iter().all(|word| Step::of_word(word).is_none()));
        let beyond = Step { cost: Some(1 << 20), retries_percent: Some(-3), ..signal(300) };
        let kept = read(&written(&beyond));
        assert_eq!((kept.cost, kept.retries_percent, kept.signal_dbm), (Some(65_534), Some(0), Some(126)));
    }

    #[test]
    fn sixty_days_of_eight_links_are_below_300_kb_and_the_oldest_goes() {
        let mut history = History::default();
        // A figure each ten seconds is as many steps as one each second.
        for second in (0..61 * 86_400).step_by(10) {
            let dbm = -40 - i16::try_from(second / 86_400).unwrap();
            history.push(at(second), &signal(dbm));
        }
        let end = 61 * 86_400;
        let counts = Resolution::ALL.map(|resolution| history.steps(at(end), resolution).1.count());
        assert_eq!(counts, [360, 576, 1_440]);
        let hours = signals(&history, end, Resolution::Hours);
        // The last hour is not over, so the oldest is the last but one of the first day.
        assert_eq!((hours[0], hours[1], hours[1_439]), (Some(-40), Some(-41), Some(-100)));
        let history_kb = 8 * history.bytes() / 1_000;
        println!("history_kb {history_kb}");
        assert!((200..=300).contains(&history_kb), "{history_kb} kB");
        // A link that was silent for a year has nothing to say of it, and takes no longer for that.
        history.push(at(end + 400 * 86_400), &signal(-50));
        assert!(Resolution::ALL.iter().all(|one| signals(&history, end, *one).iter().all(Option::is_none)));
    }
}
