//! Route selection (RFC 8966 3.6, A.3): which of several candidates is used, and when to change.
//!
//! Only feasible routes with a finite metric are looked at, and of these the smallest metric wins. A
//! route that works is left for a better one only if some better one was there all the time for a
//! while: a short while if it is much better, a longer one if it is only a little. That while is a
//! timer, so the change comes although nothing more is heard. A destination that has just become
//! reachable is not settled yet: whoever spoke first is no reason to keep a detour.

use super::neighbour::NeighbourId;
use super::wire::tlv::INFINITY;
use crate::base::time::{Instant, Span};

/// One candidate as selection sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    pub(super) neighbour: NeighbourId,
    pub(super) metric: u16,
    pub(super) feasible: bool,
}

/// What selection says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) selected: Option<Choice>,
    /// Since when another is better.
    pub(super) better_since: Option<Instant>,
    /// When to ask again although nothing changed.
    pub(super) ask_again: Option<Instant>,
}

impl Choice {
    /// RFC 8966 3.6: never a retracted one, never an unfeasible one.
    const fn is_usable(&self) -> bool {
        self.feasible && self.metric < INFINITY
    }
}

/// Chooses among `choices`, `current` being in use. Who is `eager` waits for nothing.
pub(super) fn choose(
    now: Instant,
    choices: &[Choice],
    current: Option<NeighbourId>,
    better_since: Option<Instant>,
    eager: bool,
) -> Verdict {
    // Of equal ones the neighbour that was met first: any rule does that does not change its mind.
    let usable = || choices.iter().copied().filter(Choice::is_usable);
    let best = usable().min_by_key(|choice| (choice.metric, choice.neighbour));
    let current = current.and_then(|current| usable().find(|choice| choice.neighbour == current));
    let at_once = |selected| Verdict { selected, better_since: None, ask_again: None };
    let (Some(current), Some(best)) = (current, best) else {
        return at_once(best);
    };
    if best.metric >= current.metric {
        return at_once(Some(current));
    }
    let since = better_since.unwrap_or(now);
    let switch_at = since + patience(current.metric, best.metric);
    if eager || switch_at <= now {
        return at_once(Some(best));
    }
    Verdict { selected: Some(current), better_since: Some(since), ask_again: Some(switch_at) }
}

/// How long a better route must stay better before it is used.
pub(super) const fn patience(current: u16, better: u16) -> Span {
    if current.saturating_sub(better) >= current / 8 { MUCH_BETTER } else { SLIGHTLY_BETTER }
}

/// An eighth better or more: more than one Hello, so that one lucky Hello decides nothing.
const MUCH_BETTER: Span = Span::from_secs(5);
/// How long a destination that has just become reachable takes whatever is better.
pub(super) const SETTLE: Span = Span::from_secs(5);
/// Less than that: noise has usually turned round by then.
const SLIGHTLY_BETTER: Span = Span::from_secs(20);

#[cfg(test)]
mod tests {
    use super::*;

    fn choice(neighbour: u32, metric: u16, feasible: bool) -> Choice {
        Choice { neighbour: NeighbourId(neighbour), metric, feasible }
    }

    #[test]
    fn the_smallest_feasible_metric_wins_and_infinity_never_does() {
        let choices = [choice(1, 100, false), choice(2, 300, true), choice(3, 200, true)];
        assert_eq!(choose(Instant::ZERO, &choices, None, None, false).selected, Some(choices[2]));
        let none = [choice(1, 100, false), choice(2, INFINITY, true)];
        assert_eq!(choose(Instant::ZERO, &none, Some(NeighbourId(2)), None, false).selected, None);
    }

    #[test]
    fn a_route_that_works_is_kept_for_a_bounded_while() {
        let choices = [choice(1, 200, true), choice(2, 100, true)];
        let current = Some(NeighbourId(1));
        let first = choose(Instant::ZERO, &choices, current, None, false);
        assert_eq!(first.selected, Some(choices[0]));
        let again = first.ask_again.unwrap();
        assert_eq!(again, Instant::ZERO + MUCH_BETTER);
        assert_eq!(choose(again, &choices, current, first.better_since, false).selected, Some(choices[1]));
        // A tie is no reason, however long it lasts.
        let tie = [choice(1, 100, true), choice(0, 100, true)];
        assert_eq!(choose(again, &tie, current, first.better_since, false).selected, Some(tie[0]));
    }

    #[test]
    fn who_is_eager_takes_what_is_better_and_nothing_else() {
        let choices = [choice(1, 200, true), choice(2, 199, true)];
        let current = Some(NeighbourId(1));
        assert_eq!(choose(Instant::ZERO, &choices, current, None, true).selected, Some(choices[1]));
        let tie = [choice(0, 200, true), choice(1, 200, true)];
        assert_eq!(choose(Instant::ZERO, &tie, current, None, true).selected, Some(tie[1]));
    }

    #[test]
    fn a_route_that_fails_is_left_at_once() {
        let choices = [choice(1, INFINITY, true), choice(2, 1_000, true)];
        let verdict = choose(Instant::ZERO, &choices, Some(NeighbourId(1)), None, false);
        assert_eq!(verdict.selected, Some(choices[1]));
        let unfeasible = [choice(1, 10, false), choice(2, 1_000, true)];
        let verdict = choose(Instant::ZERO, &unfeasible, Some(NeighbourId(1)), None, false);
        assert_eq!(verdict.selected, Some(unfeasible[1]));
    }
}
