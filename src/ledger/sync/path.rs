//! A node's path: the few records that show a stranger that it belongs to the community. The first charter, the words that
//! made other roots, its own member record, and for each author on the way up to the root that author's member record.
//!
//! Whoever is a member by what we hold needs no proof but its key: a path by a root that was not accepted here, or one
//! of later officers, does not keep two nodes of one community from exchanging records.

use super::super::record::{Record, RecordId};
use super::super::{Kind, Ledger};
use crate::base::limit;

/// Officers on the way from a node to the root: roots name officers, officers name members.
const STEPS: usize = 4;

/// The path of the member with this key. It is empty while that is no member as far as this ledger knows, or if it is too
/// long for anybody: whoever has the member's record knows it by its key, and gives back what a damaged journal has lost.
pub fn of(ledger: &Ledger, mut key: [u8; 32]) -> Vec<Vec<u8>> {
    let mut members = Vec::new();
    let of = |key: [u8; 32]| ledger.authority.members.get(&key).and_then(|state| ledger.record(state.record));
    while let Some(record) = of(key).filter(|_| members.len() < STEPS) {
        members.push(record);
        key = record.author;
    }
    let founder = ledger.community().and_then(|id| ledger.record(RecordId(id)));
    let roots = ledger.authority.successions_to(&key).filter_map(|id| ledger.record(id));
    let path: Vec<&Record> = founder.into_iter().chain(roots).chain(members.iter().rev().copied()).collect();
    let octets: usize = path.iter().map(|record| record.octets()).sum();
    let fits = !members.is_empty() && octets <= limit::SYNC_PATH_BYTES;
    path.into_iter().filter(|_| fits).map(|record| ledger.bytes(record)).collect()
}

/// The key of the member that `path` proves and that holds `dh`: in a ledger of its own, so that a
/// stranger's records reach ours only when they prove something.
pub(super) fn proves(path: &[Vec<u8>], dh: &[u8; 32], ledger: &Ledger) -> Option<[u8; 32]> {
    if path.iter().map(Vec::len).sum::<usize>() > limit::SYNC_PATH_BYTES {
        return None;
    }
    if let Some(member) = member_with(ledger, dh) {
        return Some(member);
    }
    let mut apart = Ledger::new(ledger.own_key(), 1);
    // What somebody here has accepted holds here.
    ledger.authority.roots().for_each(|root| apart.accept_root(root));
    for bytes in path {
        // What we hold was verified when it came.
        let known = Record::id_of(bytes).and_then(|id| ledger.bytes_of(id));
        match known.is_some_and(|known| known == *bytes) {
            true => apart.handle_stored(bytes).ok()?,
            false => apart.handle_record(bytes).ok()?,
        };
    }
    // Whoever may admit nobody any more proves nobody who was not admitted before.
    let is_void = |record: &Record| {
        let authority = &ledger.authority;
        authority.is_limited(&record.author) && !authority.counted.contains(&record.id)
    };
    if apart.records().any(|record| record.kind == Kind::Member && is_void(record)) {
        return None;
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
