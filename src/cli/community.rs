//! `tequio community`: founding a community and admitting nodes, offline.
//!
//! The root key never touches a router: it lies in a folder of whoever keeps it, beside the secrets of the
//! epochs and the public records. What a node needs is carried to it as one file, what it wants is
//! carried back as one line of text. No secret ever stands among the arguments or on the screen.
//!
//! So a router has two of these commands, `request` and `join`. The others work on the assembly's folder
//! (`assembly`), on any Linux laptop; a build for MIPS, where flash is smallest, leaves them out (the feature
//! `laptop`, docs/sizes.md).

use lexopt::{Arg, Parser};

mod admission;
#[cfg(feature = "laptop")]
mod assembly;
mod bundle;
pub(super) mod join;
pub(super) mod options;

pub(super) use self::bundle::read_bundle as read_records;
use self::options::Options;

/// One command: its word, the options with a value, those without, what `--help` says, what it does.
struct Command {
    word: &'static str,
    values: &'static [&'static str],
    flags: &'static [&'static str],
    help: &'static str,
    perform: fn(&Options) -> Result<String, String>,
}

/// What is done on a node.
const ON_A_NODE: [Command; 2] = [
    Command {
        word: "request",
        values: &["state", "name", "board"],
        flags: &["json", "qr"],
        help: "On a node: prints the line with which it asks to be admitted. Makes its keys if it has none.

tequio community request --state STATE --name NODE
  --state STATE        the node's state folder, like /etc/tequio
  --name NODE          what people will call the node
  --qr                 also as a QR code, for an officer's phone
  --board MAC          address that names the board (found by itself)
  --json               for programs
",
        perform: join::request,
    },
    Command {
        word: "join",
        values: &["state", "bundle", "admission", "board"],
        flags: &["json"],
        help: "On a node: takes the community's records into its journal. The daemon must not be running.

tequio community join --state STATE --bundle FILE | --admission LINE
  --state STATE        the node's state folder, like /etc/tequio
  --bundle FILE        the file community.records of the community's folder
  --admission LINE     what `tequio community admission` printed; `-` reads standard input. The rest of the records
                       comes from any neighbour
  --board MAC          address that names the board (found by itself)
  --json               for programs
",
        perform: join::join,
    },
];

/// Does what the words behind `community` say; what comes back is to be printed as it is.
pub fn run(arguments: &mut Parser) -> Result<String, String> {
    let word = match arguments.next().map_err(|error| error.to_string())? {
        None | Some(Arg::Long("help") | Arg::Short('h')) => return Ok(overview()),
        Some(Arg::Value(word)) => word.to_string_lossy().into_owned(),
        Some(other) => return Err(other.unexpected().to_string()),
    };
    let command = commands().find(|command| command.word == word).ok_or_else(|| {
        let words: Vec<&str> = commands().map(|command| command.word).collect();
        format!("`community {word}` is unknown{}: it is one of {}", ELSEWHERE, words.join(", "))
    })?;
    match Options::parse(arguments, command.word, command.values, command.flags)? {
        None => Ok(command.help.to_owned()),
        Some(options) => (command.perform)(&options),
    }
}

#[cfg(feature = "laptop")]
fn commands() -> impl Iterator<Item = &'static Command> {
    assembly::COMMANDS.iter().chain(&ON_A_NODE)
}

#[cfg(not(feature = "laptop"))]
fn commands() -> impl Iterator<Item = &'static Command> {
    ON_A_NODE.iter()
}

/// Where a command may be that this build does not have.
const ELSEWHERE: &str = if cfg!(feature = "laptop") {
    ""
} else {
    " on this router; the assembly's commands are on a laptop's tequio, where the root key is"
};

fn overview() -> String {
    let mut text =
        "tequio community COMMAND: founding a community and admitting nodes, offline\n\n".to_owned();
    for command in commands() {
        let line = command.help.lines().next().unwrap_or_default();
        text.push_str(&format!("  {:<8} {line}\n", command.word));
    }
    text.push_str("\n`tequio community COMMAND --help` tells more.\n");
    if !cfg!(feature = "laptop") {
        text.push_str("The assembly's own commands are on a laptop's tequio, where the root key is.\n");
    }
    text
}
