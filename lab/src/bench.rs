//! `lab bench-phone`: one access node without a daemon, one phone. Shows that namespaces, TAP, dnsmasq, web server and
//! phone work together, so that a failure of the village is a failure of the daemon.

use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::cell::Cell;
use crate::failure::{Failure, Outcome, io};
use crate::folder::Folder;
use crate::netns::{self, Land, Namespace};
use crate::phone::Phone;
use crate::process::Process;
use crate::terrain::{BRIDGE, hotspot_bridge};
use crate::topology::{CONTENT_NAME, CONTENT4, CONTENT6, Topology};
use crate::{command, interrupt, names, uci};

const PATIENCE: Duration = Duration::from_secs(20);

/// Whatever comes from the first port that asks for a name from now on is lost: the set has room for no second one.
const ONE_PORT_IS_DEAF: &str = "table ip deaf {
  set first { type inet_service; size 1; flags dynamic; }
  chain input {
    type filter hook input priority filter; policy accept;
    udp dport 53 udp sport @first drop
    udp dport 53 add @first { udp sport } drop
  }
}
";

/// Runs it; prints one line per step.
pub fn phone(pcap: Option<&Path>) -> Outcome<()> {
    netns::require_root()?;
    interrupt::install()?;
    command::require_all()?;
    crate::cell::require_tun()?;
    let mut land = Land::new()?;
    let mut folder = Folder::create()?;
    let namespace = land.add("bench")?;
    let hotspot = Topology::village().site("plaza").hotspot().expect("phones join at the square");
    namespace.sysctl(&[("ipv6/conf/all/forwarding", "1"), ("ipv6/conf/default/accept_dad", "0")])?;
    namespace.ip(&hotspot_bridge(&hotspot))?;
    namespace.ip(&format!("addr add {CONTENT4}/32 dev lo\naddr add {CONTENT6}/128 dev lo\n"))?;
    let cell = Cell::start(&namespace, BRIDGE)?;
    folder.of(uci::HOSTS)?;
    let hosts = uci::hosts(folder.path());
    let lines = format!("{CONTENT4} {CONTENT_NAME}\n{CONTENT6} {CONTENT_NAME}\n");
    std::fs::write(&hosts, lines).map_err(io(format!("the file {}", hosts.display())))?;
    let mut dnsmasq = names::serve_hotspot(&namespace, "bench", &hotspot, folder.path())?;
    let mut web = serve_web(&namespace, "contenido", &[CONTENT4.into(), CONTENT6.into()], folder.path())?;

    let clock = Instant::now();
    let say = |what: String| println!("{:8.3} s  {what}", clock.elapsed().as_secs_f64());
    let mut phone = Phone::switch_on(&cell, "rosa", 1, PATIENCE, pcap)?;
    let steps = |phone: &mut Phone| -> Outcome<()> {
        let lease = phone.lease()?;
        say(format!("DHCP   {}/{} router {:?}", lease.address, lease.length, lease.router));
        say(format!("DNS    {CONTENT_NAME} is {}", phone.resolve(CONTENT_NAME)?));
        namespace.nft(ONE_PORT_IS_DEAF)?;
        phone.set_patience(Duration::from_secs(3));
        say(format!("DNS    from another port, it is {}", phone.resolve(CONTENT_NAME)?));
        phone.set_patience(PATIENCE);
        let visit = phone.open(&format!("http://{CONTENT_NAME}/"))?;
        say(format!("HTTP   {} from {}", visit.page.status, visit.url()));
        if !visit.page.text().contains(&format!("client={}", lease.address)) {
            return Err(Failure::new("the server to see the phone's address", visit.page.text()));
        }
        say(format!("SLAAC  {}", phone.address6()?));
        let visit = phone.open(&format!("http://[{CONTENT6}]/"))?;
        say(format!("HTTP   {} from {}", visit.page.status, visit.url()));
        let refused = phone.ask(&format!("http://{CONTENT4}:81/")).expect_err("nobody listens there");
        say(format!("closed {}", refused.seen));
        let unknown = phone.resolve("nobody.mesh").expect_err("nobody has this name");
        say(format!("DNS    {}", unknown.seen));
        Ok(())
    };
    let outcome = steps(&mut phone);
    dnsmasq.check()?;
    web.check()?;
    if outcome.is_ok() {
        folder.discard();
    }
    outcome.map_err(|failure| failure.read(&dnsmasq.log).read(&web.log))
}

/// Starts the web server of the laboratory in a namespace, and waits until it can be asked.
pub fn serve_web(namespace: &Namespace, name: &str, addresses: &[IpAddr], folder: &Path) -> Outcome<Process> {
    let mut arguments = vec!["serve-web".to_owned(), "--name".to_owned(), name.to_owned()];
    for address in addresses {
        arguments.extend(["--listen".to_owned(), address.to_string()]);
    }
    let log = folder.join(format!("web-{name}.log"));
    serve(namespace, &format!("the web server of {name}"), &arguments, &log)
}

/// Starts a server that is this program itself, and waits until it says that it is ready.
pub(crate) fn serve(namespace: &Namespace, name: &str, arguments: &[String], log: &Path) -> Outcome<Process> {
    let program = std::env::current_exe().map_err(crate::failure::io("the path of this program"))?;
    let mut command = namespace.command(&program);
    command.args(arguments);
    let mut process = Process::start(name, command, log)?;
    interrupt::until(&format!("{name} to be ready"), Duration::from_secs(10), || {
        process.check()?;
        let text = std::fs::read_to_string(log).unwrap_or_default();
        Ok(if text.lines().any(|line| line == crate::web::READY) {
            Ok(())
        } else {
            Err("silence".to_string())
        })
    })?;
    Ok(process)
}
