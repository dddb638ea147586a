//! `lab bench-hotspot`: one node with the real daemon, its table and its portal, and more phones than it will ever have.
//!
//! ```text
//!   600 stacks in one cell ─┐
//!   client (a namespace)   ─┤ br-hs ─ node (tequio, dnsmasq) ─ provider ─ web server
//!        └───────────────────── bare (hyper, a 302 and nothing else)
//! ```
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
    /// How many phones log in.
    pub phones: u16,
    /// Parts by their names; empty: all.
    pub parts: Vec<String>,
    /// The daemon.
    pub tequio: Option<PathBuf>,
    /// Where the figures go as JSON.
    pub json: Option<PathBuf>,
}

/// The node, and what it needs.
struct Bench {
    household: Household,
    _services: Vec<Process>,
    terrain: Terrain,
    folder: Folder,
    figures: Map<String, Value>,
}

const PARTS: [&str; 4] = ["redirects", "admit", "crowd", "forward"];
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
    let mut figures = Map::new();
    if PARTS[..3].iter().any(|part| has(part)) {
        let mut bench = Bench::build(&crate::village::find_daemon(wish.tequio.as_deref())?)?;
        let log = bench.household.log.clone();
        let mut parts = || -> Outcome<()> {
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
            bench.household.check()
        };
        parts().map_err(|failure| failure.read(&log))?;
        bench.folder.discard();
        figures.append(&mut bench.figures);
    }
    if has("forward") {
        forward::measure(&mut figures)?;
    }
    if let Some(path) = &wish.json {
        std::fs::write(path, format!("{:#}\n", Value::from(figures)))
            .map_err(io(format!("the file {}", path.display())))?;
    }
    Ok(())
}

impl Bench {
    fn build(tequio: &Path) -> Outcome<Self> {
        let folder = Folder::create()?;
        let site = Site { name: NODE, number: 5, slot: Some(0), uplink: true, content: true };
        let terrain = Terrain::build(Topology { sites: vec![site.clone()], links: Vec::new() })?;
        let outside = folder.of("outside")?;
        let addresses = [plan::OUTSIDE4.into(), plan::OUTSIDE6.into()];
        let services = vec![
            names::serve_outside(&terrain.outside, &outside)?,
            serve_web(&terrain.outside, "outside", &addresses, &outside)?,
        ];
        let node = terrain.node(NODE).clone();
        let household = Household::prepare(&terrain.topology, &site, node, folder.of(NODE)?, tequio)?;
        let mut households = [household];
        community::found(tequio, &folder.path().join("community"), PLANS, &households)?;
        for household in &mut households {
            household.start_daemon()?;
            household.await_daemon(Duration::from_secs(20))?;
        }
        let [household] = households;
        Ok(Self { household, _services: services, terrain, folder, figures: Map::new() })
    }

    /// Codes that the caretaker sells.
    fn sell(&self, count: usize) -> Outcome<Vec<String>> {
        let mut codes = Vec::with_capacity(count);
        while codes.len() < count {
            let some = LOT.min(count - codes.len()).to_string();
            let words =
                ["voucher", "issue", "--plan", "hora", "--person", crate::uci::CARETAKER, "--count", &some];
            let answer = self.household.ask(&words)?;
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
        note(&mut self.figures, name, value);
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
