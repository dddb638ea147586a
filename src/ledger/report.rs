//! What the ledger says to people: money per person and plan, members, and what was left out and why.

use serde::Serialize;

use crate::base::sorted::{LargeSet, SortedSet};

use super::Ledger;
use super::account::Total;
use super::body::Body;
use super::record::{Record, RecordId};
use super::text::fingerprint;
use super::twice::Twice;

/// A read-only picture of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Name of the community; empty while its charter is unknown.
    pub community: String,
    /// Currency of all amounts.
    pub currency: String,
    /// Digits behind the point of all amounts.
    pub minor_units: u8,
    /// Records kept in full.
    pub records: usize,
    /// Superseded records of which only the place is kept.
    pub stubs: usize,
    /// Number of the current epoch; 0 is none.
    pub epoch: u32,
    /// Whether an expelled key holds the current secrets: rotate again.
    pub tainted: bool,
    /// Members, in the order of their keys.
    pub members: Vec<MemberLine>,
    /// Names and fingerprints of those that were expelled.
    pub expelled: Vec<String>,
    /// Money, in the order of node, person and plan.
    pub totals: Vec<Total>,
    /// Records that do not count.
    pub uncounted: Vec<Uncounted>,
    /// Authors whose records branch: a restored backup, or a copied key.
    pub branches: Vec<String>,
    /// Vouchers that gave more than they held, or began twice.
    pub used_twice: Vec<Twice>,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MemberLine {
    /// What people call it.
    pub name: String,
    /// Its key, short.
    pub fingerprint: String,
    /// Its issuer number.
    pub number: u16,
    /// Its address slot.
    pub slot: Option<u8>,
    /// Its roles, with commas.
    pub roles: String,
    /// What its lots may be worth.
    pub float: u64,
    /// Whether another member has its number or slot.
    pub conflict: bool,
    /// Records about it that were made without knowing of each other.
    pub concurrent: u16,
}

/// A record that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Uncounted {
    /// Which.
    pub record: RecordId,
    /// Its kind.
    pub kind: String,
    /// Its version: a higher one than 1 is for later programs, kept and passed on.
    pub version: u64,
    /// Its author's key, short.
    pub author: String,
}

impl Ledger {
    /// A picture of all that is known. Walks over every voucher: for people, not for every packet.
    pub fn report(&self) -> Report {
        let charter = self.charter();
        Report {
            community: charter.map(|charter| charter.name.clone()).unwrap_or_default(),
            currency: charter.map(|charter| charter.currency.clone()).unwrap_or_default(),
            minor_units: charter.map_or(0, |charter| charter.minor_units),
            records: self.records.len(),
            stubs: self.stubs.len(),
            epoch: self.current_epoch().map_or(0, |(_, number)| number),
            tainted: self.authority.tainted,
            members: self.member_lines(),
            expelled: self.expelled(),
            totals: self.rows(self.tally(&|_| true)),
            uncounted: self.uncounted(),
            branches: self.branches().iter().map(fingerprint).collect(),
            used_twice: self.used_twice(),
        }
    }

    fn member_lines(&self) -> Vec<MemberLine> {
        let line = |state: &super::MemberState| MemberLine {
            name: state.member.name.clone(),
            fingerprint: fingerprint(&state.member.key),
            number: state.member.number.0,
            slot: state.member.slot,
            roles: state.member.roles.to_string(),
            float: state.member.float,
            conflict: state.number_taken || state.slot_taken,
            concurrent: state.concurrent,
        };
        self.members().map(line).collect()
    }

    fn expelled(&self) -> Vec<String> {
        let name = |key: &[u8; 32]| {
            let state = self.authority.gone.get(key);
            let name = state.map_or("", |state| &state.member.name);
            format!("{name} {}", fingerprint(key)).trim_start().to_owned()
        };
        self.authority.expulsions.keys().map(name).collect()
    }

    fn uncounted(&self) -> Vec<Uncounted> {
        let line = |record: &Record| Uncounted {
            record: record.id,
            kind: record.kind.to_string(),
            version: record.version(),
            author: fingerprint(&record.author),
        };
        let left_out = |record: &&Record| !self.counts(record) && !self.line.is_below(record);
        self.records.values().filter(left_out).map(line).collect()
    }

    /// Whether anything follows from a record.
    fn counts(&self, record: &Record) -> bool {
        let agrees = record.body.confirms().and_then(|other| self.records.get(&other));
        match &record.body {
            Body::Unread => false,
            _ if record.body.confirms().is_some() => {
                self.authority.entitled(record) && agrees.is_some_and(|other| other.kind == record.kind)
            }
            Body::Issue(_) | Body::Honoured(_) => self.lot_of(record).is_some(),
            Body::Settlement(_) => self.settles(record),
            Body::Activation(body) => {
                let proven = |(_, issue): (&Record, &super::body::Issue)| {
                    self.activations(body.verifier, issue.issuer).any(|(one, _)| one.id == record.id)
                };
                self.lots_with(body.verifier).any(proven)
            }
            Body::Exchange(body) => {
                let counted = |(_, lot): (&Record, &super::body::Issue)| {
                    self.exchange_of(body.old, lot).is_some_and(|(one, _)| one.id == record.id)
                };
                self.lots_with(body.old).any(counted)
            }
            _ if record.kind.is_authority() => self.authority.counted.contains(&record.id),
            _ => self.authority.entitled(record),
        }
    }

    /// Authors with two records of one number, or two that follow the same one: an old backup was put back, or two boxes
    /// have one key. What two closes have gone over is of no use to anybody any more. Walks over all records.
    pub fn branches(&self) -> SortedSet<[u8; 32]> {
        let stands = |record: &&Record| !self.line.has_passed(&record.author, record.id, record.seq);
        let kept = self.records.values().filter(stands);
        let kept = kept.map(|record| (record.author, record.seq, record.prev, record.kind.chained()));
        let stubs = self.stubs.iter().filter(|(id, stub)| !self.is_passed(**id, stub));
        let stubs = stubs.map(|(_, stub)| (stub.author, stub.seq, stub.prev, true));
        let mut numbers: LargeSet<_> = LargeSet::new();
        let mut links: LargeSet<_> = LargeSet::new();
        let mut found = SortedSet::new();
        for (author, seq, prev, chained) in kept.chain(stubs) {
            if !numbers.insert((author, seq)) || (chained && !links.insert((author, prev))) {
                found.insert(author);
            }
        }
        found
    }
}
