//! A village for tests: a root, an officer, a treasurer, two sellers, made from fixed keys.

use ed25519_dalek::{Signer, SigningKey};

use super::super::body::{
    Body, Cash, Charter, Close, Epoch, Exchange, Extension, Grant, HandOver, Honoured, InKind, InKindReason,
    Issue, Look, Member, Mode, NetworkMode, Notice, PaperDebt, Person, PersonRole, Plan, PlanMeasure,
    PlanShare, ReferenceState, SealedShare, Service, Settlement, Status, Succession, Time,
};
use super::super::draft::DraftError;
use super::super::proof::verifier_of;
use super::super::record::{self, Header, RecordId};
use super::super::rights::{Role, Roles};
use super::super::{Counter, Kind, Ledger};
use crate::base::time::{TimeQuality, WallTime};
use crate::base::voucher::{IssuerNumber, LotId, Proof, Verifier};

/// A key and the ledger of the node that has it.
pub(in crate::ledger) struct Node {
    pub(in crate::ledger) key: SigningKey,
    pub(in crate::ledger) ledger: Ledger,
}

impl Node {
    pub(in crate::ledger) fn new(seed: u8) -> Self {
        let key = SigningKey::from_bytes(&[seed; 32]);
        let ledger = Ledger::new(key.verifying_key().to_bytes(), 1_000 * u64::from(seed));
        Self { key, ledger }
    }

    pub(in crate::ledger) fn id(&self) -> [u8; 32] {
        self.key.verifying_key().to_bytes()
    }

    /// Writes a record by the rules.
    pub(in crate::ledger) fn write(&mut self, body: Body) -> Result<Vec<u8>, DraftError> {
        let draft = self.ledger.draft(body)?;
        let signature = self.key.sign(&draft.message_to_sign).to_bytes();
        Ok(self.ledger.complete(draft, signature))
    }

    /// Signs whatever is wanted, as a thief would.
    pub(in crate::ledger) fn forge(&self, seq: u64, prev: Option<RecordId>, body: &Body) -> Vec<u8> {
        let community = self.ledger.community().unwrap();
        let kind = body.kind().unwrap().number();
        let header = Header { community, kind, author: self.id(), seq, prev };
        sign(&self.key, &record::envelope(&header, &body.encode().unwrap()))
    }

    pub(in crate::ledger) fn take(&mut self, records: &[Vec<u8>]) {
        for bytes in records {
            self.ledger.handle_record(bytes).unwrap();
        }
    }
}

pub(in crate::ledger) fn sign(key: &SigningKey, envelope: &[u8]) -> Vec<u8> {
    record::seal(envelope, &key.sign(&record::message(envelope)).to_bytes())
}

/// The whole village, and all records in the order in which they were made.
pub(in crate::ledger) struct Village {
    pub(in crate::ledger) root: Node,
    pub(in crate::ledger) officer: Node,
    pub(in crate::ledger) treasurer: Node,
    pub(in crate::ledger) seller: Node,
    pub(in crate::ledger) other: Node,
    pub(in crate::ledger) records: Vec<Vec<u8>>,
}

pub(in crate::ledger) const NOON: WallTime =
    WallTime { unix_s: 1_800_000_000, quality: TimeQuality::Trusted };

pub(crate) fn charter(root: [u8; 32]) -> Charter {
    Charter {
        root,
        name: "San Miguel".into(),
        currency: "USD".into(),
        minor_units: 2,
        country: "MX".into(),
        languages: vec!["es".into(), "en".into()],
        ipv6: "fd12:3456:789a::/48".parse().unwrap(),
        ipv4: "10.77.0.0/16".parse().unwrap(),
        replaces: Vec::new(),
        paper_debt: PaperDebt::Activation,
        in_kind_quota: 150,
        hour_rate: 100,
        ssids: vec!["San Miguel".into()],
        provisional_plan: Some("hora".into()),
    }
}

