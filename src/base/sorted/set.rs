//! The set: a map whose values are nothing.

use std::borrow::Borrow;
use std::fmt;

use serde::de::{Deserialize, Deserializer};
use serde::ser::{Serialize, Serializer};

use super::SortedMap;
use super::shelf::{Chunks, Shelf};

/// A set in order. Two sets of the same things are equal, and are written as the same bytes.
#[derive(Clone)]
pub struct SortedSet<T, S = Vec<(T, ())>> {
    map: SortedMap<T, (), S>,
}

/// The same for thousands of things.
pub type LargeSet<T> = SortedSet<T, Chunks<(T, ())>>;

impl<T, S: Shelf<(T, ())>> SortedSet<T, S> {
    /// Nothing yet, and no memory taken.
    pub fn new() -> Self {
        Self { map: SortedMap::new() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.map.clear();
    }

    /// All in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> + Clone {
        self.map.keys()
    }

    /// The smallest.
    pub fn first(&self) -> Option<&T> {
        self.map.first_key_value().map(|(item, ())| item)
    }

    /// The largest.
    pub fn last(&self) -> Option<&T> {
        self.map.last_key_value().map(|(item, ())| item)
    }

    /// Takes out the smallest.
    pub fn pop_first(&mut self) -> Option<T> {
        self.map.pop_first().map(|(item, ())| item)
    }

    /// Keeps those for which `stays` says so.
    pub fn retain(&mut self, mut stays: impl FnMut(&T) -> bool) {
        self.map.retain(|item, ()| stays(item));
    }
}

impl<T: Ord, S: Shelf<(T, ())>> SortedSet<T, S> {
    /// Whether `item` is there.
    pub fn contains<Q: Ord + ?Sized>(&self, item: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.map.contains_key(item)
    }

    /// Puts `item` in; `false` if it was there.
    pub fn insert(&mut self, item: T) -> bool {
        self.map.insert(item, ()).is_none()
    }

    /// Takes `item` out; `false` if it was not there.
    pub fn remove<Q: Ord + ?Sized>(&mut self, item: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.map.remove(item).is_some()
    }

    /// Takes out the one that is equal to `item`.
    pub fn take<Q: Ord + ?Sized>(&mut self, item: &Q) -> Option<T>
    where
        T: Borrow<Q>,
    {
        self.map.remove_entry(item).map(|(item, ())| item)
    }

    /// Those from `item` on, itself included.
    pub fn range_from<'a, Q: Ord + ?Sized>(
        &'a self,
        item: &Q,
    ) -> impl Iterator<Item = &'a T> + use<'a, T, Q, S>
    where
        T: Borrow<Q>,
    {
        self.map.range_from(item).map(|(item, ())| item)
    }
}

impl<T: PartialEq, S: Shelf<(T, ())>> PartialEq for SortedSet<T, S> {
    fn eq(&self, other: &Self) -> bool {
        self.map == other.map
    }
}

impl<T: Eq, S: Shelf<(T, ())>> Eq for SortedSet<T, S> {}

impl<T, S: Shelf<(T, ())>> IntoIterator for SortedSet<T, S> {
    type Item = T;
    type IntoIter = std::iter::Map<S::IntoIter, fn((T, ())) -> T>;

    fn into_iter(self) -> Self::IntoIter {
        self.map.into_iter().map(|(item, ())| item)
    }
}

impl<T: Ord, S: Shelf<(T, ())>> Extend<T> for SortedSet<T, S> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        for item in items {
            self.insert(item);
        }
    }
}

impl<T: Ord, S: Shelf<(T, ())>> FromIterator<T> for SortedSet<T, S> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut set = Self::new();
        set.extend(items);
        set
    }
}

impl<T: Ord, S: Shelf<(T, ())>, const N: usize> From<[T; N]> for SortedSet<T, S> {
    fn from(items: [T; N]) -> Self {
        items.into_iter().collect()
    }
}

impl<T, S: Shelf<(T, ())>> Default for SortedSet<T, S> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: fmt::Debug, S: Shelf<(T, ())>> fmt::Debug for SortedSet<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

impl<T: Serialize, S: Shelf<(T, ())>> Serialize for SortedSet<T, S> {
    fn serialize<O: Serializer>(&self, serializer: O) -> Result<O::Ok, O::Error> {
        use serde::ser::SerializeSeq;
        let mut out = serializer.serialize_seq(Some(self.len()))?;
        for item in self.iter() {
            out.serialize_element(item)?;
        }
        out.end()
    }
}

impl<'de, T: Ord + Deserialize<'de>, S: Shelf<(T, ())>> Deserialize<'de> for SortedSet<T, S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<T>::deserialize(deserializer).map(|items| items.into_iter().collect())
    }
}
