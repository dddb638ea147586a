//! The messages of ubus: their attributes, read and written.
//!
//! | we send | with | what comes back |
//! |---|---|---|
//! | LOOKUP | object path | DATA (path, id, signature) for each match, STATUS |
//! | INVOKE | object id, method, data; header: peer = object id | DATA, STATUS with the same peer |
//! | ADD_OBJECT | path and signature, or nothing for a nameless object | DATA (object id), STATUS |
//! | DATA, STATUS | object id, data or status; header: seq and peer of the call | nothing |
//!
//! Bytes: the tests below hold what libubus and its broker were seen to send.

use serde_json::{Map, Value};
use ubus::blobmsg::BlobBuilder;
use ubus::envelope::{EnvBuilder, UbusAttr, iter_attrs};
use ubus::wire::MsgType;

use super::call::Method;
use super::frame::write;
use super::value::{self, Types, ValueError};

/// The broker's own object that passes events on.
pub(super) const EVENT_OBJECT: u32 = 1;

/// The attributes of a message that we look at. What is absent, or not of the form that the broker
/// asks for, is `None`; of a repeated attribute the last valid one counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes<'a> {
    /// How the request ended.
    pub(super) status: Option<i32>,
    /// Which object.
    pub(super) object: Option<u32>,
    /// Which method, or the name of an event.
    pub(super) method: Option<&'a str>,
    /// What an object's methods take.
    pub(super) signature: Option<&'a [u8]>,
    /// Arguments or result, a table's contents.
    pub(super) data: Option<&'a [u8]>,
    /// The Unix user who calls.
    pub(super) user: Option<&'a str>,
    /// Whether the caller wants no answer.
    pub(super) no_reply: bool,
}

impl<'a> Attributes<'a> {
    /// Reads the inside of a message.
    pub(super) fn parse(body: &'a [u8]) -> Result<Self, ValueError> {
        let mut found = Self::default();
        let mut attributes = iter_attrs(body);
        loop {
            match attributes.try_next() {
                Ok(None) => return Ok(found),
                Ok(Some(attribute)) => found.take(attribute.id, attribute.payload),
                Err(_) => {
                    return Err(ValueError::Malformed("an attribute that does not fit its message"));
                }
            }
        }
    }

    fn take(&mut self, id: u8, payload: &'a [u8]) {
        let number = || payload.try_into().ok().map(u32::from_be_bytes);
        match UbusAttr::from_u8(id) {
            Some(UbusAttr::Status) => self.status = number().map(u32::cast_signed).or(self.status),
            Some(UbusAttr::ObjId) => self.object = number().or(self.object),
            Some(UbusAttr::Method) => self.method = text(payload).or(self.method),
            Some(UbusAttr::User) => self.user = text(payload).or(self.user),
            Some(UbusAttr::Signature) => self.signature = Some(payload),
            Some(UbusAttr::Data) => self.data = Some(payload),
            Some(UbusAttr::NoReply) => self.no_reply = payload.first().is_some_and(|octet| *octet != 0),
            _ => {}
        }
    }
}

/// Asks for the object at `path`.
pub(super) fn lookup(seq: u16, path: &str) -> Vec<u8> {
    let mut attributes = EnvBuilder::new();
    attributes.push_str(UbusAttr::ObjPath, path);
    write(MsgType::Lookup, seq, 0, attributes)
}

/// Offers an object. Each method's arguments stand in the signature under their name, as the number
/// of their type; it is documentation, which `ubus -v list` shows: the broker enforces nothing.
pub(super) fn add_object(seq: u16, path: &str, methods: &[Method]) -> Vec<u8> {
    let mut signature = BlobBuilder::new();
    for method in methods {
        signature.open_table(Some(method.name));
        for (name, kind) in method.arguments {
            signature.put_i32(Some(name), kind.code());
        }
        signature.close_table();
    }
    let mut attributes = EnvBuilder::new();
    attributes.push_str(UbusAttr::ObjPath, path);
    attributes.push_signature(&signature.finish());
    write(MsgType::AddObject, seq, 0, attributes)
}

/// Makes an object without a name, which only receives events.
pub(super) fn add_nameless_object(seq: u16) -> Vec<u8> {
    write(MsgType::AddObject, seq, 0, EnvBuilder::new())
}

