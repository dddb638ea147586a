//! What the radios of this machine say: nl80211, read once a second, and its events at once.
//!
//! An access point is told nothing when the other end of its link goes silent (measured: nothing in 25 s), but the
//! counters of its station show it within two seconds. So figures are read each second, and what happens is heard besides.
//!
//! The kernel sends a station a message, and each attribute has its length: what one of them breaks, the next one repairs.
//! A four-address station has a device of its own at the access point (`wlan0.sta1`), and is told only there; its figures
//! are told with those of the access point's device.

mod ask;
mod number;
#[cfg(feature = "control")]
mod power;
mod read;
mod scan;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use self::ask::Asker;
pub use self::ask::{
    Coverage, LEAVING, abilities, country, country_rules, coverage_class, disconnect, set_coverage_class,
};
use self::number::{command, of};
#[cfg(feature = "control")]
pub use self::power::{power_dbm, set_power};
pub use self::read::{Abilities, Device};
pub use self::scan::scan;
use super::netlink::message::{Batch, DUMP, Message};
use super::netlink::socket::{NetlinkError, NetlinkSocket, Protocol};
use crate::base::address::MacAddress;
use crate::base::limit;
use crate::link::radio_of;
use crate::link::sample::{Radar, RadioEvent, RadioNews, RadioSample, StationSample};

/// The radios of some devices.
#[derive(Debug)]
pub struct Radios {
    events: NetlinkSocket,
    family: u16,
    /// The radios' devices, without those of single stations.
    watched: Vec<String>,
    /// All that were there at the last look.
    devices: Vec<Device>,
    ready: VecDeque<RadioNews>,
    /// Those that listen for radars, by their devices.
    listening: Vec<u32>,
    look_at: Instant,
    /// When radios that are not associated look around next, while a dish is turned.
    scan_at: Instant,
    /// What the networks are called that they heard.
    names: Vec<(MacAddress, String)>,
    each: Duration,
    /// Whether the last look failed: said once.
    in_trouble: bool,
}

