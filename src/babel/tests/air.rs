//! What else is known of a link: a radio's cost, its death, and the Hellos to one neighbour alone.

use super::subject::{ONE, Subject, TWO, ours, peer, route};
use crate::babel::output::{Output, RouteAction};
use crate::babel::settings::LinkKind;
use crate::babel::wire::packet::parse;
use crate::babel::wire::tlv::{INFINITY, Tlv};
use crate::babel::wire::write::PacketWriter;
use crate::babel::{Air, SeqNo};
use crate::base::address::InterfaceIndex;
use crate::base::limit::BABEL_AIRS;
use crate::base::time::Span;

const HERE: InterfaceIndex = InterfaceIndex(1);

impl Subject {
    fn air(&mut self, number: u16, air: Air) {
        self.engine.handle_air(self.now, HERE, peer(number), air);
        self.drain();
    }

    fn cost(&self, number: u16) -> Option<u16> {
        let reports = self.engine.neighbour_reports();
        reports.into_iter().find(|report| report.address == peer(number)).map(|report| report.cost)
    }

    /// Neighbours of a radio, whose IHU says this cost.
    fn radio(costs: &[(u16, u16)]) -> Self {
        let mut subject = Self::alone(LinkKind::Wireless, false);
        for (number, rxcost) in costs {
            let hello = Tlv::Hello { unicast: false, seqno: SeqNo(1), interval_cs: 60_000 };
            let ihu = Tlv::Ihu { address: Some(ours().into()), rxcost: *rxcost, interval_cs: 60_000 };
            subject.hear(*number, &[hello, ihu]);
        }
        subject.pass(2_000);
        subject.sent.clear();
        subject
    }
}

#[test]
fn a_radio_s_cost_is_multiplied_by_its_losses_at_most_four_times_and_our_ihu_says_none_of_it() {
    let mut subject = Subject::radio(&[(ONE, 256), (TWO, 512)]);
    assert_eq!((subject.cost(ONE), subject.cost(TWO)), (Some(256), Some(512)));
    let air = |cost| Air { cost: Some(cost), ..Air::default() };
    subject.air(ONE, air(160));
    subject.air(TWO, air(160));
    assert_eq!((subject.cost(ONE), subject.cost(TWO)), (Some(160), Some(320)), "it loses half of ours");
    subject.hear(TWO, &[Tlv::Ihu { address: None, rxcost: 5_000, interval_cs: 60_000 }]);
    assert_eq!(subject.cost(TWO), Some(640), "four times and no more");
    subject.hear(TWO, &[Tlv::Ihu { address: None, rxcost: INFINITY, interval_cs: 60_000 }]);
    assert_eq!(subject.cost(TWO), Some(INFINITY));
    subject.pass(30_000);
    let told: Vec<u16> = subject
        .sent
        .iter()
        .filter_map(|(_, tlv)| match tlv {
            Tlv::Ihu { rxcost, .. } => Some(*rxcost),
            _ => None,
        })
        .collect();
    assert!(!told.is_empty() && told.iter().all(|rxcost| *rxcost == 256), "{told:?}");
    subject.air(ONE, Air::default());
    assert_eq!(subject.cost(ONE), Some(256));
}

#[test]
fn a_link_that_dies_is_left_at_once_and_not_used_again_because_something_is_heard() {
    let mut subject = Subject::radio(&[(ONE, 256), (TWO, 256)]);
    subject.hear(ONE, &[route(super::subject::P, 1, 10)]);
    subject.hear(TWO, &[route(super::subject::P, 1, 600)]);
    assert_eq!(subject.selected(super::subject::P).map(|route| route.next_hop), Some(peer(ONE).into()));
    subject.routes.clear();
    let dead = Air { cost: Some(100), is_dead: true, hello_bytes: Some(0) };
    subject.air(ONE, dead);
    let install = RouteAction::Install { next_hop: peer(TWO).into(), interface: HERE };
    assert!(matches!(subject.routes.as_slice(), [(_, action)] if *action == install), "{:?}", subject.routes);
    assert_eq!(subject.cost(ONE), None);
    // The other way works still: its Hellos, its IHU and its routes come.
    subject.meet(ONE);
    subject.hear(ONE, &[route(super::subject::P, 2, 10)]);
    subject.pass(10_000);
    assert_eq!(subject.cost(ONE), Some(INFINITY));
    assert_eq!(subject.selected(super::subject::P).map(|route| route.next_hop), Some(peer(TWO).into()));
    let reports = subject.engine.neighbour_reports();
    let said = reports.iter().find(|report| report.address == peer(ONE)).and_then(|one| one.trouble.clone());
    assert_eq!(said.as_deref(), Some("the radio says that nothing arrives there"));
    subject.air(ONE, Air { is_dead: false, cost: Some(200), ..dead });
    assert_eq!(subject.cost(ONE), Some(200));
}

