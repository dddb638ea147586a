//! What records say about the network: how it is run, what it serves, how its members are.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::base::address::Prefix;
use crate::base::time::WallTime;
use crate::ledger::record::RecordId;
use crate::ledger::wire;

/// How the village's network is run now. By an officer, or by a caretaker with whom a second one agrees.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Mode {
    /// One more than that of the mode before it.
    #[n(0)]
    pub number: u32,
    /// What holds.
    #[n(1)]
    pub mode: NetworkMode,
    /// Why, for people.
    #[n(2)]
    pub reason: String,
    /// The record of another node that this one agrees with.
    #[n(3)]
    pub confirms: Option<RecordId>,
}

/// How the network is run.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, Encode, Decode,
)]
#[cbor(index_only)]
pub enum NetworkMode {
    /// As every day.
    #[default]
    #[n(0)]
    Usual,
    /// Messages for everybody, and nothing that is heavy.
    #[n(1)]
    Emergency,
    /// The rules of the night.
    #[n(2)]
    Night,
}

/// Something that a member serves, like the library.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Service {
    /// Its name, like `library`.
    #[n(0)]
    pub name: String,
    /// Its name for people.
    #[n(1)]
    pub title: String,
    /// The member that serves it.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub node: [u8; 32],
    /// Where; nowhere any more: nothing.
    #[cbor(n(3), with = "wire::prefixes")]
    pub prefixes: Vec<Prefix>,
    /// Whether it is free for everybody, always.
    #[n(4)]
    pub free: bool,
    /// Records of this service that this one replaces, by any author.
    #[cbor(n(5), with = "wire::ids")]
    pub replaces: Vec<RecordId>,
}

/// A sentence for the portal.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Notice {
    /// Its name: a later one of this name and author replaces it.
    #[n(0)]
    pub name: String,
    /// What it says; nothing: it is taken down.
    #[n(1)]
    pub text: String,
    /// The last day of it, in days since 1970.
    #[n(2)]
    pub until: Option<u32>,
}

/// The least that any clock may say. It sets none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Time {
    /// The highest number holds.
    #[n(0)]
    pub number: u32,
    /// Seconds since 1970.
    #[n(1)]
    pub floor_unix_s: u64,
}

/// How a member is.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Status {
    /// Its present router-id.
    #[cbor(n(0), with = "minicbor::bytes")]
    pub router_id: [u8; 8],
    /// What it holds the time to be.
    #[cbor(n(1), with = "wire::wall")]
    pub time: WallTime,
    /// The version of its program.
    #[n(2)]
    pub version: String,
}

/// What a link was like when somebody found it good.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ReferenceState {
    /// Which.
    #[n(0)]
    pub name: String,
    /// Its figures, in a form that `link` knows.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub state: Vec<u8>,
}