pub(in crate::ledger) fn member(key: [u8; 32], number: u16, roles: &[Role]) -> Member {
    Member {
        key,
        dh: [number as u8; 32],
        name: format!("nodo {number}"),
        number: IssuerNumber(number),
        slot: Some(number as u8),
        roles: roles.iter().fold(Roles::NONE, |roles, role| roles.with(*role)),
        float: 10_000,
        replaces: Vec::new(),
        heads: Vec::new(),
        instead_of: None,
    }
}

pub(in crate::ledger) fn hour() -> Plan {
    Plan {
        id: "hora".into(),
        name: "Una hora".into(),
        measure: PlanMeasure::UsedSeconds { seconds: 3_600, within_days: Some(30) },
        devices: 2,
        rate_down_kbps: 2_000,
        rate_up_kbps: 500,
        price: 50,
        seller_share: 10,
        shares: vec![PlanShare { to: "comunidad".into(), amount: 40 }],
        replaces: Vec::new(),
        hours: None,
        data_mb: None,
        sellers: None,
    }
}

/// The founding record of a community with this root.
pub(crate) fn charter_record(key: &SigningKey) -> Vec<u8> {
    let mut root = Node { key: key.clone(), ledger: Ledger::new(key.verifying_key().to_bytes(), 1) };
    root.write(Body::Charter(Box::new(charter(root.id())))).unwrap()
}

/// Proofs are what a code's chain ends in; any 16 bytes do.
pub(in crate::ledger) fn proof(name: u8) -> Proof {
    Proof([name; 16])
}

impl Village {
    pub(in crate::ledger) fn new() -> Self {
        let mut village = Self {
            root: Node::new(1),
            officer: Node::new(2),
            treasurer: Node::new(3),
            seller: Node::new(4),
            other: Node::new(5),
            records: Vec::new(),
        };
        let root = village.root.id();
        village.by_root(Body::Charter(Box::new(charter(root))));
        village.by_root(Body::Epoch(Box::new(Epoch {
            number: 1,
            follows: None,
            shares: Vec::new(),
            expels: Vec::new(),
        })));
        let seats: [(usize, &[Role]); 4] = [
            (1, &[Role::Officer, Role::Hotspot]),
            (2, &[Role::Treasurer]),
            (3, &[Role::Seller, Role::Hotspot]),
            (4, &[Role::Seller, Role::Hotspot]),
        ];
        for (at, roles) in seats {
            let key = village.nodes_mut()[at].id();
            village.by_root(Body::Member(Box::new(member(key, at as u16, roles))));
        }
        village.by_root(Body::Plan(Box::new(hour())));
        let (epoch, number) = village.root.ledger.current_epoch().unwrap();
        let share = SealedShare { member: village.seller.id(), sealed: vec![7; 112] };
        village.by_root(Body::Grant(Box::new(Grant { epoch, number, share })));
        let records = village.records.clone();
        village.nodes_mut().into_iter().skip(1).for_each(|node| node.take(&records));
        village
    }

    pub(in crate::ledger) fn nodes_mut(&mut self) -> [&mut Node; 5] {
        [&mut self.root, &mut self.officer, &mut self.treasurer, &mut self.seller, &mut self.other]
    }

    fn by_root(&mut self, body: Body) {
        self.records.push(self.root.write(body).unwrap());
    }

    /// Everybody learns a record.
    pub(in crate::ledger) fn spread(&mut self, record: Vec<u8>) {
        for node in self.nodes_mut() {
            node.ledger.handle_record(&record).unwrap();
        }
        self.records.push(record);
    }

    pub(in crate::ledger) fn verifier(&self, issuer: u16, name: u8) -> Verifier {
        verifier_of(&self.root.ledger.community().unwrap(), IssuerNumber(issuer), &proof(name))
    }

    /// The seller (number 3) makes a lot of these vouchers.
    pub(in crate::ledger) fn issue(&mut self, lot: u64, names: std::ops::Range<u8>) -> Vec<Verifier> {
        let verifiers: Vec<Verifier> = names.map(|name| self.verifier(3, name)).collect();
        let body = self.seller.ledger.issue_body(LotId(lot), "hora", verifiers.clone()).unwrap();
        self.by_seller(body);
        verifiers
    }

