//! The configuration file of hostapd or wpa_supplicant: one network, its options, and the same text with others.
//!
//! hostapd's is lines of `name=value`, to the letter (`hostapd/config_file.c`). wpa_supplicant's has the network in a block
//! `network={` with lines that may be indented and end in a comment (`wpa_supplicant/config_file.c`). What of a file is
//! not understood stays as it is; what would make two meanings possible is refused.

use std::fs;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use super::settings::PROGRAM;
use crate::base::limit::CONFIG_BYTES;
use crate::platform::vault::keys::sync_folder;
use crate::platform::wireless::Entry;

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// An access point's.
    Hostapd,
    /// A station's, or a mesh point's.
    Supplicant,
}

/// A file with one network.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct File {
    /// Whose it is.
    pub(super) program: Program,
    lines: Vec<String>,
    /// The lines of the network: all, or those within its block.
    network: Range<usize>,
}

impl File {
    /// Reads it; the error says what is wrong, where, and what to do.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let wrong = |why: &dyn std::fmt::Display| format!("{}: {why}", path.display());
        let mut bytes = Vec::new();
        let file = fs::File::open(path).map_err(|error| wrong(&error))?;
        file.take(CONFIG_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|error| wrong(&error))?;
        if bytes.len() > CONFIG_BYTES {
            return Err(wrong(&format!("it has more than {CONFIG_BYTES} octets")));
        }
        let text = String::from_utf8(bytes).map_err(|_| wrong(&"it is no text in UTF-8"))?;
        Self::parse(&text).map_err(|why| wrong(&why))
    }

    /// The same of a text.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.contains(['\r', '\0']) {
            return Err("it has carriage returns or zeroes: write it with plain ends of lines".to_owned());
        }
        let lines: Vec<String> = text.lines().map(str::to_owned).collect();
        let mut blocks = (0..).zip(&lines).filter(|(_, line)| line.trim() == "network={").map(|row| row.0);
        let Some(first) = blocks.next() else {
            let network = 0..lines.len();
            let file = Self { program: Program::Hostapd, lines, network };
            if file.one("interface")?.is_none() {
                return Err(
                    "it is neither hostapd's (no line interface=) nor wpa_supplicant's (no network={)"
                        .to_owned(),
                );
            }
            let second = file.rows().find(|row| row.1 == "bss").map(|row| row.0 + 1);
            return match second {
                Some(line) => Err(format!("line {line}: a second network (bss=): a link's file has one")),
                None => Ok(file),
            };
        };
        if let Some(second) = blocks.next() {
            return Err(format!("line {}: a second network block: a link's file has one", second + 1));
        }
        let length = lines[first..].iter().position(|line| line.trim() == "}");
        let last =
            first + length.ok_or_else(|| format!("line {}: the network block has no end", first + 1))?;
        Ok(Self { program: Program::Supplicant, lines, network: first + 1..last })
    }

    /// What an option of the network is; an error if it stands there twice.
    pub(super) fn one(&self, option: &str) -> Result<Option<&str>, String> {
        let mut found = self.rows().filter(|(at, name, _)| *name == option && self.network.contains(at));
        let first = found.next();
        match found.next() {
            Some((at, ..)) => Err(format!("line {}: {option} stands there twice: leave one", at + 1)),
            None => Ok(first.map(|row| row.2)),
        }
    }

    /// What an option outside of the network is; the last one counts.
    pub(super) fn common(&self, option: &str) -> Option<&str> {
        let is_outside = |at: usize| self.program == Program::Hostapd || !self.network.contains(&at);
        self.rows().filter(|(at, name, _)| *name == option && is_outside(*at)).map(|row| row.2).last()
    }

    /// The folder of its control sockets.
    pub(super) fn folder(&self) -> Result<&str, String> {
        let usual = match self.program {
            Program::Hostapd => {
                let said = self.common("ctrl_interface");
                said.ok_or("it has no control socket: write ctrl_interface=/run/hostapd")?
            }
            // Debian's service names the folder on the command line.
            Program::Supplicant => self.common("ctrl_interface").unwrap_or("/run/wpa_supplicant"),
        };
        let folder = usual.strip_prefix("DIR=").unwrap_or(usual);
        let folder = folder.split_once(" GROUP=").map_or(folder, |(folder, _)| folder);
        let is_folder = folder.starts_with('/');
        is_folder.then_some(folder).ok_or_else(|| format!("ctrl_interface={usual} is no folder"))
    }

    /// The text with the new values of these options, and every other line as it is.
    pub(super) fn with(&self, entries: &[Entry]) -> String {
        let mut lines: Vec<Option<String>> = self.lines.iter().cloned().map(Some).collect();
        let mut more = String::new();
        for entry in entries.iter().filter(|entry| entry.section == PROGRAM) {
            let line = |indent: &str, value: &str| format!("{indent}{}={value}", entry.option);
            let mut found =
                self.rows().filter(|(at, name, _)| *name == entry.option && self.network.contains(at));
            match found.next() {
                Some((at, ..)) => {
                    let old = &self.lines[at];
                    let indent = &old[..old.len() - old.trim_start().len()];
                    lines[at] = entry.new.as_ref().map(|value| line(indent, value));
                }
                None => {
                    let indent = if self.program == Program::Supplicant { "\t" } else { "" };
                    more.extend(entry.new.iter().map(|value| line(indent, value) + "\n"));
                }
            }
        }
        let mut text = String::new();
        for (at, line) in lines.into_iter().enumerate() {
            if at == self.network.end {
                text.push_str(&std::mem::take(&mut more));
            }
            text.extend(line.map(|line| line + "\n"));
        }
        text + &more
    }

    /// Line, name and value of each option.
    fn rows(&self) -> impl Iterator<Item = (usize, &str, &str)> {
        self.lines.iter().enumerate().filter_map(|(at, line)| {
            let is_supplicant = self.program == Program::Supplicant;
            let line = if is_supplicant { line.trim() } else { line };
            let (name, value) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
            Some((at, name, if is_supplicant { bare(value) } else { value }))
        })
    }
}

/// A value without the comment behind it.
fn bare(value: &str) -> &str {
    match value.rfind('"') {
        Some(end) if value.starts_with('"') && end > 0 => &value[..=end],
        _ => value.split('#').next().unwrap_or(value).trim_end(),
    }
}

/// Replaces a file at once, as one that keeps mode and owner; a link to it stays one.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    let draft = draft(&path, text)?;
    fs::rename(draft, &path).and_then(|()| sync_folder(&path))
}

/// Whether that would work.
pub(super) fn try_write(path: &Path) -> io::Result<()> {
    fs::remove_file(draft(&fs::canonicalize(path)?, "\n")?)
}

fn draft(path: &Path, text: &str) -> io::Result<PathBuf> {
    let kept = fs::metadata(path)?;
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tequio");
    let draft = path.with_file_name(name);
    // Left by a run that was cut off.
    let _ = fs::remove_file(&draft);
    // The key is in it: it is nobody's to read before it is as it was.
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft)?;
    let written = file
        .write_all(text.as_bytes())
        .and_then(|()| fchown(&file, Some(kept.uid()), Some(kept.gid())))
        .and_then(|()| file.set_permissions(kept.permissions()))
        .and_then(|()| file.sync_all());
    if written.is_err() {
        let _ = fs::remove_file(&draft);
    }
    written.map(|()| draft)
}
