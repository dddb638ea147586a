//! A network of engines on a virtual clock: links with delay and loss, kernels as tables, and checkers
//! that look after every event.

use std::net::{IpAddr, Ipv6Addr};

use crate::babel::auth::mac;
use crate::babel::auth::settings::{Algorithm, Auth};
use crate::babel::auth::wire::sealed;
use crate::babel::engine::{Datagram, Engine, MULTICAST};
use crate::babel::output::{Event, Output, RouteAction, RouteChange};
use crate::babel::settings::{InterfaceSettings, LinkKind, Settings};
use crate::babel::source::FeasibilityDistance;
use crate::babel::{InterfaceStatus, RouterId, SeqNo};
use crate::base::address::{InterfaceIndex, PrefixPair};
use crate::base::random::Random;
use crate::base::sorted::{LargeMap, LargeSet, SortedMap};
use crate::base::time::{Instant, Span};

/// One node: an engine and what its kernel holds.
pub(super) struct Node {
    pub(super) engine: Engine,
    pub(super) kernel: LargeMap<PrefixPair, RouteAction>,
    /// What the kernel still holds of a run before, until this run says something about it.
    pub(super) left: LargeMap<PrefixPair, RouteAction>,
    pub(super) originated: Vec<PrefixPair>,
    pub(super) events: Vec<Event>,
    pub(super) packets_sent: usize,
    /// What its vault would hold, and how many MACs it was asked about.
    pub(super) keys: SortedMap<String, (Algorithm, Vec<u8>)>,
    pub(super) macs_checked: usize,
    /// Every change the kernel saw, with its time.
    pub(super) history: Vec<(Instant, PrefixPair, RouteAction)>,
    distances: SortedMap<(PrefixPair, RouterId), FeasibilityDistance>,
}

/// One link: all members hear all others.
struct Link {
    members: Vec<usize>,
    cut: bool,
    loss_permille: u64,
}

/// Nodes, links and what is under way.
pub(super) struct Net {
    pub(super) nodes: Vec<Node>,
    links: Vec<Link>,
    pub(super) now: Instant,
    random: Random,
    flying: SortedMap<(Instant, u64), Flight>,
    flights: u64,
    pub(super) kind: LinkKind,
    pub(super) split_horizon: bool,
    pub(super) auth: Auth,
    /// Until when packets may go round.
    tolerant_until: Instant,
}

struct Flight {
    link: usize,
    from: usize,
    to: usize,
    destination: Ipv6Addr,
    bytes: Vec<u8>,
}

pub(super) fn router_id(node: usize) -> RouterId {
    RouterId([2, 0, 0, 0, 0, 0, 1, u8::try_from(node).unwrap()])
}

pub(super) fn address(node: usize, link: usize) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, u16::try_from(link).unwrap() + 1, u16::try_from(node).unwrap() + 1)
}

pub(super) fn prefix_v6(node: usize) -> PrefixPair {
    format!("fd00:{node:x}::/64").parse().unwrap()
}

pub(super) fn prefix_v4(node: usize) -> PrefixPair {
    format!("10.{node}.0.0/22").parse().unwrap()
}

pub(super) fn index(link: usize) -> InterfaceIndex {
    InterfaceIndex(u32::try_from(link).unwrap() + 1)
}

pub(super) fn interface_settings(link: usize, kind: LinkKind, split_horizon: bool) -> InterfaceSettings {
    InterfaceSettings {
        name: format!("l{link}"),
        kind,
        hello_interval: Span::from_secs(4),
        update_interval: Span::from_secs(16),
        rxcost: if kind == LinkKind::Wired { 96 } else { 256 },
        split_horizon,
        auth: Auth::default(),
        radio: None,
        v4_via_v6: true,
    }
}

