//! What a radio says of itself: counters of its stations, of its channel, and what just happened. Plain values, as
//! the adapter (`platform/radio`) found them; who reads them here is the monitor.
//!
//! Drivers differ in what they report and some report nonsense: what is not said is `None`, never 0, and whoever
//! computes with a value bounds it first. Counters are the kernel's: they wrap at 32 bits and begin at 0 with each
//! association.

use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use crate::base::address::MacAddress;

/// What came from a radio.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RadioNews {
    /// Its figures, once a second (five times while a dish is turned).
    Sample(RadioSample),
    /// Something happened.
    Event {
        /// The device of the radio, like `wlan0`.
        interface: String,
        /// What.
        event: RadioEvent,
    },
    /// While a dish is turned: access points that a radio hears which has not found its own yet. Of them address, signal and
    /// age are known.
    Around {
        /// The device of the radio.
        interface: String,
        /// At most [`RADIO_STATIONS`](crate::base::limit::RADIO_STATIONS).
        heard: Vec<StationSample>,
    },
}

/// All stations of one device, and its channel, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RadioSample {
    /// The device, like `wlan0`; a four-address station's own device (`wlan0.sta1`) is not sampled again.
    pub interface: String,
    /// The stations, at most [`RADIO_STATIONS`](crate::base::limit::RADIO_STATIONS).
    pub stations: Vec<StationSample>,
    /// The channel that it is on.
    pub survey: Option<ChannelSurvey>,
}

/// One station, as our end of the link sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StationSample {
    /// Its address.
    pub mac: MacAddress,
    /// The router that it is, by its link-local address. The adapter leaves it open and the node finds it out; it is
    /// in recordings, where `mac` is a pseudonym and nothing can be found out from it.
    pub neighbour: Option<Ipv6Addr>,
    /// How strong its frames arrive, all chains together (`NL80211_STA_INFO_SIGNAL`).
    pub signal_dbm: Option<i8>,
    /// The same of each chain (`..._CHAIN_SIGNAL`).
    pub chain_signal_dbm: [Option<i8>; 4],
    /// The rate of the last frame to it: may be one that only tries a rate out.
    pub tx_bitrate_kbit: Option<u32>,
    /// The rate of the last frame from it.
    pub rx_bitrate_kbit: Option<u32>,
    /// Modulation and coding of the last frame to it.
    pub mcs: Option<u8>,
    /// Streams of the last frame to it.
    pub nss: Option<u8>,
    /// Width of the last frame to it.
    pub width_mhz: Option<u16>,
    /// Frames to it.
    pub tx_packets: Option<u32>,
    /// Frames that had to be sent again.
    pub tx_retries: Option<u32>,
    /// Frames that never arrived.
    pub tx_failed: Option<u32>,
    /// What the rate control expects to get through to it.
    pub expected_throughput_kbit: Option<u32>,
    /// Since its last frame.
    pub inactive_ms: Option<u32>,
    /// Since it associated.
    pub connected_s: Option<u32>,
    /// Octets to it.
    pub tx_bytes: Option<u64>,
    /// Octets from it.
    pub rx_bytes: Option<u64>,
    /// Whether it has proved to know the key.
    pub authorized: bool,
}

/// The channel in use, as the radio heard it. Times count up from when the radio came up, if the driver counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChannelSurvey {
    /// Its middle.
    pub frequency_mhz: u32,
    /// What is heard when nobody speaks.
    pub noise_dbm: Option<i8>,
    /// How long the radio was on it.
    pub active_ms: Option<u64>,
    /// How long it was busy, whoever spoke.
    pub busy_ms: Option<u64>,
    /// How long this radio spoke.
    pub transmit_ms: Option<u64>,
}

/// Something that a radio says at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RadioEvent {
    /// A station is here (`NL80211_CMD_NEW_STATION`).
    StationNew {
        /// Its address.
        mac: MacAddress,
    },
    /// A station is gone, or we are disconnected from it.
    StationGone {
        /// Its address.
        mac: MacAddress,
    },
    /// The access point's beacons stay out (our end is its station).
    BeaconLoss,
    /// A run of frames to a station was lost.
    PacketsLost {
        /// Its address.
        mac: MacAddress,
        /// How many.
        count: u32,
    },
    /// The signal crossed the threshold that was set.
    Signal {
        /// Whether it is below now.
        low: bool,
        /// What it is, if that is told.
        level_dbm: Option<i8>,
    },
    /// Something of the wait for radars.
    Radar {
        /// What.
        radar: Radar,
        /// The middle of the first 20 MHz that it is about, if that is told.
        frequency_mhz: Option<u32>,
    },
    /// The radio is on another channel now.
    ChannelSwitch {
        /// The middle of its first 20 MHz.
        frequency_mhz: u32,
        /// Its width.
        width_mhz: u16,
    },
    /// Another country's rules hold.
    Regulatory,
    /// The device or its radio is gone.
    Gone,
}

/// What a channel shared with radars goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Radar {
    /// One was heard: the channel is left.
    Detected,
    /// The radio listens before it may speak.
    WaitBegun,
    /// It listened and heard none.
    WaitOver,
    /// It was kept from listening to the end.
    WaitBroken,
    /// The channel may be listened to again, half an hour after a radar.
    ChannelFree,
}
