//! A later version in the mesh: what it signs goes through nodes of this version unread and whole.

use std::process::Command;

use tequio::ledger::record::{self, Header};
use tequio::ledger::{RecordId, bundle, journal};
use tequio::node::vault::Vault;

use super::*;

/// A record as the build of a later version at this seat would sign it: a version and a field that nobody here knows.
fn later(mesh: &mut Mesh, seat: usize, kind: u16, body: &[u8]) -> Vec<u8> {
    let seat = &mut mesh.seats[seat];
    let ledger = seat.node.as_ref().expect("it is on").ledger();
    let own = ledger.records().filter(|record| record.author == seat.key);
    let seq = own.map(|record| record.seq).max().unwrap_or(0) + 1;
    let prev = ledger.heads(&seat.key).first().copied();
    let community = ledger.community().expect("it was founded");
    let header = Header { community, kind, author: seat.key, seq, prev };
    let mut envelope = record::envelope(&header, body);
    // A map with one field more; its first value is the version.
    envelope[0] += 1;
    envelope[2] = 2;
    envelope.extend([7, 0x83, 1, 2, 0xf6]);
    let signature = seat.vault.sign(&record::message(&envelope));
    record::seal(&envelope, &signature)
}

fn holds(mesh: &Mesh, seat: usize, records: &[Vec<u8>]) -> bool {
    let ledger = mesh.seats[seat].node.as_ref().expect("it is on").ledger();
    records.iter().all(|bytes| {
        let id = Record::id_of(bytes).expect("a record");
        ledger.bytes_of(id).as_ref() == Some(bytes)
            && ledger.held().any(|(_, held): (u64, RecordId)| held == id)
    })
}

#[test]
fn records_of_a_later_version_go_through_this_one_and_are_never_dropped() {
    let (mut mesh, mut assembly) = line(AuthMode::Community);
    // The ends are of a later version; between them are three of this one.
    let mut strange = Vec::new();
    for (seat, kind, body) in
        [(0, 99, &[0xa1, 0, 1][..]), (0, 99, &[0xf5]), (4, 9, &[0xa0]), (4, 13, &[0xa0]), (0, 3, &[0x80])]
    {
        let record = later(&mut mesh, seat, kind, body);
        mesh.carry(seat, std::slice::from_ref(&record));
        strange.push(record);
        mesh.pass(Span::from_secs(5));
    }
    let far = |mesh: &mut Mesh| (0..5).all(|seat| holds(mesh, seat, &strange));
    mesh.until("the other end has them", Span::from_secs(400), far);
    // Nobody was cut off for it, and what this version says goes on behind it.
    for seat in 0..5 {
        let Answer::Sync(exchange) = mesh.ask(seat, Call::Sync) else { panic!("another answer") };
        let bad = exchange.counters.iter().find(|(word, count)| {
            ["nonsense", "refused_records", "strangers"].contains(&word.as_str()) && *count > 0
        });
        assert_eq!(bad, None, "at {seat}");
    }
    let record = assembly.rotate(&mesh, &[0, 1, 2, 3, 4], &[]);
    mesh.carry(0, &[record]);
    mesh.until("the news", Span::from_secs(10), |mesh| epochs(mesh, &[0, 1, 2, 3, 4]) == [Some(2); 5]);
    // On flash after an hour; the node between them starts from it while both neighbours are off.
    mesh.pass(Span::from_secs(3_700));
    for seat in [2, 1, 3] {
        mesh.off(seat);
    }
    mesh.on(2);
    mesh.pass(Span::from_secs(20));
    assert!(holds(&mesh, 2, &strange), "the journal keeps them");
    // One that has lost everything but its path gets them from it.
    mesh.seats[3].journal.retain(|bytes| !strange.contains(bytes));
    mesh.on(3);
    mesh.until("they come back", Span::from_secs(60), |mesh| holds(mesh, 3, &strange));
    by_stick(&mesh.seats[2].journal, &strange);
}

/// To a stick and into another node, by the commands; what they tell of it.
fn by_stick(records: &[Vec<u8>], strange: &[Vec<u8>]) {
    let folder = std::env::temp_dir().join(format!("tequio-later-{}", std::process::id()));
    let state = folder.join("state");
    std::fs::create_dir_all(&state).expect("a temporary folder");
    let frames: Vec<u8> = records.iter().flat_map(|record| journal::frame(&[7; 32], record)).collect();
    std::fs::write(state.join("journal"), [&journal::HEADER[..], &frames].concat()).expect("a file");
    let tequio = |words: &[&str]| {
        let done = Command::new(env!("CARGO_BIN_EXE_tequio")).args(words).current_dir(&folder).output();
        let done = done.expect("the program starts");
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    };
    tequio(&["ledger", "export", "--state", "state", "--file", "stick"]);
    let said = tequio(&["ledger", "verify", "--file", "stick"]);
    assert!(said.contains("every signature is good; 5 do not count"), "{said}");
    assert!(said.contains("5 of these are of a later version, kept and passed on"), "{said}");
    let board = ["--board", "02:00:00:00:00:01"];
    tequio(&[&["ledger", "import", "--state", "other", "--file", "stick"][..], &board].concat());
    tequio(&["ledger", "export", "--state", "other", "--file", "again"]);
    let bytes = std::fs::read(folder.join("again")).expect("it was written");
    let kept = bundle::read(&bytes).expect("a bundle");
    assert!(strange.iter().all(|record| kept.contains(&record.as_slice())), "byte for byte");
    std::fs::remove_dir_all(&folder).expect("our folder");
}