/// Calls a method. `contents` is what [`value::encode`] made.
pub(super) fn invoke(seq: u16, object: u32, method: &str, contents: &[u8]) -> Vec<u8> {
    let mut attributes = EnvBuilder::with_capacity(contents.len() + method.len() + 32);
    attributes.push_u32(UbusAttr::ObjId, object);
    attributes.push_str(UbusAttr::Method, method);
    // libubus answers status 2 to a call without DATA: it has to be there, if empty.
    attributes.push_data(contents);
    write(MsgType::Invoke, seq, object, attributes)
}

/// Asks for events whose name matches `pattern` to be sent to our nameless object.
pub(super) fn register(seq: u16, listener: u32, pattern: &str) -> Vec<u8> {
    let mut arguments = BlobBuilder::new();
    // Object ids may pass 2^31: the bit pattern goes as INT32.
    arguments.put_i32(Some("object"), listener.cast_signed());
    arguments.put_str(Some("pattern"), pattern);
    invoke(seq, EVENT_OBJECT, "register", &arguments.finish())
}

/// Sends an event to whoever listens.
pub(super) fn send_event(seq: u16, name: &str, data: &Map<String, Value>) -> Result<Vec<u8>, ValueError> {
    let mut table = Map::new();
    table.insert("id".to_owned(), Value::from(name));
    table.insert("data".to_owned(), Value::Object(data.clone()));
    Ok(invoke(seq, EVENT_OBJECT, "send", &value::encode(&table, None::<&Types>)?))
}

/// Tells whoever subscribed to `object` that something happened. Nobody has to say that he heard it.
pub(super) fn notify(seq: u16, object: u32, what: &str, contents: &[u8]) -> Vec<u8> {
    let mut attributes = EnvBuilder::with_capacity(contents.len() + what.len() + 48);
    attributes.push_u32(UbusAttr::ObjId, object);
    attributes.push_str(UbusAttr::Method, what);
    attributes.push_u8(UbusAttr::NoReply, 1);
    attributes.push_data(contents);
    write(MsgType::Notify, seq, object, attributes)
}

/// The result of a call to `object` that client `peer` made as its request `seq`.
pub(super) fn result(seq: u16, peer: u32, object: u32, contents: &[u8]) -> Vec<u8> {
    let mut attributes = EnvBuilder::with_capacity(contents.len() + 32);
    attributes.push_u32(UbusAttr::ObjId, object);
    attributes.push_data(contents);
    write(MsgType::Data, seq, peer, attributes)
}

/// The end of such a call; 0 is well.
pub(super) fn end(seq: u16, peer: u32, object: u32, status: i32) -> Vec<u8> {
    let mut attributes = EnvBuilder::new();
    attributes.push_i32(UbusAttr::Status, status);
    // Without the object the broker drops the answer and the caller waits in vain.
    attributes.push_u32(UbusAttr::ObjId, object);
    write(MsgType::Status, seq, peer, attributes)
}

