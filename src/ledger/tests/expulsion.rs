//! What is left of a key that was expelled, or of a role that was taken away: what its last counted records follow.

use super::super::account::Figure;
use super::super::body::{
    Activation, Body, Counter, Epoch, Exchange, Expulsion, Grant, Issue, SealedShare, Succession, Usage,
};
use super::super::record::{Record, RecordId};
use super::super::{DraftError, Ledger, Member, VoucherState};
use super::merge::{loaded, shuffled, state};
use super::village::{NOON, Node, Village, hour, member, proof};
use crate::base::random::Random;
use crate::base::time::WallTime;
use crate::base::voucher::{IssuerNumber, LotId, Verifier};
use crate::ledger::rights::Role;

fn id(bytes: &[u8]) -> RecordId {
    Record::parse(bytes).unwrap().id
}

/// The last chained record of a node.
fn head(node: &Node) -> RecordId {
    node.ledger.tips.get(&node.id()).and_then(|tip| tip.chained).unwrap().1
}

/// An epoch behind the current one that expels these keys, up to these records.
fn expelling(ledger: &Ledger, keys: &[([u8; 32], Vec<RecordId>)]) -> Body {
    let (follows, number) = ledger.current_epoch().unwrap();
    let expels =
        keys.iter().map(|(member, heads)| Expulsion { member: *member, heads: heads.clone() }).collect();
    Body::Epoch(Box::new(Epoch { number: number + 1, follows: Some(follows), shares: vec![], expels }))
}

/// A lot as the seller would make it, whether it may or not.
fn lot(village: &Village, number: u64, names: std::ops::Range<u8>) -> Body {
    let verifiers: Vec<Verifier> = names.map(|name| village.verifier(3, name)).collect();
    let (plan, epoch) =
        (village.root.ledger.plan("hora").unwrap().0, village.root.ledger.current_epoch().unwrap().0);
    Body::Issue(Box::new(Issue {
        lot: LotId(number),
        epoch,
        plan,
        verifiers,
        issuer: IssuerNumber(3),
        for_exchange: false,
    }))
}

fn is_known(village: &Village, name: u8) -> bool {
    village.treasurer.ledger.voucher(village.verifier(3, name)).is_some()
}

/// A village whose seller was expelled after its first lot.
fn expelled() -> Village {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..14);
    village.sell(&vouchers[..2], "ana");
    village.activate(10, NOON);
    let heads = vec![head(&village.seller)];
    let body = expelling(&village.officer.ledger, &[(village.seller.id(), heads)]);
    let record = village.officer.write(body).unwrap();
    village.spread(record);
    village
}

#[test]
fn what_an_expelled_key_had_written_counts_and_nothing_else_does() {
    let mut village = expelled();
    assert!(village.root.ledger.members().all(|state| state.member.key != village.seller.id()));
    assert!(is_known(&village, 10) && is_known(&village, 13), "the lot inside the heads is good");
    let totals = village.root.ledger.report().totals;
    let sold: i64 = totals.iter().map(|total| total.figures.of(Figure::Sold)).sum();
    assert_eq!(sold, 2);
    let before = village.root.ledger.report();
    // The thief writes on: behind its head, beside it, under numbers of long ago and far ahead.
    let behind = head(&village.seller);
    for (seq, prev) in
        [(1, None), (5_000_000, Some(behind)), (u64::MAX, Some(behind)), (3, Some(RecordId([9; 32])))]
    {
        let body = lot(&village, 50 + (seq & 7), 100..104);
        let record = village.seller.forge(seq, prev, &body);
        village.spread(record);
        let activation = Activation { verifier: village.verifier(3, 12), proof: proof(12), begin: NOON };
        let record = village.seller.forge(seq, prev, &Body::Activation(activation));
        village.spread(record);
    }
    assert!(!is_known(&village, 100));
    let after = village.root.ledger.report();
    assert_eq!((after.totals, after.members), (before.totals, before.members));
    assert_eq!(
        after.expelled,
        [format!("nodo 3 {}", crate::ledger::text::fingerprint(&village.seller.id()))]
    );
}

