//! Which records does the other one lack, and which do we? Range-based set comparison by `negentropy`: octets
//! grow with the difference and not with the ledger.
//!
//! Between two messages nothing is kept: the list is made anew from the ledger, which may have changed; a
//! record that came in between is compared or pushed, and one that is named twice is sent once.

use negentropy::{Id, Negentropy, NegentropyStorageVector};

use super::super::Ledger;
use super::super::record::RecordId;
use crate::base::limit;

/// What one step of the initiator found out.
pub(super) struct Found {
    /// Ours that the other lacks.
    pub(super) have: Vec<RecordId>,
    /// The other's that we lack.
    pub(super) need: Vec<RecordId>,
    /// What to say next; `None` when all is compared.
    pub(super) next: Option<Vec<u8>>,
}

/// The initiator's first message.
pub(super) fn first(ledger: &Ledger) -> Option<Vec<u8>> {
    Negentropy::owned(list(ledger)?, limit::SYNC_COMPARE_BYTES).ok()?.initiate().ok()
}

/// The answer of the one who was asked; `None` to nonsense.
pub(super) fn answer(ledger: &Ledger, query: &[u8]) -> Option<Vec<u8>> {
    Negentropy::owned(list(ledger)?, limit::SYNC_COMPARE_BYTES).ok()?.reconcile(query).ok()
}

/// The initiator's next step; `None` to nonsense.
pub(super) fn step(ledger: &Ledger, answer: &[u8]) -> Option<Found> {
    let mut comparison = Negentropy::owned(list(ledger)?, limit::SYNC_COMPARE_BYTES).ok()?;
    comparison.set_initiator();
    let (mut have, mut need) = (Vec::new(), Vec::new());
    let next = comparison.reconcile_with_ids(answer, &mut have, &mut need).ok()?;
    let ids = |ids: Vec<Id>| ids.into_iter().map(|id| RecordId(*id)).collect();
    Some(Found { have: ids(have), need: ids(need), next })
}

/// Ordered by the author's count: what is new of one node stands together.
fn list(ledger: &Ledger) -> Option<NegentropyStorageVector> {
    let mut list = NegentropyStorageVector::with_capacity(ledger.record_count());
    for (seq, id) in ledger.held() {
        // The greatest number is negentropy's infinity.
        list.insert(seq.min(u64::MAX - 1), Id::from_byte_array(id.0)).ok()?;
    }
    list.seal().ok()?;
    Some(list)
}
