//! The state is a function of the set of records, and of nothing else.

use proptest::prelude::*;

use super::super::body::{Activation, Body, Counter, Usage};
use super::super::{Kind, Ledger, VoucherState};
use super::village::{NOON, Node, Village, busy, hour, member, proof};
use crate::base::random::Random;
use crate::base::time::{TimeQuality, WallTime};
use crate::base::voucher::LotId;
use crate::ledger::rights::Role;

fn load(records: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    state(&loaded(&records.into_iter().collect::<Vec<_>>()))
}

/// The ledger of a stranger that has learnt these records, one by one.
pub(super) fn loaded(records: &[Vec<u8>]) -> Ledger {
    let mut ledger = Ledger::new([0; 32], 1);
    for bytes in records {
        ledger.handle_stored(bytes).unwrap();
    }
    ledger
}

/// The same records in another order.
pub(super) fn shuffled(records: &[Vec<u8>], random: &mut Random) -> Vec<Vec<u8>> {
    let mut records = records.to_vec();
    for at in 0..records.len() {
        let other = random.below(records.len() as u64) as usize;
        records.swap(at, other);
    }
    records
}

/// All that a ledger holds, as bytes: the records, and what follows from them.
pub(super) fn state(ledger: &Ledger) -> Vec<u8> {
    let mut bytes = postcard::to_allocvec(ledger).unwrap();
    bytes.extend(format!("{ledger:?}").into_bytes());
    bytes
}

#[test]
fn every_node_that_saw_all_records_has_the_same_state() {
    let village = busy();
    let state = load(village.records.clone());
    let backwards = village.records.iter().rev().cloned();
    assert_eq!(load(backwards), state);
    for seed in 0..200 {
        let mut random = Random::new(seed);
        let mut records = village.records.clone();
        for at in 0..records.len() {
            let other = random.below(records.len() as u64) as usize;
            if random.below(3) == 0 {
                records.push(records[other].clone());
            }
            records.swap(at, other);
        }
        assert_eq!(load(records), state, "seed {seed}");
    }
}

#[test]
fn any_order_and_repetition_ends_in_the_same_bytes() {
    let records = busy().records;
    let state = load(records.clone());
    let order = Just((0..records.len()).collect::<Vec<_>>()).prop_shuffle();
    let again = proptest::collection::vec(0..records.len(), 0..20);
    proptest!(|(order in order, again in again)| {
        let picked = again.iter().chain(&order).chain(&again).map(|at| records[*at].clone());
        prop_assert_eq!(load(picked), state.clone());
    });
}

#[test]
fn a_record_is_new_once() {
    let village = busy();
    let mut ledger = Ledger::new([0; 32], 1);
    for bytes in &village.records {
        assert!(ledger.handle_record(bytes).unwrap().new);
    }
    let before = ledger.clone();
    for bytes in &village.records {
        let outcome = ledger.handle_record(bytes).unwrap();
        assert!(!outcome.new, "{:?}", outcome.kind);
    }
    assert_eq!(ledger, before);
}

#[test]
fn a_snapshot_behaves_like_what_it_was_taken_of() {
    let mut village = busy();
    let bytes = postcard::to_allocvec(&village.seller.ledger).unwrap();
    let mut copy: Ledger = postcard::from_bytes(&bytes).unwrap();
    assert_eq!(copy, village.seller.ledger);
    let body = village.seller.ledger.issue_body(LotId(77), "hora", vec![village.verifier(3, 99)]).unwrap();
    assert_eq!(copy.draft(body.clone()), village.seller.ledger.draft(body));
    assert_eq!(copy.report(), village.seller.ledger.report());
}

