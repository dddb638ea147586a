//! What records say about plans, and about vouchers in their life.

use serde::{Deserialize, Serialize};

use crate::base::hours::Hours;
use crate::base::time::WallTime;
use crate::base::voucher::{IssuerNumber, Keepsake, LotId, Proof, Verifier};
use crate::ledger::fields::{Field, Fields, fields};
use crate::ledger::item::{ARRAY, Item};
use crate::ledger::record::RecordId;

/// What is on sale.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Its name in commands, like `hora`.
    pub id: String,
    /// Its name for people, like `Una hora`.
    pub name: String,
    /// What runs out.
    pub measure: PlanMeasure,
    /// Devices at one time.
    pub devices: u8,
    /// Limit towards the guest in kbit/s; 0 is none.
    pub rate_down_kbps: u32,
    /// Limit from the guest in kbit/s; 0 is none.
    pub rate_up_kbps: u32,
    /// Price in minor units.
    pub price: u64,
    /// What of it stays with the seller, in minor units.
    pub seller_share: u64,
    /// Who gets the rest. All shares add up to the price.
    pub shares: Vec<PlanShare>,
    /// Records of this plan that this one replaces, by any author.
    pub replaces: Vec<RecordId>,
    /// The hours of the day at which it works; none is always.
    pub hours: Option<Hours>,
    /// What may pass in both directions together, in MB of 1,000,000 octets, beside the measure; none is any amount.
    pub data_mb: Option<u32>,
    /// The members whose nodes may sell it; none is each seller's.
    pub sellers: Option<Vec<[u8; 32]>>,
}

fields!(map Plan {
    0 id, 1 name, 2 measure, 3 devices, 4 rate_down_kbps, 5 rate_up_kbps, 6 price, 7 seller_share,
    8 shares, 9 replaces, 10 hours, 11 data_mb, 12 sellers,
});

impl Plan {
    /// Whether a member's node may sell it, as far as the plan goes.
    pub fn is_sold_by(&self, member: &[u8; 32]) -> bool {
        self.sellers.as_ref().is_none_or(|sellers| sellers.contains(member))
    }

    /// Octets that may pass in both directions together, if there is a limit.
    pub fn data_bytes(&self) -> Option<u64> {
        self.data_mb.map(|mb| u64::from(mb) * 1_000_000)
    }
}

/// `[first minute of the day, minute of the end, minutes ahead of UTC + 720]`.
impl Field for Hours {
    fn read(item: Item<'_>) -> Option<Self> {
        let fields = Fields::of_array(item)?;
        let ahead = i16::try_from(fields.get::<u16>(2)?).ok()?;
        Self::new(fields.get(0)?, fields.get(1)?, ahead.checked_sub(720)?)
    }

    fn write(&self, out: &mut Vec<u8>) {
        let (from, to, ahead) = self.parts();
        out.push(ARRAY + 3);
        // A zone is 720 minutes behind at most.
        [from, to, (ahead + 720).unsigned_abs()].iter().for_each(|number| number.write(out));
    }
}

/// What runs out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlanMeasure {
    /// Seconds of use.
    UsedSeconds {
        /// How many.
        seconds: u32,
        /// Days from the first use after which the rest is gone; none is never.
        within_days: Option<u16>,
    },
    /// Days from the first use.
    DaysFromFirstUse {
        /// How many.
        days: u16,
    },
    /// Served by something else (a month of cellular telephony): sold and shared here, no code.
    External,
}

/// `[which, [its fields]]`.
impl Field for PlanMeasure {
    fn read(item: Item<'_>) -> Option<Self> {
        let mut items = item.elements()?;
        let (which, fields) = (items.next()?.number()?, Fields::of_array(items.next()?)?);
        match which {
            0 => Some(Self::UsedSeconds { seconds: fields.get(0)?, within_days: fields.get(1)? }),
            1 => Some(Self::DaysFromFirstUse { days: fields.get(0)? }),
            2 => Some(Self::External),
            _ => None,
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut head = |which, fields| out.extend([ARRAY + 2, which, ARRAY + fields]);
        match self {
            Self::UsedSeconds { seconds, within_days: None } => {
                head(0, 1);
                seconds.write(out);
            }
            Self::UsedSeconds { seconds, within_days } => {
                head(0, 2);
                seconds.write(out);
                within_days.write(out);
            }
            Self::DaysFromFirstUse { days } => {
                head(1, 1);
                days.write(out);
            }
            Self::External => head(2, 0),
        }
    }
}

/// A part of a plan's price.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanShare {
    /// Who gets it.
    pub to: String,
    /// How much, in minor units.
    pub amount: u64,
}

fields!(array PlanShare { 0 to, 1 amount, });

