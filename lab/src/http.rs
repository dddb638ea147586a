//! HTTP/1.1 as a phone's browser needs it: URLs, one request, one response, cookies. Messages only; the bytes are
//! carried by [`crate::phone`].

use std::collections::BTreeMap;

use crate::failure::{Failure, Outcome};

/// A URL of the kind `http://host[:port]/path?query`. There is no other kind in the village.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// Name or address, an IPv6 address without its brackets.
    pub host: String,
    /// The port; 80 if none is written.
    pub port: u16,
    /// Path and query, beginning with `/`.
    pub path: String,
}

impl Url {
    /// Reads a URL.
    pub fn parse(text: &str) -> Outcome<Self> {
        let wrong = || Failure::new("a URL like `http://host/path`", format!("`{text}`"));
        let rest = text.strip_prefix("http://").ok_or_else(wrong)?;
        let (authority, path) = match rest.find(['/', '?']) {
            Some(at) if rest[at..].starts_with('?') => (&rest[..at], format!("/{}", &rest[at..])),
            Some(at) => (&rest[..at], rest[at..].to_string()),
            None => (rest, "/".to_string()),
        };
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, tail) = rest.split_once(']').ok_or_else(wrong)?;
                (host, tail.strip_prefix(':'))
            }
            None => authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port))),
        };
        let port = port.map_or(Ok(80), str::parse).map_err(|_| wrong())?;
        let path = path.split('#').next().unwrap_or("/").to_string();
        if host.is_empty() {
            return Err(wrong());
        }
        Ok(Self { host: host.to_string(), port, path })
    }

    /// What `link`, found on the page of this URL, points to.
    pub fn join(&self, link: &str) -> Outcome<Self> {
        if link.starts_with("http://") {
            return Self::parse(link);
        }
        if link.starts_with("https://") {
            return Err(Failure::new(
                "a link that a phone without certificates can follow",
                link.to_string(),
            ));
        }
        let path = if link.is_empty() {
            self.path.clone()
        } else if link.starts_with('/') {
            link.to_string()
        } else {
            let folder = self.path.split('?').next().unwrap_or("/");
            let folder = &folder[..=folder.rfind('/').unwrap_or(0)];
            format!("{folder}{link}")
        };
        Ok(Self { path, ..self.clone() })
    }

    /// Host and port as the `Host` header wants them.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        if self.port == 80 { host } else { format!("{host}:{}", self.port) }
    }
}

impl std::fmt::Display for Url {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "http://{}{}", self.authority(), self.path)
    }
}

/// The bytes of a request: GET, or POST of a form.
pub fn request(url: &Url, form: Option<&str>, cookies: &str) -> Vec<u8> {
    let method = if form.is_some() { "POST" } else { "GET" };
    let mut text = format!(
        "{method} {} HTTP/1.1\r\nHost: {}\r\nUser-Agent: {USER_AGENT}\r\nAccept: text/html,*/*\r\n\
         Accept-Language: es-MX,es;q=0.9\r\nConnection: close\r\n",
        url.path,
        url.authority()
    );
    if !cookies.is_empty() {
        text.push_str(&format!("Cookie: {cookies}\r\n"));
    }
    if let Some(form) = form {
        let length = form.len();
        text.push_str(&format!(
            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n"
        ));
    }
    text.push_str("\r\n");
    text.push_str(form.unwrap_or(""));
    text.into_bytes()
}

/// A response, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Its status code.
    pub status: u16,
    /// Its headers, names in small letters, in their order.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Response {
    /// Reads a response from what has arrived; `ended` says that nothing more will come. None: not all is here yet.
    pub fn parse(bytes: &[u8], ended: bool) -> Outcome<Option<Self>> {
        let wrong = |what: &str| Failure::new("an HTTP response", what.to_string());
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            return if ended {
                Err(wrong(&format!("the connection ended after {} octets", bytes.len())))
            } else {
                Ok(None)
            };
        };
        let head = String::from_utf8_lossy(&bytes[..end]);
        let mut lines = head.split("\r\n");
        let status =
            lines.next().and_then(|line| line.strip_prefix("HTTP/1.")).and_then(|line| line.get(2..5));
        let status = status.and_then(|code| code.parse().ok()).ok_or_else(|| wrong("no status line"))?;
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_string()))
            .collect();
        let mut response = Self { status, headers, body: bytes[end + 4..].to_vec() };
        let length = response.header("content-length").and_then(|value| value.parse::<usize>().ok());
        match length {
            _ if matches!(status, 204 | 304) => response.body.clear(),
            Some(length) if response.body.len() >= length => response.body.truncate(length),
            Some(_) if ended => return Err(wrong("a body that is shorter than it says")),
            None if ended => {}
            _ => return Ok(None),
        }
        Ok(Some(response))
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Where a redirect leads, if this is one.
    pub fn redirect(&self) -> Option<&str> {
        if matches!(self.status, 301 | 302 | 303 | 307 | 308) { self.header("location") } else { None }
    }
}

