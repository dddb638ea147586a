//! The route table (RFC 8966 3.2.6): per prefix what each neighbour offers, and what we make of it.

use std::net::IpAddr;
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Serialize};

use super::engine::Table;
use super::neighbour::NeighbourId;
use super::output::RouteAction;
use super::policy::Ruling;
use super::router_id::RouterId;
use super::seqno::SeqNo;
use super::wire::tlv::INFINITY;
use crate::base::address::{Prefix, PrefixPair};
use crate::base::limit::{BABEL_ROUTES, BABEL_ROUTES_PER_NEIGHBOUR};
use crate::base::sorted::{LargeMap, SortedMap};
use crate::base::time::{Instant, Span};

/// What one neighbour offers for one prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Route {
    pub(super) neighbour: NeighbourId,
    pub(super) next_hop: IpAddr,
    pub(super) router_id: RouterId,
    pub(super) seqno: SeqNo,
    /// The metric that the neighbour announced; [`INFINITY`] after a retraction.
    pub(super) refmetric: u16,
    /// What our filters say about it.
    pub(super) ruling: Ruling,
    pub(super) interval: Span,
    pub(super) updated: Instant,
    /// How often we have asked the neighbour to repeat it before it expires.
    pub(super) refreshed: u8,
}

/// The offers for one prefix, each of another neighbour. Most prefixes have one, which stands here and not in memory of
/// its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Candidates {
    #[default]
    None,
    One(Route),
    /// Two or more.
    Several(Vec<Route>),
}

/// All that is known of one prefix.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Destination {
    pub(super) candidates: Candidates,
    pub(super) selected: Option<Selected>,
    /// Until when a better way is taken at once, because this destination has just become reachable.
    pub(super) settles_until: Instant,
    /// What the kernel should hold.
    pub(super) kernel: Option<RouteAction>,
    /// What only a destination in trouble has: apart, because of 10,000 destinations few are.
    unrest: Option<Box<Unrest>>,
}

/// What is remembered of a destination while something about it changes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unrest {
    /// Since when some other candidate is better than the selected one.
    pub(super) better_since: Option<Instant>,
    /// How often the kernel refused in a row, and when last.
    pub(super) refused: Option<(u8, Instant)>,
    /// Entries in the timers.
    pub(super) switch_at: Option<Instant>,
    pub(super) hold_until: Option<Instant>,
    pub(super) retry_kernel_at: Option<Instant>,
}

/// The route in use, as we announced it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Selected {
    pub(super) neighbour: NeighbourId,
    pub(super) router_id: RouterId,
    /// The metric that was announced last.
    pub(super) announced: u16,
}

/// All destinations that somebody announced, with the number of candidates bounded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Routes {
    destinations: LargeMap<PrefixPair, Destination>,
    candidates: usize,
    /// Candidates of each neighbour.
    shares: SortedMap<NeighbourId, usize>,
    /// No candidate is due before this. Updates move what is due to later, so it is often too early, which costs
    /// one look at all of them in 24 s; a timer for each would cost memory, and work at each update.
    next_look: Option<Instant>,
}

impl Route {
    /// RFC 8966 appendix B: a route expires after 3.5 times its interval.
    pub(super) fn expires(&self) -> Instant {
        self.updated + self.interval.scaled(7, 2)
    }

    /// When the neighbour is asked to repeat it (RFC 8966 3.8.2.3): at 2.5 intervals, and each quarter
    /// after that, since a question or its answer may be lost.
    pub(super) fn refresh_at(&self) -> Instant {
        self.updated + self.interval.scaled(10 + u64::from(self.refreshed), 4)
    }

    /// When the next thing happens to it if nobody says anything.
    pub(super) fn next_look(&self) -> Instant {
        if self.is_retracted() { self.expires() } else { self.refresh_at().min(self.expires()) }
    }

    pub(super) const fn is_retracted(&self) -> bool {
        self.refmetric == INFINITY
    }

    /// The metric through a neighbour of this cost: additive, and infinity stays (RFC 8966 3.5.2).
    pub(super) const fn metric(&self, cost: u16) -> u16 {
        self.ruling.of(self.refmetric.saturating_add(cost))
    }
}

impl Candidates {
    fn push(&mut self, route: Route) {
        *self = match std::mem::take(self) {
            Self::None => Self::One(route),
            Self::One(first) => Self::Several(vec![first, route]),
            Self::Several(mut all) => {
                all.reserve_exact(1);
                all.push(route);
                Self::Several(all)
            }
        };
    }

