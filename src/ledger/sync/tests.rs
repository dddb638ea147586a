//! Ledgers that talk to each other: streams that deliver in order, cut when the test says so.

use super::super::body::{Body, Epoch, Expulsion, Succession};
use super::super::kind::Kind;
use super::super::record;
use super::super::rights::Role;
use super::super::tests::village::{Node as VillageNode, Village, hour, member, sign};
use super::*;
use crate::base::voucher::{LotId, Verifier};

mod again;
mod flood;
mod roots;

/// Nodes in a row, each with its neighbours on one interface each.
struct Row {
    nodes: Vec<(Ledger, Sync)>,
    /// Streams by the two nodes and their ids at each end.
    wires: Vec<Wire>,
    now: Instant,
    next_stream: u32,
    octets: usize,
    verified: usize,
    cut: Vec<(usize, usize)>,
}

struct Wire {
    ends: [(usize, StreamId); 2],
    /// Messages on their way to the first and to the second end.
    queues: [VecDeque<Vec<u8>>; 2],
    /// How many messages each end has asked for.
    wanted: [usize; 2],
}

fn address(node: usize) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, node as u16 + 1)
}

/// Where a node hears another one.
fn place(at: usize, other: usize) -> Place {
    Place { interface: InterfaceIndex(1 + u32::from(at < other)), address: address(other) }
}

impl Row {
    fn new(ledgers: Vec<Ledger>) -> Self {
        let nodes = ledgers.into_iter().enumerate();
        Self {
            nodes: nodes.map(|(at, ledger)| (ledger, Sync::new(at as u64))).collect(),
            wires: Vec::new(),
            now: Instant::ZERO + Span::from_secs(1),
            next_stream: 1,
            octets: 0,
            verified: 0,
            cut: Vec::new(),
        }
    }

    fn are_neighbours(&self, one: usize, two: usize) -> bool {
        one.abs_diff(two) == 1 && !self.cut.contains(&(one.min(two), one.max(two)))
    }

    fn dh(&self, node: usize) -> [u8; 32] {
        let key = self.nodes[node].0.own_key();
        let of = |(ledger, _): &(Ledger, Sync)| {
            ledger.members().find(|state| state.member.key == key).map(|state| state.member.dh)
        };
        self.nodes.iter().find_map(of).unwrap_or([0xee; 32])
    }

    /// Lets time pass, until everything that is due then is done.
    fn pass(&mut self, span: Span) {
        let until = self.now + span;
        for _ in 0..100_000 {
            while self.settle() {}
            let wakes = self.nodes.iter().filter_map(|(ledger, sync)| sync.next_wake(ledger));
            let Some(next) = wakes.min().filter(|at| *at <= until) else {
                self.now = until;
                return;
            };
            self.now = self.now.max(next);
            for (ledger, sync) in &mut self.nodes {
                if sync.next_wake(ledger).is_some_and(|at| at <= self.now) {
                    sync.handle_wake(self.now, ledger);
                    self.verified += usize::from(sync.verify_next(self.now, ledger).is_some());
                }
            }
        }
        panic!("the nodes never come to rest");
    }

    /// Does what the nodes want, and delivers one message a stream; false when nothing was left to do.
    fn settle(&mut self) -> bool {
        let mut busy = false;
        for at in 0..self.nodes.len() {
            while let Some(output) = self.nodes[at].1.poll() {
                busy = true;
                self.perform(at, output);
            }
        }
        for wire in 0..self.wires.len() {
            for end in 0..2 {
                busy |= self.deliver(wire, end);
            }
        }
        busy
    }

    fn perform(&mut self, at: usize, output: Output) {
        match output {
            Output::Beacon(bytes) => {
                for other in
                    (0..self.nodes.len()).filter(|other| self.are_neighbours(at, *other)).collect::<Vec<_>>()
                {
                    let (ledger, sync) = &mut self.nodes[other];
                    sync.handle_beacon(self.now, place(other, at), &bytes, ledger);
                }
            }
            Output::Dial(place) => {
                let other = usize::from(place.address.segments()[7]) - 1;
                if !self.are_neighbours(at, other) {
                    return self.nodes[at].1.handle_dial_failed(self.now, place);
                }
                self.connect(at, other, self.dh(at));
            }
            Output::Send { stream, bytes } => {
                self.octets += bytes.len();
                let Some((wire, end)) = self.find(at, stream) else { return };
                self.wires[wire].queues[1 - end].push_back(bytes);
            }
            Output::Read(stream) => {
                let Some((wire, end)) = self.find(at, stream) else { return };
                self.wires[wire].wanted[end] += 1;
            }
            Output::Close(stream) => self.close(at, stream),
        }
    }

