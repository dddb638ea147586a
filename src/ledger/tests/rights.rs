//! A record without the right is kept and changes nothing.

use super::super::account::Figure;
use super::super::body::{Body, Epoch, Expulsion, Grant, Issue, Sale, SealedShare};
use super::super::{DraftError, Kind, Ledger, Member, Plan, VoucherState};
use super::village::{NOON, Node, Village, busy, charter, hour, member, proof, rare};
use crate::base::voucher::{IssuerNumber, LotId};
use crate::ledger::rights::{Role, Signer, may_sign};

/// What the village would see of it if it counted.
fn unchanged_by(village: &mut Village, record: Vec<u8>) {
    let before = village.root.ledger.clone();
    let outcome = village.root.ledger.handle_record(&record).unwrap();
    let after = &village.root.ledger;
    assert!(outcome.new, "{:?} is kept", outcome.kind);
    assert!(after.members().eq(before.members()));
    assert!(after.plans().eq(before.plans()));
    assert_eq!(after.charter(), before.charter());
    assert_eq!(after.current_epoch(), before.current_epoch());
    assert_eq!(after.report().totals, before.report().totals);
    let uncounted = after.report().uncounted;
    assert!(uncounted.iter().any(|line| line.record == outcome.id), "{:?} is reported", outcome.kind);
}

#[test]
fn a_seller_makes_no_member_plan_charter_epoch_or_grant() {
    let mut village = Village::new();
    let (epoch, number) = village.root.ledger.current_epoch().unwrap();
    let share = SealedShare { member: village.seller.id(), sealed: vec![1; 112] };
    let bodies = [
        Body::Charter(Box::new(charter(village.seller.id()))),
        Body::Charter(Box::new(charter(village.root.id()))),
        Body::Member(Box::new(member([42; 32], 42, &[]))),
        Body::Plan(Box::new(Plan { price: 0, seller_share: 0, shares: vec![], ..hour() })),
        Body::Epoch(Box::new(Epoch { number: 2, follows: Some(epoch), shares: vec![], expels: vec![] })),
        Body::Grant(Box::new(Grant { epoch, number, share })),
    ];
    for body in bodies {
        let kind = body.kind().unwrap();
        assert_eq!(village.seller.write(body.clone()), Err(DraftError::NoRight { kind }));
        let record = village.seller.forge(7_000_000, None, &body);
        unchanged_by(&mut village, record);
    }
}

#[test]
fn an_officer_admits_ordinary_members_and_no_officers() {
    let mut village = Village::new();
    let key = Node::new(9).id();
    let record = village
        .officer
        .write(Body::Member(Box::new(member(key, 9, &[Role::Seller, Role::Hotspot]))))
        .unwrap();
    village.spread(record);
    assert!(village.seller.ledger.members().any(|state| state.member.key == key));
    for role in [Role::Officer, Role::Treasurer] {
        let body = Body::Member(Box::new(member([42; 32], 42, &[role])));
        assert_eq!(village.officer.write(body.clone()), Err(DraftError::NoRight { kind: Kind::Member }));
        let record = village.officer.forge(7_000_000, None, &body);
        unchanged_by(&mut village, record);
    }
    // Nor does it take an office away.
    let (id, state) = village
        .root
        .ledger
        .members()
        .find(|state| state.member.roles.has(Role::Treasurer))
        .map(|state| (state.record, state.member.clone()))
        .unwrap();
    let body = Body::Member(Box::new(Member { replaces: vec![id], ..member(state.key, 2, &[Role::Seller]) }));
    assert_eq!(village.officer.write(body.clone()), Err(DraftError::NoRight { kind: Kind::Member }));
    let record = village.officer.forge(7_000_001, None, &body);
    unchanged_by(&mut village, record);
}

#[test]
fn an_epoch_follows_a_counted_one_and_of_two_the_lower_id_wins() {
    let mut village = Village::new();
    let (epoch, _) = village.root.ledger.current_epoch().unwrap();
    for body in [
        Epoch { number: 3, follows: Some(epoch), shares: vec![], expels: vec![] },
        Epoch { number: 2, follows: Some(super::super::RecordId([5; 32])), shares: vec![], expels: vec![] },
    ] {
        let record = village.officer.forge(7_000_000, None, &Body::Epoch(Box::new(body)));
        unchanged_by(&mut village, record);
    }
    let share = |fill| SealedShare { member: [fill; 32], sealed: vec![fill; 112] };
    let second = |fill| {
        Body::Epoch(Box::new(Epoch {
            number: 2,
            follows: Some(epoch),
            shares: vec![share(fill)],
            expels: vec![],
        }))
    };
    let rivals = [village.officer.write(second(1)).unwrap(), village.root.write(second(2)).unwrap()];
    let lower = rivals.iter().map(|bytes| super::super::Record::parse(bytes).unwrap().id).min();
    rivals.into_iter().for_each(|record| village.spread(record));
    assert_eq!(village.seller.ledger.current_epoch(), lower.map(|id| (id, 2)));
}

