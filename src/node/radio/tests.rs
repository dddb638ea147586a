//! Two nodes with a radio link and a slow detour, on a virtual clock. The radio counts what a kernel counts.

use super::*;
use crate::babel::auth::settings::Auth;
use crate::babel::output::RouteAction;
use crate::babel::settings::InterfaceSettings;
use crate::babel::{InterfaceStatus, RouterId, SeqNo};
use crate::base::address::PrefixPair;
use crate::base::time::Span;
use crate::base::voucher::RequestId;
use crate::link::ladder::Rung;
use crate::link::sample::{RadioEvent, StationSample};
use crate::link::settings::LinkSettings;
use crate::node::Birth;
use crate::node::call::{Answer, Call, Caller};
use crate::node::input::{Input, KernelRoute};
use crate::node::output::Output;
use crate::node::recorder::tests::vault::FakeVault;
use crate::node::recorder::{Recorder, replay};
use crate::node::settings::{Announce, Settings};

const RADIO: InterfaceIndex = InterfaceIndex(1);
const DETOUR: InterfaceIndex = InterfaceIndex(2);
const PREFIXES: [&str; 2] = ["10.1.0.0/16", "10.2.0.0/16"];

mod told;

/// One end of the radio link, as its kernel counts.
#[derive(Default)]
struct End {
    sent: u32,
    failed: u32,
    heard: Instant,
    since: Instant,
    is_there: bool,
}

struct Hill {
    nodes: Vec<Node>,
    vault: FakeVault,
    now: Instant,
    ends: [End; 2],
    /// When each end is polled next, and whether it hears of its station's loss.
    polls: [Instant; 2],
    cut: Option<Instant>,
    /// How each node reaches the other, and since when.
    ways: [(Option<InterfaceIndex>, Instant); 2],
    recorder: Option<(Recorder, Vec<u8>)>,
    /// What the first node tried with its radio, and when.
    tried: Vec<(u64, Rung, Vec<MacAddress>)>,
}

fn mac(place: usize) -> MacAddress {
    MacAddress([2, 0, 0, 0, u8::try_from(place).unwrap() + 1, 0xaa])
}

fn interface(name: &str, kind: LinkKind, rxcost: u16) -> InterfaceSettings {
    InterfaceSettings {
        name: name.into(),
        kind,
        hello_interval: Span::from_secs(1),
        update_interval: Span::from_secs(4),
        rxcost,
        split_horizon: false,
        auth: Auth::default(),
        radio: None,
        v4_via_v6: true,
    }
}

impl Hill {
    /// `phase_ms`: when within a second each end polls.
    fn new(phase_ms: [u64; 2]) -> Self {
        let mut vault = FakeVault::new(1);
        let now = Instant::from_millis(1_000);
        let nodes = [0_u8, 1].map(|place| {
            let mut settings = Settings::default();
            settings.babel.interfaces = vec![
                interface("wlan0", LinkKind::Wireless, 256),
                interface("detour", LinkKind::Wired, 2_000),
            ];
            let prefix = PREFIXES[usize::from(place)].parse().unwrap();
            settings.announce = vec![Announce { prefix, metric: 0 }];
            let router_id = RouterId([2, 0, 0, 0, 0, 0, 0, place + 1]);
            Node::new(now, settings, Birth { router_id, seqno: SeqNo(1), seed: place.into() }, &mut vault)
        });
        let end = || End { heard: now, since: now, is_there: true, ..End::default() };
        let polls = phase_ms.map(|phase| now + Span::from_millis(phase));
        let ways = [(None, now); 2];
        let mut hill = Self {
            nodes: nodes.into(),
            vault,
            now,
            ends: [end(), end()],
            polls,
            cut: None,
            ways,
            recorder: None,
            tried: Vec::new(),
        };
        for (place, own) in PREFIXES.into_iter().enumerate() {
            for (index, name) in [(RADIO, "wlan0"), (DETOUR, "detour")] {
                let link_local = Some(address(place, index));
                let status = InterfaceStatus {
                    index,
                    name: name.into(),
                    up: true,
                    link_local,
                    mtu: 1_500,
                    ipv4: None,
                };
                hill.step(place, Input::Interface(status));
            }
            let prefix: PrefixPair = own.parse().unwrap();
            let route = KernelRoute { prefix, device: "lo".into(), protocol: 4, table: 254 };
            hill.step(place, Input::KernelRoutes(vec![route]));
        }
        hill
    }

