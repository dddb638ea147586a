//! Keys in the configuration: where they come from, what is refused, and that nobody sees them.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use crate::babel::auth::settings::{Algorithm, AuthMode};
use crate::config::Config;

const NODE: &str = "config node\n\toption name 'a'\n";
const SECRET: &str = "3031323334353637383961626364656630313233343536373839616263646566";

fn interface(auth: &str, keys: &[&str]) -> String {
    let keys: String = keys.iter().map(|key| format!("\tlist key '{key}'\n")).collect();
    format!("config interface\n\toption device 'x'\n\toption kind 'wired'\n\toption auth '{auth}'\n{keys}")
}

fn key(name: &str, algorithm: &str, rest: &str) -> String {
    format!("config key\n\toption name '{name}'\n\toption algorithm '{algorithm}'\n\toption {rest}\n")
}

fn refused(text: &str) -> String {
    Config::parse(&format!("{NODE}{text}"), "tequio").unwrap_err().to_string()
}

/// A folder of this test, and a configuration in it.
fn files(test: &str, key: &str, mode: u32) -> (PathBuf, PathBuf) {
    let folder = std::env::temp_dir().join(format!("tequio-keys-{}-{test}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (config, file) = (folder.join("config"), folder.join("key"));
    std::fs::write(&file, key).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    (config, file)
}

#[test]
fn an_interface_knows_its_keys_by_name_and_only_the_vault_gets_their_values() {
    let text = [
        NODE,
        &interface("strict", &["new", "old"]),
        &key("old", "hmac-sha256", &format!("value '{SECRET}'\n\toption use 'verify'")),
        &key("new", "blake2s128", "value '000102030405060708090a0b0c0d0e0f'"),
    ];
    let (config, _) = Config::parse(&text.concat(), "tequio").unwrap();
    let auth = &config.babel.interfaces[0].auth;
    let uses: Vec<_> = auth.keys.iter().map(|key| (key.name.as_str(), key.algorithm, key.signs)).collect();
    assert_eq!(auth.mode, AuthMode::Strict);
    assert_eq!(uses, [("new", Algorithm::Blake2s128, true), ("old", Algorithm::HmacSha256, false)]);
    assert_eq!(config.secrets()["old"].1.0.as_slice(), b"0123456789abcdef0123456789abcdef");
    let shown = format!("{config:?}");
    assert!(!shown.contains("48, 49, 50") && !shown.contains(SECRET), "{shown}");
}

#[test]
fn what_cannot_be_is_refused_with_its_line_and_without_the_key() {
    let use_it = interface("strict", &["k"]);
    for (text, expected) in [
        (
            key("k", "hmac-sha256", "value '00112233445566778899'"),
            "line 11, section key, option value: a key for \
          hmac-sha256 has 32 to 64 octets",
        ),
        (
            key("k", "blake2s128", &format!("value '{SECRET}00'")),
            "line 11, section key, option value: a key for \
          blake2s128 has 16 to 32 octets",
        ),
        (
            key("k", "blake2s128", "value '00112233445566778899aabbccddeef'"),
            "line 11, section key, option value: \
          expected a key as an even number of hex digits",
        ),
        (
            key("k", "md5", &format!("value '{SECRET}'")),
            "line 10, section key, option algorithm: expected one of",
        ),
        (key("k", "blake2s128", "use 'sign'"), "line 8, section key, option value: is missing"),
        (
            key("k", "blake2s128", "value '00'\n\toption file '/k'"),
            "line 12, section key, option file: the key is \
          given as value too",
        ),
        (
            key("other", "hmac-sha256", &format!("value '{SECRET}'")),
            "line 7, section interface, option key: there \
          is no config key with the name 'k'",
        ),
        (
            key("k", "hmac-sha256", &format!("value '{SECRET}'\n\toption use 'verify'")),
            "line 6, section interface, \
          option auth: needs at least one key",
        ),
    ] {
        let said = refused(&format!("{use_it}{text}"));
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains("00112233") && !said.contains(SECRET), "{said}");
    }
    for (word, mode) in [
        ("community", AuthMode::Community),
        ("sign", AuthMode::Sign),
        ("strict", AuthMode::Strict),
        ("off", AuthMode::Off),
    ] {
        let (config, _) = Config::parse(&format!("{NODE}{}", interface(word, &[])), "tequio").unwrap();
        assert_eq!(config.babel.interfaces[0].auth.mode, mode, "the community's keys need not be named");
    }
    let two = key("k", "hmac-sha256", &format!("value '{SECRET}'"));
    assert!(
        refused(&format!("{}{two}", interface("strict", &["k", "k"]))).contains("this key is listed twice")
    );
}

#[test]
fn a_key_in_a_file_of_its_own_is_read_if_nobody_else_can() {
    for (test, content, mode, expected) in [
        ("good", format!("{SECRET}\n"), 0o600, ""),
        ("open", SECRET.to_owned(), 0o644, "everybody on this machine can read the key: chmod 600"),
        ("short", "0011".to_owned(), 0o600, "has 32 to 64 octets"),
        ("long", "00".repeat(400), 0o600, "has 32 to 64 octets"),
        ("none", "the key".to_owned(), 0o600, "has 32 to 64 octets"),
    ] {
        let (config, file) = files(test, &content, mode);
        let section = key("k", "hmac-sha256", &format!("file '{}'", file.display()));
        std::fs::write(&config, format!("{NODE}{}{section}", interface("strict", &["k"]))).unwrap();
        match Config::load(&config) {
            Ok((loaded, warnings)) => {
                assert_eq!((expected, warnings.len()), ("", 0), "{test}");
                assert_eq!(loaded.secrets()["k"].1.0.len(), 32);
            }
            Err(error) => {
                let said = error.to_string();
                assert!(!expected.is_empty() && said.contains(expected), "{test}: {said}");
                assert!(said.contains("line 11, section key, option file"), "{said}");
            }
        }
        std::fs::remove_dir_all(config.parent().unwrap()).unwrap();
    }
}

#[test]
fn a_key_in_a_configuration_that_all_can_read_is_a_warning() {
    let (config, _) = files("warning", "", 0o600);
    let section = key("k", "hmac-sha256", &format!("value '{SECRET}'"));
    std::fs::write(&config, format!("{NODE}{section}")).unwrap();
    for (mode, warned) in [(0o644, 1), (0o600, 0)] {
        std::fs::set_permissions(&config, std::fs::Permissions::from_mode(mode)).unwrap();
        let (_, warnings) = Config::load(&config).unwrap();
        assert_eq!(warnings.len(), warned, "{warnings:?}");
        assert!(!format!("{warnings:?}").contains(SECRET));
    }
    std::fs::remove_dir_all(config.parent().unwrap()).unwrap();
}