impl Net {
    /// Nodes that each announce an IPv6 and an IPv4 prefix, and links between them. Nothing runs yet.
    pub(super) fn new(nodes: usize, links: &[&[usize]], seed: u64) -> Self {
        let links: Vec<Link> = links
            .iter()
            .map(|members| Link { members: members.to_vec(), cut: false, loss_permille: 0 })
            .collect();
        let random = Random::new(seed);
        let mut net = Self {
            nodes: Vec::new(),
            links,
            now: Instant::from_millis(1_000),
            random,
            flying: SortedMap::new(),
            flights: 0,
            kind: LinkKind::Wired,
            split_horizon: false,
            auth: Auth::default(),
            tolerant_until: Instant::ZERO,
        };
        for node in 0..nodes {
            let seed = net.random.u64();
            let engine = Engine::new(Settings::default(), router_id(node), SeqNo(100), seed);
            net.nodes.push(Node {
                engine,
                kernel: SortedMap::new(),
                left: SortedMap::new(),
                originated: Vec::new(),
                events: Vec::new(),
                packets_sent: 0,
                keys: SortedMap::new(),
                macs_checked: 0,
                history: Vec::new(),
                distances: SortedMap::new(),
            });
        }
        net
    }

    /// Starts every node now.
    pub(super) fn start(mut self) -> Self {
        (0..self.nodes.len()).for_each(|node| self.start_node(node));
        self
    }

    /// Gives a node its settings, interfaces and prefixes.
    pub(super) fn start_node(&mut self, node: usize) {
        let now = self.now;
        let settings = self.interface_settings(node);
        self.settings(node, settings);
        for link in self.links_of(node) {
            self.nodes[node].engine.handle_interface(now, status(node, link, !self.links[link].cut));
        }
        let mut own: Vec<(PrefixPair, u16)> = vec![(prefix_v6(node), 0), (prefix_v4(node), 0)];
        let others =
            self.nodes[node].originated.iter().filter(|&prefix| own.iter().all(|one| one.0 != *prefix));
        let others: Vec<(PrefixPair, u16)> = others.map(|prefix| (*prefix, 0)).collect();
        own.extend(others);
        self.originate(node, &own);
        self.drain(node);
    }

    fn links_of(&self, node: usize) -> Vec<usize> {
        (0..self.links.len()).filter(|link| self.links[*link].members.contains(&node)).collect()
    }

    fn interface_settings(&self, node: usize) -> Settings {
        let settings = |link| InterfaceSettings {
            auth: self.auth.clone(),
            ..interface_settings(link, self.kind, self.split_horizon)
        };
        Settings {
            interfaces: self.links_of(node).into_iter().map(settings).collect(),
            ..Settings::default()
        }
    }

    pub(super) fn settings(&mut self, node: usize, settings: Settings) {
        let now = self.now;
        self.nodes[node].engine.handle_settings(now, settings);
        self.drain(node);
    }

    /// Gives a node the settings again, which may be others now.
    pub(super) fn reload(&mut self, node: usize) {
        let settings = self.interface_settings(node);
        self.settings(node, settings);
    }

    pub(super) fn originate(&mut self, node: usize, prefixes: &[(PrefixPair, u16)]) {
        let now = self.now;
        self.nodes[node].originated = prefixes.iter().map(|(prefix, _)| *prefix).collect();
        self.nodes[node].engine.handle_originated(now, &prefixes.iter().copied().collect());
        self.drain(node);
    }

    /// The power fails and comes back at once: same name, and the seqno given.
    pub(super) fn restart(&mut self, node: usize, router_id: RouterId, seqno: SeqNo) {
        let seed = self.random.u64();
        self.nodes[node].engine = Engine::new(Settings::default(), router_id, seqno, seed);
        self.nodes[node].kernel.clear();
        self.nodes[node].left.clear();
        self.nodes[node].distances.clear();
        self.start_node(node);
    }

    /// The daemon is killed and started again at once; its kernel goes on forwarding.
    pub(super) fn restart_daemon(&mut self, node: usize) {
        let (seed, now) = (self.random.u64(), self.now);
        let one = &mut self.nodes[node];
        one.left.extend(std::mem::take(&mut one.kernel));
        one.distances.clear();
        let seqno = one.engine.seqno().next();
        let settings = self.interface_settings(node);
        let one = &mut self.nodes[node];
        one.engine = Engine::new(settings, router_id(node), seqno, seed);
        let left = one.left.iter().map(|(prefix, action)| RouteChange { prefix: *prefix, action: *action });
        one.engine.handle_routes_left(now, &left.collect::<Vec<_>>());
        self.start_node(node);
    }

