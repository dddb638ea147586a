//! Between JSON values and blobmsg, the typed tables that ubus carries.
//!
//! JSON has one kind of number, blobmsg has five, and who reads blobmsg matches by *exact* type: an
//! INT64 where INT32 is expected counts as absent. So a number is sent as the type that the method's
//! signature names; without a signature as INT32 if it fits and as INT64 if not, except under a name
//! that [`is_wide`] knows: those are always INT64, so that a counter does not change its type on the
//! day it passes 2^31. The same rules as libubox's own JSON translation hold for the rest: booleans
//! are INT8, null is UNSPEC.

use std::fmt;

use serde_json::{Map, Number, Value};
use ubus::blobmsg::{BlobBuilder, BlobIter, BlobRef, BlobType};

use crate::base::limit;
use crate::base::sorted::SortedMap;

/// What an argument of a method is, as the object's signature says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentType {
    /// A list.
    Array,
    /// Values under names.
    Table,
    /// Text.
    Text,
    /// A number that may pass 2^31.
    Int64,
    /// A number.
    Int32,
    /// Yes or no.
    Bool,
    /// A number with a fraction.
    Double,
}

/// The types that a signature gives to the arguments of one method.
pub(super) type Types = SortedMap<String, ArgumentType>;

/// Why a value cannot go over ubus, or what came cannot be a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValueError {
    /// Tables and lists nest too deep.
    Deep,
    /// A text or a name holds a NUL character, where blobmsg ends it.
    Nul,
    /// A name is longer than a blobmsg header can say.
    Name,
    /// A number is larger than a signed 64-bit integer.
    Number,
    /// The bytes are no blobmsg.
    Malformed(&'static str),
}

impl fmt::Display for ValueError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deep => write!(formatter, "more than {} levels of tables and lists", limit::UBUS_DEPTH),
            Self::Nul => formatter.write_str("a NUL character in a text"),
            Self::Name => formatter.write_str("a name of more than 65,535 bytes"),
            Self::Number => formatter.write_str("a number beyond 64 signed bits"),
            Self::Malformed(why) => write!(formatter, "malformed bytes: {why}"),
        }
    }
}

impl ArgumentType {
    /// The number that stands for the type in a signature.
    pub(super) const fn code(self) -> i32 {
        match self {
            Self::Array => BlobType::Array as i32,
            Self::Table => BlobType::Table as i32,
            Self::Text => BlobType::String as i32,
            Self::Int64 => BlobType::Int64 as i32,
            Self::Int32 => BlobType::Int32 as i32,
            Self::Bool => BlobType::Int8 as i32,
            Self::Double => BlobType::Double as i32,
        }
    }

    /// The type that a number of a signature stands for; `None` for those that say nothing about how
    /// to send a JSON value.
    pub(super) const fn from_code(code: i32) -> Option<Self> {
        match code {
            1 => Some(Self::Array),
            2 => Some(Self::Table),
            3 => Some(Self::Text),
            4 => Some(Self::Int64),
            5 => Some(Self::Int32),
            7 => Some(Self::Bool),
            8 => Some(Self::Double),
            _ => None,
        }
    }

    /// Whether a value that somebody sent may stand for an argument of this type. Integers of any
    /// width are one kind here: scripts cannot choose the width.
    pub(super) fn accepts(self, value: &Value) -> bool {
        match self {
            Self::Array => value.is_array(),
            Self::Table => value.is_object(),
            Self::Text => value.is_string(),
            Self::Int64 => value.is_i64(),
            Self::Int32 => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
            Self::Bool => value.is_boolean(),
            Self::Double => value.is_number(),
        }
    }
}

/// Whether numbers under this name are always sent with 64 bits: octets, packets, TLVs, microseconds,
/// money, and seconds since 1970 (which pass 2^31 in 2038).
pub fn is_wide(name: &str) -> bool {
    name == "unix_s"
        || ["_bytes", "_packets", "_tlvs", "_us", "_cents", "_unix_s"].iter().any(|end| name.ends_with(end))
}

