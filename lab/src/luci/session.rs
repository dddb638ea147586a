//! Sessions, as rpcd keeps them: who logged in, what that login may do, and when it is forgotten.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tequio::config::uci::Section;
use tequio::platform::crypt;
use tequio::platform::ubus::UbusStatus;

use super::acl::{Acl, Grants, LOGINS};

/// All sessions.
#[derive(Debug)]
pub(super) struct Sessions {
    acl: Acl,
    open: BTreeMap<String, Session>,
}

/// One of them.
#[derive(Debug)]
pub(super) struct Session {
    /// The login.
    pub(super) username: String,
    /// What it may do.
    pub(super) grants: Grants,
    used: Instant,
}

impl Sessions {
    /// None yet.
    pub(super) fn new(acl: Acl) -> Self {
        Self { acl, open: BTreeMap::new() }
    }

    /// Opens a session, if that is the password: of a login of the stand-in, or of one in rpcd's configuration.
    pub(super) fn log_in(
        &mut self,
        name: &str,
        password: &str,
        rpcd: &[Section],
        now: Instant,
    ) -> Option<String> {
        let known = LOGINS.iter().find(|login| login.name == name && login.password == password);
        let grants = match known {
            Some(login) => self.acl.grants(login),
            None => self.written(name, password, rpcd)?,
        };
        self.open.retain(|_, session| now - session.used < IDLE);
        if self.open.len() >= MOST {
            let oldest = self.open.iter().min_by_key(|(_, session)| session.used).map(|(id, _)| id.clone());
            oldest.and_then(|id| self.open.remove(&id));
        }
        let id = format!("{:032x}", fastrand::u128(..));
        self.open.insert(id.clone(), Session { username: name.to_owned(), grants, used: now });
        Some(id)
    }

    /// What a section `login` of rpcd's configuration grants, if that is its password.
    fn written(&self, name: &str, password: &str, rpcd: &[Section]) -> Option<Grants> {
        let of = |section: &Section, name: &str| -> Vec<String> {
            let named = section.entries.iter().filter(|entry| entry.name == name);
            named.map(|entry| entry.value.clone()).collect()
        };
        let fits = |section: &&Section| {
            section.kind == "login"
                && of(section, "username") == [name]
                && of(section, "password").iter().any(|verifier| crypt::fits(password, verifier))
        };
        let login = rpcd.iter().find(fits)?;
        Some(self.acl.grants_of(&of(login, "read"), &of(login, "write")))
    }

    /// A session that is not over.
    pub(super) fn get(&mut self, id: &str, now: Instant) -> Option<&Session> {
        if self.open.get(id).is_some_and(|session| now - session.used >= IDLE) {
            self.open.remove(id);
        }
        let session = self.open.get_mut(id)?;
        session.used = now;
        Some(session)
    }

    /// Ends a session.
    pub(super) fn log_out(&mut self, id: &str) {
        self.open.remove(id);
    }

    /// The methods of rpcd's object `session`: over the broker for the daemon, and for the pages.
    pub(super) fn call(
        &mut self,
        method: &str,
        session: &str,
        arguments: &Map<String, Value>,
        now: Instant,
    ) -> Result<Value, UbusStatus> {
        let text = |name: &str| arguments.get(name).and_then(Value::as_str);
        match method {
            "get" => {
                let session = self.get(session, now).ok_or(UbusStatus::NotFound)?;
                let keys = arguments.get("keys").and_then(Value::as_array);
                let wanted = keys.is_none_or(|keys| keys.iter().any(|key| key.as_str() == Some("username")));
                Ok(if wanted {
                    json!({"values": {"username": session.username}})
                } else {
                    json!({"values": {}})
                })
            }
            "access" => {
                let session = self.get(session, now).ok_or(UbusStatus::NotFound)?;
                let (Some(object), Some(function)) = (text("object"), text("function")) else {
                    return Err(UbusStatus::InvalidArgument);
                };
                let scope = text("scope").unwrap_or("ubus");
                Ok(json!({"access": session.grants.allow(scope, object, function)}))
            }
            "destroy" => {
                self.log_out(session);
                Ok(json!({}))
            }
            _ => Err(UbusStatus::MethodNotFound),
        }
    }
}

/// A session that nobody used for so long is over, as in LuCI.
const IDLE: Duration = Duration::from_secs(3_600);

/// Sessions at the same time; the one that was not used for the longest time makes place.
const MOST: usize = 100;

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn a_session_belongs_to_a_login_and_ends() {
        let mut sessions = Sessions::new(Acl::load().expect("the package has access rules"));
        let now = Instant::now();
        assert_eq!(sessions.log_in("ana", "wrong", &[], now), None);
        assert_eq!(sessions.log_in("nobody", "nobody", &[], now), None);
        let id = sessions.log_in("ana", "ana", &[], now).expect("the right password");
        let arguments = |value: Value| value.as_object().cloned().unwrap_or_default();
        let keys = arguments(json!({"keys": ["username"]}));
        assert_eq!(sessions.call("get", &id, &keys, now), Ok(json!({"values": {"username": "ana"}})));
        assert_eq!(sessions.call("get", "0", &keys, now), Err(UbusStatus::NotFound));
        let sell = arguments(json!({"scope": "ubus", "object": "tequio", "function": "voucher_issue"}));
        assert_eq!(sessions.call("access", &id, &sell, now), Ok(json!({"access": true})));
        let set = arguments(json!({"scope": "uci", "object": "tequio", "function": "write"}));
        assert_eq!(sessions.call("access", &id, &set, now), Ok(json!({"access": false})));
        assert!(sessions.get(&id, now + IDLE / 2).is_some());
        assert!(sessions.get(&id, now + IDLE / 2 + IDLE).is_none());
    }

    #[test]
    fn sessions_do_not_pile_up() {
        let mut sessions = Sessions::new(Acl::load().expect("the package has access rules"));
        let now = Instant::now();
        let first = sessions.log_in("mira", "mira", &[], now).expect("the right password");
        for second in 1..=MOST as u64 {
            sessions
                .log_in("mira", "mira", &[], now + Duration::from_secs(second))
                .expect("the right password");
        }
        assert_eq!(sessions.open.len(), MOST);
        assert!(sessions.get(&first, now).is_none());
    }
}
