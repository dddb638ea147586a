//! The life of a session: leases, the end, the report of use, and the start after a restart.

use crate::base::sorted::SortedMap;

use super::Hotspot;
use crate::base::address::MacAddress;
use crate::base::limit::{HOTSPOT_NEXT, HOTSPOT_SESSIONS};
use crate::base::time::{Instant, Span};
use crate::hotspot::output::{
    AdmittedGuest, ClientId, EndReason, Event, GuestChange, Output, SavedSession, UsageSample,
};
use crate::hotspot::portal::Notice;
use crate::hotspot::session::{Device, Session};
use crate::hotspot::tariff::{Allowance, Measure};

/// Use that changed is reported after this time: what the ledger writes in pages, once a minute.
const REPORT_INTERVAL: Span = Span::from_secs(60);
/// Days that go by are reported after this time also without use: a village without a clock counts
/// them by the longest report.
const REPORT_IDLE_INTERVAL: Span = Span::from_secs(3_600);

impl Hotspot {
    /// The daemon has started. `saved` is the list of the last [`Output::SaveSessions`] of this boot,
    /// `admitted` and `samples` what the kernel holds.
    ///
    /// - Saved: goes on, with its counters, and is admitted anew if time is left; the ledger is asked
    ///   again, because the voucher may have been revoked meanwhile.
    /// - In the kernel but not saved: dismissed at once.
    pub fn handle_start(
        &mut self,
        now: Instant,
        saved: Vec<SavedSession>,
        admitted: Vec<AdmittedGuest>,
        samples: Vec<UsageSample>,
    ) {
        for session in saved.into_iter().take(HOTSPOT_SESSIONS) {
            let sample = samples.iter().find(|sample| sample.client == session.client);
            self.adopt(now, session, sample);
        }
        // Counters outlive leases: a client number that has one is not given to somebody else.
        for sample in &samples {
            self.sessions.skip_client(sample.client);
        }
        let dismissed = self.dismiss_unknown(&admitted);
        let clients = self.sessions.which(|_| true);
        self.event(Event::Adopted { sessions: clients.len() as u32, dismissed });
        for client in clients {
            if self.sessions.get(client).is_some_and(|session| session.meter.is_spent(now, &session.tariff)) {
                self.end(now, client, EndReason::UsedUp);
            } else {
                self.admit(now, client);
            }
        }
        let vouchers: Vec<_> = self.sessions.iter().map(|(_, session)| session.verifier).collect();
        for verifier in vouchers {
            if let Some(ask) = self.logins.refresh(verifier) {
                self.outbox.rest.push_back(Output::Voucher { ask, verifier, mac: None });
            }
        }
        self.last_read = Some(now);
        self.stop_reading();
        self.outbox.save = Some(now);
        self.keep_house(now);
    }

    fn adopt(&mut self, now: Instant, saved: SavedSession, sample: Option<&UsageSample>) {
        self.sessions.skip_client(saved.client);
        let online = self.online.at(now);
        let mut meter = saved.meter;
        // The kernel let through until the lease ended, not longer; without an uplink it did not count.
        let let_through_until = if saved.uplink { now.min(saved.lease_end) } else { saved.saved_at };
        meter.resume(now, online, saved.unread + let_through_until.since(saved.saved_at), sample);
        meter.carry_over(now, saved.saved_at);
        let mut session = Session {
            verifier: saved.verifier,
            tariff: saved.tariff,
            reported: (now, meter.used_s(), meter.bytes()),
            meter,
            devices: saved.devices.into_iter().map(|mac| Device::new(mac, now, None)).collect(),
            lease_end: now,
            renew_at: now,
            slow: false,
            closed: false,
            mended_at: now,
        };
        for (mac, next) in saved.next {
            if let Some(device) = session.devices.iter_mut().find(|device| device.mac == mac)
                && device.next.len() < HOTSPOT_NEXT
            {
                device.next.push(next);
            }
        }
        // A list that contradicts itself (two sessions with one device) loses what comes later in it.
        self.sessions.insert(saved.client, session);
    }

