//! Leases, counters and limits of guests.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use tequio::base::address::MacAddress;
use tequio::base::time::Span;
use tequio::hotspot::output::{ClientId, GuestChange, UsageSample};
use tequio::platform::firewall::{Firewall, FirewallError};
use tokio::net::UdpSocket as AsyncUdpSocket;

use crate::world::{
    GREETING, OUTSIDE, OUTSIDE6, SINK_PORT, STREAM_PORT, Talk, World, address, admit, admit_at, dismiss,
    phone_mac, write_bench,
};

const LEASE: Span = Span::from_secs(60);

fn sample(world: &World, client: u32) -> UsageSample {
    let samples = world.samples();
    *samples.iter().find(|sample| sample.client == ClientId(client)).expect("the client has counters")
}

/// Reads until the connection is cut; tells when the last byte came. The router resets the flow when the
/// phone sends its next packet; a phone that only waits just gets nothing more.
fn cut_after(stream: &mut std::net::TcpStream) -> Duration {
    let start = Instant::now();
    let mut last = Duration::ZERO;
    stream.set_read_timeout(Some(Duration::from_millis(1_500))).unwrap();
    let mut block = [0; 65_536];
    while let Ok(1..) = read_some(stream, &mut block) {
        last = start.elapsed();
        assert!(last < Duration::from_secs(10), "it still flows");
    }
    last
}

#[test]
fn counters_count_and_survive_renewal() {
    let world = World::new();
    world.apply(&[admit(1, 7, LEASE)]).unwrap();
    let zero =
        UsageSample { client: ClientId(7), up_bytes: 0, up_packets: 0, down_bytes: 0, down_packets: 0 };
    assert_eq!(world.samples(), [zero]);
    let socket = world.udp("p1", "0.0.0.0:0");
    for _ in 0..10 {
        socket.send_to(&[0; 972], address(OUTSIDE, 4_000)).unwrap();
    }
    // IP and UDP headers count; the outside answers each with an ICMP error, and some only.
    let first = sample(&world, 7);
    assert_eq!((first.up_bytes, first.up_packets), (10_000, 10));
    world.apply(&[admit(1, 7, LEASE)]).unwrap();
    world.apply(&[admit(1, 7, LEASE), admit(2, 8, LEASE)]).unwrap();
    assert_eq!(sample(&world, 7), first);
    socket.send_to(&[0; 972], address(OUTSIDE, 4_000)).unwrap();
    assert_eq!(sample(&world, 7).up_bytes, 11_000);
    // The walled garden is free, and not counted.
    socket.send_to(&[0; 972], address("10.77.200.5", 4_000)).unwrap();
    assert_eq!(sample(&world, 7).up_bytes, 11_000);
    assert!(world.talk("p1", OUTSIDE, 8_080, "hello") == Talk::Said(GREETING.to_owned()));
    assert!(sample(&world, 7).down_bytes > first.down_bytes + GREETING.len() as u64);
}

#[test]
fn a_counter_that_would_end_soon_is_replaced_with_its_figure() {
    let world = World::new();
    world.nft("add element inet tequio up { 7 counter packets 5 bytes 777 timeout 1h }\n");
    assert_eq!((sample(&world, 7).up_bytes, sample(&world, 7).up_packets), (777, 5));
    world.apply(&[admit(1, 7, LEASE)]).unwrap();
    assert_eq!((sample(&world, 7).up_bytes, sample(&world, 7).up_packets), (777, 5));
    let listed = world.list_set("up");
    assert!(listed.contains("counter packets 5 bytes 777 timeout 1d1m"), "{listed}");
    assert!(world.is_online("p1"));
    assert!(sample(&world, 7).up_bytes > 777);
}

