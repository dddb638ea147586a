//! A file of a later version: refused, and yet read for what routing needs.
//!
//! A node that was updated and then set back finds a configuration that it does not understand whole. Its
//! guests, prices and persons must not be guessed at, but the ways of its neighbours lead through it: name,
//! folders, mesh interfaces and their keys, announcements, uplinks and filters are taken as far as today's rules read them, and
//! what they do not read is left out with a warning. An interface whose packets are guarded in a way that they do not
//! read is left out whole: a neighbour less is better than one whom anybody can play. Nobody writes to the file.

use super::keys::key;
use super::problem::{ConfigError, MOST_PROBLEMS, Problem, Warning};
use super::schema::{SECTIONS, SectionRule};
use super::section::{Checked, Findings, title};
use super::uci::{Document, Entry, Section};
use super::{Config, VERSION, build};

/// The option that says which version of the form a file has.
pub(super) const VERSION_OPTION: &str = "version";
/// The kinds of sections that routing needs.
const ROUTING: [&str; 7] = ["node", "interface", "key", "announce", "uplink", "filter", "entitled"];
/// Those that would mean something else if they were read in part.
const WHOLE: [&str; 2] = ["filter", "entitled"];

/// Whether the file is of a later version.
pub(super) fn is_later(document: &Document) -> bool {
    stated(document).and_then(|(_, entry)| number(entry)).is_some_and(|version| version > VERSION.into())
}

/// What is wrong with the version that the file states: a later one, or no number.
pub(super) fn wrong_version(document: &Document) -> Option<Problem> {
    let (section, entry) = stated(document)?;
    let what = match number(entry) {
        Some(version) if version > VERSION.into() => format!(
            "the file is of version {version}, for a later tequio; this one reads version {VERSION}. Nothing was \
             changed in it: install the later program, or write the file anew"
        ),
        Some(1..) => return None,
        Some(0) | None => format!("expected the number of a version, like {VERSION}"),
    };
    Some(Problem {
        section: Some(title(section)),
        option: Some(VERSION_OPTION.to_owned()),
        ..Problem::at(entry.line, what)
    })
}

fn stated(document: &Document) -> Option<(&Section, &Entry)> {
    let nodes = document.sections.iter().filter(|section| section.kind == "node");
    nodes
        .flat_map(|node| node.entries.iter().map(move |entry| (node, entry)))
        .find(|(_, entry)| entry.name == VERSION_OPTION && !entry.value.is_empty())
}

fn number(entry: &Entry) -> Option<u64> {
    entry.value.bytes().all(|byte| byte.is_ascii_digit()).then(|| entry.value.parse().ok()).flatten()
}

/// What routing needs of a file of a later version.
pub(super) fn config(document: Document, file: &str) -> Result<(Config, Vec<Warning>), ConfigError> {
    let mut findings = Findings::default();
    let mut kept = Document::default();
    for mut section in document.sections {
        let Some(rule) = ROUTING.contains(&section.kind.as_str()).then(|| rule(&section)).flatten() else {
            continue;
        };
        if let Some(what) = why_not_in_part(&section, rule) {
            findings.problems.push(left_out(&section, what));
            continue;
        }
        section.entries.retain(|entry| is_understood(entry, rule));
        if rule.kind == "node" && !section.entries.iter().any(|entry| entry.name == "name") {
            let name = Entry { line: section.line, name: "name".into(), value: "node".into(), list: false };
            section.entries.push(name);
        }
        let before = findings.problems.len();
        let checked = Checked::new(&section, rule, &mut findings);
        let is_good = match &checked {
            Some(checked) if rule.kind == "key" => key(checked, &mut findings).is_some(),
            checked => checked.is_some(),
        };
        let given = |section: &Section| {
            section.entries.iter().find(|entry| entry.name == rule.unique).map(|entry| entry.value.clone())
        };
        let same = |other: &&Section| other.kind == section.kind;
        let is_new = rule.unique.is_empty()
            || !kept.sections.iter().filter(same).any(|other| given(other) == given(&section));
        if is_good && is_new && kept.sections.iter().filter(same).count() < rule.most {
            kept.sections.push(section);
        } else if findings.problems.len() == before {
            findings.problems.push(left_out(&section, "one section too many of this kind"));
        }
    }
    without_unguarded(&mut kept, &mut findings);
    let mut problems = std::mem::take(&mut findings.problems);
    let config = build::config(&kept, &mut findings).filter(|_| findings.problems.is_empty());
    problems.append(&mut findings.problems);
    problems.truncate(MOST_PROBLEMS);
    match config {
        Some(config) => {
            let warn = |problem| Warning { file: file.to_owned(), problem };
            Ok((config, problems.into_iter().map(warn).collect()))
        }
        None => Err(ConfigError { file: file.to_owned(), problems }),
    }
}

/// Why a section must not be read in part, if there is a reason.
fn why_not_in_part(section: &Section, rule: &SectionRule) -> Option<&'static str> {
    let mut strange = section.entries.iter().filter(|entry| !is_understood(entry, rule));
    if WHOLE.contains(&rule.kind) {
        return strange.next().map(|_| "this version does not understand the whole of it");
    }
    let is_guard = |entry: &Entry| rule.kind == "interface" && entry.name == "auth";
    let what =
        "this version does not know this way to prove who speaks (option auth), and will not do without";
    strange.any(is_guard).then_some(what)
}

