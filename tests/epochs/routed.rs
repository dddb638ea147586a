//! Members behind routers of others, which pass routes on and know no ledger.

use mesh::own_prefix;
use tequio::ledger::{Role, Roles};

use super::*;

/// A line of which these are members, and each announces the address that the plan gives it.
fn among_others(members: &[usize]) -> (Mesh, Assembly) {
    let mut mesh = Mesh::new(5, LINE, AuthMode::Community);
    let mut assembly = Assembly::found(&mut mesh, members);
    let seller = Roles::NONE.with(Role::Seller).with(Role::Hotspot);
    let mut records = vec![assembly.plan()];
    records.extend(members.iter().map(|seat| assembly.admit_as(&mesh, *seat, seller)));
    for seat in members {
        mesh.seats[*seat].journal.extend_from_slice(&records);
        let prefix = own_prefix(*seat);
        mesh.seats[*seat].settings.announce.push(Announce { prefix, metric: 0 });
    }
    (0..5).for_each(|seat| mesh.on(seat));
    (mesh, assembly)
}

/// The ways of the streams of a node.
fn ways(mesh: &mut Mesh, seat: usize) -> Vec<String> {
    match mesh.ask(seat, Call::Sync) {
        Answer::Sync(exchange) => exchange.peers.into_iter().map(|peer| peer.interface).collect(),
        other => panic!("{other:?}"),
    }
}

fn records(mesh: &Mesh, seat: usize) -> usize {
    mesh.seats[seat].node.as_ref().expect("it is on").ledger().record_count()
}

#[test]
fn a_sale_behind_routers_of_others_is_known_here_within_a_minute_and_then_at_once() {
    let (mut mesh, _) = among_others(&[0, 2, 4]);
    let all_even = |mesh: &mut Mesh| {
        let counts = [0, 2, 4].map(|seat| records(mesh, seat));
        counts == [counts[0]; 3]
            && mesh.seats[4].node.as_ref().is_some_and(|node| node.ledger().statuses().len() == 3)
    };
    let took = mesh.until("everybody is heard", Span::from_secs(120), all_even);
    assert!(took <= 60_000, "{took} ms");
    assert!(ways(&mut mesh, 0).iter().all(|way| way == "routed"));
    let before = records(&mesh, 4);
    mesh.sell(0);
    mesh.until("the sale", Span::from_secs(1), |mesh| records(mesh, 4) == before + 2);
    // It stays, and nobody is dialled for nothing.
    let dials = mesh.dials;
    mesh.pass(Span::from_secs(7_200));
    assert_eq!(mesh.dials, dials, "sessions over routes stand");
    // The far one is off for a while: it is dialled ever more slowly, and is there again.
    mesh.off(4);
    mesh.pass(Span::from_secs(3_600));
    assert!(mesh.dials - dials <= 60, "{} dials in an hour", mesh.dials - dials);
    mesh.on(4);
    mesh.until("it is heard again", Span::from_secs(120), all_even);
}

#[test]
fn two_islands_of_members_become_one_by_one_session_and_neighbours_need_none() {
    let (mut mesh, _) = among_others(&[0, 1, 3, 4]);
    mesh.pass(Span::from_secs(120));
    let routed: Vec<usize> = (0..5)
        .filter(|seat| *seat != 2)
        .map(|seat| ways(&mut mesh, seat).iter().filter(|way| *way == "routed").count())
        .collect();
    let before = records(&mesh, 4);
    mesh.sell(0);
    mesh.until("the sale", Span::from_secs(1), |mesh| records(mesh, 4) == before + 2);
    assert!(routed.iter().sum::<usize>() <= 8, "{routed:?}");
    // Where all are neighbours nobody is dialled over a route.
    let (mut mesh, _) = among_others(&[0, 1, 2, 3, 4]);
    mesh.pass(Span::from_secs(3_600));
    assert_eq!(mesh.dials, 0);
}
