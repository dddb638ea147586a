//! What a change of a link does on a machine without netifd: `option control_file` names the file of hostapd or
//! wpa_supplicant, and `platform/control` speaks with them, on a thread of its own for each order.
//!
//! What is on flash meanwhile is the same as with netifd (`link_changes`), but a boot has nothing to undo: what is tried stands
//! in no file. That the new settings are kept is written when the change is over, and only then is the record forgotten: an end
//! that cannot write them finds it at its next start, and gives them again.

use std::path::PathBuf;

use tokio::sync::oneshot;

use super::{Daemon, Event};
use crate::link::change::{Action, ChangeId, Phase, Record, Which};
use crate::node::input::Input;
use crate::platform::control::{Held, Place};
use crate::platform::radio;
use crate::platform::wireless::{Entry, Kept};

/// What is asked of the programs.
#[derive(Debug, Default)]
pub(super) struct Controls {
    /// The order that a thread carries out.
    under_way: Option<(Order, oneshot::Receiver<Done>)>,
    /// The one after it; of two, the later.
    then: Option<Order>,
    /// What the radio was given last, in this change.
    given: Option<Which>,
    /// Power and distance of radios, once they were read.
    held: Option<Held>,
}

/// What arming found, or nothing; or why it was not done.
pub(super) type Done = Result<Vec<Entry>, String>;

#[derive(Debug)]
enum Order {
    Arm(Record),
    Apply(Vec<Entry>, Which, Place),
}

impl Controls {
    /// When an order is carried out.
    pub(super) async fn next(&mut self) -> Event {
        match &mut self.under_way {
            Some((_, done)) => {
                Event::Controlled(done.await.unwrap_or_else(|_| Err("its thread ended".to_owned())))
            }
            None => std::future::pending().await,
        }
    }
}

impl Daemon {
    /// Begins what a change wants, if its device is given its settings like this; `false`: that is left to do as with netifd.
    pub(super) fn change_by_control(&mut self, action: &Action) -> bool {
        if let Action::Forget(id) = action {
            // It was given up before it was armed.
            let control = &mut self.link_changes.control;
            control.under_way.take_if(|(order, _)| matches!(order, Order::Arm(record) if record.id == *id));
        }
        let kept = self.link_changes.kept().map(|kept| kept.record.device.clone());
        let device = match action {
            Action::Arm(record) | Action::Apply(record, _) => Some(record.device.clone()),
            Action::Save(_) | Action::Forget(_) => kept,
        };
        let Some(place) = device.and_then(|device| self.place_of(&device)) else { return false };
        match action {
            Action::Arm(record) => {
                self.link_changes.control.given = None;
                self.order_of_control(Order::Arm(record.clone()));
                true
            }
            Action::Apply(_, which) => {
                let Some(kept) = self.link_changes.kept() else { return false };
                let entries = kept.entries.clone();
                self.order_of_control(Order::Apply(entries, *which, place));
                true
            }
            Action::Save(_) => false,
            Action::Forget(id) => {
                self.finish_by_control(*id, &place);
                false
            }
        }
    }

    /// A thread has carried out an order.
    pub(super) async fn controlled(&mut self, done: Done) {
        let Some((order, _)) = self.link_changes.control.under_way.take() else { return };
        if let Some(then) = self.link_changes.control.then.take() {
            // Nobody waits for the answer to the one before any more.
            return self.order_of_control(then);
        }
        let input = match (order, done) {
            (Order::Arm(record), Ok(entries)) => {
                Input::ChangeDone(self.keep_change(Kept { record, entries }))
            }
            (Order::Arm(_), Err(why)) => {
                log::warn!("a link cannot be changed: {why}");
                Input::ChangeDone(false)
            }
            (Order::Apply(_, which, _), Ok(_)) => {
                self.link_changes.control.given = Some(which);
                Input::ChangeDone(true)
            }
            (Order::Apply(_, _, place), Err(why)) => {
                self.link_changes.control.given = None;
                log::warn!("the settings of the link on {} were not changed: {why}", place.device);
                Input::ChangeDone(false)
            }
        };
        self.input(input).await;
    }

    /// Whether a radio gets other settings just now: it is left alone meanwhile.
    pub(super) fn is_changed_by_control(&self) -> bool {
        self.link_changes.kept().is_some_and(|kept| self.place_of(&kept.record.device).is_some())
    }

