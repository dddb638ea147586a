//! From the octets of one nl80211 message to a value. What is cut, too short or unknown is left out: the rest of the
//! message is still true, and the next one has its own length.

use super::number::{band, command, country, of, rate, station, survey, watch};
use crate::base::address::MacAddress;
use crate::base::limit;
use crate::link::budget::Rule;
use crate::link::sample::{ChannelSurvey, Radar, RadioEvent, StationSample};
use crate::platform::netlink::message::{Attribute, Attributes, Message};

/// Octets of the head of a generic message: command, version, nothing.
pub(super) const HEAD_BYTES: usize = 4;

/// A device of a radio.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Device {
    /// The kernel's number of the radio.
    pub wiphy: u32,
    /// The kernel's number of the device.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// What it is (`enum nl80211_iftype`).
    pub kind: u32,
    /// The first 20 MHz of its channel, while it is on one.
    pub frequency_mhz: Option<u32>,
    /// The power that it is set to, in hundredths of a dBm.
    pub power_mbm: Option<u32>,
}

/// What a radio is set to and may do, as far as it says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Abilities {
    /// How long it waits for an answer, in steps of 450 m.
    pub coverage_class: Option<u8>,
    /// What the country allows on the channel that was asked for, in hundredths of a dBm.
    pub max_power_mbm: Option<u32>,
    /// Whether it must listen for radars on that channel before it speaks.
    pub must_listen: bool,
}

/// The command of a message, or what happened.
pub(super) fn command_of(message: &Message<'_>) -> u8 {
    message.payload.first().copied().unwrap_or_default()
}

/// The device that a message is about.
pub(super) fn device_of(message: &Message<'_>) -> Option<u32> {
    find(message, of::IFINDEX)?.u32()
}

/// The radio that a message is about.
pub(super) fn wiphy_of(message: &Message<'_>) -> Option<u32> {
    find(message, of::WIPHY)?.u32()
}

/// The country whose rules hold, as two letters.
pub(super) fn country(message: &Message<'_>) -> Option<String> {
    Some(find(message, of::REG_ALPHA2)?.text().into_owned())
}

/// One message of a dump of devices; a device without a name (P2P) is none.
pub(super) fn device(message: &Message<'_>) -> Option<Device> {
    let mut device = Device::default();
    for attribute in message.attributes(HEAD_BYTES) {
        match attribute.kind {
            of::WIPHY => device.wiphy = attribute.u32()?,
            of::IFINDEX => device.index = attribute.u32()?,
            of::IFTYPE => device.kind = attribute.u32()?,
            of::IFNAME => device.name = attribute.text().into_owned(),
            of::WIPHY_FREQ => device.frequency_mhz = attribute.u32(),
            of::WIPHY_TX_POWER_LEVEL => device.power_mbm = attribute.u32(),
            _ => {}
        }
    }
    (device.index != 0 && !device.name.is_empty()).then_some(device)
}

/// One message of a dump of stations.
pub(super) fn station(message: &Message<'_>) -> Option<StationSample> {
    let mut sample = StationSample { mac: mac(message)?, ..StationSample::default() };
    for attribute in find(message, of::STA_INFO)?.nested() {
        figure(&mut sample, &attribute);
    }
    Some(sample)
}

fn figure(sample: &mut StationSample, attribute: &Attribute<'_>) {
    match attribute.kind {
        station::INACTIVE_TIME => sample.inactive_ms = attribute.u32(),
        station::CONNECTED_TIME => sample.connected_s = attribute.u32(),
        station::SIGNAL => sample.signal_dbm = dbm(attribute),
        station::CHAIN_SIGNAL => {
            for (slot, chain) in sample.chain_signal_dbm.iter_mut().zip(attribute.nested()) {
                *slot = dbm(&chain);
            }
        }
        station::TX_PACKETS => sample.tx_packets = attribute.u32(),
        station::TX_RETRIES => sample.tx_retries = attribute.u32(),
        station::TX_FAILED => sample.tx_failed = attribute.u32(),
        station::EXPECTED_THROUGHPUT => sample.expected_throughput_kbit = attribute.u32(),
        // The counters of 32 bits come first, and those of 64 in their place.
        station::TX_BYTES => sample.tx_bytes = attribute.u32().map(u64::from),
        station::RX_BYTES => sample.rx_bytes = attribute.u32().map(u64::from),
        station::TX_BYTES64 => sample.tx_bytes = long(attribute),
        station::RX_BYTES64 => sample.rx_bytes = long(attribute),
        station::RX_BITRATE => sample.rx_bitrate_kbit = Rate::read(attribute).kbit,
        station::TX_BITRATE => {
            let Rate { kbit, mcs, nss, width_mhz } = Rate::read(attribute);
            (sample.tx_bitrate_kbit, sample.mcs, sample.nss, sample.width_mhz) = (kbit, mcs, nss, width_mhz);
        }
        // What is told (a mask), then what holds.
        station::FLAGS => {
            let holds = attribute.value.get(4..).and_then(|value| value.first_chunk());
            sample.authorized = holds.is_some_and(|set| u32::from_ne_bytes(*set) & station::AUTHORIZED != 0);
        }
        _ => {}
    }
}

