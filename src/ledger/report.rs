//! What the ledger says to people: money per person and plan, members, and what was left out and why.

use serde::{Deserialize, Serialize};

use crate::base::sorted::{SortedMap, SortedSet};

use super::Ledger;
use super::body::{Body, PlanMeasure};
use super::book::Voucher;
use super::kind::Kind;
use super::record::{Record, RecordId};
use super::text::fingerprint;

/// A read-only picture of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Members, in the order of their keys.
    pub members: Vec<MemberLine>,
    /// Money, in the order of node, person and plan.
    pub totals: Vec<Total>,
    /// Records that do not count.
    pub uncounted: Vec<Uncounted>,
    /// Authors whose records branch: a restored backup, or a copied key.
    pub branches: Vec<String>,
}

/// One member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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

/// What one person sold of one plan at one node. Vouchers that nobody sold stand under an empty person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// Name of the node.
    pub node: String,
    /// The person.
    pub person: String,
    /// The plan's id.
    pub plan: String,
    /// Vouchers made.
    pub printed: u64,
    /// Vouchers sold.
    pub sold: u64,
    /// Vouchers in use or used up.
    pub activated: u64,
    /// Vouchers voided before they were used: no debt.
    pub void: u64,
    /// What came in, in minor units.
    pub taken: u64,
    /// What of it stays with the seller.
    pub seller_share: u64,
    /// What is owed to the community.
    pub owed: u64,
}

/// A record that does not count.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncounted {
    /// Which.
    pub record: RecordId,
    /// Its kind.
    pub kind: String,
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
            members: self.member_lines(),
            totals: self.totals(),
            uncounted: self.uncounted(),
            branches: self.branches(),
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

    fn totals(&self) -> Vec<Total> {
        let mut totals = Totals::new();
        self.count_vouchers(&mut totals);
        self.count_external(&mut totals);
        let name = |key: &[u8; 32]| {
            self.authority
                .members
                .get(key)
                .map_or_else(|| fingerprint(key), |state| state.member.name.clone())
        };
        let mut rows: Vec<Total> = totals
            .into_iter()
            .map(|((node, person, plan), total)| Total { node: name(&node), person, plan, ..total })
            .collect();
        rows.sort_by(|one, other| {
            (&one.node, &one.person, &one.plan).cmp(&(&other.node, &other.person, &other.plan))
        });
        rows
    }

    fn count_vouchers(&self, totals: &mut Totals) {
        for lot in self.counted_lots.iter().filter_map(|id| self.records.get(id)) {
            let Body::Issue(issue) = &lot.body else { continue };
            for verifier in &issue.verifiers {
                // An author who names a voucher in two lots has it once.
                let first = self.lots_with(*verifier).find(|(other, _)| other.author == lot.author);
                if first.is_some_and(|(first, _)| first.id == lot.id) {
                    self.voucher_in(*verifier, lot, issue).iter().for_each(|voucher| count(totals, voucher));
                }
            }
        }
    }

    fn count_external(&self, totals: &mut Totals) {
        for record in self.records.values() {
            let Body::Sale(sale) = &record.body else { continue };
            let Some(plan) = self.plan_of(sale.plan).filter(|plan| plan.measure == PlanMeasure::External)
            else {
                continue;
            };
            if sale.external_count > 0
                && sale.price == plan.price
                && self.authority.may_sign(&record.author, Kind::Sale)
            {
                let total = totals.entry((record.author, sale.person.clone(), plan.id.clone())).or_default();
                let count = u64::from(sale.external_count);
                total.sold = total.sold.saturating_add(count);
                total.charge(plan.price, plan.seller_share, count);
            }
        }
    }

    fn uncounted(&self) -> Vec<Uncounted> {
        let line = |record: &Record| Uncounted {
            record: record.id,
            kind: record.kind.to_string(),
            author: fingerprint(&record.author),
        };
        self.records.values().filter(|record| !self.counts(record)).map(line).collect()
    }

    /// Whether anything follows from a record.
    fn counts(&self, record: &Record) -> bool {
        match &record.body {
            Body::Unread => false,
            Body::Issue(_) => self.counted_lots.contains(&record.id),
            Body::Activation(body) => {
                let proven = |(_, issue): (&Record, &super::body::Issue)| {
                    self.activations(body.verifier, issue.issuer).any(|(one, _)| one.id == record.id)
                };
                self.lots_with(body.verifier).any(proven)
            }
            _ if record.kind.is_authority() => self.authority.counted.contains(&record.id),
            _ => self.authority.may_sign(&record.author, record.kind),
        }
    }

    /// Authors with two records of one number, or two that follow the same one.
    fn branches(&self) -> Vec<String> {
        let kept = self
            .records
            .values()
            .map(|record| (record.author, record.seq, record.prev, record.kind.chained()));
        let stubs = self.stubs.values().map(|stub| (stub.author, stub.seq, stub.prev, true));
        let mut numbers = SortedSet::new();
        let mut links = SortedSet::new();
        let mut found = SortedSet::new();
        for (author, seq, prev, chained) in kept.chain(stubs) {
            if !numbers.insert((author, seq)) || (chained && !links.insert((author, prev))) {
                found.insert(author);
            }
        }
        found.iter().map(fingerprint).collect()
    }
}

fn count(totals: &mut Totals, voucher: &Voucher) {
    let person = voucher.sold.as_ref().map(|sold| sold.person.clone()).unwrap_or_default();
    let total = totals.entry((voucher.node, person, voucher.plan.id.clone())).or_default();
    let used = voucher.activated.is_some();
    let void = voucher.revoked && !used;
    total.printed += 1;
    total.sold += u64::from(voucher.sold.is_some() && !void);
    total.activated += u64::from(used);
    total.void += u64::from(void);
    // Paper that nobody tapped "sold" for is owed from its first use.
    if (voucher.sold.is_some() || used) && !void {
        total.charge(voucher.plan.price, voucher.plan.seller_share, 1);
    }
}

/// Rows by (node, person, plan).
type Totals = SortedMap<([u8; 32], String, String), Total>;

impl Total {
    fn charge(&mut self, price: u64, seller_share: u64, count: u64) {
        self.taken = self.taken.saturating_add(price.saturating_mul(count));
        self.seller_share = self.seller_share.saturating_add(seller_share.saturating_mul(count));
        self.owed = self.taken.saturating_sub(self.seller_share);
    }
}
