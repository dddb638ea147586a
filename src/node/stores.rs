//! What waits for the flash.
//!
//! Money is durable before the answer (`docs/ledger.md`, flash): a sale or a revocation is answered
//! when the journal has it. When the journal refuses, the codes of that sale are revoked in the same
//! breath, nothing more is sold, and the records are tried again until the flash takes them: routing
//! and running sessions go on.

use serde::{Deserialize, Serialize};

use crate::base::sorted::SortedMap;

use super::Node;
use super::call::Answer;
use super::output::{NoteLevel, Output, StoreId};
use super::vault::Vault;
use crate::base::time::{Instant, Span};
use crate::base::voucher::{RequestId, Verifier};

/// Time between two tries to write what the flash refused.
const RETRY: Span = Span::from_secs(10);

/// Writes under way, and what could not be written.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stores {
    next: u64,
    waiting: SortedMap<StoreId, Waiting>,
    /// Records that the flash refused, in order.
    unsaved: Vec<Vec<u8>>,
    /// Why, in the store's words; `None` while all is well.
    broken: Option<String>,
    retry_at: Option<Instant>,
}

/// Who waits for a write, and what was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Waiting {
    records: Vec<Vec<u8>>,
    then: Then,
}

/// What happens when the records are on flash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Then {
    /// Nobody waits.
    Nothing,
    /// The records are of other nodes, which have them.
    Others,
    /// These requests get this answer; if the flash refuses, these vouchers are void.
    Answer {
        /// Who waits; a second tap may have joined the first.
        requests: Vec<RequestId>,
        /// What they get.
        answer: Box<Answer>,
        /// What was sold by these records.
        sold: Vec<Verifier>,
        /// The tap, if a second one gets the same answer; else 0.
        tap: u64,
    },
    /// A try to write what was refused before.
    Retry,
}

impl Stores {
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.retry_at
    }

    /// Why nothing can be written, if so.
    pub(super) fn broken(&self) -> Option<&str> {
        self.broken.as_deref()
    }
}

impl Node {
    /// Hands records to the journal; `then` happens when it has them.
    pub(super) fn store(&mut self, now: Instant, records: Vec<Vec<u8>>, durable: bool, then: Then) {
        let id = self.next_store();
        self.books.handle_written(now, &records);
        if !durable && then == Then::Nothing {
            self.push(&records);
        }
        self.stores.waiting.insert(id, Waiting { records: records.clone(), then });
        self.outputs.push_back(Output::Store { id, records, durable });
    }

    /// The number of the next submission.
    pub(super) fn next_store(&mut self) -> StoreId {
        self.stores.next += 1;
        StoreId(self.stores.next)
    }

    pub(super) fn stored(&mut self, now: Instant, id: StoreId) {
        if self.books.handle_stored(id) {
            return;
        }
        let Some(Waiting { records, then }) = self.stores.waiting.remove(&id) else { return };
        match then {
            Then::Answer { requests, answer, tap, .. } => {
                // Money is told to others once it is ours for good.
                self.push(&records);
                let mut waiting = requests.into_iter().chain(self.sales.done(now, tap, &answer));
                let first = waiting.next();
                for request in waiting {
                    if let Some(same) = answer.of_a_deed() {
                        self.answer(request, same);
                    }
                }
                if let Some(request) = first {
                    self.answer(request, *answer);
                }
            }
            Then::Retry => {
                self.push(&records);
                self.stores.broken = None;
                self.note(NoteLevel::Info, "the journal takes records again; sales are open");
            }
            Then::Nothing | Then::Others => {}
        }
    }

    pub(super) fn store_failed(&mut self, now: Instant, id: StoreId, why: &str, vault: &mut dyn Vault) {
        if self.books.handle_stored(id) {
            return self.note(
                NoteLevel::Warning,
                format!("the journal was not written anew, the old one goes on: {why}"),
            );
        }
        let Some(Waiting { records, then }) = self.stores.waiting.remove(&id) else { return };
        if self.stores.broken.as_deref() != Some(why) {
            self.note(NoteLevel::Warning, format!("the journal refuses records, sales stop: {why}"));
        }
        self.stores.broken = Some(why.to_owned());
        self.stores.retry_at = Some(now + RETRY);
        // What was refused before stands before what came after it.
        let position = if matches!(then, Then::Retry) { 0 } else { self.stores.unsaved.len() };
        self.stores.unsaved.splice(position..position, records);
        if let Then::Answer { requests, sold, tap, .. } = then {
            let message = if sold.is_empty() { not_yet_saved(why) } else { not_saved(why) };
            for request in requests.into_iter().chain(self.sales.undone(tap)) {
                self.refuse(request, "not-saved", message.clone());
            }
            let void = self.void_unseen(now, &sold, vault);
            self.stores.unsaved.extend(void);
        }
    }

    pub(super) fn retry_stores(&mut self, now: Instant) {
        if self.stores.retry_at.is_none_or(|at| at > now) {
            return;
        }
        self.stores.retry_at = None;
        let records = std::mem::take(&mut self.stores.unsaved);
        self.store(now, records, true, Then::Retry);
    }
}

/// What a seller is told when the flash does not take a sale.
pub(super) fn not_saved(why: &str) -> String {
    format!(
        "Nothing was sold: this node cannot save ({why}). Internet and running sessions go on. Tell an operator."
    )
}

/// What is told when the flash does not take anything else.
fn not_yet_saved(why: &str) -> String {
    format!(
        "This node cannot save it yet ({why}) and tries again. Look at the accounts before you do it once more."
    )
}
