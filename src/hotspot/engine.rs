//! The hotspot itself: one input in, then drain all outputs with [`Hotspot::poll`].
//!
//! ```text
//! handle_request ──> CheckCode ──> handle_code_checked ──> Voucher ──> handle_voucher
//!                                                                          │ time is left
//!   ReadUsage ──> handle_usage ──> Used        Guests(Admit), Activate, Reply, SaveSessions
//! ```
//!
//! This file dispatches; `guest` is the way of a person to a session, `lease` the life of a session,
//! `leave` and `roam` how it follows a phone to another node.

mod guest;
mod house;
mod lease;
mod leave;
mod roam;

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use super::login::Logins;
use super::meter::OnlineClock;
use super::output::{AskId, EndReason, Event, GuestChange, Output, SavedSession, UsageSample};
use super::portal::cut;
use super::refused::Refused;
use super::report::{Counters, Report, SessionReport};
use super::rules::House;
use super::session::Sessions;
use super::settings::Settings;
use super::tariff::{Measure, VoucherState};
use super::throttle::Tries;
use super::told::Told;
use crate::base::limit::{HOTSPOT_BATCH, HOTSPOT_OUTPUTS};
use crate::base::random::Random;
use crate::base::time::{Instant, Span};
use crate::base::voucher::Verifier;

/// The captive hotspot of one node.
///
/// After each `handle_*` call, [`poll`](Self::poll) until it gives nothing, then ask
/// [`next_wake`](Self::next_wake) when to call [`handle_wake`](Self::handle_wake). Waking it too early or
/// too often does nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hotspot {
    settings: Settings,
    pub(super) sessions: Sessions,
    pub(super) logins: Logins,
    tries: Tries,
    refused: Refused,
    told: Told,
    house: House,
    online: OnlineClock,
    /// When the counters were last asked for; `None` while there is no session.
    last_read: Option<Instant>,
    /// When the sessions were last saved.
    last_save: Instant,
    random: Random,
    counters: Counters,
    pub(super) outbox: Outbox,
}

/// What leaves at the next polls. What the kernel lets through changes before any page leaves: a phone
/// that reads "welcome" probes at once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outbox {
    changes: VecDeque<GuestChange>,
    pub(super) rest: VecDeque<Output>,
    /// Sessions changed, as of this instant.
    pub(super) save: Option<Instant>,
}

impl Hotspot {
    /// A hotspot without sessions, and with an uplink until it is told otherwise. `seed` only spreads
    /// retries in time.
    pub fn new(settings: Settings, seed: u64) -> Self {
        Self {
            settings,
            sessions: Sessions::default(),
            logins: Logins::default(),
            tries: Tries::default(),
            refused: Refused::default(),
            told: Told::default(),
            house: House::default(),
            online: OnlineClock::new(Instant::ZERO),
            last_read: None,
            last_save: Instant::ZERO,
            random: Random::new(seed),
            counters: Counters::default(),
            outbox: Outbox::default(),
        }
    }

    /// The operator changed something. No session ends; new leases go by the new settings.
    pub fn handle_settings(&mut self, _now: Instant, settings: Settings) {
        self.settings = settings;
    }

    /// The ledger says what a voucher gives.
    pub fn handle_voucher(&mut self, now: Instant, ask: AskId, state: VoucherState) {
        match self.logins.refreshed(ask) {
            Some(verifier) => self.handle_voucher_changed(now, verifier, state),
            None => self.voucher_told(now, ask, state),
        }
    }

    /// The ledger learnt something about a voucher: a revocation, an extension, use on other nodes.
    pub fn handle_voucher_changed(&mut self, now: Instant, verifier: Verifier, state: VoucherState) {
        let Some(client) = self.sessions.of_voucher(verifier) else { return };
        match state {
            // A running session is never cut merely because its lot is late or not loaded yet.
            VoucherState::Unknown | VoucherState::Moved => {}
            VoucherState::Revoked => self.end(now, client, EndReason::Revoked),
            VoucherState::Good(allowance) => self.allow(now, client, allowance),
        }
    }

    /// Whether somebody is online with this voucher here.
    pub fn has_session(&self, verifier: Verifier) -> bool {
        self.sessions.of_voucher(verifier).is_some()
    }