#[test]
fn a_share_reaches_its_member_by_epoch_or_by_grant() {
    let mut village = Village::new();
    let (epoch, number) = village.root.ledger.current_epoch().unwrap();
    let first = village.seller.ledger.own_share().unwrap();
    assert_eq!((first.epoch, first.sealed.as_slice()), (number, &[7; 112][..]));
    let community = village.root.ledger.community().unwrap();
    let context = super::super::share_context(&community, Kind::Grant, 1, &village.seller.id());
    assert_eq!(first.context, context);
    assert_eq!(village.other.ledger.own_share(), None);
    let shares = vec![SealedShare { member: village.other.id(), sealed: vec![8; 112] }];
    let body = Body::Epoch(Box::new(Epoch { number: 2, follows: Some(epoch), shares, expels: vec![] }));
    let record = village.officer.write(body).unwrap();
    village.spread(record);
    let share = village.other.ledger.own_share().unwrap();
    assert_eq!((share.epoch, share.sealed.as_slice()), (2, &[8; 112][..]));
    assert_eq!(village.seller.ledger.own_share(), None, "no share of the current epoch yet");
    assert_eq!(village.seller.ledger.own_shares(), [first]);
}

#[test]
fn a_seller_sells_and_voids_only_its_own_vouchers() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..20);
    let plan = village.root.ledger.plan("hora").unwrap().0;
    let sale = |price| Sale {
        verifiers: vouchers[..1].to_vec(),
        person: "carla".into(),
        price,
        plan,
        external_count: 0,
        time: NOON,
    };
    assert_eq!(
        village.other.write(Body::Sale(Box::new(sale(50)))),
        Err(DraftError::NotOurs { verifier: vouchers[0] })
    );
    let foreign = village.other.forge(1, None, &Body::Sale(Box::new(sale(50))));
    let cheap = village.seller.forge(7_000_000, None, &Body::Sale(Box::new(sale(1))));
    let void = Ledger::revocation_body(vouchers[..1].to_vec(), "porque sí");
    assert_eq!(village.other.write(void.clone()), Err(DraftError::NotOurs { verifier: vouchers[0] }));
    let void = village.other.forge(2, None, &void);
    [foreign, cheap, void].into_iter().for_each(|record| village.spread(record));
    assert_eq!(village.root.ledger.voucher(vouchers[0]).unwrap().state(), VoucherState::Printed);
}

#[test]
fn a_copied_lot_takes_no_voucher_over() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..12);
    let plan = village.root.ledger.plan("hora").unwrap().0;
    let epoch = village.root.ledger.current_epoch().unwrap().0;
    // Under its own number the copy shows another issuer; under the victim's it does not count.
    for (seq, issuer) in [(1, 4), (2, 3)] {
        let body = Issue {
            lot: LotId(666),
            epoch,
            plan,
            verifiers: vouchers.clone(),
            issuer: IssuerNumber(issuer),
            for_exchange: false,
        };
        let record = village.other.forge(seq, None, &Body::Issue(Box::new(body)));
        village.spread(record);
    }
    let voucher = village.root.ledger.voucher_of(IssuerNumber(3), vouchers[0]).unwrap();
    assert_eq!((voucher.node, voucher.lot), (village.seller.id(), LotId(1)));
    village.sell(&vouchers, "ana");
    village.activate(10, NOON);
    assert_eq!(village.root.ledger.voucher(vouchers[0]).unwrap().node, village.seller.id());
    let totals = village.root.ledger.report().totals;
    let figures: Vec<_> = totals
        .iter()
        .filter(|total| !total.node.is_empty())
        .map(|total| {
            (total.node.as_str(), total.figures.of(Figure::Sold), total.figures.of(Figure::Activated))
        })
        .collect();
    assert_eq!(figures, [("nodo 3", 2, 1), ("nodo 4", 0, 0)], "the copy earns nothing and hides nothing");
}

#[test]
fn the_float_bounds_what_a_seller_can_make() {
    let mut village = Village::new();
    village.issue(1, 10..110);
    assert_eq!(village.seller.ledger.float_left(), 5_000);
    village.issue(2, 110..210);
    assert_eq!(village.seller.ledger.float_left(), 0);
    let more = vec![village.verifier(3, 250)];
    let body = village.seller.ledger.issue_body(LotId(3), "hora", more.clone()).unwrap();
    let refused = village.seller.write(body.clone());
    assert_eq!(refused, Err(DraftError::Float { needed: 50, left: 0 }));
    let record = village.seller.forge(7_000_000, None, &body);
    unchanged_by(&mut village, record);
    assert!(village.root.ledger.voucher(more[0]).is_none());
}

