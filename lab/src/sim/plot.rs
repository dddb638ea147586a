//! What a seed means: the shape of the mesh and the blows that it takes.
//!
//! A mesh is a chain of hills with a village at its end: a random tree whose branches are long, plus
//! a few chords that make second ways. For four minutes something breaks or comes back every few
//! seconds; then everything is mended and the mesh has two minutes to heal. A power cut may lose a
//! router's sequence number while it keeps its name, which RFC 8966 forgives only after minutes: such
//! runs get the three minutes that it takes (`docs/rfc-map.md`, section 3.7.1).
//!
//! Larger meshes ([`HUNDRED`], [`THOUSAND`]) are wider trees, so that the longest way stays below the greatest
//! metric, and their blows fall faster.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tequio::babel::auth::settings::Auth;
use tequio::babel::settings::{InterfaceSettings, LinkKind, Settings as BabelSettings};
use tequio::base::address::{Prefix, PrefixPair};
use tequio::base::random::Random;
use tequio::base::time::{Instant, Span};
use tequio::node::settings::{Announce, Settings};

use super::NodeId;
use super::links::{Link, LinkId};

/// The limits that a seed draws within.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// What `lab sim --mesh` calls it.
    pub name: &'static str,
    /// Fewest nodes.
    pub nodes_least: u64,
    /// Most nodes.
    pub nodes_most: u64,
    /// How many of the nodes announce something, evenly spread; each one prefix. `None`: all, of both families.
    pub announcers: Option<usize>,
    /// A new node hangs on one of this many before it: the smaller, the longer the branches.
    pub reach: u64,
    /// Time in which blows fall.
    pub trouble: Span,
    /// The longest time between two blows.
    pub pause: Span,
    /// Whether a router may come back under its name without its sequence number.
    pub loses_seqno: bool,
    /// Time to heal.
    pub quiet: Span,
}

/// The village's own size, give or take.
pub const VILLAGE: Shape = Shape {
    name: "village",
    nodes_least: 4,
    nodes_most: 24,
    announcers: None,
    reach: 3,
    trouble: Span::from_secs(240),
    pause: Span::from_secs(12),
    loses_seqno: true,
    quiet: Span::from_secs(120),
};

/// A hundred nodes and as many prefixes: a region of villages.
pub const HUNDRED: Shape = Shape {
    name: "hundred",
    nodes_least: 100,
    nodes_most: 100,
    announcers: Some(100),
    reach: 10,
    trouble: Span::from_secs(60),
    pause: Span::from_secs(3),
    loses_seqno: false,
    quiet: Span::from_secs(90),
};

/// A thousand nodes that know of twenty gateways.
pub const THOUSAND: Shape = Shape {
    name: "thousand",
    nodes_least: 1_000,
    nodes_most: 1_000,
    announcers: Some(20),
    reach: 60,
    trouble: Span::from_secs(30),
    pause: Span::from_millis(500),
    loses_seqno: false,
    quiet: Span::from_secs(90),
};

/// Time after which everybody forgot a router's old sequence number (RFC 8966 appendix B: source GC).
const SOURCE_GC: Span = Span::from_secs(200);

/// A run, before it is played.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The limits that it was drawn within.
    pub shape: Shape,
    /// How many nodes.
    pub nodes: usize,
    /// The links between them.
    pub links: Vec<Link>,
    /// What happens, and when, in order.
    pub blows: Vec<(Instant, Blow)>,
    /// When the last of it happened.
    pub last_blow: Instant,
    /// When the run ends.
    pub end: Instant,
}

