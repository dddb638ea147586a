//! What the operator takes from the neighbours and tells them (RFC 8966 appendix C: filters).
//!
//! A filter names routes and says what happens to them; the first that fits decides. What is refused
//! on its way in stays in the table, so that it can be said why it is not used, and is there when the
//! policy changes. What is refused on its way out is retracted: a neighbour may know it from before.
//! Retractions pass every filter.

use serde::{Deserialize, Serialize};

use super::decide::REPEATS;
use super::engine::Engine;
use super::neighbour::NeighbourId;
use super::send::Mark;
use crate::base::address::{Prefix, PrefixPair};
use crate::base::time::Instant;

/// All filters, and the village's own addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// For what neighbours announce.
    pub incoming: Vec<Filter>,
    /// For what we announce.
    pub outgoing: Vec<Filter>,
    /// The address plan: where no filter decides, only what lies inside, and default routes, come in and
    /// go out. Empty is no plan.
    pub plan: Vec<Prefix>,
}

/// Routes, and what happens to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Which.
    pub routes: Selector,
    /// What this adds to their metric; `None` refuses them.
    pub adds: Option<u16>,
}

/// Some routes. What is not said fits all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selector {
    /// Those whose destination lies inside, with a length within both ends.
    pub prefix: Option<(Prefix, u8, u8)>,
    /// Those for packets from inside.
    pub source: Option<Prefix>,
    /// Those that come in, or go out, here.
    pub device: Option<String>,
}

/// What the policy says about a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ruling {
    /// It is taken, and costs so much more.
    Taken(u16),
    /// A filter refuses it.
    Refused,
    /// It lies outside the address plan.
    OutsidePlan,
}

impl Selector {
    /// Whether this route is one of them.
    pub fn fits(&self, prefix: &PrefixPair, device: &str) -> bool {
        let destination = prefix.destination();
        let inside = |(outer, least, most): (Prefix, u8, u8)| {
            outer.covers(&destination) && (least..=most).contains(&destination.length())
        };
        self.prefix.is_none_or(inside)
            && self.source.is_none_or(|outer| prefix.source().is_some_and(|source| outer.covers(&source)))
            && self.device.as_ref().is_none_or(|wanted| wanted == device)
    }
}

impl Policy {
    pub(super) fn on_its_way_in(&self, prefix: &PrefixPair, device: &str) -> Ruling {
        self.ruling(&self.incoming, prefix, device)
    }

    pub(super) fn on_its_way_out(&self, prefix: &PrefixPair, device: &str) -> Ruling {
        self.ruling(&self.outgoing, prefix, device)
    }

    fn ruling(&self, filters: &[Filter], prefix: &PrefixPair, device: &str) -> Ruling {
        let decides = filters.iter().find(|filter| filter.routes.fits(prefix, device));
        let planned = |prefix: &Prefix| self.plan.iter().any(|plan| plan.covers(prefix));
        match decides {
            Some(filter) => filter.adds.map_or(Ruling::Refused, Ruling::Taken),
            None if self.plan.is_empty() || prefix.is_default() || planned(&prefix.destination()) => {
                Ruling::Taken(0)
            }
            None => Ruling::OutsidePlan,
        }
    }
}

impl Engine {
    /// What our filters say about what this neighbour announces.
    pub(super) fn ruling_in(&self, prefix: PrefixPair, id: NeighbourId) -> Ruling {
        let index = self.neighbours.get(&id).map(|neighbour| neighbour.interface);
        let device = index.and_then(|index| self.interfaces.get(&index));
        let device = device.map_or("", |interface| interface.status.name.as_str());
        self.settings.policy.on_its_way_in(&prefix, device)
    }