    fn remove(&mut self, neighbour: NeighbourId) -> Option<Route> {
        let position = self.iter().position(|route| route.neighbour == neighbour)?;
        let (removed, rest) = match std::mem::take(self) {
            Self::None => return None,
            Self::One(route) => (route, Self::None),
            Self::Several(mut all) => {
                let removed = all.remove(position);
                let rest =
                    if all.len() == 1 { all.pop().map_or(Self::None, Self::One) } else { Self::Several(all) };
                (removed, rest)
            }
        };
        *self = rest;
        Some(removed)
    }
}

impl Deref for Candidates {
    type Target = [Route];

    fn deref(&self) -> &[Route] {
        match self {
            Self::None => &[],
            Self::One(route) => std::slice::from_ref(route),
            Self::Several(all) => all,
        }
    }
}

impl DerefMut for Candidates {
    fn deref_mut(&mut self) -> &mut [Route] {
        match self {
            Self::None => &mut [],
            Self::One(route) => std::slice::from_mut(route),
            Self::Several(all) => all,
        }
    }
}

impl Destination {
    pub(super) fn candidate(&self, neighbour: NeighbourId) -> Option<&Route> {
        self.candidates.iter().find(|route| route.neighbour == neighbour)
    }

    pub(super) fn candidate_mut(&mut self, neighbour: NeighbourId) -> Option<&mut Route> {
        self.candidates.iter_mut().find(|route| route.neighbour == neighbour)
    }

    pub(super) fn selected_route(&self) -> Option<&Route> {
        self.selected.and_then(|selected| self.candidate(selected.neighbour))
    }

    pub(super) fn unrest(&self) -> Unrest {
        self.unrest.as_deref().cloned().unwrap_or_default()
    }

    /// Changes it, and gives its memory back when nothing is left of it.
    pub(super) fn set_unrest(&mut self, change: impl FnOnce(&mut Unrest)) {
        let mut unrest = self.unrest();
        change(&mut unrest);
        if unrest == Unrest::default() {
            self.unrest = None;
        } else {
            self.unrest = Some(Box::new(unrest));
        }
    }

    fn is_idle(&self) -> bool {
        self.candidates.is_empty() && self.kernel.is_none() && self.unrest().retry_kernel_at.is_none()
    }
}

impl Routes {
    pub(super) fn get(&self, prefix: PrefixPair) -> Option<&Destination> {
        self.destinations.get(&prefix)
    }

