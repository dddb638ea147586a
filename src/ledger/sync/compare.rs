//! Which records does the other one lack, and which do we? Ranges of names are compared by their sums, and cut where
//! they differ, until the few names of a range are told: octets grow with the difference and not with the ledger.
//!
//! A record's name here is the first 8 octets of its id; they stand in order. A step is a list of ranges:
//!
//! ```text
//! first name, last name (8 octets each), number of records (4 octets; the highest bit: their names follow),
//!     then that many names; or the sum (exclusive or) of the next 8 octets of each id. Big-endian all of them
//! ```
//!
//! Whoever gets names knows all of that range: it sends what the other lacks and asks for what it lacks itself.
//! Whoever gets another sum than its own says more of that range: its names, or sixteen parts of it. Between two steps
//! nothing is kept, so the ledger may change; what does not fit into a step is left to the next comparison. The
//! crate `negentropy` does the same, with names of 32 octets and 5 kB more of flash (`docs/dependencies.md`).

use super::super::Ledger;
use super::super::record::RecordId;
use crate::base::bytes::Reader;
use crate::base::limit;

/// A record's name.
pub(super) type Name = u64;

/// What follows from a step.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// Ours that the other lacks.
    pub(super) have: Vec<RecordId>,
    /// The other's that we lack.
    pub(super) need: Vec<Name>,
    /// What to say next; nothing when all is compared.
    pub(super) next: Vec<u8>,
}

/// A range that differs and has at most so many records is told by their names: 1 kB.
const FEW: usize = 128;
/// In the number of records: their names follow.
const NAMES: u32 = 1 << 31;
/// A range of more is cut into so many parts.
const PARTS: usize = 16;

/// One record of ours.
type Own = (Name, RecordId);

/// What a step says of one range.
enum Said {
    Names(Vec<Name>),
    Sum(u32, u64),
}

/// The first step.
pub(super) fn first(ledger: &Ledger) -> Vec<u8> {
    first_of(&list(ledger))
}

/// What follows from a step of the other end; `None` if it makes no sense.
pub(super) fn answer(ledger: &Ledger, step: &[u8]) -> Option<Answer> {
    answer_of(&list(ledger), step)
}

fn first_of(own: &[Own]) -> Vec<u8> {
    let mut step = Vec::new();
    say(&mut step, own, Name::MIN, Name::MAX);
    step
}

fn answer_of(own: &[Own], step: &[u8]) -> Option<Answer> {
    let mut answer = Answer::default();
    let mut reader = Reader::new(step);
    while reader.remaining() > 0 {
        let (first, last) = (reader.u64().ok()?, reader.u64().ok()?);
        let said = read_said(&mut reader)?;
        let from = own.partition_point(|(name, _)| *name < first);
        let to = own.partition_point(|(name, _)| *name <= last);
        // Of a range that ends before it begins nobody has anything.
        let here = own.get(from..to)?;
        match said {
            Said::Sum(count, sum) if (count, sum) == sum_of(here) => {}
            Said::Sum(..) => say(&mut answer.next, here, first, last),
            Said::Names(theirs) => {
                let lacks = here.iter().filter(|(name, _)| theirs.binary_search(name).is_err());
                answer.have.extend(lacks.map(|(_, id)| *id));
                let is_ours = |name: &Name| here.binary_search_by_key(name, |(own, _)| *own).is_ok();
                answer.need.extend(theirs.into_iter().filter(|name| !is_ours(name)));
            }
        }
    }
    Some(answer)
}

/// The ids of ours that have these names.
pub(super) fn named(ledger: &Ledger, names: &[Name]) -> Vec<RecordId> {
    let own = list(ledger);
    let find = |name: &Name| own.binary_search_by_key(name, |(own, _)| *own).ok().map(|at| own[at].1);
    names.iter().filter_map(find).collect()
}

/// All names of ours, in order.
fn list(ledger: &Ledger) -> Vec<Own> {
    let mut list: Vec<Own> = ledger.held().map(|(_, id)| (halves(id).0, id)).collect();
    list.sort_unstable();
    list
}

/// Says of a range that differs what is ours in it, as long as there is room.
fn say(step: &mut Vec<u8>, own: &[Own], first: Name, last: Name) {
    let count = u32::try_from(own.len()).unwrap_or(NAMES - 1);
    if own.len() <= FEW {
        let names = own.iter().flat_map(|(name, _)| name.to_be_bytes()).collect();
        return say_part(step, [first, last], count | NAMES, names);
    }
    let mut from = first;
    for part in own.chunks(own.len().div_ceil(PARTS)) {
        // A part ends with its last record, the last part with the range.
        let is_last = part.as_ptr_range().end == own.as_ptr_range().end;
        let to = if is_last { last } else { part.last().map_or(last, |(name, _)| *name) };
        let (count, sum) = sum_of(part);
        say_part(step, [from, to], count, sum.to_be_bytes().to_vec());
        from = to.saturating_add(1);
    }
}

