//! A small village for a thief: real keys in real folders, epochs sealed to them, codes under their coupon secrets.
//!
//! An officer, a treasurer, two sellers; all let guests in. The second seller's state folder is copied byte by byte,
//! and [`Thief`] is whoever holds the copy: he has every key of it, its whole journal, and his own program.

use std::path::{Path, PathBuf};

use ed25519_dalek::{Signer, SigningKey};
use tequio::base::time::{TimeQuality, WallTime};
use tequio::base::voucher::{IssuerNumber, LotId, Proof, Verifier};
use tequio::hotspot::code::Code;
use tequio::ledger::body::{Epoch, Expulsion, SealedShare};
use tequio::ledger::record::{self, Header, RecordId};
use tequio::ledger::{Body, Kind, Ledger, Member, PlanMeasure, Record, Role, Roles, journal, share_context};
use tequio::node::vault::{CodeDone, Vault};
use tequio::platform::vault::{KeyVault, Secrets, seal};

use crate::failure::{Failure, Outcome, io};
use crate::replicas::founding;

/// What a seller's unsettled lots may be worth.
pub const FLOAT: u64 = 10_000;
/// A coupon's price, and the seconds that it holds.
pub const PRICE: u64 = founding::PRICE;
/// What it holds.
pub const HELD_S: u32 = 600;
/// Noon of the day on which all this happens.
pub const NOON: WallTime = WallTime { unix_s: 1_800_000_000, quality: TimeQuality::Trusted };

/// Seats of the village.
pub const OFFICER: usize = 0;
/// The treasurer's.
pub(super) const TREASURER: usize = 1;
/// The honest seller's.
pub const SELLER: usize = 2;
/// That of the seller whose box is stolen.
pub const VICTIM: usize = 3;

/// A node: its folder, its secrets, its ledger.
pub struct Post {
    folder: PathBuf,
    /// Its secrets.
    pub vault: KeyVault,
    /// What it knows.
    pub ledger: Ledger,
}

/// The village, and the root in its drawer.
pub struct Village {
    folder: PathBuf,
    root: SigningKey,
    office: Ledger,
    /// The nodes, in the order of their seats.
    pub posts: Vec<Post>,
    /// Codes of the honest seller's coupons, which nobody has typed; all are sold, the last gives a month.
    pub paper: Vec<CodeDone>,
    /// Codes that the victim sold before the theft.
    pub sold_by_victim: Vec<CodeDone>,
    /// The last records of the victim that everybody knew when it was stolen.
    pub heads: Vec<RecordId>,
}

/// Whoever holds a byte copy of a node's folder.
pub struct Thief {
    /// The secrets in it.
    pub vault: KeyVault,
    /// What its journal says, and what he has signed since.
    pub ledger: Ledger,
    /// What he wants to be believed.
    pub records: Vec<Vec<u8>>,
    /// Codes that he has made.
    pub codes: Vec<CodeDone>,
    /// Vouchers of lots that he has signed.
    pub made: Vec<Verifier>,
    next: u64,
}

impl Post {
    fn new(folder: &Path, seq_start: u64) -> Outcome<Self> {
        std::fs::create_dir_all(folder).map_err(io(format!("the folder {}", folder.display())))?;
        let (mut vault, _) = KeyVault::open(folder, None)
            .map_err(|why| Failure::new("keys in a new folder", why.to_string()))?;
        let ledger = Ledger::new(vault.sign_key(), seq_start);
        Ok(Self { folder: folder.to_path_buf(), vault, ledger })
    }

    /// Its key.
    pub fn key(&self) -> [u8; 32] {
        self.ledger.own_key()
    }

    /// Writes a record by the rules.
    pub fn write(&mut self, body: Body) -> Outcome<Vec<u8>> {
        let draft = self.ledger.draft(body).map_err(|why| Failure::new("a record", why.to_string()))?;
        let signature = self.vault.sign(&draft.message_to_sign);
        Ok(self.ledger.complete(draft, signature))
    }

    /// Takes records as they come over a stream: each is verified.
    pub fn learn(&mut self, records: &[Vec<u8>]) {
        for bytes in records {
            // What makes no sense is not taken; whether it should have been is the checker's business.
            let _ = self.ledger.handle_record(bytes);
        }
        self.open_shares();
    }

