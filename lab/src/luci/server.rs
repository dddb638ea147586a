//! HTTP at the loopback address: pages, files of the package, files of the client side, and `/ubus`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE,
};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use serde_json::{Map, json};
use tequio::config::uci::Document;
use tokio::sync::oneshot;

use super::acl::Acl;
use super::bus::Bus;
use super::session::Sessions;
use super::uci::Uci;
use super::{Place, page, rpc};
use crate::failure::{Failure, Outcome, io};
use crate::http::encode;

/// All that the server knows.
#[derive(Debug)]
pub(super) struct Host {
    address: SocketAddr,
    pub(super) nodes: BTreeMap<String, Node>,
    /// The node that is shown when nobody says which.
    pub(super) usual: String,
    pub(super) sessions: Rc<RefCell<Sessions>>,
}

/// A node that can be looked at.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) bus: Bus,
    /// rpcd's configuration: who may log in.
    rpcd: PathBuf,
    pub(super) uci: Rc<RefCell<Uci>>,
}

impl Node {
    /// Has the daemon read its configuration, as procd does after a commit. What it thinks of it, it says in its log.
    pub(super) async fn reload(&self) {
        if let Err(error) = self.bus.call("tequio", "reload", Map::new()).await {
            log::info!("the daemon did not read its configuration again: {error}");
        }
    }

    /// Takes the applied configuration back in time, unless somebody confirms it.
    pub(super) fn wait_for_confirmation(&self) {
        let Some(deadline) = self.uci.borrow().deadline() else { return };
        let node = self.clone();
        tokio::task::spawn_local(async move {
            tokio::time::sleep_until(deadline.into()).await;
            let back = node.uci.borrow_mut().roll_back(Instant::now());
            if back {
                node.reload().await;
            }
        });
    }
}

impl Host {
    /// Whether a session may do something.
    pub(super) fn may(&self, session: &str, scope: &str, object: &str, function: &str) -> bool {
        let mut sessions = self.sessions.borrow_mut();
        sessions
            .get(session, Instant::now())
            .is_some_and(|session| session.grants.allow(scope, object, function))
    }
}

/// Serves until it is told to stop.
pub(super) fn run(
    listener: std::net::TcpListener,
    address: SocketAddr,
    places: Vec<Place>,
    stopped: oneshot::Receiver<()>,
) -> Outcome<()> {
    let sessions = Rc::new(RefCell::new(Sessions::new(Acl::load()?)));
    let usual = places.iter().find(|place| place.name == "plaza").or(places.first());
    let usual = usual.ok_or_else(|| Failure::new("a node to show", "none"))?.name.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(io("an event loop"))?;
    tokio::task::LocalSet::new().block_on(&runtime, async {
        let nodes = places.into_iter().map(|place| {
            let rpcd = place.config.with_file_name("rpcd");
            let bus = Bus::connect(place.socket, Rc::clone(&sessions), rpcd.clone());
            (place.name, Node { bus, rpcd, uci: Rc::new(RefCell::new(Uci::new(place.config))) })
        });
        let host = Rc::new(Host { address, nodes: nodes.collect(), usual, sessions: Rc::clone(&sessions) });
        let listener = tokio::net::TcpListener::from_std(listener).map_err(io("a listening socket"))?;
        tokio::select! {
            _ = stopped => Ok(()),
            never = accept(&listener, &host) => match never {},
        }
    })
}

