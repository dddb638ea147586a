//! The node's secrets, and the only place that has them.
//!
//! Four keys of its own, made at the first start ([`keys`]); the secrets of the epochs that it holds a
//! share of, in memory only ([`seal`] opens them). Nothing here is ever an `Input`, a snapshot or a log
//! line: [`KeyVault`] answers questions (`node::vault`), and what it holds is wiped when it goes.

use std::path::Path;

use blake2::Blake2sMac;
use blake2::digest::consts::U8;
use ed25519_dalek::{Signer, SigningKey};
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::{Zeroize, Zeroizing};

use crate::babel::auth::mac;
use crate::babel::auth::settings::Algorithm;
use crate::base::address::MacAddress;
use crate::base::limit::{ROAM_VOUCHERS, VAULT_EPOCHS, VAULT_WORK};
use crate::base::sorted::SortedMap;
use crate::base::voucher::{IssuerNumber, LotId, Verifier};
use crate::hotspot::code::{self, Chain, Code, CouponKey, IssuerKey};
use crate::node::vault::{CodeDone, Vault, WorkId};
use crate::platform::streams::StreamKey;

pub mod backup;
mod blake2s;
pub(crate) mod keys;
pub mod seal;

use self::keys::NodeKeys;
pub use self::keys::{Opened, VaultError, board};

/// Hashes of one slice: 16 slices a code, each about 2 million instructions on a router.
const SLICE: u32 = 1_024;

/// The secrets of one node.
pub struct KeyVault {
    sign: SigningKey,
    keys: NodeKeys,
    community: Option<[u8; 32]>,
    /// Secrets by the order in which they were opened, the current ones last.
    epochs: Vec<Epoch>,
    work: SortedMap<WorkId, Work>,
    next_work: u32,
    /// Keys of the mesh: static ones by their names in the configuration, those of epochs by names with a `/`.
    mesh: SortedMap<String, MeshKey>,
}

/// A key of the mesh: as the configuration gives it, or as it follows from an epoch's secret.
pub struct MeshKey {
    /// What MACs are made by.
    pub algorithm: Algorithm,
    /// The key itself.
    pub secret: Zeroizing<Vec<u8>>,
}

/// The key of the journal's checksums.
pub struct JournalKey(pub(crate) [u8; 32]);

/// What is sealed to a member.
pub struct Secrets {
    /// For routing.
    pub routing: [u8; 32],
    /// For vouchers; only members that sell or admit have it.
    pub coupon: Option<[u8; 32]>,
}

struct Epoch {
    number: u32,
    secrets: Secrets,
}

struct Work {
    code: Code,
    chain: Chain,
}

impl KeyVault {
    /// The secrets of the node whose state is in this folder, on this board.
    pub fn open(state: &Path, board: Option<MacAddress>) -> Result<(Self, Opened), VaultError> {
        NodeKeys::open(state, board).map(|(keys, opened)| (Self::of(keys), opened))
    }

    /// A vault of fresh keys that are nowhere else: for simulated nodes.
    pub fn fresh() -> Result<Self, VaultError> {
        NodeKeys::random().map(Self::of)
    }

    /// The node's public X25519 key, to which shares are sealed.
    pub fn dh_key(&self) -> [u8; 32] {
        seal::public_key(&self.keys.dh).expect("X25519 is among the primitives that snow was built with")
    }

    /// The same node's private key, for its streams.
    pub fn stream_key(&self) -> StreamKey {
        StreamKey(Zeroizing::new(self.keys.dh))
    }

