//! Names that the hotspot and the ledger share about vouchers. What they mean: `docs/ledger.md`.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The public name of a voucher: the last 8 bytes of its hash chain. It opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Verifier(pub [u8; 8]);

/// The hash before the verifier: shown once, at activation, it proves that the code was typed.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proof(pub [u8; 16]);

/// The number of a member that issues vouchers, 1 to 511 (9 bits of each code).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IssuerNumber(pub u16);

/// A random number that names one lot of vouchers of one issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LotId(pub u64);

/// The hash of 128 random bits that a phone's browser keeps: who shows them is the device that got them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Keepsake(pub [u8; 16]);

/// A request (portal or ubus) that waits for its answer. Numbers are never used twice in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RequestId(pub u64);

impl fmt::Display for Verifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Debug for Proof {
    // A proof can burn a coupon that was never typed: it stays out of logs.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Proof(..)")
    }
}
