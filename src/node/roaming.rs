//! Phones that walk from node to node, and who says that they have left.
//!
//! A device is known in the ledger by a tag, a keyed hash of voucher and address; its record is of the node that let it
//! in. When a stranger comes to the portal of node B, B hashes its address with every voucher that was ever let in somewhere
//! and finds the tag, and with it node A. Nobody learns an address, and nothing new is kept.
//!
//! ```text
//!  stranger ─▶ B: whose?  ─ status: "I ask for this tag" ─▶ all members, A among them
//!              A: probes the device, three times in 12 s ─ status: "it has left", or "it is here" ─▶ B
//!              B: let in without typing,   or not before a code or a cookie: two phones have one address
//! ```
//!
//! Only what is said *after* the question counts, so that the word of somebody behind a split is never an old one; and only A's
//! own word: a stolen router lets out none but those that it has let in. A node that is not heard lets nobody go: the code is typed.
//!
//! **What it costs**, reckoned and not measured on a router. One look is a hash of 14 octets for each device's record, two blocks of BLAKE2s with the key's
//! reckoned once: some 5,000 instructions, so that 1,000 guests of whom half are held twice are 7.5 million, 14 ms on a 24Kc of
//! 560 MHz; the most is 4,096 (40 ms), six times in three seconds (`base::limit`): a flood of strange addresses gets an eighth
//! of the processor and no more. On the air it is two statuses of some 170 octets, which each node hears once and verifies
//! (20 ms there): with 1,000 guests who walk ten times a day 3.4 MB and 400 s of processor a day, and a node tells
//! a status every five seconds at most, whatever happens.

use serde::{Deserialize, Serialize};

use super::Node;
use super::vault::Vault;
use crate::base::address::MacAddress;
use crate::base::limit::{ROAM_DEVICES, ROAM_FOUND, ROAM_SOUGHT, STATUS_DEVICE_BYTES};
use crate::base::time::{Instant, Span};
use crate::base::voucher::Verifier;
use crate::hotspot::output::{AskId, Whose};
use crate::hotspot::tariff::VoucherState;
use crate::ledger::{Body, RecordId};

/// A question, and an answer, is told for so long.
const TOLD: Span = Span::from_secs(60);
/// A browser waits for an answer so long: five seconds until the question is told, 16 of probes, five until the answer is.
const PATIENCE: Span = Span::from_secs(30);

/// What a status says of a device.
const ASKED: u8 = 0;
const LEFT: u8 = 1;
const HERE: u8 = 2;

/// What is told of devices, and what is known of those that this node has asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Roaming {
    sought: Vec<Sought>,
    /// Devices that others ask for: whether they are here, and since when that is told.
    found: Vec<([u8; 8], bool, Instant)>,
}

/// A device that this node asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Sought {
    tag: [u8; 8],
    /// Whose word counts.
    at: [u8; 32],
    since: Instant,
    here: Option<bool>,
}

impl Roaming {
    /// When something is told no more.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        let found = self.found.iter().map(|(.., at)| *at);
        found.chain(self.sought.iter().map(|sought| sought.since)).min().map(|at| at + TOLD)
    }

    /// Forgets what was told long enough.
    pub(super) fn forget(&mut self, now: Instant) {
        self.sought.retain(|sought| now.since(sought.since) < TOLD);
        self.found.retain(|(.., at)| now.since(*at) < TOLD);
    }

    /// The octets of a status.
    pub(super) fn told(&self) -> Option<Vec<u8>> {
        let sought =
            self.sought.iter().filter(|sought| sought.here.is_none()).map(|sought| (ASKED, sought.tag));
        let found = self.found.iter().map(|(tag, here, _)| (if *here { HERE } else { LEFT }, *tag));
        let told: Vec<u8> =
            sought.chain(found).flat_map(|(word, tag)| std::iter::once(word).chain(tag)).collect();
        (!told.is_empty()).then_some(told)
    }

    /// A device that somebody asked for is here, or has left.
    fn handle_found(&mut self, now: Instant, tag: [u8; 8], here: bool) {
        self.found.retain(|(known, ..)| *known != tag);
        if self.found.len() >= ROAM_FOUND {
            self.found.remove(0);
        }
        self.found.push((tag, here, now));
    }

    /// What its node says of a device; asks for it if nobody has. `None`: it has not said anything in time.
    fn here(&mut self, now: Instant, tag: [u8; 8], at: [u8; 32]) -> Result<bool, Option<Ask>> {
        self.forget(now);
        match self.sought.iter().find(|sought| sought.tag == tag && sought.at == at) {
            Some(Sought { here: Some(here), .. }) => Ok(*here),
            Some(sought) => Err((now.since(sought.since) < PATIENCE).then_some(Ask::Already)),
            None if self.sought.len() < ROAM_SOUGHT => {
                self.sought.push(Sought { tag, at, since: now, here: None });
                Err(Some(Ask::Now))
            }
            None => Err(None),
        }
    }
}