/// Takes away keys that were left out themselves, and interfaces that would need them.
fn without_unguarded(kept: &mut Document, findings: &mut Findings) {
    let given = |section: &Section, name: &str| {
        section.entries.iter().find(|entry| entry.name == name).map(|entry| entry.value.clone())
    };
    let keys = kept.sections.iter().filter(|section| section.kind == "key");
    let keys: Vec<(String, bool)> = keys
        .filter_map(|key| Some((given(key, "name")?, given(key, "use").is_none_or(|word| word == "sign"))))
        .collect();
    let known = |name: &str| keys.iter().find(|(known, _)| known == name);
    kept.sections.retain_mut(|section| {
        if section.kind != "interface" {
            return true;
        }
        section.entries.retain(|entry| entry.name != "key" || known(&entry.value).is_some());
        let mut left = section.entries.iter().filter(|entry| entry.name == "key");
        let is_guarded = given(section, "auth").is_none_or(|mode| mode == "off")
            || left.any(|entry| known(&entry.value).is_some_and(|(_, signs)| *signs));
        if !is_guarded {
            findings
                .problems
                .push(left_out(section, "this version understands none of the keys that sign here"));
        }
        is_guarded
    });
}

fn left_out(section: &Section, what: &str) -> Problem {
    let what = format!("{what}; it is left out");
    Problem { section: Some(title(section)), ..Problem::at(section.line, what) }
}

fn rule(section: &Section) -> Option<&'static SectionRule> {
    SECTIONS.iter().find(|rule| rule.kind == section.kind)
}

/// Whether today's rules know the option and allow its value.
fn is_understood(entry: &Entry, rule: &SectionRule) -> bool {
    let option = rule.options.iter().find(|option| option.name == entry.name);
    option.is_some_and(|option| entry.list == option.is_list() && option.value.allows(&entry.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::babel::auth::settings::AuthMode;

    #[test]
    fn a_filter_that_is_not_understood_whole_is_left_out_and_the_others_hold() {
        let text = "config node\n\toption name 'a'\n\toption version '9'\n\
                    config filter\n\toption direction 'in'\n\toption prefix '10.0.0.0/8'\n\toption action 'deny'\n\
                    config filter\n\toption direction 'in'\n\toption colour 'red'\n\toption action 'allow'\n";
        let (found, warnings) = config(Document::parse(text).unwrap(), "tequio").unwrap();
        let filters = &found.babel.policy.incoming;
        assert_eq!(filters.iter().map(|filter| filter.adds).collect::<Vec<_>>(), [None]);
        let said = warnings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        assert!(said.contains("line 8") && said.contains("left out"), "{said}");
    }

    #[test]
    fn an_interface_whose_guard_is_not_understood_stays_silent_and_the_others_speak() {
        let interface = |device: &str, more: &str| {
            format!("config interface\n\toption device '{device}'\n\toption kind 'wired'\n{more}")
        };
        let key = |name: &str, more: &str| {
            format!("config key\n\toption name '{name}'\n\toption algorithm 'blake2s128'\n{more}")
        };
        let secret = "\toption value '000102030405060708090a0b0c0d0e0f'\n";
        let text = [
            "config node\n\toption name 'a'\n\toption version '9'\n".to_owned(),
            key("good", secret),
            key("short", "\toption value '00'\n"),
            "config key\n\toption name 'new'\n\toption algorithm 'ml-dsa'\n\toption value '00'\n".to_owned(),
            key("old", &format!("{secret}\toption use 'verify'\n")),
            interface("open", ""),
            interface("off", "\toption auth 'off'\n\tlist key 'new'\n"),
            interface("strict", "\toption auth 'strict'\n\tlist key 'new'\n\tlist key 'good'\n"),
            interface("quantum", "\toption auth 'quantum'\n\tlist key 'good'\n"),
            interface("listed", "\tlist auth 'strict'\n\tlist key 'good'\n"),
            interface("unkeyed", "\toption auth 'strict'\n\tlist key 'new'\n\tlist key 'short'\n"),
            interface("unsigned", "\toption auth 'sign'\n\tlist key 'old'\n"),
        ];
        let (found, warnings) = config(Document::parse(&text.concat()).unwrap(), "tequio").unwrap();
        let speak: Vec<(&str, AuthMode, usize)> = found
            .babel
            .interfaces
            .iter()
            .map(|one| (one.name.as_str(), one.auth.mode, one.auth.keys.len()))
            .collect();
        let (community, off) = (AuthMode::Community, AuthMode::Off);
        assert_eq!(speak, [("open", community, 0), ("off", off, 0), ("strict", AuthMode::Strict, 1)]);
        let said: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        let left_out =
            |word: &str| said.iter().filter(|line| line.contains(word) && line.contains("left out")).count();
        assert_eq!((left_out("option auth"), left_out("none of the keys")), (2, 2), "{said:#?}");
    }
}
