//! The settings of a link change at both its ends, between whole nodes that have nothing but that link.

use tequio::babel::settings::LinkKind;
use tequio::link::change::{Setting, Wanted, Which};
use tequio::link::settings::LinkSettings;
use tequio::node::call::LinkChange;

use super::*;

/// Two members with a radio link on `l0`; what each allows.
fn pair(allowed: [&[Setting]; 2], links: &[(usize, usize)]) -> Mesh {
    let mut mesh = Mesh::new(2, links, AuthMode::Community);
    Assembly::found(&mut mesh, &[0, 1]);
    for (seat, allowed) in allowed.into_iter().enumerate() {
        let settings = &mut mesh.seats[seat].settings;
        settings.babel.interfaces.iter_mut().for_each(|interface| interface.kind = LinkKind::Wireless);
        for link in 0..links.len() {
            let usual = LinkSettings::usual(format!("l{link}"));
            settings.links.push(LinkSettings { change: allowed.to_vec(), ..usual });
        }
        mesh.on(seat);
    }
    mesh.until("the link", Span::from_secs(5), |mesh| mesh.reach(&[0, 1]));
    mesh.pass(Span::from_secs(30));
    mesh
}

fn change(mesh: &mut Mesh, device: &str, wanted: &[(Setting, u32)]) -> String {
    let call = Call::LinkChange(LinkChange {
        device: device.into(),
        wanted: Wanted { numbers: wanted.to_vec(), ssid: String::new() },
    });
    match mesh.ask(0, call) {
        Answer::LinkChanging => "begins".to_owned(),
        Answer::Refused { code, .. } => code,
        other => panic!("{other:?}"),
    }
}

fn radios(mesh: &Mesh) -> [Which; 2] {
    [0, 1].map(|seat| mesh.seats[seat].radio)
}

/// Until neither end has a change on its flash.
fn over(mesh: &mut Mesh, most_s: u64) -> u64 {
    mesh.until("the end", Span::from_secs(most_s), |mesh| mesh.seats.iter().all(|seat| seat.change.is_none()))
}

const BOTH: [&[Setting]; 2] = [&[Setting::Channel, Setting::Power], &[Setting::Channel, Setting::Power]];
const LINK: &[(usize, usize)] = &[(0, 1)];
const CHANNEL: &[(Setting, u32)] = &[(Setting::Channel, 5_785)];

#[test]
fn a_change_is_kept_at_both_ends_and_the_next_one_waits_ten_minutes() {
    let mut mesh = pair(BOTH, LINK);
    assert_eq!(change(&mut mesh, "l0", CHANNEL), "begins");
    assert_eq!(change(&mut mesh, "l0", CHANNEL), "busy");
    let took = over(&mut mesh, 120);
    assert_eq!(radios(&mesh), [Which::New; 2]);
    assert!((20_000..100_000).contains(&took), "{took} ms: twenty probes, one a second");
    assert!(mesh.seats[1].notes.iter().any(|note| note == "the change of the link on l0 is kept"));
    assert_eq!(change(&mut mesh, "l0", CHANNEL), "too-soon");
    mesh.pass(Span::from_secs(600));
    assert!(mesh.reach(&[0, 1]));
    assert_eq!(change(&mut mesh, "l0", CHANNEL), "begins");
}

#[test]
fn a_change_that_cuts_the_link_is_undone_by_each_end_alone() {
    let mut mesh = pair(BOTH, LINK);
    mesh.new_is_bad = true;
    assert_eq!(change(&mut mesh, "l0", CHANNEL), "begins");
    mesh.pass(Span::from_secs(30));
    assert_eq!(radios(&mesh), [Which::New; 2]);
    let took = over(&mut mesh, 200);
    assert!(took > 100_000, "{took} ms");
    assert_eq!(radios(&mesh), [Which::Old; 2]);
    mesh.until("the link", Span::from_secs(30), |mesh| mesh.reach(&[0, 1]));
}

#[test]
fn who_does_not_allow_it_or_is_not_alone_at_the_other_end_changes_nothing() {
    let mut mesh = pair([&[Setting::Channel, Setting::Power], &[Setting::Power]], LINK);
    assert_eq!(change(&mut mesh, "l0", &[(Setting::Width, 20)]), "not-allowed");
    assert_eq!(change(&mut mesh, "l0", &[]), "not-allowed");
    assert_eq!(change(&mut mesh, "l9", CHANNEL), "not-allowed");
    assert_eq!(change(&mut mesh, "l0", CHANNEL), "begins");
    over(&mut mesh, 10);
    assert_eq!(radios(&mesh), [Which::Old; 2]);
    assert!(mesh.seats[0].notes.iter().any(|note| note.ends_with("did not begin (not-allowed)")));
    // Two links to the same member: its stream is on the first one, and says nothing about the second.
    let mut mesh = pair(BOTH, &[(0, 1), (0, 1)]);
    assert_eq!(change(&mut mesh, "l1", CHANNEL), "no-member");
}

#[test]
fn an_end_whose_power_goes_while_it_tries_comes_back_with_the_old_settings_and_so_does_the_other() {
    for seat in 0..2 {
        let mut mesh = pair(BOTH, LINK);
        assert_eq!(change(&mut mesh, "l0", CHANNEL), "begins");
        mesh.until("a try", Span::from_secs(20), |mesh| radios(mesh) == [Which::New; 2]);
        mesh.pass(Span::from_secs(5));
        mesh.off(seat);
        mesh.pass(Span::from_secs(40));
        mesh.on(seat);
        assert_eq!(mesh.seats[seat].radio, Which::Old);
        over(&mut mesh, 200);
        assert_eq!(radios(&mesh), [Which::Old; 2], "{seat} was off");
        mesh.until("the link", Span::from_secs(60), |mesh| mesh.reach(&[0, 1]));
    }
}
