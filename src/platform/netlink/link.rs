//! `struct ifinfomsg` and `struct ifaddrmsg` and the few of their attributes that we read.

use std::net::IpAddr;

use super::message::Message;
use super::route::address;
use crate::base::address::{InterfaceIndex, MacAddress};

/// Bytes of `struct ifinfomsg`: the head of a link message, and of a request to dump links.
pub const LINK_HEAD_BYTES: usize = 16;
/// Bytes of `struct ifaddrmsg`: the head of an address message, and of a request to dump addresses.
pub const ADDRESS_HEAD_BYTES: usize = 8;

/// `IFA_F_TENTATIVE` and `IFA_F_DADFAILED`: nobody may use the address (yet).
const UNUSABLE: u32 = 0x40 | 0x08;

/// One interface as the kernel tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkEntry {
    /// Its number.
    pub index: InterfaceIndex,
    /// Its name.
    pub name: String,
    /// Whether somebody switched it on.
    pub is_admin_up: bool,
    /// Whether it can carry packets: the cable has a carrier, the radio is associated.
    pub has_carrier: bool,
    /// Longest packet, in bytes.
    pub mtu: u32,
    /// Its Ethernet address, if it has one.
    pub mac: Option<MacAddress>,
}

impl LinkEntry {
    /// Reads a `RTM_NEWLINK` or `RTM_DELLINK` message. Messages of a family of their own (`AF_BRIDGE`)
    /// tell about a port's place in a bridge, not about the interface: `None`.
    pub fn parse(message: &Message<'_>) -> Option<Self> {
        let head: &[u8; LINK_HEAD_BYTES] = message.payload.first_chunk()?;
        let [family, _, _, _, i0, i1, i2, i3, f0, f1, f2, f3, ..] = *head;
        if i32::from(family) != libc::AF_UNSPEC {
            return None;
        }
        let flags = i32::from_ne_bytes([f0, f1, f2, f3]);
        let carrier = libc::IFF_LOWER_UP | libc::IFF_RUNNING;
        let mut entry = Self {
            index: InterfaceIndex(u32::from_ne_bytes([i0, i1, i2, i3])),
            name: String::new(),
            is_admin_up: flags & libc::IFF_UP != 0,
            has_carrier: flags & carrier == carrier,
            mtu: 0,
            mac: None,
        };
        for attribute in message.attributes(LINK_HEAD_BYTES) {
            match attribute.kind {
                libc::IFLA_IFNAME => entry.name = attribute.text().into_owned(),
                libc::IFLA_MTU => entry.mtu = attribute.u32()?,
                libc::IFLA_ADDRESS => entry.mac = attribute.value.try_into().ok().map(MacAddress),
                _ => {}
            }
        }
        Some(entry)
    }
}

/// One address of an interface as the kernel tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressEntry {
    /// Whose it is.
    pub interface: InterfaceIndex,
    /// The address.
    pub address: IpAddr,
    /// Whether it may be used: duplicate address detection is done and found none.
    pub is_usable: bool,
}

impl AddressEntry {
    /// Reads a `RTM_NEWADDR` or `RTM_DELADDR` message.
    pub fn parse(message: &Message<'_>) -> Option<Self> {
        let head: &[u8; ADDRESS_HEAD_BYTES] = message.payload.first_chunk()?;
        let [family, _, short_flags, _, i0, i1, i2, i3] = *head;
        let mut flags = u32::from(short_flags);
        let (mut local, mut general) = (None, None);
        for attribute in message.attributes(ADDRESS_HEAD_BYTES) {
            match attribute.kind {
                libc::IFA_LOCAL => local = address(family, attribute.value),
                libc::IFA_ADDRESS => general = address(family, attribute.value),
                libc::IFA_FLAGS => flags = attribute.u32()?,
                _ => {}
            }
        }
        Some(Self {
            interface: InterfaceIndex(u32::from_ne_bytes([i0, i1, i2, i3])),
            // On a point-to-point interface "address" is the other end, "local" is ours.
            address: local.or(general)?,
            is_usable: flags & UNUSABLE == 0,
        })
    }
}
