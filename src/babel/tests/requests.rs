//! Who asks whom for what, and what is answered (RFC 8966 3.3 and 3.8).

use super::subject::*;
use crate::babel::SeqNo;
use crate::babel::engine::MULTICAST;
use crate::babel::output::RouteAction;
use crate::babel::settings::LinkKind;
use crate::babel::source::FeasibilityDistance;
use crate::babel::wire::tlv::{INFINITY, Tlv};
use crate::base::address::InterfaceIndex;

#[test]
fn an_ack_request_is_answered_in_time_and_to_its_sender_alone() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[Tlv::AckRequest { opaque: 77, interval_cs: 2 }]);
    subject.pass(20);
    assert_eq!(subject.sent, [(peer(ONE), Tlv::Ack { opaque: 77 })]);
}

#[test]
fn an_unfeasible_update_of_the_same_origin_leaves_the_route_in_use_and_asks() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(P, 5, 100)]);
    subject.pass(1_000);
    subject.hear(ONE, &[route(P, 5, 900)]);
    assert_eq!(subject.selected(P).unwrap().refmetric, 100);
    assert_eq!(subject.seqno_requests(), [(peer(ONE), wants(ORIGIN, P, 6, 64))]);
    subject.hear(ONE, &[route(P, 6, 900)]);
    assert_eq!(subject.selected(P).unwrap().refmetric, 900);
}

#[test]
fn an_unfeasible_update_of_another_origin_ends_the_route_at_once() {
    let mut subject = Subject::new();
    subject.hear(TWO, &[route_of(OTHER, P, 5, 10)]);
    subject.pass(1_000);
    subject.hear(TWO, &[retraction(P)]);
    subject.hear(ONE, &[route(P, 5, 10)]);
    subject.pass(1_000);
    assert!(subject.selected(P).is_some());
    // What we announced of that origin was better than this.
    subject.hear(ONE, &[route_of(OTHER, P, 5, 500)]);
    assert_eq!(subject.selected(P), None);
    assert_eq!(subject.routes.last(), Some(&(prefix(P), RouteAction::Unreachable)));
    assert!(subject.updates(P).iter().any(|(to, update)| *to == MULTICAST && update.is_retraction()));
}

#[test]
fn losing_all_feasible_routes_asks_everybody_for_a_newer_seqno_and_asks_again() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(P, 5, 100)]);
    subject.hear(TWO, &[route(P, 5, 400)]);
    subject.pass(1_000);
    assert!(!subject.routes_to(P)[1].feasible);
    subject.hear(ONE, &[retraction(P)]);
    let asked = subject.seqno_requests();
    assert_eq!(asked.iter().filter(|(to, _)| *to == MULTICAST).count(), 1);
    assert!(asked.iter().all(|(_, request)| *request == wants(ORIGIN, P, 6, 64)));
    // 2, 4 and 8 seconds later it is said again, and then no more.
    subject.sent.clear();
    subject.pass(30_000);
    let again = subject.sent.iter().filter(|(_, tlv)| *tlv == Tlv::SeqnoRequest(wants(ORIGIN, P, 6, 64)));
    assert_eq!(again.count(), 3);
    subject.hear(TWO, &[route(P, 6, 400)]);
    assert_eq!(subject.selected(P).unwrap().refmetric, 400);
}

