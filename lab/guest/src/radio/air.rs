//! The air between the simulated radios: each frame that one of them sends comes here (`mac80211_hwsim`, its netlink
//! family), and what the others hear of it, how strong, and whether it was acknowledged is decided here.
//!
//! A frame is lost by the rate that it was sent at and by the SNR of its way; each direction has its own. The chain of rates
//! that the sender's rate control asked for is tried as a card does it, so that it learns what a card's would.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::console::Outcome;
use crate::netlink::{Message, Socket, Writer, attribute};

/// How many radios there are; the module is told in [`super::RADIOS`].
pub(super) const COUNT: usize = 2;

/// What frames suffer on the way from one radio to another.
#[derive(Clone, Copy)]
pub(super) struct Way {
    /// How far the signal is above the noise; a way that is cut has none.
    pub(super) snr_db: f64,
    /// Of a thousand frames, so many are lost whatever the signal.
    pub(super) lost_permille: u32,
}

/// The medium. It works in a thread until the machine is switched off.
pub(super) struct Air {
    ways: Arc<Mutex<[[Way; COUNT]; COUNT]>>,
    delay_ms: Arc<AtomicU32>,
}

impl Air {
    /// Takes all frames of the radios from now on. To be called in the namespace that the radios were made in.
    pub(super) fn start() -> Outcome<Self> {
        let mut socket = Socket::generic()?;
        let family = socket.family("MAC80211_HWSIM")?;
        socket
            .change(family, 0, &head(REGISTER), |_| {})
            .map_err(|error| format!("the medium takes the radios' frames: {error}"))?;
        let ways = Arc::new(Mutex::new([[NEAR; COUNT]; COUNT]));
        let delay_ms = Arc::new(AtomicU32::new(0));
        let (own_ways, own_delay) = (Arc::clone(&ways), Arc::clone(&delay_ms));
        let mut medium =
            Medium { socket, family, ways: own_ways, delay_ms: own_delay, dice: Dice(DICE_SEED) };
        std::thread::spawn(move || medium.carry());
        Ok(Self { ways, delay_ms })
    }

    /// From now on frames from one radio to another suffer this.
    pub(super) fn way(&self, from: usize, to: usize, way: Way) {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)[from][to] = way;
    }

    /// From now on each frame takes so long.
    pub(super) fn delay(&self, each_ms: u32) {
        self.delay_ms.store(each_ms, Ordering::Relaxed);
    }

    /// The SNR between two radios, both ways.
    pub(super) fn snr(&self, one: usize, other: usize, snr_db: f64) {
        let way = Way { snr_db, lost_permille: 0 };
        self.way(one, other, way);
        self.way(other, one, way);
    }

    /// Nothing passes between two radios any more.
    pub(super) fn cut(&self, one: usize, other: usize) {
        self.snr(one, other, f64::NEG_INFINITY);
    }
}

struct Medium {
    socket: Socket,
    family: u16,
    ways: Arc<Mutex<[[Way; COUNT]; COUNT]>>,
    delay_ms: Arc<AtomicU32>,
    dice: Dice,
}

impl Medium {
    fn carry(&mut self) {
        loop {
            // After some seconds without a frame the socket stops waiting.
            let Ok(messages) = self.socket.receive() else { continue };
            for message in messages {
                if message.kind == self.family
                    && message.body.first() == Some(&FRAME)
                    && let Some(frame) = Frame::read(&message)
                    && let Err(error) = self.send(&frame)
                {
                    println!("boot: | the medium: {error}");
                }
            }
        }
    }

    fn send(&mut self, frame: &Frame<'_>) -> Outcome<()> {
        let delay_ms = self.delay_ms.load(Ordering::Relaxed);
        if delay_ms > 0 {
            std::thread::sleep(Duration::from_millis(delay_ms.into()));
        }
        let ways = *self.ways.lock().unwrap_or_else(PoisonError::into_inner);
        let receiver = frame.octets.get(4..10).unwrap_or_default();
        let is_group = receiver.first().is_some_and(|octet| octet & 1 != 0);
        let mut tried = [Rate::NONE; RATES];
        let mut is_heard = false;
        let mut answer_db = ANSWER_DB;
        if is_group {
            tried = frame.rates;
            is_heard = true;
            for to in (0..COUNT).filter(|to| *to != frame.from) {
                if self.passes(BASIC, ways[frame.from][to]) {
                    self.deliver(frame, to, ways[frame.from][to].snr_db)?;
                }
            }
        } else if let Some(to) = radio_of(receiver).filter(|to| *to != frame.from) {
            let way = ways[frame.from][to];
            for (slot, rate) in tried.iter_mut().zip(frame.rates).take_while(|(_, rate)| rate.index >= 0) {
                *slot = Rate { tries: 0, ..rate };
                while !is_heard && slot.tries < rate.tries.max(1) {
                    slot.tries += 1;
                    is_heard = self.passes(rate, way);
                }
                if is_heard {
                    break;
                }
            }
            if is_heard {
                self.deliver(frame, to, way.snr_db)?;
                answer_db = ways[to][frame.from].snr_db;
            }
        }
        self.report(frame, &tried, is_heard, answer_db)
    }

