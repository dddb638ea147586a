//! The start and the reload: from a configuration to open adapters and a node.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;

use super::added::Added;
use super::babeld::Babeld;
use super::run_folder::{RunFolder, SavedNode};
use super::troubles::{Queues, Rights, Trouble, Troubles};
use super::visits::Visits;
use super::words;
use super::{Daemon, Guests, signals, why_not};
use crate::babel::{RouterId, SeqNo};
use crate::base::sorted::SortedMap;
use crate::config::{Config, ConfigError, HotspotSection};
use crate::hotspot::output::ClientId;
use crate::hotspot::portal::Catalogue;
use crate::ledger::journal::JournalError;
use crate::node::input::Input;
use crate::node::settings::Settings;
use crate::node::{Birth, Node};
use crate::platform::alarm::Alarm;
use crate::platform::clock;
use crate::platform::firewall::Firewall;
use crate::platform::firewall::base::{self, FirewallSettings, PolicyNetwork};
use crate::platform::links::Links;
use crate::platform::mesh_socket::MeshSockets;
use crate::platform::neighbours::Neighbours;
use crate::platform::portal_http::Portal;
use crate::platform::probe::Prober;
use crate::platform::request_ids::RequestIds;
use crate::platform::routes::{RouteSettings, RouteTable};
use crate::platform::store::{Loaded, Store, StoreError};
use crate::platform::streams::LedgerStreams;
use crate::platform::ubus::{self, UbusServer};
use crate::platform::vault::{self, KeyVault, MeshKey};

impl Daemon {
    /// Opens everything and hands the node what the last run left. `later` is the refusal of a
    /// configuration of a later version, of which `config` is what routing needs.
    pub(super) async fn start(
        config_path: &Path,
        config: Config,
        later: Option<ConfigError>,
    ) -> Result<Self, String> {
        let rights = Rights::own()?;
        let mut troubles = rights.troubles();
        troubles.extend(later.map(|why| ("config-newer", format!("routing alone runs: {why}"))));
        let (run_folder, trouble) = RunFolder::open(&config.node.run_dir)?;
        troubles.extend(trouble.map(|what| ("run-folder", what)));
        let (mut vault, store, loaded) = open_ledger(&config.node.state_dir, &mut troubles)?;
        vault.set_mesh_keys(mesh_keys(&config));
        let saved = run_folder.load(clock::boot_id().map_err(|error| error.to_string())?);
        let birth = birth(saved.as_ref())?;
        let words = words::load(&config);
        let node = Node::new(clock::now(), node_settings(&config, &words), birth, &mut vault);
        run_folder.save_birth(birth.router_id, birth.seqno);
        let [hang_up, terminate, interrupt] = signals()?;
        let mut daemon = Self {
            config_path: config_path.to_owned(),
            node,
            links: Links::open(read_tables(&config)).map_err(|error| why_not::netlink(&error))?,
            routes: RouteTable::open(route_settings(&config)).await.map_err(|error| error.to_string())?,
            mesh: MeshSockets::new(),
            streams: LedgerStreams::new(vault.stream_key()),
            vault,
            interfaces: SortedMap::new(),
            hotspot: None,
            words,
            ubus: UbusServer::new(config.node.ubus_socket.clone(), ubus::OBJECT, ubus::METHODS),
            babeld: config.node.ubus_babeld.then(|| Babeld::new(config.node.ubus_socket.clone())),
            radios: super::radios::Kept::default(),
            events: super::events::Events::default(),
            added: Added::default(),
            calls: SortedMap::new(),
            logins: super::logins::Logins::default(),
            names: None,
            link_changes: super::link_changes::LinkChanges::default(),
            sessions: SortedMap::new(),
            ids: RequestIds::new(),
            prober: Prober::new(),
            store,
            run_folder,
            recording: None,
            troubles: Troubles::default(),
            rights,
            queues: Queues::default(),
            silent: SortedMap::new(),
            to_adopt: None,
            alarm: Alarm::new().map_err(|error| format!("the kernel gives no timer: {error}"))?,
            tick_at: clock::now(),
            hang_up,
            terminate,
            interrupt,
            config,
        };
        daemon.begin(loaded.records, saved, troubles).await;
        daemon.say_who_runs(birth);
        Ok(daemon)
    }

