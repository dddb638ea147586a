//! The founding of a community: the root in its office, members with their roles, two plans, the first epoch.

use ed25519_dalek::SigningKey;
use tequio::base::random::Random;
use tequio::base::time::{Instant, TimeQuality};
use tequio::base::voucher::IssuerNumber;
use tequio::ledger::body::{Charter, Epoch, Expulsion, PaperDebt, PlanShare, SealedShare};
use tequio::ledger::{Body, Member, Plan, PlanMeasure, Record, RecordId, Role, Roles};

use super::replica::{Clock, Replica};
use super::tally::{Fact, Tally};
use super::wires::Cable;
use super::{BTreeMap, BinaryHeap, Plant as Planted, World};

/// What the coupon holds with which the rules of splits are tried.
pub(super) const HELD_S: u32 = 600;
/// Its price, and what of it stays with the seller.
pub(crate) const PRICE: u64 = 50;
pub(super) const SELLER_SHARE: u64 = 10;
/// What a member's unsettled lots may be worth: honest sellers stay below.
pub(super) const FLOAT: u64 = 60_000;

/// A key of its own for each seat.
pub(super) fn key(random: &mut Random) -> SigningKey {
    let mut secret = [0; 32];
    secret.chunks_mut(8).for_each(|part| part.copy_from_slice(&random.u64().to_be_bytes()));
    SigningKey::from_bytes(&secret)
}

/// Officers first, then treasurers, then sellers; all let guests in.
pub(super) fn roles(seat: usize) -> Roles {
    let own: &[Role] = match seat {
        0 => &[Role::Officer, Role::Clock],
        1 => &[Role::Officer, Role::Seller],
        2 | 3 => &[Role::Treasurer, Role::Seller],
        _ => &[Role::Seller, Role::Clock],
    };
    own.iter().fold(Roles::NONE.with(Role::Hotspot), |roles, role| roles.with(*role))
}

pub(super) fn is_treasurer(seat: usize) -> bool {
    roles(seat).has(Role::Treasurer)
}

/// What a member's record says.
pub(super) fn member(one: &Replica, seat: usize, instead_of: Option<[u8; 32]>) -> Body {
    member_of(one.id(), one.dh, seat, instead_of)
}

pub(crate) fn member_of(key: [u8; 32], dh: [u8; 32], seat: usize, instead_of: Option<[u8; 32]>) -> Body {
    let number = u16::try_from(seat).expect("a handful of boxes") + 1;
    Body::Member(Box::new(Member {
        key,
        dh,
        name: format!("nodo {number}"),
        number: IssuerNumber(number),
        slot: u8::try_from(seat).ok().filter(|slot| *slot < 60),
        roles: roles(seat),
        float: FLOAT,
        replaces: Vec::new(),
        heads: Vec::new(),
        instead_of,
    }))
}

/// The epoch behind the one that this ledger holds for current, sealed to all members but those it expels.
pub(crate) fn epoch(ledger: &tequio::ledger::Ledger, expels: Vec<Expulsion>) -> Body {
    let (follows, number) = ledger.current_epoch().unzip();
    let stays = |key: &[u8; 32]| expels.iter().all(|one| one.member != *key);
    let members = ledger.members().map(|state| state.member.key).filter(stays);
    // Nobody opens them here: what counts is to whom they are sealed.
    // Those for whom there is no room would get a grant.
    let shares = members.take(48).map(|member| SealedShare { member, sealed: vec![7; 112] }).collect();
    Body::Epoch(Box::new(Epoch { number: number.unwrap_or(0) + 1, follows, shares, expels }))
}

pub(crate) fn charter(root: [u8; 32]) -> Body {
    Body::Charter(Box::new(Charter {
        root,
        name: "San Miguel".into(),
        currency: "USD".into(),
        minor_units: 2,
        country: "MX".into(),
        languages: vec!["es".into()],
        ipv6: "fd12:3456:789a::/48".parse().expect("a prefix"),
        ipv4: "10.77.0.0/16".parse().expect("a prefix"),
        replaces: Vec::new(),
        paper_debt: PaperDebt::Activation,
        in_kind_quota: 0,
        hour_rate: 100,
        ssids: Vec::new(),
        provisional_plan: None,
    }))
}

pub(crate) fn plan(id: &str, measure: PlanMeasure) -> Body {
    Body::Plan(Box::new(Plan {
        id: id.into(),
        name: id.into(),
        measure,
        devices: 2,
        rate_down_kbps: 0,
        rate_up_kbps: 0,
        price: PRICE,
        seller_share: SELLER_SHARE,
        shares: vec![PlanShare { to: "comunidad".into(), amount: PRICE - SELLER_SHARE }],
        replaces: Vec::new(),
        hours: None,
        data_mb: None,
        sellers: None,
    }))
}

