//! The name that a router goes by in the whole routing domain (RFC 8966 3.2.1, 4.1.3).

use std::fmt;

use serde::{Deserialize, Serialize};

/// Eight octets, never all zero and never all one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RouterId(pub [u8; 8]);

impl RouterId {
    /// Whether this may be used at all (RFC 8966 4.1.3).
    pub const fn is_valid(self) -> bool {
        let number = u64::from_be_bytes(self.0);
        number != 0 && number != u64::MAX
    }
}

impl fmt::Display for RouterId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, octet) in self.0.iter().enumerate() {
            let colon = if position == 0 { "" } else { ":" };
            write!(formatter, "{colon}{octet:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for RouterId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_zero_and_all_one_are_no_names() {
        assert!(!RouterId([0; 8]).is_valid());
        assert!(!RouterId([0xff; 8]).is_valid());
        assert!(RouterId([0, 0, 0, 0, 0, 0, 0, 1]).is_valid());
        assert_eq!(RouterId([2, 0, 0, 0, 0, 0, 0, 0x1f]).to_string(), "02:00:00:00:00:00:00:1f");
    }
}
