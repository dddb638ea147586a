//! The stand-in for LuCI: the caretaker's pages in a browser, without a router.
//!
//! On a router uhttpd serves `luci-app-tequio` inside LuCI, asks rpcd whose session it is, and passes calls on to the
//! ubus broker. Here one thread does the same for every node of the village: [`server`] speaks HTTP at a loopback
//! address, [`rpc`] is `/ubus` as uhttpd has it, [`session`] and [`acl`] are rpcd's logins and rights, [`uci`] is rpcd's
//! object of that name, [`bus`] is the connection to a node's broker and offers the object `session` there, so that the
//! daemon can ask who sells. The client side is `www/`: exactly those calls of LuCI's that our views make, listed in
//! `docs/luci-host.md`; any other one throws.
//!
//! Pages, access rules, menu and translations are read from `openwrt-package/luci-app-tequio/` at every request: change a
//! view, load the page again.

mod acl;
mod bus;
mod page;
mod po;
mod rpc;
mod server;
mod session;
mod uci;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::failure::{Failure, Outcome, io};

/// A node whose pages can be seen.
#[derive(Clone, Debug)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// The socket of its ubus broker.
    pub socket: PathBuf,
    /// Its configuration file.
    pub config: PathBuf,
}

/// The stand-in while it runs. Dropping it ends it.
#[derive(Debug)]
pub struct Luci {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Luci {
    /// Serves the pages of these nodes at `wish`; without a wish at the usual address, or at any free port of it.
    pub fn start(wish: Option<SocketAddr>, places: Vec<Place>) -> Outcome<Self> {
        let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, USUAL_PORT));
        let address = wish.unwrap_or(usual);
        if !address.ip().is_loopback() {
            // Its passwords are public: nobody else may come near it.
            return Err(Failure::new("a loopback address for the caretaker's pages", address.to_string()));
        }
        let listener = match std::net::TcpListener::bind(address) {
            Err(_) if wish.is_none() => std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)),
            bound => bound,
        };
        let listener = listener.map_err(io(format!("to listen on {address}")))?;
        listener.set_nonblocking(true).map_err(io("a socket that does not block"))?;
        let address = listener.local_addr().map_err(io("the address of a socket"))?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || match server::run(listener, address, places, stopped) {
            Ok(()) => {}
            Err(failure) => log::warn!("the caretaker's pages ended: {failure}"),
        });
        Ok(Self { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Luci {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The folder of the package that is served.
fn package() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../openwrt-package/luci-app-tequio"))
}

/// The folder of the client side.
fn www() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/luci/www"))
}

/// Where the pages are when nobody says otherwise.
const USUAL_PORT: u16 = 8077;
