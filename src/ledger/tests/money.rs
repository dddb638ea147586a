//! Whole minor units, and every voucher in exactly one row.

use super::super::account::{Figure, Total};
use super::super::body::{
    Body, Cash, Extension, HandOver, InKind, Issue, Mode, NetworkMode, PaperDebt, PlanMeasure, Revocation,
    Sale, Settlement,
};
use super::super::month::{Month, PersonLine};
use super::super::record::{Record, RecordId};
use super::super::{Charter, Device, Ledger, Plan};
use super::merge::{loaded, shuffled, state};
use super::village::{NOON, Village, charter, hour, in_kind, member, settlement};
use crate::base::random::Random;
use crate::base::time::{TimeQuality, WallTime};
use crate::base::voucher::{IssuerNumber, Keepsake, LotId};
use crate::ledger::rights::Role;

fn rows(ledger: &Ledger) -> Vec<(String, String, [i64; 4], [i64; 3])> {
    let row = |total: Total| {
        let of = |figure| total.figures.of(figure);
        let counts = [Figure::Printed, Figure::Sold, Figure::Activated, Figure::Void].map(of);
        let money = [Figure::Taken, Figure::SellerShare, Figure::Due].map(of);
        (total.person, total.plan, counts, money)
    };
    let totals = ledger.report().totals;
    totals.into_iter().filter(|total| !total.node.is_empty()).map(row).collect()
}

#[test]
fn a_debt_arises_at_the_sale_or_at_the_first_use_of_paper() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..20);
    village.sell(&vouchers[..3], "ana");
    village.sell(&vouchers[3..5], "beto");
    village.activate(10, NOON);
    village.activate(19, NOON);
    let expected = vec![
        ("".into(), "hora".into(), [5, 0, 1, 0], [50, 10, 40]),
        ("ana".into(), "hora".into(), [3, 3, 1, 0], [150, 30, 120]),
        ("beto".into(), "hora".into(), [2, 2, 0, 0], [100, 20, 80]),
    ];
    assert_eq!(rows(&village.root.ledger), expected);
}

#[test]
fn a_void_before_use_cancels_the_debt_and_one_after_it_does_not() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..12);
    village.sell(&vouchers, "ana");
    village.activate(10, NOON);
    let record = village.seller.write(Ledger::revocation_body(vouchers.clone(), "")).unwrap();
    village.spread(record);
    let expected = vec![("ana".into(), "hora".into(), [2, 1, 1, 1], [50, 10, 40])];
    assert_eq!(rows(&village.root.ledger), expected);
}

#[test]
fn shares_that_do_not_add_up_to_the_price_are_no_plan() {
    let mut village = Village::new();
    let wrong = Body::Plan(Box::new(Plan { price: 51, ..hour() }));
    assert!(village.treasurer.ledger.draft(wrong.clone()).is_err());
    let record = village.treasurer.forge(9, None, &wrong);
    village.spread(record);
    assert_eq!(village.seller.ledger.plan("hora").unwrap().1.price, 50);
    let endless = Body::Plan(Box::new(Plan { seller_share: u64::MAX, ..hour() }));
    assert!(endless.fault().is_some());
}

#[test]
fn an_external_plan_is_sold_and_shared_without_a_code() {
    let mut village = Village::new();
    let cellular = Plan {
        id: "celular".into(),
        name: "Mes de celular".into(),
        measure: PlanMeasure::External,
        ..hour()
    };
    let record = village.treasurer.write(Body::Plan(Box::new(cellular))).unwrap();
    village.spread(record);
    let plan = village.seller.ledger.plan("celular").unwrap().0;
    let sale =
        Sale { verifiers: vec![], person: "ana".into(), price: 50, plan, external_count: 3, time: NOON };
    let record = village.seller.write(Body::Sale(Box::new(sale))).unwrap();
    village.spread(record);
    let expected = vec![("ana".into(), "celular".into(), [0, 3, 0, 0], [150, 30, 120])];
    assert_eq!(rows(&village.root.ledger), expected);
    let body = village.seller.ledger.issue_body(
        crate::base::voucher::LotId(1),
        "celular",
        vec![village.verifier(3, 1)],
    );
    assert!(village.seller.write(body.unwrap()).is_err());
}

