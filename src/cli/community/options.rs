//! `--name value` words of one command, and how their values are read.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use lexopt::{Arg, Parser};

use crate::base::sorted::SortedMap;
use crate::cli::arguments::told;

/// The options that were given.
#[derive(Debug, Default)]
pub(in crate::cli) struct Options {
    command: &'static str,
    values: SortedMap<String, Vec<String>>,
    /// Words without an option before them.
    words: Vec<String>,
}

impl Options {
    /// Reads all words that are left; `None` if help was asked for. The flag `...` stands for words without an option.
    pub(in crate::cli) fn parse(
        arguments: &mut Parser,
        command: &'static str,
        values: &[&str],
        flags: &[&str],
    ) -> Result<Option<Self>, String> {
        let mut options = Self { command, values: SortedMap::new(), words: Vec::new() };
        while let Some(argument) = arguments.next().map_err(|error| told(&error))? {
            let name = match argument {
                Arg::Long("help") | Arg::Short('h') => return Ok(None),
                Arg::Long(name) => name.to_owned(),
                Arg::Value(word) if flags.contains(&"...") => {
                    options.words.push(word.into_string().map_err(|_| "a word is not UTF-8")?);
                    continue;
                }
                other => {
                    return Err(format!("{}; see `tequio {} --help`", other.unexpected(), whole(command)));
                }
            };
            let value = if values.contains(&name.as_str()) {
                let value = arguments.value().map_err(|error| error.to_string())?;
                value.into_string().map_err(|_| format!("--{name}: the value is not UTF-8"))?
            } else if flags.contains(&name.as_str()) {
                String::new()
            } else {
                return Err(format!("--{name} is unknown; see `tequio {} --help`", whole(command)));
            };
            options.values.entry(name).or_default().push(value);
        }
        Ok(Some(options))
    }

    /// Whether this was given.
    pub(in crate::cli) fn has(&self, name: &str) -> bool {
        self.values.contains_key(name)
    }

    /// Words without an option before them.
    #[cfg(feature = "laptop")]
    pub(in crate::cli) fn words(&self) -> &[String] {
        &self.words
    }

    /// All values of an option that may be given again.
    pub(in crate::cli) fn all(&self, name: &str) -> &[String] {
        self.values.get(name).map_or(&[], Vec::as_slice)
    }

    /// The value of an option that need not be given.
    pub(in crate::cli) fn text(&self, name: &str) -> Result<Option<&str>, String> {
        match self.all(name) {
            [] => Ok(None),
            [value] => Ok(Some(value)),
            _ => Err(format!("--{name} is given twice")),
        }
    }

    /// The value of an option that must be given.
    pub(in crate::cli) fn required(&self, name: &str) -> Result<&str, String> {
        let missing = || format!("--{name} is missing; see `tequio {} --help`", whole(self.command));
        self.text(name)?.filter(|value| !value.is_empty()).ok_or_else(missing)
    }

    /// A path that must be given.
    pub(in crate::cli) fn path(&self, name: &str) -> Result<PathBuf, String> {
        self.required(name).map(PathBuf::from)
    }

    /// A number, an address or the like that need not be given.
    pub(in crate::cli) fn value<T: FromStr<Err: Display>>(&self, name: &str) -> Result<Option<T>, String> {
        let parse = |text: &str| text.parse().map_err(|error| format!("--{name} `{text}`: {error}"));
        self.text(name)?.map(parse).transpose()
    }
}

/// A command as it is typed: those of this folder are the second word of `community`.
fn whole(command: &str) -> String {
    if matches!(command, "report" | "ledger" | "plan-link") {
        command.to_owned()
    } else {
        format!("community {command}")
    }
}
