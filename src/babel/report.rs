//! What people and checkers may see of the engine. Reading changes nothing.

use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::auth::AuthCounters;
use super::engine::Engine;
use super::neighbour::NeighbourId;
use super::output::{RouteAction, kernel_takes};
use super::request::Audience;
use super::route::{Destination, Route};
use super::router_id::RouterId;
use super::seqno::SeqNo;
use super::source::FeasibilityDistance;
use crate::base::address::{InterfaceIndex, Prefix, PrefixPair};
use crate::base::sorted::SortedMap;
use crate::base::time::{Instant, Span};

/// Everything that is known, at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Our own name.
    pub router_id: RouterId,
    /// Our own sequence number.
    pub seqno: SeqNo,
    /// Interfaces that exist and are in the settings.
    pub interfaces: Vec<InterfaceReport>,
    /// Neighbours, in the order in which they were met.
    pub neighbours: Vec<NeighbourReport>,
    /// What we announce ourselves.
    pub originated: Vec<(PrefixPair, u16)>,
    /// All candidates, by prefix.
    pub routes: Vec<RouteReport>,
}

/// One interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceReport {
    /// Its number.
    pub index: InterfaceIndex,
    /// Its name.
    pub name: String,
    /// Whether Babel speaks there.
    pub running: bool,
    /// Our address there.
    pub address: Option<Ipv6Addr>,
    /// How many neighbours are there.
    pub neighbours: u32,
    /// What was refused of senders who never had a right MAC.
    pub strangers: AuthCounters,
}

/// One neighbour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeighbourReport {
    /// Its link-local address.
    pub address: Ipv6Addr,
    /// Where it is heard.
    pub interface: InterfaceIndex,
    /// Which of the last 16 Hellos to all arrived, the newest in the highest bit.
    pub hello_history: u16,
    /// The same of Hellos to us alone.
    pub unicast_history: u16,
    /// What hearing it costs us.
    pub rxcost: u16,
    /// What it says that hearing us costs it.
    pub txcost: u16,
    /// The smoothed time there and back, where it is measured.
    pub round_trip: Option<Span>,
    /// What a packet over this link costs.
    pub cost: u16,
    /// Why that is infinite, in words.
    pub trouble: Option<String>,
    /// Whether it has proved itself; `None` where nothing is checked.
    pub authenticated: Option<bool>,
    /// What was refused of packets that bear its address.
    pub refused: AuthCounters,
}

/// One candidate route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteReport {
    /// Where to.
    pub prefix: PrefixPair,
    /// Through whom.
    pub next_hop: IpAddr,
    /// Out of which interface.
    pub interface: Option<InterfaceIndex>,
    /// Who announced it first.
    pub router_id: RouterId,
    /// The origin's sequence number.
    pub seqno: SeqNo,
    /// What it costs us.
    pub metric: u16,
    /// What the neighbour says it costs.
    pub refmetric: u16,
    /// Whether it surely leads away from us.
    pub feasible: bool,
    /// Whether it is the one in use.
    pub selected: bool,
    /// Time since the last update.
    pub age: Span,
}

/// What we announced of one source, and for how long that binds us (RFC 8966 3.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceReport {
    /// Where to.
    pub prefix: PrefixPair,
    /// Who announced it first.
    pub router_id: RouterId,
    /// The best that we ever announced.
    pub distance: FeasibilityDistance,
    /// When it is forgotten, unless it is announced again.
    pub left: Span,
}

/// A wish for a newer sequence number that nobody answered yet (RFC 8966 3.2.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestReport {
    /// Where to.
    pub prefix: PrefixPair,
    /// Whose sequence number.
    pub router_id: RouterId,
    /// The oldest that helps.
    pub seqno: SeqNo,
    /// How many routers may pass it on.
    pub hop_count: u8,
    /// Whom it went to; `None` is all.
    pub to: Option<(Ipv6Addr, InterfaceIndex)>,
    /// Whether somebody else asked us.
    pub forwarded: bool,
    /// How often it is still sent again.
    pub times: u8,
    /// When it is sent again, or given up.
    pub left: Span,
}

