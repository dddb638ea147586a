//! The watch on a virtual clock: what is asked when, what turns when, how a flapping way is held back.

use super::*;

const WAN: &str = "wan";

/// One uplink, and a provider that answers or not.
struct Bench {
    now: Instant,
    watches: Watches,
    uplinks: Vec<Uplink>,
    usable: bool,
    /// Whether the outside answers over IPv4 and IPv6; a delay of 40 ms.
    answers: [bool; 2],
    refused: bool,
    asked: usize,
    /// Answers on their way.
    coming: Vec<(Instant, ProbeId, Found)>,
}

impl Bench {
    fn new(asks: &[&str]) -> Self {
        let ping = |to: &&str| Ask::Ping { to: to.parse().unwrap(), hop_limit: 64 };
        let uplink = Uplink {
            device: WAN.to_owned(),
            interval: Span::from_secs(5),
            asks: asks.iter().map(ping).collect(),
            ..Uplink::default()
        };
        let (now, uplinks) = (Instant::from_micros(1), vec![uplink]);
        let watches = Watches::default();
        let (answers, coming) = ([true; 2], Vec::new());
        Self { now, watches, uplinks, usable: true, answers, refused: false, asked: 0, coming }
    }

    fn is_up(&self, ipv4: bool) -> bool {
        self.watches.is_up(&Way { device: WAN.to_owned(), ipv4 })
    }

    /// Lets time pass until `done`, or for `most`; gives what passed.
    fn run(&mut self, most: Span, done: impl Fn(&Self) -> bool) -> Span {
        let begun = self.now;
        let mut inputs = 0;
        loop {
            loop {
                let usable = self.usable;
                let steps = self.watches.look(self.now, &self.uplinks, |_| false, |_| usable);
                let turned = steps.iter().any(|step| matches!(step, Step::Turned { .. }));
                for step in steps {
                    if let Step::Ask(probe) = step {
                        assert_eq!(probe.device.as_deref(), Some(WAN));
                        self.asked += 1;
                        self.coming.push(self.answer(&probe));
                    }
                }
                if !turned {
                    break;
                }
            }
            inputs += 1;
            assert!(inputs < 100_000, "it wakes without end");
            if done(self) || self.now.since(begun) >= most {
                return self.now.since(begun);
            }
            self.coming.sort_by_key(|(at, ..)| *at);
            let next = self.coming.first().map(|(at, ..)| *at);
            let end = begun + most;
            let due = self.watches.next_wake();
            assert!(due.is_none_or(|due| due >= self.now), "a wake in the past: it would spin");
            let wake = [next, due].into_iter().flatten().min().unwrap_or(end).min(end);
            self.now = wake.max(self.now + Span::from_micros(1));
            if next.is_some_and(|at| at <= self.now) {
                let (_, id, found) = self.coming.remove(0);
                self.watches.handle_found(self.now, id, &found);
            }
        }
    }

    fn answer(&self, probe: &Probe) -> (Instant, ProbeId, Found) {
        let delay = Span::from_millis(40);
        if self.refused {
            return (self.now, probe.id, Found::Refused { why: "no right".to_owned() });
        }
        if self.answers[usize::from(!probe.ask.is_ipv4())] {
            return (self.now + delay, probe.id, Found::Answer { after: delay });
        }
        (self.now + probe.patience, probe.id, Found::Silence)
    }

    /// Waits for a turn of IPv4; gives the time in milliseconds.
    fn until(&mut self, up: bool) -> u64 {
        let taken = self.run(Span::from_secs(3_600), |bench| bench.is_up(true) == up);
        assert_eq!(self.is_up(true), up, "not within an hour");
        taken.as_millis()
    }

    fn wait(&mut self, secs: u64) {
        self.run(Span::from_secs(secs), |_| false);
    }
}

#[test]
fn a_way_is_up_with_its_first_answer_and_asked_each_interval() {
    let mut bench = Bench::new(&["192.0.2.1"]);
    assert!((40..=41).contains(&bench.until(true)));
    bench.asked = 0;
    bench.wait(100);
    assert!((19..=21).contains(&bench.asked), "{} questions in 100 s", bench.asked);
    assert_eq!(bench.watches.answered().map(|(_, delay)| delay), Some(Span::from_millis(40)));
}

#[test]
fn a_dead_outside_is_lost_within_twelve_seconds_and_one_lost_answer_is_not() {
    let mut worst = 0;
    for phase in 0..20 {
        let mut bench = Bench::new(&["192.0.2.1"]);
        bench.until(true);
        bench.run(Span::from_millis(20_000 + 250 * phase), |_| false);
        bench.answers = [false; 2];
        worst = worst.max(bench.until(false));
    }
    assert!((9_000..=12_000).contains(&worst), "{worst} ms");
    let mut bench = Bench::new(&["192.0.2.1"]);
    bench.until(true);
    bench.answers = [false; 2];
    let missed = |bench: &Bench| bench.watches.ways.values().any(|watch| watch.misses == 1);
    bench.run(Span::from_secs(30), missed);
    bench.answers = [true; 2];
    let misses = |bench: &Bench| bench.watches.ways.values().map(|watch| watch.misses).max();
    bench.run(Span::from_secs(3), |bench| misses(bench) == Some(2));
    assert_eq!(misses(&bench), Some(2), "the round under way is lost, too");
    let taken = bench.run(Span::from_secs(60), |bench| !bench.is_up(true));
    assert_eq!(taken, Span::from_secs(60), "two misses took the way");
}

