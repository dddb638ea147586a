//! The engine: what it is made of, and which room answers which input.
//!
//! Every `handle_*` changes the state and queues outputs; [`Engine::poll`] drains them. Packets are
//! acted on in `receive`, routes chosen in `decide`, packets built in `announce`, deadlines met in
//! `wake`. Nothing here decides anything.

use std::collections::VecDeque;
use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use super::air::Air;
use super::auth::{Authenticity, Verify};
use super::counters::Counters;
use super::disown::ColdStart;
use super::doubt::Doubt;
use super::interface::{Interface, InterfaceStatus, Running};
use super::neighbour::{Neighbour, NeighbourId};
use super::output::{Event, Output, RouteAction, RouteChange, kernel_takes};
use super::request::Requests;
use super::route::{Destination, Routes};
use super::router_id::RouterId;
use super::send::Mark;
use super::seqno::SeqNo;
use super::settings::{InterfaceSettings, Settings};
use super::source::Sources;
use super::timer::Timers;
use super::wire::tlv::{INFINITY, Tlv, Update};
use super::wire::write::PacketWriter;
use crate::base::address::{InterfaceIndex, PrefixPair};
use crate::base::limit::{BABEL_INTERFACES, BABEL_ORIGINATED, BABEL_SEND_QUEUE};
use crate::base::random::Random;
use crate::base::sorted::{LargeMap, LargeSet, SortedMap, SortedSet};
use crate::base::time::{Instant, Span};

/// One Babel router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engine {
    pub(super) settings: Settings,
    pub(super) router_id: RouterId,
    pub(super) seqno: SeqNo,
    pub(super) random: Random,
    pub(super) interfaces: SortedMap<InterfaceIndex, Interface>,
    pub(super) neighbours: SortedMap<NeighbourId, Neighbour>,
    pub(super) next_neighbour: u32,
    pub(super) airs: SortedMap<(InterfaceIndex, Ipv6Addr), Air>,
    pub(super) originated: SortedMap<PrefixPair, u16>,
    pub(super) routes: Routes,
    pub(super) sources: Sources,
    pub(super) requests: Requests,
    pub(super) timers: Timers,
    /// The kernel forwarded all the time before we were started, so this is no cold boot.
    pub(super) continues: bool,
    pub(super) doubt: Option<Doubt>,
    pub(super) authenticity: Authenticity,
    /// Tables that are full, and have been said to be.
    full: SortedSet<Table>,
    /// Until when we say no more about bad packets.
    quiet_until: Instant,
    changes: LargeMap<PrefixPair, RouteAction>,
    outputs: VecDeque<Output>,
}

/// A datagram as it came.
#[derive(Clone, Copy, Debug)]
pub struct Datagram<'a> {
    /// Where it came in.
    pub interface: InterfaceIndex,
    /// Who it says sent it.
    pub source: Ipv6Addr,
    /// All of us, or this node.
    pub destination: Ipv6Addr,
    /// What is in it.
    pub bytes: &'a [u8],
}

/// A bounded table, by the name that people read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum Table {
    Authenticated,
    Interfaces,
    Neighbours,
    Originated,
    Outbox,
    Requests,
    Routes,
    /// What one neighbour may have of the routes.
    Share,
    Sources,
}

impl Engine {
    /// A router that knows nobody yet. `seqno` should be newer than any that this router-id ever used;
    /// a router that cannot know takes a new `router_id`. The same `seed` gives the same behaviour.
    pub fn new(settings: Settings, router_id: RouterId, seqno: SeqNo, seed: u64) -> Self {
        Self {
            settings,
            router_id,
            seqno,
            random: Random::new(seed),
            interfaces: SortedMap::new(),
            neighbours: SortedMap::new(),
            next_neighbour: 0,
            airs: SortedMap::new(),
            originated: SortedMap::new(),
            routes: Routes::default(),
            sources: Sources::default(),
            requests: Requests::default(),
            timers: Timers::default(),
            continues: false,
            doubt: None,
            authenticity: Authenticity::default(),
            full: SortedSet::new(),
            quiet_until: Instant::ZERO,
            changes: SortedMap::new(),
            outputs: VecDeque::new(),
        }
    }

