//! ICMP echoes over a raw socket (RFC 792, RFC 4443), and the routers that send them back.
//!
//! A raw socket hears all ICMP of the machine; an answer is ours when it bears our mark and comes from, or
//! quotes a packet to, the machine that was asked.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, SockaddrStorage, recvfrom, sendto, setsockopt,
    socket, sockopt,
};
use tokio::io::unix::AsyncFd;

use crate::base::bytes::Reader;

/// A socket for one question.
pub(super) struct PingSocket {
    socket: AsyncFd<OwnedFd>,
    to: IpAddr,
}

impl PingSocket {
    /// Opens one that leaves by `device` alone.
    pub(super) fn open(device: Option<&str>, to: IpAddr, hop_limit: u8) -> io::Result<Self> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let hops = libc::c_int::from(hop_limit);
        let raw = if to.is_ipv4() {
            let raw = socket(AddressFamily::Inet, SockType::Raw, flags, SockProtocol::Icmp)?;
            setsockopt(&raw, sockopt::Ipv4Ttl, &hops)?;
            raw
        } else {
            let raw = socket(AddressFamily::Inet6, SockType::Raw, flags, SockProtocol::IcmpV6)?;
            setsockopt(&raw, sockopt::Ipv6Ttl, &hops)?;
            raw
        };
        if let Some(device) = device {
            setsockopt(&raw, sockopt::BindToDevice, &device.into())?;
        }
        // SAFETY: the descriptor stays open and the same as long as it is registered: `AsyncFd` owns the
        // `OwnedFd`, which nothing here takes out or replaces.
        let socket = unsafe { AsyncFd::register(raw) }.map_err(io::Error::from)?;
        Ok(Self { socket, to })
    }

    /// Sends an echo and waits for its answer: `Some` router if it was sent back there.
    pub(super) async fn exchange(self, mark: u32) -> io::Result<Option<IpAddr>> {
        let echo = echo(self.to, mark);
        let to = SockaddrStorage::from(SocketAddr::new(self.to, 0));
        sendto(self.socket.as_raw_fd(), &echo, &to, MsgFlags::MSG_DONTWAIT)?;
        let mut buffer = [0_u8; 1_280];
        loop {
            let mut guard = self.socket.readable().await?;
            let received =
                guard.try_io(|socket| Ok(recvfrom::<SockaddrStorage>(socket.as_raw_fd(), &mut buffer)?));
            let Ok(received) = received else { continue };
            let (length, from) = received?;
            let Some(from) = from.as_ref().and_then(address) else { continue };
            match read(self.to, from, &buffer[..length], mark) {
                Some(Reply::Echo) => return Ok(None),
                Some(Reply::Expired) => return Ok(Some(from)),
                Some(Reply::Unreachable) => return Err(io::ErrorKind::HostUnreachable.into()),
                None => {}
            }
        }
    }
}

/// What an ICMP packet says about our echo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reply {
    Echo,
    Expired,
    Unreachable,
}

/// An echo request with our mark.
fn echo(to: IpAddr, mark: u32) -> Vec<u8> {
    let kind = if to.is_ipv4() { ECHO4 } else { ECHO6 };
    let mut echo = vec![kind, 0, 0, 0];
    echo.extend(mark.to_be_bytes());
    echo.extend(PAYLOAD);
    if to.is_ipv4() {
        // The kernel fills in the checksum of ICMPv6 (RFC 3542 3.1), and not that of ICMP.
        let sum = checksum(&echo).to_be_bytes();
        echo[2..4].copy_from_slice(&sum);
    }
    echo
}

/// Reads what a raw socket heard; `None` if it is not about our echo.
fn read(to: IpAddr, from: IpAddr, bytes: &[u8], mark: u32) -> Option<Reply> {
    let message = if to.is_ipv4() { behind_ipv4(bytes, None)? } else { bytes };
    let mut reader = Reader::new(message);
    let (kind, _code) = (reader.u8().ok()?, reader.u8().ok()?);
    reader.take(2).ok()?;
    let reply = match (to.is_ipv4(), kind) {
        (true, 0) | (false, 129) => {
            return (from == to && reader.u32().ok()? == mark).then_some(Reply::Echo);
        }
        (true, 11) | (false, 3) => Reply::Expired,
        (true, 3) | (false, 1) => Reply::Unreachable,
        _ => return None,
    };
    reader.take(4).ok()?;
    let quoted = message.get(8..)?;
    let inner = if to.is_ipv4() { behind_ipv4(quoted, Some(to))? } else { behind_ipv6(quoted, to)? };
    let echoed =
        inner.first_chunk::<8>().filter(|head| head[0] == if to.is_ipv4() { ECHO4 } else { ECHO6 })?;
    (echoed[4..] == mark.to_be_bytes()).then_some(reply)
}

