//! The books up to a line.

use super::super::body::{Body, Close, ClosedTotal, HandOver};
use super::super::close::is_below;
use super::super::line::name;
use super::super::month::Month;
use super::super::{Record, RecordId};
use super::village::{NOON, Village};

fn id(bytes: &[u8]) -> RecordId {
    Record::parse(bytes).unwrap().id
}

/// The treasurer closes this month, and everybody learns it.
pub(super) fn close(village: &mut Village, month: &str) -> Close {
    let body = village.treasurer.ledger.close_body(Month::parse(month).unwrap()).unwrap();
    let record = village.treasurer.write(body.clone()).unwrap();
    village.spread(record);
    let Body::Close(close) = body else { panic!("a close closes") };
    close
}

/// The kinds of records that stay below the line of a close.
fn named(village: &Village, close: &Close) -> Vec<String> {
    let (names, _) = close.kept.as_chunks();
    let named = village.root.ledger.records().filter(|record| names.contains(&name(record.id)));
    let mut kinds: Vec<String> = named.map(|record| record.kind.to_string()).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

#[test]
fn a_close_fixes_what_came_together_and_names_what_stays() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..12);
    village.sell(&vouchers, "ana");
    let paper = village.issue(2, 20..22);
    let record =
        village.seller.write(super::super::Ledger::revocation_body(paper.clone(), "mal impreso")).unwrap();
    village.spread(record);
    let first = close(&mut village, "2027-01");
    assert_eq!(first.follows, None);
    // Paper that is void holds no lot.
    assert_eq!(named(&village, &first), ["charter", "epoch", "grant", "issue", "member", "plan"]);
    let seller = village.seller.id();
    let float = first.covers.iter().find(|cover| cover.author == seller).unwrap().float;
    assert_eq!(float, 200, "what was void is owed to nobody, and was printed all the same");
    let figure = |row: &ClosedTotal, at: usize| row.figures.get(at).copied().unwrap_or(0);
    let rows: Vec<_> =
        first.totals.iter().map(|row| (row.person.as_str(), figure(row, 2), figure(row, 10))).collect();
    assert_eq!(rows, [("comunidad", 0, 0), ("", 0, 0), ("ana", 2, 80)]);
    let ledger = &village.root.ledger;
    let booked = ledger.booked();
    // The charter's author, the officers and the seller, all that they chained; the close itself stands above.
    assert_eq!(
        ledger.records().filter(|record| is_below(&booked, record)).count(),
        ledger.records().count() - 1
    );
    let again = village.treasurer.ledger.close_body(Month::parse("2027-01").unwrap());
    assert_eq!(again, Err("this month is closed already"));
    let second = close(&mut village, "2027-02");
    assert_eq!(village.root.ledger.closes().len(), 2);
    assert_eq!(second.follows, village.root.ledger.closes().first().map(|(id, _)| *id));
}

#[test]
fn of_two_closes_behind_one_the_lower_id_counts() {
    let mut village = Village::new();
    village.issue(1, 10..12);
    let month = Month::parse("2027-01").unwrap();
    let Ok(Body::Close(close)) = village.treasurer.ledger.close_body(month) else { panic!("a close closes") };
    let other = Close { month: month.0 + 1, ..close.clone() };
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
        Body::Close(Close { follows: Some(least), month: 1, covers: vec![], totals: vec![], kept: vec![] });
    let record = village.seller.forge(1 << 40, None, &body);
    village.spread(record);
    assert_eq!(village.root.ledger.closes().len(), 1, "and a seller closes nothing");
}

#[test]
fn what_a_close_did_not_know_is_found_by_its_author() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..20);
    let known = village.seller.ledger.heads(&village.seller.id())[0];
    let seq = village.seller.ledger.record(known).unwrap().seq;
    // On a copy that was cut off: its number is below the line, and the close has not heard of it.
    let hand_over = HandOver { verifiers: vouchers[..2].to_vec(), person: "beto".into(), time: NOON };
    let late = village.seller.forge(seq + 1, Some(known), &Body::HandOver(hand_over));
    village.sell(&vouchers[5..], "ana");
    village.sell(&vouchers[3..5], "ana");
    close(&mut village, "2027-01");
    assert!(village.seller.ledger.late().is_empty());
    village.spread(late.clone());
    let found: Vec<RecordId> = village.seller.ledger.late().iter().map(|record| record.id).collect();
    assert_eq!(found, [id(&late)]);
    assert!(village.other.ledger.late().is_empty(), "each looks for its own");
}
