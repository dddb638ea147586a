//! A ledger with as many coupons as one likes: lots of 20, each sold and typed at the node that made it, their counters
//! on full pages. Records are signed where somebody will verify them.

use ed25519_dalek::{Signer, SigningKey};
use tequio::base::time::WallTime;
use tequio::base::voucher::{IssuerNumber, LotId, Proof, Verifier};
use tequio::ledger::body::{Activation, Device, Issue, PlanMeasure, Sale, Usage};
use tequio::ledger::proof::verifier_of;
use tequio::ledger::record::{self, Header, RecordId};
use tequio::ledger::{Body, Counter, Kind, Ledger, Member, Record};

use super::NOON;
use crate::replicas::founding;

/// Coupons of one lot, which is one sale.
pub(super) const LOT: u64 = 20;

/// The records of a community, those of its founding first.
pub(super) struct Book {
    pub(super) records: Vec<Vec<u8>>,
    pub(super) keys: [SigningKey; 2],
    pub(super) dh: [[u8; 32]; 2],
}

/// A village whose nodes sell coupons, each a lot of its own, and let guests in with those of the node before.
pub(super) struct Village {
    community: [u8; 32],
    plan: RecordId,
    epoch: RecordId,
    nodes: Vec<Till>,
    sold: u64,
}

/// A node of it.
struct Till {
    key: SigningKey,
    seq: u64,
    prev: Option<RecordId>,
    /// First uses here; their counters stand on the last pages, and those of coupons that are gone make room.
    uses: u64,
    page: Vec<Counter>,
}

/// Pages of counters that a node fills before it begins again with the first.
const PAGES: u64 = 4;

impl Village {
    /// A community of so many nodes, and its founding records.
    pub(super) fn found(nodes: u8) -> Result<(Vec<Vec<u8>>, Self), String> {
        let keys: Vec<SigningKey> = (1..=nodes).map(|seed| SigningKey::from_bytes(&[seed; 32])).collect();
        let dh: Vec<[u8; 32]> = (1..=nodes).map(|seed| [100 + seed; 32]).collect();
        let (records, office) = found(&SigningKey::from_bytes(&[99; 32]), &keys, &dh)?;
        let community = office.community().ok_or("a community")?;
        let (plan, _) = office.plan("diez").ok_or("a plan")?;
        let (epoch, _) = office.current_epoch().ok_or("an epoch")?;
        let till = |key| Till { key, seq: 1_000, prev: None, uses: 0, page: Vec::new() };
        Ok((records, Self { community, plan, epoch, nodes: keys.into_iter().map(till).collect(), sold: 0 }))
    }

    /// The key of a node that may close the books.
    pub(super) fn treasurer(&self) -> [u8; 32] {
        self.nodes[0].key.verifying_key().to_bytes()
    }

    /// A coupon is printed and sold.
    pub(super) fn sell(&mut self, time: WallTime) -> Vec<Vec<u8>> {
        let (plan, epoch, number) = (self.plan, self.epoch, self.sold);
        self.sold += 1;
        let (at, issuer) = self.seller_of(number);
        let verifiers = vec![verifier_of(&self.community, issuer, &proof(number))];
        let lot = Issue {
            lot: LotId(number),
            epoch,
            plan,
            verifiers: verifiers.clone(),
            issuer,
            for_exchange: false,
        };
        let person = ["ana", "beto"][usize::from(number.is_multiple_of(3))].to_owned();
        let sale = Sale { verifiers, person, price: 50, plan, external_count: 0, time };
        self.write(at, &[Body::Issue(Box::new(lot)), Body::Sale(Box::new(sale))])
    }

    /// It is typed at the next node, and used up.
    pub(super) fn take_up(&mut self, number: u64, time: WallTime) -> Vec<Vec<u8>> {
        let (seller, issuer) = self.seller_of(number);
        let at = (seller + 1) % self.nodes.len();
        let proof = proof(number);
        let verifier = verifier_of(&self.community, issuer, &proof);
        let day = u32::try_from(time.unix_s / 86_400).ok();
        let till = &mut self.nodes[at];
        if till.uses.is_multiple_of(64) {
            till.page.clear();
        }
        till.page.push(used_up(verifier));
        let page = u32::try_from(till.uses / 64 % PAGES).unwrap_or(0);
        till.uses += 1;
        let usage = Usage { lane: 1 << 40, page, counters: till.page.clone(), day };
        let first_use = Activation { verifier, proof, begin: time };
        let device =
            Device { verifier, tag: [number as u8; 8], order: 1, day, moves: 1, keepsake: None, spent: None };
        self.write(
            at,
            &[Body::Activation(first_use), Body::Device(Box::new(device)), Body::Usage(Box::new(usage))],
        )
    }

    fn seller_of(&self, number: u64) -> (usize, IssuerNumber) {
        let at = usize::try_from(number % self.nodes.len() as u64).unwrap_or(0);
        (at, IssuerNumber(u16::try_from(at).unwrap_or(0) + 1))
    }

    fn write(&mut self, at: usize, bodies: &[Body]) -> Vec<Vec<u8>> {
        let community = self.community;
        let till = &mut self.nodes[at];
        let mut chain = Chain { key: &till.key, community, seq: till.seq, prev: till.prev };
        let records = bodies.iter().map(|body| chain.write(body, false)).collect();
        (till.seq, till.prev) = (chain.seq, chain.prev);
        records
    }

    /// What a node wrote by itself stands in its chain.
    pub(super) fn wrote(&mut self, at: usize, record: &[u8]) {
        if let Ok(record) = Record::parse(record) {
            (self.nodes[at].seq, self.nodes[at].prev) = (record.seq, Some(record.id));
        }
    }
}