    pub(super) fn get_mut(&mut self, prefix: PrefixPair) -> Option<&mut Destination> {
        self.destinations.get_mut(&prefix)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (PrefixPair, &Destination)> {
        self.destinations.iter().map(|(prefix, destination)| (*prefix, destination))
    }

    /// Destinations behind `after`, in order.
    pub(super) fn after(
        &self,
        after: Option<PrefixPair>,
    ) -> impl Iterator<Item = (PrefixPair, &Destination)> {
        self.destinations.after(after.as_ref()).map(|(prefix, destination)| (*prefix, destination))
    }

    /// All pairs of one destination, that from everywhere first.
    pub(super) fn to(&self, destination: Prefix) -> impl Iterator<Item = (PrefixPair, &Destination)> {
        let from = self.destinations.range_from(&PrefixPair::from(destination));
        let same = from.take_while(move |(prefix, _)| prefix.destination() == destination);
        same.map(|(prefix, found)| (*prefix, found))
    }

    /// Adds a candidate, or says what is full: the table, or the neighbour's share of it.
    pub(super) fn insert(&mut self, prefix: PrefixPair, route: Route) -> Result<(), Table> {
        // A destination without candidates lives on while the kernel holds it unreachable: it counts too.
        if self.candidates >= BABEL_ROUTES || self.destinations.len() >= BABEL_ROUTES {
            return Err(Table::Routes);
        }
        let share = self.shares.entry(route.neighbour).or_default();
        if *share >= BABEL_ROUTES_PER_NEIGHBOUR {
            return Err(Table::Share);
        }
        *share += 1;
        self.look_at(route.next_look());
        self.destinations.entry(prefix).or_default().candidates.push(route);
        self.candidates += 1;
        Ok(())
    }

    /// A candidate is due at `at`.
    pub(super) fn look_at(&mut self, at: Instant) {
        self.next_look = Some(self.next_look.map_or(at, |next| next.min(at)));
    }

    /// When candidates are to be looked at.
    pub(super) const fn next_look(&self) -> Option<Instant> {
        self.next_look
    }

    /// The candidates that are due; what is not due says when all are looked at again, but not sooner than
    /// [`LOOK_GAP`].
    pub(super) fn due(&mut self, now: Instant) -> Vec<(PrefixPair, NeighbourId)> {
        if self.next_look.is_none_or(|at| at > now) {
            return Vec::new();
        }
        self.next_look = None;
        let (mut due, mut next) = (Vec::new(), None);
        for (prefix, destination) in &self.destinations {
            for route in destination.candidates.iter() {
                let at = route.next_look();
                if at <= now {
                    due.push((*prefix, route.neighbour));
                } else {
                    next = Some(next.map_or(at, |next: Instant| next.min(at)));
                }
            }
        }
        self.next_look = next.map(|next| next.max(now + LOOK_GAP));
        due
    }

    /// Takes out what `neighbour` offered for `prefix`.
    pub(super) fn remove(&mut self, prefix: PrefixPair, neighbour: NeighbourId) -> Option<Route> {
        let removed = self.destinations.get_mut(&prefix)?.candidates.remove(neighbour)?;
        self.candidates -= 1;
        if let Some(share) = self.shares.get_mut(&neighbour) {
            *share -= 1;
            if *share == 0 {
                self.shares.remove(&neighbour);
            }
        }
        Some(removed)
    }

    /// Forgets the destination if nothing is left of it.
    pub(super) fn tidy(&mut self, prefix: PrefixPair) {
        if self.get(prefix).is_some_and(Destination::is_idle) {
            self.destinations.remove(&prefix);
        }
    }

    /// Every candidate, by what it is for and by whom it is offered.
    pub(super) fn candidates(&self) -> Vec<(PrefixPair, NeighbourId)> {
        let of = |(prefix, found): (PrefixPair, &Destination)| {
            found.candidates.iter().map(move |route| (prefix, route.neighbour)).collect::<Vec<_>>()
        };
        self.iter().flat_map(of).collect()
    }

    /// The prefixes for which `neighbour` offers something. Looks at all: ask only when its cost changed.
    pub(super) fn prefixes_of(&self, neighbour: NeighbourId) -> Vec<PrefixPair> {
        let offered = |destination: &Destination| destination.candidate(neighbour).is_some();
        self.iter().filter(|(_, destination)| offered(destination)).map(|(prefix, _)| prefix).collect()
    }
}

/// What is due is seen this much late at most, so that a thousand routes that expire one after the other are few looks.
const LOOK_GAP: Span = Span::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    fn route(neighbour: u32) -> Route {
        Route {
            neighbour: NeighbourId(neighbour),
            next_hop: "fe80::1".parse().unwrap(),
            router_id: RouterId([1; 8]),
            seqno: SeqNo(1),
            refmetric: 1,
            ruling: Ruling::Taken(0),
            interval: Span::from_secs(16),
            updated: Instant::ZERO,
            refreshed: 0,
        }
    }

    #[test]
    fn a_destination_and_its_only_candidate_take_no_more_room_than_they_did() {
        // On a router with 10,000 routes each octet here is 10 kB. With pointers of 8 octets, the most of all.
        assert!(size_of::<(PrefixPair, Destination)>() <= 160, "{}", size_of::<(PrefixPair, Destination)>());
        assert!(size_of::<Candidates>() <= 64, "{}", size_of::<Candidates>());
    }

    #[test]
    fn candidates_stay_in_the_order_in_which_they_came() {
        let mut candidates = Candidates::default();
        let numbers = |candidates: &Candidates| -> Vec<u32> {
            candidates.iter().map(|route| route.neighbour.0).collect()
        };
        (1..=4).for_each(|neighbour| candidates.push(route(neighbour)));
        assert_eq!(candidates.remove(NeighbourId(9)), None);
        for (gone, left) in [(2, &[1, 3, 4][..]), (4, &[1, 3]), (1, &[3]), (3, &[])] {
            assert_eq!(candidates.remove(NeighbourId(gone)), Some(route(gone)));
            assert_eq!(numbers(&candidates), left);
        }
        // However it came to be, the same is equal: recordings compare tables.
        assert_eq!(candidates, Candidates::None);
        (1..=2).for_each(|neighbour| candidates.push(route(neighbour)));
        candidates.remove(NeighbourId(2));
        assert_eq!(candidates, Candidates::One(route(1)));
    }
}
