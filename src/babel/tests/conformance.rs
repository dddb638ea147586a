//! What a packet does to one engine: the cases in which other implementations were found to differ from
//! RFC 8966, and those in which they may.

use std::net::Ipv6Addr;

use super::subject::*;
use crate::babel::SeqNo;
use crate::babel::counters::Fault;
use crate::babel::engine::MULTICAST;
use crate::babel::output::{Event, RouteAction};
use crate::babel::settings::LinkKind;
use crate::babel::wire::packet::PacketError;
use crate::babel::wire::tlv::{INFINITY, Tlv, Update};
use crate::babel::wire::write::PacketWriter;
use crate::base::address::InterfaceIndex;

#[test]
fn a_packet_that_is_not_from_a_link_local_address_or_not_for_us_is_unwanted() {
    let mut subject = Subject::new();
    let mut writer = PacketWriter::new(1_000, peer(0));
    writer.push(&Tlv::Hello { unicast: false, seqno: SeqNo(1), interval_cs: 400 });
    let bytes = writer.finish();
    let global = "fd00::1".parse().unwrap();
    subject.take(InterfaceIndex(1), global, MULTICAST, &bytes);
    subject.take(InterfaceIndex(1), ours(), MULTICAST, &bytes);
    subject.take(InterfaceIndex(1), peer(5), "ff02::1".parse().unwrap(), &bytes);
    subject.take(InterfaceIndex(9), peer(5), MULTICAST, &bytes);
    assert_eq!(subject.dropped(None), [(Fault::Unwanted, 3)]);
    assert_eq!(subject.engine.report(subject.now).neighbours.len(), 2);
}

#[test]
fn an_ihu_counts_for_whom_it_names_only() {
    let mut subject = Subject::new();
    let ihu = |address, rxcost| Tlv::Ihu { address, rxcost, interval_cs: 1_200 };
    subject.hear(ONE, &[ihu(Some(peer(TWO).into()), 500)]);
    assert_eq!(subject.engine.report(subject.now).neighbours[0].cost, 96);
    subject.hear(ONE, &[ihu(None, 0)]);
    // RFC 8966 3.5.2 needs a metric that grows: 0 counts as 1.
    assert_eq!(subject.engine.report(subject.now).neighbours[0].cost, 1);
    subject.hear(ONE, &[ihu(Some(ours().into()), INFINITY)]);
    let neighbour = &subject.engine.report(subject.now).neighbours[0];
    assert_eq!(neighbour.cost, INFINITY);
    assert_eq!(neighbour.trouble.as_deref(), Some("it says that it does not hear us"));
}

#[test]
fn a_unicast_hello_counts_on_its_own() {
    let mut subject = Subject::new();
    for seqno in 500..503 {
        subject.hear(ONE, &[Tlv::Hello { unicast: true, seqno: SeqNo(seqno), interval_cs: 60_000 }]);
    }
    let neighbour = &subject.engine.report(subject.now).neighbours[0];
    assert_eq!((neighbour.hello_history, neighbour.unicast_history), (0x8000, 0xe000));
}

#[test]
fn a_newer_seqno_alone_is_no_reason_to_prefer_a_route() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(P, 5, 100)]);
    subject.hear(TWO, &[route(P, 9, 150)]);
    subject.pass(40_000);
    let selected = subject.selected(P).unwrap();
    assert_eq!((selected.refmetric, selected.seqno), (100, SeqNo(5)));
}

#[test]
fn split_horizon_keeps_what_came_from_here_out_of_dumps() {
    // An only neighbour knows its own routes, and none of them is feasible to it when it comes back.
    for (split_horizon, others, told) in [(false, true, true), (true, true, false), (false, false, false)] {
        let mut subject = Subject::alone(LinkKind::Wired, split_horizon);
        subject.meet(ONE);
        if others {
            subject.meet(TWO);
        }
        subject.hear(ONE, &[route(P, 5, 100)]);
        assert_eq!(subject.updates(P).is_empty(), !told, "what is new is not even taken back");
        subject.pass(5_000);
        subject.sent.clear();
        subject.pass(40_000);
        let finite = |tlv: &Tlv| matches!(tlv, Tlv::Update(update) if !update.is_retraction());
        assert_eq!(subject.sent.iter().any(|(_, tlv)| finite(tlv)), told, "{split_horizon} {others}");
    }
}

