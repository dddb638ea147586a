//! What radios say is recorded, and whom they hear is not.

use super::*;
use crate::link::sample::{RadioEvent, RadioNews, RadioSample, StationSample};

#[test]
fn stations_stand_in_a_recording_under_pseudonyms() {
    let mut story = Story::new(PHONES, 0);
    story.record();
    for second in 0..3 {
        let station = |mac| StationSample {
            mac,
            signal_dbm: Some(-60),
            inactive_ms: Some(second * 10),
            authorized: true,
            ..StationSample::default()
        };
        let stations = PHONES.map(station).to_vec();
        let sample = RadioSample { interface: "wan".into(), stations, survey: None };
        story.step(Input::Radio(RadioNews::Sample(sample)));
        let event = RadioEvent::StationGone { mac: PHONES[1] };
        story.step(Input::Radio(RadioNews::Event { interface: "wan".into(), event }));
        story.pass(Span::from_secs(1));
    }
    let holds = |what: &[u8]| story.recording.windows(what.len()).any(|window| window == what);
    for mac in PHONES {
        assert!(!holds(&mac.0) && !holds(&mac.eui64()), "{mac:?}");
    }
    let replayed = replay(&story.recording, |_, _, _| {}).unwrap();
    assert!(replayed.steps >= 6 && !replayed.torn, "{replayed:?}");
}
