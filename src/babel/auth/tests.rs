//! The rules of RFC 8967 and 9467 one by one, on one engine and packets that are signed by hand.

use std::net::{IpAddr, Ipv6Addr};

use super::mac;
use super::settings::{Algorithm, Auth, AuthMode, KeyUse};
use super::wire::{self, CHALLENGE_REPLY, CHALLENGE_REQUEST, Sealed, nonce_packet};
use crate::babel::engine::{Datagram, Engine, MULTICAST};
use crate::babel::output::{Output, Seal};
use crate::babel::settings::{InterfaceSettings, LinkKind, Settings};
use crate::babel::wire::packet::PacketError;
use crate::babel::wire::tlv::Tlv;
use crate::babel::wire::write::PacketWriter;
use crate::babel::{InterfaceStatus, RouterId, SeqNo};
use crate::base::address::InterfaceIndex;
use crate::base::limit::{BABEL_AUTH_PEERS, BABEL_MACS_PER_PACKET};
use crate::base::time::{Instant, Span};

const KEY: &[u8] = b"0123456789abcdef0123456789abcdef";
const OTHER_KEY: &[u8] = b"another key that nobody here has";
const V6_HMAC: &str = "0f29f4bc1f185e9ae9d3f7f7eefe06a9c40fc62985918b8be80002ebaf723f9c";
const V6_BLAKE: &str = "e38087faa63b084c79008f473bd9dff2";
const V4_HMAC: &str = "6cd35f0a2b56c03a0a3fd6223435cc74427ce7afc6d840c8921ae4262a591e7a";
const V4_BLAKE: &str = "74ffc47f98d2ae288ef82cf86e3393b2";
const HERE: InterfaceIndex = InterfaceIndex(1);

fn key(name: &str, algorithm: Algorithm, signs: bool) -> KeyUse {
    KeyUse { name: name.into(), algorithm, signs }
}

fn auth(mode: AuthMode) -> Auth {
    Auth { mode, keys: vec![key("k", Algorithm::Blake2s128, true)] }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn hello(seqno: u16) -> Vec<u8> {
    let mut writer = PacketWriter::new(1_000, ours());
    writer.push(&Tlv::Hello { unicast: false, seqno: SeqNo(seqno), interval_cs: 400 });
    writer.finish()
}

fn ours() -> Ipv6Addr {
    "fe80::1".parse().unwrap()
}

fn peer(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0xffff, number)
}

/// One engine under authentication, and packets that are signed by hand.
struct Bench {
    engine: Engine,
    now: Instant,
    macs_checked: usize,
    sent: Vec<(Ipv6Addr, Vec<u8>)>,
}

impl Bench {
    fn new(auth: Auth) -> Self {
        let interface = InterfaceSettings {
            name: "l0".into(),
            kind: LinkKind::Wired,
            hello_interval: Span::from_secs(4),
            update_interval: Span::from_secs(16),
            rxcost: 96,
            split_horizon: false,
            auth,
            radio: None,
            v4_via_v6: true,
        };
        let settings = Settings { interfaces: vec![interface], ..Settings::default() };
        let now = Instant::from_millis(1_000);
        let mut engine = Engine::new(settings, RouterId([2, 0, 0, 0, 0, 0, 0, 1]), SeqNo(10), 1);
        let link_local = Some(ours());
        let status =
            InterfaceStatus { index: HERE, name: "l0".into(), up: true, link_local, mtu: 1_500, ipv4: None };
        engine.handle_interface(now, status);
        Self { engine, now, macs_checked: 0, sent: Vec::new() }
    }

    fn hear_bytes(&mut self, from: Ipv6Addr, to: Ipv6Addr, bytes: &[u8]) {
        let mut checked = 0;
        let mut verify = |name: &str, message: &[u8], macs: &[&[u8]]| {
            checked += 1;
            let key = if name == "k" { KEY } else { b"0123456789abcdef" };
            mac::verify(Algorithm::Blake2s128, key, message, macs)
        };
        let datagram = Datagram { interface: HERE, source: from, destination: to, bytes };
        self.engine.handle_packet(self.now, &datagram, &mut verify);
        self.macs_checked += checked;
        while let Some(output) = self.engine.poll() {
            if let Output::Send { destination, bytes, .. } = output {
                self.sent.push((destination, bytes));
            }
        }
    }

