//! Bytes on flash: what a power cut or a tired cell can take away.

use proptest::prelude::*;

use super::super::journal::{FRAME_HEAD, HEADER, JournalError, Scan, Torn, frame, scan};
use super::super::record::Record;
use super::village::Village;

const KEY: [u8; 32] = [3; 32];

fn journal() -> (Vec<u8>, Vec<Vec<u8>>) {
    let records = Village::new().records;
    let frames = records.iter().flat_map(|record| frame(&KEY, record));
    (HEADER.into_iter().chain(frames).collect(), records)
}

fn records_of<'a>(bytes: &'a [u8], scan: &Scan) -> Vec<&'a [u8]> {
    scan.records.iter().map(|range| &bytes[range.clone()]).collect()
}

#[test]
fn what_was_written_is_read() {
    let (bytes, records) = journal();
    let found = scan(&KEY, &bytes).unwrap();
    assert_eq!(records_of(&bytes, &found), records);
    assert_eq!((found.valid_len, found.torn, found.foreign), (bytes.len(), None, false));
    assert!(found.damaged.is_empty());
    assert_eq!(scan(&KEY, &[]), Ok(Scan::default()));
    assert_eq!(scan(&KEY, &HEADER).unwrap().valid_len, HEADER.len());
}

#[test]
fn a_cut_at_any_byte_of_the_last_record_loses_that_record_alone_and_says_so() {
    let (bytes, records) = journal();
    let last = FRAME_HEAD + records.last().unwrap().len();
    let end = bytes.len() - last;
    for cut in end..bytes.len() {
        let found = scan(&KEY, &bytes[..cut]).unwrap();
        assert_eq!(records_of(&bytes, &found), records[..records.len() - 1], "cut at {cut}");
        assert_eq!(found.valid_len, end);
        let torn = (cut > end).then_some(Torn { position: end, bytes: cut - end });
        assert_eq!(found.torn, torn);
    }
}

#[test]
fn a_cut_at_any_byte_never_panics_nor_invents() {
    let (bytes, records) = journal();
    for cut in 0..bytes.len() {
        let found = scan(&KEY, &bytes[..cut]).unwrap();
        let read = records_of(&bytes, &found);
        assert_eq!(read, records[..read.len()], "cut at {cut}");
    }
}

#[test]
fn a_flipped_byte_loses_one_record_at_most_and_says_so() {
    let (bytes, records) = journal();
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 0x41;
        let found = scan(&KEY, &bad).unwrap();
        let read = records_of(&bad, &found);
        assert!(read.len() + 1 >= records.len(), "flip at {at}: {} records", read.len());
        assert!(read.iter().all(|one| records.iter().any(|record| record == one)), "flip at {at}");
        assert!(!found.damaged.is_empty() || found.torn.is_some(), "flip at {at} goes unsaid");
    }
}

#[test]
fn a_journal_of_another_router_is_read_as_foreign() {
    let (bytes, records) = journal();
    let found = scan(&[4; 32], &bytes).unwrap();
    assert!(found.foreign);
    assert_eq!(records_of(&bytes, &found), records);
    assert!(records_of(&bytes, &found).iter().all(|one| Record::parse(one).unwrap().verify(one).is_ok()));
}

#[test]
fn other_files_are_not_taken_for_a_journal() {
    let (mut bytes, _) = journal();
    assert_eq!(scan(&KEY, b"config tequio"), Err(JournalError::NoJournal));
    assert_eq!(scan(&KEY, b"TQJRNL\x00\x02..."), Err(JournalError::Version { version: 2 }));
    bytes[7] = 2;
    assert_eq!(
        scan(&KEY, &bytes),
        Err(JournalError::Version { version: 2 }),
        "with frames like ours behind it"
    );
    assert_eq!(scan(&[4; 32], &bytes), Err(JournalError::Version { version: 2 }));
    bytes[7] = 0x80;
    assert_eq!(scan(&[4; 32], &bytes), Err(JournalError::Version { version: 128 }), "and of another router");
    bytes[7] = 1;
    bytes[3] = 0;
    let found = scan(&KEY, &bytes).unwrap();
    assert_eq!((found.records.len(), found.damaged[0].position), (8, 0), "a flipped head loses nothing");
}

#[test]
fn garbage_of_marks_costs_a_bounded_search() {
    let garbage = [&HEADER[..], &[0xa7, 0x51, 0x1f, 0xff].repeat(2_000)].concat();
    let found = scan(&KEY, &garbage).unwrap();
    assert!(found.records.is_empty() && found.torn.is_some());
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>, headed: bool) {
        let bytes = if headed { [&HEADER[..], &bytes].concat() } else { bytes };
        if let Ok(found) = scan(&KEY, &bytes) {
            prop_assert!(found.valid_len <= bytes.len());
        }
    }
}
