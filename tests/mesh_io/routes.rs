//! Kernel routes: what is asked for is there, whatever others do.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::IpAddr;
use std::time::Instant;

use serde_json::Value;
use tequio::babel::output::{RouteAction, RouteChange};
use tequio::base::address::{InterfaceIndex, Prefix, PrefixPair};
use tequio::base::time::Span;
use tequio::platform::routes::{RouteEvent, RouteSettings, RouteTable};

use crate::namespace::{Namespace, on_a_thread};

const SETTINGS: RouteSettings = RouteSettings { table: 1042, priority: 500, stale_for: Span::from_secs(60) };

/// The loopback has the same number in each namespace.
const LOOPBACK: InterfaceIndex = InterfaceIndex(1);

/// A namespace with two interfaces that are up, and have a peer in the same namespace.
fn two_links() -> Namespace {
    let namespace = Namespace::new();
    for (device, peer) in [("mesh0", "peer0"), ("mesh1", "peer1")] {
        namespace.ip(&format!("link add {device} type veth peer name {peer}"));
        namespace.ip(&format!("link set {device} up"));
        namespace.ip(&format!("link set {peer} up"));
    }
    namespace
}

fn prefix(text: &str) -> PrefixPair {
    text.parse().expect("a prefix")
}

fn install(text: &str, next_hop: &str, interface: InterfaceIndex) -> RouteChange {
    let next_hop: IpAddr = next_hop.parse().expect("an address");
    RouteChange { prefix: prefix(text), action: RouteAction::Install { next_hop, interface } }
}

fn change(text: &str, action: RouteAction) -> RouteChange {
    RouteChange { prefix: prefix(text), action }
}

/// Lets the table work until all is sent and answered. Every turn drops the future of `next`, so that
/// its cancel safety is tested all along.
async fn settle(table: &mut RouteTable) -> Vec<RouteEvent> {
    let mut events = Vec::new();
    while !table.is_settled() {
        tokio::select! {
            biased;
            event = table.next() => events.push(event),
            () = tokio::task::yield_now() => {}
        }
    }
    events
}

/// What iproute2 shows of a table, as "type destination via gateway dev device metric".
fn shown(namespace: &Namespace, table: u32) -> BTreeSet<String> {
    let mut lines = BTreeSet::new();
    for family in ["-4", "-6"] {
        // The table is made by its first route, and iproute2 complains about one that is not there.
        for route in namespace.json(&format!("{family} route show table all")) {
            let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
            if route["table"].as_str() != Some(&table.to_string()) {
                continue;
            }
            let via = if route["via"].is_object() { &route["via"]["host"] } else { &route["gateway"] };
            let source = route["from"].as_str().map(|source| format!(" from {source}")).unwrap_or_default();
            lines.insert(format!(
                "{} {}{source} via {} dev {} metric {} proto {}",
                text(&route["type"]),
                text(&route["dst"]),
                text(via),
                text(&route["dev"]),
                route["metric"],
                text(&route["protocol"]),
            ));
        }
    }
    lines
}

