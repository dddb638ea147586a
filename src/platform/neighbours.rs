//! Which device has an IP address: the kernel's neighbour table, asked for one address. And whether a device is still there.
//!
//! Whoever has just opened a TCP connection from a hotspot interface has an entry there. The kernel
//! compares addresses as numbers: 10.13.0.1 is never taken for 10.13.0.10.
//!
//! Whether a device is there the kernel asks itself, in both families: an entry that is put into the state `PROBE` is asked for
//! at once, three times in three seconds, by ARP or neighbour solicitation to the device alone, and ends as `REACHABLE` or
//! `FAILED`. So [`Neighbours::seek`] reads what became of the last question, and puts the next one.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use nix::net::if_::if_nametoindex;

use crate::base::address::{InterfaceIndex, MacAddress};
use crate::platform::netlink::message::{Batch, Message};
use crate::platform::netlink::socket::{NetlinkError, NetlinkSocket, Protocol};

/// Finds the devices behind addresses on the hotspot's interfaces.
#[derive(Debug)]
pub struct Neighbours {
    socket: NetlinkSocket,
    interfaces: Vec<String>,
}

impl Neighbours {
    /// Opens the socket. `interfaces` are the names of the hotspot's interfaces; they may come and go.
    ///
    /// # Panics
    /// Outside of a tokio runtime with IO enabled.
    pub fn open(interfaces: Vec<String>) -> Result<Self, NetlinkError> {
        Ok(Self { socket: NetlinkSocket::open(Protocol::Route, &[])?, interfaces })
    }

    /// Takes the names of the hotspot's interfaces anew.
    pub fn set_interfaces(&mut self, interfaces: Vec<String>) {
        self.interfaces = interfaces;
    }

    /// The device behind the peer of a connection, or `None` if it is on no hotspot interface (or has
    /// left the table meanwhile).
    pub async fn mac_of(&mut self, peer: SocketAddr) -> Result<Option<MacAddress>, NetlinkError> {
        let address = peer.ip().to_canonical();
        let scope = match peer {
            // A link-local address means something on one interface only, and the socket knows which.
            SocketAddr::V6(peer) => peer.scope_id(),
            SocketAddr::V4(_) => 0,
        };
        for name in &self.interfaces {
            // By name each time: a bridge that was made anew has another number.
            let Ok(index) = if_nametoindex(name.as_str()) else { continue };
            if scope != 0 && scope != index {
                continue;
            }
            if let Some(mac) = mac_on(&mut self.socket, address, InterfaceIndex(index)).await? {
                return Ok(Some(mac));
            }
        }
        Ok(None)
    }

    /// The device behind an address on one interface.
    pub async fn mac_on(
        &mut self,
        address: IpAddr,
        interface: InterfaceIndex,
    ) -> Result<Option<MacAddress>, NetlinkError> {
        mac_on(&mut self.socket, address, interface).await
    }

    /// The same from a dump of the whole table, for kernels that answer no single question (before 5.0).
    pub async fn mac_by_dump(
        &mut self,
        address: IpAddr,
        interface: InterfaceIndex,
    ) -> Result<Option<MacAddress>, NetlinkError> {
        mac_by_dump(&mut self.socket, address, interface).await
    }
}

/// An entry of the table.
struct Entry {
    mac: MacAddress,
    interface: InterfaceIndex,
    address: IpAddr,
    answered: bool,
}

