//! The control socket of hostapd or wpa_supplicant: a datagram asks, a datagram answers, and what begins with `<` is news
//! that nobody asked for (`wpa_ctrl.c` of hostap). The program answers to the address of whoever asked, so ours is a file
//! too: in a folder of our own, and gone afterwards.

use std::fmt;
use std::io::{self, ErrorKind};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A connection to one program.
pub(super) struct Control {
    socket: UnixDatagram,
    own: PathBuf,
    program: PathBuf,
}

/// Why a program did not do what it was asked.
#[derive(Debug)]
pub(super) enum ControlError {
    /// Nobody has this socket.
    Missing(PathBuf),
    /// This process may not write to it.
    Denied(PathBuf),
    /// The socket fails otherwise.
    Io(PathBuf, io::Error),
    /// No answer to this in time.
    Silent(String),
    /// Its answer to this is longer than any that is asked for.
    TooLong(String),
    /// It answered this with a refusal.
    Refused(String, &'static str),
}

impl Control {
    /// Connects to a program's socket. One that is not there is waited for if the program may be about to begin.
    pub(super) fn open(folder: &Path, program: &Path, waits: bool) -> Result<Self, ControlError> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let own = folder.join(format!("control-{number}"));
        // Left by a run that was cut off.
        let _ = std::fs::remove_file(&own);
        let wrong = |error| ControlError::of(program, error);
        let socket = UnixDatagram::bind(&own).map_err(|error| ControlError::Io(own.clone(), error))?;
        let control = Self { socket, own, program: program.to_owned() };
        let end = Instant::now() + if waits { BEGINS } else { Duration::ZERO };
        loop {
            // Once connected, nobody else's datagrams come in.
            match control.socket.connect(program).map_err(wrong) {
                Err(ControlError::Missing(_)) if Instant::now() < end => std::thread::sleep(LOOK),
                connected => return connected.map(|()| control),
            }
        }
    }

    /// Asks, and waits so long for the answer.
    pub(super) fn ask(&self, words: &str, patience: Duration) -> Result<String, ControlError> {
        let wrong = |error| ControlError::of(&self.program, error);
        let end = Instant::now() + patience;
        self.socket.set_write_timeout(Some(patience)).map_err(wrong)?;
        // What came too late for the question before.
        self.socket.set_nonblocking(true).map_err(wrong)?;
        let mut answer = [0; ANSWER_BYTES + 1];
        for _ in 0..OLD {
            if self.socket.recv(&mut answer).is_err() {
                break;
            }
        }
        self.socket.set_nonblocking(false).map_err(wrong)?;
        self.socket.send(words.as_bytes()).map_err(|error| match error.kind() {
            ErrorKind::WouldBlock => ControlError::Silent(order(words)),
            _ => wrong(error),
        })?;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ControlError::Silent(order(words)));
            }
            self.socket.set_read_timeout(Some(left)).map_err(wrong)?;
            match self.socket.recv(&mut answer) {
                Ok(_) if answer.starts_with(b"<") => {}
                Ok(length) if length > ANSWER_BYTES => return Err(ControlError::TooLong(order(words))),
                Ok(length) => return Ok(String::from_utf8_lossy(&answer[..length]).trim_end().to_owned()),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(error) => return Err(wrong(error)),
            }
        }
    }

    /// Orders something that is answered with `OK`.
    pub(super) fn order(&self, words: &str, patience: Duration) -> Result<(), ControlError> {
        match self.ask(words, patience)?.as_str() {
            "OK" => Ok(()),
            "FAIL" => Err(ControlError::Refused(order(words), "it fails")),
            "UNKNOWN COMMAND" => Err(ControlError::Refused(order(words), "it has no such command")),
            _ => Err(ControlError::Refused(order(words), "its answer makes no sense")),
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.own);
    }
}

impl ControlError {
    fn of(program: &Path, error: io::Error) -> Self {
        let program = program.to_owned();
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::ConnectionRefused => Self::Missing(program),
            ErrorKind::PermissionDenied => Self::Denied(program),
            _ => Self::Io(program, error),
        }
    }
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(path) => {
                write!(
                    f,
                    "nobody listens at {}: does the program run, with this ctrl_interface?",
                    path.display()
                )
            }
            Self::Denied(path) => {
                write!(f, "{} is not ours to write to: run this daemon as root", path.display())
            }
            Self::Io(path, error) => write!(f, "{}: {error}", path.display()),
            Self::Silent(order) => write!(f, "no answer to {order}"),
            Self::TooLong(order) => write!(f, "the answer to {order} has no end"),
            Self::Refused(order, why) => write!(f, "{order}: {why}"),
        }
    }
}

impl From<ControlError> for String {
    fn from(error: ControlError) -> Self {
        error.to_string()
    }
}

/// An order as it may be told: what an option is to be may be a key.
fn order(words: &str) -> String {
    let mut words = words.split(' ');
    let order = words.next().unwrap_or_default();
    let about = match order {
        "SET" => words.next(),
        "SET_NETWORK" => words.nth(1),
        _ => None,
    };
    about.map_or_else(|| order.to_owned(), |about| format!("{order} {about}"))
}

/// So that no two of ours have the same address.
static NUMBER: AtomicU32 = AtomicU32::new(0);
/// Octets of an answer: hostapd and wpa_supplicant give no more than 4,096.
pub(super) const ANSWER_BYTES: usize = 4_096;
/// Old answers that are read away before a question.
const OLD: usize = 64;
/// How long a program that begins is waited for, and how often it is looked for.
const BEGINS: Duration = Duration::from_secs(15);
const LOOK: Duration = Duration::from_millis(100);
