//! What guests reach and what they do not, stranger or admitted.

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use tequio::base::address::MacAddress;
use tequio::base::time::Span;
use tequio::platform::firewall::base::{FirewallSettings, base_table};
use tequio::platform::neighbours::Neighbours;
use tokio::net::UdpSocket as AsyncUdpSocket;

use crate::world::{
    FW4, GREETING, OTHER_NODE, OTHER_NODE6, OUTSIDE, OUTSIDE6, OWN_MESH, OWN_MESH6, ROUTER, ROUTER6, Talk,
    VILLAGE, VILLAGE6, World, address, admit, dismiss, settings,
};

const LEASE: Span = Span::from_secs(60);

/// Answers each datagram on a port with `name`.
fn answer_udp(world: &mut World, part: &str, port: u16, name: &'static str) {
    world.start(part, move || async move {
        let socket = AsyncUdpSocket::bind(("::", port)).await.expect("the port is free");
        let mut question = [0; 2_048];
        loop {
            if let Ok((_, peer)) = socket.recv_from(&mut question).await {
                let _ = socket.send_to(name.as_bytes(), peer).await;
            }
        }
    });
}

/// Who answers a datagram to `host`, from a phone.
fn ask(world: &World, phone: &str, host: &str, port: u16) -> Option<String> {
    let local = if host.contains(':') { "[::]:0" } else { "0.0.0.0:0" };
    let socket = world.udp(phone, local);
    socket.send_to(b"who is there?", address(host, port)).ok()?;
    hear(&socket)
}

fn hear(socket: &UdpSocket) -> Option<String> {
    let mut answer = [0; 2_048];
    let (length, _) = socket.recv_from(&mut answer).ok()?;
    Some(String::from_utf8_lossy(&answer[..length]).into_owned())
}

#[test]
fn a_stranger_is_refused_at_once_and_an_admitted_phone_passes() {
    let world = World::new();
    for host in [OUTSIDE, OUTSIDE6] {
        assert_eq!(world.talk("p1", host, 443, "hello"), Talk::Reset, "{host}");
        assert_eq!(world.talk("p1", host, 8_080, "hello"), Talk::Reset, "{host}");
    }
    // UDP (QUIC) is refused by ICMP, so that a browser does not wait.
    let socket = world.udp("p1", "0.0.0.0:0");
    socket.connect(address(OUTSIDE, 443)).unwrap();
    socket.send(b"quic").unwrap();
    let refused = socket.recv(&mut [0; 10]).unwrap_err();
    assert_eq!(refused.raw_os_error(), Some(libc::EHOSTUNREACH), "{refused}");

    world.apply(&[admit(1, 7, LEASE)]).unwrap();
    assert!(world.is_online("p1"));
    assert_eq!(world.talk("p1", OUTSIDE, 443, "hello"), Talk::Said(GREETING.to_owned()));
    assert!(!world.is_online("p2"));
    assert!(!world.is_online("p3"));
    world.apply(&[dismiss(1, 7, true)]).unwrap();
    assert!(!world.is_online("p1"));
}

#[test]
fn no_guest_reaches_a_node_by_its_addresses() {
    let mut world = World::new();
    for port in [22, 80, 443, 9_090] {
        world.serve("rt", port, |_| {});
    }
    answer_udp(&mut world, "out", 53, "another node's resolver");
    answer_udp(&mut world, "rt", 53, "the resolver of this node");
    for admitted in [false, true] {
        if admitted {
            world.apply(&[admit(1, 7, LEASE)]).unwrap();
            assert!(world.is_online("p1"));
        }
        // Nodes: the walled garden holds their addresses, and yet. Then this node's own, on the hotspot
        // but for the portal, on the other hotspot interface, on the uplink.
        let mut closed: Vec<(&str, u16)> = Vec::new();
        for host in [OTHER_NODE, OTHER_NODE6, OWN_MESH, OWN_MESH6, "10.77.20.1", "192.0.2.1", "2001:db8::1"] {
            closed.extend([22, 80, 443, 8_080].map(|port| (host, port)));
        }
        for host in [ROUTER, ROUTER6] {
            closed.extend([22, 443, 9_090].map(|port| (host, port)));
        }
        for (server, talk) in closed.iter().zip(world.talk_to_all("p1", &closed)) {
            assert_eq!(talk, Talk::Silence, "{server:?}, admitted: {admitted}");
        }
        for host in [OTHER_NODE, OTHER_NODE6, OWN_MESH, OWN_MESH6] {
            assert_eq!(ask(&world, "p1", host, 53), None, "{host}, admitted: {admitted}");
        }
    }
    // A free service that resolves to a node (a mistake, or a trick with names) opens nothing.
    world.nft(&format!("add element inet tequio free_services4 {{ {OTHER_NODE} timeout 1h }}\n"));
    assert_eq!(world.talk("p1", OTHER_NODE, 80, "hello"), Talk::Silence);
}

