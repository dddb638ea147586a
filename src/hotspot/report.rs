//! What the hotspot shows of itself.

use serde::{Deserialize, Serialize};

use super::output::{ClientId, Refusal};
use crate::base::address::MacAddress;
use crate::base::time::Span;
use crate::base::voucher::Verifier;

/// The hotspot at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Sessions, by client id.
    pub sessions: Vec<SessionReport>,
    /// Devices that still fit.
    pub room: u32,
    /// Codes being checked.
    pub checking: u32,
    /// Whether use is being counted.
    pub uplink: bool,
    /// What has happened since the start.
    pub counters: Counters,
}

/// One voucher in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionReport {
    /// Its number on this node.
    pub client: ClientId,
    /// Which voucher.
    pub verifier: Verifier,
    /// Name of its plan.
    pub plan: String,
    /// Its devices, oldest first. A caretaker sees those of her own node; nobody else does.
    pub devices: Vec<MacAddress>,
    /// Whether one of them is here, as far as probes tell.
    pub there: bool,
    /// Whether it waits for the hours of its plan.
    pub closed: bool,
    /// What is left, as of the last reading.
    pub remaining: Span,
    /// Octets that are left as of the last reading, if its plan has a limit of them.
    pub remaining_bytes: Option<u64>,
    /// Seconds of use on this node.
    pub used_s: u64,
    /// Time since the first use anywhere.
    pub since_first_use: Span,
    /// Octets from guests on this node.
    pub up_bytes: u64,
    /// Octets to guests on this node.
    pub down_bytes: u64,
    /// Time since the last packet was seen.
    pub idle: Span,
    /// Until the kernel ends it by itself.
    pub lease: Span,
}

/// What has happened since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    /// Requests of browsers.
    pub requests: u64,
    /// Of these, redirected to the portal.
    pub redirects: u64,
    /// Devices let in with a code.
    pub logins: u64,
    /// Texts that could be no code.
    pub misspelt: u64,
    /// Codes whose tag did not fit.
    pub wrong: u64,
    /// Codes that no lot holds.
    pub unknown: u64,
    /// Codes that were taken back.
    pub revoked: u64,
    /// Codes with nothing left.
    pub used_up: u64,
    /// Codes that went from device to device too often.
    pub moved: u64,
    /// Keepsakes that were spent, or none.
    pub forgotten: u64,
    /// Devices with the address of one that is in use at another node.
    pub suspended: u64,
    /// Forms that no page of ours had sent.
    pub foreign: u64,
    /// Tries that were told to wait.
    pub throttled: u64,
    /// Tries that found the node busy or full.
    pub busy: u64,
    /// Batches that the kernel refused.
    pub batches_refused: u64,
    /// Events dropped because nobody polled.
    pub events_dropped: u64,
}

impl Counters {
    pub(crate) fn refusal(&mut self, refusal: Refusal) {
        let counter = match refusal {
            Refusal::Tag => &mut self.wrong,
            Refusal::Unknown => &mut self.unknown,
            Refusal::Revoked => &mut self.revoked,
            Refusal::UsedUp => &mut self.used_up,
            Refusal::Moved => &mut self.moved,
            Refusal::Forgotten => &mut self.forgotten,
        };
        *counter = counter.wrapping_add(1);
    }
}
