//! The radios of the devices that the mesh speaks on: watched while there are some, told how far the other end is,
//! looked at whether they encrypt and have a country, and pushed when they are stuck.

use std::time::Duration;

use serde_json::{Map, Value};

use super::Daemon;
use crate::babel::settings::LinkKind;
use crate::base::address::MacAddress;
use crate::base::time::{Instant, Span};
use crate::link::ladder::Rung;
use crate::link::sample::{RadioEvent, RadioNews};
use crate::node::input::Input;
use crate::platform::clock;
use crate::platform::netlink::socket::NetlinkError;
use crate::platform::radio::{self, Coverage, Radios};
use crate::platform::ubus::table::{arguments, json};
use crate::platform::ubus::{InvokeId, UbusError};
use crate::platform::wireless::Sections;

/// What is kept of them.
#[derive(Default)]
pub(super) struct Kept {
    /// How often they are read, if not as usual.
    each: Option<Span>,
    /// Once there are some.
    pub(super) adapter: Option<Radios>,
    /// When it is looked again whether they wait long enough for an answer; nothing: now.
    pub(super) distances_at: Option<Instant>,
    /// What was asked of others for a stuck radio, with its device: not more than they answer within [`PATIENCE`].
    asked: Vec<(InvokeId, &'static str, String)>,
}

impl Daemon {
    /// Watches the radio of each wireless device. A kernel without radios is asked again later: its module may come.
    pub(super) async fn keep_radios(&mut self) {
        let all = self.config.babel.interfaces.iter().chain(&self.added.interfaces);
        let wireless = || {
            let of_radio = all.clone().filter(|one| one.kind == LinkKind::Wireless);
            of_radio.map(|one| one.name.as_str())
        };
        if wireless().next().is_none() {
            self.radios.adapter = None;
        } else if let Some(radios) = &mut self.radios.adapter {
            radios.watch(wireless());
        } else {
            match Radios::open(wireless()) {
                Ok(mut radios) => {
                    if let Some(each) = self.radios.each {
                        radios.look_each(Duration::from_micros(each.as_micros()));
                    }
                    self.radios.adapter = Some(radios);
                }
                Err(error) => log::debug!("no radio is watched: {error}"),
            }
        }
        let open = self.radios.adapter.as_ref().map(Radios::open_to_all).unwrap_or_default();
        let what =
            (!open.is_empty()).then(|| format!("{} encrypt nothing: set up SAE there", open.join(", ")));
        self.trouble("open-radio", what).await;
        self.keep_distances().await;
    }

    /// A dish is turned, or is not any more.
    pub(super) fn look_each(&mut self, each: Span) {
        self.radios.each = Some(each);
        if let Some(radios) = &mut self.radios.adapter {
            radios.look_each(Duration::from_micros(each.as_micros()));
        }
    }

    /// A radio says something. With other rules it is looked at anew.
    pub(super) async fn hear_radio(&mut self, news: RadioNews) {
        if matches!(news, RadioNews::Event { event: RadioEvent::Regulatory, .. }) {
            self.radios.distances_at = None;
        }
        if let RadioNews::Event { interface, event: RadioEvent::ChannelSwitch { frequency_mhz, width_mhz } } =
            &news
        {
            let told = json!({"device": interface, "frequency_mhz": *frequency_mhz, "width_mhz": *width_mhz});
            if let Err(error) = self.ubus.send_event("tequio.channel", &arguments(told)) {
                log::debug!("ubus: a channel cannot be called out: {error}");
            }
        }
        self.input(Input::Radio(news)).await;
    }

    /// Tries something with a radio on which nothing is heard.
    pub(super) fn recover_radio(&mut self, radio: String, rung: Rung, stations: &[MacAddress]) {
        let tried = match rung {
            Rung::Scan => radio::scan(&radio).map(|()| true),
            // hostapd believes that its stations are there, whatever the kernel is told.
            Rung::Associate => radio::disconnect(&radio),
            Rung::Restart => Ok(false),
        };
        match (tried, rung) {
            (Ok(true), _) => {}
            (Ok(false), Rung::Restart) => self.ask_for_radio("network.wireless", "status", Map::new(), radio),
            (Ok(false), _) => {
                let hostapd = format!("hostapd.{radio}");
                for station in stations {
                    // It may come back at once.
                    let mac = station.to_string();
                    let gone = json!({"addr": mac, "reason": u32::from(radio::LEAVING), "deauth": true, "ban_time": 0_u32});
                    self.ask_for_radio(&hostapd, "del_client", arguments(gone), radio.clone());
                }
            }
            (Err(error), _) => log::warn!("{radio} cannot be recovered like this: {error}"),
        }
    }

