//! How the network is run, what it offers, and what was used on both sides of a split: said at taps, told to people.

use super::story::portal;
use super::taps::{as_seen_by, by, tap, village, write};
use super::*;
use crate::base::time::{TimeQuality, WallTime};
use crate::hotspot::output::{Gate, GuestChange};
use crate::hotspot::portal::Page;
use crate::hotspot::request::Method;
use crate::ledger::Counter;
use crate::ledger::body::{Activation, NetworkMode};
use crate::node::call::{Call, Status};
use crate::node::deed::{Deed, Network, Tap};

const SECOND: [u8; 32] = [6; 32];

/// A node gets these roles.
pub(super) fn entrust(story: &mut Story, key: [u8; 32], number: u16, roles: &[Role]) {
    write(
        story,
        ROOT_KEY,
        Body::Member(Box::new(Member {
            key,
            dh: [3; 32],
            name: format!("nodo {number}"),
            number: IssuerNumber(number),
            slot: None,
            roles: roles.iter().fold(Roles::NONE, |roles, role| roles.with(*role)),
            float: 10_000,
            replaces: Vec::new(),
            heads: Vec::new(),
            instead_of: None,
        })),
    );
}

pub(super) fn network(story: &mut Story) -> Network {
    match story.call(Call::Network) {
        Answer::Network(network) => network,
        other => panic!("{other:?}"),
    }
}

fn mode(name: &str) -> Tap {
    Tap { name: name.into(), text: "fiesta".into(), ..tap(Deed::Mode) }
}

#[test]
fn neither_of_two_caretakers_sets_the_mode_alone() {
    let mut story = village();
    assert!(by(&mut story, "Lupe", mode("night")).starts_with("refused: This node has no role"));
    entrust(&mut story, OWN_KEY, 3, &[Role::Seller, Role::Hotspot, Role::Caretaker]);
    entrust(&mut story, SECOND, 6, &[Role::Caretaker]);
    assert!(by(&mut story, "Lupe", mode("noche")).starts_with("mode: "));
    assert_eq!(by(&mut story, "Lupe", mode("night")), "mode, waits");
    assert_eq!(
        (story.node.ledger().mode(), network(&mut story).mode.as_str()),
        (NetworkMode::Usual, "usual")
    );
    let waits = story.node.ledger().waiting()[0].id.to_string();
    let agree = |record: &str| Tap { target: record.to_owned(), ..tap(Deed::Agree) };
    let alone = by(&mut story, "Lupe", agree(&waits));
    assert!(alone.starts_with("no-right: This node wrote it itself"), "{alone}");
    assert_eq!(story.node.ledger().mode(), NetworkMode::Usual);
    let other = as_seen_by(SECOND, &story);
    let word = other.agreement_body(other.waiting()[0]).unwrap();
    write(&mut story, SECOND, word);
    let night = network(&mut story);
    assert_eq!((night.mode.as_str(), night.reason.as_str()), ("night", "fiesta"));
    assert_eq!(night.signed_by, ["nodo 3", "nodo 6"]);
    // The other one begins, and it is agreed here.
    let number = story.node.ledger().next_mode();
    let theirs = crate::ledger::body::Mode {
        number,
        mode: NetworkMode::Emergency,
        reason: "lluvia".into(),
        confirms: None,
        time: None,
    };
    write(&mut story, SECOND, Body::Mode(Box::new(theirs)));
    assert_eq!(network(&mut story).mode, "night", "not by the other one alone either");
    let waits = story.node.ledger().waiting()[0].id.to_string();
    assert_eq!(by(&mut story, "Lupe", agree(&waits)), "mode");
    assert_eq!(network(&mut story).mode, "emergency");
    // An officer's node needs nobody.
    entrust(&mut story, OWN_KEY, 3, &[Role::Officer]);
    assert_eq!(by(&mut story, "Lupe", mode("usual")), "mode");
    assert_eq!(network(&mut story).mode, "usual");
}

