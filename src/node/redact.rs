//! Pseudonyms for recordings: devices and codes never leave a node under their own names.
//!
//! A recording is made of serialised values. [`Masked`] serialises a value with every `MacAddress`,
//! [`Code`] and [`Typed`] in it replaced, wherever they stand: it sits between the value and the format
//! and watches for the names of those three types. A field added tomorrow is masked without anybody
//! thinking of it. The same name gets the same pseudonym through a whole recording, so that the
//! replayed node, which sees pseudonyms only, takes the same decisions.
//!
//! A browser's request is text of unknown content: [`Pseudonyms::request`] keeps of it what decides the
//! answer, before it is serialised.

use std::cell::RefCell;

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

use crate::base::sorted::SortedMap;
use crate::hotspot::code::{Code, CodeError};
use crate::hotspot::portal::{self, Typed};
use crate::hotspot::request::PortalRequest;
use crate::hotspot::settings::Settings;

/// Who is called what in one recording.
#[derive(Debug, Default)]
pub(super) struct Pseudonyms {
    macs: SortedMap<[u8; 6], [u8; 6]>,
    codes: SortedMap<u64, u64>,
}

impl Pseudonyms {
    /// The pseudonym of a device: a locally administered address that counts up from 1.
    fn mac(&mut self, mac: [u8; 6]) -> [u8; 6] {
        let next = u32::try_from(self.macs.len()).unwrap_or(u32::MAX).saturating_add(1);
        *self.macs.entry(mac).or_insert_with(|| {
            let [a, b, c, d] = next.to_be_bytes();
            [0x02, 0x00, a, b, c, d]
        })
    }

    /// The pseudonym of a code: same issuer (the sale depends on it), everything else counted.
    fn code(&mut self, code: u64) -> u64 {
        let next = u64::try_from(self.codes.len()).unwrap_or(u64::MAX).saturating_add(1);
        *self.codes.entry(code).or_insert_with(|| {
            let issuer = code >> 51;
            issuer << 51 | next & ((1 << 51) - 1)
        })
    }

    /// The request as a recording may hold it. A node without hotspot answers none.
    pub(super) fn request(&mut self, settings: Option<&Settings>, http: &PortalRequest) -> PortalRequest {
        let Some(settings) = settings else { return PortalRequest::default() };
        portal::anonymous(settings, http, |typed| Typed(self.typed(typed.as_str())))
    }

    /// What was typed: a code becomes its pseudonym, other text keeps what the complaint about it depends
    /// on: how many symbols of a code it has, and whether there is anything else in it.
    fn typed(&mut self, typed: &str) -> String {
        if let Ok(code) = Code::parse(typed) {
            return Code::from_bits(self.code(code.bits())).to_string();
        }
        let shape = |symbol: char| match Code::parse(symbol.encode_utf8(&mut [0; 4])) {
            Err(CodeError::Length { symbols: 0 }) => '-',
            Err(CodeError::Symbol { .. }) => 'U',
            _ => 'X',
        };
        typed.chars().map(shape).collect()
    }
}

/// A value that serialises with pseudonyms in it.
pub(super) struct Masked<'a, T: ?Sized>(pub(super) &'a T, pub(super) &'a RefCell<Pseudonyms>);

impl<T: Serialize + ?Sized> Serialize for Masked<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Masking { inner: serializer, names: self.1 })
    }
}

/// A serialiser, or the inside of a sequence, map or struct of one, that passes values on masked.
struct Masking<'a, S> {
    inner: S,
    names: &'a RefCell<Pseudonyms>,
}

impl<'a, S> Masking<'a, S> {
    fn mask<'v, T: ?Sized>(&self, value: &'v T) -> Masked<'v, T>
    where
        'a: 'v,
    {
        Masked(value, self.names)
    }
}

/// Methods that hand a plain value on as it is.
macro_rules! pass {
    ($($method:ident($kind:ty)),* $(,)?) => {
        $(fn $method(self, value: $kind) -> Result<S::Ok, S::Error> {
            self.inner.$method(value)
        })*
    };
}

