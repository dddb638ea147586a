//! Tests of the store: what a power cut, a second daemon or a full flash can do.

use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};

use super::*;
use crate::platform::vault::tests::Folder;

const KEY: JournalKey = JournalKey([3; 32]);

/// Anything will do as a record while the journal's key is the node's own.
fn record(name: u8) -> Vec<u8> {
    vec![name; 100 + usize::from(name)]
}

fn write(folder: &Folder, names: std::ops::Range<u8>) {
    let (mut store, _) = Store::open(&folder.0, &KEY).unwrap();
    for name in names {
        store.submit(u64::from(name), vec![record(name)], true).unwrap();
        assert_eq!(store.wait(), Some((u64::from(name), Ok(()))));
    }
}

#[test]
fn what_was_stored_is_there_after_a_restart() {
    let folder = Folder::new("store-restart");
    write(&folder, 1..4);
    let (mut store, loaded) = Store::open(&folder.0, &KEY).unwrap();
    assert_eq!(loaded, Loaded { records: (1..4).map(record).collect(), ..Loaded::default() });
    store.submit(9, vec![record(4), record(5)], true).unwrap();
    assert_eq!(store.wait(), Some((9, Ok(()))));
    drop(store);
    let (_store, loaded) = Store::open(&folder.0, &KEY).unwrap();
    assert_eq!(loaded.records, (1..6).map(record).collect::<Vec<_>>());
    let mode = std::fs::metadata(folder.0.join("journal")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_cut_at_every_byte_of_the_last_record_loses_it_alone_and_the_journal_goes_on() {
    let folder = Folder::new("store-torn");
    write(&folder, 1..4);
    let path = folder.0.join("journal");
    let whole = std::fs::read(&path).unwrap();
    let end = whole.len() - journal::FRAME_HEAD - record(3).len();
    for cut in end..whole.len() {
        std::fs::write(&path, &whole[..cut]).unwrap();
        let (mut store, loaded) = Store::open(&folder.0, &KEY).unwrap();
        assert_eq!(loaded.records, [record(1), record(2)], "cut at {cut}");
        assert_eq!(loaded.torn.map(|torn| torn.bytes), (cut > end).then_some(cut - end));
        store.submit(1, vec![record(7)], true).unwrap();
        assert_eq!(store.wait(), Some((1, Ok(()))));
        drop(store);
        let (_store, loaded) = Store::open(&folder.0, &KEY).unwrap();
        assert_eq!(
            (loaded.records, loaded.torn),
            (vec![record(1), record(2), record(7)], None),
            "cut at {cut}"
        );
    }
}

#[test]
fn a_cut_inside_the_head_begins_anew() {
    let folder = Folder::new("store-head");
    std::fs::create_dir_all(&folder.0).unwrap();
    for cut in 0..8 {
        std::fs::write(folder.0.join("journal"), &journal::HEADER[..cut]).unwrap();
        write(&folder, 1..2);
        let (_store, loaded) = Store::open(&folder.0, &KEY).unwrap();
        assert_eq!(loaded.records, [record(1)]);
    }
}

#[test]
fn a_flipped_byte_is_reported_once_and_gone_after_that() {
    let folder = Folder::new("store-flip");
    write(&folder, 1..4);
    let path = folder.0.join("journal");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[8 + journal::FRAME_HEAD + record(1).len() + 50] ^= 4;
    std::fs::write(&path, &bytes).unwrap();
    let (store, loaded) = Store::open(&folder.0, &KEY).unwrap();
    assert_eq!((loaded.records, loaded.damaged.len()), (vec![record(1), record(3)], 1));
    drop(store);
    let (_store, loaded) = Store::open(&folder.0, &KEY).unwrap();
    assert_eq!(loaded, Loaded { records: vec![record(1), record(3)], ..Loaded::default() });
}

#[test]
fn a_daemon_started_twice_says_so() {
    let folder = Folder::new("store-twice");
    let (store, _) = Store::open(&folder.0, &KEY).unwrap();
    let text = Store::open(&folder.0, &KEY).map(drop).unwrap_err().to_string();
    let expected = format!("another tequio uses {} (process {})", folder.0.display(), std::process::id());
    assert!(text.starts_with(&expected), "{text}");
    drop(store);
    assert!(Store::open(&folder.0, &KEY).is_ok(), "the lock goes with its owner");
}

#[test]
fn other_files_are_left_alone() {
    let folder = Folder::new("store-other");
    std::fs::create_dir_all(&folder.0).unwrap();
    for bytes in [&b"config tequio 'x'"[..], b"TQJRNL\x00\x09........"] {
        std::fs::write(folder.0.join("journal"), bytes).unwrap();
        assert!(matches!(Store::open(&folder.0, &KEY), Err(StoreError::Journal { .. })));
        assert_eq!(std::fs::read(folder.0.join("journal")).unwrap(), bytes);
    }
}

#[test]
fn a_journal_of_another_router_is_verified_and_taken_over() {
    let folder = Folder::new("store-foreign");
    let key = ed25519_dalek::SigningKey::from_bytes(&[5; 32]);
    let good = crate::ledger::tests::village::charter_record(&key);
    let mut forged = good.clone();
    *forged.last_mut().unwrap() ^= 1;
    let (mut store, _) = Store::open(&folder.0, &JournalKey([8; 32])).unwrap();
    store.submit(1, vec![good.clone(), forged], true).unwrap();
    assert_eq!(store.wait(), Some((1, Ok(()))));
    drop(store);
    let (store, loaded) = Store::open(&folder.0, &KEY).unwrap();
    assert_eq!((loaded.records, loaded.foreign, loaded.refused), (vec![good.clone()], true, 1));
    drop(store);
    let (_store, loaded) = Store::open(&folder.0, &KEY).unwrap();
    assert_eq!(loaded, Loaded { records: vec![good], ..Loaded::default() });
}

#[test]
fn what_need_not_last_at_once_lasts_within_a_second() {
    let folder = Folder::new("store-group");
    let (mut store, _) = Store::open(&folder.0, &KEY).unwrap();
    let begun = Instant::now();
    for id in 0..5 {
        store.submit(id, vec![record(1)], false).unwrap();
    }
    for id in 0..5 {
        assert_eq!(store.wait(), Some((id, Ok(()))));
    }
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(900) && took < Duration::from_secs(3), "{took:?}");
    // A durable one takes those that wait along.
    let begun = Instant::now();
    store.submit(5, vec![record(2)], false).unwrap();
    store.submit(6, vec![record(3)], true).unwrap();
    assert_eq!((store.wait(), store.wait()), (Some((5, Ok(()))), Some((6, Ok(())))));
    assert!(begun.elapsed() < Duration::from_millis(900));
}

#[test]
fn what_was_submitted_is_on_flash_when_the_store_goes() {
    let folder = Folder::new("store-drop");
    let (mut store, _) = Store::open(&folder.0, &KEY).unwrap();
    store.submit(1, vec![record(1)], false).unwrap();
    drop(store);
    let (_store, loaded) = Store::open(&folder.0, &KEY).unwrap();
    assert_eq!(loaded.records, [record(1)]);
}

#[test]
fn a_full_queue_is_an_error_and_no_wait() {
    let folder = Folder::new("store-queue");
    let (mut store, _) = Store::open(&folder.0, &KEY).unwrap();
    // Nobody takes completions: the thread stops at its bound, then the queue fills.
    let taken = (0..10 * STORE_QUEUE as u64)
        .take_while(|id| store.submit(*id, vec![record(1)], true).is_ok())
        .count();
    assert!((STORE_QUEUE..5 * STORE_QUEUE).contains(&taken), "{taken}");
    assert_eq!(store.submit(0, vec![], true), Err(SubmitError::Full));
    for id in 0..taken as u64 {
        assert_eq!(store.wait(), Some((id, Ok(()))));
    }
}

#[test]
fn a_record_that_could_not_be_read_again_is_not_written() {
    let folder = Folder::new("store-long");
    let (mut store, _) = Store::open(&folder.0, &KEY).unwrap();
    for bad in [vec![], vec![1; crate::base::limit::CLOSE_BYTES + 1]] {
        store.submit(1, vec![record(1), bad], true).unwrap();
        assert!(store.wait().unwrap().1.is_err());
    }
    drop(store);
    let (_store, loaded) = Store::open(&folder.0, &KEY).unwrap();
    assert!(loaded.records.is_empty());
}

#[tokio::test]
async fn the_loop_can_wait_for_a_completion() {
    let folder = Folder::new("store-async");
    let (mut store, _) = Store::open(&folder.0, &KEY).unwrap();
    store.submit(7, vec![record(1)], true).unwrap();
    assert_eq!(store.completed().await, Some((7, Ok(()))));
}

/// A file that cannot grow past `room` bytes, as on a full flash.
fn full_after(room: i64) -> File {
    let file: OwnedFd = memfd_create("journal", MFdFlags::MFD_ALLOW_SEALING).unwrap();
    nix::unistd::ftruncate(&file, room).unwrap();
    fcntl(&file, FcntlArg::F_ADD_SEALS(SealFlag::F_SEAL_GROW)).unwrap();
    File::from(file)
}

#[test]
fn a_full_flash_fails_the_record_and_keeps_the_rest() {
    let room = journal::HEADER.len() + journal::FRAME_HEAD + 110;
    let mut writer = Writer::new(full_after(room as i64), "journal".into(), 8, KEY.0);
    let mut done = Vec::new();
    writer.write(&Job { id: 1, records: vec![record(1)], durable: true, whole: false }, &mut done);
    writer.write(&Job { id: 2, records: vec![record(2)], durable: true, whole: false }, &mut done);
    writer.sync(&mut done);
    let (first, second) = (&done[0], &done[1]);
    assert_eq!(first.0, 2);
    assert!(first.1.as_ref().unwrap_err().starts_with("cannot write journal: "), "{first:?}");
    assert_eq!(second, &(1, Ok(())));
}

#[test]
fn a_flash_that_can_only_be_read_fails_every_record_and_stops_nothing() {
    let folder = Folder::new("store-readonly");
    write(&folder, 1..2);
    let file = File::open(folder.0.join("journal")).unwrap();
    let length = file.metadata().unwrap().len();
    let writer = Writer::new(file, "journal".into(), length, KEY.0);
    let mut store = Store::start(writer);
    for id in 0..2 {
        store.submit(id, vec![record(1)], true).unwrap();
        let (answered, result) = store.wait().unwrap();
        assert_eq!(answered, id);
        assert!(result.unwrap_err().contains("cannot"));
    }
    drop(store);
    let (_store, loaded) = Store::open(&folder.0, &KEY).unwrap();
    assert_eq!(loaded.records, [record(1)]);
}

#[test]
fn a_journal_written_anew_holds_what_is_wanted_and_goes_on() {
    let folder = Folder::new("store-whole");
    write(&folder, 1..4);
    let (mut store, _) = Store::open(&folder.0, &KEY).unwrap();
    store.submit(1, vec![record(4)], false).unwrap();
    store.submit_whole(2, vec![record(2), record(4)]).unwrap();
    store.submit(3, vec![record(5)], true).unwrap();
    let done: Vec<Completion> = (0..3).filter_map(|_| store.wait()).collect();
    assert_eq!(done, [(1, Ok(())), (2, Ok(())), (3, Ok(()))]);
    drop(store);
    let (_store, loaded) = Store::open(&folder.0, &KEY).unwrap();
    assert_eq!(loaded.records, [record(2), record(4), record(5)]);
    assert_eq!(loaded.damaged, []);
    assert!(!folder.0.join("journal.new").exists());
}