#[test]
fn a_sentence_is_put_up_and_taken_down_and_a_service_is_an_officers() {
    let mut story = village();
    entrust(&mut story, OWN_KEY, 3, &[Role::Seller, Role::Notice]);
    let notice =
        |text: &str, days: u16| Tap { name: "agua".into(), text: text.into(), days, ..tap(Deed::Notice) };
    assert_eq!(by(&mut story, "Lupe", notice("Hoy no hay agua", 2)), "notice");
    assert_eq!(network(&mut story).notices, [("agua".to_owned(), "Hoy no hay agua".to_owned())]);
    assert_eq!(by(&mut story, "Lupe", notice("Ya hay agua", 2)), "notice");
    assert_eq!(network(&mut story).notices, [("agua".to_owned(), "Ya hay agua".to_owned())]);
    let long = "x".repeat(400);
    assert!(by(&mut story, "Lupe", notice(&long, 0)).starts_with("refused: "));
    story.pass(Span::from_secs(3 * 86_400));
    assert_eq!(network(&mut story).notices, [], "its last day is over");
    assert_eq!(by(&mut story, "Lupe", notice("Se cierra el agua", 0)), "notice");
    assert_eq!(by(&mut story, "Lupe", notice("", 0)), "notice");
    assert_eq!(network(&mut story).notices, [], "taken down");

    let serve = |prefixes: &str| Tap {
        name: "library".into(),
        text: "Biblioteca".into(),
        prefixes: prefixes.into(),
        free: true,
        ..tap(Deed::Service)
    };
    assert!(by(&mut story, "Tere", serve("10.77.252.10")).starts_with("refused: This node has no role"));
    entrust(&mut story, OWN_KEY, 3, &[Role::Officer]);
    assert!(by(&mut story, "Lupe", serve("10.77.252.10")).starts_with("no-right: "));
    assert!(by(&mut story, "Tere", serve("the shelf")).starts_with("address: "));
    assert_eq!(by(&mut story, "Tere", serve("10.77.252.10/32, fd12:3456:789a:f000::10/128")), "service");
    let services = network(&mut story).services;
    let [shelf] = services.as_slice() else { panic!("{services:?}") };
    assert_eq!((shelf.title.as_str(), shelf.node.as_str(), shelf.free), ("Biblioteca", "nodo 3", true));
    assert_eq!(shelf.prefixes.len(), 2);
    let elsewhere = Tap { target: "nodo 4".into(), ..serve("10.77.252.11/32") };
    assert_eq!(by(&mut story, "Tere", elsewhere), "service");
    assert_eq!(network(&mut story).services[0].node, "nodo 4", "one service, at another member");
    assert_eq!(by(&mut story, "Tere", serve("")), "service");
    assert_eq!(network(&mut story).services.len(), 0);
}

