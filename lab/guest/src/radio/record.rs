//! What the kernel says of simulated radios, octet by octet, for the tests of the daemon's reader (`RECORD=1
//! scripts/boot.sh radio` writes it to `src/platform/radio/recorded.txt`).

use std::collections::BTreeSet;

use super::hills::{AP_LINK, Hills, STATION_LINK};
use crate::console::Outcome;
use crate::link::index;
use crate::netlink::{Message, Socket, attribute, attributes};

/// Whether this boot was asked for it.
pub(super) fn is_wanted() -> bool {
    std::env::var("record").is_ok()
}

/// What is there now: devices, stations, the channel, what the radio can.
pub(super) fn tables(hills: &Hills) -> Outcome<()> {
    for (end, space, link, device) in
        [("ap", &hills.valle.space, AP_LINK, "wlan0"), ("station", &hills.cerro.space, STATION_LINK, "wlan1")]
    {
        let devices = space.inside(|| dump(GET_INTERFACE, None))?;
        let stations = space.inside(|| dump(GET_STATION, Some(link)))?;
        let survey = space.inside(|| dump(GET_SURVEY, Some(device)))?;
        for (name, messages) in [("devices", devices), ("stations", stations), ("survey", survey)] {
            for message in messages {
                say(&format!("{name}.{end}"), &message);
            }
        }
    }
    // A radio is told in two hundred pieces: one of them holds the coverage class, one each channel.
    for message in hills.cerro.space.inside(|| dump(GET_WIPHY, None))? {
        let body = message.body.get(4..).unwrap_or_default();
        let is_of_channel = message.body.windows(4).any(|octets| octets == CHANNEL_MHZ.to_ne_bytes());
        if attribute(body, COVERAGE_CLASS).is_some() || is_of_channel {
            say("wiphy.station", &message);
        }
    }
    Ok(())
}

/// From now on: what happens, the first of each kind at each end.
pub(super) fn events(hills: &Hills) -> Outcome<()> {
    for (end, space) in [("ap", &hills.valle.space), ("station", &hills.cerro.space)] {
        let (socket, family) = space.inside(listening)?;
        std::thread::spawn(move || {
            let mut seen = BTreeSet::new();
            loop {
                for message in socket.receive().unwrap_or_default() {
                    if message.kind == family
                        && let Some(command) = message.body.first()
                        && seen.insert((*command, kind_within(&message)))
                    {
                        say(&format!("event.{end}"), &message);
                    }
                }
            }
        });
    }
    Ok(())
}

/// What tells events of one command apart: which things of the watched signal it is about, which step of a radar.
fn kind_within(message: &Message) -> Vec<u16> {
    let body = message.body.get(4..).unwrap_or_default();
    let watched = attribute(body, CQM).map(|value| attributes(value).iter().map(|(kind, _)| *kind).collect());
    let radar = attribute(body, RADAR).and_then(|value| value.first()).map(|step| vec![u16::from(*step)]);
    watched.or(radar).unwrap_or_default()
}

fn listening() -> Outcome<(Socket, u16)> {
    let mut socket = Socket::generic()?;
    let (family, groups) = socket.family_and_groups("nl80211")?;
    let wanted = groups.iter().filter(|(name, _)| ["mlme", "config", "regulatory"].contains(&name.as_str()));
    let mask = wanted.map(|(_, id)| 1_u32 << (id - 1)).fold(0, |mask, bit| mask | bit);
    Ok((Socket::generic_events(mask)?, family))
}

fn dump(command: u8, link: Option<&str>) -> Outcome<Vec<Message>> {
    let mut socket = Socket::generic()?;
    let family = socket.family("nl80211")?;
    let link = link.map(index).transpose()?;
    socket.dump(family, &[command, 1, 0, 0], |message| {
        if let Some(link) = link {
            message.attribute(IFINDEX, &link.to_ne_bytes());
        }
        if command == GET_WIPHY {
            message.attribute(IN_PIECES, &[]);
        }
    })
}

fn say(name: &str, message: &Message) {
    let hex: String = message.body.iter().map(|octet| format!("{octet:02x}")).collect();
    println!("boot: octets {name} {hex}");
}

/// The channel that the link comes up on.
const CHANNEL_MHZ: u32 = 5_745;

/// `nl80211.h`.
const GET_WIPHY: u8 = 1;
const GET_INTERFACE: u8 = 5;
const GET_STATION: u8 = 17;
const GET_SURVEY: u8 = 50;
const IFINDEX: u16 = 3;
const COVERAGE_CLASS: u16 = 89;
const CQM: u16 = 94;
const RADAR: u16 = 168;
const IN_PIECES: u16 = 174;
