//! A neighbour that speaks just enough Babel (RFC 8966, RFC 9229) to be believed: it hears a Hello, and it announces
//! prefixes. Its packets are written here a second time, so that no mistake of the daemon's writer is shared.

use std::net::{IpAddr, Ipv6Addr, SocketAddrV6, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::console::{Outcome, uptime, wait_for};
use crate::link;
use crate::space::Space;

/// Hears what is said on a link.
pub(crate) struct Ear(UdpSocket);

impl Ear {
    /// Listens on a link of a namespace.
    pub(crate) fn open(space: &Space, name: &str) -> Outcome<Self> {
        space.inside(|| {
            let own = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, PORT, 0, 0);
            let index = link::index(name)?;
            let socket = UdpSocket::bind(own).and_then(|socket| {
                socket.join_multicast_v6(&GROUP, index)?;
                Ok(socket)
            });
            socket.map(Self).map_err(|error| format!("port {PORT} on {name}: {error}"))
        })
    }

    /// When the first Hello comes, and from whom.
    pub(crate) fn first_hello(&self, patience: Duration) -> Outcome<(Duration, IpAddr)> {
        let end = Instant::now() + patience;
        let mut buffer = [0; 2048];
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            self.0.set_read_timeout(Some(left)).map_err(|error| error.to_string())?;
            let Ok((length, from)) = self.0.recv_from(&mut buffer) else { continue };
            if kinds(&buffer[..length]).contains(&HELLO) {
                return Ok((uptime(), from.ip()));
            }
        }
        Err(format!("a Hello within {patience:?}: none"))
    }
}

/// The kinds of the TLVs of a packet.
fn kinds(packet: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    let Some([42, 2, ..]) = packet.first_chunk::<4>() else { return all };
    let mut rest = &packet[4..];
    while let Some((&kind, after)) = rest.split_first() {
        if kind == 0 {
            // Pad1 has no length.
            rest = after;
            continue;
        }
        let Some((&length, body)) = after.split_first() else { break };
        all.push(kind);
        rest = body.get(usize::from(length)..).unwrap_or_default();
    }
    all
}

