//! Radio links. A point-to-point link is planned here ([`budget`]); watching it, its cost and the two-ended change of
//! its settings are the radio issue's next parts.

#![forbid(unsafe_code)]

pub mod budget;