/// The seller's settlement, and the treasurer's word to it.
pub(super) fn settle(village: &mut Village, paid: u64, worth: u64) -> RecordId {
    // Each at a time of its own: what is said twice in the same second was paid once.
    let time = WallTime { unix_s: NOON.unix_s + village.records.len() as u64, ..NOON };
    let body = Settlement { time, ..settlement("ana", paid, worth) };
    let record = village.seller.write(Body::Settlement(Box::new(body))).unwrap();
    let id = Record::parse(&record).unwrap().id;
    village.spread(record);
    id
}

pub(super) fn agree(village: &mut Village, id: RecordId) {
    let body = Body::Settlement(Box::new(Settlement { confirms: Some(id), ..settlement("", 0, 0) }));
    let record = village.treasurer.write(body).unwrap();
    village.spread(record);
}

fn sum(ledger: &Ledger, figure: Figure) -> i64 {
    ledger.report().totals.iter().map(|total| total.figures.of(figure)).sum()
}

#[test]
fn a_settlement_counts_with_the_words_of_two_nodes() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..110);
    village.sell(&vouchers, "ana");
    assert_eq!(village.seller.ledger.float_left(), 5_000);
    let id = settle(&mut village, 4_000, 5_000);
    assert_eq!(sum(&village.root.ledger, Figure::Settled), 0);
    assert_eq!(village.seller.ledger.float_left(), 5_000, "nobody settles alone");
    // The same node twice, and a node without the right, are no second word.
    let body = Body::Settlement(Box::new(Settlement { confirms: Some(id), ..settlement("", 0, 0) }));
    assert!(village.seller.write(body.clone()).is_err());
    for at in [3, 4] {
        let record = village.nodes_mut()[at].forge(1 << 40, None, &body);
        village.spread(record);
    }
    assert_eq!(sum(&village.root.ledger, Figure::Settled), 0);
    agree(&mut village, id);
    assert_eq!(sum(&village.root.ledger, Figure::Settled), 4_000);
    assert_eq!(village.seller.ledger.float_left(), 10_000, "and room for new lots");
}

#[test]
fn a_settlement_frees_only_the_lots_that_it_follows() {
    let mut village = Village::new();
    village.issue(1, 10..110);
    let id = settle(&mut village, 4_000, 5_000);
    agree(&mut village, id);
    assert_eq!(village.seller.ledger.float_left(), 10_000);
    // A copy of the key made two full lots on a branch of its own, before that number and after it.
    let (plan, epoch) =
        (village.root.ledger.plan("hora").unwrap().0, village.root.ledger.current_epoch().unwrap().0);
    let mut forged = Vec::new();
    for (at, seq) in [(0_u64, 1), (1, 1 << 40), (2, (1 << 40) + 1)] {
        let verifiers: Vec<_> = (0..200).map(|name| village.verifier(4 + at as u16, name)).collect();
        let issuer = IssuerNumber(3);
        let body = Issue { lot: LotId(70 + at), epoch, plan, verifiers, issuer, for_exchange: false };
        forged.push(village.seller.forge(seq, None, &Body::Issue(Box::new(body))));
    }
    for record in forged {
        village.spread(record);
    }
    // In the order of numbers: 100.00 fill the float, the honest 50.00 do not fit, what it settled frees nothing of
    // the copy, and so nothing more counts.
    let printed = sum(&village.root.ledger, Figure::Printed);
    assert_eq!(printed, 200, "at most the float, whatever the branches");
}

