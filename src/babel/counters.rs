//! How much came and left, and what of it was dropped and why: of one interface, and of one neighbour.
//!
//! What is dropped before it comes here (a wrong port, too long) the sockets count; what was not believed
//! is counted by `auth`.

use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use super::auth::AuthCounters;
use super::engine::Engine;
use super::neighbour::NeighbourId;
use super::wire::packet::{Packet, PacketError};
use super::wire::tlv::TlvError;
use crate::base::address::InterfaceIndex;
use crate::base::sorted::SortedMap;

/// What came.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    /// Sound packets.
    pub packets: u64,
    /// TLVs in them that said something.
    pub tlvs: u64,
    /// Packets that were dropped, and TLVs that were ignored.
    pub dropped: SortedMap<Fault, u64>,
}

/// What went through one interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// From everybody.
    pub received: Received,
    /// Packets that were handed out.
    pub packets_sent: u64,
    /// TLVs in them.
    pub tlvs_sent: u64,
    /// Packets that nobody took in time.
    pub packets_unsent: u64,
}

/// What is wrong with what came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Fault {
    /// A packet from an address that is not link-local, or not for us, or while we do not speak there.
    Unwanted,
    /// A packet that is none (`Truncated` counts under position 0).
    Packet(PacketError),
    /// One TLV of a sound packet.
    Tlv(TlvError),
}

/// The figures of one interface, or of one neighbour there.
#[derive(Clone, Copy, Debug)]
pub struct Traffic<'a> {
    /// The interface.
    pub interface: InterfaceIndex,
    /// The neighbour; `None` is everybody.
    pub neighbour: Option<Ipv6Addr>,
    /// What came.
    pub received: &'a Received,
    /// Packets that left, and TLVs in them; not counted by neighbour.
    pub sent: Option<(u64, u64)>,
    /// Packets that nobody took in time.
    pub packets_unsent: u64,
    /// What was not believed.
    pub refused: AuthCounters,
}

impl Received {
    fn packet(&mut self, packet: &Packet) {
        self.packets = self.packets.wrapping_add(1);
        self.tlvs = self.tlvs.wrapping_add(packet.tlvs.len().try_into().unwrap_or(0));
        for (_, why) in &packet.ignored {
            self.drop(Fault::Tlv(*why));
        }
    }

    fn drop(&mut self, fault: Fault) {
        let fault = match fault {
            Fault::Packet(PacketError::Truncated(_)) => Fault::Packet(PacketError::Truncated(0)),
            fault => fault,
        };
        let count = self.dropped.entry(fault).or_default();
        *count = count.wrapping_add(1);
    }
}

impl Fault {
    /// A word for programs (`docs/ubus.md`).
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unwanted => "unwanted",
            Self::Packet(PacketError::Short) => "short",
            Self::Packet(PacketError::Magic) => "magic",
            Self::Packet(PacketError::Version) => "version",
            Self::Packet(PacketError::BodyLength) => "body_length",
            Self::Packet(PacketError::Truncated(_)) => "truncated",
            Self::Packet(PacketError::TooMany) => "too_many",
            Self::Tlv(TlvError::Short) => "tlv_short",
            Self::Tlv(TlvError::AddressEncoding) => "address_encoding",
            Self::Tlv(TlvError::PrefixLength) => "prefix_length",
            Self::Tlv(TlvError::NoDefaultPrefix) => "no_default_prefix",
            Self::Tlv(TlvError::Omitted) => "omitted",
            Self::Tlv(TlvError::Wildcard) => "wildcard",
            Self::Tlv(TlvError::Interval) => "interval",
            Self::Tlv(TlvError::HopCount) => "hop_count",
            Self::Tlv(TlvError::RouterId) => "router_id",
            Self::Tlv(TlvError::NoRouterId) => "no_router_id",
            Self::Tlv(TlvError::NoNextHop) => "no_next_hop",
            Self::Tlv(TlvError::NextHop) => "next_hop",
            Self::Tlv(TlvError::Mandatory) => "mandatory",
            Self::Tlv(TlvError::SubTlv) => "sub_tlv",
            Self::Tlv(TlvError::Martian) => "martian",
            Self::Tlv(TlvError::SourcePrefix) => "source_prefix",
        }
    }
}

