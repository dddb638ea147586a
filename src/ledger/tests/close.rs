//! The books up to a line.

use super::super::account::Figure;
use super::super::body::{Body, Close, ClosedTotal, HandOver};
use super::super::close::is_below;
use super::super::line::name;
use super::super::month::Month;
use super::super::{Kind, Ledger};
use super::super::{Record, RecordId};
use super::merge::{loaded, shuffled, state};
use super::village::{NOON, Village, settlement};
use crate::base::random::Random;
use crate::base::sorted::LargeSet;
use crate::base::time::{TimeQuality, WallTime};
use crate::ledger::body::{Counter, Settlement, Status};

fn id(bytes: &[u8]) -> RecordId {
    Record::parse(bytes).unwrap().id
}

/// The treasurer closes this month, and everybody learns it.
pub(super) fn close(village: &mut Village, month: &str) -> Close {
    let body = village.treasurer.ledger.close_body(Month::parse(month).unwrap(), None).unwrap();
    let record = village.treasurer.write(body.clone()).unwrap();
    village.spread(record);
    let Body::Close(close) = body else { panic!("a close closes") };
    *close
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
    let again = village.treasurer.ledger.close_body(Month::parse("2027-01").unwrap(), None);
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
    let Ok(Body::Close(close)) = village.treasurer.ledger.close_body(month, None) else {
        panic!("a close closes")
    };
    let other = Close { month: month.0 + 1, ..(*close).clone() };
    let records =
        [*close, other].map(|close| village.treasurer.forge(1 << 40, None, &Body::Close(Box::new(close))));
    let least = records.iter().map(|bytes| id(bytes)).min().unwrap();
    for at in [1, 0] {
        village.spread(records[at].clone());
    }
    for node in village.nodes_mut() {
        let closes: Vec<RecordId> = node.ledger.closes().iter().map(|(id, _)| *id).collect();
        assert_eq!(closes, [least]);
    }
    let body = Body::Close(Box::new(Close {
        follows: Some(least),
        month: 1,
        covers: vec![],
        totals: vec![],
        kept: vec![],
        number: 2,
        day: None,
    }));
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
    let late = village.seller.forge(seq + 1, Some(known), &Body::HandOver(Box::new(hand_over)));
    village.sell(&vouchers[5..], "ana");
    village.sell(&vouchers[3..5], "ana");
    close(&mut village, "2027-01");
    assert!(village.seller.ledger.late().is_empty());
    village.spread(late.clone());
    let found: Vec<RecordId> = village.seller.ledger.late().iter().map(|record| record.id).collect();
    assert_eq!(found, [id(&late)]);
    assert!(village.other.ledger.late().is_empty(), "each looks for its own");
}

/// A seller's day: a lot of four, three of them sold; four are used up, two of them yesterday's; now and then she pays.
fn day(village: &mut Village, at: u8, time: WallTime) {
    let names = 4 * at..4 * at + 4;
    let vouchers = village.issue(at.into(), names.clone());
    let mut bodies = vec![village.seller.ledger.sale_body(vouchers[..3].to_vec(), "ana", time).unwrap()];
    for name in (names.start - 2..names.end - 2).filter(|name| at > 1 || *name >= names.start) {
        let verifier = village.verifier(3, name);
        bodies.push(Ledger::activation_body(verifier, super::village::proof(name), time));
    }
    for body in bodies {
        let record = village.seller.write(body).unwrap();
        village.spread(record);
    }
    for name in names.start..names.end - 2 {
        let verifier = village.verifier(3, name);
        village.count(Counter { verifier, used_s: 3_600, up_bytes: 1, down_bytes: 1, elapsed_s: 9 }, None);
    }
    if at.is_multiple_of(5) {
        let paid = Body::Settlement(Box::new(Settlement { time, ..settlement("ana", 600, 750) }));
        let paid = village.seller.write(paid).unwrap();
        village.spread(paid.clone());
        let confirms = Some(id(&paid));
        let agreed = Body::Settlement(Box::new(Settlement { confirms, time, ..settlement("", 0, 0) }));
        let record = village.treasurer.write(agreed).unwrap();
        village.spread(record);
    }
}

