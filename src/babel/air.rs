//! What somebody else knows about the link to a neighbour: the radio that carries it, or whoever sends probes.
//!
//! It is local policy and stays here (RFC 8966 A.2: how costs are computed is each router's own): what we tell in our
//! IHUs is what is received, as ever, so that a peer of any make sees nothing unusual. The Hellos to one neighbour alone
//! are those of RFC 8966 3.4.1, kept as regularly as the others; what fills them is padding (4.6.2).

use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use super::engine::Engine;
use super::neighbour::Neighbour;
use crate::base::address::InterfaceIndex;
use crate::base::limit::BABEL_AIRS;
use crate::base::time::Instant;

/// What is known about one link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Air {
    /// What a packet costs if none is lost; `None`: the nominal cost.
    pub cost: Option<u16>,
    /// Nothing arrives there: no packet is to go that way, whatever is heard.
    pub is_dead: bool,
    /// Octets that a Hello to this neighbour alone has at least; `None`: there are no such Hellos.
    pub hello_bytes: Option<u16>,
}

impl Engine {
    /// What is known about the link to a neighbour, whether it was met yet or not. One that dies is lost at once.
    pub fn handle_air(&mut self, now: Instant, interface: InterfaceIndex, address: Ipv6Addr, air: Air) {
        let key = (interface, address);
        if !self.airs.contains_key(&key) && self.airs.len() >= BABEL_AIRS {
            let met = |key: &(InterfaceIndex, Ipv6Addr)| self.known_neighbour(key.0, key.1).is_some();
            let Some(idle) = self.airs.keys().find(|key| !met(key)).copied() else { return };
            self.airs.remove(&idle);
        }
        // Nothing is nothing to be remembered.
        let is_nothing = air == Air::default();
        let before = if is_nothing { self.airs.remove(&key) } else { self.airs.insert(key, air) };
        let before = before.unwrap_or_default();
        if before == air {
            return;
        }
        if let Some(id) = self.known_neighbour(interface, address) {
            if air.is_dead && !before.is_dead {
                self.lose_neighbour(now, id);
            } else if let Some(neighbour) = self.neighbours.get_mut(&id) {
                neighbour.air = air;
                self.refresh_cost(now, id);
            }
        }
        self.flush_changes();
    }

    /// How many Hellos to us alone came from a neighbour, and how many should have, since it was met.
    pub fn hellos_alone(&self, interface: InterfaceIndex, address: Ipv6Addr) -> Option<(u32, u32)> {
        let id = self.known_neighbour(interface, address)?;
        self.neighbours.get(&id).map(|neighbour| neighbour.unicast.counted())
    }

    /// The interface is gone: its links are.
    pub(super) fn forget_airs(&mut self, index: InterfaceIndex) {
        self.airs.retain(|(interface, _), _| *interface != index);
    }
}

impl Neighbour {
    /// What a packet costs over a link of this cost, when some are lost: `transmissions` of a link whose nominal cost is
    /// `nominal`. Four times is as bad as it gets: what is worse is dead soon.
    pub(super) fn cost_of_air(cost: u16, transmissions: u16, nominal: u16) -> u16 {
        let (cost, nominal) = (u32::from(cost), u32::from(nominal.max(1)));
        let whole = cost * u32::from(transmissions).clamp(nominal, nominal * WORST) / nominal;
        u16::try_from(whole).unwrap_or(MOST).min(MOST)
    }
}

const WORST: u32 = 4;
/// The largest cost that is not infinite.
const MOST: u16 = u16::MAX - 1;
