//! Addresses as the cores know them: a MAC address, an IP prefix, an interface number.

use std::cmp::Ordering;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where every node answers with its portal, over plain HTTP: what stands on a coupon must open at any of them. Of a range for
/// documentation (RFC 5737), so that nobody has it.
pub const PORTAL_EVERYWHERE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

/// A 48-bit Ethernet address.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MacAddress(pub [u8; 6]);

/// The kernel's number of a network interface (`ifindex`); never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct InterfaceIndex(pub u32);

/// An IP prefix in canonical form: no bit past `length` is set.
///
/// IPv4 sorts before IPv6, then by address, then by length: the order of every table and report.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Prefix {
    address: IpAddr,
    length: u8,
}

impl Ord for Prefix {
    /// What the compiler would make of the two fields, in two steps instead of thirty: tables of routes do little else.
    fn cmp(&self, other: &Self) -> Ordering {
        let addresses = match (self.address, other.address) {
            (IpAddr::V4(one), IpAddr::V4(other)) => one.to_bits().cmp(&other.to_bits()),
            (IpAddr::V6(one), IpAddr::V6(other)) => one.to_bits().cmp(&other.to_bits()),
            (one, other) => one.is_ipv6().cmp(&other.is_ipv6()),
        };
        addresses.then(self.length.cmp(&other.length))
    }
}

impl PartialOrd for Prefix {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Prefix {
    /// The IPv4 default route.
    pub const DEFAULT_V4: Self = Self { address: IpAddr::V4(Ipv4Addr::UNSPECIFIED), length: 0 };
    /// The IPv6 default route.
    pub const DEFAULT_V6: Self = Self { address: IpAddr::V6(Ipv6Addr::UNSPECIFIED), length: 0 };

    /// The prefix of `length` bits that holds `address`; bits past `length` are cleared.
    /// `None` if `length` is more than the family has (32 or 128).
    pub fn new(address: IpAddr, length: u8) -> Option<Self> {
        let address = match address {
            IpAddr::V4(v4) if length <= 32 => {
                let mask = u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(v4.to_bits() & mask))
            }
            IpAddr::V6(v6) if length <= 128 => {
                let mask = u128::MAX.checked_shl(128 - u32::from(length)).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & mask))
            }
            _ => return None,
        };
        Some(Self { address, length })
    }

    /// The prefix that holds just this address (/32 or /128).
    pub fn host(address: IpAddr) -> Self {
        let length = if address.is_ipv4() { 32 } else { 128 };
        Self { address, length }
    }

    /// The first address.
    pub const fn address(&self) -> IpAddr {
        self.address
    }

    /// Number of significant bits.
    pub const fn length(&self) -> u8 {
        self.length
    }

    /// Whether this is an IPv4 prefix.
    pub const fn is_ipv4(&self) -> bool {
        self.address.is_ipv4()
    }

    /// Whether this is a default route.
    pub const fn is_default(&self) -> bool {
        self.length == 0
    }

    /// Whether `address` lies inside (never across families).
    pub fn contains(&self, address: IpAddr) -> bool {
        Self::new(address, self.length) == Some(*self)
    }

    /// Whether `other` lies wholly inside (a prefix covers itself).
    pub fn covers(&self, other: &Self) -> bool {
        other.length >= self.length && self.contains(other.address)
    }
}

/// What a route is for: packets to one prefix, from everywhere or only from one other (RFC 9079).
///
/// The pairs of one destination stand together, that from everywhere first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PrefixPair {
    destination: Prefix,
    source: Option<Prefix>,
}

impl PrefixPair {
    /// The IPv4 default route.
    pub const DEFAULT_V4: Self = Self { destination: Prefix::DEFAULT_V4, source: None };
    /// The IPv6 default route.
    pub const DEFAULT_V6: Self = Self { destination: Prefix::DEFAULT_V6, source: None };

    /// Packets from `source` to `destination`; a source of no bits is "from everywhere". `None` if the
    /// two are of different families.
    pub fn new(destination: Prefix, source: Prefix) -> Option<Self> {
        let source = (!source.is_default()).then_some(source);
        let fits = source.is_none_or(|source| source.is_ipv4() == destination.is_ipv4());
        fits.then_some(Self { destination, source })
    }

    /// Where packets want to go.
    pub const fn destination(&self) -> Prefix {
        self.destination
    }

    /// Where they must come from; `None` is everywhere.
    pub const fn source(&self) -> Option<Prefix> {
        self.source
    }

    /// Whether this is about IPv4.
    pub const fn is_ipv4(&self) -> bool {
        self.destination.is_ipv4()
    }

    /// Whether this is about all destinations.
    pub const fn is_default(&self) -> bool {
        self.destination.is_default()
    }

    /// Whether packets from this address are meant; without an address, whether packets from everywhere are.
    pub fn takes_from(&self, address: Option<IpAddr>) -> bool {
        self.source.is_none_or(|source| address.is_some_and(|address| source.contains(address)))
    }
}

impl From<Prefix> for PrefixPair {
    fn from(destination: Prefix) -> Self {
        Self { destination, source: None }
    }
}

impl MacAddress {
    /// The modified EUI-64 interface identifier of this address (RFC 4291 appendix A).
    pub const fn eui64(&self) -> [u8; 8] {
        let [a, b, c, d, e, f] = self.0;
        [a ^ 2, b, c, 0xff, 0xfe, d, e, f]
    }
}

/// Why a text is no address of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddressError(&'static str);