    /// The node's first inputs: what is missing, what the journal holds, what the last run left.
    async fn begin(&mut self, records: Vec<Vec<u8>>, saved: Option<SavedNode>, troubles: Vec<Trouble>) {
        for (code, what) in troubles {
            self.trouble(code, Some(what)).await;
        }
        why_not::say_missing_devices(&self.config);
        let kept = self.run_folder.load_time(&self.config.node.state_dir);
        self.input(Input::TimeFound(kept)).await;
        self.input(Input::Clock(clock::wall())).await;
        self.input(Input::VolumesFound(self.run_folder.load_volumes(&self.config.node.state_dir))).await;
        self.input(Input::Records(records)).await;
        self.find_change().await;
        let left = self.routes.take_left();
        self.input(Input::RoutesFound(left)).await;
        self.to_adopt = Some(saved.map(|saved| saved.sessions).unwrap_or_default());
        self.look_at_the_machine().await;
        self.open_streams().await;
    }

    /// The log's first line of a run: which program, which node, under which name in the mesh.
    fn say_who_runs(&self, birth: Birth) {
        let name = &self.config.node.name;
        log::info!("tequio {} runs as {name}, router-id {}", env!("CARGO_PKG_VERSION"), birth.router_id);
    }

    /// Opens the ports of the ledger's exchange, once there is a community.
    pub(super) async fn open_streams(&mut self) {
        if let Some(community) = self.node.ledger().community() {
            let trouble = self.streams.open(community, self.node.own_places()).err();
            self.trouble("no-streams", trouble).await;
        }
    }

    /// Hands the node what the kernel still lets through, and the list that the last run kept. The error
    /// says why the kernel's sets cannot be read yet.
    pub(super) async fn adopt_guests(&mut self) -> Result<(), String> {
        let (Some(guests), Some(_)) = (&mut self.hotspot, &self.to_adopt) else { return Ok(()) };
        let found = match guests.firewall.admitted().await {
            Ok(admitted) => guests.firewall.samples().await.map(|samples| (admitted, samples)),
            Err(error) => Err(error),
        };
        let (admitted, samples) = found.map_err(|error| why_not::firewall(&error))?;
        let saved = self.to_adopt.take().unwrap_or_default();
        self.input(Input::GuestsFound { saved, admitted, samples }).await;
        Ok(())
    }

    /// What metered uplinks have carried.
    pub(super) async fn read_meters(&mut self) {
        if self.config.uplinks.iter().any(|uplink| uplink.settings.month_bytes.is_some()) {
            match crate::platform::traffic::carried() {
                Ok(counters) => self.input(Input::Carried(counters)).await,
                Err(error) => log::warn!("what the uplinks carry cannot be read: {error}"),
            }
        }
    }

    /// What the node is told: the file, and what programs added since.
    pub(super) fn settings(&self) -> Settings {
        let mut settings = node_settings(&self.config, &self.words);
        self.added.amend(&mut settings);
        settings
    }

    /// Reads the configuration again. On any error the running one goes on.
    pub(super) async fn reload(&mut self) -> Result<(), String> {
        let (config, warnings) = Config::load(&self.config_path).map_err(|error| error.to_string())?;
        for warning in warnings {
            log::warn!("{warning}");
        }
        for option in self.config.node.needs_restart(&config.node) {
            log::warn!("{option} has changed: that needs a restart; the old value goes on until then");
        }
        if hotspot_place(&config) != hotspot_place(&self.config) {
            self.hotspot = None;
        }
        log::set_max_level(config.node.log_level);
        self.links.read_tables(read_tables(&config));
        self.config = config;
        self.queues.are_clear = false;
        self.radios.distances_at = None;
        self.words = words::load(&self.config);
        self.vault.set_mesh_keys(mesh_keys(&self.config));
        self.take_settings().await;
        why_not::say_missing_devices(&self.config);
        for code in ["config-wrong", "config-newer"] {
            self.trouble(code, None).await;
        }
        self.look_at_the_machine().await;
        Ok(())
    }
}

