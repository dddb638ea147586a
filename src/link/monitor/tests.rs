use proptest::prelude::*;

use super::*;
use crate::base::limit;
use crate::link::history::Resolution;
use crate::link::sample::ChannelSurvey;

const FAR: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);
const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 2]);

/// A radio with one station, polled each second.
struct Radio {
    monitor: Monitor,
    settings: Vec<LinkSettings>,
    station: StationSample,
    seconds: u64,
}

impl Radio {
    fn new(mbit: u32) -> Self {
        let station = StationSample {
            mac: MAC,
            neighbour: Some(FAR),
            signal_dbm: Some(-60),
            tx_packets: Some(0),
            tx_failed: Some(0),
            inactive_ms: Some(10),
            expected_throughput_kbit: Some(mbit * 1_000),
            authorized: true,
            ..StationSample::default()
        };
        Self { monitor: Monitor::default(), settings: Vec::new(), station, seconds: 100 }
    }

    fn now(&self) -> Instant {
        Instant::from_millis(self.seconds * 1_000)
    }

    fn sample(&self, stations: Vec<StationSample>) -> RadioNews {
        let survey =
            Some(ChannelSurvey { frequency_mhz: 5_745, noise_dbm: Some(-92), ..ChannelSurvey::default() });
        RadioNews::Sample(RadioSample { interface: "wlan0".into(), stations, survey })
    }

    /// So many seconds with these many frames in each; the costs that were told, with their seconds.
    fn pass(&mut self, seconds: u64, frames: u32) -> Vec<(u64, Option<u16>)> {
        let mut told = Vec::new();
        for _ in 0..seconds {
            self.seconds += 1;
            self.station.tx_packets = self.station.tx_packets.map(|count| count + frames);
            let sample = self.sample(vec![self.station.clone()]);
            let words = self.monitor.handle(self.now(), &sample, &self.settings);
            told.extend(words.into_iter().map(|(_, word)| (self.seconds, word.cost)));
        }
        told
    }

    fn event(&mut self, event: RadioEvent) -> Vec<(Ipv6Addr, Word)> {
        let news = RadioNews::Event { interface: "wlan0".into(), event };
        self.monitor.handle(self.now(), &news, &self.settings)
    }
}

#[test]
fn a_cost_is_told_at_once_and_then_only_if_it_is_another_for_ten_seconds() {
    let mut radio = Radio::new(20);
    assert_eq!(radio.pass(60, 50), [(101, Some(160)), (102, Some(160))], "and that it is busy");
    // A fade of five seconds changes nothing.
    radio.station.expected_throughput_kbit = Some(5_000);
    assert_eq!(radio.pass(5, 50), []);
    radio.station.expected_throughput_kbit = Some(20_000);
    assert_eq!(radio.pass(60, 50), []);
    radio.station.expected_throughput_kbit = Some(5_000);
    let told = radio.pass(60, 50);
    let costs: Vec<u16> = told.iter().filter_map(|(_, cost)| *cost).collect();
    assert!(
        (1..=2).contains(&costs.len()) && costs.iter().all(|cost| (400..=448).contains(cost)),
        "{told:?}"
    );
    assert!(told[0].0 >= 226 + 10);
}

#[test]
fn a_ramp_down_never_makes_a_link_cheaper() {
    let mut radio = Radio::new(80);
    let mut costs = vec![radio.pass(30, 50)[0].1.unwrap()];
    for mbit in [68, 61, 55, 45, 38, 30, 18, 11, 9, 4, 1] {
        radio.station.expected_throughput_kbit = Some(mbit * 1_000);
        costs.extend(radio.pass(30, 50).into_iter().filter_map(|(_, cost)| cost));
    }
    assert!(costs.is_sorted() && costs.len() > 5 && *costs.last().unwrap() > 1_500, "{costs:?}");
}

#[test]
fn who_is_gone_is_dead_at_once_and_comes_back_at_twice_its_cost() {
    let mut radio = Radio::new(20);
    radio.pass(20, 50);
    let other = RadioEvent::StationGone { mac: MacAddress([2; 6]) };
    assert_eq!(radio.event(other), []);
    let words = radio.event(RadioEvent::StationGone { mac: MAC });
    assert!(words.len() == 1 && words[0].0 == FAR && words[0].1.is_dead, "{words:?}");
    assert_eq!(radio.pass(1, 50), [(121, Some(320))]);
    let costs: Vec<u16> = radio.pass(100, 50).into_iter().filter_map(|(_, cost)| cost).collect();
    assert!(costs.is_sorted_by(|one, other| one >= other) && costs.last() == Some(&160), "{costs:?}");
    // A station that stays out of two samples is gone too, and one whose whole radio is.
    let empty = radio.sample(Vec::new());
    radio.seconds += 1;
    assert_eq!(radio.monitor.handle(radio.now(), &empty, &[]), []);
    radio.pass(1, 50);
    for is_dead in [false, true] {
        radio.seconds += 1;
        let words = radio.monitor.handle(radio.now(), &empty, &[]);
        assert_eq!(words.iter().any(|(_, word)| word.is_dead), is_dead);
    }
    radio.pass(100, 50);
    assert!(radio.event(RadioEvent::Gone)[0].1.is_dead);
}

#[test]
fn what_one_radio_says_tells_nothing_of_another_s_links() {
    let mut radio = Radio::new(20);
    radio.pass(20, 50);
    radio.event(RadioEvent::StationGone { mac: MAC });
    radio.pass(1, 50);
    // The other radio's samples come in between: what has changed meanwhile waits for its own.
    radio.seconds += 30;
    let other = RadioSample { interface: "wlan1".into(), stations: Vec::new(), survey: None };
    assert_eq!(radio.monitor.handle(radio.now(), &RadioNews::Sample(other), &[]), []);
    assert_eq!(radio.pass(1, 50), [(152, Some(240))]);
}

