//! What a stuck radio is tried with (`link/ladder`): when, and why not just now.
//!
//! A radio is heard as long as Babel hears a neighbour over it. What the radio counts does not tell enough: a station that has
//! left its access point and hangs still acknowledges what is sent to it.

use super::Node;
use super::call::Alert;
use super::output::{NoteLevel, Output};
use crate::babel::settings::LinkKind;
use crate::base::time::Instant;
use crate::link::ladder::{Rung, State};
use crate::link::monitor::is_of;

impl Node {
    pub(super) fn ladder_wake(&self) -> Option<Instant> {
        self.monitor.ladders.next_wake(&self.settings.links)
    }

    /// Time has passed.
    pub(super) fn climb_ladders(&mut self, now: Instant) {
        if self.ladder_wake().is_none_or(|at| at > now) {
            return;
        }
        let mut ladders = std::mem::take(&mut self.monitor.ladders);
        let tried = ladders.handle_wake(now, &self.settings.links, &|radio| self.radio_state(now, radio));
        self.monitor.ladders = ladders;
        for (radio, rung) in tried {
            let what = match rung {
                Rung::Scan => "it looks for others",
                Rung::Associate => "it begins to associate anew",
                Rung::Restart => "it goes down and comes up",
            };
            self.note(NoteLevel::Warning, format!("nothing is heard on {radio}: {what}"));
            let links = self.monitor.links().iter();
            let stations = links.filter(|link| link.interface == radio).map(|link| link.mac).collect();
            self.outputs.push_back(Output::Recover { radio, rung, stations });
        }
    }

    /// Whether a radio hears somebody, or is silent for a reason.
    fn radio_state(&self, now: Instant, radio: &str) -> State {
        let heard = self.babel.neighbour_costs().filter(|(_, (rxcost, ..))| *rxcost < u16::MAX);
        let mut ways = heard.map(|((index, _), _)| self.device(index));
        let mut radars = self.monitor.radars().all().iter();
        let is_wireless = |device: &str| self.kind_of(device) == Some(LinkKind::Wireless);
        let mut own = self.settings.links.iter().filter(|one| is_of(&one.device, radio));
        if ways.any(|device| is_of(&device, radio)) || !own.any(|one| is_wireless(&one.device)) {
            State::Heard
        } else if self.aligning.is_quick(now)
            || self.changing_device().is_some_and(|device| is_of(device, radio))
            || radars.any(|shared| !shared.is_heard && shared.device == radio)
        {
            // Somebody turns a dish, here or there; both ends change; or the radio may not speak yet.
            State::Waits
        } else {
            State::Silent
        }
    }

    /// Radios that something was tried on in vain.
    pub(super) fn stuck_radios(&self) -> impl Iterator<Item = Alert> {
        self.monitor.ladders.climbed().map(|ladder| {
            let about = [("device", ladder.radio.as_str()), ("by", &ladder.times().to_string())];
            Alert::new("radio-stuck", ladder.text(), &about)
        })
    }
}
