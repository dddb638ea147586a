//! What is said on one connection to the broker: who we are, who calls us, whom we called.
//!
//! A dialogue begins with the broker's HELLO. Then our object is added (ADD_OBJECT), after that the
//! nameless object that receives events. From then on calls come in (INVOKE) and get their DATA and
//! STATUS whenever the answer is ready, in any order; and calls go out: LOOKUP for the object's id and
//! signature, then INVOKE. An answer belongs to a request by sequence number *and* peer: the broker
//! numbers the events that it passes on by itself, so the number alone is not enough.
//!
//! Nothing here reads a clock or touches the socket.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use ubus::wire::MsgType;

use super::call::{Call, CallId, Counters, InvokeId, Method, contents_of, error_value};
use super::frame::{Body, Frame};
use super::message::{self, Attributes, EVENT_OBJECT};
use super::status::{UbusError, UbusStatus};
use super::value::{self, ValueError};
use crate::base::limit;
use crate::base::sorted::SortedMap;

/// What comes out of a dialogue.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Said {
    /// The broker greeted us and, if we offer an object, has taken it.
    Ready,
    /// The broker does not take our object.
    Refused(UbusStatus),
    /// The broker does not let us hear events.
    Deaf(UbusStatus),
    /// Somebody calls us.
    Call(Call),
    /// A call of ours has ended.
    Answer(InvokeId, Result<Value, UbusError>),
    /// An event that we listen for.
    Event(String, Map<String, Value>),
    /// Something could not be read.
    Malformed(&'static str),
}

/// What we bring into a dialogue.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offer {
    /// Name and methods of our object.
    pub(super) object: Option<(&'static str, &'static [Method])>,
    /// Patterns of the events that we want to hear.
    pub(super) listen: &'static [&'static str],
}

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Dialogue {
    offer: Offer,
    /// Messages to be sent, oldest first.
    pub(super) out: VecDeque<Vec<u8>>,
    /// What came out, oldest first.
    pub(super) said: VecDeque<Said>,
    /// What went wrong; the owner adds it up and clears it.
    pub(super) counters: Counters,
    greeted: bool,
    object: Option<u32>,
    listener: Option<u32>,
    last_seq: u16,
    requests: SortedMap<u16, Request>,
    last_call: u64,
    calls: SortedMap<CallId, Caller>,
}

/// A request of ours that the broker or an object has to end with a STATUS.
#[derive(Debug)]
struct Request {
    peer: u32,
    deadline: Instant,
    what: What,
}

#[derive(Debug)]
enum What {
    AddObject { id: Option<u32> },
    AddListener { id: Option<u32> },
    Register,
    Lookup { invoke: Invoke, found: Option<Found> },
    Invoke { id: InvokeId, result: Result<Value, UbusError> },
}

/// A call of ours whose object is being looked up.
#[derive(Clone, Debug)]
struct Invoke {
    id: InvokeId,
    method: String,
    arguments: Map<String, Value>,
}

/// An object that was looked up.
#[derive(Debug)]
struct Found {
    object: u32,
    types: Option<value::Types>,
}

/// Whom an answer goes to.
#[derive(Debug)]
struct Caller {
    seq: u16,
    peer: u32,
    deadline: Instant,
}

impl Dialogue {
    /// A dialogue in which nothing was said yet. `first_call` keeps the numbers of calls apart from
    /// those of an earlier dialogue, so that an answer that comes late cannot reach a stranger.
    pub(super) fn new(offer: Offer, first_call: u64) -> Self {
        Self {
            offer,
            out: VecDeque::new(),
            said: VecDeque::new(),
            counters: Counters::default(),
            greeted: false,
            object: None,
            listener: None,
            last_seq: 0,
            requests: SortedMap::new(),
            last_call: first_call,
            calls: SortedMap::new(),
        }
    }

    /// The number of the last call that came in.
    pub(super) fn last_call(&self) -> u64 {
        self.last_call
    }

    /// Takes one message of the broker.
    pub(super) fn handle(&mut self, frame: &Frame, now: Instant) {
        let body = match &frame.body {
            Body::Attributes(body) => body,
            Body::TooLong(_) => return self.handle_too_long(frame),
        };
        let Ok(attributes) = Attributes::parse(body) else {
            return self.malformed("attributes that do not fit their message");
        };
        match frame.kind {
            Some(MsgType::Hello) => self.handle_hello(now),
            Some(MsgType::Invoke) => self.handle_invoke(frame, &attributes, now),
            Some(MsgType::Data) => self.handle_data(frame, &attributes),
            Some(MsgType::Status) => self.handle_status(frame, &attributes, now),
            // A subscriber came or went, or an object that we watched: we do neither.
            Some(MsgType::Notify | MsgType::Unsubscribe) => {}
            _ => self.malformed("a message of a kind that a broker does not send"),
        }
    }

