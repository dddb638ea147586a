//! Lines about who may do what, and those of a stolen officer.

use tequio::base::time::{TimeQuality, WallTime};
use tequio::base::voucher::{IssuerNumber, LotId};
use tequio::ledger::body::{Epoch, Honoured, Issue, Status, Time};
use tequio::ledger::record::{self, Header};
use tequio::ledger::{Body, PlanMeasure, RecordId, Role, Roles};

use super::coupons::{good_coupons, lot};
use super::{Line, OFFICER, PRICE, Thief, VICTIM, Village};
use crate::failure::Outcome;

/// Members of the village.
const MEMBERS: usize = 4;
/// What nothing but an expulsion ends.
const UNTIL_EXPELLED: &str = "nothing until the root expels it; then nothing of it is left";

pub(super) const LINES: [Line; 7] = [
    Line {
        name: "pushes-time",
        tries: "signs a least time in 2040, and offers it as the time of day",
        unit: "claims",
        most: [0, 0],
        bound: "the root alone; clocks are members with that role",
        seat: VICTIM,
        act: pushes_time,
        gain: |_, _, post| {
            let offered = post.ledger.offered_times().len() + usize::from(post.ledger.time_record().1 > 0);
            offered as u64
        },
    },
    Line {
        name: "seller-makes-members",
        tries: "a stolen seller admits members, and rotates",
        unit: "records that count",
        most: [0, 0],
        bound: "the table of rights",
        seat: VICTIM,
        act: |thief, _| {
            admits(thief)?;
            rotates(thief)
        },
        gain: |thief, _, post| {
            let epoch = post.ledger.current_epoch().and_then(|(id, _)| post.ledger.record(id));
            newcomers(post) + u64::from(epoch.is_some_and(|one| one.author == thief.ledger.own_key()))
        },
    },
    Line {
        name: "officer-epochs",
        tries: "a stolen officer rotates to number 2^32-1, and three times by one",
        unit: "highest number",
        most: [4, 0],
        bound: "number = that of the followed one + 1; then the root's expulsion",
        seat: OFFICER,
        act: |thief, _| rotates(thief),
        gain: |thief, _, post| {
            let (id, number) = post.ledger.current_epoch().unwrap_or((RecordId([0; 32]), 0));
            let by_thief = post.ledger.record(id).is_some_and(|one| one.author == thief.ledger.own_key());
            if by_thief { u64::from(number) } else { 0 }
        },
    },
    Line {
        name: "officer-members",
        tries: "a stolen officer admits five sellers and an officer",
        unit: "members",
        most: [5, 0],
        bound: "officers are the root's; sellers: nothing until the root expels it",
        seat: OFFICER,
        act: |thief, _| admits(thief),
        gain: |_, _, post| newcomers(post),
    },
    Line {
        name: "officer-puppets",
        tries: "a stolen officer admits a seller of his with a huge float, which prints 200 coupons",
        unit: "cents of coupons",
        most: [200 * PRICE, 0],
        bound: UNTIL_EXPELLED,
        seat: OFFICER,
        act: puppet,
        gain: good_coupons,
    },
    Line {
        name: "officer-plans",
        tries: "a stolen officer makes the hour free",
        unit: "plans",
        most: [0, 0],
        bound: "the table of rights: treasurer",
        seat: OFFICER,
        act: |thief, _| {
            let Body::Plan(mut plan) = crate::replicas::founding::plan(
                "hora",
                PlanMeasure::UsedSeconds { seconds: 600, within_days: None },
            ) else {
                return Ok(());
            };
            (plan.price, plan.seller_share) = (0, 0);
            plan.shares.clear();
            plan.replaces.extend(thief.ledger.plan("hora").map(|(id, _)| id));
            thief.go_on(&Body::Plan(plan)).map(drop)
        },
        gain: |_, _, post| u64::from(post.ledger.plan("hora").is_none_or(|(_, plan)| plan.price != PRICE)),
    },
    Line {
        name: "officer-honours",
        tries: "a stolen officer honours a lot that never was",
        unit: "cents of coupons",
        most: [200 * PRICE, 0],
        bound: UNTIL_EXPELLED,
        seat: OFFICER,
        act: honours,
        gain: good_coupons,
    },
];

