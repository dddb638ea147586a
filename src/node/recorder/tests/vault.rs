//! A vault whose codes differ from story to story, and whose vouchers do not.

use crate::base::sorted::SortedMap;

use crate::babel::auth::mac;
use crate::babel::auth::settings::Algorithm;
use crate::base::address::MacAddress;
use crate::base::voucher::{IssuerNumber, LotId, Proof, Verifier};
use crate::hotspot::code::{Chain, Code};
use crate::node::vault::{CodeDone, Vault, WorkId};

/// Slices of a chain.
const SLICES: u32 = 3;
/// Which bits of a code may differ: all but the issuer's.
const FREE_BITS: u64 = (1 << 51) - 1;

/// No secrets, but answers like those of a vault that has some.
#[derive(Clone, Debug)]
pub(in crate::node) struct FakeVault {
    /// Each code is the plain one with these bits turned.
    pub(super) twist: u64,
    pub(super) community: [u8; 32],
    /// The codes that were made.
    pub(super) made: Vec<Code>,
    lots: SortedMap<(LotId, u16), Code>,
    /// Whether they are of the present secret.
    pub(super) newest: bool,
    /// Whether one device has another tag than the next.
    pub(super) tells_devices: bool,
    work: SortedMap<WorkId, (Code, u32)>,
    next: u32,
}

impl FakeVault {
    pub(in crate::node) fn new(twist: u64) -> Self {
        Self {
            twist: twist & FREE_BITS,
            community: [0; 32],
            made: Vec::new(),
            lots: SortedMap::new(),
            newest: true,
            tells_devices: false,
            work: SortedMap::new(),
            next: 0,
        }
    }

    /// A code that another node has made.
    pub(super) fn foreign(&mut self, issuer: u16, number: u64) -> Code {
        let plain = u64::from(issuer) << 51 | number << 18 | number;
        let code = Code::from_bits(plain ^ self.twist);
        self.made.push(code);
        code
    }

    /// What a code ends in; the same in each story.
    pub(super) fn end(&self, code: Code) -> (Verifier, Proof) {
        let plain = Code::from_bits(code.bits() ^ self.twist);
        Chain::new(&self.community, plain).advance(Chain::STEPS).expect("that is all of it")
    }

    fn begin(&mut self, code: Code) -> WorkId {
        self.next += 1;
        self.work.insert(WorkId(self.next), (code, SLICES));
        WorkId(self.next)
    }
}

impl Vault for FakeVault {
    fn sign_key(&mut self) -> [u8; 32] {
        super::OWN_KEY
    }

    fn sign(&mut self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0x51; 64];
        signature[..8].copy_from_slice(&super::super::hash(&[message]));
        signature
    }

    fn open_share(&mut self, _epoch: u32, _context: &[u8], _sealed: &[u8]) -> bool {
        true
    }

    fn set_community(&mut self, community: [u8; 32]) {
        self.community = community;
    }

    fn begin_issue(&mut self, issuer: IssuerNumber, lot: LotId, index: u16) -> Option<WorkId> {
        if let Some(code) = self.lots.get(&(lot, index)).copied() {
            return Some(self.begin(code));
        }
        let count = u64::try_from(self.made.len()).ok()? + 1;
        let plain = u64::from(issuer.0) << 51 | count << 18 | count;
        let code = Code::from_bits(plain ^ self.twist);
        self.made.push(code);
        self.lots.insert((lot, index), code);
        Some(self.begin(code))
    }

    fn begin_check(&mut self, code: &Code) -> Option<WorkId> {
        self.made.contains(code).then(|| self.begin(*code))
    }

    fn fits_epoch(&mut self, code: &Code, _epoch: u32) -> bool {
        self.newest && self.made.contains(code)
    }

    fn advance(&mut self, work: WorkId) -> Option<CodeDone> {
        let (code, left) = self.work.get_mut(&work)?;
        *left -= 1;
        if *left > 0 {
            return None;
        }
        let code = *code;
        self.work.remove(&work);
        let (verifier, proof) = self.end(code);
        Some(CodeDone { code, verifier, proof })
    }

    fn forget(&mut self, work: WorkId) {
        self.work.remove(&work);
    }

    fn babel_mac(&mut self, key: &str, message: &[u8]) -> Vec<u8> {
        mac::compute(Algorithm::Blake2s128, key.as_bytes(), message)
    }

    fn babel_verify(&mut self, key: &str, message: &[u8], macs: &[&[u8]]) -> bool {
        mac::verify(Algorithm::Blake2s128, key.as_bytes(), message, macs)
    }

    fn device_tag(&mut self, voucher: Verifier, mac: MacAddress) -> [u8; 8] {
        if self.tells_devices {
            return std::array::from_fn(|at| voucher.0[at] ^ mac.0[at % 6]);
        }
        // The real one depends on the device; here two stories shall differ in nothing but names.
        voucher.0
    }
}