    fn step(&mut self, place: usize, input: Input) {
        let mut inputs = vec![(place, input)];
        while let Some((place, input)) = inputs.pop() {
            let node = &mut self.nodes[place];
            let outputs = match &mut self.recorder {
                Some((recorder, bytes)) if place == 0 => {
                    let (outputs, more) = recorder.step(node, self.now, input, &mut self.vault);
                    bytes.extend(more);
                    outputs
                }
                _ => node.step(self.now, input, &mut self.vault),
            };
            for output in outputs {
                match output {
                    Output::Packet { interface, destination, bytes }
                        if interface != RADIO || self.transmit(place, destination) =>
                    {
                        let source = address(place, interface);
                        inputs.push((1 - place, Input::Packet { interface, source, destination, bytes }));
                    }
                    Output::Recover { rung, stations, radio } if place == 0 => {
                        assert_eq!(radio, "wlan0");
                        self.tried.push((self.now.as_millis() / 1_000, rung, stations));
                    }
                    Output::Routes(changes) => {
                        let other: PrefixPair = PREFIXES[1 - place].parse().unwrap();
                        for change in changes.iter().filter(|change| change.prefix == other) {
                            let way = match change.action {
                                RouteAction::Install { interface, .. } => Some(interface),
                                _ => None,
                            };
                            self.ways[place] = (way, self.now);
                        }
                    }
                    _ => {}
                }
            }
        }
    }

    /// A frame goes out; whether it arrives. What is for one station alone is acknowledged.
    fn transmit(&mut self, place: usize, destination: Ipv6Addr) -> bool {
        let arrives = self.cut.is_none() && self.ends[0].is_there && self.ends[1].is_there;
        if !destination.is_multicast() {
            self.ends[place].sent += 1;
            if arrives { self.ends[place].heard = self.now } else { self.ends[place].failed += 1 }
        }
        if arrives {
            self.ends[1 - place].heard = self.now;
        }
        arrives
    }

    fn poll(&mut self, place: usize) {
        let end = &self.ends[place];
        let station = |end: &End| StationSample {
            mac: mac(1 - place),
            signal_dbm: Some(-60),
            tx_packets: Some(end.sent),
            tx_failed: Some(end.failed),
            inactive_ms: u32::try_from(self.now.since(end.heard).as_millis()).ok(),
            connected_s: u32::try_from(self.now.since(end.since).as_secs()).ok(),
            expected_throughput_kbit: Some(20_000),
            authorized: true,
            ..StationSample::default()
        };
        let stations = end.is_there.then(|| station(end)).into_iter().collect();
        let sample = RadioSample { interface: "wlan0".into(), stations, survey: None };
        self.step(place, Input::Radio(RadioNews::Sample(sample)));
    }

    /// The station's end of a link hears of its loss by an event.
    fn lose_station(&mut self, place: usize) {
        self.ends[place].is_there = false;
        let event = RadioEvent::StationGone { mac: mac(1 - place) };
        self.step(place, Input::Radio(RadioNews::Event { interface: "wlan0".into(), event }));
    }

    fn associate(&mut self) {
        self.cut = None;
        let (since, heard) = (self.now, self.now);
        self.ends = [0, 1].map(|_| End { since, heard, is_there: true, ..End::default() });
    }

    fn pass(&mut self, span: Span) {
        let end = self.now + span;
        loop {
            let wakes = self.nodes.iter().map(Node::next_wake).enumerate();
            let wake = wakes.filter_map(|(place, at)| Some((at?, place, false))).min();
            let poll = self.polls.iter().enumerate().map(|(place, at)| (*at, place, true)).min();
            let next = [wake, poll].into_iter().flatten().min().filter(|(at, ..)| *at <= end);
            let Some((at, place, is_poll)) = next else { break };
            self.now = at.max(self.now + Span::from_micros(1));
            if is_poll {
                self.polls[place] = at + Span::from_secs(1);
                self.poll(place);
            } else {
                self.step(place, Input::Wake);
            }
        }
        self.now = end;
    }

