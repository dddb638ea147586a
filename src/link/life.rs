//! Whether a link lives. What an event says counts at once; without one, frames that fail while nothing comes back.
//!
//! The access point's end of a dead link gets no event: its station is "authorized" for minutes. But the counters show
//! it within two seconds, as long as frames are sent, which Babel's unicast Hellos see to. Measured on simulated
//! radios: 1.55 s after a cut 8 frames have failed and nothing was heard for 1.8 s. A mesh point (802.11s) gives its path up after
//! some two dozen lost frames and sends no more: then frames that failed, and none that left since, say the same.

use serde::{Deserialize, Serialize};

use super::quality::grown;
use super::sample::StationSample;
use crate::base::time::{Instant, Span};

/// How a link lives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Life {
    /// The first look that saw a frame fail and after which nothing was heard.
    failing: Option<Instant>,
    state: State,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    #[default]
    Lives,
    /// It came back.
    Returned(Instant),
    /// Frames failed.
    Silent {
        /// Since when all is well again.
        well: Option<Instant>,
    },
    /// Its station is gone.
    Gone,
}

impl Life {
    /// What the radio counted; whether the link has just died.
    pub(super) fn handle(
        &mut self,
        now: Instant,
        before: &Option<StationSample>,
        station: &StationSample,
    ) -> bool {
        let fails = grown(before, station, |one| one.tx_failed).is_some_and(|failed| failed > 0);
        let is_near = station.inactive_ms.is_none_or(|millis| millis < LONG_MS);
        let is_well = is_near && !fails && station.authorized;
        match &mut self.state {
            State::Gone if is_well => self.state = State::Returned(now),
            State::Silent { well } => match (*well).filter(|_| is_well) {
                Some(since) if now.since(since) >= TRUST => self.state = State::Returned(now),
                Some(_) => {}
                None => *well = is_well.then_some(now),
            },
            State::Gone => {}
            State::Lives | State::Returned(_) => {
                let is_heard_since = |at: &Instant| {
                    station.inactive_ms.is_none_or(|millis| Span::from_millis(millis.into()) < now.since(*at))
                };
                self.failing = self.failing.filter(|at| !is_heard_since(at)).or(fails.then_some(now));
                let is_gone = station.inactive_ms.is_some_and(|millis| millis >= GONE_MS);
                let stops = grown(before, station, |one| one.tx_packets) == Some(0);
                if is_gone && (fails || stops) && self.failing.is_some_and(|at| now.since(at) >= APART) {
                    self.state = State::Silent { well: None };
                    return true;
                }
            }
        }
        false
    }

    /// Something looks wrong that alone proves nothing: the next second in which frames fail does.
    pub(super) fn suspect(&mut self, now: Instant) {
        self.failing.get_or_insert(now);
    }

    /// The station is gone; whether the link lived until now.
    pub(super) fn end(&mut self) -> bool {
        let lived = !self.is_dead();
        *self = Self { failing: None, state: State::Gone };
        lived
    }

    /// Whether it is not to be used.
    pub(super) const fn is_dead(&self) -> bool {
        matches!(self.state, State::Silent { .. } | State::Gone)
    }

    /// What a cost becomes: twice as much for a link that has just come back, and less each five seconds, until it
    /// has lived a minute. Who comes and goes is not worth a detour of everybody else.
    pub(super) fn burden(&self, now: Instant, cost: u16) -> u16 {
        let State::Returned(since) = self.state else { return cost };
        let served = now.since(since).as_secs() / EARNS_S * EARNS_S;
        let left = u32::try_from(TRIAL_S.saturating_sub(served)).unwrap_or(0);
        let more = u32::from(cost) * left / TRIAL_S as u32;
        u16::try_from(u32::from(cost) + more).unwrap_or(u16::MAX).min(u16::MAX - 1)
    }
}

/// Whoever has not been heard for so long, and does not acknowledge, is gone: each end says something each second, and each
/// frame that it acknowledges counts as heard. A Hello a second of the other end alone keeps a link alive whose frames
/// fail now and then.
const GONE_MS: u32 = 1_700;
/// Whoever is well may be silent for longer than that: all that it says may come at one moment of a second.
const LONG_MS: u32 = 1_500;
/// Two signs of death are so far apart: two polls of one second, or several of a faster one.
const APART: Span = Span::from_millis(900);
/// A link that is well for so long lives again: a frame of ours was sent meanwhile, and did not fail.
const TRUST: Span = Span::from_millis(1_900);
/// Seconds in which a link that came back earns its cost, and the steps.
const TRIAL_S: u64 = 60;
const EARNS_S: u64 = 5;

#[cfg(test)]
mod tests {
    use super::*;

    /// A radio that is cut, polled each `every_ms`, one frame a second to a peer that says something each second.
    struct Bench {
        life: Life,
        last: Option<StationSample>,
        now_ms: u64,
        sent: u32,
        failed: u32,
        heard_ms: u64,
        /// After so many lost frames none is sent any more.
        gives_up: Option<u32>,
    }

    impl Bench {
        fn new() -> Self {
            Self {
                life: Life::default(),
                last: None,
                now_ms: 10_000,
                sent: 0,
                failed: 0,
                heard_ms: 10_000,
                gives_up: None,
            }
        }

