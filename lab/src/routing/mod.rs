//! `lab bench-routing`: our daemon, Debian's babeld and BIRD, in the same worlds, in one run.
//!
//! Worlds, each as small as its question: a [`pair`] (how long from the start of a daemon to a usable route), a
//! [`ring`] of four (how long traffic stands still when a link dies), and a [`chain`] behind a [`generator`] of
//! routes (what a thousand routes cost). A fourth, the power cut at the end of a [`line`], takes too long to be asked
//! for by itself. Everything is read from the kernel ([`kernel`]), nothing from the daemons: a
//! figure means the same for all three. IPv6 only, because BIRD as Debian ships it cannot send IPv4 over IPv6 next
//! hops.
//!
//! Runs of a pair or a ring stand side by side, [`SIDE_BY_SIDE`] at a time: daemons that wait for Hellos use no
//! processor. What does use it, taking in 10,000 routes, runs alone. Each cut comes at a phase of its own, drawn from
//! the seed, because a latency that is measured right after a Hello is always the best one.

mod chain;
mod generator;
mod kernel;
mod line;
mod pair;
mod ring;
mod speaker;
mod table;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome, io};
use crate::folder::Folder;
use crate::{command, interrupt, netns};

pub(crate) use kernel::private_kb;
pub use speaker::{Programs, Speaker};
use table::Figures;

/// What to measure.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Which daemons.
    pub speakers: Vec<Speaker>,
    /// Where they are.
    pub programs: Programs,
    /// Runs of each latency.
    pub runs: u32,
    /// The seed of all phases.
    pub seed: u64,
    /// The groups of figures that are wanted: names of [`GROUPS`].
    pub groups: Vec<String>,
    /// How many routes the chains of the steady state carry: all of [`SIZES`], or some.
    pub sizes: Vec<u32>,
    /// Where the flat JSON goes.
    pub json: Option<PathBuf>,
}

/// The groups of figures, in the order in which they are measured.
pub const GROUPS: [&str; 6] = ["first", "carrier", "silent", "fast", "intake", "steady"];

/// Groups that are only measured when they are named: a boot after so many seconds without power.
pub const BOOTS: [&str; 2] = ["boot20", "boot110"];

impl Default for Wish {
    fn default() -> Self {
        Self {
            speakers: Speaker::ALL.to_vec(),
            programs: Programs::default(),
            runs: 20,
            seed: 1,
            groups: GROUPS.map(str::to_string).to_vec(),
            sizes: SIZES.to_vec(),
            json: None,
        }
    }
}

/// Measures, prints the table as Markdown, and gives whether every bar holds that was measured.
pub fn run(wish: &Wish) -> Outcome<bool> {
    netns::require_root()?;
    interrupt::install()?;
    command::require_all()?;
    // Also finds a missing program before an hour is spent.
    for speaker in &wish.speakers {
        println!("{}: {}", speaker.name(), wish.programs.version(*speaker)?);
    }
    let mut folder = Folder::create()?;
    let figures = Figures::default();
    let mut bench = Bench { wish, folder: folder.path().to_path_buf(), figures, began: Instant::now() };
    for group in &wish.groups {
        bench.group(group)?;
    }
    let figures = bench.figures;
    let (text, holds) = table::print(&figures, &wish.speakers);
    println!("\n{text}");
    if let Some(path) = &wish.json {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(io(format!("the folder {}", parent.display())))?;
        }
        let json = format!("{:#}\n", table::json(&figures));
        std::fs::write(path, json).map_err(io(format!("the file {}", path.display())))?;
    }
    folder.discard();
    Ok(holds)
}

struct Bench<'a> {
    wish: &'a Wish,
    folder: PathBuf,
    figures: Figures,
    began: Instant,
}

