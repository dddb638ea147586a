//! Colour and logo of the community.

use super::super::body::Look;
use super::super::{Body, Kind};
use super::village::busy;

/// One grey dot.
pub(crate) fn dot() -> Vec<u8> {
    let head = chunk(b"IHDR", &[0, 0, 0, 1, 0, 0, 0, 1, 8, 0, 0, 0, 0]);
    let data = chunk(b"IDAT", &[0x78, 1, 1, 2, 0, 0xfd, 0xff, 0, 0x80, 0, 0x82, 0, 0x81]);
    [SIGNATURE, &head, &data, &chunk(b"IEND", &[])].concat()
}

fn chunk(name: &[u8; 4], content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    // Nobody here adds up the sums.
    [&length[..], name, content, &[0; 4]].concat()
}

fn fault(logo: Vec<u8>) -> Option<&'static str> {
    Body::Look(Box::new(Look { colour: None, logo })).fault()
}

#[test]
fn a_logo_is_a_small_whole_png_and_nothing_else() {
    assert_eq!(fault(Vec::new()), None, "none");
    assert_eq!(fault(dot()), None);
    let with = |head: &[u8], more: &[u8]| {
        [SIGNATURE, &chunk(b"IHDR", head), more, &chunk(b"IDAT", &[0]), &chunk(b"IEND", &[])].concat()
    };
    let head = |width: [u8; 4], height: [u8; 4]| [&width[..], &height, &[8, 2, 0, 0, 0]].concat();
    assert_eq!(fault(with(&head([0, 0, 1, 0], [0, 0, 1, 0]), &chunk(b"tEXt", b"x"))), None, "256 dots");
    for (width, height) in
        [([0, 0, 1, 1], [0, 0, 0, 9]), ([0, 0, 0, 9], [0; 4]), ([1, 0, 0, 1], [0, 0, 0, 1])]
    {
        let said = fault(with(&head(width, height), &[]));
        assert_eq!(said, Some("a logo is at most 256 dots wide and high"), "{width:?} {height:?}");
    }
    let good = head([0, 0, 0, 9], [0, 0, 0, 9]);
    let whole = Some("a logo is a whole PNG, and nothing behind it");
    for logo in [
        with(&good, &chunk(b"acTL", &[0; 8])),
        with(&good, &chunk(b"IHDR", &good)),
        with(&good, &[0xff; 4]),
        [dot(), b"<svg>".to_vec()].concat(),
        [SIGNATURE, &chunk(b"IHDR", &good), &chunk(b"IEND", &[])].concat(),
        [SIGNATURE, &chunk(b"IDAT", &good), &chunk(b"IEND", &[])].concat(),
        SIGNATURE.to_vec(),
    ] {
        assert_eq!(fault(logo.clone()), whole, "{logo:?}");
    }
    for end in 9..dot().len() {
        assert_eq!(fault(dot()[..end].to_vec()), whole, "cut at {end}");
    }
    for logo in [&b"GIF89a"[..], b"<svg onload=alert(1)>", &dot()[1..]] {
        assert_eq!(fault(logo.to_vec()), Some("a logo is a PNG"));
    }
    assert_eq!(fault(vec![0; 4_097]), Some("a logo has at most 4,096 bytes"));
    assert!(Body::Look(Box::new(Look { colour: Some(0x0100_0000), logo: Vec::new() })).fault().is_some());
}

#[test]
fn the_root_alone_says_how_the_community_looks_and_the_latest_word_counts() {
    let mut village = busy();
    assert_eq!(village.root.ledger.look().and_then(|look| look.colour), Some(0x12_34_56));
    village.root.write(Body::Look(Box::new(Look { colour: Some(1), logo: Vec::new() }))).unwrap();
    assert_eq!(village.root.ledger.look(), Some(&Look { colour: Some(1), logo: Vec::new() }));
    assert_eq!(village.root.ledger.records().filter(|record| record.kind == Kind::Look).count(), 1);
    assert!(village.seller.write(Body::Look(Box::default())).is_err());
}

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
