//! What a packet does: RFC 8966 sections 3.4 (neighbours), 3.5.3 (updates), 3.8 (requests), 3.3 (acks).
//!
//! The packet is read as a whole before anything here is called.

use std::net::{IpAddr, Ipv6Addr};

use super::auth::Verify;
use super::counters::Fault;
use super::decide::REPEATS;
use super::engine::{Datagram, Engine, MULTICAST, Table};
use super::interface::{Interface, URGENT};
use super::neighbour::{Neighbour, NeighbourId};
use super::output::Event;
use super::request::{Audience, Wish};
use super::route::{Destination, Route};
use super::router_id::RouterId;
use super::send::Mark;
use super::timer::Timer;
use super::wire::packet;
use super::wire::tlv::{INFINITY, SeqnoRequest, Tlv, Update};
use crate::base::address::{InterfaceIndex, PrefixPair};
use crate::base::limit::{BABEL_NEIGHBOURS, BABEL_OUTBOX_TLVS};
use crate::base::time::{Instant, Span};

impl Engine {
    pub(super) fn receive(&mut self, now: Instant, datagram: &Datagram<'_>, verify: &mut Verify<'_>) {
        let Datagram { interface, source, destination, bytes } = *datagram;
        let Some(running) = self.interfaces.get(&interface).and_then(|found| found.running.as_ref()) else {
            self.count_drop(interface, source, Fault::Unwanted);
            return;
        };
        // RFC 8966 section 4: only from a link-local address; our own multicasts may come back.
        let to_us = destination == MULTICAST || destination == running.source;
        if !source.is_unicast_link_local() || source == running.source || !to_us {
            self.count_drop(interface, source, Fault::Unwanted);
            return;
        }
        if !self.is_authentic(now, datagram, verify) {
            return;
        }
        let packet = match packet::parse(bytes, source) {
            Ok(packet) => packet,
            Err(why) => {
                self.count_drop(interface, source, Fault::Packet(why));
                self.bad_packet(now, interface, source, why.to_string());
                return;
            }
        };
        if let Some((position, why)) = packet.ignored.first() {
            self.bad_packet(now, interface, source, format!("{why} (TLV at byte {position})"));
        }
        let is_empty = packet.tlvs.is_empty();
        let known = self.known_neighbour(interface, source);
        let id = known.or_else(|| (!is_empty).then(|| self.meet(now, interface, source)).flatten());
        self.count_packet(interface, id, &packet);
        let Some(id) = id.filter(|_| !is_empty) else { return };
        let has_hello = packet.tlvs.iter().any(|tlv| matches!(tlv, Tlv::Hello { .. }));
        self.time(now, id, &packet.timing, has_hello);
        for tlv in packet.tlvs {
            self.act(now, id, tlv);
        }
    }

    /// The neighbour with this address.
    pub(super) fn known_neighbour(
        &self,
        interface: InterfaceIndex,
        address: Ipv6Addr,
    ) -> Option<NeighbourId> {
        let known = |neighbour: &Neighbour| neighbour.interface == interface && neighbour.address == address;
        self.neighbours.iter().find(|(_, neighbour)| known(neighbour)).map(|(id, _)| *id)
    }

    /// A new neighbour is introduced. `None` if there is no room for it.
    fn meet(&mut self, now: Instant, interface: InterfaceIndex, address: Ipv6Addr) -> Option<NeighbourId> {
        if self.neighbours.len() >= BABEL_NEIGHBOURS {
            self.table_full(Table::Neighbours);
            return None;
        }
        self.table_has_room(Table::Neighbours);
        let id = NeighbourId(self.next_neighbour);
        self.next_neighbour = self.next_neighbour.wrapping_add(1);
        let mut neighbour = Neighbour::new(now, interface, address);
        neighbour.air = self.airs.get(&(interface, address)).copied().unwrap_or_default();
        let soon = now + self.random.span(URGENT);
        neighbour.outbox.push(Tlv::RouteRequest(None), soon);
        self.neighbours.insert(id, neighbour);
        self.event(Event::NeighbourNew { interface, address });
        self.disown(now, id, interface);
        self.greet(now, id);
        Some(id)
    }

