//! Ordered tables that are small in the program: a map and a set, by `Ord` and by nothing else.
//!
//! The standard library's `BTreeMap` is the same to its users, and costs 4 to 8 kB of MIPS code for each
//! pair of types: with sixty of them, a fifth of the daemon. Here the entries stand in order in chunks of at
//! most [`CHUNK`]; finding one is two binary searches, putting one in moves at most a chunk and the list
//! of the chunks. That is as quick as a B-tree for the 20,000 entries of our largest table, and one loop for all.

mod map;
mod set;
#[cfg(test)]
mod tests;

pub use map::{Entry, SortedMap};
pub use set::SortedSet;

/// Entries of a chunk: with more, moving them costs more than another chunk; with fewer, the list of the chunks
/// is what has to be moved.
const CHUNK: usize = 64;
