//! Downloads without an end, and a call: 50 packets a second there and back, each with its number.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::street::OUTSIDE;
use crate::console::{Outcome, wait_for};
use crate::space::Space;

/// The server: sends as much as anybody takes, and sends back what is said to it.
pub(super) fn serve(space: &Space) -> Outcome<()> {
    let words = |what: &str, error: std::io::Error| format!("the server's {what}: {error}");
    let (listener, echo) = space.inside(|| {
        let listener =
            TcpListener::bind((OUTSIDE, DOWNLOAD_PORT)).map_err(|error| words("downloads", error))?;
        let echo = UdpSocket::bind((OUTSIDE, CALL_PORT)).map_err(|error| words("calls", error))?;
        Ok((listener, echo))
    })?;
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || send_without_end(stream));
        }
    });
    std::thread::spawn(move || {
        let mut packet = [0; CALL_BYTES];
        while let Ok((length, from)) = echo.recv_from(&mut packet) {
            let _ = echo.send_to(&packet[..length], from);
        }
    });
    Ok(())
}

fn send_without_end(mut stream: TcpStream) {
    let piece = [0; 16_384];
    while stream.write_all(&piece).is_ok() {}
}

/// What was heard of a call.
pub(super) struct Heard {
    /// There and back in milliseconds, of each packet that came back; sorted.
    delays_ms: Vec<f64>,
    sent: usize,
}

/// Speaks for so long. The failure is that nothing at all came back.
pub(super) fn call(phone: &Space, seconds: u64) -> Outcome<Heard> {
    let socket = phone.inside(|| {
        let socket = UdpSocket::bind("0.0.0.0:0").and_then(|socket| {
            socket.connect((OUTSIDE, CALL_PORT))?;
            Ok(socket)
        });
        socket.map_err(|error| format!("the phone's socket: {error}"))
    })?;
    let wrong = |error: std::io::Error| format!("the call: {error}");
    let (began, packets) = (Instant::now(), seconds * PACKETS_PER_S);
    let mut sent_at = Vec::new();
    let mut delays_ms = Vec::new();
    let end = began + Duration::from_secs(seconds) + LATEST;
    loop {
        let number = u64::try_from(sent_at.len()).unwrap_or(u64::MAX);
        let next = if number < packets { began + number_at(number) } else { end };
        let now = Instant::now();
        if number < packets && now >= next {
            let mut packet = [0; CALL_BYTES];
            packet[..8].copy_from_slice(&number.to_be_bytes());
            sent_at.push(now);
            // A full queue on the way is a loss as any other.
            let _ = socket.send(&packet);
            continue;
        }
        if now >= end || delays_ms.len() == usize::try_from(packets).unwrap_or(usize::MAX) {
            break;
        }
        // A timeout of zero would be none.
        socket.set_read_timeout(Some((next - now).max(Duration::from_millis(1)))).map_err(wrong)?;
        let mut packet = [0; CALL_BYTES];
        match socket.recv(&mut packet) {
            Ok(_) => {
                let number = u64::from_be_bytes(packet[..8].try_into().unwrap_or_default());
                let sent = usize::try_from(number).ok().and_then(|number| sent_at.get(number));
                delays_ms.extend(sent.map(|sent| sent.elapsed().as_secs_f64() * 1_000.0));
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(error) => return Err(wrong(error)),
        }
    }
    if delays_ms.is_empty() {
        return Err(format!("nothing of {packets} packets came back"));
    }
    delays_ms.sort_by(f64::total_cmp);
    Ok(Heard { delays_ms, sent: sent_at.len() })
}

fn number_at(number: u64) -> Duration {
    Duration::from_millis(number * 1_000 / PACKETS_PER_S)
}

impl Heard {
    /// What did not come back.
    pub(super) fn lost_percent(&self) -> f64 {
        let of = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
        100.0 * of(self.sent.saturating_sub(self.delays_ms.len())) / of(self.sent)
    }

    /// The delay of the packet in the middle.
    pub(super) fn median_ms(&self) -> f64 {
        self.at(50)
    }

    /// The delay that 95 of 100 packets stay below.
    pub(super) fn p95_ms(&self) -> f64 {
        self.at(95)
    }

    fn at(&self, percent: usize) -> f64 {
        let last = self.delays_ms.len() - 1;
        self.delays_ms[(self.delays_ms.len() * percent / 100).min(last)]
    }

    /// Whether one can speak so: less than 1 % is lost, and 95 of 100 packets come at most 60 ms later than `usual_ms`,
    /// both ways together.
    pub(super) fn judge(&self, usual_ms: f64) -> Outcome<()> {
        if self.lost_percent() < 1.0 && self.p95_ms() - usual_ms <= 60.0 {
            return Ok(());
        }
        Err(format!("a call loses < 1 % and p95 is <= 60 ms above {usual_ms:.1} ms: {self}"))
    }
}

impl std::fmt::Display for Heard {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (lost, median, p95) = (self.lost_percent(), self.median_ms(), self.p95_ms());
        write!(formatter, "{lost:.2} % lost, median {median:.1} ms, p95 {p95:.1} ms")
    }
}