    /// The kernel's counters were read.
    pub fn handle_usage(&mut self, now: Instant, samples: &[UsageSample]) {
        let online = self.online.at(now);
        self.house.counted = samples.iter().filter(|sample| sample.client.is_policy()).copied().collect();
        let mut silent = Vec::new();
        for (_, session) in self.sessions.iter_mut() {
            session.close(online, session.closed);
        }
        for sample in samples {
            let Some(session) = self.sessions.get_mut(sample.client) else { continue };
            let here = session.devices.iter().any(|device| !device.has_left());
            let sent = session.meter.read(now, online, sample, here);
            session.close(online, session.closed);
            match &mut session.devices[..] {
                // What it sends says that it is there; of several nobody knows which one it was.
                [only] if sent => only.handle_probed(true),
                devices => silent.extend(devices.iter().map(|device| device.mac)),
            }
        }
        if !silent.is_empty() {
            self.outbox.rest.push_back(Output::Seek(silent));
        }
        for client in self.sessions.which(|session| session.meter.is_spent(now, &session.tariff)) {
            self.end(now, client, EndReason::UsedUp);
        }
        for client in self.sessions.which(|session| session.is_short() && !session.slow) {
            self.admit(now, client);
        }
        self.report_use(now);
    }

    /// The uplink came or went: use counts only while it is up.
    pub fn handle_uplink(&mut self, now: Instant, up: bool) {
        if !self.online.set(now, up) {
            return;
        }
        self.outbox.save = Some(now);
        self.keep_house(now);
        if !up {
            let online = self.online.at(now);
            for (_, session) in self.sessions.iter_mut() {
                session.meter.uplink_lost(online);
            }
        }
    }

    /// The kernel refused a batch, and nothing of it holds: each of its changes is tried again alone,
    /// so that one that cannot be spoils no other.
    pub fn handle_guests_failed(&mut self, now: Instant, changes: Vec<GuestChange>, why: String) {
        self.counters.batches_refused = self.counters.batches_refused.wrapping_add(1);
        let mut given_up = 0;
        for change in &changes {
            let (GuestChange::Admit { mac, client, .. } | GuestChange::Dismiss { mac, client, .. }) = *change
            else {
                self.is_of_the_house(now, change);
                continue;
            };
            if !self.is_of_the_house(now, change) && !self.refused.add(now, mac, client, &mut self.random) {
                given_up += 1;
            }
        }
        let changes = u32::try_from(changes.len()).unwrap_or(u32::MAX);
        self.event(Event::GuestsRefused { changes, given_up, why: cut(&why) });
    }

    /// Time has come for whatever waits for it.
    pub fn handle_wake(&mut self, now: Instant) {
        self.renew_leases(now);
        self.told.forget(now);
        if self.house.renew_at.is_some_and(|at| at <= now) {
            self.keep_house(now);
        }
        self.seek_wanted(now);
        for (request, language) in self.logins.lose_patience(now) {
            self.reply_checking(request, language);
        }
        for (mac, client) in self.refused.due(now) {
            self.retry(now, mac, client);
        }
        if self.next_save().is_some_and(|due| due <= now) {
            self.outbox.save = Some(now);
        }
        if self.next_read().is_some_and(|due| due <= now) {
            self.last_read = Some(now);
            self.outbox.rest.push_back(Output::ReadUsage);
        }
    }

    /// The next thing to do; `None` when all is done.
    pub fn poll(&mut self) -> Option<Output> {
        if !self.outbox.changes.is_empty() {
            let batch = self.outbox.changes.len().min(HOTSPOT_BATCH);
            return Some(Output::Guests(self.outbox.changes.drain(..batch).collect()));
        }
        if let Some(output) = self.outbox.rest.pop_front() {
            return Some(output);
        }
        let at = self.outbox.save.take()?;
        self.last_save = at;
        Some(Output::SaveSessions(self.saved(at)))
    }

    /// When [`handle_wake`](Self::handle_wake) has something to do.
    pub fn next_wake(&self) -> Option<Instant> {
        let renewal = self.sessions.iter().map(|(_, session)| session.renew_at).min();
        let read = self.next_read();
        let save = self.next_save();
        let told = self.told.next_wake();
        let devices = self.sessions.iter().flat_map(|(_, session)| &session.devices);
        let wanted = devices.filter_map(|device| device.wanted).map(|(at, _)| at).min();
        let house = self.house.renew_at;
        let all =
            [renewal, read, save, told, wanted, house, self.logins.next_wake(), self.refused.next_wake()];
        all.into_iter().flatten().min()
    }

