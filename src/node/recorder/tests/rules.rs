//! How long a mode holds, and whose hours these are, with a clock and without.

use super::network::{entrust, network};
use super::taps::{by, tap, village, write};
use super::*;
use crate::base::time::{TimeQuality, WallTime};
use crate::hotspot::output::{ClientId, Gate, GuestChange};
use crate::hotspot::request::Method;
use crate::ledger::body::{Mode, NetworkMode};
use crate::node::deed::{Deed, Tap};
use crate::node::settings::Policy;

/// A Friday, 8:00 in UTC.
const EIGHT: u64 = 1_800_000_000;
const OFFICER: [u8; 32] = [6; 32];
const HOUR: Span = Span::from_secs(3_600);

/// What the kernel was told last of a gate.
fn is_held(story: &Story, gate: Gate) -> bool {
    let changes = story.outputs.iter().filter_map(|output| match output {
        Output::Guests(changes) => Some(changes),
        _ => None,
    });
    let mut held = false;
    for change in changes.flatten() {
        match *change {
            GuestChange::Hold { gate: one, .. } if one == gate => held = true,
            GuestChange::Release { gate: one } if one == gate => held = false,
            _ => {}
        }
    }
    held
}

fn tell(story: &mut Story, name: &str) {
    entrust(story, OWN_KEY, 3, &[Role::Officer]);
    let done = by(story, "Lupe", Tap { name: name.into(), text: "fuego".into(), ..tap(Deed::Mode) });
    assert_eq!(done, "mode");
}

#[test]
fn a_mode_takes_effect_at_once_and_ends_by_itself_after_a_day() {
    for (name, gate) in [("night", Gate::Night), ("emergency", Gate::Strangers)] {
        let mut story = village();
        tell(&mut story, name);
        assert!(is_held(&story, gate), "{name}");
        let told = network(&mut story);
        assert_eq!((told.mode.as_str(), told.reason.as_str(), told.ends_s), (name, "fuego", Some(86_400)));
        story.tick(Span::from_secs(23 * 3_600));
        assert!(is_held(&story, gate), "{name}");
        story.tick(Span::from_secs(3_700));
        assert!(!is_held(&story, gate), "{name}");
        let told = network(&mut story);
        assert_eq!((told.mode.as_str(), told.reason.as_str(), told.ends_s), ("usual", "", None));
    }
}

#[test]
fn who_sets_it_back_is_heard_at_once() {
    let mut story = village();
    tell(&mut story, "night");
    tell(&mut story, "emergency");
    assert!(!is_held(&story, Gate::Night) && is_held(&story, Gate::Strangers));
    tell(&mut story, "usual");
    assert!(!is_held(&story, Gate::Night) && !is_held(&story, Gate::Strangers));
}

#[test]
fn after_a_power_cut_an_old_night_shuts_nothing_and_an_emergency_holds_for_a_day_more_at_most() {
    let stale = WallTime { unix_s: 7, quality: TimeQuality::Stale };
    for (mode, gate, without_clock) in
        [(NetworkMode::Night, Gate::Night, false), (NetworkMode::Emergency, Gate::Strangers, true)]
    {
        for age_s in [600, 90_000] {
            let mut story = village();
            let time = WallTime { unix_s: EIGHT - age_s, quality: TimeQuality::Trusted };
            let body = Mode { number: 1, mode, reason: "".into(), confirms: None, time: Some(time) };
            entrust(&mut story, OFFICER, 6, &[Role::Officer]);
            write(&mut story, OFFICER, Body::Mode(Box::new(body)));
            let records: Vec<Vec<u8>> = story.node.ledger().written().collect();
            story.outputs.clear();
            story.power_cut(records.clone());
            assert_eq!(is_held(&story, gate), age_s < 86_400, "with a clock, {mode:?} {age_s}");
            story.outputs.clear();
            story.clock = stale;
            story.power_cut(records);
            assert_eq!(is_held(&story, gate), without_clock, "without one, {mode:?} {age_s}");
            story.tick(Span::from_secs(25 * 3_600));
            assert!(!is_held(&story, gate), "not for ever");
        }
    }
}

