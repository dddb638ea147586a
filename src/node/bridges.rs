//! Neighbours behind closed radios (`kind bridge`, `link/bridge`): what our Hellos tell of the way to them, what a script
//! reads from the radio, and what is told of both.

use super::Node;
use super::call::{Answer, Way};
use super::radio::named;
use crate::babel::report::NeighbourReport;
use crate::babel::settings::LinkKind;
use crate::base::time::{Instant, Span};
use crate::link::bridge::Reading;
use crate::link::history::Step;

impl Node {
    /// When the ways through closed radios are looked at.
    pub(super) fn bridge_wake(&self) -> Option<Instant> {
        self.bridge_devices().next().map(|_| self.monitor.bridges.next)
    }

    /// Keeps what those ways are like.
    pub(super) fn look_at_bridges(&mut self, now: Instant) {
        if self.bridge_wake().is_none_or(|at| now < at) {
            return;
        }
        self.monitor.bridges.next = now + EACH;
        for neighbour in self.babel.neighbour_reports() {
            let device = self.device(neighbour.interface);
            if self.kind_of(&device) == Some(LinkKind::Bridge) {
                self.monitor.bridges.push(now, &device, neighbour.address, told(&neighbour));
            }
        }
        let links = &self.settings.links;
        let planned = |device: &str| links.iter().find(|one| one.device == device)?.planned_signal_dbm;
        self.monitor.bridges.look(now, planned);
    }

    /// Somebody asked the closed radio behind a device.
    pub(super) fn read_bridge(&mut self, now: Instant, device: &str, reading: Reading) -> Answer {
        if self.kind_of(device) != Some(LinkKind::Bridge) {
            let code = "device".to_owned();
            let message = "device must be one whose interface is of `kind bridge`.".to_owned();
            return Answer::Refused { code, message };
        }
        self.monitor.bridges.read(now, device, reading);
        Answer::LinkRead
    }

    /// The way to a neighbour behind a closed radio.
    pub(super) fn way_through(&self, now: Instant, device: &str, neighbour: &NeighbourReport) -> Way {
        let lost = lost_percent(neighbour).map(i64::from);
        let round_trip = neighbour.round_trip.and_then(|time| i64::try_from(time.as_micros()).ok());
        let read = self.monitor.bridges.reading(now, device).unwrap_or_default();
        let snr = read.signal_dbm.zip(read.noise_dbm).map(|(signal, noise)| i64::from(signal - noise));
        let figures = [
            ("quality_percent", lost.map(|lost| 100 - lost)),
            ("lost_percent", lost),
            ("round_trip_us", round_trip),
            ("signal_dbm", read.signal_dbm.map(i64::from)),
            ("noise_dbm", read.noise_dbm.map(i64::from)),
            ("snr_db", snr),
            ("throughput_kbit", read.throughput_kbit.map(i64::from)),
        ];
        let alive = neighbour.cost < u16::MAX;
        Way { address: neighbour.address, alive, since_s: None, figures: named(&figures) }
    }

    fn bridge_devices(&self) -> impl Iterator<Item = &str> {
        let interfaces = self.settings.babel.interfaces.iter();
        interfaces.filter(|one| one.kind == LinkKind::Bridge).map(|one| one.name.as_str())
    }
}

/// What the Hellos tell.
fn told(neighbour: &NeighbourReport) -> Step {
    let lost = lost_percent(neighbour);
    let round_trip = neighbour.round_trip.map(|time| i16::try_from(time.as_millis()).unwrap_or(i16::MAX));
    Step {
        quality_percent: lost.map(|lost| 100 - lost),
        failed_percent: lost,
        cost: (neighbour.cost < u16::MAX).then_some(i32::from(neighbour.cost)),
        round_trip_ms: round_trip,
        ..Step::default()
    }
}

/// Of the last Hellos to us alone; none if none was heard.
fn lost_percent(neighbour: &NeighbourReport) -> Option<i16> {
    let lost = neighbour.unicast_history.count_zeros() * 100 / 16;
    i16::try_from(lost).ok().filter(|_| neighbour.unicast_history != 0)
}

/// Between two looks: a step of the finest history.
const EACH: Span = Span::from_secs(10);
