//! What filters, the address plan and shared radios do to one engine, and that a change of mind is told.

use super::bench::{interface_settings, status};
use super::subject::*;
use crate::babel::engine::MULTICAST;
use crate::babel::output::RouteAction;
use crate::babel::policy::{Filter, Policy, Selector};
use crate::babel::report::Report;
use crate::babel::settings::{LinkKind, Settings};
use crate::babel::wire::tlv::{INFINITY, Tlv};
use crate::babel::{Engine, Reason, SeqNo};
use crate::base::time::Instant;

const TEN: &str = "10.9.0.0/16";

pub(super) fn filter(text: &str, adds: Option<u16>) -> Filter {
    let whole = text.parse::<crate::base::address::Prefix>().unwrap();
    let routes = Selector { prefix: Some((whole, whole.length(), 128)), ..Selector::default() };
    Filter { routes, adds }
}

pub(super) fn policy(incoming: Vec<Filter>, outgoing: Vec<Filter>, plan: &[&str]) -> Policy {
    Policy { incoming, outgoing, plan: plan.iter().map(|text| text.parse().unwrap()).collect() }
}

pub(super) fn apply(subject: &mut Subject, policy: Policy) {
    let interfaces = vec![interface_settings(0, LinkKind::Wired, false)];
    subject.engine.handle_settings(subject.now, Settings { interfaces, policy });
    subject.drain();
}

fn reason(subject: &Subject, address: &str) -> Reason {
    let why = subject.engine.why(subject.now, address.parse().unwrap(), None);
    why.candidates.into_iter().next().expect("a candidate").1
}

#[test]
fn what_is_refused_on_its_way_in_is_not_used_and_is_there_when_the_filter_goes() {
    let mut subject = Subject::new();
    apply(&mut subject, policy(vec![filter("10.0.0.0/8", None)], vec![], &[]));
    subject.hear(ONE, &[route(TEN, 5, 100), route(P, 5, 100)]);
    assert_eq!(subject.selected(TEN), None);
    assert!(subject.selected(P).is_some());
    assert_eq!(reason(&subject, "10.9.1.1"), Reason::Filtered);
    assert_eq!(subject.updates(TEN), []);
    apply(&mut subject, Policy::default());
    assert_eq!(subject.selected(TEN).unwrap().metric, 196);
    assert_eq!(subject.updates(TEN)[0].1.metric, 196);
    // And back: the neighbours hear at once that it is gone.
    subject.routes.clear();
    apply(&mut subject, policy(vec![filter("10.0.0.0/8", None)], vec![], &[]));
    assert_eq!(subject.routes, [(prefix(TEN), RouteAction::Unreachable)]);
    assert!(subject.updates(TEN)[0].1.is_retraction());
    assert!(subject.selected(P).is_some());
}

#[test]
fn a_filter_that_adds_makes_a_way_dearer_and_only_where_it_says() {
    let mut subject = Subject::new();
    let mut elsewhere = filter("10.0.0.0/8", None);
    elsewhere.routes.device = Some("another".into());
    apply(&mut subject, policy(vec![elsewhere, filter("10.0.0.0/8", Some(50))], vec![], &[]));
    subject.hear(ONE, &[route(TEN, 5, 100), route(P, 5, 100)]);
    let metric = |text| subject.selected(text).unwrap().metric;
    assert_eq!((metric(TEN), metric(P)), (246, 196));
    // Feasibility is about what was advertised to us, whatever we add.
    assert_eq!(subject.selected(TEN).unwrap().refmetric, 100);
}

#[test]
fn what_is_refused_on_its_way_out_is_retracted_and_answered_with_a_retraction() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(TEN, 5, 100), route(P, 5, 100)]);
    subject.originate(&["10.1.0.0/16"]);
    subject.pass(5_000);
    apply(&mut subject, policy(vec![], vec![filter("10.0.0.0/8", None), filter("fd00::/8", Some(4))], &[]));
    subject.sent.clear();
    subject.pass(250);
    for (text, metric) in [(TEN, INFINITY), ("10.1.0.0/16", INFINITY), (P, 200)] {
        let about = |tlv: &Tlv| match tlv {
            Tlv::Update(update) if update.prefix == Some(prefix(text)) => Some(update.metric),
            _ => None,
        };
        let said: Vec<u16> = subject.sent.iter().filter_map(|(_, tlv)| about(tlv)).collect();
        assert_eq!(said, [metric], "{text}");
    }
    assert!(subject.selected(TEN).is_some(), "we use it ourselves");
    subject.hear(TWO, &[Tlv::RouteRequest(Some(prefix(TEN)))]);
    let said = subject.updates(TEN);
    assert!(said.iter().any(|(to, update)| *to == peer(TWO) && update.is_retraction()));
    // A dump does not name what is not told.
    subject.pass(5_000);
    subject.sent.clear();
    subject.pass(20_000);
    let names = |text| {
        let about = |tlv: &Tlv| matches!(tlv, Tlv::Update(update) if update.prefix == Some(prefix(text)));
        subject.sent.iter().any(|(to, tlv)| *to == MULTICAST && about(tlv))
    };
    assert_eq!((names(TEN), names(P)), (false, true));
}

