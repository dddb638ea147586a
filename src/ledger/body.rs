//! What records say, kind by kind. Field numbers are the format: they are never used twice.
//!
//! A body that does not decode, or that says what it may not (a lot of 201 vouchers, a price that its
//! shares do not add up to), is [`Body::Unread`]: its record is kept and passed on, since a newer version
//! may understand it, but nothing follows from it here.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use super::kind::Kind;
use super::record::RecordId;
use super::rights::Roles;
use super::wire;
use crate::base::address::Prefix;
use crate::base::time::WallTime;
use crate::base::voucher::{IssuerNumber, LotId, Proof, Verifier};

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Body {
    /// The community.
    Charter(Charter),
    /// A member.
    Member(Member),
    /// New secrets.
    Epoch(Epoch),
    /// Secrets for one more member.
    Grant(Grant),
    /// Something on sale.
    Plan(Plan),
    /// A lot of vouchers.
    Issue(Issue),
    /// Vouchers sold.
    Sale(Sale),
    /// A voucher begun.
    Activation(Activation),
    /// Counters.
    Usage(Usage),
    /// A device of a voucher.
    Device(Device),
    /// Vouchers that are void.
    Revocation(Revocation),
    /// Not understood by this version.
    Unread,
}

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
}

/// A rotation of the community's secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
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
}

/// An epoch's secrets, sealed to one member (`Noise_N_25519_ChaChaPoly_BLAKE2s`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
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

/// What is on sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cbor(map)]
pub struct Plan {
    /// Its name in commands, like `hora`.
    #[n(0)]
    pub id: String,
    /// Its name for people, like `Una hora`.
    #[n(1)]
    pub name: String,
    /// What runs out.
    #[n(2)]
    pub measure: PlanMeasure,
    /// Devices at one time.
    #[n(3)]
    pub devices: u8,
    /// Limit towards the guest in kbit/s; 0 is none.
    #[n(4)]
    pub rate_down_kbps: u32,
    /// Limit from the guest in kbit/s; 0 is none.
    #[n(5)]
    pub rate_up_kbps: u32,
    /// Price in minor units.
    #[n(6)]
    pub price: u64,
    /// What of it stays with the seller, in minor units.
    #[n(7)]
    pub seller_share: u64,
    /// Who gets the rest. All shares add up to the price.
    #[n(8)]
    pub shares: Vec<PlanShare>,
    /// Records of this plan that this one replaces, by any author.
    #[cbor(n(9), with = "wire::ids")]
    pub replaces: Vec<RecordId>,
}

/// What runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
pub enum PlanMeasure {
    /// Seconds of use.
    #[n(0)]
    UsedSeconds {
        /// How many.
        #[n(0)]
        seconds: u32,
        /// Days from the first use after which the rest is gone; none is never.
        #[n(1)]
        within_days: Option<u16>,
    },
    /// Days from the first use.
    #[n(1)]
    DaysFromFirstUse {
        /// How many.
        #[n(0)]
        days: u16,
    },
    /// Served by something else (a month of cellular telephony): sold and shared here, no code.
    #[n(2)]
    External,
}

/// A part of a plan's price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cbor(array)]
pub struct PlanShare {
    /// Who gets it.
    #[n(0)]
    pub to: String,
    /// How much, in minor units.
    #[n(1)]
    pub amount: u64,
}

/// A lot: vouchers that were made together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cbor(map)]
pub struct Issue {
    /// Its random number.
    #[cbor(n(0), with = "wire::lot")]
    pub lot: LotId,
    /// The epoch under whose coupon secret the codes were made.
    #[n(1)]
    pub epoch: RecordId,
    /// The record of the plan that they give, as it was then: what is on paper stays good.
    #[n(2)]
    pub plan: RecordId,
    /// One verifier a voucher.
    #[cbor(n(3), with = "wire::verifiers")]
    pub verifiers: Vec<Verifier>,
    /// The issuer number in the codes: it stays that of the paper when the member gets another one.
    #[cbor(n(4), with = "wire::number")]
    pub issuer: IssuerNumber,
}

/// Vouchers that were sold, or an external plan that was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cbor(map)]
pub struct Sale {
    /// Which; empty for an external plan.
    #[cbor(n(0), with = "wire::verifiers")]
    pub verifiers: Vec<Verifier>,
    /// Who sold: the owner of the debt.
    #[n(1)]
    pub person: String,
    /// Price of each in minor units, frozen.
    #[n(2)]
    pub price: u64,
    /// The plan's record.
    #[n(3)]
    pub plan: RecordId,
    /// How many of an external plan; 0 for vouchers.
    #[n(4)]
    pub external_count: u16,
    /// When, and who says so.
    #[cbor(n(5), with = "wire::wall")]
    pub time: WallTime,
}

/// The first time that a voucher was typed at a node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cbor(map)]
pub struct Activation {
    /// Which.
    #[cbor(n(0), with = "wire::verifier")]
    pub verifier: Verifier,
    /// That it was typed, and not read from a list of verifiers.
    #[cbor(n(1), with = "wire::proof")]
    pub proof: Proof,
    /// When, and who says so.
    #[cbor(n(2), with = "wire::wall")]
    pub begin: WallTime,
}

