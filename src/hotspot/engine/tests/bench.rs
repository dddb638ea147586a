use std::net::Ipv4Addr;

use crate::base::address::MacAddress;
use crate::base::sorted::{SortedMap, SortedSet};
use crate::base::time::{Instant, Span};
use crate::base::voucher::{Keepsake, Proof, RequestId, Verifier};
use crate::hotspot::Hotspot;
use crate::hotspot::code::Code;
use crate::hotspot::output::{
    AdmittedGuest, AskId, ClientId, Event, Gate, GuestChange, Output, SavedSession, UsageSample, Whose,
};
use crate::hotspot::portal::shipped;
use crate::hotspot::portal::{Notice, Page, SessionView};
use crate::hotspot::request::{Method, PortalRequest};
use crate::hotspot::settings::{Community, Settings};
use crate::hotspot::tariff::{Allowance, Measure, Tariff, VoucherState};

/// A node's hotspot with everything around it that the other floors would be.
#[derive(Clone)]
pub(super) struct Bench {
    pub(super) hotspot: Hotspot,
    pub(super) now: Instant,
    pub(super) uplink: bool,
    pub(super) kernel: Kernel,
    /// What the ledger would say; a used-up voucher is still `Good`.
    pub(super) vouchers: SortedMap<Verifier, VoucherState>,
    /// Phones that pass packets all the time.
    pub(super) active: SortedSet<MacAddress>,
    /// What other nodes know of phones.
    pub(super) whose: SortedMap<MacAddress, Whose>,
    /// Phones that have left and answer nothing.
    pub(super) away: SortedSet<MacAddress>,
    /// Octets that a phone takes in a second, beside what keeps it active, where its rate is no limit.
    pub(super) bytes_per_s: u64,
    /// Octets that passed, per voucher.
    pub(super) passed: SortedMap<Verifier, u64>,
    /// Time that was let through and used, per voucher, as a clock on the wall would see it.
    pub(super) truth: SortedMap<Verifier, Span>,
    pub(super) replies: Vec<(RequestId, Page)>,
    pub(super) events: Vec<Event>,
    pub(super) saved: Vec<SavedSession>,
    pub(super) activations: Vec<(Verifier, MacAddress)>,
    pub(super) outputs: Vec<Output>,
    /// Questions that the vault and the ledger have not answered, while they are `slow`.
    /// Which keepsakes are good, and whose they are.
    pub(super) keepsakes: SortedMap<Keepsake, (Verifier, MacAddress)>,
    pub(super) checks: Vec<(AskId, Code)>,
    pub(super) asks: Vec<(AskId, Verifier)>,
    pub(super) slow_vault: bool,
    pub(super) slow_ledger: bool,
    /// The kernel refuses every batch that names one of these.
    pub(super) cursed: SortedSet<MacAddress>,
    pub(super) names: SortedMap<ClientId, Verifier>,
    requests: u64,
}

/// What nft would hold.
#[derive(Clone, Default)]
pub(super) struct Kernel {
    pub(super) devices: SortedMap<MacAddress, (ClientId, Instant)>,
    pub(super) counters: SortedMap<ClientId, UsageSample>,
    pub(super) gates: SortedMap<Gate, Instant>,
    /// Limits towards guests in kbit/s.
    pub(super) rates: SortedMap<ClientId, u32>,
}

pub(super) const HOUR: u32 = 3_600;

pub(super) fn settings() -> Settings {
    Settings {
        portal_host: "10.77.4.1".to_owned(),
        portal_address: Ipv4Addr::new(10, 77, 4, 1),
        portal_port: 2_080,
        community: Community { name: "Santa Mar\u{ed}a".to_owned(), ..Community::default() },
        languages: shipped::catalogue().languages(),
        language: None,
        lease: Span::from_secs(900),
        usage_interval: Span::from_secs(20),
        calls: Vec::new(),
        services: vec![("Escuela".to_owned(), "http://10.77.0.5/".to_owned())],
    }
}

/// A device whose address says its number (or does not: `mix` changes how MACs sort).
pub(super) fn mac(number: u8) -> MacAddress {
    MacAddress([2, 0, 0, 0, 0, number])
}

pub(super) fn verifier(number: u8) -> Verifier {
    Verifier([number; 8])
}

