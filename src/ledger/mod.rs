//! The ledger: signed records, merged by union, and what they say together. No IO, no keys.
//!
//! - [`record`]: one record, from bytes and back; [`cbor`] the strict walk that comes first; [`body`] what
//!   each [`kind`] says.
//! - [`rights`]: who may sign what. `authority`: members, plans, epochs. `book`: one voucher's life.
//!   `float`: which lots count. `twice`: what was used on both sides of a split. `indices`: where a record is found again.
//! - [`draft`]: new records of this node, which the vault signs. [`account`]: money; [`month`] and [`report`]: for people.
//! - [`journal`]: records as bytes on flash; [`bundle`]: in a file that people carry; [`sync`]: from node to node.
//!
//! The state is a pure function of the *set* of records: any order, any repetition ends in the same
//! bytes. A record without the right stays out of what is counted, but it stays: a right may arrive later.
//! The rules, with their reasons: `docs/ledger.md`.

#![forbid(unsafe_code)]

use crate::base::sorted::{LargeMap, LargeSet, SortedMap, SortedSet};

use serde::{Deserialize, Serialize};

use self::authority::Authority;
use self::indices::{Mention, Records};
use self::line::Line;
use crate::base::limit::LEDGER_RECORDS;
use crate::base::voucher::Verifier;

pub mod account;
mod again;
mod agree;
mod authority;
pub mod body;
mod book;
pub mod bundle;
pub mod cbor;
mod check;
mod close;
mod device;
pub mod draft;
mod fields;
mod float;
mod indices;
mod item;
pub mod journal;
pub mod kind;
mod line;
pub mod money;
pub mod month;
mod network;
pub mod proof;
pub mod record;
pub mod report;
pub mod rights;
mod shares;
mod snapshot;
pub mod sync;
#[cfg(test)]
pub(crate) mod tests;
pub mod text;
mod twice;
mod unknown;
mod wire;

pub use self::authority::MemberState;
pub use self::body::{Body, Charter, Counter, Device, Member, Plan, PlanMeasure};
pub use self::book::{Sold, Used, Voucher, VoucherState};
pub use self::draft::{Draft, DraftError};
pub use self::kind::Kind;
pub use self::record::{Record, RecordId, Refusal};
pub use self::report::Report;
pub use self::rights::{Role, Roles};
pub use self::shares::{Share, share_context};
pub use self::twice::Twice;

/// All that a node knows of its community.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ledger {
    own_key: [u8; 32],
    /// How far above the highest number known this run begins to count.
    seq_start: u64,
    /// The number of the next own record, once this run has made one.
    next_seq: Option<u64>,
    /// Where this start counts usage, if not where the one before it did.
    lane: Option<u64>,
    community: Option<[u8; 32]>,
    /// New roots that somebody has accepted at this node.
    accepted: SortedSet<[u8; 32]>,
    records: Records,
    /// Chained records whose content is obsolete: they hold their place in the author's chain.
    stubs: LargeMap<RecordId, Stub>,
    /// The record that stands for (author, kind, subject), for kinds where the latest replaces the rest and that are not
    /// found by their voucher.
    latest: LargeMap<([u8; 32], Kind, Vec<u8>), RecordId>,
    /// The end of each author's records.
    tips: SortedMap<[u8; 32], Tip>,
    /// Which records speak of a voucher.
    mentions: LargeSet<Mention>,
    /// Records of kinds of which there are few.
    few: LargeSet<(Kind, RecordId)>,
    /// Records, and those of other nodes that agree with them.
    agreements: LargeSet<(RecordId, RecordId)>,
    authority: Authority,
    /// Where the books stand.
    line: Line,
    /// Each author's lots and settlements in the order in which the float counts them, and whether it is a lot that counts.
    issues: SortedMap<[u8; 32], LargeMap<(u64, RecordId), bool>>,
    /// What each author's lots take of the float, in minor units.
    float_used: SortedMap<[u8; 32], u64>,
}

/// What happened to a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// Its name.
    pub id: RecordId,
    /// Its kind.
    pub kind: Kind,
    /// Whether the ledger changed by it: it should be stored and passed on.
    pub new: bool,
}

/// What is left of a superseded record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stub {
    author: [u8; 32],
    seq: u64,
    prev: Option<RecordId>,
    /// Whose first use it told.
    voucher: Option<Verifier>,
    /// As they came: without its signature nobody else could believe where it stands.
    bytes: Vec<u8>,
}

