//! Pages outside that are free by their name: the real dnsmasq puts what upstream answers into the base table's sets, with
//! the line that OpenWrt's init script writes for the `config ipset` of docs/hotspot.md.

use std::net::IpAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tequio::platform::firewall::base::base_table;

use crate::world::{GREETING, OTHER_NODE, OTHER_NODE6, OUTSIDE, ROUTER, Talk, World, address, settings};

/// The clinic's page, and a page of the same provider that is not free.
const CLINIC: [&str; 2] = ["198.51.100.7", "2001:db8:77::7"];
const OTHER: [&str; 2] = ["198.51.100.8", "2001:db8:77::8"];
/// A provider tells that this is good for a day; a name of the clinic's leads to a node, by mistake or by malice.
const UPSTREAM: &str = "\
port=5300
host-record=clinica.example,198.51.100.7,2001:db8:77::7,86400
host-record=otra.example,198.51.100.8,2001:db8:77::8,86400
host-record=nodo.clinica.example,10.77.0.1,fd77::1,86400
";
/// The lines that OpenWrt's script writes, but for its protection against private addresses, which would hide the worst
/// answer, and a memory of two seconds in place of half an hour.
const ROUTERS: &str = "\
server=192.0.2.2#5300
interface=br-hs
bind-dynamic
max-cache-ttl=2
nftset=/clinica.example/4#inet#tequio#free_names4,6#inet#tequio#free_names6
";
const PATIENCE: Duration = Duration::from_secs(30);

/// A dnsmasq in a namespace, with rights of its own as on a router. Dropping it ends it.
struct Dnsmasq(Child);

impl Dnsmasq {
    fn start(world: &World, part: &str, settings: &str) -> Self {
        let file = std::env::temp_dir().join(world.space(part)).with_extension("dnsmasq");
        let common = "user=nobody\nno-hosts\nno-resolv\nno-poll\nlog-facility=-\npid-file=\n";
        std::fs::write(&file, format!("{common}{settings}")).expect("a place for a file");
        let child = Command::new("ip")
            .args(["netns", "exec", &world.space(part), "dnsmasq", "--keep-in-foreground"])
            .arg(format!("--conf-file={}", file.display()))
            .stdin(Stdio::null())
            .spawn()
            .expect("ip runs");
        Self(child)
    }

    /// Whether it has ended, and is of no use.
    fn has_ended(&mut self) -> bool {
        self.0.try_wait().expect("it is ours").is_some()
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A question for an address of the family of `expected`; whether that is in the answer.
fn resolves(world: &World, name: &str, expected: &str) -> bool {
    let expected: IpAddr = expected.parse().expect("an address");
    let (kind, octets) = match expected {
        IpAddr::V4(address) => (1, address.octets().to_vec()),
        IpAddr::V6(address) => (28, address.octets().to_vec()),
    };
    let mut question = vec![0x7e, kind, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        question.push(u8::try_from(label.len()).expect("a short label"));
        question.extend(label.bytes());
    }
    question.extend([0, 0, kind, 0, 1]);
    let socket = world.udp("p1", "0.0.0.0:0");
    socket.send_to(&question, address(ROUTER, 53)).expect("it is sent");
    let mut answer = [0; 512];
    let Ok((length, _)) = socket.recv_from(&mut answer) else { return false };
    answer[..2] == question[..2] && answer[..length].windows(octets.len()).any(|part| part == octets)
}

/// Asks until it is so: a stranger's questions are limited, and dnsmasq takes a moment to start.
fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        std::thread::sleep(Duration::from_millis(250));
    }
}

/// What a stranger reaches, in both families.
fn reach(world: &World, hosts: [&str; 2]) -> [bool; 2] {
    hosts.map(|host| match world.talk("p1", host, 8_080, "hello") {
        Talk::Said(said) => said == GREETING,
        Talk::Reset => false,
        other => panic!("{host}: {other:?}"),
    })
}

