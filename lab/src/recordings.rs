//! What `lab village --record` promises of its recordings: each replays to the same outputs, twice the same, and none
//! holds a voucher code, the address of a phone, or a key.

use std::path::{Path, PathBuf};

use tequio::hotspot::code::Code;

use crate::failure::{Failure, Outcome, io};
use crate::replay;

/// Bytes that no recording may hold.
#[derive(Clone, Debug)]
pub struct Secret {
    what: String,
    bytes: Vec<u8>,
}

/// What was proven.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Proven {
    /// Recordings.
    pub files: usize,
    /// Their octets.
    pub octets: usize,
    /// Steps that were replayed.
    pub steps: u64,
    /// Recordings that end inside a step, as that of a daemon that was killed may.
    pub torn: usize,
}

/// Replays each recording and the older part of it, if there is one, twice and looks for each secret in it. `known` is a text that each holds, to show that the
/// search is not blind.
pub fn prove(recordings: &[PathBuf], known: &str, secrets: &[Secret]) -> Outcome<Proven> {
    let mut proven = Proven::default();
    let older = recordings.iter().map(|path| path.with_added_extension("1")).filter(|path| path.exists());
    for path in recordings.iter().cloned().chain(older) {
        let path = path.as_path();
        let fails =
            |expected: &str, seen: String| Failure::new(format!("{expected} in {}", path.display()), seen);
        let bytes = std::fs::read(path).map_err(io(format!("the recording {}", path.display())))?;
        let once = replay::run(path, false).map_err(|why| fails("a recording that replays", why))?;
        let twice = replay::run(path, false).map_err(|why| fails("a recording that replays again", why))?;
        if once != twice {
            return Err(fails("the same replay twice", format!("{once:?}, then {twice:?}")));
        }
        if !holds(&bytes, known.as_bytes()) {
            return Err(fails(&format!("the name {known}"), "it is not there".to_owned()));
        }
        if let Some(secret) = secrets.iter().find(|secret| holds(&bytes, &secret.bytes)) {
            return Err(fails("no secret", secret.what.clone()));
        }
        proven.files += 1;
        proven.octets += bytes.len();
        proven.steps += once.steps;
        proven.torn += usize::from(once.torn);
    }
    if proven.files == 0 || secrets.is_empty() {
        return Err(Failure::new("recordings, and secrets that are not in them", "there are none"));
    }
    Ok(proven)
}

/// A voucher code as people write it, and as numbers.
pub fn of_code(code: &str) -> Outcome<Vec<Secret>> {
    let bits = Code::parse(code).map_err(|error| Failure::new("a code", error.to_string()))?.bits();
    let plain = code.replace('-', "");
    let as_format = postcard::to_allocvec(&bits)
        .map_err(|error| Failure::new("the serialised form of a number", error.to_string()))?;
    let spelt = [code.to_owned(), plain.clone(), code.replace('-', " "), code.replace('-', "+")];
    let texts = spelt.into_iter().flat_map(|text| [text.to_lowercase().into_bytes(), text.into_bytes()]);
    let numbers = [bits.to_be_bytes().to_vec(), bits.to_le_bytes().to_vec(), as_format];
    Ok(secrets(&format!("the voucher code {code}"), texts.chain(numbers)))
}

/// The address of a device, given as `02:00:..`.
pub fn of_device(mac: &str) -> Outcome<Vec<Secret>> {
    let mut bytes = Vec::new();
    unhex(&mac.replace(':', ""), &mut bytes).ok_or_else(|| Failure::new("a MAC address", mac))?;
    let texts = [mac.to_owned(), mac.replace(':', "-"), mac.replace(':', "")];
    let texts = texts.into_iter().flat_map(|text| [text.to_uppercase().into_bytes(), text.into_bytes()]);
    // The way IPv6 addresses are made of it (RFC 4291, appendix A).
    let [a, b, c, d, e, f] =
        <[u8; 6]>::try_from(bytes.as_slice()).map_err(|_| Failure::new("a MAC address of 6 octets", mac))?;
    let eui64 = vec![a ^ 2, b, c, 0xff, 0xfe, d, e, f];
    Ok(secrets(&format!("the address of the phone {mac}"), texts.chain([bytes, eui64])))
}

