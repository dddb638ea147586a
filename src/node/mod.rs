//! Floor 3: the whole node without IO.
//!
//! One [`Input`] in, then drain every [`Output`], then the next input: [`Node::step`] does just that.
//! The four cores never see each other; this room carries what one says to the others:
//!
//! ```text
//!  Packet, Interface ─▶ babel ─▶ Packet, Routes
//!  KernelRoutes ──▶ announce ─┘       │ default route there?
//!                                     ▼
//!  Portal, Usage ───▶ hotspot ─▶ Page, Guests, SaveSessions
//!                        │  ▲ what a voucher holds
//!             used, typed ▼  │
//!  Records, Stored ─▶ ledger ─▶ Store        (guests.rs, sales.rs)
//!  Exchange ◀─────────▶ sync                 (exchange.rs)
//!  Call ─▶ answers.rs reads all four ─▶ Answer
//! ```
//!
//! The daemon, the simulator, the replayer and the fuzzers drive this same type. Its state is plain
//! data: it can be cloned, compared and written to a file ([`recorder`]). Secrets are not part of it;
//! they are behind [`vault::Vault`], which comes in as an argument.

#![forbid(unsafe_code)]

mod alerts;
mod align;
mod announce;
mod answers;
mod books;
mod bridges;
#[cfg(test)]
mod cable;
pub mod calendar;
pub mod call;
mod chains;
mod change;
pub mod deed;
mod entitled;
mod exchange;
mod grants;
mod guests;
pub mod input;
mod keys;
mod ladder;
mod look_back;
pub mod metered;
pub mod output;
mod outside;
mod persons;
pub mod pipe;
pub(crate) mod plan;
pub mod probe;
mod provisional;
mod radio;
pub mod recorder;
mod redact;
mod roaming;
mod roots;
mod routed;
mod rules;
mod sales;
mod services;
pub mod settings;
mod stores;
mod taps;
mod told;
mod uplinks;
pub mod vault;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::babel::engine::Datagram;
use crate::babel::{self, Engine, InterfaceStatus, RouterId, SeqNo};
use crate::base::address::InterfaceIndex;
use crate::base::limit;
use crate::base::random::Random;
use crate::base::sorted::SortedMap;
use crate::base::time::{Instant, Span};
use crate::base::voucher::RequestId;
use crate::hotspot::Hotspot;
use crate::ledger::Ledger;
use crate::ledger::sync::Sync;
use crate::link::monitor::Monitor;
use call::Answer;
use input::{Input, KernelRoute};
use output::{Note, NoteLevel, Output};
use settings::Settings;
use vault::Vault;

/// A node of the mesh: four cores and what ties them together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Node {
    settings: Settings,
    started: Instant,
    random: Random,
    babel: Engine,
    hotspot: Option<Hotspot>,
    ledger: Ledger,
    sync: Sync,
    others: exchange::Others,
    keys: keys::EpochKeys,
    grants: grants::Grants,
    services: services::Services,
    told: told::Told,
    routed: routed::Routed,
    interfaces: SortedMap<InterfaceIndex, InterfaceStatus>,
    kernel_routes: Vec<KernelRoute>,
    seqno_saved: SeqNo,
    uplink: announce::Uplink,
    watches: uplinks::Watches,
    outside: outside::Outside,
    strangers: entitled::Strangers,
    monitor: Monitor,
    far_ends: radio::FarEnds,
    aligning: align::Aligning,
    changes: change::Changes,
    meters: metered::Meters,
    troubles: alerts::Troubles,
    calendar: calendar::Calendar,
    seen_mode: rules::SeenMode,
    /// Requests that wait, and when they are given up.
    requests: SortedMap<RequestId, Instant>,
    chains: chains::Chains,
    sales: sales::Sales,
    stores: stores::Stores,
    books: books::Books,
    guests: guests::Guests,
    provisional: provisional::Provisional,
    outputs: VecDeque<Output>,
}

/// What the node is born with; drawn by the daemon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Birth {
    /// Babel's name for this node: kept over a restart, new at each cold boot.
    pub router_id: RouterId,
    /// Babel's sequence number: continued over a restart.
    pub seqno: SeqNo,
    /// Where all chance below this floor comes from.
    pub seed: u64,
}