/// A page of counters of one node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cbor(map)]
pub struct Usage {
    /// A number that is drawn anew when a node starts to count without knowing what it had counted.
    #[n(0)]
    pub lane: u64,
    /// The page's number in the lane; a voucher stays on its page.
    #[n(1)]
    pub page: u32,
    /// The counters.
    #[n(2)]
    pub counters: Vec<Counter>,
}

/// What one voucher used at one node, since its first use there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cbor(array)]
pub struct Counter {
    /// Which voucher.
    #[cbor(n(0), with = "wire::verifier")]
    pub verifier: Verifier,
    /// Seconds of use.
    #[n(1)]
    pub used_s: u32,
    /// Octets from the guest.
    #[n(2)]
    pub up_bytes: u64,
    /// Octets to the guest.
    #[n(3)]
    pub down_bytes: u64,
    /// Seconds since the first use here, as counted without a calendar.
    #[n(4)]
    pub elapsed_s: u32,
}

/// A device that took up a voucher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cbor(map)]
pub struct Device {
    /// Which voucher.
    #[cbor(n(0), with = "wire::verifier")]
    pub verifier: Verifier,
    /// A keyed hash of voucher and MAC address: means nothing anywhere else.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub tag: [u8; 8],
    /// One more than any device of the voucher had before: the oldest yields.
    #[n(2)]
    pub order: u32,
}

/// Vouchers that are no longer good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Encode, Decode)]
#[cbor(map)]
pub struct Revocation {
    /// Which.
    #[cbor(n(0), with = "wire::verifiers")]
    pub verifiers: Vec<Verifier>,
    /// Why, for people.
    #[n(1)]
    pub reason: String,
}

impl Body {
    /// Reads the body of a record of this kind, whose bytes the strict walk has passed.
    pub(super) fn decode(kind: Kind, bytes: &[u8]) -> Self {
        fn read<'b, T: Decode<'b, ()>>(bytes: &'b [u8], wrap: fn(T) -> Body) -> Body {
            minicbor::decode(bytes).map_or(Body::Unread, wrap)
        }
        let body = match kind {
            Kind::Charter => read(bytes, Self::Charter),
            Kind::Member => read(bytes, Self::Member),
            Kind::Epoch => read(bytes, Self::Epoch),
            Kind::Grant => read(bytes, Self::Grant),
            Kind::Plan => read(bytes, Self::Plan),
            Kind::Issue => read(bytes, Self::Issue),
            Kind::Sale => read(bytes, Self::Sale),
            Kind::Activation => read(bytes, Self::Activation),
            Kind::Usage => read(bytes, Self::Usage),
            Kind::Device => read(bytes, Self::Device),
            Kind::Revocation => read(bytes, Self::Revocation),
            Kind::Other(_) => Self::Unread,
        };
        if body.fault().is_some() { Self::Unread } else { body }
    }

    /// The bytes of this body; `None` for one that was not understood.
    pub(super) fn encode(&self) -> Option<Vec<u8>> {
        let bytes = match self {
            Self::Charter(body) => minicbor::to_vec(body),
            Self::Member(body) => minicbor::to_vec(body),
            Self::Epoch(body) => minicbor::to_vec(body),
            Self::Grant(body) => minicbor::to_vec(body),
            Self::Plan(body) => minicbor::to_vec(body),
            Self::Issue(body) => minicbor::to_vec(body),
            Self::Sale(body) => minicbor::to_vec(body),
            Self::Activation(body) => minicbor::to_vec(body),
            Self::Usage(body) => minicbor::to_vec(body),
            Self::Device(body) => minicbor::to_vec(body),
            Self::Revocation(body) => minicbor::to_vec(body),
            Self::Unread => return None,
        };
        bytes.ok()
    }

    /// The kind of record that says this.
    pub const fn kind(&self) -> Option<Kind> {
        Some(match self {
            Self::Charter(_) => Kind::Charter,
            Self::Member(_) => Kind::Member,
            Self::Epoch(_) => Kind::Epoch,
            Self::Grant(_) => Kind::Grant,
            Self::Plan(_) => Kind::Plan,
            Self::Issue(_) => Kind::Issue,
            Self::Sale(_) => Kind::Sale,
            Self::Activation(_) => Kind::Activation,
            Self::Usage(_) => Kind::Usage,
            Self::Device(_) => Kind::Device,
            Self::Revocation(_) => Kind::Revocation,
            Self::Unread => return None,
        })
    }

    /// What a later record of the same author and kind must share to make this one obsolete.
    pub(super) fn subject(&self) -> Vec<u8> {
        match self {
            Self::Activation(body) => body.verifier.0.to_vec(),
            Self::Usage(body) => [&body.lane.to_be_bytes()[..], &body.page.to_be_bytes()].concat(),
            Self::Device(body) => [body.verifier.0, body.tag].concat(),
            _ => Vec::new(),
        }
    }

    /// The vouchers that it speaks of.
    pub(super) fn verifiers(&self) -> Vec<Verifier> {
        match self {
            Self::Issue(body) => body.verifiers.clone(),
            Self::Sale(body) => body.verifiers.clone(),
            Self::Revocation(body) => body.verifiers.clone(),
            Self::Activation(body) => vec![body.verifier],
            Self::Device(body) => vec![body.verifier],
            Self::Usage(body) => body.counters.iter().map(|counter| counter.verifier).collect(),
            _ => Vec::new(),
        }
    }
}
