//! The way of a person: from any page to the portal, from a typed code to a session.

use super::Hotspot;
use crate::base::address::MacAddress;
use crate::base::time::{Instant, Span};
use crate::base::voucher::{Keepsake, Proof, RequestId, Verifier};
use crate::hotspot::code::{Code, CodeError};
use crate::hotspot::login::{Login, Shown, Stage};
use crate::hotspot::meter::Meter;
use crate::hotspot::next::Next;
use crate::hotspot::output::{AskId, ClientId, EndReason, Event, Gate, Output, Refusal};
use crate::hotspot::portal::{
    self, Asked, DeviceView, Language, Left, Notice, Page, Place, SessionView, Typed,
};
use crate::hotspot::request::PortalRequest;
use crate::hotspot::session::{Device, Session};
use crate::hotspot::tariff::{Allowance, Measure, VoucherState};

/// A page that waits for a check asks again after this time.
const RECHECK_S: u32 = 4;
/// A guest who found the node busy is asked to come back after this time: a check takes less.
const BUSY_S: u32 = 5;
/// A guest who found no place is asked to come back after this time.
const FULL_S: u32 = 120;
/// A session that was idle for this long yields its place to somebody who stands at the door.
const IDLE: Span = Span::from_secs(3_600);
/// A device with a session that is sent here all the same is admitted again, this often at most.
const MEND_INTERVAL: Span = Span::from_secs(5);

impl Hotspot {
    /// A browser asks for something. `guest` is the device's address, if the node knows it.
    pub fn handle_request(
        &mut self,
        now: Instant,
        request: RequestId,
        guest: Option<MacAddress>,
        http: PortalRequest,
    ) {
        self.counters.requests = self.counters.requests.wrapping_add(1);
        let language = portal::language(&self.settings, &http);
        let asked = portal::asked(&self.settings, &http);
        if http.foreign
            && matches!(asked, Asked::LogIn { .. } | Asked::Return | Asked::LogOut | Asked::Report)
        {
            self.counters.foreign = self.counters.foreign.wrapping_add(1);
        }
        let page = match (asked, guest) {
            (Asked::Elsewhere, _) => self.send_here(now, guest),
            (Asked::Logo, _) if !self.settings.community.logo.is_empty() => {
                Page::Logo { png: self.settings.community.logo.clone() }
            }
            (Asked::Captive, _) => self.captive(now, guest),
            (Asked::Unknown | Asked::Logo, _) => Page::NotFound { place: self.place() },
            (_, None) => Page::UnknownDevice { place: self.place() },
            // A code is its own proof; whatever else a page elsewhere sends in a guest's name is asked again.
            (Asked::Return | Asked::LogOut | Asked::Report, Some(_)) if http.foreign => {
                self.form(Notice::Again)
            }
            (Asked::Return, Some(mac)) => {
                match self.come_back(now, (request, language), mac, http.returns, http.fresh) {
                    Ok(()) => return,
                    Err(notice) => self.form(notice),
                }
            }
            (Asked::LogOut, Some(mac)) => {
                self.log_out(now, mac);
                self.form(Notice::LeftNow)
            }
            (Asked::Report, Some(mac)) => self.complain(now, mac),
            (Asked::LogIn { typed }, Some(mac)) => {
                match self.log_in(now, (request, language), mac, typed.clone(), http.fresh) {
                    Ok(()) => return,
                    Err(notice) => Page::Form { place: self.place(), typed, notice: Some(notice) },
                }
            }
            (Asked::Form { typed }, Some(mac)) => self.form_with(mac, typed),
            (asked @ (Asked::Start | Asked::Status), Some(mac)) => match self.view(now, mac) {
                Some(session) => Page::Status { place: self.place(), session },
                None if self.policy_of(mac).is_some() => self.free_page(mac),
                None if asked == Asked::Status => self.redirect(),
                // Who has something of ours in the browser taps once, and is here at once.
                None if http.returns.is_none() && self.recognise(now, mac, Some((request, language))) => {
                    return;
                }
                None => self.start_page(mac, http.returns.is_some()),
            },
        };
        self.reply(request, language, page);
    }

