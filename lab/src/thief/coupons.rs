//! Lines about coupons and money.

use tequio::base::voucher::{IssuerNumber, LotId, Proof, Verifier};
use tequio::ledger::account::Figure;
use tequio::ledger::body::{Activation, Extension, Issue, Revocation, Settlement, Usage};
use tequio::ledger::{Body, Counter, Ledger, RecordId};

use super::village::{make, opens};
use super::{FLOAT, HELD_S, Line, NOON, PRICE, Post, SELLER, Thief, VICTIM, Village};
use crate::failure::{Failure, Outcome};

/// What the float lets the stolen seller print.
const FLOAT_BOUND: &str = "its float, over all branches, in the order of numbers";

pub(super) const LINES: [Line; 12] = [
    Line {
        name: "codes-of-others",
        tries: "makes codes of the other seller's number under the stolen coupon secret, and signs a lot of them",
        unit: "codes that open",
        most: [0, 0],
        bound: "a code is good if its lot is; a lot counts by its issuer's key",
        seat: VICTIM,
        act: codes_of_others,
        gain: |thief, _, post| count(&thief.codes, |done| opens(post, &done.code, done.verifier)),
    },
    Line {
        name: "copied-lot",
        tries: "signs a lot of his own with the other seller's vouchers in it",
        unit: "coupons",
        most: [0, 0],
        bound: "issuer and proof say whose a voucher is",
        seat: VICTIM,
        act: copied_lot,
        gain: |thief, village, post| {
            let key = thief.ledger.own_key();
            let other = IssuerNumber(SELLER as u16 + 1);
            let theirs = |verifier| post.ledger.voucher_of(other, verifier).is_none_or(|one| one.node == key);
            count(&village.paper, |done| theirs(done.verifier))
        },
    },
    money("back-dated-lots", "signs lots with numbers of long ago", back_dated_lots),
    money("lots-over-float", "prints the float on two branches", lots_over_float),
    money("settles-himself", "settles with himself and prints again", settles_himself),
    Line {
        name: "pays-himself",
        tries: "settles, and agrees with himself",
        unit: "cents paid",
        most: [0, 0],
        bound: "two node keys, one of them a treasurer's",
        seat: VICTIM,
        act: settles_himself,
        gain: |thief, _, post| settled(&post.ledger, &thief.ledger.own_key()),
    },
    Line {
        name: "extensions",
        tries: "makes coupons longer that he has bought",
        unit: "seconds and days",
        most: [0, 0],
        bound: "the table of rights: treasurer",
        seat: VICTIM,
        act: extensions,
        gain: |_, village, post| {
            let longer = |verifier| post.ledger.voucher(verifier).map(|one| one.extended).unwrap_or_default();
            all_paper(village).map(longer).map(|more| more.seconds + u64::from(more.days)).sum()
        },
    },
    Line {
        name: "drains-the-list",
        tries: "writes counters for all coupons of the public list",
        unit: "seconds",
        most: [0, 0],
        bound: "an activation of his own with the proof of the typed code",
        seat: VICTIM,
        act: |thief, village| {
            counters(thief, &village.paper.iter().map(|done| done.verifier).collect::<Vec<_>>())
        },
        gain: |_, village, post| village.paper.iter().map(|done| used_s(post, done.verifier)).sum(),
    },
    Line {
        name: "drains-what-is-typed",
        tries: "drains a coupon that somebody types at the stolen box",
        unit: "seconds",
        most: [HELD_S as u64, 0],
        bound: "that coupon; counters of an expelled key never count",
        seat: VICTIM,
        act: drains_what_is_typed,
        gain: |_, village, post| used_s(post, village.paper[0].verifier),
    },
    Line {
        name: "burns-unused-codes",
        tries: "says that all coupons of the public list were typed",
        unit: "coupons begun",
        most: [0, 0],
        bound: "the proof: the value before the verifier in the chain",
        seat: VICTIM,
        act: burns,
        gain: |_, village, post| {
            let begun = |verifier| post.ledger.voucher(verifier).is_some_and(|one| one.activated.is_some());
            count(&village.paper, |done| begun(done.verifier))
        },
    },
    Line {
        name: "voids-others",
        tries: "voids what the other seller sold",
        unit: "coupons void",
        most: [0, 0],
        bound: "the table of rights: a seller voids its own",
        seat: VICTIM,
        act: voids,
        gain: |_, village, post| {
            let void = |verifier| post.ledger.voucher(verifier).is_none_or(|one| one.revoked);
            count(&village.paper, |done| void(done.verifier))
        },
    },
    Line {
        name: "ages-month-plans",
        tries: "says that a month which is typed at the stolen box began 40 days ago",
        unit: "days",
        most: [0, 0],
        bound: "never before a good sale; no time of an expelled key",
        seat: VICTIM,
        act: ages,
        gain: |_, village, post| {
            let voucher = village.paper.last().and_then(|month| post.ledger.voucher(month.verifier));
            let begin = voucher.and_then(|voucher| voucher.activated);
            let good = begin.filter(|begin| begin.quality >= NOON.quality);
            good.map_or(0, |begin| NOON.unix_s.saturating_sub(begin.unix_s) / 86_400)
        },
    },
];

