//! Time as the cores know it: a number that comes in as an argument.
//!
//! [`Instant`] is monotonic time since an arbitrary start, [`Span`] a length of it; both count
//! microseconds, because Babel's timestamps do (RFC 9616). [`WallTime`] is what somebody claims the
//! calendar says, together with how far that claim can be trusted: a node has no clock battery.
//! All arithmetic saturates: a wrong timestamp makes a wrong figure, never a panic.

use std::fmt;
use std::ops::{Add, Sub};

use serde::{Deserialize, Serialize};

/// A point of monotonic time, in microseconds since an arbitrary start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Instant(u64);

/// A length of time, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Span(u64);

impl Instant {
    /// The start of time. Tests begin here.
    pub const ZERO: Self = Self(0);

    /// The instant `micros` microseconds after the start.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// The instant `millis` milliseconds after the start.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// Microseconds since the start.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the start.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// Time that passed since `earlier`; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Self = Self(0);

    /// A span of `micros` microseconds.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// A span of `millis` milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// A span of `secs` seconds.
    pub const fn from_secs(secs: u64) -> Self {
        Self(secs.saturating_mul(1_000_000))
    }

    /// A span of `centis` centiseconds, the unit of every interval on Babel's wire.
    pub const fn from_centis(centis: u16) -> Self {
        Self(centis as u64 * 10_000)
    }

    /// Microseconds.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Whole milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// Whole seconds.
    pub const fn as_secs(self) -> u64 {
        self.0 / 1_000_000
    }

    /// Centiseconds for Babel's wire, rounded down, between 1 and 65,534 (0xFFFF means "never again").
    pub fn as_centis(self) -> u16 {
        u16::try_from((self.0 / 10_000).clamp(1, 65_534)).unwrap_or(65_534)
    }

    /// This span `numerator / denominator` times; saturates, and a zero denominator counts as 1.
    pub const fn scaled(self, numerator: u64, denominator: u64) -> Self {
        let denominator = if denominator == 0 { 1 } else { denominator };
        Self(self.0.saturating_mul(numerator) / denominator)
    }
}

impl Add<Span> for Instant {
    type Output = Self;
    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add(span.0))
    }
}

impl Sub<Span> for Instant {
    type Output = Self;
    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub(span.0))
    }
}

impl Add for Span {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Span {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{:03} s", self.0 / 1_000_000, self.as_millis() % 1_000)
    }
}

impl fmt::Display for Span {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0..1_000_000 => write!(formatter, "{} ms", self.as_millis()),
            _ => write!(formatter, "{}.{:01} s", self.0 / 1_000_000, self.0 / 100_000 % 10),
        }
    }
}

/// How far a claim about the calendar can be trusted (`docs/ledger.md`, "Time without clocks").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TimeQuality {
    /// Nobody vouches for it: the build date, or a clock that ran on after a power cut.
    #[default]
    Stale,
    /// A logged-in caretaker's browser offered it.
    Caretaker,
    /// The median of what members with the role `clock` say.
    Mesh,
    /// The kernel says that it is synchronised (NTP).
    Trusted,
}

/// What the calendar says, and who says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WallTime {
    /// Seconds since 1970-01-01 UTC.
    pub unix_s: u64,
    /// Whether it may be believed.
    pub quality: TimeQuality,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_saturates_instead_of_panicking() {
        assert_eq!(Instant::ZERO - Span::from_secs(1), Instant::ZERO);
        assert_eq!(Instant::from_micros(u64::MAX) + Span::from_secs(1), Instant::from_micros(u64::MAX));
        assert_eq!(Instant::ZERO.since(Instant::from_millis(5)), Span::ZERO);
        assert_eq!(Span::from_secs(7).scaled(1, 0), Span::from_secs(7));
    }

    #[test]
    fn centiseconds_never_say_never_nor_zero() {
        assert_eq!(Span::ZERO.as_centis(), 1);
        assert_eq!(Span::from_secs(4).as_centis(), 400);
        assert_eq!(Span::from_secs(100_000).as_centis(), 65_534);
    }
}
