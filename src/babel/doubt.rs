//! A restart while the kernel goes on forwarding: whom to believe with an empty source table.
//!
//! The feasibility condition (RFC 8966 3.5.1) rests on our memory of what we announced. A restarted
//! daemon has lost it, but its kernel still forwards, and the neighbours still have the ways through us
//! that the run before announced. Whoever speaks first may offer us just such a way: taken, packets
//! circle between him and us until the hysteresis of selection or his timer ends it.
//!
//! So until all that is over (3.5 of our update intervals), an offer counts as unfeasible unless
//!
//! - it is the next hop that our kernel uses for that prefix anyway: that was feasible when it was
//!   chosen, and nobody can have come to depend on us since; or
//! - its sequence number is newer than any that we heard at first: only what the new run announced, and
//!   therefore remembers, can come back with it.
//!
//! That second rule needs us to have heard the newest number, and on a bad radio we may not have. So we
//! ask for everything again while something in the kernel is not confirmed, then take back what nobody
//! confirmed (whoever goes there through us goes by the word of the run before), and only then ask for
//! newer numbers, as for anything else that is unfeasible (3.8.2). In a sound mesh all is confirmed at
//! once and nothing of this is seen. To the neighbours it is plain RFC 8966.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::decide::REPEATS;
use super::engine::Engine;
use super::interface::URGENT;
use super::output::{RouteAction, RouteChange};
use super::route::Route;
use super::router_id::RouterId;
use super::send::{Mark, promised};
use super::seqno::SeqNo;
use super::settings::InterfaceSettings;
use super::timer::Timer;
use super::wire::tlv::Tlv;
use crate::base::address::{InterfaceIndex, PrefixPair};
use crate::base::limit::{BABEL_ROUTES, BABEL_SOURCES};
use crate::base::sorted::{LargeMap, LargeSet, SortedMap};
use crate::base::time::{Instant, Span};

/// What the run before left, and what was heard since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Doubt {
    /// The kernel's next hops.
    left: LargeMap<PrefixPair, (IpAddr, InterfaceIndex)>,
    /// The newest seqno of each source that the run before may have announced.
    heard: LargeMap<(PrefixPair, RouterId), SeqNo>,
    stage: Stage,
    began: Instant,
    until: Instant,
}

/// How far we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Stage {
    /// The neighbours are asked for all they have, and we say nothing about what we do not know yet.
    Listening,
    /// What nobody confirmed was taken back.
    TakingBack,
    /// What is wanted and doubted is asked for.
    Asking,
}

impl Doubt {
    fn new(now: Instant, routes: &[RouteChange], others_keep: Span) -> Self {
        let next_hop = |change: &RouteChange| match change.action {
            RouteAction::Install { next_hop, interface } => Some((change.prefix, (next_hop, interface))),
            RouteAction::Unreachable | RouteAction::Remove => None,
        };
        Self {
            left: routes.iter().filter_map(next_hop).take(BABEL_ROUTES).collect(),
            heard: SortedMap::new(),
            stage: Stage::Listening,
            began: now,
            until: now + others_keep,
        }
    }

    /// A neighbour announces a source with this seqno.
    fn hear(&mut self, prefix: PrefixPair, router_id: RouterId, seqno: SeqNo) {
        // Without room it stays unknown, and unknown is not believed.
        let room = self.heard.len() < BABEL_SOURCES;
        match self.heard.get_mut(&(prefix, router_id)) {
            Some(newest) if self.stage != Stage::Asking && seqno.is_newer_than(*newest) => *newest = seqno,
            None if room => drop(self.heard.insert((prefix, router_id), seqno)),
            _ => {}
        }
    }

    /// Whether this cannot be a way that the run before opened.
    fn admits(&self, prefix: PrefixPair, interface: InterfaceIndex, route: &Route) -> bool {
        self.left.get(&prefix) == Some(&(route.next_hop, interface))
            || self
                .heard
                .get(&(prefix, route.router_id))
                .is_some_and(|newest| route.seqno.is_newer_than(*newest))
    }
}

impl Engine {
    /// The kernel still forwards along these routes of the run before. To be told before any interface;
    /// without it the start counts as a cold boot.
    pub fn handle_routes_left(&mut self, now: Instant, routes: &[RouteChange]) {
        let settings = self.settings.interfaces.iter().map(InterfaceSettings::bounded);
        let intervals = settings.map(|settings| promised(settings.update_interval));
        let others_keep = intervals.max().unwrap_or(Span::ZERO).scaled(7, 2);
        let doubt = Doubt::new(now, routes, others_keep);
        if doubt.left.is_empty() {
            return;
        }
        self.continues = true;
        self.timers.set(Timer::Doubt, None, Some(now + ASK_AGAIN));
        self.doubt = Some(doubt);
    }