#[test]
fn usage_and_times_of_an_expelled_key_never_count() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..12);
    village.activate(10, WallTime { unix_s: NOON.unix_s - 9_000_000, ..NOON });
    let counter = Counter { verifier: vouchers[0], used_s: 3_000, up_bytes: 1, down_bytes: 2, elapsed_s: 9 };
    let page = Body::Usage(Box::new(Usage { lane: 1, page: 0, counters: vec![counter], day: None }));
    let record = village.seller.write(page).unwrap();
    village.spread(record);
    let device = village.seller.ledger.device_body(vouchers[0], [1; 8], Some(1), None, None);
    let record = village.seller.write(device).unwrap();
    village.spread(record);
    let voucher = |village: &Village| village.root.ledger.voucher(vouchers[0]).unwrap();
    assert_eq!((voucher(&village).used_s(), voucher(&village).devices.len()), (3_000, 1));
    let body = expelling(&village.root.ledger, &[(village.seller.id(), vec![head(&village.seller)])]);
    let record = village.root.write(body).unwrap();
    village.spread(record);
    let left = voucher(&village);
    assert_eq!((left.used_s(), left.devices.len()), (0, 0), "users gain");
    assert!(
        left.activated.unwrap().quality < crate::base::time::TimeQuality::Mesh,
        "its clock ages no coupon"
    );
    assert_eq!(left.state(), VoucherState::Activated, "and it was typed");
}

#[test]
fn of_two_expulsions_of_one_key_both_ancestries_count() {
    let mut village = Village::new();
    village.issue(1, 10..12);
    let first = head(&village.seller);
    // A copied key goes on from there twice.
    let left = village.seller.forge(9_000_000, Some(first), &lot(&village, 2, 20..22));
    let right = village.seller.forge(9_000_001, Some(first), &lot(&village, 3, 30..32));
    let beside = village.seller.forge(9_000_002, Some(first), &lot(&village, 4, 40..42));
    let heads = [id(&left), id(&right)];
    [left, right, beside].into_iter().for_each(|record| village.spread(record));
    let key = village.seller.id();
    let one = expelling(&village.officer.ledger, &[(key, vec![heads[0]])]);
    let two = expelling(&village.root.ledger, &[(key, vec![heads[1]])]);
    let one = village.officer.write(one).unwrap();
    let two = village.root.write(two).unwrap();
    village.spread(one);
    assert_eq!([10, 20, 30, 40].map(|name| is_known(&village, name)), [true, true, false, false]);
    village.spread(two);
    assert_eq!([10, 20, 30, 40].map(|name| is_known(&village, name)), [true, true, true, false]);
}

#[test]
fn an_expelled_key_never_returns() {
    let mut village = expelled();
    let key = village.seller.id();
    let body = Body::Member(Box::new(member(key, 3, &[Role::Seller])));
    assert_eq!(village.root.write(body.clone()), Err(DraftError::Expelled));
    let record = village.root.forge(1 << 40, None, &body);
    village.spread(record);
    assert!(village.officer.ledger.members().all(|state| state.member.key != key));
    let (epoch, number) = village.root.ledger.current_epoch().unwrap();
    let share = SealedShare { member: key, sealed: vec![1; 112] };
    let grant = Body::Grant(Box::new(Grant { epoch, number, share }));
    assert!(village.officer.write(grant.clone()).is_err());
    let record = village.officer.forge(1 << 40, None, &grant);
    village.spread(record);
    assert_eq!(village.seller.ledger.own_share(), None, "nor are secrets sealed to it");
    assert!(
        village.root.ledger.report().tainted,
        "and if somebody did, everybody sees that the epoch is spoilt"
    );
}

