//! `request` and `join`: what is done on a node.

use std::io::{Read, Write};
use std::path::Path;

use blake2::{Blake2s256, Digest};
use serde_json::json;

use super::admission;
use super::bundle::{read_file, records_of, seq_start};
use super::options::Options;
use crate::base::limit::{JOURNAL_BYTES, RECORD_TEXT_BYTES};
use crate::cli::qr;
use crate::ledger::text::{encode, fingerprint};
use crate::ledger::{Ledger, RecordId};
use crate::node::plan;
use crate::node::vault::Vault;
use crate::platform::store::Store;
use crate::platform::vault::{KeyVault, Opened, board};

pub(super) const PREFIX: &str = "tequio-request-1";
pub(super) const CHECK_BYTES: usize = 5;
/// Bytes of a line on standard input that are looked at.
const LINE_BYTES: u64 = 4_096;

/// How a node asks to be admitted: its keys and its name, signed with the key that it asks for.
///
/// As text: `tequio-request-1:` fingerprint `:` base32 of key 32, dh 32, signature 64, name, checksum 5.
fn line(vault: &mut KeyVault, name: &str) -> String {
    let (key, dh) = (vault.sign_key(), vault.dh_key());
    let signature = vault.sign(&message(&dh, name));
    let mut bytes = [&key[..], &dh, &signature, name.as_bytes()].concat();
    let check = check(&bytes);
    bytes.extend(check);
    format!("{PREFIX}:{}:{}", fingerprint(&key), encode(&bytes))
}

pub(super) fn message(dh: &[u8; 32], name: &str) -> Vec<u8> {
    [b"tequio request 1\0", &dh[..], name.as_bytes()].concat()
}

pub(super) fn check(bytes: &[u8]) -> [u8; CHECK_BYTES] {
    let hash: [u8; 32] = Blake2s256::digest(bytes).into();
    let [a, b, c, d, e, ..] = hash;
    [a, b, c, d, e]
}

pub(super) fn check_name(name: &str) -> Result<(), String> {
    let good = !name.is_empty() && name.len() <= RECORD_TEXT_BYTES && !name.chars().any(char::is_control);
    if good { Ok(()) } else { Err(format!("--name: expected 1 to {RECORD_TEXT_BYTES} bytes of plain text")) }
}

/// `tequio community request`
pub(super) fn request(options: &Options) -> Result<String, String> {
    let name = options.required("name")?;
    check_name(name)?;
    let mut vault = open_vault(options, &options.path("state")?)?;
    let text = line(&mut vault, name);
    if options.has("qr") {
        return Ok(format!("{}{text}\n", qr::terminal(&text)?));
    }
    if options.has("json") {
        let answer = json!({ "request": text, "fingerprint": fingerprint(&vault.sign_key()), "name": name });
        return Ok(format!("{answer:#}\n"));
    }
    Ok(format!("{text}\n"))
}

/// `tequio community join`
pub(super) fn join(options: &Options) -> Result<String, String> {
    let state = options.path("state")?;
    let Some(line) = options.text("admission")? else {
        return take_in(options, &state, &options.path("bundle")?);
    };
    let mut vault = open_vault(options, &state)?;
    let bundle = admission::read(&line_of(line)?, &vault.sign_key())?;
    take_bundle(options, &state, &mut vault, ("the admission", &bundle))
}

/// Takes the records of a file into a node's journal.
pub(in crate::cli) fn take_in(options: &Options, state: &Path, bundle: &Path) -> Result<String, String> {
    let mut vault = open_vault(options, state)?;
    let bytes = read_file(bundle, JOURNAL_BYTES)?;
    take_bundle(options, state, &mut vault, (&bundle.display().to_string(), &bytes))
}

