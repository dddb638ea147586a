//! A cold boot takes back what the run before announced (RFC 8966 4.6.9: a retraction of everything).
//!
//! A neighbour that did not notice our absence still has its old ways through us, and may offer them to us
//! as its own: packets would go round. The first three Hellos say the retraction to all; whoever missed
//! them is told alone, together with a request for an acknowledgment (3.3, 4.6.3) and with all that we
//! announce now, until the answer comes.

use serde::{Deserialize, Serialize};

use super::engine::{Engine, retract_all};
use super::interface::{RETRACTIONS, URGENT};
use super::neighbour::NeighbourId;
use super::send::promised;
use super::settings::InterfaceSettings;
use super::timer::Timer;
use super::wire::tlv::Tlv;
use crate::base::address::InterfaceIndex;
use crate::base::time::{Instant, Span};

/// A neighbour that has not said yet that it heard the retraction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Disowning {
    /// What its acknowledgment will say.
    opaque: u16,
    tries: u8,
    /// When it is told, or told again.
    due: Instant,
}

/// What an interface must say because of a cold boot, and until when neighbours may remember.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ColdStart {
    /// Neighbours' old routes through us are over by then; `None` before the interface has spoken.
    until: Option<Instant>,
}

impl ColdStart {
    /// The interface starts to speak; how many of its first Hellos take back everything.
    pub(super) fn begin(&mut self, now: Instant, settings: Option<&InterfaceSettings>) -> u8 {
        if self.until.is_some() {
            return 0;
        }
        // RFC 8966 appendix B: a route that is not repeated expires after 3.5 update intervals.
        let interval = settings.map_or(Span::ZERO, |settings| promised(settings.update_interval));
        self.until = Some(now + interval.scaled(7, 2));
        RETRACTIONS
    }

    /// There was a run before that went on forwarding: nothing is to be taken back.
    pub(super) fn spare(&mut self, now: Instant) {
        self.until.get_or_insert(now);
    }
}

impl Engine {
    /// A neighbour was met: if this is soon after a cold boot, it is told that the past is void.
    pub(super) fn disown(&mut self, now: Instant, id: NeighbourId, interface: InterfaceIndex) {
        let until = self.interfaces.get(&interface).and_then(|found| found.cold_start.until);
        if until.is_none_or(|until| until <= now) {
            return;
        }
        let opaque = u16::try_from(self.random.below(0x1_0000)).unwrap_or(0);
        let due = now + self.random.span(URGENT);
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        neighbour.disowning = Some(Disowning { opaque, tries: 0, due });
        self.timers.set(Timer::Disown(id), None, Some(due));
    }

    pub(super) fn disown_due(&mut self, now: Instant, id: NeighbourId) {
        let seqno = self.seqno;
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        let Some(disowning) = &mut neighbour.disowning else { return };
        if disowning.tries >= TRIES {
            // It speaks no acknowledgments, or does not hear us at all: its routes expire.
            neighbour.disowning = None;
            return;
        }
        disowning.tries += 1;
        disowning.due = now + AGAIN;
        let (opaque, due) = (disowning.opaque, disowning.due);
        let request = Tlv::AckRequest { opaque, interval_cs: AGAIN.as_centis() };
        // Both stand first in one packet, so that an acknowledgment is one of the retraction.
        neighbour.outbox.push_first([request, retract_all(seqno)], now);
        neighbour.outbox.start_dump_now(now);
        self.timers.set(Timer::Disown(id), None, Some(due));
    }

    /// An acknowledgment came: RFC 8966 3.3.
    pub(super) fn acknowledged(&mut self, id: NeighbourId, opaque: u16) {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        if let Some(disowning) = neighbour.disowning.filter(|waiting| waiting.opaque == opaque) {
            neighbour.disowning = None;
            self.timers.set(Timer::Disown(id), Some(disowning.due), None);
        }
    }
}

impl Disowning {
    /// When its timer is due.
    pub(super) const fn due(&self) -> Instant {
        self.due
    }
}

/// An answer takes a tenth of this.
const AGAIN: Span = Span::from_millis(500);
/// On a link that loses 60 % each way, with the three that went to all, one boot in 300 is not heard.
const TRIES: u8 = 8;
