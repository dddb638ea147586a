//! What the radios say, and which of Babel's neighbours each of their stations is.
//!
//! A station is known by its address on the air, a neighbour by its link-local address. A router makes the one of the
//! other (RFC 4291, appendix A); where it does not, a device with one station and one neighbour leaves no choice.

use std::net::Ipv6Addr;

use super::Node;
use crate::base::address::MacAddress;
use crate::base::limit;
use crate::base::sorted::SortedMap;
use crate::link::sample::{RadioEvent, RadioNews, RadioSample};

/// The last sample of each device.
pub(super) type Radios = SortedMap<String, RadioSample>;

impl Node {
    /// A radio's figures, or something that happened to it.
    pub(super) fn radio(&mut self, news: RadioNews) {
        match news {
            RadioNews::Sample(sample) => {
                let sample = self.with_neighbours(sample);
                if self.radios.len() < limit::RADIOS || self.radios.contains_key(&sample.interface) {
                    self.radios.insert(sample.interface.clone(), sample);
                }
            }
            RadioNews::Event { interface, event: RadioEvent::Gone } => {
                self.radios.remove(&interface);
            }
            RadioNews::Event { .. } => {}
        }
    }

    /// The sample, each station with the neighbour that it is.
    pub(super) fn with_neighbours(&self, mut sample: RadioSample) -> RadioSample {
        sample.stations.truncate(limit::RADIO_STATIONS);
        let heard: Vec<(String, Ipv6Addr)> = self
            .babel
            .neighbour_costs()
            .map(|((index, address), _)| (self.device(index), address))
            .filter(|(device, _)| is_of(device, &sample.interface))
            .collect();
        let is_only = sample.stations.len() == 1 && heard.len() == 1;
        for station in sample.stations.iter_mut().filter(|station| station.neighbour.is_none()) {
            let own = link_local(station.mac);
            let found = heard.iter().find(|(_, address)| is_only || *address == own);
            station.neighbour = found.map(|(_, address)| *address);
        }
        sample
    }
}

/// Whether Babel's device is this radio's, or that of a four-address station of it (`wlan0.sta1`).
fn is_of(device: &str, radio: &str) -> bool {
    device.strip_prefix(radio).is_some_and(|rest| rest.is_empty() || rest.starts_with(".sta"))
}

fn link_local(mac: MacAddress) -> Ipv6Addr {
    let host = u64::from_be_bytes(mac.eui64());
    Ipv6Addr::from_bits(0xfe80 << 112 | u128::from(host))
}