#[test]
fn a_retraction_passes_every_filter() {
    let mut subject = Subject::new();
    apply(&mut subject, policy(vec![], vec![filter("::/0", None)], &[]));
    subject.hear(ONE, &[route(P, 5, 100)]);
    subject.pass(5_000);
    subject.hear(ONE, &[retraction(P)]);
    assert!(subject.updates(P).iter().any(|(to, update)| *to == MULTICAST && update.is_retraction()));
}

#[test]
fn outside_the_address_plan_nothing_is_taken_but_default_routes() {
    let mut subject = Subject::new();
    apply(&mut subject, policy(vec![], vec![], &["10.0.0.0/8", "fd00::/8"]));
    subject.hear(ONE, &[route(TEN, 5, 100), route("192.0.2.0/24", 5, 100), route("0.0.0.0/0", 5, 100)]);
    let used = |text| subject.selected(text).is_some();
    assert_eq!((used(TEN), used("192.0.2.0/24"), used("0.0.0.0/0")), (true, false, true));
    apply(&mut subject, policy(vec![], vec![], &["192.0.0.0/8"]));
    let used = |text| subject.selected(text).is_some();
    assert_eq!((used(TEN), used("192.0.2.0/24"), used("0.0.0.0/0")), (false, true, true));
    assert_eq!(reason(&subject, "10.9.1.1"), Reason::OutsidePlan);
}

#[test]
fn nobody_asks_for_a_newer_seqno_of_what_is_refused() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(TEN, 5, 100)]);
    subject.pass(5_000);
    apply(&mut subject, policy(vec![filter("10.0.0.0/8", None)], vec![], &[]));
    subject.pass(60_000);
    subject.meet(TWO);
    subject.hear(TWO, &[route(TEN, 5, 600)]);
    assert_eq!(subject.seqno_requests(), []);
}

#[test]
fn going_on_over_the_same_radio_costs_half_of_the_hop_more() {
    for (radios, metric) in [
        ([None, None], 196),
        ([Some("phy0"), None], 196),
        ([Some("phy0"), Some("phy1")], 196),
        ([Some("phy0"); 2], 244),
    ] {
        let settings = |link: usize| {
            let radio = radios[link].map(str::to_owned);
            crate::babel::settings::InterfaceSettings {
                radio,
                ..interface_settings(link, LinkKind::Wired, true)
            }
        };
        let settings = Settings { interfaces: vec![settings(0), settings(1)], ..Settings::default() };
        let mut engine = Engine::new(settings, OURS, SeqNo(10), 1);
        let now = Instant::from_millis(1_000);
        for link in 0..2 {
            engine.handle_interface(now, status(0, link, true));
        }
        let mut subject = Subject { engine, now, sent: Vec::new(), routes: Vec::new(), events: Vec::new() };
        subject.meet(ONE);
        subject.hear(ONE, &[route(P, 5, 100)]);
        assert_eq!(subject.selected(P).unwrap().metric, 196, "to ourselves it costs what it costs");
        subject.pass(250);
        let distance = subject.engine.feasibility_distance(prefix(P), ORIGIN).unwrap().metric;
        let most = subject.sent.iter().filter_map(|(_, tlv)| match tlv {
            // On its own interface it is retracted: split horizon.
            Tlv::Update(update) if update.prefix == Some(prefix(P)) && !update.is_retraction() => {
                Some(update.metric)
            }
            _ => None,
        });
        assert_eq!(most.max(), Some(metric), "{radios:?}");
        // RFC 8966 3.7.3: the least that was said anywhere.
        assert!(distance <= metric);
    }
}

#[test]
fn a_node_that_leaves_takes_everything_back_and_out_of_the_kernel() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(P, 5, 100), route(TEN, 5, 100)]);
    subject.hear(ONE, &[retraction(TEN)]);
    subject.sent.clear();
    subject.routes.clear();
    subject.engine.handle_leave(subject.now);
    subject.drain();
    let goodbye = |(to, tlv): &(_, Tlv)| {
        *to == MULTICAST
            && matches!(tlv, Tlv::Update(update) if update.prefix.is_none() && update.is_retraction())
    };
    assert_eq!(subject.sent.iter().filter(|sent| goodbye(sent)).count(), 3);
    let removed = [(prefix(TEN), RouteAction::Remove), (prefix(P), RouteAction::Remove)];
    assert_eq!(subject.routes, removed);
    let Report { neighbours, .. } = subject.engine.report(subject.now);
    assert_eq!(neighbours, []);
}
