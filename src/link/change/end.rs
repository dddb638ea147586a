//! One end of a change: a machine that is told what happened and says what to do.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::record::{Message, Phase, Record};
use super::{Action, ChangeId, Ending, Side, Which, Why};
use crate::base::time::{Instant, Span};

/// A change at one end, from the wish to its ending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    record: Record,
    stage: Stage,
    /// When this stage is given up.
    until: Instant,
    /// When the last word is said again.
    again: Instant,
    /// When the other end was heard last.
    heard: Instant,
    /// The last `Go`: its number, and when it was said.
    go: (u16, Instant),
    probes: Probes,
    actions: VecDeque<Action>,
    words: VecDeque<Vec<u8>>,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stage {
    /// The platform puts it on flash.
    Arming,
    /// Near: the other end is asked.
    Asking,
    /// Far: armed, and told so.
    Armed,
    /// Near: the instant is being agreed on.
    Going,
    /// It is applied at this instant.
    Set(Instant),
    /// The platform applies the new settings.
    Applying,
    /// Probes are counted.
    Testing {
        /// Whether ours passed.
        passed: bool,
        /// Whether the other end says that its did.
        theirs: bool,
    },
    /// The decision goes to flash.
    Deciding,
    /// Decided; these settings are in the radio, and both are tried until the other end is heard.
    Kept(Which),
    /// The platform gives the old settings back.
    Leaving,
    /// Over.
    Over(Ending),
}

/// Hellos of the other end to us alone, counted since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Probes {
    /// Those that came, and those that should have, when counting began.
    first: Option<(u32, u32)>,
    last: (u32, u32),
}

impl Change {
    /// Somebody at this end wants it.
    pub fn begin(now: Instant, record: Record) -> Self {
        Self::new(now, Record { side: Side::Near, phase: Phase::Armed, ..record })
    }

    /// The other end asks for it, and may.
    pub fn asked(now: Instant, record: Record) -> Self {
        Self::new(now, Record { side: Side::Far, phase: Phase::Armed, ..record })
    }

    /// A start found it on flash: what was not kept is undone.
    pub fn found(now: Instant, record: Record) -> Self {
        let mut change = Self::with(now, record);
        if change.record.is_undone_at_boot() {
            change.leave();
        } else {
            change.stage = Stage::Kept(Which::New);
            change.actions.push_back(Action::Apply(change.record.clone(), Which::New));
        }
        change.until = now + change.patience();
        change
    }

    fn new(now: Instant, record: Record) -> Self {
        let mut change = Self::with(now, record);
        change.actions.push_back(Action::Arm(change.record.clone()));
        change
    }

    fn with(now: Instant, record: Record) -> Self {
        let until = now + Span::from_secs(record.dead_man_s.into());
        Self {
            record,
            stage: Stage::Arming,
            until,
            again: now,
            heard: now,
            go: (0, now),
            probes: Probes::default(),
            actions: VecDeque::new(),
            words: VecDeque::new(),
        }
    }

    /// What it is about.
    pub const fn record(&self) -> &Record {
        &self.record
    }

    /// Where it stands.
    pub const fn stage(&self) -> Stage {
        self.stage
    }

    /// When this stage is given up: what a countdown shows.
    pub const fn until(&self) -> Instant {
        self.until
    }

    /// The platform has done the last action, or could not.
    pub fn handle_done(&mut self, now: Instant, done: bool) {
        match (self.stage, done) {
            (Stage::Arming, true) => match self.record.side {
                Side::Near => {
                    self.stage = Stage::Asking;
                    self.until = now + ASKING;
                    self.say_again(now);
                }
                Side::Far => {
                    self.stage = Stage::Armed;
                    self.say_again(now);
                }
            },
            (Stage::Arming, false) => {
                self.say(&Message::No(Why::NotArmed));
                self.end(Ending::Refused(Why::NotArmed));
            }
            // Saved before the instant. What is not on flash is not tried.
            (Stage::Set(_), true) => {}
            (Stage::Set(_), false) => self.end(Ending::Refused(Why::NotArmed)),
            (Stage::Applying, true) => {
                self.stage = Stage::Testing { passed: false, theirs: false };
                (self.probes, self.again) = (Probes::default(), now);
            }
            (Stage::Applying, false) => self.leave(),
            (Stage::Deciding, true) => {
                self.stage = Stage::Kept(Which::New);
                (self.heard, self.until) = (now, now + self.patience());
                self.say_again(now);
            }
            // Not decided: the old settings come back by themselves, here and there.
            (Stage::Deciding, false) => {
                self.record.phase = Phase::Trying;
                self.leave();
            }
            (Stage::Leaving, true) => self.end(Ending::RolledBack),
            // The radio must come back: once more with the next look.
            (Stage::Leaving, false) => self.again = now + RETRY,
            _ => {}
        }
    }

