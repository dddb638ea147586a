//! Which rules hold at this node now: the mode of the network, and whose hours these are.
//!
//! A signed `mode` record holds for 24 hours from when it was written, where both its author and this node know the time;
//! else from when this node first saw it. After that, and without one, the hours of the night in the configuration decide.
//! Hours of plans are the hotspot's to hold; this tells it what time it is.
//! Untrusted time closes nothing: hours are off then, and a night that was found in the journal, of which nobody can tell how
//! old it is, does not hold. An emergency does, for a day more: power that fails is a part of it.

use serde::{Deserialize, Serialize};

use super::Node;
use crate::base::hours::Hours;
use crate::base::time::{Instant, Span, TimeQuality, WallTime};
use crate::hotspot::output::ClientId;
use crate::hotspot::rules::{Mode, Policy, Rules};
use crate::ledger::RecordId;
use crate::ledger::body::NetworkMode;

/// How long a mode holds.
const MODE_S: u64 = 24 * 3_600;

/// The mode that was seen last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SeenMode {
    record: Option<RecordId>,
    at: Instant,
    /// It was in the journal at the start: it may be of last year.
    found: bool,
}

impl Node {
    /// The mode that somebody has set and that has not ended, and for how much longer it holds.
    pub(super) fn mode_set(&self, now: Instant) -> Option<(NetworkMode, Span)> {
        let (record, body) = self.ledger.mode_record()?;
        let SeenMode { record: seen, at, found, .. } = self.seen_mode;
        let (wall, good) = (self.wall(now), |time: WallTime| time.quality >= TimeQuality::Mesh);
        let age_s = match body.time {
            Some(time) if good(time) && good(wall) => wall.unix_s.saturating_sub(time.unix_s),
            _ if found && body.mode == NetworkMode::Night => return None,
            _ if seen == Some(record.id) => now.since(at).as_secs(),
            _ => 0,
        };
        let left_s = MODE_S.checked_sub(age_s).filter(|left_s| *left_s > 0)?;
        Some((body.mode, Span::from_secs(left_s)))
    }

    /// Looks what holds now, and tells the hotspot. `found`: what is known is from the journal.
    pub(super) fn look_at_rules(&mut self, now: Instant, found: bool) {
        let record = self.ledger.mode_record().map(|(record, _)| record.id);
        if record != self.seen_mode.record {
            self.seen_mode = SeenMode { record, at: now, found };
        }
        self.look_at_services(now);
        let wall = self.wall(now);
        let clock = (wall.quality > TimeQuality::Stale).then_some(wall.unix_s);
        let rules = self.rules(clock, self.mode_set(now).map(|(mode, _)| mode));
        if let Some(hotspot) = &mut self.hotspot {
            hotspot.handle_clock(now, clock);
            hotspot.handle_rules(now, rules);
        }
    }

    /// `clock`: the second since 1970, if anybody knows it.
    fn rules(&self, clock: Option<u64>, set: Option<NetworkMode>) -> Rules {
        let is_now =
            |hours: &[Hours]| clock.is_some_and(|unix_s| hours.iter().any(|hours| hours.have(unix_s)));
        let mode = match set {
            Some(NetworkMode::Usual) => Mode::Usual,
            Some(NetworkMode::Emergency) => Mode::Emergency,
            Some(NetworkMode::Night) => Mode::Night,
            None if is_now(&self.settings.night) => Mode::Night,
            None => Mode::Usual,
        };
        let reason = self.ledger.mode_record().filter(|_| set.is_some_and(|set| set != NetworkMode::Usual));
        let policies = (0..).zip(&self.settings.policies).map(|(index, policy)| Policy {
            client: ClientId::of_policy(index),
            name: policy.name.clone(),
            open: clock.is_none() || policy.hours.is_empty() || is_now(&policy.hours),
            macs: policy.macs.clone(),
            has_network: !policy.devices.is_empty(),
            rate_down_kbps: policy.rate_down_kbps,
            rate_up_kbps: policy.rate_up_kbps,
        });
        let has_hours = !self.settings.night.is_empty()
            || self.settings.policies.iter().any(|policy| !policy.hours.is_empty())
            || self.ledger.plans().any(|(_, plan)| plan.hours.is_some());
        Rules {
            mode,
            reason: reason.map(|(_, body)| body.reason.clone()).unwrap_or_default(),
            clockless: has_hours && clock.is_none(),
            policies: policies.collect(),
            services: self.free_services(),
        }
    }
}
