//! Sessions: which voucher is in use on this node, on which devices, and until when the kernel lets
//! them through.
//!
//! One voucher is one session and one client id, however many devices it has. Tables by MAC and by
//! verifier answer only "which session?"; what is done in turn goes by client ids, which are handed
//! out in sequence: no outcome depends on how MACs or codes sort.

use serde::{Deserialize, Serialize};

use crate::base::sorted::SortedMap;

use super::meter::Meter;
use super::next::Next;
use super::output::ClientId;
use super::tariff::Tariff;
use crate::base::address::MacAddress;
use crate::base::limit::HOTSPOT_SESSIONS;
use crate::base::time::{Instant, Span};
use crate::base::voucher::{Keepsake, Verifier};

/// Probes in a row without an answer after which a device has left. Each is asked three times by the kernel, within three
/// seconds: nine questions in a minute, of which a phone that sleeps hears one.
const LEFT_AFTER: u8 = 3;
/// How fast the end of a plan is, each way.
const SLOW_KBPS: u32 = 64;
/// What is left of a plan's octets when it is slow: five minutes of that. Of a small plan it is the last twelfth.
const SLOW_BYTES: u64 = 2_400_000;
/// As much is thought to pass each way where the plan has no limit, when it is to be known in time what is left.
const FAST_KBPS: u32 = 100_000;
/// What is left of a plan when its last lease is given.
const LAST_SECONDS: Span = Span::from_secs(3);
/// Client ids are packet marks of 16 bits; 0 is no mark, and the last 256 are those of policies.
const LAST_CLIENT: u32 = ClientId::of_policy(0).0 - 1;

/// One voucher in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    pub(crate) verifier: Verifier,
    pub(crate) tariff: Tariff,
    pub(crate) meter: Meter,
    /// Oldest first; never empty outside a function of this room.
    pub(crate) devices: Vec<Device>,
    /// When the kernel ends it unless it is told otherwise.
    pub(crate) lease_end: Instant,
    /// When a new lease is given; never after `lease_end`.
    pub(crate) renew_at: Instant,
    /// Whether its plan is about to end: it is slow.
    pub(crate) slow: bool,
    /// Whether it is in use at an hour at which its plan does not work: nothing passes, and nothing counts.
    pub(crate) closed: bool,
    /// When a lease was last given because the kernel seemed to have lost the device.
    pub(crate) mended_at: Instant,
    /// When use was last reported, and what.
    pub(crate) reported: (Instant, u64, (u64, u64)),
}

/// One device of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Device {
    pub(crate) mac: MacAddress,
    /// When it was let in.
    pub(crate) since: Instant,
    /// What it may come back with under another address.
    pub(crate) keepsake: Option<Keepsake>,
    /// Probes in a row that it has not answered, up to those after which it has left.
    pub(crate) unanswered: u8,
    /// When it is asked for again because another node wants to know, and whether what comes until then is no answer to that.
    pub(crate) wanted: Option<(Instant, bool)>,
    /// What it goes on with when this is spent, in this order.
    pub(crate) next: Vec<Next>,
}

/// All sessions of this node.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sessions {
    by_client: SortedMap<ClientId, Session>,
    by_mac: SortedMap<MacAddress, ClientId>,
    by_verifier: SortedMap<Verifier, ClientId>,
    last_client: u32,
}

impl Sessions {
    /// A client id that is not in use; the one that was free longest.
    pub(crate) fn free_client(&mut self) -> ClientId {
        // There are 63 times as many ids as sessions, so that this ends.
        loop {
            self.last_client = if self.last_client >= LAST_CLIENT { 1 } else { self.last_client + 1 };
            let client = ClientId(self.last_client);
            if !self.by_client.contains_key(&client) {
                return client;
            }
        }
    }

    /// Hands out ids after `client` from now on: it was in use before a restart.
    pub(crate) fn skip_client(&mut self, client: ClientId) {
        if client.0 <= LAST_CLIENT {
            self.last_client = self.last_client.max(client.0);
        }
    }

