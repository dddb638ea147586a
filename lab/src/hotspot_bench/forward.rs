//! What the table costs a packet: guests' packets through a router with our table, and the same packets through it with
//! connection tracking alone, in turns, with one guest and with thousands.
//!
//! ```text
//!   phones (frames with a MAC each) ── br-hs ─ router ─ up0 ── sink
//! ```
//!
//! A veth carries a frame on the processor of whoever sends it, up to the socket at the end: the time of the loop that
//! sends is the time of the whole way. Each guest has one flow that was answered, as nearly all packets of a day.

use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, socket};
use serde_json::{Map, Value};
use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr, IpProtocol, Ipv4Packet, Ipv4Repr,
    UdpPacket, UdpRepr,
};
use tequio::base::address::MacAddress;
use tequio::base::limit::HOTSPOT_SESSIONS;
use tequio::base::time::Span;
use tequio::hotspot::output::{ClientId, GuestChange};
use tequio::platform::firewall::Firewall;
use tequio::platform::firewall::base::{FirewallSettings, base_table};

use super::client::nth;
use super::{median, note};
use crate::failure::{Failure, Outcome, io};
use crate::netns::{Land, Namespace};
use crate::{command, interrupt};

/// How many guests there are.
const SIZES: [u32; 4] = [1, 100, 1_000, 4_000];
/// Packets of one turn, and turns.
const PACKETS: u32 = 40_000;
const TURNS: usize = 15;
/// Octets of a packet's content.
const CONTENT: usize = 64;
const SINK: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 2);
const SINK_PORT: u16 = 9;
/// Guests live in a /20.
const FIRST: Ipv4Addr = Ipv4Addr::new(10, 77, 16, 0);
const ROUTER_MAC: [u8; 6] = [0x02, 0x7e, 0x92, 0xff, 0xff, 0xff];

/// Connection tracking and nothing else.
const PLAIN: &str = "table inet plain {\n chain forward {\n  type filter hook forward priority filter; policy accept;\n  \
                     ct state established,related accept\n }\n}\n";
/// Answers are seen by connection tracking, and go no further: nobody is there to ask for their MAC.
const ANSWERS: &str = "table inet answers {\n chain in {\n  type filter hook prerouting priority 0; policy accept;\n  \
                       iifname up0 drop\n }\n}\n";

/// Packets end at the sink where they are counted: an answer that nobody listens costs one guest more than thousands,
/// since the kernel holds back such answers for each asker.
const END: &str =
    "table inet end {\n chain in {\n  type filter hook prerouting priority raw; policy drop;\n }\n}\n";

struct Road {
    phones: Namespace,
    router: Namespace,
    sink: Namespace,
    /// Our table without guests.
    table: String,
    _land: Land,
}

/// All sizes in each turn, so that a machine that becomes quicker or slower does it to all of them.
pub(super) fn measure(figures: &mut Map<String, Value>) -> Outcome<()> {
    let road = Road::build()?;
    let most = SIZES[SIZES.len() - 1];
    road.admit(0, most)?;
    road.answer_each(most)?;
    road.sink.nft(END)?;
    let mut took = SIZES.map(|_| (Vec::new(), Vec::new()));
    for _ in 0..TURNS {
        road.router.nft(&format!("delete table inet tequio\n{}", road.table))?;
        let mut guests = 0;
        for (size, (ours, plain)) in SIZES.into_iter().zip(&mut took) {
            interrupt::check()?;
            road.admit(guests, size)?;
            guests = size;
            ours.push(road.send(size)?);
            road.router.nft(PLAIN)?;
            road.router.nft("table inet tequio { flags dormant; }\n")?;
            plain.push(road.send(size)?);
            road.router.nft("add table inet tequio\n")?;
            road.router.nft("delete table inet plain\n")?;
        }
    }
    for (size, (mut ours, mut plain)) in SIZES.into_iter().zip(took) {
        // Of one turn, in which the machine was as busy for both.
        let mut ratios: Vec<f64> = plain.iter().zip(&ours).map(|(plain, ours)| plain / ours).collect();
        note(figures, &format!("forward_ns_{size}"), median(&mut ours) * 1e9 / f64::from(PACKETS));
        note(figures, &format!("plain_forward_ns_{size}"), median(&mut plain) * 1e9 / f64::from(PACKETS));
        note(figures, &format!("forward_ratio_{size}"), median(&mut ratios));
    }
    Ok(())
}

