//! The kinds of records: their numbers on the wire and what follows from each.
//!
//! Numbers are never used twice.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Kind {
    /// The community: name, currency, addresses. Its first one names the community for ever.
    Charter,
    /// Another root key.
    Succession,
    /// A node that belongs to the community, and its roles.
    Member,
    /// Somebody who works at a node.
    Person,
    /// New routing and coupon secrets; members that are expelled.
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
    /// A voucher of an exposed lot was changed for a new one.
    Exchange,
    /// What vouchers used at a node, in absolute counters.
    Usage,
    /// A device took up a voucher.
    Device,
    /// Vouchers that give more than their plan.
    Extension,
    /// Vouchers that are no longer good.
    Revocation,
    /// Vouchers for work or for the school, and not for money.
    InKind,
    /// Paper that somebody took away to sell.
    HandOver,
    /// A seller's debt was paid.
    Settlement,
    /// The community spent money.
    Expense,
    /// The community got money, or began with it.
    Contribution,
    /// The books are closed up to here.
    Close,
    /// Vouchers of a lot that was lost with its router.
    Honoured,
    /// Emergency, night, or neither.
    Mode,
    /// Something that members serve, like a library.
    Service,
    /// A sentence for the portal.
    Notice,
    /// The least that any clock may say.
    Time,
    /// How a member is, and what it holds the time to be. In memory only.
    Status,
    /// What a link was like when it was good.
    ReferenceState,
    /// Colour and logo of the community.
    Look,
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

const TABLE: [Row; 29] = [
    (Kind::Charter, 1, "charter", true, Supersession::Kept),
    (Kind::Succession, 2, "succession", true, Supersession::Kept),
    (Kind::Member, 3, "member", true, Supersession::Kept),
    (Kind::Person, 4, "person", true, Supersession::Kept),
    (Kind::Epoch, 5, "epoch", true, Supersession::Kept),
    (Kind::Grant, 6, "grant", true, Supersession::Kept),
    (Kind::Plan, 7, "plan", true, Supersession::Kept),
    (Kind::Issue, 8, "issue", true, Supersession::Kept),
    (Kind::Sale, 9, "sale", true, Supersession::Kept),
    (Kind::Activation, 10, "activation", true, Supersession::Latest),
    (Kind::Exchange, 11, "exchange", true, Supersession::Kept),
    (Kind::Usage, 12, "usage", false, Supersession::Latest),
    (Kind::Device, 13, "device", false, Supersession::Latest),
    (Kind::Extension, 14, "extension", true, Supersession::Kept),
    (Kind::Revocation, 15, "revocation", true, Supersession::Kept),
    (Kind::InKind, 16, "in-kind", true, Supersession::Kept),
    (Kind::HandOver, 17, "hand-over", true, Supersession::Kept),
    (Kind::Settlement, 18, "settlement", true, Supersession::Kept),
    (Kind::Expense, 19, "expense", true, Supersession::Kept),
    (Kind::Contribution, 20, "contribution", true, Supersession::Kept),
    (Kind::Close, 21, "close", true, Supersession::Kept),
    (Kind::Honoured, 22, "honoured", true, Supersession::Kept),
    (Kind::Mode, 23, "mode", true, Supersession::Kept),
    (Kind::Service, 24, "service", false, Supersession::Latest),
    (Kind::Notice, 25, "notice", false, Supersession::Latest),
    (Kind::Time, 26, "time", false, Supersession::Latest),
    (Kind::Status, 27, "status", false, Supersession::Latest),
    (Kind::ReferenceState, 28, "reference state", false, Supersession::Latest),
    (Kind::Look, 29, "look", false, Supersession::Latest),
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
        matches!(
            self,
            Self::Charter
                | Self::Succession
                | Self::Member
                | Self::Person
                | Self::Epoch
                | Self::Grant
                | Self::Plan
        )
    }

    /// Whether it tells what became of vouchers.
    pub(super) const fn is_of_vouchers(self) -> bool {
        matches!(
            self,
            Self::Sale
                | Self::Activation
                | Self::Exchange
                | Self::Extension
                | Self::Revocation
                | Self::InKind
                | Self::HandOver
        )
    }

    /// Whether an author writes it again that a close did not know. First uses, voids, gifts and extensions are as good
    /// below the line as above it, and nobody is charged for them twice.
    pub(super) const fn is_booked(self) -> bool {
        matches!(
            self,
            Self::Issue
                | Self::Honoured
                | Self::Sale
                | Self::HandOver
                | Self::Settlement
                | Self::Expense
                | Self::Contribution
        )
    }

    /// Whether there are many of it in the life of a village; the others can be looked through.
    pub(super) const fn is_many(self) -> bool {
        matches!(
            self,
            Self::Issue
                | Self::Sale
                | Self::Activation
                | Self::Usage
                | Self::Device
                | Self::Revocation
                | Self::InKind
                | Self::HandOver
                | Self::Other(_)
        )
    }

    /// Whether it goes to flash. What a member says of itself each minute does not.
    pub const fn is_stored(self) -> bool {
        !matches!(self, Self::Status)
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