    /// The vault checked a code. `None`: its tag did not fit.
    pub fn handle_code_checked(&mut self, _now: Instant, ask: AskId, result: Option<(Verifier, Proof)>) {
        let Some(mut login) = self.logins.take(ask) else { return };
        match (&login.stage, result) {
            (Stage::Checking, Some((verifier, proof))) => {
                login.stage = Stage::Asking { verifier, proof };
                let mac = Some(login.mac);
                self.logins.put_back(ask, login);
                self.outbox.rest.push_back(Output::Voucher { ask, verifier, mac });
            }
            (Stage::Checking, None) if login.returns().is_some() => {
                self.refuse(ask, login, Refusal::Forgotten)
            }
            (Stage::Checking, None) => self.refuse(ask, login, Refusal::Tag),
            // An answer to a question that was not asked.
            _ => self.logins.put_back(ask, login),
        }
    }

    /// The ledger told what the voucher of a login gives.
    pub(super) fn voucher_told(&mut self, now: Instant, ask: AskId, state: VoucherState) {
        let Some(login) = self.logins.take(ask) else { return };
        let Stage::Asking { verifier, proof } = login.stage else {
            return self.logins.put_back(ask, login);
        };
        match state {
            VoucherState::Unknown => self.refuse(ask, login, Refusal::Unknown),
            VoucherState::Revoked => self.refuse(ask, login, Refusal::Revoked),
            VoucherState::Moved => self.refuse(ask, login, Refusal::Moved),
            VoucherState::Good(allowance) => self.open(now, ask, login, (verifier, proof), allowance),
        }
    }

    pub(super) fn reply_checking(&mut self, request: RequestId, language: Language) {
        let page = Page::Checking { place: self.place(), retry_s: RECHECK_S };
        self.reply(request, language, page);
    }

    /// Begins to check what was typed, or says why not.
    fn log_in(
        &mut self,
        now: Instant,
        waiting: (RequestId, Language),
        mac: MacAddress,
        typed: Typed,
        fresh: Option<Keepsake>,
    ) -> Result<(), Notice> {
        let code = Code::parse(typed.as_str()).map_err(|error| {
            self.counters.misspelt = self.counters.misspelt.wrapping_add(1);
            match error {
                CodeError::Length { symbols } => Notice::Length { symbols: symbols as u32 },
                CodeError::Symbol { .. } => Notice::Wrong,
            }
        })?;
        self.begin(Login::new(now, mac, Some(waiting), (Shown::Code(code), typed), fresh))
    }

    /// Begins to ask whose device shows a keepsake, or says why not.
    fn come_back(
        &mut self,
        now: Instant,
        waiting: (RequestId, Language),
        mac: MacAddress,
        returns: Option<(Verifier, Keepsake)>,
        fresh: Option<Keepsake>,
    ) -> Result<(), Notice> {
        let (verifier, keepsake) = returns.ok_or(Notice::Forgotten)?;
        let shown = Shown::Keepsake(verifier, keepsake);
        self.begin(Login::new(now, mac, Some(waiting), (shown, Typed::default()), fresh))
    }