#[test]
fn the_kernel_ends_a_lease_that_nobody_renews() {
    let world = World::new();
    world.apply(&[admit(1, 7, Span::from_millis(1_500))]).unwrap();
    let mut v4 = world.connect("p1", OUTSIDE, STREAM_PORT);
    let mut v6 = world.connect("p1", OUTSIDE6, STREAM_PORT);
    let cut = std::thread::scope(|scope| {
        let v6 = scope.spawn(|| cut_after(&mut v6));
        [cut_after(&mut v4), v6.join().unwrap()]
    });
    for took in cut {
        assert!((Duration::from_millis(500)..Duration::from_secs(3)).contains(&took), "{cut:?}");
    }
    assert!(!world.is_online("p1"));
    assert_eq!(world.admitted(), []);
    // The client's figures are there for the daemon to read, and go on when it comes back.
    let used = sample(&world, 7);
    assert!(used.down_bytes > 0);
    world.apply(&[admit(1, 7, LEASE)]).unwrap();
    assert!(world.is_online("p1"));
    assert!(sample(&world, 7).down_bytes > used.down_bytes);
}

#[test]
fn a_renewed_lease_cuts_no_flow() {
    let world = World::new();
    let lease = Span::from_millis(2_000);
    world.apply(&[admit(1, 7, lease)]).unwrap();
    let mut stream = world.connect("p1", OUTSIDE, STREAM_PORT);
    let start = Instant::now();
    let mut block = [0; 65_536];
    for renewals in 0..5 {
        world.apply(&[admit(1, 7, lease)]).unwrap();
        let until = Duration::from_millis(700 * (renewals + 1));
        while start.elapsed() < until {
            assert!(read_some(&mut stream, &mut block).expect("it flows on") > 0);
        }
    }
    let left = world.admitted()[0].remaining;
    assert!(left > Span::ZERO && left <= lease, "{left}");
}

#[test]
fn a_lease_that_ends_while_it_is_renewed_is_no_error() {
    let world = World::new();
    world.within_loop("rt", || async {
        let mut firewall = Firewall::open().unwrap();
        for round in 0..300 {
            // Some of these end between the reading and the batch. Each device has ten turns: Debian's 6.1 takes no
            // more of one key (EBUSY) than 16 that have ended and that it has not swept yet.
            let pair = u8::try_from(round / 10 * 2).unwrap();
            let (lease, client) = (Span::from_micros(500 * (round % 20)), 7 + u32::from(pair));
            firewall
                .apply(&[admit(1 + pair, client, lease), admit(2 + pair, client + 1, lease)])
                .await
                .unwrap();
        }
        for phone in 0..60 {
            firewall.apply(&[dismiss(1 + phone, 7 + u32::from(phone), true)]).await.unwrap();
        }
    });
    assert_eq!((world.admitted(), world.samples()), (vec![], vec![]));
}

#[test]
fn a_dismissal_cuts_running_flows_at_once() {
    let world = World::new();
    world.apply(&[admit(1, 7, LEASE), admit(2, 7, LEASE)]).unwrap();
    let mut streams = [OUTSIDE, OUTSIDE6].map(|host| world.connect("p1", host, STREAM_PORT));
    let mut other = world.connect("p2", OUTSIDE, STREAM_PORT);
    for stream in &mut streams {
        stream.read_exact(&mut vec![0; 500_000]).unwrap();
    }
    world.apply(&[dismiss(1, 7, false)]).unwrap();
    for stream in &mut streams {
        let took = cut_after(stream);
        assert!(took < Duration::from_millis(1_000), "{took:?}");
    }
    assert!(!world.is_online("p1"));
    // The voucher's other phone goes on.
    other.read_exact(&mut vec![0; 5_000_000]).unwrap();
    assert!(world.is_online("p2"));
}

