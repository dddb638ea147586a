//! Calls to other objects from a program that does one thing at a time: the command line.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::call::InvokeId;
use super::connection::{Connection, Lost};
use super::dialogue::{BROKER_PATIENCE, Dialogue, Offer, Said};
use super::status::UbusError;
use super::value::ValueError;

/// A connection to the broker that only calls.
#[derive(Debug)]
pub struct UbusClient {
    connection: Connection,
    dialogue: Dialogue,
    last_invoke: u64,
}

impl UbusClient {
    /// Connects to the broker that listens on `socket` and waits for its greeting.
    pub async fn connect(socket: &Path) -> Result<Self, UbusError> {
        let connection = Connection::open(socket).await.map_err(|error| UbusError::Io(error.kind()))?;
        let dialogue = Dialogue::new(Offer::default(), 0);
        let mut client = Self { connection, dialogue, last_invoke: 0 };
        let deadline = Instant::now() + BROKER_PATIENCE;
        loop {
            if let Said::Ready = client.next(deadline).await? {
                return Ok(client);
            }
        }
    }

    /// Calls `method` of `object` with a table of arguments, and waits for the answer, a table.
    pub async fn invoke(
        &mut self,
        object: &str,
        method: &str,
        arguments: Value,
        timeout: Duration,
    ) -> Result<Value, UbusError> {
        let arguments = match arguments {
            Value::Object(arguments) => arguments,
            Value::Null => Map::new(),
            _ => return Err(UbusError::Value(ValueError::Malformed("arguments that are no table"))),
        };
        self.last_invoke += 1;
        let id = InvokeId(self.last_invoke);
        let deadline = Instant::now() + timeout;
        self.dialogue.invoke(id, object, method, arguments, deadline);
        loop {
            match self.next(deadline).await? {
                Said::Answer(answered, result) if answered == id => return result,
                // The answer to an earlier call that we gave up.
                _ => {}
            }
        }
    }

    /// The next thing that is said, or a time-out at `deadline`.
    async fn next(&mut self, deadline: Instant) -> Result<Said, UbusError> {
        loop {
            for message in self.dialogue.out.drain(..) {
                self.connection.send(&message).map_err(error_of)?;
            }
            if let Some(said) = self.dialogue.said.pop_front() {
                return Ok(said);
            }
            let frame = match tokio::time::timeout_at(deadline.into(), self.connection.receive()).await {
                Ok(frame) => frame.map_err(error_of)?,
                Err(_) => {
                    self.dialogue.expire(Instant::now());
                    return Err(UbusError::Timeout);
                }
            };
            self.dialogue.handle(&frame, Instant::now());
        }
    }
}

fn error_of(lost: Lost) -> UbusError {
    match lost {
        Lost::Io(error) => UbusError::Io(error.kind()),
        Lost::Closed | Lost::Framing | Lost::Stuck => UbusError::Gone,
    }
}
