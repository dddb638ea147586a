//! A node that learns all coupons of a village has to speak Babel meanwhile: a signature takes a small router 30 ms, and its
//! neighbours give up whoever is silent.

use tequio::base::time::{TimeQuality, WallTime};
use tequio::base::voucher::{IssuerNumber, LotId, Verifier};
use tequio::ledger::body::{Issue, Sale};
use tequio::ledger::{Body, Ledger, Role, Roles};
use tequio::node::vault::Vault;

use super::*;

const SIGNATURE: Span = Span::from_millis(30);
const SELLER: usize = 1;
/// At the end of the line, and new.
const LATE: usize = 2;
const LOTS: u64 = 1_000;
const LOT: u64 = 20;

/// Each lot is sold as it was made: two records.
fn coupons(mesh: &mut Mesh, assembly: &Assembly) -> Vec<Vec<u8>> {
    let seller = &mut mesh.seats[SELLER];
    let mut ledger = Ledger::new(seller.key, 1);
    ledger.handle_journal(seller.journal.iter().map(Vec::as_slice));
    let (plan, _) = ledger.plan("hora").expect("it is on sale");
    let (epoch, _) = assembly.epoch();
    let issuer = IssuerNumber(u16::try_from(SELLER + 1).expect("a small number"));
    let time = WallTime { unix_s: 1_800_000_000, quality: TimeQuality::Trusted };
    let mut records = Vec::new();
    for lot in 0..LOTS {
        let verifiers: Vec<Verifier> =
            (0..LOT).map(|one| Verifier((lot * LOT + one).to_be_bytes())).collect();
        let made =
            Issue { lot: LotId(lot), epoch, plan, verifiers: verifiers.clone(), issuer, for_exchange: false };
        let sale = Sale { verifiers, person: "ana".into(), price: 0, plan, external_count: 0, time };
        for body in [Body::Issue(Box::new(made)), Body::Sale(Box::new(sale))] {
            let draft = ledger.draft(body).expect("it may sell");
            let signature = seller.vault.sign(&draft.message_to_sign);
            records.push(ledger.complete(draft, signature));
        }
    }
    records
}

/// What a node has heard of its only neighbour's last sixteen Hellos.
fn heard(mesh: &mut Mesh, seat: usize, interface: &str) -> Option<String> {
    match mesh.ask(seat, Call::Neighbours) {
        Answer::Neighbours(all) => {
            all.into_iter().find(|one| one.interface == interface).map(|one| one.hello_history)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_learns_twenty_thousand_coupons_loses_no_hello() {
    let mut mesh = Mesh::new(3, &LINE[..2], AuthMode::Community);
    let mut assembly = Assembly::found(&mut mesh, &[0, SELLER, LATE]);
    let mut records = vec![assembly.plan()];
    records.push(assembly.admit_as(&mesh, SELLER, Roles::NONE.with(Role::Seller)));
    mesh.seats.iter_mut().for_each(|seat| seat.journal.extend_from_slice(&records));
    let coupons = coupons(&mut mesh, &assembly);
    for seat in [0, SELLER] {
        mesh.seats[seat].journal.extend_from_slice(&coupons);
        mesh.on(seat);
    }
    mesh.seats[LATE].wake_takes = SIGNATURE;
    mesh.on(LATE);
    mesh.until("the mesh", Span::from_secs(10), |mesh| mesh.reach(&[0, SELLER, LATE]));
    mesh.pass(Span::from_secs(16));
    let (began, wanted) = (mesh.now, mesh.status(SELLER).records);
    let missing = |mesh: &mut Mesh| wanted - mesh.status(LATE).records;
    assert!(missing(&mut mesh) > 1_000, "most of it is still to come: {}", missing(&mut mesh));
    while missing(&mut mesh) > 0 {
        assert!(mesh.now.since(began) < Span::from_secs(300), "{} records are missing", missing(&mut mesh));
        mesh.pass(Span::from_secs(1));
        for seat in [SELLER, LATE] {
            assert_eq!(
                heard(&mut mesh, seat, "l1").as_deref(),
                Some("1111111111111111"),
                "at {seat} at {}",
                mesh.now
            );
        }
    }
    // A signature each 30 ms, and no way was lost meanwhile.
    assert!(mesh.now.since(began) > Span::from_secs(30), "{} is no pace", mesh.now.since(began));
    let flaps = mesh.seats.iter().flat_map(|seat| &seat.changes).filter(|(at, _)| *at > began).count();
    assert_eq!(flaps, 0);
}
