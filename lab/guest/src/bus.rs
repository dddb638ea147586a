//! Objects on a ubus broker: a router's other programs, as far as somebody asks for them. One connection, any number of
//! objects; who is asked is a closure. The octets are written by the crate that the broker is made of.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use serde_json::{Map, Value};
use ubus::UbusError;
use ubus::blobmsg::{BlobBuilder, BlobMsgTable, to_json};
use ubus::msg::{InboundMsg, OutboundMsg};
use ubus::wire::{Codec, Frame, MsgType, PeerId};

use crate::console::{Outcome, wait_for};

/// What a call is answered: a table, or one of ubus's numbers for why not.
pub(crate) type Answer = Result<Value, i32>;

/// A connection that offers objects.
pub(crate) struct Bus {
    stream: UnixStream,
    buffer: Vec<u8>,
    objects: Vec<(u32, &'static str)>,
}

impl Bus {
    /// Offers these objects, each with its methods.
    pub(crate) fn join(socket: &str, objects: &[(&'static str, &[&str])]) -> Outcome<Self> {
        let stream = wait_for(&format!("the broker at {socket}"), 20, || {
            UnixStream::connect(socket).map_err(|error| error.to_string())
        })?;
        stream.set_read_timeout(Some(LOOK)).map_err(|error| error.to_string())?;
        let mut bus = Self { stream, buffer: Vec::new(), objects: Vec::new() };
        bus.until(MsgType::Hello)?;
        for (name, methods) in objects {
            let mut signature = BlobBuilder::new();
            for method in *methods {
                signature.open_table(Some(method));
                signature.close_table();
            }
            let offer = OutboundMsg::AddObject { path: name, signature: &signature.finish() };
            bus.send(&offer.into_frame(1))?;
            let told = bus.until(MsgType::Data)?;
            let id = match InboundMsg::parse(&told) {
                Ok(InboundMsg::Data { obj_id: Some(id), .. }) => id,
                other => return Err(format!("the broker gives {name} a number: {other:?}")),
            };
            bus.until(MsgType::Status)?;
            bus.objects.push((id, name));
        }
        Ok(bus)
    }

    /// Answers one call, if one comes within a moment.
    pub(crate) fn serve(&mut self, answer: &mut dyn FnMut(&str, &str, &Value) -> Answer) -> Outcome<()> {
        let Some(frame) = self.receive()? else { return Ok(()) };
        let Ok(InboundMsg::Invoke { seq, peer, obj_id, method, data }) = InboundMsg::parse(&frame) else {
            return Ok(());
        };
        let name = self.objects.iter().find(|(id, _)| *id == obj_id.get()).map_or("", |row| row.1);
        let words = to_json(data.unwrap_or_default(), true);
        let words =
            serde_json::from_str(&words).map_err(|error| format!("{name} {method}: {error}: {words}"))?;
        let (peer, obj_id) = (PeerId::new(peer).ok_or("a caller has a number")?, Some(obj_id));
        let status = match answer(name, method, &words) {
            Ok(value) => {
                let told = value.as_object().cloned().unwrap_or_default();
                let data = BlobMsgTable::build(|table| write(table, &told));
                self.send(&OutboundMsg::DataReply { peer, obj_id, data: &data }.into_frame(seq))?;
                0
            }
            Err(status) => status,
        };
        self.send(&OutboundMsg::Status { peer, obj_id, status }.into_frame(seq))
    }

    fn send(&mut self, frame: &Frame) -> Outcome<()> {
        self.stream.write_all(&Codec::write_frame(frame)).map_err(|error| format!("to the broker: {error}"))
    }

    fn until(&mut self, kind: MsgType) -> Outcome<Frame> {
        wait_for(&format!("{kind:?} of the broker"), 20, || match self.receive()? {
            Some(frame) if frame.hdr.ty == kind => Ok(frame),
            other => Err(format!("{other:?}")),
        })
    }

    /// The next message; none for a moment.
    fn receive(&mut self) -> Outcome<Option<Frame>> {
        loop {
            match Codec::read_frame(&self.buffer) {
                Ok((frame, length)) => {
                    self.buffer.drain(..length);
                    return Ok(Some(frame));
                }
                Err(UbusError::Short { .. }) => {}
                Err(error) => return Err(format!("the broker's words: {error}")),
            }
            let mut octets = [0; 4_096];
            match self.stream.read(&mut octets) {
                Ok(0) => return Err("the broker has gone".to_owned()),
                Ok(length) => self.buffer.extend_from_slice(&octets[..length]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                    return Ok(None);
                }
                Err(error) => return Err(format!("from the broker: {error}")),
            }
        }
    }
}

fn write(table: &mut BlobBuilder, values: &Map<String, Value>) {
    for (name, value) in values {
        put(table, Some(name), value);
    }
}

/// Texts, truths, lists and tables: nothing else is answered here.
fn put(table: &mut BlobBuilder, name: Option<&str>, value: &Value) {
    match value {
        Value::Object(values) => {
            table.open_table(name);
            write(table, values);
            table.close_table();
        }
        Value::Array(values) => {
            table.open_array(name);
            values.iter().for_each(|value| put(table, None, value));
            table.close_array();
        }
        Value::Bool(is) => table.put_bool(name, *is),
        Value::String(text) => table.put_str(name, text),
        Value::Null | Value::Number(_) => table.put_null(name),
    }
}

/// How long a look for a message takes.
const LOOK: Duration = Duration::from_millis(200);
