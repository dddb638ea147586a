//! Network namespaces with cables between them, in three shapes.

use std::time::{Duration, Instant};

use crate::place::{Folder, LOOK, Place, until};
use crate::speaker::{Node, Speaker};

/// Who is where, and who is beside whom.
pub(crate) struct World {
    pub(crate) places: Vec<Place>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) speakers: Vec<Speaker>,
    cables: Vec<(usize, usize)>,
    title: String,
    _folder: Folder,
}

impl World {
    /// A row of these speakers, all of them running; closed to a ring if `ring`.
    pub(crate) fn start(test: &str, speakers: &[Speaker], ring: bool, by_source: bool) -> Self {
        let names: Vec<&str> = speakers.iter().map(|speaker| speaker.name()).collect();
        let title = format!("{test}: {}", names.join(" - "));
        let count = speakers.len();
        let mut cables: Vec<(usize, usize)> = (1..count).map(|at| (at - 1, at)).collect();
        cables.extend(ring.then_some((0, count - 1)));
        let short = format!("{test}-{}", names.concat());
        let folder =
            Folder(std::env::temp_dir().join(format!("tequio-interop-{}-{short}", std::process::id())));
        let places: Vec<Place> =
            PLACES[..count].iter().map(|name| Place::new(name, &short, &folder.0)).collect();
        let v4_hops = speakers.contains(&Speaker::Bird);
        let node = |at: usize| {
            let ends = cables.iter().filter_map(|(one, other)| match at {
                _ if at == *one => Some(device(at, *other)),
                _ if at == *other => Some(device(at, *one)),
                _ => None,
            });
            let number = u8::try_from(at + 1).expect("four places at most");
            Node { number, devices: ends.collect(), by_source, v4_hops }
        };
        let nodes: Vec<Node> = (0..count).map(node).collect();
        let speakers = speakers.to_vec();
        let mut world = Self { places, nodes, speakers, cables, title, _folder: folder };
        world.furnish();
        for at in 0..count {
            world.boot(at);
        }
        world
    }

    fn furnish(&self) {
        for (place, node) in self.places.iter().zip(&self.nodes) {
            place.ip(&format!("address add {}/32 dev lo", node.v4()));
            place.ip(&format!("address add {}/128 dev lo", node.v6()));
            if node.by_source {
                place.ip(&format!("address add {}/128 dev lo", node.for_source()));
            }
        }
        for (number, (one, other)) in self.cables.iter().enumerate() {
            self.places[*one].cable(&device(*one, *other), &self.places[*other], &device(*other, *one));
            // BIRD speaks about IPv4 by IPv4 next hops alone.
            if [one, other].into_iter().any(|end| self.speakers[*end] == Speaker::Bird) {
                for (end, far) in [(*one, *other), (*other, *one)] {
                    let address = format!("172.16.{number}.{}/24", end + 1);
                    self.places[end].ip(&format!("address add {address} dev {}", device(end, far)));
                }
            }
        }
    }

    /// Starts the program of a place.
    pub(crate) fn boot(&mut self, at: usize) {
        self.speakers[at].start(&mut self.places[at], &self.nodes[at]);
    }

    /// Cuts the power of a place.
    pub(crate) fn lose_power(&mut self, at: usize) {
        self.speakers[at].lose_power(&mut self.places[at]);
    }

    /// Takes the carrier of a cable away, or gives it back, at its far end.
    pub(crate) fn carrier(&self, one: usize, other: usize, up: bool) {
        let state = if up { "up" } else { "down" };
        self.places[other].ip(&format!("link set {} {state}", device(other, one)));
    }

    /// Looks until the condition holds, for at most `limit_s`.
    pub(crate) fn until(
        &mut self,
        what: &str,
        limit_s: u64,
        condition: impl Fn(&Self) -> Result<(), String>,
    ) {
        let whole = format!("{}: {what}", self.title);
        let took = until(self, &whole, Duration::from_secs(limit_s), Self::check, condition);
        println!("{}: {:.1} s  {what}", self.title, took.as_secs_f64());
    }

    /// Lets time pass while the others go on.
    pub(crate) fn dark_for(&mut self, seconds: u64) {
        let until = Instant::now() + Duration::from_secs(seconds);
        while Instant::now() < until {
            self.check();
            std::thread::sleep(LOOK);
        }
    }

    fn check(&mut self) {
        for place in &mut self.places {
            place.check();
        }
    }

    /// Every kernel has a route to every other node, IPv6 and IPv4, and packets are answered.
    pub(crate) fn all_reach_all(&self) -> Result<(), String> {
        for from in 0..self.places.len() {
            let routes = self.places[from].routes();
            for to in (0..self.places.len()).filter(|to| *to != from) {
                let known = |prefix: String| {
                    let complaint = || format!("{} has no route to {prefix}", self.places[from].name);
                    routes.contains_key(&prefix).then_some(()).ok_or_else(complaint)
                };
                known(self.nodes[to].v6())?;
                known(self.nodes[to].v4())?;
            }
        }
        for from in 0..self.places.len() {
            for to in (0..self.places.len()).filter(|to| *to != from) {
                self.places[from].pings(&self.nodes[from].v6(), &self.nodes[to].v6())?;
                if from < to {
                    self.places[from].pings(&self.nodes[from].v4(), &self.nodes[to].v4())?;
                }
            }
        }
        Ok(())
    }

    /// The neighbour through which the kernel of `from` sends what is for `to`.
    pub(crate) fn next_hop(&self, from: usize, to: usize) -> Option<usize> {
        let routes = self.places[from].routes();
        let used = routes.get(&self.nodes[to].v6())?["dev"].as_str()?;
        (0..self.places.len()).find(|other| device(from, *other) == used)
    }
}

/// The device at `here` of the cable to `there`.
fn device(here: usize, there: usize) -> String {
    format!("v{}{}", PLACES[here], PLACES[there])
}

const PLACES: [&str; 4] = ["a", "b", "c", "d"];