impl Node {
    /// A node with these settings, that knows nothing yet. Its records, the interfaces and what the
    /// last run left come as inputs.
    pub fn new(now: Instant, settings: Settings, birth: Birth, vault: &mut dyn Vault) -> Self {
        let mut random = Random::new(birth.seed);
        let keys = keys::EpochKeys::default();
        let routing = keys.routing(&settings.babel);
        let babel = Engine::new(routing, birth.router_id, birth.seqno, random.u64());
        let hotspot = settings.hotspot.clone().map(|settings| Hotspot::new(settings, random.u64()));
        // `docs/ledger.md`, records: a start continues at the highest seq + a random 1..2^32.
        let ledger = Ledger::new(vault.sign_key(), 1 + random.below(1 << 32));
        Self {
            settings,
            started: now,
            babel,
            hotspot,
            ledger,
            sync: Sync::new(random.u64()),
            others: exchange::Others::default(),
            keys,
            grants: grants::Grants::default(),
            services: services::Services::default(),
            told: told::Told::default(),
            routed: routed::Routed::default(),
            random,
            interfaces: SortedMap::new(),
            kernel_routes: Vec::new(),
            seqno_saved: birth.seqno,
            uplink: announce::Uplink::default(),
            watches: uplinks::Watches::default(),
            outside: outside::Outside::default(),
            strangers: entitled::Strangers::default(),
            monitor: Monitor::default(),
            far_ends: radio::FarEnds::default(),
            aligning: align::Aligning::default(),
            changes: change::Changes::default(),
            meters: metered::Meters::default(),
            troubles: alerts::Troubles::default(),
            calendar: calendar::Calendar::default(),
            seen_mode: rules::SeenMode::default(),
            requests: SortedMap::new(),
            chains: chains::Chains::default(),
            sales: sales::Sales::default(),
            stores: stores::Stores::default(),
            books: books::Books::default(),
            guests: guests::Guests::default(),
            provisional: provisional::Provisional::default(),
            outputs: VecDeque::new(),
        }
    }

    /// Handles `input` and drains the outputs that it caused.
    pub fn step(&mut self, now: Instant, input: Input, vault: &mut dyn Vault) -> Vec<Output> {
        self.handle(now, input, vault);
        std::iter::from_fn(|| self.poll()).collect()
    }

    /// Handles one input. Drain [`poll`](Self::poll) afterwards.
    pub fn handle(&mut self, now: Instant, input: Input, vault: &mut dyn Vault) {
        match input {
            Input::Wake => self.wake(now, vault),
            Input::Clock(told) => self.told_time(now, told),
            Input::TimeFound(kept) => self.time_found(now, kept),
            Input::VolumesFound(volumes) => self.meters.handle_found(volumes),
            Input::Carried(counters) => self.carried(now, &counters),
            Input::Settings(settings) => self.reload(now, *settings),
            Input::Records(records) => self.remembered(now, &records, vault),
            Input::GuestsFound { saved, admitted, samples } => {
                if let Some(hotspot) = &mut self.hotspot {
                    hotspot.handle_start(now, saved, admitted, samples);
                }
            }
            Input::RoutesFound(routes) => self.babel.handle_routes_left(now, &routes),
            Input::Interface(status) => self.interface_changed(now, status),
            Input::InterfaceGone(index) => self.interface_gone(now, index),
            Input::KernelRoutes(routes) => self.kernel_routes_changed(now, routes),
            Input::Packet { interface, source, destination, bytes } => {
                let verify =
                    &mut |key: &str, message: &[u8], macs: &[&[u8]]| vault.babel_verify(key, message, macs);
                let datagram = Datagram { interface, source, destination, bytes: &bytes };
                self.babel.handle_packet(now, &datagram, verify);
            }
            Input::Probed { id, found } => self.probed(now, id, &found),
            Input::Trouble { code, what } => self.troubles.handle(code, what),
            Input::RouteFailed { prefix, why } => {
                self.note(NoteLevel::Warning, format!("the kernel refused the route to {prefix}: {why}"));
                self.babel.handle_route_failed(now, prefix);
            }
            Input::Usage(_) | Input::Sought(_) | Input::GuestsFailed { .. } | Input::Portal { .. } => {
                self.of_guests(now, input);
            }
            Input::Call { request, caller, call } => self.call(now, request, &caller, call, vault),
            Input::PeerGone(request) => self.give_up(request, vault),
            Input::Stored(id) => self.stored(now, id),
            Input::StoreFailed(id, why) => self.store_failed(now, id, &why, vault),
            Input::Radio(news) => self.radio(now, news),
            Input::ChangeFound(record) => self.change_found(now, &record),
            Input::ChangeDone(done) => self.change_done(now, done),
            Input::Exchange(event) => {
                self.sync.handle(now, event, &self.ledger);
                self.hear_asides(now);
            }
            Input::Leave => self.babel.handle_leave(now),
            Input::Stop => self.stop(now, vault),
        }
        self.carry(now, vault);
    }