fn say_part(step: &mut Vec<u8>, range: [Name; 2], count: u32, content: Vec<u8>) {
    let part =
        [&range[0].to_be_bytes()[..], &range[1].to_be_bytes(), &count.to_be_bytes(), &content].concat();
    if step.len() + part.len() <= limit::SYNC_COMPARE_BYTES {
        step.extend(part);
    }
}

fn read_said(reader: &mut Reader<'_>) -> Option<Said> {
    let count = reader.u32().ok()?;
    if count & NAMES == 0 {
        return Some(Said::Sum(count, reader.u64().ok()?));
    }
    let mut names = Vec::new();
    for _ in 0..count & !NAMES {
        names.push(reader.u64().ok()?);
    }
    names.is_sorted().then_some(Said::Names(names))
}

fn sum_of(own: &[Own]) -> (u32, u64) {
    let sum = own.iter().fold(0, |sum, (_, id)| sum ^ halves(*id).1);
    (u32::try_from(own.len()).unwrap_or(NAMES - 1), sum)
}

/// The first 8 octets of an id, and the next.
fn halves(id: RecordId) -> (u64, u64) {
    let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, ..] = id.0;
    (u64::from_be_bytes([a, b, c, d, e, f, g, h]), u64::from_be_bytes([i, j, k, l, m, n, o, p]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::random::Random;
    use crate::base::sorted::{LargeSet, SortedSet};

    fn id(random: &mut Random) -> RecordId {
        let mut id = [0; 32];
        id.chunks_mut(8).for_each(|part| part.copy_from_slice(&random.u64().to_be_bytes()));
        RecordId(id)
    }

    fn own(ids: &LargeSet<RecordId>) -> Vec<Own> {
        ids.iter().map(|id| (halves(*id).0, *id)).collect()
    }

    /// Compares and exchanges until a comparison finds nothing; how many comparisons it took, and their octets.
    fn exchange(sides: &mut [LargeSet<RecordId>; 2]) -> (usize, usize) {
        let mut octets = 0;
        for comparison in 1..100 {
            let before = sides.clone();
            let mut step = first_of(&own(&sides[0]));
            let mut turn = 1;
            for _ in 0..20 {
                octets += step.len();
                let answer = answer_of(&own(&sides[turn]), &step).expect("what we say makes sense");
                let named: Vec<RecordId> = before[1 - turn]
                    .iter()
                    .filter(|id| answer.need.contains(&halves(**id).0))
                    .copied()
                    .collect();
                assert_eq!(named.len(), answer.need.len(), "only what is there is asked for");
                sides[turn].extend(named);
                sides[1 - turn].extend(answer.have);
                (step, turn) = (answer.next, 1 - turn);
                if step.is_empty() {
                    break;
                }
            }
            assert!(step.is_empty(), "a comparison ends");
            if *sides == before {
                return (comparison, octets);
            }
        }
        panic!("they never become equal");
    }

    #[test]
    fn any_two_sets_become_equal() {
        for (seed, (both, one, other)) in [
            (0, 0, 0),
            (0, 1, 0),
            (0, 0, 300),
            (100, 20, 9),
            (128, 1, 0),
            (3_000, 1, 1),
            (20_000, 3, 40),
            (9_000, 5_000, 0),
        ]
        .into_iter()
        .enumerate()
        {
            let mut random = Random::new(seed as u64);
            let shared: Vec<RecordId> = (0..both).map(|_| id(&mut random)).collect();
            let mut sides = [one, other].map(|more| {
                let own: Vec<RecordId> = (0..more).map(|_| id(&mut random)).collect();
                shared.iter().copied().chain(own).collect::<LargeSet<RecordId>>()
            });
            let all: LargeSet<RecordId> = sides.iter().flat_map(SortedSet::iter).copied().collect();
            let (comparisons, octets) = exchange(&mut sides);
            assert!(sides.iter().all(|side| *side == all), "{both} {one} {other}");
            println!("{both} shared, {one} and {other} more: {comparisons} comparisons, {octets} octets");
        }
    }

    #[test]
    fn one_difference_in_20000_takes_two_kilobytes() {
        let mut random = Random::new(5);
        let shared: LargeSet<RecordId> = (0..20_000).map(|_| id(&mut random)).collect();
        let mut more = shared.clone();
        more.insert(id(&mut random));
        let (_, octets) = exchange(&mut [shared, more]);
        // Two comparisons: one finds it, the next finds nothing.
        assert!(octets < 3_000, "{octets} octets");
    }

    #[test]
    fn nonsense_is_refused() {
        let own = own(&(0..300).map(|seed| id(&mut Random::new(seed))).collect());
        // Half of a range is none; the whole of the first one is a step.
        for length in 0..28 {
            let step = &first_of(&own)[..length];
            assert_eq!(answer_of(&own, step).is_none(), length > 0, "{length} octets");
        }
        let mut backwards = [9_u64.to_be_bytes(), 3_u64.to_be_bytes()].concat();
        backwards.extend([0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert!(answer_of(&own, &backwards).is_none_or(|answer| answer.next.len() <= 28));
        let mut unsorted = [0_u64.to_be_bytes(), u64::MAX.to_be_bytes()].concat();
        unsorted.extend([0x80, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 3]);
        assert!(answer_of(&own, &unsorted).is_none());
    }
}