#[test]
fn routes_of_each_kind_are_installed_replaced_and_removed_and_others_are_left_alone() {
    let namespace = two_links();
    // Not ours: another protocol, another priority, another table.
    namespace.ip("route add 10.9.0.0/16 dev mesh0 table 1042 metric 499 proto 42");
    namespace.ip("route add 10.9.0.0/16 dev mesh0 table 1042 metric 501 proto static");
    namespace.ip("route add 10.9.0.0/16 dev mesh0 table 1043 metric 500 proto 42");
    let others = shown(&namespace, 1042);
    let (mesh0, mesh1) = (namespace.index("mesh0"), namespace.index("mesh1"));
    on_a_thread(async || {
        namespace.enter();
        let mut table = RouteTable::open(SETTINGS).await.expect("the table opens");
        table.apply(vec![
            install("10.1.0.0/22", "fe80::1", mesh0),
            install("10.2.0.0/22", "10.77.0.1", mesh0),
            install("fd00:1::/48", "fe80::1", mesh0),
            install("fd00:2::/48", "fd99::1", mesh0),
            install("0.0.0.0/0", "fe80::1", mesh0),
            install("::/0", "fe80::1", mesh0),
            change("10.3.0.0/24", RouteAction::Unreachable),
            change("fd00:3::/48", RouteAction::Unreachable),
        ]);
        assert_eq!(settle(&mut table).await, []);
        let mut expected = others.clone();
        expected.extend(
            [
                "unicast 10.1.0.0/22 via fe80::1 dev mesh0 metric 500 proto babel",
                "unicast 10.2.0.0/22 via 10.77.0.1 dev mesh0 metric 500 proto babel",
                "unicast fd00:1::/48 via fe80::1 dev mesh0 metric 500 proto babel",
                "unicast fd00:2::/48 via fd99::1 dev mesh0 metric 500 proto babel",
                "unicast default via fe80::1 dev mesh0 metric 500 proto babel",
                "unreachable 10.3.0.0/24 via - dev - metric 500 proto babel",
                "unreachable fd00:3::/48 via - dev lo metric 500 proto babel",
            ]
            .map(str::to_owned),
        );
        assert_eq!(shown(&namespace, 1042), expected);
        table.apply(vec![
            install("10.1.0.0/22", "fe80::2", mesh1),
            install("fd00:1::/48", "fe80::2", mesh1),
            change("10.2.0.0/22", RouteAction::Unreachable),
            change("fd00:2::/48", RouteAction::Unreachable),
            install("10.3.0.0/24", "fe80::2", mesh1),
            install("fd00:3::/48", "fe80::2", mesh1),
            change("0.0.0.0/0", RouteAction::Remove),
            change("::/0", RouteAction::Remove),
        ]);
        assert_eq!(settle(&mut table).await, []);
        let mut expected = others.clone();
        expected.extend(
            [
                "unicast 10.1.0.0/22 via fe80::2 dev mesh1 metric 500 proto babel",
                "unreachable 10.2.0.0/22 via - dev - metric 500 proto babel",
                "unicast 10.3.0.0/24 via fe80::2 dev mesh1 metric 500 proto babel",
                "unicast fd00:1::/48 via fe80::2 dev mesh1 metric 500 proto babel",
                "unreachable fd00:2::/48 via - dev lo metric 500 proto babel",
                "unicast fd00:3::/48 via fe80::2 dev mesh1 metric 500 proto babel",
            ]
            .map(str::to_owned),
        );
        assert_eq!(shown(&namespace, 1042), expected);
        let all = ["10.1.0.0/22", "10.2.0.0/22", "10.3.0.0/24", "fd00:1::/48", "fd00:2::/48", "fd00:3::/48"];
        table.apply(all.map(|text| change(text, RouteAction::Remove)).to_vec());
        assert_eq!(settle(&mut table).await, []);
        assert_eq!(shown(&namespace, 1042), others);
    });
}

/// `count` prefixes of /24 from 10.0.0.0 on.
fn many(count: u32) -> impl Iterator<Item = PrefixPair> {
    (0..count).map(|number| {
        let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + (number << 8)).into();
        Prefix::new(address, 24).expect("a /24").into()
    })
}