#[test]
fn a_link_with_few_frames_is_idle() {
    let mut radio = Radio::new(20);
    radio.pass(5, 3);
    assert!(radio.monitor.of(FAR).unwrap().word().is_idle);
    radio.pass(2, 100);
    assert!(!radio.monitor.of(FAR).unwrap().word().is_idle);
    radio.station.tx_packets = None;
    radio.pass(2, 0);
    assert!(radio.monitor.of(FAR).unwrap().word().is_idle, "who counts nothing");
}

#[test]
fn the_operator_may_say_what_counts() {
    let mut radio = Radio::new(20);
    let usual = LinkSettings::usual("wlan0.sta1".into());
    radio.settings = vec![LinkSettings { airtime_cost: 0, ..usual.clone() }];
    assert_eq!(radio.pass(3, 50)[0].1, None);
    radio.settings = vec![LinkSettings { throughput_kbit: Some(2_000), ..usual }];
    let told = radio.pass(60, 50);
    let cost = told.last().and_then(|(_, cost)| *cost).unwrap();
    assert!((1_010..=1_030).contains(&cost), "{told:?}");
}

#[test]
fn strangers_are_not_watched_and_the_links_are_bounded() {
    let mut radio = Radio::new(20);
    radio.station.neighbour = None;
    radio.pass(3, 50);
    assert_eq!(radio.monitor.links.len(), 0);
    let station = |number: u8| StationSample {
        mac: MacAddress([2, 0, 0, 0, 1, number]),
        neighbour: Some(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, number.into())),
        ..radio.station.clone()
    };
    let many = u8::try_from(limit::RADIO_LINKS).unwrap() + 3;
    let all: Vec<StationSample> = (0..many).map(station).collect();
    let sample = radio.sample(all.clone());
    radio.monitor.handle(radio.now(), &sample, &[]);
    assert_eq!(radio.monitor.links.len(), limit::RADIO_LINKS);
    // Those that die make room.
    let sample = radio.sample(all[5..].to_vec());
    for second in 1..=3 {
        radio.monitor.handle(radio.now() + Span::from_secs(second), &sample, &[]);
    }
    assert_eq!(radio.monitor.links.len(), limit::RADIO_LINKS);
    assert!(radio.monitor.neighbour("wlan0", all.last().unwrap().mac).is_some());
}

#[test]
fn the_history_has_what_was_measured() {
    let mut radio = Radio::new(20);
    radio.pass(40, 50);
    let link = radio.monitor.of(FAR).unwrap();
    let (_, steps) = link.history.steps(radio.now(), Resolution::Seconds);
    let steps: Vec<_> = steps.collect();
    assert_eq!(steps.len(), 4);
    let last = steps[3];
    assert_eq!((last.signal_dbm, last.noise_dbm, last.cost), (Some(-60), Some(-92), Some(160)));
    assert_eq!((last.throughput_100kbit, last.quality_percent), (Some(200), Some(100)));
}

proptest! {
    /// A driver that lies: any counters, in any order, at any times.
    #[test]
    fn nonsense_of_a_driver_never_panics_and_every_cost_is_one_that_babel_takes(
        seconds in prop::collection::vec((0_u64..100_000, any::<[Option<u32>; 8]>(), any::<[i8; 5]>(), any::<[u64; 3]>()), 1..60),
        said in any::<(u16, u16, Option<u32>, Option<u32>)>(),
    ) {
        let mut radio = Radio::new(20);
        let (hop_cost, airtime_cost, throughput_kbit, planned_kbit) = said;
        let usual = LinkSettings::usual("wlan0".into());
        radio.settings = vec![LinkSettings { hop_cost, airtime_cost, throughput_kbit, planned_kbit, ..usual }];
        let mut now = Instant::ZERO;
        for (gap_ms, numbers, levels, times) in seconds {
            now = now + Span::from_millis(gap_ms);
            let [packets, retries, failed, expected, rate, inactive, connected, _] = numbers;
            let [signal, one, two, noise, _] = levels;
            let station = StationSample {
                signal_dbm: Some(signal),
                chain_signal_dbm: [Some(one), Some(two), None, Some(noise)],
                tx_packets: packets,
                tx_retries: retries,
                tx_failed: failed,
                expected_throughput_kbit: expected,
                tx_bitrate_kbit: rate,
                inactive_ms: inactive,
                connected_s: connected,
                ..radio.station.clone()
            };
            let [active, busy, own] = times.map(Some);
            let survey = ChannelSurvey {
                frequency_mhz: 5_745,
                noise_dbm: Some(noise),
                active_ms: active,
                busy_ms: busy,
                transmit_ms: own,
            };
            let sample = RadioSample { interface: "wlan0".into(), stations: vec![station], survey: Some(survey) };
            for (_, word) in radio.monitor.handle(now, &RadioNews::Sample(sample), &radio.settings) {
                prop_assert!(word.cost.is_none_or(|cost| (96..u16::MAX).contains(&cost)), "{word:?}");
            }
            let step = radio.monitor.of(FAR).unwrap().step(&radio.settings);
            let shares = [step.retries_percent, step.failed_percent, step.busy_percent, step.quality_percent];
            prop_assert!(shares.iter().flatten().all(|share| (0..=100).contains(share)), "{step:?}");
        }
    }
}
