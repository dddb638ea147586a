//! From what waits to packets (RFC 8966 3.1, 3.7): decides what is said about each prefix, and where.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::engine::{Engine, MULTICAST, Table};
use super::interface::{Interface, URGENT};
use super::neighbour::{Neighbour, NeighbourId};
use super::output::RouteAction;
use super::send::{BATCH_PREFIXES, Batch, Mark, Outbox, promised};
use super::seqno::SeqNo;
use super::wire::tlv::{INFINITY, Tlv, Update};
use super::wire::write::PacketWriter;
use crate::base::address::{InterfaceIndex, PrefixPair};
use crate::base::time::{Instant, Span};

/// Why an update is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Occasion {
    /// A dump says everything that split horizon allows, and nothing of what we do not have.
    Dump,
    /// Something changed; who may not use us is told so.
    Change,
    /// Somebody asked: no split horizon.
    Answer,
}

/// The interface that updates leave by.
struct Door {
    index: InterfaceIndex,
    source: Ipv6Addr,
    interval_cs: u16,
    split_horizon: bool,
    device: String,
    radio: Option<String>,
    /// The next hop of IPv4 routes, where it is not `source`.
    ipv4: Option<Ipv4Addr>,
}

impl Engine {
    /// Sends all whose time has come.
    pub(super) fn flush_outboxes(&mut self, now: Instant) {
        let due = |outbox: &Outbox| outbox.next_due().is_some_and(|due| due <= now);
        let speaks = |(index, interface): (&InterfaceIndex, &Interface)| {
            interface.running.as_ref().filter(|running| due(&running.outbox)).map(|_| *index)
        };
        let indexes: Vec<InterfaceIndex> = self.interfaces.iter().filter_map(speaks).collect();
        for index in indexes {
            let repeat_at = now + REPEAT_GAP + self.random.span(REPEAT_GAP);
            let running = self.interfaces.get_mut(&index).and_then(|found| found.running.as_mut());
            if let Some(batch) = running.and_then(|running| running.outbox.take(now, repeat_at)) {
                self.transmit(now, index, None, batch);
            }
        }
        let waiting = self.neighbours.iter().filter(|(_, neighbour)| due(&neighbour.outbox));
        let ids: Vec<NeighbourId> = waiting.map(|(id, _)| *id).collect();
        for id in ids {
            let repeat_at = now + REPEAT_GAP + self.random.span(REPEAT_GAP);
            let Some(neighbour) = self.neighbours.get_mut(&id) else { continue };
            let index = neighbour.interface;
            if let Some(batch) = neighbour.outbox.take(now, repeat_at) {
                self.transmit(now, index, Some(id), batch);
            }
        }
    }

    fn transmit(&mut self, now: Instant, index: InterfaceIndex, to: Option<NeighbourId>, batch: Batch) {
        self.table_has_room(Table::Outbox);
        let mut tlvs = batch.tlvs;
        let mut updates = Vec::new();
        let Some(door) = self.door(index) else { return };
        for (prefix, Mark { answer, .. }) in batch.marks {
            let occasion = if answer { Occasion::Answer } else { Occasion::Change };
            updates.extend(self.update_for(now, &door, prefix, occasion));
        }
        let mut goes_on = false;
        if let Some(after) = batch.dump {
            let prefixes = self.dump_prefixes(now, index, to, after);
            goes_on = prefixes.len() == BATCH_PREFIXES;
            for prefix in prefixes {
                updates.extend(self.update_for(now, &door, prefix, Occasion::Dump));
            }
        }
        // Routes of one origin share a Router-Id TLV, and neighbours in number their first octets.
        updates.sort_by(|one, other| {
            one.router_id.cmp(&other.router_id).then_with(|| one.prefix.cmp(&other.prefix))
        });
        tlvs.extend(updates.into_iter().map(Tlv::Update));
        let sent = self.write(now, index, to, &tlvs, goes_on);
        if let Some(counters) = self.counters_of(index) {
            counters.tlvs_sent = counters.tlvs_sent.wrapping_add(sent.try_into().unwrap_or(0));
        }
        let held_back = tlvs[sent..].iter().filter_map(|tlv| match tlv {
            Tlv::Update(update) => update.prefix,
            _ => None,
        });
        if let Some(outbox) = self.outbox(index, to) {
            outbox.hold_back(now, held_back);
        }
    }

