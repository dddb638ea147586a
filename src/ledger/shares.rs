//! This node's shares of the epochs' secrets, for the vault to open.

use serde::{Deserialize, Serialize};

use super::Ledger;
use super::body::Body;
use super::kind::Kind;
use super::record::RecordId;

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

impl Ledger {
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
