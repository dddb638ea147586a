//! Secrets for whoever has no share of them: a member that was admitted on the other side of a split, or that got a role
//! later. An officer's node that holds the epoch which counts grants it by itself. Several officers wait for different
//! times, so that mostly one of them does it; nobody is harmed by two.

use serde::{Deserialize, Serialize};

use super::Node;
use super::output::NoteLevel;
use super::stores::Then;
use super::vault::Vault;
use crate::base::time::{Instant, Span};
use crate::ledger::body::{Grant, SealedShare};
use crate::ledger::{Body, Kind, Role, share_context};

/// When it is looked who lacks a share.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Grants {
    look_at: Option<Instant>,
}

impl Grants {
    pub(super) const fn next_wake(&self) -> Option<Instant> {
        self.look_at
    }
}

impl Node {
    /// Somebody may lack a share now.
    pub(super) fn look_who_lacks(&mut self, now: Instant) {
        let is_officer = self.ledger.own_member().is_some_and(|own| own.roles.has(Role::Officer));
        if is_officer && self.grants.look_at.is_none() {
            let after = LEAST.as_millis() + self.random.below(SPREAD.as_millis());
            self.grants.look_at = Some(now + Span::from_millis(after));
        }
    }

    /// Seals the secrets of the epoch that counts to one member without a share: sealing is two signatures' work.
    pub(super) fn grant_share(&mut self, now: Instant, vault: &mut dyn Vault) {
        if self.grants.look_at.is_none_or(|at| at > now) {
            return;
        }
        self.grants.look_at = None;
        let Some(community) = self.ledger.community() else { return };
        // Of several shares of an epoch the last one says most.
        let own_shares = self.ledger.own_shares();
        for lack in self.ledger.without_share() {
            let own = own_shares.iter().rev().find(|share| share.id == lack.epoch);
            let Some(own) = own else { continue };
            let context = share_context(&community, Kind::Grant, own.epoch, &lack.member);
            let mut sealed = vault.seal_share(&own.context, &own.sealed, &lack.dh, &context, lack.coupon);
            if sealed.is_empty() && lack.nothing {
                // Who neither sells nor admits has no coupon secret to give away.
                sealed = vault.seal_share(&own.context, &own.sealed, &lack.dh, &context, false);
            }
            let share = SealedShare { member: lack.member, sealed };
            let grant = Body::Grant(Box::new(Grant { epoch: own.id, number: own.epoch, share }));
            let is_sealed = matches!(&grant, Body::Grant(grant) if !grant.share.sealed.is_empty());
            let Some(record) = is_sealed.then(|| self.sign(now, grant, vault)).flatten() else { continue };
            let name = self.member_name(&lack.member).unwrap_or_default().to_owned();
            self.note(
                NoteLevel::Info,
                format!("{name} gets the secrets of epoch {} from this node", own.epoch),
            );
            self.store(now, vec![record], false, Then::Nothing);
            self.grants.look_at = Some(now + AGAIN);
            return;
        }
    }
}

/// An officer grants no sooner: another one's grant may be on its way.
const LEAST: Span = Span::from_secs(5);
/// And so much later at most.
const SPREAD: Span = Span::from_secs(25);
/// Between two grants.
const AGAIN: Span = Span::from_secs(1);