/// The length that [`encode`] would give, or why the table cannot be sent. Costs no memory, so that an
/// answer that is too large is found before it is built.
pub(super) fn measure(table: &Map<String, Value>) -> Result<usize, ValueError> {
    table.iter().try_fold(0, |sum: usize, (name, value)| Ok(sum + measure_element(name, value, 1)?))
}

/// Writes a table's contents, without the header of the table itself: what stands in a DATA attribute.
pub(super) fn encode(table: &Map<String, Value>, types: Option<&Types>) -> Result<Vec<u8>, ValueError> {
    measure(table)?;
    let mut builder = BlobBuilder::new();
    for (name, value) in table {
        let wanted = types.and_then(|types| types.get(name)).copied();
        put(&mut builder, Some(name), value, wanted, is_wide(name));
    }
    Ok(builder.finish())
}

/// Reads a table's contents.
pub(super) fn decode(contents: &[u8]) -> Result<Map<String, Value>, ValueError> {
    decode_table(contents, 1)
}

/// Reads what one signature attribute says of `method`.
pub(super) fn decode_signature(signature: &[u8], method: &str) -> Result<Option<Types>, ValueError> {
    let mut methods = BlobIter::new(signature);
    while let Some(entry) = next(&mut methods)? {
        if entry.name != Some(method) || entry.ty != BlobType::Table {
            continue;
        }
        let mut types = Types::new();
        let mut arguments = BlobIter::new(entry.payload);
        while let Some(argument) = next(&mut arguments)? {
            if let (Some(name), Some(kind)) =
                (argument.name, argument.as_i32().and_then(ArgumentType::from_code))
            {
                types.insert(name.to_owned(), kind);
            }
        }
        return Ok(Some(types));
    }
    Ok(None)
}

fn measure_element(name: &str, value: &Value, depth: usize) -> Result<usize, ValueError> {
    if depth > limit::UBUS_DEPTH {
        return Err(ValueError::Deep);
    }
    if name.len() > usize::from(u16::MAX) {
        return Err(ValueError::Name);
    }
    if name.contains('\0') {
        return Err(ValueError::Nul);
    }
    let payload = match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(number) if number.is_u64() && !number.is_i64() => return Err(ValueError::Number),
        // An upper bound: 32-bit numbers take 4.
        Value::Number(_) => 8,
        Value::String(text) if text.contains('\0') => return Err(ValueError::Nul),
        Value::String(text) => text.len() + 1,
        Value::Array(items) => {
            items.iter().try_fold(0, |sum: usize, item| Ok(sum + measure_element("", item, depth + 1)?))?
        }
        Value::Object(table) => table
            .iter()
            .try_fold(0, |sum: usize, (name, item)| Ok(sum + measure_element(name, item, depth + 1)?))?,
    };
    // Header, then length of the name, name and NUL, then the payload; each padded to 4.
    Ok(4 + (2 + name.len() + 1).next_multiple_of(4) + payload.next_multiple_of(4))
}

fn put(
    builder: &mut BlobBuilder,
    name: Option<&str>,
    value: &Value,
    wanted: Option<ArgumentType>,
    wide: bool,
) {
    match value {
        Value::Null => builder.put_null(name),
        Value::Bool(value) => builder.put_bool(name, *value),
        Value::String(text) => builder.put_str(name, text),
        Value::Number(number) => put_number(builder, name, number, wanted, wide),
        Value::Array(items) => {
            builder.open_array(name);
            for item in items {
                // The elements have no name of their own: they are what the list's name says.
                put(builder, None, item, None, wide);
            }
            builder.close_array();
        }
        Value::Object(table) => {
            builder.open_table(name);
            for (name, item) in table {
                put(builder, Some(name), item, None, is_wide(name));
            }
            builder.close_table();
        }
    }
}

