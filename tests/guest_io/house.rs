//! What holds for many at once: an emergency, the night, and who needs no voucher.

use std::io::Write;
use std::time::{Duration, Instant};

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{Ipv4Tos, Ipv6TClass};
use tequio::base::time::Span;
use tequio::hotspot::output::{ClientId, Gate, GuestChange};
use tequio::platform::firewall::base::{FirewallSettings, PolicyNetwork, base_table};

use crate::world::{
    GREETING, OUTSIDE, OUTSIDE6, SINK_PORT, STREAM_PORT, Talk, VILLAGE, World, admit, dismiss, phone_mac,
    settings,
};

const LEASE: Span = Span::from_secs(60);

fn hold(gate: Gate) -> GuestChange {
    GuestChange::Hold { gate, lease: LEASE }
}

fn release(gate: Gate) -> GuestChange {
    GuestChange::Release { gate }
}

/// Whether a phone passes now, by one family: the other may follow a moment later.
fn reaches(world: &World, phone: &str) -> bool {
    world.talk(phone, OUTSIDE, 8_080, "hello") == Talk::Said(GREETING.to_owned())
}

/// Reads for a while from what sends without end; octets a second, the bucket of the first moment left out.
fn rate(world: &World, phone: &str, host: &str) -> f64 {
    let mut stream = world.connect(phone, host, STREAM_PORT);
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let (mut block, mut octets) = ([0; 4_096], 0_usize);
    let mut read_until = |until: Instant| {
        while Instant::now() < until {
            octets += std::io::Read::read(&mut stream, &mut block).unwrap_or(0);
        }
        octets
    };
    let began = Instant::now() + Duration::from_secs(2);
    let before = read_until(began);
    let after = read_until(began + Duration::from_secs(5));
    (after - before) as f64 / 5.0
}

