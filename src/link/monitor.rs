//! Watches the links that a node's radios make to its neighbours: figures, history, death, and what Babel is told.
//!
//! A station is watched from when it is known which neighbour it is. What Babel hears of it is a [`Word`]: what a packet
//! costs before losses, whether the link is dead, and whether it is idle, so that the rate control needs
//! something to learn from. Words are few: a cost changes if it is another by 15 % for ten seconds.

use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use super::alert::{Finding, findings};
use super::bridge::Bridges;
use super::history::{History, Step};
use super::ladder::Ladders;
use super::life::Life;
use super::make_room;
use super::plan::Below;
use super::quality::{Quality, grown};
use super::radar::Radars;
use super::sample::{RadioEvent, RadioNews, RadioSample, StationSample};
use super::settings::LinkSettings;
use crate::base::address::MacAddress;
use crate::base::time::{Instant, Span};

/// All links that are watched, in the order in which they were met.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Monitor {
    links: Vec<Watched>,
    radars: Radars,
    /// Ways through closed radios.
    pub bridges: Bridges,
    /// What stuck radios are tried with.
    pub ladders: Ladders,
}

/// One link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watched {
    /// The radio's device.
    pub interface: String,
    /// The station at the other end.
    pub mac: MacAddress,
    /// The neighbour that it is.
    pub neighbour: Ipv6Addr,
    /// Its figures.
    pub quality: Quality,
    /// What it was like.
    pub history: History,
    life: Life,
    cost: Cost,
    /// The last sample, whatever its age.
    last: Option<StationSample>,
    /// When the figures took the last one.
    taken: Instant,
    /// When it died, or when it was met.
    since: Instant,
    /// What is to be said of it, and when that was looked for.
    pub found: Vec<Finding>,
    /// By how much it hears less than was planned, if it does.
    pub below: Option<Below>,
    looked: Instant,
    /// The last sample did not have it.
    is_missed: bool,
    is_idle: bool,
    told: Word,
}

/// What Babel is to know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Word {
    /// What a packet costs if none is lost; `None`: that is not known, or does not count.
    pub cost: Option<u16>,
    /// Nothing arrives.
    pub is_dead: bool,
    /// So little is sent that the rate control learns nothing.
    pub is_idle: bool,
}

/// What it costs, slowly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Cost {
    said: Option<u16>,
    /// Since when it is another.
    differs: Option<Instant>,
}

impl Monitor {
    /// A radio said something. The neighbours whose links over this radio have other words now.
    pub fn handle(
        &mut self,
        now: Instant,
        news: &RadioNews,
        settings: &[LinkSettings],
    ) -> Vec<(Ipv6Addr, Word)> {
        self.radars.forget(now);
        let interface = match news {
            RadioNews::Sample(sample) => {
                self.handle_sample(now, sample, settings);
                &sample.interface
            }
            RadioNews::Event { interface, event } => {
                self.handle_event(now, interface, *event);
                interface
            }
            // Of strangers nothing is known but that they are heard.
            RadioNews::Around { .. } => return Vec::new(),
        };
        let mut news = Vec::new();
        for link in self.links.iter_mut().filter(|link| link.interface == *interface) {
            if now.since(link.looked) >= LOOK {
                link.looked = now;
                link.found = findings(&link.history, link.is_dead().then(|| now.since(link.since())), now);
                let planned = of_device(settings, &link.interface).planned_signal_dbm;
                let planned = planned.filter(|_| !link.is_dead());
                link.below = planned.and_then(|dbm| Below::plan(&link.history, now, dbm));
            }
            let word = link.next_word(now, settings);
            if std::mem::replace(&mut link.told, word) != word {
                news.push((link.neighbour, word));
            }
        }
        news
    }

    /// The link to a neighbour: of two the one that lives.
    pub fn of(&self, neighbour: Ipv6Addr) -> Option<&Watched> {
        let mut links = self.links.iter().filter(|link| link.neighbour == neighbour);
        let first = links.clone().find(|link| !link.life.is_dead());
        first.or_else(|| links.next())
    }

    /// All links.
    pub fn links(&self) -> &[Watched] {
        &self.links
    }

    /// What radars keep the radios from.
    pub const fn radars(&self) -> &Radars {
        &self.radars
    }

    /// The neighbour that a station was found to be.
    pub fn neighbour(&self, interface: &str, mac: MacAddress) -> Option<Ipv6Addr> {
        self.links.iter().find(|link| link.is(interface, mac)).map(|link| link.neighbour)
    }

    fn handle_sample(&mut self, now: Instant, sample: &RadioSample, settings: &[LinkSettings]) {
        for station in &sample.stations {
            let Some(neighbour) = station.neighbour else { continue };
            let dead_since = |link: &Watched| link.life.is_dead().then_some(link.since);
            if !self.links.iter().any(|link| link.is(&sample.interface, station.mac))
                && make_room(&mut self.links, dead_since)
            {
                self.links.push(Watched::new(now, &sample.interface, station.mac, neighbour));
            }
        }
        for link in self.links.iter_mut().filter(|link| link.interface == sample.interface) {
            match sample.stations.iter().find(|station| station.mac == link.mac) {
                Some(station) => link.handle(now, station, sample, &of_device(settings, &sample.interface)),
                // Once a dump may be cut short; an event would have told of it.
                None if std::mem::replace(&mut link.is_missed, true) => link.end(now),
                None => {}
            }
        }
    }

