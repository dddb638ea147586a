//! Questions to the outside: through one device alone, both families, pings, resolvers and pages.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};

use tequio::base::time::Span;
use tequio::node::probe::{Ask, Found, Probe, ProbeId};
use tequio::platform::probe::Prober;

use crate::namespace::{Namespace, on_a_thread};

/// A gateway with a live uplink (`up0`) and a dead one (`up1`), a provider's router, and the outside.
struct World {
    gateway: Namespace,
    provider: Namespace,
    outside: Namespace,
}

const OUTSIDE4: &str = "198.51.100.9";
const OUTSIDE6: &str = "2001:db8:9::9";

impl World {
    fn new() -> Self {
        let world = Self { gateway: Namespace::new(), provider: Namespace::new(), outside: Namespace::new() };
        let (gateway, provider, outside) = (&world.gateway, &world.provider, &world.outside);
        gateway.ip(&format!("link add up0 type veth peer name down0 netns {}", provider.name()));
        gateway.ip("link add up1 type veth peer name nobody");
        provider.ip(&format!("link add net0 type veth peer name eth0 netns {}", outside.name()));
        for key in ["net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding"] {
            provider.sysctl(key, "1");
        }
        gateway.ip_batch(
            "link set up0 up\nlink set up1 up\nlink set nobody up\n\
             addr add 192.0.2.2/24 dev up0\naddr add 2001:db8:2::2/64 dev up0 nodad\n\
             addr add 192.0.3.2/24 dev up1\naddr add 2001:db8:3::2/64 dev up1 nodad\n\
             route add default via 192.0.2.1 dev up0 metric 10\nroute add default via 192.0.3.1 dev up1 metric 20\n\
             route add ::/0 via 2001:db8:2::1 dev up0 metric 10\n\
             route add ::/0 via 2001:db8:3::1 dev up1 metric 20\n",
        );
        provider.ip_batch(
            "link set down0 up\nlink set net0 up\n\
             addr add 192.0.2.1/24 dev down0\naddr add 2001:db8:2::1/64 dev down0 nodad\n\
             addr add 198.51.100.1/24 dev net0\naddr add 2001:db8:9::1/64 dev net0 nodad\n",
        );
        outside.ip_batch(&format!(
            "link set eth0 up\naddr add {OUTSIDE4}/24 dev eth0\naddr add {OUTSIDE6}/64 dev eth0 nodad\n\
             route add default via 198.51.100.1\nroute add ::/0 via 2001:db8:9::1\n"
        ));
        world
    }
}

async fn ask(prober: &mut Prober, device: &str, ask: Ask) -> Found {
    let id = ProbeId::Uplink(7);
    prober.ask(Probe { id, device: Some(device.to_owned()), ask, patience: Span::from_millis(1_500) });
    let (answered, found) = prober.next().await;
    assert_eq!(answered, id);
    found
}

fn outside() -> [IpAddr; 2] {
    [OUTSIDE4, OUTSIDE6].map(|address| address.parse().expect("an address"))
}

fn is_answer(found: &Found) -> bool {
    matches!(found, Found::Answer { after } if *after < Span::from_millis(1_500))
}

#[test]
fn a_ping_goes_through_its_device_alone_and_names_the_router_that_sends_it_back() {
    let world = World::new();
    on_a_thread(async || {
        world.gateway.enter();
        let mut prober = Prober::new();
        for (to, router) in outside().into_iter().zip(["192.0.2.1", "2001:db8:2::1"]) {
            // The first packets may be lost to address resolution.
            while !is_answer(&ask(&mut prober, "up0", Ask::Ping { to, hop_limit: 64 }).await) {}
            let dead = ask(&mut prober, "up1", Ask::Ping { to, hop_limit: 64 }).await;
            assert_eq!(dead, Found::Silence, "{to} was reached through the dead uplink");
            let expired = ask(&mut prober, "up0", Ask::Ping { to, hop_limit: 1 }).await;
            assert_eq!(expired, Found::Expired { by: router.parse().expect("an address") });
        }
        // Unbound, it goes where the routes say.
        let ping = Ask::Ping { to: outside()[0], hop_limit: 64 };
        let id = ProbeId::Delay(1);
        prober.ask(Probe { id, device: None, ask: ping.clone(), patience: Span::from_secs(1) });
        assert!(is_answer(&prober.next().await.1));
        assert_eq!(ask(&mut prober, "gone0", ping).await, Found::Silence, "a device that is not there");
    });
}

#[test]
fn a_resolver_and_a_page_answer_or_do_not() {
    let world = World::new();
    on_a_thread(async || {
        world.outside.enter();
        let sockets = outside().map(|address| {
            let resolver = UdpSocket::bind((address, 53)).expect("a port");
            (resolver, TcpListener::bind((address, 80)).expect("a port"))
        });
        let servers = std::thread::spawn(move || {
            for (resolver, pages) in sockets {
                for code in [0_u8, 2] {
                    let mut question = [0; 512];
                    let (length, from) = resolver.recv_from(&mut question).expect("a question");
                    assert_eq!(
                        &question[4..length],
                        [0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1],
                        "the root's NS"
                    );
                    (question[2], question[3]) = (0x81, 0x80 | code);
                    resolver.send_to(&question[..length], from).expect("an answer");
                }
                for status in ["204 No Content", "302 Found"] {
                    let (mut guest, _) = pages.accept().expect("a guest");
                    let mut head = [0; 512];
                    let length = guest.read(&mut head).expect("a question");
                    assert!(head[..length].starts_with(b"GET /up HTTP/1.1\r\n"));
                    // In one piece: whoever has read the status may hang up before a second one.
                    let answer = format!("HTTP/1.1 {status}\r\n\r\n");
                    guest.write_all(answer.as_bytes()).expect("an answer");
                }
            }
        });
        world.gateway.enter();
        let mut prober = Prober::new();
        for address in outside() {
            while !is_answer(&ask(&mut prober, "up0", Ask::Ping { to: address, hop_limit: 64 }).await) {}
            let dns = Ask::Dns { server: address };
            assert_eq!(ask(&mut prober, "up1", dns.clone()).await, Found::Silence);
            assert!(is_answer(&ask(&mut prober, "up0", dns.clone()).await));
            assert_eq!(ask(&mut prober, "up0", dns).await, Found::Silence, "it could not resolve");
            let page = Ask::Http { server: SocketAddr::new(address, 80), path: "/up".to_owned() };
            assert_eq!(ask(&mut prober, "up1", page.clone()).await, Found::Silence);
            assert!(is_answer(&ask(&mut prober, "up0", page.clone()).await));
            assert_eq!(ask(&mut prober, "up0", page).await, Found::Silence, "a provider's own portal");
        }
        servers.join().expect("both served");
    });
}

#[test]
fn more_questions_than_fit_are_told_at_once() {
    let world = World::new();
    on_a_thread(async || {
        world.gateway.enter();
        let mut prober = Prober::new();
        let most = u64::try_from(tequio::base::limit::PROBES).expect("it fits");
        for number in 0..=most {
            let (id, device) = (ProbeId::Uplink(number), Some("up1".to_owned()));
            let ask = Ask::Ping { to: outside()[0], hop_limit: 64 };
            prober.ask(Probe { id, device, ask, patience: Span::from_secs(1) });
        }
        assert_eq!(prober.next().await, (ProbeId::Uplink(most), Found::Silence));
        for _ in 0..most {
            assert_eq!(prober.next().await.1, Found::Silence);
        }
    });
}
