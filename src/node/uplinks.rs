//! Which of this node's own ways outside work.
//!
//! A cable with a carrier and a default route is no proof: the provider's radio behind it may be dead. So
//! each uplink that has somebody to ask is asked, through that device alone, each family by itself:
//!
//! | state | asked | changes |
//! |---|---|---|
//! | down | each second while answers come, else each interval | up, when every round of the hold was answered |
//! | up | each interval; at once again after a miss | down, after three rounds in a row without any answer |
//! | any | | down at once, when the carrier or the default route is gone |
//!
//! A round is good when one of those asked has answered. The hold is nothing at first, 3 s after the first loss,
//! and doubles with each loss up to 5 minutes; ten minutes without one and it is forgotten. So a way that
//! flaps does not shake the whole mesh. Without anybody to ask, carrier and route decide, with the same hold
//! from the second loss on.

use serde::{Deserialize, Serialize};

use crate::base::sorted::SortedMap;

use super::probe::{Ask, Found, Probe, ProbeId};
use super::settings::Uplink;
use crate::base::time::{Instant, Span};

/// All own ways outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Watches {
    ways: SortedMap<Way, Watch>,
    next_id: u64,
    /// The last answer of an own uplink: its delay, and when.
    answered: Option<(Instant, Span)>,
}

/// One family through one device.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Way {
    /// The device.
    pub(super) device: String,
    /// IPv4, else IPv6.
    pub(super) ipv4: bool,
}

/// What has become of a way, or what must be asked to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Ask this.
    Ask(Probe),
    /// It works now, or no more; and why.
    Turned {
        /// Which.
        way: Way,
        /// Whether it works.
        up: bool,
        /// How that is known.
        why: &'static str,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Watch {
    up: bool,
    /// Losses that are not forgotten.
    losses: u32,
    /// When it was lost last.
    lost_at: Option<Instant>,
    /// Since when all was good.
    good_since: Option<Instant>,
    misses: u8,
    round: Option<Round>,
    next_round: Instant,
}

/// Questions under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Round {
    began: Instant,
    asked: SortedMap<ProbeId, Option<Verdict>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Verdict {
    Good,
    Bad,
    Unasked,
}

impl Watches {
    /// Looks at every way: `usable` says whether device and default route are there. One that must not be announced
    /// (`metered.rs`) is not asked either, since that costs too, and begins anew.
    pub(super) fn look(
        &mut self,
        now: Instant,
        uplinks: &[Uplink],
        is_shut: impl Fn(&str) -> bool,
        usable: impl Fn(&Way) -> bool,
    ) -> Vec<Step> {
        let mut steps = Vec::new();
        let open = || uplinks.iter().filter(|uplink| !is_shut(&uplink.device));
        self.ways.retain(|way, _| open().any(|uplink| uplink.device == way.device));
        for uplink in open() {
            for ipv4 in [true, false] {
                let way = Way { device: uplink.device.clone(), ipv4 };
                let asks = uplink.asks_of(ipv4);
                // A family with nobody to ask goes by the other one, which leaves by the same cable.
                let other = Way { ipv4: !ipv4, ..way.clone() };
                let follows = asks.is_empty() && !uplink.asks.is_empty() && usable(&other);
                let usable = usable(&way) && (!follows || self.is_up(&other));
                let watch = self.ways.entry(way.clone()).or_default();
                let turned = watch.look(now, uplink, &asks, usable);
                steps.extend(turned.map(|(up, why)| Step::Turned { way: way.clone(), up, why }));
                if usable && watch.is_due(now) && !asks.is_empty() {
                    steps.extend(watch.ask(now, &way, &asks, &mut self.next_id).map(Step::Ask));
                }
            }
        }
        steps
    }

    /// An answer, or none.
    pub(super) fn handle_found(&mut self, now: Instant, id: ProbeId, found: &Found) {
        let verdict = match found {
            Found::Answer { after } => {
                self.answered = Some((now, *after));
                Verdict::Good
            }
            Found::Expired { .. } | Found::Silence => Verdict::Bad,
            Found::Refused { .. } => Verdict::Unasked,
        };
        let rounds = self.ways.values_mut().filter_map(|watch| watch.round.as_mut());
        if let Some(asked) = rounds.filter_map(|round| round.asked.get_mut(&id)).next() {
            *asked = Some(verdict);
        }
    }

    /// Whether a way works.
    pub(super) fn is_up(&self, way: &Way) -> bool {
        self.ways.get(way).is_some_and(|watch| watch.up)
    }

    /// How long the last answer of an own uplink took, and when that was.
    pub(super) const fn answered(&self) -> Option<(Instant, Span)> {
        self.answered
    }

    pub(super) fn next_wake(&self) -> Option<Instant> {
        self.ways.values().filter_map(Watch::next_wake).min()
    }
}

