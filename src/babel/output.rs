//! What leaves the engine.

use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::base::address::{InterfaceIndex, PrefixPair};

/// One thing that the world should do for the engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// Send this Babel packet from port 6696 to port 6696 of `destination` (a link-local unicast
    /// address, or `ff02::1:6`) out of `interface`.
    Send {
        /// Where to send it out.
        interface: InterfaceIndex,
        /// Whom to.
        destination: Ipv6Addr,
        /// Header and body.
        bytes: Vec<u8>,
        /// What is to be put behind them before it leaves: [`sealed`](super::auth::wire::sealed) does it.
        seal: Option<Seal>,
    },
    /// Change these routes in the kernel, in this order.
    Routes(Vec<RouteChange>),
    /// Something a person or a log may want to know.
    Event(Event),
}

/// Which MACs a packet needs (RFC 8967 4.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seal {
    /// The address that it leaves from: each MAC covers it.
    pub source: Ipv6Addr,
    /// The names of the keys.
    pub keys: Vec<String>,
}

/// One route to put into, or take from, the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteChange {
    /// Which packets.
    pub prefix: PrefixPair,
    /// What the kernel shall do with them.
    pub action: RouteAction,
}

/// Whether the kernel can route these packets by themselves: Linux has subtrees for IPv6 only, so IPv4
/// routes that depend on the source are passed on and not installed (RFC 9079 section 4).
pub const fn kernel_takes(prefix: &PrefixPair) -> bool {
    prefix.source().is_none() || !prefix.is_ipv4()
}

/// What the kernel shall do with packets for a prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RouteAction {
    /// Send them this way; replaces whatever we had there.
    Install {
        /// The neighbour's address: a link-local IPv6 address, also for IPv4 prefixes (RFC 9229).
        next_hop: IpAddr,
        /// The interface it is behind.
        interface: InterfaceIndex,
    },
    /// Refuse them: the route was lost, and a shorter prefix must not be used instead yet (RFC 8966 2.8).
    Unreachable,
    /// We have no opinion any more.
    Remove,
}

/// Something that happened in routing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A neighbour was heard for the first time.
    NeighbourNew {
        /// On which interface.
        interface: InterfaceIndex,
        /// Its link-local address.
        address: Ipv6Addr,
    },
    /// A neighbour was not heard any more, or its interface went away.
    NeighbourLost {
        /// On which interface.
        interface: InterfaceIndex,
        /// Its link-local address.
        address: Ipv6Addr,
    },
    /// A packet was refused; the engine limits how often it says so.
    BadPacket {
        /// On which interface.
        interface: InterfaceIndex,
        /// Who sent it.
        address: Ipv6Addr,
        /// What is wrong and at which byte.
        why: String,
    },
    /// A table is full and something was turned away; said once until there is room again.
    TableFull {
        /// Which table.
        table: String,
    },
}
