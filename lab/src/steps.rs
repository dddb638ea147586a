//! `lab bench-steps`: how long the routing core keeps the loop from everything else, at thousands of routes.
//!
//! One engine with two neighbours that each announce the same prefixes. Each input is timed by itself, from the
//! call to the last output; of each kind the median and the longest are told. In the daemon nothing else runs
//! meanwhile, so that the longest is what a guest's page may have to wait. What counts is the time on a processor:
//! a busy machine makes no figure larger.

use std::net::Ipv6Addr;
use std::time::Duration;

use tequio::babel::auth::settings::Auth;
use tequio::babel::engine::{Datagram, MULTICAST};
use tequio::babel::policy::{Filter, Policy, Selector};
use tequio::babel::settings::{InterfaceSettings, LinkKind, Settings};
use tequio::babel::wire::tlv::{Tlv, Update};
use tequio::babel::wire::write::PacketWriter;
use tequio::babel::{Engine, InterfaceStatus, RouterId, SeqNo};
use tequio::base::address::{InterfaceIndex, Prefix, PrefixPair};
use tequio::base::time::{Instant, Span};

/// What one input may take of a processor with 10,000 routes, in milliseconds.
pub const MOST_MS: f64 = 50.0;

/// What was measured, in the order of the kinds' first appearance.
#[derive(Default)]
struct Times(Vec<(&'static str, Vec<f64>)>);

struct Bench {
    engine: Engine,
    now: Instant,
    hello: u16,
    times: Times,
}

/// Runs it with so many prefixes; prints a line per kind of input. Gives the longest of all, in milliseconds.
pub fn run(prefixes: u32) -> f64 {
    let now = Instant::from_millis(1_000);
    let origin = RouterId([2, 0, 0, 0, 0, 0, 0, 1]);
    let engine = Engine::new(settings(Policy::default()), origin, SeqNo(1), 1);
    let mut bench = Bench { engine, now, hello: 0, times: Times::default() };
    (0..2).for_each(|link| bench.status(link, true));
    bench.hear(0, 96);
    bench.hear(1, 96);
    for link in 0..2 {
        bench.announce(link, prefixes, "update packet, new routes");
    }
    bench.pass(30, prefixes);
    bench.hear(0, 400);
    bench.pass(40, prefixes);
    bench.hear(0, 96);
    bench.pass(10, prefixes);
    let refuse =
        Filter { routes: Selector { prefix: None, source: None, device: Some("m0".into()) }, adds: None };
    for incoming in [vec![refuse], Vec::new()] {
        let policy = Policy { incoming, ..Policy::default() };
        bench.time("another policy", |engine, now| engine.handle_settings(now, settings(policy)));
    }
    bench.pass(10, prefixes);
    bench.time("report", |engine, now| drop(engine.report(now)));
    bench.status(0, false);
    bench.pass(5, prefixes);
    bench.status(1, false);
    bench.pass(70, prefixes);
    bench.times.print(prefixes)
}

impl Bench {
    fn time(&mut self, kind: &'static str, act: impl FnOnce(&mut Engine, Instant)) {
        let begun = on_processor_ms();
        act(&mut self.engine, self.now);
        while self.engine.poll().is_some() {}
        self.times.add(kind, on_processor_ms() - begun);
    }

    fn status(&mut self, link: u32, up: bool) {
        let status = InterfaceStatus {
            index: InterfaceIndex(link + 1),
            name: format!("m{link}"),
            up,
            link_local: Some(own(link)),
            mtu: 1_500,
            ipv4: None,
        };
        let kind = if up { "interface comes up" } else { "carrier is lost" };
        self.time(kind, |engine, now| engine.handle_interface(now, status));
    }

    /// A Hello and an IHU of the neighbour on this link, at this cost.
    fn hear(&mut self, link: u32, rxcost: u16) {
        self.hello = self.hello.wrapping_add(1);
        let seqno = SeqNo(self.hello);
        let hello = Tlv::Hello { unicast: false, seqno, interval_cs: 60_000 };
        let ihu = Tlv::Ihu { address: Some(own(link).into()), rxcost, interval_cs: 60_000 };
        self.packets(link, &[hello, ihu], "a link costs something else");
    }

    fn announce(&mut self, link: u32, prefixes: u32, kind: &'static str) {
        let updates: Vec<Tlv> = (0..prefixes).map(|number| Tlv::Update(update(link, number))).collect();
        self.packets(link, &updates, kind);
    }

    fn packets(&mut self, link: u32, tlvs: &[Tlv], kind: &'static str) {
        let mut writer = PacketWriter::new(1_452, peer(link));
        let mut packets = Vec::new();
        for tlv in tlvs {
            if !writer.push(tlv) {
                packets.push(std::mem::replace(&mut writer, PacketWriter::new(1_452, peer(link))).finish());
                writer.push(tlv);
            }
        }
        packets.push(writer.finish());
        let (interface, source) = (InterfaceIndex(link + 1), peer(link));
        for bytes in packets {
            let datagram = Datagram { interface, source, destination: MULTICAST, bytes: &bytes };
            self.time(kind, |engine, now| engine.handle_packet(now, &datagram, &mut |_, _, _| false));
        }
    }

    /// Time passes; each 10 s both neighbours announce everything again.
    fn pass(&mut self, seconds: u64, prefixes: u32) {
        for second in 0..seconds {
            let end = self.now + Span::from_secs(1);
            while let Some(wake) = self.engine.next_wake().filter(|wake| *wake <= end) {
                self.now = self.now.max(wake);
                self.time("time passes", |engine, now| engine.handle_wake(now));
            }
            self.now = end;
            if second % 10 == 0 {
                (0..2).for_each(|link| self.announce(link, prefixes, "update packet, nothing new"));
            }
        }
    }
}

impl Times {
    fn add(&mut self, kind: &'static str, millis: f64) {
        match self.0.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, all)) => all.push(millis),
            None => self.0.push((kind, vec![millis])),
        }
    }

    fn print(mut self, prefixes: u32) -> f64 {
        println!("{prefixes} prefixes from each of 2 neighbours: milliseconds of one input");
        println!("{:>28}  {:>7}  {:>9}  {:>9}", "input", "count", "median", "longest");
        let mut longest: f64 = 0.0;
        for (kind, all) in &mut self.0 {
            all.sort_by(f64::total_cmp);
            let most = all.last().copied().unwrap_or_default();
            println!("{kind:>28}  {:>7}  {:>9.3}  {most:>9.3}", all.len(), all[all.len() / 2]);
            longest = longest.max(most);
        }
        longest
    }
}

