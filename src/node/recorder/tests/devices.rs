//! A coupon in a family's hands, and in a street's.

use super::*;
use crate::base::time::{Span, TimeQuality, WallTime};
use crate::hotspot::portal::{Notice, Page};
use story::log_in;

const TODAY: u64 = 1_800_000_000;

/// The power goes; when it comes back the clock says this.
fn boot(story: &mut Story, unix_s: u64, quality: TimeQuality) {
    let records = story.node.ledger().written().collect();
    story.clock = WallTime { unix_s, quality };
    story.power_cut(records);
}

/// Phones in turn take up a coupon for two devices; how many were let in before one was not.
fn let_in(story: &mut Story, code: Code, tries: usize) -> usize {
    let in_turn = (0..tries).take_while(|at| {
        story.pass(Span::from_secs(60));
        match story.ask(at % 3, log_in(&code.to_string())) {
            Page::Welcome { .. } => true,
            Page::Form { notice: Some(Notice::Moved), .. } => false,
            other => panic!("{other:?}"),
        }
    });
    in_turn.count()
}

#[test]
fn six_times_a_day_a_device_takes_the_place_of_another_and_no_more() {
    let mut story = Story::new(PHONES, 0);
    story.vault.tells_devices = true;
    let code = story.sell(1, "")[0];
    let turned_away = |story: &mut Story| {
        matches!(story.ask(2, log_in(&code.to_string())), Page::Form { notice: Some(Notice::Moved), .. })
    };
    // Two have a place each; each one after that takes the place of the oldest.
    assert_eq!(let_in(&mut story, code, 20), 2 + 6);
    // The two that are in go on, and may log in again.
    for phone in [1, 0] {
        assert!(matches!(story.ask(phone, log_in(&code.to_string())), Page::Welcome { .. }));
    }
    assert!(turned_away(&mut story));
    // It is written down: the power goes, and it is the same day.
    boot(&mut story, TODAY, TimeQuality::Trusted);
    assert!(turned_away(&mut story));
    boot(&mut story, TODAY + 86_400, TimeQuality::Trusted);
    assert_eq!(let_in(&mut story, code, 6), 6, "the next day it may again");
}

#[test]
fn without_a_good_clock_there_are_no_days_and_nobody_is_turned_away() {
    let mut story = Story::new(PHONES, 0);
    story.vault.tells_devices = true;
    let code = story.sell(1, "")[0];
    boot(&mut story, 5, TimeQuality::Stale);
    assert_eq!(let_in(&mut story, code, 30), 30);
}
