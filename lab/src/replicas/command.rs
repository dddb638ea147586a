//! `lab sim --ledger`: many seeds, one line each, and the failures again at the end.

use super::{Outcome, Plant};
use crate::sim::command::side_by_side;

/// What the command was asked for.
#[derive(Clone, Copy, Debug)]
pub struct Wish {
    /// The first seed.
    pub first: u64,
    /// How many seeds, one after the other.
    pub seeds: u64,
    /// A mistake to put in.
    pub plant: Plant,
    /// Whether every blow is printed.
    pub trace: bool,
    /// Whether outcomes are printed as JSON lines.
    pub json: bool,
}

/// The mistake of this name.
pub fn plant(name: &str) -> Result<Plant, String> {
    match name {
        "forgetful" => Ok(Plant::Forgetful),
        "deaf" => Ok(Plant::Deaf),
        "till" => Ok(Plant::Till),
        "silent" => Ok(Plant::Silent),
        "double" => Ok(Plant::Double),
        other => Err(format!("`{other}`")),
    }
}

/// Plays the seeds; whether all ended well. With a planted mistake a seed ends well when it was found.
pub fn run(wish: &Wish) -> bool {
    let mut failures: Vec<String> = Vec::new();
    if !wish.json {
        println!(
            "{:>6}  {:>5}  {:>7}  {:>5}  {:>5}  {:>5}  {:>8}  {:>6}  {:>5}  {:>6}  {:>9}  {:>7}  hash",
            "seed",
            "boxes",
            "records",
            "sales",
            "parts",
            "blows",
            "excess s",
            "closes",
            "late",
            "let go",
            "octets",
            "equal s"
        );
    }
    let at_once = if wish.trace { 1 } else { std::thread::available_parallelism().map_or(1, usize::from) };
    let seeds: Vec<u64> = (wish.first..wish.first.saturating_add(wish.seeds)).collect();
    for some in seeds.chunks(at_once) {
        for outcome in side_by_side(some, |seed| super::run(seed, wish.plant, wish.trace)) {
            match outcome {
                Ok(outcome) => print(&outcome, wish.json),
                Err(failure) => failures.push(failure),
            }
        }
    }
    failures.iter().for_each(|failure| println!("{failure}"));
    let found = failures.len() as u64;
    if wish.plant == Plant::Nothing {
        println!("{} passed, {found} failed", wish.seeds.saturating_sub(found));
        return found == 0;
    }
    println!("the planted mistake was found in {found} of {} seeds", wish.seeds);
    found == wish.seeds
}

fn print(outcome: &Outcome, json: bool) {
    if json {
        println!("{}", serde_json::to_string(outcome).unwrap_or_default());
        return;
    }
    let Outcome { seed, boxes, records, sales, parts, blows, excess_s, octets, equal_after_s, hash, .. } =
        outcome;
    let (closes, late, let_go) = outcome.closes;
    println!(
        "{seed:>6}  {boxes:>5}  {records:>7}  {sales:>5}  {parts:>5}  {blows:>5}  {excess_s:>8}  {closes:>6}  {late:>5}  {let_go:>6}  {octets:>9}  {equal_after_s:>7}  {hash}"
    );
}
