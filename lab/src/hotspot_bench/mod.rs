//! `lab bench-hotspot`: one node with the real daemon, its table and its portal, and more phones than it will ever have.
//!
//! ```text
//!   600 stacks in one cell ─┐
//!   client (a namespace)   ─┤ br-hs ─ node (tequio, dnsmasq) ─ provider ─ web server
//!        └───────────────────── bare (hyper, a 302 and nothing else)
//! ```
//!
//! The part `mesh` deals a thousand phones to six such nodes. All codes are sold at the first, which has the only uplink:
//! what a phone waits for is the mesh's work too.
//!
//! Each figure has its peer in the same run: redirects beside those of a bare hyper, forwarding beside plain connection
//! tracking ([`forward`]). What a phone waits for is counted by the phone; when the kernel knows, by `nft monitor`.

pub mod bare;
mod client;
mod crowd;
mod forward;
mod redirects;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::bench::serve_web;
use crate::community;
use crate::failure::{Failure, Outcome, io};
use crate::folder::Folder;
use crate::household::Household;
use crate::process::Process;
use crate::terrain::Terrain;
use crate::topology::{self as plan, Site, Topology};
use crate::{cell, command, interrupt, names, netns};

/// What somebody has asked for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// How many phones log in at the one node.
    pub phones: u16,
    /// Parts by their names; empty: all.
    pub parts: Vec<String>,
    /// The daemon.
    pub tequio: Option<PathBuf>,
    /// Where the figures go as JSON.
    pub json: Option<PathBuf>,
}

/// The nodes, the first of which sells and has the uplink, and what they need.
struct Bench {
    households: Vec<Household>,
    _services: Vec<Process>,
    terrain: Terrain,
    folder: Folder,
    /// What the names of figures begin with.
    prefix: &'static str,
    figures: Map<String, Value>,
}

const PARTS: [&str; 5] = ["redirects", "admit", "crowd", "forward", "mesh"];
/// Phones of the part `mesh`.
const MESH_PHONES: u16 = 1_000;
const NODE: &str = "plaza";
const PLANS: &[community::Plan] =
    &[community::Plan { id: "hora", name: "Una hora", price_cents: 50, used_seconds: 3_600 }];
/// The most codes of one sale.
const LOT: usize = 20;

/// Runs the parts, prints a line for each figure.
pub fn run(wish: &Wish) -> Outcome<()> {
    if let Some(part) = wish.parts.iter().find(|part| !PARTS.contains(&part.as_str())) {
        return Err(Failure::new(PARTS.join(", "), part));
    }
    netns::require_root()?;
    interrupt::install()?;
    command::require_all()?;
    cell::require_tun()?;
    let has = |part: &str| wish.parts.is_empty() || wish.parts.iter().any(|one| one == part);
    let tequio = crate::village::find_daemon(wish.tequio.as_deref())?;
    let mut figures = Map::new();
    if PARTS[..3].iter().any(|part| has(part)) {
        let mut bench = Bench::build(&tequio, one_node(), "")?;
        bench.play(|bench| {
            bench.memory(0)?;
            if has("redirects") {
                bench.redirects()?;
            }
            if has("admit") {
                bench.admit()?;
            }
            if has("crowd") {
                bench.crowd(wish.phones)?;
            }
            Ok(())
        })?;
        figures.append(&mut bench.figures);
    }
    if has("forward") {
        forward::measure(&mut figures)?;
    }
    if has("mesh") {
        let mut bench = Bench::build(&tequio, six_nodes(), "mesh_")?;
        bench.play(|bench| {
            bench.memory(0)?;
            bench.crowd(MESH_PHONES)
        })?;
        figures.append(&mut bench.figures);
    }
    if let Some(path) = &wish.json {
        std::fs::write(path, format!("{:#}\n", Value::from(figures)))
            .map_err(io(format!("the file {}", path.display())))?;
    }
    Ok(())
}

fn site(name: &'static str, number: u8, slot: u8) -> Site {
    Site { name, number, slot: Some(slot), uplink: false, content: false }
}

