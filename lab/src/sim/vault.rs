//! A vault without secrets: no member signs anything in these runs.

use tequio::babel::auth::mac;
use tequio::babel::auth::settings::Algorithm;
use tequio::base::address::MacAddress;
use tequio::base::voucher::{IssuerNumber, LotId, Verifier};
use tequio::hotspot::code::Code;
use tequio::node::vault::{CodeDone, Vault, WorkId};

use super::NodeId;

/// Gives each node a public key of its own and refuses everything that needs a secret.
#[derive(Clone, Debug)]
pub(super) struct SimVault {
    key: [u8; 32],
}

impl SimVault {
    pub(super) fn new(node: NodeId) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&u64::try_from(node).unwrap_or(u64::MAX).to_be_bytes());
        Self { key }
    }
}

impl Vault for SimVault {
    fn sign_key(&mut self) -> [u8; 32] {
        self.key
    }

    fn sign(&mut self, _message: &[u8]) -> [u8; 64] {
        [0; 64]
    }

    fn open_share(&mut self, _epoch: u32, _context: &[u8], _sealed: &[u8]) -> bool {
        false
    }

    fn set_community(&mut self, _community: [u8; 32]) {}

    fn begin_issue(&mut self, _issuer: IssuerNumber, _lot: LotId, _index: u16) -> Option<WorkId> {
        None
    }

    fn begin_check(&mut self, _code: &Code) -> Option<WorkId> {
        None
    }

    fn advance(&mut self, _work: WorkId) -> Option<CodeDone> {
        None
    }

    fn forget(&mut self, _work: WorkId) {}

    fn babel_mac(&mut self, key: &str, message: &[u8]) -> Vec<u8> {
        mac::compute(Algorithm::Blake2s128, key.as_bytes(), message)
    }

    fn babel_verify(&mut self, key: &str, message: &[u8], macs: &[&[u8]]) -> bool {
        mac::verify(Algorithm::Blake2s128, key.as_bytes(), message, macs)
    }

    fn device_tag(&mut self, _voucher: Verifier, _mac: MacAddress) -> [u8; 8] {
        [0; 8]
    }
}