#[test]
fn officers_are_expelled_by_the_root_alone() {
    let mut village = Village::new();
    let (officer, treasurer) = (village.officer.id(), village.treasurer.id());
    let body = expelling(&village.officer.ledger, &[(treasurer, vec![]), (officer, vec![])]);
    let record = village.officer.write(body).unwrap();
    village.spread(record);
    assert_eq!(village.root.ledger.members().count(), 4);
    let body = expelling(&village.root.ledger, &[(officer, vec![])]);
    let record = village.root.write(body).unwrap();
    village.spread(record);
    assert_eq!(village.root.ledger.members().count(), 3);
}

#[test]
fn what_a_stolen_officer_signs_later_undoes_itself() {
    let mut village = Village::new();
    let key = Node::new(9).id();
    let honest = village.officer.write(Body::Member(Box::new(member(key, 9, &[Role::Hotspot])))).unwrap();
    village.spread(honest);
    let heads = vec![head(&village.officer)];
    // Stolen: it admits a friend, expels the seller, and runs epochs far ahead.
    let friend = Node::new(10).id();
    let record = village.officer.write(Body::Member(Box::new(member(friend, 10, &[Role::Seller])))).unwrap();
    village.spread(record);
    for _ in 0..5 {
        let body = expelling(&village.officer.ledger, &[(village.seller.id(), vec![])]);
        let record = village.officer.write(body).unwrap();
        village.spread(record);
    }
    let far = Body::Epoch(Box::new(Epoch {
        number: 9_000,
        follows: Some(heads[0]),
        shares: vec![],
        expels: vec![],
    }));
    let record = village.officer.forge(1 << 41, None, &far);
    village.spread(record);
    assert_eq!(village.root.ledger.current_epoch().unwrap().1, 6);
    assert!(village.root.ledger.members().all(|state| state.member.key != village.seller.id()));
    let body = expelling(&village.root.ledger, &[(village.officer.id(), heads)]);
    let record = village.root.write(body).unwrap();
    village.spread(record);
    let members: Vec<[u8; 32]> = village.treasurer.ledger.members().map(|state| state.member.key).collect();
    assert!(members.contains(&village.seller.id()) && members.contains(&key) && !members.contains(&friend));
    assert_eq!(
        village.treasurer.ledger.current_epoch().unwrap().1,
        7,
        "an honest epoch may follow a thief's"
    );
}

#[test]
fn a_role_that_is_taken_away_leaves_what_was_done_in_it() {
    let mut village = Village::new();
    village.issue(1, 10..12);
    let state = village.root.ledger.members().find(|state| state.member.key == village.seller.id()).unwrap();
    let heads = vec![head(&village.seller)];
    let body =
        Member { replaces: vec![state.record], heads, ..member(village.seller.id(), 3, &[Role::Hotspot]) };
    let record = village.officer.write(Body::Member(Box::new(body))).unwrap();
    village.spread(record);
    assert!(is_known(&village, 10), "what it had made is good");
    let record = village.seller.forge(1 << 40, Some(head(&village.seller)), &lot(&village, 2, 30..32));
    village.spread(record);
    assert!(!is_known(&village, 30), "and it makes no more");
    village.activate(11, NOON);
    assert_eq!(
        village.root.ledger.voucher(village.verifier(3, 11)).unwrap().state(),
        VoucherState::Activated
    );
}

#[test]
fn a_lower_float_leaves_paper_as_it_is_and_bounds_what_comes() {
    let mut village = Village::new();
    village.issue(1, 10..110);
    let state = village.root.ledger.members().find(|state| state.member.key == village.seller.id()).unwrap();
    let lower = Member {
        float: 100,
        replaces: vec![state.record],
        ..member(village.seller.id(), 3, &[Role::Seller, Role::Hotspot])
    };
    let record = village.officer.write(Body::Member(Box::new(lower))).unwrap();
    village.spread(record);
    assert!(is_known(&village, 10) && is_known(&village, 109));
    assert_eq!(village.seller.ledger.float_left(), 0);
    let body = lot(&village, 2, 120..121);
    assert_eq!(village.seller.write(body), Err(DraftError::Float { needed: 50, left: 0 }));
}

