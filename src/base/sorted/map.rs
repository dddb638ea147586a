//! The map.

use std::borrow::Borrow;
use std::cell::Cell;
use std::cmp::Ordering;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Index;
use std::{slice, vec};

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, Serializer};

use super::CHUNK;

/// A map in the order of its keys. Two maps with the same entries are equal, and are written as the same bytes.
#[derive(Clone)]
pub struct SortedMap<K, V> {
    /// In order, and none of them empty.
    chunks: Vec<Vec<(K, V)>>,
    /// Entries in all of them.
    len: usize,
    /// Where the entry is that was found or put in last: the next one often stands beside it. A wrong place costs a
    /// comparison and nothing else.
    near: Cell<Place>,
}

/// Where an entry is, or would be: the chunk, and the place in it.
type Place = (usize, usize);

/// The entry of one key, there or not.
pub struct Entry<'a, K, V> {
    map: &'a mut SortedMap<K, V>,
    key: K,
    place: Result<Place, Place>,
}

impl<K, V> SortedMap<K, V> {
    /// Nothing yet, and no memory taken.
    pub const fn new() -> Self {
        Self { chunks: Vec::new(), len: 0, near: Cell::new((0, 0)) }
    }

    /// How many entries there are.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    pub const fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// All entries in order.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter { chunks: self.chunks.iter(), chunk: [].iter() }
    }

    /// The same, and the values may be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&K, &mut V)> {
        self.chunks.iter_mut().flatten().map(|(key, value)| (&*key, value))
    }

    /// All keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &K> + Clone {
        self.iter().map(|(key, _)| key)
    }

    /// All values, in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> + Clone {
        self.iter().map(|(_, value)| value)
    }

    /// The same, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        self.chunks.iter_mut().flatten().map(|(_, value)| value)
    }

    /// The values alone, in the order of their keys.
    pub fn into_values(self) -> impl Iterator<Item = V> {
        self.into_iter().map(|(_, value)| value)
    }

    /// The entry with the smallest key.
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        self.chunks.first()?.first().map(|(key, value)| (key, value))
    }

    /// The entry with the largest key.
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        self.chunks.last()?.last().map(|(key, value)| (key, value))
    }

    /// Takes out the entry with the smallest key.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        (!self.is_empty()).then(|| self.take((0, 0)))
    }

    /// Keeps the entries for which `stays` says so; it may change the values.
    pub fn retain(&mut self, mut stays: impl FnMut(&K, &mut V) -> bool) {
        self.chunks.retain_mut(|chunk| {
            chunk.retain_mut(|(key, value)| stays(key, value));
            !chunk.is_empty()
        });
        self.len = self.chunks.iter().map(Vec::len).sum();
    }

    /// The chunks' lengths.
    #[cfg(test)]
    pub(super) fn chunks(&self) -> impl Iterator<Item = usize> {
        self.chunks.iter().map(Vec::len)
    }

    #[inline(never)]
    fn take(&mut self, (number, at): Place) -> (K, V) {
        let entry = take_out(&mut self.chunks[number], at);
        self.len -= 1;
        if self.chunks[number].is_empty() {
            take_out(&mut self.chunks, number);
        } else {
            self.join(number);
            self.join(number.saturating_sub(1));
        }
        entry
    }

    /// A chunk and the one behind it are one when both have become small: a table that shrinks gives its memory back.
    fn join(&mut self, number: usize) {
        if let Some([one, next]) = self.chunks.get_mut(number..number + 2)
            && one.len() + next.len() <= CHUNK / 2
        {
            one.append(next);
            take_out(&mut self.chunks, number + 1);
        }
    }

    /// Puts in an entry where [`SortedMap::find`] said that it belongs.
    #[inline(never)]
    fn put(&mut self, (mut number, mut at): Place, key: K, value: V) -> &mut V {
        if self.chunks.is_empty() {
            self.chunks.push(Vec::new());
        }
        if self.chunks[number].len() >= CHUNK {
            // What comes in order leaves full chunks behind, also if something stands behind all of it. What comes
            // here and there finds two halves.
            let in_order = at == CHUNK || at > 0 && self.near.get() == (number, at - 1);
            let left = if in_order { at } else { CHUNK / 2 };
            let rest = cut(&mut self.chunks[number], left);
            put_in(&mut self.chunks, number + 1, rest);
            if at > left || left == CHUNK {
                (number, at) = (number + 1, at - left);
            }
        }
        self.len += 1;
        self.near.set((number, at));
        let chunk = &mut self.chunks[number];
        put_in(chunk, at, (key, value));
        &mut chunk[at].1
    }
}

impl<K: Ord, V> SortedMap<K, V> {
    #[inline(never)]
    fn find<Q: Ord + ?Sized>(&self, key: &Q) -> Result<Place, Place>
    where
        K: Borrow<Q>,
    {
        let compare = |(number, at): Place| {
            let entry = self.chunks.get(number).and_then(|chunk| chunk.get(at));
            entry.map_or(Ordering::Greater, |(other, _)| other.borrow().cmp(key))
        };
        let found = search(self.chunks.len(), self.near.get(), &compare);
        if let Ok(place) = found {
            self.near.set(place);
        }
        found
    }

