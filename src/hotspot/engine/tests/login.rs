//! From any page to the portal, from a code to a session.

use super::*;
use crate::base::address::MacAddress;
use crate::base::limit::{HOTSPOT_CHECKS, HOTSPOT_SESSIONS};
use crate::base::time::Span;
use crate::hotspot::output::{EndReason, Event, GuestChange, Output, Refusal};
use crate::hotspot::portal::{Left, Notice, Page};
use crate::hotspot::request::{Method, PortalRequest};
use crate::hotspot::tariff::VoucherState;

fn redirect() -> Option<Page> {
    Some(Page::Redirect { to: "http://10.77.4.1:2080/".to_owned() })
}

#[test]
fn any_page_of_any_host_leads_to_the_portal_and_its_form() {
    let mut bench = Bench::new();
    for (host, path) in [("example.org", "/"), ("", "/"), ("10.77.4.2", "/login"), ("example.org", "/a?b#c")]
    {
        assert_eq!(bench.ask(mac(1), get(host, path)), redirect(), "{host}{path}");
    }
    let page = bench.ask(mac(1), get("10.77.4.1", "/")).unwrap();
    assert!(matches!(&page, Page::Form { notice: None, typed, .. } if typed.0.is_empty()), "{page:?}");
    assert!(matches!(bench.ask(mac(1), get("10.77.4.1", "/x")), Some(Page::NotFound { .. })));
    assert_eq!(bench.ask(mac(1), get("10.77.4.1", "/status")), redirect());
}

#[test]
fn a_link_with_a_code_fills_the_form_and_logs_nobody_in() {
    let mut bench = Bench::with(seconds(HOUR));
    let page = bench.ask(mac(1), get("10.77.4.1", &format!("/login?code={}", code(1)))).unwrap();
    assert!(matches!(&page, Page::Form { notice: None, typed, .. } if typed.0 == code(1)));
    assert!(!bench.is_through(mac(1)));
}

#[test]
fn a_good_code_opens_the_way_before_the_page_says_so() {
    let mut bench = Bench::with(seconds(HOUR));
    let session = session_of(bench.log_in(mac(1), 1));
    assert_eq!(session.left, Left::OfUse(Span::from_secs(3_600)));
    assert_eq!((session.devices.len(), session.devices_allowed), (1, 1));
    assert!(bench.is_through(mac(1)));
    assert_eq!(bench.activations, [(verifier(1), mac(1))]);
    let position = |wanted: fn(&Output) -> bool| bench.outputs.iter().position(wanted).unwrap();
    let admitted = position(|output| matches!(output, Output::Guests(_)));
    assert!(admitted < position(|output| matches!(output, Output::Reply { .. })));
    assert_eq!(bench.saved.len(), 1);
    assert_eq!(bench.saved[0].devices, [mac(1)]);
}

#[test]
fn a_device_with_a_session_sees_its_status() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    for path in ["/", "/status", "/login"] {
        let session = session_of(bench.ask(mac(1), get("10.77.4.1", path)).unwrap());
        assert_eq!(session.left, Left::OfUse(Span::from_secs(3_600)));
    }
    // Another code can be typed all the same.
    assert!(matches!(bench.ask(mac(1), get("10.77.4.1", "/login?code=")), Some(Page::Form { .. })));
}

#[test]
fn a_wrong_code_is_told_without_saying_what_is_wrong() {
    let mut bench = Bench::with(seconds(HOUR));
    // A tag that does not fit, and a tag that fits in no lot.
    for typed in ["0000-0000-0ZZZ", code(9).as_str()] {
        let page = bench.ask(mac(1), post_code(typed)).unwrap();
        assert_eq!(notice_of(&page), Some(Notice::Wrong));
        assert!(matches!(&page, Page::Form { typed: shown, .. } if shown.0 == typed), "shown to compare");
    }
    assert_eq!(bench.events, [Event::CodeRefused(Refusal::Tag), Event::CodeRefused(Refusal::Unknown)]);
    assert!(!bench.is_through(mac(1)));
}

