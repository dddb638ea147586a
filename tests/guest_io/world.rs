//! One router, three phones and the world outside.
//!
//! ```text
//! p1 --+                    +-- uplink -- outside  192.0.2.2, 2001:db8::2
//!      +-- br-hs -- router -+             10.77.0.1, fd77::1       another node (infrastructure)
//! p2 --+            |                     10.77.200.5, fd77:200::5 the village's own server
//! p3 ------ hs2 ----+
//! ```

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpStream, UdpSocket};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use tequio::base::address::MacAddress;
use tequio::base::time::Span;
use tequio::hotspot::output::{AdmittedGuest, ClientId, GuestChange, UsageSample};
use tequio::platform::firewall::base::{FirewallSettings, base_table};
use tequio::platform::firewall::{Firewall, FirewallError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub(crate) const ROUTER: &str = "10.77.16.1";
pub(crate) const ROUTER6: &str = "fd77:16::1";
pub(crate) const OUTSIDE: &str = "192.0.2.2";
pub(crate) const OUTSIDE6: &str = "2001:db8::2";
pub(crate) const OTHER_NODE: &str = "10.77.0.1";
pub(crate) const OTHER_NODE6: &str = "fd77::1";
pub(crate) const OWN_MESH: &str = "10.77.0.4";
pub(crate) const OWN_MESH6: &str = "fd77::4";
pub(crate) const VILLAGE: &str = "10.77.200.5";
pub(crate) const VILLAGE6: &str = "fd77:200::5";
pub(crate) const PORTAL_PORT: u16 = 2080;
/// What every listener of the outside answers.
pub(crate) const GREETING: &str = "this is the outside\n";
/// A listener of the outside that sends without end.
pub(crate) const STREAM_PORT: u16 = 9_000;
/// A listener of the outside that reads without end.
pub(crate) const SINK_PORT: u16 = 9_001;

/// A firewall like fw4 that forwards whatever has to do with the hotspot, and masquerades: what stays
/// closed is closed by the base table.
pub(crate) const FW4: &str = "table inet fw4
delete table inet fw4
table inet fw4 {
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname { br-hs, hs2 } accept
    oifname { br-hs, hs2 } accept
  }
  chain srcnat {
    type nat hook postrouting priority srcnat; policy accept;
    oifname uplink meta nfproto ipv4 masquerade
  }
}
";

static WORLDS: AtomicU32 = AtomicU32::new(0);

/// The namespaces. Dropping it (also in a panic) stops the servers and removes them.
pub(crate) struct World {
    name: String,
    servers: Vec<Server>,
}

impl World {
    /// Makes the namespaces, loads a firewall like fw4 and the base table, starts the outside.
    pub(crate) fn new() -> Self {
        assert!(
            nix::unistd::geteuid().is_root(),
            "these tests make network namespaces: run them as root (sudo -E cargo test --test guest_io)"
        );
        let number = WORLDS.fetch_add(1, Ordering::Relaxed);
        let mut world = Self { name: format!("tqg{}x{number}", std::process::id()), servers: Vec::new() };
        for part in ["rt", "out", "p1", "p2", "p3"] {
            run("ip", &["netns", "add", &world.space(part)], "");
            // No duplicate address detection: addresses are good at once.
            world.set(part, "ipv6/conf/all/accept_dad", "0");
            world.set(part, "ipv6/conf/default/accept_dad", "0");
        }
        world.set("rt", "ipv4/ip_forward", "1");
        world.set("rt", "ipv6/conf/all/forwarding", "1");
        world.wire();
        world.nft(FW4);
        world.nft(&base_table(&settings()));
        for port in [22, 53, 80, 443, 8_080] {
            world.serve("out", port, greet);
        }
        world.serve("out", STREAM_PORT, stream);
        world.serve("out", SINK_PORT, sink);
        world
    }

