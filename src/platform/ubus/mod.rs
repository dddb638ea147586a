//! ubus: the bus between the daemons of an OpenWrt router, LuCI and the command line.
//!
//! A broker listens on a Unix socket and passes messages on. [`UbusServer`] offers one named object
//! there and calls others; [`UbusClient`] only calls. Both are one `dialogue` over one
//! `connection`: the dialogue is a state machine of plain values (messages in, messages and events
//! out, time as an argument), the connection moves octets, and the files below them write and read
//! messages. The blob and blobmsg encodings come from the crate `ubus-zero`.
//!
//! What the broker or another client sends is bounded and cannot panic: a message that cannot be read
//! is counted, logged at most every ten seconds, and changes nothing; one that is too long is passed
//! over; when the border between messages is lost, the connection is made anew.

mod call;
mod client;
mod connection;
mod dialogue;
mod frame;
mod message;
mod object;
mod server;
mod status;
pub(crate) mod table;
mod value;

pub use call::{Call, CallId, Counters, InvokeId, Method, error_value};
pub use client::UbusClient;

pub use object::{BABELD, BABELD_METHODS, METHODS, OBJECT};
pub use server::{UbusEvent, UbusServer};
pub use status::{UbusError, UbusStatus};
pub use value::{ArgumentType, ValueError, is_wide};

/// Where the broker of an OpenWrt router listens.
pub const DEFAULT_SOCKET: &str = "/var/run/ubus/ubus.sock";
