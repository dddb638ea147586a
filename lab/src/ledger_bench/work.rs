//! Work whose instructions are counted from outside (`scripts/bench-ledger.sh`), and the sizes of a day's records.

use ed25519_dalek::{Signer, SigningKey};
use tequio::base::time::{TimeQuality, WallTime};
use tequio::base::voucher::{IssuerNumber, LotId, Proof, Verifier};
use tequio::hotspot::code::{self, Chain, CouponKey, IssuerKey};
use tequio::ledger::body::{Activation, Device, Issue, Sale, Usage};
use tequio::ledger::record::{self, Header, RecordId};
use tequio::ledger::{Body, Counter, Record};

use crate::failure::{Failure, Outcome};

const NOON: WallTime = WallTime { unix_s: 1_800_000_000, quality: TimeQuality::Trusted };
const COMMUNITY: [u8; 32] = [3; 32];

/// Octets of records.
pub(super) struct Sizes {
    pub(super) lot: u64,
    pub(super) sale: u64,
    pub(super) first_use: u64,
    pub(super) device: u64,
    pub(super) page: u64,
}

/// Of one coupon: its lot, its sale, its first use, its device; and a full page of counters.
pub(super) fn sizes() -> Outcome<Sizes> {
    let (plan, epoch) = (RecordId([1; 32]), RecordId([2; 32]));
    let verifier = Verifier([0xee; 8]);
    let verifiers = vec![verifier];
    let issuer = IssuerNumber(300);
    let counter =
        Counter { verifier, used_s: 3_600, up_bytes: 1 << 28, down_bytes: 1 << 31, elapsed_s: 90_000 };
    let lot =
        Issue { lot: LotId(1 << 60), epoch, plan, verifiers: verifiers.clone(), issuer, for_exchange: false };
    let sale = Sale { verifiers, person: "ana".into(), price: 50, plan, external_count: 0, time: NOON };
    let first_use = Activation { verifier, proof: Proof([9; 16]), begin: NOON };
    let device =
        Device { verifier, tag: [1; 8], order: 1, day: Some(20_000), moves: 1, keepsake: None, spent: None };
    let page = Usage { lane: 1 << 40, page: 9, counters: vec![counter; 64], day: Some(20_000) };
    let size = |body: Body| signed(&body).map(|bytes| bytes.len() as u64);
    Ok(Sizes {
        lot: size(Body::Issue(Box::new(lot)))?,
        sale: size(Body::Sale(Box::new(sale)))?,
        first_use: size(Body::Activation(first_use))?,
        device: size(Body::Device(Box::new(device)))?,
        page: size(Body::Usage(Box::new(page)))?,
    })
}

fn signed(body: &Body) -> Outcome<Vec<u8>> {
    let key = SigningKey::from_bytes(&[4; 32]);
    let kind = body.kind().ok_or_else(|| Failure::new("a kind", "none"))?;
    let author = key.verifying_key().to_bytes();
    let prev = kind.chained().then_some(RecordId([6; 32]));
    let header = Header { community: COMMUNITY, kind: kind.number(), author, seq: 1 << 33, prev };
    let body = body.encode().ok_or_else(|| Failure::new("a body", "none"))?;
    let envelope = record::envelope(&header, &body);
    Ok(record::seal(&envelope, &key.sign(&record::message(&envelope)).to_bytes()))
}

/// Does a piece of work so many times; all of it is valid.
pub fn run(what: &str, times: u32) -> Outcome<()> {
    let first_use = Activation { verifier: Verifier([1; 8]), proof: Proof([9; 16]), begin: NOON };
    let bytes = signed(&Body::Activation(first_use))?;
    let coupon = CouponKey::new([5; 32]);
    let typed = code::make(&COMMUNITY, &coupon, &IssuerKey::new([6; 32]), IssuerNumber(3), LotId(1), 0);
    for _ in 0..times {
        let well = match what {
            "verify" => Record::parse(&bytes).is_ok_and(|record| record.verify(&bytes).is_ok()),
            "code" => {
                code::tag_fits(&COMMUNITY, &coupon, typed)
                    && Chain::new(&COMMUNITY, typed).advance(u32::MAX).is_some()
            }
            other => return Err(Failure::new("verify or code", other)),
        };
        if !well {
            return Err(Failure::new("valid work", what));
        }
    }
    Ok(())
}
