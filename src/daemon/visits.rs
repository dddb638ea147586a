//! What of a browser's visit is between it and this program alone, and no business of the node: the language that it remembers, and
//! the token of forms. What decides is handed on as yes or no, so that a recording holds neither.

use blake2::Blake2sMac;
use blake2::digest::consts::{U8, U16};
use blake2::digest::{KeyInit, Mac};

use crate::base::address::MacAddress;
use crate::base::limit::NODE_REQUESTS;
use crate::base::sorted::SortedMap;
use crate::base::voucher::{Keepsake, RequestId, Verifier};
use crate::hotspot::portal::{self, Language, Notice, Page};
use crate::hotspot::request::{Method, PortalRequest, Rendered};
use crate::platform::vault::keys::{push_hex, unhex};

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
    /// What the browser keeps if it is let in now.
    secret: Option<[u8; 16]>,
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
        http.returns = http.cookie(SECRET).and_then(shown);
        // A recording holds no secret: the hash goes to the node, and of the cookies what else there is.
        http.forget_cookie(SECRET);
        let mut secret = [0; 16];
        let drawn = http.method == Method::Post && guest.is_some() && getrandom::fill(&mut secret).is_ok();
        let secret = drawn.then_some(secret);
        http.fresh = secret.map(keepsake);
        // The node answers or gives up each; the oldest is the first to be forgotten all the same.
        if self.waiting.len() >= NODE_REQUESTS {
            self.waiting.pop_first();
        }
        self.waiting.insert(request, Visit { token, chosen: portal::chosen(http), secret });
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
    pub(super) fn answer(&self, page: &Page, rendered: &mut Rendered) {
        match (page, self.secret) {
            (Page::Welcome { keep: Some(verifier), .. }, Some(secret)) => {
                let mut value = verifier.to_string();
                secret.iter().for_each(|byte| push_hex(&mut value, *byte));
                rendered.set_cookie(SECRET, &value, YEAR_S);
            }
            (Page::Form { notice: Some(Notice::LeftNow | Notice::Forgotten), .. }, _) => {
                rendered.set_cookie(SECRET, "", 0);
            }
            _ => {}
        }
        if let Some(language) = self.chosen {
            rendered.set_cookie("lang", language.code(), YEAR_S);
        }
    }
}

/// The voucher and the hash of the secret that a browser keeps: 16 and 32 hex digits.
fn shown(value: &str) -> Option<(Verifier, Keepsake)> {
    let (verifier, rest) = value.split_at_checked(16)?;
    let (mut name, mut secret) = ([0; 8], [0; 16]);
    unhex(verifier, &mut name)?;
    unhex(rest, &mut secret)?;
    Some((Verifier(name), keepsake(secret)))
}

fn keepsake(secret: [u8; 16]) -> Keepsake {
    let mut hash = <Blake2sMac<U16> as KeyInit>::new_from_slice(b"tequio keepsake")
        .expect("BLAKE2s takes keys of up to 32 bytes");
    hash.update(&secret);
    Keepsake(hash.finalize().into_bytes().into())
}

/// The cookie's name.
const SECRET: &str = "tequio";
const YEAR_S: u32 = 365 * 86_400;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::Span;
    use crate::hotspot::portal::{Left, Place, SessionView, Typed};

    /// What a browser of `cookie` asks with, and what it is answered.
    fn visit(
        visits: &mut Visits,
        cookie: &str,
        page: &dyn Fn(&PortalRequest) -> Page,
    ) -> (PortalRequest, Option<String>) {
        let (method, cookie) = (Method::Post, cookie.to_owned());
        let mut http = PortalRequest { method, cookie, ..PortalRequest::default() };
        visits.begin(RequestId(1), Some(MacAddress([2; 6])), &mut http);
        let mut rendered = Rendered { status: 200, headers: Vec::new(), body: Vec::new() };
        visits.end(RequestId(1)).answer(&page(&http), &mut rendered);
        let set = rendered.headers.into_iter().find(|(name, _)| name == "Set-Cookie");
        (http, set.map(|(_, value)| value))
    }

    #[test]
    fn a_browser_keeps_a_secret_of_which_the_node_sees_a_hash() {
        let mut visits = Visits::new().unwrap();
        let place = Place::default();
        let session = SessionView {
            plan: String::new(),
            left: Left::OfUse(Span::ZERO),
            bytes_left: None,
            within: None,
            devices: Vec::new(),
            devices_allowed: 1,
            hours: None,
            closed: false,
            slow: false,
            next: Vec::new(),
        };
        let welcome = |keep| Page::Welcome { place: place.clone(), session: session.clone(), keep };
        let form = |notice| Page::Form { place: place.clone(), typed: Typed::default(), notice };
        let (first, set) = visit(&mut visits, "", &|_| welcome(Some(Verifier([7; 8]))));
        let set = set.unwrap();
        assert!(set.ends_with("; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"), "{set}");
        let kept = set.split(';').next().unwrap();
        // It comes back, and the node sees the hash and nothing of the secret.
        let (next, _) = visit(&mut visits, &format!("lang=pt; {kept}; x=1"), &|_| welcome(None));
        assert_eq!(next.returns, first.fresh.map(|fresh| (Verifier([7; 8]), fresh)));
        assert_ne!(next.fresh, first.fresh, "another one each time");
        assert_eq!(next.cookie, "lang=pt; x=1");
        assert!(!format!("{next:?}").contains(&kept["tequio=".len() + 16..]));
        for notice in [Notice::LeftNow, Notice::Forgotten] {
            let (_, set) = visit(&mut visits, kept, &|_| form(Some(notice)));
            assert!(set.unwrap().starts_with("tequio=; Path=/; Max-Age=0"));
        }
        assert_eq!(visit(&mut visits, kept, &|_| form(None)).1, None);
        let cut = &kept[..kept.len() - 1];
        for nonsense in
            ["tequio=", "tequio=zz", cut, &format!("{kept}0"), &kept.replace("tequio=07", "tequio=\u{e9}")]
        {
            assert_eq!(visit(&mut visits, nonsense, &|_| form(None)).0.returns, None, "{nonsense}");
        }
    }

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
        visits.end(RequestId(1)).answer(&Page::Redirect { to: String::new() }, &mut rendered);
        assert!(rendered.headers[0].1.starts_with("lang=pt; "), "{rendered:?}");
        assert!(rendered.headers[0].1.ends_with("HttpOnly; SameSite=Lax"), "{rendered:?}");
    }
}
