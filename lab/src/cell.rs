//! A cell: the phones that have joined the hotspot of one access node. All of them share the node's TAP device, as
//! real ones share the air; each is a whole smoltcp stack with a MAC address of its own.
//!
//! One thread per cell owns the traffic: it reads frames from the TAP, hands each to the phone it is for (or to all,
//! if it is for all), lets every stack work, and writes what they send. The story asks for things from its own
//! thread through [`crate::phone::Phone`]: it takes the lock, touches a socket, kicks the cell, and waits until the
//! cell has turned. A phone nobody asks anything of still answers ARP and renews its lease, like a phone in a pocket.
//!
//! Phones of one cell do not hear each other: an access point that isolates its clients.

use std::collections::VecDeque;
use std::fmt;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::eventfd::{EfdFlags, EventFd};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::socket::{dhcpv4, dns, tcp};
use smoltcp::time::Instant;
use smoltcp::wire::{EthernetAddress, EthernetFrame, IpAddress, IpCidr, Ipv6Address};

use crate::command;
use crate::failure::{Failure, Outcome};
use crate::netns::Namespace;
use crate::pcap::Pcap;
use crate::tap::Tap;

/// The phones of one access node.
#[derive(Debug)]
pub struct Cell {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Cell {
    /// Makes the TAP device of `namespace`, puts it into `bridge`, and starts to carry frames.
    pub fn start(namespace: &Namespace, bridge: &str) -> Outcome<Self> {
        let tap = Tap::open(namespace, TAP)?;
        namespace.ip(&format!("link set {TAP} master {bridge}\nlink set {TAP} up\n"))?;
        let wake = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)
            .map_err(|error| Failure::new("an eventfd", error.to_string()))?;
        let shared = Arc::new(Shared {
            tap,
            air: Mutex::new(Vec::new()),
            turned: Condvar::new(),
            wake,
            stop: AtomicBool::new(false),
        });
        let worker = Arc::clone(&shared);
        Ok(Self { shared, thread: Some(std::thread::spawn(move || worker.carry())) })
    }

