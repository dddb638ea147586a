//! Two ledgers become equal, whatever each of them holds.

use proptest::prelude::*;

use super::super::body::{Body, Counter, Usage};
use super::super::have::{Answer, Names};
use super::super::{Kind, Ledger, Record, RecordId};
use super::merge::state;
use super::village::{NOON, Village, busy, charter_record};
use crate::base::time::WallTime;

fn load<'a>(records: impl Iterator<Item = &'a Vec<u8>>) -> Ledger {
    let mut ledger = Ledger::new([0; 32], 1);
    for bytes in records {
        ledger.handle_record(bytes).unwrap();
    }
    ledger
}

fn send(from: &Ledger, to: &mut Ledger, records: &[RecordId]) -> usize {
    for id in records {
        to.handle_record(from.bytes_of(*id).unwrap()).unwrap();
    }
    records.len()
}

/// One exchange: both summaries, both answers, then the names. Tells how many records went over.
fn exchange(one: &mut Ledger, other: &mut Ledger) -> usize {
    let (to_other, to_one) = (one.answer(&other.summary()), other.answer(&one.summary()));
    let mut sent = send(one, other, &to_other.records) + send(other, one, &to_one.records);
    let mut by_name = |from: &mut Ledger, to: &mut Ledger, names: &[Names]| {
        for names in names {
            // `to` was told what `from` holds.
            let (lacking, wanted) = to.compare(names);
            sent += send(&to.clone(), from, &lacking);
            sent += send(&from.clone(), to, &from.named_records(&names.author, &wanted));
        }
    };
    by_name(one, other, &to_other.names);
    by_name(other, one, &to_one.names);
    sent
}

/// What is on every node: a status is not.
fn village_records() -> Vec<Vec<u8>> {
    let records = busy().records;
    records.into_iter().filter(|bytes| Record::parse(bytes).unwrap().kind != Kind::Status).collect()
}

#[test]
fn two_ledgers_exchange_until_they_are_equal() {
    let records = village_records();
    let whole = load(records.iter());
    let count = records.len();
    let parts = proptest::collection::vec(0_u8..4, count);
    proptest!(ProptestConfig::with_cases(64), |(parts in parts)| {
        let part = |bit: u8| {
            let mine = records.iter().zip(&parts).filter(move |(_, part)| **part & bit != 0);
            mine.map(|(bytes, _)| bytes)
        };
        let (mut one, mut other) = (load(records[..1].iter().chain(part(1))), load(records[..1].iter().chain(part(2))));
        exchange(&mut one, &mut other);
        prop_assert_eq!(state(&one), state(&other));
        prop_assert_eq!(one.summary(), other.summary());
        prop_assert_eq!(exchange(&mut one, &mut other), 0, "what is equal costs nothing");
        // A third one that has everything brings both to the same.
        let mut third = whole.clone();
        exchange(&mut one, &mut third);
        prop_assert_eq!(state(&one), state(&whole));
    });
}

#[test]
fn a_ledger_that_is_behind_gets_what_it_lacks_and_nothing_else() {
    let mut village = Village::new();
    let mut behind = load(village.records.iter());
    let known = village.records.len();
    let vouchers = village.issue(1, 10..20);
    village.sell(&vouchers, "ana");
    for name in 10..20 {
        village.activate(name, NOON);
    }
    let answer = village.root.ledger.answer(&behind.summary());
    assert_eq!((answer.records.len(), answer.names.len()), (village.records.len() - known, 0));
    let seqs: Vec<u64> =
        answer.records.iter().map(|id| village.root.ledger.record(*id).unwrap().seq).collect();
    assert!(seqs.is_sorted(), "in the author's order");
    send(&village.root.ledger, &mut behind, &answer.records);
    assert_eq!(village.root.ledger.answer(&behind.summary()), Answer::default());
}

#[test]
fn a_new_node_hears_first_who_may_say_what() {
    let whole = load(village_records().iter());
    let answer = whole.answer(&[]);
    assert_eq!(answer.records.len(), whole.summary().iter().map(|have| have.count as usize).sum::<usize>());
    let kinds: Vec<Option<Kind>> =
        answer.records.iter().map(|id| whole.record(*id).map(|record| record.kind)).collect();
    assert_eq!(kinds[0], Some(Kind::Charter));
    let is_authority = |kind: &Option<Kind>| kind.is_some_and(Kind::is_authority);
    let first_other = kinds.iter().position(|kind| !is_authority(kind)).unwrap();
    assert!(!kinds[first_other..].iter().any(is_authority));
}

#[test]
fn a_link_that_was_replaced_is_passed_on_with_its_signature() {
    let mut village = Village::new();
    village.issue(1, 10..12);
    village.activate(10, WallTime { unix_s: 9, ..NOON });
    village.activate(10, NOON);
    let mut fresh = Ledger::new([0; 32], 1);
    let answer = village.root.ledger.answer(&[]);
    send(&village.root.ledger, &mut fresh, &answer.records);
    assert_eq!(fresh.report().stubs, 1);
    assert_eq!(fresh.heads(&village.seller.id()).len(), 1, "the chain has no hole");
}

#[test]
fn a_lie_about_what_somebody_holds_costs_octets_alone() {
    let village = busy();
    let ledger = &village.root.ledger;
    let mut summary = ledger.summary();
    for have in &mut summary {
        have.sum = [0xff; 16];
        have.seq = u64::MAX;
        have.count = u32::MAX;
    }
    let answer = ledger.answer(&summary);
    assert_eq!((answer.records.len(), answer.names.len()), (0, summary.len()));
    let nonsense = Names { author: [7; 32], ids: vec![[1; 8]; 3] };
    assert_eq!(ledger.compare(&nonsense), (vec![], vec![[1; 8]]));
    assert_eq!(ledger.named_records(&[7; 32], &[[1; 8]]), []);
}

#[test]
fn the_latest_of_a_page_is_all_that_is_passed_on() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..12);
    village.activate(10, NOON);
    let before = village.records.len();
    let page = |used_s| {
        let counters =
            vec![Counter { verifier: vouchers[0], used_s, up_bytes: 0, down_bytes: 0, elapsed_s: 0 }];
        Body::Usage(Usage { lane: 1, page: 0, counters, day: None })
    };
    let mut old = load(village.records.iter());
    for used_s in [1, 2, 3] {
        let record = village.seller.write(page(used_s)).unwrap();
        village.spread(record);
        if used_s == 1 {
            old = load(village.records.iter());
        }
    }
    assert_eq!(village.records.len(), before + 3);
    let mut fresh = village.root.ledger.clone();
    exchange(&mut old, &mut fresh);
    assert_eq!(old.voucher(vouchers[0]).unwrap().used_s(), 3);
    assert_eq!(old.summary(), fresh.summary());
}

#[test]
fn communities_do_not_mix() {
    let village = Village::new();
    let stranger = charter_record(&ed25519_dalek::SigningKey::from_bytes(&[77; 32]));
    let mut foreign = load([stranger].iter());
    let answer = village.root.ledger.answer(&foreign.summary());
    let id = answer.records[0];
    assert!(foreign.handle_record(village.root.ledger.bytes_of(id).unwrap()).is_err());
}