#[test]
fn a_retraction_needs_no_router_id_and_is_said_three_times() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(P, 5, 100)]);
    subject.pass(5_000);
    subject.hear(ONE, &[retraction(P)]);
    subject.sent.clear();
    subject.pass(3_000);
    let to_all = subject
        .sent
        .iter()
        .filter(|(to, tlv)| *to == MULTICAST && matches!(tlv, Tlv::Update(update) if update.is_retraction()));
    assert_eq!(to_all.count(), 3);
}

#[test]
fn what_we_announce_no_more_is_taken_back() {
    let mut subject = Subject::new();
    subject.originate(&[P]);
    subject.pass(5_000);
    subject.originate(&[]);
    subject.sent.clear();
    subject.pass(3_000);
    let taken_back = |(to, tlv): &&(Ipv6Addr, Tlv)| {
        *to == MULTICAST
            && matches!(tlv, Tlv::Update(update) if update.is_retraction() && update.prefix == Some(prefix(P)))
    };
    assert_eq!(subject.sent.iter().filter(taken_back).count(), 3);
}

#[test]
fn a_retraction_of_everything_takes_all_routes_of_that_neighbour_and_no_other() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(P, 5, 100), route("10.9.0.0/16", 5, 100)]);
    subject.hear(TWO, &[route("10.8.0.0/16", 5, 100)]);
    subject.hear(ONE, &[Tlv::Update(Update::retraction(None, 1_600, SeqNo(0)))]);
    assert_eq!(subject.selected(P), None);
    assert_eq!(subject.selected("10.9.0.0/16"), None);
    assert!(subject.selected("10.8.0.0/16").is_some());
}

#[test]
fn what_we_announced_never_comes_back_as_a_route() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route_of(OURS, P, 500, 1)]);
    assert_eq!(subject.routes_to(P), []);
    subject.originate(&[P]);
    subject.pass(1_000);
    subject.originate(&[]);
    subject.hear(ONE, &[route_of(OURS, P, 500, 1)]);
    assert_eq!(subject.routes_to(P), []);
}

#[test]
fn a_metric_that_reaches_infinity_is_never_installed() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(P, 5, 65_500)]);
    assert_eq!(subject.routes_to(P)[0].metric, INFINITY);
    assert_eq!(subject.routes, []);
}

#[test]
fn the_feasibility_distance_is_set_before_the_update_leaves() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(P, 5, 100)]);
    assert_eq!(subject.engine.feasibility_distance(prefix(P), ORIGIN), None);
    let said = subject.updates(P);
    let distance = subject.engine.feasibility_distance(prefix(P), ORIGIN).unwrap();
    assert_eq!((distance.seqno, distance.metric), (said[0].1.seqno, said[0].1.metric));
}

#[test]
fn ipv4_routes_have_ipv6_next_hops_and_are_announced_in_their_own_encoding() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route("10.9.0.0/16", 5, 100)]);
    let next_hop = peer(ONE).into();
    let install = RouteAction::Install { next_hop, interface: InterfaceIndex(1) };
    assert_eq!(subject.routes, [(prefix("10.9.0.0/16"), install)]);
    let said = subject.updates("10.9.0.0/16");
    assert_eq!(said[0].1.next_hop, Some(ours().into()));
}

#[test]
fn an_ipv4_next_hop_is_taken_as_it_is() {
    let mut subject = Subject::new();
    let Tlv::Update(mut update) = route("10.9.0.0/16", 5, 100) else { unreachable!() };
    update.next_hop = Some("192.0.2.7".parse().unwrap());
    subject.hear(ONE, &[Tlv::Update(update)]);
    let next_hop = "192.0.2.7".parse().unwrap();
    let install = RouteAction::Install { next_hop, interface: InterfaceIndex(1) };
    assert_eq!(subject.routes, [(prefix("10.9.0.0/16"), install)]);
}

