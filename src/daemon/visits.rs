//! What of a browser's visit is between it and this program alone, and no business of the node: the language that it remembers, and
//! the token of forms. What decides is handed on as yes or no, so that a recording holds neither.

use blake2::Blake2sMac;
use blake2::digest::consts::U8;
use blake2::digest::{KeyInit, Mac};

use crate::base::address::MacAddress;
use crate::base::limit::NODE_REQUESTS;
use crate::base::sorted::SortedMap;
use crate::base::voucher::RequestId;
use crate::hotspot::portal::{self, Language};
use crate::hotspot::request::{PortalRequest, Rendered};

/// Requests that wait for their answers.
#[derive(Debug)]
pub(super) struct Visits {
    /// Known for one run: a form of before is asked for again.
    key: [u8; 32],
    waiting: SortedMap<RequestId, Visit>,
}

/// One request.
#[derive(Debug, Default)]
pub(super) struct Visit {
    /// What forms for this device carry.
    pub(super) token: String,
    /// The language that was chosen with it.
    chosen: Option<Language>,
}

impl Visits {
    /// Draws the key.
    pub(super) fn new() -> Result<Self, String> {
        let mut key = [0; 32];
        getrandom::fill(&mut key).map_err(|error| format!("the kernel gives no random numbers: {error}"))?;
        Ok(Self { key, waiting: SortedMap::new() })
    }

    /// A request goes to the node.
    pub(super) fn begin(&mut self, request: RequestId, guest: Option<MacAddress>, http: &mut PortalRequest) {
        let token = guest.map(|mac| self.token(mac)).unwrap_or_default();
        http.foreign = portal::is_foreign(http, &token);
        // The node answers or gives up each; the oldest is the first to be forgotten all the same.
        if self.waiting.len() >= NODE_REQUESTS {
            self.waiting.pop_first();
        }
        self.waiting.insert(request, Visit { token, chosen: portal::chosen(http) });
    }

    /// It was answered, or given up.
    pub(super) fn end(&mut self, request: RequestId) -> Visit {
        self.waiting.remove(&request).unwrap_or_default()
    }

    fn token(&self, mac: MacAddress) -> String {
        let mut tag = <Blake2sMac<U8> as KeyInit>::new_from_slice(&self.key)
            .expect("BLAKE2s takes keys of up to 32 bytes");
        tag.update(&mac.0);
        u64::from_be_bytes(tag.finalize().into_bytes().into()).to_string()
    }
}

impl Visit {
    /// What the answer says beside its page.
    pub(super) fn answer(&self, rendered: &mut Rendered) {
        if let Some(language) = self.chosen {
            let cookie =
                format!("lang={}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax", language.code());
            rendered.headers.push(("Set-Cookie".to_owned(), cookie));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hotspot::request::Method;

    #[test]
    fn a_form_is_of_this_device_and_this_run_and_of_no_other_page() {
        let (one, other) = (MacAddress([2, 0, 0, 0, 0, 1]), MacAddress([2, 0, 0, 0, 0, 2]));
        let mut visits = Visits::new().unwrap();
        let is_foreign = |visits: &mut Visits, mac, token: &str, origin: &str| {
            let mut http = PortalRequest {
                method: Method::Post,
                host: "192.0.2.1".to_owned(),
                body: format!("l=es&t={token}").into_bytes(),
                origin: origin.to_owned(),
                ..PortalRequest::default()
            };
            visits.begin(RequestId(1), mac, &mut http);
            http.foreign
        };
        let token = visits.token(one);
        for origin in ["", "null", "http://192.0.2.1", "http://192.0.2.1:80"] {
            assert!(!is_foreign(&mut visits, Some(one), &token, origin), "{origin}");
        }
        for origin in ["http://evil.example", "https://192.0.2.1", "http://192.0.2.1.evil.example", "x"] {
            assert!(is_foreign(&mut visits, Some(one), &token, origin), "{origin}");
        }
        assert!(is_foreign(&mut visits, Some(other), &token, ""), "of another device");
        assert!(is_foreign(&mut visits, Some(one), "", ""));
        let mut next = Visits::new().unwrap();
        assert!(is_foreign(&mut next, Some(one), &token, ""), "of another run");
        for request in 0..=NODE_REQUESTS as u64 {
            visits.begin(RequestId(request), Some(one), &mut PortalRequest::default());
        }
        assert_eq!(visits.waiting.len(), NODE_REQUESTS);
        assert_eq!(visits.end(RequestId(1)).token, token);
    }

    #[test]
    fn a_chosen_language_is_remembered() {
        let mut visits = Visits::new().unwrap();
        let mut http = PortalRequest { query: "lang=pt".to_owned(), ..PortalRequest::default() };
        visits.begin(RequestId(1), None, &mut http);
        let mut rendered = Rendered { status: 200, headers: Vec::new(), body: Vec::new() };
        visits.end(RequestId(1)).answer(&mut rendered);
        assert!(rendered.headers[0].1.starts_with("lang=pt; "), "{rendered:?}");
        assert!(rendered.headers[0].1.ends_with("HttpOnly; SameSite=Lax"), "{rendered:?}");
    }
}
