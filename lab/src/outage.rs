//! How long the traffic stood still: a stream of small UDP packets to an echo server, each with its number.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::failure::{Outcome, io};
use crate::netns::Namespace;
use crate::web::ECHO_PORT;

/// A stream that runs until it is dropped or asked for its result.
#[derive(Debug)]
pub struct Stream {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// What became of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// The longest time between two packets that were answered, less the interval that would be there anyway.
    pub longest: Duration,
    /// Packets that were sent.
    pub sent: usize,
    /// Packets that were never answered.
    pub lost: usize,
}

impl Stream {
    /// Starts to send from an address of a node to the echo server at `to`.
    pub fn start(namespace: &Namespace, from: IpAddr, to: IpAddr) -> Outcome<Self> {
        let socket = namespace.inside(move || {
            let socket =
                UdpSocket::bind(SocketAddr::new(from, 0)).map_err(io(format!("a socket at {from}")))?;
            socket
                .connect(SocketAddr::new(to, ECHO_PORT))
                .map_err(io(format!("a way from {from} to {to}")))?;
            socket.set_read_timeout(Some(INTERVAL)).map_err(io("a time limit for a socket"))?;
            Ok(socket)
        })?;
        let shared = Arc::new(Shared { packets: Mutex::new(Vec::new()), stop: AtomicBool::new(false) });
        let worker = Arc::clone(&shared);
        Ok(Self { shared, thread: Some(std::thread::spawn(move || worker.run(&socket))) })
    }

    /// How many packets that were sent after `since` have been answered.
    pub fn answered_since(&self, since: Instant) -> usize {
        self.shared.packets().iter().filter(|packet| packet.answered && packet.sent >= since).count()
    }

    /// Ends the stream.
    pub fn stop(mut self) -> Outage {
        self.end();
        let packets = self.shared.packets();
        Outage {
            longest: longest_gap(packets.iter().filter(|packet| packet.answered).map(|packet| packet.sent)),
            sent: packets.len(),
            lost: packets.iter().filter(|packet| !packet.answered).count(),
        }
    }

    fn end(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.end();
    }
}

#[derive(Debug)]
struct Shared {
    packets: Mutex<Vec<Packet>>,
    stop: AtomicBool,
}

#[derive(Clone, Copy, Debug)]
struct Packet {
    sent: Instant,
    answered: bool,
}

impl Shared {
    fn packets(&self) -> std::sync::MutexGuard<'_, Vec<Packet>> {
        self.packets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, socket: &UdpSocket) {
        let mut due = Instant::now();
        let mut buffer = [0; 64];
        while !self.stop.load(Ordering::Relaxed) {
            if Instant::now() >= due {
                due += INTERVAL;
                self.send(socket);
            }
            // Waits for INTERVAL at most. "No way at the moment" arrives here too, and is what is being measured.
            if let Ok(8) = socket.recv(&mut buffer)
                && let Ok(number) = <[u8; 8]>::try_from(&buffer[..8])
                && let Some(packet) = self.packets().get_mut(u64::from_be_bytes(number) as usize)
            {
                packet.answered = true;
            }
        }
    }

    fn send(&self, socket: &UdpSocket) {
        let mut packets = self.packets();
        if packets.len() < PACKET_LIMIT {
            let number = packets.len() as u64;
            packets.push(Packet { sent: Instant::now(), answered: false });
            drop(packets);
            let _ = socket.send(&number.to_be_bytes());
        }
    }
}

fn longest_gap(answered: impl Iterator<Item = Instant>) -> Duration {
    let mut longest = Duration::ZERO;
    let mut before: Option<Instant> = None;
    for sent in answered {
        if let Some(before) = before {
            longest = longest.max(sent.saturating_duration_since(before));
        }
        before = Some(sent);
    }
    longest.saturating_sub(INTERVAL)
}

/// Fifty packets a second: an outage is known to within 20 ms.
const INTERVAL: Duration = Duration::from_millis(20);

/// Twenty minutes of them.
const PACKET_LIMIT: usize = 60_000;

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn the_longest_gap_is_the_outage() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let answered = [0, 20, 40, 1_060, 1_080, 1_200].map(at);
        assert_eq!(longest_gap(answered.into_iter()), Duration::from_millis(1_000));
        assert_eq!(longest_gap(std::iter::empty()), Duration::ZERO);
    }
}
