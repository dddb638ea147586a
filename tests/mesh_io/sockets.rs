//! Mesh sockets: Babel packets come through, everything else is counted.

use std::net::{Ipv6Addr, SocketAddrV6, UdpSocket};
use std::time::Duration;

use tequio::base::address::InterfaceIndex;
use tequio::platform::mesh_socket::{GROUP, MeshCounters, MeshSockets, PORT, Received};

use crate::namespace::{Namespace, on_a_thread};

/// One end of a cable.
struct End {
    namespace: Namespace,
    device: &'static str,
}

impl End {
    fn index(&self) -> InterfaceIndex {
        self.namespace.index(self.device)
    }

    fn address(&self) -> Ipv6Addr {
        self.namespace.link_local(self.device)
    }

    /// Opens the mesh socket of this end, in its namespace; call it on the test's thread.
    fn open(&self, sockets: &mut MeshSockets) {
        self.namespace.enter();
        sockets.open(self.index(), self.device, self.address()).expect("the socket opens");
    }

    /// A plain socket in this end's namespace, like any program's.
    fn stranger(&self, port: u16) -> UdpSocket {
        self.namespace.enter();
        UdpSocket::bind((Ipv6Addr::UNSPECIFIED, port)).expect("the port is free")
    }

    fn to(&self, address: Ipv6Addr) -> SocketAddrV6 {
        SocketAddrV6::new(address, PORT, 0, self.index().0)
    }

    fn up(&self) {
        self.namespace.ip(&format!("link set {} up", self.device));
    }
}

/// Two namespaces and a cable between them.
fn cable() -> (End, End) {
    let left = End { namespace: Namespace::new(), device: "mesh0" };
    let right = End { namespace: Namespace::new(), device: "mesh1" };
    connect(&left, &right);
    (left, right)
}

fn connect(left: &End, right: &End) {
    let name = right.namespace.name();
    left.namespace.ip(&format!("link add {} type veth peer name {} netns {name}", left.device, right.device));
    left.up();
    right.up();
    // No carrier on either end before both are up; with it comes the address.
    left.namespace.wait_for_link_local(left.device);
    right.namespace.wait_for_link_local(right.device);
}

fn counters(sockets: &MeshSockets, interface: InterfaceIndex) -> MeshCounters {
    *sockets.counters().find(|(index, _)| *index == interface).expect("it is open").1
}

/// Lets the sockets read until their counters are as wanted.
async fn until(sockets: &mut MeshSockets, interface: InterfaceIndex, wanted: impl Fn(&MeshCounters) -> bool) {
    while !wanted(&counters(sockets, interface)) {
        tokio::select! {
            received = sockets.next() => panic!("{received:?}"),
            () = tokio::time::sleep(Duration::from_millis(1)) => {}
        }
    }
}

#[test]
fn two_nodes_hear_each_other_by_group_and_by_address() {
    let (left, right) = cable();
    on_a_thread(async || {
        let (mut lefts, mut rights) = (MeshSockets::new(), MeshSockets::new());
        left.open(&mut lefts);
        right.open(&mut rights);
        assert!(lefts.send(left.index(), GROUP, b"to all"));
        let expected = Received {
            interface: right.index(),
            source: left.address(),
            destination: GROUP,
            bytes: b"to all".to_vec(),
        };
        assert_eq!(rights.next().await, expected);
        assert!(rights.send(right.index(), left.address(), b"to you"));
        let expected = Received {
            interface: left.index(),
            source: right.address(),
            destination: left.address(),
            bytes: b"to you".to_vec(),
        };
        assert_eq!(lefts.next().await, expected, "and not our own packet to the group");
        for (sockets, end) in [(&lefts, &left), (&rights, &right)] {
            let expected = MeshCounters { received: 1, sent: 1, ..MeshCounters::default() };
            assert_eq!(counters(sockets, end.index()), expected);
        }
        assert!(!lefts.send(InterfaceIndex(4_000), GROUP, b"nowhere"));
    });
}

#[test]
fn packets_leave_with_hop_limit_1_and_the_class_of_network_control() {
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrIn6, recvmsg, setsockopt, sockopt};
    let (left, right) = cable();
    on_a_thread(async || {
        let mut lefts = MeshSockets::new();
        let socket = right.stranger(PORT);
        socket.join_multicast_v6(&GROUP, right.index().0).expect("it joins");
        setsockopt(&socket, sockopt::Ipv6RecvHopLimit, &true).expect("it tells");
        setsockopt(&socket, sockopt::Ipv6RecvTClass, &true).expect("it tells");
        left.open(&mut lefts);
        for destination in [GROUP, right.address()] {
            assert!(lefts.send(left.index(), destination, b"packet"));
            let mut buffer = [0; 100];
            let mut slices = [std::io::IoSliceMut::new(&mut buffer)];
            let mut space = nix::cmsg_space!(i32, i32);
            let descriptor = std::os::fd::AsRawFd::as_raw_fd(&socket);
            let flags = MsgFlags::empty();
            let message =
                recvmsg::<SockaddrIn6>(descriptor, &mut slices, Some(&mut space), flags).expect("it comes");
            let told: Vec<ControlMessageOwned> = message.cmsgs().expect("they fit").collect();
            assert!(told.contains(&ControlMessageOwned::Ipv6HopLimit(1)), "{told:?}");
            assert!(told.contains(&ControlMessageOwned::Ipv6TClass(0xc0)), "{told:?}");
        }
    });
}