/// Closes of so many days, and each month's last one when the next month has begun: a month's report is that of a
/// village which never closed.
#[test]
fn a_month_reads_the_same_however_often_it_is_closed() {
    for each in [2, 5, 9] {
        let mut village = Village::new();
        let mut random = Random::new(each);
        let mut let_go = 0;
        for at in 1..62_u8 {
            let unix_s = NOON.unix_s + u64::from(at) * 86_400;
            day(&mut village, at, WallTime { unix_s, ..NOON });
            if !u64::from(at).is_multiple_of(each) {
                continue;
            }
            let this = Month::of(unix_s);
            let closes = village.root.ledger.closes();
            let open = closes.last().filter(|(_, last)| last.day.is_some() && last.month < this.0);
            let (month, ends) = open.map_or((this, false), |(_, last)| (Month(last.month), true));
            let today = u32::try_from(unix_s / 86_400).ok().filter(|_| !ends);
            let body = village.treasurer.ledger.close_body(month, today).unwrap();
            let record = village.treasurer.write(body).unwrap();
            village.spread(record);
            for node in village.nodes_mut() {
                let_go += if random.below(2) == 0 { node.ledger.let_go() } else { 0 };
            }
        }
        let_go += village.nodes_mut().map(|node| node.ledger.let_go()).iter().sum::<usize>();
        assert!(let_go > 100, "{let_go}");
        let is_open = |bytes: &&Vec<u8>| Record::parse(bytes).unwrap().kind != Kind::Close;
        let open: Vec<Vec<u8>> = village.records.iter().filter(is_open).cloned().collect();
        let open = loaded(&open);
        for month in ["2026-12", "2027-01", "2027-02", "2027-03", "2027-04"] {
            let month = Month::parse(month).unwrap();
            let (wanted, seen) = (open.month_report(month), village.seller.ledger.month_report(month));
            assert_eq!((seen.rows, seen.people), (wanted.rows, wanted.people), "{month}, each {each} days");
            assert_eq!((seen.cash_before, seen.cash), (wanted.cash_before, wanted.cash), "{month}");
        }
        assert_eq!(village.root.ledger.report().totals, open.report().totals);
        let (closes, held) = (village.root.ledger.closes().len(), village.root.ledger.held());
        assert!(closes <= 4, "{closes} closes: those that ended a month, and the last two");
        let kept: LargeSet<RecordId> = held.map(|(_, id)| id).collect();
        let of_all = loaded(&shuffled(&village.records, &mut random));
        assert_eq!(kept, of_all.held().map(|(_, id)| id).collect(), "others ask for no more");
        assert_eq!(state(&of_all), state(&loaded(&village.records)));
    }
}

#[test]
fn a_close_behind_which_others_stand_is_not_undone() {
    let mut village = Village::new();
    village.issue(1, 10..12);
    let month = Month::parse("2027-01").unwrap();
    let Ok(Body::Close(first)) = village.treasurer.ledger.close_body(month, Some(1)) else {
        panic!("a close")
    };
    // As if made on the other side of a split: whichever has the lower id.
    let rivals = [2, 3].map(|day| {
        let close = Close { day: Some(day), ..(*first).clone() };
        village.treasurer.forge(1 << 40, None, &Body::Close(Box::new(close)))
    });
    for late in [0, 1] {
        let mut village = Village::new();
        village.issue(1, 10..12);
        village.spread(rivals[1 - late].clone());
        close(&mut village, "2027-02");
        village.spread(rivals[late].clone());
        for node in village.nodes_mut() {
            let closes: Vec<u32> = node.ledger.closes().iter().map(|(_, close)| close.number).collect();
            assert_eq!(closes, [1, 2]);
            assert_eq!(node.ledger.closes()[0].0, id(&rivals[1 - late]));
        }
    }
    // One that says of itself that it stands far behind what it follows is none.
    let body = Body::Close(Box::new(Close { follows: Some(id(&rivals[0])), number: 9, ..*first }));
    village.spread(rivals[0].clone());
    let record = village.treasurer.forge((1 << 40) + 1, None, &body);
    village.spread(record);
    assert_eq!(village.root.ledger.closes().len(), 1);
}

