//! What programs add to the settings while the daemon runs: interfaces, and filters of the object `babeld`. It is
//! forgotten by a restart, and a reload keeps it: the file of the configuration is not touched.

use super::Daemon;
use crate::babel::auth::settings::{Auth, AuthMode};
use crate::babel::policy::Filter;
use crate::babel::settings::{InterfaceSettings, LinkKind};
use crate::base::limit;
use crate::base::time::Span;
use crate::node::input::Input;
use crate::node::settings::Settings;

/// All of it.
#[derive(Default)]
pub(super) struct Added {
    pub(super) interfaces: Vec<InterfaceSettings>,
    /// 0 for what comes in, 1 for what goes out.
    filters: Vec<(i64, Filter)>,
}

impl Added {
    /// Adds it, behind what the file says.
    pub(super) fn amend(&self, settings: &mut Settings) {
        let known = |name: &str| settings.babel.interfaces.iter().any(|one| one.name == name);
        let more: Vec<_> = self.interfaces.iter().filter(|one| !known(&one.name)).cloned().collect();
        settings.babel.interfaces.extend(more);
        for (direction, filter) in &self.filters {
            match direction {
                0 => settings.babel.policy.incoming.push(filter.clone()),
                _ => settings.babel.policy.outgoing.push(filter.clone()),
            }
        }
    }

    /// Whether there was room.
    pub(super) fn filter(&mut self, direction: i64, filter: Filter) -> bool {
        let has_room = self.filters.len() < limit::BABELD_ADDED;
        if has_room {
            self.filters.push((direction, filter));
        }
        has_room
    }
}

impl Daemon {
    /// Whether Babel shall speak on a device: the file says so, or a program.
    pub(super) fn speaks_on(&self, device: &str) -> bool {
        self.is_of_the_file(device) || self.added.interfaces.iter().any(|one| one.name == device)
    }

    fn is_of_the_file(&self, device: &str) -> bool {
        self.config.babel.interfaces.iter().any(|one| one.name == device)
    }

    /// Speaks on one more device, with the usual values; whether there was room. One that is there stays as it is.
    pub(super) async fn add_interface(&mut self, device: &str, kind: LinkKind, hello_interval: Span) -> bool {
        if !self.speaks_on(device) {
            if self.added.interfaces.len() >= limit::BABELD_ADDED {
                return false;
            }
            self.added.interfaces.push(InterfaceSettings {
                name: device.to_owned(),
                kind,
                hello_interval,
                update_interval: hello_interval.scaled(4, 1),
                rxcost: kind.usual_rxcost(),
                split_horizon: false,
                // It is as strict about packets as those that the file names.
                auth: match self.config.babel.interfaces.first() {
                    Some(one) => one.auth.clone(),
                    None => Auth { mode: AuthMode::Community, keys: Vec::new() },
                },
                radio: None,
                v4_via_v6: true,
            });
            self.take_settings().await;
        }
        true
    }

    /// Speaks no more on a device that a program added. The error is for a person.
    pub(super) async fn remove_interface(&mut self, device: &str) -> Result<(), String> {
        if self.is_of_the_file(device) {
            return Err(format!("{device} stands in the configuration: take it out there, and reload."));
        }
        let before = self.added.interfaces.len();
        self.added.interfaces.retain(|one| one.name != device);
        if self.added.interfaces.len() == before {
            return Err(format!("Nobody added {device}."));
        }
        self.take_settings().await;
        Ok(())
    }

    /// Hands over what the file and programs say now.
    pub(super) async fn take_settings(&mut self) {
        let settings = self.settings();
        self.input(Input::Settings(Box::new(settings))).await;
        for status in self.interfaces.values().cloned().collect::<Vec<_>>() {
            self.mesh_device(&status);
        }
    }
}
