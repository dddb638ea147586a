//! `docs/rfc-map.md` against the tests: each rule that is done and each mistake of others names tests that exist.

use std::collections::BTreeSet;

/// The names of the tests in a Rust file.
pub(crate) fn tests(text: &str) -> impl Iterator<Item = &str> {
    let marked = text.lines().zip(text.lines().skip(1)).filter(|(mark, _)| mark.trim() == "#[test]");
    marked.filter_map(|(_, line)| line.trim().strip_prefix("fn ")?.split_once('(')).map(|(name, _)| name)
}

/// The names in a text that can only be those of tests: they are sentences.
pub(crate) fn named(document: &str) -> impl Iterator<Item = &str> {
    let is_sentence = |word: &&str| {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        word.bytes().all(plain) && word.matches('_').count() >= 3
    };
    document.split('`').skip(1).step_by(2).filter(is_sentence)
}

/// What the map says and the tests do not, and what it does not say.
pub(crate) fn rot(document: &str, tests: &BTreeSet<&str>) -> Vec<String> {
    let (mut done, mut tested, mut rot) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for (heading, first, row) in rows(document) {
        let last = row.last().copied().unwrap_or_default();
        if let Some(rfc) = heading.strip_prefix("RFC ").filter(|_| first == "Section") {
            // The state of what is elsewhere, or not there yet, says so.
            if !row[3].split([';', ':', ' ']).any(|word| ["later", "elsewhere", "no"].contains(&word)) {
                done.insert(section(rfc, row[0]));
            }
            continue;
        }
        if [WRONG, RULES, FUZZED].contains(&heading) {
            let named: Vec<&str> = last.split('`').skip(1).step_by(2).collect();
            if named.is_empty() {
                rot.push(format!("`{}` names no test", row[0]));
            }
            let missing = named.iter().filter(|name| !tests.contains(**name));
            rot.extend(missing.map(|name| format!("there is no test {name}")));
        }
        if heading == RULES {
            tested.insert(row[0].to_owned());
        }
    }
    rot.extend(done.difference(&tested).map(|rule| format!("`{rule}` is not under \"{RULES}\"")));
    rot.extend(tested.difference(&done).map(|rule| format!("`{rule}` is no rule of the tables above")));
    rot
}

/// The rows of all tables: their heading, the first column's name, their cells.
pub(crate) fn rows(document: &str) -> Vec<(&str, &str, Vec<&str>)> {
    let (mut heading, mut first, mut found) = ("", None, Vec::new());
    for line in document.lines() {
        if let Some(text) = line.strip_prefix("## ") {
            (heading, first) = (text, None);
        } else if let Some(row) = line.strip_prefix("| ") {
            let cells: Vec<&str> = row.trim_end_matches('|').split('|').map(str::trim).collect();
            match first {
                None => first = Some(cells[0]),
                Some(first) => found.push((heading, first, cells)),
            }
        }
    }
    found
}

/// `8966 3.2.1`: the number of the RFC from the heading, unless the section has it.
fn section(rfc: &str, section: &str) -> String {
    let number = rfc.split([',', ' ']).next().unwrap_or_default();
    let has_number = section.bytes().take_while(u8::is_ascii_digit).count() == 4;
    match (has_number, section) {
        (true, section) => section.to_owned(),
        (false, "") => number.to_owned(),
        (false, section) => format!("{number} {section}"),
    }
}

const WRONG: &str = "What others got wrong";
const FUZZED: &str = "What is fuzzed";
const RULES: &str = "What tests each rule";
