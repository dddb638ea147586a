//! What can be asked of a node over ubus, and what it answers: values, before and after JSON.
//!
//! The shapes are those of `docs/ubus.md`; field names are the members of the JSON reply. Whatever a
//! person asked and cannot have is an [`Answer::Refused`] with a sentence, not a ubus status.

use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use super::deed::{Books, LotUse, Network, Tap, Written};
use crate::babel::auth::AuthCounters;
use crate::base::address::{MacAddress, Prefix, PrefixPair};
use crate::base::voucher::{LotId, Verifier};
use crate::hotspot::code::Code;
use crate::link::bridge::Reading;
use crate::link::change::Wanted;

/// Who asks: the login behind a LuCI session, or nobody for a program of root's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// The LuCI login, if the call came with a session.
    pub login: Option<String>,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    /// How the node is.
    Status,
    /// Whom Babel hears.
    Neighbours,
    /// The route table, a page of it.
    Routes(PageOf),
    /// Why packets for an address go where they go.
    Why {
        /// The address, or a whole prefix.
        destination: Prefix,
        /// Where the packets come from, if that was said.
        source: Option<IpAddr>,
    },
    /// What binds the choice of routes (RFC 8966 3.2.5), a page of it.
    Sources(PageOf),
    /// Which sequence numbers are waited for, a page of it.
    Requests(PageOf),
    /// What came and left, and what was dropped and why, a page of it.
    Statistics(PageOf),
    /// The links and what they cost.
    Links,
    /// With whom records are exchanged.
    Sync,
    /// What can be sold.
    Plans,
    /// Sell vouchers.
    VoucherIssue(VoucherIssue),
    /// What a voucher holds.
    VoucherShow(Which),
    /// Make a voucher worthless.
    VoucherRevoke(Which, String),
    /// Who is online through this node, a page of it.
    Sessions(PageOf),
    /// End the session of a voucher here, or let out one device of it.
    SessionEnd(Verifier, Option<MacAddress>),
    /// Close the books of a month, like `2026-11`.
    BooksClose(String),
    /// What a month brought, like `2026-11`; nothing is this one.
    Books(String),
    /// How the network is run, and what it offers.
    Network,
    /// Write something into the ledger.
    Tap(Box<Tap>),
    /// Count the new root with this fingerprint.
    RootAccept(String),
    /// Change the settings of a link at both its ends.
    LinkChange(LinkChange),
    /// What a link was like, in the words of the call.
    LinkHistory {
        /// A neighbour's address, or a device with one link.
        link: String,
        /// `seconds`, `minutes` or `hours`.
        resolution: String,
        /// Names of figures with commas between; empty: the usual ones.
        columns: String,
    },
    /// What a closed radio says of its link, read by somebody else.
    LinkReading {
        /// The cable's device.
        device: String,
        /// What was read.
        reading: Reading,
    },
    /// A dish is turned.
    LinkAlign {
        /// The device of Babel that the dish belongs to.
        device: String,
        /// `start`, `read` or `stop`.
        action: String,
    },
}

/// Other settings for a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkChange {
    /// The device of Babel that the link is on.
    pub device: String,
    /// What it is to be.
    pub wanted: Wanted,
}

/// Closed books.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// The month.
    pub month: String,
    /// Rows of node, person and plan that it fixed.
    pub rows: u32,
}

/// Which part of a long list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageOf {
    /// The first entry.
    pub offset: u32,
    /// How many at most.
    pub limit: u32,
}

/// Vouchers to be made: sold, unless their use says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoucherIssue {
    /// The plan's id.
    pub plan: String,
    /// How many vouchers, 1 to 200.
    pub count: u16,
    /// Who sells, when no session tells.
    pub person: String,
    /// The same key within a minute gives the same codes back: a double tap sells once. Empty: no key.
    pub key: String,
    /// What becomes of them.
    pub lot_use: LotUse,
}

/// A voucher, by what is printed on it or by its public name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Which {
    /// The code on the paper.
    Code(Code),
    /// The public name.
    Verifier(Verifier),
}

