//! HTTP/1 as bytes: a request becomes a value, an answer becomes bytes. `httparse` reads the head; what follows a head is
//! decided here, strictly, because everything comes from strangers (RFC 9112).

use httparse::{EMPTY_HEADER, Header};

use crate::base::limit;
use crate::hotspot::request::{Method, PortalRequest, Rendered};

/// A status that refuses a request.
pub(super) type Refusal = u16;

/// The head of a request, whole and sound.
#[derive(Debug)]
pub(super) struct Head {
    /// What it asks; the body is still missing.
    request: PortalRequest,
    /// Octets of the head.
    pub(super) length: usize,
    /// Only the head of the answer is wanted.
    pub(super) is_head: bool,
    /// The peer waits for a word before it sends the body (RFC 9110 section 10.1.1).
    pub(super) expects: bool,
    framing: Framing,
}

/// How a body says where it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    Length(usize),
    Chunked,
}

impl Head {
    /// Reads a head. `None` while it is not whole.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>, Refusal> {
        let mut headers = [EMPTY_HEADER; limit::PORTAL_HEADERS];
        let mut parsed = httparse::Request::new(&mut headers);
        let length = match parsed.parse(bytes) {
            Ok(httparse::Status::Complete(length)) if length <= limit::PORTAL_REQUEST_BYTES => length,
            Ok(httparse::Status::Partial) if bytes.len() <= limit::PORTAL_REQUEST_BYTES => return Ok(None),
            Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(431),
            Err(_) => return Err(400),
        };
        let is_head = parsed.method == Some("HEAD");
        let method = match parsed.method {
            Some("GET" | "HEAD") => Method::Get,
            Some("POST") => Method::Post,
            _ => return Err(405),
        };
        let headers: &[Header<'_>] = parsed.headers;
        let framing = framing(headers, parsed.version)?;
        if method == Method::Post && !is_form(headers) {
            return Err(415);
        }
        let (host, path, query) = target(parsed.path.unwrap_or_default()).ok_or(400_u16)?;
        let request = PortalRequest {
            method,
            // A request to a proxy names the host in its first line, and that one counts (RFC 9112 3.2.2).
            host: without_port(&host.map_or_else(|| text(headers, "host", ", "), str::to_owned)).to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            body: Vec::new(),
            accept_language: text(headers, "accept-language", ", "),
            cookie: text(headers, "cookie", "; "),
            origin: text(headers, "origin", ", "),
            returns: None,
            fresh: None,
            foreign: false,
        };
        let expects =
            parsed.version == Some(1) && text(headers, "expect", ", ").eq_ignore_ascii_case("100-continue");
        Ok(Some(Self { request, length, is_head, expects, framing }))
    }

    /// Reads the body behind the head, and with it the whole request. `None` while it is not whole.
    pub(super) fn finish(&mut self, body: &[u8]) -> Result<Option<PortalRequest>, Refusal> {
        let whole = match (self.request.method, self.framing) {
            // Whatever a GET carries means nothing.
            (Method::Get, _) => Some(Vec::new()),
            (Method::Post, Framing::Length(length)) => body.get(..length).map(<[u8]>::to_vec),
            (Method::Post, Framing::Chunked) => dechunk(body)?,
        };
        Ok(whole.map(|body| PortalRequest { body, ..std::mem::take(&mut self.request) }))
    }
}

/// Reads a whole request from its first octets on, as a connection does piece by piece. `None` while it is not whole.
///
/// # Errors
/// The status that refuses it.
pub fn read_request(bytes: &[u8]) -> Result<Option<PortalRequest>, u16> {
    let Some(mut head) = Head::parse(bytes)? else { return Ok(None) };
    head.finish(&bytes[head.length..])
}

