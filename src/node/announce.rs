//! What this node announces, and whether there is a way outside.
//!
//! A prefix of ours is announced while the kernel has that very route or address; a default route
//! while the kernel has one through a configured uplink whose device is up. One that the provider gives for
//! packets from his own prefix only is announced like that (RFC 9079). So a gateway whose cable
//! was pulled stops to attract the village's traffic at once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Node;
use crate::base::address::{Prefix, PrefixPair};
use crate::base::time::Instant;

/// What was last announced, and the way outside that follows from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Uplink {
    /// What Babel was told to announce.
    announced: BTreeMap<PrefixPair, u16>,
    /// What the hotspot was told about the way outside; `None` when it must be told anew.
    told_up: Option<bool>,
}

/// A way outside, as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WayOut {
    /// The device.
    pub(super) device: String,
    /// Babel's metric; 0 on the gateway itself.
    pub(super) metric: u16,
}

impl Node {
    /// A hotspot that has just been made knows nothing of the way outside.
    pub(super) fn tell_uplink_again(&mut self) {
        self.uplink.told_up = None;
    }

    /// Tells Babel and the hotspot what follows from the kernel's routes, if it is anything new.
    pub(super) fn announce(&mut self, now: Instant) {
        let wanted = self.wanted();
        if wanted != self.uplink.announced {
            self.babel.handle_originated(now, &wanted);
            self.uplink.announced = wanted;
        }
        let up = self.way_out().is_some();
        if self.uplink.told_up != Some(up) {
            self.uplink.told_up = Some(up);
            if let Some(hotspot) = &mut self.hotspot {
                hotspot.handle_uplink(now, up);
            }
        }
    }

    /// The best way outside: the own uplink, else the default route that Babel chose.
    pub(super) fn way_out(&self) -> Option<WayOut> {
        let own = self.kernel_routes.iter().find(|route| self.is_live_default(&route.prefix, &route.device));
        if let Some(route) = own {
            return Some(WayOut { device: route.device.clone(), metric: 0 });
        }
        let defaults = [Prefix::DEFAULT_V4, Prefix::DEFAULT_V6];
        defaults.into_iter().find_map(|prefix| {
            let (interface, metric) = self.babel.way(prefix)?;
            Some(WayOut { device: self.device(interface), metric })
        })
    }

    /// The prefixes that this node announces now.
    pub fn announced(&self) -> impl Iterator<Item = PrefixPair> {
        self.uplink.announced.keys().copied()
    }

    fn wanted(&self) -> BTreeMap<PrefixPair, u16> {
        let exists = |prefix: &PrefixPair| {
            let plain = prefix.destination().into();
            self.kernel_routes.iter().any(|route| route.prefix == *prefix || route.prefix == plain)
        };
        let own = self.settings.announce.iter().filter(|announce| exists(&announce.prefix));
        let mut wanted: BTreeMap<PrefixPair, u16> =
            own.map(|announce| (announce.prefix, announce.metric)).collect();
        let defaults =
            self.kernel_routes.iter().filter(|route| self.is_live_default(&route.prefix, &route.device));
        wanted.extend(defaults.map(|route| (route.prefix, 0)));
        wanted
    }

    fn is_live_default(&self, prefix: &PrefixPair, device: &str) -> bool {
        prefix.is_default()
            && self.settings.uplinks.iter().any(|uplink| uplink == device)
            && self.interfaces.values().any(|status| status.name == device && status.up)
    }
}