    /// When [`expire`](Self::expire) has something to do.
    pub(super) fn next_deadline(&self) -> Option<Instant> {
        let requests = self.requests.values().map(|request| request.deadline);
        requests.chain(self.calls.values().map(|caller| caller.deadline)).min()
    }

    /// Gives up what nobody answered.
    pub(super) fn expire(&mut self, now: Instant) {
        let late: Vec<u16> = self
            .requests
            .iter()
            .filter(|(_, request)| request.deadline <= now)
            .map(|(seq, _)| *seq)
            .collect();
        for seq in late {
            match self.requests.remove(&seq).map(|request| request.what) {
                Some(What::Lookup { invoke: Invoke { id, .. }, .. } | What::Invoke { id, .. }) => {
                    self.said.push_back(Said::Answer(id, Err(UbusError::Timeout)));
                }
                Some(What::AddObject { .. }) => self.said.push_back(Said::Refused(UbusStatus::Timeout)),
                _ => {}
            }
        }
        let unanswered: Vec<CallId> =
            self.calls.iter().filter(|(_, caller)| caller.deadline <= now).map(|(call, _)| *call).collect();
        for call in unanswered {
            self.counters.unanswered = self.counters.unanswered.saturating_add(1);
            self.reply(call, Err(UbusStatus::Timeout));
        }
    }

    /// Answers a call. One that is unknown, given up or of an earlier connection is ignored.
    pub(super) fn reply(&mut self, call: CallId, result: Result<Value, UbusStatus>) {
        let (Some(caller), Some(object)) = (self.calls.remove(&call), self.object) else { return };
        self.answer(caller.seq, caller.peer, object, result);
    }

    /// Calls a method of another object.
    pub(super) fn invoke(
        &mut self,
        id: InvokeId,
        object: &str,
        method: &str,
        arguments: Map<String, Value>,
        deadline: Instant,
    ) {
        let waiting = self
            .requests
            .values()
            .filter(|request| matches!(request.what, What::Lookup { .. } | What::Invoke { .. }));
        let refused = if waiting.count() >= limit::UBUS_INVOKES {
            Some(UbusError::Busy)
        } else if object.contains('\0') || method.contains('\0') {
            Some(UbusError::Value(ValueError::Nul))
        } else {
            value::measure(&arguments).err().map(UbusError::from)
        };
        if let Some(error) = refused {
            return self.said.push_back(Said::Answer(id, Err(error)));
        }
        let invoke = Invoke { id, method: method.to_owned(), arguments };
        let seq = self.request(0, deadline, What::Lookup { invoke, found: None });
        self.out.push_back(message::lookup(seq, object));
    }

    /// Sends an event to whoever listens. Nobody says whether anybody did, so nothing waits.
    pub(super) fn send_event(&mut self, name: &str, data: &Map<String, Value>) -> Result<(), ValueError> {
        let seq = self.free_seq();
        self.out.push_back(message::send_event(seq, name, data)?);
        Ok(())
    }

    /// Tells whoever subscribed to our object; nobody, before the broker has it.
    pub(super) fn notify(&mut self, what: &str, data: &Map<String, Value>) -> Result<(), ValueError> {
        let Some(object) = self.object else { return Ok(()) };
        let contents = value::encode(data, None)?;
        let seq = self.free_seq();
        self.out.push_back(message::notify(seq, object, what, &contents));
        Ok(())
    }

