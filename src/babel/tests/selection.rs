//! Hysteresis has a bound: a way that is better by a tenth is in use within 30 seconds, also one that must first
//! be made feasible.

use super::bench::{Net, interface_settings, prefix_v6};
use super::subject::*;
use crate::babel::settings::{LinkKind, Settings};

/// Two ways from 0 to 3: by 1, and by 2.
const TWO_WAYS: &[&[usize]] = &[&[0, 1], &[1, 3], &[0, 2], &[2, 3]];

/// A node hears its neighbours on these links at these costs.
fn hears(net: &mut Net, node: usize, costs: &[(usize, u16)]) {
    let settings = |(link, rxcost): &(usize, u16)| {
        let mut settings = interface_settings(*link, LinkKind::Wired, false);
        settings.rxcost = *rxcost;
        settings
    };
    let interfaces = costs.iter().map(settings).collect();
    net.settings(node, Settings { interfaces, ..Settings::default() });
}

#[test]
fn a_way_that_is_better_by_a_tenth_is_in_use_within_thirty_seconds() {
    for seed in 0..10 {
        let mut net = Net::new(4, TWO_WAYS, seed);
        net.cut(2, true, false);
        let mut net = net.start();
        net.time_to(5_000, |net| net.follow(0, prefix_v6(3)) == Some(vec![0, 1, 3]));
        net.run(60_000);
        // By 2 it is 96 + 76 = 172 instead of 192.
        hears(&mut net, 3, &[(1, 96), (3, 76)]);
        net.run(30_000);
        net.cut(2, false, true);
        net.time_to(30_000, |net| net.follow(0, prefix_v6(3)) == Some(vec![0, 2, 3]));
    }
}

#[test]
fn a_better_way_that_is_unfeasible_is_asked_for_and_in_use_within_thirty_seconds() {
    for seed in 0..10 {
        let mut net = Net::new(4, TWO_WAYS, seed).start();
        // By 1 it is 192, by 2 200 + 60: what 2 announces is no better than what 0 announced.
        hears(&mut net, 3, &[(1, 96), (3, 200)]);
        hears(&mut net, 2, &[(2, 60), (3, 96)]);
        net.run(60_000);
        assert_eq!(net.follow(0, prefix_v6(3)), Some(vec![0, 1, 3]));
        // Now the hop to 1 costs 200: 296, and 260 is an eighth less.
        hears(&mut net, 1, &[(0, 200), (1, 96)]);
        net.time_to(30_000, |net| net.follow(0, prefix_v6(3)) == Some(vec![0, 2, 3]));
    }
}

#[test]
fn the_same_question_is_asked_four_times_in_half_a_minute_at_most() {
    let mut subject = Subject::new();
    subject.hear(ONE, &[route(P, 5, 100)]);
    subject.pass(1_000);
    let mut asked = 0;
    for _ in 0..300 {
        // Better by far, and older: unfeasible, ten times a second.
        subject.hear(TWO, &[route(P, 4, 10)]);
        subject.sent.clear();
        subject.pass(100);
        let questions = subject.sent.iter().filter(|(_, tlv)| {
            matches!(tlv, crate::babel::wire::tlv::Tlv::SeqnoRequest(request) if *request == wants(ORIGIN, P, 6, 64))
        });
        asked += questions.count();
    }
    assert!((1..=4).contains(&asked), "{asked}");
}
