//! What the operator decides about radio links.

use serde::{Deserialize, Serialize};

use super::change::Setting;

/// Settings of the links on one device of Babel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkSettings {
    /// The device, like `wlan0` or `wlan0.sta1`.
    pub device: String,
    /// What each hop costs, however quick: 64 leaves two short hops dearer than one long one.
    pub hop_cost: u16,
    /// What a link of 1 Mbit/s costs beside that; 0: the throughput does not count, and the nominal cost does.
    pub airtime_cost: u16,
    /// What the link carries; nothing: it is measured.
    pub throughput_kbit: Option<u32>,
    /// What was planned; nothing: the best that was seen.
    pub planned_kbit: Option<u32>,
    /// The signal that was planned.
    pub planned_signal_dbm: Option<i16>,
    /// What the member at the other end, or somebody here, may change at both ends.
    pub change: Vec<Setting>,
    /// Seconds that an end may try a change before it goes back by itself.
    pub dead_man_s: u16,
    /// How many times a day a silent radio is recovered (`ladder`); 0: never.
    pub recover_per_day: u8,
}

impl LinkSettings {
    /// What holds where nothing else is said.
    pub fn usual(device: String) -> Self {
        Self {
            device,
            hop_cost: 64,
            airtime_cost: 1_920,
            throughput_kbit: None,
            planned_kbit: None,
            planned_signal_dbm: None,
            change: Vec::new(),
            dead_man_s: 180,
            recover_per_day: 0,
        }
    }

    /// What a packet costs at this throughput, for Babel: 64 + 1920 / (Mbit/s), and no less than a cable. 0 kbit/s is the
    /// slowest there is.
    pub fn cost(&self, throughput_kbit: u32) -> u16 {
        let airtime = u32::from(self.airtime_cost) * 1_000 / throughput_kbit.max(1);
        let cost = airtime.saturating_add(u32::from(self.hop_cost));
        u16::try_from(cost).unwrap_or(MOST).clamp(LEAST, MOST)
    }
}

/// What a cable costs: no radio is to look better.
pub const LEAST: u16 = 96;
/// The largest cost that is not infinite.
const MOST: u16 = u16::MAX - 1;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_costs_of_the_reference_come_out_and_no_radio_beats_a_cable() {
        let settings = LinkSettings::usual("wlan0".into());
        let mbit = [1_000, 300, 100, 50, 20, 10, 5, 2, 1];
        let costs = mbit.map(|mbit| settings.cost(mbit * 1_000));
        assert_eq!(costs, [96, 96, 96, 102, 160, 256, 448, 1_024, 1_984]);
        assert_eq!(settings.cost(0), MOST);
        assert_eq!(settings.cost(u32::MAX), LEAST);
    }
}
