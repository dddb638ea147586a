//! What a change of a link does to this machine: the old settings kept on flash, the new ones given to netifd.
//!
//! Inside its jail the daemon writes no UCI; rpcd does, asked over ubus, and netifd reads it again (`network reload`). The
//! order is the promise: before anything changes, record and old values are on flash (`link-change` in the state folder), and
//! they stay there until the change is over. A boot that finds them undoes what was not kept before netifd starts
//! (`tequio link undo`, in `tequio-undo.init`); a daemon that finds them goes on from there.
//!
//! A change is refused while rpcd applies somebody else's with a way back: its way back would take ours along.

use std::collections::VecDeque;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::Daemon;
use crate::link::change::{Action, Record, Setting, Which};
use crate::node::input::Input;
use crate::platform::ubus::table::{arguments, json};
use crate::platform::ubus::{InvokeId, UbusError, UbusStatus};
use crate::platform::vault::keys::replace_secret;
use crate::platform::wireless::{CONFIG, Kept, Sections, entries};

/// The file in the state folder.
pub const FILE: &str = "link-change";

/// The change whose old settings are on flash, and what is being asked for it.
#[derive(Debug, Default)]
pub(super) struct LinkChanges {
    kept: Option<Kept>,
    doing: Option<Doing>,
    asked: Option<InvokeId>,
    left: VecDeque<Question>,
    /// The same for devices that no netifd gives their settings.
    #[cfg(feature = "control")]
    pub(super) control: super::control_changes::Controls,
}

#[cfg(feature = "control")]
impl LinkChanges {
    /// The change whose old settings are on flash.
    pub(super) const fn kept(&self) -> Option<&Kept> {
        self.kept.as_ref()
    }

    /// It is over for this run, and the next one finds it.
    pub(super) fn leave_on_flash(&mut self) {
        self.kept = None;
    }
}

/// What a question to the bus is about.
#[derive(Debug)]
enum Doing {
    /// Whether rpcd has a way back open.
    Clear(Record),
    /// Which sections netifd has for the device.
    Sections(Record),
    /// What stands in them.
    Values(Record, Sections),
    /// The values go to rpcd, and netifd reads them.
    Applying,
}

/// An object, its method, and the arguments.
type Question = (&'static str, &'static str, Map<String, Value>);

impl Daemon {
    /// Does what a change wants; what comes back is its answer, if there is one at once.
    pub(super) fn change_link(&mut self, action: Action) -> Option<Input> {
        #[cfg(feature = "control")]
        if self.change_by_control(&action) {
            return None;
        }
        match action {
            Action::Arm(record) => {
                let nobody = arguments(json!({"ubus_rpc_session": NOBODY}));
                self.ask_for_change(Doing::Clear(record), ("uci", "confirm", nobody));
                None
            }
            Action::Save(record) => {
                let kept = self.link_changes.kept.take().map(|kept| Kept { record, ..kept });
                Some(Input::ChangeDone(kept.is_some_and(|kept| self.keep_change(kept))))
            }
            Action::Apply(_, which) => {
                let Some(kept) = &self.link_changes.kept else { return Some(Input::ChangeDone(false)) };
                let calls = kept.calls(which == Which::New).into_iter();
                self.link_changes.left = calls.map(|(method, words)| ("uci", method, words)).collect();
                let commit = arguments(json!({"config": CONFIG}));
                self.link_changes.left.push_back(("uci", "commit", commit));
                self.link_changes.left.push_back(("network", "reload", Map::new()));
                self.apply_next()
            }
            Action::Forget(id) => {
                if self.link_changes.kept.as_ref().is_some_and(|kept| kept.record.id == id) {
                    self.link_changes.kept = None;
                    let _ = fs::remove_file(self.change_file());
                }
                None
            }
        }
    }