/// Whether a question is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ask {
    Already,
    Now,
}

impl Node {
    /// Tells the hotspot whose a stranger's device is.
    pub(super) fn recognise(&mut self, now: Instant, ask: AskId, mac: MacAddress, vault: &mut dyn Vault) {
        let whose = self.whose(now, mac, vault);
        if let Some(hotspot) = &mut self.hotspot {
            hotspot.handle_recognised(now, ask, whose);
        }
    }

    fn whose(&mut self, now: Instant, mac: MacAddress, vault: &mut dyn Vault) -> Whose {
        let tags: Vec<(Verifier, [u8; 8])> =
            self.ledger.devices().map(|(_, verifier, tag)| (verifier, tag)).take(ROAM_DEVICES).collect();
        let mut whose = Whose::Nobody;
        for (verifier, tag) in vault.find_devices(mac, &tags) {
            let own = self.ledger.own_key();
            // Who is not heard would not answer, and nobody waits for it.
            let may_answer = |key: &[u8; 32]| *key != own && !self.is_silent(now, key);
            let at = self.ledger.device_at(verifier, tag).filter(may_answer);
            let (Some(at), Some(proof), true) =
                (at, self.ledger.proof(verifier), self.has_more(now, verifier))
            else {
                continue;
            };
            match self.told.roaming.here(now, tag, at) {
                Ok(false) => return Whose::Left(verifier, proof),
                Ok(true) => whose = Whose::Elsewhere,
                Err(None) => {}
                Err(Some(ask)) => {
                    if ask == Ask::Now {
                        self.tell_status_soon();
                    }
                    if whose == Whose::Nobody {
                        whose = Whose::Asked;
                    }
                }
            }
        }
        whose
    }

    /// Whether a voucher is good and something is left on it.
    fn has_more(&self, now: Instant, verifier: Verifier) -> bool {
        match self.voucher_state(now, None, verifier) {
            VoucherState::Good(allowance) => {
                let since = Span::from_secs(allowance.since_first_use_s.unwrap_or(0));
                !allowance.is_spent(since)
            }
            _ => false,
        }
    }

    /// A device that another node asks for is here, or has left.
    pub(super) fn tell_found(&mut self, now: Instant, tag: [u8; 8], here: bool) {
        self.told.roaming.handle_found(now, tag, here);
        self.tell_status_soon();
    }

    /// What a member says of devices: it asks for some, and answers for others.
    pub(super) fn hear_devices(&mut self, now: Instant, id: RecordId, vault: &mut dyn Vault) {
        let Some(record) = self.ledger.record(id) else { return };
        let Body::Status(status) = &record.body else { return };
        let (author, own) = (record.author, self.ledger.own_key());
        let Some(told) = status.devices.clone().filter(|_| author != own) else { return };
        for (word, tag) in
            told.chunks_exact(STATUS_DEVICE_BYTES).filter_map(|one| Some((one[0], *one[1..].first_chunk()?)))
        {
            match word {
                ASKED => self.seek_for(now, tag, vault),
                LEFT | HERE => {
                    let sought = &mut self.told.roaming.sought;
                    if let Some(sought) = sought.iter_mut().find(|one| one.tag == tag && one.at == author) {
                        sought.here = Some(word == HERE);
                    }
                }
                _ => {}
            }
        }
    }

    /// Another node asks for a device: if this one let it in, it looks whether it is still there.
    fn seek_for(&mut self, now: Instant, tag: [u8; 8], vault: &mut dyn Vault) {
        let own = self.ledger.own_key();
        let mut devices = self.ledger.devices();
        let device = devices.find(|(author, _, known)| *author == own && *known == tag);
        let Some((_, verifier, _)) = device else { return };
        drop(devices);
        let mac = self.device_of_tag(verifier, tag, vault);
        if let (Some(hotspot), Some(mac)) = (&mut self.hotspot, mac) {
            hotspot.handle_wanted(now, verifier, mac);
        }
    }

    /// The device of a session here that has this tag.
    fn device_of_tag(&self, verifier: Verifier, tag: [u8; 8], vault: &mut dyn Vault) -> Option<MacAddress> {
        self.hotspot.as_ref()?.devices_of(verifier).find(|mac| vault.device_tag(verifier, *mac) == tag)
    }

    /// A device was let in at another node: if it has left this one, its place is free.
    pub(super) fn follow_device(&mut self, now: Instant, id: RecordId, vault: &mut dyn Vault) {
        let Some(record) = self.ledger.record(id) else { return };
        let Body::Device(device) = &record.body else { return };
        let (verifier, tag) = (device.verifier, device.tag);
        if self.ledger.device_at(verifier, tag) != Some(record.author) {
            return;
        }
        let mac = self.device_of_tag(verifier, tag, vault);
        if let (Some(hotspot), Some(mac)) = (&mut self.hotspot, mac) {
            hotspot.handle_gone(now, mac);
        }
    }
}
