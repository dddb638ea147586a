//! The portal's HTTP server: turns what a phone sends into a [`PortalRequest`], and a [`Rendered`] page
//! into what it gets. It knows no page and no guest; the caller finds the MAC address
//! ([`super::neighbours`]) and asks the node. Beside it stands what names are answered by while there is no way outside ([`names`]).
//!
//! Everything that a stranger can hold is bounded: connections in all and per address, bytes and
//! seconds of a request. A connection carries one request. When a new one comes and there is no room, one
//! that was answered yields, else the oldest that has not finished asking: phones open spare connections which they never use,
//! and who only holds connections open keeps nobody out.

mod connection;
mod message;
mod names;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::task::Poll;
use std::time::Duration;

use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::{IpFreebind, Ipv6V6Only};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::base::limit;
use crate::base::sorted::SortedMap;
use crate::base::voucher::RequestId;
use crate::hotspot::request::{PortalRequest, Rendered};
use crate::platform::request_ids::RequestIds;
use connection::{Ending, Times, Told};
pub use message::read_request;
use names::Names;

/// The server. Dropping it closes the listeners and all connections.
#[derive(Debug)]
pub struct Portal {
    listeners: Vec<TcpListener>,
    names: Option<Names>,
    ids: RequestIds,
    connections: SortedMap<u64, Connection>,
    waiting: SortedMap<RequestId, Waiting>,
    tell: mpsc::UnboundedSender<Told>,
    told: mpsc::UnboundedReceiver<Told>,
    opened: u64,
    refused: u64,
    /// When the log last spoke of what was refused.
    grumbled: Option<Instant>,
    rest_until: Option<Instant>,
    times: Times,
}

/// What happened at the portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortalEvent {
    /// A whole request arrived; it waits for [`Portal::reply`].
    Request {
        /// Its number.
        request: RequestId,
        /// Who asks. The MAC address behind it is for the caller to find.
        peer: SocketAddr,
        /// What is asked.
        http: Box<PortalRequest>,
    },
    /// Who asked is gone, or waited too long; a reply would reach nobody.
    Gone(RequestId),
}

/// Why there is no portal.
#[derive(Debug)]
pub struct PortalError {
    address: Option<SocketAddr>,
    cause: io::Error,
}

/// A connection that is being served by a task of its own.
#[derive(Debug)]
struct Connection {
    peer: IpAddr,
    asking: Asking,
    task: AbortHandle,
}

/// How far a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asking {
    /// The request is not whole yet.
    Reading,
    /// The request waits for its answer.
    Waiting(RequestId),
    /// The answer is on its way.
    Answered,
    /// The answer is out; what the peer still sends is read away.
    Lingering,
}

/// A request that waits for its answer.
#[derive(Debug)]
struct Waiting {
    connection: u64,
    answer: oneshot::Sender<Rendered>,
}

impl Portal {
    /// Listens on each of `addresses`. They need not exist yet (`IP_FREEBIND`): the hotspot's bridge
    /// may come up later, or go and come back.
    ///
    /// nft's `redirect` sends a guest to an address of the interface that it is on; for IPv6 that may
    /// be any of them, so give `[::]` there. Who is no guest may connect too, and has no MAC address.
    ///
    /// An address that cannot be listened on is left out with a warning, as long as one is good: a
    /// kernel without IPv6 still has a portal.
    ///
    /// # Panics
    /// Outside of a tokio runtime with IO and time enabled.
    pub fn bind(addresses: &[SocketAddr], ids: RequestIds) -> Result<Self, PortalError> {
        let mut listeners = Vec::new();
        let mut failure =
            PortalError { address: None, cause: io::Error::new(io::ErrorKind::InvalidInput, "no address") };
        for &address in addresses {
            match listen(address) {
                Ok(listener) => listeners.push(listener),
                Err(cause) => {
                    failure = PortalError { address: Some(address), cause };
                    log::warn!("{failure}");
                }
            }
        }
        if listeners.is_empty() {
            return Err(failure);
        }
        let (tell, told) = mpsc::unbounded_channel();
        // The same port for datagrams.
        let names = listeners.iter().find_map(|listener| Names::open(listener.local_addr().ok()?).ok());
        Ok(Self {
            listeners,
            names,
            ids,
            connections: SortedMap::new(),
            waiting: SortedMap::new(),
            tell,
            told,
            opened: 0,
            refused: 0,
            grumbled: None,
            rest_until: None,
            times: Times::default(),
        })
    }

