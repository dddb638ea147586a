//! Routes for packets from some sources only (RFC 9079): a prefix with a source is a prefix of its own
//! everywhere, and Linux cannot use the IPv4 ones.

use super::bench::{Net, router_id};
use super::subject::*;
use crate::babel::engine::MULTICAST;
use crate::babel::output::RouteAction;
use crate::babel::wire::tlv::Tlv;
use crate::babel::{Reason, SeqNo};
use crate::base::address::{InterfaceIndex, Prefix};

/// The prefix of most cases, from one source, from another, and the like of IPv4.
const FROM: &str = "fd00:9::/64 from fd77::/16";
const FROM_OTHER: &str = "fd00:9::/64 from fd78::/16";
const V4_FROM: &str = "10.9.0.0/16 from 10.1.0.0/16";

fn install(number: u16) -> RouteAction {
    RouteAction::Install { next_hop: peer(number).into(), interface: InterfaceIndex(1) }
}

#[test]
fn each_source_has_its_own_route_and_its_own_feasibility_distance() {
    // RFC 9079 3.1: all tables are indexed by the source prefix too.
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(P, 5, 100), route(FROM, 5, 300)]);
    subject.hear(TWO, &[route(FROM, 5, 50), route(FROM_OTHER, 7, 70)]);
    for (text, refmetric) in [(P, 100), (FROM, 50), (FROM_OTHER, 70)] {
        assert_eq!(subject.selected(text).unwrap().refmetric, refmetric, "{text}");
    }
    subject.pass(250);
    for (text, seqno, metric) in [(P, 5, 196), (FROM, 5, 146), (FROM_OTHER, 7, 166)] {
        let distance = subject.engine.feasibility_distance(prefix(text), ORIGIN).unwrap();
        assert_eq!((distance.seqno, distance.metric), (SeqNo(seqno), metric), "{text}");
    }
    // What is unfeasible from one source is not from another.
    subject.hear(3, &[route(FROM, 5, 160), route(P, 5, 160)]);
    assert!(!subject.routes_to(FROM).last().unwrap().feasible);
    assert!(subject.routes_to(P).last().unwrap().feasible);
}

#[test]
fn a_retraction_takes_back_just_its_source_and_a_wildcard_everything() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(P, 5, 100), route(FROM, 5, 100), route(V4_FROM, 5, 100)]);
    subject.hear(ONE, &[retraction(FROM)]);
    let used = |subject: &Subject| [P, FROM, V4_FROM].map(|text| subject.selected(text).is_some());
    assert_eq!(used(&subject), [true, false, true]);
    let said = subject.updates(FROM);
    assert!(said.iter().all(|(to, update)| *to == MULTICAST && update.is_retraction()));
    assert_eq!(said.len(), 1);
    // RFC 9079 5.2.
    subject.hear(ONE, &[Tlv::Update(crate::babel::wire::tlv::Update::retraction(None, 1_600, SeqNo(0)))]);
    assert_eq!(used(&subject), [false, false, false]);
}

#[test]
fn ipv4_is_passed_on_and_not_installed() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(FROM, 5, 100), route(V4_FROM, 5, 100)]);
    assert_eq!(subject.routes, [(prefix(FROM), install(ONE))]);
    let said = subject.updates(V4_FROM);
    assert_eq!((said[0].0, said[0].1.metric), (MULTICAST, 196));
    assert_eq!(subject.engine.installed().len(), 1);
    subject.routes.clear();
    subject.hear(ONE, &[retraction(FROM), retraction(V4_FROM)]);
    subject.pass(60_000);
    let of_v6 = [(prefix(FROM), RouteAction::Unreachable), (prefix(FROM), RouteAction::Remove)];
    assert_eq!(subject.routes, of_v6);
}

#[test]
fn a_default_route_that_the_kernel_cannot_use_is_no_way_outside() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route("0.0.0.0/0 from 10.1.0.0/16", 5, 100), route("::/0 from fd77::/16", 5, 100)]);
    assert_eq!(subject.engine.way(Prefix::DEFAULT_V4), None);
    assert_eq!(subject.engine.way(Prefix::DEFAULT_V6), Some((InterfaceIndex(1), 196)));
}

#[test]
fn a_request_for_a_source_is_answered_for_that_source() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(P, 5, 100), route(FROM, 5, 100)]);
    subject.pass(5_000);
    subject.hear(TWO, &[Tlv::RouteRequest(Some(prefix(FROM)))]);
    let said = subject.updates(FROM);
    assert_eq!((said.len(), said[0].0, said[0].1.metric), (1, peer(TWO), 196));
    // RFC 9079 5.2: a source that we do not know is retracted, whatever other sources have.
    subject.hear(TWO, &[Tlv::RouteRequest(Some(prefix(FROM_OTHER)))]);
    let said = subject.updates(FROM_OTHER);
    assert!(said.len() == 1 && said[0].1.is_retraction());
    assert_eq!(subject.updates(P), []);
}

