//! While a dish is turned: what this end hears now, and the most that it heard.
//!
//! A link that is being built has no neighbour yet, no member and no far end: what counts is the signal of whatever station
//! is heard, five times a second; and before there is a station, that of the access points around. It ends by itself, because
//! nobody remembers to end it on a mast.

use serde::{Deserialize, Serialize};

use super::monitor::is_of;
use super::sample::{RadioSample, StationSample};
use crate::base::address::MacAddress;
use crate::base::limit;
use crate::base::time::{Instant, Span};

/// How often the radios are read meanwhile.
pub const EACH: Span = Span::from_millis(200);
/// And otherwise.
pub const USUAL: Span = Span::from_secs(1);
/// How long it goes on if nobody ends it.
const LASTS: Span = Span::from_secs(900);

/// A dish that is turned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alignment {
    /// The device of Babel whose dish it is.
    pub device: String,
    /// When it ends.
    pub until: Instant,
    /// Who is heard, the strongest first; at most [`limit::ALIGN_STATIONS`].
    pub heard: Vec<Heard>,
    /// The radio has no station: those that are heard are access points around it.
    is_alone: bool,
}

/// A station that was heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Heard {
    /// The last sample of it.
    pub station: StationSample,
    /// The most that was heard, dBm.
    pub best_dbm: Option<i8>,
    /// Whether it was there at the last look.
    pub is_here: bool,
}

impl Alignment {
    /// Begins, with nothing heard yet.
    pub fn begin(now: Instant, device: String) -> Self {
        Self { device, until: now + LASTS, heard: Vec::new(), is_alone: false }
    }

    /// What a radio says; another radio's is not looked at.
    pub fn handle(&mut self, sample: &RadioSample) {
        // Who has no station yet is told by `handle_around` whom the radio hears.
        if is_of(&self.device, &sample.interface) && !(sample.stations.is_empty() && self.is_alone) {
            self.is_alone = false;
            self.take(&sample.stations);
        }
    }

    /// Whom a radio hears that has not found its access point yet.
    pub fn handle_around(&mut self, interface: &str, heard: &[StationSample]) {
        if is_of(&self.device, interface) {
            self.is_alone = true;
            self.take(heard);
        }
    }

    fn take(&mut self, stations: &[StationSample]) {
        self.heard.iter_mut().for_each(|heard| heard.is_here = false);
        for station in stations {
            let heard = self.of(station.mac);
            heard.is_here = true;
            heard.station = station.clone();
            heard.best_dbm = heard.best_dbm.max(level(station));
        }
        // Whoever is gone goes behind those who are here, however loud it was.
        self.heard.sort_by_key(|heard| std::cmp::Reverse((heard.is_here, level(&heard.station))));
        self.heard.truncate(limit::ALIGN_STATIONS);
    }

    fn of(&mut self, mac: MacAddress) -> &mut Heard {
        let known = self.heard.iter().position(|heard| heard.station.mac == mac);
        let place = known.unwrap_or_else(|| {
            let station = StationSample { mac, ..StationSample::default() };
            self.heard.push(Heard { station, best_dbm: None, is_here: true });
            self.heard.len() - 1
        });
        &mut self.heard[place]
    }
}

/// What a station is heard with. Above 0 dBm and below any noise it is a driver's nonsense.
pub fn level(station: &StationSample) -> Option<i8> {
    station.signal_dbm.filter(|dbm| (-110..0).contains(dbm))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(interface: &str, levels: &[(u8, i8)]) -> RadioSample {
        let station = |(octet, dbm): &(u8, i8)| StationSample {
            mac: MacAddress([*octet; 6]),
            signal_dbm: Some(*dbm),
            ..StationSample::default()
        };
        RadioSample {
            interface: interface.into(),
            stations: levels.iter().map(station).collect(),
            survey: None,
        }
    }

    fn seen(alignment: &Alignment) -> Vec<(u8, Option<i8>, Option<i8>, bool)> {
        let of =
            |heard: &Heard| (heard.station.mac.0[0], level(&heard.station), heard.best_dbm, heard.is_here);
        alignment.heard.iter().map(of).collect()
    }

    #[test]
    fn the_most_is_held_and_the_strongest_comes_first() {
        let mut alignment = Alignment::begin(Instant::ZERO, "wlan0.sta1".into());
        alignment.handle(&sample("wlan0", &[(1, -80), (2, -70)]));
        alignment.handle(&sample("wlan1", &[(3, -40)]));
        alignment.handle(&sample("wlan0", &[(1, -58), (2, -71)]));
        alignment.handle(&sample("wlan0", &[(1, -63), (2, -71)]));
        assert_eq!(seen(&alignment), [(1, Some(-63), Some(-58), true), (2, Some(-71), Some(-70), true)]);
        alignment.handle(&sample("wlan0", &[(2, 3)]));
        assert_eq!(
            seen(&alignment),
            [(2, None, Some(-70), true), (1, Some(-63), Some(-58), false)],
            "nonsense is no signal, and the one that went keeps its best"
        );
    }

    #[test]
    fn before_it_is_associated_a_radio_aims_by_who_is_around() {
        let mut alignment = Alignment::begin(Instant::ZERO, "wlan1".into());
        let around = |levels| sample("wlan1", levels).stations;
        alignment.handle(&sample("wlan1", &[]));
        alignment.handle_around("wlan1", &around(&[(7, -81), (8, -75)]));
        // Between two looks around the radio is read, and has no station.
        alignment.handle(&sample("wlan1", &[]));
        assert_eq!(seen(&alignment), [(8, Some(-75), Some(-75), true), (7, Some(-81), Some(-81), true)]);
        alignment.handle_around("wlan1", &around(&[(7, -64)]));
        alignment.handle_around("wlan0", &around(&[(9, -30)]));
        assert_eq!(seen(&alignment), [(7, Some(-64), Some(-64), true), (8, Some(-75), Some(-75), false)]);
        // It has found it.
        alignment.handle(&sample("wlan1", &[(7, -63)]));
        assert_eq!(seen(&alignment)[0], (7, Some(-63), Some(-63), true));
        alignment.handle(&sample("wlan1", &[]));
        assert_eq!(
            seen(&alignment)[0],
            (7, Some(-63), Some(-63), false),
            "it has lost it, and is not alone yet"
        );
    }

    #[test]
    fn a_radio_with_many_stations_shows_the_strongest() {
        let mut alignment = Alignment::begin(Instant::ZERO, "wlan0".into());
        for turn in 0..20_u8 {
            let levels: Vec<(u8, i8)> =
                (0..64_u8).zip(-90..).map(|(octet, dbm)| (octet + turn, dbm)).collect();
            alignment.handle(&sample("wlan0", &levels));
            assert_eq!(alignment.heard.len(), limit::ALIGN_STATIONS);
            assert_eq!(level(&alignment.heard[0].station), Some(-27));
        }
    }
}