    /// A packet under `KEY` with this counter.
    fn hear(&mut self, from: Ipv6Addr, to: Ipv6Addr, packet: Vec<u8>, index: &[u8], counter: u32) {
        self.hear_bytes(from, to, &signed(KEY, from, to, packet, index, counter));
    }

    fn neighbours(&self) -> usize {
        self.engine.report(self.now).neighbours.len()
    }

    /// The nonce that was sent to `to`, if one was since the last look.
    fn nonce(&mut self, to: Ipv6Addr) -> Option<Vec<u8>> {
        let sent = std::mem::take(&mut self.sent);
        let mut to_it = sent.iter().filter(|(destination, _)| *destination == to);
        to_it.find_map(|(_, bytes)| Sealed::read(bytes).unwrap().challenge.map(<[u8]>::to_vec))
    }

    /// `from` is known by index 1 and counter 100 afterwards.
    fn prove(&mut self, from: Ipv6Addr) {
        self.hear(from, MULTICAST, hello(1), &[1], 99);
        let nonce = self.nonce(from).expect("an unknown index is challenged");
        self.hear(from, ours(), nonce_packet(CHALLENGE_REPLY, &nonce), &[1], 100);
    }

    fn counts(&self, of: Ipv6Addr) -> super::AuthCounters {
        self.engine.authentication_of(HERE, of).unwrap().1
    }
}

fn signed(
    key: &[u8],
    from: Ipv6Addr,
    to: Ipv6Addr,
    mut packet: Vec<u8>,
    index: &[u8],
    counter: u32,
) -> Vec<u8> {
    wire::count(&mut packet, index, counter);
    let seal = Seal { source: from, keys: vec!["k".into()] };
    wire::sealed(packet, to, &seal, |_, message| mac::compute(Algorithm::Blake2s128, key, message))
}

#[test]
fn the_macs_are_those_of_an_independent_program() {
    // python3 -c 'import hmac,hashlib,ipaddress as i,struct; k=b"0123456789abcdef0123456789abcdef";
    //  p=lambda a:i.ip_address(a).packed+struct.pack(">H",6696); b=bytes.fromhex("2a02000804060000000100c8");
    //  m=p("fe80::1")+p("ff02::1:6")+b; print(len(m)-len(b), hmac.new(k,m,"sha256").hexdigest(),
    //  hashlib.blake2s(m,key=k,digest_size=16).hexdigest())' and the same from 192.0.2.1 to 224.0.0.111
    let body = [0x2a, 2, 0, 8, 4, 6, 0, 0, 0, 1, 0, 0xc8];
    for (from, to, octets, hmac, blake) in
        [("fe80::1", "ff02::1:6", 36, V6_HMAC, V6_BLAKE), ("192.0.2.1", "224.0.0.111", 12, V4_HMAC, V4_BLAKE)]
    {
        let (from, to): (IpAddr, IpAddr) = (from.parse().unwrap(), to.parse().unwrap());
        let message = wire::message(from, to, &body);
        assert_eq!(message.len() - body.len(), octets);
        assert_eq!(hex(&mac::compute(Algorithm::HmacSha256, KEY, &message)), hmac);
        assert_eq!(hex(&mac::compute(Algorithm::Blake2s128, KEY, &message)), blake);
    }
}

#[test]
fn a_mac_of_one_key_among_others_is_right_and_a_bit_off_is_not() {
    let good = mac::compute(Algorithm::HmacSha256, KEY, b"message");
    let mut bad = good.clone();
    bad[31] ^= 1;
    assert!(mac::verify(Algorithm::HmacSha256, KEY, b"message", &[&bad, &good]));
    assert!(!mac::verify(Algorithm::HmacSha256, KEY, b"message", &[&bad, &good[..31], &[]]));
    assert!(!mac::verify(Algorithm::HmacSha256, KEY, b"message", &[]));
    assert!(!mac::verify(Algorithm::Blake2s128, &[0; 33], b"message", &[&[]]), "no key, no MAC");
}