#[test]
fn crossed_expulsions_taint_the_epoch_that_wins() {
    let mut village = Village::new();
    let (seller, other) = (village.seller.id(), village.other.id());
    let with_share = |body: Body, member: [u8; 32]| match body {
        Body::Epoch(epoch) => Body::Epoch(Box::new(Epoch {
            shares: vec![SealedShare { member, sealed: vec![1; 112] }],
            ..*epoch
        })),
        other => other,
    };
    let one = with_share(expelling(&village.officer.ledger, &[(seller, vec![])]), other);
    let two = with_share(expelling(&village.root.ledger, &[(other, vec![])]), seller);
    let one = village.officer.write(one).unwrap();
    let two = village.root.write(two).unwrap();
    village.spread(one.clone());
    assert!(
        !village.root.ledger.report().tainted || village.root.ledger.current_epoch().unwrap().0 == id(&two)
    );
    village.spread(two.clone());
    let ledger = &village.treasurer.ledger;
    assert_eq!(ledger.current_epoch().unwrap().0, id(&one).min(id(&two)), "of equal numbers the lower id");
    assert!(ledger.report().tainted, "whoever was expelled on the other side holds its secrets");
    // The next rotation, sealed to neither, ends it.
    let body = expelling(&village.officer.ledger, &[]);
    let record = village.officer.write(body).unwrap();
    village.spread(record);
    assert!(!village.treasurer.ledger.report().tainted);
}

#[test]
fn nothing_is_issued_under_a_tainted_epoch() {
    let mut village = Village::new();
    let (epoch, number) = village.officer.ledger.current_epoch().unwrap();
    let share = SealedShare { member: village.other.id(), sealed: vec![1; 112] };
    let record = village.officer.write(Body::Grant(Box::new(Grant { epoch, number, share }))).unwrap();
    village.spread(record);
    // Expelled by an epoch that loses: the winner is still the one whose secrets the thief holds.
    let expels = vec![Expulsion { member: village.other.id(), heads: vec![] }];
    let late = Body::Epoch(Box::new(Epoch { number: 9, follows: Some(epoch), shares: vec![], expels }));
    let record = village.officer.forge(1 << 40, Some(head(&village.officer)), &late);
    village.spread(record);
    let body = lot(&village, 1, 10..12);
    assert_eq!(village.seller.write(body), Err(DraftError::Tainted));
}

#[test]
fn lots_of_earlier_secrets_are_exposed_and_exchanged_once() {
    let mut village = Village::new();
    let old = village.issue(1, 10..13);
    village.activate(11, NOON);
    let counter = Counter { verifier: old[1], used_s: 600, up_bytes: 0, down_bytes: 0, elapsed_s: 0 };
    village.count(counter, None);
    assert!(!village.root.ledger.voucher(old[0]).unwrap().exposed);
    let body = expelling(&village.officer.ledger, &[(village.other.id(), vec![])]);
    let record = village.officer.write(body).unwrap();
    village.spread(record);
    assert!(village.root.ledger.voucher(old[0]).unwrap().exposed);
    let new: Vec<Verifier> = (20..23).map(|name| village.verifier(3, name)).collect();
    let left = village.seller.ledger.float_left();
    let Body::Issue(issue) = village.seller.ledger.issue_body(LotId(2), "hora", new.clone()).unwrap() else {
        panic!()
    };
    let record = village.seller.write(Body::Issue(Box::new(Issue { for_exchange: true, ..*issue }))).unwrap();
    village.spread(record);
    assert_eq!(village.seller.ledger.float_left(), left, "it takes no float");
    let state = |village: &Village, verifier| village.root.ledger.voucher(verifier).unwrap().state();
    assert_eq!(state(&village, new[0]), VoucherState::Void, "and gives nothing by itself");
    let exchange = |old, name, new| Exchange { old, proof: proof(name), new, confirms: None };
    let guess = Body::Exchange(Box::new(exchange(old[0], 99, new[0])));
    assert_eq!(village.seller.write(guess), Err(DraftError::WrongProof));
    for (at, name) in [(0, 10), (1, 11)] {
        let record =
            village.seller.write(Body::Exchange(Box::new(exchange(old[at], name, new[at])))).unwrap();
        village.spread(record);
        assert_eq!(state(&village, old[at]), VoucherState::Void);
    }
    assert_eq!(state(&village, new[0]), VoucherState::Printed);
    assert_eq!(village.root.ledger.voucher(new[1]).unwrap().used_s(), 600, "what was used is used");
    let again = Body::Exchange(Box::new(exchange(old[0], 10, new[2])));
    assert!(village.seller.write(again.clone()).is_err(), "once a voucher");
    let record = village.seller.forge(1 << 40, None, &again);
    village.spread(record);
    let good = [new[0], new[2]].map(|verifier| state(&village, verifier) == VoucherState::Printed);
    assert_eq!(good.iter().filter(|good| **good).count(), 1, "of two the lower id counts");
}

