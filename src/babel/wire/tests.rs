//! Bytes and values, both ways.

mod refused;
mod sources;

use std::net::{IpAddr, Ipv6Addr};

use proptest::prelude::*;

use super::packet::{PacketError, parse};
use super::tlv::{INFINITY, SeqnoRequest, Tlv, TlvError, Update};
use super::write::PacketWriter;
use crate::babel::router_id::RouterId;
use crate::babel::seqno::SeqNo;
use crate::base::address::{Prefix, PrefixPair};

const SOURCE: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const ORIGIN: RouterId = RouterId([2, 0, 0, 0, 0, 0, 0, 7]);

/// A good body of each TLV that has no prefix, acknowledgements and Hellos first.
const PLAIN_TLVS: [(&str, &str); 6] = [
    ("02", "0000 1234 0014"),
    ("03", "1234"),
    ("04", "0000 0009 0190"),
    ("05", "00 00 0060 04b0"),
    ("06", "0000 0200000000000007"),
    ("07", "03 00 0000000000000009"),
];

fn octets(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

/// A packet with this body.
fn packet(body: &str) -> Vec<u8> {
    let body = octets(body);
    let mut packet = vec![42, 2];
    packet.extend_from_slice(&u16::try_from(body.len()).unwrap().to_be_bytes());
    packet.extend_from_slice(&body);
    packet
}

fn read(body: &str) -> (Vec<Tlv>, Vec<TlvError>) {
    let packet = parse(&packet(body), SOURCE).unwrap();
    (packet.tlvs, packet.ignored.into_iter().map(|(_, why)| why).collect())
}

fn prefix(text: &str) -> PrefixPair {
    text.parse().unwrap()
}

fn update(text: &str, metric: u16) -> Update {
    let (router_id, next_hop) = (Some(ORIGIN), Some(IpAddr::V6(SOURCE)));
    Update { prefix: Some(prefix(text)), interval_cs: 1_600, seqno: SeqNo(1), metric, router_id, next_hop }
}

/// Both directions: these values make these octets, and these octets these values.
fn both_ways(tlvs: &[Tlv], body: &str) {
    let mut writer = PacketWriter::new(1_452, SOURCE);
    assert!(tlvs.iter().all(|tlv| writer.push(tlv)));
    assert_eq!(writer.finish(), packet(body), "written");
    assert_eq!(read(body), (tlvs.to_vec(), Vec::new()), "read");
}

#[test]
fn each_tlv_reads_what_it_writes() {
    both_ways(&[Tlv::AckRequest { opaque: 0x1234, interval_cs: 20 }], "02 06 0000 1234 0014");
    both_ways(&[Tlv::Ack { opaque: 0x1234 }], "03 02 1234");
    both_ways(&[Tlv::Hello { unicast: false, seqno: SeqNo(9), interval_cs: 400 }], "04 06 0000 0009 0190");
    both_ways(&[Tlv::Hello { unicast: true, seqno: SeqNo(9), interval_cs: 0 }], "04 06 8000 0009 0000");
    let address = Some("fe80::2".parse().unwrap());
    both_ways(
        &[Tlv::Ihu { address, rxcost: 96, interval_cs: 1_200 }],
        "05 0e 03 00 0060 04b0 0000000000000002",
    );
    both_ways(&[Tlv::Ihu { address: None, rxcost: 96, interval_cs: 1_200 }], "05 06 00 00 0060 04b0");
    for (address, octets) in [
        ("10.0.0.9", "0a 01 00 0060 04b0 0a000009"),
        ("fd00::9", "16 02 00 0060 04b0 fd000000000000000000000000000009"),
    ] {
        let address = Some(address.parse().unwrap());
        both_ways(&[Tlv::Ihu { address, rxcost: 96, interval_cs: 1_200 }], &format!("05 {octets}"));
    }
    both_ways(&[Tlv::RouteRequest(None)], "09 02 00 00");
    both_ways(&[Tlv::RouteRequest(Some(prefix("10.1.4.0/22")))], "09 05 01 16 0a0104");
    both_ways(&[Tlv::RouteRequest(Some(prefix("fd00::/8")))], "09 03 02 08 fd");
    let request =
        SeqnoRequest { prefix: prefix("fd00:1::/32"), router_id: ORIGIN, seqno: SeqNo(5), hop_count: 64 };
    both_ways(&[Tlv::SeqnoRequest(request)], "0a 12 02 20 0005 40 00 0200000000000007 fd000001");
}

#[test]
fn updates_share_router_id_and_prefix_octets() {
    both_ways(
        &[Tlv::Update(update("fd00:1::/64", 96)), Tlv::Update(update("fd00:1:0:1::/64", 256))],
        "06 0a 0000 0200000000000007
         08 12 02 80 40 00 0640 0001 0060 fd00000100000000
         08 0b 02 80 40 07 0640 0001 0100 01",
    );
}

#[test]
fn ipv4_goes_with_ipv6_next_hops_in_an_encoding_of_its_own() {
    both_ways(
        &[
            Tlv::Update(update("10.1.0.0/22", 96)),
            Tlv::Update(update("10.1.4.0/22", 96)),
            Tlv::Update(Update::retraction(Some(prefix("10.1.4.0/24")), 1_600, SeqNo(1))),
        ],
        "06 0a 0000 0200000000000007
         08 0d 04 80 16 00 0640 0001 0060 0a0100
         08 0b 04 80 16 02 0640 0001 0060 04
         08 0a 04 80 18 03 0640 0001 ffff",
    );
}

#[test]
fn ipv4_with_an_ipv4_next_hop_says_so() {
    let mut one = update("10.1.0.0/22", 96);
    one.next_hop = Some("10.0.0.9".parse().unwrap());
    both_ways(
        &[Tlv::Update(one)],
        "06 0a 0000 0200000000000007  07 06 01 00 0a000009  08 0d 01 80 16 00 0640 0001 0060 0a0100",
    );
}

#[test]
fn another_next_hop_is_written_once() {
    let mut one = update("fd00:1::/32", 96);
    one.next_hop = Some("fe80::9".parse().unwrap());
    let two = Update { prefix: Some(prefix("fd00:2::/32")), ..one.clone() };
    both_ways(
        &[Tlv::Update(one), Tlv::Update(two)],
        "06 0a 0000 0200000000000007  07 0a 03 00 0000000000000009
         08 0e 02 80 20 00 0640 0001 0060 fd000001
         08 0b 02 80 20 03 0640 0001 0060 02",
    );
}

#[test]
fn a_next_hop_that_is_not_link_local_is_written_whole() {
    let mut one = update("fd00:1::/32", 96);
    one.next_hop = Some("fd00::9".parse().unwrap());
    both_ways(
        &[Tlv::Update(one)],
        "06 0a 0000 0200000000000007  07 12 02 00 fd000000000000000000000000000009
         08 0e 02 80 20 00 0640 0001 0060 fd000001",
    );
}

#[test]
fn padding_between_tlvs_and_inside_them_says_nothing() {
    let hello = Tlv::Hello { unicast: false, seqno: SeqNo(9), interval_cs: 400 };
    // Pad1, PadN of none, of one and of three octets; then the same as sub-TLVs.
    let (tlvs, why) =
        read("00 01 00 01 01 ff 00 01 03 abcdef 04 0e 0000 0009 0190 00 01 00 01 03 ffffff 00 00");
    assert_eq!((tlvs, why), (vec![hello], vec![]));
}

#[test]
fn a_retraction_of_everything_needs_nothing_else() {
    both_ways(&[Tlv::Update(Update::retraction(None, 1_600, SeqNo(3)))], "08 0a 00 00 00 00 0640 0003 ffff");
    for wrong in ["00 00 08 00 0640 0003 ffff", "00 00 00 01 0640 0003 ffff", "00 00 00 00 0640 0003 0001"] {
        assert_eq!(read(&format!("08 0a {wrong}")), (vec![], vec![TlvError::Wildcard]), "{wrong}");
    }
}

#[test]
fn bits_past_the_length_do_not_count() {
    let (tlvs, _) = read("08 0c 02 00 09 00 0640 0001 ffff fdff");
    assert_eq!(tlvs, [Tlv::Update(Update::retraction(Some(prefix("fd80::/9")), 1_600, SeqNo(1)))]);
}

#[test]
fn the_prefix_can_name_the_router() {
    let (tlvs, why) = read("08 1a 02 c0 80 00 0640 0001 0060 fd000000000000000200000000000007");
    assert_eq!(why, []);
    assert_eq!(tlvs, [Tlv::Update(update("fd00::200:0:0:7/128", 96))]);
    // IPv4 is aligned to the right.
    let (tlvs, _) = read("08 0e 04 c0 20 00 0640 0001 0060 0a010203");
    let Tlv::Update(update) = &tlvs[0] else { panic!("an update") };
    assert_eq!(update.router_id, Some(RouterId([0, 0, 0, 0, 10, 1, 2, 3])));
    // A prefix that makes no valid name takes the name away, and the route with it.
    let named = "06 0a 0000 0200000000000007";
    let (tlvs, why) = read(&format!("{named} 08 0b 02 40 08 00 0640 0001 0060 fd"));
    assert_eq!((tlvs, why), (vec![], vec![TlvError::RouterId]));
}

#[test]
fn what_does_not_fit_leaves_no_trace() {
    let mut writer = PacketWriter::new(40, SOURCE);
    assert!(writer.push(&Tlv::Ack { opaque: 1 }));
    assert!(!writer.push(&Tlv::Update(update("fd00:1:2:3:4:5:6:7/128", 96))));
    assert!(writer.push(&Tlv::Update(update("fd00:1::/32", 96))), "with its Router-Id TLV");
    assert_eq!(parse(&writer.finish(), SOURCE).unwrap().tlvs.len(), 2);
}

fn any_prefix() -> impl Strategy<Value = PrefixPair> {
    let pair = |(destination, source): (Prefix, Option<Prefix>)| match source {
        None => Some(destination.into()),
        Some(source) => PrefixPair::new(destination, source),
    };
    (any_one_prefix(), proptest::option::of(any_one_prefix())).prop_filter_map("families", pair)
}

fn any_one_prefix() -> impl Strategy<Value = Prefix> {
    let v4 = (any::<u32>(), 0u8..=32).prop_map(|(bits, length)| (IpAddr::V4(bits.into()), length));
    let v6 = (any::<u128>(), 0u8..=128).prop_map(|(bits, length)| (IpAddr::V6(bits.into()), length));
    // Prefixes that resemble each other, as in a real network.
    let near = (0u8..4, 0u8..=128).prop_map(|(low, length)| {
        (IpAddr::V6(Ipv6Addr::new(0xfd00, 0, low.into(), 0, 0, 0, 0, low.into())), length)
    });
    let canonical = |(address, length)| Prefix::new(address, length);
    prop_oneof![v4, v6, near].prop_filter_map("length", canonical)
}

fn routable_prefix() -> impl Strategy<Value = PrefixPair> {
    any_prefix().prop_filter("routable", |prefix| !super::packet::martian(prefix))
}

fn any_router_id() -> impl Strategy<Value = RouterId> {
    any::<[u8; 8]>().prop_map(RouterId).prop_filter("valid", |router_id| router_id.is_valid())
}

fn any_update() -> impl Strategy<Value = Tlv> {
    let next_hop = prop_oneof![Just(SOURCE), Just(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9))];
    let rest = (1u16.., any::<u16>(), any::<u16>(), any_router_id(), next_hop, any::<bool>());
    (routable_prefix(), rest).prop_map(|(prefix, (interval_cs, seqno, metric, router_id, next_hop, v4))| {
        let seqno = SeqNo(seqno);
        if metric == INFINITY {
            return Tlv::Update(Update::retraction(Some(prefix), interval_cs, seqno));
        }
        let next_hop = match v4 && prefix.is_ipv4() {
            true => IpAddr::from([10, 0, 0, 9]),
            false => next_hop.into(),
        };
        let (router_id, next_hop) = (Some(router_id), Some(next_hop));
        Tlv::Update(Update { prefix: Some(prefix), interval_cs, seqno, metric, router_id, next_hop })
    })
}

