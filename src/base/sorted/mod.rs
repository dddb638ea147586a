//! Ordered tables that are small in the program: a map and a set, by `Ord` and by nothing else.
//!
//! The standard library's `BTreeMap` is the same to its users, and costs 4 to 8 kB of MIPS code for each
//! pair of types: with a hundred of them, a quarter of the daemon. Here the entries of a table stand in one list, in order:
//! finding one is a binary search, putting one in moves what stands behind it, which is nothing for the tens or hundreds of
//! entries that most tables have. Where there may be thousands (routes, records, vouchers) the table is a [`LargeMap`] or a
//! [`LargeSet`]: the list is cut into chunks of at most [`CHUNK`], and putting one in moves at most a chunk and the list of
//! the chunks. That is as quick as a B-tree for the 20,000 entries of our largest table, and one loop for all.

mod map;
mod set;
mod shelf;
#[cfg(test)]
mod tests;

pub use map::{Entry, LargeMap, SortedMap};
pub use set::{LargeSet, SortedSet};

/// Entries of a chunk: with more, moving them costs more than another chunk; with fewer, the list of the chunks
/// is what has to be moved.
const CHUNK: usize = 64;
