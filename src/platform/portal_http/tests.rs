//! The portal on the loopback: what it answers to whom, and what a stranger can hold.

use std::time::Instant as Clock;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::hotspot::request::Method;

const QUICK: Times = Times {
    request: Duration::from_millis(400),
    answer: Duration::from_millis(400),
    send: Duration::from_millis(400),
    linger: Duration::from_millis(300),
};

/// Runs `test` beside a portal that answers each request by `answer`.
fn with_portal<T>(
    times: Times,
    mut answer: impl FnMut(PortalEvent) -> Option<(RequestId, Rendered)>,
    test: impl AsyncFnOnce(SocketAddr) -> T,
) -> T {
    on_a_loop(async {
        let mut portal = local_portal(times);
        let address = portal.addresses()[0];
        let serve = async {
            loop {
                let event = portal.next().await;
                if let Some((request, rendered)) = answer(event) {
                    portal.reply(request, rendered);
                }
            }
        };
        tokio::select! {
            result = test(address) => result,
            () = serve => unreachable!("it serves for ever"),
        }
    })
}

fn local_portal(times: Times) -> Portal {
    let mut portal = Portal::bind(&["127.0.0.1:0".parse().unwrap()], RequestIds::new()).unwrap();
    portal.times = times;
    portal
}

fn on_a_loop<T>(test: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(test)
}

fn page(body: &str) -> Rendered {
    let headers = vec![("Content-Type".to_owned(), "text/html".to_owned())];
    Rendered { status: 200, headers, body: body.as_bytes().to_vec() }
}

/// Shows the request as the page.
fn mirror(event: PortalEvent) -> Option<(RequestId, Rendered)> {
    let PortalEvent::Request { request, http, .. } = event else { return None };
    let method = if http.method == Method::Post { "POST" } else { "GET" };
    let body = String::from_utf8_lossy(&http.body).into_owned();
    let PortalRequest { host, path, query, accept_language, cookie, .. } = *http;
    let shown = [method, &host, &path, &query, &body, &accept_language, &cookie].join("|");
    Some((request, page(&shown)))
}

async fn talk(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let _ = stream.write_all(bytes).await;
    let mut said = Vec::new();
    let _ = stream.read_to_end(&mut said).await;
    String::from_utf8_lossy(&said).into_owned()
}

#[test]
fn requests_of_all_kinds_arrive_whole() {
    let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(6_000));
    let shown_long = format!("GET|a|/{}||||", "x".repeat(6_000));
    with_portal(Times::default(), mirror, async |address| {
        for (request, shown) in [
            ("GET /a/b?c=%20d HTTP/1.1\r\nHost: example.org:80\r\n\r\n", "GET|example.org|/a/b|c=%20d|||"),
            (
                "GET / HTTP/1.1\r\nHost: [fd00::1]:2080\r\nCookie: a=1\r\nCookie: b=2\r\n\r\n",
                "GET|[fd00::1]|/||||a=1; b=2",
            ),
            ("GET /x HTTP/1.0\r\n\r\n", "GET||/x||||"),
            ("GET http://proxied.example/y HTTP/1.1\r\nHost: other\r\n\r\n", "GET|proxied.example|/y||||"),
            ("GET / HTTP/1.1\r\nHost: a\r\nAccept-Language: es, qu;q=0.9\r\n\r\n", "GET|a|/|||es, qu;q=0.9|"),
            ("GET / HTTP/1.1\r\nHost: a\r\nCookie: ñ\r\n\r\n", "GET|a|/||||"),
            (
                "POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n\
                 Content-Length: 8\r\n\r\ncode=abc",
                "POST|a|/login||code=abc||",
            ),
            (
                "POST /login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n\
                 5\r\ncode=\r\n3\r\nabc\r\n0\r\n\r\n",
                "POST|a|/login||code=abc||",
            ),
            ("POST /login HTTP/1.0\r\nContent-Length: 4\r\n\r\na=b&", "POST||/login||a=b&||"),
            (&long, &shown_long),
        ] {
            let answer = talk(address, request.as_bytes()).await;
            let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{request}: {answer}"));
            assert!(body == shown, "{request:.80}: {body:.80}");
            assert!(head.contains(" 200 OK\r\n"), "{head}");
            assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
            assert!(request.contains("HTTP/1.0") || head.contains("connection: close"), "{head}");
            assert!(!head.contains("date:"), "{head}");
        }
    });
}

