//! One section held against its rule: every value checked once, then handed out as a type.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use super::problem::{Problem, nearest};
use super::routing::VERSION_OPTION;
use super::schema::{Default, OptionRule, SectionRule, Value};
use super::uci::{Entry, Section};
use crate::babel::RouterId;
use crate::base::address::{MacAddress, Prefix};
use crate::base::hours::Hours;
use crate::base::label::is_label;

/// A section whose every value is what its rule asks for.
pub(super) struct Checked<'a> {
    section: &'a Section,
    rule: &'static SectionRule,
}

/// What was found while checking; both lists grow over all sections of a file.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) problems: Vec<Problem>,
    pub(super) warnings: Vec<Problem>,
}

impl<'a> Checked<'a> {
    /// Checks `section`; what is wrong goes to `findings`. `None` if anything was.
    pub(super) fn new(
        section: &'a Section,
        rule: &'static SectionRule,
        findings: &mut Findings,
    ) -> Option<Self> {
        let checked = Self { section, rule };
        let before = findings.problems.len();
        for entry in &section.entries {
            match rule.options.iter().find(|option| option.name == entry.name) {
                Some(option) => findings.problems.extend(checked.entry(entry, option)),
                // Judged before anything else, for the file as a whole.
                None if rule.kind == "node" && entry.name == VERSION_OPTION => {}
                None => findings.warnings.push(checked.unknown(entry)),
            }
        }
        for option in rule.options {
            findings.problems.extend(checked.count(option));
        }
        (findings.problems.len() == before).then_some(checked)
    }

    fn entry(&self, entry: &Entry, option: &OptionRule) -> Option<Problem> {
        if entry.list && !option.is_list() {
            return Some(self.problem(Some(entry), option.name, "this is an option, not a list"));
        }
        // An empty option is one that is not there; an empty item of a list says nothing either.
        (!entry.value.is_empty() && !option.value.allows(&entry.value)).then(|| {
            let what = match option.value {
                // What is wrong with a secret is most of a secret.
                Value::Secret => format!("expected {}", option.value),
                _ => format!("expected {}, found {}", option.value, shown(&entry.value)),
            };
            self.problem(Some(entry), option.name, what)
        })
    }

    fn count(&self, option: &OptionRule) -> Option<Problem> {
        let given: Vec<&Entry> = self.entries(option.name).collect();
        let (least, most) = match option.default {
            Default::Required => (1, 1),
            Default::Is(_) | Default::Derived(_) => (0, 1),
            Default::List(most) => (0, most),
            Default::SomeOf(most) => (1, most),
        };
        if given.len() < least {
            let what = format!("is missing; expected {}", option.value);
            return Some(self.problem(None, option.name, what));
        }
        let beyond = given.get(most)?;
        let what = if most == 1 {
            format!("is given twice, first in line {}", given[0].line)
        } else {
            format!("has more than {most} items")
        };
        Some(self.problem(Some(beyond), option.name, what))
    }

    fn unknown(&self, entry: &Entry) -> Problem {
        let what = match nearest(&entry.name, self.rule.options.iter().map(|option| option.name)) {
            Some(name) => format!("there is no such option and it does nothing; did you mean {name}?"),
            None => "there is no such option and it does nothing".to_owned(),
        };
        self.problem(Some(entry), &entry.name, what)
    }

    /// A problem with an option of this section; `entry` is where it stands, if it does.
    pub(super) fn problem(&self, entry: Option<&Entry>, option: &str, what: impl Into<String>) -> Problem {
        Problem {
            line: Some(entry.map_or(self.section.line, |entry| entry.line)),
            section: Some(title(self.section)),
            option: Some(short(option)),
            what: what.into(),
        }
    }

    /// A problem with what this option says, though it is well-formed.
    pub(super) fn wrong(&self, option: &str, what: impl Into<String>) -> Problem {
        self.problem(self.entries(option).next(), option, what)
    }

    /// A problem with this item of a list.
    pub(super) fn wrong_item(&self, option: &str, value: &str, what: impl Into<String>) -> Problem {
        self.problem(self.entries(option).find(|entry| entry.value == value), option, what)
    }