    /// Takes an answer of the bus, if it is about a stuck radio.
    pub(super) fn recovery_answered(&mut self, invoke: InvokeId, result: &Result<Value, UbusError>) -> bool {
        let asked = &mut self.radios.asked;
        let Some(place) = asked.iter().position(|(id, ..)| *id == invoke) else { return false };
        let (_, method, radio) = asked.swap_remove(place);
        match (method, result) {
            (_, Err(error)) => log::warn!("{radio} cannot be recovered: {method}: {error}"),
            ("status", Ok(status)) => match Sections::of(status, &radio) {
                Some(sections) => {
                    // One after the other, as the command `wifi` does.
                    for method in ["down", "up"] {
                        let device = arguments(json!({"device": sections.radio.as_str()}));
                        self.ask_for_radio("network.wireless", method, device, radio.clone());
                    }
                }
                None => log::warn!("{radio} cannot be recovered: netifd has no wireless network on it"),
            },
            (_, Ok(_)) => {}
        }
        true
    }

    fn ask_for_radio(
        &mut self,
        object: &str,
        method: &'static str,
        words: Map<String, Value>,
        radio: String,
    ) {
        let id = self.ubus.invoke(object, method, words, PATIENCE);
        self.radios.asked.push((id, method, radio));
    }

    /// Holds each radio at its distance, and looks whether it has a country. A driver that was loaded anew, or netifd,
    /// forgets it.
    async fn keep_distances(&mut self) {
        let now = clock::now();
        if self.radios.distances_at.is_some_and(|at| now < at) || !self.rights.net_admin {
            return;
        }
        #[cfg(feature = "control")]
        if self.is_changed_by_control() {
            return;
        }
        self.radios.distances_at = Some(now + DISTANCES_EACH);
        #[cfg(not(feature = "control"))]
        let distances = &self.config.distances;
        #[cfg(feature = "control")]
        let distances = &self.held_distances();
        #[cfg(feature = "control")]
        self.hold_powers();
        let wrong: Vec<String> =
            distances.iter().filter_map(|(device, metres)| wrong_distance(device, *metres)).collect();
        self.trouble("no-distance", (!wrong.is_empty()).then(|| wrong.join("; "))).await;
        let watched = self.radios.adapter.iter().flat_map(Radios::watched);
        let is_nowhere =
            |device: &&str| radio::country(device).is_ok_and(|found| found.as_deref() == Some("00"));
        let nowhere: Vec<&str> = watched.filter(is_nowhere).collect();
        let what = (!nowhere.is_empty()).then(|| {
            format!(
                "the radio of {} has no country: it sends with little power, on few channels, and as an access point on \
                 none of 5 GHz. Set option country of the wifi-device in /etc/config/wireless",
                nowhere.join(", ")
            )
        });
        self.trouble("no-country", what).await;
    }
}

/// What is wrong with the distance of a radio, after it was put right if it could be; a radio that is not there is waited
/// for.
fn wrong_distance(device: &str, distance_m: u32) -> Option<String> {
    let class = radio::coverage_class(distance_m);
    let held = radio::abilities(device).and_then(|found| match found.coverage_class == Some(class) {
        true => Ok(None),
        false => radio::set_coverage_class(device, class).map(Some),
    });
    match held {
        Ok(None) => None,
        Ok(Some(Coverage::Set)) => {
            log::info!("the radio of {device} waits for answers from {distance_m} m away (class {class})");
            None
        }
        Ok(Some(Coverage::Unsupported)) => Some(format!(
            "the radio of {device} cannot be told how long to wait for an answer: {distance_m} m work as far as its \
             driver's own time goes; compare retries at both ends"
        )),
        Ok(Some(Coverage::ReadBack(found))) => Some(format!(
            "the radio of {device} was told class {class} for {distance_m} m and has {}",
            found.map_or_else(|| "none".to_owned(), |found| found.to_string())
        )),
        Err(NetlinkError::Io(error)) if error.raw_os_error() == Some(libc::ENODEV) => None,
        Err(error) => Some(format!("the distance of {device} cannot be set: {error}")),
    }
}

const PATIENCE: Duration = Duration::from_secs(10);
/// How often a radio is looked at.
const DISTANCES_EACH: Span = Span::from_secs(60);