async fn accept(listener: &tokio::net::TcpListener, host: &Rc<Host>) -> Infallible {
    let busy = Arc::new(tokio::sync::Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(place) = Arc::clone(&busy).acquire_owned().await else { continue };
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                log::warn!("the caretaker's pages: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let host = Rc::clone(host);
        tokio::task::spawn_local(async move {
            let service = service_fn(move |request| {
                let host = Rc::clone(&host);
                async move { Ok::<_, Infallible>(answer(&host, request).await) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(CLIENT_TIME)
                .serve_connection(TokioIo::new(stream), service);
            // A browser that goes away in the middle is its own business.
            let _ = connection.await;
            drop(place);
        });
    }
}

type Answer = Response<Full<Bytes>>;

async fn answer(host: &Host, request: Request<Incoming>) -> Answer {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    // A page elsewhere whose name was made to point here must not get in.
    if ![host.address.to_string(), format!("localhost:{}", host.address.port())]
        .contains(&header(HOST).to_owned())
    {
        return text(StatusCode::FORBIDDEN, "text/plain", "this host has another name");
    }
    let visit = page::Visit::new(header(COOKIE), header(hyper::header::ACCEPT_LANGUAGE), request.uri());
    let path = request.uri().path().to_owned();
    let post = request.method() == Method::POST;
    if !post && request.method() != Method::GET {
        return text(StatusCode::METHOD_NOT_ALLOWED, "text/plain", "GET or POST");
    }
    if let Some(file) = path.strip_prefix("/luci-static/") {
        return file_of(&[super::package().join("htdocs/luci-static"), super::www()], file);
    }
    match (post, path.as_str()) {
        (true, "/ubus") => {
            let Some(node) = host.nodes.get(visit.node.as_deref().unwrap_or(&host.usual)) else {
                return text(StatusCode::NOT_FOUND, "text/plain", "there is no such node");
            };
            let body = Limited::new(request.into_body(), MOST_BODY).collect().await;
            let Ok(body) = body else { return text(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", "too long") };
            let value = rpc::answer(host, node, &body.to_bytes()).await;
            text(StatusCode::OK, "application/json", &value.to_string())
        }
        (false, "/translations") => {
            text(StatusCode::OK, "application/json", &json!(page::translations(visit.language)).to_string())
        }
        (false, "/logout") => {
            host.sessions.borrow_mut().log_out(&visit.session);
            redirect("/", &[format!("{SESSION_COOKIE}=; Path=/; Max-Age=0")])
        }
        (true, _) => {
            let body = Limited::new(request.into_body(), MOST_BODY).collect().await;
            let Ok(body) = body else { return text(StatusCode::PAYLOAD_TOO_LARGE, "text/plain", "too long") };
            log_in(host, &visit, &path, &body.to_bytes())
        }
        (false, _) => show(host, &visit, &path),
    }
}

/// A page, the page where one logs in, or the way to the first page.
fn show(host: &Host, visit: &page::Visit, path: &str) -> Answer {
    if let Some(language) = &visit.wish {
        let to = format!("{path}{}", visit.query());
        return redirect(&to, &[format!("{LANGUAGE_COOKIE}={language}; Path=/; SameSite=Strict")]);
    }
    let session = host
        .sessions
        .borrow_mut()
        .get(&visit.session, Instant::now())
        .map(|session| (session.username.clone(), session.grants.clone()));
    let Some((username, grants)) = session else {
        return text(StatusCode::OK, HTML, &page::log_in(host, visit, false));
    };
    match page::view(host, visit, path, &username, &grants) {
        page::Shown::Page(html) => text(StatusCode::OK, HTML, &html),
        page::Shown::Elsewhere(to) => redirect(&to, &[]),
        page::Shown::Nothing => {
            text(StatusCode::NOT_FOUND, "text/plain", "there is no such page, or none for you")
        }
    }
}

fn log_in(host: &Host, visit: &page::Visit, path: &str, body: &[u8]) -> Answer {
    let form = page::form(body);
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    let node = host.nodes.get(visit.node.as_deref().unwrap_or(&host.usual));
    let rpcd = node.and_then(|node| std::fs::read_to_string(&node.rpcd).ok());
    let rpcd = rpcd.and_then(|text| Document::parse(&text).ok()).map(|document| document.sections);
    let opened = host.sessions.borrow_mut().log_in(
        field("luci_username"),
        field("luci_password"),
        &rpcd.unwrap_or_default(),
        Instant::now(),
    );
    match opened {
        Some(session) => {
            let to = format!("{path}{}", visit.query());
            redirect(&to, &[format!("{SESSION_COOKIE}={session}; Path=/; HttpOnly; SameSite=Strict")])
        }
        None => text(StatusCode::FORBIDDEN, HTML, &page::log_in(host, visit, true)),
    }
}

/// A file below one of the folders.
fn file_of(folders: &[PathBuf], name: &str) -> Answer {
    let plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    let kind = match Path::new(name).extension().and_then(|extension| extension.to_str()) {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => return text(StatusCode::NOT_FOUND, "text/plain", "there is no such file"),
    };
    let found = name
        .split('/')
        .all(plain)
        .then(|| folders.iter().find_map(|folder| std::fs::read_to_string(folder.join(name)).ok()));
    match found.flatten() {
        Some(content) => text(StatusCode::OK, kind, &content),
        None => text(StatusCode::NOT_FOUND, "text/plain", "there is no such file"),
    }
}

fn text(status: StatusCode, kind: &str, body: &str) -> Answer {
    let response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, kind)
        .header(CACHE_CONTROL, "no-store")
        .header("X-Content-Type-Options", "nosniff")
        .header(CONTENT_SECURITY_POLICY, POLICY)
        .body(Full::from(body.to_owned()));
    response.unwrap_or_default()
}

fn redirect(to: &str, cookies: &[String]) -> Answer {
    let mut response = Response::builder().status(StatusCode::SEE_OTHER).header(LOCATION, to);
    for cookie in cookies {
        response = response.header(SET_COOKIE, cookie);
    }
    response.body(Full::default()).unwrap_or_default()
}

/// A query of one member.
pub(super) fn query(name: &str, value: &str) -> String {
    format!("?{name}={}", encode(value))
}

/// The cookies, named as LuCI names the first one.
pub(super) const SESSION_COOKIE: &str = "sysauth_http";
pub(super) const LANGUAGE_COOKIE: &str = "lang";

const HTML: &str = "text/html; charset=utf-8";

/// Nothing from elsewhere, nothing inline. LuCI makes modules of files by `eval`, and so does the stand-in.
const POLICY: &str = "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; \
     img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// As uhttpd has it.
const MOST_BODY: usize = 64 << 10;

const MOST_CONNECTIONS: usize = 64;

/// A browser that says nothing for so long is gone.
const CLIENT_TIME: Duration = Duration::from_secs(30);