/// A line that prints: what is good of it, in cents.
const fn money(
    name: &'static str,
    tries: &'static str,
    act: fn(&mut Thief, &Village) -> Outcome<()>,
) -> Line {
    Line {
        name,
        tries,
        unit: "cents of coupons",
        most: [FLOAT, 0],
        bound: FLOAT_BOUND,
        seat: VICTIM,
        act,
        gain: good_coupons,
    }
}

/// What is good of all that he printed.
pub(super) fn good_coupons(thief: &Thief, _: &Village, post: &Post) -> u64 {
    let good = |verifier: &Verifier| post.ledger.voucher(*verifier).is_some_and(|one| !one.revoked);
    PRICE * count(&thief.made, good)
}

fn count<T>(all: &[T], is: impl Fn(&T) -> bool) -> u64 {
    all.iter().filter(|one| is(one)).count() as u64
}

fn used_s(post: &Post, verifier: Verifier) -> u64 {
    // More than it holds does not harm anybody more.
    post.ledger.voucher(verifier).map_or(0, |voucher| voucher.used_s().min(u64::from(HELD_S)))
}

fn settled(ledger: &Ledger, key: &[u8; 32]) -> u64 {
    let tally = ledger.tally(&|_| true);
    let own = tally.into_iter().filter(|((node, ..), _)| node == key);
    own.map(|(_, figures)| u64::try_from(figures.of(Figure::Settled)).unwrap_or(0)).sum()
}

/// A lot of his own number.
pub(super) fn lot(thief: &mut Thief, verifiers: Vec<Verifier>) -> Outcome<Body> {
    let (plan, _) = thief.ledger.plan("hora").ok_or_else(|| Failure::new("a plan", "none"))?;
    let (epoch, _) = thief.ledger.current_epoch().ok_or_else(|| Failure::new("an epoch", "none"))?;
    let lot = LotId(u64::from_be_bytes(verifiers.first().map_or([0; 8], |first| first.0)));
    Ok(Body::Issue(Box::new(Issue {
        lot,
        epoch,
        plan,
        verifiers,
        issuer: thief.number(),
        for_exchange: false,
    })))
}

/// An invented lot, which is to be counted in the end.
fn invented_lot(thief: &mut Thief, count: usize) -> Outcome<Body> {
    let verifiers = thief.invented(count);
    thief.made.extend(verifiers.iter().copied());
    lot(thief, verifiers)
}

fn codes_of_others(thief: &mut Thief, _: &Village) -> Outcome<()> {
    let other = IssuerNumber(SELLER as u16 + 1);
    for index in 0..3 {
        let code = make(&mut thief.vault, other, LotId(999), index)?;
        thief.codes.push(code);
    }
    let verifiers = thief.codes.iter().map(|done| done.verifier).collect();
    let Body::Issue(body) = lot(thief, verifiers)? else { return Ok(()) };
    thief.go_on(&Body::Issue(Box::new(Issue { issuer: other, ..*body }))).map(drop)
}

fn copied_lot(thief: &mut Thief, village: &Village) -> Outcome<()> {
    let verifiers: Vec<Verifier> = village.paper.iter().map(|done| done.verifier).collect();
    let body = lot(thief, verifiers.clone())?;
    thief.go_on(&body)?;
    let Body::Issue(body) = lot(thief, verifiers)? else { return Ok(()) };
    thief.go_on(&Body::Issue(Box::new(Issue { issuer: IssuerNumber(SELLER as u16 + 1), ..*body }))).map(drop)
}

