//! `lab village`: the whole village stands up, plays the story ([`crate::story`]), says how it went, and goes.
//!
//! Everything that was started ends with the value that holds it, in the order of the fields of [`Village`]: phones
//! and daemons first, namespaces and folder last. So a failed step, a panic and a signal all leave a clean machine.
//! The logs of a story that failed stay in its folder.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::bench::serve_web;
use crate::failure::{Failure, Outcome, io};
use crate::folder::Folder;
use crate::household::Household;
use crate::luci::{Luci, Place};
use crate::process::Process;
use crate::story::Story;
use crate::terrain::Terrain;
use crate::timeline::{Timeline, explain};
use crate::topology::{self as plan, Topology};
use crate::{cell, command, community, interrupt, names, netns};

/// What the person who runs the village has asked for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The village stays when the story is over, until Ctrl-C.
    pub keep: bool,
    /// The table as JSON on the standard output; the story goes to the standard error.
    pub json: bool,
    /// How long a step may wait for any one condition.
    pub step_timeout: Duration,
    /// A folder for the frames of every phone.
    pub pcap: Option<PathBuf>,
    /// A folder for the recordings of every daemon.
    pub record: Option<PathBuf>,
    /// The daemon; the one beside this program if none is named.
    pub tequio: Option<PathBuf>,
    /// The caretaker's pages in a browser, at this loopback address or at the usual one; with `keep` in any case.
    pub luci: Option<Option<SocketAddr>>,
}

/// How a story ended. Why it failed has been said already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Every step was as it should be.
    Well,
    /// A step failed.
    Failed,
    /// Somebody stopped it.
    Interrupted,
}

/// A village that stands.
#[derive(Debug)]
pub struct Village {
    /// The nodes, in the order of the topology.
    pub households: Vec<Household>,
    /// Web servers and the DNS of the outside.
    services: Vec<Process>,
    /// The ground it stands on.
    pub terrain: Terrain,
    /// Logs, configuration and state.
    folder: Folder,
}

/// Plays the story. An error means that it could not begin.
pub fn run(options: &Options) -> Outcome<Ending> {
    netns::require_root()?;
    interrupt::install()?;
    let tequio = find_daemon(options.tequio.as_deref())?;
    command::require_all()?;
    cell::require_tun()?;
    for folder in options.pcap.iter().chain(&options.record) {
        std::fs::create_dir_all(folder).map_err(io(format!("the folder {}", folder.display())))?;
    }
    let mut timeline = Timeline::new(options.json);
    let village = match timeline.step("the village is built", |timeline| Village::build(&tequio, timeline)) {
        Ok(village) => village,
        Err(failure) => return Ok(finish(&timeline, options, Err(failure))),
    };
    let luci = match options.luci.or(options.keep.then_some(None)) {
        Some(wish) => Some(Luci::start(wish, village.places())?),
        None => None,
    };
    let pages = luci.as_ref().map(|luci| format!("the caretaker's pages: http://{}/\n", luci.address()));
    pages.iter().for_each(|pages| timeline.say(pages));
    let mut story = Story::new(village, options.clone());
    let outcome = story.play(&mut timeline);
    let mut village = story.village;
    let ending = finish(&timeline, options, outcome);
    if options.keep && !interrupt::requested() {
        timeline.say(&village.guide(&tequio));
        pages.iter().for_each(|pages| timeline.say(pages));
        while !interrupt::requested() {
            std::thread::park_timeout(Duration::from_millis(200));
        }
    }
    if ending == Ending::Failed {
        timeline.say(&format!("logs, configuration and state stay in {}", village.folder.path().display()));
    } else {
        village.folder.discard();
    }
    Ok(ending)
}

/// Says how it went.
fn finish(timeline: &Timeline, options: &Options, outcome: Outcome<()>) -> Ending {
    timeline.say(&timeline.table());
    let ending = match &outcome {
        Ok(()) => Ending::Well,
        Err(failure) if failure.interrupted => Ending::Interrupted,
        Err(failure) => {
            timeline.say(&explain(failure));
            Ending::Failed
        }
    };
    if let (Ending::Well, Some(folder)) = (ending, bench_folder()) {
        // Figures of a story that ended well are benchmarks; a missing folder only means that nobody collects them.
        let _ = std::fs::create_dir_all(&folder);
        let _ = std::fs::write(folder.join("village.json"), format!("{:#}\n", timeline.figures()));
    }
    if options.json {
        println!("{:#}", timeline.json());
    }
    ending
}

