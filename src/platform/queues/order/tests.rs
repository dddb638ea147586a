use super::*;
use crate::platform::netlink::message::Messages;
use crate::platform::queues::standing::{Kind, Standing};

/// What iproute2 6.1 sends, behind the header of netlink: `strace -xx -e sendmsg tc ...` on a little-endian machine, the
/// interface's number written as 7. Our spelling may leave out what says nothing.
#[cfg(target_endian = "little")]
mod recorded {
    use super::*;

    fn is(order: &Order, kind: u16, hex: &str) {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16).unwrap()).unwrap();
        let bytes: Vec<u8> = digits.chunks(2).map(|two| digit(two[0]) << 4 | digit(two[1])).collect();
        assert_eq!(order.0, kind);
        assert_eq!(order.2, bytes, "{hex}");
    }

    #[test]
    fn cake_is_what_tc_makes_of_it() {
        // tc qdisc replace dev eth0 root handle 7e90: cake bandwidth 4000kbit diffserv4 dual-dsthost nat ingress, without
        // the attribute 9 (autorate) of value 0.
        is(
            &cake(7, 4_000, Way::Down),
            libc::RTM_NEWQDISC,
            "00000000 07000000 0000907e ffffffff 00000000 0900 0100 63616b65 00000000 3000 0200
             0c000200 20a1070000000000 08000300 01000000 08000500 06000000 08000b00 01000000 08000f00 01000000",
        );
    }

    #[test]
    fn what_arrives_is_turned_round_as_tc_does_it() {
        // tc qdisc add dev eth0 handle ffff: ingress
        is(
            &ingress(7),
            libc::RTM_NEWQDISC,
            "00000000 07000000 0000ffff f1ffffff 00000000 0c000100 696e677265737300",
        );
        // tc filter add dev eth0 parent ffff:fff2 prio 32400 protocol all u32 match u32 0 0 action mirred egress redirect
        // dev tequio7 (number 9), which in tc's version also says what is 0 in ours.
        is(
            &redirect(7, 9, false),
            libc::RTM_NEWTFILTER,
            "00000000 07000000 00000000 f2ffffff 0003907e 08000100 75333200 6000 0200
             3800 0700 3400 0100 0b00 0100 6d697272656400 00 2400 0200
             2000 0200 00000000 00000000 04000000 00000000 00000000 01000000 09000000
             2400 0500 01000100 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
        );
    }

    #[test]
    fn what_arrives_gets_the_mark_of_its_flow_as_tc_does_it() {
        // The same with `action ctinfo dscp 0x7e000000 0x80000000 pipe` before mirred; tc also says a zone of 0.
        is(
            &redirect(7, 9, true),
            libc::RTM_NEWTFILTER,
            "00000000 07000000 00000000 f2ffffff 0003907e 08000100 75333200 9c00 0200
             7400 0700 3c00 0100 0b00 0100 6374696e666f00 00 2c00 0280
             1800 0300 00000000 00000000 03000000 00000000 00000000 0800 0500 0000007e 0800 0600 00000080
             3400 0200 0b00 0100 6d697272656400 00 2400 0200
             2000 0200 00000000 00000000 04000000 00000000 00000000 01000000 09000000
             2400 0500 01000100 00000000 00000000 00000000 00000000 00000000 00000000 00000000",
        );
    }

    #[test]
    fn classes_are_what_tc_makes_of_them() {
        let orders = classes(7, 4_000);
        // tc qdisc replace dev eth0 root handle 7e90: htb default 0x30
        is(
            &orders[2],
            libc::RTM_NEWQDISC,
            "00000000 07000000 0000907e ffffffff 00000000 08000100 68746200 1c000200
             18000200 03000000 0a000000 30000000 00000000 00000000",
        );
        // tc filter add dev eth0 parent 7e90: prio 1 protocol ip u32 match u32 0x05000000 0x0f00ff00 at 0
        // match u32 0 0x1fff at 4 match u32 0x00110000 0x00ff0000 at 8 classid 7e90:10
        is(
            &orders[10],
            libc::RTM_NEWTFILTER,
            "00000000 07000000 00000000 0000907e 08000100 08000100 75333200 5000 0200
             08000100 1000907e 4400 0500 01000300 00000000 00000000 00000000 0f00ff00 05000000 00000000 00000000
             00001fff 00000000 04000000 00000000 00ff0000 00110000 08000000 00000000",
        );
        // tc filter add dev eth0 parent 7e90: prio 2 protocol ipv6 u32 match u32 0x00001100 0xff00ff00 at 4 classid 7e90:10
        is(
            &orders[17],
            libc::RTM_NEWTFILTER,
            "00000000 07000000 00000000 0000907e 86dd0200 08000100 75333200 3000 0200
             08000100 1000907e 2400 0500 01000100 00000000 00000000 00000000 ff00ff00 00001100 04000000 00000000",
        );
        // tc filter add dev eth0 parent 7e90: prio 1 protocol ip u32 match u32 0x00a00000 0x00e00000 at 0 classid 7e90:10
        is(
            &orders[12],
            libc::RTM_NEWTFILTER,
            "00000000 07000000 00000000 0000907e 08000100 08000100 75333200 3000 0200
             08000100 1000907e 2400 0500 01000100 00000000 00000000 00000000 00e00000 00a00000 00000000 00000000",
        );
        // The head of tc class replace dev eth0 parent 7e90:1 classid 7e90:10 htb rate 1200kbit ceil 2000kbit burst 1750b
        // cburst 1850b quantum 1514 prio 0. There follow tables that the kernel reads no more, so that the cell's size is
        // 3 there, and 1750 octets are 0x2c809 there: tc counts in microseconds.
        is(
            &orders[4],
            libc::RTM_NEWTCLASS,
            "00000000 07000000 1000907e 0100907e 00000000 08000100 68746200 3400 0200 3000 0100
             00010000 ffff0000 f0490200 00010000 ffff0000 90d00300 13c80200 a9c30100 ea050000 00000000 00000000",
        );
    }
}