/// Downloads of several phones.
pub(super) struct Downloads;

impl Downloads {
    /// Downloads at each phone (at the first one `flows` at once), and does `work` when the pipe is full; with it comes what
    /// each phone got meanwhile, in kbit/s.
    pub(super) fn during<T>(
        phones: &[Space],
        flows: usize,
        work: impl FnOnce() -> Outcome<T>,
    ) -> Outcome<(T, Vec<f64>)> {
        Self::filled(phones, flows, FULL_BYTES, work)
    }

    fn filled<T>(
        phones: &[Space],
        flows: usize,
        first_bytes: usize,
        work: impl FnOnce() -> Outcome<T>,
    ) -> Outcome<(T, Vec<f64>)> {
        let counts: Vec<AtomicUsize> = phones.iter().map(|_| AtomicUsize::new(0)).collect();
        let over = AtomicBool::new(false);
        let read = || counts.iter().map(|count| count.load(Ordering::Relaxed)).collect::<Vec<_>>();
        std::thread::scope(|scope| {
            let open = || -> Outcome<()> {
                for (index, phone) in phones.iter().enumerate() {
                    for _ in 0..if index == 0 { flows } else { 1 } {
                        let stream = download(phone)?;
                        let (count, over) = (&counts[index], &over);
                        scope.spawn(move || take(stream, count, over));
                    }
                }
                Ok(())
            };
            let worked = open().and_then(|()| {
                wait_for("the pipe is full", 60, || {
                    let sum: usize = read().iter().sum();
                    if sum > first_bytes { Ok(()) } else { Err(format!("{sum} octets")) }
                })?;
                let (before, began) = (read(), Instant::now());
                let worked = work()?;
                let elapsed_s = began.elapsed().as_secs_f64();
                let of = |count: usize| f64::from(u32::try_from(count).unwrap_or(u32::MAX));
                let kbit =
                    read().into_iter().zip(before).map(|(now, before)| of(now - before) * 0.008 / elapsed_s);
                Ok((worked, kbit.collect()))
            });
            over.store(true, Ordering::Relaxed);
            worked
        })
    }
}

impl Downloads {
    /// One download more while others fill the pipe, with `work` when it has found its rate; what it got meanwhile, in
    /// kbit/s.
    pub(super) fn alone<T>(phone: &Space, work: impl FnOnce() -> Outcome<T>) -> Outcome<(T, f64)> {
        let (worked, kbit) = Self::filled(std::slice::from_ref(phone), 1, ALONE_BYTES, work)?;
        Ok((worked, kbit.iter().sum()))
    }
}

fn download(phone: &Space) -> Outcome<TcpStream> {
    phone.inside(|| {
        let stream = TcpStream::connect((OUTSIDE, DOWNLOAD_PORT)).and_then(|stream| {
            stream.set_read_timeout(Some(Duration::from_millis(200)))?;
            Ok(stream)
        });
        stream.map_err(|error| format!("a download: {error}"))
    })
}

/// Reads until all is over; a stream that ends before is seen by its share.
fn take(mut stream: TcpStream, count: &AtomicUsize, over: &AtomicBool) {
    let mut piece = [0; 16_384];
    while !over.load(Ordering::Relaxed) {
        match stream.read(&mut piece) {
            Ok(0) => return,
            Ok(length) => drop(count.fetch_add(length, Ordering::Relaxed)),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
    }
}

const DOWNLOAD_PORT: u16 = 8_000;
const CALL_PORT: u16 = 5_004;
const PACKETS_PER_S: u64 = 50;
/// A header of RTP and 20 ms of G.711.
const CALL_BYTES: usize = 172;
/// How long the last packets may take, in seconds: longer than the modem's queue.
const LATEST: Duration = Duration::from_secs(3);
/// Eight seconds of the pipe: the senders have found their rates, and what they threw into the modem's queue at first has
/// left it, by the tenth that we are slower.
const FULL_BYTES: usize = 4_000_000;
/// Some seconds of one download's share: of a fair one, half a minute.
const ALONE_BYTES: usize = 500_000;
