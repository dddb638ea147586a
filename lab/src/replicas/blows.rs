//! What befalls the mesh: parts, broken links, power cuts with wrong clocks and hurt flash, a theft, rotations.

use tequio::base::time::{Instant, Span, TimeQuality};
use tequio::base::voucher::Verifier;
use tequio::ledger::body::Expulsion;
use tequio::ledger::{RecordId, Role};

use super::closes::TREASURERS;
use super::founding::{self, HELD_S};
use super::replica::{BEGIN_UNIX_S, Clock, Replica};
use super::wires::Cable;
use super::{BoxId, What, World};

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(super) enum Blow {
    Split,
    Heal,
    Break(usize),
    Mend(usize),
    PowerOff,
    PowerOn { own: BoxId, hurt: Hurt },
    Rotate,
    Steal,
    Expel,
    Close(BoxId),
}

/// What a power cut has done to a flash.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hurt {
    None,
    /// The last records are gone.
    Tail,
    /// Somebody wrote an old backup back.
    Backup,
}

/// A stolen box.
#[derive(Clone, Debug)]
pub(super) struct Theft {
    victim: BoxId,
    /// Its key.
    pub(super) key: [u8; 32],
    /// The last records that both officers knew of it before the theft.
    heads: [Vec<RecordId>; 2],
}

impl Theft {
    /// Whose state was copied.
    pub(super) const fn victim(&self) -> BoxId {
        self.victim
    }
}

const SPLITS: u64 = 3;
const FIRST_SPLIT_S: u64 = 180;
const SPLIT_S: u64 = 780;
const TOGETHER_S: u64 = 300;
/// 2038-01-19, when 31 bits of seconds are full.
const YEAR_2038_S: i64 = 2_147_483_648;

impl World {
    /// Draws all blows; when the last of them falls, and the mesh is whole again.
    pub(super) fn plot(&mut self, closes: bool) -> Instant {
        let at = |seconds: u64| Instant::ZERO + Span::from_secs(seconds);
        let mut last_s = 0;
        for split in 0..SPLITS {
            let from_s = FIRST_SPLIT_S + split * (SPLIT_S + TOGETHER_S);
            last_s = from_s + SPLIT_S;
            self.push(at(from_s), What::Blow(Blow::Split));
            self.push(at(last_s), What::Blow(Blow::Heal));
            for _ in 0..3 {
                let when = from_s + self.random.below(SPLIT_S + TOGETHER_S - 200);
                self.push(at(when.min(last_s + 100)), What::Blow(Blow::PowerOff));
                let cable = self.draw(self.cables.len());
                let begins_s = from_s + self.random.below(SPLIT_S - 120);
                self.push(at(begins_s), What::Blow(Blow::Break(cable)));
                let ends_s = begins_s + 10 + self.random.below(100);
                self.push(at(ends_s), What::Blow(Blow::Mend(cable)));
            }
            for _ in 0..1 + self.random.below(2) {
                let when = from_s + self.random.below(SPLIT_S);
                self.push(at(when), What::Blow(Blow::Rotate));
            }
        }
        self.closing = closes;
        if closes {
            for from_s in (FIRST_SPLIT_S..last_s).step_by(300) {
                for treasurer in TREASURERS {
                    let when = from_s + self.random.below(290);
                    self.push(at(when), What::Blow(Blow::Close(treasurer)));
                }
            }
            // What a stolen key writes below a line is told in `ledger::tests::line`.
            return at(last_s + TOGETHER_S);
        }
        let steals_s = FIRST_SPLIT_S - 60 + self.random.below(SPLIT_S);
        self.push(at(steals_s), What::Blow(Blow::Steal));
        let expels_s = steals_s + 240 + self.random.below(SPLIT_S + TOGETHER_S);
        self.push(at(expels_s), What::Blow(Blow::Expel));
        at(last_s + TOGETHER_S)
    }

    pub(super) fn strike(&mut self, blow: Blow) {
        self.blows += 1;
        self.say(|| format!("{blow:?}"));
        match blow {
            Blow::Split => self.split(),
            Blow::Heal => self.heal(),
            Blow::Break(cable) => {
                self.cables[cable].broken = true;
                self.break_wires(|wire| wire.cable == cable);
            }
            Blow::Mend(cable) => self.cables[cable].broken = false,
            Blow::PowerOff => {
                let own = self.draw(self.boxes.len());
                if self.boxes[own].powered && !self.boxes[own].is_copy && !self.carriers.contains(&own) {
                    self.power_off(own);
                    let hurt = match self.random.below(4) {
                        0 => Hurt::Tail,
                        1 => Hurt::Backup,
                        _ => Hurt::None,
                    };
                    let dark = Span::from_secs(5) + self.random.span(Span::from_secs(150));
                    self.push(self.now + dark, What::Blow(Blow::PowerOn { own, hurt }));
                }
            }
            Blow::PowerOn { own, hurt } => self.power_on(own, hurt),
            Blow::Rotate => {
                let officer = self.draw(2);
                if self.boxes[officer].powered {
                    self.rotate(officer, Vec::new());
                }
            }
            Blow::Steal => self.steal(),
            Blow::Expel => self.expel(),
            Blow::Close(own) => self.close(own),
        }
    }

