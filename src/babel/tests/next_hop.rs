//! Which next hop our IPv4 routes name: our IPv6 address (RFC 9229), or our IPv4 one where that is wanted and there.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::bench::{interface_settings, status};
use super::subject::*;
use crate::babel::InterfaceStatus;
use crate::babel::engine::MULTICAST;
use crate::babel::settings::{InterfaceSettings, LinkKind, Settings};
use crate::babel::wire::tlv::Tlv;
use crate::babel::wire::write::PacketWriter;

const OURS_V4: Ipv4Addr = Ipv4Addr::new(172, 16, 0, 1);
const V4: &str = "10.9.0.0/16";

fn settings(subject: &mut Subject, v4_via_v6: bool) {
    let wired = interface_settings(0, LinkKind::Wired, false);
    let interfaces = vec![InterfaceSettings { v4_via_v6, ..wired }];
    subject.engine.handle_settings(subject.now, Settings { interfaces, ..Settings::default() });
    subject.drain();
}

fn address(subject: &mut Subject, ipv4: Option<Ipv4Addr>) {
    let status = InterfaceStatus { ipv4, ..status(0, 0, true) };
    subject.engine.handle_interface(subject.now, status);
    subject.drain();
}

/// The next hop of the last update about a prefix after a second: two dumps are as far apart.
fn next_hop(subject: &mut Subject, text: &str) -> Option<IpAddr> {
    subject.sent.clear();
    subject.pass(1_300);
    let about = |(to, tlv): &(Ipv6Addr, Tlv)| match tlv {
        Tlv::Update(update) if *to == MULTICAST && update.prefix == Some(prefix(text)) => update.next_hop,
        _ => None,
    };
    subject.sent.iter().rev().find_map(about)
}

#[test]
fn ipv4_goes_out_with_our_ipv4_address_where_that_is_wanted_and_there() {
    let mut subject = Subject::new();
    subject.originate(&[V4, P]);
    subject.pass(5_000);
    let (v6, v4) = (IpAddr::from(ours()), IpAddr::from(OURS_V4));
    address(&mut subject, Some(OURS_V4));
    assert_ne!(next_hop(&mut subject, V4), Some(v4), "nobody wants to know");
    settings(&mut subject, false);
    assert_eq!(next_hop(&mut subject, V4), Some(v4), "soon");
    address(&mut subject, None);
    assert_eq!(next_hop(&mut subject, V4), Some(v6), "without one there is no other");
    address(&mut subject, Some(OURS_V4));
    assert_eq!(next_hop(&mut subject, V4), Some(v4));
    settings(&mut subject, true);
    assert_eq!(next_hop(&mut subject, V4), Some(v6));
    settings(&mut subject, false);
    assert_eq!(next_hop(&mut subject, P), Some(v6), "IPv6 has its own");
}

#[test]
fn a_route_that_came_with_an_ipv4_next_hop_is_installed_with_it() {
    let mut subject = Subject::new();
    let next_hop = Some(IpAddr::from([172, 16, 0, 9]));
    let Tlv::Update(update) = route(V4, 5, 100) else { unreachable!() };
    subject.hear(ONE, &[Tlv::Update(crate::babel::wire::tlv::Update { next_hop, ..update })]);
    let used = subject.engine.next_hop(prefix(V4)).map(|(next_hop, _)| next_hop);
    assert_eq!(used, next_hop);
}

#[test]
fn what_is_taken_back_goes_in_the_encoding_that_it_went_out_in() {
    for (via_v6, encoding) in [(true, 4), (false, 1)] {
        let mut writer = PacketWriter::new(500, ours()).retracting(via_v6);
        writer.push(&retraction(V4));
        let bytes = writer.finish();
        // Behind the header of the packet: type, length, encoding.
        assert_eq!((bytes[4], bytes[6]), (8, encoding));
    }
}
