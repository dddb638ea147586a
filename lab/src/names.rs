//! dnsmasq: addresses and names for the phones of an access node, and the names of the outside.

use std::fmt::Write;
use std::path::Path;

use crate::failure::{Outcome, io};
use crate::netns::Namespace;
use crate::probes::PROBES;
use crate::process::Process;
use crate::terrain::BRIDGE;
use crate::topology::{self as plan, Hotspot};
use crate::uci;

/// Starts the dnsmasq of an access node: DHCP, router advertisements, DNS with its upstream outside. What members serve
/// has the names that the daemon writes, so that it can be opened when the outside is gone; OpenWrt's dnsmasq is told
/// by procd when they change, this one looks.
pub fn serve_hotspot(
    namespace: &Namespace,
    name: &str,
    hotspot: &Hotspot,
    folder: &Path,
) -> Outcome<Process> {
    let (first, last) = hotspot.pool4;
    let mut text = common(folder);
    let _ = write!(
        text,
        "interface={BRIDGE}\nexcept-interface=lo\nbind-dynamic\n\
         dhcp-authoritative\nno-ping\ndhcp-leasefile={}\n\
         dhcp-range={first},{last},255.255.252.0,1h\n\
         enable-ra\nquiet-ra\ndhcp-range={},ra-only,64,1h\n\
         server={}\nlocal=/mesh/\nhostsdir={}\n",
        folder.join("dnsmasq.leases").display(),
        hotspot.range6.address,
        plan::OUTSIDE_DNS4,
        folder.join(uci::HOSTS).display(),
    );
    start(namespace, name, folder, &text)
}

/// Starts the DNS of the outside.
pub fn serve_outside(namespace: &Namespace, folder: &Path) -> Outcome<Process> {
    let mut text = common(folder);
    let _ = writeln!(text, "listen-address={}\nbind-interfaces", plan::OUTSIDE_DNS4);
    for name in PROBES.iter().map(|probe| probe.host).chain([plan::OUTSIDE_NAME]) {
        let _ = writeln!(text, "address=/{name}/{}\naddress=/{name}/{}", plan::OUTSIDE4, plan::OUTSIDE6);
    }
    start(namespace, "outside", folder, &text)
}

/// A negative answer is forgotten after a second: what a phone asked for while the uplink was dead must not stay
/// unknown when it is back.
fn common(folder: &Path) -> String {
    format!(
        "port=53\nno-hosts\nno-resolv\nno-poll\nneg-ttl=1\nlocal-ttl=1\nlog-facility=-\nlog-dhcp\npid-file={}\n",
        folder.join("dnsmasq.pid").display()
    )
}

fn start(namespace: &Namespace, name: &str, folder: &Path, text: &str) -> Outcome<Process> {
    let file = folder.join("dnsmasq.conf");
    std::fs::write(&file, text).map_err(io(format!("the file {}", file.display())))?;
    let mut command = namespace.command(Path::new("dnsmasq"));
    command.arg("--no-daemon").arg(format!("--conf-file={}", file.display()));
    Process::start(&format!("dnsmasq at {name}"), command, &folder.join("dnsmasq.log"))
}
