//! What counts, and how a plan ends.

use super::*;
use crate::base::address::MacAddress;
use crate::base::time::Span;
use crate::hotspot::output::{EndReason, Event, GuestChange, Output};
use crate::hotspot::portal::Left;
use crate::hotspot::portal::{Notice, Page};
use crate::hotspot::tariff::{Measure, VoucherState};

#[test]
fn an_hour_of_use_lasts_exactly_an_hour_of_use() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    bench.active.insert(mac(1));
    bench.run_s(3_599);
    assert!(bench.is_through(mac(1)));
    bench.run_s(2);
    assert!(!bench.is_through(mac(1)));
    assert_eq!(bench.truth_s(1), 3_600);
    assert!(bench.events.iter().any(|e| matches!(e, Event::SessionEnded { why: EndReason::UsedUp, .. })));
    assert!(matches!(bench.ask(mac(1), get("10.77.4.1", "/")), Some(Page::Form { .. })));
    assert!(matches!(&bench.vouchers[&verifier(1)], VoucherState::Good(a) if a.used_here_s == 3_600));
    assert_eq!(bench.hotspot.next_wake(), None, "nothing is read while there is no session");
}

#[test]
fn a_plan_of_twenty_seconds_ends_after_twenty_seconds() {
    let mut bench = Bench::with(seconds(20));
    bench.log_in(mac(1), 1);
    bench.active.insert(mac(1));
    bench.run_s(60);
    assert_eq!(bench.truth_s(1), 20);
}

#[test]
fn idle_time_does_not_count_beyond_a_minute() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    bench.run_s(7_200);
    assert_eq!(bench.remaining(1), Some(Span::from_secs(3_600)), "no packet, no use");
    bench.active.insert(mac(1));
    bench.run_s(600);
    bench.active.clear();
    bench.run_s(7_200);
    let left = bench.remaining(1).unwrap().as_secs();
    assert!((2_900..=2_960).contains(&left), "{left}: 600 s and the minute after it");
    assert!(bench.is_through(mac(1)), "an idle phone stays in");
}

#[test]
fn time_without_an_uplink_does_not_count() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    bench.active.insert(mac(1));
    bench.run_s(605);
    bench.set_uplink(false);
    bench.run_s(10_007);
    bench.set_uplink(true);
    bench.run_s(395);
    assert_eq!(bench.truth_s(1), 1_000);
    let left = bench.remaining(1).unwrap().as_secs();
    assert!((2_600..=2_620).contains(&left), "{left}");
    assert!(bench.is_through(mac(1)));
}

#[test]
fn days_from_first_use_pass_by_themselves() {
    let mut bench = Bench::with(days(2));
    bench.log_in(mac(1), 1);
    bench.run_s(2 * 86_400 - 1);
    assert!(bench.is_through(mac(1)));
    bench.run_s(1);
    assert!(!bench.is_through(mac(1)));
    assert!(matches!(&bench.vouchers[&verifier(1)],
        VoucherState::Good(a) if a.used_s == 0 && a.since_first_use_s == Some(2 * 86_400)));
}

#[test]
fn what_is_left_of_an_hour_is_gone_when_its_days_are_over() {
    let mut bench = Bench::with(Measure::UsedSeconds { seconds: HOUR, within_days: 2 });
    let view = session_of(bench.log_in(mac(1), 1));
    assert_eq!(view.left, Left::OfUse(Span::from_secs(3_600)));
    assert_eq!(view.within, Some(Span::from_secs(2 * 86_400)));
    bench.run_s(86_400);
    assert_eq!(bench.remaining(1), Some(Span::from_secs(3_600)), "it has not been used");
    bench.run_s(86_400 - 600);
    let view = session_of(bench.ask(mac(1), get("192.0.2.1", "/")).unwrap());
    assert_eq!((view.left, view.within), (Left::UntilEnd(Span::from_secs(600)), None));
    bench.run_s(599);
    assert!(bench.is_through(mac(1)));
    bench.run_s(1);
    assert!(!bench.is_through(mac(1)));
    assert_eq!(notice_of(&bench.log_in(mac(1), 1)), Some(Notice::UsedUp));
    // Other nodes know that the days have gone by, though nothing was used.
    assert!(matches!(&bench.vouchers[&verifier(1)],
        VoucherState::Good(a) if a.used_s == 0 && a.since_first_use_s == Some(2 * 86_400)));
}

#[test]
fn no_lease_is_longer_than_what_is_left_or_than_the_setting() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    bench.active.insert(mac(1));
    for _ in 0..3_700 {
        bench.run_s(1);
        if let Some((_, end)) = bench.kernel.devices.get(&mac(1)) {
            let lease = end.since(bench.now);
            assert!(lease <= Span::from_secs(900));
            assert!(bench.truth[&verifier(1)] + lease <= Span::from_secs(3_600), "{lease}");
        }
    }
}

