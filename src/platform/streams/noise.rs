//! One stream between two nodes: TCP below, Noise (`XX_25519_ChaChaPoly_BLAKE2s`) around, messages inside.
//!
//! ```text
//! frame: length (2 octets, big-endian), then so many octets: three frames are the handshake, each later
//!        one is a message and its authenticator (16 octets)
//! ```
//!
//! The prologue names the community: nodes of two communities never come to an agreement. Both ends prove
//! their X25519 key; whose key that is, the ledger says.

use std::io;

use snow::{Builder, HandshakeState, StatelessTransportState};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::mpsc::{Receiver, Sender};
use zeroize::Zeroizing;

use super::Happened;
use crate::base::limit;
use crate::ledger::sync::StreamId;
use crate::platform::vault::seal;

/// The key that a node proves on its streams.
#[derive(Clone)]
pub struct StreamKey(pub(in crate::platform) Zeroizing<[u8; 32]>);

const PATTERN: &str = "Noise_XX_25519_ChaChaPoly_BLAKE2s";
/// Octets of an authenticator.
const TAG: usize = 16;
/// The longest message of the handshake: two keys and an authenticator each.
const HANDSHAKE: usize = 128;

/// Agrees with the other end. Its X25519 key comes out.
pub(super) async fn agree(
    tcp: &mut TcpStream,
    key: &StreamKey,
    community: &[u8; 32],
    dialled: bool,
) -> io::Result<(StatelessTransportState, [u8; 32])> {
    let prologue = [b"tequio sync 1".as_slice(), community].concat();
    let mut noise = build(key, &prologue, dialled).map_err(wrong)?;
    let (mut reader, mut writer) = tcp.split();
    while !noise.is_handshake_finished() {
        if noise.is_my_turn() {
            let mut message = [0; HANDSHAKE];
            let length = noise.write_message(&[], &mut message).map_err(wrong)?;
            write_frame(&mut writer, &message[..length]).await?;
        } else {
            let message = read_frame(&mut reader, HANDSHAKE).await?;
            let mut payload = [0; HANDSHAKE];
            noise.read_message(&message, &mut payload).map_err(wrong)?;
        }
    }
    let other = noise.get_remote_static().and_then(|key| key.try_into().ok());
    let other = other.ok_or_else(|| io::Error::other("the other end has shown no key"))?;
    Ok((noise.into_stateless_transport_mode().map_err(wrong)?, other))
}

/// Moves messages until the stream ends: one in for each word of `read`, those of `send` out in their order.
pub(super) async fn carry(
    id: StreamId,
    tcp: &mut TcpStream,
    noise: &StatelessTransportState,
    mut read: Receiver<()>,
    mut send: Receiver<Vec<u8>>,
    happened: &Sender<Happened>,
) -> io::Result<()> {
    let (mut reader, mut writer) = tcp.split();
    let incoming = async {
        let mut nonce = 0;
        while read.recv().await.is_some() {
            let sealed = read_frame(&mut reader, limit::SYNC_MESSAGE_BYTES + TAG).await?;
            let mut message = vec![0; sealed.len()];
            let length = noise.read_message(nonce, &sealed, &mut message).map_err(wrong)?;
            nonce += 1;
            message.truncate(length);
            tell(happened, Happened::Message(id, message)).await?;
        }
        Ok(())
    };
    let outgoing = async {
        let mut nonce = 0;
        while let Some(message) = send.recv().await {
            let mut sealed = vec![0; message.len() + TAG];
            let length = noise.write_message(nonce, &message, &mut sealed).map_err(wrong)?;
            nonce += 1;
            write_frame(&mut writer, &sealed[..length]).await?;
            tell(happened, Happened::Writable(id)).await?;
        }
        Ok(())
    };
    tokio::select! { end = incoming => end, end = outgoing => end }
}

async fn tell(happened: &Sender<Happened>, what: Happened) -> io::Result<()> {
    happened.send(what).await.map_err(|_gone| io::Error::other("nobody listens any more"))
}

