//! Network namespaces without names: each is held by a file descriptor.

use std::fs::File;
use std::os::fd::AsFd;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};

use crate::console::Outcome;
use crate::machine::mount_kind;

/// One network namespace.
pub(crate) struct Space {
    file: File,
}

impl Space {
    /// A new one, with its loopback device down.
    pub(crate) fn new() -> Outcome<Self> {
        let made = on_a_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET).map_err(|error| format!("a network namespace: {error}"))?;
            File::open("/proc/thread-self/ns/net").map_err(|error| format!("the namespace's file: {error}"))
        });
        Ok(Self { file: made? })
    }

    /// The file that stands for it.
    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    /// The same once more, for a thread that goes on.
    pub(crate) fn again(&self) -> Outcome<Self> {
        let file = self.file.try_clone().map_err(|error| format!("a namespace's file once more: {error}"))?;
        Ok(Self { file })
    }

    /// Works inside. Sockets that are opened there belong to the namespace for good.
    pub(crate) fn inside<T: Send>(&self, work: impl FnOnce() -> Outcome<T> + Send) -> Outcome<T> {
        on_a_thread(|| {
            setns(self.file.as_fd(), CloneFlags::CLONE_NEWNET)
                .map_err(|error| format!("entering a namespace: {error}"))?;
            work()
        })
    }

    /// The same with a `/sys` that shows the devices of this namespace, as a process on a router sees them.
    pub(crate) fn at_home<T: Send>(&self, work: impl FnOnce() -> Outcome<T> + Send) -> Outcome<T> {
        self.inside(|| {
            unshare(CloneFlags::CLONE_NEWNS).map_err(|error| format!("a mount namespace: {error}"))?;
            mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
                .map_err(|error| format!("private mounts: {error}"))?;
            mount_kind("sysfs", "/sys")?;
            work()
        })
    }

    /// Sets a sysctl, by its path below `/proc/sys/net`.
    pub(crate) fn kernel(&self, path: &str, value: &str) -> Outcome<()> {
        self.inside(|| {
            std::fs::write(format!("/proc/sys/net/{path}"), value)
                .map_err(|error| format!("net/{path} = {value}: {error}"))
        })
    }
}

fn on_a_thread<T: Send>(work: impl FnOnce() -> Outcome<T> + Send) -> Outcome<T> {
    std::thread::scope(|scope| scope.spawn(work).join())
        .map_err(|_| "a thread of the guest program panicked".to_owned())?
}