    /// Takes an answer of the bus, if it is one to us.
    pub(super) async fn change_answered(
        &mut self,
        invoke: InvokeId,
        result: &Result<Value, UbusError>,
    ) -> bool {
        if self.link_changes.asked != Some(invoke) {
            return false;
        }
        self.link_changes.asked = None;
        let input = match (self.link_changes.doing.take(), result) {
            // Whoever confirms without having begun is told that there is nothing to confirm.
            (Some(Doing::Clear(record)), Err(UbusError::Status(UbusStatus::NoData))) => {
                self.ask_for_change(Doing::Sections(record), ("network.wireless", "status", Map::new()));
                None
            }
            (Some(Doing::Sections(record)), Ok(status)) => match Sections::of(status, &record.device) {
                Some(sections) => {
                    let all = arguments(json!({"config": CONFIG}));
                    self.ask_for_change(Doing::Values(record, sections), ("uci", "get", all));
                    None
                }
                None => self.not_armed(&format!("netifd has no wireless network on {}", record.device)),
            },
            (Some(Doing::Values(record, sections)), Ok(answer)) => {
                Some(self.arm(record, &sections, &answer["values"]))
            }
            (Some(Doing::Applying), Ok(_)) => self.apply_next(),
            (Some(Doing::Applying), Err(error)) => {
                log::warn!("the settings of a link were not changed: {error}");
                self.link_changes.left.clear();
                // What rpcd took and did not write is taken back with the next change of anybody.
                self.ubus.invoke("uci", "revert", arguments(json!({"config": CONFIG})), PATIENCE);
                Some(Input::ChangeDone(false))
            }
            (_, Err(UbusError::Status(UbusStatus::PermissionDenied))) => {
                self.not_armed("somebody is changing this router's settings just now")
            }
            (_, Err(error)) => self.not_armed(&error.to_string()),
            (_, Ok(_)) => self.not_armed("rpcd says what makes no sense"),
        };
        if let Some(input) = input {
            self.input(input).await;
        }
        true
    }

    /// A change that the last run left on flash. It is told before anything of the machine is looked at.
    pub(super) async fn find_change(&mut self) {
        let Ok(text) = fs::read_to_string(self.change_file()) else { return };
        match Kept::parse(&text) {
            Some(kept) => {
                let record = kept.record.encode();
                self.link_changes.kept = Some(kept);
                self.input(Input::ChangeFound(record)).await;
            }
            None => {
                let aside = self.change_file().with_extension("damaged");
                log::warn!("what a change of a link left on flash is damaged: see {}", aside.display());
                let _ = fs::rename(self.change_file(), aside);
            }
        }
    }

    fn arm(&mut self, record: Record, sections: &Sections, values: &Value) -> Input {
        let key = self.link_key(&record);
        match entries(&record.wanted, sections, values, key.as_ref().map(|key| key.as_str())) {
            Ok(entries) => Input::ChangeDone(self.keep_change(Kept { record, entries })),
            Err(why) => {
                log::warn!("a link cannot be changed: {why}");
                Input::ChangeDone(false)
            }
        }
    }

    /// The key that both ends derive, if there is to be another one.
    pub(super) fn link_key(&self, record: &Record) -> Option<Zeroizing<String>> {
        let number =
            record.wanted.numbers.iter().find(|(setting, _)| *setting == Setting::Key).map(|row| row.1)?;
        let peer = self.node.ledger().members().find(|state| state.member.key == record.peer)?;
        self.vault.link_key(&peer.member.dh, number)
    }

    /// Puts it on flash; whether it is there. A handful of times in the life of a change, and a few hundred octets: the loop
    /// waits for it, as nothing may happen before.
    pub(super) fn keep_change(&mut self, kept: Kept) -> bool {
        let done = replace_secret(&self.change_file(), kept.text().as_bytes());
        if let Err(error) = &done {
            log::warn!("a change of a link cannot be kept: {error}");
        }
        self.link_changes.kept = Some(kept);
        done.is_ok()
    }

    fn apply_next(&mut self) -> Option<Input> {
        let Some(question) = self.link_changes.left.pop_front() else { return Some(Input::ChangeDone(true)) };
        self.ask_for_change(Doing::Applying, question);
        None
    }

    fn ask_for_change(&mut self, doing: Doing, (object, method, words): Question) {
        self.link_changes.doing = Some(doing);
        self.link_changes.asked = Some(self.ubus.invoke(object, method, words, PATIENCE));
    }

    fn not_armed(&self, why: &str) -> Option<Input> {
        log::warn!("a link cannot be changed: {why}");
        Some(Input::ChangeDone(false))
    }

    fn change_file(&self) -> PathBuf {
        self.config.node.state_dir.join(FILE)
    }
}

/// A session that rpcd never gives out.
const NOBODY: &str = "00000000000000000000000000000000";
const PATIENCE: Duration = Duration::from_secs(10);
