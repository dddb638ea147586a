//! Deadlines of things that are many: each stands in one ordered set, so that a wake-up looks at what
//! is due and at nothing else.

use serde::{Deserialize, Serialize};

use crate::base::sorted::LargeSet;

use super::neighbour::NeighbourId;
use super::router_id::RouterId;
use crate::base::address::PrefixPair;
use crate::base::time::Instant;

/// What has a deadline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Timer {
    /// A better route has been better for long enough.
    Switch(PrefixPair),
    /// A lost destination has been unreachable for long enough.
    Hold(PrefixPair),
    /// The kernel refused a route: tell it again.
    Kernel(PrefixPair),
    /// A seqno request was not answered.
    Request(PrefixPair, RouterId),
    /// The doubt after a restart changes.
    Doubt,
    /// A neighbour did not acknowledge that the past is void.
    Disown(NeighbourId),
}

/// The ordered set. Whoever owns a deadline keeps a copy of it, to take it out again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Timers {
    set: LargeSet<(Instant, Timer)>,
}

impl Timers {
    /// Moves a deadline from where it was to where it shall be.
    pub(super) fn set(&mut self, timer: Timer, was: Option<Instant>, shall: Option<Instant>) {
        if let Some(was) = was {
            self.set.remove(&(was, timer));
        }
        if let Some(shall) = shall {
            self.set.insert((shall, timer));
        }
    }

    /// Takes out the earliest deadline that has passed.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Timer> {
        let (due, timer) = *self.set.first()?;
        if due > now {
            return None;
        }
        self.set.pop_first();
        Some(timer)
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.set.first().map(|(due, _)| *due)
    }
}