#[test]
fn who_waits_for_a_word_before_the_body_gets_it() {
    with_portal(Times::default(), mirror, async |address| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = b"POST /login HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 8\r\n\r\n";
        stream.write_all(head).await.unwrap();
        let mut said = [0; 25];
        stream.read_exact(&mut said).await.unwrap();
        assert_eq!(&said, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(b"code=abc").await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("POST|a|/login||code=abc||"),
            "{answer}"
        );
    });
}

#[test]
fn who_says_more_than_its_request_is_answered() {
    with_portal(Times::default(), mirror, async |address| {
        let more = "GET /second HTTP/1.1\r\nHost: a\r\n\r\n".repeat(1_000);
        let answer = talk(address, format!("GET /first HTTP/1.1\r\nHost: a\r\n\r\n{more}").as_bytes()).await;
        assert!(answer.ends_with("GET|a|/first||||"), "one request is one connection: {answer}");
    });
}

#[test]
fn a_head_request_gets_the_head_only() {
    with_portal(Times::default(), mirror, async |address| {
        let answer = talk(address, b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("content-length: 11"), "{answer}");
        assert!(answer.ends_with("\r\n\r\n"), "{answer}");
    });
}

#[test]
fn garbage_is_refused_and_never_reaches_the_node() {
    let huge_head = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(20_000));
    let many_headers = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(100));
    let huge_body = format!("POST / HTTP/1.1\r\nContent-Length: 100000\r\n\r\n{}", "x".repeat(100_000));
    let huge_chunks = format!(
        "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{}0\r\n\r\n",
        format!("1000\r\n{}\r\n", "x".repeat(4_096)).repeat(4)
    );
    let node = |event| panic!("the node was asked: {event:?}");
    with_portal(QUICK, node, async |address| {
        for (request, status) in [
            ("\u{16}\u{3}\u{1}\u{2}\u{0}\u{1}\u{0}\u{1}\u{fc}\u{3}\u{3}\r\n\r\n", "400"),
            ("hello\r\n\r\n", "400"),
            ("GET\r\n\r\n", "400"),
            ("GET / HTTP/9.9\r\n\r\n", "400"),
            ("GET / HTTP/1.1\r\nno colon\r\n\r\n", "400"),
            ("GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", "400"),
            ("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "400"),
            ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "400"),
            ("POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", "400"),
            ("CONNECT example.org:443 HTTP/1.1\r\nHost: example.org\r\n\r\n", "405"),
            ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "405"),
            ("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", "405"),
            ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", "400"),
            ("POST / HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", "415"),
            (&huge_head, "431"),
            (&many_headers, "431"),
            (&huge_body, "413"),
            (&huge_chunks, "413"),
            ("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc", "408"),
        ] {
            let answer = talk(address, request.as_bytes()).await;
            let shown: String = request.chars().take(60).collect();
            assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{shown:?}: {answer:?}");
            if status == "405" {
                assert!(answer.contains("allow: GET, HEAD, POST\r\n"), "{answer}");
            }
        }
        // HTTP/2 with prior knowledge.
        let answer = talk(address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    });
}

