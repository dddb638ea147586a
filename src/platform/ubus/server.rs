//! Our object on the bus, kept there.
//!
//! A broker that is absent, restarts or hangs is no reason to stop: the server tries again after a
//! pause that doubles up to [`LONGEST_PAUSE`], says so once, and puts the object back. Whoever waited
//! for an answer when the connection ended has got an error from the broker already.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::call::{Call, CallId, Counters, InvokeId, Method};
use super::connection::Connection;
use super::dialogue::{BROKER_PATIENCE, Dialogue, Offer, Said};
use super::status::{UbusError, UbusStatus};
use super::value::ValueError;

/// What happens on the bus.
#[derive(Clone, Debug, PartialEq)]
pub enum UbusEvent {
    /// Our object can be called. It could not before, or since the last [`Disconnected`](Self::Disconnected).
    Connected,
    /// Our object is gone, and all calls with it.
    Disconnected,
    /// Somebody calls a method of our object. [`UbusServer::reply`] answers, whenever the answer is
    /// ready; without one the call ends with a time-out after [`UBUS_CALL_S`](crate::base::limit::UBUS_CALL_S).
    Call(Call),
    /// A call that [`UbusServer::invoke`] made has ended.
    Answer {
        /// Which one.
        invoke: InvokeId,
        /// A table, or why there is none.
        result: Result<Value, UbusError>,
    },
    /// An event that was listened for.
    Event {
        /// Its name.
        name: String,
        /// What it says.
        data: Map<String, Value>,
    },
}

/// One named object on the bus, and calls to others.
#[derive(Debug)]
pub struct UbusServer {
    socket: PathBuf,
    offer: Offer,
    state: State,
    events: VecDeque<UbusEvent>,
    counters: Counters,
    pause: Duration,
    /// Whether the log already says that there is no connection.
    complained: bool,
    /// When the log last spoke of something that could not be read.
    grumbled: Option<Instant>,
    last_call: u64,
    last_invoke: u64,
}

#[derive(Debug)]
enum State {
    /// Not connected; the next attempt is at this time.
    Waiting(Instant),
    Open(Box<Link>),
}

#[derive(Debug)]
struct Link {
    connection: Connection,
    dialogue: Dialogue,
    since: Instant,
    ready: bool,
}

impl UbusServer {
    /// An object that will be offered at the broker that listens on `socket`. Nothing happens until
    /// [`next`](Self::next) is awaited.
    pub fn new(socket: PathBuf, object: &'static str, methods: &'static [Method]) -> Self {
        Self {
            socket,
            offer: Offer { object: Some((object, methods)), listen: &[] },
            state: State::Waiting(Instant::now()),
            events: VecDeque::new(),
            counters: Counters::default(),
            pause: FIRST_PAUSE,
            complained: false,
            grumbled: None,
            last_call: 0,
            last_invoke: 0,
        }
    }

