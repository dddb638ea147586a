//! Time has passed: what is due is done, and the next deadline is named.
//!
//! After [`Engine::handle_wake`] nothing is due any more, so that a loop that sleeps until
//! [`Engine::next_wake`] never spins.

use super::engine::{Engine, retract_all};
use super::neighbour::{Neighbour, NeighbourId};
use super::output::RouteAction;
use super::route::Route;
use super::send::promised;
use super::settings::InterfaceSettings;
use super::timer::Timer;
use super::wire::tlv::{INFINITY, SeqnoRequest, Tlv};
use super::{interface::URGENT, router_id::RouterId};
use crate::base::address::{InterfaceIndex, PrefixPair};
use crate::base::time::{Instant, Span};

impl Engine {
    /// When [`Engine::handle_wake`] should be called next.
    pub fn next_wake(&self) -> Option<Instant> {
        let interfaces = self.interfaces.values().filter_map(|interface| interface.running.as_ref());
        let interfaces = interfaces.flat_map(|running| {
            [Some(running.hello_due), Some(running.update_due), running.outbox.next_due()]
        });
        let neighbours = self.neighbours.values();
        let neighbours =
            neighbours.flat_map(|neighbour| [Some(neighbour.next_deadline()), neighbour.outbox.next_due()]);
        let tables = [self.timers.next(), self.routes.next_look(), self.sources.next_sweep()];
        interfaces.chain(neighbours).chain(tables).flatten().min()
    }

    pub(super) fn wake(&mut self, now: Instant) {
        self.check_neighbours(now);
        for (prefix, id) in self.routes.due(now) {
            self.route_due(now, prefix, id);
        }
        while let Some(timer) = self.timers.pop(now) {
            match timer {
                Timer::Switch(prefix) => self.reselect(now, prefix),
                Timer::Hold(prefix) => self.hold_over(prefix),
                Timer::Kernel(prefix) => self.kernel_due(prefix),
                Timer::Request(prefix, router_id) => self.request_due(now, prefix, router_id),
                Timer::Doubt => self.doubt_due(now),
                Timer::Disown(id) => self.disown_due(now, id),
            }
        }
        let (originated, own, routes) = (&self.originated, self.router_id, &self.routes);
        let in_use = |prefix: PrefixPair, router_id: RouterId| {
            let selected = routes.get(prefix).and_then(|destination| destination.selected);
            selected.is_some_and(|selected| selected.router_id == router_id)
                || router_id == own && originated.contains_key(&prefix)
        };
        for prefix in self.sources.sweep(now, in_use) {
            // What was unfeasible because of a forgotten source may be used now.
            self.reselect(now, prefix);
        }
        let indexes: Vec<InterfaceIndex> = self.interfaces.keys().copied().collect();
        for index in indexes {
            self.say_hello(now, index);
        }
        self.flush_outboxes(now);
    }

    fn check_neighbours(&mut self, now: Instant) {
        let due = self.neighbours.iter().filter(|(_, neighbour)| neighbour.next_deadline() <= now);
        let due: Vec<NeighbourId> = due.map(|(id, _)| *id).collect();
        for id in due {
            let Some(neighbour) = self.neighbours.get_mut(&id) else { continue };
            neighbour.miss(now);
            if neighbour.is_gone(now) {
                self.lose_neighbour(now, id);
            } else {
                self.refresh_cost(now, id);
            }
        }
    }

    /// RFC 8966 3.5.4: a route in use is asked for before it expires; an expired one counts as retracted
    /// for as long again, and then is forgotten.
    fn route_due(&mut self, now: Instant, prefix: PrefixPair, id: NeighbourId) {
        let Some(destination) = self.routes.get_mut(prefix) else { return };
        let selected = destination.selected.is_some_and(|selected| selected.neighbour == id);
        let Some(route) = destination.candidate_mut(id) else { return };
        if route.expires() <= now {
            if route.is_retracted() {
                self.drop_route(now, prefix, id);
                return;
            }
            route.refmetric = INFINITY;
            route.updated = now;
            self.look_again(now, prefix, id);
            self.reselect(now, prefix);
            return;
        }
        if !route.is_retracted() && route.refresh_at() <= now {
            route.refreshed = route.refreshed.saturating_add(1);
            if selected && let Some(neighbour) = self.neighbours.get_mut(&id) {
                // RFC 8966 3.8.2.3. If there is no room for the question, the next dump may still come.
                let soon = now + self.random.span(URGENT);
                neighbour.outbox.push(Tlv::RouteRequest(Some(prefix)), soon);
            }
        }
        self.look_again(now, prefix, id);
    }

    fn look_again(&mut self, now: Instant, prefix: PrefixPair, id: NeighbourId) {
        let found = self.routes.get(prefix).and_then(|destination| destination.candidate(id));
        if let Some(at) = found.map(Route::next_look) {
            // An interval below the clock's grain must not make us spin.
            self.routes.look_at(at.max(now + Span::from_millis(1)));
        }
    }