    /// The addresses that are listened on.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// How many connections are open.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// How many requests were no HTTP, too long or too late.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// The next event.
    ///
    /// Cancel safe: whatever was taken from a socket or a task is in `self` before the next wait.
    pub async fn next(&mut self) -> PortalEvent {
        loop {
            let room = self.connections.len() < limit::PORTAL_CONNECTIONS || self.yielding(None).is_some();
            let rest_until = self.rest_until;
            // Biased: what tasks say is read before the next connection is taken. So the channel holds
            // at most three messages a connection, though it has no bound of its own.
            tokio::select! {
                biased;
                told = self.told.recv() => {
                    let told = told.expect("`self.tell` keeps the channel open");
                    if let Some(event) = self.hear(told) {
                        return event;
                    }
                }
                () = tokio::time::sleep_until(rest_until.unwrap_or_else(Instant::now)), if rest_until.is_some() => {
                    self.rest_until = None;
                }
                never = serve(self.names.as_ref()) => match never {},
                accepted = accept(&self.listeners), if room && rest_until.is_none() => match accepted {
                    Ok((stream, peer)) => self.open(stream, peer),
                    Err(error) => self.rest_after(&error),
                },
            }
        }
    }

    /// Questions for names that were answered, since it was opened.
    pub fn names_answered(&self) -> u32 {
        self.names.as_ref().map_or(0, Names::answered)
    }

    /// Answers a request. Without effect if its peer is gone or it was answered before.
    pub fn reply(&mut self, request: RequestId, rendered: Rendered) {
        let Some(Waiting { connection, answer }) = self.waiting.remove(&request) else { return };
        // A peer that left this very moment: its connection tells so next.
        let _ = answer.send(rendered);
        if let Some(connection) = self.connections.get_mut(&connection) {
            connection.asking = Asking::Answered;
        }
    }

    fn hear(&mut self, told: Told) -> Option<PortalEvent> {
        match told {
            Told::Asked { connection, peer, http, answer } => {
                let asking = &mut self.connections.get_mut(&connection)?.asking;
                let request = self.ids.next();
                *asking = Asking::Waiting(request);
                self.waiting.insert(request, Waiting { connection, answer });
                Some(PortalEvent::Request { request, peer, http })
            }
            Told::Answered { connection, refused } => {
                if refused {
                    self.grumble(connection);
                }
                let asking = &mut self.connections.get_mut(&connection)?.asking;
                let before = std::mem::replace(asking, Asking::Lingering);
                self.gave_up(before)
            }
            Told::Ended { connection } => {
                let before = self.connections.remove(&connection)?.asking;
                self.gave_up(before)
            }
        }
    }

    /// Counts a request that was no HTTP, too long or too late, and says so every ten seconds at most:
    /// what strangers send must not fill the log.
    fn grumble(&mut self, connection: u64) {
        self.refused = self.refused.wrapping_add(1);
        let now = Instant::now();
        if self.grumbled.is_some_and(|at| now < at + GRUMBLE) {
            return;
        }
        self.grumbled = Some(now);
        let peer = self.connections.get(&connection).map(|connection| connection.peer.to_string());
        log::info!(
            "the portal has refused {} requests since its start (no HTTP, too long or too late), the last of {}",
            self.refused,
            peer.as_deref().unwrap_or("a guest that is gone")
        );
    }

