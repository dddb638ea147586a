//! The fuzz targets as ordinary tests: the committed corpus, and what a seeded mutator makes of it. The long
//! run is `FUZZ_ROUNDS=200 cargo test --workspace --test fuzz`, a part of `make soak`.

#[path = "../../fuzz/targets.rs"]
mod targets;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;

use tequio::base::random::Random;

/// Inputs that are made of a corpus: a second or two for each target.
const MADE: u64 = 100_000;
/// A story of the engine takes a hundred times as long as a packet.
const STORIES: u64 = 3_000;

/// The files of a target, in the order of their names.
fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).expect("a folder for each target");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    assert!(files.len() >= 5, "{} holds {} files", folder.display(), files.len());
    files.iter().map(|file| std::fs::read(file).expect("a file")).collect()
}

/// Runs the target on its corpus and on `made` inputs made of it; the first that panics, if one does.
fn fuzz(corpus: &[Vec<u8>], made: u64, seed: u64, target: fn(&[u8])) -> Option<Vec<u8>> {
    let fails = |input: &[u8]| catch_unwind(AssertUnwindSafe(|| target(input))).is_err();
    if let Some(input) = corpus.iter().find(|input| fails(input)) {
        return Some(input.clone());
    }
    let mut random = Random::new(seed);
    (0..made).map(|_| mutated(corpus, &mut random)).find(|input| fails(input))
}

/// One of the corpus with a few things done to it. Half of the time its frame is put right again.
fn mutated(corpus: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut input = pick(corpus, random).clone();
    for _ in 0..=random.below(4) {
        let at = place(random, input.len());
        // An octet that is there, unless the input is empty.
        let here = at.min(input.len().saturating_sub(1));
        match random.below(6) {
            0 if !input.is_empty() => input[here] ^= 1 << random.below(8),
            1 if !input.is_empty() => input[here] = octet(random),
            2 => input.insert(at, octet(random)),
            3 => input.truncate(at),
            4 => {
                let other = pick(corpus, random);
                let (from, to) = (place(random, other.len()), place(random, other.len()));
                let piece = other[from.min(to)..from.max(to)].to_vec();
                input.splice(at..at, piece);
            }
            _ if !input.is_empty() => input[here] = [0, 1, 0x7f, 0x80, 0xfe, 0xff][place(random, 5)],
            _ => {}
        }
    }
    input.truncate(4_000);
    if random.below(2) == 0 && input.len() >= 4 && input[0] == 42 {
        let trailer = if random.below(4) == 0 { place(random, input.len() - 4) } else { 0 };
        let body = u16::try_from(input.len() - 4 - trailer).expect("4,000 octets at most");
        input[2..4].copy_from_slice(&body.to_be_bytes());
    }
    input
}

fn pick<'a>(corpus: &'a [Vec<u8>], random: &mut Random) -> &'a Vec<u8> {
    &corpus[place(random, corpus.len() - 1)]
}

/// From nothing to `most`, both included.
fn place(random: &mut Random, most: usize) -> usize {
    usize::try_from(random.below(most as u64 + 1)).expect("below a length")
}

fn octet(random: &mut Random) -> u8 {
    u8::try_from(random.below(256)).expect("below 256")
}

fn hex(input: &[u8]) -> String {
    input.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// How many times the usual number of inputs is made, each time of another seed.
fn rounds() -> u64 {
    let asked = std::env::var("FUZZ_ROUNDS").ok();
    asked.map_or(1, |text| text.parse().expect("FUZZ_ROUNDS is a number"))
}

fn holds(name: &str, made: u64, target: fn(&[u8])) {
    for seed in 1..=2 * rounds() {
        if let Some(input) = fuzz(&corpus(name), made / 2, seed, target) {
            panic!("{name} fails with seed {seed} on {}", hex(&input));
        }
    }
}

#[test]
fn any_packet_can_be_read() {
    holds("packet", MADE, targets::packet);
}

#[test]
fn what_is_read_is_written_and_read_again() {
    holds("round_trip", MADE, targets::round_trip);
}

#[test]
fn what_authentication_reads_first_lies_in_the_packet() {
    holds("mac_pre_parse", MADE, targets::mac_pre_parse);
}

#[test]
fn any_record_can_be_read() {
    holds("record", STORIES * 4, targets::record);
}

#[test]
fn any_request_can_be_read() {
    holds("request", MADE, targets::request);
}

#[test]
fn anything_about_queues_can_be_read() {
    holds("queues", MADE, targets::queues);
}

#[test]
fn any_file_of_words_can_be_read() {
    holds("words", STORIES * 4, targets::words);
}

#[test]
fn any_word_about_the_change_of_a_link_can_be_read() {
    holds("link_change", STORIES * 4, targets::link_change);
}

#[test]
fn any_journal_can_be_read() {
    holds("journal", STORIES * 4, targets::journal);
}

#[test]
fn no_set_of_records_makes_the_ledger_panic_or_depend_on_its_order() {
    holds("ledger", STORIES * 2, targets::ledger);
}

#[test]
fn nothing_that_a_member_says_on_its_stream_makes_the_exchange_panic() {
    holds("sync", STORIES * 2, targets::sync);
}

#[test]
fn no_story_makes_the_engine_panic_or_spin() {
    holds("engine", STORIES, targets::engine);
}

#[test]
fn a_planted_mistake_is_found() {
    let found = fuzz(&corpus("packet"), 500_000, 1, targets::planted);
    assert!(found.is_some(), "a fuzzer that does not find this looks at nothing");
    assert_eq!(fuzz(&corpus("packet"), 1_000, 1, targets::packet), None);
}