    pub(in crate::ledger) fn sell(&mut self, verifiers: &[Verifier], person: &str) {
        let body = self.seller.ledger.sale_body(verifiers.to_vec(), person, NOON).unwrap();
        self.by_seller(body);
    }

    /// The seller's node admits a guest with the code of this name.
    pub(in crate::ledger) fn activate(&mut self, name: u8, begin: WallTime) {
        let body = Ledger::activation_body(self.verifier(3, name), proof(name), begin);
        self.by_seller(body);
    }

    /// The seller's node has counted, perhaps with the day.
    pub(in crate::ledger) fn count(&mut self, counter: Counter, day: Option<u32>) {
        for body in self.seller.ledger.usage_bodies(&[counter], day) {
            self.by_seller(body);
        }
    }

    /// The seller writes a record, and everybody learns it.
    fn by_seller(&mut self, body: Body) {
        let record = self.seller.write(body).unwrap();
        self.spread(record);
    }
}

/// A village in which every kind of record occurs, some of them superseded, some without a right.
pub(in crate::ledger) fn busy() -> Village {
    let mut village = Village::new();
    let vouchers = village.issue(1, 10..20);
    village.sell(&vouchers[..3], "ana");
    village.sell(&vouchers[3..5], "beto");
    village.activate(10, NOON);
    let stale = WallTime { unix_s: 5, quality: TimeQuality::Stale };
    village.activate(11, stale);
    village.activate(11, NOON);
    for used_s in [60, 600] {
        let counter = Counter { verifier: vouchers[0], used_s, up_bytes: 1, down_bytes: 2, elapsed_s: 700 };
        village.count(counter, Some(20_000));
    }
    for tag in [[1; 8], [2; 8], [3; 8], [1; 8]] {
        let body = village.seller.ledger.device_body(vouchers[0], tag, Some(20_000), None, None);
        let record = village.seller.write(body).unwrap();
        village.spread(record);
    }
    let record = village.seller.write(Ledger::revocation_body(vec![vouchers[9]], "mal impreso")).unwrap();
    village.spread(record);
    let record = village.treasurer.write(Ledger::revocation_body(vec![vouchers[1]], "robado")).unwrap();
    village.spread(record);
    let (epoch, number) = village.officer.ledger.current_epoch().unwrap();
    let body = Body::Epoch(Box::new(Epoch {
        number: number + 1,
        follows: Some(epoch),
        shares: Vec::new(),
        expels: Vec::new(),
    }));
    let record = village.officer.write(body).unwrap();
    village.spread(record);
    for (at, body) in rare(&village, &vouchers) {
        let record = village.nodes_mut()[at].forge(1 << 40, None, &body);
        village.spread(record);
    }
    // A seller who would like to be a treasurer, and one more of its own plans.
    let greedy = Body::Member(Box::new(member(village.seller.id(), 3, &[Role::Treasurer])));
    let record = village.seller.forge(1, None, &greedy);
    village.spread(record);
    let record = village.seller.forge(
        2,
        None,
        &Body::Plan(Box::new(Plan { price: 0, seller_share: 0, shares: vec![], ..hour() })),
    );
    village.spread(record);
    // A kind of a later version.
    let community = village.root.ledger.community().unwrap();
    let header = Header { community, kind: 99, author: village.other.id(), seq: 1, prev: None };
    let record = sign(&village.other.key, &record::envelope(&header, &[0xa0]));
    village.spread(record);
    assert!(
        Kind::all()
            .filter(|kind| *kind != Kind::Charter)
            .all(|kind| { village.root.ledger.records().any(|record| record.kind == kind) })
    );
    village
}

