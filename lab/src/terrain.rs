//! The ground that the village stands on: a namespace per node, the air between them, the outside and the content
//! server, with links, addresses and sysctls, but without a single daemon.
//!
//! Every link runs through a namespace of its own, `aire` (the air): both nodes have one end of a veth pair there,
//! joined by a bridge. So a cut happens between the nodes and not at one of them, and leaves nothing in their nft:
//!
//! ```text
//!   plaza: m-cerro-bajo === [ aire:  a3 -- bridge l3 -- b3 ] === m-plaza :cerro-bajo
//! ```
//!
//! - [`Cut::Carrier`]: the ends in the air go down; both nodes see `NO-CARRIER` at once, as with a pulled cable.
//! - [`Cut::Silent`]: nft drops every frame that enters the air from either end; both nodes still see a carrier, as
//!   with a cable that ends in a closed radio bridge whose radio link has died.

use std::fmt::Write;

use crate::failure::{Failure, Outcome};
use crate::netns::{Land, Namespace};
use crate::topology::{self as plan, Link, Site, Topology, mesh_device};

/// How a link is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Both ends see that the carrier is gone.
    Carrier,
    /// Frames vanish; nobody is told.
    Silent,
}

/// All namespaces of a village.
#[derive(Debug)]
pub struct Terrain {
    /// The village that stands here.
    pub topology: Topology,
    /// The provider and the world behind it.
    pub outside: Namespace,
    /// The content server.
    pub content: Namespace,
    nodes: Vec<Namespace>,
    air: Namespace,
    _land: Land,
}

impl Terrain {
    /// Builds it.
    pub fn build(topology: Topology) -> Outcome<Self> {
        let mut land = Land::new()?;
        let air = land.add("aire")?;
        let outside = land.add("outside")?;
        let content = land.add("contenido")?;
        let nodes = topology.sites.iter().map(|site| land.add(site.name)).collect::<Outcome<Vec<_>>>()?;
        let terrain = Self { topology, outside, content, nodes, air, _land: land };
        terrain.raise()?;
        Ok(terrain)
    }

    /// The namespace of a node.
    pub fn node(&self, name: &str) -> &Namespace {
        let index = self.topology.sites.iter().position(|site| site.name == name);
        &self.nodes[index.expect("the story names only nodes of its own village")]
    }

    /// Cuts the link between two nodes.
    pub fn cut(&self, a: &str, b: &str, cut: Cut) -> Outcome<()> {
        self.cut_number(self.link_number(a, b)?, cut)
    }

    /// Joins it again, however it was cut.
    pub fn join(&self, a: &str, b: &str) -> Outcome<()> {
        self.join_number(self.link_number(a, b)?)
    }

    /// The provider's cable is pulled. Like OpenWrt's netifd does when an interface loses its carrier, the default
    /// routes go with it.
    pub fn cut_uplink(&self) -> Outcome<()> {
        self.cut_number(self.uplink_number(), Cut::Carrier)?;
        self.gateway().ip("route del 0.0.0.0/0 dev up0\nroute del ::/0 dev up0\n")
    }

    /// The provider's radio dies behind a cable that keeps its carrier: only who asks can know.
    pub fn silence_uplink(&self) -> Outcome<()> {
        self.cut_number(self.uplink_number(), Cut::Silent)
    }

    /// The provider is back, and so are the default routes.
    pub fn join_uplink(&self) -> Outcome<()> {
        self.join_number(self.uplink_number())?;
        self.gateway().ip(&default_routes())
    }

    /// The hamlet's own way outside: a cable straight to the provider, in IPv4.
    pub fn raise_dish(&self) -> Outcome<()> {
        let (node, device) = (self.node(plan::DISH_SITE), plan::DISH_DEVICE);
        node.ip(&format!("link add {device} type veth peer name {device} netns {}\n", self.outside.name()))?;
        self.outside
            .ip(&format!("addr add {}/24 dev {device}\nlink set {device} up\n", plan::DISH_PROVIDER4))?;
        node.nft(&format!(
            "table ip dish {{\n chain leaving {{\n  type nat hook postrouting priority srcnat; policy accept;\n  \
             oifname \"{device}\" masquerade\n }}\n}}\n"
        ))?;
        node.ip(&format!(
            "addr add {}/24 dev {device}\nlink set {device} up\nroute add default via {} dev {device}\n",
            plan::DISH4,
            plan::DISH_PROVIDER4
        ))
    }