impl Neighbours {
    /// Which of these devices have answered since they were asked before, and asks each of them again. Who has no entry, or
    /// whose entries have all failed, did not answer.
    pub async fn seek(&mut self, macs: &[MacAddress]) -> Result<Vec<(MacAddress, bool)>, NetlinkError> {
        let names = self.interfaces.iter();
        let indices: Vec<u32> = names.filter_map(|name| if_nametoindex(name.as_str()).ok()).collect();
        let parse = |message: Message<'_>| {
            entry(&message).filter(|entry| macs.contains(&entry.mac) && indices.contains(&entry.interface.0))
        };
        let whole = [0; HEAD_BYTES];
        let entries = self.socket.dump(libc::RTM_GETNEIGH, &whole, |_| {}, ANSWER_TIME, parse).await?;
        // The others are being asked for, or have failed.
        let asked: Vec<&Entry> = entries.iter().filter(|entry| entry.answered).collect();
        for part in asked.chunks(QUESTIONS) {
            let mut questions = Batch::new();
            for entry in part {
                let mut head = head(entry.address, entry.interface);
                head[8..10].copy_from_slice(&libc::NUD_PROBE.to_ne_bytes());
                let sequence = self.socket.next_sequence();
                questions.message(libc::RTM_NEWNEIGH, 0, sequence, &head, |batch| {
                    write_address(batch, entry.address);
                });
            }
            // Refused is what has left the table meanwhile.
            questions.acknowledge_last();
            self.socket.exchange(&questions, ANSWER_TIME, |_| {}).await?;
        }
        let answered = |mac: &MacAddress| entries.iter().any(|entry| entry.mac == *mac && entry.answered);
        Ok(macs.iter().map(|mac| (*mac, answered(mac))).collect())
    }
}

/// What an entry says of a device, if it is about one.
fn entry(message: &Message<'_>) -> Option<Entry> {
    let head: [u8; HEAD_BYTES] = *message.payload.first_chunk()?;
    let [_, _, _, _, i0, i1, i2, i3, s0, s1, ..] = head;
    let find = |kind| message.attributes(HEAD_BYTES).find(|attribute| attribute.kind == kind);
    let address = find(libc::NDA_DST)?.value;
    let address = match <[u8; 4]>::try_from(address) {
        Ok(v4) => IpAddr::from(v4),
        Err(_) => IpAddr::from(<[u8; 16]>::try_from(address).ok()?),
    };
    let state = u16::from_ne_bytes([s0, s1]);
    Some(Entry {
        mac: MacAddress(find(libc::NDA_LLADDR)?.value.try_into().ok()?),
        interface: InterfaceIndex(u32::from_ne_bytes([i0, i1, i2, i3])),
        address,
        // One that is stale has answered, and was not needed since.
        answered: state & (libc::NUD_REACHABLE | libc::NUD_STALE | libc::NUD_DELAY) != 0,
    })
}

async fn mac_on(
    socket: &mut NetlinkSocket,
    address: IpAddr,
    interface: InterfaceIndex,
) -> Result<Option<MacAddress>, NetlinkError> {
    let mut found = None;
    let asked = socket
        .request(
            libc::RTM_GETNEIGH,
            0,
            &head(address, interface),
            |batch| write_address(batch, address),
            ANSWER_TIME,
            |message| found = read(&message, address, interface).or(found),
        )
        .await;
    match asked {
        Ok(()) => Ok(found),
        Err(NetlinkError::Refused(refusal)) if refusal.errno == libc::ENOENT => Ok(None),
        Err(NetlinkError::Refused(refusal)) if refusal.errno == libc::EOPNOTSUPP => {
            mac_by_dump(socket, address, interface).await
        }
        Err(error) => Err(error),
    }
}

async fn mac_by_dump(
    socket: &mut NetlinkSocket,
    address: IpAddr,
    interface: InterfaceIndex,
) -> Result<Option<MacAddress>, NetlinkError> {
    let found = socket
        .dump(
            libc::RTM_GETNEIGH,
            &head(address, InterfaceIndex(0)),
            |_| {},
            ANSWER_TIME,
            |message| read(&message, address, interface),
        )
        .await?;
    Ok(found.into_iter().next())
}

/// `struct ndmsg`.
fn head(address: IpAddr, interface: InterfaceIndex) -> [u8; HEAD_BYTES] {
    let mut head = [0; HEAD_BYTES];
    head[0] = family(address);
    head[4..8].copy_from_slice(&interface.0.to_ne_bytes());
    head
}

