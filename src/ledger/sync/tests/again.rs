//! What waits for nothing: questions, and nodes whose power was cut. And what a later version says.

use super::*;

#[test]
fn what_a_comparison_has_found_is_asked_for_at_once() {
    let village = Village::new();
    let said = |number: u64| {
        let body = crate::ledger::body::ReferenceState { name: number.to_string(), state: vec![1] };
        village.seller.forge((1 << 40) + number, None, &Body::ReferenceState(Box::new(body)))
    };
    let records: Vec<Vec<u8>> = (0..600).map(said).collect();
    // Once the dialler lacks something, once the one that is dialled: either may be the one that finds it.
    for (poor, missing) in [(0, 1), (1, 1), (0, 40), (1, 40), (0, 600), (1, 600)] {
        let mut ledgers = [village.seller.ledger.clone(), village.other.ledger.clone()];
        ledgers[poor].handle_journal(records[missing..].iter().map(Vec::as_slice));
        ledgers[1 - poor].handle_journal(records.iter().map(Vec::as_slice));
        for dialler in 0..2 {
            let mut row = Row::new(ledgers.clone().into());
            // No beacon, so that no clock wakes anybody in between.
            row.cut(0, 1);
            row.pass(Span::from_secs(1));
            row.connect(dialler, 1 - dialler, row.dh(dialler));
            row.pass(Span::ZERO);
            row.assert_all_equal();
        }
    }
}

#[test]
fn a_neighbour_whose_power_was_cut_has_a_new_stream_in_seconds() {
    for victim in 1..3 {
        let (mut village, mut row) = village_row();
        row.pass(Span::from_secs(30));
        row.power_cut(victim);
        let has_stream = |row: &Row, at: usize| row.nodes[at].1.peers().count();
        assert_eq!(has_stream(&row, victim - 1) + has_stream(&row, victim + 1), 3, "the dead ones too");
        // It boots, and says so; nobody ever learned that the old streams were dead.
        row.pass(Span::from_secs(2));
        let lot = sell(&mut village, &mut row, 1, 3);
        row.pass(Span::ZERO);
        for (at, (ledger, _)) in row.nodes.iter().enumerate() {
            assert!(ledger.record(lot).is_some(), "node {at} has the lot after a power cut of {victim}");
        }
        assert_eq!(has_stream(&row, victim), 2, "and the dead streams are closed");
        assert_eq!(has_stream(&row, victim - 1) + has_stream(&row, victim + 1), 3);
    }
}

#[test]
fn a_beacon_that_names_new_starts_closes_nothing_and_is_dialled_now_and_then() {
    let (_, mut row) = village_row();
    row.pass(Span::from_secs(30));
    // Somebody on the link who sends in the name and from the address of a neighbour that is fine.
    let at = (0..2).find(|at| row.nodes[*at].0.own_key() < row.nodes[at + 1].0.own_key()).unwrap();
    let (other, key) = (at + 1, row.nodes[at + 1].0.own_key());
    let community = row.nodes[at].0.community().unwrap();
    let mut dials = 0;
    for run in 0..200 {
        let (ledger, sync) = &mut row.nodes[at];
        sync.handle_beacon(row.now, place(at, other), &Beacon::new(&community, key, run).encode(), ledger);
        dials += sync.outputs.iter().filter(|output| matches!(output, Output::Dial(_))).count();
        row.pass(Span::from_millis(100));
        assert!(row.nodes[at].1.peers().any(|peer| peer.member == Some(key)), "a stream stands");
    }
    assert!((1..=5).contains(&dials), "{dials} dials in 20 s");
}

#[test]
fn records_and_messages_of_a_later_version_are_kept_passed_on_and_reported() {
    let (village, mut row) = village_row();
    row.pass(Span::from_secs(30));
    let community = row.nodes[2].0.community().unwrap();
    let header =
        record::Header { community, kind: 99, author: village.seller.id(), seq: 1 << 40, prev: None };
    let bytes = sign(&village.seller.key, &record::envelope(&header, &[0xa1, 0, 0x63, b'n', b'e', b'w']));
    let id = row.nodes[2].0.handle_record(&bytes).unwrap().id;
    row.new_record(2, id);
    // A message of a kind that nobody knows here ends no stream.
    let stream = *row.nodes[1].1.streams.keys().next().unwrap();
    let (wire, end) = row.find(1, stream).unwrap();
    row.wires[wire].queues[end].push_back(message::Message::Unknown.encode());
    row.pass(Span::from_secs(1));
    assert!(row.nodes[1].1.streams.contains_key(&stream));
    for (at, (ledger, _)) in row.nodes.iter().enumerate() {
        assert_eq!(ledger.bytes_of(id).as_ref(), Some(&bytes), "node {at} keeps it as it came");
        let uncounted = ledger.report().uncounted;
        assert_eq!(uncounted.iter().map(|line| line.kind.as_str()).collect::<Vec<_>>(), ["kind 99"]);
    }
}
