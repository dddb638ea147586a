//! Who belongs to the community, what is on sale, which secrets are current: everything that gives other
//! records their meaning. Computed anew from all records of these kinds whenever one of them arrives;
//! there are a few hundred in the life of a village.
//!
//! `roots`: the root keys, one after the other. `members`: who was admitted, and expelled. `epochs`: secrets.

use crate::base::sorted::{LargeSet, SortedMap, SortedSet};

use super::Ledger;
use super::body::{Body, Charter, Member};
use super::kind::Kind;
use super::line::Line;
use super::record::{Record, RecordId};
use super::rights::{Role, Roles, Signer, may_sign};
use crate::base::voucher::IssuerNumber;

mod epochs;
mod members;
mod roots;

use self::roots::Root;

/// What the authority records of a set say together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) charter: Option<Charter>,
    /// The founder first.
    roots: Vec<Root>,
    pub(super) members: SortedMap<[u8; 32], MemberState>,
    /// Members that were expelled, as they were.
    pub(super) gone: SortedMap<[u8; 32], MemberState>,
    /// Expelled keys, and the last records of theirs that count: the union of what all expulsions name.
    pub(super) expulsions: SortedMap<[u8; 32], Vec<RecordId>>,
    /// Roles that a key has no more, and the records for which it has them still.
    past: SortedMap<[u8; 32], Vec<Past>>,
    /// The plans on sale.
    pub(super) plans: SortedMap<String, RecordId>,
    /// Persons by their names.
    pub(super) persons: SortedMap<String, RecordId>,
    /// Every epoch that follows as it should, with its number; also those that do not count.
    pub(super) known_epochs: SortedMap<RecordId, u32>,
    /// Counted epochs by record, with their numbers.
    pub(super) epochs: SortedMap<RecordId, u32>,
    /// The epoch that chooses the secrets.
    pub(super) current_epoch: Option<RecordId>,
    /// Whether an expelled key holds the current secrets: nothing is issued, the next epoch is due.
    pub(super) tainted: bool,
    /// Epochs whose coupon secrets an expelled key holds.
    pub(super) exposed: LargeSet<RecordId>,
    /// Authority records whose author had the right; plans of all times among them.
    pub(super) counted: LargeSet<RecordId>,
}

/// A counted member.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The highest float that it ever had: a lot that was within it stays good.
    pub(super) most_float: u64,
    /// Every role that it ever had.
    pub(super) ever: Roles,
}

/// Roles of earlier times.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Past {
    roles: Roles,
    records: LargeSet<RecordId>,
}

impl Authority {
    /// What the records of a ledger say. Below the line of closed books chains have gaps: the line tells there what
    /// counts of a key that lost its rights.
    pub(super) fn of(ledger: &Ledger, line: &Line) -> Self {
        let mut authority = Self { roots: roots::of(ledger, line), ..Self::default() };
        if authority.roots.is_empty() {
            return authority;
        }
        authority.count_charters(ledger);
        authority.count_members(ledger, line);
        authority.count_named(ledger);
        authority.count_epochs(ledger);
        authority
    }

    /// The roles of a key today; none for a stranger.
    pub(super) fn roles(&self, key: &[u8; 32]) -> Roles {
        self.members.get(key).map_or(Roles::NONE, |state| state.member.roles)
    }

    /// The root key of today.
    pub(super) fn root(&self) -> Option<[u8; 32]> {
        self.roots.last().map(|root| root.key)
    }

    /// The root keys, the founder's first.
    pub(super) fn roots(&self) -> impl Iterator<Item = [u8; 32]> {
        self.roots.iter().map(|root| root.key)
    }

    /// The records by which the root became this one.
    pub(super) fn successions_to(&self, key: &[u8; 32]) -> impl Iterator<Item = RecordId> {
        let place = self.roots.iter().position(|root| root.key == *key);
        self.roots[..place.map_or(0, |place| place + 1)].iter().filter_map(|root| root.by)
    }