    fn handle_event(&mut self, now: Instant, interface: &str, event: RadioEvent) {
        self.radars.handle(now, interface, event);
        for link in self.links.iter_mut().filter(|link| link.interface == interface) {
            match event {
                RadioEvent::StationGone { mac } if mac == link.mac => link.end(now),
                RadioEvent::Gone => link.end(now),
                RadioEvent::BeaconLoss => link.life.suspect(now),
                RadioEvent::PacketsLost { mac, .. } if mac == link.mac => link.life.suspect(now),
                _ => {}
            }
        }
    }
}

impl Watched {
    pub(super) fn new(now: Instant, interface: &str, mac: MacAddress, neighbour: Ipv6Addr) -> Self {
        Self {
            interface: interface.to_owned(),
            mac,
            neighbour,
            quality: Quality::default(),
            history: History::default(),
            life: Life::default(),
            cost: Cost::default(),
            last: None,
            taken: Instant::ZERO,
            since: now,
            found: Vec::new(),
            below: None,
            looked: now,
            is_missed: false,
            is_idle: true,
            told: Word::default(),
        }
    }

    fn is(&self, interface: &str, mac: MacAddress) -> bool {
        self.interface == interface && self.mac == mac
    }

    /// Whether it is not to be used.
    pub const fn is_dead(&self) -> bool {
        self.life.is_dead()
    }

    /// All figures, as a history keeps them, at this moment.
    pub fn step(&self, settings: &[LinkSettings]) -> Step {
        self.quality.step(&of_device(settings, &self.interface), self.told.cost)
    }

    /// Since when it lives, or is dead.
    pub const fn since(&self) -> Instant {
        self.since
    }

    /// What Babel was told last.
    pub const fn word(&self) -> Word {
        self.told
    }

    /// The last sample.
    pub const fn last(&self) -> Option<&StationSample> {
        self.last.as_ref()
    }

    fn handle(
        &mut self,
        now: Instant,
        station: &StationSample,
        sample: &RadioSample,
        settings: &LinkSettings,
    ) {
        self.is_missed = false;
        if let Some(neighbour) = station.neighbour {
            self.neighbour = neighbour;
        }
        let before = self.last.as_ref().and_then(|last| last.connected_s);
        if before.zip(station.connected_s).is_some_and(|(before, present)| present < before) {
            // It was gone, whatever was said of that.
            self.end(now);
        }
        let was_dead = self.life.is_dead();
        self.life.handle(now, &self.last, station);
        if self.life.is_dead() != was_dead {
            self.since = now;
        }
        // Faster samples are for whoever turns a dish; the figures are means of seconds.
        if self.taken == Instant::ZERO || now.since(self.taken) >= SECOND {
            self.taken = now;
            let sent = grown(&self.quality.last().cloned(), station, |one| one.tx_packets);
            self.is_idle = sent.is_none_or(|sent| sent < BUSY);
            self.quality.handle(station, sample.survey.as_ref(), settings);
            self.cost.handle(now, self.quality.throughput_kbit(), settings);
            self.history.push(now, &self.quality.step(settings, self.told.cost));
        }
        self.last = Some(station.clone());
    }

    fn end(&mut self, now: Instant) {
        if self.life.end() {
            self.since = now;
            self.last = None;
            self.quality.begin_anew();
        }
    }

    fn next_word(&self, now: Instant, settings: &[LinkSettings]) -> Word {
        let counts = of_device(settings, &self.interface).airtime_cost > 0;
        let cost = self.cost.said.filter(|_| counts).map(|cost| self.life.burden(now, cost));
        Word { cost, is_dead: self.life.is_dead(), is_idle: self.is_idle }
    }
}

impl Cost {
    fn handle(&mut self, now: Instant, throughput_kbit: Option<u32>, settings: &LinkSettings) {
        let Some(fresh) = throughput_kbit.map(|kbit| settings.cost(kbit)) else { return };
        let is_near = |said: u16| u32::from(said.abs_diff(fresh)) * 100 <= u32::from(said) * NEWS_PERCENT;
        match self.said {
            Some(said) if is_near(said) => self.differs = None,
            Some(_) if now.since(*self.differs.get_or_insert(now)) < PATIENCE => {}
            _ => *self = Self { said: Some(fresh), differs: None },
        }
    }
}

/// The settings of a radio's links: of its device, or of a four-address station of it.
fn of_device(settings: &[LinkSettings], interface: &str) -> LinkSettings {
    let mut found = settings.iter().filter(|one| is_of(&one.device, interface));
    found.next().cloned().unwrap_or_else(|| LinkSettings::usual(interface.to_owned()))
}

/// Whether Babel's device is this radio's, or that of a four-address station of it (`wlan0.sta1`).
pub fn is_of(device: &str, radio: &str) -> bool {
    device.strip_prefix(radio).is_some_and(|rest| rest.is_empty() || rest.starts_with(".sta"))
}

/// How often a link's past is held against its present.
const LOOK: Span = Span::from_secs(60);
/// What a second is to samples that come a little early.
const SECOND: Span = Span::from_millis(900);
/// Frames of a second that are enough for the rate control; our own probes are fewer.
const BUSY: u32 = 10;
/// A cost that is another by more than this, for so long, is told.
const NEWS_PERCENT: u32 = 15;
const PATIENCE: Span = Span::from_secs(10);

#[cfg(test)]
mod tests;
