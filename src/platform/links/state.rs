//! What is known of the interfaces: bookkeeping without IO.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{LinkEvent, LinkStatus};
use crate::base::address::InterfaceIndex;
use crate::base::limit;
use crate::base::sorted::{SortedMap, SortedSet};
use crate::platform::netlink::link::{AddressEntry, LinkEntry};

/// What is known of the interfaces.
#[derive(Debug, Default)]
pub(super) struct State {
    links: SortedMap<InterfaceIndex, LinkStatus>,
    /// Usable link-local addresses of each interface.
    addresses: SortedMap<InterfaceIndex, SortedSet<Ipv6Addr>>,
    /// Usable IPv4 addresses of each.
    addresses_v4: SortedMap<InterfaceIndex, SortedSet<Ipv4Addr>>,
}

impl State {
    /// An interface appeared or changed; what is to be told. An interface beyond [`limit::LINKS`] is
    /// not watched.
    pub(super) fn link(&mut self, entry: LinkEntry) -> Vec<LinkEvent> {
        let index = entry.index;
        let known = self.links.get(&index);
        if known.is_none() && self.links.len() >= limit::LINKS {
            return Vec::new();
        }
        let status = LinkStatus {
            index,
            name: entry.name,
            up: entry.is_admin_up && entry.has_carrier,
            link_local: choose(&self.addresses, index, known.and_then(|known| known.link_local)),
            mtu: entry.mtu,
            mac: entry.mac,
            ipv4: choose(&self.addresses_v4, index, known.and_then(|known| known.ipv4)),
        };
        if known == Some(&status) {
            return Vec::new();
        }
        self.links.insert(index, status.clone());
        vec![LinkEvent::Interface(status)]
    }

    /// An interface is gone; what is to be told.
    pub(super) fn gone(&mut self, index: InterfaceIndex) -> Vec<LinkEvent> {
        self.addresses.remove(&index);
        self.addresses_v4.remove(&index);
        self.links.remove(&index).map(|_| LinkEvent::Gone(index)).into_iter().collect()
    }

    /// An address came (`is_there`) or went; what is to be told.
    pub(super) fn address(&mut self, entry: &AddressEntry, is_there: bool) -> Option<LinkEvent> {
        // An address may be told before or after its interface, never without it for long.
        let before = self.links.get(&entry.interface)?;
        let (link_local, ipv4) = (before.link_local, before.ipv4);
        let (v6, v4) = (&mut self.addresses, &mut self.addresses_v4);
        let is_there = is_there && entry.is_usable;
        match entry.address {
            IpAddr::V6(address) if address.is_unicast_link_local() => {
                keep(v6.entry(entry.interface).or_default(), address, is_there);
            }
            IpAddr::V4(address) => keep(v4.entry(entry.interface).or_default(), address, is_there),
            IpAddr::V6(_) => return None,
        }
        let chosen = (
            choose(&self.addresses, entry.interface, link_local),
            choose(&self.addresses_v4, entry.interface, ipv4),
        );
        let link = self.links.get_mut(&entry.interface)?;
        if (link.link_local, link.ipv4) == chosen {
            return None;
        }
        (link.link_local, link.ipv4) = chosen;
        Some(LinkEvent::Interface(link.clone()))
    }

    /// Everything was read anew because events were lost: what is gone is to be told first, because a name may
    /// have a new interface, and then every interface, because what it lost and got back nobody saw (IPv6, and with
    /// it its multicast groups).
    pub(super) fn replace(&mut self, links: Vec<LinkEntry>, addresses: &[AddressEntry]) -> Vec<LinkEvent> {
        let there: SortedSet<InterfaceIndex> = links.iter().map(|link| link.index).collect();
        let lost: Vec<InterfaceIndex> =
            self.links.keys().filter(|index| !there.contains(index)).copied().collect();
        let mut events: Vec<LinkEvent> = lost.into_iter().flat_map(|index| self.gone(index)).collect();
        self.addresses.clear();
        self.addresses_v4.clear();
        for entry in addresses.iter().filter(|entry| entry.is_usable && there.contains(&entry.interface)) {
            match entry.address {
                IpAddr::V6(address) if address.is_unicast_link_local() => {
                    keep(self.addresses.entry(entry.interface).or_default(), address, true);
                }
                IpAddr::V4(address) => {
                    keep(self.addresses_v4.entry(entry.interface).or_default(), address, true);
                }
                IpAddr::V6(_) => {}
            }
        }
        for link in links {
            let index = link.index;
            self.link(link);
            events.extend(self.links.get(&index).cloned().map(LinkEvent::Interface));
        }
        events
    }

    /// The name of an interface; empty if it is not known (any more).
    pub(super) fn name(&self, index: InterfaceIndex) -> String {
        self.links.get(&index).map(|link| link.name.clone()).unwrap_or_default()
    }
}