    /// The value of `key`.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let (number, at) = self.find(key).ok()?;
        Some(&self.chunks[number][at].1)
    }

    /// The same, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let (number, at) = self.find(key).ok()?;
        Some(&mut self.chunks[number][at].1)
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
            Ok((number, at)) => Some(std::mem::replace(&mut self.chunks[number][at].1, value)),
            Err(place) => {
                self.put(place, key, value);
                None
            }
        }
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
        Some(self.take(place))
    }

    /// The entry of `key`, to be filled if it is not there.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        let place = self.find(&key);
        Entry { map: self, key, place }
    }

    /// The entries from `key` on, itself included.
    pub fn range_from<Q: Ord + ?Sized>(&self, key: &Q) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let (Ok((number, at)) | Err((number, at))) = self.find(key);
        let chunks = self.chunks.get(number..).unwrap_or_default();
        let Some((chunk, rest)) = chunks.split_first() else { return self.iter() };
        Iter { chunks: rest.iter(), chunk: chunk[at..].iter() }
    }

    /// The entries behind `key`, or all.
    pub fn after<Q: Ord + ?Sized>(&self, key: Option<&Q>) -> Iter<'_, K, V>
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

// What is done to a list does not depend on what it is a list of, but for its size: as functions of their own the
// tables of all types share them.

#[inline(never)]
fn put_in<T>(list: &mut Vec<T>, at: usize, entry: T) {
    list.insert(at, entry);
}

#[inline(never)]
fn take_out<T>(list: &mut Vec<T>, at: usize) -> T {
    list.remove(at)
}

#[inline(never)]
fn cut<T>(list: &mut Vec<T>, at: usize) -> Vec<T> {
    list.split_off(at)
}

/// Looks for a key in so many chunks: where its entry is, or would be. `compare` says how the entry of a place
/// stands to the key; where there is none, it is greater. One function for the tables of all types: it would be a
/// tenth of a router's program otherwise.
///
/// First it looks at `near` and right behind it: whoever goes through a table in order, or fills it in order, needs
/// two comparisons for each key.
fn search(chunks: usize, near: Place, compare: &dyn Fn(Place) -> Ordering) -> Result<Place, Place> {
    let (number, at) = near;
    match compare(near) {
        Ordering::Equal => return Ok(near),
        Ordering::Greater => {}
        Ordering::Less => {
            for next in [(number, at + 1), (number + 1, 0)] {
                match compare(next) {
                    Ordering::Equal => return Ok(next),
                    // It stands before the next chunk, too, if that is where it ends.
                    Ordering::Greater if next.1 == 0 => return Err((number, at + 1)),
                    Ordering::Greater => {}
                    Ordering::Less => break,
                }
            }
        }
    }
    let is_before = |place| compare(place) != Ordering::Greater;
    let number = first_that_fails(chunks, |number| is_before((number, 0))).saturating_sub(1);
    let at = first_that_fails(CHUNK, |at| compare((number, at)) == Ordering::Less);
    if compare((number, at)) == Ordering::Equal { Ok((number, at)) } else { Err((number, at)) }
}

/// The first number below `end` for which `holds` does not hold; it holds for all before it.
fn first_that_fails(end: usize, holds: impl Fn(usize) -> bool) -> usize {
    let (mut from, mut to) = (0, end);
    while from < to {
        let middle = from.midpoint(to);
        if holds(middle) { from = middle + 1 } else { to = middle }
    }
    from
}

impl<'a, K, V> Entry<'a, K, V> {
    /// The value; `make` says what it is if there was none.
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> &'a mut V {
        match self.place {
            Ok((number, at)) => &mut self.map.chunks[number][at].1,
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
pub struct Iter<'a, K, V> {
    chunks: slice::Iter<'a, Vec<(K, V)>>,
    chunk: slice::Iter<'a, (K, V)>,
}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Self { chunks: self.chunks.clone(), chunk: self.chunk.clone() }
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.chunk.next() {
                return Some((key, value));
            }
            self.chunk = self.chunks.next()?.iter();
        }
    }
}

impl<'a, K, V> IntoIterator for &'a SortedMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

impl<K, V> IntoIterator for SortedMap<K, V> {
    type Item = (K, V);
    type IntoIter = std::iter::Flatten<vec::IntoIter<Vec<(K, V)>>>;

    fn into_iter(self) -> Self::IntoIter {
        self.chunks.into_iter().flatten()
    }
}

/// The value of a key that is there.
impl<K: Ord + Borrow<Q>, V, Q: Ord + ?Sized> Index<&Q> for SortedMap<K, V> {
    type Output = V;

    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("no entry of this key")
    }
}

impl<K: Ord, V> Extend<(K, V)> for SortedMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for SortedMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        map.extend(entries);
        map
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for SortedMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K, V> Default for SortedMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for SortedMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other)
    }
}

impl<K: Eq, V: Eq> Eq for SortedMap<K, V> {}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for SortedMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<K: Serialize, V: Serialize> Serialize for SortedMap<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut out = serializer.serialize_map(Some(self.len()))?;
        for (key, value) in self {
            out.serialize_entry(key, value)?;
        }
        out.end()
    }
}

impl<'de, K: Ord + Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for SortedMap<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<K, V>(PhantomData<(K, V)>);

        impl<'de, K: Ord + Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for Entries<K, V> {
            type Value = SortedMap<K, V>;

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