#[test]
fn a_dead_daemon_gives_no_free_time_and_cuts_nobody_at_once() {
    let mut bench = Bench::with(seconds(1_000));
    bench.log_in(mac(1), 1);
    bench.active.insert(mac(1));
    bench.run_s(700);
    bench.pass(bench.now + Span::from_secs(200));
    assert!(bench.is_through(mac(1)));
    bench.pass(bench.now + Span::from_secs(86_400));
    assert_eq!(bench.truth_s(1), 1_000);
}

#[test]
fn use_on_other_nodes_shortens_what_is_left_here() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    bench.active.insert(mac(1));
    bench.run_s(650);
    let VoucherState::Good(mut told) = bench.vouchers[&verifier(1)].clone() else { panic!() };
    // The ledger has this node's use of a while ago, and 2,900 s of another node.
    assert_eq!(told.used_here_s, 600);
    told.used_s += 2_900;
    bench.hotspot.handle_voucher_changed(bench.now, verifier(1), VoucherState::Good(told.clone()));
    bench.drain();
    assert_eq!(bench.remaining(1), Some(Span::from_secs(60)), "as of the last reading");
    bench.run_s(200);
    assert_eq!(bench.truth_s(1), 700);
    assert!(!bench.is_through(mac(1)));
}

#[test]
fn an_extension_and_a_new_rate_reach_the_kernel_at_once() {
    let mut bench = Bench::with(seconds(100));
    bench.log_in(mac(1), 1);
    bench.active.insert(mac(1));
    bench.run_s(50);
    let mut more = fresh(seconds(200), 1);
    more.tariff.rate_down_kbps = 4_000;
    bench.sell(1, more.clone());
    bench.hotspot.handle_voucher_changed(bench.now, verifier(1), VoucherState::Good(more));
    bench.drain();
    let Some(Output::Guests(changes)) = bench.outputs.iter().rev().find(|o| matches!(o, Output::Guests(_)))
    else {
        panic!()
    };
    assert!(matches!(changes[0], GuestChange::Admit { rate_down_kbps: 4_000, .. }));
    bench.run_s(200);
    assert_eq!(bench.truth_s(1), 200);
}

#[test]
fn the_time_since_first_use_grows_by_reports_and_shrinks_by_good_clocks_only() {
    let mut bench = Bench::with(days(10));
    bench.log_in(mac(1), 1);
    bench.run_s(86_400);
    let mut told = fresh(days(10), 1);
    let day = |n: u64| Some(Span::from_secs(n * 86_400));
    for (since_days, begin_is_good, left) in [(0, false, 9), (3, false, 7), (1, false, 7), (1, true, 9)] {
        told.since_first_use_s = Some(since_days * 86_400);
        told.begin_is_good = begin_is_good;
        bench.hotspot.handle_voucher_changed(bench.now, verifier(1), VoucherState::Good(told.clone()));
        bench.drain();
        assert_eq!(bench.remaining(1), day(left));
    }
}

#[test]
fn two_devices_of_one_voucher_use_its_seconds_once() {
    let mut bench = Bench::new();
    bench.sell(1, fresh(seconds(HOUR), 2));
    bench.log_in(mac(1), 1);
    bench.log_in(mac(2), 1);
    bench.active.extend([mac(1), mac(2)]);
    bench.run_s(600);
    assert_eq!(bench.truth_s(1), 600);
    let left = bench.remaining(1).unwrap().as_secs();
    assert!((3_000..=3_020).contains(&left), "{left}");
}

#[test]
fn counters_are_read_at_the_interval_and_more_often_near_the_end() {
    let mut bench = Bench::with(seconds(600));
    let reads = |bench: &Bench| bench.outputs.iter().filter(|o| matches!(o, Output::ReadUsage)).count();
    bench.run_s(600);
    assert_eq!(reads(&bench), 0);
    bench.log_in(mac(1), 1);
    bench.active.insert(mac(1));
    bench.run_s(400);
    assert_eq!(reads(&bench), 20);
    bench.run_s(200);
    let near_the_end = reads(&bench) - 20;
    assert!((12..=35).contains(&near_the_end), "{near_the_end}");
}

#[test]
fn use_is_reported_each_minute_and_at_the_end() {
    let mut bench = Bench::with(seconds(300));
    bench.log_in(mac(1), 1);
    bench.active.insert(mac(1));
    bench.run_s(400);
    let used: Vec<u64> = bench
        .outputs
        .iter()
        .filter_map(|output| match output {
            Output::Used { used_s, .. } => Some(*used_s),
            _ => None,
        })
        .collect();
    assert_eq!(used.last(), Some(&300));
    assert!((4..=7).contains(&used.len()), "{used:?}");
    assert!(used.is_sorted());
    let Some(Output::Used { up_bytes, down_bytes, .. }) =
        bench.outputs.iter().rev().find(|o| matches!(o, Output::Used { .. }))
    else {
        panic!()
    };
    assert!(*up_bytes > 0 && *down_bytes == 30 * up_bytes);
}

