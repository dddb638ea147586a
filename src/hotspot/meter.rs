//! The meter of one voucher on this node: seconds of use, and time since the first one.
//!
//! A second counts if the uplink is up and the voucher's packet counters moved within the last minute
//! (`docs/ledger.md`, "Time without clocks"). The counters are read now and then, so:
//!
//! - they moved since the last reading: all of the time since then counts;
//! - they did not: what is left of the minute after the last movement counts.
//!
//! Packets *to* a phone that has left are none of its own: a server goes on sending for minutes what nobody takes. While no
//! device of a voucher answers probes, they count only if there are 20 kB of them in a minute: so much is taken by
//! somebody who keeps his phone from answering.
//!
//! Both on the *online clock*, which stands still while the uplink is down. Leases are given by what is
//! left *at worst*, as if the counters had moved since the last reading: no reading can come too late.

use serde::{Deserialize, Serialize};

use super::output::UsageSample;
use super::tariff::{Allowance, Measure, Tariff};
use crate::base::time::{Instant, Span};

/// How long after its last packet a voucher counts as in use.
const USE_WINDOW: Span = Span::from_secs(60);

/// Octets to devices that answer no probe, in a minute, of which somebody must be taking them.
const DROWNED_BYTES: u64 = 20_000;

/// The clock that runs only while the uplink is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnlineClock {
    up: bool,
    changed: Instant,
    counted: Span,
}

/// What one voucher has used on this node, and what is known of its use elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    /// Use on this node, ever.
    used: Span,
    /// Seconds of use on all other nodes, as the ledger knows.
    elsewhere_s: u64,
    /// How long ago the first use was, at the instant beside it.
    since_first_use: (Span, Instant),
    /// Octets from guests on this node, ever.
    up_bytes: u64,
    /// Octets to guests on this node, ever.
    down_bytes: u64,
    /// Octets in both directions on all other nodes, as the ledger knows.
    #[serde(default)]
    bytes_elsewhere: u64,
    /// The last reading of the kernel's counters; `None` while they are new and all zero.
    last: Option<UsageSample>,
    /// The online clock at the last reading.
    read_at: Span,
    /// The online clock until which idle time still counts.
    counts_until: Span,
    /// When the counters were last seen to move.
    last_moved: Instant,
    /// Since when no device answers probes, at most a minute ago on the online clock, and octets to them since then.
    #[serde(default)]
    unanswered: (Span, u64),
}

impl OnlineClock {
    /// A clock that runs from `now` on.
    pub const fn new(now: Instant) -> Self {
        Self { up: true, changed: now, counted: Span::ZERO }
    }

    /// Whether the uplink is up.
    pub const fn is_up(&self) -> bool {
        self.up
    }

    /// What the clock shows.
    pub fn at(&self, now: Instant) -> Span {
        if self.up { self.counted + now.since(self.changed) } else { self.counted }
    }

    /// The uplink came or went. Whether that is a change.
    pub fn set(&mut self, now: Instant, up: bool) -> bool {
        self.counted = self.at(now);
        self.changed = now;
        std::mem::replace(&mut self.up, up) != up
    }
}

impl Meter {
    /// The meter of a voucher that comes into use on this node.
    pub fn new(now: Instant, online: Span, allowance: &Allowance) -> Self {
        let mut meter = Self {
            used: Span::ZERO,
            elsewhere_s: 0,
            since_first_use: (Span::ZERO, now),
            up_bytes: 0,
            down_bytes: 0,
            bytes_elsewhere: 0,
            last: None,
            read_at: online,
            counts_until: online,
            last_moved: now,
            unanswered: (online, 0),
        };
        meter.learn(now, allowance);
        meter
    }

    /// Takes over what the ledger knows; what this node has counted itself beyond that stays.
    pub fn learn(&mut self, now: Instant, allowance: &Allowance) {
        self.elsewhere_s = allowance.used_s.saturating_sub(allowance.used_here_s);
        self.used = self.used.max(Span::from_secs(allowance.used_here_s));
        self.up_bytes = self.up_bytes.max(allowance.up_bytes_here);
        self.down_bytes = self.down_bytes.max(allowance.down_bytes_here);
        self.bytes_elsewhere = allowance.bytes_elsewhere;
        if let Some(seconds) = allowance.since_first_use_s {
            let told = Span::from_secs(seconds);
            let counted = self.since_first_use(now);
            let since = if allowance.begin_is_good { told } else { told.max(counted) };
            self.since_first_use = (since, now);
        }
    }