    fn act(&mut self, now: Instant, id: NeighbourId, tlv: Tlv) {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        match tlv {
            Tlv::AckRequest { opaque, interval_cs } => {
                let wait = Span::from_centis(interval_cs).scaled(1, 2).min(URGENT);
                if !neighbour.outbox.push(Tlv::Ack { opaque }, now + wait) {
                    self.table_full(Table::Outbox);
                }
            }
            Tlv::Ack { opaque } => self.acknowledged(id, opaque),
            Tlv::Hello { unicast, seqno, interval_cs } => {
                if neighbour.hello(now, unicast, seqno, interval_cs) {
                    self.greet(now, id);
                }
                self.refresh_cost(now, id);
            }
            Tlv::Ihu { address, rxcost, interval_cs } => self.ihu(now, id, address, rxcost, interval_cs),
            Tlv::Update(update) => self.update(now, id, &update),
            Tlv::RouteRequest(None) => {
                let soon = now + self.random.span(URGENT);
                neighbour.outbox.start_dump(soon);
                // Who asks for everything has just started.
                self.greet(now, id);
            }
            // RFC 8966 3.8.1.1: a request for one prefix is always answered.
            Tlv::RouteRequest(Some(prefix)) => self.answer(now, id, prefix),
            Tlv::SeqnoRequest(request) => self.seqno_request(now, id, &request),
        }
    }

    /// A neighbour has just started: a few Hellos, with an IHU for it, so that it need not wait for us.
    fn greet(&mut self, now: Instant, id: NeighbourId) {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        neighbour.told_rxcost = None;
        let interface = self.interfaces.get_mut(&neighbour.interface);
        if let Some(running) = interface.and_then(|found| found.running.as_mut()) {
            running.hurry(now, &mut self.random);
        }
    }

    fn ihu(&mut self, now: Instant, id: NeighbourId, address: Option<IpAddr>, rxcost: u16, interval_cs: u16) {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        let running = self.interfaces.get(&neighbour.interface).and_then(|found| found.running.as_ref());
        let ours = running.map(|running| IpAddr::V6(running.source));
        if address.is_none() || address == ours {
            neighbour.ihu(now, rxcost, interval_cs);
            self.refresh_cost(now, id);
        }
    }

    fn answer(&mut self, now: Instant, id: NeighbourId, prefix: PrefixPair) {
        let soon = now + self.random.span(URGENT);
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        if neighbour.outbox.marks() >= BABEL_OUTBOX_TLVS {
            self.table_full(Table::Outbox);
            return;
        }
        neighbour.outbox.mark(prefix, Mark { repeats: 0, answer: true }, soon);
        self.table_has_room(Table::Outbox);
    }

    /// RFC 8966 3.5.3.
    fn update(&mut self, now: Instant, id: NeighbourId, update: &Update) {
        let Some(prefix) = update.prefix else {
            for prefix in self.routes.prefixes_of(id) {
                self.retract(now, prefix, id);
            }
            return;
        };
        if let Some(neighbour) = self.neighbours.get_mut(&id) {
            neighbour.announced = true;
        }
        let (Some(router_id), Some(next_hop)) = (update.router_id, update.next_hop) else {
            self.retract(now, prefix, id);
            return;
        };
        // What we announced ourselves is no way to anywhere, nor is a next hop that is us.
        let came_back = router_id == self.router_id || self.is_own_address(next_hop);
        if update.is_retraction() || came_back {
            self.retract(now, prefix, id);
            return;
        }
        let interval = Span::from_centis(update.interval_cs);
        let fresh = Route {
            neighbour: id,
            next_hop,
            router_id,
            seqno: update.seqno,
            refmetric: update.metric,
            ruling: self.ruling_in(prefix, id),
            interval,
            updated: now,
            refreshed: 0,
        };
        self.hear_source(prefix, router_id, update.seqno);
        let feasible = self.is_feasible(prefix, &fresh);
        let metric = fresh.metric(self.cost(id));
        if self.store(prefix, fresh, feasible) {
            self.reselect(now, prefix);
        }
        if !feasible {
            self.ask_for_feasible(now, prefix, id, router_id, metric);
        }
    }

    fn is_own_address(&self, address: IpAddr) -> bool {
        let own = |interface: &Interface| interface.status.link_local.map(IpAddr::V6) == Some(address);
        self.interfaces.values().any(own)
    }

    /// Puts a route into the table; whether anything changed that selection must look at.
    fn store(&mut self, prefix: PrefixPair, fresh: Route, feasible: bool) -> bool {
        let id = fresh.neighbour;
        let selected =
            |destination: &Destination| destination.selected.is_some_and(|one| one.neighbour == id);
        if let Some(destination) = self.routes.get_mut(prefix)
            && let is_selected = selected(destination)
            && let Some(route) = destination.candidate_mut(id)
        {
            // RFC 8966 3.5.3: the route in use works; an unfeasible word about the same origin is no reason
            // to drop it. About another origin it is.
            if !feasible && is_selected && route.router_id == fresh.router_id {
                return false;
            }
            let said = |route: &Route| (route.next_hop, route.router_id, route.seqno, route.refmetric);
            let changed = said(route) != said(&fresh);
            let at = fresh.next_look();
            *route = fresh;
            self.routes.look_at(at);
            return changed;
        }
        if let Err(full) = self.routes.insert(prefix, fresh) {
            self.table_full(full);
            return false;
        }
        self.table_has_room(Table::Routes);
        true
    }