/// What is to be computed anew.
#[derive(Clone, Debug, Default)]
struct Stale {
    /// Who may do what, or where the books stand.
    authority: bool,
    /// Authors whose lots are to be counted again.
    authors: SortedSet<[u8; 32]>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tip {
    seq: u64,
    /// The chained record with the highest number; of equal ones the lower id.
    chained: Option<(u64, RecordId)>,
}

impl Ledger {
    /// An empty ledger of the node with this key. Own records are numbered from the highest one known +
    /// `seq_start`, a random number between 1 and 2^32: a node that lost its latest records does not use
    /// their numbers again.
    pub fn new(own_key: [u8; 32], seq_start: u64) -> Self {
        Self {
            own_key,
            seq_start: seq_start.max(1),
            next_seq: None,
            lane: None,
            community: None,
            accepted: SortedSet::new(),
            records: Records::default(),
            stubs: SortedMap::new(),
            latest: SortedMap::new(),
            tips: SortedMap::new(),
            mentions: SortedSet::new(),
            few: SortedSet::new(),
            agreements: SortedSet::new(),
            authority: Authority::default(),
            line: Line::default(),
            issues: SortedMap::new(),
            float_used: SortedMap::new(),
        }
    }

    /// Takes a record from outside, if it is well-formed and signed. The community of the first record is
    /// the one of the ledger: give the charter first where the sender is not trusted.
    pub fn handle_record(&mut self, bytes: &[u8]) -> Result<Outcome, Refusal> {
        self.take_one(bytes, true)
    }

    /// Takes a record from this node's own journal, whose keyed checksum says that it was verified before
    /// it was written.
    pub fn handle_stored(&mut self, bytes: &[u8]) -> Result<Outcome, Refusal> {
        self.take_one(bytes, false)
    }

    /// The same for many: what follows from them is computed once. Tells how many made no sense.
    pub fn handle_journal<'a>(&mut self, records: impl IntoIterator<Item = &'a [u8]>) -> usize {
        let mut stale = Stale::default();
        let refused =
            records.into_iter().filter(|bytes| self.take(bytes, false, &mut stale).is_err()).count();
        self.settle(stale);
        refused
    }

    /// Somebody at this node compared the fingerprint of a new root and accepts it.
    pub fn accept_root(&mut self, root: [u8; 32]) {
        self.accepted.insert(root);
        self.settle(Stale { authority: true, ..Stale::default() });
    }

    /// The community's name in hashes: the id of its first charter.
    pub const fn community(&self) -> Option<[u8; 32]> {
        self.community
    }

    /// The community's charter, once it is known.
    pub const fn charter(&self) -> Option<&Charter> {
        self.authority.charter.as_ref()
    }

    /// The record of the charter that counts.
    pub fn charter_record(&self) -> Option<RecordId> {
        let charter = self.charter()?;
        let same = |record: &&Record| matches!(&record.body, Body::Charter(other) if **other == *charter);
        self.of_kind(Kind::Charter).find(same).map(|record| record.id)
    }

    /// The root key of today.
    pub fn root(&self) -> Option<[u8; 32]> {
        self.authority.root()
    }

    /// Whether an expelled key holds the current secrets: nothing is issued until they are rotated again.
    pub const fn is_tainted(&self) -> bool {
        self.authority.tainted
    }

    /// Whether this node was expelled.
    pub fn is_expelled(&self) -> bool {
        self.authority.expulsions.contains_key(&self.own_key)
    }

    /// People who work at nodes, in the order of their names; those who do no more among them.
    pub fn persons(&self) -> impl Iterator<Item = (RecordId, &body::Person)> {
        self.authority.persons.values().filter_map(|id| match &self.records.get(id)?.body {
            Body::Person(person) => Some((*id, &**person)),
            _ => None,
        })
    }

    /// This node's key.
    pub const fn own_key(&self) -> [u8; 32] {
        self.own_key
    }

    /// This node's record, if it was admitted.
    pub fn own_member(&self) -> Option<&Member> {
        self.own_state().map(|state| &state.member)
    }

    /// This node's record, and whether its number and slot are its own.
    pub fn own_state(&self) -> Option<&MemberState> {
        self.authority.members.get(&self.own_key)
    }

    /// Whether this node has a role that may sign this kind.
    pub fn may_write(&self, kind: Kind) -> bool {
        self.authority.may_sign(&self.own_key, kind)
    }

    /// All counted members, in the order of their keys.
    pub fn members(&self) -> impl Iterator<Item = &MemberState> {
        self.authority.members.values()
    }

    /// The plans on sale, in the order of their ids.
    pub fn plans(&self) -> impl Iterator<Item = (RecordId, &Plan)> {
        self.authority.plans.values().filter_map(|id| Some((*id, self.plan_of(*id)?)))
    }

    /// The plan on sale under this id.
    pub fn plan(&self, id: &str) -> Option<(RecordId, &Plan)> {
        let record = *self.authority.plans.get(id)?;
        Some((record, self.plan_of(record)?))
    }

    /// The epoch whose secrets are current: its record and number.
    pub fn current_epoch(&self) -> Option<(RecordId, u32)> {
        let id = self.authority.current_epoch?;
        Some((id, *self.authority.epochs.get(&id)?))
    }

