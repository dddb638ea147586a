//! Money through closes: what was paid is booked once, whoever says it again.

use super::super::account::Figure;
use super::super::body::{Body, Cash, Extension, Settlement};
use super::super::month::Month;
use super::super::{Ledger, Record, RecordId};
use super::close::close;
use super::merge::loaded;
use super::money::{agree, settle};
use super::village::{NOON, Node, Village, member, proof, settlement};
use crate::base::time::{TimeQuality, WallTime};
use crate::ledger::rights::Role;

fn id(bytes: &[u8]) -> RecordId {
    Record::parse(bytes).unwrap().id
}

fn sum(ledger: &Ledger, figure: Figure) -> i64 {
    ledger.report().totals.iter().map(|row| row.figures.of(figure)).sum()
}

/// A village with a second treasurer, who sells as well.
fn with_two_treasurers() -> Village {
    let mut village = Village::new();
    let roles = [Role::Treasurer, Role::Seller, Role::Hotspot];
    let record = village.root.write(Body::Member(Box::new(member(village.other.id(), 4, &roles)))).unwrap();
    village.spread(record);
    village
}

fn agrees(id: RecordId) -> Body {
    Body::Settlement(Box::new(Settlement { confirms: Some(id), ..settlement("", 0, 0) }))
}

/// An author whose clock became better, and who has not heard that the books were closed.
#[test]
fn a_first_use_that_is_told_anew_behind_a_close_is_booked_once() {
    let mut village = Village::new();
    let paper = village.issue(1, 10..12);
    village.activate(10, WallTime { quality: TimeQuality::Stale, ..NOON });
    let first = village.seller.ledger.heads(&village.seller.id()).first().copied();
    close(&mut village, "2027-01");
    assert_eq!(sum(&village.treasurer.ledger, Figure::Activated), 1);
    let body = Ledger::activation_body(paper[0], proof(10), NOON);
    village.spread(village.seller.forge(1 << 60, first, &body));
    for month in ["2027-02", "2027-03", "2027-04"] {
        for node in [&village.seller, &village.treasurer, &village.root] {
            assert_eq!(sum(&node.ledger, Figure::Activated), 1, "before {month}");
        }
        close(&mut village, month);
        village.treasurer.ledger.let_go();
    }
    assert_eq!(village.root.ledger.voucher(paper[0]).unwrap().activated, Some(NOON));
    for node in [&village.seller, &village.treasurer, &village.root] {
        assert_eq!(sum(&node.ledger, Figure::Activated), 1, "at the end");
    }
}

#[test]
fn a_treasurer_waits_for_what_the_last_close_has_booked() {
    let mut village = with_two_treasurers();
    let paper = village.issue(1, 10..12);
    // A first use that the second treasurer's node has not heard of when it hears of the close.
    let first = village.seller.write(Ledger::activation_body(paper[0], proof(10), NOON)).unwrap();
    village.treasurer.take(std::slice::from_ref(&first));
    let (month, day) = (Month::parse("2027-01").unwrap(), Some(20_833));
    let body = village.treasurer.ledger.close_body(month, day).unwrap();
    let booked = village.treasurer.write(body).unwrap();
    village.other.take(&[booked]);
    let waits = village.other.ledger.close_body(month, day.map(|day| day + 1));
    assert_eq!(waits, Err("records that the last close has booked are still to come"));
    village.other.take(&[first]);
    assert!(village.other.ledger.close_body(month, day.map(|day| day + 1)).is_ok());
}

