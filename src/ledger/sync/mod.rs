//! Replication: every node learns every record, over streams to its neighbours. No IO, no keys.
//!
//! ```text
//!  beacon ─▶ heard ─▶ Dial ─▶ opened ─▶ Path each way ─▶ a member? ─▶ Compare ⇄ Compare ─▶ Want ─▶ Records
//!                                                                     afterwards: each new record at once
//! ```
//!
//! Nodes find each other by a beacon ([`beacon`]), not through Babel. Of two nodes the one with the lower key
//! dials. The stream below is encrypted and names the other's X25519 key ([`Link::dh`]); the first message each
//! way is the sender's *path*: the records that make it a member, which must name that key. Nothing else is
//! read before. Then both compare their sets ([`compare`]), the dialler first, and each sends what the other lacks, roots,
//! members and epochs first. What is new later is pushed to all streams but the one that it came from; a
//! comparison now and then repairs what was lost.
//!
//! **One record is verified at a time** ([`Sync::verify_next`]), between two looks at all sockets: a signature
//! takes 30 ms on a small router, and no Hello may wait for a ledger. A stream's next message is read when the
//! records of the last one are done, and the next is sent when the last one has left.

use std::collections::VecDeque;
use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use self::beacon::Beacon;
use self::intake::Intake;
pub use self::path::of as path_of;
pub use self::report::{Counters, PeerReport, Refused, Why};
use self::stream::Stream;
use super::record::{RecordId, Refusal};
use super::{Kind, Ledger, Outcome};
use crate::base::address::InterfaceIndex;
use crate::base::limit;
use crate::base::random::Random;
use crate::base::sorted::SortedMap;
use crate::base::time::{Instant, Span};

mod beacon;
mod compare;
mod intake;
mod message;
mod path;
mod report;
mod stream;
#[cfg(test)]
mod tests;

/// Between two beacons.
const BEACON: Span = Span::from_secs(10);
/// A neighbour whose beacons stay away for so long is gone.
const GONE: Span = Span::from_secs(45);
/// Before a node that could not be reached, or was refused, is dialled again.
const PAUSE: Span = Span::from_secs(5);
/// The same after many tries.
const LONG_PAUSE: Span = Span::from_secs(60);
/// The same over a route: who has it may not take part.
const ROUTED_PAUSE: Span = Span::from_secs(600);

/// The number of a stream, given by whoever moves its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StreamId(pub u32);

/// Where a stream leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Through which interface.
    pub interface: InterfaceIndex,
    /// To which link-local address; over a route to the member's own.
    pub address: Ipv6Addr,
}

impl Place {
    /// A member that is no neighbour, by its own address.
    pub const fn routed(address: Ipv6Addr) -> Self {
        Self { interface: InterfaceIndex(0), address }
    }

    /// Whether that is no neighbour.
    pub const fn is_routed(&self) -> bool {
        self.interface.0 == 0
    }

    /// Before it is dialled again, after so many failures.
    fn pause(&self, failures: u8) -> Span {
        match failures {
            0..=3 => PAUSE,
            _ if self.is_routed() => ROUTED_PAUSE,
            _ => LONG_PAUSE,
        }
    }
}

/// A stream that was opened, and whose encryption stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Where it leads.
    pub place: Place,
    /// The X25519 key that the other end has proved to hold.
    pub dh: [u8; 32],
    /// Whether we dialled.
    pub dialled: bool,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A beacon came in.
    Beacon {
        /// From where.
        place: Place,
        /// What it said.
        bytes: Vec<u8>,
    },
    /// A stream stands, dialled by us or by the other end.
    Opened(StreamId, Link),
    /// Nobody answers there, or not as he should.
    DialFailed(Place),
    /// The message that was asked for.
    Message {
        /// On which stream.
        stream: StreamId,
        /// What it says.
        bytes: Vec<u8>,
    },
    /// What was sent last has left.
    Writable(StreamId),
    /// The stream has ended.
    Closed(StreamId),
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// Send this beacon out of every interface of the mesh.
    Beacon(Vec<u8>),
    /// Open a stream, and say opened or failed.
    Dial(Place),
    /// Send one message, and say when the next may follow.
    Send {
        /// Where.
        stream: StreamId,
        /// The message.
        bytes: Vec<u8>,
    },
    /// Read the stream's next message: until then none is wanted.
    Read(StreamId),
    /// Close the stream.
    Close(StreamId),
}

