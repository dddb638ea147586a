//! What must always hold, looked at from outside: the checkers know the whole mesh at once.
//!
//! - *No loop*: following the kernels' next hops from any node never comes back to a node, at any
//!   moment, also in the middle of a change (RFC 8966 2.4 promises just that). The promise rests on the
//!   nodes' memory: one that lost its power forgot its feasibility distances, and may believe a
//!   neighbour that still goes through it. Such a circle may stand until the neighbour has heard of the
//!   new start, and no longer than [`REBORN_CIRCLE`]. And it holds for each origin by itself: nodes that
//!   change from one gateway to another, or from what a node was before its power went to what it is now,
//!   may send packets to each other until their updates have crossed, which is over within
//!   [`SHARED_CIRCLE`] (RFC 8966 2.7). A circle of nodes that all follow the same origin is never one of those.
//! - *Feasibility*: a node's feasibility distance for a source never rises while its sequence number
//!   stays, the entry is kept and the node runs.
//! - *No stubbornness*: in a mesh at rest nobody keeps to a way for longer than [`STUBBORN`] while another one that
//!   it may use is better by a tenth.
//! - *Reachability*: in a mesh at rest every node has a way to every prefix, and it ends where the
//!   prefix is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use tequio::babel::RouterId;
use tequio::babel::output::RouteAction;
use tequio::babel::report::RouteReport;
use tequio::base::address::PrefixPair;
use tequio::base::time::{Instant, Span};

use super::links::{self, Link};
use super::{NodeId, Plant, SimNode};

/// A rule that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    /// Packets would go in a circle.
    Loop {
        /// For this prefix.
        prefix: PrefixPair,
        /// Along these nodes, the last of which was there before.
        path: Vec<NodeId>,
    },
    /// A feasibility distance rose.
    Feasibility {
        /// At this node.
        node: NodeId,
        /// For this prefix.
        prefix: PrefixPair,
        /// The distance before, and now.
        metric: (u16, u16),
    },
    /// A node keeps to a way although another one has been better for long.
    Stubborn {
        /// This node.
        node: NodeId,
        /// For this prefix.
        prefix: PrefixPair,
        /// The metric in use, and the better one.
        metric: (u16, u16),
    },
    /// A mesh at rest does not reach something.
    Unreachable {
        /// From this node.
        node: NodeId,
        /// To this prefix.
        prefix: PrefixPair,
        /// What stopped the packet.
        why: String,
    },
}

impl Violation {
    /// The prefix that it is about.
    pub const fn prefix(&self) -> PrefixPair {
        match self {
            Self::Loop { prefix, .. }
            | Self::Feasibility { prefix, .. }
            | Self::Stubborn { prefix, .. }
            | Self::Unreachable { prefix, .. } => *prefix,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Loop { prefix, path } => write!(formatter, "packets for {prefix} go in a circle: {path:?}"),
            Self::Feasibility { node, prefix, metric: (before, now) } => write!(
                formatter,
                "node {node} raised its feasibility distance for {prefix} from {before} to {now} at the same seqno"
            ),
            Self::Stubborn { node, prefix, metric: (used, better) } => write!(
                formatter,
                "node {node} goes on with {used} for {prefix} although {better} was there for {STUBBORN}"
            ),
            Self::Unreachable { node, prefix, why } => {
                write!(formatter, "node {node} does not reach {prefix} in a mesh at rest: {why}")
            }
        }
    }
}

impl std::error::Error for Violation {}

/// Time that a node counts as newly started: what others knew of it before has expired after that
/// (3.5 updates of 8 s).
const REBORN: Span = Span::from_secs(28);

/// How long a circle through a newly started node may stand: the retraction that it sends at its start is
/// said to all three times within half a second, then to each neighbour eight times within four seconds
/// until it is acknowledged, and a sweep sees the end of a circle up to a second late. A daemon that started
/// again over a living kernel is allowed none.
const REBORN_CIRCLE: Span = Span::from_secs(5);

/// How long a circle between nodes that change to another gateway may stand: an update about another
/// origin is said three times within two seconds.
const SHARED_CIRCLE: Span = Span::from_secs(3);

/// The metric that is in use for a prefix, and the least that could be.
#[derive(Clone, Copy)]
struct Way {
    used: u16,
    least: u16,
}

impl Default for Way {
    fn default() -> Self {
        Self { used: u16::MAX, least: u16::MAX }
    }
}

impl Way {
    fn look_at(&mut self, plant: Plant, route: &RouteReport) {
        if !route.feasible {
            return;
        }
        // The planted mistake: whatever is chosen looks twice as dear as it is.
        let twice = plant == Plant::Stubborn && route.selected;
        let metric = if twice { route.metric.saturating_mul(2) } else { route.metric };
        self.least = metric.min(self.least);
        if route.selected {
            self.used = metric;
        }
    }

