//! How types of `base`, and plain ones, stand in one item.

use super::fields::{Field, fields};
use super::item::{self, FALSE, Item, NEGATIVE, NULL, TEXT, write_bytes, write_head};
use super::record::RecordId;
use super::rights::Roles;
use crate::base::address::Prefix;
use crate::base::time::{TimeQuality, WallTime};
use crate::base::voucher::{IssuerNumber, Keepsake, LotId, Proof, Verifier};

impl Field for u64 {
    fn read(item: Item<'_>) -> Option<Self> {
        item.number()
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_head(out, 0, *self);
    }
}

impl Field for i64 {
    fn read(item: Item<'_>) -> Option<Self> {
        item.signed()
    }

    fn write(&self, out: &mut Vec<u8>) {
        match u64::try_from(*self) {
            Ok(number) => write_head(out, 0, number),
            Err(_) => write_head(out, NEGATIVE, !*self as u64),
        }
    }
}

/// Types that are a number in octets of their own: how to make one of it, and back.
macro_rules! numbers {
    ($($type:ty: $small:ty, $make:expr, |$value:ident| $number:expr;)*) => {
        $(impl Field for $type {
            fn read(item: Item<'_>) -> Option<Self> {
                <$small>::try_from(item.number()?).ok().map($make)
            }

            fn write(&self, out: &mut Vec<u8>) {
                let $value = self;
                write_head(out, 0, u64::from($number));
            }
        })*
    };
}

numbers! {
    u8: u8, |number| number, |value| *value;
    u16: u16, |number| number, |value| *value;
    u32: u32, |number| number, |value| *value;
    IssuerNumber: u16, IssuerNumber, |value| value.0;
    Roles: u16, Roles, |value| value.0;
    LotId: u64, LotId, |value| value.0;
}

impl Field for bool {
    fn read(item: Item<'_>) -> Option<Self> {
        match item.simple()? {
            FALSE => Some(false),
            simple => (simple == FALSE + 1).then_some(true),
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(FALSE + u8::from(*self));
    }
}

impl Field for String {
    fn read(item: Item<'_>) -> Option<Self> {
        item.text().map(str::to_owned)
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_head(out, TEXT, self.len() as u64);
        out.extend_from_slice(self.as_bytes());
    }
}

/// A map has no item for nothing; an array has null.
impl<T: Field> Field for Option<T> {
    fn read(item: Item<'_>) -> Option<Self> {
        if item.simple() == Some(NULL) { Some(None) } else { T::read(item).map(Some) }
    }

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(out),
            None => out.push(NULL),
        }
    }

    fn missing() -> Option<Self> {
        Some(None)
    }

    fn is_missing(&self) -> bool {
        self.is_none()
    }
}

impl<const N: usize> Field for [u8; N] {
    fn read(item: Item<'_>) -> Option<Self> {
        item.string()?.try_into().ok()
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_bytes(out, self);
    }
}

impl Field for Vec<u8> {
    fn read(item: Item<'_>) -> Option<Self> {
        item.string().map(<[u8]>::to_vec)
    }

    fn write(&self, out: &mut Vec<u8>) {
        write_bytes(out, self);
    }
}

/// Names of a fixed length: one is a string of bytes, and so are many, one behind the other.
macro_rules! names {
    ($($type:ident of $bytes:literal $($many:ty)?;)*) => {
        $(impl Field for $type {
            fn read(item: Item<'_>) -> Option<Self> {
                Field::read(item).map($type)
            }

            fn write(&self, out: &mut Vec<u8>) {
                write_bytes(out, &self.0);
            }
        }

        $(impl Field for $many {
            fn read(item: Item<'_>) -> Option<Self> {
                let (names, rest) = item.string()?.as_chunks::<$bytes>();
                rest.is_empty().then(|| names.iter().map(|name| $type(*name)).collect())
            }

            fn write(&self, out: &mut Vec<u8>) {
                write_head(out, item::BYTES, $bytes * self.len() as u64);
                self.iter().for_each(|name| out.extend_from_slice(&name.0));
            }
        })?)*
    };
}

names! {
    Verifier of 8 Vec<Verifier>;
    Proof of 16;
    Keepsake of 16;
    RecordId of 32 Vec<RecordId>;
}

/// The length, then the octets of the address: 5 or 17 bytes.
impl Field for Prefix {
    fn read(item: Item<'_>) -> Option<Self> {
        let (length, octets) = item.string()?.split_first()?;
        let address = match (<[u8; 4]>::try_from(octets), <[u8; 16]>::try_from(octets)) {
            (Ok(octets), _) => octets.into(),
            (_, Ok(octets)) => octets.into(),
            _ => return None,
        };
        Self::new(address, *length).filter(|prefix| prefix.address() == address)
    }

    fn write(&self, out: &mut Vec<u8>) {
        let mut bytes = vec![self.length()];
        match self.address() {
            std::net::IpAddr::V4(address) => bytes.extend(address.octets()),
            std::net::IpAddr::V6(address) => bytes.extend(address.octets()),
        }
        write_bytes(out, &bytes);
    }
}

/// `[seconds since 1970, quality]`.
impl Field for WallTime {
    fn read(item: Item<'_>) -> Option<Self> {
        let mut items = item.elements()?;
        let (unix_s, quality) = (items.next()?.number()?, items.next()?.number()?);
        let quality = match quality {
            1 => TimeQuality::Caretaker,
            2 => TimeQuality::Mesh,
            3 => TimeQuality::Trusted,
            // Also a quality that a later version adds: believe nothing of it.
            _ => TimeQuality::Stale,
        };
        Some(Self { unix_s, quality })
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.push(item::ARRAY + 2);
        self.unix_s.write(out);
        out.push(self.quality as u8);
    }
}

fields!(list String, Prefix, i64, [u8; 32]);