    /// Also hears the events whose name is one of `patterns`, or begins with one that ends in `*`.
    #[must_use]
    pub fn listen(mut self, patterns: &'static [&'static str]) -> Self {
        self.offer.listen = patterns;
        self
    }

    /// Waits for the next event. May be cancelled at any time, as `select!` does; nothing is lost by
    /// it. While nobody waits here nothing is read and nobody is connected.
    pub async fn next(&mut self) -> UbusEvent {
        loop {
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            match &mut self.state {
                State::Waiting(until) => {
                    // Whoever asks us again after `until` is awake anyway; for nobody is anybody woken sooner.
                    if Instant::now() < *until {
                        tokio::time::sleep_until((*until + self.pause.min(SLACK)).into()).await;
                    }
                    self.connect().await;
                }
                State::Open(link) => {
                    let deadline = link.next_deadline();
                    let received = link.connection.receive();
                    let received = match deadline {
                        Some(deadline) => tokio::time::timeout_at(deadline.into(), received).await,
                        None => Ok(received.await),
                    };
                    match received {
                        Ok(Ok(frame)) => {
                            link.dialogue.handle(&frame, Instant::now());
                            self.settle();
                        }
                        Ok(Err(lost)) => self.disconnect(&lost.to_string()),
                        Err(_) => self.expire(),
                    }
                }
            }
        }
    }

    /// Answers a call, with a table or with a status. An answer that is larger than
    /// [`UBUS_MESSAGE_BYTES`](crate::base::limit::UBUS_MESSAGE_BYTES) becomes an error value that says
    /// so. A call that is over, because it took too long or the connection ended, is ignored.
    pub fn reply(&mut self, call: CallId, result: Result<Value, UbusStatus>) {
        if let State::Open(link) = &mut self.state {
            link.dialogue.reply(call, result);
            self.settle();
        }
    }

    /// Calls `method` of another object. The answer comes as [`UbusEvent::Answer`], after `timeout` at
    /// the latest, also when there is no connection.
    pub fn invoke(
        &mut self,
        object: &str,
        method: &str,
        arguments: Map<String, Value>,
        timeout: Duration,
    ) -> InvokeId {
        self.last_invoke += 1;
        let invoke = InvokeId(self.last_invoke);
        match &mut self.state {
            State::Open(link) if link.ready => {
                link.dialogue.invoke(invoke, object, method, arguments, Instant::now() + timeout);
                self.settle();
            }
            _ => self.events.push_back(UbusEvent::Answer { invoke, result: Err(UbusError::Gone) }),
        }
        invoke
    }

    /// Sends an event to whoever listens; lost if there is no connection.
    pub fn send_event(&mut self, name: &str, data: &Map<String, Value>) -> Result<(), ValueError> {
        if let State::Open(link) = &mut self.state
            && link.ready
        {
            link.dialogue.send_event(name, data)?;
            self.settle();
        }
        Ok(())
    }

    /// Tells whoever subscribed to our object; lost if there is no connection.
    pub fn notify(&mut self, what: &str, data: &Map<String, Value>) -> Result<(), ValueError> {
        if let State::Open(link) = &mut self.state
            && link.ready
        {
            link.dialogue.notify(what, data)?;
            self.settle();
        }
        Ok(())
    }

    /// Whether our object can be called.
    pub fn is_connected(&self) -> bool {
        matches!(&self.state, State::Open(link) if link.ready)
    }

    /// What went wrong since the server was made.
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Where the broker is looked for.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    async fn connect(&mut self) {
        match Connection::open(&self.socket).await {
            Ok(connection) => {
                let dialogue = Dialogue::new(self.offer, self.last_call);
                let link = Link { connection, dialogue, since: Instant::now(), ready: false };
                self.state = State::Open(Box::new(link));
            }
            Err(error) => self.disconnect(&error.to_string()),
        }
    }

    /// Sends what the dialogue wants sent, and turns what was said into events.
    fn settle(&mut self) {
        let State::Open(link) = &mut self.state else { return };
        let mut end = None;
        for message in link.dialogue.out.drain(..) {
            if let Err(lost) = link.connection.send(&message) {
                end = Some(lost.to_string());
                break;
            }
        }
        self.last_call = link.dialogue.last_call();
        let counters = std::mem::take(&mut link.dialogue.counters);
        self.counters.malformed = self.counters.malformed.saturating_add(counters.malformed);
        self.counters.too_long = self.counters.too_long.saturating_add(counters.too_long);
        self.counters.busy = self.counters.busy.saturating_add(counters.busy);
        self.counters.unanswered = self.counters.unanswered.saturating_add(counters.unanswered);
        let mut malformed = None;
        for said in link.dialogue.said.drain(..) {
            match said {
                Said::Ready => {
                    link.ready = true;
                    self.complained = false;
                    self.events.push_back(UbusEvent::Connected);
                }
                Said::Refused(status) => end = Some(format!("the broker does not take our object: {status}")),
                Said::Deaf(status) => log::warn!("ubus: the broker lets us hear no events: {status}"),
                Said::Call(call) => self.events.push_back(UbusEvent::Call(call)),
                Said::Answer(invoke, result) => self.events.push_back(UbusEvent::Answer { invoke, result }),
                Said::Event(name, data) => self.events.push_back(UbusEvent::Event { name, data }),
                Said::Malformed(what) => malformed = Some(what),
            }
        }
        if let Some(what) = malformed {
            self.grumble(what);
        }
        if let Some(end) = end {
            self.disconnect(&end);
        }
    }

    fn expire(&mut self) {
        let State::Open(link) = &mut self.state else { return };
        let now = Instant::now();
        link.dialogue.expire(now);
        if !link.ready && now >= link.since + BROKER_PATIENCE {
            return self.disconnect("the broker does not answer");
        }
        self.settle();
    }

    /// The connection is over, or did not come about.
    fn disconnect(&mut self, why: &str) {
        let waiting = State::Waiting(Instant::now() + self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        if let State::Open(link) = std::mem::replace(&mut self.state, waiting) {
            self.counters.disconnected = self.counters.disconnected.saturating_add(1);
            if link.ready {
                self.events.push_back(UbusEvent::Disconnected);
            }
            let gone = |invoke| UbusEvent::Answer { invoke, result: Err(UbusError::Gone) };
            self.events.extend(link.dialogue.abandoned().map(gone));
            if link.ready && link.since.elapsed() > STEADY {
                self.state = State::Waiting(Instant::now() + FIRST_PAUSE);
                self.pause = FIRST_PAUSE * 2;
            }
        }
        if !self.complained {
            log::warn!("ubus: no connection to {}: {why}; trying again", self.socket.display());
            self.complained = true;
        }
    }

    fn grumble(&mut self, what: &str) {
        if self.grumbled.is_none_or(|before| before.elapsed() > GRUMBLE_EVERY) {
            let count = self.counters.malformed;
            log::warn!("ubus: {what} came over {} ({count} so far)", self.socket.display());
            self.grumbled = Some(Instant::now());
        }
    }
}

impl Link {
    /// When somebody has waited long enough; nobody waits on a quiet connection.
    fn next_deadline(&self) -> Option<Instant> {
        let patience = (!self.ready).then(|| self.since + BROKER_PATIENCE);
        self.dialogue.next_deadline().into_iter().chain(patience).min()
    }
}

/// The pause before the second attempt to connect; after a steady connection also before the first.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);
/// A connection that lasted this long was a good one.
const STEADY: Duration = Duration::from_secs(10);
/// The log speaks of malformed messages at most this often.
const GRUMBLE_EVERY: Duration = Duration::from_secs(10);
/// How much longer an attempt waits for something else to wake us.
const SLACK: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
