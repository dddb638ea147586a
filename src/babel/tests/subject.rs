//! One engine, packets written by hand, and what it answers.

use std::net::Ipv6Addr;

use crate::babel::counters::Fault;
use crate::babel::engine::{Datagram, Engine, MULTICAST};
use crate::babel::output::{Event, Output, RouteAction};
use crate::babel::report::RouteReport;
use crate::babel::settings::{LinkKind, Settings};
use crate::babel::tests::bench::{interface_settings, status};
use crate::babel::wire::packet::parse;
use crate::babel::wire::tlv::{SeqnoRequest, Tlv, Update};
use crate::babel::wire::write::PacketWriter;
use crate::babel::{RouterId, SeqNo};
use crate::base::address::{InterfaceIndex, PrefixPair};
use crate::base::time::{Instant, Span};

pub(super) const OURS: RouterId = RouterId([2, 0, 0, 0, 0, 0, 0, 1]);
pub(super) const ORIGIN: RouterId = RouterId([2, 0, 0, 0, 0, 0, 0, 9]);
pub(super) const OTHER: RouterId = RouterId([2, 0, 0, 0, 0, 0, 0, 8]);
pub(super) const ONE: u16 = 1;
pub(super) const TWO: u16 = 2;
/// The prefix that most cases are about.
pub(super) const P: &str = "fd00:9::/64";

/// An engine with one interface, and what it said.
pub(super) struct Subject {
    pub(super) engine: Engine,
    pub(super) now: Instant,
    pub(super) sent: Vec<(Ipv6Addr, Tlv)>,
    pub(super) routes: Vec<(PrefixPair, RouteAction)>,
    pub(super) events: Vec<Event>,
}

pub(super) fn peer(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xffff, number)
}

pub(super) fn prefix(text: &str) -> PrefixPair {
    text.parse().unwrap()
}

pub(super) fn ours() -> Ipv6Addr {
    status(0, 0, true).link_local.unwrap()
}

pub(super) fn route(text: &str, seqno: u16, metric: u16) -> Tlv {
    route_of(ORIGIN, text, seqno, metric)
}

pub(super) fn route_of(router_id: RouterId, text: &str, seqno: u16, metric: u16) -> Tlv {
    // The next hop is the packet's source, whatever that is: the writer is told the same.
    let (router_id, next_hop) = (Some(router_id), Some(peer(0).into()));
    let (prefix, seqno) = (Some(prefix(text)), SeqNo(seqno));
    Tlv::Update(Update { prefix, interval_cs: 1_600, seqno, metric, router_id, next_hop })
}

pub(super) fn retraction(text: &str) -> Tlv {
    Tlv::Update(Update::retraction(Some(prefix(text)), 1_600, SeqNo(1)))
}

impl Subject {
    /// An engine that has been up for a while, with the neighbours 1 and 2 at cost 96.
    pub(super) fn new() -> Self {
        let mut subject = Self::alone(LinkKind::Wired, false);
        subject.meet(ONE);
        subject.meet(TWO);
        subject.pass(2_000);
        subject.sent.clear();
        subject
    }

    pub(super) fn alone(kind: LinkKind, split_horizon: bool) -> Self {
        let settings =
            Settings { interfaces: vec![interface_settings(0, kind, split_horizon)], ..Settings::default() };
        let now = Instant::from_millis(1_000);
        let mut engine = Engine::new(settings, OURS, SeqNo(10), 1);
        engine.handle_interface(now, status(0, 0, true));
        Self { engine, now, sent: Vec::new(), routes: Vec::new(), events: Vec::new() }
    }

    pub(super) fn meet(&mut self, number: u16) {
        let hello = Tlv::Hello { unicast: false, seqno: SeqNo(1), interval_cs: 60_000 };
        let ihu = Tlv::Ihu { address: Some(ours().into()), rxcost: 96, interval_cs: 60_000 };
        self.hear(number, &[hello, ihu]);
    }

    /// A packet of these TLVs from a neighbour.
    pub(super) fn hear(&mut self, number: u16, tlvs: &[Tlv]) {
        let mut writer = PacketWriter::new(60_000, peer(0));
        assert!(tlvs.iter().all(|tlv| writer.push(tlv)));
        self.hear_bytes(number, &writer.finish());
    }