#[test]
fn gifts_beyond_the_month_s_quota_need_a_second_word() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..20);
    for name in 10..20 {
        village.activate(name, NOON);
    }
    assert_eq!(sum(&village.root.ledger, Figure::Due), 400, "ten hours of paper that was used");
    // The quota of a month is worth three of them.
    let mut ids = Vec::new();
    for pair in [0..2, 2..4, 4..5] {
        let record = village.seller.write(Body::InKind(Box::new(in_kind(vouchers[pair].to_vec())))).unwrap();
        ids.push(Record::parse(&record).unwrap().id);
        village.spread(record);
    }
    assert_eq!(
        sum(&village.root.ledger, Figure::InKind),
        3,
        "the second pair does not fit, the single one does"
    );
    assert_eq!(sum(&village.root.ledger, Figure::Due), 280);
    let body =
        Body::InKind(Box::new(InKind { confirms: Some(ids[1]), verifiers: vec![], ..in_kind(vec![]) }));
    let record = village.treasurer.write(body).unwrap();
    village.spread(record);
    assert_eq!(sum(&village.root.ledger, Figure::InKind), 5);
    assert_eq!(sum(&village.root.ledger, Figure::InKindWorth), 250);
    assert_eq!(sum(&village.root.ledger, Figure::Due), 200);
}

#[test]
fn paper_is_owed_by_whoever_took_it_away() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..20);
    let hand_over = |at: std::ops::Range<usize>, person: &str| {
        Body::HandOver(Box::new(HandOver {
            verifiers: vouchers[at].to_vec(),
            person: person.into(),
            time: NOON,
        }))
    };
    for (at, person) in [(0..4, "beto"), (3..4, "")] {
        let body = hand_over(at, person);
        let record = village.seller.write(body).unwrap();
        village.spread(record);
    }
    let owed = |village: &Village| {
        let totals = village.root.ledger.report().totals;
        let of = totals.into_iter().filter(|total| total.person == "beto");
        of.map(|total| (total.figures.of(Figure::Held), total.figures.owed())).collect::<Vec<_>>()
    };
    assert_eq!(owed(&village), [(3, 0)], "one came back, and nothing is owed yet");
    village.activate(10, NOON);
    assert_eq!(owed(&village), [(3, 40)], "at the first use");
    let before = village.root.ledger.record(RecordId(village.root.ledger.community().unwrap())).unwrap().id;
    let charter =
        Charter { paper_debt: PaperDebt::HandOver, replaces: vec![before], ..charter(village.root.id()) };
    let record = village.root.write(Body::Charter(Box::new(charter))).unwrap();
    village.spread(record);
    assert_eq!(owed(&village), [(3, 120)], "or at once, as the charter says");
}

#[test]
fn a_void_after_the_first_use_cancels_the_debt_if_another_node_agrees() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..12);
    village.sell(&vouchers, "ana");
    village.activate(10, NOON);
    let record = village.seller.write(Ledger::revocation_body(vouchers[..1].to_vec(), "no servía")).unwrap();
    let confirms = Some(Record::parse(&record).unwrap().id);
    village.spread(record);
    assert_eq!(sum(&village.root.ledger, Figure::Due), 80, "the voucher is void, the debt stays");
    let body = Revocation { verifiers: vec![], reason: String::new(), confirms };
    let record = village.treasurer.write(Body::Revocation(Box::new(body))).unwrap();
    village.spread(record);
    assert_eq!(sum(&village.root.ledger, Figure::Due), 40);
}

