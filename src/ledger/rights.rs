//! Roles, and the one table that says who may sign what.
//!
//! Rights are checked when records are merged, on every node, and not only where a button is shown. What
//! depends on more than the author's role (an officer may not make officers, a seller voids only
//! vouchers of its own) stands in `authority` and `book`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::kind::Kind;

/// What a node's key is trusted with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Role {
    /// Admits, replaces and expels ordinary members, rotates secrets.
    Officer,
    /// Plans, settlements, closes; voids vouchers of others.
    Treasurer,
    /// Issues and sells vouchers within a float.
    Seller,
    /// May set the mode together with a second one.
    Caretaker,
    /// Admits guests: activations, usage, devices.
    Hotspot,
    /// May offer time.
    Clock,
    /// May put up notices.
    Notice,
}

/// A set of roles.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Roles(pub u16);

/// Who can stand behind a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signer {
    /// The community's root key.
    Root,
    /// A counted member, whatever its roles.
    Member,
    /// A counted member with this role.
    Role(Role),
}

const ROOT: Signer = Signer::Root;
const OFFICER: Signer = Signer::Role(Role::Officer);
const TREASURER: Signer = Signer::Role(Role::Treasurer);
const SELLER: Signer = Signer::Role(Role::Seller);
const HOTSPOT: Signer = Signer::Role(Role::Hotspot);

/// Who may sign what. Time is offered in a status, which every member signs: what it says counts as an offer by
/// the role `clock`.
const RIGHTS: [(Kind, &[Signer]); 29] = [
    (Kind::Charter, &[ROOT]),
    // A member accepts by it, for itself alone, a root that the old one does not name.
    (Kind::Succession, &[ROOT, Signer::Member]),
    (Kind::Member, &[ROOT, OFFICER]),
    (Kind::Person, &[ROOT, OFFICER]),
    (Kind::Epoch, &[ROOT, OFFICER]),
    (Kind::Grant, &[ROOT, OFFICER]),
    (Kind::Plan, &[ROOT, TREASURER]),
    (Kind::Issue, &[SELLER]),
    (Kind::Sale, &[SELLER]),
    (Kind::Activation, &[HOTSPOT]),
    (Kind::Exchange, &[SELLER, TREASURER]),
    (Kind::Usage, &[HOTSPOT]),
    (Kind::Device, &[HOTSPOT]),
    (Kind::Extension, &[TREASURER]),
    (Kind::Revocation, &[TREASURER, SELLER]),
    (Kind::InKind, &[TREASURER, SELLER]),
    (Kind::HandOver, &[SELLER]),
    (Kind::Settlement, &[TREASURER, SELLER]),
    (Kind::Expense, &[TREASURER]),
    (Kind::Contribution, &[TREASURER]),
    (Kind::Close, &[TREASURER]),
    (Kind::Honoured, &[OFFICER]),
    (Kind::Mode, &[OFFICER, Signer::Role(Role::Caretaker)]),
    (Kind::Service, &[ROOT, OFFICER]),
    (Kind::Notice, &[Signer::Role(Role::Notice)]),
    (Kind::Time, &[ROOT]),
    (Kind::Status, &[Signer::Member]),
    (Kind::ReferenceState, &[Signer::Member]),
    (Kind::Look, &[ROOT]),
];

/// Whether the table lets this signer sign this kind.
pub fn may_sign(kind: Kind, signer: Signer) -> bool {
    RIGHTS.iter().any(|(row, signers)| *row == kind && signers.contains(&signer))
}

impl Role {
    /// All roles, in the order of their bits.
    pub const ALL: [Self; 7] = [
        Self::Officer,
        Self::Treasurer,
        Self::Seller,
        Self::Caretaker,
        Self::Hotspot,
        Self::Clock,
        Self::Notice,
    ];

    /// The word for it in commands and reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Officer => "officer",
            Self::Treasurer => "treasurer",
            Self::Seller => "seller",
            Self::Caretaker => "caretaker",
            Self::Hotspot => "hotspot",
            Self::Clock => "clock",
            Self::Notice => "notice",
        }
    }

    /// The role of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl Roles {
    /// No role: a relay.
    pub const NONE: Self = Self(0);

    /// This set and `role`.
    #[must_use]
    pub const fn with(self, role: Role) -> Self {
        Self(self.0 | role.bit())
    }

    /// Whether `role` is among them. Bits of roles that this version does not know say nothing.
    pub const fn has(self, role: Role) -> bool {
        self.0 & role.bit() != 0
    }

    /// Whether only the root may give them: who can admit or decide about money is chosen by the
    /// community, not by an officer.
    pub const fn privileged(self) -> bool {
        self.has(Role::Officer) || self.has(Role::Treasurer)
    }

    /// Whether one of the roles may sign this kind.
    pub fn may_sign(self, kind: Kind) -> bool {
        Role::ALL.into_iter().any(|role| self.has(role) && may_sign(kind, Signer::Role(role)))
    }

    /// Those that are in both.
    #[must_use]
    pub const fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those of this set that are not in `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl fmt::Display for Roles {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = Role::ALL.into_iter().filter(|role| self.has(*role)).map(Role::name).collect();
        formatter.write_str(if names.is_empty() { "relay" } else { "" })?;
        formatter.write_str(&names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_sign_what_cell_by_cell() {
        // Columns: root member officer treasurer seller caretaker hotspot clock notice.
        let table = [
            (Kind::Charter, "x........"),
            (Kind::Succession, "xx......."),
            (Kind::Member, "x.x......"),
            (Kind::Person, "x.x......"),
            (Kind::Epoch, "x.x......"),
            (Kind::Grant, "x.x......"),
            (Kind::Plan, "x..x....."),
            (Kind::Issue, "....x...."),
            (Kind::Sale, "....x...."),
            (Kind::Activation, "......x.."),
            (Kind::Exchange, "...xx...."),
            (Kind::Usage, "......x.."),
            (Kind::Device, "......x.."),
            (Kind::Extension, "...x....."),
            (Kind::Revocation, "...xx...."),
            (Kind::InKind, "...xx...."),
            (Kind::HandOver, "....x...."),
            (Kind::Settlement, "...xx...."),
            (Kind::Expense, "...x....."),
            (Kind::Contribution, "...x....."),
            (Kind::Close, "...x....."),
            (Kind::Honoured, "..x......"),
            (Kind::Mode, "..x..x..."),
            (Kind::Service, "x.x......"),
            (Kind::Notice, "........x"),
            (Kind::Time, "x........"),
            (Kind::Status, ".x......."),
            (Kind::ReferenceState, ".x......."),
            (Kind::Look, "x........"),
            (Kind::Other(99), "........."),
        ];
        assert_eq!(table.len(), Kind::all().count() + 1);
        for (kind, row) in table {
            let signers = [Signer::Root, Signer::Member].into_iter().chain(Role::ALL.map(Signer::Role));
            for (signer, cell) in signers.zip(row.chars()) {
                assert_eq!(may_sign(kind, signer), cell == 'x', "{kind} by {signer:?}");
                if let Signer::Role(role) = signer {
                    let allowed = Roles::NONE.with(role).may_sign(kind);
                    assert_eq!(allowed, cell == 'x', "{kind} by {signer:?}");
                }
            }
        }
    }

    #[test]
    fn roles_have_names() {
        for role in Role::ALL {
            assert_eq!(Role::from_name(role.name()), Some(role));
        }
        assert_eq!(Roles::NONE.with(Role::Hotspot).with(Role::Seller).to_string(), "seller,hotspot");
        assert_eq!(Roles(1 << 15).to_string(), "relay");
    }
}