/// What is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// To [`Call::Status`].
    Status(Status),
    /// To [`Call::Neighbours`].
    Neighbours(Vec<Neighbour>),
    /// To [`Call::Routes`].
    Routes(Paged<Route>),
    /// To [`Call::Why`].
    Why(Why),
    /// To [`Call::Sources`].
    Sources(Paged<Source>),
    /// To [`Call::Requests`].
    Requests(Paged<Request>),
    /// To [`Call::Statistics`].
    Statistics(Paged<Statistics>),
    /// To [`Call::Links`].
    Links(Vec<Link>),
    /// To [`Call::Sync`].
    Sync(Exchange),
    /// To [`Call::Plans`].
    Plans(Vec<Plan>),
    /// To [`Call::VoucherIssue`].
    Issued(Issued),
    /// To [`Call::VoucherShow`].
    Voucher(Voucher),
    /// To [`Call::VoucherRevoke`].
    Revoked {
        /// Which one.
        verifier: Verifier,
    },
    /// To [`Call::SessionEnd`].
    SessionEnded {
        /// Which voucher's.
        verifier: Verifier,
        /// How many devices had to go.
        devices: u32,
    },
    /// To [`Call::BooksClose`].
    Closed(Closed),
    /// To [`Call::Books`].
    Books(Box<Books>),
    /// To [`Call::Network`].
    Network(Network),
    /// To [`Call::Tap`].
    Written(Written),
    /// To [`Call::RootAccept`]: its fingerprint.
    RootAccepted(String),
    /// To [`Call::LinkChange`]: it begins; `links` tells how it goes on.
    LinkChanging,
    /// To [`Call::LinkReading`]: it is taken.
    LinkRead,
    /// To [`Call::LinkHistory`].
    LookedBack(Box<LookBack>),
    /// To [`Call::LinkAlign`].
    Aligned(Box<Aligned>),
    /// To [`Call::Sessions`]; and how many phones since the start had to wait because one with their address is in use at
    /// another node.
    Sessions(Paged<Session>, u64),
    /// To any call: no, and why.
    Refused {
        /// A word for programs, like `plan-unknown`.
        code: String,
        /// A sentence for people.
        message: String,
    },
}

impl Answer {
    /// The same once more, if it is the answer to something that was done: several may have asked for one thing. Nothing else
    /// is answered twice, and a way to do so for all would be 8 kB of flash.
    pub(super) fn of_a_deed(&self) -> Option<Self> {
        Some(match self {
            Self::Issued(issued) => Self::Issued(issued.clone()),
            Self::Revoked { verifier } => Self::Revoked { verifier: *verifier },
            Self::Closed(closed) => Self::Closed(closed.clone()),
            Self::Written(written) => Self::Written(written.clone()),
            Self::RootAccepted(root) => Self::RootAccepted(root.clone()),
            _ => return None,
        })
    }
}

/// What a link was like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LookBack {
    /// The radio's device.
    pub device: String,
    /// The neighbour.
    pub address: Ipv6Addr,
    /// Seconds of a step.
    pub step_s: u64,
    /// Seconds since the last step ended.
    pub ended_s: u64,
    /// What was planned, of what was.
    pub planned: Vec<(String, i64)>,
    /// Each with its name: a number a step, the oldest first, with commas between; nothing where nothing is known.
    pub columns: Vec<(String, String)>,
}

/// A dish that is turned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aligned {
    /// Babel's device.
    pub device: String,
    /// Seconds until it ends; `None`: nobody turns it.
    pub left_s: Option<u64>,
    /// What was planned, of what was.
    pub planned: Vec<(String, i64)>,
    /// Who is heard, the strongest first.
    pub stations: Vec<Aim>,
}

/// A station that is heard meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aim {
    /// Its address on the air.
    pub mac: MacAddress,
    /// The neighbour that it is, once it speaks with us.
    pub address: Option<Ipv6Addr>,
    /// Figures by name, those that are known.
    pub figures: Vec<(String, i64)>,
    /// What its network is called, if it is an access point around a radio that is not associated. The daemon fills it in:
    /// it is in no recording.
    pub name: String,
}

