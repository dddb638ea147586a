//! Questions that are put to the world outside, and what came back. `platform/probe` asks them.

use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

use crate::base::time::Span;

/// Which question, and who wants to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ProbeId {
    /// Whether an own uplink works.
    Uplink(u64),
    /// How long the way to the outside takes.
    Delay(u64),
    /// Which router stands so many hops away.
    Hop(u64, u8),
    /// Whether a service of this member answers: the round, and which.
    Service(u64, u8),
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Its number.
    pub id: ProbeId,
    /// The only device that it may leave by; `None` is whichever the routes say.
    pub device: Option<String>,
    /// What is asked.
    pub ask: Ask,
    /// How long to wait for the answer.
    pub patience: Span,
}

/// What is asked of whom.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Ask {
    /// An ICMP echo.
    Ping {
        /// Of this machine.
        to: IpAddr,
        /// After so many routers it is sent back.
        hop_limit: u8,
    },
    /// The name servers of the root, over UDP: every resolver knows them.
    Dns {
        /// Of this resolver.
        server: IpAddr,
    },
    /// A connection (TCP), which is closed at once.
    Connect {
        /// To this machine.
        server: SocketAddr,
    },
    /// A page; an answer of 2xx is good, so that a provider's own portal is not.
    Http {
        /// Of this machine.
        server: SocketAddr,
        /// The path, with its first slash.
        path: String,
    },
}

/// What came back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Found {
    /// The answer, after this time.
    Answer {
        /// From the question to the answer.
        after: Span,
    },
    /// A router sent it back because the hop limit was used up.
    Expired {
        /// Which.
        by: IpAddr,
    },
    /// Nothing in time, or a refusal on the way.
    Silence,
    /// This machine does not let us ask: it says nothing about the way.
    Refused {
        /// In its words.
        why: String,
    },
}

impl Ask {
    /// Whether it goes by IPv4.
    pub const fn is_ipv4(&self) -> bool {
        match self {
            Self::Ping { to, .. } => to.is_ipv4(),
            Self::Dns { server } => server.is_ipv4(),
            Self::Connect { server } | Self::Http { server, .. } => server.is_ipv4(),
        }
    }
}