#[test]
fn a_dismissed_phone_gets_nothing_even_if_it_only_listens() {
    let mut world = World::new();
    world.start("out", || async {
        let socket = AsyncUdpSocket::bind(("::", 7_000)).await.unwrap();
        let (_, peer) = socket.recv_from(&mut [0; 100]).await.unwrap();
        loop {
            let _ = socket.send_to(b"radio", peer).await;
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    world.apply(&[admit(1, 7, LEASE), admit(2, 7, LEASE)]).unwrap();
    let listener = world.udp("p1", "0.0.0.0:0");
    listener.send_to(b"start", address(OUTSIDE, 7_000)).unwrap();
    let hears = || listener.recv_from(&mut [0; 100]).is_ok();
    listener.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    assert!((0..20).all(|_| hears()));
    world.apply(&[dismiss(1, 7, false)]).unwrap();
    // What had passed before is still in the socket's buffer; a datagram comes every 5 ms.
    listener.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
    let after = (0..200).take_while(|_| hears()).count();
    assert!(after < 200, "the voucher's other phone keeps this flow alive");
    assert!(world.is_online("p2"));
}

#[test]
fn a_dismissed_phone_sends_nothing_on_a_flow_that_was_open() {
    let world = World::new();
    let outside = world.udp("out", "[::]:4000");
    let hears = || outside.recv_from(&mut [0; 100]).is_ok();
    world.apply(&[admit(1, 7, LEASE), admit(2, 7, LEASE)]).unwrap();
    for host in [OUTSIDE, OUTSIDE6] {
        let socket = world.udp("p1", if host == OUTSIDE { "0.0.0.0:0" } else { "[::]:0" });
        world.apply(&[admit(1, 7, LEASE)]).unwrap();
        socket.send_to(b"one", address(host, 4_000)).unwrap();
        assert!(hears(), "{host}");
        world.apply(&[dismiss(1, 7, false)]).unwrap();
        let _ = socket.send_to(b"two", address(host, 4_000));
        assert!(!hears(), "{host}");
    }
}

#[test]
fn two_phones_of_a_voucher_share_counter_and_limit() {
    let world = World::new();
    world.apply(&[admit_at(1, 7, LEASE, 4_000, 0), admit_at(2, 7, LEASE, 4_000, 0)]).unwrap();
    let start = Instant::now();
    let read: Vec<u64> = std::thread::scope(|scope| {
        let world = &world;
        let phones = ["p1", "p2"].map(|phone| {
            scope.spawn(move || {
                let mut stream = world.connect(phone, OUTSIDE, STREAM_PORT);
                read_for(&mut stream, Duration::from_secs(4))
            })
        });
        phones.into_iter().map(|phone| phone.join().unwrap()).collect()
    });
    let (sum, took) = (read.iter().sum::<u64>(), start.elapsed().as_secs_f64());
    let sample = sample(&world, 7);
    assert_eq!(world.samples().len(), 1);
    assert!(read.iter().all(|bytes| *bytes > 0), "{read:?}");
    // Headers are counted too, and what was dropped after the phone stopped to read is not read.
    assert!(sample.down_bytes > sum, "{sample:?} {sum}");
    // 500 kB/s, and a bucket of one second and 32 kB.
    let most = 500_000.0 * (took + 1.0) + 40_000.0;
    assert!((sum as f64) < most * 1.05, "{sum} bytes in {took} s");
    assert!(sum as f64 > 500_000.0 * 4.0 * 0.5, "{sum} bytes in {took} s");
}

#[test]
fn the_rate_of_a_tariff_is_kept_both_ways_and_can_change() {
    let world = World::new();
    let measure = |down: u32, up: u32| {
        world.apply(&[admit_at(1, 7, LEASE, down, up)]).unwrap();
        let before = sample(&world, 7);
        let start = Instant::now();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut stream = world.connect("p1", OUTSIDE, SINK_PORT);
                stream.set_write_timeout(Some(Duration::from_millis(100))).unwrap();
                while start.elapsed() < Duration::from_secs(3) {
                    let _ = stream.write(&[0; 16_384]);
                }
            });
            let mut stream = world.connect("p1", OUTSIDE6, STREAM_PORT);
            read_for(&mut stream, Duration::from_secs(3));
        });
        let (after, took) = (sample(&world, 7), start.elapsed().as_secs_f64());
        let kbps = |bytes: u64| bytes as f64 / 125.0 / took;
        (kbps(after.down_bytes - before.down_bytes), kbps(after.up_bytes - before.up_bytes))
    };
    let (down, up) = measure(4_000, 1_000);
    println!("4000/1000 kbit/s, measured over 3 s with a full bucket: {down:.0}/{up:.0}");
    // The bucket adds one second and 32 kB to three seconds; acknowledgements of the other way count.
    assert!((2_000.0..4_000.0 * 1.5).contains(&down), "{down}");
    assert!((500.0..1_000.0 * 1.6).contains(&up), "{up}");
    let (down, _) = measure(16_000, 4_000);
    println!("16000 kbit/s: {down:.0}");
    assert!((8_000.0..16_000.0 * 1.5).contains(&down), "{down}");
    let (down, up) = measure(0, 0);
    println!("no limit: {down:.0}/{up:.0}");
    assert!(down > 30_000.0, "{down}");
    assert!(!world.list_set("limit_down").contains("elements"));
}