    /// Asks what a login needs to know first.
    fn begin(&mut self, login: Login) -> Result<(), Notice> {
        let (shown, mac) = (login.shown, login.mac);
        if let Some((ask, former)) = self.logins.of_device(login.mac) {
            if matches!(former.stage, Stage::Refused(_)) {
                self.logins.take(ask);
            } else if former.shown == shown && login.waiting.iter().all(|one| former.join(one.0, one.1)) {
                // Tapped twice: both get the answer.
                return Ok(());
            } else {
                return Err(Notice::OneAtATime);
            }
        }
        self.tries.take(login.began, login.mac).map_err(|wait| {
            self.counters.throttled = self.counters.throttled.wrapping_add(1);
            Notice::TryAgainIn { seconds: whole_seconds(wait) }
        })?;
        // One chain per code at a time: nobody keeps the node busy with one spent coupon and many MACs.
        let is_checked = matches!(shown, Shown::Code(code) if self.logins.is_checking(code));
        let asked = if is_checked { None } else { self.logins.begin(login) };
        let Some(ask) = asked else {
            self.counters.busy = self.counters.busy.wrapping_add(1);
            self.event(Event::Busy);
            return Err(Notice::Busy { seconds: BUSY_S });
        };
        self.outbox.rest.push_back(match shown {
            Shown::Code(code) => Output::CheckCode { ask, code },
            Shown::Keepsake(verifier, keepsake) => Output::Return { ask, verifier, keepsake },
            // What waited is asked for by `go_on`.
            Shown::Address | Shown::Next => Output::Recognise { ask, mac },
        });
        Ok(())
    }

    /// A voucher is good: its session opens or gains a device, if anything is left.
    fn open(
        &mut self,
        now: Instant,
        ask: AskId,
        login: Login,
        (verifier, proof): (Verifier, Proof),
        allowance: Allowance,
    ) {
        let known = self.sessions.of_voucher(verifier);
        if let Some(client) = known {
            self.allow(now, client, allowance.clone());
        }
        let running = self.sessions.of_voucher(verifier);
        let meter = Meter::new(now, self.online.at(now), &allowance);
        // A session that has just ended counted further than the ledger knows yet.
        if running != known || running.is_none() && meter.is_spent(now, &allowance.tariff) {
            return self.refuse(ask, login, Refusal::UsedUp);
        }
        if let Some(client) = self.stays_in(&login, running) {
            let next = Next { verifier, proof, plan: portal::cut(&allowance.tariff.name) };
            return self.wait(now, client, ask, login, next);
        }
        if let Some(hours) = allowance.tariff.hours
            && self.house.is_closed(now, &allowance.tariff)
        {
            return self.answer(ask, login, Notice::Hours(hours));
        }
        if !self.make_place(now, login.mac, running) {
            self.counters.busy = self.counters.busy.wrapping_add(1);
            self.event(Event::Full);
            return self.answer(ask, login, Notice::Busy { seconds: FULL_S });
        }
        let mut device = Device::new(login.mac, now, login.fresh.map(|(_, keepsake)| keepsake));
        let keepsake = device.keepsake;
        device.next = self.move_out(now, &login, running, verifier);
        let client = match running {
            Some(client) => {
                self.sessions.add_device(client, device);
                client
            }
            None => self.begin_session(now, verifier, meter, allowance, device),
        };
        self.told.let_in(login.mac);
        self.yield_devices(client);
        self.admit(now, client);
        self.counters.logins = self.counters.logins.wrapping_add(1);
        self.outbox.rest.push_back(Output::Activate {
            verifier,
            proof,
            mac: login.mac,
            keepsake,
            returned: login.returns(),
        });
        self.outbox.save = Some(now);
        self.welcome(now, login, verifier);
    }

    /// Tells all who wait that the device is in.
    fn welcome(&mut self, now: Instant, login: Login, verifier: Verifier) {
        if let Some(session) = self.view(now, login.mac) {
            for (request, language) in login.waiting {
                let keep = login.fresh.filter(|(answered, _)| *answered == request).map(|_| verifier);
                let page = Page::Welcome { place: self.place(), session: session.clone(), keep };
                self.reply(request, language, page);
            }
        }
    }

