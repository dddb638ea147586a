//! One netlink socket that never blocks the loop.
//!
//! A socket is used in one of two ways. With groups it only listens: [`NetlinkSocket::receive`]
//! yields datagrams of events. Without groups it only asks: [`NetlinkSocket::exchange`] sends a batch
//! and matches every answer by its number, [`NetlinkSocket::dump`] reads a whole table. Events and
//! answers on one socket would let a burst of events push out an answer.
//!
//! The kernel handles a batch inside the send call; its answers wait in the receive buffer when the
//! call returns. So the timeout is a net for lost answers, not a time that passes in daily life.

use std::io;
use std::io::IoSliceMut;
use std::os::fd::AsRawFd;
use std::time::Duration;

use netlink_sys::Socket;
use netlink_sys::protocols::{NETLINK_GENERIC, NETLINK_NETFILTER, NETLINK_ROUTE};
use nix::sys::socket::sockopt::{RcvBuf, RcvBufForce, SndBuf, SndBufForce};
use nix::sys::socket::{MsgFlags, NetlinkAddr, recvmsg, setsockopt};
use tokio::io::unix::AsyncFd;
use tokio::task::coop::consume_budget;
use tokio::time::{Instant, timeout_at};

pub use super::error::NetlinkError;
use super::filter::{self, Unheard};
use super::message::{Batch, DUMP, DUMP_INTERRUPTED, Message, Messages, Refusal};
use crate::base::limit;

/// Which part of the kernel a socket talks to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Routes, links, addresses.
    Route,
    /// Sets and maps of nftables.
    Netfilter,
    /// Families that are looked up by name: nl80211.
    Generic,
}

impl Protocol {
    /// The kernel's number of it.
    pub(super) const fn number(self) -> isize {
        match self {
            Self::Route => NETLINK_ROUTE,
            Self::Netfilter => NETLINK_NETFILTER,
            Self::Generic => NETLINK_GENERIC,
        }
    }
}

/// What became of a batch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    /// Messages that the kernel refused. In an nftables batch one refusal undoes the whole batch.
    pub refused: Vec<Refusal>,
    /// Numbers of messages whose answer was lost (overrun, or no answer in time): they may have been
    /// carried out or not.
    pub unanswered: Vec<u32>,
}

impl Answers {
    /// Whether each message was carried out, and the kernel said so.
    pub const fn all_good(&self) -> bool {
        self.refused.is_empty() && self.unanswered.is_empty()
    }
}

/// A non-blocking netlink socket on tokio's loop.
#[derive(Debug)]
pub struct NetlinkSocket {
    socket: AsyncFd<Socket>,
    port: u32,
    buffer: Vec<u8>,
    sequence: u32,
}

impl NetlinkSocket {
    /// Opens a socket and joins `groups` (their numbers, not a mask).
    ///
    /// # Panics
    /// Outside of a tokio runtime with IO enabled.
    pub fn open(protocol: Protocol, groups: &[u32]) -> Result<Self, NetlinkError> {
        let mut socket = Socket::new(protocol.number())?;
        socket.set_non_blocking(true)?;
        let port = socket.bind_auto()?.port_number();
        // All three are niceties: a kernel without them answers with less text or dumps more.
        let _ = socket.set_ext_ack(true);
        let _ = socket.set_cap_ack(true);
        if protocol == Protocol::Route {
            let _ = socket.set_netlink_get_strict_chk(true);
        }
        for group in groups {
            socket.add_membership(*group)?;
        }
        // SAFETY: the file descriptor stays open and the same as long as it is registered: `AsyncFd`
        // owns the `Socket`, whose descriptor is private and closed by its `Drop` only, and nothing
        // here takes the `Socket` out or replaces it.
        let socket = unsafe { AsyncFd::register(socket) }.map_err(io::Error::from)?;
        Ok(Self { socket, port, buffer: vec![0; limit::NETLINK_DATAGRAM_BYTES], sequence: 0 })
    }

