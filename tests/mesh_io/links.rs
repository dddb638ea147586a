//! Interfaces, addresses and foreign routes: what iproute2 does is told, and nothing else.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use tequio::base::address::{InterfaceIndex, PrefixPair};
use tequio::base::limit;
use tequio::platform::links::{KernelRoute, LinkEvent, LinkStatus, Links};

use crate::namespace::{Namespace, on_a_thread};

/// Everything that was told, put together.
#[derive(Default)]
struct Picture {
    links: BTreeMap<InterfaceIndex, LinkStatus>,
    gone: Vec<InterfaceIndex>,
    routes: Vec<KernelRoute>,
    /// How often a set of routes was told.
    tellings: usize,
}

impl Picture {
    fn take(&mut self, event: LinkEvent) {
        match event {
            LinkEvent::Interface(link) => drop(self.links.insert(link.index, link)),
            LinkEvent::Gone(index) => {
                self.links.remove(&index).expect("only what was told can go");
                self.gone.push(index);
            }
            LinkEvent::KernelRoutes(routes) => {
                self.routes = routes;
                self.tellings += 1;
            }
        }
    }

    /// Takes events until the picture is as wanted; the test's time limit ends it otherwise. Each turn
    /// drops the future of `next` at some point, so that its cancel safety is tested all along.
    async fn until(&mut self, links: &mut Links, wanted: impl Fn(&Self) -> bool) {
        while !wanted(self) {
            tokio::select! {
                event = links.next() => self.take(event),
                () = tokio::time::sleep(Duration::from_millis(1)) => {}
            }
        }
    }

    fn link(&self, name: &str) -> Option<&LinkStatus> {
        self.links.values().find(|link| link.name == name)
    }

    fn is_up(&self, name: &str) -> bool {
        self.link(name).is_some_and(|link| link.up)
    }

    /// "prefix device" of each route, "prefix device own" of each address.
    fn route_lines(&self) -> Vec<String> {
        let own = |route: &KernelRoute| if route.is_local_address { " own" } else { "" };
        self.routes.iter().map(|route| format!("{} {}{}", route.prefix, route.device, own(route))).collect()
    }
}

fn both(picture: &Picture, one: &str, other: &str) -> bool {
    picture.link(one).is_some() && picture.link(other).is_some()
}

#[test]
fn the_first_events_tell_what_iproute2_shows() {
    let namespace = Namespace::new();
    namespace.ip("link add mesh0 mtu 1420 type veth peer name peer0");
    namespace.ip("link set mesh0 up");
    namespace.ip("address add 172.16.0.1/24 dev mesh0");
    on_a_thread(async || {
        namespace.enter();
        let mut links = Links::open(None).expect("links open");
        let mut picture = Picture::default();
        picture.until(&mut links, |picture| picture.links.len() >= 3 && picture.tellings == 1).await;
        for shown in namespace.json("link show") {
            let name = shown["ifname"].as_str().expect("a name");
            let link = picture.link(name).expect("each is told");
            assert_eq!(Some(u64::from(link.index.0)), shown["ifindex"].as_u64());
            assert_eq!(Some(u64::from(link.mtu)), shown["mtu"].as_u64());
            assert_eq!(link.mac.map(|mac| mac.to_string()).as_deref(), shown["address"].as_str());
        }
        let ipv4 = |picture: &Picture| picture.link("mesh0").and_then(|link| link.ipv4);
        assert_eq!(ipv4(&picture), Some([172, 16, 0, 1].into()));
        namespace.ip("address del 172.16.0.1/24 dev mesh0");
        picture.until(&mut links, |picture| ipv4(picture).is_none()).await;
        assert!(picture.is_up("lo"));
        assert!(!picture.is_up("mesh0"), "it is on, but its peer is off: no carrier");
        assert!(!picture.is_up("peer0"));
        namespace.ip("link set peer0 up");
        picture.until(&mut links, |picture| picture.is_up("mesh0") && picture.is_up("peer0")).await;
        namespace.ip("link set peer0 down");
        picture.until(&mut links, |picture| !picture.is_up("mesh0") && !picture.is_up("peer0")).await;
    });
}

