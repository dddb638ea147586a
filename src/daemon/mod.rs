//! Floor 5: the daemon. Everything that can happen is turned into an [`Input`], handed to the
//! [`Node`], and what the node wants done is done. There is one loop and nothing is decided here.
//!
//! ```text
//!  mesh sockets ─┐                              ┌─▶ mesh sockets, kernel routes
//!  netlink ──────┤                              ├─▶ nft sets
//!  portal ───────┼─▶ Event ─▶ Input ─▶ Node ─▶ Output ─┼─▶ portal, ubus
//!  ubus ─────────┤                              ├─▶ journal thread
//!  ledger streams ┤                             ├─▶ ledger streams
//!  journal ──────┘                              └─▶ run folder, log
//! ```
//!
//! [`start`] opens the adapters, [`perform`] does what the outputs say, [`calls`] turns ubus calls into
//! typed questions, [`json`] typed answers into replies, [`events`] calls out what is news, [`run_folder`]
//! keeps what a restart needs.

mod added;
mod babeld;
mod calls;
#[cfg(feature = "control")]
mod control_changes;
mod events;
mod json;
pub mod link_changes;
mod logins;
mod names;
mod perform;
mod radios;
mod run_folder;
mod start;
mod troubles;
mod visits;
mod why_not;
mod words;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::base::address::InterfaceIndex;
use crate::base::sorted::SortedMap;
use crate::base::time::{Instant, Span};
use crate::base::voucher::RequestId;
use crate::config::Config;
use crate::hotspot::output::SavedSession;
use crate::hotspot::portal::Catalogue;
use crate::ledger::sync;
use crate::link::sample::RadioNews;
use crate::node::Node;
use crate::node::call::Caller;
use crate::node::input::{Input, KernelRoute};
use crate::node::output::StoreId;
use crate::node::probe::{Found, ProbeId};
use crate::platform::alarm::Alarm;
use crate::platform::clock;
use crate::platform::firewall::Firewall;
use crate::platform::links::{KernelRoute as LinkRoute, LinkEvent, LinkStatus, Links};
use crate::platform::mesh_socket::{MeshSockets, Received};
use crate::platform::neighbours::Neighbours;
use crate::platform::portal_http::{Portal, PortalEvent};
use crate::platform::probe::Prober;
use crate::platform::queues;
use crate::platform::recording::Recording;
use crate::platform::request_ids::RequestIds;
use crate::platform::routes::{RouteEvent, RouteTable};
use crate::platform::store::{Completion, Store};
use crate::platform::streams::LedgerStreams;
use crate::platform::ubus::{Call, CallId, InvokeId, UbusEvent, UbusServer};
use crate::platform::vault::KeyVault;
use run_folder::RunFolder;
pub use start::base_table;

/// How often the calendar is read, if something else wakes us.
const CLOCK_TICK: Span = Span::from_secs(10);
/// How much longer that may wait for something else: a node that speaks is awake more often, and sleeps in between.
const CLOCK_SLACK: Span = Span::from_secs(10);
/// How long rpcd may take to tell whose session it is.
const SESSION_PATIENCE: Duration = Duration::from_secs(3);

