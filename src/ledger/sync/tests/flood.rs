//! A member that signs without end.

use super::*;

/// Records of a member that say nothing and count as well signed.
fn flood(author: &VillageNode, count: u64) -> Vec<Vec<u8>> {
    let said = |number: u64| {
        let body = crate::ledger::body::ReferenceState { name: number.to_string(), state: vec![1; 1_000] };
        author.forge((1 << 40) + number, None, &Body::ReferenceState(Box::new(body)))
    };
    (0..count).map(said).collect()
}

fn held_bytes(ledger: &Ledger) -> u64 {
    ledger.records().map(|record| record.octets() as u64).sum()
}

#[test]
fn a_member_that_floods_is_taken_slowly_and_named_and_nobody_else_waits() {
    let (mut village, mut row) = village_row();
    row.pass(Span::from_secs(30));
    // The seller's box was stolen: node 2 holds what its thief signs, 4 MB.
    let mut flooded = row.nodes[2].0.clone();
    flooded.handle_journal(flood(&village.seller, 3_200).iter().map(Vec::as_slice));
    row.nodes[2].0 = flooded;
    (0..4).for_each(|_| row.pass(Span::from_secs(300)));
    let bytes = held_bytes(&row.nodes[0].0);
    assert!((1_000_000..limit::SYNC_AUTHOR_BYTES).contains(&bytes), "{bytes} octets on node 0");
    let named: Vec<_> = row.nodes[1].1.too_much().collect();
    assert_eq!(named, [Some(village.seller.id())]);
    // What others say goes on as before.
    let plan = crate::ledger::body::Plan { price: 60, seller_share: 20, ..hour() };
    let bytes = village.treasurer.write(Body::Plan(Box::new(plan))).unwrap();
    let id = row.nodes[1].0.handle_record(&bytes).unwrap().id;
    row.new_record(1, id);
    row.pass(Span::ZERO);
    assert!(row.nodes.iter().all(|(ledger, _)| ledger.record(id).is_some()));
    // Later: as much more as the time brings, and not what a comparison offers each time.
    let before = held_bytes(&row.nodes[1].0);
    row.octets = 0;
    (0..12).for_each(|_| row.pass(Span::from_secs(600)));
    let more = held_bytes(&row.nodes[1].0) - before;
    assert!(more <= limit::SYNC_AUTHOR_DAY_BYTES / 12 + 10_000, "{more} octets in two hours");
    let rate = row.octets / (2 * 3_600);
    assert!(rate < 20_000, "{rate} octets a second are told in vain, on three links");
}

#[test]
fn a_newcomer_learns_a_busy_author_at_once_and_a_restart_gives_a_day() {
    let (village, mut row) = village_row();
    let records = flood(&village.seller, 1_200);
    for at in 0..3 {
        row.nodes[at].0.handle_journal(records.iter().map(Vec::as_slice));
    }
    row.pass(Span::from_secs(30));
    row.assert_all_equal();
    let more = flood(&village.seller, 3_200);
    row.nodes[2].0.handle_journal(more.iter().map(Vec::as_slice));
    for _ in 0..2 {
        row.power_cut(3);
        row.pass(Span::from_secs(60));
    }
    let bytes = held_bytes(&row.nodes[3].0);
    let bound = limit::SYNC_AUTHOR_BYTES + 3 * limit::SYNC_AUTHOR_DAY_BYTES;
    assert!(bytes <= bound, "{bytes} octets after three starts, and {bound} is the bound");
}

#[test]
fn pages_that_take_the_place_of_others_cost_little() {
    let (mut village, mut row) = village_row();
    let lot = sell(&mut village, &mut row, 1, 60);
    row.pass(Span::from_secs(30));
    assert!(row.nodes[0].0.record(lot).is_some());
    // An honest node that writes its page each ten minutes for a week.
    let page = |number: u64| {
        let counters = (0..60)
            .map(|name| crate::ledger::Counter {
                verifier: Verifier([1, name, 0, 0, 0, 0, 0, 1]),
                used_s: number as u32,
                up_bytes: number << 32,
                down_bytes: number << 32,
                elapsed_s: number as u32,
            })
            .collect();
        let usage = crate::ledger::body::Usage { lane: 1, page: 0, counters, day: Some(1) };
        village.seller.forge((1 << 40) + number, None, &Body::Usage(Box::new(usage)))
    };
    for number in 1..=7 * 144 {
        let bytes = page(number);
        let id = row.nodes[2].0.handle_stored(&bytes).unwrap().id;
        row.new_record(2, id);
        if number % 16 == 0 {
            row.pass(Span::from_secs(9_600));
        } else {
            while row.settle() {}
        }
    }
    row.pass(Span::from_secs(10));
    row.assert_all_equal();
    assert_eq!(row.nodes[0].1.counters().waiting_records, 0);
}