fn text(payload: &[u8]) -> Option<&str> {
    let (last, text) = payload.split_last()?;
    let text = text.split(|&octet| octet == 0).next().unwrap_or_default();
    (*last == 0).then(|| std::str::from_utf8(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::super::ArgumentType;
    use super::super::frame::{Body, Frames};
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    fn table(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn cut(bytes: &[u8]) -> (Option<MsgType>, u16, u32, Vec<u8>) {
        let mut frames = Frames::default();
        frames.push(bytes);
        let frame = frames.next().unwrap().unwrap();
        assert_eq!(frames.next(), Ok(None));
        match frame.body {
            Body::Attributes(body) => (frame.kind, frame.seq, frame.peer, body),
            Body::TooLong(_) => panic!("too long"),
        }
    }

    #[test]
    fn what_we_send_is_what_libubus_sends() {
        assert_eq!(lookup(1, "bigtest"), hex("00040001 00000000 00000010 0200000c 6269677465737400"));
        assert_eq!(add_nameless_object(1), hex("00060001 00000000 00000004"));
        let arguments = table(json!({"b": true, "i": 3, "s": "hi"}));
        assert_eq!(
            invoke(2, 0x7985_6ffe, "echo", &value::encode(&arguments, None).unwrap()),
            hex("00050002 79856ffe 00000040 03000008 79856ffe 04000009 6563686f00000000 07000028
                 87000009 0001620001000000 8500000c 00016900 00000003 8300000b 00017300 68690000")
        );
        assert_eq!(
            register(2, 0x9782_86f5, "mesh.*"),
            hex("00050002 00000001 0000004c 03000008 00000001 0400000d 7265676973746572 00000000
                 07000030 85000014 0006 6f626a656374 00 000000 978286f5
                 83000017 0007 7061747465726e 00 0000 6d6573682e2a00 00")
        );
        assert_eq!(
            notify(3, 0x7985_6ffe, "neigh.add", &value::encode(&table(json!({"i": 3})), None).unwrap()),
            hex("000a0003 79856ffe 00000034 03000008 79856ffe 0400000e 6e656967682e6164 64000000
                 0a000005 01000000 07000010 8500000c 0001 6900 00000003")
        );
        assert_eq!(
            end(2, 0x1122_3344, 0x7985_6ffe, 0),
            hex("00010002 11223344 00000014 01000008 00000000 03000008 79856ffe")
        );
    }

    #[test]
    fn what_the_broker_sends_is_understood() {
        let (kind, seq, peer, body) = cut(&hex("00000000 196e4fc4 00000004"));
        assert_eq!((kind, seq, peer), (Some(MsgType::Hello), 0, 0x196e_4fc4));
        assert_eq!(Attributes::parse(&body), Ok(Attributes::default()));

        let (kind, _, _, body) = cut(&hex("00020001 00000000 0000000c 03000008 978286f5"));
        assert_eq!(kind, Some(MsgType::Data));
        assert_eq!(Attributes::parse(&body).unwrap().object, Some(0x9782_86f5));

        let (kind, _, _, body) = cut(&hex("00010001 00000000 0000000c 01000008 00000000"));
        assert_eq!(kind, Some(MsgType::Status));
        assert_eq!(Attributes::parse(&body).unwrap().status, Some(0));
    }

    #[test]
    fn a_call_arrives_with_its_user() {
        let bytes = hex("00050002 11223344 00000040 03000008 79856ffe 0400000a 636f756e7400 0000
             0c000009 726f6f7400 000000 0d000009 726f6f7400 000000 07000010 8500000c 00016900 00000003");
        let (kind, seq, peer, body) = cut(&bytes);
        assert_eq!((kind, seq, peer), (Some(MsgType::Invoke), 2, 0x1122_3344));
        let call = Attributes::parse(&body).unwrap();
        assert_eq!((call.method, call.user, call.object), (Some("count"), Some("root"), Some(0x7985_6ffe)));
        assert!(!call.no_reply);
        assert_eq!(value::decode(call.data.unwrap()).unwrap(), table(json!({"i": 3})));
    }

    #[test]
    fn of_a_repeated_attribute_the_last_valid_one_counts() {
        let body =
            hex("03000008 00000001 03000008 00000002 03000006 00030000 04000006 61000000 04000005 62000000");
        let found = Attributes::parse(&body).unwrap();
        assert_eq!((found.object, found.method), (Some(2), Some("a")));
        assert!(Attributes::parse(&hex("03000009 00000001")).is_err());
    }

    #[test]
    fn the_signature_names_the_types() {
        const METHODS: &[Method] = &[
            Method { name: "nothing", arguments: &[] },
            Method { name: "m", arguments: &[("n", ArgumentType::Int32), ("on", ArgumentType::Bool)] },
        ];
        let (_, _, _, body) = cut(&add_object(1, "x", METHODS));
        let found = Attributes::parse(&body).unwrap();
        let types = value::decode_signature(found.signature.unwrap(), "m").unwrap().unwrap();
        assert_eq!(types.get("n"), Some(&ArgumentType::Int32));
        assert_eq!(types.get("on"), Some(&ArgumentType::Bool));
        assert_eq!(value::decode_signature(found.signature.unwrap(), "other"), Ok(None));
    }

    proptest! {
        #[test]
        fn any_bytes_are_attributes_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Attributes::parse(&bytes);
        }
    }
}
