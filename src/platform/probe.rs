//! Asks the world outside: pings, resolvers, pages. Each question is a task of its own that ends with its
//! patience, and leaves by the one device that it names (`SO_BINDTODEVICE`), so that an answer says something
//! about that uplink and no other.
//!
//! Nothing is decided here (`node/uplinks`, `node/outside`), and no name is looked up: a resolver behind the same
//! dead uplink must not hold up the word of a machine whose address is known.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream, UdpSocket};
use tokio::sync::mpsc;

use self::icmp::PingSocket;
use crate::base::limit;
use crate::base::time::Span;
use crate::node::probe::{Ask, Found, Probe, ProbeId};

mod icmp;

/// The questions under way.
#[derive(Debug)]
pub struct Prober {
    tell: mpsc::UnboundedSender<(ProbeId, Found)>,
    told: mpsc::UnboundedReceiver<(ProbeId, Found)>,
    under_way: usize,
}

impl Prober {
    /// Nothing is asked yet.
    pub fn new() -> Self {
        let (tell, told) = mpsc::unbounded_channel();
        Self { tell, told, under_way: 0 }
    }

    /// Asks. The answer, or that there is none, comes out of [`next`](Self::next); what is too much at one
    /// time has none at once.
    ///
    /// # Panics
    /// Outside of a tokio runtime with IO and time enabled.
    pub fn ask(&mut self, probe: Probe) {
        self.under_way += 1;
        let tell = self.tell.clone();
        if self.under_way > limit::PROBES {
            // The other end is in this very structure.
            let _ = tell.send((probe.id, Found::Silence));
            return;
        }
        tokio::spawn(async move {
            let patience = Duration::from_micros(probe.patience.as_micros());
            let found = tokio::time::timeout(patience, found(&probe)).await.unwrap_or(Found::Silence);
            // Nobody listens while the daemon stops.
            let _ = tell.send((probe.id, found));
        });
    }

    /// The next answer; cancel safe.
    pub async fn next(&mut self) -> (ProbeId, Found) {
        match self.told.recv().await {
            Some(answer) => {
                self.under_way -= 1;
                answer
            }
            // A sender is kept above.
            None => std::future::pending().await,
        }
    }
}

impl Default for Prober {
    fn default() -> Self {
        Self::new()
    }
}

async fn found(probe: &Probe) -> Found {
    let begun = Instant::now();
    let device = probe.device.as_deref();
    let answered = match &probe.ask {
        Ask::Ping { to, hop_limit } => ping(device, *to, *hop_limit, probe.id).await,
        Ask::Dns { server } => dns(device, *server).await.map(|()| None),
        Ask::Connect { server } => connect(device, *server).await.map(|_stream| None),
        Ask::Http { server, path } => http(device, *server, path).await.map(|()| None),
    };
    match answered {
        Ok(Some(by)) => Found::Expired { by },
        Ok(None) => {
            let after = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            Found::Answer { after: Span::from_micros(after) }
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Found::Refused { why: error.to_string() }
        }
        Err(_unreachable) => Found::Silence,
    }
}

/// `Some` router if the hop limit was used up there.
async fn ping(device: Option<&str>, to: IpAddr, hop_limit: u8, id: ProbeId) -> io::Result<Option<IpAddr>> {
    let (number, hop) = match id {
        ProbeId::Uplink(number) => (number, 0xff),
        ProbeId::Delay(number) => (number, 0xfe),
        ProbeId::Hop(number, hop) => (number, hop),
        ProbeId::Service(..) => return Err(io::ErrorKind::InvalidInput.into()),
    };
    // Identifier and sequence number tell our questions apart; those of another ping are another process's.
    let number = u32::try_from(number & 0xffff).unwrap_or(0) << 8 | u32::from(hop);
    let mark = number ^ std::process::id() << 24 ^ std::process::id() << 8 & 0xff_0000;
    PingSocket::open(device, to, hop_limit)?.exchange(mark).await
}

async fn dns(device: Option<&str>, server: IpAddr) -> io::Result<()> {
    let any =
        if server.is_ipv4() { IpAddr::V4(Ipv4Addr::UNSPECIFIED) } else { IpAddr::V6(Ipv6Addr::UNSPECIFIED) };
    let socket = UdpSocket::bind((any, 0)).await?;
    socket.bind_device(device.map(str::as_bytes))?;
    socket.connect((server, DNS_PORT)).await?;
    let mut number = [0_u8; 2];
    getrandom::fill(&mut number).map_err(|error| io::Error::other(error.to_string()))?;
    // RFC 1035 4.1: a standard query with recursion for the name servers (2) of the root, class 1.
    let question = [&number[..], &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0], &[0, 0, 2, 0, 1]].concat();
    socket.send(&question).await?;
    let mut answer = [0_u8; 512];
    loop {
        let length = socket.recv(&mut answer).await?;
        if let [first, second, flags, code, ..] = answer[..length]
            && [first, second] == number
            && flags & 0x80 != 0
        {
            // "I could not" (2) comes from a forwarder whose own way is dead; every other word came from outside.
            return if code & 0x0f == 2 { Err(io::ErrorKind::HostUnreachable.into()) } else { Ok(()) };
        }
    }
}

async fn connect(device: Option<&str>, server: SocketAddr) -> io::Result<TcpStream> {
    let socket = if server.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.bind_device(device.map(str::as_bytes))?;
    socket.connect(server).await
}

async fn http(device: Option<&str>, server: SocketAddr, path: &str) -> io::Result<()> {
    let mut stream = connect(device, server).await?;
    let question = format!("GET {path} HTTP/1.1\r\nHost: {server}\r\nConnection: close\r\n\r\n");
    stream.write_all(question.as_bytes()).await?;
    let mut head = [0_u8; "HTTP/1.1 2".len()];
    stream.read_exact(&mut head).await?;
    let good = head.starts_with(b"HTTP/1.") && head.ends_with(b" 2");
    if good { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

const DNS_PORT: u16 = 53;
