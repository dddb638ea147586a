use super::*;
use crate::base::random::Random;

const COMMUNITY: [u8; 32] = {
    let mut bytes = [0; 32];
    let mut at = 0;
    while at < 32 {
        bytes[at] = at as u8;
        at += 1;
    }
    bytes
};

fn coupon() -> CouponKey {
    CouponKey::new([7; 32])
}

fn code(issuer: u16, lot: u64, index: u16) -> Code {
    make(&COMMUNITY, &coupon(), &IssuerKey::new([9; 32]), IssuerNumber(issuer), LotId(lot), index)
}

fn whole_chain(code: Code) -> (Verifier, Proof) {
    Chain::new(&COMMUNITY, code).advance(u32::MAX).expect("all steps were asked for")
}

/// Computed by an independent implementation (Python's hashlib) from the same rules.
#[test]
fn golden_codes_and_chains() {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for (issuer, lot, index, text, verifier, proof) in [
        (
            1,
            0x1122_3344_5566_7788,
            0,
            "03Y6-JYNH-1PR6",
            "955412454918ad83",
            "e5fd93fc66d9829c679e9468f21db973",
        ),
        (511, 5, 199, "ZZXB-B58D-R9PV", "29b721e015a203b4", "68016715305dd7923c9e48c37f768a24"),
        (42, u64::MAX, u16::MAX, "2N2K-4QQA-YKKC", "325e580c6a7e944d", "277c79deee76798b6170cd915fe47826"),
    ] {
        let code = code(issuer, lot, index);
        assert_eq!(code.to_string(), text);
        assert_eq!(code.issuer(), IssuerNumber(issuer));
        let (found, found_proof) = whole_chain(code);
        assert_eq!((found.to_string().as_str(), hex(&found_proof.0).as_str()), (verifier, proof));
        assert!(proof_fits(&COMMUNITY, code.issuer(), &found_proof, found));
    }
}

#[test]
fn a_code_is_read_in_every_spelling() {
    let code = Code::parse("0123-ABCD-1JKM").unwrap();
    for spelling in [
        "0123ABCD1JKM",
        "0123abcd1jkm",
        " o123 abcd ljkm\r\n",
        "O123-ABCD-IJKM",
        "o-1-2-3-a-b-c-d-i-j-k-m",
        "0123\u{2013}abcd\u{2014}1jkm",
        "0123\u{a0}abcd\u{2011}1jkm\u{200b}",
    ] {
        assert_eq!(Code::parse(spelling), Ok(code), "{spelling:?}");
    }
    assert_eq!(code.to_string(), "0123-ABCD-1JKM");
    for (wrong, why) in [
        ("", CodeError::Length { symbols: 0 }),
        ("0123-ABCD-1JK", CodeError::Length { symbols: 11 }),
        ("0123-ABCD-1JKMN-and-more", CodeError::Length { symbols: 20 }),
        ("0123-ABCU-1JKM", CodeError::Symbol { symbol: 'U' }),
        ("0123-ABC\u{e9}-1JKM", CodeError::Symbol { symbol: '\u{e9}' }),
        ("0123-ABC\0-1JKM", CodeError::Symbol { symbol: '\0' }),
    ] {
        assert_eq!(Code::parse(wrong), Err(why));
    }
}

#[test]
fn a_code_reads_what_it_writes_and_is_its_three_parts() {
    let mut random = Random::new(3);
    for _ in 0..2_000 {
        let code = Code::from_bits(random.u64());
        assert_eq!(Code::parse(&code.to_string()), Ok(code));
        assert_eq!(Code::parse(&code.to_string().to_lowercase().replace('0', "o")), Ok(code));
        let parts = u64::from(code.issuer().0) << 51 | code.secret() << 18 | u64::from(code.tag());
        assert_eq!(parts, code.bits());
    }
    assert_eq!(Code::from_bits(u64::MAX).to_string(), "ZZZZ-ZZZZ-ZZZZ");
}

