//! The vault of a recorder, which writes down what the real one answers, and that of a replay, which has
//! these answers and nothing else.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

use crate::base::address::MacAddress;
use crate::base::sorted::SortedSet;
use crate::base::voucher::{IssuerNumber, LotId, Proof, Verifier};
use crate::hotspot::code::Code;
use crate::node::vault::{CodeDone, Vault, WorkId};

/// One answer of the vault, in the order of the questions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum VaultAnswer {
    SignKey([u8; 32]),
    Signature(Vec<u8>),
    Opened(bool),
    Begun(Option<WorkId>),
    Advanced(Option<CodeDone>),
    DeviceTag([u8; 8]),
    Bytes(Vec<u8>),
    Verified(bool),
    Found(Vec<(Verifier, [u8; 8])>),
}

/// Asks the real vault and writes down what it answers.
pub(super) struct RecordingVault<'a> {
    pub(super) inner: &'a mut dyn Vault,
    pub(super) answers: Vec<VaultAnswer>,
    pub(super) no_proof: &'a mut SortedSet<WorkId>,
}

impl Vault for RecordingVault<'_> {
    fn sign_key(&mut self) -> [u8; 32] {
        let key = self.inner.sign_key();
        self.answers.push(VaultAnswer::SignKey(key));
        key
    }

    fn sign(&mut self, message: &[u8]) -> [u8; 64] {
        let signature = self.inner.sign(message);
        self.answers.push(VaultAnswer::Signature(signature.to_vec()));
        signature
    }

    fn open_share(&mut self, epoch: u32, context: &[u8], sealed: &[u8]) -> bool {
        let opened = self.inner.open_share(epoch, context, sealed);
        self.answers.push(VaultAnswer::Opened(opened));
        opened
    }

    fn seal_share(
        &mut self,
        own_context: &[u8],
        own: &[u8],
        dh: &[u8; 32],
        context: &[u8],
        coupon: bool,
    ) -> Vec<u8> {
        let sealed = self.inner.seal_share(own_context, own, dh, context, coupon);
        self.answers.push(VaultAnswer::Bytes(sealed.clone()));
        sealed
    }

    fn open_babel_key(&mut self, name: &str, context: &[u8], sealed: &[u8]) -> bool {
        let opened = self.inner.open_babel_key(name, context, sealed);
        self.answers.push(VaultAnswer::Opened(opened));
        opened
    }

    fn forget_babel_key(&mut self, name: &str) {
        self.inner.forget_babel_key(name);
    }

    fn set_community(&mut self, community: [u8; 32]) {
        self.inner.set_community(community);
    }

    fn begin_issue(&mut self, issuer: IssuerNumber, lot: LotId, index: u16) -> Option<WorkId> {
        let begun = self.inner.begin_issue(issuer, lot, index);
        self.no_proof.extend(begun);
        self.answers.push(VaultAnswer::Begun(begun));
        begun
    }

    fn begin_check(&mut self, code: &Code) -> Option<WorkId> {
        let begun = self.inner.begin_check(code);
        self.answers.push(VaultAnswer::Begun(begun));
        begun
    }

    fn fits_epoch(&mut self, code: &Code, epoch: u32) -> bool {
        let fits = self.inner.fits_epoch(code, epoch);
        self.answers.push(VaultAnswer::Verified(fits));
        fits
    }

    fn begin_look_up(&mut self, code: &Code) -> Option<WorkId> {
        let begun = self.inner.begin_look_up(code);
        self.no_proof.extend(begun);
        self.answers.push(VaultAnswer::Begun(begun));
        begun
    }

    fn advance(&mut self, work: WorkId) -> Option<CodeDone> {
        let mut done = self.inner.advance(work);
        if let Some(done) = &mut done
            && self.no_proof.remove(&work)
        {
            done.proof = Proof([0; 16]);
        }
        self.answers.push(VaultAnswer::Advanced(done.clone()));
        done
    }

    fn forget(&mut self, work: WorkId) {
        self.no_proof.remove(&work);
        self.inner.forget(work);
    }

    fn babel_mac(&mut self, key: &str, message: &[u8]) -> Vec<u8> {
        let mac = self.inner.babel_mac(key, message);
        self.answers.push(VaultAnswer::Bytes(mac.clone()));
        mac
    }

    fn babel_verify(&mut self, key: &str, message: &[u8], macs: &[&[u8]]) -> bool {
        let verified = self.inner.babel_verify(key, message, macs);
        self.answers.push(VaultAnswer::Verified(verified));
        verified
    }

    fn device_tag(&mut self, voucher: Verifier, mac: MacAddress) -> [u8; 8] {
        let tag = self.inner.device_tag(voucher, mac);
        self.answers.push(VaultAnswer::DeviceTag(tag));
        tag
    }

    fn find_devices(&mut self, mac: MacAddress, tags: &[(Verifier, [u8; 8])]) -> Vec<(Verifier, [u8; 8])> {
        let found = self.inner.find_devices(mac, tags);
        self.answers.push(VaultAnswer::Found(found.clone()));
        found
    }
}