#[test]
fn the_mode_is_an_officer_s_or_two_caretakers_word() {
    let mut village = Village::new();
    let keys = [village.seller.id(), village.other.id()];
    for (key, number) in keys.into_iter().zip([3, 4]) {
        let body =
            Body::Member(Box::new(member(key, number, &[Role::Seller, Role::Hotspot, Role::Caretaker])));
        let record = village.root.write(body).unwrap();
        village.spread(record);
    }
    let word = |number, mode, confirms| {
        Body::Mode(Box::new(Mode { number, mode, reason: "fuego".into(), confirms, time: None }))
    };
    let record = village.seller.write(word(1, NetworkMode::Emergency, None)).unwrap();
    let id = Record::parse(&record).unwrap().id;
    village.spread(record);
    assert_eq!(village.root.ledger.mode(), NetworkMode::Usual);
    let record = village.other.write(word(1, NetworkMode::Emergency, Some(id))).unwrap();
    village.spread(record);
    assert_eq!(village.root.ledger.mode(), NetworkMode::Emergency);
    let record = village.officer.write(word(2, NetworkMode::Usual, None)).unwrap();
    village.spread(record);
    assert_eq!(village.root.ledger.mode(), NetworkMode::Usual);
    assert!(village.treasurer.write(word(3, NetworkMode::Night, None)).is_err());
}

#[test]
fn extensions_services_notices_and_the_least_time_are_what_the_right_keys_say() {
    let mut village = super::village::busy();
    let ledger = &village.root.ledger;
    assert_eq!(ledger.services().iter().map(|(_, one)| one.name.as_str()).collect::<Vec<_>>(), ["library"]);
    assert_eq!(ledger.notices(None).len(), 0, "the officer of this village has no role for notices");
    assert_eq!(ledger.time_record(), (1, 1_799_000_000));
    assert_eq!(ledger.statuses().len(), 1);
    assert!(ledger.offered_times().is_empty(), "and a seller's clock is no clock");
    let verifier = village.verifier(3, 15);
    assert_eq!(village.root.ledger.voucher(verifier).unwrap().extended.seconds, 600);
    let body = Body::Extension(Box::new(Extension {
        verifiers: vec![verifier],
        seconds: 1 << 30,
        days: 9,
        reason: "".into(),
        data_mb: None,
    }));
    let record = village.seller.forge(1 << 41, None, &body);
    village.spread(record);
    assert_eq!(
        village.root.ledger.voucher(verifier).unwrap().extended.seconds,
        600,
        "a thief extends nothing"
    );
}

#[test]
fn the_moves_of_a_day_are_each_node_s_own_count_added() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..12);
    village.activate(10, NOON);
    let body = Ledger::activation_body(vouchers[0], super::village::proof(10), NOON);
    let record = village.other.write(body).unwrap();
    village.spread(record);
    for (at, tags, day) in [(3, 3_u8, 7), (4, 2, 7), (3, 4, 8)] {
        for tag in 0..tags {
            let node = &mut village.nodes_mut()[at];
            let body = node.ledger.device_body(vouchers[0], [tag; 8], Some(day), None, None);
            let record = node.write(body).unwrap();
            village.spread(record);
        }
    }
    let moves = |day| village.root.ledger.device_moves(vouchers[0], day);
    // Two places: on the eighth day the two that were there are no news, and two more take theirs.
    assert_eq!((moves(7), moves(8), moves(9)), (2, 2, 0), "what a later day replaced is of that day");
    let has_place = |tag: u8| village.root.ledger.has_place(vouchers[0], [tag; 8], Some(8));
    assert!(has_place(9), "two of six");
    let forged = Body::Device(Box::new(Device {
        verifier: vouchers[0],
        tag: [9; 8],
        order: 99,
        day: Some(9),
        moves: 200,
        keepsake: None,
        spent: None,
    }));
    let record = village.treasurer.forge(1, None, &forged);
    village.spread(record);
    assert_eq!(village.root.ledger.device_moves(vouchers[0], 9), 0, "only from who admits guests");
}

