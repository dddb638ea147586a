//! Whether a phone is still there: what a server sends to one that has left costs nothing, and keeping quiet costs no less.

use super::*;
use crate::hotspot::output::{Output, UsageSample};

/// Another minute in which a server sends so much, and the phone nothing.
fn minute(bench: &mut Bench, octets: u64) {
    for _ in 0..3 {
        for counters in bench.kernel.counters.values_mut() {
            counters.down_packets += 1;
            counters.down_bytes += octets / 3;
        }
        bench.run_s(20);
    }
}

fn used_s(bench: &Bench) -> u64 {
    bench.hotspot.report(bench.now).sessions[0].used_s
}

fn seeks(bench: &Bench) -> usize {
    bench.outputs.iter().filter(|output| matches!(output, Output::Seek(_))).count()
}

#[test]
fn a_phone_that_has_left_does_not_pay_for_what_a_server_goes_on_sending() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    bench.active.insert(mac(1));
    bench.run_s(600);
    assert_eq!(seeks(&bench), 0, "who sends is there");
    bench.active.remove(&mac(1));
    bench.away.insert(mac(1));
    (0..15).for_each(|_| minute(&mut bench, 3_000));
    // Three probes, a minute after the last packet, and no more.
    assert!((660..=740).contains(&used_s(&bench)), "{}", used_s(&bench));
    let before = used_s(&bench);
    (0..15).for_each(|_| minute(&mut bench, 3_000));
    assert_eq!(used_s(&bench), before);
    // It is back.
    bench.away.remove(&mac(1));
    bench.active.insert(mac(1));
    bench.run_s(60);
    assert!((before + 40..=before + 80).contains(&used_s(&bench)), "{}", used_s(&bench));
}

#[test]
fn nobody_stops_his_clock_by_not_answering() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    bench.away.insert(mac(1));
    // He takes a film and answers nothing.
    (0..15).for_each(|_| minute(&mut bench, 30_000_000));
    assert!((840..=900).contains(&used_s(&bench)), "{}", used_s(&bench));
    // Or he sends, which says enough.
    let before = used_s(&bench);
    bench.active.insert(mac(1));
    bench.run_s(600);
    assert!((before + 560..=before + 600).contains(&used_s(&bench)), "{}", used_s(&bench));
}

#[test]
fn of_two_phones_one_that_is_there_is_enough() {
    let mut bench = Bench::new();
    bench.sell(1, fresh(seconds(HOUR), 2));
    bench.log_in(mac(1), 1);
    bench.log_in(mac(2), 1);
    bench.away.insert(mac(1));
    (0..10).for_each(|_| minute(&mut bench, 3_000));
    assert!((540..=600).contains(&used_s(&bench)), "{}", used_s(&bench));
    bench.away.insert(mac(2));
    (0..10).for_each(|_| minute(&mut bench, 3_000));
    assert!((620..=740).contains(&used_s(&bench)), "{}", used_s(&bench));
}

#[test]
fn an_answer_about_a_device_that_is_not_in_use_changes_nothing() {
    let mut bench = Bench::with(seconds(HOUR));
    bench.log_in(mac(1), 1);
    let before = bench.hotspot.clone();
    bench.hotspot.handle_sought(bench.now, &[(mac(2), false), (mac(3), true)]);
    assert_eq!(bench.hotspot, before);
    for _ in 0..1_000 {
        bench.hotspot.handle_sought(bench.now, &[(mac(1), false)]);
    }
    let sample = UsageSample {
        client: bench.hotspot.report(bench.now).sessions[0].client,
        up_bytes: u64::MAX,
        up_packets: 0,
        down_bytes: u64::MAX,
        down_packets: u64::MAX,
    };
    bench.hotspot.handle_usage(bench.now, &[sample]);
}