    /// New settings: an interface whose settings stay the same notices nothing, and one whose settings
    /// change keeps its neighbours.
    pub fn handle_settings(&mut self, now: Instant, settings: Settings) {
        let before = std::mem::replace(&mut self.settings, settings);
        let indexes: Vec<InterfaceIndex> = self.interfaces.keys().copied().collect();
        for index in indexes {
            self.apply_settings(now, index);
        }
        self.policy_changed(now, &before.policy);
        self.flush_changes();
    }

    /// What the kernel says about an interface now; the same again changes nothing.
    pub fn handle_interface(&mut self, now: Instant, status: InterfaceStatus) {
        let index = status.index;
        if !self.interfaces.contains_key(&index) && self.interfaces.len() >= BABEL_INTERFACES {
            self.table_full(Table::Interfaces);
            return;
        }
        self.table_has_room(Table::Interfaces);
        match self.interfaces.get_mut(&index) {
            Some(interface) if interface.status.name == status.name => {
                let before = interface.ipv4_next_hop();
                interface.status = status;
                interface.tell_next_hop(now, before);
            }
            _ => {
                // A number that now has another name is another interface.
                self.stop_interface(now, index);
                let (cold_start, counters) = (ColdStart::default(), Counters::default());
                let interface = Interface { status, settings: None, running: None, cold_start, counters };
                self.interfaces.insert(index, interface);
            }
        }
        self.apply_settings(now, index);
        self.flush_changes();
    }

    /// An interface exists no more.
    pub fn handle_interface_gone(&mut self, now: Instant, index: InterfaceIndex) {
        self.stop_interface(now, index);
        self.interfaces.remove(&index);
        self.forget_airs(index);
        self.authenticity.forget(index);
        self.flush_changes();
    }

    /// A datagram from port 6696 arrived. What is malformed is counted and changes nothing. `verify` is asked
    /// whether a MAC is right.
    pub fn handle_packet(&mut self, now: Instant, datagram: &Datagram<'_>, verify: &mut Verify<'_>) {
        self.receive(now, datagram, verify);
        self.flush_changes();
    }

    /// All that this node announces itself, each prefix with its metric. What is gone is retracted.
    pub fn handle_originated(&mut self, now: Instant, prefixes: &SortedMap<PrefixPair, u16>) {
        let wanted: SortedMap<PrefixPair, u16> = prefixes
            .iter()
            .filter(|(prefix, metric)| **metric < INFINITY && !super::wire::packet::martian(prefix))
            .take(BABEL_ORIGINATED)
            .map(|(prefix, metric)| (*prefix, *metric))
            .collect();
        if prefixes.len() > BABEL_ORIGINATED {
            self.table_full(Table::Originated);
        } else {
            self.table_has_room(Table::Originated);
        }
        let before = std::mem::replace(&mut self.originated, wanted);
        let gone = before.keys().filter(|prefix| !self.originated.contains_key(prefix)).copied();
        let changed = self.originated.iter().filter(|(prefix, metric)| before.get(prefix) != Some(metric));
        let touched: LargeSet<PrefixPair> = gone.chain(changed.map(|(prefix, _)| *prefix)).collect();
        for prefix in touched {
            let repeats = if self.originated.contains_key(&prefix) { 1 } else { super::decide::REPEATS };
            self.reselect(now, prefix);
            self.announce_everywhere(now, prefix, Mark { repeats, answer: false });
        }
        self.flush_changes();
    }

    /// The kernel refused what we last said about `prefix`: we say it again, each time later.
    pub fn handle_route_failed(&mut self, now: Instant, prefix: PrefixPair) {
        self.retry_kernel(now, prefix);
    }

    /// The node is put out of service: what it announced is taken back, and the kernel is told to forget what it was
    /// told. Nothing is to be handed in after that.
    pub fn handle_leave(&mut self, now: Instant) {
        let indexes: Vec<InterfaceIndex> = self.interfaces.keys().copied().collect();
        for index in indexes {
            for _ in 0..=super::decide::REPEATS {
                self.say_goodbye(index);
            }
            self.stop_interface(now, index);
        }
        for change in self.installed() {
            self.change(change.prefix, RouteAction::Remove);
        }
        self.flush_changes();
    }

    /// Time has passed. Harmless if it is too early.
    pub fn handle_wake(&mut self, now: Instant) {
        self.wake(now);
        self.flush_changes();
    }

