//! What follows when something changed: which route is used now (RFC 8966 3.6), what the kernel is told,
//! whom we tell (3.7.2), and whom we ask (3.8.2).

use super::engine::{Engine, Table};
use super::interface::URGENT;
use super::neighbour::NeighbourId;
use super::output::{Event, RouteAction};
use super::request::{Audience, HOP_COUNT};
use super::route::{Destination, Selected};
use super::router_id::RouterId;
use super::select::{Choice, SETTLE, Verdict, choose};
use super::send::Mark;
use super::timer::Timer;
use super::wire::tlv::{INFINITY, SeqnoRequest, Tlv};
use crate::base::address::{InterfaceIndex, PrefixPair};
use crate::base::time::{Instant, Span};

impl Engine {
    /// Something about `prefix` may have changed: chooses anew and does what follows.
    pub(super) fn reselect(&mut self, now: Instant, prefix: PrefixPair) {
        let Some(destination) = self.routes.get(prefix) else { return };
        let before = destination.selected;
        let verdict = if self.originated.contains_key(&prefix) {
            // What we announce ourselves needs no other way.
            Verdict { selected: None, better_since: None, ask_again: None }
        } else {
            let current = before.map(|selected| selected.neighbour);
            let eager = now < destination.settles_until || self.is_asked_for(prefix, destination);
            choose(now, &self.choices(prefix, destination), current, destination.unrest().better_since, eager)
        };
        let Some(destination) = self.routes.get_mut(prefix) else { return };
        self.timers.set(Timer::Switch(prefix), destination.unrest().switch_at, verdict.ask_again);
        destination.set_unrest(|unrest| {
            unrest.switch_at = verdict.ask_again;
            unrest.better_since = verdict.better_since;
        });
        let chosen = verdict.selected.and_then(|choice| {
            let router_id = destination.candidate(choice.neighbour)?.router_id;
            let announced = before.map_or(choice.metric, |before| before.announced);
            Some((Selected { neighbour: choice.neighbour, router_id, announced }, choice.metric))
        });
        destination.selected = chosen.map(|(selected, _)| selected);
        if before.is_none() && chosen.is_some() {
            destination.settles_until = now + SETTLE;
        }
        self.tell_kernel(now, prefix);
        self.tell_neighbours(now, prefix, before, chosen);
        self.close_requests(now, prefix);
        self.routes.tidy(prefix);
    }

    /// Whether somebody waits for a newer seqno than that of the route in use.
    fn is_asked_for(&self, prefix: PrefixPair, destination: &Destination) -> bool {
        destination.selected_route().is_some_and(|route| {
            let pending = self.requests.get(prefix, route.router_id);
            pending.is_some_and(|pending| pending.seqno.is_newer_than(route.seqno))
        })
    }

    /// All candidates for `prefix` as selection sees them.
    pub(super) fn choices(&self, prefix: PrefixPair, destination: &Destination) -> Vec<Choice> {
        let choice = |route: &super::route::Route| Choice {
            neighbour: route.neighbour,
            metric: route.metric(self.cost(route.neighbour)),
            feasible: self.is_feasible(prefix, route),
        };
        destination.candidates.iter().map(choice).collect()
    }

    pub(super) fn cost(&self, id: NeighbourId) -> u16 {
        self.neighbours.get(&id).map_or(INFINITY, |neighbour| neighbour.cost)
    }

    /// The next hop in use for `prefix`, and its metric.
    pub(super) fn selected_metric(&self, prefix: PrefixPair) -> Option<(NeighbourId, u16)> {
        let route = self.routes.get(prefix)?.selected_route()?;
        Some((route.neighbour, route.metric(self.cost(route.neighbour))))
    }

    fn tell_kernel(&mut self, now: Instant, prefix: PrefixPair) {
        let own = self.originated.contains_key(&prefix);
        let Some(destination) = self.routes.get_mut(prefix) else { return };
        let interface = destination
            .selected
            .and_then(|selected| self.neighbours.get(&selected.neighbour))
            .map(|neighbour| neighbour.interface);
        let install = destination
            .selected_route()
            .zip(interface)
            .map(|(route, interface)| RouteAction::Install { next_hop: route.next_hop, interface });
        let wanted = match install {
            Some(install) => Some(install),
            None if own => None,
            // RFC 8966 2.8: what was usable is held unreachable; what never was is none of our business.
            None => destination.kernel.map(|_| RouteAction::Unreachable),
        };
        if wanted == destination.kernel {
            return;
        }
        destination.kernel = wanted;
        let hold = (wanted == Some(RouteAction::Unreachable)).then_some(now + UNREACHABLE_HOLD);
        self.timers.set(Timer::Hold(prefix), destination.unrest().hold_until, hold);
        destination.set_unrest(|unrest| unrest.hold_until = hold);
        self.change(prefix, wanted.unwrap_or(RouteAction::Remove));
    }

