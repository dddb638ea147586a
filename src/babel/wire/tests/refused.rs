//! What is void in a packet, and what must not be: the reader's refusals.

use super::*;

#[test]
fn a_short_default_prefix_and_a_long_omission_do_no_harm() {
    // The first update sets a default of 8 octets, the second leaves 9 out.
    let bytes =
        octets("2a020027 08120280400006400001ffff20010db800000000 081102008009 06400001ffff 00000000000000");
    assert_eq!(bytes.len(), 43);
    let packet = parse(&bytes, SOURCE).unwrap();
    let retraction = |text| Tlv::Update(Update::retraction(Some(prefix(text)), 1_600, SeqNo(1)));
    assert_eq!(packet.tlvs, [retraction("2001:db8::/64"), retraction("2001:db8::/128")]);
    // More left out than the prefix is long.
    let (tlvs, why) =
        read("08 12 02 80 40 00 0640 0001 ffff 20010db800000000 08 0a 02 00 08 09 0640 0001 ffff");
    assert_eq!((tlvs.len(), why), (1, vec![TlvError::Omitted]));
}

#[test]
fn omitted_octets_without_a_default_cost_only_that_update() {
    let good = "08 0c 02 00 09 00 0640 0001 ffff fdff";
    let (tlvs, why) = read(&format!("08 0b 02 00 10 01 0640 0001 ffff 00 {good}"));
    assert_eq!((tlvs.len(), why), (1, vec![TlvError::NoDefaultPrefix]));
    // A default in AE 1 is none in AE 4, and the other way round (RFC 9229).
    for (one, other) in [("01", "04"), ("04", "01"), ("02", "01")] {
        let (_, why) =
            read(&format!("08 0b {one} 80 08 00 0640 0001 ffff 0a 08 0a {other} 00 08 01 0640 0001 ffff"));
        assert_eq!(why, [TlvError::NoDefaultPrefix], "{one} {other}");
    }
}

#[test]
fn a_link_local_prefix_is_never_compressed() {
    let (tlvs, why) = read("08 0a 03 00 08 01 0640 0001 ffff");
    assert_eq!((tlvs, why), (vec![], vec![TlvError::Omitted]));
}

#[test]
fn a_route_needs_a_router_id_and_a_next_hop_and_a_retraction_neither() {
    let (tlvs, why) = read("08 0b 02 00 08 00 0640 0001 0060 fd 08 0b 02 00 08 00 0640 0001 ffff fd");
    assert_eq!((tlvs.len(), why), (1, vec![TlvError::NoRouterId]));
    let (tlvs, why) = read("06 0a 0000 0200000000000007 08 0b 01 00 08 00 0640 0001 0060 0a");
    assert_eq!((tlvs, why), (vec![], vec![TlvError::NoNextHop]));
}

#[test]
fn router_ids_of_zeros_or_ones_are_refused_and_name_nothing() {
    for wrong in ["0000000000000000", "ffffffffffffffff"] {
        let (tlvs, why) = read(&format!(
            "06 0a 0000 0200000000000007 06 0a 0000 {wrong} 08 0b 02 00 08 00 0640 0001 0060 fd"
        ));
        assert_eq!((tlvs, why), (vec![], vec![TlvError::RouterId, TlvError::NoRouterId]));
        let (_, why) = read(&format!("0a 0f 02 08 0005 40 00 {wrong} fd"));
        assert_eq!(why, [TlvError::RouterId]);
    }
}

#[test]
fn a_next_hop_of_no_encoding_is_ignored_and_the_source_stays() {
    for wrong in ["07 02 00 00", "07 06 04 00 0a000001", "07 03 01 00 0a"] {
        let (tlvs, why) =
            read(&format!("06 0a 0000 0200000000000007 {wrong} 08 0b 02 00 08 00 0640 0001 0060 fd"));
        assert_eq!(why.len(), 1, "{wrong}");
        assert_eq!(tlvs, [Tlv::Update(update("fd00::/8", 96))], "{wrong}");
    }
    let group = "07 12 02 00 ff020000000000000000000000010006";
    let (tlvs, why) =
        read(&format!("06 0a 0000 0200000000000007 {group} 08 0b 02 00 08 00 0640 0001 0060 fd"));
    assert_eq!((tlvs, why), (vec![], vec![TlvError::NextHop, TlvError::NoNextHop]));
}