#[test]
fn routes_that_depend_on_the_source_stand_beside_those_that_do_not() {
    let namespace = two_links();
    let (mesh0, mesh1) = (namespace.index("mesh0"), namespace.index("mesh1"));
    on_a_thread(async || {
        namespace.enter();
        let mut table = RouteTable::open(SETTINGS).await.expect("the table opens");
        table.apply(vec![
            install("::/0", "fe80::1", mesh0),
            install("::/0 from 2001:db8:1::/48", "fe80::1", mesh0),
            install("::/0 from 2001:db8:2::/48", "fe80::1", mesh0),
            change("fd00:3::/48 from 2001:db8:2::/48", RouteAction::Unreachable),
        ]);
        assert_eq!(settle(&mut table).await, []);
        let all = [
            "unicast default via fe80::1 dev mesh0 metric 500 proto babel",
            "unicast default from 2001:db8:1::/48 via fe80::1 dev mesh0 metric 500 proto babel",
            "unicast default from 2001:db8:2::/48 via fe80::1 dev mesh0 metric 500 proto babel",
            "unreachable fd00:3::/48 from 2001:db8:2::/48 via - dev lo metric 500 proto babel",
        ];
        assert_eq!(shown(&namespace, 1042), BTreeSet::from(all.map(str::to_owned)));
        table.apply(vec![
            install("::/0 from 2001:db8:1::/48", "fe80::2", mesh1),
            change("::/0", RouteAction::Remove),
            change("fd00:3::/48 from 2001:db8:2::/48", RouteAction::Remove),
        ]);
        assert_eq!(settle(&mut table).await, []);
        let left = [
            "unicast default from 2001:db8:1::/48 via fe80::2 dev mesh1 metric 500 proto babel",
            "unicast default from 2001:db8:2::/48 via fe80::1 dev mesh0 metric 500 proto babel",
        ];
        let left = BTreeSet::from(left.map(str::to_owned));
        assert_eq!(shown(&namespace, 1042), left);
        // Whoever takes one away, it comes back; a daemon that starts again knows them.
        namespace.ip("-6 route del default from 2001:db8:2::/48 table 1042 metric 500");
        until_shown(&namespace, &mut table, &left).await;
        let mut again = RouteTable::open(SETTINGS).await.expect("the table opens");
        let found: BTreeSet<String> =
            again.take_left().into_iter().map(|change| change.prefix.to_string()).collect();
        assert_eq!(found, BTreeSet::from(["1", "2"].map(|n| format!("::/0 from 2001:db8:{n}::/48"))));
    });
}

fn install_many(count: u32, interface: InterfaceIndex) -> Vec<RouteChange> {
    let next_hop = "fe80::1".parse().expect("an address");
    let action = RouteAction::Install { next_hop, interface };
    many(count).map(|prefix| RouteChange { prefix, action }).collect()
}

#[test]
fn ten_thousand_routes_go_in_and_out_in_batches() {
    let namespace = two_links();
    let mesh0 = namespace.index("mesh0");
    on_a_thread(async || {
        namespace.enter();
        let mut table = RouteTable::open(SETTINGS).await.expect("the table opens");
        let start = Instant::now();
        table.apply(install_many(10_000, mesh0));
        assert_eq!(settle(&mut table).await, []);
        let installed = start.elapsed();
        assert_eq!(shown(&namespace, 1042).len(), 10_000);
        let start = Instant::now();
        table.apply(many(10_000).map(|prefix| RouteChange { prefix, action: RouteAction::Remove }).collect());
        assert_eq!(settle(&mut table).await, []);
        println!("10,000 routes: in {installed:?}, out {:?}", start.elapsed());
        assert_eq!(shown(&namespace, 1042).len(), 0);
    });
}

#[test]
fn a_refusal_comes_back_with_its_prefix_and_the_others_are_installed() {
    let namespace = two_links();
    let mesh0 = namespace.index("mesh0");
    on_a_thread(async || {
        namespace.enter();
        let mut table = RouteTable::open(SETTINGS).await.expect("the table opens");
        let mut changes = install_many(100, mesh0);
        changes[77] = install("10.0.77.0/24", "fe80::1", InterfaceIndex(4_000));
        changes.insert(3, install("fd00::/48", "fe80::1", LOOPBACK));
        table.apply(changes);
        let mut failures = Vec::new();
        for event in settle(&mut table).await {
            let RouteEvent::Failed(more) = event else { panic!("{event:?}") };
            failures.extend(more);
        }
        let refused: Vec<PrefixPair> = failures.iter().map(|failure| failure.prefix).collect();
        assert_eq!(refused, [prefix("fd00::/48"), prefix("10.0.77.0/24")]);
        // The number's text, and the kernel's own words if it has any.
        assert!(failures[0].why.contains("can not be loopback device"), "{failures:?}");
        assert!(failures[1].why.contains("No such device"), "{failures:?}");
        assert_eq!(shown(&namespace, 1042).len(), 99);
    });
}

