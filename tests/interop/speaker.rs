//! The three programs that speak Babel, and how each is told the same thing.

use std::fmt::Write as _;

use crate::place::Place;

/// A program that speaks Babel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaker {
    Ours,
    Babeld,
    Bird,
}

impl Speaker {
    /// The speaker of this name.
    pub(crate) fn named(name: &str) -> Self {
        match name {
            "ours" => Self::Ours,
            "babeld" => Self::Babeld,
            "bird" => Self::Bird,
            other => panic!("nobody is called {other}; there are ours, babeld and bird"),
        }
    }

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Babeld => "babeld",
            Self::Bird => "bird",
        }
    }

    /// Starts the program, as a cold boot would.
    pub(crate) fn start(self, place: &mut Place, node: &Node) {
        let file = |name: &str| place.file(name).display().to_string();
        let text = match self {
            Self::Ours => ours(place, node),
            Self::Babeld => babeld(node),
            Self::Bird => bird(node),
        };
        std::fs::write(place.file("config"), text).expect("a file");
        let (config, state, control) = (file("config"), file("babeld.state"), file("ctl"));
        match self {
            Self::Ours => {
                std::fs::create_dir_all(place.file("keep")).expect("a folder");
                place.start("tequio", env!("CARGO_BIN_EXE_tequio"), &["run", "--config", &config]);
            }
            Self::Babeld => {
                place.start("babeld", &program("babeld"), &["-I", "", "-S", &state, "-c", &config])
            }
            Self::Bird => place.start("bird", &program("bird"), &["-f", "-c", &config, "-s", &control]),
        }
    }

    /// What a power cut takes with it: the program, its memory, what it told the kernel.
    pub(crate) fn lose_power(self, place: &mut Place) {
        place.kill();
        for protocol in [BABELD_AND_OURS, BIRD] {
            for family in ["-4", "-6"] {
                place.ip(&format!("{family} route flush proto {protocol}"));
            }
        }
        let _ = std::fs::remove_dir_all(place.file("run"));
        let _ = std::fs::remove_file(place.file("babeld.state"));
    }
}

/// What a node is: its number, the devices that speak, and what it announces by source.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) number: u8,
    pub(crate) devices: Vec<String>,
    pub(crate) by_source: bool,
    /// Debian's BIRD knows no IPv4 routes with IPv6 next hops (RFC 9229): beside it we name our IPv4 address.
    pub(crate) v4_hops: bool,
}

impl Node {
    pub(crate) fn v4(&self) -> String {
        format!("10.97.0.{}", self.number)
    }

    pub(crate) fn v6(&self) -> String {
        format!("fd97::{}", self.number)
    }

    /// What it announces to packets from [`SOURCE`] alone (RFC 9079).
    pub(crate) fn for_source(&self) -> String {
        format!("fd97::{}0", self.number)
    }
}

pub(crate) const SOURCE: &str = "fd97:f::/64";

fn ours(place: &Place, node: &Node) -> String {
    let file = |name: &str| place.file(name).display().to_string();
    let mut text = format!(
        "config node 'node'\n\toption name 'n{}'\n\toption state_dir '{}'\n\toption run_dir '{}'\n\
         \toption ubus_socket '{}'\n",
        node.number,
        file("keep"),
        file("run"),
        file("no-broker.sock"),
    );
    for device in &node.devices {
        let v4_via_v6 = u8::from(!node.v4_hops);
        let _ = write!(
            text,
            "\nconfig interface\n\toption device '{device}'\n\toption kind 'wired'\n\toption v4_via_v6 '{v4_via_v6}'\n"
        );
    }
    for prefix in [node.v4(), node.v6()] {
        let _ = write!(text, "\nconfig announce\n\toption prefix '{prefix}'\n");
    }
    if node.by_source {
        let prefix = node.for_source();
        let _ = write!(text, "\nconfig announce\n\toption prefix '{prefix}'\n\toption source '{SOURCE}'\n");
    }
    text
}

fn babeld(node: &Node) -> String {
    let mut text = "link-detect true\n".to_owned();
    for device in &node.devices {
        let _ = writeln!(text, "interface {device} type wired v4-via-v6 true");
    }
    if node.by_source {
        let _ = writeln!(text, "redistribute local ip {}/128 eq 128 src-prefix {SOURCE}", node.for_source());
    }
    text
}

fn bird(node: &Node) -> String {
    // One table of IPv6 has all sources or none, so it is asked for only where routes by source are played.
    let (v6, table) = if node.by_source { ("ipv6 sadr", "table by_source;") } else { ("ipv6", "") };
    let mut text = format!("router id 10.97.0.{};\nlog stderr all;\nprotocol device {{ }}\n", node.number);
    if node.by_source {
        let prefix = node.for_source();
        let _ = write!(
            text,
            "ipv6 sadr table by_source;\nprotocol static {{ {v6} {{ {table} }}; route {prefix}/128 from {SOURCE} via \
             \"lo\"; }}\n"
        );
    }
    let _ = write!(
        text,
        "protocol kernel {{ {v6} {{ {table} export where source = RTS_BABEL; }}; }}\n\
         protocol kernel {{ ipv4 {{ export where source = RTS_BABEL; }}; }}\n\
         protocol direct {{ ipv4; {v6} {{ {table} }}; interface \"lo\"; }}\n\
         protocol babel {{\n  ipv4 {{ import all; export all; }};\n  {v6} {{ {table} import all; export all; }};\n"
    );
    for device in &node.devices {
        let _ = writeln!(text, "  interface \"{device}\" {{ type wired; }};");
    }
    text + "}\n"
}

/// Where a program is: in the path, or where Debian puts it.
fn program(name: &str) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin", "/usr/bin"]);
    let found = folders.map(|folder| format!("{folder}/{name}")).find(|file| std::fs::metadata(file).is_ok());
    found.unwrap_or_else(|| panic!("{name} is not installed; scripts/setup.sh brings it"))
}

/// The numbers under which the kernel keeps what each was told.
const BABELD_AND_OURS: u8 = 42;
const BIRD: u8 = 12;
