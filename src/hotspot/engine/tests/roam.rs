//! A phone that another node knows.

use super::*;
use crate::base::voucher::Proof;
use crate::hotspot::output::{EndReason, Event, Output, Whose};
use crate::hotspot::portal::{Notice, Page};
use crate::hotspot::tariff::VoucherState;

fn left(number: u8) -> Whose {
    Whose::Left(verifier(number), Proof([number; 16]))
}

fn look(bench: &mut Bench, device: u8) -> Page {
    bench.ask(mac(device), get("192.0.2.1", "/")).unwrap()
}

fn found(bench: &Bench) -> Vec<bool> {
    let here = |output: &Output| match output {
        Output::Found { here, .. } => Some(*here),
        _ => None,
    };
    bench.outputs.iter().filter_map(here).collect()
}

#[test]
fn who_has_left_another_node_is_let_in_by_its_systems_own_check() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.whose.insert(mac(1), left(1));
    assert!(matches!(bench.ask(mac(1), get("example.org", "/")), Some(Page::Redirect { .. })));
    assert!(bench.is_through(mac(1)));
    assert_eq!(bench.activations, [(verifier(1), mac(1))]);
    assert!(matches!(look(&mut bench, 1), Page::Status { .. }));
}

#[test]
fn a_browser_is_answered_whatever_the_node_knows() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.whose.insert(mac(1), Whose::Asked);
    assert!(matches!(look(&mut bench, 1), Page::Checking { .. }));
    bench.run_s(4);
    bench.whose.insert(mac(1), Whose::Elsewhere);
    assert_eq!(notice_of(&look(&mut bench, 1)), Some(Notice::Elsewhere));
    assert_eq!(notice_of(&look(&mut bench, 1)), Some(Notice::Elsewhere), "also when it is not looked for");
    bench.run_s(4);
    bench.whose.insert(mac(1), Whose::Nobody);
    assert_eq!(notice_of(&look(&mut bench, 1)), None);
    bench.run_s(4);
    // A voucher that gives nothing more: nobody has typed it, and nobody is told of it.
    bench.vouchers.insert(verifier(1), VoucherState::Revoked);
    bench.whose.insert(mac(1), left(1));
    assert_eq!(notice_of(&look(&mut bench, 1)), None);
    assert_eq!(bench.hotspot.report(bench.now).counters.revoked, 0);
    assert!(!bench.is_through(mac(1)));
    bench.run_s(4);
    bench.sell(1, fresh(seconds(HOUR), 1));
    assert!(matches!(look(&mut bench, 1), Page::Welcome { .. }));
}

#[test]
fn a_crowd_of_strangers_costs_a_few_looks() {
    let mut bench = Bench::with(seconds(HOUR));
    for number in 0..200 {
        assert!(bench.ask(mac(number), get("192.0.2.1", "/")).is_some());
        bench.ask(mac(number), get("example.org", "/"));
    }
    let looks = bench.outputs.iter().filter(|output| matches!(output, Output::Recognise { .. })).count();
    assert_eq!(looks, 6);
}

#[test]
fn a_device_that_is_wanted_elsewhere_is_asked_for_anew() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    let want = |bench: &mut Bench| {
        bench.outputs.clear();
        bench.hotspot.handle_wanted(bench.now, verifier(1), mac(1));
        bench.drain();
    };
    want(&mut bench);
    assert_eq!(found(&bench), [false; 0], "what was known before is no answer");
    bench.run_s(5);
    assert_eq!(found(&bench), [true]);
    bench.away.insert(mac(1));
    want(&mut bench);
    bench.run_s(11);
    assert_eq!(found(&bench), [false; 0], "a phone that sleeps has time to wake");
    bench.run_s(2);
    assert_eq!(found(&bench), [false]);
    want(&mut bench);
    assert_eq!(found(&bench), [false], "now it is known at once");
    assert!(bench.is_through(mac(1)), "and it may come back");
}

#[test]
fn its_place_is_free_when_it_is_in_elsewhere_and_not_before_it_has_left() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    bench.hotspot.handle_gone(bench.now, mac(1));
    bench.hotspot.handle_gone(bench.now, mac(2));
    bench.drain();
    assert!(bench.is_through(mac(1)), "two phones with one address: the one here has paid too");
    bench.away.insert(mac(1));
    bench.run_s(80);
    bench.hotspot.handle_gone(bench.now, mac(1));
    bench.drain();
    assert!(!bench.is_through(mac(1)));
    let why = bench.events.iter().find_map(|event| match event {
        Event::SessionEnded { why, .. } => Some(*why),
        _ => None,
    });
    assert_eq!(why, Some(EndReason::Elsewhere));
    assert_eq!(bench.truth_s(1), 0);
    assert!(matches!(&bench.vouchers[&verifier(1)], VoucherState::Good(a) if a.used_s == 0));
}