/// Takes the records of a bundle, which is named in errors, into a node's journal.
fn take_bundle(
    options: &Options,
    state: &Path,
    vault: &mut KeyVault,
    (named, bundle): (&str, &[u8]),
) -> Result<String, String> {
    let key = vault.sign_key();
    let (news, records) = records_of(named, bundle, key)?;
    let (mut store, loaded) = Store::open(state, &vault.journal_key()).map_err(|error| error.to_string())?;
    if let Some(why) = loaded.unwritable {
        return Err(why);
    }
    let mut ledger = Ledger::new(key, seq_start()?);
    for record in &loaded.records {
        ledger
            .handle_stored(record)
            .map_err(|error| format!("the journal in {}: {error}", state.display()))?;
    }
    let known = ledger.community();
    if known.is_some() && known != news.community() {
        return Err(format!(
            "this node belongs to {}, and {} is of {}: a node joins one community. To start afresh, move {} away",
            community_name(&ledger),
            named,
            community_name(&news),
            state.join("journal").display()
        ));
    }
    let mut fresh = Vec::new();
    for record in records {
        if ledger.handle_record(&record).map_err(|error| format!("{named}: {error}"))?.new {
            fresh.push(record);
        }
    }
    let count = fresh.len();
    if count > 0 {
        store.submit(0, fresh, true).map_err(|error| error.to_string())?;
        let (_, result) = store.wait().ok_or("the store thread has ended")?;
        result?;
    }
    Ok(joined(options, &ledger, vault, count))
}

fn joined(options: &Options, ledger: &Ledger, vault: &mut KeyVault, count: usize) -> String {
    let name = community_name(ledger);
    let print = fingerprint(&vault.sign_key());
    let opens =
        ledger.own_shares().iter().any(|share| vault.open_share(share.epoch, &share.context, &share.sealed));
    let member = ledger.own_member();
    let address =
        ledger.charter().zip(ledger.own_state()).and_then(|(charter, own)| plan::address(charter, own));
    if options.has("json") {
        let answer = json!({
            "community": name, "id": ledger.community().map(|id| RecordId(id).to_string()), "new_records": count,
            "fingerprint": print, "admitted": member.is_some(), "secrets": opens,
            "number": member.map(|member| member.number.0), "slot": member.and_then(|member| member.slot),
            "roles": member.map(|member| member.roles.to_string()),
            "address": address.map(|address| address.to_string()),
        });
        return format!("{answer:#}\n");
    }
    let Some(member) = member else {
        return format!(
            "{count} new records of {name}. This node ({print}) is not admitted yet: give the line of \
             `tequio community request` to an officer, then join again with the new file\n"
        );
    };
    let slot = member.slot.map_or("no slot".to_owned(), |slot| format!("slot {slot}"));
    let secrets = match (opens, ledger.own_share().is_some()) {
        (true, _) => "its share of the secrets opens",
        (false, true) => "its share of the secrets does NOT open: ask to be admitted again",
        (false, false) => "it has no share of the secrets yet: ask to be admitted again",
    };
    let address = match address {
        Some(address) => format!("own address {address}"),
        None => "no address of its own: another member has its number".to_owned(),
    };
    format!(
        "{count} new records of {name}. This node is {} ({print}), number {}, {slot}, {}; {secrets}; {address}\n",
        member.name, member.number.0, member.roles
    )
}

fn community_name(ledger: &Ledger) -> String {
    ledger.charter().map_or_else(|| "another community".to_owned(), |charter| charter.name.clone())
}

fn open_vault(options: &Options, state: &Path) -> Result<KeyVault, String> {
    let board = options.value("board")?.or_else(board);
    let (vault, opened) = KeyVault::open(state, board).map_err(|error| error.to_string())?;
    if let Opened::MadeAnew { before } = opened {
        // To the error stream: what is printed is the answer and nothing else.
        let _ = writeln!(
            std::io::stderr(),
            "tequio: the keys in {} belong to the board {before}: this one has got new ones and is another node",
            state.display()
        );
    }
    Ok(vault)
}

/// A line that was given, or that standard input says.
pub(super) fn line_of(given: &str) -> Result<String, String> {
    match given {
        "-" => {
            let mut text = String::new();
            let read = std::io::stdin().lock().take(LINE_BYTES).read_to_string(&mut text);
            read.map_err(|error| format!("standard input cannot be read: {error}"))?;
            Ok(text)
        }
        text => Ok(text.to_owned()),
    }
}