#[test]
fn in_an_emergency_strangers_pass_slowly_and_then_no_more() {
    let world = World::new();
    assert!(!world.is_online("p2"));
    world.apply(&[hold(Gate::Strangers), admit(1, 7, LEASE)]).unwrap();
    assert!(world.is_online("p2") && world.is_online("p1"));
    // Port 80 leads outside too.
    assert_eq!(world.talk("p2", OUTSIDE, 80, "hello"), Talk::Said(GREETING.to_owned()));
    for host in [OUTSIDE, OUTSIDE6] {
        let slow = rate(&world, "p2", host);
        assert!((5_000.0..20_000.0).contains(&slow), "{host}: {slow} octets a second of 16,384");
    }
    assert!(rate(&world, "p1", OUTSIDE) > 200_000.0, "a voucher is as fast as ever");
    assert_eq!(world.talk("p2", crate::world::OTHER_NODE, 22, "hello"), Talk::Silence, "no node is open");
    // It ends, and with it what runs.
    let mut stream = world.connect("p2", OUTSIDE, SINK_PORT);
    world.apply(&[release(Gate::Strangers)]).unwrap();
    let until = Instant::now() + Duration::from_secs(8);
    while stream.write(&[0; 64]).is_ok() {
        assert!(Instant::now() < until, "a running flow is cut");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(!world.is_online("p2") && world.is_online("p1"));
}

#[test]
fn at_night_a_voucher_opens_nothing_and_is_not_used_and_what_is_free_stays() {
    let world = World::new();
    world.apply(&[admit(1, 7, LEASE)]).unwrap();
    let mut stream = world.connect("p1", OUTSIDE, SINK_PORT);
    stream.write_all(&[0; 64]).unwrap();
    world.apply(&[hold(Gate::Night)]).unwrap();
    let until = Instant::now() + Duration::from_secs(8);
    while stream.write(&[0; 64]).is_ok() {
        assert!(Instant::now() < until, "a running flow is cut");
        std::thread::sleep(Duration::from_millis(20));
    }
    let before = world.samples();
    assert!(!world.is_online("p1") && !world.is_online("p2"));
    // Port 80 is the portal's, which nobody runs here.
    assert_eq!(world.talk("p1", OUTSIDE, 80, "hello"), Talk::Reset);
    assert_eq!(world.samples(), before, "what does not pass counts nothing");
    for phone in ["p1", "p2"] {
        assert_eq!(world.talk(phone, VILLAGE, 80, "hello"), Talk::Said(GREETING.to_owned()));
    }
    // The school's own phone goes on.
    let school = ClientId::of_policy(0);
    let pupil = GuestChange::Admit {
        mac: phone_mac(2),
        client: school,
        lease: LEASE,
        rate_down_kbps: 0,
        rate_up_kbps: 0,
    };
    world.apply(&[pupil]).unwrap();
    assert!(world.is_online("p2") && !world.is_online("p1"));
    world.apply(&[release(Gate::Night)]).unwrap();
    assert!(world.is_online("p1"));
}

#[test]
fn the_kernel_lets_go_of_a_gate_that_nobody_renews() {
    let world = World::new();
    let short = Span::from_secs(2);
    let hold = |gate| GuestChange::Hold { gate, lease: short };
    world.apply(&[admit(1, 7, LEASE), hold(Gate::Night)]).unwrap();
    assert!(!world.is_online("p1"));
    let until = Instant::now() + Duration::from_secs(20);
    while !reaches(&world, "p1") {
        assert!(Instant::now() < until, "a night ends without its daemon");
    }
    world.apply(&[hold(Gate::Strangers)]).unwrap();
    while reaches(&world, "p2") {
        assert!(Instant::now() < until, "an emergency ends without its daemon");
    }
    // Held again, it lasts as long as it was said last.
    world.apply(&[hold(Gate::Strangers)]).unwrap();
    world.apply(&[GuestChange::Hold { gate: Gate::Strangers, lease: LEASE }]).unwrap();
    let (begun, enough) = (Instant::now(), Duration::from_secs(3));
    while begun.elapsed() < enough {
        assert!(world.is_online("p2"));
        // Questions without a pause would be more than strangers get.
        std::thread::sleep(Duration::from_millis(250));
    }
}

/// Counts what leaves the router with the school's mark, and without.
const WATCH: &str = "table inet watch
delete table inet watch
table inet watch {
  chain out {
    type filter hook postrouting priority 300;
    oifname uplink ip dscp af21 counter comment first4
    oifname uplink ip6 dscp af21 counter comment first6
    oifname uplink ip dscp != af21 counter comment rest4
    oifname uplink ip6 nexthdr { tcp, udp } ip6 dscp != af21 counter comment rest6
  }
}
";

/// Packets of each kind since the last look: marked IPv4 and IPv6, others.
fn marked(world: &World) -> [bool; 4] {
    let list = world.nft("list table inet watch\n");
    world.nft(WATCH);
    ["first4", "first6", "rest4", "rest6"].map(|name| {
        let line = list.lines().find(|line| line.contains(name)).expect("each rule is listed");
        !line.contains("packets 0 ")
    })
}

#[test]
fn a_school_is_marked_on_its_way_and_nobody_else_says_that_he_is_it() {
    let world = World::new();
    let school = GuestChange::Admit {
        mac: phone_mac(1),
        client: ClientId::of_policy(3),
        lease: LEASE,
        rate_down_kbps: 0,
        rate_up_kbps: 0,
    };
    world.apply(&[school, admit(2, 7, LEASE)]).unwrap();
    world.nft(WATCH);
    assert!(world.is_online("p1"));
    assert_eq!(marked(&world), [true, true, false, false]);
    assert!(world.is_online("p2"));
    assert_eq!(marked(&world), [false, false, true, true]);
    // AF21 of the phone's own is taken away.
    let socket = world.udp("p2", "0.0.0.0:0");
    setsockopt(&socket, Ipv4Tos, &0x48).unwrap();
    socket.send_to(b"first!", crate::world::address(OUTSIDE, 9)).unwrap();
    let socket = world.udp("p2", "[::]:0");
    setsockopt(&socket, Ipv6TClass, &0x48).unwrap();
    socket.send_to(b"first!", crate::world::address(OUTSIDE6, 9)).unwrap();
    let until = Instant::now() + Duration::from_secs(5);
    while !world
        .nft("list table inet watch\n")
        .lines()
        .any(|line| line.contains("rest4") && !line.contains("packets 0 "))
    {
        assert!(Instant::now() < until, "the packet leaves");
    }
    let [first4, first6, ..] = marked(&world);
    assert!(!first4 && !first6);
    world.apply(&[dismiss(1, ClientId::of_policy(3).0, true)]).unwrap();
    assert!(!world.is_online("p1"));
}

#[test]
fn a_network_of_its_own_has_hours_a_rate_and_a_mark() {
    let world = World::new();
    let school = ClientId::of_policy(1);
    let table = |rate_down_kbps| {
        base_table(&FirewallSettings {
            hotspot_interfaces: vec!["br-hs".to_owned()],
            policies: vec![PolicyNetwork {
                device: "hs2".to_owned(),
                client: school,
                rate_down_kbps,
                rate_up_kbps: 0,
            }],
            ..settings()
        })
    };
    world.nft(&table(0));
    world.nft(WATCH);
    assert!(world.is_online("p3") && !world.is_online("p1"));
    assert_eq!(marked(&world), [true, true, false, false]);
    assert!(rate(&world, "p3", OUTSIDE) > 500_000.0);
    let counted = || world.samples().into_iter().find(|sample| sample.client == school).unwrap();
    let before = counted();
    assert!(before.down_bytes > 500_000 && before.up_bytes > 1_000, "{before:?}");
    world.nft(&table(1_000));
    assert_eq!(counted(), before, "loading the table again keeps what was counted");
    let slow = rate(&world, "p3", OUTSIDE);
    assert!((80_000.0..140_000.0).contains(&slow), "{slow} octets a second of 125,000");
    // Other hours, and a daemon that dies then.
    world.apply(&[GuestChange::Hold { gate: Gate::Closed(school), lease: Span::from_secs(3) }]).unwrap();
    assert!(!world.is_online("p3"));
    let until = Instant::now() + Duration::from_secs(20);
    while !reaches(&world, "p3") {
        assert!(Instant::now() < until, "a school is not closed for ever");
    }
    world.apply(&[hold(Gate::Night)]).unwrap();
    assert!(world.is_online("p3"), "the night is not the school's");
}