/// A neighbour that announces many prefixes until it is dropped.
pub(crate) struct Generator {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Generator {
    /// Announces `routes` prefixes on a link: half IPv4 by an IPv6 next hop, half IPv6.
    pub(crate) fn start(space: &Space, name: &str, routes: u16) -> Outcome<Self> {
        let ear = Ear::open(space, name)?;
        let index = space.inside(|| link::index(name))?;
        let to = SocketAddrV6::new(GROUP, PORT, 0, index);
        let own = space.inside(|| wait_for("a link-local address", 20, || link::link_local(name)))?;
        let stop = Arc::new(AtomicBool::new(false));
        let voice = Voice { socket: ear.0, to, own, routes, stop: Arc::clone(&stop) };
        let thread = std::thread::spawn(move || {
            if let Err(error) = voice.speak() {
                println!("boot: | the neighbour that announces prefixes: {error}");
            }
        });
        Ok(Self { stop, thread: Some(thread) })
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Voice {
    socket: UdpSocket,
    to: SocketAddrV6,
    own: Ipv6Addr,
    routes: u16,
    stop: Arc<AtomicBool>,
}

impl Voice {
    /// A Hello a second, an answer (IHU) to whoever is heard, all updates each ten seconds.
    fn speak(&self) -> std::io::Result<()> {
        self.socket.set_multicast_loop_v6(false)?;
        let mut heard = None;
        let mut buffer = [0; 2048];
        for turn in 0_u16.. {
            let mut tlvs = hello(turn);
            if let Some(address) = heard {
                tlvs.extend(ihu(address));
            }
            self.send(&tlvs)?;
            if turn % 10 == 2 {
                self.announce()?;
            }
            let next = Instant::now() + Duration::from_secs(1);
            while let Some(left) = next.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            {
                self.socket.set_read_timeout(Some(left))?;
                if let Ok((length, from)) = self.socket.recv_from(&mut buffer)
                    && let IpAddr::V6(from) = from.ip()
                    && from != self.own
                    && kinds(&buffer[..length]).contains(&HELLO)
                {
                    heard = Some(from);
                }
            }
            if self.stop.load(Ordering::Relaxed) {
                break;
            }
        }
        Ok(())
    }

    fn announce(&self) -> std::io::Result<()> {
        let name = [ROUTER_ID, 10, 0, 0, 2, 0, 0, 0xff, 0xfe, 0, 0, 1];
        let numbers: Vec<u16> = (0..self.routes).collect();
        for chunk in numbers.chunks(UPDATES_A_PACKET) {
            let mut tlvs = name.to_vec();
            tlvs.extend(chunk.iter().flat_map(|number| update(*number)));
            self.send(&tlvs)?;
        }
        Ok(())
    }

    fn send(&self, tlvs: &[u8]) -> std::io::Result<()> {
        let length = u16::try_from(tlvs.len()).map_err(std::io::Error::other)?;
        let mut packet = vec![42, 2];
        packet.extend(length.to_be_bytes());
        packet.extend(tlvs);
        self.socket.send_to(&packet, self.to).map(drop)
    }
}

fn hello(seqno: u16) -> Vec<u8> {
    let [high, low] = seqno.to_be_bytes();
    // No flags; the next one within a second.
    vec![HELLO, 6, 0, 0, high, low, 0, 100]
}

fn ihu(to: Ipv6Addr) -> Vec<u8> {
    // AE 3 is a link-local address, by its last eight octets; rxcost 96; the next one within 3 s.
    let mut tlv = vec![IHU, 14, 3, 0, 0, 96, 1, 44];
    tlv.extend(&to.octets()[8..]);
    tlv
}

/// One prefix: 10.88.N.0/24 (AE 4: by the IPv6 next hop that the packet came from) or fd00:88:0:N::/64.
fn update(number: u16) -> Vec<u8> {
    let [high, low] = number.to_be_bytes();
    let (kind, bits, prefix): (u8, u8, Vec<u8>) = if number.is_multiple_of(2) {
        (4, 24, vec![10, 88 + high, low])
    } else {
        (2, 64, vec![0xfd, 0, 0, 0x88, 0, 0, high, low])
    };
    // Nothing left out; 60 s; seqno 1; metric 256.
    let mut tlv = vec![UPDATE, 0, kind, 0, bits, 0, 0x17, 0x70, 0, 1, 1, 0];
    tlv.extend(prefix);
    tlv[1] = u8::try_from(tlv.len() - 2).expect("a prefix has 16 octets at most");
    tlv
}

const PORT: u16 = 6696;
/// `ff02::1:6`.
const GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 6);
const HELLO: u8 = 4;
const IHU: u8 = 5;
const ROUTER_ID: u8 = 6;
const UPDATE: u8 = 8;
/// 60 of at most 20 octets are 1,200: less than IPv6's smallest MTU.
const UPDATES_A_PACKET: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_of_a_packet_are_those_that_were_written() {
        let mut packet = vec![42, 2, 0, 0];
        packet.extend(hello(7));
        packet.push(0);
        packet.extend(ihu(Ipv6Addr::LOCALHOST));
        packet.extend(update(4));
        packet.extend(update(5));
        assert_eq!(kinds(&packet), [HELLO, IHU, UPDATE, UPDATE]);
        assert_eq!(kinds(&packet[..packet.len() - 1]), [HELLO, IHU, UPDATE, UPDATE], "a cut tail ends it");
        assert!(kinds(b"*").is_empty());
        assert!(kinds(&[43, 2, 0, 8, HELLO, 0]).is_empty(), "another magic number");
    }

    #[test]
    fn a_packet_of_updates_fits_everywhere() {
        assert_eq!(UPDATES_A_PACKET, 60);
        let bytes: usize = (0..60).map(|number| update(2 * number + 1).len()).sum();
        assert!(bytes + 16 <= 1_280 - 48, "{bytes}");
    }
}