impl Radios {
    /// Begins to watch the radios of these devices; of more than [`limit::RADIOS`], the first. A kernel without nl80211
    /// refuses with `ENOENT`.
    ///
    /// # Panics
    /// Outside of a tokio runtime with IO enabled.
    pub fn open<'a>(devices: impl Iterator<Item = &'a str>) -> Result<Self, NetlinkError> {
        let asker = Asker::open()?;
        let events = NetlinkSocket::open(Protocol::Generic, &asker.groups)?;
        events.set_receive_buffer(limit::NETLINK_EVENT_BUFFER)?;
        let mut radios = Self {
            events,
            family: asker.family,
            watched: Vec::new(),
            devices: Vec::new(),
            ready: VecDeque::new(),
            listening: Vec::new(),
            look_at: Instant::now(),
            scan_at: Instant::now(),
            names: Vec::new(),
            each: EACH,
            in_trouble: false,
        };
        radios.watch(devices);
        Ok(radios)
    }

    /// From now on, these devices are watched.
    pub fn watch<'a>(&mut self, devices: impl Iterator<Item = &'a str>) {
        self.watched.clear();
        for name in devices.map(radio_of) {
            if self.watched.len() < limit::RADIOS && !self.watched.iter().any(|known| known == name) {
                self.watched.push(name.to_owned());
            }
        }
    }

    /// Whose radios are watched.
    pub fn watched(&self) -> impl Iterator<Item = &str> {
        self.watched.iter().map(String::as_str)
    }

    /// Reads figures so often from now on: once a second, or faster while a dish is turned.
    pub fn look_each(&mut self, each: Duration) {
        self.each = each;
        self.look_at = Instant::now();
    }

    /// Devices that send to somebody without encryption, who may send to them.
    pub fn open_to_all(&self) -> Vec<&str> {
        let Ok(mut asker) = Asker::open() else { return Vec::new() };
        let mut open = Vec::new();
        for device in &self.devices {
            let radio = radio_of(&device.name);
            if !self.watched.iter().any(|watched| watched == radio) || open.contains(&radio) {
                continue;
            }
            let mut stations = stations(&mut asker, device).into_iter().filter(|station| station.authorized);
            if stations.any(|station| asker.is_encrypted(device, station.mac) == Some(false)) {
                open.push(radio);
            }
        }
        open
    }

    /// What is news.
    ///
    /// Cancel safe: what was taken from the kernel is kept until a call yields it.
    pub async fn next(&mut self) -> RadioNews {
        loop {
            if let Some(news) = self.ready.pop_front() {
                return news;
            }
            if self.look_at <= Instant::now() {
                // What was missed is not made up for.
                self.look_at = Instant::now() + self.each;
                self.look();
                continue;
            }
            let received = tokio::select! {
                received = self.events.receive() => received,
                () = sleep_until(self.look_at) => continue,
            };
            match received {
                Ok(messages) => {
                    for message in messages {
                        take_event(&mut self.ready, &self.devices, &self.watched, self.family, &message);
                    }
                }
                // What the lost ones said is in the figures.
                Err(_overrun) => self.look_at = Instant::now(),
            }
        }
    }

    /// What the network of an access point is called that was heard by a radio that is not associated; empty if that is
    /// not known.
    pub fn name_of(&self, mac: MacAddress) -> &str {
        self.names.iter().find(|(known, _)| *known == mac).map_or("", |(_, name)| name)
    }

    /// While a dish is turned: who is heard by radios that have not found their access point yet.
    fn look_around(&mut self, asker: &mut Asker, devices: &[Device]) {
        self.names.clear();
        let is_alone = |device: &&Device| device.kind == STATION && device.frequency_mhz.is_none();
        for device in devices.iter().filter(is_alone).filter(|device| self.watched.contains(&device.name)) {
            let heard = scan::heard(asker, device, &mut self.scan_at);
            self.names.extend(heard.iter().map(|one| (one.station.mac, one.name.clone())));
            let heard = heard.into_iter().map(|one| one.station).collect();
            self.ready.push_back(RadioNews::Around { interface: device.name.clone(), heard });
        }
    }

    /// Reads the figures of all.
    fn look(&mut self) {
        let looked = Asker::open().and_then(|mut asker| {
            let devices = asker.devices()?;
            self.listen(&mut asker, &devices);
            let samples = self.watched.iter().filter_map(|radio| sample(&mut asker, &devices, radio));
            let samples = samples.collect::<Vec<_>>();
            if self.each < EACH {
                self.look_around(&mut asker, &devices);
            }
            Ok((samples, devices))
        });
        match looked {
            Ok((samples, devices)) => {
                self.in_trouble = false;
                for gone in self.watched.iter().filter(|name| {
                    let has = |all: &[Device]| all.iter().any(|device| device.name == **name);
                    has(&self.devices) && !has(&devices)
                }) {
                    self.ready
                        .push_back(RadioNews::Event { interface: gone.clone(), event: RadioEvent::Gone });
                }
                self.devices = devices;
                self.ready.extend(samples.into_iter().map(RadioNews::Sample));
            }
            Err(error) => {
                if !std::mem::replace(&mut self.in_trouble, true) {
                    log::warn!("the radios cannot be read, trying on: {error}");
                }
            }
        }
    }
}

