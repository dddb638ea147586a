//! Which secrets are current, and which an expelled key holds.

use crate::base::sorted::SortedMap;

use super::super::Ledger;
use super::super::body::{Body, Epoch};
use super::super::kind::Kind;
use super::super::record::{Record, RecordId};
use super::super::rights::Role;
use super::Authority;

impl Authority {
    /// An epoch counts if its author had the right, and its number is that of the one it follows + 1. The
    /// one that it follows need not count itself: an honest officer may have followed a thief.
    pub(super) fn count_epochs(&mut self, ledger: &Ledger) {
        let mut epochs: Vec<(&Record, &Epoch)> = ledger
            .of_kind(Kind::Epoch)
            .filter_map(|record| match &record.body {
                Body::Epoch(epoch) => Some((record, &**epoch)),
                _ => None,
            })
            .collect();
        epochs.sort_by_key(|(record, epoch)| (epoch.number, record.id));
        for (record, epoch) in &epochs {
            let before = epoch.follows.and_then(|follows| self.known_epochs.get(&follows).copied());
            let first = epoch.number == 1 && epoch.follows.is_none();
            if first || before.and_then(|before| before.checked_add(1)) == Some(epoch.number) {
                self.known_epochs.insert(record.id, epoch.number);
                if self.entitled(record) {
                    self.epochs.insert(record.id, epoch.number);
                    self.counted.insert(record.id);
                }
            }
        }
        let winner = self.epochs.iter().max_by_key(|(id, number)| (**number, std::cmp::Reverse(**id)));
        self.current_epoch = winner.map(|(id, _)| *id);
        let mut sealed: SortedMap<RecordId, Vec<[u8; 32]>> = SortedMap::new();
        for (record, epoch) in &epochs {
            sealed.entry(record.id).or_default().extend(epoch.shares.iter().map(|share| share.member));
        }
        self.count_grants(ledger, &mut sealed);
        self.find_exposed(&epochs, &sealed);
    }

    /// A grant counts for a key that no counted epoch expels. Who was granted the secrets before it was
    /// expelled has them all the same.
    fn count_grants(&mut self, ledger: &Ledger, sealed: &mut SortedMap<RecordId, Vec<[u8; 32]>>) {
        for record in ledger.of_kind(Kind::Grant) {
            let Body::Grant(grant) = &record.body else { continue };
            if self.known_epochs.get(&grant.epoch) != Some(&grant.number) || !self.entitled(record) {
                continue;
            }
            sealed.entry(grant.epoch).or_default().push(grant.share.member);
            if !self.expulsions.contains_key(&grant.share.member) {
                self.counted.insert(record.id);
            }
        }
    }

    /// An expelled key that sold or admitted holds the coupon secrets of every epoch before its expulsion, and
    /// of those that were sealed to it elsewhere.
    fn find_exposed(&mut self, epochs: &[(&Record, &Epoch)], sealed: &SortedMap<RecordId, Vec<[u8; 32]>>) {
        let follows: SortedMap<RecordId, Option<RecordId>> =
            epochs.iter().map(|(record, epoch)| (record.id, epoch.follows)).collect();
        let had_coupons = |key: &[u8; 32]| {
            let ever = self.gone.get(key).map(|state| state.ever);
            ever.is_some_and(|ever| ever.has(Role::Seller) || ever.has(Role::Hotspot))
        };
        let holds = |keys: &[[u8; 32]]| keys.iter().any(|key| self.expulsions.contains_key(key));
        let mut open: Vec<RecordId> = Vec::new();
        for (record, epoch) in epochs.iter().filter(|(record, _)| self.entitled(record)) {
            if epoch.expels.iter().any(|one| had_coupons(&one.member)) {
                open.extend(epoch.follows);
            }
            if sealed.get(&record.id).is_some_and(|keys| keys.iter().any(had_coupons)) {
                open.push(record.id);
            }
        }
        self.tainted =
            self.current_epoch.and_then(|current| sealed.get(&current)).is_some_and(|keys| holds(keys));
        while let Some(id) = open.pop() {
            if self.exposed.insert(id) {
                open.extend(follows.get(&id).copied().flatten());
            }
        }
    }
}