#[test]
fn nobody_writes_what_makes_no_sense() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..12);
    let device = village.seller.ledger.device_body(vouchers[0], [1; 8], None, None, None);
    let here = Err(DraftError::NotActivatedHere { verifier: vouchers[0] });
    assert_eq!(village.seller.write(device), here);
    let strange = village.verifier(3, 99);
    let unknown = DraftError::UnknownVoucher { verifier: strange };
    assert_eq!(village.seller.ledger.sale_body(vec![strange], "ana", NOON), Err(unknown.clone()));
    assert_eq!(village.seller.write(Ledger::activation_body(strange, proof(99), NOON)), Err(unknown));
    village.sell(&vouchers, "ana");
    let again = village.seller.ledger.sale_body(vouchers.clone(), "ana", NOON).unwrap();
    assert_eq!(village.seller.write(again), Err(DraftError::AlreadySold { verifier: vouchers[0] }));
    let twice = village.seller.ledger.issue_body(LotId(9), "hora", vouchers.clone()).unwrap();
    assert!(matches!(village.seller.write(twice), Err(DraftError::Value { .. })));
    let record = village.seller.write(Ledger::revocation_body(vouchers.clone(), "error")).unwrap();
    village.spread(record);
    let void = Err(DraftError::Revoked { verifier: vouchers[0] });
    assert_eq!(village.seller.write(Ledger::activation_body(vouchers[0], proof(10), NOON)), void);
    assert_eq!(
        village.seller.ledger.issue_body(LotId(9), "nada", vec![strange]),
        Err(DraftError::NoPlan { id: "nada".into() })
    );
    let mut stranger = Node::new(77);
    assert_eq!(stranger.write(Body::Plan(Box::new(hour()))), Err(DraftError::NoCommunity));
    stranger.take(&village.records);
    assert_eq!(stranger.write(Body::Plan(Box::new(hour()))), Err(DraftError::NoRight { kind: Kind::Plan }));
}

#[test]
fn the_merge_applies_the_table_cell_by_cell_and_to_the_expelled_not_at_all() {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..20);
    let mut bodies: Vec<Body> = rare(&village, &vouchers).into_iter().map(|(_, body)| body).collect();
    let known: Vec<Body> = busy().root.ledger.records().map(|record| record.body.clone()).collect();
    for kind in Kind::all() {
        if bodies.iter().all(|body| body.kind() != Some(kind)) {
            bodies.extend(known.iter().find(|body| body.kind() == Some(kind)).cloned());
        }
    }
    assert_eq!(bodies.len(), Kind::all().count(), "one body of each kind");
    let roles: Vec<Option<Role>> = std::iter::once(None).chain(Role::ALL.map(Some)).collect();
    let mut nodes: Vec<Node> = (0..roles.len()).map(|at| Node::new(100 + at as u8)).collect();
    for (at, (node, role)) in nodes.iter().zip(&roles).enumerate() {
        let given: Vec<Role> = role.iter().copied().collect();
        let body =
            Body::Member(Box::new(Member { slot: None, ..member(node.id(), 100 + at as u16, &given) }));
        let record = village.root.write(body).unwrap();
        village.spread(record);
    }
    let records = village.records.clone();
    nodes.iter_mut().for_each(|node| node.take(&records));
    let sign =
        |node: &Node, body: &Body| super::super::Record::parse(&node.forge(1 << 40, None, body)).unwrap();
    for body in &bodies {
        let kind = body.kind().unwrap();
        for (node, role) in nodes.iter().zip(&roles) {
            let by_role = role.is_some_and(|role| may_sign(kind, Signer::Role(role)));
            let expected = by_role || may_sign(kind, Signer::Member);
            let counts = village.treasurer.ledger.authority.entitled(&sign(node, body));
            assert_eq!(counts, expected, "{kind} by a member with {role:?}");
        }
        let stranger = super::super::Record::parse(&{
            let mut stranger = Node::new(200);
            stranger.take(&records[..1]);
            stranger.forge(1, None, body)
        });
        assert!(!village.treasurer.ledger.authority.entitled(&stranger.unwrap()), "{kind} by a stranger");
        let by_root = village.treasurer.ledger.authority.entitled(&sign(&village.root, body));
        assert_eq!(by_root, may_sign(kind, Signer::Root), "{kind} by the root");
    }
    let (follows, number) = village.root.ledger.current_epoch().unwrap();
    let expels = nodes.iter().map(|node| Expulsion { member: node.id(), heads: vec![] }).collect();
    let body =
        Body::Epoch(Box::new(Epoch { number: number + 1, follows: Some(follows), shares: vec![], expels }));
    let record = village.root.write(body).unwrap();
    village.spread(record);
    for body in &bodies {
        for node in &nodes {
            assert!(!village.treasurer.ledger.authority.entitled(&sign(node, body)), "{body:?}");
        }
    }
}
