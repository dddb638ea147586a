//! Tests of the vault.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::*;
use crate::ledger;
use crate::ledger::kind::Kind;

/// A folder of this test alone, gone at its end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tequio-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

const BOARD: Option<MacAddress> = Some(MacAddress([2, 0, 0x5e, 0x10, 0, 1]));
const OTHER: Option<MacAddress> = Some(MacAddress([2, 0, 0x5e, 0x10, 0, 2]));

#[test]
fn keys_are_made_once_and_for_their_owner_only() {
    let folder = Folder::new("keys-once");
    let (mut first, opened) = KeyVault::open(&folder.0, BOARD).unwrap();
    assert_eq!(opened, Opened::Made);
    let mode = fs::metadata(folder.0.join("keys")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(fs::metadata(&folder.0).unwrap().permissions().mode() & 0o777, 0o700);
    let (mut second, opened) = KeyVault::open(&folder.0, BOARD).unwrap();
    assert_eq!(opened, Opened::Found);
    assert_eq!(first.sign_key(), second.sign_key());
    assert_eq!(first.dh_key(), second.dh_key());
    assert_eq!(first.sign(b"x"), second.sign(b"x"));
    let files: Vec<_> = fs::read_dir(&folder.0).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["keys"], "no draft stays behind");
}

#[test]
fn a_copied_image_is_another_node() {
    let folder = Folder::new("keys-board");
    let (mut first, _) = KeyVault::open(&folder.0, BOARD).unwrap();
    let (mut second, opened) = KeyVault::open(&folder.0, OTHER).unwrap();
    assert_eq!(opened, Opened::MadeAnew { before: BOARD.unwrap() });
    assert_ne!(first.sign_key(), second.sign_key());
    assert!(folder.0.join("keys.02-00-5e-10-00-01").exists(), "the old identity is put aside, not lost");
    let (mut third, opened) = KeyVault::open(&folder.0, None).unwrap();
    assert_eq!((opened, third.sign_key()), (Opened::Found, second.sign_key()), "no address, no verdict");
}

#[test]
fn a_damaged_key_file_is_never_replaced_in_silence() {
    let folder = Folder::new("keys-damaged");
    drop(KeyVault::open(&folder.0, BOARD).unwrap());
    let path = folder.0.join("keys");
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() - 1 {
        let mut bad = good.clone();
        bad[at] ^= 1;
        fs::write(&path, &bad).unwrap();
        assert!(KeyVault::open(&folder.0, BOARD).is_err(), "byte {at}");
        assert_eq!(fs::read(&path).unwrap(), bad);
    }
    fs::write(&path, &good[..good.len() / 2]).unwrap();
    let Err(error) = KeyVault::open(&folder.0, BOARD) else { panic!("half a file opened") };
    let text = error.to_string();
    assert!(text.contains("its last line is missing") && text.contains("Restore it"), "{text}");
}

fn share_for(vault: &KeyVault, secrets: &Secrets, epoch: u32) -> (Vec<u8>, Vec<u8>) {
    let context = ledger::share_context(&COMMUNITY, Kind::Grant, epoch, &[1; 32]);
    let sealed = seal::seal(&vault.dh_key(), &context, &secrets.to_bytes()).unwrap();
    (context, sealed)
}

const COMMUNITY: [u8; 32] = [9; 32];

/// A vault that holds one epoch, and the secrets of it.
fn ready() -> (KeyVault, Secrets) {
    let mut vault = KeyVault::fresh().unwrap();
    let secrets = Secrets::random().unwrap();
    let (context, sealed) = share_for(&vault, &secrets, 1);
    vault.set_community(COMMUNITY);
    assert!(vault.open_share(1, &context, &sealed));
    (vault, secrets)
}

fn finish(vault: &mut KeyVault, work: WorkId) -> (CodeDone, u32) {
    for slices in 1..=64 {
        if let Some(done) = vault.advance(work) {
            return (done, slices);
        }
    }
    panic!("the chain does not end");
}

#[test]
fn a_code_that_was_issued_checks_at_another_node() {
    let (mut seller, secrets) = ready();
    let mut other = KeyVault::fresh().unwrap();
    other.set_community(COMMUNITY);
    let (context, sealed) = share_for(&other, &secrets, 1);
    assert!(other.open_share(1, &context, &sealed));

    let work = seller.begin_issue(IssuerNumber(7), LotId(3), 0).unwrap();
    let (issued, slices) = finish(&mut seller, work);
    assert_eq!(slices, 16);
    assert_eq!(seller.advance(work), None, "an answer is given once");
    let work = other.begin_check(&issued.code).unwrap();
    let (checked, _) = finish(&mut other, work);
    assert_eq!(checked, issued);
    assert!(ledger::proof::proof_fits(&COMMUNITY, IssuerNumber(7), &issued.proof, issued.verifier));
    assert!(!ledger::proof::proof_fits(&COMMUNITY, IssuerNumber(8), &issued.proof, issued.verifier));

    let again = seller.begin_issue(IssuerNumber(7), LotId(3), 0).unwrap();
    assert_eq!(finish(&mut seller, again).0, issued, "the issuer can print it again");
    let next = seller.begin_issue(IssuerNumber(7), LotId(3), 1).unwrap();
    assert_ne!(finish(&mut seller, next).0, issued);
    let elsewhere = other.begin_issue(IssuerNumber(7), LotId(3), 0).unwrap();
    assert_ne!(finish(&mut other, elsewhere).0, issued, "nobody else can");
}

