//! What a guest's browser asks of the portal, and what it gets: values, before and after HTTP.

use serde::{Deserialize, Serialize};

use crate::base::voucher::{Keepsake, Verifier};

/// One HTTP request, already bounded and parsed by the adapter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortalRequest {
    /// What is asked for.
    pub method: Method,
    /// The `Host` header without port; empty if there was none.
    pub host: String,
    /// The path of the URL, starting with `/`.
    pub path: String,
    /// What stands behind `?`, still encoded.
    pub query: String,
    /// The body of a POST, `application/x-www-form-urlencoded`.
    pub body: Vec<u8>,
    /// The `Accept-Language` header; empty if there was none.
    pub accept_language: String,
    /// The `Cookie` header; empty if there was none.
    pub cookie: String,
    /// The `Origin` header; empty if there was none.
    pub origin: String,
    /// The voucher and the keepsake that the browser shows, as a cookie of ours.
    pub returns: Option<(Verifier, Keepsake)>,
    /// The keepsake that it will have if it is let in now.
    pub fresh: Option<Keepsake>,
    /// Whether it does not come from a page that this node gave to this very device.
    pub foreign: bool,
}

impl PortalRequest {
    /// What the browser keeps under a name.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.cookies().find_map(|(own, value)| (own == name).then_some(value))
    }

    /// Takes a cookie out of what is handed on.
    pub fn forget_cookie(&mut self, name: &str) {
        let others = self.cookies().filter(|(own, _)| *own != name);
        let others: Vec<String> = others.map(|(own, value)| format!("{own}={value}")).collect();
        self.cookie = others.join("; ");
    }

    fn cookies(&self) -> impl Iterator<Item = (&str, &str)> {
        self.cookie.split(';').filter_map(|pair| pair.trim().split_once('='))
    }
}

/// The methods that the portal knows; every other one is answered with 405 by the adapter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Method {
    /// GET, and HEAD (the adapter drops the body).
    #[default]
    Get,
    /// POST of a form.
    Post,
}

/// One HTTP response, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendered {
    /// The status code.
    pub status: u16,
    /// Headers beside `Content-Length` and `Connection: close`, which the adapter adds.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Rendered {
    /// The browser shall keep this for so long, 0 is no longer; for itself, and show it to no page elsewhere.
    pub fn set_cookie(&mut self, name: &str, value: &str, age_s: u32) {
        let cookie = format!("{name}={value}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Lax");
        self.headers.push(("Set-Cookie".to_owned(), cookie));
    }
}