    /// Cuts or mends a link; with `carrier` the nodes see it.
    pub(super) fn cut(&mut self, link: usize, cut: bool, carrier: bool) {
        self.links[link].cut = cut;
        if carrier {
            for node in self.links[link].members.clone() {
                let now = self.now;
                self.nodes[node].engine.handle_interface(now, status(node, link, !cut));
                self.drain(node);
            }
        }
    }

    /// A node forgot all it announced: packets may go round for a moment.
    pub(super) fn tolerate_loops(&mut self, millis: u64) {
        self.tolerant_until = self.now + Span::from_millis(millis);
    }

    pub(super) fn lose(&mut self, link: usize, permille: u64) {
        self.links[link].loss_permille = permille;
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, millis: u64) {
        self.run_until(self.now + Span::from_millis(millis), |_| false);
    }

    /// Lets time pass until `done`; the time it took, in milliseconds, or a panic after `limit_ms`.
    pub(super) fn time_to(&mut self, limit_ms: u64, done: impl Fn(&Self) -> bool) -> u64 {
        let start = self.now;
        assert!(
            self.run_until(start + Span::from_millis(limit_ms), done),
            "not reached in {limit_ms} ms; {}",
            self.nodes
                .iter()
                .enumerate()
                .map(|(node, one)| format!("\n{node}: {:?}", one.engine.report(self.now)))
                .collect::<String>()
        );
        self.now.since(start).as_millis()
    }

    fn run_until(&mut self, end: Instant, done: impl Fn(&Self) -> bool) -> bool {
        if done(self) {
            return true;
        }
        loop {
            let wakes = self.nodes.iter().map(|node| node.engine.next_wake());
            let earliest = wakes.enumerate().filter_map(|(node, wake)| Some((wake?, node))).min();
            let arrival = self.flying.first_key_value().map(|((when, _), _)| *when);
            let next = earliest.map(|(when, _)| when).into_iter().chain(arrival).min();
            let Some(next) = next.filter(|&next| next <= end) else {
                self.now = end;
                return false;
            };
            self.now = self.now.max(next);
            if arrival == Some(next) {
                self.arrive();
            } else if let Some((_, node)) = earliest {
                let now = self.now;
                self.nodes[node].engine.handle_wake(now);
                assert!(self.nodes[node].engine.next_wake() > Some(now), "node {node} would spin");
                self.drain(node);
            }
            self.check();
            if done(self) {
                return true;
            }
        }
    }

    fn arrive(&mut self) {
        let Some((_, flight)) = self.flying.pop_first() else { return };
        if self.links[flight.link].cut {
            return;
        }
        let source = address(flight.from, flight.link);
        self.receive(flight.to, index(flight.link), source, flight.destination, &flight.bytes);
    }

    /// A packet reaches a node.
    pub(super) fn receive(
        &mut self,
        node: usize,
        interface: InterfaceIndex,
        source: Ipv6Addr,
        destination: Ipv6Addr,
        bytes: &[u8],
    ) {
        let Node { engine, keys, macs_checked, .. } = &mut self.nodes[node];
        let mut verify = |key: &str, message: &[u8], macs: &[&[u8]]| {
            *macs_checked += 1;
            keys.get(key).is_some_and(|(algorithm, key)| mac::verify(*algorithm, key, message, macs))
        };
        let datagram = Datagram { interface, source, destination, bytes };
        engine.handle_packet(self.now, &datagram, &mut verify);
        self.drain(node);
    }

