//! tequio turns an OpenWrt router into a whole node of a community network.
//!
//! The house has five floors and an arrow only ever goes down (`tests/tidy.rs` decides):
//!
//! ```text
//! 5  main.rs  cli  daemon  planner   arguments; wiring; one loop
//! 4  config  platform          UCI -> typed config; the only IO
//! 3  node                      the four cores wired together: Input in, Output out. No IO
//! 2  babel  link  hotspot  ledger    four cores. No IO, and none names another
//! 1  base                      time, addresses, bounds, byte readers
//! ```
//!
//! Start reading at [`node`]; `docs/architecture.md` walks a packet and a voucher through the floors.

pub mod babel;
pub mod base;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod hotspot;
pub mod ledger;
pub mod link;
pub mod node;
mod planner;
pub mod platform;