#[test]
fn what_can_be_no_code_asks_nobody_and_costs_no_try() {
    let mut bench = Bench::with(seconds(HOUR));
    for _ in 0..50 {
        let page = bench.ask(mac(1), post_code("0123-4567-89A")).unwrap();
        assert_eq!(notice_of(&page), Some(Notice::Length { symbols: 11 }));
        let page = bench.ask(mac(1), post_code("UUUU-UUUU-UUUU")).unwrap();
        assert_eq!(notice_of(&page), Some(Notice::Wrong));
    }
    assert!(!bench.outputs.iter().any(|output| matches!(output, Output::CheckCode { .. })));
    assert!(matches!(bench.log_in(mac(1), 1), Page::Welcome { .. }));
}

#[test]
fn revoked_and_used_up_codes_are_told_as_such() {
    let mut bench = Bench::new();
    bench.vouchers.insert(verifier(1), VoucherState::Revoked);
    let mut used = fresh(seconds(HOUR), 1);
    used.used_s = 3_600;
    bench.sell(2, used);
    let mut old = fresh(days(30), 1);
    old.since_first_use_s = Some(30 * 86_400);
    bench.sell(3, old);
    for (number, notice) in [(1, Notice::Revoked), (2, Notice::UsedUp), (3, Notice::UsedUp)] {
        assert_eq!(notice_of(&bench.log_in(mac(1), number)), Some(notice));
    }
    assert!(bench.activations.is_empty());
}

#[test]
fn the_sixth_quick_try_is_told_how_long_to_wait_and_then_works() {
    let mut bench = Bench::with(seconds(HOUR));
    for _ in 0..5 {
        assert_eq!(notice_of(&bench.log_in(mac(1), 9)), Some(Notice::Wrong));
    }
    let Some(Notice::TryAgainIn { seconds }) = notice_of(&bench.log_in(mac(1), 1)) else { panic!() };
    assert_eq!(seconds, 12);
    assert!(matches!(bench.log_in(mac(2), 9), Page::Form { notice: Some(Notice::Wrong), .. }));
    bench.run_s(seconds.into());
    assert!(matches!(bench.log_in(mac(1), 1), Page::Welcome { .. }));
}

#[test]
fn one_check_at_a_time_for_a_device_and_a_double_tap_gets_both_answers() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.slow_vault = true;
    let first = bench.request(Some(mac(1)), post_code(&code(1)));
    let second = bench.request(Some(mac(1)), post_code(&code(1)));
    let other = bench.ask(mac(1), post_code(&code(2))).unwrap();
    assert_eq!(notice_of(&other), Some(Notice::OneAtATime));
    assert_eq!(bench.checks.len(), 1);
    assert!(matches!(bench.ask(mac(1), get("10.77.4.1", "/")), Some(Page::Checking { .. })));
    bench.answer_checks();
    bench.drain();
    for request in [first, second] {
        assert!(matches!(bench.page(request), Some(Page::Welcome { .. })));
    }
    assert_eq!(bench.activations.len(), 1);
}

#[test]
fn one_spent_coupon_and_many_macs_keep_the_vault_busy_once() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.slow_vault = true;
    for number in 10..200 {
        bench.request(Some(mac(number)), post_code(&code(9)));
    }
    assert_eq!(bench.checks.len(), 1);
    bench.request(Some(mac(1)), post_code(&code(1)));
    assert_eq!(bench.checks.len(), 2);
    bench.answer_checks();
    bench.drain();
    assert!(bench.is_through(mac(1)));
}

#[test]
fn when_all_checks_are_taken_the_next_guest_is_told_to_come_back() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.slow_vault = true;
    for number in 0..HOTSPOT_CHECKS as u8 {
        bench.request(Some(mac(100 + number)), post_code(&code(100 + number)));
    }
    let page = bench.ask(mac(1), post_code(&code(1))).unwrap();
    assert_eq!(notice_of(&page), Some(Notice::Busy { seconds: 5 }));
    assert!(bench.events.contains(&Event::Busy));
    bench.answer_checks();
    bench.drain();
    bench.slow_vault = false;
    bench.run_s(5);
    assert!(matches!(bench.log_in(mac(1), 1), Page::Welcome { .. }));
}

