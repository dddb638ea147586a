//! A device that comes back under another address.

use super::*;
use crate::base::address::MacAddress;
use crate::base::voucher::{Keepsake, Verifier};
use crate::hotspot::portal::{Notice, Page};
use crate::hotspot::request::{Method, PortalRequest};

fn key(number: u8) -> Keepsake {
    Keepsake([number; 16])
}

/// Types code 1, and would keep this.
fn log_in(bench: &mut Bench, device: MacAddress, fresh: u8) -> Option<Verifier> {
    let page = bench.ask(device, PortalRequest { fresh: Some(key(fresh)), ..post_code(&code(1)) }).unwrap();
    kept(page)
}

fn kept(page: Page) -> Option<Verifier> {
    match page {
        Page::Welcome { keep, .. } => keep,
        other => panic!("expected a welcome, got {other:?}"),
    }
}

/// Shows what it kept for voucher 1.
fn come_back(bench: &mut Bench, device: MacAddress, shows: u8, fresh: u8) -> Page {
    let http = PortalRequest {
        method: Method::Post,
        returns: Some((verifier(1), key(shows))),
        fresh: Some(key(fresh)),
        ..get("192.0.2.1", "/return")
    };
    bench.ask(device, http).unwrap()
}

#[test]
fn a_device_with_a_new_address_goes_on_and_the_old_one_is_cut() {
    let mut bench = Bench::with(seconds(HOUR));
    assert_eq!(log_in(&mut bench, mac(1), 1), Some(verifier(1)));
    let seen = PortalRequest { returns: Some((verifier(1), key(1))), ..get("192.0.2.1", "/") };
    assert!(matches!(bench.ask(mac(2), seen), Some(Page::Return { .. })), "a page alone lets nobody in");
    assert!(!bench.is_through(mac(2)));
    assert_eq!(kept(come_back(&mut bench, mac(2), 1, 2)), Some(verifier(1)));
    assert_eq!((bench.is_through(mac(1)), bench.is_through(mac(2))), (false, true));
    // What was used is spent; what came in its place is good.
    let stolen = come_back(&mut bench, mac(3), 1, 3);
    assert_eq!((notice_of(&stolen), bench.is_through(mac(3))), (Some(Notice::Forgotten), false));
    assert_eq!(bench.hotspot.report(bench.now).counters.forgotten, 1);
    assert!(bench.is_through(mac(2)));
    kept(come_back(&mut bench, mac(4), 2, 4));
    assert_eq!((bench.is_through(mac(2)), bench.is_through(mac(4))), (false, true));
}

#[test]
fn of_two_devices_the_one_that_comes_back_takes_its_own_place() {
    let mut bench = Bench::new();
    bench.sell(1, fresh(seconds(HOUR), 2));
    log_in(&mut bench, mac(1), 1);
    log_in(&mut bench, mac(2), 2);
    come_back(&mut bench, mac(3), 2, 3);
    let through = [1, 2, 3].map(|number| bench.is_through(mac(number)));
    assert_eq!(through, [true, false, true], "and the oldest does not yield");
}

#[test]
fn a_thief_of_the_secret_never_doubles_a_voucher_of_one_device() {
    let mut bench = Bench::with(seconds(HOUR));
    log_in(&mut bench, mac(1), 1);
    come_back(&mut bench, mac(9), 1, 9);
    assert_eq!((bench.is_through(mac(1)), bench.is_through(mac(9))), (false, true));
    // The owner types the code: the thief yields, is told, and what he has is of a device that yielded.
    log_in(&mut bench, mac(1), 2);
    assert_eq!((bench.is_through(mac(1)), bench.is_through(mac(9))), (true, false));
    let page = bench.ask(mac(9), get("192.0.2.1", "/")).unwrap();
    assert_eq!(notice_of(&page), Some(Notice::Yielded));
}

#[test]
fn it_dies_when_its_owner_logs_out_and_nothing_is_left_to_try() {
    let mut bench = Bench::with(seconds(HOUR));
    log_in(&mut bench, mac(1), 1);
    bench.ask(mac(1), PortalRequest { method: Method::Post, ..get("192.0.2.1", "/logout") });
    assert_eq!(notice_of(&come_back(&mut bench, mac(2), 1, 2)), Some(Notice::Forgotten));
    let mut tries = (0..10).map(|_| notice_of(&come_back(&mut bench, mac(2), 1, 2)));
    assert!(tries.any(|notice| matches!(notice, Some(Notice::TryAgainIn { .. }))), "as slow as typing codes");
    let none = PortalRequest { method: Method::Post, ..get("192.0.2.1", "/return") };
    assert_eq!(notice_of(&bench.ask(mac(3), none).unwrap()), Some(Notice::Forgotten));
    let foreign = PortalRequest { foreign: true, method: Method::Post, ..get("192.0.2.1", "/return") };
    assert_eq!(notice_of(&bench.ask(mac(3), foreign).unwrap()), Some(Notice::Again));
}

#[test]
fn a_voucher_that_is_used_up_opens_nothing_with_it_either() {
    let mut bench = Bench::with(seconds(60));
    log_in(&mut bench, mac(1), 1);
    bench.active.insert(mac(1));
    bench.run_s(70);
    assert_eq!(notice_of(&come_back(&mut bench, mac(2), 1, 2)), Some(Notice::UsedUp));
}
