//! A node's broker: calls from the pages go out, and the object `session` is offered as rpcd does it, because the daemon
//! asks there who is behind a call.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tequio::platform::ubus::{ArgumentType, Call, InvokeId, Method, UbusError, UbusEvent, UbusServer};
use tokio::sync::{mpsc, oneshot};

use super::session::Sessions;

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
    pub(super) fn connect(socket: PathBuf, sessions: Rc<RefCell<Sessions>>) -> Self {
        let (sender, asks) = mpsc::channel(MOST_WAITING);
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

/// As long as LuCI waits.
const PATIENCE: Duration = Duration::from_secs(20);

/// Calls that may wait for one broker.
const MOST_WAITING: usize = 256;