    /// What the hotspot alone has to know.
    fn of_guests(&mut self, now: Instant, input: Input) {
        let Some(hotspot) = &mut self.hotspot else { return };
        match input {
            Input::Usage(samples) => hotspot.handle_usage(now, &samples),
            Input::Sought(found) => hotspot.handle_sought(now, &found),
            Input::GuestsFailed { changes, why } => hotspot.handle_guests_failed(now, changes, why),
            Input::Portal { request, guest, http } => hotspot.handle_request(now, request, guest, http),
            _ => {}
        }
    }

    /// The journal's records are here, and with them who this node is.
    fn remembered(&mut self, now: Instant, records: &[Vec<u8>], vault: &mut dyn Vault) {
        self.records(now, records, vault);
        self.learn_keys(now, vault);
        self.look_who_lacks(now);
        self.name_community(now);
        self.look_at_rules(now, true);
        self.books.handle_written(now, records);
        self.write_late(now, vault);
    }

    fn interface_changed(&mut self, now: Instant, status: InterfaceStatus) {
        let can_speak = |status: &InterfaceStatus| status.up && status.link_local.is_some();
        let before = self.interfaces.insert(status.index, status.clone());
        if can_speak(&status) && !before.as_ref().is_some_and(can_speak) {
            self.sync.handle_interface_up(now);
        }
        self.babel.handle_interface(now, status);
        self.announce(now);
    }

    fn interface_gone(&mut self, now: Instant, index: InterfaceIndex) {
        self.interfaces.remove(&index);
        self.babel.handle_interface_gone(now, index);
        self.announce(now);
    }

    fn kernel_routes_changed(&mut self, now: Instant, routes: Vec<KernelRoute>) {
        self.kernel_routes = routes;
        self.redistribute();
        self.announce(now);
    }

    /// The next thing to do. Poll until `None` after each [`handle`](Self::handle).
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to hand in [`Input::Wake`]; ask again after each input.
    pub fn next_wake(&self) -> Option<Instant> {
        let hotspot = self.hotspot.as_ref().and_then(Hotspot::next_wake);
        let request = self.requests.values().min().copied();
        let chain = self.chains.next_wake();
        let rooms = [
            self.babel.next_wake(),
            hotspot,
            request,
            chain,
            self.stores.next_wake(),
            self.guests.next_wake(),
            self.outside_wake(),
            self.strangers_wake(),
            self.sync.next_wake(&self.ledger),
            self.others.next_wake(),
            self.books.next_wake(),
            self.keys.next_wake(),
            self.grants.next_wake(),
            self.provisional_wake(),
            self.told_wake(),
            self.routed_wake(),
            self.change_wake(),
            self.radio_wake(),
            self.services.next_wake(),
        ];
        rooms.into_iter().flatten().min()
    }

    /// The routing core, to look at.
    pub fn babel(&self) -> &Engine {
        &self.babel
    }

    /// The hotspot, to look at.
    pub fn hotspot(&self) -> Option<&Hotspot> {
        self.hotspot.as_ref()
    }

