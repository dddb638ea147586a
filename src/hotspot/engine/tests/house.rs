//! What holds for many at once is told to the kernel, renewed, and taken back.

use super::*;
use crate::base::time::Span;
use crate::hotspot::Hotspot;
use crate::hotspot::output::{AdmittedGuest, ClientId, Gate, GuestChange, Output};
use crate::hotspot::portal::{Left, Page};
use crate::hotspot::rules::{Mode, Policy, Rules};

fn mode(mode: Mode) -> Rules {
    Rules { mode, reason: "lluvia".to_owned(), ..Rules::default() }
}

fn school(open: bool, phones: &[u8]) -> Policy {
    Policy {
        client: ClientId::of_policy(0),
        name: "Escuela <1>".to_owned(),
        open,
        macs: phones.iter().map(|phone| mac(*phone)).collect(),
        has_network: true,
        rate_down_kbps: 4_000,
        rate_up_kbps: 1_000,
    }
}

impl Bench {
    fn rule(&mut self, rules: Rules) {
        self.hotspot.handle_rules(self.now, rules);
        self.drain();
    }

    fn holds(&self, gate: Gate) -> bool {
        self.kernel.gates.get(&gate).is_some_and(|end| *end > self.now)
    }
}

#[test]
fn an_emergency_is_held_as_long_as_it_lasts_and_there_is_a_way_outside() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.rule(mode(Mode::Emergency));
    assert!(bench.holds(Gate::Strangers));
    bench.run_s(20_000);
    assert!(bench.holds(Gate::Strangers), "renewed");
    let said = bench.ask(mac(9), get("10.77.4.1", "/api/captive")).unwrap();
    assert!(matches!(said, Page::Captive { left: None, open: true, .. }), "{said:?}");
    bench.set_uplink(false);
    assert!(!bench.holds(Gate::Strangers), "without an uplink strangers find the portal");
    let page = bench.ask(mac(9), get("10.77.4.1", "/")).unwrap();
    let Page::Form { place, .. } = page else { panic!("{page:?}") };
    assert_eq!((place.mode, place.reason.as_str()), (Mode::Emergency, "lluvia"));
    bench.set_uplink(true);
    assert!(bench.holds(Gate::Strangers));
    bench.rule(Rules::default());
    assert!(!bench.holds(Gate::Strangers));
    let before = bench.outputs.len();
    bench.run_s(3_600);
    assert_eq!(bench.outputs.len(), before, "as every day, nothing is told");
}

#[test]
fn at_night_sessions_stay_and_nobody_pays() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    bench.rule(mode(Mode::Night));
    assert!(bench.holds(Gate::Night));
    // A phone that the kernel sends here is not admitted again and again.
    bench.run_s(60);
    let before = bench.outputs.len();
    for _ in 0..10 {
        bench.ask(mac(1), get("connectivitycheck.gstatic.com", "/generate_204"));
    }
    assert!(!bench.outputs[before..].iter().any(|output| matches!(output, Output::Guests(_))));
    let page = bench.ask(mac(1), get("10.77.4.1", "/")).unwrap();
    let Page::Status { place, session } = page else { panic!("{page:?}") };
    assert_eq!(place.mode, Mode::Night);
    assert!(matches!(session.left, Left::OfUse(_)));
    bench.run_s(8 * 3_600);
    assert!(bench.holds(Gate::Night) && bench.is_through(mac(1)), "its lease goes on");
    bench.rule(Rules::default());
    assert!(!bench.holds(Gate::Night));
    assert!(bench.remaining(1).unwrap() > Span::from_secs(3_500), "{:?}", bench.remaining(1));
}

