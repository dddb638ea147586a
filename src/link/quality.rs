//! From counters to figures: what one station's samples say of the link, smoothed.
//!
//! All is whole numbers. The rate of the last frame is never shown nor reckoned with alone: it may be one that the
//! rate control only tries.

use serde::{Deserialize, Serialize};

use super::history::Step;
use super::sample::{ChannelSurvey, StationSample};
use super::settings::LinkSettings;

/// The figures of one link.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quality {
    signal: Smooth,
    chains: [Smooth; 4],
    noise: Smooth,
    retries: Smooth,
    failed: Smooth,
    busy: Smooth,
    transmit: Smooth,
    throughput_kbit: Option<u32>,
    /// The best that was seen.
    best_kbit: u32,
    /// Rates of the last frames of the last seconds.
    rates_kbit: Vec<u32>,
    /// Whether the driver ever said what it expects.
    expects: bool,
    /// The last sample, whose counters the next ones are held against.
    last: Option<StationSample>,
    survey: Option<ChannelSurvey>,
}

/// A mean in which the past counts ever less, in sixteenths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Smooth(Option<i32>);

impl Smooth {
    fn add(&mut self, value: i32) {
        let fresh = value.clamp(-100_000, 100_000) * SIXTEENTHS;
        self.0 = Some(self.0.map_or(fresh, |old| old + (fresh - old) * NEW_PERCENT / 100));
    }

    /// To the nearest.
    fn value(self) -> Option<i32> {
        self.0.map(|value| (value + SIXTEENTHS / 2).div_euclid(SIXTEENTHS))
    }

    fn small(self) -> Option<i16> {
        self.value().and_then(|value| i16::try_from(value).ok())
    }
}

impl Quality {
    /// Another second. Signals above 0 dBm or below any noise are a driver's nonsense.
    pub fn handle(
        &mut self,
        station: &StationSample,
        survey: Option<&ChannelSurvey>,
        settings: &LinkSettings,
    ) {
        let level = |dbm: Option<i8>| dbm.filter(|dbm| (-110..0).contains(dbm)).map(i32::from);
        level(station.signal_dbm).into_iter().for_each(|dbm| self.signal.add(dbm));
        for (chain, dbm) in self.chains.iter_mut().zip(station.chain_signal_dbm) {
            level(dbm).into_iter().for_each(|dbm| chain.add(dbm));
        }
        self.channel(survey);
        let before = self.last.take();
        let sent = grown(&before, station, |one| one.tx_packets);
        if let Some(sent) = sent.filter(|sent| *sent > 0) {
            let retries = grown(&before, station, |one| one.tx_retries).unwrap_or(0);
            let failed = grown(&before, station, |one| one.tx_failed).unwrap_or(0);
            self.retries.add(percent(retries, sent.saturating_add(retries)));
            self.failed.add(percent(failed, sent));
        }
        self.throughput(station, sent, settings);
        self.last = Some(station.clone());
    }

    fn channel(&mut self, survey: Option<&ChannelSurvey>) {
        let Some(survey) = survey else { return };
        let noise = survey.noise_dbm.filter(|dbm| (-120..-40).contains(dbm));
        noise.into_iter().for_each(|dbm| self.noise.add(dbm.into()));
        let before =
            self.survey.replace(*survey).filter(|before| before.frequency_mhz == survey.frequency_mhz);
        let passed = |of: fn(&ChannelSurvey) -> Option<u64>| {
            let passed = of(survey)?.checked_sub(of(before.as_ref()?)?)?;
            u32::try_from(passed).ok()
        };
        if let Some(active) = passed(|one| one.active_ms).filter(|active| *active > 0) {
            passed(|one| one.busy_ms).into_iter().for_each(|busy| self.busy.add(percent(busy, active)));
            passed(|one| one.transmit_ms).into_iter().for_each(|own| self.transmit.add(percent(own, active)));
        }
    }

    /// What gets through: as the operator says; as the rate control expects, while it has frames to learn from; else a
    /// part of the rate of most frames; else what the signal allows; else next to nothing.
    fn throughput(&mut self, station: &StationSample, sent: Option<u32>, settings: &LinkSettings) {
        if let Some(kbit) = station.tx_bitrate_kbit.filter(|kbit| *kbit > 0) {
            if self.rates_kbit.len() >= RATES {
                self.rates_kbit.remove(0);
            }
            self.rates_kbit.push(kbit);
        }
        let expected = station.expected_throughput_kbit.filter(|kbit| *kbit > 0);
        self.expects |= expected.is_some();
        let fresh = match (settings.throughput_kbit, expected) {
            (Some(kbit), _) => kbit,
            (None, Some(kbit)) if sent != Some(0) || self.throughput_kbit.is_none() => kbit,
            // It has learnt nothing new.
            (None, _) if self.expects && self.throughput_kbit.is_some() => return,
            (None, _) => {
                let of_rate = |kbit: u32| kbit / 100 * RATE_PERCENT;
                self.usual_rate().map(of_rate).or_else(|| self.of_signal()).unwrap_or(LEAST_KBIT)
            }
        };
        let (old, fresh) =
            (i64::from(self.throughput_kbit.unwrap_or(fresh)), i64::from(fresh.min(MOST_KBIT)));
        let smooth = old + (fresh - old) * i64::from(NEW_PERCENT) / 100;
        let smooth = u32::try_from(smooth).unwrap_or(MOST_KBIT).max(LEAST_KBIT);
        self.throughput_kbit = Some(smooth);
        self.best_kbit = self.best_kbit.max(smooth);
    }

