//! Networks find their ways, lose them, and find others.

use super::bench::{Net, address, interface_settings, prefix_v4, prefix_v6, router_id, status};
use crate::babel::SeqNo;
use crate::babel::output::{Event, RouteAction};
use crate::babel::settings::{LinkKind, Settings};
use crate::base::address::PrefixPair;
use crate::base::time::Span;

const LINE: &[&[usize]] = &[&[0, 1], &[1, 2]];
const RING: &[&[usize]] = &[&[0, 1], &[1, 2], &[2, 3], &[3, 0]];

#[test]
fn two_nodes_converge_in_well_under_two_seconds() {
    for kind in [LinkKind::Wired, LinkKind::Wireless] {
        for seed in 0..50 {
            let mut net = Net::new(2, &[&[0, 1]], seed);
            net.kind = kind;
            let mut net = net.start();
            let took = net.time_to(2_000, Net::all_reach_all);
            assert!(took < 800, "{kind:?}, seed {seed}: {took} ms");
        }
    }
}

#[test]
fn a_node_that_starts_late_is_found_as_fast() {
    for seed in 0..20 {
        let mut net = Net::new(3, LINE, seed);
        net.start_node(0);
        net.start_node(1);
        net.run(20_000);
        net.start_node(2);
        let took = net.time_to(2_000, Net::all_reach_all);
        assert!(took < 1_200, "seed {seed}: {took} ms");
    }
}

#[test]
fn a_line_of_eight_converges_within_four_seconds() {
    let links: Vec<[usize; 2]> = (0..7).map(|node| [node, node + 1]).collect();
    let links: Vec<&[usize]> = links.iter().map(|link| &link[..]).collect();
    for seed in 0..5 {
        Net::new(8, &links, seed).start().time_to(4_000, Net::all_reach_all);
    }
}

#[test]
fn a_crowd_on_one_radio_converges_although_a_third_is_lost() {
    for seed in 0..5 {
        let everybody: Vec<usize> = (0..10).collect();
        let mut net = Net::new(10, &[&everybody], seed);
        net.kind = LinkKind::Wireless;
        net.lose(0, 333);
        net.start().time_to(40_000, Net::all_reach_all);
    }
}

#[test]
fn a_ring_uses_the_other_way_at_once_when_the_carrier_goes() {
    for seed in 0..20 {
        let mut net = Net::new(4, RING, seed).start();
        net.time_to(5_000, Net::all_reach_all);
        net.run(60_000);
        net.cut(0, true, true);
        let took = net.time_to(3_000, Net::all_reach_all);
        assert!(took < 1_500, "seed {seed}: {took} ms");
        assert_eq!(net.follow(0, prefix_v6(1)), Some(vec![0, 3, 2, 1]));
        net.run(30_000);
        net.cut(0, false, true);
        net.time_to(10_000, |net| net.follow(0, prefix_v6(1)) == Some(vec![0, 1]));
    }
}

#[test]
fn a_silent_cut_is_noticed_by_missing_hellos() {
    for seed in 0..10 {
        let mut net = Net::new(4, RING, seed).start();
        net.run(60_000);
        net.cut(2, true, false);
        // Two Hellos must be missing: 1.5 intervals for the first, one for the second, and jitter before.
        net.time_to(13_000, |net| {
            net.all_reach_all() && net.follow(2, prefix_v6(3)) == Some(vec![2, 1, 0, 3])
        });
    }
}

#[test]
fn random_cuts_and_losses_never_make_a_loop_and_heal() {
    let links: &[&[usize]] = &[&[0, 1], &[1, 2], &[2, 3], &[3, 0], &[1, 3, 4], &[4, 5], &[5, 0]];
    for seed in 0..12 {
        let mut net = Net::new(6, links, seed);
        net.kind = if seed % 2 == 0 { LinkKind::Wired } else { LinkKind::Wireless };
        net.split_horizon = seed % 3 == 0;
        (0..links.len()).for_each(|link| net.lose(link, 100));
        let mut net = net.start();
        let mut chance = crate::base::random::Random::new(seed);
        for _ in 0..20 {
            let link = usize::try_from(chance.below(links.len() as u64)).unwrap();
            net.cut(link, chance.below(2) == 0, chance.below(2) == 0);
            net.run(chance.below(15_000));
        }
        for link in 0..links.len() {
            net.cut(link, false, true);
            net.lose(link, 0);
        }
        net.time_to(60_000, Net::all_reach_all);
    }
}

#[test]
fn what_is_lost_is_refused_for_a_while_and_then_forgotten() {
    let mut net = Net::new(3, LINE, 1).start();
    net.run(60_000);
    net.originate(2, &[(prefix_v6(2), 0)]);
    net.time_to(1_000, |net| net.nodes[0].kernel.get(&prefix_v4(2)) == Some(&RouteAction::Unreachable));
    let took = net.time_to(70_000, |net| !net.nodes[0].kernel.contains_key(&prefix_v4(2)));
    assert!((58_000..62_000).contains(&took), "{took}");
    assert!(net.reaches(0, 1));
    assert!(net.follow(0, prefix_v6(2)).is_some());
}

