//! How long packets take there and back (RFC 9616), from timestamps in Hellos and IHUs.
//!
//! Whoever sends us a Hello with a timestamp gets it back in our IHU, with the time of its arrival, and beside
//! it our own in the Hello of the same packet. We ask for it ourselves, and let it cost something, only on
//! tunnels: on a radio the time grows with the traffic, traffic then takes another way, and comes back.
//!
//! The text of RFC 9616 was not at hand: layout and numbers are those of babeld and BIRD.

use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::engine::Engine;
use super::neighbour::NeighbourId;
use super::settings::LinkKind;
use super::wire::timing::{Echo, Timing, WrittenTiming};
use crate::base::address::InterfaceIndex;
use crate::base::time::{Instant, Span};

/// What is known about the time to one neighbour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RoundTrip {
    /// The timestamp of its last Hello, to be given back; `None` if that had none.
    echo: Option<Echo>,
    /// The smoothed time there and back.
    time: Option<Span>,
}

impl RoundTrip {
    /// The smoothed time there and back, once one was measured.
    pub(super) const fn time(&self) -> Option<Span> {
        self.time
    }

    /// What the time adds to the cost of a tunnel.
    pub(super) fn penalty(&self) -> u16 {
        let micros = self.time.map_or(0, Span::as_micros);
        let above = micros.saturating_sub(FREE.as_micros()).min(RANGE.as_micros());
        u16::try_from(above * u64::from(PENALTY) / RANGE.as_micros()).unwrap_or(PENALTY)
    }

    /// A sample: what was long ago counts ever less (42 of 256 for the new one).
    fn sample(&mut self, fresh: Span) {
        let smooth = |old: Span| {
            Span::from_micros((fresh.as_micros() * NEW + old.as_micros() * (WHOLE - NEW)) / WHOLE)
        };
        self.time = Some(self.time.map_or(fresh, smooth));
    }
}

impl Engine {
    /// What a packet from this neighbour says about time. Before its TLVs are acted on.
    pub(super) fn time(&mut self, now: Instant, id: NeighbourId, timing: &Timing, has_hello: bool) {
        let Some(neighbour) = self.neighbours.get_mut(&id) else { return };
        let Some(sent) = timing.sent else {
            if has_hello {
                neighbour.round_trip.echo = None;
            }
            return;
        };
        let received = clock(now);
        neighbour.round_trip.echo = Some(Echo { origin: sent, received });
        let running = self.interfaces.get(&neighbour.interface).and_then(|found| found.running.as_ref());
        let ours = running.map(|running| IpAddr::V6(running.source));
        let for_us = |address: &Option<IpAddr>| address.is_none() || *address == ours;
        let Some((_, echo)) = timing.echoes.iter().find(|(address, _)| for_us(address)) else { return };
        let whole = received.wrapping_sub(echo.origin);
        let there = sent.wrapping_sub(echo.received);
        // A clock that was set, a neighbour that started again, or nonsense: no sample.
        if whole <= LONGEST && there <= LONGEST && there <= whole {
            neighbour.round_trip.sample(Span::from_micros((whole - there).into()));
        }
    }

    /// The timestamps that belong into a packet for this interface; `None` where nobody has use for them.
    pub(super) fn timing(&self, now: Instant, interface: InterfaceIndex) -> Option<WrittenTiming> {
        let settings = self.interfaces.get(&interface)?.settings.as_ref()?;
        let here = self.neighbours.values().filter(|neighbour| neighbour.interface == interface);
        let echoes: Vec<(Ipv6Addr, Echo)> =
            here.filter_map(|neighbour| Some((neighbour.address, neighbour.round_trip.echo?))).collect();
        let wanted = matches!(settings.kind, LinkKind::Tunnel | LinkKind::Bridge) || !echoes.is_empty();
        wanted.then(|| WrittenTiming { sent: clock(now), echoes })
    }
}

/// The wire's clock: microseconds that wrap round each 71 minutes.
fn clock(now: Instant) -> u32 {
    u32::try_from(now.as_micros() & u64::from(u32::MAX)).expect("the upper bits were taken off")
}

/// What costs nothing, and the range over which the cost grows: 10 to 120 ms.
const FREE: Span = Span::from_millis(10);
const RANGE: Span = Span::from_millis(110);
/// A tunnel that is as slow as that costs one cable more.
const PENALTY: u16 = 96;
const NEW: u64 = 42;
const WHOLE: u64 = 256;
/// Differences beyond 600 s are no measurement.
const LONGEST: u32 = 600_000_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn penalty(millis: u64) -> u16 {
        RoundTrip { echo: None, time: Some(Span::from_millis(millis)) }.penalty()
    }

    #[test]
    fn a_slow_tunnel_costs_up_to_one_cable_more() {
        assert_eq!([0, 10, 65, 120, 10_000].map(penalty), [0, 0, 48, 96, 96]);
        assert_eq!(RoundTrip::default().penalty(), 0);
    }

    #[test]
    fn one_late_packet_moves_the_time_by_a_sixth() {
        let mut round_trip = RoundTrip::default();
        round_trip.sample(Span::from_millis(10));
        round_trip.sample(Span::from_millis(74));
        assert_eq!(round_trip.time(), Some(Span::from_micros(20_500)));
    }
}