    /// The middle one of the last rates.
    fn usual_rate(&self) -> Option<u32> {
        let mut rates = self.rates_kbit.clone();
        rates.sort_unstable();
        rates.get(rates.len() / 2).copied()
    }

    /// Half of the rate that the signal allows in 20 MHz with one stream.
    fn of_signal(&self) -> Option<u32> {
        let snr = self.signal.value()? - self.noise.value().unwrap_or(NOISE_DBM);
        SNR_KBIT.iter().rev().find(|(least, _)| snr >= *least).map(|(_, kbit)| kbit / 2)
    }

    /// A new association: its counters begin at nothing.
    pub fn begin_anew(&mut self) {
        self.last = None;
        self.rates_kbit.clear();
    }

    /// The last sample.
    pub const fn last(&self) -> Option<&StationSample> {
        self.last.as_ref()
    }

    /// What gets through, smoothed.
    pub const fn throughput_kbit(&self) -> Option<u32> {
        self.throughput_kbit
    }

    /// The signal of each chain.
    pub fn chains_dbm(&self) -> [Option<i16>; 4] {
        self.chains.map(Smooth::small)
    }

    /// How much of the time this radio spoke.
    pub fn transmit_percent(&self) -> Option<i16> {
        self.transmit.small()
    }

    /// All that a history keeps.
    pub fn step(&self, settings: &LinkSettings, cost: Option<u16>) -> Step {
        let heard = || self.chains.iter().filter_map(|chain| chain.value());
        let gap = heard().max().zip(heard().min()).map(|(best, worst)| best - worst);
        let planned = settings.planned_kbit.unwrap_or(self.best_kbit);
        let quality = self.throughput_kbit.map(|kbit| percent(kbit, planned.max(1)));
        Step {
            signal_dbm: self.signal.small(),
            noise_dbm: self.noise.small(),
            chain_gap_db: gap.filter(|_| heard().count() > 1).and_then(|gap| i16::try_from(gap).ok()),
            retries_percent: self.retries.small(),
            failed_percent: self.failed.small(),
            busy_percent: self.busy.small(),
            quality_percent: quality.and_then(|quality| i16::try_from(quality).ok()),
            throughput_100kbit: self.throughput_kbit.and_then(|kbit| i32::try_from(kbit / 100).ok()),
            cost: cost.map(i32::from),
            lowest_dbm: None,
            round_trip_ms: None,
        }
    }
}

/// By how much a counter has grown since; `None` if it is not counted, or began anew.
pub(super) fn grown(
    before: &Option<StationSample>,
    now: &StationSample,
    counter: fn(&StationSample) -> Option<u32>,
) -> Option<u32> {
    let grown = counter(now)?.wrapping_sub(counter(before.as_ref()?)?);
    // What looks like half of all numbers and more was a step back.
    (grown < 1 << 31).then_some(grown)
}

/// At most all of it.
fn percent(part: u32, whole: u32) -> i32 {
    let percent = u64::from(part) * 100 / u64::from(whole.max(1));
    i32::try_from(percent.min(100)).unwrap_or(100)
}

