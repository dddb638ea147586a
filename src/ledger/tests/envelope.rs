//! What comes from outside is taken whole or refused.

use proptest::prelude::*;

use super::super::body::{Activation, Device};
use super::super::record::{self, Header, Record, Refusal};
use super::super::{Body, Kind, Ledger};
use super::village::{NOON, Node, Village, busy, charter, sign};
use crate::base::limit::CLOSE_BYTES;
use crate::base::voucher::Proof;

#[test]
fn one_flipped_bit_of_a_record_is_refused() {
    let village = busy();
    let mut fresh = Ledger::new([0; 32], 1);
    fresh.handle_record(&village.records[0]).unwrap();
    for kind in Kind::all() {
        let bytes = village.records.iter().find(|bytes| Record::parse(bytes).unwrap().kind == kind).unwrap();
        let id = Record::id_of(bytes).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut altered = bytes.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            // A flip in the signature leaves the id: the record may be known, and then nothing is taken.
            match fresh.clone().handle_record(&altered) {
                Err(_) => {}
                Ok(outcome) => assert!(!outcome.new && outcome.id == id, "bit {bit}"),
            }
        }
    }
}

#[test]
fn a_cut_or_longer_record_is_refused() {
    let village = Village::new();
    for bytes in &village.records {
        for length in 0..bytes.len() {
            assert!(Record::parse(&bytes[..length]).is_err(), "{length}");
        }
        assert!(Record::parse(&[&bytes[..], &[0]].concat()).is_err());
    }
    let large = vec![0; CLOSE_BYTES + 1];
    assert_eq!(Record::parse(&large), Err(Refusal::TooLarge { bytes: CLOSE_BYTES + 1 }));
}

#[test]
fn unknown_fields_are_ignored_and_kept() {
    let mut village = Village::new();
    let community = village.root.ledger.community().unwrap();
    let plan = Body::Plan(Box::new(super::village::hour())).encode().unwrap();
    // The plan with a field 99, in an envelope with a field 7 and a field "x".
    let mut body = plan.clone();
    body[0] += 1;
    body.extend([0x18, 99, 0x83, 1, 2, 0xf6]);
    let header = Header { community, kind: 7, author: village.treasurer.id(), seq: 1, prev: None };
    let mut envelope = record::envelope(&header, &body);
    envelope[0] += 2;
    envelope.extend([7, 0xf5, 0x61, b'x', 0]);
    let bytes = sign(&village.treasurer.key, &envelope);
    let outcome = village.seller.ledger.handle_record(&bytes).unwrap();
    assert!(outcome.new);
    assert_eq!(outcome.kind, Kind::Plan);
    let record = village.seller.ledger.record(outcome.id).unwrap();
    assert_eq!(record.body, Body::Plan(Box::new(super::village::hour())));
    assert_eq!(village.seller.ledger.bytes_of(outcome.id), Some(bytes));
}

#[test]
fn unknown_kinds_and_bodies_are_kept_and_say_nothing() {
    let mut village = Village::new();
    let community = village.root.ledger.community().unwrap();
    for (kind, body) in
        [(99, &[0xa0][..]), (7, &[0xa0]), (7, &[0x00]), (8, &[0xa1, 0, 0x63, b'a', b'b', b'c'])]
    {
        let header = Header { community, kind, author: village.root.id(), seq: 1, prev: None };
        let bytes = sign(&village.root.key, &record::envelope(&header, body));
        let outcome = village.seller.ledger.handle_record(&bytes).unwrap();
        assert!(outcome.new);
        let record = village.seller.ledger.record(outcome.id).unwrap();
        assert_eq!((&record.body, record.octets()), (&Body::Unread, bytes.len()));
        assert_eq!(village.seller.ledger.bytes_of(outcome.id), Some(bytes));
    }
    assert_eq!(village.seller.ledger.report().uncounted.len(), 4);
}

