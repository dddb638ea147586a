//! Ten thousand forged packets a second on a shared link, at two of ours that believe only what is signed.

use std::fs::File;
use std::net::{Ipv6Addr, SocketAddrV6, UdpSocket};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns};

use crate::place::Place;
use crate::{A4, A6, B4, B6, BLAKE, CONVERGED_S, World, both_work, configure, start_tequio};

const A_SECOND: u64 = 10_000;
/// Twenty Hellos of each: three that are lost in a row end a neighbour.
const FLOOD_S: u64 = 20;

#[test]
fn a_flood_of_forged_packets_costs_no_neighbour() {
    let mut world = World::new("flood");
    let stranger = Place::new("c", "mac-flood", &world.folder.0);
    // A's end of the cable and the stranger's hang on one switch, so that both of ours hear the stranger.
    world.a.cable("ac", &stranger, "ca");
    world.a.ip("link add br0 type bridge mcast_snooping 0");
    for port in ["ab", "ac"] {
        world.a.ip(&format!("link set {port} master br0"));
    }
    world.a.ip("link set br0 up");
    configure(&world.a, "br0", &[A4, A6], &[(BLAKE, "sign")]);
    configure(&world.b, "ba", &[B4, B6], &[(BLAKE, "sign")]);
    start_tequio(&mut world.a);
    start_tequio(&mut world.b);
    world.until("two of ours", CONVERGED_S, both_work);

    let flood = flood(stranger.namespace.clone());
    while !flood.is_finished() {
        // What passes is for the kernel's queues to say; the ways are ours, and they stay all the time.
        for (place, far) in [(&world.a, [B4, B6]), (&world.b, [A4, A6])] {
            let routes = place.routes();
            assert!(far.iter().all(|prefix| routes.contains_key(*prefix)), "{} has {routes:?}", place.name);
        }
        world.a.check();
        world.b.check();
    }
    let (sent, took) = flood.join().expect("the flood goes on to its end");
    let rate = sent as f64 / took.as_secs_f64();
    println!("flood: {sent} forged packets in {:.1} s, {rate:.0} a second", took.as_secs_f64());
    assert!(rate > A_SECOND as f64 * 0.9, "that was no flood");
    world.until("they reach each other", 10, both_work);
    for place in [&world.a, &world.b] {
        let said = place.said();
        assert!(!said.contains("is lost"), "no neighbour was lost: {said}");
        assert_eq!(said.matches(" heard on ").count(), 1, "the stranger is none: {said}");
    }
}

/// Sends until the time is over, from the namespace of this name: how many packets, and how long it took.
fn flood(namespace: String) -> JoinHandle<(u64, Duration)> {
    std::thread::spawn(move || {
        let file = File::open(format!("/var/run/netns/{namespace}")).expect("ip made it");
        setns(file, CloneFlags::CLONE_NEWNET).expect("this thread is root");
        let device = nix::net::if_::if_nametoindex("ca").expect("it is there");
        let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, 6696)).expect("nobody else is here");
        let group = SocketAddrV6::new(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 6), 6696, 0, device);
        let begun = Instant::now();
        let (mut sent, whole) = (0, A_SECOND * FLOOD_S);
        while sent < whole {
            let due =
                u64::try_from(begun.elapsed().as_micros()).expect("a short while") * A_SECOND / 1_000_000;
            // Not all at once after a pause: that would fill the kernel's queue of 1,000 packets.
            let burst = due.min(whole).min(sent + 200);
            while sent < burst {
                socket.send_to(&forged(sent), group).expect("it leaves");
                sent += 1;
            }
            std::thread::yield_now();
        }
        (sent, begun.elapsed())
    })
}

/// A Hello with a counter that grows, and a MAC that is none.
fn forged(number: u64) -> Vec<u8> {
    let counter = u32::try_from(number).expect("a short flood").to_be_bytes();
    let hello = [4, 6, 0, 0, 0, 7, 0, 100];
    let body = [&hello[..], &[17, 12], &counter, b"whatever"].concat();
    let header = [42, 2, 0, u8::try_from(body.len()).expect("22 octets")];
    [&header[..], &body, &[16, 16], &[7; 16]].concat()
}
