//! The change of a link at both its ends, though they can only speak over the link that changes.
//!
//! ```text
//!  near end (where somebody asked)               far end
//!  Arm: old and new settings on flash
//!  Ask ─────────────────────────────────────────▶ may it? Arm
//!      ◀───────────────────────────────────────── Armed
//!  Go, in 3 s ──────────────────────────────────▶ the instant stands
//!      ◀───────────────────────────────────────── Going, in 2.9 s: less half of the way there and back
//!  a second later: apply                          apply
//!  test: 20 probes, less than 20 % lost           test
//!      ◀───────────────────────────────────────── Passed
//!  kept, on flash; Keep ────────────────────────▶ kept, on flash
//!  forget       ◀──────────────────────────────── Kept
//!      ─────────────────────────────────────────▶ Unknown: forget
//! ```
//!
//! Until it has *kept* the new settings, each end goes back to the old ones by itself: when the dead-man time is over, when
//! the test fails, after a crash, and at a boot that finds a change ([`Record::is_undone_at_boot`]). No message is needed.
//!
//! No protocol makes two ends decide alike over a link that loses any message, the last one too. So an end that
//! has kept remembers the old settings until it has heard that the other one is done, and while it hears nothing it tries
//! both in turn, for times that differ between near and far. Where they meet, they stay: an end that is done stays where
//! it is, so the other one finds it there.
//!
//! Everything goes over the members' stream of that same link: who is not the member at its other end is not heard here.
//! No key travels: a new one is derived by both from what each knows of the other ([`Setting::Key`] is a number).

mod end;
mod record;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use end::{Change, Stage};
pub use record::{Message, Phase, Record};

/// The number of a change, drawn by the near end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangeId(pub u64);

/// What can be changed. The numbers are those of the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Setting {
    /// The middle of the first 20 MHz, MHz.
    Channel = 1,
    /// MHz.
    Width = 2,
    /// dBm.
    Power = 3,
    /// Metres, of which the coverage class follows.
    Distance = 4,
    /// The how-manieth key that both ends derive.
    Key = 5,
    /// The network's name; its number is how many octets it has.
    Ssid = 6,
}

impl Setting {
    /// Each with its word, in UCI and on the command line, and what it may be.
    pub const ALL: [(Self, &str, u32, u32); 6] = [
        (Self::Channel, "channel", 2_300, 7_200),
        (Self::Width, "width", 5, 160),
        (Self::Power, "power", 0, 40),
        (Self::Distance, "distance", 0, 120_000),
        (Self::Key, "key", 1, u32::MAX),
        (Self::Ssid, "ssid", 1, 32),
    ];

    /// The setting of this word.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|row| row.1 == word).map(|row| row.0)
    }

    /// Its word.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|row| row.0 == self).map_or("", |row| row.1)
    }

    /// Whether it may be this.
    pub fn allows(self, value: u32) -> bool {
        Self::ALL.iter().any(|row| row.0 == self && (row.2..=row.3).contains(&value))
    }
}

/// What a link is to be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// Settings that are numbers, each once, in order.
    pub numbers: Vec<(Setting, u32)>,
    /// The network's name, 1 to 32 octets of text; empty: it stays.
    pub ssid: String,
}

impl Wanted {
    /// All settings that are named, in order, with their numbers.
    pub fn settings(&self) -> impl Iterator<Item = (Setting, u32)> {
        let name = u32::try_from(self.ssid.len()).ok().filter(|octets| *octets > 0);
        self.numbers.iter().copied().chain(name.map(|octets| (Setting::Ssid, octets)))
    }

    /// Whether a network may be called this: a text of one line that a person can type (IEEE 802.11 allows any octets).
    pub fn is_name(ssid: &str) -> bool {
        u32::try_from(ssid.len()).is_ok_and(|octets| Setting::Ssid.allows(octets))
            && !ssid.chars().any(char::is_control)
    }
}

/// Which settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Which {
    /// Those of before.
    Old,
    /// Those that are tried.
    New,
}

/// Where somebody asked for it, or the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Side {
    /// It begins, and applies last.
    Near,
    /// It is asked, and applies first.
    Far,
}

/// What the platform is to do. Each but the last is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Put the record and the present settings of its device on flash, and say
    /// [`Done`](Change::handle_done); refuse while somebody else changes the radio's settings.
    Arm(Record),
    /// Replace the record on flash, and say done.
    Save(Record),
    /// Give the device these settings, and say done.
    Apply(Record, Which),
    /// Take record and copy from flash.
    Forget(ChangeId),
}

/// How a change ended at this end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// The new settings hold.
    Kept,
    /// The old ones hold again.
    RolledBack,
    /// Nothing was changed: a word of why.
    Refused(Why),
}

/// Why nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Why {
    /// This end could not put it on flash, or somebody else is changing the radio.
    NotArmed = 1,
    /// The settings of that end do not allow it.
    NotAllowed = 2,
    /// Another change is under way there.
    Busy = 3,
    /// The last one was less than ten minutes ago.
    TooSoon = 4,
    /// Nobody answers.
    Silence = 5,
}

impl Why {
    /// All of them, with a word for programs and a sentence.
    pub const ALL: [(Self, &str, &str); 5] = [
        (
            Self::NotArmed,
            "not-armed",
            "could not keep the old settings, or its radio is being changed by somebody else",
        ),
        (Self::NotAllowed, "not-allowed", "does not allow this (list change in its settings)"),
        (Self::Busy, "busy", "has another change under way"),
        (Self::TooSoon, "too-soon", "was changed less than ten minutes ago"),
        (Self::Silence, "silence", "does not answer over this link"),
    ];
}