#[test]
fn a_refused_route_is_said_again_ever_later() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(P, 5, 100)]);
    let mut waits = Vec::new();
    for _ in 0..9 {
        // Hellos keep the neighbour and updates the route.
        subject.routes.clear();
        subject.engine.handle_route_failed(subject.now, prefix(P));
        let start = subject.now;
        while subject.routes.is_empty() {
            subject.meet(ONE);
            subject.hear(ONE, &[route(P, 5, 100)]);
            subject.pass(500);
        }
        waits.push(subject.now.since(start).as_secs());
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 64, 64]);
}

#[test]
fn malformed_packets_change_nothing_and_are_said_once_in_a_while() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(P, 5, 100)]);
    let mut writer = PacketWriter::new(1_000, peer(0));
    writer.push(&retraction(P));
    let mut bytes = writer.finish();
    let length = bytes.len();
    bytes.push(8);
    bytes[3] += 1;
    for _ in 0..100 {
        subject.hear_bytes(ONE, &bytes);
    }
    assert!(subject.selected(P).is_some());
    let bad = |event: &&Event| matches!(event, Event::BadPacket { .. });
    let said: Vec<&Event> = subject.events.iter().filter(bad).collect();
    let why = format!("the TLV at byte {length} is longer than the body");
    assert_eq!(said, [&Event::BadPacket { interface: InterfaceIndex(1), address: peer(ONE), why }]);
    let truncated = Fault::Packet(PacketError::Truncated(0));
    assert_eq!(subject.dropped(Some(ONE)), [(truncated, 100)], "whoever sent them");
    assert_eq!(subject.dropped(Some(TWO)), []);
    assert_eq!(subject.dropped(None), [(truncated, 100)]);
}

#[test]
fn why_says_for_each_candidate_what_speaks_against_it() {
    let mut subject = Subject::new();
    subject.meet(3);
    subject.hear(ONE, &[route(P, 5, 100)]);
    subject.hear(TWO, &[route(P, 5, 150)]);
    subject.hear(3, &[route(P, 5, 900)]);
    subject.pass(1_000);
    let why = subject.engine.why(subject.now, "fd00:9::77".parse().unwrap(), None);
    assert_eq!(why.prefix, Some(prefix(P)));
    assert_eq!(why.verdict, format!("packets for {P} go to {}", peer(ONE)));
    let reasons: Vec<String> = why.candidates.iter().map(|(_, reason)| reason.to_string()).collect();
    assert_eq!(
        reasons,
        [
            "in use",
            "not used: it costs 246, the one in use 196",
            "not used: it may lead back through this node; a newer sequence number was asked for"
        ]
    );
    // In its first seconds a destination would take it at once.
    subject.pass(5_000);
    subject.hear(TWO, &[route(P, 6, 10)]);
    let why = subject.engine.why(subject.now, "fd00:9::77".parse().unwrap(), None);
    assert_eq!(why.candidates[1].1.to_string(), "better (106 instead of 196), used in 5.0 s if it stays so");
    let nobody = subject.engine.why(subject.now, "192.0.2.1".parse().unwrap(), None);
    assert_eq!((nobody.prefix, nobody.candidates.len()), (None, 0));
}

#[test]
fn the_longest_prefix_decides() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route("::/0", 5, 100), route("fd00::/16", 5, 100)]);
    subject.originate(&["fd00:1::/32"]);
    for (address, longest) in
        [("2001:db8::1", "::/0"), ("fd00:2::1", "fd00::/16"), ("fd00:1::1", "fd00:1::/32")]
    {
        let why = subject.engine.why(subject.now, address.parse().unwrap(), None);
        assert_eq!(why.prefix, Some(prefix(longest)));
    }
}