#[test]
fn a_link_local_address_is_told_when_its_duplicate_detection_is_done() {
    let namespace = Namespace::new();
    namespace.sysctl("net/ipv6/conf/default/accept_dad", "1");
    namespace.ip("link add mesh0 type veth peer name peer0");
    on_a_thread(async || {
        namespace.enter();
        let mut links = Links::open(None).expect("links open");
        let mut picture = Picture::default();
        namespace.ip("link set peer0 up");
        namespace.ip("link set mesh0 up");
        picture.until(&mut links, |picture| picture.is_up("mesh0")).await;
        assert_eq!(picture.link("mesh0").expect("told").link_local, None, "still tentative");
        picture
            .until(&mut links, |picture| picture.link("mesh0").is_some_and(|link| link.link_local.is_some()))
            .await;
        let told = picture.link("mesh0").expect("told").link_local;
        assert_eq!(told, Some(namespace.link_local("mesh0")));
        assert!(!namespace.ip("address show dev mesh0").contains("tentative"));
        namespace.ip("link set mesh0 down");
        picture
            .until(&mut links, |picture| picture.link("mesh0").is_some_and(|link| link.link_local.is_none()))
            .await;
        assert!(!picture.is_up("mesh0"));
    });
}

#[test]
fn an_interface_is_followed_through_a_rename_and_a_new_one_of_its_name_is_another() {
    let namespace = Namespace::new();
    namespace.ip("link add mesh0 type veth peer name peer0");
    on_a_thread(async || {
        namespace.enter();
        let mut links = Links::open(None).expect("links open");
        let mut picture = Picture::default();
        picture.until(&mut links, |picture| picture.link("mesh0").is_some()).await;
        let index = namespace.index("mesh0");
        namespace.ip("link set mesh0 name mesh9");
        picture.until(&mut links, |picture| picture.link("mesh9").is_some()).await;
        assert_eq!(picture.link("mesh9").expect("told").index, index);
        assert!(picture.link("mesh0").is_none());
        namespace.ip("link del mesh9");
        namespace.ip("link add mesh9 type veth peer name peer9");
        picture.until(&mut links, |picture| both(picture, "mesh9", "peer9")).await;
        assert!(picture.gone.contains(&index));
        assert_eq!(picture.link("mesh9").expect("told").index, namespace.index("mesh9"));
        assert_ne!(namespace.index("mesh9"), index);
        assert_eq!(picture.links.len(), 3, "lo and the new pair");
    });
}

#[test]
fn leaving_a_bridge_is_not_going_away() {
    let namespace = Namespace::new();
    namespace.ip("link add mesh0 type veth peer name peer0");
    namespace.ip("link add br0 type bridge");
    on_a_thread(async || {
        namespace.enter();
        let mut links = Links::open(None).expect("links open");
        let mut picture = Picture::default();
        picture.until(&mut links, |picture| picture.link("br0").is_some()).await;
        namespace.ip("link set mesh0 master br0");
        namespace.ip("link set mesh0 nomaster");
        namespace.ip("link set mesh0 mtu 1300");
        picture.until(&mut links, |picture| picture.link("mesh0").is_some_and(|link| link.mtu == 1300)).await;
        assert_eq!(picture.gone, []);
    });
}