    /// The `number`th passphrase of a radio link to the member with this X25519 key: both ends come to the same, and nobody
    /// else does. `None` if that is no key.
    pub fn link_key(&self, peer: &[u8; 32], number: u32) -> Option<Zeroizing<String>> {
        let shared = seal::shared(&self.keys.dh, peer)?;
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&*shared).ok()?;
        mac.update(b"tequio link key 1\0");
        mac.update(&number.to_be_bytes());
        let mut key = Zeroizing::new(String::new());
        mac.finalize().into_bytes().iter().take(16).for_each(|byte| keys::push_hex(&mut key, *byte));
        Some(key)
    }

    /// The key of the journal's checksums.
    pub const fn journal_key(&self) -> JournalKey {
        JournalKey(self.keys.journal)
    }

    /// The static keys of the mesh from now on; those of epochs stay.
    pub fn set_mesh_keys(&mut self, keys: SortedMap<String, MeshKey>) {
        self.mesh.retain(|name, _| name.contains('/'));
        self.mesh.extend(keys);
    }

    fn unseal(&self, context: &[u8], sealed: &[u8]) -> Option<Secrets> {
        Secrets::from_bytes(&seal::open(&self.keys.dh, context, sealed)?)
    }

    fn of(keys: NodeKeys) -> Self {
        Self {
            sign: SigningKey::from_bytes(&keys.sign),
            keys,
            community: None,
            epochs: Vec::new(),
            work: SortedMap::new(),
            next_work: 0,
            mesh: SortedMap::new(),
        }
    }

    /// Keeps an epoch's secrets, as the current ones if no newer epoch is held. Of two shares of one epoch
    /// the one with the coupon secret says more.
    fn keep(&mut self, number: u32, mut secrets: Secrets) {
        let same = |epoch: &Epoch| epoch.number == number && epoch.secrets.routing == secrets.routing;
        if let Some(at) = self.epochs.iter().position(same) {
            let held = self.epochs.remove(at);
            secrets.coupon = secrets.coupon.or(held.secrets.coupon);
        }
        let place = self.epochs.partition_point(|epoch| epoch.number <= number);
        self.epochs.insert(place, Epoch { number, secrets });
        if self.epochs.len() > VAULT_EPOCHS {
            self.epochs.remove(0);
        }
    }

    /// The coupon key of the newest epoch that has one for this node.
    fn coupon_key(&self) -> Option<CouponKey> {
        self.epochs.iter().rev().find_map(|epoch| epoch.secrets.coupon_key())
    }

    fn begin(&mut self, community: &[u8; 32], code: Code) -> Option<WorkId> {
        if self.work.len() >= VAULT_WORK {
            return None;
        }
        self.next_work = self.next_work.wrapping_add(1);
        let id = WorkId(self.next_work);
        self.work.insert(id, Work { code, chain: Chain::new(community, code) });
        Some(id)
    }
}

impl Vault for KeyVault {
    fn sign_key(&mut self) -> [u8; 32] {
        self.sign.verifying_key().to_bytes()
    }

    fn sign(&mut self, message: &[u8]) -> [u8; 64] {
        self.sign.sign(message).to_bytes()
    }

    fn open_share(&mut self, epoch: u32, context: &[u8], sealed: &[u8]) -> bool {
        self.unseal(context, sealed).map(|secrets| self.keep(epoch, secrets)).is_some()
    }

    fn seal_share(
        &mut self,
        own_context: &[u8],
        own: &[u8],
        dh: &[u8; 32],
        context: &[u8],
        coupon: bool,
    ) -> Vec<u8> {
        let Some(mut secrets) = self.unseal(own_context, own) else { return Vec::new() };
        if !coupon {
            secrets.coupon.zeroize();
            secrets.coupon = None;
        }
        let is_whole = secrets.coupon.is_some() == coupon;
        is_whole.then(|| seal::seal(dh, context, &secrets.to_bytes())).flatten().unwrap_or_default()
    }

    fn open_babel_key(&mut self, name: &str, context: &[u8], sealed: &[u8]) -> bool {
        let Some(secrets) = self.unseal(context, sealed) else { return false };
        let secret = Zeroizing::new(derive(&secrets.routing, "babel").to_vec());
        self.mesh.insert(name.to_owned(), MeshKey { algorithm: Algorithm::Blake2s128, secret });
        true
    }

    fn forget_babel_key(&mut self, name: &str) {
        self.mesh.remove(name);
    }

    fn set_community(&mut self, community: [u8; 32]) {
        self.community = Some(community);
    }

    fn begin_issue(&mut self, issuer: IssuerNumber, lot: LotId, index: u16) -> Option<WorkId> {
        let community = self.community?;
        let coupon = self.coupon_key()?;
        let mut key = self.keys.issuer;
        let code = code::make(&community, &coupon, &IssuerKey::new(key), issuer, lot, index);
        key.zeroize();
        self.begin(&community, code)
    }

    fn begin_check(&mut self, code: &Code) -> Option<WorkId> {
        let community = self.community?;
        let mut keys = self.epochs.iter().rev().filter_map(|epoch| epoch.secrets.coupon_key());
        let fits = keys.any(|key| code::tag_fits(&community, &key, *code));
        if fits { self.begin(&community, *code) } else { None }
    }

    fn fits_epoch(&mut self, code: &Code, epoch: u32) -> bool {
        let newest = self.epochs.iter().rev().find(|one| one.number == epoch);
        let key = newest.and_then(|one| one.secrets.coupon_key());
        self.community.zip(key).is_some_and(|(community, key)| code::tag_fits(&community, &key, *code))
    }