#[test]
fn a_voucher_tells_its_life() {
    let village = busy();
    let ledger = &village.root.ledger;
    let voucher = ledger.voucher(village.verifier(3, 10)).unwrap();
    assert_eq!((voucher.index, voucher.lot, voucher.issuer.0, voucher.epoch), (0, LotId(1), 3, 1));
    assert_eq!(voucher.node, village.seller.id());
    assert_eq!((voucher.used_s(), voucher.elapsed_s()), (600, 700));
    assert_eq!(voucher.sold.as_ref().map(|sold| (sold.person.as_str(), sold.price)), Some(("ana", 50)));
    assert_eq!(voucher.devices, [[3; 8], [1; 8]], "two devices: the oldest yields, a returning one is new");
    assert_eq!(voucher.activated, Some(NOON));
    assert_eq!(voucher.state(), VoucherState::Activated);
    let state = |name| ledger.voucher(village.verifier(3, name)).unwrap().state();
    assert_eq!(state(11), VoucherState::Void);
    assert_eq!(state(12), VoucherState::Sold);
    assert_eq!(state(18), VoucherState::Printed);
    assert_eq!(state(19), VoucherState::Void);
    assert!(ledger.voucher(village.verifier(3, 99)).is_none());
    assert_eq!(ledger.voucher_of(voucher.issuer, voucher.verifier), Some(voucher));
}

#[test]
fn used_seconds_end_a_voucher() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..12);
    village.activate(10, NOON);
    let counter = Counter { verifier: vouchers[0], used_s: 3_600, up_bytes: 0, down_bytes: 0, elapsed_s: 0 };
    for body in village.seller.ledger.usage_bodies(&[counter], None) {
        village.seller.write(body).unwrap();
    }
    assert_eq!(village.seller.ledger.voucher(vouchers[0]).unwrap().state(), VoucherState::Spent);
}

#[test]
fn begin_is_the_least_good_time_and_never_before_a_good_sale() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..20);
    village.sell(&vouchers, "ana");
    let at = |unix_s, quality| WallTime { unix_s, quality };
    let good = |seconds: i64| at(NOON.unix_s.wrapping_add_signed(seconds), TimeQuality::Mesh);
    village.activate(10, at(77, TimeQuality::Stale));
    let begin = |village: &Village| village.root.ledger.voucher(vouchers[0]).unwrap().activated.unwrap();
    assert_eq!(begin(&village), at(77, TimeQuality::Stale), "doubtful, and it says so");
    // Other nodes saw it too: one with a better clock, one whose clock runs behind.
    for (seconds, expected) in [(500, good(500)), (-500, at(NOON.unix_s, TimeQuality::Mesh))] {
        let body = Ledger::activation_body(vouchers[0], proof(10), good(seconds));
        let node = if seconds > 0 { &mut village.other } else { &mut village.officer };
        let record = node.write(body).unwrap();
        village.spread(record);
        assert_eq!(begin(&village), expected);
    }
}

#[test]
fn usage_is_the_most_of_a_lane_and_the_sum_of_lanes_and_nodes() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..20);
    village.activate(10, NOON);
    let page = |lane, page, used_s| {
        let counters =
            vec![Counter { verifier: vouchers[0], used_s, up_bytes: 1, down_bytes: 2, elapsed_s: 3 }];
        Body::Usage(Box::new(Usage { lane, page, counters, day: None }))
    };
    for (seq, body) in [(900_000, page(1, 0, 30)), (900_001, page(1, 1, 20)), (900_002, page(2, 0, 5))] {
        let record = village.seller.forge(seq, None, &body);
        village.spread(record);
    }
    let used = |village: &Village| village.root.ledger.voucher(vouchers[0]).unwrap().used_s();
    assert_eq!(used(&village), 35);
    // A node that never activated it drains nothing, whatever it signs.
    let record = village.other.forge(900_000, None, &page(1, 0, 3_600));
    village.spread(record);
    assert_eq!(used(&village), 35);
    let body = Ledger::activation_body(vouchers[0], proof(10), NOON);
    let record = village.other.write(body).unwrap();
    village.spread(record);
    assert_eq!(used(&village), 3_635, "its own activation with the proof makes its page count");
}