#[test]
fn a_check_that_takes_long_goes_on_while_the_page_asks_again() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.slow_vault = true;
    let request = bench.request(Some(mac(1)), post_code(&code(1)));
    let wrong = bench.request(Some(mac(2)), post_code(&code(9)));
    bench.run_s(8);
    assert!(matches!(bench.page(request), Some(Page::Checking { .. })), "before the request is given up");
    assert!(matches!(bench.page(wrong), Some(Page::Checking { .. })));
    bench.run_s(4);
    bench.answer_checks();
    bench.drain();
    assert!(matches!(bench.ask(mac(1), get("10.77.4.1", "/")), Some(Page::Status { .. })));
    let page = bench.ask(mac(2), get("10.77.4.1", "/")).unwrap();
    assert_eq!(notice_of(&page), Some(Notice::Wrong), "said on the next page, once");
    let page = bench.ask(mac(2), get("10.77.4.1", "/")).unwrap();
    assert_eq!(notice_of(&page), None);
}

#[test]
fn a_check_that_never_ends_is_forgotten_after_a_minute() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.slow_vault = true;
    bench.request(Some(mac(1)), post_code(&code(1)));
    bench.run_s(61);
    assert_eq!(bench.hotspot.next_wake(), None);
    let (ask, _) = bench.checks.remove(0);
    bench.hotspot.handle_code_checked(bench.now, ask, None);
    bench.drain();
    bench.slow_vault = false;
    assert!(matches!(bench.log_in(mac(1), 1), Page::Welcome { .. }));
}

#[test]
fn a_buyer_logs_in_at_once_while_a_station_guesses_with_changing_macs() {
    let mut bench = Bench::with(seconds(HOUR));
    for second in 0..30u32 {
        for guess in 0..50u32 {
            let [_, a, b, c] = (second * 50 + guess).to_be_bytes();
            let guesser = MacAddress([6, 0, 0, a, b, c]);
            bench.ask(guesser, post_code("0000-0000-0ZZZ"));
        }
        bench.run_s(1);
    }
    assert!(matches!(bench.log_in(mac(1), 1), Page::Welcome { .. }));
    assert_eq!(bench.hotspot.report(bench.now).counters.wrong, 1_500);
}

#[test]
fn the_oldest_device_yields_to_one_too_many() {
    let mut bench = Bench::new();
    bench.sell(1, fresh(seconds(HOUR), 2));
    for device in [3, 1, 2] {
        session_of(bench.log_in(mac(device), 1));
    }
    assert!(!bench.is_through(mac(3)), "the first one in, whatever its address");
    assert!(bench.is_through(mac(1)) && bench.is_through(mac(2)));
    assert_eq!(bench.kernel.counters.len(), 1, "one client for all of them");
    assert!(bench.events.iter().any(|event| matches!(event, Event::DeviceYielded { .. })));
    assert!(matches!(bench.ask(mac(3), get("10.77.4.1", "/")), Some(Page::Form { .. })));
    // The one that types its code again is the newest.
    bench.log_in(mac(1), 1);
    bench.log_in(mac(3), 1);
    assert!(!bench.is_through(mac(2)));
}

#[test]
fn a_guest_of_unknown_address_is_told_so_on_the_portal_only() {
    let mut bench = Bench::new();
    let probe = bench.request(None, get("connectivitycheck.gstatic.com", "/generate_204"));
    assert_eq!(bench.page(probe), redirect());
    for http in [get("10.77.4.1", "/"), get("10.77.4.1", "/status"), post_code(&code(1))] {
        let request = bench.request(None, http);
        assert!(matches!(bench.page(request), Some(Page::UnknownDevice { .. })));
    }
}

