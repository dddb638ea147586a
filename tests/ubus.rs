//! Our side of ubus against a real broker (`ubusd`, in a thread of the test), called by ourselves and by
//! a client that others wrote (`ubus` 0.1.7).

use std::ffi::OsStr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use tequio::base::limit;
use tequio::platform::ubus::{
    ArgumentType, CallId, Method, UbusClient, UbusError, UbusEvent, UbusServer, UbusStatus,
};

/// A broker on a socket of its own: `ubusd` in a thread, or the program that `TEQUIO_UBUSD` names, such
/// as OpenWrt's own.
struct Broker {
    socket: PathBuf,
    runs: Runs,
}

enum Runs {
    Thread(Arc<AtomicBool>, Option<JoinHandle<()>>),
    Process(Child),
}

impl Broker {
    fn new() -> Self {
        Self::start(&fresh_socket())
    }

    fn start(socket: &Path) -> Self {
        let runs = match std::env::var_os("TEQUIO_UBUSD") {
            Some(program) => Runs::process(&program, socket),
            None => Runs::thread(socket),
        };
        Self { socket: socket.to_owned(), runs }
    }
}

impl Runs {
    fn thread(socket: &Path) -> Self {
        let config = ubusd::Config {
            socket_path: socket.to_str().unwrap().to_owned(),
            peer_uid_override: Some(0),
            ..ubusd::Config::default()
        };
        let mut broker = ubusd::Broker::bind(config).unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                broker.poll_once(5).unwrap();
            }
        });
        Self::Thread(stop, Some(thread))
    }

    fn process(program: &OsStr, socket: &Path) -> Self {
        let mut child = Command::new(program).arg("-s").arg(socket).spawn().unwrap();
        let start = Instant::now();
        while UnixStream::connect(socket).is_err() {
            assert!(child.try_wait().unwrap().is_none() && start.elapsed() < PATIENCE, "the broker listens");
            std::thread::yield_now();
        }
        Self::Process(child)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        match &mut self.runs {
            Runs::Thread(stop, thread) => {
                stop.store(true, Ordering::Relaxed);
                if let Some(thread) = thread.take() {
                    thread.join().unwrap();
                }
            }
            Runs::Process(child) => {
                child.kill().unwrap();
                child.wait().unwrap();
                let _ = std::fs::remove_file(&self.socket);
            }
        }
    }
}

fn fresh_socket() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("tequio-ubus-{}-{number}.sock", std::process::id()))
}

const METHODS: &[Method] = &[
    Method {
        name: "echo",
        arguments: &[
            ("text", ArgumentType::Text),
            ("number", ArgumentType::Int32),
            ("up_bytes", ArgumentType::Int64),
            ("on", ArgumentType::Bool),
            ("share", ArgumentType::Double),
            ("list", ArgumentType::Array),
            ("table", ArgumentType::Table),
        ],
    },
    Method { name: "who", arguments: &[] },
    Method { name: "large", arguments: &[("length", ArgumentType::Int32)] },
    Method { name: "refuse", arguments: &[] },
    Method { name: "gather", arguments: &[("name", ArgumentType::Text)] },
];

/// Serves the object of [`METHODS`] for as long as the test runs. Calls of `gather` are answered in
/// reverse order once three have come.
async fn serve(mut server: UbusServer) {
    let mut gathered: Vec<(CallId, Value)> = Vec::new();
    loop {
        let UbusEvent::Call(call) = server.next().await else { continue };
        let arguments = Value::Object(call.arguments);
        match call.method.as_str() {
            "echo" => server.reply(call.call, Ok(arguments)),
            "who" => server.reply(call.call, Ok(json!({"session": call.session, "user": call.unix_user}))),
            "large" => {
                let length = arguments["length"].as_u64().unwrap_or(0) as usize;
                server.reply(call.call, Ok(json!({"text": "x".repeat(length)})));
            }
            "refuse" => server.reply(call.call, Err(UbusStatus::PermissionDenied)),
            "gather" => {
                gathered.push((call.call, arguments));
                if gathered.len() == 3 {
                    for (call, arguments) in gathered.drain(..).rev() {
                        server.reply(call, Ok(arguments));
                    }
                }
            }
            other => panic!("{other} is not in the table"),
        }
    }
}

