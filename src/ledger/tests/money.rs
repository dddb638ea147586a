//! Whole minor units, and every voucher in exactly one row.

use super::super::body::{Body, PlanMeasure, Sale};
use super::super::{Ledger, Plan};
use super::village::{NOON, Village, hour};

fn rows(ledger: &Ledger) -> Vec<(String, String, [u64; 4], [u64; 3])> {
    let row = |total: super::super::report::Total| {
        let counts = [total.printed, total.sold, total.activated, total.void];
        (total.person, total.plan, counts, [total.taken, total.seller_share, total.owed])
    };
    ledger.report().totals.into_iter().map(row).collect()
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
    let wrong = Body::Plan(Plan { price: 51, ..hour() });
    assert!(village.treasurer.ledger.draft(wrong.clone()).is_err());
    let record = village.treasurer.forge(9, None, &wrong);
    village.spread(record);
    assert_eq!(village.seller.ledger.plan("hora").unwrap().1.price, 50);
    let endless = Body::Plan(Plan { seller_share: u64::MAX, ..hour() });
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
    let record = village.treasurer.write(Body::Plan(cellular)).unwrap();
    village.spread(record);
    let plan = village.seller.ledger.plan("celular").unwrap().0;
    let sale =
        Sale { verifiers: vec![], person: "ana".into(), price: 50, plan, external_count: 3, time: NOON };
    let record = village.seller.write(Body::Sale(sale)).unwrap();
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
