//! Plans that some members alone may sell.

use super::super::{Body, DraftError, Ledger, Plan};
use super::village::{Village, hour};
use crate::base::voucher::LotId;

#[test]
fn a_plan_that_names_its_sellers_is_sold_by_nobody_else_whatever_came_first() {
    let mut village = Village::new();
    let seller = village.seller.id();
    let name = {
        let mut members = village.root.ledger.members().map(|state| &state.member);
        members.find(|member| member.key == seller).unwrap().name.clone()
    };
    let plan = Plan { id: "beca".into(), sellers: Some(vec![seller]), ..hour() };
    let plan = village.treasurer.write(Body::Plan(Box::new(plan))).unwrap();
    village.spread(plan.clone());
    let named = village.root.ledger.plan("beca").unwrap().0;
    let lot = |node: &Ledger, verifier| node.issue_body(LotId(7), "beca", vec![verifier]);
    let (good, bad) = (village.verifier(3, 70), village.verifier(4, 71));
    let refused = lot(&village.other.ledger, bad).and_then(|body| village.other.write(body));
    assert!(matches!(refused, Err(DraftError::Value { what: "this plan is sold at other nodes" })));
    let body = lot(&village.seller.ledger, good).unwrap();
    let sold = village.seller.write(body).unwrap();
    // Somebody with another seller's key, and another program.
    let mut forged = village.other.ledger.issue_body(LotId(8), "hora", vec![bad]).unwrap();
    let Body::Issue(issue) = &mut forged else { panic!() };
    issue.plan = named;
    let forged = village.other.forge(1 << 41, None, &forged);
    let before = village.root.ledger.clone();
    for order in [[&sold, &forged], [&forged, &sold]] {
        let mut ledger = before.clone();
        for record in order {
            ledger.handle_record(record).unwrap();
        }
        assert!(ledger.voucher(good).is_some() && ledger.voucher(bad).is_none());
        let totals = ledger.report().totals;
        let of_plan: Vec<_> =
            totals.iter().filter(|row| row.plan == "beca").map(|row| row.node.as_str()).collect();
        assert_eq!(of_plan, [name.as_str()]);
    }
    // A plan that comes after the lots.
    let mut late = Ledger::new([0; 32], 1);
    let all = village.records.iter().filter(|record| **record != plan);
    all.chain([&forged, &sold, &plan]).for_each(|record| drop(late.handle_record(record)));
    assert!(late.voucher(good).is_some() && late.voucher(bad).is_none());
    for (sellers, is_right) in [(0, false), (1, true), (16, true), (17, false)] {
        let plan = Plan { sellers: Some(vec![seller; sellers]), ..hour() };
        assert_eq!(Body::Plan(Box::new(plan)).fault().is_none(), is_right, "{sellers}");
    }
}