    /// All calls of ours that are still without an answer; the connection has ended.
    pub(super) fn abandoned(&self) -> impl Iterator<Item = InvokeId> + '_ {
        self.requests.values().filter_map(|request| match &request.what {
            What::Lookup { invoke, .. } => Some(invoke.id),
            What::Invoke { id, .. } => Some(*id),
            _ => None,
        })
    }

    fn handle_hello(&mut self, now: Instant) {
        if self.greeted {
            return self.malformed("a second greeting");
        }
        self.greeted = true;
        match self.offer.object {
            Some((name, methods)) => {
                let seq = self.request(0, now + BROKER_PATIENCE, What::AddObject { id: None });
                self.out.push_back(message::add_object(seq, name, methods));
            }
            None => self.said.push_back(Said::Ready),
        }
    }

    fn handle_invoke(&mut self, frame: &Frame, attributes: &Attributes<'_>, now: Instant) {
        let (Some(object), Some(method)) = (attributes.object, attributes.method) else {
            return self.malformed("a call without object or method");
        };
        if Some(object) == self.listener {
            return self.handle_event(method, attributes);
        }
        if Some(object) != self.object {
            return self.malformed("a call of an object that is not ours");
        }
        let silent = attributes.no_reply;
        match self.understand(method, attributes) {
            Ok((arguments, session)) if self.calls.len() < limit::NODE_REQUESTS => {
                self.last_call += 1;
                let call = CallId(self.last_call);
                if !silent {
                    let deadline = now + Duration::from_secs(limit::UBUS_CALL_S);
                    self.calls.insert(call, Caller { seq: frame.seq, peer: frame.peer, deadline });
                }
                self.said.push_back(Said::Call(Call {
                    call,
                    method: method.to_owned(),
                    arguments,
                    session,
                    unix_user: attributes.user.unwrap_or_default().to_owned(),
                }));
            }
            Ok(_) => {
                self.counters.busy = self.counters.busy.saturating_add(1);
                let busy = error_value("busy", "too many requests wait for an answer: try again in a moment");
                if !silent {
                    self.answer(frame.seq, frame.peer, object, Ok(busy));
                }
            }
            Err(status) if !silent => self.answer(frame.seq, frame.peer, object, Err(status)),
            Err(_) => {}
        }
    }

    /// Arguments and session of a call.
    fn understand(
        &mut self,
        method: &str,
        attributes: &Attributes<'_>,
    ) -> Result<(Map<String, Value>, Option<String>), UbusStatus> {
        let methods = self.offer.object.map_or(&[] as &[Method], |(_, methods)| methods);
        let method = methods.iter().find(|known| known.name == method).ok_or(UbusStatus::MethodNotFound)?;
        let Ok(mut given) = value::decode(attributes.data.unwrap_or_default()) else {
            self.malformed("arguments that are no table");
            return Err(UbusStatus::InvalidArgument);
        };
        let mut arguments = Map::new();
        for (name, kind) in method.arguments {
            match given.remove(*name) {
                Some(Value::Null) | None => {}
                Some(value) if kind.accepts(&value) => {
                    arguments.insert((*name).to_owned(), value);
                }
                Some(_) => return Err(UbusStatus::InvalidArgument),
            }
        }
        let session = match given.remove("ubus_rpc_session") {
            Some(Value::String(session)) => Some(session),
            Some(_) => return Err(UbusStatus::InvalidArgument),
            None => None,
        };
        Ok((arguments, session))
    }

    fn handle_event(&mut self, name: &str, attributes: &Attributes<'_>) {
        match value::decode(attributes.data.unwrap_or_default()) {
            Ok(data) => self.said.push_back(Said::Event(name.to_owned(), data)),
            Err(_) => self.malformed("an event whose data is no table"),
        }
    }

    fn handle_data(&mut self, frame: &Frame, attributes: &Attributes<'_>) {
        let Some(request) = self.requests.get_mut(&frame.seq).filter(|request| request.peer == frame.peer)
        else {
            // The answer to something that was given up: late, not malformed.
            return;
        };
        let mut wrong = None;
        match &mut request.what {
            What::AddObject { id } | What::AddListener { id } => *id = attributes.object.or(*id),
            What::Lookup { invoke, found } => {
                let signature = attributes.signature.unwrap_or_default();
                match (attributes.object, value::decode_signature(signature, &invoke.method)) {
                    (Some(object), Ok(types)) => *found = Some(Found { object, types }),
                    _ => wrong = Some("an object without id or with a broken signature"),
                }
            }
            What::Invoke { result, .. } => {
                let decoded = value::decode(attributes.data.unwrap_or_default());
                *result = decoded.map(Value::Object).map_err(UbusError::from);
                if result.is_err() {
                    wrong = Some("a result that is no table");
                }
            }
            What::Register => {}
        }
        if let Some(wrong) = wrong {
            self.malformed(wrong);
        }
    }

    fn handle_status(&mut self, frame: &Frame, attributes: &Attributes<'_>, now: Instant) {
        let Some(status) = attributes.status else { return self.malformed("a status without a number") };
        if self.requests.get(&frame.seq).is_none_or(|request| request.peer != frame.peer) {
            return;
        }
        let Some(request) = self.requests.remove(&frame.seq) else { return };
        let status = UbusStatus::from_code(status);
        match request.what {
            What::AddObject { id } => match (status, id) {
                (None, Some(id)) => {
                    self.object = Some(id);
                    self.said.push_back(Said::Ready);
                    self.add_listener(now);
                }
                (None, None) => self.said.push_back(Said::Refused(UbusStatus::NoData)),
                (Some(status), _) => self.said.push_back(Said::Refused(status)),
            },
            What::AddListener { id } => match (status, id) {
                (None, Some(id)) => self.register_patterns(id, now),
                (status, _) => self.said.push_back(Said::Deaf(status.unwrap_or(UbusStatus::NoData))),
            },
            What::Register => self.said.extend(status.map(Said::Deaf)),
            What::Lookup { invoke, found } => match (status, found) {
                (None, Some(found)) => self.call(invoke, found, request.deadline),
                (status, _) => {
                    let error = UbusError::Status(status.unwrap_or(UbusStatus::NotFound));
                    self.said.push_back(Said::Answer(invoke.id, Err(error)));
                }
            },
            What::Invoke { id, result } => {
                let answer = match status {
                    None => result,
                    Some(status) => Err(UbusError::Status(status)),
                };
                self.said.push_back(Said::Answer(id, answer));
            }
        }
    }

    /// A message was passed over: whoever waits for it must not wait for ever.
    fn handle_too_long(&mut self, frame: &Frame) {
        self.counters.too_long = self.counters.too_long.saturating_add(1);
        match (frame.kind, self.object) {
            (Some(MsgType::Invoke), Some(object)) => {
                self.answer(frame.seq, frame.peer, object, Err(UbusStatus::NoMemory));
            }
            (Some(MsgType::Data), _) => {
                if let Some(Request { peer, what: What::Invoke { result, .. }, .. }) =
                    self.requests.get_mut(&frame.seq)
                    && *peer == frame.peer
                {
                    *result = Err(UbusError::TooLarge);
                }
            }
            _ => {}
        }
    }

    /// The object is found: now it can be called.
    fn call(&mut self, invoke: Invoke, found: Found, deadline: Instant) {
        match value::encode(&invoke.arguments, found.types.as_ref()) {
            Ok(contents) => {
                let result = Ok(Value::Object(Map::new()));
                let what = What::Invoke { id: invoke.id, result };
                let seq = self.request(found.object, deadline, what);
                self.out.push_back(message::invoke(seq, found.object, &invoke.method, &contents));
            }
            Err(error) => self.said.push_back(Said::Answer(invoke.id, Err(error.into()))),
        }
    }

    fn add_listener(&mut self, now: Instant) {
        if !self.offer.listen.is_empty() {
            let seq = self.request(0, now + BROKER_PATIENCE, What::AddListener { id: None });
            self.out.push_back(message::add_nameless_object(seq));
        }
    }

    fn register_patterns(&mut self, listener: u32, now: Instant) {
        self.listener = Some(listener);
        for pattern in self.offer.listen {
            let seq = self.request(EVENT_OBJECT, now + BROKER_PATIENCE, What::Register);
            self.out.push_back(message::register(seq, listener, pattern));
        }
    }

    fn answer(&mut self, seq: u16, peer: u32, object: u32, result: Result<Value, UbusStatus>) {
        let status = match result {
            Ok(value) => {
                self.out.push_back(message::result(seq, peer, object, &contents_of(value)));
                0
            }
            Err(status) => status.code(),
        };
        self.out.push_back(message::end(seq, peer, object, status));
    }

    fn request(&mut self, peer: u32, deadline: Instant, what: What) -> u16 {
        let seq = self.free_seq();
        self.requests.insert(seq, Request { peer, deadline, what });
        seq
    }

    /// A number that no waiting request has. There are 65,536, and far fewer wait.
    fn free_seq(&mut self) -> u16 {
        loop {
            self.last_seq = self.last_seq.wrapping_add(1);
            if !self.requests.contains_key(&self.last_seq) {
                return self.last_seq;
            }
        }
    }

    fn malformed(&mut self, what: &'static str) {
        self.counters.malformed = self.counters.malformed.saturating_add(1);
        self.said.push_back(Said::Malformed(what));
    }
}

/// Time that the broker has to answer what concerns only itself.
pub(super) const BROKER_PATIENCE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests;
