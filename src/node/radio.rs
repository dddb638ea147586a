//! What the radios say, which of Babel's neighbours each of their stations is, and what Babel is told of it.
//!
//! A station is known by its address on the air, a neighbour by its link-local address. A router makes the one of the
//! other (RFC 4291, appendix A); where it does not, a device with one station and one neighbour leaves no choice.
//!
//! Each neighbour on a radio that is watched, and each behind a bridge, gets a Hello of its own each second: a dead link is
//! seen by what is sent and not acknowledged. While nothing else is sent these Hellos are as long as packets are, so that the
//! rate control learns from them, and losses on a closed radio are those that guests have.

use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use super::Node;
use super::call::{Alert, Way};
use super::output::NoteLevel;
use crate::babel::Air;
use crate::babel::report::NeighbourReport;
use crate::babel::settings::{InterfaceSettings, LinkKind};
use crate::base::address::{InterfaceIndex, MacAddress};
use crate::base::limit;
use crate::base::time::{Instant, Span};
use crate::ledger::sync::Place;
use crate::link::alert::{Finding, Symptom};
use crate::link::history::Step;
use crate::link::monitor::{Watched, Word, is_of};
use crate::link::sample::{RadioEvent, RadioNews, RadioSample};

/// What the far ends say of their side of the links.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FarEnds {
    /// Their words: where from, when, what.
    heard: Vec<(Place, Instant, Vec<u8>)>,
    /// When ours are told next; `None` while no radio is watched.
    tell_at: Option<Instant>,
}

impl Node {
    /// A radio's figures, or something that happened to it.
    pub(super) fn radio(&mut self, now: Instant, news: RadioNews) {
        let (radio, news) = match news {
            RadioNews::Sample(sample) => {
                self.look_at_aim(&sample);
                (sample.interface.clone(), RadioNews::Sample(self.with_neighbours(sample)))
            }
            RadioNews::Event { ref interface, event } => {
                if let RadioEvent::ChannelSwitch { frequency_mhz, width_mhz } = event {
                    let text = format!("{interface} is on {frequency_mhz} MHz now, {width_mhz} MHz wide");
                    self.note(NoteLevel::Warning, text);
                }
                (interface.clone(), news)
            }
            RadioNews::Around { interface, heard } => return self.look_around(&interface, &heard),
        };
        let each = if self.aligning.is_quick(now) { TOLD_QUICKLY } else { TOLD };
        self.far_ends.tell_at.get_or_insert(now + each);
        for (neighbour, word) in self.monitor.handle(now, &news, &self.settings.links) {
            for index in self.ways_over(&radio, neighbour) {
                self.babel.handle_air(now, index, neighbour, air(word));
            }
        }
    }

    /// A neighbour was met: Babel hears what is known of the link.
    pub(super) fn look_at_link(&mut self, now: Instant, index: InterfaceIndex, neighbour: Ipv6Addr) {
        let device = self.device(index);
        if self.kind_of(&device) == Some(LinkKind::Bridge) {
            let air = Air { hello_bytes: Some(PROBE_BYTES), ..Air::default() };
            self.babel.handle_air(now, index, neighbour, air);
        } else {
            let watched = self.monitor.of(neighbour).filter(|link| is_of(&device, &link.interface));
            let air = watched.map_or_else(Air::default, |watched| air(watched.word()));
            self.babel.handle_air(now, index, neighbour, air);
        }
    }

    /// Long Hellos to a neighbour alone, whatever else is sent.
    pub(super) fn probe_link(&mut self, now: Instant, index: InterfaceIndex, neighbour: Ipv6Addr) {
        let watched = self.monitor.of(neighbour).map_or_else(Air::default, |watched| air(watched.word()));
        let air = Air { hello_bytes: Some(PROBE_BYTES), ..watched };
        self.babel.handle_air(now, index, neighbour, air);
    }

    pub(super) fn radio_wake(&self) -> Option<Instant> {
        let wakes = [self.far_ends.tell_at, self.align_wake(), self.ladder_wake(), self.bridge_wake()];
        wakes.into_iter().flatten().min()
    }

    /// Time has passed.
    pub(super) fn wake_radios(&mut self, now: Instant) {
        self.tell_far_ends(now);
        self.wake_alignment(now);
        self.climb_ladders(now);
        self.look_at_bridges(now);
    }