/// A server that is on the bus.
async fn connected(socket: &Path) -> UbusServer {
    let mut server = UbusServer::new(socket.to_owned(), "tequio", METHODS);
    assert_eq!(server.next().await, UbusEvent::Connected);
    server
}

/// A broker with our object on it, and a client.
async fn village() -> (Broker, UbusClient) {
    let broker = Broker::new();
    tokio::spawn(serve(connected(&broker.socket).await));
    let client = UbusClient::connect(&broker.socket).await.unwrap();
    (broker, client)
}

async fn invoke(client: &mut UbusClient, method: &str, arguments: Value) -> Result<Value, UbusError> {
    client.invoke("tequio", method, arguments, PATIENCE).await
}

/// Longer than anything takes, so that only what never comes runs into it.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_stranger_sees_the_methods_and_the_types_of_their_arguments() {
    let (broker, _client) = village().await;
    let socket = broker.socket.clone();
    let object = tokio::task::spawn_blocking(move || {
        let mut stranger = Box::new(ubus_blocking::Connection::connect(&socket).unwrap());
        let object: Value = serde_json::from_str(&stranger.lookup_object_json("tequio").unwrap()).unwrap();
        object
    })
    .await
    .unwrap();
    assert_eq!(object["path"], "tequio");
    let methods = object["methods"].as_object().unwrap();
    assert_eq!(methods.len(), METHODS.len());
    let echo = &methods["echo"]["policy"];
    let types = ["text", "number", "up_bytes", "on", "share", "list", "table"]
        .map(|name| echo[name].as_u64().unwrap());
    assert_eq!(types, [3, 5, 4, 7, 8, 1, 2]);
}

#[tokio::test]
async fn a_stranger_calls_and_understands_the_answer() {
    let (broker, _client) = village().await;
    let socket = broker.socket.clone();
    let (answer, refused, missing) = tokio::task::spawn_blocking(move || {
        let mut stranger = Box::new(ubus_blocking::Connection::connect(&socket).unwrap());
        let arguments = r#"{"text": "hola", "number": 7, "up_bytes": 5000000000}"#;
        let answer = stranger.call("tequio", "echo", arguments).unwrap();
        let refused = stranger.call("tequio", "refuse", "{}").unwrap_err().to_string();
        let id = stranger.lookup_id("tequio").unwrap();
        let missing = stranger.invoke(id, "no_such_method", &[], |_| {}).unwrap_err().to_string();
        (answer, refused, missing)
    })
    .await
    .unwrap();
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer, json!({"text": "hola", "number": 7, "up_bytes": 5_000_000_000_i64}));
    assert!(refused.contains('6'), "{refused}");
    assert!(missing.contains('3'), "{missing}");
}