    /// RFC 8966 3.7.2: what neighbours must know at once, and what can wait for the next dump.
    fn tell_neighbours(
        &mut self,
        now: Instant,
        prefix: PrefixPair,
        before: Option<Selected>,
        after: Option<(Selected, u16)>,
    ) {
        match (before, after) {
            (None, None) => self.ask_when_starving(now, prefix),
            (None, Some((selected, _))) => self.announce_new(now, prefix, selected.neighbour),
            (Some(lost), None) => {
                self.announce_everywhere(now, prefix, Mark { repeats: REPEATS, answer: false });
                self.ask_after_loss(now, prefix, lost.router_id);
            }
            (Some(before), Some((selected, metric))) => {
                let repeats = if before.router_id == selected.router_id { 0 } else { REPEATS };
                if repeats > 0 || is_significant(before.announced, metric) {
                    self.announce_everywhere(now, prefix, Mark { repeats, answer: false });
                }
            }
        }
    }

    /// RFC 8966 3.8.2.1: all feasible routes are lost. Who knows another way may not have told us, because it
    /// went through us (split horizon): everybody is asked, whether there is an unfeasible offer or not.
    fn ask_after_loss(&mut self, now: Instant, prefix: PrefixPair, router_id: RouterId) {
        if !self.originated.contains_key(&prefix) {
            self.request_seqno(now, prefix, router_id, Audience::All);
        }
    }

    /// Nothing is in use, and the best that is offered is unfeasible (RFC 8966 3.8.2.2).
    fn ask_when_starving(&mut self, now: Instant, prefix: PrefixPair) {
        let Some(destination) = self.routes.get(prefix) else { return };
        let choices = self.choices(prefix, destination);
        let offered = choices.iter().filter(|choice| choice.metric < INFINITY);
        let Some(best) = offered.min_by_key(|choice| (choice.metric, choice.neighbour)) else { return };
        let Some(route) = destination.candidate(best.neighbour) else { return };
        let (router_id, to) = (route.router_id, Audience::One(best.neighbour));
        if !self.originated.contains_key(&prefix) {
            self.request_seqno(now, prefix, router_id, to);
        }
    }

    /// Asks for a seqno that makes routes from this origin feasible again.
    pub(super) fn request_seqno(
        &mut self,
        now: Instant,
        prefix: PrefixPair,
        router_id: RouterId,
        to: Audience,
    ) {
        if let Some(seqno) = self.wanted_seqno(prefix, router_id) {
            let request = SeqnoRequest { prefix, router_id, seqno, hop_count: HOP_COUNT };
            self.request(now, request, to, false);
        }
    }

    /// What was asked for has come: no more repeating, and whoever asked us is told at once.
    fn close_requests(&mut self, now: Instant, prefix: PrefixPair) {
        let Some(route) = self.routes.get(prefix).and_then(Destination::selected_route) else { return };
        let answered = self.requests.answered(prefix, route.router_id, route.seqno);
        for (router_id, pending) in &answered {
            self.timers.set(Timer::Request(prefix, *router_id), Some(pending.retry_at), None);
        }
        if answered.iter().any(|(_, pending)| pending.forwarded) {
            self.announce_everywhere(now, prefix, Mark { repeats: 1, answer: true });
        }
    }

    /// Marks `prefix` to be announced on every interface, soon.
    pub(super) fn announce_everywhere(&mut self, now: Instant, prefix: PrefixPair, mark: Mark) {
        self.announce_but(now, prefix, mark, None);
    }

    /// The same of a destination that nobody could reach through us before: where split horizon keeps it back there
    /// is nothing to be taken back either.
    fn announce_new(&mut self, now: Instant, prefix: PrefixPair, via: NeighbourId) {
        let from = self.neighbours.get(&via).map(|neighbour| neighbour.interface);
        let silent = from.filter(|index| self.has_split_horizon(*index));
        self.announce_but(now, prefix, Mark { repeats: 1, answer: false }, silent);
    }