/// A record that came from another node and was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Which, of what kind; it is new.
    pub outcome: Outcome,
    /// Its bytes, for the journal.
    pub bytes: Vec<u8>,
}

/// The exchange with all neighbours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sync {
    random: Random,
    /// Of this start: whoever hears another one knows that its stream of before is dead.
    run: u32,
    heard: SortedMap<[u8; 32], Heard>,
    streams: SortedMap<StreamId, Stream>,
    beacon_at: Instant,
    /// Whose record was verified last.
    last: Option<StreamId>,
    intake: Intake,
    counters: Counters,
    /// Who was turned away last, the newest at the end.
    refused: VecDeque<Refused>,
    outputs: VecDeque<Output>,
}

/// A node whose beacon was heard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Heard {
    place: Place,
    at: Instant,
    /// What it says of its start; a build without it says nothing.
    run: Option<u32>,
    /// It has started anew: the stream that we have is dead and does not know it. It stays until another one stands,
    /// since anybody can send a beacon.
    anew: bool,
    /// Not to be dialled before.
    not_before: Instant,
    failures: u8,
    dialling: bool,
}

impl Heard {
    const fn new(now: Instant, place: Place, run: Option<u32>) -> Self {
        Self { place, at: now, run, anew: false, not_before: now, failures: 0, dialling: false }
    }
}

