//! The two MACs of RFC 8967 4.1, as functions of a key that is handed in. Whoever calls them has the keys.

use blake2::Blake2sMac;
use blake2::digest::consts::U16;
use blake2::digest::{KeyInit, Mac};
use hmac::Hmac;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::settings::Algorithm;

/// The MAC of `message`. A key that the algorithm cannot take makes none.
pub fn compute(algorithm: Algorithm, key: &[u8], message: &[u8]) -> Vec<u8> {
    match algorithm {
        Algorithm::HmacSha256 => <Hmac<Sha256> as Mac>::new_from_slice(key)
            .map_or_else(|_| Vec::new(), |mac| mac.chain_update(message).finalize().into_bytes().to_vec()),
        Algorithm::Blake2s128 => <Blake2sMac<U16> as KeyInit>::new_from_slice(key)
            .map_or_else(|_| Vec::new(), |mac| mac.chain_update(message).finalize().into_bytes().to_vec()),
    }
}

/// Whether one of `macs` is the MAC of `message`. It takes as long for a good guess as for a bad one.
pub fn verify(algorithm: Algorithm, key: &[u8], message: &[u8], macs: &[&[u8]]) -> bool {
    let ours = compute(algorithm, key, message);
    let fits = macs.iter().fold(subtle::Choice::from(0), |fits, mac| fits | ours.ct_eq(mac));
    !ours.is_empty() && bool::from(fits)
}
