//! The neighbour table (RFC 8966 3.2.4, 3.4, appendix A): who is heard, how well, and what that costs.

use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use super::air::Air;
use super::counters::Received;
use super::disown::Disowning;
use super::rtt::RoundTrip;
use super::send::Outbox;
use super::seqno::SeqNo;
use super::settings::{InterfaceSettings, LinkKind};
use super::wire::tlv::INFINITY;
use crate::base::address::InterfaceIndex;
use crate::base::time::{Instant, Span};

/// A number handed out in sequence, so that no order depends on an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct NeighbourId(pub u32);

/// One router that we can hear, or that says it hears us.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Neighbour {
    pub(super) interface: InterfaceIndex,
    pub(super) address: Ipv6Addr,
    /// Hellos that went to everybody.
    pub(super) multicast: History,
    /// Hellos that went to us alone.
    pub(super) unicast: History,
    /// What its last IHU says that hearing us costs it.
    pub(super) txcost: u16,
    /// When that IHU is too old.
    pub(super) ihu_deadline: Option<Instant>,
    /// What a packet over this link costs; [`INFINITY`] if it cannot be used.
    pub(super) cost: u16,
    /// The rxcost in the last IHU to it, and how many of our Hellos ago that was.
    pub(super) told_rxcost: Option<u16>,
    pub(super) hellos_since_ihu: u8,
    /// Whether it ever announced anything: if not, we ask once more when the link becomes usable.
    pub(super) announced: bool,
    /// Whether it ever sent a Hello, and when last (or when it was met).
    pub(super) heard: bool,
    pub(super) last_heard: Instant,
    /// What else is known of the link.
    pub(super) air: Air,
    /// The number of the next Hello to it alone.
    pub(super) hello_seqno: SeqNo,
    /// How long packets take.
    pub(super) round_trip: RoundTrip,
    /// It has not acknowledged yet that what a run before ours announced is void.
    pub(super) disowning: Option<Disowning>,
    /// What came from it.
    pub(super) received: Received,
    /// What waits to be sent to it alone.
    pub(super) outbox: Outbox,
}

/// Which of the last 16 Hellos of one kind arrived (RFC 8966 A.1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct History {
    /// The newest in the highest bit.
    bits: u16,
    /// How many bits mean something.
    length: u8,
    expected: SeqNo,
    /// How many came, and how many should have, since it began.
    counted: (u32, u32),
    interval: Span,
    deadline: Option<Instant>,
}

impl History {
    /// A Hello came. RFC 8966 A.1: jumps of more than 16 start anew, smaller ones are gaps or a change
    /// of the interval, which is undone.
    /// Whether a history that was there was thrown away.
    pub(super) fn hello(&mut self, now: Instant, seqno: SeqNo, interval_cs: u16) -> bool {
        let ahead = seqno.minus(self.expected);
        let mut restarted = false;
        if self.length == 0 || !(-16..=16).contains(&ahead) {
            restarted = self.length > 0;
            self.bits = 0;
            self.length = 0;
        } else if ahead < 0 {
            let undone = ahead.unsigned_abs();
            self.bits = self.bits.checked_shl(u32::from(undone)).unwrap_or(0);
            self.length = self.length.saturating_sub(u8::try_from(undone).unwrap_or(16));
        } else {
            (0..ahead).for_each(|_| self.append(false));
        }
        self.append(true);
        self.expected = seqno.next();
        if interval_cs != 0 {
            self.interval = Span::from_centis(interval_cs);
            self.deadline = Some(now + self.interval.scaled(3, 2));
        }
        restarted
    }

    /// Counts the Hellos that did not come in time; whether there were any.
    pub(super) fn miss(&mut self, now: Instant) -> bool {
        let mut missed = false;
        while let Some(deadline) = self.deadline.filter(|&deadline| deadline <= now) {
            missed = true;
            self.append(false);
            self.expected = self.expected.next();
            self.deadline = Some(deadline + self.interval);
            if self.bits == 0 {
                *self = Self::default();
            }
        }
        missed
    }

    /// Whether none of the last 16 came.
    pub(super) const fn is_empty(&self) -> bool {
        self.bits == 0
    }