    fn open_shares(&mut self) {
        if let Some(community) = self.ledger.community() {
            self.vault.set_community(community);
        }
        for share in self.ledger.own_shares() {
            self.vault.open_share(share.epoch, &share.context, &share.sealed);
        }
    }
}

/// The whole chain of a new code of this issuer, under the coupon secret that the vault holds.
pub(super) fn make(vault: &mut KeyVault, issuer: IssuerNumber, lot: LotId, index: u16) -> Outcome<CodeDone> {
    let work = vault.begin_issue(issuer, lot, index);
    let work = work.ok_or_else(|| Failure::new("the coupon secret of an epoch", "a vault without one"))?;
    loop {
        if let Some(done) = vault.advance(work) {
            return Ok(done);
        }
    }
}

impl Village {
    /// A community in `folder` after a day's work: both sellers have printed and sold.
    pub fn found(folder: &Path) -> Outcome<Self> {
        let mut posts = Vec::new();
        for seat in 0..4_u64 {
            posts.push(Post::new(&folder.join(format!("node-{seat}")), 1_000_000 * (seat + 1))?);
        }
        let root = SigningKey::from_bytes(&[42; 32]);
        let office = Ledger::new(root.verifying_key().to_bytes(), 1);
        let (paper, sold_by_victim, heads) = Default::default();
        let folder = folder.to_path_buf();
        let mut village = Self { folder, root, office, posts, paper, sold_by_victim, heads };
        village.admit_all()?;
        village.work_a_day()?;
        Ok(village)
    }

    fn admit_all(&mut self) -> Outcome<()> {
        let mut bodies = vec![charter(self.root.verifying_key().to_bytes())];
        for (seat, post) in self.posts.iter_mut().enumerate() {
            bodies.push(member(post.key(), post.vault.dh_key(), seat));
        }
        bodies.push(founding::plan("hora", PlanMeasure::UsedSeconds { seconds: HELD_S, within_days: None }));
        bodies.push(founding::plan("mes", PlanMeasure::DaysFromFirstUse { days: 30 }));
        for body in bodies {
            self.by_root(body)?;
        }
        let secrets = Secrets::random().map_err(|why| Failure::new("secrets", why.to_string()))?;
        let members: Vec<([u8; 32], [u8; 32])> =
            self.posts.iter().map(|post| (post.key(), post.vault.dh_key())).collect();
        let epoch = self.sealed_epoch(&secrets, &members, Vec::new())?;
        self.by_root(epoch)
    }

    fn sealed_epoch(
        &self,
        secrets: &Secrets,
        members: &[([u8; 32], [u8; 32])],
        expels: Vec<Expulsion>,
    ) -> Outcome<Body> {
        let community = self.office.community().unwrap_or_default();
        let (follows, number) = self.office.current_epoch().unzip();
        let number = number.unwrap_or(0) + 1;
        let mut shares = Vec::new();
        for (member, dh) in members {
            let context = share_context(&community, Kind::Epoch, number, member);
            let sealed = seal::seal(dh, &context, &secrets.to_bytes());
            let sealed = sealed.ok_or_else(|| Failure::new("a sealed share", "a key that is none"))?;
            shares.push(SealedShare { member: *member, sealed });
        }
        Ok(Body::Epoch(Box::new(Epoch { number, follows, shares, expels })))
    }

    /// The root writes, and everybody learns it.
    fn by_root(&mut self, body: Body) -> Outcome<()> {
        let bytes = self.root_writes(body)?;
        self.posts.iter_mut().for_each(|post| post.learn(std::slice::from_ref(&bytes)));
        Ok(())
    }

    fn root_writes(&mut self, body: Body) -> Outcome<Vec<u8>> {
        let draft = self.office.draft(body).map_err(|why| Failure::new("a record", why.to_string()))?;
        let signature = self.root.sign(&draft.message_to_sign).to_bytes();
        Ok(self.office.complete(draft, signature))
    }

