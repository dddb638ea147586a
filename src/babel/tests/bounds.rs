//! What comes from outside is bounded: tables that are full say so and go on, and no octets whatever
//! make the engine panic, spin or believe.

use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::subject::{ORIGIN, Subject, peer, prefix, route};
use crate::babel::output::{Event, Output};
use crate::babel::wire::packet::parse;
use crate::babel::wire::tlv::{SeqnoRequest, Tlv, Update};
use crate::babel::{InterfaceStatus, SeqNo};
use crate::base::address::{InterfaceIndex, Prefix, PrefixPair};
use crate::base::limit::{
    BABEL_INTERFACES, BABEL_NEIGHBOURS, BABEL_ORIGINATED, BABEL_OUTBOX_TLVS, BABEL_PENDING_REQUESTS,
    BABEL_ROUTES, BABEL_ROUTES_PER_NEIGHBOUR, BABEL_SEND_QUEUE,
};

fn host(number: usize) -> PrefixPair {
    Prefix::host(Ipv4Addr::from(0x0a00_0000 + u32::try_from(number).unwrap()).into()).into()
}

fn host_route(number: usize, seqno: u16, metric: u16) -> Tlv {
    let Tlv::Update(update) = route("::/0", seqno, metric) else { unreachable!() };
    Tlv::Update(Update { prefix: Some(host(number)), ..update })
}

fn full(subject: &Subject, name: &str) -> usize {
    let said = |event: &&Event| matches!(event, Event::TableFull { table } if table == name);
    subject.events.iter().filter(said).count()
}

/// Gives the subject `count` routes, from neighbour 1 as many as it may have, the others from 2.
fn fill(subject: &mut Subject, count: usize, seqno: u16, metric: u16) {
    for first in (0..count).step_by(1_000) {
        let numbers = first..count.min(first + 1_000);
        let tlvs: Vec<Tlv> = numbers.map(|number| host_route(number, seqno, metric)).collect();
        subject.hear(if first < BABEL_ROUTES_PER_NEIGHBOUR { 1 } else { 2 }, &tlvs);
    }
}

#[test]
fn a_full_route_table_turns_routes_away_until_there_is_room() {
    let mut subject = Subject::new();
    fill(&mut subject, BABEL_ROUTES + 5, 1, 100);
    let known = |subject: &Subject| subject.engine.report(subject.now).routes.len();
    assert_eq!((known(&subject), full(&subject, "routes")), (BABEL_ROUTES, 1));
    subject.pass(120_000);
    assert_eq!(known(&subject), 0, "all have expired");
    fill(&mut subject, 5, 1, 100);
    assert_eq!(known(&subject), 5);
    fill(&mut subject, BABEL_ROUTES + 5, 1, 100);
    assert_eq!(full(&subject, "routes"), 2);
}

#[test]
fn one_neighbour_cannot_fill_the_table_for_the_others() {
    let mut subject = Subject::new();
    let share = BABEL_ROUTES_PER_NEIGHBOUR;
    for first in (0..share + 2_000).step_by(1_000) {
        let tlvs: Vec<Tlv> = (first..first + 1_000).map(|number| host_route(number, 1, 100)).collect();
        subject.hear(1, &tlvs);
    }
    let known = |subject: &Subject| subject.engine.report(subject.now).routes.len();
    assert_eq!((known(&subject), full(&subject, "routes of one neighbour")), (share, 1));
    subject.hear(2, &[host_route(1, 1, 100), host_route(share + 7, 1, 100)]);
    assert_eq!(known(&subject), share + 2);
    // What it takes back, and what is then forgotten, makes room again.
    subject.pass(120_000);
    subject.hear(1, &[host_route(share + 8, 1, 100)]);
    assert_eq!(known(&subject), 1);
}

#[test]
fn a_full_neighbour_table_turns_neighbours_away() {
    let mut subject = Subject::new();
    for number in 0..u16::try_from(BABEL_NEIGHBOURS).unwrap() + 10 {
        subject.hear(100 + number, &[Tlv::Hello { unicast: false, seqno: SeqNo(1), interval_cs: 400 }]);
    }
    assert_eq!(subject.engine.report(subject.now).neighbours.len(), BABEL_NEIGHBOURS);
    assert_eq!(full(&subject, "neighbours"), 1);
    // The strangers said Hello once and no more.
    subject.pass(120_000);
    subject.hear(999, &[Tlv::Hello { unicast: false, seqno: SeqNo(1), interval_cs: 400 }]);
    let report = subject.engine.report(subject.now);
    assert!(report.neighbours.iter().any(|neighbour| neighbour.address == peer(999)));
}

#[test]
fn too_many_seqno_requests_are_not_passed_on() {
    let mut subject = Subject::new();
    let count = BABEL_PENDING_REQUESTS + 10;
    fill(&mut subject, count, 1, 100);
    let request =
        |number| SeqnoRequest { prefix: host(number), router_id: ORIGIN, seqno: SeqNo(2), hop_count: 9 };
    let tlvs: Vec<Tlv> = (0..count).map(|number| Tlv::SeqnoRequest(request(number))).collect();
    subject.hear(2, &tlvs);
    assert_eq!(full(&subject, "pending requests"), 1);
    assert_eq!(full(&subject, "waiting TLVs"), 1);
}

#[test]
fn too_many_questions_at_once_are_not_all_answered() {
    let mut subject = Subject::new();
    let tlvs: Vec<Tlv> =
        (0..BABEL_OUTBOX_TLVS + 9).map(|number| Tlv::RouteRequest(Some(host(number)))).collect();
    subject.hear(1, &tlvs);
    assert_eq!(full(&subject, "waiting TLVs"), 1);
    subject.sent.clear();
    subject.pass(300);
    let answers = subject.sent.iter().filter(|(_, tlv)| matches!(tlv, Tlv::Update(_)));
    assert_eq!(answers.count(), BABEL_OUTBOX_TLVS);
}

