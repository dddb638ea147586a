//! A plan's data, with the hotspot's core at the kernel's counters: how fast it passes, and where it ends.

use std::net::UdpSocket;
use std::time::Duration;

use tequio::base::time::{Instant, Span};
use tequio::base::voucher::{Proof, RequestId, Verifier};
use tequio::hotspot::Hotspot;
use tequio::hotspot::code::Code;
use tequio::hotspot::output::{Event, Output};
use tequio::hotspot::request::{Method, PortalRequest};
use tequio::hotspot::settings::{Community, Settings};
use tequio::hotspot::tariff::{Allowance, Measure, Tariff, VoucherState};
use tokio::net::UdpSocket as AsyncUdpSocket;

use crate::world::{OUTSIDE, ROUTER, World, address, phone_mac};

const DATA_BYTES: u64 = 1_000_000;
const RATE_KBPS: u32 = 512;
/// A datagram on the wire: what it holds, UDP and IP.
const DATAGRAM_BYTES: usize = 1_000 + 28;

/// The node's part of it: the hotspot, and whatever it asks is done at once.
struct Desk<'a> {
    world: &'a World,
    hotspot: Hotspot,
    began: std::time::Instant,
    ended: bool,
}

impl Desk<'_> {
    fn now(&self) -> Instant {
        Instant::from_millis(1_000 + u64::try_from(self.began.elapsed().as_millis()).unwrap())
    }

    fn log_in(&mut self, phone: u8) {
        let http = PortalRequest {
            method: Method::Post,
            host: ROUTER.to_owned(),
            path: "/login".to_owned(),
            body: format!("code={}", Code::from_bits(1)).into_bytes(),
            ..PortalRequest::default()
        };
        self.hotspot.handle_request(self.now(), RequestId(phone.into()), Some(phone_mac(phone)), http);
        self.act();
    }

    fn act(&mut self) {
        while let Some(output) = self.hotspot.poll() {
            let now = self.now();
            match output {
                Output::Guests(changes) => self.world.apply(&changes).unwrap(),
                Output::ReadUsage => self.hotspot.handle_usage(now, &self.world.samples()),
                Output::CheckCode { ask, .. } => {
                    let known = (Verifier([1; 8]), Proof([1; 16]));
                    self.hotspot.handle_code_checked(now, ask, Some(known));
                }
                Output::Voucher { ask, .. } => {
                    self.hotspot.handle_voucher(now, ask, VoucherState::Good(allowance()));
                }
                Output::Event(Event::SessionEnded { .. }) => self.ended = true,
                _ => {}
            }
        }
    }

    /// Wakes when it asked to, until the voucher is spent.
    fn run(&mut self) {
        while !self.ended {
            assert!(self.began.elapsed() < Duration::from_secs(60), "it never ends");
            let wake = self.hotspot.next_wake().expect("a session has a lease");
            std::thread::sleep(Duration::from_micros(wake.since(self.now()).as_micros()));
            self.hotspot.handle_wake(self.now());
            self.act();
        }
    }
}

fn allowance() -> Allowance {
    Allowance::unused(Tariff {
        name: "1 MB".to_owned(),
        measure: Measure::DaysFromFirstUse { days: 1 },
        devices: 2,
        rate_down_kbps: RATE_KBPS,
        rate_up_kbps: RATE_KBPS,
        hours: None,
        data_bytes: Some(DATA_BYTES),
    })
}

fn settings() -> Settings {
    Settings {
        portal_host: ROUTER.to_owned(),
        portal_address: ROUTER.parse().unwrap(),
        portal_port: 2_080,
        community: Community::default(),
        languages: Vec::new(),
        language: None,
        lease: Span::from_secs(900),
        usage_interval: Span::from_secs(20),
        services: Vec::new(),
        calls: Vec::new(),
    }
}

/// Sends much more than the plan's rate to whoever asked first.
async fn pour(port: u16) {
    let socket = AsyncUdpSocket::bind(("::", port)).await.unwrap();
    let (_, peer) = socket.recv_from(&mut [0; 100]).await.unwrap();
    let mut pace = tokio::time::interval(Duration::from_millis(5));
    loop {
        pace.tick().await;
        let _ = socket.send_to(&[0; 1_000], peer).await;
    }
}

/// Octets that came until nothing comes any more.
fn drink(socket: &UdpSocket) -> u64 {
    socket.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut sum = 0;
    while socket.recv_from(&mut [0; 2_000]).is_ok() {
        sum += DATAGRAM_BYTES as u64;
    }
    sum
}

#[test]
fn two_phones_share_what_a_plan_holds_and_it_ends_within_its_tolerance() {
    let mut world = World::new();
    for port in [7_001, 7_002] {
        world.start("out", move || pour(port));
    }
    let world = world;
    let hotspot = Hotspot::new(settings(), 1);
    let mut desk = Desk { world: &world, hotspot, began: std::time::Instant::now(), ended: false };
    desk.log_in(1);
    desk.log_in(2);
    assert_eq!(world.admitted().len(), 2, "one voucher, two phones");
    let sockets = [("p1", 7_001), ("p2", 7_002)].map(|(phone, port)| {
        let socket = world.udp(phone, "0.0.0.0:0");
        socket.send_to(b"more", address(OUTSIDE, port)).unwrap();
        socket
    });
    let passed = std::thread::scope(|scope| {
        let phones = sockets.each_ref().map(|socket| scope.spawn(move || drink(socket)));
        desk.run();
        phones.map(|phone| phone.join().unwrap())
    });
    let (sum, took) = (passed[0] + passed[1], desk.began.elapsed().as_secs_f64());
    assert!(passed.iter().all(|one| *one > DATA_BYTES / 10), "both had of it: {passed:?}");
    // Up to a twelfth of it passes at the plan's rate, beside two buckets of a second and 32 kB.
    let least_s = (DATA_BYTES as f64 * 11.0 / 12.0 - 64_000.0 - 32_768.0) / 64_000.0;
    assert!(took > least_s, "{sum} octets in {took:.1} s are faster than the plan");
    // A second of the slow end, and its bucket.
    let most = DATA_BYTES + 8_000 + 8_000 + 32_768;
    assert!((DATA_BYTES - 2_000..=most).contains(&sum), "{passed:?}");
    assert_eq!(world.admitted(), [], "nobody passes any more");
}
