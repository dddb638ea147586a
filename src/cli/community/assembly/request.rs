//! The line with which a node asks to be admitted, as the assembly reads it.

use ed25519_dalek::{Signature, VerifyingKey};

use crate::cli::community::join::{CHECK_BYTES, PREFIX, check, check_name, message};
use crate::ledger::text::{decode, fingerprint};

/// What the line says; `community/join.rs` has its form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) key: [u8; 32],
    pub(super) dh: [u8; 32],
    pub(super) name: String,
}

impl Request {
    /// Reads the line, however it was broken on its way.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text: String = text.split_whitespace().collect();
        let expected = || format!("this is no request: expected one line that begins with {PREFIX}:");
        let (shown, symbols) = text
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.strip_prefix(':')?.split_once(':'))
            .ok_or_else(expected)?;
        let mistyped = || "the request was not copied whole: its checksum does not fit".to_owned();
        let bytes = decode(symbols).ok_or_else(mistyped)?;
        let (signed, sum) = bytes.split_last_chunk::<CHECK_BYTES>().ok_or_else(mistyped)?;
        if check(signed) != *sum {
            return Err(mistyped());
        }
        let (key, rest) = signed.split_first_chunk::<32>().ok_or_else(mistyped)?;
        let (dh, rest) = rest.split_first_chunk::<32>().ok_or_else(mistyped)?;
        let (signature, name) = rest.split_first_chunk::<64>().ok_or_else(mistyped)?;
        let name = std::str::from_utf8(name).map_err(|_| mistyped())?;
        let forged = || "the request is not signed by the node that it names".to_owned();
        let public = VerifyingKey::from_bytes(key).map_err(|_| forged())?;
        public.verify_strict(&message(dh, name), &Signature::from_bytes(signature)).map_err(|_| forged())?;
        if shown != fingerprint(key) {
            return Err("the fingerprint in the request is not that of its key".to_owned());
        }
        check_name(name)?;
        Ok(Self { key: *key, dh: *dh, name: name.to_owned() })
    }
}
