//! How a device leaves a session whose voucher has more to give: it has another one, another address, or was let out.

use super::Hotspot;
use crate::base::address::MacAddress;
use crate::base::limit::HOTSPOT_NEXT;
use crate::base::time::Instant;
use crate::base::voucher::Verifier;
use crate::hotspot::login::Login;
use crate::hotspot::next::Next;
use crate::hotspot::output::{ClientId, EndReason, GuestChange, Output};
use crate::hotspot::portal::Notice;
use crate::hotspot::session::Device;

impl Hotspot {
    /// Takes a device out of wherever it was before it takes up a voucher; what waits goes with it.
    pub(super) fn move_out(
        &mut self,
        now: Instant,
        login: &Login,
        running: Option<ClientId>,
        verifier: Verifier,
    ) -> Vec<Next> {
        let former = self.sessions.device_mut(login.mac).map(|device| std::mem::take(&mut device.next));
        self.leave(now, login.mac, running);
        let former = self.forget_former(running, login).or(former);
        let mut next: Vec<Next> = former.into_iter().flatten().chain(login.next.clone()).collect();
        next.retain(|next| next.verifier != verifier);
        next.truncate(HOTSPOT_NEXT);
        next
    }

    /// The address that a device had before it came back goes; what waited there.
    fn forget_former(&mut self, running: Option<ClientId>, login: &Login) -> Option<Vec<Next>> {
        let (client, keepsake) = running.zip(login.returns())?;
        let same = |device: &&Device| device.keepsake == Some(keepsake) && device.mac != login.mac;
        let former = self.sessions.get(client)?.devices.iter().find(same)?;
        let (mac, next) = (former.mac, former.next.clone());
        self.sessions.remove_device(client, mac);
        self.outbox.changes.push_back(GuestChange::Dismiss { mac, client, last: false });
        Some(next)
    }

    /// Takes a device out of the session it is in, unless that is `stays`.
    fn leave(&mut self, now: Instant, mac: MacAddress, stays: Option<ClientId>) {
        let Some(client) = self.sessions.of_device(mac).filter(|client| Some(*client) != stays) else {
            return;
        };
        self.let_out(now, mac, client, EndReason::Replaced);
    }

    /// Takes a device out of its session, which ends with its only one.
    pub(super) fn let_out(&mut self, now: Instant, mac: MacAddress, client: ClientId, why: EndReason) {
        if self.sessions.get(client).is_some_and(|session| session.devices.len() > 1) {
            self.sessions.remove_device(client, mac);
            self.outbox.changes.push_back(GuestChange::Dismiss { mac, client, last: false });
            self.outbox.save = Some(now);
        } else {
            self.end(now, client, why);
        }
    }

    /// A device wants out: its voucher keeps what is left.
    pub(super) fn log_out(&mut self, now: Instant, mac: MacAddress) {
        let Some(client) = self.sessions.of_device(mac) else { return };
        let Some(session) = self.sessions.get(client) else { return };
        self.outbox.rest.push_back(Output::Forget { verifier: session.verifier, mac });
        self.let_out(now, mac, client, EndReason::LoggedOut);
    }

    /// Whoever takes care of the node ends a session here, or takes one device out of it. The voucher keeps what is left;
    /// its device is told, and has to type the code again. How many devices had to go.
    pub fn handle_end(&mut self, now: Instant, verifier: Verifier, device: Option<MacAddress>) -> u32 {
        let Some(client) = self.sessions.of_voucher(verifier) else { return 0 };
        let Some(session) = self.sessions.get(client) else { return 0 };
        let macs = session.devices.iter().map(|device| device.mac);
        let macs: Vec<_> = macs.filter(|mac| device.is_none_or(|one| one == *mac)).collect();
        for mac in &macs {
            self.outbox.rest.push_back(Output::Forget { verifier, mac: *mac });
            self.let_out(now, *mac, client, EndReason::Caretaker);
            self.told.let_out(*mac, Notice::Ended);
        }
        macs.len() as u32
    }
}
