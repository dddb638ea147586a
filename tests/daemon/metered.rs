//! A gateway whose uplink is paid by the octet: when the month is used up its default route is taken back, and a
//! restart does not forget it.

use super::{Folder, TEQUIO, config, until};
use crate::place::Place;

fn has_default(place: &mut Place, what: &str, there: bool) {
    until(what, place, |place| place.routes().contains_key("default") == there);
}

#[test]
fn a_used_up_uplink_is_taken_back_and_stays_so_over_a_restart() {
    let folder = Folder::new("metered");
    let [mut a, mut b, far] = ["a", "b", "far"].map(|name| Place::new(name, "daemon-metered", &folder.0));
    a.cable("ab", &b, "ba");
    a.cable("wan", &far, "lan");
    a.ip("address add fd99:f::1/64 dev wan nodad");
    far.ip("address add fd99:f::2/64 dev lan nodad");
    a.ip("-6 route add default via fd99:f::2 dev wan proto static");
    let cable = |device| format!("\nconfig interface\n\toption device '{device}'\n\toption kind 'wired'\n");
    let wan = "\nconfig uplink\n\toption device 'wan'\n\toption month_mb '1'\n";
    let file_a = config(&a, &(cable("ab") + wan));
    let file_b = config(&b, &cable("ba"));
    a.start("tequio", TEQUIO, &["run", "--config", &file_a]);
    b.start("tequio", TEQUIO, &["run", "--config", &file_b]);
    has_default(&mut b, "something of the month is left", true);

    // 400 questions of 1,400 octets, and their answers.
    let pinged = a.run("ping", &["-6", "-q", "-c", "400", "-i", "0.002", "-s", "1400", "fd99:f::2"]);
    assert!(pinged.status.success(), "{}", String::from_utf8_lossy(&pinged.stderr));
    has_default(&mut b, "it is used up", false);
    let said = "wan is not announced: what it may carry this month is used up";
    assert!(a.said().contains(said), "{}", a.said());

    a.stop();
    a.start("tequio", TEQUIO, &["run", "--config", &file_a]);
    until("it remembers", &mut a, |a| a.said().matches(said).count() == 2);
    assert!(!b.routes().contains_key("default"));

    config(&a, &(cable("ab") + &wan.replace("'1'", "'1000'")));
    a.hang_up();
    has_default(&mut b, "more was paid for", true);
    a.stop();
    b.stop();
}

#[test]
fn an_uplink_for_the_school_takes_packets_of_the_school_only() {
    let folder = Folder::new("school");
    let [mut a, mut b, far] = ["a", "b", "far"].map(|name| Place::new(name, "daemon-school", &folder.0));
    a.cable("ab", &b, "ba");
    a.cable("wan", &far, "lan");
    a.ip("address add fd99:f::1/64 dev wan nodad");
    far.ip("address add fd99:f::2/64 dev lan nodad");
    far.ip("-6 route add fd99::/16 via fd99:f::1 dev lan");
    far.ip("address add 2001:db8::9/128 dev lo");
    a.ip("-6 route add default via fd99:f::2 dev wan proto static");
    for address in ["fd99:8::1/128", "fd99:9::1/128"] {
        b.ip(&format!("address add {address} dev lo"));
    }
    let cable = |device| format!("\nconfig interface\n\toption device '{device}'\n\toption kind 'wired'\n");
    let announce = |prefix| format!("\nconfig announce\n\toption prefix '{prefix}'\n");
    let wan = "\nconfig uplink\n\toption device 'wan'\n\tlist source 'fd99:8::/48'\n";
    let file_a = config(&a, &(cable("ab") + wan));
    let file_b = config(&b, &(cable("ba") + &announce("fd99:8::1/128") + &announce("fd99:9::1/128")));
    a.start("tequio", TEQUIO, &["run", "--config", &file_a]);
    b.start("tequio", TEQUIO, &["run", "--config", &file_b]);
    until("there is a way for the school", &mut b, |b| b.routes().contains_key("default from fd99:8::/48"));
    assert!(!b.routes().contains_key("default"), "there is one for all");
    until("the way back is there", &mut a, |a| a.routes().contains_key("fd99:9::1"));
    until("the school reaches it", &mut b, |b| b.pings("fd99:8::1", "2001:db8::9").is_ok());
    assert!(b.pings("fd99:9::1", "2001:db8::9").is_err(), "others do, too");
    config(&a, &(cable("ab") + &wan.replace("\tlist source 'fd99:8::/48'\n", "")));
    a.hang_up();
    has_default(&mut b, "it is for all", true);
    until("others reach it", &mut b, |b| b.pings("fd99:9::1", "2001:db8::9").is_ok());
    a.stop();
    b.stop();
}