fn put_number(
    builder: &mut BlobBuilder,
    name: Option<&str>,
    number: &Number,
    wanted: Option<ArgumentType>,
    wide: bool,
) {
    let Some(integer) = number.as_i64() else {
        // `measure` refused integers beyond i64, so this is a fraction.
        return builder.put_double(name, number.as_f64().unwrap_or(0.0));
    };
    match (wanted, i32::try_from(integer)) {
        (Some(ArgumentType::Double), _) => builder.put_double(name, integer as f64),
        (Some(ArgumentType::Bool), _) if integer == 0 || integer == 1 => builder.put_bool(name, integer == 1),
        (Some(ArgumentType::Int32), Ok(short)) => builder.put_i32(name, short),
        (Some(ArgumentType::Int64), _) => builder.put_i64(name, integer),
        (_, Ok(short)) if !wide => builder.put_i32(name, short),
        _ => builder.put_i64(name, integer),
    }
}

fn next<'a>(elements: &mut BlobIter<'a>) -> Result<Option<BlobRef<'a>>, ValueError> {
    elements.try_next().map_err(|_| ValueError::Malformed("an element that does not fit its table"))
}

fn decode_table(contents: &[u8], depth: usize) -> Result<Map<String, Value>, ValueError> {
    let mut table = Map::new();
    let mut elements = BlobIter::new(contents);
    while let Some(element) = next(&mut elements)? {
        table.insert(element.name.unwrap_or("").to_owned(), decode_value(&element, depth)?);
    }
    Ok(table)
}

fn decode_value(element: &BlobRef<'_>, depth: usize) -> Result<Value, ValueError> {
    if depth > limit::UBUS_DEPTH {
        return Err(ValueError::Deep);
    }
    Ok(match element.ty {
        BlobType::Unspec => Value::Null,
        BlobType::Int8 => Value::Bool(exact::<1>(element)? != [0]),
        BlobType::Int16 => i16::from_be_bytes(exact(element)?).into(),
        BlobType::Int32 => i32::from_be_bytes(exact(element)?).into(),
        BlobType::Int64 => i64::from_be_bytes(exact(element)?).into(),
        // JSON has no infinities: they become null.
        BlobType::Double => f64::from_be_bytes(exact(element)?).into(),
        BlobType::String => Value::String(decode_text(element.payload)?),
        BlobType::Table => Value::Object(decode_table(element.payload, depth + 1)?),
        BlobType::Array => {
            let mut items = Vec::new();
            let mut elements = BlobIter::new(element.payload);
            while let Some(item) = next(&mut elements)? {
                items.push(decode_value(&item, depth + 1)?);
            }
            Value::Array(items)
        }
    })
}

fn exact<const N: usize>(element: &BlobRef<'_>) -> Result<[u8; N], ValueError> {
    element.payload.try_into().map_err(|_| ValueError::Malformed("a number of the wrong width"))
}