/// How the body ends. Two lengths, or a length and chunks, are how requests are smuggled: refused.
fn framing(headers: &[Header<'_>], version: Option<u8>) -> Result<Framing, Refusal> {
    let mut lengths = values(headers, "content-length");
    let length = lengths.next();
    if lengths.any(|other| Some(other) != length) {
        return Err(400);
    }
    let encodings: Vec<&[u8]> = values(headers, "transfer-encoding").collect();
    match (encodings.as_slice(), length) {
        ([], None) => Ok(Framing::Length(0)),
        ([], Some(length)) => {
            let digits = !length.is_empty() && length.iter().all(u8::is_ascii_digit);
            let length = std::str::from_utf8(length).ok().filter(|_| digits).ok_or(400_u16)?;
            // What does not fit a number is too large too.
            length
                .parse()
                .ok()
                .filter(|length| *length <= limit::PORTAL_REQUEST_BYTES)
                .map(Framing::Length)
                .ok_or(413)
        }
        ([only], None) if version == Some(1) && only.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
        _ => Err(400),
    }
}

/// Puts chunks together (RFC 9112 section 7.1). `None` while the last one is missing.
fn dechunk(mut bytes: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
    let mut body = Vec::new();
    // Sizes of one octet make the way six times as long as the body.
    if bytes.len() > 6 * limit::PORTAL_REQUEST_BYTES {
        return Err(413);
    }
    loop {
        let (line, size) = match httparse::parse_chunk_size(bytes) {
            Ok(httparse::Status::Complete(found)) => found,
            Ok(httparse::Status::Partial) => return Ok(None),
            Err(_) => return Err(400),
        };
        // Of what stands behind the last chunk we want nothing.
        if size == 0 {
            return Ok(Some(body));
        }
        let size = usize::try_from(size).ok().filter(|size| body.len() + size <= limit::PORTAL_REQUEST_BYTES);
        let size = size.ok_or(413_u16)?;
        let Some((chunk, rest)) = bytes[line..].split_at_checked(size) else { return Ok(None) };
        body.extend_from_slice(chunk);
        bytes = match rest {
            [b'\r', b'\n', rest @ ..] => rest,
            [] | [b'\r'] => return Ok(None),
            _ => return Err(400),
        };
    }
}

/// The parts of what is asked for: the host of an absolute form, the path, the query. `None` if it is neither a path nor
/// an address of HTTP.
fn target(target: &str) -> Option<(Option<&str>, &str, &str)> {
    let whole = target.split('#').next().unwrap_or_default();
    let (host, rest) = match whole.get(..7).filter(|scheme| scheme.eq_ignore_ascii_case("http://")) {
        Some(_) => {
            let authority = &whole[7..];
            let end = authority.find(['/', '?']).unwrap_or(authority.len());
            (Some(&authority[..end]), &authority[end..])
        }
        None => (None, whole),
    };
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    match path {
        // `http://host` and `http://host?query` ask for the root.
        "" if host.is_some() => Some((host, "/", query)),
        _ => path.starts_with('/').then_some((host, path, query)),
    }
}

/// Whether the body is a form. A form without a type is taken for one: old phones leave it out.
fn is_form(headers: &[Header<'_>]) -> bool {
    let kind = text(headers, "content-type", ", ");
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.is_empty() || kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// A header as text, several of them joined; empty if there is none. What is no plain text is left out.
fn text(headers: &[Header<'_>], name: &str, separator: &str) -> String {
    let is_plain = |value: &&[u8]| value.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
    let plain = values(headers, name).filter(is_plain);
    let texts: Vec<&str> = plain.filter_map(|value| std::str::from_utf8(value).ok()).collect();
    texts.join(separator)
}

fn values<'a>(headers: &'a [Header<'a>], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name)).map(|header| header.value)
}

/// `host:80` -> `host`, `[fd00::1]:80` -> `[fd00::1]`.
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => {
            match name.contains(':') && !name.ends_with(']') {
                true => host,
                false => name,
            }
        }
        _ => host,
    }
}

/// The octets of an answer; of the head alone for who asked so. It is the last one of its connection, and says so. A node
/// without a clock must not say what time it is (RFC 9110 6.6.1).
pub(super) fn answer(rendered: &Rendered, head_only: bool) -> Vec<u8> {
    if !(100..600).contains(&rendered.status) {
        log::error!("the portal's answer has the impossible status {}", rendered.status);
        return answer(&refusal(500), head_only);
    }
    let mut head = format!("HTTP/1.1 {} {}\r\n", rendered.status, reason(rendered.status));
    for (name, value) in &rendered.headers {
        let name = name.to_ascii_lowercase();
        if matches!(name.as_str(), "content-length" | "connection" | "transfer-encoding") {
            continue;
        }
        if !is_token(&name) || value.bytes().any(|byte| byte != b'\t' && byte.is_ascii_control()) {
            log::error!("a header of the portal's answer cannot be sent: it is left out");
            continue;
        }
        head.push_str(&name);
        head.push_str(": ");
        head.push_str(value);
        head.push_str("\r\n");
    }
    head.push_str(&format!("content-length: {}\r\nconnection: close\r\n\r\n", rendered.body.len()));
    let mut bytes = head.into_bytes();
    if !head_only {
        bytes.extend_from_slice(&rendered.body);
    }
    bytes
}

/// A short answer of the adapter itself. Not empty: Android takes an empty page for the real internet.
pub(super) fn refusal(status: Refusal) -> Rendered {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut headers = vec![header("content-type", "text/plain"), header("cache-control", "no-store")];
    if status == 405 {
        headers.push(header("allow", "GET, HEAD, POST"));
    }
    Rendered { status, headers, body: format!("{status} {}\n", reason(status)).into_bytes() }
}

/// What a name of a header may be made of (RFC 9110 section 5.6.2).
fn is_token(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}

/// The words beside a status, for people who look at the wire (RFC 9110 section 15; 511 is RFC 6585's).
const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        302 => "Found",
        303 => "See Other",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        511 => "Network Authentication Required",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_no_part_of_the_host() {
        for (host, name) in [
            ("example.org", "example.org"),
            ("example.org:80", "example.org"),
            ("10.0.0.1:2080", "10.0.0.1"),
            ("[fd00::1]:80", "[fd00::1]"),
            ("[fd00::1]", "[fd00::1]"),
            ("fd00::1", "fd00::1"),
            ("", ""),
        ] {
            assert_eq!(without_port(host), name, "{host}");
        }
    }

    #[test]
    fn what_is_asked_for_has_three_parts() {
        for (text, parts) in [
            ("/a/b?c=d?e", Some((None, "/a/b", "c=d?e"))),
            ("/a#b?c", Some((None, "/a", ""))),
            ("http://a.example", Some((Some("a.example"), "/", ""))),
            ("HTTP://a.example?b", Some((Some("a.example"), "/", "b"))),
            ("http://a.example:80/b", Some((Some("a.example:80"), "/b", ""))),
            ("/ñ", Some((None, "/ñ", ""))),
            ("*", None),
            ("https://a/", None),
            ("", None),
            ("ñandú/", None),
        ] {
            assert_eq!(target(text), parts, "{text}");
        }
    }

    #[test]
    fn a_request_may_come_in_any_pieces() {
        for (request, body) in [
            ("POST / HTTP/1.1\r\nContent-Length: 8\r\n\r\ncode=abc", "code=abc"),
            (
                "POST / HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\n5;x=y\r\ncode=\r\n03\r\nabc\r\n0\r\n\r\n",
                "code=abc",
            ),
            ("GET / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", ""),
            ("POST / HTTP/1.1\nContent-Length: 1\nContent-Length: 1\n\nabc", "a"),
        ] {
            let mut found = None;
            for end in 0..=request.len() {
                match (read_request(&request.as_bytes()[..end]).unwrap(), &found) {
                    (Some(request), None) => found = Some(request),
                    (None, Some(_)) => panic!("{request:?} is no longer whole at {end}"),
                    _ => {}
                }
            }
            assert_eq!(String::from_utf8(found.expect("it is whole").body).unwrap(), body);
        }
    }

    #[test]
    fn what_two_readers_could_read_in_two_ways_is_refused() {
        for (headers, status) in [
            ("Content-Length: 5\r\nTransfer-Encoding: chunked", 400),
            ("Transfer-Encoding: gzip, chunked", 400),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", 400),
            ("Content-Length: +5", 400),
            ("Content-Length: 5, 5", 400),
            ("Content-Length:", 400),
            ("Content-Length: 99999999999999999999999", 413),
        ] {
            let request = format!("POST / HTTP/1.1\r\n{headers}\r\n\r\n5\r\ncode=\r\n0\r\n\r\n");
            assert_eq!(read_request(request.as_bytes()), Err(status), "{headers}");
        }
        let old = "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
        assert_eq!(read_request(old.as_bytes()), Err(400), "HTTP/1.0 has no chunks");
        for (chunks, status) in
            [("5\r\ncode=x", 400), ("ffffffffffffffff\r\n", 413), ("fffffffffffffffff\r\n", 400)]
        {
            assert_eq!(dechunk(chunks.as_bytes()), Err(status), "{chunks}");
        }
        assert_eq!(dechunk("1\r\na\r\n".repeat(limit::PORTAL_REQUEST_BYTES + 1).as_bytes()), Err(413));
    }

    #[test]
    fn no_answer_can_forge_a_header() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let rendered = Rendered {
            status: 302,
            headers: vec![
                header("Location", "http://10.0.0.1/\r\nSet-Cookie: a=b"),
                header("Content-Length", "9"),
                header("bad name", "x"),
                header("", "x"),
                header("Cache-Control", "no-store"),
            ],
            body: b"abc".to_vec(),
        };
        let head =
            "HTTP/1.1 302 Found\r\ncache-control: no-store\r\ncontent-length: 3\r\nconnection: close\r\n\r\n";
        assert_eq!(String::from_utf8(answer(&rendered, true)).unwrap(), head);
        assert_eq!(String::from_utf8(answer(&rendered, false)).unwrap(), format!("{head}abc"));
        let impossible = Rendered { status: 7, headers: Vec::new(), body: Vec::new() };
        assert!(answer(&impossible, false).starts_with(b"HTTP/1.1 500 "));
    }
}
