//! Tables of the bus, written as `json!` of `serde_json` is and a third of its code: there each field of each reply becomes
//! a conversion that may fail and an insertion of its own, here a place in a list that one function makes a table of.

use serde_json::{Map, Value};

/// What a field of a table can be made of.
pub(crate) trait Json {
    /// It as JSON.
    fn json(&self) -> Value;
}

/// What is JSON already; nothing of it is copied.
pub(crate) trait Made {
    /// It as JSON.
    fn json(self) -> Value;
}

/// A table.
macro_rules! json {
    ({ $($name:tt : $value:expr),* $(,)? }) => {{
        #[allow(unused_imports, reason = "a table may have fields of one sort, or none")]
        use $crate::platform::ubus::table::{Json as _, Made as _};
        $crate::platform::ubus::table::object(&mut [$(($name, ($value).json())),*])
    }};
}
pub(crate) use json;

/// A table of these fields, which are taken.
#[inline(never)]
pub(crate) fn object(fields: &mut [(&str, Value)]) -> Value {
    let fields = fields.iter_mut().map(|(name, value)| ((*name).to_owned(), value.take()));
    Value::Object(fields.collect::<Map<_, _>>())
}

/// A table as the arguments of a call; none if it is no table.
pub(crate) fn arguments(table: Value) -> Map<String, Value> {
    match table {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

impl Made for Value {
    fn json(self) -> Value {
        self
    }
}

impl Made for Vec<Value> {
    fn json(self) -> Value {
        Value::Array(self)
    }
}

impl Json for str {
    #[inline(never)]
    fn json(&self) -> Value {
        Value::String(self.to_owned())
    }
}

impl Json for String {
    fn json(&self) -> Value {
        self.as_str().json()
    }
}

impl<T: Json + ?Sized> Json for &T {
    fn json(&self) -> Value {
        (**self).json()
    }
}

impl<T: Json> Json for Option<T> {
    fn json(&self) -> Value {
        self.as_ref().map_or(Value::Null, Json::json)
    }
}

impl<T: Json> Json for [T] {
    #[inline(never)]
    fn json(&self) -> Value {
        Value::Array(self.iter().map(Json::json).collect())
    }
}

impl<T: Json> Json for Vec<T> {
    fn json(&self) -> Value {
        self.as_slice().json()
    }
}

macro_rules! plain {
    ($($type:ty),*) => {$(
        impl Json for $type {
            fn json(&self) -> Value {
                Value::from(*self)
            }
        }
    )*};
}

plain!(bool, u8, u16, u32, u64, usize, i64);

#[cfg(test)]
mod tests {
    #[test]
    fn a_table_is_what_serde_json_makes_of_it() {
        let (none, some, words): (Option<u32>, Option<String>, Vec<String>) =
            (None, Some("x".to_owned()), vec!["a".to_owned(), "b".to_owned()]);
        let rows = vec![json!({"n": 1_u8}), json!({})];
        let name = "last";
        let ours = json!({
            "yes": true, "small": 7_u16, "large": u64::MAX, "less": -5_i64, "word": "w", "none": none, "some": some,
            "words": words, "rows": rows.clone(), name: json!({"in": 3_usize}),
        });
        let theirs = serde_json::json!({
            "yes": true, "small": 7, "large": u64::MAX, "less": -5, "word": "w", "none": none, "some": some,
            "words": words, "rows": rows, "last": {"in": 3},
        });
        assert_eq!(ours, theirs);
    }
}