impl Sync {
    /// Nobody was heard yet.
    pub fn new(seed: u64) -> Self {
        Self {
            run: Random::new(!seed).below(1 << 32) as u32,
            random: Random::new(seed),
            heard: SortedMap::new(),
            streams: SortedMap::new(),
            beacon_at: Instant::ZERO,
            last: None,
            intake: Intake::default(),
            counters: Counters::default(),
            refused: VecDeque::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Something happened. Drain [`poll`](Self::poll) afterwards.
    pub fn handle(&mut self, now: Instant, event: Event, ledger: &Ledger) {
        match event {
            Event::Beacon { place, bytes } => self.handle_beacon(now, place, &bytes, ledger),
            Event::Opened(id, link) => self.handle_opened(now, id, link, ledger),
            Event::DialFailed(place) => self.handle_dial_failed(now, place),
            Event::Message { stream, bytes } => self.handle_message(now, stream, &bytes, ledger),
            Event::Writable(id) => self.handle_writable(now, id, ledger),
            Event::Closed(id) => self.handle_closed(now, id),
        }
    }

    /// A beacon came in from a link-local address.
    fn handle_beacon(&mut self, now: Instant, place: Place, bytes: &[u8], ledger: &Ledger) {
        let Some(beacon) = Beacon::decode(bytes) else { return };
        let Some(own) = self.own_beacon(ledger).filter(|own| own.community == beacon.community) else {
            return;
        };
        if beacon.key == own.key {
            return;
        }
        if let Some(heard) = self.heard.get_mut(&beacon.key) {
            let is_back = now.since(heard.at) > BEACON + BEACON;
            // Of several ways to one node the first one stays while it is heard there.
            let is_place = heard.place == place || is_back || heard.place.is_routed();
            let is_anew = is_place && heard.run != beacon.run;
            if is_place {
                (heard.place, heard.at, heard.run) = (place, now, beacon.run);
            }
            if is_back {
                self.came_back(now, &beacon.key);
            } else if is_anew {
                self.started_anew(now, &beacon.key);
            }
        } else if self.heard.len() < limit::SYNC_HEARD {
            self.heard.insert(beacon.key, Heard::new(now, place, beacon.run));
            // Whoever is new shall not wait for our next one.
            self.beacon_at = self.beacon_at.min(now + Span::from_millis(100));
        } else {
            self.counters.full = self.counters.full.saturating_add(1);
        }
        self.dial(now, own.key);
    }

    /// A stream was opened, by us or by the other end.
    fn handle_opened(&mut self, now: Instant, id: StreamId, link: Link, ledger: &Ledger) {
        if link.dialled {
            self.dialled(link.place);
        }
        if self.streams.len() >= limit::SYNC_STREAMS {
            self.counters.full = self.counters.full.saturating_add(1);
            self.refuse(now, link.place, Why::Full);
            return self.outputs.push_back(Output::Close(id));
        }
        self.streams.insert(id, Stream::new(now, link, path::of(ledger, ledger.own_key())));
        self.outputs.push_back(Output::Read(id));
        self.send(id, ledger);
    }

    /// A stream could not be opened.
    fn handle_dial_failed(&mut self, now: Instant, place: Place) {
        let pauses = self.heard.values_mut().filter(|heard| heard.dialling && heard.place == place);
        for heard in pauses {
            heard.dialling = false;
            heard.failures = heard.failures.saturating_add(1);
            heard.not_before = now + heard.place.pause(heard.failures);
        }
    }

    /// A message came in.
    fn handle_message(&mut self, now: Instant, id: StreamId, bytes: &[u8], ledger: &Ledger) {
        let Some(stream) = self.streams.get_mut(&id) else { return };
        match stream.handle_message(now, bytes, ledger) {
            Ok(()) => {}
            Err(why) => return self.turn_away(now, id, why),
        }
        self.only_one_stream(now, id);
        self.read_on(id);
        self.send(id, ledger);
    }

    /// What was sent last has left.
    fn handle_writable(&mut self, now: Instant, id: StreamId, ledger: &Ledger) {
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.may_send = true;
            // What waited for its turn, like the question for what a comparison has found.
            stream.go_on(now, ledger);
        }
        self.send(id, ledger);
        self.read_on(id);
    }

    /// A stream has ended.
    fn handle_closed(&mut self, now: Instant, id: StreamId) {
        if let Some(stream) = self.streams.remove(&id) {
            self.pause(now, &stream);
        }
    }

    /// These members are routed, and nothing is heard of them, or a session with them stands by a route. A neighbour stays
    /// one. Whoever is not named again soon is forgotten.
    pub fn handle_routed(&mut self, now: Instant, members: &[([u8; 32], Ipv6Addr)], ledger: &Ledger) {
        for (key, address) in members {
            let (place, has_room) = (Place::routed(*address), self.heard.len() < limit::SYNC_HEARD);
            match self.heard.get_mut(key) {
                Some(heard) if heard.place.is_routed() => (heard.place, heard.at) = (place, now),
                None if has_room => {
                    self.heard.insert(*key, Heard::new(now, place, None));
                }
                _ => {}
            }
        }
        self.dial(now, ledger.own_key());
    }

    /// An interface came up: whoever is there shall not wait for our next beacon.
    pub fn handle_interface_up(&mut self, now: Instant) {
        self.beacon_at = self.beacon_at.min(now + Span::from_millis(100));
    }

    /// There is a new record: it is pushed to all but the one that it came from.
    pub fn handle_record(&mut self, id: RecordId, from: Option<StreamId>, ledger: &Ledger) {
        let streams: Vec<StreamId> =
            self.streams.keys().copied().filter(|stream| Some(*stream) != from).collect();
        for stream in streams {
            if let Some(stream) = self.streams.get_mut(&stream) {
                stream.push(id, ledger);
            }
            self.send(stream, ledger);
        }
    }

    /// Says something about a link to the member at its other end, over that link alone.
    pub fn say(&mut self, interface: InterfaceIndex, member: &[u8; 32], word: &[u8], ledger: &Ledger) {
        let leads = |stream: &Stream| {
            stream.link.place.interface == interface && stream.member.as_ref() == Some(member)
        };
        let found = self.streams.iter_mut().find(|(_, stream)| leads(stream));
        let Some(id) = found.map(|(id, stream)| {
            stream.say(word);
            *id
        }) else {
            return;
        };
        self.send(id, ledger);
    }

    /// What a member said about the link that leads to it: which link, who, what.
    pub fn poll_aside(&mut self) -> Option<(Place, [u8; 32], Vec<u8>)> {
        self.streams.values_mut().find_map(|stream| {
            let place = stream.link.place;
            stream.aside().map(|(member, word)| (place, member, word))
        })
    }

    /// Verifies the next record that came in, and takes it into the ledger; the streams take turns. `None` if
    /// it was not new, or no good.
    pub fn verify_next(&mut self, now: Instant, ledger: &mut Ledger) -> Option<Taken> {
        let id = self.turn()?;
        let bytes = self.streams.get_mut(&id)?.unread.pop_front()?;
        let taken = self.take(now, id, bytes, ledger);
        if let Some(taken) = &taken {
            self.counters.taken_records = self.counters.taken_records.saturating_add(1);
            self.handle_record(taken.outcome.id, Some(id), ledger);
            if taken.outcome.kind == Kind::Close {
                // Another close may count than a moment ago: what it did not know is to be told again.
                self.streams.values_mut().for_each(|stream| stream.compare_soon(now));
            }
        }
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.go_on(now, ledger);
        }
        self.read_on(id);
        self.send(id, ledger);
        taken
    }