/// Something that happens to the mesh.
#[derive(Clone, Debug)]
pub enum Blow {
    /// A link breaks.
    Cut {
        /// Which.
        link: LinkId,
        /// Whether its ends still see a carrier, as on a radio or behind a switch.
        silent: bool,
    },
    /// A link works again.
    Heal {
        /// Which.
        link: LinkId,
    },
    /// A link loses more, or less.
    Loss {
        /// Which.
        link: LinkId,
        /// Packets of a thousand.
        permille: u16,
    },
    /// A node loses its power.
    PowerOff {
        /// Which.
        node: NodeId,
    },
    /// A node comes back.
    PowerOn {
        /// Which.
        node: NodeId,
        /// Whether it kept its router-id and lost its sequence number.
        same_name: bool,
    },
    /// The daemon of a node is killed and starts again at once; its kernel goes on forwarding.
    Restart {
        /// Which.
        node: NodeId,
    },
}

impl Plan {
    /// The plan of `seed` within these limits.
    pub fn draw(seed: u64, shape: Shape) -> Self {
        let mut random = Random::new(seed);
        let span = shape.nodes_most - shape.nodes_least + 1;
        let nodes = usize::try_from(shape.nodes_least + random.below(span)).expect("a mesh fits a usize");
        let links = draw_links(&mut random, nodes, shape.reach);
        let mut story = Story { may_lose_seqno: shape.loses_seqno, ..Story::default() };
        let start = Instant::from_millis(20_000);
        let until = start + shape.trouble;
        let mut at = start;
        while at < until {
            story.blow(&mut random, at, nodes, links.len());
            at = at + random.span(shape.pause);
        }
        let last_blow = until;
        story.mend(last_blow, &links);
        let quiet = if story.lost_seqno { shape.quiet + SOURCE_GC } else { shape.quiet };
        Self { shape, nodes, links, blows: story.blows, last_blow, end: last_blow + quiet }
    }

    /// How often a router loses its sequence number and keeps its name.
    pub fn lost_names(&self) -> usize {
        let lost = |blow: &&(Instant, Blow)| matches!(blow.1, Blow::PowerOn { same_name: true, .. });
        self.blows.iter().filter(lost).count()
    }

    /// The settings of a node on these links.
    pub fn settings(&self, node: NodeId, links: &[LinkId]) -> Settings {
        let interfaces = links.iter().enumerate().map(|(position, &link)| {
            let kind = self.links[link].kind;
            let hello_interval = Span::from_secs(if kind == LinkKind::Wired { 1 } else { 2 });
            InterfaceSettings {
                name: format!("m{position}"),
                kind,
                hello_interval,
                update_interval: hello_interval.scaled(4, 1),
                rxcost: kind.usual_rxcost(),
                split_horizon: false,
                auth: Auth::default(),
                radio: None,
                v4_via_v6: true,
            }
        });
        Settings {
            name: format!("n{node}"),
            babel: BabelSettings { interfaces: interfaces.collect(), ..BabelSettings::default() },
            announce: self.prefixes(node).into_iter().map(|prefix| Announce { prefix, metric: 0 }).collect(),
            ..Settings::default()
        }
    }

    /// The prefixes of a node. In a village one of each family, and every fifth node is a gateway with a default
    /// route too, and with two for packets from some sources (RFC 9079): its own prefix, and one that all gateways
    /// share. In a larger mesh one each for those that announce anything.
    pub fn prefixes(&self, node: NodeId) -> Vec<PrefixPair> {
        let number = u16::try_from(node + 1).expect("fewer than 65,535 nodes");
        let v6 = Prefix::new(IpAddr::V6(Ipv6Addr::new(0xfd77, 0, 0, number, 0, 0, 0, 0)), 64);
        if let Some(announcers) = self.shape.announcers {
            let announces = node.is_multiple_of(self.nodes / announcers);
            return v6.filter(|_| announces).map(PrefixPair::from).into_iter().collect();
        }
        let [high, low] = number.to_be_bytes();
        let v4 = Prefix::new(IpAddr::V4(Ipv4Addr::new(10, 77 + high, low, 0)), 24);
        let mut prefixes: Vec<PrefixPair> = [v4, v6].into_iter().flatten().map(PrefixPair::from).collect();
        if node.is_multiple_of(5) {
            let shared = Prefix::new(IpAddr::V6(Ipv6Addr::new(0xfd77, 1, 0, 0, 0, 0, 0, 0)), 32);
            let from = |source: Prefix| PrefixPair::new(Prefix::DEFAULT_V6, source);
            prefixes.push(PrefixPair::DEFAULT_V4);
            prefixes.extend([v6, shared].into_iter().flatten().filter_map(from));
        }
        prefixes
    }
}

