//! A new root that the old one does not name, because it is lost: it counts at this node once somebody here has compared
//! its fingerprint. What this node then writes is a record like any other, so that it stands in the journal and in each
//! backup; it counts for its author alone.

use super::Node;
use super::call::Answer;
use super::output::NoteLevel;
use super::stores::Then;
use super::vault::Vault;
use crate::base::time::Instant;
use crate::base::voucher::RequestId;
use crate::ledger::text::fingerprint;

impl Node {
    /// Counts the root with this fingerprint, which somebody was told by the people who keep it.
    pub(super) fn accept_root(
        &mut self,
        now: Instant,
        request: RequestId,
        typed: &str,
        vault: &mut dyn Vault,
    ) {
        let plain = |text: &str| text.chars().filter(char::is_ascii_alphanumeric).collect::<String>();
        let typed = plain(typed).to_ascii_uppercase();
        let roots = self.ledger.waiting_roots();
        let Some(root) = roots.into_iter().find(|root| plain(&fingerprint(root)) == typed) else {
            let why = "No root with this fingerprint waits at this node: compare each symbol, and whether this node has \
                       the records of it yet.";
            return self.refuse(request, "root-unknown", why);
        };
        let Some(record) = self.ledger.acceptance(root).and_then(|body| self.sign(now, body, vault)) else {
            return self.refuse(request, "no-member", "Only a member of the community can accept its root.");
        };
        let root = fingerprint(&root);
        self.note(NoteLevel::Warning, format!("the root {root} was accepted at this node"));
        self.learn_keys(now, vault);
        self.open_shares(vault);
        self.name_community(now);
        let answer = Box::new(Answer::RootAccepted(root));
        let then = Then::Answer { requests: vec![request], answer, sold: Vec::new(), tap: 0 };
        self.store(now, vec![record], true, then);
    }
}
