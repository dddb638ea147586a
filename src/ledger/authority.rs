//! Who belongs to the community, what is on sale, which secrets are current: everything that gives other
//! records their meaning. Computed anew from all records of these kinds whenever one of them arrives;
//! there are a few hundred in the life of a village.

use serde::{Deserialize, Serialize};

use crate::base::sorted::{SortedMap, SortedSet};

use super::body::{Body, Charter, Member, Plan};
use super::kind::Kind;
use super::record::{Record, RecordId};
use super::rights::{Role, Roles, Signer, may_sign};
use crate::base::voucher::IssuerNumber;

/// What the authority records of a set say together.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Authority {
    pub(super) charter: Option<Charter>,
    pub(super) members: SortedMap<[u8; 32], MemberState>,
    /// The plans on sale.
    pub(super) plans: SortedMap<String, RecordId>,
    /// Counted epochs by record, with their numbers.
    pub(super) epochs: SortedMap<RecordId, u32>,
    /// The epoch that chooses the secrets.
    pub(super) current_epoch: Option<RecordId>,
    /// Authority records whose author had the right; plans of all times among them.
    pub(super) counted: SortedSet<RecordId>,
}

/// A counted member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberState {
    /// What its record says.
    pub member: Member,
    /// That record.
    pub record: RecordId,
    /// Another live member with a lower key has the same issuer number: this one stops issuing.
    pub number_taken: bool,
    /// Another live member with a lower key has the same address slot: this one stops announcing.
    pub slot_taken: bool,
    /// Further records that were made without knowing of each other; the lower id counts.
    pub concurrent: u16,
    /// Every number that it was ever admitted under: its earlier lots stay good.
    pub(super) numbers: SortedSet<IssuerNumber>,
}