impl Radios {
    /// Of the wait for radars the kernel tells only the end: a radio that came to a channel is asked, and then until it may
    /// speak there.
    fn listen(&mut self, asker: &mut Asker, devices: &[Device]) {
        for device in devices.iter().filter(|device| self.watched.contains(&device.name)) {
            let listened = self.listening.contains(&device.index);
            // A station need not listen: its access point does.
            let speaks_first = [ACCESS_POINT, MESH].contains(&device.kind);
            let is_shared = speaks_first && device.frequency_mhz.is_some_and(|mhz| SHARED_MHZ.contains(&mhz));
            let is_asked = listened || is_shared && !self.devices.contains(device);
            let listens =
                is_asked && is_shared && asker.abilities(device).is_ok_and(|abilities| abilities.must_listen);
            if listens != listened {
                self.listening.retain(|index| *index != device.index);
                self.listening.extend(listens.then_some(device.index));
                let radar = if listens { Radar::WaitBegun } else { Radar::WaitOver };
                let event = RadioEvent::Radar { radar, frequency_mhz: device.frequency_mhz };
                self.ready.push_back(RadioNews::Event { interface: device.name.clone(), event });
            }
        }
        self.listening.retain(|index| devices.iter().any(|device| device.index == *index));
    }
}

/// The figures of a radio; `None` while it has no device.
fn sample(asker: &mut Asker, devices: &[Device], radio: &str) -> Option<RadioSample> {
    let mut sample = RadioSample { interface: radio.to_owned(), ..RadioSample::default() };
    let mut frequency_mhz = None;
    for device in devices.iter().filter(|device| radio_of(&device.name) == radio) {
        frequency_mhz = frequency_mhz.or(device.frequency_mhz);
        sample.stations.extend(stations(asker, device));
        if sample.survey.is_none() {
            let body = |batch: &mut Batch| batch.attribute(of::IFINDEX, &device.index.to_ne_bytes());
            let _ = asker.ask(DUMP, command::GET_SURVEY, &body, &mut |message| {
                let channel = read::survey(message);
                let is_used = channel.is_some_and(|channel| Some(channel.frequency_mhz) == frequency_mhz);
                sample.survey = channel.filter(|_| is_used).or(sample.survey);
            });
        }
    }
    sample.stations.truncate(limit::RADIO_STATIONS);
    devices.iter().any(|device| device.name == radio).then_some(sample)
}

/// The stations of a device, at most [`limit::RADIO_STATIONS`].
fn stations(asker: &mut Asker, device: &Device) -> Vec<StationSample> {
    let mut stations = Vec::new();
    let body = |batch: &mut Batch| batch.attribute(of::IFINDEX, &device.index.to_ne_bytes());
    // A device that went meanwhile has none; what was told before a refusal is true.
    let _ = asker.ask(DUMP, command::GET_STATION, &body, &mut |message| {
        if stations.len() < limit::RADIO_STATIONS {
            stations.extend(read::station(message));
        }
    });
    stations
}

/// Notes an event, for the radio that it is about or for all that are watched.
fn take_event(
    ready: &mut VecDeque<RadioNews>,
    devices: &[Device],
    watched: &[String],
    family: u16,
    message: &Message<'_>,
) {
    let Some(event) = read::event(message).filter(|_| message.header.kind == family) else { return };
    let index = read::device_of(message);
    // Of a radar the kernel tells the radio alone. A device that came since the last look, or one that went, has a message
    // of its own.
    let wiphy = read::wiphy_of(message).filter(|_| index.is_none());
    let is_about = |device: &&Device| Some(device.index) == index || Some(device.wiphy) == wiphy;
    let found = devices.iter().find(is_about).map(|device| radio_of(&device.name));
    for radio in watched {
        let is_own = event == RadioEvent::Gone;
        let is_meant = match found {
            // With a station's device goes the station, and that is told as such.
            Some(_) if is_own => {
                devices.iter().any(|device| Some(device.index) == index && device.name == *radio)
            }
            Some(name) => name == radio,
            None => event == RadioEvent::Regulatory,
        };
        if is_meant {
            ready.push_back(RadioNews::Event { interface: radio.clone(), event });
        }
    }
}

/// `enum nl80211_iftype`.
const STATION: u32 = 2;
const ACCESS_POINT: u32 = 3;
const MESH: u32 = 7;
/// Where radars are, in any country.
const SHARED_MHZ: std::ops::RangeInclusive<u32> = 5_250..=5_730;
/// How often figures are read.
const EACH: Duration = Duration::from_secs(1);
