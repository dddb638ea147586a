//! Sequence numbers (RFC 8966 3.2.1): they wrap, so "larger" only means "ahead by less than half the circle".

use std::fmt;

use serde::{Deserialize, Serialize};

/// A sequence number modulo 2^16.
///
/// It deliberately has no `PartialOrd`: an order that wraps is no order. Ask [`SeqNo::is_newer_than`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeqNo(pub u16);

impl SeqNo {
    /// The one after this.
    pub const fn next(self) -> Self {
        self.plus(1)
    }

    /// The one `count` after this.
    pub const fn plus(self, count: u16) -> Self {
        Self(self.0.wrapping_add(count))
    }

    /// Whether this is strictly ahead of `other` (RFC 8966 3.2.1).
    pub const fn is_newer_than(self, other: Self) -> bool {
        let ahead = self.0.wrapping_sub(other.0);
        ahead != 0 && ahead < 0x8000
    }

    /// How far this is ahead of `other`, from -32,768 to 32,767.
    pub const fn minus(self, other: Self) -> i16 {
        self.0.wrapping_sub(other.0).cast_signed()
    }
}

impl fmt::Display for SeqNo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn newer_wraps() {
        for (one, other, newer) in [
            (1, 0, true),
            (0, 1, false),
            (0, 0, false),
            (0, 0xffff, true),
            (0x7fff, 0, true),
            (0x8000, 0, false),
            (0x8001, 0, false),
        ] {
            assert_eq!(SeqNo(one).is_newer_than(SeqNo(other)), newer, "{one} {other}");
        }
        assert_eq!(SeqNo(0xffff).next(), SeqNo(0));
        assert_eq!(SeqNo(2).minus(SeqNo(0xffff)), 3);
        assert_eq!(SeqNo(0xffff).minus(SeqNo(2)), -3);
    }
}
