//! The reader on octets that Debian's kernel wrote of simulated radios (`RECORD=1 scripts/boot.sh radio`), on made ones for
//! what they cannot do, and on noise.

use std::collections::VecDeque;

use super::number::{band, command, of, rate, station};
use super::read::{self, Abilities};
use super::{Device, take_event};
use crate::base::address::MacAddress;
use crate::base::random::Random;
use crate::link::budget::{Rule, Width};
use crate::link::sample::{ChannelSurvey, Radar, RadioEvent, RadioNews, StationSample};
use crate::platform::netlink::message::{Batch, Message, Messages};

/// Each line: what it is and at which end, and the octets behind netlink's own head.
const RECORDED: &str = include_str!("recorded.txt");
const AP: MacAddress = MacAddress([2, 0, 0, 0, 0, 0]);
const STATION: MacAddress = MacAddress([2, 0, 0, 0, 1, 0]);
const FAMILY: u16 = 0x21;

/// The recorded messages of a kind, as a datagram of this processor.
fn recorded(name: &str) -> Vec<u8> {
    let mut batch = Batch::new();
    for line in RECORDED.lines() {
        let Some(hex) = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' ')) else { continue };
        let octets: Vec<u8> =
            (0..hex.len() / 2).map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap()).collect();
        let (head, body) = octets.split_at(read::HEAD_BYTES);
        batch.message(FAMILY, 0, 0, head, |batch| rewrite(batch, body, &MESSAGE));
    }
    assert!(!batch.is_empty(), "nothing is recorded of {name}");
    batch.bytes().to_vec()
}

