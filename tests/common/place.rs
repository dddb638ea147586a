//! A network namespace of a test, and the program that runs in it. Shared by the tests that are folders.

#![allow(dead_code, reason = "each test uses its part of what is shared")]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Time between two looks at the same condition.
pub(crate) const LOOK: Duration = Duration::from_millis(50);

/// A place in the mesh of a test: namespace, folder and one program.
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) namespace: String,
    program: Option<(&'static str, Child)>,
    folder: PathBuf,
}

impl Place {
    /// A new namespace; `test` and `name` tell it from all others of this process.
    pub(crate) fn new(name: &'static str, test: &str, folder: &Path) -> Self {
        let namespace = format!("tequio-{}-{test}-{name}", std::process::id());
        let made = Command::new("ip").args(["netns", "add", &namespace]).output();
        let complaint = made.map_or_else(|error| error.to_string(), |output| words(&output.stderr));
        assert!(
            complaint.is_empty(),
            "no network namespace: run this as root, with iproute2 installed ({complaint})"
        );
        let place = Self { name, namespace, program: None, folder: folder.join(name) };
        std::fs::create_dir_all(&place.folder).expect("a folder in the folder of this test");
        for (key, value) in [
            ("ipv6/conf/all/forwarding", "1"),
            ("ipv4/ip_forward", "1"),
            ("ipv6/conf/all/accept_dad", "0"),
            ("ipv6/conf/default/accept_dad", "0"),
        ] {
            let script = format!("echo {value} > /proc/sys/net/{key}");
            assert!(place.run("sh", &["-c", &script]).status.success(), "{script}");
        }
        place.ip("link set lo up");
        place
    }

    /// Runs `ip` in here.
    pub(crate) fn ip(&self, arguments: &str) -> String {
        let output = Command::new("ip").args(["-n", &self.namespace]).args(arguments.split(' ')).output();
        let output = output.expect("iproute2 is installed");
        assert!(output.status.success(), "at {}: ip {arguments}: {}", self.name, words(&output.stderr));
        words(&output.stdout)
    }

