//! A link's settings on a machine without netifd: hostapd and wpa_supplicant by their control sockets, and what only the
//! kernel knows (power, distance) by nl80211. A build for MIPS is without it (the feature `control`): there netifd is
//! always there.
//!
//! What is tried is in the memory of the program alone. Its configuration file is rewritten when the change is over and
//! the new settings are what is in the radio. So whatever cuts a change short, a start of the program undoes it, and
//! nothing need be done before it.
//!
//! All that is here blocks, for a bounded time: it is for a thread.

mod file;
mod held;
mod hostapd;
mod settings;
mod socket;
mod supplicant;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use self::file::{File, Program};
pub use self::held::Held;
use self::settings::{PROGRAM, Present, RADIO};
use self::socket::Control;
use super::radio::{self, Coverage};
use super::wireless::Entry;
use crate::link::change::{Setting, Wanted};
use crate::link::radio_of;

/// A device, and where its program is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The device of Babel, like `wlan0` or `wlan0.sta1`.
    pub device: String,
    /// The configuration file of hostapd or wpa_supplicant.
    pub file: PathBuf,
    /// A folder that only we write in, for our own end of the socket.
    pub folder: PathBuf,
}

impl Place {
    /// What these settings come to, and what was there; nothing is changed. The program must answer and its file must be
    /// one that can be rewritten. `key` is the derived one; `distance_m` is what the radio is held at. The error is for
    /// whoever reads the log.
    pub fn read(
        &self,
        wanted: &Wanted,
        key: Option<&str>,
        distance_m: Option<u32>,
    ) -> Result<Vec<Entry>, String> {
        let file = File::read(&self.file)?;
        let mut present = Present { power_dbm: None, distance_m };
        if wanted.settings().any(|(setting, _)| setting == Setting::Power) {
            let told = radio::power_dbm(self.radio());
            present.power_dbm = told.map_err(|error| format!("the power of {}: {error}", self.device))?;
        }
        let entries = settings::entries(&file, self.radio(), wanted, key, &present)
            .map_err(|why| format!("{}: {why}", self.file.display()))?;
        let control = Control::open(&self.folder, &self.socket(&file)?, false)?;
        match file.program {
            Program::Hostapd => hostapd::answers(&control)?,
            Program::Supplicant => drop(supplicant::network(&control)?),
        }
        file::try_write(&self.file)
            .map_err(|error| format!("{} cannot be rewritten: {error}", self.file.display()))?;
        Ok(entries)
    }

    /// Gives the programs the new values, or the old ones again. A program that begins just now is waited for.
    pub fn give(&self, entries: &[Entry], new: bool) -> Result<(), String> {
        let file = File::read(&self.file)?;
        let of = |section: &'static str| entries.iter().filter(move |entry| entry.section == section);
        // Power and distance alone interrupt nobody.
        if of(PROGRAM).next().is_some() || entries.is_empty() {
            let control = Control::open(&self.folder, &self.socket(&file)?, true)?;
            let values: Vec<_> = of(PROGRAM).map(|entry| (entry.option, entry.value(new))).collect();
            match file.program {
                Program::Hostapd if values.is_empty() => {}
                Program::Hostapd => hostapd::give(&control, &values)?,
                // Its access point may be on another channel now.
                Program::Supplicant => supplicant::give(&control, &values)?,
            }
        }
        of(RADIO).try_for_each(|entry| give_radio(self.radio(), entry, new))
    }

    /// The new values stand in the program's file from now on; every other line stays, and so do mode and owner.
    pub fn write(&self, entries: &[Entry]) -> Result<(), String> {
        let text = File::read(&self.file)?.with(entries);
        file::write(&self.file, &text).map_err(|error| format!("{}: {error}", self.file.display()))
    }

    /// The device of its radio: of a four-address station the access point's own.
    pub fn radio(&self) -> &str {
        radio_of(&self.device)
    }

    fn socket(&self, file: &File) -> Result<PathBuf, String> {
        let folder = file.folder().map_err(|why| format!("{}: {why}", self.file.display()))?;
        Ok(Path::new(folder).join(self.radio()))
    }
}

/// Power and distance; what the radio does not keep to is no setting.
fn give_radio(device: &str, entry: &Entry, new: bool) -> Result<(), String> {
    let value = entry.value(new).and_then(|value| value.parse().ok());
    if entry.option == "txpower" {
        let dbm: Option<u32> = value;
        let told = radio::set_power(device, dbm).and_then(|()| radio::power_dbm(device));
        let kept = told.map_err(|error| format!("the power of {device} cannot be set: {error}"))?;
        return match (kept, dbm) {
            (Some(kept), Some(dbm)) if new && kept < dbm => Err(format!(
                "{device} sends with {kept} dBm and not with {dbm}: its country or driver allows no more"
            )),
            _ => Ok(()),
        };
    }
    match radio::set_coverage_class(device, radio::coverage_class(value.unwrap_or(0))) {
        Ok(Coverage::Set) => Ok(()),
        // It never had another one.
        Ok(_) if !new => Ok(()),
        Ok(_) => Err(format!("the radio of {device} cannot be told how long to wait for an answer")),
        Err(error) => Err(format!("the distance of {device} cannot be set: {error}")),
    }
}
