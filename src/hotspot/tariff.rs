//! What a voucher gives.

use serde::{Deserialize, Serialize};

use crate::base::hours::Hours;
use crate::base::time::Span;

/// What was sold: how long, how fast, for how many devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tariff {
    /// Name of the plan, as shown on the portal.
    pub name: String,
    /// What runs out.
    pub measure: Measure,
    /// Devices at one time; the oldest yields.
    pub devices: u8,
    /// Limit towards the guest in kbit/s; 0 is none.
    pub rate_down_kbps: u32,
    /// Limit from the guest in kbit/s; 0 is none.
    pub rate_up_kbps: u32,
    /// The hours of the day at which it works; none is always.
    #[serde(default)]
    pub hours: Option<Hours>,
    /// Octets that may pass in both directions together; none is any amount.
    #[serde(default)]
    pub data_bytes: Option<u64>,
}

/// What runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Measure {
    /// Seconds of use, counted by the access node.
    UsedSeconds {
        /// How many were sold.
        seconds: u32,
        /// Days from the first use after which the rest is gone; 0 is never.
        within_days: u16,
    },
    /// Days from the first use.
    DaysFromFirstUse {
        /// How many were sold.
        days: u16,
    },
}

impl Measure {
    /// What is left after this much use, this long after the first use.
    pub fn left(self, used: Span, since_first_use: Span) -> Span {
        match self {
            Self::UsedSeconds { seconds, .. } => {
                let left = Span::from_secs(seconds.into()) - used;
                self.until_gone(since_first_use).map_or(left, |gone| left.min(gone))
            }
            Self::DaysFromFirstUse { .. } => self.until_gone(since_first_use).unwrap_or(Span::ZERO),
        }
    }

    /// How long the slow end is: five minutes, of a plan of less than an hour its last twelfth.
    pub fn slow_end(self) -> Span {
        match self {
            Self::UsedSeconds { seconds, .. } => SLOW_END.min(Span::from_secs(u64::from(seconds) / 12)),
            Self::DaysFromFirstUse { .. } => SLOW_END,
        }
    }

    /// Time until its days are over, if it has any. They go by whether it is used or not.
    pub fn until_gone(self, since_first_use: Span) -> Option<Span> {
        let (Self::UsedSeconds { within_days: days, .. } | Self::DaysFromFirstUse { days }) = self;
        (days > 0 || matches!(self, Self::DaysFromFirstUse { .. }))
            .then(|| Span::from_secs(u64::from(days) * 86_400) - since_first_use)
    }
}

/// Before a plan ends it is slow, so that nothing is cut off in the middle of a sentence.
const SLOW_END: Span = Span::from_secs(300);

/// What the ledger knows about a voucher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum VoucherState {
    /// No lot that counts holds it.
    Unknown,
    /// It was taken back.
    Revoked,
    /// Devices have taken each other's place on it as often as they may today.
    Moved,
    /// It was sold, and this is what it gives. It may be used up.
    Good(Allowance),
}

/// What a voucher gives, and what the village knows to be taken from it already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowance {
    /// What was sold, extensions included.
    pub tariff: Tariff,
    /// Seconds of use on all nodes, this one included.
    pub used_s: u64,
    /// The part of `used_s` that this node has counted: the last [`Used`](super::output::Output::Used)
    /// that the ledger kept. A session that has counted further goes by its own figure.
    pub used_here_s: u64,
    /// Octets from guests that this node has counted, as of the same report.
    pub up_bytes_here: u64,
    /// Octets to guests that this node has counted, as of the same report.
    pub down_bytes_here: u64,
    /// Octets in both directions that other nodes have counted.
    pub bytes_elsewhere: u64,
    /// Seconds since the first use anywhere; `None` if nobody has seen one.
    pub since_first_use_s: Option<u64>,
    /// Whether `since_first_use_s` comes from clocks of good quality. Then it replaces what the node
    /// has counted, be that more or less; otherwise the larger of the two counts.
    pub begin_is_good: bool,
}

impl Allowance {
    /// Of a voucher that nobody has used.
    pub const fn unused(tariff: Tariff) -> Self {
        Self {
            tariff,
            used_s: 0,
            used_here_s: 0,
            up_bytes_here: 0,
            down_bytes_here: 0,
            bytes_elsewhere: 0,
            since_first_use_s: None,
            begin_is_good: false,
        }
    }

    /// Whether nothing is left, so long after the first use.
    pub fn is_spent(&self, since_first_use: Span) -> bool {
        let here = self.up_bytes_here.saturating_add(self.down_bytes_here);
        let used = here.saturating_add(self.bytes_elsewhere);
        self.tariff.measure.left(Span::from_secs(self.used_s), since_first_use) == Span::ZERO
            || self.tariff.data_bytes.is_some_and(|data| used >= data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_never_goes_below_nothing() {
        let hour = Measure::UsedSeconds { seconds: 3_600, within_days: 0 };
        assert_eq!(hour.left(Span::from_secs(600), Span::from_secs(1 << 40)), Span::from_secs(3_000));
        assert_eq!(hour.left(Span::from_secs(3_601), Span::ZERO), Span::ZERO);
        let month = Measure::DaysFromFirstUse { days: 30 };
        assert_eq!(
            month.left(Span::from_secs(1 << 40), Span::from_secs(86_400)),
            Span::from_secs(29 * 86_400)
        );
        assert_eq!(month.left(Span::ZERO, Span::from_secs(30 * 86_400)), Span::ZERO);
    }

    #[test]
    fn an_hour_within_days_ends_with_whichever_ends_first() {
        let hour = Measure::UsedSeconds { seconds: 3_600, within_days: 2 };
        let day = Span::from_secs(86_400);
        assert_eq!(hour.left(Span::from_secs(600), day), Span::from_secs(3_000));
        assert_eq!(hour.left(Span::ZERO, Span::from_secs(2 * 86_400 - 60)), Span::from_secs(60));
        assert_eq!(hour.left(Span::ZERO, day + day), Span::ZERO);
        assert_eq!(hour.until_gone(day), Some(day));
        assert_eq!(Measure::UsedSeconds { seconds: 1, within_days: 0 }.until_gone(day), None);
        assert_eq!(Measure::DaysFromFirstUse { days: 0 }.left(Span::ZERO, day), Span::ZERO);
    }
}
