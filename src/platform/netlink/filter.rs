//! What a socket of events need not hear: the kernel drops it before it wakes us.
//!
//! Each route that we put in is told to everybody who listens for routes, and that is us, on two sockets: of 10,000
//! routes, 20,000 datagrams that are read only to be ignored. A classic BPF program of four instructions (linux/filter.h)
//! looks at a fixed place of each datagram and drops it there. Where it cannot be attached we hear more, and ignore it.

use std::os::fd::AsFd;
use std::os::fd::AsRawFd;

/// Messages that are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unheard {
    /// What the socket with this port asked for (`nlmsg_pid`).
    Port(u32),
    /// Routes of this protocol (`rtm_protocol`), whoever made them.
    RouteProtocol(u8),
}

/// `linux/netlink.h`: offset of `nlmsg_type` and `nlmsg_pid`; `linux/rtnetlink.h`: of `rtm_protocol`.
const TYPE_AT: u32 = 4;
const PORT_AT: u32 = 12;
const PROTOCOL_AT: u32 = 16 + 5;

/// Attaches the filter.
pub(super) fn attach(socket: &impl AsFd, unheard: Unheard) -> nix::Result<()> {
    let mut program = program(unheard);
    let program = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: the option takes a `sock_fprog`, of which the kernel copies `len` instructions; both live until the call
    // returns.
    let result = unsafe {
        libc::setsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            size_of_val(&program) as libc::socklen_t,
        )
    };
    nix::errno::Errno::result(result).map(drop)
}

fn program(unheard: Unheard) -> Vec<libc::sock_filter> {
    let load = |size: u32, at: u32| instruction(libc::BPF_LD | libc::BPF_ABS | size, at, 0, 0);
    // Skips `skip` instructions unless what was loaded is `value`.
    let unless =
        |value: u32, skip: u8| instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, 0, skip);
    let is = |value: u32, skip: u8| instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value, skip, 0);
    let done = |length: u32| instruction(libc::BPF_RET | libc::BPF_K, length, 0, 0);
    // Loads read the first octet as the highest; netlink's numbers are the machine's own.
    let kind = |kind: u16| u32::from(kind.to_be());
    match unheard {
        Unheard::Port(port) => {
            vec![load(libc::BPF_W, PORT_AT), unless(port.to_be(), 1), done(0), done(u32::MAX)]
        }
        Unheard::RouteProtocol(protocol) => vec![
            load(libc::BPF_H, TYPE_AT),
            is(kind(libc::RTM_NEWROUTE), 1),
            unless(kind(libc::RTM_DELROUTE), 3),
            load(libc::BPF_B, PROTOCOL_AT),
            unless(u32::from(protocol), 1),
            done(0),
            done(u32::MAX),
        ],
    }
}

fn instruction(code: u32, k: u32, jt: u8, jf: u8) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt, jf, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The instructions that are used here, as linux/filter.h describes them.
    fn hears(unheard: Unheard, datagram: &[u8]) -> bool {
        let (mut at, mut loaded) = (0, 0);
        let program = program(unheard);
        loop {
            let now = program[at];
            at += 1;
            let (code, k) = (u32::from(now.code), now.k as usize);
            match code & 7 {
                libc::BPF_LD => {
                    let width = match code & 0x18 {
                        libc::BPF_W => 4,
                        libc::BPF_H => 2,
                        _ => 1,
                    };
                    let Some(bytes) = datagram.get(k..k + width) else { return false };
                    loaded = bytes.iter().fold(0, |sum, byte| sum << 8 | u32::from(*byte));
                }
                libc::BPF_JMP => at += usize::from(if loaded == now.k { now.jt } else { now.jf }),
                _ => return now.k != 0,
            }
        }
    }

    fn datagram(kind: u16, port: u32, protocol: u8) -> Vec<u8> {
        let mut bytes = 28_u32.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend([0; 6]);
        bytes.extend(port.to_ne_bytes());
        bytes.extend([0, 0, 0, 0, 0, protocol, 0, 0, 0, 0, 0, 0]);
        bytes
    }

    #[test]
    fn only_what_we_asked_for_is_unheard() {
        for (port, heard) in [(7, false), (8, true), (0, true), (0x0700_0000, true)] {
            assert_eq!(hears(Unheard::Port(7), &datagram(libc::RTM_NEWROUTE, port, 42)), heard, "{port:#x}");
        }
    }

    #[test]
    fn only_routes_of_the_protocol_are_unheard() {
        let unheard = Unheard::RouteProtocol(42);
        for (kind, protocol, heard) in [
            (libc::RTM_NEWROUTE, 42, false),
            (libc::RTM_DELROUTE, 42, false),
            (libc::RTM_NEWROUTE, 4, true),
            (libc::RTM_DELROUTE, 2, true),
            (libc::RTM_NEWADDR, 42, true),
            (libc::RTM_NEWLINK, 42, true),
        ] {
            assert_eq!(hears(unheard, &datagram(kind, 9, protocol)), heard, "{kind} {protocol}");
        }
    }
}
