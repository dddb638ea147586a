//! One stream: what it has to say, what it was told.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::super::Ledger;
use super::super::record::RecordId;
use super::compare::{self, Name};
use super::message::Message;
use super::{Link, PeerReport, Why, path};
use crate::base::limit;
use crate::base::sorted::{LargeSet, SortedSet};
use crate::base::time::{Instant, Span};

/// Whoever has not proved to be a member by then is cut off.
const PATIENCE: Span = Span::from_secs(20);
/// A comparison that nobody goes on with is begun anew.
const COMPARE_PATIENCE: Span = Span::from_secs(60);
/// Before the next comparison, if this one has found a difference: not all of it may have fitted.
const AGAIN: Span = Span::from_secs(2);
/// Between two comparisons: what was pushed and lost is repaired.
const REPAIR: Span = Span::from_secs(300);

/// Before the comparison after so many that found a difference: one end may not take what the other offers, and that is
/// not to be sent each two seconds.
fn again(rounds: u32) -> Span {
    let doublings = rounds.saturating_sub(ROUNDS).min(8);
    Span::from_millis(AGAIN.as_millis() << doublings).min(REPAIR)
}

/// What does not fit into so many comparisons is much.
const ROUNDS: u32 = 8;

/// One stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stream {
    pub(super) link: Link,
    /// The other end's key, once its path has proved it.
    pub(super) member: Option<[u8; 32]>,
    /// Whether what was sent last has left.
    pub(super) may_send: bool,
    /// Whether a next message was asked for and has not come.
    pub(super) reading: bool,
    /// Records that came in and are not verified yet.
    pub(super) unread: VecDeque<Vec<u8>>,
    pub(super) opened: Instant,
    /// What is said before any record.
    control: VecDeque<Vec<u8>>,
    /// Records to send.
    to_send: LargeSet<(bool, u64, RecordId)>,
    /// Records to ask for.
    to_want: Vec<Name>,
    /// Whether the comparison under way has found a difference.
    differs: bool,
    /// Comparisons in a row that did.
    rounds: u32,
    comparison: Comparison,
    /// Words about the link that came and were not fetched.
    asides: VecDeque<Vec<u8>>,
    sent: u32,
    received: u32,
    /// When the last comparison came to its end.
    compared: Option<Instant>,
}

/// The dialler's comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Comparison {
    /// The other end compares, or is not known yet.
    NotOurs,
    /// The next one is due then.
    Due(Instant),
    /// We wait for an answer since then.
    Asked(Instant),
}

impl Stream {
    pub(super) fn new(now: Instant, link: Link, path: Vec<Vec<u8>>) -> Self {
        Self {
            link,
            member: None,
            may_send: true,
            reading: true,
            unread: VecDeque::new(),
            opened: now,
            control: VecDeque::from([Message::Path(path).encode()]),
            to_send: SortedSet::new(),
            to_want: Vec::new(),
            differs: false,
            rounds: 0,
            comparison: Comparison::NotOurs,
            asides: VecDeque::new(),
            sent: 0,
            received: 0,
            compared: None,
        }
    }

    pub(super) fn handle_message(&mut self, now: Instant, bytes: &[u8], ledger: &Ledger) -> Result<(), Why> {
        self.reading = false;
        let message = Message::decode(bytes).ok_or(Why::Nonsense)?;
        match (message, self.member) {
            (Message::Path(records), None) => self.handle_path(now, records, ledger),
            (_, None) | (Message::Path(_), Some(_)) => Err(Why::Nonsense),
            (Message::Records(records), Some(_)) => {
                self.received =
                    self.received.saturating_add(u32::try_from(records.len()).unwrap_or(u32::MAX));
                self.unread.extend(records);
                Ok(())
            }
            (Message::Want(names), Some(_)) => {
                compare::named(ledger, &names).into_iter().for_each(|id| self.push(id, ledger));
                Ok(())
            }
            (Message::Compare(step), Some(_)) => self.handle_compare(now, &step, ledger),
            // Whoever says more than anybody fetches is not heard.
            (Message::Aside(word), Some(_)) => {
                if self.asides.len() < limit::SYNC_ASIDES {
                    self.asides.push_back(word);
                }
                Ok(())
            }
            (Message::Unknown, Some(_)) => Ok(()),
        }
    }

    /// Something about the link, to the member at its other end. What does not fit is not said: who says it says it
    /// again.
    pub(super) fn say(&mut self, word: &[u8]) {
        if self.member.is_some() && self.control.len() < limit::SYNC_CONTROL {
            self.control.push_back(Message::Aside(word.to_vec()).encode());
        }
    }

    /// What the member at the other end said about the link.
    pub(super) fn aside(&mut self) -> Option<([u8; 32], Vec<u8>)> {
        self.member.zip(self.asides.pop_front())
    }

    fn handle_path(&mut self, now: Instant, records: Vec<Vec<u8>>, ledger: &Ledger) -> Result<(), Why> {
        let member = path::proves(&records, &self.link.dh, ledger).ok_or(Why::Stranger)?;
        self.member = Some(member);
        self.unread.extend(path::unknown(records, ledger));
        // Not compared, since they are not kept: what members say of themselves.
        ledger.status_records().for_each(|id| self.push(id, ledger));
        if self.link.dialled {
            self.comparison = Comparison::Due(now);
        }
        self.go_on(now, ledger);
        Ok(())
    }

