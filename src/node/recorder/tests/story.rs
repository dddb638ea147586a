//! A day at one hotspot, recorded from its first or its middle hour.

use super::vault::FakeVault;
use super::*;
use crate::base::time::{Span, TimeQuality, WallTime};
use crate::base::voucher::RequestId;
use crate::hotspot::output::{ClientId, GuestChange, UsageSample};
use crate::hotspot::portal::Page;
use crate::hotspot::request::{Method, PortalRequest};
use crate::node::call::{Answer, Call, Caller, PageOf, VoucherIssue, Which};
use crate::node::deed::LotUse;
use crate::node::input::KernelRoute;
use crate::node::probe::{Found, Probe, ProbeId};

/// A node with all that is around it.
pub(super) struct Story {
    pub(super) node: Node,
    pub(super) vault: FakeVault,
    pub(super) phones: [MacAddress; 3],
    recorder: Option<Recorder>,
    pub(super) recording: Vec<u8>,
    /// All that came out, in order.
    pub(super) outputs: Vec<Output>,
    now: Instant,
    requests: u64,
    /// Vouchers in use, whose counters rise.
    clients: Vec<ClientId>,
    octets: u64,
    /// Whether the journal answers at once.
    pub(super) journal: bool,
    /// Whether services answer.
    pub(super) services_answer: bool,
    /// What the kernel's clock says after a boot.
    pub(super) clock: WallTime,
}

impl Story {
    pub(super) fn new(phones: [MacAddress; 3], twist: u64) -> Self {
        let mut vault = FakeVault::new(twist);
        let now = Instant::from_millis(5_000);
        let birth = Birth { router_id: RouterId([2, 0, 0, 0, 0, 0, 0, 9]), seqno: SeqNo(7), seed: 11 };
        let node = Node::new(now, settings(), birth, &mut vault);
        let mut story = Self {
            node,
            vault,
            phones,
            recorder: None,
            recording: Vec::new(),
            outputs: Vec::new(),
            now,
            requests: 0,
            clients: Vec::new(),
            octets: 0,
            journal: true,
            services_answer: true,
            clock: WallTime { unix_s: 1_800_000_000, quality: TimeQuality::Trusted },
        };
        story.boot(community());
        story
    }