    /// Adds a session. False (and nothing is changed) if its number, its voucher or one of its devices
    /// is taken, it has no device, its number is out of range, or there is no room.
    pub(crate) fn insert(&mut self, client: ClientId, session: Session) -> bool {
        let macs = session.devices.iter().map(|device| device.mac);
        let doubled =
            macs.clone().enumerate().any(|(index, mac)| macs.clone().take(index).any(|other| other == mac));
        if self.by_client.contains_key(&client)
            || self.by_verifier.contains_key(&session.verifier)
            || macs.clone().any(|mac| self.by_mac.contains_key(&mac))
            || doubled
            || session.devices.is_empty()
            || session.devices.len() > self.room()
            || !(1..=LAST_CLIENT).contains(&client.0)
        {
            return false;
        }
        self.by_mac.extend(macs.map(|mac| (mac, client)));
        self.by_verifier.insert(session.verifier, client);
        self.by_client.insert(client, session);
        true
    }

    /// Ends a session.
    pub(crate) fn remove(&mut self, client: ClientId) -> Option<Session> {
        let session = self.by_client.remove(&client)?;
        self.by_verifier.remove(&session.verifier);
        for device in &session.devices {
            self.by_mac.remove(&device.mac);
        }
        Some(session)
    }

    /// Adds a device to a session, as its newest.
    pub(crate) fn add_device(&mut self, client: ClientId, device: Device) {
        if let Some(session) = self.by_client.get_mut(&client) {
            let mac = device.mac;
            session.devices.retain(|known| known.mac != mac);
            session.devices.push(device);
            self.by_mac.insert(mac, client);
        }
    }

    /// Takes the oldest device from a session that has more than `most`.
    pub(crate) fn yield_device(&mut self, client: ClientId, most: usize) -> Option<MacAddress> {
        let session = self.by_client.get_mut(&client)?;
        if session.devices.len() <= most.max(1) {
            return None;
        }
        let device = session.devices.remove(0);
        self.by_mac.remove(&device.mac);
        Some(device.mac)
    }

    /// Takes one device from a session that has others.
    pub(crate) fn remove_device(&mut self, client: ClientId, mac: MacAddress) {
        if let Some(session) = self.by_client.get_mut(&client) {
            session.devices.retain(|device| device.mac != mac);
            self.by_mac.remove(&mac);
        }
    }

    /// The session of a device.
    pub(crate) fn of_device(&self, mac: MacAddress) -> Option<ClientId> {
        self.by_mac.get(&mac).copied()
    }

    /// A device of a session.
    pub(crate) fn device_mut(&mut self, mac: MacAddress) -> Option<&mut Device> {
        let client = self.of_device(mac)?;
        self.by_client.get_mut(&client)?.devices.iter_mut().find(|device| device.mac == mac)
    }

    /// The session of a voucher.
    pub(crate) fn of_voucher(&self, verifier: Verifier) -> Option<ClientId> {
        self.by_verifier.get(&verifier).copied()
    }

    /// One session.
    pub(crate) fn get(&self, client: ClientId) -> Option<&Session> {
        self.by_client.get(&client)
    }

    /// One session, to change what hangs on no table.
    pub(crate) fn get_mut(&mut self, client: ClientId) -> Option<&mut Session> {
        self.by_client.get_mut(&client)
    }

    /// All sessions, by client id.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (ClientId, &Session)> {
        self.by_client.iter().map(|(client, session)| (*client, session))
    }

    /// All sessions, to change what hangs on no table.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (ClientId, &mut Session)> {
        self.by_client.iter_mut().map(|(client, session)| (*client, session))
    }

    /// The numbers of those sessions for which `chosen` holds.
    pub(crate) fn which(&self, chosen: impl Fn(&Session) -> bool) -> Vec<ClientId> {
        self.iter().filter(|(_, session)| chosen(session)).map(|(client, _)| client).collect()
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_client.is_empty()
    }

    /// Devices that still fit.
    pub(crate) fn room(&self) -> usize {
        HOTSPOT_SESSIONS.saturating_sub(self.by_mac.len())
    }
}

