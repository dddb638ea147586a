//! The Babel engine: routing (RFC 8966, RFC 9079, RFC 9229), as a machine without IO.
//!
//! Routers say Hello to their neighbours, and "I heard you" back: from what gets lost on the way each
//! knows what the link costs (`neighbour`). They tell each other what they can reach and at what metric
//! (`wire`, `receive`, `announce`); each picks the cheapest way (`select`, `decide`) among those that
//! cannot lead back through itself (`source`). When no such way is left, a request travels to the origin,
//! which answers with a newer sequence number (`request`).
//!
//! ```text
//! handle_packet -> wire (all TLVs become values) -> receive -> route, source -> decide -> changes to the kernel
//!                                                                              |
//! handle_wake   -> wake (deadlines) -----------------------------------------> send (what waits) -> announce -> packets
//! ```
//!
//! `auth` stands before all of it: whose packets are acted on (RFC 8967). What is called a prefix is a pair: where
//! packets go, and where they come from if that matters (RFC 9079).
//!
//! `docs/rfc-map.md` says section by section what is where.

#![forbid(unsafe_code)]

mod air;
mod announce;
pub mod auth;
pub mod counters;
mod decide;
mod disown;
mod doubt;
pub mod engine;
pub mod interface;
pub mod neighbour;
pub mod output;
pub mod policy;
mod receive;
pub mod report;
mod request;
mod route;
pub mod router_id;
mod rtt;
mod select;
mod send;
pub mod seqno;
pub mod settings;
pub mod source;
mod timer;
mod wake;
mod why;
pub mod wire;

#[cfg(test)]
mod tests;

pub use air::Air;
pub use engine::Engine;
pub use interface::InterfaceStatus;
pub use report::Report;
pub use router_id::RouterId;
pub use seqno::SeqNo;
pub use why::{Reason, Why};
