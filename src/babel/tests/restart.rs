//! A node starts again: what its neighbours and the traffic through it notice.

use super::bench::{Net, prefix_v4, prefix_v6, router_id};
use super::subject::{P, Subject, peer, route};
use crate::babel::SeqNo;
use crate::babel::settings::LinkKind;
use crate::babel::wire::tlv::Tlv;
use crate::base::address::PrefixPair;

const PLAZA: usize = 0;
const ESCUELA: usize = 1;
const CASERIO: usize = 3;
const UPHILL: usize = 4;
/// A triangle with a tail, and the way outside at one of its corners.
const VILLAGE: &[&[usize]] = &[&[0, 1], &[0, 2], &[1, 2], &[2, 3], &[0, 4]];
const DEFAULTS: [PrefixPair; 2] = [PrefixPair::DEFAULT_V4, PrefixPair::DEFAULT_V6];

fn village(seed: u64, kind: LinkKind, links: &[&[usize]]) -> Net {
    let mut net = Net::new(5, links, seed);
    net.kind = kind;
    let mut net = net.start();
    let own = [(prefix_v6(UPHILL), 0), (prefix_v4(UPHILL), 0)];
    net.originate(UPHILL, &[own[0], own[1], (DEFAULTS[0], 0), (DEFAULTS[1], 0)]);
    net.time_to(20_000, |net| net.all_reach_all() && outside(net, CASERIO));
    net.run(60_000);
    net
}

fn outside(net: &Net, from: usize) -> bool {
    DEFAULTS.iter().all(|prefix| net.follow(from, *prefix).is_some())
}

/// Lets time pass; the longest while in which the far hamlet was cut off, in milliseconds.
fn longest_outage(net: &mut Net, millis: u64) -> u64 {
    let (mut longest, mut current) = (0, 0);
    for _ in 0..millis / 10 {
        net.run(10);
        current = if outside(net, CASERIO) && net.reaches(CASERIO, ESCUELA) { 0 } else { current + 10 };
        longest = longest.max(current);
    }
    longest
}

#[test]
fn a_daemon_that_starts_again_loses_no_packet() {
    for kind in [LinkKind::Wired, LinkKind::Wireless] {
        for seed in 0..30 {
            let mut net = village(seed, kind, VILLAGE);
            net.restart_daemon(PLAZA);
            let outage = longest_outage(&mut net, 8_000);
            assert_eq!(outage, 0, "{kind:?}, seed {seed}");
            net.run(52_000);
            // The kernel's own sweep of what nobody confirmed.
            assert!(net.nodes[PLAZA].left.is_empty(), "{:?}", net.nodes[PLAZA].left);
            assert_eq!(longest_outage(&mut net, 10_000), 0, "{kind:?}, seed {seed}");
            assert!(net.all_reach_all());
        }
    }
}

#[test]
fn every_daemon_may_start_again_at_once() {
    for seed in 0..20 {
        let mut net = village(seed, LinkKind::Wired, VILLAGE);
        (0..5).for_each(|node| net.restart_daemon(node));
        assert_eq!(longest_outage(&mut net, 10_000), 0, "seed {seed}");
        net.run(60_000);
        assert!(net.all_reach_all() && outside(&net, CASERIO));
    }
}

#[test]
fn a_restart_in_a_mesh_that_loses_packets_makes_no_circle() {
    for seed in 0..30 {
        let mut net = village(seed, LinkKind::Wireless, VILLAGE);
        (0..VILLAGE.len()).for_each(|link| net.lose(link, 200));
        net.run(30_000);
        for node in [PLAZA, ESCUELA, PLAZA] {
            net.restart_daemon(node);
            net.run(7_000);
        }
        net.time_to(60_000, |net| net.all_reach_all() && outside(net, CASERIO));
    }
}

#[test]
fn a_next_hop_that_died_meanwhile_is_replaced_and_not_by_ourselves() {
    // The school has a longer way outside, so that the clinic knows ways through both.
    let links: &[&[usize]] = &[&[0, 1], &[0, 2], &[1, 2], &[2, 3], &[0, 4], &[1, 4]];
    for seed in 0..30 {
        let mut net = village(seed, LinkKind::Wired, links);
        net.cut(4, true, false);
        net.restart_daemon(PLAZA);
        // Two seconds to hear everybody, then the answer to a request.
        let took = net.time_to(20_000, |net| outside(net, PLAZA) && outside(net, CASERIO));
        assert!(took < 4_000, "seed {seed}: {took} ms");
        net.run(60_000);
        assert!(net.all_reach_all() && outside(&net, CASERIO));
    }
}

#[test]
fn a_cold_boot_that_nobody_noticed_makes_no_circle_that_stands() {
    for seed in 0..30 {
        let mut net = village(seed, LinkKind::Wired, VILLAGE);
        // A new name as at each cold boot; the neighbours still have the ways through the old one.
        net.tolerate_loops(500);
        net.restart(PLAZA, router_id(77), SeqNo(0));
        let took = net.time_to(3_000, |net| net.all_reach_all() && outside(net, CASERIO));
        assert!(took < 2_000, "seed {seed}: {took} ms");
        net.run(60_000);
        assert!(net.all_reach_all() && outside(&net, CASERIO));
    }
}

#[test]
fn a_cold_boot_whose_first_words_are_lost_leaves_no_circle() {
    for seed in 0..30 {
        let mut net = village(seed, LinkKind::Wired, VILLAGE);
        // The way outside is gone, and what is left of it leads through the node that starts.
        net.cut(4, true, false);
        (0..4).for_each(|link| net.lose(link, 1_000));
        net.restart(PLAZA, router_id(77), SeqNo(0));
        net.run(800);
        (0..4).for_each(|link| net.lose(link, 0));
        // It meets its neighbours by their next Hellos, 4 s later at most.
        net.tolerate_loops(5_000);
        net.run(120_000);
    }
}

#[test]
fn a_cold_boot_behind_bad_radios_is_said_until_it_is_acknowledged() {
    for seed in 0..60 {
        let mut net = village(seed, LinkKind::Wireless, VILLAGE);
        net.cut(4, true, false);
        (0..4).for_each(|link| net.lose(link, 400));
        net.restart(PLAZA, router_id(77), SeqNo(0));
        net.tolerate_loops(10_000);
        net.run(120_000);
    }
}

#[test]
fn a_neighbour_whose_hello_never_came_is_not_told_that_it_is_not_heard() {
    let mut subject = Subject::alone(LinkKind::Wired, false);
    // Its answer to our first request came before its Hello.
    subject.hear(1, &[route(P, 1, 0)]);
    subject.pass(10_000);
    let told = subject.sent.iter().any(|(_, tlv)| matches!(tlv, Tlv::Ihu { .. }));
    assert!(!told, "{:?}", subject.sent);
    assert_eq!(subject.engine.report(subject.now).neighbours[0].address, peer(1));
}
