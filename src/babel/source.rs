//! The source table and the feasibility condition (RFC 8966 3.2.5, 3.5.1): why there are no loops.
//!
//! For every prefix and origin we remember the best we ever announced. A route that is not strictly
//! better than that may lead back through us, and is not used.

use serde::{Deserialize, Serialize};

use crate::base::sorted::LargeMap;

use super::router_id::RouterId;
use super::seqno::SeqNo;
use super::wire::tlv::INFINITY;
use crate::base::address::PrefixPair;
use crate::base::limit::BABEL_SOURCES;
use crate::base::time::{Instant, Span};

/// The best that we ever announced of one source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeasibilityDistance {
    /// The newest sequence number.
    pub seqno: SeqNo,
    /// The smallest metric with it.
    pub metric: u16,
}

/// All sources, with the time when each is forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sources {
    entries: LargeMap<(PrefixPair, RouterId), (FeasibilityDistance, Instant)>,
    next_sweep: Option<Instant>,
}

impl FeasibilityDistance {
    /// Whether an advertised distance is strictly better than this (RFC 8966 3.5.1).
    pub const fn admits(&self, seqno: SeqNo, metric: u16) -> bool {
        seqno.is_newer_than(self.seqno) || seqno.0 == self.seqno.0 && metric < self.metric
    }
}

impl Sources {
    /// Whether a route with this advertised distance can be used (RFC 8966 3.5.1).
    pub(super) fn is_feasible(
        &self,
        prefix: PrefixPair,
        router_id: RouterId,
        seqno: SeqNo,
        metric: u16,
    ) -> bool {
        metric == INFINITY || self.distance(prefix, router_id).is_none_or(|best| best.admits(seqno, metric))
    }

