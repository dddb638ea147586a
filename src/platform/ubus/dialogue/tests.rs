use super::super::frame::Frames;
use super::super::value::ArgumentType;
use super::*;
use proptest::prelude::*;
use serde_json::json;
use ubus::envelope::{EnvBuilder, UbusAttr};

const METHODS: &[Method] = &[Method { name: "why", arguments: &[("to", ArgumentType::Text)] }];
const OFFER: Offer = Offer { object: Some(("tequio", METHODS)), listen: &["mesh.*"] };
const OBJECT: u32 = 0x9782_86f5;
const LISTENER: u32 = 77;
const STRANGER: u32 = 0xf000_0001;

fn frame(
    kind: MsgType,
    seq: u16,
    peer: u32,
    status: Option<i32>,
    object: Option<u32>,
    data: Option<&[u8]>,
) -> Frame {
    let mut attributes = EnvBuilder::new();
    object.into_iter().for_each(|object| attributes.push_u32(UbusAttr::ObjId, object));
    status.into_iter().for_each(|status| attributes.push_i32(UbusAttr::Status, status));
    data.into_iter().for_each(|data| attributes.push_data(data));
    let body = attributes.finish()[4..].to_vec();
    Frame { kind: Some(kind), seq, peer, body: Body::Attributes(body) }
}

fn hello() -> Frame {
    frame(MsgType::Hello, 0, 5, None, None, None)
}

fn call(seq: u16, object: u32, method: &str) -> Frame {
    let bytes = message::invoke(seq, object, method, &[]);
    Frame { kind: Some(MsgType::Invoke), seq, peer: 9, body: Body::Attributes(bytes[12..].to_vec()) }
}

/// The messages that were sent: kind, seq, peer, status.
fn sent(dialogue: &mut Dialogue) -> Vec<(MsgType, u16, u32, Option<i32>)> {
    let mut frames = Frames::default();
    dialogue.out.drain(..).for_each(|octets| frames.push(&octets));
    std::iter::from_fn(|| frames.next().unwrap())
        .map(|frame| {
            let Body::Attributes(body) = &frame.body else { panic!("too long") };
            let status = Attributes::parse(body).unwrap().status;
            (frame.kind.unwrap(), frame.seq, frame.peer, status)
        })
        .collect()
}

fn said(dialogue: &mut Dialogue) -> Vec<Said> {
    dialogue.said.drain(..).collect()
}

/// A dialogue whose object is added and whose patterns are registered.
fn ready(now: Instant) -> Dialogue {
    let mut dialogue = Dialogue::new(OFFER, 0);
    dialogue.handle(&hello(), now);
    assert_eq!(sent(&mut dialogue), [(MsgType::AddObject, 1, 0, None)]);
    dialogue.handle(&frame(MsgType::Data, 1, 0, None, Some(OBJECT), None), now);
    dialogue.handle(&frame(MsgType::Status, 1, 0, Some(0), None, None), now);
    assert_eq!(said(&mut dialogue), [Said::Ready]);
    assert_eq!(sent(&mut dialogue), [(MsgType::AddObject, 2, 0, None)]);
    dialogue.handle(&frame(MsgType::Data, 2, 0, None, Some(LISTENER), None), now);
    dialogue.handle(&frame(MsgType::Status, 2, 0, Some(0), None, None), now);
    assert_eq!(sent(&mut dialogue), [(MsgType::Invoke, 3, EVENT_OBJECT, None)]);
    dialogue.handle(&frame(MsgType::Status, 3, EVENT_OBJECT, Some(0), None, None), now);
    assert!(said(&mut dialogue).is_empty());
    dialogue
}

#[test]
fn a_call_without_an_answer_ends_with_a_time_out() {
    let now = Instant::now();
    let mut dialogue = ready(now);
    dialogue.handle(&call(40, OBJECT, "why"), now);
    let deadline = dialogue.next_deadline().unwrap();
    assert_eq!(deadline, now + Duration::from_secs(limit::UBUS_CALL_S));
    dialogue.expire(deadline - Duration::from_millis(1));
    assert!(dialogue.out.is_empty());
    dialogue.expire(deadline);
    assert_eq!(sent(&mut dialogue), [(MsgType::Status, 40, 9, Some(7))]);
    assert_eq!(dialogue.counters.unanswered, 1);
    dialogue.reply(CallId(1), Ok(json!({})));
    assert!(dialogue.out.is_empty(), "the answer comes too late");
}

#[test]
fn more_calls_than_the_node_holds_are_told_to_come_again() {
    let now = Instant::now();
    let mut dialogue = ready(now);
    for seq in 0..limit::NODE_REQUESTS as u16 {
        dialogue.handle(&call(seq, OBJECT, "why"), now);
    }
    assert!(dialogue.out.is_empty());
    dialogue.handle(&call(999, OBJECT, "why"), now);
    let answer = sent(&mut dialogue);
    assert_eq!(answer, [(MsgType::Data, 999, 9, None), (MsgType::Status, 999, 9, Some(0))]);
    assert_eq!(dialogue.counters.busy, 1);
    dialogue.reply(CallId(1), Err(UbusStatus::NoData));
    dialogue.handle(&call(1_000, OBJECT, "why"), now);
    assert_eq!(said(&mut dialogue).len(), limit::NODE_REQUESTS + 1);
}

