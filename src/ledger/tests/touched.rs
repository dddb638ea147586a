//! What is booked is not looked at again: the work of a close, and of the accounts, is that of the records above its line.
//! That the accounts are the same as if everything were looked at, `Ledger::tally` checks in all tests.

use super::super::account::Figure;
use super::super::body::{Body, InKind};
use super::super::close::is_below;
use super::super::{Ledger, Record};
use super::close::close;
use super::village::{NOON, Village, in_kind};
use crate::base::sorted::SortedSet;
use crate::base::voucher::Verifier;

/// The vouchers above the line, as far as gifts do not say more.
fn above(ledger: &Ledger) -> Vec<Verifier> {
    let line = ledger.booked();
    let none = [SortedSet::new(), SortedSet::new()];
    ledger.touched(&|record| !is_below(&line, record), &none).into_iter().collect()
}

#[test]
fn a_close_looks_at_the_vouchers_of_new_records_alone() {
    let mut village = Village::new();
    let old = village.issue(1, 10..14);
    village.sell(&old, "ana");
    close(&mut village, "2027-01");
    assert_eq!(above(&village.treasurer.ledger), []);
    let new = village.issue(2, 20..22);
    village.sell(&new, "ana");
    village.activate(11, NOON);
    let mut wanted = vec![new[0], new[1], old[1]];
    wanted.sort_unstable();
    assert_eq!(above(&village.treasurer.ledger), wanted);
    close(&mut village, "2027-02");
    assert_eq!(above(&village.treasurer.ledger), []);
    let totals = village.root.ledger.report().totals;
    let sum = |figure| totals.iter().map(|total| total.figures.of(figure)).sum::<i64>();
    assert_eq!([Figure::Printed, Figure::Sold, Figure::Activated].map(sum), [6, 6, 1]);
}

#[test]
fn a_word_above_the_line_for_a_gift_below_it_makes_room_for_another_one() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..16);
    let mut first = None;
    // The quota of a month is worth three of them: the second pair does not fit.
    for pair in [0..2, 2..4] {
        let record = village.seller.write(Body::InKind(Box::new(in_kind(vouchers[pair].to_vec())))).unwrap();
        first = first.or(Some(Record::parse(&record).unwrap().id));
        village.spread(record);
    }
    close(&mut village, "2027-01");
    let given = |village: &Village| -> i64 {
        village.root.ledger.report().totals.iter().map(|total| total.figures.of(Figure::InKind)).sum()
    };
    assert_eq!(given(&village), 2);
    let agrees = InKind { confirms: first, verifiers: vec![], ..in_kind(vec![]) };
    let record = village.treasurer.write(Body::InKind(Box::new(agrees))).unwrap();
    village.spread(record);
    assert_eq!(given(&village), 4, "the first pair takes nothing of the quota any more");
    close(&mut village, "2027-02");
    assert_eq!(given(&village), 4);
}
