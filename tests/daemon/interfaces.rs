//! Interfaces that flap, change their name, are made again, and come and go with the configuration; and what
//! stays in the kernel when the daemon ends.

use super::{Folder, LIMIT, TEQUIO, config, until};
use crate::place::Place;

const OF_A: &str = "fd99:a::1";
const OF_B: &str = "fd99:b::1";

fn section(device: &str) -> String {
    format!("\nconfig interface\n\toption device '{device}'\n\toption kind 'wired'\n")
}

fn announce(prefix: &str) -> String {
    format!("\nconfig announce\n\toption prefix '{prefix}/128'\n")
}

/// Two daemons on a cable, each with an address of its own that the other one reaches.
fn two(folder: &Folder, test: &str) -> (Place, Place) {
    let [mut a, mut b] = ["a", "b"].map(|name| Place::new(name, test, &folder.0));
    a.cable("ab", &b, "ba");
    for (place, device, address) in [(&mut a, "ab", OF_A), (&mut b, "ba", OF_B)] {
        place.ip(&format!("address add {address}/128 dev lo"));
        let file = config(place, &(section(device) + &announce(address)));
        place.start("tequio", TEQUIO, &["run", "--config", &file]);
    }
    (a, b)
}

fn reaches(what: &str, place: &mut Place, prefix: &str, device: &str) {
    until(what, place, |place| place.routes().get(prefix).is_some_and(|route| route["dev"] == device));
}

fn loses(what: &str, place: &mut Place, prefix: &str) {
    until(what, place, |place| !place.routes().contains_key(prefix));
}

#[test]
fn an_interface_that_flaps_is_renamed_or_made_again_is_taken_up_again() {
    let folder = Folder::new("flap");
    let (mut a, mut b) = two(&folder, "daemon-flap");
    reaches("A reaches B", &mut a, OF_B, "ab");
    reaches("B reaches A", &mut b, OF_A, "ba");

    for _ in 0..3 {
        b.ip("link set ba down");
        loses("the far end is switched off", &mut a, OF_B);
        b.ip("link set ba up");
        reaches("it is switched on", &mut a, OF_B, "ab");
    }

    a.ip("link set ab down");
    a.ip("link set ab name other");
    a.ip("link set other up");
    loses("nobody speaks on a device of another name", &mut a, OF_B);
    loses("nor is anything heard there", &mut b, OF_A);
    a.ip("link set other down");
    a.ip("link set other name ab");
    a.ip("link set ab up");
    reaches("it has its name again", &mut a, OF_B, "ab");
    reaches("and speaks", &mut b, OF_A, "ba");

    a.ip("link del ab");
    loses("the cable is gone", &mut a, OF_B);
    a.cable("ab", &b, "ba");
    reaches("a new cable of the old name", &mut a, OF_B, "ab");
    reaches("at both ends", &mut b, OF_A, "ba");
    assert!(!a.said().contains("panicked") && !b.said().contains("panicked"));
    a.stop();
    b.stop();
}

#[test]
fn a_reload_adds_and_removes_interfaces_and_others_notice_nothing() {
    let folder = Folder::new("live");
    let (mut a, mut b) = two(&folder, "daemon-live");
    reaches("A reaches B", &mut a, OF_B, "ab");
    a.cable("ab2", &b, "ba2");
    for (place, devices, own) in [(&a, ["ab", "ab2"], OF_A), (&b, ["ba", "ba2"], OF_B)] {
        config(place, &(devices.map(section).concat() + &announce(own)));
        place.hang_up();
    }
    // Both ways are there: the second one is of no use until the first one goes.
    until("A hears B on the new cable too", &mut a, |a| a.said().matches("heard on ab2").count() == 1);
    assert_eq!(a.said().matches("is lost").count(), 0, "{}", a.said());
    config(&a, &(section("ab2") + &announce(OF_A)));
    a.hang_up();
    reaches("the first cable is taken out: packets go by the second", &mut a, OF_B, "ab2");
    reaches("at the other end too", &mut b, OF_A, "ba2");
    a.stop();
    b.stop();
}

#[test]
fn a_restart_keeps_the_routes_and_a_final_stop_takes_them_away_at_both_ends() {
    let folder = Folder::new("final");
    let (mut a, mut b) = two(&folder, "daemon-final");
    reaches("A reaches B", &mut a, OF_B, "ab");
    reaches("B reaches A", &mut b, OF_A, "ba");
    a.stop();
    assert!(a.routes().contains_key(OF_B), "the kernel goes on for the next run");

    let file = a.file("config").display().to_string();
    a.start("tequio", TEQUIO, &["run", "--config", &file]);
    until("it runs again", &mut a, |a| a.said().matches("runs as a").count() == 2);
    // What the init script leaves for `stop` and when the machine goes down.
    std::fs::write(a.file("run").join("final-stop"), "").expect("a file in the run folder");
    let begun = std::time::Instant::now();
    a.stop();
    assert!(!a.routes().contains_key(OF_B), "a final stop leaves nothing: {}", a.said());
    loses("B is told, and does not wait for Hellos that do not come", &mut b, OF_A);
    assert!(begun.elapsed() < LIMIT);
    assert!(
        b.said().matches("is lost").count() == 0,
        "B lost its neighbour before it was told: {}",
        b.said()
    );
    b.stop();
}
