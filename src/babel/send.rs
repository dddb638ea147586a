//! What waits to be sent to one destination (all on an interface, or one neighbour), and when.
//!
//! TLVs are gathered and leave together (RFC 8966 3.1). Of routes only the prefix is remembered: what
//! is said about it is decided when it leaves, so no update is older than the packet that carries it.

use serde::{Deserialize, Serialize};

use crate::base::sorted::LargeMap;

use super::wire::tlv::Tlv;
use crate::base::address::PrefixPair;
use crate::base::limit::BABEL_OUTBOX_TLVS;
use crate::base::random::Random;
use crate::base::time::{Instant, Span};

/// TLVs and prefixes that wait for their packet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outbox {
    tlvs: Vec<Tlv>,
    marks: LargeMap<PrefixPair, Mark>,
    /// When a full dump goes on, and behind which prefix.
    dump: Option<(Instant, Option<PrefixPair>)>,
    due: Option<Instant>,
    repeats: LargeMap<PrefixPair, Mark>,
    repeats_due: Option<Instant>,
    last_dump: Option<Instant>,
}

/// How a prefix is to be announced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// How often it is said again.
    pub(super) repeats: u8,
    /// It answers a request, so split horizon does not hold it back.
    pub(super) answer: bool,
}

/// What leaves now.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) tlvs: Vec<Tlv>,
    pub(super) marks: Vec<(PrefixPair, Mark)>,
    /// Continue the dump behind this prefix.
    pub(super) dump: Option<Option<PrefixPair>>,
}

impl Outbox {
    /// Adds a TLV that leaves at `due` at the latest; `false` if there is no room for it.
    pub(super) fn push(&mut self, tlv: Tlv, due: Instant) -> bool {
        if let Tlv::Ihu { address, .. } = &tlv {
            self.tlvs
                .retain(|waiting| !matches!(waiting, Tlv::Ihu { address: other, .. } if other == address));
        }
        if !self.tlvs.contains(&tlv) {
            if self.tlvs.len() >= BABEL_OUTBOX_TLVS {
                return false;
            }
            self.tlvs.push(tlv);
        }
        self.hurry(due);
        true
    }

    /// Adds a Hello, which stands first in its packet.
    pub(super) fn push_hello(&mut self, tlv: Tlv, due: Instant) {
        self.tlvs.insert(0, tlv);
        self.hurry(due);
    }

    /// Adds two TLVs that stand first and beside each other, so that one packet holds both.
    pub(super) fn push_first(&mut self, tlvs: [Tlv; 2], due: Instant) {
        self.tlvs.retain(|waiting| !tlvs.contains(waiting));
        self.tlvs.splice(..0, tlvs);
        self.hurry(due);
    }

    /// Announces a prefix at `due` at the latest.
    pub(super) fn mark(&mut self, prefix: PrefixPair, mark: Mark, due: Instant) {
        let waiting = self.marks.entry(prefix).or_default();
        waiting.repeats = waiting.repeats.max(mark.repeats);
        waiting.answer |= mark.answer;
        self.hurry(due);
    }

    /// Announces everything, beginning at `due`, but not sooner than [`DUMP_GAP`] after the last time.
    pub(super) fn start_dump(&mut self, due: Instant) {
        let due = self.last_dump.map_or(due, |last| due.max(last + DUMP_GAP));
        // A dump that is under way starts again, for the one who asks now has missed its beginning.
        self.dump = Some((due, None));
    }

    /// Announces everything at once, because it was just taken back.
    pub(super) fn start_dump_now(&mut self, now: Instant) {
        self.dump = Some((now, None));
    }

    /// Whether everything was announced less than `span` ago, or is about to be.
    pub(super) fn dumped_within(&self, now: Instant, span: Span) -> bool {
        self.dump.is_some() || self.last_dump.is_some_and(|last| now.since(last) < span)
    }

    /// How many prefixes wait, not counting a dump.
    pub(super) fn marks(&self) -> usize {
        self.marks.len()
    }

    /// When something leaves.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let dump = self.dump.map(|(due, _)| due);
        [self.due, self.repeats_due, dump].into_iter().flatten().min()
    }

    /// What leaves now; `None` before its time. `repeat_at` is when prefixes are said again.
    pub(super) fn take(&mut self, now: Instant, repeat_at: Instant) -> Option<Batch> {
        if self.repeats_due.is_some_and(|due| due <= now) {
            self.repeats_due = None;
            for (prefix, mark) in std::mem::take(&mut self.repeats) {
                self.mark(prefix, mark, now);
            }
        }
        let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= now);
        let dump_is_due = is_due(self.dump.map(|(due, _)| due));
        if !is_due(self.due) && !dump_is_due {
            return None;
        }
        self.due = None;
        let mut batch = Batch { tlvs: std::mem::take(&mut self.tlvs), ..Batch::default() };
        while batch.marks.len() < BATCH_PREFIXES
            && let Some((prefix, mark)) = self.marks.pop_first()
        {
            batch.marks.push((prefix, mark));
            if mark.repeats > 0 {
                self.repeats.insert(prefix, Mark { repeats: mark.repeats - 1, ..mark });
                self.repeats_due.get_or_insert(repeat_at);
            }
        }
        if !self.marks.is_empty() {
            self.hurry(now + PACE);
        }
        if dump_is_due && batch.marks.len() < BATCH_PREFIXES {
            batch.dump = self.dump.take().map(|(_, after)| after);
            self.last_dump = Some(now);
        } else if dump_is_due {
            self.dump = self.dump.map(|(_, after)| (now + PACE, after));
        }
        Some(batch)
    }

    /// The dump was not finished: it goes on behind `last`.
    pub(super) fn continue_dump(&mut self, now: Instant, last: PrefixPair) {
        self.dump = Some((now + PACE, Some(last)));
    }

    /// These prefixes of a dump that goes on did not fill a packet: they leave with what follows.
    pub(super) fn hold_back(&mut self, now: Instant, prefixes: impl Iterator<Item = PrefixPair>) {
        for prefix in prefixes {
            self.mark(prefix, Mark::default(), now + PACE);
        }
    }

    fn hurry(&mut self, due: Instant) {
        self.due = Some(self.due.map_or(due, |waiting| waiting.min(due)));
    }
}