    /// What kind of section it is.
    pub(super) const fn kind(&self) -> &'static str {
        self.rule.kind
    }

    /// The section's name, if it has one.
    pub(super) fn name(&self) -> Option<&str> {
        self.section.name.as_deref()
    }

    /// The line where the section starts.
    pub(super) fn line(&self) -> u32 {
        self.section.line
    }

    fn entries(&self, option: &str) -> impl Iterator<Item = &'a Entry> {
        let wanted = option.to_owned();
        self.section.entries.iter().filter(move |entry| entry.name == wanted && !entry.value.is_empty())
    }

    /// The value as it was given.
    pub(super) fn given(&self, option: &str) -> Option<&'a str> {
        self.entries(option).next().map(|entry| entry.value.as_str())
    }

    /// The value as it was given, or its default.
    pub(super) fn text(&self, option: &str) -> &'a str {
        let default = self.rule.options.iter().find(|rule| rule.name == option).map(|rule| rule.default);
        match (self.given(option), default) {
            (Some(value), _) | (None, Some(Default::Is(value))) => value,
            _ => "",
        }
    }

    /// The value, or its default, as a type that every allowed value can be read as.
    pub(super) fn value<T: FromStr>(&self, option: &str) -> T {
        self.parsed(self.text(option))
    }

    /// The value, if it was given.
    pub(super) fn optional<T: FromStr>(&self, option: &str) -> Option<T> {
        self.given(option).map(|text| self.parsed(text))
    }

    /// Every item of a list.
    pub(super) fn list<T: FromStr>(&self, option: &str) -> Vec<T> {
        self.entries(option).map(|entry| self.parsed(&entry.value)).collect()
    }

    /// Whether a flag is on.
    pub(super) fn flag(&self, option: &str) -> bool {
        flag(self.text(option)) == Some(true)
    }

    fn parsed<T: FromStr>(&self, text: &str) -> T {
        let Ok(value) = text.parse() else {
            // The table's bounds fit the types of `Config`; the test below asks for every option.
            unreachable!("config {}: the rule allows '{text}', which its type does not hold", self.rule.kind)
        };
        value
    }
}

impl Value {
    /// Whether `text` is such a value.
    pub(super) fn allows(&self, text: &str) -> bool {
        match self {
            Self::Number { least, most } => {
                text.bytes().all(|byte| byte.is_ascii_digit())
                    && text.parse().is_ok_and(|number: u64| (*least..=*most).contains(&number))
            }
            Self::Level => {
                text.strip_prefix('-').is_some_and(|below| Self::Number { least: 1, most: 110 }.allows(below))
            }
            Self::Flag => flag(text).is_some(),
            Self::Choice(words) => words.contains(&text),
            Self::NodeName => is_label(text),
            Self::Login => is_login(text),
            Self::Text => text.chars().count() <= 64 && !text.chars().any(char::is_control),
            Self::Secret => {
                text.len().is_multiple_of(2)
                    && text.len() <= 256
                    && text.bytes().all(|byte| byte.is_ascii_hexdigit())
            }
            Self::Path => text.starts_with('/') && text.len() <= 100 && !text.chars().any(char::is_control),
            Self::Device => {
                text.len() <= 15
                    && !matches!(text, "." | "..")
                    && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"/:\"'\\".contains(&byte))
            }
            Self::Ipv4Address => text.parse().is_ok_and(|address: Ipv4Addr| {
                !address.is_unspecified() && !address.is_multicast() && !address.is_broadcast()
            }),
            Self::Address => text.parse().is_ok_and(|address: IpAddr| {
                !address.is_unspecified() && !address.is_multicast() && address != Ipv4Addr::BROADCAST
            }),
            Self::Ipv4Prefix => {
                is_prefix(text, |prefix| prefix.is_ipv4() && (8..=30).contains(&prefix.length()))
            }
            Self::Ipv6Prefix => {
                is_prefix(text, |prefix| !prefix.is_ipv4() && (1..=64).contains(&prefix.length()))
            }
            Self::Prefix => is_prefix(text, |_| true),
            Self::RouterId => text.parse::<RouterId>().is_ok(),
            Self::Hours => text.parse::<Hours>().is_ok(),
            Self::Mac => text.parse().is_ok_and(|mac: MacAddress| mac.0[0] & 1 == 0 && mac.0 != [0; 6]),
            Self::Host => is_host(text),
            Self::Url => {
                (text.starts_with("http://") || text.starts_with("https://"))
                    && text.len() <= 200
                    && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"'<>`\\".contains(&byte))
            }
        }
    }
}

/// The section's kind and name, as a person would look for it.
pub(super) fn title(section: &Section) -> String {
    match &section.name {
        Some(name) => format!("{} '{}'", short(&section.kind), short(name)),
        None => short(&section.kind),
    }
}

/// A word of the file as a message shows it: of a long one its beginning, and nothing that a terminal
/// would act on.
fn short(word: &str) -> String {
    let clean: String =
        word.chars().take(40).map(|letter| if letter.is_control() { '?' } else { letter }).collect();
    let rest = if word.chars().nth(40).is_some() { "..." } else { "" };
    format!("{clean}{rest}")
}

/// The value in quotes.
fn shown(value: &str) -> String {
    format!("'{}'", short(value))
}

/// The words that OpenWrt's scripts take for yes and no.
fn flag(text: &str) -> Option<bool> {
    match text {
        "1" | "on" | "true" | "yes" | "enabled" => Some(true),
        "0" | "off" | "false" | "no" | "disabled" => Some(false),
        _ => None,
    }
}

fn is_login(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte);
    text.len() <= 32
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(is_plain)
}

/// A prefix without a bit past its length: `10.77.4.1/22` is more often a mistake than a prefix.
fn is_prefix(text: &str, wanted: impl FnOnce(Prefix) -> bool) -> bool {
    let address = text.split_once('/').map_or(text, |(address, _)| address);
    text.parse()
        .is_ok_and(|prefix: Prefix| address.parse() == Ok::<IpAddr, _>(prefix.address()) && wanted(prefix))
}

fn is_host(text: &str) -> bool {
    text.len() <= 253
        && text.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
}
