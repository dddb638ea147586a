//! Who may do what, as rpcd reads it: files of `acl.d` define groups, a login lists the groups it may read and write.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use crate::failure::{Failure, Outcome, io};

/// A login of the stand-in, like a `config login` section of `/etc/config/rpcd`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Login {
    /// What is typed.
    pub(super) name: &'static str,
    /// What is typed below it.
    pub(super) password: &'static str,
    /// Who that is, for the page where one logs in.
    pub(super) who: &'static str,
    read: &'static [&'static str],
    write: &'static [&'static str],
}

/// The logins. `docs/installer.md` tells how a router gets them.
pub(super) const LOGINS: &[Login] = &[
    Login {
        name: "ana",
        password: "ana",
        who: "caretaker",
        read: EVERYBODY,
        write: &["luci-app-tequio-sell"],
    },
    Login { name: "admin", password: "admin", who: "admin", read: &["*"], write: &["*"] },
    Login { name: "mira", password: "mira", who: "viewer", read: EVERYBODY, write: &[] },
];

const EVERYBODY: &[&str] = &["unauthenticated", "luci-base", "luci-app-tequio*"];

/// The groups of all `acl.d` files: LuCI's own that we need, and those of our package.
#[derive(Clone, Debug)]
pub(super) struct Acl(Map<String, Value>);

/// What a session was granted: scope, object and function, as patterns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Grants(BTreeMap<String, Vec<(String, String)>>);

impl Acl {
    /// Reads the package's file.
    pub(super) fn load() -> Outcome<Self> {
        let path = super::package().join("root/usr/share/rpcd/acl.d/luci-app-tequio.json");
        let name = path.display().to_string();
        let text = std::fs::read_to_string(&path).map_err(io(&name))?;
        Self::parse(&text).map_err(|seen| Failure::new(format!("access rules in {name}"), seen))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let ours = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let (Value::Object(ours), Value::Object(mut all)) = (ours, of_luci()) else {
            return Err("no table of groups".to_owned());
        };
        all.extend(ours);
        Ok(Self(all))
    }

    /// What a login gets.
    pub(super) fn grants(&self, login: &Login) -> Grants {
        self.grants_of(login.read, login.write)
    }

    /// What whoever lists these groups gets.
    pub(super) fn grants_of<T: AsRef<str>>(&self, read: &[T], write: &[T]) -> Grants {
        let mut grants = Grants::default();
        for (group, rights) in &self.0 {
            for (kind, scopes) in [("read", rights.get("read")), ("write", rights.get("write"))] {
                // In rpcd the right to write implies the one to read.
                let lists: &[&[T]] = if kind == "read" { &[read, write] } else { &[write] };
                let listed =
                    lists.iter().any(|list| list.iter().any(|pattern| matches(pattern.as_ref(), group)));
                let Some(scopes) = scopes.and_then(Value::as_object).filter(|_| listed) else { continue };
                grants.add("access-group", group, kind);
                for (scope, objects) in scopes {
                    grants.add_scope(scope, kind, objects);
                }
            }
        }
        grants
    }
}

impl Grants {
    /// Whether a function of an object may be used.
    pub(super) fn allow(&self, scope: &str, object: &str, function: &str) -> bool {
        let granted = self.0.get(scope).map(Vec::as_slice).unwrap_or_default();
        granted.iter().any(|(objects, functions)| matches(objects, object) && matches(functions, function))
    }

    /// Whether a page that depends on these groups may be seen, and whether it may be written; the rule of LuCI's
    /// dispatcher: every group must be readable, one that is writable makes the page so.
    pub(super) fn page(&self, groups: &[&str]) -> Option<bool> {
        let right = |group: &str, kind| self.allow("access-group", group, kind);
        let readable = groups.iter().all(|group| right(group, "read") || right(group, "write"));
        readable.then(|| groups.iter().any(|group| right(group, "write")))
    }

