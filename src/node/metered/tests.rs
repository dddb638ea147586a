//! A node with one metered uplink, a clock that is set or not, and a counter that rises.

use super::super::input::{Input, KernelRoute};
use super::super::output::Output;
use super::super::recorder::tests::vault::FakeVault;
use super::super::settings::Settings;
use super::super::{Birth, Node};
use super::*;
use crate::babel::{InterfaceStatus, RouterId, SeqNo};
use crate::base::address::{InterfaceIndex, PrefixPair};
use crate::base::time::Span;

/// 2026-11-21 12:00 UTC.
const NOON: u64 = 1_795_262_400;
const MEGABYTE: u64 = 1_000_000;

struct Gateway {
    node: Node,
    vault: FakeVault,
    now: Instant,
    saved: Vec<Vec<Volume>>,
}

impl Gateway {
    fn new(month_bytes: Option<u64>, hours: &[&str]) -> Self {
        let mut vault = FakeVault::new(1);
        let hours = hours.iter().map(|text| text.parse().unwrap()).collect();
        let uplink = Uplink { device: "wan".to_owned(), month_bytes, hours, ..Uplink::default() };
        let settings = Settings { uplinks: vec![uplink], ..Settings::default() };
        let birth = Birth { router_id: RouterId([2; 8]), seqno: SeqNo(1), seed: 1 };
        let now = Instant::from_millis(1_000);
        let node = Node::new(now, settings, birth, &mut vault);
        let mut gateway = Self { node, vault, now, saved: Vec::new() };
        gateway.step(Input::Interface(InterfaceStatus {
            index: InterfaceIndex(3),
            name: "wan".to_owned(),
            up: true,
            link_local: None,
            mtu: 1_500,
            ipv4: None,
        }));
        let prefix = PrefixPair::DEFAULT_V4;
        gateway.step(Input::KernelRoutes(vec![KernelRoute {
            prefix,
            device: "wan".to_owned(),
            protocol: 3,
            table: 254,
        }]));
        gateway
    }

    fn step(&mut self, input: Input) {
        for output in self.node.step(self.now, input, &mut self.vault) {
            if let Output::SaveVolumes(volumes) = output {
                self.saved.push(volumes);
            }
        }
    }

    fn clock(&mut self, unix_s: u64, quality: TimeQuality) {
        self.now = self.now + Span::from_secs(10);
        if quality == TimeQuality::Trusted {
            // A good clock goes no faster than time.
            self.now = self.now.max(Instant::ZERO + Span::from_secs(unix_s + 86_400 - NOON));
        }
        self.step(Input::Clock(WallTime { unix_s, quality }));
    }

    fn carried(&mut self, bytes: u64) {
        self.now = self.now + Span::from_secs(10);
        self.step(Input::Carried(vec![("lo".to_owned(), 7), ("wan".to_owned(), bytes)]));
    }

    /// What it announces, once these are the kernel's default routes and only those sources may use them.
    fn ways(&mut self, sources: &[&str], defaults: &[&str]) -> Vec<String> {
        let mut settings = self.node.settings.clone();
        settings.uplinks[0].sources = sources.iter().map(|text| text.parse().unwrap()).collect();
        self.step(Input::Settings(Box::new(settings)));
        let route = |text: &&str| KernelRoute {
            prefix: text.parse().unwrap(),
            device: "wan".to_owned(),
            protocol: 3,
            table: 254,
        };
        self.step(Input::KernelRoutes(defaults.iter().map(route).collect()));
        self.node.announced().map(|prefix| prefix.to_string()).collect()
    }

    fn is_announced(&self) -> bool {
        self.node.announced().any(|prefix| prefix == PrefixPair::DEFAULT_V4)
    }

    fn alerts(&self) -> Vec<String> {
        let alerts = self.node.alerts().into_iter();
        alerts.filter(|alert| alert.code == "uplink-shut").map(|alert| alert.message).collect()
    }
}

#[test]
fn an_uplink_is_taken_back_when_the_month_is_used_up_and_is_there_in_the_next() {
    let mut gateway = Gateway::new(Some(100 * MEGABYTE), &[]);
    gateway.clock(NOON, TimeQuality::Trusted);
    assert!(gateway.is_announced());
    // What went through before it was counted does not count.
    gateway.carried(5_000 * MEGABYTE);
    gateway.carried(5_099 * MEGABYTE);
    assert!(gateway.is_announced());
    gateway.carried(5_100 * MEGABYTE);
    assert!(!gateway.is_announced());
    assert_eq!(
        gateway.alerts(),
        ["The way outside through wan is not announced: what it may carry this month is used up."]
    );
    let alert = gateway.node.alerts().into_iter().find(|alert| alert.code == "uplink-shut").unwrap();
    let about =
        [("device", "wan"), ("why", "used-up")].map(|(name, what)| (name.to_owned(), what.to_owned()));
    assert_eq!(alert.about, about);
    // A clock that nobody vouches for begins no month.
    gateway.clock(NOON + 31 * 86_400, TimeQuality::Stale);
    gateway.carried(5_101 * MEGABYTE);
    assert!(!gateway.is_announced());
    gateway.clock(NOON + 31 * 86_400, TimeQuality::Trusted);
    gateway.carried(5_102 * MEGABYTE);
    assert!(gateway.is_announced());
    assert_eq!(gateway.alerts(), [""; 0]);
}