/// The code of voucher `number`.
pub(super) fn code(number: u8) -> String {
    Code::from_bits(u64::from(number) << 18 | u64::from(number)).to_string()
}

pub(super) fn seconds(seconds: u32) -> Measure {
    Measure::UsedSeconds { seconds, within_days: 0 }
}

pub(super) fn days(days: u16) -> Measure {
    Measure::DaysFromFirstUse { days }
}

pub(super) fn fresh(measure: Measure, devices: u8) -> Allowance {
    Allowance::unused(Tariff {
        name: "Plan".to_owned(),
        measure,
        devices,
        rate_down_kbps: 2_000,
        rate_up_kbps: 500,
        hours: None,
        data_bytes: None,
    })
}

pub(super) fn get(host: &str, path: &str) -> PortalRequest {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    PortalRequest {
        host: host.to_owned(),
        path: path.to_owned(),
        query: query.to_owned(),
        ..Default::default()
    }
}

pub(super) fn post_code(code: &str) -> PortalRequest {
    PortalRequest {
        method: Method::Post,
        body: format!("code={code}").into_bytes(),
        ..get("10.77.4.1", "/login")
    }
}

impl Bench {
    pub(super) fn new() -> Self {
        Self {
            hotspot: Hotspot::new(settings(), 7),
            now: Instant::from_millis(1_000_000),
            uplink: true,
            kernel: Kernel::default(),
            vouchers: SortedMap::new(),
            active: SortedSet::new(),
            whose: SortedMap::new(),
            away: SortedSet::new(),
            bytes_per_s: 0,
            passed: SortedMap::new(),
            truth: SortedMap::new(),
            replies: Vec::new(),
            events: Vec::new(),
            saved: Vec::new(),
            activations: Vec::new(),
            outputs: Vec::new(),
            keepsakes: SortedMap::new(),
            checks: Vec::new(),
            asks: Vec::new(),
            slow_vault: false,
            slow_ledger: false,
            cursed: SortedSet::new(),
            names: SortedMap::new(),
            requests: 0,
        }
    }

    /// A bench whose ledger holds voucher 1 with this measure, for one device.
    pub(super) fn with(measure: Measure) -> Self {
        let mut bench = Self::new();
        bench.sell(1, fresh(measure, 1));
        bench
    }

    pub(super) fn sell(&mut self, number: u8, allowance: Allowance) {
        self.vouchers.insert(verifier(number), VoucherState::Good(allowance));
    }

    /// One request; its page if it was answered at once.
    pub(super) fn ask(&mut self, device: MacAddress, http: PortalRequest) -> Option<Page> {
        let request = self.request(Some(device), http);
        self.page(request)
    }

    pub(super) fn request(&mut self, device: Option<MacAddress>, http: PortalRequest) -> RequestId {
        self.requests += 1;
        let request = RequestId(self.requests);
        self.hotspot.handle_request(self.now, request, device, http);
        self.drain();
        request
    }

    pub(super) fn page(&self, request: RequestId) -> Option<Page> {
        let mut pages = self.replies.iter().filter(|(id, _)| *id == request).map(|(_, page)| page.clone());
        let page = pages.next();
        assert_eq!(pages.next(), None, "a request is answered once");
        page
    }

    /// Types the code of voucher `number`; the page that answers.
    pub(super) fn log_in(&mut self, device: MacAddress, number: u8) -> Page {
        self.ask(device, post_code(&code(number))).expect("the bench answers at once")
    }

    pub(super) fn is_through(&self, device: MacAddress) -> bool {
        self.kernel.devices.get(&device).is_some_and(|(_, end)| *end > self.now)
    }

    pub(super) fn truth_s(&self, number: u8) -> u64 {
        self.truth.get(&verifier(number)).map_or(0, |span| span.as_secs())
    }

    pub(super) fn remaining(&self, number: u8) -> Option<Span> {
        let report = self.hotspot.report(self.now);
        report.sessions.iter().find(|s| s.verifier == verifier(number)).map(|s| s.remaining)
    }

    pub(super) fn set_uplink(&mut self, up: bool) {
        self.uplink = up;
        self.hotspot.handle_uplink(self.now, up);
        self.drain();
    }

