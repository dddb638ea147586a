//! A root key on paper: sixteen words of five letters and two that prove them, said aloud without spelling.
//!
//! Each word holds two bytes: consonant, vowel, consonant, vowel, consonant, of 4, 2, 4, 2 and 4 bits.

use blake2::{Blake2s256, Digest};
use zeroize::Zeroizing;

const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
const VOWELS: &[u8; 4] = b"aiou";
/// Words of a key, and words that prove them.
const WORDS: usize = 16;
const CHECK_WORDS: usize = 2;

/// The lines of a paper: six words each, numbered.
pub(super) fn text(key: &[u8; 32]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(256));
    let check = check(key);
    let mut pairs = [0; 2 * (WORDS + CHECK_WORDS)];
    pairs[..32].copy_from_slice(key);
    pairs[32..].copy_from_slice(&check);
    for (at, pair) in pairs.chunks_exact(2).enumerate() {
        if at % 6 == 0 {
            let line = ["1  ", "\n2  ", "\n3  "][at / 6];
            text.push_str(line);
        } else {
            text.push(' ');
        }
        push_word(&mut text, u16::from_be_bytes([pair[0], pair[1]]));
    }
    text.push('\n');
    zeroize::Zeroize::zeroize(&mut pairs);
    text
}

/// Reads a paper. What is no letter separates words; numbers of lines may stand there or not.
pub(super) fn read(text: &str) -> Result<Zeroizing<[u8; 32]>, String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    let mut bytes = Zeroizing::new([0; 2 * (WORDS + CHECK_WORDS)]);
    let mut count = 0;
    for word in words {
        let number = count + 1;
        let pair = bytes.chunks_exact_mut(2).nth(count);
        let Some(pair) = pair else { return Err("this paper has more than 18 words".to_owned()) };
        let value = value(word).ok_or_else(|| format!("word {number} of the paper is no word of a key"))?;
        pair.copy_from_slice(&value.to_be_bytes());
        count = number;
    }
    if count < WORDS + CHECK_WORDS {
        return Err(format!("this paper has {count} words, a key has 18"));
    }
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(&bytes[..32]);
    if check(&key) == bytes[32..] {
        Ok(key)
    } else {
        Err("a word of this paper is wrong: its last two words do not fit the others".to_owned())
    }
}

fn check(key: &[u8; 32]) -> [u8; 2 * CHECK_WORDS] {
    let hash: [u8; 32] =
        Blake2s256::new().chain_update(b"tequio paper 1").chain_update(key).finalize().into();
    let [a, b, c, d, ..] = hash;
    [a, b, c, d]
}

fn push_word(text: &mut String, value: u16) {
    for (shift, letters) in PLACES {
        let at = usize::from(value >> shift) & (letters.len() - 1);
        text.push(char::from(letters[at]));
    }
}

fn value(word: &str) -> Option<u16> {
    let mut value = 0;
    let letters = word.as_bytes();
    if letters.len() != PLACES.len() {
        return None;
    }
    for (letter, (shift, known)) in letters.iter().zip(PLACES) {
        let at = known.iter().position(|one| *one == letter.to_ascii_lowercase())?;
        value |= u16::try_from(at).ok()? << shift;
    }
    Some(value)
}

const PLACES: [(u32, &[u8]); 5] =
    [(12, CONSONANTS), (10, VOWELS), (6, CONSONANTS), (4, VOWELS), (0, CONSONANTS)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_paper_reads_and_a_wrong_word_is_noticed() {
        let key: [u8; 32] = std::array::from_fn(|at| (at * 37 + 5) as u8);
        let paper = text(&key);
        assert_eq!(paper.lines().count(), 3);
        assert_eq!(read(&paper).as_deref(), Ok(&key));
        assert_eq!(read(&paper.to_uppercase().replace(['1', '2', '3'], "")).as_deref(), Ok(&key));
        let words: Vec<&str> = paper.split_whitespace().filter(|word| word.len() == 5).collect();
        for at in 0..words.len() {
            let mut wrong = words.clone();
            wrong[at] = if wrong[at] == "babab" { "babad" } else { "babab" };
            assert!(read(&wrong.join(" ")).is_err(), "word {at}");
            wrong.remove(at);
            assert!(read(&wrong.join(" ")).unwrap_err().contains("17 words"));
        }
        for at in 1..words.len() {
            let mut swapped = words.clone();
            swapped.swap(at - 1, at);
            assert!(read(&swapped.join(" ")).is_err(), "words {at} swapped");
        }
        assert!(read(&format!("{} babab", *paper)).is_err());
        assert!(read("hola").is_err() && read("").is_err());
    }

    proptest::proptest! {
        #[test]
        fn every_key_reads_back(key: [u8; 32]) {
            proptest::prop_assert_eq!(*read(&text(&key)).unwrap(), key);
        }

        #[test]
        fn arbitrary_text_never_panics(text: String) {
            let _ = read(&text);
        }
    }
}