/// A body of each kind that no day's work brings about, and which node of the village signs it.
pub(super) fn rare(village: &Village, vouchers: &[Verifier]) -> Vec<(usize, Body)> {
    let (root, seller) = (village.root.id(), village.seller.id());
    let (plan, epoch) = (village.root.ledger.plan("hora").unwrap().0, RecordId([7; 32]));
    let cash = |what: &str| Cash { person: "tesorera".into(), amount: 300, what: what.into(), time: NOON };
    let text = |text: &str| text.to_owned();
    let paper = |at: usize| vec![vouchers[at]];
    let lot = Issue {
        lot: LotId(9),
        epoch,
        plan,
        verifiers: paper(5),
        issuer: IssuerNumber(4),
        for_exchange: false,
    };
    let shelf = "10.77.248.0/22".parse().unwrap();
    vec![
        (4, Body::Succession(Box::new(Succession { root: [9; 32], before: root, heads: vec![epoch] }))),
        (1, Body::Person(Box::new(person("ana", seller)))),
        (
            3,
            Body::Exchange(Box::new(Exchange {
                old: vouchers[5],
                proof: proof(15),
                new: vouchers[6],
                confirms: None,
            })),
        ),
        (
            2,
            Body::Extension(Box::new(Extension {
                verifiers: paper(5),
                seconds: 600,
                days: 0,
                reason: text("luz"),
                data_mb: None,
            })),
        ),
        (3, Body::InKind(Box::new(in_kind(paper(6))))),
        (3, Body::HandOver(Box::new(HandOver { verifiers: paper(7), person: text("beto"), time: NOON }))),
        (3, Body::Settlement(Box::new(settlement("ana", 120, 150)))),
        (2, Body::Expense(Box::new(cash("cable")))),
        (2, Body::Contribution(Box::new(cash("rifa")))),
        (
            2,
            Body::Close(Box::new(Close {
                follows: None,
                month: 24_322,
                covers: vec![],
                totals: vec![],
                kept: vec![7; 10],
                number: 1,
                day: Some(20_833),
            })),
        ),
        (1, Body::Honoured(Box::new(Honoured { lot, reason: text("se quemó") }))),
        (
            1,
            Body::Mode(Box::new(Mode {
                number: 1,
                mode: NetworkMode::Night,
                reason: text("fiesta"),
                confirms: None,
                time: None,
            })),
        ),
        (
            1,
            Body::Service(Box::new(Service {
                name: text("library"),
                title: text("Biblioteca"),
                node: seller,
                prefixes: vec![shelf],
                free: true,
                replaces: vec![],
                icon: None,
                port: None,
            })),
        ),
        (
            1,
            Body::Notice(Box::new(Notice {
                name: text("agua"),
                text: text("Hoy no hay agua"),
                until: Some(20_833),
            })),
        ),
        (0, Body::Time(Time { number: 1, floor_unix_s: 1_799_000_000 })),
        (
            3,
            Body::Status(Box::new(Status {
                router_id: [2; 8],
                time: NOON,
                version: text("0.1.0"),
                close: None,
                devices: None,
                silent: None,
            })),
        ),
        (3, Body::ReferenceState(Box::new(ReferenceState { name: text("cerro"), state: vec![1, 2, 3] }))),
        (0, Body::Look(Box::new(Look { colour: Some(0x12_34_56), logo: super::look::dot() }))),
    ]
}

pub(super) fn person(name: &str, home: [u8; 32]) -> Person {
    Person {
        name: name.into(),
        role: PersonRole::Caretaker,
        home,
        verifier: "$5$sal$hash".into(),
        replaces: vec![],
    }
}

/// Given by hours of work.
pub(super) fn in_kind(verifiers: Vec<Verifier>) -> InKind {
    let reason = InKindReason::Work;
    InKind {
        verifiers,
        person: "mateo".into(),
        reason,
        minutes: 30,
        month: 24_322,
        time: NOON,
        confirms: None,
    }
}

pub(super) fn settlement(person: &str, paid: u64, worth: u64) -> Settlement {
    Settlement { person: person.into(), paid, worth, time: NOON, confirms: None }
}
