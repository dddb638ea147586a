//! Nodes with real vaults on a virtual clock: Babel's packets, beacons and streams between them, power cuts.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv6Addr;

use tequio::babel::auth::settings::{Auth, AuthMode};
use tequio::babel::output::RouteAction;
use tequio::babel::settings::{InterfaceSettings, LinkKind};
use tequio::babel::{InterfaceStatus, RouterId, SeqNo};
use tequio::base::address::{InterfaceIndex, MacAddress, PrefixPair};
use tequio::base::time::{Instant, Span};
use tequio::base::voucher::RequestId;
use tequio::hotspot::code::Code;
use tequio::hotspot::output::{ClientId, GuestChange, UsageSample};
use tequio::hotspot::portal::Page;
use tequio::hotspot::request::PortalRequest;
use tequio::ledger::sync::{Event, Link, Output as Exchange, Place, StreamId};
use tequio::link::change::{Action, Record, Which};
use tequio::node::call::{Answer, Call, Caller, Status, VoucherIssue};
use tequio::node::deed::LotUse;
use tequio::node::input::{Input, KernelRoute};
use tequio::node::output::Output;
use tequio::node::settings::{Announce, Settings};
use tequio::node::vault::Vault;
use tequio::node::{Birth, Node};
use tequio::platform::vault::KeyVault;

/// What a packet or a message needs from one node to the next.
const ON_THE_WAY: Span = Span::from_millis(1);
/// After so long without an acknowledgement a stream has ended (`platform::streams`).
const UNACKNOWLEDGED: Span = Span::from_secs(20);

/// A node, and what it stands on.
pub(crate) struct Seat {
    /// Its public key.
    pub(crate) key: [u8; 32],
    pub(crate) vault: KeyVault,
    pub(crate) node: Option<Node>,
    pub(crate) settings: Settings,
    /// What is on its flash.
    pub(crate) journal: Vec<Vec<u8>>,
    /// What its kernel does.
    pub(crate) kernel: BTreeMap<PrefixPair, RouteAction>,
    /// When a route of it changed.
    pub(crate) changes: Vec<(Instant, PrefixPair)>,
    pub(crate) notes: Vec<String>,
    pub(crate) boots: u8,
    /// How often it said that it is there.
    pub(crate) beacons: usize,
    /// Phones in its air, by their addresses; they send nothing, and answer probes.
    pub(crate) phones: Vec<MacAddress>,
    /// Phones that its kernel lets through.
    pub(crate) admitted: Vec<(MacAddress, ClientId)>,
    /// What each of its wakes takes its processor: meanwhile it hears nothing, and what it says leaves at the end.
    pub(crate) wake_takes: Span,
    /// Until when it is at work.
    busy: Instant,
    page: Option<Page>,
    answer: Option<Answer>,
    /// The settings of its radio: neighbours hear each other if they have the same ones.
    pub(crate) radio: Which,
    /// A change of them, on its flash.
    pub(crate) change: Option<Record>,
}

/// A stream, by its two ends.
struct Wire {
    ends: [(usize, StreamId); 2],
    queues: [VecDeque<Vec<u8>>; 2],
    wanted: [bool; 2],
    /// One end has lost its power and could not say so.
    dead: bool,
}

pub(crate) struct Mesh {
    pub(crate) seats: Vec<Seat>,
    pub(crate) now: Instant,
    /// Pairs of neighbours.
    links: Vec<(usize, usize)>,
    wires: Vec<Wire>,
    due: BTreeMap<(Instant, u64), (usize, u8, Input)>,
    count: u64,
    /// How often somebody was dialled over a route.
    pub(crate) dials: usize,
    /// New settings of radios carry nothing.
    pub(crate) new_is_bad: bool,
}

/// The prefix of a node.
pub(crate) fn prefix(seat: usize) -> PrefixPair {
    format!("10.77.0.{}/32", seat + 1).parse().expect("a prefix")
}

