//! Whole stories, drawn by lot: what holds whatever happens.

use proptest::prelude::*;

use super::*;
use crate::base::address::MacAddress;
use crate::base::time::Span;
use crate::base::voucher::Verifier;
use crate::hotspot::Hotspot;
use crate::hotspot::output::{AskId, ClientId, GuestChange, Output, UsageSample};
use crate::hotspot::portal::shipped;
use crate::hotspot::request::{Method, PortalRequest};
use crate::hotspot::tariff::{Measure, VoucherState};

/// One thing that happens in a village.
#[derive(Clone, Copy, Debug)]
enum Act {
    LogIn(u8, u8),
    Look(u8),
    Use(u8, bool),
    Run(u32),
    Uplink(bool),
    Restart(u16),
    Revoke(u8),
    End(u8),
    Elsewhere(u8, u16),
}

const PHONES: u8 = 6;
const VOUCHERS: u8 = 6;
const SOLD: [(Measure, u8); VOUCHERS as usize] = [
    (Measure::UsedSeconds { seconds: 20, within_days: 0 }, 1),
    (Measure::UsedSeconds { seconds: 600, within_days: 0 }, 1),
    (Measure::UsedSeconds { seconds: 3_600, within_days: 0 }, 2),
    (Measure::UsedSeconds { seconds: 3_600, within_days: 0 }, 0),
    (Measure::DaysFromFirstUse { days: 1 }, 3),
    (Measure::DaysFromFirstUse { days: 30 }, 1),
];

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => (0..PHONES, 0..VOUCHERS + 2).prop_map(|(phone, voucher)| Act::LogIn(phone, voucher)),
        1 => (0..PHONES).prop_map(Act::Look),
        4 => (0..PHONES, any::<bool>()).prop_map(|(phone, on)| Act::Use(phone, on)),
        4 => (1..120u32).prop_map(Act::Run),
        2 => (1..40_000u32).prop_map(Act::Run),
        1 => any::<bool>().prop_map(Act::Uplink),
        1 => (0..1_500u16).prop_map(Act::Restart),
        1 => (0..VOUCHERS).prop_map(Act::Revoke),
        1 => (0..VOUCHERS).prop_map(Act::End),
        1 => (0..VOUCHERS, 0..300u16).prop_map(|(voucher, used_s)| Act::Elsewhere(voucher, used_s)),
    ]
}

/// How phones and vouchers are called; a story must not depend on it.
#[derive(Clone, Copy, Debug)]
struct Names {
    phones: [u8; PHONES as usize],
    vouchers: [u8; VOUCHERS as usize + 2],
}

const PLAIN: Names = Names { phones: [1, 2, 3, 4, 5, 6], vouchers: [1, 2, 3, 4, 5, 6, 7, 8] };
const MIXED: Names = Names { phones: [40, 9, 250, 3, 77, 0], vouchers: [90, 12, 201, 7, 30, 5, 255, 1] };

