//! What is fuzzed: each function takes any octets and must not panic. `tests/fuzz` calls them with the corpus beside
//! this file and with what a seeded mutator makes of it.

use std::net::Ipv6Addr;

use tequio::babel::auth::mac;
use tequio::babel::auth::settings::{Algorithm, Auth, AuthMode, KeyUse};
use tequio::babel::auth::wire::Sealed;
use tequio::babel::engine::{Datagram, MULTICAST};
use tequio::babel::output::Output;
use tequio::babel::settings::{InterfaceSettings, LinkKind, Settings};
use tequio::babel::wire::packet::{PacketError, parse};
use tequio::babel::wire::tlv::Tlv;
use tequio::babel::wire::write::PacketWriter;
use tequio::babel::{Engine, InterfaceStatus, RouterId, SeqNo};
use tequio::base::address::{InterfaceIndex, Prefix, PrefixPair};
use tequio::base::limit;
use tequio::base::time::{Instant, Span};
use tequio::hotspot::portal::{self, Catalogue, Language, Notice, Page, Typed};
use tequio::ledger::month::Month;
use tequio::ledger::sync::{Event, Link, Output as Exchange, Place, StreamId, Sync};
use tequio::ledger::{Ledger, Record, RecordId, bundle, cbor, journal};
use tequio::link::change;
use tequio::platform::netlink::message::Messages;
use tequio::platform::portal_http::read_request;
use tequio::platform::queues::Standing;

const SOURCE: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);
const OURS: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const HERE: InterfaceIndex = InterfaceIndex(1);
const KEY: &[u8] = b"0123456789abcdef";

/// Any octets as a packet.
pub(crate) fn packet(data: &[u8]) {
    if let Err(PacketError::Truncated(position)) = parse(data, SOURCE) {
        assert!(position < data.len(), "the place that is named lies in the packet");
    }
}

/// What can be read can be written, and is then read as the same.
pub(crate) fn round_trip(data: &[u8]) {
    let Ok(packet) = parse(data, SOURCE) else { return };
    let mut writer = PacketWriter::new(65_000, SOURCE);
    // Compressed prefixes may be longer once they stand alone: what does not fit ends it.
    let written = packet.tlvs.iter().take_while(|tlv| writer.push(tlv)).count();
    let again = parse(&writer.finish(), SOURCE).expect("our own packets are sound");
    assert_eq!(again.ignored, [], "our own packets hold nothing that a reader ignores");
    assert_eq!(again.tlvs, packet.tlvs[..written]);
}

/// What authentication reads before anything else: in bounds, and of the packet itself.
pub(crate) fn mac_pre_parse(data: &[u8]) {
    let Ok(sealed) = Sealed::read(data) else { return };
    assert!(data.starts_with(sealed.covered));
    assert!(sealed.macs.len() <= tequio::base::limit::BABEL_MACS_PER_PACKET);
    if let Some((index, _)) = sealed.counter {
        assert!(index.len() <= 32);
    }
    // Whoever reads the packet finds the same frame.
    assert!(!matches!(
        parse(data, SOURCE),
        Err(PacketError::Short | PacketError::Magic | PacketError::Version | PacketError::BodyLength)
    ));
}

/// Any octets as what a kernel says about its queues: read within its message, or not at all.
pub(crate) fn queues(data: &[u8]) {
    for message in Messages::new(data) {
        let Some(standing) = Standing::parse(&message) else { continue };
        assert!(message.payload.len() >= 20, "{standing:?} has a head");
    }
}

/// Any octets as a record: what is read is the one spelling, and within its bounds.
pub(crate) fn record(data: &[u8]) {
    let Ok(record) = Record::parse(data) else { return };
    assert_eq!(cbor::walk(data), Ok(()), "a record is deterministic CBOR");
    assert_eq!(record.octets(), data.len());
    let _ = record.verify(data);
    // What follows from it alone.
    let mut ledger = Ledger::new(record.author, 1);
    if ledger.handle_stored(data).is_ok() {
        assert_eq!(ledger.bytes_of(record.id).as_deref(), Some(data), "as it came");
    }
    look_at(&ledger);
}

