//! The portal behind nft's redirect, and who its peers are.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc::{Receiver, Sender, channel};

use tequio::base::address::{InterfaceIndex, MacAddress};
use tequio::base::time::Span;
use tequio::hotspot::request::{PortalRequest, Rendered};
use tequio::platform::neighbours::Neighbours;
use tequio::platform::portal_http::{Portal, PortalEvent};
use tequio::platform::request_ids::RequestIds;

use crate::world::{
    GREETING, OUTSIDE, OUTSIDE6, PORTAL_PORT, ROUTER, ROUTER6, Talk, VILLAGE, VILLAGE6, World, address,
    admit, dismiss, phone_mac,
};

/// One request, as the daemon would see it.
pub(crate) type Seen = (SocketAddr, Option<MacAddress>, PortalRequest);

/// Starts a portal on the router that redirects everything, and tells what it saw.
pub(crate) fn start_portal(world: &mut World) -> Receiver<Seen> {
    let (tell, seen) = channel();
    world.start("rt", move || redirect_all(tell));
    seen
}

async fn redirect_all(tell: Sender<Seen>) {
    let addresses =
        [address(ROUTER, PORTAL_PORT), address("10.77.20.1", PORTAL_PORT), address("::", PORTAL_PORT)];
    let mut portal = Portal::bind(&addresses, RequestIds::new()).unwrap();
    let mut neighbours = Neighbours::open(vec!["hs2".to_owned(), "br-hs".to_owned()]).unwrap();
    loop {
        if let PortalEvent::Request { request, peer, http } = portal.next().await {
            let mac = neighbours.mac_of(peer).await.unwrap();
            let headers = vec![("Location".to_owned(), format!("http://{ROUTER}:{PORTAL_PORT}/"))];
            portal.reply(request, Rendered { status: 302, headers, body: b"the portal is here".to_vec() });
            let _ = tell.send((peer, mac, *http));
        }
    }
}

pub(crate) fn get(host: &str) -> String {
    format!("GET /generate_204?x=1 HTTP/1.1\r\nHost: {host}\r\nAccept-Language: es\r\n\r\n")
}

fn is_redirect(talk: &Talk) -> bool {
    matches!(talk, Talk::Said(text) if text.starts_with("HTTP/1.1 302 Found\r\n")
        && text.contains("location: http://10.77.16.1:2080/\r\n")
        && text.ends_with("the portal is here"))
}

#[test]
fn a_strangers_page_becomes_the_portal_and_an_admitted_ones_does_not() {
    let mut world = World::new();
    let seen = start_portal(&mut world);
    for host in [OUTSIDE, OUTSIDE6] {
        let answer = world.talk("p1", host, 80, &get("example.org"));
        assert!(is_redirect(&answer), "{host}: {answer:?}");
        let (_, mac, http) = seen.recv().unwrap();
        assert_eq!(mac, Some(phone_mac(1)), "{host}");
        assert_eq!((http.host.as_str(), http.path.as_str()), ("example.org", "/generate_204"));
        assert_eq!((http.query.as_str(), http.accept_language.as_str()), ("x=1", "es"));
    }
    // Free for all, always.
    for host in [VILLAGE, VILLAGE6] {
        assert_eq!(world.talk("p1", host, 80, &get("school")), Talk::Said(GREETING.to_owned()));
    }
    world.apply(&[admit(1, 7, Span::from_secs(60))]).unwrap();
    for host in [OUTSIDE, OUTSIDE6] {
        assert_eq!(world.talk("p1", host, 80, &get("example.org")), Talk::Said(GREETING.to_owned()));
        assert!(is_redirect(&world.talk("p2", host, 80, &get("example.org"))), "p2 is still a stranger");
    }
    // Whoever types the router's address finds the portal, never LuCI, also when admitted.
    for phone in ["p1", "p2"] {
        for (host, port) in [(ROUTER, 80), (ROUTER6, 80), (ROUTER, PORTAL_PORT), (ROUTER6, PORTAL_PORT)] {
            let answer = world.talk(phone, host, port, &get(host));
            assert!(is_redirect(&answer), "{phone} {host}:{port}: {answer:?}");
        }
    }
    world.apply(&[dismiss(1, 7, true)]).unwrap();
    assert!(is_redirect(&world.talk("p1", OUTSIDE, 80, &get("example.org"))));
}