/// Gives the answers of a recording. A question that the recording does not hold is answered with
/// nothing, and the step's outputs then differ: the comparison says so.
pub(super) struct ReplayVault {
    pub(super) answers: VecDeque<VaultAnswer>,
}

impl Vault for ReplayVault {
    fn sign_key(&mut self) -> [u8; 32] {
        match self.answers.pop_front() {
            Some(VaultAnswer::SignKey(key)) => key,
            _ => [0; 32],
        }
    }

    fn sign(&mut self, _message: &[u8]) -> [u8; 64] {
        match self.answers.pop_front() {
            Some(VaultAnswer::Signature(signature)) => signature.try_into().unwrap_or([0; 64]),
            _ => [0; 64],
        }
    }

    fn open_share(&mut self, _epoch: u32, _context: &[u8], _sealed: &[u8]) -> bool {
        matches!(self.answers.pop_front(), Some(VaultAnswer::Opened(true)))
    }

    fn open_babel_key(&mut self, _name: &str, _context: &[u8], _sealed: &[u8]) -> bool {
        matches!(self.answers.pop_front(), Some(VaultAnswer::Opened(true)))
    }

    fn set_community(&mut self, _community: [u8; 32]) {}

    fn begin_issue(&mut self, _issuer: IssuerNumber, _lot: LotId, _index: u16) -> Option<WorkId> {
        self.begun()
    }

    fn begin_check(&mut self, _code: &Code) -> Option<WorkId> {
        self.begun()
    }

    fn fits_epoch(&mut self, _code: &Code, _epoch: u32) -> bool {
        matches!(self.answers.pop_front(), Some(VaultAnswer::Verified(true)))
    }

    fn begin_look_up(&mut self, _code: &Code) -> Option<WorkId> {
        self.begun()
    }

    fn advance(&mut self, _work: WorkId) -> Option<CodeDone> {
        match self.answers.pop_front() {
            Some(VaultAnswer::Advanced(done)) => done,
            _ => None,
        }
    }

    fn forget(&mut self, _work: WorkId) {}

    fn seal_share(&mut self, _: &[u8], _: &[u8], _: &[u8; 32], _: &[u8], _: bool) -> Vec<u8> {
        self.bytes()
    }

    fn babel_mac(&mut self, _key: &str, _message: &[u8]) -> Vec<u8> {
        self.bytes()
    }

    fn babel_verify(&mut self, _key: &str, _message: &[u8], _macs: &[&[u8]]) -> bool {
        matches!(self.answers.pop_front(), Some(VaultAnswer::Verified(true)))
    }

    fn device_tag(&mut self, _voucher: Verifier, _mac: MacAddress) -> [u8; 8] {
        match self.answers.pop_front() {
            Some(VaultAnswer::DeviceTag(tag)) => tag,
            _ => [0; 8],
        }
    }

    fn find_devices(&mut self, _mac: MacAddress, _tags: &[(Verifier, [u8; 8])]) -> Vec<(Verifier, [u8; 8])> {
        match self.answers.pop_front() {
            Some(VaultAnswer::Found(found)) => found,
            _ => Vec::new(),
        }
    }
}

impl ReplayVault {
    fn bytes(&mut self) -> Vec<u8> {
        match self.answers.pop_front() {
            Some(VaultAnswer::Bytes(bytes)) => bytes,
            _ => Vec::new(),
        }
    }

    fn begun(&mut self) -> Option<WorkId> {
        match self.answers.pop_front() {
            Some(VaultAnswer::Begun(begun)) => begun,
            _ => None,
        }
    }
}