    pub(super) const fn counted(&self) -> (u32, u32) {
        self.counted
    }

    pub(super) const fn bits(&self) -> u16 {
        self.bits
    }

    /// How many of the last `most` Hellos came, and how many were to come.
    pub(super) fn last(&self, most: u8) -> (u32, u32) {
        let expected = u32::from(self.length.min(most));
        let newest = u32::from(self.bits) << 16;
        let mask = u32::MAX.checked_shl(32 - expected).unwrap_or(0);
        ((newest & mask).count_ones(), expected)
    }

    /// Two of the last three came; a neighbour that is just new needs all it could have sent.
    fn is_up(&self) -> bool {
        let (received, expected) = self.last(WIRED_OF);
        received > 0 && received >= expected.min(WIRED_NEEDED)
    }

    fn append(&mut self, received: bool) {
        self.bits = self.bits >> 1 | u16::from(received) << 15;
        self.length = self.length.saturating_add(1).min(16);
        let (came, expected) = self.counted;
        self.counted = (came.wrapping_add(received.into()), expected.wrapping_add(1));
    }
}

impl Neighbour {
    pub(super) fn new(now: Instant, interface: InterfaceIndex, address: Ipv6Addr) -> Self {
        Self {
            interface,
            address,
            multicast: History::default(),
            unicast: History::default(),
            txcost: INFINITY,
            ihu_deadline: None,
            cost: INFINITY,
            told_rxcost: None,
            hellos_since_ihu: 0,
            announced: false,
            heard: false,
            last_heard: now,
            air: Air::default(),
            // Whoever remembers an earlier one hears a new start.
            hello_seqno: SeqNo((now.as_millis() & 0xffff) as u16),
            round_trip: RoundTrip::default(),
            disowning: None,
            received: Received::default(),
            outbox: Outbox::default(),
        }
    }

    /// A Hello came; whether its number says that the neighbour was started again.
    pub(super) fn hello(&mut self, now: Instant, unicast: bool, seqno: SeqNo, interval_cs: u16) -> bool {
        self.heard = true;
        self.last_heard = now;
        let history = if unicast { &mut self.unicast } else { &mut self.multicast };
        history.hello(now, seqno, interval_cs)
    }

    /// An IHU for us came.
    pub(super) fn ihu(&mut self, now: Instant, rxcost: u16, interval_cs: u16) {
        // A link that costs nothing would let a loop cost nothing (RFC 8966 3.5.2 needs M(c, m) > m).
        self.txcost = rxcost.max(1);
        self.ihu_deadline = Some(now + Span::from_centis(interval_cs).scaled(7, 2));
    }

    /// What receiving from it costs us (RFC 8966 A.2); this goes into our IHU.
    pub(super) fn rxcost(&self, settings: &InterfaceSettings) -> u16 {
        let nominal = settings.rxcost.clamp(1, INFINITY - 1);
        match settings.kind {
            LinkKind::Wired | LinkKind::Tunnel | LinkKind::Bridge
                if self.multicast.is_up() || self.unicast.is_up() =>
            {
                nominal
            }
            LinkKind::Wired | LinkKind::Tunnel | LinkKind::Bridge => INFINITY,
            LinkKind::Wireless => self.expected_transmissions(nominal),
        }
    }

    /// What a packet over this link costs.
    pub(super) fn link_cost(&self, settings: &InterfaceSettings) -> u16 {
        let rxcost = self.rxcost(settings);
        if rxcost == INFINITY || self.txcost == INFINITY || self.air.is_dead {
            return INFINITY;
        }
        match settings.kind {
            LinkKind::Wired => self.txcost,
            // Two of three Hellos say that it lives; what it is worth, those of the last quarter of a minute.
            LinkKind::Bridge => {
                let (received, expected) = self.steady().last(16);
                let lossy = (u32::from(self.txcost) * expected).checked_div(received);
                let lossy = lossy.and_then(|cost| u16::try_from(cost).ok()).unwrap_or(INFINITY);
                lossy
                    .min(self.txcost.saturating_mul(4))
                    .saturating_add(self.round_trip.penalty())
                    .min(INFINITY - 1)
            }
            LinkKind::Tunnel => self.txcost.saturating_add(self.round_trip.penalty()),
            // RFC 8966 A.2.2: the nominal cost divided by both probabilities of arrival.
            LinkKind::Wireless => {
                let lossy = self.expected_transmissions(self.txcost.max(settings.rxcost));
                match self.air.cost {
                    None => lossy,
                    Some(cost) => Self::cost_of_air(cost, lossy, settings.rxcost),
                }
            }
        }
    }

