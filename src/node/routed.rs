//! Members that are routed and no neighbours: a node behind routers of others, which speak Babel and know no ledger, has
//! nobody to exchange records with on its links. Whoever is silent for long, and to whose own address there is a route, is
//! dialled there, by whoever of the two has the lower key; one session makes two islands one, since a status that comes
//! by it says that its author is reached.

use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::{Node, plan};
use crate::base::address::Prefix;
use crate::base::limit::SYNC_ROUTED;
use crate::base::sorted::SortedMap;
use crate::base::time::{Instant, Span};

/// Who was heard, by whatever way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Routed {
    heard: SortedMap<[u8; 32], Instant>,
    look_at: Instant,
}

impl Routed {
    /// A member's status came.
    pub(super) fn handle_heard(&mut self, now: Instant, author: [u8; 32]) {
        self.heard.insert(author, now);
    }
}

impl Node {
    pub(super) fn routed_wake(&self) -> Option<Instant> {
        self.ledger.own_member().map(|_| self.routed.look_at)
    }

    /// Names the members that should be dialled over a route, and those with whom that stands already.
    pub(super) fn look_for_routed(&mut self, now: Instant) {
        if self.routed_wake().is_none_or(|at| at > now) {
            return;
        }
        self.routed.look_at = now + LOOK;
        let Some(charter) = self.ledger.charter() else { return };
        let has_session = |key: &[u8; 32]| {
            self.sync.peers().any(|peer| peer.member == Some(*key) && peer.place.is_routed())
        };
        let mut found = Vec::new();
        for state in self.ledger.members().filter(|state| state.member.key != self.ledger.own_key()) {
            let key = state.member.key;
            let Some(address) =
                plan::address(charter, state).filter(|_| self.is_silent(now, &key) || has_session(&key))
            else {
                continue;
            };
            let host = Prefix::new(IpAddr::V6(address), 128);
            let is_routed = self.babel.selected().any(|(prefix, ..)| Some(prefix.destination()) == host);
            if is_routed && found.len() < SYNC_ROUTED {
                found.push((key, address));
            }
        }
        self.sync.handle_routed(now, &found, &self.ledger);
    }

    /// Whether nothing was heard of a member for so long that it is dead, or behind a split.
    pub(super) fn is_silent(&self, now: Instant, key: &[u8; 32]) -> bool {
        let heard = self.routed.heard.get(key);
        heard.map_or(self.started + GRACE, |at| *at + SILENT) <= now
    }

    /// Where the community's nodes have their own addresses, and the one of this node.
    pub fn own_places(&self) -> Option<(Prefix, Ipv6Addr)> {
        let charter = self.ledger.charter()?;
        let own = plan::address(charter, self.ledger.own_state()?)?;
        Some((Prefix::new(IpAddr::V6(own), 64)?, own))
    }
}

/// Between two looks: sooner than a node that was named is forgotten.
const LOOK: Span = Span::from_secs(20);
/// After a start neighbours come first.
const GRACE: Span = Span::from_secs(30);
/// A member says how it is each ten minutes: of this one the mesh has heard nothing twice.
const SILENT: Span = Span::from_secs(1_500);
