//! `tequio ledger`: the records of a node in a file, and back. No keys, unless somebody asks and says a passphrase.

use std::fmt::Write as _;
use std::io::{IsTerminal, Read, Write as _};
use std::path::{Path, PathBuf};

use serde_json::json;
use zeroize::Zeroizing;

use super::arguments::told;
use super::community::options::Options;
use super::community::{join, read_records};
use crate::base::limit::JOURNAL_BYTES;
use crate::ledger::text::fingerprint;
use crate::ledger::{Ledger, bundle, journal};
use crate::platform::vault::backup;
use crate::platform::vault::keys::write_secret;

pub(super) const HELP: &str = "\
Usage: tequio ledger export --file FILE [--state DIR] [--keys FILE]
       tequio ledger import --file FILE [--state DIR]
       tequio ledger verify --file FILE

  --file FILE   the records: nothing in it is secret, all of it is signed
  --state DIR   the node's state folder (/etc/tequio)
  --keys FILE   also the node's keys, under a passphrase that standard
                input says; without it no key leaves the node
  --json        for programs

Import wants the daemon stopped; export and verify do not.

Example: tequio ledger export --file /mnt/usb/records
";

/// Bytes of a passphrase that are looked at.
const PASSPHRASE_BYTES: u64 = 1_024;
/// Fewer letters are guessed in an afternoon.
const PASSPHRASE_LEAST: usize = 12;

/// Where records come from.
pub(super) enum Source {
    /// The journal of a node.
    #[cfg(feature = "laptop")]
    State(PathBuf),
    /// A file of records.
    Bundle(PathBuf),
}

#[cfg(feature = "laptop")]
impl Source {
    /// What the options say: a bundle, else a node's state.
    pub(super) fn of(options: &Options) -> Result<Self, String> {
        match (options.text("bundle")?, options.text("state")?) {
            (Some(_), Some(_)) => Err("say --bundle or --state".to_owned()),
            (Some(bundle), None) => Ok(Self::Bundle(bundle.into())),
            (None, state) => Ok(Self::State(state.unwrap_or(DEFAULT_STATE).into())),
        }
    }
}

/// Where the package keeps a node's state.
pub(super) const DEFAULT_STATE: &str = "/etc/tequio";

/// Does what the words behind `ledger` say.
pub(super) fn run(parser: &mut lexopt::Parser) -> Result<String, String> {
    let word = match parser.next().map_err(|error| told(&error))? {
        None | Some(lexopt::Arg::Long("help") | lexopt::Arg::Short('h')) => return Ok(HELP.to_owned()),
        Some(lexopt::Arg::Value(word)) => word.to_string_lossy().into_owned(),
        Some(other) => return Err(other.unexpected().to_string()),
    };
    let values = ["file", "state", "keys", "board"];
    let Some(options) = Options::parse(parser, "ledger", &values, &["json"])? else {
        return Ok(HELP.to_owned());
    };
    match word.as_str() {
        "export" => export(&options),
        "import" => {
            let state = PathBuf::from(options.text("state")?.unwrap_or(DEFAULT_STATE));
            join::take_in(&options, &state, &options.path("file")?)
        }
        "verify" => verify(&options),
        other => Err(format!("`ledger {other}` is unknown: it is one of export, import, verify")),
    }
}

fn export(options: &Options) -> Result<String, String> {
    let state = PathBuf::from(options.text("state")?.unwrap_or(DEFAULT_STATE));
    let file = options.path("file")?;
    let keys = options.text("keys")?.map(PathBuf::from);
    let records = journal_records(&state)?;
    let bytes = bundle::write(records.iter().map(Vec::as_slice));
    // Read as it will be read: a backup that does not verify is none.
    let ledger = load(records.iter().map(Vec::as_slice))?;
    if let Some(keys) = &keys {
        let sealed = backup::seal(&state, &passphrase()?).map_err(|error| error.to_string())?;
        write_secret(keys, &sealed).map_err(|error| error.to_string())?;
    }
    write_secret(&file, &bytes).map_err(|error| error.to_string())?;
    let report = ledger.report();
    if options.has("json") {
        let answer = json!({
            "community": report.community, "records": report.records, "bytes": bytes.len(), "keys": keys.is_some(),
        });
        return Ok(format!("{answer:#}\n"));
    }
    let mut text = format!(
        "{} records of {} in {} bytes, no keys among them\n",
        report.records,
        report.community,
        bytes.len()
    );
    if let Some(keys) = keys {
        let _ = writeln!(text, "{}: the node's keys, useless without the passphrase", keys.display());
    }
    Ok(text)
}

