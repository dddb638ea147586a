//! Network namespaces that live as long as a test.

use std::fs::File;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use nix::sched::{CloneFlags, setns};

/// One network namespace; removed when dropped, also by a panic.
pub(crate) struct Namespace {
    name: String,
}

impl Namespace {
    /// Makes a namespace with the loopback up, and without duplicate address detection on what is made
    /// in it later.
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let namespace = Self { name: format!("tequio-meshio-{}-{number}", std::process::id()) };
        run(
            Command::new("ip").args(["netns", "add", &namespace.name]),
            "a network namespace cannot be made: run these tests as root, with iproute2 installed",
        );
        namespace.ip("link set lo up");
        namespace.sysctl("net/ipv6/conf/default/accept_dad", "0");
        namespace
    }

    /// Its name, for `ip link add ... netns NAME`.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Runs `ip` in here; returns what it printed.
    pub(crate) fn ip(&self, arguments: &str) -> String {
        let what = format!("ip {arguments}");
        run(Command::new("ip").args(["-n", &self.name]).args(arguments.split_whitespace()), &what)
    }

    /// Runs many `ip` commands in here, in one process.
    pub(crate) fn ip_batch(&self, lines: &str) {
        let mut child = Command::new("ip")
            .args(["-n", &self.name, "-batch", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("ip starts");
        child.stdin.take().expect("it is piped").write_all(lines.as_bytes()).expect("ip reads");
        assert!(child.wait().expect("ip ends").success(), "ip -batch of {} bytes", lines.len());
    }

    /// What `ip -json` says.
    pub(crate) fn json(&self, arguments: &str) -> Vec<serde_json::Value> {
        let text = self.ip(&format!("-json -details {arguments}"));
        serde_json::from_str(if text.trim().is_empty() { "[]" } else { &text }).expect("ip prints JSON")
    }

    /// The kernel's number of an interface in here.
    pub(crate) fn index(&self, device: &str) -> tequio::base::address::InterfaceIndex {
        let number = self.json(&format!("link show {device}"))[0]["ifindex"].as_u64().expect("a number");
        tequio::base::address::InterfaceIndex(u32::try_from(number).expect("it fits"))
    }

    /// The link-local address of an interface in here.
    pub(crate) fn link_local(&self, device: &str) -> std::net::Ipv6Addr {
        let shown = self.json(&format!("-6 address show dev {device} scope link"));
        let addresses = shown.iter().filter_map(|link| link["addr_info"].as_array()).flatten();
        let mut texts = addresses.filter_map(|address| address["local"].as_str());
        texts.next().expect("it has one").parse().expect("an address")
    }

    /// Waits until an interface has a link-local address that may be used. Even without duplicate
    /// address detection it is tentative for a moment.
    pub(crate) fn wait_for_link_local(&self, device: &str) {
        let is_usable = |shown: &str| shown.contains("fe80") && !shown.contains("tentative");
        while !is_usable(&self.ip(&format!("-6 address show dev {device} scope link"))) {
            std::thread::yield_now();
        }
    }

    /// Sets `/proc/sys/KEY` in here.
    pub(crate) fn sysctl(&self, key: &str, value: &str) {
        let script = format!("echo {value} > /proc/sys/{key}");
        run(Command::new("ip").args(["netns", "exec", &self.name, "sh", "-c", &script]), &script);
    }

    /// Moves the calling thread into this namespace; sockets that it opens from now on belong here.
    pub(crate) fn enter(&self) {
        let file = File::open(format!("/run/netns/{}", self.name)).expect("the namespace is there");
        setns(file, CloneFlags::CLONE_NEWNET).expect("a namespace can be entered with CAP_SYS_ADMIN");
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let removed = Command::new("ip").args(["netns", "del", &self.name]).status();
        if !removed.is_ok_and(|status| status.success()) {
            eprintln!("the namespace {} is left over", self.name);
        }
    }
}

/// Runs a test on a thread of its own with a loop of its own, like the daemon's; entering namespaces
/// does not touch other tests.
pub(crate) fn on_a_thread(test: impl AsyncFnOnce() + Send) {
    let run = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a loop")
            .block_on(async { tokio::time::timeout(std::time::Duration::from_secs(60), test()).await })
            .expect("the test ends within a minute");
    };
    let result = std::thread::scope(|scope| scope.spawn(run).join());
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}

fn run(command: &mut Command, what: &str) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{what}: {error}"));
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{what}: {complaint}");
    String::from_utf8(output.stdout).expect("iproute2 prints text")
}