    /// Time passes; the daemon wakes when it asked to.
    pub(super) fn run(&mut self, span: Span) {
        let end = self.now + span;
        for _ in 0..1_000_000 {
            let wake = self.hotspot.next_wake().filter(|wake| *wake <= end);
            self.pass(wake.unwrap_or(end).max(self.now));
            match wake {
                Some(_) => {
                    self.hotspot.handle_wake(self.now);
                    self.drain();
                }
                None => return,
            }
        }
        panic!("the hotspot wakes without end");
    }

    pub(super) fn run_s(&mut self, seconds: u64) {
        self.run(Span::from_secs(seconds));
    }

    /// Time passes without the daemon.
    pub(super) fn pass(&mut self, to: Instant) {
        let mut used: SortedMap<ClientId, Instant> = SortedMap::new();
        for (device, (client, end)) in &self.kernel.devices {
            if self.active.contains(device) && *end > self.now {
                let until = used.entry(*client).or_insert(self.now);
                *until = (*until).max((*end).min(to));
            }
        }
        for (client, until) in used {
            let counters = self.kernel.counters.get_mut(&client).expect("a client has counters");
            let span = until.since(self.now);
            if span > Span::ZERO {
                counters.up_packets += 1;
                counters.down_packets += 2;
                counters.up_bytes += 100;
                counters.down_bytes += 3_000;
                let rate = self.kernel.rates.get(&client).map_or(0, |kbps| u64::from(*kbps) * 125);
                let bytes_per_s = if rate == 0 { self.bytes_per_s } else { self.bytes_per_s.min(rate) };
                let bytes = bytes_per_s * span.as_millis() / 1_000;
                counters.down_bytes += bytes;
                *self.passed.entry(self.names[&client]).or_default() += bytes + 3_100;
            }
            if self.uplink {
                let truth = self.truth.entry(self.names[&client]).or_default();
                *truth = *truth + span;
            }
        }
        self.now = to;
        let now = self.now;
        self.kernel.devices.retain(|_, (_, end)| *end > now);
        let alive: SortedSet<_> = self.kernel.devices.values().map(|(client, _)| *client).collect();
        self.kernel.counters.retain(|client, _| alive.contains(client));
    }

    /// The daemon dies and comes back after `away`; the kernel goes on.
    pub(super) fn restart(&mut self, away: Span) {
        self.pass(self.now + away);
        self.hotspot = Hotspot::new(settings(), 8);
        (self.checks, self.asks) = (Vec::new(), Vec::new());
        let admitted = self.kernel.devices.iter().map(|(mac, (client, end))| AdmittedGuest {
            mac: *mac,
            client: *client,
            remaining: end.since(self.now),
        });
        let admitted = admitted.collect();
        let samples = self.kernel.counters.values().copied().collect();
        self.hotspot.handle_uplink(self.now, self.uplink);
        self.hotspot.handle_start(self.now, self.saved.clone(), admitted, samples);
        self.drain();
    }

    /// Does what the hotspot wants until it wants nothing.
    pub(super) fn drain(&mut self) {
        loop {
            let outputs: Vec<_> = std::iter::from_fn(|| self.hotspot.poll()).collect();
            if outputs.is_empty() {
                return;
            }
            for output in outputs {
                self.outputs.push(output.clone());
                self.act(output);
            }
        }
    }