    /// Takes it down again.
    pub fn lower_dish(&self) -> Outcome<()> {
        let node = self.node(plan::DISH_SITE);
        node.ip(&format!("link del {}\n", plan::DISH_DEVICE))?;
        node.nft("delete table ip dish\n")
    }

    fn gateway(&self) -> &Namespace {
        let site = self.topology.sites.iter().find(|site| site.uplink).expect("a village has a gateway");
        self.node(site.name)
    }

    fn link_number(&self, a: &str, b: &str) -> Outcome<usize> {
        let found = self.topology.links.iter().position(|link| link.other(a) == Some(b));
        found.ok_or_else(|| Failure::new(format!("a link between {a} and {b}"), "none in this village"))
    }

    /// The uplink runs through the air too, behind all links of the mesh.
    fn uplink_number(&self) -> usize {
        self.topology.links.len()
    }

    fn cut_number(&self, number: usize, cut: Cut) -> Outcome<()> {
        match cut {
            Cut::Carrier => self.air.ip(&format!("link set a{number} down\nlink set b{number} down\n")),
            Cut::Silent => {
                let mut script = format!("table netdev cut{number} {{\n");
                for end in ["a", "b"] {
                    let _ = writeln!(
                        script,
                        "chain from_{end} {{ type filter hook ingress device \"{end}{number}\" priority 0; policy drop; }}"
                    );
                }
                script.push_str("}\n");
                self.air.nft(&script)
            }
        }
    }

    fn join_number(&self, number: usize) -> Outcome<()> {
        // Declared first, so that deleting it is no error where it does not exist.
        self.air.nft(&format!("table netdev cut{number}\ndelete table netdev cut{number}\n"))?;
        self.air.ip(&format!("link set a{number} up\nlink set b{number} up\n"))
    }

    fn raise(&self) -> Outcome<()> {
        self.air.sysctl(SILENT_AIR)?;
        for node in self.nodes.iter().chain([&self.outside, &self.content]) {
            node.sysctl(ROUTER)?;
        }
        for (number, link) in self.topology.links.iter().enumerate() {
            self.raise_link(number, link)?;
        }
        for site in &self.topology.sites {
            self.node(site.name).ip(&addresses(site))?;
        }
        self.raise_outside()?;
        self.raise_content()
    }

    fn raise_link(&self, number: usize, link: &Link) -> Outcome<()> {
        let [a, b] = link.ends;
        let a_end = (self.node(a), mesh_device(b));
        let b_end = (self.node(b), mesh_device(a));
        self.cable(number, a_end, b_end)
    }

    /// A cable through the air between two devices that are made here.
    fn cable(
        &self,
        number: usize,
        (a, a_device): (&Namespace, String),
        (b, b_device): (&Namespace, String),
    ) -> Outcome<()> {
        let (a_name, b_name) = (a.name(), b.name());
        self.air.ip(&format!(
            "link add l{number} type bridge forward_delay 0 stp_state 0 mcast_snooping 0\n\
             link set l{number} up\n\
             link add a{number} type veth peer name {a_device} netns {a_name}\n\
             link add b{number} type veth peer name {b_device} netns {b_name}\n\
             link set a{number} master l{number}\nlink set b{number} master l{number}\n\
             link set a{number} up\nlink set b{number} up\n"
        ))?;
        a.ip(&format!("link set {a_device} up\n"))?;
        b.ip(&format!("link set {b_device} up\n"))
    }

