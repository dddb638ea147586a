//! Babel's keys follow the community's epochs: whole nodes with real vaults on a virtual clock, with beacons,
//! streams, power cuts and somebody who carries records.

mod assembly;
mod change;
mod doubles;
mod later;
mod mesh;
mod pace;
mod radio;
mod roaming;
mod routed;
mod time;
mod wait;

use assembly::Assembly;
use mesh::{Mesh, prefix, router_id};
use tequio::babel::auth::settings::{Algorithm, AuthMode, KeyUse};
use tequio::base::sorted::SortedMap;
use tequio::base::time::Span;
use tequio::ledger::{Kind, Record};
use tequio::node::call::{Answer, Call};
use tequio::node::settings::Announce;
use tequio::platform::vault::MeshKey;
use zeroize::Zeroizing;

const LINE: &[(usize, usize)] = &[(0, 1), (1, 2), (2, 3), (3, 4)];

/// A line of five members that all reach each other.
fn line(auth: AuthMode) -> (Mesh, Assembly) {
    let mut mesh = Mesh::new(5, LINE, auth);
    let assembly = Assembly::found(&mut mesh, &[0, 1, 2, 3, 4]);
    (0..5).for_each(|seat| mesh.on(seat));
    mesh.until("the mesh", Span::from_secs(5), |mesh| mesh.reach(&[0, 1, 2, 3, 4]));
    mesh.pass(Span::from_secs(30));
    (mesh, assembly)
}

fn epochs(mesh: &mut Mesh, seats: &[usize]) -> Vec<Option<u32>> {
    seats.iter().map(|seat| mesh.status(*seat).epoch).collect()
}

#[test]
fn a_rotation_reaches_all_at_once_and_no_route_flaps() {
    for auth in [AuthMode::Community, AuthMode::Strict] {
        let (mut mesh, mut assembly) = line(auth);
        assert_eq!(epochs(&mut mesh, &[0, 1, 2, 3, 4]), [Some(1); 5]);
        for epoch in 2..5 {
            let record = assembly.rotate(&mesh, &[0, 1, 2, 3, 4], &[]);
            let before = mesh.now;
            mesh.carry(4, &[record]);
            let took = mesh.until("the news", Span::from_secs(10), |mesh| {
                epochs(mesh, &[0, 1, 2, 3, 4]) == [Some(epoch); 5]
            });
            assert!(took < 10_000, "{took} ms");
            mesh.pass(Span::from_secs(70));
            for seat in 0..4 {
                // To the node whose daemon started anew there may be a moment without a way.
                let flaps = mesh.seats[seat].changes.iter();
                let flaps = flaps.filter(|(at, of)| *at >= before && *of != prefix(4)).count();
                assert_eq!(flaps, 0, "at {seat} under {auth:?} in epoch {epoch}");
            }
            assert!(mesh.reach(&[0, 1, 2, 3, 4]));
        }
    }
}

#[test]
fn an_expelled_node_routes_with_the_others_for_a_minute_and_never_again() {
    let (mut mesh, mut assembly) = line(AuthMode::Community);
    let record = assembly.rotate(&mesh, &[0, 1, 2, 3], &[4]);
    mesh.carry(0, &[record]);
    mesh.until("the news", Span::from_secs(10), |mesh| epochs(mesh, &[0, 1, 2, 3]) == [Some(2); 4]);
    mesh.pass(Span::from_secs(50));
    assert!(mesh.is_reached(4, &[3]), "its neighbour takes the old key for a minute");
    assert!(mesh.reach(&[0, 1, 2, 3]));
    mesh.pass(Span::from_secs(30));
    assert!(!mesh.is_reached(4, &[0, 1, 2, 3]), "then never");
    assert!(!mesh.is_reached(3, &[4]));
    // Neither its old key, nor a boot, nor packets without any key help it.
    for auth in [AuthMode::Community, AuthMode::Off] {
        mesh.off(4);
        mesh.seats[4].settings.babel.interfaces[0].auth.mode = auth;
        mesh.on(4);
        for _ in 0..12 {
            mesh.pass(Span::from_secs(10));
            assert!(!mesh.is_reached(4, &[0, 1, 2, 3]));
        }
    }
    assert!(mesh.reach(&[0, 1, 2, 3]));
}

