//! One voucher on both sides of a split.

use super::super::body::{Body, Counter, Extension};
use super::super::{Ledger, Plan, Twice, VoucherState};
use super::village::{NOON, Village, hour, proof};
use crate::base::time::WallTime;

/// A voucher of the seller, used at its node and at the officer's.
fn used_at_two_nodes(seconds: [u32; 2], begins: [WallTime; 2]) -> Village {
    let used = |used_s| (used_s, 0);
    used_in(Village::new(), seconds.map(used), begins)
}

/// The same of `(seconds, MB)`.
fn used_in(mut village: Village, used: [(u32, u64); 2], begins: [WallTime; 2]) -> Village {
    let vouchers = village.issue(1, 10..11);
    village.sell(&vouchers, "ana");
    let mut records = Vec::new();
    for (node, ((used_s, megabytes), begin)) in
        [&mut village.seller, &mut village.officer].into_iter().zip(used.into_iter().zip(begins))
    {
        let typed = Ledger::activation_body(vouchers[0], proof(10), begin);
        records.push(node.write(typed).unwrap());
        let (up_bytes, down_bytes) = (megabytes * 100_000, megabytes * 900_000);
        let counter = Counter { verifier: vouchers[0], used_s, up_bytes, down_bytes, elapsed_s: used_s };
        let bodies: Vec<Body> = node.ledger.usage_bodies(&[counter], None);
        records.extend(bodies.into_iter().map(|body| node.write(body).unwrap()));
    }
    records.into_iter().for_each(|record| village.spread(record));
    village
}

#[test]
fn what_a_code_gave_on_both_sides_of_a_split_is_deducted_and_its_seller_is_told() {
    // An hour for two devices, drained on both sides.
    let village = used_at_two_nodes([3_600, 3_600], [NOON, NOON]);
    let told = village.root.ledger.report().used_twice;
    let voucher = village.root.ledger.voucher(told[0].verifier).unwrap();
    assert_eq!(voucher.used_s(), 7_200, "both count");
    let names = ["nodo 3".to_owned(), "nodo 1".to_owned()];
    let Twice { node, person, excess_s, apart_s, used_at, .. } = &told[0];
    assert_eq!((told.len(), node.as_str(), person.as_str()), (1, "nodo 3", "ana"));
    assert_eq!((*excess_s, *apart_s), (3_600, 0));
    assert!(used_at.len() == 2 && names.iter().all(|name| used_at.contains(name)), "{used_at:?}");
    let said = told[0].to_string();
    assert!(
        said.contains(" of ana (nodo 3) was used at ") && said.contains(": 60 min more than it holds"),
        "{said}"
    );
}

#[test]
fn a_minute_a_device_is_no_excess() {
    assert_eq!(used_at_two_nodes([3_000, 720], [NOON, NOON]).root.ledger.used_twice(), []);
    assert_eq!(used_at_two_nodes([3_000, 721], [NOON, NOON]).root.ledger.used_twice()[0].excess_s, 121);
}

#[test]
fn first_uses_more_than_a_day_apart_are_told_with_both_nodes() {
    let later = |seconds| WallTime { unix_s: NOON.unix_s + seconds, ..NOON };
    assert_eq!(used_at_two_nodes([10, 10], [NOON, later(86_400)]).root.ledger.used_twice(), []);
    let told = used_at_two_nodes([10, 10], [later(86_401), NOON]).root.ledger.used_twice();
    assert_eq!((told[0].excess_s, told[0].apart_s, told[0].used_at.len()), (0, 86_401, 2));
    assert!(told[0].to_string().ends_with("; first uses 24 h apart, look at the clocks there"));
}

