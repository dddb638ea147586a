//! What filters do to two daemons, and that a changed filter takes back what it refuses.

use super::{Folder, TEQUIO, config, until};
use crate::place::Place;

fn filter(direction: &str, options: &[&str]) -> String {
    let options: String = options.iter().map(|option| format!("\toption {option}\n")).collect();
    format!("\nconfig filter\n\toption direction '{direction}'\n{options}")
}

/// What B has: an announced address, and routes of other programs in the main table and in one of their own.
const ANNOUNCED: &str = "fd99:b::1";
const IN_77: &str = "fd99:77::/48";
const IN_MAIN: &str = "fd99:78::/48";

fn shows(what: &str, place: &mut Place, there: &[&str], gone: &[&str]) {
    until(what, place, |place| {
        let routes = place.routes();
        there.iter().all(|prefix| routes.contains_key(*prefix))
            && !gone.iter().any(|prefix| routes.contains_key(*prefix))
    });
}

#[test]
fn filters_decide_what_is_redistributed_told_and_taken_and_a_change_takes_back() {
    let folder = Folder::new("policy");
    let [mut a, mut b] = ["a", "b"].map(|name| Place::new(name, "daemon-policy", &folder.0));
    a.cable("ab", &b, "ba");
    b.ip("address add fd99:b::1/128 dev lo");
    b.ip("-6 route add unreachable fd99:77::/48 proto static table 77");
    b.ip("-6 route add unreachable fd99:78::/48 proto static");
    let cable = |device| format!("\nconfig interface\n\toption device '{device}'\n\toption kind 'wired'\n");
    let of_a = cable("ab");
    let of_b = format!("{}\nconfig announce\n\toption prefix '{ANNOUNCED}/128'\n", cable("ba"));
    let take_77 = filter("redistribute", &["prefix 'fd99::/16'", "ge '48'", "table '77'", "action 'allow'"]);
    for (place, text) in [(&mut a, &of_a), (&mut b, &(of_b.clone() + &take_77))] {
        let file = config(place, text);
        place.start("tequio", TEQUIO, &["run", "--config", &file]);
    }
    shows("one table is redistributed, the other is not", &mut a, &[ANNOUNCED, IN_77], &[IN_MAIN]);

    let main_too = filter("redistribute", &["protocol '4'", "action 'allow'", "metric '50'"]);
    config(&b, &(of_b.clone() + &take_77 + &main_too));
    b.hang_up();
    shows("another filter lets more through", &mut a, &[ANNOUNCED, IN_77, IN_MAIN], &[]);

    config(&b, &(of_b.clone() + &main_too));
    b.hang_up();
    shows("the first filter is gone, and so is its table", &mut a, &[ANNOUNCED, IN_MAIN], &[IN_77]);

    let keep_in = filter("out", &["prefix 'fd99:78::/48'", "device 'ba'", "action 'deny'"]);
    config(&b, &(of_b.clone() + &main_too + &keep_in));
    b.hang_up();
    shows("what is not to go out any more is taken back", &mut a, &[ANNOUNCED], &[IN_77, IN_MAIN]);

    config(&a, &(of_a.clone() + &filter("in", &["prefix 'fd99:b::/32'", "le '128'", "action 'deny'"])));
    a.hang_up();
    shows("what is not taken any more is not used", &mut a, &[], &[ANNOUNCED, IN_77, IN_MAIN]);
    config(&a, &of_a);
    a.hang_up();
    shows("the filter is gone: it is used again at once", &mut a, &[ANNOUNCED], &[]);
    a.stop();
    b.stop();
}