    fn begin_session(
        &mut self,
        now: Instant,
        verifier: Verifier,
        meter: Meter,
        allowance: Allowance,
        device: Device,
    ) -> ClientId {
        let client = self.sessions.free_client();
        let session = Session {
            verifier,
            tariff: allowance.tariff,
            reported: (now, meter.used_s(), meter.bytes()),
            meter,
            devices: vec![device],
            lease_end: now,
            renew_at: now,
            slow: false,
            closed: false,
            mended_at: now,
        };
        self.sessions.insert(client, session);
        self.event(Event::SessionOpened { client, verifier });
        client
    }

    /// Whether there is a place for one more device; the session that was idle longest may yield its.
    fn make_place(&mut self, now: Instant, mac: MacAddress, running: Option<ClientId>) -> bool {
        let yields = |client| {
            self.sessions
                .get(client)
                .is_some_and(|session| session.devices.len() >= session.devices_allowed())
        };
        if self.sessions.room() > 0 || self.sessions.of_device(mac).is_some() || running.is_some_and(yields) {
            return true;
        }
        let idle = |(client, session): (ClientId, &Session)| {
            let moved = session.meter.last_moved();
            (Some(client) != running && now.since(moved) >= IDLE).then_some((moved, client))
        };
        let longest = self.sessions.iter().filter_map(idle).min();
        if let Some((_, client)) = longest {
            self.end(now, client, EndReason::Idle);
        }
        longest.is_some()
    }

    /// A device tells that there is no internet: who pays for it is heard.
    fn complain(&mut self, now: Instant, mac: MacAddress) -> Page {
        if self.sessions.of_device(mac).is_some() && self.told.complains(now, mac) {
            self.event(Event::NoInternet);
        }
        Page::Reported { place: self.place() }
    }

    fn refuse(&mut self, ask: AskId, login: Login, refusal: Refusal) {
        if login.shown == Shown::Address {
            return self.reply_start(login);
        }
        self.counters.refusal(refusal);
        self.event(Event::CodeRefused(refusal));
        let notice = match refusal {
            // A guesser learns nothing from which part was wrong, and an honest person neither.
            Refusal::Tag | Refusal::Unknown => Notice::Wrong,
            Refusal::Revoked => Notice::Revoked,
            Refusal::UsedUp => Notice::UsedUp,
            Refusal::Moved => Notice::Moved,
            Refusal::Forgotten => Notice::Forgotten,
        };
        self.answer(ask, login, notice);
    }

    /// Tells all who wait why the code opens nothing; or keeps it for the next page of this device.
    pub(in crate::hotspot) fn answer(&mut self, ask: AskId, mut login: Login, notice: Notice) {
        if login.shown == Shown::Address {
            // Nobody has typed anything.
            return self.reply_start(login);
        }
        if login.shown == Shown::Next {
            self.told.let_out(login.mac, notice);
            return self.go_on(login.began, login.mac, login.next);
        }
        if login.waiting.is_empty() {
            login.stage = Stage::Refused(notice);
            return self.logins.put_back(ask, login);
        }
        for (request, language) in login.waiting {
            let page = Page::Form { place: self.place(), typed: login.typed.clone(), notice: Some(notice) };
            self.reply(request, language, page);
        }
    }

    /// The start page of a device without session.
    pub(super) fn start_page(&mut self, mac: MacAddress, returns: bool) -> Page {
        let place = self.place();
        match self.logins.of_device(mac).map(|(ask, login)| (ask, login.stage.clone())) {
            None => {
                let notice = self.told.why_out(mac);
                if returns && notice.is_none() {
                    return Page::Return { place };
                }
                Page::Form { place, typed: Typed::default(), notice }
            }
            Some((ask, Stage::Refused(notice))) => {
                let typed = self.logins.take(ask).map(|login| login.typed).unwrap_or_default();
                Page::Form { place, typed, notice: Some(notice) }
            }
            Some(_) => Page::Checking { place, retry_s: RECHECK_S },
        }
    }

    /// The kernel sent a device here that asked for something else.
    fn send_here(&mut self, now: Instant, guest: Option<MacAddress>) -> Page {
        self.mend(now, guest);
        if let Some(mac) = guest {
            self.recognise(now, mac, None);
        }
        self.redirect()
    }

