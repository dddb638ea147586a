//! How far the outside is: the delay to one machine there, and how many routers of the mesh are on the way.
//!
//! Both are for people who look ("Internet works, 3 hops, 38 ms"); nothing is decided by them. The delay is
//! asked each 30 s, and at once when somebody looks at an old figure. The hops are asked when the way has
//! changed and each 5 minutes, with 16 pings whose hop limits rise from 1: the last router that answers from
//! an address of the mesh is the gateway. A gateway that answers from its provider's address is not counted.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::Node;
use super::output::Output;
use super::probe::{Ask, Found, Probe, ProbeId};
use crate::base::address::{InterfaceIndex, PrefixPair};
use crate::base::limit::NODE_HOPS;
use crate::base::sorted::SortedMap;
use crate::base::time::{Instant, Span};

/// What is known of the way outside.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outside {
    /// Whether there is a way, and since when that is so.
    since: Option<(bool, Instant)>,
    /// The next hop of the way that the figures belong to.
    way: Option<(IpAddr, InterfaceIndex)>,
    delay: Option<(Instant, Span)>,
    hops: Option<u8>,
    burst: Option<Burst>,
    delay_at: Instant,
    hops_at: Instant,
    next_id: u64,
}

/// The pings of rising hop limit that are under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Burst {
    id: u64,
    ends: Instant,
    expired: SortedMap<u8, IpAddr>,
}

impl Outside {
    /// There is a way, or there is none; since when is remembered.
    pub(super) fn handle_state(&mut self, now: Instant, up: bool) {
        if self.since.is_none_or(|(before, _)| before != up) {
            self.since = Some((up, now));
        }
    }

    /// Seconds since a way came or went; none before the first was looked for.
    pub(super) fn since_s(&self, now: Instant) -> u64 {
        self.since.map_or(0, |(_, at)| now.since(at).as_secs())
    }

    /// The delay, while it is not too old to be shown.
    pub(super) fn delay_ms(&self, now: Instant) -> Option<u32> {
        let (_, delay) = self.delay.filter(|(at, _)| now.since(*at) < DELAY_SHOWN)?;
        u32::try_from(delay.as_micros().div_ceil(1_000)).ok()
    }

    /// Routers from here to the gateway.
    pub(super) const fn hops(&self) -> Option<u8> {
        self.hops
    }

    /// Somebody looks: an old figure is asked for anew.
    pub(super) fn handle_look(&mut self, now: Instant) {
        if self.delay.is_none_or(|(at, _)| now.since(at) >= DELAY_EACH) {
            self.delay_at = self.delay_at.min(now);
        }
    }

    fn handle_way(&mut self, now: Instant, way: Option<(IpAddr, InterfaceIndex)>) {
        if self.way != way {
            (self.way, self.delay, self.hops, self.burst) = (way, None, None, None);
            // The other routers need a moment, too.
            (self.delay_at, self.hops_at) = (now + SETTLE, now + SETTLE);
        }
    }

    fn due(&mut self, now: Instant, to: IpAddr) -> Vec<Probe> {
        let mut probes = Vec::new();
        let ping = |id, hop_limit| {
            let ask = Ask::Ping { to, hop_limit };
            Probe { id, device: None, ask, patience: PATIENCE }
        };
        if self.delay_at <= now {
            self.next_id += 1;
            self.delay_at = now + DELAY_EACH;
            probes.push(ping(ProbeId::Delay(self.next_id), 64));
        }
        if self.hops_at <= now {
            self.next_id += 1;
            self.hops_at = now + HOPS_EACH;
            let id = self.next_id;
            self.burst = Some(Burst { id, ends: now + PATIENCE + PATIENCE, expired: SortedMap::new() });
            probes.extend((1..=NODE_HOPS).map(|hop| ping(ProbeId::Hop(id, hop), hop)));
        }
        probes
    }

    fn handle_found(&mut self, now: Instant, id: ProbeId, found: &Found) {
        match (id, found) {
            (ProbeId::Delay(id), Found::Answer { after }) if id + 32 > self.next_id => {
                self.delay = Some((now, *after));
            }
            (ProbeId::Hop(id, hop), Found::Expired { by }) => {
                if let Some(burst) = self.burst.as_mut().filter(|burst| burst.id == id) {
                    burst.expired.insert(hop, *by);
                }
            }
            _ => {}
        }
    }

    /// The routers that answered the burst, when its time is over.
    fn take_burst(&mut self, now: Instant) -> Option<SortedMap<u8, IpAddr>> {
        self.burst.take_if(|burst| burst.ends <= now).map(|burst| burst.expired)
    }

    fn next_wake(&self) -> Option<Instant> {
        self.way?;
        let burst = self.burst.as_ref().map(|burst| burst.ends);
        [Some(self.delay_at), Some(self.hops_at), burst].into_iter().flatten().min()
    }
}

impl Node {
    /// Asks what is due, and ends what is over.
    pub(super) fn measure_outside(&mut self, now: Instant) {
        let families = self.settings.outside.iter().filter_map(|to| {
            let default = if to.is_ipv4() { PrefixPair::DEFAULT_V4 } else { PrefixPair::DEFAULT_V6 };
            self.babel.next_hop(default).map(|way| (*to, way))
        });
        let target = families.clone().next();
        self.outside.handle_way(now, target.map(|(_, way)| way));
        if let Some(expired) = self.outside.take_burst(now) {
            let gateway = expired.iter().filter(|(_, by)| self.is_of_the_mesh(**by)).last();
            self.outside.hops = gateway.map(|(hop, _)| *hop);
        }
        if let Some((to, _)) = target {
            let probes = self.outside.due(now, to);
            self.outputs.extend(probes.into_iter().map(Output::Probe));
        }
    }

    /// On the gateway: the delay of the last answer through its uplink, or of its own question.
    pub(super) fn own_delay_ms(&self, now: Instant) -> Option<u32> {
        let answered = self.watches.answered().filter(|(at, _)| now.since(*at) < DELAY_SHOWN);
        let (_, delay) = answered?;
        u32::try_from(delay.as_micros().div_ceil(1_000)).ok()
    }

    /// What came back of a question.
    pub(super) fn probed(&mut self, now: Instant, id: ProbeId, found: &Found) {
        match id {
            ProbeId::Uplink(_) => self.watches.handle_found(now, id, found),
            ProbeId::Service(round, index) => return self.service_found(now, round, index, found),
            ProbeId::Delay(_) | ProbeId::Hop(..) => self.outside.handle_found(now, id, found),
        }
        self.announce(now);
    }

    /// When something of the way outside is due.
    pub(super) fn outside_wake(&self) -> Option<Instant> {
        let asked = !self.settings.outside.is_empty();
        let outside = asked.then(|| self.outside.next_wake()).flatten();
        outside.into_iter().chain(self.watches.next_wake()).min()
    }

    /// Whether an address belongs to a prefix that somebody in the mesh announces, but for the outside.
    fn is_of_the_mesh(&self, address: IpAddr) -> bool {
        let mut learnt = self.babel.selected().map(|(prefix, _, _)| prefix);
        learnt.any(|prefix| !prefix.is_default() && prefix.destination().contains(address))
    }
}

const PATIENCE: Span = Span::from_secs(2);
const DELAY_EACH: Span = Span::from_secs(30);
/// A figure that three questions did not renew says nothing any more.
const DELAY_SHOWN: Span = Span::from_secs(95);
const HOPS_EACH: Span = Span::from_secs(300);
const SETTLE: Span = Span::from_secs(2);
