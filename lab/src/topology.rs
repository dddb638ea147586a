//! The village as a value: who lives where, which links there are, and every address.
//!
//! ```text
//!                    cerro-alto --- cerro-bajo
//!   outside          /                       \           escuela --- contenido
//!      |            /                         \         /   |
//!   uplink --- cabecera ------ loma --------- plaza ---+    |
//!                        (slower way around)            \   |
//!                                                        clinica --- caserio
//! ```
//!
//! The address plan of the community: 10.77.0.0/16 and fd77:7e90:1::/48. Node N has 10.77.0.N and
//! fd77:7e90:1:ff00::N on its loopback. The hotspot of slot S has 10.77.(4(S+1)).0/22 and fd77:7e90:1:(S+1)::/64, the
//! router at .1. Services live in 10.77.252.0/24 and fd77:7e90:1:fc::/64. Mesh links carry link-local IPv6 only.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A range of addresses, written `address/length`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    /// The first address of it.
    pub address: IpAddr,
    /// How many bits are fixed.
    pub length: u8,
}

impl Range {
    /// A range of this address and length.
    pub fn new(address: impl Into<IpAddr>, length: u8) -> Self {
        Self { address: address.into(), length }
    }

    /// Whether the two have an address in common.
    pub fn overlaps(self, other: Self) -> bool {
        let shared = u32::from(self.length.min(other.length));
        match (self.address, other.address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                (a.to_bits() ^ b.to_bits()).checked_shr(32 - shared).unwrap_or(0) == 0
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                (a.to_bits() ^ b.to_bits()).checked_shr(128 - shared).unwrap_or(0) == 0
            }
            _ => false,
        }
    }

    /// Whether this address is in it.
    pub fn contains(self, address: IpAddr) -> bool {
        self.overlaps(Self::new(address, if address.is_ipv4() { 32 } else { 128 }))
    }
}

impl fmt::Display for Range {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}/{}", self.address, self.length)
    }
}

/// One node of the village.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its name.
    pub name: &'static str,
    /// Its number in the community; its infrastructure addresses follow from it.
    pub number: u8,
    /// The slot of its hotspot, if phones can join it.
    pub slot: Option<u8>,
    /// Whether it has an uplink to the outside.
    pub uplink: bool,
    /// Whether the content server hangs on a wired port of it.
    pub content: bool,
}

impl Site {
    /// Its infrastructure address.
    pub fn address4(&self) -> Ipv4Addr {
        Ipv4Addr::new(10, 77, 0, self.number)
    }

    /// Its infrastructure address.
    pub fn address6(&self) -> Ipv6Addr {
        Ipv6Addr::new(0xfd77, 0x7e90, 1, 0xff00, 0, 0, 0, u16::from(self.number))
    }

    /// The addresses of its hotspot's router and the ranges of its hotspot, IPv4 and IPv6.
    pub fn hotspot(&self) -> Option<Hotspot> {
        let slot = self.slot?;
        let third = 4 * (slot + 1);
        let network6 = Ipv6Addr::new(0xfd77, 0x7e90, 1, u16::from(slot) + 1, 0, 0, 0, 0);
        Some(Hotspot {
            router4: Ipv4Addr::new(10, 77, third, 1),
            range4: Range::new(Ipv4Addr::new(10, 77, third, 0), 22),
            pool4: (Ipv4Addr::new(10, 77, third, 10), Ipv4Addr::new(10, 77, third + 3, 250)),
            router6: Ipv6Addr::from_bits(network6.to_bits() | 1),
            range6: Range::new(network6, 64),
        })
    }

    /// The ranges that it announces to the mesh, beside the default routes of its uplink.
    pub fn announced(&self) -> Vec<Range> {
        let mut ranges = vec![Range::new(self.address4(), 32), Range::new(self.address6(), 128)];
        if let Some(hotspot) = self.hotspot() {
            ranges.extend([hotspot.range4, hotspot.range6]);
        }
        if self.content {
            ranges.extend([services4(), services6()]);
        }
        ranges
    }
}

/// The addresses of a hotspot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hotspot {
    /// The address of the node in the hotspot.
    pub router4: Ipv4Addr,
    /// All addresses of the hotspot.
    pub range4: Range,
    /// First and last address that phones are given.
    pub pool4: (Ipv4Addr, Ipv4Addr),
    /// The address of the node in the hotspot.
    pub router6: Ipv6Addr,
    /// All addresses of the hotspot.
    pub range6: Range,
}

