//! What air, noise and modulation make of a signal.

/// What a receiver adds to the noise of its warmth, dB: assumed, as makers of outdoor radios state 5 to 7.
const NOISE_FIGURE_DB: f64 = 6.0;
/// By how much the receivers that one buys are better than the standard asks, dB.
const BETTER_THAN_STANDARD_DB: f64 = 5.0;
/// The weakest signal at which a receiver of 20 MHz must still understand each rate of one stream, dBm (IEEE 802.11-2020
/// tables 19-23 and 21-25: MCS 0 to 9), and what one subcarrier then carries in a symbol, bits x 6.
const RATES: [(f64, u32); 10] = [
    (-82.0, 3),
    (-79.0, 6),
    (-77.0, 9),
    (-74.0, 12),
    (-70.0, 18),
    (-66.0, 24),
    (-65.0, 27),
    (-64.0, 30),
    (-59.0, 36),
    (-57.0, 40),
];
/// A symbol with the long guard interval of 20 MHz, µs.
const SYMBOL_US: f64 = 4.0;
/// What one burst of frames lasts at most, µs: the longest that drivers put together.
const BURST_US: f64 = 4_000.0;
/// And what it holds at most, bits: 64 frames of 1,500 octets.
const BURST_BITS: f64 = 64.0 * 1_500.0 * 8.0;
/// Of each burst beside data and waiting, µs: preamble 40, SIFS 16, block acknowledgement 32, DIFS without its slots 16.
const BURST_OVERHEAD_US: f64 = 104.0;
/// Slots that a sender waits before a burst: 2 of DIFS and the mean of 0 to 15.
const BURST_SLOTS: f64 = 9.5;

/// Width of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Width {
    /// 5 MHz, a quarter of the usual clock.
    Mhz5,
    /// 10 MHz, half the clock.
    Mhz10,
    /// 20 MHz.
    Mhz20,
    /// 40 MHz.
    Mhz40,
    /// 80 MHz.
    Mhz80,
}

impl Width {
    /// All of them, the narrowest first.
    pub const ALL: [Self; 5] = [Self::Mhz5, Self::Mhz10, Self::Mhz20, Self::Mhz40, Self::Mhz80];

    /// The width of so many MHz, if there is one.
    pub fn of_mhz(mhz: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|width| width.mhz() == mhz)
    }

    /// In MHz.
    pub const fn mhz(self) -> u32 {
        match self {
            Self::Mhz5 => 5,
            Self::Mhz10 => 10,
            Self::Mhz20 => 20,
            Self::Mhz40 => 40,
            Self::Mhz80 => 80,
        }
    }

    /// How much slower the radio's clock goes than at 20 MHz.
    fn slower(self) -> f64 {
        (20.0 / f64::from(self.mhz())).max(1.0)
    }

    /// Subcarriers that carry data.
    const fn subcarriers(self) -> u32 {
        match self {
            Self::Mhz5 | Self::Mhz10 | Self::Mhz20 => 52,
            Self::Mhz40 => 108,
            Self::Mhz80 => 234,
        }
    }
}

/// A range of what a country allows, as the kernel has it (`struct ieee80211_reg_rule`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its lower edge, kHz.
    pub from_khz: u32,
    /// Its upper edge, kHz.
    pub to_khz: u32,
    /// The most that may be radiated there, mBm (1,000 are 10 dBm).
    pub max_eirp_mbm: u32,
    /// Whoever sends there must give way to radar, and listen for a minute first.
    pub is_dfs: bool,
    /// Not under the sky.
    pub is_indoor: bool,
}

impl Rule {
    /// The rule that holds a whole channel, of all that a country has. Ranges that touch are not joined: the kernel
    /// does not do that either without a flag, and says nothing of it.
    pub fn of(rules: &[Self], frequency_mhz: u32, width: Width) -> Option<Self> {
        let (middle_khz, half_khz) = (frequency_mhz.saturating_mul(1_000), width.mhz() * 500);
        let (from_khz, to_khz) = (middle_khz.saturating_sub(half_khz), middle_khz.saturating_add(half_khz));
        rules.iter().find(|rule| rule.from_khz <= from_khz && to_khz <= rule.to_khz).copied()
    }
}

/// A rate of IEEE 802.11n or ac.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Modulation and coding scheme of one stream, 0 to 9.
    pub mcs: u8,
    /// Streams at once.
    pub streams: u8,
    /// On the air, Mbit/s.
    pub air_mbps: f64,
    /// What is left for packets when one burst waits for the acknowledgement of the last, Mbit/s.
    pub expected_mbps: f64,
}

impl Rate {
    /// The best rate that a signal allows, with the slot of the link's coverage class; nothing below the slowest.
    ///
    /// Streams share the power, so each has its part of the signal; fewer streams are taken where that is quicker.
    pub(super) fn at(snr_db: f64, width: Width, streams: u8, slot_us: f64) -> Option<Self> {
        (1..=streams)
            .filter_map(|streams| Self::with(snr_db, width, streams, slot_us))
            .max_by(|one, other| one.air_mbps.total_cmp(&other.air_mbps))
    }

    fn with(snr_db: f64, width: Width, streams: u8, slot_us: f64) -> Option<Self> {
        let snr_db = snr_db - 10.0 * f64::from(streams).log10();
        let mcs = (0..RATES.len()).rev().find(|&mcs| snr_db >= threshold_db(mcs))?;
        let bits = f64::from(width.subcarriers() * RATES[mcs].1) / 6.0 * f64::from(streams);
        let air_mbps = bits / (SYMBOL_US * width.slower());
        let data_us = BURST_US.min(BURST_BITS / air_mbps);
        let whole_us = data_us + BURST_OVERHEAD_US * width.slower() + BURST_SLOTS * slot_us;
        // There are ten of them.
        Some(Self { mcs: mcs as u8, streams, air_mbps, expected_mbps: air_mbps * data_us / whole_us })
    }
}

/// What free space takes, dB: 32.44 + 20 log10(km) + 20 log10(MHz).
pub(super) fn free_space_loss_db(distance_m: f64, frequency_mhz: u32) -> f64 {
    32.44 + 20.0 * (distance_m / 1_000.0).log10() + 20.0 * f64::from(frequency_mhz).log10()
}

/// The noise of a receiver, dBm: -174 + 10 log10(Hz) + its own.
pub(super) fn noise_dbm(width: Width) -> f64 {
    -174.0 + 10.0 * (f64::from(width.mhz()) * 1e6).log10() + NOISE_FIGURE_DB
}

/// What the slowest rate of one stream needs, dB over the noise.
pub(super) fn least_snr_db() -> f64 {
    threshold_db(0)
}

/// What rate `mcs` of one stream needs, dB over the noise: the same at each width.
fn threshold_db(mcs: usize) -> f64 {
    RATES[mcs].0 - BETTER_THAN_STANDARD_DB - noise_dbm(Width::Mhz20)
}