    /// Tells the members at the far ends of the links what is measured here.
    fn tell_far_ends(&mut self, now: Instant) {
        if self.far_ends.tell_at.is_none_or(|at| at > now) {
            return;
        }
        // The next sample sets it again.
        self.far_ends.tell_at = None;
        self.far_ends.heard.retain(|(_, at, _)| now.since(*at) < FORGOTTEN);
        for link in self.monitor.links().iter().filter(|link| !link.is_dead()) {
            let ways = self.ways_over(&link.interface, link.neighbour);
            let is_there = |place: Place| place.address == link.neighbour && ways.contains(&place.interface);
            let peer = self.sync.peers().find(|peer| is_there(peer.place));
            if let Some((place, member)) = peer.and_then(|peer| Some((peer.place, peer.member?))) {
                let mut step = link.step(&self.settings.links);
                if self.aligning.is_quick(now) {
                    // Whoever turns a dish wants what is heard now.
                    let heard = link.last().and_then(|last| last.signal_dbm);
                    step.signal_dbm = heard.map(i16::from).or(step.signal_dbm);
                }
                let word = step.word(self.aligning.asks());
                self.sync.say(place.interface, &member, &word, &self.ledger);
            }
        }
    }

    /// The next word to the far ends does not wait.
    pub(super) fn hurry_far_ends(&mut self, now: Instant) {
        if let Some(at) = &mut self.far_ends.tell_at {
            *at = now.min(*at);
        }
    }

    /// The far end of a link told its figures.
    pub(super) fn hear_far_end(&mut self, now: Instant, place: Place, word: Vec<u8>) {
        if Step::asks(&word) {
            if !self.aligning.is_quick(now) {
                self.hurry_far_ends(now);
            }
            self.aligning.handle_asked(now);
        }
        let heard = &mut self.far_ends.heard;
        heard.retain(|(other, ..)| *other != place);
        if heard.len() < limit::RADIO_LINKS {
            heard.push((place, now, word));
        }
    }

    /// The sample, each station with the neighbour that it is.
    pub(super) fn with_neighbours(&self, mut sample: RadioSample) -> RadioSample {
        sample.stations.truncate(limit::RADIO_STATIONS);
        let heard: Vec<Ipv6Addr> = self
            .babel
            .neighbour_costs()
            .filter(|((index, _), _)| is_of(&self.device(*index), &sample.interface))
            .map(|((_, address), _)| address)
            .collect();
        let is_only = sample.stations.len() == 1 && heard.len() == 1;
        for station in sample.stations.iter_mut().filter(|station| station.neighbour.is_none()) {
            let known = self.monitor.neighbour(&sample.interface, station.mac);
            let own = link_local(station.mac);
            let found = || heard.iter().find(|address| is_only || **address == own).copied();
            station.neighbour = known.or_else(found);
        }
        sample
    }

    /// The interfaces of Babel by which a neighbour is reached over a radio: where it is heard, else all of the radio's.
    fn ways_over(&self, radio: &str, neighbour: Ipv6Addr) -> Vec<InterfaceIndex> {
        let of_radio = |index: &InterfaceIndex| {
            let device = self.device(*index);
            is_of(&device, radio) && self.kind_of(&device) == Some(LinkKind::Wireless)
        };
        let heard = self.babel.neighbour_costs().filter(|((_, address), _)| *address == neighbour);
        let heard: Vec<InterfaceIndex> = heard.map(|((index, _), _)| index).filter(of_radio).collect();
        if heard.is_empty() { self.interfaces.keys().copied().filter(of_radio).collect() } else { heard }
    }