    /// Takes a reading of the kernel's counters; `here` is whether any device answers probes. Whether one sent something.
    pub fn read(&mut self, now: Instant, online: Span, sample: &UsageSample, here: bool) -> bool {
        let before = self.last.replace(*sample);
        // Counters that fell were made anew: what they show is all new.
        let grown = |counter: fn(&UsageSample) -> u64| {
            let (old, new) = (before.as_ref().map_or(0, counter), counter(sample));
            new.checked_sub(old).unwrap_or(new)
        };
        let down_bytes = grown(|sample| sample.down_bytes);
        let (sent, got) = (grown(|sample| sample.up_packets) > 0, grown(|sample| sample.down_packets) > 0);
        self.up_bytes = self.up_bytes.saturating_add(grown(|sample| sample.up_bytes));
        self.down_bytes = self.down_bytes.saturating_add(down_bytes);
        let drowned = self.drowns(online, down_bytes, here || sent);
        if sent || got && (here || drowned) {
            self.count_until(online);
            self.counts_until = online + USE_WINDOW;
            self.last_moved = now;
        } else {
            self.settle(online);
        }
        sent
    }

    /// Whether so much was taken within a minute that somebody is there whom probes do not find.
    fn drowns(&mut self, online: Span, bytes: u64, found: bool) -> bool {
        let (since, before) = self.unanswered;
        let is_over = found || online - since >= USE_WINDOW;
        self.unanswered = if is_over { (online, 0) } else { (since, before) };
        self.unanswered.1 = self.unanswered.1.saturating_add(if found { 0 } else { bytes });
        self.unanswered.1 >= DROWNED_BYTES
    }

    /// Counts what is certain without a reading: the rest of the minute after the last movement.
    pub fn settle(&mut self, online: Span) {
        self.count_until(online.min(self.counts_until));
        self.read_at = self.read_at.max(online);
    }

    /// What passes now counts nothing, until a reading after this finds that something moved.
    pub fn rest(&mut self, online: Span) {
        self.read_at = self.read_at.max(online);
        self.uplink_lost(online);
    }

    /// Counts all time since the last reading, as if the counters had moved.
    pub fn count_until(&mut self, online: Span) {
        self.used = self.used + (online - self.read_at);
        self.read_at = self.read_at.max(online);
    }

    /// The uplink went down: idle time no longer counts, also not when it comes back.
    pub fn uplink_lost(&mut self, online: Span) {
        self.counts_until = self.counts_until.min(online);
    }

    /// What is left, as of the last reading.
    pub fn left(&self, now: Instant, measure: Measure) -> Span {
        measure.left(self.used + Span::from_secs(self.elsewhere_s), self.since_first_use(now))
    }

    /// What is left if the counters have moved since the last reading.
    pub fn left_at_worst(&self, now: Instant, online: Span, measure: Measure) -> Span {
        let used = self.used + Span::from_secs(self.elsewhere_s) + (online - self.read_at);
        measure.left(used, self.since_first_use(now))
    }

    /// Seconds of use on this node; one that has begun counts.
    pub fn used_s(&self) -> u64 {
        self.used.as_micros().div_ceil(1_000_000)
    }

    /// Time since the first use anywhere.
    pub fn since_first_use(&self, now: Instant) -> Span {
        let (since, at) = self.since_first_use;
        since + now.since(at)
    }

    /// Octets from and to guests on this node.
    pub const fn bytes(&self) -> (u64, u64) {
        (self.up_bytes, self.down_bytes)
    }

    /// Octets in both directions on all nodes, as of the last reading.
    pub const fn all_bytes(&self) -> u64 {
        self.up_bytes.saturating_add(self.down_bytes).saturating_add(self.bytes_elsewhere)
    }

    /// Octets that are left, as of the last reading, if there is a limit of them.
    pub fn bytes_left(&self, tariff: &Tariff) -> Option<u64> {
        tariff.data_bytes.map(|data| data.saturating_sub(self.all_bytes()))
    }

    /// Whether nothing is left, as of the last reading.
    pub fn is_spent(&self, now: Instant, tariff: &Tariff) -> bool {
        self.left(now, tariff.measure) == Span::ZERO || self.bytes_left(tariff) == Some(0)
    }

    /// When the counters were last seen to move.
    pub const fn last_moved(&self) -> Instant {
        self.last_moved
    }

    /// Time on the online clock since the last reading.
    pub fn unread(&self, online: Span) -> Span {
        online - self.read_at
    }

    /// Goes on after the daemon was `away` (the unread time before it went included, and never longer
    /// than the kernel let through). `sample` is what the kernel has counted, if it still knows.
    pub fn resume(&mut self, now: Instant, online: Span, away: Span, sample: Option<&UsageSample>) {
        // The online clock began anew. For a moment it is set so that the gap is an ordinary one
        // between two readings.
        self.counts_until = self.counts_until - self.read_at;
        self.read_at = Span::ZERO;
        if let Some(sample) = sample {
            self.read(now, away, sample, true);
        } else {
            // Its counters are gone with the lease: the gap counts if it was in use when last seen.
            self.last = None;
            if self.counts_until > Span::ZERO {
                self.count_until(away);
            }
        }
        self.unanswered = (online, 0);
        self.counts_until = online + (self.counts_until - away);
        self.read_at = online;
        self.last_moved = self.last_moved.min(now);
    }