impl<'a, S: Serializer> Serializer for Masking<'a, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Masking<'a, S::SerializeSeq>;
    type SerializeTuple = Masking<'a, S::SerializeTuple>;
    type SerializeTupleStruct = Masking<'a, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Masking<'a, S::SerializeTupleVariant>;
    type SerializeMap = Masking<'a, S::SerializeMap>;
    type SerializeStruct = Masking<'a, S::SerializeStruct>;
    type SerializeStructVariant = Masking<'a, S::SerializeStructVariant>;

    pass! {
        serialize_bool(bool), serialize_i8(i8), serialize_i16(i16), serialize_i32(i32), serialize_i64(i64),
        serialize_u8(u8), serialize_u16(u16), serialize_u32(u32), serialize_u64(u64), serialize_f32(f32),
        serialize_f64(f64), serialize_char(char), serialize_str(&str), serialize_bytes(&[u8]),
        serialize_unit_struct(&'static str),
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_none()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let masked = Masked(value, self.names);
        self.inner.serialize_some(&masked)
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit()
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        match name {
            "MacAddress" => {
                let mac = plain::<[u8; 6], S::Error>(value)?;
                let pseudonym = self.names.borrow_mut().mac(mac);
                self.inner.serialize_newtype_struct(name, &pseudonym)
            }
            "Code" => {
                let code = plain::<u64, S::Error>(value)?;
                let pseudonym = self.names.borrow_mut().code(code);
                self.inner.serialize_newtype_struct(name, &pseudonym)
            }
            "Typed" => {
                let typed = plain::<String, S::Error>(value)?;
                let pseudonym = self.names.borrow_mut().typed(&typed);
                self.inner.serialize_newtype_struct(name, &pseudonym)
            }
            _ => self.inner.serialize_newtype_struct(name, &Masked(value, self.names)),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.inner.serialize_newtype_variant(name, index, variant, &Masked(value, self.names))
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        Ok(Masking { inner: self.inner.serialize_seq(len)?, names: self.names })
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        Ok(Masking { inner: self.inner.serialize_tuple(len)?, names: self.names })
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        Ok(Masking { inner: self.inner.serialize_tuple_struct(name, len)?, names: self.names })
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        Ok(Masking {
            inner: self.inner.serialize_tuple_variant(name, index, variant, len)?,
            names: self.names,
        })
    }

    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        Ok(Masking { inner: self.inner.serialize_map(len)?, names: self.names })
    }

    fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct, S::Error> {
        Ok(Masking { inner: self.inner.serialize_struct(name, len)?, names: self.names })
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        Ok(Masking {
            inner: self.inner.serialize_struct_variant(name, index, variant, len)?,
            names: self.names,
        })
    }

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }
}

/// The plain content of a masked type.
fn plain<T: serde::de::DeserializeOwned, E: serde::ser::Error>(
    value: &(impl Serialize + ?Sized),
) -> Result<T, E> {
    let bytes = postcard::to_allocvec(value).map_err(E::custom)?;
    postcard::from_bytes(&bytes).map_err(E::custom)
}

/// The insides of compound values, which differ in nothing but the name of their method.
macro_rules! inside {
    ($($kind:ident, $method:ident;)*) => {
        $(impl<S: $kind> $kind for Masking<'_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
                let masked = self.mask(value);
                self.inner.$method(&masked)
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        })*
    };
}

inside! {
    SerializeSeq, serialize_element;
    SerializeTuple, serialize_element;
    SerializeTupleStruct, serialize_field;
    SerializeTupleVariant, serialize_field;
}

impl<S: SerializeMap> SerializeMap for Masking<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        let masked = self.mask(key);
        self.inner.serialize_key(&masked)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        let masked = self.mask(value);
        self.inner.serialize_value(&masked)
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.inner.end()
    }
}

/// As [`inside`], for values whose fields have names.
macro_rules! inside_named {
    ($($kind:ident),*) => {
        $(impl<S: $kind> $kind for Masking<'_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<(), S::Error> {
                let masked = self.mask(value);
                self.inner.serialize_field(key, &masked)
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        })*
    };
}