    /// A stream from `at`, which holds the key of `dh`, to `other`.
    fn connect(&mut self, at: usize, other: usize, dh: [u8; 32]) -> StreamId {
        let [here, there] = [self.next_stream, self.next_stream + 1].map(StreamId);
        self.next_stream += 2;
        let none = || [VecDeque::new(), VecDeque::new()];
        self.wires.push(Wire { ends: [(at, here), (other, there)], queues: none(), wanted: [0, 0] });
        let link = Link { place: place(at, other), dh: self.dh(other), dialled: true };
        let (ledger, sync) = &mut self.nodes[at];
        sync.handle_opened(self.now, here, link, ledger);
        let link = Link { place: place(other, at), dh, dialled: false };
        let (ledger, sync) = &mut self.nodes[other];
        sync.handle_opened(self.now, there, link, ledger);
        there
    }

    fn close(&mut self, at: usize, stream: StreamId) {
        let Some((wire, end)) = self.find(at, stream) else { return };
        let wire = self.wires.remove(wire);
        let (other, there) = wire.ends[1 - end];
        self.nodes[other].1.handle_closed(self.now, there);
    }

    fn find(&self, at: usize, stream: StreamId) -> Option<(usize, usize)> {
        self.wires
            .iter()
            .enumerate()
            .find_map(|(wire, one)| Some((wire, one.ends.iter().position(|end| *end == (at, stream))?)))
    }

    fn deliver(&mut self, wire: usize, end: usize) -> bool {
        let Some(one) = self.wires.get_mut(wire).filter(|one| one.wanted[end] > 0) else { return false };
        let Some(bytes) = one.queues[end].pop_front() else { return false };
        one.wanted[end] -= 1;
        assert_eq!(one.wanted[end], 0, "a message is asked for once");
        let ((to, stream), (from, sent)) = (one.ends[end], one.ends[1 - end]);
        let (ledger, sync) = &mut self.nodes[to];
        sync.handle_message(self.now, stream, &bytes, ledger);
        let (ledger, sync) = &mut self.nodes[from];
        sync.handle_writable(self.now, sent, ledger);
        true
    }

    /// Cuts the cable between two neighbours, with what was on its way.
    fn cut(&mut self, one: usize, two: usize) {
        self.cut.push((one.min(two), one.max(two)));
        let nodes = [one, two];
        while let Some(wire) =
            self.wires.iter().position(|wire| wire.ends.iter().all(|end| nodes.contains(&end.0)))
        {
            for (at, stream) in self.wires.remove(wire).ends {
                self.nodes[at].1.handle_closed(self.now, stream);
            }
        }
    }

    /// Switches a node off and on: its streams are gone, and the other ends do not know it.
    fn power_cut(&mut self, at: usize) {
        self.wires.retain(|wire| wire.ends.iter().all(|end| end.0 != at));
        self.nodes[at].1 = Sync::new(1_000 + at as u64);
    }

    fn mend(&mut self) {
        self.cut.clear();
    }

    fn ids(&self, node: usize) -> Vec<RecordId> {
        self.nodes[node].0.held().map(|(_, id)| id).collect()
    }

    #[track_caller]
    fn assert_all_equal(&self) {
        for node in 1..self.nodes.len() {
            assert_eq!(self.ids(node), self.ids(0), "node {node} knows what node 0 knows");
        }
    }

    /// A record that node `at` has just made.
    fn new_record(&mut self, at: usize, id: RecordId) {
        let (ledger, sync) = &mut self.nodes[at];
        sync.handle_record(id, None, ledger);
    }
}

/// Officer, treasurer, seller and another seller in a row; all know the village's records, and no more.
fn village_row() -> (Village, Row) {
    let village = Village::new();
    let ledgers = [&village.officer, &village.treasurer, &village.seller, &village.other];
    let row = Row::new(ledgers.map(|node| node.ledger.clone()).to_vec());
    (village, row)
}

fn sell(village: &mut Village, row: &mut Row, lot: u8, verifiers: u8) -> RecordId {
    let verifiers = (0..verifiers).map(|name| Verifier([lot, name, 0, 0, 0, 0, 0, 1])).collect();
    let issue = village.seller.ledger.issue_body(LotId(lot.into()), "hora", verifiers).unwrap();
    let bytes = village.seller.write(issue).unwrap();
    let outcome = row.nodes[2].0.handle_record(&bytes).unwrap();
    row.new_record(2, outcome.id);
    outcome.id
}

#[test]
fn a_new_record_is_on_every_node_at_once() {
    let (mut village, mut row) = village_row();
    row.pass(Span::from_secs(30));
    row.assert_all_equal();
    let lot = sell(&mut village, &mut row, 1, 5);
    row.pass(Span::ZERO);
    for (at, (ledger, _)) in row.nodes.iter().enumerate() {
        assert!(ledger.record(lot).is_some(), "node {at} has the lot");
    }
    assert_eq!(row.verified, 3, "each node verifies what is new to it, once");
    assert!(row.nodes.iter().all(|(_, sync)| sync.peers().all(|peer| peer.even)));
}

