//! Phones that walk from node to node, whose codes were typed once: real vaults, so that tags are what they are, and the
//! statuses between go the way of all records.

use tequio::base::address::MacAddress;
use tequio::hotspot::code::Code;
use tequio::hotspot::portal::{Language, Notice, Page};
use tequio::hotspot::request::{Method, PortalRequest};
use tequio::hotspot::settings::{Community, Settings};
use tequio::ledger::{Role, Roles};

use super::*;

/// Two nodes with a hotspot, three links apart: the one that sells, and the other.
const HERE: usize = 1;
const THERE: usize = 4;
const ROSA: MacAddress = MacAddress([2, 0, 0, 0, 0, 1]);

fn hotspots() -> Mesh {
    let mut mesh = Mesh::new(5, LINE, AuthMode::Community);
    let mut assembly = Assembly::found(&mut mesh, &[0, 1, 2, 3, 4]);
    let hotspot = Roles::NONE.with(Role::Hotspot);
    let roles = [(HERE, hotspot.with(Role::Seller)), (THERE, hotspot)];
    let mut records = vec![assembly.plan()];
    records.extend(roles.map(|(seat, roles)| assembly.admit_as(&mesh, seat, roles)));
    for seat in &mut mesh.seats {
        seat.journal.extend_from_slice(&records);
        seat.settings.hotspot = Some(settings());
    }
    (0..5).for_each(|seat| mesh.on(seat));
    mesh.until("the mesh", Span::from_secs(5), |mesh| mesh.reach(&[0, 1, 2, 3, 4]));
    mesh.pass(Span::from_secs(30));
    mesh
}

fn settings() -> Settings {
    Settings {
        portal_host: "192.0.2.1".to_owned(),
        portal_address: [10, 77, 4, 1].into(),
        portal_port: 2_080,
        community: Community::default(),
        languages: vec![Language::ES],
        language: None,
        lease: Span::from_secs(900),
        usage_interval: Span::from_secs(20),
        calls: Vec::new(),
        services: Vec::new(),
    }
}

fn look(mesh: &mut Mesh, seat: usize, mac: MacAddress) -> Page {
    mesh.browse(seat, mac, PortalRequest { host: "192.0.2.1".into(), path: "/".into(), ..Default::default() })
}

/// The phone's own check, which names another host; what follows is all that counts.
fn check(mesh: &mut Mesh, seat: usize, mac: MacAddress) {
    let http = PortalRequest { host: "connectivitycheck.gstatic.com".into(), ..Default::default() };
    assert!(matches!(mesh.browse(seat, mac, http), Page::Redirect { .. }));
}

fn type_code(mesh: &mut Mesh, seat: usize, mac: MacAddress, code: Code) -> Page {
    let body = format!("code={code}").into_bytes();
    let (host, path) = ("192.0.2.1".to_owned(), "/login".to_owned());
    mesh.browse(seat, mac, PortalRequest { method: Method::Post, host, path, body, ..Default::default() })
}

fn is_through(mesh: &Mesh, seat: usize, mac: MacAddress) -> bool {
    mesh.seats[seat].admitted.iter().any(|(known, _)| *known == mac)
}

fn notice(page: &Page) -> Option<Notice> {
    match page {
        Page::Form { notice, .. } => *notice,
        other => panic!("{other:?}"),
    }
}

/// A phone that typed a code here, and about which the others know.
fn rosa(mesh: &mut Mesh) -> Code {
    let code = mesh.sell(HERE);
    mesh.seats[HERE].phones.push(ROSA);
    assert!(matches!(type_code(mesh, HERE, ROSA, code), Page::Welcome { .. }));
    mesh.pass(Span::from_secs(5));
    code
}

/// It walks over; how many seconds until it is let in there without typing, though nobody opens a page.
fn walk(mesh: &mut Mesh, from: usize, to: usize) -> u64 {
    mesh.seats[from].phones.clear();
    mesh.seats[to].phones.push(ROSA);
    let took = mesh.until("the phone at the other node", Span::from_secs(40), |mesh| {
        check(mesh, to, ROSA);
        is_through(mesh, to, ROSA)
    });
    mesh.pass(Span::from_secs(3));
    took.div_ceil(1_000)
}

