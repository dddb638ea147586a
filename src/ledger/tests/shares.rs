//! Who lacks which secrets: of today's epoch, and of older ones whose coupons are still good.

use super::super::body::{Body, Epoch, Expulsion, Grant, SealedShare};
use super::super::rights::Role;
use super::super::{Counter, RecordId};
use super::village::{NOON, Node, Village, member};

/// New secrets for nobody but those named; their record.
fn rotate(village: &mut Village, to: &[[u8; 32]], expelled: Option<[u8; 32]>) -> RecordId {
    let (follows, number) = village.officer.ledger.current_epoch().unwrap();
    let shares = to.iter().map(|member| SealedShare { member: *member, sealed: vec![7; 112] }).collect();
    let expels = expelled.map(|member| Expulsion { member, heads: Vec::new() }).into_iter().collect();
    let body = Body::Epoch(Box::new(Epoch { number: number + 1, follows: Some(follows), shares, expels }));
    let record = village.officer.write(body).unwrap();
    village.spread(record);
    village.officer.ledger.current_epoch().unwrap().0
}

fn admit(village: &mut Village, seed: u8, role: Role) -> [u8; 32] {
    let key = Node::new(seed).id();
    let record = village.officer.write(Body::Member(Box::new(member(key, seed.into(), &[role])))).unwrap();
    village.spread(record);
    key
}

/// The epochs that a member lacks, in the order in which they would be granted.
fn lacks(village: &Village, key: [u8; 32]) -> Vec<RecordId> {
    let all = village.officer.ledger.without_share();
    all.iter().filter(|lack| lack.member == key).map(|lack| lack.epoch).collect()
}

#[test]
fn a_newcomer_gets_the_secrets_of_today_and_of_coupons_that_are_still_good() {
    let mut village = Village::new();
    let (first, _) = village.officer.ledger.current_epoch().unwrap();
    let seller = village.seller.id();
    let sold = village.issue(1, 10..12);
    let second = rotate(&mut village, &[seller], None);
    let third = rotate(&mut village, &[seller], None);
    let hotspot = admit(&mut village, 9, Role::Hotspot);
    let clock = admit(&mut village, 10, Role::Clock);
    assert_eq!(lacks(&village, hotspot), [third, first], "there are no coupons of the second");
    assert_eq!(lacks(&village, clock), [third], "who neither sells nor admits needs no coupons");
    assert!(!lacks(&village, seller).contains(&first), "who was sealed to has it");
    // What is granted is lacked no more.
    let share = SealedShare { member: hotspot, sealed: vec![7; 112] };
    let grant = Body::Grant(Box::new(Grant { epoch: first, number: 1, share }));
    let record = village.officer.write(grant).unwrap();
    village.spread(record);
    assert_eq!(lacks(&village, hotspot), [third]);
    // When the last coupon of an epoch is used up, or void, nobody needs its secret.
    let other = admit(&mut village, 11, Role::Hotspot);
    assert_eq!(lacks(&village, other), [third, first]);
    village.activate(10, NOON);
    let spent = Counter { verifier: sold[0], used_s: 3_600, up_bytes: 0, down_bytes: 0, elapsed_s: 3_600 };
    village.count(spent, None);
    assert_eq!(lacks(&village, other), [third, first]);
    let record = village.seller.write(super::super::Ledger::revocation_body(vec![sold[1]], "roto")).unwrap();
    village.spread(record);
    assert_eq!(lacks(&village, other), [third]);
    assert_ne!(second, third);
}

#[test]
fn nobody_is_given_more_than_eight_older_ones_nor_anything_who_was_expelled() {
    let mut village = Village::new();
    let seller = village.seller.id();
    let mut epochs = Vec::new();
    for name in 0..11_u8 {
        epochs.insert(0, village.officer.ledger.current_epoch().unwrap().0);
        village.issue(name.into(), name * 4..name * 4 + 1);
        rotate(&mut village, &[seller], None);
    }
    let hotspot = admit(&mut village, 9, Role::Hotspot);
    let current = village.officer.ledger.current_epoch().unwrap().0;
    assert_eq!(lacks(&village, hotspot), [&[current][..], &epochs[..8]].concat(), "the newest first");
    rotate(&mut village, &[seller], Some(hotspot));
    assert_eq!(lacks(&village, hotspot), []);
    let share = SealedShare { member: hotspot, sealed: vec![7; 112] };
    let grant = Body::Grant(Box::new(Grant { epoch: epochs[0], number: 11, share }));
    assert!(village.officer.write(grant).is_err());
}