    /// The distances that radios are held at: what a change gave them, or the configuration's.
    pub(super) fn held_distances(&mut self) -> Vec<(String, u32)> {
        let mut all = self.config.distances.clone();
        let held = self.held().clone();
        for (device, _) in &self.config.controls {
            let configured = self.config.distances.iter().find(|row| row.0 == *device).map(|row| row.1);
            let Some(metres) = held.value(device, "distance", configured) else { continue };
            all.retain(|row| row.0 != *device);
            all.push((device.clone(), metres));
        }
        all
    }

    /// Gives radios the power that a change gave them, if they have another one: a driver that was loaded anew forgets it.
    pub(super) fn hold_powers(&mut self) {
        let held = self.held().clone();
        for device in held.devices("txpower") {
            let (Some(place), Some(dbm)) = (self.place_of(device), held.value(device, "txpower", None))
            else {
                continue;
            };
            let radio = place.radio();
            // One that is not there, or sends with less because its country wants it, is waited for.
            if radio::power_dbm(radio).is_ok_and(|found| found.is_some_and(|found| found != dbm)) {
                match radio::set_power(radio, Some(dbm)) {
                    Ok(()) => log::debug!("the radio of {device} is told {dbm} dBm again"),
                    Err(error) => log::warn!("the power of {device} cannot be set: {error}"),
                }
            }
        }
    }

    /// The change is over. Where the new settings cannot be written, its record stays on flash: the next start gives them again.
    fn finish_by_control(&mut self, id: ChangeId, place: &Place) {
        let control = &mut self.link_changes.control;
        (control.under_way, control.then) = (None, None);
        let given = control.given.take();
        let Some(kept) = self.link_changes.kept().filter(|kept| kept.record.id == id) else { return };
        if kept.record.phase != Phase::Kept || given != Some(Which::New) {
            return;
        }
        let entries = kept.entries.clone();
        if let Err(why) = place.write(&entries).and_then(|()| self.hold(&place.device, &entries)) {
            log::error!(
                "the link on {} has its new settings until its program starts again: {why}",
                place.device
            );
            self.link_changes.leave_on_flash();
        }
    }

    fn hold(&mut self, device: &str, entries: &[Entry]) -> Result<(), String> {
        let configured = self.config.distances.iter().find(|row| row.0 == *device).map(|row| row.1);
        let folder = self.config.node.state_dir.clone();
        let held = self.held();
        let mut is_new = false;
        for entry in entries.iter().filter(|entry| ["txpower", "distance"].contains(&entry.option)) {
            let Some(value) = entry.new.as_ref().and_then(|value| value.parse().ok()) else { continue };
            let instead = configured.filter(|_| entry.option == "distance");
            held.keep(device, entry.option, value, instead);
            is_new = true;
        }
        if is_new { held.save(&folder) } else { Ok(()) }
    }

    fn held(&mut self) -> &mut Held {
        let folder = &self.config.node.state_dir;
        self.link_changes.control.held.get_or_insert_with(|| Held::load(folder))
    }

    fn place_of(&self, device: &str) -> Option<Place> {
        let file: &PathBuf = self.config.controls.iter().find(|row| row.0 == device).map(|row| &row.1)?;
        Some(Place {
            device: device.to_owned(),
            file: file.clone(),
            folder: self.config.node.run_dir.clone(),
        })
    }

    fn order_of_control(&mut self, order: Order) {
        if self.link_changes.control.under_way.is_some() {
            self.link_changes.control.then = Some(order);
            return;
        }
        let (told, done) = oneshot::channel();
        let work: Box<dyn FnOnce() -> Done + Send> = match &order {
            Order::Arm(record) => {
                let Some(place) = self.place_of(&record.device) else { return };
                let (wanted, key) = (record.wanted.clone(), self.link_key(record));
                let mut distances = self.held_distances().into_iter();
                let distance_m = distances.find(|row| row.0 == record.device).map(|row| row.1);
                Box::new(move || place.read(&wanted, key.as_ref().map(|key| key.as_str()), distance_m))
            }
            Order::Apply(entries, which, place) => {
                let (place, entries, which) = (place.clone(), entries.clone(), *which);
                Box::new(move || place.give(&entries, which == Which::New).map(|()| Vec::new()))
            }
        };
        let thread = std::thread::Builder::new().name("control".into());
        // Whoever asked may be over meanwhile.
        if let Err(error) = thread.spawn(move || drop(told.send(work()))) {
            log::error!("no thread can be started: {error}");
        }
        self.link_changes.control.under_way = Some((order, done));
    }
}
