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

impl std::str::FromStr for RouterId {
    type Err = ();

    /// Eight octets as they are shown.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut octets = [0; 8];
        let mut words = text.split(':');
        for octet in &mut octets {
            let word = words.next().filter(|word| word.len() == 2 && !word.starts_with('+')).ok_or(())?;
            *octet = u8::from_str_radix(word, 16).map_err(drop)?;
        }
        let found = Self(octets);
        if words.next().is_none() && found.is_valid() { Ok(found) } else { Err(()) }
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

    #[test]
    fn a_name_is_read_as_it_is_shown() {
        for name in ["02:00:00:00:00:00:00:1f", "fe:dc:ba:98:76:54:32:10"] {
            assert_eq!(name.parse::<RouterId>().unwrap().to_string(), name);
        }
        assert_eq!("02:00:00:00:00:00:00:1F".parse(), Ok(RouterId([2, 0, 0, 0, 0, 0, 0, 0x1f])));
        for wrong in ["", "02", "02:00:00:00:00:00:00", "02:00:00:00:00:00:00:1f:00", "2:0:0:0:0:0:0:1"] {
            assert_eq!(wrong.parse::<RouterId>(), Err(()), "{wrong}");
        }
        for wrong in ["00:00:00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff:ff:ff", "02:00:00:00:00:00:00:+f"] {
            assert_eq!(wrong.parse::<RouterId>(), Err(()), "{wrong}");
        }
    }
}
