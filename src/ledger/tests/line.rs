//! What closed books let go: nothing that anybody sees.

use super::super::body::{Body, Extension, HandOver};
use super::super::close::is_below;
use super::super::month::Month;
use super::super::{Kind, Ledger, Record, RecordId, VoucherState};
use super::close::close;
use super::merge::{loaded, shuffled, state};
use super::money::{agree, settle};
use super::village::{NOON, Node, Village, proof, settlement};
use crate::base::random::Random;
use crate::base::sorted::SortedSet;
use crate::base::voucher::{LotId, Verifier};
use crate::ledger::body::{Counter, Epoch, Expulsion, Issue, Sale};

/// Stories of each kind; an emulated processor has to do with fewer.
const STORIES: u64 = if cfg!(target_endian = "big") { 3 } else { 24 };

const MONTHS: [&str; 4] = ["2027-01", "2027-02", "2027-03", "2027-04"];

fn spend(village: &mut Village, name: u8, used_s: u32) {
    village.activate(name, NOON);
    let verifier = village.verifier(3, name);
    village.count(Counter { verifier, used_s, up_bytes: 1, down_bytes: 2, elapsed_s: 4_000 }, Some(20_833));
}

/// Months of sales, uses, voids and settlements; the books are closed after each. Vouchers are named 10 and up.
fn story(seed: u64, months: &[&str]) -> (Village, u8) {
    let mut random = Random::new(seed);
    let mut village = Village::new();
    let mut open: Vec<u8> = Vec::new();
    let mut next = 10_u8;
    let mut unsettled = None;
    for month in months {
        for _ in 0..6 + random.below(4) {
            let some = |open: &mut Vec<u8>, random: &mut Random| {
                (!open.is_empty()).then(|| open.swap_remove(random.below(open.len() as u64) as usize))
            };
            match random.below(5) {
                0 | 1 => {
                    let names = next..next + 1 + random.below(4) as u8;
                    let vouchers = village.issue(u64::from(next), names.clone());
                    (next, open) = (names.end, [open, names.collect()].concat());
                    let sold = random.below(vouchers.len() as u64 + 1) as usize;
                    if sold > 0 {
                        village.sell(&vouchers[..sold], ["ana", "beto"][sold % 2]);
                    }
                }
                2 => {
                    if let Some(name) = some(&mut open, &mut random) {
                        spend(&mut village, name, 3_600 - 1_800 * (random.below(4) == 0) as u32);
                    }
                }
                3 => {
                    if let Some(name) = some(&mut open, &mut random) {
                        let body = Ledger::revocation_body(vec![village.verifier(3, name)], "mal impreso");
                        let record = village.seller.write(body).unwrap();
                        village.spread(record);
                    }
                }
                _ => {
                    if let Some(id) = unsettled.take() {
                        agree(&mut village, id);
                    }
                    unsettled = Some(settle(&mut village, 40, 50));
                }
            }
        }
        close(&mut village, month);
    }
    (village, next)
}

/// All that people and nodes can ask of a ledger.
fn meaning(village: &Village, last: u8, ledger: &Ledger) -> String {
    let mut report = ledger.report();
    (report.records, report.stubs) = (0, 0);
    let months: Vec<_> =
        MONTHS.iter().map(|month| ledger.month_report(Month::parse(month).unwrap())).collect();
    let months: Vec<_> = months.into_iter().map(|month| (month.rows, month.people, month.cash)).collect();
    let vouchers: Vec<_> = (10..last).map(|name| ledger.voucher(village.verifier(3, name))).collect();
    let held: SortedSet<(u64, RecordId)> = ledger.held().collect();
    let heads = ledger.heads(&village.seller.id());
    format!("{report:?}\n{months:?}\n{vouchers:?}\n{held:?}\n{heads:?}\n{:?}", ledger.float_used)
}

fn same(seen: &str, wanted: &str, seed: u64) {
    for (seen, wanted) in seen.lines().zip(wanted.lines()) {
        let at = seen.bytes().zip(wanted.bytes()).position(|(one, other)| one != other).unwrap_or(0);
        let around = at.saturating_sub(200)..;
        assert_eq!(seen.get(around.clone()), wanted.get(around), "seed {seed}");
    }
}