    fn costs(&self, place: usize) -> Vec<u16> {
        let costs = self.nodes[place].babel.neighbour_costs();
        costs.filter(|((index, _), _)| *index == RADIO).map(|(_, (_, _, cost))| cost).collect()
    }

    fn devices(&self) -> [Option<InterfaceIndex>; 2] {
        self.ways.map(|(way, _)| way)
    }
}

fn address(place: usize, index: InterfaceIndex) -> Ipv6Addr {
    if index == RADIO {
        link_local(mac(place))
    } else {
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1 + place as u16)
    }
}

#[test]
fn a_cut_is_routed_around_at_both_ends_in_less_than_three_seconds_whatever_the_moment() {
    for phase in (0..1_000).step_by(210) {
        for cut in (0..1_000).step_by(130) {
            let mut hill = Hill::new([phase, (phase * 7 + 333) % 1_000]);
            hill.pass(Span::from_millis(30_000 + cut));
            assert_eq!(hill.devices(), [Some(RADIO); 2]);
            assert_eq!((hill.costs(0), hill.costs(1)), (vec![160], vec![160]), "20 Mbit/s");
            let moment = hill.now;
            hill.cut = Some(moment);
            hill.pass(Span::from_millis(1_820));
            hill.lose_station(1);
            hill.pass(Span::from_secs(20));
            for (place, (way, at)) in hill.ways.into_iter().enumerate() {
                let took_ms = at.since(moment).as_millis();
                assert_eq!(way, Some(DETOUR), "node {place}, phase {phase}, cut {cut}");
                assert!(took_ms < 3_000, "node {place}: {took_ms} ms, phase {phase}, cut {cut}");
            }
        }
    }
}

#[test]
fn a_link_that_comes_back_costs_twice_as_much_and_takes_its_routes_back() {
    let mut hill = Hill::new([100, 600]);
    hill.pass(Span::from_secs(30));
    hill.cut = Some(hill.now);
    hill.pass(Span::from_secs(5));
    hill.lose_station(1);
    hill.pass(Span::from_secs(25));
    assert_eq!(hill.devices(), [Some(DETOUR); 2]);
    hill.associate();
    hill.pass(Span::from_secs(4));
    assert_eq!((hill.costs(0), hill.costs(1)), (vec![320], vec![320]));
    let mut costs = Vec::new();
    for _ in 0..80 {
        hill.pass(Span::from_secs(1));
        costs.extend(hill.costs(0));
    }
    assert!(costs.is_sorted_by(|one, other| one >= other) && costs.last() == Some(&160), "{costs:?}");
    assert_eq!(hill.devices(), [Some(RADIO); 2]);
}

#[test]
fn a_day_of_a_radio_replays_though_its_stations_have_pseudonyms() {
    let mut hill = Hill::new([100, 600]);
    hill.pass(Span::from_secs(10));
    hill.recorder = Some(Recorder::start(&hill.nodes[0]));
    hill.pass(Span::from_secs(20));
    hill.cut = Some(hill.now);
    hill.pass(Span::from_secs(10));
    hill.associate();
    hill.pass(Span::from_secs(30));
    let (_, bytes) = hill.recorder.take().unwrap();
    let mut changes = 0;
    let replayed = replay(&bytes, |_, _, outputs| {
        changes += outputs.iter().filter(|output| matches!(output, Output::Routes(_))).count();
    });
    assert!(replayed.as_ref().is_ok_and(|replayed| replayed.steps > 100), "{replayed:?}");
    assert!(changes >= 2, "it left the link and came back: {changes}");
}