/// The cookies of a browser: per host, name and value. Expiry and path are of no use in a story of minutes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cookies(BTreeMap<(String, String), String>);

impl Cookies {
    /// Remembers what a response of `host` has set.
    pub fn remember(&mut self, host: &str, response: &Response) {
        for (_, value) in response.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let pair = value.split(';').next().unwrap_or("");
            if let Some((name, value)) = pair.split_once('=')
                && self.0.len() < COOKIE_LIMIT
            {
                self.0.insert((host.to_string(), name.trim().to_string()), value.trim().to_string());
            }
        }
    }

    /// The `Cookie` header for a request to `host`; empty if there is none.
    pub fn header(&self, host: &str) -> String {
        let own = self.0.iter().filter(|((owner, _), _)| owner == host);
        own.map(|((_, name), value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }
}

/// Text as a form sends it.
pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                char::from(byte).to_string()
            }
            b' ' => "+".to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// The phones are of the kind that most people of the village have.
const USER_AGENT: &str = "Mozilla/5.0 (Linux; Android 11; tequio-lab) Mobile";

/// A browser of ours remembers no more.
const COOKIE_LIMIT: usize = 64;

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn urls_are_read_and_written() {
        for text in
            ["http://outside.example/", "http://10.77.4.1:2080/entrar?a=b", "http://[2001:db8::80]:8080/x"]
        {
            assert_eq!(Url::parse(text).expect("a good URL").to_string(), text);
        }
        assert_eq!(Url::parse("http://a?b=c").expect("a good URL").path, "/?b=c");
        assert!(Url::parse("https://outside.example/").is_err());
        assert!(Url::parse("http://").is_err());
        assert!(Url::parse("http://a:port/").is_err());
    }

    #[test]
    fn links_are_joined() {
        let page = Url::parse("http://10.77.4.1:2080/a/b?c=d").expect("a good URL");
        let joined = |link| page.join(link).expect("a good link").to_string();
        assert_eq!(joined("/x"), "http://10.77.4.1:2080/x");
        assert_eq!(joined("x"), "http://10.77.4.1:2080/a/x");
        assert_eq!(joined("http://other/"), "http://other/");
        assert_eq!(joined(""), "http://10.77.4.1:2080/a/b?c=d");
    }

    #[test]
    fn a_response_is_whole_or_not_yet() {
        let bytes = b"HTTP/1.1 302 Found\r\nLocation: http://p/\r\nContent-Length: 3\r\n\r\nabc";
        for cut in 0..bytes.len() {
            assert_eq!(Response::parse(&bytes[..cut], false).expect("no error yet"), None);
            assert!(Response::parse(&bytes[..cut], true).is_err());
        }
        let response = Response::parse(bytes, false).expect("no error").expect("all is here");
        assert_eq!((response.status, response.redirect()), (302, Some("http://p/")));
        assert_eq!(response.body, b"abc");
        let until_end = b"HTTP/1.0 200 OK\r\n\r\nabc";
        assert_eq!(Response::parse(until_end, false).expect("no error"), None);
        assert!(Response::parse(until_end, true).expect("no error").is_some());
        assert!(Response::parse(b"SSH-2.0\r\n\r\n", true).is_err());
    }

    #[test]
    fn cookies_stay_with_their_host() {
        let response = Response {
            status: 200,
            headers: vec![("set-cookie".into(), "d=1; Path=/".into()), ("set-cookie".into(), "e=2".into())],
            body: Vec::new(),
        };
        let mut cookies = Cookies::default();
        cookies.remember("a", &response);
        assert_eq!(cookies.header("a"), "d=1; e=2");
        assert_eq!(cookies.header("b"), "");
    }

    #[test]
    fn forms_are_encoded() {
        assert_eq!(encode("AB-12 ñ&="), "AB-12+%C3%B1%26%3D");
    }
}
