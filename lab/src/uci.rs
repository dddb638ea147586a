//! The file `/etc/config/tequio` of every node, written from the village's topology.

use std::fmt::Write;
use std::path::Path;

use crate::terrain::BRIDGE;
use crate::topology::{self as plan, Medium, Site, Topology, mesh_device};

/// The configuration of one node whose folder is `folder`.
pub fn config(topology: &Topology, site: &Site, folder: &Path) -> String {
    let mut text = Text::default();
    text.section("node", Some("node"));
    text.option("name", site.name);
    text.option("state_dir", folder.join("state").display());
    text.option("run_dir", folder.join("run").display());
    text.option("hosts", hosts(folder).display());
    text.option("ubus_socket", socket(folder).display());
    text.option("route_table", 254);
    text.option("route_priority", ROUTE_PRIORITY);
    text.list("outside", plan::OUTSIDE4);

    for (link, neighbour) in topology.links_of(site.name) {
        text.section("interface", Some(&neighbour.replace('-', "_")));
        text.option("device", mesh_device(neighbour));
        text.option("kind", if link.medium == Medium::Wired { "wired" } else { "wireless" });
        text.option("hello_interval_ms", 1000);
        text.option("rxcost", link.rxcost);
    }
    for range in site.announced() {
        text.section("announce", None);
        text.option("prefix", range);
    }
    if site.uplink {
        text.section("uplink", Some("wan"));
        text.option("device", "up0");
        text.list("ping", plan::OUTSIDE4);
        text.list("ping", plan::OUTSIDE6);
        text.list("dns", plan::OUTSIDE_DNS4);
    }
    if site.name == plan::DISH_SITE {
        text.section("uplink", Some("antena"));
        text.option("device", plan::DISH_DEVICE);
        text.option("metric", 1024);
    }
    hotspot(&mut text, site);
    for (login, name, role) in PERSONS {
        text.section("person", None);
        text.option("login", login);
        text.option("name", name);
        text.option("role", role);
    }
    text.0
}

fn hotspot(text: &mut Text, site: &Site) {
    let Some(hotspot) = site.hotspot() else { return };
    text.section("hotspot", Some("hotspot"));
    text.option("device", BRIDGE);
    text.option("address", hotspot.router4);
    text.option("prefix", hotspot.range4);
    text.list("prefix6", hotspot.range6);
    text.option("portal_port", PORTAL_PORT);
    text.option("portal_host", hotspot.router4);
    text.option("lease_s", 900);
    text.option("usage_interval_s", 1);
    text.option("language", "es");
    text.list("infrastructure", plan::infrastructure4());
    text.list("infrastructure", plan::infrastructure6());
}

/// The names that a node gives its dnsmasq: in a folder of their own, which that reads.
pub fn hosts(folder: &Path) -> std::path::PathBuf {
    folder.join(HOSTS).join("tequio")
}

/// Where the ubus broker of a node listens.
pub fn socket(folder: &Path) -> std::path::PathBuf {
    folder.join("ubus.sock")
}

/// The folder of names that a node's dnsmasq reads.
pub const HOSTS: &str = "hosts";

#[derive(Default)]
struct Text(String);

impl Text {
    fn section(&mut self, kind: &str, name: Option<&str>) {
        let _ = match name {
            Some(name) => writeln!(self.0, "\nconfig {kind} '{name}'"),
            None => writeln!(self.0, "\nconfig {kind}"),
        };
    }

    fn option(&mut self, name: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "\toption {name} '{value}'");
    }

    fn list(&mut self, name: &str, value: impl std::fmt::Display) {
        let _ = writeln!(self.0, "\tlist {name} '{value}'");
    }
}

/// The priority (metric) of the routes that the daemons write.
pub const ROUTE_PRIORITY: u32 = 1042;

/// The port of the portal.
pub const PORTAL_PORT: u16 = 2080;

/// Who sells vouchers.
pub const CARETAKER: &str = "ana";

/// Who uses the nodes, with the logins of the caretaker's pages ([`crate::luci`]).
const PERSONS: [(&str, &str, &str); 3] =
    [(CARETAKER, "Ana", "caretaker"), ("admin", "Don Chema", "admin"), ("mira", "Mira", "viewer")];

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn the_daemon_understands_what_the_laboratory_writes() {
        let village = Topology::village();
        for site in &village.sites {
            let text = config(&village, site, Path::new("/tmp/v"));
            let (read, warnings) =
                tequio::config::Config::parse(&text, site.name).expect("the daemon reads it");
            assert_eq!(warnings, [], "{}", site.name);
            assert_eq!(read.node.name, site.name);
            assert_eq!(read.babel.interfaces.len(), village.links_of(site.name).count(), "{}", site.name);
            let has_dish = site.name == plan::DISH_SITE;
            assert_eq!(read.uplinks.len(), usize::from(site.uplink) + usize::from(has_dish), "{}", site.name);
            assert_eq!(read.hotspot.is_some(), site.slot.is_some());
        }
    }
}
