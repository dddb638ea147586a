//! Links between boxes, and the streams on them: in order, at a pace, cut in the middle. When a link breaks each end
//! learns it by itself, up to a minute later; what is said meanwhile is lost.

use std::collections::VecDeque;
use std::net::Ipv6Addr;

use tequio::base::address::InterfaceIndex;
use tequio::base::time::{Instant, Span};
use tequio::ledger::sync::{Event, Link, Output, Place, StreamId};

use super::{BoxId, What, World};

/// A cable or a radio link.
#[derive(Clone, Debug)]
pub(super) struct Cable {
    pub(super) ends: [BoxId; 2],
    /// Cut because the mesh is in parts.
    pub(super) parted: bool,
    /// Broken for a moment.
    pub(super) broken: bool,
}

/// A stream: both ends, what is on its way to each, and whether each has asked for its next message.
pub(super) struct Wire {
    pub(super) cable: usize,
    pub(super) ends: [(BoxId, StreamId); 2],
    arrived: [VecDeque<Vec<u8>>; 2],
    wanted: [bool; 2],
}

/// The way of a message: a hop of a radio link, and 250 kB a second.
const DELAY: Span = Span::from_millis(4);
const OCTETS_A_MS: u64 = 250;

impl Cable {
    pub(super) fn is_up(&self) -> bool {
        !self.parted && !self.broken
    }

    fn peer_of(&self, own: BoxId) -> Option<BoxId> {
        let [one, two] = self.ends;
        if own == one { Some(two) } else { (own == two).then_some(one) }
    }
}

fn place(cable: usize, peer: BoxId) -> Place {
    let number = u16::try_from(peer).expect("a handful of boxes") + 1;
    let interface = InterfaceIndex(u32::try_from(cable).expect("a handful of cables") + 1);
    Place { interface, address: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, number) }
}

impl World {
    /// Does what a box's exchange wants.
    pub(super) fn perform(&mut self, own: BoxId, output: Output) {
        match output {
            Output::Beacon(bytes) => {
                for cable in 0..self.cables.len() {
                    let peer = self.cables[cable].peer_of(own).filter(|_| self.cables[cable].is_up());
                    if let Some(peer) = peer {
                        let event = Event::Beacon { place: place(cable, own), bytes: bytes.clone() };
                        self.push(self.now + DELAY, What::Hear(peer, event));
                    }
                }
            }
            Output::Dial(to) => {
                let cable = usize::try_from(to.interface.0).expect("a handful of cables") - 1;
                self.push(self.now + DELAY + DELAY, What::Dialled(own, cable));
            }
            Output::Send { stream, bytes } => {
                self.octets += bytes.len() as u64;
                if let Some((wire, end)) = self.find(own, stream) {
                    let takes = Span::from_micros(1_000 * (bytes.len() as u64) / OCTETS_A_MS);
                    self.push(self.now + DELAY + takes, What::Arrive { wire, end: 1 - end, bytes });
                }
            }
            Output::Read(stream) => {
                if let Some((wire, end)) = self.find(own, stream) {
                    self.wires.get_mut(&wire).expect("found").wanted[end] = true;
                    self.hand_over(wire, end);
                }
            }
            Output::Close(stream) => {
                if let Some((wire, end)) = self.find(own, stream) {
                    let wire = self.wires.remove(&wire).expect("found");
                    let (peer, theirs) = wire.ends[1 - end];
                    self.push(self.now + DELAY, What::Hear(peer, Event::Closed(theirs)));
                }
            }
        }
    }