        /// Polls until this time; when it died.
        fn poll(&mut self, until_ms: u64, every_ms: u64, phase_ms: u64, cut_ms: Option<u64>) -> Option<u64> {
            let mut died = None;
            while self.now_ms < until_ms {
                self.now_ms += 10;
                let is_cut = cut_ms.is_some_and(|cut| self.now_ms > cut);
                // Our probe, and the peer's, each at its time of the second.
                let has_given_up = is_cut && self.gives_up.is_some_and(|most| self.failed >= most);
                let is_busy = self.gives_up.is_some() && self.now_ms.is_multiple_of(20);
                if (self.now_ms % 1_000 == 500 || is_busy) && !has_given_up {
                    self.sent += 1;
                    if is_cut { self.failed += 1 } else { self.heard_ms = self.now_ms }
                }
                if self.now_ms % every_ms == phase_ms {
                    let inactive = u32::try_from(self.now_ms - self.heard_ms).unwrap();
                    let sample = StationSample {
                        inactive_ms: Some(inactive),
                        tx_packets: Some(self.sent),
                        tx_failed: Some(self.failed),
                        authorized: true,
                        ..StationSample::default()
                    };
                    let now = Instant::from_millis(self.now_ms);
                    if self.life.handle(now, &self.last, &sample) {
                        died = Some(self.now_ms);
                    }
                    self.last = Some(sample);
                }
            }
            died
        }
    }

    #[test]
    fn an_end_without_events_notices_a_cut_in_less_than_three_seconds_whenever_it_polls() {
        for every_ms in [200, 1_000] {
            for phase_ms in (0..every_ms).step_by(50) {
                for cut_ms in (20_000..21_000).step_by(50) {
                    let mut bench = Bench::new();
                    assert_eq!(bench.poll(cut_ms, every_ms, phase_ms, None), None, "{phase_ms} {cut_ms}");
                    let died = bench.poll(cut_ms + 10_000, every_ms, phase_ms, Some(cut_ms)).unwrap();
                    assert!(died - cut_ms < 3_000, "{every_ms} {phase_ms}: {} ms", died - cut_ms);
                    assert!(bench.life.is_dead());
                    // And lives again some polls after it is heard, without a frame lost.
                    let back = bench.now_ms;
                    bench.poll(back + 5_200, every_ms, phase_ms, None);
                    assert!(!bench.life.is_dead());
                }
            }
        }
    }

    #[test]
    fn a_mesh_point_that_gives_its_path_up_notices_it_as_soon() {
        for phase_ms in (0..1_000).step_by(50) {
            for cut_ms in (20_000..21_000).step_by(50) {
                let mut bench = Bench { gives_up: Some(24), ..Bench::new() };
                assert_eq!(bench.poll(cut_ms, 1_000, phase_ms, None), None, "{phase_ms} {cut_ms}");
                let died = bench.poll(cut_ms + 10_000, 1_000, phase_ms, Some(cut_ms)).unwrap();
                assert!(died - cut_ms < 3_000, "{phase_ms}: {} ms", died - cut_ms);
            }
        }
    }

    #[test]
    fn a_link_that_is_heard_or_has_nothing_to_send_lives() {
        let mut life = Life::default();
        let sample = |failed, inactive| StationSample {
            tx_failed: Some(failed),
            inactive_ms: Some(inactive),
            authorized: true,
            ..StationSample::default()
        };
        let mut last = Some(sample(0, 0));
        for second in 1..100 {
            // Frames fail each second, and the other end is heard once in it; then nothing is sent for a minute.
            let next = if second < 50 { sample(second, 999) } else { sample(49, second * 1_000) };
            assert!(!life.handle(Instant::from_millis(u64::from(second) * 1_000), &last, &next), "{second}");
            last = Some(next);
        }
        // A driver that counts no failures says nothing either.
        let silent = StationSample { tx_failed: None, ..sample(0, 100_000) };
        assert!(!life.handle(Instant::from_millis(200_000), &last, &silent));
    }

    #[test]
    fn beacons_that_stay_out_shorten_it_and_who_is_gone_is_dead_at_once() {
        let sample = |failed| StationSample {
            tx_failed: Some(failed),
            inactive_ms: Some(1_700),
            ..StationSample::default()
        };
        let mut life = Life::default();
        life.suspect(Instant::from_millis(5_000));
        assert!(!life.is_dead());
        assert!(life.handle(Instant::from_millis(5_900), &Some(sample(1)), &sample(2)));
        let mut life = Life::default();
        assert!(life.end() && life.is_dead() && !life.end());
    }

    #[test]
    fn who_comes_back_costs_twice_as_much_and_earns_it_in_a_minute() {
        let mut life = Life::default();
        assert_eq!(life.burden(Instant::ZERO, 100), 100, "who was never gone owes nothing");
        life.end();
        let back = StationSample { inactive_ms: Some(5), authorized: true, ..StationSample::default() };
        let start = Instant::from_millis(7_000);
        assert!(!life.handle(start, &None, &StationSample { authorized: false, ..back.clone() }));
        assert!(life.is_dead(), "it has not proved yet who it is");
        life.handle(start, &None, &back);
        let costs = [0, 4, 5, 30, 59, 60, 600].map(|s| life.burden(start + Span::from_secs(s), 120));
        assert_eq!(costs, [240, 240, 230, 180, 130, 120, 120]);
        assert_eq!(life.burden(start, u16::MAX - 1), u16::MAX - 1);
    }
}