#[test]
fn a_radio_without_samples_is_judged_by_its_hellos_alone() {
    let mut hill = Hill::new([100, 600]);
    hill.polls = [Instant::from_millis(1 << 40); 2];
    hill.pass(Span::from_secs(30));
    assert_eq!(
        (hill.costs(0), hill.ends[0].sent > 20),
        (vec![256], false),
        "and no Hello is sent to one alone"
    );
}

#[test]
fn a_station_of_another_name_is_known_where_it_is_the_only_one() {
    let mut hill = Hill::new([100, 600]);
    hill.pass(Span::from_secs(5));
    let station = |octet| StationSample { mac: MacAddress([octet; 6]), ..StationSample::default() };
    let sample =
        |interface: &str, stations| RadioSample { interface: interface.into(), stations, survey: None };
    let node = &hill.nodes[0];
    let known = |sample| -> Vec<bool> {
        node.with_neighbours(sample).stations.iter().map(|station| station.neighbour.is_some()).collect()
    };
    assert_eq!(known(sample("wlan0", vec![station(9)])), [true]);
    assert_eq!(known(sample("wlan0", vec![station(8), station(9)])), [false, false]);
    assert_eq!(known(sample("wlan", vec![station(9)])), [false], "wlan0 is no station of wlan");
    let many = (0..100).map(station).collect();
    assert_eq!(known(sample("wlan0", many)).len(), limit::RADIO_STATIONS);
}

#[test]
fn a_queue_on_the_link_gets_nine_tenths_of_what_each_end_expects() {
    use crate::node::pipe::followed_kbit;
    let mut hill = Hill::new([0, 500]);
    hill.pass(Span::from_secs(20));
    let [leaves, arrives] = hill.nodes[0].carries_kbit(hill.now, "wlan0");
    assert_eq!((leaves, arrives), (Some(20_000), None), "the far end has said nothing");
    assert_eq!(followed_kbit(None, leaves), Some(18_000));
    let word = hill.nodes[1].monitor.links()[0].step(&[]).word(false);
    let now = hill.now;
    hill.nodes[0].hear_far_end(now, Place { interface: RADIO, address: address(1, RADIO) }, word);
    assert_eq!(hill.nodes[0].carries_kbit(now, "wlan0"), [Some(20_000); 2]);
    assert_eq!(hill.nodes[0].carries_kbit(now, "detour"), [None; 2], "no radio");
    hill.cut = Some(now);
    hill.pass(Span::from_secs(5));
    assert_eq!(hill.nodes[0].carries_kbit(hill.now, "wlan0"), [None; 2], "it is dead");
}

/// What a node answers.
fn ask(hill: &mut Hill, call: Call) -> Answer {
    let (request, caller) = (RequestId(7), Caller::default());
    let outputs = hill.nodes[0].step(hill.now, Input::Call { request, caller, call }, &mut hill.vault);
    let answer = outputs.into_iter().find_map(|output| match output {
        Output::Answer { answer, .. } => Some(*answer),
        _ => None,
    });
    answer.expect("an answer at once")
}

#[test]
fn the_past_of_a_link_is_told_in_columns() {
    let mut hill = Hill::new([100, 600]);
    hill.pass(Span::from_secs(125));
    let past = |hill: &mut Hill, link: &str, resolution: &str| {
        let columns = "signal_dbm,noise_dbm,throughput_kbit".to_owned();
        ask(hill, Call::LinkHistory { link: link.into(), resolution: resolution.into(), columns })
    };
    let address = link_local(mac(1));
    for name in [address.to_string(), "wlan0".into(), "wlan0.sta1".into()] {
        let Answer::LookedBack(past) = past(&mut hill, &name, "seconds") else { panic!("{name}") };
        assert_eq!((past.address, past.step_s, past.device.as_str()), (address, 10, "wlan0"));
        assert_eq!(past.ended_s, 6, "the clock began at 1 s");
        assert_eq!(past.columns[0].1, "-60,".repeat(12).trim_end_matches(','));
        assert_eq!(past.columns[1], ("noise_dbm".into(), ",".repeat(11)), "nobody said it");
        assert!(past.columns[2].1.ends_with(",20000"), "{past:?}");
    }
    for (name, resolution, code) in [
        ("wlan", "hours", "link-unknown"),
        ("fe80::1", "hours", "link-unknown"),
        ("wlan0", "weeks", "resolution"),
    ] {
        let answer = past(&mut hill, name, resolution);
        assert!(matches!(&answer, Answer::Refused { code: told, .. } if told == code), "{name}: {answer:?}");
    }
}