impl Engine {
    /// How many entries the source table has, and its entries.
    pub fn source_reports(&self, now: Instant) -> (usize, impl Iterator<Item = SourceReport>) {
        let reports = self.sources.entries().map(move |((prefix, router_id), (distance, until))| {
            let (prefix, router_id, distance) = (*prefix, *router_id, *distance);
            SourceReport { prefix, router_id, distance, left: until.since(now) }
        });
        (self.sources.len(), reports)
    }

    /// How many requests wait for an answer, and which.
    pub fn request_reports(&self, now: Instant) -> (usize, impl Iterator<Item = RequestReport>) {
        let reports = self.requests.entries().map(move |((prefix, router_id), pending)| RequestReport {
            prefix: *prefix,
            router_id: *router_id,
            seqno: pending.seqno,
            hop_count: pending.hop_count,
            to: match pending.to {
                Audience::All => None,
                Audience::One(id) => {
                    self.neighbours.get(&id).map(|neighbour| (neighbour.address, neighbour.interface))
                }
            },
            forwarded: pending.forwarded,
            times: pending.left,
            left: pending.retry_at.since(now),
        });
        (self.requests.len(), reports)
    }

    /// Everything that is known now.
    pub fn report(&self, now: Instant) -> Report {
        let routes = self.routes.iter().flat_map(|(prefix, destination)| {
            let all = destination.candidates.iter();
            all.map(move |route| self.route_report(now, prefix, destination, route))
        });
        Report {
            router_id: self.router_id,
            seqno: self.seqno,
            interfaces: self.interface_reports(),
            neighbours: self.neighbour_reports(),
            originated: self.originated.iter().map(|(prefix, metric)| (*prefix, *metric)).collect(),
            routes: routes.collect(),
        }
    }

    /// The next hop in use for `prefix`, and its interface.
    pub fn next_hop(&self, prefix: PrefixPair) -> Option<(IpAddr, InterfaceIndex)> {
        match self.routes.get(prefix)?.kernel {
            Some(RouteAction::Install { next_hop, interface }) => Some((next_hop, interface)),
            _ => None,
        }
    }

    /// The interface and the metric of a way to just this destination that the kernel uses, whatever the source.
    pub fn way(&self, destination: Prefix) -> Option<(InterfaceIndex, u16)> {
        let mut used = self.routes.to(destination).filter(|(prefix, _)| kernel_takes(prefix));
        used.find_map(|(prefix, _)| {
            let (_, interface) = self.next_hop(prefix)?;
            let (_, metric) = self.selected_metric(prefix)?;
            Some((interface, metric))
        })
    }

    /// All prefixes with a route in use, and its next hop and interface.
    pub fn selected(&self) -> impl Iterator<Item = (PrefixPair, IpAddr, InterfaceIndex)> {
        self.routes.iter().filter_map(|(prefix, destination)| match destination.kernel {
            Some(RouteAction::Install { next_hop, interface }) => Some((prefix, next_hop, interface)),
            _ => None,
        })
    }

    /// The best that we ever announced of `router_id`'s route to `prefix`.
    pub fn feasibility_distance(
        &self,
        prefix: PrefixPair,
        router_id: RouterId,
    ) -> Option<FeasibilityDistance> {
        self.sources.distance(prefix, router_id)
    }

    /// The same of all sources.
    pub fn feasibility_distances(
        &self,
    ) -> impl Iterator<Item = ((PrefixPair, RouterId), FeasibilityDistance)> {
        self.sources.iter()
    }

    /// Whether we decide what the kernel does with packets for just this prefix.
    pub(super) fn decides(&self, prefix: PrefixPair) -> bool {
        self.routes.get(prefix).is_some_and(|destination| destination.kernel.is_some())
    }

