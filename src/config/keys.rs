//! The static keys of the mesh: `config key`, and which of them an interface uses.
//!
//! A key is a secret. Its value is in no message, in no `Debug`, and never among the node's settings: those
//! hold names, and the values go to the vault. In a file of its own it may be read by its owner only.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::Config;
use super::problem::{ConfigError, Problem, Warning};
use super::section::{Checked, Findings};
use crate::babel::auth::settings::{Algorithm, Auth, AuthMode, KeyUse};
use crate::base::sorted::SortedMap;

/// A static key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its name, which interfaces know it by.
    pub name: String,
    /// What MACs are made by.
    pub algorithm: Algorithm,
    /// Whether what we send carries its MAC.
    pub signs: bool,
    /// The key itself.
    pub secret: Secret,
    /// Where it is still to be read from.
    file: Option<PathBuf>,
    /// Where a message about it points to.
    place: Problem,
}

/// Octets that nobody sees.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Zeroizing<Vec<u8>>);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a secret of {} octets", self.0.len())
    }
}

/// The key that a section describes.
pub(super) fn key(section: &Checked<'_>, findings: &mut Findings) -> Option<Key> {
    let algorithm = match section.text("algorithm") {
        "blake2s128" => Algorithm::Blake2s128,
        _ => Algorithm::HmacSha256,
    };
    let (value, file) = (section.given("value"), section.optional::<PathBuf>("file"));
    let mut wrong = |option: &str, what: &str| findings.problems.push(section.wrong(option, what));
    let secret = match (value, &file) {
        (Some(_), Some(_)) => {
            wrong("file", "the key is given as value too; only one of them can be right");
            return None;
        }
        (None, None) => {
            wrong("value", "is missing; give the key here or name a file that holds it");
            return None;
        }
        (Some(value), None) => match unhex(value).filter(|secret| fits(algorithm, secret)) {
            Some(secret) => secret,
            None => {
                wrong("value", &wanted(algorithm));
                return None;
            }
        },
        (None, Some(_)) => Secret(Zeroizing::default()),
    };
    Some(Key {
        name: section.value("name"),
        algorithm,
        signs: section.text("use") == "sign",
        secret,
        place: section.wrong(if file.is_some() { "file" } else { "value" }, ""),
        file,
    })
}

/// How an interface proves whom its packets are from.
pub(super) fn auth(section: &Checked<'_>, keys: &[Key], findings: &mut Findings) -> Auth {
    let mode = match section.text("auth") {
        "strict" => AuthMode::Strict,
        "sign" => AuthMode::Sign,
        "off" => AuthMode::Off,
        _ => AuthMode::Community,
    };
    let mut used: Vec<KeyUse> = Vec::new();
    for name in section.list::<String>("key") {
        match keys.iter().find(|key| key.name == name) {
            Some(key) if used.iter().all(|other| other.name != name) => {
                used.push(KeyUse { name, algorithm: key.algorithm, signs: key.signs });
            }
            Some(_) => {
                findings.problems.push(section.wrong_item("key", &name, "this key is listed twice"));
            }
            None => {
                let what =
                    format!("there is no config key with the name '{name}', or it is not right itself");
                findings.problems.push(section.wrong_item("key", &name, what));
            }
        }
    }
    // Without any, the community's keys sign.
    if matches!(mode, AuthMode::Sign | AuthMode::Strict)
        && !used.is_empty()
        && !used.iter().any(|key| key.signs)
    {
        let what = "needs at least one key (list key) whose use is sign";
        findings.problems.push(section.wrong("auth", what));
    }
    Auth { mode, keys: used }
}

/// Reads the keys that stand in files of their own.
pub(super) fn load(config: &mut Config, path: &Path, warnings: &mut Vec<Warning>) -> Result<(), ConfigError> {
    let mut problems = Vec::new();
    let file = path.display().to_string();
    let open_to_all = std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & FOR_OTHERS != 0);
    for key in &mut config.keys {
        let Some(from) = &key.file else {
            if open_to_all {
                let what = format!("everybody on this machine can read it: chmod 600 {file}, or use a file");
                warnings.push(Warning { file: file.clone(), problem: Problem { what, ..key.place.clone() } });
            }
            continue;
        };
        match read(from, key.algorithm) {
            Ok(secret) => key.secret = secret,
            Err(what) => problems.push(Problem { what, ..key.place.clone() }),
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(ConfigError { file, problems }) }
}

fn read(path: &Path, algorithm: Algorithm) -> Result<Secret, String> {
    let cannot = |error: std::io::Error| format!("{} cannot be read: {error}", path.display());
    let file = File::open(path).map_err(cannot)?;
    let mode = file.metadata().map_err(cannot)?.mode();
    if mode & FOR_OTHERS != 0 {
        return Err(format!("everybody on this machine can read the key: chmod 600 {}", path.display()));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(KEY_FILE_BYTES).read_to_string(&mut text).map_err(cannot)?;
    unhex(text.trim())
        .filter(|secret| fits(algorithm, secret))
        .ok_or_else(|| format!("{}: {}", path.display(), wanted(algorithm)))
}

fn fits(algorithm: Algorithm, secret: &Secret) -> bool {
    algorithm.key_lengths().contains(&secret.0.len())
}

fn wanted(algorithm: Algorithm) -> String {
    let (name, lengths) = match algorithm {
        Algorithm::HmacSha256 => ("hmac-sha256", algorithm.key_lengths()),
        Algorithm::Blake2s128 => ("blake2s128", algorithm.key_lengths()),
    };
    let (least, most) = (lengths.start(), lengths.end());
    format!("a key for {name} has {least} to {most} octets, two hex digits each")
}

fn unhex(text: &str) -> Option<Secret> {
    let digits = text.as_bytes();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |digit: u8| char::from(digit).to_digit(16);
    let octet = |pair: &[u8]| u8::try_from(digit(pair[0])? << 4 | digit(pair[1])?).ok();
    let secret: Option<Vec<u8>> = digits.chunks_exact(2).map(octet).collect();
    secret.map(|secret| Secret(Zeroizing::new(secret)))
}

impl Config {
    /// The static keys, by name: for the vault, and for nobody else.
    pub fn secrets(&self) -> SortedMap<String, (Algorithm, Secret)> {
        let named = |key: &Key| (key.name.clone(), (key.algorithm, key.secret.clone()));
        self.keys.iter().map(named).collect()
    }
}

/// Read permission of everybody else.
const FOR_OTHERS: u32 = 0o004;
/// The longest key in hex, and a generous end of line.
const KEY_FILE_BYTES: u64 = 300;

#[cfg(test)]
mod tests;