/// Two treasurers: details wait until the other one says that it knows of the close.
#[test]
fn details_wait_for_whoever_may_close_too() {
    let mut village = Village::new();
    let other = super::village::member(village.other.id(), 4, &[super::super::Role::Treasurer]);
    let record = village.root.write(Body::Member(Box::new(other))).unwrap();
    village.spread(record);
    assert!(!village.treasurer.ledger.is_base_known(), "nobody has said anything");
    let told = |village: &mut Village| {
        let close = village.other.ledger.closes().last().map(|(id, _)| *id);
        let status = Status {
            router_id: [1; 8],
            time: NOON,
            version: String::new(),
            close,
            devices: None,
            silent: None,
        };
        let record = village.other.write(Body::Status(Box::new(status))).unwrap();
        village.spread(record);
    };
    close(&mut village, "2027-01");
    told(&mut village);
    close(&mut village, "2027-02");
    assert!(village.treasurer.ledger.is_base_known() && village.seller.ledger.is_base_known());
    close(&mut village, "2027-03");
    assert!(!village.seller.ledger.is_base_known(), "it may still write one behind the first");
    told(&mut village);
    assert!(village.seller.ledger.is_base_known());
}

/// A chain whose middle is gone: what is before it was booked long ago.
#[test]
fn what_is_kept_before_records_that_were_let_go_is_not_late() {
    let mut village = Village::new();
    let kept = village.issue(1, 10..12);
    village.sell(&kept[..1], "ana");
    let paper = village.issue(2, 20..22);
    let void = village.seller.write(Ledger::revocation_body(paper, "mal impreso")).unwrap();
    village.spread(void);
    let sold = |ledger: &Ledger| -> i64 { ledger.report().totals.iter().map(|row| row.figures.0[2]).sum() };
    for month in ["2027-01", "2027-02"] {
        close(&mut village, month);
    }
    assert!(village.seller.ledger.let_go() > 0, "the void lot");
    close(&mut village, "2027-03");
    assert_eq!(village.seller.ledger.late(), Vec::<&Record>::new());
    // Even if its author said it again: it was sold once.
    let sale = village.seller.ledger.sale_body(kept[..1].to_vec(), "ana", NOON).ok();
    let sale = sale.and_then(|sale| village.seller.write(sale).ok());
    sale.into_iter().for_each(|record| village.spread(record));
    village.treasurer.ledger.let_go();
    for node in [&village.seller, &village.treasurer] {
        assert_eq!(sold(&node.ledger), 1);
    }
}

/// A record that nobody got, and what its author said before and after it.
#[test]
fn a_close_covers_what_is_before_a_lost_link() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..14);
    village.sell(&vouchers[..1], "ana");
    let lost = village.seller.ledger.sale_body(vouchers[1..2].to_vec(), "beto", NOON).unwrap();
    village.seller.write(lost).unwrap();
    village.sell(&vouchers[2..3], "ana");
    let sold = |ledger: &Ledger| -> i64 { ledger.report().totals.iter().map(|row| row.figures.0[2]).sum() };
    for (month, others) in [("2027-01", 0), ("2027-02", 1), ("2027-03", 1)] {
        let cover =
            close(&mut village, month).covers.into_iter().find(|one| one.author == village.seller.id());
        let cover = cover.unwrap();
        assert_eq!(
            cover.others.len(),
            others,
            "the first one waits, then the end before the lost one is named"
        );
        assert_eq!(sold(&village.root.ledger), 2);
    }
    village.root.ledger.let_go();
    assert_eq!(sold(&village.root.ledger), 2);
}

#[test]
fn a_first_use_is_told_again_with_a_better_time_until_a_close_has_booked_it() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..12);
    let doubtful = WallTime { quality: TimeQuality::Stale, ..NOON };
    let tells =
        |village: &Village, at: usize, quality| village.seller.ledger.tells_first_use(vouchers[at], quality);
    assert!(tells(&village, 0, TimeQuality::Stale), "nobody told it");
    village.activate(10, doubtful);
    assert!(!tells(&village, 0, TimeQuality::Stale), "nothing new");
    assert!(tells(&village, 0, TimeQuality::Mesh), "a better time");
    village.activate(11, doubtful);
    village.activate(11, NOON);
    close(&mut village, "2027-01");
    assert!(!tells(&village, 0, TimeQuality::Trusted), "it is booked");
    assert!(!tells(&village, 1, TimeQuality::Trusted));
    let activated = |village: &Village| {
        village
            .root
            .ledger
            .report()
            .totals
            .iter()
            .map(|total| total.figures.of(Figure::Activated))
            .sum::<i64>()
    };
    assert_eq!(activated(&village), 2, "each once");
    close(&mut village, "2027-02");
    assert_eq!(activated(&village), 2);
}
