//! Who is believed: members by other roots, and nobody whom an expelled officer admits.

use super::*;
use crate::ledger::Member;

/// A node that was admitted by whoever wrote `records`, with these in its ledger beside the village's.
fn newcomer(village: &Village, records: &[Vec<u8>], accepts: Option<[u8; 32]>) -> Ledger {
    let mut ledger = VillageNode::new(9).ledger.clone();
    accepts.into_iter().for_each(|root| ledger.accept_root(root));
    for bytes in village.records.iter().chain(records) {
        ledger.handle_record(bytes).unwrap();
    }
    assert!(ledger.own_member().is_some(), "for itself it is a member");
    ledger
}

#[test]
fn who_was_admitted_by_a_new_root_is_believed_where_that_root_counts() {
    for by_old in [true, false] {
        let (mut village, mut row) = village_row();
        let mut heir = VillageNode::new(60);
        heir.take(&village.records.clone());
        let heads = if by_old { Vec::new() } else { village.root.ledger.heads(&village.root.id()) };
        let body =
            Body::Succession(Box::new(Succession { root: heir.id(), before: village.root.id(), heads }));
        let word = if by_old { village.root.write(body.clone()) } else { heir.write(body) }.unwrap();
        heir.take(std::slice::from_ref(&word));
        heir.ledger.accept_root(heir.id());
        let admits = heir.write(Body::Member(Box::new(member(VillageNode::new(9).id(), 9, &[])))).unwrap();
        // An old member has a new record of the new root, too.
        let own = village.other.ledger.own_state().unwrap().clone();
        let replaces = vec![own.record];
        let renewed =
            Member { replaces, ..member(village.other.id(), own.member.number.0, &[Role::Officer]) };
        let renewed = heir.write(Body::Member(Box::new(renewed))).unwrap();
        let records = [word, admits, renewed];
        row.nodes.push((newcomer(&village, &records, Some(heir.id())), Sync::new(9)));
        row.pass(Span::from_secs(60));
        if by_old {
            row.assert_all_equal();
            continue;
        }
        assert!(row.nodes[3].1.peers().all(|peer| peer.member != Some(VillageNode::new(9).id())));
        assert_eq!(row.nodes[4].1.peers().filter(|peer| peer.even).count(), 0, "a stranger to them");
        // The last of the four accepts it. The others hear the records, and wait.
        row.nodes[3].0.accept_root(heir.id());
        for bytes in &records {
            let id = row.nodes[3].0.handle_record(bytes).unwrap().id;
            row.new_record(3, id);
        }
        row.pass(Span::from_secs(120));
        row.assert_all_equal();
        let officers =
            |ledger: &Ledger| ledger.members().filter(|one| one.member.roles.has(Role::Officer)).count();
        let counts: Vec<usize> = row.nodes.iter().map(|(ledger, _)| officers(ledger)).collect();
        assert_eq!(counts, [1, 1, 1, 2, 2], "the new root's records wait where it was not accepted");
        assert_eq!(row.nodes[0].0.waiting_roots().iter().collect::<Vec<_>>(), [&heir.id()]);
        // Across it records go on.
        let lot = sell(&mut village, &mut row, 1, 2);
        row.pass(Span::ZERO);
        assert!(row.nodes.iter().all(|(ledger, _)| ledger.record(lot).is_some()));
    }
}

#[test]
fn whom_an_expelled_officer_or_an_old_root_admits_later_is_a_stranger() {
    for by_root in [true, false] {
        let (mut village, mut row) = village_row();
        let body = Body::Member(Box::new(member(VillageNode::new(9).id(), 9, &[])));
        let puppet = match by_root {
            true => village.root.write(body).unwrap(),
            false => village.officer.write(body).unwrap(),
        };
        let ledger = newcomer(&village, &[puppet], None);
        let record = if by_root {
            // The word of the old root that another one took its place does not follow the puppet.
            let mut heir = VillageNode::new(60);
            heir.take(&village.records.clone());
            let heads = row.nodes[0].0.heads(&village.root.id());
            let root = heir.id();
            let word = heir
                .write(Body::Succession(Box::new(Succession { root, before: village.root.id(), heads })))
                .unwrap();
            row.nodes.iter_mut().for_each(|(ledger, _)| ledger.accept_root(root));
            word
        } else {
            let (follows, number) = row.nodes[0].0.current_epoch().unwrap();
            let heads = row.nodes[0].0.heads(&village.officer.id());
            let expels = vec![Expulsion { member: village.officer.id(), heads }];
            let epoch = Epoch { number: number + 1, follows: Some(follows), shares: Vec::new(), expels };
            village.root.write(Body::Epoch(Box::new(epoch))).unwrap()
        };
        for (ledger, _) in &mut row.nodes {
            ledger.handle_record(&record).unwrap();
        }
        row.nodes.push((ledger, Sync::new(9)));
        row.pass(Span::from_secs(60));
        assert!(row.nodes[3].1.counters().strangers > 0 && row.nodes[4].1.peers().all(|peer| !peer.even));
    }
}
