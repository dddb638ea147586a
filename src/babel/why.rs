//! Why packets to a destination go where they go, in words. Reading changes nothing.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::engine::Engine;
use super::output::kernel_takes;
use super::policy::Ruling;
use super::report::RouteReport;
use super::route::{Destination, Route};
use super::select::patience;
use super::wire::tlv::INFINITY;
use crate::base::address::{Prefix, PrefixPair};
use crate::base::time::{Instant, Span};

/// Why packets to a destination go where they go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Why {
    /// What decides about them: the longest destination that we know and that holds the address.
    pub prefix: Option<PrefixPair>,
    /// What happens to packets, in words.
    pub verdict: String,
    /// Every candidate for that, and for each one the reason. Then those for packets from some
    /// sources only, if it was not said where the packets come from.
    pub candidates: Vec<(RouteReport, Reason)>,
}

/// What speaks for or against a candidate. There are no others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// It is in use.
    InUse,
    /// It is chosen and announced, but the kernel does not take it.
    KernelRefused {
        /// When the kernel is told again.
        left: Span,
    },
    /// It is chosen and announced, but it is for IPv4 packets from some sources only.
    NotForTheKernel,
    /// The prefix is our own.
    Own,
    /// Retracted, or expired.
    TakenBack,
    /// A filter of ours refuses it.
    Filtered,
    /// It lies outside our address plan.
    OutsidePlan,
    /// The metric is infinite with the link, and was not without it.
    NoLink,
    /// The feasibility condition does not hold.
    Unfeasible,
    /// It may be a way that the run before this one opened.
    Doubted,
    /// The one in use costs no more.
    Dearer {
        /// What it costs.
        metric: u16,
        /// What the one in use costs.
        current: u16,
    },
    /// It is better, and not yet for long enough.
    SoonBetter {
        /// What it costs.
        metric: u16,
        /// What the one in use costs.
        current: u16,
        /// When it is used.
        left: Span,
    },
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = match self {
            Self::InUse => "in use",
            Self::KernelRefused { left } => {
                return write!(formatter, "chosen, but the kernel refuses it; it is tried again in {left}");
            }
            Self::NotForTheKernel => {
                "passed on, not used here: the kernel cannot choose IPv4 routes by where packets come from"
            }
            Self::Own => "not used: this node announces the prefix itself",
            Self::TakenBack => "not used: the neighbour took it back, or did not repeat it in time",
            Self::Filtered => "not used: a filter of this node refuses it",
            Self::OutsidePlan => "not used: it lies outside the address plan of this node",
            Self::NoLink => "not used: the link to the neighbour does not work, or the whole way is too long",
            Self::Unfeasible => {
                "not used: it may lead back through this node; a newer sequence number was asked for"
            }
            Self::Doubted => "not used yet: this node has just started, and it may lead back through it",
            Self::Dearer { metric, current } => {
                return write!(formatter, "not used: it costs {metric}, the one in use {current}");
            }
            Self::SoonBetter { metric, current, left } => {
                return write!(
                    formatter,
                    "better ({metric} instead of {current}), used in {left} if it stays so"
                );
            }
        };
        formatter.write_str(words)
    }
}

impl Engine {
    /// Why packets to `destination` (an address, or a whole prefix) go where they go; with `source`, packets from there.
    ///
    /// As the kernel does it (RFC 9079 section 4): the longest destination decides, then the longest source.
    pub fn why(&self, now: Instant, destination: Prefix, source: Option<IpAddr>) -> Why {
        let known = |prefix: &PrefixPair| self.originated.contains_key(prefix) || self.decides(*prefix);
        let offered = |prefix: &PrefixPair| self.routes.get(*prefix).is_some();
        let found = self.longest(destination, source, known);
        let Some(prefix) = found.or_else(|| self.longest(destination, source, offered)) else {
            let candidates = self.for_other_sources(now, destination, source, None);
            let verdict = match candidates.is_empty() {
                true => "nobody in the mesh announces a prefix that holds this address",
                false => "what is announced for this address is for packets from some sources only",
            };
            return Why { prefix: None, verdict: verdict.into(), candidates };
        };
        let verdict = match (self.originated.get(&prefix), self.next_hop(prefix)) {
            (Some(metric), _) => format!("this node itself announces {prefix} with metric {metric}"),
            (None, Some((next_hop, _))) if kernel_takes(&prefix) => {
                format!("packets for {prefix} go to {next_hop}")
            }
            (None, Some(_)) => format!("{prefix} is passed on; packets go by routes from everywhere"),
            (None, None) if !self.decides(prefix) => {
                format!("{prefix} is offered, but no offer can be used")
            }
            (None, None) => {
                format!("{prefix} was lost a short while ago, so packets are refused and go no wrong way")
            }
        };
        let mut candidates = self.reasons(now, prefix);
        candidates.extend(self.for_other_sources(now, destination, source, Some(prefix)));
        Why { prefix: Some(prefix), verdict, candidates }
    }