#[test]
fn new_settings_end_no_session() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    bench.active.insert(mac(1));
    let mut changed = settings();
    changed.lease = Span::from_secs(60);
    changed.portal_host = "portal.example".to_owned();
    bench.hotspot.handle_settings(bench.now, changed);
    bench.drain();
    bench.run_s(3_599);
    assert!(bench.is_through(mac(1)));
    assert!(matches!(bench.ask(mac(1), get("Portal.Example.", "/")), Some(Page::Status { .. })));
    bench.run_s(2);
    assert_eq!(bench.truth_s(1), 3_600);
}

#[test]
fn a_second_device_that_comes_as_the_plan_ends_gets_nothing_from_an_old_answer() {
    let mut bench = Bench::new();
    bench.sell(1, fresh(seconds(100), 2));
    bench.log_in(mac(1), 1);
    bench.active.insert(mac(1));
    bench.run_s(95);
    bench.slow_ledger = true;
    let request = bench.request(Some(mac(2)), post_code(&code(1)));
    let old = bench.vouchers[&verifier(1)].clone();
    bench.pass(bench.now + Span::from_secs(10));
    let (ask, _) = bench.asks.remove(0);
    bench.hotspot.handle_voucher(bench.now, ask, old);
    bench.drain();
    assert_eq!(notice_of(&bench.page(request).unwrap()), Some(Notice::UsedUp));
    assert!(!bench.is_through(mac(2)));
    assert_eq!(bench.truth_s(1), 100);
}

#[test]
fn the_last_moments_of_a_plan_do_not_keep_the_node_awake() {
    for left_ms in [0, 1, 400, 999, 1_000, 1_001, 2_500, 3_000, 3_001, 4_000, 8_000] {
        let mut bench = Bench::with(seconds(100));
        bench.log_in(mac(1), 1);
        bench.active.insert(mac(1));
        bench.run(Span::from_millis(100_000 - left_ms));
        bench.set_uplink(false);
        let outputs = bench.outputs.len();
        bench.run_s(600);
        assert!(bench.outputs.len() - outputs < 1_500, "{left_ms} ms left: {}", bench.outputs.len());
        bench.set_uplink(true);
        bench.run_s(10);
        assert!(bench.truth_s(1) >= 99 && bench.truth[&verifier(1)] <= Span::from_secs(100));
        assert!(!bench.is_through(mac(1)));
    }
}

/// What the kernel was told last about a device: limits towards it and from it in kbit/s.
fn rates(bench: &Bench, device: MacAddress) -> Option<[u32; 2]> {
    let batches = bench.outputs.iter().filter_map(|output| match output {
        Output::Guests(changes) => Some(changes),
        _ => None,
    });
    let mut admissions = batches.flatten().filter_map(|change| match *change {
        GuestChange::Admit { mac, rate_down_kbps, rate_up_kbps, .. } if mac == device => {
            Some([rate_down_kbps, rate_up_kbps])
        }
        _ => None,
    });
    admissions.next_back()
}

#[test]
fn the_last_five_minutes_are_slow_and_a_second_code_ends_that() {
    for measure in [seconds(HOUR), days(1)] {
        let mut bench = Bench::with(measure);
        let whole_s = measure.left(Span::ZERO, Span::ZERO).as_secs();
        bench.log_in(mac(1), 1);
        bench.active.insert(mac(1));
        bench.run_s(whole_s - 301);
        assert_eq!(rates(&bench, mac(1)), Some([2_000, 500]));
        bench.run_s(1);
        assert_eq!(rates(&bench, mac(1)), Some([64, 64]));
        assert!(session_of(bench.ask(mac(1), get("192.0.2.1", "/")).unwrap()).slow);
        bench.run_s(299);
        assert!(bench.is_through(mac(1)) && rates(&bench, mac(1)) == Some([64, 64]));
        bench.sell(2, fresh(seconds(HOUR), 1));
        assert!(!session_of(bench.log_in(mac(1), 2)).slow);
        assert_eq!(rates(&bench, mac(1)), Some([2_000, 500]));
    }
}

#[test]
fn a_short_plan_is_slow_for_a_twelfth_and_one_without_a_limit_has_one_then() {
    let mut bench = Bench::new();
    let mut free = fresh(seconds(600), 1);
    (free.tariff.rate_down_kbps, free.tariff.rate_up_kbps) = (0, 32);
    bench.sell(1, free);
    bench.log_in(mac(1), 1);
    bench.active.insert(mac(1));
    bench.run_s(549);
    assert_eq!(rates(&bench, mac(1)), Some([0, 32]));
    bench.run_s(1);
    assert_eq!(rates(&bench, mac(1)), Some([64, 32]), "never faster than before");
    bench.run_s(60);
    assert_eq!((bench.is_through(mac(1)), bench.truth_s(1)), (false, 600));
}

#[test]
fn an_idle_phone_before_its_last_minutes_keeps_nobody_awake() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    bench.active.insert(mac(1));
    bench.run_s(3_240);
    bench.active.clear();
    bench.run_s(3_600);
    bench.outputs.clear();
    bench.run_s(36_000);
    let told = bench.outputs.iter().filter(|output| matches!(output, Output::Guests(_))).count();
    assert!(told <= 1_800, "{told} batches in ten hours");
}
