//! The simulator: meshes heal, a seed says everything, and the checkers find what was put in to be found.

use lab::sim::{self, Plant};

#[test]
fn five_meshes_heal() {
    for seed in 1..=5 {
        let outcome = sim::run(seed, Plant::Nothing, false).unwrap_or_else(|failure| panic!("{failure}"));
        assert!(outcome.delivered > 1_000 && outcome.blows > 20, "{outcome:?}");
    }
}

#[test]
fn a_mesh_of_a_hundred_nodes_heals() {
    let outcome =
        sim::run_within(1, sim::HUNDRED, Plant::Nothing, false).unwrap_or_else(|failure| panic!("{failure}"));
    assert!(outcome.nodes == 100 && outcome.delivered > 50_000 && outcome.blows > 20, "{outcome:?}");
}

#[test]
fn the_same_seed_is_the_same_run_and_another_seed_another() {
    let hash =
        |seed| sim::run(seed, Plant::Nothing, false).unwrap_or_else(|failure| panic!("{failure}")).hash;
    assert_eq!(hash(1), hash(1));
    assert_ne!(hash(1), hash(3));
}

#[test]
fn a_node_that_is_written_down_and_read_back_goes_on_as_if_nothing_had_happened() {
    for seed in [1, 3] {
        let outcome = sim::run(seed, Plant::Nothing, false).unwrap_or_else(|failure| panic!("{failure}"));
        let reloaded = sim::run_reloaded(seed).unwrap_or_else(|failure| panic!("{failure}"));
        assert_eq!(outcome.hash, reloaded.hash, "seed {seed}");
    }
}

#[test]
fn each_planted_mistake_is_found_and_its_seed_is_named() {
    for (plant, words) in [
        (Plant::Loop, "go in a circle"),
        (Plant::Feasibility, "raised its feasibility distance"),
        (Plant::Deaf, "in a mesh at rest"),
        (Plant::Stubborn, "goes on with"),
    ] {
        let failure = sim::run(PLANTED_SEED, plant, false).expect_err("a planted mistake that nobody found");
        let said = failure.to_string();
        assert!(said.starts_with(&format!("seed {PLANTED_SEED} at ")), "{said}");
        assert!(said.contains(words) && said.contains(&format!("--seed {PLANTED_SEED}")), "{said}");
    }
}

/// Any seed does whose mesh has more than one way.
const PLANTED_SEED: u64 = 2;