    fn act(&mut self, output: Output) {
        match output {
            Output::Reply { request, page, .. } => self.replies.push((request, *page)),
            Output::Guests(changes) => self.apply(changes),
            Output::CheckCode { ask, code } => {
                self.checks.push((ask, code));
                if !self.slow_vault {
                    self.answer_checks();
                }
            }
            Output::Voucher { ask, verifier, .. } => {
                self.asks.push((ask, verifier));
                if !self.slow_ledger {
                    self.answer_asks();
                }
            }
            Output::Activate { verifier, mac, keepsake, returned, .. } => {
                self.activations.push((verifier, mac));
                returned.map(|returned| self.keepsakes.remove(&returned));
                self.keepsakes.extend(keepsake.map(|keepsake| (keepsake, (verifier, mac))));
            }
            Output::Return { ask, verifier, keepsake } => {
                let proof = Proof(keepsake.0);
                let known = self.keepsakes.get(&keepsake).is_some_and(|(known, _)| *known == verifier);
                self.hotspot.handle_code_checked(self.now, ask, known.then_some((verifier, proof)));
            }
            Output::Forget { mac, .. } => self.keepsakes.retain(|_, (_, known)| *known != mac),
            Output::Used { verifier, used_s, since_first_use_s, up_bytes, down_bytes } => {
                if let Some(VoucherState::Good(allowance)) = self.vouchers.get_mut(&verifier) {
                    assert!(used_s >= allowance.used_here_s, "totals never fall");
                    allowance.used_s += used_s - allowance.used_here_s;
                    allowance.used_here_s = used_s;
                    allowance.since_first_use_s = Some(since_first_use_s);
                    (allowance.up_bytes_here, allowance.down_bytes_here) = (up_bytes, down_bytes);
                }
            }
            Output::SaveSessions(saved) => self.saved = saved,
            Output::ReadUsage => {
                let samples: Vec<_> = self.kernel.counters.values().copied().collect();
                self.hotspot.handle_usage(self.now, &samples);
            }
            Output::Seek(macs) => {
                let found: Vec<_> = macs.iter().map(|mac| (*mac, !self.away.contains(mac))).collect();
                self.hotspot.handle_sought(self.now, &found);
            }
            Output::Recognise { ask, mac } => {
                let whose = self.whose.get(&mac).copied().unwrap_or(Whose::Nobody);
                self.hotspot.handle_recognised(self.now, ask, whose);
            }
            Output::Found { .. } => {}
            Output::Event(event) => {
                if let Event::SessionOpened { client, verifier } = event {
                    self.names.insert(client, verifier);
                }
                self.events.push(event);
            }
        }
    }

    pub(super) fn answer_checks(&mut self) {
        for (ask, code) in std::mem::take(&mut self.checks) {
            // Codes of the bench have equal secret and tag; others are mistakes.
            let fits = code.secret() == u64::from(code.tag()) && code.secret() < 256;
            let result = fits.then(|| (verifier(code.tag() as u8), Proof([code.tag() as u8; 16])));
            self.hotspot.handle_code_checked(self.now, ask, result);
        }
    }

    pub(super) fn answer_asks(&mut self) {
        for (ask, verifier) in std::mem::take(&mut self.asks) {
            let state = self.vouchers.get(&verifier).cloned().unwrap_or(VoucherState::Unknown);
            self.hotspot.handle_voucher(self.now, ask, state);
        }
    }

    fn apply(&mut self, changes: Vec<GuestChange>) {
        assert!(!changes.is_empty());
        let cursed = changes.iter().any(|change| {
            matches!(change, GuestChange::Admit { mac, .. } | GuestChange::Dismiss { mac, .. } if self.cursed.contains(mac))
        });
        if cursed {
            return self.hotspot.handle_guests_failed(self.now, changes, "No buffer space".to_owned());
        }
        for change in changes {
            match change {
                GuestChange::Admit { mac, client, lease, rate_down_kbps, .. } => {
                    self.kernel.rates.insert(client, rate_down_kbps);
                    assert!(lease > Span::ZERO && (1..=65_535).contains(&client.0));
                    self.kernel.devices.insert(mac, (client, self.now + lease));
                    self.kernel.counters.entry(client).or_insert(UsageSample {
                        client,
                        up_bytes: 0,
                        up_packets: 0,
                        down_bytes: 0,
                        down_packets: 0,
                    });
                }
                GuestChange::Dismiss { mac, client, last } => {
                    self.kernel.devices.remove(&mac);
                    if last {
                        self.kernel.counters.remove(&client);
                    }
                }
                GuestChange::Hold { gate, lease } => {
                    self.kernel.gates.insert(gate, self.now + lease);
                }
                GuestChange::Release { gate } => drop(self.kernel.gates.remove(&gate)),
            }
        }
    }
}

pub(super) fn notice_of(page: &Page) -> Option<Notice> {
    match page {
        Page::Form { notice, .. } => *notice,
        _ => None,
    }
}

pub(super) fn session_of(page: Page) -> SessionView {
    match page {
        Page::Welcome { session, .. } | Page::Status { session, .. } => session,
        other => panic!("expected a session, got {other:?}"),
    }
}
