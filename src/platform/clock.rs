//! The clocks of the machine: monotonic time for the cores, the calendar and who vouches for it, and
//! which boot this is.
//!
//! Monotonic time is `CLOCK_BOOTTIME`. On a router it is the same as `CLOCK_MONOTONIC`; on a laptop
//! that was suspended it went on, as did its neighbours' timers and its guests' vouchers: after the
//! wake-up all that ran out meanwhile is over, instead of being believed for another while.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

use crate::base::time::{Instant, TimeQuality, WallTime};

/// Monotonic time since this machine was switched on.
pub fn now() -> Instant {
    // Not the kernel's word for why it has none: all of those words would be linked.
    let Ok(time) = clock_gettime(ClockId::CLOCK_BOOTTIME) else {
        unreachable!("Linux has this clock since 2.6.39")
    };
    let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
    let micros = u64::try_from(time.tv_nsec()).unwrap_or(0) / 1_000;
    Instant::from_micros(seconds.saturating_mul(1_000_000).saturating_add(micros))
}

/// How long to sleep from now until `wake`; nothing if that is past.
///
/// Sleeping is counted without the time that the machine is suspended: after a wake-up a sleeper may
/// be late by what was left, so a loop should not sleep longer than a few seconds at once.
pub fn until(wake: Instant) -> Duration {
    Duration::from_micros(wake.since(now()).as_micros())
}

/// What the calendar says: trusted if the kernel says that it is kept in step (NTP), else stale.
pub fn wall() -> WallTime {
    let unix_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let quality = if is_synchronised() { TimeQuality::Trusted } else { TimeQuality::Stale };
    WallTime { unix_s, quality }
}

/// The kernel's name of this boot, a random UUID: a cold boot has another one, a restart of the daemon
/// has not.
pub fn boot_id() -> std::io::Result<[u8; 16]> {
    let text = std::fs::read_to_string(BOOT_ID)?;
    parse_uuid(&text).ok_or_else(|| std::io::Error::other(format!("{BOOT_ID} does not hold a UUID")))
}

/// Whether somebody keeps the kernel's clock in step. The kernel itself sets "unsynchronised" again
/// when the estimated error exceeds 16 s: nine hours after the last word from the time server.
fn is_synchronised() -> bool {
    // SAFETY: `timex` is a C structure of integers, for which all zeroes is a valid value.
    let mut state: libc::timex = unsafe { std::mem::zeroed() };
    // SAFETY: the pointer is to a live, exclusively borrowed `timex`, which the call fills; with no
    // mode bit set (all zeroes) it only reads the clock's state.
    let answer = unsafe { libc::adjtimex(&raw mut state) };
    answer >= 0 && answer != libc::TIME_ERROR && state.status & libc::STA_UNSYNC == 0
}

fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let digits: Vec<u8> = text.trim().bytes().filter(|byte| *byte != b'-').collect();
    let mut uuid = [0; 16];
    if digits.len() != 32 {
        return None;
    }
    for (octet, pair) in uuid.iter_mut().zip(digits.chunks_exact(2)) {
        let high = char::from(pair[0]).to_digit(16)?;
        let low = char::from(pair[1]).to_digit(16)?;
        *octet = u8::try_from(high << 4 | low).ok()?;
    }
    Some(uuid)
}

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Span;

    #[test]
    fn time_goes_on_and_a_past_deadline_is_now() {
        let first = now();
        assert!(first > Instant::ZERO);
        assert!(now() >= first);
        assert_eq!(until(Instant::ZERO), Duration::ZERO);
        let until = until(now() + Span::from_secs(60));
        assert!(until <= Duration::from_secs(60) && until > Duration::from_secs(50), "{until:?}");
    }

    #[test]
    fn the_calendar_of_a_machine_that_runs_tests_is_past_2020() {
        assert!(wall().unix_s > 1_577_836_800);
    }

    #[test]
    fn a_time_after_2038_has_room() {
        // std and our libc each have a `time_t` of their own, of 32 bits on a router unless the build says else.
        let path = std::env::temp_dir().join(format!("tequio-2040-{}", std::process::id()));
        let after_2038 = UNIX_EPOCH + Duration::from_secs(2_208_988_800); // 2040-01-01
        let written = std::fs::File::create(&path).and_then(|file| file.set_modified(after_2038));
        let by_std = std::fs::metadata(&path).and_then(|facts| facts.modified());
        let by_libc = nix::sys::stat::stat(&path).map(|facts| facts.st_mtime);
        std::fs::remove_file(&path).unwrap();
        written.unwrap();
        assert_eq!(by_std.unwrap(), after_2038);
        assert_eq!(by_libc.map(u64::try_from), Ok(Ok(2_208_988_800)));
        assert_eq!(size_of::<libc::time_t>(), 8);
    }

    #[test]
    fn a_boot_keeps_its_name() {
        assert_eq!(boot_id().unwrap(), boot_id().unwrap());
        assert_ne!(boot_id().unwrap(), [0; 16]);
        let text = "00112233-4455-6677-8899-aabbccddeeff\n";
        assert_eq!(parse_uuid(text).unwrap()[..4], [0x00, 0x11, 0x22, 0x33]);
        for wrong in ["", "00112233", "00112233-4455-6677-8899-aabbccddeefg", "é"] {
            assert_eq!(parse_uuid(wrong), None, "{wrong}");
        }
    }
}
