//! The three daemons that are compared: how each is told the same thing.
//!
//! The same kind of link (a cable), the same cost, the same intervals; everything else as each has it by itself, but
//! for babeld's `link-detect`, which it needs to see a carrier go.

use std::fmt::Write;
use std::net::Ipv6Addr;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Outcome, io};
use crate::netns::Namespace;
use crate::process::Process;
use crate::{command, interrupt};

/// A daemon that speaks Babel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Speaker {
    /// Ours.
    Ours,
    /// Debian's babeld.
    Babeld,
    /// Debian's bird2.
    Bird,
}

impl Speaker {
    /// All of them, ours first.
    pub const ALL: [Self; 3] = [Self::Ours, Self::Babeld, Self::Bird];

    /// The name in tables and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Babeld => "babeld",
            Self::Bird => "bird",
        }
    }

    /// The speaker of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|speaker| speaker.name() == name)
    }
}

/// Where the programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `tequio`.
    pub ours: PathBuf,
    /// `babeld`.
    pub babeld: PathBuf,
    /// `bird`.
    pub bird: PathBuf,
}

impl Default for Programs {
    fn default() -> Self {
        Self { ours: "tequio".into(), babeld: "babeld".into(), bird: "bird".into() }
    }
}

impl Programs {
    fn of(&self, speaker: Speaker) -> &Path {
        match speaker {
            Speaker::Ours => &self.ours,
            Speaker::Babeld => &self.babeld,
            Speaker::Bird => &self.bird,
        }
    }

    /// What a program says of itself.
    pub fn version(&self, speaker: Speaker) -> Outcome<String> {
        let program = self.of(speaker).display().to_string();
        let flag = if speaker == Speaker::Babeld { "-V" } else { "--version" };
        let output = command::attempt(&program, &[flag], "")?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        text.lines()
            .next()
            .map(str::to_string)
            .ok_or_else(|| Failure::new(format!("`{program} {flag}` to say a version"), "nothing"))
    }
}

/// What a daemon of the bench is told.
#[derive(Debug)]
pub(super) struct Order<'a> {
    /// The number of the node: its router-id and its address.
    pub(super) number: u16,
    /// Devices that speak, each with its cost.
    pub(super) devices: &'a [(&'a str, u16)],
    /// Seconds between two Hellos; updates come after four of them.
    pub(super) hello_s: u32,
}

/// The address that node `number` announces.
pub(super) fn address(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, number)
}

/// Gives a namespace what every node of the bench has: forwarding, no waiting for duplicate addresses, its address.
pub(super) fn furnish(namespace: &Namespace, number: u16) -> Outcome<()> {
    namespace.sysctl(&[
        ("ipv6/conf/all/forwarding", "1"),
        ("ipv6/conf/all/accept_dad", "0"),
        ("ipv6/conf/default/accept_dad", "0"),
        ("ipv6/route/max_size", "1000000"),
    ])?;
    namespace.ip(&format!("addr add {}/128 dev lo\n", address(number)))
}

/// A cable between two namespaces; its ends are named by both nodes, like `ab` and `ba`.
pub(super) fn cable(one: &Namespace, name: &str, other: &Namespace, back: &str) -> Outcome<()> {
    one.ip(&format!(
        "link add {name} type veth peer name {back} netns {}\nlink set dev {name} up\n",
        other.name()
    ))?;
    other.ip(&format!("link set dev {back} up\n"))
}

/// Starts a daemon.
pub(super) fn start(
    speaker: Speaker,
    programs: &Programs,
    namespace: &Namespace,
    order: &Order<'_>,
    folder: &Path,
) -> Outcome<Process> {
    interrupt::check()?;
    std::fs::create_dir_all(folder).map_err(io(format!("the folder {}", folder.display())))?;
    let file = folder.join("config");
    let text = match speaker {
        Speaker::Ours => ours(order, folder)?,
        Speaker::Babeld => babeld(order),
        Speaker::Bird => bird(order),
    };
    std::fs::write(&file, text).map_err(io(format!("the file {}", file.display())))?;
    let mut command = namespace.command(programs.of(speaker));
    match speaker {
        Speaker::Ours => command.args(["run", "--config"]).arg(&file),
        Speaker::Babeld => command.args(["-I", "", "-S"]).arg(folder.join("state")).arg("-c").arg(&file),
        Speaker::Bird => command.args(["-f", "-c"]).arg(&file).arg("-s").arg(folder.join("ctl")),
    };
    Process::start(speaker.name(), command, &folder.join("log"))
}

fn ours(order: &Order<'_>, folder: &Path) -> Outcome<String> {
    let state = folder.join("keep");
    std::fs::create_dir_all(&state).map_err(io(format!("the folder {}", state.display())))?;
    let mut text = format!(
        "config node 'node'\n\toption name 'n{}'\n\toption state_dir '{}'\n\toption run_dir '{}'\n\toption ubus_socket \
         '{}'\n\nconfig announce\n\toption prefix '{}/128'\n",
        order.number,
        state.display(),
        folder.join("run").display(),
        folder.join("no-broker").display(),
        address(order.number),
    );
    for (device, cost) in order.devices {
        let _ = write!(
            text,
            "\nconfig interface\n\toption device '{device}'\n\toption kind 'wired'\n\toption rxcost '{cost}'\n\toption \
             hello_interval_ms '{}'\n",
            order.hello_s * 1_000
        );
    }
    Ok(text)
}

fn babeld(order: &Order<'_>) -> String {
    let mut text = format!(
        "link-detect true\ndefault type wired hello-interval {} update-interval {}\n",
        order.hello_s,
        order.hello_s * 4
    );
    for (device, cost) in order.devices {
        let _ = writeln!(text, "interface {device} rxcost {cost}");
    }
    text
}

fn bird(order: &Order<'_>) -> String {
    let mut text = format!(
        "router id 10.99.0.{};\nprotocol device {{}}\nprotocol direct {{ ipv6; interface \"lo\"; }}\n\
         protocol kernel {{ ipv6 {{ export all; }}; }}\nprotocol babel {{\n  ipv6 {{ import all; export all; }};\n",
        order.number
    );
    for (device, cost) in order.devices {
        let _ = writeln!(
            text,
            "  interface \"{device}\" {{ type wired; rxcost {cost}; hello interval {} s; update interval {} s; }};",
            order.hello_s,
            order.hello_s * 4
        );
    }
    text + "}\n"
}
