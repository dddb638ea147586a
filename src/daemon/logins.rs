//! The logins of the people whose home this node is, in rpcd's configuration: written when a record of the ledger says
//! so, and taken away when it says so no more. Inside its jail the daemon cannot write there; rpcd itself does, asked
//! over ubus. Only sections whose names begin as ours do are ever touched.
//!
//! A section is named after the record, so what stands in it never changes: another record is another section.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Map, Value};

use super::Daemon;
use crate::base::time::{Instant, Span};
use crate::ledger::Ledger;
use crate::ledger::body::PersonRole;
use crate::platform::clock;
use crate::platform::ubus::table::{arguments, json};
use crate::platform::ubus::{InvokeId, UbusError};

/// One login.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Login {
    section: String,
    username: String,
    password: String,
    role: PersonRole,
}

/// What rpcd has, as far as it was asked.
#[derive(Debug, Default)]
pub(super) struct Logins {
    /// What stands there since the last look.
    done: Option<(Vec<Login>, Instant)>,
    wanted: Vec<Login>,
    /// The question that rpcd has not answered yet.
    asked: Option<InvokeId>,
    /// Whether that is what stands there.
    reads: bool,
    /// What is to be said to rpcd after that.
    left: VecDeque<(&'static str, Map<String, Value>)>,
}

impl Daemon {
    /// Has rpcd let in whom the ledger lets in. What fails is tried again at the next tick.
    pub(super) fn look_after_logins(&mut self) {
        let now = clock::now();
        let wanted = wanted(self.node.ledger());
        let known =
            self.logins.done.as_ref().is_some_and(|(done, at)| *done == wanted && now.since(*at) < EACH);
        // Without a community nothing is known of anybody, and nothing is taken away.
        if known || self.logins.asked.is_some() || self.node.ledger().community().is_none() {
            return;
        }
        self.logins.wanted = wanted;
        self.logins.reads = true;
        self.ask_rpcd("get", arguments(json!({"config": CONFIG, "type": "login"})));
    }

    /// Takes rpcd's answer, if that is one to us.
    pub(super) fn rpcd_answered(&mut self, invoke: InvokeId, result: &Result<Value, UbusError>) {
        if self.logins.asked != Some(invoke) {
            return;
        }
        self.logins.asked = None;
        let Ok(answer) = result else {
            self.logins.left.clear();
            return;
        };
        if std::mem::take(&mut self.logins.reads) {
            self.logins.left = changes(answer, &self.logins.wanted).into();
        }
        match self.logins.left.pop_front() {
            Some((method, arguments)) => self.ask_rpcd(method, arguments),
            None => self.logins.done = Some((std::mem::take(&mut self.logins.wanted), clock::now())),
        }
    }

    fn ask_rpcd(&mut self, method: &str, arguments: Map<String, Value>) {
        self.logins.asked = Some(self.ubus.invoke("uci", method, arguments, PATIENCE));
    }
}

/// Whom the ledger lets in here.
fn wanted(ledger: &Ledger) -> Vec<Login> {
    let own = ledger.own_key();
    let persons =
        ledger.persons().filter(|(_, person)| person.home == own && person.role != PersonRole::Gone);
    let persons = persons.filter(|(_, person)| is_safe(&person.verifier));
    let login = |(id, person): (crate::ledger::RecordId, &crate::ledger::body::Person)| Login {
        section: format!("{OURS}{id}"),
        username: person.name.clone(),
        password: person.verifier.clone(),
        role: person.role,
    };
    persons.map(login).collect()
}

/// Whether a verifier asks for a passphrase of its own. To rpcd an empty one, `x` or `!` is "no passphrase", and `$p$`
/// is that of somebody of the system.
fn is_safe(verifier: &str) -> bool {
    ["$5$", "$6$"].iter().any(|kind| verifier.starts_with(kind))
}

/// What makes of the logins that rpcd has those that are wanted. A name that somebody else's login has stays theirs.
fn changes(found: &Value, wanted: &[Login]) -> Vec<(&'static str, Map<String, Value>)> {
    let none = Map::new();
    let found = found["values"].as_object().unwrap_or(&none);
    let ours = |section: &str| section.starts_with(OURS);
    let mut changes = Vec::new();
    for section in found.keys().filter(|section| ours(section)) {
        if !wanted.iter().any(|login| login.section == *section) {
            changes.push(("delete", arguments(json!({"config": CONFIG, "section": section}))));
        }
    }
    for login in wanted.iter().filter(|login| !found.contains_key(&login.section)) {
        let theirs = |(section, values): (&String, &Value)| {
            !ours(section) && values["username"].as_str() == Some(&login.username)
        };
        if login.username == "root" || found.iter().any(theirs) {
            log::warn!(
                "{} has a login of this router's own already: the community's is not added",
                login.username
            );
            continue;
        }
        let values = json!({
            "username": login.username,
            "password": login.password,
            "read": READ,
            "write": writes(login.role),
        });
        let add = json!({"config": CONFIG, "type": "login", "name": login.section, "values": values});
        changes.push(("add", arguments(add)));
    }
    if !changes.is_empty() {
        changes.push(("commit", arguments(json!({"config": CONFIG}))));
    }
    changes
}

/// The groups of access rules that a role may change something in.
fn writes(role: PersonRole) -> &'static [&'static str] {
    match role {
        PersonRole::Gone | PersonRole::Viewer => &[],
        PersonRole::Caretaker => &["luci-app-tequio-sell"],
        PersonRole::Admin => &["luci-base", "luci-app-tequio*"],
    }
}

