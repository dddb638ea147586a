//! The sockets that Babel packets go through: one per interface, UDP port 6696 (RFC 8966 section 4).
//!
//! A packet only comes out of here if its source is a link-local address and port 6696, and if it was
//! sent to the group or to a link-local address; everything else is counted and dropped. The hop limit
//! is counted and not judged: the RFC asks nobody to check it, no router forwards a packet with a
//! link-local source anyway (RFC 4291 section 2.5.6), and whoever can send to us can send any value.
//!
//! Each socket is bound to its device, so that the same link-local addresses on two interfaces never
//! mix, and sends from the very address that the engine knows: RFC 8967 signs that address.

use std::fmt;
use std::future::poll_fn;
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{Ipv6Addr, SocketAddrV6, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::task::{Context, Poll, ready};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, SockaddrIn6, bind,
    recvmsg, sendmsg, setsockopt, socket, sockopt,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::base::address::InterfaceIndex;
use crate::base::limit;
use crate::base::sorted::SortedMap;

/// Babel's port.
pub const PORT: u16 = 6696;
/// Babel's group of all routers on a link.
pub const GROUP: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 1, 6);

/// One Babel packet that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Where it came in.
    pub interface: InterfaceIndex,
    /// Who sent it: link-local, from port 6696.
    pub source: Ipv6Addr,
    /// Whom it was sent to: the group, or a link-local address of ours.
    pub destination: Ipv6Addr,
    /// The packet.
    pub bytes: Vec<u8>,
}

/// What became of the packets of one interface, since its socket was opened first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeshCounters {
    /// Came out of [`MeshSockets::next`].
    pub received: u64,
    /// Left.
    pub sent: u64,
    /// Dropped: the source was no link-local address.
    pub wrong_source: u64,
    /// Dropped: the source port was not 6696.
    pub wrong_port: u64,
    /// Dropped: it was sent neither to the group nor to a link-local address.
    pub wrong_destination: u64,
    /// Dropped: longer than [`limit::MESH_DATAGRAM_BYTES`].
    pub too_long: u64,
    /// Errors while receiving.
    pub receive_errors: u64,
    /// Dropped: the send buffer was full.
    pub send_full: u64,
    /// Dropped: the kernel refused to send (device down, address gone).
    pub send_errors: u64,
    /// Received with a hop limit other than 1, which RFC 8966 tells senders to set.
    pub other_hop_limit: u64,
}

impl MeshCounters {
    /// What was dropped, each with its word for programs (`docs/ubus.md`).
    pub const fn dropped(&self) -> [(&'static str, u64); 7] {
        [
            ("wrong_source", self.wrong_source),
            ("wrong_port", self.wrong_port),
            ("wrong_destination", self.wrong_destination),
            ("too_long", self.too_long),
            ("receive_errors", self.receive_errors),
            ("send_full", self.send_full),
            ("send_errors", self.send_errors),
        ]
    }
}

/// Why a mesh socket does not open.
#[derive(Debug)]
pub struct MeshError {
    device: String,
    doing: &'static str,
    error: io::Error,
}

/// All mesh sockets.
#[derive(Debug)]
pub struct MeshSockets {
    sockets: SortedMap<InterfaceIndex, MeshSocket>,
    /// Whose turn was last.
    last: Option<InterfaceIndex>,
    buffer: Vec<u8>,
}

#[derive(Debug)]
struct MeshSocket {
    socket: AsyncFd<UdpSocket>,
    device: String,
    address: Ipv6Addr,
    counters: MeshCounters,
}

impl MeshSockets {
    /// No socket yet.
    pub fn new() -> Self {
        Self { sockets: SortedMap::new(), last: None, buffer: vec![0; limit::MESH_DATAGRAM_BYTES] }
    }

    /// Opens the socket of an interface that is up, named `device`, to send from `address`.
    ///
    /// Call it again whenever the interface came up or its name or address changed: it joins the
    /// group anew and keeps the socket. A socket whose device was renamed stays bound to it.
    pub fn open(
        &mut self,
        interface: InterfaceIndex,
        device: &str,
        address: Ipv6Addr,
    ) -> Result<(), MeshError> {
        let fail = |doing| move |error| MeshError { device: device.to_owned(), doing, error };
        if let Some(mesh) = self.sockets.get_mut(&interface) {
            join(mesh.socket.get_ref(), interface).map_err(fail("join ff02::1:6 on"))?;
            device.clone_into(&mut mesh.device);
            mesh.address = address;
            return Ok(());
        }
        let socket = bound_socket(device).map_err(|errno| fail("bind a socket to")(errno.into()))?;
        let socket = UdpSocket::from(socket);
        socket.set_multicast_loop_v6(false).map_err(fail("set up a socket of"))?;
        join(&socket, interface).map_err(fail("join ff02::1:6 on"))?;
        // To read only: who waits for room to write is woken by each packet that has left.
        // SAFETY: the descriptor stays open and the same as long as it is registered: `AsyncFd` owns the
        // `UdpSocket`, whose descriptor is private and closed by its `Drop` only, and nothing here replaces it.
        let socket = unsafe { AsyncFd::register_with_interest(socket, Interest::READABLE) };
        let socket = socket.map_err(|error| fail("watch a socket of")(error.into()))?;
        let counters = MeshCounters::default();
        self.sockets.insert(interface, MeshSocket { socket, device: device.to_owned(), address, counters });
        Ok(())
    }