fn write_address(batch: &mut Batch, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => batch.attribute(libc::NDA_DST, &v4.octets()),
        IpAddr::V6(v6) => batch.attribute(libc::NDA_DST, &v6.octets()),
    }
}

/// The MAC address that an entry gives for `address` on `interface`, if the entry is about them and the
/// device has answered.
fn read(message: &Message<'_>, address: IpAddr, interface: InterfaceIndex) -> Option<MacAddress> {
    let head: [u8; HEAD_BYTES] = *message.payload.first_chunk()?;
    let [.., i0, i1, i2, i3, s0, s1, _flags, _kind] = head;
    let index = u32::from_ne_bytes([i0, i1, i2, i3]);
    let state = u16::from_ne_bytes([s0, s1]);
    let answered = state & (libc::NUD_INCOMPLETE | libc::NUD_FAILED | libc::NUD_NOARP) == 0 && state != 0;
    if message.header.kind != libc::RTM_NEWNEIGH || index != interface.0 || !answered {
        return None;
    }
    let find = |kind| message.attributes(HEAD_BYTES).find(|attribute| attribute.kind == kind);
    let same = match address {
        IpAddr::V4(v4) => find(libc::NDA_DST)?.value == v4.octets(),
        IpAddr::V6(v6) => find(libc::NDA_DST)?.value == v6.octets(),
    };
    let octets = find(libc::NDA_LLADDR)?.value.try_into().ok()?;
    same.then_some(MacAddress(octets))
}

const fn family(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => libc::AF_INET as u8,
        IpAddr::V6(_) => libc::AF_INET6 as u8,
    }
}

/// Entries that are put into another state with one datagram: 64 of 48 bytes.
const QUESTIONS: usize = 64;
/// Bytes of `struct ndmsg`: family, padding, interface, state, flags, type.
const HEAD_BYTES: usize = 12;
/// The kernel answers inside the call that asks; this is for an answer that was lost.
const ANSWER_TIME: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::netlink::message::Messages;

    fn entry(address: IpAddr, index: u32, state: u16, hardware: &[u8]) -> Batch {
        let mut head = head(address, InterfaceIndex(index));
        head[8..10].copy_from_slice(&state.to_ne_bytes());
        let mut batch = Batch::new();
        batch.message(libc::RTM_NEWNEIGH, 0, 1, &head, |batch| {
            write_address(batch, address);
            batch.attribute(libc::NDA_LLADDR, hardware);
        });
        batch
    }

    fn read_entry(batch: &Batch, address: &str) -> Option<MacAddress> {
        let message = Messages::new(batch.bytes()).next()?;
        read(&message, address.parse().unwrap(), InterfaceIndex(3))
    }

    #[test]
    fn only_the_very_address_on_the_very_interface_counts() {
        let mac = [2, 0, 0x5e, 0x10, 0, 1];
        let reachable = libc::NUD_REACHABLE;
        let good = entry("10.13.0.1".parse().unwrap(), 3, reachable, &mac);
        assert_eq!(read_entry(&good, "10.13.0.1"), Some(MacAddress(mac)));
        assert_eq!(read_entry(&good, "10.13.0.10"), None);
        assert_eq!(read_entry(&good, "fd00::1"), None);
        for (index, state, hardware) in [
            (4, reachable, &mac[..]),
            (3, libc::NUD_FAILED, &mac[..]),
            (3, libc::NUD_INCOMPLETE, &mac[..]),
            (3, 0, &mac[..]),
            (3, reachable, &mac[..4]),
            (3, reachable, &[]),
        ] {
            let bad = entry("10.13.0.1".parse().unwrap(), index, state, hardware);
            assert_eq!(read_entry(&bad, "10.13.0.1"), None, "{index} {state} {hardware:?}");
        }
        let stale = entry("fe80::1".parse().unwrap(), 3, libc::NUD_STALE, &mac);
        assert_eq!(read_entry(&stale, "fe80::1"), Some(MacAddress(mac)));
    }
}
