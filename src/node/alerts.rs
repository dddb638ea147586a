//! What somebody should look at: each alert has a code that never changes its meaning (`docs/ubus.md`) and
//! a sentence. Here is also what the machine itself lacks, as the daemon found it.

use serde::{Deserialize, Serialize};

use crate::base::sorted::SortedMap;

use super::Node;
use super::call::Alert;
use crate::base::limit;
use crate::ledger::Ledger;

/// What the daemon told of its machine, by code.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Troubles {
    by_code: SortedMap<String, String>,
}

impl Troubles {
    /// Something is missing, or there again. The codes are the daemon's own, so there are few; should
    /// there ever be more, the new one is not told.
    pub(super) fn handle(&mut self, code: String, what: Option<String>) {
        match what {
            Some(what) if self.by_code.contains_key(&code) || self.by_code.len() < limit::NODE_TROUBLES => {
                self.by_code.insert(code, what);
            }
            Some(_) => {}
            None => {
                self.by_code.remove(&code);
            }
        }
    }

    fn has(&self, code: &str) -> bool {
        self.by_code.contains_key(code)
    }
}

impl Alert {
    /// An alert, and what it is about.
    pub(super) fn new(code: &str, message: String, about: &[(&str, &str)]) -> Self {
        let about = about.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { code: code.to_owned(), message, about }
    }
}

impl Node {
    /// What somebody should look at, the machine's troubles first.
    pub fn alerts(&self) -> Vec<Alert> {
        let alert = |code: &str, message: String| Alert::new(code, message, &[]);
        let mut alerts: Vec<Alert> =
            self.troubles.by_code.iter().map(|(code, what)| alert(code, what.clone())).collect();
        if let Some(why) = self.stores.broken() {
            alerts.push(alert("not-saved", super::stores::not_saved(why)));
        }
        for neighbour in self.neighbours() {
            if let Some(reason) = neighbour.reason {
                let text = format!("Neighbour {} on {}: {reason}.", neighbour.address, neighbour.interface);
                let address = neighbour.address.to_string();
                let about = [("address", &address), ("device", &neighbour.interface), ("why", &reason)];
                alerts.push(Alert::new(
                    "neighbour",
                    text,
                    &about.map(|(name, value)| (name, value.as_str())),
                ));
            }
        }
        alerts.extend(self.strangers());
        alerts.extend(self.unsigned());
        alerts.extend(self.used_up());
        alerts.extend(self.disputed_time());
        alerts.extend(self.books.used_twice().map(|text| alert("used-twice", text)));
        alerts.extend(self.saying_too_much());
        alerts.extend(self.branched());
        alerts.extend(self.lot_missing());
        alerts.extend(self.no_internet());
        alerts.extend(self.links_to_look_at());
        alerts.extend(self.stuck_radios());
        let unread = self.troubles.has("journal-newer") || self.troubles.has("ledger-unreadable");
        let alone = self.hotspot.is_some() && !unread;
        alerts.extend(of_ledger(&self.ledger, alone).map(|(code, text)| alert(code, text.to_owned())));
        alerts
    }
}

impl Node {
    /// Guests say that there is no internet here.
    fn no_internet(&self) -> Option<Alert> {
        let count = self.hotspot.as_ref().map_or(0, |hotspot| hotspot.complaints());
        let text = format!(
            "{count} guests told within the last hour that there is no internet here. Look at the uplink and the way to it."
        );
        (count > 0).then(|| Alert::new("guests-complain", text, &[("count", &count.to_string())]))
    }

    /// Authors of more records than this node takes of one.
    fn saying_too_much(&self) -> impl Iterator<Item = Alert> {
        self.sync.too_much().map(|author| {
            let name = match author {
                Some(key) => {
                    let name = self.member_name(&key).unwrap_or("a former member or root");
                    format!("{name} ({})", crate::ledger::text::fingerprint(&key))
                }
                None => "somebody who is no member".to_owned(),
            };
            let text = format!(
                "{name} writes more records than an honest node: they are taken slowly. If the box was stolen, expel it."
            );
            Alert::new("flood", text, &[("member", &name)])
        })
    }
}