#[test]
fn each_tlv_of_authentication_reads_what_it_writes() {
    let mut bytes = vec![42, 2, 0, 2, 3, 0];
    wire::count(&mut bytes, &[0xaa, 0xbb], 0x0102_0304);
    assert_eq!(hex(&bytes), "2a02000a0300".to_owned() + "110601020304aabb");
    let seal = Seal { source: ours(), keys: ["one", "two", "none"].map(Into::into).to_vec() };
    let sign = |key: &str, _: &[u8]| if key == "none" { Vec::new() } else { key.as_bytes().to_vec() };
    let whole = wire::sealed(bytes.clone(), MULTICAST, &seal, sign);
    assert_eq!(hex(&whole[bytes.len()..]), "10036f6e65100374776f", "a MAC of each key that is there");
    let read = Sealed::read(&whole).unwrap();
    assert_eq!((read.covered, read.counter), (&bytes[..], Some((&[0xaa, 0xbb][..], 0x0102_0304))));
    assert_eq!(read.macs, [b"one", b"two"]);
    let (challenge, reply) = (nonce_packet(CHALLENGE_REQUEST, &[7, 8]), nonce_packet(CHALLENGE_REPLY, &[9]));
    assert_eq!((hex(&challenge), hex(&reply)), ("2a02000412020708".into(), "2a020003130109".into()));
    assert_eq!(Sealed::read(&challenge).unwrap().challenge, Some(&[7, 8][..]));
    assert_eq!(Sealed::read(&reply).unwrap().reply, Some(&[9][..]));
}

#[test]
fn the_first_counter_counts_and_a_mac_in_the_body_does_not() {
    let pc = [17, 6, 0, 0, 0, 9, 0xaa, 0xbb];
    let second = [17, 5, 0, 0, 0, 1, 0xcc];
    let nonces = [18, 2, 1, 2, 19, 0, 16, 1, 7];
    let trailer = [0, 1, 2, 0, 0, 16, 2, 5, 6, 99, 1, 0, 16, 1, 8, 16, 200];
    let body = [&nonces[..], &pc, &second].concat();
    let bytes = [&[42, 2, 0, u8::try_from(body.len()).unwrap()][..], &body, &trailer].concat();
    let read = Sealed::read(&bytes).unwrap();
    assert_eq!(read.counter, Some((&[0xaa, 0xbb][..], 9)));
    assert_eq!((read.challenge, read.reply), (Some(&[1, 2][..]), Some(&[][..])));
    assert_eq!(read.macs, [&[5, 6][..], &[8]], "the last one is cut off");
    assert_eq!(read.covered.len(), 4 + body.len());
    assert_eq!(Sealed::read(&bytes[..20]), Err(PacketError::BodyLength));
}

#[test]
fn an_index_or_a_nonce_that_is_too_long_is_none() {
    let body = [&[17, 37][..], &[0; 37], &[18, 193], &[0; 193], &[17, 3, 0, 0, 0]].concat();
    let bytes = [&[42, 2, 0, u8::try_from(body.len()).unwrap()][..], &body].concat();
    let read = Sealed::read(&bytes).unwrap();
    assert_eq!((read.counter, read.challenge), (None, None));
    let macs = [16, 0].repeat(BABEL_MACS_PER_PACKET + 9);
    let bytes = [&[42, 2, 0, 0][..], &macs].concat();
    assert_eq!(Sealed::read(&bytes).unwrap().macs.len(), BABEL_MACS_PER_PACKET);
}

#[test]
fn who_answers_the_challenge_is_believed_and_nobody_before() {
    let mut bench = Bench::new(auth(AuthMode::Strict));
    bench.hear(peer(1), MULTICAST, hello(1), &[1], 7);
    assert_eq!(bench.neighbours(), 0, "an index that nobody knows");
    let nonce = bench.nonce(peer(1)).unwrap();
    bench.hear(peer(1), ours(), nonce_packet(CHALLENGE_REPLY, b"another!"), &[1], 8);
    assert_eq!(bench.engine.authentication_of(HERE, peer(1)).map(|(proved, _)| proved), Some(false));
    bench.hear(peer(1), ours(), nonce_packet(CHALLENGE_REPLY, &nonce), &[1], 9);
    assert_eq!(bench.engine.authentication_of(HERE, peer(1)).map(|(proved, _)| proved), Some(true));
    bench.hear(peer(1), MULTICAST, hello(2), &[1], 10);
    assert_eq!(bench.neighbours(), 1);
}

#[test]
fn a_nonce_lives_for_thirty_seconds() {
    let mut bench = Bench::new(auth(AuthMode::Strict));
    bench.hear(peer(1), MULTICAST, hello(1), &[1], 7);
    let nonce = bench.nonce(peer(1)).unwrap();
    bench.now = bench.now + Span::from_millis(30_001);
    bench.hear(peer(1), ours(), nonce_packet(CHALLENGE_REPLY, &nonce), &[1], 8);
    assert_eq!(bench.engine.authentication_of(HERE, peer(1)).map(|(proved, _)| proved), Some(false));
    assert_ne!(bench.nonce(peer(1)).unwrap(), nonce, "a new one was sent");
}

