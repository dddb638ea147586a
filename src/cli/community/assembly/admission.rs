//! `admission`: the line with which an admitted node joins (`community/admission.rs` says what is in it).

use super::expel::find;
use super::folder::Assembly;
use crate::cli::community::admission::PREFIX;
use crate::cli::community::join::check;
use crate::cli::community::options::Options;
use crate::cli::qr;
use crate::ledger::sync::path_of;
use crate::ledger::text::{encode, fingerprint};
use crate::ledger::{Body, bundle};

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
