//! Who announces a default route, or somebody else's prefix, and may not: told after a minute, so that a way that
//! is just being taken back alarms nobody.
//!
//! Who may what says `config entitled`, until the ledger does. Nothing is refused here (that is what filters are
//! for): a mistake of a neighbour's is to be seen, and not to cost the village its way outside.

use serde::{Deserialize, Serialize};

use super::Node;
use super::call::Alert;
use super::output::NoteLevel;
use super::settings::Entitled;
use crate::babel::RouterId;
use crate::base::address::{Prefix, PrefixPair};
use crate::base::limit;
use crate::base::time::{Instant, Span};

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
        (!self.settings.entitled.is_empty()).then_some(self.strangers.next)
    }

    /// Looks through what is announced to us, each few seconds.
    pub(super) fn look_for_strangers(&mut self, now: Instant) {
        let Self { settings, strangers, babel, .. } = self;
        let entitled = &settings.entitled;
        if entitled.is_empty() || now < strangers.next {
            strangers.found.retain(|_| !entitled.is_empty());
            return;
        }
        strangers.next = now + EACH;
        let before = std::mem::take(&mut strangers.found);
        let own = babel.router_id();
        let defaults = [Prefix::DEFAULT_V4, Prefix::DEFAULT_V6];
        let named = entitled.iter().flat_map(|one| &one.prefixes).filter(|prefix| !prefix.is_default());
        for place in named.chain(&defaults) {
            for (prefix, router_id) in babel.announced_inside(*place) {
                let is_known = |one: &&Stranger| one.prefix == prefix && one.router_id == router_id;
                if router_id == own
                    || may(entitled, prefix, router_id)
                    || strangers.found.iter().any(|one| is_known(&one))
                    || strangers.found.len() >= limit::NODE_STRANGERS
                {
                    continue;
                }
                let fresh = Stranger { prefix, router_id, since: now, told: false };
                strangers.found.push(before.iter().find(is_known).copied().unwrap_or(fresh));
            }
        }
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
        format!("{} is announced by {}, which no config entitled allows", self.prefix, self.router_id)
    }
}

fn may(entitled: &[Entitled], prefix: PrefixPair, router_id: RouterId) -> bool {
    let destination = prefix.destination();
    let is_theirs = |one: &Prefix| one.covers(&destination) && one.is_default() == destination.is_default();
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