fn decode_text(payload: &[u8]) -> Result<String, ValueError> {
    let Some((0, text)) = payload.split_last() else {
        return Err(ValueError::Malformed("a text without its NUL"));
    };
    // libubox reads up to the first NUL; whatever hides behind it is nobody's text.
    let text = text.split(|&octet| octet == 0).next().unwrap_or_default();
    match std::str::from_utf8(text) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(ValueError::Malformed("a text that is not UTF-8")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn table(value: Value) -> Map<String, Value> {
        match value {
            Value::Object(table) => table,
            other => panic!("{other} is no table"),
        }
    }

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits
            .chunks(2)
            .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
            .collect()
    }

    /// The arguments of a call as the C tool sends them, seen on the wire.
    const ECHO: &str = "87000009 0001620001000000 8500000c 00016900 00000003 8300000b 00017300 68690000";

    #[test]
    fn a_table_of_the_c_tool_is_read_and_written_byte_for_byte() {
        let value = table(json!({"b": true, "i": 3, "s": "hi"}));
        assert_eq!(decode(&hex(ECHO)).unwrap(), value);
        assert_eq!(encode(&value, None).unwrap(), hex(ECHO));
    }

    #[test]
    fn a_number_has_the_width_that_signature_name_and_size_give_it() {
        let kinds = |value: Value, types: Option<&Types>| -> Vec<BlobType> {
            BlobIter::new(&encode(&table(value), types).unwrap()).map(|element| element.ty).collect()
        };
        assert_eq!(kinds(json!({"n": 5}), None), [BlobType::Int32]);
        assert_eq!(kinds(json!({"n": 2_147_483_648_i64}), None), [BlobType::Int64]);
        assert_eq!(kinds(json!({"up_bytes": 5}), None), [BlobType::Int64]);
        assert_eq!(kinds(json!({"price_cents": 50}), None), [BlobType::Int64]);
        assert_eq!(kinds(json!({"unix_s": 5}), None), [BlobType::Int64]);
        assert_eq!(kinds(json!({"n": 0.5}), None), [BlobType::Double]);
        let types: Types = [
            ("a", ArgumentType::Int64),
            ("b", ArgumentType::Bool),
            ("c_bytes", ArgumentType::Int32),
            ("d", ArgumentType::Double),
        ]
        .map(|(name, kind)| (name.to_owned(), kind))
        .into();
        assert_eq!(
            kinds(json!({"a": 1, "b": 1, "c_bytes": 1, "d": 1}), Some(&types)),
            [BlobType::Int64, BlobType::Int8, BlobType::Int32, BlobType::Double]
        );
    }

    #[test]
    fn what_blobmsg_cannot_say_is_refused() {
        assert_eq!(encode(&table(json!({"a": "x\0y"})), None), Err(ValueError::Nul));
        assert_eq!(encode(&table(json!({"a\0": 1})), None), Err(ValueError::Nul));
        assert_eq!(encode(&table(json!({"a": u64::MAX})), None), Err(ValueError::Number));
        assert_eq!(encode(&table(json!({"n".repeat(65_536): 1})), None), Err(ValueError::Name));
        let deep = |levels| (1..levels).fold(json!(1), |inner, _| json!([inner]));
        assert!(encode(&table(json!({"a": deep(limit::UBUS_DEPTH)})), None).is_ok());
        assert_eq!(encode(&table(json!({"a": deep(limit::UBUS_DEPTH + 1)})), None), Err(ValueError::Deep));
    }

    #[test]
    fn a_bottomless_table_is_refused_before_the_stack_ends() {
        let mut builder = BlobBuilder::new();
        for _ in 0..10_000 {
            builder.open_array(None);
        }
        for _ in 0..10_000 {
            builder.close_array();
        }
        assert_eq!(decode(&builder.finish()), Err(ValueError::Deep));
    }

    #[test]
    fn wrong_widths_and_texts_are_refused() {
        let short = hex("85000009 00016900 03000000");
        assert_eq!(decode(&short), Err(ValueError::Malformed("a number of the wrong width")));
        let endless = hex("8300000a 00017300 68690000");
        assert_eq!(decode(&endless), Err(ValueError::Malformed("a text without its NUL")));
        let latin = hex("8300000a 00017300 e9000000");
        assert_eq!(decode(&latin), Err(ValueError::Malformed("a text that is not UTF-8")));
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            (-1e300_f64..1e300).prop_map(|number| Value::from(number + 0.5)),
            "[^\0]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map("[a-z_]{0,10}", inner, 0..6)
                    .prop_map(|table| Value::Object(table.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_value_survives_the_way(entries in prop::collection::btree_map("[a-z_]{0,10}", any_value(), 0..6)) {
            let table: Map<String, Value> = entries.into_iter().collect();
            let bytes = encode(&table, None).unwrap();
            prop_assert!(bytes.len() <= measure(&table).unwrap());
            prop_assert_eq!(decode(&bytes).unwrap(), table);
        }

        #[test]
        fn any_bytes_are_a_table_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
            let _ = decode_signature(&bytes, "m");
        }
    }
}