#[test]
fn a_node_off_during_two_rotations_and_an_expulsion_routes_ten_seconds_after_it_hears_any_member() {
    // The one that dials and the one that is dialled; cut for a moment, for a while, for a long time.
    for (gone, off_s) in
        [(0, 3), (2, 3), (4, 3), (0, 25), (2, 25), (4, 25), (0, 50), (4, 40), (4, 50), (0, 3_600), (4, 3_600)]
    {
        let (mut mesh, mut assembly) = line(AuthMode::Community);
        let thief = if gone == 2 { 0 } else { 2 };
        // Without the middle the line is in two pieces, and both hear the news.
        let stay: Vec<usize> = (0..5).filter(|seat| *seat != gone && *seat != thief).collect();
        let members: Vec<usize> = (0..5).filter(|seat| *seat != thief).collect();
        mesh.off(gone);
        mesh.pass(Span::from_secs(1));
        let all = [0, 1, 2, 3, 4];
        let mut records = vec![assembly.rotate(&mesh, &all, &[])];
        records.push(assembly.rotate(&mesh, &members, &[thief]));
        records.push(assembly.rotate(&mesh, &members, &[]));
        for seat in &stay {
            mesh.carry(*seat, &records);
        }
        mesh.pass(Span::from_secs(off_s - 1));
        let neighbours: Vec<usize> =
            [gone.wrapping_sub(1), gone + 1].into_iter().filter(|one| stay.contains(one)).collect();
        mesh.on(gone);
        let took = mesh.until("its routes", Span::from_secs(30), |mesh| {
            neighbours.iter().all(|one| mesh.reach(&[gone, *one]))
        });
        assert!(took <= 10_000, "{gone} after {off_s} s: {took} ms");
        assert_eq!(mesh.status(gone).epoch, Some(4));
        mesh.pass(Span::from_secs(70));
        assert!(!mesh.is_reached(thief, &stay));
    }
}

#[test]
fn a_tainted_epoch_still_routes() {
    let (mut mesh, mut west) = line(AuthMode::Community);
    let mut east = west.apart();
    let (first, number) = west.epoch();
    // The middle is off, and either side expels the end of the other one.
    mesh.off(2);
    let one = west.rotate_behind(&mesh, Some(first), number + 1, &[0, 1, 2, 3], &[4]);
    let other = east.rotate_behind(&mesh, Some(first), number + 1, &[1, 2, 3, 4], &[0]);
    mesh.carry(1, &[one]);
    mesh.carry(3, &[other]);
    mesh.pass(Span::from_secs(100));
    mesh.on(2);
    mesh.until("the mesh, whole again", Span::from_secs(10), |mesh| mesh.reach(&[1, 2, 3]));
    mesh.pass(Span::from_secs(100));
    assert!(mesh.reach(&[1, 2, 3]));
    for seat in [1, 2, 3] {
        assert_eq!(mesh.status(seat).epoch, Some(2));
        assert!(mesh.alerts(seat).iter().any(|(code, _)| code == "secrets-known"));
    }
    // The next one is sealed to nobody who was expelled.
    west.take(&mesh.seats[2].journal);
    let record = west.rotate(&mesh, &[1, 2, 3], &[]);
    mesh.carry(1, &[record]);
    mesh.pass(Span::from_secs(100));
    assert!(mesh.reach(&[1, 2, 3]));
    assert!(!mesh.is_reached(0, &[1, 2, 3]) && !mesh.is_reached(4, &[1, 2, 3]));
    assert!(!mesh.alerts(2).iter().any(|(code, _)| code == "secrets-known"));
}

/// Three members in a row, and two who are none, at the end of it.
fn with_others(prepare: impl Fn(&mut Mesh)) -> (Mesh, Assembly) {
    let mut mesh = Mesh::new(5, LINE, AuthMode::Community);
    let assembly = Assembly::found(&mut mesh, &[0, 1, 2]);
    prepare(&mut mesh);
    (0..5).for_each(|seat| mesh.on(seat));
    mesh.until("the mesh", Span::from_secs(5), |mesh| mesh.reach(&[0, 1, 2, 3, 4]));
    mesh.pass(Span::from_secs(30));
    (mesh, assembly)
}