    /// Devices that told within the last hour that there is no internet here.
    pub const fn complaints(&self) -> usize {
        self.told.complaints()
    }

    /// What there is to see.
    pub fn report(&self, now: Instant) -> Report {
        let sessions = self.sessions.iter().map(|(client, session)| {
            let (up_bytes, down_bytes) = session.meter.bytes();
            SessionReport {
                client,
                verifier: session.verifier,
                plan: session.tariff.name.clone(),
                devices: session.devices.iter().map(|device| device.mac).collect(),
                there: session.devices.iter().any(|device| !device.has_left()),
                closed: session.closed,
                remaining: session.left(now),
                remaining_bytes: session.meter.bytes_left(&session.tariff),
                used_s: session.meter.used_s(),
                since_first_use: session.meter.since_first_use(now),
                up_bytes,
                down_bytes,
                idle: now.since(session.meter.last_moved()),
                lease: session.lease_end.since(now),
            }
        });
        Report {
            sessions: sessions.collect(),
            room: self.sessions.room() as u32,
            checking: self.logins.len() as u32,
            uplink: self.online.is_up(),
            counters: self.counters.clone(),
        }
    }

    /// When the counters are to be read. Near the end of a plan more often: what is left is then known
    /// to a quarter of itself, and an idle phone does not lose it; octets are looked at when they can be used up.
    fn next_read(&self) -> Option<Instant> {
        let last = self.last_read?;
        let online = self.online.at(last);
        let counted = |(_, session): (_, &super::session::Session)| {
            let of_time = match session.tariff.measure {
                Measure::UsedSeconds { .. } => Some(session.left_at_worst(last, online).scaled(1, 4)),
                Measure::DaysFromFirstUse { .. } => None,
            };
            let of_data = session.soonest_end().map(|span| span.max(LOOK_AT_LEAST));
            of_time.map(|span| span.max(READ_AT_LEAST)).into_iter().chain(of_data).min()
        };
        let shortest = self.sessions.iter().filter_map(counted).min().unwrap_or(READ_AT_MOST);
        let interval = self.settings.usage_interval();
        Some(last + interval.min(shortest))
    }

    /// When the sessions are to be saved though nothing happened to them but use.
    fn next_save(&self) -> Option<Instant> {
        (!self.sessions.is_empty()).then_some(self.last_save + SAVE_INTERVAL)
    }

    fn saved(&self, at: Instant) -> Vec<SavedSession> {
        let online = self.online.at(at);
        let saved = self.sessions.iter().map(|(client, session)| SavedSession {
            client,
            verifier: session.verifier,
            tariff: session.tariff.clone(),
            meter: session.meter.clone(),
            saved_at: at,
            uplink: self.online.is_up() && !session.closed,
            unread: session.meter.unread(online),
            lease_end: at + session.left_at_worst(at, online).min(self.settings.lease() + SAVE_INTERVAL),
            devices: session.devices.iter().map(|device| device.mac).collect(),
            next: session
                .devices
                .iter()
                .flat_map(|device| device.next.iter().map(|next| (device.mac, next.clone())))
                .collect(),
        });
        saved.collect()
    }

    fn event(&mut self, event: Event) {
        if self.outbox.rest.len() < HOTSPOT_OUTPUTS {
            self.outbox.rest.push_back(Output::Event(event));
        } else {
            self.counters.events_dropped = self.counters.events_dropped.wrapping_add(1);
        }
    }
}

/// Longest time between two readings, whatever the settings say.
const READ_AT_MOST: Span = Span::from_secs(60);
/// Longest time between two saved lists while there are sessions: what a crash may miscount.
const SAVE_INTERVAL: Span = Span::from_secs(60);
/// Shortest time between two readings for what is left of a time.
const READ_AT_LEAST: Span = Span::from_secs(2);
/// The same for octets: what passes meanwhile is what a plan can give too much.
const LOOK_AT_LEAST: Span = Span::from_secs(1);

#[cfg(test)]
mod tests;