    /// What is known of the ways over an interface.
    pub(super) fn ways<'a>(
        &self,
        now: Instant,
        interface: &InterfaceSettings,
        neighbours: impl Iterator<Item = &'a NeighbourReport>,
    ) -> Vec<Way> {
        match interface.kind {
            LinkKind::Wireless => {
                let links = self.monitor.links().iter();
                let here = links.filter(|link| is_of(&interface.name, &link.interface));
                here.map(|link| self.way(now, link)).collect()
            }
            LinkKind::Bridge => neighbours.map(|one| self.way_through(now, &interface.name, one)).collect(),
            LinkKind::Wired | LinkKind::Tunnel => Vec::new(),
        }
    }

    fn way(&self, now: Instant, link: &Watched) -> Way {
        let step = link.step(&self.settings.links);
        let chains = link.quality.chains_dbm();
        let last = link.last();
        let wide = |value: Option<i16>| value.map(i64::from);
        let snr =
            step.signal_dbm.zip(step.noise_dbm).map(|(signal, noise)| i64::from(signal) - i64::from(noise));
        let figures = [
            ("signal_dbm", wide(step.signal_dbm)),
            ("chain1_dbm", wide(chains[0])),
            ("chain2_dbm", wide(chains[1])),
            ("chain3_dbm", wide(chains[2])),
            ("chain4_dbm", wide(chains[3])),
            ("noise_dbm", wide(step.noise_dbm)),
            ("snr_db", snr),
            ("quality_percent", wide(step.quality_percent)),
            ("throughput_kbit", link.quality.throughput_kbit().map(i64::from)),
            ("retries_percent", wide(step.retries_percent)),
            ("failed_percent", wide(step.failed_percent)),
            ("busy_percent", wide(step.busy_percent)),
            ("transmit_percent", wide(link.quality.transmit_percent())),
            ("inactive_ms", last.and_then(|last| last.inactive_ms).map(i64::from)),
            ("connected_s", last.and_then(|last| last.connected_s).map(i64::from)),
        ];
        let since_s = Some(now.since(link.since()).as_secs());
        let far = self.far_end(now, link).unwrap_or_default().1;
        let told = [
            ("far_signal_dbm", wide(far.signal_dbm)),
            ("far_noise_dbm", wide(far.noise_dbm)),
            ("far_quality_percent", wide(far.quality_percent)),
            ("far_throughput_kbit", far.throughput_100kbit.map(|hundreds| i64::from(hundreds) * 100)),
            ("far_retries_percent", wide(far.retries_percent)),
            ("far_busy_percent", wide(far.busy_percent)),
        ];
        let planned = self.planned_of(&link.interface).into_iter();
        let planned = planned.map(|(name, value)| (format!("planned_{name}"), value)).collect();
        let figures = [named(&figures), named(&told), planned].concat();
        Way { address: link.neighbour, alive: !link.is_dead(), since_s, figures }
    }

    /// What the far end of a link told last, and how long ago.
    pub(super) fn far_end(&self, now: Instant, link: &Watched) -> Option<(Span, Step)> {
        let (_, at, word) = self.far_ends.heard.iter().find(|(place, at, _)| {
            place.address == link.neighbour
                && now.since(*at) < FORGOTTEN
                && is_of(&self.device(place.interface), &link.interface)
        })?;
        Some((now.since(*at), Step::of_word(word)?))
    }

    /// What the past of the links says of their present, and radars of their radios.
    pub(super) fn links_to_look_at(&self) -> Vec<Alert> {
        let mut alerts = Vec::new();
        let radios = self.monitor.links().iter();
        let radios = radios.map(|link| (&link.interface, link.neighbour, &link.below, &link.found));
        let bridges = self.monitor.bridges.all().iter();
        let bridges = bridges.map(|way| (&way.interface, way.neighbour, &way.below, &way.found));
        for (device, neighbour, below, found) in radios.chain(bridges) {
            let address = neighbour.to_string();
            if let Some(below) = below {
                let (by, since_s) = (below.by_db.to_string(), below.since.as_secs().to_string());
                let text = format!("The link on {device} to {address} {}", below.text());
                let about =
                    [("device", device.as_str()), ("address", &address), ("by", &by), ("since_s", &since_s)];
                alerts.push(Alert::new("link-plan", text, &about));
            }
            // A link that is below its plan is weak for the same reason.
            let is_told = |finding: &&Finding| below.is_some() && finding.symptom == Symptom::Weak;
            for finding in found.iter().filter(|finding| !is_told(finding)) {
                let by = finding.by.to_string();
                let text = format!("The link on {device} to {address} {}.", finding.text());
                let about = [("device", device.as_str()), ("address", &address), ("by", &by)];
                alerts.push(Alert::new(finding.code(), text, &about));
            }
        }
        for shared in self.monitor.radars().all() {
            let mhz = shared.frequency_mhz.unwrap_or(0).to_string();
            let about = [("device", shared.device.as_str()), ("by", &mhz)];
            alerts.push(Alert::new(shared.code(), shared.text(), &about));
        }
        alerts
    }

    /// What a radar keeps the radio of a device from, and for how many seconds at most.
    pub(super) fn radar_of(&self, now: Instant, device: &str) -> Option<(String, u64)> {
        let mut all = self.monitor.radars().all().iter().filter(|shared| is_of(device, &shared.device));
        let waits = all.clone().find(|shared| !shared.is_heard);
        waits.or_else(|| all.next()).map(|shared| (shared.word().to_owned(), shared.left_s(now)))
    }

    pub(super) fn kind_of(&self, device: &str) -> Option<LinkKind> {
        let mut interfaces = self.settings.babel.interfaces.iter();
        interfaces.find(|interface| interface.name == device).map(|interface| interface.kind)
    }
}

fn air(word: Word) -> Air {
    let hello_bytes = if word.is_idle { PROBE_BYTES } else { 0 };
    Air { cost: word.cost, is_dead: word.is_dead, hello_bytes: Some(hello_bytes) }
}

pub(super) fn named(figures: &[(&str, Option<i64>)]) -> Vec<(String, i64)> {
    figures.iter().filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?))).collect()
}

fn link_local(mac: MacAddress) -> Ipv6Addr {
    let host = u64::from_be_bytes(mac.eui64());
    Ipv6Addr::from_bits(0xfe80 << 112 | u128::from(host))
}

/// A Hello that tells what happens to packets: most of guests' octets come in longer ones, and any link carries it.
const PROBE_BYTES: u16 = 1_000;

/// Between two times that the far ends are told our figures, and how long theirs are shown.
const TOLD: Span = Span::from_secs(10);
/// The same while a dish is turned at one of them.
const TOLD_QUICKLY: Span = Span::from_millis(500);
const FORGOTTEN: Span = Span::from_secs(60);

#[cfg(test)]
mod tests;