    fn take(&mut self, now: Instant, id: StreamId, bytes: Vec<u8>, ledger: &mut Ledger) -> Option<Taken> {
        let Some(cost) = self.intake.cost(now, &bytes, ledger) else {
            self.counters.waiting_records = self.counters.waiting_records.saturating_add(1);
            return None;
        };
        match ledger.handle_record(&bytes) {
            Ok(outcome) => outcome.new.then(|| {
                self.intake.pay(cost);
                Taken { outcome, bytes }
            }),
            Err(refusal) => {
                self.counters.refused_records = self.counters.refused_records.saturating_add(1);
                // Honest nodes verify what they pass on. What is only strange may be of a later version.
                if matches!(refusal, Refusal::Signature | Refusal::TooLarge { .. }) {
                    self.turn_away(now, id, Why::Nonsense);
                }
                None
            }
        }
    }

    /// The time has come for something.
    pub fn handle_wake(&mut self, now: Instant, ledger: &Ledger) {
        let Some(own) = self.own_beacon(ledger) else { return };
        if self.beacon_at <= now {
            self.beacon_at = now + self.random.roughly(BEACON);
            self.outputs.push_back(Output::Beacon(own.encode()));
        }
        self.intake.handle_wake(now);
        self.heard.retain(|_, heard| heard.dialling || now.since(heard.at) < GONE);
        let streams: Vec<StreamId> = self.streams.keys().copied().collect();
        for id in streams {
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            // A neighbour that is silent is gone, whatever its stream says. One that has just come was not heard yet.
            let is_heard = stream.link.place.is_routed()
                || stream.member.is_none_or(|key| self.heard.contains_key(&key));
            let is_out = stream.member.is_some_and(|key| ledger.authority.expulsions.contains_key(&key));
            if stream.is_late(now) || is_out || !(is_heard || now.since(stream.opened) < GONE) {
                self.turn_away(now, id, if is_out { Why::Expelled } else { Why::Silent });
                continue;
            }
            stream.go_on(now, ledger);
            self.send(id, ledger);
        }
        self.dial(now, own.key);
    }

    /// When [`handle_wake`](Self::handle_wake) or [`verify_next`](Self::verify_next) has something to do.
    pub fn next_wake(&self, ledger: &Ledger) -> Option<Instant> {
        self.own_beacon(ledger)?;
        if self.streams.values().any(|stream| !stream.unread.is_empty()) {
            return Some(Instant::ZERO);
        }
        let dials =
            self.heard.iter().filter(|(key, heard)| self.is_to_be_dialled(&ledger.own_key(), key, heard));
        let dials = dials.map(|(_, heard)| heard.not_before);
        let gone = self.heard.values().filter(|heard| !heard.dialling).map(|heard| heard.at + GONE);
        let streams = self.streams.values().filter_map(Stream::next_wake);
        dials.chain(gone).chain(streams).chain([self.beacon_at]).min()
    }

