//! What somebody should look at: each alert has a code that never changes its meaning (`docs/ubus.md`) and
//! a sentence. Here is also what the machine itself lacks, as the daemon found it.

use serde::{Deserialize, Serialize};

use crate::base::sorted::SortedMap;

use super::Node;
use super::call::Alert;
use crate::base::limit;

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
        alerts.extend(self.used_up());
        let unread = self.troubles.has("journal-newer") || self.troubles.has("ledger-unreadable");
        if self.hotspot.is_some() && self.ledger.own_member().is_none() && !unread {
            let text = "This node was not admitted to a community yet: no voucher works here.";
            alerts.push(alert("no-member", text.to_owned()));
        }
        alerts
    }
}

#[cfg(test)]
mod tests {
    use super::super::cable::Cable;
    use crate::base::time::Span;

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
