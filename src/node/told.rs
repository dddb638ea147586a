//! What this node tells of itself: its present router-id, and what it holds the time to be. A status is signed when
//! the node starts, slowly ever after, and when somebody still has another one of it; it is never written to flash.
//!
//! That last case is the one of a cold boot: the number of the first status may be lower than that of the run before,
//! of which the flash knows nothing. The neighbours hand over what they have, and the next one is numbered behind it.

use serde::{Deserialize, Serialize};

use super::Node;
use super::roaming::Roaming;
use super::vault::Vault;
use crate::babel::RouterId;
use crate::base::time::{Instant, Span};
use crate::ledger::body::Status;
use crate::ledger::{Body, RecordId};

/// When it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Told {
    next: Instant,
    last: Option<Instant>,
    pub(super) roaming: Roaming,
}

impl Node {
    pub(super) fn told_wake(&self) -> Option<Instant> {
        let devices = self.told.roaming.next_wake();
        self.ledger.own_member().map(|_| devices.map_or(self.told.next, |at| at.min(self.told.next)))
    }

    /// Tells how this node is, when it is time.
    pub(super) fn tell_status(&mut self, now: Instant, vault: &mut dyn Vault) {
        if self.told_wake().is_none_or(|at| at > now) {
            return;
        }
        self.told.roaming.forget(now);
        self.told.next = now + self.random.roughly(EACH);
        self.told.last = Some(now);
        let status = Status {
            router_id: self.babel.router_id().0,
            time: self.wall(now),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            close: self.ledger.closes().last().map(|(id, _)| *id),
            devices: self.told.roaming.told(),
            silent: Some(self.services.silent()).filter(|silent| !silent.is_empty()),
        };
        if let Some(record) = self.sign(now, Body::Status(Box::new(status)), vault) {
            self.push(&[record]);
        }
    }

    /// A status came in: if it is an old one of this node's own, it is time for a new one.
    pub(super) fn heard_status(&mut self, now: Instant, id: RecordId) {
        let Some(record) = self.ledger.record(id) else { return };
        if self.member_name(&record.author).is_some() {
            self.routed.handle_heard(now, record.author);
        }
        let Body::Status(status) = &record.body else { return };
        let (author, status) = (record.author, status.clone());
        if self.has_services() {
            self.look_at_rules(now, false);
        }
        self.hear_time(now, author, &status);
        if author == self.ledger.own_key() && status.router_id != self.babel.router_id().0 {
            // Somebody with the same keys would say the contrary each time.
            self.tell_status_soon();
        }
    }

    /// What is told has changed.
    pub(super) fn tell_status_soon(&mut self) {
        let soon = self.told.last.map_or(Instant::ZERO, |last| last + LEAST);
        self.told.next = self.told.next.min(soon);
    }

    /// The member whose status names a router.
    pub(super) fn member_of(&self, router_id: RouterId) -> Option<[u8; 32]> {
        let named = |(key, status): ([u8; 32], &Status)| (status.router_id == router_id.0).then_some(key);
        self.ledger.statuses().into_iter().find_map(named)
    }
}

/// Between two, as nothing changes.
const EACH: Span = Span::from_secs(600);
/// Between two in any case.
const LEAST: Span = Span::from_secs(5);