    /// The ledger, to look at.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn wake(&mut self, now: Instant, vault: &mut dyn Vault) {
        self.babel.handle_wake(now);
        if let Some(hotspot) = &mut self.hotspot {
            hotspot.handle_wake(now);
        }
        self.advance_chains(now, vault);
        self.retry_stores(now);
        self.wake_exchange(now, vault);
        self.look_after_books(now, vault);
        self.retire_keys(now, vault);
        self.grant_share(now, vault);
        self.tell_status(now, vault);
        self.look_for_routed(now);
        self.look_for_strangers(now);
        self.look_who_is_reached(now);
        self.choose_lane(now);
        self.write_usage(now, vault, false);
        self.wake_change(now);
        self.wake_radios(now);
        self.ask_services(now);
        if self.outside_wake().is_some_and(|at| at <= now) {
            self.announce(now);
        }
        let late: Vec<RequestId> = self
            .requests
            .iter()
            .filter(|(_, deadline)| **deadline <= now)
            .map(|(request, _)| *request)
            .collect();
        for request in late {
            if self.leaves_a_sale(request) {
                continue;
            }
            self.give_up(request, vault);
            self.refuse(request, "timeout", "The node is too busy to answer. Please try again in a moment.");
        }
    }

    /// Takes over new settings; what did not change goes on undisturbed.
    fn reload(&mut self, now: Instant, settings: Settings) {
        self.babel.handle_settings(now, self.keys.routing(&settings.babel));
        match (&mut self.hotspot, settings.hotspot.clone()) {
            (Some(hotspot), Some(settings)) => hotspot.handle_settings(now, settings),
            (None, Some(settings)) => {
                self.hotspot = Some(Hotspot::new(settings, self.random.u64()));
                self.tell_uplink_again();
            }
            // The hotspot's sessions end by their leases; the kernel needs no word from us.
            (_, None) => self.hotspot = None,
        }
        self.settings = settings;
        self.name_community(now);
        self.look_at_rules(now, false);
        self.redistribute();
        self.announce(now);
    }

    /// Carries what the cores have to say, to each other and out, until all are quiet.
    ///
    /// No core answers an answer: a guest's request goes hotspot -> chain -> ledger -> hotspot and
    /// ends there, so the loop is short; the bound is there to make a mistake loud, not to be reached.
    fn carry(&mut self, now: Instant, vault: &mut dyn Vault) {
        for _ in 0..limit::NODE_CARRY_ROUNDS {
            let mut quiet = true;
            while let Some(output) = self.babel.poll() {
                quiet = false;
                self.babel_output(now, output, vault);
            }
            while let Some(output) = self.hotspot.as_mut().and_then(Hotspot::poll) {
                quiet = false;
                self.hotspot_output(now, output, vault);
            }
            if quiet {
                break;
            }
            self.announce(now);
        }
        while let Some(output) = self.sync.poll() {
            self.outputs.push_back(Output::Exchange(output));
        }
        let seqno = self.babel.seqno();
        if seqno != self.seqno_saved {
            self.seqno_saved = seqno;
            self.outputs.push_back(Output::SaveSeqno(seqno));
        }
    }

    fn babel_output(&mut self, now: Instant, output: babel::output::Output, vault: &mut dyn Vault) {
        use babel::output::{Event, Output as Babel};
        match output {
            Babel::Send { interface, destination, bytes, seal } => {
                let mut sign = |key: &str, message: &[u8]| vault.babel_mac(key, message);
                let bytes = match &seal {
                    Some(seal) => babel::auth::wire::sealed(bytes, destination, seal, &mut sign),
                    None => bytes,
                };
                self.outputs.push_back(Output::Packet { interface, destination, bytes });
            }
            Babel::Routes(changes) => self.outputs.push_back(Output::Routes(changes)),
            Babel::Event(event) => {
                let (level, text) = match event {
                    Event::NeighbourNew { interface, address } => {
                        self.look_at_link(now, interface, address);
                        (NoteLevel::Info, format!("neighbour {address} heard on {}", self.device(interface)))
                    }
                    Event::NeighbourLost { interface, address } => (
                        NoteLevel::Warning,
                        format!("neighbour {address} on {} is lost", self.device(interface)),
                    ),
                    Event::BadPacket { interface, address, why } => (
                        NoteLevel::Warning,
                        format!("bad packet from {address} on {}: {why}", self.device(interface)),
                    ),
                    Event::TableFull { table } => (
                        NoteLevel::Warning,
                        format!("the table of {table} is full; something was turned away"),
                    ),
                };
                self.note(level, text);
            }
        }
    }

    /// The name of a device, or its number when it is gone.
    fn device(&self, index: InterfaceIndex) -> String {
        self.interfaces
            .get(&index)
            .map_or_else(|| format!("interface {}", index.0), |status| status.name.clone())
    }

    /// Takes a request on, or refuses it because too many wait.
    fn admit(&mut self, now: Instant, request: RequestId) -> bool {
        if self.requests.len() >= limit::NODE_REQUESTS {
            self.refuse(request, "busy", "Too many requests are waiting. Please try again in a moment.");
            return false;
        }
        self.requests.insert(request, now + Span::from_secs(limit::NODE_REQUEST_S));
        true
    }

    fn answer(&mut self, request: RequestId, answer: Answer) {
        self.requests.remove(&request);
        self.outputs.push_back(Output::Answer { request, answer: Box::new(answer) });
    }

    fn refuse(&mut self, request: RequestId, code: &str, message: impl Into<String>) {
        self.answer(request, Answer::Refused { code: code.to_owned(), message: message.into() });
    }

    /// Nobody waits any more: the chain that was computed for it stops; what is already signed stays.
    fn give_up(&mut self, request: RequestId, vault: &mut dyn Vault) {
        self.requests.remove(&request);
        self.chains.forget_request(request, vault);
        self.sales.forget(request);
    }

    fn note(&mut self, level: NoteLevel, text: impl Into<String>) {
        self.outputs.push_back(Output::Note(Note { level, text: text.into() }));
    }
}
