//! The ledger: signed records, merged by union, and what they say together. No IO, no keys.
//!
//! - [`record`]: one record, from bytes and back; [`cbor`] the strict walk that comes first; [`body`] what
//!   each [`kind`] says.
//! - [`rights`]: who may sign what. `authority`: members, plans, epochs. `book`: one voucher's life.
//! - [`draft`]: new records of this node, which the vault signs. [`report`]: money, for people.
//! - [`journal`]: records as bytes on flash; [`bundle`]: in a file that people carry; [`sync`]: from node to node.
//!
//! The state is a pure function of the *set* of records: any order, any repetition ends in the same
//! bytes. A record without the right stays out of what is counted, but it stays: a right may arrive later.
//! The rules, with their reasons: `docs/ledger.md`.

#![forbid(unsafe_code)]

use crate::base::sorted::{SortedMap, SortedSet};

use serde::{Deserialize, Serialize};

use self::authority::Authority;
use self::kind::Supersession;
use crate::base::limit::LEDGER_RECORDS;
use crate::base::voucher::Verifier;

mod authority;
pub mod body;
mod book;
pub mod bundle;
pub mod cbor;
mod check;
pub mod draft;
pub mod journal;
pub mod kind;
pub mod money;
pub mod proof;
pub mod record;
pub mod report;
pub mod rights;
pub mod sync;
#[cfg(test)]
pub(crate) mod tests;
pub mod text;
mod wire;

pub use self::authority::MemberState;
pub use self::body::{Body, Charter, Counter, Device, Member, Plan, PlanMeasure};
pub use self::book::{Sold, Used, Voucher, VoucherState};
pub use self::draft::{Draft, DraftError};
pub use self::kind::Kind;
pub use self::record::{Record, RecordId, Refusal};
pub use self::report::Report;
pub use self::rights::{Role, Roles};

/// All that a node knows of its community.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    own_key: [u8; 32],
    /// How far above the highest number known this run begins to count.
    seq_start: u64,
    /// The number of the next own record, once this run has made one.
    next_seq: Option<u64>,
    community: Option<[u8; 32]>,
    records: SortedMap<RecordId, Record>,
    /// Chained records whose content is obsolete: they hold their place in the author's chain.
    stubs: SortedMap<RecordId, Stub>,
    /// The record that stands for (author, kind, subject), for kinds where the latest replaces the rest.
    latest: SortedMap<([u8; 32], Kind, Vec<u8>), RecordId>,
    /// The end of each author's records.
    tips: SortedMap<[u8; 32], Tip>,
    /// Which records speak of a voucher.
    mentions: SortedSet<(Verifier, Kind, RecordId)>,
    authority_records: SortedSet<RecordId>,
    authority: Authority,
    /// Each author's lots in the order in which the float counts them.
    issues: SortedMap<[u8; 32], SortedSet<(u64, RecordId)>>,
    counted_lots: SortedSet<RecordId>,
    /// What each author's lots leave of his float, in minor units.
    floats: SortedMap<[u8; 32], u64>,
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

/// This node's share of an epoch's secrets, for the vault to open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The epoch's number.
    pub epoch: u32,
    /// The Noise prologue.
    pub context: Vec<u8>,
    /// The sealed secrets.
    pub sealed: Vec<u8>,
}