impl Engine {
    /// The figures of each interface, then of each neighbour.
    pub fn traffic(&self) -> impl Iterator<Item = Traffic<'_>> {
        let interfaces = self.interfaces.iter().filter(|(_, interface)| interface.settings.is_some());
        let interfaces = interfaces.map(|(index, interface)| Traffic {
            interface: *index,
            neighbour: None,
            received: &interface.counters.received,
            sent: Some((interface.counters.packets_sent, interface.counters.tlvs_sent)),
            packets_unsent: interface.counters.packets_unsent,
            refused: self.refused_on(*index),
        });
        let neighbours = self.neighbours.values().map(|neighbour| Traffic {
            interface: neighbour.interface,
            neighbour: Some(neighbour.address),
            received: &neighbour.received,
            sent: None,
            packets_unsent: 0,
            refused: self
                .authentication_of(neighbour.interface, neighbour.address)
                .map(|(_, refused)| refused)
                .unwrap_or_default(),
        });
        interfaces.chain(neighbours)
    }

    /// A sound packet came; `id` is whose it is, if that is a neighbour.
    pub(super) fn count_packet(&mut self, index: InterfaceIndex, id: Option<NeighbourId>, packet: &Packet) {
        if let Some(counters) = self.counters_of(index) {
            counters.received.packet(packet);
        }
        if let Some(neighbour) = id.and_then(|id| self.neighbours.get_mut(&id)) {
            neighbour.received.packet(packet);
        }
    }

    /// A packet came that was dropped.
    pub(super) fn count_drop(&mut self, index: InterfaceIndex, source: Ipv6Addr, fault: Fault) {
        if let Some(counters) = self.counters_of(index) {
            counters.received.drop(fault);
        }
        let id = self.known_neighbour(index, source);
        if let Some(neighbour) = id.and_then(|id| self.neighbours.get_mut(&id)) {
            neighbour.received.drop(fault);
        }
    }

    pub(super) fn counters_of(&mut self, index: InterfaceIndex) -> Option<&mut Counters> {
        self.interfaces.get_mut(&index).map(|interface| &mut interface.counters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The one behind it, so that a fault that is added is missed here by the compiler.
    fn next(fault: Fault) -> Option<Fault> {
        Some(match fault {
            Fault::Unwanted => Fault::Packet(PacketError::Short),
            Fault::Packet(PacketError::Short) => Fault::Packet(PacketError::Magic),
            Fault::Packet(PacketError::Magic) => Fault::Packet(PacketError::Version),
            Fault::Packet(PacketError::Version) => Fault::Packet(PacketError::BodyLength),
            Fault::Packet(PacketError::BodyLength) => Fault::Packet(PacketError::Truncated(0)),
            Fault::Packet(PacketError::Truncated(_)) => Fault::Packet(PacketError::TooMany),
            Fault::Packet(PacketError::TooMany) => Fault::Tlv(TlvError::Short),
            Fault::Tlv(TlvError::Short) => Fault::Tlv(TlvError::AddressEncoding),
            Fault::Tlv(TlvError::AddressEncoding) => Fault::Tlv(TlvError::PrefixLength),
            Fault::Tlv(TlvError::PrefixLength) => Fault::Tlv(TlvError::NoDefaultPrefix),
            Fault::Tlv(TlvError::NoDefaultPrefix) => Fault::Tlv(TlvError::Omitted),
            Fault::Tlv(TlvError::Omitted) => Fault::Tlv(TlvError::Wildcard),
            Fault::Tlv(TlvError::Wildcard) => Fault::Tlv(TlvError::Interval),
            Fault::Tlv(TlvError::Interval) => Fault::Tlv(TlvError::HopCount),
            Fault::Tlv(TlvError::HopCount) => Fault::Tlv(TlvError::RouterId),
            Fault::Tlv(TlvError::RouterId) => Fault::Tlv(TlvError::NoRouterId),
            Fault::Tlv(TlvError::NoRouterId) => Fault::Tlv(TlvError::NoNextHop),
            Fault::Tlv(TlvError::NoNextHop) => Fault::Tlv(TlvError::NextHop),
            Fault::Tlv(TlvError::NextHop) => Fault::Tlv(TlvError::Mandatory),
            Fault::Tlv(TlvError::Mandatory) => Fault::Tlv(TlvError::SubTlv),
            Fault::Tlv(TlvError::SubTlv) => Fault::Tlv(TlvError::Martian),
            Fault::Tlv(TlvError::Martian) => Fault::Tlv(TlvError::SourcePrefix),
            Fault::Tlv(TlvError::SourcePrefix) => return None,
        })
    }

    #[test]
    fn every_fault_has_a_code_of_its_own_that_the_document_explains() {
        let document = include_str!("../../docs/ubus.md");
        let mut codes = Vec::new();
        let mut fault = Some(Fault::Unwanted);
        while let Some(this) = fault {
            let code = this.code();
            assert!(document.contains(&format!("`{code}`")), "{code} is not in docs/ubus.md");
            assert!(!codes.contains(&code), "{code} stands for two");
            codes.push(code);
            fault = next(this);
        }
        assert_eq!(codes.len(), 23);
    }
}