#[test]
fn a_revocation_cuts_the_running_session() {
    let mut bench = Bench::new();
    bench.sell(1, fresh(seconds(HOUR), 2));
    bench.log_in(mac(1), 1);
    bench.log_in(mac(2), 1);
    bench.hotspot.handle_voucher_changed(bench.now, verifier(1), VoucherState::Revoked);
    bench.drain();
    assert!(bench.kernel.devices.is_empty() && bench.kernel.counters.is_empty());
    assert!(bench.events.iter().any(|e| matches!(e, Event::SessionEnded { why: EndReason::Revoked, .. })));
    assert!(bench.saved.is_empty());
}

#[test]
fn a_lot_that_is_not_known_yet_ends_no_session() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    bench.hotspot.handle_voucher_changed(bench.now, verifier(1), VoucherState::Unknown);
    bench.drain();
    assert!(bench.is_through(mac(1)));
}

#[test]
fn a_full_node_gives_the_place_of_the_longest_idle_or_asks_to_come_back() {
    let mut bench = Bench::new();
    bench.sell(1, fresh(seconds(HOUR), 255));
    bench.sell(2, fresh(days(2), 255));
    bench.sell(3, fresh(seconds(HOUR), 255));
    bench.sell(4, fresh(seconds(HOUR), 255));
    bench.sell(5, fresh(seconds(HOUR), 1));
    let device = |number: usize| MacAddress([2, 1, 0, 0, (number >> 8) as u8, number as u8]);
    bench.sell(6, fresh(seconds(HOUR), 255));
    for number in 0..HOTSPOT_SESSIONS {
        bench.log_in(device(number), [1, 2, 3, 4, 6][number / 250]);
    }
    let page = bench.log_in(mac(1), 5);
    assert_eq!(notice_of(&page), Some(Notice::Busy { seconds: 120 }));
    assert!(bench.events.contains(&Event::Full));
    // Voucher 2 goes on; the others are idle, voucher 1 as long as any, and it came first.
    bench.active.insert(device(300));
    bench.run_s(3_601);
    assert!(matches!(bench.log_in(mac(1), 5), Page::Welcome { .. }));
    assert_eq!(bench.remaining(1), None);
    assert!(bench.remaining(3).is_some());
}

#[test]
fn a_device_that_the_kernel_lost_is_admitted_again_when_it_is_redirected() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    bench.run_s(10);
    bench.kernel = Kernel::default();
    assert_eq!(bench.ask(mac(1), get("example.org", "/")), redirect());
    assert!(bench.is_through(mac(1)));
    let batches = |bench: &Bench| bench.outputs.iter().filter(|o| matches!(o, Output::Guests(_))).count();
    let before = batches(&bench);
    for _ in 0..100 {
        bench.ask(mac(1), get("example.org", "/"));
    }
    assert_eq!(batches(&bench), before, "not for every request");
}

#[test]
fn a_refused_batch_is_tried_again_one_by_one() {
    let mut bench = Bench::new();
    bench.sell(1, fresh(seconds(HOUR), 3));
    bench.cursed.insert(mac(2));
    bench.log_in(mac(1), 1);
    bench.log_in(mac(2), 1);
    bench.log_in(mac(3), 1);
    assert!(bench.is_through(mac(1)) && !bench.is_through(mac(2)) && !bench.is_through(mac(3)));
    bench.run_s(2);
    assert!(bench.is_through(mac(3)), "spoilt by the other's refusal, let in alone");
    bench.cursed.clear();
    bench.run_s(8);
    assert!(bench.is_through(mac(2)));
    assert!(bench.events.iter().any(|event| matches!(event, Event::GuestsRefused { given_up: 0, .. })));
}

#[test]
fn a_change_that_is_always_refused_is_given_up_and_tried_at_the_next_lease() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.cursed.insert(mac(1));
    bench.log_in(mac(1), 1);
    bench.run_s(280);
    let given_up = |e: &Event| matches!(e, Event::GuestsRefused { given_up: 1, .. });
    assert!(bench.events.iter().any(given_up));
    assert!(bench.events.len() < 15);
    bench.cursed.clear();
    bench.run_s(25);
    assert!(bench.is_through(mac(1)));
}