/// The daemon under way.
struct Daemon {
    config_path: PathBuf,
    config: Config,
    node: Node,
    vault: KeyVault,
    links: Links,
    routes: RouteTable,
    mesh: MeshSockets,
    streams: LedgerStreams,
    /// The machine's interfaces, as last told.
    interfaces: SortedMap<InterfaceIndex, LinkStatus>,
    hotspot: Option<Guests>,
    /// The words of the portal.
    words: Catalogue,
    ubus: UbusServer,
    /// The object `babeld`, if it was asked for.
    babeld: Option<babeld::Babeld>,
    /// The radios of wireless devices.
    radios: radios::Kept,
    /// What was called out on the bus.
    events: events::Events,
    /// What programs added to the settings.
    added: added::Added,
    /// Calls that wait for the node, by the number under which they were handed in.
    calls: SortedMap<RequestId, CallId>,
    /// What rpcd knows of the community's people.
    logins: logins::Logins,
    /// Names of services that could not be written.
    names: Option<String>,
    /// What a change of a link asks of rpcd and netifd.
    link_changes: link_changes::LinkChanges,
    /// Calls that wait for rpcd to tell whose session it is.
    sessions: SortedMap<InvokeId, Call>,
    ids: RequestIds,
    prober: Prober,
    store: Store,
    run_folder: RunFolder,
    recording: Option<Recording>,
    troubles: troubles::Troubles,
    rights: troubles::Rights,
    queues: troubles::Queues,
    /// Devices whose mesh socket does not open, and why.
    silent: SortedMap<InterfaceIndex, String>,
    /// Sessions of the last run, until the kernel's sets could be read.
    to_adopt: Option<Vec<SavedSession>>,
    alarm: Alarm,
    /// When the calendar is read again, and what could not be done is tried again.
    tick_at: Instant,
    hang_up: Signal,
    terminate: Signal,
    interrupt: Signal,
}

/// What a node with a hotspot has besides.
struct Guests {
    firewall: Firewall,
    portal: Portal,
    neighbours: Neighbours,
    visits: visits::Visits,
}

/// Something that happened.
enum Event {
    Wake,
    Packet(Received),
    Link(LinkEvent),
    Routes(RouteEvent),
    Portal(PortalEvent),
    Ubus(UbusEvent),
    Probed((ProbeId, Found)),
    Babeld(UbusEvent),
    Radio(RadioNews),
    Stored(Completion),
    Exchange(sync::Event),
    #[cfg(feature = "control")]
    Controlled(control_changes::Done),
    Reload,
    Stop(&'static str),
}

/// Runs the daemon until it is told to stop. The error is for a person: what, where, what to do.
pub fn run(config_path: &Path) -> Result<(), String> {
    let (config, warnings, later) = Config::load_for_start(config_path).map_err(|error| error.to_string())?;
    crate::platform::log_sink::start(config.node.log_level);
    for warning in warnings {
        log::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("the event loop cannot be started: {error}"))?;
    runtime.block_on(async {
        let mut daemon = Daemon::start(config_path, config, later).await?;
        daemon.serve().await;
        // With the store ends the journal thread: what was handed to it is written.
        drop(daemon);
        Ok(())
    })
}

impl Daemon {
    async fn serve(&mut self) {
        loop {
            match self.next_event().await {
                Event::Stop(signal) if self.run_folder.is_final_stop() => {
                    log::info!("{signal}: tequio stops for good; the neighbours are told, our routes go");
                    self.input(Input::Leave).await;
                    self.input(Input::Stop).await;
                    self.routes.leave().await;
                    return;
                }
                Event::Stop(signal) => {
                    log::info!("{signal}: tequio stops; routes and sessions stay in the kernel");
                    self.input(Input::Stop).await;
                    return;
                }
                event => self.happen(event).await,
            }
            if self.tick_at <= clock::now() {
                self.tick().await;
            }
        }
    }

    async fn next_event(&mut self) -> Event {
        let tick = self.tick_at + CLOCK_SLACK;
        let wake = self.node.next_wake().map_or(tick, |wake| wake.min(tick));
        let portal = async {
            match &mut self.hotspot {
                Some(guests) => guests.portal.next().await,
                None => std::future::pending().await,
            }
        };
        let babeld = async {
            match &mut self.babeld {
                Some(babeld) => babeld.next().await,
                None => std::future::pending().await,
            }
        };
        let radio = async {
            match &mut self.radios.adapter {
                Some(radios) => Event::Radio(radios.next().await),
                None => std::future::pending().await,
            }
        };
        #[cfg(feature = "control")]
        let radio = async {
            tokio::select! {
                event = radio => event,
                event = self.link_changes.control.next() => event,
            }
        };
        tokio::select! {
            received = self.mesh.next() => Event::Packet(received),
            event = self.links.next() => Event::Link(event),
            event = self.routes.next() => Event::Routes(event),
            event = portal => Event::Portal(event),
            event = self.ubus.next() => Event::Ubus(event),
            event = self.streams.next() => Event::Exchange(event),
            found = self.prober.next() => Event::Probed(found),
            event = babeld => Event::Babeld(event),
            event = radio => event,
            Some(completion) = self.store.completed() => Event::Stored(completion),
            _ = self.hang_up.recv() => Event::Reload,
            _ = self.terminate.recv() => Event::Stop("SIGTERM"),
            _ = self.interrupt.recv() => Event::Stop("SIGINT"),
            // A chain of hashes waits for nothing, but the sockets come first.
            () = self.alarm.until(wake) => Event::Wake,
        }
    }

