//! Numbered fields: how a body's type stands in CBOR, told by a table of its fields and no code of its own.
//!
//! A body is a map from small numbers to items, or an array for the small types inside. [`fields!`](super::fields) is given the
//! numbers and does the rest: a reader that finds each item first and asks each type for its own ([`Field`]), and
//! a writer. Fields that this version does not know are passed over.
//!
//! A derived codec writes both out for each field of each kind, which was a twentieth of the whole program on a
//! router (`docs/dependencies.md`); here each *type* of field has one.

use super::item::{self, Item, Items};

/// Numbers of fields end below this.
const FIELDS: usize = 16;

/// What stands in one item.
pub(super) trait Field: Sized {
    /// What the item says; `None` if it cannot be this.
    fn read(item: Item<'_>) -> Option<Self>;

    /// Writes the item.
    fn write(&self, out: &mut Vec<u8>);

    /// What holds where there is no item, if that is allowed.
    fn missing() -> Option<Self> {
        None
    }

    /// Whether a map does without its item.
    fn is_missing(&self) -> bool {
        false
    }
}

/// Memory of its own is no matter of the format.
impl<T: Field> Field for Box<T> {
    fn read(item: Item<'_>) -> Option<Self> {
        T::read(item).map(Self::new)
    }

    fn write(&self, out: &mut Vec<u8>) {
        T::write(self, out);
    }
}

/// The items of a map or an array, by their numbers.
pub(super) struct Fields<'b> {
    items: [Option<Item<'b>>; FIELDS],
}

impl<'b> Fields<'b> {
    /// Those of a map from numbers.
    pub(super) fn of_map(item: Item<'b>) -> Option<Self> {
        let mut found = Self { items: [None; FIELDS] };
        let mut items = item.entries()?;
        while let Some(key) = items.next() {
            let value = items.next()?;
            // A key that is no small number is a field of a later version.
            let place = key.number().and_then(|number| found.items.get_mut(usize::try_from(number).ok()?));
            if let Some(place) = place {
                *place = Some(value);
            }
        }
        Some(found)
    }

    /// Those of an array.
    pub(super) fn of_array(item: Item<'b>) -> Option<Self> {
        let mut items = item.elements()?;
        Some(Self { items: std::array::from_fn(|_| items.next()) })
    }

    /// The field's item.
    pub(super) fn item(&self, number: usize) -> Option<Item<'b>> {
        self.items[number]
    }

    /// What the field says.
    pub(super) fn get<T: Field>(&self, number: usize) -> Option<T> {
        self.items[number].map_or_else(T::missing, T::read)
    }

    /// What the field says, or what holds in records of before it was there.
    pub(super) fn get_or_default<T: Field + Default>(&self, number: usize) -> Option<T> {
        self.items[number].map_or_else(|| Some(T::default()), T::read)
    }
}

/// Begins a map; gives where it stands.
pub(super) fn begin_map(out: &mut Vec<u8>) -> usize {
    out.push(item::MAP);
    out.len() - 1
}

/// Adds a field to the map that begins there. Numbers come in rising order.
pub(super) fn put<T: Field>(out: &mut Vec<u8>, map: usize, number: u8, value: &T) {
    if !value.is_missing() {
        // At most FIELDS: the head stays one octet, and so does the number.
        out[map] += 1;
        out.push(number);
        value.write(out);
    }
}

/// Reads a list of items; its length is bounded by that of the bytes.
pub(super) fn read_list<T: Field>(item: Item<'_>) -> Option<Vec<T>> {
    let mut items = item.elements()?;
    let mut list = Vec::new();
    while let Some(item) = items.next() {
        list.push(T::read(item)?);
    }
    Some(list)
}

/// Writes a list of items.
pub(super) fn write_list<T: Field>(out: &mut Vec<u8>, list: &[T]) {
    item::write_head(out, item::ARRAY, list.len() as u64);
    list.iter().for_each(|one| one.write(out));
}

/// The only item in `bytes`.
pub(super) fn read<T: Field>(bytes: &[u8]) -> Option<T> {
    T::read(Items::new(bytes).next()?)
}

/// Gives a type its [`Field`]: `map` or `array` and the number of each field, `numbers` for a plain choice, `list` for lists of
/// types. A field with `or default` is younger than its type.
macro_rules! fields {
    (map $type:ident { $($number:literal $name:ident $($default:ident)*,)* }) => {
        impl $crate::ledger::fields::Field for $type {
            fn read(item: $crate::ledger::item::Item<'_>) -> Option<Self> {
                let fields = $crate::ledger::fields::Fields::of_map(item)?;
                Some(Self { $($name: $crate::ledger::fields::fields!(get fields $number $($default)*),)* })
            }

            fn write(&self, out: &mut Vec<u8>) {
                let map = $crate::ledger::fields::begin_map(out);
                $($crate::ledger::fields::put(out, map, $number, &self.$name);)*
            }
        }
    };
    (array $type:ident { $($number:literal $name:ident,)* }) => {
        impl $crate::ledger::fields::Field for $type {
            fn read(item: $crate::ledger::item::Item<'_>) -> Option<Self> {
                let fields = $crate::ledger::fields::Fields::of_array(item)?;
                Some(Self { $($name: fields.get($number)?,)* })
            }

            fn write(&self, out: &mut Vec<u8>) {
                out.push($crate::ledger::item::ARRAY + [$($number),*].len() as u8);
                $($crate::ledger::fields::Field::write(&self.$name, out);)*
            }
        }
    };
    (numbers $type:ident { $($number:literal $name:ident,)* }) => {
        impl $crate::ledger::fields::Field for $type {
            fn read(item: $crate::ledger::item::Item<'_>) -> Option<Self> {
                match item.number()? {
                    $($number => Some(Self::$name),)*
                    _ => None,
                }
            }

            fn write(&self, out: &mut Vec<u8>) {
                out.push(match self { $(Self::$name => $number,)* });
            }
        }
    };
    (list $($type:ty),*) => {
        $(impl $crate::ledger::fields::Field for Vec<$type> {
            fn read(item: $crate::ledger::item::Item<'_>) -> Option<Self> {
                $crate::ledger::fields::read_list(item)
            }

            fn write(&self, out: &mut Vec<u8>) {
                $crate::ledger::fields::write_list(out, self);
            }
        })*
    };
    (get $fields:ident $number:literal) => { $fields.get($number)? };
    (get $fields:ident $number:literal or default) => { $fields.get_or_default($number)? };
}
pub(super) use fields;
