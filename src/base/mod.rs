//! Floor 1: what every other room speaks in. Time as a number, addresses, bounds, byte readers,
//! seeded randomness. Nothing here reads a clock, opens a socket or rolls real dice.

#![forbid(unsafe_code)]

pub mod address;
pub mod bytes;
pub mod hours;
pub mod label;
pub mod language;
pub mod limit;
pub mod random;
pub mod sorted;
pub mod time;
pub mod voucher;