    fn interface_reports(&self) -> Vec<InterfaceReport> {
        let configured = self.interfaces.iter().filter(|(_, interface)| interface.settings.is_some());
        let report = |(index, interface): (&InterfaceIndex, &super::interface::Interface)| {
            let here = self.neighbours.values().filter(|neighbour| neighbour.interface == *index).count();
            InterfaceReport {
                index: *index,
                name: interface.status.name.clone(),
                running: interface.running.is_some(),
                address: interface.status.link_local,
                neighbours: u32::try_from(here).unwrap_or(u32::MAX),
                strangers: self.strangers_of(*index),
            }
        };
        configured.map(report).collect()
    }

    /// What we announce ourselves, with its metric.
    pub const fn originated(&self) -> &SortedMap<PrefixPair, u16> {
        &self.originated
    }

    /// The candidates for just this.
    pub fn routes_of(&self, now: Instant, prefix: PrefixPair) -> Vec<RouteReport> {
        let Some(found) = self.routes.get(prefix) else { return Vec::new() };
        found.candidates.iter().map(|route| self.route_report(now, prefix, found, route)).collect()
    }

    /// What is announced to us at the moment inside of a prefix, and whose it is; of a default route, just itself.
    pub fn announced_inside(&self, place: Prefix) -> impl Iterator<Item = (PrefixPair, RouterId)> {
        let pair = PrefixPair::from(place);
        let is_inside = move |found: &PrefixPair| {
            let destination = found.destination();
            destination == place || (!place.is_default() && place.covers(&destination))
        };
        let itself = self.routes.get(pair).map(|found| (pair, found)).into_iter();
        let all =
            itself.chain(self.routes.after(Some(pair)).take_while(move |(prefix, _)| is_inside(prefix)));
        all.flat_map(|(prefix, found)| {
            let finite = found.candidates.iter().filter(|route| !route.is_retracted());
            finite.map(move |route| (prefix, route.router_id))
        })
    }

    /// What each neighbour costs: the cost of hearing it, what it says of hearing us, and what follows.
    pub fn neighbour_costs(&self) -> impl Iterator<Item = ((InterfaceIndex, Ipv6Addr), (u16, u16, u16))> {
        self.neighbours.values().filter_map(|neighbour| {
            let settings = self.interfaces.get(&neighbour.interface)?.settings.as_ref()?;
            let costs = (neighbour.rxcost(settings), neighbour.txcost, neighbour.cost);
            Some(((neighbour.interface, neighbour.address), costs))
        })
    }

    /// Neighbours, in the order in which they were met.
    pub fn neighbour_reports(&self) -> Vec<NeighbourReport> {
        let report = |neighbour: &super::neighbour::Neighbour| {
            let settings = self.interfaces.get(&neighbour.interface)?.settings.as_ref()?;
            let authentication = self.authentication_of(neighbour.interface, neighbour.address);
            Some(NeighbourReport {
                address: neighbour.address,
                interface: neighbour.interface,
                hello_history: neighbour.multicast.bits(),
                unicast_history: neighbour.unicast.bits(),
                rxcost: neighbour.rxcost(settings),
                txcost: neighbour.txcost,
                cost: neighbour.cost,
                round_trip: neighbour.round_trip.time(),
                trouble: neighbour.trouble(settings),
                authenticated: authentication.map(|(proved, _)| proved),
                refused: authentication.map(|(_, refused)| refused).unwrap_or_default(),
            })
        };
        self.neighbours.values().filter_map(report).collect()
    }

    pub(super) fn route_report(
        &self,
        now: Instant,
        prefix: PrefixPair,
        destination: &Destination,
        route: &Route,
    ) -> RouteReport {
        RouteReport {
            prefix,
            next_hop: route.next_hop,
            interface: self.interface_of(route.neighbour),
            router_id: route.router_id,
            seqno: route.seqno,
            metric: route.metric(self.cost(route.neighbour)),
            refmetric: route.refmetric,
            feasible: self.is_feasible(prefix, route),
            selected: destination.selected.is_some_and(|selected| selected.neighbour == route.neighbour),
            age: now.since(route.updated),
        }
    }

    fn interface_of(&self, id: NeighbourId) -> Option<InterfaceIndex> {
        self.neighbours.get(&id).map(|neighbour| neighbour.interface)
    }
}
