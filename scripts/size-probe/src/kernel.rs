//! What the daemon says to the kernel: netlink in single messages, socket options, packets of its own.
#![allow(dead_code)]

#[cfg(feature = "netlink")]
pub(crate) fn netlink(input: &[u8]) -> String {
    use netlink_packet_core::{Emitable, NlasIterator, Parseable};
    use netlink_packet_route::AddressFamily;
    use netlink_packet_route::address::AddressMessage;
    use netlink_packet_route::route::{
        RouteAddress, RouteAttribute, RouteMessage, RouteProtocol, RouteScope, RouteType, RouteVia,
    };
    use netlink_packet_route::rule::{RuleAttribute, RuleMessage};
    use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

    let number = input.len() as u32;
    let mut route = RouteMessage::default();
    route.header.address_family = AddressFamily::Inet;
    route.header.destination_prefix_length = 24;
    route.header.protocol = RouteProtocol::Babel;
    route.header.scope = RouteScope::Universe;
    route.header.kind = RouteType::Unicast;
    route.attributes.push(RouteAttribute::Destination(RouteAddress::Inet(number.into())));
    route.attributes.push(RouteAttribute::Via(RouteVia::Inet6(u128::from(number).into())));
    route.attributes.push(RouteAttribute::Oif(number));
    route.attributes.push(RouteAttribute::Priority(1042));
    route.attributes.push(RouteAttribute::Table(number));
    let mut rule = RuleMessage::default();
    rule.attributes.push(RuleAttribute::Table(number));
    rule.attributes.push(RuleAttribute::Priority(number));
    let mut bytes = vec![0; route.buffer_len() + rule.buffer_len()];
    route.emit(&mut bytes);
    rule.emit(&mut bytes[route.buffer_len()..]);

    let links = NlasIterator::new(input).filter_map(Result::ok).filter(|attribute| attribute.kind() == 3).count();
    let seen = format!(
        "{:?} {:?} {:?} {:?} {links}",
        RouteMessage::parse(&bytes),
        RouteMessage::parse(input).map_err(|error| error.to_string()),
        AddressMessage::parse(input).map_err(|error| error.to_string()),
        RuleMessage::parse(input).map_err(|error| error.to_string()),
    );
    let sent = Socket::new(NETLINK_ROUTE).and_then(|mut socket| {
        socket.bind_auto()?;
        socket.set_non_blocking(true)?;
        socket.set_ext_ack(true)?;
        socket.set_rx_buf_sz(1_048_576)?;
        socket.add_membership(7)?;
        socket.send_to(&bytes, &SocketAddr::new(0, 0), 0)?;
        socket.recv_from_full()
    });
    // `Debug` of the messages is what nobody would ship; the fields are what the daemon reads.
    format!("{} {:?}", seen.len(), sent.map(|(bytes, _)| bytes.len()).map_err(|error| error.to_string()))
}

#[cfg(feature = "wifi")]
pub(crate) fn wifi(input: &[u8]) -> String {
    use netlink_packet_core::{NlasIterator, Parseable};
    use wl_nl80211::{Nl80211RateInfo, Nl80211StationInfo, Nl80211SurveyInfo};

    let (mut signal, mut rate, mut busy) = (0, 0, 0);
    for attribute in NlasIterator::new(input).filter_map(Result::ok) {
        match Nl80211StationInfo::parse(&attribute) {
            Ok(Nl80211StationInfo::Signal(dbm)) => signal += i64::from(dbm),
            Ok(Nl80211StationInfo::TxRetries(count)) => signal += i64::from(count),
            Ok(Nl80211StationInfo::TxBitrate(rates)) => {
                for one in rates {
                    if let Nl80211RateInfo::Bitrate(hundred_kbps) = one {
                        rate += u64::from(hundred_kbps);
                    }
                }
            }
            _ => {}
        }
        if let Ok(Nl80211SurveyInfo::BusyTime(ms)) = Nl80211SurveyInfo::parse(&attribute) {
            busy += ms;
        }
    }
    format!("{signal} {rate} {busy}")
}

