//! A netlink socket for who asks seldom: no loop, no future, no buffer that stays.
//!
//! The kernel carries a batch out inside the send call, and makes each piece of a dump inside the receive call. So an answer
//! that is not there at once will not come, and nothing here waits.

use std::io;

use netlink_sys::Socket;
use zeroize::Zeroize;

use super::message::{Batch, Message, Messages};
use super::socket::{NetlinkError, Protocol, receive_one};
use crate::base::limit;

/// A socket for questions.
#[derive(Debug)]
pub struct DirectSocket {
    socket: Socket,
    buffer: Vec<u8>,
}

impl DirectSocket {
    /// Opens one.
    pub fn open(protocol: Protocol) -> io::Result<Self> {
        let mut socket = Socket::new(protocol.number())?;
        socket.set_non_blocking(true)?;
        socket.bind_auto()?;
        // A kernel without it answers with less text.
        let _ = socket.set_ext_ack(true);
        Ok(Self { socket, buffer: vec![0; limit::NETLINK_DATAGRAM_BYTES] })
    }

    /// Overwrites what was received last.
    pub fn forget(&mut self) {
        self.buffer.zeroize();
    }

    /// Sends a batch whose messages all ask for an answer (an acknowledgement or a dump), and hands out what is told. The
    /// error is the first refusal.
    pub fn ask(&mut self, batch: &Batch, told: &mut dyn FnMut(&Message<'_>)) -> Result<(), NetlinkError> {
        self.socket.send(batch.bytes(), 0)?;
        let mut refusal = None;
        let mut awaited = batch.awaited().len();
        while awaited > 0 {
            let length = match receive_one(&self.socket, &mut self.buffer) {
                Ok(length) => length.unwrap_or(0),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            };
            for message in Messages::new(&self.buffer[..length]) {
                let kind = i32::from(message.header.kind);
                if kind == libc::NLMSG_ERROR || kind == libc::NLMSG_DONE {
                    awaited = awaited.saturating_sub(1);
                    refusal = refusal.or_else(|| message.refusal());
                } else {
                    told(&message);
                }
            }
        }
        refusal.map_or(Ok(()), |refusal| Err(NetlinkError::Refused(refusal)))
    }
}