    /// Whether some of the last Hellos were lost on either way, so that it should hear of us more often.
    pub(super) fn is_lossy(&self, settings: &InterfaceSettings) -> bool {
        // All 16 count: four IHUs in a row are lost each hour on a link that loses one packet in seven.
        let (received, expected) = self.multicast.last(16);
        received < expected || self.txcost > settings.rxcost
    }

    /// Whether nothing is known of it any more.
    pub(super) fn is_gone(&self, now: Instant) -> bool {
        let silent = self.multicast.deadline.is_none() && self.unicast.deadline.is_none();
        silent
            && (self.heard && self.multicast.is_empty() && self.unicast.is_empty()
                || now.since(self.last_heard) >= SILENT_NEIGHBOUR)
    }

    /// Counts what did not come in time.
    pub(super) fn miss(&mut self, now: Instant) {
        self.multicast.miss(now);
        self.unicast.miss(now);
        if self.ihu_deadline.is_some_and(|deadline| deadline <= now) {
            self.ihu_deadline = None;
            self.txcost = INFINITY;
        }
    }

    /// When [`Neighbour::miss`] or [`Neighbour::is_gone`] may say something new.
    pub(super) fn next_deadline(&self) -> Instant {
        let silent = self.last_heard + SILENT_NEIGHBOUR;
        let promises = [self.multicast.deadline, self.unicast.deadline, self.ihu_deadline];
        let promised = promises.into_iter().flatten().min();
        match promised {
            Some(deadline) if self.multicast.deadline.is_some() || self.unicast.deadline.is_some() => {
                deadline
            }
            Some(deadline) => deadline.min(silent),
            None => silent,
        }
    }

    /// Why the cost is infinite, in words; `None` if it is not.
    pub(super) fn trouble(&self, settings: &InterfaceSettings) -> Option<String> {
        if self.cost != INFINITY {
            return None;
        }
        let deaf = self.rxcost(settings) == INFINITY;
        if self.air.is_dead {
            return Some("the radio says that nothing arrives there".into());
        }
        Some(match (deaf, self.ihu_deadline) {
            (true, _) if self.multicast.is_empty() && self.unicast.is_empty() => {
                "we do not hear its Hellos".into()
            }
            (true, _) => "too many of its last Hellos were lost".into(),
            (false, None) => "it has not said lately that it hears us".into(),
            (false, Some(_)) => "it says that it does not hear us".into(),
        })
    }

    /// The Hellos that tell more of packets: those to us alone, if they come. What goes to all goes at the slowest rate,
    /// and nobody sends it again.
    fn steady(&self) -> &History {
        let is_kept = self.unicast.deadline.is_some() && self.unicast.length >= ETX_HELLOS;
        if is_kept { &self.unicast } else { &self.multicast }
    }

    fn expected_transmissions(&self, nominal: u16) -> u16 {
        let (received, expected) = self.steady().last(ETX_HELLOS);
        let cost = (u32::from(nominal) * expected).checked_div(received);
        cost.and_then(|cost| u16::try_from(cost).ok()).unwrap_or(INFINITY)
    }
}

