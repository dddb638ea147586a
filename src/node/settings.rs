//! What the operator decides about the whole node: the cores' settings side by side, and what ties
//! them together.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::probe::Ask;
use crate::babel::RouterId;
use crate::babel::policy::Selector;
use crate::base::address::{MacAddress, Prefix, PrefixPair};
use crate::base::hours::Hours;
use crate::base::time::Span;
use crate::link::settings::LinkSettings;
use crate::{babel, hotspot};

/// Settings of the node. A reload hands over a whole new value; each part is compared with the old one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The node's name, like `plaza`.
    pub name: String,
    /// Routing.
    pub babel: babel::settings::Settings,
    /// What the radios make of their links.
    pub links: Vec<LinkSettings>,
    /// Prefixes of this node. Each is announced while the kernel has that very route or address.
    pub announce: Vec<Announce>,
    /// Other routes of the kernel that are announced, or not; the first that fits decides.
    pub redistribute: Vec<Redistribute>,
    /// Ways outside. The default routes through one are announced while it works.
    pub uplinks: Vec<Uplink>,
    /// Machines outside that tell how far it is, at most one of each family.
    pub outside: Vec<IpAddr>,
    /// Who may announce default routes, and prefixes that are somebody's; nobody: nothing is looked at.
    pub entitled: Vec<Entitled>,
    /// The hotspot, if this node has one.
    pub hotspot: Option<hotspot::settings::Settings>,
    /// The hours of the night; none: no hour is.
    pub night: Vec<Hours>,
    /// Who needs no voucher.
    pub policies: Vec<Policy>,
    /// Who may do what, until the ledger says it.
    pub persons: Vec<Person>,
}

/// A way outside of this node's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uplink {
    /// The device.
    pub device: String,
    /// The metric that its default routes are announced with; 0 is nearest.
    pub metric: u16,
    /// Time between two rounds of questions while it works.
    pub interval: Span,
    /// What is asked to know whether it works; nothing: carrier and default route decide.
    pub asks: Vec<Ask>,
    /// Octets, both ways together, that it may carry in a month.
    pub month_bytes: Option<u64>,
    /// When it is announced; none: always.
    pub hours: Vec<Hours>,
    /// Where packets that may use it come from; none: everywhere.
    pub sources: Vec<Prefix>,
}

impl Uplink {
    /// Whether it is announced at some times only.
    pub const fn is_metered(&self) -> bool {
        self.month_bytes.is_some() || !self.hours.is_empty()
    }

    /// What a default route of the kernel's is announced as: for packets from those who may use it, and whom the
    /// provider serves.
    pub fn ways(&self, default: PrefixPair) -> Vec<PrefixPair> {
        if self.sources.is_empty() {
            return vec![default];
        }
        let both = |wanted: &Prefix| match default.source() {
            Some(served) if wanted.covers(&served) => Some(served),
            Some(served) if !served.covers(wanted) => None,
            _ => Some(*wanted),
        };
        let sources = self.sources.iter().filter_map(both);
        sources.filter_map(|source| PrefixPair::new(default.destination(), source)).collect()
    }

    /// What is asked over one family.
    pub fn asks_of(&self, ipv4: bool) -> Vec<Ask> {
        self.asks.iter().filter(|ask| ask.is_ipv4() == ipv4).cloned().collect()
    }
}

/// School, clinic or base station: passes without a voucher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its name for people.
    pub name: String,
    /// Its devices among the guests.
    pub macs: Vec<MacAddress>,
    /// Devices of this node that lead to networks of its own.
    pub devices: Vec<String>,
    /// When; none: always.
    pub hours: Vec<Hours>,
    /// Limit towards it in kbit/s; 0 is none.
    pub rate_down_kbps: u32,
    /// Limit from it in kbit/s; 0 is none.
    pub rate_up_kbps: u32,
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

/// Routes of other programs, and what becomes of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redistribute {
    /// Which; the device is the one that the kernel's route leads to.
    pub routes: Selector,
    /// Those that this program made (`RTPROT_*`).
    pub protocol: Option<u8>,
    /// Those in this table; own addresses stand in 255.
    pub table: Option<u32>,
    /// The metric that they start with; `None` leaves them out.
    pub metric: Option<u16>,
}

/// Routers, and what they may announce.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entitled {
    /// All inside is theirs; a default route is just that.
    pub prefixes: Vec<Prefix>,
    /// The routers.
    pub router_ids: Vec<RouterId>,
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
