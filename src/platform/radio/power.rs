//! The power that a device sends with: netifd's to set where there is one, ours elsewhere (`platform/control`).

use super::ask::{Asker, named};
use super::number::{command, of};
use crate::platform::netlink::message::{ACK, Batch};
use crate::platform::netlink::socket::NetlinkError;

/// The power of a device, in whole dBm; nothing if its driver does not say.
pub fn power_dbm(device: &str) -> Result<Option<u32>, NetlinkError> {
    Ok(named(&mut Asker::open()?, device)?.power_mbm.map(|mbm| mbm / 100))
}

/// Sets it; `None` leaves it to the driver and the country's rules.
pub fn set_power(device: &str, power_dbm: Option<u32>) -> Result<(), NetlinkError> {
    let mut asker = Asker::open()?;
    let device = named(&mut asker, device)?;
    let setting = if power_dbm.is_some() { POWER_FIXED } else { POWER_AUTOMATIC };
    let body = |batch: &mut Batch| {
        batch.attribute(of::IFINDEX, &device.index.to_ne_bytes());
        batch.attribute(WIPHY_TX_POWER_SETTING, &setting.to_ne_bytes());
        if let Some(dbm) = power_dbm {
            batch.attribute(of::WIPHY_TX_POWER_LEVEL, &dbm.saturating_mul(100).to_ne_bytes());
        }
    };
    asker.ask(ACK, command::SET_WIPHY, &body, &mut |_| {})
}

const WIPHY_TX_POWER_SETTING: u16 = 97;
/// `enum nl80211_tx_power_setting`.
const POWER_AUTOMATIC: u32 = 0;
const POWER_FIXED: u32 = 2;