impl Device {
    /// One that is let in.
    pub(crate) const fn new(mac: MacAddress, since: Instant, keepsake: Option<Keepsake>) -> Self {
        Self { mac, since, keepsake, unanswered: 0, wanted: None, next: Vec::new() }
    }

    /// A probe was answered, or was not.
    pub(crate) fn handle_probed(&mut self, answered: bool) {
        self.unanswered = if answered { 0 } else { LEFT_AFTER.min(self.unanswered + 1) };
    }

    /// Whether it is here no more, as far as probes tell.
    pub(crate) const fn has_left(&self) -> bool {
        self.unanswered >= LEFT_AFTER
    }
}

impl Session {
    /// The hours of its plan begin or end.
    pub(crate) fn close(&mut self, online: Span, closed: bool) {
        match (self.closed, closed) {
            (true, _) => self.meter.rest(online),
            (false, true) => {
                self.meter.settle(online);
                self.meter.rest(online);
            }
            (false, false) => {}
        }
        self.closed = closed;
    }

    /// What is left if all time since the last reading was used.
    pub(crate) fn left_at_worst(&self, now: Instant, online: Span) -> Span {
        self.meter.left_at_worst(now, online, self.tariff.measure)
    }

    /// What is left, as of the last reading.
    pub(crate) fn left(&self, now: Instant) -> Span {
        self.meter.left(now, self.tariff.measure)
    }

    /// Whether so few octets are left, as of the last reading, that it is to be slow.
    pub(crate) fn is_short(&self) -> bool {
        self.bytes_until_slow() == Some(0) && !self.goes_on()
    }

    /// Whether nobody is cut off when it is spent.
    pub(crate) fn goes_on(&self) -> bool {
        self.devices.iter().all(|device| !device.next.is_empty())
    }

    /// Time in which what is left of its octets can have passed, or what is left until it is slow.
    pub(crate) fn soonest_end(&self) -> Option<Span> {
        let bytes = if self.slow || self.goes_on() {
            self.meter.bytes_left(&self.tariff)
        } else {
            self.bytes_until_slow()
        };
        let rates = self.rates_kbps().map(|rate| u64::from(if rate == 0 { FAST_KBPS } else { rate }));
        bytes.map(|bytes| Span::from_millis(bytes.saturating_mul(8) / (rates[0] + rates[1])))
    }

    fn bytes_until_slow(&self) -> Option<u64> {
        let slow = SLOW_BYTES.min(self.tariff.data_bytes? / 12);
        Some(self.meter.bytes_left(&self.tariff)?.saturating_sub(slow))
    }

    /// Takes a lease of at most `lease` and at most what is left, to be renewed when a third has passed.
    /// The last seconds of a plan are left to the kernel, so that they end when they end.
    pub(crate) fn take_lease(&mut self, now: Instant, online: Span, lease: Span) -> Span {
        let left = self.left_at_worst(now, online);
        let lease = lease.min(left);
        self.lease_end = now + lease;
        self.renew_at = if left <= LAST_SECONDS { self.lease_end } else { now + lease.scaled(1, 3) };
        let slow_end = self.tariff.measure.slow_end();
        self.slow = left <= slow_end && !self.goes_on() || self.is_short();
        if left > slow_end {
            // It begins when it begins.
            self.renew_at = self.renew_at.min(now + (left - slow_end));
        }
        lease
    }

    /// Limits towards the guest and from him in kbit/s; 0 is none.
    pub(crate) fn rates_kbps(&self) -> [u32; 2] {
        let rates = [self.tariff.rate_down_kbps, self.tariff.rate_up_kbps];
        rates.map(|rate| match rate {
            0 if self.slow => SLOW_KBPS,
            rate if self.slow => rate.min(SLOW_KBPS),
            rate => rate,
        })
    }

    /// Devices that the voucher allows.
    pub(crate) fn devices_allowed(&self) -> usize {
        usize::from(self.tariff.devices.max(1))
    }
}