#[test]
fn a_full_request_is_answered_with_all_sources() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(P, 5, 100), route(FROM, 5, 100), route(V4_FROM, 5, 100)]);
    subject.originate(&["::/0 from 2001:db8::/32"]);
    subject.pass(5_000);
    subject.sent.clear();
    subject.hear(TWO, &[Tlv::RouteRequest(None)]);
    subject.pass(1_200);
    for text in [P, FROM, V4_FROM, "::/0 from 2001:db8::/32"] {
        let said = |(to, tlv): &(_, Tlv)| {
            *to == peer(TWO) && matches!(tlv, Tlv::Update(update) if update.prefix == Some(prefix(text)))
        };
        assert_eq!(subject.sent.iter().filter(|sent| said(sent)).count(), 1, "{text}");
    }
}

#[test]
fn seqno_requests_carry_the_source_and_are_answered_for_it() {
    let mut subject = Subject::new();
    subject.originate(&[P, FROM]);
    subject.pass(1_000);
    let before = subject.engine.seqno();
    subject.hear(TWO, &[Tlv::SeqnoRequest(wants(OURS, FROM_OTHER, before.0 + 1, 64))]);
    assert_eq!(subject.engine.seqno(), before, "that is not ours");
    subject.hear(TWO, &[Tlv::SeqnoRequest(wants(OURS, FROM, before.0 + 1, 64))]);
    assert_eq!(subject.engine.seqno(), before.next());
    assert!(subject.updates(FROM).iter().all(|(_, update)| update.seqno == before.next()));
    // One for somebody else is passed on with its source.
    subject.hear(ONE, &[route(FROM_OTHER, 5, 100)]);
    subject.pass(1_000);
    subject.hear(TWO, &[Tlv::SeqnoRequest(wants(ORIGIN, FROM_OTHER, 6, 64))]);
    assert_eq!(subject.seqno_requests(), [(peer(ONE), wants(ORIGIN, FROM_OTHER, 6, 63))]);
}

#[test]
fn what_is_lost_for_one_source_is_asked_for_with_that_source() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(FROM, 5, 100)]);
    subject.hear(TWO, &[route(FROM, 5, 600)]);
    subject.pass(1_000);
    subject.hear(ONE, &[retraction(FROM)]);
    assert_eq!(subject.seqno_requests(), [(MULTICAST, wants(ORIGIN, FROM, 6, 64))]);
}

#[test]
fn a_route_of_some_source_is_refreshed_with_that_source() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(FROM, 5, 100)]);
    subject.sent.clear();
    subject.pass(45_000);
    let asked = (peer(ONE), Tlv::RouteRequest(Some(prefix(FROM))));
    assert!(subject.sent.contains(&asked));
    assert!(!subject.sent.contains(&(peer(ONE), Tlv::RouteRequest(Some(prefix(P))))));
}

#[test]
fn why_goes_by_destination_first_and_then_by_source() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route("::/0 from fd77:1::/32", 5, 100), route("::/0", 5, 100)]);
    subject.hear(TWO, &[route("fd00::/16", 5, 100), route("::/0 from fd77::/16", 5, 100)]);
    for (to, from, decides) in [
        ("2001:db8::1", Some("fd77:1::1"), "::/0 from fd77:1::/32"),
        ("2001:db8::1", Some("fd77:2::1"), "::/0 from fd77::/16"),
        ("2001:db8::1", Some("fd78::1"), "::/0"),
        ("2001:db8::1", None, "::/0"),
        // RFC 9079 section 4: the longer destination, although the other one has a source.
        ("fd00::1", Some("fd77:1::1"), "fd00::/16"),
    ] {
        let from = from.map(|from: &str| from.parse().unwrap());
        let why = subject.engine.why(subject.now, to.parse().unwrap(), from);
        assert_eq!(why.prefix, Some(prefix(decides)), "{to} {from:?}");
        assert_eq!(why.candidates[0].1, Reason::InUse);
        assert_eq!(why.candidates.len() > 1, from.is_none(), "others are listed if it was not said");
    }
    let nobody = Subject::new().engine.why(subject.now, "2001:db8::1".parse().unwrap(), None);
    assert_eq!((nobody.prefix, nobody.candidates.len()), (None, 0));
    let mut subject = Subject::new();
    subject.hear(ONE, &[route("::/0 from fd77::/16", 5, 100)]);
    let why = subject.engine.why(subject.now, "2001:db8::1".parse().unwrap(), None);
    assert_eq!((why.prefix, why.candidates.len()), (None, 1));
    assert_eq!(why.verdict, "what is announced for this address is for packets from some sources only");
}

#[test]
fn a_line_of_three_carries_them_and_takes_them_back() {
    let mut net = Net::new(3, &[&[0, 1], &[1, 2]], 7).start();
    let own = ["::/0 from 2001:db8::/32", "10.0.0.0/8 from 10.1.0.0/16"].map(prefix);
    net.originate(2, &own.map(|prefix| (prefix, 0)));
    net.run(10_000);
    let report = net.nodes[0].engine.report(net.now);
    for prefix in own {
        let found = report.routes.iter().find(|route| route.prefix == prefix && route.selected);
        assert_eq!(found.map(|route| route.router_id), Some(router_id(2)), "{prefix}");
    }
    assert!(net.nodes[0].kernel.contains_key(&own[0]) && !net.nodes[0].kernel.contains_key(&own[1]));
    net.originate(2, &[]);
    net.run(10_000);
    assert!(net.nodes[0].engine.selected().all(|(prefix, ..)| prefix.source().is_none()));
}
