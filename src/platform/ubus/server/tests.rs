use super::*;
use crate::platform::ubus::ArgumentType;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};

const METHODS: &[Method] = &[Method { name: "why", arguments: &[("to", ArgumentType::Text)] }];
const HELLO: [u8; 12] = [0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 4];
const OBJECT: [u8; 4] = [0x97, 0x82, 0x86, 0xf5];

/// A broker that says what the test wants, byte for byte.
struct Script {
    path: PathBuf,
    listener: UnixListener,
}

impl Script {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tequio-ubus-{name}-{}.sock", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        Self { path, listener }
    }

    fn server(&self) -> UbusServer {
        UbusServer::new(self.path.clone(), "tequio", METHODS)
    }

    /// Greets, reads ADD_OBJECT (whose sequence number is 1) and ends it with `status`.
    async fn accept(&self, status: u8) -> UnixStream {
        let (mut stream, _) = self.listener.accept().await.unwrap();
        stream.write_all(&HELLO).await.unwrap();
        let mut head = [0; 12];
        stream.read_exact(&mut head).await.unwrap();
        assert_eq!(head[..8], [0, 6, 0, 1, 0, 0, 0, 0]);
        let mut rest = vec![0; usize::from(head[11]) - 4];
        stream.read_exact(&mut rest).await.unwrap();
        if status == 0 {
            let id = [[0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 12].as_slice(), &[3, 0, 0, 8], &OBJECT].concat();
            stream.write_all(&id).await.unwrap();
        }
        let end = [0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 12, 1, 0, 0, 8, 0, 0, 0, status];
        stream.write_all(&end).await.unwrap();
        stream
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A call of `why` by client 9 with these arguments.
fn call(contents: &[u8]) -> Vec<u8> {
    let mut attributes = vec![3, 0, 0, 8];
    attributes.extend_from_slice(&OBJECT);
    attributes.extend_from_slice(&[4, 0, 0, 8, b'w', b'h', b'y', 0]);
    attributes.extend_from_slice(&[7, 0, 0, contents.len() as u8 + 4]);
    attributes.extend_from_slice(contents);
    let mut bytes = vec![0, 5, 0, 3, 0, 0, 0, 9, 0, 0, 0, attributes.len() as u8 + 4];
    bytes.extend_from_slice(&attributes);
    bytes
}

#[tokio::test]
async fn an_object_that_is_refused_is_offered_again() {
    let script = Script::new("refused");
    let mut server = script.server();
    let broker = async {
        let mut refused = script.accept(2).await;
        assert_eq!(refused.read(&mut [0]).await.unwrap(), 0, "the server hangs up");
        script.accept(0).await
    };
    let (event, _stream) = tokio::join!(server.next(), broker);
    assert_eq!(event, UbusEvent::Connected);
    assert_eq!(server.counters().disconnected, 1);
}

#[tokio::test]
async fn a_lost_border_costs_the_connection_and_no_more() {
    let script = Script::new("framing");
    let mut server = script.server();
    let (event, mut stream) = tokio::join!(server.next(), script.accept(0));
    assert_eq!(event, UbusEvent::Connected);
    stream.write_all(&[0xff; 64]).await.unwrap();
    assert_eq!(server.next().await, UbusEvent::Disconnected);
    let (event, _stream) = tokio::join!(server.next(), script.accept(0));
    assert_eq!(event, UbusEvent::Connected);
}

#[tokio::test]
async fn what_cannot_be_read_is_counted_and_changes_nothing() {
    let script = Script::new("malformed");
    let mut server = script.server();
    let (_, mut stream) = tokio::join!(server.next(), script.accept(0));
    // Attributes that end too early; a message of no known kind; arguments that are no table.
    stream.write_all(&[0, 5, 0, 1, 0, 0, 0, 9, 0, 0, 0, 8, 3, 0, 0, 8]).await.unwrap();
    stream.write_all(&[0, 99, 0, 1, 0, 0, 0, 9, 0, 0, 0, 4]).await.unwrap();
    stream.write_all(&call(&[0x85, 0, 0, 99])).await.unwrap();
    stream.write_all(&call(&[])).await.unwrap();
    let UbusEvent::Call(call) = server.next().await else { panic!("no call") };
    assert_eq!((call.method.as_str(), call.arguments.len()), ("why", 0));
    assert_eq!(server.counters().malformed, 3);
    let mut refused = [0; 28];
    stream.read_exact(&mut refused).await.unwrap();
    assert_eq!(refused[..8], [0, 1, 0, 3, 0, 0, 0, 9]);
    assert_eq!(refused[12..20], [1, 0, 0, 8, 0, 0, 0, 2], "status 2: invalid argument");
    server.reply(call.call, Ok(json!({})));
    let mut answered = [0; 52];
    stream.read_exact(&mut answered).await.unwrap();
    assert_eq!(answered[..8], [0, 2, 0, 3, 0, 0, 0, 9]);
    assert_eq!(answered[24..32], [0, 1, 0, 3, 0, 0, 0, 9]);
}

#[tokio::test]
async fn a_broker_that_does_not_read_is_left() {
    let script = Script::new("stuck");
    let mut server = script.server();
    let (_, mut stream) = tokio::join!(server.next(), script.accept(0));
    let text = "x".repeat(90_000);
    for _ in 0..40 {
        let _ = stream.write_all(&call(&[])).await;
        match server.next().await {
            UbusEvent::Call(call) => server.reply(call.call, Ok(json!({"text": text}))),
            UbusEvent::Disconnected => return,
            other => panic!("{other:?}"),
        }
    }
    panic!("3.6 MB were taken");
}

#[tokio::test]
async fn an_answer_from_before_the_restart_reaches_nobody() {
    let script = Script::new("late");
    let mut server = script.server();
    let (_, mut stream) = tokio::join!(server.next(), script.accept(0));
    stream.write_all(&call(&[])).await.unwrap();
    let UbusEvent::Call(old) = server.next().await else { panic!("no call") };
    drop(stream);
    assert_eq!(server.next().await, UbusEvent::Disconnected);
    let (_, mut stream) = tokio::join!(server.next(), script.accept(0));
    stream.write_all(&call(&[])).await.unwrap();
    let UbusEvent::Call(new) = server.next().await else { panic!("no call") };
    assert_ne!(old.call, new.call);
    server.reply(old.call, Ok(json!({"old": true})));
    server.reply(new.call, Err(UbusStatus::NoData));
    let mut end = [0; 28];
    stream.read_exact(&mut end).await.unwrap();
    assert_eq!(end[12..20], [1, 0, 0, 8, 0, 0, 0, 5]);
}