/// A page of a long list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paged<T> {
    /// The entries of this page.
    pub entries: Vec<T>,
    /// The number of its first entry.
    pub offset: u32,
    /// How many entries the whole list has.
    pub total: u32,
}

/// How the node is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The node's name.
    pub node: String,
    /// The program's version.
    pub version: String,
    /// Seconds since the daemon started.
    pub uptime_s: u64,
    /// Babel's name for this node, as `02:00:..`.
    pub router_id: String,
    /// The community's name, if the node belongs to one.
    pub community: Option<String>,
    /// How many members the ledger knows.
    pub members: u32,
    /// The epoch whose secrets sign Babel's packets, if this node holds a share of any.
    pub epoch: Option<u32>,
    /// The way outside.
    pub uplink: Uplink,
    /// How many neighbours have a finite cost.
    pub neighbours: u32,
    /// How many prefixes have a route.
    pub routes: u32,
    /// How many clients are online here.
    pub sessions: u32,
    /// Octets that passed without a voucher since the kernel began to count: of which policy, from it, to it.
    pub policies: Vec<(String, u64, u64)>,
    /// Questions for names that this daemon answered itself, because there was no way outside.
    pub names_answered: u32,
    /// Records in the ledger.
    pub records: u32,
    /// Seconds since 1970, as this node believes.
    pub unix_s: u64,
    /// How far that can be trusted: `stale`, `caretaker`, `mesh`, `trusted`.
    pub time_quality: String,
    /// Whether a time server, or three clocks of the mesh, stand behind it.
    pub time_confirmed: bool,
    /// What somebody should look at.
    pub alerts: Vec<Alert>,
}

/// Something that somebody should look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// A word for programs, like `no-ipv6`; it never changes its meaning.
    pub code: String,
    /// A sentence for people.
    pub message: String,
    /// What it is about, by name, for those who word it themselves.
    pub about: Vec<(String, String)>,
}

/// The way outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uplink {
    /// `up` or `down`.
    pub state: String,
    /// Through which device, `None` when down.
    pub via: Option<String>,
    /// Babel's metric of the default route; 0 on the gateway itself.
    pub metric: Option<u16>,
    /// The name of the node that the way leads out at, if the ledger knows it.
    pub gateway: Option<String>,
    /// Routers from here to the gateway, it among them; 0 on the gateway itself.
    pub hops: Option<u8>,
    /// Time to the outside and back.
    pub delay_ms: Option<u32>,
    /// Seconds since there is a way, or since there is none.
    pub since_s: u64,
}

/// A neighbour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Neighbour {
    /// The device it is heard on.
    pub interface: String,
    /// Its link-local address.
    pub address: Ipv6Addr,
    /// The last 16 Hellos, newest first: 1 heard, 0 missed.
    pub hello_history: String,
    /// What it costs us to receive from it.
    pub rxcost: u16,
    /// What it says that receiving from us costs it; `None` if it never said.
    pub txcost: Option<u16>,
    /// The cost of the link; `None` is infinite.
    pub cost: Option<u16>,
    /// Microseconds there and back, smoothed; `None` where it is not measured.
    pub round_trip_us: Option<u64>,
    /// Why the cost is infinite.
    pub reason: Option<String>,
    /// Whether its packets are proved to be its own; `None` where nothing is checked.
    pub authenticated: Option<bool>,
    /// What was refused of packets that bear its address.
    pub refused: AuthCounters,
}

/// A route of the table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Where to.
    pub prefix: PrefixPair,
    /// The neighbour it goes through; `None` for our own.
    pub via: Option<IpAddr>,
    /// The device; empty for our own.
    pub interface: String,
    /// Who announced it.
    pub router_id: String,
    /// The metric from here; `None` is infinite.
    pub metric: Option<u16>,
    /// The metric that the neighbour announced; `None` is infinite.
    pub refmetric: Option<u16>,
    /// The sequence number.
    pub seqno: u16,
    /// Whether packets go this way.
    pub selected: bool,
    /// Whether they may (RFC 8966 2.4).
    pub feasible: bool,
    /// Seconds since it was last announced.
    pub age_s: u64,
}

