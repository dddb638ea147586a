//! Three years of a busy seller: each voucher a lot of its own, sold and used, settled each month. What follows from a
//! record must not cost a look at all others: with one such look for each this test takes minutes.

use super::super::account::Figure;
use super::super::body::{Body, Settlement};
use super::super::record::{self, Header, RecordId};
use super::super::{Kind, Ledger};
use super::village::{NOON, Node, Village, settlement};
use crate::base::time::WallTime;
use crate::base::voucher::IssuerNumber;
use crate::base::voucher::{LotId, Proof};
use crate::ledger::body::{Activation, Issue, Sale};
use crate::ledger::proof::verifier_of;

const VOUCHERS: u64 = 7_000;
/// Vouchers of one month: what they are worth together is within the float.
const MONTH: u64 = 200;

/// A chain of records of one key, as they lie in a journal: verified before they were written.
struct Chain<'a> {
    node: &'a Node,
    community: [u8; 32],
    seq: u64,
    prev: Option<RecordId>,
}

impl Chain<'_> {
    fn write(&mut self, body: &Body) -> Vec<u8> {
        self.seq += 1;
        let header = Header {
            community: self.community,
            kind: body.kind().unwrap_or(Kind::Other(0)).number(),
            author: self.node.id(),
            seq: self.seq,
            prev: self.prev,
        };
        let bytes = record::seal(&record::envelope(&header, &body.encode().unwrap()), &[7; 64]);
        self.prev = Some(record::Record::parse(&bytes).unwrap().id);
        bytes
    }
}

#[test]
fn three_years_of_a_seller_are_taken_in_at_once() {
    let village = Village::new();
    let community = village.root.ledger.community().unwrap();
    let (plan, epoch) =
        (village.root.ledger.plan("hora").unwrap().0, village.root.ledger.current_epoch().unwrap().0);
    let issuer = IssuerNumber(3);
    let mut seller = Chain { node: &village.seller, community, seq: 10_000, prev: None };
    let mut treasurer = Chain { node: &village.treasurer, community, seq: 10_000, prev: None };
    let mut records = village.records.clone();
    for number in 0..VOUCHERS {
        let mut name = [0; 16];
        name[..8].copy_from_slice(&number.to_be_bytes());
        let verifier = verifier_of(&community, issuer, &Proof(name));
        let verifiers = vec![verifier];
        let lot = Issue {
            lot: LotId(number),
            epoch,
            plan,
            verifiers: verifiers.clone(),
            issuer,
            for_exchange: false,
        };
        let sale = Sale { verifiers, person: "ana".into(), price: 50, plan, external_count: 0, time: NOON };
        let activation = Activation { verifier, proof: Proof(name), begin: NOON };
        for body in [Body::Issue(Box::new(lot)), Body::Sale(Box::new(sale)), Body::Activation(activation)] {
            records.push(seller.write(&body));
        }
        if number % MONTH == MONTH - 1 {
            let time = WallTime { unix_s: NOON.unix_s + number, ..NOON };
            let paid = Settlement { time, ..settlement("ana", 8_000, 10_000) };
            records.push(seller.write(&Body::Settlement(Box::new(paid))));
            let confirms = seller.prev;
            records.push(
                treasurer.write(&Body::Settlement(Box::new(Settlement { confirms, ..settlement("", 0, 0) }))),
            );
        }
    }
    let mut ledger = Ledger::new([0; 32], 1);
    assert_eq!(ledger.handle_journal(records.iter().map(Vec::as_slice)), 0);
    let totals = ledger.report().totals;
    let sum = |figure| totals.iter().map(|total| total.figures.of(figure)).sum::<i64>();
    assert_eq!(sum(Figure::Sold), 7_000, "each fits the float that the settlements before it freed");
    assert_eq!((sum(Figure::Due), sum(Figure::Settled)), (280_000, 280_000));
}
