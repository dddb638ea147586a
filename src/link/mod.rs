//! Radio links: planned, watched, and what they cost.
//!
//! ```text
//!  platform/radio ─▶ sample ─▶ monitor ─▶ quality ─▶ settings::cost ─▶ Word ─▶ babel
//!                                 ├─────▶ life (dead, back) ───────────┘
//!                                 └─────▶ history (an hour, two days, sixty days) ─▶ alert
//! ```
//!
//! [`budget`] plans a link before there is one, [`plan`] holds what was planned against what is heard, [`ladder`] is what a
//! stuck radio is tried with. Nothing here names Babel: `node/radio.rs` carries the words.

#![forbid(unsafe_code)]

pub mod alert;
pub mod align;
pub mod bridge;
pub mod budget;
pub mod change;
pub mod history;
pub mod ladder;
mod life;
pub mod monitor;
pub mod plan;
pub mod quality;
pub mod radar;
pub mod sample;
pub mod settings;

use crate::base::limit;
use crate::base::time::Instant;

/// The device of the radio that one of Babel's is on: hostapd names that of a four-address station after it (`wlan0.sta1`).
pub fn radio_of(device: &str) -> &str {
    device.split_once(".sta").map_or(device, |(radio, _)| radio)
}

/// Whether one more of [`limit::RADIO_LINKS`] may be watched: if need be, the one that is dead for longest is forgotten,
/// of equals the one that was met last.
fn make_room<T>(links: &mut Vec<T>, dead_since: impl Fn(&T) -> Option<Instant>) -> bool {
    if links.len() < limit::RADIO_LINKS {
        return true;
    }
    let dead = links.iter().enumerate().rev().filter_map(|(place, link)| Some((place, dead_since(link)?)));
    let oldest = dead.min_by_key(|(_, since)| *since).map(|(place, _)| place);
    oldest.into_iter().for_each(|place| drop(links.remove(place)));
    oldest.is_some()
}
