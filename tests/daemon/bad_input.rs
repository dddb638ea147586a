//! What a machine lacks and what a file says wrongly: named at the start, once, while the rest runs.

use std::fs;
use std::path::Path;

use crate::place::Place;
use crate::{Folder, TEQUIO, config, refused, until};

const INTERFACE: &str = "\nconfig interface 'cable'\n\toption device 'cable'\n\toption kind 'wired'\n";
const HOTSPOT: &str = "\nconfig hotspot 'hotspot'\n\toption device 'br-hs'\n\toption address '10.77.4.1'\n\
                       \toption prefix '10.77.4.0/22'\n";
const NO_SUBTREES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/daemon/no_subtrees.c");
const WITHOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/daemon/without.py");

/// Two nodes on one cable: A is the one in trouble, B is well.
struct Pair {
    a: Place,
    b: Place,
    _folder: Folder,
}

impl Pair {
    fn new(test: &str) -> Self {
        let folder = Folder::new(test);
        let a = Place::new("a", test, &folder.0);
        let b = Place::new("b", test, &folder.0);
        a.cable("cable", &b, "cable");
        for (place, address) in [(&a, "fd99:a::1/128"), (&b, "fd99:b::1/128")] {
            place.ip(&format!("address add {address} dev lo"));
        }
        Self { a, b, _folder: folder }
    }

    fn announce(prefix: &str) -> String {
        format!("{INTERFACE}\nconfig announce\n\toption prefix '{prefix}'\n")
    }

    /// Starts both; A with `before` in front of its command and `more` in its configuration.
    fn start(&mut self, more: &str, before: &[&str]) {
        let file = config(&self.a, &format!("{}{more}", Self::announce("fd99:a::1/128")));
        self.start_with(&file, before);
    }

    fn start_with(&mut self, file: &str, before: &[&str]) {
        let words = [before, &[TEQUIO, "run", "--config", file]].concat();
        self.a.start("tequio", words[0], &words[1..]);
        let file = config(&self.b, &Self::announce("fd99:b::1/128"));
        self.b.start("tequio", TEQUIO, &["run", "--config", &file]);
    }

    fn routes_are_exchanged(&mut self) {
        until("the route of B is at A", &mut self.a, |a| a.routes().contains_key("fd99:b::1"));
        until("the route of A is at B", &mut self.b, |b| b.routes().contains_key("fd99:a::1"));
    }

    /// A has said this, in one line of its own, and once.
    #[track_caller]
    fn said_once(&self, words: &[&str]) {
        let said = self.a.said();
        let has = |line: &&str| words.iter().all(|word| line.contains(word));
        let lines: Vec<&str> = said.lines().filter(has).collect();
        assert_eq!(lines.len(), 1, "{words:?}: {lines:?} in:\n{said}");
        assert!(lines[0].len() < 1_000, "{} characters: {}", lines[0].len(), lines[0]);
    }

    fn stop(&mut self) {
        self.a.stop();
        self.b.stop();
    }
}

fn kernel_without(domain: i32, protocol: i32, errno: i32) -> Vec<String> {
    assert!(
        Path::new("/usr/bin/python3").exists(),
        "there is no python3; on Debian: apt-get install python3"
    );
    let numbers = [domain, protocol, errno].map(|number| number.to_string());
    ["/usr/bin/python3", WITHOUT].map(str::to_owned).into_iter().chain(numbers).collect()
}

#[test]
fn an_unknown_option_warns_and_names_the_nearest_one_and_everything_runs() {
    let mut pair = Pair::new("unknown");
    pair.start(
        "\nconfig announce 'x'\n\toption prefix 'fd99:a::2/128'\n\toption metrik '7'\n\
         \nconfig intreface 'y'\n\toption device 'z'\n",
        &[],
    );
    pair.routes_are_exchanged();
    pair.said_once(&["line 16", "section announce 'x'", "option metrik", "did you mean metric?"]);
    pair.said_once(&["line 18", "section intreface 'y'", "did you mean interface?"]);
    pair.stop();
}