#[test]
fn carrier_or_route_take_it_at_once() {
    let mut bench = Bench::new(&["192.0.2.1"]);
    bench.until(true);
    bench.usable = false;
    assert_eq!(bench.until(false), 0);
    assert_eq!(bench.watches.next_wake(), None, "what cannot be used is not asked");
    bench.usable = true;
    let back = bench.until(true);
    assert!((3_000..=4_200).contains(&back), "{back} ms");
}

#[test]
fn each_loss_doubles_the_hold_up_to_five_minutes_and_ten_quiet_minutes_forget() {
    let mut bench = Bench::new(&["192.0.2.1"]);
    bench.until(true);
    let mut holds = Vec::new();
    for _ in 0..9 {
        bench.answers = [false; 2];
        bench.until(false);
        bench.answers = [true; 2];
        // The first round that is answered may begin up to 5 s later.
        holds.push(bench.until(true) / 1_000);
    }
    for (hold, least) in holds.iter().zip([3, 6, 12, 24, 48, 96, 192, 300, 300]) {
        assert!((least..=least + 7).contains(hold), "{holds:?}");
    }
    bench.wait(601);
    bench.answers = [false; 2];
    bench.until(false);
    bench.answers = [true; 2];
    let back = bench.until(true);
    assert!(back < 9_000, "{back} ms: an old flap is not forgotten");
}

#[test]
fn a_miss_while_it_proves_itself_begins_the_hold_anew() {
    let mut bench = Bench::new(&["192.0.2.1"]);
    bench.until(true);
    bench.answers = [false; 2];
    bench.until(false);
    for _ in 0..5 {
        bench.answers = [true; 2];
        bench.run(Span::from_millis(2_000), |_| false);
        assert!(!bench.is_up(true), "a hold of 3 s was over in 2 s");
        bench.answers = [false; 2];
        bench.run(Span::from_millis(8_000), |_| false);
    }
}

#[test]
fn the_families_are_judged_apart_and_one_without_a_target_follows_the_other() {
    let mut bench = Bench::new(&["192.0.2.1", "2001:db8::1"]);
    bench.until(true);
    bench.answers = [true, false];
    bench.run(Span::from_secs(30), |bench| !bench.is_up(false));
    assert!(bench.is_up(true) && !bench.is_up(false));
    for target in ["192.0.2.1", "2001:db8::1"] {
        let mut bench = Bench::new(&[target]);
        bench.wait(1);
        assert!(bench.is_up(true) && bench.is_up(false), "{target}");
        bench.answers = [false; 2];
        bench.wait(12);
        assert!(!bench.is_up(true) && !bench.is_up(false), "{target}");
    }
}

#[test]
fn one_answer_of_several_is_enough() {
    let mut bench = Bench::new(&["192.0.2.1"]);
    bench.uplinks[0].asks.push(Ask::Dns { server: "2001:db8::53".parse().unwrap() });
    bench.uplinks[0].asks.push(Ask::Dns { server: "192.0.2.53".parse().unwrap() });
    bench.until(true);
    bench.asked = 0;
    bench.wait(1);
    bench.answers = [true, false];
    bench.wait(60);
    assert!(bench.is_up(true) && bench.asked >= 36, "{} asked", bench.asked);
}

#[test]
fn without_anybody_to_ask_the_kernel_decides_and_a_flapping_cable_is_held_back() {
    let mut bench = Bench::new(&[]);
    assert_eq!(bench.until(true), 0);
    let mut holds = Vec::new();
    for _ in 0..4 {
        bench.usable = false;
        assert_eq!(bench.until(false), 0);
        bench.usable = true;
        holds.push(bench.until(true));
    }
    assert_eq!((holds, bench.asked), (vec![0, 3_000, 6_000, 12_000], 0));
}

#[test]
fn where_the_machine_lets_nobody_ask_the_kernel_decides() {
    let mut bench = Bench::new(&["192.0.2.1"]);
    bench.refused = true;
    bench.until(true);
    let asked = bench.asked;
    bench.wait(50);
    assert!(bench.is_up(true) && bench.asked - asked <= 11, "{} asked", bench.asked);
}

#[test]
fn an_uplink_that_is_taken_out_of_the_settings_is_forgotten() {
    let mut bench = Bench::new(&["192.0.2.1"]);
    bench.until(true);
    bench.uplinks.clear();
    bench.wait(1);
    assert!(!bench.is_up(true) && bench.watches.next_wake().is_none());
}
