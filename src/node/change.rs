//! The change of a link at both its ends (`link/change`): who may ask, over which stream, and what becomes of it.
//!
//! The words go over the ledger's stream, whose other end has proved to be a member, and count only if that stream runs
//! over the very link that they are about. One change at a time, and the next one ten minutes after the last.

use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use super::Node;
use super::call::{Answer, LinkChange};
use super::output::{NoteLevel, Output};
use crate::base::address::InterfaceIndex;
use crate::base::time::{Instant, Span};
use crate::base::voucher::RequestId;
use crate::link::change::{
    Change, ChangeId, Ending, Message, Phase, Record, Setting, Side, Stage, Wanted, Why,
};
use crate::link::history::Step;
use crate::link::settings::LinkSettings;

/// The change under way, and the last one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Changes {
    now: Option<Change>,
    /// When a change began here last.
    began: Option<Instant>,
    /// When probes are counted next.
    count_at: Option<Instant>,
    /// How the last one ended, on which device.
    pub(super) last: Option<(String, Ending)>,
}

impl Node {
    pub(super) fn change_wake(&self) -> Option<Instant> {
        let change = self.changes.now.as_ref()?;
        change.next_wake().into_iter().chain(self.changes.count_at).min()
    }

    /// The device whose link changes.
    pub(super) fn changing_device(&self) -> Option<&str> {
        self.changes.now.as_ref().map(|change| change.record().device.as_str())
    }

    /// How far the change of a link's settings is, and how many seconds that may take.
    pub(super) fn change_of(&self, now: Instant, device: &str) -> Option<(String, u64)> {
        let change = self.changes.now.as_ref().filter(|change| change.record().device == device)?;
        let word = match change.stage() {
            Stage::Arming | Stage::Asking | Stage::Armed | Stage::Going | Stage::Set(_) => "agreeing",
            Stage::Applying | Stage::Testing { .. } | Stage::Deciding => "testing",
            Stage::Kept(_) => "kept",
            Stage::Leaving | Stage::Over(_) => "leaving",
        };
        Some((word.to_owned(), change.until().since(now).as_secs()))
    }

    /// How the last change of a link's settings ended.
    pub(super) fn change_ended(&self, device: &str) -> Option<String> {
        let (_, ending) = self.changes.last.as_ref().filter(|last| last.0 == device)?;
        let word = match ending {
            Ending::Kept => "kept",
            Ending::RolledBack => "rolled-back",
            Ending::Refused(why) => Why::ALL.iter().find(|row| row.0 == *why).map_or("", |row| row.1),
        };
        Some(word.to_owned())
    }

    /// Somebody here wants other settings at both ends of a link.
    pub(super) fn begin_change(&mut self, now: Instant, request: RequestId, wish: &LinkChange) {
        let settings = self.change_settings(&wish.device);
        let at =
            self.interfaces.values().find(|status| status.name == wish.device).map(|status| status.index);
        let peers = self.sync.peers().filter(|peer| Some(peer.place.interface) == at);
        let members: Vec<[u8; 32]> = peers.filter_map(|peer| peer.member).collect();
        let refused = |code: &str, what: String| Some((code.to_owned(), what));
        let no = if let Some(why) = self.why_not(now, &settings, &wish.wanted) {
            let (_, code, what) = Why::ALL.into_iter().find(|row| row.0 == why).unwrap_or(Why::ALL[0]);
            refused(code, format!("{} {what}.", wish.device))
        } else if members.len() != 1 {
            refused(
                "no-member",
                format!("There is not exactly one member at the other end of {}.", wish.device),
            )
        } else {
            None
        };
        if let Some((code, what)) = no {
            return self.refuse(request, &code, what);
        }
        let record = Record {
            id: ChangeId(self.random.u64()),
            side: Side::Near,
            phase: Phase::Armed,
            device: wish.device.clone(),
            peer: members[0],
            wanted: wish.wanted.clone(),
            dead_man_s: settings.dead_man_s,
        };
        self.start_change(now, Change::begin(now, record));
        self.answer(request, Answer::LinkChanging);
    }

    /// A start found a change on flash.
    pub(super) fn change_found(&mut self, now: Instant, record: &[u8]) {
        match Record::decode(record) {
            Some(record) => self.start_change(now, Change::found(now, record)),
            None => self.note(NoteLevel::Warning, "the record of a change of a link cannot be read"),
        }
    }

    /// The platform did what the change wanted, or could not.
    pub(super) fn change_done(&mut self, now: Instant, done: bool) {
        if let Some(change) = &mut self.changes.now {
            change.handle_done(now, done);
        }
        self.carry_change(now);
    }

    /// Time has passed.
    pub(super) fn wake_change(&mut self, now: Instant) {
        if self.change_wake().is_none_or(|at| at > now) {
            return;
        }
        if self.changes.count_at.is_some_and(|at| at <= now) {
            self.changes.count_at = Some(now + Span::from_secs(1));
            self.count_probes(now);
        }
        if let Some(change) = &mut self.changes.now {
            change.handle_wake(now);
        }
        self.carry_change(now);
    }

