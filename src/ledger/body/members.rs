//! What records say about who belongs to the community, and about its secrets.

use serde::{Deserialize, Serialize};

use crate::base::address::Prefix;
use crate::base::voucher::IssuerNumber;
use crate::ledger::fields::fields;
use crate::ledger::record::RecordId;
use crate::ledger::rights::Roles;

/// The community as a whole. Signed by the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charter {
    /// The root key.
    pub root: [u8; 32],
    /// What people call the community.
    pub name: String,
    /// ISO 4217 code, like `USD`.
    pub currency: String,
    /// Digits behind the point of an amount of money.
    pub minor_units: u8,
    /// ISO 3166 code, for radio rules.
    pub country: String,
    /// Languages of pages, the first one first.
    pub languages: Vec<String>,
    /// A /48 of unique local addresses: one /64 a node.
    pub ipv6: Prefix,
    /// A /16: one /22 a node.
    pub ipv4: Prefix,
    /// Charters that this one replaces, by any root.
    pub replaces: Vec<RecordId>,
    /// When paper that nobody tapped "sold" for is owed.
    pub paper_debt: PaperDebt,
    /// What a node may give in kind each month on its own word, in minor units.
    pub in_kind_quota: u64,
    /// What an hour of work for the village is worth, in minor units.
    pub hour_rate: u64,
    /// Names of the radio networks: that of the guests, then that of the mesh.
    pub ssids: Vec<String>,
    /// The plan of codes whose lot nobody can reach; none is served without it.
    pub provisional_plan: Option<String>,
}

fields!(map Charter {
    0 root, 1 name, 2 currency, 3 minor_units, 4 country, 5 languages, 6 ipv6, 7 ipv4,
    8 replaces or default, 9 paper_debt or default, 10 in_kind_quota or default, 11 hour_rate or default,
    12 ssids or default, 13 provisional_plan,
});

/// When paper is owed by whoever took it away to sell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PaperDebt {
    /// At its first use.
    #[default]
    Activation,
    /// When it was handed over.
    HandOver,
}

fields!(numbers PaperDebt { 0 Activation, 1 HandOver, });

/// Another root key. By the old root, or by the new one: then each node accepts it by hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succession {
    /// The new root.
    pub root: [u8; 32],
    /// The root before it.
    pub before: [u8; 32],
    /// The last records of the root before it that count.
    pub heads: Vec<RecordId>,
}

fields!(map Succession { 0 root, 1 before, 2 heads, });

/// A node that belongs to the community.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Its Ed25519 key: the member's name in every record.
    pub key: [u8; 32],
    /// Its X25519 key: secrets are sealed to it.
    pub dh: [u8; 32],
    /// What people call it.
    pub name: String,
    /// The issuer number in its codes, 1 to 511.
    pub number: IssuerNumber,
    /// The address slot, 0 to 59; a relay without hotspot has none.
    pub slot: Option<u8>,
    /// What it may do.
    pub roles: Roles,
    /// How much its unsettled lots may be worth, in minor units.
    pub float: u64,
    /// Records of this member that this one replaces, by any author.
    pub replaces: Vec<RecordId>,
    /// The last chained records that count of the roles which this record takes away: what they follow counts,
    /// and nothing else that the key signs in these roles.
    pub heads: Vec<RecordId>,
    /// The member whose place this one takes: a new box for an old one that is expelled.
    pub instead_of: Option<[u8; 32]>,
}

fields!(map Member {
    0 key, 1 dh, 2 name, 3 number, 4 slot, 5 roles, 6 float, 7 replaces, 8 heads or default,
    9 instead_of or default,
});

/// Somebody who works at a node. What she does is signed by the node, with her name in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Her name in sales, never given to somebody else.
    pub name: String,
    /// What she may do at her node; none any more: nothing.
    pub role: PersonRole,
    /// The node where she works.
    pub home: [u8; 32],
    /// What proves her passphrase, as the router's login wants it.
    pub verifier: String,
    /// Records of this person that this one replaces, by any author.
    pub replaces: Vec<RecordId>,
}

fields!(map Person { 0 name, 1 role, 2 home, 3 verifier, 4 replaces, });

/// What a person may do at her node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PersonRole {
    /// Nothing any more.
    Gone,
    /// Look.
    Viewer,
    /// Look, sell and revoke.
    Caretaker,
    /// Everything.
    Admin,
}

fields!(numbers PersonRole { 0 Gone, 1 Viewer, 2 Caretaker, 3 Admin, });

/// A rotation of the community's secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Epoch {
    /// 1, or that of the followed one + 1.
    pub number: u32,
    /// The epoch before; none for the first.
    pub follows: Option<RecordId>,
    /// The secrets, sealed to each member; those who got none get a grant.
    pub shares: Vec<SealedShare>,
    /// Members that belong to the community no more.
    pub expels: Vec<Expulsion>,
}

fields!(map Epoch { 0 number, 1 follows, 2 shares, 3 expels or default, });

/// A member that is expelled: a stolen router, or one that was replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expulsion {
    /// Whose.
    pub member: [u8; 32],
    /// Its last chained records that count: what they follow counts, and nothing else of this key.
    pub heads: Vec<RecordId>,
}

fields!(array Expulsion { 0 member, 1 heads, });

/// An epoch's secrets, sealed to one member (`Noise_N_25519_ChaChaPoly_BLAKE2s`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedShare {
    /// Whose.
    pub member: [u8; 32],
    /// The sealed bytes.
    pub sealed: Vec<u8>,
}

fields!(array SealedShare { 0 member, 1 sealed, });

/// An epoch's secrets for a member that the epoch itself was not sealed to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The epoch's record.
    pub epoch: RecordId,
    /// Its number.
    pub number: u32,
    /// The secrets.
    pub share: SealedShare,
}

fields!(map Grant { 0 epoch, 1 number, 2 share, });

fields!(list Expulsion, SealedShare);
