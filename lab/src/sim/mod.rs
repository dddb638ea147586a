//! The simulator: the same [`Node`] as the daemon's, many of them, on links that lose, delay and break.
//!
//! One seed decides everything: the shape of the mesh, every lost packet, every power cut. The same
//! seed gives the same hash over all outputs of all nodes, on every machine; a failure names its seed.
//! After each event the checkers of [`checker`] look at what changed, and once a simulated second
//! at everything.

pub mod checker;
pub mod command;
mod links;
mod plot;
mod strike;
mod vault;

use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use serde::Serialize;
use tequio::babel::output::{RouteAction, RouteChange};
use tequio::base::address::{InterfaceIndex, PrefixPair};
use tequio::base::random::Random;
use tequio::base::time::{Instant, Span};
use tequio::node::input::Input;
use tequio::node::output::Output;
use tequio::node::{Birth, Node};

use checker::{Checker, Violation};
use links::{Link, LinkId};
pub use plot::{HUNDRED, Plan, Shape, THOUSAND, VILLAGE};
use vault::SimVault;

/// A mistake put in on purpose, to see that the checkers find it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plant {
    /// None.
    #[default]
    Nothing,
    /// One node sends packets for one prefix back where they came from.
    Loop,
    /// One node's memory of a feasibility distance is told higher than it was.
    Feasibility,
    /// One node never installs what it chose, so that something stays unreachable.
    Deaf,
    /// What is in use looks twice as dear as it is, so that a better way seems to be left unused.
    Stubborn,
}

/// How a run ended.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Nodes in the mesh.
    pub nodes: usize,
    /// Links between them.
    pub links: usize,
    /// Events that were handled.
    pub events: u64,
    /// Babel packets that were delivered.
    pub delivered: u64,
    /// Babel packets that the air took.
    pub lost: u64,
    /// Cuts, heals and power cuts that were played.
    pub blows: u64,
    /// Power cuts after which a router kept its name and lost its sequence number.
    pub lost_names: usize,
    /// The longest that a circle which is allowed for a moment stood, to the next sweep.
    pub circle_ms: u64,
    /// Seconds from the last blow until every node reached every other, as the sweep saw it.
    pub healed_after_s: u64,
    /// Hash over all outputs.
    pub hash: String,
}

/// A run that failed.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The seed to run again.
    pub seed: u64,
    /// The name of the mesh's shape.
    pub mesh: &'static str,
    /// When, in simulated time.
    pub now: Instant,
    /// What.
    pub violation: Violation,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, mesh, now, violation } = self;
        write!(
            formatter,
            "seed {seed} at {now}: {violation} (run it again: lab sim --seed {seed} --mesh {mesh} --trace)"
        )
    }
}

/// Number of a node in a run.
pub type NodeId = usize;

/// One node and the part of the world that is its own.
pub struct SimNode {
    node: Node,
    vault: SimVault,
    birth: Birth,
    /// What the node's kernel does with packets.
    kernel: BTreeMap<PrefixPair, RouteAction>,
    /// Routes of a killed daemon that nobody confirmed yet, and when the adapter sweeps them.
    left: BTreeSet<PrefixPair>,
    left_until: Instant,
    /// The links it is on; the interface's index is the position + 1.
    links: Vec<LinkId>,
    powered: bool,
    /// Wakes of before the last input are stale.
    generation: u64,
}

/// A mesh under way.
pub struct Sim {
    seed: u64,
    now: Instant,
    random: Random,
    nodes: Vec<SimNode>,
    links: Vec<Link>,
    queue: BinaryHeap<Event>,
    events: u64,
    events_put: u64,
    delivered: u64,
    lost: u64,
    blows: u64,
    hash: u64,
    checker: Checker,
    plant: Plant,
    trace: bool,
    /// Whether every node is written to bytes and read back at each blow.
    reloads: bool,
}

