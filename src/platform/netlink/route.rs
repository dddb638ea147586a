//! `struct rtmsg` and the few of its attributes that we read and write.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::message::{Attribute, Batch, CREATE, Message, REPLACE};
use crate::babel::output::RouteAction;
use crate::base::address::{InterfaceIndex, Prefix, PrefixPair};

/// Bytes of `struct rtmsg`.
const HEAD_BYTES: usize = 12;

/// The protocol number of Babel (`RTPROT_BABEL`): how routes of ours are known as ours.
pub const PROTOCOL_BABEL: u8 = 42;
/// The main table.
pub const TABLE_MAIN: u32 = libc::RT_TABLE_MAIN as u32;

/// `RTA_VIA`: a next hop of another family; the C library of OpenWrt has no name for it.
const RTA_VIA: u16 = 18;

/// Flag of a route: the kernel's own cache entry (redirect, path MTU), no route.
const CLONED: u32 = libc::RTM_F_CLONED;
/// Flags of a next hop: its device is down, its carrier is gone.
const DEAD: u32 = 1;
const LINK_DOWN: u32 = 16;
/// Flag of a next hop: it is a neighbour, whatever the addresses of the device say.
const ON_LINK: u32 = 4;

/// One route as the kernel tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouteEntry {
    /// Which packets it is for.
    pub prefix: PrefixPair,
    /// The table it is in.
    pub table: u32,
    /// Who made it (`RTPROT_*`).
    pub protocol: u8,
    /// Its priority ("metric" of `ip route`).
    pub priority: u32,
    /// What it does (`RTN_*`).
    pub kind: u8,
    /// The device, of the first next hop if there are several.
    pub interface: Option<InterfaceIndex>,
    /// The neighbour it leads to, if it is the only one.
    pub next_hop: Option<IpAddr>,
    /// Whether packets for it are dropped because its device is down or has no carrier.
    pub is_dead: bool,
}

impl RouteEntry {
    /// Reads a `RTM_NEWROUTE` or `RTM_DELROUTE` message; `None` if it is no route of an IP family or
    /// only a cache entry.
    pub fn parse(message: &Message<'_>) -> Option<Self> {
        let head: &[u8; HEAD_BYTES] = message.payload.first_chunk()?;
        let [family, length, source_length, _, table, protocol, _, kind, f0, f1, f2, f3] = *head;
        let flags = u32::from_ne_bytes([f0, f1, f2, f3]);
        if flags & CLONED != 0 {
            return None;
        }
        let (mut destination, mut source) = (unspecified(family)?, unspecified(family)?);
        let mut entry = Self {
            prefix: PrefixPair::DEFAULT_V4,
            table: u32::from(table),
            protocol,
            priority: 0,
            kind,
            interface: None,
            next_hop: None,
            is_dead: flags & (DEAD | LINK_DOWN) != 0,
        };
        for attribute in message.attributes(HEAD_BYTES) {
            match attribute.kind {
                libc::RTA_DST => destination = address(family, attribute.value)?,
                libc::RTA_SRC => source = address(family, attribute.value)?,
                libc::RTA_OIF => entry.interface = attribute.u32().map(InterfaceIndex),
                libc::RTA_GATEWAY => entry.next_hop = address(family, attribute.value),
                RTA_VIA => entry.next_hop = via(&attribute),
                libc::RTA_PRIORITY => entry.priority = attribute.u32()?,
                libc::RTA_TABLE => entry.table = attribute.u32()?,
                libc::RTA_MULTIPATH => entry.first_of_several(attribute.value),
                _ => {}
            }
        }
        let source = Prefix::new(source, source_length)?;
        entry.prefix = PrefixPair::new(Prefix::new(destination, length)?, source)?;
        Some(entry)
    }

    /// What it does, if it is something that we ask for ourselves.
    pub fn action(&self) -> Option<RouteAction> {
        match (self.kind, self.next_hop, self.interface) {
            (libc::RTN_UNICAST, Some(next_hop), Some(interface)) => {
                Some(RouteAction::Install { next_hop, interface })
            }
            (libc::RTN_UNREACHABLE, ..) => Some(RouteAction::Unreachable),
            _ => None,
        }
    }

