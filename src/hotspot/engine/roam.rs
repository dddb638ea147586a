//! A phone that walks from node to node: let in without typing where the node that it came from says that it has left.
//!
//! A stranger is looked for among the devices of vouchers when its browser, or its system's own check, comes to the portal.
//! The node answers at once ([`Whose`]); while it asks the other node, the page looks again by itself.

use super::Hotspot;
use crate::base::address::MacAddress;
use crate::base::time::{Instant, Span};
use crate::base::voucher::{RequestId, Verifier};
use crate::hotspot::login::{Login, Shown, Stage};
use crate::hotspot::output::{AskId, EndReason, Output, Whose};
use crate::hotspot::portal::{Language, Notice, Typed};

/// Time that the kernel takes to ask a device three times, and a second more.
pub(super) const PROBE: Span = Span::from_secs(4);

impl Hotspot {
    /// Looks whose a stranger's device is, if it was not looked for just now; whether this browser will get its answer.
    pub(super) fn recognise(
        &mut self,
        now: Instant,
        mac: MacAddress,
        waiting: Option<(RequestId, Language)>,
    ) -> bool {
        let is_known = self.sessions.of_device(mac).is_some() || self.logins.of_device(mac).is_some();
        // Whom a caretaker has sent away comes back with a code.
        if is_known || self.told.why_out(mac) == Some(Notice::Ended) || !self.told.may_look(now, mac) {
            return false;
        }
        let login = Login::new(now, mac, waiting, (Shown::Address, Typed::default()), None);
        let Some(ask) = self.logins.begin(login) else { return false };
        self.outbox.rest.push_back(Output::Recognise { ask, mac });
        true
    }

    /// What the node knows of a device that was looked for.
    pub fn handle_recognised(&mut self, _now: Instant, ask: AskId, whose: Whose) {
        let Some(mut login) = self.logins.take(ask) else { return };
        if login.shown != Shown::Address || login.stage != Stage::Checking {
            return self.logins.put_back(ask, login);
        }
        match whose {
            Whose::Left(verifier, proof) => {
                login.stage = Stage::Asking { verifier, proof };
                let mac = Some(login.mac);
                self.logins.put_back(ask, login);
                self.outbox.rest.push_back(Output::Voucher { ask, verifier, mac });
            }
            Whose::Asked => {
                for (request, language) in login.waiting {
                    self.reply_checking(request, language);
                }
            }
            Whose::Elsewhere => {
                self.counters.suspended = self.counters.suspended.wrapping_add(1);
                self.told.let_out(login.mac, Notice::Elsewhere);
                self.reply_start(login);
            }
            Whose::Nobody => {
                if self.told.why_out(login.mac) == Some(Notice::Elsewhere) {
                    self.told.let_in(login.mac);
                }
                self.reply_start(login);
            }
        }
    }

    /// Nothing came of looking for a device: it stands at the door like any other.
    pub(super) fn reply_start(&mut self, login: Login) {
        for (request, language) in login.waiting {
            let page = self.start_page(login.mac, false);
            self.reply(request, language, page);
        }
    }

    /// The devices of a voucher here.
    pub fn devices_of(&self, verifier: Verifier) -> impl Iterator<Item = MacAddress> {
        let session = self.sessions.of_voucher(verifier).and_then(|client| self.sessions.get(client));
        session.into_iter().flat_map(|session| &session.devices).map(|device| device.mac)
    }

    /// Another node asks for a device of this one; [`Output::Found`] tells what is found.
    pub fn handle_wanted(&mut self, now: Instant, verifier: Verifier, mac: MacAddress) {
        let Some(device) = self.sessions.device_mut(mac) else { return };
        if device.has_left() {
            self.outbox.rest.push_back(Output::Found { verifier, mac, here: false });
        } else if device.wanted.is_none() {
            // What the kernel knows now may be half a minute old.
            device.wanted = Some((now + PROBE, true));
            self.outbox.rest.push_back(Output::Seek(vec![mac]));
        }
    }

    /// A device was let in at another node. If it has left this one, it has no place here any more.
    pub fn handle_gone(&mut self, now: Instant, mac: MacAddress) {
        let Some(client) = self.sessions.of_device(mac) else { return };
        if self.sessions.device_mut(mac).is_some_and(|device| device.has_left()) {
            self.let_out(now, mac, client, EndReason::Elsewhere);
        }
    }

    /// Asks again for devices that another node asks for.
    pub(super) fn seek_wanted(&mut self, now: Instant) {
        let devices = self.sessions.iter_mut().flat_map(|(_, session)| &mut session.devices);
        let due = devices.filter(|device| device.wanted.is_some_and(|(at, _)| at <= now));
        let macs: Vec<_> = due
            .map(|device| {
                device.wanted = Some((now + PROBE, false));
                device.mac
            })
            .collect();
        if !macs.is_empty() {
            self.outbox.rest.push_back(Output::Seek(macs));
        }
    }

    /// Devices were asked for: which of them, and whether they have answered since they were asked before.
    pub fn handle_sought(&mut self, _now: Instant, found: &[(MacAddress, bool)]) {
        for (mac, answered) in found {
            let Some(client) = self.sessions.of_device(*mac) else { continue };
            let verifier = self.sessions.get(client).map(|session| session.verifier);
            let (Some(device), Some(verifier)) = (self.sessions.device_mut(*mac), verifier) else { continue };
            if matches!(device.wanted, Some((_, true))) {
                continue;
            }
            device.handle_probed(*answered);
            if device.wanted.is_some() && (*answered || device.has_left()) {
                device.wanted = None;
                self.outbox.rest.push_back(Output::Found { verifier, mac: *mac, here: *answered });
            }
        }
    }
}
