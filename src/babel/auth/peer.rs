//! One sender that once had a right MAC: its counters, the challenge under way, and what it may cost us.

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;

use super::wire::Sealed;
use super::{AuthCounters, Refusal};
use crate::base::random::Random;
use crate::base::time::{Instant, Span};

/// A sender that had a right MAC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Peer {
    kept: Option<Kept>,
    challenge: Option<Challenge>,
    challenged_at: Option<Instant>,
    replied_at: Option<Instant>,
    /// For packets that may be its next one.
    next: Bucket,
    /// For all others that bear its address: it started anew, or somebody plays it.
    other: Bucket,
    last_heard: Instant,
    pub(super) counts: AuthCounters,
}

/// The newest packet that was believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    index: Vec<u8>,
    /// Of packets to us, and of packets to all (RFC 9467).
    unicast: u32,
    multicast: u32,
}

/// A nonce that has not come back yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Challenge {
    nonce: [u8; NONCE],
    until: Instant,
}

/// How many hashes may be computed: full at first, then so many a second.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Bucket {
    /// When it would be full again; the past is full.
    full_at: Instant,
}

/// What a bucket holds, and how long one token takes to come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    burst: u64,
    token: Span,
}

impl Bucket {
    pub(super) fn take(&mut self, now: Instant, rate: Rate) -> bool {
        let from = self.full_at.max(now);
        if from.since(now).as_micros() + rate.token.as_micros() > rate.token.as_micros() * rate.burst {
            return false;
        }
        self.full_at = from + rate.token;
        true
    }
}

impl Kept {
    /// The counter that a packet is measured by (RFC 9467).
    const fn counter(&mut self, unicast: bool) -> &mut u32 {
        if unicast { &mut self.unicast } else { &mut self.multicast }
    }
}

impl Peer {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            kept: None,
            challenge: None,
            challenged_at: None,
            replied_at: None,
            next: Bucket::default(),
            other: Bucket::default(),
            last_heard: now,
            counts: AuthCounters::default(),
        }
    }

    pub(super) const fn is_proved(&self) -> bool {
        self.kept.is_some()
    }

    pub(super) const fn last_heard(&self) -> Instant {
        self.last_heard
    }

    pub(super) fn heard(&mut self, now: Instant) {
        if now.since(self.last_heard) > FORGET {
            // RFC 8967 4.3: what is so old proves nothing any more.
            self.kept = None;
        }
        self.last_heard = now;
    }

    /// Before any hash: a counter that was there is refused, what may be the next packet is worth more than
    /// what is not.
    pub(super) fn admit(
        &mut self,
        unicast: bool,
        sealed: &Sealed<'_>,
        now: Instant,
    ) -> Result<bool, Refusal> {
        let Some(kept) = &mut self.kept else { return Ok(self.other.take(now, OTHERS)) };
        match sealed.counter {
            Some((index, counter)) if index == kept.index => {
                if counter <= *kept.counter(unicast) {
                    return Err(Refusal::Replayed);
                }
                Ok(self.next.take(now, NEXT))
            }
            _ => Ok(self.other.take(now, OTHERS)),
        }
    }

    /// RFC 8967 4.3 for a packet with a right MAC: believed, or why not.
    pub(super) fn weigh(&mut self, unicast: bool, sealed: &Sealed<'_>, now: Instant) -> Result<(), Refusal> {
        let Some((index, counter)) = sealed.counter else { return Err(Refusal::NoCounter) };
        let answers = |challenge: &Challenge| {
            let same = |reply: &[u8]| bool::from(challenge.nonce[..].ct_eq(reply));
            now < challenge.until && sealed.reply.is_some_and(same)
        };
        if self.challenge.as_ref().is_some_and(answers) {
            self.challenge = None;
            self.kept = Some(Kept { index: index.to_vec(), unicast: counter, multicast: counter });
            return Ok(());
        }
        match &mut self.kept {
            Some(kept) if kept.index == index => {
                let newest = kept.counter(unicast);
                if counter <= *newest {
                    return Err(Refusal::Replayed);
                }
                *newest = counter;
                Ok(())
            }
            _ => Err(Refusal::Challenged),
        }
    }

    /// The nonce to send to it now; `None` if it was sent one a moment ago. A nonce stays the same until its
    /// time is over, or an answer that takes longer than the pause would never count.
    pub(super) fn challenge(&mut self, now: Instant, random: &mut Random) -> Option<[u8; NONCE]> {
        if self.challenged_at.is_some_and(|at| now.since(at) < PAUSE) {
            return None;
        }
        self.challenged_at = Some(now);
        let fresh = || Challenge { nonce: random.u64().to_be_bytes(), until: now + CHALLENGE };
        let waiting = self.challenge.filter(|challenge| now < challenge.until);
        let challenge = waiting.unwrap_or_else(fresh);
        self.challenge = Some(challenge);
        Some(challenge.nonce)
    }

    /// Whether its challenge is answered now.
    pub(super) fn may_reply(&mut self, now: Instant) -> bool {
        let may = self.replied_at.is_none_or(|at| now.since(at) >= PAUSE);
        if may {
            self.replied_at = Some(now);
        }
        may
    }
}

/// Octets of a nonce, as babeld's: it need not be secret, only new (RFC 8967 4.3.1).
const NONCE: usize = 8;
/// How long an answer may take (RFC 8967 appendix A).
const CHALLENGE: Span = Span::from_secs(30);
/// Between two challenges, and between two answers (RFC 8967 appendix A).
const PAUSE: Span = Span::from_millis(300);
/// After so much silence a counter proves nothing (RFC 8967 appendix A).
const FORGET: Span = Span::from_secs(300);
/// Strangers of one interface together: 20 hashes a second, 64 at once when the power comes back in a village.
pub(super) const STRANGERS: Rate = Rate { burst: 64, token: Span::from_millis(50) };
/// A neighbour that starts anew needs two packets.
const OTHERS: Rate = Rate { burst: 16, token: Span::from_millis(100) };
/// What may be a neighbour's next packet. Only who listens can forge index and counter, and then the right one
/// must not drown among 10,000 a second: that many hashes of 100 octets take a sixth of a 580 MHz MIPS core.
const NEXT: Rate = Rate { burst: 20_000, token: Span::from_micros(50) };