/// Something that will happen. Ordered by time, then by when it was put in.
struct Event {
    at: Instant,
    number: u64,
    what: What,
}

enum What {
    Deliver {
        node: NodeId,
        interface: InterfaceIndex,
        source: Ipv6Addr,
        destination: Ipv6Addr,
        bytes: Vec<u8>,
    },
    Wake {
        node: NodeId,
        generation: u64,
    },
    Blow(plot::Blow),
    Sweep,
}

impl PartialEq for Event {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Event {}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Event {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        // The heap gives the greatest first; we want the earliest.
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

/// Plays the run of `seed` in a village to its end.
pub fn run(seed: u64, plant: Plant, trace: bool) -> Result<Outcome, Failure> {
    run_within(seed, VILLAGE, plant, trace)
}

/// Plays the run of `seed` within other limits to its end.
pub fn run_within(seed: u64, shape: Shape, plant: Plant, trace: bool) -> Result<Outcome, Failure> {
    let plan = Plan::draw(seed, shape);
    let mut sim = Sim::new(seed, &plan, plant, trace);
    sim.play(&plan).map_err(|violation| {
        if trace {
            sim.print_ways(violation.prefix());
        }
        Failure { seed, mesh: plan.shape.name, now: sim.now, violation }
    })
}

/// As [`run`], but at each blow every node is written to bytes and read back. Nothing may change by that.
pub fn run_reloaded(seed: u64) -> Result<Outcome, Failure> {
    let plan = Plan::draw(seed, VILLAGE);
    let mut sim = Sim::new(seed, &plan, Plant::Nothing, false);
    sim.reloads = true;
    sim.play(&plan).map_err(|violation| Failure { seed, mesh: plan.shape.name, now: sim.now, violation })
}

/// How long somebody may be cut off in a mesh at rest: some Hellos of a radio.
const MOMENT: Span = Span::from_secs(5);

impl Sim {
    fn new(seed: u64, plan: &Plan, plant: Plant, trace: bool) -> Self {
        let mut sim = Self {
            seed,
            now: Instant::ZERO,
            random: Random::new(seed ^ 0x0005_eed0_fa11),
            nodes: Vec::new(),
            links: plan.links.clone(),
            queue: BinaryHeap::new(),
            events: 0,
            events_put: 0,
            delivered: 0,
            lost: 0,
            blows: 0,
            hash: seed,
            checker: Checker::new(plant),
            plant,
            trace,
            reloads: false,
        };
        for id in 0..plan.nodes {
            let links: Vec<LinkId> =
                (0..plan.links.len()).filter(|&link| plan.links[link].side_of(id).is_some()).collect();
            let birth = sim.birth(id);
            let mut vault = SimVault::new(id);
            let node = Node::new(sim.now, plan.settings(id, &links), birth, &mut vault);
            sim.nodes.push(SimNode {
                node,
                vault,
                birth,
                kernel: BTreeMap::new(),
                left: BTreeSet::new(),
                left_until: Instant::ZERO,
                links,
                powered: true,
                generation: 0,
            });
        }
        sim
    }

    fn play(&mut self, plan: &Plan) -> Result<Outcome, Violation> {
        for id in 0..self.nodes.len() {
            self.boot(id, plan)?;
        }
        for (at, blow) in &plan.blows {
            self.push(*at, What::Blow(blow.clone()));
        }
        self.push(Instant::from_millis(1_000), What::Sweep);
        while let Some(event) = self.next_until(plan.end) {
            self.happen(event.what, plan)?;
        }
        self.now = plan.end;
        let healed_after_s = self.reached_at_the_end(plan)?;
        Ok(Outcome {
            seed: self.seed,
            nodes: self.nodes.len(),
            links: self.links.len(),
            events: self.events,
            delivered: self.delivered,
            lost: self.lost,
            blows: self.blows,
            lost_names: plan.lost_names(),
            circle_ms: self.checker.longest_circle().as_millis(),
            healed_after_s,
            hash: format!("{:016x}", self.hash),
        })
    }

