//! Network namespaces, and all that stands in them.
//!
//! Built with the program `ip` and not with a netlink library, for three reasons. `ip -batch` makes a whole node in
//! one process and names the line that the kernel refused; the daemon under test has a netlink code of its own, and
//! two implementations that share one parser would share its mistakes; and every line can be typed by the person who
//! looks around with `--keep`. The laboratory then needs no async runtime either.
//!
//! The names carry the process id of the run: `tqv<pid>-plaza`. [`Land`] removes what it made when it is dropped,
//! which a panic and a signal also reach; what a killed run has left is swept by the next one, which knows by the
//! process id that nobody owns it any more.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command;
use crate::failure::{Failure, Outcome, io};

/// All namespaces of one run. Dropping it removes them, and with them every link, address, route and nft table.
#[derive(Debug)]
pub struct Land {
    prefix: String,
    names: Vec<String>,
}

impl Land {
    /// An empty land for this process. Sweeps what dead runs have left.
    pub fn new() -> Outcome<Self> {
        sweep();
        Ok(Self { prefix: format!("{PREFIX}{}", std::process::id()), names: Vec::new() })
    }

    /// Adds a namespace with a working loopback. `short` is its name in the story, like `plaza`.
    pub fn add(&mut self, short: &str) -> Outcome<Namespace> {
        if self.names.len() >= MAX_NAMESPACES {
            return Err(Failure::new(format!("at most {MAX_NAMESPACES} namespaces"), "one more".to_string()));
        }
        let name = format!("{}-{short}", self.prefix);
        command::run("ip", &["netns", "add", &name])?;
        self.names.push(name.clone());
        let namespace = Namespace { name };
        namespace.ip("link set lo up\n")?;
        Ok(namespace)
    }
}

impl Drop for Land {
    fn drop(&mut self) {
        for name in &self.names {
            delete(name);
        }
    }
}

/// One network namespace. A plain name: cloning it clones nothing in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Namespace {
    name: String,
}

impl Namespace {
    /// The name that `ip netns` knows.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Runs lines of `ip` commands in this namespace as one batch; the first refused line ends it.
    pub fn ip(&self, lines: &str) -> Outcome<()> {
        command::feed("ip", &["-n", &self.name, "-batch", "-"], lines).map(drop)
    }

    /// What `ip -j` says in this namespace, as JSON. An empty answer is an empty list.
    pub fn ip_json(&self, arguments: &[&str]) -> Outcome<serde_json::Value> {
        let mut all = vec!["-n", self.name.as_str(), "-j"];
        all.extend_from_slice(arguments);
        let text = command::run("ip", &all)?;
        if text.trim().is_empty() {
            return Ok(serde_json::Value::Array(Vec::new()));
        }
        serde_json::from_str(&text)
            .map_err(|error| Failure::new(format!("JSON from `ip {}`", all.join(" ")), error.to_string()))
    }

    /// Loads an nft script in this namespace: all of it or nothing.
    pub fn nft(&self, script: &str) -> Outcome<()> {
        command::feed("ip", &["netns", "exec", &self.name, "nft", "-f", "-"], script).map(drop)
    }

    /// Sets sysctls of this namespace: pairs of a path below `/proc/sys/net` and a value.
    pub fn sysctl(&self, settings: &[(&str, &str)]) -> Outcome<()> {
        let settings: Vec<(PathBuf, String)> = settings
            .iter()
            .map(|(path, value)| (Path::new("/proc/sys/net").join(path), (*value).to_string()))
            .collect();
        self.inside(move || {
            for (path, value) in settings {
                std::fs::write(&path, value).map_err(io(format!("the sysctl {}", path.display())))?;
            }
            Ok(())
        })
    }

    /// Runs `work` on a thread of its own that has moved into this namespace: sockets and devices that it opens
    /// belong there and may be used from any thread afterwards.
    pub fn inside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Outcome<T> + Send + 'static,
    ) -> Outcome<T> {
        let path = Path::new("/run/netns").join(&self.name);
        let thread = std::thread::spawn(move || {
            enter(&path)?;
            work()
        });
        thread.join().map_err(|_| Failure::new("work inside a namespace to end", "a panic"))?
    }

    /// A command that will run `program` in this namespace. `ip netns exec` replaces itself by the program, so that
    /// the process id of the child is the program's own.
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).arg(program);
        command
    }
}

/// Moves the calling thread into a namespace, for good.
fn enter(path: &Path) -> Outcome<()> {
    let file = File::open(path).map_err(io(format!("the namespace {}", path.display())))?;
    setns(file, CloneFlags::CLONE_NEWNET)
        .map_err(|error| Failure::new(format!("to enter {}", path.display()), error.to_string()))
}

/// The laboratory makes namespaces and links: it cannot do that without root.
pub fn require_root() -> Outcome<()> {
    if nix::unistd::geteuid().is_root() {
        return Ok(());
    }
    let seen = "another user; run it with sudo, or in a container that has CAP_SYS_ADMIN and CAP_NET_ADMIN";
    Err(Failure::new("to run as root, because it makes network namespaces", seen))
}

/// Removes the namespaces of runs whose process no longer exists.
fn sweep() {
    let Ok(entries) = std::fs::read_dir("/run/netns") else { return };
    for entry in entries.flatten().take(MAX_SWEPT) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if owner(&name).is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            delete(&name);
        }
    }
}

/// The process id in the name of a namespace of ours.
fn owner(name: &str) -> Option<u32> {
    name.strip_prefix(PREFIX)?.split_once('-')?.0.parse().ok()
}

/// Removes a namespace, and ends whoever still runs in it: nobody but the village does.
fn delete(name: &str) {
    let pids = command::run("ip", &["netns", "pids", name]).unwrap_or_default();
    for pid in pids.split_whitespace().filter_map(|pid| pid.parse().ok()).take(MAX_SWEPT) {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
    if let Err(failure) = command::run("ip", &["netns", "del", name]) {
        log::warn!("the namespace {name} stays: {failure}");
    }
}

/// What the names of all our namespaces begin with.
const PREFIX: &str = "tqv";

/// Eight nodes, the air, the outside, the content server, and room for a bigger village.
const MAX_NAMESPACES: usize = 64;

/// A bound for the sweep: a machine with more namespaces is not ours to clean.
const MAX_SWEPT: usize = 4096;

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn only_our_own_names_have_an_owner() {
        assert_eq!(owner("tqv4711-plaza"), Some(4711));
        assert_eq!(owner("tqv4711-cerro-alto"), Some(4711));
        assert_eq!(owner("tqvx-plaza"), None);
        assert_eq!(owner("plaza"), None);
        assert_eq!(owner("docker4711-plaza"), None);
    }
}
