//! Netlink, written a second time: the daemon's own is what is tested here.
//!
//! Heads and lengths are in the machine's order. A message with an answer by number; a dump up to its end.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, send, setsockopt,
    socket, sockopt,
};
use nix::sys::time::{TimeVal, TimeValLike};

use crate::console::Outcome;

/// Bytes under way: a message, or several behind each other.
#[derive(Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    /// A message: kind, flags, number, what stands before the attributes, the attributes.
    pub(crate) fn message(
        &mut self,
        kind: u16,
        flags: u16,
        number: u32,
        head: &[u8],
        body: impl FnOnce(&mut Self),
    ) {
        let start = self.0.len();
        self.0.extend([0; 4]);
        self.0.extend(kind.to_ne_bytes());
        self.0.extend((flags | REQUEST).to_ne_bytes());
        self.0.extend(number.to_ne_bytes());
        self.0.extend([0; 4]);
        self.0.extend(head);
        body(self);
        let length = u32::try_from(self.0.len() - start).expect("our messages have some hundred bytes");
        self.0[start..start + 4].copy_from_slice(&length.to_ne_bytes());
    }

    /// An attribute.
    pub(crate) fn attribute(&mut self, kind: u16, data: &[u8]) {
        let length = u16::try_from(data.len() + 4).expect("our attributes have some hundred bytes");
        self.0.extend(length.to_ne_bytes());
        self.0.extend(kind.to_ne_bytes());
        self.0.extend(data);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }

    /// A text with the zero that C ends it with.
    pub(crate) fn text(&mut self, kind: u16, text: &str) {
        let mut bytes = text.as_bytes().to_vec();
        bytes.push(0);
        self.attribute(kind, &bytes);
    }

    /// An attribute of attributes.
    pub(crate) fn nest(&mut self, kind: u16, body: impl FnOnce(&mut Self)) {
        let start = self.0.len();
        self.attribute(kind | NESTED, &[]);
        body(self);
        let length = u16::try_from(self.0.len() - start).expect("our attributes have some hundred bytes");
        self.0[start..start + 2].copy_from_slice(&length.to_ne_bytes());
    }
}

/// A netlink socket of the namespace that it was opened in.
pub(crate) struct Socket {
    socket: OwnedFd,
    number: u32,
}

impl Socket {
    /// The kernel's links, addresses and routes.
    pub(crate) fn route() -> Outcome<Self> {
        Self::open(SockProtocol::NetlinkRoute, 0)
    }

    /// nftables.
    pub(crate) fn netfilter() -> Outcome<Self> {
        Self::open(SockProtocol::NetlinkNetFilter, 0)
    }

    /// Families that are known by name: radios.
    pub(crate) fn generic() -> Outcome<Self> {
        Self::open(SockProtocol::NetlinkGeneric, 0)
    }

    fn open(protocol: SockProtocol, groups: u32) -> Outcome<Self> {
        let open = || -> nix::Result<OwnedFd> {
            let socket = socket(AddressFamily::Netlink, SockType::Raw, SockFlag::SOCK_CLOEXEC, protocol)?;
            bind(socket.as_raw_fd(), &NetlinkAddr::new(0, groups))?;
            setsockopt(&socket, sockopt::ReceiveTimeout, &TimeVal::seconds(ANSWER_S))?;
            Ok(socket)
        };
        Ok(Self { socket: open().map_err(|error| format!("a netlink socket: {error}"))?, number: 0 })
    }

    /// A change that the kernel confirms.
    pub(crate) fn change(
        &mut self,
        kind: u16,
        flags: u16,
        head: &[u8],
        body: impl FnOnce(&mut Writer),
    ) -> Outcome<()> {
        self.number += 1;
        let mut writer = Writer::default();
        writer.message(kind, flags | ACK, self.number, head, body);
        self.send(&writer)?;
        self.confirmed(self.number)
    }

    /// Sends what was written.
    pub(crate) fn send(&self, writer: &Writer) -> Outcome<()> {
        let sent = send(self.socket.as_raw_fd(), &writer.0, MsgFlags::empty());
        sent.map(drop).map_err(|error| format!("netlink: {error}"))
    }

    /// Waits for the confirmation of the message `last`; a refusal of any message is the failure.
    pub(crate) fn confirmed(&self, last: u32) -> Outcome<()> {
        loop {
            for message in self.receive()? {
                if message.kind != ERROR {
                    continue;
                }
                let code = message.body.first_chunk().map_or(0, |code| i32::from_ne_bytes(*code));
                if code != 0 {
                    let error = Errno::from_raw(-code);
                    return Err(format!("the kernel refuses netlink message {}: {error}", message.number));
                }
                if message.number == last {
                    return Ok(());
                }
            }
        }
    }

    /// The events of generic families, by the mask of their groups.
    pub(crate) fn generic_events(groups: u32) -> Outcome<Self> {
        Self::open(SockProtocol::NetlinkGeneric, groups)
    }

    /// The number of a generic family.
    pub(crate) fn family(&mut self, name: &str) -> Outcome<u16> {
        Ok(self.family_and_groups(name)?.0)
    }