/// Milliseconds that this thread has run.
pub(crate) fn on_processor_ms() -> f64 {
    let clock = nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID;
    let run = nix::time::clock_gettime(clock).expect("each thread has this clock");
    Duration::from(run).as_secs_f64() * 1e3
}

fn own(link: u32) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, u16::try_from(link).unwrap_or(0))
}

fn peer(link: u32) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 2, u16::try_from(link).unwrap_or(0))
}

fn update(link: u32, number: u32) -> Update {
    let address = Ipv6Addr::from_bits(0xfd99_u128 << 112 | u128::from(number) << 64);
    let prefix = Prefix::new(address.into(), 64).map(PrefixPair::from);
    let (router_id, next_hop) = (Some(RouterId([2, 0, 0, 0, 0, 0, 0, 9])), Some(peer(link).into()));
    Update { prefix, interval_cs: 6_000, seqno: SeqNo(1), metric: 100, router_id, next_hop }
}

fn settings(policy: Policy) -> Settings {
    let interface = |link| InterfaceSettings {
        name: format!("m{link}"),
        kind: LinkKind::Wired,
        hello_interval: Span::from_secs(4),
        update_interval: Span::from_secs(16),
        rxcost: 96,
        split_horizon: false,
        auth: Auth::default(),
        radio: None,
        v4_via_v6: true,
    };
    Settings { interfaces: vec![interface(0), interface(1)], policy }
}