#[test]
fn a_configuration_of_a_later_version_is_refused_and_kept_while_routing_runs() {
    let mut pair = Pair::new("later-config");
    let more = format!(
        "{}{HOTSPOT}\toption portals 'two'\n\nconfig price 'hour'\n\toption cents 'many'\n\
         \nconfig interface 'beam'\n\toption device 'beam0'\n\toption kind 'laser'\n",
        Pair::announce("fd99:a::1/128")
    );
    let file = config(&pair.a, &more);
    let later = |file: &str, version: &str| {
        let text = fs::read_to_string(file).unwrap();
        let text = text.replacen("\toption name", &format!("\toption version '{version}'\n\toption name"), 1);
        fs::write(file, &text).unwrap();
        text
    };
    let text = later(&file, "2");
    pair.start_with(&file, &[]);
    pair.routes_are_exchanged();
    pair.said_once(&["routing alone runs", "line 2", "option version", "of version 2", "reads version 1"]);
    assert!(!pair.a.said().contains("the hotspot"), "a hotspot of guessed rules: {}", pair.a.said());
    for command in ["check", "firewall"] {
        let output = pair.a.run(TEQUIO, &[command, "--config", &file]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains("of version 2"), "tequio {command}: {said}");
    }
    // Nor does one that runs take it up: it goes on with what it has.
    later(&pair.b.file("config").display().to_string(), "7");
    pair.b.hang_up();
    until("B says why it goes on", &mut pair.b, |b| {
        b.said().contains("the running configuration goes on") && b.said().contains("of version 7")
    });
    pair.routes_are_exchanged();
    assert_eq!(fs::read_to_string(&file).unwrap(), text, "the file was changed");
    pair.stop();
}

