//! What proves a passphrase, in the form that rpcd's login wants: `$5$salt$hash`, the SHA-256 crypt of every libc
//! (Drepper, "Unix crypt using SHA-256 and SHA-512", 0.4), 5,000 rounds.

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// The verifier of a passphrase, under a salt of its own. The error is a sentence for whoever typed it.
pub fn verifier(passphrase: &str) -> Result<String, String> {
    if passphrase.chars().count() < LEAST || passphrase.len() > MOST_BYTES {
        return Err(format!("A passphrase has {LEAST} letters at least, and {MOST_BYTES} octets at most."));
    }
    let mut dice = [0; SALT];
    getrandom::fill(&mut dice).map_err(|error| format!("The kernel gives no random numbers: {error}."))?;
    let salt: String = dice.iter().map(|octet| char::from(ALPHABET[usize::from(octet & 63)])).collect();
    Ok(crypt(passphrase, &salt))
}

/// Whether a passphrase fits a verifier of this form.
pub fn fits(passphrase: &str, verifier: &str) -> bool {
    let salt = verifier.strip_prefix("$5$").and_then(|rest| rest.split_once('$')).map(|(salt, _)| salt);
    let fits = |salt: &str| bool::from(crypt(passphrase, salt).as_bytes().ct_eq(verifier.as_bytes()));
    passphrase.len() <= MOST_BYTES && salt.is_some_and(|salt| salt.len() <= SALT && fits(salt))
}

fn crypt(passphrase: &str, salt: &str) -> String {
    let (key, salt_bytes) = (passphrase.as_bytes(), salt.as_bytes());
    let other = Sha256::new().chain_update(key).chain_update(salt_bytes).chain_update(key).finalize();
    let mut first = Sha256::new().chain_update(key).chain_update(salt_bytes);
    first.update(&*repeated(&other, key.len()));
    let mut length = key.len();
    while length > 0 {
        first.update(if length & 1 == 1 { other.as_slice() } else { key });
        length >>= 1;
    }
    let mut digest = first.finalize();

    let mut keys = Sha256::new();
    key.iter().for_each(|_| keys.update(key));
    let keys = repeated(&keys.finalize(), key.len());
    let mut salts = Sha256::new();
    (0..16 + usize::from(digest[0])).for_each(|_| salts.update(salt_bytes));
    let salts = repeated(&salts.finalize(), salt_bytes.len());
    for round in 0..ROUNDS {
        let mut next = Sha256::new();
        let odd = round & 1 == 1;
        next.update(if odd { keys.as_slice() } else { digest.as_slice() });
        if round % 3 != 0 {
            next.update(&*salts);
        }
        if round % 7 != 0 {
            next.update(&*keys);
        }
        next.update(if odd { digest.as_slice() } else { keys.as_slice() });
        digest = next.finalize();
    }
    format!("$5${salt}${}", encoded(&digest))
}

/// Octets of a hash, over and over.
fn repeated(hash: &[u8], length: usize) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(hash.iter().copied().cycle().take(length).collect())
}

/// The order of Drepper's paper: three octets are four letters, the lowest bits first.
fn encoded(digest: &[u8]) -> String {
    let mut text = String::new();
    let mut put = |[high, middle, low]: [u8; 3], letters: u32| {
        let mut bits = u32::from(high) << 16 | u32::from(middle) << 8 | u32::from(low);
        for _ in 0..letters {
            text.push(char::from(ALPHABET[(bits & 63) as usize]));
            bits >>= 6;
        }
    };
    let (mut a, mut b, mut c) = (0, 10, 20);
    for _ in 0..10 {
        put([digest[a], digest[b], digest[c]], 4);
        (a, b, c) = (c + 1, a + 1, b + 1);
    }
    put([0, digest[31], digest[30]], 3);
    text
}

const ALPHABET: &[u8; 64] = b"./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const ROUNDS: u32 = 5_000;
const SALT: usize = 16;
/// Letters that a passphrase has at least.
const LEAST: usize = 8;
/// As many as busybox and musl look at.
const MOST_BYTES: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verifiers_are_those_of_libc() {
        // `openssl passwd -5 -salt SALT PASSPHRASE`.
        for (passphrase, verifier) in [
            ("Hello world!", "$5$saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5"),
            (
                "maíz y frijol 2026, la casa de la loma es muy alta",
                "$5$abcdefgh./ZZ1234$SCKBzSjqdd0c8YhlaMQBTT3HOQrRmaZwwFaEMRpVtS/",
            ),
            ("ana", "$5$x$CzB9CMaOlhf5vmOrIkdbb.pZmNu3Q9TaujcLAcFlud0"),
        ] {
            assert!(fits(passphrase, verifier), "{passphrase}");
            assert!(!fits(&passphrase[1..], verifier), "{passphrase}");
        }
        let own = verifier("maíz y frijol").unwrap();
        assert!(fits("maíz y frijol", &own) && own != verifier("maíz y frijol").unwrap());
        assert!(verifier("corta").is_err() && verifier(&"x".repeat(129)).is_err());
        for nonsense in ["", "$5$", "$1$salt$x", "$5$saltstring", "$p$root"] {
            assert!(!fits("", nonsense) && !fits("root", nonsense), "{nonsense}");
        }
    }
}