#[test]
fn an_uplink_for_some_is_announced_for_packets_from_there_only() {
    let mut gateway = Gateway::new(None, &[]);
    let both = ["0.0.0.0/0", "::/0"];
    assert_eq!(gateway.ways(&[], &both), both);
    let school = ["fd77:8::/48", "10.77.8.0/22", "fd77:9::/48"];
    let from = ["0.0.0.0/0 from 10.77.8.0/22", "::/0 from fd77:8::/48", "::/0 from fd77:9::/48"];
    assert_eq!(gateway.ways(&school, &both), from);
    // The provider serves his own prefix only: who lies inside of it, and all of it for those around it.
    let served = ["::/0 from fd77::/32"];
    assert_eq!(gateway.ways(&school, &served), [""; 0], "nobody is in both");
    assert_eq!(gateway.ways(&["fd77:0:8::/48"], &served), ["::/0 from fd77:0:8::/48"]);
    assert_eq!(gateway.ways(&["fd00::/8"], &served), served);
    // The other family has no default route, or nobody who may use it.
    assert_eq!(gateway.ways(&["10.77.8.0/22"], &["::/0"]), [""; 0]);
}

#[test]
fn what_was_used_outlives_a_restart_and_a_power_cut_but_for_a_hundredth() {
    let mut gateway = Gateway::new(Some(100 * MEGABYTE), &[]);
    gateway.clock(NOON, TimeQuality::Trusted);
    gateway.carried(0);
    for step in 1..=600_u64 {
        gateway.carried(step * MEGABYTE / 10);
    }
    // Each write wears the flash: one for the month that became known, and one for each hundredth.
    assert!((50..=62).contains(&gateway.saved.len()), "{}", gateway.saved.len());
    let last = gateway.saved.last().unwrap().clone();
    assert!(last[0].used_bytes >= 59 * MEGABYTE, "{last:?}");

    // The daemon starts again: the kernel went on counting.
    let mut restarted = Gateway::new(Some(100 * MEGABYTE), &[]);
    restarted.step(Input::VolumesFound(last.clone()));
    restarted.carried(99 * MEGABYTE);
    assert!(restarted.is_announced());
    restarted.carried(101 * MEGABYTE);
    assert!(!restarted.is_announced(), "and the clock was never set");

    // A power cut: the kernel's counter begins anew, which the daemon knows by the boot's name.
    let mut cut = Gateway::new(Some(100 * MEGABYTE), &[]);
    cut.step(Input::VolumesFound(vec![Volume { counter_bytes: 0, ..last[0].clone() }]));
    cut.carried(39 * MEGABYTE);
    assert!(cut.is_announced());
    cut.carried(42 * MEGABYTE);
    assert!(!cut.is_announced());
}

#[test]
fn a_device_that_is_made_anew_counts_from_nothing() {
    let mut gateway = Gateway::new(Some(100 * MEGABYTE), &[]);
    for counter in [0, 60, 10, 39] {
        gateway.carried(counter * MEGABYTE);
        assert!(gateway.is_announced(), "{counter}");
    }
    gateway.carried(41 * MEGABYTE);
    assert!(!gateway.is_announced(), "60 and 41");
}

#[test]
fn an_uplink_is_announced_at_its_hours_and_never_before_the_clock_is_set() {
    let night = ["22:00-06:00 UTC-06:00"];
    let mut gateway = Gateway::new(None, &night);
    assert!(!gateway.is_announced());
    assert!(gateway.alerts()[0].ends_with("nobody has set the clock yet."));
    // Midnight there, if it were true.
    gateway.clock(NOON - 6 * 3_600, TimeQuality::Stale);
    assert!(!gateway.is_announced());
    // 05:59, 06:00, 21:59 and 22:00 there.
    for (minute, open) in [(-1, true), (0, false), (16 * 60 - 1, false), (16 * 60, true)] {
        gateway.clock(NOON.checked_add_signed(minute * 60).unwrap(), TimeQuality::Trusted);
        assert_eq!(gateway.is_announced(), open, "{minute}");
        assert_eq!(gateway.alerts(), [""; 0], "the hours are no alarm");
    }
}

#[test]
fn months_are_those_of_the_calendar() {
    let year = |month: u32| (month / 12, month % 12 + 1);
    for (unix_s, month) in [
        (0, (1970, 1)),
        (31 * 86_400 - 1, (1970, 1)),
        (31 * 86_400, (1970, 2)),
        (951_782_400, (2000, 2)),
        (951_868_800, (2000, 3)),
        (NOON, (2026, 11)),
        (1_798_761_599, (2026, 12)),
        (1_798_761_600, (2027, 1)),
        (4_107_542_399, (2100, 2)),
        (4_107_542_400, (2100, 3)),
    ] {
        assert_eq!(year(month_of(unix_s)), month, "{unix_s}");
    }
}
