//! The file `keys` of a node: who it is. Made once, at the first start, readable by its owner only.
//!
//! ```text
//! tequio keys 1
//! board 02:00:5e:10:00:01
//! sign 64 hex digits
//! dh, issuer, journal: the same
//! check 16 hex digits: a hash of all lines above
//! ```
//!
//! The keys are bound to the board: an image that was copied to a second router must not make two nodes
//! with one identity, so there the old file is put aside and new keys are made. A board that does not
//! tell its address (a virtual machine) keeps whatever keys it has.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use blake2::{Blake2s256, Digest};
use zeroize::{Zeroize, Zeroizing};

use crate::base::address::MacAddress;

pub(super) const FILE: &str = "keys";
const FIRST_LINE: &str = "tequio keys 1";
const UNKNOWN_BOARD: MacAddress = MacAddress([0; 6]);
/// Twice what a good file has: a longer one is something else.
const FILE_BYTES: u64 = 1_024;

/// The four secrets of a node.
pub(super) struct NodeKeys {
    pub(super) sign: [u8; 32],
    pub(super) dh: [u8; 32],
    pub(super) issuer: [u8; 32],
    pub(super) journal: [u8; 32],
}

/// Where the keys came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Opened {
    /// They were there.
    Found,
    /// First start: they were made.
    Made,
    /// They were those of another board: new ones were made, the node must be admitted again.
    MadeAnew {
        /// The board that the old ones belong to.
        before: MacAddress,
    },
}

/// Why a node has no keys.
#[derive(Debug)]
pub enum VaultError {
    /// A file or folder refuses.
    File {
        /// What was to be done.
        doing: &'static str,
        /// With which file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The file is there and is not whole.
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
    /// The kernel gives no random numbers.
    NoRandomness,
}

impl NodeKeys {
    /// The keys in `state`, made if there are none.
    pub(super) fn open(state: &Path, board: Option<MacAddress>) -> Result<(Self, Opened), VaultError> {
        make_folder(state)?;
        let path = state.join(FILE);
        match Self::read(&path)? {
            None => Self::make(&path, board).map(|keys| (keys, Opened::Made)),
            Some((keys, bound)) => match board {
                Some(board) if bound != UNKNOWN_BOARD && bound != board => {
                    drop(keys);
                    let aside = state.join(format!("{FILE}.{}", bound.to_string().replace(':', "-")));
                    fs::rename(&path, &aside)
                        .map_err(file("put the keys of another board aside as", &aside))?;
                    Self::make(&path, Some(board)).map(|keys| (keys, Opened::MadeAnew { before: bound }))
                }
                _ => Ok((keys, Opened::Found)),
            },
        }
    }

    /// Random keys.
    pub(super) fn random() -> Result<Self, VaultError> {
        let mut keys = Self { sign: [0; 32], dh: [0; 32], issuer: [0; 32], journal: [0; 32] };
        for key in keys.all_mut() {
            // Blocks until the kernel's generator has been seeded: a router's first boot has little noise.
            getrandom::fill(key).map_err(|_| VaultError::NoRandomness)?;
        }
        Ok(keys)
    }

    fn make(path: &Path, board: Option<MacAddress>) -> Result<Self, VaultError> {
        let keys = Self::random()?;
        write_secret(path, keys.text(board.unwrap_or(UNKNOWN_BOARD)).as_bytes())?;
        Ok(keys)
    }

    fn read(path: &Path) -> Result<Option<(Self, MacAddress)>, VaultError> {
        if fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return Ok(None);
        }
        let damaged = |what| VaultError::Damaged { path: path.to_owned(), what };
        Self::parse(&read_text(path)?).map(Some).map_err(damaged)
    }

    fn parse(text: &str) -> Result<(Self, MacAddress), &'static str> {
        let (signed, check) = text.split_once("check ").ok_or("its last line is missing")?;
        if check.trim_end() != check_of(signed) {
            return Err("its checksum does not fit");
        }
        let mut lines = signed.lines();
        if lines.next() != Some(FIRST_LINE) {
            return Err("it is of another version");
        }
        let mut field = |name: &str| {
            let line = lines.next().and_then(|line| line.strip_prefix(name));
            line.and_then(|line| line.strip_prefix(' ')).ok_or("a line is missing")
        };
        let board = field("board")?.parse().map_err(|_| "the board is no MAC address")?;
        let mut keys = Self { sign: [0; 32], dh: [0; 32], issuer: [0; 32], journal: [0; 32] };
        for (name, key) in NAMES.iter().zip(keys.all_mut()) {
            unhex(field(name)?, key).ok_or("a key is not 64 hex digits")?;
        }
        Ok((keys, board))
    }

    fn text(&self, board: MacAddress) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(512));
        text.push_str(&format!("{FIRST_LINE}\nboard {board}\n"));
        for (name, key) in NAMES.iter().zip([&self.sign, &self.dh, &self.issuer, &self.journal]) {
            text.push_str(name);
            text.push(' ');
            key.iter().for_each(|byte| push_hex(&mut text, *byte));
            text.push('\n');
        }
        let check = check_of(&text);
        text.push_str("check ");
        text.push_str(&check);
        text.push('\n');
        text
    }

    fn all_mut(&mut self) -> [&mut [u8; 32]; 4] {
        [&mut self.sign, &mut self.dh, &mut self.issuer, &mut self.journal]
    }
}