#[test]
fn an_answer_belongs_to_its_request_by_number_and_peer() {
    let now = Instant::now();
    let mut dialogue = ready(now);
    dialogue.invoke(InvokeId(1), "session", "get", Map::new(), now + BROKER_PATIENCE);
    assert_eq!(sent(&mut dialogue), [(MsgType::Lookup, 4, 0, None)]);
    dialogue.handle(&frame(MsgType::Data, 4, 0, None, Some(STRANGER), None), now);
    dialogue.handle(&frame(MsgType::Status, 4, 0, Some(0), None, None), now);
    assert_eq!(sent(&mut dialogue), [(MsgType::Invoke, 5, STRANGER, None)]);
    // An event that the broker numbered 5, and a status of the broker for its own request 5.
    dialogue.handle(&call(5, LISTENER, "mesh.up"), now);
    dialogue.handle(&frame(MsgType::Status, 5, 0, Some(4), None, None), now);
    assert_eq!(said(&mut dialogue), [Said::Event("mesh.up".to_owned(), Map::new())]);
    let table = json!({"n": 1});
    let contents = value::encode(table.as_object().unwrap(), None).unwrap();
    dialogue.handle(&frame(MsgType::Data, 5, STRANGER, None, Some(STRANGER), Some(&contents)), now);
    dialogue.handle(&frame(MsgType::Status, 5, STRANGER, Some(0), Some(STRANGER), None), now);
    assert_eq!(said(&mut dialogue), [Said::Answer(InvokeId(1), Ok(table))]);
    assert_eq!(dialogue.next_deadline(), None);
}

#[test]
fn an_answer_that_is_too_long_ends_the_wait() {
    let now = Instant::now();
    let mut dialogue = ready(now);
    dialogue.invoke(InvokeId(1), "big", "get", Map::new(), now + BROKER_PATIENCE);
    dialogue.handle(&frame(MsgType::Data, 4, 0, None, Some(STRANGER), None), now);
    dialogue.handle(&frame(MsgType::Status, 4, 0, Some(0), None, None), now);
    let long = Frame { kind: Some(MsgType::Data), seq: 5, peer: STRANGER, body: Body::TooLong(500_000) };
    dialogue.handle(&long, now);
    dialogue.handle(&frame(MsgType::Status, 5, STRANGER, Some(0), None, None), now);
    assert_eq!(said(&mut dialogue), [Said::Answer(InvokeId(1), Err(UbusError::TooLarge))]);
}

#[test]
fn numbers_of_requests_wrap() {
    let now = Instant::now();
    let mut dialogue = ready(now);
    dialogue.invoke(InvokeId(1), "slow", "get", Map::new(), now + BROKER_PATIENCE);
    for _ in 0..70_000 {
        dialogue.send_event("tequio.x", &Map::new()).unwrap();
        assert!(dialogue.out.pop_back().is_some());
        assert_ne!(dialogue.last_seq, 4, "number 4 still waits");
    }
    assert_eq!(dialogue.abandoned().collect::<Vec<_>>(), [InvokeId(1)]);
}

fn any_frame() -> impl Strategy<Value = Frame> {
    let parts = prop::collection::vec((0_u8..14, prop::collection::vec(any::<u8>(), 0..24)), 0..5);
    let body = prop_oneof![
        parts.prop_map(|parts| {
            let mut attributes = EnvBuilder::new();
            parts.iter().for_each(|(id, payload)| attributes.push_bytes_id(*id, payload));
            attributes.push_u32(UbusAttr::ObjId, OBJECT);
            Body::Attributes(attributes.finish()[4..].to_vec())
        }),
        prop::collection::vec(any::<u8>(), 0..64).prop_map(Body::Attributes),
        Just(Body::TooLong(300_000)),
    ];
    (0_u8..13, 0_u16..8, prop_oneof![Just(0_u32), Just(9), Just(STRANGER)], body)
        .prop_map(|(kind, seq, peer, body)| Frame { kind: MsgType::from_u8(kind).ok(), seq, peer, body })
}

proptest! {
    #[test]
    fn any_messages_change_nothing_that_is_bounded(frames in prop::collection::vec(any_frame(), 0..40)) {
        let now = Instant::now();
        let mut dialogue = ready(now);
        dialogue.invoke(InvokeId(1), "x", "y", Map::new(), now + BROKER_PATIENCE);
        for frame in &frames {
            dialogue.handle(frame, now);
        }
        dialogue.expire(now + Duration::from_secs(3_600));
        prop_assert_eq!(dialogue.next_deadline(), None);
    }
}