/// What the ledger says that somebody should act on; a node that is in no community is told of it where it
/// `should_be`.
fn of_ledger(ledger: &Ledger, should_be: bool) -> impl Iterator<Item = (&'static str, &'static str)> {
    let member = ledger.own_state();
    let rows = [
        (
            ledger.is_expelled(),
            "expelled",
            "This node was expelled from the community: it sells nothing and lets nobody in. A new box, or new keys, \
             must be admitted.",
        ),
        (
            should_be && member.is_none() && !ledger.is_expelled(),
            "no-member",
            "This node was not admitted to a community yet: no voucher works here.",
        ),
        (
            member.is_some_and(|state| state.number_taken || state.slot_taken),
            "number-taken",
            "Another member has this node's number or address slot: an officer must admit it again.",
        ),
        (
            member.is_some() && ledger.current_epoch().is_some() && ledger.own_share().is_none(),
            "no-share",
            "This node has no share of the community's present secrets: the other nodes do not hear it, and nothing is \
             sold here. An officer must admit it again, or rotate them.",
        ),
        (
            member.is_some() && !ledger.waiting_roots().is_empty(),
            "new-root",
            "Somebody has made a new root for the community, and the old one does not say so. If the people who keep it \
             read its fingerprint to you, accept it here: tequio root accept FINGERPRINT.",
        ),
        (
            ledger.is_tainted(),
            "secrets-known",
            "Somebody who was expelled knows the community's present secrets: nothing is sold. An officer must \
             rotate them again.",
        ),
    ];
    rows.into_iter().filter(|(is, ..)| *is).map(|(_, code, text)| (code, text))
}

#[cfg(test)]
mod tests {
    use super::super::cable::Cable;
    use super::of_ledger;
    use crate::base::time::Span;
    use crate::base::voucher::IssuerNumber;
    use crate::ledger::body::{Epoch, Expulsion, SealedShare};
    use crate::ledger::tests::village::charter;
    use crate::ledger::{Body, Ledger, Member, Roles};

    const ROOT: [u8; 32] = [1; 32];
    const OWN: [u8; 32] = [2; 32];

    fn member(key: [u8; 32]) -> Body {
        Body::Member(Box::new(Member {
            key,
            dh: [3; 32],
            name: "plaza".into(),
            number: IssuerNumber(3),
            slot: Some(3),
            roles: Roles::NONE,
            float: 0,
            replaces: Vec::new(),
            heads: Vec::new(),
            instead_of: None,
        }))
    }

    #[test]
    fn what_the_ledger_asks_of_people_is_an_alert() {
        let (mut root, mut own) = (Ledger::new(ROOT, 1), Ledger::new(OWN, 1));
        let mut write = |own: &mut Ledger, body: Body| {
            let draft = root.draft(body).unwrap();
            own.handle_stored(&root.complete(draft, [7; 64])).unwrap();
        };
        let codes = |own: &Ledger| of_ledger(own, true).map(|(code, _)| code).collect::<Vec<_>>();
        assert_eq!(codes(&own), ["no-member"]);
        assert_eq!(of_ledger(&own, false).count(), 0);
        write(&mut own, Body::Charter(Box::new(charter(ROOT))));
        write(&mut own, member(OWN));
        assert_eq!(codes(&own), [""; 0]);
        // A lower key has the same number.
        write(&mut own, member([0; 32]));
        assert_eq!(codes(&own), ["number-taken"]);
        let epoch = |number, follows, shares, member| {
            let expels = vec![Expulsion { member, heads: Vec::new() }];
            Body::Epoch(Box::new(Epoch { number, follows, shares, expels }))
        };
        let share = SealedShare { member: [0; 32], sealed: vec![1; 112] };
        write(&mut own, epoch(1, None, vec![share], [0; 32]));
        assert_eq!(codes(&own), ["no-share", "secrets-known"], "and the other one is gone");
        let follows = own.current_epoch().map(|(id, _)| id);
        write(&mut own, epoch(2, follows, Vec::new(), OWN));
        assert_eq!(codes(&own), ["expelled"]);
    }

    #[test]
    fn a_neighbour_that_is_heard_and_does_not_hear_us_is_told_with_the_reason() {
        let mut cable = Cable::new(Vec::new(), &["10.1.0.0/16"]);
        cable.pass(Span::from_secs(20));
        assert_eq!(cable.alerts("neighbour"), [""; 0]);
        cable.one_way = true;
        cable.pass(Span::from_secs(60));
        assert_eq!(
            cable.alerts("neighbour"),
            ["Neighbour fe80::2 on cable: it has not said lately that it hears us."]
        );
        cable.one_way = false;
        cable.pass(Span::from_secs(20));
        assert_eq!(cable.alerts("neighbour"), [""; 0]);
    }
}
