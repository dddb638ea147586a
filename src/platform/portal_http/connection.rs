//! One connection of the portal: one request in, one answer out, then closed.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use crate::base::limit;
use crate::hotspot::request::{Method, PortalRequest, Rendered};

/// How long a connection may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Times {
    /// From the first byte to the last of a request.
    pub(super) request: Duration,
    /// From the request to its answer.
    pub(super) answer: Duration,
    /// From then to the last byte: 30 kB over a poor radio.
    pub(super) send: Duration,
    /// How long a peer may go on sending after it was answered.
    pub(super) linger: Duration,
}

impl Default for Times {
    fn default() -> Self {
        let node = Duration::from_secs(limit::NODE_REQUEST_S);
        Self { request: node, answer: node, send: node, linger: Duration::from_secs(1) }
    }
}

/// What a connection tells the portal.
#[derive(Debug)]
pub(super) enum Told {
    /// A whole request is here.
    Asked {
        /// On which connection.
        connection: u64,
        /// Who asks.
        peer: SocketAddr,
        /// What is asked.
        http: PortalRequest,
        /// Where the answer goes.
        answer: oneshot::Sender<Rendered>,
    },
    /// The answer is out, or there will be none.
    Answered {
        /// On which connection.
        connection: u64,
        /// Whether what came was refused here: no HTTP, too long, or too late.
        refused: bool,
    },
    /// The connection is closed.
    Ended {
        /// Which.
        connection: u64,
    },
}

/// Says that the connection ended, however it ended: done, refused, timed out, aborted.
#[derive(Debug)]
pub(super) struct Ending {
    connection: u64,
    tell: mpsc::UnboundedSender<Told>,
}

impl Ending {
    pub(super) const fn new(connection: u64, tell: mpsc::UnboundedSender<Told>) -> Self {
        Self { connection, tell }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.tell.send(Told::Ended { connection: self.connection });
    }
}

/// Serves one connection to its end.
pub(super) async fn serve(mut stream: TcpStream, peer: SocketAddr, ending: Ending, times: Times) {
    let read_until = Instant::now() + times.request;
    let refused = AtomicBool::new(false);
    let service = service_fn(|request| answer(request, peer, read_until, &ending, times, &refused));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(times.request)
        .max_buf_size(limit::PORTAL_REQUEST_BYTES)
        .max_headers(limit::PORTAL_HEADERS)
        .keep_alive(false)
        // A node without a clock must not say what time it is (RFC 9110 6.6.1).
        .auto_date_header(false)
        .serve_connection(TokioIo::new(&mut stream), service);
    // Errors are the peer's: it left, or spoke no HTTP, and hyper has told it so.
    let served = timeout(times.request + times.answer + times.send, connection).await;
    let no_http = matches!(&served, Ok(Err(error)) if error.is_parse());
    let refused = no_http || refused.load(Ordering::Relaxed);
    let _ = ending.tell.send(Told::Answered { connection: ending.connection, refused });
    linger(&mut stream, times.linger).await;
}

/// Reads away what the peer still sends. Closing with unread bytes would reset the connection, and the
/// peer could lose the answer that says why its request was too large.
async fn linger(stream: &mut TcpStream, time: Duration) {
    let read_away = async {
        let mut left = LINGER_BYTES;
        let mut buffer = [0; 1024];
        while let Ok(count @ 1..) = stream.read(&mut buffer).await {
            left = left.saturating_sub(count);
            if left == 0 {
                return;
            }
        }
    };
    let _ = timeout(time, read_away).await;
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    read_until: Instant,
    ending: &Ending,
    times: Times,
    refused: &AtomicBool,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let read = timeout_at(read_until, read(request)).await;
    let http = match read.unwrap_or(Err(StatusCode::REQUEST_TIMEOUT)) {
        Ok(http) => http,
        Err(status) => {
            refused.store(true, Ordering::Relaxed);
            return Ok(refusal(status));
        }
    };
    let (answer, answered) = oneshot::channel();
    let asked = Told::Asked { connection: ending.connection, peer, http, answer };
    if ending.tell.send(asked).is_err() {
        return Ok(refusal(StatusCode::SERVICE_UNAVAILABLE));
    }
    match timeout(times.answer, answered).await {
        Ok(Ok(rendered)) => Ok(response(rendered)),
        Ok(Err(_)) | Err(_) => Ok(refusal(StatusCode::SERVICE_UNAVAILABLE)),
    }
}

