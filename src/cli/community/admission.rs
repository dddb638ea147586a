//! An admission as a line, where no file can be carried: said over the radio's data channel, typed, or scanned from a screen.
//!
//! It holds what proves a member to its neighbours (its path from the first charter) and its share of the secrets, which opens once the epoch is there. All other
//! records come from any neighbour once the daemon runs.
//!
//! As text: `tequio-admission-1:` fingerprint of the member `:` base32 of a bundle and a checksum of 5 bytes.

use super::assembly::Assembly;
use super::expel::find;
use super::join::check;
use super::options::Options;
use crate::cli::qr;
use crate::ledger::sync::path_of;
use crate::ledger::text::{decode, encode, fingerprint};
use crate::ledger::{Body, bundle};

const PREFIX: &str = "tequio-admission-1";
const CHECK_BYTES: usize = 5;

/// `tequio community admission`
pub(super) fn admission(options: &Options) -> Result<String, String> {
    let assembly = Assembly::open(&options.path("dir")?)?;
    let key = find(&assembly, options.required("member")?)?.member.key;
    let mut records = path_of(&assembly.ledger, key);
    if records.is_empty() {
        return Err("too many officers stand between this member and the root: carry the file".to_owned());
    }
    let granted = assembly.ledger.records().filter_map(|record| match &record.body {
        Body::Grant(grant) if grant.share.member == key => Some((grant.number, record)),
        _ => None,
    });
    records.extend(
        granted.max_by_key(|(number, _)| *number).and_then(|(_, record)| assembly.ledger.bytes_of(record.id)),
    );
    let mut bytes = bundle::write(records.iter().map(Vec::as_slice));
    let check = check(&bytes);
    bytes.extend(check);
    let text = format!("{PREFIX}:{}:{}", fingerprint(&key), encode(&bytes));
    Ok(if options.has("qr") { format!("{}{text}\n", qr::terminal(&text)?) } else { format!("{text}\n") })
}

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
