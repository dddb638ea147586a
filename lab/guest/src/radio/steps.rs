//! Changes of both ends that an installer makes step by step, without a visit: the power up and down, and new keys.

use super::change::{KEPT, anew, differ, whole};
use super::hills::{Hills, IW};
use crate::console::{Outcome, figure};
use crate::node::run;

/// The power goes down and up again at both ends; the kernel's radios have it.
pub(super) fn power(hills: &mut Hills) -> Outcome<()> {
    for dbm in POWERS_DBM {
        anew(hills)?;
        let before = hills.ap.options();
        let now = whole(hills, &format!("power_{dbm}"), &["--power", dbm], KEPT)?;
        differ(&before, &now, &["radio0.txpower"])?;
        for (space, device) in [(&hills.valle.space, "wlan0"), (&hills.cerro.space, "wlan1")] {
            let seen = space.inside(|| run(IW, &["dev", device, "info"]))?;
            if !seen.contains(&format!("txpower {dbm}.00 dBm")) {
                return Err(format!("{device} sends with {dbm} dBm: {seen}"));
            }
        }
    }
    figure("power.steps", POWERS_DBM.len());
    Ok(())
}

/// The key is another one, again and again; nothing else changes, and no key comes twice.
pub(super) fn keys(hills: &mut Hills) -> Outcome<()> {
    let mut seen = vec![hills.ap.options()["puente.key"].clone()];
    for number in KEYS {
        anew(hills)?;
        let before = hills.ap.options();
        let now = whole(hills, &format!("key_{number}"), &["--key", &number.to_string()], KEPT)?;
        differ(&before, &now, &["puente.key"])?;
        let key = now["puente.key"].clone();
        if seen.contains(&key) {
            return Err(format!("key {number} is one of before"));
        }
        seen.push(key);
    }
    figure("keys.rotations", seen.len() - 1);
    Ok(())
}

const POWERS_DBM: [&str; 3] = ["10", "17", "20"];
const KEYS: std::ops::RangeInclusive<u32> = 51..=55;