/// A rate of a frame.
#[derive(Default)]
struct Rate {
    kbit: Option<u32>,
    mcs: Option<u8>,
    nss: Option<u8>,
    width_mhz: Option<u16>,
}

impl Rate {
    fn read(attribute: &Attribute<'_>) -> Self {
        let mut rate = Self { width_mhz: Some(20), ..Self::default() };
        for one in attribute.nested() {
            match one.kind {
                rate::BITRATE if rate.kbit.is_none() => {
                    let units = one.value.first_chunk().map(|bytes| u16::from_ne_bytes(*bytes));
                    rate.kbit = units.map(|units| u32::from(units) * 100);
                }
                rate::BITRATE32 => rate.kbit = one.u32().map(|units| units.saturating_mul(100)),
                // 802.11n counts on through the streams, eight for each.
                rate::MCS => {
                    (rate.mcs, rate.nss) = (one.u8().map(|mcs| mcs % 8), one.u8().map(|mcs| mcs / 8 + 1))
                }
                rate::VHT_MCS | rate::HE_MCS | rate::EHT_MCS => rate.mcs = one.u8(),
                rate::VHT_NSS | rate::HE_NSS | rate::EHT_NSS => rate.nss = one.u8(),
                kind => rate.width_mhz = width(kind).or(rate.width_mhz),
            }
        }
        rate
    }
}

const fn width(kind: u16) -> Option<u16> {
    Some(match kind {
        rate::WIDTH_5 => 5,
        rate::WIDTH_10 => 10,
        rate::WIDTH_40 => 40,
        rate::WIDTH_80 => 80,
        rate::WIDTH_80_80 | rate::WIDTH_160 => 160,
        rate::WIDTH_320 => 320,
        _ => return None,
    })
}

/// One message of a survey: one channel of many.
pub(super) fn survey(message: &Message<'_>) -> Option<ChannelSurvey> {
    let mut channel = ChannelSurvey::default();
    for attribute in find(message, of::SURVEY_INFO)?.nested() {
        match attribute.kind {
            survey::FREQUENCY => channel.frequency_mhz = attribute.u32()?,
            survey::NOISE => channel.noise_dbm = dbm(&attribute),
            survey::TIME => channel.active_ms = long(&attribute),
            survey::TIME_BUSY => channel.busy_ms = long(&attribute),
            survey::TIME_TX => channel.transmit_ms = long(&attribute),
            _ => {}
        }
    }
    Some(channel)
}

/// What happened, if it is something that a link needs to know.
pub(super) fn event(message: &Message<'_>) -> Option<RadioEvent> {
    Some(match command_of(message) {
        command::NEW_STATION => RadioEvent::StationNew { mac: mac(message)? },
        command::DEL_STATION => RadioEvent::StationGone { mac: mac(message)? },
        command::DEL_INTERFACE => RadioEvent::Gone,
        command::NOTIFY_CQM => return watched(message),
        command::CH_SWITCH_NOTIFY => RadioEvent::ChannelSwitch {
            frequency_mhz: find(message, of::WIPHY_FREQ)?.u32()?,
            width_mhz: channel_width(find(message, of::CHANNEL_WIDTH).and_then(|width| width.u32())),
        },
        command::RADAR_DETECT => RadioEvent::Radar {
            radar: match find(message, of::RADAR_EVENT)?.u32()? {
                0 => Radar::Detected,
                1 => Radar::WaitOver,
                2 => Radar::WaitBroken,
                3 => Radar::ChannelFree,
                5 => Radar::WaitBegun,
                _ => return None,
            },
            frequency_mhz: find(message, of::WIPHY_FREQ).and_then(|frequency| frequency.u32()),
        },
        command::REG_CHANGE | command::WIPHY_REG_CHANGE => RadioEvent::Regulatory,
        _ => return None,
    })
}