#[test]
fn foreign_routes_and_own_addresses_are_told_as_one_set() {
    let namespace = Namespace::new();
    namespace.ip("link add mesh0 type veth peer name peer0");
    namespace.ip("link set peer0 up");
    namespace.ip("link set mesh0 up");
    on_a_thread(async || {
        namespace.enter();
        let mut links = Links::open(Some(77)).expect("links open");
        let mut picture = Picture::default();
        picture.until(&mut links, |picture| picture.tellings == 1).await;
        assert_eq!(picture.route_lines(), [""; 0], "link-local and loopback are nobody else's business");
        for command in [
            "address add 10.5.0.1/24 dev mesh0",
            "address add fd05::1/64 dev mesh0",
            "route add 10.6.0.0/16 via 10.5.0.2 proto static",
            "route add unreachable 10.7.0.0/16 proto static",
            "route add fd06::/48 via fd05::2 table 77",
            "route add 10.8.0.0/16 via 10.5.0.2 table 78",
            "route add 10.9.0.0/16 via 10.5.0.2 proto 42",
        ] {
            namespace.ip(command);
        }
        let expected = [
            "10.5.0.0/24 mesh0",
            "10.5.0.1/32 mesh0 own",
            "10.6.0.0/16 mesh0",
            "10.7.0.0/16 ",
            "fd05::/64 mesh0",
            "fd05::1/128 mesh0 own",
            "fd06::/48 mesh0",
        ];
        picture.until(&mut links, |picture| picture.route_lines() == expected).await;
        assert!(picture.tellings <= 3, "{} tellings of seven changes", picture.tellings);
        // A dead link is not announced: its routes go as long as the carrier is gone.
        namespace.ip("link set peer0 down");
        let expected = ["10.5.0.1/32 mesh0 own", "10.7.0.0/16 ", "fd05::1/128 mesh0 own"];
        picture.until(&mut links, |picture| picture.route_lines() == expected).await;
        namespace.ip("link del mesh0");
        picture.until(&mut links, |picture| picture.route_lines() == ["10.7.0.0/16 "]).await;
    });
}

#[test]
fn lost_events_are_made_up_for_by_reading_everything_again() {
    let namespace = Namespace::new();
    namespace.ip("link add mesh0 type veth peer name peer0");
    namespace.ip("link set peer0 up");
    namespace.ip("link set mesh0 up");
    namespace.ip("address add 10.5.0.1/24 dev mesh0");
    on_a_thread(async || {
        namespace.enter();
        let mut links = Links::open(None).expect("links open");
        let mut picture = Picture::default();
        picture.until(&mut links, |picture| picture.tellings == 1 && picture.is_up("mesh0")).await;
        let old = namespace.index("mesh0");
        // Far more events than the receive buffer holds, while nobody reads.
        let mut lines = String::new();
        for number in 0..4_000_u32 {
            let address = std::net::Ipv4Addr::from_bits(0x0a80_0000 + number);
            writeln!(lines, "route add {address}/32 dev mesh0").expect("a string takes all");
        }
        namespace.ip_batch(&lines);
        namespace.ip("link del mesh0");
        namespace.ip("link add mesh0 type veth peer name peer1");
        picture.until(&mut links, |picture| both(picture, "mesh0", "peer1")).await;
        assert_eq!(picture.link("mesh0").expect("told").index, namespace.index("mesh0"));
        assert!(picture.gone.contains(&old));
        picture.until(&mut links, |picture| picture.routes.is_empty()).await;
        let host: PrefixPair = "10.5.0.1".parse().expect("an address");
        namespace.ip("address add 10.5.0.1/24 dev mesh0");
        picture.until(&mut links, |picture| picture.routes.iter().any(|route| route.prefix == host)).await;
    });
}

#[test]
fn more_routes_than_may_be_announced_are_cut_off() {
    let namespace = Namespace::new();
    let mut lines = String::new();
    for number in 0..=limit::KERNEL_ROUTES as u32 {
        let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + number);
        writeln!(lines, "route add blackhole {address}").expect("a string takes all");
    }
    namespace.ip_batch(&lines);
    on_a_thread(async || {
        namespace.enter();
        let mut links = Links::open(None).expect("links open");
        let mut picture = Picture::default();
        picture.until(&mut links, |picture| picture.tellings == 1).await;
        assert_eq!(picture.routes.len(), limit::KERNEL_ROUTES);
    });
}