#[test]
fn a_stolen_coupon_is_replaced_whole_if_two_nodes_say_so() {
    let mut village = Village::new();
    let old = village.issue(1, 10..12);
    village.activate(10, NOON);
    let counter = Counter { verifier: old[0], used_s: 3_600, up_bytes: 0, down_bytes: 0, elapsed_s: 0 };
    village.count(counter, None);
    let body = expelling(&village.officer.ledger, &[(village.other.id(), vec![])]);
    let record = village.officer.write(body).unwrap();
    village.spread(record);
    let new = village.verifier(3, 20);
    let Body::Issue(issue) = village.seller.ledger.issue_body(LotId(2), "hora", vec![new]).unwrap() else {
        panic!()
    };
    let lot = village.seller.write(Body::Issue(Box::new(Issue { for_exchange: true, ..*issue }))).unwrap();
    village.spread(lot);
    let body = Exchange { old: old[0], proof: proof(10), new, confirms: None };
    let record = village.seller.write(Body::Exchange(Box::new(body.clone()))).unwrap();
    let confirms = Some(id(&record));
    village.spread(record);
    assert_eq!(village.root.ledger.voucher(new).unwrap().state(), VoucherState::Spent);
    let agreed = Body::Exchange(Box::new(Exchange { confirms, ..body }));
    assert!(village.seller.write(agreed.clone()).is_err(), "not by the same node");
    let record = village.treasurer.write(agreed).unwrap();
    village.spread(record);
    assert_eq!(village.root.ledger.voucher(new).unwrap().state(), VoucherState::Printed);
    let stolen: i64 =
        village.root.ledger.report().totals.iter().map(|total| total.figures.of(Figure::Stolen)).sum();
    assert_eq!(stolen, 1);
}

#[test]
fn a_new_root_by_the_old_one_ends_the_old_key() {
    let mut village = Village::new();
    let mut heir = Node::new(60);
    heir.take(&village.records.clone());
    let body = Succession { root: heir.id(), before: village.root.id(), heads: vec![] };
    let record = village.root.write(Body::Succession(Box::new(body))).unwrap();
    village.spread(record.clone());
    heir.take(&[record]);
    assert_eq!(village.seller.ledger.members().count(), 4, "members stay");
    let body = Body::Member(Box::new(member([42; 32], 42, &[Role::Officer])));
    assert!(village.root.write(body.clone()).is_err());
    let stale = village.root.forge(1 << 40, Some(head(&village.root)), &body);
    village.spread(stale);
    assert_eq!(village.seller.ledger.members().count(), 4, "whoever finds the old key has nothing");
    let record = heir.write(body).unwrap();
    village.spread(record);
    assert_eq!(village.seller.ledger.members().count(), 5);
}