/// What is written can be read, in the order of whatever processor this is.
#[test]
fn what_is_ordered_is_found_again() {
    let read = |order: &Order| {
        let mut batch = Batch::new();
        batch.message(order.0, order.1, 1, &order.2, |_| {});
        Messages::new(batch.bytes()).next().and_then(|message| Standing::parse(&message)).unwrap()
    };
    let found = read(&cake(7, 4_000, Way::Up));
    let cake = Standing {
        interface: 7,
        handle: OURS,
        parent: ROOT,
        info: 0,
        kind: Kind::Cake,
        bytes_per_s: Some(500_000),
    };
    assert_eq!(found, cake);
    let orders = classes(7, 4_000);
    assert_eq!(read(&orders[2]), Standing { kind: Kind::Htb, bytes_per_s: None, ..cake });
    let whole = Standing { handle: OURS | WHOLE, parent: OURS, kind: Kind::Htb, ..cake };
    assert_eq!(read(&orders[3]), whole);
    let filter = read(&redirect(7, 9, true));
    assert_eq!((filter.parent, filter.info >> 16), (ARRIVING, PRIORITY));
}

#[test]
fn the_classes_of_any_rate_are_within_the_whole() {
    for kbit in [64, 100, 4_000, 100_000, 10_000_000] {
        assert!(CLASSES.iter().map(|(_, share, _)| share).sum::<u32>() <= 100);
        for order in classes(7, kbit).iter().filter(|order| order.0 == libc::RTM_NEWTCLASS) {
            let mut batch = Batch::new();
            batch.message(order.0, 0, 1, &order.2, |_| {});
            let message = Messages::new(batch.bytes()).next().unwrap();
            let rate = Standing::parse(&message).unwrap().bytes_per_s.unwrap();
            assert!((1_000..=bytes_per_s(kbit)).contains(&rate), "{kbit}: {rate}");
        }
    }
}

#[test]
fn a_class_is_for_each_dscp_that_the_standards_name() {
    let class_of =
        |octet: u32| CLASS_OF_DSCP.iter().find(|(mask, value, _)| octet & mask == *value).map(|row| row.2);
    // RFC 4594 and RFC 5865: CS6, EF, VOICE-ADMIT, CS5; AF41, CS4, AF31, AF21, CS2; best effort, CS1, AF11, LE.
    for (dscp, class) in [
        (48, Some(CALLS)),
        (46, Some(CALLS)),
        (44, Some(CALLS)),
        (40, Some(CALLS)),
        (34, Some(SCHOOL)),
        (32, Some(SCHOOL)),
        (26, Some(SCHOOL)),
        (18, Some(SCHOOL)),
        (16, Some(SCHOOL)),
        (0, None),
        (8, None),
        (10, None),
        (1, None),
    ] {
        assert_eq!(class_of(dscp << 2), class, "{dscp}");
    }
}
