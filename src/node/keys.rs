//! The keys of Babel's packets that follow from the community's epochs: which sign, and which are taken.
//!
//! The vault has them and knows them by the names that are made here. The newest one that this node holds a
//! share of signs. One that it follows goes on beside it for a minute, so that a neighbour whom the news has not
//! reached yet is heard and hears; then the vault forgets it. The ledger's streams need no Babel, so whoever
//! missed that minute learns the new secrets all the same.
//!
//! An interface that leaves it to the community (`option auth community`, the default) changes over with it.
//! Without a share it does as before there was a community. Under the first epoch, while nodes are still being
//! admitted, it signs and takes everything. With the first rotation, which is how a community says who is out,
//! it takes only what is signed.

use serde::{Deserialize, Serialize};

use super::Node;
use super::call::Alert;
use super::output::NoteLevel;
use super::vault::Vault;
use crate::babel::auth::settings::{Algorithm, Auth, AuthMode, KeyUse};
use crate::babel::report::NeighbourReport;
use crate::babel::settings::Settings;
use crate::base::limit;
use crate::base::time::{Instant, Span};
use crate::ledger::Share;
use crate::ledger::sync::Place;

/// The keys that are in use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EpochKeys {
    /// The newest first.
    held: Vec<EpochKey>,
    /// Whether the community has changed its secrets since it was founded.
    rotated: bool,
}

/// One key, by its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct EpochKey {
    name: String,
    epoch: u32,
    /// When it is forgotten; the newest one is not.
    until: Option<Instant>,
}

impl EpochKeys {
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.held.iter().filter_map(|key| key.until).min()
    }

    /// The epoch whose key signs.
    pub(super) fn epoch(&self) -> Option<u32> {
        self.held.first().map(|key| key.epoch)
    }

    /// What the operator decided, and what the community adds to it.
    pub(super) fn routing(&self, settings: &Settings) -> Settings {
        let mut settings = settings.clone();
        settings.interfaces.iter_mut().for_each(|interface| self.amend(&mut interface.auth));
        settings
    }

    fn amend(&self, auth: &mut Auth) {
        if auth.mode == AuthMode::Off {
            return;
        }
        let ours = |key: &EpochKey| KeyUse { name: key.name.clone(), algorithm: ALGORITHM, signs: true };
        auth.keys.splice(0..0, self.held.iter().map(ours));
        if auth.mode == AuthMode::Community {
            auth.mode = match auth.keys.iter().any(|key| key.signs) {
                false => AuthMode::Off,
                true if self.rotated => AuthMode::Strict,
                true => AuthMode::Sign,
            };
        }
    }
}

impl Node {
    /// Looks which secrets are the newest now, and has packets signed by them; whether that is news.
    pub(super) fn learn_keys(&mut self, now: Instant, vault: &mut dyn Vault) -> bool {
        let rotated = self.ledger.current_epoch().is_some_and(|(_, number)| number > 1);
        let before = (self.keys.rotated, self.keys.held.first().cloned());
        self.keys.rotated = rotated;
        for share in self.ledger.own_shares().iter().rev() {
            let name = name(share);
            if self.keys.held.first().is_some_and(|key| key.name == name) {
                break;
            }
            // An officer can err: of several shares of an epoch one may not open.
            if vault.open_babel_key(&name, &share.context, &share.sealed) {
                self.sign_with(now, EpochKey { name, epoch: share.epoch, until: None }, vault);
                break;
            }
        }
        let is_news = before.1.as_ref() != self.keys.held.first();
        if is_news || before.0 != rotated {
            self.babel.handle_settings(now, self.keys.routing(&self.settings.babel));
        }
        is_news
    }

    fn sign_with(&mut self, now: Instant, key: EpochKey, vault: &mut dyn Vault) {
        self.note(NoteLevel::Info, format!("packets are signed with the secrets of epoch {}", key.epoch));
        let held = &mut self.keys.held;
        // The one that follows may not count any more.
        held.retain(|old| old.name != key.name);
        held.iter_mut().for_each(|old| old.until = old.until.or(Some(now + OLD_KEY)));
        held.insert(0, key);
        for oldest in held.drain(limit::BABEL_EPOCHS.min(held.len())..) {
            vault.forget_babel_key(&oldest.name);
        }
    }

    /// Forgets the keys whose minute is over.
    pub(super) fn retire_keys(&mut self, now: Instant, vault: &mut dyn Vault) {
        let is_over = |key: &EpochKey| key.until.is_some_and(|until| until <= now);
        if !self.keys.held.iter().any(is_over) {
            return;
        }
        self.keys.held.retain(|key| {
            if is_over(key) {
                vault.forget_babel_key(&key.name);
            }
            !is_over(key)
        });
        self.babel.handle_settings(now, self.keys.routing(&self.settings.babel));
    }
}