    fn handle_compare(&mut self, now: Instant, step: &[u8], ledger: &Ledger) -> Result<(), Why> {
        if self.link.dialled && !matches!(self.comparison, Comparison::Asked(_)) {
            return Err(Why::Nonsense);
        }
        let answer = compare::answer(ledger, step).ok_or(Why::Nonsense)?;
        // Whoever has more to say has seen a difference, also if the rest of it did not fit.
        self.differs |= !step.is_empty();
        answer.have.into_iter().for_each(|id| self.push(id, ledger));
        self.to_want.extend(answer.need);
        let is_done = answer.next.is_empty();
        if is_done {
            self.compared = Some(now);
        }
        // Who was asked always answers; who has asked stops when there is nothing left to say.
        if !is_done || !self.link.dialled {
            self.control.push_back(Message::Compare(answer.next).encode());
        }
        if self.link.dialled {
            // What did not fit is compared next.
            self.comparison = match is_done {
                true if std::mem::take(&mut self.differs) => {
                    self.rounds += 1;
                    Comparison::Due(now + again(self.rounds))
                }
                true => {
                    self.rounds = 0;
                    Comparison::Due(now + REPAIR)
                }
                false => Comparison::Asked(now),
            };
        }
        self.go_on(now, ledger);
        Ok(())
    }

    /// A record that the other end shall have; whoever is not known yet is told when the sets are compared.
    pub(super) fn push(&mut self, id: RecordId, ledger: &Ledger) {
        if let (Some(rank), true) = (ledger.rank(id), self.member.is_some()) {
            self.to_send.insert(rank);
        }
    }

    /// The sets may differ by more than what is pushed.
    pub(super) fn compare_soon(&mut self, now: Instant) {
        if let Comparison::Due(at) = &mut self.comparison {
            *at = (*at).min(now + AGAIN);
        }
    }

    /// Asks for the next records, or compares, when it is time.
    pub(super) fn go_on(&mut self, now: Instant, ledger: &Ledger) {
        if self.unread.is_empty() && self.control.is_empty() && !self.to_want.is_empty() {
            let rest = self.to_want.split_off(self.to_want.len().min(limit::SYNC_WANT));
            let wanted = std::mem::replace(&mut self.to_want, rest);
            self.control.push_back(Message::Want(wanted).encode());
        }
        let is_due = match self.comparison {
            Comparison::NotOurs => false,
            Comparison::Due(at) => at <= now,
            Comparison::Asked(at) => at + COMPARE_PATIENCE <= now,
        };
        if is_due {
            self.control.push_back(Message::Compare(compare::first(ledger)).encode());
            self.comparison = Comparison::Asked(now);
        }
    }

    /// The next message, if one may leave.
    pub(super) fn next_message(&mut self, ledger: &Ledger) -> Option<Vec<u8>> {
        if !self.may_send {
            return None;
        }
        let message = self.control.pop_front().or_else(|| self.records_message(ledger))?;
        self.may_send = false;
        Some(message)
    }

    /// As many records as fit.
    fn records_message(&mut self, ledger: &Ledger) -> Option<Vec<u8>> {
        let mut records = Vec::new();
        let mut room = limit::SYNC_RECORDS_BYTES;
        while let Some(next) = self.to_send.first().copied() {
            // What was replaced meanwhile and is no link of a chain is of no use.
            if let Some(bytes) = ledger.bytes_of(next.2) {
                let Some(left) = room.checked_sub(bytes.len()) else { break };
                room = left;
                records.push(bytes);
            }
            self.to_send.remove(&next);
        }
        self.sent = self.sent.saturating_add(u32::try_from(records.len()).unwrap_or(u32::MAX));
        (!records.is_empty()).then(|| Message::Records(records).encode())
    }

    /// Whether the next message may be read.
    pub(super) fn wants_more(&self) -> bool {
        !self.reading && self.unread.is_empty() && self.control.len() < limit::SYNC_CONTROL
    }

    pub(super) fn is_late(&self, now: Instant) -> bool {
        self.member.is_none() && self.opened + PATIENCE <= now
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        match (self.member, self.comparison) {
            (None, _) => Some(self.opened + PATIENCE),
            (Some(_), Comparison::NotOurs) => None,
            (Some(_), Comparison::Due(at)) => Some(at),
            (Some(_), Comparison::Asked(at)) => Some(at + COMPARE_PATIENCE),
        }
    }

    pub(super) fn report(&self) -> PeerReport {
        PeerReport {
            place: self.link.place,
            member: self.member,
            since: self.opened,
            sent: self.sent,
            received: self.received,
            compared: self.compared,
            to_send: self.to_send.len(),
            unread: self.unread.len(),
            even: self.member.is_some()
                && self.to_send.is_empty()
                && self.unread.is_empty()
                && self.to_want.is_empty()
                && self.control.is_empty()
                && !matches!(self.comparison, Comparison::Asked(_)),
        }
    }
}
