//! The interface table (RFC 8966 3.2.3): where we speak, how often, and what waits to be said to all.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::counters::Counters;
use super::disown::ColdStart;
use super::send::Outbox;
use super::seqno::SeqNo;
use super::settings::InterfaceSettings;
use crate::base::address::InterfaceIndex;
use crate::base::random::Random;
use crate::base::time::{Instant, Span};

/// What the kernel says about an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceStatus {
    /// Its number.
    pub index: InterfaceIndex,
    /// Its name.
    pub name: String,
    /// Whether it is switched on and has a carrier.
    pub up: bool,
    /// Its link-local address, once it has one that may be used.
    pub link_local: Option<Ipv6Addr>,
    /// The largest packet it carries.
    pub mtu: u32,
    /// Its IPv4 address, if it has one.
    pub ipv4: Option<Ipv4Addr>,
}

/// One interface that exists; it speaks Babel while it is `running`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Interface {
    pub(super) status: InterfaceStatus,
    pub(super) settings: Option<InterfaceSettings>,
    pub(super) running: Option<Running>,
    pub(super) cold_start: ColdStart,
    pub(super) counters: Counters,
}

/// What an interface has only while it speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Running {
    /// Our address here.
    pub(super) source: Ipv6Addr,
    pub(super) hello_seqno: SeqNo,
    pub(super) hello_due: Instant,
    /// Hellos that still follow quickly, so that new neighbours need not wait.
    pub(super) burst: u8,
    /// When the last burst began.
    burst_began: Instant,
    pub(super) update_due: Instant,
    /// Hellos that still take back everything that a run before us announced.
    pub(super) retractions: u8,
    /// What waits to be sent to all.
    pub(super) outbox: Outbox,
}

impl Interface {
    /// Whether all is there that it takes to speak.
    pub(super) fn may_run(&self) -> Option<Ipv6Addr> {
        self.settings.as_ref().and(self.status.link_local).filter(|_| self.status.up)
    }

    /// The next hop of IPv4 routes, where it is no IPv6 one.
    pub(super) fn ipv4_next_hop(&self) -> Option<Ipv4Addr> {
        self.status.ipv4.filter(|_| self.settings.as_ref().is_some_and(|settings| !settings.v4_via_v6))
    }

    /// Whoever knows the next hop from `before` learns the one that is now.
    pub(super) fn tell_next_hop(&mut self, now: Instant, before: Option<Ipv4Addr>) {
        let is_news = self.ipv4_next_hop() != before;
        if let Some(running) = self.running.as_mut().filter(|_| is_news) {
            running.outbox.start_dump(now);
        }
    }

    /// The largest packet (with its header) that we fill here: RFC 8966 section 4, less what authentication
    /// adds to it.
    pub(super) fn packet_size(&self) -> usize {
        let mtu = usize::try_from(self.status.mtu).unwrap_or(usize::MAX);
        let whole = mtu.saturating_sub(IPV6_AND_UDP).clamp(PACKET_LEAST, PACKET_MOST);
        whole.saturating_sub(self.settings.as_ref().map_or(0, |settings| settings.auth.overhead()))
    }
}

impl Running {
    pub(super) fn new(now: Instant, source: Ipv6Addr, random: &mut Random) -> Self {
        let start = now + random.span(URGENT);
        let seqno = SeqNo(u16::try_from(random.below(0x1_0000)).unwrap_or(0));
        let outbox = Outbox::default();
        Self {
            source,
            hello_seqno: seqno,
            hello_due: start,
            burst: BURST,
            burst_began: start,
            update_due: start,
            retractions: 0,
            outbox,
        }
    }

    /// Somebody new is here: a few Hellos soon. Bursts begin half a second apart, whoever asks.
    pub(super) fn hurry(&mut self, now: Instant, random: &mut Random) {
        let start = (now + random.span(URGENT)).max(self.burst_began + BURST_EVERY);
        self.burst = self.burst.max(BURST);
        if start < self.hello_due {
            self.hello_due = start;
            self.burst_began = start;
        }
    }

    /// When the next Hello leaves, once one has left: never later than promised, and at the `beat` of another
    /// interface if there is one.
    pub(super) fn next_hello(
        &mut self,
        now: Instant,
        interval: Span,
        beat: Option<Instant>,
        random: &mut Random,
    ) {
        self.hello_due = if self.burst > 0 {
            self.burst -= 1;
            now + (BURST_GAP + random.span(BURST_GAP)).min(interval)
        } else {
            beat.unwrap_or_else(|| now + super::send::jittered(interval, random))
        };
    }

    /// Whether the regular update leaves now. It goes along with a Hello if it would be late with the next one; a
    /// Hello that is far from its time is not worth the packet that it saves.
    pub(super) fn is_update_due(&self, now: Instant, hello_interval: Span) -> bool {
        let next_is_late = self.update_due < now + super::send::promised(hello_interval);
        let goes_along = self.hello_due <= now && self.update_due <= now + hello_interval.scaled(1, 2);
        self.update_due <= now || goes_along && next_is_late
    }
}

/// What urgent TLVs may wait (RFC 8966 3.1 allows 200 ms).
pub(super) const URGENT: Span = Span::from_millis(100);
/// Hellos that follow the first one quickly: with three, two of three may be lost by nobody.
const BURST: u8 = 2;
/// The first Hellos of a cold boot, all of them within half a second.
pub(super) const RETRACTIONS: u8 = BURST + 1;
const BURST_EVERY: Span = Span::from_millis(500);
const BURST_GAP: Span = Span::from_millis(100);
/// Octets of the IPv6 and UDP headers.
const IPV6_AND_UDP: usize = 48;
/// RFC 8966 section 4: at least 512 octets can be sent anywhere.
const PACKET_LEAST: usize = 512;
/// Header and the longest body that is no jumbogram.
const PACKET_MOST: usize = 65_487;
