//! Asks the daemon, over ubus.

use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value};

use crate::base::limit;
use crate::platform::ubus::{OBJECT, UbusClient, UbusError, UbusStatus};

/// The whole answer to a call of `method`. Long lists come in parts, which are put together unless the
/// caller asked for a part. The error is a sentence: what, where, and what to do.
pub(super) fn ask(socket: &Path, method: &str, arguments: Map<String, Value>) -> Result<Value, String> {
    runtime()?.block_on(async {
        let mut client = connect(socket).await?;
        let mut whole = sold(&mut client, socket, method, arguments.clone()).await?;
        if LISTS.contains(&method) && !arguments.contains_key("offset") && !arguments.contains_key("limit") {
            complete(&mut client, socket, method, &mut whole).await?;
        }
        Ok(whole)
    })
}

/// What asking needs.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, String> {
    let built = tokio::runtime::Builder::new_current_thread().enable_all().build();
    built.map_err(|error| format!("this system has no room for one more program: {error}"))
}

/// The broker.
pub(super) async fn connect(socket: &Path) -> Result<UbusClient, String> {
    UbusClient::connect(socket).await.map_err(|error| cannot_connect(socket, &error))
}

/// The answer to a call. A lot of many vouchers can take minutes on a router: it is asked for again, by a key of our own if
/// nobody gave one, until it is there.
async fn sold(
    client: &mut UbusClient,
    socket: &Path,
    method: &str,
    mut arguments: Map<String, Value>,
) -> Result<Value, String> {
    if method == "voucher_issue" && !arguments.contains_key("key") {
        let mut key = [0; 8];
        getrandom::fill(&mut key).map_err(|error| format!("the kernel gives no random numbers: {error}"))?;
        arguments.insert("key".to_owned(), Value::from(format!("{:016x}", u64::from_be_bytes(key))));
    }
    loop {
        let reply = invoke(client, socket, method, &arguments).await?;
        match (&reply["error"]["code"], &reply["error"]["message"]) {
            (Value::String(code), Value::String(how_far)) if code == "working" => {
                eprintln!("{}", super::table::clean(how_far));
            }
            (_, Value::String(message)) => return Err(super::table::clean(message)),
            _ => return Ok(reply),
        }
    }
}

/// Fetches what the first part left out. What comes or goes in between may be missed or be there
/// twice: a table that changes is never seen at one moment.
async fn complete(
    client: &mut UbusClient,
    socket: &Path,
    method: &str,
    whole: &mut Value,
) -> Result<(), String> {
    for _ in 0..MOST_PARTS {
        let have = whole[method].as_array().map_or(0, Vec::len);
        if have as u64 >= whole["total"].as_u64().unwrap_or(0) {
            return Ok(());
        }
        let arguments = Map::from_iter([("offset".to_owned(), Value::from(have))]);
        let mut part = call(client, socket, method, &arguments).await?;
        let (Some(rows), Some(more)) = (whole[method].as_array_mut(), part[method].as_array_mut()) else {
            return Ok(());
        };
        if more.is_empty() {
            return Ok(());
        }
        rows.append(more);
    }
    Ok(())
}

/// The answer to one call; an error that it holds is the sentence.
pub(super) async fn call(
    client: &mut UbusClient,
    socket: &Path,
    method: &str,
    arguments: &Map<String, Value>,
) -> Result<Value, String> {
    let reply = invoke(client, socket, method, arguments).await?;
    match &reply["error"]["message"] {
        Value::String(message) => Err(super::table::clean(message)),
        _ => Ok(reply),
    }
}

async fn invoke(
    client: &mut UbusClient,
    socket: &Path,
    method: &str,
    arguments: &Map<String, Value>,
) -> Result<Value, String> {
    let reply = client.invoke(OBJECT, method, Value::Object(arguments.clone()), PATIENCE).await;
    reply.map_err(|error| cannot_call(socket, method, &error))
}

fn cannot_connect(socket: &Path, error: &UbusError) -> String {
    let socket = socket.display();
    match error {
        UbusError::Io(ErrorKind::NotFound | ErrorKind::ConnectionRefused) => format!(
            "no ubus broker listens on {socket}: start it with `service ubus start`, or name another socket \
             with --socket"
        ),
        UbusError::Io(ErrorKind::PermissionDenied) => {
            format!("this user may not open {socket}: try again as root")
        }
        error => format!("the ubus broker on {socket} does not greet us: {error}"),
    }
}

fn cannot_call(socket: &Path, method: &str, error: &UbusError) -> String {
    let socket = socket.display();
    match error {
        UbusError::Status(UbusStatus::NotFound) => format!(
            "no daemon answers on {socket}: start it with `service tequio start`, or name another socket with \
             --socket (who is not root sees no daemon either)"
        ),
        UbusError::Status(UbusStatus::PermissionDenied) => {
            format!("this user may not call `{method}` on {socket}: try again as root")
        }
        UbusError::Status(UbusStatus::MethodNotFound | UbusStatus::NotSupported) => format!(
            "the daemon on {socket} does not know `{method}`: it is of another version than this program, \
             restart it with `service tequio restart`"
        ),
        UbusError::Status(UbusStatus::InvalidArgument) => {
            format!("the daemon on {socket} does not take these arguments for `{method}`: see `--help`")
        }
        UbusError::Timeout | UbusError::Status(UbusStatus::Timeout) => format!(
            "the daemon on {socket} did not answer `{method}` in {} seconds: see its log with `logread -e tequio`",
            PATIENCE.as_secs()
        ),
        error => format!("the daemon on {socket} did not answer `{method}`: {error}"),
    }
}

/// The methods whose answers come in parts; the list has the method's name.
const LISTS: [&str; 5] = ["routes", "sources", "requests", "statistics", "sessions"];
/// Parts that are asked for at most; the longest table has 20,000 routes of 200 octets.
const MOST_PARTS: usize = 1_000;
/// The node gives up after its own time; a little more lets it say so.
const PATIENCE: Duration = Duration::from_secs(limit::NODE_REQUEST_S + 5);
