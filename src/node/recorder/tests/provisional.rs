//! Codes whose lots are not here, one sentence of the rules after the other.

use super::*;
use crate::hotspot::portal::Page;
use crate::hotspot::request::Method;
use crate::ledger::body::{Expulsion, SealedShare};
use crate::ledger::sync::{Event, Link, Place, StreamId};
use crate::ledger::{Charter, RecordId, VoucherState};
use crate::node::call::{Call, Caller};
use story::portal;

/// Sellers of the far side, by number; 9 admits guests and sells nothing.
const SELLERS: [u16; 3] = [5, 6, 7];

/// Signs for the root, which made [`community`].
struct Root(Ledger);

impl Root {
    fn new() -> Self {
        let mut ledger = Ledger::new(ROOT_KEY, 1_000);
        ledger.handle_journal(community().iter().map(Vec::as_slice));
        Self(ledger)
    }

    fn write(&mut self, body: Body) -> Vec<u8> {
        let draft = self.0.draft(body).expect("the root may");
        self.0.complete(draft, [7; 64])
    }

    fn rotate(&mut self, expels: Vec<Expulsion>, sealed_to: [u8; 32]) -> Vec<u8> {
        let (follows, number) = self.0.current_epoch().unwrap();
        let shares = [OWN_KEY, sealed_to].map(|member| SealedShare { member, sealed: vec![1; 112] }).to_vec();
        self.write(Body::Epoch(Box::new(Epoch {
            number: number + 1,
            follows: Some(follows),
            shares,
            expels,
        })))
    }
}

fn seller_key(number: u16) -> [u8; 32] {
    [number as u8 + 100; 32]
}

fn seller(number: u16, roles: Roles) -> Body {
    Body::Member(Box::new(Member {
        key: seller_key(number),
        dh: [number as u8; 32],
        name: format!("nodo {number}"),
        number: IssuerNumber(number),
        slot: Some(number as u8),
        roles,
        float: 100_000,
        replaces: Vec::new(),
        heads: Vec::new(),
        instead_of: None,
    }))
}

/// A node that has been on for eleven minutes and reaches nobody, with sellers that are somewhere else.
fn split() -> (Story, Root) {
    let (mut story, mut root) = (Story::new(PHONES, 0), Root::new());
    let sells = Roles::NONE.with(Role::Seller);
    let mut records: Vec<Vec<u8>> = SELLERS.iter().map(|number| root.write(seller(*number, sells))).collect();
    records.push(root.write(seller(9, Roles::NONE.with(Role::Hotspot))));
    records.push(root.rotate(Vec::new(), seller_key(5)));
    story.step(Input::Records(records));
    story.pass(Span::from_secs(660));
    (story, root)
}

fn is_in(story: &mut Story, code: Code) -> bool {
    // A second code would wait behind the first.
    story.ask(0, portal(Method::Post, "/logout"));
    matches!(story.log_in(0, code), Page::Welcome { .. })
}

fn place() -> Place {
    Place { interface: InterfaceIndex(3), address: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 5) }
}

/// A stream of a member stands.
fn reach(story: &mut Story, number: u16) {
    let link = Link { place: place(), dh: [number as u8; 32], dialled: false };
    story.step(Input::Exchange(Event::Opened(StreamId(1), link)));
    // An empty path: the member is known, and the stream has proved its key.
    story.step(Input::Exchange(Event::Message { stream: StreamId(1), bytes: vec![0x82, 0, 0x80] }));
}

fn alerts(story: &Story) -> Vec<String> {
    story.node.alerts().into_iter().map(|alert| alert.code).collect()
}