#[test]
fn a_hello_to_one_alone_comes_each_interval_with_a_promise_and_as_long_as_asked() {
    let mut subject = Subject::radio(&[(ONE, 256), (TWO, 256)]);
    subject.air(ONE, Air { hello_bytes: Some(1_000), ..Air::default() });
    let mut seqnos = Vec::new();
    let end = subject.now + Span::from_secs(60);
    while let Some(wake) = subject.engine.next_wake().filter(|wake| *wake <= end) {
        subject.now = wake;
        subject.engine.handle_wake(wake);
        while let Some(output) = subject.engine.poll() {
            let Output::Send { destination, bytes, .. } = output else { continue };
            let packet = parse(&bytes, ours()).unwrap();
            assert_eq!(packet.ignored, []);
            for tlv in packet.tlvs {
                if let Tlv::Hello { unicast: true, seqno, interval_cs } = tlv {
                    assert_eq!((destination, bytes.len(), interval_cs), (peer(ONE), 1_000, 425));
                    seqnos.push(seqno.0);
                }
            }
        }
    }
    assert!((14..=16).contains(&seqnos.len()), "{seqnos:?}");
    assert!(seqnos.windows(2).all(|two| two[1] == two[0].wrapping_add(1)), "{seqnos:?}");
}

#[test]
fn hellos_to_us_alone_tell_the_loss_once_there_are_six_of_them() {
    let mut subject = Subject::radio(&[(ONE, 256)]);
    let hello = |unicast, seqno| Tlv::Hello { unicast, seqno: SeqNo(seqno), interval_cs: 60_000 };
    // Of those to all each second one is lost, of those to us none.
    for at in 1..6 {
        subject.hear(ONE, &[hello(false, 1 + at * 2), hello(true, at)]);
    }
    assert!(subject.cost(ONE) > Some(400), "{:?}", subject.cost(ONE));
    subject.hear(ONE, &[hello(true, 6)]);
    assert_eq!(subject.cost(ONE), Some(256));
    subject.hear(ONE, &[hello(true, 8), hello(true, 10)]);
    assert_eq!(subject.cost(ONE), Some(384));
}

#[test]
fn a_bridge_dies_in_four_seconds_and_costs_what_it_loses() {
    let mut subject = Subject::alone(LinkKind::Bridge, false);
    let hello = |unicast, seqno| Tlv::Hello { unicast, seqno: SeqNo(seqno), interval_cs: 106 };
    let ihu = Tlv::Ihu { address: Some(ours().into()), rxcost: 256, interval_cs: 60_000 };
    for second in 0..16 {
        subject.hear(ONE, &[hello(false, second), hello(true, second), ihu.clone()]);
        subject.pass(1_000);
    }
    assert_eq!(subject.cost(ONE), Some(256));
    for second in 16..32 {
        if second % 4 > 0 {
            subject.hear(ONE, &[hello(false, second), hello(true, second)]);
        }
        subject.pass(1_000);
    }
    assert_eq!(subject.cost(ONE), Some(256 * 16 / 12));
    // Its carrier stays, and nothing comes.
    subject.hear(ONE, &[hello(false, 32), hello(true, 32), hello(false, 33), hello(true, 33)]);
    subject.pass(2_500);
    assert!(subject.cost(ONE) < Some(INFINITY));
    subject.pass(1_500);
    assert_eq!(subject.cost(ONE), Some(INFINITY));
}

#[test]
fn what_is_known_of_links_is_bounded_and_goes_with_the_interface() {
    let mut subject = Subject::radio(&[(ONE, 256)]);
    let air = Air { cost: Some(100), ..Air::default() };
    subject.air(ONE, air);
    for number in 10..10 + 2 * u16::try_from(BABEL_AIRS).unwrap() {
        subject.air(number, air);
    }
    assert_eq!(subject.engine.airs.len(), BABEL_AIRS);
    assert_eq!(subject.cost(ONE), Some(100), "a neighbour's stays");
    subject.engine.handle_interface_gone(subject.now, HERE);
    assert_eq!(subject.engine.airs.len(), 0);
}

#[test]
fn padding_fills_a_packet_to_the_octet_and_no_further_than_it_may_be() {
    for (octets, whole) in
        [(0, 12), (13, 12), (14, 14), (269, 269), (270, 270), (1_000, 1_000), (5_000, 1_200)]
    {
        let mut writer = PacketWriter::new(1_200, ours());
        writer.push(&Tlv::Hello { unicast: true, seqno: SeqNo(1), interval_cs: 100 });
        writer.pad(octets);
        let bytes = writer.finish();
        assert!(bytes.len() == whole || bytes.len() + 1 == whole, "{octets}: {}", bytes.len());
        assert_eq!(parse(&bytes, ours()).unwrap().tlvs.len(), 1);
    }
}