#[test]
fn a_node_that_knows_only_itself_learns_everything() {
    let (mut village, mut row) = village_row();
    for lot in 0..190 {
        sell(&mut village, &mut row, lot, 1);
    }
    let path: Vec<Vec<u8>> = path::of(&row.nodes[3].0, row.nodes[3].0.own_key());
    let mut newcomer = Ledger::new(row.nodes[3].0.own_key(), 7);
    for bytes in path {
        newcomer.handle_record(&bytes).unwrap();
    }
    row.nodes[3].0 = newcomer;
    row.pass(Span::from_secs(30));
    row.assert_all_equal();
}

#[test]
fn a_node_whose_journal_lost_any_record_gets_it_back() {
    let (village, whole) = village_row();
    let records: Vec<Vec<u8>> = whole.nodes[3].0.written().collect();
    let own = village.other.id();
    // The charter, its own admission, an epoch: each of them alone, and all but one.
    for (at, all_but_one) in (0..records.len()).flat_map(|at| [(at, false), (at, true)]) {
        let (_, mut row) = village_row();
        let kept = records.iter().enumerate().filter(|(one, _)| (*one == at) == all_but_one);
        let mut damaged = Ledger::new(own, 7);
        assert_eq!(damaged.handle_journal(kept.map(|(_, bytes)| bytes.as_slice())), 0);
        row.nodes[3].0 = damaged;
        row.pass(Span::from_secs(40));
        row.assert_all_equal();
        assert!(row.nodes[3].0.own_member().is_some());
        assert_eq!(row.nodes[2].1.counters().strangers, 0);
    }
}

#[test]
fn a_node_that_nobody_admitted_is_a_stranger_until_somebody_does() {
    let (mut village, mut row) = village_row();
    let newcomer = VillageNode::new(9);
    let mut ledger = newcomer.ledger.clone();
    ledger.handle_journal(village.records.iter().map(Vec::as_slice));
    row.nodes.push((ledger, Sync::new(9)));
    row.pass(Span::from_secs(600));
    let strangers = row.nodes[3].1.counters().strangers;
    assert!((4..=20).contains(&strangers), "a handshake a minute: {strangers}");
    let record = village.officer.write(Body::Member(Box::new(member(newcomer.id(), 9, &[])))).unwrap();
    let id = row.nodes[0].0.handle_record(&record).unwrap().id;
    row.new_record(0, id);
    row.pass(Span::from_secs(70));
    row.assert_all_equal();
    assert!(row.nodes[4].0.own_member().is_some(), "it learns of it by itself");
}

#[test]
fn a_split_village_heals() {
    let (mut village, mut row) = village_row();
    row.pass(Span::from_secs(30));
    row.cut(1, 2);
    let here = sell(&mut village, &mut row, 1, 3);
    // The treasurer changes the price on the other side.
    let plan = super::super::body::Plan { price: 60, seller_share: 20, ..hour() };
    let bytes = village.treasurer.write(Body::Plan(Box::new(plan))).unwrap();
    let there = row.nodes[1].0.handle_record(&bytes).unwrap().id;
    row.new_record(1, there);
    row.pass(Span::from_secs(120));
    assert!(row.nodes[0].0.record(here).is_none() && row.nodes[0].0.record(there).is_some());
    assert!(row.nodes[3].0.record(here).is_some() && row.nodes[3].0.record(there).is_none());
    row.mend();
    row.pass(Span::from_secs(30));
    row.assert_all_equal();
}

#[test]
fn what_one_difference_costs_does_not_grow_with_the_ledger() {
    let costs = [10, 180].map(|lots| {
        let (mut village, mut row) = village_row();
        row.pass(Span::from_secs(30));
        for lot in 0..lots {
            sell(&mut village, &mut row, lot, 1);
            row.pass(Span::ZERO);
        }
        row.cut(2, 3);
        sell(&mut village, &mut row, 200, 2);
        row.pass(Span::from_secs(120));
        row.octets = 0;
        row.mend();
        row.pass(Span::from_secs(30));
        row.assert_all_equal();
        row.octets
    });
    assert!(costs[1] < 2 * costs[0].max(2_000), "octets with 10 and with 180 lots: {costs:?}");
}

#[test]
fn a_stranger_is_cut_off_and_tells_us_nothing() {
    let (village, mut row) = village_row();
    let before = row.ids(0);
    // Somebody who copied the seller's path, which is public, and has a key of his own.
    let path = path::of(&village.seller.ledger, village.seller.ledger.own_key());
    let stream = row.connect(1, 0, [0x66; 32]);
    let (ledger, sync) = &mut row.nodes[0];
    sync.handle_message(row.now, stream, &message::Message::Path(path).encode(), ledger);
    assert_eq!(sync.counters().strangers, 1);
    assert!(sync.peers().all(|peer| peer.member.is_none()));
    assert_eq!(row.ids(0), before);
}