/// The world with the clinic in it, and both programs.
fn world_of_names() -> (World, [Dnsmasq; 2]) {
    assert!(
        Command::new("dnsmasq").arg("--version").stdout(Stdio::null()).status().is_ok(),
        "these tests need dnsmasq: scripts/setup.sh installs dnsmasq-base"
    );
    let world = World::new();
    let addresses = CLINIC.iter().chain(&OTHER).map(|host| {
        let length = if host.contains(':') { "128 dev lo nodad" } else { "32 dev lo" };
        format!("address add {host}/{length}\n")
    });
    world.ip("out", &addresses.collect::<String>());
    let upstream =
        Dnsmasq::start(&world, "out", &format!("{UPSTREAM}listen-address={OUTSIDE}\nbind-interfaces\n"));
    let mut routers = Dnsmasq::start(&world, "rt", ROUTERS);
    eventually("dnsmasq answers", || {
        assert!(!routers.has_ended(), "dnsmasq without nftset, or its port is taken");
        resolves(&world, "otra.example", OTHER[0])
    });
    (world, [upstream, routers])
}

#[test]
fn a_page_that_is_free_by_its_name_opens_once_the_name_is_asked_for_and_nothing_else_does() {
    let (world, _programs) = world_of_names();
    assert_eq!(reach(&world, CLINIC), [false, false], "nobody has asked for its name");
    eventually("IPv4", || resolves(&world, "clinica.example", CLINIC[0]));
    assert_eq!(reach(&world, CLINIC), [true, false], "one family was asked for");
    eventually("IPv6", || resolves(&world, "clinica.example", CLINIC[1]));
    assert_eq!(reach(&world, CLINIC), [true, true]);
    // Also where the portal is for everybody else.
    assert_eq!(world.talk("p1", CLINIC[0], 80, "hello"), Talk::Said(GREETING.to_owned()));
    eventually("the other page's name", || resolves(&world, "otra.example", OTHER[1]));
    assert_eq!(reach(&world, OTHER), [false, false], "another name opens nothing");
    // A name of the clinic's that leads to a node is in the set, and opens nothing.
    for host in [OTHER_NODE, OTHER_NODE6] {
        eventually("the node by a name", || resolves(&world, "nodo.clinica.example", host));
        let set = if host.contains(':') { "free_names6" } else { "free_names4" };
        assert!(world.list_set(set).contains(host), "{host} is not in {set}");
        for port in [22, 80, 443, 8_080] {
            assert_eq!(world.talk("p1", host, port, "hello"), Talk::Silence, "{host} {port}");
        }
    }
    world.nft(&base_table(&settings()));
    assert_eq!(reach(&world, CLINIC), [true, true], "the base table was loaded again");
}

#[test]
fn a_page_stays_free_while_it_is_used_and_is_forgotten_when_nobody_does() {
    let (world, _programs) = world_of_names();
    for host in CLINIC {
        eventually("its name", || resolves(&world, "clinica.example", host));
    }
    let left = |seconds: u32| {
        let [v4, v6] = CLINIC;
        for (set, host) in [("free_names4", v4), ("free_names6", v6)] {
            world.nft(&format!(
                "delete element inet tequio {set} {{ {host} }}\n\
                 add element inet tequio {set} {{ {host} timeout 1h expires {seconds}s }}\n"
            ));
        }
    };
    let whole_hour =
        |set: &str| world.list_set(set).contains("expires 59m") || world.list_set(set).contains("expires 1h");
    left(600);
    // What dnsmasq says at each answer begins no new hour; a packet does.
    world.nft(&format!("add element inet tequio free_names4 {{ {} }}\n", CLINIC[0]));
    assert!(!whole_hour("free_names4") && !whole_hour("free_names6"));
    assert_eq!(reach(&world, CLINIC), [true, true]);
    assert!(whole_hour("free_names4") && whole_hour("free_names6"));
    // Nobody uses it: it is shut, until its name is asked for after dnsmasq has forgotten the answer.
    left(1);
    eventually("its end", || {
        !world.list_set("free_names4").contains(CLINIC[0])
            && !world.list_set("free_names6").contains(CLINIC[1])
    });
    assert_eq!(reach(&world, CLINIC), [false, false]);
    for (family, host) in CLINIC.into_iter().enumerate() {
        eventually("it is free again", || {
            resolves(&world, "clinica.example", host) && reach(&world, CLINIC)[family]
        });
    }
}
