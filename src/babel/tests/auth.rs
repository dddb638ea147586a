//! Nodes that sign: they find each other, change their keys, and stand in a flood of forgeries.

use std::net::Ipv6Addr;

use super::bench::{Net, address, index, router_id};
use super::subject::peer;
use crate::babel::SeqNo;
use crate::babel::auth::settings::{Algorithm, Auth, AuthMode, KeyUse};
use crate::babel::auth::wire;
use crate::babel::engine::MULTICAST;
use crate::babel::wire::tlv::Tlv;
use crate::babel::wire::write::PacketWriter;

const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";
const OTHER_KEY: &[u8] = b"another key that nobody here has";

fn key(name: &str, algorithm: Algorithm, signs: bool) -> KeyUse {
    KeyUse { name: name.into(), algorithm, signs }
}

fn auth(mode: AuthMode) -> Auth {
    Auth { mode, keys: vec![key("k", Algorithm::Blake2s128, true)] }
}

/// A net whose nodes hold these keys.
fn net(auth: Auth, keys: &[(&str, Algorithm, &[u8])], seed: u64) -> Net {
    let mut net = Net::new(3, &[&[0, 1], &[1, 2]], seed);
    net.auth = auth;
    for node in &mut net.nodes {
        let held = keys.iter().map(|(name, algorithm, key)| ((*name).into(), (*algorithm, key.to_vec())));
        node.keys = held.collect();
    }
    net.start()
}

#[test]
fn signed_nodes_converge_as_quickly_as_others_and_packets_keep_to_the_mtu() {
    for algorithm in [Algorithm::HmacSha256, Algorithm::Blake2s128] {
        for seed in 0..4 {
            let auth = Auth { mode: AuthMode::Strict, keys: vec![key("k", algorithm, true)] };
            let mut net = net(auth, &[("k", algorithm, KEY)], seed);
            let took = net.time_to(5_000, Net::all_reach_all);
            assert!(took < 2_000, "{took} ms");
            // Full packets: the bench looks at their length.
            let many: Vec<_> =
                (0..120).map(|n| (format!("fd00:77:{n:x}::/64").parse().unwrap(), 0)).collect();
            net.originate(0, &many);
            net.run(20_000);
            let refused = net.nodes.iter().map(|node| node.engine.report(net.now).neighbours.len());
            assert_eq!(refused.collect::<Vec<_>>(), [1, 2, 1]);
        }
    }
}

#[test]
fn a_cold_boot_under_strict_is_challenged_and_back() {
    for seed in 0..20 {
        let mut net = net(auth(AuthMode::Strict), &[("k", Algorithm::Blake2s128, KEY)], seed);
        net.time_to(5_000, Net::all_reach_all);
        net.run(30_000);
        net.tolerate_loops(5_000);
        net.restart(1, router_id(9), SeqNo(0));
        net.time_to(5_000, Net::all_reach_all);
    }
}

#[test]
fn a_key_is_changed_without_a_flag_day_and_without_a_loss() {
    let (old, new) = (Algorithm::HmacSha256, Algorithm::Blake2s128);
    let steps = [
        vec![key("old", old, true)],
        vec![key("old", old, true), key("new", new, false)],
        vec![key("new", new, true), key("old", old, false)],
        vec![key("new", new, true)],
    ];
    let first = Auth { mode: AuthMode::Strict, keys: steps[0].clone() };
    let mut net = net(first, &[("old", old, KEY), ("new", new, OTHER_KEY)], 3);
    net.time_to(5_000, Net::all_reach_all);
    net.run(20_000);
    let changes = |net: &Net| net.nodes.iter().map(|node| node.history.len()).sum::<usize>();
    let before = changes(&net);
    for keys in &steps[1..] {
        for node in 0..3 {
            net.auth.keys.clone_from(keys);
            net.reload(node);
            // One node after the other, as a caretaker goes from roof to roof.
            net.run(25_000);
        }
    }
    assert!(net.all_reach_all());
    assert_eq!(changes(&net), before, "no route was lost or changed");
    let events = net.nodes.iter().flat_map(|node| &node.events);
    assert!(!events.into_iter().any(|event| format!("{event:?}").contains("Lost")));
}

/// Ten thousand forged packets a second for 20 s; the hashes that node 1 computed for them.
fn flood(forge: impl Fn(&Net, u64) -> (Ipv6Addr, Vec<u8>)) -> usize {
    let mut net = net(auth(AuthMode::Strict), &[("k", Algorithm::Blake2s128, KEY)], 5);
    net.time_to(5_000, Net::all_reach_all);
    net.run(20_000);
    let before = net.nodes[1].macs_checked;
    for number in 0..20_000 {
        for _ in 0..10 {
            let (from, bytes) = forge(&net, number);
            net.receive(1, index(0), from, MULTICAST, &bytes);
        }
        net.run(1);
    }
    assert!(net.all_reach_all(), "no neighbour was lost");
    assert_eq!(net.nodes[1].engine.report(net.now).neighbours.len(), 2);
    let events = net.nodes[1].events.iter().filter(|event| format!("{event:?}").contains("Lost"));
    assert_eq!(events.count(), 0);
    net.nodes[1].macs_checked - before
}

#[test]
fn ten_thousand_forged_packets_a_second_lose_no_neighbour() {
    let forged = |from: Ipv6Addr, index: &[u8], counter| {
        let mut writer = PacketWriter::new(1_000, peer(0));
        writer.push(&Tlv::Hello { unicast: false, seqno: SeqNo(7), interval_cs: 400 });
        let mut packet = writer.finish();
        wire::count(&mut packet, index, counter);
        packet.extend_from_slice(&[16, 16]);
        packet.extend_from_slice(&[7; 16]);
        (from, packet)
    };
    let strangers = flood(|_, number| forged(peer(u16::try_from(number).unwrap()), &[1], 1));
    assert!(strangers < 20 * 20 + 64 + 200, "{strangers}");
    // Under the address of a neighbour, without having listened.
    let blind = flood(|_, _| forged(address(0, 0), &[1], 1));
    assert!(blind < 20 * 10 + 16 + 200, "{blind}");
    // Having listened: index and counter fit.
    let listening = flood(|net, number| {
        let (sender, counter) = net.nodes[0].engine.authenticity.sender(index(0)).unwrap();
        forged(address(0, 0), &sender, counter + 1 + u32::try_from(number).unwrap())
    });
    assert!(listening >= 200_000, "{listening}: the right one among them must be looked at");
}