fn with_hours(night: &str, school: &str) -> Settings {
    let hours = |text: &str| vec![text.parse().unwrap()];
    Settings {
        night: hours(night),
        policies: vec![Policy {
            name: "Escuela".into(),
            macs: vec![PHONES[2]],
            devices: vec!["br-school".into()],
            hours: hours(school),
            rate_down_kbps: 0,
            rate_up_kbps: 0,
        }],
        ..settings()
    }
}

#[test]
fn hours_hold_while_the_time_is_known_and_a_record_is_stronger() {
    let mut story = village();
    let closed = Gate::Closed(ClientId::of_policy(0));
    // At 8:00 in UTC it is 2:00 in Chiapas.
    story.step(Input::Settings(Box::new(with_hours("22:00-06:00 UTC-06:00", "08:00-14:00 UTC-06:00"))));
    assert!(is_held(&story, Gate::Night) && is_held(&story, closed));
    story.tick(HOUR + HOUR + HOUR + HOUR + Span::from_secs(60));
    assert!(!is_held(&story, Gate::Night) && is_held(&story, closed), "6:01");
    story.tick(HOUR + HOUR);
    assert!(!is_held(&story, closed), "8:01");
    story.tick(Span::from_secs(14 * 3_600));
    assert!(is_held(&story, Gate::Night) && is_held(&story, closed), "22:01");
    // There is a feast.
    tell(&mut story, "usual");
    assert!(!is_held(&story, Gate::Night));
    story.tick(Span::from_secs(24 * 3_600));
    assert!(is_held(&story, Gate::Night), "the next night is one");
}

/// The hour is sold for the night from now on; a code of it.
fn sell_a_night(story: &mut Story) -> Code {
    let (before, hour) = story.node.ledger().plan("hora").unwrap();
    let night = Plan {
        hours: "22:00-06:00 UTC-06:00".parse().ok(),
        replaces: vec![before],
        measure: PlanMeasure::DaysFromFirstUse { days: 30 },
        devices: 2,
        ..hour.clone()
    };
    write(story, ROOT_KEY, Body::Plan(Box::new(night)));
    story.sell(1, "")[0]
}

#[test]
fn a_plan_works_at_its_hours_and_at_all_while_nobody_knows_the_time() {
    use crate::hotspot::portal::{Notice, Page};
    let mut story = village();
    let code = sell_a_night(&mut story);
    // At 8:00 in UTC it is 2:00 in Chiapas.
    assert!(matches!(story.log_in(0, code), Page::Welcome { .. }));
    story.tick(HOUR + HOUR + HOUR + HOUR + Span::from_secs(60));
    let Page::Status { session, .. } = story.ask(0, story::portal(Method::Get, "/")) else {
        panic!("a session")
    };
    assert!(session.closed, "6:01");
    let Page::Form { notice: Some(Notice::Hours(hours)), .. } = story.log_in(1, code) else {
        panic!("it is told when")
    };
    assert_eq!(hours.to_string(), "22:00-06:00 UTC-06:00");
    let records: Vec<Vec<u8>> = story.node.ledger().written().collect();
    story.clock = WallTime { unix_s: 7, quality: TimeQuality::Stale };
    story.power_cut(records);
    let Page::Welcome { place, session, .. } = story.log_in(0, code) else { panic!("nobody knows the time") };
    assert!(place.clockless && !session.closed && session.hours.is_some());
}

#[test]
fn who_does_not_know_the_time_closes_nothing_and_says_so() {
    let mut story = village();
    story.clock = WallTime { unix_s: 7, quality: TimeQuality::Stale };
    let records: Vec<Vec<u8>> = story.node.ledger().written().collect();
    story.outputs.clear();
    story.power_cut(records);
    story.step(Input::Settings(Box::new(with_hours("00:00-23:59 UTC", "08:00-08:01 UTC"))));
    assert!(!is_held(&story, Gate::Night) && !is_held(&story, Gate::Closed(ClientId::of_policy(0))));
    let crate::hotspot::portal::Page::Form { place, .. } = story.ask(0, story::portal(Method::Get, "/"))
    else {
        panic!("the form")
    };
    assert!(place.clockless);
}