    /// Whether one frame gets through.
    fn passes(&mut self, rate: Rate, way: Way) -> bool {
        self.dice.roll() >= lost(rate, way.snr_db)
            && self.dice.roll() >= f64::from(way.lost_permille) / 1_000.0
    }

    fn deliver(&self, frame: &Frame<'_>, to: usize, snr_db: f64) -> Outcome<()> {
        self.say(FRAME, |message| {
            message.attribute(RECEIVER, &address(to));
            message.attribute(OCTETS, frame.octets);
            message.attribute(RECEIVED_RATE, &0_u32.to_ne_bytes());
            message.attribute(SIGNAL, &signal(snr_db));
            message.attribute(FREQUENCY, frame.frequency);
        })
    }

    /// Tells the sender what became of its frame.
    fn report(
        &self,
        frame: &Frame<'_>,
        tried: &[Rate; RATES],
        is_heard: bool,
        answer_db: f64,
    ) -> Outcome<()> {
        let flags = if is_heard { frame.flags | ACKNOWLEDGED } else { frame.flags & !ACKNOWLEDGED };
        let rates: Vec<u8> = tried.iter().flat_map(|rate| [rate.index.cast_unsigned(), rate.tries]).collect();
        self.say(SENT, |message| {
            message.attribute(SENDER, &address(frame.from));
            message.attribute(FLAGS, &flags.to_ne_bytes());
            message.attribute(SIGNAL, &signal(answer_db));
            message.attribute(TRIED, &rates);
            message.attribute(COOKIE, frame.cookie);
        })
    }

    fn say(&self, command: u8, body: impl FnOnce(&mut Writer)) -> Outcome<()> {
        let mut writer = Writer::default();
        writer.message(self.family, 0, 0, &head(command), body);
        self.socket.send(&writer)
    }
}

/// A frame that a radio sends.
struct Frame<'a> {
    from: usize,
    octets: &'a [u8],
    flags: u32,
    rates: [Rate; RATES],
    cookie: &'a [u8],
    frequency: &'a [u8],
}

impl<'a> Frame<'a> {
    fn read(message: &'a Message) -> Option<Self> {
        let body = message.body.get(4..)?;
        let get = |kind| attribute(body, kind);
        let flags = u32::from_ne_bytes(*get(FLAGS)?.first_chunk()?);
        // What is asked for: pairs of index and tries; and beside them triples of index and flags, packed.
        let mut rates = [Rate::NONE; RATES];
        for (rate, pair) in rates.iter_mut().zip(get(TRIED)?.chunks_exact(2)) {
            (rate.index, rate.tries) = (pair[0].cast_signed(), pair[1]);
        }
        for (rate, triple) in rates.iter_mut().zip(get(RATE_FLAGS).unwrap_or_default().chunks_exact(3)) {
            rate.flags = u16::from_ne_bytes([triple[1], triple[2]]);
        }
        Some(Self {
            from: radio_of(get(SENDER)?)?,
            octets: get(OCTETS)?,
            flags,
            rates,
            cookie: get(COOKIE)?,
            frequency: get(FREQUENCY)?,
        })
    }
}

/// A rate of mac80211: an index, below zero for none, and what it is the index of.
#[derive(Clone, Copy)]
struct Rate {
    index: i8,
    tries: u8,
    flags: u16,
}

impl Rate {
    const NONE: Self = Self { index: -1, tries: 0, flags: 0 };
}

/// The share of frames of a thousand octets that are lost at this rate: half of them at the rate's own SNR.
fn lost(rate: Rate, snr_db: f64) -> f64 {
    let index = usize::from(rate.index.unsigned_abs());
    let (table, at, streams): (&[u8], usize, usize) = if rate.flags & VHT != 0 {
        (&MCS_DB, index & 15, index >> 4)
    } else if rate.flags & HT != 0 {
        (&MCS_DB, index & 7, index >> 3)
    } else {
        (&OFDM_DB, index, 0)
    };
    let wide_db = match () {
        () if rate.flags & WIDTH_40 != 0 => 3.0,
        () if rate.flags & WIDER != 0 => 6.0,
        () => 0.0,
    };
    let streams = f64::from(u8::try_from(streams).unwrap_or(u8::MAX));
    let needed_db = f64::from(table[at.min(table.len() - 1)]) + 3.0 * streams + wide_db;
    1.0 / (1.0 + ((snr_db - needed_db) * STEEPNESS).exp())
}

