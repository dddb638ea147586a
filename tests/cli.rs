//! The command line as people and scripts use it: the program itself, against an object on a real broker.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use tequio::platform::ubus::{Call, METHODS, OBJECT, UbusEvent, UbusServer, UbusStatus, error_value};

/// A broker with an object `tequio` that answers from a script.
struct Village {
    socket: PathBuf,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Village {
    fn new(answer: fn(&Call) -> Result<Value, UbusStatus>) -> Self {
        let socket = fresh_socket();
        let stop = Arc::new(AtomicBool::new(false));
        let broker = broker(&socket, Arc::clone(&stop));
        let (ready, wait) = std::sync::mpsc::channel();
        let (path, stopped) = (socket.clone(), Arc::clone(&stop));
        let node = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut server = UbusServer::new(path, OBJECT, METHODS);
                while !stopped.load(Ordering::Relaxed) {
                    match server.next().await {
                        UbusEvent::Connected => ready.send(()).unwrap(),
                        UbusEvent::Call(call) => {
                            let result = answer(&call);
                            server.reply(call.call, result);
                        }
                        UbusEvent::Disconnected => return,
                        other => panic!("{other:?}"),
                    }
                }
            });
        });
        wait.recv().unwrap();
        Self { socket, stop, threads: vec![broker, node] }
    }

    fn tequio(&self, words: &[&str]) -> Output {
        tequio(&self.socket, words, "")
    }
}

impl Drop for Village {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let ended = thread.join();
            assert!(std::thread::panicking() || ended.is_ok());
        }
    }
}

fn broker(socket: &Path, stop: Arc<AtomicBool>) -> JoinHandle<()> {
    let config = ubusd::Config {
        socket_path: socket.to_str().unwrap().to_owned(),
        peer_uid_override: Some(0),
        ..ubusd::Config::default()
    };
    let mut broker = ubusd::Broker::bind(config).unwrap();
    std::thread::spawn(move || {
        while !stop.load(Ordering::Relaxed) {
            broker.poll_once(5).unwrap();
        }
    })
}

fn fresh_socket() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    std::env::temp_dir().join(format!("tequio-cli-{}-{number}.sock", std::process::id()))
}

fn tequio(socket: &Path, words: &[&str], input: &str) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_tequio"))
        .arg("--socket")
        .arg(socket)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that does not read its input may be gone before it is written.
    let _ = program.stdin.take().unwrap().write_all(input.as_bytes());
    program.wait_with_output().unwrap()
}

fn out(output: &Output) -> &str {
    std::str::from_utf8(&output.stdout).unwrap()
}

fn complaint(output: &Output) -> &str {
    assert_eq!(out(output), "");
    std::str::from_utf8(&output.stderr).unwrap()
}

/// What the node of these tests says.
fn answer(call: &Call) -> Result<Value, UbusStatus> {
    let arguments = &call.arguments;
    Ok(match call.method.as_str() {
        "why" => {
            json!({"destination": arguments["destination"], "prefix": null, "text": "nowhere", "candidates": []})
        }
        "plans" => json!({"plans": [{"id": "hora", "name": "Una hora", "price_cents": 50, "currency": "USD",
                                     "minor_units": 2, "used_s": 3_600, "days": null, "devices": 1}]}),
        "voucher_issue" => error_value("plan-unknown", "there is no plan `día`: see `tequio plans`"),
        "voucher_show" => json!({"verifier": "0011223344556677", "plan": "hora", "state": "sold",
                                 "person": arguments.get("code").or(arguments.get("verifier")),
                                 "used_s": 0, "devices": 0}),
        "routes" => {
            let number = |name: &str| arguments.get(name).and_then(Value::as_u64);
            let (offset, limit) = (number("offset").unwrap_or(0), number("limit").unwrap_or(3).min(3));
            let routes: Vec<Value> = (offset..8.min(offset + limit))
                .map(|route| json!({"prefix": format!("10.0.{route}.0/24"), "metric": route}))
                .collect();
            json!({"routes": routes, "offset": offset, "total": 8})
        }
        _ => return Err(UbusStatus::MethodNotFound),
    })
}