impl fmt::Display for AddressError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0)
    }
}

impl std::error::Error for AddressError {}

impl FromStr for Prefix {
    type Err = AddressError;

    /// Reads `10.1.0.0/22`, `fd00::/8`, or a bare address (which becomes a host prefix).
    fn from_str(text: &str) -> Result<Self, AddressError> {
        const EXPECTED: AddressError =
            AddressError("expected an address and a length, like 10.1.0.0/22 or fd00::/48");
        let Some((address, length)) = text.split_once('/') else {
            return text.parse().map(Self::host).map_err(|_| EXPECTED);
        };
        let address = address.parse().map_err(|_| EXPECTED)?;
        let length = length.parse().map_err(|_| EXPECTED)?;
        Self::new(address, length).ok_or(AddressError("the length is more than the address has bits"))
    }
}

impl FromStr for PrefixPair {
    type Err = AddressError;

    /// Reads `fd00::/8`, or `::/0 from 2001:db8::/32`.
    fn from_str(text: &str) -> Result<Self, AddressError> {
        let Some((destination, source)) = text.split_once(" from ") else {
            return text.parse().map(|destination: Prefix| destination.into());
        };
        Self::new(destination.parse()?, source.parse()?)
            .ok_or(AddressError("source and destination are of different families"))
    }
}

impl FromStr for MacAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        const EXPECTED: AddressError =
            AddressError("expected six pairs of hex digits, like 02:00:5e:10:00:01");
        let mut octets = [0; 6];
        let mut parts = text.split(':');
        for octet in &mut octets {
            let part = parts.next().filter(|part| part.len() == 2).ok_or(EXPECTED)?;
            *octet = u8::from_str_radix(part, 16).map_err(|_| EXPECTED)?;
        }
        if parts.next().is_some() {
            return Err(EXPECTED);
        }
        Ok(Self(octets))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/{}", self.address, self.length)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for PrefixPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.destination.fmt(formatter)?;
        self.source.map_or(Ok(()), |source| write!(formatter, " from {source}"))
    }
}

impl fmt::Debug for PrefixPair {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl fmt::Display for MacAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, f] = self.0;
        write!(formatter, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

impl fmt::Debug for MacAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_canonical_and_reads_what_it_writes() {
        for (text, canonical) in [
            ("10.1.2.3/22", "10.1.0.0/22"),
            ("0.0.0.0/0", "0.0.0.0/0"),
            ("fd00:1::5/64", "fd00:1::/64"),
            ("::/0", "::/0"),
            ("10.0.0.1", "10.0.0.1/32"),
        ] {
            let prefix: Prefix = text.parse().unwrap();
            assert_eq!(prefix.to_string(), canonical);
            assert_eq!(canonical.parse(), Ok(prefix));
        }
        for wrong in ["10.0.0.0/33", "fd00::/129", "x/1", "10.0.0.0/-1", ""] {
            assert!(wrong.parse::<Prefix>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn prefixes_stand_in_the_order_of_their_family_address_and_length() {
        let texts =
            ["0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/9", "255.255.255.255/32", "::/0", "::1/128", "fd00::/8"];
        let prefixes = texts.map(|text| text.parse::<Prefix>().unwrap());
        for one in prefixes {
            for other in prefixes {
                let fields = (one.address, one.length).cmp(&(other.address, other.length));
                assert_eq!(one.cmp(&other), fields, "{one} {other}");
            }
        }
        assert!(prefixes.is_sorted());
    }

    #[test]
    fn covering_never_crosses_families() {
        assert!(!Prefix::DEFAULT_V4.covers(&Prefix::DEFAULT_V6));
        assert!(Prefix::DEFAULT_V6.covers(&"fd00::/8".parse().unwrap()));
        assert!(!"10.1.0.0/16".parse::<Prefix>().unwrap().covers(&"10.0.0.0/8".parse().unwrap()));
    }

    #[test]
    fn a_pair_reads_what_it_writes_and_mixes_no_families() {
        for text in ["::/0", "::/0 from 2001:db8::/32", "10.0.0.0/8 from 10.1.0.0/16"] {
            assert_eq!(text.parse::<PrefixPair>().unwrap().to_string(), text);
        }
        assert_eq!("::/0 from ::/0".parse::<PrefixPair>(), Ok(PrefixPair::DEFAULT_V6));
        for wrong in ["::/0 from 10.0.0.0/8", "::/0 from", "::/0 from x"] {
            assert!(wrong.parse::<PrefixPair>().is_err(), "{wrong}");
        }
        let pair: PrefixPair = "::/0 from 2001:db8::/32".parse().unwrap();
        let address = |text: &str| Some(text.parse().unwrap());
        assert!(pair.takes_from(address("2001:db8::1")) && !pair.takes_from(address("2001:db9::1")));
        assert!(!pair.takes_from(None) && PrefixPair::DEFAULT_V6.takes_from(None));
    }

    #[test]
    fn a_mac_address_reads_what_it_writes() {
        let mac: MacAddress = "02:00:5e:10:00:01".parse().unwrap();
        assert_eq!(mac.to_string(), "02:00:5e:10:00:01");
        assert_eq!(mac.eui64(), [0, 0, 0x5e, 0xff, 0xfe, 0x10, 0, 1]);
        for wrong in ["02:00:5e:10:00", "02:00:5e:10:00:01:02", "2:0:5e:10:0:1", "gg:00:5e:10:00:01"] {
            assert!(wrong.parse::<MacAddress>().is_err(), "{wrong}");
        }
    }
}