    /// The member at the other end said something of this change, over this link.
    pub fn handle_message(&mut self, now: Instant, message: &Message) {
        self.heard = now;
        match (self.stage, message) {
            (Stage::Asking, Message::Armed) => {
                self.stage = Stage::Going;
                self.until = now + ASKING;
                self.say_again(now);
            }
            (Stage::Asking | Stage::Going | Stage::Armed, Message::No(why)) => {
                self.end(Ending::Refused(*why))
            }
            (Stage::Asking | Stage::Going | Stage::Armed, Message::Unknown) => {
                self.end(Ending::Refused(Why::Silence));
            }
            (Stage::Armed, Message::Ask { .. }) => self.say(&Message::Armed),
            (Stage::Armed, Message::Go { number, delay_ms }) => {
                let at = now + Span::from_millis(u64::from(*delay_ms).min(LONGEST_DELAY_MS));
                self.set(at);
                self.answer_go(now, *number, at);
            }
            (Stage::Set(at), Message::Go { number, .. }) if self.record.side == Side::Far => {
                self.answer_go(now, *number, at);
            }
            (Stage::Going, Message::Going { number, left_ms }) if *number == self.go.0 => {
                let way_ms = now.since(self.go.1).as_millis() / 2;
                let left_ms = u64::from(*left_ms).min(LONGEST_DELAY_MS).saturating_sub(way_ms);
                self.set(now + Span::from_millis(left_ms) + AFTER_FAR);
            }
            (Stage::Testing { passed, .. }, Message::Passed) if self.record.side == Side::Near => {
                self.stage = Stage::Testing { passed, theirs: true };
                self.decide();
            }
            // The other end has decided, so ours has passed as it told.
            (Stage::Testing { .. }, Message::Keep) if self.record.side == Side::Far => self.save_decision(),
            (Stage::Kept(_), Message::Keep) if self.record.side == Side::Far => self.say(&Message::Kept),
            (Stage::Kept(_), Message::Passed) => self.say(&Message::Keep),
            // Wherever we hear each other, there we stay.
            (Stage::Kept(which), Message::Unknown) => self.stay(which),
            (Stage::Kept(which), Message::Kept) if self.record.side == Side::Near => {
                self.say(&Message::Unknown);
                self.stay(which);
            }
            _ => {}
        }
    }

    /// How many Hellos of the other end came to us alone over this link, and how many should have; counted up.
    pub fn handle_probes(&mut self, came: u32, expected: u32) {
        let Stage::Testing { passed: false, theirs } = self.stage else { return };
        if came < self.probes.last.0 || expected < self.probes.last.1 {
            // It was met anew.
            self.probes.first = Some((0, 0));
        }
        let (first_came, first_expected) = *self.probes.first.get_or_insert((came, expected));
        self.probes.last = (came, expected);
        let (came, expected) = (came.saturating_sub(first_came), expected.saturating_sub(first_expected));
        // Several may be counted at once.
        if expected < PROBES {
            return;
        }
        if came * 100 > expected * (100 - MOST_LOST_PERCENT) {
            self.stage = Stage::Testing { passed: true, theirs };
            self.decide();
        } else {
            // What was lost at the beginning, while the far end had no radio, is not held against the link.
            self.probes.first = Some(self.probes.last);
        }
    }

    /// Time has passed.
    pub fn handle_wake(&mut self, now: Instant) {
        match self.stage {
            Stage::Set(at) if at <= now => {
                self.stage = Stage::Applying;
                self.until = now + Span::from_secs(self.record.dead_man_s.into());
                self.actions.push_back(Action::Apply(self.record.clone(), Which::New));
            }
            Stage::Leaving if self.again <= now => {
                self.again = now + RETRY;
                self.actions.push_back(Action::Apply(self.record.clone(), Which::Old));
            }
            Stage::Kept(which) if self.until <= now => self.try_other(now, which),
            Stage::Arming | Stage::Asking | Stage::Going if self.until <= now => {
                self.end(Ending::Refused(Why::Silence));
            }
            Stage::Armed if self.until <= now => self.end(Ending::Refused(Why::Silence)),
            Stage::Applying | Stage::Testing { .. } if self.until <= now => self.leave(),
            _ => {}
        }
        if self.again <= now {
            self.say_again(now);
        }
    }

    /// When [`handle_wake`](Self::handle_wake) has something to do.
    pub fn next_wake(&self) -> Option<Instant> {
        match self.stage {
            Stage::Over(_) | Stage::Deciding => None,
            Stage::Set(at) => Some(at),
            Stage::Leaving => Some(self.again),
            Stage::Arming | Stage::Applying => Some(self.until),
            _ => Some(self.until.min(self.again)),
        }
    }

