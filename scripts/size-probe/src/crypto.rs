//! Signatures, Noise, hashes, set reconciliation, randomness.
#![allow(dead_code)]

#[cfg(feature = "noise")]
#[path = "../../../src/platform/vault/blake2s.rs"]
mod blake2s;

/// The first bytes of the input as a key; the rest of it is zero.
fn key(input: &[u8]) -> [u8; 32] {
    let mut key = [0; 32];
    key.iter_mut().zip(input).for_each(|(to, from)| *to = *from);
    key
}

#[cfg(feature = "sign")]
pub(crate) fn sign(input: &[u8]) -> String {
    use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};

    let own = SigningKey::from_bytes(&key(input));
    let signature = own.sign(input);
    let foreign = input.get(..96).and_then(|bytes| {
        let public = VerifyingKey::from_bytes(bytes[..32].try_into().ok()?).ok()?;
        Some(public.verify_strict(input, &Signature::from_slice(&bytes[32..]).ok()?).is_ok())
    });
    format!("{} {foreign:?}", own.verifying_key().verify_strict(input, &signature).is_ok())
}

#[cfg(feature = "noise")]
pub(crate) fn noise(input: &[u8]) -> String {
    use self::blake2s::Blake2s;
    use snow::params::{CipherChoice, DHChoice, HashChoice};
    use snow::resolvers::{BoxedCryptoResolver, CryptoResolver, DefaultResolver};
    use snow::types::{Cipher, Dh, Hash, Random};

    struct Seeded(u8);
    impl Random for Seeded {
        fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), snow::Error> {
            for byte in bytes {
                self.0 = self.0.wrapping_mul(5).wrapping_add(3);
                *byte = self.0;
            }
            Ok(())
        }
    }
    struct Resolver(u8);
    impl CryptoResolver for Resolver {
        fn resolve_rng(&self) -> Option<Box<dyn Random>> {
            Some(Box::new(Seeded(self.0)))
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
    let handshake = |pattern: &str| -> Result<String, snow::Error> {
        let builder = |seed| {
            let resolver: BoxedCryptoResolver = Box::new(Resolver(seed));
            Ok::<_, snow::Error>(snow::Builder::with_resolver(pattern.parse()?, resolver))
        };
        let own = builder(1)?.generate_keypair()?;
        let private = key(input);
        let sealed = pattern.contains("_N_");
        let mut one = builder(2)?.prologue(input)?;
        one = if sealed { one.remote_public_key(&own.public)? } else { one.local_private_key(&private)? };
        let mut one = one.build_initiator()?;
        let mut two = builder(3)?.prologue(input)?.local_private_key(&own.private)?.build_responder()?;
        let (mut wire, mut text) = ([0; 1024], [0; 1024]);
        while !one.is_handshake_finished() {
            let (from, to) = if one.is_my_turn() { (&mut one, &mut two) } else { (&mut two, &mut one) };
            let length = from.write_message(&input[..input.len().min(64)], &mut wire)?;
            to.read_message(&wire[..length], &mut text)?;
        }
        if sealed {
            return Ok(format!("{:?}", &one.get_handshake_hash()[..4]));
        }
        let (mut one, mut two) = (one.into_transport_mode()?, two.into_transport_mode()?);
        let length = one.write_message(&input[..input.len().min(64)], &mut wire)?;
        Ok(format!("{:?} {:?}", &wire[..4], two.read_message(&wire[..length], &mut text)))
    };
    format!(
        "{:?} {:?}",
        handshake("Noise_XX_25519_ChaChaPoly_BLAKE2s"),
        handshake("Noise_N_25519_ChaChaPoly_BLAKE2s")
    )
}

#[cfg(feature = "hash")]
pub(crate) fn hash(input: &[u8]) -> String {
    use blake2::{Blake2s256, Blake2sMac};
    use hmac::{Hmac, Mac};
    use sha2::{Digest, Sha256};

    let hmac = Hmac::<Sha256>::new_from_slice(&key(input)).map(|mut mac| {
        mac.update(input);
        mac.finalize().into_bytes()
    });
    let keyed = Blake2sMac::<blake2::digest::consts::U16>::new_from_slice(&key(input)).map(|mut mac| {
        mac.update(input);
        mac.finalize().into_bytes()
    });
    format!("{hmac:x?} {keyed:x?} {:x?} {:x?}", Sha256::digest(input), Blake2s256::digest(input))
}

#[cfg(feature = "compare")]
pub(crate) fn compare(input: &[u8]) -> String {
    use negentropy::{Id, Negentropy, NegentropyStorageVector};

    let run = || -> Result<(usize, usize, usize), negentropy::Error> {
        let mut stores = [NegentropyStorageVector::new(), NegentropyStorageVector::new()];
        for (index, chunk) in input.chunks(8).enumerate() {
            stores[0].insert(index as u64, Id::from_byte_array(key(chunk)))?;
            if index % 7 != 0 {
                stores[1].insert(index as u64, Id::from_byte_array(key(chunk)))?;
            }
        }
        stores.iter_mut().try_for_each(|store| store.seal())?;
        let mut one = Negentropy::borrowed(&stores[0], 0)?;
        let mut two = Negentropy::borrowed(&stores[1], 0)?;
        let (mut have, mut need, mut rounds) = (Vec::new(), Vec::new(), 0);
        let mut query = Some(one.initiate()?);
        while let Some(question) = query {
            let answer = two.reconcile(&question)?;
            query = one.reconcile_with_ids(&answer, &mut have, &mut need)?;
            rounds += 1;
        }
        Ok((have.len(), need.len(), rounds))
    };
    format!("{:?}", run())
}

#[cfg(feature = "random")]
pub(crate) fn random(input: &[u8]) -> String {
    let mut seed = [0; 8];
    let asked = getrandom::fill(&mut seed).is_ok();
    let mut generator = fastrand::Rng::with_seed(input.len() as u64);
    let numbers: Vec<u64> = (0..4).map(|_| generator.u64(..)).collect();
    format!("{asked} {numbers:?}")
}

#[cfg(feature = "secrets")]
pub(crate) fn secrets(input: &[u8]) -> String {
    use subtle::ConstantTimeEq;
    use zeroize::Zeroizing;

    let secret = Zeroizing::new(key(input));
    let half = input.len() / 2;
    format!("{} {}", bool::from(secret.ct_eq(&[1; 32])), bool::from(input[..half].ct_eq(&input[half..])))
}
