//! The octets of a change: its record on flash, and what the two ends say.

use serde::{Deserialize, Serialize};

use super::{ChangeId, Setting, Side, Wanted, Why};
use crate::base::bytes::Reader;

/// How far a change has come, as flash knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Phase {
    /// Nothing was changed.
    Armed = 1,
    /// The new settings are tried, or will be in a moment.
    Trying = 2,
    /// This end has decided for the new ones.
    Kept = 3,
}

/// A change, as it stands on flash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its number.
    pub id: ChangeId,
    /// Which end this is.
    pub side: Side,
    /// How far it has come.
    pub phase: Phase,
    /// The device.
    pub device: String,
    /// The member at the other end.
    pub peer: [u8; 32],
    /// What it is to be.
    pub wanted: Wanted,
    /// How long an end may try, seconds.
    pub dead_man_s: u16,
}

/// What one end says to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Arm this.
    Ask {
        /// What it is to be.
        wanted: Wanted,
        /// How long an end may try, seconds.
        dead_man_s: u16,
    },
    /// It is armed here.
    Armed,
    /// It is not, and will not be.
    No(Why),
    /// Apply it so long after this arrives.
    Go {
        /// Which of several.
        number: u16,
        /// Milliseconds.
        delay_ms: u32,
    },
    /// It is applied so long after this was sent.
    Going {
        /// The number of what it answers.
        number: u16,
        /// Milliseconds.
        left_ms: u32,
    },
    /// The test passed here.
    Passed,
    /// It is kept here: keep it too.
    Keep,
    /// It is kept here too.
    Kept,
    /// Nothing is known of it here (any more).
    Unknown,
}

/// The version of both forms.
const VERSION: u8 = 1;
/// Octets of a device's name.
const DEVICE_BYTES: usize = 15;

impl Record {
    /// Whether a boot that finds it goes back to the old settings, before the interface comes up.
    pub fn is_undone_at_boot(&self) -> bool {
        self.phase < Phase::Kept
    }

    /// Its octets.
    pub fn encode(&self) -> Vec<u8> {
        let side = if self.side == Side::Near { 0 } else { 1 };
        let mut bytes = vec![VERSION, side, self.phase as u8];
        bytes.extend(self.id.0.to_be_bytes());
        bytes.extend(self.peer);
        bytes.extend(self.dead_man_s.to_be_bytes());
        write_wanted(&mut bytes, &self.wanted);
        let device = &self.device.as_bytes()[..self.device.len().min(DEVICE_BYTES)];
        bytes.extend(device);
        bytes
    }

    /// Reads a record; `None` if it makes no sense.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let [version, side, phase] = reader.array().ok()?;
        let side = [Side::Near, Side::Far].get(usize::from(side)).copied()?;
        let phases = [Phase::Armed, Phase::Trying, Phase::Kept];
        let phase = phases.into_iter().find(|one| *one as u8 == phase).filter(|_| version == VERSION)?;
        let id = ChangeId(u64::from_be_bytes(reader.array().ok()?));
        let peer = reader.array().ok()?;
        let dead_man_s = reader.u16().ok()?;
        let wanted = read_wanted(&mut reader)?;
        let device = reader.take(reader.remaining()).ok()?;
        let device =
            std::str::from_utf8(device).ok().filter(|device| (1..=DEVICE_BYTES).contains(&device.len()))?;
        Some(Self { id, side, phase, device: device.to_owned(), peer, wanted, dead_man_s })
    }
}

impl Message {
    /// Its octets, those of the change's number first.
    pub fn encode(&self, id: ChangeId) -> Vec<u8> {
        let mut bytes = vec![VERSION, self.kind()];
        bytes.extend(id.0.to_be_bytes());
        match self {
            Self::Ask { wanted, dead_man_s } => {
                bytes.extend(dead_man_s.to_be_bytes());
                write_wanted(&mut bytes, wanted);
            }
            Self::No(why) => bytes.push(*why as u8),
            Self::Go { number, delay_ms: millis } | Self::Going { number, left_ms: millis } => {
                bytes.extend(number.to_be_bytes());
                bytes.extend(millis.to_be_bytes());
            }
            Self::Armed | Self::Passed | Self::Keep | Self::Kept | Self::Unknown => {}
        }
        bytes
    }

    /// Reads one; `None` if it makes no sense, or to this version.
    pub fn decode(bytes: &[u8]) -> Option<(ChangeId, Self)> {
        let mut reader = Reader::new(bytes);
        let [version, kind] = reader.array().ok()?;
        if version != VERSION {
            return None;
        }
        let id = ChangeId(u64::from_be_bytes(reader.array().ok()?));
        let message = match kind {
            1 => Self::Ask { dead_man_s: reader.u16().ok()?, wanted: read_wanted(&mut reader)? },
            2 => Self::Armed,
            3 => {
                let [word] = reader.array().ok()?;
                Self::No(Why::ALL.iter().map(|row| row.0).find(|why| *why as u8 == word)?)
            }
            4 => Self::Go { number: reader.u16().ok()?, delay_ms: reader.u32().ok()? },
            5 => Self::Going { number: reader.u16().ok()?, left_ms: reader.u32().ok()? },
            6 => Self::Passed,
            7 => Self::Keep,
            8 => Self::Kept,
            9 => Self::Unknown,
            _ => return None,
        };
        reader.is_empty().then_some((id, message))
    }

