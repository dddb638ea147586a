//! Voucher codes: 12 symbols that a person can read aloud (`docs/ledger.md`, "Voucher codes").
//!
//! A [`Code`] is 60 bits in Crockford's base32: `issuer 9 | secret 33 | tag 18`.
//!
//! - The *secret* comes from a key that only the issuing node has: nobody else can print it again.
//! - The *tag* is a keyed hash under a secret that all access nodes share: a typing mistake or a guess
//!   is told from a code by one cheap hash, without a look-up.
//! - The [`Chain`] turns a code into the voucher's public name, the *verifier*: 16,384 hashes one after
//!   the other, so that searching the codes behind a list of verifiers is dear. The value before the
//!   last is the *proof* that somebody typed the code.
//!
//! Keys live in the vault; nothing here keeps one. What a key or a half-done chain holds is wiped when
//! it goes, and none of them prints itself.

use std::fmt;

use blake2::digest::consts::U32;
use blake2::digest::core_api::{Buffer, VariableOutputCore};
use blake2::digest::generic_array::GenericArray;
use blake2::digest::{KeyInit, Mac};
use blake2::{Blake2sMac, Blake2sVarCore};
use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::base::voucher::{IssuerNumber, LotId, Proof, Verifier};

/// A well-formed voucher code: 60 bits, issuer 9 | secret 33 | tag 18.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Code(u64);

/// The secret of one epoch under which the tags of codes are made and checked.
pub struct CouponKey([u8; 32]);

/// The secret of one node from which the codes that it issues are drawn.
pub struct IssuerKey([u8; 32]);

/// A hash chain on its way from a code to its verifier; computed in slices, so that no Hello is late.
pub struct Chain {
    /// Key and value, side by side as they are hashed.
    block: [u8; 48],
    steps_left: u32,
}

/// Why a text is no voucher code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeError {
    /// Fewer or more symbols than a code has.
    Length {
        /// How many there were.
        symbols: usize,
    },
    /// A symbol that no code has.
    Symbol {
        /// Which.
        symbol: char,
    },
}

impl Code {
    /// Reads a code as people write it: upper or lower case, `O` as 0, `I` and `L` as 1; dashes of
    /// any length and spaces are ignored.
    pub fn parse(text: &str) -> Result<Self, CodeError> {
        let mut bits = 0u64;
        let mut symbols = 0;
        for symbol in text.chars().filter(|&symbol| !is_separator(symbol)) {
            let value = symbol_value(symbol).ok_or(CodeError::Symbol { symbol })?;
            symbols += 1;
            bits = bits << 5 | u64::from(value);
        }
        if symbols == SYMBOLS { Ok(Self(bits)) } else { Err(CodeError::Length { symbols }) }
    }

    /// The code of these 60 bits; higher ones are dropped.
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits & CODE_MASK)
    }

    /// The 60 bits.
    pub const fn bits(self) -> u64 {
        self.0 & CODE_MASK
    }

    /// The member that issued it, or so it claims.
    pub const fn issuer(self) -> IssuerNumber {
        IssuerNumber((self.bits() >> (SECRET_BITS + TAG_BITS)) as u16)
    }

    /// The secret, 33 bits.
    pub const fn secret(self) -> u64 {
        self.bits() >> TAG_BITS & SECRET_MASK
    }

    /// The tag, 18 bits.
    pub const fn tag(self) -> u32 {
        self.bits() as u32 & TAG_MASK
    }
}

impl CouponKey {
    /// The key with these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl IssuerKey {
    /// The key with these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// The code number `index` of a lot: always the same one for the same keys and names.
/// `issuer` is 1 to 511; higher bits do not fit a code and are dropped.
pub fn make(
    community: &[u8; 32],
    coupon: &CouponKey,
    issuer_key: &IssuerKey,
    issuer: IssuerNumber,
    lot: LotId,
    index: u16,
) -> Code {
    let mut drawn =
        keyed(&issuer_key.0, &[b"tequio code secret 1", &lot.0.to_be_bytes(), &index.to_be_bytes()]);
    let secret = first_u64(&drawn) >> (64 - SECRET_BITS);
    drawn.zeroize();
    let issuer = IssuerNumber(issuer.0 & ISSUER_MASK);
    let tag = tag_of(community, coupon, issuer, secret);
    Code(u64::from(issuer.0) << (SECRET_BITS + TAG_BITS) | secret << TAG_BITS | u64::from(tag))
}

/// Whether the tag of `code` is the one that `coupon` gives; takes the same time for every code.
pub fn tag_fits(community: &[u8; 32], coupon: &CouponKey, code: Code) -> bool {
    tag_of(community, coupon, code.issuer(), code.secret()).ct_eq(&code.tag()).into()
}

impl Chain {
    /// Hashes from the first value to the last.
    pub const STEPS: u32 = 16_384;

    /// The chain of `code`, before its first step.
    pub fn new(community: &[u8; 32], code: Code) -> Self {
        let key = chain_key(community, code.issuer());
        let mut first = [0; 40];
        first[..32].copy_from_slice(&key);
        first[32..].copy_from_slice(&code.bits().to_be_bytes());
        let block = block(&key, &link(&begin(), &first));
        first.zeroize();
        Self { block, steps_left: Self::STEPS }
    }

