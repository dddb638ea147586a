//! What records say about who belongs to the community, and about its secrets.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::base::address::Prefix;
use crate::base::voucher::IssuerNumber;
use crate::ledger::record::RecordId;
use crate::ledger::rights::Roles;
use crate::ledger::wire;

/// The community as a whole. Signed by the root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cbor(map)]
pub struct Charter {
    /// The root key.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub root: [u8; 32],
    /// What people call the community.
    #[n(1)]
    pub name: String,
    /// ISO 4217 code, like `USD`.
    #[n(2)]
    pub currency: String,
    /// Digits behind the point of an amount of money.
    #[n(3)]
    pub minor_units: u8,
    /// ISO 3166 code, for radio rules.
    #[n(4)]
    pub country: String,
    /// Languages of pages, the first one first.
    #[n(5)]
    pub languages: Vec<String>,
    /// A /48 of unique local addresses: one /64 a node.
    #[cbor(n(6), with = "wire::prefix")]
    pub ipv6: Prefix,
    /// A /16: one /22 a node.
    #[cbor(n(7), with = "wire::prefix")]
    pub ipv4: Prefix,
    /// Charters that this one replaces, by any root.
    #[cbor(n(8), with = "wire::ids", default)]
    pub replaces: Vec<RecordId>,
    /// When paper that nobody tapped "sold" for is owed.
    #[cbor(n(9), default)]
    pub paper_debt: PaperDebt,
    /// What a node may give in kind each month on its own word, in minor units.
    #[cbor(n(10), default)]
    pub in_kind_quota: u64,
    /// What an hour of work for the village is worth, in minor units.
    #[cbor(n(11), default)]
    pub hour_rate: u64,
    /// Names of the radio networks: that of the guests, then that of the mesh.
    #[cbor(n(12), default)]
    pub ssids: Vec<String>,
    /// The plan of codes whose lot nobody can reach; none is served without it.
    #[n(13)]
    pub provisional_plan: Option<String>,
}

/// When paper is owed by whoever took it away to sell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cbor(index_only)]
pub enum PaperDebt {
    /// At its first use.
    #[default]
    #[n(0)]
    Activation,
    /// When it was handed over.
    #[n(1)]
    HandOver,
}

/// Another root key. By the old root, or by the new one: then each node accepts it by hand.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Succession {
    /// The new root.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub root: [u8; 32],
    /// The root before it.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub before: [u8; 32],
    /// The last records of the root before it that count.
    #[cbor(n(2), with = "wire::ids")]
    pub heads: Vec<RecordId>,
}

/// A node that belongs to the community.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cbor(map)]
pub struct Member {
    /// Its Ed25519 key: the member's name in every record.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub key: [u8; 32],
    /// Its X25519 key: secrets are sealed to it.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub dh: [u8; 32],
    /// What people call it.
    #[n(2)]
    pub name: String,
    /// The issuer number in its codes, 1 to 511.
    #[cbor(n(3), with = "wire::number")]
    pub number: IssuerNumber,
    /// The address slot, 0 to 59; a relay without hotspot has none.
    #[n(4)]
    pub slot: Option<u8>,
    /// What it may do.
    #[cbor(n(5), with = "wire::roles")]
    pub roles: Roles,
    /// How much its unsettled lots may be worth, in minor units.
    #[n(6)]
    pub float: u64,
    /// Records of this member that this one replaces, by any author.
    #[cbor(n(7), with = "wire::ids")]
    pub replaces: Vec<RecordId>,
    /// The last chained records that count of the roles which this record takes away: what they follow counts,
    /// and nothing else that the key signs in these roles.
    #[cbor(n(8), with = "wire::ids", default)]
    pub heads: Vec<RecordId>,
    /// The member whose place this one takes: a new box for an old one that is expelled.
    #[cbor(n(9), with = "wire::key", default)]
    pub instead_of: Option<[u8; 32]>,
}

/// Somebody who works at a node. What she does is signed by the node, with her name in it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Person {
    /// Her name in sales, never given to somebody else.
    #[n(0)]
    pub name: String,
    /// What she may do at her node; none any more: nothing.
    #[n(1)]
    pub role: PersonRole,
    /// The node where she works.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub home: [u8; 32],
    /// What proves her passphrase, as the router's login wants it.
    #[n(3)]
    pub verifier: String,
    /// Records of this person that this one replaces, by any author.
    #[cbor(n(4), with = "wire::ids")]
    pub replaces: Vec<RecordId>,
}

/// What a person may do at her node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(index_only)]
pub enum PersonRole {
    /// Nothing any more.
    #[n(0)]
    Gone,
    /// Look.
    #[n(1)]
    Viewer,
    /// Look, sell and revoke.
    #[n(2)]
    Caretaker,
    /// Everything.
    #[n(3)]
    Admin,
}

/// A rotation of the community's secrets.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Epoch {
    /// 1, or that of the followed one + 1.
    #[n(0)]
    pub number: u32,
    /// The epoch before; none for the first.
    #[cbor(n(1))]
    pub follows: Option<RecordId>,
    /// The secrets, sealed to each member; those who got none get a grant.
    #[n(2)]
    pub shares: Vec<SealedShare>,
    /// Members that belong to the community no more.
    #[cbor(n(3), default)]
    pub expels: Vec<Expulsion>,
}

/// A member that is expelled: a stolen router, or one that was replaced.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct Expulsion {
    /// Whose.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub member: [u8; 32],
    /// Its last chained records that count: what they follow counts, and nothing else of this key.
    #[cbor(n(1), with = "wire::ids")]
    pub heads: Vec<RecordId>,
}

/// An epoch's secrets, sealed to one member (`Noise_N_25519_ChaChaPoly_BLAKE2s`).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
pub struct SealedShare {
    /// Whose.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub member: [u8; 32],
    /// The sealed bytes.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub sealed: Vec<u8>,
}

/// An epoch's secrets for a member that the epoch itself was not sealed to.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Grant {
    /// The epoch's record.
    #[n(0)]
    pub epoch: RecordId,
    /// Its number.
    #[n(1)]
    pub number: u32,
    /// The secrets.
    #[n(2)]
    pub share: SealedShare,
}