    /// The next thing for the platform.
    pub fn poll(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// The next thing to say to the other end.
    pub fn poll_word(&mut self) -> Option<Vec<u8>> {
        self.words.pop_front()
    }

    /// What is said to an end that speaks of a change that is not known here.
    pub fn unknown(id: ChangeId, message: &Message) -> Option<Vec<u8>> {
        let wants = matches!(message, Message::Go { .. } | Message::Passed | Message::Keep | Message::Kept);
        wants.then(|| Message::Unknown.encode(id))
    }

    /// The instant stands, and with it, on flash, that it is tried.
    fn set(&mut self, at: Instant) {
        self.stage = Stage::Set(at);
        self.record.phase = Phase::Trying;
        self.actions.push_back(Action::Save(self.record.clone()));
    }

    fn answer_go(&mut self, now: Instant, number: u16, at: Instant) {
        let left_ms = u32::try_from(at.since(now).as_millis()).unwrap_or(0);
        self.say(&Message::Going { number, left_ms });
    }

    /// The near end decides when both have passed; the far end says that it has.
    fn decide(&mut self) {
        if self.stage == (Stage::Testing { passed: true, theirs: true }) {
            self.save_decision();
        }
    }

    fn save_decision(&mut self) {
        self.stage = Stage::Deciding;
        self.record.phase = Phase::Kept;
        self.actions.push_back(Action::Save(self.record.clone()));
    }

    /// Back to the old settings, for good.
    fn leave(&mut self) {
        self.stage = Stage::Leaving;
        self.again = Instant::from_micros(u64::MAX);
        self.actions.push_back(Action::Apply(self.record.clone(), Which::Old));
    }

    /// The settings that are in the radio stay.
    fn stay(&mut self, which: Which) {
        self.end(if which == Which::New { Ending::Kept } else { Ending::RolledBack });
    }

    fn try_other(&mut self, now: Instant, which: Which) {
        if now.since(self.heard) >= self.patience() {
            let other = if which == Which::New { Which::Old } else { Which::New };
            self.stage = Stage::Kept(other);
            self.actions.push_back(Action::Apply(self.record.clone(), other));
            self.heard = now;
        }
        self.until = self.heard + self.patience();
    }

    /// How long one of both settings is tried: at the far end so long that the near one has tried both meanwhile.
    fn patience(&self) -> Span {
        let times = if self.record.side == Side::Near { 1 } else { 3 };
        Span::from_secs(u64::from(self.record.dead_man_s) * times)
    }

    fn end(&mut self, ending: Ending) {
        self.stage = Stage::Over(ending);
        self.actions.push_back(Action::Forget(self.record.id));
    }

    /// What this stage has to say, now and each two seconds.
    fn say_again(&mut self, now: Instant) {
        let word = match self.stage {
            Stage::Asking => {
                Message::Ask { wanted: self.record.wanted.clone(), dead_man_s: self.record.dead_man_s }
            }
            Stage::Armed => Message::Armed,
            Stage::Going => {
                self.go = (self.go.0.wrapping_add(1), now);
                Message::Go { number: self.go.0, delay_ms: DELAY_MS }
            }
            Stage::Testing { passed: true, .. } if self.record.side == Side::Far => Message::Passed,
            Stage::Kept(_) if self.record.side == Side::Near => Message::Keep,
            Stage::Kept(_) => Message::Kept,
            _ => {
                if !matches!(self.stage, Stage::Leaving) {
                    self.again = now + RETRY;
                }
                return;
            }
        };
        self.again = now + RETRY;
        self.say(&word);
    }

    fn say(&mut self, message: &Message) {
        // What nobody fetched is old by now.
        if self.words.len() >= WORDS {
            self.words.pop_front();
        }
        self.words.push_back(message.encode(self.record.id));
    }
}

/// Between two times that the same is said.
const RETRY: Span = Span::from_secs(2);
/// Nobody answers.
const ASKING: Span = Span::from_secs(60);
/// From the word to the instant: the other end has it on flash by then.
const DELAY_MS: u32 = 3_000;
/// No end waits longer, whatever it is told.
const LONGEST_DELAY_MS: u64 = 30_000;
/// The near end follows the far one: its answer shall still leave.
const AFTER_FAR: Span = Span::from_secs(1);
/// Probes of a test, and how many of them may be lost.
const PROBES: u32 = 20;
const MOST_LOST_PERCENT: u32 = 20;
/// Words that wait to be fetched.
const WORDS: usize = 4;