    /// A call arrives at the other end of a cable, or nobody answers.
    pub(super) fn dialled(&mut self, own: BoxId, cable: usize) {
        let peer = self.cables[cable].peer_of(own).expect("who dials is at an end");
        let to = place(cable, peer);
        if !self.cables[cable].is_up() || !self.boxes[peer].powered {
            return self.push(self.now + Span::from_secs(3), What::Hear(own, Event::DialFailed(to)));
        }
        self.wires_made += 2;
        let [here, there] = [self.wires_made, self.wires_made + 1].map(StreamId);
        let wire = Wire {
            cable,
            ends: [(own, here), (peer, there)],
            arrived: [VecDeque::new(), VecDeque::new()],
            wanted: [false; 2],
        };
        self.wires.insert(here.0, wire);
        let dh = [self.boxes[peer].dh, self.boxes[own].dh];
        self.hear(own, Event::Opened(here, Link { place: to, dh: dh[0], dialled: true }));
        let from = place(cable, own);
        self.hear(peer, Event::Opened(there, Link { place: from, dh: dh[1], dialled: false }));
    }

    /// A message has come through.
    pub(super) fn arrive(&mut self, wire: u32, end: usize, bytes: Vec<u8>) {
        let Some(one) = self.wires.get_mut(&wire) else { return };
        one.arrived[end].push_back(bytes);
        self.hand_over(wire, end);
    }

    /// Hands a message over that was asked for; its sender may send the next.
    fn hand_over(&mut self, wire: u32, end: usize) {
        let Some(one) = self.wires.get_mut(&wire).filter(|one| one.wanted[end]) else { return };
        let Some(bytes) = one.arrived[end].pop_front() else { return };
        one.wanted[end] = false;
        let ((to, stream), (from, sent)) = (one.ends[end], one.ends[1 - end]);
        self.push(self.now, What::Hear(to, Event::Message { stream, bytes }));
        self.push(self.now + DELAY, What::Hear(from, Event::Writable(sent)));
    }

    fn find(&self, own: BoxId, stream: StreamId) -> Option<(u32, usize)> {
        // The second end's number is one more than the first one's, which names the wire.
        [stream.0, stream.0.wrapping_sub(1)].into_iter().find_map(|wire| {
            let end = self.wires.get(&wire)?.ends.iter().position(|end| *end == (own, stream))?;
            Some((wire, end))
        })
    }

    /// All streams for which `gone` is true break; what is on its way is lost, and both ends hear of it some time.
    pub(super) fn break_wires(&mut self, gone: impl Fn(&Wire) -> bool) {
        let broken: Vec<u32> = self.wires.iter().filter(|(_, wire)| gone(wire)).map(|(id, _)| *id).collect();
        for id in broken {
            let wire = self.wires.remove(&id).expect("just found");
            for (at, stream) in wire.ends {
                let later = self.random.span(Span::from_secs(60));
                self.push(self.now + later, What::Hear(at, Event::Closed(stream)));
            }
        }
    }

    /// The mesh's parts: for each box the least number of a box that it reaches over boxes that are not a thief's. A link
    /// that is only broken comes back before the mesh is whole.
    pub(super) fn parts(&self) -> Vec<BoxId> {
        let mut part: Vec<BoxId> = (0..self.boxes.len()).collect();
        for _ in 0..self.boxes.len() {
            for cable in self.cables.iter().filter(|cable| !cable.parted) {
                let [one, two] = cable.ends;
                if !self.boxes[one].is_copy && !self.boxes[two].is_copy {
                    let least = part[one].min(part[two]);
                    (part[one], part[two]) = (least, least);
                }
            }
        }
        part
    }

    /// An event reaches a box that is on.
    pub(super) fn hear(&mut self, own: BoxId, event: Event) {
        let one = &mut self.boxes[own];
        if one.powered {
            one.sync.handle(self.now, event, &one.ledger);
            self.drain(own);
        }
    }

    /// Does what the box wants, and wakes it when it has something to do.
    pub(super) fn drain(&mut self, own: BoxId) {
        while let Some(output) = self.boxes[own].sync.poll() {
            self.perform(own, output);
        }
        let one = &mut self.boxes[own];
        one.generation += 1;
        let generation = one.generation;
        if let Some(at) = one.sync.next_wake(&one.ledger) {
            // Something that is due and cannot be done yet is looked at again, not at once.
            let soonest = self.now + Span::from_millis(1);
            let at = if at == Instant::ZERO { one.verifies_at.max(self.now) } else { at.max(soonest) };
            self.push(at, What::Wake { own, generation });
        }
    }
}