    fn drain(&mut self, node: usize) {
        while let Some(output) = self.nodes[node].engine.poll() {
            match output {
                Output::Send { interface, destination, mut bytes, seal } => {
                    self.nodes[node].packets_sent += 1;
                    if let Some(seal) = seal {
                        let keys = &self.nodes[node].keys;
                        bytes = sealed(bytes, destination, &seal, |key, message| {
                            keys.get(key).map_or_else(Vec::new, |(algorithm, key)| {
                                mac::compute(*algorithm, key, message)
                            })
                        });
                    }
                    self.fly(node, interface, destination, &bytes);
                }
                Output::Routes(changes) => {
                    for change in changes {
                        let now = self.now;
                        self.nodes[node].history.push((now, change.prefix, change.action));
                        self.nodes[node].left.remove(&change.prefix);
                        if change.action == RouteAction::Remove {
                            self.nodes[node].kernel.remove(&change.prefix);
                        } else {
                            self.nodes[node].kernel.insert(change.prefix, change.action);
                        }
                    }
                }
                Output::Event(event) => self.nodes[node].events.push(event),
            }
        }
        let installed = self.nodes[node].engine.installed();
        let said: LargeMap<PrefixPair, RouteAction> =
            installed.into_iter().map(|change| (change.prefix, change.action)).collect();
        assert_eq!(said, self.nodes[node].kernel, "node {node}: the kernel holds what the engine says");
    }

    fn fly(&mut self, from: usize, interface: InterfaceIndex, destination: Ipv6Addr, bytes: &[u8]) {
        assert!(bytes.len() <= 1452, "no packet is larger than the MTU");
        let link = usize::try_from(interface.0).unwrap() - 1;
        for to in self.links[link].members.clone() {
            let heard = destination == MULTICAST || destination == address(to, link);
            let lost = self.random.below(1_000) < self.links[link].loss_permille;
            if to == from || !heard || lost || self.links[link].cut {
                continue;
            }
            let arrival = self.now + Span::from_millis(1) + self.random.span(Span::from_millis(3));
            self.flights += 1;
            let flight = Flight { link, from, to, destination, bytes: bytes.to_vec() };
            self.flying.insert((arrival, self.flights), flight);
        }
    }

    /// After each event: no loop anywhere, and no feasibility distance has risen.
    fn check(&mut self) {
        let prefixes: LargeSet<PrefixPair> =
            self.nodes.iter().flat_map(|node| node.kernel.keys().chain(node.left.keys()).copied()).collect();
        for prefix in prefixes {
            for start in 0..self.nodes.len() {
                self.follow(start, prefix);
            }
        }
        for node in &mut self.nodes {
            let fresh: SortedMap<_, _> = node.engine.feasibility_distances().collect();
            for (key, distance) in &fresh {
                if let Some(old) = node.distances.get(key) {
                    let risen = old.admits(distance.seqno, distance.metric) || old == distance;
                    assert!(risen, "{key:?}: the distance went from {old:?} to {distance:?}");
                }
            }
            node.distances = fresh;
        }
    }

    /// Where packets for `prefix` end that start at this node; a panic if they go round.
    pub(super) fn follow(&self, start: usize, prefix: PrefixPair) -> Option<Vec<usize>> {
        let mut path = vec![start];
        let mut here = start;
        loop {
            let node = &self.nodes[here];
            let action = node.kernel.get(&prefix).or(node.left.get(&prefix));
            let Some(RouteAction::Install { next_hop, interface }) = action else {
                return node.originated.contains(&prefix).then_some(path);
            };
            if self.links[usize::try_from(interface.0).unwrap() - 1].cut {
                return None;
            }
            let IpAddr::V6(next_hop) = next_hop else { panic!("we announce IPv6 next hops only") };
            let next = usize::from(next_hop.segments()[7]) - 1;
            if path.contains(&next) {
                assert!(self.now < self.tolerant_until, "a loop for {prefix}: {path:?} and then {next}");
                return None;
            }
            path.push(next);
            here = next;
        }
    }

    /// Whether every node reaches every prefix of every other.
    pub(super) fn all_reach_all(&self) -> bool {
        let nodes = 0..self.nodes.len();
        nodes.clone().all(|to| nodes.clone().all(|from| self.reaches(from, to)))
    }

    pub(super) fn reaches(&self, from: usize, to: usize) -> bool {
        self.follow(from, prefix_v6(to)).is_some() && self.follow(from, prefix_v4(to)).is_some()
    }
}

pub(super) fn status(node: usize, link: usize, up: bool) -> InterfaceStatus {
    InterfaceStatus {
        index: index(link),
        name: format!("l{link}"),
        up,
        link_local: Some(address(node, link)),
        mtu: 1500,
        ipv4: None,
    }
}