#[test]
fn client_ids_are_used_again_late() {
    let mut bench = Bench::new();
    let mut seen: crate::base::sorted::SortedSet<_> = crate::base::sorted::SortedSet::new();
    for round in 0..200u8 {
        bench.sell(round, fresh(seconds(HOUR), 1));
        bench.ask(mac(1), post("/logout", false));
        bench.log_in(mac(1), round);
        bench.run_s(60);
        let GuestChange::Admit { client, .. } = bench
            .outputs
            .iter()
            .rev()
            .find_map(|output| match output {
                Output::Guests(changes) => {
                    changes.iter().rev().find(|c| matches!(c, GuestChange::Admit { .. }))
                }
                _ => None,
            })
            .unwrap()
            .clone()
        else {
            panic!()
        };
        assert!(seen.insert(client));
    }
}

fn post(path: &str, foreign: bool) -> PortalRequest {
    PortalRequest { method: Method::Post, foreign, ..get("10.77.4.1", path) }
}

#[test]
fn who_wants_out_is_out_and_keeps_what_is_left() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    bench.run_s(60);
    // A page elsewhere cannot send anybody out.
    let asked = bench.ask(mac(1), post("/logout", true)).unwrap();
    assert_eq!((notice_of(&asked), bench.is_through(mac(1))), (Some(Notice::Again), true));
    assert_eq!(bench.hotspot.report(bench.now).counters.foreign, 1);
    let out = bench.ask(mac(1), post("/logout", false)).unwrap();
    assert_eq!((notice_of(&out), bench.is_through(mac(1))), (Some(Notice::LeftNow), false));
    assert_eq!(bench.hotspot.report(bench.now).sessions.len(), 0);
    let back = session_of(bench.log_in(mac(1), 1));
    assert!(matches!(back.left, Left::OfUse(left) if left <= Span::from_secs(HOUR.into())), "{back:?}");
    // A stranger has nothing to leave.
    let stranger = bench.ask(mac(9), post("/logout", false)).unwrap();
    assert_eq!(notice_of(&stranger), Some(Notice::LeftNow));
}

#[test]
fn of_two_devices_the_one_that_wants_out_goes() {
    let mut bench = Bench::new();
    bench.sell(1, fresh(seconds(HOUR), 2));
    bench.log_in(mac(1), 1);
    bench.log_in(mac(2), 1);
    bench.ask(mac(1), post("/logout", false));
    assert_eq!((bench.is_through(mac(1)), bench.is_through(mac(2))), (false, true));
}

#[test]
fn the_device_that_yielded_is_told_until_it_is_back() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    bench.log_in(mac(2), 1);
    let page = bench.ask(mac(1), get("10.77.4.1", "/")).unwrap();
    assert_eq!(notice_of(&page), Some(Notice::Yielded));
    bench.log_in(mac(1), 1);
    bench.ask(mac(1), post("/logout", false));
    let page = bench.ask(mac(1), get("10.77.4.1", "/")).unwrap();
    assert_eq!(notice_of(&page), None);
}

#[test]
fn guests_tell_that_there_is_no_internet_and_each_counts_once_an_hour() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    for _ in 0..3 {
        assert!(matches!(bench.ask(mac(1), post("/report", false)), Some(Page::Reported { .. })));
    }
    // Strangers pay nothing and miss nothing; a page elsewhere speaks for nobody.
    bench.ask(mac(7), post("/report", false));
    bench.ask(mac(1), post("/report", true));
    assert_eq!(bench.hotspot.complaints(), 1);
    assert_eq!(bench.events.iter().filter(|event| **event == Event::NoInternet).count(), 1);
    bench.run_s(3_600);
    assert_eq!(bench.hotspot.complaints(), 0);
}

#[test]
fn programs_of_the_phone_learn_whether_it_is_captive() {
    let mut bench = Bench::with(seconds(HOUR));
    let captive = |bench: &mut Bench| match bench.ask(mac(1), get("192.0.2.1", "/api/captive")) {
        Some(Page::Captive { left, .. }) => left.is_none(),
        other => panic!("{other:?}"),
    };
    assert!(captive(&mut bench));
    bench.log_in(mac(1), 1);
    assert!(!captive(&mut bench));
}
