//! Where the entries of a table stand: in one list, or, where there may be thousands, in chunks.

use std::cell::Cell;
use std::cmp::Ordering;
use std::{iter, slice, vec};

use super::CHUNK;

/// Entries in order. A table finds the place of a key by comparison alone and says what happens there; a place is good
/// until the next change.
pub trait Shelf<T>: Default {
    /// Where an entry is, or would be.
    type Place: Copy;
    /// All entries in order.
    type Iter<'a>: Iterator<Item = &'a T> + Clone
    where
        T: 'a,
        Self: 'a;
    /// The same, by value.
    type IntoIter: Iterator<Item = T>;

    /// How many there are.
    fn len(&self) -> usize;
    /// Where the entry is that is equal, or would be; `compare` says how an entry stands to what is looked for.
    fn find(&self, compare: impl Fn(&T) -> Ordering) -> Result<Self::Place, Self::Place>;
    /// The entry of a place that was found.
    fn at(&self, place: Self::Place) -> &T;
    /// The same, to be changed.
    fn at_mut(&mut self, place: Self::Place) -> &mut T;
    /// Puts in an entry where [`Shelf::find`] said that it belongs.
    fn put(&mut self, place: Self::Place, entry: T) -> &mut T;
    /// Takes out the entry of a place that was found.
    fn take(&mut self, place: Self::Place) -> T;
    /// Takes out the smallest.
    fn take_first(&mut self) -> Option<T>;
    /// Keeps the entries for which `stays` says so.
    fn retain(&mut self, stays: impl FnMut(&mut T) -> bool);
    /// The smallest.
    fn first(&self) -> Option<&T>;
    /// The largest.
    fn last(&self) -> Option<&T>;
    /// All entries in order.
    fn iter(&self) -> Self::Iter<'_>;
    /// Those from a place on.
    fn iter_from(&self, place: Self::Place) -> Self::Iter<'_>;
    /// All, to be changed.
    fn iter_mut<'a>(&'a mut self) -> impl Iterator<Item = &'a mut T>
    where
        T: 'a;
    /// All, by value.
    fn into_entries(self) -> Self::IntoIter;
}

/// One list: the smallest code, and the quickest as long as moving what stands behind an entry costs nothing.
impl<T> Shelf<T> for Vec<T> {
    type Place = usize;
    type Iter<'a>
        = slice::Iter<'a, T>
    where
        T: 'a;
    type IntoIter = vec::IntoIter<T>;

    fn len(&self) -> usize {
        self.len()
    }

    fn find(&self, compare: impl Fn(&T) -> Ordering) -> Result<usize, usize> {
        search_list(self.len(), &|at| compare(&self[at]))
    }

    fn at(&self, place: usize) -> &T {
        &self[place]
    }

    fn at_mut(&mut self, place: usize) -> &mut T {
        &mut self[place]
    }

    fn put(&mut self, place: usize, entry: T) -> &mut T {
        put_in(self, place, entry);
        &mut self[place]
    }

    fn take(&mut self, place: usize) -> T {
        take_out(self, place)
    }

    fn take_first(&mut self) -> Option<T> {
        (!self.is_empty()).then(|| self.take(0))
    }

    fn retain(&mut self, stays: impl FnMut(&mut T) -> bool) {
        self.retain_mut(stays);
    }

    fn first(&self) -> Option<&T> {
        self.as_slice().first()
    }

    fn last(&self) -> Option<&T> {
        self.as_slice().last()
    }

    fn iter(&self) -> slice::Iter<'_, T> {
        self.as_slice().iter()
    }

    fn iter_from(&self, place: usize) -> slice::Iter<'_, T> {
        self[place..].iter()
    }

    fn iter_mut<'a>(&'a mut self) -> impl Iterator<Item = &'a mut T>
    where
        T: 'a,
    {
        self.as_mut_slice().iter_mut()
    }

    fn into_entries(self) -> vec::IntoIter<T> {
        self.into_iter()
    }
}

/// Chunks of at most [`CHUNK`]: putting one in moves at most a chunk and the list of the chunks.
#[derive(Clone)]
pub struct Chunks<T> {
    /// In order, and none of them empty.
    chunks: Vec<Vec<T>>,
    /// Entries in all of them.
    len: usize,
    /// Where the entry is that was found or put in last: the next one often stands beside it. A wrong place costs a
    /// comparison and nothing else.
    near: Cell<Place>,
}