fn play(acts: &[Act], names: Names, mut check: impl FnMut(&Bench)) -> Bench {
    let mut bench = Bench::new();
    for (index, (measure, devices)) in SOLD.into_iter().enumerate() {
        bench.sell(names.vouchers[index], fresh(measure, devices));
    }
    for act in acts {
        match *act {
            Act::LogIn(phone, voucher) => {
                bench.log_in(mac(names.phones[phone as usize]), names.vouchers[voucher as usize]);
            }
            Act::Look(phone) => {
                for host in ["10.77.4.1", "example.org"] {
                    bench.ask(mac(names.phones[phone as usize]), get(host, "/"));
                }
            }
            Act::Use(phone, true) => {
                bench.active.insert(mac(names.phones[phone as usize]));
            }
            Act::Use(phone, false) => {
                bench.active.remove(&mac(names.phones[phone as usize]));
            }
            Act::Run(seconds) => bench.run_s(seconds.into()),
            Act::Uplink(up) => bench.set_uplink(up),
            Act::Restart(away) => bench.restart(Span::from_secs(away.into())),
            Act::Revoke(voucher) => {
                let verifier = verifier(names.vouchers[voucher as usize]);
                bench.vouchers.insert(verifier, VoucherState::Revoked);
                bench.hotspot.handle_voucher_changed(bench.now, verifier, VoucherState::Revoked);
                bench.drain();
            }
            Act::End(voucher) => {
                bench.hotspot.handle_end(bench.now, verifier(names.vouchers[voucher as usize]), None);
                bench.drain();
            }
            Act::Elsewhere(voucher, used_s) => {
                let verifier = verifier(names.vouchers[voucher as usize]);
                let Some(VoucherState::Good(allowance)) = bench.vouchers.get_mut(&verifier) else { continue };
                allowance.used_s += u64::from(used_s);
                let state = VoucherState::Good(allowance.clone());
                bench.hotspot.handle_voucher_changed(bench.now, verifier, state);
                bench.drain();
            }
        }
        check(&bench);
    }
    bench
}

/// No voucher gave more than was sold; nobody is let through for longer than is left; the kernel and
/// the sessions agree.
fn check(bench: &Bench, slack_s: u64) {
    for (index, (measure, _)) in SOLD.into_iter().enumerate() {
        let number = PLAIN.vouchers[index];
        let truth = bench.truth.get(&verifier(number)).copied().unwrap_or_default();
        if let Measure::UsedSeconds { seconds, .. } = measure {
            let sold = Span::from_secs(u64::from(seconds) + slack_s);
            assert!(truth <= sold, "voucher {number}: {truth} of {seconds} s");
        }
    }
    let report = bench.hotspot.report(bench.now);
    let mut through = 0;
    for session in &report.sessions {
        let state = &bench.vouchers[&session.verifier];
        let VoucherState::Good(allowance) = state else { panic!("{session:?} is revoked") };
        assert!(session.devices.len() <= usize::from(allowance.tariff.devices.max(1)));
        assert!(!session.devices.is_empty());
        for device in &session.devices {
            let (client, end) = bench.kernel.devices[device];
            assert_eq!(client, session.client);
            let lease = end.since(bench.now);
            assert!(lease <= Span::from_secs(900) && lease <= session.remaining, "{session:?}");
            through += 1;
        }
    }
    assert_eq!(through, bench.kernel.devices.len());
    assert_eq!(report.sessions.len(), bench.kernel.counters.len());
}

