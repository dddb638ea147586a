//! What leaves the hotspot: towards the kernel, the ledger, the guest's browser and the log.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::code::Code;
use super::meter::Meter;
use super::next::Next;
use super::portal::{Language, Page};
use super::tariff::Tariff;
use crate::base::address::MacAddress;
use crate::base::time::{Instant, Span};
use crate::base::voucher::{Keepsake, Proof, RequestId, Verifier};

/// The number of a voucher in use on this node: packet mark, counter, limit and quota hang on it.
/// Several devices of one voucher share it. Never 0, below 2^16.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ClientId(pub u32);

impl ClientId {
    /// The number of a policy by its place in the configuration; a node has 16 at most.
    pub const fn of_policy(index: u8) -> Self {
        Self(FIRST_POLICY + index as u32)
    }

    /// Whether it is a policy and no voucher.
    pub const fn is_policy(self) -> bool {
        self.0 >= FIRST_POLICY
    }
}

/// Vouchers have the numbers below. The base table knows policies by it.
const FIRST_POLICY: u32 = 0xff00;

/// One change of what the kernel lets through. A list of them is applied as one batch: all or nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum GuestChange {
    /// Let this device through for `lease`; also renews (replaces element and timeout, keeps counters).
    Admit {
        /// The device.
        mac: MacAddress,
        /// The client it belongs to.
        client: ClientId,
        /// Time until the kernel ends it by itself.
        lease: Span,
        /// Limit towards the guest in kbit/s; 0 is none.
        rate_down_kbps: u32,
        /// Limit from the guest in kbit/s; 0 is none.
        rate_up_kbps: u32,
    },
    /// Stop this device; running flows are cut at once.
    Dismiss {
        /// The device.
        mac: MacAddress,
        /// The client it belonged to.
        client: ClientId,
        /// Whether it was the client's last device, so that counters and limits go too.
        last: bool,
    },
    /// Hold a gate for `lease`; also renews.
    Hold {
        /// Which.
        gate: Gate,
        /// Time until the kernel lets go of it by itself.
        lease: Span,
    },
    /// Let go of a gate, whether it is held or not.
    Release {
        /// Which.
        gate: Gate,
    },
}

/// What holds for many at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Gate {
    /// Whoever has no voucher passes, slowly.
    Strangers,
    /// Nobody passes but to what is free for all.
    Night,
    /// There is no way outside: names by which phones find out get the portal's address.
    Offline,
    /// This client does not pass.
    Closed(ClientId),
    /// Everybody passes to this address and back.
    Service(IpAddr),
}

/// What the kernel has counted for one client since its counters were made. Counters only fall when
/// they are made anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageSample {
    /// Whose.
    pub client: ClientId,
    /// Octets from the guest.
    pub up_bytes: u64,
    /// Packets from the guest.
    pub up_packets: u64,
    /// Octets to the guest.
    pub down_bytes: u64,
    /// Packets to the guest.
    pub down_packets: u64,
}

/// One device that the kernel lets through, as found when the daemon starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdmittedGuest {
    /// The device.
    pub mac: MacAddress,
    /// The client it belongs to.
    pub client: ClientId,
    /// Time until the kernel ends it.
    pub remaining: Span,
}

/// A question of the hotspot that waits for its answer. Numbers are never used twice in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AskId(pub u64);

/// What the hotspot wants done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Output {
    /// Answer a guest's browser.
    Reply {
        /// Which request.
        request: RequestId,
        /// In which language.
        language: Language,
        /// With what.
        page: Box<Page>,
    },
    /// Change what the kernel lets through, as one batch in this order. A refusal comes back as
    /// [`handle_guests_failed`](super::Hotspot::handle_guests_failed).
    Guests(Vec<GuestChange>),
    /// Check the tag of a code and compute its chain; answered by
    /// [`handle_code_checked`](super::Hotspot::handle_code_checked).
    CheckCode {
        /// The question.
        ask: AskId,
        /// What was typed.
        code: Code,
    },
    /// Tell what a voucher gives; answered by [`handle_voucher`](super::Hotspot::handle_voucher).
    Voucher {
        /// The question.
        ask: AskId,
        /// Which voucher.
        verifier: Verifier,
        /// The device that wants to take it up; none if it runs already.
        mac: Option<MacAddress>,
    },
    /// A device was let in with a voucher.
    Activate {
        /// Which voucher.
        verifier: Verifier,
        /// That its code was typed.
        proof: Proof,
        /// The device.
        mac: MacAddress,
        /// What it may come back with.
        keepsake: Option<Keepsake>,
        /// What it came back with, which is spent.
        returned: Option<Keepsake>,
    },
    /// Tell whose device shows this keepsake; answered by
    /// [`handle_code_checked`](super::Hotspot::handle_code_checked).
    Return {
        /// The question.
        ask: AskId,
        /// The voucher that it names.
        verifier: Verifier,
        /// What it shows.
        keepsake: Keepsake,
    },
    /// A device was let out as it wanted: whatever it kept is spent.
    Forget {
        /// Its voucher.
        verifier: Verifier,
        /// The device.
        mac: MacAddress,
    },
    /// What a voucher has used on this node: absolute totals, each at least as large as the last.
    Used {
        /// Which voucher.
        verifier: Verifier,
        /// Seconds of use on this node; a second that has begun counts.
        used_s: u64,
        /// Seconds since its first use anywhere, as far as this node can tell.
        since_first_use_s: u64,
        /// Octets from guests on this node.
        up_bytes: u64,
        /// Octets to guests on this node.
        down_bytes: u64,
    },
    /// Keep this list where a restart of the daemon finds it and a reboot does not (RAM): it holds MACs.
    SaveSessions(Vec<SavedSession>),
    /// Read the counters of all clients; answered by [`handle_usage`](super::Hotspot::handle_usage).
    ReadUsage,
    /// Ask the air for these devices, and tell what they said to the question before; answered by
    /// [`handle_sought`](super::Hotspot::handle_sought).
    Seek(Vec<MacAddress>),
    /// Tell whose device this is; answered by [`handle_recognised`](super::Hotspot::handle_recognised).
    Recognise {
        /// The question.
        ask: AskId,
        /// The device.
        mac: MacAddress,
    },
    /// A device that another node asks for is here, or has left.
    Found {
        /// Its voucher.
        verifier: Verifier,
        /// Which.
        mac: MacAddress,
        /// Whether it is here.
        here: bool,
    },
    /// Something that somebody may want to know.
    Event(Event),
}

