//! SIGINT, SIGTERM and SIGHUP set a flag that every wait of the laboratory looks at.
//!
//! The handler does nothing else: the story returns [`Failure::interrupted`] through all its floors, and the guards
//! on the way take the village down in order. Children live in process groups of their own, so that Ctrl-C in a
//! terminal reaches only us.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

use crate::failure::{Failure, Outcome};

static STOP: AtomicBool = AtomicBool::new(false);

/// Makes the signals set the flag. Called once, before anything is built.
pub fn install() -> Outcome<()> {
    extern "C" fn on_signal(_: libc::c_int) {
        STOP.store(true, Ordering::Relaxed);
    }
    let action = SigAction::new(SigHandler::Handler(on_signal), SaFlags::empty(), SigSet::empty());
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP] {
        // SAFETY: the handler only stores to an atomic, which is async-signal-safe.
        unsafe { sigaction(signal, &action) }
            .map_err(|error| Failure::new("a handler for signals", error.to_string()))?;
    }
    Ok(())
}

/// Whether somebody asked us to stop.
pub fn requested() -> bool {
    STOP.load(Ordering::Relaxed)
}

/// An error as soon as somebody asked us to stop.
pub fn check() -> Outcome<()> {
    if requested() { Err(Failure::interrupted()) } else { Ok(()) }
}

/// Asks `condition` again and again until it gives a value, for `limit` at most. While it does not, it says what
/// it sees instead, and the last such sentence is in the failure.
pub fn until<T>(
    expected: &str,
    limit: Duration,
    condition: impl FnMut() -> Outcome<Result<T, String>>,
) -> Outcome<T> {
    until_each(POLL_INTERVAL, expected, limit, condition)
}

/// The same, with so much time between two looks.
pub fn until_each<T>(
    look: Duration,
    expected: &str,
    limit: Duration,
    mut condition: impl FnMut() -> Outcome<Result<T, String>>,
) -> Outcome<T> {
    let start = Instant::now();
    loop {
        check()?;
        match condition()? {
            Ok(value) => return Ok(value),
            Err(seen) if start.elapsed() >= limit => {
                let expected = format!("{expected} within {} s", limit.as_secs());
                return Err(Failure::new(expected, seen));
            }
            Err(_) => std::thread::sleep(look),
        }
    }
}

/// How often a condition of the kernel is looked at: often enough for figures in tenths of a second, seldom enough
/// to leave the two cores of a small machine to the daemons.
const POLL_INTERVAL: Duration = Duration::from_millis(50);