/// The address that neighbours know is kept as long as it is there; else the lowest.
fn choose<A: Copy + Ord>(
    of: &SortedMap<InterfaceIndex, SortedSet<A>>,
    index: InterfaceIndex,
    current: Option<A>,
) -> Option<A> {
    let addresses = of.get(&index)?;
    current.filter(|current| addresses.contains(current)).or_else(|| addresses.first().copied())
}

fn keep<A: Ord>(addresses: &mut SortedSet<A>, address: A, is_there: bool) {
    if !is_there {
        addresses.remove(&address);
    } else if addresses.len() < ADDRESSES {
        addresses.insert(address);
    }
}

/// Addresses of a family that are remembered of one interface; it has one or two.
const ADDRESSES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: InterfaceIndex = InterfaceIndex(5);

    fn entry(index: InterfaceIndex, name: &str, has_carrier: bool) -> LinkEntry {
        LinkEntry { index, name: name.to_owned(), is_admin_up: true, has_carrier, mtu: 1500, mac: None }
    }

    fn address(text: &str, is_usable: bool) -> AddressEntry {
        AddressEntry { interface: INDEX, address: text.parse().unwrap(), is_usable }
    }

    fn told(events: &[LinkEvent]) -> Vec<(bool, Option<String>)> {
        let status = |event: &LinkEvent| match event {
            LinkEvent::Interface(link) => (link.up, link.link_local.map(|address| address.to_string())),
            other => panic!("{other:?}"),
        };
        events.iter().map(status).collect()
    }

    #[test]
    fn only_changes_are_told() {
        let mut state = State::default();
        assert_eq!(told(&state.link(entry(INDEX, "mesh0", false))), [(false, None)]);
        assert_eq!(state.link(entry(INDEX, "mesh0", false)), []);
        assert_eq!(told(&state.link(entry(INDEX, "mesh0", true))), [(true, None)]);
        assert_eq!(state.link(entry(INDEX, "mesh1", true)).len(), 1, "another name");
        assert_eq!(state.gone(INDEX), [LinkEvent::Gone(INDEX)]);
        assert_eq!(state.gone(INDEX), []);
    }

    #[test]
    fn a_tentative_address_does_not_count_and_the_one_in_use_is_kept() {
        let mut state = State::default();
        state.link(entry(INDEX, "mesh0", true));
        assert_eq!(state.address(&address("fe80::5", false), true), None);
        let event = state.address(&address("fe80::5", true), true).unwrap();
        assert_eq!(told(&[event]), [(true, Some("fe80::5".to_owned()))]);
        assert_eq!(state.address(&address("fe80::1", true), true), None, "the lower one came later");
        assert_eq!(state.address(&address("fd00::1", true), true), None);
        let event = state.address(&address("fe80::5", true), false).unwrap();
        assert_eq!(told(&[event]), [(true, Some("fe80::1".to_owned()))]);
    }

    #[test]
    fn an_ipv4_address_is_told_too_and_the_one_in_use_is_kept() {
        let mut state = State::default();
        state.link(entry(INDEX, "mesh0", true));
        let mut told = |text: &str, is_there| match state.address(&address(text, true), is_there) {
            Some(LinkEvent::Interface(link)) => Some(link.ipv4.map(|address| address.to_string())),
            _ => None,
        };
        assert_eq!(told("10.0.0.5", true), Some(Some("10.0.0.5".to_owned())));
        assert_eq!(told("10.0.0.1", true), None);
        assert_eq!(told("10.0.0.5", false), Some(Some("10.0.0.1".to_owned())));
        assert_eq!(told("10.0.0.1", false), Some(None));
    }

    #[test]
    fn after_a_new_reading_what_is_gone_is_told_first_and_every_interface_again() {
        let mut state = State::default();
        let links = || vec![entry(INDEX, "mesh0", true), entry(InterfaceIndex(6), "mesh1", true)];
        assert_eq!(state.replace(links(), &[address("fe80::5", true)]).len(), 2);
        let told_again = state.replace(links(), &[address("fe80::5", true)]);
        assert_eq!(told(&told_again), [(true, Some("fe80::5".to_owned())), (true, None)]);
        let again = vec![entry(InterfaceIndex(7), "mesh0", true), entry(InterfaceIndex(6), "mesh1", true)];
        let events = state.replace(again, &[]);
        assert_eq!(events[0], LinkEvent::Gone(INDEX));
        assert_eq!(told(&events[1..]), [(true, None), (true, None)]);
    }

    #[test]
    fn there_is_a_bound_of_interfaces() {
        let mut state = State::default();
        for index in 1..=limit::LINKS as u32 {
            assert_eq!(state.link(entry(InterfaceIndex(index), "x", true)).len(), 1);
        }
        assert_eq!(state.link(entry(InterfaceIndex(u32::MAX), "x", true)), []);
        assert_eq!(state.link(entry(INDEX, "y", true)).len(), 1);
    }
}