    const fn kind(&self) -> u8 {
        match self {
            Self::Ask { .. } => 1,
            Self::Armed => 2,
            Self::No(_) => 3,
            Self::Go { .. } => 4,
            Self::Going { .. } => 5,
            Self::Passed => 6,
            Self::Keep => 7,
            Self::Kept => 8,
            Self::Unknown => 9,
        }
    }
}

fn write_wanted(bytes: &mut Vec<u8>, wanted: &Wanted) {
    // There are six settings.
    bytes.push(wanted.settings().count() as u8);
    for (setting, value) in wanted.settings() {
        bytes.push(setting as u8);
        bytes.extend(value.to_be_bytes());
    }
    // It is the last one, and its number how long it is.
    bytes.extend(wanted.ssid.as_bytes());
}

/// In order, each once, each within its bounds, at least one.
fn read_wanted(reader: &mut Reader<'_>) -> Option<Wanted> {
    let [count] = reader.array().ok()?;
    let (mut wanted, mut last) = (Wanted::default(), None);
    for _ in 0..count {
        let [word] = reader.array().ok()?;
        let value = reader.u32().ok()?;
        let setting = Setting::ALL.iter().map(|row| row.0).find(|one| *one as u8 == word)?;
        if !setting.allows(value) || last.replace(setting).is_some_and(|last| last >= setting) {
            return None;
        }
        if setting == Setting::Ssid {
            let name = std::str::from_utf8(reader.take(value as usize).ok()?).ok()?;
            wanted.ssid = Some(name).filter(|name| Wanted::is_name(name))?.to_owned();
        } else {
            wanted.numbers.push((setting, value));
        }
    }
    last.map(|_| wanted)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(numbers: &[(Setting, u32)]) -> Wanted {
        Wanted { numbers: numbers.to_vec(), ..Wanted::default() }
    }

    #[test]
    fn records_and_messages_read_what_they_wrote() {
        let numbers = vec![(Setting::Channel, 5_785), (Setting::Power, 0), (Setting::Key, 7)];
        let wanted = Wanted { numbers, ssid: "Peña 'alta'".to_owned() };
        for (side, phase) in
            [(Side::Near, Phase::Armed), (Side::Far, Phase::Trying), (Side::Near, Phase::Kept)]
        {
            let (id, device) = (ChangeId(0x0102_0304_0506_0708), "wlan0.sta1".to_owned());
            let record =
                Record { id, side, phase, device, peer: [9; 32], wanted: wanted.clone(), dead_man_s: 180 };
            assert_eq!(Record::decode(&record.encode()), Some(record.clone()));
            assert_eq!(record.is_undone_at_boot(), phase != Phase::Kept);
        }
        let name_alone = Wanted { ssid: "x".repeat(32), ..Wanted::default() };
        let messages = [
            Message::Ask { wanted, dead_man_s: 20 },
            Message::Ask { wanted: name_alone, dead_man_s: 20 },
            Message::Armed,
            Message::No(Why::TooSoon),
            Message::Go { number: 3, delay_ms: 3_000 },
            Message::Going { number: 3, left_ms: 2_900 },
            Message::Passed,
            Message::Keep,
            Message::Kept,
            Message::Unknown,
        ];
        for message in messages {
            assert_eq!(Message::decode(&message.encode(ChangeId(5))), Some((ChangeId(5), message)));
        }
    }

    #[test]
    fn what_no_end_of_ours_would_write_is_refused() {
        let name = |ssid: &str| Wanted { ssid: ssid.to_owned(), ..Wanted::default() };
        for wanted in [
            numbers(&[]),
            numbers(&[(Setting::Channel, 100)]),
            numbers(&[(Setting::Power, 20), (Setting::Channel, 5_745)]),
            numbers(&[(Setting::Power, 20), (Setting::Power, 21)]),
            numbers(&[(Setting::Ssid, 0)]),
            numbers(&[(Setting::Ssid, 1)]),
            name(&"x".repeat(33)),
            name("two\nlines"),
            name("\0"),
        ] {
            let bytes = Message::Ask { wanted: wanted.clone(), dead_man_s: 180 }.encode(ChangeId(1));
            assert_eq!(Message::decode(&bytes), None, "{wanted:?}");
        }
        let mut long = Message::Keep.encode(ChangeId(1));
        long.push(0);
        assert_eq!(Message::decode(&long), None);
        let mut half = Message::Ask { wanted: name("ñ"), dead_man_s: 180 }.encode(ChangeId(1));
        half.pop();
        assert_eq!(Message::decode(&half), None, "half of a letter");
        half.push(0xff);
        assert_eq!(Message::decode(&half), None, "no letter");
    }

    proptest! {
        #[test]
        fn nonsense_never_panics_and_what_is_read_is_written_alike(
            bytes in proptest::collection::vec(any::<u8>(), 0..80),
        ) {
            if let Some((id, message)) = Message::decode(&bytes) {
                prop_assert_eq!(message.encode(id), bytes.clone());
            }
            if let Some(record) = Record::decode(&bytes) {
                prop_assert_eq!(record.encode(), bytes);
            }
        }
    }
}