#[test]
fn guests_get_addresses_names_and_time_from_their_own_node() {
    let mut world = World::new();
    answer_udp(&mut world, "out", 53, "a resolver of the outside");
    answer_udp(&mut world, "rt", 53, "the resolver of this node");
    answer_udp(&mut world, "rt", 123, "the time");
    for (host, host6) in [(ROUTER, ROUTER6), (OUTSIDE, OUTSIDE6)] {
        for host in [host, host6] {
            assert_eq!(ask(&world, "p1", host, 53).as_deref(), Some("the resolver of this node"), "{host}");
        }
    }
    for host in [ROUTER, ROUTER6] {
        assert_eq!(ask(&world, "p1", host, 123).as_deref(), Some("the time"), "{host}");
    }
    assert_eq!(ask(&world, "p1", OUTSIDE, 123), None);
    // Who has paid may ask whom he likes.
    world.apply(&[admit(2, 7, LEASE)]).unwrap();
    assert_eq!(ask(&world, "p2", OUTSIDE, 53).as_deref(), Some("a resolver of the outside"));
}

#[test]
fn a_phone_without_an_address_or_with_one_of_another_node_reaches_dhcp() {
    let world = World::new();
    let server = world.udp("rt", "0.0.0.0:67");
    for (address, name) in [(None, "nobody yet"), (Some("10.77.40.9/22"), "from another node")] {
        world.ip("p1", "address flush dev wlan\n");
        if let Some(address) = address {
            world.ip("p1", &format!("address add {address} brd + dev wlan\n"));
        }
        let phone = world.udp("p1", "0.0.0.0:68");
        phone.set_broadcast(true).unwrap();
        nix::sys::socket::setsockopt(&phone, nix::sys::socket::sockopt::BindToDevice, &"wlan".into())
            .unwrap();
        phone.send_to(name.as_bytes(), "255.255.255.255:67").unwrap();
        assert_eq!(hear(&server).as_deref(), Some(name));
    }
}

#[test]
fn a_guest_must_use_an_address_of_the_hotspot() {
    let world = World::new();
    let outside = world.udp("out", "[::]:4000");
    world.apply(&[admit(1, 7, LEASE)]).unwrap();
    world.ip(
        "p1",
        "address add 10.99.0.5/32 dev wlan\naddress add fd99::5/128 dev wlan nodad\n\
         address add 10.77.16.200/22 dev wlan\naddress add fd77:16::200/128 dev wlan nodad\n",
    );
    let send = |from: &str, to: &str| {
        let socket = world.udp("p1", &std::net::SocketAddr::new(from.parse().unwrap(), 0).to_string());
        socket.send_to(from.as_bytes(), address(to, 4_000)).unwrap();
        hear(&outside)
    };
    // The first packets of an address may go while the neighbours still look for each other.
    let reaches = |from: &str, to: &str| (0..10).any(|_| send(from, to).as_deref() == Some(from));
    for (from, to) in [("10.77.16.200", OUTSIDE), ("fd77:16::200", OUTSIDE6)] {
        assert!(reaches(from, to), "any address of the hotspot is good: {from}");
    }
    for (from, to) in [("10.99.0.5", OUTSIDE), ("fd99::5", OUTSIDE6)] {
        assert_eq!(send(from, to), None, "{from}");
    }
    // The router's own IPv6 address. The kernel would forward it.
    let router = neighbour_mac(&world, ROUTER6);
    world.ip(
        "p1",
        &format!(
            "address add {ROUTER6}/128 dev wlan nodad\nroute replace ::/0 dev wlan\n\
             neighbour replace {OUTSIDE6} dev wlan lladdr {router}\n"
        ),
    );
    assert!(reaches("fd77:16::200", OUTSIDE6), "this way leads out");
    assert_eq!(send(ROUTER6, OUTSIDE6), None);
}