    pub(super) fn hear_bytes(&mut self, number: u16, bytes: &[u8]) {
        self.take(InterfaceIndex(1), peer(number), MULTICAST, bytes);
        self.drain();
    }

    /// A datagram comes; what the engine says to it waits.
    pub(super) fn take(
        &mut self,
        interface: InterfaceIndex,
        source: Ipv6Addr,
        destination: Ipv6Addr,
        bytes: &[u8],
    ) {
        let datagram = Datagram { interface, source, destination, bytes };
        self.engine.handle_packet(self.now, &datagram, &mut |_, _, _| false);
    }

    pub(super) fn pass(&mut self, millis: u64) {
        let end = self.now + Span::from_millis(millis);
        while let Some(wake) = self.engine.next_wake().filter(|&wake| wake <= end) {
            self.now = self.now.max(wake);
            self.engine.handle_wake(self.now);
            assert!(self.engine.next_wake() > Some(self.now), "it would spin");
            self.drain();
        }
        self.now = end;
    }

    pub(super) fn drain(&mut self) {
        let mut acks = Vec::new();
        while let Some(output) = self.engine.poll() {
            match output {
                Output::Send { destination, bytes, .. } => {
                    let packet = parse(&bytes, ours()).unwrap();
                    assert_eq!(packet.ignored, []);
                    acks.extend(packet.tlvs.iter().filter_map(|tlv| match tlv {
                        Tlv::AckRequest { opaque, .. } => Some((destination, Tlv::Ack { opaque: *opaque })),
                        _ => None,
                    }));
                    self.sent.extend(packet.tlvs.into_iter().map(|tlv| (destination, tlv)));
                }
                Output::Routes(changes) => {
                    self.routes.extend(changes.into_iter().map(|change| (change.prefix, change.action)));
                }
                Output::Event(event) => self.events.push(event),
            }
        }
        // The neighbours acknowledge what they are asked to (RFC 8966 3.3).
        for (neighbour, ack) in acks {
            let mut writer = PacketWriter::new(100, neighbour);
            writer.push(&ack);
            self.take(InterfaceIndex(1), neighbour, ours(), &writer.finish());
        }
    }

    pub(super) fn originate(&mut self, prefixes: &[&str]) {
        let prefixes = prefixes.iter().map(|text| (prefix(text), 0)).collect();
        self.engine.handle_originated(self.now, &prefixes);
        self.drain();
    }

    /// What was dropped of a neighbour, or on the interface.
    pub(super) fn dropped(&self, neighbour: Option<u16>) -> Vec<(Fault, u64)> {
        let mut all = self.engine.traffic();
        let its = all.find(|traffic| traffic.neighbour == neighbour.map(peer)).unwrap();
        its.received.dropped.iter().map(|(fault, count)| (*fault, *count)).collect()
    }

    pub(super) fn routes_to(&self, text: &str) -> Vec<RouteReport> {
        let report = self.engine.report(self.now);
        report.routes.into_iter().filter(|route| route.prefix == prefix(text)).collect()
    }

    pub(super) fn selected(&self, text: &str) -> Option<RouteReport> {
        self.routes_to(text).into_iter().find(|route| route.selected)
    }

    /// The updates about a prefix that were sent within the next 250 ms, and to whom.
    pub(super) fn updates(&mut self, text: &str) -> Vec<(Ipv6Addr, Update)> {
        self.sent.clear();
        self.pass(250);
        let about = |(to, tlv): &(Ipv6Addr, Tlv)| match tlv {
            Tlv::Update(update) if update.prefix == Some(prefix(text)) => Some((*to, update.clone())),
            _ => None,
        };
        self.sent.iter().filter_map(about).collect()
    }

    /// The seqno requests that were sent within the next 250 ms, and to whom.
    pub(super) fn seqno_requests(&mut self) -> Vec<(Ipv6Addr, SeqnoRequest)> {
        self.sent.clear();
        self.pass(250);
        let requests = |(to, tlv): &(Ipv6Addr, Tlv)| match tlv {
            Tlv::SeqnoRequest(request) => Some((*to, request.clone())),
            _ => None,
        };
        self.sent.iter().filter_map(requests).collect()
    }
}

pub(super) fn wants(router_id: RouterId, text: &str, seqno: u16, hop_count: u8) -> SeqnoRequest {
    SeqnoRequest { prefix: prefix(text), router_id, seqno: SeqNo(seqno), hop_count }
}
