//! Who is at the keyboard: the people of the configuration, then those whose home this node is.

use super::Node;
use super::call::Caller;
use super::settings::Role;
use crate::ledger::body::PersonRole;

impl Node {
    /// The name and the role of a login.
    pub fn person(&self, login: &str) -> Option<(&str, Role)> {
        if let Some(person) = self.settings.persons.iter().find(|person| person.login == login) {
            return Some((&person.name, person.role));
        }
        let own = self.ledger.own_key();
        let here = self.ledger.persons().map(|(_, person)| person);
        let person = here.filter(|person| person.home == own).find(|person| person.name == login)?;
        let role = match person.role {
            PersonRole::Gone => return None,
            PersonRole::Viewer => Role::Viewer,
            PersonRole::Caretaker => Role::Caretaker,
            PersonRole::Admin => Role::Admin,
        };
        Some((&person.name, role))
    }

    /// The role of whoever asks. A program of root's may do everything.
    pub(super) fn role_of(&self, caller: &Caller) -> Option<Role> {
        match &caller.login {
            None => Some(Role::Admin),
            Some(login) => self.person(login).map(|(_, role)| role),
        }
    }

    /// Who does something for which this role is needed at least: the person behind the session; without a session
    /// root's program says who.
    pub(super) fn person_of(
        &self,
        caller: &Caller,
        least: Role,
        named: &str,
    ) -> Result<String, (&'static str, String)> {
        let Some(login) = &caller.login else {
            let person =
                self.settings.persons.iter().find(|person| person.login == named || person.name == named);
            let name = person.map_or(named, |person| &person.name);
            return Ok(if name.is_empty() { "root" } else { name }.to_owned());
        };
        match self.person(login) {
            Some((name, role)) if role >= least => Ok(name.to_owned()),
            _ => Err(("no-right", format!("{login} may not do this at this node."))),
        }
    }
}
