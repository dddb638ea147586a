//! How a step of the laboratory fails: what was expected, what was seen, and which file says more.
//!
//! One type for the whole laboratory: nobody handles these errors by kind, a person reads them.

use std::fmt;
use std::path::{Path, PathBuf};

/// Why a step failed, in words for the person who ran it.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What should have happened.
    pub expected: String,
    /// What happened instead.
    pub seen: String,
    /// Log files that say more, the likeliest first.
    pub read: Vec<PathBuf>,
    /// Whether the person asked us to stop; then nothing is wrong.
    pub interrupted: bool,
}

/// What a step of the laboratory gives.
pub type Outcome<T> = Result<T, Failure>;

impl Failure {
    /// A failure with both halves of the sentence.
    pub fn new(expected: impl Into<String>, seen: impl Into<String>) -> Self {
        Self { expected: expected.into(), seen: seen.into(), read: Vec::new(), interrupted: false }
    }

    /// The person pressed Ctrl-C, or the machine is going down.
    pub fn interrupted() -> Self {
        Self { interrupted: true, ..Self::new("to go on", "a signal asked the laboratory to stop") }
    }

    /// Names a log file that says more.
    #[must_use]
    pub fn read(mut self, log: &Path) -> Self {
        if !self.read.iter().any(|known| known == log) {
            self.read.push(log.to_path_buf());
        }
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "expected {}; seen: {}", self.expected, self.seen)
    }
}

impl std::error::Error for Failure {}

/// Turns an IO error into a failure that says what was being done.
pub fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> Failure {
    let what = what.into();
    move |error| Failure::new(what, error.to_string())
}
