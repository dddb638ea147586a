//! Ways outside that are paid by the octet, or free at some hours only: they are announced while something of the
//! month is left, and at those hours.
//!
//! The daemon tells what the kernel has counted on a device, in both directions. What was used is kept on flash
//! each hundredth of the month's share, with the kernel's counter: a restart loses nothing, a power cut one or
//! two hundredths. Until somebody has set the clock, the month is the last one known, and no hour is a free one.

use serde::{Deserialize, Serialize};

use super::Node;
use super::call::Alert;
use super::output::{NoteLevel, Output};
use super::settings::Uplink;
use crate::base::time::{Instant, TimeQuality, WallTime};

/// What an uplink has carried.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// The device.
    pub device: String,
    /// The month, counted from year 0, in UTC; 0 is not known.
    pub month: u32,
    /// Octets of that month.
    pub used_bytes: u64,
    /// The kernel's counter, up to which they are counted. A boot begins with 0.
    pub counter_bytes: u64,
}

/// All metered uplinks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Meters {
    volumes: Vec<Volume>,
    /// Octets since they were kept last.
    unsaved_bytes: u64,
    /// Devices that are not announced, and why.
    shut: Vec<(String, Shut)>,
}

/// Why an uplink is not announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Shut {
    UsedUp,
    OtherHours,
    NoClock,
}

impl Meters {
    /// What was kept, before anything is counted.
    pub(super) fn handle_found(&mut self, volumes: Vec<Volume>) {
        self.volumes = volumes;
    }

    /// The kernel's counter of a device; whether what was used is to be kept now.
    fn handle_carried(&mut self, wall: WallTime, device: &str, share: u64, counter_bytes: u64) -> bool {
        let place = self.volumes.iter().position(|volume| volume.device == device).unwrap_or_else(|| {
            // What went before somebody wanted it counted does not count.
            self.volumes.push(Volume { device: device.to_owned(), counter_bytes, ..Volume::default() });
            self.volumes.len() - 1
        });
        let volume = &mut self.volumes[place];
        let mut is_new = false;
        if wall.quality != TimeQuality::Stale {
            let month = month_of(wall.unix_s);
            if volume.month != 0 && volume.month != month {
                volume.used_bytes = 0;
            }
            is_new = volume.month != month;
            volume.month = month;
        }
        // A counter that fell is that of a device which was made anew.
        let more = counter_bytes.checked_sub(volume.counter_bytes).unwrap_or(counter_bytes);
        volume.used_bytes = volume.used_bytes.saturating_add(more);
        volume.counter_bytes = counter_bytes;
        self.unsaved_bytes = self.unsaved_bytes.saturating_add(more);
        is_new || self.unsaved_bytes >= share / 100
    }

    /// Whether an uplink must not be announced.
    pub(super) fn is_shut(&self, device: &str) -> bool {
        self.shut.iter().any(|(shut, _)| shut == device)
    }

    fn why_shut(&self, wall: WallTime, uplink: &Uplink) -> Option<Shut> {
        let used = || self.volumes.iter().find(|volume| volume.device == uplink.device);
        if uplink.month_bytes.is_some_and(|share| used().is_some_and(|volume| volume.used_bytes >= share)) {
            return Some(Shut::UsedUp);
        }
        if uplink.hours.is_empty() || uplink.hours.iter().any(|hours| hours.have(wall.unix_s)) {
            let is_known = uplink.hours.is_empty() || wall.quality != TimeQuality::Stale;
            return (!is_known).then_some(Shut::NoClock);
        }
        Some(if wall.quality == TimeQuality::Stale { Shut::NoClock } else { Shut::OtherHours })
    }
}

impl Shut {
    /// A word for programs.
    const fn code(self) -> &'static str {
        match self {
            Self::UsedUp => "used-up",
            Self::OtherHours => "other-hours",
            Self::NoClock => "no-clock",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::UsedUp => "what it may carry this month is used up",
            Self::OtherHours => "these are not its hours",
            Self::NoClock => "it has its hours, and nobody has set the clock yet",
        }
    }
}

impl Node {
    /// Whether the calendar and the kernel's counters decide anything.
    pub(super) fn has_meters(&self) -> bool {
        self.settings.uplinks.iter().any(Uplink::is_metered)
    }

    /// What the kernel has counted on devices since they were made.
    pub(super) fn carried(&mut self, now: Instant, counters: &[(String, u64)]) {
        let wall = self.wall(now);
        let uplinks = &self.settings.uplinks;
        self.meters.volumes.retain(|one| uplinks.iter().any(|uplink| uplink.device == one.device));
        let mut is_due = false;
        for uplink in uplinks {
            let counter = counters.iter().find(|(device, _)| *device == uplink.device);
            if let (Some(share), Some((device, counter))) = (uplink.month_bytes, counter) {
                is_due |= self.meters.handle_carried(wall, device, share, *counter);
            }
        }
        if is_due {
            self.meters.unsaved_bytes = 0;
            self.outputs.push_back(Output::SaveVolumes(self.meters.volumes.clone()));
        }
        self.announce(now);
    }

    /// Looks which uplinks must not be announced at the moment.
    pub(super) fn look_at_meters(&mut self, now: Instant) {
        if !self.has_meters() && self.meters.shut.is_empty() {
            return;
        }
        let wall = self.wall(now);
        let metered = self.settings.uplinks.iter();
        let shut: Vec<(String, Shut)> = metered
            .filter_map(|uplink| Some((uplink.device.clone(), self.meters.why_shut(wall, uplink)?)))
            .collect();
        let before = std::mem::replace(&mut self.meters.shut, shut.clone());
        for (device, why) in shut.iter().filter(|one| !before.contains(one)) {
            self.note(NoteLevel::Info, format!("{device} is not announced: {}", why.text()));
        }
        for (device, _) in before.iter().filter(|(device, _)| shut.iter().all(|(other, _)| other != device)) {
            self.note(NoteLevel::Info, format!("{device} may be announced again"));
        }
    }

    /// What somebody should know of it.
    pub(super) fn used_up(&self) -> impl Iterator<Item = Alert> {
        let used_up = self.meters.shut.iter().filter(|(_, why)| *why != Shut::OtherHours);
        used_up.map(|(device, why)| {
            let text = format!("The way outside through {device} is not announced: {}.", why.text());
            Alert::new("uplink-shut", text, &[("device", device), ("why", why.code())])
        })
    }
}

/// The month of a moment, counted from year 0, in UTC. By 400 years of 146,097 days, from a first of March.
fn month_of(unix_s: u64) -> u32 {
    let days = unix_s / 86_400 + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    u32::try_from((era * 400 + year) * 12 + month_from_march + 2).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
