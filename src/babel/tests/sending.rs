//! What a quiet node says, and when: few packets, full ones, and no wake-up for one thing alone.

use super::bench::{interface_settings, status};
use super::subject::{Subject, ours, prefix};
use crate::babel::engine::{Engine, MULTICAST};
use crate::babel::output::Output;
use crate::babel::settings::{LinkKind, Settings};
use crate::babel::wire::packet::parse;
use crate::babel::wire::tlv::{Tlv, Update};
use crate::babel::{RouterId, SeqNo};
use crate::base::address::{InterfaceIndex, PrefixPair};
use crate::base::time::{Instant, Span};

/// One packet to all: when, where, how long, and what.
struct Said {
    at: Instant,
    interface: InterfaceIndex,
    octets: usize,
    tlvs: Vec<Tlv>,
}

impl Said {
    fn updates(&self) -> impl Iterator<Item = &Update> {
        self.tlvs.iter().filter_map(|tlv| match tlv {
            Tlv::Update(update) => Some(update),
            _ => None,
        })
    }

    fn has_hello(&self) -> bool {
        self.tlvs.iter().any(|tlv| matches!(tlv, Tlv::Hello { .. }))
    }
}

fn listen(engine: &mut Engine, now: &mut Instant, span: Span) -> Vec<Said> {
    let end = *now + span;
    let mut said = Vec::new();
    while let Some(wake) = engine.next_wake().filter(|wake| *wake <= end) {
        *now = wake.max(*now);
        engine.handle_wake(*now);
        while let Some(output) = engine.poll() {
            if let Output::Send { interface, destination: MULTICAST, bytes, .. } = output {
                let tlvs = parse(&bytes, ours()).unwrap().tlvs;
                said.push(Said { at: *now, interface, octets: bytes.len(), tlvs });
            }
        }
    }
    *now = end;
    said
}

fn gaps(times: &[Instant]) -> impl Iterator<Item = Span> {
    times.windows(2).map(|pair| pair[1].since(pair[0]))
}

#[test]
fn the_regular_update_travels_with_a_hello_and_both_keep_their_promise() {
    let mut subject = Subject::new();
    subject.originate(&["fd00:1::/64"]);
    subject.pass(10_000);
    let said = listen(&mut subject.engine, &mut subject.now, Span::from_secs(640));
    assert!(said.iter().all(Said::has_hello));
    // 4 to 4.25 s, and each fourth has the update.
    let hellos: Vec<Instant> = said.iter().map(|said| said.at).collect();
    assert!((150..=160).contains(&hellos.len()), "{}", hellos.len());
    assert!(gaps(&hellos).all(|gap| gap <= Span::from_millis(4_250)));
    let updates: Vec<&Said> = said.iter().filter(|said| said.updates().count() > 0).collect();
    assert!((37..=40).contains(&updates.len()), "{}", updates.len());
    let times: Vec<Instant> = updates.iter().map(|said| said.at).collect();
    assert!(gaps(&times).all(|gap| gap <= Span::from_millis(17_000)));
    assert!(updates.iter().flat_map(|said| said.updates()).all(|update| update.interval_cs == 1_700));
    let promises = said.iter().flat_map(|said| &said.tlvs).filter_map(|tlv| match tlv {
        Tlv::Hello { interval_cs, .. } => Some(*interval_cs),
        _ => None,
    });
    assert!(promises.min() == Some(425));
}

#[test]
fn interfaces_with_the_same_interval_say_hello_at_one_wake_up() {
    let interfaces = (0..3).map(|link| interface_settings(link, LinkKind::Wired, false)).collect();
    let settings = Settings { interfaces, ..Settings::default() };
    let mut engine = Engine::new(settings, RouterId([2; 8]), SeqNo(1), 7);
    let mut now = Instant::from_millis(1_000);
    for link in 0..3 {
        engine.handle_interface(now, status(0, link, true));
        // They come up at different times.
        listen(&mut engine, &mut now, Span::from_millis(1_300));
    }
    listen(&mut engine, &mut now, Span::from_secs(20));
    let said = listen(&mut engine, &mut now, Span::from_secs(400));
    for three in said.chunks_exact(3) {
        assert!(three.iter().all(|said| said.at == three[0].at && said.has_hello()));
        assert_ne!(three[0].interface, three[1].interface);
    }
    let waits: Vec<Instant> = said.iter().step_by(3).map(|said| said.at).collect();
    assert!(gaps(&waits).all(|gap| (4_000..=4_250).contains(&gap.as_millis())), "in step, none is hurried");
    assert!(gaps(&waits).min() != gaps(&waits).max(), "and chance is left");
}

#[test]
fn an_update_of_many_packets_fills_all_but_the_last() {
    let mut subject = Subject::new();
    let mut all: Vec<PrefixPair> =
        (0..1_000).map(|number| prefix(&format!("fd00:{number:x}::/64"))).collect();
    subject.engine.handle_originated(subject.now, &all.iter().map(|prefix| (*prefix, 0)).collect());
    subject.pass(30_000);
    let said = listen(&mut subject.engine, &mut subject.now, Span::from_secs(17));
    let packets: Vec<&Said> = said.iter().filter(|said| said.updates().count() > 0).collect();
    let first = packets.iter().position(|said| said.has_hello()).unwrap();
    let mut dump =
        packets[first..].iter().take_while(|said| said.at.since(packets[first].at) < Span::from_secs(2));
    let (mut told, mut lengths) = (Vec::new(), Vec::new());
    for packet in &mut dump {
        told.extend(packet.updates().filter_map(|update| update.prefix));
        lengths.push(packet.octets);
    }
    // 1,500 less 48 of headers, less what one more update would have taken.
    lengths.pop();
    assert!(lengths.len() > 8 && lengths.iter().all(|length| *length > 1_452 - 16), "{lengths:?}");
    told.sort_unstable();
    all.sort_unstable();
    assert_eq!(told, all, "each prefix once");
}
