//! A file of a later version: refused, and yet read for what routing needs.
//!
//! A node that was updated and then set back finds a configuration that it does not understand whole. Its
//! guests, prices and persons must not be guessed at, but the ways of its neighbours lead through it: name,
//! folders, mesh interfaces and their keys, announcements, uplinks and filters are taken as far as today's rules read them, and
//! what they do not read is left out with a warning. Nobody writes to the file.

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
        if WHOLE.contains(&rule.kind) && !section.entries.iter().all(|entry| is_understood(entry, rule)) {
            let what = "this version does not understand the whole of it; it is left out";
            findings
                .problems
                .push(Problem { section: Some(title(&section)), ..Problem::at(section.line, what) });
            continue;
        }
        section.entries.retain(|entry| is_understood(entry, rule));
        if rule.kind == "node" && !section.entries.iter().any(|entry| entry.name == "name") {
            let name = Entry { line: section.line, name: "name".into(), value: "node".into(), list: false };
            section.entries.push(name);
        }
        let before = findings.problems.len();
        let is_good = Checked::new(&section, rule, &mut findings).is_some();
        let given = |section: &Section| {
            section.entries.iter().find(|entry| entry.name == rule.unique).map(|entry| entry.value.clone())
        };
        let same = |other: &&Section| other.kind == section.kind;
        let is_new = rule.unique.is_empty()
            || !kept.sections.iter().filter(same).any(|other| given(other) == given(&section));
        if is_good && is_new && kept.sections.iter().filter(same).count() < rule.most {
            kept.sections.push(section);
        } else if findings.problems.len() == before {
            let what = "one section too many of this kind; it is left out";
            findings
                .problems
                .push(Problem { section: Some(title(&section)), ..Problem::at(section.line, what) });
        }
    }
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
}