    fn dismiss_unknown(&mut self, admitted: &[AdmittedGuest]) -> u32 {
        let is_known = |guest: &&AdmittedGuest| {
            self.sessions.of_device(guest.mac) == Some(guest.client)
                || self.house.let_in.contains(&(guest.mac, guest.client))
        };
        let unknown: Vec<_> = admitted.iter().filter(|guest| !is_known(guest)).copied().collect();
        let mut devices_left: SortedMap<ClientId, usize> = SortedMap::new();
        for guest in &unknown {
            self.sessions.skip_client(guest.client);
            *devices_left.entry(guest.client).or_default() += 1;
        }
        for guest in &unknown {
            let left = devices_left.entry(guest.client).or_default();
            *left -= 1;
            // Counters and limits go with the last device, and stay if the client goes on.
            let last = *left == 0 && self.sessions.get(guest.client).is_none();
            self.outbox.changes.push_back(GuestChange::Dismiss {
                mac: guest.mac,
                client: guest.client,
                last,
            });
        }
        unknown.len() as u32
    }

    /// Lets all devices of a session through, for a new lease.
    pub(in crate::hotspot) fn admit(&mut self, now: Instant, client: ClientId) {
        let online = self.online.at(now);
        let Some(tariff) = self.sessions.get(client).map(|session| &session.tariff) else { return };
        let closed = self.house.is_closed(now, tariff);
        let Some(session) = self.sessions.get_mut(client) else { return };
        session.close(online, closed);
        let lease = session.take_lease(now, online, self.settings.lease());
        for device in &session.devices {
            let change = admission(session, client, device.mac, lease);
            self.outbox.changes.push_back(change);
        }
        if self.last_read.is_none() {
            self.last_read = Some(now);
        }
    }

    /// Ends a session and cuts its devices.
    pub(super) fn end(&mut self, now: Instant, client: ClientId, why: EndReason) {
        let online = self.online.at(now);
        let Some(session) = self.sessions.get_mut(client) else { return };
        session.close(online, session.closed);
        let days_are_over = session.tariff.measure.until_gone(session.meter.since_first_use(now));
        match (session.tariff.measure, why) {
            _ if days_are_over == Some(Span::ZERO) => session.meter.settle(online),
            // It was let through, and nobody can tell any more whether it was idle.
            (Measure::UsedSeconds { .. }, why)
                if !matches!(why, EndReason::Revoked | EndReason::Idle | EndReason::Elsewhere) =>
            {
                session.meter.count_until(online);
            }
            _ => session.meter.settle(online),
        }
        self.report_use_of(now, client);
        let Some(session) = self.sessions.remove(client) else { return };
        let last = session.devices.len().saturating_sub(1);
        for (index, device) in session.devices.iter().enumerate() {
            let change = GuestChange::Dismiss { mac: device.mac, client, last: index == last };
            self.outbox.changes.push_back(change);
        }
        self.event(Event::SessionEnded { client, verifier: session.verifier, why });
        if matches!(why, EndReason::UsedUp | EndReason::Revoked) {
            for device in session.devices {
                self.go_on(now, device.mac, device.next);
            }
        }
        self.stop_reading();
        self.outbox.save = Some(now);
    }

    /// Takes over what the ledger says about a voucher in use.
    pub(super) fn allow(&mut self, now: Instant, client: ClientId, allowance: Allowance) {
        let online = self.online.at(now);
        let Some(session) = self.sessions.get_mut(client) else { return };
        session.meter.learn(now, &allowance);
        let changed = session.tariff != allowance.tariff;
        session.tariff = allowance.tariff;
        let left = session.left_at_worst(now, online);
        let too_long = session.lease_end > now + left;
        self.outbox.save = Some(now);
        let is_short = session.is_short() && !session.slow;
        if left == Span::ZERO || session.meter.is_spent(now, &session.tariff) {
            return self.end(now, client, EndReason::UsedUp);
        }
        self.yield_devices(client);
        if changed || too_long || is_short {
            self.admit(now, client);
        }
    }

