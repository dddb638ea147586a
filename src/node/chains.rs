//! The hash chains of voucher codes, computed in slices between other work.
//!
//! A chain is about 40 million instructions on a small router: a second in which no Hello would be
//! sent if it were computed at once. One slice of one chain is computed at each wake, in turn, so that
//! one seller with a long lot does not keep a guest at the portal waiting.

use serde::{Deserialize, Serialize};

use crate::base::sorted::SortedMap;

use super::Node;
use super::deed::Tap;
use super::vault::{CodeDone, Vault, WorkId};
use crate::base::time::Instant;
use crate::base::voucher::RequestId;
use crate::hotspot::output::AskId;

/// Chains that are being computed, and for whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Chains {
    running: SortedMap<WorkId, Purpose>,
    /// The chain that got the last slice.
    last: Option<WorkId>,
}

/// What a chain is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Purpose {
    /// A guest typed the code.
    Portal(AskId),
    /// It is being sold under this request.
    Issue(RequestId),
    /// Somebody wants to see the voucher.
    Show(RequestId),
    /// Somebody wants to make it worthless, for this reason.
    Revoke(RequestId, String),
    /// Something is done with the voucher.
    Tap(RequestId, Box<Tap>),
}

impl Purpose {
    fn request(&self) -> Option<RequestId> {
        match self {
            Self::Portal(_) => None,
            Self::Issue(request) | Self::Show(request) | Self::Revoke(request, _) | Self::Tap(request, _) => {
                Some(*request)
            }
        }
    }
}

impl Chains {
    /// Takes a chain on.
    pub(super) fn start(&mut self, work: WorkId, purpose: Purpose) {
        self.running.insert(work, purpose);
    }

    /// Chains whose proofs nobody writes into a record: they are nobody's to know.
    pub(super) fn nobody_typed(&self) -> impl Iterator<Item = WorkId> {
        let typed = |purpose: &Purpose| match purpose {
            Purpose::Portal(_) => true,
            Purpose::Tap(_, tap) => tap.needs_proof(),
            _ => false,
        };
        let others = self.running.iter().filter(move |(_, purpose)| !typed(purpose));
        others.map(|(work, _)| *work)
    }

    /// At once, while there is work.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        (!self.running.is_empty()).then_some(Instant::ZERO)
    }

    /// Stops the chains of a request that nobody waits for.
    pub(super) fn forget_request(&mut self, request: RequestId, vault: &mut dyn Vault) {
        let stale = self.running.iter().filter(|(_, purpose)| purpose.request() == Some(request));
        let stale: Vec<WorkId> = stale.map(|(work, _)| *work).collect();
        for work in stale {
            self.running.remove(&work);
            vault.forget(work);
        }
    }

    /// Whose turn it is: the one after the last, around.
    fn turn(&mut self) -> Option<WorkId> {
        let after = self.running.keys().find(|work| Some(**work) > self.last);
        self.last = after.or_else(|| self.running.keys().next()).copied();
        self.last
    }
}

impl Node {
    /// Computes one slice, and goes on with whatever waited for the chain if that was its last.
    pub(super) fn advance_chains(&mut self, now: Instant, vault: &mut dyn Vault) {
        let Some(work) = self.chains.turn() else { return };
        let Some(done) = vault.advance(work) else { return };
        let Some(purpose) = self.chains.running.remove(&work) else { return };
        self.chain_done(now, purpose, done, vault);
    }

    fn chain_done(&mut self, now: Instant, purpose: Purpose, done: CodeDone, vault: &mut dyn Vault) {
        match purpose {
            Purpose::Portal(ask) => {
                if let Some(hotspot) = &mut self.hotspot {
                    hotspot.handle_code_checked(now, ask, Some((done.verifier, done.proof)));
                }
            }
            Purpose::Issue(request) => self.code_made(now, request, &done, vault),
            Purpose::Show(request) => self.show(now, request, done.verifier),
            Purpose::Revoke(request, reason) => self.revoke(now, request, done.verifier, &reason, vault),
            Purpose::Tap(request, tap) => self.tap_on(now, request, *tap, &done, vault),
        }
    }
}