#[test]
fn a_service_has_a_name_a_way_and_a_line_at_every_portal_until_it_is_gone() {
    let mut story = village();
    entrust(&mut story, OWN_KEY, 3, &[Role::Officer]);
    let names = |story: &Story| {
        story.outputs.iter().rev().find_map(|output| match output {
            Output::Names(names) => Some(names.clone()),
            _ => None,
        })
    };
    assert_eq!(names(&story), Some(String::new()), "what an earlier run left is gone");
    let serve = |prefixes: &str| Tap {
        name: "library".into(),
        text: "Biblioteca".into(),
        prefixes: prefixes.into(),
        free: true,
        icon: "book".into(),
        ..tap(Deed::Service)
    };
    for (wrong, code) in [
        (Tap { name: "The library".into(), ..serve("10.77.252.10/32") }, "name: "),
        (Tap { icon: "dragon".into(), ..serve("10.77.252.10/32") }, "icon: "),
        (serve("10.77.252.0/24"), "address: "),
        (serve("10.77.0.3/32"), "address: "),
        (serve("192.0.2.1/32"), "address: "),
        (serve("fd12:3456:789a:ff00::3/128"), "address: "),
    ] {
        let said = by(&mut story, "Tere", wrong);
        assert!(said.starts_with(code), "{said}");
    }
    let (first, second) = ("10.77.252.10".parse().unwrap(), "fd12:3456:789a:f000::10".parse().unwrap());
    assert_eq!(by(&mut story, "Tere", serve("10.77.252.10/32, fd12:3456:789a:f000::10/128")), "service");
    let line = |story: &mut Story| match story.ask(1, portal(Method::Get, "/")) {
        Page::Form { place, .. } => place.services,
        other => panic!("{other:?}"),
    };
    assert_eq!(line(&mut story), [("📖 Biblioteca".to_owned(), "http://library.mesh/".to_owned(), true)]);
    let changes = |story: &mut Story| -> Vec<GuestChange> {
        let change = |output| match output {
            Output::Guests(changes) => changes,
            _ => Vec::new(),
        };
        std::mem::take(&mut story.outputs).into_iter().flat_map(change).collect()
    };
    let community = "san-miguel";
    let expected = format!(
        "10.77.252.10 library.mesh library.{community}.mesh\n\
         fd12:3456:789a:f000::10 library.mesh library.{community}.mesh\n"
    );
    assert_eq!(names(&story), Some(expected));
    let held = changes(&mut story);
    for gate in [first, second].map(Gate::Service) {
        let holds =
            |change: &GuestChange| matches!(change, GuestChange::Hold { gate: one, .. } if *one == gate);
        assert!(held.iter().any(holds), "{gate:?} in {held:?}");
    }

    // Silent once is nothing; twice is told.
    story.services_answer = false;
    story.pass(Span::from_secs(31));
    story.services_answer = true;
    story.pass(Span::from_secs(6));
    story.services_answer = false;
    assert!(line(&mut story)[0].2);
    story.pass(Span::from_secs(31));
    story.pass(Span::from_secs(6));
    assert!(!line(&mut story)[0].2, "its line says that it does not answer");
    assert!(!network(&mut story).services[0].answers);
    story.pass(Span::from_secs(6));
    let told = |story: &Story| {
        let own = story.node.ledger().own_key();
        let status = story.node.ledger().statuses().into_iter().find(|(key, _)| *key == own);
        status.and_then(|(_, status)| status.silent.clone())
    };
    assert_eq!(told(&story), Some(vec!["library".to_owned()]), "everybody hears it");
    story.services_answer = true;
    story.pass(Span::from_secs(40));
    assert!(line(&mut story)[0].2);
    assert_eq!(told(&story), None);

    changes(&mut story);
    assert_eq!(by(&mut story, "Tere", serve("")), "service");
    story.pass(Span::from_secs(1));
    assert_eq!((line(&mut story), names(&story)), (Vec::new(), Some(String::new())));
    let let_go = changes(&mut story);
    assert!(let_go.contains(&GuestChange::Release { gate: Gate::Service(first) }), "{let_go:?}");
}

fn alerts(story: &mut Story) -> Vec<String> {
    let Answer::Status(Status { alerts, .. }) = story.call(Call::Status) else { panic!("another answer") };
    alerts.into_iter().filter(|alert| alert.code == "used-twice").map(|alert| alert.message).collect()
}

#[test]
fn what_was_used_on_both_sides_of_a_split_is_told_to_its_seller_after_it_healed() {
    let mut story = village();
    entrust(&mut story, SECOND, 6, &[Role::Hotspot]);
    let code = story.sell(1, "")[0];
    assert!(matches!(story.log_in(0, code), crate::hotspot::portal::Page::Welcome { .. }));
    story.pass(Span::from_secs(3_500));
    assert_eq!(alerts(&mut story), [""; 0], "as far as this side knows all is well");
    // The other side's records come: the same code, the same hour.
    let (verifier, proof) = story.vault.end(code);
    let begin = WallTime { unix_s: 1_800_000_000, quality: TimeQuality::Trusted };
    write(&mut story, SECOND, Body::Activation(Activation { verifier, proof, begin }));
    let row = Counter { verifier, used_s: 3_000, up_bytes: 1, down_bytes: 1, elapsed_s: 3_000 };
    let usage = crate::ledger::body::Usage { lane: 1, page: 0, counters: vec![row], day: None };
    write(&mut story, SECOND, Body::Usage(Box::new(usage)));
    story.pass(Span::from_secs(3_700));
    let told = alerts(&mut story);
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("nodo 6") || told[0].contains(&verifier.to_string()), "{told:?}");
    story.pass(Span::from_secs(3_700));
    assert_eq!(alerts(&mut story), told, "told once, and as long as it is so");
}
