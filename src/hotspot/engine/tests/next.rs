//! A second code waits until the first is spent.

use super::*;
use crate::base::limit::HOTSPOT_NEXT;
use crate::base::time::Span;
use crate::hotspot::output::{EndReason, Event, Output};
use crate::hotspot::portal::{Left, Notice, Page};
use crate::hotspot::request::{Method, PortalRequest};
use crate::hotspot::tariff::VoucherState;

/// Vouchers 1 to 9 of an hour each, the first in use on phone 1.
fn bench() -> Bench {
    let mut bench = Bench::new();
    for number in 1..10 {
        let mut hour = fresh(seconds(HOUR), 1);
        hour.tariff.name = format!("Hora {number}");
        bench.sell(number, hour);
    }
    bench.log_in(mac(1), 1);
    bench.active.insert(mac(1));
    bench
}

fn next_of(bench: &mut Bench, number: u8) -> Vec<String> {
    session_of(bench.ask(mac(number), get("10.77.4.1", "/")).unwrap()).next
}

fn in_use(bench: &Bench) -> Vec<u8> {
    bench.hotspot.report(bench.now).sessions.iter().map(|session| session.verifier.0[0]).collect()
}

#[test]
fn a_second_code_waits_and_goes_on_without_typing() {
    let mut bench = bench();
    bench.run_s(600);
    let form = bench.ask(mac(1), get("10.77.4.1", "/login?code=")).unwrap();
    assert_eq!(notice_of(&form), Some(Notice::AddsUp), "said before");
    let told = bench.log_in(mac(1), 2);
    assert!(matches!(&told, Page::Status { session, .. } if session.next == ["Hora 2"]), "{told:?}");
    assert_eq!(bench.activations, [(verifier(1), mac(1))], "nothing of it is used yet");
    bench.run_s(2_990);
    assert_eq!((in_use(&bench), bench.activations.len()), (vec![1], 1));
    bench.run_s(20);
    assert_eq!(in_use(&bench), [2]);
    assert!(bench.is_through(mac(1)) && bench.activations.last() == Some(&(verifier(2), mac(1))));
    assert_eq!(bench.truth_s(1), 3_600, "the first gave all that it held");
    assert_eq!(next_of(&mut bench, 1), Vec::<String>::new());
    bench.run_s(3_600);
    assert_eq!((bench.truth_s(2), bench.is_through(mac(1))), (3_600, false));
}

#[test]
fn who_has_a_second_code_is_not_slow_before_it() {
    let mut bench = bench();
    bench.run_s(3_400);
    assert!(session_of(bench.ask(mac(1), get("10.77.4.1", "/")).unwrap()).slow);
    bench.log_in(mac(1), 2);
    assert!(!session_of(bench.ask(mac(1), get("10.77.4.1", "/")).unwrap()).slow);
    bench.run_s(195);
    assert!(!session_of(bench.ask(mac(1), get("10.77.4.1", "/")).unwrap()).slow);
}

#[test]
fn several_wait_in_the_order_in_which_they_were_typed_up_to_a_bound() {
    let mut bench = bench();
    for number in [3, 2, 3, 2, 4, 5, 6, 7] {
        bench.log_in(mac(1), number);
        bench.run_s(30);
    }
    let names: Vec<_> = [3, 2, 4, 5, 6, 7].map(|number| format!("Hora {number}")).into();
    assert_eq!((next_of(&mut bench, 1), names.len()), (names, HOTSPOT_NEXT));
    assert_eq!(notice_of(&bench.log_in(mac(1), 8)), Some(Notice::Waiting));
    for number in [3, 2, 4, 5, 6, 7] {
        bench.run_s(3_600);
        assert_eq!(in_use(&bench), [number]);
    }
    bench.run_s(3_700);
    assert!(in_use(&bench).is_empty() && [1, 7].map(|number| bench.truth_s(number)) == [3_600; 2]);
}

#[test]
fn what_waits_survives_a_restart_and_a_restart_past_the_end() {
    let mut bench = bench();
    bench.log_in(mac(1), 2);
    bench.log_in(mac(1), 3);
    bench.run_s(100);
    bench.restart(Span::from_secs(5));
    assert_eq!(next_of(&mut bench, 1), ["Hora 2", "Hora 3"]);
    bench.run_s(3_480);
    bench.restart(Span::from_secs(600));
    assert_eq!((in_use(&bench), bench.is_through(mac(1))), (vec![2], true));
    assert_eq!(next_of(&mut bench, 1), ["Hora 3"]);
}

