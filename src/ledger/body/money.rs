//! What records say about money.

use minicbor::{Decode, Encode};

use crate::base::time::WallTime;
use crate::base::voucher::Verifier;
use crate::ledger::record::RecordId;
use crate::ledger::wire;

/// Vouchers for work, a caretaker's month or the school: no debt, within the month's quota of the node; beyond it if
/// somebody else agrees.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct InKind {
    /// Which.
    #[cbor(n(0), with = "wire::verifiers")]
    pub verifiers: Vec<Verifier>,
    /// Who got them.
    #[n(1)]
    pub person: String,
    /// What for.
    #[n(2)]
    pub reason: InKindReason,
    /// Minutes of work, if it was for work.
    #[n(3)]
    pub minutes: u32,
    /// The month whose quota they take: year x 12 + month - 1.
    #[n(4)]
    pub month: u32,
    /// When, and who says so.
    #[cbor(n(5), with = "wire::wall")]
    pub time: WallTime,
    /// The record of another node that this one agrees with; it names no vouchers then.
    #[n(6)]
    pub confirms: Option<RecordId>,
}

/// What something was given for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum InKindReason {
    /// Hours of work.
    #[n(0)]
    Work,
    /// A month of taking care of a node.
    #[n(1)]
    Caretaker,
    /// The school.
    #[n(2)]
    School,
}

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
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct HandOver {
    /// Which.
    #[cbor(n(0), with = "wire::verifiers")]
    pub verifiers: Vec<Verifier>,
    /// Who has them now; nobody: they came back.
    #[n(1)]
    pub person: String,
    /// When, and who says so.
    #[cbor(n(2), with = "wire::wall")]
    pub time: WallTime,
}

/// A seller paid. It counts if the treasurer's node agrees.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Settlement {
    /// Who paid.
    #[n(0)]
    pub person: String,
    /// What was paid, in minor units.
    #[n(1)]
    pub paid: u64,
    /// What the vouchers were worth that are settled by it, the seller's part among it: so much of the float is free
    /// again, for lots that this record follows.
    #[n(2)]
    pub worth: u64,
    /// When, and who says so.
    #[cbor(n(3), with = "wire::wall")]
    pub time: WallTime,
    /// The settlement of another node that this one agrees with.
    #[n(4)]
    pub confirms: Option<RecordId>,
}

/// Money that the community spent, or that it got beside what was sold.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Cash {
    /// Who has the money, or had it.
    #[n(0)]
    pub person: String,
    /// How much, in minor units.
    #[n(1)]
    pub amount: u64,
    /// What for, or where from.
    #[n(2)]
    pub what: String,
    /// When, and who says so.
    #[cbor(n(3), with = "wire::wall")]
    pub time: WallTime,
}

/// The books up to here: what it covers is never booked again, and forgotten once the next close names this one.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Close {
    /// The close before it; none for the first.
    #[n(0)]
    pub follows: Option<RecordId>,
    /// The month that it ends: year x 12 + month - 1.
    #[n(1)]
    pub month: u32,
    /// How far, author by author.
    #[n(2)]
    pub covers: Vec<Cover>,
    /// What had come together since the beginning, in the order of node, person and plan.
    #[n(3)]
    pub totals: Vec<ClosedTotal>,
    /// What stays below the line: records that say who may do what, and lots with vouchers that are still good. Of
    /// each the first 10 octets of its id, in order.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub kept: Vec<u8>,
}

/// How far a close covers the records of an author.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Cover {
    /// Whose.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub author: [u8; 32],
    /// Its highest covered chained record.
    #[n(1)]
    pub head: RecordId,
    /// That record's number.
    #[n(2)]
    pub seq: u64,
    /// What the author's lots up to there take of its float, in minor units.
    #[n(3)]
    pub float: u64,
}

/// A row of a close.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct ClosedTotal {
    /// The node.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub node: [u8; 32],
    /// The person; nobody for vouchers that nobody had.
    #[n(1)]
    pub person: String,
    /// The plan; none for what is of no plan, like a settlement.
    #[n(2)]
    pub plan: String,
    /// Its figures, in the order of `account::Figure`.
    #[n(3)]
    pub figures: Vec<i64>,
}