/// What a node calls itself since a boot.
pub(crate) fn router_id(seat: usize, boots: u8) -> RouterId {
    RouterId([2, 0, 0, 0, 0, 0, u8::try_from(seat).expect("a small number"), boots])
}

/// The address that the plan gives a node beyond its links.
pub(crate) fn own_address(seat: usize) -> Ipv6Addr {
    let number = u16::try_from(seat + 1).expect("a small number");
    Ipv6Addr::new(0xfd12, 0x3456, 0x789a, 0xff00, 0, 0, 0, number)
}

/// The same as a prefix to announce.
pub(crate) fn own_prefix(seat: usize) -> PrefixPair {
    format!("{}/128", own_address(seat)).parse().expect("a prefix")
}

fn address(seat: usize, link: usize) -> Ipv6Addr {
    let part = |number: usize| u16::try_from(number).expect("a small number");
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, part(seat + 1), part(link + 1))
}

impl Mesh {
    /// Nodes in the order of their keys, so that who dials whom is the same in each run.
    pub(crate) fn new(nodes: usize, links: &[(usize, usize)], auth: AuthMode) -> Self {
        let fresh = || {
            let mut vault = KeyVault::fresh().expect("randomness");
            (vault.sign_key(), vault)
        };
        let mut vaults: Vec<([u8; 32], KeyVault)> = (0..nodes).map(|_| fresh()).collect();
        vaults.sort_by_key(|(key, _)| *key);
        let seats = vaults.into_iter().enumerate().map(|(seat, (key, vault))| Seat {
            key,
            vault,
            node: None,
            settings: settings(seat, links, auth),
            journal: Vec::new(),
            kernel: BTreeMap::new(),
            changes: Vec::new(),
            notes: Vec::new(),
            boots: 0,
            beacons: 0,
            phones: Vec::new(),
            admitted: Vec::new(),
            wake_takes: Span::ZERO,
            busy: Instant::ZERO,
            page: None,
            answer: None,
            radio: Which::Old,
            change: None,
        });
        let now = Instant::from_millis(1_000);
        let (seats, links) = (seats.collect(), links.to_vec());
        Self {
            seats,
            now,
            links,
            wires: Vec::new(),
            due: BTreeMap::new(),
            count: 0,
            dials: 0,
            new_is_bad: false,
        }
    }

    /// Power for a node, after a boot: nothing is left but its flash.
    pub(crate) fn on(&mut self, seat: usize) {
        let one = &mut self.seats[seat];
        one.boots += 1;
        one.kernel.clear();
        let part = u8::try_from(seat).expect("a small number");
        let router_id = router_id(seat, one.boots);
        let birth = Birth { router_id, seqno: SeqNo(1), seed: u64::from(part) << 8 | u64::from(one.boots) };
        one.node = Some(Node::new(self.now, one.settings.clone(), birth, &mut one.vault));
        let journal = one.journal.clone();
        if let Some(change) = one.change.clone() {
            if change.is_undone_at_boot() {
                one.radio = Which::Old;
            }
            self.step(seat, Input::ChangeFound(change.encode()));
        }
        self.step(seat, Input::Records(journal));
        for link in 0..self.links.len() {
            if self.peer(seat, link).is_some() {
                self.cable(seat, link, true);
            }
        }
        let of_kernel = |announced: &Announce| KernelRoute {
            prefix: announced.prefix,
            device: "lo".into(),
            protocol: 4,
            table: 254,
        };
        let own = self.seats[seat].settings.announce.iter().map(of_kernel).collect();
        self.step(seat, Input::KernelRoutes(own));
    }

    /// A cable is plugged in, or pulled out, at one end.
    pub(crate) fn cable(&mut self, seat: usize, link: usize, up: bool) {
        let status = InterfaceStatus {
            index: index(link),
            name: format!("l{link}"),
            up,
            link_local: Some(address(seat, link)),
            mtu: 1_500,
            ipv4: None,
        };
        self.step(seat, Input::Interface(status));
    }

