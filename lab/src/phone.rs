//! A phone in somebody's hand: joins the hotspot, looks names up, opens pages, types codes. Every step has a limit.

use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;
use std::time::Duration;

use smoltcp::socket::{dns, tcp};
use smoltcp::wire::{DnsQueryType, IpAddress, IpCidr};

use crate::cell::{Cell, Handle, Lease};
use crate::failure::{Failure, Outcome};
use crate::form::Form;
use crate::http::{Cookies, Response, Url, request};

/// One phone and its browser.
#[derive(Debug)]
pub struct Phone {
    /// Whose it is; for the story only.
    pub name: String,
    /// Its MAC address, as text.
    pub mac: String,
    handle: Handle,
    cookies: Cookies,
    limit: Duration,
}

/// A page that was opened, with the way that led to it.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The URLs that were asked for, in order, with the status each answered.
    pub way: Vec<(Url, u16)>,
    /// The last response.
    pub page: Response,
}

impl Visit {
    /// The URL of the page that is open now.
    pub fn url(&self) -> &Url {
        &self.way.last().expect("a visit has at least one step").0
    }
}

impl Phone {
    /// Switches a phone on in a cell. `number` makes its MAC address; `pcap` is a folder for its frames.
    pub fn switch_on(
        cell: &Cell,
        name: &str,
        number: u16,
        limit: Duration,
        pcap: Option<&Path>,
    ) -> Outcome<Self> {
        // The second bit of the first octet says that nobody sold this address to us (locally administered).
        let [high, low] = number.to_be_bytes();
        let mac = [0x02, 0x7e, 0x90, 0, high, low];
        let file = pcap.map(|folder| folder.join(format!("{name}.pcap")));
        let handle = cell.switch_on(mac, file.as_deref())?;
        let mac = mac.map(|byte| format!("{byte:02x}")).join(":");
        Ok(Self { name: name.to_string(), mac, handle, cookies: Cookies::default(), limit })
    }

    /// Waits until DHCP has given an address.
    pub fn lease(&self) -> Outcome<Lease> {
        let lease = self.handle.wait(self.limit, |handset| handset.lease.clone())?;
        lease.ok_or_else(|| self.late("a DHCP lease", "no offer that it could take"))
    }

    /// Waits until router advertisements have given an IPv6 address that is valid beyond the link.
    pub fn address6(&self) -> Outcome<Ipv6Addr> {
        let found = self.handle.wait(self.limit, |handset| {
            handset.interface.ip_addrs().iter().find_map(|address| match address {
                IpCidr::Ipv6(cidr) if !cidr.address().is_unicast_link_local() => Some(cidr.address()),
                _ => None,
            })
        })?;
        found.ok_or_else(|| self.late("an IPv6 address by SLAAC", "no router advertisement with a prefix"))
    }

    /// How long the person who holds it waits for one answer.
    pub fn set_patience(&mut self, limit: Duration) {
        self.limit = limit;
    }

    /// Asks the resolver it was given for the IPv4 address of a name; like a phone's own, again from another port if
    /// there is no answer. A question from the port of one less than half a minute old goes where that one went,
    /// whatever the rules have come to say meanwhile: the kernel takes both for one connection.
    pub fn resolve(&self, name: &str) -> Outcome<IpAddr> {
        for _ in 1..NAME_TRIES {
            match self.ask_name(name) {
                Err(failure) if !failure.interrupted => {}
                done => return done,
            }
        }
        self.ask_name(name)
    }

    fn ask_name(&self, name: &str) -> Outcome<IpAddr> {
        let query = self.handle.with(|handset| {
            let socket = handset.sockets.get_mut::<dns::Socket>(handset.dns);
            socket.start_query(handset.interface.context(), name, DnsQueryType::A)
        });
        let query = query.map_err(|error| self.wrong(format!("a query for {name}"), error.to_string()))?;
        let patience = (self.limit / NAME_TRIES).max(NAME_PATIENCE);
        let answer = self.handle.wait(patience, |handset| {
            match handset.sockets.get_mut::<dns::Socket>(handset.dns).get_query_result(query) {
                Err(dns::GetQueryResultError::Pending) => None,
                Err(dns::GetQueryResultError::Failed) => Some(None),
                Ok(addresses) => Some(addresses.first().copied()),
            }
        });
        match answer {
            Ok(Some(Some(address))) => Ok(address.into()),
            Ok(Some(None)) => Err(self.wrong(format!("an address for {name}"), "the resolver has none")),
            Ok(None) => {
                self.handle.with(|handset| {
                    handset.sockets.get_mut::<dns::Socket>(handset.dns).cancel_query(query);
                });
                let seen = format!("no answer within {} s", patience.as_secs_f64());
                Err(self.wrong(format!("an address for {name}"), seen))
            }
            Err(failure) => Err(failure),
        }
    }

    /// Opens a page and follows where it is sent.
    pub fn open(&mut self, url: &str) -> Outcome<Visit> {
        self.visit(Url::parse(url)?, None)
    }

    /// Asks for one page and follows nothing.
    pub fn ask(&mut self, url: &str) -> Outcome<Response> {
        self.exchange(&Url::parse(url)?, None)
    }

    /// Types `text` into the form of an open page and sends it.
    pub fn submit(&mut self, visit: &Visit, text: &str) -> Outcome<Visit> {
        let form = Form::find(&visit.page.text())?;
        self.visit(visit.url().join(&form.action)?, Some(form.fill(text)))
    }