    async fn happen(&mut self, event: Event) {
        match event {
            Event::Wake => self.input(Input::Wake).await,
            Event::Packet(Received { interface, source, destination, bytes }) => {
                self.input(Input::Packet { interface, source, destination, bytes }).await;
            }
            Event::Link(event) => self.link(event).await,
            Event::Routes(event) => self.route_event(event).await,
            Event::Portal(event) => self.portal(event).await,
            Event::Ubus(event) => self.ubus_event(event).await,
            Event::Exchange(event) => self.input(Input::Exchange(event)).await,
            Event::Probed((id, found)) => self.input(Input::Probed { id, found }).await,
            Event::Babeld(event) => self.babeld_event(event).await,
            Event::Radio(news) => self.hear_radio(news).await,
            #[cfg(feature = "control")]
            Event::Controlled(done) => self.controlled(done).await,
            Event::Stored((id, result)) => {
                if result.is_ok() {
                    self.trouble("not-saved", None).await;
                }
                let input = match result {
                    Ok(()) => Input::Stored(StoreId(id)),
                    Err(why) => Input::StoreFailed(StoreId(id), why),
                };
                self.input(input).await;
            }
            Event::Reload => match self.reload().await {
                Ok(()) => log::info!("{} was read again", self.config_path.display()),
                Err(why) => {
                    let what = format!("the running configuration goes on: {why}");
                    self.trouble("config-wrong", Some(what)).await;
                }
            },
            Event::Stop(_) => {}
        }
    }

    /// What is done now and then: the calendar is read, and what could not be done is tried again.
    async fn tick(&mut self) {
        self.tick_at = clock::now() + CLOCK_TICK;
        self.input(Input::Clock(clock::wall())).await;
        self.read_meters().await;
        self.look_at_the_machine().await;
        self.open_streams().await;
        self.look_after_logins();
        if let Some(names) = self.names.take() {
            self.write_names(names);
        }
        self.call_out();
        // Another routing daemon may have left the port meanwhile: no event tells.
        let closed = self.interfaces.values().filter(|status| self.silent.contains_key(&status.index));
        for status in closed.cloned().collect::<Vec<_>>() {
            self.mesh_device(&status);
        }
    }

    async fn link(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Interface(status) => {
                self.mesh_device(&status);
                let is_queued = self.config.queues.iter().any(|queue| queue.device == status.name);
                self.interfaces.insert(status.index, status.clone());
                if is_queued {
                    self.tick_at = clock::now();
                }
                self.input(Input::Interface(crate::babel::InterfaceStatus {
                    index: status.index,
                    name: status.name,
                    up: status.up,
                    link_local: status.link_local,
                    mtu: status.mtu,
                    ipv4: status.ipv4,
                }))
                .await;
            }
            LinkEvent::Gone(index) => {
                self.mesh.close(index);
                self.streams.remove(index);
                let gone = self.interfaces.remove(&index);
                self.silent.remove(&index);
                if gone.is_some_and(|status| queues::is_turn(&status.name)) {
                    // All that arrives is dropped until it is back.
                    self.tick_at = clock::now();
                }
                self.input(Input::InterfaceGone(index)).await;
            }
            LinkEvent::KernelRoutes(routes) => {
                let routes =
                    routes.into_iter().map(|LinkRoute { prefix, device, protocol, table, .. }| KernelRoute {
                        prefix,
                        device,
                        protocol,
                        table,
                    });
                self.input(Input::KernelRoutes(routes.collect())).await;
            }
        }
    }

