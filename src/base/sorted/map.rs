//! The map.

use std::borrow::Borrow;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Index;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::shelf::{Chunks, Shelf};

/// A map in the order of its keys. Two maps with the same entries are equal, and are written as the same bytes.
///
/// Its entries stand in one list: the thousands of a [`LargeMap`] would be moved too often.
#[derive(Clone)]
pub struct SortedMap<K, V, S = Vec<(K, V)>> {
    shelf: S,
    entries: PhantomData<(K, V)>,
}

/// The same for thousands of entries.
pub type LargeMap<K, V> = SortedMap<K, V, Chunks<(K, V)>>;

/// The entry of one key, there or not.
pub struct Entry<'a, K, V, S: Shelf<(K, V)>> {
    map: &'a mut SortedMap<K, V, S>,
    key: K,
    place: Result<S::Place, S::Place>,
}

impl<K, V, S: Shelf<(K, V)>> SortedMap<K, V, S> {
    /// Nothing yet, and no memory taken.
    pub fn new() -> Self {
        Self { shelf: S::default(), entries: PhantomData }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.shelf.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// All entries in order.
    pub fn iter(&self) -> Iter<S::Iter<'_>> {
        Iter(self.shelf.iter())
    }

    /// The same, and the values may be changed.
    pub fn iter_mut<'a>(&'a mut self) -> impl Iterator<Item = (&'a K, &'a mut V)>
    where
        K: 'a,
        V: 'a,
    {
        self.shelf.iter_mut().map(|(key, value)| (&*key, value))
    }

    /// All keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> + Clone {
        self.shelf.iter().map(|(key, _)| key)
    }

    /// All values, in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> + Clone {
        self.shelf.iter().map(|(_, value)| value)
    }

    /// The same, to be changed.
    pub fn values_mut<'a>(&'a mut self) -> impl Iterator<Item = &'a mut V>
    where
        K: 'a,
        V: 'a,
    {
        self.shelf.iter_mut().map(|(_, value)| value)
    }

    /// The values alone, in the order of their keys.
    pub fn into_values(self) -> impl Iterator<Item = V> {
        self.shelf.into_entries().map(|(_, value)| value)
    }

    /// The entry with the smallest key.
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.shelf.first().map(|(key, value)| (key, value))
    }

    /// The entry with the largest key.
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.shelf.last().map(|(key, value)| (key, value))
    }

    /// Takes out the entry with the smallest key.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        self.shelf.take_first()
    }

    /// Keeps the entries for which `stays` says so; it may change the values.
    pub fn retain(&mut self, mut stays: impl FnMut(&K, &mut V) -> bool) {
        self.shelf.retain(|(key, value)| stays(key, value));
    }
}

impl<K, V> LargeMap<K, V> {
    /// The chunks' lengths.
    #[cfg(test)]
    pub(super) fn chunks(&self) -> impl Iterator<Item = usize> {
        self.shelf.lengths()
    }
}

impl<K: Ord, V, S: Shelf<(K, V)>> SortedMap<K, V, S> {
    #[inline(never)]
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<S::Place, S::Place>
    where
        K: Borrow<Q>,
    {
        self.shelf.find(|(other, _)| other.borrow().cmp(key))
    }

    /// The value of `key`.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        Some(&self.shelf.at(place).1)
    }

    /// The same, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        Some(&mut self.shelf.at_mut(place).1)
    }

    /// Whether there is an entry of `key`.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.find(key).is_ok()
    }

    /// Puts in an entry; what `key` had before.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        match self.find(&key) {
            Ok(place) => Some(std::mem::replace(&mut self.shelf.at_mut(place).1, value)),
            Err(place) => {
                self.put(place, key, value);
                None
            }
        }
    }

    #[inline(never)]
    fn put(&mut self, place: S::Place, key: K, value: V) -> &mut V {
        &mut self.shelf.put(place, (key, value)).1
    }

    /// Takes out the entry of `key`.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.remove_entry(key).map(|(_, value)| value)
    }

    /// The same with its key.
    pub fn remove_entry<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        let place = self.find(key).ok()?;
        Some(self.shelf.take(place))
    }

    /// The entry of `key`, to be filled if it is not there.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V, S> {
        let place = self.find(&key);
        Entry { map: self, key, place }
    }

    /// The entries from `key` on, itself included.
    pub fn range_from<Q: Ord + ?Sized>(&self, key: &Q) -> Iter<S::Iter<'_>>
    where
        K: Borrow<Q>,
    {
        let (Ok(place) | Err(place)) = self.find(key);
        Iter(self.shelf.iter_from(place))
    }

    /// The entries behind `key`, or all.
    pub fn after<Q: Ord + ?Sized>(&self, key: Option<&Q>) -> Iter<S::Iter<'_>>
    where
        K: Borrow<Q>,
    {
        let Some(key) = key else { return self.iter() };
        let mut entries = self.range_from(key);
        if self.contains_key(key) {
            entries.next();
        }
        entries
    }
}

