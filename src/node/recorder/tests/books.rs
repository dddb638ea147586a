//! The books of a node: a month is closed, what a close did not know is written again, the journal holds little in vain.

use super::*;
use crate::base::limit::{CLOSE_AFTER_BYTES, CLOSE_APART_BYTES};
use crate::base::time::{TimeQuality, WallTime};
use crate::base::voucher::{LotId, Verifier};
use crate::ledger::Record;
use crate::ledger::body::Cash;
use crate::ledger::month::Month;
use crate::node::call::Call;

fn word(answer: &Answer) -> String {
    match answer {
        Answer::Closed(closed) => format!("{} {}", closed.month, closed.rows),
        Answer::Refused { code, message } => format!("{code}: {message}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_treasurers_node_closes_each_month_once() {
    let mut story = Story::new(PHONES, 0);
    story.sell(3, "");
    let mut close = |month: &str| word(&story.call(Call::BooksClose(month.to_owned())));
    assert_eq!(close("enero"), "month: Say which month, like 2026-11.");
    assert_eq!(close("2027-02"), "month: That month has not begun yet.");
    assert_eq!(close("2027-01"), "2027-01 1");
    assert_eq!(close("2027-01"), "refused: Nothing was closed: this month is closed already.");
    assert_eq!(story.node.ledger().closes().len(), 1);
    let durable = |output: &Output| matches!(output, Output::Store { durable: true, .. });
    assert_eq!(story.outputs.iter().filter(|output| durable(output)).count(), 2, "a sale and a close");
}

/// What the community spent, in many words: more than what waits for a person.
#[test]
fn a_treasurers_node_closes_the_books_when_they_have_grown() {
    let mut story = Story::new(PHONES, 0);
    let mut ledger = Ledger::new(OWN_KEY, 1);
    let mut records = community();
    ledger.handle_journal(records.iter().map(Vec::as_slice));
    let time = WallTime { unix_s: 1_800_000_000, quality: TimeQuality::Trusted };
    let cash = |amount: u64| Cash { person: "tesorera".into(), amount, what: "cable ".repeat(16), time };
    for amount in 0..CLOSE_AFTER_BYTES / 250 {
        let draft = ledger.draft(Body::Expense(Box::new(cash(amount)))).unwrap();
        records.push(ledger.complete(draft, [7; 64]));
    }
    story.step(Input::Records(records));
    story.sell(1, "");
    let hour = Span::from_secs(3_700);
    story.pass(hour);
    let days: Vec<bool> = story.node.ledger().closes().iter().map(|(_, close)| close.day.is_some()).collect();
    assert_eq!(days, [true], "up to today, and the month goes on");
    story.pass(hour);
    assert_eq!(story.node.ledger().closes().len(), 1, "there is nothing new");
    assert_eq!(word(&story.call(Call::BooksClose("2027-01".to_owned()))).split(' ').next(), Some("2027-01"));
}

/// Two treasurers, and the other one was never heard: it may close the same days on the other side of a split.
#[test]
fn a_treasurers_node_waits_longer_while_another_one_is_not_heard() {
    let mut story = Story::new(PHONES, 0);
    let mut records = community();
    let mut root = Ledger::new(ROOT_KEY, 1);
    root.handle_journal(records.iter().map(Vec::as_slice));
    let own = root.members().next().unwrap().member.clone();
    let other = Member {
        key: [9; 32],
        dh: [9; 32],
        name: "loma".into(),
        number: IssuerNumber(4),
        slot: Some(4),
        ..own
    };
    let draft = root.draft(Body::Member(Box::new(other))).unwrap();
    records.push(root.complete(draft, [7; 64]));
    let mut ledger = Ledger::new(OWN_KEY, 1);
    ledger.handle_journal(records.iter().map(Vec::as_slice));
    let time = WallTime { unix_s: 1_800_000_000, quality: TimeQuality::Trusted };
    let what = "cable ".repeat(16);
    let mut grow = |records: &mut Vec<Vec<u8>>, octets: u64| {
        for amount in 0..octets / 250 {
            let cash = Cash { person: "tesorera".into(), amount, what: what.clone(), time };
            let draft = ledger.draft(Body::Expense(Box::new(cash))).unwrap();
            records.push(ledger.complete(draft, [7; 64]));
        }
    };
    grow(&mut records, CLOSE_AFTER_BYTES);
    story.step(Input::Records(std::mem::take(&mut records)));
    story.sell(1, "");
    let hour = Span::from_secs(3_700);
    story.pass(hour);
    assert_eq!(story.node.ledger().closes().len(), 0, "it waits");
    grow(&mut records, CLOSE_APART_BYTES);
    let mut grown = Story::new(PHONES, 0);
    grown.step(Input::Records([story.node.ledger().written().collect(), records].concat()));
    grown.sell(1, "");
    grown.pass(hour);
    assert_eq!(grown.node.ledger().closes().len(), 1, "not for ever");
}

/// The key file's owner went on from an older copy of its journal; then the copy that was away comes back.
#[test]
fn what_a_close_did_not_know_is_written_again_at_the_start() {
    let mut ledger = Ledger::new(OWN_KEY, 1);
    let mut records = community();
    ledger.handle_journal(records.iter().map(Vec::as_slice));
    let mut write = |ledger: &mut Ledger, body: Body| {
        let draft = ledger.draft(body).unwrap();
        let record = ledger.complete(draft, [7; 64]);
        records.push(record.clone());
        record
    };
    let time = WallTime { unix_s: 1_800_000_000, quality: TimeQuality::Trusted };
    let verifiers: Vec<Verifier> = (1..4).map(|name| Verifier([name; 8])).collect();
    let lot = ledger.issue_body(LotId(1), "hora", verifiers.clone()).unwrap();
    write(&mut ledger, lot);
    let mut away = ledger.clone();
    let sale = away.sale_body(verifiers[..1].to_vec(), "ana", time).unwrap();
    write(&mut away, sale.clone());
    for at in [1, 2] {
        write(&mut ledger, Ledger::revocation_body(verifiers[at..=at].to_vec(), "mal impreso"));
    }
    let close = ledger.close_body(Month::parse("2027-01").unwrap(), None).unwrap();
    write(&mut ledger, close);
    let mut story = Story::new(PHONES, 0);
    let outputs = story.step(Input::Records(records));
    let written: Vec<Body> = outputs
        .iter()
        .flat_map(|output| match output {
            Output::Store { records, .. } => records.clone(),
            _ => Vec::new(),
        })
        .map(|bytes| Record::parse(&bytes).unwrap().body)
        .collect();
    assert_eq!(written, [sale]);
    assert!(story.node.ledger().late().is_empty());
}

#[test]
fn a_journal_that_is_mostly_waste_is_written_anew() {
    let mut story = Story::new(PHONES, 0);
    let records = community();
    let bytes: usize = records.iter().map(Vec::len).sum();
    let again = crate::base::limit::JOURNAL_WASTE_BYTES as usize / bytes + 3;
    let whole = |outputs: &[Output]| -> Vec<usize> {
        let count = |output: &Output| match output {
            Output::StoreWhole { records, .. } => Some(records.len()),
            _ => None,
        };
        outputs.iter().filter_map(count).collect()
    };
    let hour = Span::from_secs(3_700);
    assert_eq!(whole(&story.pass(hour)), [0; 0], "what is all in use stays");
    story.step(Input::Records(std::iter::repeat_n(records.clone(), again).flatten().collect()));
    assert_eq!(whole(&story.pass(hour)), [records.len()]);
    assert_eq!(whole(&story.pass(hour)), [0; 0], "once is enough");
}
