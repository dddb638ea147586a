//! The numbers of nl80211 (`linux/nl80211.h`) that are used here. The kernel never gives one another meaning.

/// Commands, and events of the same names.
pub(super) mod command {
    pub(crate) const GET_WIPHY: u8 = 1;
    pub(crate) const SET_WIPHY: u8 = 2;
    pub(crate) const GET_INTERFACE: u8 = 5;
    pub(crate) const DEL_INTERFACE: u8 = 8;
    pub(crate) const GET_KEY: u8 = 9;
    pub(crate) const GET_STATION: u8 = 17;
    pub(crate) const NEW_STATION: u8 = 19;
    pub(crate) const DEL_STATION: u8 = 20;
    pub(crate) const GET_REG: u8 = 31;
    pub(crate) const GET_SCAN: u8 = 32;
    pub(crate) const TRIGGER_SCAN: u8 = 33;
    pub(crate) const REG_CHANGE: u8 = 36;
    pub(crate) const DISCONNECT: u8 = 48;
    pub(crate) const GET_SURVEY: u8 = 50;
    pub(crate) const NOTIFY_CQM: u8 = 64;
    pub(crate) const CH_SWITCH_NOTIFY: u8 = 88;
    pub(crate) const RADAR_DETECT: u8 = 94;
    pub(crate) const WIPHY_REG_CHANGE: u8 = 113;
}

/// Attributes of a message.
pub(super) mod of {
    pub(crate) const WIPHY: u16 = 1;
    pub(crate) const IFINDEX: u16 = 3;
    pub(crate) const IFNAME: u16 = 4;
    pub(crate) const IFTYPE: u16 = 5;
    pub(crate) const MAC: u16 = 6;
    pub(crate) const KEY_IDX: u16 = 8;
    pub(crate) const STA_INFO: u16 = 21;
    pub(crate) const WIPHY_BANDS: u16 = 22;
    pub(crate) const REG_ALPHA2: u16 = 33;
    pub(crate) const REG_RULES: u16 = 34;
    pub(crate) const WIPHY_FREQ: u16 = 38;
    pub(crate) const SCAN_FREQUENCIES: u16 = 44;
    pub(crate) const BSS: u16 = 47;
    pub(crate) const REASON_CODE: u16 = 54;
    pub(crate) const SURVEY_INFO: u16 = 84;
    pub(crate) const WIPHY_COVERAGE_CLASS: u16 = 89;
    pub(crate) const CQM: u16 = 94;
    pub(crate) const WIPHY_TX_POWER_LEVEL: u16 = 98;
    pub(crate) const SCAN_FLAGS: u16 = 158;
    pub(crate) const CHANNEL_WIDTH: u16 = 159;
    pub(crate) const RADAR_EVENT: u16 = 168;
    pub(crate) const SPLIT_WIPHY_DUMP: u16 = 174;
}

/// What is told of a station (`NL80211_STA_INFO_*`).
pub(super) mod station {
    pub(crate) const INACTIVE_TIME: u16 = 1;
    pub(crate) const RX_BYTES: u16 = 2;
    pub(crate) const TX_BYTES: u16 = 3;
    pub(crate) const SIGNAL: u16 = 7;
    pub(crate) const TX_BITRATE: u16 = 8;
    pub(crate) const TX_PACKETS: u16 = 10;
    pub(crate) const TX_RETRIES: u16 = 11;
    pub(crate) const TX_FAILED: u16 = 12;
    pub(crate) const RX_BITRATE: u16 = 14;
    pub(crate) const CONNECTED_TIME: u16 = 16;
    pub(crate) const FLAGS: u16 = 17;
    pub(crate) const RX_BYTES64: u16 = 23;
    pub(crate) const TX_BYTES64: u16 = 24;
    pub(crate) const CHAIN_SIGNAL: u16 = 25;
    pub(crate) const EXPECTED_THROUGHPUT: u16 = 27;
    /// The bit of `NL80211_STA_FLAG_AUTHORIZED`.
    pub(crate) const AUTHORIZED: u32 = 1 << 1;
}

/// What is told of a rate (`NL80211_RATE_INFO_*`).
pub(super) mod rate {
    pub(crate) const BITRATE: u16 = 1;
    pub(crate) const MCS: u16 = 2;
    pub(crate) const WIDTH_40: u16 = 3;
    pub(crate) const BITRATE32: u16 = 5;
    pub(crate) const VHT_MCS: u16 = 6;
    pub(crate) const VHT_NSS: u16 = 7;
    pub(crate) const WIDTH_80: u16 = 8;
    pub(crate) const WIDTH_80_80: u16 = 9;
    pub(crate) const WIDTH_160: u16 = 10;
    pub(crate) const WIDTH_10: u16 = 11;
    pub(crate) const WIDTH_5: u16 = 12;
    pub(crate) const HE_MCS: u16 = 13;
    pub(crate) const HE_NSS: u16 = 14;
    pub(crate) const WIDTH_320: u16 = 18;
    pub(crate) const EHT_MCS: u16 = 19;
    pub(crate) const EHT_NSS: u16 = 20;
}

/// What is told of a channel (`NL80211_SURVEY_INFO_*`).
pub(super) mod survey {
    pub(crate) const FREQUENCY: u16 = 1;
    pub(crate) const NOISE: u16 = 2;
    pub(crate) const TIME: u16 = 4;
    pub(crate) const TIME_BUSY: u16 = 5;
    pub(crate) const TIME_TX: u16 = 8;
}

/// What is told of an access point that was heard (`NL80211_BSS_*`).
pub(super) mod bss {
    pub(crate) const ADDRESS: u16 = 1;
    pub(crate) const FREQUENCY: u16 = 2;
    pub(crate) const ELEMENTS: u16 = 6;
    pub(crate) const SIGNAL_MBM: u16 = 7;
    pub(crate) const SEEN_MS_AGO: u16 = 10;
}

/// What the watch over the connection's quality tells (`NL80211_ATTR_CQM_*`).
pub(super) mod watch {
    pub(crate) const RSSI_THRESHOLD: u16 = 3;
    pub(crate) const PACKETS_LOST: u16 = 4;
    pub(crate) const BEACON_LOSS: u16 = 8;
    pub(crate) const RSSI_LEVEL: u16 = 9;
}

/// What a radio can do on a band and on a channel of it (`NL80211_BAND_ATTR_*`, `NL80211_FREQUENCY_ATTR_*`).
pub(super) mod band {
    pub(crate) const CHANNELS: u16 = 1;
    pub(crate) const FREQUENCY: u16 = 1;
    pub(crate) const RADAR: u16 = 5;
    pub(crate) const MAX_POWER: u16 = 6;
    /// 0 until the radio has listened there.
    pub(crate) const DFS_STATE: u16 = 7;
}

/// What a country allows in a range (`NL80211_ATTR_REG_RULE_FLAGS` and its kin, `NL80211_RRF_*`).
pub(super) mod country {
    pub(crate) const FLAGS: u16 = 1;
    pub(crate) const FROM_KHZ: u16 = 2;
    pub(crate) const TO_KHZ: u16 = 3;
    pub(crate) const MAX_EIRP_MBM: u16 = 6;
    pub(crate) const NO_OUTDOOR: u32 = 1 << 3;
    pub(crate) const DFS: u32 = 1 << 4;
}
