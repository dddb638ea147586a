//! The names of services, for this node's dnsmasq: a file of hosts, written anew when a record changes it, and a word to
//! procd, which has dnsmasq read it (`SIGHUP`). OpenWrt's dnsmasq reads every file of `/tmp/hosts`.
//!
//! Where the folder of that file is not, there is no dnsmasq that would read it, and nothing is written.

use std::io;
use std::path::Path;
use std::time::Duration;

use super::Daemon;
use crate::platform::ubus::table::{arguments, json};

impl Daemon {
    /// Has dnsmasq know what services are called. What fails is tried again at the next tick.
    pub(super) fn write_names(&mut self, names: String) {
        let path = &self.config.node.hosts;
        match write(path, &names) {
            Ok(()) => {
                let signal = json!({"name": "dnsmasq", "signal": HANG_UP});
                self.ubus.invoke("service", "signal", arguments(signal), PATIENCE);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                log::warn!("the names of services are not written to {}: {error}", path.display());
                self.names = Some(names);
            }
        }
    }
}

/// A file appears as a whole. The draft begins with a dot: dnsmasq leaves such files alone.
fn write(path: &Path, names: &str) -> io::Result<()> {
    let draft = path.with_file_name(".tequio.draft");
    std::fs::write(&draft, format!("# Written by tequio, from records of the community\n{names}"))?;
    std::fs::rename(&draft, path)
}

const HANG_UP: u32 = 1;
const PATIENCE: Duration = Duration::from_secs(5);
