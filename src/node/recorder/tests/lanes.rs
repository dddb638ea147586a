//! Where a start counts usage: on the lane of the one before it if it has all that this one wrote, else on one of its own.

use super::*;
use crate::hotspot::portal::Page;
use crate::ledger::{Kind, Record};

/// What the journal was given.
fn journal(story: &Story) -> Vec<Vec<u8>> {
    let stored = story.outputs.iter().flat_map(|output| match output {
        Output::Store { records, .. } => records.clone(),
        _ => Vec::new(),
    });
    stored.collect()
}

fn lanes(records: &[Vec<u8>]) -> Vec<u64> {
    let lane = |bytes: &Vec<u8>| match Record::parse(bytes).unwrap().body {
        Body::Usage(usage) => Some(usage.lane),
        _ => None,
    };
    records.iter().filter_map(lane).collect()
}

#[test]
fn a_start_without_the_last_records_of_the_one_before_it_counts_on_a_lane_of_its_own() {
    let mut story = Story::new(PHONES, 0);
    let code = story.sell(1, "")[0];
    assert!(matches!(story.log_in(0, code), Page::Welcome { .. }));
    story.pass(Span::from_secs(1_500));
    let written = journal(&story);
    assert!(lanes(&written).len() >= 2, "a page each ten minutes");
    // The flash lost the last page; no neighbour is there to give it back.
    let last = written.iter().rposition(|bytes| Record::parse(bytes).unwrap().kind == Kind::Usage).unwrap();
    let mut kept = [community(), written.clone()].concat();
    let lost = kept.remove(community().len() + last);
    story.outputs.clear();
    story.power_cut(kept);
    assert!(matches!(story.log_in(0, code), Page::Welcome { .. }));
    story.pass(Span::from_secs(1_300));
    let again = journal(&story);
    let (old, new) = (lanes(&written)[0], lanes(&again));
    assert!(!new.is_empty() && new.iter().all(|lane| *lane != old && *lane == new[0]), "{old} then {new:?}");
    // What was lost comes back from somewhere: everything counts, and nothing twice.
    let (verifier, _) = story.vault.end(code);
    let mut ledger = story.node.ledger().clone();
    let used = |ledger: &Ledger| ledger.voucher(verifier).unwrap().used_s();
    let before = used(&ledger);
    ledger.handle_stored(&lost).unwrap();
    let page = |bytes: &[u8]| match Record::parse(bytes).unwrap().body {
        Body::Usage(usage) => u64::from(usage.counters[0].used_s),
        _ => 0,
    };
    let first = written.iter().find(|bytes| page(bytes) > 0).unwrap();
    assert_eq!(used(&ledger), before + page(&lost) - page(first));
}