fn verify(options: &Options) -> Result<String, String> {
    let ledger = read_source(&Source::Bundle(options.path("file")?))?;
    let report = ledger.report();
    if options.has("json") {
        return Ok(format!(
            "{:#}\n",
            json!({ "root": ledger.root().map(|root| fingerprint(&root)), "report": report })
        ));
    }
    let mut text = format!(
        "{}: {} records, every signature is good; {} do not count\n",
        report.community,
        report.records,
        report.uncounted.len()
    );
    let later = report.uncounted.iter().filter(|record| record.version > 1).count();
    if later > 0 {
        let _ = writeln!(text, "{later} of these are of a later version, kept and passed on");
    }
    for twice in &report.used_twice {
        let _ = writeln!(text, "  {twice}");
    }
    Ok(text)
}

/// What records say, each signature checked.
pub(super) fn read_source(source: &Source) -> Result<Ledger, String> {
    match source {
        Source::Bundle(path) => read_records(path, [0; 32]).map(|(ledger, _)| ledger),
        #[cfg(feature = "laptop")]
        Source::State(state) => load(journal_records(state)?.iter().map(Vec::as_slice)),
    }
}

fn load<'a>(records: impl Iterator<Item = &'a [u8]>) -> Result<Ledger, String> {
    let mut ledger = Ledger::new([0; 32], 1);
    for (at, record) in records.enumerate() {
        ledger.handle_record(record).map_err(|error| format!("record {} of the journal: {error}", at + 1))?;
    }
    if ledger.charter().is_none() {
        return Err("this node belongs to no community yet".to_owned());
    }
    Ok(ledger)
}

/// The records in a node's journal. Its checksums are the daemon's own; here every signature is checked instead, so
/// no key is needed, and the daemon may run.
fn journal_records(state: &Path) -> Result<Vec<Vec<u8>>, String> {
    let path = state.join("journal");
    let cannot = |error: std::io::Error| format!("cannot read {}: {error}", path.display());
    let length = std::fs::metadata(&path).map_err(cannot)?.len();
    if length > JOURNAL_BYTES {
        return Err(format!("{} has {length} bytes: it is no journal", path.display()));
    }
    let bytes = std::fs::read(&path).map_err(cannot)?;
    let scan = journal::scan(&[0; 32], &bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(scan.records.into_iter().map(|range| bytes[range].to_vec()).collect())
}

fn passphrase() -> Result<Zeroizing<String>, String> {
    if std::io::stdin().is_terminal() {
        // To the error stream: what is printed is the answer and nothing else.
        let _ = write!(std::io::stderr(), "passphrase for the keys: ");
    }
    let mut text = Zeroizing::new(String::new());
    let read = std::io::BufRead::read_line(
        &mut std::io::BufReader::new(std::io::stdin().lock().take(PASSPHRASE_BYTES)),
        &mut text,
    );
    read.map_err(|error| format!("standard input cannot be read: {error}"))?;
    let phrase = Zeroizing::new(text.trim_end_matches(['\n', '\r']).to_owned());
    if phrase.chars().count() < PASSPHRASE_LEAST {
        return Err(format!("a passphrase has {PASSPHRASE_LEAST} letters at least: four words are good"));
    }
    Ok(phrase)
}

#[cfg(test)]
mod tests;
