//! Tests of the ledger as a whole, on a small village.

mod close;
mod envelope;
mod expulsion;
mod golden;
mod journal;
mod line;
pub(crate) mod look;
mod merge;
mod money;
mod paid;
mod rights;
mod scale;
mod sellers;
mod shares;
mod touched;
mod twice;
pub(crate) mod village;