    fn outbox(&mut self, index: InterfaceIndex, to: Option<NeighbourId>) -> Option<&mut Outbox> {
        match to {
            Some(id) => self.neighbours.get_mut(&id).map(|neighbour| &mut neighbour.outbox),
            None => {
                let running = self.interfaces.get_mut(&index)?.running.as_mut();
                running.map(|running| &mut running.outbox)
            }
        }
    }

    /// Sends the TLVs, and says how many: if more `goes_on`, what does not fill a packet is left out.
    fn write(
        &mut self,
        now: Instant,
        index: InterfaceIndex,
        to: Option<NeighbourId>,
        tlvs: &[Tlv],
        goes_on: bool,
    ) -> usize {
        let Some(interface) = self.interfaces.get(&index) else { return tlvs.len() };
        let Some(running) = &interface.running else { return tlvs.len() };
        let (size, source) = (interface.packet_size(), running.source);
        let via_v6 = interface.ipv4_next_hop().is_none();
        let destination = match to {
            None => MULTICAST,
            Some(id) => match self.neighbours.get(&id) {
                Some(neighbour) => neighbour.address,
                None => return tlvs.len(),
            },
        };
        let mut writer = PacketWriter::new(size, source).retracting(via_v6).timed(self.timing(now, index));
        let mut sent = 0;
        for (position, tlv) in tlvs.iter().enumerate() {
            if !writer.push(tlv) {
                sent = position;
                let full = std::mem::replace(&mut writer, PacketWriter::new(size, source).retracting(via_v6));
                self.send(index, destination, full.finish());
                // The largest TLV with all that goes before it takes 76 octets of at least 512.
                writer.push(tlv);
            }
        }
        if goes_on && sent > 0 {
            return sent;
        }
        let alone = |tlv: &Tlv| matches!(tlv, Tlv::Hello { unicast: true, .. });
        let neighbour = to.and_then(|id| self.neighbours.get(&id)).filter(|_| tlvs.iter().any(alone));
        if let Some(octets) = neighbour.and_then(|neighbour| neighbour.air.hello_bytes) {
            writer.pad(octets.into());
        }
        if !writer.is_empty() {
            self.send(index, destination, writer.finish());
        }
        tlvs.len()
    }

    /// The next prefixes of a dump, behind `after`; what is left is scheduled.
    fn dump_prefixes(
        &mut self,
        now: Instant,
        index: InterfaceIndex,
        to: Option<NeighbourId>,
        after: Option<PrefixPair>,
    ) -> Vec<PrefixPair> {
        let prefixes = self.prefixes_after(after);
        if let Some(last) = prefixes.last().filter(|_| prefixes.len() == BATCH_PREFIXES)
            && let Some(outbox) = self.outbox(index, to)
        {
            outbox.continue_dump(now, *last);
        }
        prefixes
    }

    /// One batch of prefixes, our own and those that we learnt, in their order.
    fn prefixes_after(&self, after: Option<PrefixPair>) -> Vec<PrefixPair> {
        let mut own = self.originated.after(after.as_ref()).map(|(prefix, _)| *prefix).peekable();
        let mut learnt = self.routes.after(after).map(|(prefix, _)| prefix).peekable();
        let next = || {
            let first = [own.peek(), learnt.peek()].into_iter().flatten().min().copied()?;
            own.next_if_eq(&first);
            learnt.next_if_eq(&first);
            Some(first)
        };
        std::iter::from_fn(next).take(BATCH_PREFIXES).collect()
    }

    /// Whether what was learnt here is not announced back here (RFC 8966 3.7.4): where the operator says so, and
    /// towards an only neighbour, who gains nothing from its own routes, for none of them is feasible to it.
    pub(super) fn has_split_horizon(&self, index: InterfaceIndex) -> bool {
        let settings = self.interfaces.get(&index).and_then(|interface| interface.settings.as_ref());
        let here = self.neighbours.values().filter(|neighbour| neighbour.interface == index);
        settings.is_some_and(|settings| settings.split_horizon) || here.take(2).count() == 1
    }

