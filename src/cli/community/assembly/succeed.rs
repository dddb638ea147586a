//! `succeed`: a new root. With the old root's folder it counts everywhere at once; without it each node accepts it
//! by hand. `paper`: the root as words that a person can copy, and read back.

use std::io::Read;
use std::path::Path;

use ed25519_dalek::SigningKey;
use serde_json::json;
use zeroize::Zeroizing;

use super::folder::{Assembly, RECORDS_FILE};
use super::paper;
use crate::cli::community::bundle::read_bundle;
use crate::cli::community::options::Options;
use crate::cli::qr;
use crate::ledger::Body;
use crate::ledger::body::Succession;
use crate::ledger::text::fingerprint;
use crate::platform::vault::keys::write_secret;

/// Bytes of a paper that are looked at.
const PAPER_BYTES: u64 = 16_384;

/// `tequio community succeed`
pub(super) fn succeed(options: &Options) -> Result<String, String> {
    let folder = options.path("dir")?;
    let (records, old) = match (options.text("old")?, options.text("bundle")?) {
        (Some(old), None) => {
            let old = Assembly::open(old.as_ref())?;
            (old.records().to_vec(), Some(old))
        }
        (None, Some(bundle)) => (read_bundle(bundle.as_ref(), [0; 32])?.1, None),
        _ => {
            return Err(
                "say --old DIR if there is the old root, or --bundle FILE if there is none".to_owned()
            );
        }
    };
    let mut assembly = Assembly::new(&folder)?;
    assembly.take(records)?;
    let before = assembly.ledger.root().ok_or("the records hold no charter")?;
    let root = assembly.root_key();
    let by_hand = old.is_none();
    match old {
        Some(mut old) => {
            old.write(Body::Succession(Box::new(Succession { root, before, heads: Vec::new() })))?;
            assembly.take(old.records().to_vec())?;
            assembly.inherit(old)?;
        }
        None => {
            let heads = assembly.ledger.heads(&before);
            assembly.write(Body::Succession(Box::new(Succession { root, before, heads })))?;
            assembly.ledger.accept_root(root);
        }
    }
    if assembly.ledger.root() != Some(root) {
        return Err("the new root does not count".to_owned());
    }
    let charter = assembly.ledger.charter().ok_or("there is no charter")?.clone();
    let replaces = assembly.ledger.charter_record().into_iter().collect();
    assembly.write(Body::Charter(Box::new(crate::ledger::Charter { root, replaces, ..charter.clone() })))?;
    assembly.put()?;
    let print = fingerprint(&root);
    if options.has("json") {
        let answer = json!({ "community": charter.name, "root": print, "by_hand": by_hand });
        return Ok(format!("{answer:#}\n"));
    }
    let how = if by_hand {
        "Each node counts it once somebody there has compared this fingerprint and accepted it."
    } else {
        "The old root says so: each node that hears it counts the new one."
    };
    Ok(format!(
        "{} has a new root.\n\n  {print}   is its fingerprint.\n\n{how}\n{} is for everybody; then rotate the \
         secrets: tequio community rotate --dir {}\n",
        charter.name,
        folder.join(RECORDS_FILE).display(),
        folder.display()
    ))
}

/// `tequio community paper`
pub(super) fn write_paper(options: &Options) -> Result<String, String> {
    let folder = options.path("dir")?;
    let file = options.path("file")?;
    let assembly = Assembly::open(&folder)?;
    let mut text = paper::text(&assembly.secret());
    let code = Zeroizing::new(qr::terminal(text.trim_end())?);
    text.push('\n');
    text.push_str(&code);
    write_secret(&file, text.as_bytes()).map_err(|error| error.to_string())?;
    Ok(format!(
        "{} holds the root key of {} as words and as a QR code: print it or copy it by hand, twice, and remove the file. Two people \
         keep one paper each.\n`tequio community check --dir {} --paper -` proves that a paper reads.\n",
        file.display(),
        fingerprint(&assembly.root_key()),
        folder.display()
    ))
}

/// What a paper says: whether it is the root key of this community.
pub(super) fn check_paper(assembly: &Assembly, paper: &str) -> Result<(), String> {
    let key = read_paper(paper)?;
    let read = SigningKey::from_bytes(&key).verifying_key().to_bytes();
    if read == assembly.root_key() {
        Ok(())
    } else {
        Err(format!("this paper is whole, and it is the root {} of something else", fingerprint(&read)))
    }
}

/// `tequio community restore`
pub(super) fn restore(options: &Options) -> Result<String, String> {
    let key = read_paper(options.required("paper")?)?;
    let (_, records) = read_bundle(&options.path("bundle")?, [0; 32])?;
    let folder = options.path("dir")?;
    let mut assembly = Assembly::with_root(&folder, SigningKey::from_bytes(&key))?;
    assembly.take(records)?;
    if assembly.ledger.root() != Some(assembly.root_key()) {
        return Err(format!("the root {} is not that of these records", fingerprint(&assembly.root_key())));
    }
    assembly.put()?;
    Ok(format!(
        "{} has the root {} again. The secrets of the epochs are not on paper: make new ones with \
         tequio community rotate --dir {}\n",
        folder.display(),
        fingerprint(&assembly.root_key()),
        folder.display()
    ))
}

/// The key on a paper: a file, or `-` for standard input.
fn read_paper(name: &str) -> Result<Zeroizing<[u8; 32]>, String> {
    let mut text = Zeroizing::new(String::new());
    let read = match name {
        "-" => std::io::stdin().lock().take(PAPER_BYTES).read_to_string(&mut text),
        file => std::fs::File::open(Path::new(file))
            .and_then(|file| file.take(PAPER_BYTES).read_to_string(&mut text)),
    };
    read.map_err(|error| format!("the paper cannot be read: {error}"))?;
    paper::read(&text)
}