impl Drop for NodeKeys {
    fn drop(&mut self) {
        self.all_mut().into_iter().for_each(Zeroize::zeroize);
    }
}

const NAMES: [&str; 4] = ["sign", "dh", "issuer", "journal"];

/// The address that names this board: the least permanent one of its network hardware. `None` if it has
/// none that tells (virtual machines, namespaces).
pub fn board() -> Option<MacAddress> {
    let entries = fs::read_dir("/sys/class/net").ok()?;
    let permanent = entries.filter_map(Result::ok).map(|entry| entry.path()).filter(|path| {
        let assigned = fs::read_to_string(path.join("addr_assign_type"));
        path.join("device").exists() && assigned.is_ok_and(|kind| kind.trim() == "0")
    });
    let addresses = permanent
        .filter_map(|path| fs::read_to_string(path.join("address")).ok()?.trim().parse::<MacAddress>().ok());
    addresses.filter(|mac| *mac != UNKNOWN_BOARD).min()
}

/// The text of a file of keys.
pub(super) fn read_text(path: &Path) -> Result<Zeroizing<String>, VaultError> {
    if fs::metadata(path).map_err(file("read", path))?.len() > FILE_BYTES {
        return Err(VaultError::Damaged { path: path.to_owned(), what: "it is too long" });
    }
    fs::read_to_string(path).map(Zeroizing::new).map_err(file("read", path))
}

/// Makes a folder that only its owner can enter.
pub(crate) fn make_folder(path: &Path) -> Result<(), VaultError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(file("make the folder", path))
}

/// Writes a file that only its owner can read, whole or not at all; never over one that is there.
pub(crate) fn write_secret(path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".new.{}", std::process::id()));
    let draft = path.with_file_name(name);
    let write = || -> io::Result<()> {
        let mut out = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
        out.write_all(bytes)?;
        out.sync_all()?;
        fs::hard_link(&draft, path).or_else(|error| match error.kind() {
            // Some file systems have no links: the name is free as far as we know.
            io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied if !path.exists() => {
                fs::rename(&draft, path)
            }
            _ => Err(error),
        })
    };
    let written = write();
    // Gone already where it was renamed.
    let _ = fs::remove_file(&draft);
    written.and_then(|()| sync_folder(path)).map_err(file("write", path))
}

/// The same in the place of one that is there: after a crash there is the old one or the new one.
pub(crate) fn replace_secret(path: &Path, bytes: &[u8]) -> Result<(), VaultError> {
    let draft = path.with_extension("next");
    // Left by a run that was cut off.
    let _ = fs::remove_file(&draft);
    write_secret(&draft, bytes)?;
    fs::rename(&draft, path).and_then(|()| sync_folder(path)).map_err(file("write", path))
}

/// Makes the name of a new file last.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> VaultError {
    let path = path.to_owned();
    move |error| VaultError::File { doing, path, error }
}

/// What proves a text whole: eight octets of a hash.
pub(crate) fn check_of(text: &str) -> String {
    let hash = Blake2s256::digest(text.as_bytes());
    let mut check = String::new();
    hash.iter().take(8).for_each(|byte| push_hex(&mut check, *byte));
    check
}

pub(crate) fn push_hex(text: &mut String, byte: u8) {
    for digit in [byte >> 4, byte & 15] {
        text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
    }
}

pub(crate) fn unhex(text: &str, bytes: &mut [u8]) -> Option<()> {
    let digits = text.as_bytes();
    if digits.len() != bytes.len() * 2 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *byte = u8::try_from(high << 4 | low).ok()?;
    }
    Some(())
}

impl fmt::Display for VaultError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { doing, path, error } => {
                write!(formatter, "cannot {doing} {}: {error}", path.display())
            }
            Self::Damaged { path, what } => write!(
                formatter,
                "{} holds this node's keys and is damaged: {what}. Restore it from a backup, or remove it: \
                 then new keys are made and the node must be admitted again",
                path.display()
            ),
            Self::NoRandomness => formatter.write_str("the kernel gives no random numbers"),
        }
    }
}

impl std::error::Error for VaultError {}
