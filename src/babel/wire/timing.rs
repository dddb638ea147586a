//! Timestamps (RFC 9616): sub-TLV 3 of Hellos and IHUs, in microseconds of the sender's clock. They belong
//! to a packet as a whole: an IHU gives back a time, and the Hello beside it says when.

use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::tlv::SUB_TLV_TIMESTAMP;

/// What a packet says about time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// When it left, by the sender's clock.
    pub sent: Option<u32>,
    /// For whom it gives back a time; `None` is whoever receives this.
    pub echoes: Vec<(Option<IpAddr>, Echo)>,
}

/// A time that is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Echo {
    /// What the other's Hello said, by the other's clock.
    pub origin: u32,
    /// When that Hello arrived, by the clock of who gives it back.
    pub received: u32,
}

/// What is to be written into a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenTiming {
    /// When it leaves.
    pub sent: u32,
    /// What each neighbour's IHU gives back.
    pub echoes: Vec<(Ipv6Addr, Echo)>,
}

impl WrittenTiming {
    /// The sub-TLV of a Hello.
    pub(super) fn hello(&self) -> Vec<u8> {
        [&[SUB_TLV_TIMESTAMP, 4][..], &self.sent.to_be_bytes()].concat()
    }

    /// The sub-TLV of an IHU for this neighbour; empty if there is nothing to give back.
    pub(super) fn ihu(&self, address: Option<IpAddr>) -> Vec<u8> {
        let Some(IpAddr::V6(address)) = address else { return Vec::new() };
        let echo = self.echoes.iter().find(|(neighbour, _)| *neighbour == address);
        echo.map_or_else(Vec::new, |(_, echo)| {
            [&[SUB_TLV_TIMESTAMP, 8][..], &echo.origin.to_be_bytes(), &echo.received.to_be_bytes()].concat()
        })
    }
}