    /// The next thing that the world should do. To be drained after each `handle_*`.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// The routes that the kernel should hold now.
    pub fn installed(&self) -> Vec<RouteChange> {
        let held = |(prefix, destination): (PrefixPair, &Destination)| {
            destination.kernel.map(|action| RouteChange { prefix, action })
        };
        self.routes.iter().filter(|(prefix, _)| kernel_takes(prefix)).filter_map(held).collect()
    }

    /// Our router-id.
    pub const fn router_id(&self) -> RouterId {
        self.router_id
    }

    /// Our own sequence number, to be kept for the next start.
    pub const fn seqno(&self) -> SeqNo {
        self.seqno
    }

    /// Gives an interface the settings of its name, and starts or stops it accordingly.
    fn apply_settings(&mut self, now: Instant, index: InterfaceIndex) {
        let Some(interface) = self.interfaces.get_mut(&index) else { return };
        let name = &interface.status.name;
        let mut configured = self.settings.interfaces.iter();
        let settings = configured.find(|settings| settings.name == *name).map(InterfaceSettings::bounded);
        let next_hop = interface.ipv4_next_hop();
        let before = std::mem::replace(&mut interface.settings, settings);
        interface.tell_next_hop(now, next_hop);
        let (may_run, settings) = (interface.may_run(), interface.settings.clone());
        match (may_run, &interface.running) {
            (None, Some(_)) => {
                if interface.status.up && settings.is_none() {
                    // Said as it was said before: with the old keys.
                    interface.settings = before;
                    self.say_goodbye(index);
                    if let Some(interface) = self.interfaces.get_mut(&index) {
                        interface.settings = None;
                    }
                }
                self.stop_interface(now, index);
            }
            (Some(source), None) => self.start_interface(now, index, source),
            (Some(source), Some(running)) if running.source != source => {
                // The neighbours see a new router: it introduces itself like one.
                self.start_interface(now, index, source);
            }
            (Some(_), Some(_)) if before != settings => self.change_interface(now, index, before),
            _ => {}
        }
    }

    fn start_interface(&mut self, now: Instant, index: InterfaceIndex, source: Ipv6Addr) {
        let mut running = Running::new(now, source, &mut self.random);
        // Whoever is there already tells us what it knows.
        running.outbox.push(Tlv::RouteRequest(None), running.hello_due);
        if let Some(interface) = self.interfaces.get_mut(&index) {
            // After a cold boot the neighbours may not have noticed yet that we were gone, and we do not
            // remember what we announced: nobody may offer us our own old ways.
            if self.continues {
                interface.cold_start.spare(now);
            }
            running.retractions = interface.cold_start.begin(now, interface.settings.as_ref());
            interface.running = Some(running);
        }
    }

    fn stop_interface(&mut self, now: Instant, index: InterfaceIndex) {
        if let Some(interface) = self.interfaces.get_mut(&index) {
            interface.running = None;
        }
        let here = self.neighbours.iter().filter(|(_, neighbour)| neighbour.interface == index);
        let ids: Vec<NeighbourId> = here.map(|(id, _)| *id).collect();
        for id in ids {
            self.lose_neighbour(now, id);
        }
    }

    /// Settings changed while the interface speaks: neighbours stay, costs and promises are new.
    fn change_interface(&mut self, now: Instant, index: InterfaceIndex, before: Option<InterfaceSettings>) {
        let Some(interface) = self.interfaces.get_mut(&index) else { return };
        let (Some(settings), Some(running)) = (&interface.settings, &mut interface.running) else { return };
        if before.as_ref().map(|before| before.hello_interval) != Some(settings.hello_interval) {
            // A Hello with the new interval goes first, else the neighbours count losses by the old one.
            running.hello_due = now;
        }
        if before.as_ref().map(|before| &before.auth) != Some(&settings.auth) {
            // Whoever could not believe us may be able to now, and the other way round.
            running.hurry(now, &mut self.random);
        }
        running.update_due = running.update_due.min(now + settings.update_interval);
        let here = self.neighbours.iter().filter(|(_, neighbour)| neighbour.interface == index);
        let ids: Vec<NeighbourId> = here.map(|(id, _)| *id).collect();
        for id in ids {
            self.refresh_cost(now, id);
        }
    }

