//! What holds for many at once, told to the kernel: the mode of the network, and who needs no voucher.

use super::Hotspot;
use crate::base::address::MacAddress;
use crate::base::time::{Instant, Span};
use crate::hotspot::output::GuestChange;
use crate::hotspot::rules::{Mode, Policy, Rules};
use crate::hotspot::session::Session;

/// What the kernel refused is tried again after this time.
const AGAIN: Span = Span::from_secs(10);

impl Hotspot {
    /// What holds at this node now, whatever voucher somebody has. Saying the same again does nothing.
    pub fn handle_rules(&mut self, now: Instant, rules: Rules) {
        if self.house.rules != rules {
            self.house.rules = rules;
            self.stop_reading();
            if !self.house.rules.policies.is_empty() && self.last_read.is_none() {
                self.last_read = Some(now);
            }
            self.keep_house(now);
        }
    }

    /// What time it is, in seconds since 1970, if anybody knows: plans with hours work at these.
    pub fn handle_clock(&mut self, now: Instant, unix_s: Option<u64>) {
        self.house.clock = unix_s.map(|unix_s| (unix_s, now));
        let changed = |session: &Session| self.house.is_closed(now, &session.tariff) != session.closed;
        for client in self.sessions.which(changed) {
            self.admit(now, client);
            self.outbox.save = Some(now);
        }
    }

    /// Nobody is left whose counters are worth a look.
    pub(super) fn stop_reading(&mut self) {
        if self.sessions.is_empty() && self.house.rules.policies.is_empty() {
            self.last_read = None;
        }
    }

    /// Octets of each policy, from it and to it, since the kernel began to count.
    pub fn policies(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        self.house.rules.policies.iter().map(|policy| {
            let counted = self.house.counted.iter().find(|sample| sample.client == policy.client);
            let bytes = counted.map_or((0, 0), |sample| (sample.up_bytes, sample.down_bytes));
            (policy.name.as_str(), bytes.0, bytes.1)
        })
    }

    /// Tells the kernel all that holds, for a new lease, and what holds no more.
    pub(super) fn keep_house(&mut self, now: Instant) {
        let lease = self.settings.lease();
        let gates = self.house.rules.gates(self.online.is_up());
        // Whoever typed a code has what it gives, until its session ends.
        let free = self.house.rules.free().filter(|(mac, _)| self.sessions.of_device(*mac).is_none());
        let admit = |(mac, policy): (MacAddress, &Policy)| GuestChange::Admit {
            mac,
            client: policy.client,
            lease,
            rate_down_kbps: policy.rate_down_kbps,
            rate_up_kbps: policy.rate_up_kbps,
        };
        let admissions: Vec<GuestChange> = free.map(admit).collect();
        let let_in: Vec<_> = self.house.rules.free().map(|(mac, policy)| (mac, policy.client)).collect();
        let changes = &mut self.outbox.changes;
        for gate in self.house.held.iter().filter(|gate| !gates.contains(gate)) {
            changes.push_back(GuestChange::Release { gate: *gate });
        }
        for (mac, client) in self.house.let_in.iter().filter(|one| !let_in.contains(one)) {
            // What its network counts stays.
            let has_network = |policy: &Policy| policy.client == *client && policy.has_network;
            let last = let_in.iter().all(|(_, other)| other != client)
                && !self.house.rules.policies.iter().any(has_network);
            changes.push_back(GuestChange::Dismiss { mac: *mac, client: *client, last });
        }
        changes.extend(gates.iter().map(|gate| GuestChange::Hold { gate: *gate, lease }));
        changes.extend(admissions);
        let holds = !gates.is_empty() || !let_in.is_empty();
        self.house.renew_at = holds.then(|| now + lease.scaled(1, 3));
        (self.house.held, self.house.let_in) = (gates, let_in);
    }

    /// Whether a change that the kernel refused is one of these, which are then told again.
    pub(super) fn is_of_the_house(&mut self, now: Instant, change: &GuestChange) -> bool {
        match *change {
            GuestChange::Release { gate } if !self.house.held.contains(&gate) => self.house.held.push(gate),
            GuestChange::Dismiss { mac, client, .. } if client.is_policy() => {
                if !self.house.let_in.contains(&(mac, client)) {
                    self.house.let_in.push((mac, client));
                }
            }
            GuestChange::Admit { client, .. } if client.is_policy() => {}
            GuestChange::Hold { .. } | GuestChange::Release { .. } => {}
            GuestChange::Admit { .. } | GuestChange::Dismiss { .. } => return false,
        }
        self.house.renew_at = Some(now + AGAIN);
        true
    }

    /// The policy that lets a device in now.
    pub(super) fn policy_of(&self, mac: MacAddress) -> Option<&Policy> {
        self.house.rules.free().find(|(free, _)| *free == mac).map(|(_, policy)| policy)
    }

    /// Whether whoever has a voucher does not pass now.
    pub(super) fn is_night(&self) -> bool {
        self.house.rules.mode == Mode::Night
    }
}
