//! Recordings of a hotspot's day: they replay, hold no name, and a damaged one is refused.

mod books;
mod counters;
mod devices;
mod lanes;
mod network;
mod provisional;
mod radio;
mod rules;
mod story;
mod taps;
pub(in crate::node) mod vault;

use std::net::Ipv6Addr;

use proptest::prelude::*;

use super::*;
use crate::babel::{InterfaceStatus, RouterId, SeqNo};
use crate::base::address::{InterfaceIndex, MacAddress, PrefixPair};
use crate::base::time::Span;
use crate::base::voucher::{IssuerNumber, RequestId};
use crate::hotspot;
use crate::hotspot::code::Code;
use crate::ledger::body::Epoch;
use crate::ledger::tests::village::charter;
use crate::ledger::{Body, Ledger, Member, Plan, PlanMeasure, Role, Roles};
use crate::node::Birth;
use crate::node::call::Answer;
use crate::node::settings::{Person, Role as PersonRole, Settings};
use story::Story;

const ROOT_KEY: [u8; 32] = [1; 32];
const OWN_KEY: [u8; 32] = [2; 32];

const PHONES: [MacAddress; 3] = [
    MacAddress([0x3c, 0x5a, 0xb4, 0x11, 0x22, 0x33]),
    MacAddress([0xa4, 0x77, 0x33, 0x44, 0x55, 0x66]),
    MacAddress([0xf0, 0x18, 0x98, 0x77, 0x88, 0x99]),
];
const TWIST: u64 = 0x2_5a5a_3c3c_7e81;

#[test]
fn a_recorded_day_replays() {
    let [a, b, c] = PHONES;
    for (phones, turn) in [(PHONES, false), (PHONES, true), ([c, b, a], true), ([b, c, a], true)] {
        let story = played(phones, TWIST, turn);
        let mut outputs = Vec::new();
        let replayed = replay(&story.recording, |_, _, these| outputs.extend_from_slice(these)).unwrap();
        assert!(replayed.steps > 100 && !replayed.torn, "{replayed:?}");
        assert_eq!(replay(&story.recording, |_, _, _| {}), Ok(replayed));
        let end = &story.outputs[story.outputs.len() - outputs.len()..];
        let kinds = |outputs: &[Output]| outputs.iter().map(std::mem::discriminant).collect::<Vec<_>>();
        assert_eq!(kinds(&outputs), kinds(end));
    }
}

#[test]
fn devices_and_codes_of_any_name_make_the_same_recording() {
    let recording = played(PHONES, TWIST, false).recording;
    let [a, b, c] = PHONES;
    for (phones, twist) in [([c, b, a], 0), ([b, c, a], TWIST >> 7), ([b, a, c], u64::MAX)] {
        let other = played(phones, twist, false).recording;
        let differs = recording.iter().zip(&other).position(|(one, other)| one != other);
        assert_eq!((differs, other.len()), (None, recording.len()), "{phones:?} {twist:x}");
    }
}

#[test]
fn a_lot_that_takes_longer_than_a_call_is_fetched_by_its_key() {
    let word = |answer: &Answer| match answer {
        Answer::Issued(issued) => format!("{} vouchers", issued.vouchers.len()),
        Answer::Refused { code, message } => format!("{code}: {message}"),
        other => format!("{other:?}"),
    };
    let second = Span::from_secs(1);
    let mut story = Story::new(PHONES, 0);
    let first = story.order(20, "lot");
    let answered = story.slowly(11, second);
    let [(_, request, answer)] = answered.as_slice() else { panic!("{answered:?}") };
    assert_eq!(*request, first);
    let how_far = word(answer);
    assert!(how_far.starts_with("working: ") && how_far.contains("of 20 codes are made"), "{how_far}");
    // Two who ask again get the same one, whenever it is ready.
    let (second_call, third) = (story.order(20, "lot"), story.order(20, "lot"));
    let mut last = story.slowly(9, second);
    while last.is_empty() {
        last = story.slowly(1, Span::from_millis(1));
    }
    let who: Vec<RequestId> = last.iter().map(|(_, request, _)| *request).collect();
    assert!(who.contains(&second_call) && who.contains(&third), "{last:?}");
    for (_, _, answer) in last.iter().filter(|(_, request, _)| *request != first) {
        assert_eq!(word(answer), "20 vouchers");
    }
    assert_eq!(story.sell(20, "lot").len(), 20);

    // Nobody comes back for this one, and nobody could for that one.
    for (key, said) in [("gone", "working"), ("", "timeout")] {
        story.order(100, key);
        let answered = story.slowly(11, second);
        assert!(answered.iter().all(|(_, _, answer)| word(answer).starts_with(said)), "{answered:?}");
        assert_eq!(answered.len(), 1);
        assert_eq!(story.slowly(600, second), []);
    }
    let sold = |output: &Output| matches!(output, Output::Store { records, .. } if records.len() == 2);
    assert_eq!(story.outputs.iter().filter(|output| sold(output)).count(), 1, "one sale alone was booked");
}