fn watched(message: &Message<'_>) -> Option<RadioEvent> {
    let mut level_dbm = None;
    let mut event = None;
    for attribute in find(message, of::CQM)?.nested() {
        match attribute.kind {
            watch::BEACON_LOSS => event = Some(RadioEvent::BeaconLoss),
            watch::PACKETS_LOST => {
                event = Some(RadioEvent::PacketsLost { mac: mac(message)?, count: attribute.u32()? });
            }
            // 0 is low, 1 is high, 2 was another way to say that beacons stay out.
            watch::RSSI_THRESHOLD => match attribute.u32()? {
                2 => event = Some(RadioEvent::BeaconLoss),
                crossed => event = Some(RadioEvent::Signal { low: crossed == 0, level_dbm: None }),
            },
            watch::RSSI_LEVEL => {
                level_dbm = attribute.u32().and_then(|level| i8::try_from(level.cast_signed()).ok());
            }
            _ => {}
        }
    }
    match event? {
        RadioEvent::Signal { low, .. } => Some(RadioEvent::Signal { low, level_dbm }),
        other => Some(other),
    }
}

/// `enum nl80211_chan_width`.
fn channel_width(number: Option<u32>) -> u16 {
    match number {
        Some(2) => 40,
        Some(3) => 80,
        Some(4 | 5) => 160,
        Some(6) => 5,
        Some(7) => 10,
        Some(13) => 320,
        _ => 20,
    }
}

/// Adds what one of the pieces says in which a radio is told.
pub(super) fn abilities(found: &mut Abilities, message: &Message<'_>, frequency_mhz: Option<u32>) {
    for attribute in message.attributes(HEAD_BYTES) {
        match attribute.kind {
            of::WIPHY_COVERAGE_CLASS => found.coverage_class = attribute.u8(),
            of::WIPHY_BANDS => {
                let channels = attribute.nested().flat_map(|band| band.nested());
                let channels = channels.filter(|one| one.kind == band::CHANNELS);
                for channel in channels.flat_map(|list| list.nested()) {
                    let get = |kind| channel.nested().find(|one| one.kind == kind)?.u32();
                    if get(band::FREQUENCY) == frequency_mhz && frequency_mhz.is_some() {
                        found.max_power_mbm = get(band::MAX_POWER).or(found.max_power_mbm);
                        let is_shared = channel.nested().any(|one| one.kind == band::RADAR);
                        found.must_listen |= is_shared && get(band::DFS_STATE) == Some(0);
                    }
                }
            }
            _ => {}
        }
    }
}

/// What the country allows that the kernel keeps to; `None` while it was told none (`00`, the whole world's).
pub(super) fn country_rules(message: &Message<'_>) -> Option<Vec<Rule>> {
    self::country(message).filter(|name| name != "00")?;
    let rules = find(message, of::REG_RULES)?.nested();
    let rules = rules.filter_map(|rule| {
        let get = |kind| rule.nested().find(|one| one.kind == kind)?.u32();
        let flags = get(country::FLAGS).unwrap_or(0);
        Some(Rule {
            from_khz: get(country::FROM_KHZ)?,
            to_khz: get(country::TO_KHZ)?,
            max_eirp_mbm: get(country::MAX_EIRP_MBM)?,
            is_dfs: flags & country::DFS != 0,
            is_indoor: flags & country::NO_OUTDOOR != 0,
        })
    });
    Some(rules.take(limit::RADIO_RULES).collect())
}

pub(super) fn find<'a>(message: &Message<'a>, kind: u16) -> Option<Attribute<'a>> {
    let mut attributes: Attributes<'a> = message.attributes(HEAD_BYTES);
    attributes.find(|attribute| attribute.kind == kind)
}

fn mac(message: &Message<'_>) -> Option<MacAddress> {
    find(message, of::MAC)?.value.try_into().ok().map(MacAddress)
}

fn dbm(attribute: &Attribute<'_>) -> Option<i8> {
    attribute.u8().map(u8::cast_signed)
}

fn long(attribute: &Attribute<'_>) -> Option<u64> {
    attribute.value.first_chunk().map(|bytes| u64::from_ne_bytes(*bytes))
}