#[test]
fn another_programs_route_at_our_place_is_not_replaced_and_ours_follows_when_it_goes() {
    let namespace = two_links();
    let mesh0 = namespace.index("mesh0");
    namespace.ip("route add 10.1.0.0/24 dev mesh1 table 1042 metric 500 proto static");
    on_a_thread(async || {
        namespace.enter();
        let mut table = RouteTable::open(SETTINGS).await.expect("the table opens");
        table.apply(vec![install("10.1.0.0/24", "fe80::1", mesh0), install("10.2.0.0/24", "fe80::1", mesh0)]);
        let events = settle(&mut table).await;
        let [RouteEvent::Failed(failures)] = &events[..] else { panic!("{events:?}") };
        assert_eq!(failures.len(), 1);
        assert_eq!(failures[0].prefix, prefix("10.1.0.0/24"));
        assert!(failures[0].why.contains("another program"), "{failures:?}");
        let theirs = "unicast 10.1.0.0/24 via - dev mesh1 metric 500 proto static";
        assert!(shown(&namespace, 1042).contains(theirs));
        // It appears while we run: ours was there, and is replaced by force.
        namespace.ip("route replace 10.2.0.0/24 dev mesh1 table 1042 metric 500 proto static");
        let event = table.next().await;
        assert!(
            matches!(&event, RouteEvent::Failed(failures) if failures[0].prefix == prefix("10.2.0.0/24"))
        );
        namespace.ip("route del 10.1.0.0/24 table 1042 metric 500 proto static");
        namespace.ip("route del 10.2.0.0/24 table 1042 metric 500 proto static");
        let ours = ["10.1.0.0/24", "10.2.0.0/24"]
            .map(|text| format!("unicast {text} via fe80::1 dev mesh0 metric 500 proto babel"));
        until_shown(&namespace, &mut table, &BTreeSet::from(ours)).await;
    });
}

/// Lets the table work until iproute2 shows just `expected`; returns what happened.
async fn until_shown(
    namespace: &Namespace,
    table: &mut RouteTable,
    expected: &BTreeSet<String>,
) -> Vec<RouteEvent> {
    let mut events = Vec::new();
    while shown(namespace, 1042) != *expected {
        tokio::select! {
            event = table.next() => events.push(event),
            () = tokio::time::sleep(std::time::Duration::from_millis(20)) => {}
        }
    }
    events
}

#[test]
fn what_somebody_deletes_or_changes_is_put_right() {
    let namespace = two_links();
    let mesh0 = namespace.index("mesh0");
    on_a_thread(async || {
        namespace.enter();
        let mut table = RouteTable::open(SETTINGS).await.expect("the table opens");
        let texts = ["10.1.0.0/24", "10.2.0.0/24", "fd00:1::/48", "fd00:2::/48"];
        table.apply(texts.map(|text| install(text, "fe80::1", mesh0)).to_vec());
        assert_eq!(settle(&mut table).await, []);
        let right = shown(&namespace, 1042);
        for command in [
            "-4 route del 10.1.0.0/24 table 1042",
            "-6 route del fd00:1::/48 table 1042",
            "-4 route replace 10.2.0.0/24 via inet6 fe80::2 dev mesh1 table 1042 metric 500 proto 42",
            "-6 route replace fd00:2::/48 via fe80::2 dev mesh1 table 1042 metric 500 proto 42",
            "-4 route add 10.3.0.0/24 via inet6 fe80::2 dev mesh1 table 1042 metric 500 proto 42",
        ] {
            namespace.ip(command);
            assert_ne!(shown(&namespace, 1042), right, "{command}");
            assert_eq!(table.next().await, RouteEvent::Repaired(1), "{command}");
            until_shown(&namespace, &mut table, &right).await;
        }
        assert!(table.is_settled(), "our own repairs are no news");
    });
}