    /// Does up to `steps` steps. `Some` when the chain is done, and again if asked again.
    pub fn advance(&mut self, steps: u32) -> Option<(Verifier, Proof)> {
        // The last step is not kept: the value before it is the proof.
        let steps = steps.min(self.steps_left);
        let begin = begin();
        for _ in 0..steps.min(self.steps_left.saturating_sub(1)) {
            let value = link(&begin, &self.block);
            self.block[32..].copy_from_slice(&value);
        }
        self.steps_left -= steps;
        (self.steps_left == 0).then(|| {
            let mut proof = [0; 16];
            proof.copy_from_slice(&self.block[32..]);
            (verifier_of(&self.block), Proof(proof))
        })
    }
}

/// Whether `proof` is the value before `verifier` in a chain of this issuer.
pub fn proof_fits(community: &[u8; 32], issuer: IssuerNumber, proof: &Proof, verifier: Verifier) -> bool {
    let key = chain_key(community, IssuerNumber(issuer.0 & ISSUER_MASK));
    verifier_of(&block(&key, &proof.0)).0.ct_eq(&verifier.0).into()
}

fn tag_of(community: &[u8; 32], coupon: &CouponKey, issuer: IssuerNumber, secret: u64) -> u32 {
    let hash =
        keyed(&coupon.0, &[b"tequio code tag 1", community, &issuer.0.to_be_bytes(), &secret.to_be_bytes()]);
    (first_u64(&hash) >> (64 - TAG_BITS)) as u32
}

fn chain_key(community: &[u8; 32], issuer: IssuerNumber) -> [u8; 32] {
    keyed(community, &[b"tequio code chain 1", &issuer.0.to_be_bytes()])
}

/// One link of a chain: BLAKE2s-128 keyed by standing in front. RFC 7693's own keyed mode spends a
/// whole compression on the key, which a searcher would do once and a router every time; key and value
/// in one block are as sound (BLAKE2 cannot be extended) and cost the router half. The first link
/// hashes 8 bytes, all others 16: no value can be both.
///
/// It is done 16,384 times: the beginning of each is copied and not made anew (`code_check_mips_instructions` of
/// `make bench-ledger`).
fn link(begin: &Blake2sVarCore, block: &[u8]) -> [u8; 16] {
    let mut core = begin.clone();
    let mut hash = GenericArray::default();
    core.finalize_variable_core(&mut Buffer::<Blake2sVarCore>::new(block), &mut hash);
    let mut link = [0; 16];
    link.copy_from_slice(&hash[..16]);
    link
}

/// The beginning of a hash of 16 octets, without key (RFC 7693 section 2.5).
fn begin() -> Blake2sVarCore {
    Blake2sVarCore::new_with_params(&[], &[], 0, 16)
}

fn block(key: &[u8; 32], value: &[u8; 16]) -> [u8; 48] {
    let mut block = [0; 48];
    block[..32].copy_from_slice(key);
    block[32..].copy_from_slice(value);
    block
}

fn verifier_of(block: &[u8; 48]) -> Verifier {
    Verifier(first_u64(&link(&begin(), block)).to_be_bytes())
}

fn keyed(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = <Blake2sMac<U32> as KeyInit>::new(key.into());
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

fn first_u64(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).fold(0, |number, &byte| number << 8 | u64::from(byte))
}

fn symbol_value(symbol: char) -> Option<u8> {
    let symbol = match symbol.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        other => other,
    };
    ALPHABET.iter().position(|&known| char::from(known) == symbol).map(|position| position as u8)
}

/// Spaces, and the dashes that phones put in by themselves.
fn is_separator(symbol: char) -> bool {
    symbol.is_whitespace()
        || matches!(symbol, '-' | '\u{ad}' | '\u{200b}' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{feff}')
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for position in 0..SYMBOLS {
            if position > 0 && position.is_multiple_of(4) {
                formatter.write_str("-")?;
            }
            let value = self.bits() >> (5 * (SYMBOLS - 1 - position)) & 31;
            write!(formatter, "{}", char::from(ALPHABET[value as usize]))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Code {
    // Whoever knows the code can use the voucher: it stays out of logs.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Code(..)")
    }
}

impl fmt::Debug for CouponKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("CouponKey(..)")
    }
}

impl fmt::Debug for IssuerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("IssuerKey(..)")
    }
}

impl fmt::Debug for Chain {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Chain(..)")
    }
}

impl Drop for CouponKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Drop for IssuerKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        self.block.zeroize();
    }
}

impl fmt::Display for CodeError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { symbols } => {
                write!(formatter, "a code has {SYMBOLS} symbols, here are {symbols}")
            }
            Self::Symbol { symbol } => {
                let shown = if symbol.is_control() { char::REPLACEMENT_CHARACTER } else { *symbol };
                write!(formatter, "a code has only digits and letters, and no U: '{shown}' is none of them")
            }
        }
    }
}

impl std::error::Error for CodeError {}

/// Crockford's base32: no I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const SYMBOLS: usize = 12;
const SECRET_BITS: u32 = 33;
const TAG_BITS: u32 = 18;
const ISSUER_MASK: u16 = (1 << 9) - 1;
const SECRET_MASK: u64 = (1 << SECRET_BITS) - 1;
const TAG_MASK: u32 = (1 << TAG_BITS) - 1;
const CODE_MASK: u64 = (1 << 60) - 1;

#[cfg(test)]
mod tests;
