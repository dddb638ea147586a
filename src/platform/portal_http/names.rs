//! Answers for names while there is no way outside.
//!
//! A phone finds out whether it is online by a page at a well-known name. When the upstream is dead, the name server has no
//! answer, the phone never asks for the page, and nobody is shown the portal with what still works. So the base table
//! sends questions for those names (it has the list) here while the uplink is down, and here each one has one answer: the
//! portal's address, for a second. Nothing is looked up and nothing is remembered.

use std::cell::Cell;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use nix::sys::socket::sockopt::IpFreebind;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, setsockopt, socket};
use tokio::net::UdpSocket;

use crate::base::address::PORTAL_EVERYWHERE;

/// The socket.
#[derive(Debug)]
pub(super) struct Names {
    socket: UdpSocket,
    /// Questions that were answered.
    answered: Cell<u32>,
}

impl Names {
    /// Opens it at an address that need not be there yet.
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let SocketAddr::V4(address) = address else { return Err(io::ErrorKind::Unsupported.into()) };
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Inet, SockType::Datagram, flags, None)?;
        setsockopt(&socket, IpFreebind, &true)?;
        bind(socket.as_raw_fd(), &SockaddrIn::from(address))?;
        let socket = UdpSocket::from_std(socket.into())?;
        Ok(Self { socket, answered: Cell::new(0) })
    }

    /// Answers for ever.
    pub(super) async fn serve(&self) -> Infallible {
        let mut packet = [0; PACKET_BYTES];
        loop {
            let Ok((length, peer)) = self.socket.recv_from(&mut packet).await else { continue };
            if let Some(length) = answer(&mut packet, length) {
                // A full buffer: the phone asks again.
                let sent = self.socket.try_send_to(&packet[..length], peer).is_ok();
                self.answered.set(self.answered.get().wrapping_add(sent.into()));
            }
        }
    }

    /// How many were answered.
    pub(super) fn answered(&self) -> u32 {
        self.answered.get()
    }
}

/// Turns a question into its answer, in place; how long it is. `None`: it is none that has one (RFC 1035 4.1).
fn answer(packet: &mut [u8; PACKET_BYTES], length: usize) -> Option<usize> {
    let question = packet.get(..length)?;
    let is_one = question.get(2)? & 0xf8 == 0 && question.get(4..6)? == [0, 1];
    let mut end = HEAD_BYTES;
    while is_one && *question.get(end)? != 0 {
        // A label; whoever asks has no reason to point elsewhere.
        end += 1 + usize::from(Some(question[end]).filter(|label| *label < 64)?);
    }
    let kind = question.get(end + 1..end + 5).filter(|_| is_one)?;
    let is_address = kind == [0, 1, 0, 1];
    let end = end + 5;
    // An answer of ours, whatever was asked beside it (RFC 6891's options) left out.
    packet[2] = 0x84 | packet[2] & 1;
    packet[3] = 0x80;
    packet[6..HEAD_BYTES].copy_from_slice(&[0, u8::from(is_address), 0, 0, 0, 0]);
    if !is_address {
        return Some(end);
    }
    let record =
        [&[0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4], PORTAL_EVERYWHERE.octets().as_slice()].concat();
    packet.get_mut(end..end + record.len())?.copy_from_slice(&record);
    Some(end + record.len())
}

/// RFC 1035 4.2.1.
const PACKET_BYTES: usize = 512;
const HEAD_BYTES: usize = 12;

#[cfg(test)]
mod tests {
    use super::*;

    /// A question by name and kind, with an option of EDNS as phones send it.
    fn question(name: &str, kind: u8) -> Vec<u8> {
        let mut packet = vec![0xab, 0xcd, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1];
        for label in name.split('.') {
            packet.push(u8::try_from(label.len()).unwrap());
            packet.extend(label.bytes());
        }
        packet.extend([0, 0, kind, 0, 1]);
        packet.extend([0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
        packet
    }

    fn answered(question: &[u8]) -> Option<Vec<u8>> {
        let mut packet = [0; PACKET_BYTES];
        packet[..question.len()].copy_from_slice(question);
        answer(&mut packet, question.len()).map(|length| packet[..length].to_vec())
    }

    #[test]
    fn an_address_is_the_portals_and_anything_else_is_not_there() {
        let name = "connectivitycheck.gstatic.com";
        let answer = answered(&question(name, 1)).unwrap();
        assert_eq!(answer[..12], [0xab, 0xcd, 0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]);
        assert!(answer.ends_with(&[0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 192, 0, 2, 1]));
        assert_eq!(answer.len(), 12 + name.len() + 2 + 4 + 16);
        let answer = answered(&question(name, 28)).unwrap();
        assert_eq!(answer[..12], [0xab, 0xcd, 0x85, 0x80, 0, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(answer.len(), 12 + name.len() + 2 + 4);
    }

    #[test]
    fn what_is_no_question_has_no_answer() {
        let whole = question("captive.apple.com", 1);
        let end = whole.len() - 11;
        for length in 0..end {
            assert_eq!(answered(&whole[..length]), None, "{length}");
        }
        let with = |at: usize, byte: u8| {
            let mut packet = whole.clone();
            packet[at] = byte;
            answered(&packet)
        };
        // An answer, an update, two questions, a pointer, a label that is longer than the packet.
        for (at, byte) in [(2, 0x81), (2, 0x29), (5, 2), (12, 0xc0), (12, 63)] {
            assert_eq!(with(at, byte), None, "{at} {byte}");
        }
        for at in 0..whole.len() {
            for byte in [0, 1, 0x3f, 0x7f, 0xff] {
                let _ = with(at, byte);
            }
        }
        // The longest packet that fits has no room for an answer.
        let mut long = question(&vec!["x".repeat(60); 8].join("."), 1);
        long.truncate(PACKET_BYTES);
        assert_eq!(answered(&long), None);
    }

    #[tokio::test]
    async fn those_that_were_answered_are_counted() {
        let names = Names::open("127.0.0.1:0".parse().unwrap()).unwrap();
        let to = names.socket.local_addr().unwrap();
        let phone = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let asks = async {
            phone.send_to(b"nonsense", to).await.unwrap();
            for _ in 0..3 {
                phone.send_to(&question("captive.apple.com", 1), to).await.unwrap();
                phone.recv_from(&mut [0; PACKET_BYTES]).await.unwrap();
            }
        };
        tokio::select! {
            never = names.serve() => match never {},
            () = asks => {}
        }
        assert_eq!(names.answered(), 3);
    }
}
