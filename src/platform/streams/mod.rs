//! How ledgers reach each other: the beacon on port 6697/udp, encrypted streams on 6697/tcp, both over
//! link-local IPv6 and on interfaces of the mesh alone; streams to members that are routed and no neighbours from and to the
//! addresses that the community's plan gives its nodes. Bytes are moved here; what they mean, and whom to dial,
//! `ledger::sync` says.
//!
//! Each stream is a task of its own ([`noise`]): it reads a message when one was asked for, and says when what
//! it was given has left, so that nothing piles up. A stranger gets no further than the handshake and one
//! message, and there are bounds on how many may try.

use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn6, bind, setsockopt, socket, sockopt};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UdpSocket};
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::JoinHandle;

use crate::base::address::{InterfaceIndex, Prefix};
use crate::base::limit;
use crate::base::sorted::{SortedMap, SortedSet};
use crate::ledger::sync::{Event, Link, Output, Place, StreamId};

mod noise;

pub use noise::StreamKey;

/// The port of beacons and streams.
pub const PORT: u16 = 6697;
/// Where beacons go: a transient group of the link, "tequio" in octets.
pub const GROUP: Ipv6Addr = Ipv6Addr::new(0xff12, 0, 0, 0, 0, 0x7465, 0x7175, 0x696f);

/// A neighbour that does not take the call.
const DIAL_PATIENCE: Duration = Duration::from_secs(5);
/// A handshake is three messages.
const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
/// What was sent and is not acknowledged for so long: the stream has ended.
const ACKNOWLEDGE_PATIENCE_MS: u32 = 20_000;
/// Connections that wait to be accepted.
const BACKLOG: u32 = 8;
/// Strangers may begin so many handshakes a second on one interface.
const HANDSHAKES_A_SECOND: u32 = 2;

/// The sockets of the ledger's exchange.
pub struct LedgerStreams {
    key: StreamKey,
    community: Option<[u8; 32]>,
    /// Where the community's nodes have their own addresses, and this one's.
    places: Option<(Prefix, Ipv6Addr)>,
    sockets: Option<Sockets>,
    interfaces: SortedSet<InterfaceIndex>,
    streams: SortedMap<StreamId, Running>,
    /// Those who are in a handshake with us, by what they dialled.
    knocking: SortedMap<StreamId, (Place, JoinHandle<()>)>,
    /// When the last handshakes of an interface began.
    knocks: SortedMap<InterfaceIndex, (Instant, u32)>,
    next: u32,
    happened: (Sender<Happened>, Receiver<Happened>),
}

struct Sockets {
    beacon: UdpSocket,
    listener: TcpListener,
    buffer: Vec<u8>,
}

struct Running {
    read: Sender<()>,
    send: Sender<Vec<u8>>,
    task: JoinHandle<()>,
}

/// What a task tells.
pub(super) enum Happened {
    Opened(StreamId, Link, Ends),
    DialFailed(StreamId, Place, io::Error),
    /// Somebody who dialled us has not come to an agreement.
    Refused(StreamId),
    Message(StreamId, Vec<u8>),
    Writable(StreamId),
    Closed(StreamId),
}

/// What the task of an open stream listens to.
pub(super) struct Ends {
    read: Sender<()>,
    send: Sender<Vec<u8>>,
}

impl LedgerStreams {
    /// No socket yet; nobody is reached before the community is known.
    pub fn new(key: StreamKey) -> Self {
        Self {
            key,
            community: None,
            places: None,
            sockets: None,
            interfaces: SortedSet::new(),
            streams: SortedMap::new(),
            knocking: SortedMap::new(),
            knocks: SortedMap::new(),
            next: 0,
            happened: mpsc::channel(limit::SYNC_STREAMS),
        }
    }