    /// The pair with the longest destination, then the longest source, of those that `wanted` takes.
    fn longest(
        &self,
        destination: Prefix,
        source: Option<IpAddr>,
        wanted: impl Fn(&PrefixPair) -> bool,
    ) -> Option<PrefixPair> {
        let of = |destination: Prefix| {
            let known =
                self.pairs_to(destination).filter(|prefix| prefix.takes_from(source) && wanted(prefix));
            known.max_by_key(|prefix| prefix.source().map(|source| source.length()))
        };
        holders(destination).find_map(of)
    }

    /// All that is known for just this destination.
    fn pairs_to(&self, destination: Prefix) -> impl Iterator<Item = PrefixPair> {
        let own = self.originated.range_from(&PrefixPair::from(destination)).map(|(prefix, _)| *prefix);
        let own = own.take_while(move |prefix| prefix.destination() == destination);
        own.chain(self.routes.to(destination).map(|(prefix, _)| prefix))
    }

    /// What decides for packets from elsewhere: only if it was not said where they come from.
    fn for_other_sources(
        &self,
        now: Instant,
        destination: Prefix,
        source: Option<IpAddr>,
        decides: Option<PrefixPair>,
    ) -> Vec<(RouteReport, Reason)> {
        let least = decides.map_or(0, |prefix| prefix.destination().length());
        let longer = holders(destination).filter(|prefix| source.is_none() && prefix.length() >= least);
        let all = longer.flat_map(|destination| self.routes.to(destination));
        all.filter(|(prefix, _)| prefix.source().is_some())
            .flat_map(|(prefix, _)| self.reasons(now, prefix))
            .collect()
    }

    fn reasons(&self, now: Instant, prefix: PrefixPair) -> Vec<(RouteReport, Reason)> {
        let Some(found) = self.routes.get(prefix) else { return Vec::new() };
        let reason = |route: &Route| {
            let report = self.route_report(now, prefix, found, route);
            let reason = self.reason(now, found, &report, route);
            (report, reason)
        };
        found.candidates.iter().map(reason).collect()
    }

    fn reason(&self, now: Instant, destination: &Destination, route: &RouteReport, offer: &Route) -> Reason {
        if route.selected {
            return match destination.unrest().retry_kernel_at {
                _ if !kernel_takes(&route.prefix) => Reason::NotForTheKernel,
                Some(at) => Reason::KernelRefused { left: at.since(now) },
                None => Reason::InUse,
            };
        }
        if self.originated.contains_key(&route.prefix) {
            return Reason::Own;
        }
        if route.refmetric == INFINITY {
            return Reason::TakenBack;
        }
        match offer.ruling {
            Ruling::Refused => return Reason::Filtered,
            Ruling::OutsidePlan => return Reason::OutsidePlan,
            Ruling::Taken(_) if route.metric == INFINITY => return Reason::NoLink,
            Ruling::Taken(_) => {}
        }
        if !route.feasible {
            return if self.is_doubted(route.prefix, offer) { Reason::Doubted } else { Reason::Unfeasible };
        }
        let current = self.selected_metric(route.prefix).map_or(INFINITY, |(_, metric)| metric);
        let metric = route.metric;
        if metric >= current {
            return Reason::Dearer { metric, current };
        }
        let since = destination.unrest().better_since.unwrap_or(now);
        Reason::SoonBetter { metric, current, left: (since + patience(current, metric)).since(now) }
    }
}

/// All prefixes that hold an address, or a prefix, the longest first.
fn holders(held: Prefix) -> impl Iterator<Item = Prefix> {
    (0..=held.length()).rev().filter_map(move |length| Prefix::new(held.address(), length))
}