    /// The mesh falls into two to four parts, and one coupon that all know is typed in each of them.
    fn split(&mut self) {
        let parts = 2 + self.draw(3);
        let side: Vec<usize> =
            (0..self.boxes.len()).map(|own| if own < parts { own } else { self.draw(parts) }).collect();
        for cable in &mut self.cables {
            let [one, two] = cable.ends;
            cable.parted = side[one] != side[two];
        }
        let parted: Vec<bool> = self.cables.iter().map(|cable| cable.parted).collect();
        self.break_wires(|wire| parted[wire.cable]);
        for one in &mut self.boxes {
            one.backup = Some(one.flash.bytes.clone());
        }
        let part = self.parts();
        let honest: Vec<BoxId> = self.honest().collect();
        let mut doors: Vec<BoxId> = honest.iter().map(|own| part[*own]).collect();
        doors.sort_unstable();
        doors.dedup();
        self.most_parts = self.most_parts.max(doors.len());
        // One box that is on in each part; a part in the dark drains nothing.
        let carriers: Vec<BoxId> = doors
            .iter()
            .filter_map(|door| honest.iter().find(|own| part[**own] == *door && self.boxes[**own].powered))
            .copied()
            .collect();
        let Some(verifier) = self.known_to_all(&honest) else { return };
        self.guests.drained.insert(verifier, 0);
        self.carriers.clone_from(&carriers);
        for own in carriers {
            if self.type_code(own, verifier, u64::from(HELD_S)) {
                *self.guests.drained.entry(verifier).or_default() += 1;
            }
        }
    }

    /// A coupon that is sold, that nobody has used, and that every box knows.
    fn known_to_all(&self, honest: &[BoxId]) -> Option<Verifier> {
        let stolen = self.theft.as_ref().map(|theft| theft.key);
        let fresh = |own: &BoxId, verifier: Verifier| {
            let voucher = self.ledger(*own).voucher(verifier);
            voucher.is_some_and(|voucher| {
                voucher.plan.id == "diez"
                    && voucher.sold.is_some()
                    && voucher.activated.is_none()
                    && !voucher.revoked
                    && Some(voucher.node) != stolen
            })
        };
        let unused = |verifier: &&Verifier| {
            !self.guests.got_s.contains_key(*verifier) && !self.guests.drained.contains_key(*verifier)
        };
        self.guests
            .paper
            .keys()
            .filter(unused)
            .find(|one| honest.iter().all(|own| fresh(own, **one)))
            .copied()
    }

    fn heal(&mut self) {
        self.cables.iter_mut().for_each(|cable| cable.parted = false);
        self.carriers.clear();
        // With the mesh comes the time; whoever lies goes on lying.
        for one in self.boxes.iter_mut().filter(|one| one.clock.quality != TimeQuality::Trusted) {
            one.clock = Clock { offset_s: 0, quality: TimeQuality::Mesh };
        }
    }

    pub(super) fn power_off(&mut self, own: BoxId) {
        let now = self.now;
        let one = &mut self.boxes[own];
        one.powered = false;
        one.generation += 1;
        one.flash.flush(now);
        one.flash.cut_power();
        self.break_wires(|wire| wire.ends.iter().any(|end| end.0 == own));
    }

    fn power_on(&mut self, own: BoxId, hurt: Hurt) {
        if self.boxes[own].powered {
            return;
        }
        // A hurt flash loses what others have: that of a box alone in its part is really gone.
        if !matches!(hurt, Hurt::None) && self.others_hold_all_of(own) {
            let one = &mut self.boxes[own];
            one.was_hurt = true;
            match (hurt, one.backup.clone()) {
                (Hurt::Backup, Some(backup)) => one.flash.bytes = backup,
                _ => one.flash.lose_tail(5),
            }
        }
        let start = 1 + self.random.below(1 << 32);
        let backwards_s = -i64::try_from(self.random.below(90_000_000)).expect("three years");
        let begin = i64::try_from(BEGIN_UNIX_S).expect("a date");
        let is_liar = own + 1 == self.honest().count();
        let offset_s = [-begin, YEAR_2038_S - begin, backwards_s][self.draw(3)];
        let one = &mut self.boxes[own];
        if !is_liar {
            one.clock = Clock { offset_s, quality: TimeQuality::Stale };
        }
        one.boot(start);
        self.write_late(own);
        self.drain(own);
    }

