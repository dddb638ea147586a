//! Many at a time, at a node whose vault is as slow as a router's.

use super::*;
use crate::base::address::MacAddress;
use crate::hotspot::portal::Notice;

/// What a router's vault does in a second: chains of codes whose tag fits; tags cost next to nothing.
const CHAINS_IN_A_SECOND: usize = 4;

impl Bench {
    /// The vault answers so many codes whose tag fits, and all others: those cost it one hash.
    fn answer_some(&mut self, mut chains: usize) {
        let (done, later) = std::mem::take(&mut self.checks).into_iter().partition(|(_, code)| {
            let fits = code.secret() == u64::from(code.tag()) && code.secret() < 256;
            let answered = !fits || chains > 0;
            chains -= usize::from(fits && answered);
            answered
        });
        self.checks = done;
        self.answer_checks();
        self.drain();
        self.checks = later;
    }

    /// A second in which the vault does what a router can.
    fn slow_second(&mut self) {
        self.answer_some(CHAINS_IN_A_SECOND);
        self.run_s(1);
    }
}

#[test]
fn twenty_buyers_of_twenty_are_in_within_fifteen_seconds_beside_a_guesser_at_full_rate() {
    let mut bench = Bench::new();
    bench.slow_vault = true;
    for number in 1..=20 {
        bench.sell(number, fresh(seconds(HOUR), 1));
    }
    let (mut guesses, mut longest_s) = (0_u32, 0);
    for number in 1..=20 {
        let mut waited_s = 0;
        while !bench.is_through(mac(number)) {
            // A station of a fast radio, with another address for each try, that has spent coupons too.
            for guess in 0..200 {
                guesses += 1;
                let [_, a, b, c] = guesses.to_be_bytes();
                let typed = if guess < 3 { code(100 + guess) } else { "0000-0000-0ZZZ".to_owned() };
                bench.request(Some(MacAddress([6, 0, 0, a, b, c])), post_code(&typed));
                bench.answer_some(0);
            }
            // Whoever finds the node busy does what the page says: tries again after five seconds.
            if waited_s % 5 == 0 {
                bench.request(Some(mac(number)), post_code(&code(number)));
            }
            bench.slow_second();
            waited_s += 1;
            assert!(waited_s <= 15, "buyer {number} waits for {waited_s} s");
        }
        longest_s = longest_s.max(waited_s);
    }
    let counters = bench.hotspot.report(bench.now).counters;
    assert_eq!(counters.logins, 20);
    assert!(
        counters.wrong > 3_000 && counters.unknown > 20,
        "the guesser was served: {counters:?}, longest {longest_s} s"
    );
}

#[test]
fn two_hundred_phones_that_arrive_in_a_minute_are_all_in_within_two() {
    let mut bench = Bench::new();
    bench.slow_vault = true;
    for number in 0..200 {
        bench.sell(number, fresh(seconds(HOUR), 1));
    }
    let mut next_s = [0_u32; 200];
    for second in 0..120_u32 {
        for number in 0..200_u8 {
            let due = second >= u32::from(number) * 60 / 200 && second >= next_s[usize::from(number)];
            if due && !bench.is_through(mac(number)) {
                bench.ask(mac(number), get("connectivitycheck.gstatic.com", "/generate_204"));
                let request = bench.request(Some(mac(number)), post_code(&code(number)));
                // One that is told to come back does so, as the page says; one that is being checked looks again.
                let busy = bench.page(request).and_then(|page| notice_of(&page));
                let wait_s = if matches!(busy, Some(Notice::Busy { .. })) { 5 } else { 60 };
                next_s[usize::from(number)] = second + wait_s;
            }
        }
        bench.slow_second();
    }
    let through = (0..200).filter(|number| bench.is_through(mac(*number))).count();
    assert_eq!(through, 200, "{:?}", bench.hotspot.report(bench.now).counters);
}