#[test]
fn before_the_first_rotation_nobody_is_cut_off_and_after_it_who_does_not_sign() {
    let (mut mesh, mut assembly) = with_others(|_| {});
    assert_eq!(epochs(&mut mesh, &[0, 1, 2, 3, 4]), [Some(1), Some(1), Some(1), None, None]);
    let alerts = mesh.alerts(2);
    let [(code, text)] = alerts.as_slice() else { panic!("{alerts:?}") };
    assert_eq!(code, "unsigned");
    assert!(text.contains("on l2 does not sign with the secrets of epoch 1"), "{text}");
    assert!(text.ends_with("and is heard until the community changes its secrets."), "{text}");
    let record = assembly.rotate(&mesh, &[0, 1, 2], &[]);
    mesh.carry(0, &[record]);
    mesh.pass(Span::from_secs(30));
    assert!(mesh.reach(&[0, 1, 2]) && mesh.reach(&[3, 4]));
    assert!(!mesh.is_reached(3, &[0, 1, 2]) && !mesh.is_reached(2, &[3, 4]));
    // It is admitted.
    let admission = [assembly.admit(&mesh, 3), assembly.rotate(&mesh, &[0, 1, 2, 3], &[])];
    let all: Vec<Vec<u8>> = mesh.seats[0].journal.iter().chain(&admission).cloned().collect();
    mesh.carry(3, &all);
    mesh.until("the new member", Span::from_secs(10), |mesh| mesh.reach(&[0, 1, 2, 3]));
    // One that the secrets of today were not sealed to says so, and so do those who do not hear it.
    let record = assembly.rotate(&mesh, &[0, 1, 2], &[]);
    mesh.carry(0, &[record]);
    mesh.pass(Span::from_secs(100));
    assert!(!mesh.is_reached(3, &[0, 1, 2]));
    assert!(mesh.alerts(3).iter().any(|(code, _)| code == "no-share"));
    let alerts = mesh.alerts(2);
    let unsigned = alerts.iter().find(|(code, _)| code == "unsigned").expect("an alert");
    assert!(
        unsigned.1.contains("(nodo-3) on l2") && unsigned.1.ends_with("and is not heard."),
        "{unsigned:?}"
    );
    let Answer::Why(why) = mesh.ask(2, Call::Why { destination: prefix(3).destination(), source: None })
    else {
        panic!("another answer")
    };
    assert!(why.text.contains("(nodo-3) on l2 does not sign with the secrets of epoch 4"), "{}", why.text);
}

#[test]
fn foreign_neighbours_stay_where_uci_says_so() {
    let unsigned = |mesh: &mut Mesh| mesh.seats[2].settings.babel.interfaces[1].auth.mode = AuthMode::Off;
    let keyed = |mesh: &mut Mesh| {
        for (seat, interface) in [(2, 1), (3, 0)] {
            let secret = Zeroizing::new(vec![9; 32]);
            let key = MeshKey { algorithm: Algorithm::HmacSha256, secret };
            mesh.seats[seat].vault.set_mesh_keys(SortedMap::from([("foreign".to_owned(), key)]));
            let used = KeyUse { name: "foreign".into(), algorithm: Algorithm::HmacSha256, signs: true };
            mesh.seats[seat].settings.babel.interfaces[interface].auth.keys.push(used);
        }
    };
    for prepare in [&unsigned as &dyn Fn(&mut Mesh), &keyed] {
        let (mut mesh, mut assembly) = with_others(prepare);
        assert_eq!(mesh.alerts(2), []);
        let record = assembly.rotate(&mesh, &[0, 1, 2], &[]);
        mesh.carry(0, &[record]);
        mesh.pass(Span::from_secs(100));
        assert!(mesh.reach(&[0, 1, 2, 3, 4]));
    }
}

/// Whether all of these know who is who.
fn all_know(mesh: &Mesh, seats: &[usize]) -> bool {
    let knows = |at: usize, of: usize| {
        let one = &mesh.seats[of];
        let ledger = mesh.seats[at].node.as_ref().map(tequio::node::Node::ledger);
        let statuses = ledger.map(|ledger| ledger.statuses()).unwrap_or_default();
        statuses.iter().any(|(key, status)| *key == one.key && status.router_id == router_id(of, one.boots).0)
    };
    seats.iter().all(|at| seats.iter().all(|of| knows(*at, *of)))
}

#[test]
fn every_member_s_router_id_is_known_to_all_also_after_cold_boots_and_never_on_flash() {
    let (mut mesh, _) = line(AuthMode::Community);
    let all = [0, 1, 2, 3, 4];
    for boot in 0..8 {
        assert!(all_know(&mesh, &all));
        let seat = boot % 5;
        mesh.off(seat);
        mesh.pass(Span::from_secs(30));
        mesh.on(seat);
        mesh.until("the new router-id", Span::from_secs(20), |mesh| all_know(mesh, &all));
    }
    let before = mesh.seats[0].node.as_ref().expect("it is on").ledger().record_count();
    mesh.pass(Span::from_secs(7_200));
    let ledger = mesh.seats[0].node.as_ref().expect("it is on").ledger();
    assert_eq!((ledger.record_count(), ledger.statuses().len()), (before, 5), "the latest alone is kept");
    for seat in &mesh.seats {
        let kinds =
            seat.journal.iter().filter_map(|bytes| Record::parse(bytes).ok()).map(|record| record.kind);
        assert_eq!(kinds.filter(|kind| *kind == Kind::Status).count(), 0);
    }
}