#[test]
fn a_school_has_its_hours_and_its_devices_need_no_code() {
    let mut bench = Bench::with(seconds(HOUR));
    let rules = |open, phones: &[u8]| Rules { policies: vec![school(open, phones)], ..Rules::default() };
    bench.rule(rules(true, &[1, 2]));
    assert!(bench.is_through(mac(1)) && bench.is_through(mac(2)) && !bench.is_through(mac(3)));
    assert!(!bench.holds(Gate::Closed(ClientId::of_policy(0))));
    bench.run_s(7_200);
    assert!(bench.is_through(mac(1)), "renewed");
    let page = bench.ask(mac(1), get("10.77.4.1", "/")).unwrap();
    assert!(matches!(&page, Page::Free { name, .. } if name == "Escuela <1>"), "{page:?}");
    let said = bench.ask(mac(1), get("10.77.4.1", "/api/captive")).unwrap();
    assert!(matches!(said, Page::Captive { open: true, .. }));
    // One of them is no pupil's any more.
    bench.rule(rules(true, &[2]));
    assert!(!bench.is_through(mac(1)) && bench.is_through(mac(2)));
    // After school.
    bench.rule(rules(false, &[2]));
    assert!(!bench.is_through(mac(2)) && bench.holds(Gate::Closed(ClientId::of_policy(0))));
    let page = bench.ask(mac(2), get("10.77.4.1", "/")).unwrap();
    assert!(matches!(page, Page::Form { .. }));
    bench.log_in(mac(2), 1);
    bench.rule(rules(true, &[2]));
    assert_ne!(bench.kernel.devices[&mac(2)].0, ClientId::of_policy(0), "who typed a code has what it gives");
}

#[test]
fn what_the_kernel_refused_is_told_again() {
    let mut bench = Bench::new();
    bench.cursed.insert(mac(1));
    bench.rule(Rules { policies: vec![school(true, &[1])], ..mode(Mode::Night) });
    assert!(!bench.is_through(mac(1)) && !bench.holds(Gate::Night));
    bench.cursed.clear();
    bench.run_s(11);
    assert!(bench.is_through(mac(1)) && bench.holds(Gate::Night));
    // And what was to be taken back.
    bench.cursed.insert(mac(1));
    bench.rule(Rules::default());
    assert!(bench.is_through(mac(1)) && bench.holds(Gate::Night));
    bench.cursed.clear();
    bench.run_s(11);
    assert!(!bench.is_through(mac(1)) && !bench.holds(Gate::Night));
}

#[test]
fn a_restart_holds_what_holds_and_dismisses_no_pupil() {
    let mut bench = Bench::new();
    let rules = || Rules { policies: vec![school(true, &[1])], ..mode(Mode::Night) };
    bench.rule(rules());
    bench.hotspot = Hotspot::new(settings(), 8);
    // The kernel's sets could not be written yet.
    bench.hotspot.handle_rules(bench.now, rules());
    while bench.hotspot.poll().is_some() {}
    bench.kernel.gates.clear();
    let client = ClientId::of_policy(0);
    let left = AdmittedGuest { mac: mac(1), client, remaining: Span::from_secs(60) };
    bench.hotspot.handle_start(bench.now, Vec::new(), vec![left], Vec::new());
    let before = bench.outputs.len();
    bench.drain();
    assert!(bench.holds(Gate::Night) && bench.is_through(mac(1)));
    let dismissed = |output: &Output| match output {
        Output::Guests(changes) => changes.iter().any(|change| matches!(change, GuestChange::Dismiss { .. })),
        _ => false,
    };
    assert!(!bench.outputs[before..].iter().any(dismissed));
}

#[test]
fn what_passes_of_a_policy_is_known_without_any_session() {
    let mut bench = Bench::new();
    bench.rule(Rules { policies: vec![school(true, &[1])], ..Rules::default() });
    let told = |bench: &Bench| -> Vec<(String, u64, u64)> {
        bench.hotspot.policies().map(|(name, up, down)| (name.to_owned(), up, down)).collect()
    };
    assert_eq!(told(&bench), [("Escuela <1>".to_owned(), 0, 0)]);
    bench.active.insert(mac(1));
    bench.names.insert(ClientId::of_policy(0), verifier(99));
    bench.run_s(60);
    let (_, up, down) = told(&bench)[0];
    assert!(up >= 100 && down == 30 * up, "{up} {down}");
    bench.rule(Rules::default());
    bench.outputs.clear();
    bench.run_s(600);
    assert!(told(&bench).is_empty() && !bench.outputs.contains(&Output::ReadUsage), "nobody is counted");
}
