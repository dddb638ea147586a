//! Each reason that can stand beside a candidate, by a case of its own that reaches it, and its words.

use super::bench::{interface_settings, status};
use super::policy::{apply, filter, policy};
use super::subject::*;
use crate::babel::output::{RouteAction, RouteChange};
use crate::babel::policy::Policy;
use crate::babel::settings::{LinkKind, Settings};
use crate::babel::{Engine, Reason, SeqNo};
use crate::base::address::InterfaceIndex;
use crate::base::time::{Instant, Span};

/// The reason of the candidate through this neighbour.
fn reason(subject: &Subject, text: &str, neighbour: u16) -> Reason {
    let destination = prefix(text).destination();
    let why = subject.engine.why(subject.now, destination, None);
    let mut candidates = why.candidates.into_iter();
    candidates.find(|(route, _)| route.next_hop == peer(neighbour)).expect("a candidate").1
}

/// A node that has used the way through the first neighbour for a while, and knows a dearer one.
fn settled() -> Subject {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(P, 5, 100)]);
    subject.hear(TWO, &[route(P, 5, 150)]);
    subject.pass(6_000);
    subject
}

fn ruled(policy: Policy) -> Reason {
    let mut subject = settled();
    apply(&mut subject, policy);
    reason(&subject, P, ONE)
}

fn in_use() -> Reason {
    reason(&settled(), P, ONE)
}

fn kernel_refused() -> Reason {
    let mut subject = settled();
    subject.engine.handle_route_failed(subject.now, prefix(P));
    subject.pass(400);
    reason(&subject, P, ONE)
}

fn not_for_the_kernel() -> Reason {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route("10.8.0.0/16 from 10.1.0.0/16", 5, 9)]);
    reason(&subject, "10.8.0.0/16", ONE)
}

fn own() -> Reason {
    let mut subject = settled();
    subject.originate(&[P]);
    reason(&subject, P, ONE)
}

fn taken_back() -> Reason {
    let mut subject = settled();
    subject.hear(TWO, &[retraction(P)]);
    reason(&subject, P, TWO)
}

fn filtered() -> Reason {
    ruled(policy(vec![filter(P, None)], vec![], &[]))
}

fn outside_plan() -> Reason {
    ruled(policy(vec![], vec![], &["10.0.0.0/8"]))
}

fn no_link() -> Reason {
    let mut subject = settled();
    subject.hear(TWO, &[route(P, 5, 65_500)]);
    reason(&subject, P, TWO)
}

fn unfeasible() -> Reason {
    let mut subject = settled();
    subject.hear(TWO, &[route(P, 5, 900)]);
    reason(&subject, P, TWO)
}

/// A restart over a kernel that went on forwarding, by another neighbour than the one that speaks first.
fn doubted() -> Reason {
    let interfaces = vec![interface_settings(0, LinkKind::Wired, false)];
    let settings = Settings { interfaces, ..Settings::default() };
    let mut engine = Engine::new(settings, OURS, SeqNo(10), 1);
    let now = Instant::from_millis(1_000);
    let action = RouteAction::Install { next_hop: peer(TWO).into(), interface: InterfaceIndex(1) };
    engine.handle_routes_left(now, &[RouteChange { prefix: prefix(P), action }]);
    engine.handle_interface(now, status(0, 0, true));
    let mut subject = Subject { engine, now, sent: Vec::new(), routes: Vec::new(), events: Vec::new() };
    subject.meet(ONE);
    subject.hear(ONE, &[route(P, 5, 100)]);
    reason(&subject, P, ONE)
}

fn dearer() -> Reason {
    reason(&settled(), P, TWO)
}

fn soon_better() -> Reason {
    let mut subject = settled();
    subject.hear(TWO, &[route(P, 6, 10)]);
    reason(&subject, P, TWO)
}

#[test]
fn the_way_that_packets_take_is_in_use() {
    assert_eq!(in_use(), Reason::InUse);
}

