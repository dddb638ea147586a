//! `lab sim --ledger`: many replicas of the ledger that tell each other what is new by the daemon's own
//! [`tequio::ledger::sync`], without sockets, on a mesh that falls into parts and comes together again.
//!
//! ```text
//! 3 x ( the mesh in 2 to 4 parts for 13 minutes ─▶ 5 minutes together )      then: rest, and the checkers
//!      one coupon drained in every part; sales, first uses, counters, voids, settlements, rotations
//!      power cuts (clocks at 1970, 2038, backwards), lost tails, restored backups; a liar; a copied box
//! ```
//!
//! With an odd number a box is stolen; with an even one treasurers close the books on all sides of each split, and
//! details are let go.
//!
//! One seed decides everything. [`tally`] keeps its own books of what people did, by rules of its own; [`checker`]
//! holds the replicas against each other, against these books, and against what guests really used.

mod blows;
mod checker;
mod closes;
pub mod command;
mod deeds;
pub(crate) mod founding;
mod guests;
mod replica;
pub mod spread;
mod tally;
mod thief;
mod wires;

use std::collections::{BTreeMap, BinaryHeap};

use serde::Serialize;
use tequio::base::random::Random;
use tequio::base::time::{Instant, Span};
use tequio::ledger::sync::Event;
use tequio::ledger::{Body, DraftError, Kind, Ledger, Record, RecordId};

use blows::Blow;
use replica::Replica;
use tally::{Fact, Tally};
use wires::{Cable, Wire};

/// Number of a box in a run.
pub(crate) type BoxId = usize;

/// A mistake put in on purpose, to see that the checkers find it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plant {
    /// None.
    #[default]
    Nothing,
    /// A box says "sold" before its flash has it, and loses its power.
    Forgetful,
    /// A box takes no records any more.
    Deaf,
    /// A seller writes another sum than she paid.
    Till,
    /// Of the coupon that is drained in every part one part's counters are not told.
    Silent,
    /// A node counts on a second lane what it has counted on the first.
    Double,
}

/// How a run ended.
#[derive(Clone, Debug, Serialize)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Boxes, a thief's not among them.
    pub boxes: usize,
    /// Records that all of them hold at the end.
    pub records: usize,
    /// Sales that were acknowledged.
    pub sales: usize,
    /// The most parts at one time.
    pub parts: usize,
    /// Blows: splits, cuts, power, theft, expulsions.
    pub blows: u64,
    /// The largest excess of one voucher, in seconds; it held 600.
    pub excess_s: u64,
    /// Closes that somebody wrote, records that authors wrote again after one, and records that boxes let go.
    pub closes: (u64, u64, usize),
    /// Octets on all streams.
    pub octets: u64,
    /// Seconds from the last heal until all states were equal.
    pub equal_after_s: u64,
    /// Hash of the state.
    pub hash: String,
}

/// A mesh of ledgers under way.
pub(crate) struct World {
    now: Instant,
    random: Random,
    boxes: Vec<Replica>,
    cables: Vec<Cable>,
    wires: BTreeMap<u32, Wire>,
    wires_made: u32,
    queue: BinaryHeap<Happening>,
    happenings: u64,
    office: Replica,
    tally: Tally,
    guests: guests::Guests,
    theft: Option<blows::Theft>,
    /// Boxes with a guest who drains a coupon that others drain elsewhere: nobody touches them.
    carriers: Vec<BoxId>,
    blows: u64,
    /// What a close has booked, by rules of its own.
    books: closes::Books,
    closing: bool,
    closes: u64,
    late: u64,
    let_go: usize,
    octets: u64,
    most_parts: usize,
    people_work: bool,
    plant: Plant,
    trace: bool,
}

/// Something that will happen. Ordered by time, then by when it was put in.
struct Happening {
    at: Instant,
    number: u64,
    what: What,
}

enum What {
    Wake { own: BoxId, generation: u64 },
    Hear(BoxId, Event),
    Dialled(BoxId, usize),
    Arrive { wire: u32, end: usize, bytes: Vec<u8> },
    Blow(Blow),
    Deed,
    Tick,
}

impl PartialEq for Happening {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

impl Eq for Happening {}

impl PartialOrd for Happening {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Happening {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        // The heap gives the greatest first; we want the earliest.
        (other.at, other.number).cmp(&(self.at, self.number))
    }
}

/// After the last heal all states are equal within this.
const REST: Span = Span::from_secs(400);
/// Guests are counted, and the flash is looked at, so often.
const TICK: Span = Span::from_secs(20);
/// A signature on a small router.
const VERIFICATION: Span = Span::from_millis(30);

/// Plays the run of `seed` to its end; what was found wrong, in words.
pub fn run(seed: u64, plant: Plant, trace: bool) -> Result<Outcome, String> {
    let mut world = World::found(seed, plant, trace);
    let failure = |why: String, now: Instant| {
        format!("seed {seed} at {now}: {why} (run it again: lab sim --ledger --seed {seed} --trace)")
    };
    let last_blow = world.plot(seed.is_multiple_of(2));
    world.push(world.now, What::Tick);
    world.push(world.now, What::Deed);
    world.play_until(last_blow);
    world.close_of_business();
    let mut equal_after_s = 0;
    while let Err(why) = world.are_equal() {
        if world.now >= last_blow + REST {
            return Err(failure(why, world.now));
        }
        world.play_until(world.now + Span::from_secs(5));
        equal_after_s += 5;
    }
    let excess_s = world.check().map_err(|why| failure(why, world.now))?;
    Ok(Outcome {
        seed,
        boxes: world.honest().count(),
        records: world.boxes[world.first()].ledger.record_count(),
        sales: world.tally.sales(),
        parts: world.most_parts,
        blows: world.blows,
        excess_s,
        closes: (world.closes, world.late, world.let_go),
        octets: world.octets,
        equal_after_s,
        hash: world.hash(),
    })
}

impl World {
    fn play_until(&mut self, until: Instant) {
        while self.queue.peek().is_some_and(|next| next.at <= until) {
            let Some(next) = self.queue.pop() else { break };
            self.now = next.at;
            match next.what {
                What::Wake { own, generation } if self.boxes[own].generation == generation => self.wake(own),
                What::Wake { .. } => {}
                What::Hear(own, event) => self.hear(own, event),
                What::Dialled(own, cable) => self.dialled(own, cable),
                What::Arrive { wire, end, bytes } => self.arrive(wire, end, bytes),
                What::Blow(blow) => self.strike(blow),
                What::Deed => self.deed(),
                What::Tick => self.tick(),
            }
        }
        self.now = until;
    }

