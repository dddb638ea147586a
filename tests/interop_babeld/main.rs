//! The real daemon and Debian's babeld, in one mesh: routes of both families pass through babeld, come,
//! go, and come back, whoever restarts.
//!
//! Needs root, iproute2, iputils-ping and babeld, and says so when one is missing. Prints the seconds that
//! each change took.

#[path = "../common/place.rs"]
mod place;
mod world;

use place::Place;
use world::World;

/// What each place announces, as `ip` writes destinations; the first two are the addresses that are pinged from.
const OF_A: &[&str] = &["10.99.0.1", "fd99:a::1"];
const OF_B: &[&str] = &["10.99.0.2", "fd99:b::1"];
const OF_C: &[&str] = &["10.99.0.3", "fd99:c::/64"];
/// What A announces for a while only.
const VISITOR: &[&str] = &["10.99.0.11", "fd99:a::11"];
/// What A announces, for a while only, to packets from C (RFC 9079), and what babeld announces to those from A.
const VISITOR_TO_C: &str = "fd99:a::11 from fd99:c::/64";
const B_TO_A: &str = "fd99:b::11 from fd99:a::/64";
const C4: &str = "10.99.0.3";
const C6: &str = "fd99:c::1";

/// A retraction is told at once and passed on at once; this is for one lost packet and a busy machine.
const RETRACTED_S: u64 = 15;
/// babeld says Hello each 4 s, gives a full update each 16 s, and waits for 3 missed Hellos.
const CONVERGED_S: u64 = 60;

#[test]
fn wired_links_with_babeld() {
    play("wired");
}

#[test]
fn wireless_links_with_babeld() {
    play("wireless");
}

fn play(kind: &str) {
    let babeld = babeld();
    let mut world = World::new(kind);
    furnish(&mut world, kind);
    for place in [&mut world.a, &mut world.c] {
        start_tequio(place);
    }
    start_babeld(&mut world.b, &babeld);
    world.until("all reach all, v4 and v6, from nothing", CONVERGED_S, all_reach_all);
    ipv4_goes_by_ipv6_next_hops(&world);

    come_and_go(&mut world);
    sources(&mut world);
    cut_and_heal(&mut world);
    babeld_restarts(&mut world, &babeld);
    tequio_restarts(&mut world);
    println!(
        "{kind}: A (tequio) - B ({}) - C (tequio)\n{}",
        babeld_version(&world.b, &babeld),
        world.table()
    );
}

/// Addresses on the loopback, and the files of the programs.
fn furnish(world: &mut World, kind: &str) {
    for (place, addresses) in [
        (&world.a, ["10.99.0.1/32", "fd99:a::1/128"]),
        (&world.b, ["10.99.0.2/32", "fd99:b::1/128"]),
        (&world.c, ["10.99.0.3/32", "fd99:c::1/64"]),
    ] {
        for address in addresses {
            place.ip(&format!("address add {address} dev lo"));
        }
    }
    let with_visitor: Vec<&str> = OF_A.iter().chain(VISITOR).copied().collect();
    for (place, device, announced) in [(&world.a, "ab", with_visitor.as_slice()), (&world.c, "cb", OF_C)] {
        write(place, "config", &uci(place, device, kind, announced));
    }
    // Everything else is as babeld has it by itself.
    let interfaces = ["ba", "bc"].map(|device| format!("interface {device} type {kind} v4-via-v6 true\n"));
    let source = "redistribute local ip fd99:b::11/128 eq 128 src-prefix fd99:a::/64\n";
    write(&world.b, "config", &(interfaces.concat() + source));
}