/// What stands behind an IPv4 header, if that is ICMP (to this machine).
fn behind_ipv4(bytes: &[u8], to: Option<IpAddr>) -> Option<&[u8]> {
    let head = bytes.first_chunk::<20>()?;
    let length = usize::from(head[0] & 0x0f) * 4;
    let destination = IpAddr::from([head[16], head[17], head[18], head[19]]);
    let good = head[0] >> 4 == 4 && length >= 20 && head[9] == 1 && to.is_none_or(|to| to == destination);
    bytes.get(length..).filter(|_| good)
}

/// What stands behind an IPv6 header, if that is ICMPv6 to this machine.
fn behind_ipv6(bytes: &[u8], to: IpAddr) -> Option<&[u8]> {
    let head = bytes.first_chunk::<40>()?;
    let destination = head.last_chunk::<16>().map(|octets| IpAddr::from(*octets));
    let good = head[0] >> 4 == 6 && head[6] == 58 && destination == Some(to);
    bytes.get(40..).filter(|_| good)
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let words =
        bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | pair.get(1).copied().map_or(0, u32::from));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or(0)
}

fn address(from: &SockaddrStorage) -> Option<IpAddr> {
    let ipv4 = from.as_sockaddr_in().map(|from| IpAddr::V4(from.ip()));
    ipv4.or_else(|| from.as_sockaddr_in6().map(|from| IpAddr::V6(from.ip())))
}

const ECHO4: u8 = 8;
const ECHO6: u8 = 128;
/// Says who it was to whoever looks at the wire.
const PAYLOAD: &[u8] = b"tequio probe";

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: u32 = 0x1234_5678;

    fn ipv4(to: [u8; 4], message: &[u8]) -> Vec<u8> {
        let head = [0x45, 0, 0, 0, 0, 0, 0, 0, 64, 1, 0, 0, 10, 0, 0, 1, to[0], to[1], to[2], to[3]];
        [&head[..], message].concat()
    }

    fn ipv6(to: IpAddr, message: &[u8]) -> Vec<u8> {
        let IpAddr::V6(to) = to else { panic!("{to} is IPv4") };
        [&[0x60, 0, 0, 0, 0, 0, 58, 64][..], &[0; 16], &to.octets(), message].concat()
    }

    #[test]
    fn an_echo_of_ours_is_told_from_all_others() {
        let to: IpAddr = "192.0.2.9".parse().unwrap();
        let router: IpAddr = "10.77.0.1".parse().unwrap();
        let asked = echo(to, MARK);
        assert_eq!(checksum(&asked), 0, "a packet that bears its checksum sums up to nothing");
        let mut answer = asked.clone();
        answer[0] = 0;
        let answer = ipv4([10, 0, 0, 1], &answer);
        assert_eq!(read(to, to, &answer, MARK), Some(Reply::Echo));
        assert_eq!(read(to, router, &answer, MARK), None, "from somebody else");
        assert_eq!(read(to, to, &answer, MARK + 1), None, "to another question");
        for (kind, reply) in [(11, Reply::Expired), (3, Reply::Unreachable)] {
            let quote = [&[kind, 0, 0, 0, 0, 0, 0, 0][..], &ipv4([192, 0, 2, 9], &asked)].concat();
            assert_eq!(read(to, router, &ipv4([10, 0, 0, 1], &quote), MARK), Some(reply));
            let other = [&[kind, 0, 0, 0, 0, 0, 0, 0][..], &ipv4([192, 0, 2, 8], &asked)].concat();
            assert_eq!(read(to, router, &ipv4([10, 0, 0, 1], &other), MARK), None, "about another machine");
        }
    }

    #[test]
    fn the_same_over_ipv6() {
        let to: IpAddr = "2001:db8::9".parse().unwrap();
        let router: IpAddr = "fd77::1".parse().unwrap();
        let asked = echo(to, MARK);
        let mut answer = asked.clone();
        answer[0] = 129;
        assert_eq!(read(to, to, &answer, MARK), Some(Reply::Echo));
        for (kind, reply) in [(3, Reply::Expired), (1, Reply::Unreachable)] {
            let quote = [&[kind, 0, 0, 0, 0, 0, 0, 0][..], &ipv6(to, &asked)].concat();
            assert_eq!(read(to, router, &quote, MARK), Some(reply));
            assert_eq!(read(to, router, &quote, MARK ^ 1), None);
        }
    }

    #[test]
    fn no_cut_packet_makes_it_panic() {
        let to: IpAddr = "192.0.2.9".parse().unwrap();
        let quote = [&[11, 0, 0, 0, 0, 0, 0, 0][..], &ipv4([192, 0, 2, 9], &echo(to, MARK))].concat();
        let whole = ipv4([10, 0, 0, 1], &quote);
        for end in 0..whole.len() {
            let found = read(to, to, &whole[..end], MARK);
            assert!(found.is_none() || end >= whole.len() - PAYLOAD.len(), "{end}: {found:?}");
        }
    }
}