/// hwsim's own addresses are `42:00:00:00:N:00`, those of the devices `02:00:00:00:N:00`.
fn address(radio: usize) -> [u8; 6] {
    [0x42, 0, 0, 0, u8::try_from(radio).unwrap_or(u8::MAX), 0]
}

fn radio_of(address: &[u8]) -> Option<usize> {
    match *address {
        [_, 0, 0, 0, radio, 0] => Some(usize::from(radio)).filter(|radio| *radio < COUNT),
        _ => None,
    }
}

fn signal(snr_db: f64) -> [u8; 4] {
    #[expect(clippy::cast_possible_truncation, reason = "between -92 and 0")]
    let dbm = (NOISE_DBM + snr_db).clamp(NOISE_DBM, 0.0) as i32;
    dbm.to_ne_bytes()
}

fn head(command: u8) -> [u8; 4] {
    [command, 1, 0, 0]
}

/// Chance that is the same in each boot: xorshift64*.
struct Dice(u64);

impl Dice {
    /// From 0 to below 1.
    fn roll(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        f64::from(u32::try_from(high).unwrap_or(u32::MAX)) / (f64::from(u32::MAX) + 1.0)
    }
}

/// As good as it gets.
pub(super) const NEAR_DB: f64 = 45.0;
const NEAR: Way = Way { snr_db: NEAR_DB, lost_permille: 0 };
/// What hwsim says when it is asked for a survey.
const NOISE_DBM: f64 = -92.0;
/// The slowest rate, which frames to all are sent at.
const BASIC: Rate = Rate { index: 0, tries: 1, flags: 0 };
/// What an acknowledgement that nobody sent is heard with.
const ANSWER_DB: f64 = 30.0;
/// SNR at which half of the frames are lost, by MCS 0 to 9 with one stream of 20 MHz: 802.11's minimum sensitivities, and
/// what cards are better than these (about 5 dB); by rate from 6 to 54 Mbit/s.
const MCS_DB: [u8; 10] = [2, 5, 8, 11, 15, 19, 21, 23, 27, 29];
const OFDM_DB: [u8; 8] = [1, 2, 4, 6, 9, 13, 17, 19];
/// From nothing lost to everything lost are about 4 dB.
const STEEPNESS: f64 = 1.5;
const DICE_SEED: u64 = 0x7e41_5eed;

/// `mac80211_hwsim.h`: commands, attributes, flags.
const REGISTER: u8 = 1;
const FRAME: u8 = 2;
const SENT: u8 = 3;
const RECEIVER: u16 = 1;
const SENDER: u16 = 2;
const OCTETS: u16 = 3;
const FLAGS: u16 = 4;
const RECEIVED_RATE: u16 = 5;
const SIGNAL: u16 = 6;
const TRIED: u16 = 7;
const COOKIE: u16 = 8;
const FREQUENCY: u16 = 19;
const RATE_FLAGS: u16 = 21;
const ACKNOWLEDGED: u32 = 4;
const HT: u16 = 1 << 3;
const WIDTH_40: u16 = 1 << 5;
const VHT: u16 = 1 << 8;
/// 80 and 160 MHz.
const WIDER: u16 = 1 << 9 | 1 << 10;
/// How many rates a frame may be tried at.
const RATES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_better_rate_needs_a_better_signal_and_a_cut_way_carries_nothing() {
        let ht = |index| Rate { index, tries: 1, flags: HT };
        assert!((lost(ht(0), 2.0) - 0.5).abs() < 1e-9, "half of MCS 0 is lost at its own SNR");
        for index in 0..7 {
            assert!(lost(ht(index), 12.0) < lost(ht(index + 1), 12.0), "MCS {index}");
            assert!(lost(ht(index), 12.0) < lost(ht(index + 8), 12.0), "two streams need more");
        }
        let wide = Rate { flags: HT | WIDTH_40, ..ht(3) };
        assert!(lost(wide, 12.0) > lost(ht(3), 12.0));
        for rate in [BASIC, ht(0), wide] {
            assert!(lost(rate, f64::NEG_INFINITY) >= 1.0);
            assert!(lost(rate, 60.0) < 1e-9);
        }
    }

    #[test]
    fn dice_are_fair_enough() {
        let mut dice = Dice(DICE_SEED);
        let below = (0..10_000).filter(|_| dice.roll() < 0.25).count();
        assert!((2_300..2_700).contains(&below), "{below}");
    }

    #[test]
    fn a_radio_is_known_by_both_of_its_addresses() {
        assert_eq!(radio_of(&address(1)), Some(1));
        assert_eq!(radio_of(&[2, 0, 0, 0, 1, 0]), Some(1));
        assert_eq!(radio_of(&[2, 0, 0, 0, 9, 0]), None);
        assert_eq!(radio_of(&[0x33, 0x33, 0, 0, 0, 1]), None);
    }
}