    /// `struct rtnexthop` {length u16, flags u8, hops u8, interface i32}; only the first one counts.
    fn first_of_several(&mut self, value: &[u8]) {
        if let Some([_, _, flags, _, i0, i1, i2, i3]) = value.first_chunk::<8>() {
            self.interface = Some(InterfaceIndex(u32::from_ne_bytes([*i0, *i1, *i2, *i3])));
            self.next_hop = None;
            self.is_dead |= u32::from(*flags) & (DEAD | LINK_DOWN) != 0;
        }
    }
}

/// The table and priority that a route of ours is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The table.
    pub table: u32,
    /// The priority.
    pub priority: u32,
}

/// The fixed head of a dump request for the routes of one family and table.
pub fn dump_head(family: u8, table: u32) -> [u8; HEAD_BYTES] {
    head(family, (0, 0), table, 0, 0, 0, 0)
}

/// Writes the table attribute of a dump request, for table numbers that do not fit the head.
pub fn dump_table(batch: &mut Batch, table: u32) {
    batch.attribute(libc::RTA_TABLE, &table.to_ne_bytes());
}

/// Adds the message that makes the kernel do `action` for `prefix`; it asks for no acknowledgement.
///
/// An install replaces what has the same prefix, table and priority in one step, so that no packet
/// is lost between two routes.
pub fn put(batch: &mut Batch, sequence: u32, place: Place, prefix: PrefixPair, action: RouteAction) {
    let (destination, source) = (prefix.destination(), prefix.source());
    let family = family_of(destination.address());
    let (message, flags, kind, route_flags) = match action {
        RouteAction::Install { next_hop, .. } => {
            // A Babel neighbour is a neighbour by definition. A link-local address needs no flag to
            // say so, and IPv4 over IPv6 (RTA_VIA) does not need it either.
            let flags = if is_link_local(next_hop) { 0 } else { ON_LINK };
            (libc::RTM_NEWROUTE, CREATE | REPLACE, libc::RTN_UNICAST, flags)
        }
        RouteAction::Unreachable => (libc::RTM_NEWROUTE, CREATE | REPLACE, libc::RTN_UNREACHABLE, 0),
        RouteAction::Remove => (libc::RTM_DELROUTE, 0, 0, 0),
    };
    // "Nowhere" is the only scope that matches routes of every scope when they are removed.
    let scope = if action == RouteAction::Remove { libc::RT_SCOPE_NOWHERE } else { 0 };
    let lengths = (destination.length(), source.map_or(0, |source| source.length()));
    let head = head(family, lengths, place.table, PROTOCOL_BABEL, scope, kind, route_flags);
    batch.message(message, flags, sequence, &head, |batch| {
        if destination.length() > 0 {
            address_attribute(batch, libc::RTA_DST, destination.address());
        }
        if let Some(source) = source {
            address_attribute(batch, libc::RTA_SRC, source.address());
        }
        batch.attribute(libc::RTA_TABLE, &place.table.to_ne_bytes());
        batch.attribute(libc::RTA_PRIORITY, &place.priority.to_ne_bytes());
        if let RouteAction::Install { next_hop, interface } = action {
            batch.attribute(libc::RTA_OIF, &interface.0.to_ne_bytes());
            next_hop_attribute(batch, destination, next_hop);
        }
    });
}

/// An address of the other family than the prefix goes into `RTA_VIA` {family u16 host order, address}.
fn next_hop_attribute(batch: &mut Batch, prefix: Prefix, next_hop: IpAddr) {
    if prefix.is_ipv4() == next_hop.is_ipv4() {
        return address_attribute(batch, libc::RTA_GATEWAY, next_hop);
    }
    let mut value = u16::from(family_of(next_hop)).to_ne_bytes().to_vec();
    match next_hop {
        IpAddr::V4(v4) => value.extend(v4.octets()),
        IpAddr::V6(v6) => value.extend(v6.octets()),
    }
    batch.attribute(RTA_VIA, &value);
}

