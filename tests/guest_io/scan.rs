//! Every port of this node and of another one, from a stranger's and from a paying phone: what comes through is noted where
//! it arrives, so that nothing hangs on who answers. And a phone that has copied another one's address.

use std::collections::BTreeSet;
use std::net::UdpSocket;

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrStorage, connect, socket};
use std::os::fd::AsRawFd;
use tequio::base::time::Span;

use crate::world::{
    OTHER_NODE, OTHER_NODE6, OUTSIDE, PORTAL_PORT, ROUTER, ROUTER6, World, address, admit, dismiss,
};

const LEASE: Span = Span::from_secs(60);
/// It pays as long as the slowest machine scans.
const SCAN_LEASE: Span = Span::from_secs(600);

/// Notes the ports of what guests send and nothing has dropped.
const NOTES: &str = "table inet notes
delete table inet notes
table inet notes {
  set tcp_ports { type inet_service; size 65535; flags dynamic; }
  set udp_ports { type inet_service; size 65535; flags dynamic; }
  chain arrived {
    type filter hook input priority 100; policy accept;
    iifname lo accept
    meta l4proto tcp add @tcp_ports { tcp dport }
    meta l4proto udp add @udp_ports { udp dport }
  }
}
";

/// One packet of each protocol to every port of a host, up to the last one.
fn scan(world: &World, phone: &str, host: &str, last: u16) {
    let first = address(host, 1);
    let (family, local) = match first.is_ipv6() {
        true => (AddressFamily::Inet6, "[::]:0"),
        false => (AddressFamily::Inet, "0.0.0.0:0"),
    };
    world.within(phone, || {
        let datagrams = UdpSocket::bind(local).unwrap();
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        for port in 1..=last {
            // A full buffer of the sender is waited for; a refusal by the router is no error of ours.
            let _ = datagrams.send_to(b"?", address(host, port));
            let stream = socket(family, SockType::Stream, flags, None).unwrap();
            let to = SockaddrStorage::from(address(host, port));
            let said = connect(stream.as_raw_fd(), &to);
            assert!(
                matches!(said, Ok(()) | Err(Errno::EINPROGRESS | Errno::ECONNREFUSED | Errno::EHOSTUNREACH)),
                "{host} {port}: {said:?}"
            );
        }
    });
}

/// The ports that were noted in a namespace.
fn noted(world: &World, part: &str, protocol: &str) -> BTreeSet<u16> {
    let list = world.nft_at(part, &format!("list set inet notes {protocol}_ports\n"));
    let elements = list.split_once("elements = {").map_or("", |(_, rest)| rest.split('}').next().unwrap());
    elements.split(',').filter_map(|port| port.trim().parse().ok()).collect()
}

#[test]
fn all_ports_of_all_nodes_are_closed_to_strangers_and_to_paying_phones() {
    // An emulated machine is told fewer: its scan of all takes six minutes.
    let last = std::env::var("SCAN_PORTS").map_or(u16::MAX, |ports| ports.parse().unwrap());
    let world = World::new();
    for admitted in [false, true] {
        if admitted {
            world.apply(&[admit(1, 7, SCAN_LEASE)]).unwrap();
            assert!(world.is_online("p1"));
        }
        for part in ["rt", "out"] {
            world.nft_at(part, NOTES);
        }
        std::thread::scope(|scope| {
            for host in [ROUTER, ROUTER6, OTHER_NODE, OTHER_NODE6] {
                scope.spawn(|| scan(&world, "p1", host, last));
            }
        });
        let own = BTreeSet::from([53, PORTAL_PORT]);
        // Port 80 of the node is the portal's.
        assert_eq!(noted(&world, "rt", "tcp"), own, "admitted: {admitted}");
        assert_eq!(
            noted(&world, "rt", "udp"),
            BTreeSet::from([53, 123, PORTAL_PORT]),
            "admitted: {admitted}"
        );
        for protocol in ["tcp", "udp"] {
            assert_eq!(noted(&world, "out", protocol), BTreeSet::new(), "admitted: {admitted}, {protocol}");
        }
    }
    // The notes see what does come through.
    scan(&world, "p1", OUTSIDE, 2_000);
    let seen = [noted(&world, "out", "tcp").len(), noted(&world, "out", "udp").len()];
    assert!(seen.iter().all(|ports| *ports > 1_900), "{seen:?}");
}

#[test]
fn a_copied_address_at_the_same_node_shares_the_session_and_ends_with_it() {
    let world = World::new();
    world.apply(&[admit(1, 7, LEASE)]).unwrap();
    assert!(world.is_online("p1") && !world.is_online("p3"));
    let before = world.samples();
    // Its owner is still here, then leaves; nobody can tell the two apart, and nobody counts twice.
    world.ip(
        "p3",
        "link set wlan down\nlink set wlan address 02:00:5e:00:00:01\nlink set wlan up\n\
         address replace fd77:20::13/64 dev wlan nodad\nroute replace default via 10.77.20.1\n\
         route replace ::/0 via fd77:20::1\n",
    );
    assert!(world.is_online("p3") && world.is_online("p1"), "both at once");
    world.ip("p1", "link set wlan down\n");
    assert!(world.is_online("p3"), "after the owner has left");
    let after = world.samples();
    assert_eq!((before.len(), after.len()), (1, 1), "one counter for both");
    assert!(after[0].up_bytes > before[0].up_bytes && after[0].client == before[0].client);
    world.apply(&[dismiss(1, 7, true)]).unwrap();
    assert!(!world.is_online("p3"), "it has nothing of its own");
}