#[test]
fn a_code_of_a_lot_that_is_not_here_is_served_and_booked_when_the_lot_comes() {
    let (mut story, mut root) = split();
    let code = story.vault.foreign(5, 1);
    assert!(is_in(&mut story, code));
    // On the plan that the charter names: one device.
    let (verifier, _) = story.vault.end(code);
    let sessions =
        |story: &Story| story.node.hotspot().unwrap().report(Instant::from_millis(1)).sessions.len();
    assert_eq!(sessions(&story), 1);
    assert!(matches!(story.log_in(1, code), Page::Welcome { .. }), "another phone: the older one yields");
    assert!(!matches!(story.ask(0, super::story::status()), Page::Status { .. }));
    story.pass(Span::from_secs(1_300));
    assert!(story.node.ledger().voucher(verifier).is_none());
    let used = story.node.ledger().served_unknown(verifier).unwrap();
    assert!((1_000..1_300).contains(&used.used_s), "{used:?}");
    // The seller is reached again, and its lot is late: nobody is cut, and a phone may come back.
    reach(&mut story, 5);
    story.pass(Span::from_secs(60));
    assert_eq!(sessions(&story), 1);
    assert!(matches!(story.log_in(1, code), Page::Welcome { .. }));
    // A restart in between loses nothing of it.
    let mut theirs = Ledger::new(seller_key(5), 5);
    let known: Vec<Vec<u8>> = root.0.written().collect();
    theirs.handle_journal(known.iter().map(Vec::as_slice));
    let lot = theirs.issue_body(crate::base::voucher::LotId(5), "hora", vec![verifier]).unwrap();
    let draft = theirs.draft(lot).unwrap();
    let lot = theirs.complete(draft, [7; 64]);
    story.step(Input::Records(vec![lot.clone()]));
    let voucher = story.node.ledger().voucher(verifier).unwrap();
    assert_eq!(voucher.state(), VoucherState::Activated);
    assert!(voucher.used_s() >= u64::from(used.used_s), "{} s are booked", voucher.used_s());
    root.0.handle_stored(&lot).unwrap();
    assert_eq!(
        root.0.voucher(verifier).unwrap().used_s(),
        0,
        "what it learns from this node is in its records"
    );
    let records: Vec<Vec<u8>> = story.node.ledger().written().collect();
    root.0.handle_journal(records.iter().map(Vec::as_slice));
    assert!(root.0.voucher(verifier).unwrap().used_s() >= u64::from(used.used_s));
    assert!(matches!(story.log_in(0, code), Page::Welcome { .. }), "and it goes on as what was sold");
}

#[test]
fn who_reaches_the_seller_or_did_a_moment_ago_refuses_and_says_so() {
    let (mut story, _) = split();
    let code = story.vault.foreign(5, 1);
    reach(&mut story, 5);
    assert!(!is_in(&mut story, code), "no session from a miss while the issuer is reachable");
    assert!(alerts(&story).contains(&"lot-missing".to_owned()));
    // Its stream ends: for ten minutes it is no split.
    story.pass(Span::from_secs(40));
    story.step(Input::Exchange(Event::Closed(StreamId(1))));
    for _ in 0..9 {
        assert!(!is_in(&mut story, code));
        story.pass(Span::from_secs(60));
    }
    story.pass(Span::from_secs(120));
    assert!(is_in(&mut story, code));
    // Another seller's codes were served all the time.
    let (mut story, _) = split();
    reach(&mut story, 5);
    let code = story.vault.foreign(6, 1);
    assert!(is_in(&mut story, code));
}

#[test]
fn nothing_is_served_in_the_first_ten_minutes_after_a_start() {
    let (mut story, mut root) = (Story::new(PHONES, 0), Root::new());
    let records =
        [root.write(seller(5, Roles::NONE.with(Role::Seller))), root.rotate(Vec::new(), seller_key(5))];
    story.step(Input::Records(records.to_vec()));
    let code = story.vault.foreign(5, 1);
    for _ in 0..9 {
        story.pass(Span::from_secs(60));
        assert!(!is_in(&mut story, code));
    }
    story.pass(Span::from_secs(120));
    assert!(is_in(&mut story, code));
}

#[test]
fn only_a_seller_s_code_under_the_present_untainted_secret_is_served() {
    let (mut story, mut root) = split();
    let [relay, nobody] = [9, 77].map(|number| story.vault.foreign(number, 1));
    assert!(!is_in(&mut story, relay), "who does not sell");
    assert!(!is_in(&mut story, nobody), "a number of nobody");
    let code = story.vault.foreign(5, 1);
    story.vault.newest = false;
    assert!(!is_in(&mut story, code), "a tag of an earlier secret");
    story.vault.newest = true;
    assert!(is_in(&mut story, code));
    // Two sides of a split have expelled each other's: the secret is known to one of them.
    let expels = vec![Expulsion { member: seller_key(7), heads: Vec::<RecordId>::new() }];
    let record = root.rotate(expels, seller_key(7));
    story.step(Input::Records(vec![record]));
    assert!(story.node.ledger().is_tainted());
    let code = story.vault.foreign(6, 1);
    assert!(!is_in(&mut story, code), "a tainted secret");
}

