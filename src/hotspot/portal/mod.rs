//! The portal: from a browser's request to what it asks for, and from a page to bytes.
//!
//! `asked` sorts a request without looking at any session; the engine decides which [`Page`] answers
//! it; [`Page::render`] turns that into HTML in the [`Words`] of one [`Language`]. There are no lists of the addresses
//! that phones probe: whatever a guest without a voucher asks for in plain HTTP is redirected here.

mod form;
mod page;
#[cfg(test)]
pub(crate) mod shipped;
mod words;

pub(super) use page::cut;
pub use page::{DeviceView, Left, Notice, Page, Place, SessionView};
pub use words::{Catalogue, Damage, Language, Words};

use std::fmt;

use serde::{Deserialize, Serialize};

use super::request::{Method, PortalRequest};
use super::settings::Settings;
use crate::base::limit::PORTAL_CODE_BYTES;

/// What a guest typed as a code. Most often it is one, or one letter off: it stays out of logs.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Typed(pub String);

impl Typed {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Typed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Typed(..)")
    }
}

/// What a request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// Something of another host.
    Elsewhere,
    /// The start page.
    Start,
    /// The form, with this in it (a QR code was read, or another code shall be typed).
    Form {
        /// What stands in the input; may be empty.
        typed: Typed,
    },
    /// To be let in.
    LogIn {
        /// What was typed.
        typed: Typed,
    },
    /// How much is left.
    Status,
    /// The community's logo.
    Logo,
    /// To be let in as before.
    Return,
    /// To be let out.
    LogOut,
    /// To tell that there is no internet here.
    Report,
    /// What programs of the phone want to know (RFC 8908).
    Captive,
    /// Nothing that there is.
    Unknown,
}

/// What `request` asks for.
pub(crate) fn asked(settings: &Settings, request: &PortalRequest) -> Asked {
    if !settings.is_portal(&request.host) {
        return Asked::Elsewhere;
    }
    match (request.method, request.path.as_str()) {
        (Method::Get, "/") | (Method::Get, "") => with_code(&request.query).unwrap_or(Asked::Start),
        (Method::Get, "/login") => with_code(&request.query).unwrap_or(Asked::Start),
        (Method::Post, "/login") => Asked::LogIn { typed: typed(&request.body).unwrap_or_default() },
        (Method::Get, "/status") => Asked::Status,
        (Method::Get, "/logo.png") => Asked::Logo,
        (Method::Get, "/api/captive") => Asked::Captive,
        (Method::Post, "/return") => Asked::Return,
        (Method::Post, "/logout") => Asked::LogOut,
        (Method::Post, "/report") => Asked::Report,
        _ => Asked::Unknown,
    }
}

/// The language of the answer: what was chosen on a page, now or on an earlier visit; what the browser likes best of those that
/// are there; the node's, the community's, Spanish.
pub(crate) fn language(settings: &Settings, request: &PortalRequest) -> Language {
    let is_there = |language: &Language| *language == Language::ES || settings.languages.contains(language);
    let carried = || {
        let value = |form: &[u8]| form::value(form, CARRIED).and_then(|code| Language::of_code(&code));
        value(request.query.as_bytes()).or_else(|| value(&request.body))
    };
    let remembered = || request.cookie("lang").and_then(Language::of_code);
    let own = || settings.language.iter().chain(&settings.community.languages).copied().find(is_there);
    let there = |language: Option<Language>| language.filter(is_there);
    there(chosen(request))
        .or_else(|| there(carried()))
        .or_else(|| there(remembered()))
        .or_else(|| words::liked(&request.accept_language, &settings.languages))
        .or_else(own)
        .unwrap_or(Language::ES)
}

/// The language that was chosen with this very request: worth remembering.
pub fn chosen(request: &PortalRequest) -> Option<Language> {
    form::value(request.query.as_bytes(), "lang").and_then(|code| Language::of_code(&code))
}

/// A request that gets the same answer and says nothing of the guest but what was typed as a code, under
/// the name that `rename` gives it: for recordings. Which pages somebody wanted to see stands in none.
pub(crate) fn anonymous(
    settings: &Settings,
    request: &PortalRequest,
    rename: impl FnOnce(&Typed) -> Typed,
) -> PortalRequest {
    let (path, query, body) = match asked(settings, request) {
        Asked::Elsewhere => ("/", String::new(), String::new()),
        Asked::Start => ("/", String::new(), String::new()),
        Asked::Status => ("/status", String::new(), String::new()),
        Asked::Logo => ("/logo.png", String::new(), String::new()),
        Asked::Captive => ("/api/captive", String::new(), String::new()),
        Asked::Return => ("/return", String::new(), String::new()),
        Asked::LogOut => ("/logout", String::new(), String::new()),
        Asked::Report => ("/report", String::new(), String::new()),
        Asked::Unknown => ("/unknown", String::new(), String::new()),
        Asked::Form { typed } => ("/", form::of("code", rename(&typed).as_str()), String::new()),
        Asked::LogIn { typed } => ("/login", String::new(), form::of("code", rename(&typed).as_str())),
    };
    // No host name has only a dash.
    let host = if settings.is_portal(&request.host) { request.host.as_str() } else { "-" };
    PortalRequest {
        method: request.method,
        host: host.to_owned(),
        path: path.to_owned(),
        query,
        body: body.into_bytes(),
        accept_language: language(settings, request).code().to_owned(),
        cookie: String::new(),
        origin: String::new(),
        returns: request.returns,
        fresh: request.fresh,
        foreign: request.foreign,
    }
}

/// Under this name forms and links carry the language of their page, for browsers that keep no cookies.
const CARRIED: &str = "l";

/// The token that a form of ours carries; and what `device`, a browser at `http.host`, must send with it. A page elsewhere can
/// make a phone send a form, and can neither read ours nor hide where it is.
pub fn is_foreign(http: &PortalRequest, token: &str) -> bool {
    let fits = form::value(&http.body, TOKEN).is_some_and(|sent| sent == token);
    http.method == Method::Post && !(fits && is_own_origin(http))
}

/// Old browsers name no origin, and some of those in captive windows hide it.
fn is_own_origin(http: &PortalRequest) -> bool {
    let Some(host) = http.origin.strip_prefix("http://") else {
        return http.origin.is_empty() || http.origin == "null";
    };
    let name = host.split_once(':').map_or(host, |(name, _)| name);
    name.eq_ignore_ascii_case(&http.host)
}

/// Under this name forms carry their token.
const TOKEN: &str = "t";

fn with_code(query: &str) -> Option<Asked> {
    typed(query.as_bytes()).map(|typed| Asked::Form { typed })
}

/// What was typed as a code, cut to a length that is more than any code has, without control characters.
fn typed(form: &[u8]) -> Option<Typed> {
    let value = form::value(form, "code")?;
    let mut text = String::new();
    for symbol in value.trim().chars().filter(|symbol| !symbol.is_control()) {
        if text.len() + symbol.len_utf8() > PORTAL_CODE_BYTES {
            break;
        }
        text.push(symbol);
    }
    Some(Typed(text))
}

#[cfg(test)]
mod tests;