/// The keys in a file of them: the last word of a line, in hex.
pub fn of_key_file(path: &Path) -> Outcome<Vec<Secret>> {
    let text = std::fs::read_to_string(path).map_err(io(format!("the keys {}", path.display())))?;
    let what = format!("a key of {}", path.display());
    let mut found = Vec::new();
    for line in text.lines() {
        let word = line.rsplit(' ').next().unwrap_or_default();
        let mut bytes = Vec::new();
        if word.len() < KEY_BYTES * 2 || unhex(word, &mut bytes).is_none() {
            continue;
        }
        let keys = bytes.chunks_exact(KEY_BYTES).chain(bytes.windows(KEY_BYTES).last());
        found.extend(keys.map(<[u8]>::to_vec));
        found.push(word.as_bytes()[..KEY_BYTES * 2].to_vec());
    }
    if found.is_empty() {
        return Err(Failure::new(format!("keys in {}", path.display()), "no line ends in one"));
    }
    Ok(secrets(&what, found))
}

fn secrets(what: &str, all: impl IntoIterator<Item = Vec<u8>>) -> Vec<Secret> {
    all.into_iter().map(|bytes| Secret { what: what.to_owned(), bytes }).collect()
}

fn holds(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len()).any(|window| window == what)
}

fn unhex(text: &str, bytes: &mut Vec<u8>) -> Option<()> {
    let digits: Option<Vec<u8>> =
        text.chars().map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok())).collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    bytes.extend(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]));
    Some(())
}

const KEY_BYTES: usize = 32;

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn secrets_are_found_however_they_are_written() {
        let code = "ABCD-EFGH-JKMN";
        let bits = Code::parse(code).expect("a code").bits();
        let written: [&[u8]; 5] = [
            b"x ABCD-EFGH-JKMN",
            b"xabcdefghjkmnx",
            b"code=abcd+efgh+jkmn&",
            &bits.to_be_bytes(),
            &bits.to_le_bytes(),
        ];
        let secrets = of_code(code).expect("a code");
        for bytes in written {
            assert!(secrets.iter().any(|secret| holds(bytes, &secret.bytes)), "{bytes:x?}");
        }
        assert!(!secrets.iter().any(|secret| holds(b"ABCD-EFGH-JKMM, nothing else", &secret.bytes)));

        let secrets = of_device("02:7e:90:00:00:1f").expect("an address");
        let written: [&[u8]; 4] = [
            &[0, 2, 0x7e, 0x90, 0, 0, 0x1f],
            b"02-7E-90-00-00-1F",
            b"027e9000001f",
            &[0, 0x7e, 0x90, 0xff, 0xfe, 0, 0, 0x1f],
        ];
        for bytes in written {
            assert!(secrets.iter().any(|secret| holds(bytes, &secret.bytes)), "{bytes:x?}");
        }
    }

    #[test]
    fn keys_are_read_from_the_files_that_hold_them() {
        let path = std::env::temp_dir().join(format!("tequio-lab-keys-{}", std::process::id()));
        let (one, two) = ("0a".repeat(32), "0b".repeat(32));
        std::fs::write(
            &path,
            format!(
                "tequio keys 1\nboard 02:00:00:00:00:01\nsign {one}\nepoch 12ab {one}{two}\ncheck 0102\n"
            ),
        )
        .expect("a file");
        let secrets = of_key_file(&path).expect("keys");
        let raw: Vec<&[u8]> = secrets.iter().map(|secret| secret.bytes.as_slice()).collect();
        assert!(raw.contains(&[0x0a; 32].as_slice()) && raw.contains(&[0x0b; 32].as_slice()));
        std::fs::write(&path, "nothing\n").expect("a file");
        assert!(of_key_file(&path).is_err());
        std::fs::remove_file(&path).expect("it is there");
    }
}