#[test]
fn a_phone_walks_to_another_node_and_back_and_types_nothing() {
    let mut mesh = hotspots();
    rosa(&mut mesh);
    // Straight over: the old node has to find out first.
    let took = walk(&mut mesh, HERE, THERE);
    assert!((12..=30).contains(&took), "{took} s");
    assert!(!is_through(&mesh, HERE, ROSA), "its place there is free");
    assert!(matches!(look(&mut mesh, THERE, ROSA), Page::Status { .. }));
    // After a nap at home the node knows already.
    mesh.seats[THERE].phones.clear();
    mesh.pass(Span::from_secs(120));
    let took = walk(&mut mesh, THERE, HERE);
    assert!(took <= 6, "{took} s");
    assert!(!is_through(&mesh, THERE, ROSA) && is_through(&mesh, HERE, ROSA));
}

#[test]
fn an_address_that_is_alive_at_two_nodes_waits_at_the_newer_one_for_its_code() {
    let mut mesh = hotspots();
    let code = rosa(&mut mesh);
    assert!(matches!(look(&mut mesh, THERE, ROSA), Page::Checking { .. }), "it is being asked");
    mesh.pass(Span::from_secs(25));
    assert_eq!(notice(&look(&mut mesh, THERE, ROSA)), Some(Notice::Elsewhere));
    assert!(is_through(&mesh, HERE, ROSA) && !is_through(&mesh, THERE, ROSA));
    let node = mesh.seats[THERE].node.as_ref().unwrap();
    assert_eq!(node.hotspot().unwrap().report(mesh.now).counters.suspended, 1);
    for _ in 0..30 {
        mesh.pass(Span::from_secs(10));
        check(&mut mesh, THERE, ROSA);
    }
    assert!(!is_through(&mesh, THERE, ROSA), "however often it asks");
    // The owner has the paper.
    assert!(matches!(type_code(&mut mesh, THERE, ROSA, code), Page::Welcome { .. }));
    assert!(is_through(&mesh, THERE, ROSA));
}

#[test]
fn nobody_waits_for_a_node_without_power_and_nobody_is_let_in_on_an_old_word() {
    let mut mesh = hotspots();
    rosa(&mut mesh);
    walk(&mut mesh, HERE, THERE);
    walk(&mut mesh, THERE, HERE);
    // It is here again, and the far node's word that it had left is none of now.
    mesh.pass(Span::from_secs(90));
    mesh.off(HERE);
    assert!(matches!(look(&mut mesh, THERE, ROSA), Page::Checking { .. }));
    mesh.pass(Span::from_secs(35));
    assert_eq!(
        notice(&look(&mut mesh, THERE, ROSA)),
        None,
        "whoever does not answer keeps nobody from typing"
    );
    assert!(!is_through(&mesh, THERE, ROSA));
    // Half an hour later nobody asks it any more.
    mesh.pass(Span::from_secs(1_800));
    assert_eq!(notice(&look(&mut mesh, THERE, ROSA)), None);
}

#[test]
fn whom_a_caretaker_let_out_types_the_code_everywhere_and_strangers_are_nobody() {
    let mut mesh = hotspots();
    let code = rosa(&mut mesh);
    let verifier = match mesh.ask_long(HERE, Call::VoucherShow(tequio::node::call::Which::Code(code))) {
        Answer::Voucher(voucher) => voucher.verifier,
        other => panic!("{other:?}"),
    };
    let ended = Answer::SessionEnded { verifier, devices: 1 };
    assert_eq!(mesh.ask(HERE, Call::SessionEnd(verifier, None)), ended);
    mesh.seats[HERE].phones.clear();
    for _ in 0..20 {
        mesh.pass(Span::from_secs(5));
        check(&mut mesh, THERE, ROSA);
        check(&mut mesh, HERE, ROSA);
    }
    assert!(!is_through(&mesh, THERE, ROSA) && !is_through(&mesh, HERE, ROSA));
    assert_eq!(notice(&look(&mut mesh, HERE, ROSA)), Some(Notice::Ended));
    let stranger = MacAddress([2, 0, 0, 0, 0, 9]);
    assert_eq!(notice(&look(&mut mesh, THERE, stranger)), None);
    assert!(matches!(type_code(&mut mesh, THERE, ROSA, code), Page::Welcome { .. }));
}