    fn announce_but(&mut self, now: Instant, prefix: PrefixPair, mark: Mark, but: Option<InterfaceIndex>) {
        for (index, interface) in self.interfaces.iter_mut() {
            if let Some(running) = &mut interface.running
                && Some(*index) != but
            {
                running.outbox.mark(prefix, mark, now + self.random.span(URGENT));
            }
        }
    }

    /// A neighbour was heard, or was not: if its cost is another now, all its routes are looked at.
    pub(super) fn refresh_cost(&mut self, now: Instant, id: NeighbourId) {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        let Some(interface) = self.interfaces.get_mut(&neighbour.interface) else { return };
        let Some(settings) = &interface.settings else { return };
        // An IHU that brings news does not wait for the next Hello.
        let rxcost = neighbour.rxcost(settings);
        if (neighbour.told_rxcost.unwrap_or(INFINITY) == INFINITY) != (rxcost == INFINITY) {
            neighbour.told_rxcost = Some(rxcost);
            neighbour.hellos_since_ihu = 0;
            let ihu = super::wake::ihu(neighbour, rxcost, settings);
            neighbour.outbox.push(ihu, now + self.random.span(URGENT));
        }
        let cost = neighbour.link_cost(settings);
        let before = std::mem::replace(&mut neighbour.cost, cost);
        if before == cost {
            return;
        }
        if before == INFINITY {
            let soon = now + self.random.span(URGENT);
            if !neighbour.announced {
                neighbour.outbox.push(Tlv::RouteRequest(None), soon);
            }
            // A peer that does not ask is told all the same.
            if !neighbour.outbox.dumped_within(now, RECENT_DUMP) {
                neighbour.outbox.start_dump(soon);
            }
        }
        for prefix in self.routes.prefixes_of(id) {
            self.reselect(now, prefix);
        }
    }

    /// A neighbour, or the interface to it, is gone: so are its routes.
    pub(super) fn lose_neighbour(&mut self, now: Instant, id: NeighbourId) {
        let Some(neighbour) = self.neighbours.remove(&id) else { return };
        if let Some(disowning) = neighbour.disowning {
            self.timers.set(Timer::Disown(id), Some(disowning.due()), None);
        }
        self.table_has_room(Table::Neighbours);
        // Not before: who has filled his share could fill the log by taking back a route now and then.
        self.table_has_room(Table::Share);
        self.event(Event::NeighbourLost { interface: neighbour.interface, address: neighbour.address });
        for prefix in self.routes.prefixes_of(id) {
            self.drop_route(now, prefix, id);
        }
    }

    /// Takes a candidate out of the table.
    pub(super) fn drop_route(&mut self, now: Instant, prefix: PrefixPair, id: NeighbourId) {
        self.routes.remove(prefix, id);
        self.reselect(now, prefix);
    }

    /// The kernel refused: the same again in 1, 2, 4 ... 64 seconds.
    pub(super) fn retry_kernel(&mut self, now: Instant, prefix: PrefixPair) {
        let Some(destination) = self.routes.get_mut(prefix) else { return };
        let before = destination.unrest();
        let in_a_row = before.refused.filter(|(_, last)| now.since(*last) < REFUSAL_MEMORY);
        let count = in_a_row.map_or(0, |(count, _)| count.saturating_add(1).min(6));
        let retry_at = now + Span::from_secs(1 << count);
        self.timers.set(Timer::Kernel(prefix), before.retry_kernel_at, Some(retry_at));
        destination.set_unrest(|unrest| {
            unrest.refused = Some((count, now));
            unrest.retry_kernel_at = Some(retry_at);
        });
    }
}

/// Whether a metric differs enough from the announced one to be worth a packet before the next dump.
const fn is_significant(announced: u16, metric: u16) -> bool {
    let least = announced / 4;
    announced.abs_diff(metric) >= if least < SIGNIFICANT { SIGNIFICANT } else { least }
}

/// How often what must not be missed is said again (RFC 8966 appendix B: three copies on a radio).
pub(super) const REPEATS: u8 = 2;
/// How long a lost destination stays unreachable: as long as the neighbours' routes through us may live
/// (RFC 8966 3.5.4; 3.5 times 17 s, the promise of the suggested update interval of 16 s).
pub(super) const UNREACHABLE_HOLD: Span = Span::from_secs(60);
/// Less than the cost of a cable is no news.
const SIGNIFICANT: u16 = 96;
/// A peer that was told everything less than this ago knows it.
const RECENT_DUMP: Span = Span::from_secs(3);
/// Refusals that are further apart than this are not "in a row".
const REFUSAL_MEMORY: Span = Span::from_secs(150);