/// Groups that everybody may look at; without the first one every page of LuCI says that the session is over.
const READ: &[&str] = &["unauthenticated", "luci-base", "luci-app-tequio*"];
const CONFIG: &str = "rpcd";
/// How our sections begin.
const OURS: &str = "tequio_";
const PATIENCE: Duration = Duration::from_secs(5);
/// After that somebody may have restored an older configuration.
const EACH: Span = Span::from_secs(600);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn login(section: &str, username: &str) -> Login {
        let (section, username) = (format!("{OURS}{section}"), username.to_owned());
        Login { section, username, password: "$5$s$h".into(), role: PersonRole::Caretaker }
    }

    #[test]
    fn only_logins_of_ours_are_taken_away_and_nobody_gets_the_name_of_another() {
        let found = json!({"values": {
            "cfg01": {"username": "root", "password": "$p$root"},
            "cfg02": {"username": "mira", "password": "$5$a$b"},
            "tequio_aa": {"username": "Ana"},
            "tequio_bb": {"username": "Beto"},
        }});
        let words = |wanted: &[Login]| -> Vec<String> {
            let word = |(method, arguments): &(&str, Map<String, Value>)| {
                let about =
                    ["section", "name", "config"].iter().find_map(|name| arguments.get(*name)?.as_str());
                format!("{method} {}", about.unwrap_or_default())
            };
            changes(&found, wanted).iter().map(word).collect()
        };
        let ana = login("aa", "Ana");
        assert_eq!(words(&[ana.clone(), login("bb", "Beto")]), [""; 0], "all is as it should be");
        assert_eq!(words(std::slice::from_ref(&ana)), ["delete tequio_bb", "commit rpcd"]);
        let moved = [ana, login("cc", "Beto"), login("dd", "root"), login("ee", "mira")];
        assert_eq!(words(&moved), ["delete tequio_bb", "add tequio_cc", "commit rpcd"]);
        assert_eq!(words(&[]), ["delete tequio_aa", "delete tequio_bb", "commit rpcd"]);
        let add = &changes(&json!({}), &[login("aa", "Ana")])[0].1;
        assert_eq!(add["values"]["write"], json!(["luci-app-tequio-sell"]));
        assert_eq!(add["values"]["password"], "$5$s$h");
    }

    #[test]
    fn a_verifier_that_opens_every_door_is_no_login() {
        for open in ["", "!", "x", "$p$root", "$1$s$h", "plain"] {
            assert!(!is_safe(open), "{open}");
        }
        assert!(is_safe("$5$s$h") && is_safe("$6$s$h"));
    }

    #[test]
    fn a_role_opens_its_pages_and_nothing_of_the_router() {
        assert_eq!(writes(PersonRole::Viewer), [""; 0]);
        for role in [PersonRole::Caretaker, PersonRole::Admin] {
            assert!(
                writes(role)
                    .iter()
                    .all(|group| group.starts_with("luci-app-tequio") || *group == "luci-base")
            );
        }
    }
}