    /// Whether the table lets this key sign this kind today.
    pub(super) fn may_sign(&self, key: &[u8; 32], kind: Kind) -> bool {
        (self.root() == Some(*key) && may_sign(kind, Signer::Root))
            || (self.members.contains_key(key) && may_sign(kind, Signer::Member))
            || self.roles(key).may_sign(kind)
    }

    /// Whether the author of a record had the right to sign it. What unchained records say is of today.
    pub(super) fn entitled(&self, record: &Record) -> bool {
        let (author, id, kind) = (&record.author, record.id, record.kind);
        (self.is_root(author, id) && may_sign(kind, Signer::Root))
            || (self.members.contains_key(author) && may_sign(kind, Signer::Member))
            || self.roles(author).may_sign(kind)
            || self.had(author, id).any(|roles| roles.may_sign(kind))
    }

    /// Whether the author of a record had a role when it was written.
    pub(super) fn holds(&self, record: &Record, role: Role) -> bool {
        self.roles(&record.author).has(role)
            || self.had(&record.author, record.id).any(|roles| roles.has(role))
    }

    /// A member, also one that was expelled.
    pub(super) fn state(&self, key: &[u8; 32]) -> Option<&MemberState> {
        self.members.get(key).or_else(|| self.gone.get(key))
    }

    /// Whether what counts of some author depends on what its records follow.
    pub(super) fn has_limits(&self) -> bool {
        !self.past.is_empty()
            || !self.expulsions.is_empty()
            || self.roots.iter().any(|root| root.limit.is_some())
    }

    /// Whether what counts of this author depends on what its records follow.
    pub(super) fn is_limited(&self, key: &[u8; 32]) -> bool {
        self.past.contains_key(key)
            || self.expulsions.contains_key(key)
            || self.roots.iter().any(|root| root.key == *key && root.limit.is_some())
    }

    fn had(&self, author: &[u8; 32], id: RecordId) -> impl Iterator<Item = Roles> {
        let past = self.past.get(author).into_iter().flatten();
        past.filter(move |past| past.records.contains(&id)).map(|past| past.roles)
    }

    fn is_root(&self, author: &[u8; 32], id: RecordId) -> bool {
        self.roots.iter().any(|root| root.key == *author && root.counts(id))
    }

    /// The newest charter of a root.
    fn count_charters(&mut self, ledger: &Ledger) {
        let of_root = |record: &&Record| {
            matches!(&record.body, Body::Charter(charter) if charter.root == record.author)
                && self.is_root(&record.author, record.id)
        };
        let charters: Vec<&Record> = ledger.of_kind(Kind::Charter).filter(of_root).collect();
        self.counted.extend(charters.iter().map(|record| record.id));
        self.counted.extend(self.roots.iter().filter_map(|root| root.by));
        if let Some(Body::Charter(charter)) = standing(&charters).map(|(record, _)| &record.body) {
            self.charter = Some((**charter).clone());
        }
    }

    /// Plans and persons: what stands under a name.
    fn count_named(&mut self, ledger: &Ledger) {
        self.plans = self.named(ledger, Kind::Plan);
        self.persons = self.named(ledger, Kind::Person);
    }

    fn named(&mut self, ledger: &Ledger, kind: Kind) -> SortedMap<String, RecordId> {
        let mut names: SortedMap<&str, Vec<&Record>> = SortedMap::new();
        for record in ledger.of_kind(kind) {
            let name = match &record.body {
                Body::Plan(plan) => &plan.id,
                Body::Person(person) => &person.name,
                _ => continue,
            };
            if self.entitled(record) {
                self.counted.insert(record.id);
                names.entry(name).or_default().push(record);
            }
        }
        let standing = |(name, candidates): (&str, Vec<&Record>)| {
            standing(&candidates).map(|(record, _)| (name.to_owned(), record.id))
        };
        names.into_iter().filter_map(standing).collect()
    }
}

/// The record that stands among several about one subject, and how many stand beside it: those that no
/// other one replaces, by name or as the same author's later word. Of concurrent ones the lower id counts.
pub(super) fn standing<'a>(candidates: &[&'a Record]) -> Option<(&'a Record, u16)> {
    let named: LargeSet<RecordId> =
        candidates.iter().flat_map(|record| record.body.replaces()).copied().collect();
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
