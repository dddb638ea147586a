//! A phone's browser and a server on the outside, as small as they can be.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use crate::console::Outcome;
use crate::space::Space;

/// What a server answered.
#[derive(Debug)]
pub(crate) struct Page {
    /// The status code.
    pub(crate) status: u16,
    /// Where a redirect leads.
    pub(crate) location: Option<String>,
    /// The body.
    pub(crate) body: String,
}

/// Opens `http://HOST[:PORT]/PATH` with an address as host.
pub(crate) fn get(url: &str) -> Outcome<Page> {
    ask("GET", url, "")
}

/// Sends a form.
pub(crate) fn post(url: &str, form: &str) -> Outcome<Page> {
    ask("POST", url, form)
}

fn ask(method: &str, url: &str, form: &str) -> Outcome<Page> {
    let rest = url.strip_prefix("http://").ok_or_else(|| format!("`{url}` is no http address"))?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address: SocketAddr = host
        .parse()
        .or_else(|_| format!("{host}:80").parse())
        .map_err(|_| format!("`{host}` of `{url}` is no address"))?;
    let exchange = || -> std::io::Result<Vec<u8>> {
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let kind = "application/x-www-form-urlencoded";
        let length = form.len();
        let head = format!("{method} /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
        // At once: a server that answers the first piece and closes takes the second one for a broken connection.
        let request = format!("{head}Content-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{form}");
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        // Some answer is enough: a server may close hard behind it.
        match stream.take(ANSWER_BYTES).read_to_end(&mut answer) {
            Err(error) if answer.is_empty() => Err(error),
            _ => Ok(answer),
        }
    };
    let answer = exchange().map_err(|error| format!("{method} {url}: {error}"))?;
    page(&String::from_utf8_lossy(&answer)).ok_or_else(|| format!("{method} {url}: no HTTP answer"))
}

fn page(answer: &str) -> Option<Page> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let location = lines.filter_map(|line| line.split_once(": "));
    let mut location = location.filter(|(name, _)| name.eq_ignore_ascii_case("location"));
    Some(Page { status, location: location.next().map(|(_, to)| to.to_owned()), body: body.to_owned() })
}

/// A server in this namespace that tells each browser who it is. It serves until the machine ends.
pub(crate) fn serve(space: &Space) -> Outcome<()> {
    let any = SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 80);
    let listener =
        space.inside(|| TcpListener::bind(any).map_err(|error| format!("a server on port 80: {error}")))?;
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            if let Err(error) = stream.and_then(answer)
                && error.kind() != ErrorKind::ConnectionReset
            {
                println!("boot: | the outside's server: {error}");
            }
        }
    });
    Ok(())
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    let client = stream.peer_addr()?.ip().to_canonical();
    if !read_head(&mut stream)? {
        return Ok(());
    }
    let body = format!("{OUTSIDE} client={client}");
    let length = body.len();
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    stream.write_all(answer.as_bytes())
}

/// Reads a request to the end of its head, in as many pieces as it comes; whether there is such an end. What is not read
/// when a connection is closed resets it, and the browser loses the answer.
fn read_head(stream: &mut impl Read) -> std::io::Result<bool> {
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let length = stream.read(&mut piece)?;
        if length == 0 || head.len() > HEAD_BYTES {
            return Ok(false);
        }
        head.extend_from_slice(&piece[..length]);
    }
    Ok(true)
}

/// What the page of the outside begins with.
pub(crate) const OUTSIDE: &str = "outside";

/// How long a browser waits. A typed code is 16,384 hashes, and an emulated router may get a tenth of a core.
const PATIENCE: Duration = Duration::from_secs(30);

/// Our pages have some 4 kB.
const ANSWER_BYTES: u64 = 65_536;

/// A browser of this file needs 120.
const HEAD_BYTES: usize = 4096;

#[cfg(test)]
mod test {
    use super::*;

    /// Gives one octet at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
            self.0.read(&mut buffer[..1])
        }
    }

    #[test]
    fn a_head_is_read_to_its_end_in_any_pieces() {
        let mut request = Slow(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nbody");
        assert!(read_head(&mut request).unwrap());
        assert_eq!(request.0, b"body");
        assert!(!read_head(&mut Slow(b"GET / HTTP/1.1\r\n")).unwrap());
    }
}