#[test]
fn challenges_are_three_hundred_milliseconds_apart_and_keep_their_nonce() {
    let mut bench = Bench::new(auth(AuthMode::Strict));
    bench.hear(peer(1), MULTICAST, hello(1), &[1], 1);
    let nonce = bench.nonce(peer(1)).unwrap();
    for counter in 2..12 {
        bench.hear(peer(1), MULTICAST, hello(2), &[1], counter);
    }
    assert_eq!(bench.nonce(peer(1)), None);
    bench.now = bench.now + Span::from_millis(300);
    bench.hear(peer(1), MULTICAST, hello(3), &[1], 13);
    assert_eq!(bench.nonce(peer(1)), Some(nonce));
}

#[test]
fn challenges_to_us_are_answered_but_not_to_all_and_not_too_often() {
    let mut bench = Bench::new(auth(AuthMode::Strict));
    let replies = |bench: &mut Bench| -> Vec<Vec<u8>> {
        let sent = std::mem::take(&mut bench.sent);
        sent.iter().filter_map(|(_, bytes)| Sealed::read(bytes).unwrap().reply.map(<[u8]>::to_vec)).collect()
    };
    bench.hear(peer(1), MULTICAST, nonce_packet(CHALLENGE_REQUEST, b"to all"), &[1], 1);
    assert_eq!(replies(&mut bench), [[0; 0]; 0]);
    bench.hear(peer(1), ours(), nonce_packet(CHALLENGE_REQUEST, b"to us"), &[1], 2);
    bench.hear(peer(1), ours(), nonce_packet(CHALLENGE_REQUEST, b"again"), &[1], 3);
    assert_eq!(replies(&mut bench), [b"to us".to_vec()]);
    bench.now = bench.now + Span::from_millis(300);
    bench.hear(peer(1), ours(), nonce_packet(CHALLENGE_REQUEST, b"later"), &[1], 4);
    assert_eq!(replies(&mut bench), [b"later".to_vec()]);
}

#[test]
fn a_counter_must_grow_apart_for_us_and_for_all() {
    let mut bench = Bench::new(auth(AuthMode::Strict));
    bench.prove(peer(1));
    let macs = bench.macs_checked;
    for (to, counter, believed) in [
        (MULTICAST, 100, false),
        (MULTICAST, 110, true),
        // RFC 9467: what goes to us may arrive after what was sent to all later.
        (ours(), 105, true),
        (ours(), 105, false),
        (ours(), 104, false),
        (MULTICAST, 110, false),
        (MULTICAST, 111, true),
    ] {
        let before = bench.engine.traffic().next().unwrap().received.packets;
        bench.hear(peer(1), to, hello(1), &[1], counter);
        let after = bench.engine.traffic().next().unwrap().received.packets;
        assert_eq!(after > before, believed, "{to} {counter}");
    }
    assert_eq!(bench.counts(peer(1)).replayed, 4);
    assert_eq!(bench.macs_checked - macs, 3, "what was there before costs no hash");
}

#[test]
fn a_new_index_is_challenged_again_and_a_missing_counter_refused() {
    let mut bench = Bench::new(auth(AuthMode::Strict));
    bench.prove(peer(1));
    bench.sent.clear();
    bench.now = bench.now + Span::from_secs(1);
    bench.hear(peer(1), MULTICAST, hello(1), &[2], 1_000);
    assert!(bench.nonce(peer(1)).is_some());
    let seal = Seal { source: peer(1), keys: vec!["k".into()] };
    let sign = |_: &str, message: &[u8]| mac::compute(Algorithm::Blake2s128, KEY, message);
    bench.hear_bytes(peer(1), MULTICAST, &wire::sealed(hello(1), MULTICAST, &seal, sign));
    let counts = bench.counts(peer(1));
    assert_eq!((counts.challenged, counts.no_counter, bench.neighbours()), (2, 1, 0));
}

#[test]
fn five_minutes_of_silence_must_be_explained_by_a_new_challenge() {
    let mut bench = Bench::new(auth(AuthMode::Strict));
    bench.prove(peer(1));
    for (silent_s, counter, believed) in [(300, 101, true), (301, 102, false), (1, 103, false)] {
        bench.sent.clear();
        bench.now = bench.now + Span::from_secs(silent_s);
        let before = bench.engine.traffic().next().unwrap().received.packets;
        bench.hear(peer(1), MULTICAST, hello(1), &[1], counter);
        let after = bench.engine.traffic().next().unwrap().received.packets;
        assert_eq!(after > before, believed, "{silent_s} s");
        assert_eq!(bench.nonce(peer(1)).is_none(), believed, "{silent_s} s");
    }
}