#[test]
fn nothing_is_read_before_the_path() {
    let (village, mut row) = village_row();
    let dh = row.dh(1);
    let records = message::Message::Records(village.records.clone());
    for first in [records, message::Message::Want(Vec::new()), message::Message::Unknown] {
        let stream = row.connect(1, 0, dh);
        let (ledger, sync) = &mut row.nodes[0];
        sync.handle_message(row.now, stream, &first.encode(), ledger);
        assert!(!sync.streams.contains_key(&stream), "{first:?}");
    }
    assert_eq!(row.nodes[0].1.counters().nonsense, 3);
}

#[test]
fn a_member_that_passes_on_an_altered_record_is_cut_off() {
    let (mut village, mut row) = village_row();
    row.pass(Span::from_secs(30));
    let issue = village.seller.ledger.issue_body(LotId(1), "hora", vec![Verifier([1; 8])]).unwrap();
    let mut bytes = village.seller.write(issue).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    let before = row.ids(1);
    let (stream, _) =
        row.nodes[1].1.streams.iter().find(|(_, one)| one.link.place.address == address(0)).unwrap();
    let stream = *stream;
    let (ledger, sync) = &mut row.nodes[1];
    sync.handle_message(row.now, stream, &message::Message::Records(vec![bytes]).encode(), ledger);
    assert!(sync.verify_next(row.now, ledger).is_none());
    assert!(!sync.streams.contains_key(&stream));
    assert_eq!(row.ids(1), before);
}

#[test]
fn a_newcomer_that_was_admitted_on_the_other_side_is_believed() {
    let (mut village, mut row) = village_row();
    let newcomer = VillageNode::new(9);
    let record = village.officer.write(Body::Member(Box::new(member(newcomer.id(), 9, &[])))).unwrap();
    let mut ledger = newcomer.ledger.clone();
    for bytes in village.records.iter().chain([&record]) {
        ledger.handle_record(bytes).unwrap();
    }
    row.nodes.push((ledger, Sync::new(9)));
    row.pass(Span::from_secs(30));
    row.assert_all_equal();
    assert!(row.nodes[0].0.members().any(|state| state.member.key == newcomer.id()));
    assert_eq!(row.nodes[0].0.records().filter(|record| record.kind == Kind::Member).count(), 5);
}

#[test]
fn an_expelled_neighbour_is_cut_off_and_stays_out() {
    let (mut village, mut row) = village_row();
    row.pass(Span::from_secs(30));
    assert!(row.nodes[2].1.peers().any(|peer| peer.member == Some(village.other.id())));
    let (follows, number) = village.officer.ledger.current_epoch().unwrap();
    let expels = vec![Expulsion { member: village.other.id(), heads: Vec::new() }];
    let body = Body::Epoch(Box::new(Epoch {
        number: number + 1,
        follows: Some(follows),
        shares: Vec::new(),
        expels,
    }));
    let bytes = village.officer.write(body).unwrap();
    let id = row.nodes[0].0.handle_record(&bytes).unwrap().id;
    row.new_record(0, id);
    row.pass(Span::from_secs(61));
    let has_stream = row.nodes[2].1.peers().any(|peer| peer.member == Some(village.other.id()));
    assert!(!has_stream, "it has no stream any more");
    let lot = sell(&mut village, &mut row, 1, 2);
    row.pass(Span::from_secs(120));
    assert!(row.nodes[0].0.record(lot).is_some());
    assert!(row.nodes[3].0.record(lot).is_none(), "what is new is not told to it");
}

#[test]
fn what_does_not_fit_into_one_comparison_is_repaired_in_seconds() {
    let village = Village::new();
    let said = |number: u64| {
        let body = super::super::body::ReferenceState { name: number.to_string(), state: vec![1] };
        village.seller.forge((1 << 40) + number, None, &Body::ReferenceState(Box::new(body)))
    };
    let records: Vec<Vec<u8>> = (0..7_000).map(said).collect();
    // Once the dialler lacks a seventh of all, once the one that is dialled: neither knows what the other has seen.
    for poor in 0..2 {
        let mut ledgers = [village.seller.ledger.clone(), village.other.ledger.clone()];
        ledgers[poor].handle_journal(records[..6_000].iter().map(Vec::as_slice));
        ledgers[1 - poor].handle_journal(records.iter().map(Vec::as_slice));
        let mut row = Row::new(ledgers.into());
        row.pass(Span::from_secs(40));
        row.assert_all_equal();
    }
}