    /// The operator has changed his mind: all routes are judged again, and what neighbours were told is told
    /// again, since some of it is to be taken back.
    pub(super) fn policy_changed(&mut self, now: Instant, before: &Policy) {
        if before.incoming != self.settings.policy.incoming || before.plan != self.settings.policy.plan {
            for (prefix, id) in self.routes.candidates() {
                let ruling = self.ruling_in(prefix, id);
                let found = self.routes.get_mut(prefix).and_then(|found| found.candidate_mut(id));
                if let Some(route) = found.filter(|route| route.ruling != ruling) {
                    route.ruling = ruling;
                    self.reselect(now, prefix);
                }
            }
        }
        if before.outgoing != self.settings.policy.outgoing || before.plan != self.settings.policy.plan {
            let own = self.originated.keys().copied();
            let used =
                self.routes.iter().filter(|(_, found)| found.selected.is_some()).map(|(prefix, _)| prefix);
            for prefix in own.chain(used).collect::<Vec<_>>() {
                self.announce_everywhere(now, prefix, Mark { repeats: REPEATS, answer: false });
            }
        }
    }
}

impl Ruling {
    /// A metric, as it is after this.
    pub(super) const fn of(self, metric: u16) -> u16 {
        match self {
            Self::Taken(more) => metric.saturating_add(more),
            Self::Refused | Self::OutsidePlan => super::wire::tlv::INFINITY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(prefix: &str, least: u8, most: u8) -> Selector {
        Selector { prefix: Some((prefix.parse().unwrap(), least, most)), ..Selector::default() }
    }

    #[test]
    fn a_selector_looks_at_destination_length_source_and_device() {
        let ten = selector("10.0.0.0/8", 16, 24);
        for (prefix, fits) in [
            ("10.1.0.0/16", true),
            ("10.1.1.0/24", true),
            ("10.0.0.0/8", false),
            ("10.1.1.128/25", false),
            ("11.1.0.0/16", false),
            ("fd00::/16", false),
            ("10.1.0.0/16 from 10.2.0.0/16", true),
        ] {
            assert_eq!(ten.fits(&prefix.parse().unwrap(), "x"), fits, "{prefix}");
        }
        let from = Selector { source: Some("2001:db8::/32".parse().unwrap()), ..Selector::default() };
        for (prefix, fits) in
            [("::/0 from 2001:db8:1::/48", true), ("::/0 from 2001::/16", false), ("::/0", false)]
        {
            assert_eq!(from.fits(&prefix.parse().unwrap(), "x"), fits, "{prefix}");
        }
        let here = Selector { device: Some("hill".into()), ..Selector::default() };
        let any: PrefixPair = "::/0".parse().unwrap();
        assert!(here.fits(&any, "hill") && !here.fits(&any, "valley") && Selector::default().fits(&any, "x"));
    }

    #[test]
    fn the_first_filter_decides_then_the_plan() {
        let policy = Policy {
            incoming: vec![
                Filter { routes: selector("10.5.0.0/16", 16, 32), adds: Some(7) },
                Filter { routes: selector("10.0.0.0/8", 8, 32), adds: None },
            ],
            outgoing: Vec::new(),
            plan: vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()],
        };
        for (prefix, incoming, outgoing) in [
            ("10.5.1.0/24", Ruling::Taken(7), Ruling::Taken(0)),
            ("10.6.0.0/16", Ruling::Refused, Ruling::Taken(0)),
            ("fd00:1::/32", Ruling::Taken(0), Ruling::Taken(0)),
            ("192.0.2.0/24", Ruling::OutsidePlan, Ruling::OutsidePlan),
            ("0.0.0.0/0", Ruling::Taken(0), Ruling::Taken(0)),
        ] {
            let prefix = prefix.parse().unwrap();
            let said = (policy.on_its_way_in(&prefix, "x"), policy.on_its_way_out(&prefix, "x"));
            assert_eq!(said, (incoming, outgoing), "{prefix}");
        }
        assert_eq!(Policy::default().on_its_way_in(&"192.0.2.0/24".parse().unwrap(), "x"), Ruling::Taken(0));
    }
}
