//! Codes that wait: who is online and types another one keeps the first until it is spent, and goes on with the second without
//! typing. Until it begins nothing of it is used, and nobody but this device's session at this node knows that it waits: its paper
//! stays good everywhere. It is forgotten when the device is let out.

use serde::{Deserialize, Serialize};

use super::Hotspot;
use super::login::{Login, Shown, Stage};
use super::output::{AskId, ClientId, Output};
use super::portal::{Notice, Page, Typed};
use crate::base::address::MacAddress;
use crate::base::limit::HOTSPOT_NEXT;
use crate::base::time::Instant;
use crate::base::voucher::{Proof, Verifier};

/// A voucher that waits until another one is spent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Next {
    /// Which.
    pub verifier: Verifier,
    /// That its code was typed.
    pub proof: Proof,
    /// Name of its plan.
    pub plan: String,
}

impl Hotspot {
    /// The session of a device that keeps it although it typed the code of another voucher. At hours at which its plan does not
    /// work it does not.
    pub(super) fn stays_in(&self, login: &Login, running: Option<ClientId>) -> Option<ClientId> {
        let client = self.sessions.of_device(login.mac).filter(|client| Some(*client) != running)?;
        let is_typed = matches!(login.shown, Shown::Code(_) | Shown::Next);
        self.sessions.get(client).filter(|session| is_typed && !session.closed).map(|_| client)
    }

    /// A voucher is good, and waits until what its device has is spent.
    pub(super) fn wait(&mut self, now: Instant, client: ClientId, ask: AskId, mut login: Login, next: Next) {
        let Some(device) = self.sessions.device_mut(login.mac) else { return };
        let rest = std::mem::take(&mut login.next);
        for next in std::iter::once(next).chain(rest) {
            if device.next.iter().any(|known| known.verifier == next.verifier) {
                continue;
            }
            if device.next.len() >= HOTSPOT_NEXT {
                return self.answer(ask, login, Notice::Waiting);
            }
            device.next.push(next);
        }
        // It is not about to end any more.
        self.admit(now, client);
        self.outbox.save = Some(now);
        if let Some(session) = self.view(now, login.mac) {
            for (request, language) in login.waiting {
                let page = Page::Status { place: self.place(), session: session.clone() };
                self.reply(request, language, page);
            }
        }
    }

    /// What a device had is spent: it goes on with what waits.
    pub(super) fn go_on(&mut self, now: Instant, mac: MacAddress, mut waiting: Vec<Next>) {
        if waiting.is_empty() {
            return;
        }
        let Next { verifier, proof, .. } = waiting.remove(0);
        let mut login = Login::new(now, mac, None, (Shown::Next, Typed::default()), None);
        login.stage = Stage::Asking { verifier, proof };
        login.next = waiting;
        if let Some(ask) = self.logins.go_on(login) {
            self.outbox.rest.push_back(Output::Voucher { ask, verifier, mac: Some(mac) });
        }
    }
}