#[test]
fn a_packet_moved_to_another_destination_or_source_is_forged() {
    let mut bench = Bench::new(auth(AuthMode::Strict));
    bench.prove(peer(1));
    let packet = signed(KEY, peer(1), MULTICAST, hello(1), &[1], 200);
    bench.hear_bytes(peer(1), ours(), &packet);
    bench.hear_bytes(peer(2), MULTICAST, &packet);
    assert_eq!((bench.counts(peer(1)).bad_mac, bench.neighbours()), (1, 0));
    bench.hear_bytes(peer(1), MULTICAST, &packet);
    assert_eq!(bench.neighbours(), 1);
}

#[test]
fn under_strict_an_unsigned_sender_leaves_nothing_but_a_count() {
    let mut bench = Bench::new(auth(AuthMode::Strict));
    let before = bench.engine.clone();
    for number in 0..2_000 {
        bench.hear_bytes(peer(number), MULTICAST, &hello(1));
        bench.hear_bytes(peer(number), ours(), &nonce_packet(CHALLENGE_REQUEST, b"nonce"));
        let forged = signed(OTHER_KEY, peer(number), MULTICAST, hello(1), &[1], 1);
        bench.hear_bytes(peer(number), MULTICAST, &forged);
    }
    let strangers = bench.engine.strangers_of(HERE);
    assert_eq!(strangers.bad_mac + strangers.unchecked, 6_000);
    assert_eq!((bench.sent.len(), bench.macs_checked), (0, 64), "a bucket of hashes, and no answer");
    let mut after = bench.engine;
    after.authenticity.strangers.clear();
    assert_eq!(after, before);
}

#[test]
fn senders_with_a_key_fill_a_bounded_table_and_neighbours_stay_in_it() {
    let mut bench = Bench::new(auth(AuthMode::Strict));
    bench.prove(peer(0));
    bench.hear(peer(0), MULTICAST, hello(1), &[1], 101);
    assert_eq!(bench.neighbours(), 1);
    for number in 1..u16::try_from(BABEL_AUTH_PEERS).unwrap() + 50 {
        bench.now = bench.now + Span::from_millis(100);
        bench.hear(peer(number), MULTICAST, hello(1), &[1], 1);
    }
    assert_eq!(bench.engine.authenticity.peers.len(), BABEL_AUTH_PEERS);
    assert!(bench.engine.authentication_of(HERE, peer(0)).unwrap().0);
}

#[test]
fn who_only_signs_takes_everything_and_counts_what_strict_would_refuse() {
    let mut bench = Bench::new(auth(AuthMode::Sign));
    bench.hear_bytes(peer(1), MULTICAST, &hello(1));
    bench.hear_bytes(peer(2), MULTICAST, &signed(OTHER_KEY, peer(2), MULTICAST, hello(1), &[1], 1));
    assert_eq!((bench.neighbours(), bench.engine.strangers_of(HERE).bad_mac), (2, 2));
    bench.prove(peer(3));
    assert!(bench.engine.authentication_of(HERE, peer(3)).unwrap().0);
}

#[test]
fn what_we_send_is_counted_and_a_full_counter_begins_a_new_index() {
    let mut bench = Bench::new(auth(AuthMode::Strict));
    let counted = |bench: &mut Bench| {
        let mut bytes = hello(1);
        let seal = bench.engine.seal(HERE, &mut bytes).unwrap();
        assert_eq!(seal, Seal { source: ours(), keys: vec!["k".into()] });
        let (index, counter) = Sealed::read(&bytes).unwrap().counter.unwrap();
        (index.to_vec(), counter)
    };
    let (first, one) = counted(&mut bench);
    let (second, two) = counted(&mut bench);
    assert_eq!((first.len(), &first, one + 1), (8, &second, two));
    bench.engine.authenticity.senders.get_mut(&HERE).unwrap().counter = u32::MAX - 1;
    assert_eq!(counted(&mut bench), (first.clone(), u32::MAX));
    let (third, counter) = counted(&mut bench);
    assert_ne!(third, first);
    assert_eq!(counter, 1);
}
