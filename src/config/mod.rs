//! Floor 4: from UCI text to typed settings. Errors name file, section, option and what was expected.
//!
//! `uci` knows the grammar, `schema` what sections and options there are, `section` holds one
//! against the other, and this file makes the types that the rest of the program sees. A
//! configuration is read whole: it is either all right or not used at all.

#![forbid(unsafe_code)]

mod build;
mod filter;
pub mod keys;
mod problem;
mod routing;
pub mod schema;
mod section;
pub mod uci;

use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use crate::babel::settings::Settings as BabelSettings;
use crate::base::address::Prefix;
use crate::base::hours::Hours;
use crate::base::limit::CONFIG_BYTES;
use crate::base::time::Span;
use crate::hotspot::settings::Settings as HotspotSettings;
use crate::link::settings::LinkSettings;
use crate::node::settings::Uplink as UplinkSettings;
pub use crate::node::settings::{Announce, Entitled, Person, Policy, Redistribute, Role};
pub use crate::platform::queues::Queue;
pub use problem::{ConfigError, MOST_PROBLEMS, Problem, Warning};
use section::Findings;
use uci::Document;

/// Where OpenWrt keeps our configuration.
pub const DEFAULT_FILE: &str = "/etc/config/tequio";
/// The version of the file's form that this program reads: `option version` of `config node`. A program
/// that gives an option another meaning counts it up, so that an older one does not guess.
pub const VERSION: u32 = 1;

/// Everything that the operator decides. `docs/config.md` tells what each option means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// This node and how it stands on its machine.
    pub node: NodeSettings,
    /// What Babel is told.
    pub babel: BabelSettings,
    /// What the radios make of their links.
    pub links: Vec<LinkSettings>,
    /// The static keys that packets of the mesh are signed with.
    pub keys: Vec<keys::Key>,
    /// Prefixes that are announced while the kernel has that route or address; sorted by prefix.
    pub announce: Vec<Announce>,
    /// Routes of other programs that are announced too; the first that fits decides.
    pub redistribute: Vec<Redistribute>,
    /// Ways to the outside.
    pub uplinks: Vec<Uplink>,
    /// Devices of radios, and how far the other end of their links is, in metres.
    pub distances: Vec<(String, u32)>,
    /// Devices of radios, and the configuration file of the hostapd or wpa_supplicant that has them, where no netifd is.
    #[cfg(feature = "control")]
    pub controls: Vec<(String, PathBuf)>,
    /// Links that are queued at.
    pub queues: Vec<Queue>,
    /// Machines outside that tell how far it is.
    pub outside: Vec<IpAddr>,
    /// Who may announce default routes, and prefixes that are somebody's.
    pub entitled: Vec<Entitled>,
    /// The hotspot, if this node has one.
    pub hotspot: Option<HotspotSection>,
    /// Services that are free for all.
    pub services: Vec<Service>,
    /// Who needs no voucher.
    pub policies: Vec<Policy>,
    /// Who may do what through ubus; sorted by login.
    pub persons: Vec<Person>,
}

/// This node and how it stands on its machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeSettings {
    /// Its name in reports, 1 to 32 characters.
    pub name: String,
    /// Folder of what must outlive a power cut: keys and journal.
    pub state_dir: PathBuf,
    /// Folder of what need not: lock, boot state, recordings.
    pub run_dir: PathBuf,
    /// The file of the names of services, for dnsmasq.
    pub hosts: PathBuf,
    /// Socket of the ubus broker.
    pub ubus_socket: PathBuf,
    /// Whether the object `babeld` is offered too, for programs that know only that.
    pub ubus_babeld: bool,
    /// The kernel's routing table that our routes stand in.
    pub route_table: u32,
    /// The priority (metric) of our routes there, which tells them from everybody else's.
    pub route_priority: u32,
    /// Time after a start until routes of the life before that nobody confirmed are taken away.
    pub stale_routes: Span,
    /// What is logged.
    pub log_level: log::LevelFilter,
}

/// A way to the outside: default routes through it are announced while it works.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uplink {
    /// The section's name, or the device's where it has none.
    pub name: String,
    /// What the node is told.
    pub settings: UplinkSettings,
}

/// The hotspot of this node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HotspotSection {
    /// The device (usually a bridge) that guests are behind.
    pub device: String,
    /// The prefix that guests get addresses from.
    pub prefix: Prefix,
    /// IPv6 prefixes of guests.
    pub prefixes_v6: Vec<Prefix>,
    /// Where the mesh's own machines live: guests reach nothing there.
    pub infrastructure: Vec<Prefix>,
    /// The folder of the portal's words.
    pub words: PathBuf,
    /// The hours at which vouchers open nothing.
    pub night: Vec<Hours>,
    /// What the hotspot itself is told; its `community` is empty until the ledger's charter is read.
    pub settings: HotspotSettings,
}

