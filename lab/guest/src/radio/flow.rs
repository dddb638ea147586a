//! Packets in one direction, fifty a second, each with its number. When a way is cut, the first packet that was sent
//! after the cut and arrives tells how long the sender's hill needed to find the way round.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::socket::{setsockopt, sockopt};

use crate::console::{Outcome, wait_for};
use crate::space::Space;

/// A flow that goes on until it is dropped.
pub(super) struct Flow {
    seen: Arc<Mutex<Seen>>,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Seen {
    /// When each packet left.
    sent: Vec<Instant>,
    /// Numbers and when they came.
    arrived: Vec<(usize, Instant)>,
}

impl Flow {
    /// Begins one from `from` to `to`, between addresses that the hills announce.
    pub(super) fn start(from: (&Space, &str), to: (&Space, &str)) -> Outcome<Self> {
        let wrong = |error: std::io::Error| format!("a flow {} - {}: {error}", from.1, to.1);
        let sender = from.0.inside(|| UdpSocket::bind((from.1, 0)).map_err(wrong))?;
        let receiver = to.0.inside(|| UdpSocket::bind((to.1, PORT)).map_err(wrong))?;
        // Voice is sent frame by frame: of frames that are sent in one piece hwsim tells its rate control nothing.
        setsockopt(&sender, sockopt::Ipv4Tos, &VOICE).map_err(|error| format!("a flow of voice: {error}"))?;
        receiver.set_read_timeout(Some(PAUSE)).map_err(wrong)?;
        let (seen, stop) = (Arc::new(Mutex::new(Seen::default())), Arc::new(AtomicBool::new(false)));
        let target = to.1.to_owned();
        let (sent, over) = (Arc::clone(&seen), Arc::clone(&stop));
        let speak = std::thread::spawn(move || {
            let began = Instant::now();
            for number in 0_u32.. {
                let due = began + PAUSE * number;
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let mut packet = [0; PACKET_BYTES];
                packet[..4].copy_from_slice(&number.to_be_bytes());
                lock(&sent).sent.push(Instant::now());
                // Without a way there is an error, and that is what is measured.
                let _ = sender.send_to(&packet, (target.as_str(), PORT));
            }
        });
        let (arrived, over) = (Arc::clone(&seen), Arc::clone(&stop));
        let hear = std::thread::spawn(move || {
            let mut packet = [0; PACKET_BYTES];
            while !over.load(Ordering::Relaxed) {
                match receiver.recv(&mut packet) {
                    Ok(_) => {
                        let number = u32::from_be_bytes(packet[..4].try_into().unwrap_or_default());
                        let number = usize::try_from(number).unwrap_or(usize::MAX);
                        lock(&arrived).arrived.push((number, Instant::now()));
                    }
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                    Err(error) => println!("boot: | the flow: {error}"),
                }
            }
        });
        Ok(Self { seen, stop, threads: vec![speak, hear] })
    }

    /// How many have left.
    pub(super) fn sent(&self) -> usize {
        lock(&self.seen).sent.len()
    }

    /// Of the packets from number `since` on, the part that arrived, from 0 to 1.
    pub(super) fn arrived_since(&self, since: usize) -> f64 {
        let seen = lock(&self.seen);
        let of = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        let arrived = seen.arrived.iter().filter(|(number, _)| *number >= since).count();
        of(arrived) / of((seen.sent.len().saturating_sub(since)).max(1))
    }

    /// How long after `cut` the first packet arrived that was sent after it; waits for it.
    pub(super) fn back_after(&self, cut: Instant, seconds: u64) -> Outcome<Duration> {
        wait_for("a packet that was sent after the cut arrives", seconds, || {
            let seen = lock(&self.seen);
            let first = seen.sent.iter().position(|sent| *sent > cut).unwrap_or(usize::MAX);
            let arrived = seen.arrived.iter().find(|(number, _)| *number >= first);
            arrived.map(|(_, at)| *at - cut).ok_or_else(|| format!("{} were sent", seen.sent.len()))
        })
    }

    /// Waits until packets arrive.
    pub(super) fn flows(&self) -> Outcome<()> {
        let since = self.sent();
        wait_for("packets arrive", 30, || {
            let arrived = lock(&self.seen).arrived.iter().filter(|(number, _)| *number >= since).count();
            if arrived >= 20 { Ok(()) } else { Err(format!("{arrived} of {}", self.sent() - since)) }
        })
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

const PORT: u16 = 5_005;
const PACKET_BYTES: usize = 300;
const PAUSE: Duration = Duration::from_millis(20);
/// DSCP CS7: the highest class of a radio, which sends each frame by itself.
const VOICE: i32 = 0xe0;
