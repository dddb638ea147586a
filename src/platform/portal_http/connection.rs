//! One connection of the portal: one request in, one answer out, then closed.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout, timeout_at};

use super::message::{Head, Refusal, answer, refusal};
use crate::base::limit;
use crate::hotspot::request::{PortalRequest, Rendered};

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
        http: Box<PortalRequest>,
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
    let mut reader = Reader::default();
    let read = timeout_at(Instant::now() + times.request, reader.read(&mut stream)).await;
    let read = match read {
        Ok(read) => read,
        // Who said nothing needs no answer.
        Err(_) if reader.bytes.is_empty() => Err(Broken::Gone),
        Err(_) => Err(Broken::Refused(408)),
    };
    let refused = matches!(read, Err(Broken::Refused(_)));
    let rendered = match read {
        Ok(http) => ask(&mut stream, peer, http, &ending, times).await,
        Err(Broken::Refused(status)) => Some(refusal(status)),
        Err(Broken::Gone) => None,
    };
    if let Some(rendered) = rendered {
        let bytes = answer(&rendered, reader.is_head);
        let send = async {
            // Errors are the peer's: it left.
            let _ = stream.write_all(&bytes).await;
            let _ = stream.shutdown().await;
        };
        let _ = timeout(times.send, send).await;
        let _ = ending.tell.send(Told::Answered { connection: ending.connection, refused });
        let _ = timeout(times.linger, read_away(&mut stream)).await;
    }
}

/// Has the node answer. `None` if the peer left meanwhile.
async fn ask(
    stream: &mut TcpStream,
    peer: SocketAddr,
    http: PortalRequest,
    ending: &Ending,
    times: Times,
) -> Option<Rendered> {
    let (answer, answered) = oneshot::channel();
    let asked = Told::Asked { connection: ending.connection, peer, http: Box::new(http), answer };
    if ending.tell.send(asked).is_err() {
        return Some(refusal(503));
    }
    tokio::select! {
        answered = timeout(times.answer, answered) => match answered {
            Ok(Ok(rendered)) => Some(rendered),
            Ok(Err(_)) | Err(_) => Some(refusal(503)),
        },
        () = until_gone(stream) => None,
    }
}

/// Why there is no request.
#[derive(Clone, Copy, Debug)]
enum Broken {
    /// The peer closed the connection, or it broke.
    Gone,
    /// What came is refused with this status.
    Refused(Refusal),
}

/// What came so far.
#[derive(Debug, Default)]
struct Reader {
    bytes: Vec<u8>,
    is_head: bool,
}

impl Reader {
    /// Reads until the request is whole.
    async fn read(&mut self, stream: &mut TcpStream) -> Result<PortalRequest, Broken> {
        let mut head = loop {
            let before = self.bytes.len();
            self.more(stream).await?;
            // A head ends with a line. At the first piece a look tells what speaks no HTTP at all.
            let may_be_whole = before == 0 || self.bytes[before..].contains(&b'\n') || self.is_long();
            if may_be_whole && let Some(head) = Head::parse(&self.bytes).map_err(Broken::Refused)? {
                break head;
            }
        };
        self.is_head = head.is_head;
        let expects = head.expects && self.bytes.len() == head.length;
        loop {
            if let Some(request) = head.finish(&self.bytes[head.length..]).map_err(Broken::Refused)? {
                return Ok(request);
            }
            if expects && self.bytes.len() == head.length {
                stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.map_err(|_| Broken::Gone)?;
            }
            self.more(stream).await?;
        }
    }

    /// Whether no head is as long as what came.
    fn is_long(&self) -> bool {
        self.bytes.len() > limit::PORTAL_REQUEST_BYTES
    }

    async fn more(&mut self, stream: &mut TcpStream) -> Result<(), Broken> {
        let mut piece = [0; 1_024];
        match stream.read(&mut piece).await {
            Ok(count @ 1..) => {
                self.bytes.extend_from_slice(&piece[..count]);
                Ok(())
            }
            Ok(0) | Err(_) => Err(Broken::Gone),
        }
    }
}

/// Returns when the peer has left. What it sends beside its request is read away, up to a bound.
async fn until_gone(stream: &mut TcpStream) {
    if read_away(stream).await {
        // It says more than anybody wants to hear, and is not gone.
        std::future::pending::<()>().await;
    }
}

/// Reads away what the peer still sends, until it leaves (false) or has said too much (true). Closing with unread bytes
/// would reset the connection, and the peer could lose the answer that says why its request was too large.
async fn read_away(stream: &mut TcpStream) -> bool {
    let mut left = LINGER_BYTES;
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = stream.read(&mut buffer).await {
        left = left.saturating_sub(count);
        if left == 0 {
            return true;
        }
    }
    false
}

/// How much a peer may go on sending after its request.
const LINGER_BYTES: usize = 64 * 1024;
