//! One record of each kind, byte by byte: the format can still change, but not unseen.

use std::fmt::Write;

use super::super::body::{Extension, PlanShare, Service};
use super::super::record::Record;
use super::super::{Body, Kind, Ledger, Plan, PlanMeasure};
use super::village::busy;

#[test]
fn the_bytes_of_each_kind() {
    let village = busy();
    let mut text = String::new();
    for kind in Kind::all() {
        let bytes = village.records.iter().find(|bytes| Record::parse(bytes).unwrap().kind == kind).unwrap();
        writeln!(text, "{kind} {} bytes", bytes.len()).unwrap();
        for line in bytes.chunks(48) {
            line.iter().for_each(|byte| write!(text, "{byte:02x}").unwrap());
            text.push('\n');
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn the_bytes_of_each_measure() {
    let used = |within_days| PlanMeasure::UsedSeconds { seconds: 3_600, within_days };
    let text: Vec<String> =
        [used(None), used(Some(30)), PlanMeasure::DaysFromFirstUse { days: 7 }, PlanMeasure::External]
            .into_iter()
            .map(|measure| {
                let body = Body::Plan(Box::new(Plan {
                    id: "p".into(),
                    name: "Paseo".into(),
                    measure,
                    devices: 1,
                    rate_down_kbps: 0,
                    rate_up_kbps: 256,
                    price: 70_009,
                    seller_share: 70_000,
                    shares: vec![PlanShare { to: "red".into(), amount: 9 }],
                    replaces: Vec::new(),
                    hours: None,
                    data_mb: None,
                    sellers: None,
                }));
                let bytes = body.encode().unwrap();
                assert_eq!(Body::decode(Kind::Plan, &bytes).encode(), Some(bytes.clone()), "{measure:?}");
                bytes.iter().map(|byte| format!("{byte:02x}")).collect()
            })
            .collect();
    insta::assert_snapshot!(text.join("\n"));
}

#[test]
fn the_bytes_of_hours_and_what_is_none() {
    let plan = |hours: &str| Plan { hours: hours.parse().ok(), ..super::village::hour() };
    let bytes = Body::Plan(Box::new(plan("22:00-06:00 UTC-06:00"))).encode().unwrap();
    let without = Body::Plan(Box::new(plan(""))).encode().unwrap();
    // 1320, 360 and 720 - 360; a plan without hours has the bytes of before there were any.
    let hours = [10, 0x83, 0x19, 0x05, 0x28, 0x19, 0x01, 0x68, 0x19, 0x01, 0x68];
    assert_eq!(bytes[1..], [&without[1..], &hours].concat());
    assert_eq!(bytes[0], without[0] + 1);
    let read = |bytes: &[u8]| match Body::decode(Kind::Plan, bytes) {
        Body::Plan(plan) => plan.hours.map(|hours| hours.to_string()),
        other => panic!("{other:?}"),
    };
    assert_eq!(read(&bytes).as_deref(), Some("22:00-06:00 UTC-06:00"));
    assert_eq!(read(&without), None);
    for (place, octets) in [(3, [0x05, 0xa0]), (6, [0x05, 0x28]), (9, [0x06, 0x19])] {
        let mut wrong = bytes.clone();
        let at = without.len() + place;
        wrong[at..at + 2].copy_from_slice(&octets);
        assert!(!matches!(Body::decode(Kind::Plan, &wrong), Body::Plan(_)), "{place}");
    }
}

#[test]
fn the_bytes_of_a_service_with_a_picture_and_of_one_without() {
    let service = |icon: Option<&str>, port| Service {
        name: "x".to_owned(),
        title: String::new(),
        node: [7; 32],
        prefixes: Vec::new(),
        free: true,
        replaces: Vec::new(),
        icon: icon.map(str::to_owned),
        port,
    };
    let without = Body::Service(Box::new(service(None, None))).encode().unwrap();
    let whole = service(Some("book"), Some(8_080));
    let bytes = Body::Service(Box::new(whole.clone())).encode().unwrap();
    let more = [6, 0x64, b'b', b'o', b'o', b'k', 7, 0x19, 0x1f, 0x90];
    assert_eq!(bytes[1..], [&without[1..], &more].concat());
    assert_eq!(Body::decode(Kind::Service, &bytes), Body::Service(Box::new(whole)));
}

#[test]
fn what_is_decoded_encodes_to_the_same_bytes() {
    for bytes in busy().records {
        let record = Record::parse(&bytes).unwrap();
        if let Some(body) = record.body.encode() {
            assert!(bytes.windows(body.len()).any(|window| window == body), "{}", record.kind);
        }
    }
}

#[test]
fn the_figures_of_a_full_lot() {
    let mut village = busy();
    let verifiers = (0..200).map(|name| village.verifier(4, name)).collect();
    let body =
        village.other.ledger.issue_body(crate::base::voucher::LotId(u64::MAX), "hora", verifiers).unwrap();
    let bytes = village.other.write(body).unwrap();
    assert_eq!(bytes.len(), 1_877, "the bytes of a lot of 200");
    assert!(Ledger::new([0; 32], 1).handle_record(&bytes).is_ok());
}

#[test]
fn the_bytes_of_data_and_of_none() {
    let bytes = |data_mb| Body::Plan(Box::new(Plan { data_mb, ..super::village::hour() })).encode().unwrap();
    let (with, without) = (bytes(Some(500)), bytes(None));
    assert_eq!(with[1..], [&without[1..], &[11, 0x19, 0x01, 0xf4]].concat());
    assert_eq!(with[0], without[0] + 1, "a plan without data has the bytes of before there were any");
    for (bytes, data_mb) in [(&with, Some(500)), (&without, None)] {
        assert!(matches!(Body::decode(Kind::Plan, bytes), Body::Plan(plan) if plan.data_mb == data_mb));
    }
    let fault = |plan: Plan| Body::Plan(Box::new(plan)).fault();
    assert!(fault(Plan { data_mb: Some(0), ..super::village::hour() }).is_some());
    let external = Plan { measure: PlanMeasure::External, ..super::village::hour() };
    assert!(fault(external.clone()).is_none() && fault(Plan { data_mb: Some(1), ..external }).is_some());
}

#[test]
fn the_bytes_of_an_extension_with_data_and_without() {
    let body = |seconds, data_mb| {
        let verifiers = vec![crate::base::voucher::Verifier([7; 8])];
        Body::Extension(Box::new(Extension { verifiers, seconds, days: 0, reason: "luz".into(), data_mb }))
    };
    let bytes = |data_mb| body(60, data_mb).encode().unwrap();
    let (with, without) = (bytes(Some(500)), bytes(None));
    assert_eq!(with[1..], [&without[1..], &[4, 0x19, 0x01, 0xf4]].concat());
    assert_eq!(with[0], without[0] + 1, "an extension without data has the bytes of before there were any");
    for (bytes, given) in [(&with, Some(500)), (&without, None)] {
        assert!(matches!(Body::decode(Kind::Extension, bytes), Body::Extension(one) if one.data_mb == given));
    }
    for (seconds, data_mb, is_right) in
        [(0, None, false), (0, Some(0), false), (60, Some(0), false), (0, Some(1), true), (60, None, true)]
    {
        assert_eq!(body(seconds, data_mb).fault().is_none(), is_right, "{seconds} s, {data_mb:?} MB");
    }
}