#[test]
fn a_way_that_the_kernel_refuses_says_so_until_it_took_it() {
    assert_eq!(kernel_refused(), Reason::KernelRefused { left: Span::from_millis(600) });
    let mut subject = settled();
    subject.engine.handle_route_failed(subject.now, prefix(P));
    subject.pass(1_000);
    assert_eq!(reason(&subject, P, ONE), Reason::InUse, "tried again, and not refused again");
}

#[test]
fn ipv4_for_some_sources_is_passed_on_and_not_used() {
    assert_eq!(not_for_the_kernel(), Reason::NotForTheKernel);
}

#[test]
fn no_way_is_used_to_what_this_node_announces_itself() {
    assert_eq!(own(), Reason::Own);
}

#[test]
fn a_way_that_was_retracted_was_taken_back() {
    assert_eq!(taken_back(), Reason::TakenBack);
}

#[test]
fn a_way_that_a_filter_refuses_is_filtered() {
    assert_eq!(filtered(), Reason::Filtered);
}

#[test]
fn a_way_outside_of_the_address_plan_says_so() {
    assert_eq!(outside_plan(), Reason::OutsidePlan);
}

#[test]
fn a_way_that_gets_too_long_with_its_link_says_so() {
    assert_eq!(no_link(), Reason::NoLink);
}

#[test]
fn a_way_that_may_lead_back_is_unfeasible() {
    assert_eq!(unfeasible(), Reason::Unfeasible);
}

#[test]
fn a_way_that_the_run_before_may_have_opened_is_doubted() {
    assert_eq!(doubted(), Reason::Doubted);
}

#[test]
fn a_way_that_costs_more_says_how_much() {
    assert_eq!(dearer(), Reason::Dearer { metric: 246, current: 196 });
}

#[test]
fn a_way_that_is_better_says_when_it_is_used() {
    let left = Span::from_secs(5);
    assert_eq!(soon_better(), Reason::SoonBetter { metric: 106, current: 196, left });
}

/// The list is read from the source, so that a reason that is added is missed here.
#[test]
fn every_reason_is_reached_and_has_words_of_its_own() {
    let reached = [
        in_use(),
        kernel_refused(),
        not_for_the_kernel(),
        own(),
        taken_back(),
        filtered(),
        outside_plan(),
        no_link(),
        unfeasible(),
        doubted(),
        dearer(),
        soon_better(),
    ];
    let name = |reason: &Reason| format!("{reason:?}").split(' ').next().unwrap_or_default().to_owned();
    let source = include_str!("../why.rs");
    let list = source.split_once("pub enum Reason {\n").unwrap().1.split_once("\n}").unwrap().0;
    let variants = list
        .lines()
        .filter_map(|line| line.strip_prefix("    "))
        .filter(|line| line.starts_with(char::is_uppercase));
    let mut variants: Vec<&str> = variants.map(|line| line.trim_end_matches([',', ' ', '{'])).collect();
    variants.sort_unstable();
    let mut names: Vec<String> = reached.iter().map(name).collect();
    names.sort_unstable();
    assert_eq!(names, variants);
    let mut words: Vec<String> = reached.iter().map(ToString::to_string).collect();
    assert!(words.iter().all(|words| words.len() > 5), "{words:?}");
    words.sort_unstable();
    words.dedup();
    assert_eq!(words.len(), reached.len(), "two say the same: {words:#?}");
}

#[test]
fn a_prefix_is_asked_about_as_a_whole() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route("fd00:9::/48", 5, 100), route("fd00:9::/64", 5, 200)]);
    for (asked, decides) in [
        ("fd00:9::/48", "fd00:9::/48"),
        ("fd00:9::/56", "fd00:9::/48"),
        ("fd00:9::/64", "fd00:9::/64"),
        ("fd00:9::1", "fd00:9::/64"),
    ] {
        let why = subject.engine.why(subject.now, asked.parse().unwrap(), None);
        assert_eq!(why.prefix, Some(prefix(decides)), "{asked}");
    }
    assert_eq!(subject.engine.why(subject.now, "fd00::/16".parse().unwrap(), None).prefix, None);
}