#[test]
fn what_never_was_usable_is_never_refused() {
    for seed in 0..20 {
        let mut net = Net::new(3, LINE, seed).start();
        net.run(30_000);
        for node in &net.nodes {
            let refused =
                |(_, _, action): &&(_, PrefixPair, _)| !matches!(action, RouteAction::Install { .. });
            assert_eq!(node.history.iter().find(refused), None);
        }
    }
}

#[test]
fn a_restart_with_a_new_router_id_is_back_at_once() {
    for seed in 0..10 {
        let mut net = Net::new(3, LINE, seed).start();
        net.run(120_000);
        net.restart(2, router_id(77), SeqNo(0));
        net.run(10);
        let took = net.time_to(5_000, |net| net.all_reach_all() && announced_by(net, 77));
        assert!(took < 2_000, "seed {seed}: {took} ms");
    }
}

#[test]
fn a_restart_that_kept_its_seqno_is_back_at_once() {
    let mut net = Net::new(3, LINE, 3).start();
    net.run(120_000);
    net.cut(1, true, true);
    net.run(30_000);
    net.cut(1, false, false);
    net.restart(2, router_id(2), SeqNo(101));
    net.cut(1, false, true);
    let took = net.time_to(5_000, Net::all_reach_all);
    assert!(took < 2_000, "{took} ms");
}

#[test]
fn a_restart_that_lost_its_seqno_is_back_when_the_sources_are_forgotten() {
    for seed in 0..5 {
        let mut net = Net::new(3, LINE, seed).start();
        net.run(120_000);
        net.cut(1, true, true);
        net.run(5_000);
        net.cut(1, false, false);
        net.restart(2, router_id(2), SeqNo(3));
        net.cut(1, false, true);
        net.time_to(200_000, Net::all_reach_all);
    }
}

#[test]
fn a_small_gap_of_the_seqno_is_closed_by_requests() {
    let mut net = Net::new(3, LINE, 5).start();
    net.run(60_000);
    net.cut(1, true, true);
    net.run(5_000);
    net.cut(1, false, false);
    net.restart(2, router_id(2), SeqNo(99));
    net.cut(1, false, true);
    let took = net.time_to(20_000, Net::all_reach_all);
    assert!(net.nodes[2].engine.seqno().is_newer_than(SeqNo(99)), "after {took} ms");
}

#[test]
fn a_route_that_gets_dearer_at_its_origin_asks_for_a_seqno_and_goes_on() {
    let mut net = Net::new(3, LINE, 8).start();
    net.run(30_000);
    let before = net.nodes[2].engine.seqno();
    net.originate(2, &[(prefix_v6(2), 1_000), (prefix_v4(2), 0)]);
    net.run(3_000);
    assert_eq!(net.nodes[2].engine.seqno(), before.next());
    let report = net.nodes[0].engine.report(net.now);
    let route = report.routes.iter().find(|route| route.prefix == prefix_v6(2)).unwrap();
    assert_eq!((route.metric, route.selected), (1_192, true));
    let node = &net.nodes[0];
    let lost = node.history.iter().any(|(_, _, action)| !matches!(action, RouteAction::Install { .. }));
    assert!(!lost, "it was usable all the time");
}

#[test]
fn the_cheaper_way_is_used_within_a_bound_although_nothing_changes() {
    for seed in 0..20 {
        // 0 reaches 3 over 1-2, until the direct link appears.
        let mut net = Net::new(4, &[&[0, 1], &[1, 2], &[2, 3], &[0, 3]], seed);
        net.cut(3, true, false);
        let mut net = net.start();
        net.time_to(5_000, Net::all_reach_all);
        net.run(60_000);
        net.cut(3, false, true);
        let took = net.time_to(8_000, |net| net.follow(0, prefix_v6(3)) == Some(vec![0, 3]));
        assert!(took > 4_000, "not at once: {took} ms");
    }
}

#[test]
fn no_route_is_lost_in_an_hour_with_some_loss() {
    let mut net = Net::new(3, LINE, 4);
    net.kind = LinkKind::Wireless;
    net.lose(0, 150);
    net.lose(1, 150);
    let mut net = net.start();
    net.time_to(20_000, Net::all_reach_all);
    net.run(3_600_000);
    for node in &net.nodes {
        let lost = node.history.iter().filter(|(_, _, action)| *action == RouteAction::Unreachable);
        let lost: Vec<_> = lost.collect();
        assert!(lost.is_empty(), "{lost:?}");
    }
}

