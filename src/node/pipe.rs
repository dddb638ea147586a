//! How fast a queue is whose rate nobody has given: nine tenths of what its radio link carries.
//!
//! Only a device with one link has such a rate: of several links each has its own, and one queue cannot have them all.
//! What leaves is what this end expects to get through, what arrives is what the far end says of itself. A rate is only moved
//! by more than a sixth, so that the weather does not make the queue anew each time it is looked at, and stays while
//! nothing is known: a link that is away for a minute comes back much as it was.

use super::Node;
use crate::base::time::Instant;
use crate::link::monitor::is_of;

/// What a queue can be: as `config queue` has it.
const LEAST_KBIT: u32 = 64;
const MOST_KBIT: u32 = 10_000_000;

impl Node {
    /// What the only radio link of a device carries now, in kbit/s: what leaves, and what arrives. None: nobody knows.
    pub fn carries_kbit(&self, now: Instant, device: &str) -> [Option<u32>; 2] {
        let mut links = self.monitor.links().iter().filter(|link| is_of(device, &link.interface));
        let (Some(link), None) = (links.next(), links.next()) else { return [None; 2] };
        if link.is_dead() {
            return [None; 2];
        }
        let far = self.far_end(now, link).unwrap_or_default().1.throughput_100kbit;
        let far_kbit =
            far.and_then(|hundreds| u32::try_from(hundreds).ok()).map(|far| far.saturating_mul(100));
        [link.quality.throughput_kbit(), far_kbit]
    }
}

/// The rate of a queue on a link that carries so much, after it was `held`.
pub fn followed_kbit(held: Option<u32>, carries_kbit: Option<u32>) -> Option<u32> {
    let Some(carries_kbit) = carries_kbit else { return held };
    let wanted = (carries_kbit / 10 * 9).clamp(LEAST_KBIT, MOST_KBIT);
    let is_near = held.is_some_and(|held| held.abs_diff(wanted) <= held / 6);
    if is_near { held } else { Some(wanted) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_follows_a_link_in_steps_and_stays_while_nothing_is_known() {
        let mut held = None;
        for (carries_kbit, rate) in [
            (None, None),
            (Some(20_000), Some(18_000)),
            // Weather.
            (Some(17_000), Some(18_000)),
            (Some(23_000), Some(18_000)),
            (Some(16_000), Some(14_400)),
            (None, Some(14_400)),
            (Some(6_000), Some(5_400)),
            (Some(0), Some(64)),
            (Some(70), Some(64)),
            (Some(100), Some(90)),
            (Some(u32::MAX), Some(10_000_000)),
        ] {
            held = followed_kbit(held, carries_kbit);
            assert_eq!(held, rate, "{carries_kbit:?}");
        }
    }
}
