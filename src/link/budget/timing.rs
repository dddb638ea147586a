//! How long a radio waits for an acknowledgement, and how long it can wait.
//!
//! Light needs 180 µs to a hill 27 km away and back. A radio that waits less sends everything again and again. Drivers are told
//! by a *coverage class*: 3 µs of waiting each, 450 m of way, 255 at most (`iw`'s source: `(distance + 449) / 450`).
//! Some chips cannot wait that long, and say nothing: the register is cut off (`ath9k_hw_set_ack_timeout`, 14 bits).

use super::radio::Width;

/// Metres of one coverage class.
const CLASS_M: f64 = 450.0;
/// Microseconds of one coverage class.
const CLASS_US: f64 = 3.0;
/// The largest value of ath9k's register for the acknowledgement's timeout.
const ATH9K_TICKS: f64 = 16_383.0;

/// What a radio is made of, by the name of its driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chip {
    /// Atheros 802.11n; also ath10k's first wave, which clamps the same way.
    Ath9k,
    /// Qualcomm 802.11ac of the second wave: its driver cannot be told a distance.
    Ath10kWave2,
    /// MediaTek: takes any class.
    Mt76,
    /// Whatever else: nobody knows what it can.
    Other,
}

impl Chip {
    /// All of them, as they are named.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("ath9k", Self::Ath9k),
        ("ath10k-wave2", Self::Ath10kWave2),
        ("mt76", Self::Mt76),
        ("other", Self::Other),
    ];

    /// The chip of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMES.into_iter().find(|(known, _)| *known == name).map(|(_, chip)| chip)
    }

    /// The highest class that it can wait for at a width; nothing where nobody knows. A chip that cannot be
    /// told has class 0.
    pub(super) fn most_class(self, width: Width) -> Option<u8> {
        match self {
            Self::Ath9k => Some(ath9k_most_class(width)),
            Self::Ath10kWave2 => Some(0),
            Self::Mt76 => Some(u8::MAX),
            Self::Other => None,
        }
    }
}

/// The class of a distance: rounded up.
pub(super) fn coverage_class(distance_m: f64) -> u8 {
    // A cast of a float stays within the type.
    (distance_m / CLASS_M).ceil() as u8
}

/// The longest way of a class, metres.
pub(super) fn reach_m(class: u8) -> f64 {
    f64::from(class) * CLASS_M
}

/// A slot of contention in 5 GHz with this class, µs.
pub(super) fn slot_us(class: u8) -> f64 {
    9.0 + CLASS_US * f64::from(class)
}

/// What a radio waits with this class, µs: slot, SIFS, and what the slower clocks add (`ath9k/hw.c`).
pub(super) fn ack_timeout_us(class: u8, width: Width) -> f64 {
    base_us(width) + CLASS_US * f64::from(class)
}

fn base_us(width: Width) -> f64 {
    match width {
        Width::Mhz5 => 21.0 + 64.0 + 32.0,
        Width::Mhz10 => 13.0 + 32.0 + 16.0,
        Width::Mhz20 | Width::Mhz40 | Width::Mhz80 => 9.0 + 16.0,
    }
}

/// Ticks of the fast clock of 5 GHz in a microsecond, at most: what fills the register first.
fn ath9k_most_class(width: Width) -> u8 {
    let ticks_us = match width {
        Width::Mhz5 => 11.0,
        Width::Mhz10 => 22.0,
        Width::Mhz20 => 44.0,
        // What is wider than 40 MHz is ath10k's first wave, with the same register.
        Width::Mhz40 | Width::Mhz80 => 88.0,
    };
    ((ATH9K_TICKS / ticks_us - base_us(width)) / CLASS_US) as u8
}