    /// Closes the socket of an interface that is gone or not ours any more.
    pub fn close(&mut self, interface: InterfaceIndex) {
        self.sockets.remove(&interface);
    }

    /// Sends a Babel packet, or drops and counts it: `true` if it left. Never waits.
    pub fn send(&mut self, interface: InterfaceIndex, destination: Ipv6Addr, packet: &[u8]) -> bool {
        let Some(mesh) = self.sockets.get_mut(&interface) else { return false };
        match mesh.send(interface, destination, packet) {
            Ok(()) => mesh.counters.sent += 1,
            Err(Errno::EAGAIN | Errno::ENOBUFS) => {
                mesh.counters.send_full += 1;
                return false;
            }
            Err(errno) => {
                // One line when it begins; the counter tells the rest.
                if mesh.counters.send_errors == 0 {
                    let error = io::Error::from(errno);
                    log::warn!("a Babel packet cannot be sent on {}: {error}", mesh.device);
                }
                mesh.counters.send_errors += 1;
                return false;
            }
        }
        true
    }

    /// The next packet of any interface. The interfaces take turns, so that a flood on one does not
    /// silence the others; without a socket it waits for ever.
    ///
    /// Cancel safe: a packet is only taken from its socket by the call that yields it.
    pub async fn next(&mut self) -> Received {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// What became of the packets of each interface.
    pub fn counters(&self) -> impl Iterator<Item = (InterfaceIndex, &MeshCounters)> {
        self.sockets.iter().map(|(interface, mesh)| (*interface, &mesh.counters))
    }

    /// What became of the packets of the interface with this name.
    pub fn counters_of(&self, device: &str) -> Option<&MeshCounters> {
        self.sockets.values().find(|mesh| mesh.device == device).map(|mesh| &mesh.counters)
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Received> {
        let first = self.sockets.after(self.last.as_ref());
        let order: Vec<InterfaceIndex> =
            first.chain(self.sockets.iter()).take(self.sockets.len()).map(|(index, _)| *index).collect();
        let mut left = limit::MESH_DATAGRAMS_A_TURN;
        for interface in order {
            let Some(mesh) = self.sockets.get_mut(&interface) else { continue };
            if let Poll::Ready(Some(received)) =
                mesh.poll_receive(context, interface, &mut self.buffer, &mut left)
            {
                self.last = Some(interface);
                return Poll::Ready(received);
            }
            if left == 0 {
                // All were bad ones. Somebody else's turn; then ours again, at the next interface.
                self.last = Some(interface);
                context.waker().wake_by_ref();
                break;
            }
        }
        Poll::Pending
    }
}

impl Default for MeshSockets {
    fn default() -> Self {
        Self::new()
    }
}

impl MeshSocket {
    fn send(&self, interface: InterfaceIndex, destination: Ipv6Addr, packet: &[u8]) -> nix::Result<()> {
        let source = libc::in6_pktinfo {
            ipi6_addr: libc::in6_addr { s6_addr: self.address.octets() },
            ipi6_ifindex: interface.0,
        };
        let to = SockaddrIn6::from(SocketAddrV6::new(destination, PORT, 0, interface.0));
        let control = [ControlMessage::Ipv6PacketInfo(&source)];
        let fd = self.socket.as_raw_fd();
        sendmsg(fd, &[IoSlice::new(packet)], &control, MsgFlags::MSG_DONTWAIT, Some(&to)).map(drop)
    }

    /// Reads until a good packet is found, nothing is left (`Pending`), or `left` is used up (`None`).
    fn poll_receive(
        &mut self,
        context: &mut Context<'_>,
        interface: InterfaceIndex,
        buffer: &mut [u8],
        left: &mut usize,
    ) -> Poll<Option<Received>> {
        while *left > 0 {
            let Ok(mut ready) = ready!(self.socket.poll_read_ready(context)) else {
                // The runtime is shutting down: there is nothing more to wait for.
                return Poll::Pending;
            };
            let Ok(datagram) = ready.try_io(|socket| Ok(receive(socket.get_ref(), buffer)?)) else {
                continue;
            };
            *left -= 1;
            match datagram {
                Ok(datagram) => {
                    if let Some((source, destination)) = datagram.judge(&mut self.counters) {
                        let bytes = buffer[..datagram.length].to_vec();
                        return Poll::Ready(Some(Received { interface, source, destination, bytes }));
                    }
                }
                Err(_device_down) => self.counters.receive_errors += 1,
            }
        }
        Poll::Ready(None)
    }
}

/// What the kernel tells of a datagram.
#[derive(Clone, Copy, Debug)]
struct Datagram {
    source: Option<SocketAddrV6>,
    destination: Option<Ipv6Addr>,
    hop_limit: Option<i32>,
    length: usize,
    is_cut: bool,
}

impl Datagram {
    /// Counts the datagram; source and destination if it may come in.
    fn judge(&self, counters: &mut MeshCounters) -> Option<(Ipv6Addr, Ipv6Addr)> {
        let source = self.source.filter(|source| source.ip().is_unicast_link_local());
        let to = self.destination.filter(|to| *to == GROUP || to.is_unicast_link_local());
        let reason = match (source, to) {
            _ if self.is_cut => &mut counters.too_long,
            (None, _) => &mut counters.wrong_source,
            (Some(source), _) if source.port() != PORT => &mut counters.wrong_port,
            (_, None) => &mut counters.wrong_destination,
            (Some(source), Some(to)) => {
                counters.received += 1;
                counters.other_hop_limit += u64::from(self.hop_limit.is_some_and(|limit| limit != 1));
                return Some((*source.ip(), to));
            }
        };
        *reason += 1;
        None
    }
}

fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> nix::Result<Datagram> {
    let mut control = nix::cmsg_space!(libc::in6_pktinfo, libc::c_int);
    let mut slices = [IoSliceMut::new(buffer)];
    let message =
        recvmsg::<SockaddrIn6>(socket.as_raw_fd(), &mut slices, Some(&mut control), MsgFlags::MSG_DONTWAIT)?;
    let mut datagram = Datagram {
        source: message.address.map(SocketAddrV6::from),
        destination: None,
        hop_limit: None,
        length: message.bytes,
        is_cut: message.flags.contains(MsgFlags::MSG_TRUNC),
    };
    for control in message.cmsgs()? {
        match control {
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                datagram.destination = Some(Ipv6Addr::from(info.ipi6_addr.s6_addr));
            }
            ControlMessageOwned::Ipv6HopLimit(limit) => datagram.hop_limit = Some(limit),
            _ => {}
        }
    }
    Ok(datagram)
}

/// Binds to the device first: two sockets may only share the port if their devices differ.
fn bound_socket(device: &str) -> nix::Result<OwnedFd> {
    let (flags, family) = (SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC, AddressFamily::Inet6);
    let socket = socket(family, SockType::Datagram, flags, None)?;
    setsockopt(&socket, sockopt::BindToDevice, &device.into())?;
    setsockopt(&socket, sockopt::Ipv6V6Only, &true)?;
    setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
    setsockopt(&socket, sockopt::Ipv6RecvHopLimit, &true)?;
    setsockopt(&socket, sockopt::Ipv6Ttl, &HOP_LIMIT)?;
    setsockopt(&socket, sockopt::Ipv6MulticastHops, &HOP_LIMIT)?;
    setsockopt(&socket, sockopt::Ipv6TClass, &TRAFFIC_CLASS)?;
    // Queues of our own device send it first; a kernel that refuses makes it only a little slower.
    let _ = setsockopt(&socket, sockopt::Priority, &PRIORITY_CONTROL);
    bind(socket.as_raw_fd(), &SockaddrIn6::from(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, PORT, 0, 0)))?;
    Ok(socket)
}

/// Joins the group. The kernel forgets the membership of a device that lost IPv6 while the socket
/// still thinks that it is a member, and joining then fails with "in use": so it leaves first.
fn join(socket: &UdpSocket, interface: InterfaceIndex) -> io::Result<()> {
    let _ = socket.leave_multicast_v6(&GROUP, interface.0);
    socket.join_multicast_v6(&GROUP, interface.0)
}

/// RFC 8966 section 4: the hop count of every Babel packet.
const HOP_LIMIT: libc::c_int = 1;
/// Network control (DSCP CS6), as babeld and BIRD send it.
const TRAFFIC_CLASS: libc::c_int = 0xc0;
/// `TC_PRIO_CONTROL`.
const PRIORITY_CONTROL: libc::c_int = 7;

impl fmt::Display for MeshError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Babel cannot {} {}: {}", self.doing, self.device, self.error)?;
        match self.error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => {
                formatter.write_str("; this needs CAP_NET_RAW, run as root or give that capability")
            }
            Some(libc::EADDRINUSE) => {
                formatter.write_str("; another routing daemon has UDP port 6696, stop babeld or bird first")
            }
            Some(libc::ENODEV) => formatter.write_str("; it is tried again when the interface is there"),
            _ => Ok(()),
        }
    }
}

impl std::error::Error for MeshError {}