impl Authority {
    /// What `records` (of authority kinds, in any order) say.
    pub(super) fn of<'a>(records: impl Iterator<Item = &'a Record> + Clone) -> Self {
        let mut authority = Self::default();
        let Some(root) = authority.count_charter(records.clone()) else {
            return authority;
        };
        authority.count_members(root, records.clone());
        authority.count_plans(root, records.clone());
        authority.count_epochs(root, records);
        authority
    }

    /// The roles of a key; none for a stranger.
    pub(super) fn roles(&self, key: &[u8; 32]) -> Roles {
        self.members.get(key).map_or(Roles::NONE, |state| state.member.roles)
    }

    /// Whether the table lets this key sign this kind.
    pub(super) fn may_sign(&self, key: &[u8; 32], kind: Kind) -> bool {
        let is_root = self.charter.as_ref().is_some_and(|charter| charter.root == *key);
        (is_root && may_sign(kind, Signer::Root)) || self.roles(key).may_sign(kind)
    }

    /// The newest charter of the root that founded the community; returns that root.
    fn count_charter<'a>(&mut self, records: impl Iterator<Item = &'a Record> + Clone) -> Option<[u8; 32]> {
        let root = records.clone().find(|record| record.id.0 == record.community)?.author;
        let charters = records.filter(|record| {
            record.author == root && matches!(&record.body, Body::Charter(charter) if charter.root == root)
        });
        let charters: Vec<&Record> = charters.collect();
        self.counted.extend(charters.iter().map(|record| record.id));
        if let Some(Body::Charter(charter)) = standing(&charters).map(|(record, _)| &record.body) {
            self.charter = Some(charter.clone());
        }
        Some(root)
    }

    /// Two passes, so that no order matters: the root's members give the officers, theirs the rest.
    fn count_members<'a>(&mut self, root: [u8; 32], records: impl Iterator<Item = &'a Record>) {
        let mut by_root: SortedMap<[u8; 32], Vec<&Record>> = SortedMap::new();
        let mut by_others: SortedMap<[u8; 32], Vec<&Record>> = SortedMap::new();
        for record in records {
            if let Body::Member(member) = &record.body {
                let side = if record.author == root { &mut by_root } else { &mut by_others };
                side.entry(member.key).or_default().push(record);
            }
        }
        for (key, candidates) in &by_root {
            self.admit(*key, candidates);
        }
        let chosen = self.members.clone();
        let is_officer =
            |key: &[u8; 32]| chosen.get(key).is_some_and(|state| state.member.roles.has(Role::Officer));
        for (key, candidates) in by_others {
            if chosen.get(&key).is_some_and(|state| state.member.roles.privileged()) {
                continue;
            }
            let ordinary = |record: &&Record| match &record.body {
                Body::Member(member) => is_officer(&record.author) && !member.roles.privileged(),
                _ => false,
            };
            let mut counted: Vec<&Record> = candidates.into_iter().filter(ordinary).collect();
            counted.extend(by_root.get(&key).into_iter().flatten());
            self.admit(key, &counted);
        }
        self.settle_numbers();
    }

    fn admit(&mut self, key: [u8; 32], candidates: &[&Record]) {
        let Some((record, concurrent)) = standing(candidates) else {
            return;
        };
        let members = candidates.iter().filter_map(|record| match &record.body {
            Body::Member(member) => Some(member.number),
            _ => None,
        });
        if let Body::Member(member) = &record.body {
            self.counted.extend(candidates.iter().map(|record| record.id));
            let state = MemberState {
                member: member.clone(),
                record: record.id,
                number_taken: false,
                slot_taken: false,
                concurrent,
                numbers: members.collect(),
            };
            self.members.insert(key, state);
        }
    }

    /// Of two members with one number or slot the lower key keeps it.
    fn settle_numbers(&mut self) {
        let mut numbers = SortedSet::new();
        let mut slots = SortedSet::new();
        for state in self.members.values_mut() {
            state.number_taken = !numbers.insert(state.member.number);
            state.slot_taken = state.member.slot.is_some_and(|slot| !slots.insert(slot));
        }
    }

    fn count_plans<'a>(&mut self, root: [u8; 32], records: impl Iterator<Item = &'a Record>) {
        let mut plans: SortedMap<&str, Vec<&Record>> = SortedMap::new();
        for record in records {
            if let Body::Plan(plan) = &record.body
                && (record.author == root || self.roles(&record.author).has(Role::Treasurer))
            {
                plans.entry(&plan.id).or_default().push(record);
            }
        }
        for (id, candidates) in plans {
            self.counted.extend(candidates.iter().map(|record| record.id));
            if let Some((record, _)) = standing(&candidates) {
                self.plans.insert(id.to_owned(), record.id);
            }
        }
    }

    /// An epoch counts if it follows a counted one and its number is that + 1.
    fn count_epochs<'a>(&mut self, root: [u8; 32], records: impl Iterator<Item = &'a Record> + Clone) {
        let entitled =
            |record: &&Record| record.author == root || self.roles(&record.author).has(Role::Officer);
        let mut epochs: Vec<(u32, RecordId, Option<RecordId>)> = records
            .clone()
            .filter(entitled)
            .filter_map(|record| match &record.body {
                Body::Epoch(epoch) => Some((epoch.number, record.id, epoch.follows)),
                _ => None,
            })
            .collect();
        let grants: Vec<(RecordId, RecordId, u32)> = records
            .filter(entitled)
            .filter_map(|record| match &record.body {
                Body::Grant(grant) => Some((record.id, grant.epoch, grant.number)),
                _ => None,
            })
            .collect();
        epochs.sort_unstable();
        for (number, id, follows) in epochs {
            let before = follows.and_then(|follows| self.epochs.get(&follows).copied());
            if (number == 1 && follows.is_none())
                || before.and_then(|before| before.checked_add(1)) == Some(number)
            {
                self.epochs.insert(id, number);
                self.counted.insert(id);
            }
        }
        let winner = self.epochs.iter().max_by_key(|(id, number)| (**number, std::cmp::Reverse(**id)));
        self.current_epoch = winner.map(|(id, _)| *id);
        for (id, epoch, number) in grants {
            if self.epochs.get(&epoch) == Some(&number) {
                self.counted.insert(id);
            }
        }
    }
}

/// The record that stands among several about one subject, and how many stand beside it: those that no
/// other one replaces, by name or as the same author's later word. Of concurrent ones the lower id counts.
fn standing<'a>(candidates: &[&'a Record]) -> Option<(&'a Record, u16)> {
    let named: SortedSet<RecordId> =
        candidates.iter().flat_map(|record| replaces(&record.body)).copied().collect();
    let mut newest: SortedMap<[u8; 32], (u64, std::cmp::Reverse<RecordId>)> = SortedMap::new();
    for record in candidates {
        let rank = (record.seq, std::cmp::Reverse(record.id));
        let best = newest.entry(record.author).or_insert(rank);
        *best = rank.max(*best);
    }
    let stands = |record: &&&Record| {
        !named.contains(&record.id) && newest.get(&record.author).is_some_and(|best| best.1.0 == record.id)
    };
    let mut standing: Vec<&Record> = candidates.iter().filter(stands).copied().collect();
    standing.sort_unstable_by_key(|record| record.id);
    let beside = u16::try_from(standing.len().saturating_sub(1)).unwrap_or(u16::MAX);
    standing.first().map(|record| (*record, beside))
}

fn replaces(body: &Body) -> &[RecordId] {
    match body {
        Body::Member(Member { replaces, .. }) | Body::Plan(Plan { replaces, .. }) => replaces,
        _ => &[],
    }
}
