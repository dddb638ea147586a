//! How much of one author this node takes from others: a stolen router can sign for ever, and every node would keep it.
//!
//! What counts is a function of the set of records, so no record may be judged by when it came. Hence the bound is on the
//! way in: each author has a purse of octets that fills slowly. What does not fit is not taken now; it stays where it is,
//! and the next comparison offers it again. Whoever is no member shares one purse with all such others.
//!
//! A purse begins with what this node does not hold of its author yet, a day's at least: a newcomer learns years of an
//! honest village at once, and a restart gives a day.

use serde::{Deserialize, Serialize};

use super::super::Ledger;
use super::super::kind::{Kind, Supersession};
use super::super::record::Record;
use crate::base::limit::{SYNC_AUTHOR_BYTES, SYNC_AUTHOR_DAY_BYTES, SYNC_AUTHORS};
use crate::base::sorted::SortedMap;
use crate::base::time::{Instant, Span};

/// What a record takes of memory beside its bytes.
const AROUND: u64 = 256;
/// How long an author whose records waited is told of.
const TOLD: Span = Span::from_secs(3_600);
const DAY_S: u64 = 86_400;

/// The purses of all authors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Intake {
    purses: SortedMap<[u8; 32], Purse>,
}

/// What may still be taken of one author.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Purse {
    left: u64,
    at: Instant,
    /// When something was not taken last.
    dry: Option<Instant>,
}

impl Purse {
    fn fill(&mut self, now: Instant) {
        let seconds = now.since(self.at).as_secs();
        let more = seconds.saturating_mul(SYNC_AUTHOR_DAY_BYTES / DAY_S);
        self.left = self.left.saturating_add(more).min(SYNC_AUTHOR_BYTES);
        self.at = self.at + Span::from_secs(seconds);
    }
}

impl Intake {
    /// Whether a record may be taken now, before anybody verifies it; what it costs is paid with
    /// [`pay`](Self::pay). What is no record at all may: it is refused elsewhere.
    pub(super) fn cost(&mut self, now: Instant, bytes: &[u8], ledger: &Ledger) -> Option<([u8; 32], u64)> {
        let Ok(record) = Record::parse(bytes) else { return Some((STRANGERS, 0)) };
        if record.author == ledger.own_key() || ledger.has(record.id) {
            return Some((STRANGERS, 0));
        }
        let author = if ledger.knows(&record.author) { record.author } else { STRANGERS };
        let cost = cost(&record, ledger);
        if !self.purses.contains_key(&author) {
            if self.purses.len() >= SYNC_AUTHORS {
                // More keys than a community can have: the fullest purse says least.
                let fullest = self.purses.iter().max_by_key(|(_, purse)| purse.left).map(|(key, _)| *key);
                fullest.map(|key| self.purses.remove(&key));
            }
            let held: u64 = ledger.records().filter(|one| one.author == author).map(weight).sum();
            let left = SYNC_AUTHOR_BYTES.saturating_sub(held).max(SYNC_AUTHOR_DAY_BYTES);
            self.purses.insert(author, Purse { left, at: now, dry: None });
        }
        let purse = self.purses.get_mut(&author)?;
        purse.fill(now);
        if purse.left < cost {
            purse.dry = Some(now);
            return None;
        }
        Some((author, cost))
    }

    /// A record was taken.
    pub(super) fn pay(&mut self, (author, cost): ([u8; 32], u64)) {
        if let Some(purse) = self.purses.get_mut(&author) {
            purse.left = purse.left.saturating_sub(cost);
        }
    }

    /// Nobody is told of for longer than an hour.
    pub(super) fn handle_wake(&mut self, now: Instant) {
        let over = self.purses.values_mut().filter(|purse| purse.dry.is_some_and(|at| now.since(at) >= TOLD));
        over.for_each(|purse| purse.dry = None);
    }

    /// Whose records wait elsewhere; `None` are those of nobody whom this node knows.
    pub(super) fn waiting(&self) -> impl Iterator<Item = Option<[u8; 32]>> {
        let dry = self.purses.iter().filter(|(_, purse)| purse.dry.is_some());
        dry.map(|(author, _)| Some(*author).filter(|author| *author != STRANGERS))
    }
}

/// No key has this value: it is a point of small order.
const STRANGERS: [u8; 32] = [0; 32];

/// What a ledger grows by. What takes the place of an earlier one costs an eighth: it is verified, told and written.
fn cost(record: &Record, ledger: &Ledger) -> u64 {
    let weight = weight(record);
    if record.kind.chained() || record.kind.supersession() != Supersession::Latest || record.body.is_unread()
    {
        return weight;
    }
    let replaced =
        ledger.standing(record.author, record.kind, &record.body).map_or(0, self::weight).min(weight);
    weight - replaced + replaced / 8
}

fn weight(record: &Record) -> u64 {
    if record.kind == Kind::Status { AROUND } else { record.octets() as u64 + AROUND }
}