    /// The next thing to do.
    pub fn poll(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Of two streams to one member the newer one stays: the older may be half dead.
    fn only_one_stream(&mut self, now: Instant, id: StreamId) {
        let Some(member) = self.streams.get(&id).and_then(|stream| stream.member) else { return };
        let others =
            self.streams.iter().filter(|(other, stream)| **other != id && stream.member == Some(member));
        let others: Vec<StreamId> = others.map(|(other, _)| *other).collect();
        for other in others {
            self.close(now, other);
        }
        if let Some(heard) = self.heard.get_mut(&member) {
            (heard.failures, heard.anew) = (0, false);
        }
    }

    /// A node that was silent is heard again: it was switched off, as like as not. A stream of before is dead and does
    /// not know it, and what failed meanwhile says nothing.
    fn came_back(&mut self, now: Instant, key: &[u8; 32]) {
        let dead = self.streams.iter().filter(|(_, stream)| stream.member == Some(*key));
        for id in dead.map(|(id, _)| *id).collect::<Vec<_>>() {
            self.close(now, id);
        }
        if let Some(heard) = self.heard.get_mut(key) {
            (heard.failures, heard.not_before) = (0, now);
        }
        // It shall not wait for our next one.
        self.handle_interface_up(now);
    }

    /// A node names another start than before: its power was cut, or its daemon stopped. Whoever has to dial does, also
    /// beside a stream; what failed meanwhile says nothing.
    fn started_anew(&mut self, now: Instant, key: &[u8; 32]) {
        let has_stream = self.streams.values().any(|stream| stream.member == Some(*key));
        if let Some(heard) = self.heard.get_mut(key) {
            (heard.anew, heard.failures) = (has_stream, 0);
            heard.not_before = heard.not_before.min(now + PAUSE);
        }
        // It shall not wait for our next one.
        self.handle_interface_up(now);
    }

    /// Asks for the stream's next message, once the last one is done.
    fn read_on(&mut self, id: StreamId) {
        if let Some(stream) = self.streams.get_mut(&id).filter(|stream| stream.wants_more()) {
            stream.reading = true;
            self.outputs.push_back(Output::Read(id));
        }
    }

    fn send(&mut self, id: StreamId, ledger: &Ledger) {
        if let Some(bytes) = self.streams.get_mut(&id).and_then(|stream| stream.next_message(ledger)) {
            self.outputs.push_back(Output::Send { stream: id, bytes });
        }
    }

    fn close(&mut self, now: Instant, id: StreamId) {
        if let Some(stream) = self.streams.remove(&id) {
            self.pause(now, &stream);
            self.outputs.push_back(Output::Close(id));
        }
    }

    /// After an end it is tried again, but not at once.
    fn pause(&mut self, now: Instant, stream: &Stream) {
        let failed = stream.member.is_none();
        for (key, heard) in self.heard.iter_mut() {
            if Some(*key) == stream.member || heard.place == stream.link.place {
                heard.failures = if failed { heard.failures.saturating_add(1) } else { 0 };
                heard.not_before = now + heard.place.pause(heard.failures);
            }
        }
    }

    fn dialled(&mut self, place: Place) {
        for heard in self.heard.values_mut().filter(|heard| heard.place == place) {
            heard.dialling = false;
        }
    }

    /// Dials whom we have to dial and have no stream to; one at a place.
    fn dial(&mut self, now: Instant, own: [u8; 32]) {
        let due = self
            .heard
            .iter()
            .filter(|(key, heard)| heard.not_before <= now && self.is_to_be_dialled(&own, key, heard));
        let mut due: Vec<([u8; 32], Place)> = due.map(|(key, heard)| (*key, heard.place)).collect();
        due.dedup_by_key(|(_, place)| *place);
        for (key, place) in due {
            if self.heard.values().any(|heard| heard.dialling && heard.place == place) {
                continue;
            }
            if let Some(heard) = self.heard.get_mut(&key) {
                heard.dialling = true;
                // Whoever names a new start in each beacon is dialled no more often.
                heard.not_before = now + PAUSE;
                self.outputs.push_back(Output::Dial(place));
            }
        }
    }

    fn is_to_be_dialled(&self, own: &[u8; 32], key: &[u8; 32], heard: &Heard) -> bool {
        own < key
            && !heard.dialling
            && !self.streams.values().any(|stream| {
                (stream.member == Some(*key) && !heard.anew)
                    || (stream.member.is_none() && stream.link.place == heard.place)
            })
    }

    /// Our beacon; none without a community. Whether this node belongs to it the others may know better: its own record may
    /// be lost, or not be here yet.
    fn own_beacon(&self, ledger: &Ledger) -> Option<Beacon> {
        let community = ledger.community().filter(|_| !ledger.is_expelled())?;
        Some(Beacon::new(&community, ledger.own_key(), self.run))
    }

    /// The stream whose record is verified next: the one after the last, around.
    fn turn(&mut self) -> Option<StreamId> {
        let waiting = |(id, stream): (&StreamId, &Stream)| (!stream.unread.is_empty()).then_some(*id);
        let next = self.streams.after(self.last.as_ref()).find_map(waiting);
        self.last = next.or_else(|| self.streams.iter().find_map(waiting));
        self.last
    }
}
