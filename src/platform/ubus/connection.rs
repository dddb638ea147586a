//! The socket to the broker: octets in, messages out.

use std::fmt;
use std::io;
use std::path::Path;

use tokio::io::Interest;
use tokio::net::UnixStream;

use super::frame::{Frame, Frames};
use crate::base::limit;

/// An open socket. Reading and writing happen as far as the socket allows, never longer: a broker that
/// does not read fills our queue and then loses us.
#[derive(Debug)]
pub(super) struct Connection {
    stream: UnixStream,
    frames: Frames,
    /// What is to be written, from `sent` on.
    queue: Vec<u8>,
    sent: usize,
}

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum Lost {
    /// The broker closed it.
    Closed,
    /// The socket failed.
    Io(io::Error),
    /// Nobody knows any more where a message begins.
    Framing,
    /// The broker does not read.
    Stuck,
}

impl fmt::Display for Lost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => formatter.write_str("the broker closed the connection"),
            Self::Io(error) => error.fmt(formatter),
            Self::Framing => formatter.write_str("what the broker sends is no ubus message"),
            Self::Stuck => formatter.write_str("the broker does not read what is sent to it"),
        }
    }
}

impl Connection {
    /// Connects to the broker that listens on `path`.
    pub(super) async fn open(path: &Path) -> io::Result<Self> {
        let stream = UnixStream::connect(path).await?;
        Ok(Self { stream, frames: Frames::default(), queue: Vec::new(), sent: 0 })
    }

    /// Sends `octets`, or as much as the socket takes; the rest follows in [`receive`](Self::receive).
    pub(super) fn send(&mut self, octets: &[u8]) -> Result<(), Lost> {
        if self.queue.len() - self.sent + octets.len() > limit::UBUS_SEND_QUEUE_BYTES {
            return Err(Lost::Stuck);
        }
        self.queue.extend_from_slice(octets);
        self.flush()
    }

    /// The next message of the broker. May be cancelled at any time; nothing is lost by it.
    pub(super) async fn receive(&mut self) -> Result<Frame, Lost> {
        loop {
            if let Some(frame) = self.frames.next().map_err(|_| Lost::Framing)? {
                return Ok(frame);
            }
            let interest = if self.queue.is_empty() {
                Interest::READABLE
            } else {
                Interest::READABLE | Interest::WRITABLE
            };
            let ready = self.stream.ready(interest).await.map_err(Lost::Io)?;
            if ready.is_writable() {
                self.flush()?;
            }
            if ready.is_readable() {
                self.read()?;
            }
        }
    }

    fn read(&mut self) -> Result<(), Lost> {
        let mut octets = [0; READ_BYTES];
        match self.stream.try_read(&mut octets) {
            Ok(0) => Err(Lost::Closed),
            Ok(count) => {
                self.frames.push(&octets[..count]);
                Ok(())
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(Lost::Io(error)),
        }
    }

    fn flush(&mut self) -> Result<(), Lost> {
        while self.sent < self.queue.len() {
            match self.stream.try_write(&self.queue[self.sent..]) {
                Ok(count) => self.sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(Lost::Io(error)),
            }
        }
        if self.sent == self.queue.len() {
            self.queue.clear();
            self.queue.shrink_to(KEPT_CAPACITY);
            self.sent = 0;
        } else if self.sent > KEPT_CAPACITY {
            self.queue.drain(..self.sent);
            self.sent = 0;
        }
        Ok(())
    }
}

/// Octets that one read takes: most messages fit.
const READ_BYTES: usize = 8_192;
/// Room that is kept for the next message to be sent.
const KEPT_CAPACITY: usize = 16_384;
