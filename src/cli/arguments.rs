//! From the words of the command line to what shall be done.

use std::ffi::OsString;
use std::path::PathBuf;

use lexopt::Arg;
use serde_json::{Map, Value};

use super::commands::{COMMANDS, Command, Kind, Operand};
use crate::platform::ubus::ArgumentType;

/// What holds for every command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    /// Where the configuration is.
    pub(super) config: PathBuf,
    /// Whether that was said, or is only usual.
    pub(super) config_given: bool,
    /// Where the broker listens, if that was said.
    pub(super) socket: Option<PathBuf>,
    /// Whether a program reads the answer.
    pub(super) json: bool,
}

/// What shall be done.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Task {
    /// Print a text, and that was all.
    Print(String),
    /// Do what the command says, with these arguments.
    Do(&'static Command, Given),
}

/// The arguments of a command.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Given {
    /// Those that the daemon is asked with.
    pub(super) arguments: Map<String, Value>,
    /// Whether the code of a voucher is still to be read from standard input.
    pub(super) code_from_input: bool,
}

/// Why the words make no sense; the sentence is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Usage(pub(super) String);

impl From<lexopt::Error> for Usage {
    fn from(error: lexopt::Error) -> Self {
        Self(told(&error))
    }
}

/// What lexopt found, as lexopt says it. It shows words by `Debug`, and a router's build has none (`scripts/cross.sh`).
pub(super) fn told(error: &lexopt::Error) -> String {
    let quoted = |word: &OsString| {
        let plain = |symbol: char| if symbol.is_control() { char::REPLACEMENT_CHARACTER } else { symbol };
        format!("\"{}\"", word.to_string_lossy().chars().map(plain).collect::<String>())
    };
    match error {
        lexopt::Error::UnexpectedArgument(word) => format!("unexpected argument {}", quoted(word)),
        lexopt::Error::UnexpectedValue { option, value } => {
            format!("unexpected argument for option '{option}': {}", quoted(value))
        }
        lexopt::Error::NonUnicodeValue(word) => format!("argument is invalid unicode: {}", quoted(word)),
        other => other.to_string(),
    }
}

/// Where the configuration of an OpenWrt router is.
pub(super) const DEFAULT_CONFIG: &str = "/etc/config/tequio";

/// Reads the words. For `community` it stops behind that word: the rest of `parser` belongs to it.
pub(super) fn parse(parser: &mut lexopt::Parser) -> Result<(Options, Task), Usage> {
    let config = PathBuf::from(DEFAULT_CONFIG);
    let mut options = Options { config, config_given: false, socket: None, json: false };
    loop {
        match parser.next()? {
            None => return Ok((options, Task::Print(super::commands::overview()))),
            Some(Arg::Value(word)) => {
                let task = parse_command(parser, &mut options, word)?;
                return Ok((options, task));
            }
            Some(argument) => match global(&argument) {
                Some(option) => {
                    if let Some(text) = options.take(option, parser, super::commands::overview)? {
                        return Ok((options, Task::Print(text)));
                    }
                }
                None => return Err(unknown_option(&argument, &[])),
            },
        }
    }
}

