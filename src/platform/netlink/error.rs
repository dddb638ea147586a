//! What can go wrong on a netlink socket, in words for the person who reads the log.

use std::io;

use super::message::Refusal;
#[cfg(doc)]
use crate::base::limit;

/// Why a netlink socket cannot do what was asked.
#[derive(Debug)]
pub enum NetlinkError {
    /// The operating system refused a call on the socket.
    Io(io::Error),
    /// Messages were lost because the receive buffer was full (`ENOBUFS`), or one was longer than our
    /// buffer. What the socket told so far is a state of the past: read the table again.
    Overrun,
    /// The kernel refused a request that was no batch.
    Refused(Refusal),
    /// No answer came in time.
    TimedOut,
    /// The table changed during each of the tries to dump it.
    Restless,
    /// A dump has more entries than [`limit::NETLINK_DUMP_ENTRIES`].
    TooMany,
}

impl From<io::Error> for NetlinkError {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(libc::ENOBUFS) => Self::Overrun,
            _ => Self::Io(error),
        }
    }
}

impl std::fmt::Display for NetlinkError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => match error.raw_os_error() {
                Some(libc::EPERM | libc::EACCES) => {
                    write!(
                        formatter,
                        "{error}: this needs CAP_NET_ADMIN; run as root or give that capability"
                    )
                }
                _ => write!(formatter, "{error}"),
            },
            Self::Overrun => formatter.write_str("the kernel's messages came faster than they were read"),
            Self::Refused(refusal) => match refusal.errno {
                libc::EPERM | libc::EACCES => {
                    write!(
                        formatter,
                        "{refusal}: this needs CAP_NET_ADMIN; run as root or give that capability"
                    )
                }
                _ => write!(formatter, "{refusal}"),
            },
            Self::TimedOut => formatter.write_str("the kernel did not answer in time"),
            Self::Restless => formatter.write_str("the table changed during every try to read it"),
            Self::TooMany => formatter.write_str("the table has more entries than are accepted"),
        }
    }
}

impl std::error::Error for NetlinkError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_right_says_what_to_do() {
        let refusal = Refusal { sequence: 1, errno: libc::EPERM, text: None };
        assert!(NetlinkError::Refused(refusal).to_string().contains("CAP_NET_ADMIN; run as root"));
    }
}