#[test]
fn no_name_stands_in_a_recording() {
    for turn in [false, true] {
        let story = played(PHONES, TWIST, turn);
        let holds = |what: &[u8]| story.recording.windows(what.len()).any(|window| window == what);
        for mac in PHONES {
            assert!(!holds(&mac.0), "{mac:?}");
            assert!(!holds(mac.to_string().as_bytes()), "{mac:?}");
        }
        assert!(story.vault.made.len() >= 6);
        for code in &story.vault.made {
            let text = code.to_string();
            for spelt in [text.clone(), text.replace('-', ""), text.replace('-', " ").to_lowercase()] {
                assert!(!holds(spelt.as_bytes()), "{spelt}");
            }
            assert!(!holds(&code.bits().to_be_bytes()) && !holds(&code.bits().to_le_bytes()));
            assert!(!holds(&serialised(&code.bits())), "as the format writes it");
        }
        assert!(!holds(b"http.example") && !holds(b"hola"), "what guests typed and wanted to see");
    }
}

#[test]
fn proofs_of_codes_that_nobody_typed_stand_in_no_recording() {
    for turn in [false, true] {
        let story = played(PHONES, TWIST, turn);
        let holds = |what: &[u8]| story.recording.windows(what.len()).any(|window| window == what);
        let typed: Vec<bool> =
            story.vault.made.iter().map(|code| holds(&story.vault.end(*code).1.0)).collect();
        // The first two were typed; the others were sold, shown, voided, and never typed.
        assert_eq!(typed[..2], [true; 2]);
        assert!(typed[2..].iter().all(|typed| !typed), "{typed:?}");
    }
}

#[test]
fn a_recording_that_ends_inside_a_step_replays_up_to_it() {
    let recording = played(PHONES, TWIST, true).recording;
    let whole = replay(&recording, |_, _, _| {}).unwrap();
    for cut in [1, 7, 8, 9, 20] {
        let torn = replay(&recording[..recording.len() - cut], |_, _, _| {}).unwrap();
        assert!(torn.torn && torn.steps == whole.steps - 1, "{torn:?}");
    }
    assert_eq!(replay(&recording[..10], |_, _, _| {}), Err(ReplayError::NotOurs));
    assert_eq!(replay(&recording[..100], |_, _, _| {}), Err(ReplayError::Damaged { step: None }));
}