fn draw_links(random: &mut Random, nodes: usize, reach: u64) -> Vec<Link> {
    let mut links = Vec::new();
    for node in 1..nodes {
        let back = 1 + random.below(reach.min(node as u64));
        links.push(draw_link(random, [node - usize::try_from(back).expect("at most `node`"), node]));
    }
    for _ in 0..nodes / 3 {
        let (one, two) = (draw_node(random, nodes), draw_node(random, nodes));
        let known =
            links.iter().any(|link: &Link| link.side_of(one).is_some() && link.side_of(two).is_some());
        if one != two && !known {
            links.push(draw_link(random, [one, two]));
        }
    }
    links
}

fn draw_node(random: &mut Random, nodes: usize) -> NodeId {
    usize::try_from(random.below(nodes as u64)).expect("a node's number")
}

fn draw_link(random: &mut Random, ends: [NodeId; 2]) -> Link {
    let wired = random.below(3) == 0;
    Link {
        ends,
        kind: if wired { LinkKind::Wired } else { LinkKind::Wireless },
        loss_permille: if wired { 0 } else { u16::try_from(random.below(150)).expect("below 150") },
        delay: Span::from_micros(200 + random.below(5_000)),
        jitter: Span::from_micros(random.below(20_000)),
        up: true,
        silent: false,
    }
}

/// The blows so far, and what is broken by them.
#[derive(Default)]
struct Story {
    blows: Vec<(Instant, Blow)>,
    cut: Vec<LinkId>,
    off: Vec<NodeId>,
    lossy: Vec<LinkId>,
    lost_seqno: bool,
    may_lose_seqno: bool,
}

impl Story {
    fn blow(&mut self, random: &mut Random, at: Instant, nodes: usize, links: usize) {
        let link = usize::try_from(random.below(links as u64)).expect("a link's number");
        let node = draw_node(random, nodes);
        let blow = match random.below(7) {
            0 | 1 if !self.cut.contains(&link) => {
                self.cut.push(link);
                Blow::Cut { link, silent: random.below(2) == 0 }
            }
            2 if !self.cut.is_empty() => Blow::Heal { link: self.cut.swap_remove(0) },
            3 => Blow::Loss { link, permille: u16::try_from(random.below(600)).expect("below 600") },
            4 if !self.off.contains(&node) => {
                self.off.push(node);
                Blow::PowerOff { node }
            }
            5 if !self.off.is_empty() => self.power_on(random.below(4) == 0 && self.may_lose_seqno),
            6 if !self.off.contains(&node) => Blow::Restart { node },
            _ => return,
        };
        if let Blow::Loss { link, .. } = blow {
            self.lossy.push(link);
        }
        self.blows.push((at, blow));
    }

    fn power_on(&mut self, same_name: bool) -> Blow {
        self.lost_seqno |= same_name;
        Blow::PowerOn { node: self.off.swap_remove(0), same_name }
    }

    /// Everything works again; radios keep a loss that a radio has, and cables have none: one that loses two
    /// Hellos of three is given up for a while, and the mesh would not be at rest.
    fn mend(&mut self, at: Instant, links: &[Link]) {
        while !self.off.is_empty() {
            let blow = self.power_on(false);
            self.blows.push((at, blow));
        }
        let heal = self.cut.drain(..).map(|link| (at, Blow::Heal { link }));
        self.blows.extend(heal);
        let calm = self.lossy.drain(..).map(|link| {
            let permille = if links[link].kind == LinkKind::Wired { 0 } else { 20 };
            (at, Blow::Loss { link, permille })
        });
        self.blows.extend(calm);
    }
}