    /// The power goes: nobody is told.
    pub(crate) fn off(&mut self, seat: usize) {
        self.seats[seat].node = None;
        for wire in self.wires.iter_mut().filter(|wire| wire.ends.iter().any(|(end, _)| *end == seat)) {
            wire.dead = true;
        }
    }

    /// As somebody who carries records to a node: its daemon starts anew with them.
    pub(crate) fn carry(&mut self, seat: usize, records: &[Vec<u8>]) {
        self.off(seat);
        let lost = std::mem::take(&mut self.wires);
        for wire in lost {
            // A daemon that ends closes its streams, and the others hear of it.
            match wire.ends.iter().position(|(end, _)| *end == seat) {
                Some(end) => {
                    let (other, id) = wire.ends[1 - end];
                    self.put(other, ON_THE_WAY, Input::Exchange(Event::Closed(id)));
                }
                None => self.wires.push(wire),
            }
        }
        self.seats[seat].journal.extend_from_slice(records);
        self.on(seat);
    }

    /// Lets time pass.
    pub(crate) fn pass(&mut self, span: Span) {
        let end = self.now + span;
        loop {
            let wakes = self.seats.iter().enumerate();
            let wakes =
                wakes.filter_map(|(seat, one)| Some((one.node.as_ref()?.next_wake()?.max(one.busy), seat)));
            let wake = wakes.min();
            let next = self.due.first_key_value().map(|((at, _), _)| *at);
            let at = wake.map(|(at, _)| at).into_iter().chain(next).min();
            let Some(at) = at.filter(|at| *at <= end) else { break };
            if next.is_some_and(|next| next <= at) {
                let ((at, number), (seat, boot, input)) = self.due.pop_first().expect("it was looked at");
                self.now = self.now.max(at);
                if self.seats[seat].busy > self.now {
                    self.due.insert((self.seats[seat].busy, number), (seat, boot, input));
                } else if self.seats[seat].boots == boot {
                    self.step(seat, input);
                }
            } else if let Some((at, seat)) = wake {
                self.now = at.max(self.now + Span::from_micros(1));
                let began = self.now;
                self.now = began + self.seats[seat].wake_takes;
                self.seats[seat].busy = self.now;
                self.step_at(began, seat, Input::Wake);
                self.now = began;
            }
        }
        self.now = end;
    }

    /// Lets time pass until something is so; how many milliseconds that took.
    pub(crate) fn until(&mut self, what: &str, most: Span, is_so: impl Fn(&mut Self) -> bool) -> u64 {
        let began = self.now;
        while !is_so(self) {
            assert!(self.now.since(began) < most, "{what} has not come in {most}");
            self.pass(Span::from_millis(100));
        }
        self.now.since(began).as_millis()
    }

    /// Whether each of these has a way to each other one of them.
    pub(crate) fn reach(&self, seats: &[usize]) -> bool {
        let has = |from: usize, to: usize| {
            matches!(self.seats[from].kernel.get(&prefix(to)), Some(RouteAction::Install { .. }))
        };
        seats.iter().all(|from| seats.iter().all(|to| from == to || has(*from, *to)))
    }

    /// Whether anybody of these has a way to that one.
    pub(crate) fn is_reached(&self, seat: usize, by: &[usize]) -> bool {
        by.iter().any(|from| self.reach_one(*from, seat))
    }

    fn reach_one(&self, from: usize, to: usize) -> bool {
        matches!(self.seats[from].kernel.get(&prefix(to)), Some(RouteAction::Install { .. }))
    }

    pub(crate) fn ask(&mut self, seat: usize, call: Call) -> Answer {
        self.seats[seat].answer = None;
        self.step(seat, Input::Call { request: RequestId(7), caller: Caller::default(), call });
        self.seats[seat].answer.take().expect("a node answers")
    }

    /// The same of what is answered when the flash has it.
    pub(crate) fn ask_long(&mut self, seat: usize, call: Call) -> Answer {
        self.seats[seat].answer = None;
        self.step(seat, Input::Call { request: RequestId(7), caller: Caller::default(), call });
        self.pass(Span::from_secs(1));
        self.seats[seat].answer.take().expect("a node answers")
    }

