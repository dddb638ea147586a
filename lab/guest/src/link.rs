//! Links, addresses and routes of the namespace that the calling thread is in.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsRawFd;

use nix::net::if_::if_nametoindex;

use crate::console::Outcome;
use crate::netlink::{self, CREATE, CREATE_OR_KEEP, Socket, Writer, attribute};
use crate::space::Space;

/// A cable between two namespaces, both ends up.
pub(crate) fn cable(near: (&Space, &str), far: (&Space, &str)) -> Outcome<()> {
    let far_space = far.0.file().as_raw_fd().to_ne_bytes();
    let peer = |message: &mut Writer| {
        message.nest(PEER, |message| {
            message.0.extend(LINK_HEAD);
            message.text(LINK_NAME, far.1);
            message.attribute(LINK_SPACE, &far_space);
        });
    };
    near.0.inside(|| {
        Socket::route()?
            .change(NEW_LINK, CREATE, &LINK_HEAD, |message| {
                message.text(LINK_NAME, near.1);
                message.nest(LINK_INFO, |message| {
                    message.text(INFO_KIND, "veth");
                    message.nest(INFO_DATA, peer);
                });
            })
            .map_err(|error| format!("the cable {} - {}: {error}", near.1, far.1))
    })?;
    near.0.inside(|| up(near.1))?;
    far.0.inside(|| up(far.1))
}

/// Switches a link on.
pub(crate) fn up(name: &str) -> Outcome<()> {
    set(name, true, |_| {})
}

/// Gives a link another MAC address.
pub(crate) fn mac(name: &str, mac: [u8; 6]) -> Outcome<()> {
    set(name, true, |message| message.attribute(LINK_ADDRESS, &mac))
}

/// Lets nothing longer than a packet onto a link, as a real cable does.
pub(crate) fn single_packets(name: &str) -> Outcome<()> {
    set(name, true, |message| message.attribute(LINK_MOST_SEGMENTS, &1_u32.to_ne_bytes()))
}

fn set(name: &str, up: bool, body: impl FnOnce(&mut Writer)) -> Outcome<()> {
    let mut head = LINK_HEAD;
    head[4..8].copy_from_slice(&index(name)?.to_ne_bytes());
    let flag = u32::from(up).to_ne_bytes();
    head[8..12].copy_from_slice(&flag);
    head[12..16].copy_from_slice(&1_u32.to_ne_bytes());
    Socket::route()?.change(NEW_LINK, 0, &head, body).map_err(|error| format!("{name}: {error}"))
}

/// Adds an address. An IPv6 one is used at once, without looking for its double.
pub(crate) fn add_address(name: &str, address: IpAddr, bits: u8) -> Outcome<()> {
    change_address(NEW_ADDRESS, CREATE_OR_KEEP, name, address, bits)
}

/// Takes an address away.
pub(crate) fn remove_address(name: &str, address: IpAddr, bits: u8) -> Outcome<()> {
    change_address(DELETE_ADDRESS, 0, name, address, bits)
}

fn change_address(kind: u16, flags: u16, name: &str, address: IpAddr, bits: u8) -> Outcome<()> {
    let mut head = [family(address), bits, NO_DOUBLE_CHECK, 0, 0, 0, 0, 0];
    head[4..].copy_from_slice(&index(name)?.to_ne_bytes());
    let change = Socket::route()?.change(kind, flags, &head, |message| {
        message.attribute(ADDRESS_LOCAL, &octets(address));
        message.attribute(ADDRESS, &octets(address));
    });
    change.map_err(|error| format!("{address}/{bits} on {name}: {error}"))
}

/// Adds a route by way of a neighbour.
pub(crate) fn add_route(to: IpAddr, bits: u8, via: IpAddr) -> Outcome<()> {
    let head = [family(to), bits, 0, 0, MAIN, BY_HAND, 0, UNICAST, 0, 0, 0, 0];
    let change = Socket::route()?.change(NEW_ROUTE, CREATE_OR_KEEP, &head, |message| {
        message.attribute(ROUTE_TO, &octets(to));
        message.attribute(ROUTE_GATEWAY, &octets(via));
    });
    change.map_err(|error| format!("a route to {to}/{bits} via {via}: {error}"))
}

/// A route of a routing daemon, in the words of `ip route`.
#[derive(Clone, Debug)]
pub(crate) struct BabelRoute {
    /// `default`, or a prefix.
    pub(crate) to: String,
    /// `via inet6 fe80::1 dev mesh0 proto babel metric 1042`.
    pub(crate) way: String,
}

/// The routes of the main table that a Babel daemon has put there.
pub(crate) fn babel_routes() -> Outcome<Vec<BabelRoute>> {
    let mut socket = Socket::route()?;
    let mut all = Vec::new();
    for family in [INET, INET6] {
        let mut head = [0; 12];
        head[0] = family;
        for message in socket.dump(GET_ROUTE, &head, |_| {})? {
            all.extend(babel_route(&message.body));
        }
    }
    Ok(all)
}