/// A lot: vouchers that were made together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Its random number.
    pub lot: LotId,
    /// The epoch under whose coupon secret the codes were made.
    pub epoch: RecordId,
    /// The record of the plan that they give, as it was then: what is on paper stays good.
    pub plan: RecordId,
    /// One verifier a voucher.
    pub verifiers: Vec<Verifier>,
    /// The issuer number in the codes: it stays that of the paper when the member gets another one.
    pub issuer: IssuerNumber,
    /// Whether it only replaces vouchers of exposed lots: it takes no float, and a voucher of it is good once an
    /// exchange names it.
    pub for_exchange: bool,
}

fields!(map Issue { 0 lot, 1 epoch, 2 plan, 3 verifiers, 4 issuer, 5 for_exchange or default, });

/// Vouchers that were sold, or an external plan that was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sale {
    /// Which; empty for an external plan.
    pub verifiers: Vec<Verifier>,
    /// Who sold: the owner of the debt.
    pub person: String,
    /// Price of each in minor units, frozen.
    pub price: u64,
    /// The plan's record.
    pub plan: RecordId,
    /// How many of an external plan; 0 for vouchers.
    pub external_count: u16,
    /// When, and who says so.
    pub time: WallTime,
}

fields!(map Sale { 0 verifiers, 1 person, 2 price, 3 plan, 4 external_count, 5 time, });

/// The first time that a voucher was typed at a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Activation {
    /// Which.
    pub verifier: Verifier,
    /// That it was typed, and not read from a list of verifiers.
    pub proof: Proof,
    /// When, and who says so.
    pub begin: WallTime,
}

fields!(map Activation { 0 verifier, 1 proof, 2 begin, });

/// A page of counters of one node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// A number that is drawn anew when a node starts to count without knowing what it had counted.
    pub lane: u64,
    /// The page's number in the lane; a voucher stays on its page.
    pub page: u32,
    /// The counters.
    pub counters: Vec<Counter>,
    /// The day when it was written, in days since 1970, if the node knew.
    pub day: Option<u32>,
}

fields!(map Usage { 0 lane, 1 page, 2 counters, 3 day, });

/// What one voucher used at one node, since its first use there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counter {
    /// Which voucher.
    pub verifier: Verifier,
    /// Seconds of use.
    pub used_s: u32,
    /// Octets from the guest.
    pub up_bytes: u64,
    /// Octets to the guest.
    pub down_bytes: u64,
    /// Seconds since the first use here, as counted without a calendar.
    pub elapsed_s: u32,
}

fields!(array Counter { 0 verifier, 1 used_s, 2 up_bytes, 3 down_bytes, 4 elapsed_s, });

/// A device that took up a voucher.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    /// Which voucher.
    pub verifier: Verifier,
    /// A keyed hash of voucher and MAC address: means nothing anywhere else.
    pub tag: [u8; 8],
    /// One more than any device of the voucher had before: the oldest yields.
    pub order: u32,
    /// The day when it took the voucher up, in days since 1970, if the node knew.
    pub day: Option<u32>,
    /// How often on that day a device has taken another one's place at this node, this one included.
    pub moves: u8,
    /// The hash of the secret with which it may come back under another address.
    pub keepsake: Option<Keepsake>,
    /// Beginnings (8 octets each) of those that are spent: it came back with them, or was let out.
    pub spent: Option<Vec<u8>>,
}

fields!(map Device { 0 verifier, 1 tag, 2 order, 3 day, 4 moves or default, 5 keepsake, 6 spent, });

/// Vouchers that are no longer good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revocation {
    /// Which.
    pub verifiers: Vec<Verifier>,
    /// Why, for people.
    pub reason: String,
    /// The revocation of another node that this one agrees with; it names no vouchers then. A void after the first
    /// use cancels the debt only if somebody else agrees.
    pub confirms: Option<RecordId>,
}

fields!(map Revocation { 0 verifiers, 1 reason, 2 confirms, });

/// A voucher of an exposed lot that was changed for a new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The old one.
    pub old: Verifier,
    /// That its code was typed.
    pub proof: Proof,
    /// The new one, of a lot that was made for exchanges.
    pub new: Verifier,
    /// The exchange of another node that this one agrees with: somebody else had used the old one. That is booked as
    /// theft, and the new one begins anew.
    pub confirms: Option<RecordId>,
}

fields!(map Exchange { 0 old, 1 proof, 2 new, 3 confirms, });

/// Vouchers that give more than their plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extension {
    /// Which.
    pub verifiers: Vec<Verifier>,
    /// Seconds of use, for plans that count them.
    pub seconds: u32,
    /// Days, for plans that count them.
    pub days: u16,
    /// Why, for people.
    pub reason: String,
    /// MB of 1,000,000 octets, for plans that count them.
    pub data_mb: Option<u32>,
}

fields!(map Extension { 0 verifiers, 1 seconds, 2 days, 3 reason, 4 data_mb, });

/// Vouchers of a lot that burnt with its router before anybody else had it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Honoured {
    /// What the lot would have said.
    pub lot: Issue,
    /// Why, for people.
    pub reason: String,
}

fields!(map Honoured { 0 lot, 1 reason, });

fields!(list PlanShare, Counter);