    /// The event if a connection stopped to wait for its answer before there was one.
    fn gave_up(&mut self, before: Asking) -> Option<PortalEvent> {
        let Asking::Waiting(request) = before else { return None };
        self.waiting.remove(&request);
        Some(PortalEvent::Gone(request))
    }

    fn open(&mut self, stream: TcpStream, peer: SocketAddr) {
        let address = peer.ip().to_canonical();
        let of_peer = self.connections.values().filter(|connection| connection.peer == address).count();
        if of_peer >= limit::PORTAL_CONNECTIONS_PER_ADDRESS && !self.close_one(Some(address)) {
            return;
        }
        if self.connections.len() >= limit::PORTAL_CONNECTIONS && !self.close_one(None) {
            return;
        }
        self.opened = self.opened.wrapping_add(1);
        let ending = Ending::new(self.opened, self.tell.clone());
        let task = tokio::spawn(connection::serve(stream, peer, ending, self.times)).abort_handle();
        self.connections.insert(self.opened, Connection { peer: address, asking: Asking::Reading, task });
    }

    /// The connection (of `peer`) that yields to a new one: the oldest that was answered, else the
    /// oldest that has not finished asking. `None` if all wait for the node or for their answer.
    fn yielding(&self, peer: Option<IpAddr>) -> Option<u64> {
        let oldest = |asking: Asking| {
            let mut connections = self.connections.iter();
            connections.find(|(_, connection)| {
                connection.asking == asking && peer.is_none_or(|peer| peer == connection.peer)
            })
        };
        let (number, _) = oldest(Asking::Lingering).or_else(|| oldest(Asking::Reading))?;
        Some(*number)
    }

    /// Closes the connection that yields; false if there is none.
    fn close_one(&mut self, peer: Option<IpAddr>) -> bool {
        let yielding = self.yielding(peer).and_then(|number| self.connections.remove(&number));
        match yielding {
            Some(connection) => {
                connection.task.abort();
                true
            }
            None => false,
        }
    }

    /// A peer that gave up before it was accepted is nothing; when descriptors or memory ran out, the
    /// same connection would fail again at once, and the loop would do nothing else.
    fn rest_after(&mut self, error: &io::Error) {
        if matches!(error.kind(), io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset) {
            return;
        }
        log::warn!("the portal takes no connections for a moment: {error}");
        self.rest_until = Some(Instant::now() + REST);
    }
}

impl Drop for Portal {
    fn drop(&mut self) {
        for connection in self.connections.values() {
            connection.task.abort();
        }
    }
}

impl std::fmt::Display for PortalError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.address {
            Some(address) => write!(formatter, "the portal cannot listen on {address}: {}", self.cause),
            None => formatter.write_str("the portal has no address to listen on"),
        }
    }
}

impl std::error::Error for PortalError {}

/// Time between two lines in the log about requests that were refused.
const GRUMBLE: Duration = Duration::from_secs(10);
/// How long no connection is taken after descriptors or memory ran out.
const REST: Duration = Duration::from_millis(200);
/// Connections that the kernel completes before we take them.
const BACKLOG: u32 = 128;

fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if address.is_ipv6() {
        setsockopt(&socket, Ipv6V6Only, &true)?;
    }
    socket.set_reuseaddr(true)?;
    setsockopt(&socket, IpFreebind, &true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Answers for names, if that socket could be opened.
async fn serve(names: Option<&Names>) -> Infallible {
    match names {
        Some(names) => names.serve().await,
        None => std::future::pending().await,
    }
}

/// Takes a connection from whichever listener has one.
async fn accept(listeners: &[TcpListener]) -> io::Result<(TcpStream, SocketAddr)> {
    std::future::poll_fn(|context| {
        for listener in listeners {
            if let Poll::Ready(accepted) = listener.poll_accept(context) {
                return Poll::Ready(accepted);
            }
        }
        Poll::Pending
    })
    .await
}