    /// What members said about the links to them.
    pub(super) fn hear_asides(&mut self, now: Instant) {
        while let Some((place, member, word)) = self.sync.poll_aside() {
            if Step::of_word(&word).is_some() {
                self.hear_far_end(now, place, word);
                continue;
            }
            let interface = place.interface;
            let Some((id, message)) = Message::decode(&word) else { continue };
            let device = self.device(interface);
            let ours = |change: &Change| {
                let record = change.record();
                record.id == id && record.peer == member && record.device == device
            };
            if let Some(change) = self.changes.now.as_mut().filter(|change| ours(change)) {
                change.handle_message(now, &message);
                self.carry_change(now);
            } else {
                self.hear_stranger(now, interface, member, id, message);
            }
        }
    }

    /// The member at the other end of a link speaks of a change that is not under way here.
    fn hear_stranger(
        &mut self,
        now: Instant,
        interface: InterfaceIndex,
        member: [u8; 32],
        id: ChangeId,
        message: Message,
    ) {
        let Message::Ask { wanted, dead_man_s } = message else {
            let word = Change::unknown(id, &message);
            return word.into_iter().for_each(|word| self.sync.say(interface, &member, &word, &self.ledger));
        };
        let device = self.device(interface);
        let settings = self.change_settings(&device);
        if let Some(why) = self.why_not(now, &settings, &wanted) {
            let word = Message::No(why).encode(id);
            return self.sync.say(interface, &member, &word, &self.ledger);
        }
        let dead_man_s = dead_man_s.clamp(45, 3_600);
        let (side, phase, peer) = (Side::Far, Phase::Armed, member);
        let record = Record { id, side, phase, device, peer, wanted, dead_man_s };
        self.start_change(now, Change::asked(now, record));
    }

    fn why_not(&self, now: Instant, settings: &LinkSettings, wanted: &Wanted) -> Option<Why> {
        let is_allowed =
            |(setting, value): (Setting, u32)| settings.change.contains(&setting) && setting.allows(value);
        if wanted.settings().next().is_none() || !wanted.settings().all(is_allowed) {
            Some(Why::NotAllowed)
        } else if self.changes.now.is_some() {
            Some(Why::Busy)
        } else {
            let is_soon = self.changes.began.is_some_and(|began| now.since(began) < APART);
            is_soon.then_some(Why::TooSoon)
        }
    }

    fn change_settings(&self, device: &str) -> LinkSettings {
        let found = self.settings.links.iter().find(|one| one.device == device);
        found.cloned().unwrap_or_else(|| LinkSettings::usual(device.to_owned()))
    }

    fn start_change(&mut self, now: Instant, change: Change) {
        self.changes.now = Some(change);
        self.changes.began = Some(now);
        self.changes.count_at = Some(now);
        self.carry_change(now);
    }

    /// Sends probes while both ends test, and counts those of the other end.
    fn count_probes(&mut self, now: Instant) {
        let Some(change) = self.changes.now.as_ref() else { return };
        let is_test = matches!(change.stage(), Stage::Testing { .. });
        let Some((index, address)) = self.other_end(&change.record().device) else { return };
        if is_test {
            self.probe_link(now, index, address);
        }
        let counts = self.babel.hellos_alone(index, address);
        if let (Some((came, expected)), Some(change)) = (counts, &mut self.changes.now) {
            change.handle_probes(came, expected);
        }
    }

    /// The neighbour on a device.
    fn other_end(&self, device: &str) -> Option<(InterfaceIndex, Ipv6Addr)> {
        let mut heard = self.babel.neighbour_costs().map(|(key, _)| key);
        heard.find(|(index, _)| self.device(*index) == device)
    }

    /// Takes out what the change wants done and said, and tells how it ended.
    fn carry_change(&mut self, now: Instant) {
        let Some(change) = &mut self.changes.now else { return };
        let (device, peer) = (change.record().device.clone(), change.record().peer);
        while let Some(action) = change.poll() {
            self.outputs.push_back(Output::Change(action));
        }
        let words: Vec<Vec<u8>> = std::iter::from_fn(|| change.poll_word()).collect();
        let stage = change.stage();
        let over = self.interfaces.values().find(|status| status.name == device).map(|status| status.index);
        for (interface, word) in
            over.into_iter().flat_map(|index| words.iter().map(move |word| (index, word)))
        {
            self.sync.say(interface, &peer, word, &self.ledger);
        }
        let Stage::Over(ending) = stage else { return };
        let what = match ending {
            Ending::Kept => "is kept".to_owned(),
            Ending::RolledBack => "did not work: the old settings are back".to_owned(),
            Ending::Refused(why) => {
                let word = Why::ALL.iter().find(|row| row.0 == why).map_or("", |row| row.1);
                format!("did not begin ({word})")
            }
        };
        self.note(NoteLevel::Warning, format!("the change of the link on {device} {what}"));
        // What changed nothing may be tried again at once.
        if matches!(ending, Ending::Refused(_)) {
            self.changes.began = None;
        }
        if let Some((index, address)) = self.other_end(&device) {
            self.look_at_link(now, index, address);
        }
        (self.changes.now, self.changes.count_at) = (None, None);
        self.changes.last = Some((device, ending));
    }
}

/// Between two changes.
const APART: Span = Span::from_secs(600);
