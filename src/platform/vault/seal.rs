//! Sealing an epoch's secrets to one member: a single message of `Noise_N_25519_ChaChaPoly_BLAKE2s`.
//!
//! The prologue says what is sealed, for which community, epoch and member (`docs/ledger.md`, "Records"):
//! a share that is moved to another place does not open there.

use snow::params::{CipherChoice, DHChoice, HashChoice};
use snow::resolvers::{CryptoResolver, DefaultResolver};
use snow::types::{Cipher, Dh, Hash, Random};
use snow::{Builder, HandshakeState};
use zeroize::Zeroizing;

use super::blake2s::Blake2s;

const PATTERN: &str = "Noise_N_25519_ChaChaPoly_BLAKE2s";
/// Bytes that sealing adds: an ephemeral key and an authenticator.
const OVERHEAD: usize = 48;

/// Seals `secret` to the owner of `recipient`, an X25519 key. `None` if the machine has no randomness.
pub fn seal(recipient: &[u8; 32], context: &[u8], secret: &[u8]) -> Option<Vec<u8>> {
    let mut noise =
        builder(PATTERN, context).ok()?.remote_public_key(recipient).ok()?.build_initiator().ok()?;
    let mut sealed = vec![0; secret.len() + OVERHEAD];
    let length = noise.write_message(secret, &mut sealed).ok()?;
    sealed.truncate(length);
    Some(sealed)
}

/// Opens what was sealed to the owner of `key`. `None` if it was not, or was altered, or is of another
/// context.
pub fn open(key: &[u8; 32], context: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut noise: HandshakeState =
        builder(PATTERN, context).ok()?.local_private_key(key).ok()?.build_responder().ok()?;
    let mut secret = Zeroizing::new(vec![0; sealed.len()]);
    let length = noise.read_message(sealed, &mut secret).ok()?;
    secret.truncate(length);
    Some(secret)
}

/// The X25519 key that belongs to a private one.
pub fn public_key(key: &[u8; 32]) -> Option<[u8; 32]> {
    let mut dh = DefaultResolver.resolve_dh(&DHChoice::Curve25519)?;
    dh.set(key);
    dh.pubkey().try_into().ok()
}

/// What two X25519 keys come to. `None` if the other one is none, which would be known to everybody.
pub(super) fn shared(key: &[u8; 32], peer: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    let mut dh = DefaultResolver.resolve_dh(&DHChoice::Curve25519)?;
    dh.set(key);
    let mut shared = Zeroizing::new([0; 32]);
    dh.dh(peer, &mut *shared).ok()?;
    shared.iter().any(|byte| *byte != 0).then_some(shared)
}

/// A handshake of this pattern and prologue, with our primitives.
pub(in crate::platform) fn builder<'a>(
    pattern: &str,
    prologue: &'a [u8],
) -> Result<Builder<'a>, snow::Error> {
    Builder::with_resolver(pattern.parse()?, Box::new(Resolver)).prologue(prologue)
}

/// The primitives of `snow`, with the kernel's randomness: its own source would pull in C code.
struct Resolver;

impl CryptoResolver for Resolver {
    fn resolve_rng(&self) -> Option<Box<dyn Random>> {
        Some(Box::new(Kernel))
    }

    fn resolve_dh(&self, choice: &DHChoice) -> Option<Box<dyn Dh>> {
        DefaultResolver.resolve_dh(choice)
    }

    fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
        matches!(choice, HashChoice::Blake2s).then(|| Box::<Blake2s>::default() as Box<dyn Hash>)
    }

    fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
        DefaultResolver.resolve_cipher(choice)
    }
}

struct Kernel;

impl Random for Kernel {
    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), snow::Error> {
        getrandom::fill(bytes).map_err(|_| snow::Error::Rng)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_opens_for_its_member_and_context_only() {
        let (mine, other) = ([7; 32], [8; 32]);
        let public = public_key(&mine).unwrap();
        let sealed = seal(&public, b"context", b"secret").unwrap();
        assert_eq!(sealed.len(), 6 + OVERHEAD);
        assert_eq!(open(&mine, b"context", &sealed).unwrap().as_slice(), b"secret");
        assert!(open(&other, b"context", &sealed).is_none());
        assert!(open(&mine, b"another", &sealed).is_none());
        for bit in 0..sealed.len() * 8 {
            let mut altered = sealed.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&mine, b"context", &altered).is_none(), "bit {bit}");
        }
        assert!(open(&mine, b"context", &[]).is_none());
        assert_ne!(seal(&public, b"context", b"secret"), Some(sealed));
    }

    #[test]
    fn what_was_sealed_before_opens() {
        // Written with `snow`'s own BLAKE2s, before this file had one.
        let sealed = concat!(
            "469bc68f00d170dbb52ee231cc7593ce6c5ceee806d6a27a333536200e47050d",
            "89d40dc8931795f0f9d7454e7f14a929198c84ef8bb4",
        );
        let mut bytes = [0; 6 + OVERHEAD];
        crate::platform::vault::keys::unhex(sealed, &mut bytes).unwrap();
        assert_eq!(open(&[7; 32], b"context", &bytes).unwrap().as_slice(), b"secret");
    }

    #[test]
    fn the_public_key_is_that_of_rfc_7748() {
        // RFC 7748 section 5.2: X25519(9, 9).
        let mut nine = [0; 32];
        nine[0] = 9;
        let text = "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079";
        let mut expected = [0; 32];
        crate::platform::vault::keys::unhex(text, &mut expected).unwrap();
        assert_eq!(public_key(&nine), Some(expected));
    }
}