#[tokio::test]
async fn every_kind_of_value_comes_back_as_it_went() {
    let (_broker, mut client) = village().await;
    let value = json!({
        "text": "mañana \"y\" \n tarde",
        "number": -2_147_483_648_i64,
        "up_bytes": i64::MAX,
        "on": true,
        "share": 0.25,
        "list": [1, "dos", null, [3], {"cuatro": 4}, 5_000_000_000_i64],
        "table": {"a": {"b": {"c": [false]}}, "": 1},
    });
    assert_eq!(invoke(&mut client, "echo", value.clone()).await, Ok(value));
    assert_eq!(invoke(&mut client, "echo", json!({})).await, Ok(json!({})));
    // An integer where the signature says fraction, and a number where it says yes or no.
    let typed = invoke(&mut client, "echo", json!({"share": 2, "on": 1})).await;
    assert_eq!(typed, Ok(json!({"share": 2.0, "on": true})));
    // What the table does not name does not arrive.
    assert_eq!(invoke(&mut client, "echo", json!({"other": 1})).await, Ok(json!({})));
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_a_status() {
    let (_broker, mut client) = village().await;
    let status = |status| Err(UbusError::Status(status));
    for wrong in [json!({"text": 5}), json!({"number": "5"}), json!({"number": 5_000_000_000_i64})] {
        assert_eq!(invoke(&mut client, "echo", wrong).await, status(UbusStatus::InvalidArgument));
    }
    assert_eq!(invoke(&mut client, "refuse", json!({})).await, status(UbusStatus::PermissionDenied));
    assert_eq!(invoke(&mut client, "nothing", json!({})).await, status(UbusStatus::MethodNotFound));
    let stranger = client.invoke("stranger", "status", Value::Null, PATIENCE).await;
    assert_eq!(stranger, status(UbusStatus::NotFound));
    assert!(matches!(invoke(&mut client, "echo", json!({"text": "a\0b"})).await, Err(UbusError::Value(_))));
    assert!(invoke(&mut client, "echo", json!({"text": "still here"})).await.is_ok());
}

#[tokio::test]
async fn the_session_is_told_and_not_mixed_with_the_arguments() {
    let (_broker, mut client) = village().await;
    let who = invoke(&mut client, "who", json!({"ubus_rpc_session": "0123abcd"})).await.unwrap();
    assert_eq!(who["session"], "0123abcd");
    assert!(!who["user"].as_str().unwrap().is_empty());
    assert_eq!(invoke(&mut client, "who", json!({})).await.unwrap()["session"], Value::Null);
}

#[tokio::test]
async fn an_answer_that_is_too_large_becomes_a_sentence() {
    let (_broker, mut client) = village().await;
    let whole = invoke(&mut client, "large", json!({"length": 90_000})).await.unwrap();
    assert_eq!(whole["text"].as_str().unwrap().len(), 90_000);
    let refused = invoke(&mut client, "large", json!({"length": 120_000})).await.unwrap();
    assert_eq!(refused["error"]["code"], "too-large");
    let message = refused["error"]["message"].as_str().unwrap();
    assert!(message.contains(&limit::UBUS_MESSAGE_BYTES.to_string()), "{message}");
}

#[tokio::test]
async fn arguments_that_are_too_long_are_refused_and_the_next_call_is_read() {
    let (_broker, mut client) = village().await;
    let long = json!({"text": "x".repeat(limit::UBUS_READ_BYTES)});
    assert_eq!(invoke(&mut client, "echo", long).await, Err(UbusError::Status(UbusStatus::NoMemory)));
    assert!(invoke(&mut client, "echo", json!({})).await.is_ok());
}

#[tokio::test]
async fn answers_may_come_in_any_order() {
    let (broker, _client) = village().await;
    let ask = |name: &'static str| {
        let socket = broker.socket.clone();
        async move {
            let mut client = UbusClient::connect(&socket).await.unwrap();
            invoke(&mut client, "gather", json!({"name": name})).await.unwrap()["name"].clone()
        }
    };
    let (first, second, third) = tokio::join!(ask("uno"), ask("dos"), ask("tres"));
    assert_eq!((first, second, third), ("uno".into(), "dos".into(), "tres".into()));
}

#[tokio::test]
async fn the_object_comes_back_with_the_broker() {
    let broker = Broker::new();
    let socket = broker.socket.clone();
    let mut server = connected(&socket).await;
    drop(broker);
    assert_eq!(server.next().await, UbusEvent::Disconnected);
    assert!(!server.is_connected());
    let broker = Broker::start(&socket);
    assert_eq!(server.next().await, UbusEvent::Connected);
    assert_eq!(server.counters().disconnected, 1);
    tokio::spawn(serve(server));
    let mut client = UbusClient::connect(&broker.socket).await.unwrap();
    assert!(invoke(&mut client, "echo", json!({})).await.is_ok());
}