#[test]
fn pages_fill_up_and_vouchers_stay_on_theirs() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..110);
    for name in 10..110 {
        village.activate(name, NOON);
    }
    let counters = |used_s| -> Vec<Counter> {
        vouchers
            .iter()
            .map(|verifier| Counter { verifier: *verifier, used_s, up_bytes: 0, down_bytes: 0, elapsed_s: 0 })
            .collect()
    };
    let sizes = |bodies: &[Body]| -> Vec<usize> {
        bodies
            .iter()
            .map(|body| if let Body::Usage(usage) = body { usage.counters.len() } else { 0 })
            .collect()
    };
    let bodies = village.seller.ledger.usage_bodies(&counters(5), None);
    assert_eq!(sizes(&bodies), [64, 36]);
    for body in bodies {
        village.seller.write(body).unwrap();
    }
    let records = village.seller.ledger.record_count();
    let bodies = village.seller.ledger.usage_bodies(&counters(9)[70..71], None);
    assert_eq!(sizes(&bodies), [36], "only the page of the voucher that changed");
    for body in bodies {
        village.seller.write(body).unwrap();
    }
    assert_eq!(village.seller.ledger.record_count(), records, "the old page is gone");
    let fallen = village.seller.ledger.usage_bodies(&counters(1)[70..71], None);
    let Body::Usage(usage) = &fallen[0] else { panic!() };
    assert!(usage.counters.iter().any(|counter| counter.used_s == 9), "a counter never falls");
}

#[test]
fn a_burnt_coupon_needs_the_code() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..12);
    let wrong = Body::Activation(Activation { verifier: vouchers[0], proof: proof(99), begin: NOON });
    assert!(village.other.write(wrong.clone()).is_err());
    let record = village.other.forge(1, None, &wrong);
    village.spread(record);
    assert_eq!(village.root.ledger.voucher(vouchers[0]).unwrap().state(), VoucherState::Printed);
    let uncounted = village.root.ledger.report().uncounted;
    assert_eq!(uncounted.iter().map(|line| line.kind.as_str()).collect::<Vec<_>>(), ["activation"]);
}

#[test]
fn a_later_record_replaces_an_earlier_one_of_its_subject_and_leaves_a_stub() {
    let mut village = Village::new();
    village.issue(1, 10..12);
    village.activate(10, WallTime { unix_s: 9, quality: TimeQuality::Stale });
    let records = village.root.ledger.record_count();
    village.activate(10, NOON);
    let report = village.root.ledger.report();
    assert_eq!((report.records, report.stubs), (records, 1));
    assert!(report.branches.is_empty(), "{:?}", report.branches);
}

#[test]
fn of_equal_numbers_the_lower_id_wins_and_the_branch_is_reported() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..12);
    let at = |unix_s| Ledger::activation_body(vouchers[0], proof(10), WallTime { unix_s, ..NOON });
    let mut ids = Vec::new();
    for second in [1, 2, 3] {
        let record = village.other.forge(50, None, &at(NOON.unix_s + second));
        ids.push((village.root.ledger.handle_record(&record).unwrap().id, NOON.unix_s + second));
        village.spread(record);
    }
    let (_, expected) = *ids.iter().min().unwrap();
    let voucher = village.root.ledger.voucher(vouchers[0]).unwrap();
    assert_eq!(voucher.activated.unwrap().unix_s, expected);
    assert_eq!(village.root.ledger.report().branches.len(), 1);
}

#[test]
fn a_restart_counts_on_far_above_what_it_knows() {
    let mut village = busy();
    let mut again = Node::new(4);
    again.ledger = Ledger::new(village.seller.id(), 5_000_000_000);
    again.take(&village.records);
    let top =
        again.ledger.records().filter(|record| record.author == again.id()).map(|record| record.seq).max();
    let body = again.ledger.device_body(village.verifier(3, 10), [9; 8], None, None, None);
    let first = again.write(body.clone()).unwrap();
    let seq = |bytes: &[u8]| super::super::Record::parse(bytes).unwrap().seq;
    assert_eq!(seq(&first), top.unwrap() + 5_000_000_000);
    let second = again.write(body).unwrap();
    assert_eq!(seq(&second), seq(&first) + 1);
    village.spread(first);
}