fn uci(place: &Place, device: &str, kind: &str, announced: &[&str]) -> String {
    let (state, run, ubus) = (place.file("state"), place.file("run"), place.file("no-broker.sock"));
    std::fs::create_dir_all(&state).expect("a folder");
    let mut text = format!(
        "config node 'node'\n\toption name '{}'\n\toption state_dir '{}'\n\toption run_dir '{}'\n\
         \toption ubus_socket '{}'\n\nconfig interface\n\toption device '{device}'\n\toption kind '{kind}'\n",
        place.name,
        state.display(),
        run.display(),
        ubus.display(),
    );
    for prefix in announced {
        text.push_str(&format!("\nconfig announce\n\toption prefix '{prefix}'\n"));
    }
    if let Some((prefix, source)) =
        VISITOR_TO_C.split_once(" from ").filter(|_| announced.contains(&VISITOR[1]))
    {
        let section = format!("\nconfig announce\n\toption prefix '{prefix}'\n\toption source '{source}'\n");
        text.push_str(&section);
    }
    text
}

fn write(place: &Place, name: &str, text: &str) {
    std::fs::write(place.file(name), text).expect("a file in the folder of this test");
}

fn start_tequio(place: &mut Place) {
    let config = place.file("config").display().to_string();
    place.start("tequio", env!("CARGO_BIN_EXE_tequio"), &["run", "--config", &config]);
}

fn start_babeld(place: &mut Place, path: &str) {
    let (config, state) = (place.file("config"), place.file("babeld.state"));
    let (config, state) = (config.display().to_string(), state.display().to_string());
    place.start("babeld", path, &["-I", "", "-S", &state, "-c", &config]);
}

/// An address that is taken away at A is gone at C soon, one that is given is there.
fn come_and_go(world: &mut World) {
    give_visitor(world);
    world.until("two new addresses of A are reached from C", CONVERGED_S, visitor_is_reached);
    for address in ["10.99.0.11/32", "fd99:a::11/128"] {
        world.a.ip(&format!("address del {address} dev lo"));
    }
    world.until("taken away at A, they are gone at C", RETRACTED_S, |world| gone(&world.c, VISITOR));
}

/// Routes for packets from some sources only pass through babeld into the kernel, come from babeld, and go.
fn sources(world: &mut World) {
    give_visitor(world);
    world.b.ip("address add fd99:b::11/128 dev lo");
    world.until("routes by source: from A through babeld, and from babeld", CONVERGED_S, |world| {
        there(&world.b, &[VISITOR_TO_C])?;
        there(&world.c, &[VISITOR_TO_C, B_TO_A])?;
        there(&world.a, &[B_TO_A])?;
        world.a.pings(OF_A[1], "fd99:b::11")
    });
    for (place, address) in
        [(&world.a, "10.99.0.11/32"), (&world.a, "fd99:a::11/128"), (&world.b, "fd99:b::11/128")]
    {
        place.ip(&format!("address del {address} dev lo"));
    }
    world.until("routes by source are taken back", CONVERGED_S, |world| {
        gone(&world.b, &[VISITOR_TO_C])?;
        gone(&world.a, &[B_TO_A])?;
        gone(&world.c, &[VISITOR_TO_C, B_TO_A, VISITOR[0], VISITOR[1]])
    });
}

/// The link between B and C goes and comes back.
fn cut_and_heal(world: &mut World) {
    world.c.ip("link set cb down");
    world.until("link B-C is cut: A and C know it of each other", CONVERGED_S, |world| {
        gone(&world.a, OF_C)?;
        gone(&world.c, OF_A)
    });
    world.c.ip("link set cb up");
    world.until("link B-C is back: all reach all", CONVERGED_S, all_reach_all);
}

/// babeld ends in order and comes back; then it loses its power, and with that its numbers.
fn babeld_restarts(world: &mut World, babeld: &str) {
    world.b.stop();
    world.until("babeld ends: A and C know it", CONVERGED_S, |world| {
        gone(&world.a, &[OF_B, OF_C].concat())?;
        gone(&world.c, &[OF_B, OF_A].concat())
    });
    start_babeld(&mut world.b, babeld);
    world.until("babeld starts again: all reach all", CONVERGED_S, all_reach_all);

    world.b.kill();
    power_cut(&world.b);
    gone(&world.b, &[OF_A, OF_C].concat()).expect("nothing survives a power cut");
    let _ = std::fs::remove_file(world.b.file("babeld.state"));
    start_babeld(&mut world.b, babeld);
    world.until("babeld after a power cut, its numbers lost: all reach all", CONVERGED_S, all_reach_all);
}