    /// Whether a route may be used as far as loops are concerned (RFC 8966 3.5.1).
    pub(super) fn is_feasible(&self, prefix: PrefixPair, route: &Route) -> bool {
        self.sources.is_feasible(prefix, route.router_id, route.seqno, route.refmetric)
            && (route.is_retracted() || !self.is_doubted(prefix, route))
    }

    pub(super) fn is_doubted(&self, prefix: PrefixPair, route: &Route) -> bool {
        let Some(doubt) = &self.doubt else { return false };
        let neighbour = self.neighbours.get(&route.neighbour);
        neighbour.is_none_or(|neighbour| !doubt.admits(prefix, neighbour.interface, route))
    }

    pub(super) fn hear_source(&mut self, prefix: PrefixPair, router_id: RouterId, seqno: SeqNo) {
        if let Some(doubt) = &mut self.doubt {
            doubt.hear(prefix, router_id, seqno);
        }
    }

    /// The seqno that makes a source feasible again, if it is one that we know; `None` also while we
    /// have not heard everybody yet.
    pub(super) fn wanted_seqno(&self, prefix: PrefixPair, router_id: RouterId) -> Option<SeqNo> {
        let announced = self.sources.distance(prefix, router_id).map(|distance| distance.seqno);
        let Some(doubt) = &self.doubt else { return announced.map(SeqNo::next) };
        if doubt.stage != Stage::Asking && announced.is_none() {
            return None;
        }
        let heard = doubt.heard.get(&(prefix, router_id)).copied();
        let newest = match (announced, heard) {
            (Some(announced), Some(heard)) if heard.is_newer_than(announced) => Some(heard),
            (announced, heard) => announced.or(heard),
        };
        newest.map(SeqNo::next)
    }

    /// Whether the kernel forwards on behalf of the run before, and we cannot say yet whether it should.
    pub(super) fn is_left(&self, prefix: PrefixPair) -> bool {
        let listening = self.doubt.as_ref().filter(|doubt| doubt.stage == Stage::Listening);
        listening.is_some_and(|doubt| doubt.left.contains_key(&prefix))
    }

    /// The next stage, or the end: nobody goes through the run before any more.
    pub(super) fn doubt_due(&mut self, now: Instant) {
        let unconfirmed = self.unconfirmed();
        let Some(doubt) = &mut self.doubt else { return };
        let next = match doubt.stage {
            Stage::Listening if now < doubt.began + LISTEN => {
                if !unconfirmed.is_empty() {
                    self.ask_for_everything(now);
                }
                now + ASK_AGAIN
            }
            Stage::Listening => {
                doubt.stage = Stage::TakingBack;
                for prefix in unconfirmed {
                    self.announce_everywhere(now, prefix, Mark { repeats: REPEATS, answer: false });
                }
                now + TAKE_BACK
            }
            Stage::TakingBack => {
                doubt.stage = Stage::Asking;
                let until = doubt.until;
                self.reselect_all(now);
                until.max(now + ASK_AGAIN)
            }
            Stage::Asking => {
                self.doubt = None;
                self.reselect_all(now);
                return;
            }
        };
        self.timers.set(Timer::Doubt, None, Some(next));
    }

    /// What the run before may have announced and we have no way to.
    fn unconfirmed(&self) -> LargeSet<PrefixPair> {
        let left = self.doubt.iter().flat_map(|doubt| doubt.left.keys().copied());
        let offered = self.routes.iter().map(|(prefix, _)| prefix);
        let is_selected =
            |prefix: PrefixPair| self.routes.get(prefix).is_some_and(|found| found.selected.is_some());
        let open = |prefix: &PrefixPair| !is_selected(*prefix) && !self.originated.contains_key(prefix);
        left.chain(offered).filter(open).collect()
    }

    fn ask_for_everything(&mut self, now: Instant) {
        for interface in self.interfaces.values_mut() {
            if let Some(running) = &mut interface.running {
                running.outbox.push(Tlv::RouteRequest(None), now + self.random.span(URGENT));
            }
        }
    }

    fn reselect_all(&mut self, now: Instant) {
        let prefixes: Vec<PrefixPair> = self.routes.iter().map(|(prefix, _)| prefix).collect();
        for prefix in prefixes {
            self.reselect(now, prefix);
        }
    }
}

/// By then every neighbour in reach has answered the first request for its routes, or one of those that
/// follow it.
const LISTEN: Span = Span::from_secs(2);
const ASK_AGAIN: Span = Span::from_millis(500);
/// Time for the first two of three copies of what is taken back.
const TAKE_BACK: Span = Span::from_secs(1);