/// A power cut has taken the first treasurer's word from a node, and the books were closed with it.
#[test]
fn a_payment_that_is_booked_is_not_booked_again_when_another_treasurer_agrees() {
    let mut village = with_two_treasurers();
    let vouchers = village.issue(1, 10..20);
    village.sell(&vouchers, "ana");
    let paid = settle(&mut village, 40, 50);
    agree(&mut village, paid);
    let word = id(village.records.last().unwrap());
    village.issue(2, 20..21);
    close(&mut village, "2027-01");
    close(&mut village, "2027-02");
    let rest: Vec<Vec<u8>> = village.records.iter().filter(|bytes| id(bytes) != word).cloned().collect();
    let mut forgetful = loaded(&rest);
    assert!(forgetful.held().all(|(_, id)| id != paid), "others do not take it back");
    assert_eq!(forgetful.waiting(), Vec::<&Record>::new(), "it waits for nobody");
    let again = village.other.write(agrees(paid)).unwrap();
    village.spread(again.clone());
    forgetful.handle_record(&again).unwrap();
    let float = village.root.ledger.float_used.clone();
    for lets_go in [false, true] {
        for ledger in village.nodes_mut().map(|node| &mut node.ledger).into_iter().chain([&mut forgetful]) {
            if lets_go {
                ledger.let_go();
            }
            assert_eq!(sum(ledger, Figure::Settled), 40, "{lets_go}");
            assert_eq!(ledger.float_used, float);
        }
    }
}

#[test]
fn a_payment_waits_for_a_treasurer_through_closes() {
    let mut village = with_two_treasurers();
    let vouchers = village.issue(1, 10..20);
    village.sell(&vouchers, "ana");
    let paid = settle(&mut village, 40, 50);
    village.issue(2, 20..21);
    for month in ["2027-01", "2027-02", "2027-03"] {
        close(&mut village, month);
        for node in village.nodes_mut() {
            node.ledger.let_go();
            let waiting: Vec<RecordId> = node.ledger.waiting().iter().map(|record| record.id).collect();
            assert_eq!(waiting, [paid], "{month}");
        }
    }
    agree(&mut village, paid);
    for month in ["2027-04", "2027-05", "2027-06"] {
        for node in village.nodes_mut() {
            assert_eq!((sum(&node.ledger, Figure::Settled), node.ledger.waiting().len()), (40, 0), "{month}");
            assert_eq!(node.ledger.float_used.values().sum::<u64>(), 500);
        }
        close(&mut village, month);
        for node in village.nodes_mut() {
            node.ledger.let_go();
        }
    }
    assert!(village.root.ledger.record(paid).is_none());
}

fn again(node: &mut Node, body: &Body) -> Vec<u8> {
    let draft = node.ledger.draft_again(body).unwrap();
    let signature = ed25519_dalek::Signer::sign(&node.key, &draft.message_to_sign).to_bytes();
    node.ledger.complete(draft, signature)
}

/// Closes of these months behind what a ledger knows, by the second treasurer's key.
fn closes(village: &Village, known: &[Vec<u8>], months: &[&str], seq: u64) -> Vec<Vec<u8>> {
    let mut ledger = loaded(known);
    let close = |(at, month): (usize, &&str)| {
        let body = ledger.close_body(Month::parse(month).unwrap(), None).unwrap();
        let record = village.other.forge(seq + at as u64, None, &body);
        ledger.handle_record(&record).unwrap();
        record
    };
    months.iter().enumerate().map(close).collect()
}

