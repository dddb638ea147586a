//! What records say about money.

use crate::base::time::WallTime;
use crate::base::voucher::Verifier;
use crate::ledger::fields::fields;
use crate::ledger::record::RecordId;

/// Vouchers for work, a caretaker's month or the school: no debt, within the month's quota of the node; beyond it if
/// somebody else agrees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InKind {
    /// Which.
    pub verifiers: Vec<Verifier>,
    /// Who got them.
    pub person: String,
    /// What for.
    pub reason: InKindReason,
    /// Minutes of work, if it was for work.
    pub minutes: u32,
    /// The month whose quota they take: year x 12 + month - 1.
    pub month: u32,
    /// When, and who says so.
    pub time: WallTime,
    /// The record of another node that this one agrees with; it names no vouchers then.
    pub confirms: Option<RecordId>,
}

fields!(map InKind { 0 verifiers, 1 person, 2 reason, 3 minutes, 4 month, 5 time, 6 confirms, });

/// What something was given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InKindReason {
    /// Hours of work.
    Work,
    /// A month of taking care of a node.
    Caretaker,
    /// The school.
    School,
}

fields!(numbers InKindReason { 0 Work, 1 Caretaker, 2 School, });

impl InKindReason {
    /// Their words.
    pub const NAMES: [(&'static str, Self); 3] =
        [("work", Self::Work), ("caretaker", Self::Caretaker), ("school", Self::School)];

    /// The reason of this word.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMES.iter().find(|(word, _)| *word == name).map(|(_, reason)| *reason)
    }
}

/// Paper that somebody took away to sell, or brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandOver {
    /// Which.
    pub verifiers: Vec<Verifier>,
    /// Who has them now; nobody: they came back.
    pub person: String,
    /// When, and who says so.
    pub time: WallTime,
}

fields!(map HandOver { 0 verifiers, 1 person, 2 time, });

/// A seller paid. It counts if the treasurer's node agrees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Who paid.
    pub person: String,
    /// What was paid, in minor units.
    pub paid: u64,
    /// What the vouchers were worth that are settled by it, the seller's part among it: so much of the float is free
    /// again, for lots that this record follows.
    pub worth: u64,
    /// When, and who says so.
    pub time: WallTime,
    /// The settlement of another node that this one agrees with.
    pub confirms: Option<RecordId>,
}

fields!(map Settlement { 0 person, 1 paid, 2 worth, 3 time, 4 confirms, });

/// Money that the community spent, or that it got beside what was sold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cash {
    /// Who has the money, or had it.
    pub person: String,
    /// How much, in minor units.
    pub amount: u64,
    /// What for, or where from.
    pub what: String,
    /// When, and who says so.
    pub time: WallTime,
}

fields!(map Cash { 0 person, 1 amount, 2 what, 3 time, });

/// The books up to here: what it covers is never booked again, and forgotten once the next close names this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// The close before it; none for the first.
    pub follows: Option<RecordId>,
    /// The month that it ends, or that goes on: year x 12 + month - 1.
    pub month: u32,
    /// How far, author by author.
    pub covers: Vec<Cover>,
    /// What had come together since the beginning, in the order of node, person and plan.
    pub totals: Vec<ClosedTotal>,
    /// What stays below the line: records that say who may do what, and lots with vouchers that are still good. Of
    /// each the first 10 octets of its id, in order.
    pub kept: Vec<u8>,
    /// One more than that of the close before it; 1 is the first.
    pub number: u32,
    /// The day on which it was made, in days since 1970, if the month goes on.
    pub day: Option<u32>,
}

fields!(map Close { 0 follows, 1 month, 2 covers, 3 totals, 4 kept, 5 number, 6 day, });

/// How far a close covers the records of an author.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cover {
    /// Whose.
    pub author: [u8; 32],
    /// Its highest covered chained record.
    pub head: RecordId,
    /// That record's number.
    pub seq: u64,
    /// What the author's lots up to there take of its float, in minor units.
    pub float: u64,
    /// The ends of what is covered beside that record's chain: other branches, and what is before a link that is lost.
    pub others: Vec<RecordId>,
}

impl Cover {
    /// All ends of what is covered.
    pub fn ends(&self) -> Vec<RecordId> {
        [&[self.head], &self.others[..]].concat()
    }
}

fields!(array Cover { 0 author, 1 head, 2 seq, 3 float, 4 others, });

/// A row of a close.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedTotal {
    /// The node.
    pub node: [u8; 32],
    /// The person; nobody for vouchers that nobody had.
    pub person: String,
    /// The plan; none for what is of no plan, like a settlement.
    pub plan: String,
    /// Its figures, in the order of `account::Figure`.
    pub figures: Vec<i64>,
}

fields!(array ClosedTotal { 0 node, 1 person, 2 plan, 3 figures, });

fields!(list Cover, ClosedTotal);