fn back_dated_lots(thief: &mut Thief, _: &Village) -> Outcome<()> {
    for seq in 1..=3 {
        let body = invented_lot(thief, 100)?;
        thief.forge(seq, None, &body)?;
    }
    Ok(())
}

fn lots_over_float(thief: &mut Thief, village: &Village) -> Outcome<()> {
    for (seq, prev) in [(1 << 41, None), (1 << 42, village.heads.first().copied())] {
        let (mut seq, mut prev): (u64, Option<RecordId>) = (seq, prev);
        for _ in 0..3 {
            let body = invented_lot(thief, 95)?;
            prev = Some(thief.forge(seq, prev, &body)?);
            seq += 1;
        }
    }
    Ok(())
}

fn settles_himself(thief: &mut Thief, _: &Village) -> Outcome<()> {
    let body = invented_lot(thief, 190)?;
    let printed = thief.forge(1 << 41, None, &body)?;
    let paid = Settlement { person: "ana".into(), paid: 8_000, worth: FLOAT, time: NOON, confirms: None };
    let settles = thief.forge((1 << 41) + 1, Some(printed), &Body::Settlement(Box::new(paid.clone())))?;
    let agrees = Settlement { paid: 0, worth: 0, confirms: Some(settles), ..paid };
    let agrees = thief.forge((1 << 41) + 2, Some(settles), &Body::Settlement(Box::new(agrees)))?;
    let again = invented_lot(thief, 190)?;
    thief.forge((1 << 41) + 3, Some(agrees), &again).map(drop)
}

fn extensions(thief: &mut Thief, village: &Village) -> Outcome<()> {
    let verifiers: Vec<Verifier> = all_paper(village).collect();
    let body = Extension { verifiers, seconds: 3_600, days: 30, reason: "luz".into(), data_mb: Some(9_000) };
    thief.go_on(&Body::Extension(Box::new(body))).map(drop)
}

fn all_paper(village: &Village) -> impl Iterator<Item = Verifier> {
    village.paper.iter().chain(&village.sold_by_victim).map(|done| done.verifier)
}

fn counters(thief: &mut Thief, verifiers: &[Verifier]) -> Outcome<()> {
    let counter = |verifier: &Verifier| Counter {
        verifier: *verifier,
        used_s: 10 * HELD_S,
        up_bytes: 0,
        down_bytes: 0,
        elapsed_s: u32::MAX,
    };
    let counters = verifiers.iter().map(counter).collect();
    thief.go_on(&Body::Usage(Box::new(Usage { lane: 5, page: 0, counters, day: None }))).map(drop)
}

fn drains_what_is_typed(thief: &mut Thief, village: &Village) -> Outcome<()> {
    let typed = village.paper[0].clone();
    let first = Activation { verifier: typed.verifier, proof: typed.proof, begin: NOON };
    thief.go_on(&Body::Activation(first))?;
    counters(thief, &[typed.verifier])
}

fn burns(thief: &mut Thief, village: &Village) -> Outcome<()> {
    for done in &village.paper {
        // He sees the verifier, and makes a proof of it as well as he can.
        let mut proof = [0; 16];
        proof[..8].copy_from_slice(&done.verifier.0);
        let first = Activation { verifier: done.verifier, proof: Proof(proof), begin: NOON };
        thief.go_on(&Body::Activation(first))?;
    }
    Ok(())
}

fn voids(thief: &mut Thief, village: &Village) -> Outcome<()> {
    let verifiers = village.paper.iter().map(|done| done.verifier).collect();
    let body = Revocation { verifiers, reason: "mal impreso".into(), confirms: None };
    thief.go_on(&Body::Revocation(Box::new(body))).map(drop)
}

fn ages(thief: &mut Thief, village: &Village) -> Outcome<()> {
    let Some(month) = village.paper.last() else { return Ok(()) };
    let mut begin = NOON;
    begin.unix_s -= 40 * 86_400;
    let first = Activation { verifier: month.verifier, proof: month.proof, begin };
    thief.go_on(&Body::Activation(first)).map(drop)
}