/// RFC 8966 A.2.1: a cable works if two of the last three Hellos came.
const WIRED_NEEDED: u32 = 2;
const WIRED_OF: u8 = 3;
/// RFC 8966 A.2.2: ETX looks at the last six.
const ETX_HELLOS: u8 = 6;
/// A neighbour without any promise of a Hello is forgotten after this.
const SILENT_NEIGHBOUR: Span = Span::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::babel::auth::settings::Auth;

    fn settings(kind: LinkKind, rxcost: u16) -> InterfaceSettings {
        let hello_interval = Span::from_secs(4);
        let update_interval = Span::from_secs(16);
        InterfaceSettings {
            name: "x".into(),
            kind,
            hello_interval,
            update_interval,
            rxcost,
            split_horizon: false,
            auth: Auth::default(),
            radio: None,
            v4_via_v6: true,
        }
    }

    fn neighbour(received: &[bool]) -> Neighbour {
        let mut neighbour = Neighbour::new(Instant::ZERO, InterfaceIndex(1), "fe80::1".parse().unwrap());
        for (number, received) in received.iter().enumerate() {
            if *received {
                neighbour.multicast.hello(Instant::ZERO, SeqNo(u16::try_from(number).unwrap()), 400);
            }
        }
        neighbour
    }

    #[test]
    fn a_gap_is_lost_hellos_and_a_step_back_undoes_them() {
        let mut history = History::default();
        history.hello(Instant::ZERO, SeqNo(0xffff), 400);
        history.hello(Instant::ZERO, SeqNo(2), 400);
        assert_eq!((history.bits, history.length), (0b1001 << 12, 4));
        // The interval became longer, so two Hellos that were missed had never been promised.
        history.append(false);
        history.append(false);
        history.expected = SeqNo(5);
        history.hello(Instant::ZERO, SeqNo(3), 800);
        assert_eq!((history.bits, history.length), (0b11001 << 11, 5));
        history.hello(Instant::ZERO, SeqNo(40), 800);
        assert_eq!((history.bits, history.length), (0b1 << 15, 1));
    }

    #[test]
    fn a_hello_is_late_after_one_and_a_half_intervals_then_each_interval() {
        let mut history = History::default();
        history.hello(Instant::ZERO, SeqNo(7), 400);
        assert_eq!(history.deadline, Some(Instant::from_millis(6_000)));
        assert!(!history.miss(Instant::from_millis(5_999)));
        assert!(history.miss(Instant::from_millis(6_000)));
        assert_eq!((history.bits, history.length), (0b01 << 14, 2));
        assert_eq!(history.deadline, Some(Instant::from_millis(10_000)));
        history.miss(Instant::from_millis(3_600_000));
        assert_eq!(history, History::default());
    }

    #[test]
    fn an_unscheduled_hello_counts_but_promises_nothing() {
        let mut history = History::default();
        history.hello(Instant::ZERO, SeqNo(7), 400);
        history.hello(Instant::from_millis(10), SeqNo(8), 0);
        assert_eq!(history.last(16), (2, 2));
        assert_eq!(history.deadline, Some(Instant::from_millis(6_000)));
    }

    #[test]
    fn a_cable_needs_two_of_three() {
        let wired = settings(LinkKind::Wired, 96);
        for (received, up) in [
            (&[true][..], true),
            (&[true, false, true], true),
            (&[true, true, false, true, true], true),
            (&[true, false, false, true], false),
        ] {
            let mut neighbour = neighbour(received);
            neighbour.txcost = 96;
            assert_eq!(neighbour.link_cost(&wired), if up { 96 } else { INFINITY }, "{received:?}");
        }
    }

    #[test]
    fn a_radio_costs_what_it_takes_to_get_through() {
        let radio = settings(LinkKind::Wireless, 256);
        let mut neighbour = neighbour(&[true, false, true, false, true, true]);
        assert_eq!(neighbour.rxcost(&radio), 384);
        assert_eq!(neighbour.link_cost(&radio), INFINITY);
        neighbour.txcost = 512;
        // RFC 8966 A.2.2: max(txcost, 256) * rxcost / 256.
        assert_eq!(neighbour.link_cost(&radio), 768);
        neighbour.txcost = 1;
        assert_eq!(neighbour.link_cost(&radio), 384);
    }

    #[test]
    fn an_ihu_of_zero_costs_one_and_ends_after_three_and_a_half_intervals() {
        let mut neighbour = neighbour(&[true, true, true]);
        neighbour.ihu(Instant::ZERO, 0, 1_200);
        assert_eq!(neighbour.txcost, 1);
        neighbour.miss(Instant::from_millis(41_999));
        assert_eq!(neighbour.txcost, 1);
        neighbour.miss(Instant::from_millis(42_000));
        assert_eq!(neighbour.txcost, INFINITY);
    }
}
