//! A client with the kernel's own sockets: quicker than any phone, so that what is measured is the node.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::sys::socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket};

use tequio::base::address::MacAddress;

use crate::failure::{Failure, Outcome, io};
use crate::http::{Response, Url, request};
use crate::netns::{Land, Namespace};
use crate::terrain::BRIDGE;
use crate::topology::Hotspot;

/// A namespace with a cable to the hotspot of a node.
pub(super) struct Client {
    pub(super) namespace: Namespace,
    /// Its first address; the others follow.
    pub(super) first: Ipv4Addr,
    _land: Land,
}

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(15);

impl Client {
    /// Plugs it in, with addresses of one MAC.
    pub(super) fn plug_in(
        node: &Namespace,
        hotspot: &Hotspot,
        name: &str,
        places: std::ops::Range<u32>,
    ) -> Outcome<Self> {
        let mut land = Land::new()?;
        let namespace = land.add(name)?;
        // Of the upper half: dnsmasq begins below.
        let half = nth(hotspot.router4, 0x200);
        // The kernel takes a former cable away in its own time.
        let port = format!("b-{name}");
        let mut lines =
            format!("link add wlan type veth peer name {port} netns {}\nlink set wlan up\n", node.name());
        for place in places.clone() {
            lines += &format!("addr add {}/{} dev wlan\n", nth(half, place), hotspot.range4.length);
        }
        lines += &format!("route add default via {}\n", hotspot.router4);
        namespace.ip(&lines)?;
        node.ip(&format!("link set {port} master {BRIDGE}\nlink set {port} up\n"))?;
        Ok(Self { namespace, first: nth(half, places.start), _land: land })
    }

    /// Another phone on the same cable; its MAC.
    pub(super) fn change_mac(&self, number: u16) -> Outcome<String> {
        let [high, low] = number.to_be_bytes();
        let mac = MacAddress([0x02, 0x7e, 0x91, 0, high, low]).to_string();
        self.namespace.ip(&format!("link set wlan address {mac}\n"))?;
        Ok(mac)
    }
}

/// So many addresses behind another one.
pub(super) fn nth(first: Ipv4Addr, number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(first.to_bits() + number)
}

/// Connects from one of the addresses of this namespace.
pub(super) fn dial(from: Ipv4Addr, to: SocketAddrV4) -> Outcome<TcpStream> {
    let cannot = |errno: nix::errno::Errno| {
        Failure::new(format!("a connection from {from} to {to}"), errno.to_string())
    };
    let socket =
        socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).map_err(cannot)?;
    let (own, other) = (SockaddrIn::from(SocketAddrV4::new(from, 0)), SockaddrIn::from(to));
    bind(socket.as_raw_fd(), &own).map_err(cannot)?;
    connect(socket.as_raw_fd(), &other).map_err(cannot)?;
    let stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(PATIENCE)).map_err(io("a limit"))?;
    Ok(stream)
}

/// One request and its answer.
pub(super) fn ask(from: Ipv4Addr, url: &Url, form: Option<&str>) -> Outcome<Response> {
    let wrong = || Failure::new("an address", url.to_string());
    let to = SocketAddrV4::new(url.host.parse().map_err(|_| wrong())?, url.port);
    talk(&mut dial(from, to)?, &request(url, form, ""))
}

/// Sends a request on a connection, and reads the answer.
pub(super) fn talk(stream: &mut TcpStream, bytes: &[u8]) -> Outcome<Response> {
    stream.write_all(bytes).map_err(io("a request"))?;
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).map_err(io("an answer"))?;
    let answer = Response::parse(&heard, true)?;
    answer.ok_or_else(|| Failure::new("an answer", "a connection that was closed"))
}
