//! A node's path: the few records that show a stranger that it belongs to the community. The charter, its
//! own member record, and for each author on the way up to the root that author's member record.

use super::super::record::Record;
use super::super::{Kind, Ledger};
use crate::base::limit;

/// Officers on the way from a node to the root: roots name officers, officers name members.
const STEPS: usize = 4;

/// This node's path; `None` while it is no member, or if its path is too long for anybody.
pub(super) fn own(ledger: &Ledger) -> Option<Vec<Vec<u8>>> {
    let mut path: Vec<&Record> =
        ledger.counted_authority().filter(|record| record.kind == Kind::Charter).collect();
    let mut members = Vec::new();
    let mut key = ledger.own_key();
    while let Some(state) = ledger.authority.members.get(&key).filter(|_| members.len() < STEPS) {
        let record = ledger.record(state.record)?;
        members.push(record);
        key = record.author;
    }
    path.extend(members.iter().rev());
    let bytes: usize = path.iter().map(|record| record.bytes.len()).sum();
    let fits = !members.is_empty() && bytes <= limit::SYNC_PATH_BYTES;
    fits.then(|| path.iter().map(|record| record.bytes.clone()).collect())
}

/// The key of the member that `path` proves and that holds `dh`: in a ledger of its own first, so that a
/// stranger's records reach ours only when they prove something.
pub(super) fn proves(path: &[Vec<u8>], dh: &[u8; 32], ledger: &Ledger) -> Option<[u8; 32]> {
    if path.iter().map(Vec::len).sum::<usize>() > limit::SYNC_PATH_BYTES {
        return None;
    }
    let mut apart = Ledger::new(ledger.own_key(), 1);
    for bytes in path {
        // What we hold was verified when it came.
        let known = Record::id_of(bytes).and_then(|id| ledger.record(id));
        match known.is_some_and(|known| known.bytes == *bytes) {
            true => apart.handle_stored(bytes).ok()?,
            false => apart.handle_record(bytes).ok()?,
        };
    }
    let key = member_with(&apart, dh)?;
    let is_expelled = ledger.authority.expulsions.contains_key(&key);
    (apart.community() == ledger.community() && !is_expelled).then_some(key)
}

/// The counted member with this X25519 key.
fn member_with(ledger: &Ledger, dh: &[u8; 32]) -> Option<[u8; 32]> {
    ledger.members().find(|state| state.member.dh == *dh).map(|state| state.member.key)
}

/// Of these, what our ledger does not hold yet.
pub(super) fn unknown(path: Vec<Vec<u8>>, ledger: &Ledger) -> impl Iterator<Item = Vec<u8>> {
    path.into_iter().filter(|bytes| !holds(ledger, bytes))
}

fn holds(ledger: &Ledger, bytes: &[u8]) -> bool {
    Record::id_of(bytes).is_some_and(|id| ledger.record(id).is_some())
}