struct Chain<'a> {
    key: &'a SigningKey,
    community: [u8; 32],
    seq: u64,
    prev: Option<RecordId>,
}

impl Chain<'_> {
    fn write(&mut self, body: &Body, signed: bool) -> Vec<u8> {
        self.seq += 1;
        let kind = body.kind().unwrap_or(Kind::Other(0));
        let prev = self.prev.filter(|_| kind.chained());
        let author = self.key.verifying_key().to_bytes();
        let header = Header { community: self.community, kind: kind.number(), author, seq: self.seq, prev };
        let envelope = record::envelope(&header, &body.encode().unwrap_or_default());
        let signature = if signed { self.key.sign(&record::message(&envelope)).to_bytes() } else { [7; 64] };
        let bytes = record::seal(&envelope, &signature);
        if kind.chained() {
            self.prev = Record::id_of(&bytes);
        }
        bytes
    }
}

impl Book {
    /// So many coupons; the last `signed` records can be verified.
    pub(super) fn of(vouchers: u64, signed: usize) -> Result<Self, String> {
        let keys = [1, 2].map(|seed| SigningKey::from_bytes(&[seed; 32]));
        let root = SigningKey::from_bytes(&[9; 32]);
        let dh = [[11; 32], [12; 32]];
        let (mut records, office) = found(&root, &keys, &dh)?;
        let community = office.community().ok_or("a community")?;
        let (plan, _) = office.plan("diez").ok_or("a plan")?;
        let (epoch, _) = office.current_epoch().ok_or("an epoch")?;
        let issuer = IssuerNumber(1);
        let mut bodies = Vec::new();
        let mut counters: Vec<Counter> = Vec::new();
        for lot in 0..vouchers / LOT {
            let proofs: Vec<Proof> = (0..LOT).map(|at| proof(lot * LOT + at)).collect();
            let verifiers: Vec<Verifier> =
                proofs.iter().map(|proof| verifier_of(&community, issuer, proof)).collect();
            let sold = verifiers.clone();
            bodies.push(Body::Issue(Box::new(Issue {
                lot: LotId(lot),
                epoch,
                plan,
                verifiers: sold.clone(),
                issuer,
                for_exchange: false,
            })));
            let person = "ana".to_owned();
            bodies.push(Body::Sale(Box::new(Sale {
                verifiers: sold,
                person,
                price: 50,
                plan,
                external_count: 0,
                time: NOON,
            })));
            for (verifier, proof) in verifiers.into_iter().zip(proofs) {
                bodies.push(Body::Activation(Activation { verifier, proof, begin: NOON }));
                counters.push(used_up(verifier));
            }
        }
        for (page, counters) in counters.chunks(64).enumerate() {
            let page = u32::try_from(page).unwrap_or(u32::MAX);
            let at = bodies.len() - bodies.len() / 3;
            bodies.insert(
                at,
                Body::Usage(Box::new(Usage {
                    lane: 1,
                    page,
                    counters: counters.to_vec(),
                    day: Some(20_000),
                })),
            );
        }
        let mut chain = Chain { key: &keys[0], community, seq: 1_000, prev: None };
        let from = bodies.len().saturating_sub(signed);
        records.extend(bodies.iter().enumerate().map(|(at, body)| chain.write(body, at >= from)));
        Ok(Self { records, keys, dh })
    }

    /// The ledger of one of the two nodes, without the last `lacks` records.
    pub(super) fn ledger(&self, node: usize, lacks: usize) -> Ledger {
        let mut ledger = Ledger::new(self.keys[node].verifying_key().to_bytes(), 1);
        let known = &self.records[..self.records.len() - lacks];
        ledger.handle_journal(known.iter().map(Vec::as_slice));
        ledger
    }
}

/// What a coupon of ten minutes has used at its end.
fn used_up(verifier: Verifier) -> Counter {
    Counter { verifier, used_s: 600, up_bytes: 9_000_000, down_bytes: 90_000_000, elapsed_s: 700 }
}

fn proof(number: u64) -> Proof {
    let mut bytes = [3; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Proof(bytes)
}

fn found(root: &SigningKey, keys: &[SigningKey], dh: &[[u8; 32]]) -> Result<(Vec<Vec<u8>>, Ledger), String> {
    let mut office = Ledger::new(root.verifying_key().to_bytes(), 1);
    let mut bodies = vec![founding::charter(root.verifying_key().to_bytes())];
    for (number, (key, dh)) in keys.iter().zip(dh).enumerate() {
        if let Body::Member(member) =
            founding::member_of(key.verifying_key().to_bytes(), *dh, 2 + number, None)
        {
            let (number, slot) =
                (IssuerNumber(u16::try_from(number).unwrap_or(0) + 1), u8::try_from(number).ok());
            bodies.push(Body::Member(Box::new(Member { float: u64::MAX, number, slot, ..*member })));
        }
    }
    bodies.push(founding::plan("diez", PlanMeasure::UsedSeconds { seconds: 600, within_days: None }));
    let mut records = Vec::new();
    let mut write = |office: &mut Ledger, body: Body| {
        let draft = office.draft(body).map_err(|why| why.to_string())?;
        let signature = root.sign(&draft.message_to_sign).to_bytes();
        records.push(office.complete(draft, signature));
        Ok::<(), String>(())
    };
    for body in bodies {
        write(&mut office, body)?;
    }
    let first = founding::epoch(&office, Vec::new());
    write(&mut office, first)?;
    Ok((records, office))
}