impl Node {
    /// Those near who do not sign with the community's keys, where these are asked for: neighbours, and members
    /// that the ledger's streams reach and whose packets are not believed.
    pub(super) fn unsigned(&self) -> impl Iterator<Item = Alert> {
        let members = self.sync.peers().filter(|peer| peer.even).map(|peer| (peer.place, peer.member));
        let mut near: Vec<(Place, Option<[u8; 32]>)> = members.collect();
        let heard = self.babel.neighbour_reports().into_iter();
        let heard = heard.map(|NeighbourReport { interface, address, .. }| Place { interface, address });
        let heard: Vec<Place> = heard.collect();
        let strange: Vec<Place> =
            heard.iter().filter(|place| near.iter().all(|(known, _)| known != *place)).copied().collect();
        near.extend(strange.into_iter().map(|place| (place, None)));
        near.into_iter().filter_map(move |(place, member)| {
            let epoch = self.keys.epoch()?;
            let proved = self.babel.authentication_of(place.interface, place.address)?.0;
            let device = self.device(place.interface);
            let settings = self.settings.babel.interfaces.iter().find(|one| one.name == device)?;
            let strict = match settings.auth.mode {
                AuthMode::Community => self.keys.rotated,
                mode => mode == AuthMode::Strict,
            };
            // Whoever was believed once counts as proved for a while; under strict it is no neighbour any more.
            let is_fine = if strict { heard.contains(&place) } else { proved };
            if is_fine || (!strict && settings.auth.mode != AuthMode::Community) {
                return None;
            }
            let name = member.and_then(|key| self.member_name(&key)).map(|name| format!(" ({name})"));
            let (address, name) = (place.address.to_string(), name.unwrap_or_default());
            let then = if strict { "is not heard" } else { "is heard until the community changes its secrets" };
            let text = format!(
                "{address}{name} on {device} does not sign with the secrets of epoch {epoch}, as this node does, and {then}."
            );
            Some(Alert::new("unsigned", text, &[("address", &address), ("device", &device)]))
        })
    }

    /// What a member is called.
    pub(super) fn member_name(&self, key: &[u8; 32]) -> Option<&str> {
        self.ledger.members().find(|state| state.member.key == *key).map(|state| state.member.name.as_str())
    }
}

/// What the vault knows an epoch's key by; static keys cannot have a `/` in their names.
fn name(share: &Share) -> String {
    let [a, b, c, d, ..] = share.id.0;
    format!("epoch/{}/{a:02x}{b:02x}{c:02x}{d:02x}", share.epoch)
}

/// 16 octets a packet, and quicker on a small processor than the other one.
const ALGORITHM: Algorithm = Algorithm::Blake2s128;
/// How long the key before the newest is still taken, from when the newest came (`docs/ledger.md`).
const OLD_KEY: Span = Span::from_secs(60);

#[cfg(test)]
mod tests {
    use super::super::Birth;
    use super::super::recorder::tests::vault::FakeVault;
    use super::*;
    use crate::babel::{RouterId, SeqNo};

    fn key(epoch: u32) -> EpochKey {
        EpochKey { name: format!("epoch/{epoch}/00000000"), epoch, until: None }
    }

    #[test]
    fn what_the_operator_says_meets_what_the_community_has() {
        use AuthMode::{Community, Off, Sign, Strict};
        // The mode of UCI, epochs held, whether there was a rotation, a static key; and what becomes of it.
        for (mode, epochs, rotated, fixed, becomes, keys) in [
            (Off, 1, true, true, Off, 1),
            (Community, 0, false, false, Off, 0),
            (Community, 0, true, false, Off, 0),
            (Community, 0, false, true, Sign, 1),
            (Community, 1, false, false, Sign, 1),
            (Community, 2, true, true, Strict, 3),
            (Sign, 2, true, false, Sign, 2),
            (Sign, 0, false, true, Sign, 1),
            (Strict, 1, false, true, Strict, 2),
            (Strict, 0, false, false, Strict, 0),
        ] {
            let ours = EpochKeys { held: (0..epochs).map(|at| key(9 - at)).collect(), rotated };
            let one = KeyUse { name: "foreign".into(), algorithm: Algorithm::HmacSha256, signs: true };
            let mut auth = Auth { mode, keys: fixed.then_some(one).into_iter().collect() };
            ours.amend(&mut auth);
            assert_eq!((auth.mode, auth.keys.len()), (becomes, keys), "{mode:?} {epochs} {rotated} {fixed}");
            let first = auth.keys.first().filter(|_| mode != Off && epochs > 0);
            assert!(first.is_none_or(|first| first.name.starts_with("epoch/9/")), "the newest first");
        }
    }

    #[test]
    fn so_many_keys_are_held_and_the_older_ones_for_a_minute() {
        let mut vault = FakeVault::new(1);
        let birth = Birth { router_id: RouterId([2; 8]), seqno: SeqNo(1), seed: 1 };
        let mut now = Instant::from_millis(1_000);
        let mut node = Node::new(now, super::super::settings::Settings::default(), birth, &mut vault);
        for epoch in 1..20 {
            node.sign_with(now, key(epoch), &mut vault);
            now = now + Span::from_secs(1);
            assert_eq!(node.keys.epoch(), Some(epoch));
        }
        let held = |node: &Node| node.keys.held.iter().map(|key| key.epoch).collect::<Vec<_>>();
        assert_eq!(held(&node), [19, 18, 17, 16]);
        // One that was followed counts again, because the one that followed it does not.
        node.sign_with(now, key(17), &mut vault);
        assert_eq!(held(&node), [17, 19, 18, 16]);
        let at = node.keys.next_wake().unwrap();
        node.retire_keys(at, &mut vault);
        assert_eq!(held(&node), [17, 19, 18], "16 came first, and goes first");
        node.retire_keys(now + Span::from_secs(59), &mut vault);
        assert_eq!(held(&node), [17, 19]);
        node.retire_keys(now + Span::from_secs(60), &mut vault);
        assert_eq!((held(&node), node.keys.next_wake()), (vec![17], None));
    }
}
