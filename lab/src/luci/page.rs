//! The pages around the views: where one logs in, and the frame with the menu.
//!
//! The menu is the package's own `menu.d` file; who sees what of it follows from the access groups, by the rule of LuCI's
//! dispatcher.

use std::collections::BTreeMap;

use hyper::Uri;
use serde_json::{Map, Value, json};
use tequio::cli::escaped;

use super::acl::{Grants, LOGINS};
use super::po;
use super::server::{Host, LANGUAGE_COOKIE, SESSION_COOKIE, query};

/// What a browser says with every request.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    /// The session's number; empty without one.
    pub(super) session: String,
    /// The language of pages.
    pub(super) language: &'static str,
    /// A language that was just chosen.
    pub(super) wish: Option<&'static str>,
    /// The node that was chosen.
    pub(super) node: Option<String>,
}

/// What there is at a path.
#[derive(Clone, Debug)]
pub(super) enum Shown {
    /// A page.
    Page(String),
    /// Another path.
    Elsewhere(String),
    /// Nothing, or nothing for this login.
    Nothing,
}

impl Visit {
    /// From the `Cookie` and `Accept-Language` headers, and from `?node=` and `?lang=`.
    pub(super) fn new(cookies: &str, languages: &str, uri: &Uri) -> Self {
        let cookie = |name: &str| {
            let mut pairs = cookies.split(';').filter_map(|pair| pair.trim().split_once('='));
            pairs.find(|(known, _)| *known == name).map(|(_, value)| value)
        };
        let asked = form(uri.query().unwrap_or_default().as_bytes());
        let wish = asked.get("lang").and_then(|wish| language(wish));
        let preferred = languages.split(',').find_map(language);
        Self {
            session: cookie(SESSION_COOKIE).unwrap_or_default().to_owned(),
            language: wish.or(cookie(LANGUAGE_COOKIE).and_then(language)).or(preferred).unwrap_or("es"),
            wish,
            node: asked.get("node").cloned(),
        }
    }

    /// The query that keeps the chosen node.
    pub(super) fn query(&self) -> String {
        self.node.as_deref().map(|node| query("node", node)).unwrap_or_default()
    }
}

/// One of the languages that there are, at the start of a text like `es-MX;q=0.9`.
fn language(text: &str) -> Option<&'static str> {
    LANGUAGES.iter().find(|language| text.trim().starts_with(**language)).copied()
}

/// The fields of a form.
pub(super) fn form(body: &[u8]) -> BTreeMap<String, String> {
    let text = String::from_utf8_lossy(body);
    let pairs = text.split('&').take(MOST_FIELDS).filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

fn decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next().unwrap_or(b'x'), rest.next().unwrap_or(b'x')];
                let digits = String::from_utf8_lossy(&digits).into_owned();
                u8::from_str_radix(&digits, 16).unwrap_or(b'?')
            }
            byte => byte,
        });
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The page where one logs in.
pub(super) fn log_in(host: &Host, visit: &Visit, failed: bool) -> String {
    let words = words(visit.language);
    let logins: String = LOGINS
        .iter()
        .map(|login| {
            format!(
                "<li><code>{0}</code> / <code>{1}</code> &ndash; {2}</li>",
                login.name,
                login.password,
                escaped(&words(login.who))
            )
        })
        .collect();
    let node = visit.node.as_deref().unwrap_or(&host.usual);
    fill(
        "login.html",
        &[
            ("language", visit.language),
            ("node", &escaped(node)),
            ("title", &words("Log in")),
            ("wrong", if failed { "" } else { "hidden" }),
            ("wrong_words", &words("Wrong name or password.")),
            ("name", &words("Name")),
            ("password", &words("Password")),
            ("send", &words("Log in")),
            ("note", &words("This is the village on your own machine. Its logins:")),
            ("logins", &logins),
            ("languages", &languages(visit)),
        ],
    )
}

/// The page of a path.
pub(super) fn view(host: &Host, visit: &Visit, path: &str, username: &str, grants: &Grants) -> Shown {
    let node = visit.node.clone().unwrap_or_else(|| host.usual.clone());
    if !host.nodes.contains_key(&node) {
        return Shown::Nothing;
    }
    let Some(menu) = menu() else { return Shown::Nothing };
    let seen: Vec<(&String, &Value, bool)> = menu
        .iter()
        .filter_map(|(path, entry)| Some((path, entry, grants.page(&groups(entry))?)))
        .filter(|(_, entry, _)| entry["action"]["type"] == "view")
        .collect();
    let Some(asked) = path.strip_prefix(PREFIX) else {
        let first = seen.first().map(|(path, _, _)| format!("{PREFIX}{path}{}", visit.query()));
        return first.map_or(Shown::Nothing, Shown::Elsewhere);
    };
    let Some((_, entry, writable)) = seen.iter().find(|(path, _, _)| *path == asked) else {
        let below = seen.iter().find(|(path, _, _)| path.starts_with(&format!("{asked}/")));
        return below.map_or(Shown::Nothing, |(path, _, _)| {
            Shown::Elsewhere(format!("{PREFIX}{path}{}", visit.query()))
        });
    };
    let words = words(visit.language);
    let title = |entry: &Value| words(entry["title"].as_str().unwrap_or_default());
    let links: String = seen
        .iter()
        .map(|(path, entry, _)| {
            let here = if *path == asked { " class=\"active\" aria-current=\"page\"" } else { "" };
            let to = format!("{PREFIX}{path}{}", visit.query());
            format!("<li{here}><a href=\"{}\">{}</a></li>", escaped(&to), escaped(&title(entry)))
        })
        .collect();
    let env = json!({
        "sessionid": visit.session,
        "requestpath": asked.split('/').collect::<Vec<_>>(),
        "nodespec": {"satisfied": true, "readonly": !writable, "title": entry["title"], "action": entry["action"]},
        "pollinterval": 5,
        "ubuspath": format!("/ubus{}", query("node", &node)),
        "resource": "/luci-static/resources",
        "scriptname": "/cgi-bin/luci",
        "search": visit.query(),
        "lang": visit.language,
        "apply_rollback": 90,
    });
    Shown::Page(fill(
        "page.html",
        &[
            ("language", visit.language),
            ("node", &escaped(&node)),
            ("title", &escaped(&title(entry))),
            ("links", &links),
            ("nodes", &choices(host, &node)),
            ("username", &escaped(username)),
            ("log_out", &words("Log out")),
            ("languages", &languages(visit)),
            ("env", &escaped(&env.to_string())),
        ],
    ))
}

