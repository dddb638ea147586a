//! Seeded randomness for jitter, identifiers and order. Same seed, same numbers, on every machine.
//!
//! Not for secrets: keys and voucher secrets come from the vault, which is no part of the cores.

use serde::{Deserialize, Serialize};

use super::time::Span;

/// A generator whose whole state is one number, so that it can stand in a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Random(u64);

impl Random {
    /// A generator that will always give the same numbers for the same `seed`.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn u64(&mut self) -> u64 {
        let mut generator = fastrand::Rng::with_seed(self.0);
        let number = generator.u64(..);
        self.0 = generator.get_seed();
        number
    }

    /// A number below `bound` (0 for a bound of 0).
    pub fn below(&mut self, bound: u64) -> u64 {
        // The bias of the remainder is below bound / 2^64: nothing that jitter could notice.
        self.u64().checked_rem(bound).unwrap_or(0)
    }

    /// A span between zero and `most`, both included.
    pub fn span(&mut self, most: Span) -> Span {
        Span::from_micros(self.below(most.as_micros().saturating_add(1)))
    }

    /// `span` times 0.75 to 1.25: the jitter that keeps neighbours from talking in step.
    pub fn roughly(&mut self, span: Span) -> Span {
        span.scaled(3, 4) + self.span(span.scaled(1, 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_numbers() {
        let mut one = Random::new(7);
        let mut two = Random::new(7);
        let numbers: Vec<u64> = (0..100).map(|_| one.u64()).collect();
        assert!(numbers.iter().all(|&number| number == two.u64()));
        assert_ne!(Random::new(8).u64(), numbers[0]);
    }

    #[test]
    fn jitter_stays_within_a_quarter() {
        let mut random = Random::new(1);
        for _ in 0..1_000 {
            let span = random.roughly(Span::from_secs(4));
            assert!((Span::from_secs(3)..=Span::from_secs(5)).contains(&span), "{span}");
        }
    }
}
