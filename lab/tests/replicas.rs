//! The simulator of ledgers: replicas become equal, a seed says everything, and the checkers find what was put in.

use lab::replicas::{self, Plant};

#[test]
fn ledgers_in_parts_with_a_thief_and_power_cuts_become_equal() {
    for seed in 1..=3 {
        let outcome =
            replicas::run(seed, Plant::Nothing, false).unwrap_or_else(|failure| panic!("{failure}"));
        assert!(outcome.sales > 30 && outcome.blows > 30 && outcome.parts > 1, "{outcome:?}");
        assert!(outcome.excess_s >= 600, "one code was drained on both sides: {outcome:?}");
        let (closes, _, let_go) = outcome.closes;
        assert!(seed % 2 == 1 || (closes > 4 && let_go > 50), "books are closed on both sides: {outcome:?}");
    }
}

#[test]
fn the_same_seed_of_ledgers_is_the_same_run_and_another_seed_another() {
    let hash = |seed| replicas::run(seed, Plant::Nothing, false).unwrap_or_else(|why| panic!("{why}")).hash;
    assert_eq!(hash(4), hash(4));
    assert_ne!(hash(4), hash(6));
}

#[test]
fn each_mistake_planted_among_ledgers_is_found() {
    for (plant, words) in [
        (Plant::Forgetful, "an acknowledged record is missing"),
        (Plant::Deaf, "replicas differ"),
        (Plant::Till, "the accounts of"),
        (Plant::Silent, "drained in"),
        (Plant::Double, "is charged"),
    ] {
        let said = replicas::run(1, plant, false).expect_err("a planted mistake that nobody found");
        assert!(said.starts_with("seed 1 at ") && said.contains(words), "{plant:?}: {said}");
        assert!(said.contains("lab sim --ledger --seed 1"), "{said}");
    }
}
