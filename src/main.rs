//! The one binary of tequio: `tequio run` is the daemon, everything else is a thin client of it.

use std::process::ExitCode;

fn main() -> ExitCode {
    tequio::cli::main()
}
