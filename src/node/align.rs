//! A dish is turned at this end, or at the other: figures come quicker, here and over the members' stream.
//!
//! Nothing of it changes a setting. One device is aligned at a time; whoever begins anew takes over.

use serde::{Deserialize, Serialize};

use super::Node;
use super::call::{Aim, Aligned, Answer};
use super::output::Output;
use super::radio::named;
use crate::babel::settings::LinkKind;
use crate::base::time::{Instant, Span};
use crate::link::align::{Alignment, EACH, Heard, USUAL, level};
use crate::link::radio_of;
use crate::link::sample::{RadioSample, StationSample};

/// Who turns a dish.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Aligning {
    /// We do.
    here: Option<Alignment>,
    /// Until when somebody at a far end does.
    there: Option<Instant>,
}

impl Aligning {
    /// A far end asks for quick figures.
    pub(super) fn handle_asked(&mut self, now: Instant) {
        self.there = Some(now + ASKED);
    }

    /// Whether our far end is to be quick, because a dish is turned here.
    pub(super) fn asks(&self) -> bool {
        self.here.is_some()
    }

    /// Whether far ends are told quickly.
    pub(super) fn is_quick(&self, now: Instant) -> bool {
        self.asks() || self.there.is_some_and(|until| now < until)
    }
}

impl Node {
    pub(super) fn align_wake(&self) -> Option<Instant> {
        self.aligning.here.as_ref().map(|here| here.until)
    }

    /// Begins to align a device, looks, or ends it.
    pub(super) fn align(&mut self, now: Instant, device: &str, what: &str) -> Answer {
        let refused = |code: &str, message: &str| Answer::Refused {
            code: code.to_owned(),
            message: message.to_owned(),
        };
        if self.kind_of(device) != Some(LinkKind::Wireless) {
            return refused("device", "device must be a radio that the mesh speaks on, like wlan0.");
        }
        let is_here = self.aligning.here.as_ref().is_some_and(|here| here.device == device);
        match what {
            "start" => {
                self.aligning.here = Some(Alignment::begin(now, device.to_owned()));
                self.outputs.push_back(Output::LookEach(EACH));
                self.hurry_far_ends(now);
            }
            "stop" if is_here => self.end_alignment(),
            "stop" | "read" => {}
            _ => return refused("action", "action must be start, read or stop."),
        }
        Answer::Aligned(Box::new(self.aligned(now, device)))
    }

    /// It has lasted long enough.
    pub(super) fn wake_alignment(&mut self, now: Instant) {
        if self.align_wake().is_some_and(|until| until <= now) {
            self.end_alignment();
        }
    }

    fn end_alignment(&mut self) {
        self.aligning.here = None;
        self.outputs.push_back(Output::LookEach(USUAL));
    }

    /// A radio's figures.
    pub(super) fn look_at_aim(&mut self, sample: &RadioSample) {
        if let Some(here) = &mut self.aligning.here {
            here.handle(sample);
        }
    }

    /// Who is heard by a radio that has not found its access point yet.
    pub(super) fn look_around(&mut self, interface: &str, heard: &[StationSample]) {
        if let Some(here) = &mut self.aligning.here {
            here.handle_around(interface, heard);
        }
    }

    fn aligned(&self, now: Instant, device: &str) -> Aligned {
        let here = self.aligning.here.as_ref().filter(|here| here.device == device);
        let stations = here.into_iter().flat_map(|here| &here.heard);
        Aligned {
            device: device.to_owned(),
            left_s: here.map(|here| here.until.since(now).as_secs()),
            planned: self.planned_of(radio_of(device)),
            stations: stations.map(|heard| self.aim(now, heard)).collect(),
        }
    }

    fn aim(&self, now: Instant, heard: &Heard) -> Aim {
        let links = self.monitor.links();
        let link = links.iter().find(|link| link.mac == heard.station.mac && !link.is_dead());
        let far = link.and_then(|link| self.far_end(now, link));
        let small = |dbm: Option<i8>| dbm.map(i64::from);
        let chains = heard.station.chain_signal_dbm;
        let figures = [
            ("signal_dbm", small(level(&heard.station)).filter(|_| heard.is_here)),
            ("best_dbm", small(heard.best_dbm)),
            ("chain1_dbm", small(chains[0])),
            ("chain2_dbm", small(chains[1])),
            ("inactive_ms", heard.station.inactive_ms.map(i64::from)),
            ("far_signal_dbm", far.and_then(|(_, step)| step.signal_dbm).map(i64::from)),
            ("far_age_s", far.and_then(|(age, _)| i64::try_from(age.as_secs()).ok())),
        ];
        Aim {
            mac: heard.station.mac,
            address: link.map(|link| link.neighbour),
            figures: named(&figures),
            name: String::new(),
        }
    }
}

/// How long one word of a far end that aligns keeps us quick: it says so about each second.
const ASKED: Span = Span::from_secs(10);
