//! What should be in the kernel, and what is not there yet: bookkeeping without IO.

use std::collections::VecDeque;

use super::RouteFailure;
use crate::babel::output::{RouteAction, RouteChange};
use crate::base::address::{InterfaceIndex, PrefixPair};
use crate::base::limit;
use crate::base::sorted::{LargeMap, LargeSet, SortedSet};

/// A route that the kernel has in our table at our priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) prefix: PrefixPair,
    pub(super) what: What,
}

/// Whose it is, and what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// Ours; `None` if it does something that we never ask for.
    Own(Option<RouteAction>),
    /// Of another protocol.
    Foreign,
}

/// What became of a route that was sent to the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    Refused(String),
    /// The answer was lost.
    Unknown,
    /// The kernel has no routes that depend on the source.
    NoSubtrees,
}

/// Whether the kernel has IPv6 routes that depend on the source (`CONFIG_IPV6_SUBTREES`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Subtrees {
    #[default]
    NotKnown,
    Yes,
    No,
}

/// What should be in the kernel, and what is not there yet.
#[derive(Debug, Default)]
pub(super) struct Mirror {
    /// What should be there; never `Remove`.
    wanted: LargeMap<PrefixPair, RouteAction>,
    /// Left by an earlier run, and not confirmed yet.
    stale: LargeSet<PrefixPair>,
    /// At our place, but not ours.
    foreign: LargeSet<PrefixPair>,
    /// Refused and told; tried again now and then.
    troubled: LargeSet<PrefixPair>,
    /// What has to be sent, in order; the set holds the same prefixes.
    queue: VecDeque<PrefixPair>,
    queued: LargeSet<PrefixPair>,
    /// Interfaces that were seen going down.
    down: SortedSet<InterfaceIndex>,
    /// Routes put into the queue because they were not as they should be.
    repairs: usize,
    /// Batches in a row that lost answers.
    losses: usize,
    subtrees: Subtrees,
    /// The kernel has just been found to have none.
    tell_no_subtrees: bool,
}

impl Mirror {
    /// Notes a route of an earlier run, or a place that is taken.
    pub(super) fn found_at_start(&mut self, found: Found) {
        self.note_subtrees(&found.prefix);
        match found.what {
            What::Own(_) => self.stale.insert(found.prefix),
            What::Foreign => self.foreign.insert(found.prefix),
        };
    }

    /// Notes what should be. A route beyond [`limit::BABEL_ROUTES`] is turned away: the engine has no
    /// more, so that this is a mistake of ours and not of the network.
    pub(super) fn want(&mut self, change: RouteChange) -> Option<RouteFailure> {
        let RouteChange { prefix, action } = change;
        if self.subtrees == Subtrees::No && prefix.source().is_some() {
            return None;
        }
        let was_stale = self.stale.remove(&prefix);
        if action == RouteAction::Remove {
            let was_wanted = self.wanted.remove(&prefix).is_some();
            self.troubled.remove(&prefix);
            if was_wanted || was_stale {
                self.enqueue(prefix);
            }
            return None;
        }
        if self.wanted.len() >= limit::BABEL_ROUTES && !self.wanted.contains_key(&prefix) {
            return Some(RouteFailure { prefix, why: "the table of kernel routes is full".to_owned() });
        }
        if self.wanted.insert(prefix, action) != Some(action) {
            self.troubled.remove(&prefix);
        }
        self.enqueue(prefix);
        None
    }

    /// The first routes that wait, with what should be.
    pub(super) fn next_batch(&self) -> Vec<(PrefixPair, RouteAction)> {
        let first = self.queue.iter().take(limit::NETLINK_BATCH);
        first
            .map(|prefix| (*prefix, self.wanted.get(prefix).copied().unwrap_or(RouteAction::Remove)))
            .collect()
    }

    /// Whether nothing waits.
    pub(super) fn is_settled(&self) -> bool {
        self.queue.is_empty()
    }

    /// Notes what became of the batch, which is still the front of the queue; returns what is to be
    /// told. Lost answers are sent again twice, then they count as refused.
    pub(super) fn batch_done(&mut self, outcomes: Vec<(PrefixPair, Outcome)>) -> Vec<RouteFailure> {
        let lost_some = outcomes.iter().any(|(_, outcome)| *outcome == Outcome::Unknown);
        self.losses = if lost_some { self.losses + 1 } else { 0 };
        for (prefix, _) in &outcomes {
            self.queued.remove(prefix);
        }
        self.queue.drain(..outcomes.len().min(self.queue.len()));
        if self.queue.is_empty() {
            // Ten thousand routes have passed through here: their room is not kept.
            self.queue = VecDeque::new();
        }
        let mut failures = Vec::new();
        for (prefix, outcome) in outcomes {
            let why = match outcome {
                Outcome::Done => {
                    if self.wanted.contains_key(&prefix) {
                        self.note_subtrees(&prefix);
                    }
                    self.troubled.remove(&prefix);
                    continue;
                }
                Outcome::NoSubtrees => {
                    self.give_up_subtrees();
                    continue;
                }
                Outcome::Unknown if self.losses < LOSSES => {
                    self.enqueue(prefix);
                    continue;
                }
                Outcome::Unknown => "the kernel did not answer in time".to_owned(),
                Outcome::Refused(why) => why,
            };
            if self.troubled.insert(prefix) {
                failures.push(RouteFailure { prefix, why });
            }
        }
        failures
    }

