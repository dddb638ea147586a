//! What records say about the network: how it is run, what it serves, how its members are.

use serde::{Deserialize, Serialize};

use crate::base::address::Prefix;
use crate::base::time::WallTime;
use crate::ledger::fields::fields;
use crate::ledger::record::RecordId;

/// How the village's network is run now. By an officer, or by a caretaker with whom a second one agrees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mode {
    /// One more than that of the mode before it.
    pub number: u32,
    /// What holds.
    pub mode: NetworkMode,
    /// Why, for people.
    pub reason: String,
    /// The record of another node that this one agrees with.
    pub confirms: Option<RecordId>,
    /// When it was set; a day later it holds no more.
    pub time: Option<WallTime>,
}

fields!(map Mode { 0 number, 1 mode, 2 reason, 3 confirms, 4 time, });

/// How the network is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NetworkMode {
    /// As every day.
    #[default]
    Usual,
    /// Messages for everybody, and nothing that is heavy.
    Emergency,
    /// The rules of the night.
    Night,
}

fields!(numbers NetworkMode { 0 Usual, 1 Emergency, 2 Night, });

/// Something that a member serves, like the library.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Its name, like `library`.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// The member that serves it.
    pub node: [u8; 32],
    /// Where; nowhere any more: nothing.
    pub prefixes: Vec<Prefix>,
    /// Whether it is free for everybody, always.
    pub free: bool,
    /// Records of this service that this one replaces, by any author.
    pub replaces: Vec<RecordId>,
    /// A word for its picture on the portal, like `book`.
    pub icon: Option<String>,
    /// The TCP port that answers; that of web pages if none is said.
    pub port: Option<u16>,
}

fields!(map Service { 0 name, 1 title, 2 node, 3 prefixes, 4 free, 5 replaces, 6 icon, 7 port, });

/// A sentence for the portal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its name: a later one of this name and author replaces it.
    pub name: String,
    /// What it says; nothing: it is taken down.
    pub text: String,
    /// The last day of it, in days since 1970.
    pub until: Option<u32>,
}

fields!(map Notice { 0 name, 1 text, 2 until, });

/// How the community looks on the portal. By the root, and no part of the charter: that one travels at the head of each
/// stream, and in each admission.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// Red, green and blue, 8 bits each; none: the portal's own.
    pub colour: Option<u32>,
    /// A PNG; empty: none.
    pub logo: Vec<u8>,
}

fields!(map Look { 0 colour, 1 logo or default, });

/// The least that any clock may say. It sets none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// The highest number holds.
    pub number: u32,
    /// Seconds since 1970.
    pub floor_unix_s: u64,
}

fields!(map Time { 0 number, 1 floor_unix_s, });

/// How a member is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Its present router-id.
    pub router_id: [u8; 8],
    /// What it holds the time to be.
    pub time: WallTime,
    /// The version of its program.
    pub version: String,
    /// The close behind which its books stand.
    pub close: Option<RecordId>,
    /// Devices that went from node to node within the last minute, 9 octets each: what is said of it, and its tag
    /// (`docs/ledger.md`, privacy). 0: its author asks for it. 1: it has left its author's node. 2: it is there.
    pub devices: Option<Vec<u8>>,
    /// The names of services of its author's that do not answer; nothing: all do.
    pub silent: Option<Vec<String>>,
}

fields!(map Status { 0 router_id, 1 time, 2 version, 3 close, 4 devices, 5 silent, });

/// What a link was like when somebody found it good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceState {
    /// Which.
    pub name: String,
    /// Its figures, in a form that `link` knows.
    pub state: Vec<u8>,
}

fields!(map ReferenceState { 0 name, 1 state, });
