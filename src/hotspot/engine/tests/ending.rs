//! A session that whoever takes care of the node ends.

use super::*;
use crate::base::voucher::Keepsake;
use crate::hotspot::output::{EndReason, Event};
use crate::hotspot::portal::{Notice, Page};
use crate::hotspot::request::{Method, PortalRequest};

fn end(bench: &mut Bench, number: u8, device: Option<u8>) -> u32 {
    let devices = bench.hotspot.handle_end(bench.now, verifier(number), device.map(mac));
    bench.drain();
    devices
}

#[test]
fn its_device_is_cut_and_told_and_goes_on_with_its_code() {
    let mut bench = Bench::with(seconds(HOUR));
    let kept = Keepsake([1; 16]);
    bench.ask(mac(1), PortalRequest { fresh: Some(kept), ..post_code(&code(1)) });
    bench.active.insert(mac(1));
    bench.run_s(600);
    assert_eq!(end(&mut bench, 1, None), 1);
    assert!(!bench.is_through(mac(1)));
    let why = bench.events.iter().find_map(|event| match event {
        Event::SessionEnded { why, .. } => Some(*why),
        _ => None,
    });
    assert_eq!(why, Some(EndReason::Caretaker));
    for _ in 0..2 {
        let page = bench.ask(mac(1), get("192.0.2.1", "/")).unwrap();
        assert_eq!(notice_of(&page), Some(Notice::Ended), "until it is in again");
    }
    // What its browser kept does not bring it back, or it would never have left.
    let returns = PortalRequest {
        method: Method::Post,
        returns: Some((verifier(1), kept)),
        ..get("192.0.2.1", "/return")
    };
    assert_eq!(notice_of(&bench.ask(mac(1), returns).unwrap()), Some(Notice::Forgotten));
    assert!(!bench.is_through(mac(1)));
    assert!(matches!(bench.log_in(mac(1), 1), Page::Welcome { .. }));
    assert_eq!(bench.remaining(1).map(|left| left.as_secs()), Some(3_000), "nothing was lost, nothing given");
    assert_eq!(end(&mut bench, 1, None), 1);
    assert!(matches!(bench.log_in(mac(1), 1), Page::Welcome { .. }));
    end(&mut bench, 1, None);
    let page = bench.ask(mac(2), get("192.0.2.1", "/")).unwrap();
    assert_eq!(notice_of(&page), None, "others are told nothing");
}

#[test]
fn one_device_of_two_is_let_out_and_the_other_goes_on() {
    let mut bench = Bench::new();
    bench.sell(1, fresh(seconds(HOUR), 2));
    bench.log_in(mac(1), 1);
    bench.log_in(mac(2), 1);
    assert_eq!(end(&mut bench, 1, Some(3)), 0, "that is none of its devices");
    assert_eq!(end(&mut bench, 1, Some(1)), 1);
    assert_eq!([1, 2].map(|number| bench.is_through(mac(number))), [false, true]);
    let told = [1, 2].map(|number| bench.ask(mac(number), get("192.0.2.1", "/")).unwrap());
    assert_eq!(notice_of(&told[0]), Some(Notice::Ended));
    assert!(matches!(told[1], Page::Status { .. }));
    bench.log_in(mac(1), 1);
    assert_eq!(end(&mut bench, 1, None), 2);
    assert!(bench.kernel.devices.is_empty() && bench.kernel.counters.is_empty());
}

#[test]
fn what_is_not_in_use_here_cannot_be_ended() {
    let mut bench = Bench::with(seconds(HOUR));
    let before = bench.hotspot.clone();
    assert_eq!(end(&mut bench, 1, None), 0);
    assert_eq!(bench.hotspot, before);
}