impl Road {
    fn build() -> Outcome<Self> {
        command::require_all()?;
        let mut land = Land::new()?;
        let (phones, router, sink) = (land.add("phones")?, land.add("road")?, land.add("sink")?);
        router.sysctl(&[("ipv4/ip_forward", "1"), ("netfilter/nf_conntrack_udp_timeout", "600")])?;
        router.ip(&format!(
            "link add br-hs type bridge forward_delay 0 stp_state 0\nlink set br-hs address {}\n\
             link add port type veth peer name wlan netns {}\nlink set port master br-hs\n\
             link add up0 type veth peer name eth0 netns {}\n\
             addr add 10.77.31.254/20 dev br-hs\naddr add 192.0.2.1/24 dev up0\n\
             link set br-hs up\nlink set port up\nlink set up0 up\n",
            MacAddress(ROUTER_MAC),
            phones.name(),
            sink.name()
        ))?;
        phones.ip("link set wlan up\n")?;
        sink.ip(&format!(
            "addr add {SINK}/24 dev eth0\nlink set eth0 up\nroute add default via 192.0.2.1\n"
        ))?;
        let prefix = |text: &str| text.parse().expect("a prefix of this file");
        let table = base_table(&FirewallSettings {
            hotspot_interfaces: vec!["br-hs".to_owned()],
            portal_port: 2_080,
            hotspot_prefixes: vec![prefix("10.77.16.0/20")],
            infrastructure: vec![prefix("10.77.0.0/24")],
            walled_garden: Vec::new(),
            policies: Vec::new(),
        });
        // A node has room for twice its sessions; what thousands cost is asked all the same.
        let own = format!("size {};", 2 * HOTSPOT_SESSIONS);
        let table = table.replace(&own, "size 16384;");
        router.nft(&table)?;
        Ok(Self { phones, router, sink, table, _land: land })
    }

    /// Guests from one number to another, by the daemon's own adapter.
    fn admit(&self, from: u32, to: u32) -> Outcome<()> {
        let changes: Vec<GuestChange> = (from..to)
            .map(|number| GuestChange::Admit {
                mac: MacAddress(mac(number)),
                client: ClientId(number + 1),
                lease: Span::from_secs(900),
                rate_down_kbps: 0,
                rate_up_kbps: 0,
            })
            .collect();
        self.router.inside(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map_err(io("a loop"))?.block_on(async {
                let cannot = |error| Failure::new("guests in the kernel's table", format!("{error:?}"));
                let mut firewall = Firewall::open().map_err(cannot)?;
                for some in changes.chunks(500) {
                    firewall.apply(some).await.map_err(cannot)?;
                }
                Ok(())
            })
        })
    }

    /// One packet of each of them, which the sink answers.
    fn answer_each(&self, guests: u32) -> Outcome<()> {
        self.router.nft(ANSWERS)?;
        let sink = self.sink.inside(|| {
            let sink = std::net::UdpSocket::bind((SINK, SINK_PORT)).map_err(io("the sink"))?;
            sink.set_read_timeout(Some(Duration::from_secs(5))).map_err(io("the sink"))?;
            Ok(sink)
        })?;
        for number in 0..guests {
            self.phones.inside(move || {
                let socket = open()?;
                transmit(&socket, &frame(number))
            })?;
            let (_, from) = sink.recv_from(&mut [0; 2 * CONTENT]).map_err(io("the packet of a guest"))?;
            sink.send_to(b"yes", from).map_err(io("an answer"))?;
        }
        self.router.nft("delete table inet answers\n").map(drop)
    }

    /// Seconds that it takes to send so many packets of guests in turns.
    fn send(&self, guests: u32) -> Outcome<f64> {
        let frames: Vec<Vec<u8>> = (0..guests).map(frame).collect();
        let before = self.arrived()?;
        let took = self.phones.inside(move || {
            let socket = open()?;
            let begin = Instant::now();
            for frame in frames.iter().cycle().take(PACKETS as usize) {
                transmit(&socket, frame)?;
            }
            Ok(begin.elapsed().as_secs_f64())
        })?;
        let arrived = self.arrived()? - before;
        if arrived < u64::from(PACKETS) {
            return Err(Failure::new(format!("{PACKETS} packets at the sink"), arrived.to_string()));
        }
        Ok(took)
    }

    fn arrived(&self) -> Outcome<u64> {
        let answer = self.sink.ip_json(&["-s", "link", "show", "dev", "eth0"])?;
        let packets = answer[0]["stats64"]["rx"]["packets"].as_u64();
        packets.ok_or_else(|| Failure::new("counters of eth0", answer.to_string()))
    }
}

