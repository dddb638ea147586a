//! Channels that are shared with radars (DFS): before a radio speaks on one it listens for a minute, and where it hears a radar
//! it leaves at once and stays away for half an hour. A link that is silent for that long looks dead; here is why it is.

use serde::{Deserialize, Serialize};

use super::sample::{Radar, RadioEvent};
use crate::base::limit;
use crate::base::time::{Instant, Span};

/// What radios wait for, and where radars were heard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Radars {
    all: Vec<Shared>,
}

/// A radio and a channel that it may not use now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shared {
    /// The radio's device.
    pub device: String,
    /// The middle of the channel's first 20 MHz, if the driver tells it.
    pub frequency_mhz: Option<u32>,
    /// A radar was heard there; else the radio listens for one.
    pub is_heard: bool,
    /// When that is over, if nothing is told before.
    until: Instant,
}

impl Radars {
    /// Something happened to a radio.
    pub(super) fn handle(&mut self, now: Instant, device: &str, event: RadioEvent) {
        let (radar, frequency_mhz) = match event {
            RadioEvent::Radar { radar, frequency_mhz } => (radar, frequency_mhz),
            RadioEvent::Gone => return self.all.retain(|one| one.device != device),
            _ => return,
        };
        let is_heard = matches!(radar, Radar::Detected | Radar::ChannelFree);
        let is_same = |one: &Shared| {
            // Who listens, listens on one channel; a wait ends with a radar.
            let ends = !one.is_heard && radar == Radar::Detected;
            let same = one.is_heard == is_heard && (!is_heard || one.frequency_mhz == frequency_mhz);
            one.device == device && (ends || same)
        };
        self.all.retain(|one| !is_same(one));
        let lasts_s = match radar {
            Radar::Detected => AWAY_S,
            Radar::WaitBegun => wait_s(frequency_mhz),
            Radar::WaitOver | Radar::WaitBroken | Radar::ChannelFree => return,
        };
        if self.all.len() < limit::RADIO_RADARS {
            let until = now + Span::from_secs(lasts_s);
            self.all.push(Shared { device: device.to_owned(), frequency_mhz, is_heard, until });
        }
    }

    /// Time has passed: what was not told to be over is.
    pub(super) fn forget(&mut self, now: Instant) {
        self.all.retain(|one| now < one.until);
    }

    /// All of them.
    pub fn all(&self) -> &[Shared] {
        &self.all
    }
}

impl Shared {
    /// The code of its alert; programs know it.
    pub const fn code(&self) -> &'static str {
        if self.is_heard { "radar" } else { "radar-wait" }
    }

    /// A word for `links`.
    pub const fn word(&self) -> &'static str {
        if self.is_heard { "left" } else { "listening" }
    }

    /// How many seconds it lasts at most.
    pub fn left_s(&self, now: Instant) -> u64 {
        self.until.since(now).as_secs()
    }

    /// A sentence, the same as long as it lasts.
    pub fn text(&self) -> String {
        let channel = self.frequency_mhz.map_or_else(|| "its channel".to_owned(), |mhz| format!("{mhz} MHz"));
        let device = &self.device;
        if self.is_heard {
            return format!(
                "{device} heard a radar on {channel} and may not use that for half an hour. If this happens again, choose \
                 another channel."
            );
        }
        let minutes = if wait_s(self.frequency_mhz) > WAIT_S { "ten minutes" } else { "a minute" };
        format!(
            "{device} listens for radars on {channel}: there is no link until it has heard none for {minutes}."
        )
    }
}

/// ETSI EN 301 893, table D.1: longer where weather radars are.
fn wait_s(frequency_mhz: Option<u32>) -> u64 {
    if frequency_mhz.is_some_and(|mhz| (5_590..=5_660).contains(&mhz)) { 10 * WAIT_S } else { WAIT_S }
}

const WAIT_S: u64 = 60;
const AWAY_S: u64 = 1_800;

#[cfg(test)]
mod tests {
    use super::*;

    /// What stands there after these events, a second apart: words, seconds left, sentences.
    fn told(events: &[(Radar, u32)], after_s: u64) -> Vec<(&'static str, u64, String)> {
        let mut radars = Radars::default();
        for (second, (radar, mhz)) in (0..).zip(events) {
            let event = RadioEvent::Radar { radar: *radar, frequency_mhz: Some(*mhz) };
            radars.handle(Instant::from_millis(second * 1_000), "wlan0", event);
        }
        let now = Instant::from_millis((events.len() as u64 - 1 + after_s) * 1_000);
        radars.forget(now);
        radars.all().iter().map(|one| (one.word(), one.left_s(now), one.text())).collect()
    }

    fn words(events: &[(Radar, u32)], after_s: u64) -> Vec<(&'static str, u64)> {
        told(events, after_s).into_iter().map(|(word, left_s, _)| (word, left_s)).collect()
    }

    #[test]
    fn a_wait_is_counted_down_and_ends_when_it_is_told_or_over() {
        let wait = (Radar::WaitBegun, 5_500);
        assert_eq!(words(&[wait], 17), [("listening", 43)]);
        assert_eq!(words(&[(Radar::WaitBegun, 5_600)], 0), [("listening", 600)]);
        assert_eq!(words(&[wait], 60), []);
        assert_eq!(words(&[wait, (Radar::WaitOver, 5_500)], 0), []);
        assert_eq!(words(&[wait, (Radar::WaitBroken, 5_500)], 0), []);
        // Begun anew on another channel.
        assert_eq!(words(&[wait, (Radar::WaitBegun, 5_520)], 0), [("listening", 60)]);
    }

    #[test]
    fn a_channel_with_a_radar_is_left_for_half_an_hour_whatever_the_next_one_needs() {
        let heard = (Radar::Detected, 5_500);
        assert_eq!(words(&[(Radar::WaitBegun, 5_500), heard], 0), [("left", 1_800)]);
        assert_eq!(
            words(&[heard, (Radar::WaitBegun, 5_520)], 0),
            [("left", 1_799), ("listening", 60)],
            "the next one is shared too"
        );
        assert_eq!(words(&[heard, (Radar::ChannelFree, 5_520)], 0), [("left", 1_799)]);
        assert_eq!(words(&[heard, (Radar::ChannelFree, 5_500)], 0), []);
        assert_eq!(words(&[heard], 1_800), []);
        let all = told(&[heard, (Radar::WaitBegun, 5_640)], 0);
        assert!(all[0].2.contains("wlan0 heard a radar on 5500 MHz"), "{all:?}");
        assert!(all[1].2.contains("5640 MHz") && all[1].2.contains("ten minutes"), "{all:?}");
    }

    #[test]
    fn a_driver_that_tells_nonsense_fills_nothing_and_a_radio_that_goes_takes_all_along() {
        let mut radars = Radars::default();
        for mhz in 0..10_000 {
            let event = RadioEvent::Radar { radar: Radar::Detected, frequency_mhz: Some(mhz) };
            radars.handle(Instant::ZERO, "wlan0", event);
        }
        assert_eq!(radars.all().len(), limit::RADIO_RADARS);
        radars.handle(Instant::ZERO, "wlan1", RadioEvent::Gone);
        assert_eq!(radars.all().len(), limit::RADIO_RADARS);
        radars.handle(Instant::ZERO, "wlan0", RadioEvent::Gone);
        assert_eq!(radars.all(), []);
    }
}
