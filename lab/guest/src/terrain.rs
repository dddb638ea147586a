//! Two nodes, a phone and the outside, and the cables between them.

use std::net::IpAddr;
use std::path::Path;

use crate::console::Outcome;
use crate::link::{add_address, add_route, cable, up};
use crate::node::{Node, run};
use crate::space::Space;
use crate::table;

/// All of it.
pub(crate) struct Terrain {
    /// The node with the hotspot.
    pub(crate) plaza: Node,
    /// The node with the way to the outside.
    pub(crate) cerro: Node,
    /// Whoever stands at the hotspot.
    pub(crate) phone: Space,
    /// Behind the uplink.
    pub(crate) outside: Space,
}

impl Terrain {
    /// Builds everything; no daemon runs yet. `lease_s` is what the kernel gives a guest between two renewals.
    pub(crate) fn build(lease_s: u32) -> Outcome<Self> {
        let plaza = Node::new("plaza", &format!("{MESH}{PLAZA}\toption lease_s '{lease_s}'\n{PERSONS}"))?;
        let cerro = Node::new("cerro", &format!("{MESH}{CERRO}"))?;
        let terrain = Self { plaza, cerro, phone: Space::new()?, outside: Space::new()? };
        for space in [&terrain.plaza.space, &terrain.cerro.space] {
            // As the init script sets them.
            space.kernel("ipv4/ip_forward", "1")?;
            space.kernel("ipv6/conf/all/forwarding", "1")?;
            space.kernel("ipv6/conf/default/forwarding", "1")?;
            space.kernel("ipv4/conf/all/rp_filter", "0")?;
            space.kernel("ipv4/conf/default/rp_filter", "0")?;
        }
        terrain.cables()?;
        terrain.addresses()?;
        Ok(terrain)
    }

    fn cables(&self) -> Outcome<()> {
        for space in [&self.plaza.space, &self.cerro.space, &self.phone, &self.outside] {
            space.inside(|| up("lo"))?;
        }
        cable((&self.phone, "ph0"), (&self.plaza.space, "hs0"))?;
        cable((&self.plaza.space, "mesh0"), (&self.cerro.space, "mesh0"))?;
        cable((&self.cerro.space, "up0"), (&self.outside, "out0"))
    }

    fn addresses(&self) -> Outcome<()> {
        let give = |space: &Space, link: &str, addresses: &[(&str, u8)]| {
            space.inside(|| addresses.iter().try_for_each(|(ip, bits)| add_address(link, to(ip), *bits)))
        };
        give(&self.plaza.space, "hs0", &[(PORTAL, 22), (PORTAL6, 64)])?;
        give(&self.phone, "ph0", &[(PHONE, 22), (PHONE6, 64)])?;
        give(&self.cerro.space, "up0", &[("203.0.113.1", 24), ("2001:db8::1", 64)])?;
        give(&self.outside, "out0", &[(OUTSIDE, 24), (OUTSIDE6, 64)])?;
        self.phone.inside(|| {
            add_route(to("0.0.0.0"), 0, to(PORTAL))?;
            add_route(to("::"), 0, to(PORTAL6))
        })?;
        self.outside.inside(|| {
            add_route(to("10.77.0.0"), 16, to("203.0.113.1"))?;
            add_route(to("fd00:77::"), 32, to("2001:db8::1"))
        })?;
        self.cerro.space.inside(|| {
            add_route(to("0.0.0.0"), 0, to(OUTSIDE))?;
            add_route(to("::"), 0, to(OUTSIDE6))
        })
    }

    /// Loads the hotspot's base table: with Debian's `nft`, or as this program writes it where Debian has none.
    pub(crate) fn load_base_table(&self) -> Outcome<String> {
        let text = self.plaza.base_table()?;
        if !Path::new(NFT).exists() {
            let rules = self.plaza.space.inside(|| table::make(&text))?;
            return Ok(format!("{rules} rules, written by this program: this machine has no nft"));
        }
        std::fs::write(BASE_TABLE, &text).map_err(|error| format!("{BASE_TABLE}: {error}"))?;
        self.plaza.space.inside(|| run(NFT, &["-f", BASE_TABLE]))?;
        Ok(format!("{} lines, loaded by nft", text.lines().count()))
    }
}

/// An address of this file.
pub(crate) fn to(text: &str) -> IpAddr {
    text.parse().expect("the addresses of this program are written right")
}

/// The portal's address.
pub(crate) const PORTAL: &str = "10.77.4.1";
/// Its IPv6 address.
const PORTAL6: &str = "fd00:77:4::1";
/// The phone's address.
pub(crate) const PHONE: &str = "10.77.4.10";
/// Its IPv6 address.
pub(crate) const PHONE6: &str = "fd00:77:4::10";
/// The server on the outside.
pub(crate) const OUTSIDE: &str = "203.0.113.80";
/// Its IPv6 address.
pub(crate) const OUTSIDE6: &str = "2001:db8::80";
/// The text that was loaded.
pub(crate) const BASE_TABLE: &str = "/run/base.nft";
/// Where Debian has it.
pub(crate) const NFT: &str = "/usr/sbin/nft";

const MESH: &str = "
config interface 'mesh'
	option device 'mesh0'
	option kind 'wired'
";

const PLAZA: &str = "
config announce
	option prefix '10.77.4.0/22'
config announce
	option prefix 'fd00:77:4::/64'
config hotspot 'hotspot'
	option device 'hs0'
	option address '10.77.4.1'
	option prefix '10.77.4.0/22'
	list prefix6 'fd00:77:4::/64'
	list infrastructure '10.77.0.0/22'
	option usage_interval_s '5'
";

const PERSONS: &str = "
config person
	option login 'ana'
	option name 'Ana'
	option role 'caretaker'
";

const CERRO: &str = "
config announce
	option prefix '203.0.113.0/24'
config announce
	option prefix '2001:db8::/64'
config uplink 'wan'
	option device 'up0'
";