/// Our daemon is killed and goes on; then it loses its power, and with that its name.
fn tequio_restarts(world: &mut World) {
    world.a.kill();
    all_reach_all(world).expect("the kernel goes on without the daemon");
    give_visitor(world);
    start_tequio(&mut world.a);
    world.until("tequio is killed and starts again: C reaches what is new at A", CONVERGED_S, |world| {
        all_reach_all(world)?;
        visitor_is_reached(world)
    });

    world.a.kill();
    power_cut(&world.a);
    gone(&world.a, &[OF_B, OF_C].concat()).expect("nothing survives a power cut");
    std::fs::remove_dir_all(world.a.file("run")).expect("it has a run folder");
    start_tequio(&mut world.a);
    world.until("tequio after a power cut, under a new name: all reach all", CONVERGED_S, |world| {
        all_reach_all(world)?;
        visitor_is_reached(world)
    });
}

fn give_visitor(world: &World) {
    for address in ["10.99.0.11/32", "fd99:a::11/128"] {
        world.a.ip(&format!("address add {address} dev lo"));
    }
}

/// The kernel forgets what a routing daemon has told it.
fn power_cut(place: &Place) {
    for family in ["-4", "-6"] {
        place.ip(&format!("{family} route flush proto 42"));
    }
}

/// The kernel of each place has a route to every prefix of the others, and packets between the ends are answered.
fn all_reach_all(world: &World) -> Result<(), String> {
    there(&world.a, &[OF_B, OF_C].concat())?;
    there(&world.b, &[OF_A, OF_C].concat())?;
    there(&world.c, &[OF_A, OF_B].concat())?;
    for (from, to) in [(OF_A[0], C4), (OF_A[1], C6), (OF_A[0], OF_B[0]), (OF_A[1], OF_B[1])] {
        world.a.pings(from, to)?;
    }
    world.c.pings(C4, OF_B[0])?;
    world.c.pings(C6, OF_B[1])
}

fn visitor_is_reached(world: &World) -> Result<(), String> {
    there(&world.c, VISITOR)?;
    world.c.pings(C4, VISITOR[0])?;
    world.c.pings(C6, VISITOR[1])
}

/// No link has an IPv4 address: each next hop is the link-local one of the neighbour.
fn ipv4_goes_by_ipv6_next_hops(world: &World) {
    for (place, far) in [(&world.a, OF_C[0]), (&world.b, OF_A[0]), (&world.b, OF_C[0]), (&world.c, OF_A[0])] {
        let route = &place.routes()[far];
        assert_eq!(route["via"]["family"], "inet6", "at {}: {route}", place.name);
    }
}

fn there(place: &Place, prefixes: &[&str]) -> Result<(), String> {
    let routes = place.routes();
    let missing: Vec<&str> =
        prefixes.iter().filter(|prefix| !routes.contains_key(**prefix)).copied().collect();
    if missing.is_empty() { Ok(()) } else { Err(format!("{} has no route to {missing:?}", place.name)) }
}

fn gone(place: &Place, prefixes: &[&str]) -> Result<(), String> {
    let routes = place.routes();
    let left: Vec<&str> = prefixes.iter().filter(|prefix| routes.contains_key(**prefix)).copied().collect();
    if left.is_empty() { Ok(()) } else { Err(format!("{} has still routes to {left:?}", place.name)) }
}

/// Where babeld is: in the path, or where Debian puts it.
fn babeld() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let folders = path.split(':').chain(["/usr/sbin", "/usr/bin"]);
    let found = folders.map(|folder| format!("{folder}/babeld")).find(|file| std::fs::metadata(file).is_ok());
    found.expect("babeld is not installed; on Debian: apt-get install babeld, or scripts/setup.sh")
}

fn babeld_version(place: &Place, babeld: &str) -> String {
    let output = place.run(babeld, &["-V"]);
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).trim().to_owned()
}
