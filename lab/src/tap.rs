//! A TAP device: the radio of an access node, seen from the phones' side. Frames are read and written without
//! waiting.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::fs::OpenOptionsExt;

use crate::failure::{Failure, Outcome, io};
use crate::netns::Namespace;

/// One end of an Ethernet cable; the other end is the device of this name in the namespace. The device lives as long
/// as this value.
#[derive(Debug)]
pub struct Tap {
    file: File,
}

impl Tap {
    /// Makes the device `name` in `namespace`.
    pub fn open(namespace: &Namespace, name: &str) -> Outcome<Self> {
        let name = name.to_string();
        namespace.inside(move || {
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC)
                .open("/dev/net/tun")
                .map_err(io("the device /dev/net/tun (module `tun`)"))?;
            attach(&file, &name)?;
            Ok(Self { file })
        })
    }

    /// Reads one frame; none if there is none.
    pub fn receive(&self, buffer: &mut [u8]) -> Option<usize> {
        (&self.file).read(buffer).ok()
    }

    /// Writes one frame. A frame that the kernel does not take is lost, as in the air.
    pub fn send(&self, frame: &[u8]) {
        let _ = (&self.file).write(frame);
    }
}

impl AsFd for Tap {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

fn attach(file: &File, name: &str) -> Outcome<()> {
    // SAFETY: `ifreq` is a plain C structure for which all zeroes is a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    if name.len() >= request.ifr_name.len() {
        return Err(Failure::new("a device name of 15 characters at most", name.to_string()));
    }
    for (place, byte) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *place = byte as libc::c_char;
    }
    request.ifr_ifru.ifru_flags = (libc::IFF_TAP | libc::IFF_NO_PI) as libc::c_short;
    // SAFETY: the file is open, and the request is a complete `ifreq` that outlives the call.
    let answer = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF as _, &request) };
    if answer < 0 {
        return Err(Failure::new(
            format!("the TAP device {name}"),
            std::io::Error::last_os_error().to_string(),
        ));
    }
    Ok(())
}
