//! The alarm that the loop sleeps by: it rings once for a deadline, and at no other time.
//!
//! The runtime's own sleep turns a wheel of timers and wakes the process up to three times on the way to one
//! deadline; on an idle router that was half of all wake-ups. It also stands still while the machine is suspended. The
//! kernel's timer does neither, because it counts the same clock as [`clock::now`].

use std::io;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::Duration;

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::clock;
use crate::base::time::Instant;

/// A timer of the kernel on tokio's loop.
#[derive(Debug)]
pub struct Alarm {
    timer: AsyncFd<Timer>,
    /// What it is set to.
    set: Option<Instant>,
}

impl Alarm {
    /// An alarm that is not set.
    ///
    /// # Panics
    /// Outside of a tokio runtime with IO enabled.
    pub fn new() -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = Timer(TimerFd::new(ClockId::CLOCK_BOOTTIME, flags)?);
        // SAFETY: the descriptor stays open and the same as long as it is registered: `AsyncFd` owns the
        // `TimerFd`, whose descriptor is private and closed by its `Drop` only, and nothing here replaces it.
        let timer = unsafe { AsyncFd::register_with_interest(timer, Interest::READABLE) };
        Ok(Self { timer: timer.map_err(io::Error::from)?, set: None })
    }

    /// Waits until `at`; what is past is waited for until everybody else had a turn.
    ///
    /// Cancel safe, and cheap to be asked for the same again and again.
    pub async fn until(&mut self, at: Instant) {
        let wait = clock::until(at);
        if wait.is_zero() {
            return tokio::task::yield_now().await;
        }
        if self.set != Some(at) {
            let once = Expiration::OneShot(TimeSpec::from_duration(wait));
            if self.timer.get_ref().0.set(once, TimerSetTimeFlags::empty()).is_err() {
                // No error of this call is left for a time like this; but to sleep for ever would be the worst.
                return tokio::time::sleep(wait.min(UNSET)).await;
            }
            self.set = Some(at);
        }
        loop {
            // It fails while the runtime shuts down: there is nothing more to wait for.
            let Ok(mut ready) = self.timer.readable().await else { return std::future::pending().await };
            // The number of rings is not read: setting it again forgets them.
            ready.clear_ready();
            // It may have rung for what it was set to before.
            if clock::until(at).is_zero() {
                return;
            }
        }
    }
}

/// What tokio can watch.
#[derive(Debug)]
struct Timer(TimerFd);

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_fd().as_raw_fd()
    }
}

/// How long a sleep is at most when the alarm cannot be set.
const UNSET: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Span;

    fn waits(body: impl AsyncFnOnce(Alarm)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async { body(Alarm::new().expect("a timer")).await });
    }

    #[test]
    fn it_never_rings_too_early() {
        waits(async |mut alarm| {
            for micros in [1, 700, 30_000] {
                let at = clock::now() + Span::from_micros(micros);
                alarm.until(at).await;
                assert!(clock::now() >= at);
            }
        });
    }

    #[test]
    fn the_last_deadline_counts_and_a_cancelled_one_is_forgotten() {
        waits(async |mut alarm| {
            let (soon, later) = (clock::now() + Span::from_millis(20), clock::now() + Span::from_millis(60));
            tokio::select! {
                biased;
                () = alarm.until(soon) => panic!("a deadline that is to come is waited for"),
                () = std::future::ready(()) => {}
            }
            alarm.until(later).await;
            assert!(clock::now() >= later);
            // What is set again for the same time, after it rang, is past: nothing is waited for.
            alarm.until(soon).await;
        });
    }

    #[test]
    fn who_is_woken_by_it_was_woken_once() {
        waits(async |mut alarm| {
            // A wheel of timers would be turned at 64 ms, and again.
            let at = clock::now() + Span::from_millis(200);
            let mut turns = 0;
            let mut sleep = std::pin::pin!(alarm.until(at));
            std::future::poll_fn(|context| {
                turns += 1;
                sleep.as_mut().poll(context)
            })
            .await;
            assert_eq!(turns, 2, "once to fall asleep, once to wake");
        });
    }
}
