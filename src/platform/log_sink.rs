//! Where log lines go: standard error, which procd hands to the system log.
//!
//! Under procd each line begins with its priority in angle brackets (`<4>`), as the kernel's log and
//! systemd's have it; a person at a terminal gets the bare line.

use std::io::{IsTerminal, Write};

use log::{Level, LevelFilter, Log, Metadata, Record};

struct Sink {
    terminal: bool,
}

static TERMINAL: Sink = Sink { terminal: true };
static PROCD: Sink = Sink { terminal: false };

/// Sends all lines up to `level` to standard error. The first call counts; later ones only change
/// the level.
pub fn start(level: LevelFilter) {
    let sink = if std::io::stderr().is_terminal() { &TERMINAL } else { &PROCD };
    // A second call finds a logger in place: that is the one that was wanted.
    let _ = log::set_logger(sink);
    log::set_max_level(level);
}

impl Log for Sink {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("tequio")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let priority = match record.level() {
            Level::Error => 3,
            Level::Warn => 4,
            Level::Info => 6,
            Level::Debug | Level::Trace => 7,
        };
        let mut stderr = std::io::stderr().lock();
        // Nobody can be told that the log is gone.
        let _ = if self.terminal {
            writeln!(stderr, "{}", record.args())
        } else {
            writeln!(stderr, "<{priority}>{}", record.args())
        };
    }

    fn flush(&self) {}
}