/// A service that is free for all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name on the portal.
    pub name: String,
    /// Where a browser finds it.
    pub url: String,
    /// Where it lives; guests reach these without a voucher.
    pub prefixes: Vec<Prefix>,
}

/// Whether this can be the kernel's name of a network device.
pub fn is_device(name: &str) -> bool {
    !name.is_empty() && schema::Value::Device.allows(name)
}

impl Config {
    /// Reads and checks a file.
    pub fn load(path: &Path) -> Result<(Self, Vec<Warning>), ConfigError> {
        let name = path.display().to_string();
        let (mut config, mut warnings) = Self::parse_bytes(&read(path, &name)?, &name)?;
        keys::load(&mut config, path, &mut warnings)?;
        Ok((config, warnings))
    }

    /// The same for a start. A file of a later version, which [`load`](Self::load) refuses, gives what
    /// routing needs, as far as it can be understood, and the refusal beside it: the village's ways must
    /// not end with an update that was taken back.
    pub fn load_for_start(path: &Path) -> Result<(Self, Vec<Warning>, Option<ConfigError>), ConfigError> {
        let name = path.display().to_string();
        let bytes = read(path, &name)?;
        match Self::parse_bytes(&bytes, &name) {
            Ok((mut config, mut warnings)) => {
                keys::load(&mut config, path, &mut warnings)?;
                Ok((config, warnings, None))
            }
            Err(refusal) => {
                let document = std::str::from_utf8(&bytes).ok().and_then(|text| Document::parse(text).ok());
                match document.filter(routing::is_later) {
                    Some(document) => {
                        let (mut config, mut warnings) = routing::config(document, &name)?;
                        keys::load(&mut config, path, &mut warnings)?;
                        Ok((config, warnings, Some(refusal)))
                    }
                    None => Err(refusal),
                }
            }
        }
    }

    /// Checks the bytes of a file; `file` is only a name for messages.
    pub fn parse_bytes(bytes: &[u8], file: &str) -> Result<(Self, Vec<Warning>), ConfigError> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let good = &bytes[..error.valid_up_to()];
            let lines = good.iter().filter(|&&byte| byte == b'\n').count();
            let line = u32::try_from(lines).unwrap_or(u32::MAX).saturating_add(1);
            let what = "this is no UTF-8 text; save the file again in an editor as UTF-8";
            ConfigError::one(file, Problem::at(line, what))
        })?;
        Self::parse(text, file)
    }

    /// Checks a text; `file` is only a name for messages.
    pub fn parse(text: &str, file: &str) -> Result<(Self, Vec<Warning>), ConfigError> {
        if text.len() > CONFIG_BYTES {
            let what = format!("the file is larger than {CONFIG_BYTES} bytes");
            return Err(ConfigError::one(file, Problem::whole(what)));
        }
        let document = Document::parse(text).map_err(|problem| ConfigError::one(file, problem))?;
        if let Some(problem) = routing::wrong_version(&document) {
            return Err(ConfigError::one(file, problem));
        }
        let mut findings = Findings::default();
        let config = build::config(&document, &mut findings);
        let Findings { mut problems, mut warnings } = findings;
        match config {
            Some(config) if problems.is_empty() => {
                warnings.truncate(MOST_PROBLEMS);
                let warn = |problem| Warning { file: file.to_owned(), problem };
                Ok((config, warnings.into_iter().map(warn).collect()))
            }
            _ => {
                problems.truncate(MOST_PROBLEMS);
                Err(ConfigError { file: file.to_owned(), problems })
            }
        }
    }
}

/// The bytes of a file; one more than allowed tells that it is too large, whatever its length claims to be.
fn read(path: &Path, name: &str) -> Result<Vec<u8>, ConfigError> {
    let cannot = |error: std::io::Error| {
        ConfigError::one(name, Problem::whole(format!("the file cannot be read: {error}")))
    };
    let most = u64::try_from(CONFIG_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let mut bytes = Vec::new();
    File::open(path).map_err(cannot)?.take(most).read_to_end(&mut bytes).map_err(cannot)?;
    Ok(bytes)
}

impl NodeSettings {
    /// The options that differ in `new` and that a reload cannot take; each needs a restart.
    pub fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        [
            ("state_dir", self.state_dir != new.state_dir),
            ("run_dir", self.run_dir != new.run_dir),
            ("hosts", self.hosts != new.hosts),
            ("ubus_socket", self.ubus_socket != new.ubus_socket),
            ("ubus_babeld", self.ubus_babeld != new.ubus_babeld),
            ("route_table", self.route_table != new.route_table),
            ("route_priority", self.route_priority != new.route_priority),
            ("stale_routes_s", self.stale_routes != new.stale_routes),
        ]
        .into_iter()
        .filter_map(|(option, differs)| differs.then_some(option))
        .collect()
    }
}

#[cfg(test)]
mod tests;