#[test]
fn what_a_node_counted_before_it_forgot_is_not_counted_again() {
    let mut village = Village::new();
    let verifier = village.issue(1, 10..11)[0];
    village.activate(10, NOON);
    let known = village.records.clone();
    let counter = |used_s| Counter { verifier, used_s, up_bytes: 5, down_bytes: 7, elapsed_s: used_s };
    village.count(counter(600), None);
    let forgotten = village.records.last().unwrap().clone();
    // Its flash is worn: it starts without its last record, and counts on a lane of its own.
    village.seller.ledger = Ledger::new(village.seller.id(), 77_000_000);
    village.seller.take(&known);
    village.seller.ledger.begin_lane();
    village.count(counter(30), None);
    village.seller.take(&[forgotten]);
    let used_s = |village: &Village| village.seller.ledger.voucher(verifier).unwrap().used_s();
    assert_eq!(used_s(&village), 630, "lanes are added");
    // The session goes on; the node tells what it has counted in all.
    village.count(counter(640), None);
    assert_eq!(used_s(&village), 640);
    village.count(counter(1_000), None);
    assert_eq!(used_s(&village), 1_000);
    assert_eq!(village.root.ledger.voucher(verifier).unwrap().used_s(), 1_000);
}

#[test]
fn an_extension_gives_data_at_every_node_once_however_often_it_comes() {
    let mut village = Village::new();
    let replaces = vec![village.root.ledger.plan("hora").unwrap().0];
    let plan = Plan { data_mb: Some(100), replaces, ..hour() };
    let record = village.treasurer.write(Body::Plan(Box::new(plan))).unwrap();
    village.spread(record);
    let mut village = used_in(village, [(60, 30), (60, 70)], [NOON, NOON]);
    let verifier = village.verifier(3, 10);
    let more = |data_mb| {
        let verifiers = vec![verifier];
        Body::Extension(Box::new(Extension { verifiers, seconds: 0, days: 0, reason: "luz".into(), data_mb }))
    };
    let stolen = village.seller.forge(1 << 41, None, &more(Some(900)));
    let given = [Some(50), Some(u32::MAX)].map(|data_mb| village.treasurer.write(more(data_mb)).unwrap());
    let holds = |village: &Village| {
        let of = |ledger: &Ledger| {
            let voucher = ledger.voucher(verifier).unwrap();
            (voucher.data_bytes().unwrap() / 1_000_000, voucher.state())
        };
        let root = of(&village.root.ledger);
        assert_eq!(of(&village.officer.ledger), root);
        root
    };
    assert_eq!(holds(&village), (100, VoucherState::Spent));
    village.spread(stolen);
    assert_eq!(holds(&village), (100, VoucherState::Spent), "a seller extends nothing");
    for _ in 0..2 {
        village.spread(given[0].clone());
        assert_eq!(holds(&village), (150, VoucherState::Activated));
    }
    village.spread(given[1].clone());
    assert_eq!(holds(&village).0, u64::from(u32::MAX), "and no sum overflows");
}

#[test]
fn data_are_shared_by_all_nodes_and_what_was_too_much_is_told() {
    // 2,000 and 500 kbit/s for a minute are 18.75 MB.
    for (second_mb, is_spent, excess_mb) in [(69, false, 0), (70, true, 0), (88, true, 0), (89, true, 19)] {
        let mut village = Village::new();
        let replaces = vec![village.root.ledger.plan("hora").unwrap().0];
        let plan = Plan { data_mb: Some(100), replaces, ..hour() };
        let record = village.treasurer.write(Body::Plan(Box::new(plan))).unwrap();
        village.spread(record);
        let village = used_in(village, [(60, 30), (60, second_mb)], [NOON, NOON]);
        let ledger = &village.root.ledger;
        let voucher = ledger.voucher(village.verifier(3, 10)).unwrap();
        assert_eq!(voucher.used_bytes(), (30 + second_mb) * 1_000_000);
        assert_eq!(voucher.state() == VoucherState::Spent, is_spent, "{second_mb} MB");
        let told: Vec<u64> = ledger.used_twice().iter().map(|twice| twice.excess_mb).collect();
        assert_eq!(told, if excess_mb > 0 { vec![excess_mb] } else { vec![] }, "{second_mb} MB");
    }
}