    /// An objects table is `{object: [function]}` or, for UCI, a list of packages.
    fn add_scope(&mut self, scope: &str, kind: &str, objects: &Value) {
        match objects {
            Value::Object(objects) => {
                for (object, functions) in objects {
                    for function in functions.as_array().into_iter().flatten().filter_map(Value::as_str) {
                        self.add(scope, object, function);
                    }
                }
            }
            Value::Array(objects) => {
                objects.iter().filter_map(Value::as_str).for_each(|object| self.add(scope, object, kind));
            }
            _ => {}
        }
    }

    fn add(&mut self, scope: &str, object: &str, function: &str) {
        self.0.entry(scope.to_owned()).or_default().push((object.to_owned(), function.to_owned()));
    }
}

/// The rules of LuCI itself, as far as the stand-in has objects for them.
fn of_luci() -> Value {
    json!({
        "unauthenticated": {"read": {"ubus": {"session": ["access", "login"]}}},
        "luci-base": {
            "read": {"ubus": {"uci": ["changes", "get"]}, "uci": ["system", "luci"]},
            "write": {
                "ubus": {"uci": ["add", "apply", "confirm", "delete", "order", "rename", "set"]}
            }
        }
    })
}

/// Whether a name fits a pattern in which `*` stands for anything (rpcd's `fnmatch`, as far as access rules use it).
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, middle)) = parts.split_last() else { return rest.is_empty() };
    for part in middle {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod test {
    use super::*;

    fn granted(name: &str) -> Grants {
        let acl = Acl::load().expect("the package has access rules");
        acl.grants(LOGINS.iter().find(|login| login.name == name).expect("there is this login"))
    }

    #[test]
    fn patterns_match_as_in_rpcd() {
        for (pattern, name, fits) in [
            ("*", "x", true),
            ("a*", "abc", true),
            ("a*c", "abc", true),
            ("a*c", "ab", false),
            ("ab", "abc", false),
            ("*-sell", "luci-app-tequio-sell", true),
            ("a*b*c", "a-b-c", true),
        ] {
            assert_eq!(matches(pattern, name), fits, "{pattern} {name}");
        }
    }

    #[test]
    fn everybody_looks_some_sell_one_sets() {
        let may = |who: &str, method: &str| granted(who).allow("ubus", "tequio", method);
        for who in ["admin", "ana", "mira"] {
            for method in [
                "status",
                "neighbours",
                "routes",
                "why",
                "sources",
                "requests",
                "statistics",
                "links",
                "link_history",
                "link_align",
                "plan_link",
                "plans",
                "sessions",
            ] {
                assert!(may(who, method), "{who} {method}");
            }
            assert!(granted(who).allow("uci", "tequio", "read"), "{who}");
        }
        for method in ["voucher_issue", "voucher_show", "voucher_revoke", "session_end"] {
            assert_eq!([may("admin", method), may("ana", method), may("mira", method)], [true, true, false]);
        }
        for method in ["link_change", "link_reading", "reload", "record_start", "record_stop"] {
            assert_eq!([may("admin", method), may("ana", method), may("mira", method)], [true, false, false]);
        }
        let sets = |who: &str| granted(who).allow("uci", "tequio", "write");
        assert_eq!([sets("admin"), sets("ana"), sets("mira")], [true, false, false]);
        assert!(!may("admin", "no_such_method"));
        // Of sessions a page learns no more than whether something is allowed.
        let session = |who: &str, method: &str| granted(who).allow("ubus", "session", method);
        for who in ["admin", "ana", "mira"] {
            assert_eq!(
                ["access", "get", "destroy"].map(|method| session(who, method)),
                [true, false, false],
                "{who}"
            );
        }
    }

    #[test]
    fn a_page_is_seen_and_written_by_its_groups() {
        let sell = ["luci-app-tequio", "luci-app-tequio-sell"];
        assert_eq!(granted("ana").page(&sell), Some(true));
        assert_eq!(granted("mira").page(&sell), Some(false));
        assert_eq!(granted("mira").page(&["luci-app-other"]), None);
    }
}
