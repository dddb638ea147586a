//! Every page that a stranger opens is a redirect: how many in a second, beside a bare hyper, with and without two
//! hundred connections that hang. The node keeps four of an address and 128 in all; the oldest that has not finished asking yields
//! to a new one (`platform/portal_http`).

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use super::client::{Client, dial, nth, talk};
use super::{Bench, NODE, median};
use crate::bench::serve;
use crate::failure::{Failure, Outcome, io};
use crate::http::{Url, request};
use crate::interrupt;
use crate::netns::{Land, Namespace};
use crate::process::Process;
use crate::topology::OUTSIDE4;

/// Clients that ask at one time, each with an address of its own.
const CLIENTS: u32 = 8;
/// Each round is so long.
const ROUND: Duration = Duration::from_secs(2);
const ROUNDS: usize = 5;
/// Addresses with connections that hang, four each.
const HANGING: u32 = 50;
const HANG_EACH: u32 = 4;
const BARE: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 1);
const BARE_CLIENT: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 2);

impl Bench {
    pub(super) fn redirects(&mut self) -> Outcome<()> {
        let hotspot = self.household().site.hotspot().expect("the node has a hotspot");
        let node = self.terrain.node(NODE).clone();
        let client = Client::plug_in(&node, &hotspot, "redirects", 0..64)?;
        let mut land = Land::new()?;
        let bare = land.add("bare")?;
        let _server = serve_bare(&client.namespace, &bare, self.folder.path())?;
        let ours = SocketAddrV4::new(OUTSIDE4, 80);
        let theirs = SocketAddrV4::new(BARE, 80);
        let from: Vec<Ipv4Addr> = (0..CLIENTS).map(|one| nth(client.first, one)).collect();
        let (mut our_rates, mut their_rates, mut slow_rates) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            our_rates.push(rate(&client.namespace, &from, ours)?);
            their_rates.push(rate(&client.namespace, &[BARE_CLIENT; CLIENTS as usize], theirs)?);
        }
        let mut hanging = hang(&client.namespace, nth(client.first, CLIENTS), ours)?;
        let mut given_up = 0;
        for stream in &mut hanging {
            given_up += u32::from(is_closed(stream)?);
        }
        for _ in 0..ROUNDS {
            slow_rates.push(rate(&client.namespace, &from, ours)?);
        }
        drop(hanging);
        let bare_rate = median(&mut their_rates);
        let our_rate = median(&mut our_rates);
        self.note("redirects_per_s", our_rate);
        self.note("bare_redirects_per_s", bare_rate);
        self.note("redirect_ratio", our_rate / bare_rate);
        self.note("slow_redirect_ratio", median(&mut slow_rates) / bare_rate);
        self.note("slow_given_up_at_once", f64::from(given_up));
        Ok(())
    }
}

/// hyper in a namespace of its own, at the end of a cable.
fn serve_bare(client: &Namespace, bare: &Namespace, folder: &Path) -> Outcome<Process> {
    client.ip(&format!(
        "link add bare0 type veth peer name eth0 netns {}\naddr add {BARE_CLIENT}/24 dev bare0\nlink set bare0 up\n",
        bare.name()
    ))?;
    bare.ip(&format!("addr add {BARE}/24 dev eth0\nlink set eth0 up\n"))?;
    let arguments = ["serve-redirect".to_owned(), "--listen".to_owned(), format!("{BARE}:80")];
    serve(bare, "hyper", &arguments, &folder.join("bare.log"))
}

/// Redirects in a second, of one client at each address.
fn rate(namespace: &Namespace, from: &[Ipv4Addr], to: SocketAddrV4) -> Outcome<f64> {
    let from = from.to_vec();
    interrupt::check()?;
    namespace.inside(move || {
        let begin = Instant::now();
        let clients: Vec<_> =
            from.into_iter().map(|own| std::thread::spawn(move || redirected(own, to, begin))).collect();
        let mut count = 0;
        for client in clients {
            count += client.join().map_err(|_| Failure::new("a client to end", "a panic"))??;
        }
        Ok(f64::from(count) / begin.elapsed().as_secs_f64())
    })
}

fn redirected(own: Ipv4Addr, to: SocketAddrV4, begin: Instant) -> Outcome<u32> {
    let bytes = request(&Url::parse("http://outside.example/")?, None, "");
    let mut count = 0;
    while begin.elapsed() < ROUND {
        let answer = talk(&mut dial(own, to)?, &bytes)?;
        if answer.status != 302 {
            return Err(Failure::new("a redirect", answer.status.to_string()));
        }
        count += 1;
    }
    Ok(count)
}

/// Connections that have said half of what they want.
fn hang(namespace: &Namespace, first: Ipv4Addr, to: SocketAddrV4) -> Outcome<Vec<TcpStream>> {
    namespace.inside(move || {
        let mut streams = Vec::new();
        for number in 0..HANGING * HANG_EACH {
            let mut stream = dial(nth(first, number / HANG_EACH), to)?;
            stream.write_all(b"GET / HTTP/1.1\r\nHost: outside").map_err(io("half a request"))?;
            streams.push(stream);
        }
        Ok(streams)
    })
}

/// Whether the node has given up a connection.
fn is_closed(stream: &mut TcpStream) -> Outcome<bool> {
    stream.set_nonblocking(true).map_err(io("a connection"))?;
    let waits = |error: &std::io::Error| error.kind() == std::io::ErrorKind::WouldBlock;
    Ok(!stream.read(&mut [0; 512]).as_ref().is_err_and(waits))
}