fn build<'a>(key: &'a StreamKey, prologue: &'a [u8], dialled: bool) -> Result<HandshakeState, snow::Error> {
    let builder: Builder<'a> = seal::builder(PATTERN, prologue)?.local_private_key(key.0.as_slice())?;
    if dialled { builder.build_initiator() } else { builder.build_responder() }
}

async fn write_frame(writer: &mut WriteHalf<'_>, content: &[u8]) -> io::Result<()> {
    let length = u16::try_from(content.len()).map_err(io::Error::other)?;
    let frame = [&length.to_be_bytes(), content].concat();
    writer.write_all(&frame).await
}

async fn read_frame(reader: &mut ReadHalf<'_>, most: usize) -> io::Result<Vec<u8>> {
    let length = usize::from(reader.read_u16().await?);
    if length > most {
        return Err(io::Error::other(format!("a frame of {length} octets, {most} are allowed")));
    }
    let mut content = vec![0; length];
    reader.read_exact(&mut content).await?;
    Ok(content)
}

fn wrong(error: snow::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error.to_string())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    use super::*;

    fn key(number: u8) -> StreamKey {
        StreamKey(Zeroizing::new([number; 32]))
    }

    /// Two ends of a connection of this machine: who dialled, who answered.
    async fn pair() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dialled = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (dialled, listener.accept().await.unwrap().0)
    }

    /// What both ends have after the handshake of keys 1 and 2.
    async fn agreed(one: &mut TcpStream, two: &mut TcpStream) -> [(StatelessTransportState, [u8; 32]); 2] {
        let (first, second) = (key(1), key(2));
        let community = [9; 32];
        let (one, two) =
            tokio::join!(agree(one, &first, &community, true), agree(two, &second, &community, false));
        [one.unwrap(), two.unwrap()]
    }

    #[tokio::test]
    async fn both_ends_learn_the_others_key() {
        let (mut one, mut two) = pair().await;
        let [(_, seen_by_one), (_, seen_by_two)] = agreed(&mut one, &mut two).await;
        assert_eq!(Some(seen_by_one), seal::public_key(&[2; 32]));
        assert_eq!(Some(seen_by_two), seal::public_key(&[1; 32]));
    }

    #[tokio::test]
    async fn two_communities_never_agree() {
        let (mut one, mut two) = pair().await;
        let (first, second) = (key(1), key(2));
        let dialled = async {
            let agreed = agree(&mut one, &first, &[9; 32], true).await;
            drop(one);
            agreed
        };
        let (dialled, answered) = tokio::join!(dialled, agree(&mut two, &second, &[8; 32], false));
        assert!(dialled.is_err() && answered.is_err());
    }

    #[tokio::test]
    async fn messages_pass_when_asked_for_and_an_altered_one_ends_the_stream() {
        let (mut one, mut two) = pair().await;
        let [(noise, _), (other, _)] = agreed(&mut one, &mut two).await;
        let (read, reads) = mpsc::channel(1);
        let (_send, sends) = mpsc::channel(1);
        let (happened, mut events) = mpsc::channel(4);
        let carried = carry(StreamId(1), &mut two, &other, reads, sends, &happened);
        let story = async {
            let mut sealed = vec![0; 5 + TAG];
            noise.write_message(0, b"hello", &mut sealed).unwrap();
            write_frame(&mut one.split().1, &sealed).await.unwrap();
            read.send(()).await.unwrap();
            let Some(Happened::Message(StreamId(1), message)) = events.recv().await else {
                panic!("a message")
            };
            assert_eq!(message, b"hello");
            noise.write_message(1, b"hello", &mut sealed).unwrap();
            sealed[3] ^= 1;
            write_frame(&mut one.split().1, &sealed).await.unwrap();
            read.send(()).await.unwrap();
        };
        let (end, ()) = tokio::join!(carried, story);
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[tokio::test]
    async fn a_frame_that_is_too_long_is_refused_before_it_is_read() {
        let (mut one, mut two) = pair().await;
        write_frame(&mut one.split().1, &[0; HANDSHAKE + 1]).await.unwrap();
        let agreed = agree(&mut two, &key(2), &[9; 32], false).await;
        assert!(agreed.is_err_and(|error| error.to_string().contains("128 are allowed")));
    }
}