    /// Seconds of rest after which everybody reached everybody. A radio that loses 15 % takes a neighbour away for some
    /// Hellos now and then: whoever is cut off at the last look is looked at for a moment more.
    fn reached_at_the_end(&mut self, plan: &Plan) -> Result<u64, Violation> {
        loop {
            let reached = self.checker.reachable_since(plan.last_blow, self.now);
            let more = if reached.is_err() { self.next_until(plan.end + MOMENT) } else { None };
            let Some(event) = more else { return reached };
            self.happen(event.what, plan)?;
        }
    }

    /// The next event, if it comes before that; the clock goes on to it.
    fn next_until(&mut self, end: Instant) -> Option<Event> {
        self.queue.peek().filter(|event| event.at <= end)?;
        let event = self.queue.pop()?;
        self.now = event.at;
        self.events += 1;
        Some(event)
    }

    fn happen(&mut self, what: What, plan: &Plan) -> Result<(), Violation> {
        match what {
            What::Deliver { node, interface, source, destination, bytes } => {
                let link = self.nodes[node].links[usize_of(interface)];
                if !self.nodes[node].powered || !self.links[link].up {
                    return Ok(());
                }
                self.delivered += 1;
                self.input(node, Input::Packet { interface, source, destination, bytes })
            }
            What::Wake { node, generation } if self.nodes[node].generation == generation => {
                self.input(node, Input::Wake)
            }
            What::Wake { .. } => Ok(()),
            What::Blow(blow) => {
                self.blows += 1;
                if self.trace {
                    println!("{:>12}  {blow:?}", self.now.to_string());
                }
                if self.reloads {
                    self.reload();
                }
                self.strike(&blow, plan)
            }
            What::Sweep => {
                self.push(self.now + Span::from_secs(1), What::Sweep);
                for one in self.nodes.iter_mut().filter(|one| one.left_until <= self.now) {
                    for prefix in std::mem::take(&mut one.left) {
                        one.kernel.remove(&prefix);
                    }
                }
                if self.now > plan.last_blow {
                    self.checker.stubbornness(self.now, &self.nodes)?;
                }
                self.checker.sweep(self.now, &self.nodes, &self.links)
            }
        }
    }

    /// Hands an input to a node and does what it answers.
    fn input(&mut self, id: NodeId, input: Input) -> Result<(), Violation> {
        let SimNode { node, vault, powered, generation, .. } = &mut self.nodes[id];
        if !*powered {
            return Ok(());
        }
        let outputs = node.step(self.now, input, vault);
        *generation += 1;
        let wake = node.next_wake().map(|at| (at.max(self.now), *generation));
        if let Some((at, generation)) = wake {
            self.push(at, What::Wake { node: id, generation });
        }
        for output in outputs {
            self.perform(id, output)?;
        }
        self.checker.after(self.now, id, &self.nodes)
    }

    fn perform(&mut self, id: NodeId, output: Output) -> Result<(), Violation> {
        self.hash = mix(self.hash, &postcard::to_allocvec(&(id, &output)).expect("outputs serialise"));
        match output {
            Output::Packet { interface, destination, bytes } => self.send(id, interface, destination, bytes),
            Output::Routes(changes) => {
                for change in changes {
                    self.apply(id, change)?;
                }
            }
            Output::Note(note) if self.trace => {
                println!("{:>12}  node {id}: {}", self.now.to_string(), note.text)
            }
            Output::Store { id: store, .. } | Output::StoreWhole { id: store, .. } => {
                self.input(id, Input::Stored(store))?
            }
            // What only hotspots and people cause: no hotspot stands in these runs.
            _ => {}
        }
        Ok(())
    }