    fn advance(&mut self, work: WorkId) -> Option<CodeDone> {
        let (verifier, proof) = self.work.get_mut(&work)?.chain.advance(SLICE)?;
        let done = self.work.remove(&work)?;
        Some(CodeDone { code: done.code, verifier, proof })
    }

    fn forget(&mut self, work: WorkId) {
        self.work.remove(&work);
    }

    fn babel_mac(&mut self, key: &str, message: &[u8]) -> Vec<u8> {
        let key = self.mesh.get(key);
        key.map_or_else(Vec::new, |key| mac::compute(key.algorithm, &key.secret, message))
    }

    fn babel_verify(&mut self, key: &str, message: &[u8], macs: &[&[u8]]) -> bool {
        self.mesh.get(key).is_some_and(|key| mac::verify(key.algorithm, &key.secret, message, macs))
    }

    fn device_tag(&mut self, voucher: Verifier, mac: MacAddress) -> [u8; 8] {
        tag_of(self.device_mac(), voucher, mac)
    }

    fn find_devices(&mut self, mac: MacAddress, tags: &[(Verifier, [u8; 8])]) -> Vec<(Verifier, [u8; 8])> {
        // The key is derived and put in once for all of them.
        let keyed = self.device_mac();
        let is_own = |(voucher, tag): &&(Verifier, [u8; 8])| tag_of(keyed.clone(), *voucher, mac) == *tag;
        tags.iter().filter(is_own).take(ROAM_VOUCHERS).copied().collect()
    }
}

impl KeyVault {
    /// What hashes devices, with its key in.
    fn device_mac(&self) -> Blake2sMac<U8> {
        let newest = self.epochs.iter().rev().find_map(|epoch| epoch.secrets.coupon);
        let key = match newest {
            Some(coupon) => derive(&coupon, "device"),
            None => derive(&self.keys.issuer, "device"),
        };
        <Blake2sMac<U8> as blake2::digest::KeyInit>::new_from_slice(&key[..])
            .expect("BLAKE2s takes keys of up to 32 bytes")
    }
}

fn tag_of(mut keyed: Blake2sMac<U8>, voucher: Verifier, mac: MacAddress) -> [u8; 8] {
    blake2::digest::Mac::update(&mut keyed, &voucher.0);
    blake2::digest::Mac::update(&mut keyed, &mac.0);
    blake2::digest::Mac::finalize(keyed).into_bytes().into()
}

impl Secrets {
    /// Fresh ones.
    pub fn random() -> Result<Self, VaultError> {
        let (mut routing, mut coupon) = ([0; 32], [0; 32]);
        getrandom::fill(&mut routing).map_err(|_| VaultError::NoRandomness)?;
        getrandom::fill(&mut coupon).map_err(|_| VaultError::NoRandomness)?;
        Ok(Self { routing, coupon: Some(coupon) })
    }

    /// What is sealed: the routing secret, and the coupon secret for those who sell or admit.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([&self.routing[..], self.coupon.as_ref().map_or(&[][..], |coupon| coupon)].concat())
    }

    /// Reads [`Self::to_bytes`]; bytes that a later version adds are ignored.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let routing = *bytes.first_chunk::<32>()?;
        Some(Self { routing, coupon: bytes[32..].first_chunk::<32>().copied() })
    }

    fn coupon_key(&self) -> Option<CouponKey> {
        let mut key = derive(&self.coupon?, "coupon");
        let coupon = CouponKey::new(*key);
        key.zeroize();
        Some(coupon)
    }
}

impl Drop for Secrets {
    fn drop(&mut self) {
        self.routing.zeroize();
        self.coupon.zeroize();
    }
}

impl Drop for JournalKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

/// HKDF with SHA-256 (RFC 5869), one block: labels keep the uses of a secret apart.
fn derive(secret: &[u8; 32], label: &str) -> Zeroizing<[u8; 32]> {
    let mut extract = hmac(b"tequio hkdf 1");
    extract.update(secret);
    let mut prk = extract.finalize().into_bytes();
    let mut expand = hmac(&prk);
    prk.as_mut_slice().zeroize();
    expand.update(label.as_bytes());
    expand.update(&[1]);
    let mut block = expand.finalize().into_bytes();
    let key = Zeroizing::new(block.into());
    block.as_mut_slice().zeroize();
    key
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    <Hmac<Sha256> as Mac>::new_from_slice(key).expect("HMAC takes keys of any length")
}

#[cfg(test)]
pub(crate) mod tests;
