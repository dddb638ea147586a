//! Two members with a router of others between them, which speaks Babel and knows no ledger.

use serde_json::json;

use super::babeld::Broker;
use super::flash::{announce, ask, say};
use super::{Folder, TEQUIO, config, until};
use crate::place::Place;

fn interface(device: &str) -> String {
    format!("\nconfig interface\n\toption device '{device}'\n\toption kind 'wired'\n")
}

#[test]
fn members_behind_a_router_of_others_share_the_ledger() {
    let folder = Folder::new("routed");
    let [mut a, mut b, mut other] =
        ["a", "b", "other"].map(|name| Place::new(name, "daemon-routed", &folder.0));
    a.cable("ao", &other, "oa");
    b.cable("bo", &other, "ob");
    let dir = folder.0.join("community").display().to_string();
    let ipv6 = ["--ipv6", "fd12:3456:789a::/48"];
    say(&a, &[&["community", "create", "--name", "San Tequio", "--dir", &dir][..], &ipv6].concat());
    let plan = ["community", "plan", "--dir", &dir, "--id", "hora", "--name", "Hora", "--price", "0.50"];
    say(&a, &[&plan[..], &["--used-seconds", "3600"]].concat());
    let state = |place: &Place| place.file("state").display().to_string();
    for (place, number) in [(&a, "1"), (&b, "2")] {
        let request = say(place, &["community", "request", "--state", &state(place), "--name", place.name]);
        let admit = ["community", "admit", "--dir", &dir, "--role", "seller,hotspot", "--number", number];
        say(place, &[&admit[..], &["--request", request.trim()]].concat());
    }
    for (place, number) in [(&a, 1), (&b, 2)] {
        let bundle = format!("{dir}/community.records");
        say(place, &["community", "join", "--state", &state(place), "--bundle", &bundle]);
        place.ip(&format!("address add fd12:3456:789a:ff00::{number}/128 dev lo"));
    }
    let _brokers = [&a, &b].map(|place| Broker::start(&place.file("no-broker.sock")));
    for (place, device, number) in [(&mut a, "ao", 1), (&mut b, "bo", 2)] {
        let own = announce(&format!("fd12:3456:789a:ff00::{number}/128"));
        let file = config(place, &(interface(device) + &own));
        place.start("tequio", TEQUIO, &["run", "--config", &file]);
    }
    let file = config(&other, &(interface("oa") + &interface("ob")));
    other.start("tequio", TEQUIO, &["run", "--config", &file]);
    until("A has a way to B", &mut a, |a| a.routes().contains_key("fd12:3456:789a:ff00::2"));
    // A start waits half a minute for neighbours.
    for place in [&mut a, &mut b] {
        until("a session over the route", place, |place| {
            let peer = ask(place, "sync", json!({})).unwrap_or_default()["peers"][0].clone();
            peer["interface"] == "routed" && peer["even"] == true
        });
    }
    let sold = ask(&a, "voucher_issue", json!({"plan": "hora", "count": 1})).expect("an answer");
    let code = sold["vouchers"][0]["code"].as_str().expect("a code").to_owned();
    until("B knows of the sale", &mut b, |b| {
        ask(b, "voucher_show", json!({"code": code})).is_some_and(|shown| shown["state"] == "sold")
    });
    for place in [&mut a, &mut b, &mut other] {
        place.stop();
    }
}
