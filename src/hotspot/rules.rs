//! What holds at this node whatever voucher somebody has: how the network is run, and who needs no voucher.
//!
//! Who decides it (a signed record, hours of the day) is not known here. What the kernel is told of it ends by itself as a
//! lease does, and is renewed as long as it holds.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::output::{ClientId, Gate, UsageSample};
use super::tariff::Tariff;
use crate::base::address::MacAddress;
use crate::base::time::Instant;

/// What holds now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// How the network is run.
    pub mode: Mode,
    /// Why, in somebody's words; may be empty.
    pub reason: String,
    /// Whether hours are off, because nobody knows what time it is.
    pub clockless: bool,
    /// Who needs no voucher.
    pub policies: Vec<Policy>,
    /// What members serve to everybody.
    pub services: Vec<FreeService>,
}

/// A service that is free for everybody, by a record of the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FreeService {
    /// Its name for people, behind its picture.
    pub title: String,
    /// Where a browser finds it.
    pub url: String,
    /// Whether it answers its own member.
    pub answers: bool,
    /// Where it lives.
    pub addresses: Vec<IpAddr>,
}

/// How the network is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Mode {
    /// As every day.
    #[default]
    Usual,
    /// Whoever has no voucher passes too, slowly, while there is an uplink.
    Emergency,
    /// Nobody passes but to what is free for all, and with a policy. No use counts.
    Night,
}

/// School, clinic or base station: passes without a voucher, and before the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Its number: of [`ClientId::of_policy`].
    pub client: ClientId,
    /// Its name for people.
    pub name: String,
    /// Whether these are its hours.
    pub open: bool,
    /// Its devices among the guests.
    pub macs: Vec<MacAddress>,
    /// Whether it has a network of its own, which the base table knows.
    pub has_network: bool,
    /// Limit towards its guests in kbit/s; 0 is none.
    pub rate_down_kbps: u32,
    /// Limit from its guests in kbit/s; 0 is none.
    pub rate_up_kbps: u32,
}

/// The rules, and what the kernel was told of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct House {
    pub(super) rules: Rules,
    pub(super) held: Vec<Gate>,
    pub(super) let_in: Vec<(MacAddress, ClientId)>,
    pub(super) renew_at: Option<Instant>,
    /// What the kernel has counted of policies, at the last reading.
    pub(super) counted: Vec<UsageSample>,
    /// Seconds since 1970 and when that was, if anybody knows the time.
    pub(super) clock: Option<(u64, Instant)>,
}

impl House {
    /// Whether now is no hour of this plan. While nobody knows the time every hour is.
    pub(super) fn is_closed(&self, now: Instant, tariff: &Tariff) -> bool {
        let unix_s = self.clock.map(|(unix_s, at)| unix_s.saturating_add(now.since(at).as_secs()));
        tariff.hours.zip(unix_s).is_some_and(|(hours, unix_s)| !hours.have(unix_s))
    }
}

impl Rules {
    /// What the kernel has to hold, with or without a way outside.
    pub(super) fn gates(&self, uplink: bool) -> Vec<Gate> {
        let mode = match self.mode {
            // Without an uplink strangers find the portal, and what it has to say.
            Mode::Emergency if uplink => Some(Gate::Strangers),
            Mode::Night => Some(Gate::Night),
            _ => None,
        };
        let offline = Some(Gate::Offline).filter(|_| !uplink);
        let closed = self.policies.iter().filter(|policy| !policy.open && policy.has_network);
        let closed = closed.map(|policy| Gate::Closed(policy.client));
        let services = self.services.iter().flat_map(|service| &service.addresses);
        mode.into_iter().chain(offline).chain(closed).chain(services.map(|one| Gate::Service(*one))).collect()
    }

    /// The devices that need no voucher now.
    pub(super) fn free(&self) -> impl Iterator<Item = (MacAddress, &Policy)> {
        let open = self.policies.iter().filter(|policy| policy.open);
        open.flat_map(|policy| policy.macs.iter().map(move |mac| (*mac, policy)))
    }
}