/// How the values of attributes are written: the recording is of a processor whose first octet is the lowest.
enum Form {
    /// Octets, texts.
    Same,
    /// A number, as long as it is.
    Number,
    /// Two numbers of 32 bits behind each other.
    Flags,
    /// Attributes by this table.
    Nested(&'static [(u16, Self)]),
    /// A list: attributes numbered from 0 or 1, each of which is like this.
    List(&'static Self),
}

const MESSAGE: [(u16, Form); 12] = [
    (of::IFNAME, Form::Same),
    (2, Form::Same),
    (of::MAC, Form::Same),
    (51, Form::Same),
    (52, Form::Same),
    (of::STA_INFO, Form::Nested(&STATION_INFO)),
    (of::SURVEY_INFO, Form::Nested(&[])),
    (of::CQM, Form::Nested(&[])),
    (of::WIPHY_BANDS, Form::List(&Form::Nested(&[(1, Form::List(&Form::Nested(&[])))]))),
    (of::WIPHY_COVERAGE_CLASS, Form::Same),
    (132, Form::Same),
    (140, Form::Same),
];
const STATION_INFO: [(u16, Form); 8] = [
    (station::TX_BITRATE, Form::Nested(&[])),
    (station::RX_BITRATE, Form::Nested(&[])),
    (15, Form::Nested(&[])),
    (station::FLAGS, Form::Flags),
    (station::CHAIN_SIGNAL, Form::List(&Form::Number)),
    (26, Form::List(&Form::Number)),
    // By traffic class: not read.
    (31, Form::Same),
    (42, Form::Number),
];

/// Writes attributes of a processor whose first octet is the lowest in this one's order.
fn rewrite(batch: &mut Batch, mut bytes: &[u8], table: &'static [(u16, Form)]) {
    while let Some([a, b, c, d]) = bytes.first_chunk() {
        let length = usize::from(u16::from_le_bytes([*a, *b]));
        let kind = u16::from_le_bytes([*c, *d]) & 0x3fff;
        let value = &bytes[4..length];
        let form = table.iter().find(|(one, _)| *one == kind).map_or(&Form::Number, |(_, form)| form);
        value_in(batch, kind, value, form);
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
}

fn value_in(batch: &mut Batch, kind: u16, value: &[u8], form: &'static Form) {
    let turned = |piece: &[u8]| match cfg!(target_endian = "big") {
        true => piece.iter().rev().copied().collect::<Vec<u8>>(),
        false => piece.to_vec(),
    };
    match form {
        Form::Same => batch.attribute(kind, value),
        Form::Number => batch.attribute(kind, &turned(value)),
        Form::Flags => batch.attribute(kind, &[turned(&value[..4]), turned(&value[4..])].concat()),
        Form::Nested(table) => batch.nest(kind, |batch| rewrite(batch, value, table)),
        Form::List(form) => batch.nest(kind, |batch| {
            let mut bytes = value;
            while let Some([a, b, c, d]) = bytes.first_chunk() {
                let length = usize::from(u16::from_le_bytes([*a, *b]));
                let at = u16::from_le_bytes([*c, *d]) & 0x3fff;
                value_in(batch, at, &bytes[4..length], form);
                bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
            }
        }),
    }
}

fn all<T>(name: &str, parse: impl Fn(&Message<'_>) -> Option<T>) -> Vec<T> {
    Messages::new(&recorded(name)).filter_map(|message| parse(&message)).collect()
}

#[test]
fn a_station_is_read_whole() {
    let found = all("stations.ap", read::station);
    let expected = StationSample {
        mac: STATION,
        neighbour: None,
        signal_dbm: Some(-47),
        chain_signal_dbm: [None; 4],
        tx_bitrate_kbit: Some(130_000),
        rx_bitrate_kbit: Some(6_000),
        mcs: Some(7),
        nss: Some(2),
        width_mhz: Some(20),
        tx_packets: Some(46),
        tx_retries: Some(0),
        tx_failed: Some(0),
        expected_throughput_kbit: Some(46_312),
        inactive_ms: Some(16),
        connected_s: Some(3),
        tx_bytes: Some(10_607),
        rx_bytes: Some(3_354),
        authorized: true,
    };
    assert_eq!(found, [expected]);
    let [station] = &all("stations.station", read::station)[..] else { panic!("one access point") };
    assert_eq!((station.mac, station.signal_dbm, station.connected_s), (AP, Some(-47), Some(3)));
    assert_eq!((station.mcs, station.nss, station.tx_bitrate_kbit), (Some(7), Some(1), Some(65_000)));
}

#[test]
fn devices_and_channels_are_read() {
    let device = |wiphy, index, name: &str, kind| Device {
        wiphy,
        index,
        name: name.to_owned(),
        kind,
        frequency_mhz: Some(5_745),
        power_mbm: Some(3_000),
    };
    assert_eq!(all("devices.ap", read::device), [device(0, 3, "wlan0.sta1", 4), device(0, 4, "wlan0", 3)]);
    // A device for P2P has no name and no number.
    assert_eq!(all("devices.station", read::device), [device(1, 5, "wlan1", 2)]);
    let channels = all("survey.station", read::survey);
    let expected = ChannelSurvey {
        frequency_mhz: 5_745,
        noise_dbm: Some(-92),
        active_ms: Some(64),
        busy_ms: Some(8),
        transmit_ms: None,
    };
    assert_eq!(channels.len(), 3);
    assert!(channels.contains(&expected), "{channels:?}");
}

#[test]
fn a_radio_tells_its_class_and_what_the_country_allows() {
    let told = |frequency_mhz| {
        let mut found = Abilities::default();
        for message in Messages::new(&recorded("wiphy.station")) {
            read::abilities(&mut found, &message, frequency_mhz);
        }
        found
    };
    // Mexico: 30 dBm.
    let expected = Abilities { coverage_class: Some(0), max_power_mbm: Some(3_000), must_listen: false };
    assert_eq!(told(Some(5_745)), expected);
    assert_eq!(told(Some(5_200)).max_power_mbm, None, "a channel that was not recorded");
    assert_eq!(told(None).max_power_mbm, None);
}

#[test]
fn a_channel_with_radars_must_be_listened_to_until_it_was() {
    let told = |is_shared: bool, state: u32| {
        let mut batch = Batch::new();
        batch.message(FAMILY, 0, 0, &[command::GET_WIPHY, 1, 0, 0], |batch| {
            batch.nest(of::WIPHY_BANDS, |batch| {
                batch.nest(1, |batch| {
                    batch.nest(band::CHANNELS, |batch| {
                        batch.nest(3, |batch| {
                            batch.attribute(band::FREQUENCY, &5_500_u32.to_ne_bytes());
                            if is_shared {
                                batch.attribute(band::RADAR, &[]);
                            }
                            batch.attribute(band::DFS_STATE, &state.to_ne_bytes());
                        });
                    });
                });
            });
        });
        let mut found = Abilities::default();
        Messages::new(batch.bytes()).for_each(|message| read::abilities(&mut found, &message, Some(5_500)));
        found.must_listen
    };
    assert_eq!([told(true, 0), told(true, 1), told(true, 2), told(false, 0)], [true, false, false, false]);
}

/// The other family's messages, and those of devices that nobody watches, are not ours.
fn heard(datagram: &[u8], watched: &str) -> Vec<RadioEvent> {
    let devices = [all("devices.ap", read::device), all("devices.station", read::device)].concat();
    let mut ready = VecDeque::new();
    for message in Messages::new(datagram) {
        take_event(&mut ready, &devices, &[watched.to_owned()], FAMILY, &message);
        take_event(&mut ready, &devices, &[watched.to_owned()], FAMILY + 1, &message);
    }
    let event = |news| match news {
        RadioNews::Event { interface, event } if interface == watched => event,
        other => panic!("{other:?}"),
    };
    ready.into_iter().map(event).collect()
}

#[test]
fn what_happens_is_told_of_the_radio_also_where_a_station_has_a_device_of_its_own() {
    let switched = RadioEvent::ChannelSwitch { frequency_mhz: 5_785, width_mhz: 20 };
    let (come, gone) = (RadioEvent::StationNew { mac: STATION }, RadioEvent::StationGone { mac: STATION });
    let lost = |mac| RadioEvent::PacketsLost { mac, count: 102 };
    assert_eq!(heard(&recorded("event.ap"), "wlan0"), [come, switched, lost(STATION), gone]);
    let (come, gone) = (RadioEvent::StationNew { mac: AP }, RadioEvent::StationGone { mac: AP });
    let all = [come, switched, RadioEvent::BeaconLoss, gone, lost(AP)];
    assert_eq!(heard(&recorded("event.station"), "wlan1"), all);
    assert_eq!(heard(&recorded("event.ap"), "wlan1"), []);
}

#[test]
fn what_simulated_radios_never_say_is_read_too() {
    let message = |command: u8, index: u32, body: &dyn Fn(&mut Batch)| {
        let mut batch = Batch::new();
        batch.message(FAMILY, 0, 0, &[command, 1, 0, 0], |batch| {
            batch.attribute(of::IFINDEX, &index.to_ne_bytes());
            body(batch);
        });
        batch.bytes().to_vec()
    };
    for (step, radar) in [
        (0_u32, Radar::Detected),
        (1, Radar::WaitOver),
        (2, Radar::WaitBroken),
        (3, Radar::ChannelFree),
        (5, Radar::WaitBegun),
    ] {
        let told = message(command::RADAR_DETECT, 4, &|batch| {
            batch.attribute(of::RADAR_EVENT, &step.to_ne_bytes());
        });
        assert_eq!(heard(&told, "wlan0"), [RadioEvent::Radar { radar, frequency_mhz: None }]);
    }
    // As the kernel tells of a radar: of the radio, and of none of its devices.
    let mut batch = Batch::new();
    batch.message(FAMILY, 0, 0, &[command::RADAR_DETECT, 1, 0, 0], |batch| {
        batch.attribute(of::WIPHY, &1_u32.to_ne_bytes());
        batch.attribute(of::RADAR_EVENT, &0_u32.to_ne_bytes());
        batch.attribute(of::WIPHY_FREQ, &5_500_u32.to_ne_bytes());
    });
    let detected = RadioEvent::Radar { radar: Radar::Detected, frequency_mhz: Some(5_500) };
    assert_eq!((heard(batch.bytes(), "wlan1"), heard(batch.bytes(), "wlan0")), (vec![detected], vec![]));
    let told = message(command::NOTIFY_CQM, 5, &|batch| {
        batch.nest(of::CQM, |batch| {
            batch.attribute(3, &0_u32.to_ne_bytes());
            batch.attribute(9, &(-71_i32).to_ne_bytes());
        });
    });
    assert_eq!(heard(&told, "wlan1"), [RadioEvent::Signal { low: true, level_dbm: Some(-71) }]);
    // A country's rules are told of no device; a station's own device goes without its radio.
    let told = message(command::REG_CHANGE, 0, &|_| {});
    assert_eq!(heard(&told, "wlan0"), [RadioEvent::Regulatory]);
    assert_eq!(heard(&message(command::DEL_INTERFACE, 4, &|_| {}), "wlan0"), [RadioEvent::Gone]);
    assert_eq!(heard(&message(command::DEL_INTERFACE, 3, &|_| {}), "wlan0"), []);
}

#[test]
fn chains_and_newer_rates_are_read() {
    let told = |body: &dyn Fn(&mut Batch)| {
        let mut batch = Batch::new();
        batch.message(FAMILY, 0, 0, &[command::NEW_STATION, 1, 0, 0], |batch| {
            batch.attribute(of::MAC, &AP.0);
            batch.nest(of::STA_INFO, body);
        });
        Messages::new(batch.bytes()).find_map(|message| read::station(&message)).unwrap()
    };
    let of_rate = |batch: &mut Batch| {
        batch.nest(station::CHAIN_SIGNAL, |batch| {
            batch.attribute(0, &[(-61_i8).cast_unsigned()]);
            batch.attribute(1, &[(-74_i8).cast_unsigned()]);
        });
        batch.nest(station::TX_BITRATE, |batch| {
            batch.attribute(rate::BITRATE32, &4_804_u32.to_ne_bytes());
            batch.attribute(rate::HE_MCS, &[11]);
            batch.attribute(rate::HE_NSS, &[2]);
            batch.attribute(rate::WIDTH_80, &[]);
        });
        batch.attribute(station::TX_BYTES, &7_u32.to_ne_bytes());
        batch.attribute(station::TX_BYTES64, &(1_u64 << 40).to_ne_bytes());
    };
    let found = told(&of_rate);
    assert_eq!(found.chain_signal_dbm, [Some(-61), Some(-74), None, None]);
    assert_eq!((found.mcs, found.nss, found.width_mhz), (Some(11), Some(2), Some(80)));
    assert_eq!((found.tx_bitrate_kbit, found.tx_bytes), (Some(480_400), Some(1 << 40)));
    assert_eq!(
        told(&|_| {}),
        StationSample { mac: AP, ..StationSample::default() },
        "nothing said is nothing"
    );
}

#[test]
fn a_message_that_is_broken_leaves_the_next_one_readable() {
    let whole = recorded("stations.ap");
    let sound = all("stations.ap", read::station);
    for at in (20..whole.len().min(120)).chain(whole.len() - 8..whole.len()) {
        let mut broken = whole.clone();
        broken[at] ^= 0xff;
        broken.extend_from_slice(&whole);
        let found: Vec<_> = Messages::new(&broken).filter_map(|message| read::station(&message)).collect();
        assert_eq!(found.last(), sound.last(), "octet {at}");
    }
}

#[test]
fn noise_is_no_panic() {
    let mut dice = Random::new(7);
    let kinds = ["stations.ap", "devices.ap", "survey.station", "wiphy.station", "event.ap", "event.station"];
    for name in kinds {
        let whole = recorded(name);
        for _ in 0..2_000 {
            let mut noisy = whole.clone();
            for _ in 0..=dice.below(8) {
                let at = usize::try_from(dice.below(noisy.len() as u64)).unwrap();
                noisy[at] = dice.u64() as u8;
            }
            noisy.truncate(usize::try_from(dice.below(noisy.len() as u64 + 1)).unwrap());
            let mut ready = VecDeque::new();
            for message in Messages::new(&noisy) {
                let _ = (read::station(&message), read::survey(&message), read::device(&message));
                read::abilities(&mut Abilities::default(), &message, Some(5_745));
                take_event(&mut ready, &[], &["wlan0".to_owned()], message.header.kind, &message);
            }
        }
    }
}

#[test]
fn a_country_is_read_from_made_octets_and_the_world_is_none() {
    let rule = |batch: &mut Batch, place: u16, figures: &[(u16, u32)]| {
        batch.nest(place, |batch| {
            figures.iter().for_each(|(kind, figure)| batch.attribute(*kind, &figure.to_ne_bytes()));
        });
    };
    let told = |name: &[u8]| {
        let mut batch = Batch::new();
        batch.message(FAMILY, 0, 0, &[command::GET_REG, 1, 0, 0], |batch| {
            batch.attribute(of::REG_ALPHA2, name);
            batch.nest(of::REG_RULES, |batch| {
                rule(
                    batch,
                    0,
                    &[(1, 1 << 4), (2, 5_490_000), (3, 5_730_000), (4, 160_000), (5, 0), (6, 2_400)],
                );
                rule(batch, 1, &[(1, 0), (2, 5_735_000), (3, 5_835_000), (6, 3_000)]);
                // One that was cut.
                rule(batch, 2, &[(1, 1 << 3), (2, 5_150_000)]);
            });
        });
        let octets = batch.bytes().to_vec();
        let message = Messages::new(&octets).next().unwrap();
        read::country_rules(&message)
    };
    let rules = told(b"MX\0").unwrap();
    assert_eq!(rules.len(), 2);
    let on = |frequency| Rule::of(&rules, frequency, Width::Mhz20);
    assert!(on(5_600).is_some_and(|rule| rule.is_dfs && rule.max_eirp_mbm == 2_400));
    assert!(on(5_785).is_some_and(|rule| !rule.is_dfs && !rule.is_indoor && rule.max_eirp_mbm == 3_000));
    assert_eq!((on(5_180), on(5_732)), (None, None));
    assert_eq!(told(b"00\0"), None);
}
