//! The books up to a line.

use super::super::body::{Body, Close, HandOver};
use super::super::month::Month;
use super::super::{Record, RecordId};
use super::village::{NOON, Village};
use crate::base::voucher::LotId;

fn id(bytes: &[u8]) -> RecordId {
    Record::parse(bytes).unwrap().id
}

fn month() -> Month {
    Month::parse("2027-01").unwrap()
}

fn close(village: &mut Village) -> Close {
    let body = village.treasurer.ledger.close_body(month());
    let record = village.treasurer.write(body.clone()).unwrap();
    village.spread(record);
    let Body::Close(close) = body else { panic!("a close closes") };
    close
}

#[test]
fn a_close_fixes_what_came_together_and_names_open_lots() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..12);
    village.sell(&vouchers, "ana");
    let paper = village.issue(2, 20..22);
    let record =
        village.seller.write(super::super::Ledger::revocation_body(paper.clone(), "mal impreso")).unwrap();
    village.spread(record);
    let first = close(&mut village);
    assert_eq!((first.follows, first.open.as_slice()), (None, &[LotId(1)][..]), "void paper is no open lot");
    let rows: Vec<_> =
        first.totals.iter().map(|row| (row.person.as_str(), row.figures[2], row.figures[10])).collect();
    assert_eq!(rows, [("comunidad", 0, 0), ("", 0, 0), ("ana", 2, 80)]);
    let ledger = &village.root.ledger;
    let covered = |village: &Village| {
        village.root.ledger.records().filter(|record| village.root.ledger.is_covered(record)).count()
    };
    // The charter's author, the officers and the seller, all that they chained; the close itself stands above.
    assert_eq!(covered(&village), ledger.records().count() - 1);
    let second = close(&mut village);
    assert_eq!(village.root.ledger.closes().len(), 2);
    assert_eq!(second.follows, village.root.ledger.closes().first().map(|(id, _)| *id));
}

#[test]
fn of_two_closes_behind_one_the_lower_id_counts() {
    let mut village = Village::new();
    village.issue(1, 10..12);
    let Body::Close(close) = village.treasurer.ledger.close_body(month()) else { panic!("a close closes") };
    let other = Close { month: month().0 + 1, ..close.clone() };
    let records = [close, other].map(|close| village.treasurer.forge(1 << 40, None, &Body::Close(close)));
    let least = records.iter().map(|bytes| id(bytes)).min().unwrap();
    for at in [1, 0] {
        village.spread(records[at].clone());
    }
    for node in village.nodes_mut() {
        let closes: Vec<RecordId> = node.ledger.closes().iter().map(|(id, _)| *id).collect();
        assert_eq!(closes, [least]);
    }
    let body =
        Body::Close(Close { follows: Some(least), month: 1, covers: vec![], totals: vec![], open: vec![] });
    let record = village.seller.forge(1 << 40, None, &body);
    village.spread(record);
    assert_eq!(village.root.ledger.closes().len(), 1, "and a seller closes nothing");
}

#[test]
fn what_a_close_did_not_know_is_found_by_its_author() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..20);
    let known = village.seller.ledger.heads(&village.seller.id());
    // On a node that was cut off: its number is below the line, and the close has not heard of it.
    let hand_over = HandOver { verifiers: vouchers[..2].to_vec(), person: "beto".into(), time: NOON };
    let late = village.seller.forge(1, Some(known[0]), &Body::HandOver(hand_over));
    close(&mut village);
    assert!(village.seller.ledger.late().is_empty());
    village.spread(late.clone());
    let found: Vec<RecordId> = village.seller.ledger.late().iter().map(|record| record.id).collect();
    assert_eq!(found, [id(&late)]);
    assert!(village.other.ledger.late().is_empty(), "each looks for its own");
}