/// The promise of what is said every `interval`: a sixteenth longer, because RFC 8966 wants chance in it (3.1) and the
/// promise to be a bound (4.6.5, 4.6.9). So what is configured is the least and not the most, as with peers, whose
/// intervals are longer than they promise half of the time.
pub(super) fn promised(interval: Span) -> Span {
    Span::from_centis(interval.scaled(17, 16).as_centis())
}

/// How long it is until the next of what is said every `interval`: enough chance that neighbours do not fall into step.
pub(super) fn jittered(interval: Span, random: &mut Random) -> Span {
    let most = promised(interval);
    let least = interval.min(most - interval.scaled(1, 16));
    least + random.span(most - least)
}

/// Prefixes that leave at once: some 10 full packets, which a slow radio sends in 10 ms.
pub(super) const BATCH_PREFIXES: usize = 512;
/// Pause between two batches, so that a long dump leaves room for traffic.
const PACE: Span = Span::from_millis(20);
/// Two dumps to the same destination are this far apart (RFC 8966 3.8.1.1).
const DUMP_GAP: Span = Span::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix(text: &str) -> PrefixPair {
        text.parse().unwrap()
    }

    #[test]
    fn what_waits_leaves_together_at_the_earliest_time() {
        let mut outbox = Outbox::default();
        outbox.push(Tlv::Ack { opaque: 1 }, Instant::from_millis(500));
        outbox.push(Tlv::Ack { opaque: 1 }, Instant::from_millis(400));
        outbox.mark(prefix("fd00::/64"), Mark::default(), Instant::from_millis(300));
        assert!(outbox.take(Instant::from_millis(299), Instant::ZERO).is_none());
        let batch = outbox.take(Instant::from_millis(300), Instant::ZERO).unwrap();
        assert_eq!((batch.tlvs.len(), batch.marks.len()), (1, 1));
        assert_eq!(outbox, Outbox::default());
    }

    #[test]
    fn a_repeated_prefix_comes_again_and_then_stops() {
        let mut outbox = Outbox::default();
        outbox.mark(prefix("fd00::/64"), Mark { repeats: 1, answer: true }, Instant::ZERO);
        let again = Instant::from_millis(700);
        assert_eq!(outbox.take(Instant::ZERO, again).unwrap().marks.len(), 1);
        assert_eq!(outbox.next_due(), Some(again));
        let batch = outbox.take(again, again).unwrap();
        assert_eq!(batch.marks, [(prefix("fd00::/64"), Mark { repeats: 0, answer: true })]);
        assert_eq!(outbox.next_due(), None);
    }

    #[test]
    fn a_full_outbox_takes_no_more_tlvs_and_says_so() {
        let mut outbox = Outbox::default();
        for opaque in 0..u16::try_from(BABEL_OUTBOX_TLVS).unwrap() {
            assert!(outbox.push(Tlv::Ack { opaque }, Instant::ZERO));
        }
        assert!(!outbox.push(Tlv::Ack { opaque: u16::MAX }, Instant::ZERO));
        assert_eq!(outbox.take(Instant::ZERO, Instant::ZERO).unwrap().tlvs.len(), BABEL_OUTBOX_TLVS);
    }

    #[test]
    fn a_promise_is_kept_and_leaves_room_for_chance() {
        let mut random = Random::new(1);
        for (millis, promise) in [(100, 100), (150, 150), (1_000, 1_060), (4_000, 4_250), (655_000, 655_340)]
        {
            let interval = Span::from_millis(millis);
            assert_eq!(promised(interval), Span::from_millis(promise));
            let waits: Vec<Span> = (0..100).map(|_| jittered(interval, &mut random)).collect();
            assert!(waits.iter().all(|wait| *wait <= promised(interval) && *wait >= interval.scaled(15, 16)));
            assert!(waits.iter().any(|wait| *wait != waits[0]), "{millis}");
        }
    }

    #[test]
    fn dumps_are_a_second_apart() {
        let mut outbox = Outbox::default();
        outbox.start_dump(Instant::ZERO);
        assert!(outbox.take(Instant::ZERO, Instant::ZERO).unwrap().dump.is_some());
        outbox.start_dump(Instant::from_millis(10));
        assert_eq!(outbox.next_due(), Some(Instant::from_millis(1_000)));
    }
}
