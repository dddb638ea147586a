//! The books: a treasurer's node closes a month, every node writes again what a close did not know, and details are let
//! go when the room runs short.
//!
//! Closed books say the same with their details and without (`ledger::line`). So a node keeps the details while it has
//! room: whoever steals a treasurer's key and closes twice makes nobody forget at once, and people have time to expel it.
//! The journal is append only; it is written anew when half of it is what other records have replaced.

use serde::{Deserialize, Serialize};

use super::Node;
use super::call::{Answer, Closed};
use super::output::{NoteLevel, Output, StoreId};
use super::stores::Then;
use super::vault::Vault;
use crate::base::limit::{JOURNAL_WASTE_BYTES, LEDGER_ROOM_BYTES};
use crate::base::time::{Instant, Span, TimeQuality};
use crate::base::voucher::RequestId;
use crate::ledger::body::Body;
use crate::ledger::month::Month;

/// Time between two looks at how much room there is.
const LOOK: Span = Span::from_secs(3_600);

/// How large the journal is, and when that is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Books {
    /// Octets of records in the journal, replaced ones among them.
    journal_bytes: u64,
    look_at: Option<Instant>,
    /// The journal is being written anew.
    rewriting: Option<StoreId>,
}

impl Books {
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.look_at
    }

    /// The journal has, or gets, these records.
    pub(super) fn handle_written(&mut self, now: Instant, records: &[Vec<u8>]) {
        self.journal_bytes += records.iter().map(|record| record.len() as u64).sum::<u64>();
        self.look_at.get_or_insert(now + LOOK);
    }

    /// What became of a submission, if it was the whole journal.
    pub(super) fn handle_stored(&mut self, id: StoreId) -> bool {
        let ours = self.rewriting == Some(id);
        if ours {
            self.rewriting = None;
        }
        ours
    }
}

impl Node {
    /// Closes a month, for who looks after the money.
    pub(super) fn close_month(
        &mut self,
        now: Instant,
        request: RequestId,
        month: &str,
        vault: &mut dyn Vault,
    ) {
        let Some(month) = Month::parse(month) else {
            return self.refuse(request, "month", "Say which month, like 2026-11.");
        };
        let wall = self.wall(now);
        if wall.quality >= TimeQuality::Mesh && Month::of(wall.unix_s) < month {
            return self.refuse(request, "month", "That month has not begun yet.");
        }
        let body = match self.ledger.close_body(month) {
            Ok(body) => body,
            Err(why) => return self.refuse(request, "refused", format!("Nothing was closed: {why}.")),
        };
        let rows = match &body {
            Body::Close(close) => close.totals.len(),
            _ => 0,
        };
        let draft = match self.ledger.draft(body) {
            Ok(draft) => draft,
            Err(error) => return self.refuse(request, "refused", format!("Nothing was closed: {error}.")),
        };
        let record = self.ledger.complete(draft.clone(), vault.sign(&draft.message_to_sign));
        let closed = Closed { month: month.to_string(), rows: u32::try_from(rows).unwrap_or(u32::MAX) };
        let answer = Box::new(Answer::Closed(closed));
        let then = Then::Answer { requests: vec![request], answer, sold: Vec::new() };
        self.store(now, vec![record], true, then);
        self.write_late(now, vault);
    }

    /// Writes once more what the last close did not know of this node.
    pub(super) fn write_late(&mut self, now: Instant, vault: &mut dyn Vault) {
        let late: Vec<Body> = self.ledger.late().iter().map(|record| record.body.clone()).collect();
        let mut records = Vec::new();
        for body in late {
            match self.ledger.draft_again(&body) {
                Ok(draft) => {
                    let signature = vault.sign(&draft.message_to_sign);
                    records.push(self.ledger.complete(draft, signature));
                }
                Err(error) => {
                    self.note(NoteLevel::Warning, format!("a late record was not written: {error}"))
                }
            }
        }
        if !records.is_empty() {
            let count = records.len();
            self.note(NoteLevel::Info, format!("the last close did not know {count} records: written again"));
            self.store(now, records, false, Then::Nothing);
        }
    }

    /// Lets go what closed books need no more if room is short, and what the journal holds in vain.
    pub(super) fn look_after_books(&mut self, now: Instant) {
        if self.books.look_at.is_none_or(|at| at > now) || self.books.rewriting.is_some() {
            return;
        }
        self.books.look_at = Some(now + LOOK);
        let live = |node: &Self| -> u64 { node.journal_records().map(|bytes| bytes.len() as u64).sum() };
        if live(self) > LEDGER_ROOM_BYTES {
            let count = self.ledger.let_go();
            self.note(NoteLevel::Info, format!("closed books have let {count} records go"));
        }
        let live = live(self);
        if self.books.journal_bytes > live.saturating_mul(2).saturating_add(JOURNAL_WASTE_BYTES) {
            let records = self.journal_records().map(<[u8]>::to_vec).collect();
            let id = self.next_store();
            self.books.rewriting = Some(id);
            self.books.journal_bytes = live;
            self.outputs.push_back(Output::StoreWhole { id, records });
        }
    }

    /// What the journal has to hold.
    fn journal_records(&self) -> impl Iterator<Item = &[u8]> {
        self.ledger.held().filter_map(|(_, id)| self.ledger.bytes_of(id))
    }
}