#[test]
fn an_idle_pair_is_quiet() {
    let mut net = Net::new(2, &[&[0, 1]], 6).start();
    net.run(10_000);
    let before = net.nodes[0].packets_sent;
    net.run(64_000);
    let sent = net.nodes[0].packets_sent - before;
    // 64 s are 15 or 16 Hellos; IHUs and updates are in the same packets.
    assert!(sent <= 16, "{sent} packets in 64 s");
}

#[test]
fn the_same_status_and_settings_again_change_nothing() {
    let mut net = Net::new(2, &[&[0, 1]], 6).start();
    net.run(10_000);
    let (before, now) = (net.nodes[0].engine.clone(), net.now);
    let engine = &mut net.nodes[0].engine;
    engine.handle_interface(now, status(0, 0, true));
    engine.handle_settings(
        now,
        Settings { interfaces: vec![interface_settings(0, LinkKind::Wired, false)], ..Settings::default() },
    );
    engine.handle_originated(now, &[(prefix_v6(0), 0), (prefix_v4(0), 0)].into_iter().collect());
    assert_eq!(*engine, before);
}

#[test]
fn a_new_hello_interval_is_said_before_it_counts_and_keeps_the_neighbour() {
    let mut net = Net::new(2, &[&[0, 1]], 6).start();
    net.run(30_000);
    let mut settings = interface_settings(0, LinkKind::Wired, false);
    settings.hello_interval = Span::from_secs(60);
    settings.update_interval = Span::from_secs(240);
    net.settings(0, Settings { interfaces: vec![settings], ..Settings::default() });
    assert_eq!(net.nodes[0].engine.next_wake(), Some(net.now), "a Hello leaves at once");
    net.run(600_000);
    let lost = |event: &Event| matches!(event, Event::NeighbourLost { .. });
    assert!(!net.nodes.iter().any(|node| node.events.iter().any(lost)));
    assert!(net.all_reach_all());
}

#[test]
fn an_interface_that_leaves_the_settings_says_goodbye() {
    let mut net = Net::new(2, &[&[0, 1]], 6).start();
    net.run(10_000);
    net.settings(0, Settings::default());
    net.time_to(500, |net| net.nodes[1].kernel.get(&prefix_v6(0)) == Some(&RouteAction::Unreachable));
    assert_eq!(net.nodes[0].engine.report(net.now).neighbours, []);
}

#[test]
fn an_interface_that_flaps_is_back_each_time() {
    let mut net = Net::new(2, &[&[0, 1]], 6).start();
    for _ in 0..10 {
        net.time_to(2_000, Net::all_reach_all);
        net.cut(0, true, true);
        net.run(50);
        net.cut(0, false, true);
        net.run(10);
    }
    let lost = net.nodes[0].events.iter().filter(|event| matches!(event, Event::NeighbourLost { .. }));
    assert_eq!(lost.count(), 10);
}

#[test]
fn an_interface_that_is_gone_takes_its_routes_with_it() {
    let mut net = Net::new(2, &[&[0, 1]], 6).start();
    net.run(10_000);
    let now = net.now;
    net.nodes[0].engine.handle_interface_gone(now, status(0, 0, true).index);
    net.run(60_000);
    assert!(net.nodes[0].kernel.is_empty());
    net.nodes[0].engine.handle_interface(net.now, status(0, 0, true));
    net.time_to(2_000, Net::all_reach_all);
}

#[test]
fn a_new_link_local_address_is_a_new_neighbour_for_the_peer() {
    let mut net = Net::new(2, &[&[0, 1]], 6).start();
    net.run(10_000);
    let now = net.now;
    let mut renamed = status(0, 0, true);
    renamed.link_local = Some(address(9, 0));
    net.nodes[0].engine.handle_interface(now, renamed);
    assert_eq!(net.nodes[0].engine.report(now).neighbours.len(), 1, "ours stays");
}

#[test]
fn what_we_announce_ourselves_is_not_reached_through_others() {
    let shared: PrefixPair = "::/0".parse().unwrap();
    let mut net = Net::new(2, &[&[0, 1]], 6).start();
    net.originate(1, &[(shared, 0), (prefix_v6(1), 0), (prefix_v4(1), 0)]);
    net.run(2_000);
    assert!(matches!(net.nodes[0].kernel.get(&shared), Some(RouteAction::Install { .. })));
    net.originate(0, &[(shared, 0), (prefix_v6(0), 0), (prefix_v4(0), 0)]);
    assert_eq!(net.nodes[0].kernel.get(&shared), None);
    net.run(2_000);
    assert_eq!(net.nodes[0].kernel.get(&shared), None);
    assert_eq!(net.nodes[1].kernel.get(&shared), None);
    net.originate(0, &[(prefix_v6(0), 0), (prefix_v4(0), 0)]);
    assert!(matches!(net.nodes[0].kernel.get(&shared), Some(RouteAction::Install { .. })));
}

fn announced_by(net: &Net, name: usize) -> bool {
    let report = net.nodes[0].engine.report(net.now);
    report.routes.iter().any(|route| route.selected && route.router_id == router_id(name))
}
