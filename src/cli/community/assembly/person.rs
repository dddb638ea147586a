//! `person`: who works at which node, from the folder of the community. At an officer's node there is a tap for it.

use std::io::Read;

use serde_json::json;
use zeroize::Zeroizing;

use super::expel::{find, open};
use crate::cli::community::options::Options;
use crate::ledger::Body;
use crate::ledger::body::{Person, PersonRole};
use crate::platform::crypt;

/// `tequio community person`
pub(super) fn person(options: &Options) -> Result<String, String> {
    let mut assembly = open(options)?;
    let name = options.required("name")?;
    let word = options.text("role")?.unwrap_or("caretaker");
    let role = ROLES.iter().find(|(known, _)| *known == word).map(|(_, role)| *role);
    let role = role.ok_or_else(|| format!("--role `{word}`: it is viewer, caretaker, admin, or none"))?;
    let before = assembly.ledger.persons().find(|(_, person)| person.name == name);
    let before = before.map(|(id, person)| (id, person.clone()));
    let home = match (options.text("node")?, &before) {
        (Some(node), _) => find(&assembly, node)?.member.key,
        (None, Some((_, person))) => person.home,
        (None, None) => return Err("--node is missing: where she works".to_owned()),
    };
    let verifier = match (options.text("passphrase")?, &before) {
        (Some(file), _) => crypt::verifier(passphrase(file)?.trim_end_matches(['\r', '\n']))?,
        (None, Some((_, person))) => person.verifier.clone(),
        (None, None) if role == PersonRole::Gone => String::new(),
        (None, None) => return Err("--passphrase is missing: a file, or `-` for standard input".to_owned()),
    };
    let replaces = before.map(|(id, _)| id).into_iter().collect();
    let id = assembly.write(Body::Person(Box::new(Person {
        name: name.to_owned(),
        role,
        home,
        verifier,
        replaces,
    })))?;
    assembly.save()?;
    if options.has("json") {
        return Ok(format!("{:#}\n", json!({ "person": name, "role": word, "record": id.to_string() })));
    }
    Ok(format!("{name}: {word}. Carry the records to the nodes: her own one lets her in by her name.\n"))
}

/// Never an argument: everybody on the machine could read it.
fn passphrase(file: &str) -> Result<Zeroizing<String>, String> {
    let mut text = Zeroizing::new(String::new());
    let read = match file {
        "-" => std::io::stdin().lock().take(PASSPHRASE_BYTES).read_to_string(&mut text),
        path => {
            std::fs::File::open(path).and_then(|file| file.take(PASSPHRASE_BYTES).read_to_string(&mut text))
        }
    };
    read.map_err(|error| format!("--passphrase {file}: {error}"))?;
    Ok(text)
}

const ROLES: [(&str, PersonRole); 4] = [
    ("none", PersonRole::Gone),
    ("viewer", PersonRole::Viewer),
    ("caretaker", PersonRole::Caretaker),
    ("admin", PersonRole::Admin),
];
const PASSPHRASE_BYTES: u64 = 256;