    /// Whether something is in use, and something else a tenth better.
    fn is_left_unused(self) -> bool {
        self.used != u16::MAX && u32::from(self.least) * 10 <= u32::from(self.used) * 9
    }
}

/// How long a better way may be there unused (`babel::select`: 20 s for less than an eighth, and a Hello).
const STUBBORN: Span = Span::from_secs(30);

/// What a node remembers of each source, in their order: sequence number and metric.
type Distances = Vec<((PrefixPair, RouterId), (u16, u16))>;

/// Watches one run.
pub(super) struct Checker {
    plant: Plant,
    distances: BTreeMap<NodeId, Distances>,
    /// When nodes got their power back.
    born: BTreeMap<NodeId, Instant>,
    /// Circles through newly started nodes, and since when they stand.
    circles: BTreeMap<PrefixPair, Instant>,
    longest_circle: Span,
    /// Ways that are better by a tenth than the one in use, and since when.
    better: BTreeMap<(NodeId, PrefixPair), Instant>,
    /// The last moment at which something was not reached.
    unreached: Option<(Instant, Violation)>,
}

impl Checker {
    pub(super) fn new(plant: Plant) -> Self {
        Self {
            plant,
            distances: BTreeMap::new(),
            born: BTreeMap::new(),
            circles: BTreeMap::new(),
            longest_circle: Span::ZERO,
            better: BTreeMap::new(),
            unreached: None,
        }
    }

    /// A node lost its memory.
    pub(super) fn forget(&mut self, node: NodeId) {
        self.distances.remove(&node);
    }

    /// A node starts with an empty memory.
    pub(super) fn reborn(&mut self, node: NodeId, now: Instant) {
        self.born.insert(node, now);
    }

    /// How long the longest circle stood.
    pub(super) const fn longest_circle(&self) -> Span {
        self.longest_circle
    }

    /// After a route of `node` changed.
    pub(super) fn route_changed(
        &mut self,
        now: Instant,
        node: NodeId,
        prefix: &PrefixPair,
        nodes: &[SimNode],
        links: &[Link],
    ) -> Result<(), Violation> {
        let followed = follow(nodes, links, node, prefix, None);
        self.forgive(now, followed, nodes).map(drop)
    }

    /// A circle through a node that has just started is told as a packet that did not arrive.
    fn forgive(&mut self, now: Instant, followed: Followed, nodes: &[SimNode]) -> Followed {
        let Err(Violation::Loop { prefix, path }) = &followed else { return followed };
        let since = *self.circles.entry(*prefix).or_insert(now);
        self.longest_circle = self.longest_circle.max(now.since(since));
        if origins(now, path, prefix, nodes).len() > 1 && now.since(since) < SHARED_CIRCLE {
            return Ok(Err(format!("a circle between two origins: {path:?}")));
        }
        let born = |node: &NodeId| self.born.get(node).is_some_and(|born| since.since(*born) < REBORN);
        if path.iter().any(born) && now.since(since) < REBORN_CIRCLE {
            return Ok(Err(format!("a circle through a node that has just started: {path:?}")));
        }
        followed
    }

    /// After `node` handled an input.
    pub(super) fn after(&mut self, now: Instant, node: NodeId, nodes: &[SimNode]) -> Result<(), Violation> {
        // Both lists are in order, so one walk finds what is in both: this is done after every event.
        let before = self.distances.remove(&node).unwrap_or_default();
        let mut before = before.iter().peekable();
        let mut distances = Distances::new();
        for (source, distance) in nodes[node].node.babel().feasibility_distances() {
            while before.next_if(|(old, _)| *old < source).is_some() {}
            let (seqno, mut metric) = (distance.seqno.0, distance.metric);
            let old = before.next_if(|(old, _)| *old == source).map(|(_, distance)| *distance);
            if self.plant == Plant::Feasibility && old.is_some_and(|(_, metric)| metric > 0) {
                metric = metric.saturating_add(1);
            }
            if let Some((old_seqno, old)) = old
                && old_seqno == seqno
                && metric > old
            {
                return Err(Violation::Feasibility { node, prefix: source.0, metric: (old, metric) });
            }
            distances.push((source, (seqno, metric)));
        }
        self.distances.insert(node, distances);
        self.forget_what_is_no_better(now, node, nodes);
        Ok(())
    }

    /// A way that is not better for a moment has not been better all the time, also between two looks at everything.
    fn forget_what_is_no_better(&mut self, now: Instant, node: NodeId, nodes: &[SimNode]) {
        let here = self.better.range((node, PrefixPair::DEFAULT_V4)..).take_while(|((of, _), _)| *of == node);
        let here: Vec<PrefixPair> = here.map(|((_, prefix), _)| *prefix).collect();
        for prefix in here {
            let mut way = Way::default();
            for route in nodes[node].node.babel().routes_of(now, prefix) {
                way.look_at(self.plant, &route);
            }
            if !way.is_left_unused() {
                self.better.remove(&(node, prefix));
            }
        }
    }

