//! Everything that can happen to a node. Nothing else does: a recording of these is the whole story.

use std::net::Ipv6Addr;

use serde::{Deserialize, Serialize};

use super::calendar::Kept;
use super::call::{Call, Caller};
use super::metered::Volume;
use super::output::StoreId;
use super::probe::{Found, ProbeId};
use super::settings::Settings;
use crate::babel::InterfaceStatus;
use crate::babel::output::RouteChange;
use crate::base::address::{InterfaceIndex, MacAddress, PrefixPair};
use crate::base::time::WallTime;
use crate::base::voucher::RequestId;
use crate::hotspot::output::{AdmittedGuest, GuestChange, SavedSession, UsageSample};
use crate::hotspot::request::PortalRequest;
use crate::ledger::sync;
use crate::link::sample::RadioNews;

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Input {
    /// It is time: [`Node::next_wake`](super::Node::next_wake) has come. Harmless when early.
    Wake,
    /// What the calendar says now.
    Clock(WallTime),
    /// New settings; what they do not change goes on undisturbed.
    Settings(Box<Settings>),
    /// Records of the journal, read at the start.
    Records(Vec<Vec<u8>>),
    /// What the last run of the daemon left: its list of sessions, and what the kernel still lets through.
    GuestsFound {
        /// The list that [`Output::SaveSessions`](super::output::Output::SaveSessions) wrote.
        saved: Vec<SavedSession>,
        /// Devices in the kernel's map.
        admitted: Vec<AdmittedGuest>,
        /// The kernel's counters.
        samples: Vec<UsageSample>,
    },
    /// Routes along which the kernel still forwards on behalf of the last run; before any interface. Without
    /// them the start is a cold boot.
    RoutesFound(Vec<RouteChange>),
    /// An interface appeared or changed.
    Interface(InterfaceStatus),
    /// An interface is gone.
    InterfaceGone(InterfaceIndex),
    /// All routes and own addresses of the kernel that are not ours.
    KernelRoutes(Vec<KernelRoute>),
    /// A Babel packet came in; source port and scope were checked.
    Packet {
        /// Where it came in.
        interface: InterfaceIndex,
        /// Who sent it, link-local.
        source: Ipv6Addr,
        /// Whom it was sent to: us, or the group.
        destination: Ipv6Addr,
        /// The packet.
        bytes: Vec<u8>,
    },
    /// What became of a question that was put to the outside.
    Probed {
        /// Which question.
        id: ProbeId,
        /// What came back.
        found: Found,
    },
    /// Something of the machine is missing (a right, IPv6, a kernel's module, a file that can be read), or
    /// it is there again.
    Trouble {
        /// The alert's code.
        code: String,
        /// What is missing, what follows and what to do; `None` when it is over.
        what: Option<String>,
    },
    /// The kernel refused a route.
    RouteFailed {
        /// Which.
        prefix: PrefixPair,
        /// Its words.
        why: String,
    },
    /// The counters that were asked for.
    Usage(Vec<UsageSample>),
    /// Devices that were asked for, and whether they have answered since they were asked before.
    Sought(Vec<(MacAddress, bool)>),
    /// The kernel refused a batch of guests; nothing of it was done.
    GuestsFailed {
        /// The batch.
        changes: Vec<GuestChange>,
        /// Its words.
        why: String,
    },
    /// A guest's browser asks the portal.
    Portal {
        /// The number to answer under.
        request: RequestId,
        /// The guest's device, if the neighbour table knows it.
        guest: Option<MacAddress>,
        /// What is asked.
        http: PortalRequest,
    },
    /// Somebody asks over ubus.
    Call {
        /// The number to answer under.
        request: RequestId,
        /// Who asks.
        caller: Caller,
        /// What is asked.
        call: Call,
    },
    /// Nobody waits for this answer any more.
    PeerGone(RequestId),
    /// These records are on flash.
    Stored(StoreId),
    /// These records are not on flash.
    StoreFailed(StoreId, String),
    /// The last good time, as it was kept.
    TimeFound(Kept),
    /// What metered uplinks had carried, as it was kept.
    VolumesFound(Vec<Volume>),
    /// What devices have carried since they were made, as the kernel counts it.
    Carried(Vec<(String, u64)>),
    /// A radio's figures, or something that happened to it.
    Radio(RadioNews),
    /// A change of a link that the last run left on flash, before any interface: what was not kept is undone.
    ChangeFound(Vec<u8>),
    /// Whether the last [`Output::Change`](super::output::Output::Change) was done.
    ChangeDone(bool),
    /// Something of the ledger's exchange with the neighbours.
    Exchange(sync::Event),
    /// The node is put out of service: the neighbours are told, and no route of ours stays in the kernel.
    Leave,
    /// The program ends: what only memory has is to be kept.
    Stop,
}

/// A route or an own address of the kernel that is not ours.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct KernelRoute {
    /// What it is for.
    pub prefix: PrefixPair,
    /// Name of the device it leads to.
    pub device: String,
    /// Who made it (`RTPROT_*`); 2 for an own address.
    pub protocol: u8,
    /// The table it stands in; 255 for an own address.
    pub table: u32,
}
