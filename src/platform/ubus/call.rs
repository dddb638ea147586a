//! A call: what is asked, and what is answered.

use serde_json::{Map, Value, json};

use super::value::{self, ArgumentType};
use crate::base::limit;

/// One method of our object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// Names and types of its arguments. All of them may be absent in a call.
    pub arguments: &'static [(&'static str, ArgumentType)],
}

/// A call that waits for our answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CallId(pub u64);

/// A call of ours that waits for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct InvokeId(pub u64);

/// Somebody calls a method of our object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// To be given back with the answer.
    pub call: CallId,
    /// One of the methods of the object's table.
    pub method: String,
    /// Those arguments that the table names, each of the right kind.
    pub arguments: Map<String, Value>,
    /// The LuCI session behind the call (`ubus_rpc_session`), which uhttpd adds and nobody can forge
    /// over HTTP; whoever calls over the Unix socket may write what he likes here.
    pub session: Option<String>,
    /// The Unix user who calls, as the broker says; over HTTP that is uhttpd's, always.
    pub unix_user: String,
}

/// What went by without being understood or kept, since the server was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages that could not be read.
    pub malformed: u32,
    /// Messages that were longer than we read.
    pub too_long: u32,
    /// Calls that were refused because too many were waiting.
    pub busy: u32,
    /// Calls that the node left without an answer.
    pub unanswered: u32,
    /// Times that the connection ended.
    pub disconnected: u32,
}

/// A failure that a person should read. ubus has no error texts: it is data, with status 0.
pub fn error_value(code: &str, message: &str) -> Value {
    json!({"error": {"code": code, "message": message}})
}

/// The octets of a result. What cannot be sent becomes an error that says so.
pub(super) fn contents_of(value: Value) -> Vec<u8> {
    let Value::Object(table) = value else {
        return contents_of(error_value("internal", "the answer is no table"));
    };
    let error = match value::measure(&table) {
        Ok(length) if length > limit::UBUS_MESSAGE_BYTES => error_value(
            "too-large",
            &format!(
                "the answer has {length} octets and a message may have {}: ask for a part of it with \
                 offset and limit",
                limit::UBUS_MESSAGE_BYTES
            ),
        ),
        Ok(_) => match value::encode(&table, None) {
            Ok(contents) => return contents,
            Err(error) => error_value("internal", &format!("the answer cannot be sent: {error}")),
        },
        Err(error) => error_value("internal", &format!("the answer cannot be sent: {error}")),
    };
    contents_of(error)
}
