//! What the operator decides about the whole node: the cores' settings side by side, and what ties
//! them together.

use serde::{Deserialize, Serialize};

use crate::base::address::PrefixPair;
use crate::{babel, hotspot};

/// Settings of the node. A reload hands over a whole new value; each part is compared with the old one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The node's name, like `plaza`.
    pub name: String,
    /// Routing.
    pub babel: babel::settings::Settings,
    /// Prefixes of this node. Each is announced while the kernel has that very route or address.
    pub announce: Vec<Announce>,
    /// Devices that lead outside. A default route through one of them is announced while it exists.
    pub uplinks: Vec<String>,
    /// The hotspot, if this node has one.
    pub hotspot: Option<hotspot::settings::Settings>,
    /// Who may do what, until the ledger says it.
    pub persons: Vec<Person>,
}

/// A prefix that this node announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announce {
    /// The prefix, exactly as the kernel has it; with a source, it is announced for packets from there only,
    /// whether the kernel's own route asks for a source or not.
    pub prefix: PrefixPair,
    /// The metric that neighbours start from; 0 is nearest.
    pub metric: u16,
}

/// Somebody who logs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The login name in LuCI.
    pub login: String,
    /// The name that stands in the accounts.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

/// What somebody may do on this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Look.
    Viewer,
    /// Look, sell and revoke.
    Caretaker,
    /// Everything.
    Admin,
}