#[test]
fn nft_reads_a_limit_as_it_was_meant() {
    let world = World::new();
    world.apply(&[admit_at(1, 7, LEASE, 2_048, 64)]).unwrap();
    let (down, up) = (world.list_set("limit_down"), world.list_set("limit_up"));
    assert!(down.contains("0x00000007 limit rate over 250 kbytes/second burst 32 kbytes timeout"), "{down}");
    assert!(up.contains("0x00000007 limit rate over 8000 bytes/second burst 32 kbytes timeout"), "{up}");
    let cid = world.list_set("leases");
    assert!(cid.contains("0007 timeout 1m"), "{cid}");
}

#[test]
fn one_bad_element_undoes_the_whole_batch() {
    let world = World::new();
    world.apply(&[admit(3, 9, LEASE)]).unwrap();
    let before = (world.admitted(), world.samples());
    // The kernel knows no time this long.
    let refused =
        world.apply(&[admit(1, 7, LEASE), admit(2, 8, Span::from_micros(u64::MAX)), dismiss(3, 9, true)]);
    match refused {
        Err(FirewallError::Refused { change: 1, refusal }) => assert_eq!(refusal.errno, libc::ERANGE),
        other => panic!("{other:?}"),
    }
    let bad = world.apply(&[dismiss(3, 9, true), admit(1, 0x1_0007, LEASE)]);
    assert!(
        matches!(bad, Err(FirewallError::BadClient { change: 1, client: ClientId(0x1_0007) })),
        "{bad:?}"
    );
    assert!(matches!(world.apply(&[admit(1, 0, LEASE)]), Err(FirewallError::BadClient { .. })));
    let (admitted, samples) = (world.admitted(), world.samples());
    assert_eq!(samples, before.1);
    assert_eq!(admitted.len(), 1);
    assert_eq!((admitted[0].mac, admitted[0].client), (phone_mac(3), ClientId(9)));
    assert!(!world.list_set("up").contains("0x00000007"));
    world.apply(&[]).unwrap();
    world.apply(&[dismiss(1, 7, true)]).unwrap();
}

#[test]
fn a_missing_table_says_what_to_do() {
    let world = World::new();
    world.nft("delete table inet tequio\n");
    for changes in [vec![admit(1, 7, LEASE)], vec![dismiss(1, 7, true)], many(20, LEASE)] {
        let error = world.apply(&changes).unwrap_err();
        assert!(matches!(error, FirewallError::MissingTable), "{error}");
        assert!(error.to_string().contains("tequio firewall | nft -f -"), "{error}");
    }
    world.within_loop("rt", || async {
        let mut firewall = Firewall::open().unwrap();
        assert!(matches!(firewall.samples().await, Err(FirewallError::MissingTable)));
        assert!(matches!(firewall.admitted().await, Err(FirewallError::MissingTable)));
    });
    // A table of an older version, with one set less.
    world.nft("table inet tequio { map cid { type ether_addr : mark; flags timeout; }\n }\n");
    for changes in [vec![admit(1, 7, LEASE)], many(20, LEASE)] {
        assert!(matches!(world.apply(&changes), Err(FirewallError::MissingTable)));
    }
}

