//! A neighbour that is made of routes: says Hello and IHU, and announces as many prefixes as it is asked to.
//!
//! It writes its packets by itself and not with the daemon's writer: the three that are measured get the same octets
//! from somebody who is none of them. Every packet is an Ethernet frame full of updates, sent a millisecond apart the
//! first time (so that a socket's buffer of the usual size loses none) and spread over the update interval later.

use std::net::{Ipv6Addr, SocketAddrV6, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::socket::{setsockopt, sockopt};

use crate::failure::{Failure, Outcome, io};
use crate::netns::Namespace;

/// What the hexadecimal digits of every announced prefix begin with: 2001:db8:0:…
pub(super) const DIGITS: &str = "20010db8";

/// A running neighbour. Dropping it ends it, without a word to its neighbours.
#[derive(Debug)]
pub(super) struct Generator {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    stop: AtomicBool,
    /// How many prefixes are announced by now.
    wanted: AtomicU32,
}

impl Generator {
    /// Begins to say Hello at `device`.
    pub(super) fn start(namespace: &Namespace, device: &'static str) -> Outcome<Self> {
        let (socket, index) = namespace.inside(move || open(device))?;
        let shared = Arc::new(Shared { stop: AtomicBool::new(false), wanted: AtomicU32::new(0) });
        let mut voice = Voice::new(socket, index, Arc::clone(&shared));
        Ok(Self { shared, thread: Some(std::thread::spawn(move || voice.run())) })
    }

    /// From now on this many prefixes are announced; what is new is said at once.
    pub(super) fn announce(&self, count: u32) {
        self.shared.wanted.store(count, Ordering::Release);
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn open(device: &str) -> Outcome<(UdpSocket, u32)> {
    let index = nix::net::if_::if_nametoindex(device)
        .map_err(|error| Failure::new(format!("the device {device}"), error.to_string()))?;
    let socket = UdpSocket::bind((Ipv6Addr::UNSPECIFIED, PORT)).map_err(io("the port of Babel"))?;
    socket.join_multicast_v6(&GROUP, index).map_err(io("the group of Babel"))?;
    socket.set_multicast_loop_v6(false).map_err(io("an option of Babel's socket"))?;
    setsockopt(&socket, sockopt::Ipv6MulticastHops, &1)
        .map_err(|error| io("the hop limit of Babel")(error.into()))?;
    socket.set_read_timeout(Some(TICK)).map_err(io("a time limit for a socket"))?;
    Ok((socket, index))
}

struct Voice {
    socket: UdpSocket,
    index: u32,
    shared: Arc<Shared>,
    heard: Option<Ipv6Addr>,
    hello_seqno: u16,
    hello_due: Instant,
    said: u32,
    repeat: u32,
    repeat_due: Instant,
}

impl Voice {
    fn new(socket: UdpSocket, index: u32, shared: Arc<Shared>) -> Self {
        let now = Instant::now();
        Self {
            socket,
            index,
            shared,
            heard: None,
            hello_seqno: 1,
            hello_due: now,
            said: 0,
            repeat: 0,
            repeat_due: now,
        }
    }

    fn run(&mut self) {
        let mut buffer = [0; 2048];
        while !self.shared.stop.load(Ordering::Acquire) {
            // Waits for TICK at most.
            if let Ok((_, from)) = self.socket.recv_from(&mut buffer)
                && let std::net::IpAddr::V6(from) = from.ip()
                && self.heard != Some(from)
            {
                self.heard = Some(from);
                self.hello_due = Instant::now();
            }
            self.say_hello();
            self.say_what_is_new();
            self.repeat();
        }
    }

    fn say_hello(&mut self) {
        if Instant::now() < self.hello_due {
            return;
        }
        self.hello_due += HELLO;
        let mut body = Vec::new();
        // Hello: flags, seqno, interval in centiseconds.
        body.extend([4, 6, 0, 0]);
        body.extend(self.hello_seqno.to_be_bytes());
        body.extend(centiseconds(HELLO));
        self.hello_seqno = self.hello_seqno.wrapping_add(1);
        if let Some(heard) = self.heard {
            // IHU: AE 3, reserved, rxcost, interval, the low half of a link-local address.
            body.extend([5, 14, 3, 0, 0, 96]);
            body.extend(centiseconds(HELLO * 3));
            body.extend(&heard.octets()[8..]);
        }
        self.send(&body);
    }

    fn say_what_is_new(&mut self) {
        let wanted = self.shared.wanted.load(Ordering::Acquire);
        while self.said < wanted {
            let next = (self.said + PER_PACKET).min(wanted);
            self.send(&updates(self.said..next));
            self.said = next;
            self.repeat_due = Instant::now() + UPDATE / 2;
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// One packet of the full update, when it is due.
    fn repeat(&mut self) {
        if self.said == 0 || Instant::now() < self.repeat_due {
            return;
        }
        let packets = self.said.div_ceil(PER_PACKET);
        let first = (self.repeat % packets) * PER_PACKET;
        self.send(&updates(first..(first + PER_PACKET).min(self.said)));
        self.repeat = (self.repeat + 1) % packets;
        self.repeat_due += UPDATE / packets;
    }

    fn send(&self, body: &[u8]) {
        let mut packet = vec![42, 2];
        packet.extend(u16::try_from(body.len()).expect("a frame's worth").to_be_bytes());
        packet.extend(body);
        // What the kernel refuses is a packet lost; Babel lives with that.
        let _ = self.socket.send_to(&packet, SocketAddrV6::new(GROUP, PORT, 0, self.index));
    }
}

/// A router-id and the updates of some prefixes: AE 2, /64, the first four octets compressed away but for the first.
fn updates(numbers: std::ops::Range<u32>) -> Vec<u8> {
    let mut body = vec![6, 10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1];
    for (position, number) in numbers.enumerate() {
        let prefix = Ipv6Addr::new(0x2001, 0x0db8, (number >> 16) as u16, number as u16, 0, 0, 0, 0).octets();
        let (flags, omitted): (u8, u8) = if position == 0 { (0x80, 0) } else { (0, 4) };
        let given = &prefix[usize::from(omitted)..8];
        body.extend([8, 10 + given.len() as u8, 2, flags, 64, omitted]);
        body.extend(centiseconds(UPDATE));
        body.extend([0, 1, 0, 0]);
        body.extend(given);
    }
    body
}

fn centiseconds(time: Duration) -> [u8; 2] {
    u16::try_from(time.as_millis() / 10).unwrap_or(u16::MAX).to_be_bytes()
}

const PORT: u16 = 6696;
const GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 6);
const HELLO: Duration = Duration::from_secs(4);
const UPDATE: Duration = Duration::from_secs(16);
const TICK: Duration = Duration::from_millis(2);

/// Updates in a packet: 12 + 20 + 84 * 16 octets are below 1,500 less headers.
const PER_PACKET: u32 = 85;

#[cfg(test)]
mod test {
    use tequio::babel::wire::packet;

    use super::*;

    #[test]
    fn the_daemon_reads_every_prefix_once() {
        let body = updates(65_500..65_585);
        let mut bytes = vec![42, 2];
        bytes.extend((body.len() as u16).to_be_bytes());
        bytes.extend(body);
        assert!(bytes.len() <= 1_452, "{}", bytes.len());
        let read = packet::parse(&bytes, "fe80::1".parse().expect("an address")).expect("a packet");
        assert_eq!((read.tlvs.len(), read.ignored.len()), (85, 0));
    }
}