/// The best that this node announced of one source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Where to.
    pub prefix: PrefixPair,
    /// Who announced it first.
    pub router_id: String,
    /// The newest sequence number that we announced.
    pub seqno: u16,
    /// The smallest metric with it: only what is better is feasible.
    pub metric: u16,
    /// Seconds until it is forgotten, unless it is announced again.
    pub left_s: u64,
}

/// A request for a newer sequence number that nobody answered yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Where to.
    pub prefix: PrefixPair,
    /// Whose sequence number.
    pub router_id: String,
    /// The oldest that helps.
    pub seqno: u16,
    /// How many routers may pass it on.
    pub hop_count: u8,
    /// The neighbour that was asked; `None` is all.
    pub to: Option<Ipv6Addr>,
    /// The device it was asked on; empty for all.
    pub interface: String,
    /// Whether somebody else asked us.
    pub forwarded: bool,
    /// How often it is still sent again.
    pub times: u8,
    /// When it is sent again, or given up.
    pub left_ms: u64,
}

/// What went through one interface, or came from one neighbour there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// The device.
    pub interface: String,
    /// The neighbour; `None` is everybody.
    pub neighbour: Option<Ipv6Addr>,
    /// Sound packets that came.
    pub received_packets: u64,
    /// TLVs in them that said something.
    pub received_tlvs: u64,
    /// Packets that left; `None` for a neighbour.
    pub sent_packets: Option<u64>,
    /// TLVs in them.
    pub sent_tlvs: Option<u64>,
    /// What was dropped: a word for programs, and how often.
    pub dropped: Vec<(String, u64)>,
}

/// Why packets go where they go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// The address asked about, or the prefix.
    pub destination: Prefix,
    /// What decides; `None` if no route matches.
    pub prefix: Option<PrefixPair>,
    /// The whole answer in words.
    pub text: String,
    /// Each way that is known, and why it is, or is not, the one.
    pub candidates: Vec<Candidate>,
}

/// One way to a destination.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// For packets from there only; `None` is everywhere.
    pub source: Option<Prefix>,
    /// The neighbour; `None` for our own announcement.
    pub via: Option<IpAddr>,
    /// The device.
    pub interface: String,
    /// The metric; `None` is infinite.
    pub metric: Option<u16>,
    /// Whether it is the one.
    pub selected: bool,
    /// Why.
    pub reason: String,
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// The device.
    pub device: String,
    /// `wired` or `wireless`.
    pub kind: String,
    /// Whether the device is up with carrier.
    pub up: bool,
    /// How many neighbours are heard.
    pub neighbours: u32,
    /// Time between two Hellos.
    pub hello_interval_ms: u64,
    /// The best neighbour's cost; `None` is infinite.
    pub cost: Option<u16>,
    /// Whether packets are signed here: `off`, `sign` or `strict`, as it is at the moment.
    pub auth: String,
    /// What was refused of senders who never had a right MAC.
    pub refused: AuthCounters,
    /// What is known of the way to each neighbour beside its Hellos.
    pub ways: Vec<Way>,
    /// The change of its settings that is under way: how far it is, and the seconds that are left for that.
    pub change: Option<(String, u64)>,
    /// How the last such change ended since the start: `kept`, `rolled-back`, or a word of why nothing was changed.
    pub change_ended: Option<String>,
    /// What a radar keeps its radio from: `listening` or `left`, and the seconds that it may last.
    pub radar: Option<(String, u64)>,
}

/// What a radio, or who sends probes, knows of the way to a neighbour.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Way {
    /// The neighbour.
    pub address: Ipv6Addr,
    /// Whether it may be used.
    pub alive: bool,
    /// Seconds since it is so, where that is known.
    pub since_s: Option<u64>,
    /// Figures by their names, with their units.
    pub figures: Vec<(String, i64)>,
}