    /// Whether to remove this needs no message: a kernel without subtrees does not look at the source, and
    /// would remove the route from everywhere.
    pub(super) fn is_moot(&self, prefix: &PrefixPair, action: RouteAction) -> bool {
        action == RouteAction::Remove && prefix.source().is_some() && self.subtrees != Subtrees::Yes
    }

    /// Whether the kernel was found to have no subtrees since the last call: once at most.
    pub(super) fn take_no_subtrees(&mut self) -> bool {
        std::mem::take(&mut self.tell_no_subtrees)
    }

    /// Whether another program has a route at our place.
    pub(super) fn is_foreign(&self, prefix: &PrefixPair) -> bool {
        self.foreign.contains(prefix)
    }

    /// Somebody else made a route at our place.
    pub(super) fn somebody_made(&mut self, found: Found) {
        match found.what {
            What::Foreign => {
                self.foreign.insert(found.prefix);
                // It may have replaced ours. Trying tells the engine why its route is not there.
                if self.wanted.contains_key(&found.prefix) {
                    self.enqueue(found.prefix);
                }
            }
            What::Own(action) => self.compare(found.prefix, action),
        }
    }

    /// Somebody else removed a route at our place.
    pub(super) fn somebody_removed(&mut self, found: Found) {
        match found.what {
            What::Foreign => {
                self.foreign.remove(&found.prefix);
                if self.wanted.contains_key(&found.prefix) {
                    self.enqueue(found.prefix);
                }
            }
            What::Own(_) => {
                self.stale.remove(&found.prefix);
                if self.wanted.contains_key(&found.prefix) {
                    self.repair(found.prefix);
                }
            }
        }
    }

    /// Compares with the whole of what the kernel has at our place.
    pub(super) fn kernel_has(&mut self, found: Vec<Found>) {
        self.foreign = found.iter().filter(|one| one.what == What::Foreign).map(|one| one.prefix).collect();
        let mut missing: LargeSet<PrefixPair> = self.wanted.keys().copied().collect();
        let mut gone = std::mem::take(&mut self.stale);
        for one in found {
            let What::Own(action) = one.what else { continue };
            missing.remove(&one.prefix);
            if gone.remove(&one.prefix) {
                self.stale.insert(one.prefix);
            }
            self.compare(one.prefix, action);
        }
        missing.retain(|prefix| !self.troubled.contains(prefix));
        for prefix in missing {
            self.repair(prefix);
        }
    }

    /// An interface went up or down. The kernel drops IPv4 routes with their interface and tells
    /// nobody; trying them again either puts them back or tells the engine.
    pub(super) fn interface(&mut self, index: InterfaceIndex, is_up: bool) {
        let changed = if is_up { self.down.remove(&index) } else { self.down.insert(index) };
        if changed {
            self.enqueue_through(index);
        }
    }

    /// An interface is gone, and its number will not come back.
    pub(super) fn interface_gone(&mut self, index: InterfaceIndex) {
        self.down.remove(&index);
        self.enqueue_through(index);
    }

    /// Gives up what an earlier run left: how many routes.
    pub(super) fn sweep(&mut self) -> usize {
        let stale = std::mem::take(&mut self.stale);
        stale.iter().for_each(|prefix| self.enqueue(*prefix));
        stale.len()
    }

    /// Tries again what was refused.
    pub(super) fn retry(&mut self) {
        let troubled: Vec<PrefixPair> = self.troubled.iter().copied().collect();
        troubled.into_iter().for_each(|prefix| self.enqueue(prefix));
    }

    /// Whether something was refused and is to be tried again.
    pub(super) fn has_troubled(&self) -> bool {
        !self.troubled.is_empty()
    }

    /// Whether an earlier run left something that was not confirmed.
    pub(super) fn has_stale(&self) -> bool {
        !self.stale.is_empty()
    }

    /// How many routes should be in the kernel.
    pub(super) fn wanted(&self) -> usize {
        self.wanted.len()
    }

