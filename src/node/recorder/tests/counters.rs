//! What a voucher used: told each minute, on flash now and then, and when the program ends.

use super::story::log_in;
use super::*;
use crate::ledger::{Kind, Record};
use crate::node::call::{Call, Which};

/// How many pages of counters each write to the journal has; writes without one are left out.
fn writes(outputs: &[Output]) -> Vec<usize> {
    let pages = |output: &Output| match output {
        Output::Store { records, .. } => {
            let kinds = records.iter().map(|bytes| Record::parse(bytes).unwrap().kind);
            Some(kinds.filter(|kind| *kind == Kind::Usage).count())
        }
        _ => None,
    };
    outputs.iter().filter_map(pages).filter(|pages| *pages > 0).collect()
}

fn used_s(story: &Story, typed: Code) -> u64 {
    let verifier = story.vault.end(typed).0;
    story.node.ledger().voucher(verifier).unwrap().used_s()
}

#[test]
fn counters_are_in_the_ledger_each_minute_and_on_flash_each_ten_without_company() {
    let mut story = Story::new(PHONES, 0);
    let codes = story.sell(2, "");
    story.ask(0, log_in(&codes[0].to_string()));
    story.ask(1, log_in(&codes[1].to_string()));
    assert_eq!(writes(&story.pass(Span::from_secs(300))), [0; 0]);
    assert!((200..=300).contains(&used_s(&story, codes[0])), "{}", used_s(&story, codes[0]));
    let hour = writes(&story.pass(Span::from_secs(3_000)));
    assert!(hour.iter().all(|pages| *pages == 1), "what was replaced is not written: {hour:?}");
    assert!((4..=5).contains(&hour.len()), "{hour:?}");
}

#[test]
fn a_session_that_ends_waits_for_the_others_and_for_the_end_of_the_program() {
    let mut story = Story::new(PHONES, 0);
    let codes = story.sell(1, "");
    story.ask(0, log_in(&codes[0].to_string()));
    story.pass(Span::from_secs(30));
    story.call(Call::VoucherRevoke(Which::Code(codes[0]), "lost".to_owned()));
    assert_eq!(writes(&story.pass(Span::from_secs(60))), [0; 0]);
    assert!(used_s(&story, codes[0]) >= 20, "what has ended is known at once");
    assert_eq!(writes(&story.step(Input::Stop)), [1]);
    assert_eq!(writes(&story.pass(Span::from_secs(7_200))), [0; 0], "once is enough");
}