    /// Asks for a receive buffer of `bytes`; beyond the system's maximum if we may, else up to it.
    pub fn set_receive_buffer(&self, bytes: usize) -> Result<(), NetlinkError> {
        let socket = self.socket.get_ref();
        setsockopt(socket, RcvBufForce, &bytes)
            .or_else(|_| setsockopt(socket, RcvBuf, &bytes))
            .map_err(|errno| NetlinkError::Io(errno.into()))
    }

    /// Makes room to send a datagram of `bytes`: the kernel refuses one longer than the send buffer
    /// (208 kB by default), and an nftables batch cannot be cut.
    pub fn set_send_buffer(&self, bytes: usize) -> Result<(), NetlinkError> {
        let socket = self.socket.get_ref();
        setsockopt(socket, SndBufForce, &bytes)
            .or_else(|_| setsockopt(socket, SndBuf, &bytes))
            .map_err(|errno| NetlinkError::Io(errno.into()))
    }

    /// From now on the kernel does not tell this socket of `unheard`, if it can leave it out.
    pub fn leave_out(&self, unheard: Unheard) {
        if let Err(errno) = filter::attach(self.socket.get_ref(), unheard) {
            let error = io::Error::from(errno);
            log::debug!("events cannot be filtered ({error}): more of them are read");
        }
    }

    /// The socket's number: events that its own requests cause carry it in their header.
    pub const fn port(&self) -> u32 {
        self.port
    }

