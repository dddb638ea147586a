//! The machine's interfaces, and the kernel's routes and addresses that are not ours.
//!
//! An interface that changes is told at once: a cable that was pulled must not cost a second. Routes
//! and addresses are what may be announced to the mesh; they are told as one whole set, read anew a
//! moment after something changed, so that a hundred changes at once are one message. When events
//! were lost everything is read anew, and every interface is told.

mod state;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use self::state::State;
use super::netlink::filter::Unheard;
use super::netlink::link::{ADDRESS_HEAD_BYTES, AddressEntry, LINK_HEAD_BYTES, LinkEntry};
use super::netlink::message::{Batch, Message};
use super::netlink::route::{PROTOCOL_BABEL, RouteEntry, TABLE_MAIN, dump_head, dump_table};
use super::netlink::socket::{NetlinkError, NetlinkSocket, Protocol};
use crate::base::address::{InterfaceIndex, MacAddress, Prefix, PrefixPair};
use crate::base::limit;
use crate::base::sorted::SortedSet;

/// An interface as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkStatus {
    /// The kernel's number of it.
    pub index: InterfaceIndex,
    /// Its name.
    pub name: String,
    /// Whether packets can pass: it is switched on, and has a carrier or an association.
    pub up: bool,
    /// Its link-local address, once duplicate address detection is done.
    pub link_local: Option<Ipv6Addr>,
    /// Longest packet, in bytes.
    pub mtu: u32,
    /// Its Ethernet address, if it has one.
    pub mac: Option<MacAddress>,
    /// Its IPv4 address, if it has one.
    pub ipv4: Option<Ipv4Addr>,
}

/// A route of the kernel that is not ours, or an own address of this machine.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KernelRoute {
    /// Which packets it is for; for an address the host prefix of it.
    pub prefix: PrefixPair,
    /// The interface it leads to or is on; `None` for routes that lead nowhere (unreachable,
    /// blackhole, prohibit), which operators use to hold an aggregate.
    pub interface: Option<InterfaceIndex>,
    /// The interface's name; empty if there is none.
    pub device: String,
    /// Who made the route (`RTPROT_*`: 2 kernel, 3 boot, 4 static, 9 router advertisement); 2 for an
    /// address.
    pub protocol: u8,
    /// The table it stands in; 255 (`local`) for an address.
    pub table: u32,
    /// Whether this is an own address, not a route.
    pub is_local_address: bool,
}

/// What the kernel tells about the machine's interfaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// An interface appeared or changed.
    Interface(LinkStatus),
    /// An interface is gone; its number will not come back.
    Gone(InterfaceIndex),
    /// The whole set, in order of prefixes, each time that it changed.
    KernelRoutes(Vec<KernelRoute>),
}

/// Watches interfaces, addresses and routes.
#[derive(Debug)]
pub struct Links {
    /// The tables whose routes may be announced.
    tables: Vec<u32>,
    requests: NetlinkSocket,
    events: NetlinkSocket,
    state: State,
    /// What was told last.
    told: Option<Vec<KernelRoute>>,
    ready: VecDeque<LinkEvent>,
    /// When interfaces are read anew.
    links_at: Option<Instant>,
    /// When routes and addresses are read anew.
    routes_at: Option<Instant>,
    /// Whether the last reading failed: said once.
    in_trouble: bool,
    /// Whether the last reading was more than may be told: said once.
    is_cut: bool,
}

impl Links {
    /// Starts to watch; the main table and `tables` hold the routes that may be announced. The first
    /// events tell all that is there.
    pub fn open(tables: impl IntoIterator<Item = u32>) -> Result<Self, NetlinkError> {
        let groups = [
            libc::RTNLGRP_LINK,
            libc::RTNLGRP_IPV4_IFADDR,
            libc::RTNLGRP_IPV6_IFADDR,
            libc::RTNLGRP_IPV4_ROUTE,
            libc::RTNLGRP_IPV6_ROUTE,
        ];
        let events = NetlinkSocket::open(Protocol::Route, &groups)?;
        events.set_receive_buffer(limit::NETLINK_EVENT_BUFFER)?;
        events.leave_out(Unheard::RouteProtocol(PROTOCOL_BABEL));
        let tables = with_main(tables);
        let now = Instant::now();
        Ok(Self {
            tables,
            requests: NetlinkSocket::open(Protocol::Route, &[])?,
            events,
            state: State::default(),
            told: None,
            ready: VecDeque::new(),
            links_at: Some(now),
            routes_at: Some(now),
            in_trouble: false,
            is_cut: false,
        })
    }

