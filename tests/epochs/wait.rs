//! What waits for somebody: a share for a member without one, a new root for a node's owner.

use tequio::base::sorted::SortedMap;
use tequio::ledger::text::fingerprint;
use tequio::ledger::{Body, Record, Role, Roles};
use tequio::node::call::{Answer, Call};
use tequio::node::vault::Vault;

use super::*;

/// The members to whom somebody granted secrets, by how often.
fn granted(mesh: &Mesh) -> SortedMap<[u8; 32], usize> {
    let mut granted = SortedMap::new();
    for bytes in &mesh.seats[0].journal {
        if let Body::Grant(grant) = Record::parse(bytes).unwrap().body {
            *granted.entry(grant.share.member).or_insert(0) += 1;
        }
    }
    granted
}

/// A line of five members of which two are officers.
fn officers() -> (Mesh, Assembly) {
    let (mut mesh, mut assembly) = line(AuthMode::Community);
    let officer = Roles::NONE.with(Role::Officer);
    let records = [1, 3].map(|seat| assembly.admit_as(&mesh, seat, officer));
    mesh.carry(0, &records);
    mesh.pass(Span::from_secs(60));
    (mesh, assembly)
}

#[test]
fn an_officers_node_grants_the_secrets_to_whoever_lacks_them_by_itself() {
    let (mut mesh, mut assembly) = officers();
    assert_eq!(granted(&mesh).len(), 0, "nobody lacks anything");
    // The assembly forgot two, one of them an officer.
    let record = assembly.rotate(&mesh, &[0, 2, 3], &[]);
    mesh.carry(0, &[record]);
    let took =
        mesh.until("its share", Span::from_secs(60), |mesh| epochs(mesh, &[0, 1, 2, 3, 4]) == [Some(2); 5]);
    assert!(took <= 40_000, "{took} ms");
    mesh.pass(Span::from_secs(3_700));
    assert!(mesh.reach(&[0, 1, 2, 3, 4]));
    let counts: Vec<usize> = granted(&mesh).values().copied().collect();
    assert_eq!(counts, [1, 1], "once each");
}

#[test]
fn a_hotspot_that_comes_later_takes_paper_of_before_the_rotation() {
    let mut mesh = Mesh::new(5, LINE, AuthMode::Community);
    let mut assembly = Assembly::found(&mut mesh, &[0, 1, 2, 3]);
    let roles = [(1, Role::Officer), (2, Role::Seller)];
    let mut records = vec![assembly.plan()];
    records.extend(roles.map(|(seat, role)| assembly.admit_as(&mesh, seat, Roles::NONE.with(role))));
    mesh.seats.iter_mut().for_each(|seat| seat.journal.extend_from_slice(&records));
    (0..4).for_each(|seat| mesh.on(seat));
    mesh.pass(Span::from_secs(30));
    let code = mesh.sell(2);
    let news = [assembly.rotate(&mesh, &[0, 1, 2, 3], &[]), assembly.rotate(&mesh, &[0, 1, 2, 3], &[])];
    mesh.carry(0, &news);
    mesh.pass(Span::from_secs(60));
    // A new hotspot, with the records of the assembly and nothing sealed to it.
    let admission = assembly.admit_as(&mesh, 4, Roles::NONE.with(Role::Hotspot));
    let founding: Vec<Vec<u8>> = mesh.seats[0].journal.clone();
    mesh.seats[4].journal = founding;
    mesh.seats[4].journal.push(admission);
    mesh.on(4);
    let shares = |mesh: &Mesh| {
        let ledger = mesh.seats[4].node.as_ref().expect("it is on").ledger();
        ledger.own_shares().iter().map(|share| share.epoch).collect::<Vec<_>>()
    };
    let took = mesh.until("its shares", Span::from_secs(120), |mesh| shares(mesh) == [1, 3]);
    assert!(took <= 60_000, "{took} ms");
    assert!(mesh.seats[4].vault.begin_check(&code).is_some(), "its tag is tried under the old secret too");
    mesh.pass(Span::from_secs(600));
    assert_eq!(shares(&mesh), [1, 3], "of the second there is no paper");
    assert_eq!(granted(&mesh).get(&mesh.seats[4].key), Some(&2), "once each");
}

#[test]
fn nobody_is_granted_anything_who_was_expelled() {
    let (mut mesh, mut assembly) = officers();
    let record = assembly.rotate(&mesh, &[0, 1, 2, 3], &[4]);
    mesh.carry(0, &[record]);
    mesh.pass(Span::from_secs(3_700));
    assert_eq!(granted(&mesh).len(), 0);
    assert_eq!(mesh.status(4).epoch, Some(1));
    assert!(!mesh.is_reached(4, &[0, 1, 2, 3]));
}

#[test]
fn a_new_root_waits_at_each_node_for_its_fingerprint_and_records_go_on() {
    let (mut mesh, mut assembly) = officers();
    let (root, word) = assembly.succeed();
    let epoch = assembly.rotate(&mesh, &[0, 1, 2, 3, 4], &[]);
    mesh.carry(2, &[word, epoch]);
    mesh.pass(Span::from_secs(60));
    let waits = |mesh: &mut Mesh, seat: usize| mesh.alerts(seat).iter().any(|(code, _)| code == "new-root");
    for seat in 0..5 {
        assert!(waits(&mut mesh, seat), "node {seat} knows of it");
        assert_eq!(mesh.status(seat).epoch, Some(1), "and nothing of it counts");
    }
    let print = fingerprint(&root);
    assert!(
        mesh.alerts(0).iter().all(|(_, text)| !text.contains(&print)),
        "nobody copies it from the screen"
    );
    let wrong = fingerprint(&[9; 32]);
    for (typed, answer) in [(wrong.as_str(), "root-unknown"), ("", "root-unknown")] {
        match mesh.ask(2, Call::RootAccept(typed.to_owned())) {
            Answer::Refused { code, .. } => assert_eq!(code, answer),
            other => panic!("{other:?}"),
        }
    }
    // As somebody reads it over the radio.
    let spoken = print.replace('-', " ").to_lowercase();
    for (count, seat) in [2, 4, 0, 1, 3].into_iter().enumerate() {
        mesh.accept(seat, &spoken);
        mesh.pass(Span::from_secs(70));
        assert!(!waits(&mut mesh, seat));
        assert_eq!(mesh.status(seat).epoch, Some(2), "{count} others have accepted it");
        // Nodes of either root go on.
        let even = |mesh: &Mesh, seat: usize| mesh.seats[seat].node.as_ref().unwrap().ledger().held().count();
        let counts: Vec<usize> = (0..5).map(|seat| even(&mesh, seat)).collect();
        assert!(counts.iter().all(|one| *one == counts[0]), "{counts:?}");
    }
    mesh.pass(Span::from_secs(60));
    assert!(mesh.reach(&[0, 1, 2, 3, 4]));
    // It is on flash.
    mesh.off(2);
    mesh.pass(Span::from_secs(10));
    mesh.on(2);
    mesh.pass(Span::from_secs(30));
    assert_eq!((mesh.status(2).epoch, waits(&mut mesh, 2)), (Some(2), false));
}
