//! The small web server of the outside and of the content server, run as `lab serve-web` inside their namespaces.
//!
//! Per address that it listens on: HTTP on port 80, answering its own name and the address that it sees the client
//! come from; and UDP echo (RFC 862) on port 7, with which outages are measured. A thread per connection, bounded.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::failure::{Outcome, io};
use crate::probes;

/// Serves until the process is killed. Prints `ready` when every address is open.
pub fn serve(name: &str, addresses: &[IpAddr]) -> Outcome<()> {
    let busy = Arc::new(AtomicUsize::new(0));
    let mut threads = Vec::new();
    for address in addresses {
        let web = SocketAddr::new(*address, 80);
        let listener = TcpListener::bind(web).map_err(io(format!("to listen on {web}")))?;
        let echo = SocketAddr::new(*address, ECHO_PORT);
        let socket = UdpSocket::bind(echo).map_err(io(format!("to listen on {echo}")))?;
        let (name, busy) = (name.to_string(), Arc::clone(&busy));
        threads.push(std::thread::spawn(move || listen(&name, &listener, &busy)));
        threads.push(std::thread::spawn(move || echo_all(&socket)));
    }
    println!("{READY}");
    for thread in threads {
        let _ = thread.join();
    }
    Ok(())
}

fn listen(name: &str, listener: &TcpListener, busy: &Arc<AtomicUsize>) {
    for stream in listener.incoming().flatten() {
        if busy.fetch_add(1, Ordering::Relaxed) >= CONNECTION_LIMIT {
            busy.fetch_sub(1, Ordering::Relaxed);
            continue;
        }
        let (name, busy) = (name.to_string(), Arc::clone(busy));
        std::thread::spawn(move || {
            // A client that goes away in the middle is its own business.
            let _ = answer(&name, stream);
            busy.fetch_sub(1, Ordering::Relaxed);
        });
    }
}

fn answer(name: &str, mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(CLIENT_TIME))?;
    stream.set_write_timeout(Some(CLIENT_TIME))?;
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        let length = stream.read(&mut buffer)?;
        if length == 0 || head.len() > HEAD_LIMIT {
            return Ok(());
        }
        head.extend_from_slice(&buffer[..length]);
    }
    let client = stream.peer_addr()?.ip().to_canonical();
    let text = String::from_utf8_lossy(&head);
    println!("{client} {}", text.lines().next().unwrap_or(""));
    stream.write_all(page(name, client, &text).as_bytes())
}

fn page(name: &str, client: IpAddr, head: &str) -> String {
    let path = head.split(' ').nth(1).unwrap_or("/");
    let host = head.lines().find_map(|line| line.strip_prefix("Host: ")).unwrap_or("");
    // What phones ask to learn whether they stand before a portal.
    if let Some(probe) = probes::asked(host, path) {
        return probe.answer();
    }
    let body = format!(
        "<!doctype html><title>{name}</title><h1>{name}</h1><p>server={name}</p><p>client={client}</p>\n"
    );
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nCache-Control: no-store\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )
}

fn echo_all(socket: &UdpSocket) {
    let mut buffer = [0; 1500];
    loop {
        if let Ok((length, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..length], from);
        }
    }
}

/// What the server prints when it can be asked.
pub const READY: &str = "ready";

/// Echo (RFC 862).
pub const ECHO_PORT: u16 = 7;

/// Connections at the same time; the next one is closed at once.
const CONNECTION_LIMIT: usize = 64;

/// A request line and its headers.
const HEAD_LIMIT: usize = 16 << 10;

/// A client that says nothing for so long is gone.
const CLIENT_TIME: Duration = Duration::from_secs(10);

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn a_page_says_who_serves_and_who_asks() {
        let text = page("outside", IpAddr::from([203, 0, 113, 2]), "GET / HTTP/1.1");
        assert!(text.contains("server=outside") && text.contains("client=203.0.113.2"));
        assert!(
            page(
                "outside",
                IpAddr::from([1, 2, 3, 4]),
                "GET /generate_204 HTTP/1.1\r\nHost: connectivitycheck.gstatic.com\r\n"
            )
            .starts_with("HTTP/1.1 204")
        );
        assert!(page("outside", IpAddr::from([1, 2, 3, 4]), "").contains("200 OK"));
    }
}
