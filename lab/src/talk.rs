//! Two ledgers that talk to each other over one stream, by the daemon's own exchange, as fast as they can.

use std::collections::VecDeque;
use std::net::Ipv6Addr;

use tequio::base::address::InterfaceIndex;
use tequio::base::time::{Instant, Span};
use tequio::ledger::Ledger;
use tequio::ledger::sync::{Event, Link, Output, Place, StreamId, Sync};

/// A stream between two ledgers, of which the first one dials.
pub struct Talk<'a> {
    ends: [(&'a mut Ledger, Sync); 2],
    queues: [VecDeque<Vec<u8>>; 2],
    wanted: [bool; 2],
    is_open: bool,
    now: Instant,
    /// Octets of all messages.
    pub octets: u64,
}

const STREAM: StreamId = StreamId(1);

/// Where an end is.
fn place(end: usize) -> Place {
    let number = u16::try_from(end).unwrap_or(0) + 1;
    Place { interface: InterfaceIndex(1), address: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, number) }
}

impl<'a> Talk<'a> {
    /// A stream that stands; who dialled has proved to hold the key `dh`.
    pub fn new(thief: &'a mut Ledger, dh: [u8; 32], honest: &'a mut Ledger) -> Self {
        let honest_dh = honest.own_member().map_or([0; 32], |member| member.dh);
        let now = Instant::ZERO + Span::from_secs(1);
        let (mut one, mut two) = (Sync::new(1), Sync::new(2));
        one.handle(now, Event::Opened(STREAM, Link { place: place(1), dh: honest_dh, dialled: true }), thief);
        two.handle(now, Event::Opened(STREAM, Link { place: place(0), dh, dialled: false }), honest);
        let queues = [VecDeque::new(), VecDeque::new()];
        Self {
            ends: [(thief, one), (honest, two)],
            queues,
            wanted: [false; 2],
            is_open: true,
            now,
            octets: 0,
        }
    }

    /// Talks until nobody has anything to say; whether the honest node held the key for a member's.
    pub fn run(mut self, key: [u8; 32]) -> bool {
        let mut was_in = false;
        for _ in 0..100_000 {
            let mut busy = false;
            for end in 0..2 {
                busy |= self.turn(end);
            }
            was_in |= self.ends[1].1.peers().any(|peer| peer.member == Some(key));
            if !busy || !self.is_open {
                break;
            }
        }
        was_in
    }

    /// Talks until both hold the same; after how many seconds they do, two minutes at most.
    pub fn until_equal(&mut self) -> Option<u64> {
        for waits in 0..60 {
            for _ in 0..1_000_000 {
                // Both have a turn, also if the first one is busy.
                let (one, two) = (self.turn(0), self.turn(1));
                if !one && !two {
                    break;
                }
            }
            if self.ends[0].0.held().eq(self.ends[1].0.held()) {
                return Some(2 * waits);
            }
            self.now = self.now + Span::from_secs(2);
            for (ledger, sync) in &mut self.ends {
                sync.handle_wake(self.now, ledger);
            }
        }
        None
    }

    fn turn(&mut self, end: usize) -> bool {
        let mut busy = false;
        let now = self.now;
        while let Some(output) = self.ends[end].1.poll() {
            busy = true;
            match output {
                Output::Send { bytes, .. } => {
                    self.octets += bytes.len() as u64;
                    self.queues[1 - end].push_back(bytes);
                }
                Output::Read(_) => self.wanted[end] = true,
                Output::Close(_) => self.is_open = false,
                // Who is heard is not given up.
                Output::Beacon(bytes) => {
                    let (ledger, sync) = &mut self.ends[1 - end];
                    sync.handle(now, Event::Beacon { place: place(end), bytes }, ledger);
                }
                Output::Dial(_) => {}
            }
        }
        if self.wanted[end]
            && let Some(bytes) = self.queues[end].pop_front()
        {
            busy = true;
            self.wanted[end] = false;
            let (ledger, sync) = &mut self.ends[end];
            sync.handle(now, Event::Message { stream: STREAM, bytes }, ledger);
            let (ledger, sync) = &mut self.ends[1 - end];
            sync.handle(now, Event::Writable(STREAM), ledger);
        }
        let (ledger, sync) = &mut self.ends[end];
        // What is looked at may be known already: there may be more behind it.
        busy |= sync.peers().any(|peer| peer.unread > 0);
        sync.verify_next(now, ledger);
        busy
    }
}