/// The nodes that can be looked at, `node` being the one on show.
fn choices(host: &Host, node: &str) -> String {
    let names = host.nodes.keys().map(|name| {
        let chosen = if *name == node { " selected" } else { "" };
        format!("<option{chosen}>{}</option>", escaped(name))
    });
    names.collect()
}

/// The way to the other language.
fn languages(visit: &Visit) -> String {
    let node =
        visit.node.as_deref().map(|node| format!("&{}", &query("node", node)[1..])).unwrap_or_default();
    LANGUAGES
        .iter()
        .filter(|language| **language != visit.language)
        .map(|language| format!("<a href=\"?lang={language}{}\">{language}</a>", escaped(&node)))
        .collect()
}

/// The menu of the package, in its order.
fn menu() -> Option<Vec<(String, Value)>> {
    let file = super::package().join("root/usr/share/luci/menu.d/luci-app-tequio.json");
    let menu: Map<String, Value> = serde_json::from_str(&std::fs::read_to_string(file).ok()?).ok()?;
    let mut entries: Vec<(String, Value)> = menu.into_iter().collect();
    entries.sort_by_key(|(_, entry)| entry["order"].as_u64().unwrap_or(u64::MAX));
    Some(entries)
}

fn groups(entry: &Value) -> Vec<&str> {
    entry["depends"]["acl"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// The translations of the package, and those of the words that LuCI and the stand-in say themselves.
pub(super) fn translations(language: &str) -> Map<String, Value> {
    let files = [
        super::www().join(format!("po/{language}.po")),
        super::package().join(format!("po/{language}/tequio.po")),
    ];
    let texts = files.iter().filter_map(|file| std::fs::read_to_string(file).ok());
    texts.flat_map(|text| po::parse(&text)).collect()
}

fn words(language: &str) -> impl Fn(&str) -> String {
    let translations = translations(language);
    move |text: &str| translations.get(text).and_then(Value::as_str).unwrap_or(text).to_owned()
}

/// A file of the client side with its places filled in.
fn fill(name: &str, values: &[(&str, &str)]) -> String {
    let file = super::www().join(name);
    let mut rest = match std::fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) => return format!("{}: {error}", file.display()),
    };
    let mut page = String::new();
    while let Some(at) = rest.find("{{") {
        page.push_str(&rest[..at]);
        let Some(end) = rest[at..].find("}}") else { break };
        let name = &rest[at + 2..at + end];
        page.push_str(values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value));
        rest = rest[at + end + 2..].to_owned();
    }
    page + &rest
}

/// Where LuCI's pages are.
const PREFIX: &str = "/cgi-bin/luci/";

const LANGUAGES: &[&str] = &["es", "en"];

/// Fields of a form that are read.
const MOST_FIELDS: usize = 20;

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn forms_and_cookies_are_read() {
        let read = form(b"luci_username=ana&luci_password=a%26b+c%");
        assert_eq!(read["luci_username"], "ana");
        assert_eq!(read["luci_password"], "a&b c?");
        let uri: Uri = "/x?node=loma&lang=en".parse().expect("a good path");
        let visit = Visit::new("lang=es; sysauth_http=12", "fr,en;q=0.5", &uri);
        assert_eq!((visit.session.as_str(), visit.language, visit.wish), ("12", "en", Some("en")));
        assert_eq!(visit.query(), "?node=loma");
        let uri: Uri = "/x".parse().expect("a good path");
        assert_eq!(Visit::new("", "fr,en;q=0.5", &uri).language, "en");
        assert_eq!(Visit::new("", "", &uri).language, "es");
    }

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escaped("<a b='c'>&\""), "&lt;a b=&#39;c&#39;&gt;&amp;&quot;");
    }

    #[test]
    fn every_page_of_the_menu_has_its_view() {
        let menu = menu().expect("the package has a menu");
        let views: Vec<&str> =
            menu.iter().filter_map(|(_, entry)| entry["action"]["path"].as_str()).collect();
        assert!(views.len() >= 6, "{views:?}");
        for view in views.iter().filter(|view| view.contains('/') && !view.starts_with("admin/")) {
            let file = super::super::package().join(format!("htdocs/luci-static/resources/view/{view}.js"));
            assert!(file.exists(), "{}", file.display());
        }
    }
}