    /// Somebody at a node accepts a new root; the answer comes when the flash has it.
    pub(crate) fn accept(&mut self, seat: usize, fingerprint: &str) {
        self.seats[seat].answer = None;
        let call = Call::RootAccept(fingerprint.to_owned());
        self.step(seat, Input::Call { request: RequestId(7), caller: Caller::default(), call });
        self.pass(Span::from_millis(10));
        let answer = self.seats[seat].answer.take();
        assert!(matches!(answer, Some(Answer::RootAccepted(_))), "{answer:?}");
    }

    /// A node sells one voucher of the only plan.
    pub(crate) fn sell(&mut self, seat: usize) -> Code {
        match self.try_to_sell(seat) {
            Answer::Issued(issued) => issued.vouchers[0].code,
            other => panic!("{other:?}"),
        }
    }

    /// The same of a node that may have no right to; its answer.
    pub(crate) fn try_to_sell(&mut self, seat: usize) -> Answer {
        let wish = VoucherIssue {
            plan: "hora".into(),
            count: 1,
            person: "ana".into(),
            key: String::new(),
            lot_use: LotUse::Sale,
        };
        self.ask_long(seat, Call::VoucherIssue(wish))
    }

    pub(crate) fn status(&mut self, seat: usize) -> Status {
        match self.ask(seat, Call::Status) {
            Answer::Status(status) => status,
            other => panic!("{other:?}"),
        }
    }

    /// The codes of a node's alerts, and what they say.
    pub(crate) fn alerts(&mut self, seat: usize) -> Vec<(String, String)> {
        let alerts = self.status(seat).alerts;
        alerts.into_iter().map(|alert| (alert.code, alert.message)).collect()
    }

    fn peer(&self, seat: usize, link: usize) -> Option<usize> {
        match self.links[link] {
            (one, other) if one == seat => Some(other),
            (one, other) if other == seat => Some(one),
            _ => None,
        }
    }

    fn put(&mut self, seat: usize, after: Span, input: Input) {
        self.count += 1;
        let boot = self.seats[seat].boots;
        self.due.insert((self.now + after, self.count), (seat, boot, input));
    }

    pub(crate) fn step(&mut self, seat: usize, input: Input) {
        self.step_at(self.now, seat, input);
    }

    fn step_at(&mut self, began: Instant, seat: usize, input: Input) {
        let one = &mut self.seats[seat];
        let Some(node) = &mut one.node else { return };
        for output in node.step(began, input, &mut one.vault) {
            self.perform(seat, output);
        }
    }

    fn perform(&mut self, seat: usize, output: Output) {
        match output {
            Output::Packet { interface, destination, bytes } => {
                let link = link(interface);
                let peer = self.peer(seat, link).expect("a link of its own");
                let is_there = self.is_heard(seat, peer);
                if is_there && (destination.is_multicast() || destination == address(peer, link)) {
                    let source = address(seat, link);
                    let packet = Input::Packet { interface, source, destination, bytes };
                    self.put(peer, ON_THE_WAY, packet);
                }
            }
            Output::Routes(changes) => {
                for change in changes {
                    let one = &mut self.seats[seat];
                    one.changes.push((self.now, change.prefix));
                    one.kernel.insert(change.prefix, change.action);
                }
            }
            Output::Store { id, records, .. } => {
                self.seats[seat].journal.extend(records);
                self.put(seat, ON_THE_WAY, Input::Stored(id));
            }
            Output::Answer { answer, .. } => self.seats[seat].answer = Some(*answer),
            Output::Note(note) => self.seats[seat].notes.push(note.text),
            Output::Exchange(output) => self.exchange(seat, output),
            Output::Change(action) => self.change(seat, action),
            Output::Page { page, .. } => self.seats[seat].page = Some(page),
            Output::Guests(changes) => self.let_through(seat, &changes),
            Output::ReadUsage => {
                let silent = |(_, client): &(MacAddress, ClientId)| UsageSample {
                    client: *client,
                    up_bytes: 0,
                    up_packets: 0,
                    down_bytes: 0,
                    down_packets: 0,
                };
                let samples = self.seats[seat].admitted.iter().map(silent).collect();
                self.put(seat, ON_THE_WAY, Input::Usage(samples));
            }
            Output::Seek(macs) => {
                let there = |mac: MacAddress| (mac, self.seats[seat].phones.contains(&mac));
                let found = macs.into_iter().map(there).collect();
                self.put(seat, ON_THE_WAY, Input::Sought(found));
            }
            _ => {}
        }
    }