#[test]
fn a_device_comes_back_with_what_it_kept_once_and_at_any_node() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..12);
    village.activate(10, NOON);
    let body = Ledger::activation_body(vouchers[0], super::village::proof(10), NOON);
    let record = village.other.write(body).unwrap();
    village.spread(record);
    let key = |number: u8| Keepsake([number; 16]);
    let takes_up = |village: &mut Village, at: usize, tag: u8, keeps: u8, returned: Option<u8>| {
        let node = &mut village.nodes_mut()[at];
        let (keeps, returned) = (Some(key(keeps)), returned.map(key));
        let body = node.ledger.device_body(vouchers[0], [tag; 8], Some(7), keeps, returned);
        let record = node.write(body).unwrap();
        village.spread(record);
    };
    let good = |village: &Village, number| {
        let known = |ledger: &Ledger| ledger.returns(vouchers[0], key(number)).is_some();
        let here = known(&village.root.ledger);
        assert_eq!(known(&village.other.ledger), here, "the same at every node");
        assert_eq!(village.root.ledger.returns(vouchers[1], key(number)), None, "of this voucher alone");
        here
    };
    takes_up(&mut village, 3, 1, 1, None);
    takes_up(&mut village, 3, 2, 2, None);
    assert_eq!([1, 2, 9].map(|number| good(&village, number)), [true, true, false]);
    // The second phone comes back at another node under another address: what it showed is spent, and the first one yields.
    takes_up(&mut village, 4, 3, 3, Some(2));
    assert_eq!([1, 2, 3].map(|number| good(&village, number)), [false, false, true]);
    // It types the code again at the same node: what it had is spent, and so is still what it had before.
    takes_up(&mut village, 4, 3, 4, None);
    assert_eq!([2, 3, 4].map(|number| good(&village, number)), [false, false, true]);
    let body = village.nodes_mut()[4].ledger.forgotten_body(vouchers[0], [3; 8]).unwrap();
    let record = village.nodes_mut()[4].write(body).unwrap();
    village.spread(record);
    assert!(!good(&village, 4), "it logged out");
    assert_eq!(village.nodes_mut()[4].ledger.forgotten_body(vouchers[0], [3; 8]), None);
    let forged = Body::Device(Box::new(Device {
        verifier: vouchers[0],
        tag: [8; 8],
        order: 99,
        day: None,
        moves: 0,
        keepsake: Some(key(8)),
        spent: None,
    }));
    let record = village.treasurer.forge(1, None, &forged);
    village.spread(record);
    assert!(!good(&village, 8), "only from who admits guests");
}

#[test]
fn months_add_up_and_what_has_no_date_stands_where_its_neighbours_do() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..20);
    let at = |unix_s| WallTime { unix_s, ..NOON };
    // 2027-01-15, then a day without a clock, then 2027-02.
    let february = NOON.unix_s + 30 * 86_400;
    for (pair, time) in
        [(0..2, NOON), (2..3, WallTime { unix_s: 7, quality: TimeQuality::Stale }), (3..6, at(february))]
    {
        let body = village.seller.ledger.sale_body(vouchers[pair].to_vec(), "ana", time).unwrap();
        let record = village.seller.write(body).unwrap();
        village.spread(record);
    }
    let cash = |amount, time| Cash { person: "tesorera".into(), amount, what: "rifa".into(), time };
    for body in
        [Body::Contribution(Box::new(cash(500, NOON))), Body::Expense(Box::new(cash(120, at(february))))]
    {
        let record = village.treasurer.write(body).unwrap();
        village.spread(record);
    }
    let body = Body::Settlement(Box::new(Settlement { time: at(february), ..settlement("ana", 100, 120) }));
    let record = village.seller.write(body).unwrap();
    let id = Record::parse(&record).unwrap().id;
    village.spread(record);
    let body = Body::Settlement(Box::new(Settlement {
        confirms: Some(id),
        time: at(february),
        ..settlement("", 0, 0)
    }));
    let record = village.treasurer.write(body).unwrap();
    village.spread(record);
    let report = |text: &str| village.root.ledger.month_report(Month::parse(text).unwrap());
    let sold = |text: &str| report(text).rows.iter().map(|row| row.figures.of(Figure::Sold)).sum::<i64>();
    assert_eq!(["2026-12", "2027-01", "2027-02", "2027-03"].map(sold), [0, 3, 3, 0]);
    let january = report("2027-01");
    assert_eq!((january.cash_before, january.cash, january.undated), (0, 500, 0));
    let line = |owed_before, due, settled, owed| PersonLine {
        person: "ana".into(),
        owed_before,
        due,
        settled,
        owed,
    };
    assert_eq!(january.people, [line(0, 120, 0, 120)]);
    let february = report("2027-02");
    assert_eq!((february.cash_before, february.cash), (500, 480));
    assert_eq!(february.people, [line(120, 120, 100, 140)]);
    assert_eq!(february.shares.iter().map(|row| row.figures.of(Figure::Share)).sum::<i64>(), 120);
}

