//! A plan with hours of the day works at these only, costs nothing at others, and says so.

use super::*;
use crate::base::hours::Hours;
use crate::base::time::Span;
use crate::hotspot::output::GuestChange;
use crate::hotspot::portal::{Left, Notice, Page};
use crate::hotspot::tariff::VoucherState;

/// A midnight in UTC.
const MIDNIGHT_S: u64 = 1_795_219_200;

impl Bench {
    /// The bench's clock stands at this hour of a day, and voucher 1 works from 22 to 6 o'clock.
    fn at_hour(&mut self, hour: u64) {
        self.hotspot.handle_clock(self.now, Some(MIDNIGHT_S + hour * 3_600));
        self.drain();
    }

    /// Time passes, and the node tells each minute what time it is, as it does.
    fn run_minutes(&mut self, minutes: u64, from_s: u64) {
        for minute in 1..=minutes {
            self.run_s(60);
            self.hotspot.handle_clock(self.now, Some(MIDNIGHT_S + from_s + minute * 60));
            self.drain();
        }
    }
}

fn nights() -> Option<Hours> {
    "22:00-06:00 UTC".parse().ok()
}

fn by_night() -> Bench {
    let mut bench = Bench::new();
    let mut allowance = fresh(seconds(HOUR * 10), 2);
    allowance.tariff.hours = nights();
    bench.sell(1, allowance);
    bench
}

#[test]
fn a_code_is_not_taken_at_other_hours_and_nothing_is_used() {
    let mut bench = by_night();
    bench.at_hour(21);
    let page = bench.log_in(mac(1), 1);
    assert_eq!(notice_of(&page), nights().map(Notice::Hours));
    assert!(bench.activations.is_empty() && !bench.is_through(mac(1)), "its days do not begin");
    bench.at_hour(22);
    let view = session_of(bench.log_in(mac(1), 1));
    assert_eq!((view.hours, view.closed), (nights(), false));
    assert!(bench.is_through(mac(1)));
}

#[test]
fn a_session_stops_with_its_hours_and_goes_on_with_them() {
    let mut bench = by_night();
    bench.at_hour(5);
    bench.log_in(mac(1), 1);
    bench.log_in(mac(2), 1);
    bench.active.insert(mac(1));
    bench.run_minutes(60, 5 * 3_600);
    assert!(!bench.is_through(mac(1)) && !bench.is_through(mac(2)), "6:00");
    let truth = bench.truth_s(1);
    assert!((3_590..=3_600).contains(&truth), "{truth}");
    let left = bench.remaining(1);
    // Sixteen hours, with whoever tries all the time: it stays out and nothing is used.
    let page = bench.ask(mac(1), get("example.org", "/")).unwrap();
    assert!(matches!(page, Page::Redirect { .. }), "{page:?}");
    let view = session_of(bench.ask(mac(1), get("192.0.2.1", "/")).unwrap());
    assert_eq!((view.closed, view.left), (true, Left::OfUse(left.unwrap())));
    let page = bench.ask(mac(1), get("10.77.4.1", "/api/captive")).unwrap();
    assert!(matches!(page, Page::Captive { left: None, open: false, .. }), "{page:?}");
    bench.run_minutes(16 * 60 - 1, 6 * 3_600);
    assert!(!bench.is_through(mac(1)), "21:59");
    assert_eq!((bench.truth_s(1), bench.remaining(1)), (truth, left), "nothing is used at other hours");
    bench.run_minutes(1, 22 * 3_600 - 60);
    assert!(bench.is_through(mac(1)) && bench.is_through(mac(2)), "22:00, and nobody types anything");
    bench.run_minutes(10, 22 * 3_600);
    let used = left.unwrap() - bench.remaining(1).unwrap();
    assert_eq!(used, Span::from_secs(600), "the active one uses it again");
}

#[test]
fn what_was_counted_stays_within_what_was_used_in_the_hours() {
    let mut bench = by_night();
    bench.at_hour(5);
    bench.log_in(mac(1), 1);
    bench.active.insert(mac(1));
    // The hours end between two readings.
    bench.run_s(590);
    bench.at_hour(6);
    bench.run_s(3_000);
    let used = Span::from_secs(u64::from(HOUR) * 10) - bench.remaining(1).unwrap();
    assert!(used <= Span::from_secs(590) && used >= Span::from_secs(570), "{used:?}");
    let left = bench.remaining(1);
    let leaves = bench.hotspot.handle_end(bench.now, verifier(1), None);
    bench.drain();
    assert_eq!(leaves, 1);
    let VoucherState::Good(kept) = &bench.vouchers[&verifier(1)] else { panic!("it is good") };
    let told = Span::from_secs(u64::from(HOUR) * 10 - kept.used_s);
    assert_eq!(Some(told), left, "an end at other hours costs nothing");
}

#[test]
fn a_restart_and_a_refusal_at_other_hours_let_nobody_in() {
    let mut bench = by_night();
    bench.at_hour(5);
    bench.log_in(mac(1), 1);
    bench.active.insert(mac(1));
    bench.run_s(60);
    // The kernel refuses to let it out; it is asked again, and not to let it in.
    bench.cursed.insert(mac(1));
    bench.at_hour(7);
    bench.cursed.clear();
    bench.run_s(10);
    assert!(!bench.is_through(mac(1)));
    let left = bench.remaining(1);
    bench.restart(Span::from_secs(30));
    bench.at_hour(7);
    assert!(!bench.is_through(mac(1)));
    bench.outputs.clear();
    bench.run_s(2_000);
    let admits = bench.outputs.iter().filter_map(|output| match output {
        crate::hotspot::output::Output::Guests(changes) => Some(changes),
        _ => None,
    });
    let admits = admits.flatten().filter(|change| matches!(change, GuestChange::Admit { .. }));
    assert_eq!(admits.count(), 0, "no renewal lets it in");
    assert_eq!(bench.remaining(1), left);
}

#[test]
fn while_nobody_knows_the_time_every_hour_is_one_of_its() {
    let mut bench = by_night();
    bench.at_hour(12);
    assert_eq!(notice_of(&bench.log_in(mac(1), 1)), nights().map(Notice::Hours));
    bench.hotspot.handle_clock(bench.now, None);
    bench.log_in(mac(1), 1);
    assert!(bench.is_through(mac(1)), "untrusted time closes nothing");
    bench.at_hour(12);
    assert!(!bench.is_through(mac(1)), "until somebody knows it");
    bench.hotspot.handle_clock(bench.now, None);
    bench.drain();
    assert!(bench.is_through(mac(1)));
}