    /// Opens the sockets for the members of this community. The error is for a person.
    pub fn open(&mut self, community: [u8; 32], places: Option<(Prefix, Ipv6Addr)>) -> Result<(), String> {
        self.places = places;
        if self.sockets.is_none() {
            let fail = |what: &str, error: io::Error| {
                format!(
                    "port {PORT}/{what} cannot be opened, so the ledger is not shared with the neighbours: {error}"
                )
            };
            let address = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, PORT, 0, 0);
            let beacon = beacon_socket(address).map_err(|error| fail("udp", error))?;
            let listener = listener(address).map_err(|error| fail("tcp", error))?;
            self.sockets = Some(Sockets { beacon, listener, buffer: vec![0; limit::SYNC_BEACON_BYTES] });
            let interfaces: Vec<InterfaceIndex> = self.interfaces.iter().copied().collect();
            interfaces.into_iter().for_each(|interface| self.join(interface));
        }
        self.community = Some(community);
        Ok(())
    }

    /// Listens on this interface too. Call it again when the interface came up.
    pub fn add(&mut self, interface: InterfaceIndex) {
        self.interfaces.insert(interface);
        self.join(interface);
    }

    /// Listens there no more. Streams through it end by themselves.
    pub fn remove(&mut self, interface: InterfaceIndex) {
        if self.interfaces.remove(&interface)
            && let Some(sockets) = &self.sockets
        {
            let _ = sockets.beacon.leave_multicast_v6(&GROUP, interface.0);
        }
    }

    /// Does what the exchange wants.
    pub fn perform(&mut self, output: Output) {
        match output {
            Output::Beacon(bytes) => self.send_beacon(&bytes),
            Output::Dial(place) => self.dial(place),
            Output::Send { stream, bytes } => {
                if let Some(running) = self.streams.get(&stream) {
                    // One message is given at a time, and there is room for it.
                    let _ = running.send.try_send(bytes);
                }
            }
            Output::Read(stream) => {
                if let Some(running) = self.streams.get(&stream) {
                    let _ = running.read.try_send(());
                }
            }
            Output::Close(stream) => {
                if let Some(running) = self.streams.remove(&stream) {
                    running.task.abort();
                }
            }
        }
    }

    /// The next event. Cancel safe.
    pub async fn next(&mut self) -> Event {
        loop {
            let heard = async {
                match &mut self.sockets {
                    Some(sockets) => sockets.next().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // What is under way comes before whoever knocks.
                biased;
                Some(happened) = self.happened.1.recv() => {
                    if let Some(event) = self.happened(happened) {
                        return event;
                    }
                }
                heard = heard => match heard {
                    Heard::Beacon(place, bytes) if self.interfaces.contains(&place.interface) => {
                        return Event::Beacon { place, bytes };
                    }
                    Heard::Knock(place, tcp) if self.may_knock(place) => self.answer(place, tcp),
                    _ => {}
                }
            }
        }
    }

    fn happened(&mut self, happened: Happened) -> Option<Event> {
        match happened {
            Happened::Opened(id, link, Ends { read, send }) => {
                let (_, task) = self.knocking.remove(&id)?;
                self.streams.insert(id, Running { read, send, task });
                Some(Event::Opened(id, link))
            }
            Happened::DialFailed(id, place, error) => {
                self.knocking.remove(&id);
                log::debug!("the ledger of {} cannot be reached: {error}", place.address);
                Some(Event::DialFailed(place))
            }
            Happened::Refused(id) => {
                self.knocking.remove(&id);
                None
            }
            Happened::Message(stream, bytes) => {
                self.streams.contains_key(&stream).then_some(Event::Message { stream, bytes })
            }
            Happened::Writable(id) => self.streams.contains_key(&id).then_some(Event::Writable(id)),
            Happened::Closed(id) => self.streams.remove(&id).map(|_| Event::Closed(id)),
        }
    }

    fn send_beacon(&self, bytes: &[u8]) {
        let Some(sockets) = &self.sockets else { return };
        for interface in self.interfaces.iter() {
            let to = SocketAddrV6::new(GROUP, PORT, 0, interface.0);
            // A device that is down hears the next one.
            let _ = sockets.beacon.try_send_to(bytes, to.into());
        }
    }

    fn join(&self, interface: InterfaceIndex) {
        if let Some(sockets) = &self.sockets {
            // Leaving first: the kernel forgets a membership when the device loses IPv6, the socket does not.
            let _ = sockets.beacon.leave_multicast_v6(&GROUP, interface.0);
            if let Err(error) = sockets.beacon.join_multicast_v6(&GROUP, interface.0) {
                log::debug!("the group of beacons cannot be joined on interface {}: {error}", interface.0);
            }
        }
    }

    fn dial(&mut self, place: Place) {
        let id = self.new_id();
        let (key, happened) = (self.key.clone(), self.happened.0.clone());
        let Some(community) = self.community else { return };
        let own = self.places.map(|(_, own)| own).filter(|_| place.is_routed());
        let task = tokio::spawn(async move {
            let stream = match tokio::time::timeout(DIAL_PATIENCE, connect(place, own)).await {
                Ok(stream) => stream,
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            };
            let failed = match stream {
                Ok(tcp) => run(id, tcp, place, (&key, &community, true), &happened).await.err(),
                Err(error) => Some(error),
            };
            if let Some(error) = failed {
                let _ = happened.send(Happened::DialFailed(id, place, error)).await;
            }
        });
        self.knocking.insert(id, (place, task));
    }

    /// Whether somebody may begin a handshake: one in progress at a place, and not too many a second.
    fn may_knock(&mut self, place: Place) -> bool {
        let is_there = self.knocking.values().any(|(other, _)| *other == place);
        let is_ours = match place.is_routed() {
            false => self.interfaces.contains(&place.interface),
            true => self.places.is_some_and(|(nodes, _)| nodes.contains(place.address.into())),
        };
        if is_there || !is_ours || self.knocking.len() >= limit::SYNC_STREAMS || self.community.is_none() {
            return false;
        }
        let now = Instant::now();
        let (since, count) = self.knocks.entry(place.interface).or_insert((now, 0));
        if now.duration_since(*since) >= Duration::from_secs(1) {
            (*since, *count) = (now, 0);
        }
        *count += 1;
        *count <= HANDSHAKES_A_SECOND
    }

    fn answer(&mut self, place: Place, tcp: TcpStream) {
        let id = self.new_id();
        let (key, happened) = (self.key.clone(), self.happened.0.clone());
        let Some(community) = self.community else { return };
        let task = tokio::spawn(async move {
            if run(id, tcp, place, (&key, &community, false), &happened).await.is_err() {
                let _ = happened.send(Happened::Refused(id)).await;
            }
        });
        self.knocking.insert(id, (place, task));
    }

    fn new_id(&mut self) -> StreamId {
        self.next = self.next.wrapping_add(1);
        StreamId(self.next)
    }
}