#[test]
fn a_wrong_tag_costs_no_chain() {
    let (mut vault, _) = ready();
    let work = vault.begin_issue(IssuerNumber(7), LotId(3), 0).unwrap();
    let (done, _) = finish(&mut vault, work);
    let mistyped = Code::from_bits(done.code.bits() ^ 1 << 20);
    assert_eq!(vault.begin_check(&mistyped), None);
    let work = vault.begin_check(&done.code).unwrap();
    vault.forget(work);
    assert_eq!(vault.advance(work), None);
}

#[test]
fn paper_survives_a_rotation() {
    let (mut vault, _) = ready();
    let work = vault.begin_issue(IssuerNumber(7), LotId(3), 0).unwrap();
    let (old, _) = finish(&mut vault, work);
    let (context, sealed) = share_for(&vault, &Secrets::random().unwrap(), 2);
    assert!(vault.open_share(2, &context, &sealed));
    assert!(vault.begin_check(&old.code).is_some(), "the older epoch's coupons are good");
    let work = vault.begin_issue(IssuerNumber(7), LotId(4), 0).unwrap();
    let (new, _) = finish(&mut vault, work);
    assert!(vault.begin_check(&new.code).is_some());
}

#[test]
fn only_so_many_epochs_and_chains_are_held() {
    let (mut vault, _) = ready();
    for epoch in 2..50 {
        let (context, sealed) = share_for(&vault, &Secrets::random().unwrap(), epoch);
        assert!(vault.open_share(epoch, &context, &sealed));
        assert!(vault.open_share(epoch, &context, &sealed), "again is no second one");
    }
    assert_eq!(vault.epochs.len(), VAULT_EPOCHS);
    let begun = (0..2_000).filter_map(|index| vault.begin_issue(IssuerNumber(1), LotId(1), index)).count();
    assert_eq!(begun, VAULT_WORK);
}

#[test]
fn a_vault_without_a_share_issues_and_checks_nothing() {
    let mut vault = KeyVault::fresh().unwrap();
    vault.set_community(COMMUNITY);
    assert_eq!(vault.begin_issue(IssuerNumber(1), LotId(1), 0), None);
    assert_eq!(vault.begin_check(&Code::from_bits(5)), None);
    assert!(!vault.open_share(1, b"", b""));
    let relay = Secrets { routing: [5; 32], coupon: None };
    let (context, sealed) = share_for(&vault, &relay, 1);
    assert!(vault.open_share(1, &context, &sealed), "a relay gets the routing secret alone");
    assert_eq!(vault.begin_issue(IssuerNumber(1), LotId(1), 0), None);
    let seller = Secrets { routing: [5; 32], coupon: Some([6; 32]) };
    for secrets in [&seller, &relay] {
        let (context, sealed) = share_for(&vault, secrets, 1);
        assert!(vault.open_share(1, &context, &sealed));
        assert!(vault.begin_issue(IssuerNumber(1), LotId(1), 0).is_some(), "whichever is opened last");
    }
}

#[test]
fn a_device_tag_links_nothing_but_one_voucher() {
    let (mut vault, _) = ready();
    let mac = MacAddress([2, 0, 0, 0, 0, 1]);
    let tag = vault.device_tag(Verifier([1; 8]), mac);
    assert_eq!(tag, vault.device_tag(Verifier([1; 8]), mac));
    assert_ne!(tag, vault.device_tag(Verifier([2; 8]), mac));
    assert_ne!(tag, vault.device_tag(Verifier([1; 8]), MacAddress([2, 0, 0, 0, 0, 2])));
}

#[test]
fn derived_keys_are_hkdf_of_rfc_5869() {
    // HMAC-SHA-256 twice, computed by another implementation.
    let expected = "6960d0c179d7f7a60ab3dbc25eddfa2a49565db8b37f06f4a9e152947611ec24";
    let mut key = [0; 32];
    keys::unhex(expected, &mut key).unwrap();
    assert_eq!(*derive(&[0x0b; 32], "coupon"), key);
    assert_ne!(*derive(&[0x0b; 32], "babel"), key);
}

#[test]
fn an_epoch_s_key_signs_by_its_name_until_it_is_forgotten() {
    let (mut vault, secrets) = ready();
    let mut other = KeyVault::fresh().unwrap();
    let key = derive(&secrets.routing, "babel");
    let expected = mac::compute(Algorithm::Blake2s128, &key[..], b"packet");
    for member in [&mut vault, &mut other] {
        let (context, sealed) = share_for(member, &secrets, 1);
        assert!(member.babel_mac("epoch/1", b"packet").is_empty());
        assert!(!member.open_babel_key("epoch/1", b"another context", &sealed));
        assert!(member.open_babel_key("epoch/1", &context, &sealed));
        // A reload of the configuration brings static keys, and takes none of these away.
        let fixed = MeshKey { algorithm: Algorithm::Blake2s128, secret: Zeroizing::new(vec![1; 32]) };
        member.set_mesh_keys(SortedMap::from([("foreign".to_owned(), fixed)]));
        assert_eq!(member.babel_mac("epoch/1", b"packet"), expected);
        assert!(member.babel_verify("epoch/1", b"packet", &[&expected]));
        assert!(!member.babel_verify("foreign", b"packet", &[&expected]));
        member.set_mesh_keys(SortedMap::new());
        assert!(member.babel_mac("foreign", b"packet").is_empty());
        member.forget_babel_key("epoch/1");
        assert!(member.babel_mac("epoch/1", b"packet").is_empty());
        assert!(!member.babel_verify("epoch/1", b"packet", &[&expected]), "an old key opens nothing");
    }
}