/// All single errors and swaps of neighbours: about 380 of each code, of which one in 2^18 passes for each secret held.
#[test]
fn the_tag_catches_wrong_symbols_and_swapped_neighbours() {
    for (codes, secrets) in [(10_000, 1), (600, 8)] {
        let keys: Vec<CouponKey> = (0..secrets).map(|at| CouponKey::new([7 + at; 32])).collect();
        assert!(tag_fits(&COMMUNITY, &keys[0], code(1, 0, 0)), "the first one is that of the codes");
        let (mut tried, mut passed) = (0_u64, 0_u64);
        for index in 0..codes {
            let right: Vec<u8> =
                code(1 + index % 511, u64::from(index), index).to_string().replace('-', "").into();
            for text in spoilt(&right) {
                let code = Code::parse(std::str::from_utf8(&text).unwrap()).unwrap();
                tried += 1;
                passed += u64::from(keys.iter().any(|key| tag_fits(&COMMUNITY, key, code)));
            }
        }
        assert!(tried > 380 * u64::from(codes) - 10 * u64::from(codes), "{tried}");
        let most = 3 * u64::from(secrets) * tried / (1 << 18);
        assert!((1..=most).contains(&passed), "{passed} of {tried} under {secrets} secrets, at most {most}");
    }
}

/// A code with one wrong symbol, or two neighbours swapped.
fn spoilt(right: &[u8]) -> Vec<Vec<u8>> {
    let mut wrong = Vec::new();
    for position in 0..right.len() {
        for &symbol in ALPHABET {
            let mut text = right.to_vec();
            text[position] = symbol;
            wrong.push(text);
        }
        let mut text = right.to_vec();
        text.swap(position, (position + 1).min(right.len() - 1));
        wrong.push(text);
    }
    wrong.retain(|text| text != right);
    wrong
}

#[test]
fn no_code_is_good_for_another_key_or_community() {
    let code = code(3, 4, 5);
    assert!(tag_fits(&COMMUNITY, &coupon(), code));
    assert!(!tag_fits(&COMMUNITY, &CouponKey::new([8; 32]), code));
    assert!(!tag_fits(&[1; 32], &coupon(), code));
    let (verifier, proof) = whole_chain(code);
    assert!(!proof_fits(&[1; 32], code.issuer(), &proof, verifier));
    assert!(!proof_fits(&COMMUNITY, IssuerNumber(4), &proof, verifier));
    assert!(!proof_fits(&COMMUNITY, code.issuer(), &Proof([0; 16]), verifier));
}

#[test]
fn codes_of_a_lot_and_of_two_lots_differ() {
    let mut codes: Vec<_> = (0..200).flat_map(|index| [code(7, 1, index), code(7, 2, index)]).collect();
    codes.sort();
    codes.dedup();
    assert_eq!(codes.len(), 400);
    let other = make(&COMMUNITY, &coupon(), &IssuerKey::new([1; 32]), IssuerNumber(7), LotId(1), 0);
    assert!(!codes.contains(&other));
}

#[test]
fn slices_of_any_size_end_in_the_same_verifier() {
    let code = code(3, 4, 5);
    let whole = whole_chain(code);
    for slice in [1, 7, 1_000, Chain::STEPS - 1, Chain::STEPS] {
        let mut chain = Chain::new(&COMMUNITY, code);
        let mut slices = 1;
        let done = loop {
            if let Some(done) = chain.advance(slice) {
                break done;
            }
            slices += 1;
        };
        assert_eq!(done, whole);
        assert_eq!(slices, Chain::STEPS.div_ceil(slice));
        assert_eq!(chain.advance(0), Some(whole));
        assert_eq!(chain.advance(9), Some(whole));
    }
    assert_eq!(Chain::new(&COMMUNITY, code).advance(0), None);
}

#[test]
fn secrets_do_not_print_themselves() {
    let code = code(3, 4, 5);
    let printed =
        format!("{code:?} {:?} {:?} {:?}", coupon(), IssuerKey::new([9; 32]), Chain::new(&COMMUNITY, code));
    assert_eq!(printed, "Code(..) CouponKey(..) IssuerKey(..) Chain(..)");
}
