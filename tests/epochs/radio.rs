//! Two members on a radio link see each other's figures.

use tequio::babel::settings::LinkKind;
use tequio::base::address::MacAddress;
use tequio::link::sample::{RadioNews, RadioSample, StationSample};
use tequio::node::call::Way;
use tequio::node::input::Input;

use super::*;

/// Each second both radios say how they hear the other end.
fn listen(mesh: &mut Mesh, seconds: u64, signals: [Option<i8>; 2]) {
    for second in 0..seconds {
        for (seat, signal) in signals.into_iter().enumerate() {
            let station = StationSample {
                mac: MacAddress([2, 0, 0, 0, 0, 9]),
                signal_dbm: signal,
                tx_packets: u32::try_from(second * 100).ok(),
                expected_throughput_kbit: Some(20_000),
                inactive_ms: Some(10),
                authorized: true,
                ..StationSample::default()
            };
            let stations = signal.map(|_| station).into_iter().collect();
            let sample = RadioSample { interface: "l0".into(), stations, survey: None };
            mesh.step(seat, Input::Radio(RadioNews::Sample(sample)));
        }
        mesh.pass(Span::from_secs(1));
    }
}

fn ways(mesh: &mut Mesh) -> Vec<Way> {
    match mesh.ask(0, Call::Links) {
        Answer::Links(links) => links.into_iter().flat_map(|link| link.ways).collect(),
        other => panic!("{other:?}"),
    }
}

fn figure(way: &Way, name: &str) -> Option<i64> {
    way.figures.iter().find(|(word, _)| word == name).map(|(_, value)| *value)
}

/// Two members with a radio link on `l0`.
fn pair() -> Mesh {
    let mut mesh = Mesh::new(2, &[(0, 1)], AuthMode::Community);
    Assembly::found(&mut mesh, &[0, 1]);
    for seat in 0..2 {
        let interfaces = &mut mesh.seats[seat].settings.babel.interfaces;
        interfaces.iter_mut().for_each(|interface| interface.kind = LinkKind::Wireless);
        mesh.on(seat);
    }
    mesh.until("the link", Span::from_secs(5), |mesh| mesh.reach(&[0, 1]));
    mesh
}

#[test]
fn whoever_turns_a_dish_hears_within_two_seconds_what_the_other_end_hears() {
    let mut mesh = pair();
    listen(&mut mesh, 60, [Some(-60), Some(-71)]);
    let align = |mesh: &mut Mesh, action: &str| {
        let answer = mesh.ask(0, Call::LinkAlign { device: "l0".into(), action: action.into() });
        let Answer::Aligned(aligned) = answer else { panic!("{answer:?}") };
        let far =
            aligned.stations.first().and_then(|aim| aim.figures.iter().find(|one| one.0 == "far_signal_dbm"));
        far.map(|(_, dbm)| *dbm)
    };
    assert_eq!(align(&mut mesh, "start"), None);
    listen(&mut mesh, 2, [Some(-60), Some(-71)]);
    // What counts is what is heard now, not a mean of seconds.
    for dbm in [-71_i8, -50, -64, -80, -55] {
        listen(&mut mesh, 2, [Some(-60), Some(dbm)]);
        assert_eq!(align(&mut mesh, "read"), Some(dbm.into()));
    }
    assert_eq!(align(&mut mesh, "stop"), None);
    // The other end is as slow as before.
    listen(&mut mesh, 30, [Some(-60), Some(-71)]);
    let (mut shown, mut changes) = (None, 0);
    for dbm in -90..-50 {
        listen(&mut mesh, 1, [Some(-60), Some(dbm)]);
        let now = figure(&ways(&mut mesh)[0], "far_signal_dbm");
        changes += u32::from(std::mem::replace(&mut shown, now) != now);
    }
    assert!((3..=6).contains(&changes), "{changes} words in 40 s");
}

#[test]
fn the_far_end_s_figures_stand_beside_ours_for_a_minute() {
    let mut mesh = pair();
    listen(&mut mesh, 60, [Some(-60), Some(-71)]);
    let all = ways(&mut mesh);
    let [way] = all.as_slice() else { panic!("{all:?}") };
    assert!(way.alive);
    let signals = ["signal_dbm", "far_signal_dbm", "far_throughput_kbit"].map(|name| figure(way, name));
    assert_eq!(signals, [Some(-60), Some(-71), Some(20_000)]);
    // The other end falls silent: what it said last is not shown for ever.
    mesh.off(1);
    listen(&mut mesh, 70, [Some(-60), None]);
    let all = ways(&mut mesh);
    assert_eq!((figure(&all[0], "signal_dbm"), figure(&all[0], "far_signal_dbm")), (Some(-60), None));
}