#[test]
fn intervals_and_hop_counts_of_zero_are_refused() {
    for body in [
        "02 06 0000 1234 0000",
        "05 06 00 00 0060 0000",
        "08 0b 02 00 08 00 0000 0001 ffff fd",
        "08 0a 00 00 00 00 0000 0001 ffff",
    ] {
        assert_eq!(read(body), (vec![], vec![TlvError::Interval]), "{body}");
    }
    let (tlvs, why) = read("0a 0f 02 08 0005 00 00 0200000000000007 fd");
    assert_eq!((tlvs, why), (vec![], vec![TlvError::HopCount]));
}

#[test]
fn unknown_tlvs_and_what_belongs_into_the_trailer_are_ignored() {
    let hello = "04 06 0000 0009 0190";
    for unknown in [
        "0b 02 0000",
        "0c 00",
        "0d 01 00",
        "10 02 abcd",
        "11 04 00000001",
        "12 00",
        "13 00",
        "e0 01 00",
        "ff 00",
    ] {
        let (tlvs, why) = read(&format!("{unknown} {hello}"));
        assert_eq!((tlvs.len(), why), (1, vec![]), "{unknown}");
    }
    let mut bytes = packet(hello);
    bytes.extend_from_slice(&octets("10 02 abcd 08 ff"));
    assert_eq!(parse(&bytes, SOURCE).unwrap().tlvs.len(), 1, "the trailer is not read");
}

#[test]
fn a_mandatory_sub_tlv_in_any_tlv_voids_it_also_without_a_body() {
    for sub in ["f0 00", "81 02 0000", "00 01 01 00 ff 01 00", "70 00 f0 00"] {
        let length = octets(sub).len();
        let with_prefix = [
            ("08", "02 00 08 00 0640 0001 ffff fd"),
            ("08", "00 00 00 00 0640 0001 ffff"),
            ("09", "00 00"),
            ("09", "02 08 fd"),
            ("0a", "02 08 0005 40 00 0200000000000007 fd"),
        ];
        for (kind, body) in PLAIN_TLVS.into_iter().chain(with_prefix) {
            let total = octets(body).len() + length;
            let (tlvs, why) = read(&format!("{kind} {total:02x} {body} {sub}"));
            assert_eq!((tlvs, why), (vec![], vec![TlvError::Mandatory]), "{kind} {sub}");
        }
    }
}

#[test]
fn sub_tlvs_that_need_not_be_understood_change_nothing() {
    let (tlvs, why) = read("04 10 0000 0009 0190 00 03 04 00000001 70 02 ff");
    assert_eq!((tlvs.len(), why), (0, vec![TlvError::SubTlv]), "the last one ends past the TLV");
    let (tlvs, why) = read("04 10 0000 0009 0190 00 03 04 00000001 70 01 ff");
    assert_eq!((tlvs.len(), why), (1, vec![]));
}

#[test]
fn the_parser_state_is_set_even_by_a_tlv_that_is_ignored() {
    // Router-id, next hop, and an update's prefix, each in a TLV with an unknown mandatory sub-TLV.
    let (tlvs, why) = read(
        "06 0c 0000 0200000000000007 f0 00
         07 0c 03 00 0000000000000009 f0 00
         08 14 02 80 40 00 0640 0001 0060 fd00000100000000 f0 00
         08 0b 02 00 40 07 0640 0001 0060 05",
    );
    assert_eq!(why, [TlvError::Mandatory; 3]);
    let next_hop = Some("fe80::9".parse().unwrap());
    assert_eq!(tlvs, [Tlv::Update(Update { next_hop, ..update("fd00:1:0:5::/64", 96) })]);
}

