//! Deeds at a node: each is on flash before it is answered, twice is once, and money of two nodes needs both.

use super::*;
use crate::base::voucher::Verifier;
use crate::hotspot::portal::Page;
use crate::ledger::body::{Expulsion, Person as LedgerPerson, PersonRole as LedgerRole, PlanShare};
use crate::ledger::{Kind, Record};
use crate::node::call::{Call, Issued, VoucherIssue, Which};
use crate::node::deed::{Books, Deed, LotUse, Tap};
use story::log_in;

/// Another treasurer's node, and a seller's that gets stolen.
const OTHER_KEY: [u8; 32] = [3; 32];
const STOLEN_KEY: [u8; 32] = [4; 32];

/// All records of a story as another key sees them.
pub(super) fn as_seen_by(key: [u8; 32], story: &Story) -> Ledger {
    let mut ledger = Ledger::new(key, 1 << 33);
    let bytes: Vec<Vec<u8>> = story.node.ledger().written().collect();
    let (first, rest): (Vec<_>, Vec<_>) = bytes
        .iter()
        .map(Vec::as_slice)
        .partition(|bytes| Record::parse(bytes).unwrap().kind == Kind::Charter);
    ledger.handle_journal(first.into_iter().chain(rest));
    ledger
}

/// Somebody else writes a record, and the node has it.
pub(super) fn write(story: &mut Story, key: [u8; 32], body: Body) {
    let mut ledger = as_seen_by(key, story);
    let draft = ledger.draft(body).unwrap();
    let record = ledger.complete(draft, [7; 64]);
    story.step(Input::Records(vec![record]));
}

fn member(key: [u8; 32], number: u16, role: Role) -> Body {
    Body::Member(Box::new(Member {
        key,
        dh: [3; 32],
        name: format!("nodo {number}"),
        number: IssuerNumber(number),
        slot: None,
        roles: Roles::NONE.with(role),
        float: 10_000,
        replaces: Vec::new(),
        heads: Vec::new(),
        instead_of: None,
    }))
}

/// A village with a second treasurer, a plan of which the community gets its part, and two people.
pub(super) fn village() -> Story {
    let mut story = Story::new(PHONES, 0);
    write(&mut story, ROOT_KEY, member(OTHER_KEY, 4, Role::Treasurer));
    write(&mut story, ROOT_KEY, member(STOLEN_KEY, 5, Role::Seller));
    let day = Plan {
        id: "dia".into(),
        name: "Un día".into(),
        measure: PlanMeasure::UsedSeconds { seconds: 86_400, within_days: None },
        devices: 1,
        rate_down_kbps: 0,
        rate_up_kbps: 0,
        price: 50,
        seller_share: 10,
        shares: vec![PlanShare { to: "comunidad".into(), amount: 40 }],
        replaces: Vec::new(),
        hours: None,
        data_mb: None,
        sellers: None,
    };
    write(&mut story, ROOT_KEY, Body::Plan(Box::new(day)));
    for (name, role, home) in [
        ("Tere", LedgerRole::Admin, OWN_KEY),
        ("Lupe", LedgerRole::Caretaker, OWN_KEY),
        ("Nico", LedgerRole::Admin, OTHER_KEY),
        ("Beto", LedgerRole::Gone, OWN_KEY),
    ] {
        let (name, verifier) = (name.to_owned(), "$5$sal$hash".to_owned());
        write(
            &mut story,
            ROOT_KEY,
            Body::Person(Box::new(LedgerPerson { name, role, home, verifier, replaces: vec![] })),
        );
    }
    story
}

pub(super) fn tap(deed: Deed) -> Tap {
    Tap { deed, ..Tap::default() }
}

fn word(answer: &Answer) -> String {
    match answer {
        Answer::Written(written) => format!("{}{}", written.kind, if written.waits { ", waits" } else { "" }),
        Answer::Issued(issued) => {
            format!("{} made{}", issued.vouchers.len(), if issued.waits { ", waits" } else { "" })
        }
        Answer::Refused { code, message } => format!("{code}: {message}"),
        other => format!("{other:?}"),
    }
}

pub(super) fn by(story: &mut Story, login: &str, tap: Tap) -> String {
    word(&story.call_by(Some(login), Call::Tap(Box::new(tap))))
}