#[test]
fn what_is_refused_is_counted_and_who_says_nothing_is_not() {
    on_a_loop(async {
        let mut portal = local_portal(QUICK);
        let address = portal.addresses()[0];
        let guests = async {
            drop(TcpStream::connect(address).await.unwrap());
            for request in ["hello\r\n\r\n", "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n"] {
                talk(address, request.as_bytes()).await;
            }
            talk(address, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await
        };
        // The good request is the last one, and the only one that the node hears of.
        tokio::select! {
            answer = guests => panic!("nobody answered, and yet: {answer}"),
            event = portal.next() => assert!(matches!(event, PortalEvent::Request { .. }), "{event:?}"),
        }
        assert_eq!(portal.refused(), 2);
    });
}

#[test]
fn random_bytes_do_no_harm() {
    let mut random = crate::base::random::Random::new(6);
    with_portal(QUICK, mirror, async |address| {
        for _ in 0..200 {
            let mut bytes = b"POST /login?a=b HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc".to_vec();
            for _ in 0..3 {
                let at = random.u64() as usize % bytes.len();
                bytes[at] = random.u64() as u8;
            }
            // Half a request would wait for its other half.
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(&bytes).await.unwrap();
            stream.shutdown().await.unwrap();
            let mut said = Vec::new();
            let _ = stream.read_to_end(&mut said).await;
        }
        assert!(talk(address, b"GET / HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 200"));
    });
}

#[test]
fn who_sends_a_byte_at_a_time_is_cut_in_time() {
    with_portal(QUICK, mirror, async |address| {
        for request in ["GET / HTTP/1.1\r\nHost: a\r\n", "POST / HTTP/1.1\r\nContent-Length: 900\r\n\r\n"] {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(request.as_bytes()).await.unwrap();
            let start = Clock::now();
            let mut ticks = tokio::time::interval(Duration::from_millis(20));
            let mut said = [0; 1_024];
            loop {
                tokio::select! {
                    _ = ticks.tick() => { let _ = stream.write_all(b"a").await; }
                    read = stream.read(&mut said) => if !matches!(read, Ok(1..)) { break },
                }
                assert!(start.elapsed() < Duration::from_secs(5), "{request:?} is still open");
            }
        }
    });
}

#[test]
fn who_says_nothing_is_cut_in_time() {
    with_portal(QUICK, mirror, async |address| {
        let start = Clock::now();
        assert_eq!(talk(address, b"").await, "");
        assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    });
}

#[test]
fn idle_connections_keep_nobody_out() {
    with_portal(Times::default(), mirror, async |address| {
        let mut idle = Vec::new();
        // Each from an address of its own, as far as there are places; then as many again.
        for number in 0..2 * limit::PORTAL_CONNECTIONS {
            let socket = TcpSocket::new_v4().unwrap();
            let [high, low] = u16::try_from(number).unwrap().to_be_bytes();
            socket.bind(SocketAddr::from(([127, 1, high, low], 0))).unwrap();
            let mut stream = socket.connect(address).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
            idle.push(stream);
        }
        let start = Clock::now();
        for _ in 0..20 {
            assert!(talk(address, b"GET / HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 200"));
        }
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        // The oldest have yielded, the newest can still finish.
        let mut newest = idle.pop().unwrap();
        newest.write_all(b"\r\n").await.unwrap();
        let mut said = String::new();
        newest.read_to_string(&mut said).await.unwrap();
        assert!(said.starts_with("HTTP/1.1 200"), "{said}");
        let mut oldest = idle.swap_remove(0);
        assert!(matches!(oldest.read(&mut [0; 10]).await, Ok(0) | Err(_)));
    });
}

#[test]
fn one_address_has_four_connections_and_the_oldest_idle_one_yields() {
    on_a_loop(async {
        let mut portal = local_portal(Times::default());
        let address = portal.addresses()[0];
        let mut streams = Vec::new();
        // Three that wait for the node, then two that never ask.
        for _ in 0..3 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
            assert!(matches!(portal.next().await, PortalEvent::Request { .. }));
            streams.push(stream);
        }
        for _ in 0..2 {
            streams.push(TcpStream::connect(address).await.unwrap());
        }
        let mut asking = TcpStream::connect(address).await.unwrap();
        asking.write_all(b"GET /last HTTP/1.1\r\n\r\n").await.unwrap();
        let PortalEvent::Request { http, .. } = portal.next().await else { panic!("nobody left") };
        assert_eq!(http.path, "/last");
        assert_eq!(portal.connections(), limit::PORTAL_CONNECTIONS_PER_ADDRESS);
        // All four wait for the node: one more is closed at once.
        let mut fifth = TcpStream::connect(address).await.unwrap();
        let mut said = [0; 10];
        let closed = tokio::select! {
            read = fifth.read(&mut said) => read,
            event = portal.next() => panic!("{event:?}"),
        };
        assert!(matches!(closed, Ok(0) | Err(_)), "{closed:?}");
        assert_eq!(portal.connections(), limit::PORTAL_CONNECTIONS_PER_ADDRESS);
    });
}

