//! The real daemon, started wrongly, twice, without rights, without its devices, and told nonsense later:
//! it says what is the matter and what to do, and what runs goes on.
//!
//! Needs root, iproute2, util-linux and python3, and says so when one is missing.

mod bad_input;

#[path = "../common/place.rs"]
mod place;

mod babeld;
mod events;
mod flash;
mod interfaces;
mod link_change;
mod metered;
mod policy;
mod routed;
mod statistics;

use std::path::PathBuf;
use std::time::Duration;

use place::Place;

const TEQUIO: &str = env!("CARGO_BIN_EXE_tequio");

/// Far longer than anything here takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tequio-daemon-{}-{test}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a temporary folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn config(place: &Place, more: &str) -> String {
    let text = format!(
        "config node 'node'\n\toption name '{}'\n\toption state_dir '{}'\n\toption run_dir '{}'\n\
         \toption ubus_socket '{}'\n{more}",
        place.name,
        place.file("state").display(),
        place.file("run").display(),
        place.file("no-broker.sock").display(),
    );
    let path = place.file("config");
    std::fs::write(&path, text).expect("a file in the folder of this test");
    path.display().to_string()
}

/// Runs the daemon to its end, which must be a refusal; gives what it said.
fn refused(place: &Place, config: &str, before: &[&str]) -> String {
    let words = [before, &[TEQUIO, "run", "--config", config]].concat();
    let output = place.run(words[0], &words[1..]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said
}

fn until(what: &str, place: &mut Place, condition: impl Fn(&Place) -> bool) {
    place::until(place, what, LIMIT, Place::check, |place| {
        if condition(place) { Ok(()) } else { Err(format!("it said:\n{}", place.said())) }
    });
}

#[test]
fn a_wrong_option_is_named_with_file_section_and_what_was_expected() {
    let folder = Folder::new("option");
    let place = Place::new("a", "daemon-option", &folder.0);
    let file = config(&place, "\nconfig interface 'hill'\n\toption device 'm0'\n\toption kind 'rope'\n");
    let said = refused(&place, &file, &[]);
    for word in [file.as_str(), "hill", "kind", "wired", "wireless"] {
        assert!(said.contains(word), "{word} is missing in: {said}");
    }
}

#[test]
fn a_second_daemon_says_that_there_is_one() {
    let folder = Folder::new("second");
    let mut place = Place::new("a", "daemon-second", &folder.0);
    let file = config(&place, "");
    place.start("tequio", TEQUIO, &["run", "--config", &file]);
    until("the first one runs", &mut place, |place| place.said().contains("runs as a"));
    let said = refused(&place, &file, &[]);
    assert!(said.contains("another") || said.contains("already"), "{said}");
    place.stop();
}

#[test]
fn a_device_that_comes_later_is_taken_up_and_a_wrong_reload_changes_nothing() {
    let folder = Folder::new("later");
    let mut a = Place::new("a", "daemon-later", &folder.0);
    let mut b = Place::new("b", "daemon-later", &folder.0);
    let cable = |device: &str| {
        format!("\nconfig interface 'cable'\n\toption device '{device}'\n\toption kind 'wired'\n")
    };
    let announce = |prefix: &str| format!("\nconfig announce\n\toption prefix '{prefix}'\n");
    let file_a = config(&a, &cable("ab"));
    let first = format!("{}{}", cable("ba"), announce("fd99:b::1/128"));
    let file_b = config(&b, &first);
    for address in ["fd99:b::1/128", "fd99:b::2/128"] {
        b.ip(&format!("address add {address} dev lo"));
    }
    a.start("tequio", TEQUIO, &["run", "--config", &file_a]);
    b.start("tequio", TEQUIO, &["run", "--config", &file_b]);
    until("the missing device is said", &mut a, |a| a.said().contains("there is no device ab yet"));
    a.cable("ab", &b, "ba");
    until("the route of B is there", &mut a, |a| a.routes().contains_key("fd99:b::1"));

    config(&b, "\nconfig interface\n\toption device 'ba'\n\toption kind 'rope'\n");
    b.hang_up();
    until("the wrong file is said", &mut b, |b| b.said().contains("the running configuration goes on"));
    assert!(a.routes().contains_key("fd99:b::1"), "a wrong file took a route away");

    config(&b, &format!("{first}{}", announce("fd99:b::2/128")));
    b.hang_up();
    until("the new prefix is there", &mut a, |a| a.routes().contains_key("fd99:b::2"));

    config(&b, &format!("{}{}", cable("ba"), announce("fd99:b::2/128")));
    b.hang_up();
    until("the old prefix is gone", &mut a, |a| !a.routes().contains_key("fd99:b::1"));
    assert!(a.routes().contains_key("fd99:b::2"), "the reload took more than it should");
    a.stop();
    b.stop();
}

#[test]
fn without_its_table_the_hotspot_waits_and_routing_goes_on() {
    let folder = Folder::new("table");
    let mut a = Place::new("a", "daemon-table", &folder.0);
    let mut b = Place::new("b", "daemon-table", &folder.0);
    a.cable("ab", &b, "ba");
    b.ip("address add fd99:b::1/128 dev lo");
    let file_a = config(
        &a,
        "\nconfig interface\n\toption device 'ab'\n\toption kind 'wired'\n\
         \nconfig hotspot 'hotspot'\n\toption device 'br-hs'\n\toption address '10.77.4.1'\n\
         \toption prefix '10.77.4.0/22'\n",
    );
    let file_b = config(
        &b,
        "\nconfig interface\n\toption device 'ba'\n\toption kind 'wired'\n\
         \nconfig announce\n\toption prefix 'fd99:b::1/128'\n",
    );
    a.start("tequio", TEQUIO, &["run", "--config", &file_a]);
    b.start("tequio", TEQUIO, &["run", "--config", &file_b]);
    until("the missing table is said", &mut a, |a| a.said().contains("tequio firewall"));
    until("the route of B is there", &mut a, |a| a.routes().contains_key("fd99:b::1"));
    a.stop();
    b.stop();
}