    /// Taps the button that sends a form with nothing to type in, by where it goes.
    pub fn press(&mut self, visit: &Visit, action: &str) -> Outcome<Visit> {
        let hidden = Form::button(&visit.page.text(), action)?;
        self.visit(visit.url().join(action)?, Some(hidden))
    }

    /// Walks out of reach of its node, with the browser as it is.
    pub fn walk_away(self) -> Cookies {
        self.handle.with(crate::cell::Handset::leave);
        self.cookies
    }

    /// Gets the browser of a phone that had another address before.
    pub fn remember(&mut self, cookies: Cookies) {
        self.cookies = cookies;
    }

    fn visit(&mut self, mut url: Url, mut form: Option<String>) -> Outcome<Visit> {
        let mut way = Vec::new();
        loop {
            let page = self.exchange(&url, form.take().as_deref())?;
            way.push((url.clone(), page.status));
            let Some(next) = page.redirect() else { return Ok(Visit { way, page }) };
            if way.len() > REDIRECT_LIMIT {
                return Err(
                    self.wrong("a page", format!("more than {REDIRECT_LIMIT} redirects, the last to {next}"))
                );
            }
            url = url.join(next)?;
        }
    }

    fn exchange(&mut self, url: &Url, form: Option<&str>) -> Outcome<Response> {
        let address = match url.host.parse() {
            Ok(address) => address,
            Err(_) => self.resolve(&url.host)?,
        };
        let bytes = request(url, form, &self.cookies.header(&url.host));
        let response = self.converse(address, url, &bytes)?;
        self.cookies.remember(&url.host, &response);
        Ok(response)
    }

    /// One TCP connection: connect, say `bytes`, listen until the response is whole.
    fn converse(&self, address: IpAddr, url: &Url, bytes: &[u8]) -> Outcome<Response> {
        let remote = (IpAddress::from(address), url.port);
        let local_port = fastrand::u16(49_152..);
        let socket = self.handle.with(|handset| {
            let buffer = || tcp::SocketBuffer::new(vec![0; SOCKET_BUFFER]);
            let handle = handset.sockets.add(tcp::Socket::new(buffer(), buffer()));
            let socket = handset.sockets.get_mut::<tcp::Socket>(handle);
            match socket.connect(handset.interface.context(), remote, local_port) {
                Ok(()) => Ok(handle),
                Err(error) => {
                    handset.sockets.remove(handle);
                    Err(error)
                }
            }
        });
        let socket =
            socket.map_err(|error| self.wrong(format!("a connection for {url}"), error.to_string()))?;
        let mut talk = Talk { left: bytes, heard: Vec::new(), connected: false };
        let answer = self.handle.wait(self.limit, |handset| {
            talk.turn(handset.sockets.get_mut::<tcp::Socket>(socket)).transpose()
        });
        self.handle.with(|handset| handset.hang_up(socket));
        match answer? {
            Some(Ok(response)) => Ok(response),
            Some(Err(failure)) => Err(self.wrong(format!("a page from {url}"), failure.seen)),
            None if talk.connected => {
                Err(self.late(&format!("a page from {url}"), "a connection without an answer"))
            }
            None => Err(self.late(&format!("a connection to {address} for {url}"), "no answer")),
        }
    }

    fn wrong(&self, expected: impl AsRef<str>, seen: impl Into<String>) -> Failure {
        Failure::new(format!("the phone of {} to get {}", self.name, expected.as_ref()), seen)
    }

    fn late(&self, expected: &str, seen: &str) -> Failure {
        self.wrong(expected, format!("{seen} within {} s", self.limit.as_secs()))
    }
}

/// How often a name is asked for.
const NAME_TRIES: u32 = 3;
/// One question is sent again after a second; it is given up later than that.
const NAME_PATIENCE: Duration = Duration::from_millis(1_500);

/// The state of one exchange over TCP.
struct Talk<'a> {
    left: &'a [u8],
    heard: Vec<u8>,
    connected: bool,
}

impl Talk<'_> {
    /// Moves on as far as it can; none if it has to wait.
    fn turn(&mut self, socket: &mut tcp::Socket) -> Outcome<Option<Response>> {
        match socket.state() {
            tcp::State::SynSent | tcp::State::SynReceived => return Ok(None),
            tcp::State::Closed if !self.connected => {
                return Err(Failure::new("a connection", "the connection was refused"));
            }
            _ => self.connected = true,
        }
        if !self.left.is_empty() && socket.can_send() {
            let sent = socket.send_slice(self.left).unwrap_or(0);
            self.left = &self.left[sent..];
        }
        while socket.can_recv() && self.heard.len() < PAGE_LIMIT {
            let taken = socket.recv(|bytes| {
                self.heard.extend_from_slice(bytes);
                (bytes.len(), bytes.len())
            });
            if taken.unwrap_or(0) == 0 {
                break;
            }
        }
        if self.heard.len() >= PAGE_LIMIT {
            return Err(Failure::new("a page", format!("more than {PAGE_LIMIT} octets")));
        }
        Response::parse(&self.heard, !socket.may_recv())
    }
}

/// As many as browsers follow before they suspect a circle; the portal needs one.
const REDIRECT_LIMIT: usize = 10;

/// Both ways of a connection; pages of the village are smaller.
const SOCKET_BUFFER: usize = 16 << 10;

/// The largest page that a phone takes.
const PAGE_LIMIT: usize = 1 << 20;
