//! One node of the village with all that runs on it: the daemon, its ubus broker, dnsmasq, and the cell of its phones.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;

use crate::broker::Broker;
use crate::cell::Cell;
use crate::command;
use crate::failure::{Failure, Outcome, io};
use crate::interrupt;
use crate::names;
use crate::netns::Namespace;
use crate::process::Process;
use crate::terrain::BRIDGE;
use crate::topology::{Site, Topology};
use crate::uci;

/// A node that runs. What it holds ends in the order of the fields.
#[derive(Debug)]
pub struct Household {
    /// Where it is in the village.
    pub site: Site,
    /// Its network.
    pub namespace: Namespace,
    /// The phones at its hotspot.
    pub cell: Option<Cell>,
    /// The log of its daemon.
    pub log: PathBuf,
    daemon: Option<Process>,
    dnsmasq: Option<Process>,
    _broker: Broker,
    folder: PathBuf,
    tequio: PathBuf,
    /// What its daemons were told, one file for each that ran.
    pub recordings: Vec<PathBuf>,
}

impl Household {
    /// Prepares a node: folders, configuration, base firewall, broker, dnsmasq, cell. The daemon does not run yet.
    pub fn prepare(
        topology: &Topology,
        site: &Site,
        namespace: Namespace,
        folder: PathBuf,
        tequio: &Path,
    ) -> Outcome<Self> {
        for name in ["state", "run", uci::HOSTS] {
            std::fs::create_dir_all(folder.join(name)).map_err(io(format!("the folder of {}", site.name)))?;
        }
        let config = folder.join("tequio");
        std::fs::write(&config, uci::config(topology, site, &folder))
            .map_err(io(format!("the file {}", config.display())))?;
        let broker = Broker::start(&uci::socket(&folder))?;
        let mut household = Self {
            site: site.clone(),
            namespace,
            cell: None,
            log: folder.join("tequio.log"),
            daemon: None,
            dnsmasq: None,
            _broker: broker,
            folder,
            tequio: tequio.to_path_buf(),
            recordings: Vec::new(),
        };
        household.run(&["check", "--config", &household.config()])?;
        household.open_hotspot()?;
        Ok(household)
    }

    /// The base table of the firewall stands before the first phone can come, as on a router.
    fn open_hotspot(&mut self) -> Outcome<()> {
        let Some(hotspot) = self.site.hotspot() else { return Ok(()) };
        let table = self.run(&["firewall", "--config", &self.config()])?;
        self.namespace.nft(&table)?;
        self.cell = Some(Cell::start(&self.namespace, BRIDGE)?);
        self.dnsmasq = Some(names::serve_hotspot(&self.namespace, self.site.name, &hotspot, &self.folder)?);
        Ok(())
    }

    /// The folder that the daemon keeps its state in.
    pub fn state(&self) -> String {
        self.folder.join("state").display().to_string()
    }

    /// Its configuration file.
    pub fn config(&self) -> String {
        self.folder.join("tequio").display().to_string()
    }

    /// The names of services, as this node gives them to its dnsmasq.
    pub fn service_names(&self) -> String {
        std::fs::read_to_string(uci::hosts(&self.folder)).unwrap_or_default()
    }

    /// The socket of its ubus broker.
    pub fn socket(&self) -> String {
        uci::socket(&self.folder).display().to_string()
    }

    /// Starts the daemon.
    pub fn start_daemon(&mut self) -> Outcome<()> {
        let mut command = self.namespace.command(&self.tequio);
        command.args(["run", "--config", &self.config()]);
        self.daemon = Some(Process::start(&format!("the daemon of {}", self.site.name), command, &self.log)?);
        Ok(())
    }

    /// Waits until the daemon answers on ubus.
    pub fn await_daemon(&mut self, limit: Duration) -> Outcome<()> {
        interrupt::until(&format!("the daemon of {} to answer on ubus", self.site.name), limit, || {
            self.check()?;
            Ok(self.ask(&["status"]).map(drop).map_err(|failure| failure.seen))
        })
        .map_err(|failure| failure.read(&self.log))
    }

    /// The process of its daemon, while it runs.
    pub fn daemon_pid(&self) -> Option<u32> {
        self.daemon.as_ref().map(Process::pid)
    }

    /// SIGKILL for the daemon alone.
    pub fn kill_daemon(&mut self) {
        if let Some(daemon) = self.daemon.take() {
            daemon.kill();
        }
    }

    /// The power goes: what is not on flash is lost.
    pub fn lose_power(&mut self) -> Outcome<()> {
        self.kill_daemon();
        let run = self.folder.join("run");
        std::fs::remove_dir_all(&run).map_err(io(format!("the folder {}", run.display())))?;
        std::fs::create_dir_all(&run).map_err(io(format!("the folder {}", run.display())))?;
        for family in ["-4", "-6"] {
            command::run("ip", &["-n", self.namespace.name(), family, "route", "flush", "proto", "42"])?;
        }
        Ok(())
    }

    /// Asks the daemon to end; false if it had to be killed.
    pub fn stop_daemon(&mut self) -> bool {
        self.daemon.take().is_none_or(|mut daemon| daemon.stop())
    }

    /// An error if something that should run has ended.
    pub fn check(&mut self) -> Outcome<()> {
        for process in self.daemon.iter_mut().chain(&mut self.dnsmasq) {
            process.check()?;
        }
        Ok(())
    }

    /// Asks the daemon through ubus by its own command line, like a person: `["status"]`.
    pub fn ask(&self, words: &[&str]) -> Outcome<Value> {
        let socket = self.socket();
        let mut arguments = vec!["--socket", socket.as_str()];
        arguments.extend_from_slice(words);
        arguments.push("--json");
        let text = self.run(&arguments).map_err(|failure| failure.read(&self.log))?;
        serde_json::from_str(&text).map_err(|error| {
            let seen = format!("{error} in `{}`", text.trim().chars().take(200).collect::<String>());
            Failure::new(format!("JSON from `tequio {}`", words.join(" ")), seen).read(&self.log)
        })
    }

    /// Starts to write everything that the daemon is told into a file.
    pub fn record_start(&mut self, folder: &Path) -> Outcome<()> {
        let count = self.recordings.len() + 1;
        let folder = std::path::absolute(folder).map_err(io(format!("the folder {}", folder.display())))?;
        let file = folder.join(format!("{}-{count}.record", self.site.name));
        self.run(&["--socket", &self.socket(), "record", "start", &file.display().to_string()])?;
        self.recordings.push(file);
        Ok(())
    }

    /// Ends the recording.
    pub fn record_stop(&self) -> Outcome<()> {
        self.run(&["--socket", &self.socket(), "record", "stop"]).map(drop)
    }

    /// Runs the daemon's program in the namespace of the node, with the devices that the daemon sees.
    pub fn here(&self, arguments: &[&str]) -> Outcome<String> {
        let program = self.tequio.display().to_string();
        let mut all = vec!["netns", "exec", self.namespace.name(), program.as_str()];
        all.extend_from_slice(arguments);
        command::run("ip", &all)
    }

    fn run(&self, arguments: &[&str]) -> Outcome<String> {
        command::run(&self.tequio.display().to_string(), arguments)
    }
}