#[test]
fn an_invalid_update_does_not_name_a_router() {
    // The flag asks for it, but the prefix is longer than an address.
    let (tlvs, why) = read(
        "06 0a 0000 0200000000000007
         08 1b 02 c0 81 00 0640 0001 0060 fd00000000000000ffffffffffffff0000
         08 0b 02 00 08 00 0640 0001 0060 fd",
    );
    assert_eq!(why, [TlvError::PrefixLength]);
    assert_eq!(tlvs, [Tlv::Update(update("fd00::/8", 96))]);
}

#[test]
fn prefixes_that_nobody_can_route_to_are_refused() {
    for (ae, length, prefix) in [
        ("02", "40", "fe80000000000000"),
        ("02", "10", "ff02"),
        ("02", "80", "00000000000000000000000000000001"),
        ("03", "40", "0000000000000001"),
        ("04", "08", "7f"),
        ("04", "20", "e0000001"),
        ("01", "20", "00000000"),
    ] {
        let body = format!("{ae} 00 {length} 00 0640 0001 ffff {prefix}");
        let (tlvs, why) = read(&format!("08 {:02x} {body}", octets(&body).len()));
        assert_eq!((tlvs, why), (vec![], vec![TlvError::Martian]), "{prefix}/{length}");
    }
    for default in ["02", "04"] {
        assert_eq!(
            read(&format!("08 0a {default} 00 00 00 0640 0001 ffff")).1,
            [],
            "a default route is fine"
        );
    }
}

#[test]
fn requests_for_everything_with_a_prefix_length_are_refused() {
    assert_eq!(read("09 02 00 08"), (vec![], vec![TlvError::Wildcard]));
    assert_eq!(read("0a 0e 00 00 0005 40 00 0200000000000007").1, [TlvError::AddressEncoding]);
    assert_eq!(read("05 0a 04 00 0060 04b0 0a000001").1, [TlvError::AddressEncoding]);
}

#[test]
fn a_request_for_what_nobody_can_route_to_is_refused() {
    assert_eq!(read("0909 0331 00000000000000").1, [TlvError::Martian]);
    assert_eq!(read("0904 0108 7f00").1, [TlvError::Martian]);
}

#[test]
fn a_short_tlv_costs_only_itself() {
    let hello = "04 06 0000 0009 0190";
    for short in ["02 05 0000 1234 00", "04 00", "05 07 03 00 0060 04b0 00", "08 09 02 00 08 00 0640 0001 ff"]
    {
        let (tlvs, why) = read(&format!("{short} {hello}"));
        assert_eq!((tlvs.len(), why), (1, vec![TlvError::Short]), "{short}");
    }
}

#[test]
fn a_broken_frame_costs_the_packet() {
    let broken = |hex: &str| parse(&octets(hex), SOURCE).unwrap_err();
    assert_eq!(broken("2a 02 00"), PacketError::Short);
    assert_eq!(broken("2b 02 0000"), PacketError::Magic);
    assert_eq!(broken("2a 03 0000"), PacketError::Version);
    assert_eq!(broken("2a 02 0001"), PacketError::BodyLength);
    assert_eq!(broken("2a 02 0001 04"), PacketError::Truncated(4));
    assert_eq!(broken("2a 02 000a 04 06 0000 0009 0190 08 01"), PacketError::Truncated(12));
    let many = "03 02 0000".repeat(4_097);
    assert_eq!(parse(&packet(&many), SOURCE).unwrap_err(), PacketError::TooMany);
}

#[test]
fn reserved_fields_and_unknown_flags_do_not_matter() {
    for body in [
        "02 06 ffff 1234 0014",
        "04 06 7fff 0009 0190",
        "05 06 00 ff 0060 04b0",
        "06 0a ffff 0200000000000007 08 0b 02 3f 08 00 0640 0001 0060 fd",
        "07 0a 03 ff 0000000000000009",
        "0a 0f 02 08 0005 40 ff 0200000000000007 fd",
        "01 03 ffffff",
    ] {
        assert_eq!(read(body).1, [], "{body}");
    }
    assert_eq!(
        read("04 06 7fff 0009 0190").0,
        [Tlv::Hello { unicast: false, seqno: SeqNo(9), interval_cs: 400 }]
    );
}