#[test]
fn who_let_go_and_who_did_not_say_the_same() {
    let mut forgotten = 0;
    for seed in 0..STORIES {
        let (village, last) = story(seed, &MONTHS[..3]);
        let whole = loaded(&village.records);
        let wanted = meaning(&village, last, &whole);
        let mut random = Random::new(seed);
        for _ in 0..4 {
            let records = shuffled(&village.records, &mut random);
            assert_eq!(state(&loaded(&records)), state(&whole), "seed {seed}");
            let mut ledger = Ledger::new([0; 32], 1);
            for bytes in &records {
                ledger.handle_stored(bytes).unwrap();
                if random.below(8) == 0 {
                    ledger.let_go();
                }
            }
            forgotten += ledger.let_go();
            same(&meaning(&village, last, &ledger), &wanted, seed);
            let copy: Ledger = postcard::from_bytes(&postcard::to_allocvec(&ledger).unwrap()).unwrap();
            same(&meaning(&village, last, &copy), &wanted, seed);
        }
    }
    assert!(forgotten > 12 * STORIES as usize, "{forgotten}");
}

/// The accounts of somebody who keeps everything and never closes are the measure.
#[test]
fn closed_books_say_what_open_ones_would() {
    for seed in 0..STORIES {
        let (village, _) = story(seed, &MONTHS[..3]);
        let is_close = |bytes: &&Vec<u8>| Record::parse(bytes).unwrap().kind == Kind::Close;
        let open: Vec<Vec<u8>> = village.records.iter().filter(|bytes| !is_close(bytes)).cloned().collect();
        let (open, mut closed) = (loaded(&open), loaded(&village.records));
        closed.let_go();
        assert_eq!(closed.report().totals, open.report().totals, "seed {seed}");
    }
}

/// A seller, a close each month: what a node keeps does not grow with the years.
#[test]
fn a_ledger_does_not_outgrow_its_router() {
    let mut village = Village::new();
    let mut sizes = Vec::new();
    for (month, at) in (0..10).map(|month| (Month(24_324 + month), 10 + 20 * month as u8)) {
        let vouchers = village.issue(u64::from(at), at..at + 20);
        village.sell(&vouchers, "ana");
        (at..at + 20).for_each(|name| spend(&mut village, name, 3_600));
        let id = settle(&mut village, 800, 1_000);
        agree(&mut village, id);
        let body = village.treasurer.ledger.close_body(month, None).unwrap();
        let record = village.treasurer.write(body).unwrap();
        village.spread(record);
        for node in village.nodes_mut() {
            node.ledger.let_go();
        }
        sizes.push(village.seller.ledger.records().map(|record| record.octets()).sum::<usize>());
    }
    // Each month adds its close, of 720 bytes here and ten for the one before it, and no more.
    let (second, last) = (sizes[1], sizes[9]);
    assert!(last < second + 8 * 800, "{sizes:?}");
    let pages = village.seller.ledger.records().filter(|record| record.kind == Kind::Usage).count();
    assert!(pages <= 2, "{pages} pages: vouchers that are gone leave their places to others");
    let totals = village.root.ledger.report().totals;
    let sold: i64 = totals.iter().map(|total| total.figures.0[2]).sum();
    assert_eq!(sold, 200, "and nothing sold is forgotten: {totals:?}");
    assert_eq!(village.seller.ledger.float_left(), 10_000, "all was settled");
}

fn forged(node: &Node, seq: u64, body: &Body) -> Vec<u8> {
    node.forge(seq, None, body)
}

