//! Who announces a default route, or somebody else's prefix, and may not: told after a minute, so that a way that
//! is just being taken back alarms nobody.
//!
//! Who may what says the ledger, to a member: what lies in somebody's part of the address plan belongs to the member
//! whose status names the router that announces it, and a default route to any member's router. `config entitled` adds
//! to that, for foreign routers and other prefixes; where it names who may announce a default route, it alone says who.
//! Nothing is refused here (that is what filters are for): a mistake of a neighbour's is to be seen, and not to cost the
//! village its way outside.

use serde::{Deserialize, Serialize};

use super::call::Alert;
use super::output::NoteLevel;
use super::settings::Entitled;
use super::{Node, plan};
use crate::babel::RouterId;
use crate::base::address::{Prefix, PrefixPair};
use crate::base::limit;
use crate::base::time::{Instant, Span};
use crate::ledger::body::Status;
use crate::ledger::{Charter, Ledger, MemberState};

/// Those that were found, and when they are looked for again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Strangers {
    found: Vec<Stranger>,
    next: Instant,
}

/// Somebody who announces what he may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Stranger {
    prefix: PrefixPair,
    router_id: RouterId,
    since: Instant,
    told: bool,
}

impl Node {
    /// When somebody is looked for again.
    pub(super) fn strangers_wake(&self) -> Option<Instant> {
        self.looks_for_strangers().then_some(self.strangers.next)
    }

    /// Looks through what is announced to us, each few seconds.
    pub(super) fn look_for_strangers(&mut self, now: Instant) {
        if !self.looks_for_strangers() {
            self.strangers.found.clear();
        }
        if !self.looks_for_strangers() || now < self.strangers.next {
            return;
        }
        let found = self.find_strangers(now);
        let strangers = &mut self.strangers;
        *strangers = Strangers { found, next: now + EACH };
        let mut news = Vec::new();
        for stranger in strangers.found.iter_mut().filter(|one| !one.told && now.since(one.since) >= PATIENCE)
        {
            stranger.told = true;
            news.push(stranger.text());
        }
        for text in news {
            self.note(NoteLevel::Warning, text);
        }
    }

    fn looks_for_strangers(&self) -> bool {
        !self.settings.entitled.is_empty() || self.ledger.own_member().is_some()
    }

    fn find_strangers(&self, now: Instant) -> Vec<Stranger> {
        let mut found: Vec<Stranger> = Vec::new();
        let entitled = &self.settings.entitled;
        let ledger = Entitlement::of(&self.ledger);
        let plan = ledger.iter().flat_map(|one| [one.charter.ipv4, one.charter.ipv6]);
        let named = entitled.iter().flat_map(|one| one.prefixes.iter().copied());
        let places = named.filter(|prefix| !prefix.is_default()).chain(plan);
        for place in places.chain([Prefix::DEFAULT_V4, Prefix::DEFAULT_V6]) {
            for (prefix, router_id) in self.babel.announced_inside(place) {
                let is_known = |one: &&Stranger| one.prefix == prefix && one.router_id == router_id;
                let may = may(entitled, prefix, router_id)
                    || ledger.as_ref().is_some_and(|ledger| ledger.may(entitled, prefix, router_id));
                if router_id == self.babel.router_id()
                    || may
                    || found.iter().any(|one| is_known(&one))
                    || found.len() >= limit::NODE_STRANGERS
                {
                    continue;
                }
                let fresh = Stranger { prefix, router_id, since: now, told: false };
                found.push(self.strangers.found.iter().find(is_known).copied().unwrap_or(fresh));
            }
        }
        found
    }

    /// What the alerts say about it.
    pub(super) fn strangers(&self) -> impl Iterator<Item = Alert> {
        self.strangers.found.iter().filter(|one| one.told).map(|one| {
            let (prefix, router_id) = (one.prefix.to_string(), one.router_id.to_string());
            let about = [("prefix", prefix.as_str()), ("router_id", router_id.as_str())];
            Alert::new("not-entitled", format!("{}.", one.text()), &about)
        })
    }
}

impl Stranger {
    fn text(&self) -> String {
        format!(
            "{} is announced by {}, which neither the ledger nor config entitled allows",
            self.prefix, self.router_id
        )
    }
}

/// What the ledger says about routers.
struct Entitlement<'a> {
    charter: &'a Charter,
    ledger: &'a Ledger,
    statuses: Vec<([u8; 32], &'a Status)>,
}

impl<'a> Entitlement<'a> {
    /// Nothing, unless this node is a member: others are told nothing of each other.
    fn of(ledger: &'a Ledger) -> Option<Self> {
        let charter = ledger.charter().filter(|_| ledger.own_member().is_some())?;
        Some(Self { charter, ledger, statuses: ledger.statuses() })
    }

