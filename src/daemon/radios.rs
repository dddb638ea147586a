//! The radios of the devices that the mesh speaks on: watched while there are some.

use super::Daemon;
use crate::babel::settings::LinkKind;
use crate::platform::radio::Radios;

impl Daemon {
    /// Watches the radio of each wireless device. A kernel without radios is asked again later: its module may come.
    pub(super) fn keep_radios(&mut self) {
        let all = self.config.babel.interfaces.iter().chain(&self.added.interfaces);
        let mut wireless =
            all.filter(|one| one.kind == LinkKind::Wireless).map(|one| one.name.as_str()).peekable();
        if wireless.peek().is_none() {
            self.radios = None;
        } else if let Some(radios) = &mut self.radios {
            radios.watch(wireless);
        } else {
            match Radios::open(wireless) {
                Ok(radios) => self.radios = Some(radios),
                Err(error) => log::debug!("no radio is watched: {error}"),
            }
        }
    }
}