impl<'a, K: Ord, V, S: Shelf<(K, V)>> Entry<'a, K, V, S> {
    /// The value; `make` says what it is if there was none.
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> &'a mut V {
        match self.place {
            Ok(place) => &mut self.map.shelf.at_mut(place).1,
            Err(place) => self.map.put(place, self.key, make()),
        }
    }

    /// The value; `default` if there was none.
    pub fn or_insert(self, default: V) -> &'a mut V {
        self.or_insert_with(|| default)
    }

    /// The value; that of `Default` if there was none.
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }
}

/// Entries in order.
#[derive(Clone)]
pub struct Iter<I>(I);

impl<'a, K: 'a, V: 'a, I: Iterator<Item = &'a (K, V)>> Iterator for Iter<I> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(key, value)| (key, value))
    }
}

impl<'a, K, V, S: Shelf<(K, V)>> IntoIterator for &'a SortedMap<K, V, S> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<S::Iter<'a>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K, V, S: Shelf<(K, V)>> IntoIterator for SortedMap<K, V, S> {
    type Item = (K, V);
    type IntoIter = S::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        self.shelf.into_entries()
    }
}

/// The value of a key that is there.
impl<K: Ord + Borrow<Q>, V, Q: Ord + ?Sized, S: Shelf<(K, V)>> Index<&Q> for SortedMap<K, V, S> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("no entry of this key")
    }
}

impl<K: Ord, V, S: Shelf<(K, V)>> Extend<(K, V)> for SortedMap<K, V, S> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Ord, V, S: Shelf<(K, V)>> FromIterator<(K, V)> for SortedMap<K, V, S> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        map.extend(entries);
        map
    }
}

impl<K: Ord, V, S: Shelf<(K, V)>, const N: usize> From<[(K, V); N]> for SortedMap<K, V, S> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K, V, S: Shelf<(K, V)>> Default for SortedMap<K, V, S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: PartialEq, V: PartialEq, S: Shelf<(K, V)>> PartialEq for SortedMap<K, V, S> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other)
    }
}

impl<K: Eq, V: Eq, S: Shelf<(K, V)>> Eq for SortedMap<K, V, S> {}

impl<K: fmt::Debug, V: fmt::Debug, S: Shelf<(K, V)>> fmt::Debug for SortedMap<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<K: Serialize, V: Serialize, S: Shelf<(K, V)>> Serialize for SortedMap<K, V, S> {
    fn serialize<T: Serializer>(&self, serializer: T) -> Result<T::Ok, T::Error> {
        use serde::ser::SerializeMap;
        let mut out = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self {
            out.serialize_entry(key, value)?;
        }
        out.end()
    }
}

impl<'de, K: Ord + Deserialize<'de>, V: Deserialize<'de>, S: Shelf<(K, V)>> Deserialize<'de>
    for SortedMap<K, V, S>
{
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<K, V, S>(PhantomData<(K, V, S)>);

        impl<'de, K: Ord + Deserialize<'de>, V: Deserialize<'de>, S: Shelf<(K, V)>> Visitor<'de>
            for Entries<K, V, S>
        {
            type Value = SortedMap<K, V, S>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
                let mut map = SortedMap::new();
                while let Some((key, value)) = entries.next_entry()? {
                    map.insert(key, value);
                }
                Ok(map)
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}
