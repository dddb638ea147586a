//! The ledger's exchange with the neighbours: what came from others, and what follows from it here.
//!
//! Each wake verifies one record at most, as it computes one slice of a chain: Hellos come first. Records of
//! others go to flash once an hour, as the neighbours have them too; those that say who may do what at once.

use serde::{Deserialize, Serialize};

use super::Node;
use super::call::{Exchange, Peer};
use super::stores::Then;
use super::vault::Vault;
use crate::base::limit;
use crate::base::time::{Instant, Span};
use crate::ledger::sync::{PeerReport, Taken};
use crate::ledger::text::fingerprint;
use crate::ledger::{Kind, Record, RecordId};

/// How long a record of another node waits for the flash.
const TO_FLASH: Span = Span::from_secs(3_600);
/// The same if it says who may do what.
const AUTHORITY_TO_FLASH: Span = Span::from_secs(1);

/// Records of others that the journal does not have yet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Others {
    records: Vec<Vec<u8>>,
    write_at: Option<Instant>,
}

impl Others {
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.write_at
    }

    fn keep(&mut self, now: Instant, bytes: Vec<u8>, within: Span) {
        self.records.push(bytes);
        let full = self.records.len() >= limit::NODE_OTHERS_RECORDS;
        let at = if full { now } else { now + within };
        self.write_at = Some(self.write_at.map_or(at, |earlier| earlier.min(at)));
    }
}

impl Node {
    /// Tells the neighbours of new records of this node.
    pub(super) fn push(&mut self, records: &[Vec<u8>]) {
        for id in records.iter().filter_map(|bytes| Record::id_of(bytes)) {
            self.sync.handle_record(id, None, &self.ledger);
        }
    }

    pub(super) fn wake_exchange(&mut self, now: Instant, vault: &mut dyn Vault) {
        self.sync.handle_wake(now, &self.ledger);
        if let Some(taken) = self.sync.verify_next(now, &mut self.ledger) {
            self.taken(now, taken, vault);
        }
        if self.others.write_at.is_some_and(|at| at <= now) {
            self.others.write_at = None;
            let records = std::mem::take(&mut self.others.records);
            self.store(now, records, false, Then::Others);
        }
    }

    /// With whom records are exchanged, for people.
    pub(super) fn exchange(&self, now: Instant) -> Exchange {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let peer = |peer: PeerReport| Peer {
            member: peer.member.as_ref().map(fingerprint),
            name: peer.member.and_then(|key| self.member_name(&key)).map(str::to_owned),
            interface: self.device(peer.place.interface),
            address: peer.place.address,
            since_s: now.since(peer.since).as_secs(),
            sent: peer.sent,
            received: peer.received,
            compared_s: peer.compared.map(|at| now.since(at).as_secs()),
            to_send: count(peer.to_send),
            unread: count(peer.unread),
            even: peer.even,
        };
        let refused = self.sync.refused().map(|one| {
            let (device, why) = (self.device(one.place.interface), one.why.code().to_owned());
            (device, one.place.address, why, now.since(one.at).as_secs())
        });
        let counters = self.sync.counters();
        let counters = [
            ("strangers", counters.strangers),
            ("nonsense", counters.nonsense),
            ("refused_records", counters.refused_records),
            ("taken_records", counters.taken_records),
            ("full", counters.full),
        ];
        Exchange {
            peers: self.sync.peers().map(peer).collect(),
            refused: refused.collect(),
            counters: counters.map(|(word, count)| (word.to_owned(), count)).to_vec(),
        }
    }

    /// What follows from a record of another node.
    fn taken(&mut self, now: Instant, taken: Taken, vault: &mut dyn Vault) {
        let Taken { outcome, bytes } = taken;
        let authority = outcome.kind.is_authority();
        if outcome.kind.is_stored() {
            self.others.keep(now, bytes, if authority { AUTHORITY_TO_FLASH } else { TO_FLASH });
        }
        // An epoch may count because its author's right has come only now.
        if authority && (self.learn_keys(now, vault) || matches!(outcome.kind, Kind::Epoch | Kind::Grant)) {
            self.open_shares(vault);
        }
        match outcome.kind {
            Kind::Charter => self.name_community(now),
            Kind::Close => self.write_late(now, vault),
            Kind::Status => self.heard_status(outcome.id),
            _ if !authority => self.tell_vouchers(now, outcome.id),
            _ => {}
        }
    }

    /// Sessions whose vouchers a record speaks of learn what has changed.
    fn tell_vouchers(&mut self, now: Instant, id: RecordId) {
        let vouchers = self.ledger.mentioned(id);
        for verifier in vouchers {
            if !self.hotspot.as_ref().is_some_and(|hotspot| hotspot.has_session(verifier)) {
                continue;
            }
            let state = self.voucher_state(now, None, verifier);
            if let Some(hotspot) = &mut self.hotspot {
                hotspot.handle_voucher_changed(now, verifier, state);
            }
        }
    }
}
