//! What the daemon calls out on the bus, for whoever listens: an alert that begins or ends, and a way
//! outside that comes or goes. The service `tequio-hooks` of the package listens and runs the operator's
//! scripts; the daemon itself starts no program.
//!
//! Looked at with each tick, so that a state of some seconds is no event.

use serde_json::{Map, Value};

use super::Daemon;
use crate::base::sorted::SortedSet;
use crate::platform::ubus::table::json;

/// What was called out last.
#[derive(Default)]
pub(super) struct Events {
    alerts: SortedSet<Told>,
    /// The device of the way outside; none before the first look.
    outside: Option<Option<String>>,
}

/// An alert's code and sentence: one code may stand for several neighbours.
type Told = (String, String);
/// An event's name and what it holds.
type Event = (&'static str, Map<String, Value>);

impl Events {
    /// What is news since the last look.
    fn news(&mut self, alerts: SortedSet<Told>, outside: Option<String>) -> Vec<Event> {
        let mut news = Vec::new();
        for (these, others, begins) in [(&alerts, &self.alerts, true), (&self.alerts, &alerts, false)] {
            for told in these.iter().filter(|told| !others.contains(*told)) {
                let (code, message) = told;
                news.push(event("tequio.alert", json!({"code": code, "message": message, "begins": begins})));
            }
        }
        self.alerts = alerts;
        if self.outside.as_ref() != Some(&outside) {
            news.push(event("tequio.internet", json!({"up": outside.is_some(), "via": outside})));
            self.outside = Some(outside);
        }
        news
    }
}

impl Daemon {
    /// Calls out what is news. Kept for later while there is no bus.
    pub(super) fn call_out(&mut self) {
        if !self.ubus.is_connected() {
            return;
        }
        let alerts = self.node.alerts().into_iter().map(|alert| (alert.code, alert.message)).collect();
        for (name, data) in self.events.news(alerts, self.node.outside_through()) {
            if let Err(error) = self.ubus.send_event(name, &data) {
                log::debug!("ubus: {name} cannot be called out: {error}");
            }
        }
    }
}

fn event(name: &'static str, data: Value) -> Event {
    let Value::Object(data) = data else { return (name, Map::new()) };
    (name, data)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn news(events: &mut Events, codes: &[(&str, &str)], outside: Option<&str>) -> Vec<String> {
        let alerts = codes.iter().map(|(code, message)| ((*code).to_owned(), (*message).to_owned()));
        let news = events.news(alerts.collect(), outside.map(str::to_owned));
        news.into_iter().map(|(name, data)| format!("{name} {}", Value::Object(data))).collect()
    }

    #[test]
    fn only_what_is_news_is_called_out() {
        let mut events = Events::default();
        assert_eq!(news(&mut events, &[], None), [r#"tequio.internet {"up":false,"via":null}"#]);
        assert_eq!(news(&mut events, &[], None), [""; 0]);
        assert_eq!(
            news(&mut events, &[("not-saved", "Full.")], Some("wan")),
            [
                r#"tequio.alert {"begins":true,"code":"not-saved","message":"Full."}"#,
                r#"tequio.internet {"up":true,"via":"wan"}"#,
            ]
        );
        assert_eq!(news(&mut events, &[("not-saved", "Full.")], Some("wan")), [""; 0]);
        assert_eq!(
            news(&mut events, &[], Some("wan")),
            [r#"tequio.alert {"begins":false,"code":"not-saved","message":"Full."}"#]
        );
        assert_eq!(
            news(&mut events, &[], Some("mesh0")),
            [r#"tequio.internet {"up":true,"via":"mesh0"}"#],
            "another way outside is news"
        );
    }
}
