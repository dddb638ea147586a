//! Plans that end with their octets.

use super::*;
use crate::base::time::Span;
use crate::hotspot::output::{EndReason, Event};
use crate::hotspot::portal::{Notice, Page};
use crate::hotspot::tariff::{Allowance, VoucherState};

/// A day for two devices, in which so many MB may pass.
fn of_data(megabytes: u64) -> Allowance {
    let mut allowance = fresh(days(1), 2);
    allowance.tariff.data_bytes = Some(megabytes * 1_000_000);
    allowance
}

/// A bench with voucher 1, in use on phone 1 at `kbps`.
fn downloading(allowance: Allowance, kbps: u64) -> Bench {
    let mut bench = Bench::new();
    bench.sell(1, allowance);
    bench.log_in(mac(1), 1);
    bench.active.insert(mac(1));
    bench.bytes_per_s = kbps * 125;
    bench
}

fn ended(bench: &Bench) -> bool {
    bench.events.iter().any(|event| matches!(event, Event::SessionEnded { why: EndReason::UsedUp, .. }))
}

/// What is told of the end of 50 MB: octets beyond them.
fn excess(kbps: u64, limit_kbps: u32) -> u64 {
    let mut allowance = of_data(50);
    allowance.tariff.rate_down_kbps = limit_kbps;
    let mut bench = downloading(allowance, kbps);
    for _ in 0..3_600 {
        bench.run_s(10);
        if ended(&bench) {
            assert!(!bench.is_through(mac(1)));
            return bench.passed[&verifier(1)].checked_sub(50_000_000).expect("all of it could be used");
        }
    }
    panic!("it never ends at {kbps} kbit/s");
}

#[test]
fn data_end_within_a_second_of_the_slow_end_at_the_rates_of_a_village() {
    // (what the phone can take, the plan's limit towards it)
    for (kbps, limit_kbps) in [(300, 0), (5_000, 2_000), (9_000, 0), (15_000, 0), (100_000, 9_000)] {
        let excess = excess(kbps, limit_kbps);
        // 64 kbit/s for a second, and the 3,100 octets that a bench's phone sends at each look.
        assert!(excess <= 8_000 + 3_100, "{excess} octets at {kbps} of {limit_kbps} kbit/s");
    }
}

#[test]
fn a_link_faster_than_that_gives_what_passes_in_a_second() {
    let excess = excess(100_000, 0);
    assert!(excess <= 100_000 * 125, "{excess}");
}

#[test]
fn the_last_of_it_is_slow_and_the_portal_says_what_is_left() {
    let mut bench = downloading(of_data(50), 2_000);
    let page = |bench: &mut Bench| session_of(bench.ask(mac(1), get("10.77.4.1", "/")).unwrap());
    assert_eq!(page(&mut bench).bytes_left, Some(50_000_000));
    bench.run_s(100);
    let view = page(&mut bench);
    assert!(!view.slow && (24_000_000..31_000_000).contains(&view.bytes_left.unwrap()), "{view:?}");
    bench.run_s(100);
    let view = page(&mut bench);
    assert!(view.slow && view.bytes_left < Some(2_400_000) && !ended(&bench), "{view:?}");
    let report = bench.hotspot.report(bench.now);
    assert_eq!(report.sessions[0].remaining_bytes, page(&mut bench).bytes_left);
    bench.run_s(400);
    assert!(ended(&bench));
    let page = bench.log_in(mac(1), 1);
    assert_eq!(notice_of(&page), Some(Notice::UsedUp), "nothing is left for anybody");
}

#[test]
fn two_phones_of_one_voucher_share_its_data() {
    let mut bench = downloading(of_data(50), 4_000);
    bench.log_in(mac(2), 1);
    bench.active.insert(mac(2));
    bench.run_s(600);
    assert!(ended(&bench) && !bench.is_through(mac(1)) && !bench.is_through(mac(2)));
    assert!(bench.passed[&verifier(1)] < 50_100_000);
}

#[test]
fn what_other_nodes_counted_is_gone_here_too() {
    let mut bench = downloading(of_data(50), 100);
    let told = |bytes_elsewhere| Allowance { bytes_elsewhere, ..of_data(50) };
    bench.hotspot.handle_voucher_changed(bench.now, verifier(1), VoucherState::Good(told(48_000_000)));
    bench.drain();
    let client = bench.kernel.devices[&mac(1)].0;
    assert_eq!(bench.kernel.rates[&client], 64, "it is slow at once");
    bench.hotspot.handle_voucher_changed(bench.now, verifier(1), VoucherState::Good(told(50_000_000)));
    bench.drain();
    assert!(ended(&bench) && !bench.is_through(mac(1)));
    bench.sell(2, Allowance { bytes_elsewhere: 60_000_000, ..of_data(50) });
    assert_eq!(notice_of(&bench.log_in(mac(2), 2)), Some(Notice::UsedUp));
}

#[test]
fn more_data_end_the_slow_end_at_once_and_let_a_spent_voucher_in_again() {
    let mut bench = downloading(of_data(50), 2_000);
    bench.run_s(200);
    let slow = |bench: &mut Bench| session_of(bench.ask(mac(1), get("10.77.4.1", "/")).unwrap()).slow;
    assert!(slow(&mut bench));
    let more = |bench: &mut Bench, megabytes: u64| {
        let VoucherState::Good(mut told) = bench.vouchers[&verifier(1)].clone() else { panic!() };
        told.tariff.data_bytes = Some(megabytes * 1_000_000);
        bench.sell(1, told.clone());
        bench.hotspot.handle_voucher_changed(bench.now, verifier(1), VoucherState::Good(told));
        bench.drain();
    };
    more(&mut bench, 80);
    assert!(!slow(&mut bench));
    bench.run_s(600);
    let passed = bench.passed[&verifier(1)];
    assert!(ended(&bench) && (80_000_000..80_100_000).contains(&passed), "{passed}");
    more(&mut bench, 90);
    assert!(matches!(bench.log_in(mac(1), 1), Page::Welcome { .. }));
    bench.run_s(600);
    let passed = bench.passed[&verifier(1)];
    assert!(!bench.is_through(mac(1)) && (90_000_000..90_200_000).contains(&passed), "{passed}");
}

#[test]
fn octets_survive_a_restart_and_a_crash() {
    let mut bench = downloading(of_data(50), 2_000);
    bench.run_s(100);
    bench.restart(Span::from_secs(30));
    bench.run_s(1);
    let left = |bench: &Bench| bench.hotspot.report(bench.now).sessions[0].remaining_bytes.unwrap();
    let passed = bench.passed[&verifier(1)];
    let counted = 50_000_000 - left(&bench);
    assert!(passed - counted < 300_000, "{passed} passed, {counted} are counted");
    bench.run_s(400);
    assert!(ended(&bench) && bench.passed[&verifier(1)] < 50_100_000);
}

#[test]
fn a_plan_without_a_limit_of_data_has_none() {
    let mut bench = downloading(fresh(days(1), 1), 20_000);
    bench.run_s(3_600);
    let Some(Page::Status { session, .. }) = bench.ask(mac(1), get("10.77.4.1", "/")) else { panic!() };
    assert_eq!((session.bytes_left, session.slow), (None, false));
    assert!(bench.passed[&verifier(1)] > 800_000_000);
}