#[test]
fn each_peer_of_the_portal_has_the_mac_address_of_its_own_phone() {
    let mut world = World::new();
    let seen = start_portal(&mut world);
    // 10.77.16.1 is a beginning of 10.77.16.11, .12 and .1xx: a text search would mix them up.
    world.ip("p2", "address del 10.77.16.12/22 dev wlan\naddress add 10.77.16.110/22 brd + dev wlan\n");
    world.ip("p2", "route replace default via 10.77.16.1\n");
    let link_local = {
        let router =
            world.within("rt", || std::fs::read_to_string("/proc/thread-self/net/if_inet6")).unwrap();
        let line = router.lines().find(|line| line.starts_with("fe80") && line.ends_with("br-hs")).unwrap();
        let groups: Vec<&str> = (0..8).map(|group| &line[4 * group..4 * group + 4]).collect();
        groups.join(":")
    };
    for (phone, number) in [("p1", 1), ("p2", 2), ("p3", 3)] {
        let own = if number == 3 { "10.77.20.1" } else { ROUTER };
        for host in [own, OUTSIDE, OUTSIDE6] {
            let port = if host == own { PORTAL_PORT } else { 80 };
            assert!(is_redirect(&world.talk(phone, host, port, &get("x"))), "{phone} {host}");
            let (peer, mac, _) = seen.recv().unwrap();
            assert_eq!(mac, Some(phone_mac(number)), "{phone} is {peer}");
        }
    }
    let scoped = world.within("p1", || {
        let index = nix::net::if_::if_nametoindex("wlan").unwrap();
        let ip = link_local.parse().unwrap();
        SocketAddr::V6(std::net::SocketAddrV6::new(ip, PORTAL_PORT, 0, index))
    });
    assert!(is_redirect(&world.within("p1", || crate::world::talk(scoped, &get("x")))));
    assert_eq!(seen.recv().unwrap().1, Some(phone_mac(1)), "by a link-local address");

    world.within_loop("rt", || async {
        let index = InterfaceIndex(nix::net::if_::if_nametoindex("br-hs").unwrap());
        let other = InterfaceIndex(nix::net::if_::if_nametoindex("uplink").unwrap());
        let mut neighbours = Neighbours::open(vec!["br-hs".to_owned(), "gone0".to_owned()]).unwrap();
        for (address, expected) in [
            ("10.77.16.11", Some(phone_mac(1))),
            ("10.77.16.110", Some(phone_mac(2))),
            ("fd77:16::11", Some(phone_mac(1))),
            ("10.77.16.99", None),
            ("fd77:16::99", None),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(neighbours.mac_on(address, index).await.unwrap(), expected, "{address}");
            assert_eq!(neighbours.mac_by_dump(address, index).await.unwrap(), expected, "{address}");
            assert_eq!(neighbours.mac_on(address, other).await.unwrap(), None, "{address}");
            assert_eq!(neighbours.mac_of(SocketAddr::new(address, 1)).await.unwrap(), expected, "{address}");
        }
        // Neither of them is a guest.
        for stranger in [OUTSIDE, OUTSIDE6, "127.0.0.1"] {
            assert_eq!(neighbours.mac_of(address(stranger, 1)).await.unwrap(), None, "{stranger}");
        }
        // A mapped address, as a socket for both families shows it.
        let mapped = SocketAddr::new("::ffff:10.77.16.11".parse().unwrap(), 1);
        assert_eq!(neighbours.mac_of(mapped).await.unwrap(), Some(phone_mac(1)));
    });
}

#[test]
fn each_of_many_redirects_at_a_time_knows_its_phone() {
    let mut world = World::new();
    let seen = start_portal(&mut world);
    std::thread::scope(|scope| {
        let world = &world;
        for phone in ["p1", "p2", "p3"] {
            scope.spawn(move || {
                world.within(phone, || {
                    let mut answer = Vec::with_capacity(1_024);
                    for _ in 0..EACH {
                        let mut stream = std::net::TcpStream::connect((OUTSIDE, 80)).unwrap();
                        stream.write_all(get("example.org").as_bytes()).unwrap();
                        answer.clear();
                        stream.read_to_end(&mut answer).unwrap();
                        assert!(answer.starts_with(b"HTTP/1.1 302"));
                    }
                });
            });
        }
    });
    let macs: Vec<_> =
        seen.try_iter().map(|(_, mac, _)| mac.expect("each request found its device")).collect();
    for phone in 1..=3 {
        assert_eq!(macs.iter().filter(|mac| **mac == phone_mac(phone)).count(), EACH);
    }
}

/// Pages that a phone opens.
const EACH: usize = 300;
