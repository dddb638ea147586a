//! A ledger with as many coupons as one likes: lots of 20, each sold and typed at the node that made it, their counters
//! on full pages. Records are signed where somebody will verify them.

use ed25519_dalek::{Signer, SigningKey};
use tequio::base::time::WallTime;
use tequio::base::voucher::{IssuerNumber, LotId, Proof, Verifier};
use tequio::ledger::body::{Activation, Issue, PlanMeasure, Sale, Usage};
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

/// A node that sells and lets guests in, a lot a day and more.
pub(super) struct Shop {
    pub(super) keys: [SigningKey; 2],
    community: [u8; 32],
    plan: RecordId,
    epoch: RecordId,
    seq: u64,
    prev: Option<RecordId>,
    /// Counters that no page has yet.
    counters: Vec<Counter>,
    page: u32,
}

impl Shop {
    /// A community of two nodes, and its founding records.
    pub(super) fn found() -> Result<(Vec<Vec<u8>>, Self), String> {
        let keys = [1, 2].map(|seed| SigningKey::from_bytes(&[seed; 32]));
        let (records, office) = found(&SigningKey::from_bytes(&[9; 32]), &keys, &[[11; 32], [12; 32]])?;
        let community = office.community().ok_or("a community")?;
        let (plan, _) = office.plan("diez").ok_or("a plan")?;
        let (epoch, _) = office.current_epoch().ok_or("an epoch")?;
        let (counters, page) = (Vec::new(), 0);
        Ok((records, Self { keys, community, plan, epoch, seq: 1_000, prev: None, counters, page }))
    }

    /// A lot that is sold at once, and all of whose coupons but one of so many are typed and used up.
    pub(super) fn lot(&mut self, lot: u64, time: WallTime, lost: u64) -> Vec<Vec<u8>> {
        let (plan, epoch, issuer) = (self.plan, self.epoch, IssuerNumber(1));
        let proofs: Vec<Proof> = (0..LOT).map(|at| proof(lot * LOT + at)).collect();
        let verifiers: Vec<Verifier> =
            proofs.iter().map(|proof| verifier_of(&self.community, issuer, proof)).collect();
        let mut bodies = vec![
            Body::Issue(Issue {
                lot: LotId(lot),
                epoch,
                plan,
                verifiers: verifiers.clone(),
                issuer,
                for_exchange: false,
            }),
            Body::Sale(Sale {
                verifiers: verifiers.clone(),
                person: "ana".to_owned(),
                price: 50,
                plan,
                external_count: 0,
                time,
            }),
        ];
        let typed = (lot * LOT..).zip(verifiers.into_iter().zip(proofs));
        for (_, (verifier, proof)) in typed.filter(|(number, _)| number % lost != 0) {
            bodies.push(Body::Activation(Activation { verifier, proof, begin: time }));
            self.counters.push(Counter {
                verifier,
                used_s: 600,
                up_bytes: 9_000_000,
                down_bytes: 90_000_000,
                elapsed_s: 700,
            });
        }
        if self.counters.len() >= 64 {
            let rest = self.counters.split_off(64);
            let counters = std::mem::replace(&mut self.counters, rest);
            bodies.push(Body::Usage(Usage { lane: 1, page: self.page, counters, day: Some(20_000) }));
            self.page += 1;
        }
        let mut chain =
            Chain { key: &self.keys[0], community: self.community, seq: self.seq, prev: self.prev };
        let records = bodies.iter().map(|body| chain.write(body, false)).collect();
        (self.seq, self.prev) = (chain.seq, chain.prev);
        records
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
            bodies.push(Body::Issue(Issue {
                lot: LotId(lot),
                epoch,
                plan,
                verifiers: sold.clone(),
                issuer,
                for_exchange: false,
            }));
            let person = "ana".to_owned();
            bodies.push(Body::Sale(Sale {
                verifiers: sold,
                person,
                price: 50,
                plan,
                external_count: 0,
                time: NOON,
            }));
            for (verifier, proof) in verifiers.into_iter().zip(proofs) {
                bodies.push(Body::Activation(Activation { verifier, proof, begin: NOON }));
                counters.push(Counter {
                    verifier,
                    used_s: 600,
                    up_bytes: 9_000_000,
                    down_bytes: 90_000_000,
                    elapsed_s: 700,
                });
            }
        }
        for (page, counters) in counters.chunks(64).enumerate() {
            let page = u32::try_from(page).unwrap_or(u32::MAX);
            let at = bodies.len() - bodies.len() / 3;
            bodies.insert(
                at,
                Body::Usage(Usage { lane: 1, page, counters: counters.to_vec(), day: Some(20_000) }),
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

fn proof(number: u64) -> Proof {
    let mut bytes = [3; 16];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    Proof(bytes)
}

fn found(
    root: &SigningKey,
    keys: &[SigningKey; 2],
    dh: &[[u8; 32]; 2],
) -> Result<(Vec<Vec<u8>>, Ledger), String> {
    let mut office = Ledger::new(root.verifying_key().to_bytes(), 1);
    let mut bodies = vec![founding::charter(root.verifying_key().to_bytes())];
    for (number, (key, dh)) in keys.iter().zip(dh).enumerate() {
        if let Body::Member(member) =
            founding::member_of(key.verifying_key().to_bytes(), *dh, 2 + number, None)
        {
            let number = IssuerNumber(u16::try_from(number).unwrap_or(0) + 1);
            bodies.push(Body::Member(Member { float: u64::MAX, number, ..member }));
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