    /// Switches a phone on. It asks for an address at once. With `pcap`, its frames are written to that file.
    pub fn switch_on(&self, mac: [u8; 6], pcap: Option<&Path>) -> Outcome<Handle> {
        let pcap = pcap.map(Pcap::create).transpose()?;
        let mut air = self.shared.lock();
        if air.len() >= MAX_PHONES {
            return Err(Failure::new(format!("at most {MAX_PHONES} phones at one node"), "one more"));
        }
        air.push(Handset::new(mac, pcap));
        let index = air.len() - 1;
        drop(air);
        self.shared.kick();
        Ok(Handle { shared: Arc::clone(&self.shared), index })
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        self.shared.kick();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Access to one phone's stack.
#[derive(Clone, Debug)]
pub struct Handle {
    shared: Arc<Shared>,
    index: usize,
}

impl Handle {
    /// Does something with the stack, and lets the cell turn afterwards.
    pub fn with<T>(&self, work: impl FnOnce(&mut Handset) -> T) -> T {
        let mut air = self.shared.lock();
        let value = work(&mut air[self.index]);
        drop(air);
        self.shared.kick();
        value
    }

    /// Looks at the stack whenever the cell has turned, until `look` gives a value or `limit` is over (then none).
    pub fn wait<T>(
        &self,
        limit: Duration,
        mut look: impl FnMut(&mut Handset) -> Option<T>,
    ) -> Outcome<Option<T>> {
        let end = std::time::Instant::now() + limit;
        let mut air = self.shared.lock();
        loop {
            crate::interrupt::check()?;
            if let Some(value) = look(&mut air[self.index]) {
                drop(air);
                self.shared.kick();
                return Ok(Some(value));
            }
            // What was asked for may have given the stack something to say: then the cell shall turn at once.
            let handset = &mut air[self.index];
            if handset
                .interface
                .poll_delay(Instant::now(), &handset.sockets)
                .is_some_and(|delay| delay.total_micros() == 0)
            {
                self.shared.kick();
            }
            let left = end.saturating_duration_since(std::time::Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let turned = self.shared.turned.wait_timeout(air, left.min(TURN));
            air = turned.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// What the network has given to a phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The phone's address.
    pub address: Ipv4Addr,
    /// How long the prefix of the network is.
    pub length: u8,
    /// The way out.
    pub router: Option<Ipv4Addr>,
    /// Whom to ask for names.
    pub resolvers: Vec<Ipv4Addr>,
}

/// One phone: its radio and its stack.
pub struct Handset {
    /// Its addresses and routes.
    pub interface: Interface,
    /// Its sockets.
    pub sockets: SocketSet<'static>,
    /// Its resolver.
    pub dns: SocketHandle,
    /// What DHCP has given, if it has.
    pub lease: Option<Lease>,
    dhcp: SocketHandle,
    leaving: Vec<SocketHandle>,
    radio: Radio,
    /// It has gone out of reach: it hears nothing and says nothing.
    gone: bool,
}

impl fmt::Debug for Handset {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Handset")
            .field("mac", &self.radio.mac)
            .field("lease", &self.lease)
            .finish_non_exhaustive()
    }
}

impl Handset {
    fn new(mac: [u8; 6], pcap: Option<Pcap>) -> Self {
        let mac = EthernetAddress(mac);
        let mut radio = Radio { mac, heard: VecDeque::new(), said: VecDeque::new(), pcap };
        let mut config = Config::new(mac.into());
        config.random_seed = fastrand::u64(..);
        config.slaac = true;
        let mut interface = Interface::new(config, &mut radio, Instant::now());
        interface.update_ip_addrs(|addresses| {
            let link_local = IpCidr::new(IpAddress::Ipv6(link_local(mac)), 64);
            addresses.push(link_local).expect("the first of eight places is free");
        });
        let mut sockets = SocketSet::new(Vec::new());
        let dhcp = sockets.add(dhcpv4::Socket::new());
        let dns = sockets.add(dns::Socket::new(&[], Vec::new()));
        Self { interface, sockets, dns, lease: None, dhcp, leaving: Vec::new(), radio, gone: false }
    }

    /// Closes a TCP socket politely; it is removed when the other side has agreed, or has been given up.
    pub fn hang_up(&mut self, handle: SocketHandle) {
        let socket = self.sockets.get_mut::<tcp::Socket>(handle);
        socket.set_timeout(Some(smoltcp::time::Duration::from_secs(2)));
        socket.close();
        self.leaving.push(handle);
    }

    /// Takes the phone out of reach of this node, for good.
    pub fn leave(&mut self) {
        self.gone = true;
    }

    /// Lets the stack work on what was heard.
    fn turn(&mut self, now: Instant) {
        self.interface.poll(now, &mut self.radio, &mut self.sockets);
        match self.sockets.get_mut::<dhcpv4::Socket>(self.dhcp).poll() {
            Some(dhcpv4::Event::Configured(config)) => {
                let lease = Lease {
                    address: config.address.address(),
                    length: config.address.prefix_len(),
                    router: config.router,
                    resolvers: config.dns_servers.to_vec(),
                };
                self.configure(Some(lease));
            }
            Some(dhcpv4::Event::Deconfigured) => self.configure(None),
            None => {}
        }
        let sockets = &mut self.sockets;
        self.leaving.retain(|handle| {
            let state = sockets.get::<tcp::Socket>(*handle).state();
            let gone = matches!(state, tcp::State::Closed | tcp::State::TimeWait);
            if gone {
                sockets.remove(*handle);
            }
            !gone
        });
    }

    fn configure(&mut self, lease: Option<Lease>) {
        self.interface.update_ip_addrs(|addresses| {
            addresses.retain(|address| !matches!(address, IpCidr::Ipv4(_)));
            if let Some(lease) = &lease {
                // A full list leaves the phone without an address, which the story then sees.
                let _ = addresses.push(IpCidr::new(lease.address.into(), lease.length));
            }
        });
        self.interface.routes_mut().remove_default_ipv4_route();
        if let Some(router) = lease.as_ref().and_then(|lease| lease.router) {
            let _ = self.interface.routes_mut().add_default_ipv4_route(router);
        }
        let resolvers: Vec<IpAddress> = lease
            .iter()
            .flat_map(|lease| &lease.resolvers)
            .map(|address| (*address).into())
            .take(1)
            .collect();
        self.sockets.get_mut::<dns::Socket>(self.dns).update_servers(&resolvers);
        self.lease = lease;
    }
}

#[derive(Debug)]
struct Shared {
    tap: Tap,
    air: Mutex<Vec<Handset>>,
    turned: Condvar,
    wake: EventFd,
    stop: AtomicBool,
}

impl Shared {
    /// A panic of another thread leaves the phones as they were: good enough to take them down in order.
    fn lock(&self) -> MutexGuard<'_, Vec<Handset>> {
        self.air.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kick(&self) {
        let _ = self.wake.write(1);
    }

    fn carry(&self) {
        let mut buffer = vec![0; FRAME_LIMIT];
        while !self.stop.load(Ordering::Relaxed) {
            let mut air = self.lock();
            self.hear(&mut air, &mut buffer);
            let pause = self.turn(&mut air);
            drop(air);
            self.turned.notify_all();
            let mut ready = [
                PollFd::new(self.tap.as_fd(), PollFlags::POLLIN),
                PollFd::new(self.wake.as_fd(), PollFlags::POLLIN),
            ];
            let _ = poll(&mut ready, PollTimeout::try_from(pause).unwrap_or(PollTimeout::ZERO));
            let _ = self.wake.read();
        }
    }

    /// Hands the frames that have arrived to the phones.
    fn hear(&self, air: &mut [Handset], buffer: &mut [u8]) {
        for _ in 0..FRAMES_PER_TURN {
            let Some(length) = self.tap.receive(buffer) else { return };
            let Ok(frame) = EthernetFrame::new_checked(&buffer[..length]) else { continue };
            let to = frame.dst_addr();
            for handset in air.iter_mut().filter(|handset| !handset.gone) {
                if (to == handset.radio.mac || !to.is_unicast()) && handset.radio.heard.len() < RADIO_QUEUE {
                    handset.radio.record(&buffer[..length]);
                    handset.radio.heard.push_back(buffer[..length].to_vec());
                }
            }
        }
    }

    /// Lets every phone work; gives the time until one of them wants to work again.
    fn turn(&self, air: &mut [Handset]) -> Duration {
        let now = Instant::now();
        let mut pause = TURN;
        for handset in air.iter_mut().filter(|handset| !handset.gone) {
            handset.turn(now);
            while let Some(frame) = handset.radio.said.pop_front() {
                handset.radio.record(&frame);
                self.tap.send(&frame);
            }
            if let Some(delay) = handset.interface.poll_delay(now, &handset.sockets) {
                pause = pause.min(Duration::from_micros(delay.total_micros()));
            }
        }
        pause.max(Duration::from_millis(1))
    }
}

/// The radio of a phone: frames that it has heard and not yet read, and frames that it wants to say.
#[derive(Debug)]
struct Radio {
    mac: EthernetAddress,
    heard: VecDeque<Vec<u8>>,
    said: VecDeque<Vec<u8>>,
    pcap: Option<Pcap>,
}

impl Radio {
    fn record(&mut self, frame: &[u8]) {
        if let Some(pcap) = &mut self.pcap {
            pcap.write(frame);
        }
    }
}

impl Device for Radio {
    type RxToken<'a> = Heard;
    type TxToken<'a> = Say<'a>;

    fn receive(&mut self, _now: Instant) -> Option<(Heard, Say<'_>)> {
        let frame = self.heard.pop_front()?;
        Some((Heard(frame), Say(&mut self.said)))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Say<'_>> {
        (self.said.len() < RADIO_QUEUE).then_some(Say(&mut self.said))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ethernet;
        capabilities.max_transmission_unit = 1514;
        capabilities
    }
}

struct Heard(Vec<u8>);

impl RxToken for Heard {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, work: F) -> R {
        work(&self.0)
    }
}

struct Say<'a>(&'a mut VecDeque<Vec<u8>>);

impl TxToken for Say<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, length: usize, work: F) -> R {
        let mut frame = vec![0; length];
        let value = work(&mut frame);
        self.0.push_back(frame);
        value
    }
}

