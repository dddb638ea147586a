//! What people may see of the exchange: with whom, how much, and who was turned away.

use serde::{Deserialize, Serialize};

use super::stream::Stream;
use super::{Place, StreamId, Sync};
use crate::base::limit;
use crate::base::time::Instant;

/// What was turned away since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Streams of those who are no members.
    pub strangers: u32,
    /// Messages that made no sense; their streams were closed.
    pub nonsense: u32,
    /// Records that were altered, forged, of another community, or for which there was no room.
    pub refused_records: u32,
    /// Records that came from others and are kept.
    pub taken_records: u32,
    /// Beacons and streams for which there was no room.
    pub full: u32,
    /// Records that were not taken because their author says too much: they wait where they are.
    pub waiting_records: u32,
}

/// Why a stream was ended, or not begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// Whoever is there is no member, or an expelled one.
    Stranger,
    /// What it says makes no sense.
    Nonsense,
    /// It was expelled while the stream stood.
    Expelled,
    /// It did not say who it is, or was not heard any more.
    Silent,
    /// There are as many as there may be.
    Full,
}

/// Somebody who was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refused {
    /// Where it is.
    pub place: Place,
    /// Why.
    pub why: Why,
    /// When.
    pub at: Instant,
}

/// A neighbour in the ledger's exchange, to look at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerReport {
    /// Where it is.
    pub place: Place,
    /// Its key, once it has proved to be a member.
    pub member: Option<[u8; 32]>,
    /// Since when.
    pub since: Instant,
    /// Records that it was sent.
    pub sent: u32,
    /// Records that it sent.
    pub received: u32,
    /// When both sets were last compared to the end.
    pub compared: Option<Instant>,
    /// Records that we still have to send.
    pub to_send: usize,
    /// Records of it that wait to be verified.
    pub unread: usize,
    /// Whether both sets were compared and nothing is under way.
    pub even: bool,
}

impl Why {
    /// The word for programs (`docs/ubus.md`).
    pub const fn code(self) -> &'static str {
        match self {
            Self::Stranger => "stranger",
            Self::Nonsense => "nonsense",
            Self::Expelled => "expelled",
            Self::Silent => "silent",
            Self::Full => "full",
        }
    }
}

impl Sync {
    /// What was turned away.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Authors who said more in the last hour than is taken of one; `None` are those who are no members.
    pub fn too_much(&self) -> impl Iterator<Item = Option<[u8; 32]>> {
        self.intake.waiting()
    }

    /// Those who were turned away last, the newest at the end.
    pub fn refused(&self) -> impl Iterator<Item = &Refused> {
        self.refused.iter()
    }

    /// The neighbours with which records are exchanged.
    pub fn peers(&self) -> impl Iterator<Item = PeerReport> {
        self.streams.values().map(Stream::report)
    }

    /// Ends a stream for a reason that a person may want to know.
    pub(super) fn turn_away(&mut self, now: Instant, id: StreamId, why: Why) {
        match why {
            Why::Stranger => self.counters.strangers = self.counters.strangers.saturating_add(1),
            Why::Nonsense => self.counters.nonsense = self.counters.nonsense.saturating_add(1),
            Why::Expelled | Why::Silent | Why::Full => {}
        }
        if let Some(place) = self.streams.get(&id).map(|stream| stream.link.place) {
            self.refuse(now, place, why);
        }
        self.close(now, id);
    }

    pub(super) fn refuse(&mut self, now: Instant, place: Place, why: Why) {
        // Who comes again and again stands here once.
        self.refused.retain(|one| (one.place, one.why) != (place, why));
        if self.refused.len() >= limit::SYNC_REFUSED {
            self.refused.pop_front();
        }
        self.refused.push_back(Refused { place, why, at: now });
    }
}
