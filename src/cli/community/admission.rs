//! An admission as a line, where no file can be carried: said over the radio's data channel, typed, or scanned from a screen.
//!
//! It holds what proves a member to its neighbours (its path from the first charter) and its share of the secrets, which opens once the epoch is there. All other
//! records come from any neighbour once the daemon runs.
//!
//! As text: `tequio-admission-1:` fingerprint of the member `:` base32 of a bundle and a checksum of 5 bytes.

use super::join::check;
use crate::ledger::text::{decode, fingerprint};

pub(super) const PREFIX: &str = "tequio-admission-1";
const CHECK_BYTES: usize = 5;

/// The bundle in a line, however that was broken on its way, for the node with this key.
pub(super) fn read(text: &str, key: &[u8; 32]) -> Result<Vec<u8>, String> {
    let text: String = text.split_whitespace().collect();
    let (shown, symbols) = text
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.strip_prefix(':')?.split_once(':'))
        .ok_or_else(|| format!("this is no admission: expected one line that begins with {PREFIX}:"))?;
    if shown != fingerprint(key) {
        return Err(format!("this admission is for the node {shown}, this one is {}", fingerprint(key)));
    }
    let mistyped = || "the admission was not copied whole: its checksum does not fit".to_owned();
    let bytes = decode(symbols).ok_or_else(mistyped)?;
    let (bundle, sum) = bytes.split_last_chunk::<CHECK_BYTES>().ok_or_else(mistyped)?;
    if check(bundle) == *sum { Ok(bundle.to_vec()) } else { Err(mistyped()) }
}
