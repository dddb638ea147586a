//! What the node asks of its secrets. The keys themselves live above, in `platform::vault`: they are
//! no input, stand in no snapshot and in no recording. What the vault answers is recorded instead, so
//! that a replay needs no key.

use crate::base::address::MacAddress;
use crate::base::limit::ROAM_VOUCHERS;
use crate::base::voucher::{IssuerNumber, LotId, Proof, Verifier};
use crate::hotspot::code::Code;

/// A hash chain that is being computed, slice by slice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct WorkId(pub u32);

/// A finished chain: the code it began with, and what it ended in.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CodeDone {
    /// The code.
    pub code: Code,
    /// The voucher's public name.
    pub verifier: Verifier,
    /// The proof that the code was typed.
    pub proof: Proof,
}

/// The node's secrets, as questions.
pub trait Vault {
    /// The node's public Ed25519 key.
    fn sign_key(&mut self) -> [u8; 32];

    /// Signs `message`, which starts with a domain string, with the node's Ed25519 key.
    fn sign(&mut self, message: &[u8]) -> [u8; 64];

    /// Opens this node's share of an epoch (`context` is the Noise prologue) and keeps its secrets.
    /// False if it was not sealed to this node or was altered.
    fn open_share(&mut self, epoch: u32, context: &[u8], sealed: &[u8]) -> bool;

    /// Opens this node's own share again and seals what is in it to another member; with the coupon secret if it has to
    /// have that. Nothing if this node does not hold what is wanted.
    fn seal_share(
        &mut self,
        _own_context: &[u8],
        _own: &[u8],
        _dh: &[u8; 32],
        _context: &[u8],
        _coupon: bool,
    ) -> Vec<u8> {
        Vec::new()
    }

    /// Opens such a share for routing: from now on `name` is the key that follows from its secret. False if it
    /// was not sealed to this node.
    fn open_babel_key(&mut self, _name: &str, _context: &[u8], _sealed: &[u8]) -> bool {
        false
    }

    /// Wipes the key of this name: nothing is signed or taken by it any more.
    fn forget_babel_key(&mut self, _name: &str) {}

    /// Tells whose codes are checked: the community's id, which keys every hash.
    fn set_community(&mut self, community: [u8; 32]);

    /// Starts to make the code `index` of a lot of this node, under the newest epoch that was opened.
    /// `None` if no epoch was.
    fn begin_issue(&mut self, issuer: IssuerNumber, lot: LotId, index: u16) -> Option<WorkId>;

    /// Starts to check a typed code. `None` if its tag fits none of the coupon secrets held:
    /// a typing mistake, or a guess.
    fn begin_check(&mut self, code: &Code) -> Option<WorkId>;

    /// Whether the tag of a code is of this epoch's coupon secret.
    fn fits_epoch(&mut self, _code: &Code, _epoch: u32) -> bool {
        false
    }

    /// As [`begin_check`](Self::begin_check), for somebody who only wants to see the voucher: the
    /// proof of the result is not to be used, and a recording does not hold it.
    fn begin_look_up(&mut self, code: &Code) -> Option<WorkId> {
        self.begin_check(code)
    }

    /// Computes one slice of a chain (about 2 million instructions). `Some` once, at its end.
    fn advance(&mut self, work: WorkId) -> Option<CodeDone>;

    /// Gives up a chain.
    fn forget(&mut self, work: WorkId);

    /// The MAC of a Babel packet (RFC 8967 4.1) under the key of this name; empty if there is none.
    fn babel_mac(&mut self, key: &str, message: &[u8]) -> Vec<u8>;

    /// Whether one of `macs` is that MAC. Only this answer is recorded: what the MAC of a forged packet would
    /// have been is nobody's business.
    fn babel_verify(&mut self, key: &str, message: &[u8], macs: &[&[u8]]) -> bool;

    /// A keyed hash of voucher and device: tells devices of one voucher apart and links nothing else.
    fn device_tag(&mut self, voucher: Verifier, mac: MacAddress) -> [u8; 8];

    /// Which of these tags are this device's, [`ROAM_VOUCHERS`] at most. Only they are recorded.
    fn find_devices(&mut self, mac: MacAddress, tags: &[(Verifier, [u8; 8])]) -> Vec<(Verifier, [u8; 8])> {
        let mut found = Vec::new();
        for (voucher, tag) in tags {
            if found.len() < ROAM_VOUCHERS && self.device_tag(*voucher, mac) == *tag {
                found.push((*voucher, *tag));
            }
        }
        found
    }
}