fn newcomers(post: &super::Post) -> u64 {
    // Who was expelled is missing from the village's own.
    let known = post.ledger.members().filter(|state| state.member.name.starts_with("nodo 9")).count();
    debug_assert!(post.ledger.members().count() <= MEMBERS + known, "all others are of the village");
    known as u64
}

fn pushes_time(thief: &mut Thief, _: &Village) -> Outcome<()> {
    let far = WallTime { unix_s: 2_208_988_800, quality: TimeQuality::Trusted };
    thief.go_on(&Body::Time(Time { number: u32::MAX, floor_unix_s: far.unix_s }))?;
    let status = Status {
        router_id: [1; 8],
        time: far,
        version: "0.1.0".into(),
        close: None,
        devices: None,
        silent: None,
    };
    thief.go_on(&Body::Status(Box::new(status))).map(drop)
}

/// Five sellers and an officer, all of numbers that begin with 9.
fn admits(thief: &mut Thief) -> Outcome<()> {
    for number in 0..6_u8 {
        let seat = 90 + usize::from(number);
        let Body::Member(mut member) = super::village::member([100 + number; 32], [number; 32], seat) else {
            continue;
        };
        member.name = format!("nodo 9{number}");
        if number == 5 {
            member.roles = Roles::NONE.with(Role::Officer);
        }
        thief.go_on(&Body::Member(member))?;
    }
    Ok(())
}

fn rotates(thief: &mut Thief) -> Outcome<()> {
    let current = thief.ledger.current_epoch();
    let (mut follows, mut number) = current.map_or((None, 0), |(id, number)| (Some(id), number));
    let epoch = |number, follows| {
        Body::Epoch(Box::new(Epoch { number, follows, shares: Vec::new(), expels: Vec::new() }))
    };
    thief.go_on(&epoch(u32::MAX, follows))?;
    for _ in 0..3 {
        number += 1;
        follows = Some(thief.go_on(&epoch(number, follows))?);
    }
    Ok(())
}

fn honours(thief: &mut Thief, _: &Village) -> Outcome<()> {
    let verifiers = thief.invented(200);
    thief.made.extend(verifiers.iter().copied());
    let Body::Issue(body) = lot(thief, verifiers)? else { return Ok(()) };
    let lot = Issue { issuer: IssuerNumber(VICTIM as u16 + 1), ..*body };
    thief.go_on(&Body::Honoured(Box::new(Honoured { lot, reason: "se quemo".into() }))).map(drop)
}

/// A seller of the thief's own making, with a key of its own.
fn puppet(thief: &mut Thief, _: &Village) -> Outcome<()> {
    use ed25519_dalek::{Signer, SigningKey};
    let puppet = SigningKey::from_bytes(&[66; 32]);
    let key = puppet.verifying_key().to_bytes();
    let Body::Member(mut member) = super::village::member(key, [66; 32], 97) else { return Ok(()) };
    (member.float, member.name) = (u64::MAX, "nodo 97".into());
    let number = member.number;
    thief.go_on(&Body::Member(member))?;
    let verifiers = thief.invented(200);
    thief.made.extend(verifiers.iter().copied());
    let Body::Issue(body) = lot(thief, verifiers)? else { return Ok(()) };
    let body = Body::Issue(Box::new(Issue { issuer: number, lot: LotId(97), ..*body }));
    let community = thief.ledger.community().unwrap_or_default();
    let kind = tequio::ledger::Kind::Issue.number();
    let header = Header { community, kind, author: key, seq: 5, prev: None };
    let envelope = record::envelope(&header, &body.encode().unwrap_or_default());
    let signature = puppet.sign(&record::message(&envelope)).to_bytes();
    thief.records.push(record::seal(&envelope, &signature));
    Ok(())
}
