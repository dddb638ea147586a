//! Changes that the kernel refused: tried again, one by one, ever later, and in the end left alone.
//!
//! Leaving alone is safe both ways: an `Admit` is renewed at a third of its lease anyway, a device that
//! should have been dismissed is ended by the kernel with its lease.

use serde::{Deserialize, Serialize};

use super::output::ClientId;
use crate::base::address::MacAddress;
use crate::base::limit::HOTSPOT_REFUSED;
use crate::base::random::Random;
use crate::base::time::{Instant, Span};

/// Attempts until a change is left alone: 1 + 2 + 4 + ... + 64 s are about two minutes.
const ATTEMPTS: u32 = 7;
/// A change that was not refused again within this time was accepted.
const ACCEPTED_AFTER: Span = Span::from_secs(30);

/// The refused change of one device. What the change is comes from the sessions, when its time comes:
/// the latest wish counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    mac: MacAddress,
    client: ClientId,
    attempts: u32,
    /// When it is tried again; `None` after that, until it is forgotten.
    due: Option<Instant>,
    forget: Instant,
}

/// All refused changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Refused {
    entries: Vec<Entry>,
}

impl Refused {
    /// A change was refused. False if it is given up.
    pub(crate) fn add(
        &mut self,
        now: Instant,
        mac: MacAddress,
        client: ClientId,
        random: &mut Random,
    ) -> bool {
        let known = self.entries.iter().position(|entry| entry.mac == mac && entry.client == client);
        let index = match known {
            Some(index) => index,
            None if self.entries.len() < HOTSPOT_REFUSED => {
                self.entries.push(Entry { mac, client, attempts: 0, due: None, forget: now });
                self.entries.len() - 1
            }
            None => return false,
        };
        let entry = &mut self.entries[index];
        if entry.attempts >= ATTEMPTS {
            self.entries.remove(index);
            return false;
        }
        let delay = random.roughly(Span::from_secs(1 << entry.attempts));
        entry.attempts += 1;
        entry.due = Some(now + delay);
        entry.forget = now + delay + ACCEPTED_AFTER;
        true
    }

    /// The changes whose time has come.
    pub(crate) fn due(&mut self, now: Instant) -> Vec<(MacAddress, ClientId)> {
        self.entries.retain(|entry| entry.due.is_some() || now < entry.forget);
        let mut due = Vec::new();
        for entry in &mut self.entries {
            if entry.due.is_some_and(|due| due <= now) {
                entry.due = None;
                due.push((entry.mac, entry.client));
            }
        }
        due
    }

    /// When [`due`](Self::due) has something to do.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.entries.iter().map(|entry| entry.due.unwrap_or(entry.forget)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);

    #[test]
    fn a_change_is_tried_ever_later_and_then_left_alone() {
        let (mut refused, mut random) = (Refused::default(), Random::new(1));
        let mut now = Instant::ZERO;
        let mut attempts = 0;
        while refused.add(now, MAC, ClientId(1), &mut random) {
            let due = refused.next_wake().unwrap();
            assert!(refused.due(now).is_empty());
            now = due;
            assert_eq!(refused.due(now), [(MAC, ClientId(1))]);
            assert!(refused.due(now).is_empty());
            attempts += 1;
        }
        assert_eq!(attempts, ATTEMPTS);
        assert!(now > Instant::from_millis(90_000) && now < Instant::from_millis(160_000), "{now}");
        assert_eq!(refused, Refused::default());
    }

    #[test]
    fn an_accepted_change_is_forgotten_and_the_table_is_bounded() {
        let (mut refused, mut random) = (Refused::default(), Random::new(1));
        for number in 0..2_000u32 {
            let [a, b, c, d] = number.to_be_bytes();
            let kept = refused.add(Instant::ZERO, MacAddress([2, 0, a, b, c, d]), ClientId(1), &mut random);
            assert_eq!(kept, (number as usize) < HOTSPOT_REFUSED);
        }
        assert_eq!(refused.due(Instant::from_millis(2_000)).len(), HOTSPOT_REFUSED);
        let end = Instant::from_millis(60_000);
        assert!(refused.due(end).is_empty());
        assert_eq!(refused.next_wake(), None);
    }
}