    /// Records that are kept in full.
    pub fn record_count(&self) -> usize {
        self.records.len()
    }

    /// A record by its id.
    pub fn record(&self, id: RecordId) -> Option<&Record> {
        self.records.get(&id)
    }

    /// The vouchers that a record speaks of.
    pub fn mentioned(&self, id: RecordId) -> Vec<Verifier> {
        self.records.get(&id).map(|record| record.body.verifiers()).unwrap_or_default()
    }

    /// Whether a key belongs, or belonged, to the community.
    fn knows(&self, key: &[u8; 32]) -> bool {
        self.authority.state(key).is_some() || self.authority.roots().any(|root| root == *key)
    }

    /// The bytes of a record, also of one that another replaced: it is a link of its author's chain.
    pub fn bytes_of(&self, id: RecordId) -> Option<Vec<u8>> {
        let kept = self.records.get(&id).map(|record| self.bytes(record));
        kept.or_else(|| self.stubs.get(&id).map(|stub| stub.bytes.clone()))
    }

    /// How many these are.
    pub fn octets_of(&self, id: RecordId) -> usize {
        let kept = self.records.get(&id).map(Record::octets);
        kept.or_else(|| self.stubs.get(&id).map(|stub| stub.bytes.len())).unwrap_or(0)
    }

    /// Whether a record is here, also one that another replaced.
    pub fn has(&self, id: RecordId) -> bool {
        self.records.contains_key(&id) || self.stubs.contains_key(&id)
    }

    /// All records that are kept in full as bytes, in the order of their ids.
    pub fn written(&self) -> impl Iterator<Item = Vec<u8>> {
        self.records.values().map(|record| self.bytes(record))
    }

    /// Everything that should be on every node: its author's count and its id. What a member says of itself each
    /// minute is only pushed, and what closed books have let go is asked for by nobody.
    pub fn held(&self) -> impl Iterator<Item = (u64, RecordId)> {
        let kept = self.records.values().filter(|record| record.kind.is_stored() && !self.is_done(record));
        let stubs = self.stubs.iter().filter(|(id, stub)| !self.is_passed(**id, stub));
        kept.map(|record| (record.seq, record.id)).chain(stubs.map(|(id, stub)| (stub.seq, *id)))
    }

    /// The order in which records are told: those that give others their meaning first, an author's in theirs.
    pub(crate) fn rank(&self, id: RecordId) -> Option<(bool, u64, RecordId)> {
        let record = self.records.get(&id).map(|record| (!record.kind.is_authority(), record.seq, id));
        record.or_else(|| self.stubs.get(&id).map(|stub| (true, stub.seq, id)))
    }

    /// All records that are kept in full, in the order of their ids.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    fn bytes(&self, record: &Record) -> Vec<u8> {
        record.bytes(&self.community.unwrap_or_default())
    }

    fn take_one(&mut self, bytes: &[u8], verify: bool) -> Result<Outcome, Refusal> {
        let mut stale = Stale::default();
        let outcome = self.take(bytes, verify, &mut stale);
        self.settle(stale);
        outcome
    }

    fn take(&mut self, bytes: &[u8], verify: bool, stale: &mut Stale) -> Result<Outcome, Refusal> {
        let record = Record::parse(bytes)?;
        let community = record.community(bytes);
        if community == [0; 32] {
            return Err(Refusal::Envelope { what: "it names no community" });
        }
        if self.community.is_some_and(|own| own != community) {
            return Err(Refusal::Foreign);
        }
        let founds = record.id.0 == community;
        if founds && !matches!(&record.body, Body::Charter(charter) if charter.root == record.author) {
            return Err(Refusal::Envelope { what: "the charter is not by the root that it names" });
        }
        let (id, kind) = (record.id, record.kind);
        if self.has(id) {
            return Ok(Outcome { id, kind, new: false });
        }
        if verify {
            record.verify(bytes)?;
        }
        if self.records.len() + self.stubs.len() >= LEDGER_RECORDS {
            return Err(Refusal::Full);
        }
        self.community = Some(community);
        Ok(Outcome { id, kind, new: self.insert(record, stale) })
    }

    /// Records of one kind of which there are few, in the order of their ids.
    fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Record> {
        let first = (kind, RecordId([0; 32]));
        let same = move |(other, _): &&(Kind, RecordId)| *other == kind;
        self.few.range_from(&first).take_while(same).filter_map(|(_, id)| self.records.get(id))
    }

    fn counted_authority(&self) -> impl Iterator<Item = &Record> {
        self.authority.counted.iter().filter_map(|id| self.records.get(id))
    }

    /// The plan in a record whose author had the right, on sale or not any more.
    fn plan_of(&self, id: RecordId) -> Option<&Plan> {
        match &self.records.get(&id).filter(|_| self.authority.counted.contains(&id))?.body {
            Body::Plan(plan) => Some(plan),
            _ => None,
        }
    }
}