inside_named!(SerializeStruct, SerializeStructVariant);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::address::MacAddress;
    use crate::base::time::Span;
    use crate::hotspot::request::Method;

    #[test]
    fn a_device_has_one_pseudonym_wherever_it_stands() {
        let names = RefCell::new(Pseudonyms::default());
        let real = MacAddress([0xaa, 0xbb, 0xcc, 1, 2, 3]);
        let other = MacAddress([0xaa, 0xbb, 0xcc, 1, 2, 4]);
        let table: SortedMap<_, _> = [(real, vec![Some(other)]), (other, vec![None, Some(real)])].into();
        let value = (table, real);
        let bytes = postcard::to_allocvec(&Masked(&value, &names)).unwrap();
        assert!(!bytes.windows(3).any(|window| window == [0xaa, 0xbb, 0xcc]));

        let back: (SortedMap<MacAddress, Vec<Option<MacAddress>>>, MacAddress) =
            postcard::from_bytes(&bytes).unwrap();
        let (first, second) = (MacAddress([2, 0, 0, 0, 0, 1]), MacAddress([2, 0, 0, 0, 0, 2]));
        assert_eq!(
            back,
            (SortedMap::from([(first, vec![Some(second)]), (second, vec![None, Some(first)])]), first)
        );
    }

    #[test]
    fn a_typed_code_is_replaced_in_every_form_and_place_and_keeps_its_issuer() {
        let names = RefCell::new(Pseudonyms::default());
        let settings = settings();
        let code = Code::parse("ABCD-EFGH-JKMN").unwrap();
        let mut all = Vec::new();
        for body in ["code=abcd+efgh+jkmn&x=1", "x=ABCD&co%64e=AB%43DEFGHJKMN", "code=ABCD%2defgh-jkmn"] {
            let http = PortalRequest { body: body.into(), ..post() };
            all.push(names.borrow_mut().request(Some(&settings), &http));
        }
        assert!(all.iter().all(|http| *http == all[0]), "{all:?}");
        let body = String::from_utf8(all[0].body.clone()).unwrap();
        let typed = body.strip_prefix("code=").unwrap().replace("%2D", "-");
        let masked = Code::parse(&typed).unwrap();
        assert_ne!(masked, code);
        assert_eq!(masked.issuer(), code.issuer());
        // The page that shows it again has the same pseudonym.
        let page = postcard::to_allocvec(&Masked(&Typed("abcd efgh jkmn".to_owned()), &names)).unwrap();
        assert_eq!(page, postcard::to_allocvec(&Typed(typed)).unwrap());
    }

    #[test]
    fn what_is_no_code_keeps_its_shape_only() {
        let mut names = Pseudonyms::default();
        for (typed, shape) in
            [("hola-1", "XXXX-X"), ("ma\u{f1}ana", "XXUXXX"), ("", ""), ("7 de julio", "X-XX-XUXXX")]
        {
            assert_eq!(names.typed(typed), shape);
            let complaint = |text: &str| match Code::parse(text) {
                Err(CodeError::Length { symbols }) => Some(symbols),
                _ => None,
            };
            assert_eq!(complaint(typed), complaint(shape));
        }
    }

    #[test]
    fn where_a_guest_wanted_to_go_stands_in_no_recording() {
        let mut names = Pseudonyms::default();
        let secret = "diary";
        let http = PortalRequest {
            host: format!("{secret}.example"),
            path: format!("/{secret}"),
            query: format!("q={secret}"),
            body: secret.into(),
            accept_language: format!("{secret}, en;q=0.5"),
            cookie: secret.to_owned(),
            ..PortalRequest::default()
        };
        let there = PortalRequest { host: settings().portal_host, ..http.clone() };
        for http in [http, there] {
            let masked = names.request(Some(&settings()), &http);
            assert!(!format!("{masked:?}").contains(secret), "{masked:?}");
            assert_eq!(masked.accept_language, "en");
        }
    }

    fn post() -> PortalRequest {
        let host = settings().portal_host;
        PortalRequest { method: Method::Post, host, path: "/login".to_owned(), ..PortalRequest::default() }
    }

    fn settings() -> Settings {
        Settings {
            portal_host: "10.77.4.1".to_owned(),
            portal_address: [10, 77, 4, 1].into(),
            portal_port: 2080,
            community: crate::hotspot::settings::Community::default(),
            languages: portal::shipped::catalogue().languages(),
            language: None,
            lease: Span::from_secs(900),
            usage_interval: Span::from_secs(10),
            calls: Vec::new(),
            services: Vec::new(),
        }
    }
}