    /// Runs a program in here to its end.
    pub(crate) fn run(&self, program: &str, arguments: &[&str]) -> Output {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace, program]).args(arguments);
        command.output().expect("iproute2 is installed")
    }

    /// Starts the program of this place; its words are added to its log.
    pub(crate) fn start(&mut self, program: &'static str, path: &str, arguments: &[&str]) {
        assert!(self.program.is_none(), "{program} runs already at {}", self.name);
        let log = File::options().create(true).append(true).open(self.log()).expect("a log");
        let twice = log.try_clone().expect("a log");
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.namespace, path]).args(arguments);
        let child = command.stdin(Stdio::null()).stdout(log).stderr(twice).spawn();
        self.program = Some((program, child.expect("iproute2 is installed")));
    }

    /// The process of its program.
    pub(crate) fn pid(&self) -> u32 {
        self.program.as_ref().map_or(0, |(_, child)| child.id())
    }

    /// SIGKILL: the program ends as in a power cut.
    pub(crate) fn kill(&mut self) {
        let (_, mut child) = self.program.take().expect("it runs");
        child.kill().expect("it is ours");
        child.wait().expect("it is ours");
    }

    /// SIGHUP: the program reads its configuration again.
    pub(crate) fn hang_up(&self) {
        let (_, child) = self.program.as_ref().expect("it runs");
        signal(child, nix::sys::signal::Signal::SIGHUP);
    }

    /// SIGTERM, and waits until it has ended.
    pub(crate) fn stop(&mut self) {
        let (program, mut child) = self.program.take().expect("it runs");
        signal(&child, nix::sys::signal::Signal::SIGTERM);
        let begun = Instant::now();
        while child.try_wait().expect("it is ours").is_none() {
            if begun.elapsed() > Duration::from_secs(10) {
                let _ = child.kill();
                let _ = child.wait();
                panic!("{program} at {} does not end on SIGTERM", self.name);
            }
            std::thread::sleep(LOOK);
        }
    }

    /// The file or folder of this name that belongs to this place.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn log(&self) -> PathBuf {
        self.file("log")
    }

    /// What its programs have said so far.
    pub(crate) fn said(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    /// A cable to another place; the ends have these names and are up.
    pub(crate) fn cable(&self, here: &str, other: &Self, there: &str) {
        self.ip(&format!("link add {here} type veth peer name {there} netns {}", other.namespace));
        self.ip(&format!("link set {here} up"));
        other.ip(&format!("link set {there} up"));
    }

    /// An error if its program has ended.
    pub(crate) fn check(&mut self) {
        let Some((program, child)) = &mut self.program else { return };
        if let Some(status) = child.try_wait().expect("it is ours") {
            panic!("{program} at {} ended by itself: {status}", self.name);
        }
    }

    /// The routes that the kernel would send a packet by: destination as `ip` writes it (`::/0 from fd00::/8` for
    /// one that depends on the source), and the route.
    pub(crate) fn routes(&self) -> BTreeMap<String, Value> {
        let mut found = BTreeMap::new();
        for family in ["-4", "-6"] {
            let text = self.ip(&format!("-j {family} route show table main"));
            let routes: Vec<Value> = serde_json::from_str(if text.trim().is_empty() { "[]" } else { &text })
                .expect("ip prints JSON");
            // What is known to be unreachable is a route to the kernel, and none to us.
            let usable = |route: &Value| matches!(route["type"].as_str(), None | Some("unicast"));
            for route in routes.into_iter().filter(usable) {
                let destination = route["dst"].as_str().unwrap_or_default();
                let name = route["from"].as_str().map(|source| format!("{destination} from {source}"));
                found.insert(name.unwrap_or_else(|| destination.to_owned()), route);
            }
        }
        found
    }

    /// Whether packets from `source` here are answered by `to`.
    pub(crate) fn pings(&self, source: &str, to: &str) -> Result<(), String> {
        let output = self.run("ping", &["-n", "-q", "-c", "2", "-i", "0.2", "-W", "1", "-I", source, to]);
        if output.status.success() {
            return Ok(());
        }
        let said = format!("{}{}", words(&output.stdout), words(&output.stderr));
        assert!(!said.contains("No such file"), "there is no ping; on Debian: apt-get install iputils-ping");
        Err(format!("{} does not reach {to} from {source}: {}", self.name, said.replace('\n', " ")))
    }
}

/// Looks until the condition holds, which took so long; it says what it sees instead. The programs of `world` run on
/// meanwhile, or `check` complains.
pub(crate) fn until<W>(
    world: &mut W,
    what: &str,
    limit: Duration,
    check: impl Fn(&mut W),
    condition: impl Fn(&W) -> Result<(), String>,
) -> Duration {
    let begun = Instant::now();
    while let Err(seen) = condition(world) {
        check(world);
        assert!(begun.elapsed() < limit, "{what}: after {} s {seen}", limit.as_secs());
        std::thread::sleep(LOOK);
    }
    begun.elapsed()
}

/// A folder that goes with all that is in it. The last field of a world: the places read their logs before.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some((_, child)) = &mut self.program {
            let _ = child.kill();
            let _ = child.wait();
        }
        let removed = Command::new("ip").args(["netns", "del", &self.namespace]).status();
        if !removed.is_ok_and(|status| status.success()) {
            eprintln!("the namespace {} is left over", self.namespace);
        }
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.log()).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let last = lines[lines.len().saturating_sub(30)..].join("\n  ");
            eprintln!("the last words at {}:\n  {last}", self.name);
        }
    }
}

fn signal(child: &Child, signal: nix::sys::signal::Signal) {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).expect("a pid"));
    nix::sys::signal::kill(pid, signal).expect("it is ours");
}

fn words(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim().to_owned()
}