    fn raise_outside(&self) -> Outcome<()> {
        let gateway = self.gateway();
        self.cable(self.uplink_number(), (gateway, "up0".into()), (&self.outside, "net0".into()))?;
        gateway.ip(&format!(
            "addr add {}/24 dev up0\naddr add {}/64 dev up0\n{}",
            plan::UPLINK4,
            plan::UPLINK6,
            default_routes()
        ))?;
        gateway.nft(
            "table ip provider {\n chain leaving {\n  type nat hook postrouting priority srcnat; policy accept;\n  \
             oifname \"up0\" masquerade\n }\n}\n",
        )?;
        let mut lines = String::new();
        for address in [plan::PROVIDER4, plan::OUTSIDE4, plan::OUTSIDE_DNS4] {
            let _ = writeln!(lines, "addr add {address}/24 dev net0");
        }
        for address in [plan::PROVIDER6, plan::OUTSIDE6] {
            let _ = writeln!(lines, "addr add {address}/64 dev net0");
        }
        let _ = writeln!(lines, "route add {} via {}", plan::community6(), plan::UPLINK6);
        self.outside.ip(&lines)
    }

    fn raise_content(&self) -> Outcome<()> {
        let site =
            self.topology.sites.iter().find(|site| site.content).expect("a village has a content server");
        let node = self.node(site.name);
        node.ip(&format!("link add lan0 type veth peer name eth0 netns {}\n", self.content.name()))?;
        node.ip(&format!(
            "addr add {}/24 dev lan0\naddr add {}/64 dev lan0\nlink set lan0 up\n",
            plan::CONTENT_ROUTER4,
            plan::CONTENT_ROUTER6
        ))?;
        self.content.ip(&format!(
            "addr add {}/24 dev eth0\naddr add {}/64 dev eth0\nlink set eth0 up\n\
             route add default via {}\nroute add ::/0 via {}\n",
            plan::CONTENT4,
            plan::CONTENT6,
            plan::CONTENT_ROUTER4,
            plan::CONTENT_ROUTER6
        ))
    }
}

/// The addresses of a node, and the bridge of its hotspot. The TAP of the phones is added to the bridge by the cell.
fn addresses(site: &Site) -> String {
    let mut lines =
        format!("addr add {}/32 dev lo\naddr add {}/128 dev lo\n", site.address4(), site.address6());
    if let Some(hotspot) = site.hotspot() {
        lines.push_str(&hotspot_bridge(&hotspot));
    }
    lines
}

/// The lines that make the bridge of a hotspot.
pub fn hotspot_bridge(hotspot: &plan::Hotspot) -> String {
    format!(
        "link add {BRIDGE} type bridge forward_delay 0 stp_state 0 mcast_snooping 0\n\
         addr add {}/{} dev {BRIDGE}\naddr add {}/{} dev {BRIDGE}\nlink set {BRIDGE} up\n",
        hotspot.router4, hotspot.range4.length, hotspot.router6, hotspot.range6.length
    )
}

fn default_routes() -> String {
    format!(
        "route replace 0.0.0.0/0 via {} dev up0 proto static\nroute replace ::/0 via {} dev up0 proto static\n",
        plan::PROVIDER4,
        plan::PROVIDER6
    )
}

/// The bridge of a hotspot, at every access node.
pub const BRIDGE: &str = "br-hs";

/// What OpenWrt and the init script of the daemon set on a router. Duplicate address detection is off, so that a
/// link-local address can be used as soon as the link is up.
const ROUTER: &[(&str, &str)] = &[
    ("ipv4/ip_forward", "1"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv6/conf/default/forwarding", "1"),
    ("ipv6/conf/all/accept_dad", "0"),
    ("ipv6/conf/default/accept_dad", "0"),
    ("ipv6/conf/all/accept_ra", "0"),
    ("ipv6/conf/default/accept_ra", "0"),
];

/// The air has no voice of its own.
const SILENT_AIR: &[(&str, &str)] =
    &[("ipv6/conf/all/disable_ipv6", "1"), ("ipv6/conf/default/disable_ipv6", "1")];
