//! What records say about plans, and about vouchers in their life.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::base::time::WallTime;
use crate::base::voucher::{IssuerNumber, LotId, Proof, Verifier};
use crate::ledger::record::RecordId;
use crate::ledger::wire;

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
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
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
    /// Whether it only replaces vouchers of exposed lots: it takes no float, and a voucher of it is good once an
    /// exchange names it.
    #[cbor(n(5), default)]
    pub for_exchange: bool,
}

/// Vouchers that were sold, or an external plan that was.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
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
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
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
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
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
    /// The day when it was written, in days since 1970, if the node knew.
    #[n(3)]
    pub day: Option<u32>,
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
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
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
    /// The day when it took the voucher up, in days since 1970, if the node knew.
    #[n(3)]
    pub day: Option<u32>,
    /// How many devices have taken the voucher up at this node on that day, this one among them.
    #[cbor(n(4), default)]
    pub moves: u8,
}

/// Vouchers that are no longer good.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Revocation {
    /// Which.
    #[cbor(n(0), with = "wire::verifiers")]
    pub verifiers: Vec<Verifier>,
    /// Why, for people.
    #[n(1)]
    pub reason: String,
    /// The revocation of another node that this one agrees with; it names no vouchers then. A void after the first
    /// use cancels the debt only if somebody else agrees.
    #[n(2)]
    pub confirms: Option<RecordId>,
}

/// A voucher of an exposed lot that was changed for a new one.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Exchange {
    /// The old one.
    #[cbor(n(0), with = "wire::verifier")]
    pub old: Verifier,
    /// That its code was typed.
    #[cbor(n(1), with = "wire::proof")]
    pub proof: Proof,
    /// The new one, of a lot that was made for exchanges.
    #[cbor(n(2), with = "wire::verifier")]
    pub new: Verifier,
    /// The exchange of another node that this one agrees with: somebody else had used the old one. That is booked as
    /// theft, and the new one begins anew.
    #[n(3)]
    pub confirms: Option<RecordId>,
}

/// Vouchers that give more than their plan.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Extension {
    /// Which.
    #[cbor(n(0), with = "wire::verifiers")]
    pub verifiers: Vec<Verifier>,
    /// Seconds of use, for plans that count them.
    #[n(1)]
    pub seconds: u32,
    /// Days, for plans that count them.
    #[n(2)]
    pub days: u16,
    /// Why, for people.
    #[n(3)]
    pub reason: String,
}

/// Vouchers of a lot that burnt with its router before anybody else had it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Honoured {
    /// What the lot would have said.
    #[n(0)]
    pub lot: Issue,
    /// Why, for people.
    #[n(1)]
    pub reason: String,
}