#[test]
fn a_thousand_guests_are_one_batch() {
    let world = World::new();
    let timed = |changes: &[GuestChange]| {
        let start = Instant::now();
        world.apply(changes).unwrap();
        start.elapsed().as_secs_f64() * 1_000.0
    };
    let admit_ms = timed(&many(1_000, LEASE));
    let guests = world.admitted();
    assert_eq!((guests.len(), world.samples().len()), (1_000, 1_000));
    assert!(guests.iter().zip(1..).all(|(guest, number)| guest.client == ClientId(number)), "by MAC address");
    assert!(guests.iter().all(|guest| guest.remaining <= LEASE && guest.remaining > Span::from_secs(50)));
    let renew_ms = timed(&many(1_000, LEASE));
    let one_ms = timed(&many(1, LEASE));
    let start = Instant::now();
    assert_eq!(world.samples().len(), 1_000);
    let samples_ms = start.elapsed().as_secs_f64() * 1_000.0;
    let gone: Vec<GuestChange> = many(1_000, LEASE)
        .into_iter()
        .map(|change| match change {
            GuestChange::Admit { mac, client, .. } => GuestChange::Dismiss { mac, client, last: true },
            change => change,
        })
        .collect();
    let dismiss_ms = timed(&gone);
    assert_eq!((world.admitted().len(), world.samples().len()), (0, 0));
    println!(
        "1,000 guests in one batch: admit {admit_ms:.1} ms, renew {renew_ms:.1} ms, dismiss {dismiss_ms:.1} ms; \
         one renewal among them {one_ms:.2} ms; all counters {samples_ms:.1} ms (each with a new socket)"
    );
    write_bench(
        "guest_batches",
        &[
            ("admit_1000_ms", admit_ms),
            ("renew_1000_ms", renew_ms),
            ("dismiss_1000_ms", dismiss_ms),
            ("renew_1_of_1000_ms", one_ms),
            ("samples_1000_ms", samples_ms),
        ],
    );
}

/// `count` guests, each with a voucher of its own and limits.
/// Flow offloading as fw4 has it.
const OFFLOADING: &str = "\
add table inet passing
delete table inet passing
table inet passing {
	flowtable ft { hook ingress priority filter; devices = { br-hs, uplink }; }
	chain forward { type filter hook forward priority filter; meta l4proto { tcp, udp } flow add @ft; }
}
";

#[test]
fn flow_offloading_is_found_as_long_as_a_rule_uses_it() {
    let world = World::new();
    assert_eq!(world.flow_tables(), Vec::<String>::new());
    let refused = world.refuses(OFFLOADING);
    if let Some(why) = refused.filter(|_| std::env::var_os("FLOW_TABLES").is_none()) {
        assert!(why.contains("No such file or directory"), "{why}");
        eprintln!("note: this kernel has no flow tables; scripts/boot.sh hotspot has one that does");
        return;
    }
    world.nft(OFFLOADING);
    assert_eq!(world.flow_tables(), ["passing ft"]);
    world.nft("flush chain inet passing forward\n");
    assert_eq!(world.flow_tables(), Vec::<String>::new(), "no rule puts anything in");
}

fn many(count: u32, lease: Span) -> Vec<GuestChange> {
    let guests = (1..=count).map(|number| {
        let [.., high, low] = number.to_be_bytes();
        GuestChange::Admit {
            mac: MacAddress([2, 1, 0, 0, high, low]),
            client: ClientId(number),
            lease,
            rate_down_kbps: 2_000 + number,
            rate_up_kbps: 500,
        }
    });
    guests.collect()
}

fn read_for(stream: &mut std::net::TcpStream, time: Duration) -> u64 {
    let start = Instant::now();
    stream.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut block = [0; 65_536];
    let mut sum = 0;
    while start.elapsed() < time {
        sum += read_some(stream, &mut block).map_or(0, |count| count as u64);
    }
    sum
}

/// Reads what is there, also when a signal interrupts.
fn read_some(stream: &mut std::net::TcpStream, block: &mut [u8]) -> std::io::Result<usize> {
    loop {
        match stream.read(block) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            done => return done,
        }
    }
}