    /// From now on, the main table and these are read.
    pub fn read_tables(&mut self, tables: impl IntoIterator<Item = u32>) {
        let tables = with_main(tables);
        if tables != self.tables {
            self.tables = tables;
            self.routes_at = Some(Instant::now());
        }
    }

    /// The next event.
    ///
    /// Cancel safe: an event that was taken from the kernel is kept until a call yields it.
    pub async fn next(&mut self) -> LinkEvent {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return event;
            }
            let now = Instant::now();
            if self.links_at.is_some_and(|at| at <= now) {
                self.read_links().await;
            } else if self.routes_at.is_some_and(|at| at <= now) {
                self.read_routes().await;
            } else {
                self.wait().await;
            }
        }
    }

    async fn wait(&mut self) {
        let wake = [self.links_at, self.routes_at].into_iter().flatten().min();
        tokio::select! {
            received = self.events.receive() => {
                let now = Instant::now();
                match received {
                    Ok(messages) => for message in messages {
                        if take_event(&mut self.state, &mut self.ready, &self.tables, &message) {
                            // Counted from the first change, so that steady change cannot put it off.
                            self.routes_at.get_or_insert(now + GATHER);
                        }
                    },
                    Err(_overrun) => {
                        self.links_at = Some(now);
                        self.routes_at.get_or_insert(now + GATHER);
                    }
                }
            },
            () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => {}
        }
    }

    /// Reads all interfaces and their addresses.
    async fn read_links(&mut self) {
        match self.dump_links().await {
            Ok((links, addresses)) => {
                self.links_at = None;
                self.in_trouble = false;
                self.ready.extend(self.state.replace(links, &addresses));
            }
            Err(error) => self.links_at = Some(self.trouble("interfaces", &error)),
        }
    }

    /// Reads all routes and addresses; tells them if they are not what was told last.
    async fn read_routes(&mut self) {
        match self.dump_routes().await {
            Ok(routes) => {
                self.routes_at = None;
                self.in_trouble = false;
                if self.told.as_ref() != Some(&routes) {
                    self.told = Some(routes.clone());
                    self.ready.push_back(LinkEvent::KernelRoutes(routes));
                }
            }
            Err(error) => self.routes_at = Some(self.trouble("routes", &error)),
        }
    }

    fn trouble(&mut self, what: &str, error: &NetlinkError) -> Instant {
        if !std::mem::replace(&mut self.in_trouble, true) {
            log::warn!(
                "the kernel's {what} cannot be read, trying on each {} s: {error}",
                RETRY_AFTER.as_secs()
            );
        }
        Instant::now() + RETRY_AFTER
    }

    async fn dump_links(&mut self) -> Result<(Vec<LinkEntry>, Vec<AddressEntry>), NetlinkError> {
        let head = [0; LINK_HEAD_BYTES];
        let parse = |message: Message<'_>| LinkEntry::parse(&message);
        let links = self.requests.dump(libc::RTM_GETLINK, &head, |_| {}, ANSWER_TIMEOUT, parse).await?;
        let mut addresses = self.dump_addresses(libc::AF_INET6 as u8).await?;
        addresses.extend(self.dump_addresses(libc::AF_INET as u8).await?);
        Ok((links, addresses))
    }

    async fn dump_addresses(&mut self, family: u8) -> Result<Vec<AddressEntry>, NetlinkError> {
        let mut head = [0; ADDRESS_HEAD_BYTES];
        head[0] = family;
        let parse = |message: Message<'_>| AddressEntry::parse(&message);
        self.requests.dump(libc::RTM_GETADDR, &head, |_| {}, ANSWER_TIMEOUT, parse).await
    }

    async fn dump_routes(&mut self) -> Result<Vec<KernelRoute>, NetlinkError> {
        let mut routes = Vec::new();
        for family in [libc::AF_INET as u8, libc::AF_INET6 as u8] {
            let addresses = self.dump_addresses(family).await?;
            routes.extend(addresses.iter().filter_map(|entry| own_address(entry, &self.state)));
            for table in self.tables.clone() {
                let head = dump_head(family, table);
                let state = &self.state;
                let parse = |message: Message<'_>| kernel_route(&message, table, state);
                let body = |batch: &mut Batch| dump_table(batch, table);
                match self.requests.dump(libc::RTM_GETROUTE, &head, body, ANSWER_TIMEOUT, parse).await {
                    Ok(found) => routes.extend(found),
                    // A table is made by its first route.
                    Err(NetlinkError::Refused(refusal)) if refusal.errno == libc::ENOENT => {}
                    Err(error) => return Err(error),
                }
            }
        }
        routes.sort_unstable();
        routes.dedup();
        let is_cut = routes.len() > limit::KERNEL_ROUTES;
        if is_cut && !self.is_cut {
            log::warn!(
                "the kernel has {} routes to announce; only the first {} are offered to the mesh",
                routes.len(),
                limit::KERNEL_ROUTES
            );
        }
        self.is_cut = is_cut;
        routes.truncate(limit::KERNEL_ROUTES);
        Ok(routes)
    }
}

