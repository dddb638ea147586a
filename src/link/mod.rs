//! Radio links. A point-to-point link is planned here ([`budget`]) and watched from what its radio says ([`sample`]).

#![forbid(unsafe_code)]

pub mod budget;
pub mod change;
pub mod sample;