#[test]
fn an_answer_is_a_table_for_people_and_json_for_programs() {
    let village = Village::new(answer);
    let output = village.tequio(&["plans"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        out(&output),
        "PLAN  NAME         PRICE  GIVES       DEVICES\n\
         hora  Una hora  0.50 USD  1 h of use        1\n"
    );
    let output = village.tequio(&["plans", "--json"]);
    let reply: Value = serde_json::from_str(out(&output)).unwrap();
    assert_eq!(reply["plans"][0]["price_cents"], 50);
    assert!(out(&output).contains("\n  \"plans\": ["), "pretty");
    assert_eq!(out(&village.tequio(&["why", "8.8.8.8"])), "nowhere\n");
}

#[test]
fn a_dish_is_shown_as_it_turns_until_its_time_or_the_node_s_is_over() {
    static ASKED: Mutex<Vec<String>> = Mutex::new(Vec::new());
    /// A node that ends by itself what is asked about `wlan1`, at the third look.
    fn node(call: &Call) -> Result<Value, UbusStatus> {
        let (device, action) = (call.arguments["device"].clone(), call.arguments["action"].as_str().unwrap());
        let mut asked = ASKED.lock().unwrap();
        asked.push(action.to_owned());
        let is_over = device == "wlan1" && asked.len() > 2;
        let figures = json!({"signal_dbm": -80 + asked.len() as i64, "best_dbm": -60});
        Ok(
            json!({"device": device, "left_s": if is_over { Value::Null } else { json!(9) }, "planned": {"signal_dbm": -58},
                  "stations": [{"mac": "02:00:5e:00:53:01", "figures": figures}]}),
        )
    }
    let village = Village::new(node);
    let output = village.tequio(&["link", "align", "wlan1"]);
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(*ASKED.lock().unwrap(), ["start", "read", "read", "stop"]);
    let levels: Vec<&str> =
        out(&output).lines().map(|line| line.split(" dBm").next().unwrap().trim()).collect();
    assert_eq!(levels, ["-79", "-78"], "nothing rings and nothing is written over where no terminal is");
    ASKED.lock().unwrap().clear();
    let output = village.tequio(&["link", "align", "wlan0", "--seconds", "1", "--json"]);
    let asked = ASKED.lock().unwrap();
    assert_eq!(
        (asked.len(), asked[0].as_str(), asked[5].as_str()),
        (6, "start", "stop"),
        "five looks a second"
    );
    for line in out(&output).lines() {
        assert_eq!(serde_json::from_str::<Value>(line).unwrap()["planned"]["signal_dbm"], -58);
    }
}

#[test]
fn a_long_list_is_put_together_and_a_part_is_a_part() {
    let village = Village::new(answer);
    let whole = village.tequio(&["routes"]);
    assert_eq!(out(&whole).lines().count(), 9, "{}", out(&whole));
    let part = village.tequio(&["routes", "--offset", "6"]);
    assert!(out(&part).ends_with("7 to 8 of 8\n"), "{}", out(&part));
}

#[test]
fn a_code_comes_from_standard_input() {
    let village = Village::new(answer);
    let shown = tequio(&village.socket, &["voucher", "show", "-"], "7H3K-9QXW-2MFD\n");
    assert!(out(&shown).contains("sold by   7H3K-9QXW-2MFD\n"), "{}", out(&shown));
    let shown = tequio(&village.socket, &["voucher", "show", "-"], "0011223344556677\n");
    assert!(out(&shown).contains("sold by   0011223344556677\n"), "{}", out(&shown));
    let empty = tequio(&village.socket, &["voucher", "show", "-"], "");
    assert_eq!(empty.status.code(), Some(1));
    assert!(complaint(&empty).contains("standard input is empty"));
}

#[test]
fn a_refusal_is_a_sentence_and_1() {
    let village = Village::new(answer);
    let refused = village.tequio(&["voucher", "issue", "--plan", "día"]);
    assert_eq!(refused.status.code(), Some(1));
    assert_eq!(complaint(&refused), "tequio: there is no plan `día`: see `tequio plans`\n");
    let unknown = village.tequio(&["status"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(complaint(&unknown).contains("of another version"), "{}", complaint(&unknown));
}

#[test]
fn words_without_sense_are_2_and_help_is_0() {
    let nowhere = PathBuf::from("/nowhere");
    let misspelt = tequio(&nowhere, &["statsu"], "");
    assert_eq!(misspelt.status.code(), Some(2));
    assert!(complaint(&misspelt).contains("`status`"));
    let help = tequio(&nowhere, &["why", "--help"], "");
    assert_eq!(help.status.code(), Some(0));
    assert!(out(&help).contains("Usage: tequio why ADDRESS"));
    let version = tequio(&nowhere, &["--version"], "");
    assert_eq!(out(&version), format!("tequio {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_configuration_is_checked_and_names_the_socket() {
    let village = Village::new(answer);
    let file = village.socket.with_extension("uci");
    let named = file.to_str().unwrap();
    let run = |words: &[&str]| Command::new(env!("CARGO_BIN_EXE_tequio")).args(words).output().unwrap();
    let socket = village.socket.display();
    std::fs::write(
        &file,
        format!("config node 'node'\n\toption name 'cerro'\n\toption ubus_socket '{socket}'\n"),
    )
    .unwrap();
    let checked = run(&["check", named]);
    assert_eq!(out(&checked), format!("{named} is good\n"));
    assert_eq!(out(&run(&["why", "8.8.8.8", "--config", named])), "nowhere\n");
    std::fs::write(&file, "config node 'node'\n\toption nam 'cerro'\n").unwrap();
    let checked = run(&["check", named]);
    let asked = run(&["why", "8.8.8.8", "--config", named]);
    std::fs::remove_file(&file).unwrap();
    assert_eq!(checked.status.code(), Some(1));
    assert!(complaint(&checked).contains(named), "{}", complaint(&checked));
    assert_eq!(complaint(&asked), complaint(&checked));
}

#[test]
fn without_a_daemon_or_a_broker_the_sentence_says_what_to_do() {
    let socket = fresh_socket();
    let alone = tequio(&socket, &["status"], "");
    assert_eq!(alone.status.code(), Some(1));
    let sentence = complaint(&alone);
    assert!(sentence.contains("no ubus broker listens on /") && sentence.contains("--socket"), "{sentence}");

    let stop = Arc::new(AtomicBool::new(false));
    let thread = broker(&socket, Arc::clone(&stop));
    let alone = tequio(&socket, &["status"], "");
    stop.store(true, Ordering::Relaxed);
    thread.join().unwrap();
    assert_eq!(alone.status.code(), Some(1));
    let sentence = complaint(&alone);
    assert!(sentence.starts_with("tequio: no daemon answers on /"), "{sentence}");
    assert!(sentence.contains("service tequio start"), "{sentence}");
}