fn any_tlv() -> impl Strategy<Value = Tlv> {
    let address = prop_oneof![
        Just(None),
        any::<u32>().prop_map(|bits| Some(IpAddr::V4(bits.into()))),
        any::<u128>().prop_map(|bits| Some(IpAddr::V6(bits.into()))),
        any::<u64>().prop_map(|bits| Some(IpAddr::V6((0xfe80_u128 << 112 | u128::from(bits)).into()))),
    ];
    let request = (any_prefix(), any_router_id(), any::<u16>(), 1u8..);
    prop_oneof![
        (any::<u16>(), 1u16..).prop_map(|(opaque, interval_cs)| Tlv::AckRequest { opaque, interval_cs }),
        any::<u16>().prop_map(|opaque| Tlv::Ack { opaque }),
        (any::<bool>(), any::<u16>(), any::<u16>()).prop_map(|(unicast, seqno, interval_cs)| Tlv::Hello {
            unicast,
            seqno: SeqNo(seqno),
            interval_cs
        }),
        (address, any::<u16>(), 1u16..).prop_map(|(address, rxcost, interval_cs)| Tlv::Ihu {
            address,
            rxcost,
            interval_cs
        }),
        any_update(),
        any_update(),
        any_update(),
        proptest::option::of(routable_prefix()).prop_map(Tlv::RouteRequest),
        request.prop_map(|(prefix, router_id, seqno, hop_count)| Tlv::SeqnoRequest(SeqnoRequest {
            prefix,
            router_id,
            seqno: SeqNo(seqno),
            hop_count
        })),
    ]
}