/// The MAC address that p1 has for an address.
fn neighbour_mac(world: &World, address: &str) -> MacAddress {
    world.within_loop("p1", || async {
        let mut neighbours = Neighbours::open(vec!["wlan".to_owned()]).unwrap();
        let found = neighbours.mac_of(crate::world::address(address, 1)).await.unwrap();
        found.expect("p1 has just spoken with it")
    })
}

#[test]
fn a_node_gets_answers_from_its_guests() {
    let world = World::new();
    for (own, guest) in [(ROUTER, "10.77.16.11"), (ROUTER6, "fd77:16::11")] {
        let phone = world.udp("p1", &address(guest, 4_000).to_string());
        let node = world.udp("rt", &address(own, 5_000).to_string());
        phone.send_to(b"unasked", address(own, 5_000)).unwrap();
        assert_eq!(hear(&node), None, "{own}");
        node.send_to(b"are you there?", address(guest, 4_000)).unwrap();
        assert_eq!(hear(&phone).as_deref(), Some("are you there?"));
        phone.send_to(b"yes", address(own, 5_000)).unwrap();
        assert_eq!(hear(&node).as_deref(), Some("yes"), "{own}");
    }
}

#[test]
fn guests_do_not_reach_each_other_across_the_router() {
    let mut world = World::new();
    world.serve("p3", 8_080, |_| {});
    world.apply(&[admit(1, 7, LEASE), admit(3, 8, LEASE)]).unwrap();
    assert!(world.is_online("p1") && world.is_online("p3"));
    for host in ["10.77.20.13", "fd77:20::13"] {
        assert_eq!(world.talk("p1", host, 8_080, "hello"), Talk::Silence, "{host}");
    }
}

#[test]
fn nobody_outside_opens_a_flow_to_a_guest() {
    let mut world = World::new();
    world.serve("p3", 8_080, |_| {});
    world.apply(&[admit(3, 8, LEASE)]).unwrap();
    // IPv6 is not masqueraded: without a rule the way would be open.
    let phone = world.udp("p3", "[::]:4000");
    for from in [OUTSIDE6, VILLAGE6, OTHER_NODE6] {
        let socket = world.udp("out", &format!("[{from}]:4000"));
        socket.send_to(from.as_bytes(), address("fd77:20::13", 4_000)).unwrap();
        assert_eq!(hear(&phone), None, "{from}");
        if from != OTHER_NODE6 {
            phone.send_to(b"you may answer", address(from, 4_000)).unwrap();
            assert!(hear(&socket).is_some(), "{from}");
            socket.send_to(from.as_bytes(), address("fd77:20::13", 4_000)).unwrap();
            assert_eq!(hear(&phone).as_deref(), Some(from));
        }
    }
    assert_eq!(world.talk("out", "fd77:20::13", 8_080, "hello"), Talk::Silence);
}

#[test]
fn names_asked_too_often_by_a_stranger_stay_unanswered() {
    let mut world = World::new();
    answer_udp(&mut world, "rt", 53, "a name");
    let count = |world: &World, phone: &str| {
        let socket = world.udp(phone, "0.0.0.0:0");
        for _ in 0..200 {
            socket.send_to(b"tunnel", address(ROUTER, 53)).unwrap();
        }
        socket.set_read_timeout(Some(Duration::from_millis(150))).unwrap();
        std::iter::from_fn(|| hear(&socket)).count()
    };
    let answered = count(&world, "p1");
    assert!((20..35).contains(&answered), "{answered} of 200 in a moment");
    // The limit is one phone's, and the guest who has paid has none.
    assert_eq!(ask(&world, "p2", ROUTER, 53).as_deref(), Some("a name"));
    world.apply(&[admit(1, 7, LEASE)]).unwrap();
    assert_eq!(count(&world, "p1"), 200);
}

/// Octets a second that a phone moves through names, up and down, once what it may do at first is used up.
fn tunnel(world: &mut World, phone: &str, router: &str) -> (f64, f64) {
    let local = if router.contains(':') { "[::]:0" } else { "0.0.0.0:0" };
    let socket = world.udp(phone, local);
    socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    let (question, mut answer) = ([0x2a; 255], [0; 2_048]);
    let mut moved = |seconds: u64| {
        let (mut up, mut down) = (0, 0);
        let until = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < until {
            let _ = socket.send_to(&question, address(router, 53));
            while let Ok(length) = socket.recv(&mut answer) {
                down += length;
                // The answer says how many questions were heard, in its first octets.
                up = up.max(u32::from_be_bytes(answer[..4].try_into().unwrap()));
            }
        }
        (f64::from(up) * 255.0, down as f64)
    };
    let before = moved(6);
    let after = moved(6);
    ((after.0 - before.0) / 6.0, after.1 / 6.0)
}

