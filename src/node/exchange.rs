//! The ledger's exchange with the neighbours: what came from others, and what follows from it here.
//!
//! Each wake verifies one record at most, as it computes one slice of a chain: Hellos come first. Records of
//! others go to flash once an hour, as the neighbours have them too; those that say who may do what at once. This
//! node's pages of counters wait with them. Those of others wait a day, as their nodes' flash has them each hour. What
//! another page has replaced meanwhile is never written.

use serde::{Deserialize, Serialize};

use super::Node;
use super::call::{Exchange, Peer};
use super::stores::Then;
use super::vault::Vault;
use crate::base::limit;
use crate::base::time::{Instant, Span};
use crate::base::voucher::Verifier;
use crate::ledger::sync::{PeerReport, Place, Taken};
use crate::ledger::text::fingerprint;
use crate::ledger::{Kind, Ledger, Record, RecordId};

/// How long a record of another node waits for the flash.
const TO_FLASH: Span = Span::from_secs(3_600);
/// The same if it says who may do what.
const AUTHORITY_TO_FLASH: Span = Span::from_secs(1);

/// The same of a page of counters: it is needed only if the whole village was without power and its node never comes back.
const PAGE_TO_FLASH: Span = Span::from_secs(24 * 3_600);
/// How long an own page waits while no neighbour has the same records.
const ALONE_TO_FLASH: Span = Span::from_secs(600);

/// Records that the journal does not have yet, and that are in memory here and elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Others {
    records: Waiting,
    /// Pages of counters of other nodes.
    pages: Waiting,
}

/// By their names: the ledger has their octets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Waiting {
    ids: Vec<RecordId>,
    write_at: Option<Instant>,
}

impl Others {
    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.records.write_at.into_iter().chain(self.pages.write_at).min()
    }
}

impl Waiting {
    fn keep(&mut self, now: Instant, id: RecordId, within: Span, ledger: &Ledger) {
        self.ids.push(id);
        let is_full = |ids: &Vec<RecordId>| ids.len() >= limit::NODE_OTHERS_RECORDS;
        if is_full(&self.ids) {
            self.ids.retain(|id| ledger.has(*id));
        }
        let at = if is_full(&self.ids) { now } else { now + within };
        self.write_at = Some(self.write_at.map_or(at, |earlier| earlier.min(at)));
    }
}

impl Node {
    /// Pages of this node's counters are told at once and written later.
    pub(super) fn tell_pages(&mut self, now: Instant, pages: &[Vec<u8>]) {
        self.push(pages);
        let has_company = self.sync.peers().any(|peer| peer.even);
        let within = if has_company { TO_FLASH } else { ALONE_TO_FLASH };
        for id in pages.iter().filter_map(|bytes| Record::id_of(bytes)) {
            self.others.records.keep(now, id, within, &self.ledger);
        }
    }

    /// What waits goes to flash, if it is time: with whatever is due goes what would be due next.
    fn write_others(&mut self, now: Instant) {
        let is_due = |waiting: &Waiting| waiting.write_at.is_some_and(|at| at <= now);
        let pages = is_due(&self.others.pages);
        if !pages && !is_due(&self.others.records) {
            return;
        }
        let mut ids = std::mem::take(&mut self.others.records).ids;
        if pages {
            ids.append(&mut std::mem::take(&mut self.others.pages).ids);
        }
        let records: Vec<Vec<u8>> = ids.into_iter().filter_map(|id| self.ledger.bytes_of(id)).collect();
        if !records.is_empty() {
            self.store(now, records, false, Then::Others);
        }
    }

    /// The program ends: what only memory has goes to flash.
    pub(super) fn stop(&mut self, now: Instant, vault: &mut dyn Vault) {
        self.write_usage(now, vault, true);
        self.others.records.write_at = Some(now);
        self.others.pages.write_at = Some(now);
        self.write_others(now);
    }

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
        self.write_others(now);
    }

    /// With whom records are exchanged, for people.
    pub(super) fn exchange(&self, now: Instant) -> Exchange {
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let peer = |peer: PeerReport| Peer {
            member: peer.member.as_ref().map(fingerprint),
            name: peer.member.and_then(|key| self.member_name(&key)).map(str::to_owned),
            interface: self.way_of(peer.place),
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
            let (device, why) = (self.way_of(one.place), one.why.code().to_owned());
            (device, one.place.address, why, now.since(one.at).as_secs())
        });
        let counters = self.sync.counters();
        let counters = [
            ("strangers", counters.strangers),
            ("nonsense", counters.nonsense),
            ("refused_records", counters.refused_records),
            ("taken_records", counters.taken_records),
            ("full", counters.full),
            ("waiting_records", counters.waiting_records),
        ];
        Exchange {
            peers: self.sync.peers().map(peer).collect(),
            refused: refused.collect(),
            counters: counters.map(|(word, count)| (word.to_owned(), count)).to_vec(),
        }
    }

    /// The device of a neighbour; who is no neighbour is routed.
    fn way_of(&self, place: Place) -> String {
        if place.is_routed() { "routed".to_owned() } else { self.device(place.interface) }
    }

    /// What follows from a record of another node.
    fn taken(&mut self, now: Instant, taken: Taken, vault: &mut dyn Vault) {
        let outcome = taken.outcome;
        let authority = outcome.kind.is_authority();
        if outcome.kind == Kind::Usage {
            self.others.pages.keep(now, outcome.id, PAGE_TO_FLASH, &self.ledger);
        } else if outcome.kind.is_stored() {
            // Who may close says to others behind which close it stands, and must know it after a power cut.
            let soon = authority || outcome.kind == Kind::Close;
            let within = if soon { AUTHORITY_TO_FLASH } else { TO_FLASH };
            self.others.records.keep(now, outcome.id, within, &self.ledger);
        }
        // An epoch may count because its author's right has come only now.
        if authority && (self.learn_keys(now, vault) || matches!(outcome.kind, Kind::Epoch | Kind::Grant)) {
            self.open_shares(vault);
        }
        if authority {
            self.look_who_lacks(now);
        }
        match outcome.kind {
            Kind::Charter | Kind::Look | Kind::Notice => self.name_community(now),
            Kind::Mode | Kind::Service => self.look_at_rules(now, false),
            Kind::Close => self.write_late(now, vault),
            Kind::Status => {
                self.heard_status(now, outcome.id);
                self.hear_devices(now, outcome.id, vault);
            }
            _ if !authority => {
                self.follow_device(now, outcome.id, vault);
                self.tell_vouchers(now, outcome.id);
            }
            _ => {}
        }
    }

    /// Sessions whose vouchers a record speaks of learn what has changed.
    pub(super) fn tell_vouchers(&mut self, now: Instant, id: RecordId) {
        for verifier in self.ledger.mentioned(id) {
            self.watch_for_twice(verifier);
            self.tell_voucher(now, verifier);
        }
    }

    /// The session of a voucher learns what has changed.
    pub(super) fn tell_voucher(&mut self, now: Instant, verifier: Verifier) {
        if !self.hotspot.as_ref().is_some_and(|hotspot| hotspot.has_session(verifier)) {
            return;
        }
        let state = self.voucher_state(now, None, verifier);
        if let Some(hotspot) = &mut self.hotspot {
            hotspot.handle_voucher_changed(now, verifier, state);
        }
    }
}