    fn boot(&mut self, records: Vec<Vec<u8>>) {
        self.step(Input::Clock(self.clock));
        self.step(Input::Records(records));
        self.step(Input::Interface(InterfaceStatus {
            index: InterfaceIndex(3),
            name: "wan".to_owned(),
            up: true,
            link_local: Some(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1)),
            mtu: 1_500,
            ipv4: None,
        }));
        let outside =
            KernelRoute { prefix: PrefixPair::DEFAULT_V4, device: "wan".to_owned(), protocol: 3, table: 254 };
        self.step(Input::KernelRoutes(vec![outside]));
    }

    /// The power goes and comes; this is what the flash holds.
    pub(super) fn power_cut(&mut self, records: Vec<Vec<u8>>) {
        let birth = Birth { router_id: RouterId([2, 0, 0, 0, 0, 0, 0, 8]), seqno: SeqNo(7), seed: 12 };
        self.node = Node::new(self.now, settings(), birth, &mut self.vault);
        self.clients.clear();
        self.boot(records);
    }

    /// A guest types a code.
    pub(super) fn log_in(&mut self, phone: usize, code: Code) -> Page {
        self.ask(phone, log_in(&code.to_string()))
    }

    /// From now on all is recorded; what was recorded before is another file.
    pub(super) fn record(&mut self) {
        let (recorder, bytes) = Recorder::start(&self.node);
        self.recorder = Some(recorder);
        self.recording = bytes;
    }

    /// Hands in what happens, and what follows from it, as the daemon would.
    pub(super) fn step(&mut self, input: Input) -> Vec<Output> {
        let mut inputs = VecDeque::from([input]);
        let mut all = Vec::new();
        while let Some(input) = inputs.pop_front() {
            let outputs = match &mut self.recorder {
                None => self.node.step(self.now, input, &mut self.vault),
                Some(recorder) => {
                    let (outputs, bytes) = recorder.step(&mut self.node, self.now, input, &mut self.vault);
                    self.recording.extend(bytes);
                    outputs
                }
            };
            inputs.extend(outputs.iter().filter_map(|output| self.answer(output)));
            all.extend(outputs);
        }
        self.outputs.extend(all.iter().cloned());
        all
    }

    fn answer(&mut self, output: &Output) -> Option<Input> {
        match output {
            Output::StoreWhole { id, .. } => Some(Input::Stored(*id)),
            Output::Store { id, .. } if self.journal => Some(Input::Stored(*id)),
            Output::Store { id, .. } => Some(Input::StoreFailed(*id, "no room".to_owned())),
            Output::Guests(changes) => {
                for change in changes {
                    match change {
                        GuestChange::Admit { client, .. } if !self.clients.contains(client) => {
                            self.clients.push(*client);
                        }
                        GuestChange::Dismiss { client, last: true, .. } => {
                            self.clients.retain(|known| known != client);
                        }
                        _ => {}
                    }
                }
                None
            }
            Output::Probe(Probe { id: id @ ProbeId::Service(..), .. }) => {
                let found = match self.services_answer {
                    true => Found::Answer { after: Span::from_millis(3) },
                    false => Found::Silence,
                };
                Some(Input::Probed { id: *id, found })
            }
            Output::ReadUsage => {
                self.octets += 100_000;
                let octets = self.octets;
                let sample = |client: &ClientId| UsageSample {
                    client: *client,
                    up_bytes: octets,
                    up_packets: octets / 1_000,
                    down_bytes: octets * 10,
                    down_packets: octets / 100,
                };
                Some(Input::Usage(self.clients.iter().map(sample).collect()))
            }
            _ => None,
        }
    }

    /// Time passes.
    pub(super) fn pass(&mut self, span: Span) -> Vec<Output> {
        let until = self.now + span;
        let mut all = Vec::new();
        while let Some(at) = self.node.next_wake().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            all.extend(self.step(Input::Wake));
        }
        self.now = until;
        all
    }

    /// Time passes, and the kernel's clock with it.
    pub(super) fn tick(&mut self, span: Span) {
        self.pass(span);
        self.clock.unix_s += span.as_secs();
        self.step(Input::Clock(self.clock));
    }

    fn request(&mut self) -> RequestId {
        self.requests += 1;
        RequestId(self.requests)
    }

    /// A phone asks the portal; the page comes when its checks are done.
    pub(super) fn ask(&mut self, phone: usize, http: PortalRequest) -> Page {
        let request = self.request();
        let mut outputs = self.step(Input::Portal { request, guest: Some(self.phones[phone]), http });
        outputs.extend(self.pass(Span::from_millis(50)));
        let page = outputs.into_iter().find_map(|output| match output {
            Output::Page { request: of, page, .. } if of == request => Some(page),
            _ => None,
        });
        page.expect("each browser gets a page")
    }

    pub(super) fn call(&mut self, call: Call) -> Answer {
        self.call_by(None, call)
    }

    /// The same by whoever is logged in.
    pub(super) fn call_by(&mut self, login: Option<&str>, call: Call) -> Answer {
        let request = self.request();
        let caller = Caller { login: login.map(str::to_owned) };
        let mut outputs = self.step(Input::Call { request, caller, call });
        outputs.extend(self.pass(Span::from_millis(50)));
        let answer = outputs.into_iter().find_map(|output| match output {
            Output::Answer { request: of, answer } if of == request => Some(*answer),
            _ => None,
        });
        answer.expect("each call is answered")
    }

    /// Asks for a sale, and does not wait for it.
    pub(super) fn order(&mut self, count: u16, key: &str) -> RequestId {
        let request = self.request();
        let (plan, person) = ("hora".to_owned(), "ana".to_owned());
        let call = Call::VoucherIssue(VoucherIssue {
            plan,
            count,
            person,
            key: key.to_owned(),
            lot_use: LotUse::Sale,
        });
        self.step(Input::Call { request, caller: Caller::default(), call });
        request
    }

    /// So many slices of work, each of which takes its time; gives what was answered, when.
    pub(super) fn slowly(&mut self, slices: usize, each: Span) -> Vec<(Instant, RequestId, Answer)> {
        let mut answered = Vec::new();
        for _ in 0..slices {
            self.now = self.now + each;
            for output in self.step(Input::Wake) {
                if let Output::Answer { request, answer } = output {
                    answered.push((self.now, request, *answer));
                }
            }
        }
        answered
    }

    /// Sells this many hours; gives the codes.
    pub(super) fn sell(&mut self, count: u16, key: &str) -> Vec<Code> {
        let wish = VoucherIssue {
            plan: "hora".to_owned(),
            count,
            person: "ana".to_owned(),
            key: key.to_owned(),
            lot_use: LotUse::Sale,
        };
        match self.call(Call::VoucherIssue(wish)) {
            Answer::Issued(issued) => issued.vouchers.iter().map(|voucher| voucher.code).collect(),
            other => panic!("{other:?}"),
        }
    }

    /// The whole day; the recording begins anew in its middle if `turn`.
    pub(super) fn play(&mut self, turn: bool) {
        let wrong = Code::from_bits(0x0123_4567_89ab ^ self.vault.twist);
        for typed in ["", "hola", "ma\u{f1}ana a las 7", &wrong.to_string()] {
            assert!(matches!(self.ask(0, log_in(typed)), Page::Form { notice: Some(_), .. }), "{typed}");
        }
        self.ask(0, browse("http.example", "/a/page"));
        let codes = self.sell(3, "");
        // Under way when the recording turns: a check, a look-up, a sale.
        let asked = self.request();
        let guest = Some(self.phones[1]);
        self.step(Input::Portal { request: asked, guest, http: log_in(&codes[1].to_string()) });
        let shown = self.request();
        let call = Call::VoucherShow(Which::Code(codes[2]));
        self.step(Input::Call { request: shown, caller: Caller::default(), call });
        if turn {
            self.record();
        }
        // The same code once more, spelt another way: both browsers get the answer.
        let spelt = codes[1].to_string().replace('-', " ").to_lowercase();
        assert!(matches!(self.ask(1, log_in(&spelt)), Page::Welcome { .. }));

        assert!(matches!(self.ask(0, log_in(&codes[0].to_string())), Page::Welcome { .. }));
        assert!(matches!(self.ask(2, log_in(&codes[0].to_string())), Page::Welcome { .. }));
        self.pass(Span::from_secs(700));
        assert!(matches!(self.ask(2, status()), Page::Status { .. }));
        let page = PageOf { offset: 0, limit: 10 };
        match self.call(Call::Sessions(page)) {
            Answer::Sessions(page, _) => assert_eq!(page.total, 2),
            other => panic!("{other:?}"),
        }
        self.call(Call::VoucherShow(Which::Code(codes[1])));
        let ended = self.vault.end(codes[1]).0;
        let end = Call::SessionEnd(ended, Some(self.phones[1]));
        assert_eq!(self.call(end.clone()), Answer::SessionEnded { verifier: ended, devices: 1 });
        assert!(matches!(self.call(end), Answer::Refused { .. }));
        let revoke = Call::VoucherRevoke(Which::Code(codes[0]), "lost".to_owned());
        assert!(matches!(self.call(revoke), Answer::Revoked { .. }));
        assert!(matches!(self.ask(2, log_in(&codes[0].to_string())), Page::Form { notice: Some(_), .. }));
        self.step(Input::GuestsFailed {
            changes: vec![GuestChange::Dismiss { mac: self.phones[0], client: ClientId(1), last: true }],
            why: "busy".to_owned(),
        });
        // A sale that the flash refuses, then one with a key, tapped twice.
        self.journal = false;
        let wish = VoucherIssue {
            plan: "hora".into(),
            count: 1,
            person: String::new(),
            key: String::new(),
            lot_use: LotUse::Sale,
        };
        assert!(matches!(self.call(Call::VoucherIssue(wish)), Answer::Refused { .. }));
        self.journal = true;
        self.pass(Span::from_secs(30));
        assert_eq!(self.sell(2, "tap"), self.sell(2, "tap"));
        self.pass(Span::from_secs(3_600));
        assert!(matches!(self.ask(1, browse("http.example", "/")), Page::Redirect { .. }));
    }
}

pub(super) fn portal(method: Method, path: &str) -> PortalRequest {
    PortalRequest {
        method,
        host: "10.77.4.1".to_owned(),
        path: path.to_owned(),
        accept_language: "en-GB,en;q=0.9".to_owned(),
        ..PortalRequest::default()
    }
}

pub(super) fn log_in(typed: &str) -> PortalRequest {
    let body = format!("x=1&code={}", typed.replace(' ', "+")).into_bytes();
    PortalRequest { body, ..portal(Method::Post, "/login") }
}

pub(super) fn status() -> PortalRequest {
    portal(Method::Get, "/status")
}

fn browse(host: &str, path: &str) -> PortalRequest {
    PortalRequest { host: host.to_owned(), path: path.to_owned(), ..PortalRequest::default() }
}