    fn hold_over(&mut self, prefix: PrefixPair) {
        if let Some(destination) = self.routes.get_mut(prefix) {
            destination.set_unrest(|unrest| unrest.hold_until = None);
            destination.kernel = None;
            self.change(prefix, RouteAction::Remove);
            self.routes.tidy(prefix);
        }
    }

    fn kernel_due(&mut self, prefix: PrefixPair) {
        if let Some(destination) = self.routes.get_mut(prefix) {
            destination.set_unrest(|unrest| unrest.retry_kernel_at = None);
            let action = destination.kernel.unwrap_or(RouteAction::Remove);
            self.change(prefix, action);
            self.routes.tidy(prefix);
        }
    }

    fn request_due(&mut self, now: Instant, prefix: PrefixPair, router_id: RouterId) {
        let Some(pending) = self.requests.retry(now, prefix, router_id) else { return };
        let (to, retry_at) = (pending.to, pending.retry_at);
        let (seqno, hop_count) = (pending.seqno, pending.hop_count);
        self.timers.set(Timer::Request(prefix, router_id), None, Some(retry_at));
        self.push_request(now, SeqnoRequest { prefix, router_id, seqno, hop_count }, to);
    }

    /// Hellos, the IHUs that travel with them, and the regular dump.
    fn say_hello(&mut self, now: Instant, index: InterfaceIndex) {
        let beat = self.beat(now, index);
        let Some(interface) = self.interfaces.get_mut(&index) else { return };
        let (Some(settings), Some(running)) = (&interface.settings, &mut interface.running) else { return };
        if running.is_update_due(now, settings.hello_interval) {
            running.outbox.start_dump(now);
            running.update_due = now + promised(settings.update_interval);
        }
        if running.hello_due > now {
            return;
        }
        let seqno = running.hello_seqno;
        let interval_cs = promised(settings.hello_interval).as_centis();
        running.hello_seqno = seqno.next();
        running.next_hello(now, settings.hello_interval, beat, &mut self.random);
        running.outbox.push_hello(Tlv::Hello { unicast: false, seqno, interval_cs }, now);
        // Who never said Hello to us is not told that we do not hear him: if we have just started he would
        // give up a link that works.
        let heard = |neighbour: &&mut Neighbour| neighbour.interface == index && neighbour.heard;
        if running.retractions > 0 {
            running.retractions -= 1;
            // TLVs stand before updates, so what is announced is never what is taken back.
            running.outbox.push(retract_all(self.seqno), now);
            running.outbox.start_dump_now(now);
        }
        for neighbour in self.neighbours.values_mut().filter(heard) {
            let rxcost = neighbour.rxcost(settings);
            neighbour.hellos_since_ihu = neighbour.hellos_since_ihu.saturating_add(1);
            let news = neighbour.told_rxcost != Some(rxcost);
            // RFC 8966 appendix B: with every Hello on a bad link, else with every third.
            if news || neighbour.is_lossy(settings) || neighbour.hellos_since_ihu >= HELLOS_PER_IHU {
                neighbour.told_rxcost = Some(rxcost);
                neighbour.hellos_since_ihu = 0;
                running.outbox.push(ihu(neighbour, rxcost, settings), now);
            }
            if neighbour.air.hello_bytes.is_some() {
                let seqno = neighbour.hello_seqno;
                neighbour.hello_seqno = seqno.next();
                neighbour.outbox.push_hello(Tlv::Hello { unicast: true, seqno, interval_cs }, now);
            }
        }
    }
}

impl Engine {
    /// When another interface with the same interval says its next Hello, if ours may come then: one wake-up does for
    /// all. To get into step a Hello comes sooner once, which breaks no promise.
    fn beat(&self, now: Instant, index: InterfaceIndex) -> Option<Instant> {
        let interval = self.interfaces.get(&index)?.settings.as_ref()?.hello_interval;
        let (soonest, latest) = (now + interval.scaled(1, 2), now + promised(interval));
        let others = self.interfaces.iter().filter(|(other, interface)| {
            **other != index
                && interface.settings.as_ref().is_some_and(|settings| settings.hello_interval == interval)
        });
        let running = others.filter_map(|(_, interface)| interface.running.as_ref());
        let dues = running.filter(|running| running.burst == 0).map(|running| running.hello_due);
        dues.filter(|due| (soonest..=latest).contains(due)).max()
    }
}

/// The IHU for this neighbour, with the promise of another within three Hellos.
pub(super) fn ihu(neighbour: &Neighbour, rxcost: u16, settings: &InterfaceSettings) -> Tlv {
    let interval_cs = promised(settings.hello_interval).scaled(u64::from(HELLOS_PER_IHU), 1).as_centis();
    Tlv::Ihu { address: Some(neighbour.address.into()), rxcost, interval_cs }
}

/// RFC 8966 appendix B: an IHU goes with every third Hello.
const HELLOS_PER_IHU: u8 = 3;
