//! A node's records to a stick and back; its keys only under a passphrase.

use super::*;
use crate::platform::vault::KeyVault;
use crate::platform::vault::tests::Folder;

#[test]
fn keys_leave_only_under_a_passphrase() {
    let folder = Folder::new("ledger-keys");
    let state = folder.0.join("state");
    drop(KeyVault::open(&state, None).unwrap());
    let text = std::fs::read_to_string(state.join("keys")).unwrap();
    let sealed = backup::seal(&state, "cuatro palabras muy buenas").unwrap();
    let secret = text.lines().find_map(|line| line.strip_prefix("sign ")).unwrap();
    assert!(!String::from_utf8_lossy(&sealed).contains(secret));
    assert_eq!(backup::open(&sealed, "cuatro palabras muy buenas").unwrap().as_str(), text);
    assert!(backup::open(&sealed, "cuatro palabras muy malas").is_none());
    let mut altered = sealed.clone();
    *altered.last_mut().unwrap() ^= 1;
    assert!(backup::open(&altered, "cuatro palabras muy buenas").is_none());
    assert!(backup::open(&sealed[..20], "cuatro palabras muy buenas").is_none());
    assert!(backup::open(&[], "").is_none());
}

#[test]
fn what_is_no_journal_says_so() {
    let folder = Folder::new("ledger-none");
    std::fs::create_dir_all(&folder.0).unwrap();
    let error = read_source(&Source::State(folder.0.clone())).unwrap_err();
    assert!(error.starts_with("cannot read "), "{error}");
    std::fs::write(folder.0.join("journal"), "config tequio").unwrap();
    let error = read_source(&Source::State(folder.0.clone())).unwrap_err();
    assert!(error.ends_with("the file is no journal of tequio"), "{error}");
    std::fs::write(folder.0.join("journal"), journal::HEADER).unwrap();
    let error = read_source(&Source::State(folder.0.clone())).unwrap_err();
    assert_eq!(error, "this node belongs to no community yet");
}