    /// Carries the time since the first use over from an instant of the clock before a restart, which
    /// may have begun anew: then the time between stands still, and the user gains it.
    pub fn carry_over(&mut self, now: Instant, saved_at: Instant) {
        let since = self.since_first_use(saved_at);
        self.since_first_use = (since + now.since(saved_at), now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hotspot::output::ClientId;

    const HOUR: Measure = Measure::UsedSeconds { seconds: 3_600, within_days: 0 };

    fn at(seconds: u64) -> (Instant, Span) {
        (Instant::from_millis(seconds * 1_000), Span::from_secs(seconds))
    }

    fn sample(packets: u64) -> UsageSample {
        UsageSample {
            client: ClientId(1),
            up_bytes: packets * 10,
            up_packets: packets,
            down_bytes: 0,
            down_packets: 0,
        }
    }

    fn allowance() -> Allowance {
        Allowance::unused(Tariff {
            name: String::new(),
            measure: HOUR,
            devices: 1,
            rate_down_kbps: 0,
            rate_up_kbps: 0,
            hours: None,
            data_bytes: None,
        })
    }

    fn meter() -> Meter {
        Meter::new(at(0).0, at(0).1, &allowance())
    }

    #[test]
    fn a_reading_that_moved_counts_all_time_since_the_last() {
        let mut meter = meter();
        // (second, packets so far, seconds counted so far)
        for (second, packets, used_s) in
            [(20, 5, 20), (40, 5, 40), (60, 5, 60), (80, 5, 80), (100, 5, 80), (500, 5, 80), (520, 6, 100)]
        {
            let (now, online) = at(second);
            meter.read(now, online, &sample(packets), true);
            assert_eq!(meter.used_s(), used_s, "at {second}");
        }
    }

    #[test]
    fn counters_that_were_made_anew_count_from_zero() {
        let mut meter = meter();
        for (second, packets) in [(10, 100), (20, 3), (30, 4)] {
            let (now, online) = at(second);
            meter.read(now, online, &sample(packets), true);
        }
        assert_eq!(meter.bytes(), (1_040, 0));
        assert_eq!(meter.used_s(), 30);
    }

    #[test]
    fn a_reading_twice_or_from_the_past_counts_nothing() {
        let mut meter = meter();
        let (now, online) = at(10);
        meter.read(now, online, &sample(1), true);
        meter.read(now, online, &sample(2), true);
        meter.read(at(5).0, at(5).1, &sample(3), true);
        assert_eq!(meter.used_s(), 10);
        assert_eq!(meter.left(now, HOUR), Span::from_secs(3_590));
    }

    #[test]
    fn what_is_left_at_worst_is_never_more_than_what_is_left() {
        let mut meter = meter();
        let (now, online) = at(30);
        assert_eq!(meter.left(now, HOUR), Span::from_secs(3_600));
        assert_eq!(meter.left_at_worst(now, online, HOUR), Span::from_secs(3_570));
        meter.read(now, online, &sample(0), true);
        assert_eq!(meter.left_at_worst(now, online, HOUR), Span::from_secs(3_600));
    }

    #[test]
    fn what_the_ledger_knows_less_of_this_node_stays_counted() {
        let mut meter = meter();
        let (now, online) = at(100);
        meter.read(now, online, &sample(1), true);
        let told = Allowance { used_s: 1_060, used_here_s: 60, ..allowance() };
        meter.learn(now, &told);
        assert_eq!(meter.left(now, HOUR), Span::from_secs(2_500));
        meter.learn(now, &Allowance { used_s: 1_300, used_here_s: 300, ..allowance() });
        assert_eq!(meter.left(now, HOUR), Span::from_secs(2_300), "an earlier run counted further");
    }

    #[test]
    fn a_clock_that_stands_still_resumes_where_it_stood() {
        let mut clock = OnlineClock::new(Instant::ZERO);
        assert!(clock.set(at(10).0, false));
        assert!(!clock.set(at(15).0, false));
        assert_eq!(clock.at(at(90).0), Span::from_secs(10));
        assert!(clock.set(at(100).0, true));
        assert_eq!(clock.at(at(105).0), Span::from_secs(15));
    }

    /// A reading each 20 s of what comes to a phone that sends nothing; the seconds that counted.
    fn counted(here: bool, octets_each: u64) -> u64 {
        let mut meter = meter();
        meter.read(at(20).0, at(20).1, &sample(1), true);
        for step in 1..=30 {
            let (now, online) = at(20 + step * 20);
            let sample = UsageSample { down_bytes: step * octets_each, down_packets: step, ..sample(1) };
            assert!(!meter.read(now, online, &sample, here));
        }
        meter.used_s()
    }

    #[test]
    fn what_is_sent_to_a_phone_that_has_left_costs_it_nothing() {
        // Its last packet was at 20 s, and the minute after it counts.
        assert_eq!(counted(false, 1_500), 80);
        assert_eq!(counted(true, 1_500), 620, "it is there, and takes it");
    }

    #[test]
    fn who_keeps_his_phone_from_answering_pays_for_what_he_takes() {
        assert_eq!(counted(false, 20_000), 620);
        let third = counted(false, 8_000);
        assert!((300..=620).contains(&third), "24 kB in a minute: {third} s");
    }
}