    /// The platform of a node whose radio gets other settings.
    fn change(&mut self, seat: usize, action: Action) {
        let one = &mut self.seats[seat];
        match action {
            Action::Arm(record) | Action::Save(record) => one.change = Some(record),
            Action::Apply(_, which) => one.radio = which,
            Action::Forget(_) => {
                one.change = None;
                return;
            }
        }
        self.put(seat, Span::from_millis(50), Input::ChangeDone(true));
    }

    /// Whether two neighbours' radios have the same settings, and such that work.
    fn is_heard(&self, one: usize, other: usize) -> bool {
        let radios = [self.seats[one].radio, self.seats[other].radio];
        radios[0] == radios[1] && !(self.new_is_bad && radios[0] == Which::New)
    }

    fn let_through(&mut self, seat: usize, changes: &[GuestChange]) {
        let admitted = &mut self.seats[seat].admitted;
        for change in changes {
            let (GuestChange::Admit { mac, client, .. } | GuestChange::Dismiss { mac, client, .. }) = *change
            else {
                continue;
            };
            admitted.retain(|(known, _)| *known != mac);
            if matches!(change, GuestChange::Admit { .. }) {
                admitted.push((mac, client));
            }
        }
    }

    /// What a node's portal answers a phone, at the latest in ten seconds.
    pub(crate) fn browse(&mut self, seat: usize, mac: MacAddress, http: PortalRequest) -> Page {
        self.seats[seat].page = None;
        self.count += 1;
        let request = RequestId(1_000 + self.count);
        self.step(seat, Input::Portal { request, guest: Some(mac), http });
        self.until("a page", Span::from_secs(10), |mesh| mesh.seats[seat].page.is_some());
        self.seats[seat].page.take().expect("it was waited for")
    }

    fn exchange(&mut self, seat: usize, output: Exchange) {
        match output {
            Exchange::Beacon(bytes) => {
                self.seats[seat].beacons += 1;
                for link in 0..self.links.len() {
                    if let Some(peer) = self.peer(seat, link).filter(|peer| self.is_heard(seat, *peer)) {
                        let place = Place { interface: index(link), address: address(seat, link) };
                        let beacon = Event::Beacon { place, bytes: bytes.clone() };
                        self.put(peer, ON_THE_WAY, Input::Exchange(beacon));
                    }
                }
            }
            Exchange::Dial(place) => self.dial(seat, place),
            Exchange::Send { stream, bytes } => {
                let Some((wire, end)) = self.find(seat, stream) else { return };
                let [one, other] = self.wires[wire].ends.map(|(at, _)| at);
                self.wires[wire].dead |= !self.is_heard(one, other);
                if self.wires[wire].dead {
                    return self.put(seat, UNACKNOWLEDGED, Input::Exchange(Event::Closed(stream)));
                }
                self.wires[wire].queues[1 - end].push_back(bytes);
                self.put(seat, ON_THE_WAY, Input::Exchange(Event::Writable(stream)));
                self.deliver(wire, 1 - end);
            }
            Exchange::Read(stream) => {
                let Some((wire, end)) = self.find(seat, stream) else { return };
                self.wires[wire].wanted[end] = true;
                self.deliver(wire, end);
            }
            Exchange::Close(stream) => {
                let Some((wire, end)) = self.find(seat, stream) else { return };
                let (other, id) = self.wires.swap_remove(wire).ends[1 - end];
                self.put(other, ON_THE_WAY, Input::Exchange(Event::Closed(id)));
            }
        }
    }