/// A file in the folder of state, as the last run left it.
fn state_with(place: &Place, name: &str, bytes: &[u8]) -> std::path::PathBuf {
    let path = place.file("state").join(name);
    fs::create_dir_all(place.file("state")).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn a_journal_of_a_later_version_is_refused_and_kept_while_routing_runs() {
    let mut pair = Pair::new("later-journal");
    let bytes = [&b"TQJRNL\x00\x02"[..], &[0xa7, 0x51, 0, 1, 9, 9, 9, 9].repeat(40)].concat();
    let journal = state_with(&pair.a, "journal", &bytes);
    pair.start("", &[]);
    pair.routes_are_exchanged();
    pair.said_once(&["nothing is sold", "routing runs", &journal.display().to_string(), "of version 2"]);
    pair.stop();
    assert_eq!(fs::read(&journal).unwrap(), bytes, "the journal was changed");
}

#[test]
fn keys_that_cannot_be_read_are_kept_while_routing_runs() {
    let mut pair = Pair::new("bad-keys");
    let bytes = b"tequio keys 9\ncheck 0000000000000000\n";
    let keys = state_with(&pair.a, "keys", bytes);
    pair.start("", &[]);
    pair.routes_are_exchanged();
    pair.said_once(&["nothing is sold", "routing runs", &keys.display().to_string(), "checksum"]);
    pair.stop();
    assert_eq!(fs::read(&keys).unwrap(), bytes, "the keys were changed");
}

#[test]
fn a_run_folder_that_cannot_be_written_to_is_said_and_routing_runs() {
    let mut pair = Pair::new("run-folder");
    let file = config(&pair.a, &Pair::announce("fd99:a::1/128"));
    let text = fs::read_to_string(&file).unwrap();
    let run = pair.a.file("run").display().to_string();
    fs::write(&file, text.replace(&run, "/proc/tequio")).unwrap();
    pair.start_with(&file, &[]);
    pair.routes_are_exchanged();
    pair.said_once(&["/proc/tequio", "cannot be written to", "run_dir"]);
    assert!(!pair.a.said().contains("cannot be kept for a restart"), "said again: {}", pair.a.said());
    pair.stop();
}

#[test]
fn without_the_right_to_ping_it_says_so_and_routing_runs() {
    let mut pair = Pair::new("no-raw");
    pair.start("", &["setpriv", "--bounding-set=-net_raw"]);
    pair.routes_are_exchanged();
    pair.said_once(&["CAP_NET_RAW is missing", "Start tequio as root"]);
    pair.stop();
}

#[test]
fn without_the_right_to_set_routes_it_says_so_and_draws_no_traffic() {
    let mut pair = Pair::new("no-admin");
    pair.start(HOTSPOT, &["setpriv", "--bounding-set=-net_admin,-net_raw"]);
    until("it runs", &mut pair.a, |a| a.said().contains("runs as a"));
    pair.said_once(&["CAP_NET_ADMIN is missing", "neither routes", "Start tequio as root"]);
    pair.said_once(&["CAP_NET_RAW is missing"]);
    pair.said_once(&["the hotspot waits", "CAP_NET_ADMIN"]);
    // What it cannot forward it does not announce. B's Hellos are a second apart: A would have answered.
    until("B has sent for some seconds", &mut pair.b, |b| {
        let text = b.ip("-s -j link show dev cable");
        let links: serde_json::Value = serde_json::from_str(&text).expect("ip prints JSON");
        links[0]["stats64"]["tx"]["packets"].as_u64().is_some_and(|packets| packets >= 12)
    });
    let said = pair.b.said();
    assert!(said.contains("runs as b") && !said.contains("heard on cable"), "{said}");
    assert!(!pair.b.routes().contains_key("fd99:a::1"));
    pair.stop();
}

#[test]
fn without_nf_tables_it_says_so_and_routing_runs() {
    let mut pair = Pair::new("no-nft");
    let before = kernel_without(libc::AF_NETLINK, libc::NETLINK_NETFILTER, libc::EPROTONOSUPPORT);
    pair.start(HOTSPOT, &before.iter().map(String::as_str).collect::<Vec<_>>());
    pair.routes_are_exchanged();
    pair.said_once(&["the hotspot waits", "no nf_tables", "kmod-nft-core"]);
    pair.stop();
}

#[test]
fn without_routes_by_source_it_says_so_and_the_others_are_there() {
    let mut pair = Pair::new("no-subtrees");
    let library = pair.a.file("no_subtrees.so").display().to_string();
    let built = pair.a.run("cc", &["-shared", "-fPIC", "-o", &library, NO_SUBTREES]);
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    pair.b.ip("address add fd99:b::2/128 dev lo");
    let words = ["env", &format!("LD_PRELOAD={library}"), TEQUIO, "run", "--config"];
    let file = config(&pair.a, &Pair::announce("fd99:a::1/128"));
    pair.a.start("tequio", words[0], &[&words[1..], &[&file]].concat());
    let said = &["no routes that depend on the source", "CONFIG_IPV6_SUBTREES"];
    until("it is said before there is such a route", &mut pair.a, |a| a.said().contains(said[1]));
    let announce =
        "\nconfig announce\n\toption prefix 'fd99:b::2/128'\n\toption source 'fd99:a::/64'\n".to_owned();
    let file = config(&pair.b, &(Pair::announce("fd99:b::1/128") + &announce));
    pair.b.start("tequio", TEQUIO, &["run", "--config", &file]);
    pair.routes_are_exchanged();
    pair.said_once(said);
    assert!(!pair.a.routes().contains_key("fd99:b::2"), "the kernel took it after all");
    assert!(!pair.a.said().contains("fd99:b::2"), "said of each route: {}", pair.a.said());
    pair.stop();
}

#[test]
fn a_queue_stands_or_is_missed_in_words_and_routing_runs() {
    let mut pair = Pair::new("queue");
    pair.start("\nconfig queue\n\toption device 'cable'\n\toption upload_kbit '50000'\n", &[]);
    until("a word of the queue", &mut pair.a, |a| a.said().contains("what leaves on cable"));
    pair.routes_are_exchanged();
    match pair.a.said().contains("is queued by") {
        true => pair.said_once(&["what leaves on cable is queued by", "50000 kbit/s"]),
        false => {
            pair.said_once(&["what leaves on cable stands in no queue", "neither cake", "kmod-sched-cake"])
        }
    }
    pair.stop();
}

#[test]
fn without_ipv6_it_says_so_and_the_rest_runs() {
    let mut pair = Pair::new("no-ipv6");
    let before = kernel_without(libc::AF_INET6, -1, libc::EAFNOSUPPORT);
    pair.start("", &before.iter().map(String::as_str).collect::<Vec<_>>());
    until("it runs", &mut pair.a, |a| a.said().contains("runs as a"));
    pair.said_once(&["this kernel has no IPv6", "Load the module ipv6"]);
    let refusal = "Babel cannot bind a socket to cable";
    until("the device is told of", &mut pair.a, |a| a.said().contains(refusal));
    pair.said_once(&[refusal]);
    pair.stop();
}

#[test]
fn a_device_without_ipv6_is_said_and_taken_up_when_it_has_it() {
    let mut pair = Pair::new("device-ipv6");
    let switch = |value: &str| format!("echo {value} > /proc/sys/net/ipv6/conf/cable/disable_ipv6");
    assert!(pair.a.run("sh", &["-c", &switch("1")]).status.success());
    pair.start("", &[]);
    until("it runs", &mut pair.a, |a| a.said().contains("runs as a"));
    pair.said_once(&["IPv6 is switched off on cable", "net.ipv6.conf.cable.disable_ipv6=0"]);
    assert!(pair.a.run("sh", &["-c", &switch("0")]).status.success());
    pair.routes_are_exchanged();
    until("it says that it is over", &mut pair.a, |a| a.said().contains("this is over: no-ipv6"));
    pair.stop();
}

#[test]
fn names_of_any_letters_are_taken_or_refused_with_their_line() {
    let folder = Folder::new("names");
    let mut place = Place::new("a", "names", &folder.0);
    let person = |name: &str| {
        format!("\nconfig person\n\toption login 'ana'\n\toption role 'viewer'\n\toption name {name}\n")
    };
    let long = "x".repeat(10_000);
    for (more, line, word) in [
        (person(&format!("'{}'", "\u{1f33d}".repeat(65))), "line 10", "1 to 64 characters"),
        (person(&format!("'{long}'")), "line 10", "1 to 64 characters"),
        (person("'two\nlines'"), "line 10", "on one line"),
        (person("'open"), "line 10", "never closed"),
        (format!("\nconfig person '{long}'\n\toption name '{long}'\n"), "line 7", "login"),
        (format!("\nconfig announce\n\toption prefix '<b>\"{long}'\n"), "line 8", "expected a prefix"),
        (format!("\nconfig announce\n\toption {long} '1'\n"), "line 7", "is missing"),
    ] {
        let said = refused(&place, &config(&place, &more), &[]);
        assert!(said.contains(line) && said.contains(word), "{line}, {word}: {said}");
        assert!(said.len() < 1_200, "{} characters were said", said.len());
    }
    let good = person(r#"'Doña "Lupe" <b>&amp;</b> 🌽🌽 '\''el maíz'\'''"#);
    let unknown = format!(
        "\nconfig {long}\n\nconfig announce '{long}'\n\toption {long} 1\n\toption prefix 'fd99::/64'\n"
    );
    let file = config(&place, &format!("{good}{unknown}"));
    place.start("tequio", TEQUIO, &["run", "--config", &file]);
    until("it runs", &mut place, |place| place.said().contains("runs as a"));
    let said = place.said();
    assert!(said.lines().all(|line| line.chars().count() < 600), "a line without end: {said}");
    place.stop();
}
