//! Everything that a node does to the world.

use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use super::calendar::Kept;
use super::call::Answer;
use super::metered::Volume;
use super::probe::Probe;
use crate::babel::SeqNo;
use crate::babel::output::RouteChange;
use crate::base::address::{InterfaceIndex, MacAddress};
use crate::base::time::Span;
use crate::base::voucher::RequestId;
use crate::hotspot::output::{GuestChange, SavedSession};
use crate::hotspot::portal::{Language, Page};
use crate::ledger::sync;
use crate::link::change;
use crate::link::ladder::Rung;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// The names of services, as a file of hosts for this node's dnsmasq: all of them, whatever stood there.
    Names(String),
    /// Send a Babel packet.
    Packet {
        /// Out of this interface.
        interface: InterfaceIndex,
        /// To this link-local address or group.
        destination: Ipv6Addr,
        /// The packet.
        bytes: Vec<u8>,
    },
    /// Change routes of the kernel.
    Routes(Vec<RouteChange>),
    /// Change what the kernel lets through, all or nothing.
    Guests(Vec<GuestChange>),
    /// Ask the air for these devices and hand in as [`Input::Sought`](super::input::Input::Sought) what the kernel knows of
    /// them since it was asked before.
    Seek(Vec<MacAddress>),
    /// Read the kernel's counters and hand them in as [`Input::Usage`](super::input::Input::Usage).
    ReadUsage,
    /// Put a question to the outside, and say [`Probed`](super::input::Input::Probed).
    Probe(Probe),
    /// Answer a guest.
    Page {
        /// Which request.
        request: RequestId,
        /// In which language.
        language: Language,
        /// With what.
        page: Page,
    },
    /// Answer a ubus call.
    Answer {
        /// Which request.
        request: RequestId,
        /// With what.
        answer: Box<Answer>,
    },
    /// Append records to the journal and say [`Stored`](super::input::Input::Stored) or
    /// [`StoreFailed`](super::input::Input::StoreFailed).
    Store {
        /// The number to say it under.
        id: StoreId,
        /// The records.
        records: Vec<Vec<u8>>,
        /// Whether somebody waits for the flash; otherwise a group within a second will do.
        durable: bool,
    },
    /// Write the journal anew with these records alone, and say [`Stored`](super::input::Input::Stored) or
    /// [`StoreFailed`](super::input::Input::StoreFailed).
    StoreWhole {
        /// The number to say it under.
        id: StoreId,
        /// All records.
        records: Vec<Vec<u8>>,
    },
    /// Read the radios' figures so often from now on.
    LookEach(Span),
    /// Do this for the change of a link, and say [`ChangeDone`](super::input::Input::ChangeDone), but for the last kind.
    Change(change::Action),
    /// Try this with a radio on which nothing is heard.
    Recover {
        /// Its device, like `wlan0`.
        radio: String,
        /// What.
        rung: Rung,
        /// The stations that were heard on it before.
        stations: Vec<MacAddress>,
    },
    /// Do this for the ledger's exchange with the neighbours.
    Exchange(sync::Output),
    /// Keep this list of sessions in the run folder (memory, never flash).
    SaveSessions(Vec<SavedSession>),
    /// Keep the last good time on flash.
    SaveTime(Kept),
    /// Keep on flash what metered uplinks have carried.
    SaveVolumes(Vec<Volume>),
    /// Keep Babel's own sequence number in the run folder, for a restart in the same boot.
    SaveSeqno(SeqNo),
    /// Tell whoever reads the log.
    Note(Note),
}

/// The number of a write to the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StoreId(pub u64);

/// A line for the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// How much it matters.
    pub level: NoteLevel,
    /// What happened, in words.
    pub text: String,
}

/// How much a note matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum NoteLevel {
    /// For whoever looks for a fault.
    Debug,
    /// The ordinary course of things.
    Info,
    /// Somebody should look at it.
    Warning,
}