/// Any octets as what a browser sends: within its bounds, and the same in whatever pieces it comes.
pub(crate) fn request(data: &[u8]) {
    let whole = read_request(data);
    if let Ok(Some(request)) = &whole {
        assert!(request.path.starts_with('/') && request.path.len() <= limit::PORTAL_REQUEST_BYTES);
        assert!(request.body.len() <= limit::PORTAL_REQUEST_BYTES);
        let texts = [&request.host, &request.path, &request.query, &request.accept_language, &request.cookie];
        assert!(
            !texts.iter().any(|text| text.contains(['\r', '\n', '\0'])),
            "a line that a header could forge"
        );
    }
    // The first pieces are refused as the whole is, or not whole yet, or all that is wanted of it.
    for end in [data.len() / 3, data.len() / 2, data.len().saturating_sub(1)] {
        match read_request(&data[..end]) {
            Ok(None) => {}
            early => assert_eq!(early, whole, "what was decided after {end} octets stays so"),
        }
    }
}

/// Any octets as a file of the portal's words: what is taken of it is text within its bounds that keeps its gaps, and a page of
/// it is whole.
pub(crate) fn words(data: &[u8]) {
    let language = Language::of_code("tzh").expect("three letters");
    let mut catalogue = Catalogue::default();
    let spanish = catalogue.clone();
    if let Err(damage) = catalogue.add(language, data) {
        assert!(damage.lines == 0 || damage.first <= data.len() + 1);
    }
    let (words, spanish) = (catalogue.words(language), spanish.words(Language::ES));
    for key in ["language", "form.title", "notice.wait.text", "status.devices", "span.two", "day.many"] {
        let text = words.text(key);
        assert!(
            !text.is_empty() && text.len() <= limit::PORTAL_TEXT_BYTES && !text.contains(char::is_control)
        );
        for gap in ["{n}", "{x}", "{y}"] {
            assert_eq!(text.contains(gap), spanish.text(key).contains(gap), "{key} keeps its gaps");
        }
    }
    let place = portal::Place {
        community: String::new(),
        colour: None,
        logo: false,
        notices: Vec::new(),
        services: Vec::new(),
        uplink: false,
        ..portal::Place::default()
    };
    let page =
        Page::Form { place, typed: Typed::default(), notice: Some(Notice::TryAgainIn { seconds: 61 }) };
    let html = String::from_utf8(page.render(words, "17").body).expect("a page is text");
    assert!(html.len() < 30_000 && html.trim_end().ends_with("</html>") && !html.contains("<script"));
}

/// Any octets as a word about the change of a link, and as its record on flash: what is read is written alike.
pub(crate) fn link_change(data: &[u8]) {
    if let Some((id, message)) = change::Message::decode(data) {
        assert_eq!(message.encode(id), data);
    }
    if let Some(record) = change::Record::decode(data) {
        assert_eq!(record.encode(), data);
    }
}

/// Any octets as a journal: what is found lies in it, in order, and behind it nothing of use is cut.
pub(crate) fn journal(data: &[u8]) {
    let Ok(scan) = journal::scan(&[3; 32], data) else { return };
    assert!(scan.valid_len <= data.len());
    let mut last = 0;
    for range in &scan.records {
        assert!(last <= range.start && range.start < range.end && range.end <= scan.valid_len);
        last = range.end;
    }
}

/// Octets as a bundle of records that were verified: whatever they say, nothing panics, and the order in which they come
/// changes nothing.
pub(crate) fn ledger(data: &[u8]) {
    let Ok(records) = bundle::read(data) else { return };
    let (mut one, mut other) = (Ledger::new([0; 32], 1), Ledger::new([0; 32], 1));
    for record in &records {
        let _ = one.handle_stored(record);
    }
    let _ = other.handle_journal(records.iter().rev().copied());
    if one.community() == other.community() {
        // Two signatures over one envelope are one record: whichever came first is kept, and they say the same.
        assert_eq!(one.report(), other.report(), "what is said is a function of the set");
        assert_eq!(one.month_report(Month(24_324)), other.month_report(Month(24_324)));
        assert_eq!(names(&one), names(&other));
        assert_eq!(one.closes(), other.closes());
    }
    look_at(&one);
}

thread_local! {
    /// The ledger of a member, and the X25519 key that its own record names.
    static VILLAGE: (Ledger, [u8; 32]) = {
        let records = bundle::read(include_bytes!("corpus/ledger/sold")).expect("a bundle of the corpus");
        let mut strange = Ledger::new([0; 32], 1);
        strange.handle_journal(records.iter().copied());
        let member = strange.members().next().expect("it has a member").member.clone();
        let mut ledger = Ledger::new(member.key, 1);
        ledger.handle_journal(records);
        (ledger, member.dh)
    };
}