/// What a link is for the daemon: how a lost Hello is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Two of the last three Hellos decide.
    Wired,
    /// Every lost Hello costs (ETX).
    Wireless,
}

/// A link between two nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The names of both ends.
    pub ends: [&'static str; 2],
    /// How it is judged.
    pub medium: Medium,
    /// What it costs at least.
    pub rxcost: u16,
}

impl Link {
    /// The other end, seen from `name`; none if `name` is not an end.
    pub fn other(&self, name: &str) -> Option<&'static str> {
        let [a, b] = self.ends;
        if a == name {
            Some(b)
        } else if b == name {
            Some(a)
        } else {
            None
        }
    }
}

/// A whole village.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology {
    /// The nodes.
    pub sites: Vec<Site>,
    /// The links.
    pub links: Vec<Link>,
}

impl Topology {
    /// The village of the story.
    pub fn village() -> Self {
        let site = |name, number, slot| Site { name, number, slot, uplink: false, content: false };
        let hill = |a, b| Link { ends: [a, b], medium: Medium::Wired, rxcost: HILL_COST };
        let around = |a, b| Link { ends: [a, b], medium: Medium::Wired, rxcost: AROUND_COST };
        let near = |a, b| Link { ends: [a, b], medium: Medium::Wireless, rxcost: NEAR_COST };
        Self {
            sites: vec![
                Site { uplink: true, ..site("cabecera", 1, None) },
                site("cerro-alto", 2, None),
                site("cerro-bajo", 3, None),
                site("loma", 4, None),
                site("plaza", 5, Some(0)),
                Site { content: true, ..site("escuela", 6, Some(1)) },
                site("clinica", 7, Some(2)),
                site("caserio", 8, Some(3)),
            ],
            links: vec![
                hill("cabecera", "cerro-alto"),
                hill("cerro-alto", "cerro-bajo"),
                hill("cerro-bajo", "plaza"),
                around("cabecera", "loma"),
                around("loma", "plaza"),
                near("plaza", "escuela"),
                near("plaza", "clinica"),
                near("escuela", "clinica"),
                hill("clinica", "caserio"),
            ],
        }
    }

    /// The node of this name.
    pub fn site(&self, name: &str) -> &Site {
        self.sites
            .iter()
            .find(|site| site.name == name)
            .expect("the story names only nodes of its own village")
    }

    /// The link between two nodes.
    pub fn link(&self, a: &str, b: &str) -> &Link {
        self.links
            .iter()
            .find(|link| link.other(a) == Some(b))
            .expect("the story names only links of its own village")
    }

    /// The links that end at this node, with the name of the other end.
    pub fn links_of(&self, name: &str) -> impl Iterator<Item = (&Link, &'static str)> {
        self.links.iter().filter_map(move |link| Some((link, link.other(name)?)))
    }
}

/// The name of the device at a node that leads to the neighbour `to`.
pub fn mesh_device(to: &str) -> String {
    format!("m-{to}")
}

/// The range of all IPv4 addresses of the community.
pub fn community4() -> Range {
    Range::new(Ipv4Addr::new(10, 77, 0, 0), 16)
}

/// The range of all IPv6 addresses of the community.
pub fn community6() -> Range {
    Range::new(Ipv6Addr::new(0xfd77, 0x7e90, 1, 0, 0, 0, 0, 0), 48)
}

/// The range of the nodes' own addresses, which strangers must not reach.
pub fn infrastructure4() -> Range {
    Range::new(Ipv4Addr::new(10, 77, 0, 0), 24)
}

/// The range of the nodes' own addresses, which strangers must not reach.
pub fn infrastructure6() -> Range {
    Range::new(Ipv6Addr::new(0xfd77, 0x7e90, 1, 0xff00, 0, 0, 0, 0), 64)
}

/// The range of services that are free for all.
pub fn services4() -> Range {
    Range::new(Ipv4Addr::new(10, 77, 252, 0), 24)
}

/// The range of services that are free for all.
pub fn services6() -> Range {
    Range::new(Ipv6Addr::new(0xfd77, 0x7e90, 1, 0xfc, 0, 0, 0, 0), 64)
}