#[test]
fn what_is_good_no_more_when_its_turn_comes_is_passed_over() {
    let mut bench = bench();
    for number in [2, 3, 4] {
        bench.log_in(mac(1), number);
        bench.run_s(30);
    }
    bench.vouchers.insert(verifier(2), VoucherState::Revoked);
    let mut spent = fresh(seconds(HOUR), 1);
    spent.used_s = 3_600;
    bench.sell(3, spent);
    bench.run_s(3_600);
    assert_eq!(in_use(&bench), [4]);
    bench.vouchers.insert(verifier(5), VoucherState::Revoked);
    // The last one is of no use either: the phone stands at the door and reads why.
    bench.log_in(mac(1), 6);
    bench.vouchers.insert(verifier(6), VoucherState::Revoked);
    bench.run_s(3_600);
    assert!(!bench.is_through(mac(1)));
    let page = bench.ask(mac(1), get("10.77.4.1", "/")).unwrap();
    assert_eq!(notice_of(&page), Some(Notice::Revoked));
}

#[test]
fn a_revoked_voucher_gives_way_to_the_one_that_waits() {
    let mut bench = bench();
    bench.log_in(mac(1), 2);
    bench.hotspot.handle_voucher_changed(bench.now, verifier(1), VoucherState::Revoked);
    bench.drain();
    assert_eq!((in_use(&bench), bench.is_through(mac(1))), (vec![2], true));
}

#[test]
fn it_waits_at_one_device_and_is_forgotten_when_that_is_let_out() {
    let mut bench = bench();
    bench.sell(1, fresh(seconds(HOUR), 2));
    bench.log_in(mac(1), 1);
    bench.log_in(mac(2), 1);
    bench.log_in(mac(1), 2);
    assert_eq!((next_of(&mut bench, 1).len(), next_of(&mut bench, 2).len()), (1, 0));
    // A third device takes the place of the oldest, which is the second now: the first was the last to type.
    bench.run_s(3_650);
    assert_eq!(in_use(&bench), [2]);
    assert!(bench.is_through(mac(1)) && !bench.is_through(mac(2)));
    // Who leaves keeps both papers.
    bench.log_in(mac(1), 3);
    let out = bench.ask(mac(1), PortalRequest { method: Method::Post, ..get("10.77.4.1", "/logout") });
    assert_eq!(notice_of(&out.unwrap()), Some(Notice::LeftNow));
    assert_eq!((in_use(&bench), bench.is_through(mac(1))), (vec![], false));
    let ended = Event::SessionEnded {
        client: bench.events.iter().rev().find_map(client_of).unwrap(),
        verifier: verifier(2),
        why: EndReason::LoggedOut,
    };
    assert_eq!(bench.events.last(), Some(&ended), "nothing begins after it");
    let now = session_of(bench.log_in(mac(1), 3));
    assert!(matches!(now.left, Left::OfUse(left) if left == Span::from_secs(3_600)), "now, and whole");
}

fn client_of(event: &Event) -> Option<crate::hotspot::output::ClientId> {
    match event {
        Event::SessionEnded { client, .. } => Some(*client),
        _ => None,
    }
}

#[test]
fn a_crowd_whose_vouchers_end_at_once_goes_on_together() {
    let mut bench = Bench::new();
    for number in 0..100 {
        bench.sell(number, fresh(seconds(HOUR), 1));
        bench.sell(100 + number, fresh(seconds(HOUR), 1));
        bench.log_in(mac(number), number);
        bench.log_in(mac(number), 100 + number);
        bench.active.insert(mac(number));
    }
    bench.slow_ledger = true;
    bench.run_s(3_602);
    bench.slow_ledger = false;
    bench.answer_asks();
    bench.drain();
    assert_eq!(in_use(&bench).len(), 100);
    assert!((0..100).all(|number| bench.is_through(mac(number))));
    let asked = bench.outputs.iter().filter(|output| matches!(output, Output::Voucher { .. })).count();
    assert_eq!(asked, 300);
}