    fn dial(&mut self, seat: usize, place: Place) {
        let peer = match place.is_routed() {
            false => self.peer(seat, link(place.interface)).expect("a link of its own"),
            true => (0..self.seats.len()).find(|of| own_address(*of) == place.address).expect("a member's"),
        };
        self.dials += usize::from(place.is_routed());
        let is_there = self.is_heard(seat, peer) && (!place.is_routed() || self.is_way(seat, peer));
        if self.seats[peer].node.is_none() || !is_there {
            return self.put(seat, Span::from_secs(5), Input::Exchange(Event::DialFailed(place)));
        }
        self.count += 2;
        let number = u32::try_from(self.count).expect("a short test");
        let ids = [StreamId(number), StreamId(number - 1)];
        let ends = [(seat, ids[0]), (peer, ids[1])];
        self.wires.push(Wire { ends, queues: Default::default(), wanted: [false; 2], dead: false });
        for (end, (at, id)) in ends.into_iter().enumerate() {
            let other = ends[1 - end].0;
            let dh = self.seats[other].vault.dh_key();
            let place = match place.is_routed() {
                false => Place { address: address(other, link(place.interface)), ..place },
                true => Place::routed(own_address(other)),
            };
            let opened = Event::Opened(id, Link { place, dh, dialled: end == 0 });
            self.put(at, ON_THE_WAY, Input::Exchange(opened));
        }
    }

    /// Whether both nodes have a way to each other's own address.
    fn is_way(&self, one: usize, other: usize) -> bool {
        let has = |from: usize, to: usize| {
            let prefix = own_prefix(to);
            matches!(self.seats[from].kernel.get(&prefix), Some(RouteAction::Install { .. }))
        };
        has(one, other) && has(other, one)
    }

    fn deliver(&mut self, wire: usize, end: usize) {
        let Wire { ends, queues, wanted, .. } = &mut self.wires[wire];
        if wanted[end]
            && let Some(bytes) = queues[end].pop_front()
        {
            wanted[end] = false;
            let (seat, stream) = ends[end];
            self.put(seat, ON_THE_WAY, Input::Exchange(Event::Message { stream, bytes }));
        }
    }

    fn find(&self, seat: usize, stream: StreamId) -> Option<(usize, usize)> {
        let ends = self
            .wires
            .iter()
            .enumerate()
            .flat_map(|(wire, one)| one.ends.iter().enumerate().map(move |(end, is)| (wire, end, *is)));
        ends.into_iter().find(|(.., is)| *is == (seat, stream)).map(|(wire, end, _)| (wire, end))
    }
}

fn settings(seat: usize, links: &[(usize, usize)], mode: AuthMode) -> Settings {
    let own = links.iter().enumerate().filter(|(_, (one, other))| *one == seat || *other == seat);
    let interface = |(link, _): (usize, &(usize, usize))| InterfaceSettings {
        name: format!("l{link}"),
        kind: LinkKind::Wired,
        hello_interval: Span::from_secs(1),
        update_interval: Span::from_secs(4),
        rxcost: 96,
        split_horizon: false,
        auth: Auth { mode, keys: Vec::new() },
        radio: None,
        v4_via_v6: true,
    };
    let mut settings = Settings { name: format!("nodo-{seat}"), ..Settings::default() };
    settings.babel.interfaces = own.map(interface).collect();
    settings.announce = vec![Announce { prefix: prefix(seat), metric: 0 }];
    settings
}

fn index(link: usize) -> InterfaceIndex {
    InterfaceIndex(u32::try_from(link + 1).expect("a small number"))
}

fn link(interface: InterfaceIndex) -> usize {
    usize::try_from(interface.0 - 1).expect("a small number")
}