#[test]
fn any_order_of_lots_settlements_and_second_words_ends_in_the_same_bytes() {
    let mut village = Village::new();
    for lot in 0..2 {
        let vouchers = village.issue(lot, 10 + 100 * lot as u8..110 + 100 * lot as u8);
        village.sell(&vouchers[..5], "ana");
    }
    let (id, gift) = (settle(&mut village, 4_000, 5_000), vec![village.verifier(3, 60)]);
    agree(&mut village, id);
    let more = village.issue(3, 220..250);
    let record = village.seller.write(Body::InKind(Box::new(in_kind(gift)))).unwrap();
    village.spread(record);
    // A copied key adds lots on branches of its own, below and above: which of them fit depends on all others.
    let (plan, epoch) =
        (village.root.ledger.plan("hora").unwrap().0, village.root.ledger.current_epoch().unwrap().0);
    for (at, seq) in [(4_u16, 2), (5, 1 << 33), (6, (1 << 33) + 1)] {
        let verifiers: Vec<_> = (0..60).map(|name| village.verifier(at, name)).collect();
        let body =
            Issue { lot: LotId(seq), epoch, plan, verifiers, issuer: IssuerNumber(3), for_exchange: false };
        let record = village.seller.forge(seq, None, &Body::Issue(Box::new(body)));
        village.spread(record);
    }
    let id = settle(&mut village, 1_200, 1_500);
    agree(&mut village, id);
    // A settlement that claims to follow what has a higher number: its author can make such a chain, and it is none.
    let verifiers = vec![village.verifier(7, 1)];
    let body = Issue { lot: LotId(7), epoch, plan, verifiers, issuer: IssuerNumber(3), for_exchange: false };
    let above = village.seller.forge(1 << 35, None, &Body::Issue(Box::new(body)));
    let prev = Some(Record::parse(&above).unwrap().id);
    let climbing =
        village.seller.forge(1 << 34, prev, &Body::Settlement(Box::new(settlement("ana", 50, 50))));
    let id = Record::parse(&climbing).unwrap().id;
    [above, climbing].into_iter().for_each(|record| village.spread(record));
    agree(&mut village, id);
    let record = village.seller.write(Ledger::revocation_body(more[..2].to_vec(), "")).unwrap();
    village.spread(record);
    let expected = loaded(&village.records);
    let counted = |ledger: &Ledger| sum(ledger, Figure::Printed);
    assert!(counted(&expected) > 0 && counted(&expected) < 410, "{} of 410 fit", counted(&expected));
    for seed in 0..100 {
        let mut random = Random::new(seed);
        let records = shuffled(&village.records, &mut random);
        let ledger = loaded(&records);
        assert_eq!(state(&ledger), state(&expected), "seed {seed}");
        // Some at once, the rest one by one: like a journal and what comes after it.
        let cut = random.below(records.len() as u64) as usize;
        let mut parts = Ledger::new([0; 32], 1);
        parts.handle_journal(records[..cut].iter().map(Vec::as_slice));
        for bytes in &records[cut..] {
            parts.handle_stored(bytes).unwrap();
        }
        assert_eq!(state(&parts), state(&expected), "seed {seed}, cut at {cut}");
        let bytes = postcard::to_allocvec(&parts).unwrap();
        assert_eq!(postcard::from_bytes::<Ledger>(&bytes).unwrap(), expected, "seed {seed}, from a snapshot");
    }
}