    async fn route_event(&mut self, event: RouteEvent) {
        match event {
            RouteEvent::Failed(failures) => {
                for failure in failures {
                    self.input(Input::RouteFailed { prefix: failure.prefix, why: failure.why }).await;
                }
            }
            RouteEvent::Repaired(count) => {
                log::info!("{count} routes were changed by somebody else and are put right")
            }
            RouteEvent::NoSubtrees => {
                self.trouble("no-subtrees", Some(troubles::NO_SUBTREES.to_owned())).await
            }
            RouteEvent::Swept(count) => {
                log::info!("{count} routes of the last run were not confirmed and are removed")
            }
        }
    }

    async fn portal(&mut self, event: PortalEvent) {
        match event {
            PortalEvent::Request { request, peer, mut http } => {
                let Some(guests) = &mut self.hotspot else { return };
                let guest = guests.neighbours.mac_of(peer).await.unwrap_or_else(|error| {
                    log::warn!("the neighbour table cannot be asked who {peer} is: {error}");
                    None
                });
                guests.visits.begin(request, guest, &mut http);
                self.input(Input::Portal { request, guest, http: *http }).await;
            }
            PortalEvent::Gone(request) => {
                if let Some(guests) = &mut self.hotspot {
                    guests.visits.end(request);
                }
                self.input(Input::PeerGone(request)).await;
            }
        }
    }

    async fn ubus_event(&mut self, event: UbusEvent) {
        match event {
            UbusEvent::Connected => {
                log::info!("ubus: the object tequio is there ({})", self.ubus.socket().display())
            }
            UbusEvent::Disconnected => {
                self.calls.clear();
                self.sessions.clear();
            }
            UbusEvent::Call(call) => match call.session.clone() {
                // Who is it? LuCI's session tells; rpcd knows it.
                Some(session) => {
                    let arguments = calls::session_question(&session);
                    let invoke = self.ubus.invoke("session", "get", arguments, SESSION_PATIENCE);
                    self.sessions.insert(invoke, call);
                }
                // The broker says which Unix user calls; whoever is not root is a person like any other.
                None => {
                    let login = (call.unix_user != "root").then(|| call.unix_user.clone());
                    self.call(call, Caller { login }).await;
                }
            },
            UbusEvent::Answer { invoke, result } => {
                let Some(call) = self.sessions.remove(&invoke) else {
                    if !self.recovery_answered(invoke, &result)
                        && !self.change_answered(invoke, &result).await
                    {
                        self.rpcd_answered(invoke, &result);
                    }
                    return;
                };
                match result.ok().as_ref().and_then(calls::session_login) {
                    Some(login) => self.call(call, Caller { login: Some(login) }).await,
                    None => {
                        let message = "Your session has ended. Please log in again.";
                        let error = crate::platform::ubus::error_value("no-session", message);
                        self.ubus.reply(call.call, Ok(error));
                    }
                }
            }
            UbusEvent::Event { .. } => {}
        }
    }

    /// Opens, or opens again, the socket of a device that Babel speaks on; closes that of another.
    fn mesh_device(&mut self, status: &LinkStatus) {
        if !self.speaks_on(&status.name) {
            self.streams.remove(status.index);
            return self.mesh.close(status.index);
        }
        if status.up {
            self.streams.add(status.index);
        }
        if let (true, Some(address)) = (status.up, status.link_local)
            && self.rights.net_admin
        {
            // Tried again every few seconds; the same words are said once.
            let why =
                self.mesh.open(status.index, &status.name, address).err().map(|error| error.to_string());
            if let Some(why) = why.as_ref().filter(|why| self.silent.get(&status.index) != Some(why)) {
                log::error!("{why}");
            }
            match why {
                Some(why) => self.silent.insert(status.index, why),
                None => self.silent.remove(&status.index),
            };
        }
    }
}

fn signals() -> Result<[Signal; 3], String> {
    let open = |kind| signal(kind).map_err(|error| format!("signals cannot be listened for: {error}"));
    Ok([open(SignalKind::hangup())?, open(SignalKind::terminate())?, open(SignalKind::interrupt())?])
}