#[test]
fn a_peer_that_leaves_is_told_and_a_late_answer_is_nothing() {
    on_a_loop(async {
        let mut portal = local_portal(Times::default());
        let mut stream = TcpStream::connect(portal.addresses()[0]).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
        let PortalEvent::Request { request, .. } = portal.next().await else { panic!("it asked") };
        drop(stream);
        assert_eq!(portal.next().await, PortalEvent::Gone(request));
        assert!(portal.waiting.is_empty());
        portal.reply(request, page("too late"));
        portal.reply(RequestId(99), page("to nobody"));
    });
}

#[test]
fn a_node_that_does_not_answer_costs_the_peer_a_503_and_frees_the_place() {
    on_a_loop(async {
        let mut portal = local_portal(QUICK);
        let address = portal.addresses()[0];
        let asked = tokio::spawn(async move { talk(address, b"GET / HTTP/1.1\r\n\r\n").await });
        let PortalEvent::Request { request, .. } = portal.next().await else { panic!("it asked") };
        assert_eq!(portal.next().await, PortalEvent::Gone(request));
        let answer = tokio::select! {
            answer = asked => answer.unwrap(),
            event = portal.next() => panic!("{event:?}"),
        };
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        assert!(portal.waiting.is_empty());
    });
}

#[test]
fn a_future_that_is_dropped_loses_no_request() {
    on_a_loop(async {
        let mut portal = local_portal(Times::default());
        let address = portal.addresses()[0];
        let asked = tokio::spawn(async move { talk(address, b"GET / HTTP/1.1\r\n\r\n").await });
        let mut request = None;
        // Drop the future after each single poll.
        while request.is_none() {
            tokio::select! {
                biased;
                event = portal.next() => request = Some(event),
                () = tokio::task::yield_now() => {}
            }
        }
        let Some(PortalEvent::Request { request, .. }) = request else { panic!("it asked") };
        portal.reply(request, page("found"));
        let answer = tokio::select! {
            answer = asked => answer.unwrap(),
            event = portal.next() => panic!("{event:?}"),
        };
        assert!(answer.ends_with("found"), "{answer}");
    });
}

#[test]
fn the_address_need_not_exist_yet_and_one_bad_address_is_left_out() {
    on_a_loop(async {
        // TEST-NET-3 and the documentation prefix: on no interface here.
        let addresses = ["203.0.113.7:0", "[2001:db8:77::1]:0"].map(|address| address.parse().unwrap());
        let portal = Portal::bind(&addresses, RequestIds::new()).unwrap();
        assert_eq!(portal.addresses().len(), 2);
        let taken = local_portal(Times::default()).addresses()[0];
        let first = Portal::bind(&[taken], RequestIds::new()).unwrap();
        let both = Portal::bind(&[taken, "127.0.0.1:0".parse().unwrap()], RequestIds::new()).unwrap();
        assert_eq!(both.addresses().len(), 1);
        let error = Portal::bind(&first.addresses(), RequestIds::new()).unwrap_err().to_string();
        assert!(error.starts_with("the portal cannot listen on 127.0.0.1:"), "{error}");
        assert!(Portal::bind(&[], RequestIds::new()).is_err());
    });
}