/// What is left of a superseded record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stub {
    author: [u8; 32],
    seq: u64,
    prev: Option<RecordId>,
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
            community: None,
            records: SortedMap::new(),
            stubs: SortedMap::new(),
            latest: SortedMap::new(),
            tips: SortedMap::new(),
            mentions: SortedSet::new(),
            authority_records: SortedSet::new(),
            authority: Authority::default(),
            issues: SortedMap::new(),
            counted_lots: SortedSet::new(),
            floats: SortedMap::new(),
        }
    }

    /// Takes a record from outside, if it is well-formed and signed. The community of the first record is
    /// the one of the ledger: give the charter first where the sender is not trusted.
    pub fn handle_record(&mut self, bytes: &[u8]) -> Result<Outcome, Refusal> {
        self.take(bytes, true)
    }

    /// Takes a record from this node's own journal, whose keyed checksum says that it was verified before
    /// it was written.
    pub fn handle_stored(&mut self, bytes: &[u8]) -> Result<Outcome, Refusal> {
        self.take(bytes, false)
    }

    /// The community's name in hashes: the id of its first charter.
    pub const fn community(&self) -> Option<[u8; 32]> {
        self.community
    }

    /// The community's charter, once it is known.
    pub const fn charter(&self) -> Option<&Charter> {
        self.authority.charter.as_ref()
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

    /// This node's share of the current epoch.
    pub fn own_share(&self) -> Option<Share> {
        let (_, number) = self.current_epoch()?;
        self.own_shares().pop().filter(|share| share.epoch == number)
    }

    /// All shares sealed to this node, the older epochs first, the current one last: open them in this
    /// order. There may be several of one epoch (a role was given later), and one that does not open (an
    /// officer can err).
    pub fn own_shares(&self) -> Vec<Share> {
        let Some(community) = self.community else { return Vec::new() };
        let current = self.authority.current_epoch;
        let mut found = Vec::new();
        for record in self.counted_authority() {
            let (epoch, shares) = match &record.body {
                Body::Epoch(epoch) => (record.id, epoch.shares.as_slice()),
                Body::Grant(grant) => (grant.epoch, std::slice::from_ref(&grant.share)),
                _ => continue,
            };
            let Some(number) = self.authority.epochs.get(&epoch) else { continue };
            for share in shares.iter().filter(|share| share.member == self.own_key) {
                let context = share_context(&community, record.kind, *number, &self.own_key);
                let order = (Some(epoch) == current, *number, record.seq, record.id);
                found.push((order, Share { epoch: *number, context, sealed: share.sealed.clone() }));
            }
        }
        found.sort_by_key(|(order, _)| *order);
        found.into_iter().map(|(_, share)| share).collect()
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

    /// All records that are kept in full, in the order of their ids.
    pub fn records(&self) -> impl Iterator<Item = &Record> {
        self.records.values()
    }

    fn take(&mut self, bytes: &[u8], verify: bool) -> Result<Outcome, Refusal> {
        let record = Record::parse(bytes)?;
        if record.community == [0; 32] {
            return Err(Refusal::Envelope { what: "it names no community" });
        }
        if self.community.is_some_and(|community| community != record.community) {
            return Err(Refusal::Foreign);
        }
        let founds = record.id.0 == record.community;
        if founds && !matches!(&record.body, Body::Charter(charter) if charter.root == record.author) {
            return Err(Refusal::Envelope { what: "the charter is not by the root that it names" });
        }
        let (id, kind) = (record.id, record.kind);
        if self.records.contains_key(&id) || self.stubs.contains_key(&id) {
            return Ok(Outcome { id, kind, new: false });
        }
        if verify {
            record.verify()?;
        }
        if self.records.len() + self.stubs.len() >= LEDGER_RECORDS {
            return Err(Refusal::Full);
        }
        self.community = Some(record.community);
        Ok(Outcome { id, kind, new: self.insert(record) })
    }

    /// Puts a record into its place. False if it was obsolete before it came and left no trace.
    fn insert(&mut self, record: Record) -> bool {
        let (id, kind, author, seq) = (record.id, record.kind, record.author, record.seq);
        let tip = self.tips.entry(author).or_default();
        tip.seq = tip.seq.max(seq);
        if kind.chained() && tip.chained.is_none_or(|(top, at)| (seq, at) > (top, id)) {
            tip.chained = Some((seq, id));
        }
        if kind.supersession() == Supersession::Latest && record.body != Body::Unread {
            let slot = (author, kind, record.body.subject());
            let rival = self.latest.get(&slot).and_then(|id| self.records.get(id));
            match rival.map(|rival| ((rival.seq, id) > (seq, rival.id), rival.id)) {
                Some((true, _)) => return self.leave_stub(&record),
                Some((false, rival)) => self.supersede(rival),
                None => {}
            }
            self.latest.insert(slot, id);
        }
        self.mentions.extend(record.body.verifiers().into_iter().map(|verifier| (verifier, kind, id)));
        self.records.insert(id, record);
        if kind.is_authority() {
            self.authority_records.insert(id);
            let records = self.authority_records.iter().filter_map(|id| self.records.get(id));
            self.authority = Authority::of(records);
            let authors: Vec<[u8; 32]> = self.issues.keys().copied().collect();
            authors.iter().for_each(|author| self.count_lots(author));
        } else if kind == Kind::Issue {
            let lots = self.issues.entry(author).or_default();
            lots.insert((seq, id));
            if lots.last() == Some(&(seq, id)) && self.floats.contains_key(&author) {
                // In a journal lots come in their order, and none needs a look at those before it.
                self.count_lot(&author, id);
            } else {
                self.count_lots(&author);
            }
        }
        true
    }

    fn supersede(&mut self, id: RecordId) {
        if let Some(record) = self.records.remove(&id) {
            for verifier in record.body.verifiers() {
                self.mentions.remove(&(verifier, record.kind, id));
            }
            self.leave_stub(&record);
        }
    }

    fn leave_stub(&mut self, record: &Record) -> bool {
        if record.kind.chained() {
            let stub = Stub { author: record.author, seq: record.seq, prev: record.prev };
            self.stubs.insert(record.id, stub);
        }
        record.kind.chained()
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

/// The Noise prologue under which an epoch's secrets are sealed to a member.
pub fn share_context(community: &[u8; 32], kind: Kind, epoch: u32, member: &[u8; 32]) -> Vec<u8> {
    [b"tequio seal", &community[..], &kind.number().to_be_bytes(), &epoch.to_be_bytes(), member].concat()
}