    fn may(&self, entitled: &[Entitled], prefix: PrefixPair, router_id: RouterId) -> bool {
        let speaker = self.statuses.iter().find(|(_, status)| status.router_id == router_id.0);
        let speaker = speaker.map(|(key, _)| *key);
        let destination = prefix.destination();
        let mut named = entitled.iter().flat_map(|one| &one.prefixes);
        if destination.is_default() {
            return speaker.is_some() && !named.any(Prefix::is_default);
        }
        let is_owner =
            |state: &&MemberState| plan::ranges(self.charter, state).any(|range| range.covers(&destination));
        match self.ledger.members().find(is_owner) {
            Some(owner) => speaker == Some(owner.member.key),
            // Nobody's in the plan: services, and what is not given out.
            None => !named.any(|named| is_in(named, &destination)),
        }
    }
}

fn is_in(place: &Prefix, destination: &Prefix) -> bool {
    place.covers(destination) && place.is_default() == destination.is_default()
}

fn may(entitled: &[Entitled], prefix: PrefixPair, router_id: RouterId) -> bool {
    let destination = prefix.destination();
    let is_theirs = |one: &Prefix| is_in(one, &destination);
    entitled.iter().any(|one| one.router_ids.contains(&router_id) && one.prefixes.iter().any(is_theirs))
}

const EACH: Span = Span::from_secs(10);
/// What is unknown for so long is told.
const PATIENCE: Span = Span::from_secs(60);

#[cfg(test)]
mod tests {
    use super::super::cable::{Cable, NEIGHBOUR, OTHER};
    use super::super::input::Input;
    use super::*;

    fn entitled(prefixes: &[&str], router_ids: &[RouterId]) -> Entitled {
        let prefixes = prefixes.iter().map(|text| text.parse().unwrap()).collect();
        Entitled { prefixes, router_ids: router_ids.to_vec() }
    }

    #[test]
    fn a_default_and_anothers_prefix_from_who_may_not_are_told_after_a_minute() {
        let school = entitled(&["10.77.4.0/22"], &[NEIGHBOUR]);
        let announced = ["0.0.0.0/0", "10.77.5.0/24", "10.77.8.0/24", "10.0.0.0/8"];
        let mut cable = Cable::new(vec![school], &announced);
        cable.pass(Span::from_secs(55));
        assert_eq!(cable.alerts("not-entitled"), [""; 0]);
        cable.pass(Span::from_secs(20));
        let told = cable.alerts("not-entitled");
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(told[0].starts_with("10.77.5.0/24 is announced by 02:00:00:00:00:00:00:02"), "{told:?}");
        assert!(told[1].starts_with("0.0.0.0/0 is announced by"), "{told:?}");
        cable.pass(Span::from_secs(60));
        let notes = cable.said.iter().filter(|text| text.contains("config entitled"));
        assert_eq!(notes.count(), 2, "each is said once");
        // It is taken back.
        cable.step(1, Input::KernelRoutes(Vec::new()));
        cable.pass(Span::from_secs(20));
        assert_eq!(cable.alerts("not-entitled"), [""; 0]);
    }

    #[test]
    fn who_may_is_told_of_by_nobody_and_without_a_list_nobody_is() {
        let announced = ["0.0.0.0/0", "10.77.5.0/24"];
        let gateway = entitled(&["0.0.0.0/0"], &[OTHER]);
        let school = entitled(&["10.77.4.0/22"], &[NEIGHBOUR, OTHER]);
        for (list, alerts) in [
            (vec![], 0),
            (vec![gateway.clone(), school.clone()], 0),
            (vec![gateway], 0),
            (vec![school], 1),
            // To own everything is not to be the way to everything.
            (vec![entitled(&["10.0.0.0/8"], &[OTHER]), entitled(&["::/0"], &[OTHER])], 1),
        ] {
            let mut cable = Cable::new(list.clone(), &announced);
            cable.pass(Span::from_secs(90));
            assert_eq!(cable.alerts("not-entitled").len(), alerts, "{list:?}");
        }
    }

    #[test]
    fn no_more_are_remembered_than_there_is_room_for() {
        let announced: Vec<String> = (0..100).map(|number| format!("10.77.{number}.0/24")).collect();
        let announced: Vec<&str> = announced.iter().map(String::as_str).collect();
        let mut cable = Cable::new(vec![entitled(&["10.77.0.0/16"], &[])], &announced);
        cable.pass(Span::from_secs(90));
        assert_eq!(cable.alerts("not-entitled").len(), limit::NODE_STRANGERS);
    }
}