    /// A device with a session was sent here by the kernel, so that the kernel lacks it: say it again.
    fn mend(&mut self, now: Instant, guest: Option<MacAddress>) {
        self.counters.redirects = self.counters.redirects.wrapping_add(1);
        if self.is_night() {
            return;
        }
        let Some(client) = guest.and_then(|mac| self.sessions.of_device(mac)) else { return };
        let Some(session) = self.sessions.get_mut(client) else { return };
        if !session.closed && now.since(session.mended_at) >= MEND_INTERVAL {
            session.mended_at = now;
            self.renew(now, client);
        }
    }

    /// The session of a device as its user sees it.
    pub(in crate::hotspot) fn view(&self, now: Instant, mac: MacAddress) -> Option<SessionView> {
        let session = self.sessions.get(self.sessions.of_device(mac)?)?;
        let waiting =
            session.devices.iter().filter(|device| device.mac == mac).flat_map(|device| &device.next);
        let left = session.left_at_worst(now, self.online.at(now));
        let until_gone = session.tariff.measure.until_gone(session.meter.since_first_use(now));
        let of_use = matches!(session.tariff.measure, Measure::UsedSeconds { .. });
        Some(SessionView {
            plan: portal::cut(&session.tariff.name),
            // What ends first is what a person asks for.
            left: if of_use && until_gone != Some(left) { Left::OfUse(left) } else { Left::UntilEnd(left) },
            bytes_left: session.meter.bytes_left(&session.tariff),
            within: until_gone.filter(|gone| of_use && *gone != left),
            devices: session
                .devices
                .iter()
                .map(|device| DeviceView {
                    mac: device.mac,
                    since: now.since(device.since),
                    own: device.mac == mac,
                })
                .collect(),
            devices_allowed: session.devices_allowed() as u32,
            hours: session.tariff.hours,
            closed: session.closed,
            slow: session.slow,
            next: waiting.map(|next| next.plan.clone()).collect(),
        })
    }

    /// The form with what a link brought; who is online reads what becomes of it.
    fn form_with(&self, mac: MacAddress, typed: Typed) -> Page {
        let notice = self.sessions.of_device(mac).map(|_| Notice::AddsUp);
        Page::Form { place: self.place(), typed, notice }
    }

    fn form(&self, notice: Notice) -> Page {
        Page::Form { place: self.place(), typed: Typed::default(), notice: Some(notice) }
    }

    pub(in crate::hotspot) fn place(&self) -> Place {
        Place::new(&self.settings, &self.house.rules, self.online.is_up())
    }

    /// What programs of a phone are told.
    fn captive(&self, now: Instant, guest: Option<MacAddress>) -> Page {
        let session = guest.and_then(|mac| self.view(now, mac));
        Page::Captive {
            portal: self.settings.portal_url(),
            left: session.filter(|session| !session.closed).map(|session| (session.left, session.bytes_left)),
            open: self.house.held.contains(&Gate::Strangers)
                || guest.is_some_and(|mac| self.policy_of(mac).is_some()),
        }
    }

    /// What a device is told that needs no voucher.
    fn free_page(&self, mac: MacAddress) -> Page {
        let name = self.policy_of(mac).map(|policy| portal::cut(&policy.name)).unwrap_or_default();
        Page::Free { place: self.place(), name }
    }

    fn redirect(&self) -> Page {
        Page::Redirect { to: self.settings.portal_url() }
    }

    pub(in crate::hotspot) fn reply(&mut self, request: RequestId, language: Language, page: Page) {
        self.outbox.rest.push_back(Output::Reply { request, language, page: Box::new(page) });
    }
}

fn whole_seconds(span: Span) -> u32 {
    u32::try_from(span.as_micros().div_ceil(1_000_000)).unwrap_or(u32::MAX)
}
