//! This node's shares of the epochs' secrets, for the vault to open.

use serde::{Deserialize, Serialize};

use super::body::Body;
use super::kind::Kind;
use super::record::RecordId;
use super::rights::Role;
use super::{Ledger, Member, MemberState, Voucher, VoucherState};
use crate::base::limit::VAULT_EPOCHS;
use crate::base::sorted::{SortedMap, SortedSet};

/// This node's share of an epoch's secrets, for the vault to open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The epoch's record: two sides of a split can make two of one number.
    pub id: RecordId,
    /// The epoch's number.
    pub epoch: u32,
    /// The Noise prologue.
    pub context: Vec<u8>,
    /// The sealed secrets.
    pub sealed: Vec<u8>,
}

/// A member without what it should hold of an epoch's secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lack {
    /// Its key.
    pub member: [u8; 32],
    /// Its X25519 key.
    pub dh: [u8; 32],
    /// Whether it sells or admits, and so needs the coupon secret.
    pub coupon: bool,
    /// Whether it has no share of the current epoch at all.
    pub nothing: bool,
    /// The epoch that it lacks.
    pub epoch: RecordId,
}

/// Octets of a sealed share with the coupon secret; without it there are 32 less.
const WHOLE_SHARE: usize = 112;
/// Of how many older epochs somebody is given the coupon secret: a vault holds these and the current one.
const OLDER_EPOCHS: usize = VAULT_EPOCHS - 1;

impl Ledger {
    /// Members, none of them expelled, that lack a share of the current epoch, or the coupon secret of it or of an older
    /// one of which coupons are still good: those of the current one first.
    pub fn without_share(&self) -> Vec<Lack> {
        let mut held: SortedMap<(RecordId, [u8; 32]), usize> = SortedMap::new();
        for record in self.counted_authority() {
            let (epoch, shares) = match &record.body {
                Body::Epoch(epoch) => (record.id, epoch.shares.as_slice()),
                Body::Grant(grant) => (grant.epoch, std::slice::from_ref(&grant.share)),
                _ => continue,
            };
            for share in shares {
                let most = held.entry((epoch, share.member)).or_insert(0);
                *most = share.sealed.len().max(*most);
            }
        }
        let current = self.authority.current_epoch;
        let lack = |epoch: RecordId, state: &MemberState| {
            let Member { key, dh, roles, .. } = &state.member;
            let has = held.get(&(epoch, *key)).copied();
            let coupon = roles.has(Role::Seller) || roles.has(Role::Hotspot);
            let nothing = has.is_none() && Some(epoch) == current;
            let lacks = nothing || (coupon && has.is_none_or(|has| has < WHOLE_SHARE));
            lacks.then_some(Lack { member: *key, dh: *dh, coupon, nothing, epoch })
        };
        let epochs = current.into_iter().chain(self.older_epochs());
        epochs
            .flat_map(|epoch| self.members().filter_map(move |state| lack(epoch, state)).collect::<Vec<_>>())
            .collect()
    }

    /// Epochs before the current one that a lot with a good coupon names, the newest first.
    fn older_epochs(&self) -> impl Iterator<Item = RecordId> {
        let good = |voucher: Voucher| !matches!(voucher.state(), VoucherState::Spent | VoucherState::Void);
        let mut open: SortedSet<(u32, RecordId)> = SortedSet::new();
        for (lot, issue) in self.counted_lots().filter_map(|lot| self.lot_of(lot)) {
            let number = self.authority.epochs.get(&issue.epoch).copied();
            let Some(place) = number.map(|number| (number, issue.epoch)) else { continue };
            let is_current = Some(issue.epoch) == self.authority.current_epoch;
            let is_known = is_current || open.contains(&place);
            if !is_known
                && issue.verifiers.iter().any(|one| self.voucher_in(*one, lot, issue).is_some_and(good))
            {
                open.insert(place);
            }
        }
        let epochs: Vec<RecordId> = open.iter().map(|(_, epoch)| *epoch).collect();
        epochs.into_iter().rev().take(OLDER_EPOCHS)
    }

    /// This node's share of the current epoch.
    pub fn own_share(&self) -> Option<Share> {
        let (_, number) = self.current_epoch()?;
        self.own_shares().pop().filter(|share| share.epoch == number)
    }

    /// All shares sealed to this node, the older epochs first, the current one last: open them in this
    /// order. There may be several of one epoch (a role was given later), and one that does not open (an
    /// officer can err).
    pub fn own_shares(&self) -> Vec<Share> {
        let Some(community) = self.community else { return Vec::new() };
        let current = self.authority.current_epoch;
        let mut found = Vec::new();
        for record in self.counted_authority() {
            let (epoch, shares) = match &record.body {
                Body::Epoch(epoch) => (record.id, epoch.shares.as_slice()),
                Body::Grant(grant) => (grant.epoch, std::slice::from_ref(&grant.share)),
                _ => continue,
            };
            let Some(number) = self.authority.epochs.get(&epoch) else { continue };
            for share in shares.iter().filter(|share| share.member == self.own_key) {
                let context = share_context(&community, record.kind, *number, &self.own_key);
                let order = (Some(epoch) == current, *number, record.seq, record.id);
                let sealed = share.sealed.clone();
                found.push((order, Share { id: epoch, epoch: *number, context, sealed }));
            }
        }
        found.sort_by_key(|(order, _)| *order);
        found.into_iter().map(|(_, share)| share).collect()
    }
}

/// The Noise prologue under which an epoch's secrets are sealed to a member.
pub fn share_context(community: &[u8; 32], kind: Kind, epoch: u32, member: &[u8; 32]) -> Vec<u8> {
    [b"tequio seal", &community[..], &kind.number().to_be_bytes(), &epoch.to_be_bytes(), member].concat()
}
