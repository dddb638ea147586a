//! The community's address plan (`docs/ledger.md`): what follows from its charter and from a member's number and slot.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::base::address::Prefix;
use crate::ledger::{Charter, MemberState};

/// What is a member's own: its address, and where its guests live. Of two with one number or slot the other one has it.
pub(super) fn ranges(charter: &Charter, state: &MemberState) -> impl Iterator<Item = Prefix> {
    let number = Some(state.member.number.0).filter(|_| !state.number_taken);
    let slot = state.member.slot.filter(|_| !state.slot_taken);
    let ranges = [
        // The first /22 is for the nodes themselves, the /22s behind it for guests.
        number.and_then(|number| ipv4(charter, u32::from(number).min(1_023), 32)),
        slot.and_then(|slot| ipv4(charter, (u32::from(slot) + 1) << 10, 22)),
        number.and_then(|number| ipv6(charter, INFRASTRUCTURE << 64 | u128::from(number), 128)),
        slot.and_then(|slot| ipv6(charter, (u128::from(slot) + 1) << 64, 64)),
    ];
    ranges.into_iter().flatten()
}

/// The address of a member's router beyond its links; of two with one number the other one has it.
pub(crate) fn address(charter: &Charter, state: &MemberState) -> Option<Ipv6Addr> {
    let number = u128::from(state.member.number.0);
    match ipv6(charter, INFRASTRUCTURE << 64 | number, 128).filter(|_| !state.number_taken)?.address() {
        IpAddr::V6(address) => Some(address),
        IpAddr::V4(_) => None,
    }
}

/// Whether an address is in the part of the plan where the nodes themselves live.
pub(super) fn is_infrastructure(charter: &Charter, place: &Prefix) -> bool {
    let parts = [ipv4(charter, 0, 22), ipv6(charter, INFRASTRUCTURE << 64, 64)];
    parts.into_iter().flatten().any(|part| part.covers(place))
}

fn ipv4(charter: &Charter, offset: u32, length: u8) -> Option<Prefix> {
    let IpAddr::V4(base) = charter.ipv4.address() else { return None };
    Prefix::new(IpAddr::V4(Ipv4Addr::from_bits(base.to_bits() | offset)), length)
}

fn ipv6(charter: &Charter, offset: u128, length: u8) -> Option<Prefix> {
    let IpAddr::V6(base) = charter.ipv6.address() else { return None };
    Prefix::new(IpAddr::V6(Ipv6Addr::from_bits(base.to_bits() | offset)), length)
}

/// The /64 of the nodes' own addresses.
const INFRASTRUCTURE: u128 = 0xff00;
