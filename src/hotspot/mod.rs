//! The captive hotspot: codes, tariffs, sessions and the portal's pages, as a machine without IO.
//!
//! A guest's phone asks for some page; the request comes in as a value ([`request`]) and leaves as a
//! value ([`portal::Page`]). A typed code goes out to be checked ([`output::Output::CheckCode`]), the
//! voucher behind it is asked for ([`output::Output::Voucher`]), and if time is left on it, a
//! [`session`] opens: the kernel is told to let the device through for a lease, never longer than
//! what is left. From then on the [`meter`] counts.
//!
//! What it is not: it knows no ledger (who sold what) and no kernel (how a device is let through).
//!
//! Start reading at [`Hotspot`].

#![forbid(unsafe_code)]

pub mod code;
mod engine;
mod login;
pub mod meter;
pub mod next;
pub mod output;
pub mod portal;
mod refused;
pub mod report;
pub mod request;
pub mod rules;
pub mod session;
pub mod settings;
pub mod tariff;
mod throttle;
mod told;

pub use engine::Hotspot;
