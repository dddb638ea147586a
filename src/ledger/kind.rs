//! The kinds of records: their numbers on the wire and what follows from each.
//!
//! Numbers are never used twice; those left out belong to kinds that are not spoken yet.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// The community: name, currency, addresses. Its first one names the community for ever.
    Charter,
    /// A node that belongs to the community, and its roles.
    Member,
    /// New routing and coupon secrets.
    Epoch,
    /// An epoch's secrets for one more member.
    Grant,
    /// What is on sale, for how much.
    Plan,
    /// A lot of vouchers: their verifiers.
    Issue,
    /// Vouchers of a lot went to somebody, for money.
    Sale,
    /// A voucher was typed for the first time at a node.
    Activation,
    /// What vouchers used at a node, in absolute counters.
    Usage,
    /// A device took up a voucher.
    Device,
    /// Vouchers that are no longer good.
    Revocation,
    /// A kind that this version does not know: kept, relayed, without a meaning here.
    Other(u16),
}

/// Which earlier records of the same author a record makes obsolete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Supersession {
    /// None: each one stands, or names what it replaces.
    Kept,
    /// Those with the same kind and subject and a lower `seq`.
    Latest,
}

/// One row: kind, number on the wire, name, in the author's chain?, supersession.
type Row = (Kind, u16, &'static str, bool, Supersession);

const TABLE: [Row; 11] = [
    (Kind::Charter, 1, "charter", true, Supersession::Kept),
    (Kind::Member, 3, "member", true, Supersession::Kept),
    (Kind::Epoch, 5, "epoch", true, Supersession::Kept),
    (Kind::Grant, 6, "grant", true, Supersession::Kept),
    (Kind::Plan, 7, "plan", true, Supersession::Kept),
    (Kind::Issue, 8, "issue", true, Supersession::Kept),
    (Kind::Sale, 9, "sale", true, Supersession::Kept),
    (Kind::Activation, 10, "activation", true, Supersession::Latest),
    (Kind::Usage, 12, "usage", false, Supersession::Latest),
    (Kind::Device, 13, "device", false, Supersession::Latest),
    (Kind::Revocation, 15, "revocation", true, Supersession::Kept),
];

impl Kind {
    /// All kinds that this version knows.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(|row| row.0)
    }

    /// The kind with this number.
    pub fn from_number(number: u16) -> Self {
        TABLE.iter().find(|row| row.1 == number).map_or(Self::Other(number), |row| row.0)
    }

    /// Its number on the wire.
    pub fn number(self) -> u16 {
        match self {
            Self::Other(number) => number,
            known => known.row().map_or(0, |row| row.1),
        }
    }

    /// Whether its records name the author's previous one. Unknown kinds count as chained: forgetting a
    /// link of the chain would be worse than keeping one too many.
    pub fn chained(self) -> bool {
        self.row().is_none_or(|row| row.3)
    }

    /// Whether it decides who may do what, or what things cost: a change of it may change the
    /// meaning of any other record.
    pub const fn is_authority(self) -> bool {
        matches!(self, Self::Charter | Self::Member | Self::Epoch | Self::Grant | Self::Plan)
    }

    pub(super) fn supersession(self) -> Supersession {
        self.row().map_or(Supersession::Kept, |row| row.4)
    }

    fn row(self) -> Option<&'static Row> {
        TABLE.iter().find(|row| row.0 == self)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.row() {
            Some(row) => formatter.write_str(row.2),
            None => write!(formatter, "kind {}", self.number()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_what_it_writes() {
        for number in 0..=64 {
            assert_eq!(Kind::from_number(number).number(), number);
        }
        for kind in Kind::all() {
            assert_eq!(Kind::from_number(kind.number()), kind);
        }
        assert_eq!(Kind::Other(99).to_string(), "kind 99");
    }
}