#[test]
fn what_is_promised_and_what_is_asked_for_can_be_looked_at() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(P, 5, 100)]);
    subject.hear(TWO, &[route(P, 5, 400)]);
    subject.pass(1_000);
    let (total, sources) = subject.engine.source_reports(subject.now);
    let sources: Vec<_> = sources.collect();
    assert_eq!((total, sources.len()), (1, 1));
    let distance = FeasibilityDistance { seqno: SeqNo(5), metric: 196 };
    assert_eq!((sources[0].prefix, sources[0].router_id, sources[0].distance), (prefix(P), ORIGIN, distance));
    assert!((170..=180).contains(&sources[0].left.as_secs()), "{:?}", sources[0]);
    assert_eq!(subject.engine.request_reports(subject.now).0, 0);

    subject.hear(ONE, &[retraction(P)]);
    let (total, requests) = subject.engine.request_reports(subject.now);
    let requests: Vec<_> = requests.collect();
    assert_eq!((total, requests.len()), (1, 1));
    let request = requests[0];
    assert_eq!((request.prefix, request.router_id, request.seqno), (prefix(P), ORIGIN, SeqNo(6)));
    assert_eq!((request.to, request.forwarded, request.times), (None, false, 3));
    assert_eq!((request.hop_count, request.left.as_millis()), (64, 2_000));
    // What a neighbour wants is asked of one other, for it.
    subject.hear(ONE, &[Tlv::SeqnoRequest(wants(ORIGIN, P, 9, 5))]);
    let request = subject.engine.request_reports(subject.now).1.next().unwrap();
    assert_eq!((request.seqno, request.forwarded), (SeqNo(9), true));
    assert_eq!(request.to, Some((peer(TWO), InterfaceIndex(1))));
    subject.hear(TWO, &[route(P, 9, 400)]);
    assert_eq!(subject.engine.request_reports(subject.now).0, 0, "it was answered");
}

#[test]
fn losing_the_only_offer_asks_everybody_too() {
    // RFC 8966 3.8.2.1: who knows another way may have kept it from us, because it went through us.
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(P, 5, 100)]);
    subject.pass(1_000);
    subject.hear(ONE, &[retraction(P)]);
    assert!(subject.seqno_requests().contains(&(MULTICAST, wants(ORIGIN, P, 6, 64))));
}

#[test]
fn a_seqno_request_that_the_route_in_use_satisfies_is_answered_with_it() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(P, 5, 100)]);
    subject.pass(1_000);
    for request in [wants(ORIGIN, P, 5, 1), wants(ORIGIN, P, 0xfff0, 1), wants(OTHER, P, 99, 1)] {
        subject.hear(TWO, &[Tlv::SeqnoRequest(request)]);
        let answers = subject.updates(P);
        assert_eq!(answers.len(), 1);
        assert_eq!((answers[0].0, answers[0].1.metric, answers[0].1.seqno), (peer(TWO), 196, SeqNo(5)));
    }
}

#[test]
fn a_request_for_our_own_seqno_adds_exactly_one_however_large_the_gap() {
    for wanted in [11, 12, 200, 30_000] {
        let mut subject = Subject::new();
        subject.originate(&[P]);
        subject.pass(2_000);
        subject.hear(ONE, &[Tlv::SeqnoRequest(wants(OURS, P, wanted, 1))]);
        assert_eq!(subject.engine.seqno(), SeqNo(11));
        let said = subject.updates(P);
        assert!(said.iter().any(|(to, update)| *to == MULTICAST && update.seqno == SeqNo(11)), "{wanted}");
    }
    let mut subject = Subject::new();
    subject.originate(&[P]);
    subject.hear(ONE, &[Tlv::SeqnoRequest(wants(OURS, P, 10, 1))]);
    assert_eq!(subject.engine.seqno(), SeqNo(10), "it is satisfied already");
    subject.hear(ONE, &[Tlv::SeqnoRequest(wants(OURS, "fd00:77::/64", 99, 9))]);
    assert_eq!(subject.engine.seqno(), SeqNo(10), "we do not announce that");
}