#[test]
fn a_tunnel_through_names_carries_less_than_two_kilobytes_a_second() {
    let mut world = World::new();
    // Whoever is behind the name server answers at once, with as much as fits.
    world.start("rt", || async {
        let socket = AsyncUdpSocket::bind(("::", 53)).await.expect("the port is free");
        let (mut question, mut heard) = ([0; 2_048], std::collections::BTreeMap::new());
        loop {
            if let Ok((_, peer)) = socket.recv_from(&mut question).await {
                let count: &mut u32 = heard.entry(peer).or_default();
                *count += 1;
                let mut answer = vec![0; 1_232];
                answer[..4].copy_from_slice(&count.to_be_bytes());
                let _ = socket.send_to(&answer, peer).await;
            }
        }
    });
    for (phone, router) in [("p1", ROUTER), ("p2", ROUTER6)] {
        let (up, down) = tunnel(&mut world, phone, router);
        assert!(up < 2_000.0 && down < 2_000.0, "{phone}: {up} octets a second up, {down} down");
        assert!(up > 200.0 && down > 200.0, "names are answered: {up} up, {down} down");
    }
    // Who has paid asks as he likes.
    world.apply(&[admit(3, 7, LEASE)]).unwrap();
    let (_, down) = tunnel(&mut world, "p3", "10.77.20.1");
    assert!(down > 10_000.0, "{down}");
}

#[test]
fn loading_the_base_table_again_keeps_guests_and_takes_new_settings() {
    let world = World::new();
    world.apply(&[admit(1, 7, LEASE)]).unwrap();
    assert!(world.is_online("p1"));
    let before = world.samples();
    assert!(before[0].up_bytes > 0);
    assert_eq!(world.talk("p2", VILLAGE, 80, "hello"), Talk::Said(GREETING.to_owned()));

    let narrower = FirewallSettings { walled_garden: Vec::new(), ..settings() };
    let mut stream = world.connect("p1", OUTSIDE, crate::world::STREAM_PORT);
    world.nft(&base_table(&narrower));
    world.nft(&base_table(&narrower));
    world.nft(FW4);
    std::io::Read::read_exact(&mut stream, &mut vec![0; 3_000_000]).unwrap();
    assert!(world.is_online("p1"));
    let after = world.samples();
    assert_eq!(after[0].client, before[0].client);
    assert!(after[0].down_bytes > before[0].down_bytes + 3_000_000 && after[0].up_bytes > before[0].up_bytes);
    assert_eq!(world.admitted().len(), 1);
    // Port 80 is a redirect now, to a portal that nobody runs in this test.
    assert_eq!(world.talk("p2", VILLAGE, 80, "hello"), Talk::Reset);
    assert_eq!(world.talk("p2", VILLAGE, 8_080, "hello"), Talk::Reset);
}

#[test]
fn a_phone_that_is_there_answers_and_one_that_has_left_does_not() {
    let world = World::new();
    for phone in ["p1", "p2", "p3"] {
        world.talk(phone, ROUTER, 2_080, "I am here");
        world.talk(phone, ROUTER6, 2_080, "I am here");
    }
    let mac = |last| MacAddress([2, 0, 0x5e, 0, 0, last]);
    let macs = [1, 2, 3, 9].map(mac);
    // p2 leaves; p3 keeps its wireless but answers nothing.
    world.ip("p2", "link set wlan down\n");
    world.ip("p3", "link set wlan arp off\naddress flush dev wlan\n");
    let seen = world.within_loop("rt", async move || {
        let mut neighbours = Neighbours::open(vec!["br-hs".to_owned(), "hs2".to_owned(), "none".to_owned()])
            .expect("the neighbour table can be asked");
        let mut seen = Vec::new();
        let deadline = std::time::Instant::now() + Duration::from_secs(30);
        while std::time::Instant::now() < deadline {
            let found = neighbours.seek(&macs).await.expect("the kernel answers");
            seen = found.iter().map(|(_, answered)| *answered).collect();
            assert!(seen[0], "it answered all the time");
            if seen == [true, false, false, false] {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        seen
    });
    assert_eq!(seen, [true, false, false, false]);
}