    fn door(&self, index: InterfaceIndex) -> Option<Door> {
        let interface = self.interfaces.get(&index)?;
        let settings = interface.settings.as_ref()?;
        Some(Door {
            index,
            source: interface.running.as_ref()?.source,
            interval_cs: settings.update_interval.as_centis(),
            split_horizon: self.has_split_horizon(index),
            device: interface.status.name.clone(),
            radio: settings.radio.clone(),
            ipv4: interface.ipv4_next_hop(),
        })
    }

    /// What we say about `prefix` on this interface now; `None` is nothing.
    fn update_for(
        &mut self,
        now: Instant,
        door: &Door,
        prefix: PrefixPair,
        occasion: Occasion,
    ) -> Option<Update> {
        let interval_cs = promised(Span::from_centis(door.interval_cs)).as_centis();
        let ruling = self.settings.policy.on_its_way_out(&prefix, &door.device);
        let destination = self.routes.get(prefix);
        let said_before = destination.and_then(|found| found.selected).map(|selected| selected.announced);
        let route = destination.and_then(super::route::Destination::selected_route);
        let seqno = route.map_or(SeqNo::default(), |route| route.seqno);
        let retraction = Update::retraction(Some(prefix), interval_cs, seqno);
        let mut shared_air = 0;
        let (router_id, seqno, metric) = if let Some(metric) = self.originated.get(&prefix) {
            (self.router_id, self.seqno, *metric)
        } else if let Some(route) = route {
            let via = self.neighbours.get(&route.neighbour)?;
            if door.split_horizon && via.interface == door.index && occasion != Occasion::Answer {
                return (occasion == Occasion::Change).then_some(retraction);
            }
            shared_air = self.shared_air(door, via);
            (route.router_id, route.seqno, route.metric(via.cost))
        } else if destination.is_none_or(|found| found.kernel.is_none()) && self.is_left(prefix) {
            // Our kernel forwards it; what we say about it is said once we have heard everybody.
            return None;
        } else {
            let held = destination.is_some_and(|found| found.kernel == Some(RouteAction::Unreachable));
            return (held || occasion != Occasion::Dump).then_some(retraction);
        };
        let chosen = metric;
        let metric = ruling.of(metric.saturating_add(shared_air));
        if metric == INFINITY {
            // A neighbour may have it from before, or have asked. A retraction passes every filter.
            return (occasion != Occasion::Dump).then_some(retraction);
        }
        // RFC 8966 3.7.3: we remember what we say before we say it.
        if !self.sources.announce(now, prefix, router_id, seqno, metric) {
            self.table_full(Table::Sources);
            return None;
        }
        if !self.sources.is_full() {
            self.table_has_room(Table::Sources);
        }
        if said_before != Some(chosen)
            && let Some(selected) = self.routes.get_mut(prefix).and_then(|found| found.selected.as_mut())
        {
            selected.announced = chosen;
        }
        let ipv4 = door.ipv4.filter(|_| prefix.is_ipv4());
        let next_hop = Some(ipv4.map_or(door.source.into(), IpAddr::V4));
        let router_id = Some(router_id);
        Some(Update { prefix: Some(prefix), interval_cs, seqno, metric, router_id, next_hop })
    }
}

impl Engine {
    /// What it costs more to go on over the radio that the route's next hop is on: a packet takes its air
    /// twice, so that half of that hop is added.
    fn shared_air(&self, door: &Door, via: &Neighbour) -> u16 {
        let other = self.interfaces.get(&via.interface).and_then(|interface| interface.settings.as_ref());
        let shares = door.radio.is_some() && other.is_some_and(|other| other.radio == door.radio);
        if shares { via.cost / 2 } else { 0 }
    }
}

/// What must not be missed is said again after one to two of these.
const REPEAT_GAP: Span = Span::from_millis(URGENT.as_millis() * 5);