#[test]
fn chained_records_name_the_one_before() {
    let mut village = Village::new();
    village.issue(1, 10..12);
    village.activate(10, NOON);
    let own = village.seller.id();
    let mut chain: Vec<_> = village.root.ledger.records().filter(|record| record.author == own).collect();
    chain.sort_by_key(|record| record.seq);
    assert_eq!(chain.iter().map(|record| record.kind).collect::<Vec<_>>(), [Kind::Issue, Kind::Activation]);
    assert_eq!((chain[0].prev, chain[1].prev), (None, Some(chain[0].id)));
}

#[test]
fn the_numbers_of_an_author_can_run_out_and_nothing_panics() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..12);
    let last = village.seller.forge(u64::MAX, None, &Ledger::activation_body(vouchers[0], proof(10), NOON));
    village.seller.take(&[last]);
    let body = village.seller.ledger.device_body(vouchers[0], [1; 8], None, None, None);
    assert_eq!(village.seller.ledger.draft(body), Err(super::super::DraftError::SequenceExhausted));
}

#[test]
fn concurrent_changes_of_a_member_are_both_shown_and_the_lower_id_counts() {
    let mut village = Village::new();
    let key = Node::new(9).id();
    let first = village.officer.write(Body::Member(Box::new(member(key, 9, &[Role::Hotspot])))).unwrap();
    let second = village.root.write(Body::Member(Box::new(member(key, 10, &[Role::Hotspot])))).unwrap();
    village.spread(first.clone());
    village.spread(second.clone());
    let ids = [&first, &second].map(|bytes| super::super::Record::parse(bytes).unwrap().id);
    let state = village.seller.ledger.members().find(|state| state.member.key == key).unwrap().clone();
    assert_eq!((Some(&state.record), state.concurrent), (ids.iter().min(), 1));
    // A word that names both ends the dispute, whatever its id.
    let body =
        Body::Member(Box::new(super::super::Member { replaces: ids.to_vec(), ..member(key, 11, &[]) }));
    let record = village.officer.write(body).unwrap();
    village.spread(record);
    let state = village.seller.ledger.members().find(|state| state.member.key == key).unwrap();
    assert_eq!((state.member.number.0, state.concurrent), (11, 0));
}

#[test]
fn of_two_members_with_one_number_the_lower_key_keeps_it() {
    let mut village = Village::new();
    let keys = [Node::new(9), Node::new(10), Node::new(11)].map(|node| node.id());
    for key in keys {
        let record = village.root.write(Body::Member(Box::new(member(key, 30, &[Role::Seller])))).unwrap();
        village.spread(record);
    }
    let least = keys.iter().min().unwrap();
    for state in village.seller.ledger.members().filter(|state| keys.contains(&state.member.key)) {
        let taken = state.member.key != *least;
        assert_eq!((state.number_taken, state.slot_taken), (taken, taken));
    }
    let mut loser =
        [Node::new(9), Node::new(10), Node::new(11)].into_iter().find(|node| node.id() != *least).unwrap();
    loser.take(&village.records);
    let verifier = village.verifier(30, 1);
    let body = loser.ledger.issue_body(LotId(1), "hora", vec![verifier]).unwrap();
    assert_eq!(loser.ledger.draft(body), Err(super::super::DraftError::NumberTaken));
}

#[test]
fn a_plan_may_change_and_paper_stays_what_it_was() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..12);
    let (before, _) = village.treasurer.ledger.plan("hora").unwrap();
    let dearer = super::super::Plan { price: 60, seller_share: 20, replaces: vec![before], ..hour() };
    let record = village.treasurer.write(Body::Plan(Box::new(dearer))).unwrap();
    village.spread(record);
    assert_eq!(village.seller.ledger.plan("hora").unwrap().1.price, 60);
    assert_eq!(village.seller.ledger.plans().count(), 1);
    assert_eq!(village.seller.ledger.voucher(vouchers[0]).unwrap().plan.price, 50);
    village.sell(&vouchers, "ana");
    assert_eq!(village.seller.ledger.voucher(vouchers[0]).unwrap().sold.unwrap().price, 50);
}