#[test]
fn too_many_prefixes_of_our_own_are_cut_off_and_said() {
    let mut subject = Subject::new();
    let all = (0..BABEL_ORIGINATED + 1).map(|number| (host(number), 0)).collect();
    subject.engine.handle_originated(subject.now, &all);
    subject.drain();
    assert_eq!(full(&subject, "announced prefixes"), 1);
    assert_eq!(subject.engine.report(subject.now).originated.len(), BABEL_ORIGINATED);
}

#[test]
fn too_many_interfaces_are_not_watched() {
    let mut subject = Subject::new();
    for index in 0..u32::try_from(BABEL_INTERFACES).unwrap() {
        let status = InterfaceStatus {
            index: InterfaceIndex(index + 100),
            name: format!("x{index}"),
            up: true,
            link_local: None,
            mtu: 1_500,
            ipv4: None,
        };
        subject.engine.handle_interface(subject.now, status);
    }
    subject.drain();
    assert_eq!(full(&subject, "interfaces"), 1);
}

#[test]
fn packets_that_nobody_takes_are_dropped_from_the_oldest() {
    let mut subject = Subject::new();
    fill(&mut subject, 10_000, 1, 100);
    for _ in 0..1_000 {
        let Some(wake) = subject.engine.next_wake() else { break };
        subject.engine.handle_wake(wake);
    }
    let mut waiting = 0;
    while let Some(output) = subject.engine.poll() {
        waiting += usize::from(matches!(output, Output::Send { .. }));
    }
    assert!(waiting <= BABEL_SEND_QUEUE, "{waiting}");
    assert!(subject.engine.traffic().next().unwrap().packets_unsent > 0);
}

#[test]
fn ten_thousand_routes_are_dumped_in_paced_full_packets() {
    let mut subject = Subject::new();
    fill(&mut subject, 10_000, 1, 100);
    subject.pass(5_000);
    let before = subject.engine.traffic().next().unwrap().sent.unwrap();
    subject.sent.clear();
    subject.pass(16_000);
    let after = subject.engine.traffic().next().unwrap().sent.unwrap();
    let (packets, tlvs) = (after.0 - before.0, after.1 - before.1);
    assert!(tlvs >= 10_000, "{tlvs}");
    // An update of a host route takes 13 octets, or a few more: about 100 fit a packet.
    assert!(packets * 90 < tlvs + 2_000, "{tlvs} TLVs in {packets} packets");
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    // Random octets rarely frame a TLV: half of them are given a frame.
    let tlv = (0u8..=20, proptest::collection::vec(any::<u8>(), 0..30)).prop_map(|(kind, body)| {
        let mut tlv = vec![kind, u8::try_from(body.len()).unwrap()];
        tlv.extend(body);
        tlv
    });
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..120),
        proptest::collection::vec(tlv, 0..12).prop_map(|tlvs| tlvs.concat()),
    ]
}

proptest! {
    #[test]
    fn no_octets_make_it_panic_or_spin(bodies in proptest::collection::vec((any_body(), 0u64..5_000), 1..8)) {
        let mut subject = Subject::new();
        subject.hear(1, &[route("fd00:9::/64", 5, 100)]);
        for (body, wait) in bodies {
            let mut bytes = vec![42, 2];
            bytes.extend_from_slice(&u16::try_from(body.len()).unwrap().to_be_bytes());
            bytes.extend_from_slice(&body);
            subject.hear_bytes(1, &bytes);
            subject.pass(wait);
            let said = subject.engine.report(subject.now);
            prop_assert!(said.routes.iter().all(|route| !route.selected || route.feasible && route.metric < 0xffff));
        }
    }

    #[test]
    fn what_is_malformed_changes_no_route(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut subject = Subject::new();
        subject.hear(1, &[route("fd00:9::/64", 5, 100)]);
        let before = subject.engine.report(subject.now);
        let source: Ipv6Addr = peer(1);
        if parse(&bytes, source).map_or(true, |packet| packet.tlvs.is_empty()) {
            subject.hear_bytes(1, &bytes);
            let after = subject.engine.report(subject.now);
            prop_assert_eq!((before.routes, before.neighbours), (after.routes, after.neighbours));
        }
    }
}

#[test]
fn a_full_source_table_announces_nothing_that_it_could_not_remember() {
    let mut subject = Subject::new();
    // Twice as many routes as the table holds, one half after the other, from changing origins.
    fill(&mut subject, BABEL_ROUTES, 1, 100);
    subject.pass(3_000);
    for number in [1, 2] {
        subject.hear(number, &[Tlv::Update(Update::retraction(None, 1, SeqNo(1)))]);
    }
    subject.pass(60_000);
    for first in (BABEL_ROUTES..BABEL_ROUTES + 5_000).step_by(1_000) {
        let tlvs: Vec<Tlv> = (first..first + 1_000).map(|number| host_route(number, 1, 100)).collect();
        subject.hear(1, &tlvs);
    }
    subject.sent.clear();
    subject.pass(3_000);
    assert_eq!(full(&subject, "sources"), 1);
    let last = host(BABEL_ROUTES + 4_999);
    let said = |tlv: &Tlv| matches!(tlv, Tlv::Update(update) if update.prefix == Some(last) && !update.is_retraction());
    assert!(!subject.sent.iter().any(|(_, tlv)| said(tlv)));
    assert_eq!(prefix("10.0.0.0/32"), host(0));
}