    pub(super) fn distance(&self, prefix: PrefixPair, router_id: RouterId) -> Option<FeasibilityDistance> {
        self.entries.get(&(prefix, router_id)).map(|(distance, _)| *distance)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = ((PrefixPair, RouterId), FeasibilityDistance)> {
        self.entries.iter().map(|(key, (distance, _))| (*key, *distance))
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// All of them, each with the time when it is forgotten unless it is announced before.
    pub(super) fn entries(
        &self,
    ) -> impl Iterator<Item = (&(PrefixPair, RouterId), &(FeasibilityDistance, Instant))> {
        self.entries.iter()
    }

    /// We are about to announce this (RFC 8966 3.7.3); `false` if the table is full, and then it must
    /// not be announced: an announcement that we do not remember could come back to us as a loop.
    pub(super) fn announce(
        &mut self,
        now: Instant,
        prefix: PrefixPair,
        router_id: RouterId,
        seqno: SeqNo,
        metric: u16,
    ) -> bool {
        let expires = now + SOURCE_GC;
        let key = (prefix, router_id);
        if let Some((best, until)) = self.entries.get_mut(&key) {
            if best.admits(seqno, metric) {
                *best = FeasibilityDistance { seqno, metric };
            }
            *until = expires;
            return true;
        }
        if self.entries.len() >= BABEL_SOURCES {
            return false;
        }
        self.entries.insert(key, (FeasibilityDistance { seqno, metric }, expires));
        self.next_sweep.get_or_insert(expires);
        true
    }

    pub(super) fn is_full(&self) -> bool {
        self.entries.len() >= BABEL_SOURCES
    }

    pub(super) const fn next_sweep(&self) -> Option<Instant> {
        self.next_sweep
    }

    /// Forgets what was not announced for long and is not in use; the prefixes whose routes may have
    /// become feasible.
    pub(super) fn sweep(
        &mut self,
        now: Instant,
        in_use: impl Fn(PrefixPair, RouterId) -> bool,
    ) -> Vec<PrefixPair> {
        if self.next_sweep.is_none_or(|due| due > now) {
            return Vec::new();
        }
        let mut freed = Vec::new();
        self.entries.retain(|(prefix, router_id), (_, expires)| {
            // With update intervals of minutes, what is announced may look old.
            if *expires <= now && in_use(*prefix, *router_id) {
                *expires = now + SOURCE_GC;
            }
            let stays = *expires > now;
            if !stays {
                freed.push(*prefix);
            }
            stays
        });
        let earliest = self.entries.values().map(|(_, expires)| *expires).min();
        self.next_sweep = earliest.map(|earliest| earliest.max(now + SWEEP_GAP));
        freed
    }
}

/// RFC 8966 appendix B: an unused source is forgotten after three minutes.
const SOURCE_GC: Span = Span::from_secs(180);
/// A sweep looks at the whole table: every 10 seconds is soon enough.
const SWEEP_GAP: Span = Span::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::address::Prefix;

    const ORIGIN: RouterId = RouterId([0, 0, 0, 0, 0, 0, 0, 1]);

    #[test]
    fn feasible_is_newer_or_strictly_better() {
        let prefix: PrefixPair = "fd00::/64".parse().unwrap();
        let mut sources = Sources::default();
        assert!(sources.is_feasible(prefix, ORIGIN, SeqNo(5), 60_000));
        sources.announce(Instant::ZERO, prefix, ORIGIN, SeqNo(5), 100);
        for (seqno, metric, feasible) in [
            (5, 99, true),
            (5, 100, false),
            (5, 101, false),
            (6, 65_534, true),
            (4, 0, false),
            (4, INFINITY, true),
            (5 + 0x7fff, 9_999, true),
            (5 + 0x8000, 0, false),
        ] {
            assert_eq!(
                sources.is_feasible(prefix, ORIGIN, SeqNo(seqno), metric),
                feasible,
                "{seqno} {metric}"
            );
        }
    }

    #[test]
    fn the_distance_only_falls_until_the_seqno_is_newer() {
        let prefix: PrefixPair = "fd00::/64".parse().unwrap();
        let mut sources = Sources::default();
        for (seqno, metric, best) in
            [(5, 100, (5, 100)), (5, 300, (5, 100)), (5, 50, (5, 50)), (4, 10, (5, 50)), (6, 900, (6, 900))]
        {
            assert!(sources.announce(Instant::ZERO, prefix, ORIGIN, SeqNo(seqno), metric));
            let distance = sources.distance(prefix, ORIGIN).unwrap();
            assert_eq!((distance.seqno.0, distance.metric), best);
        }
    }

    #[test]
    fn a_source_is_forgotten_three_minutes_after_its_last_announcement() {
        let prefix: PrefixPair = "fd00::/64".parse().unwrap();
        let mut sources = Sources::default();
        sources.announce(Instant::ZERO, prefix, ORIGIN, SeqNo(5), 100);
        sources.announce(Instant::from_millis(60_000), prefix, ORIGIN, SeqNo(5), 100);
        assert!(sources.sweep(Instant::from_millis(180_000), |_, _| false).is_empty());
        assert!(sources.clone().sweep(Instant::from_millis(240_000), |_, _| true).is_empty());
        assert_eq!(sources.sweep(Instant::from_millis(240_000), |_, _| false), [prefix]);
        assert_eq!(sources.next_sweep(), None);
    }

    #[test]
    fn a_full_table_refuses_the_announcement() {
        let mut sources = Sources::default();
        for number in 0..u32::try_from(BABEL_SOURCES).unwrap() {
            let prefix = Prefix::host(std::net::Ipv4Addr::from(0x0a00_0000 + number).into()).into();
            assert!(sources.announce(Instant::ZERO, prefix, ORIGIN, SeqNo(1), 1));
        }
        assert!(!sources.announce(Instant::ZERO, PrefixPair::DEFAULT_V4, ORIGIN, SeqNo(1), 1));
        sources.sweep(Instant::from_millis(180_000), |_, _| false);
        assert!(sources.announce(Instant::ZERO, PrefixPair::DEFAULT_V4, ORIGIN, SeqNo(1), 1));
    }
}