/// The link-local address that follows from a MAC address (RFC 4291, appendix A).
fn link_local(mac: EthernetAddress) -> Ipv6Address {
    let [a, b, c, d, e, f] = mac.0;
    let tail = u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
    Ipv6Address::from_bits((0xfe80_u128 << 112) | u128::from(tail))
}

/// The device of the phones in the bridge of the hotspot.
const TAP: &str = "tap-hs";

/// As many as a node has addresses for.
const MAX_PHONES: usize = 1_000;

/// An Ethernet frame of MTU 1500 with a VLAN tag, and room.
const FRAME_LIMIT: usize = 2048;

/// Frames read before the stacks work again.
const FRAMES_PER_TURN: usize = 256;

/// Frames that wait at one phone; what comes then is lost, as in the air.
const RADIO_QUEUE: usize = 512;

/// The longest pause of a cell and of whoever waits for it.
const TURN: Duration = Duration::from_millis(100);

/// Says so before anything is built when the kernel has no TAP devices.
pub fn require_tun() -> Outcome<()> {
    if Path::new("/dev/net/tun").exists() {
        return Ok(());
    }
    command::attempt("modprobe", &["tun"], "").map(drop).map_err(|_| {
        Failure::new("the device /dev/net/tun", "it does not exist; load the module `tun` of the kernel")
    })
}