#[test]
fn what_is_no_babel_packet_is_dropped_and_counted() {
    let (left, right) = cable();
    left.namespace.ip("address add fd00::1/64 dev mesh0 nodad");
    right.namespace.ip("address add fd00::2/64 dev mesh1 nodad");
    on_a_thread(async || {
        let mut rights = MeshSockets::new();
        right.open(&mut rights);
        let index = right.index();
        let sends = |socket: &UdpSocket, bytes: &[u8], address: Ipv6Addr| {
            socket.send_to(bytes, left.to(address)).expect("it leaves");
        };
        let other_port = left.stranger(6697);
        sends(&other_port, b"wrong port", right.address());
        until(&mut rights, index, |counters| counters.wrong_port == 1).await;
        let global = UdpSocket::bind("[fd00::1]:6696").expect("an own address");
        sends(&global, b"from a global address", right.address());
        until(&mut rights, index, |counters| counters.wrong_source == 1).await;
        let babel = UdpSocket::bind(left.to(left.address())).expect("an own address");
        sends(&babel, b"to a global address", "fd00::2".parse().expect("an address"));
        until(&mut rights, index, |counters| counters.wrong_destination == 1).await;
        sends(&babel, &[0; 20_000], right.address());
        until(&mut rights, index, |counters| counters.too_long == 1).await;
        // Hop limit 64, from the right address and port: judged by nobody, but counted.
        sends(&babel, b"", right.address());
        assert_eq!(rights.next().await.bytes, b"");
        assert_eq!(counters(&rights, index).other_hop_limit, 1);
        assert_eq!(counters(&rights, index).received, 1);
    });
}

#[test]
fn an_interface_that_went_down_or_was_made_again_is_joined_again() {
    let (left, right) = cable();
    on_a_thread(async || {
        let (mut lefts, mut rights) = (MeshSockets::new(), MeshSockets::new());
        left.open(&mut lefts);
        right.open(&mut rights);
        right.open(&mut rights);
        right.namespace.ip("link set mesh1 down");
        // IPv6 off and on makes the kernel forget the group that the socket thinks it is in.
        right.namespace.sysctl("net/ipv6/conf/mesh1/disable_ipv6", "1");
        right.namespace.sysctl("net/ipv6/conf/mesh1/disable_ipv6", "0");
        right.up();
        right.namespace.wait_for_link_local("mesh1");
        right.open(&mut rights);
        assert!(lefts.send(left.index(), GROUP, b"again"));
        assert_eq!(rights.next().await.bytes, b"again");
        let (old_left, old_right) = (left.index(), right.index());
        right.namespace.ip("link del mesh1");
        assert!(!lefts.send(old_left, GROUP, b"into nothing"));
        assert_eq!(counters(&lefts, old_left).send_errors, 1);
        connect(&left, &right);
        // Its number may be the same in another namespace, so the daemon closes what is gone.
        lefts.close(old_left);
        rights.close(old_right);
        left.open(&mut lefts);
        right.open(&mut rights);
        assert!(lefts.send(left.index(), GROUP, b"made again"));
        assert_eq!(rights.next().await.bytes, b"made again");
        let missing = lefts.open(InterfaceIndex(4_000), "nothing0", GROUP).expect_err("it is not there");
        assert!(missing.to_string().contains("nothing0"), "{missing}");
        assert!(missing.to_string().contains("tried again"), "{missing}");
    });
}

#[test]
fn a_flood_on_one_interface_does_not_silence_another() {
    let (left, right) = cable();
    let quiet_left = End { namespace: Namespace::new(), device: "mesh2" };
    let quiet_right = "mesh3";
    let name = right.namespace.name();
    quiet_left.namespace.ip(&format!("link add mesh2 type veth peer name {quiet_right} netns {name}"));
    quiet_left.up();
    right.namespace.ip("link set mesh3 up");
    right.namespace.wait_for_link_local("mesh3");
    quiet_left.namespace.wait_for_link_local("mesh2");
    on_a_thread(async || {
        let (mut lefts, mut quiets, mut rights) =
            (MeshSockets::new(), MeshSockets::new(), MeshSockets::new());
        left.open(&mut lefts);
        quiet_left.open(&mut quiets);
        right.open(&mut rights);
        let quiet = right.namespace.index(quiet_right);
        rights.open(quiet, quiet_right, right.namespace.link_local(quiet_right)).expect("it opens");
        let bad = left.stranger(9_999);
        for _ in 0..100 {
            assert!(lefts.send(left.index(), GROUP, b"flood"));
            bad.send_to(b"bad", left.to(right.address())).expect("it leaves");
        }
        assert!(quiets.send(quiet_left.index(), GROUP, b"quiet"));
        let mut before = 0;
        while rights.next().await.interface != quiet {
            before += 1;
        }
        assert!(before <= 2, "{before} packets of the flood came first");
    });
}

#[test]
fn a_full_send_buffer_drops_and_counts() {
    let (left, _right) = cable();
    // Packets to a neighbour that never answers wait for its address, as many as we send.
    left.namespace.sysctl("net/ipv6/neigh/mesh0/unres_qlen_bytes", "100000000");
    on_a_thread(async || {
        let mut lefts = MeshSockets::new();
        left.open(&mut lefts);
        let nobody = "fe80::dead".parse().expect("an address");
        let mut sent = 0;
        while lefts.send(left.index(), nobody, &[0; 1_400]) {
            sent += 1;
        }
        assert_eq!(counters(&lefts, left.index()).send_full, 1);
        assert_eq!(counters(&lefts, left.index()).sent, sent);
    });
}