proptest! {
    #[test]
    fn whatever_is_written_is_read_back(tlvs in proptest::collection::vec(any_tlv(), 0..60)) {
        let mut read = Vec::new();
        let mut writer = PacketWriter::new(600, SOURCE);
        let mut close = |writer: PacketWriter| {
            let bytes = writer.finish();
            assert!(bytes.len() <= 600);
            let packet = parse(&bytes, SOURCE).unwrap();
            assert_eq!(packet.ignored, []);
            read.extend(packet.tlvs);
        };
        for tlv in &tlvs {
            if !writer.push(tlv) {
                close(std::mem::replace(&mut writer, PacketWriter::new(600, SOURCE)));
                assert!(writer.push(tlv));
            }
        }
        close(writer);
        prop_assert_eq!(read, tlvs);
    }

    #[test]
    fn whatever_is_read_can_be_written_and_read_again(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut bytes = vec![42, 2];
        bytes.extend_from_slice(&u16::try_from(body.len()).unwrap().to_be_bytes());
        bytes.extend_from_slice(&body);
        if let Ok(packet) = parse(&bytes, SOURCE) {
            let mut writer = PacketWriter::new(60_000, SOURCE);
            for tlv in &packet.tlvs {
                prop_assert!(writer.push(tlv));
            }
            prop_assert_eq!(parse(&writer.finish(), SOURCE).unwrap().tlvs, packet.tlvs);
        }
    }
}