#[test]
fn lost_events_are_made_up_for_by_reading_everything_again() {
    let namespace = two_links();
    let mesh0 = namespace.index("mesh0");
    on_a_thread(async || {
        namespace.enter();
        let mut table = RouteTable::open(SETTINGS).await.expect("the table opens");
        table.apply(install_many(5_000, mesh0));
        assert_eq!(settle(&mut table).await, []);
        let right = shown(&namespace, 1042);
        // Far more events than the receive buffer holds, while nobody reads.
        let mut lines = String::new();
        for prefix in many(4_000) {
            writeln!(lines, "route del {prefix} table 1042").expect("a string takes all");
        }
        namespace.ip_batch(&lines);
        assert_eq!(shown(&namespace, 1042).len(), 1_000);
        let events = until_shown(&namespace, &mut table, &right).await;
        let repaired = events.iter().map(|event| match event {
            RouteEvent::Repaired(count) => *count,
            other => panic!("{other:?}"),
        });
        assert_eq!(repaired.sum::<usize>(), 4_000);
    });
}

#[test]
fn routes_of_an_earlier_run_stay_until_they_are_confirmed_or_swept() {
    let namespace = two_links();
    let mesh0 = namespace.index("mesh0");
    on_a_thread(async || {
        namespace.enter();
        let mut table = RouteTable::open(SETTINGS).await.expect("the table opens");
        let texts = ["10.1.0.0/24", "10.2.0.0/24", "fd00:1::/48", "fd00:2::/48"];
        table.apply(texts.map(|text| install(text, "fe80::1", mesh0)).to_vec());
        assert_eq!(settle(&mut table).await, []);
        let before = shown(&namespace, 1042);
        drop(table);
        let settings = RouteSettings { stale_for: Span::from_millis(500), ..SETTINGS };
        let mut table = RouteTable::open(settings).await.expect("the table opens again");
        table.apply(vec![install("10.1.0.0/24", "fe80::1", mesh0), install("fd00:1::/48", "fe80::2", mesh0)]);
        assert_eq!(settle(&mut table).await, []);
        assert_eq!(shown(&namespace, 1042).len(), before.len());
        assert_eq!(table.next().await, RouteEvent::Swept(2));
        assert_eq!(settle(&mut table).await, []);
        let left = [
            "unicast 10.1.0.0/24 via fe80::1 dev mesh0 metric 500 proto babel",
            "unicast fd00:1::/48 via fe80::2 dev mesh0 metric 500 proto babel",
        ];
        assert_eq!(shown(&namespace, 1042), BTreeSet::from(left.map(str::to_owned)));
    });
}

#[test]
fn an_interface_that_goes_down_and_up_gets_its_routes_again() {
    let namespace = two_links();
    let mesh0 = namespace.index("mesh0");
    on_a_thread(async || {
        namespace.enter();
        let mut table = RouteTable::open(SETTINGS).await.expect("the table opens");
        let texts = ["10.1.0.0/24", "fd00:1::/48"];
        table.apply(texts.map(|text| install(text, "fe80::1", mesh0)).to_vec());
        assert_eq!(settle(&mut table).await, []);
        let right = shown(&namespace, 1042);
        namespace.ip("link set mesh0 down");
        let mut lost = BTreeSet::new();
        while lost.len() < 2 {
            if let RouteEvent::Failed(failures) = table.next().await {
                lost.extend(failures.into_iter().map(|failure| failure.prefix));
            }
        }
        assert_eq!(lost, BTreeSet::from(texts.map(prefix)));
        namespace.ip("link set mesh0 up");
        until_shown(&namespace, &mut table, &right).await;
    });
}
