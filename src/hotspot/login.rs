//! Questions that wait for an answer: codes that were typed, and vouchers of sessions that went on
//! over a restart.

use serde::{Deserialize, Serialize};

use crate::base::sorted::SortedMap;

use super::code::Code;
use super::next::Next;
use super::output::AskId;
use super::portal::{Language, Notice, Typed};
use crate::base::address::MacAddress;
use crate::base::limit::{HOTSPOT_CHECKS, HOTSPOT_SESSIONS, HOTSPOT_WAITING};
use crate::base::time::{Instant, Span};
use crate::base::voucher::{Keepsake, Proof, RequestId, Verifier};

/// A browser gets a page that asks again after this time: 2 s before the request is given up.
const PATIENCE: Span = Span::from_secs(8);
/// A check that took longer than this is forgotten.
const LIFETIME: Span = Span::from_secs(60);

/// A code that was typed and is being checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Login {
    /// The device it was typed on.
    pub(crate) mac: MacAddress,
    /// The browsers that wait for the answer.
    pub(crate) waiting: Vec<(RequestId, Language)>,
    /// What was typed, to be shown again if it is wrong.
    pub(crate) typed: Typed,
    /// With what it asks to be let in.
    pub(crate) shown: Shown,
    /// What it may come back with from now on, with the answer to this request.
    pub(crate) fresh: Option<(RequestId, Keepsake)>,
    /// When it was typed.
    pub(crate) began: Instant,
    /// How far it is.
    pub(crate) stage: Stage,
    /// What waits behind it.
    pub(crate) next: Vec<Next>,
}

/// With what a device asks to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Shown {
    /// A code.
    Code(Code),
    /// A keepsake, for the voucher that it names.
    Keepsake(Verifier, Keepsake),
    /// Nothing but its own address, which another node knows.
    Address,
    /// Nothing: its code was typed before, and waited.
    Next,
}

/// How far the check of a code is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Stage {
    /// The vault computes.
    Checking,
    /// The ledger is asked.
    Asking {
        /// For which voucher.
        verifier: Verifier,
        /// That its code was typed.
        proof: Proof,
    },
    /// It was refused when no browser waited any more; the next page of this device says so.
    Refused(Notice),
}

/// All questions that wait.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Logins {
    waiting: SortedMap<AskId, Login>,
    refreshing: SortedMap<AskId, Verifier>,
    next: u64,
}

impl Logins {
    /// Keeps a login that begins; `None` if too many wait already.
    pub(crate) fn begin(&mut self, login: Login) -> Option<AskId> {
        if self.waiting.len() >= HOTSPOT_CHECKS {
            // Answers that nobody has fetched are the first to go.
            let refused = |(_, login): &(&AskId, &Login)| matches!(login.stage, Stage::Refused(_));
            let oldest = self.waiting.iter().find(refused).map(|(ask, _)| *ask)?;
            self.waiting.remove(&oldest);
        }
        let ask = self.ask();
        self.waiting.insert(ask, login);
        Some(ask)
    }

    /// Keeps a login that nobody waits for: that of a device whose session has just ended, of which there are not more than sessions.
    pub(crate) fn go_on(&mut self, login: Login) -> Option<AskId> {
        if self.waiting.len() >= HOTSPOT_CHECKS + HOTSPOT_SESSIONS {
            return None;
        }
        let ask = self.ask();
        self.waiting.insert(ask, login);
        Some(ask)
    }

    /// Keeps the question about a voucher in use; `None` if there are more than sessions can be.
    pub(crate) fn refresh(&mut self, verifier: Verifier) -> Option<AskId> {
        if self.refreshing.len() >= HOTSPOT_SESSIONS {
            return None;
        }
        let ask = self.ask();
        self.refreshing.insert(ask, verifier);
        Some(ask)
    }

    /// The voucher in use that was asked for.
    pub(crate) fn refreshed(&mut self, ask: AskId) -> Option<Verifier> {
        self.refreshing.remove(&ask)
    }

    /// The login of a device.
    pub(crate) fn of_device(&mut self, mac: MacAddress) -> Option<(AskId, &mut Login)> {
        self.waiting.iter_mut().find(|(_, login)| login.mac == mac).map(|(ask, login)| (*ask, login))
    }

    /// Whether this code is being checked for any device.
    pub(crate) fn is_checking(&self, code: Code) -> bool {
        let same = |login: &Login| login.shown == Shown::Code(code);
        self.waiting.values().any(|login| same(login) && !matches!(login.stage, Stage::Refused(_)))
    }

    /// Takes a login out.
    pub(crate) fn take(&mut self, ask: AskId) -> Option<Login> {
        self.waiting.remove(&ask)
    }

    /// Puts a login back under its old number.
    pub(crate) fn put_back(&mut self, ask: AskId, login: Login) {
        self.waiting.insert(ask, login);
    }

    /// Forgets what is too old and takes out the browsers that have waited long enough.
    pub(crate) fn lose_patience(&mut self, now: Instant) -> Vec<(RequestId, Language)> {
        let mut released = Vec::new();
        for login in self.waiting.values_mut().filter(|login| now >= login.began + PATIENCE) {
            released.append(&mut login.waiting);
        }
        self.waiting.retain(|_, login| now < login.began + LIFETIME);
        released
    }

    /// When [`lose_patience`](Self::lose_patience) has something to do.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        let due = |login: &Login| login.began + if login.waiting.is_empty() { LIFETIME } else { PATIENCE };
        self.waiting.values().map(due).min()
    }

    /// Codes being checked.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len()
    }

    fn ask(&mut self) -> AskId {
        self.next = self.next.wrapping_add(1);
        AskId(self.next)
    }
}

impl Login {
    /// One that begins, for the browser that waits, if one does.
    pub(crate) fn new(
        now: Instant,
        mac: MacAddress,
        waiting: Option<(RequestId, Language)>,
        (shown, typed): (Shown, Typed),
        fresh: Option<Keepsake>,
    ) -> Self {
        let fresh = waiting.zip(fresh).map(|((request, _), keepsake)| (request, keepsake));
        let waiting = waiting.into_iter().collect();
        Self { mac, waiting, typed, shown, fresh, began: now, stage: Stage::Checking, next: Vec::new() }
    }

    /// The keepsake with which the device comes back.
    pub(crate) const fn returns(&self) -> Option<Keepsake> {
        match self.shown {
            Shown::Keepsake(_, keepsake) => Some(keepsake),
            Shown::Code(_) | Shown::Address | Shown::Next => None,
        }
    }

    /// Another request waits for the same answer; false if too many do.
    pub(crate) fn join(&mut self, request: RequestId, language: Language) -> bool {
        let room = self.waiting.len() < HOTSPOT_WAITING;
        if room {
            self.waiting.push((request, language));
        }
        room
    }
}
