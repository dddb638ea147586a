//! Whatever is done to them, they hold what the standard library's tables hold.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::shelf::{Chunks, Shelf};
use super::{CHUNK, LargeMap, SortedMap, SortedSet};

#[derive(Clone, Debug)]
enum Step {
    Insert(u16, u8),
    Remove(u16),
    Entry(u16),
    /// Some that stand one behind the other.
    Run(u16),
    PopFirst,
    Retain(u8),
}

fn step() -> impl Strategy<Value = Step> {
    // Few keys, so that they meet; many steps, so that chunks split and join.
    let key = 0..400_u16;
    prop_oneof![
        8 => (key.clone(), any::<u8>()).prop_map(|(key, value)| Step::Insert(key, value)),
        4 => key.clone().prop_map(Step::Remove),
        2 => key.clone().prop_map(Step::Entry),
        2 => key.prop_map(Step::Run),
        1 => Just(Step::PopFirst),
        1 => any::<u8>().prop_map(Step::Retain),
    ]
}

/// Whether a map on this shelf goes the way of the standard library's.
fn is_the_map<S: Shelf<(u16, u8)>>(steps: &[Step], look: u16) -> Result<(), TestCaseError> {
    let mut ours: SortedMap<u16, u8, S> = SortedMap::new();
    let mut theirs = BTreeMap::new();
    for step in steps {
        match *step {
            Step::Insert(key, value) => prop_assert_eq!(ours.insert(key, value), theirs.insert(key, value)),
            Step::Remove(key) => prop_assert_eq!(ours.remove(&key), theirs.remove(&key)),
            Step::Entry(key) => {
                *ours.entry(key).or_insert(7) ^= 1;
                *theirs.entry(key).or_insert(7) ^= 1;
            }
            Step::Run(key) => {
                for key in key..key + 40 {
                    prop_assert_eq!(ours.contains_key(&key), theirs.contains_key(&key));
                    prop_assert_eq!(ours.insert(key, 3), theirs.insert(key, 3));
                }
            }
            Step::PopFirst => prop_assert_eq!(ours.pop_first(), theirs.pop_first()),
            // Seldom all: a table that is always emptied has no chunks to be wrong about.
            Step::Retain(odd) => {
                ours.retain(|key, value| key % 16 != u16::from(odd) % 16 || *value > odd);
                theirs.retain(|key, value| key % 16 != u16::from(odd) % 16 || *value > odd);
            }
        }
        prop_assert_eq!(ours.len(), theirs.len());
    }
    prop_assert!(ours.iter().eq(&theirs));
    prop_assert_eq!(ours.is_empty(), theirs.is_empty());
    prop_assert_eq!(ours.first_key_value(), theirs.first_key_value());
    prop_assert_eq!(ours.last_key_value(), theirs.last_key_value());
    prop_assert_eq!(ours.get(&look), theirs.get(&look));
    prop_assert!(ours.range_from(&look).eq(theirs.range(look..)));
    prop_assert!(ours.after(Some(&look)).eq(theirs.range(look + 1..)));
    prop_assert_eq!(postcard::to_allocvec(&ours).unwrap(), postcard::to_allocvec(&theirs).unwrap());
    let again: SortedMap<u16, u8, S> = postcard::from_bytes(&postcard::to_allocvec(&ours).unwrap()).unwrap();
    prop_assert_eq!(&again, &ours);
    prop_assert!(ours.into_iter().eq(theirs));
    Ok(())
}

/// The same for a set.
fn is_the_set<S: Shelf<(u16, ())>>(items: &[u16], look: u16) -> Result<(), TestCaseError> {
    let mut ours: SortedSet<u16, S> = SortedSet::new();
    let mut theirs = BTreeSet::new();
    for item in items {
        prop_assert_eq!(ours.insert(*item), theirs.insert(*item));
        prop_assert_eq!(ours.remove(&(item ^ 5)), theirs.remove(&(item ^ 5)));
    }
    prop_assert!(ours.iter().eq(&theirs));
    prop_assert!(ours.range_from(&look).eq(theirs.range(look..)));
    prop_assert_eq!((ours.first(), ours.last()), (theirs.first(), theirs.last()));
    prop_assert_eq!(postcard::to_allocvec(&ours).unwrap(), postcard::to_allocvec(&theirs).unwrap());
    Ok(())
}

proptest! {
    #[test]
    fn they_are_the_map_of_the_standard_library(steps in prop::collection::vec(step(), 0..1_500), look in 0..400_u16) {
        is_the_map::<Vec<(u16, u8)>>(&steps, look)?;
        is_the_map::<Chunks<(u16, u8)>>(&steps, look)?;
    }

    #[test]
    fn they_are_the_set_of_the_standard_library(items in prop::collection::vec(0..400_u16, 0..900), look in 0..400_u16) {
        is_the_set::<Vec<(u16, ())>>(&items, look)?;
        is_the_set::<Chunks<(u16, ())>>(&items, look)?;
    }
}

#[test]
fn what_comes_in_order_leaves_no_gaps() {
    let map: LargeMap<u32, ()> = (0..10_000).map(|key| (key, ())).collect();
    assert_eq!(map.chunks().count(), 10_000_usize.div_ceil(CHUNK));
    // Also between others, and when each is looked for before it is put in.
    let mut map: LargeMap<u32, ()> = [0, 20_000, 20_001].map(|key| (key, ())).into();
    for key in 1..10_000 {
        assert!(!map.contains_key(&key));
        map.insert(key, ());
    }
    assert!(map.chunks().count() <= 10_003_usize.div_ceil(CHUNK) + 1, "{}", map.chunks().count());
}

#[test]
fn what_comes_here_and_there_leaves_chunks_more_than_half_full() {
    let mut map: LargeMap<u32, ()> = LargeMap::new();
    // 4,001 has no divisor in common with 10,000: every number once.
    map.extend((0..10_000_u32).map(|step| (step * 4_001 % 10_000, ())));
    assert!(map.chunks().count() <= 10_000 / (CHUNK / 2), "{}", map.chunks().count());
}

#[test]
fn a_table_that_shrinks_gives_its_memory_back() {
    let mut map: LargeMap<u32, ()> = (0..10_000).map(|key| (key, ())).collect();
    for key in (0..10_000).filter(|key| key % 100 != 0) {
        map.remove(&key);
    }
    assert_eq!(map.len(), 100);
    assert!(map.chunks().count() <= 10, "{} chunks hold 100 entries", map.chunks().count());
}