    /// Whether each record on the flash of a box that is off is known elsewhere; then the others write theirs now.
    fn others_hold_all_of(&mut self, own: BoxId) -> bool {
        let records = self.boxes[own].flash.read();
        let others: Vec<BoxId> =
            self.honest().filter(|other| *other != own && self.boxes[*other].powered).collect();
        let ids = records.iter().filter_map(|bytes| tequio::ledger::Record::id_of(bytes));
        let is_known =
            |id: RecordId| self.books.has(id) || others.iter().any(|other| self.ledger(*other).has(id));
        // What a newer word of the same author has replaced is nowhere, and nobody misses it.
        let stands = |id: &RecordId| self.tally.facts.contains_key(id);
        let safe = ids.filter(stands).all(is_known);
        if safe {
            let hour = self.now + Span::from_secs(3_601);
            others.iter().for_each(|other| self.boxes[*other].flash.flush(hour));
        }
        safe
    }

    /// New secrets; perhaps somebody is expelled.
    pub(super) fn rotate(&mut self, officer: BoxId, expels: Vec<Expulsion>) {
        let body = founding::epoch(self.ledger(officer), expels.clone());
        match self.write(officer, body, true) {
            Ok(by) => {
                for Expulsion { member, heads } in expels {
                    self.tally.expel(member, by, heads);
                }
            }
            Err(error) => self.say(|| format!("officer {officer} may not rotate: {error}")),
        }
    }

    /// Somebody copies the state of a box, byte by byte, and joins the mesh with it.
    fn steal(&mut self) {
        let boxes = self.boxes.len();
        let victim = if self.random.below(5) == 0 { 1 + self.draw(3) } else { 4 + self.draw(boxes - 4) };
        // Within one part: what somebody carries from part to part, the others know.
        let part = self.parts();
        let doors: Vec<BoxId> =
            (0..boxes).filter(|own| *own != victim && part[*own] == part[victim]).collect();
        if doors.is_empty() {
            return self.push(self.now + Span::from_secs(20), What::Blow(Blow::Steal));
        }
        let door = doors[self.draw(doors.len())];
        let key = self.boxes[victim].id();
        let heads = [0, 1].map(|officer| self.ledger(officer).heads(&key));
        let of = &self.boxes[victim];
        let mut copy = Replica::new(of.key.clone(), 1);
        copy.ledger = of.ledger.clone();
        copy.flash = of.flash.clone();
        copy.is_copy = true;
        self.boxes.push(copy);
        self.cables.push(Cable { ends: [door, boxes], parted: false, broken: false });
        self.say(|| format!("the copy of box {victim} is box {boxes}, at box {door}"));
        self.theft = Some(Theft { victim, key, heads });
        self.drain(boxes);
    }

    /// The village has noticed. An officer expels the key, perhaps both do without knowing of each other; the box gets
    /// new keys and takes its old records along.
    fn expel(&mut self) {
        let Some(Theft { victim, key, heads: [one, other] }) = self.theft.clone() else {
            return self.push(self.now + Span::from_secs(60), What::Blow(Blow::Expel));
        };
        for own in [0, victim] {
            if !self.boxes[own].powered {
                self.power_on(own, Hurt::None);
            }
        }
        if founding::roles(victim).privileged() {
            let heads = one.clone();
            let expulsion = Expulsion { member: key, heads: heads.clone() };
            let by = self.by_root(0, |ledger| founding::epoch(ledger, vec![expulsion]));
            self.tally.expel(key, by, heads);
        } else {
            self.rotate(0, vec![Expulsion { member: key, heads: one }]);
            if self.boxes[1].powered && self.random.below(2) == 0 {
                self.rotate(1, vec![Expulsion { member: key, heads: other }]);
            }
        }
        self.replace(victim, key);
    }

    fn replace(&mut self, seat: BoxId, old: [u8; 32]) {
        let fresh = founding::key(&mut self.random);
        let start = 1 + self.random.below(1 << 32);
        let hour = self.now + Span::from_secs(3_601);
        self.break_wires(|wire| wire.ends.iter().any(|end| end.0 == seat));
        let one = &mut self.boxes[seat];
        one.flash.flush(hour);
        let mut new = Replica::new(fresh, start);
        (new.flash, new.clock, new.boots, new.was_hurt) =
            (one.flash.clone(), one.clock, one.boots, one.was_hurt);
        new.boot(start);
        // What was in memory goes along too: the box is on the table of whoever gives it new keys.
        let known: Vec<Vec<u8>> = one.ledger.held().filter_map(|(_, id)| one.ledger.bytes_of(id)).collect();
        new.ledger.handle_journal(known.iter().map(Vec::as_slice));
        known.iter().for_each(|bytes| new.flash.write(bytes));
        new.generation = one.generation;
        if founding::roles(seat).has(Role::Treasurer) {
            self.tally.treasurers.insert(new.id());
        }
        let member = founding::member(&new, seat, Some(old));
        self.boxes[seat] = new;
        self.by_root(seat, |_| member);
        self.drain(seat);
    }
}