    /// The interface was taken out of the settings: what we announced there is void.
    fn say_goodbye(&mut self, index: InterfaceIndex) {
        let Some(interface) = self.interfaces.get(&index) else { return };
        let Some(running) = &interface.running else { return };
        let mut writer = PacketWriter::new(interface.packet_size(), running.source);
        writer.push(&retract_all(self.seqno));
        self.send(index, MULTICAST, writer.finish());
    }

    /// Queues a packet; the oldest one of the interface is dropped when nobody takes them.
    pub(super) fn send(&mut self, interface: InterfaceIndex, destination: Ipv6Addr, mut bytes: Vec<u8>) {
        if self.outputs.len() >= BABEL_SEND_QUEUE {
            let ours = |output: &Output| matches!(output, Output::Send { interface: other, .. } if *other == interface);
            let waiting = self.outputs.iter().filter(|output| ours(output)).count();
            if waiting >= BABEL_SEND_QUEUE
                && let Some(oldest) = self.outputs.iter().position(ours)
            {
                self.outputs.remove(oldest);
                if let Some(counters) = self.counters_of(interface) {
                    counters.packets_unsent = counters.packets_unsent.wrapping_add(1);
                }
            }
        }
        if let Some(counters) = self.counters_of(interface) {
            counters.packets_sent = counters.packets_sent.wrapping_add(1);
        }
        let seal = self.seal(interface, &mut bytes);
        self.outputs.push_back(Output::Send { interface, destination, bytes, seal });
    }

    /// Says what happened; events that nobody takes are not piled up.
    pub(super) fn event(&mut self, event: Event) {
        if self.outputs.len() < BABEL_SEND_QUEUE * 4 {
            self.outputs.push_back(Output::Event(event));
        }
    }

    /// A packet or some TLVs of it were refused: counted by the caller, said at most every 10 seconds.
    pub(super) fn bad_packet(
        &mut self,
        now: Instant,
        interface: InterfaceIndex,
        address: Ipv6Addr,
        why: String,
    ) {
        if self.quiet_until <= now {
            self.quiet_until = now + BAD_PACKET_QUIET;
            self.event(Event::BadPacket { interface, address, why });
        }
    }

    pub(super) fn table_full(&mut self, table: Table) {
        if self.full.insert(table) {
            self.event(Event::TableFull { table: table.name().into() });
        }
    }

    pub(super) fn table_has_room(&mut self, table: Table) {
        self.full.remove(&table);
    }

    /// The kernel shall do this with packets for `prefix`; leaves at the end of the input.
    pub(super) fn change(&mut self, prefix: PrefixPair, action: RouteAction) {
        if kernel_takes(&prefix) {
            self.changes.insert(prefix, action);
        }
    }

    pub(super) fn flush_changes(&mut self) {
        let changes = std::mem::take(&mut self.changes);
        if !changes.is_empty() {
            let changes = changes.into_iter().map(|(prefix, action)| RouteChange { prefix, action });
            self.outputs.push_back(Output::Routes(changes.collect()));
        }
    }
}

impl Table {
    const fn name(self) -> &'static str {
        match self {
            Self::Authenticated => "authenticated senders",
            Self::Interfaces => "interfaces",
            Self::Neighbours => "neighbours",
            Self::Originated => "announced prefixes",
            Self::Outbox => "waiting TLVs",
            Self::Requests => "pending requests",
            Self::Routes => "routes",
            Self::Share => "routes of one neighbour",
            Self::Sources => "sources",
        }
    }
}

/// Takes back everything that we announced (RFC 8966 4.6.9).
pub(super) fn retract_all(seqno: SeqNo) -> Tlv {
    Tlv::Update(Update::retraction(None, GOODBYE_INTERVAL.as_centis(), seqno))
}

/// Where packets for all neighbours go (RFC 8966 section 4).
pub const MULTICAST: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 6);
/// What a retraction of everything promises (RFC 8966 4.6.9 wants an interval): nothing comes after it.
const GOODBYE_INTERVAL: Span = Span::from_secs(16);
/// How long we say nothing after a bad packet was said.
const BAD_PACKET_QUIET: Span = Span::from_secs(10);