#[test]
fn what_we_would_write_otherwise_is_kept_as_it_came() {
    let mut village = Village::new();
    let community = village.root.ledger.community().unwrap();
    let verifier = village.verifier(4, 1);
    let mut first_use =
        Body::Activation(Activation { verifier, proof: Proof([9; 16]), begin: NOON }).encode().unwrap();
    let mut device = Body::Device(Box::new(Device {
        verifier,
        tag: [1; 8],
        order: 1,
        day: None,
        moves: 0,
        keepsake: None,
        spent: None,
    }))
    .encode()
    .unwrap();
    // A quality of time that a later version adds; and the record of a version before devices had moves.
    *first_use.last_mut().unwrap() = 9;
    device[0] -= 1;
    device.truncate(device.len() - 2);
    for (kind, body) in [(10, first_use), (13, device)] {
        let header = Header { community, kind, author: village.other.id(), seq: 1 << 40, prev: None };
        let bytes = sign(&village.other.key, &record::envelope(&header, &body));
        let id = village.seller.ledger.handle_record(&bytes).unwrap().id;
        let record = village.seller.ledger.record(id).unwrap();
        assert!(record.body != Body::Unread && record.body.encode().unwrap() != body, "{:?}", record.body);
        assert_eq!(village.seller.ledger.bytes_of(id), Some(bytes));
    }
}

/// A record of a later version's envelope, with a field that this one does not know.
pub(in crate::ledger) fn later(node: &Node, kind: u16, seq: u64, body: &[u8]) -> Vec<u8> {
    let community = node.ledger.community().unwrap();
    let header = Header { community, kind, author: node.id(), seq, prev: None };
    let mut envelope = record::envelope(&header, body);
    envelope[0] += 1;
    envelope[2] = 2;
    envelope.extend([7, 0x83, 1, 2, 0xf6]);
    sign(&node.key, &envelope)
}

#[test]
fn a_record_of_a_later_version_is_kept_and_says_nothing() {
    let mut village = Village::new();
    let before = village.root.ledger.report();
    // A kind that nobody knows, and one of each that we know, with bodies that would mean something in version 1.
    let plan = Body::Plan(Box::new(super::village::hour())).encode().unwrap();
    let mut kinds: Vec<u16> = Kind::all().map(Kind::number).filter(|kind| *kind != 27).collect();
    kinds.push(99);
    let count = kinds.len();
    for (seq, kind) in (1 << 50..).zip(kinds) {
        let bytes = later(&village.root, kind, seq, if kind == 7 { &plan } else { &[0xa0] });
        assert!(village.seller.ledger.handle_record(&bytes).unwrap().new);
        let id = Record::id_of(&bytes).unwrap();
        let record = village.seller.ledger.record(id).unwrap();
        assert_eq!(
            (record.kind, &record.body, record.version()),
            (Kind::from_number(kind), &Body::Unread, 2)
        );
        assert_eq!(village.seller.ledger.bytes_of(id).as_ref(), Some(&bytes), "as they came");
        let mut altered = bytes;
        altered[40] ^= 1;
        assert!(village.seller.ledger.handle_record(&altered).is_err());
        assert!(village.seller.ledger.held().any(|(_, held)| held == id), "it is told to others");
    }
    let report = village.seller.ledger.report();
    let told: Vec<u64> = report.uncounted.iter().map(|record| record.version).collect();
    assert_eq!(told, vec![2; count]);
    assert_eq!((report.totals, report.members), (before.totals, before.members), "nothing follows from it");
    assert!(village.seller.ledger.plans().all(|(_, plan)| *plan == super::village::hour()));
}

#[test]
fn what_a_later_version_says_each_minute_does_not_pile_up() {
    let mut village = Village::new();
    let before = village.seller.ledger.record_count();
    let mut seqs = 1 << 50..;
    for kind in [27, 26] {
        for seq in seqs.by_ref().take(100) {
            let bytes = later(&village.root, kind, seq, &[0xa0]);
            assert!(village.seller.ledger.handle_record(&bytes).unwrap().new);
        }
    }
    assert_eq!(village.seller.ledger.record_count(), before + 2, "the latest of each");
}

