//! The daemon dies, the kernel goes on.

use super::*;
use crate::base::time::{Instant, Span};
use crate::hotspot::Hotspot;
use crate::hotspot::output::{ClientId, Event, SavedSession};
use crate::hotspot::portal::Page;
use crate::hotspot::tariff::VoucherState;

#[test]
fn nobody_is_logged_out_and_the_counting_goes_on() {
    let mut bench = Bench::with(seconds(1_000));
    bench.sell(2, fresh(days(2), 1));
    bench.log_in(mac(1), 1);
    bench.log_in(mac(2), 2);
    bench.active.insert(mac(1));
    bench.run_s(500);
    bench.restart(Span::from_secs(7));
    assert!(bench.is_through(mac(1)) && bench.is_through(mac(2)));
    assert!(matches!(bench.ask(mac(1), get("10.77.4.1", "/")), Some(Page::Status { .. })));
    bench.run_s(1_000);
    assert_eq!(bench.truth_s(1), 1_000);
    let left = bench.remaining(2).unwrap();
    assert_eq!(left, Span::from_secs(2 * 86_400 - 1_507));
    assert!(bench.events.contains(&Event::Adopted { sessions: 2, dismissed: 0 }));
}

#[test]
fn who_is_in_the_kernel_but_unknown_is_dismissed_at_once() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.sell(2, fresh(seconds(HOUR), 2));
    bench.log_in(mac(1), 1);
    bench.log_in(mac(2), 2);
    bench.log_in(mac(3), 2);
    bench.saved.retain(|saved| saved.verifier == verifier(1));
    bench.restart(Span::from_secs(1));
    assert!(bench.is_through(mac(1)));
    assert!(!bench.is_through(mac(2)) && !bench.is_through(mac(3)));
    assert_eq!(
        bench.kernel.counters.len(),
        1,
        "the counters of the unknown client went with its last device"
    );
    assert!(bench.events.contains(&Event::Adopted { sessions: 1, dismissed: 2 }));
    // The next session does not get a number that was in the kernel.
    bench.log_in(mac(4), 2);
    assert_eq!(bench.kernel.devices[&mac(4)].0, ClientId(3));
}

#[test]
fn who_is_saved_but_no_longer_in_the_kernel_comes_in_again_if_time_is_left() {
    let mut bench = Bench::with(seconds(1_000));
    bench.sell(2, fresh(seconds(1_000), 1));
    bench.sell(3, fresh(days(1), 1));
    for number in [1, 2, 3] {
        bench.log_in(mac(number), number);
    }
    bench.active.insert(mac(1));
    bench.run_s(400);
    bench.restart(Span::from_secs(2 * 86_400));
    assert!(!bench.is_through(mac(1)), "in use when last seen: the kernel let it use up the rest");
    assert!(bench.is_through(mac(2)), "idle when last seen: nothing counted");
    assert!(!bench.is_through(mac(3)), "its day has passed");
    assert_eq!(bench.remaining(2), Some(Span::from_secs(1_000)));
    assert!(bench.truth_s(1) <= 1_000);
}

#[test]
fn a_voucher_revoked_while_the_daemon_was_away_is_cut() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    bench.vouchers.insert(verifier(1), VoucherState::Revoked);
    bench.restart(Span::from_secs(5));
    assert!(!bench.is_through(mac(1)));
}

#[test]
fn a_restart_while_the_uplink_is_down_counts_nothing() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    bench.active.insert(mac(1));
    bench.run_s(100);
    bench.set_uplink(false);
    bench.run_s(300);
    bench.restart(Span::from_secs(300));
    bench.run_s(300);
    let left = bench.remaining(1).unwrap().as_secs();
    assert!((3_480..=3_500).contains(&left), "{left}");
}

#[test]
fn a_clock_that_begins_anew_gives_the_time_to_the_user() {
    let mut bench = Bench::with(days(2));
    bench.log_in(mac(1), 1);
    bench.run_s(86_400);
    let mut hotspot = Hotspot::new(settings(), 1);
    hotspot.handle_start(Instant::ZERO, bench.saved.clone(), Vec::new(), Vec::new());
    let remaining = hotspot.report(Instant::ZERO).sessions[0].remaining.as_secs();
    assert!((86_400..=86_460).contains(&remaining), "{remaining}");
}

#[test]
fn a_saved_list_that_contradicts_itself_harms_nobody() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    let good = bench.saved[0].clone();
    let twist = |change: fn(&mut SavedSession)| {
        let mut saved = good.clone();
        saved.verifier = verifier(9);
        saved.client = ClientId(9);
        saved.devices = vec![mac(9)];
        change(&mut saved);
        saved
    };
    bench.saved = vec![
        good.clone(),
        twist(|saved| saved.client = ClientId(0)),
        twist(|saved| saved.client = ClientId(65_536)),
        twist(|saved| saved.client = ClientId(1)),
        twist(|saved| saved.verifier = verifier(1)),
        twist(|saved| saved.devices = vec![mac(1)]),
        twist(|saved| saved.devices = vec![mac(9), mac(9)]),
        twist(|saved| saved.devices = vec![]),
    ];
    bench.restart(Span::from_secs(1));
    assert!(bench.is_through(mac(1)));
    assert_eq!(bench.hotspot.report(bench.now).sessions.len(), 1);
}

#[test]
fn a_snapshot_goes_on_like_the_original() {
    let mut bench = Bench::new();
    for number in 1..20 {
        bench.sell(number, fresh(if number % 2 == 0 { seconds(500) } else { days(1) }, 2));
    }
    for number in 1..10 {
        bench.log_in(mac(number), number);
        bench.active.insert(mac(number));
        bench.run_s(13);
    }
    bench.slow_vault = true;
    bench.request(Some(mac(50)), post_code(&code(11)));
    let bytes = postcard::to_allocvec(&bench.hotspot).unwrap();
    let mut copy = bench.clone();
    copy.hotspot = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(copy.hotspot, bench.hotspot);
    for bench in [&mut bench, &mut copy] {
        bench.answer_checks();
        bench.drain();
        bench.run_s(300);
        bench.set_uplink(false);
        bench.request(Some(mac(51)), post_code(&code(99)));
        bench.run_s(1_000);
    }
    assert_eq!(copy.outputs, bench.outputs);
    assert_eq!(copy.hotspot, bench.hotspot);
}