    fn apply(
        &mut self,
        id: NodeId,
        RouteChange { prefix, mut action }: RouteChange,
    ) -> Result<(), Violation> {
        if self.plant == Plant::Deaf && id == 0 && self.now > Instant::from_millis(60_000) {
            return Ok(());
        }
        // Not at a prefix of several gateways: circles between those may stand for a moment.
        if self.plant == Plant::Loop
            && self.now > Instant::from_millis(30_000)
            && !prefix.is_default()
            && let Some(back) = self.the_way_back(id, &prefix, &action)
        {
            action = back;
            self.plant = Plant::Nothing;
        }
        if self.trace {
            println!("{:>12}  node {id}: {prefix}: {action:?}", self.now.to_string());
        }
        self.nodes[id].left.remove(&prefix);
        match action {
            RouteAction::Remove => drop(self.nodes[id].kernel.remove(&prefix)),
            action => drop(self.nodes[id].kernel.insert(prefix, action)),
        }
        self.checker.route_changed(self.now, id, &prefix, &self.nodes, &self.links)
    }

    fn reload(&mut self) {
        for one in &mut self.nodes {
            let bytes = postcard::to_allocvec(&one.node).expect("a node serialises");
            one.node = postcard::from_bytes(&bytes).expect("what was written can be read");
        }
    }

    /// What every node thinks of a prefix.
    fn print_ways(&self, prefix: PrefixPair) {
        for (id, one) in self.nodes.iter().enumerate() {
            let report = one.node.babel().report(self.now);
            println!("node {id} ({}): {:?}", report.router_id, one.kernel.get(&prefix));
            for route in report.routes.iter().filter(|route| route.prefix == prefix) {
                println!("    {route:?}");
            }
            let distances = one.node.babel().feasibility_distances().filter(|((of, _), _)| *of == prefix);
            distances.for_each(|((_, origin), distance)| println!("    {origin}: {distance:?}"));
        }
    }

    /// A neighbour of `id` that sends packets for `prefix` to `id`: the planted loop points at it.
    fn the_way_back(&self, id: NodeId, prefix: &PrefixPair, action: &RouteAction) -> Option<RouteAction> {
        matches!(action, RouteAction::Install { .. }).then_some(())?;
        self.nodes[id].links.iter().enumerate().find_map(|(position, &link)| {
            let peer = self.links[link].peer_of(id)?;
            let hop = checker::next_hop(&self.nodes, &self.links, peer, prefix)?;
            let address = links::address(peer, self.nodes[peer].links.iter().position(|&own| own == link)?);
            (hop == id).then_some(RouteAction::Install {
                next_hop: IpAddr::V6(address),
                interface: index_of(position),
            })
        })
    }

    fn send(&mut self, from: NodeId, interface: InterfaceIndex, destination: Ipv6Addr, bytes: Vec<u8>) {
        let link = self.nodes[from].links[usize_of(interface)];
        let Some(peer) = self.links[link].peer_of(from) else { return };
        let position =
            self.nodes[peer].links.iter().position(|&own| own == link).expect("a link has both its ends");
        let source = links::address(from, usize_of(interface));
        if destination.is_unicast_link_local() && destination != links::address(peer, position) {
            return;
        }
        let link = &self.links[link];
        if !link.up || self.random.below(1_000) < u64::from(link.loss_permille) {
            self.lost += 1;
            return;
        }
        let at = self.now + link.delay + self.random.span(link.jitter);
        let interface = index_of(position);
        self.push(at, What::Deliver { node: peer, interface, source, destination, bytes });
    }

    fn push(&mut self, at: Instant, what: What) {
        // Numbers make equal times a matter of order, not of chance.
        self.events_put += 1;
        self.queue.push(Event { at, number: self.events_put, what });
    }
}

fn index_of(position: usize) -> InterfaceIndex {
    InterfaceIndex(u32::try_from(position).expect("a node has a handful of links") + 1)
}

fn usize_of(interface: InterfaceIndex) -> usize {
    usize::try_from(interface.0).expect("an index of ours is small") - 1
}

/// FNV-1a: one hash over everything, in order.
fn mix(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}
