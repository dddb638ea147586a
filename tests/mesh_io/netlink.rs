//! The netlink socket with the two other parts of the kernel that it serves: nftables and generic.

use std::fmt::Write;
use std::net::Ipv4Addr;
use std::time::Duration;

use tequio::base::limit;
use tequio::platform::netlink::message::{ACK, Batch};
use tequio::platform::netlink::route::dump_head;
use tequio::platform::netlink::socket::{NetlinkError, NetlinkSocket, Protocol};

use crate::namespace::{Namespace, on_a_thread};

const SECOND: Duration = Duration::from_secs(1);

// include/uapi/linux/netfilter/nfnetlink.h and nf_tables.h
const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
const NEW_TABLE: u16 = 0x0a00;
const GET_TABLE: u16 = 0x0a01;
const DELETE_TABLE: u16 = 0x0a02;
const TABLE_NAME: u16 = 1;
/// `struct nfgenmsg` of the family inet.
const INET: [u8; 4] = [1, 0, 0, 0];

/// A batch of nftables messages, each about one table; returns their numbers too.
fn tables(socket: &mut NetlinkSocket, messages: &[(u16, &[u8])]) -> (Batch, Vec<u32>) {
    // Family 0, version 0, and the subsystem (nf_tables, 10) in network order.
    let frame = [0, 0, 0, 10];
    let mut batch = Batch::new();
    batch.message(BATCH_BEGIN, 0, socket.next_sequence(), &frame, |_| {});
    let mut numbers = Vec::new();
    for (kind, name) in messages {
        let sequence = socket.next_sequence();
        batch.message(*kind, ACK, sequence, &INET, |batch| batch.attribute(TABLE_NAME, name));
        numbers.push(sequence);
    }
    batch.message(BATCH_END, 0, socket.next_sequence(), &frame, |_| {});
    (batch, numbers)
}

#[test]
fn an_nftables_batch_is_answered_message_by_message_and_undone_by_one_refusal() {
    let namespace = Namespace::new();
    on_a_thread(async || {
        namespace.enter();
        let mut socket = NetlinkSocket::open(Protocol::Netfilter, &[]).expect("it opens");
        let (batch, _) = tables(&mut socket, &[(NEW_TABLE, b"one\0"), (NEW_TABLE, b"two\0")]);
        let answers = socket.exchange(&batch, SECOND, |_| {}).await.expect("it is answered");
        assert!(answers.all_good(), "{answers:?}");
        let (batch, numbers) = tables(
            &mut socket,
            &[(NEW_TABLE, b"three\0"), (DELETE_TABLE, b"absent\0"), (NEW_TABLE, b"four\0")],
        );
        let answers = socket.exchange(&batch, SECOND, |_| {}).await.expect("it is answered");
        assert_eq!(answers.unanswered, [0; 0]);
        assert_eq!(answers.refused.len(), 1, "{answers:?}");
        assert_eq!((answers.refused[0].sequence, answers.refused[0].errno), (numbers[1], libc::ENOENT));
        let names = socket
            .dump(
                GET_TABLE,
                &INET,
                |_| {},
                SECOND,
                |message| {
                    let name = message.attributes(4).find(|attribute| attribute.kind == TABLE_NAME)?;
                    Some(name.text().into_owned())
                },
            )
            .await
            .expect("it is answered");
        assert_eq!(names, ["one", "two"]);
    });
}

#[test]
fn a_batch_that_is_refused_at_its_begin_is_not_waited_for() {
    let namespace = Namespace::new();
    on_a_thread(async || {
        namespace.enter();
        let mut socket = NetlinkSocket::open(Protocol::Netfilter, &[]).expect("it opens");
        let mut batch = Batch::new();
        // Subsystem 4095 does not exist.
        let begin = socket.next_sequence();
        batch.message(BATCH_BEGIN, 0, begin, &[0, 0, 0x0f, 0xff], |_| {});
        let sequence = socket.next_sequence();
        batch.message(NEW_TABLE, ACK, sequence, &INET, |batch| batch.attribute(TABLE_NAME, b"one\0"));
        let answers = socket.exchange(&batch, Duration::from_secs(30), |_| {}).await.expect("it is answered");
        assert_eq!(answers.refused.len(), 1, "{answers:?}");
        assert_eq!(answers.refused[0].sequence, begin);
        assert!(!answers.all_good());
    });
}

#[test]
fn a_generic_family_is_looked_up_by_name() {
    on_a_thread(async || {
        let mut socket = NetlinkSocket::open(Protocol::Generic, &[]).expect("it opens");
        // The family of families: number 16, CTRL_CMD_GETFAMILY 3, CTRL_ATTR_FAMILY_ID 1 and _NAME 2.
        let head = [3, 1, 0, 0];
        let mut number = None;
        socket
            .request(
                16,
                0,
                &head,
                |batch| batch.attribute(2, b"nlctrl\0"),
                SECOND,
                |message| {
                    let id = message.attributes(4).find(|attribute| attribute.kind == 1);
                    number = id.and_then(|id| Some(u16::from_ne_bytes(id.value.try_into().ok()?)));
                },
            )
            .await
            .expect("it is answered");
        assert_eq!(number, Some(16));
        let unknown = socket.request(16, 0, &head, |batch| batch.attribute(2, b"no\0"), SECOND, |_| {}).await;
        let Err(NetlinkError::Refused(refusal)) = unknown else { panic!("{unknown:?}") };
        assert_eq!(refusal.errno, libc::ENOENT);
    });
}

#[test]
fn a_table_that_is_larger_than_we_accept_is_refused_and_the_socket_goes_on() {
    let namespace = Namespace::new();
    let mut lines = String::new();
    for number in 0..=limit::NETLINK_DUMP_ENTRIES as u32 {
        let address = Ipv4Addr::from_bits(0x0a00_0000 + number);
        writeln!(lines, "route add blackhole {address} table 7").expect("a string takes all");
    }
    namespace.ip_batch(&lines);
    on_a_thread(async || {
        namespace.enter();
        let mut socket = NetlinkSocket::open(Protocol::Route, &[]).expect("it opens");
        let head = dump_head(libc::AF_INET as u8, 7);
        let all = socket.dump(libc::RTM_GETROUTE, &head, |_| {}, SECOND, |_| Some(())).await;
        assert!(matches!(all, Err(NetlinkError::TooMany)), "{all:?}");
        let links = socket.dump(libc::RTM_GETLINK, &[0; 16], |_| {}, SECOND, |_| Some(())).await;
        assert_eq!(links.expect("it is answered").len(), 1);
    });
}