/// On one side of a split the books are closed with a record, on the other one without it but over its number: its author
/// has said something else from a backup. The author hears of the second close first, and writes once more what it did not
/// know; in the end the one side counts, or the other.
#[test]
fn what_was_written_again_is_paid_once_whichever_close_counts() {
    let cash = |amount, what: &str| Cash { person: "tesorera".into(), amount, what: what.into(), time: NOON };
    let figures = [Figure::Expenses, Figure::Contributions, Figure::Settled];
    for (at, body) in [
        Body::Expense(Box::new(cash(300, "cable"))),
        Body::Contribution(Box::new(cash(300, "rifa"))),
        Body::Settlement(Box::new(settlement("ana", 300, 500))),
    ]
    .into_iter()
    .enumerate()
    {
        for with_it in [true, false] {
            let mut village = with_two_treasurers();
            let vouchers = village.issue(1, 10..20);
            village.sell(&vouchers, "ana");
            let own = if at == 2 { 3 } else { 2 };
            let key = village.nodes_mut()[own].id();
            let author = &*village.nodes_mut()[own];
            let head = author.ledger.heads(&key).first().copied();
            let seq = head.map_or(5_000, |head| author.ledger.record(head).unwrap().seq);
            let late = author.forge(seq + 1, head, &body);
            let other = author.forge(seq + 2, head, &Body::Expense(Box::new(cash(7, "foco"))));
            let word = village.other.forge(9_000, None, &agrees(id(&late)));
            village.spread(other);
            let mut known = village.records.clone();
            let without = closes(&village, &known, &["2027-01", "2027-02"], 1 << 40);
            known.push(late.clone());
            known.extend((at == 2).then(|| word.clone()));
            let with = closes(&village, &known, &["2027-01", "2027-02"], 1 << 41);
            village.spread(late);
            village.spread(without[0].clone());
            let author = &mut *village.nodes_mut()[own];
            let bodies: Vec<Body> = author.ledger.late().iter().map(|record| record.body.clone()).collect();
            assert_eq!(bodies, std::slice::from_ref(&body));
            let copy = again(author, &body);
            village.spread(copy.clone());
            if at == 2 {
                let again = village.treasurer.write(agrees(id(&copy))).unwrap();
                [word, again].into_iter().for_each(|word| village.spread(word));
            }
            let rest = if with_it { &with[..] } else { &without[1..] };
            rest.iter().for_each(|close| village.spread(close.clone()));
            for month in ["2027-03", "2027-04", "2027-05", "2027-06"] {
                for node in village.nodes_mut() {
                    let seen = figures.map(|figure| sum(&node.ledger, figure));
                    let mut wanted = [0; 3];
                    wanted[at] = 300;
                    // The second treasurer's expense; a seller may write none.
                    wanted[0] += if own == 2 { 7 } else { 0 };
                    assert_eq!(seen, wanted, "{body:?}, {with_it}, before {month}");
                    assert_eq!(node.ledger.waiting(), Vec::<&Record>::new());
                }
                village.nodes_mut()[1].ledger.let_go();
                close(&mut village, month);
                village.nodes_mut()[0].ledger.let_go();
            }
        }
    }
}

/// What a close has nothing to do with is not said again: more days would be given twice.
#[test]
fn an_extension_that_a_close_did_not_know_is_not_given_again() {
    let mut village = with_two_treasurers();
    let vouchers = village.issue(1, 10..12);
    let gift =
        Extension { verifiers: vouchers.clone(), seconds: 60, days: 0, reason: "luz".into(), data_mb: None };
    let late = village.treasurer.forge(5_001, None, &Body::Extension(Box::new(gift)));
    let other = village.treasurer.forge(5_002, None, &Ledger::revocation_body(vec![vouchers[1]], "x"));
    village.spread(other);
    let close = closes(&village, &village.records, &["2027-01"], 1 << 40);
    village.spread(close[0].clone());
    village.spread(late);
    assert_eq!(village.treasurer.ledger.late(), Vec::<&Record>::new());
    assert_eq!(village.root.ledger.voucher(vouchers[0]).unwrap().extended.seconds, 60);
}

/// A treasurer's node that has started anew and has nothing of an author but what the closes say of it.
#[test]
fn a_close_goes_on_covering_an_author_of_whom_nothing_is_here() {
    let mut village = with_two_treasurers();
    let cash = Cash { person: "tesorera".into(), amount: 300, what: "cable".into(), time: NOON };
    let record = village.treasurer.write(Body::Expense(Box::new(cash))).unwrap();
    village.spread(record);
    let vouchers = village.issue(1, 10..12);
    village.sell(&vouchers, "ana");
    let known = village.records.clone();
    let first = closes(&village, &known, &["2027-01", "2027-02"], 1 << 40);
    first.iter().for_each(|close| village.spread(close.clone()));
    let (treasurer, seller) = (village.treasurer.id(), village.seller.id());
    let of_neither = |bytes: &&Vec<u8>| ![treasurer, seller].contains(&Record::parse(bytes).unwrap().author);
    let rest: Vec<Vec<u8>> = village.records.iter().filter(of_neither).cloned().collect();
    let next = closes(&village, &rest, &["2027-03"], 1 << 41);
    village.spread(next[0].clone());
    for node in village.nodes_mut() {
        let seen = [Figure::Expenses, Figure::Printed, Figure::Sold].map(|figure| sum(&node.ledger, figure));
        assert_eq!(seen, [300, 2, 2]);
    }
}
