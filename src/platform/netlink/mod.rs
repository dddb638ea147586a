//! Netlink, the kernel's language for routes, links, sets and radios, without a crate that names
//! every parser there is: bytes in and out ([`message`]) and one non-blocking socket ([`socket`]).
//!
//! Header fields and most attributes are in host byte order (so is everything here); addresses are
//! in network order. nfnetlink numbers and generic netlink ones differ: ask at each attribute.

pub mod direct;
mod error;
pub mod filter;
pub mod link;
pub mod message;
pub mod route;
pub mod socket;