fn mac(number: u32) -> [u8; 6] {
    let [_, _, high, low] = number.to_be_bytes();
    [0x02, 0x7e, 0x92, 0, high, low]
}

/// A socket for whole frames of the phones' device.
fn open() -> Outcome<OwnedFd> {
    let cannot = |errno: Errno| Failure::new("a socket for frames", errno.to_string());
    let kind = SockType::Raw;
    let socket = socket(AddressFamily::Packet, kind, SockFlag::SOCK_CLOEXEC, None).map_err(cannot)?;
    let index = nix::net::if_::if_nametoindex("wlan").map_err(cannot)?;
    // SAFETY: zeroes are a value of this structure of numbers.
    let mut place: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    place.sll_family = libc::AF_PACKET as u16;
    place.sll_ifindex = index.cast_signed();
    let length = size_of::<libc::sockaddr_ll>() as libc::socklen_t;
    // SAFETY: the kernel reads `length` octets of a structure that lives here.
    let answer = unsafe { libc::bind(socket.as_raw_fd(), (&raw const place).cast(), length) };
    Errno::result(answer).map_err(cannot)?;
    Ok(socket)
}

fn transmit(socket: &OwnedFd, frame: &[u8]) -> Outcome<()> {
    let sent = nix::sys::socket::send(socket.as_raw_fd(), frame, MsgFlags::empty());
    sent.map(drop).map_err(|errno| Failure::new("a frame to be sent", errno.to_string()))
}

/// A packet of a guest to the sink.
fn frame(number: u32) -> Vec<u8> {
    let udp = UdpRepr { src_port: 40_000, dst_port: SINK_PORT };
    let ip = Ipv4Repr {
        src_addr: nth(FIRST, 1 + number),
        dst_addr: SINK,
        next_header: IpProtocol::Udp,
        payload_len: udp.header_len() + CONTENT,
        hop_limit: 64,
    };
    let ethernet = EthernetRepr {
        src_addr: EthernetAddress(mac(number)),
        dst_addr: EthernetAddress(ROUTER_MAC),
        ethertype: EthernetProtocol::Ipv4,
    };
    let sums = ChecksumCapabilities::default();
    let mut bytes = vec![0; ethernet.buffer_len() + ip.buffer_len() + ip.payload_len];
    let mut frame = EthernetFrame::new_unchecked(&mut bytes);
    ethernet.emit(&mut frame);
    let mut packet = Ipv4Packet::new_unchecked(frame.payload_mut());
    ip.emit(&mut packet, &sums);
    let mut datagram = UdpPacket::new_unchecked(packet.payload_mut());
    udp.emit(&mut datagram, &ip.src_addr.into(), &SINK.into(), CONTENT, |content| content.fill(0), &sums);
    bytes
}