    fn wire(&self) {
        let (rt, out) = (self.space("rt"), self.space("out"));
        let mut router = String::from("link set lo up\nlink add br-hs type bridge\nlink set br-hs up\n");
        for phone in 1..=3 {
            let space = self.space(&format!("p{phone}"));
            let port = if phone == 3 { "hs2".to_owned() } else { format!("port{phone}") };
            router += &format!(
                "link add {port} type veth peer name wlan netns {space} address 02:00:5e:00:00:0{phone}\n\
                 link set {port} up\n"
            );
        }
        router += &format!(
            "link set port1 master br-hs\nlink set port2 master br-hs\n\
             link add uplink type veth peer name eth netns {out}\nlink set uplink up\n\
             address add {ROUTER}/22 brd + dev br-hs\naddress add {ROUTER6}/64 dev br-hs nodad\n\
             address add 10.77.20.1/22 brd + dev hs2\naddress add fd77:20::1/64 dev hs2 nodad\n\
             address add {OWN_MESH}/32 dev lo\naddress add {OWN_MESH6}/128 dev lo nodad\n\
             address add 192.0.2.1/24 dev uplink\naddress add 2001:db8::1/64 dev uplink nodad\n\
             route add default via {OUTSIDE}\nroute add ::/0 via {OUTSIDE6}\n"
        );
        batch(&rt, &router);
        batch(
            &out,
            &format!(
                "link set lo up\nlink set eth up\n\
                 address add {OUTSIDE}/24 dev eth\naddress add {OUTSIDE6}/64 dev eth nodad\n\
                 address add {OTHER_NODE}/32 dev lo\naddress add {OTHER_NODE6}/128 dev lo nodad\n\
                 address add {VILLAGE}/32 dev lo\naddress add {VILLAGE6}/128 dev lo nodad\n\
                 route add default via 192.0.2.1\nroute add ::/0 via 2001:db8::1\n"
            ),
        );
        for phone in 1..=3 {
            let (v4, v6) = if phone == 3 { ("10.77.20", "fd77:20") } else { ("10.77.16", "fd77:16") };
            batch(
                &self.space(&format!("p{phone}")),
                &format!(
                    "link set lo up\nlink set wlan up\n\
                     address add {v4}.{}/22 brd + dev wlan\naddress add {v6}::{}/64 dev wlan nodad\n\
                     route add default via {v4}.1\nroute add ::/0 via {v6}::1\n",
                    10 + phone,
                    10 + phone
                ),
            );
        }
    }

    /// The full name of a namespace.
    pub(crate) fn space(&self, part: &str) -> String {
        format!("{}{part}", self.name)
    }

    /// Sets a figure of the kernel that each namespace has for itself.
    fn set(&self, part: &str, name: &str, value: &str) {
        self.within(part, || std::fs::write(format!("/proc/sys/net/{name}"), value))
            .expect("root may set it");
    }

    /// Runs `ip` in a namespace.
    pub(crate) fn ip(&self, part: &str, line: &str) {
        batch(&self.space(part), line);
    }

    /// Loads `text` with nft on the router; tells what it printed.
    pub(crate) fn nft(&self, text: &str) -> String {
        self.nft_at("rt", text)
    }

    /// The same in another namespace.
    pub(crate) fn nft_at(&self, part: &str, text: &str) -> String {
        run("ip", &["netns", "exec", &self.space(part), "nft", "-f", "-"], text)
    }

    /// Why nft or the kernel does not take this, if so; nothing of it stays then.
    pub(crate) fn refuses(&self, text: &str) -> Option<String> {
        let said = output_of("ip", &["netns", "exec", &self.space("rt"), "nft", "-f", "-"], text);
        (!said.status.success()).then(|| String::from_utf8_lossy(&said.stderr).into_owned())
    }

    /// What nft lists for a set.
    pub(crate) fn list_set(&self, set: &str) -> String {
        self.nft(&format!("list set inet tequio {set}\n"))
    }

    /// Runs `work` in a namespace, on a thread of its own.
    pub(crate) fn within<T: Send>(&self, part: &str, work: impl FnOnce() -> T + Send) -> T {
        let space = self.space(part);
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| {
                enter(&space);
                work()
            });
            worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// Runs `work` in a namespace until it ends, on a loop of its own.
    pub(crate) fn within_loop<T: Send, F: Future<Output = T>>(
        &self,
        part: &str,
        work: impl FnOnce() -> F + Send,
    ) -> T {
        self.within(part, || new_loop().block_on(async { work().await }))
    }