fn one_node() -> Topology {
    let first = Site { uplink: true, content: true, ..site(NODE, 5, 0) };
    Topology { sites: vec![first], links: Vec::new() }
}

/// Up to three hops from the uplink.
fn six_nodes() -> Topology {
    let mut town = one_node();
    let others =
        [("escuela", 6, 1), ("clinica", 7, 2), ("caserio", 8, 3), ("loma", 4, 4), ("cerro-alto", 2, 5)];
    town.sites.extend(others.map(|(name, number, slot)| site(name, number, slot)));
    let ends = [
        [NODE, "escuela"],
        [NODE, "clinica"],
        ["escuela", "clinica"],
        ["clinica", "caserio"],
        ["caserio", "loma"],
        [NODE, "cerro-alto"],
    ];
    town.links.extend(ends.map(|ends| plan::Link { ends, medium: plan::Medium::Wired, rxcost: 96 }));
    town
}

impl Bench {
    fn build(tequio: &Path, topology: Topology, prefix: &'static str) -> Outcome<Self> {
        let folder = Folder::create()?;
        let terrain = Terrain::build(topology)?;
        let outside = folder.of("outside")?;
        let addresses = [plan::OUTSIDE4.into(), plan::OUTSIDE6.into()];
        let services = vec![
            names::serve_outside(&terrain.outside, &outside)?,
            serve_web(&terrain.outside, "outside", &addresses, &outside)?,
        ];
        let topology = &terrain.topology;
        let prepare = |site: &Site| {
            let node = terrain.node(site.name).clone();
            Household::prepare(topology, site, node, folder.of(site.name)?, tequio)
        };
        let mut households = topology.sites.iter().map(prepare).collect::<Outcome<Vec<_>>>()?;
        community::found(tequio, &folder.path().join("community"), PLANS, &households)?;
        for household in &mut households {
            household.start_daemon()?;
        }
        for household in &mut households {
            household.await_daemon(Duration::from_secs(20))?;
        }
        Ok(Self { households, _services: services, terrain, folder, prefix, figures: Map::new() })
    }

    /// Plays the parts; a failure reads the first node's log.
    fn play(&mut self, parts: impl FnOnce(&mut Self) -> Outcome<()>) -> Outcome<()> {
        let log = self.household().log.clone();
        let play = || {
            parts(self)?;
            self.households.iter_mut().try_for_each(Household::check)
        };
        play().map_err(|failure| failure.read(&log))?;
        self.folder.discard();
        Ok(())
    }

    /// The node that sells.
    fn household(&self) -> &Household {
        &self.households[0]
    }

    /// Codes that the caretaker sells.
    fn sell(&self, count: usize) -> Outcome<Vec<String>> {
        let mut codes = Vec::with_capacity(count);
        while codes.len() < count {
            let some = LOT.min(count - codes.len()).to_string();
            let words =
                ["voucher", "issue", "--plan", "hora", "--person", crate::uci::CARETAKER, "--count", &some];
            let answer = self.household().ask(&words)?;
            let sold = answer["vouchers"].as_array().into_iter().flatten();
            let before = codes.len();
            codes.extend(sold.filter_map(|voucher| voucher["code"].as_str().map(str::to_owned)));
            if codes.len() == before {
                return Err(Failure::new("codes in the answer to `voucher issue`", answer.to_string()));
            }
        }
        Ok(codes)
    }

    fn note(&mut self, name: &str, value: f64) {
        note(&mut self.figures, &format!("{}{name}", self.prefix), value);
    }
}

fn note(figures: &mut Map<String, Value>, name: &str, value: f64) {
    println!("{name:<34} {value:>12.3}");
    figures.insert(name.to_owned(), json!(value));
}

/// The value below which this part of them lies; they are put in order.
fn quantile(values: &mut [f64], part: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index of a short list")]
    let at = (part * values.len().saturating_sub(1) as f64).round() as usize;
    values.get(at).copied().unwrap_or(f64::NAN)
}

fn median(values: &mut [f64]) -> f64 {
    quantile(values, 0.5)
}
