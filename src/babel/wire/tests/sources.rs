//! The source prefix sub-TLV (RFC 9079 7.1): both ways, and every way in which it can be wrong.

use super::*;

#[test]
fn a_source_prefix_reads_what_it_writes() {
    both_ways(
        &[
            Tlv::Update(update("fd00:1::/64", 96)),
            Tlv::Update(update("fd00:1::/64 from fd77::/20", 256)),
            Tlv::Update(update("::/0 from 2001:db8::/32", 96)),
        ],
        "06 0a 0000 0200000000000007
         08 12 02 80 40 00 0640 0001 0060 fd00000100000000
         08 10 02 80 40 08 0640 0001 0100 80 04 14 fd7700
         08 11 02 80 00 00 0640 0001 0060 80 05 20 20010db8",
    );
    both_ways(
        &[Tlv::Update(Update::retraction(Some(prefix("::/0 from fd00::/8")), 1_600, SeqNo(1)))],
        "08 0e 02 80 00 00 0640 0001 ffff 80 02 08 fd",
    );
    both_ways(&[Tlv::RouteRequest(Some(prefix("::/0 from fd00::/8")))], "09 06 02 00 80 02 08 fd");
    both_ways(
        &[Tlv::RouteRequest(Some(prefix("10.0.0.0/8 from 10.1.4.0/22")))],
        "09 09 01 08 0a 80 04 16 0a0104",
    );
    let request = SeqnoRequest {
        prefix: prefix("fd00:1::/32 from fd77::/16"),
        router_id: ORIGIN,
        seqno: SeqNo(5),
        hop_count: 64,
    };
    both_ways(
        &[Tlv::SeqnoRequest(request)],
        "0a 17 02 20 0005 40 00 0200000000000007 fd000001 80 03 10 fd77",
    );
}

#[test]
fn the_source_of_ipv4_over_ipv6_next_hops_is_ipv4() {
    both_ways(
        &[Tlv::Update(update("10.1.0.0/22 from 10.2.0.0/16", 96))],
        "06 0a 0000 0200000000000007  08 12 04 80 16 00 0640 0001 0060 0a0100 80 03 10 0a02",
    );
}

#[test]
fn a_wrong_source_prefix_voids_its_tlv() {
    for (wrong, why) in [
        ("80 00", "no length"),
        ("80 01 00", "length 0"),
        ("80 02 00 fd", "length 0, with an octet"),
        ("80 02 10 fd", "too short"),
        ("80 12 81 fd000000000000000000000000000000 00", "longer than an address"),
        ("80 02 08 fd 80 02 08 fe", "two of them"),
        ("80 02 08 fd 80 02 08 fd", "the same twice"),
        ("80 02 08 ff", "multicast, which nothing comes from"),
    ] {
        let length = octets(wrong).len();
        for (kind, body) in [
            ("08", "02 00 08 00 0640 0001 ffff fd"),
            ("09", "02 08 fd"),
            ("0a", "02 08 0005 40 00 0200000000000007 fd"),
        ] {
            let total = octets(body).len() + length;
            let (tlvs, said) = read(&format!("{kind} {total:02x} {body} {wrong}"));
            let expected = match (kind, wrong) {
                // Who asks for it is told that it does not exist.
                (_, "80 02 08 ff") if kind != "08" => continue,
                (_, "80 02 08 ff") => TlvError::Martian,
                _ => TlvError::SourcePrefix,
            };
            assert_eq!((tlvs, said), (vec![], vec![expected]), "{kind}: {why}");
        }
    }
}

#[test]
fn octets_behind_a_source_prefix_and_bits_past_it_are_ignored() {
    let (tlvs, why) = read("08 11 02 00 08 00 0640 0001 ffff fd 80 04 0c fd7f ee");
    let retraction = Update::retraction(Some(prefix("fd00::/8 from fd70::/12")), 1_600, SeqNo(1));
    assert_eq!((tlvs, why), (vec![Tlv::Update(retraction)], vec![]));
}

#[test]
fn a_wildcard_has_no_source() {
    for wildcard in ["08 0e 00 00 00 00 0640 0001 ffff 80 02 08 fd", "09 06 00 00 80 02 08 fd"] {
        assert_eq!(read(wildcard), (vec![], vec![TlvError::SourcePrefix]), "{wildcard}");
    }
}

#[test]
fn where_no_source_prefix_belongs_it_is_an_unknown_mandatory_sub_tlv() {
    for (kind, body) in PLAIN_TLVS {
        let total = octets(body).len() + 4;
        let (tlvs, why) = read(&format!("{kind} {total:02x} {body} 80 02 08 fd"));
        assert_eq!((tlvs, why), (vec![], vec![TlvError::Mandatory]), "{kind}");
    }
}

#[test]
fn an_update_with_a_wrong_source_prefix_still_sets_the_parser_state() {
    let (tlvs, why) = read(
        "08 1c 02 c0 80 00 0640 0001 0060 fd000001000000000200000000000007 80 00
         08 0b 02 00 40 07 0640 0001 0060 05",
    );
    assert_eq!(why, [TlvError::SourcePrefix]);
    assert_eq!(tlvs, [Tlv::Update(update("fd00:1:0:5::/64", 96))]);
}

#[test]
fn another_mandatory_sub_tlv_beside_a_source_prefix_voids_the_tlv_all_the_same() {
    let (tlvs, why) = read("09 08 02 00 80 02 08 fd f0 00  09 08 02 00 f0 00 80 02 08 fd");
    assert_eq!((tlvs, why), (vec![], vec![TlvError::Mandatory; 2]));
}
