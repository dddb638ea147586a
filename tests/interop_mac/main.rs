//! Signed packets (RFC 8967) between the real daemon and Debian's babeld and BIRD, with both algorithms; and
//! a change of keys between two of ours while packets pass. And babeld's timestamps (RFC 9616).
//!
//! Needs root, iproute2, iputils-ping, babeld and bird, and says so when one is missing. Prints the seconds
//! until each pair reached each other.

mod flood;
#[path = "../common/place.rs"]
mod place;

use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use place::{Folder, Place};

const A4: &str = "10.98.0.1";
const A6: &str = "fd98:a::1";
const B4: &str = "10.98.0.2";
const B6: &str = "fd98:b::1";

/// Peers say Hello each 4 s, answer a challenge at once, and BIRD wants 12 Hellos for a good link.
const CONVERGED_S: u64 = 60;

/// A key as all three programs are told it.
#[derive(Clone, Copy)]
struct Key {
    name: &'static str,
    algorithm: &'static str,
    text: &'static str,
}

const HMAC: Key = Key { name: "k1", algorithm: "hmac-sha256", text: "0123456789abcdef0123456789abcdef" };
const BLAKE: Key = Key { name: "k2", algorithm: "blake2s128", text: "fedcba9876543210" };

/// A key, and what we use it for.
type KeyUse = (Key, &'static str);

impl Key {
    fn hex(self) -> String {
        self.text.bytes().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Two namespaces and a cable between them.
struct World {
    a: Place,
    b: Place,
    folder: Folder,
}

impl World {
    fn new(test: &str) -> Self {
        let folder = Folder(std::env::temp_dir().join(format!("tequio-mac-{}-{test}", std::process::id())));
        let [a, b] = ["a", "b"].map(|name| Place::new(name, &format!("mac-{test}"), &folder.0));
        let world = Self { a, b, folder };
        world.a.cable("ab", &world.b, "ba");
        for (place, v4, v6) in [(&world.a, A4, A6), (&world.b, B4, B6)] {
            place.ip(&format!("address add {v4}/32 dev lo"));
            place.ip(&format!("address add {v6}/128 dev lo"));
        }
        world
    }

    fn until(&mut self, what: &str, limit_s: u64, condition: impl Fn(&Self) -> Result<(), String>) -> f64 {
        let check = |world: &mut Self| {
            world.a.check();
            world.b.check();
        };
        place::until(self, what, Duration::from_secs(limit_s), check, condition).as_secs_f64()
    }
}

/// Our configuration; each key with its use. The keys stand in files that only their owner can read.
fn configure(place: &Place, device: &str, announced: &[&str], keys: &[KeyUse]) {
    let file = |name: &str| place.file(name).display().to_string();
    std::fs::create_dir_all(file("state")).expect("a folder");
    let mut text = format!(
        "config node 'node'\n\toption name '{}'\n\toption state_dir '{}'\n\toption run_dir '{}'\n\
         \toption ubus_socket '{}'\n\nconfig interface\n\toption device '{device}'\n\toption kind 'wired'\n\
         \toption auth 'strict'\n",
        place.name,
        file("state"),
        file("run"),
        file("no-broker.sock"),
    );
    for (key, _) in keys {
        text.push_str(&format!("\tlist key '{}'\n", key.name));
    }
    for (key, used) in keys {
        let path = place.file(key.name);
        std::fs::write(&path, key.hex()).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("it is ours");
        text.push_str(&format!(
            "\nconfig key\n\toption name '{}'\n\toption algorithm '{}'\n\toption use '{used}'\n\toption file '{}'\n",
            key.name,
            key.algorithm,
            path.display()
        ));
    }
    for prefix in announced {
        text.push_str(&format!("\nconfig announce\n\toption prefix '{prefix}'\n"));
    }
    std::fs::write(place.file("config"), text).expect("a file");
}

fn start_tequio(place: &mut Place) {
    let config = place.file("config").display().to_string();
    place.start("tequio", env!("CARGO_BIN_EXE_tequio"), &["run", "--config", &config]);
}

fn start_babeld(place: &mut Place, key: Key) {
    let text = format!(
        "key id k1 type {} value {}\ninterface ba type wired v4-via-v6 true key k1\n",
        key.algorithm,
        key.hex()
    );
    std::fs::write(place.file("config"), text).expect("a file");
    let (config, state) = (place.file("config"), place.file("babeld.state"));
    let (config, state) = (config.display().to_string(), state.display().to_string());
    place.start("babeld", &program("babeld"), &["-I", "", "-S", &state, "-c", &config]);
}

/// BIRD signs with all of these, and believes each of them.
fn configure_bird(place: &Place, keys: &[Key]) {
    let password = |key: &Key| {
        let algorithm = if key.algorithm == "blake2s128" { "blake2s128" } else { "hmac sha256" };
        format!("password \"{}\" {{ algorithm {algorithm}; }}; ", key.text)
    };
    let passwords: String = keys.iter().map(password).collect();
    let text = format!(
        "router id 10.98.0.2;\nlog stderr all;\nprotocol device {{ }}\n\
         protocol direct {{ ipv6; interface \"lo\"; }}\nprotocol kernel {{ ipv6 {{ export all; }}; }}\n\
         protocol babel {{ ipv6 {{ import all; export all; }};\n  interface \"ba\" {{ type wired; \
         authentication mac; {passwords}}};\n}}\n"
    );
    std::fs::write(place.file("config"), text).expect("a file");
}

fn start_bird(place: &mut Place, keys: &[Key]) {
    configure_bird(place, keys);
    let file = |name: &str| place.file(name).display().to_string();
    let (config, control, pid) = (file("config"), file("bird.ctl"), file("bird.pid"));
    place.start("bird", &program("bird"), &["-f", "-c", &config, "-s", &control, "-P", &pid]);
}

fn v6_works(world: &World) -> Result<(), String> {
    world.a.pings(A6, B6)?;
    world.b.pings(B6, A6)
}

fn both_work(world: &World) -> Result<(), String> {
    v6_works(world)?;
    world.a.pings(A4, B4)
}

#[test]
fn babeld_and_we_believe_each_other_with_both_algorithms() {
    for key in [HMAC, BLAKE] {
        let mut world = World::new(&format!("babeld-{}", key.algorithm));
        configure(&world.a, "ab", &[A4, A6], &[(key, "sign")]);
        start_tequio(&mut world.a);
        start_babeld(&mut world.b, key);
        let took = world.until("signed with babeld", CONVERGED_S, both_work);
        println!("babeld, {}: all reached after {took:.1} s", key.algorithm);
        // A power cut: both counters are lost, ours and babeld's.
        world.a.kill();
        std::fs::remove_dir_all(world.a.file("run")).expect("it has a run folder");
        world.b.kill();
        for place in [&world.a, &world.b] {
            place.ip("-6 route flush proto 42");
            place.ip("-4 route flush proto 42");
        }
        start_tequio(&mut world.a);
        start_babeld(&mut world.b, key);
        let took = world.until("signed with babeld after a power cut", CONVERGED_S, both_work);
        println!("babeld, {}: again after {took:.1} s", key.algorithm);
    }
}

#[test]
fn bird_and_we_believe_each_other_with_both_algorithms() {
    for key in [HMAC, BLAKE] {
        let mut world = World::new(&format!("bird-{}", key.algorithm));
        configure(&world.a, "ab", &[A6], &[(key, "sign")]);
        start_tequio(&mut world.a);
        start_bird(&mut world.b, &[key]);
        let took = world.until("signed with BIRD", CONVERGED_S, v6_works);
        println!("bird, {}: all reached after {took:.1} s", key.algorithm);
    }
}

#[test]
fn keys_are_changed_while_packets_pass_and_none_is_lost() {
    let mut world = World::new("rotation");
    let steps: [&[KeyUse]; 4] = [
        &[(HMAC, "sign")],
        &[(HMAC, "sign"), (BLAKE, "verify")],
        &[(BLAKE, "sign"), (HMAC, "verify")],
        &[(BLAKE, "sign")],
    ];
    configure(&world.a, "ab", &[A4, A6], steps[0]);
    configure(&world.b, "ba", &[B4, B6], steps[0]);
    start_tequio(&mut world.a);
    start_tequio(&mut world.b);
    world.until("two of ours", CONVERGED_S, both_work);

    // Six reloads, and after each a second of Hellos: 75 packets, five a second, are there all the time.
    let namespace = world.a.namespace.clone();
    let pinger = std::thread::spawn(move || {
        let arguments = ["netns", "exec", &namespace, "ping", "-n", "-q", "-c", "75", "-i", "0.2", "-W", "1"];
        std::process::Command::new("ip").args(arguments).args(["-I", A6, B6]).output()
    });
    let read = |place: &Place| place.said().matches("was read again").count();
    for (number, keys) in steps[1..].iter().enumerate() {
        configure(&world.a, "ab", &[A4, A6], keys);
        world.a.hang_up();
        world.until("A reads it", 10, |world| reads(read(&world.a), number + 1));
        configure(&world.b, "ba", &[B4, B6], keys);
        world.b.hang_up();
        world.until("B reads it", 10, |world| reads(read(&world.b), number + 1));
        world.until("they still reach each other", 10, both_work);
    }
    let output = pinger.join().expect("a thread").expect("ping runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains(" 0% packet loss"), "{said}");
    for place in [&world.a, &world.b] {
        assert!(!place.said().contains("is lost"), "no neighbour was lost: {}", place.said());
        assert!(!place.said().contains(&HMAC.hex()), "a key is in the log");
    }
}

#[test]
fn babeld_measures_the_time_by_our_answers() {
    let mut world = World::new("rtt");
    configure(&world.a, "ab", &[A4, A6], &[(HMAC, "sign")]);
    start_tequio(&mut world.a);
    let text = format!(
        "key id k1 type {} value {}\ninterface ba type tunnel v4-via-v6 true enable-timestamps true key k1\n",
        HMAC.algorithm,
        HMAC.hex()
    );
    std::fs::write(world.b.file("config"), text).expect("a file");
    let file = |name: &str| world.b.file(name).display().to_string();
    let (config, state, socket) = (file("config"), file("babeld.state"), file("control"));
    let arguments = ["-I", "", "-S", &state, "-c", &config, "-G", &socket];
    world.b.start("babeld", &program("babeld"), &arguments);
    // Ours is a cable, on which we do not ask for times ourselves.
    let took = world.until("babeld knows the time there and back", CONVERGED_S, |world| {
        both_work(world)?;
        let neighbours = neighbours_of_babeld(&socket)?;
        if neighbours.contains(" rtt ") { Ok(()) } else { Err(format!("babeld says: {neighbours}")) }
    });
    println!("babeld: the time there and back is known after {took:.1} s");
}

/// What babeld says about its neighbours on its control socket.
fn neighbours_of_babeld(socket: &str) -> Result<String, String> {
    use std::io::{Read, Write};
    let words = |error: std::io::Error| error.to_string();
    let mut stream = std::os::unix::net::UnixStream::connect(socket).map_err(words)?;
    stream.write_all(b"dump\nquit\n").map_err(words)?;
    let mut said = String::new();
    stream.take(65_536).read_to_string(&mut said).map_err(words)?;
    Ok(said.lines().filter(|line| line.contains(" neighbour ")).collect::<Vec<_>>().join("\n"))
}

#[test]
fn keys_are_changed_with_bird_and_nobody_is_lost() {
    let mut world = World::new("rotation-bird");
    configure(&world.a, "ab", &[A6], &[(HMAC, "sign")]);
    start_tequio(&mut world.a);
    start_bird(&mut world.b, &[HMAC]);
    world.until("signed with BIRD", CONVERGED_S, v6_works);
    // BIRD signs with all that it has: so it goes over when we believe both, and we when it believes both.
    let steps: [(&[KeyUse], &[Key]); 3] = [
        (&[(HMAC, "sign"), (BLAKE, "verify")], &[HMAC, BLAKE]),
        (&[(BLAKE, "sign"), (HMAC, "verify")], &[BLAKE]),
        (&[(BLAKE, "sign")], &[BLAKE]),
    ];
    for (number, (ours, theirs)) in steps.into_iter().enumerate() {
        configure(&world.a, "ab", &[A6], ours);
        world.a.hang_up();
        let read = |place: &Place, words: &str| place.said().matches(words).count();
        world.until("we read it", 10, |world| reads(read(&world.a, "was read again"), number + 1));
        configure_bird(&world.b, theirs);
        world.b.hang_up();
        world.until("BIRD reads it", 10, |world| reads(read(&world.b, "Reconfigured"), number + 1));
        world.until("they still reach each other", 10, v6_works);
    }
    // Had the last change not been understood, three Hellos of BIRD would be missing by now.
    let silence = Instant::now() + Duration::from_secs(20);
    while Instant::now() < silence {
        v6_works(&world).expect("they reach each other all the time");
    }
    assert!(!world.a.said().contains("is lost"), "no neighbour was lost: {}", world.a.said());
}

fn reads(seen: usize, wanted: usize) -> Result<(), String> {
    if seen >= wanted { Ok(()) } else { Err(format!("it was read {seen} times")) }
}

/// Where a program is: in the path, or where Debian puts it.
fn program(name: &str) -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin", "/usr/bin"]);
    let found = folders.map(|folder| format!("{folder}/{name}")).find(|file| std::fs::metadata(file).is_ok());
    found.unwrap_or_else(|| panic!("{name} is not installed; scripts/setup.sh brings it"))
}