impl World {
    /// A village of six to nine boxes that know who they are.
    pub(super) fn found(seed: u64, planted: Planted, trace: bool) -> Self {
        let mut random = Random::new(seed ^ 0x001e_d6e5);
        let count = 6 + usize::try_from(random.below(4)).expect("small");
        Self::of(count, random, planted, trace)
    }

    /// A village of so many boxes.
    pub(super) fn of(count: usize, mut random: Random, planted: Planted, trace: bool) -> Self {
        let office = Replica::new(key(&mut random), 1 + random.below(1 << 32));
        let mut boxes = Vec::new();
        for _ in 0..count {
            let key = key(&mut random);
            boxes.push(Replica::new(key, 1 + random.below(1 << 32)));
        }
        // A member that lies about time: it says that it knows, and is years off.
        let off_s: i64 = if random.below(2) == 0 { -40_000_000 } else { 90_000_000 };
        boxes[count - 1].clock = Clock { offset_s: off_s, quality: TimeQuality::Trusted };
        let mut world = Self {
            now: Instant::ZERO,
            cables: cables(&mut random, count),
            random,
            boxes,
            wires: BTreeMap::new(),
            wires_made: 0,
            queue: BinaryHeap::new(),
            happenings: 0,
            office,
            tally: Tally::default(),
            guests: Default::default(),
            theft: None,
            carriers: Vec::new(),
            blows: 0,
            books: Default::default(),
            closing: false,
            closes: 0,
            late: 0,
            let_go: 0,
            octets: 0,
            most_parts: 1,
            people_work: true,
            plant: planted,
            trace,
        };
        world.admit_all();
        world
    }

    fn admit_all(&mut self) {
        let treasurers = self.boxes.iter().enumerate().filter(|(seat, _)| is_treasurer(*seat));
        self.tally.treasurers = treasurers.map(|(_, one)| one.id()).collect();
        let mut bodies = vec![charter(self.office.id())];
        bodies.extend(self.boxes.iter().enumerate().map(|(seat, one)| member(one, seat, None)));
        bodies.push(plan("diez", PlanMeasure::UsedSeconds { seconds: HELD_S, within_days: None }));
        bodies.push(plan("mes", PlanMeasure::DaysFromFirstUse { days: 30 }));
        let mut records = Vec::new();
        for body in bodies {
            records.push(self.office.sign(body).expect("the root founds"));
        }
        let first = epoch(&self.office.ledger, Vec::new());
        records.push(self.office.sign(first).expect("the root founds"));
        for bytes in &records {
            let record = Record::parse(bytes).expect("what we wrote can be read");
            self.tally.enter(Fact::of(&record, true));
            for one in &mut self.boxes {
                one.ledger.handle_record(bytes).expect("the root's records are good");
                one.flash.write(bytes);
            }
        }
        for own in 0..self.boxes.len() {
            self.boxes[own].flash.founding = self.boxes[own].flash.bytes.len();
            self.drain(own);
        }
    }

    /// The office takes home what a box knows, writes, and brings the record back to that box.
    pub(super) fn by_root(
        &mut self,
        at: usize,
        body: impl FnOnce(&tequio::ledger::Ledger) -> Body,
    ) -> RecordId {
        let known: Vec<Vec<u8>> = self.ledger(at).written().collect();
        self.office.ledger.handle_journal(known.iter().map(Vec::as_slice));
        let body = body(&self.office.ledger);
        let bytes = self.office.sign(body).expect("the root writes what it may");
        let id = Record::id_of(&bytes).expect("a record has a name");
        self.bring(at, &bytes, true);
        id
    }
}

/// A tree, and half as many links more.
fn cables(random: &mut Random, count: usize) -> Vec<Cable> {
    let mut cables = Vec::new();
    let mut lay = |one: usize, two: usize| {
        if one != two && !cables.iter().any(|cable: &Cable| cable.ends == [one.min(two), one.max(two)]) {
            cables.push(Cable { ends: [one.min(two), one.max(two)], parted: false, broken: false });
        }
    };
    let mut pick = |below: usize| usize::try_from(random.below(below as u64)).expect("small");
    for own in 1..count {
        lay(own, pick(own));
    }
    for _ in 0..count / 2 {
        lay(pick(count), pick(count));
    }
    cables
}