/// The request as a value, or the status that refuses it.
async fn read(request: Request<Incoming>) -> Result<PortalRequest, StatusCode> {
    let method = match *request.method() {
        hyper::Method::GET | hyper::Method::HEAD => Method::Get,
        hyper::Method::POST => Method::Post,
        _ => return Err(StatusCode::METHOD_NOT_ALLOWED),
    };
    let (head, body) = request.into_parts();
    if !head.uri.path().starts_with('/') {
        return Err(StatusCode::BAD_REQUEST);
    }
    let body = match method {
        Method::Get => Vec::new(),
        Method::Post if !is_form(&head.headers) => return Err(StatusCode::UNSUPPORTED_MEDIA_TYPE),
        Method::Post => read_body(body).await?,
    };
    // A request to a proxy names the host in its first line, and that one counts (RFC 9112 3.2.2).
    let host = match head.uri.host() {
        Some(host) => host.to_owned(),
        None => without_port(&text(&head.headers, header::HOST)).to_owned(),
    };
    Ok(PortalRequest {
        method,
        host,
        path: head.uri.path().to_owned(),
        query: head.uri.query().unwrap_or_default().to_owned(),
        body,
        accept_language: text(&head.headers, header::ACCEPT_LANGUAGE),
        cookie: text(&head.headers, header::COOKIE),
    })
}

async fn read_body(body: Incoming) -> Result<Vec<u8>, StatusCode> {
    if body.size_hint().lower() > limit::PORTAL_REQUEST_BYTES as u64 {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    match Limited::new(body, limit::PORTAL_REQUEST_BYTES).collect().await {
        Ok(body) => Ok(body.to_bytes().to_vec()),
        Err(error) if error.is::<LengthLimitError>() => Err(StatusCode::PAYLOAD_TOO_LARGE),
        Err(_) => Err(StatusCode::BAD_REQUEST),
    }
}

/// Whether the body is a form. A form without a type is taken for one: old phones leave it out.
fn is_form(headers: &HeaderMap) -> bool {
    let kind = text(headers, header::CONTENT_TYPE);
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.is_empty() || kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
}

/// A header as text, several of them joined; empty if there is none. What is no text is left out.
fn text(headers: &HeaderMap, name: HeaderName) -> String {
    let separator = if name == header::COOKIE { "; " } else { ", " };
    let values: Vec<&str> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
    values.join(separator)
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

fn response(rendered: Rendered) -> Response<Full<Bytes>> {
    let Ok(status) = StatusCode::from_u16(rendered.status) else {
        log::error!("the portal's answer has the impossible status {}", rendered.status);
        return refusal(StatusCode::INTERNAL_SERVER_ERROR);
    };
    let mut response = Response::new(Full::new(Bytes::from(rendered.body)));
    *response.status_mut() = status;
    for (name, value) in &rendered.headers {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(header::CONTENT_LENGTH | header::CONNECTION | header::TRANSFER_ENCODING), _) => {}
            (Ok(name), Ok(value)) => {
                response.headers_mut().append(name, value);
            }
            _ => log::error!("the portal's answer has a header {name:?} that cannot be sent"),
        }
    }
    let length = response.body().size_hint().exact().unwrap_or(0);
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// A short answer of the adapter itself. Not empty: Android takes an empty page for the real internet.
fn refusal(status: StatusCode) -> Response<Full<Bytes>> {
    let mut headers = vec![
        ("Content-Type".to_owned(), "text/plain".to_owned()),
        ("Cache-Control".to_owned(), "no-store".to_owned()),
    ];
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.push(("Allow".to_owned(), "GET, HEAD, POST".to_owned()));
    }
    response(Rendered { status: status.as_u16(), headers, body: format!("{status}\n").into_bytes() })
}

/// How much a peer may go on sending after it was answered.
const LINGER_BYTES: usize = 64 * 1024;

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
    fn no_answer_can_forge_a_header() {
        let rendered = Rendered {
            status: 302,
            headers: vec![
                ("Location".to_owned(), "http://10.0.0.1/\r\nSet-Cookie: a=b".to_owned()),
                ("Content-Length".to_owned(), "9".to_owned()),
                ("bad name".to_owned(), "x".to_owned()),
                ("Cache-Control".to_owned(), "no-store".to_owned()),
            ],
            body: b"abc".to_vec(),
        };
        let response = response(rendered);
        assert_eq!(response.headers().len(), 2);
        assert_eq!(response.headers()[header::CONTENT_LENGTH], "3");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "no-store");
        let impossible = Rendered { status: 7, headers: Vec::new(), body: Vec::new() };
        assert_eq!(super::response(impossible).status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