/// The option of every command that this is.
fn global(argument: &Arg<'_>) -> Option<&'static str> {
    match argument {
        Arg::Short('h') => Some("help"),
        Arg::Short('V') => Some("version"),
        Arg::Long(name) => GLOBAL_NAMES.iter().find(|known| *known == name).copied(),
        _ => None,
    }
}

impl Options {
    /// Takes one option of every command. `Some` if a text is all that is wanted.
    fn take(
        &mut self,
        option: &str,
        parser: &mut lexopt::Parser,
        help: impl Fn() -> String,
    ) -> Result<Option<String>, Usage> {
        match option {
            "help" => return Ok(Some(help())),
            "version" => return Ok(Some(format!("tequio {}\n", env!("CARGO_PKG_VERSION")))),
            "config" => {
                self.config = parser.value()?.into();
                self.config_given = true;
            }
            "socket" => self.socket = Some(parser.value()?.into()),
            _ => self.json = true,
        }
        Ok(None)
    }
}

fn parse_command(parser: &mut lexopt::Parser, options: &mut Options, word: OsString) -> Result<Task, Usage> {
    let first = text(word)?;
    if first == "help" {
        return help_about(parser);
    }
    let Some(command) = COMMANDS.iter().find(|command| command.words[0] == first) else {
        return Err(unknown_command(&first, COMMANDS.iter().map(|command| command.words[0])));
    };
    let command = match command.words.len() {
        1 => command,
        _ => match second_word(parser, options, &first)? {
            Second::Command(command) => command,
            Second::Text(text) => return Ok(Task::Print(text)),
        },
    };
    if command.kind.parses_itself() {
        return Ok(Task::Do(command, Given::default()));
    }
    let mut given = Given::default();
    if let Some(text) = given.fill(command, parser, options)? {
        return Ok(Task::Print(text));
    }
    Ok(Task::Do(command, given))
}

enum Second {
    Command(&'static Command),
    Text(String),
}

/// The second word of a command that has two.
fn second_word(parser: &mut lexopt::Parser, options: &mut Options, first: &str) -> Result<Second, Usage> {
    let group = || COMMANDS.iter().filter(|command| command.words[0] == first);
    let seconds = || group().filter_map(|command| command.words.get(1).copied());
    loop {
        match parser.next()? {
            None => {
                let names: Vec<&str> = seconds().collect();
                return Err(Usage(format!("`{first}` needs a second word: {}", names.join(", "))));
            }
            Some(Arg::Value(word)) => {
                let second = text(word)?;
                return match group().find(|command| command.words.get(1) == Some(&second.as_str())) {
                    Some(command) => Ok(Second::Command(command)),
                    None => Err(unknown_command(&second, seconds())),
                };
            }
            Some(argument) => match global(&argument) {
                Some(option) => {
                    let help = || super::commands::group_help(first);
                    if let Some(text) = options.take(option, parser, help)? {
                        return Ok(Second::Text(text));
                    }
                }
                None => return Err(unknown_option(&argument, &[])),
            },
        }
    }
}

/// `tequio help`, `tequio help why`, `tequio help voucher issue`.
fn help_about(parser: &mut lexopt::Parser) -> Result<Task, Usage> {
    let mut words = Vec::new();
    while let Some(argument) = parser.next()? {
        if let Arg::Value(word) = argument {
            words.push(text(word)?);
        }
    }
    let Some(first) = words.first() else { return Ok(Task::Print(super::commands::overview())) };
    let exact = COMMANDS.iter().find(|command| command.words == words);
    let group = COMMANDS.iter().any(|command| command.words[0] == first && command.words.len() > 1);
    match exact {
        Some(command) if command.kind == Kind::Community => {
            Err(Usage("see `tequio community --help`".to_owned()))
        }
        Some(command) => Ok(Task::Print(super::commands::help(command))),
        None if group => Ok(Task::Print(super::commands::group_help(first))),
        None => Err(unknown_command(first, COMMANDS.iter().map(|command| command.words[0]))),
    }
}

impl Given {
    /// Takes the rest of the words. `Some` if a text is all that is wanted.
    fn fill(
        &mut self,
        command: &Command,
        parser: &mut lexopt::Parser,
        options: &mut Options,
    ) -> Result<Option<String>, Usage> {
        let mut operand_given = false;
        while let Some(argument) = parser.next()? {
            let own = command.options.iter().find(|option| argument == Arg::Long(option.name));
            match (argument, own) {
                (Arg::Value(word), _) if !operand_given && command.operand.is_some() => {
                    operand_given = true;
                    if command.operand == Some(Operand::Config) {
                        options.config = word.into();
                    } else {
                        self.operand(command, text(word)?)?;
                    }
                }
                (Arg::Value(word), _) => {
                    let (word, name) = (word.to_string_lossy(), command.name());
                    return Err(Usage(format!("`{word}` is one word too many: see `tequio {name} --help`")));
                }
                (_, Some(option)) => self.option(option.name, option.kind, text(parser.value()?)?)?,
                (argument, None) => {
                    let option =
                        global(&argument).ok_or_else(|| unknown_option(&argument, command.options))?;
                    if let Some(text) = options.take(option, parser, || super::commands::help(command))? {
                        return Ok(Some(text));
                    }
                }
            }
        }
        self.complete(command, operand_given)?;
        Ok(None)
    }

    fn operand(&mut self, command: &Command, word: String) -> Result<(), Usage> {
        match command.operand {
            Some(Operand::Voucher) if word == "-" => self.code_from_input = true,
            Some(Operand::Voucher) if is_verifier(&word) => self.put("verifier", Value::from(word)),
            Some(Operand::Voucher) => {
                return Err(Usage(format!(
                    "that is no verifier (16 hexadecimal digits). A code would be seen by everybody on this \
                     machine: write `tequio {} -` and type it then",
                    command.name()
                )));
            }
            Some(Operand::File) => {
                // The daemon stands in another folder than we do.
                let path = std::path::absolute(&word).map_err(|error| Usage(format!("`{word}`: {error}")))?;
                self.put("file", Value::from(path.to_string_lossy()));
            }
            Some(Operand::Word(name)) => self.put(name, Value::from(word)),
            Some(Operand::Config) | None => {}
        }
        Ok(())
    }

    fn option(&mut self, name: &str, kind: ArgumentType, value: String) -> Result<(), Usage> {
        let value = match kind {
            ArgumentType::Int32 => match value.parse::<i32>() {
                Ok(number) if number >= 0 => Value::from(number),
                _ => return Err(Usage(format!("--{name} takes a number, not `{value}`"))),
            },
            _ => Value::from(value),
        };
        self.put(name, value);
        Ok(())
    }

    fn put(&mut self, name: &str, value: Value) {
        self.arguments.insert(name.replace('-', "_"), value);
    }

    /// Whether everything is there that the command needs.
    fn complete(&self, command: &Command, operand_given: bool) -> Result<(), Usage> {
        let missing = command
            .options
            .iter()
            .find(|option| option.required && !self.arguments.contains_key(option.name));
        let missing = match (command.operand, missing) {
            (Some(operand), _) if operand != Operand::Config && !operand_given => "a word".to_owned(),
            (_, Some(option)) => format!("--{}", option.name),
            _ => return Ok(()),
        };
        let usage = command.help.lines().next().unwrap_or_default();
        Err(Usage(format!("{missing} is missing. {usage}")))
    }
}

/// Whether this is the public name of a voucher.
pub(super) fn is_verifier(word: &str) -> bool {
    word.len() == 16 && word.bytes().all(|octet| octet.is_ascii_hexdigit())
}

fn text(word: OsString) -> Result<String, Usage> {
    word.into_string().map_err(|word| Usage(format!("`{}` is not UTF-8", word.to_string_lossy())))
}

fn unknown_command<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Usage {
    let mut known: Vec<&str> = known.collect();
    known.dedup();
    match nearest(word, &known) {
        Some(near) => Usage(format!("there is no command `{word}`; is `{near}` meant? All: `tequio --help`")),
        None => Usage(format!("there is no command `{word}`; there are {}", known.join(", "))),
    }
}

fn unknown_option(argument: &Arg<'_>, own: &[super::commands::Opt]) -> Usage {
    let name = match argument {
        Arg::Long(name) => format!("--{name}"),
        Arg::Short(letter) => format!("-{letter}"),
        Arg::Value(word) => word.to_string_lossy().into_owned(),
    };
    let known: Vec<&str> = own.iter().map(|option| option.name).chain(GLOBAL_NAMES).collect();
    match nearest(name.trim_start_matches('-'), &known) {
        Some(near) => Usage(format!("there is no option `{name}`; is `--{near}` meant?")),
        None => Usage(format!("there is no option `{name}`; see --help")),
    }
}

/// The word that was begun, or is the fewest slips of a finger away, if one is near at all.
pub(super) fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    if word.len() >= 2
        && let Some(begun) = known.iter().find(|known| known.starts_with(word))
    {
        return Some(begun);
    }
    let (slips, best) = known.iter().map(|known| (slips(word, known), *known)).min()?;
    (slips <= 1 + word.chars().count() / 4).then_some(best)
}

/// Letters that are missing, too many, wrong, or swapped with their neighbour.
fn slips(typed: &str, meant: &str) -> usize {
    let (typed, meant): (Vec<char>, Vec<char>) = (typed.chars().take(64).collect(), meant.chars().collect());
    // Rows of the table of distances between all beginnings: the one before last, the last, this one.
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=meant.len()).collect();
    for (i, letter) in typed.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, wanted) in meant.iter().enumerate() {
            let mut least = (last[j] + usize::from(letter != wanted)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *letter == meant[j - 1] && typed[i - 1] == *wanted {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        (before, last) = (last, row);
    }
    last[meant.len()]
}

const GLOBAL_NAMES: [&str; 5] = ["config", "socket", "json", "help", "version"];

#[cfg(test)]
mod tests;