#[cfg(feature = "nix")]
pub(crate) fn sockets(input: &[u8]) -> String {
    use std::io::{IoSlice, IoSliceMut};
    use std::os::fd::AsRawFd;

    use nix::fcntl::{Flock, FlockArg};
    use nix::net::if_::{if_indextoname, if_nameindex, if_nametoindex};
    use nix::sys::socket::{
        AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockType, SockaddrIn6, bind, recvmsg, sendmsg,
        setsockopt, socket, sockopt,
    };

    let run = || -> nix::Result<String> {
        let index = if_nametoindex("lo")?;
        let own = socket(AddressFamily::Inet6, SockType::Datagram, SockFlag::SOCK_NONBLOCK, None)?;
        setsockopt(&own, sockopt::Ipv6V6Only, &true)?;
        setsockopt(&own, sockopt::Ipv6RecvPacketInfo, &true)?;
        setsockopt(&own, sockopt::ReuseAddr, &true)?;
        setsockopt(&own, sockopt::RcvBuf, &65_536)?;
        let address: std::net::SocketAddrV6 = "[::1]:0".parse().map_err(|_| nix::Error::EINVAL)?;
        bind(own.as_raw_fd(), &SockaddrIn6::from(address))?;
        let here: SockaddrIn6 = nix::sys::socket::getsockname(own.as_raw_fd())?;
        sendmsg(own.as_raw_fd(), &[IoSlice::new(input)], &[], MsgFlags::empty(), Some(&here))?;
        let mut bytes = [0; 2048];
        let mut parts = [IoSliceMut::new(&mut bytes)];
        let mut control = nix::cmsg_space!(nix::libc::in6_pktinfo);
        let got = recvmsg::<SockaddrIn6>(own.as_raw_fd(), &mut parts, Some(&mut control), MsgFlags::empty())?;
        let inside = got.cmsgs()?.any(|part| matches!(part, ControlMessageOwned::Ipv6PacketInfo(_)));
        let names = if_nameindex()?.iter().count();
        Ok(format!("{} {inside} {names} {:?}", got.bytes, if_indextoname(index)))
    };
    let lock = std::fs::File::open("/").ok().map(|file| Flock::lock(file, FlockArg::LockExclusiveNonblock).is_ok());
    format!("{:?} {lock:?} {}", run(), nix::unistd::geteuid())
}

#[cfg(feature = "wire")]
pub(crate) fn wire(input: &[u8]) -> String {
    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::wire::{
        ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, EthernetRepr,
        Icmpv6Packet, Icmpv6Repr, Ipv4Address, Ipv6Address, Ipv6Packet, Ipv6Repr, NdiscRepr,
    };

    let mut bytes = [0; 14 + 28];
    let own = EthernetAddress([2, 0, 0, 0, 0, input.len() as u8]);
    let ether = EthernetRepr { src_addr: own, dst_addr: EthernetAddress::BROADCAST, ethertype: EthernetProtocol::Arp };
    let mut frame = EthernetFrame::new_unchecked(&mut bytes[..]);
    ether.emit(&mut frame);
    let probe = ArpRepr::EthernetIpv4 {
        operation: ArpOperation::Request,
        source_hardware_addr: own,
        source_protocol_addr: Ipv4Address::UNSPECIFIED,
        target_hardware_addr: EthernetAddress::BROADCAST,
        target_protocol_addr: Ipv4Address::new(10, 77, 4, input.len() as u8),
    };
    probe.emit(&mut ArpPacket::new_unchecked(frame.payload_mut()));
    let sum: u32 = bytes.iter().map(|&byte| u32::from(byte)).sum();

    let target = Ipv6Address::new(0xfe80, 0, 0, 0, 0, 0, 0, input.len() as u16);
    let solicit = Icmpv6Repr::Ndisc(NdiscRepr::NeighborSolicit { target_addr: target, lladdr: Some(own.into()) });
    let mut body = vec![0; solicit.buffer_len()];
    let sums = ChecksumCapabilities::default();
    solicit.emit(&target, &target, &mut Icmpv6Packet::new_unchecked(&mut body[..]), &sums);

    let heard = EthernetFrame::new_checked(input).ok().map(|frame| match frame.ethertype() {
        EthernetProtocol::Arp => {
            let arp = ArpPacket::new_checked(frame.payload()).and_then(|packet| ArpRepr::parse(&packet));
            arp.is_ok_and(|arp| matches!(arp, ArpRepr::EthernetIpv4 { operation: ArpOperation::Reply, .. }))
        }
        EthernetProtocol::Ipv6 => Ipv6Packet::new_checked(frame.payload()).is_ok_and(|packet| {
            let Ok(header) = Ipv6Repr::parse(&packet) else { return false };
            let advert = Icmpv6Packet::new_checked(packet.payload())
                .and_then(|icmp| Icmpv6Repr::parse(&header.src_addr, &header.dst_addr, &icmp, &sums).map(|repr| {
                    matches!(repr, Icmpv6Repr::Ndisc(NdiscRepr::NeighborAdvert { .. }))
                }));
            advert.unwrap_or(false)
        }),
        _ => false,
    });
    format!("{sum} {} {heard:?}", body.len())
}