#[test]
fn a_root_without_the_old_one_waits_for_each_node() {
    let mut village = Village::new();
    let mut heir = Node::new(60);
    heir.take(&village.records.clone());
    let body = Succession { root: heir.id(), before: village.root.id(), heads: vec![head(&village.root)] };
    let record = heir.write(Body::Succession(Box::new(body))).unwrap();
    heir.ledger.accept_root(heir.id());
    let admits = heir.write(Body::Member(Box::new(member([42; 32], 42, &[Role::Officer])))).unwrap();
    for bytes in [record, admits] {
        village.spread(bytes);
    }
    assert_eq!(village.seller.ledger.members().count(), 4, "its records wait");
    village.seller.ledger.accept_root(heir.id());
    assert_eq!(village.seller.ledger.members().count(), 5);
    assert_eq!(village.other.ledger.members().count(), 4, "each node for itself");
    let stale = village.root.forge(1 << 40, Some(head(&village.root)), &Body::Plan(Box::new(hour())));
    let before = village.seller.ledger.plan("hora").unwrap().0;
    village.spread(stale);
    assert_eq!(village.seller.ledger.plan("hora").unwrap().0, before);
}

#[test]
fn any_order_of_thefts_and_expulsions_ends_in_the_same_bytes() {
    let mut village = expelled();
    let key = village.seller.id();
    let behind = head(&village.seller);
    for (seq, prev, names) in [(7, None, 50..52), (8_000_000, Some(behind), 60..62)] {
        let record = village.seller.forge(seq, prev, &lot(&village, seq, names));
        village.spread(record);
    }
    let replaced = Body::Member(Box::new(Member {
        instead_of: Some(key),
        ..member(Node::new(9).id(), 3, &[Role::Seller])
    }));
    let record = village.officer.write(replaced).unwrap();
    village.spread(record);
    let mut heir = Node::new(60);
    heir.take(&village.records.clone());
    let body = Succession { root: heir.id(), before: village.root.id(), heads: vec![] };
    let record = village.root.write(Body::Succession(Box::new(body))).unwrap();
    village.spread(record.clone());
    heir.take(&[record]);
    let body = expelling(&heir.ledger, &[(village.officer.id(), vec![head(&village.officer)])]);
    let record = heir.write(body).unwrap();
    village.spread(record);
    let expected = loaded(&village.records);
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let records = shuffled(&village.records, &mut random);
        // The same at once, one by one, and in two parts that meet.
        let ledger = loaded(&records);
        assert_eq!(state(&ledger), state(&expected), "seed {seed}");
        let mut whole = Ledger::new([0; 32], 1);
        assert_eq!(whole.handle_journal(records.iter().map(Vec::as_slice)), 0);
        assert_eq!(state(&whole), state(&expected), "seed {seed}, at once");
        let bytes = postcard::to_allocvec(&whole).unwrap();
        assert_eq!(postcard::from_bytes::<Ledger>(&bytes).unwrap(), expected, "seed {seed}, from a snapshot");
    }
}

#[test]
fn a_new_box_in_an_old_place_takes_number_and_slot() {
    let mut village = expelled();
    let mut fresh = Node::new(9);
    let body = Member {
        instead_of: Some(village.seller.id()),
        ..member(fresh.id(), 3, &[Role::Seller, Role::Hotspot])
    };
    let record = village.officer.write(Body::Member(Box::new(body))).unwrap();
    village.spread(record);
    fresh.take(&village.records.clone());
    let state = fresh.ledger.own_state().unwrap();
    assert!(!state.number_taken && !state.slot_taken);
    let verifiers = vec![village.verifier(3, 90)];
    let body = fresh.ledger.issue_body(LotId(7), "hora", verifiers.clone()).unwrap();
    let record = fresh.write(body).unwrap();
    village.spread(record);
    for name in [90, 10] {
        let verifier = village.verifier(3, name);
        assert!(village.root.ledger.voucher_of(IssuerNumber(3), verifier).is_some(), "old paper and new");
    }
}