/// Each table once, in order; the kernel's table of own addresses is not read as one of routes.
fn with_main(tables: impl IntoIterator<Item = u32>) -> Vec<u32> {
    let all = std::iter::once(TABLE_MAIN).chain(tables);
    let all: SortedSet<u32> = all.filter(|table| *table != u32::from(libc::RT_TABLE_LOCAL)).collect();
    all.into_iter().collect()
}

/// Notes one event; whether routes and addresses are to be read anew.
fn take_event(
    state: &mut State,
    ready: &mut VecDeque<LinkEvent>,
    tables: &[u32],
    message: &Message<'_>,
) -> bool {
    match message.header.kind {
        libc::RTM_NEWLINK | libc::RTM_DELLINK => {
            let Some(link) = LinkEntry::parse(message) else { return false };
            let events = match message.header.kind {
                libc::RTM_NEWLINK => state.link(link),
                _ => state.gone(link.index),
            };
            let has_changed = !events.is_empty();
            ready.extend(events);
            has_changed
        }
        libc::RTM_NEWADDR | libc::RTM_DELADDR => {
            if let Some(entry) = AddressEntry::parse(message) {
                ready.extend(state.address(&entry, message.header.kind == libc::RTM_NEWADDR));
            }
            true
        }
        libc::RTM_NEWROUTE | libc::RTM_DELROUTE => RouteEntry::parse(message)
            .is_some_and(|entry| entry.protocol != PROTOCOL_BABEL && tables.contains(&entry.table)),
        _ => false,
    }
}

/// An address that others may want to reach.
fn own_address(entry: &AddressEntry, state: &State) -> Option<KernelRoute> {
    let prefix = Prefix::host(entry.address);
    (entry.is_usable && !is_local_only(&prefix)).then(|| KernelRoute {
        prefix: prefix.into(),
        interface: Some(entry.interface),
        device: state.name(entry.interface),
        protocol: libc::RTPROT_KERNEL,
        table: u32::from(libc::RT_TABLE_LOCAL),
        is_local_address: true,
    })
}

/// A route of others that leads somewhere, or is held as an aggregate.
fn kernel_route(message: &Message<'_>, table: u32, state: &State) -> Option<KernelRoute> {
    let entry = RouteEntry::parse(message)?;
    let leads = match entry.kind {
        libc::RTN_UNICAST => entry.interface.is_some() && !entry.is_dead,
        libc::RTN_UNREACHABLE | libc::RTN_BLACKHOLE | libc::RTN_PROHIBIT => true,
        _ => false,
    };
    let is_ours = entry.protocol == PROTOCOL_BABEL;
    if !leads || is_ours || entry.table != table || is_local_only(&entry.prefix.destination()) {
        return None;
    }
    let interface = entry.interface.filter(|_| entry.kind == libc::RTN_UNICAST);
    Some(KernelRoute {
        prefix: entry.prefix,
        interface,
        device: interface.map(|interface| state.name(interface)).unwrap_or_default(),
        protocol: entry.protocol,
        table,
        is_local_address: false,
    })
}

/// Prefixes that mean something else on every machine or link: nobody else may be told of them.
fn is_local_only(prefix: &Prefix) -> bool {
    match prefix.address() {
        std::net::IpAddr::V4(v4) => v4.is_loopback() || v4.is_link_local() || v4.is_multicast(),
        std::net::IpAddr::V6(v6) => v6.is_loopback() || v6.is_unicast_link_local() || v6.is_multicast(),
    }
}

/// Time from the first change to the reading of all routes and addresses.
const GATHER: Duration = Duration::from_millis(300);
/// The kernel answers at once; this is for answers that never come.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause before a reading that failed is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(2);