impl Drop for LedgerStreams {
    fn drop(&mut self) {
        let running = self.streams.values().map(|running| &running.task);
        running.chain(self.knocking.values().map(|(_, task)| task)).for_each(JoinHandle::abort);
    }
}

/// What came to the sockets.
enum Heard {
    Beacon(Place, Vec<u8>),
    Knock(Place, TcpStream),
    /// Nothing that may come in.
    Nothing,
}

impl Sockets {
    async fn next(&mut self) -> Heard {
        tokio::select! {
            datagram = self.beacon.recv_from(&mut self.buffer) => match datagram {
                Ok((length, from)) => match link_local(from) {
                    Some(place) => Heard::Beacon(place, self.buffer[..length].to_vec()),
                    None => Heard::Nothing,
                },
                Err(_) => Heard::Nothing,
            },
            knock = self.listener.accept() => match knock {
                Ok((tcp, from)) => match (link_local(from), from) {
                    (Some(place), _) => Heard::Knock(place, tcp),
                    (None, SocketAddr::V6(from)) => Heard::Knock(Place::routed(*from.ip()), tcp),
                    _ => Heard::Nothing,
                },
                // Out of files: somebody else has to close one first.
                Err(_) => {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    Heard::Nothing
                }
            },
        }
    }
}

/// Where a neighbour is: whoever comes through a router is none.
fn link_local(from: SocketAddr) -> Option<Place> {
    let SocketAddr::V6(from) = from else { return None };
    let interface = InterfaceIndex(from.scope_id());
    from.ip().is_unicast_link_local().then_some(Place { interface, address: *from.ip() })
}

async fn connect(place: Place, own: Option<Ipv6Addr>) -> io::Result<TcpStream> {
    let to = SocketAddrV6::new(place.address, PORT, 0, place.interface.0);
    let socket = TcpSocket::new_v6()?;
    if let Some(own) = own {
        // The other end knows a member by the address of the plan.
        socket.bind((own, 0).into())?;
    }
    socket.connect(to.into()).await
}

/// Handshake and life of a stream. An error is one before it stood; its end is told otherwise.
async fn run(
    id: StreamId,
    mut tcp: TcpStream,
    place: Place,
    (key, community, dialled): (&StreamKey, &[u8; 32], bool),
    happened: &Sender<Happened>,
) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    setsockopt(&tcp, sockopt::TcpUserTimeout, &ACKNOWLEDGE_PATIENCE_MS)?;
    let agreed =
        tokio::time::timeout(HANDSHAKE_PATIENCE, noise::agree(&mut tcp, key, community, dialled)).await;
    let (noise, dh) = agreed.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    let (read, reads) = mpsc::channel(1);
    let (send, sends) = mpsc::channel(1);
    let link = Link { place, dh, dialled };
    if happened.send(Happened::Opened(id, link, Ends { read, send })).await.is_err() {
        return Ok(());
    }
    let end = noise::carry(id, &mut tcp, &noise, reads, sends, happened).await;
    if let Err(error) = end {
        log::debug!("the stream to the ledger of {} has ended: {error}", place.address);
    }
    let _ = happened.send(Happened::Closed(id)).await;
    Ok(())
}

fn beacon_socket(address: SocketAddrV6) -> io::Result<UdpSocket> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Inet6, SockType::Datagram, flags, None)?;
    setsockopt(&socket, sockopt::Ipv6V6Only, &true)?;
    setsockopt(&socket, sockopt::Ipv6MulticastHops, &1)?;
    bind(socket.as_raw_fd(), &SockaddrIn6::from(address))?;
    let socket = UdpSocket::from_std(socket.into())?;
    socket.set_multicast_loop_v6(false)?;
    Ok(socket)
}

fn listener(address: SocketAddrV6) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v6()?;
    setsockopt(&socket, sockopt::Ipv6V6Only, &true)?;
    socket.set_reuseaddr(true)?;
    socket.bind(address.into())?;
    socket.listen(BACKLOG)
}