    /// A number for the next message; never 0, which is the number of events.
    pub fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1).max(1);
        self.sequence
    }

    /// Sends one datagram of one or several messages.
    ///
    /// Cancel safe: a dropped future has either sent the whole datagram or nothing.
    pub async fn send(&self, datagram: &[u8]) -> Result<(), NetlinkError> {
        // Mostly there is room, and then the future is ready at once: a caller in a `select!` gets
        // ahead even if another branch is always ready.
        match self.socket.get_ref().send(datagram, 0) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            sent => return sent.map(drop).map_err(NetlinkError::from),
        }
        loop {
            let mut guard = self.socket.writable().await?;
            match guard.try_io(|socket| socket.get_ref().send(datagram, 0)) {
                Ok(sent) => return sent.map(drop).map_err(NetlinkError::from),
                Err(_would_block) => {}
            }
        }
    }

    /// The next datagram of the kernel, as its messages. Datagrams of other senders are dropped.
    ///
    /// Cancel safe: a datagram is only taken from the socket by the call that yields it.
    pub async fn receive(&mut self) -> Result<Messages<'_>, NetlinkError> {
        // A flood of events is always ready: others have their turn now and then.
        consume_budget().await;
        let length = self.receive_ready().await?;
        Ok(Messages::new(&self.buffer[..length]))
    }

    /// An answer is here when the request has been sent, before the loop knows of it: the socket is asked first.
    async fn receive_length(&mut self) -> Result<usize, NetlinkError> {
        if let Some(length) = self.receive_pending()? {
            return Ok(length);
        }
        self.receive_ready().await
    }

    /// Events are looked for when the loop says that there are some, and not each time that it turns.
    async fn receive_ready(&mut self) -> Result<usize, NetlinkError> {
        loop {
            let mut guard = self.socket.readable().await?;
            let buffer = &mut self.buffer;
            match guard.try_io(|socket| receive_one(socket.get_ref(), buffer)) {
                Ok(Ok(Some(length))) => return Ok(length),
                Ok(Ok(None)) => {}
                Ok(Err(error)) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(Err(error)) => return Err(error.into()),
                Err(_would_block) => {}
            }
        }
    }

    /// The messages of a datagram that is here already; `None` once there is no more.
    pub fn pending(&mut self) -> Result<Option<Messages<'_>>, NetlinkError> {
        let length = self.receive_pending()?;
        Ok(length.map(|length| Messages::new(&self.buffer[..length])))
    }

    fn receive_pending(&mut self) -> Result<Option<usize>, NetlinkError> {
        for _ in 0..limit::NETLINK_PENDING {
            match receive_one(self.socket.get_ref(), &mut self.buffer) {
                Ok(Some(length)) => return Ok(Some(length)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error.into()),
                // A stranger's datagram, or a signal came in between: look again.
                Ok(None) | Err(_) => {}
            }
        }
        Ok(None)
    }

    /// Drops answers to requests that were given up. A socket whose buffer has once overflowed takes
    /// nothing new until it is empty, and the rest of a dump keeps the kernel from starting the next.
    fn discard_pending(&mut self) {
        for _ in 0..limit::NETLINK_PENDING {
            if matches!(self.receive_pending(), Ok(None)) {
                return;
            }
        }
    }

    /// Sends `batch` and waits until every message that asked for an acknowledgement has its answer;
    /// messages that are no acknowledgement go to `reply`. Answers to earlier requests are dropped.
    ///
    /// If the kernel refuses a message that did not ask it may not look at the rest (the begin of an nftables
    /// batch): that refusal is in the answers, and nothing more is waited for, unless the batch says that its
    /// messages stand for themselves ([`Batch::acknowledge_last`]).
    ///
    /// If the future is dropped the batch may have been carried out; the socket stays usable, because
    /// late answers do not match a later number.
    pub async fn exchange(
        &mut self,
        batch: &Batch,
        timeout: Duration,
        mut reply: impl FnMut(Message<'_>),
    ) -> Result<Answers, NetlinkError> {
        let deadline = Instant::now() + timeout;
        let mut answers = Answers { refused: Vec::new(), unanswered: batch.awaited().to_vec() };
        self.discard_pending();
        match timeout_at(deadline, self.send(batch.bytes())).await {
            Ok(sent) => sent?,
            Err(_late) => return Ok(answers),
        }
        let mut overrun = false;
        while !answers.unanswered.is_empty() {
            // After an overrun some answers are lost, and the others are here already.
            let received = match overrun {
                true => self.receive_pending(),
                false => match timeout_at(deadline, self.receive_length()).await {
                    Ok(received) => received.map(Some),
                    Err(_late) => return Ok(answers),
                },
            };
            let length = match received {
                Ok(Some(length)) => length,
                Ok(None) => return Ok(answers),
                Err(NetlinkError::Overrun) => {
                    overrun = true;
                    continue;
                }
                Err(error) => return Err(error),
            };
            for message in Messages::new(&self.buffer[..length]) {
                if take_answer(&mut answers, batch, message, &mut reply) == Verdict::BatchRefused {
                    answers.unanswered.clear();
                }
            }
        }
        Ok(answers)
    }

    /// Sends one request with an acknowledgement and waits for it.
    ///
    /// Cancellation: as [`Self::exchange`].
    pub async fn request(
        &mut self,
        kind: u16,
        flags: u16,
        head: &[u8],
        body: impl FnOnce(&mut Batch),
        timeout: Duration,
        reply: impl FnMut(Message<'_>),
    ) -> Result<(), NetlinkError> {
        let mut batch = Batch::new();
        let sequence = self.next_sequence();
        batch.message(kind, flags | super::message::ACK, sequence, head, body);
        let mut answers = self.exchange(&batch, timeout, reply).await?;
        match answers.refused.pop() {
            Some(refusal) => Err(NetlinkError::Refused(refusal)),
            None if answers.unanswered.is_empty() => Ok(()),
            None => Err(NetlinkError::TimedOut),
        }
    }

    /// Reads a whole table: sends a dump request of type `kind` (`body` writes its attributes) and
    /// collects what `parse` makes of each answer. Starts again when the table changed meanwhile or an
    /// answer was lost, up to [`limit::NETLINK_DUMP_TRIES`] times. `timeout` counts from the last answer.
    ///
    /// Cancel safe: nothing is changed, and late answers do not match a later number.
    pub async fn dump<T>(
        &mut self,
        kind: u16,
        head: &[u8],
        body: impl Fn(&mut Batch),
        timeout: Duration,
        mut parse: impl FnMut(Message<'_>) -> Option<T>,
    ) -> Result<Vec<T>, NetlinkError> {
        let mut last = NetlinkError::Restless;
        for _ in 0..limit::NETLINK_DUMP_TRIES {
            let mut request = Batch::new();
            let sequence = self.next_sequence();
            request.message(kind, DUMP, sequence, head, &body);
            match self.dump_once(&request, sequence, timeout, &mut parse).await {
                Err(again @ (NetlinkError::Restless | NetlinkError::Overrun)) => last = again,
                done => return done,
            }
        }
        Err(last)
    }

    async fn dump_once<T>(
        &mut self,
        request: &Batch,
        sequence: u32,
        timeout: Duration,
        parse: &mut impl FnMut(Message<'_>) -> Option<T>,
    ) -> Result<Vec<T>, NetlinkError> {
        self.discard_pending();
        timeout_at(Instant::now() + timeout, self.send(request.bytes()))
            .await
            .map_err(|_late| NetlinkError::TimedOut)??;
        let mut entries = Vec::new();
        let mut interrupted = false;
        loop {
            let received = timeout_at(Instant::now() + timeout, self.receive()).await;
            for message in received.map_err(|_| NetlinkError::TimedOut)?? {
                if message.header.sequence != sequence {
                    continue;
                }
                interrupted |= message.header.flags & DUMP_INTERRUPTED != 0;
                if let Some(end) = end_of_dump(&message) {
                    end?;
                    return if interrupted { Err(NetlinkError::Restless) } else { Ok(entries) };
                }
                entries.extend(parse(message));
                if entries.len() > limit::NETLINK_DUMP_ENTRIES {
                    return Err(NetlinkError::TooMany);
                }
            }
        }
    }
}

/// What one message of the kernel means for the batch that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Noted,
    BatchRefused,
}

fn take_answer(
    answers: &mut Answers,
    batch: &Batch,
    message: Message<'_>,
    reply: &mut impl FnMut(Message<'_>),
) -> Verdict {
    let sequence = message.header.sequence;
    if !batch.sequences().contains(&sequence) {
        return Verdict::Noted;
    }
    match message.header.kind {
        kind if kind == libc::NLMSG_ERROR as u16 || kind == libc::NLMSG_DONE as u16 => {
            answers.unanswered.retain(|waiting| *waiting != sequence);
            let Some(refusal) = message.refusal() else { return Verdict::Noted };
            answers.refused.push(refusal);
            match batch.awaited().contains(&sequence) || batch.is_acknowledged_last() {
                true => Verdict::Noted,
                false => Verdict::BatchRefused,
            }
        }
        kind if kind == libc::NLMSG_NOOP as u16 => Verdict::Noted,
        kind if kind == libc::NLMSG_OVERRUN as u16 => Verdict::Noted,
        _ => {
            reply(message);
            Verdict::Noted
        }
    }
}

/// How a dump ended, if `message` ends it. "Done" carries an error number, 0 if all is told.
fn end_of_dump(message: &Message<'_>) -> Option<Result<(), NetlinkError>> {
    let kind = i32::from(message.header.kind);
    if kind == libc::NLMSG_ERROR {
        return Some(message.refusal().map_or(Ok(()), |refusal| Err(NetlinkError::Refused(refusal))));
    }
    if kind != libc::NLMSG_DONE {
        return None;
    }
    let status = message.payload.first_chunk().map_or(0, |bytes| i32::from_ne_bytes(*bytes));
    Some(match status {
        0.. => Ok(()),
        error => Err(NetlinkError::Refused(Refusal {
            sequence: message.header.sequence,
            errno: error.saturating_neg(),
            text: None,
        })),
    })
}

/// Takes one datagram from the socket: its length, or `None` if it is not from the kernel.
pub(super) fn receive_one(socket: &Socket, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    let mut slices = [IoSliceMut::new(buffer)];
    let received = recvmsg::<NetlinkAddr>(socket.as_raw_fd(), &mut slices, None, MsgFlags::MSG_DONTWAIT)?;
    if received.address.is_none_or(|sender| sender.pid() != 0) {
        return Ok(None);
    }
    match received.flags.contains(MsgFlags::MSG_TRUNC) {
        true => Err(io::Error::from_raw_os_error(libc::ENOBUFS)),
        false => Ok(Some(received.bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::netlink::message::ACK;

    const SECOND: Duration = Duration::from_secs(1);

    fn on_a_loop<T>(test: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
    }

    #[test]
    fn a_dump_of_links_has_the_loopback() {
        on_a_loop(async {
            let mut socket = NetlinkSocket::open(Protocol::Route, &[]).unwrap();
            let names = socket
                .dump(
                    libc::RTM_GETLINK,
                    &[0; 16],
                    |_| {},
                    SECOND,
                    |message| {
                        let name =
                            message.attributes(16).find(|attribute| attribute.kind == libc::IFLA_IFNAME)?;
                        Some(name.text().into_owned())
                    },
                )
                .await
                .unwrap();
            assert!(names.iter().any(|name| name == "lo"), "{names:?}");
        });
    }

    #[test]
    fn each_message_of_a_batch_gets_its_own_answer() {
        on_a_loop(async {
            let mut socket = NetlinkSocket::open(Protocol::Route, &[]).unwrap();
            let mut batch = Batch::new();
            let (get, unknown) = (socket.next_sequence(), socket.next_sequence());
            let mut head = [0; 16];
            head[4..8].copy_from_slice(&1_u32.to_ne_bytes());
            batch.message(libc::RTM_GETLINK, ACK, get, &head, |_| {});
            head[4..8].copy_from_slice(&i32::MAX.to_ne_bytes());
            batch.message(libc::RTM_GETLINK, ACK, unknown, &head, |_| {});
            let mut replies = Vec::new();
            let answers = socket
                .exchange(&batch, SECOND, |message| replies.push(message.header.sequence))
                .await
                .unwrap();
            assert_eq!(replies, [get]);
            assert!(answers.unanswered.is_empty());
            assert_eq!(answers.refused.len(), 1);
            assert_eq!((answers.refused[0].sequence, answers.refused[0].errno), (unknown, libc::ENODEV));
        });
    }

    #[test]
    fn lost_answers_are_named_and_the_socket_goes_on() {
        on_a_loop(async {
            let mut socket = NetlinkSocket::open(Protocol::Route, &[]).unwrap();
            setsockopt(socket.socket.get_ref(), RcvBuf, &1).unwrap();
            let mut batch = Batch::new();
            for _ in 0..64 {
                let sequence = socket.next_sequence();
                let mut head = [0; 16];
                head[4..8].copy_from_slice(&i32::MAX.to_ne_bytes());
                batch.message(libc::RTM_GETLINK, ACK, sequence, &head, |_| {});
            }
            let answers = socket.exchange(&batch, SECOND, |_| {}).await.unwrap();
            assert!(!answers.unanswered.is_empty());
            assert_eq!(answers.unanswered.len() + answers.refused.len(), 64);
            socket.set_receive_buffer(200_000).unwrap();
            let mut head = [0; 16];
            head[4..8].copy_from_slice(&1_u32.to_ne_bytes());
            socket.request(libc::RTM_GETLINK, 0, &head, |_| {}, SECOND, |_| {}).await.unwrap();
        });
    }

    #[test]
    fn a_dump_that_was_given_up_does_not_block_the_next() {
        on_a_loop(async {
            let mut socket = NetlinkSocket::open(Protocol::Route, &[]).unwrap();
            for _ in 0..3 {
                let mut batch = Batch::new();
                let sequence = socket.next_sequence();
                batch.message(libc::RTM_GETLINK, DUMP, sequence, &[0; 16], |_| {});
                socket.send(batch.bytes()).await.unwrap();
            }
            let links = socket.dump(libc::RTM_GETLINK, &[0; 16], |_| {}, SECOND, |_| Some(())).await.unwrap();
            assert!(!links.is_empty());
        });
    }
}