    /// Dismisses the oldest devices of a session that has more than its voucher allows.
    pub(super) fn yield_devices(&mut self, client: ClientId) {
        let Some(most) = self.sessions.get(client).map(Session::devices_allowed) else { return };
        while let Some(mac) = self.sessions.yield_device(client, most) {
            self.outbox.changes.push_back(GuestChange::Dismiss { mac, client, last: false });
            self.told.let_out(mac, Notice::Yielded);
            self.event(Event::DeviceYielded { client });
        }
    }

    /// Renews the leases that are due and ends what is over.
    pub(super) fn renew_leases(&mut self, now: Instant) {
        for client in self.sessions.which(|session| session.renew_at <= now) {
            self.renew(now, client);
        }
    }

    /// Renews the lease of a session, or ends it if nothing is left. Less than a second is nothing: it
    /// would be renewed without end while the uplink is down and no time counts.
    pub(super) fn renew(&mut self, now: Instant, client: ClientId) {
        let online = self.online.at(now);
        let left = self.sessions.get_mut(client).map(|session| {
            session.close(online, session.closed);
            session.left_at_worst(now, online)
        });
        match left {
            None => {}
            Some(left) if left < Span::from_secs(1) => self.end(now, client, EndReason::UsedUp),
            Some(_) => self.admit(now, client),
        }
    }

    /// Tells the kernel again what holds for a device now.
    pub(super) fn retry(&mut self, now: Instant, mac: MacAddress, client: ClientId) {
        let online = self.online.at(now);
        let change = match self.sessions.get(client) {
            Some(session) if session.devices.iter().any(|device| device.mac == mac) => {
                // What was left has shrunk since: the rest of the lease, and never more than is left.
                let rest = session.lease_end.since(now).min(session.left_at_worst(now, online));
                if rest == Span::ZERO {
                    return;
                }
                admission(session, client, mac, rest)
            }
            // Its element names another client by now, and must stay.
            _ if self.sessions.of_device(mac).is_some() => return,
            Some(_) => GuestChange::Dismiss { mac, client, last: false },
            None => GuestChange::Dismiss { mac, client, last: true },
        };
        // Alone, so that it spoils nothing else if it is refused once more.
        self.outbox.rest.push_back(Output::Guests(vec![change]));
    }

    /// Reports what changed since the last report of each session, if it is time.
    pub(super) fn report_use(&mut self, now: Instant) {
        let due = self.sessions.which(|session| {
            let (at, used_s, bytes) = session.reported;
            let changed = used_s != session.meter.used_s() || bytes != session.meter.bytes();
            let passes = session.tariff.measure.until_gone(Span::ZERO).is_some();
            changed && now.since(at) >= REPORT_INTERVAL || passes && now.since(at) >= REPORT_IDLE_INTERVAL
        });
        for client in due {
            self.report_use_of(now, client);
            self.outbox.save = Some(now);
        }
    }

    fn report_use_of(&mut self, now: Instant, client: ClientId) {
        let Some(session) = self.sessions.get_mut(client) else { return };
        let (up_bytes, down_bytes) = session.meter.bytes();
        let used_s = session.meter.used_s();
        session.reported = (now, used_s, (up_bytes, down_bytes));
        let since_first_use_s = session.meter.since_first_use(now).as_secs();
        let verifier = session.verifier;
        self.outbox.rest.push_back(Output::Used {
            verifier,
            used_s,
            since_first_use_s,
            up_bytes,
            down_bytes,
        });
    }
}

fn admission(session: &Session, client: ClientId, mac: MacAddress, lease: Span) -> GuestChange {
    if session.closed {
        return GuestChange::Dismiss { mac, client, last: false };
    }
    let [rate_down_kbps, rate_up_kbps] = session.rates_kbps();
    GuestChange::Admit { mac, client, lease, rate_down_kbps, rate_up_kbps }
}