/// The text of the nft table that this configuration needs; `nft -f -` takes it.
pub fn base_table(config: &Config) -> Option<String> {
    let mut settings = match &config.hotspot {
        Some(hotspot) => {
            let own = std::iter::once(hotspot.prefix).chain(hotspot.prefixes_v6.iter().copied());
            let free = config.services.iter().flat_map(|service| service.prefixes.iter().copied());
            FirewallSettings {
                hotspot_interfaces: vec![hotspot.device.clone()],
                portal_port: hotspot.settings.portal_port,
                hotspot_prefixes: own.collect(),
                infrastructure: hotspot.infrastructure.clone(),
                walled_garden: free.collect(),
                policies: Vec::new(),
            }
        }
        // A gateway without guests keeps what other nodes have marked for its queues.
        None if config.policies.is_empty() && config.queues.is_empty() => return None,
        None => FirewallSettings { portal_port: 2080, ..FirewallSettings::default() },
    };
    for (index, policy) in (0..).zip(&config.policies) {
        settings.policies.extend(policy.devices.iter().map(|device| PolicyNetwork {
            device: device.clone(),
            client: ClientId::of_policy(index),
            rate_down_kbps: policy.rate_down_kbps,
            rate_up_kbps: policy.rate_up_kbps,
        }));
    }
    Some(base::base_table(&settings))
}

/// Keys and journal. What cannot be read of them, or is of a later version, stays as it is: routing then runs
/// under keys of this run alone, nothing is sold and no code is taken, and `troubles` says so.
fn open_ledger(state: &Path, troubles: &mut Vec<Trouble>) -> Result<(KeyVault, Store, Loaded), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let (vault, opened) = match KeyVault::open(state, vault::board()) {
        Ok(opened) => opened,
        Err(error) => {
            let store = refused_store(state, "ledger-unreadable", &text(&error), troubles)?;
            let vault = KeyVault::fresh().map_err(|error| text(&error))?;
            return Ok((vault, store, Loaded::default()));
        }
    };
    // The store's lock tells a second daemon that it is one, before it touches anything.
    match Store::open(state, &vault.journal_key()) {
        Ok((store, loaded)) => {
            why_not::say_what_was_opened(opened, &loaded);
            troubles.extend(why_not::damaged(&loaded).map(|what| ("journal-damaged", what)));
            let unwritable = loaded.unwritable.as_ref();
            troubles.extend(unwritable.map(|why| {
                ("not-saved", format!("nothing can be saved, so nothing is sold; the rest runs: {why}"))
            }));
            Ok((vault, store, loaded))
        }
        Err(error @ StoreError::Running { .. }) => Err(text(&error)),
        Err(error) => {
            let later = matches!(error, StoreError::Journal { error: JournalError::Version { .. }, .. });
            let code = if later { "journal-newer" } else { "ledger-unreadable" };
            let store = refused_store(state, code, &text(&error), troubles)?;
            Ok((vault, store, Loaded::default()))
        }
    }
}

fn refused_store(
    state: &Path,
    code: &'static str,
    why: &str,
    troubles: &mut Vec<Trouble>,
) -> Result<Store, String> {
    let what =
        format!("the ledger cannot be used, nothing is sold and no code is taken; routing runs: {why}");
    troubles.push((code, what));
    Store::refused(state, why).map_err(|error| error.to_string())
}