impl Village {
    fn build(tequio: &Path, timeline: &mut Timeline) -> Outcome<Self> {
        let folder = Folder::create()?;
        let topology = Topology::village();
        let (nodes, links) = (topology.sites.len(), topology.links.len());
        let terrain = Terrain::build(topology)?;
        timeline.note(format!("{nodes} nodes, {links} links, the outside and a content server"));

        let outside = folder.of("outside")?;
        let services = vec![
            names::serve_outside(&terrain.outside, &outside)?,
            serve_web(
                &terrain.outside,
                "outside",
                &[plan::OUTSIDE4.into(), plan::OUTSIDE6.into()],
                &outside,
            )?,
            serve_web(
                &terrain.content,
                "contenido",
                &[plan::CONTENT4.into(), plan::CONTENT6.into()],
                &folder.of("contenido")?,
            )?,
        ];
        let mut village = Self { households: Vec::new(), services, terrain, folder };
        let sites = village.terrain.topology.sites.clone();
        for site in &sites {
            interrupt::check()?;
            let namespace = village.terrain.node(site.name).clone();
            let folder = village.folder.of(site.name)?;
            let topology = &village.terrain.topology;
            village.households.push(Household::prepare(topology, site, namespace, folder, tequio)?);
        }
        timeline.note("dnsmasq, ubus broker, base firewall and configuration at every node");
        community::found(tequio, &village.folder.path().join("community"), PLANS, &village.households)?;
        timeline.note(format!("the community is founded, {nodes} nodes are admitted, {} plans", PLANS.len()));
        Ok(village)
    }

    /// A node with all that runs on it.
    pub fn household(&mut self, name: &str) -> &mut Household {
        let found = self.households.iter_mut().find(|household| household.site.name == name);
        found.expect("the story names only nodes of its own village")
    }

    /// The folder of those who keep the community.
    pub fn assembly(&self) -> PathBuf {
        self.folder.path().join("community")
    }

    /// Every file that holds a key: of the nodes, and of whoever founded the community.
    pub fn key_files(&self) -> Vec<PathBuf> {
        let nodes = self.households.iter().map(|household| Path::new(&household.state()).join("keys"));
        let community = self.assembly();
        nodes.chain(["root.key", "epochs.key"].map(|name| community.join(name))).collect()
    }

    /// An error if anything that should run has ended.
    pub fn check(&mut self) -> Outcome<()> {
        for household in &mut self.households {
            household.check()?;
        }
        for service in &mut self.services {
            service.check()?;
        }
        Ok(())
    }

    /// The nodes as the caretaker's pages need them.
    fn places(&self) -> Vec<Place> {
        let place = |household: &Household| Place {
            name: household.site.name.to_owned(),
            socket: household.socket().into(),
            config: household.config().into(),
        };
        self.households.iter().map(place).collect()
    }

    /// How to look around.
    fn guide(&self, tequio: &Path) -> String {
        let plaza = self.households.iter().find(|household| household.site.name == "plaza");
        let plaza = plaza.expect("the village has a square");
        let (namespace, socket, program) = (plaza.namespace.name(), plaza.socket(), tequio.display());
        let names: Vec<&str> = self.households.iter().map(|household| household.site.name).collect();
        let prefix = namespace.trim_end_matches("plaza");
        format!(
            "The village stays up until Ctrl-C. Look around, for example at plaza:\n\
             \n  ip netns exec {namespace} ip route\n  ip netns exec {namespace} nft list ruleset\n  \
             ip netns exec {namespace} ping 203.0.113.80\n  {program} --socket {socket} status\n  \
             {program} --socket {socket} neighbours\n  {program} --socket {socket} why 203.0.113.80\n  \
             tail -f {}\n\
             \nnodes: {}\nnamespaces: {prefix}NODE, {prefix}outside, {prefix}contenido, {prefix}aire (the cables)\n\
             cut a cable: ip -n {prefix}aire link set a2 down   (links are numbered as in lab/src/topology.rs)\n",
            plaza.log.display(),
            names.join(", ")
        )
    }
}

/// The daemon of this path; none: the one beside this program.
pub fn find_daemon(path: Option<&Path>) -> Outcome<PathBuf> {
    let path = match path {
        Some(path) => path.to_path_buf(),
        None => std::env::current_exe().map_err(io("the path of this program"))?.with_file_name("tequio"),
    };
    path.canonicalize().map_err(|error| {
        let seen = format!("{error}; build it first: cargo build");
        Failure::new(format!("the daemon {}", path.display()), seen)
    })
}

/// `target/bench`, if this program lies in a folder of cargo's.
fn bench_folder() -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let target = program.parent()?.parent()?;
    target.join(".rustc_info.json").exists().then(|| target.join("bench"))
}

/// What the assembly sells: an hour, and two very short ones for this story.
const PLANS: &[community::Plan] = &[
    community::Plan { id: "hora", name: "Una hora", price_cents: 50, used_seconds: 3_600 },
    community::Plan { id: "prueba", name: "Prueba", price_cents: 5, used_seconds: TRIAL_SECONDS },
    community::Plan { id: "rato", name: "Un rato", price_cents: 5, used_seconds: SPLIT_SECONDS },
];

/// How long the short plan lasts.
pub const TRIAL_SECONDS: u32 = 20;

/// How long the plan lasts that is used on both sides of a split. Twice that is more than it held by over a minute: less
/// is no news, since counters are told each minute.
pub const SPLIT_SECONDS: u32 = 65;