const SIXTEENTHS: i32 = 16;
/// What the newest second counts in a mean.
const NEW_PERCENT: i32 = 30;
/// Of the rate of a frame, what is left for packets.
const RATE_PERCENT: u32 = 35;
/// Rates of which the middle one counts.
const RATES: usize = 5;
/// What gets through of which nothing is known.
const LEAST_KBIT: u32 = 1_000;
const MOST_KBIT: u32 = 10_000_000;
/// Of 20 MHz, where the driver does not say.
const NOISE_DBM: i32 = -95;
/// The least distance from the noise for each rate of one stream in 20 MHz, dB, and that rate (IEEE 802.11-2020, tables
/// 19-23 and 21-25, receivers 5 dB better: what the planner reckons with).
const SNR_KBIT: [(i32, u32); 9] = [
    (8, 6_500),
    (11, 13_000),
    (13, 19_500),
    (16, 26_000),
    (20, 39_000),
    (24, 52_000),
    (25, 58_500),
    (26, 65_000),
    (31, 78_000),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> LinkSettings {
        LinkSettings::usual("wlan0".into())
    }

    fn station(packets: u32, expected: Option<u32>, rate: Option<u32>) -> StationSample {
        StationSample {
            tx_packets: Some(packets),
            expected_throughput_kbit: expected,
            tx_bitrate_kbit: rate,
            ..StationSample::default()
        }
    }

    fn feed(quality: &mut Quality, samples: impl IntoIterator<Item = StationSample>) {
        samples.into_iter().for_each(|sample| quality.handle(&sample, None, &usual()));
    }

    #[test]
    fn figures_follow_in_some_seconds_and_one_outlier_moves_them_by_a_third() {
        let mut quality = Quality::default();
        for (dbm, smooth) in [(-60, -60), (-70, -63), (-60, -62), (-60, -61), (-60, -61), (-60, -61)] {
            let sample = StationSample { signal_dbm: Some(dbm), ..station(1, None, None) };
            feed(&mut quality, [sample]);
            assert_eq!(quality.step(&usual(), None).signal_dbm, Some(smooth));
        }
        let nonsense = StationSample { signal_dbm: Some(i8::MAX), ..station(1, None, None) };
        feed(&mut quality, [nonsense.clone(), nonsense]);
        assert_eq!(quality.step(&usual(), None).signal_dbm, Some(-61));
    }

    #[test]
    fn what_the_driver_expects_counts_while_frames_are_sent_and_rates_only_without_it() {
        let mut quality = Quality::default();
        feed(&mut quality, [station(0, Some(40_000), Some(6_000))]);
        assert_eq!(quality.throughput_kbit(), Some(40_000));
        // Nothing was sent: what it says now is old.
        feed(&mut quality, (0..50).map(|_| station(0, Some(1_000), Some(6_000))));
        assert_eq!(quality.throughput_kbit(), Some(40_000));
        feed(&mut quality, (1..50).map(|packets| station(packets, Some(20_000), None)));
        assert!(quality.throughput_kbit().unwrap().abs_diff(20_000) < 100, "{:?}", quality.throughput_kbit());
        // It says nothing for a while: the rates of single frames do not count instead.
        feed(&mut quality, (50..60).map(|packets| station(packets, None, Some(800_000))));
        assert!(quality.throughput_kbit().unwrap() < 21_000);
        assert_eq!(quality.step(&usual(), None).quality_percent, Some(50), "of the best that was seen");
        let planned = LinkSettings { planned_kbit: Some(80_000), ..usual() };
        assert_eq!(quality.step(&planned, None).quality_percent, Some(25));
    }

    #[test]
    fn without_it_the_middle_rate_counts_then_the_signal_then_next_to_nothing() {
        let mut quality = Quality::default();
        let rates = [100_000, 800_000, 100_000, 6_000, 100_000];
        feed(&mut quality, (0..40).map(|at| station(at, None, Some(rates[at as usize % 5]))));
        let kbit = quality.throughput_kbit().unwrap();
        assert!((33_000..=37_000).contains(&kbit), "{kbit}");
        let mut quality = Quality::default();
        feed(&mut quality, [StationSample { signal_dbm: Some(-75), ..station(1, None, None) }]);
        assert_eq!(quality.throughput_kbit(), Some(19_500), "20 dB: 39 Mbit/s");
        let mut quality = Quality::default();
        feed(&mut quality, [station(1, None, None)]);
        assert_eq!(quality.throughput_kbit(), Some(1_000));
        let said = LinkSettings { throughput_kbit: Some(7_000), ..usual() };
        let mut quality = Quality::default();
        quality.handle(&station(1, Some(90_000), None), None, &said);
        assert_eq!(quality.throughput_kbit(), Some(7_000));
    }

    #[test]
    fn retries_failures_and_air_are_shares_and_a_counter_that_steps_back_says_nothing() {
        let counted = |packets, retries, failed| StationSample {
            tx_retries: Some(retries),
            tx_failed: Some(failed),
            chain_signal_dbm: [Some(-60), Some(-72), None, None],
            ..station(packets, None, None)
        };
        let survey = |active, busy| ChannelSurvey {
            frequency_mhz: 5_745,
            noise_dbm: Some(-92),
            active_ms: Some(active),
            busy_ms: Some(busy),
            transmit_ms: Some(busy / 2),
        };
        let mut quality = Quality::default();
        quality.handle(&counted(u32::MAX, 10, 10), Some(&survey(1_000, 100)), &usual());
        quality.handle(&counted(99, 110, 15), Some(&survey(2_000, 400)), &usual());
        let step = quality.step(&usual(), None);
        assert_eq!(
            (step.retries_percent, step.failed_percent),
            (Some(50), Some(5)),
            "over a turn of 32 bits"
        );
        assert_eq!((step.busy_percent, quality.transmit_percent()), (Some(30), Some(15)));
        assert_eq!((step.noise_dbm, step.chain_gap_db), (Some(-92), Some(12)));
        quality.handle(&counted(3, 0, 0), Some(&survey(10, 1)), &usual());
        assert_eq!(quality.step(&usual(), None).retries_percent, Some(50));
        assert_eq!(quality.step(&usual(), None).busy_percent, Some(30));
    }
}
