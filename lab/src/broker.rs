//! The ubus broker of a node: the crate `ubusd` on a thread of the laboratory.
//!
//! A thread and not a process, because nothing of a broker depends on a network namespace (its socket is a path), and
//! with `--keep` the laboratory stays anyway.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use crate::failure::{Failure, Outcome};

/// A running broker. Dropping it ends it and removes its socket.
#[derive(Debug)]
pub struct Broker {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Broker {
    /// Starts a broker that listens on `socket`.
    pub fn start(socket: &Path) -> Outcome<Self> {
        let path = socket.display().to_string();
        if path.len() >= SOCKET_PATH_LIMIT {
            return Err(Failure::new("a short path for a socket (set TMPDIR to a shorter one)", path));
        }
        let config = ubusd::Config { socket_path: path.clone(), ..ubusd::Config::default() };
        let mut broker = ubusd::Broker::bind(config)
            .map_err(|error| Failure::new(format!("a ubus broker at {path}"), format!("{error:?}")))?;
        let stop = Arc::new(AtomicBool::new(false));
        let asked_to_stop = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !asked_to_stop.load(Ordering::Relaxed) {
                if let Err(error) = broker.poll_once(POLL_MS) {
                    log::warn!("the ubus broker at {path} ended: {error:?}");
                    return;
                }
            }
        });
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// `sun_path` of a Unix socket, with its end.
const SOCKET_PATH_LIMIT: usize = 108;

/// How soon a broker notices that it shall end.
const POLL_MS: i32 = 100;