    fn work_a_day(&mut self) -> Outcome<()> {
        for (seat, count) in [(SELLER, 3), (VICTIM, 4)] {
            let mut codes = Vec::new();
            for (plan, many) in [("hora", count), ("mes", 1)] {
                let lot = LotId(10 * seat as u64 + many);
                let issuer = IssuerNumber(u16::try_from(seat).unwrap_or(0) + 1);
                let post = &mut self.posts[seat];
                let made: Vec<CodeDone> = (0..u16::try_from(many).unwrap_or(0))
                    .map(|index| make(&mut post.vault, issuer, lot, index))
                    .collect::<Outcome<_>>()?;
                let verifiers: Vec<Verifier> = made.iter().map(|code| code.verifier).collect();
                let text = |why: tequio::ledger::DraftError| Failure::new("a lot", why.to_string());
                let body = post.ledger.issue_body(lot, plan, verifiers.clone()).map_err(text)?;
                let lot = post.write(body)?;
                let body = post.ledger.sale_body(verifiers, "ana", NOON).map_err(text)?;
                let sale = post.write(body)?;
                self.posts.iter_mut().for_each(|other| other.learn(&[lot.clone(), sale.clone()]));
                codes.extend(made);
            }
            if seat == SELLER { self.paper = codes } else { self.sold_by_victim = codes }
        }
        self.heads = self.posts[OFFICER].ledger.heads(&self.posts[VICTIM].key());
        Ok(())
    }

    /// The box of this seat is copied, byte by byte: keys and journal.
    pub fn steal(&self, seat: usize) -> Outcome<Thief> {
        let from = &self.posts[seat];
        // The journal as the daemon leaves it; its checksums are of a key that is of no interest to a thief.
        let mut bytes = journal::HEADER.to_vec();
        let held = from.ledger.held().filter_map(|(_, id)| from.ledger.bytes_of(id));
        held.for_each(|record| bytes.extend(journal::frame(&[5; 32], &record)));
        let write = |path: &Path, bytes: &[u8]| {
            std::fs::write(path, bytes).map_err(io(format!("to write {}", path.display())))
        };
        write(&from.folder.join("journal"), &bytes)?;
        let copy = self.folder.join("copy");
        std::fs::create_dir_all(&copy).map_err(io("the thief's folder"))?;
        for name in ["keys", "journal"] {
            std::fs::copy(from.folder.join(name), copy.join(name)).map_err(io(format!("to copy {name}")))?;
        }
        Thief::open(&copy)
    }

    /// A counted expulsion of a key, as the officer or the root writes it.
    pub fn expulsion(&mut self, seat: usize, heads: Vec<RecordId>) -> Outcome<Vec<u8>> {
        let known: Vec<Vec<u8>> = self.posts[OFFICER].ledger.written().collect();
        self.office.handle_journal(known.iter().map(Vec::as_slice));
        let key = self.posts[seat].key();
        let secrets = Secrets::random().map_err(|why| Failure::new("secrets", why.to_string()))?;
        let stay: Vec<([u8; 32], [u8; 32])> = self
            .posts
            .iter()
            .filter(|post| post.key() != key)
            .map(|post| (post.key(), post.vault.dh_key()))
            .collect();
        let body = self.sealed_epoch(&secrets, &stay, vec![Expulsion { member: key, heads }])?;
        if seat == OFFICER {
            return self.root_writes(body);
        }
        // Written on paper, so to speak: the officer's own node learns it with the others.
        let before = self.posts[OFFICER].ledger.clone();
        let written = self.posts[OFFICER].write(body);
        self.posts[OFFICER].ledger = before;
        written
    }

    /// What all know that one of these knows.
    pub fn meet(&mut self, seats: &[usize]) {
        let mut all: Vec<Vec<u8>> = Vec::new();
        for seat in seats {
            let ledger = &self.posts[*seat].ledger;
            all.extend(ledger.held().filter_map(|(_, id)| ledger.bytes_of(id)));
        }
        seats.iter().for_each(|seat| self.posts[*seat].learn(&all));
    }
}