/// Octets as what a member says on its stream, each message behind its length: nothing panics, nothing that leaves is longer
/// than anybody may read, and what is answered without end is answered in bounds.
pub(crate) fn sync(data: &[u8]) {
    let (mut ledger, dh) = VILLAGE.with(Clone::clone);
    let mut sync = Sync::new(1);
    let mut now = Instant::ZERO + Span::from_secs(1);
    let (stream, place) = (StreamId(1), Place { interface: HERE, address: SOURCE });
    let link = Link { place, dh, dialled: data.len() % 2 == 1 };
    sync.handle(now, Event::Opened(stream, link), &ledger);
    let mut rest = data;
    while let Some((length, body)) = rest.split_first_chunk::<2>() {
        let length = usize::from(u16::from_be_bytes(*length)).min(body.len());
        let (bytes, behind) = body.split_at(length);
        rest = behind;
        now = now + Span::from_secs(1);
        sync.handle(now, Event::Beacon { place, bytes: bytes.to_vec() }, &ledger);
        sync.handle(now, Event::Message { stream, bytes: bytes.to_vec() }, &ledger);
        for _ in 0..4 {
            let _ = sync.verify_next(now, &mut ledger);
        }
        sync.handle_wake(now, &ledger);
        for _ in 0..16 {
            let Some(output) = sync.poll() else { break };
            if let Exchange::Send { bytes, .. } = output {
                assert!(bytes.len() <= limit::SYNC_MESSAGE_BYTES, "{} octets leave", bytes.len());
                sync.handle(now, Event::Writable(stream), &ledger);
            }
        }
    }
    look_at(&ledger);
}

/// What a ledger holds.
fn names(ledger: &Ledger) -> Vec<(u64, RecordId)> {
    let mut names: Vec<_> = ledger.held().collect();
    names.sort_unstable();
    names
}

fn look_at(ledger: &Ledger) {
    let _ = (ledger.report(), ledger.month_report(Month(24_322)), ledger.late());
    let _ = (
        ledger.mode(),
        ledger.services(),
        ledger.notices(Some(20_833)),
        ledger.time_record(),
        ledger.close_body(Month(0), None),
    );
}

/// Octets as a story: packets, time, carriers, settings, prefixes. Whatever happens, the engine never asks to
/// be woken in the past, and sends only packets that a reader takes whole.
pub(crate) fn engine(data: &[u8]) {
    let mut story = Story::new();
    let mut rest = data;
    let mut steps = 0;
    while let Some((&what, behind)) = rest.split_first()
        && steps < STEPS
    {
        rest = story.step(what, behind);
        steps += 1;
    }
    story.pass(Span::from_secs(70));
}

/// The same as [`packet`], with a mistake put in on purpose: a request whose hop count is 199 panics. A
/// fuzzer that does not find it looks at nothing.
pub(crate) fn planted(data: &[u8]) {
    let tlvs = parse(data, SOURCE).map(|packet| packet.tlvs).unwrap_or_default();
    let found = |tlv: &Tlv| matches!(tlv, Tlv::SeqnoRequest(request) if request.hop_count == 199);
    assert!(!tlvs.iter().any(found), "the planted mistake");
}

/// Steps of one story: a fuzzer learns nothing from longer ones.
const STEPS: usize = 200;

struct Story {
    engine: Engine,
    now: Instant,
    counter: u32,
}

impl Story {
    fn new() -> Self {
        let engine =
            Engine::new(settings(AuthMode::Off, 1_000), RouterId([2, 0, 0, 0, 0, 0, 0, 1]), SeqNo(7), 1);
        let mut story = Self { engine, now: Instant::from_millis(1_000), counter: 0 };
        story.interface(true);
        story
    }

