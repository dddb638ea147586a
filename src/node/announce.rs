//! What this node announces, and whether there is a way outside.
//!
//! A prefix of ours is announced while the kernel has that very route or address; a default route
//! while the kernel has one through a configured uplink that works (`uplinks.rs`). One that the provider
//! gives for packets from his own prefix only is announced like that (RFC 9079). So a gateway whose cable
//! was pulled, or whose provider is gone, stops to attract the village's traffic.

use serde::{Deserialize, Serialize};

use crate::base::sorted::SortedMap;

use super::Node;
use super::output::{NoteLevel, Output};
use super::settings::Redistribute;
use super::uplinks::{Step, Way};
use crate::base::address::{Prefix, PrefixPair};
use crate::base::time::Instant;

/// What was last announced, and the way outside that follows from it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Uplink {
    /// What Babel was told to announce.
    announced: SortedMap<PrefixPair, u16>,
    /// What `config filter` takes from the kernel; of these, what is announced otherwise starts as that says.
    redistributed: SortedMap<PrefixPair, u16>,
    /// It is another than Babel was told.
    is_news: bool,
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
    /// Whether it is an uplink of this node.
    pub(super) own: bool,
}

impl Node {
    /// A hotspot that has just been made knows nothing of the way outside.
    pub(super) fn tell_uplink_again(&mut self) {
        self.uplink.told_up = None;
    }

    /// Tells Babel and the hotspot what follows from the kernel's routes and from what the outside
    /// answered, if it is anything new.
    pub(super) fn announce(&mut self, now: Instant) {
        self.look_at_meters(now);
        self.watch_uplinks(now);
        let wanted = self.wanted();
        if wanted != self.uplink.announced || self.uplink.is_news {
            self.uplink.is_news = false;
            self.uplink.announced = wanted;
            let mut all = self.uplink.redistributed.clone();
            all.extend(self.uplink.announced.iter().map(|(prefix, metric)| (*prefix, *metric)));
            self.babel.handle_originated(now, &all);
        }
        let up = self.way_out().is_some();
        self.outside.handle_state(now, up);
        self.measure_outside(now);
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
            return Some(WayOut { device: route.device.clone(), metric: 0, own: true });
        }
        let defaults = [Prefix::DEFAULT_V4, Prefix::DEFAULT_V6];
        defaults.into_iter().find_map(|prefix| {
            let (interface, metric) = self.babel.way(prefix)?;
            Some(WayOut { device: self.device(interface), metric, own: false })
        })
    }

    /// The device of the way outside, if there is one.
    pub fn outside_through(&self) -> Option<String> {
        self.way_out().map(|way| way.device)
    }

    /// The prefixes that this node announces now.
    pub fn announced(&self) -> impl Iterator<Item = PrefixPair> {
        let (announced, redistributed) = (&self.uplink.announced, &self.uplink.redistributed);
        let others = redistributed.keys().filter(|prefix| !announced.contains_key(prefix));
        announced.keys().chain(others).copied()
    }

    /// The kernel's routes or the filters changed: which of the routes are announced. These may be thousands, so
    /// that nothing else asks for it.
    pub(super) fn redistribute(&mut self) {
        let mut chosen = SortedMap::new();
        for route in &self.kernel_routes {
            let fits = |rule: &&Redistribute| {
                rule.routes.fits(&route.prefix, &route.device)
                    && rule.protocol.is_none_or(|protocol| protocol == route.protocol)
                    && rule.table.is_none_or(|table| table == route.table)
            };
            if let Some(metric) = self.settings.redistribute.iter().find(fits).and_then(|rule| rule.metric) {
                let least = chosen.entry(route.prefix).or_insert(metric);
                *least = metric.min(*least);
            }
        }
        self.uplink.is_news |= chosen != self.uplink.redistributed;
        self.uplink.redistributed = chosen;
    }

    /// Looks which uplinks work, and asks what must be known for it.
    fn watch_uplinks(&mut self, now: Instant) {
        // One family may follow the other: after a turn all are looked at again.
        for _ in 0..2 {
            let Self { watches, meters, settings, kernel_routes, interfaces, .. } = self;
            let usable = |way: &Way| {
                kernel_routes.iter().any(|route| {
                    route.device == way.device
                        && route.prefix.is_default()
                        && route.prefix.is_ipv4() == way.ipv4
                }) && interfaces.values().any(|status| status.name == way.device && status.up)
            };
            let mut turned = false;
            for step in watches.look(now, &settings.uplinks, |device| meters.is_shut(device), usable) {
                match step {
                    Step::Ask(probe) => self.outputs.push_back(Output::Probe(probe)),
                    Step::Turned { way, up, why } => {
                        turned = true;
                        let family = if way.ipv4 { "IPv4" } else { "IPv6" };
                        let (level, verb) =
                            if up { (NoteLevel::Info, "works") } else { (NoteLevel::Warning, "is lost") };
                        self.note(
                            level,
                            format!("the way outside through {} ({family}) {verb}: {why}", way.device),
                        );
                    }
                }
            }
            if !turned {
                break;
            }
        }
    }

    fn wanted(&self) -> SortedMap<PrefixPair, u16> {
        let exists = |prefix: &PrefixPair| {
            let plain = prefix.destination().into();
            self.kernel_routes.iter().any(|route| route.prefix == *prefix || route.prefix == plain)
        };
        let own = self.settings.announce.iter().filter(|announce| exists(&announce.prefix));
        let mut wanted: SortedMap<PrefixPair, u16> =
            own.map(|announce| (announce.prefix, announce.metric)).collect();
        for route in &self.kernel_routes {
            if self.is_live_default(&route.prefix, &route.device) {
                let uplink = self.settings.uplinks.iter().find(|uplink| uplink.device == route.device);
                let metric = uplink.map_or(0, |uplink| uplink.metric);
                for way in uplink.map_or_else(|| vec![route.prefix], |uplink| uplink.ways(route.prefix)) {
                    let least = wanted.get(&way).map_or(metric, |before| metric.min(*before));
                    wanted.insert(way, least);
                }
            }
        }
        wanted
    }

    fn is_live_default(&self, prefix: &PrefixPair, device: &str) -> bool {
        let way = || Way { device: device.to_owned(), ipv4: prefix.is_ipv4() };
        prefix.is_default() && self.watches.is_up(&way())
    }
}