#[test]
fn an_envelope_without_a_field_is_refused() {
    let village = Village::new();
    let header = Header {
        community: village.root.ledger.community().unwrap(),
        kind: 99,
        author: village.root.id(),
        seq: 1,
        prev: None,
    };
    let good = record::envelope(&header, &[0xa0]);
    let what = |envelope: &[u8]| match Record::parse(&sign(&village.root.key, envelope)) {
        Err(Refusal::Envelope { what }) => what,
        other => panic!("{other:?}"),
    };
    let mut version = good.clone();
    version[2] = 0;
    assert_eq!(what(&version), "it has no version");
    assert_eq!(what(&[0xa1, 0, 1]), "it names no community");
    assert_eq!(what(&[0xa1, 0, 2]), "it names no community");
    assert_eq!(what(&[0xa0]), "it has no version");
    assert_eq!(what(&[0x80]), "it is not a map");
    assert_eq!(what(&[&[good[0] - 1], &good[1..good.len() - 2]].concat()), "it has no body");
    let usage = Header { kind: 12, prev: Some(record::RecordId([1; 32])), ..header };
    assert_eq!(what(&record::envelope(&usage, &[0xa0])), "a record of this kind names no earlier one");
    assert!(matches!(Record::parse(&[0x82, 0, 0]), Err(Refusal::Envelope { .. })));
}

#[test]
fn another_community_is_refused() {
    let mut village = Village::new();
    let mut stranger = Node::new(50);
    let foreign = stranger.write(Body::Charter(Box::new(charter(stranger.id())))).unwrap();
    assert_eq!(village.seller.ledger.handle_record(&foreign), Err(Refusal::Foreign));
    // A charter that names a root which did not sign it founds nothing.
    let header = Header { community: [0; 32], kind: 1, author: stranger.id(), seq: 1, prev: None };
    let body = Body::Charter(Box::new(charter(village.root.id()))).encode().unwrap();
    let bytes = sign(&stranger.key, &record::envelope(&header, &body));
    assert!(matches!(Ledger::new([0; 32], 1).handle_record(&bytes), Err(Refusal::Envelope { .. })));
    let header = Header { kind: 99, ..header };
    let bytes = sign(&stranger.key, &record::envelope(&header, &body));
    assert!(matches!(Ledger::new([0; 32], 1).handle_record(&bytes), Err(Refusal::Envelope { .. })));
}

#[test]
fn a_signature_of_another_domain_is_no_records() {
    let village = Village::new();
    let header = Header {
        community: village.root.ledger.community().unwrap(),
        kind: 99,
        author: village.root.id(),
        seq: 1,
        prev: None,
    };
    let envelope = record::envelope(&header, &[0xa0]);
    let signature = ed25519_dalek::Signer::sign(&village.root.key, &envelope).to_bytes();
    let bytes = record::seal(&envelope, &signature);
    assert_eq!(Record::parse(&bytes).unwrap().verify(&bytes), Err(Refusal::Signature));
    let bytes = sign(&village.seller.key, &envelope);
    assert_eq!(
        Record::parse(&bytes).unwrap().verify(&bytes),
        Err(Refusal::Signature),
        "signed by somebody else"
    );
}

#[test]
fn a_key_of_small_order_signs_nothing() {
    // The neutral point as key and as commitment with a zero scalar verifies under lax rules.
    let mut identity = [0; 32];
    identity[0] = 1;
    let community = Village::new().root.ledger.community().unwrap();
    let header = Header { community, kind: 99, author: identity, seq: 1, prev: None };
    let signature: [u8; 64] = std::array::from_fn(|at| u8::from(at == 0));
    let bytes = record::seal(&record::envelope(&header, &[0xa0]), &signature);
    assert_eq!(Record::parse(&bytes).unwrap().verify(&bytes), Err(Refusal::Signature));
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
        prop_assert!(Record::parse(&bytes).is_err());
    }

    #[test]
    fn altered_records_never_panic(which in 0usize..24, cuts in proptest::collection::vec((0usize..2_000, 0u8..=255), 1..6)) {
        let village = Village::new();
        let mut bytes = village.records[which % village.records.len()].clone();
        for (at, value) in cuts {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        if let Ok(record) = Record::parse(&bytes) {
            let known = village.records.contains(&bytes);
            prop_assert!(known || record.verify(&bytes).is_err());
        }
    }
}