    /// The number of a generic family, and those of its groups.
    pub(crate) fn family_and_groups(&mut self, name: &str) -> Outcome<(u16, Vec<(String, u32)>)> {
        self.number += 1;
        let mut writer = Writer::default();
        writer.message(CONTROL, 0, self.number, &GET_FAMILY, |message| message.text(FAMILY_NAME, name));
        self.send(&writer)?;
        let answer = self.receive()?;
        let found = answer.first().filter(|message| message.kind == CONTROL).and_then(|message| {
            let body = message.body.get(4..)?;
            let id = u16::from_ne_bytes(*attribute(body, FAMILY_ID)?.first_chunk()?);
            let groups = attributes(attribute(body, FAMILY_GROUPS).unwrap_or_default());
            let group = |(_, value)| {
                let name = attribute(value, GROUP_NAME)?.split(|octet| *octet == 0).next()?;
                let id = u32::from_ne_bytes(*attribute(value, GROUP_ID)?.first_chunk()?);
                Some((String::from_utf8_lossy(name).into_owned(), id))
            };
            Some((id, groups.into_iter().filter_map(group).collect()))
        });
        found.ok_or_else(|| format!("the kernel has no {name}"))
    }

    /// All answers to a question that has many.
    pub(crate) fn dump(
        &mut self,
        kind: u16,
        head: &[u8],
        body: impl FnOnce(&mut Writer),
    ) -> Outcome<Vec<Message>> {
        self.number += 1;
        let mut writer = Writer::default();
        writer.message(kind, DUMP, self.number, head, body);
        self.send(&writer)?;
        let mut all = Vec::new();
        loop {
            for message in self.receive()? {
                match message.kind {
                    DONE => return Ok(all),
                    ERROR => {
                        let code = message.body.first_chunk().map_or(0, |code| i32::from_ne_bytes(*code));
                        return Err(format!("the kernel refuses a dump: {}", Errno::from_raw(-code)));
                    }
                    _ => all.push(message),
                }
            }
        }
    }

    /// The messages of the next datagram.
    pub(crate) fn receive(&self) -> Outcome<Vec<Message>> {
        let mut buffer = vec![0; DATAGRAM_BYTES];
        let length = recv(self.socket.as_raw_fd(), &mut buffer, MsgFlags::empty())
            .map_err(|error| format!("the kernel's answer: {error}"))?;
        let mut rest = &buffer[..length];
        let mut messages = Vec::new();
        while let Some(head) = rest.first_chunk::<16>() {
            let [a, b, c, d, e, f, _, _, i, j, k, l, ..] = *head;
            let length = usize::try_from(u32::from_ne_bytes([a, b, c, d])).unwrap_or(usize::MAX);
            if !(16..=rest.len()).contains(&length) {
                return Err("the kernel's answer is cut off".to_owned());
            }
            messages.push(Message {
                kind: u16::from_ne_bytes([e, f]),
                number: u32::from_ne_bytes([i, j, k, l]),
                body: rest[16..length].to_vec(),
            });
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(messages)
    }
}

/// One message of the kernel.
pub(crate) struct Message {
    /// What it is, or whose.
    pub(crate) kind: u16,
    number: u32,
    /// What stands behind netlink's own head.
    pub(crate) body: Vec<u8>,
}

/// The attributes in `bytes`, without the flag of nesting.
pub(crate) fn attributes(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut all = Vec::new();
    while let Some([a, b, c, d]) = bytes.first_chunk() {
        let length = usize::from(u16::from_ne_bytes([*a, *b]));
        let Some(data) = bytes.get(4..length) else { break };
        all.push((u16::from_ne_bytes([*c, *d]) & !NESTED, data));
        bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    all
}

/// The attribute of this kind.
pub(crate) fn attribute(bytes: &[u8], kind: u16) -> Option<&[u8]> {
    attributes(bytes).into_iter().find_map(|(found, data)| (found == kind).then_some(data))
}

/// `GENL_ID_CTRL`, `CTRL_CMD_GETFAMILY` and its attributes.
const CONTROL: u16 = 16;
const GET_FAMILY: [u8; 4] = [3, 1, 0, 0];
const FAMILY_ID: u16 = 1;
const FAMILY_NAME: u16 = 2;
const FAMILY_GROUPS: u16 = 7;
const GROUP_NAME: u16 = 1;
const GROUP_ID: u16 = 2;
const REQUEST: u16 = 1;
/// Confirm it.
pub(crate) const ACK: u16 = 4;
const DUMP: u16 = 0x300;
/// Make it, and refuse if it is there.
pub(crate) const CREATE: u16 = 0x400 | 0x200;
/// Make it, or take what is there.
pub(crate) const CREATE_OR_KEEP: u16 = 0x400;
const NESTED: u16 = 0x8000;
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// The kernel makes datagrams of up to 32 kB in a dump.
const DATAGRAM_BYTES: usize = 65_536;
/// A kernel that does not answer is a failure that is told.
const ANSWER_S: i64 = 20;