    /// Takes what one step needs from `data` and gives back the rest.
    fn step<'a>(&mut self, what: u8, data: &'a [u8]) -> &'a [u8] {
        let (argument, rest) = data.split_first().map_or((0, data), |(first, rest)| (*first, rest));
        let length = usize::from(argument).min(rest.len());
        let (body, behind) = rest.split_at(length);
        match what % 8 {
            0 | 1 => self.packet(what, &framed(body)),
            2 => self.packet(what, body),
            3 => {
                let sealed = self.sealed(body);
                self.packet(what, &sealed);
            }
            4 => {
                self.pass(Span::from_millis(u64::from(argument) * 40));
                return rest;
            }
            5 => {
                self.interface(argument % 4 != 0);
                return rest;
            }
            6 => {
                let mode = [AuthMode::Off, AuthMode::Sign, AuthMode::Strict][usize::from(argument) % 3];
                self.engine.handle_settings(self.now, settings(mode, 100 * u64::from(argument)));
                self.drain();
                return rest;
            }
            _ => {
                let own = (0..argument % 5).map(|number| (prefix(number), u16::from(argument)));
                self.engine.handle_originated(self.now, &own.collect());
                self.drain();
                return rest;
            }
        }
        behind
    }

    fn packet(&mut self, what: u8, bytes: &[u8]) {
        let source = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, u16::from(what >> 5) + 2);
        let destination = if what & 16 == 0 { MULTICAST } else { OURS };
        let mut verify =
            |_: &str, message: &[u8], macs: &[&[u8]]| mac::verify(Algorithm::Blake2s128, KEY, message, macs);
        let datagram = Datagram { interface: HERE, source, destination, bytes };
        self.engine.handle_packet(self.now, &datagram, &mut verify);
        self.drain();
    }

    /// A packet with a counter that grows, and a MAC that fits if it goes from `SOURCE` to all.
    fn sealed(&mut self, body: &[u8]) -> Vec<u8> {
        self.counter += 1;
        let counter = [&[17, 5][..], &self.counter.to_be_bytes(), &[1]].concat();
        let mut bytes = framed(&[body, &counter].concat());
        let message = tequio::babel::auth::wire::message(SOURCE.into(), MULTICAST.into(), &bytes);
        bytes.extend_from_slice(&[16, 16]);
        bytes.extend_from_slice(&mac::compute(Algorithm::Blake2s128, KEY, &message));
        bytes
    }

    fn interface(&mut self, up: bool) {
        let (link_local, ipv4) = (Some(OURS), Some(std::net::Ipv4Addr::new(172, 16, 0, 1)));
        let status = InterfaceStatus { index: HERE, name: "x".into(), up, link_local, mtu: 1_280, ipv4 };
        self.engine.handle_interface(self.now, status);
        self.drain();
    }

    fn pass(&mut self, span: Span) {
        let end = self.now + span;
        while let Some(wake) = self.engine.next_wake().filter(|wake| *wake <= end) {
            self.now = self.now.max(wake);
            self.engine.handle_wake(self.now);
            let next = self.engine.next_wake();
            assert!(next.is_none_or(|next| next > self.now), "it would spin: {next:?} at {:?}", self.now);
            self.drain();
        }
        self.now = end;
    }

    fn drain(&mut self) {
        while let Some(output) = self.engine.poll() {
            if let Output::Send { bytes, .. } = output {
                let packet = parse(&bytes, OURS).expect("our own packets are sound");
                assert_eq!(packet.ignored, [], "our own packets hold nothing that a reader ignores");
            }
        }
        let report = self.engine.report(self.now);
        let usable = |route: &tequio::babel::report::RouteReport| route.feasible && route.metric < u16::MAX;
        assert!(report.routes.iter().all(|route| !route.selected || usable(route)));
    }
}

/// Magic, version and length before a body.
fn framed(body: &[u8]) -> Vec<u8> {
    let body = &body[..body.len().min(usize::from(u16::MAX))];
    let [high, low] = u16::try_from(body.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&[42, 2, high, low][..], body].concat()
}

/// A host; the odd ones only for packets from one source.
fn prefix(number: u8) -> PrefixPair {
    let host = Prefix::host(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, u16::from(number)).into());
    let source = Prefix::new(Ipv6Addr::new(0xfd77, 0, 0, 0, 0, 0, 0, 0).into(), 16).expect("16 of 128 bits");
    if number.is_multiple_of(2) { host.into() } else { PrefixPair::new(host, source).expect("one family") }
}

fn settings(mode: AuthMode, hello_ms: u64) -> Settings {
    let keys = vec![KeyUse { name: "k".into(), algorithm: Algorithm::Blake2s128, signs: true }];
    let interface = InterfaceSettings {
        name: "x".into(),
        kind: if hello_ms.is_multiple_of(3) { LinkKind::Wired } else { LinkKind::Wireless },
        hello_interval: Span::from_millis(hello_ms),
        update_interval: Span::from_millis(hello_ms * 4),
        rxcost: 96,
        split_horizon: hello_ms.is_multiple_of(2),
        auth: Auth { mode, keys },
        radio: None,
        v4_via_v6: !hello_ms.is_multiple_of(5_000),
    };
    Settings { interfaces: vec![interface], ..Settings::default() }
}