fn babel_route(body: &[u8]) -> Option<BabelRoute> {
    let (&[family, bits, _, _, table, protocol, _, kind, ..], rest) = body.split_first_chunk::<12>()?;
    if table != MAIN || protocol != BABEL {
        return None;
    }
    let address = |bytes: &[u8]| match <[u8; 4]>::try_from(bytes) {
        Ok(octets) => Some(IpAddr::from(Ipv4Addr::from(octets))),
        Err(_) => <[u8; 16]>::try_from(bytes).ok().map(|octets| IpAddr::from(Ipv6Addr::from(octets))),
    };
    let number = |kind| Some(u32::from_ne_bytes(*attribute(rest, kind)?.first_chunk()?));
    let to = match attribute(rest, ROUTE_TO).and_then(address) {
        Some(to) => format!("{to}/{bits}"),
        None => "default".to_owned(),
    };
    let via = match (attribute(rest, ROUTE_GATEWAY), attribute(rest, ROUTE_VIA)) {
        (Some(gateway), _) => format!("via {}", address(gateway)?),
        (None, Some(via)) if family == INET => format!("via inet6 {}", address(via.get(2..)?)?),
        _ => String::new(),
    };
    let device = number(ROUTE_DEVICE).map_or(String::new(), |index| format!(" dev {}", name(index)));
    let metric = number(ROUTE_METRIC).unwrap_or(0);
    let kind = if kind == UNICAST { String::new() } else { format!("kind {kind} ") };
    Some(BabelRoute { to, way: format!("{kind}{via}{device} proto babel metric {metric}") })
}

/// The number of a link.
pub(crate) fn index(name: &str) -> Outcome<u32> {
    if_nametoindex(name).map_err(|error| format!("the link {name}: {error}"))
}

fn name(index: u32) -> String {
    let names = nix::net::if_::if_nameindex().ok();
    let found = names.as_ref().and_then(|names| names.iter().find(|link| link.index() == index));
    found.map_or_else(|| index.to_string(), |link| link.name().to_string_lossy().into_owned())
}

/// The link-local address of a link, once it has one that may be used.
pub(crate) fn link_local(name: &str) -> Outcome<Ipv6Addr> {
    let wanted = index(name)?;
    for message in Socket::route()?.dump(GET_ADDRESS, &[INET6, 0, 0, 0, 0, 0, 0, 0], |_| {})? {
        let Some((head, rest)) = message.body.split_first_chunk::<8>() else { continue };
        let [_, _, flags, _, index @ ..] = *head;
        let octets = netlink::attribute(rest, ADDRESS).and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        let Some(octets) = octets else { continue };
        let usable = flags & TENTATIVE == 0 && octets[..2] == [0xfe, 0x80];
        if u32::from_ne_bytes(index) == wanted && usable {
            return Ok(octets.into());
        }
    }
    Err(format!("{name} has no link-local address"))
}

fn family(address: IpAddr) -> u8 {
    if address.is_ipv4() { INET } else { INET6 }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

const LINK_HEAD: [u8; 16] = [0; 16];
const INET: u8 = 2;
const INET6: u8 = 10;
const NEW_LINK: u16 = 16;
const NEW_ADDRESS: u16 = 20;
const DELETE_ADDRESS: u16 = 21;
const GET_ADDRESS: u16 = 22;
const NEW_ROUTE: u16 = 24;
const GET_ROUTE: u16 = 26;
const LINK_ADDRESS: u16 = 1;
const LINK_NAME: u16 = 3;
const LINK_INFO: u16 = 18;
const LINK_SPACE: u16 = 28;
/// `IFLA_GSO_MAX_SEGS`.
const LINK_MOST_SEGMENTS: u16 = 40;
const INFO_KIND: u16 = 1;
const INFO_DATA: u16 = 2;
/// `VETH_INFO_PEER`.
const PEER: u16 = 1;
const ADDRESS: u16 = 1;
const ADDRESS_LOCAL: u16 = 2;
/// `IFA_F_NODAD`.
const NO_DOUBLE_CHECK: u8 = 2;
const TENTATIVE: u8 = 0x40;
const ROUTE_TO: u16 = 1;
const ROUTE_DEVICE: u16 = 4;
const ROUTE_GATEWAY: u16 = 5;
const ROUTE_METRIC: u16 = 6;
const ROUTE_VIA: u16 = 18;
const MAIN: u8 = 254;
/// `RTPROT_STATIC`.
const BY_HAND: u8 = 4;
/// `RTPROT_BABEL`.
const BABEL: u8 = 42;
const UNICAST: u8 = 1;