#[test]
fn what_is_somebody_s_by_the_plan_is_announced_by_its_router_alone() {
    let announce = |mesh: &mut Mesh, seat: usize, text: &str| {
        let prefix = text.parse().expect("a prefix");
        mesh.seats[seat].settings.announce.push(Announce { prefix, metric: 0 });
    };
    let mut mesh = Mesh::new(5, LINE, AuthMode::Community);
    let _assembly = Assembly::found(&mut mesh, &[0, 1, 2, 3]);
    // Slots 0 and 1, a service, a default: their own.
    for (seat, text) in [
        (0, "10.77.4.0/22"),
        (1, "10.77.8.0/22"),
        (1, "fd12:3456:789a:2::/64"),
        (3, "10.77.252.0/24"),
        (0, "::/0"),
    ] {
        announce(&mut mesh, seat, text);
    }
    (0..4).for_each(|seat| mesh.on(seat));
    mesh.pass(Span::from_secs(120));
    assert_eq!(mesh.alerts(2), []);
    // A member takes what is another's; a stranger says that it is the way outside.
    mesh.off(3);
    mesh.pass(Span::from_secs(30));
    announce(&mut mesh, 3, "10.77.5.0/24");
    announce(&mut mesh, 4, "0.0.0.0/0");
    mesh.on(3);
    mesh.on(4);
    let told = |mesh: &mut Mesh| {
        let alerts = mesh.alerts(2).into_iter().filter(|(code, _)| code == "not-entitled");
        alerts.map(|(_, text)| text).collect::<Vec<_>>()
    };
    mesh.pass(Span::from_secs(50));
    assert_eq!(told(&mut mesh), [""; 0], "a minute is waited");
    mesh.pass(Span::from_secs(40));
    let said = told(&mut mesh);
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("10.77.5.0/24 is announced by 02:00:00:00:00:00:03:02"), "{said:?}");
    assert!(said[1].starts_with("0.0.0.0/0 is announced by 02:00:00:00:00:00:04:01"), "{said:?}");
}

#[test]
fn the_exchange_is_told_with_who_was_turned_away() {
    let (mut mesh, mut assembly) = line(AuthMode::Community);
    let sync = |mesh: &mut Mesh, seat: usize| match mesh.ask(seat, Call::Sync) {
        Answer::Sync(exchange) => exchange,
        other => panic!("{other:?}"),
    };
    let before = sync(&mut mesh, 3);
    let names: Vec<_> = before.peers.iter().map(|peer| peer.name.clone().expect("a member")).collect();
    assert_eq!((names.len(), names.contains(&"nodo-2".to_owned())), (2, true), "{names:?}");
    assert!(before.peers.iter().all(|peer| peer.even && peer.since_s > 20 && peer.sent > 0), "{before:?}");
    assert_eq!(before.refused, []);
    let record = assembly.rotate(&mesh, &[0, 1, 2, 3], &[4]);
    mesh.carry(0, &[record]);
    mesh.pass(Span::from_secs(30));
    let after = sync(&mut mesh, 3);
    assert_eq!(after.peers.len(), 1);
    let why: Vec<&str> = after.refused.iter().map(|(_, _, why, _)| why.as_str()).collect();
    assert!(why.contains(&"expelled"), "{why:?}");
    let taken = after.counters.iter().find(|(word, _)| word == "taken_records").expect("it is counted");
    assert!(taken.1 > before.counters.iter().find(|(word, _)| word == "taken_records").expect("so").1);
}

#[test]
fn an_interface_that_comes_up_hears_of_us_at_once() {
    let (mut mesh, _) = line(AuthMode::Community);
    // The next one would be ten seconds away.
    let before = mesh.seats[0].beacons;
    mesh.until("a beacon", Span::from_secs(20), |mesh| mesh.seats[0].beacons > before);
    mesh.cable(0, 0, false);
    mesh.pass(Span::from_secs(2));
    assert_eq!(mesh.seats[0].beacons, before + 1);
    mesh.cable(0, 0, true);
    mesh.pass(Span::from_millis(200));
    assert_eq!(mesh.seats[0].beacons, before + 2);
    mesh.cable(0, 0, true);
    mesh.pass(Span::from_secs(2));
    assert_eq!(mesh.seats[0].beacons, before + 2, "the same again is no news");
}
