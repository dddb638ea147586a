//! Those who keep the root: they found the community, rotate, expel.

use ed25519_dalek::{Signer, SigningKey};
use tequio::base::voucher::IssuerNumber;
use tequio::ledger::body::{Epoch, Expulsion, PaperDebt, SealedShare, Succession};
use tequio::ledger::{
    Body, Charter, Kind, Ledger, Member, Plan, PlanMeasure, RecordId, Roles, share_context,
};
use tequio::platform::vault::{Secrets, seal};

use crate::mesh::Mesh;

/// A root key, and what it has signed.
pub(crate) struct Assembly {
    root: SigningKey,
    ledger: Ledger,
}

impl Assembly {
    /// A community of these members, under its first epoch; their journals hold its records.
    pub(crate) fn found(mesh: &mut Mesh, members: &[usize]) -> Self {
        let root = SigningKey::from_bytes(&[7; 32]);
        let key = root.verifying_key().to_bytes();
        let mut assembly = Self { root, ledger: Ledger::new(key, 1) };
        let mut records = vec![assembly.write(Body::Charter(Box::new(charter(key))))];
        for seat in members {
            records.push(assembly.admit(mesh, *seat));
        }
        records.push(assembly.rotate(mesh, members, &[]));
        for seat in members {
            mesh.seats[*seat].journal.extend_from_slice(&records);
        }
        assembly
    }

    /// A node becomes a member.
    pub(crate) fn admit(&mut self, mesh: &Mesh, seat: usize) -> Vec<u8> {
        self.admit_as(mesh, seat, Roles::NONE)
    }

    /// A node becomes a member with these roles.
    pub(crate) fn admit_as(&mut self, mesh: &Mesh, seat: usize, roles: Roles) -> Vec<u8> {
        self.admit_under(mesh, seat, u16::try_from(seat + 1).expect("a small number"), roles)
    }

    /// The same under any number, also one that somebody has.
    pub(crate) fn admit_under(&mut self, mesh: &Mesh, seat: usize, number: u16, roles: Roles) -> Vec<u8> {
        self.write(Body::Member(Box::new(Member {
            key: mesh.seats[seat].key,
            dh: mesh.seats[seat].vault.dh_key(),
            name: format!("nodo-{seat}"),
            number: IssuerNumber(number),
            slot: u8::try_from(seat).ok(),
            roles,
            float: 0,
            replaces: Vec::new(),
            heads: Vec::new(),
            instead_of: None,
        })))
    }

    /// Something on sale, for nothing: a float has room for it.
    pub(crate) fn plan(&mut self) -> Vec<u8> {
        self.write(Body::Plan(Box::new(Plan {
            id: "hora".into(),
            name: "Una hora".into(),
            measure: PlanMeasure::UsedSeconds { seconds: 3_600, within_days: None },
            devices: 1,
            rate_down_kbps: 0,
            rate_up_kbps: 0,
            price: 0,
            seller_share: 0,
            shares: Vec::new(),
            replaces: Vec::new(),
            hours: None,
            data_mb: None,
            sellers: None,
        })))
    }

    /// New secrets for some, and nothing any more for others.
    pub(crate) fn rotate(&mut self, mesh: &Mesh, to: &[usize], expelled: &[usize]) -> Vec<u8> {
        let (follows, before) = self.ledger.current_epoch().unzip();
        self.rotate_behind(mesh, follows, before.unwrap_or(0) + 1, to, expelled)
    }

    /// The same behind any epoch, as on the far side of a split.
    pub(crate) fn rotate_behind(
        &mut self,
        mesh: &Mesh,
        follows: Option<RecordId>,
        number: u32,
        to: &[usize],
        expelled: &[usize],
    ) -> Vec<u8> {
        let secrets = Secrets::random().expect("randomness");
        let community = self.ledger.community().expect("it was founded");
        let share = |seat: &usize| {
            let one = &mesh.seats[*seat];
            let context = share_context(&community, Kind::Epoch, number, &one.key);
            let sealed = seal::seal(&one.vault.dh_key(), &context, &secrets.to_bytes());
            SealedShare { member: one.key, sealed: sealed.expect("randomness") }
        };
        let expels =
            expelled.iter().map(|seat| Expulsion { member: mesh.seats[*seat].key, heads: Vec::new() });
        let body =
            Epoch { number, follows, shares: to.iter().map(share).collect(), expels: expels.collect() };
        self.write(Body::Epoch(Box::new(body)))
    }

    /// Somebody who has lost this root makes another one; its key.
    pub(crate) fn succeed(&mut self) -> ([u8; 32], Vec<u8>) {
        let before = self.root.verifying_key().to_bytes();
        let heads = self.ledger.heads(&before);
        let (root, mut ledger) = (SigningKey::from_bytes(&[8; 32]), self.ledger.clone());
        let key = root.verifying_key().to_bytes();
        let mut heir = Ledger::new(key, 1);
        let known: Vec<Vec<u8>> = ledger.written().collect();
        for record in &known {
            heir.handle_stored(record).expect("it was good here");
        }
        std::mem::swap(&mut ledger, &mut heir);
        (self.root, self.ledger) = (root, ledger);
        let record = self.write(Body::Succession(Box::new(Succession { root: key, before, heads })));
        self.ledger.accept_root(key);
        (key, record)
    }

    /// The epoch whose secrets are current, as far as the root knows.
    pub(crate) fn epoch(&self) -> (RecordId, u32) {
        self.ledger.current_epoch().expect("there is one")
    }

    /// Another one with the same records, who has not heard of what this one signs later.
    pub(crate) fn apart(&self) -> Self {
        Self { root: self.root.clone(), ledger: self.ledger.clone() }
    }

    /// Takes in what others have signed.
    pub(crate) fn take(&mut self, records: &[Vec<u8>]) {
        for record in records {
            self.ledger.handle_record(record).expect("a journal holds good records");
        }
    }

    fn write(&mut self, body: Body) -> Vec<u8> {
        let draft = self.ledger.draft(body).expect("the root may");
        let signature = self.root.sign(&draft.message_to_sign).to_bytes();
        self.ledger.complete(draft, signature)
    }
}

fn charter(root: [u8; 32]) -> Charter {
    Charter {
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
        hour_rate: 0,
        ssids: Vec::new(),
        provisional_plan: None,
    }
}