    /// A neighbour takes a route back. It stays known as retracted until its time is over.
    pub(super) fn retract(&mut self, now: Instant, prefix: PrefixPair, id: NeighbourId) {
        let Some(destination) = self.routes.get_mut(prefix) else { return };
        let Some(route) = destination.candidate_mut(id) else { return };
        if !route.is_retracted() {
            route.refmetric = INFINITY;
            route.updated = now;
            self.reselect(now, prefix);
        }
    }

    /// RFC 8966 3.8.2.2: an unfeasible route that we would like to use needs a newer seqno.
    fn ask_for_feasible(
        &mut self,
        now: Instant,
        prefix: PrefixPair,
        id: NeighbourId,
        router_id: RouterId,
        metric: u16,
    ) {
        if metric == INFINITY || self.originated.contains_key(&prefix) {
            return;
        }
        let wanted = match self.selected_metric(prefix) {
            None => true,
            Some((neighbour, _)) if neighbour == id => true,
            // Only for a gain that is worth the noise; the table of requests limits how often.
            Some((_, current)) => metric <= current.saturating_sub(current / 10),
        };
        if wanted {
            self.request_seqno(now, prefix, router_id, Audience::One(id));
        }
    }

    /// RFC 8966 3.8.1.2.
    fn seqno_request(&mut self, now: Instant, id: NeighbourId, request: &SeqnoRequest) {
        let prefix = request.prefix;
        if self.originated.contains_key(&prefix) {
            if request.router_id == self.router_id && request.seqno.is_newer_than(self.seqno) {
                // Once, however far ahead the request is.
                self.seqno = self.seqno.next();
                self.announce_everywhere(now, prefix, Mark { repeats: REPEATS, answer: true });
            } else {
                self.answer(now, id, prefix);
            }
            return;
        }
        let Some(destination) = self.routes.get(prefix) else { return };
        if let Some(route) = destination.selected_route()
            && (route.router_id != request.router_id || !request.seqno.is_newer_than(route.seqno))
        {
            self.answer(now, id, prefix);
            return;
        }
        if request.hop_count < 2 || request.router_id == self.router_id {
            return;
        }
        let Some(next) = self.forward_to(prefix, destination, id) else { return };
        let forwarded = SeqnoRequest { hop_count: request.hop_count - 1, ..request.clone() };
        self.request(now, forwarded, Audience::One(next), true);
    }

    /// Whom a request is passed on to: the best feasible neighbour that is not the asking one, else the
    /// best one at all.
    fn forward_to(
        &self,
        prefix: PrefixPair,
        destination: &Destination,
        asking: NeighbourId,
    ) -> Option<NeighbourId> {
        let choices = self.choices(prefix, destination);
        choices
            .iter()
            .filter(|choice| choice.neighbour != asking && choice.metric < INFINITY)
            .min_by_key(|choice| (!choice.feasible, choice.metric, choice.neighbour))
            .map(|choice| choice.neighbour)
    }

    /// Sends a seqno request, unless the same is under way.
    pub(super) fn request(&mut self, now: Instant, request: SeqnoRequest, to: Audience, forwarded: bool) {
        let was = self.requests.get(request.prefix, request.router_id).map(|pending| pending.retry_at);
        match self.requests.add(now, &request, to, forwarded) {
            Wish::Duplicate => return,
            Wish::Full => {
                self.table_full(Table::Requests);
                return;
            }
            Wish::New => self.table_has_room(Table::Requests),
        }
        let retry_at = self.requests.get(request.prefix, request.router_id).map(|pending| pending.retry_at);
        self.timers.set(Timer::Request(request.prefix, request.router_id), was, retry_at);
        self.push_request(now, request, to);
    }

    pub(super) fn push_request(&mut self, now: Instant, request: SeqnoRequest, to: Audience) {
        let tlv = Tlv::SeqnoRequest(request);
        let soon = now + self.random.span(URGENT);
        let mut pushed = true;
        match to {
            Audience::One(id) => {
                if let Some(neighbour) = self.neighbours.get_mut(&id) {
                    pushed = neighbour.outbox.push(tlv, soon);
                }
            }
            Audience::All => {
                for interface in self.interfaces.values_mut() {
                    if let Some(running) = &mut interface.running {
                        pushed &= running.outbox.push(tlv.clone(), soon);
                    }
                }
            }
        }
        if !pushed {
            self.table_full(Table::Outbox);
        }
    }
}
