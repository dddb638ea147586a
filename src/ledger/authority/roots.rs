//! The root keys: the founder's, and those that took its place.
//!
//! A root names the next one, and then nothing of it counts any more but what that word follows. When the
//! old key is lost the new one names itself, and what the old one had signed last; that counts on nodes
//! whose owner has accepted the new root by hand. Such a node writes a word of its own, which counts nowhere else.

use crate::base::sorted::{LargeSet, SortedSet};

use super::super::Ledger;
use super::super::body::{Body, Succession};
use super::super::kind::Kind;
use super::super::line::Line;
use super::super::record::{Record, RecordId};

/// A root key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Root {
    pub(super) key: [u8; 32],
    /// The record that made it root; none for the founder.
    pub(super) by: Option<RecordId>,
    /// Which of its records count; all of them while it is the root.
    pub(super) limit: Option<LargeSet<RecordId>>,
}

impl Root {
    pub(super) fn counts(&self, id: RecordId) -> bool {
        self.limit.as_ref().is_none_or(|limit| limit.contains(&id))
    }
}

/// The roots of a ledger, the founder first; none while its first charter is unknown.
pub(super) fn of(ledger: &Ledger, line: &Line) -> Vec<Root> {
    let founder = ledger.community().and_then(|id| ledger.record(RecordId(id)));
    let Some(founder) = founder else { return Vec::new() };
    let mut roots = vec![Root { key: founder.author, by: None, limit: None }];
    while let Some(old) = roots.last_mut() {
        let Some((id, root, mut limit)) = successor(ledger, &old.key) else { break };
        let old_key = old.key;
        let named = ledger
            .records()
            .filter(|record| record.author == old_key && line.is_below(record) && line.names(record.id));
        limit.extend(named.map(|record| record.id));
        old.limit = Some(limit);
        // Each key is root once: a circle ends here.
        if roots.iter().any(|earlier| earlier.key == root) {
            break;
        }
        roots.push(Root { key: root, by: Some(id), limit: None });
    }
    roots
}

/// Who follows this root, by which record, and what of the old root counts then. What somebody accepted by
/// hand goes before the old root's word: that key may be in wrong hands. Of several the lower id counts.
fn successor(ledger: &Ledger, old: &[u8; 32]) -> Option<(RecordId, [u8; 32], LargeSet<RecordId>)> {
    let words = ledger.of_kind(Kind::Succession).filter_map(|record| match &record.body {
        Body::Succession(body) if body.before == *old && body.root != *old => Some((record, &**body)),
        _ => None,
    });
    let words: Vec<(&Record, _)> = words.collect();
    let by_hand = |root: &[u8; 32]| {
        let own =
            |(record, body): &(&Record, &Succession)| record.author == ledger.own_key && body.root == *root;
        ledger.accepted.contains(root) || words.iter().any(own)
    };
    let accepted =
        |(record, body): &&(&Record, &Succession)| record.author == body.root && by_hand(&body.root);
    let own = |(record, _): &&(&Record, &Succession)| record.author == *old;
    // Records of a kind come in the order of their ids.
    let (record, body) = words.iter().find(accepted).or_else(|| words.iter().find(own))?;
    let by_old = record.author == *old;
    let heads = if by_old { std::slice::from_ref(&record.id) } else { &body.heads[..] };
    Some((record.id, body.root, ledger.ancestors(old, heads)))
}

impl Ledger {
    /// New roots that name themselves in the place of the one that counts here, and wait for somebody at this node.
    pub fn waiting_roots(&self) -> SortedSet<[u8; 32]> {
        let root = self.root();
        let waiting = self.of_kind(Kind::Succession).filter_map(|record| match &record.body {
            Body::Succession(body) if record.author == body.root && Some(body.before) == root => {
                Some(body.root)
            }
            _ => None,
        });
        waiting.filter(|other| Some(*other) != root).collect()
    }

    /// What this node signs to accept such a root.
    pub fn acceptance(&self, root: [u8; 32]) -> Option<Body> {
        let before = self.root().filter(|_| self.own_member().is_some())?;
        Some(Body::Succession(Box::new(Succession { root, before, heads: Vec::new() })))
    }
}