/// The content server.
pub const CONTENT4: Ipv4Addr = Ipv4Addr::new(10, 77, 252, 10);
/// The content server.
pub const CONTENT6: Ipv6Addr = Ipv6Addr::new(0xfd77, 0x7e90, 1, 0xfc, 0, 0, 0, 0x10);
/// The node's address on the wired port of the content server.
pub const CONTENT_ROUTER4: Ipv4Addr = Ipv4Addr::new(10, 77, 252, 1);
/// The node's address on the wired port of the content server.
pub const CONTENT_ROUTER6: Ipv6Addr = Ipv6Addr::new(0xfd77, 0x7e90, 1, 0xfc, 0, 0, 0, 1);
/// The name of the content server.
pub const CONTENT_NAME: &str = "contenido.mesh";

/// The provider's router, outside (RFC 5737, RFC 3849: ranges for documentation).
pub const PROVIDER4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 1);
/// The provider's router, outside.
pub const PROVIDER6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x113, 0, 0, 0, 0, 1);
/// The gateway's address at the provider.
pub const UPLINK4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 2);
/// The gateway's address at the provider.
pub const UPLINK6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x113, 0, 0, 0, 0, 2);
/// The web server outside.
pub const OUTSIDE4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 80);
/// The web server outside.
pub const OUTSIDE6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0x113, 0, 0, 0, 0, 0x80);
/// The DNS server outside.
pub const OUTSIDE_DNS4: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 53);
/// The node that has a dish of its own, which is raised when it is cut off.
pub const DISH_SITE: &str = "caserio";
/// The dish's device there.
pub const DISH_DEVICE: &str = "sat0";
/// The node's address there.
pub const DISH4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 2);
/// Who serves the dish.
pub const DISH_PROVIDER4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
/// The name of the web server outside.
pub const OUTSIDE_NAME: &str = "outside.example";

/// A hop of a long link in good health: the least that a hop may cost.
const HILL_COST: u16 = 96;
/// Twice of it is so much more than three hops over the hills that no hysteresis keeps the worse way for long.
const AROUND_COST: u16 = 256;
/// A short radio link in the village.
const NEAR_COST: u16 = 128;

#[cfg(test)]
mod test {
    use super::*;

    fn ranges(topology: &Topology) -> Vec<Range> {
        topology.sites.iter().flat_map(Site::announced).collect()
    }

    #[test]
    fn no_two_ranges_of_the_address_plan_overlap() {
        let ranges = ranges(&Topology::village());
        for (index, a) in ranges.iter().enumerate() {
            for b in &ranges[index + 1..] {
                assert!(!a.overlaps(*b), "{a} overlaps {b}");
            }
        }
    }

    #[test]
    fn all_addresses_are_the_community_s_own() {
        for range in ranges(&Topology::village()) {
            let whole = if range.address.is_ipv4() { community4() } else { community6() };
            assert!(whole.contains(range.address) && whole.length <= range.length, "{range}");
        }
        for outside in [IpAddr::from(OUTSIDE4), IpAddr::from(OUTSIDE6)] {
            assert!(!community4().contains(outside) && !community6().contains(outside));
        }
    }

    #[test]
    fn slots_follow_the_plan() {
        let village = Topology::village();
        let plaza = village.site("plaza");
        assert_eq!(plaza.address4().to_string(), "10.77.0.5");
        let hotspot = plaza.hotspot().expect("phones join at the square");
        assert_eq!(hotspot.range4.to_string(), "10.77.4.0/22");
        assert_eq!(hotspot.range6.to_string(), "fd77:7e90:1:1::/64");
        assert_eq!(hotspot.router4.to_string(), "10.77.4.1");
        let (first, last) = hotspot.pool4;
        assert!(hotspot.range4.contains(first.into()) && hotspot.range4.contains(last.into()));
    }

    #[test]
    fn device_names_fit_the_kernel() {
        for site in Topology::village().sites {
            assert!(mesh_device(site.name).len() <= 15, "{}", site.name);
        }
    }

    #[test]
    fn the_way_over_the_hills_is_better_but_there_is_another() {
        const { assert!(3 * HILL_COST * 3 / 2 < 2 * AROUND_COST) };
    }

    #[test]
    fn ranges_overlap_as_they_should() {
        let all = Range::new(Ipv4Addr::UNSPECIFIED, 0);
        let one = Range::new(Ipv4Addr::new(10, 77, 0, 1), 32);
        assert!(all.overlaps(one) && one.overlaps(all) && one.overlaps(one));
        assert!(!one.overlaps(Range::new(Ipv4Addr::new(10, 77, 0, 2), 32)));
        assert!(!one.overlaps(Range::new(Ipv6Addr::UNSPECIFIED, 0)));
    }
}