fn address_attribute(batch: &mut Batch, kind: u16, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => batch.attribute(kind, &v4.octets()),
        IpAddr::V6(v6) => batch.attribute(kind, &v6.octets()),
    }
}

fn head(
    family: u8,
    (length, source_length): (u8, u8),
    table: u32,
    protocol: u8,
    scope: u8,
    kind: u8,
    flags: u32,
) -> [u8; HEAD_BYTES] {
    let table = u8::try_from(table).unwrap_or(libc::RT_TABLE_UNSPEC);
    let [f0, f1, f2, f3] = flags.to_ne_bytes();
    [family, length, source_length, 0, table, protocol, scope, kind, f0, f1, f2, f3]
}

fn via(attribute: &Attribute<'_>) -> Option<IpAddr> {
    let (family, value) = attribute.value.split_first_chunk::<2>()?;
    address(u8::try_from(u16::from_ne_bytes(*family)).ok()?, value)
}

const fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local())
}

/// The address family of an address, as netlink names it.
pub const fn family_of(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => libc::AF_INET as u8,
        IpAddr::V6(_) => libc::AF_INET6 as u8,
    }
}

/// The address of `family` in `value`, in network order.
pub fn address(family: u8, value: &[u8]) -> Option<IpAddr> {
    match i32::from(family) {
        libc::AF_INET => Some(Ipv4Addr::from(<[u8; 4]>::try_from(value).ok()?).into()),
        libc::AF_INET6 => Some(Ipv6Addr::from(<[u8; 16]>::try_from(value).ok()?).into()),
        _ => None,
    }
}

const fn unspecified(family: u8) -> Option<IpAddr> {
    match family as i32 {
        libc::AF_INET => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        libc::AF_INET6 => Some(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::netlink::message::Messages;

    #[test]
    fn what_we_ask_for_is_what_we_read_back() {
        let place = Place { table: 1042, priority: 500 };
        let neighbour: IpAddr = "fe80::1".parse().unwrap();
        let install = RouteAction::Install { next_hop: neighbour, interface: InterfaceIndex(7) };
        let v4 = RouteAction::Install { next_hop: "10.0.0.1".parse().unwrap(), interface: InterfaceIndex(7) };
        for (prefix, action) in [
            ("10.1.0.0/22", install),
            ("10.1.0.0/22", v4),
            ("fd00:1::/48", install),
            ("0.0.0.0/0", install),
            ("::/0", RouteAction::Unreachable),
            ("::/0 from 2001:db8:1::/48", install),
            ("fd00:1::/48 from 2001:db8:1::/48", RouteAction::Unreachable),
        ] {
            let mut batch = Batch::new();
            put(&mut batch, 3, place, prefix.parse().unwrap(), action);
            let message = Messages::new(batch.bytes()).next().unwrap();
            let entry = RouteEntry::parse(&message).unwrap();
            assert_eq!(entry.prefix, prefix.parse().unwrap());
            assert_eq!((entry.table, entry.priority, entry.protocol), (1042, 500, PROTOCOL_BABEL));
            assert_eq!(entry.action(), Some(action));
        }
    }

    #[test]
    fn cut_or_strange_messages_are_no_route() {
        let mut batch = Batch::new();
        let action = RouteAction::Unreachable;
        put(&mut batch, 3, Place { table: 1, priority: 1 }, "fd00::/8".parse().unwrap(), action);
        let message = Messages::new(batch.bytes()).next().unwrap();
        for end in 0..HEAD_BYTES {
            let cut = Message { payload: &message.payload[..end], ..message };
            assert_eq!(RouteEntry::parse(&cut), None);
        }
        let mut payload = message.payload.to_vec();
        payload[0] = 99;
        assert_eq!(RouteEntry::parse(&Message { payload: &payload, ..message }), None);
        payload[0] = libc::AF_INET6 as u8;
        payload[1] = 129;
        assert_eq!(RouteEntry::parse(&Message { payload: &payload, ..message }), None);
    }
}