/// The seller's key, stolen after the books were closed twice, writes below their line.
#[test]
fn a_thief_below_the_line_moves_its_own_vouchers_at_most() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..14);
    village.sell(&vouchers[..1], "ana");
    let body = village.other.ledger.issue_body(LotId(2), "hora", vec![village.verifier(4, 50)]).unwrap();
    let record = village.other.write(body).unwrap();
    village.spread(record);
    close(&mut village, "2027-01");
    close(&mut village, "2027-02");
    let (epoch, number) = village.root.ledger.current_epoch().unwrap();
    let heads = village.root.ledger.heads(&village.seller.id());
    let treasurer = village.treasurer.id();
    let treasurer_heads = village.root.ledger.heads(&treasurer);
    let expels = vec![
        Expulsion { member: village.seller.id(), heads },
        Expulsion { member: treasurer, heads: treasurer_heads },
    ];
    let body =
        Body::Epoch(Box::new(Epoch { number: number + 1, follows: Some(epoch), shares: vec![], expels }));
    let record = village.root.write(body).unwrap();
    village.spread(record);
    village.root.ledger.let_go();
    let honest = village.root.ledger.clone();
    assert_eq!(honest.closes().len(), 2, "what the treasurer closed before it was expelled stays closed");
    assert_eq!(honest.voucher(vouchers[0]).unwrap().state(), VoucherState::Sold);
    let (plan, _) = honest.plan("hora").unwrap();
    let lot = Issue {
        lot: LotId(1),
        epoch,
        plan,
        verifiers: vec![village.verifier(3, 90)],
        issuer: crate::base::voucher::IssuerNumber(3),
        for_exchange: false,
    };
    let others = village.verifier(4, 50);
    let hand_over =
        |verifier: Verifier| HandOver { verifiers: vec![verifier], person: "x".into(), time: NOON };
    let extension = Extension {
        verifiers: vec![vouchers[0]],
        seconds: 9_999,
        days: 0,
        reason: "regalo".into(),
        data_mb: None,
    };
    let booked = honest.booked();
    for (node, body) in [
        (&village.seller, Body::Issue(Box::new(lot))),
        (&village.seller, Ledger::revocation_body(vec![others], "x")),
        (&village.seller, Body::HandOver(Box::new(hand_over(others)))),
        (&village.seller, Body::Settlement(Box::new(settlement("ana", 1, 10_000)))),
        (&village.treasurer, Body::Extension(Box::new(extension))),
        (&village.treasurer, Ledger::revocation_body(vec![others], "x")),
    ] {
        let mut ledger = honest.clone();
        let record = forged(node, 2_001, &body);
        assert!(is_below(&booked, &Record::parse(&record).unwrap()));
        ledger.handle_record(&record).unwrap();
        assert_eq!(ledger.report().totals, honest.report().totals, "{body:?}");
        for verifier in [vouchers[0], others, village.verifier(3, 90)] {
            assert_eq!(ledger.voucher(verifier), honest.voucher(verifier), "{body:?}");
        }
    }
    // Its own paper it can spoil, as it could on the day of the theft.
    let mut ledger = honest;
    ledger
        .handle_record(&forged(&village.seller, 4_001, &Ledger::revocation_body(vec![vouchers[0]], "x")))
        .unwrap();
    assert_eq!(ledger.voucher(vouchers[0]).unwrap().state(), VoucherState::Void);
    assert!(village.seller.ledger.is_expelled() && proof(1) != proof(2));
}

#[test]
fn what_was_agreed_with_after_a_close_is_booked_after_it() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..20);
    village.sell(&vouchers, "ana");
    let id = settle(&mut village, 400, 500);
    close(&mut village, "2027-01");
    assert_eq!(village.seller.ledger.float_left(), 9_500);
    agree(&mut village, id);
    close(&mut village, "2027-02");
    close(&mut village, "2027-03");
    for node in village.nodes_mut() {
        node.ledger.let_go();
        let settled: i64 = node.ledger.report().totals.iter().map(|total| total.figures.0[11]).sum();
        assert_eq!(settled, 400);
    }
    assert_eq!(village.seller.ledger.float_left(), 10_000);
}

/// A node that was away for two closes comes back with a sale that nobody knew.
#[test]
fn what_came_too_late_is_written_again_before_it_is_let_go() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..14);
    let known = village.records.len();
    let body = village.seller.ledger.sale_body(vouchers[..2].to_vec(), "ana", NOON).unwrap();
    village.seller.write(body).unwrap();
    let body = village.seller.ledger.issue_body(LotId(9), "hora", vec![village.verifier(3, 30)]).unwrap();
    let away = village.seller.write(body).unwrap();
    assert!(known > 0 && !away.is_empty());
    // In the meantime another copy of the key said something that is known, with a higher number.
    let record = village.seller.forge(1 << 40, None, &Ledger::revocation_body(vec![vouchers[3]], "x"));
    village.spread(record);
    close(&mut village, "2027-01");
    close(&mut village, "2027-02");
    let late: Vec<Body> = village.seller.ledger.late().iter().map(|record| record.body.clone()).collect();
    assert_eq!(late.iter().filter_map(Body::kind).collect::<Vec<_>>(), [Kind::Sale, Kind::Issue]);
    for body in late {
        let draft = village.seller.ledger.draft_again(&body).unwrap();
        let signature = ed25519_dalek::Signer::sign(&village.seller.key, &draft.message_to_sign).to_bytes();
        let record = village.seller.ledger.complete(draft, signature);
        village.spread(record);
    }
    assert!(village.seller.ledger.late().is_empty(), "once is enough");
    for node in village.nodes_mut() {
        node.ledger.let_go();
        assert!(node.ledger.late().is_empty());
        assert_eq!(node.ledger.voucher(vouchers[0]).unwrap().state(), VoucherState::Sold);
        let sold: i64 = node.ledger.report().totals.iter().map(|total| total.figures.0[2]).sum();
        assert_eq!(sold, 2);
    }
    assert!(village.seller.ledger.voucher(village.verifier(3, 30)).is_some());
}