#[tokio::test]
async fn a_broker_that_comes_late_is_waited_for() {
    let socket = fresh_socket();
    let mut server = UbusServer::new(socket.clone(), "tequio", METHODS);
    // Nobody is there: a call of ours is answered at once, and the first attempts fail.
    let invoke = server.invoke("session", "get", Map::new(), Duration::from_secs(1));
    assert_eq!(server.next().await, UbusEvent::Answer { invoke, result: Err(UbusError::Gone) });
    assert!(tokio::time::timeout(Duration::from_millis(300), server.next()).await.is_err());
    assert!(UbusClient::connect(&socket).await.is_err());
    let _broker = Broker::start(&socket);
    assert_eq!(server.next().await, UbusEvent::Connected);
}

#[tokio::test]
async fn the_server_calls_others() {
    let (broker, _client) = village().await;
    let mut node = UbusServer::new(broker.socket.clone(), "node", METHODS);
    assert_eq!(node.next().await, UbusEvent::Connected);
    let arguments = json!({"text": "who sold?"}).as_object().unwrap().clone();
    let echo = node.invoke("tequio", "echo", arguments.clone(), PATIENCE);
    let nobody = node.invoke("nobody", "echo", Map::new(), PATIENCE);
    let never = node.invoke("tequio", "gather", Map::new(), Duration::from_millis(50));
    let mut answers = Vec::new();
    while answers.len() < 3 {
        match node.next().await {
            UbusEvent::Answer { invoke, result } => answers.push((invoke, result)),
            other => panic!("{other:?}"),
        }
    }
    answers.sort_by_key(|(invoke, _)| *invoke);
    assert_eq!(answers[0], (echo, Ok(Value::Object(arguments))));
    assert_eq!(answers[1], (nobody, Err(UbusError::Status(UbusStatus::NotFound))));
    assert_eq!(answers[2], (never, Err(UbusError::Timeout)));
}

#[tokio::test]
async fn calls_of_our_own_are_bounded() {
    let broker = Broker::new();
    let mut node = connected(&broker.socket).await;
    for _ in 0..=limit::UBUS_INVOKES {
        node.invoke("nobody", "echo", Map::new(), PATIENCE);
    }
    let mut busy = 0;
    for _ in 0..=limit::UBUS_INVOKES {
        match node.next().await {
            UbusEvent::Answer { result: Err(UbusError::Busy), .. } => busy += 1,
            UbusEvent::Answer { result, .. } => {
                assert_eq!(result, Err(UbusError::Status(UbusStatus::NotFound)));
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(busy, 1);
}

#[tokio::test]
async fn events_are_sent_and_heard() {
    let broker = Broker::new();
    let mut hearing =
        UbusServer::new(broker.socket.clone(), "hearing", &[]).listen(&["tequio.*", "network.interface"]);
    assert_eq!(hearing.next().await, UbusEvent::Connected);
    // Who sends never hears himself: it takes a second connection.
    let mut speaking = connected(&broker.socket).await;
    let data = json!({"action": "ifup", "rx_bytes": 5}).as_object().unwrap().clone();
    let start = Instant::now();
    // The patterns are registered after the object, and nobody says when that is done.
    let heard = loop {
        speaking.send_event("tequio.link", &data).unwrap();
        if let Ok(heard) = tokio::time::timeout(Duration::from_millis(20), hearing.next()).await {
            break heard;
        }
        assert!(start.elapsed() < PATIENCE, "the event was not heard");
    };
    assert_eq!(heard, UbusEvent::Event { name: "tequio.link".to_owned(), data });
}

#[tokio::test]
async fn ten_thousand_calls_are_answered() {
    let (_broker, mut client) = village().await;
    let start = Instant::now();
    for number in 0..10_000 {
        let arguments = json!({"number": number});
        assert_eq!(invoke(&mut client, "echo", arguments.clone()).await, Ok(arguments));
    }
    println!("10,000 calls with their look-ups in {:?}", start.elapsed());
}