/// The ledger's exchange with the neighbours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// Those whom a stream leads to.
    pub peers: Vec<Peer>,
    /// Those who were turned away last: device, address, why (a word for programs), and seconds since.
    pub refused: Vec<(String, Ipv6Addr, String, u64)>,
    /// What was counted since the start, by a word for programs.
    pub counters: Vec<(String, u32)>,
}

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// The fingerprint of its key; `None` until it has proved to be a member.
    pub member: Option<String>,
    /// The member's name.
    pub name: Option<String>,
    /// The device.
    pub interface: String,
    /// Its link-local address.
    pub address: Ipv6Addr,
    /// Seconds since the stream was opened.
    pub since_s: u64,
    /// Records that went to it.
    pub sent: u32,
    /// Records that came from it.
    pub received: u32,
    /// Seconds since both sets were last compared to the end.
    pub compared_s: Option<u64>,
    /// Records that are still to be sent.
    pub to_send: u32,
    /// Records of it that are not verified yet.
    pub unread: u32,
    /// Whether both sets were compared and nothing is under way.
    pub even: bool,
}

/// Something that can be sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Its id, like `hora`.
    pub id: String,
    /// Its name, like `Una hora`.
    pub name: String,
    /// The price in minor units of the community's currency.
    pub price_cents: u64,
    /// The currency.
    pub currency: String,
    /// Digits behind the point.
    pub minor_units: u8,
    /// Seconds of use, if that is what runs out.
    pub used_s: Option<u64>,
    /// Days from the first use, if that is what runs out, or the rest of the use is gone after them.
    pub days: Option<u16>,
    /// Devices at one time.
    pub devices: u8,
    /// The hours of the day at which it works, like `22:00-06:00 UTC-06:00`; none is always.
    pub hours: Option<String>,
    /// MB that may pass in both directions together; none is any amount.
    pub data_mb: Option<u32>,
    /// The members who alone may sell it; nobody: each seller may.
    pub sellers: Vec<String>,
    /// Whether this node may, as far as the plan goes.
    pub sold_here: bool,
}

/// What was sold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// The lot.
    pub lot: LotId,
    /// The plan's id.
    pub plan: String,
    /// The price of one, in minor units.
    pub price_cents: u64,
    /// Who sold.
    pub person: String,
    /// The vouchers.
    pub vouchers: Vec<IssuedVoucher>,
    /// Whether they are free only once another node agrees: beyond the month's quota.
    pub waits: bool,
}

/// One voucher just made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedVoucher {
    /// What the customer gets.
    pub code: Code,
    /// Its public name.
    pub verifier: Verifier,
}

/// What the ledger knows of a voucher.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Voucher {
    /// Its public name.
    pub verifier: Verifier,
    /// The plan's id.
    pub plan: String,
    /// `printed`, `sold`, `activated`, `spent`, `revoked`.
    pub state: String,
    /// Who sold it.
    pub person: Option<String>,
    /// Seconds used, on all nodes.
    pub used_s: u64,
    /// Octets used in both directions, on all nodes.
    pub used_bytes: u64,
    /// Devices that it was used with.
    pub devices: u32,
}

/// Somebody who is online.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// The client number.
    pub client: u32,
    /// The voucher's public name.
    pub verifier: Verifier,
    /// The plan's name.
    pub plan: String,
    /// The devices.
    pub devices: Vec<MacAddress>,
    /// Whether one of them is here.
    pub there: bool,
    /// Whether it waits for the hours of its plan.
    pub closed: bool,
    /// Seconds that are left.
    pub remaining_s: u64,
    /// Octets that are left, if its plan has a limit of them.
    pub remaining_bytes: Option<u64>,
    /// Seconds used here.
    pub used_s: u64,
    /// Octets from the guest.
    pub up_bytes: u64,
    /// Octets to the guest.
    pub down_bytes: u64,
}
