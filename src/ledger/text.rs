//! Keys as people read them aloud: Crockford's base32.

use blake2::{Blake2s256, Digest};

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// 12 symbols that tell keys apart: `ABCD-EFGH-JKMN`, 60 bits of the key's hash. What is read over the
/// radio is compared with what the other side sees.
pub fn fingerprint(key: &[u8; 32]) -> String {
    let hash = Blake2s256::new().chain_update(b"tequio fingerprint 1").chain_update(key).finalize();
    let symbols = encode(&hash);
    [&symbols[..4], &symbols[4..8], &symbols[8..12]].join("-")
}

/// Bytes as symbols of five bits, the last one filled up with zeros.
pub fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(5) * 8);
    let (mut bits, mut held) = (0u16, 0u32);
    for byte in bytes {
        bits = bits << 8 | u16::from(*byte);
        held += 8;
        while held >= 5 {
            held -= 5;
            text.push(symbol(bits >> held));
            bits &= (1 << held) - 1;
        }
    }
    if held > 0 {
        text.push(symbol(bits << (5 - held)));
    }
    text
}

/// What [`encode`] wrote; lower case is as good, `O` is 0, `I` and `L` are 1, dashes and spaces are
/// ignored. `None` for another symbol or if the bits that fill up are not zero.
pub fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 5 / 8);
    let (mut bits, mut held) = (0u16, 0u32);
    for symbol in text.bytes().filter(|byte| *byte != b'-' && !byte.is_ascii_whitespace()) {
        let symbol = match symbol.to_ascii_uppercase() {
            b'O' => b'0',
            b'I' | b'L' => b'1',
            other => other,
        };
        let value = ALPHABET.iter().position(|one| *one == symbol)?;
        bits = bits << 5 | u16::try_from(value).ok()?;
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push(u8::try_from(bits >> held).ok()?);
            bits &= (1 << held) - 1;
        }
    }
    (held < 5 && bits == 0).then_some(bytes)
}

fn symbol(bits: u16) -> char {
    char::from(ALPHABET[usize::from(bits & 31)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_twelve_symbols() {
        let text = fingerprint(&[7; 32]);
        assert_eq!(text.len(), 14);
        assert_ne!(text, fingerprint(&[8; 32]));
    }

    proptest::proptest! {
        #[test]
        fn bytes_read_what_they_wrote(bytes: Vec<u8>) {
            let text = encode(&bytes);
            proptest::prop_assert_eq!(decode(&text), Some(bytes.clone()));
            proptest::prop_assert_eq!(decode(&text.to_lowercase()), Some(bytes));
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _ = decode(&text);
        }
    }
}