/// Whose a device is that has no session here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Whose {
    /// Nobody knows.
    Nobody,
    /// It was let in at another node, which is being asked whether it is still there.
    Asked,
    /// A device with its address is still in use there.
    Elsewhere,
    /// It was let in there with this voucher, and has left.
    Left(Verifier, Proof),
}

/// What happened, for the log and for alerts. No MAC and no code stands in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A voucher came into use on this node.
    SessionOpened {
        /// Its number here.
        client: ClientId,
        /// Which voucher.
        verifier: Verifier,
    },
    /// A voucher is no longer in use on this node.
    SessionEnded {
        /// Its number here.
        client: ClientId,
        /// Which voucher.
        verifier: Verifier,
        /// Why.
        why: EndReason,
    },
    /// A device had to go because its voucher came into use on one more than it allows.
    DeviceYielded {
        /// The voucher's number here.
        client: ClientId,
    },
    /// A code was typed that opens nothing.
    CodeRefused(Refusal),
    /// After a start: what the kernel and the saved list had in common.
    Adopted {
        /// Sessions that go on.
        sessions: u32,
        /// Devices that the kernel let through and nobody knew.
        dismissed: u32,
    },
    /// The kernel refused changes; they are tried again.
    GuestsRefused {
        /// How many changes.
        changes: u32,
        /// How many of them are given up: the next renewal or the end of the lease mends them.
        given_up: u32,
        /// What the kernel said.
        why: String,
    },
    /// Guests say that there is no internet here.
    NoInternet,
    /// All places are taken by devices in use; a guest was told to try again.
    Full,
    /// More codes are being checked than this node can; a guest was told to try again.
    Busy,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndReason {
    /// Nothing is left on the voucher.
    UsedUp,
    /// The voucher was taken back.
    Revoked,
    /// Its only device came back with another voucher.
    Replaced,
    /// Its only device wanted out.
    LoggedOut,
    /// It was idle longest when a place was needed.
    Idle,
    /// Whoever takes care of the node ended it.
    Caretaker,
    /// Its only device has left, and was let in at another node.
    Elsewhere,
}

impl EndReason {
    /// In words, for the log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::UsedUp => "used up",
            Self::Revoked => "revoked",
            Self::Replaced => "replaced",
            Self::LoggedOut => "logged out",
            Self::Idle => "idle",
            Self::Caretaker => "by a caretaker",
            Self::Elsewhere => "elsewhere",
        }
    }
}

/// Why a code that was typed opens nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Refusal {
    /// Its tag does not fit: a typing mistake, or a guess.
    Tag,
    /// Its tag fits and no lot holds it.
    Unknown,
    /// It was taken back.
    Revoked,
    /// Nothing is left.
    UsedUp,
    /// Too many devices have taken each other's place today.
    Moved,
    /// The keepsake that a device shows is spent, or none.
    Forgotten,
}

impl Refusal {
    /// In words, for the log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tag => "mistyped, or guessed",
            Self::Unknown => "of no lot",
            Self::Revoked => "revoked",
            Self::UsedUp => "used up",
            Self::Moved => "moved too often",
            Self::Forgotten => "a spent keepsake",
        }
    }
}

/// One session as it is kept over a restart of the daemon.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedSession {
    /// Its number.
    pub client: ClientId,
    /// Which voucher.
    pub verifier: Verifier,
    /// What was sold.
    pub tariff: Tariff,
    /// What was counted.
    pub meter: Meter,
    /// When this was written. Later instants of the same boot tell how long the daemon was away; an
    /// earlier one tells nothing, and then the time between counts for nobody.
    pub saved_at: Instant,
    /// Whether use counted then: the uplink was up, and it was an hour of its plan.
    pub uplink: bool,
    /// Time on the online clock since the counters were last read.
    pub unread: Span,
    /// When the kernel ends it at the latest if the daemon dies before it saves again.
    pub lease_end: Instant,
    /// The devices, oldest first.
    pub devices: Vec<MacAddress>,
    /// What waits at which of them, in this order.
    #[serde(default)]
    pub next: Vec<(MacAddress, Next)>,
}