impl Thief {
    fn open(folder: &Path) -> Outcome<Self> {
        let (mut vault, _) = KeyVault::open(folder, None)
            .map_err(|why| Failure::new("the keys of the copy", why.to_string()))?;
        let bytes = std::fs::read(folder.join("journal")).map_err(io("the journal of the copy"))?;
        let scan = journal::scan(&[0; 32], &bytes)
            .map_err(|why| Failure::new("the journal of the copy", why.to_string()))?;
        let mut ledger = Ledger::new(vault.sign_key(), 77);
        let refused = ledger.handle_journal(scan.records.into_iter().map(|range| &bytes[range]));
        if refused > 0 || ledger.community().is_none() {
            return Err(Failure::new("a whole journal", format!("{refused} records make no sense")));
        }
        let mut thief =
            Self { vault, ledger, records: Vec::new(), codes: Vec::new(), made: Vec::new(), next: 0 };
        thief.vault.set_community(thief.ledger.community().unwrap_or_default());
        for share in thief.ledger.own_shares() {
            thief.vault.open_share(share.epoch, &share.context, &share.sealed);
        }
        Ok(thief)
    }

    /// Signs whatever he wants, with whatever number, behind whatever record.
    pub fn forge(&mut self, seq: u64, prev: Option<RecordId>, body: &Body) -> Outcome<RecordId> {
        let (community, kind) = (self.ledger.community().unwrap_or_default(), body.kind());
        let kind = kind.ok_or_else(|| Failure::new("a kind", "a body without one"))?.number();
        let header = Header { community, kind, author: self.ledger.own_key(), seq, prev };
        let body = body.encode().ok_or_else(|| Failure::new("a body", "nothing"))?;
        let envelope = record::envelope(&header, &body);
        let bytes = record::seal(&envelope, &self.vault.sign(&record::message(&envelope)));
        let id = Record::id_of(&bytes).ok_or_else(|| Failure::new("a record", "bytes that are none"))?;
        self.records.push(bytes);
        Ok(id)
    }

    /// The same, behind the last record of the stolen box.
    pub fn go_on(&mut self, body: &Body) -> Outcome<RecordId> {
        let prev = self.ledger.heads(&self.ledger.own_key()).first().copied();
        let prev = prev.filter(|_| body.kind().is_some_and(Kind::chained));
        self.next += 1;
        self.forge((1 << 40) + self.next, prev, body)
    }

    /// Verifiers that nobody has made a code for: enough for a lot.
    pub fn invented(&mut self, count: usize) -> Vec<Verifier> {
        (0..count)
            .map(|_| {
                self.next += 1;
                let mut proof = [7; 16];
                proof[..8].copy_from_slice(&self.next.to_be_bytes());
                let community = self.ledger.community().unwrap_or_default();
                tequio::ledger::proof::verifier_of(&community, self.number(), &Proof(proof))
            })
            .collect()
    }

    /// The number in the stolen box's codes.
    pub fn number(&self) -> IssuerNumber {
        self.ledger.own_member().map_or(IssuerNumber(0), |member| member.number)
    }
}

/// Whether a code would open a session at this node, as the node itself decides.
pub(super) fn opens(post: &Post, code: &Code, verifier: Verifier) -> bool {
    let voucher = post.ledger.voucher_of(code.issuer(), verifier);
    voucher.is_some_and(|voucher| !voucher.revoked && !voucher.exchanged)
}

fn charter(root: [u8; 32]) -> Body {
    let mut body = founding::charter(root);
    if let Body::Charter(charter) = &mut body {
        charter.provisional_plan = Some("hora".into());
    }
    body
}

/// A member's record.
pub(super) fn member(key: [u8; 32], dh: [u8; 32], seat: usize) -> Body {
    let own: &[Role] = match seat {
        OFFICER => &[Role::Officer],
        TREASURER => &[Role::Treasurer],
        _ => &[Role::Seller],
    };
    let number = u16::try_from(seat).unwrap_or(500) + 1;
    Body::Member(Box::new(Member {
        key,
        dh,
        name: format!("nodo {number}"),
        number: IssuerNumber(number),
        slot: u8::try_from(seat).ok().filter(|slot| *slot < 60),
        roles: own.iter().fold(Roles::NONE.with(Role::Hotspot), |roles, role| roles.with(*role)),
        float: FLOAT,
        replaces: Vec::new(),
        heads: Vec::new(),
        instead_of: None,
    }))
}
