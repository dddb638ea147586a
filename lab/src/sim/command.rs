//! `lab sim`: many seeds, one line each, and the failures again at the end.
//!
//! Seeds are played side by side, one a processor, and printed in their order.

use super::{HUNDRED, Outcome, Plant, Shape, THOUSAND, VILLAGE};

/// What the command was asked for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The first seed.
    pub first: u64,
    /// How many seeds, one after the other.
    pub seeds: u64,
    /// How large the meshes are.
    pub shape: Shape,
    /// A mistake to put in.
    pub plant: Plant,
    /// Whether every blow and every note of a node is printed.
    pub trace: bool,
    /// Whether outcomes are printed as JSON lines.
    pub json: bool,
}

impl Default for Wish {
    fn default() -> Self {
        Self { first: 1, seeds: 1, shape: VILLAGE, plant: Plant::Nothing, trace: false, json: false }
    }
}

/// The mistake of this name.
pub fn plant(name: &str) -> Result<Plant, String> {
    match name {
        "loop" => Ok(Plant::Loop),
        "feasibility" => Ok(Plant::Feasibility),
        "deaf" => Ok(Plant::Deaf),
        "stubborn" => Ok(Plant::Stubborn),
        other => Err(format!("`{other}`")),
    }
}

/// The size of this name.
pub fn shape(name: &str) -> Result<Shape, String> {
    let known = [VILLAGE, HUNDRED, THOUSAND].into_iter().find(|shape| shape.name == name);
    known.ok_or_else(|| format!("`{name}`"))
}

/// Plays the seeds; whether all ended well. With a planted mistake a seed ends well when it was found.
pub fn run(wish: &Wish) -> bool {
    let mut failures = Vec::new();
    if !wish.json {
        println!(
            "{:>6}  {:>5}  {:>5}  {:>8}  {:>9}  {:>6}  {:>5}  {:>9}  {:>9}  {:>8}  hash",
            "seed",
            "nodes",
            "links",
            "events",
            "delivered",
            "lost",
            "blows",
            "lost name",
            "circle ms",
            "healed s"
        );
    }
    // The words of a traced run belong together.
    let at_once = if wish.trace { 1 } else { std::thread::available_parallelism().map_or(1, usize::from) };
    let seeds: Vec<u64> = (wish.first..wish.first.saturating_add(wish.seeds)).collect();
    for some in seeds.chunks(at_once) {
        let play = |seed| super::run_within(seed, wish.shape, wish.plant, wish.trace);
        for outcome in side_by_side(some, play) {
            match outcome {
                Ok(outcome) => print(&outcome, wish.json),
                Err(failure) => failures.push(failure),
            }
        }
    }
    let found = u64::try_from(failures.len()).unwrap_or(u64::MAX);
    for failure in failures {
        println!("{failure}");
    }
    let planted = wish.plant != Plant::Nothing;
    if planted {
        println!("the planted mistake was found in {found} of {} seeds", wish.seeds);
    } else {
        println!("{} passed, {found} failed", wish.seeds.saturating_sub(found));
    }
    if planted { found == wish.seeds } else { found == 0 }
}

/// Plays these seeds at the same time; what came of each, in their order.
pub(crate) fn side_by_side<T: Send>(seeds: &[u64], play: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let play = &play;
    std::thread::scope(|scope| {
        let threads: Vec<_> = seeds.iter().map(|seed| scope.spawn(move || play(*seed))).collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}

fn print(outcome: &Outcome, json: bool) {
    if json {
        println!("{}", serde_json::to_string(outcome).unwrap_or_default());
        return;
    }
    let Outcome {
        seed,
        nodes,
        links,
        events,
        delivered,
        lost,
        blows,
        lost_names,
        circle_ms,
        healed_after_s,
        hash,
    } = outcome;
    println!(
        "{seed:>6}  {nodes:>5}  {links:>5}  {events:>8}  {delivered:>9}  {lost:>6}  {blows:>5}  {lost_names:>9}  {circle_ms:>9}  {healed_after_s:>8}  {hash}"
    );
}
