//! What the operator decides about authentication: keys by name, never their values.

use serde::{Deserialize, Serialize};

/// How packets of one interface prove whom they are from (RFC 8967).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auth {
    /// What is asked of others.
    pub mode: AuthMode,
    /// The keys, by their names: whoever has the values knows them by these. Static ones are named in the
    /// configuration; a source that makes keys of its own uses names with a `/`, which those cannot have.
    pub keys: Vec<KeyUse>,
}

/// What is asked of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthMode {
    /// Nothing is signed, nothing is checked.
    #[default]
    Off,
    /// What we send is signed; what others send is checked, counted, and taken in any case. For the time in
    /// which a mesh changes over.
    Sign,
    /// What is not signed does not exist.
    Strict,
    /// Off, sign or strict, as the community's secrets have it: whoever knows them says which (`node::keys`).
    /// An engine that nobody told takes nothing.
    Community,
}

/// One key as this node uses it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyUse {
    /// Its name.
    pub name: String,
    /// What a MAC is made by.
    pub algorithm: Algorithm,
    /// Whether what we send carries its MAC; what others sign with it is accepted in any case.
    pub signs: bool,
}

/// How a MAC is made (RFC 8967 4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Algorithm {
    /// HMAC with SHA-256, 32 octets.
    HmacSha256,
    /// Keyed BLAKE2s, 16 octets.
    Blake2s128,
}

impl Algorithm {
    /// Octets of a MAC.
    pub const fn mac_length(self) -> usize {
        match self {
            Self::HmacSha256 => 32,
            Self::Blake2s128 => 16,
        }
    }

    /// Octets that a key may have: from the length of the MAC to what goes into the hash without being
    /// hashed itself.
    pub const fn key_lengths(self) -> std::ops::RangeInclusive<usize> {
        match self {
            Self::HmacSha256 => 32..=64,
            Self::Blake2s128 => 16..=32,
        }
    }
}
