//! Records in a file, and how they become a ledger.

use std::fs;
use std::path::Path;

use zeroize::Zeroizing;

use crate::base::limit::JOURNAL_BYTES;
use crate::ledger::{Ledger, bundle};

/// Reads and verifies a bundle into a ledger of this key.
pub(in crate::cli) fn read_bundle(path: &Path, own_key: [u8; 32]) -> Result<(Ledger, Vec<Vec<u8>>), String> {
    records_of(&path.display().to_string(), &read_file(path, JOURNAL_BYTES)?, own_key)
}

/// The same of a bundle's bytes, which are named in errors.
pub(super) fn records_of(
    named: &str,
    bytes: &[u8],
    own_key: [u8; 32],
) -> Result<(Ledger, Vec<Vec<u8>>), String> {
    let wrong = |what: String| format!("{named}: {what}");
    let mut ledger = Ledger::new(own_key, seq_start()?);
    let mut records = Vec::new();
    for (at, record) in bundle::read(bytes).map_err(|error| wrong(error.to_string()))?.into_iter().enumerate()
    {
        ledger.handle_record(record).map_err(|error| wrong(format!("record {}: {error}", at + 1)))?;
        records.push(record.to_vec());
    }
    if ledger.charter().is_none() {
        return Err(wrong("it holds no charter, so it belongs to no community".into()));
    }
    Ok((ledger, records))
}

/// How far above known numbers a run begins to count.
pub(super) fn seq_start() -> Result<u64, String> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|error| format!("the kernel gives no random numbers: {error}"))?;
    Ok(u64::from(u32::from_be_bytes(bytes)) + 1)
}

/// A file of a community, of so many bytes at most.
pub(super) fn read_file(path: &Path, most: u64) -> Result<Zeroizing<Vec<u8>>, String> {
    let cannot = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let length = fs::metadata(path).map_err(cannot)?.len();
    if length > most {
        return Err(format!("{} has {length} bytes: it is no file of a community", path.display()));
    }
    fs::read(path).map(Zeroizing::new).map_err(cannot)
}
