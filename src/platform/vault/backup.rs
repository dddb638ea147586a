//! A node's keys in a file that may lie on a USB stick: sealed under a passphrase.
//!
//! ```text
//! "TQKEYS" version:2  salt:16  sealed bytes of the file `keys`, with an authenticator of 16 bytes behind them
//! ```
//!
//! The key is PBKDF2-HMAC-SHA-256 (RFC 8018) of the passphrase, 600,000 rounds, used once with ChaCha20-Poly1305
//! (RFC 8439) and the nonce zero: every file has a salt of its own.

use std::path::Path;

use hmac::{Hmac, Mac};
use sha2::Sha256;
use snow::params::CipherChoice;
use snow::resolvers::{CryptoResolver, DefaultResolver};
use zeroize::Zeroizing;

use super::keys::{FILE, VaultError, read_text};

/// What a backup of keys begins with.
const HEADER: [u8; 8] = *b"TQKEYS\x00\x01";
const SALT: usize = 16;
const TAG: usize = 16;
/// The rounds that the OWASP asks for: six seconds on a router, and as much for each guess.
const ROUNDS: u32 = 600_000;

/// The keys of the node whose state is in this folder, sealed under `passphrase`.
pub fn seal(state: &Path, passphrase: &str) -> Result<Vec<u8>, VaultError> {
    let text = read_text(&state.join(FILE))?;
    let mut salt = [0; SALT];
    getrandom::fill(&mut salt).map_err(|_| VaultError::NoRandomness)?;
    let mut sealed = vec![0; text.len() + TAG];
    let length = cipher(passphrase, &salt, ROUNDS).encrypt(0, &HEADER, text.as_bytes(), &mut sealed);
    sealed.truncate(length);
    Ok([&HEADER[..], &salt, &sealed].concat())
}

/// The text of the file `keys` in a backup. `None` for another passphrase, or if a byte was altered.
pub fn open(backup: &[u8], passphrase: &str) -> Option<Zeroizing<String>> {
    let rest = backup.strip_prefix(&HEADER)?;
    let (salt, sealed) = rest.split_first_chunk::<SALT>()?;
    let mut text = Zeroizing::new(vec![0; sealed.len()]);
    if sealed.len() < TAG {
        return None;
    }
    let length = cipher(passphrase, salt, ROUNDS).decrypt(0, &HEADER, sealed, &mut text).ok()?;
    text.truncate(length);
    std::str::from_utf8(&text).ok().map(|text| Zeroizing::new(text.to_owned()))
}

fn cipher(passphrase: &str, salt: &[u8], rounds: u32) -> Box<dyn snow::types::Cipher> {
    let mut cipher = DefaultResolver
        .resolve_cipher(&CipherChoice::ChaChaPoly)
        .expect("ChaChaPoly is among the primitives that snow was built with");
    cipher.set(&stretch(passphrase, salt, rounds));
    cipher
}

/// PBKDF2 with one block of 32 bytes (RFC 8018 5.2).
fn stretch(passphrase: &str, salt: &[u8], rounds: u32) -> Zeroizing<[u8; 32]> {
    let keyed =
        <Hmac<Sha256> as Mac>::new_from_slice(passphrase.as_bytes()).expect("HMAC takes keys of any length");
    let mut first = keyed.clone();
    first.update(salt);
    first.update(&1_u32.to_be_bytes());
    let mut block: [u8; 32] = first.finalize().into_bytes().into();
    let mut sum = Zeroizing::new(block);
    for _ in 1..rounds {
        let mut next = keyed.clone();
        next.update(&block);
        block = next.finalize().into_bytes().into();
        sum.iter_mut().zip(block).for_each(|(sum, byte)| *sum ^= byte);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stretching_is_that_of_rfc_7914() {
        // RFC 7914 section 11, the first 32 bytes of PBKDF2-HMAC-SHA-256 ("passwd", "salt", 1).
        let mut expected = [0; 32];
        let text = "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc";
        crate::platform::vault::keys::unhex(text, &mut expected).unwrap();
        assert_eq!(*stretch("passwd", b"salt", 1), expected);
        // And ("Password", "NaCl", 80000).
        let text = "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56";
        crate::platform::vault::keys::unhex(text, &mut expected).unwrap();
        assert_eq!(*stretch("Password", b"NaCl", 80_000), expected);
    }
}