    /// Once a second: everything.
    pub(super) fn sweep(&mut self, now: Instant, nodes: &[SimNode], links: &[Link]) -> Result<(), Violation> {
        let prefixes: BTreeSet<PrefixPair> =
            nodes.iter().flat_map(|node| node.kernel.keys().copied()).collect();
        for prefix in &prefixes {
            let mut circle = false;
            // Who was seen to reach it, so that a way is walked once and not once for each node on it.
            let mut arrives = vec![false; nodes.len()];
            for node in 0..nodes.len() {
                let followed = follow(nodes, links, node, prefix, Some(&mut arrives));
                circle |= followed.is_err();
                if let Err(why) = self.forgive(now, followed, nodes)? {
                    self.unreached = Some((now, Violation::Unreachable { node, prefix: *prefix, why }));
                }
            }
            if !circle {
                self.circles.remove(prefix);
            }
        }
        // A prefix that nobody has in the kernel is missed by its owner's neighbours.
        for (node, own) in nodes.iter().enumerate() {
            if let Some(missing) =
                own.node.announced().find(|prefix| nodes.len() > 1 && !prefixes.contains(prefix))
            {
                let why = "nobody has a route to it".to_owned();
                self.unreached = Some((now, Violation::Unreachable { node, prefix: missing, why }));
            }
        }
        Ok(())
    }

    /// Once a second in a mesh at rest.
    pub(super) fn stubbornness(&mut self, now: Instant, nodes: &[SimNode]) -> Result<(), Violation> {
        let mut better = BTreeMap::new();
        for (node, one) in nodes.iter().enumerate() {
            let mut ways: BTreeMap<PrefixPair, Way> = BTreeMap::new();
            for route in one.node.babel().report(now).routes {
                ways.entry(route.prefix).or_default().look_at(self.plant, &route);
            }
            for (prefix, way) in ways.into_iter().filter(|(_, way)| way.is_left_unused()) {
                let since = self.better.get(&(node, prefix)).copied().unwrap_or(now);
                if now.since(since) > STUBBORN {
                    return Err(Violation::Stubborn { node, prefix, metric: (way.used, way.least) });
                }
                better.insert((node, prefix), since);
            }
        }
        self.better = better;
        Ok(())
    }

    /// Seconds from `since` to the moment from which everything was reached until `now`.
    pub(super) fn reachable_since(&self, since: Instant, now: Instant) -> Result<u64, Violation> {
        match &self.unreached {
            Some((at, violation)) if now.since(*at).as_secs() <= 1 => Err(violation.clone()),
            Some((at, _)) => Ok((*at).since(since).as_secs()),
            None => Ok(0),
        }
    }
}

/// The origins that the nodes of a circle follow for a prefix.
fn origins(now: Instant, path: &[NodeId], prefix: &PrefixPair, nodes: &[SimNode]) -> BTreeSet<RouterId> {
    let selected = |node: &NodeId| {
        let report = nodes[*node].node.babel().report(now);
        report.routes.into_iter().find(|route| route.selected && route.prefix == *prefix)
    };
    path.iter().filter_map(selected).map(|route| route.router_id).collect()
}

/// How packets fared: `Ok(Ok(()))` when they arrived, `Ok(Err(why))` when they were dropped on the way,
/// `Err` when they went in a circle.
type Followed = Result<Result<(), String>, Violation>;

/// Follows packets for `prefix` from `start`, no further than to a node that is known to reach it.
fn follow(
    nodes: &[SimNode],
    links: &[Link],
    start: NodeId,
    prefix: &PrefixPair,
    arrives: Option<&mut [bool]>,
) -> Followed {
    let mut path = vec![start];
    let mut at = start;
    loop {
        if !nodes[at].powered {
            return Ok(Err(format!("node {at} has no power")));
        }
        let known = arrives.as_ref().is_some_and(|arrives| arrives[at]);
        if known || nodes[at].node.announced().any(|own| own == *prefix) {
            if let Some(arrives) = arrives {
                path.iter().for_each(|node| arrives[*node] = true);
            }
            return Ok(Ok(()));
        }
        let Some(next) = next_hop(nodes, links, at, prefix) else {
            return Ok(Err(format!("node {at} has no route, after {path:?}")));
        };
        path.push(next);
        if path[..path.len() - 1].contains(&next) {
            return Err(Violation::Loop { prefix: *prefix, path });
        }
        at = next;
    }
}

/// The node that `at` sends packets for `prefix` to.
pub(super) fn next_hop(nodes: &[SimNode], links: &[Link], at: NodeId, prefix: &PrefixPair) -> Option<NodeId> {
    match nodes[at].kernel.get(prefix)? {
        RouteAction::Install { next_hop: IpAddr::V6(next_hop), interface } => {
            let link = &links[nodes[at].links[super::usize_of(*interface)]];
            let peer = links::owner(*next_hop);
            (link.up && link.peer_of(at) == Some(peer)).then_some(peer)
        }
        _ => None,
    }
}
