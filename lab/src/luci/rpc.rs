//! `/ubus` as uhttpd has it: JSON-RPC, one call or a list of them, each allowed by its session's rights.

use std::time::Instant;

use serde_json::{Map, Value, json};
use tequio::platform::ubus::{UbusError, UbusStatus};

use super::server::{Host, Node};
use super::uci::Done;

/// Answers the body of a request.
pub(super) async fn answer(host: &Host, node: &Node, body: &[u8]) -> Value {
    match serde_json::from_slice(body) {
        Ok(Value::Array(calls)) if calls.len() <= MOST_CALLS => {
            let mut answers = Vec::new();
            for call in &calls {
                answers.push(one(host, node, call).await);
            }
            Value::Array(answers)
        }
        Ok(call @ Value::Object(_)) => one(host, node, &call).await,
        Ok(_) => error(&Value::Null, INVALID_REQUEST),
        Err(_) => error(&Value::Null, PARSE_ERROR),
    }
}

async fn one(host: &Host, node: &Node, call: &Value) -> Value {
    let id = call.get("id").cloned().unwrap_or(Value::Null);
    if call.get("jsonrpc") != Some(&json!("2.0")) {
        return error(&id, INVALID_REQUEST);
    }
    if call.get("method") != Some(&json!("call")) {
        return error(&id, UNKNOWN_METHOD);
    }
    let parameters = call.get("params").and_then(Value::as_array).map(Vec::as_slice);
    let Some([Value::String(session), Value::String(object), Value::String(method), arguments]) = parameters
    else {
        return error(&id, INVALID_PARAMETERS);
    };
    let Value::Object(arguments) = arguments else { return error(&id, INVALID_PARAMETERS) };
    // Only uhttpd says who asks.
    if arguments.contains_key("ubus_rpc_session") {
        return error(&id, INVALID_PARAMETERS);
    }
    match perform(host, node, session, object, method, arguments.clone()).await {
        Ok(Ok(value)) => json!({"jsonrpc": "2.0", "id": id, "result": [0, value]}),
        Ok(Err(status)) => json!({"jsonrpc": "2.0", "id": id, "result": [status.code()]}),
        Err(refused) => error(&id, refused),
    }
}

/// The outer error is uhttpd's, the inner one the object's.
async fn perform(
    host: &Host,
    node: &Node,
    session: &str,
    object: &str,
    method: &str,
    mut arguments: Map<String, Value>,
) -> Result<Result<Value, UbusStatus>, Refusal> {
    if !host.may(session, "ubus", object, method) {
        return Err(ACCESS_DENIED);
    }
    match object {
        "session" => Ok(host.sessions.borrow_mut().call(method, session, &arguments, Instant::now())),
        "uci" => Ok(uci(host, node, session, method, &arguments).await),
        _ => {
            arguments.insert("ubus_rpc_session".to_owned(), json!(session));
            match node.bus.call(object, method, arguments).await {
                Ok(value) => Ok(Ok(value)),
                Err(UbusError::Status(UbusStatus::NotFound)) => Err(NO_OBJECT),
                Err(UbusError::Status(status)) => Ok(Err(status)),
                Err(UbusError::Timeout) => Err(TIMED_OUT),
                Err(_) => Ok(Err(UbusStatus::ConnectionFailed)),
            }
        }
    }
}

async fn uci(
    host: &Host,
    node: &Node,
    session: &str,
    method: &str,
    arguments: &Map<String, Value>,
) -> Result<Value, UbusStatus> {
    let kind = if matches!(method, "get" | "changes") { "read" } else { "write" };
    let package = arguments.get("config").and_then(Value::as_str).unwrap_or("tequio");
    if !host.may(session, "uci", package, kind) {
        return Err(UbusStatus::PermissionDenied);
    }
    let done = node.uci.borrow_mut().call(method, session, arguments, Instant::now())?;
    match done {
        Done::Answer(value) => Ok(value),
        Done::Applied => {
            node.reload().await;
            node.wait_for_confirmation();
            Ok(json!({}))
        }
    }
}

/// An error of JSON-RPC: number and words.
type Refusal = (i32, &'static str);

fn error(id: &Value, (code, message): Refusal) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}

const PARSE_ERROR: Refusal = (-32_700, "Parse error");
const INVALID_REQUEST: Refusal = (-32_600, "Invalid request");
const UNKNOWN_METHOD: Refusal = (-32_601, "Method not found");
const INVALID_PARAMETERS: Refusal = (-32_602, "Invalid parameters");
const NO_OBJECT: Refusal = (-32_000, "Object not found");
const ACCESS_DENIED: Refusal = (-32_002, "Access denied");
const TIMED_OUT: Refusal = (-32_003, "ubus request timed out");

/// Calls in one request.
const MOST_CALLS: usize = 64;