#[test]
fn a_community_that_names_no_plan_for_them_serves_none() {
    let (mut story, mut root) = split();
    let replaces = root.0.charter_record().into_iter().collect();
    let charter = Charter { provisional_plan: None, replaces, ..charter(ROOT_KEY) };
    let record = root.write(Body::Charter(Box::new(charter)));
    story.step(Input::Records(vec![record]));
    let code = story.vault.foreign(5, 1);
    assert!(!is_in(&mut story, code));
    assert_eq!(alerts(&story).iter().filter(|code| *code == "lot-missing").count(), 0);
}

#[test]
fn fifty_codes_of_an_issuer_and_a_hundred_in_all_are_served() {
    let (mut story, _) = split();
    let serve = |story: &mut Story, issuer: u16| {
        let served = (1..=60).filter(|number| {
            let code = story.vault.foreign(issuer, 1_000 + *number);
            story.pass(Span::from_secs(10));
            is_in(story, code)
        });
        served.count()
    };
    assert_eq!(SELLERS.map(|issuer| serve(&mut story, issuer)), [50, 50, 0]);
}

#[test]
fn a_day_of_use_is_the_most_and_an_hour_s_plan_gives_an_hour() {
    for (days, most_s) in [(false, 3_600), (true, 86_400)] {
        let (mut story, mut root) = split();
        if days {
            let plan = Plan {
                id: "mes".into(),
                measure: PlanMeasure::DaysFromFirstUse { days: 30 },
                ..root.0.plan("hora").unwrap().1.clone()
            };
            let replaces = root.0.charter_record().into_iter().collect();
            let provisional_plan = Some("mes".into());
            let records = [
                root.write(Body::Plan(Box::new(plan))),
                root.write(Body::Charter(Box::new(Charter {
                    provisional_plan,
                    replaces,
                    ..charter(ROOT_KEY)
                }))),
            ];
            story.step(Input::Records(records.to_vec()));
        }
        let code = story.vault.foreign(5, 1);
        assert!(is_in(&mut story, code));
        let report = story.node.hotspot().unwrap().report(Instant::from_millis(1));
        assert_eq!(report.sessions[0].remaining.as_secs(), u64::from(most_s));
        story.pass(Span::from_secs(u64::from(most_s) + 60));
        assert!(!is_in(&mut story, code), "it is used up");
        let (verifier, _) = story.vault.end(code);
        let used = story.node.ledger().served_unknown(verifier).unwrap().used_s;
        assert!(used.abs_diff(most_s) <= 30, "{used} of {most_s} s");
    }
}

#[test]
fn after_a_thousand_wrong_tags_in_a_day_none_is_served_until_a_person_logs_in() {
    let (mut story, _) = split();
    let known = story.sell(1, "")[0];
    let wrong = |story: &mut Story, count: u64| {
        for number in 0..count {
            story.pass(Span::from_secs(60));
            let code = Code::from_bits(5 << 51 | number << 20 | 1);
            assert!(!is_in(story, code));
        }
    };
    wrong(&mut story, 998);
    let early = story.vault.foreign(5, 1);
    assert!(is_in(&mut story, early));
    wrong(&mut story, 2);
    let code = story.vault.foreign(5, 2);
    assert!(!is_in(&mut story, code), "somebody searches");
    assert!(matches!(story.log_in(1, known), Page::Welcome { .. }), "known lots go on");
    // A program of root's is no person.
    story.call(Call::Status);
    assert!(!is_in(&mut story, code));
    let request = RequestId(900_000);
    let caller = Caller { login: Some("ana".into()) };
    story.step(Input::Call { request, caller, call: Call::Status });
    assert!(is_in(&mut story, code));
}