/// Opens what the hotspot needs. The error says what is missing, and what to do.
pub(super) fn open_hotspot(hotspot: &HotspotSection, ids: &RequestIds) -> Result<Guests, String> {
    let firewall = Firewall::open().map_err(|error| why_not::firewall(&error))?;
    let neighbours =
        Neighbours::open(vec![hotspot.device.clone()]).map_err(|error| why_not::netlink(&error))?;
    let port = hotspot.settings.portal_port;
    // nft's redirect takes an IPv6 guest to any address of the bridge, so the portal listens on all.
    let addresses = [IpAddr::V4(hotspot.settings.portal_address), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    let portal = Portal::bind(&addresses.map(|address| SocketAddr::new(address, port)), ids.clone());
    let portal = portal.map_err(|error| error.to_string())?;
    Ok(Guests { firewall, portal, neighbours, visits: Visits::new()? })
}

/// What of the hotspot's settings decides where its sockets are.
fn hotspot_place(config: &Config) -> Option<(&str, std::net::Ipv4Addr, u16)> {
    let hotspot = config.hotspot.as_ref()?;
    Some((hotspot.device.as_str(), hotspot.settings.portal_address, hotspot.settings.portal_port))
}

/// The values of the mesh's keys go to the vault; the node's settings hold their names.
fn mesh_keys(config: &Config) -> SortedMap<String, MeshKey> {
    let secrets = config.secrets().into_iter();
    secrets.map(|(name, (algorithm, secret))| (name, MeshKey { algorithm, secret: secret.0 })).collect()
}

/// The tables whose routes may be announced, beside the main one: our own, and those that a filter names. A table
/// of our own that changed in the file is that of the next start, but to read it does no harm.
fn read_tables(config: &Config) -> impl Iterator<Item = u32> {
    let named = config.redistribute.iter().filter_map(|rule| rule.table);
    std::iter::once(config.node.route_table).chain(named)
}

fn route_settings(config: &Config) -> RouteSettings {
    RouteSettings {
        table: config.node.route_table,
        priority: config.node.route_priority,
        stale_for: config.node.stale_routes,
    }
}

fn node_settings(config: &Config, words: &Catalogue) -> Settings {
    let services = config.services.iter().map(|service| (service.name.clone(), service.url.clone()));
    let services: Vec<(String, String)> = services.collect();
    let hotspot = config.hotspot.as_ref().map(|section| {
        let mut settings = section.settings.clone();
        settings.services.clone_from(&services);
        settings.languages = words.languages();
        settings
    });
    Settings {
        name: config.node.name.clone(),
        babel: config.babel.clone(),
        links: config.links.clone(),
        announce: config.announce.clone(),
        redistribute: config.redistribute.clone(),
        uplinks: config.uplinks.iter().map(|uplink| uplink.settings.clone()).collect(),
        outside: config.outside.clone(),
        entitled: config.entitled.clone(),
        hotspot,
        night: config.hotspot.as_ref().map(|section| section.night.clone()).unwrap_or_default(),
        policies: config.policies.clone(),
        persons: config.persons.clone(),
    }
}

/// A restart in the same boot keeps the router-id and goes on counting; a cold boot draws a new name,
/// because an old name with a lost number can be unreachable for minutes (RFC 8966 3.2.1, 3.5.1).
fn birth(saved: Option<&SavedNode>) -> Result<Birth, String> {
    let mut dice = [0_u8; 17];
    getrandom::fill(&mut dice).map_err(|error| format!("the kernel gives no random numbers: {error}"))?;
    let (drawn, seed) = dice.split_at(9);
    let seed = seed.try_into().map(u64::from_be_bytes).unwrap_or_default();
    let (router_id, seqno) = match saved {
        Some(saved) => (saved.router_id, SeqNo(saved.seqno.0.wrapping_add(1))),
        None => {
            let mut router_id = RouterId(drawn[..8].try_into().unwrap_or_default());
            // All zeroes and all ones are reserved (RFC 8966 4.1.3).
            router_id.0[0] = router_id.0[0] & 0xfc | 0x02;
            (router_id, SeqNo(drawn[8].into()))
        }
    };
    Ok(Birth { router_id, seqno, seed })
}