impl Bench<'_> {
    fn group(&mut self, group: &str) -> Outcome<()> {
        let runs = self.wish.runs;
        match group {
            "first" => self.side_by_side("first_route_s", runs, pair::first_route),
            "carrier" => self
                .side_by_side("reroute_carrier_s", runs, |site| ring::reroute(site, 4, ring::Cut::Carrier)),
            "silent" => {
                self.side_by_side("reroute_silent_s", runs, |site| ring::reroute(site, 4, ring::Cut::Silent))
            }
            "fast" => self.side_by_side("reroute_silent_fast_s", runs, |site| {
                ring::reroute(site, 1, ring::Cut::Silent)
            }),
            "intake" => self.intake(),
            "steady" => self.steady(),
            "boot20" => {
                self.side_by_side("boot_20_s", runs, |site| line::boot(site, Duration::from_secs(20)))
            }
            "boot110" => {
                self.side_by_side("boot_110_s", runs, |site| line::boot(site, Duration::from_secs(110)))
            }
            other => Err(Failure::new(
                format!("a group of figures: {}", [&GROUPS[..], &BOOTS].concat().join(", ")),
                other,
            )),
        }
    }

    /// The same measurement, `runs` times for each speaker, several at a time. The speakers take turns, so that what
    /// else happens on the machine meets all of them.
    fn side_by_side(
        &mut self,
        figure: &'static str,
        runs: u32,
        measure: impl Fn(&Site<'_>) -> Outcome<Duration> + Sync,
    ) -> Outcome<()> {
        let sites: Vec<(Speaker, u32)> =
            (0..runs).flat_map(|run| self.wish.speakers.iter().map(move |speaker| (*speaker, run))).collect();
        for some in sites.chunks(SIDE_BY_SIDE) {
            let results = self.together(figure, some, |site, _| measure(site));
            for ((speaker, run), result) in some.iter().zip(results) {
                match result {
                    Ok(took) => self.note(figure, *speaker, took.as_secs_f64()),
                    Err(failure) if failure.interrupted => return Err(failure),
                    // One run that never came to its end (say, a ring whose better way nobody took) is no reason to
                    // lose the others. It counts as one that takes for ever.
                    Err(failure) => {
                        println!("{figure}, {}, run {run}: {failure}", speaker.name());
                        self.note(figure, *speaker, f64::INFINITY);
                    }
                }
            }
        }
        Ok(())
    }

    /// The same measurement of each of these, at the same time. The number tells them apart.
    fn together<T: Send>(
        &self,
        figure: &str,
        sites: &[(Speaker, u32)],
        measure: impl Fn(&Site<'_>, u32) -> Outcome<T> + Sync,
    ) -> Vec<Outcome<T>> {
        std::thread::scope(|scope| {
            let start = |(speaker, number): &(Speaker, u32)| {
                let (site, number, measure) = (self.site(figure, *speaker, *number), *number, &measure);
                scope.spawn(move || measure(&site, number))
            };
            let threads: Vec<_> = sites.iter().map(start).collect();
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(panicked()))).collect()
        })
    }

    /// Taking in routes keeps a processor busy: one at a time, fewer runs.
    fn intake(&mut self) -> Outcome<()> {
        for run in 0..self.wish.runs.min(INTAKE_RUNS) {
            for speaker in &self.wish.speakers {
                let site = self.site("intake", *speaker, run);
                let took = chain::intake(&site, 10_000)?;
                self.note("intake_10000_s", *speaker, took.as_secs_f64());
            }
        }
        Ok(())
    }

    /// Two minutes of nothing but Hellos and updates, in all chains at the same time.
    fn steady(&mut self) -> Outcome<()> {
        let sizes = self.wish.sizes.clone();
        let sites: Vec<(Speaker, u32)> = sizes
            .iter()
            .flat_map(|size| self.wish.speakers.iter().map(|speaker| (*speaker, *size)))
            .collect();
        let results = self.together("steady", &sites, chain::steady);
        for ((speaker, size), result) in sites.iter().zip(results) {
            let steady = result?;
            self.note(&format!("cpu_{size}"), *speaker, steady.cpu_s);
            self.note(&format!("private_kb_{size}"), *speaker, steady.private_kb as f64);
            if *size <= 1_000 {
                self.note(&format!("octets_64s_{size}"), *speaker, steady.octets as f64);
            }
        }
        Ok(())
    }

    fn site(&self, figure: &str, speaker: Speaker, run: u32) -> Site<'_> {
        let name = format!("{figure}-{}-{run}", speaker.name());
        let mut random = fastrand::Rng::with_seed(self.wish.seed ^ (u64::from(run) << 32));
        Site {
            speaker,
            programs: &self.wish.programs,
            folder: self.folder.join(&name),
            short: format!("{}{}{run}", &figure[..1], &speaker.name()[..2]),
            phase: random.f64(),
        }
    }

    fn note(&mut self, figure: &str, speaker: Speaker, value: f64) {
        println!("[{:6.0} s] {figure} {} {value:.3}", self.began.elapsed().as_secs_f64(), speaker.name());
        self.figures.note(figure, speaker, value);
    }
}

/// One run of one measurement.
struct Site<'a> {
    speaker: Speaker,
    programs: &'a Programs,
    /// For configuration and logs.
    folder: PathBuf,
    /// What its namespaces' names begin with; no two runs at the same time have the same.
    short: String,
    /// Where in a period of the protocol the event comes, 0 to 1. The same for all speakers in the same run.
    phase: f64,
}

fn panicked() -> Failure {
    Failure::new("a run of the bench to end", "a panic, printed above")
}

/// Asks the kernel again and again, seldom enough to leave the processor to the daemons.
fn until(
    expected: &str,
    limit: Duration,
    look: Duration,
    mut there: impl FnMut() -> Outcome<bool>,
) -> Outcome<()> {
    interrupt::until_each(look, expected, limit, || {
        Ok(there()?.then_some(()).ok_or_else(|| format!("not so for {} s", limit.as_secs())))
    })
}

/// Lets time pass that belongs to the question, and no longer when somebody asks us to stop.
fn pass(time: Duration) -> Outcome<()> {
    let start = Instant::now();
    while start.elapsed() < time {
        interrupt::check()?;
        std::thread::sleep(time.saturating_sub(start.elapsed()).min(Duration::from_millis(200)));
    }
    Ok(())
}

/// A full update's interval at Hellos of 4 s: the longest period of the protocol here.
const PERIOD: Duration = Duration::from_secs(16);

/// Worlds at the same time: rings of four namespaces, on two cores.
const SIDE_BY_SIDE: usize = 12;

/// Runs of the intake; each takes up to a minute and they cannot stand side by side.
const INTAKE_RUNS: u32 = 5;

/// How many routes the chains of the steady state carry.
pub const SIZES: [u32; 3] = [0, 1_000, 10_000];