fn books(story: &mut Story) -> Books {
    match story.call_by(Some("Tere"), Call::Books(String::new())) {
        Answer::Books(books) => *books,
        other => panic!("{other:?}"),
    }
}

/// Figures of a person: printed, held, sold, in kind, due, settled.
fn figures(books: &Books, person: &str) -> [i64; 6] {
    let line = books.people.iter().find(|line| line.person == person);
    line.map_or([0; 6], |line| [0, 1, 2, 4, 10, 11].map(|at: usize| line.figures[at]))
}

fn make(story: &mut Story, count: u16, person: &str, lot_use: LotUse) -> Answer {
    let (plan, person, key) = ("dia".to_owned(), person.to_owned(), String::new());
    story.call_by(Some("Tere"), Call::VoucherIssue(VoucherIssue { plan, count, person, key, lot_use }))
}

fn issued(answer: Answer) -> Issued {
    match answer {
        Answer::Issued(issued) => issued,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_session_is_ended_by_who_may_sell_and_by_nobody_else() {
    let mut story = village();
    let code = story.sell(1, "")[0];
    story.ask(0, log_in(&code.to_string()));
    let verifier = story.vault.end(code).0;
    for login in ["Beto", "Nico", "nadie"] {
        let answer = story.call_by(Some(login), Call::SessionEnd(verifier, None));
        assert_eq!(word(&answer), format!("no-right: {login} may not do this at this node."));
    }
    let ended = Answer::SessionEnded { verifier, devices: 1 };
    assert_eq!(story.call_by(Some("Lupe"), Call::SessionEnd(verifier, None)), ended);
    let again = word(&story.call_by(Some("Lupe"), Call::SessionEnd(verifier, None)));
    assert_eq!(again, "session-unknown: Nobody is online through this node with that.");
    assert!(matches!(story.ask(0, log_in(&code.to_string())), Page::Welcome { .. }));
}

#[test]
fn whoever_works_here_by_the_ledger_may_what_her_role_says() {
    let mut story = village();
    let spend = |amount: &str| Tap {
        amount: amount.into(),
        text: "cable".into(),
        key: "k".into(),
        ..tap(Deed::Expense)
    };
    for stranger in ["Lupe", "Nico", "Beto", "ana", "nobody"] {
        let refused = format!("no-right: {stranger} may not do this at this node.");
        assert_eq!(by(&mut story, stranger, spend("3")), refused);
    }
    assert_eq!(
        by(&mut story, "Tere", spend("0")),
        "amount: This is no amount of money: 0. An example: 12.50"
    );
    assert_eq!(by(&mut story, "Tere", spend("12.50")), "expense");
    assert_eq!(by(&mut story, "Tere", spend("12.50")), "expense", "twice is once");
    let gift = Tap { amount: "20".into(), text: "rifa".into(), ..tap(Deed::Contribute) };
    assert_eq!(by(&mut story, "Tere", gift), "contribution");
    let seen = books(&mut story);
    assert_eq!((seen.cash, seen.month.as_str(), seen.closed), (750, "2027-01", false));
    assert!(seen.may.contains(&"expense".to_owned()) && !seen.may.contains(&"person_set".to_owned()));
    let Answer::Books(hers) = story.call_by(Some("Lupe"), Call::Books(String::new())) else { panic!() };
    assert!(hers.may.contains(&"settle".to_owned()) && !hers.may.contains(&"expense".to_owned()));
    // What the node has no role for, no login of it can do.
    let notice = Tap { name: "agua".into(), text: "Hoy no hay".into(), ..tap(Deed::Notice) };
    let refused = by(&mut story, "Tere", notice);
    assert_eq!(refused, "refused: This node has no role that may sign a record of kind notice.");
    story.journal = false;
    assert!(by(&mut story, "Tere", spend("1")).starts_with("expense"), "the answer of before");
    let new = Tap { key: "n".into(), ..spend("1") };
    assert!(by(&mut story, "Tere", new.clone()).starts_with("not-saved: This node cannot save it yet"));
    story.journal = true;
    story.pass(Span::from_secs(11));
    assert_eq!(books(&mut story).cash, 650, "it was tried again by itself");
}

#[test]
fn paper_goes_out_and_comes_back_and_gifts_have_a_quota() {
    let mut story = village();
    // What nobody dates stands in no month: a sale does.
    make(&mut story, 1, "", LotUse::Sale);
    let printed = issued(make(&mut story, 3, "", LotUse::Paper));
    assert_eq!(figures(&books(&mut story), ""), [3, 0, 0, 0, 0, 0]);
    let lot = format!("{:016x}", printed.lot.0);
    let hand = |person: &str| Tap { target: lot.clone(), person: person.into(), ..tap(Deed::HandOver) };
    assert_eq!(by(&mut story, "Lupe", hand("beto")), "hand-over");
    assert_eq!(figures(&books(&mut story), "beto"), [3, 3, 0, 0, 0, 0]);
    assert_eq!(by(&mut story, "Lupe", hand("")), "hand-over");
    assert_eq!(figures(&books(&mut story), "beto"), [0; 6], "they came back");
    let unknown = Tap { target: "00".into(), ..tap(Deed::HandOver) };
    assert!(by(&mut story, "Lupe", unknown).starts_with("lot: "));
    assert_eq!(word(&make(&mut story, 1, "caro", LotUse::Paper)), "1 made");
    assert_eq!(figures(&books(&mut story), "caro"), [1, 1, 0, 0, 0, 0]);

    // The charter's quota is three of them a month.
    let work = || LotUse::InKind { reason: "work".into(), minutes: 90 };
    assert_eq!(word(&make(&mut story, 3, "mateo", work())), "3 made");
    assert_eq!(word(&make(&mut story, 1, "mateo", work())), "1 made, waits");
    let of = LotUse::InKind { reason: "amistad".into(), minutes: 0 };
    assert!(word(&make(&mut story, 1, "mateo", of)).starts_with("reason: "));
    assert_eq!(figures(&books(&mut story), "mateo")[3], 3);
    let waiting = books(&mut story).waiting;
    assert_eq!((waiting.len(), waiting[0].kind.as_str(), waiting[0].may_agree), (1, "in-kind", false));
    let agree = Tap { target: waiting[0].record.clone(), ..tap(Deed::Agree) };
    assert!(by(&mut story, "Tere", agree).starts_with("no-right: This node wrote it itself"));
    let other = as_seen_by(OTHER_KEY, &story);
    let word = other.agreement_body(other.waiting()[0]).unwrap();
    write(&mut story, OTHER_KEY, word);
    assert_eq!(figures(&books(&mut story), "mateo")[3], 4);
    // By plan it is the same, whoever did it: printed, held, sold, in kind.
    let seen = books(&mut story);
    let of_plan = |at: usize| seen.plans.iter().map(|(_, figures)| figures[at]).sum::<i64>();
    let of_people = |at: usize| seen.people.iter().map(|line| line.figures[at]).sum::<i64>();
    assert_eq!(seen.plans.iter().map(|(plan, _)| plan.as_str()).collect::<Vec<_>>(), ["dia"]);
    assert_eq!([0, 1, 2, 4].map(of_plan), [0, 1, 2, 4].map(of_people));
    assert_eq!(of_plan(4), 4);
    assert!(books(&mut story).waiting.is_empty());
}

#[test]
fn a_settlement_is_of_two_nodes_and_no_larger_than_what_is_owed() {
    let mut story = village();
    make(&mut story, 4, "", LotUse::Sale);
    let float = books(&mut story).float_left;
    let pay = |amount: &str| Tap { person: "Tere".into(), amount: amount.into(), ..tap(Deed::Settle) };
    assert_eq!(
        by(&mut story, "Lupe", pay("1.61")),
        "amount: Tere owes 1.60 here that nobody has paid, and no more."
    );
    assert_eq!(by(&mut story, "Lupe", pay("1.20")), "settlement, waits");
    assert_eq!(
        by(&mut story, "Lupe", pay("0.80")),
        "amount: Tere owes 0.40 here that nobody has paid, and no more."
    );
    assert_eq!(figures(&books(&mut story), "Tere"), [4, 0, 4, 0, 160, 0]);
    let other = as_seen_by(OTHER_KEY, &story);
    let agreement = other.agreement_body(other.waiting()[0]).unwrap();
    write(&mut story, OTHER_KEY, agreement);
    let seen = books(&mut story);
    assert_eq!(figures(&seen, "Tere"), [4, 0, 4, 0, 160, 120]);
    assert_eq!((seen.cash, seen.float_left - float), (120, 150), "the seller's part is free again, too");

    // The other way round: what another node proposes is agreed with here, once, by an admin.
    let theirs = Body::Mode(Box::new(crate::ledger::body::Mode {
        number: 1,
        mode: crate::ledger::body::NetworkMode::Night,
        reason: "fiesta".into(),
        confirms: None,
        time: None,
    }));
    let caretaker = member([6; 32], 6, Role::Caretaker);
    write(&mut story, ROOT_KEY, caretaker);
    write(&mut story, [6; 32], theirs);
    let waiting = books(&mut story).waiting;
    assert_eq!((waiting[0].kind.as_str(), waiting[0].node.as_str()), ("mode", "nodo 6"));
    let agree = Tap { target: waiting[0].record.clone(), ..tap(Deed::Agree) };
    assert_eq!(
        by(&mut story, "Tere", agree),
        "no-right: Only a node with the role caretaker can agree with that."
    );
    let nothing = Tap { target: "0011223344556677".into(), ..tap(Deed::Agree) };
    assert_eq!(by(&mut story, "Tere", nothing), "record: Nothing of that name waits for another node.");
}

/// A code of before the theft, typed at the seller's.
#[test]
fn an_exposed_coupon_is_exchanged_once_at_a_tap_and_shown_again() {
    let mut story = village();
    let old = issued(make(&mut story, 2, "", LotUse::Sale)).vouchers;
    let exchange = |code| Tap { which: Some(Which::Code(code)), ..tap(Deed::Exchange) };
    assert!(by(&mut story, "Lupe", exchange(old[0].code)).starts_with("not-exposed: "));
    assert!(matches!(story.ask(0, log_in(&old[1].code.to_string())), Page::Welcome { .. }));
    story.pass(Span::from_secs(700));
    let follows = story.node.ledger().current_epoch().map(|(id, _)| id);
    let expels = vec![Expulsion { member: STOLEN_KEY, heads: Vec::new() }];
    write(
        &mut story,
        ROOT_KEY,
        Body::Epoch(Box::new(Epoch { number: 2, follows, shares: Vec::new(), expels })),
    );
    let float = books(&mut story).float_left;

    let call = |code| Call::Tap(Box::new(exchange(code)));
    let first = issued(story.call_by(Some("Lupe"), call(old[0].code)));
    let again = issued(story.call_by(Some("Lupe"), call(old[0].code)));
    assert_eq!((first.price_cents, &first.vouchers), (0, &again.vouchers));
    assert_eq!(books(&mut story).float_left, float, "no charge, no float");
    let state = |story: &mut Story, verifier: Verifier| match story
        .call(Call::VoucherShow(Which::Verifier(verifier)))
    {
        Answer::Voucher(voucher) => (voucher.state, voucher.used_s),
        other => panic!("{other:?}"),
    };
    assert_eq!(state(&mut story, old[0].verifier).0, "revoked");
    assert!(matches!(story.ask(1, log_in(&first.vouchers[0].code.to_string())), Page::Welcome { .. }));

    // One that was in use: the session ends, and what was used is used, unless a treasurer's node says "stolen".
    let used = state(&mut story, old[1].verifier).1;
    let second = issued(story.call_by(Some("Lupe"), call(old[1].code))).vouchers[0].verifier;
    assert!(used > 0 && state(&mut story, second).1 >= used);
    assert!(!matches!(story.ask(0, story::status()), Page::Status { .. }));
    let waiting = books(&mut story).waiting;
    assert_eq!((waiting.len(), waiting[0].kind.as_str()), (1, "exchange"));
    let other = as_seen_by(OTHER_KEY, &story);
    let agreement = other.agreement_body(other.waiting()[0]).unwrap();
    write(&mut story, OTHER_KEY, agreement);
    assert_eq!(state(&mut story, second).1, 0);
    assert!(by(&mut story, "Lupe", tap(Deed::Exchange)).starts_with("voucher: "));
}

#[test]
fn an_extension_is_of_a_voucher_and_a_lost_one_is_honoured_by_an_officer() {
    let mut story = village();
    let sold = issued(make(&mut story, 1, "", LotUse::Sale)).vouchers[0].clone();
    let longer = Tap {
        which: Some(Which::Code(sold.code)),
        seconds: 600,
        limits: [0, 50, 0, 0],
        text: "no hubo luz".into(),
        key: "x".into(),
        ..tap(Deed::Extend)
    };
    assert!(by(&mut story, "Lupe", longer.clone()).starts_with("no-right"));
    assert_eq!(by(&mut story, "Tere", longer.clone()), "extension");
    assert_eq!(by(&mut story, "Tere", longer.clone()), "extension", "twice is once");
    let extended = story.node.ledger().voucher(sold.verifier).unwrap().extended;
    assert_eq!((extended.seconds, extended.data_mb), (600, 50));
    let nothing = Tap { seconds: 0, limits: [0; 4], key: "y".into(), ..longer };
    assert!(by(&mut story, "Tere", nothing).contains("seconds, days or data"));
    let honour = Tap {
        which: Some(Which::Code(sold.code)),
        plan: "dia".into(),
        text: "se quemó".into(),
        ..tap(Deed::Honour)
    };
    assert!(by(&mut story, "Tere", honour).starts_with("voucher: This voucher is known"));
}

#[test]
fn more_data_reach_whoever_is_online_with_the_voucher() {
    let mut story = village();
    let plan = Tap {
        plan: "dia".into(),
        name: "Un d\u{ed}a".into(),
        amount: "1".into(),
        days: 2,
        ..tap(Deed::Plan)
    };
    assert_eq!(by(&mut story, "Tere", Tap { limits: [1, 500, 0, 0], text: "0".into(), ..plan }), "plan");
    let sold = issued(make(&mut story, 1, "", LotUse::Sale)).vouchers[0].clone();
    let Page::Welcome { session, .. } = story.ask(1, log_in(&sold.code.to_string())) else { panic!() };
    assert_eq!(session.bytes_left, Some(500_000_000));
    let more = Tap { which: Some(Which::Verifier(sold.verifier)), ..tap(Deed::Extend) };
    let more = Tap { limits: [0, 50, 0, 0], text: "no hubo luz".into(), ..more };
    assert_eq!(by(&mut story, "Tere", more), "extension");
    let Page::Status { session, .. } = story.ask(1, story::status()) else { panic!() };
    assert_eq!(session.bytes_left, Some(550_000_000));
}

#[test]
fn a_recorded_day_of_deeds_replays_and_holds_no_code() {
    let mut story = village();
    story.record();
    let sold = issued(make(&mut story, 2, "", LotUse::Sale)).vouchers;
    make(&mut story, 1, "caro", LotUse::Paper);
    let pay = Tap { person: "Tere".into(), amount: "0.40".into(), ..tap(Deed::Settle) };
    by(&mut story, "Lupe", pay);
    let follows = story.node.ledger().current_epoch().map(|(id, _)| id);
    let expels = vec![Expulsion { member: STOLEN_KEY, heads: Vec::new() }];
    write(
        &mut story,
        ROOT_KEY,
        Body::Epoch(Box::new(Epoch { number: 2, follows, shares: Vec::new(), expels })),
    );
    let exchange = Tap { which: Some(Which::Code(sold[0].code)), ..tap(Deed::Exchange) };
    assert_eq!(by(&mut story, "Lupe", exchange), "1 made");
    books(&mut story);
    let replayed = replay(&story.recording, |_, _, _| {}).unwrap();
    assert!(!replayed.torn && replayed.steps > 10, "{replayed:?}");
    let code = sold[0].code.bits().to_be_bytes();
    assert!(!story.recording.windows(8).any(|window| window == code));
}

#[test]
fn a_treasurers_node_puts_plans_on_sale_and_paper_stays_what_it_was() {
    let mut story = village();
    let before = paper_of(&mut story);
    let plan = |price: &str, limits| Tap {
        plan: "dia".into(),
        name: "Un d\u{ed}a entero".into(),
        amount: price.into(),
        text: "0.25".into(),
        prefixes: "escuela=0.15, pozo=0.10".into(),
        target: "06:00-22:00 UTC-06:00".into(),
        days: 2,
        limits,
        ..tap(Deed::Plan)
    };
    let refused = "no-right: Lupe may not do this at this node.";
    assert_eq!(by(&mut story, "Lupe", plan("1", [0; 4])), refused);
    for (wrong, why) in [
        (
            Tap { amount: "x".into(), ..plan("1", [0; 4]) },
            "plan-terms: This is no amount of money: x. An example: 12.50",
        ),
        (Tap { text: "y".into(), ..plan("1", [0; 4]) }, "plan-terms: This is no amount of money: y."),
        (plan("0.40", [0; 4]), "plan-terms: the shares are more than the price"),
        (Tap { prefixes: "z".into(), ..plan("1", [0; 4]) }, "plan-terms: `z` is no share"),
        (Tap { target: "day".into(), ..plan("1", [0; 4]) }, "plan-terms: Hours are like"),
        (Tap { days: 0, ..plan("1", [0; 4]) }, "plan-terms: Say how long it lasts"),
        (Tap { plan: "D\u{ed}a".into(), ..plan("1", [0; 4]) }, "refused: "),
        (plan("1", [17, 0, 0, 0]), "refused: "),
        (plan("1", [u32::MAX; 4]), "refused: "),
    ] {
        let said = by(&mut story, "Tere", wrong);
        assert!(said.starts_with(why), "{said}");
    }
    assert_eq!(by(&mut story, "Tere", plan("1", [2, 500, 4_000, 1_000])), "plan");
    let (_, now) = story.node.ledger().plan("dia").unwrap();
    assert_eq!((now.measure, now.devices), (PlanMeasure::DaysFromFirstUse { days: 2 }, 2));
    assert_eq!((now.data_mb, now.rate_down_kbps, now.rate_up_kbps), (Some(500), 4_000, 1_000));
    let shares: Vec<_> = now.shares.iter().map(|share| (share.to.as_str(), share.amount)).collect();
    assert_eq!((now.price, now.seller_share), (100, 25));
    assert_eq!(shares, [("escuela", 15), ("pozo", 10), ("community", 50)]);
    assert!(now.hours.is_some() && now.replaces.len() == 1);
    let used = Tap { seconds: 3_600, plan: "uso".into(), target: String::new(), ..plan("1", [0; 4]) };
    assert_eq!(by(&mut story, "Tere", used), "plan");
    let (_, used) = story.node.ledger().plan("uso").unwrap();
    assert_eq!(used.measure, PlanMeasure::UsedSeconds { seconds: 3_600, within_days: Some(2) });
    assert_eq!((used.devices, used.data_mb, used.hours), (1, None, None));
    let Answer::Plans(plans) = story.call_by(Some("Tere"), Call::Plans) else { panic!() };
    assert_eq!(
        plans.iter().filter(|plan| plan.id == "dia").map(|plan| plan.data_mb).collect::<Vec<_>>(),
        [Some(500)]
    );
    let elsewhere = |sellers: &str| Tap { sellers: sellers.into(), key: String::new(), ..plan("1", [0; 4]) };
    assert_eq!(by(&mut story, "Tere", elsewhere("nobody")), "node: There is no member nobody.");
    let of = |story: &Story, key: &[u8; 32]| {
        story.node.ledger().members().find(|state| state.member.key == *key).unwrap().member.name.clone()
    };
    let (own, other) = (of(&story, &OWN_KEY), of(&story, &OTHER_KEY));
    assert_eq!(by(&mut story, "Tere", elsewhere(&other)), "plan");
    let Answer::Refused { code, message } = make(&mut story, 1, "", LotUse::Sale) else { panic!() };
    assert_eq!((code.as_str(), message), ("plan-elsewhere", format!("The plan dia is sold at {other}.")));
    let Answer::Plans(plans) = story.call_by(Some("Tere"), Call::Plans) else { panic!() };
    let told = plans.into_iter().find(|plan| plan.id == "dia").map(|plan| (plan.sellers, plan.sold_here));
    assert_eq!(told, Some((vec![other.clone()], false)));
    assert_eq!(by(&mut story, "Tere", elsewhere(&format!(" {own}, {other}"))), "plan");
    issued(make(&mut story, 1, "", LotUse::Sale));
    let paper = story.node.ledger().voucher(before).unwrap().plan;
    assert_eq!((paper.price, paper.data_mb), (50, None), "what is printed stays what it was");
}

/// A voucher on paper of the plan as it is.
fn paper_of(story: &mut Story) -> Verifier {
    match make(story, 1, "Lupe", LotUse::Paper) {
        Answer::Issued(issued) => issued.vouchers[0].verifier,
        other => panic!("{other:?}"),
    }
}
