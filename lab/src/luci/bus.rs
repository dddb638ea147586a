//! A node's broker: calls from the pages go out, and the objects `session` and `uci` are offered as rpcd does it, because
//! the daemon asks the one who is behind a call, and has the other write who may log in.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tequio::platform::ubus::{ArgumentType, Call, InvokeId, Method, UbusError, UbusEvent, UbusServer};
use tokio::sync::{mpsc, oneshot};

use super::session::Sessions;
use super::uci::{Done, Uci};

/// The way to the broker of one node.
#[derive(Clone, Debug)]
pub(super) struct Bus(mpsc::Sender<Ask>);

#[derive(Debug)]
struct Ask {
    object: String,
    method: String,
    arguments: Map<String, Value>,
    answer: oneshot::Sender<Result<Value, UbusError>>,
}

impl Bus {
    /// Connects to the broker, now and whenever it comes back. Must run inside a `LocalSet`.
    pub(super) fn connect(socket: PathBuf, sessions: Rc<RefCell<Sessions>>, rpcd: PathBuf) -> Self {
        let (sender, asks) = mpsc::channel(MOST_WAITING);
        let uci = Uci::of_rpcd(rpcd);
        tokio::task::spawn_local(serve_uci(UbusServer::new(socket.clone(), "uci", UCI_METHODS), uci));
        tokio::task::spawn_local(serve(UbusServer::new(socket, "session", METHODS), asks, sessions));
        Self(sender)
    }

    /// Calls a method of an object.
    pub(super) async fn call(
        &self,
        object: &str,
        method: &str,
        arguments: Map<String, Value>,
    ) -> Result<Value, UbusError> {
        let (answer, answered) = oneshot::channel();
        let ask = Ask { object: object.to_owned(), method: method.to_owned(), arguments, answer };
        self.0.try_send(ask).map_err(|_| UbusError::Busy)?;
        answered.await.unwrap_or(Err(UbusError::Gone))
    }
}

async fn serve(mut server: UbusServer, mut asks: mpsc::Receiver<Ask>, sessions: Rc<RefCell<Sessions>>) {
    let mut waiting: BTreeMap<InvokeId, oneshot::Sender<Result<Value, UbusError>>> = BTreeMap::new();
    loop {
        tokio::select! {
            event = server.next() => match event {
                UbusEvent::Call(call) => {
                    let result = answer(&call, &sessions);
                    server.reply(call.call, result);
                }
                UbusEvent::Answer { invoke, result } => {
                    if let Some(answer) = waiting.remove(&invoke) {
                        // A browser that has gone away needs no answer.
                        let _ = answer.send(result);
                    }
                }
                UbusEvent::Connected | UbusEvent::Disconnected | UbusEvent::Event { .. } => {}
            },
            ask = asks.recv() => {
                let Some(ask) = ask else { return };
                let invoke = server.invoke(&ask.object, &ask.method, ask.arguments, PATIENCE);
                waiting.insert(invoke, ask.answer);
            }
        }
    }
}

/// rpcd's object `uci`, for the daemon: it writes the logins of the community's people there.
async fn serve_uci(mut server: UbusServer, mut uci: Uci) {
    loop {
        if let UbusEvent::Call(call) = server.next().await {
            let done = uci.call(&call.method, "root", &call.arguments, Instant::now());
            let answer = done.map(|done| match done {
                Done::Answer(value) => value,
                Done::Applied => Value::Object(Map::new()),
            });
            server.reply(call.call, answer);
        }
    }
}

fn answer(call: &Call, sessions: &RefCell<Sessions>) -> Result<Value, tequio::platform::ubus::UbusStatus> {
    let session = call.session.as_deref().unwrap_or_default();
    sessions.borrow_mut().call(&call.method, session, &call.arguments, Instant::now())
}

/// What rpcd's object `session` is asked by others on the bus.
const METHODS: &[Method] = &[
    Method { name: "get", arguments: &[("keys", ArgumentType::Array)] },
    Method {
        name: "access",
        arguments: &[
            ("scope", ArgumentType::Text),
            ("object", ArgumentType::Text),
            ("function", ArgumentType::Text),
        ],
    },
];

/// What rpcd's object `uci` is asked by the daemon.
const UCI_METHODS: &[Method] = &[
    Method { name: "get", arguments: &[("config", ArgumentType::Text), ("type", ArgumentType::Text)] },
    Method {
        name: "add",
        arguments: &[
            ("config", ArgumentType::Text),
            ("type", ArgumentType::Text),
            ("name", ArgumentType::Text),
            ("values", ArgumentType::Table),
        ],
    },
    Method { name: "delete", arguments: &[("config", ArgumentType::Text), ("section", ArgumentType::Text)] },
    Method { name: "commit", arguments: &[("config", ArgumentType::Text)] },
];

/// As long as LuCI waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// Calls that may wait for one broker.
const MOST_WAITING: usize = 256;