#[test]
fn a_dish_is_turned_before_anybody_is_a_neighbour_and_it_ends_by_itself() {
    let mut hill = Hill::new([100, 600]);
    hill.polls = [Instant::from_millis(1 << 40); 2];
    let align = |action: &str| Call::LinkAlign { device: "wlan0".into(), action: action.into() };
    let stranger = |dbm| RadioSample {
        interface: "wlan0".into(),
        stations: [(8, -90), (9, dbm)]
            .map(|(octet, dbm)| StationSample {
                mac: MacAddress([octet; 6]),
                signal_dbm: Some(dbm),
                ..StationSample::default()
            })
            .into(),
        survey: None,
    };
    hill.nodes[0].settings.links =
        vec![LinkSettings { planned_signal_dbm: Some(-58), ..LinkSettings::usual("wlan0".into()) }];
    let Answer::Aligned(first) = ask(&mut hill, align("start")) else { panic!() };
    assert_eq!((first.left_s, first.stations.len()), (Some(900), 0));
    assert_eq!(first.planned, [("signal_dbm".to_owned(), -58)]);
    for dbm in [-80, -61, -70] {
        hill.step(0, Input::Radio(RadioNews::Sample(stranger(dbm))));
        hill.pass(Span::from_millis(200));
    }
    let Answer::Aligned(seen) = ask(&mut hill, align("read")) else { panic!() };
    let figure =
        |name: &str| seen.stations[0].figures.iter().find(|figure| figure.0 == name).map(|figure| figure.1);
    assert_eq!(
        (figure("signal_dbm"), figure("best_dbm"), figure("far_signal_dbm")),
        (Some(-70), Some(-61), None)
    );
    assert_eq!(seen.stations[0].address, None, "a stranger");
    let ends = |outputs: Vec<Output>| outputs.contains(&Output::LookEach(Span::from_secs(1)));
    hill.now = hill.now + Span::from_secs(898);
    let wake = |hill: &mut Hill| hill.nodes[0].step(hill.now, Input::Wake, &mut hill.vault);
    assert!(!ends(wake(&mut hill)));
    hill.now = hill.now + Span::from_secs(2);
    assert!(hill.nodes[0].next_wake().is_some_and(|at| at <= hill.now));
    assert!(ends(wake(&mut hill)));
    let Answer::Aligned(after) = ask(&mut hill, align("read")) else { panic!() };
    assert_eq!((after.left_s, after.stations.len()), (None, 0));
    for (device, action, code) in
        [("detour", "start", "device"), ("wlan0", "go", "action"), ("", "read", "device")]
    {
        let answer = ask(&mut hill, Call::LinkAlign { device: device.into(), action: action.into() });
        assert!(
            matches!(&answer, Answer::Refused { code: told, .. } if told == code),
            "{device}: {answer:?}"
        );
    }
}

#[test]
fn a_dish_that_moved_is_told_in_place_of_a_weak_link() {
    let mut hill = Hill::new([100, 600]);
    hill.nodes[0].settings.links =
        vec![LinkSettings { planned_signal_dbm: Some(-48), ..LinkSettings::usual("wlan0".into()) }];
    hill.pass(Span::from_secs(1_300));
    let alerts = hill.nodes[0].links_to_look_at();
    let codes: Vec<&str> = alerts.iter().map(|alert| alert.code.as_str()).collect();
    assert_eq!(codes, ["link-plan"]);
    let address = link_local(mac(1));
    assert_eq!(
        alerts[0].message,
        format!(
            "The link on wlan0 to {address} hears 12 dB less than was planned, for 15 minutes by now: has the dish moved?"
        )
    );
}