    /// The time of a box has come: what is due, and one signature at most.
    fn wake(&mut self, own: BoxId) {
        let one = &mut self.boxes[own];
        if !one.powered {
            return;
        }
        one.sync.handle_wake(self.now, &one.ledger);
        let is_deaf = self.plant == Plant::Deaf && own == 1;
        let mut late = false;
        if one.verifies_at <= self.now && !is_deaf {
            if let Some(taken) = one.sync.verify_next(self.now, &mut one.ledger) {
                let (id, kind) = (taken.outcome.id, taken.outcome.kind);
                let within = if kind.is_authority() || kind == Kind::Close { 1 } else { 3_600 };
                one.flash.keep(self.now + Span::from_secs(within), taken.bytes);
                let is_own = one.ledger.record(id).is_some_and(|record| record.author == one.id());
                late = kind == Kind::Close || is_own;
            }
            one.verifies_at = self.now + VERIFICATION;
        } else if is_deaf {
            one.verifies_at = self.now + Span::from_secs(1);
        }
        if late && !one.is_copy {
            self.write_late(own);
        }
        self.drain(own);
    }

    fn tick(&mut self) {
        self.push(self.now + TICK, What::Tick);
        let now = self.now;
        self.boxes.iter_mut().filter(|one| one.powered).for_each(|one| one.flash.flush(now));
        if self.people_work {
            self.count_guests();
        }
        if self.closes > 0 {
            self.let_go();
        }
    }

    /// A box writes a record by the rules, keeps it, and tells the others.
    fn write(&mut self, own: BoxId, body: Body, durable: bool) -> Result<RecordId, DraftError> {
        let bytes = self.boxes[own].sign(body)?;
        let record = Record::parse(&bytes).expect("what we wrote can be read");
        let forgets = self.plant == Plant::Forgetful && self.now > Instant::from_millis(300_000) && own == 3;
        if forgets && matches!(record.body, Body::Sale(_)) {
            // "Sold", says the box, and the light goes out.
            self.tally.enter(Fact::of(&record, true));
            self.plant = Plant::Nothing;
            self.power_off(own);
            self.push(
                self.now + Span::from_secs(60),
                What::Blow(Blow::PowerOn { own, hurt: blows::Hurt::None }),
            );
            return Ok(record.id);
        }
        let one = &mut self.boxes[own];
        if durable {
            // What was to be written within a second stands before it.
            one.flash.flush(self.now + Span::from_secs(1));
            one.flash.write(&bytes);
        } else {
            one.flash.keep(self.now + Span::from_secs(1), bytes);
        }
        self.tally.enter(Fact::of(&record, durable && !one.is_copy));
        one.sync.handle_record(record.id, None, &one.ledger);
        self.drain(own);
        Ok(record.id)
    }

    /// A record that somebody brings to a box, by hand or by a stranger's tools.
    fn bring(&mut self, own: BoxId, bytes: &[u8], durable: bool) {
        let one = &mut self.boxes[own];
        let record = Record::parse(bytes).expect("whoever brings it has made it well");
        if one.ledger.handle_record(bytes).is_ok_and(|outcome| outcome.new) {
            one.flash.write(bytes);
            one.sync.handle_record(record.id, None, &one.ledger);
            self.tally.enter(Fact::of(&record, durable));
            self.drain(own);
        }
    }

    /// Boxes that are no thief's.
    fn honest(&self) -> impl Iterator<Item = BoxId> {
        (0..self.boxes.len()).filter(|own| !self.boxes[*own].is_copy)
    }

    fn first(&self) -> BoxId {
        self.honest().next().expect("not every box is a thief's")
    }

    fn push(&mut self, at: Instant, what: What) {
        self.happenings += 1;
        self.queue.push(Happening { at, number: self.happenings, what });
    }

    fn say(&self, what: impl FnOnce() -> String) {
        if self.trace {
            println!("{:>12}  {}", self.now.to_string(), what());
        }
    }

    /// A number below `bound`, as an index.
    fn draw(&mut self, bound: usize) -> usize {
        usize::try_from(self.random.below(bound as u64)).expect("below a usize")
    }

    fn ledger(&self, own: BoxId) -> &Ledger {
        &self.boxes[own].ledger
    }
}