/// An output with the plain names put back.
fn plain(output: &Output, names: &Names) -> String {
    let phone = |mac: &MacAddress| names.phones.iter().position(|name| *name == mac.0[5]).unwrap();
    let voucher = |name: u8| names.vouchers.iter().position(|known| *known == name).unwrap();
    match output {
        Output::Guests(changes) => changes
            .iter()
            .map(|change| match change {
                GuestChange::Admit { mac, client, lease, .. } => {
                    format!("+{} {client:?} {lease} ", phone(mac))
                }
                GuestChange::Dismiss { mac, client, last } => format!("-{} {client:?} {last} ", phone(mac)),
                gate => format!("{gate:?} "),
            })
            .collect(),
        Output::CheckCode { ask, code } => format!("check {ask:?} {}", voucher(code.tag() as u8)),
        Output::Voucher { ask, verifier, .. } => format!("voucher {ask:?} {}", voucher(verifier.0[0])),
        Output::Activate { verifier, proof, mac, .. } => {
            assert_eq!(verifier.0[0], proof.0[0]);
            format!("activate {} {}", voucher(verifier.0[0]), phone(mac))
        }
        Output::Return { ask, verifier, .. } => format!("return {ask:?} {}", voucher(verifier.0[0])),
        Output::Forget { verifier, mac } => format!("forget {} {}", voucher(verifier.0[0]), phone(mac)),
        Output::Used { verifier, used_s, since_first_use_s, up_bytes, down_bytes } => {
            format!("used {} {used_s} {since_first_use_s} {up_bytes} {down_bytes}", voucher(verifier.0[0]))
        }
        Output::SaveSessions(saved) => saved
            .iter()
            .map(|session| {
                let devices: Vec<_> = session.devices.iter().map(phone).collect();
                let number = voucher(session.verifier.0[0]);
                format!(
                    "save {:?} {number} {:?} {} {devices:?}",
                    session.client, session.meter, session.lease_end
                )
            })
            .collect(),
        Output::Reply { request, page, .. } => {
            let mut text = format!("reply {request:?} {page:?}");
            for (index, name) in names.phones.iter().enumerate() {
                text = text.replace(&format!("{:?}", mac(*name)), &format!("phone {index}"));
            }
            text
        }
        Output::Recognise { ask, mac } => format!("recognise {ask:?} {}", phone(mac)),
        Output::Found { mac, here, .. } => format!("found {} {here}", phone(mac)),
        Output::Seek(macs) => format!("seek {:?}", macs.iter().map(phone).collect::<Vec<_>>()),
        Output::Event(event) => {
            let mut text = format!("{event:?}");
            for name in names.vouchers {
                let verifier = Verifier([name; 8]).to_string();
                text = text.replace(&format!("verifier: {verifier}"), &format!("voucher {}", voucher(name)));
            }
            text
        }
        Output::ReadUsage => "read".to_owned(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_voucher_ever_gives_more_than_it_holds(acts in prop::collection::vec(act(), 1..60)) {
        let without_restarts: Vec<_> =
            acts.iter().copied().filter(|act| !matches!(act, Act::Restart(_))).collect();
        play(&without_restarts, PLAIN, |bench| check(bench, 0));
        // A phone that was idle when the list was saved, and gone from the kernel when the daemon came
        // back, may have had what lies between for nothing: that much for each restart and no more.
        let mut slack_s = 0;
        let mut played = acts.iter();
        play(&acts, PLAIN, |bench| {
            if let Some(Act::Restart(away)) = played.next() {
                slack_s += u64::from(*away).min(900) + 60;
            }
            check(bench, slack_s);
        });
    }

    #[test]
    fn a_story_is_the_same_whatever_phones_and_vouchers_are_called(acts in prop::collection::vec(act(), 1..40)) {
        let one = play(&acts, PLAIN, |_| ());
        let two = play(&acts, MIXED, |_| ());
        let told = |bench: &Bench, names| bench.outputs.iter().map(|output| plain(output, names)).collect::<Vec<_>>();
        prop_assert_eq!(told(&one, &PLAIN), told(&two, &MIXED));
    }

    #[test]
    fn a_snapshot_at_any_time_is_the_hotspot_itself(acts in prop::collection::vec(act(), 1..40)) {
        let bench = play(&acts, PLAIN, |_| ());
        let bytes = postcard::to_allocvec(&bench.hotspot).unwrap();
        let copy: Hotspot = postcard::from_bytes(&bytes).unwrap();
        prop_assert_eq!(&copy, &bench.hotspot);
        prop_assert_eq!(copy.next_wake(), bench.hotspot.next_wake());
    }

    #[test]
    fn waking_too_early_or_twice_changes_nothing(acts in prop::collection::vec(act(), 1..30)) {
        let mut bench = play(&acts, PLAIN, |_| ());
        let calm = bench.hotspot.clone();
        if bench.hotspot.next_wake().is_none_or(|wake| wake > bench.now) {
            bench.hotspot.handle_wake(bench.now);
            prop_assert_eq!(bench.hotspot.poll(), None);
            prop_assert_eq!(&bench.hotspot, &calm);
        }
    }

    #[test]
    fn no_request_can_harm(
        post in any::<bool>(),
        own in any::<bool>(),
        host in ".{0,40}",
        path in prop_oneof![Just("/login".to_owned()), Just("/".to_owned()), ".{0,40}"],
        query in prop_oneof![".{0,60}", "code=.{0,60}"],
        body in prop_oneof![
            prop::collection::vec(any::<u8>(), 0..200),
            "code=[0-9A-Za-z %+-]{0,60}".prop_map(String::into_bytes),
        ],
        accept_language in ".{0,60}",
        cookie in ".{0,20}",
        known in any::<bool>(),
    ) {
        let mut bench = Bench::with(seconds(HOUR));
        let http = PortalRequest {
            method: if post { Method::Post } else { Method::Get },
            host: if own { "10.77.4.1".to_owned() } else { host },
            path, query, body, accept_language, cookie, ..PortalRequest::default()
        };
        let request = bench.request(known.then(|| mac(1)), http);
        let page = bench.page(request).expect("every request is answered");
        let catalogue = shipped::catalogue();
        for language in catalogue.languages() {
            prop_assert!(page.render(catalogue.words(language), "17").body.len() < 30_000);
        }
        prop_assert!(bench.kernel.devices.is_empty());
    }

    #[test]
    fn answers_that_nobody_asked_for_do_nothing(ask in 0..5u64, number in any::<u8>(), good in any::<bool>()) {
        let mut bench = Bench::with(seconds(HOUR));
        bench.log_in(mac(1), 1);
        let before = bench.hotspot.clone();
        let state = if good { VoucherState::Good(fresh(days(1), 1)) } else { VoucherState::Revoked };
        bench.hotspot.handle_code_checked(bench.now, AskId(ask), None);
        bench.hotspot.handle_voucher(bench.now, AskId(ask), state);
        bench.hotspot.handle_voucher_changed(bench.now, verifier(number.max(2)), VoucherState::Revoked);
        bench.hotspot.handle_usage(bench.now, &[UsageSample {
            client: ClientId(u32::from(number) + 2),
            up_bytes: u64::MAX, up_packets: u64::MAX, down_bytes: u64::MAX, down_packets: u64::MAX,
        }]);
        prop_assert_eq!(bench.hotspot.poll(), None);
        prop_assert_eq!(&bench.hotspot, &before);
    }

    #[test]
    fn counters_at_the_end_of_their_range_do_not_panic(values in prop::collection::vec(any::<u64>(), 4..40)) {
        let mut bench = Bench::with(days(30));
        bench.log_in(mac(1), 1);
        for four in values.chunks_exact(4) {
            let sample = UsageSample {
                client: ClientId(1),
                up_bytes: four[0], up_packets: four[1], down_bytes: four[2], down_packets: four[3],
            };
            bench.now = bench.now + Span::from_micros(four[0]);
            bench.hotspot.handle_usage(bench.now, &[sample]);
            bench.hotspot.handle_wake(bench.now);
            while bench.hotspot.poll().is_some() {}
        }
    }
}

#[test]
fn a_full_house_stays_within_its_memory_and_batches() {
    let mut bench = Bench::new();
    for number in 0..200 {
        bench.sell(number, fresh(days(30), 5));
    }
    for phone in 0..1_000u32 {
        let [_, _, a, b] = phone.to_be_bytes();
        let device = MacAddress([2, 9, 0, 0, a, b]);
        bench.ask(device, post_code(&code((phone % 200) as u8)));
    }
    assert_eq!(bench.hotspot.report(bench.now).room, 24);
    bench.outputs.clear();
    bench.run_s(901);
    let batches = bench.outputs.iter().filter_map(|output| match output {
        Output::Guests(changes) => Some(changes.len()),
        _ => None,
    });
    let batches: Vec<_> = batches.collect();
    assert!(batches.iter().all(|changes| *changes <= 64));
    assert_eq!(batches.iter().sum::<usize>(), 3_000, "each device three times in a lease");
    let snapshot = postcard::to_allocvec(&bench.hotspot).unwrap().len();
    assert!(snapshot < 100_000, "{snapshot}");
    assert_eq!(bench.hotspot.poll(), None);
}
