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

#[test]
fn the_far_end_s_figures_stand_beside_ours_for_a_minute() {
    let mut mesh = Mesh::new(2, &[(0, 1)], AuthMode::Community);
    Assembly::found(&mut mesh, &[0, 1]);
    for seat in 0..2 {
        let interfaces = &mut mesh.seats[seat].settings.babel.interfaces;
        interfaces.iter_mut().for_each(|interface| interface.kind = LinkKind::Wireless);
        mesh.on(seat);
    }
    mesh.until("the link", Span::from_secs(5), |mesh| mesh.reach(&[0, 1]));
    listen(&mut mesh, 60, [Some(-60), Some(-71)]);
    let figure =
        |way: &Way, name: &str| way.figures.iter().find(|(word, _)| word == name).map(|(_, value)| *value);
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