#[test]
fn a_seqno_request_is_passed_on_to_one_feasible_neighbour_but_not_back() {
    let mut subject = Subject::new();
    subject.meet(3);
    subject.hear(ONE, &[route(P, 5, 100)]);
    subject.hear(TWO, &[route(P, 5, 120)]);
    subject.hear(3, &[route(P, 5, 900)]);
    subject.pass(1_000);
    let ask = |subject: &mut Subject, from, seqno, hop_count| {
        subject.hear(from, &[Tlv::SeqnoRequest(wants(ORIGIN, P, seqno, hop_count))]);
        subject.seqno_requests()
    };
    assert_eq!(ask(&mut subject, 3, 6, 9), [(peer(ONE), wants(ORIGIN, P, 6, 8))]);
    assert_eq!(ask(&mut subject, TWO, 6, 9), [], "the same again within a second");
    assert_eq!(ask(&mut subject, ONE, 7, 9), [(peer(TWO), wants(ORIGIN, P, 7, 8))], "more is asked for");
    assert_eq!(ask(&mut subject, 3, 8, 1), [], "it has come far enough");
    assert_eq!(ask(&mut subject, 3, 500, 2), [(peer(ONE), wants(ORIGIN, P, 500, 1))], "a large gap is fine");
    assert_eq!(ask(&mut subject, 3, 500, 0).len(), 0);
}

#[test]
fn the_answer_to_a_request_that_was_passed_on_is_passed_on_at_once() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(P, 5, 100)]);
    subject.pass(1_000);
    subject.hear(TWO, &[Tlv::SeqnoRequest(wants(ORIGIN, P, 6, 9))]);
    assert_eq!(subject.seqno_requests().len(), 1);
    // The same metric: without the request this would wait for the next dump.
    subject.hear(ONE, &[route(P, 6, 100)]);
    let said = subject.updates(P);
    assert!(said.iter().any(|(to, update)| *to == MULTICAST && update.seqno == SeqNo(6)), "{said:?}");
}

#[test]
fn a_request_for_one_prefix_always_has_an_answer() {
    for split_horizon in [false, true] {
        let mut subject = Subject::alone(LinkKind::Wired, split_horizon);
        subject.meet(ONE);
        subject.hear(ONE, &[route(P, 5, 100)]);
        subject.pass(2_000);
        subject.hear(ONE, &[Tlv::RouteRequest(Some(prefix(P)))]);
        let answer = subject.updates(P);
        assert_eq!((answer.len(), answer[0].0, answer[0].1.metric), (1, peer(ONE), 196), "{split_horizon}");
        subject.hear(ONE, &[Tlv::RouteRequest(Some(prefix("10.99.0.0/16")))]);
        let answer = subject.updates("10.99.0.0/16");
        assert_eq!((answer.len(), answer[0].1.is_retraction()), (1, true));
    }
}

#[test]
fn a_request_for_everything_is_answered_once_a_second_at_most() {
    let mut subject = Subject::new();
    subject.originate(&[P]);
    subject.pass(5_000);
    let mut dumps = 0;
    for _ in 0..20 {
        subject.hear(ONE, &[Tlv::RouteRequest(None)]);
        dumps += subject.updates(P).iter().filter(|(to, _)| *to == peer(ONE)).count();
    }
    assert!((4..=6).contains(&dumps), "{dumps} in 5 s");
}

#[test]
fn a_route_is_asked_for_before_it_expires_then_retracted_then_forgotten() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(P, 5, 100)]);
    subject.pass(39_900);
    subject.sent.clear();
    subject.pass(300);
    assert!(subject.sent.contains(&(peer(ONE), Tlv::RouteRequest(Some(prefix(P))))));
    subject.pass(15_700);
    assert_eq!(subject.routes_to(P)[0].refmetric, 100);
    subject.sent.clear();
    subject.pass(200);
    assert_eq!(subject.routes_to(P)[0].refmetric, INFINITY);
    assert_eq!(subject.routes.last(), Some(&(prefix(P), RouteAction::Unreachable)));
    subject.pass(250);
    let taken_back = |(_, tlv): &(_, Tlv)| matches!(tlv, Tlv::Update(update) if update.prefix == Some(prefix(P)) && update.is_retraction());
    assert!(subject.sent.iter().any(taken_back));
    subject.pass(60_000);
    assert_eq!(subject.routes_to(P), []);
    assert_eq!(subject.routes.last(), Some(&(prefix(P), RouteAction::Remove)));
}