    /// How many routes were found wrong since the last call.
    pub(super) fn take_repairs(&mut self) -> usize {
        std::mem::take(&mut self.repairs)
    }

    fn note_subtrees(&mut self, prefix: &PrefixPair) {
        if prefix.source().is_some() {
            self.subtrees = Subtrees::Yes;
        }
    }

    /// Notes that the kernel has no routes that depend on the source.
    pub(super) fn give_up_subtrees(&mut self) {
        self.tell_no_subtrees |= self.subtrees != Subtrees::No;
        self.subtrees = Subtrees::No;
        self.wanted.retain(|prefix, _| prefix.source().is_none());
        self.troubled.retain(|prefix| prefix.source().is_none());
    }

    fn compare(&mut self, prefix: PrefixPair, action: Option<RouteAction>) {
        let is_right = match self.wanted.get(&prefix) {
            Some(wanted) => action == Some(*wanted),
            None => self.stale.contains(&prefix),
        };
        if !is_right {
            self.repair(prefix);
        }
    }

    fn repair(&mut self, prefix: PrefixPair) {
        if !self.queued.contains(&prefix) {
            self.repairs += 1;
            self.enqueue(prefix);
        }
    }

    fn enqueue(&mut self, prefix: PrefixPair) {
        if self.queued.insert(prefix) {
            self.queue.push_back(prefix);
        }
    }

    fn enqueue_through(&mut self, index: InterfaceIndex) {
        let through = |action: &RouteAction| matches!(action, RouteAction::Install { interface, .. } if *interface == index);
        let prefixes: Vec<PrefixPair> =
            self.wanted.iter().filter(|(_, action)| through(action)).map(|(prefix, _)| *prefix).collect();
        prefixes.into_iter().for_each(|prefix| self.enqueue(prefix));
    }
}