/// The chunk, and the place in it.
type Place = (usize, usize);

impl<T> Default for Chunks<T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), len: 0, near: Cell::new((0, 0)) }
    }
}

impl<T> Chunks<T> {
    /// The chunks' lengths.
    #[cfg(test)]
    pub(super) fn lengths(&self) -> impl Iterator<Item = usize> {
        self.chunks.iter().map(Vec::len)
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
}

impl<T> Shelf<T> for Chunks<T> {
    type Place = Place;
    type Iter<'a>
        = Iter<'a, T>
    where
        T: 'a;
    type IntoIter = iter::Flatten<vec::IntoIter<Vec<T>>>;

    fn len(&self) -> usize {
        self.len
    }

    fn find(&self, compare: impl Fn(&T) -> Ordering) -> Result<Place, Place> {
        let compare = |(number, at): Place| {
            let entry = self.chunks.get(number).and_then(|chunk| chunk.get(at));
            entry.map_or(Ordering::Greater, &compare)
        };
        let found = search_chunks(self.chunks.len(), self.near.get(), &compare);
        if let Ok(place) = found {
            self.near.set(place);
        }
        found
    }

    fn at(&self, (number, at): Place) -> &T {
        &self.chunks[number][at]
    }

    fn at_mut(&mut self, (number, at): Place) -> &mut T {
        &mut self.chunks[number][at]
    }

    fn put(&mut self, (mut number, mut at): Place, entry: T) -> &mut T {
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
        put_in(chunk, at, entry);
        &mut chunk[at]
    }

    fn take(&mut self, (number, at): Place) -> T {
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

    fn take_first(&mut self) -> Option<T> {
        (self.len > 0).then(|| self.take((0, 0)))
    }

    fn retain(&mut self, mut stays: impl FnMut(&mut T) -> bool) {
        self.chunks.retain_mut(|chunk| {
            chunk.retain_mut(&mut stays);
            !chunk.is_empty()
        });
        self.len = self.chunks.iter().map(Vec::len).sum();
    }

    fn first(&self) -> Option<&T> {
        self.chunks.first()?.first()
    }

    fn last(&self) -> Option<&T> {
        self.chunks.last()?.last()
    }

    fn iter(&self) -> Iter<'_, T> {
        Iter { chunks: self.chunks.iter(), chunk: [].iter() }
    }

    fn iter_from(&self, (number, at): Place) -> Iter<'_, T> {
        let chunks = self.chunks.get(number..).unwrap_or_default();
        let Some((chunk, rest)) = chunks.split_first() else { return self.iter() };
        Iter { chunks: rest.iter(), chunk: chunk[at..].iter() }
    }

    fn iter_mut<'a>(&'a mut self) -> impl Iterator<Item = &'a mut T>
    where
        T: 'a,
    {
        self.chunks.iter_mut().flatten()
    }

    fn into_entries(self) -> Self::IntoIter {
        self.chunks.into_iter().flatten()
    }
}

/// Entries of chunks in order.
pub struct Iter<'a, T> {
    chunks: slice::Iter<'a, Vec<T>>,
    chunk: slice::Iter<'a, T>,
}

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Self { chunks: self.chunks.clone(), chunk: self.chunk.clone() }
    }
}

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        loop {
            if let Some(entry) = self.chunk.next() {
                return Some(entry);
            }
            self.chunk = self.chunks.next()?.iter();
        }
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

// `compare` of the searches says how the entry of a place stands to the key; where there is none, it is greater. One
// function for the tables of all types: it would be a tenth of a router's program otherwise.

/// Looks for a key in a list of so many: where its entry is, or would be. At the end first, where whoever fills it in
/// order goes.
fn search_list(len: usize, compare: &dyn Fn(usize) -> Ordering) -> Result<usize, usize> {
    if len == 0 || compare(len - 1) == Ordering::Less {
        return Err(len);
    }
    let at = first_that_fails(len - 1, |at| compare(at) == Ordering::Less);
    if compare(at) == Ordering::Equal { Ok(at) } else { Err(at) }
}

/// Looks for a key in so many chunks: where its entry is, or would be.
///
/// First it looks at `near` and right behind it: whoever goes through a table in order, or fills it in order, needs
/// two comparisons for each key.
fn search_chunks(chunks: usize, near: Place, compare: &dyn Fn(Place) -> Ordering) -> Result<Place, Place> {
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