#[test]
fn a_node_that_does_something_else_is_told_from_a_damaged_file() {
    let story = played(PHONES, TWIST, true);
    let body = MAGIC.len();
    let (mut check, mut bytes) = ([0; 8], MAGIC.as_bytes().to_vec());
    let mut reader = Reader::new(&story.recording[body..]);
    let mut node: Node = match next_frame(&mut reader, &mut [0; 8]) {
        Next::Value(node) => node,
        _ => panic!("it begins with a snapshot"),
    };
    // The node of the snapshot with one more service on its pages; the frames are whole.
    let mut settings = node.settings.clone();
    let services = &mut settings.hotspot.as_mut().expect("it has a hotspot").services;
    services.push(("Escuela".to_owned(), "http://10.77.0.5/".to_owned()));
    let mut vault = vault::FakeVault::new(0);
    node.step(Instant::from_millis(5_000), Input::Settings(Box::new(settings)), &mut vault);
    bytes.extend(frame(&mut check, &serialised(&node)));
    while let Ok(length) = reader.u32() {
        let body = reader.take(usize::try_from(length).unwrap()).unwrap();
        reader.take(8).unwrap();
        bytes.extend(frame(&mut check, body));
    }
    let error = replay(&bytes, |_, _, _| {}).unwrap_err();
    assert!(matches!(error, ReplayError::Different { .. }), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_flipped_byte_is_noticed(at in any::<prop::sample::Index>(), by in 1..=255_u8) {
        let mut recording = day().to_vec();
        let whole = replay(&recording, |_, _, _| {});
        let at = at.index(recording.len());
        recording[at] ^= by;
        prop_assert_ne!(replay(&recording, |_, _, _| {}), whole);
    }

    /// Whatever stands in a step whose check is right: the node takes it and does not panic.
    #[test]
    fn a_step_with_a_flipped_byte_and_a_right_check_is_taken(
        step in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        by in 1..=255_u8,
    ) {
        let recording = day();
        let (mut frames, mut reader) = (Vec::new(), Reader::new(&recording[MAGIC.len()..]));
        while let Ok(length) = reader.u32() {
            frames.push(reader.take(usize::try_from(length).unwrap()).unwrap().to_vec());
            reader.take(8).unwrap();
        }
        let chosen = 1 + step.index(frames.len() - 1);
        let at = at.index(frames[chosen].len());
        frames[chosen][at] ^= by;
        let (mut check, mut bytes) = ([0; 8], MAGIC.as_bytes().to_vec());
        frames.iter().for_each(|body| bytes.extend(frame(&mut check, body)));
        let _ = replay(&bytes, |_, _, _| {});
    }
}

/// One recording for all cases.
fn day() -> &'static [u8] {
    static DAY: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
    DAY.get_or_init(|| played(PHONES, TWIST, true).recording)
}

fn played(phones: [MacAddress; 3], twist: u64, turn: bool) -> Story {
    let mut story = Story::new(phones, twist);
    story.record();
    story.play(turn);
    story
}

fn settings() -> Settings {
    Settings {
        name: "plaza".to_owned(),
        uplinks: vec![crate::node::settings::Uplink { device: "wan".to_owned(), ..Default::default() }],
        hotspot: Some(hotspot::settings::Settings {
            portal_host: "10.77.4.1".to_owned(),
            portal_address: [10, 77, 4, 1].into(),
            portal_port: 2_080,
            community: hotspot::settings::Community::default(),
            languages: Vec::new(),
            language: None,
            lease: Span::from_secs(900),
            usage_interval: Span::from_secs(20),
            calls: Vec::new(),
            services: Vec::new(),
        }),
        persons: vec![Person { login: "ana".into(), name: "Ana".into(), role: PersonRole::Caretaker }],
        ..Settings::default()
    }
}

/// The founding records: a community, an epoch, this node, an hour.
fn community() -> Vec<Vec<u8>> {
    let mut root = Ledger::new(ROOT_KEY, 1);
    let charter = charter(ROOT_KEY);
    let member = Member {
        key: OWN_KEY,
        dh: [3; 32],
        name: "plaza".into(),
        number: IssuerNumber(3),
        slot: Some(3),
        roles: Roles::NONE.with(Role::Seller).with(Role::Hotspot).with(Role::Treasurer),
        float: 10_000,
        replaces: Vec::new(),
        heads: Vec::new(),
        instead_of: None,
    };
    let plan = Plan {
        id: "hora".into(),
        name: "Una hora".into(),
        measure: PlanMeasure::UsedSeconds { seconds: 3_600, within_days: None },
        devices: 2,
        rate_down_kbps: 2_000,
        rate_up_kbps: 500,
        price: 50,
        seller_share: 50,
        shares: Vec::new(),
        replaces: Vec::new(),
        hours: None,
        data_mb: None,
        sellers: None,
    };
    let epoch = Epoch { number: 1, follows: None, shares: Vec::new(), expels: Vec::new() };
    [
        Body::Charter(Box::new(charter)),
        Body::Epoch(Box::new(epoch)),
        Body::Member(Box::new(member)),
        Body::Plan(Box::new(plan)),
    ]
    .into_iter()
    .map(|body| {
        let draft = root.draft(body).expect("the root may write it");
        root.complete(draft, [7; 64])
    })
    .collect()
}