impl Watch {
    /// Ends what is over; `(up, why)` when the way has turned.
    fn look(
        &mut self,
        now: Instant,
        uplink: &Uplink,
        asks: &[Ask],
        usable: bool,
    ) -> Option<(bool, &'static str)> {
        if !usable {
            (self.round, self.good_since, self.misses, self.next_round) = (None, None, 0, now);
            return self.up.then(|| self.lose(now, "carrier or default route is gone"));
        }
        if asks.is_empty() {
            let since = *self.good_since.get_or_insert(now);
            self.next_round =
                if self.up { now + FORGET } else { since + hold(self.remembered(now).saturating_sub(1)) };
            return (!self.up && now >= self.next_round)
                .then(|| self.gain("carrier and default route are there"));
        }
        match self.round.as_ref()?.verdict(now)? {
            Verdict::Good => {
                let began = self.round.take()?.began;
                let since = *self.good_since.get_or_insert(now);
                self.misses = 0;
                let pause = if self.up { uplink.interval } else { CONFIRM.min(uplink.interval) };
                self.next_round = began + pause;
                (!self.up && now.since(since) >= hold(self.remembered(now))).then(|| {
                    self.next_round = began + uplink.interval;
                    self.gain("the outside answers")
                })
            }
            Verdict::Bad => {
                let began = self.round.take()?.began;
                self.good_since = None;
                self.misses = self.misses.saturating_add(1);
                self.next_round = if self.up { now } else { began + uplink.interval.max(PATIENCE) };
                (self.up && self.misses >= MISSES).then(|| self.lose(now, "nobody outside answers"))
            }
            Verdict::Unasked => {
                let began = self.round.take()?.began;
                self.next_round = began + uplink.interval;
                (!self.up).then(|| self.gain("nobody can be asked; carrier and default route are there"))
            }
        }
    }

    fn gain(&mut self, why: &'static str) -> (bool, &'static str) {
        self.up = true;
        (true, why)
    }

    fn lose(&mut self, now: Instant, why: &'static str) -> (bool, &'static str) {
        self.losses = self.remembered(now).saturating_add(1);
        (self.up, self.lost_at, self.good_since) = (false, Some(now), None);
        (false, why)
    }

    /// Losses that count: none when the last one is long ago.
    fn remembered(&self, now: Instant) -> u32 {
        if self.lost_at.is_some_and(|at| now.since(at) < FORGET) { self.losses } else { 0 }
    }

    fn is_due(&self, now: Instant) -> bool {
        self.round.is_none() && self.next_round <= now
    }

    fn ask(
        &mut self,
        now: Instant,
        way: &Way,
        asks: &[Ask],
        next_id: &mut u64,
    ) -> impl Iterator<Item = Probe> {
        let device = way.device.clone();
        let probes: Vec<Probe> = asks
            .iter()
            .map(|ask| {
                *next_id += 1;
                let (id, device) = (ProbeId::Uplink(*next_id), Some(device.clone()));
                Probe { id, device, ask: ask.clone(), patience: PATIENCE }
            })
            .collect();
        self.round = Some(Round { began: now, asked: probes.iter().map(|probe| (probe.id, None)).collect() });
        probes.into_iter()
    }

    fn next_wake(&self) -> Option<Instant> {
        match &self.round {
            Some(round) => Some(round.began + PATIENCE + GRACE),
            // What cannot be used waits for the kernel to say so.
            None => (self.good_since.is_some() || self.misses > 0 || self.up).then_some(self.next_round),
        }
    }
}

impl Round {
    /// What the round says; `None` while it may still say something else.
    fn verdict(&self, now: Instant) -> Option<Verdict> {
        let mut verdicts = self.asked.values();
        if verdicts.clone().any(|verdict| *verdict == Some(Verdict::Good)) {
            return Some(Verdict::Good);
        }
        let over = now >= self.began + PATIENCE + GRACE || verdicts.clone().all(Option::is_some);
        over.then(|| {
            let unasked = verdicts.all(|verdict| *verdict == Some(Verdict::Unasked));
            if unasked { Verdict::Unasked } else { Verdict::Bad }
        })
    }
}

/// How long answers must have come without a miss after so many losses.
fn hold(losses: u32) -> Span {
    match losses {
        0 => Span::ZERO,
        losses => HOLD_LEAST.scaled(1 << (losses - 1).min(7), 1).min(HOLD_MOST),
    }
}

/// How long to wait for an answer: a satellite takes 0.7 s.
const PATIENCE: Span = Span::from_secs(2);
/// Added before a round is ended without the word of the adapter, which keeps the same time.
const GRACE: Span = Span::from_millis(200);
/// Rounds without an answer that a way in use may have less one: a lost packet is not a dead link.
const MISSES: u8 = 3;
/// Time between two rounds while a way proves itself.
const CONFIRM: Span = Span::from_secs(1);
const HOLD_LEAST: Span = Span::from_secs(3);
const HOLD_MOST: Span = Span::from_secs(300);
const FORGET: Span = Span::from_secs(600);

#[cfg(test)]
mod tests;
