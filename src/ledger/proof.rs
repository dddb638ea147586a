//! The last link of a voucher's hash chain: what turns the proof of a typed code into its verifier.
//!
//! The hotspot walks the whole chain from a code (`docs/ledger.md`, "Voucher codes"); the ledger only ever
//! sees its end. A test above the cores holds both to the same figures.

use blake2::digest::consts::{U16, U32};
use blake2::digest::{Digest, KeyInit, Mac};
use blake2::{Blake2s, Blake2sMac};
use subtle::ConstantTimeEq;

use crate::base::voucher::{IssuerNumber, Proof, Verifier};

/// Whether `proof` is the value before `verifier` in a chain of this issuer: whether the code was typed.
pub fn proof_fits(community: &[u8; 32], issuer: IssuerNumber, proof: &Proof, verifier: Verifier) -> bool {
    verifier_of(community, issuer, proof).0.ct_eq(&verifier.0).into()
}

/// The verifier behind a proof.
pub fn verifier_of(community: &[u8; 32], issuer: IssuerNumber, proof: &Proof) -> Verifier {
    let mut mac = <Blake2sMac<U32> as KeyInit>::new(community.into());
    mac.update(b"tequio code chain 1");
    mac.update(&issuer.0.to_be_bytes());
    let key = mac.finalize().into_bytes();
    let last: [u8; 16] = Blake2s::<U16>::new().chain_update(key).chain_update(proof.0).finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = last;
    Verifier([a, b, c, d, e, f, g, h])
}