/// Batches in a row that may lose answers before the loss is told.
const LOSSES: usize = 3;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::address::Prefix;

    fn prefix(number: u32) -> PrefixPair {
        let address = std::net::Ipv4Addr::from_bits(0x0a00_0000 + (number << 8)).into();
        Prefix::new(address, 24).unwrap().into()
    }

    fn install(interface: u32) -> RouteAction {
        RouteAction::Install { next_hop: "fe80::1".parse().unwrap(), interface: InterfaceIndex(interface) }
    }

    fn change(number: u32, action: RouteAction) -> RouteChange {
        RouteChange { prefix: prefix(number), action }
    }

    fn own(number: u32, action: RouteAction) -> Found {
        Found { prefix: prefix(number), what: What::Own(Some(action)) }
    }

    /// Says "done" to everything that waits; returns what was sent.
    fn settle(mirror: &mut Mirror) -> Vec<(PrefixPair, RouteAction)> {
        let mut all = Vec::new();
        while !mirror.is_settled() {
            let batch = mirror.next_batch();
            let outcomes = batch.iter().map(|(prefix, _)| (*prefix, Outcome::Done)).collect();
            assert_eq!(mirror.batch_done(outcomes), []);
            all.extend(batch);
        }
        all
    }

    #[test]
    fn only_the_last_wish_for_a_prefix_is_sent() {
        let mut mirror = Mirror::default();
        mirror.want(change(1, install(1)));
        mirror.want(change(2, install(1)));
        mirror.want(change(1, RouteAction::Unreachable));
        mirror.want(change(2, RouteAction::Remove));
        let sent = settle(&mut mirror);
        assert_eq!(sent, [(prefix(1), RouteAction::Unreachable), (prefix(2), RouteAction::Remove)]);
        mirror.want(change(9, RouteAction::Remove));
        assert!(mirror.is_settled(), "what was never there needs no removal");
    }

    #[test]
    fn stale_routes_stay_until_the_sweep_unless_confirmed_or_withdrawn() {
        let mut mirror = Mirror::default();
        (1..=4).for_each(|number| mirror.found_at_start(own(number, install(1))));
        mirror.kernel_has((1..=3).map(|number| own(number, install(1))).collect());
        assert!(mirror.is_settled());
        mirror.want(change(1, install(2)));
        mirror.want(change(2, RouteAction::Remove));
        assert_eq!(settle(&mut mirror), [(prefix(1), install(2)), (prefix(2), RouteAction::Remove)]);
        assert_eq!(mirror.sweep(), 1);
        assert_eq!(settle(&mut mirror), [(prefix(3), RouteAction::Remove)]);
    }

    #[test]
    fn what_others_change_is_put_right() {
        let mut mirror = Mirror::default();
        (1..=3).for_each(|number| drop(mirror.want(change(number, install(1)))));
        settle(&mut mirror);
        mirror.somebody_removed(own(1, install(1)));
        mirror.somebody_made(own(2, RouteAction::Unreachable));
        mirror.somebody_made(own(3, install(1)));
        mirror.somebody_made(own(4, install(1)));
        assert_eq!(mirror.take_repairs(), 3);
        let expected = [(prefix(1), install(1)), (prefix(2), install(1)), (prefix(4), RouteAction::Remove)];
        assert_eq!(settle(&mut mirror), expected);
        mirror.kernel_has(vec![own(1, install(1)), own(5, install(1))]);
        assert_eq!(mirror.take_repairs(), 3);
        let expected = [(prefix(5), RouteAction::Remove), (prefix(2), install(1)), (prefix(3), install(1))];
        assert_eq!(settle(&mut mirror), expected);
    }

    #[test]
    fn a_refusal_is_told_once_and_tried_again() {
        let mut mirror = Mirror::default();
        let refused = || vec![(prefix(1), Outcome::Refused("no".to_owned()))];
        mirror.want(change(1, install(1)));
        assert_eq!(mirror.batch_done(refused()).len(), 1);
        assert!(mirror.has_troubled() && mirror.is_settled());
        mirror.retry();
        assert_eq!(mirror.batch_done(refused()), []);
        mirror.want(change(1, install(2)));
        assert_eq!(mirror.batch_done(refused()).len(), 1, "another wish is another story");
        mirror.retry();
        settle(&mut mirror);
        assert!(!mirror.has_troubled());
    }

    #[test]
    fn lost_answers_are_asked_for_again_before_they_are_told() {
        let mut mirror = Mirror::default();
        mirror.want(change(1, install(1)));
        for _ in 1..LOSSES {
            assert_eq!(mirror.batch_done(vec![(prefix(1), Outcome::Unknown)]), []);
            assert!(!mirror.is_settled());
        }
        assert_eq!(mirror.batch_done(vec![(prefix(1), Outcome::Unknown)]).len(), 1);
    }

    #[test]
    fn a_kernel_without_subtrees_is_told_no_more_of_sources() {
        let from: PrefixPair = "::/0 from 2001:db8::/32".parse().unwrap();
        let other: PrefixPair = "::/0 from 2001:db9::/32".parse().unwrap();
        let mut mirror = Mirror::default();
        for prefix in [from, other] {
            mirror.want(RouteChange { prefix, action: install(1) });
        }
        mirror.want(change(1, install(1)));
        assert_eq!(mirror.next_batch().len(), 3);
        assert!(mirror.is_moot(&from, RouteAction::Remove) && !mirror.is_moot(&from, install(1)));
        let outcomes =
            [(from, Outcome::NoSubtrees), (other, Outcome::NoSubtrees), (prefix(1), Outcome::Done)];
        assert_eq!(mirror.batch_done(outcomes.to_vec()), []);
        assert_eq!((mirror.take_no_subtrees(), mirror.take_no_subtrees(), mirror.wanted()), (true, false, 1));
        mirror.want(RouteChange { prefix: from, action: install(2) });
        mirror.want(RouteChange { prefix: from, action: RouteAction::Remove });
        assert!(mirror.is_settled() && !mirror.has_troubled());
        // One that has them is told to remove what it got.
        let mut mirror = Mirror::default();
        mirror.want(RouteChange { prefix: from, action: install(1) });
        settle(&mut mirror);
        assert!(!mirror.is_moot(&from, RouteAction::Remove));
        mirror.want(RouteChange { prefix: from, action: RouteAction::Remove });
        assert_eq!(settle(&mut mirror), [(from, RouteAction::Remove)]);
    }

    #[test]
    fn an_interface_that_flaps_gets_its_routes_again() {
        let mut mirror = Mirror::default();
        mirror.want(change(1, install(1)));
        mirror.want(change(2, install(2)));
        settle(&mut mirror);
        for is_up in [true, false, false, true, true] {
            mirror.interface(InterfaceIndex(2), is_up);
        }
        assert_eq!(settle(&mut mirror), [(prefix(2), install(2))]);
        mirror.interface_gone(InterfaceIndex(1));
        assert_eq!(settle(&mut mirror), [(prefix(1), install(1))]);
    }

    #[test]
    fn the_table_has_a_bound_and_says_so() {
        let mut mirror = Mirror::default();
        for number in 0..limit::BABEL_ROUTES as u32 {
            assert_eq!(mirror.want(change(number, RouteAction::Unreachable)), None);
        }
        let one_more = change(limit::BABEL_ROUTES as u32, RouteAction::Unreachable);
        assert_eq!(mirror.want(one_more).unwrap().why, "the table of kernel routes is full");
        assert_eq!(mirror.want(change(7, install(1))), None);
    }
}
