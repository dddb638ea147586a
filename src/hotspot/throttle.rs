//! How often a device may try a code: delayed, never locked out (`docs/ledger.md`, "Voucher codes").
//!
//! A device has [`BURST`] tries at once and gets one back every [`SPACING`]: never more than ten in any
//! minute. The table forgets who may try freely anyway; when it is full of others, it forgets the one
//! that would have been free soonest. A station that changes its MAC all the time only pushes out such
//! entries: it can make others freer, never slower.

use serde::{Deserialize, Serialize};

use crate::base::sorted::SortedMap;

use crate::base::address::MacAddress;
use crate::base::limit::HOTSPOT_TRIES;
use crate::base::time::{Instant, Span};

/// Tries at once.
const BURST: u64 = 5;
/// Time until a try comes back: 5 at once and 5 more within a minute are 10.
const SPACING: Span = Span::from_secs(12);

/// The tries of devices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tries {
    /// When a device has all its tries again, and the number of its entry: MACs have no order here.
    devices: SortedMap<MacAddress, (Instant, u64)>,
    next: u64,
}

impl Tries {
    /// Takes one try of `mac`; or the time to wait for one.
    pub(crate) fn take(&mut self, now: Instant, mac: MacAddress) -> Result<(), Span> {
        let known = self.devices.get(&mac).copied();
        let whole_at = known.map_or(now, |(whole_at, _)| whole_at.max(now));
        let latest = now + SPACING.scaled(BURST - 1, 1);
        if whole_at > latest {
            return Err(whole_at.since(latest));
        }
        if known.is_none() {
            self.make_room(now);
            self.next = self.next.wrapping_add(1);
        }
        let number = known.map_or(self.next, |(_, number)| number);
        self.devices.insert(mac, (whole_at + SPACING, number));
        Ok(())
    }

    fn make_room(&mut self, now: Instant) {
        if self.devices.len() < HOTSPOT_TRIES {
            return;
        }
        self.devices.retain(|_, (whole_at, _)| *whole_at > now);
        if self.devices.len() >= HOTSPOT_TRIES
            && let Some(soonest) = self.devices.iter().min_by_key(|(_, entry)| **entry).map(|(mac, _)| *mac)
        {
            self.devices.remove(&soonest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mac(number: u32) -> MacAddress {
        let [a, b, c, d] = number.to_be_bytes();
        MacAddress([2, 0, a, b, c, d])
    }

    #[test]
    fn never_more_than_ten_tries_in_any_minute() {
        let mut tries = Tries::default();
        let mut taken = Vec::new();
        for second in 0..600 {
            let now = Instant::from_millis(second * 1_000);
            while tries.take(now, mac(1)).is_ok() {
                taken.push(now);
            }
        }
        assert!(taken.len() >= 50, "{}", taken.len());
        for (index, first) in taken.iter().enumerate() {
            let within = taken[index..].iter().filter(|at| at.since(*first) < Span::from_secs(60)).count();
            assert!(within <= 10, "{within}");
        }
    }

    #[test]
    fn the_wait_that_is_told_is_enough_and_not_too_long() {
        let mut tries = Tries::default();
        let now = Instant::from_millis(5_000);
        let wait = loop {
            if let Err(wait) = tries.take(now, mac(1)) {
                break wait;
            }
        };
        assert_eq!(wait, SPACING);
        assert!(tries.clone().take(now + wait - Span::from_millis(1), mac(1)).is_err());
        assert_eq!(tries.take(now + wait, mac(1)), Ok(()));
        assert_eq!(tries.take(now, mac(2)), Ok(()), "another device does not wait");
    }

    #[test]
    fn a_flood_of_macs_fills_no_memory_and_slows_nobody() {
        let mut tries = Tries::default();
        for number in 0..10_000 {
            assert_eq!(tries.take(Instant::from_millis(number.into()), mac(number)), Ok(()));
            assert!(tries.devices.len() <= HOTSPOT_TRIES);
        }
        // One that is about to be delayed is not forgotten for those that would be free sooner.
        let now = Instant::from_millis(10_000);
        while tries.take(now, mac(7)).is_ok() {}
        for number in 20_000..21_000 {
            assert_eq!(tries.take(now, mac(number)), Ok(()));
        }
        assert!(tries.take(now, mac(7)).is_err());
    }
}
