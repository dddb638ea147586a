//! What the operator decides about routing.

use serde::{Deserialize, Serialize};

use super::auth::settings::Auth;
use super::policy::Policy;
use crate::base::time::Span;

/// Settings of the whole engine.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The interfaces that Babel speaks on, by name; an interface that does not exist yet is waited for.
    pub interfaces: Vec<InterfaceSettings>,
    /// What is taken from the neighbours and told them.
    pub policy: Policy,
}

/// Settings of one interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceSettings {
    /// The kernel's name of it.
    pub name: String,
    /// How the cost of a neighbour is computed.
    pub kind: LinkKind,
    /// Time between two multicast Hellos, 100 ms to 600 s.
    pub hello_interval: Span,
    /// Time between two full updates, the Hello interval to 655 s; RFC 8966 appendix B suggests four times the Hello interval.
    pub update_interval: Span,
    /// Nominal cost of receiving here, 1 to 65,534: 96 for a cable, 256 for a radio.
    pub rxcost: u16,
    /// Whether routes learnt here are not announced back (only right on links where all hear all).
    pub split_horizon: bool,
    /// Whose packets are acted on.
    pub auth: Auth,
    /// The radio that this interface is on, if it shares its air with others: a packet that comes in and
    /// goes out on one radio takes its air twice.
    pub radio: Option<String>,
    /// Whether IPv4 routes are announced with our IPv6 address as their next hop (RFC 9229) also while we have an
    /// IPv4 address here.
    pub v4_via_v6: bool,
}

impl InterfaceSettings {
    /// The same with each value within its documented range: an interval that the wire cannot carry, or
    /// a cost of nothing, must not come from a file.
    #[must_use]
    pub fn bounded(&self) -> Self {
        let hello_interval = self.hello_interval.clamp(HELLO_LEAST, HELLO_MOST);
        Self {
            name: self.name.clone(),
            kind: self.kind,
            hello_interval,
            update_interval: self.update_interval.clamp(hello_interval, UPDATE_MOST),
            rxcost: self.rxcost.clamp(1, 65_534),
            split_horizon: self.split_horizon,
            auth: self.auth.clone(),
            radio: self.radio.clone(),
            v4_via_v6: self.v4_via_v6,
        }
    }
}

/// Ten Hellos in a second are more than any radio link gains from.
const HELLO_LEAST: Span = Span::from_millis(100);
const HELLO_MOST: Span = Span::from_secs(600);
/// The longest promise that 16 bits of centiseconds can hold.
const UPDATE_MOST: Span = Span::from_secs(655);

/// What kind of link an interface is (RFC 8966 appendix A.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LinkKind {
    /// A cable: 2 of the last 3 Hellos make it good, else it is dead.
    Wired,
    /// A tunnel through other people's networks: as a cable, and slow ones cost more (RFC 9616).
    Tunnel,
    /// A radio: ETX, the expected number of transmissions.
    Wireless,
    /// A cable to a closed radio of another make, whose carrier never drops: judged as a cable.
    Bridge,
}

impl LinkKind {
    /// The cost of receiving on a perfect link, where nothing else is said (babeld's values).
    pub const fn usual_rxcost(self) -> u16 {
        match self {
            Self::Wired | Self::Tunnel => 96,
            Self::Wireless | Self::Bridge => 256,
        }
    }
}
