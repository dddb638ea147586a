//! Whoever holds a copy of a node's state folder tries each line of the rules, before his expulsion, after it, and
//! across a split; what he gains is within the bound that stands in `docs/threats.md`.

use std::collections::BTreeSet;

use lab::thief::{self, Folder, Row, Stage};

/// Tries a line at all three times: every bound holds.
fn rows(line: &str) -> Vec<Row> {
    let folder = Folder::create().expect("a folder for keys");
    let rows = thief::try_line(line, &folder.0).unwrap_or_else(|why| panic!("{line}: {why}"));
    let stages: Vec<Stage> = rows.iter().map(|row| row.stage).collect();
    assert_eq!(stages, [Stage::Before, Stage::After, Stage::Split], "{line}");
    rows.iter().for_each(|row| assert!(row.holds(), "{row:?}"));
    rows
}

/// He gains something until all know of the expulsion, and nothing is left of it then.
fn gains_until_expelled(line: &str) {
    let rows = rows(line);
    let gained: Vec<bool> = rows.iter().map(|row| row.gained > 0).collect();
    assert_eq!(gained, [true, false, true], "{rows:?}");
    assert!(rows.iter().all(|row| row.left == 0), "{rows:?}");
}

fn gains_nothing(line: &str) {
    let rows = rows(line);
    assert!(rows.iter().all(|row| (row.gained, row.left, row.most) == (0, 0, [0, 0])), "{rows:?}");
}

#[test]
fn a_bound_that_is_broken_is_seen_and_no_line_is_tried_twice() {
    let folder = Folder::create().expect("a folder for keys");
    let rows = thief::try_line("lots-over-float", &folder.0).expect("a line");
    let lower = Row { most: [rows[0].gained - 1, 0], ..rows[0].clone() };
    assert!(rows[0].holds() && !lower.holds());
    let names: BTreeSet<&str> = thief::names().collect();
    assert_eq!((names.len(), thief::names().count()), (23, 23), "each has its test below");
    assert!(thief::try_line("no-line", &folder.0).is_err());
}

#[test]
fn a_thief_tries_codes_of_others() {
    gains_nothing("codes-of-others");
}

#[test]
fn a_thief_tries_copied_lot() {
    gains_nothing("copied-lot");
}

#[test]
fn a_thief_tries_back_dated_lots() {
    gains_until_expelled("back-dated-lots");
}

#[test]
fn a_thief_tries_lots_over_float() {
    gains_until_expelled("lots-over-float");
}

#[test]
fn a_thief_tries_settles_himself() {
    gains_until_expelled("settles-himself");
}

#[test]
fn a_thief_tries_pays_himself() {
    gains_nothing("pays-himself");
}

#[test]
fn a_thief_tries_extensions() {
    gains_nothing("extensions");
}

#[test]
fn a_thief_tries_drains_the_list() {
    gains_nothing("drains-the-list");
}

#[test]
fn a_thief_tries_drains_what_is_typed() {
    gains_until_expelled("drains-what-is-typed");
}

#[test]
fn a_thief_tries_burns_unused_codes() {
    gains_nothing("burns-unused-codes");
}

#[test]
fn a_thief_tries_voids_others() {
    gains_nothing("voids-others");
}

#[test]
fn a_thief_tries_ages_month_plans() {
    gains_nothing("ages-month-plans");
}

#[test]
fn a_thief_tries_pushes_time() {
    gains_nothing("pushes-time");
}

#[test]
fn a_thief_tries_seller_makes_members() {
    gains_nothing("seller-makes-members");
}

#[test]
fn a_thief_tries_officer_epochs() {
    gains_until_expelled("officer-epochs");
}

#[test]
fn a_thief_tries_officer_members() {
    gains_until_expelled("officer-members");
}

#[test]
fn a_thief_tries_officer_puppets() {
    gains_until_expelled("officer-puppets");
}

#[test]
fn a_thief_tries_officer_plans() {
    gains_nothing("officer-plans");
}

#[test]
fn a_thief_tries_officer_honours() {
    gains_until_expelled("officer-honours");
}

#[test]
fn a_thief_tries_old_noise_key() {
    gains_until_expelled("old-noise-key");
}

#[test]
fn a_thief_tries_record_flood() {
    gains_until_expelled("record-flood");
}

#[test]
fn a_thief_tries_old_babel_key() {
    gains_until_expelled("old-babel-key");
}

#[test]
fn a_thief_tries_provisional_codes() {
    gains_until_expelled("provisional-codes");
}
