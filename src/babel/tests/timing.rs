//! Timestamps (RFC 9616): what is on the wire, who answers them, and what they cost.

use std::net::{IpAddr, Ipv6Addr};

use super::bench::{Net, interface_settings};
use super::subject::{ONE, Subject, ours, peer};
use crate::babel::SeqNo;
use crate::babel::engine::MULTICAST;
use crate::babel::output::Output;
use crate::babel::settings::{LinkKind, Settings};
use crate::babel::wire::packet::parse;
use crate::babel::wire::timing::{Echo, Timing, WrittenTiming};
use crate::babel::wire::tlv::{Tlv, TlvError};
use crate::babel::wire::write::PacketWriter;
use crate::base::address::InterfaceIndex;
use crate::base::time::Span;

const HELLO: Tlv = Tlv::Hello { unicast: false, seqno: SeqNo(1), interval_cs: 400 };

fn ihu(address: Ipv6Addr) -> Tlv {
    Tlv::Ihu { address: Some(address.into()), rxcost: 96, interval_cs: 1_200 }
}

fn body(packet: &[u8]) -> String {
    packet[4..].iter().map(|octet| format!("{octet:02x}")).collect()
}

#[test]
fn timestamps_are_sub_tlvs_of_a_hello_and_of_the_ihus_beside_it() {
    let echo = Echo { origin: 0x0102_0304, received: 0x0506_0708 };
    let timing = WrittenTiming { sent: 0xa0b0_c0d0, echoes: [(peer(1), echo)].into() };
    let mut writer = PacketWriter::new(1_000, ours()).timed(Some(timing.clone()));
    for tlv in [HELLO, ihu(peer(1)), ihu(peer(2))] {
        assert!(writer.push(&tlv));
    }
    let packet = writer.finish();
    let to_one = "0518 0300 0060 04b0 0000 0000 ffff 0001 0308 0102 0304 0506 0708";
    let to_two = "050e 0300 0060 04b0 0000 0000 ffff 0002";
    let expected = format!("040c 0000 0001 0190 0304 a0b0 c0d0 {to_one} {to_two}").replace(' ', "");
    assert_eq!(body(&packet), expected);
    let read = parse(&packet, ours()).unwrap();
    assert_eq!(read.tlvs, [HELLO, ihu(peer(1)), ihu(peer(2))]);
    let one: IpAddr = peer(1).into();
    assert_eq!(read.timing, Timing { sent: Some(0xa0b0_c0d0), echoes: vec![(Some(one), echo)] });
    // Without a Hello in the packet nobody could use what an IHU gives back.
    let mut writer = PacketWriter::new(1_000, ours()).timed(Some(timing));
    writer.push(&ihu(peer(1)));
    assert_eq!(parse(&writer.finish(), ours()).unwrap().timing, Timing::default());
}

#[test]
fn a_short_timestamp_is_none_and_a_longer_one_counts() {
    let read = |hex: &str| {
        let octets: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        let header = [42, 2, 0, u8::try_from(octets.len()).unwrap()];
        parse(&[&header[..], &octets].concat(), ours()).unwrap()
    };
    assert_eq!(read("040b000000010190030300000a").timing.sent, None);
    assert_eq!(read("040d0000000101900305000000ff07").timing.sent, Some(255));
    // A sub-TLV that must be understood voids the Hello and its timestamp.
    let void = read("040e00000001019003040000000a8000");
    assert_eq!((void.timing.sent, void.ignored[0].1), (None, TlvError::Mandatory));
}

#[test]
fn who_sends_us_a_timestamp_gets_it_back_and_nobody_else() {
    let mut subject = Subject::alone(LinkKind::Wired, false);
    subject.meet(ONE);
    subject.pass(10_000);
    let said = |subject: &mut Subject, millis: u64| -> Vec<Timing> {
        let end = subject.now + Span::from_millis(millis);
        let mut said = Vec::new();
        while let Some(wake) = subject.engine.next_wake().filter(|wake| *wake <= end) {
            subject.now = subject.now.max(wake);
            subject.engine.handle_wake(subject.now);
            while let Some(output) = subject.engine.poll() {
                if let Output::Send { bytes, .. } = output {
                    said.push(parse(&bytes, ours()).unwrap().timing);
                }
            }
        }
        subject.now = end;
        said
    };
    assert!(said(&mut subject, 20_000).iter().all(|timing| *timing == Timing::default()));
    let hello = |subject: &mut Subject, sent: Option<u32>| {
        let timing = sent.map(|sent| WrittenTiming { sent, echoes: Default::default() });
        let mut writer = PacketWriter::new(1_000, peer(ONE)).timed(timing);
        writer.push(&HELLO);
        let bytes = writer.finish();
        subject.take(InterfaceIndex(1), peer(ONE), MULTICAST, &bytes);
        u32::try_from(subject.now.as_micros()).unwrap()
    };
    let received = hello(&mut subject, Some(77));
    let timings = said(&mut subject, 20_000);
    let echo = Echo { origin: 77, received };
    let one: IpAddr = peer(ONE).into();
    assert!(
        timings.iter().any(|said| said.sent.is_some() && said.echoes == [(Some(one), echo)]),
        "{timings:?}"
    );
    hello(&mut subject, None);
    assert!(said(&mut subject, 20_000).iter().all(|timing| *timing == Timing::default()));
}

/// Two nodes, the first on a link of this kind, the second on a cable.
fn pair(first: LinkKind) -> Net {
    let mut net = Net::new(2, &[&[0, 1]], 4).start();
    net.settings(
        0,
        Settings { interfaces: vec![interface_settings(0, first, false)], ..Settings::default() },
    );
    net.time_to(5_000, Net::all_reach_all);
    net.run(60_000);
    net
}

#[test]
fn a_tunnel_knows_how_long_its_packets_take() {
    let net = pair(LinkKind::Tunnel);
    for node in &net.nodes {
        // The bench takes 1 to 4 ms each way.
        let neighbour = &node.engine.report(net.now).neighbours[0];
        let took = neighbour.round_trip.unwrap().as_micros();
        assert!((2_000..=8_000).contains(&took), "{took} us");
    }
    let net = pair(LinkKind::Wireless);
    assert!(net.nodes.iter().all(|node| node.engine.report(net.now).neighbours[0].round_trip.is_none()));
}

#[test]
fn only_on_a_tunnel_does_time_cost_and_nonsense_is_no_time() {
    for (kind, expected) in [(LinkKind::Tunnel, 96 + 48), (LinkKind::Wired, 96)] {
        let mut subject = Subject::alone(kind, false);
        subject.pass(1_000);
        let ours_then = u32::try_from(subject.now.as_micros()).unwrap();
        let hear = |subject: &mut Subject, echo: Echo, sent: u32| {
            let timing = WrittenTiming { sent, echoes: [(ours(), echo)].into() };
            let mut writer = PacketWriter::new(1_000, peer(ONE)).timed(Some(timing));
            for tlv in [HELLO, ihu(ours())] {
                writer.push(&tlv);
            }
            subject.hear_bytes(ONE, &writer.finish());
        };
        subject.pass(1_065);
        // A second of theirs lay between.
        hear(&mut subject, Echo { origin: ours_then, received: 5_000 }, 1_005_000);
        let cost = |subject: &Subject| subject.engine.report(subject.now).neighbours[0].cost;
        hear(&mut subject, Echo { origin: ours_then.wrapping_add(1 << 31), received: 0 }, 1);
        hear(&mut subject, Echo { origin: ours_then, received: 0 }, 3_000_000_000);
        assert_eq!(cost(&subject), expected, "{kind:?}");
    }
}