/// A sale of a known lot that a close did not know is booked once it is written again, by whoever closes next and by
/// whoever does not, with its details and without.
#[test]
fn what_is_written_again_is_booked_once() {
    let sold = |ledger: &Ledger| -> i64 { ledger.report().totals.iter().map(|row| row.figures.0[2]).sum() };
    for lot_too in [false, true] {
        let mut village = Village::new();
        let vouchers = village.issue(1, 10..14);
        let seller = village.seller.id();
        let known = village.seller.ledger.heads(&seller)[0];
        let seq = village.seller.ledger.record(known).unwrap().seq;
        // On a copy that was cut off, with numbers below the line.
        let mut late = Vec::new();
        let mut of = vouchers[..2].to_vec();
        let mut prev = known;
        if lot_too {
            of = vec![village.verifier(3, 30), village.verifier(3, 31)];
            let body = village.seller.ledger.issue_body(LotId(9), "hora", of.clone()).unwrap();
            late.push(village.seller.forge(seq + 1, Some(prev), &body));
            prev = Record::parse(&late[0]).unwrap().id;
        }
        let (plan, _) = village.seller.ledger.plan("hora").unwrap();
        let sale =
            Sale { verifiers: of, person: "ana".into(), price: 50, plan, external_count: 0, time: NOON };
        late.push(village.seller.forge(seq + 2, Some(prev), &Body::Sale(Box::new(sale))));
        village.sell(&vouchers[2..3], "beto");
        village.sell(&vouchers[3..], "beto");
        close(&mut village, "2027-01");
        late.into_iter().for_each(|record| village.spread(record));
        assert_eq!(sold(&village.root.ledger), 2, "the close stands");
        let bodies: Vec<Body> =
            village.seller.ledger.late().iter().map(|record| record.body.clone()).collect();
        assert_eq!(bodies.len(), 1 + usize::from(lot_too));
        for body in bodies {
            let draft = village.seller.ledger.draft_again(&body).unwrap();
            let signature =
                ed25519_dalek::Signer::sign(&village.seller.key, &draft.message_to_sign).to_bytes();
            let record = village.seller.ledger.complete(draft, signature);
            village.spread(record);
        }
        for month in ["2027-01", "2027-02", "2027-03", "2027-04"] {
            if month != "2027-01" {
                close(&mut village, month);
                village.root.ledger.let_go();
            }
            for node in village.nodes_mut() {
                assert_eq!(sold(&node.ledger), 4, "{month} {lot_too}");
            }
        }
    }
}

/// The seller's key, stolen, fills its float before two closes; what the seller sold beside it counts once the key is
/// expelled, and what she owes stays in the books.
#[test]
fn a_thief_s_lots_below_the_line_hold_no_float_of_an_expelled_key() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..12);
    village.sell(&vouchers, "ana");
    let seller = village.seller.id();
    let head = village.seller.ledger.heads(&seller)[0];
    let seq = village.seller.ledger.record(head).unwrap().seq;
    // Another lot of hers that others hear of later, and the thief's, on a branch of their own.
    let body = village.seller.ledger.issue_body(LotId(2), "hora", vec![village.verifier(3, 20)]).unwrap();
    let hers = village.seller.forge(seq + 5_000, Some(head), &body);
    let paper = (0..198).map(|name| Verifier([7, name, 7, 7, 7, 7, 7, 7])).collect();
    let body = village.seller.ledger.issue_body(LotId(3), "hora", paper).unwrap();
    let stolen = village.seller.forge(seq + 10, Some(head), &body);
    village.spread(stolen);
    close(&mut village, "2027-01");
    close(&mut village, "2027-02");
    village.spread(hers.clone());
    assert_eq!(village.root.ledger.voucher(village.verifier(3, 20)), None, "the float is full");
    let (epoch, number) = village.root.ledger.current_epoch().unwrap();
    let heads = vec![Record::parse(&hers).unwrap().id];
    let expels = vec![Expulsion { member: seller, heads }];
    let body =
        Body::Epoch(Box::new(Epoch { number: number + 1, follows: Some(epoch), shares: vec![], expels }));
    let record = village.root.write(body).unwrap();
    village.spread(record);
    for node in village.nodes_mut() {
        node.ledger.let_go();
        assert_eq!(node.ledger.float_used.get(&seller), Some(&50), "her last lot alone");
        let due: i64 = node.ledger.report().totals.iter().map(|row| row.figures.0[10]).sum();
        assert_eq!(due, 80, "what ana sold is owed still");
    }
    assert!(village.root.ledger.voucher(village.verifier(3, 20)).is_some());
}
