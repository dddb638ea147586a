//! What is said on the console. A machine reads these lines, so there are few kinds of them:
//!
//! ```text
//! boot: [   4.21] ok: the phone is sent to the portal: http://10.77.4.1:2080/
//! boot: [   5.70] SKIPPED: Debian's ip: this machine has none
//! boot: figure idle.private_kb 1234
//! boot: FAILED: a way to the outside: no way after 60 s
//! boot: the story is told
//! ```

use std::time::{Duration, Instant};

use nix::time::{ClockId, clock_gettime};

/// What a part of the story gives, or the words that say what was expected and what was seen.
pub(crate) type Outcome<T> = Result<T, String>;

/// Something is as it should be.
pub(crate) fn ok(what: &str, seen: &str) {
    println!("boot: [{:7.2}] ok: {what}: {seen}", uptime().as_secs_f64());
}

/// Something could not be looked at here. `scripts/boot.sh` counts these.
pub(crate) fn skipped(what: &str, why: &str) {
    println!("boot: [{:7.2}] SKIPPED: {what}: {why}", uptime().as_secs_f64());
}

/// A measured figure.
pub(crate) fn figure(name: &str, value: impl std::fmt::Display) {
    println!("boot: figure {name} {value}");
}

/// Lines that only a person reads.
pub(crate) fn quote(title: &str, text: &str) {
    println!("boot: ---- {title}");
    for line in text.lines() {
        println!("boot: | {line}");
    }
}

/// Time since the kernel began.
pub(crate) fn uptime() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from)
}

/// Looks again and again until `look` gives something, for `seconds` at most. What it last saw is in the failure.
pub(crate) fn wait_for<T>(what: &str, seconds: u64, mut look: impl FnMut() -> Outcome<T>) -> Outcome<T> {
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        match look() {
            Ok(found) => return Ok(found),
            Err(seen) if Instant::now() >= end => {
                return Err(format!("{what}: not within {seconds} s; seen last: {seen}"));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
}