    /// Starts a task in a namespace that runs until the world is dropped.
    pub(crate) fn start<F: Future<Output = ()>>(
        &mut self,
        part: &str,
        work: impl FnOnce() -> F + Send + 'static,
    ) {
        let space = self.space(part);
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let thread = std::thread::spawn(move || {
            enter(&space);
            new_loop().block_on(async {
                // The first poll opens the sockets: nobody can come too early.
                let mut work = std::pin::pin!(work());
                let mut stopped = std::pin::pin!(stopped);
                let first =
                    std::future::poll_fn(|context| std::task::Poll::Ready(work.as_mut().poll(context)));
                let done = first.await.is_ready();
                let _ = ready.send(());
                if !done {
                    tokio::select! {
                        () = work => {}
                        _ = &mut stopped => {}
                    }
                }
            });
        });
        let _ = is_ready.recv();
        self.servers.push(Server { stop: Some(stop), thread: Some(thread) });
    }

    /// Listens on a TCP port of a namespace, on both families.
    pub(crate) fn serve(&mut self, part: &str, port: u16, serve_one: fn(tokio::net::TcpStream)) {
        self.start(part, move || async move {
            let listener = TcpListener::bind(("::", port)).await.expect("the port is free");
            loop {
                if let Ok((stream, _)) = listener.accept().await {
                    serve_one(stream);
                }
            }
        });
    }

    /// Applies changes with a firewall that was just opened: it keeps no state of its own.
    pub(crate) fn apply(&self, changes: &[GuestChange]) -> Result<(), FirewallError> {
        self.within_loop("rt", || async { Firewall::open().unwrap().apply(changes).await })
    }

    pub(crate) fn samples(&self) -> Vec<UsageSample> {
        self.within_loop("rt", || async { Firewall::open().unwrap().samples().await.unwrap() })
    }

    pub(crate) fn admitted(&self) -> Vec<AdmittedGuest> {
        self.within_loop("rt", || async { Firewall::open().unwrap().admitted().await.unwrap() })
    }

    pub(crate) fn flow_tables(&self) -> Vec<String> {
        self.within_loop("rt", || async { Firewall::open().unwrap().flow_tables().await.unwrap() })
    }

    /// What a TCP server says to `request`, from a phone.
    pub(crate) fn talk(&self, phone: &str, host: &str, port: u16, request: &str) -> Talk {
        let address = address(host, port);
        self.within(phone, || talk(address, request))
    }

    /// What several TCP servers say, asked at the same time.
    pub(crate) fn talk_to_all(&self, phone: &str, servers: &[(&str, u16)]) -> Vec<Talk> {
        self.within(phone, || {
            // Threads are in the namespace of the thread that starts them.
            std::thread::scope(|scope| {
                let talks =
                    servers.iter().map(|(host, port)| scope.spawn(|| talk(address(host, *port), "hello")));
                let talks: Vec<_> = talks.collect();
                talks.into_iter().map(|talk| talk.join().unwrap()).collect()
            })
        })
    }

    /// Whether `phone` reaches the outside, in both families; panics if they differ.
    pub(crate) fn is_online(&self, phone: &str) -> bool {
        let v4 = self.talk(phone, OUTSIDE, 8_080, "hello") == Talk::Said(GREETING.to_owned());
        let v6 = self.talk(phone, OUTSIDE6, 8_080, "hello") == Talk::Said(GREETING.to_owned());
        assert_eq!(v4, v6, "IPv4 and IPv6 of {phone} differ");
        v4
    }

    /// Opens a connection from a phone; it goes on in the caller's thread.
    pub(crate) fn connect(&self, phone: &str, host: &str, port: u16) -> TcpStream {
        let address = address(host, port);
        self.within(phone, || {
            let stream =
                TcpStream::connect_timeout(&address, Duration::from_secs(2)).expect("it is let through");
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.set_write_timeout(Some(PATIENCE)).unwrap();
            stream
        })
    }

    /// A UDP socket of a namespace.
    pub(crate) fn udp(&self, part: &str, local: &str) -> UdpSocket {
        let socket = self.within(part, || UdpSocket::bind(local).unwrap());
        // Long enough for a busy machine; what is expected not to come costs it in full.
        socket.set_read_timeout(Some(Duration::from_millis(1_200))).unwrap();
        socket
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.servers.clear();
        for part in ["p1", "p2", "p3", "rt", "out"] {
            let _ =
                Command::new("ip").args(["netns", "del", &self.space(part)]).stderr(Stdio::null()).status();
        }
    }
}

struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// How a conversation over TCP ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Talk {
    /// The server answered this and closed.
    Said(String),
    /// The connection was reset.
    Reset,
    /// The way is closed, and somebody said so (ICMP).
    Prohibited,
    /// No answer.
    Silence,
}

pub(crate) fn talk(address: SocketAddr, request: &str) -> Talk {
    let said = (|| {
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_millis(700))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(request.as_bytes())?;
        let mut said = String::new();
        stream.read_to_string(&mut said).map(|_| said)
    })();
    match said {
        Ok(said) => Talk::Said(said),
        Err(error) => match error.raw_os_error() {
            Some(libc::ECONNREFUSED | libc::ECONNRESET | libc::EPIPE) => Talk::Reset,
            Some(libc::EHOSTUNREACH | libc::EACCES | libc::ENETUNREACH) => Talk::Prohibited,
            _ => Talk::Silence,
        },
    }
}

pub(crate) fn settings() -> FirewallSettings {
    let prefixes = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect();
    FirewallSettings {
        hotspot_interfaces: vec!["br-hs".to_owned(), "hs2".to_owned()],
        portal_port: PORTAL_PORT,
        hotspot_prefixes: prefixes(&["10.77.16.0/22", "fd77:16::/64", "10.77.20.0/22", "fd77:20::/64"]),
        infrastructure: prefixes(&["10.77.0.0/24", "fd77::/64", ROUTER, ROUTER6]),
        // It holds the nodes' addresses too: those must stay closed all the same.
        walled_garden: prefixes(&["10.77.200.0/24", "fd77:200::/64", "10.77.0.0/16", "fd77::/32"]),
        policies: Vec::new(),
    }
}

pub(crate) const fn phone_mac(phone: u8) -> MacAddress {
    MacAddress([2, 0, 0x5e, 0, 0, phone])
}

pub(crate) fn admit(phone: u8, client: u32, lease: Span) -> GuestChange {
    admit_at(phone, client, lease, 0, 0)
}

pub(crate) fn admit_at(phone: u8, client: u32, lease: Span, down_kbps: u32, up_kbps: u32) -> GuestChange {
    GuestChange::Admit {
        mac: phone_mac(phone),
        client: ClientId(client),
        lease,
        rate_down_kbps: down_kbps,
        rate_up_kbps: up_kbps,
    }
}

pub(crate) fn dismiss(phone: u8, client: u32, last: bool) -> GuestChange {
    GuestChange::Dismiss { mac: phone_mac(phone), client: ClientId(client), last }
}

pub(crate) fn address(host: &str, port: u16) -> SocketAddr {
    SocketAddr::new(host.parse::<IpAddr>().unwrap(), port)
}

pub(crate) fn new_loop() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// Writes the figures of a benchmark to `target/bench/NAME.json`.
pub(crate) fn write_bench(name: &str, figures: &[(&str, f64)]) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("target/bench");
    std::fs::create_dir_all(&folder).unwrap();
    let object: serde_json::Map<String, serde_json::Value> =
        figures.iter().map(|(name, figure)| ((*name).to_owned(), serde_json::json!(figure))).collect();
    let text = serde_json::to_string_pretty(&object).unwrap();
    std::fs::write(folder.join(format!("{name}.json")), text).unwrap();
}

const PATIENCE: Duration = Duration::from_secs(8);

fn enter(space: &str) {
    let file = std::fs::File::open(format!("/run/netns/{space}")).expect("the namespace is there");
    setns(&file, CloneFlags::CLONE_NEWNET).expect("root may enter it");
}

fn batch(space: &str, lines: &str) {
    run("ip", &["-n", space, "-batch", "-"], lines);
}

fn run(program: &str, arguments: &[&str], input: &str) -> String {
    let output = output_of(program, arguments, input);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {errors}\n{input}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn output_of(program: &str, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; install nftables and iproute2"));
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

fn greet(mut stream: tokio::net::TcpStream) {
    tokio::spawn(async move {
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(GREETING.as_bytes()).await;
    });
}

fn stream(mut stream: tokio::net::TcpStream) {
    tokio::spawn(async move {
        let block = [0; 16_384];
        while stream.write_all(&block).await.is_ok() {}
    });
}

fn sink(mut stream: tokio::net::TcpStream) {
    tokio::spawn(async move {
        let mut block = vec![0; 65_536];
        while let Ok(1..) = stream.read(&mut block).await {}
    });
}
