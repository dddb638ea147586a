//! Floor 5: the command line.
//!
//! `tequio run` is the daemon. Nearly everything else asks a running daemon over ubus, prints what it
//! says (a table for people, `--json` for programs) and ends with 0; with 1 and a sentence when the
//! answer is no; with 2 when the words made no sense.

mod accounts;
mod aim;
mod arguments;
mod commands;
pub mod community;
mod coupons;
mod ledger;
mod local;
mod past;
#[cfg(feature = "laptop")]
mod plan_link;
mod qr;
mod remote;
#[cfg(feature = "laptop")]
mod report;
mod table;
mod tables;
mod words;

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Map, Value};

use crate::platform::ubus::DEFAULT_SOCKET;
use arguments::{Given, Options, Task, Usage};
use commands::{Command, Kind};
pub use words::escaped;

/// Runs the program with the process's arguments.
pub fn main() -> ExitCode {
    let mut parser = lexopt::Parser::from_env();
    let task = arguments::parse(&mut parser);
    let done = match task {
        Err(Usage(sentence)) => {
            complain(&sentence);
            return ExitCode::from(2);
        }
        Ok((_, Task::Print(text))) => Ok(text),
        Ok((options, Task::Do(command, given))) => perform(command, given, &options, &mut parser),
    };
    match done {
        Ok(text) => print(&text),
        Err(sentence) => {
            complain(&sentence);
            ExitCode::FAILURE
        }
    }
}

/// Does what the command says; what comes back is to be printed.
fn perform(
    command: &Command,
    given: Given,
    options: &Options,
    parser: &mut lexopt::Parser,
) -> Result<String, String> {
    match command.kind {
        Kind::Run => local::run(&options.config).map(|()| String::new()),
        Kind::Check => local::check(&options.config),
        Kind::Firewall => local::firewall(&options.config),
        Kind::Community => community::run(parser),
        Kind::Ledger => ledger::run(parser),
        #[cfg(feature = "laptop")]
        Kind::Report => report::run(parser),
        #[cfg(feature = "laptop")]
        Kind::PlanLink => plan_link::run(parser),
        #[cfg(not(feature = "laptop"))]
        Kind::Elsewhere => Err(commands::ELSEWHERE.to_owned()),
        Kind::Align => aim::run(&socket(options)?, given.arguments, options.json),
        Kind::Undo => local::undo(&options.config),
        Kind::Ask(method) => {
            let (socket, mut arguments) = (socket(options)?, arguments_of(given)?);
            let page = coupons::Page::asked(&socket, &mut arguments)?;
            let reply = remote::ask(&socket, method, arguments)?;
            if let Some(page) = page {
                return page.html(&reply);
            }
            if options.json {
                return Ok(format!("{reply:#}\n"));
            }
            let bold = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            Ok(tables::show(method, &reply, bold))
        }
    }
}

/// Where the daemon is asked: what was said, else what the named configuration says, else the usual.
fn socket(options: &Options) -> Result<PathBuf, String> {
    match &options.socket {
        Some(socket) => Ok(socket.clone()),
        None if options.config_given => local::socket(&options.config),
        None => Ok(DEFAULT_SOCKET.into()),
    }
}

/// The arguments of a call, with the code that standard input says.
fn arguments_of(given: Given) -> Result<Map<String, Value>, String> {
    let mut arguments = given.arguments;
    if given.code_from_input {
        if std::io::stdin().is_terminal() {
            // To the error stream: what is printed is the answer and nothing else.
            let _ = write!(std::io::stderr(), "code: ");
        }
        let mut line = String::new();
        let read = std::io::Read::take(std::io::stdin().lock(), MOST_INPUT);
        std::io::BufRead::read_line(&mut std::io::BufReader::new(read), &mut line)
            .map_err(|error| format!("standard input cannot be read: {error}"))?;
        let word = line.trim();
        if word.is_empty() {
            return Err("standard input is empty: type a code, or name the voucher's verifier".to_owned());
        }
        let name = if arguments::is_verifier(word) { "verifier" } else { "code" };
        arguments.insert(name.to_owned(), Value::from(word));
    }
    Ok(arguments)
}

/// Prints the answer. A reader that went away (`tequio routes | head`) is no failure.
fn print(text: &str) -> ExitCode {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            complain(&format!("the answer cannot be written: {error}"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn complain(sentence: &str) {
    // Where nobody listens nobody can be told.
    let _ = writeln!(std::io::stderr(), "tequio: {sentence}");
}

/// Octets of standard input that are looked at: a code has 14.
const MOST_INPUT: u64 = 256;
