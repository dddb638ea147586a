//! What comes over the wire and is not acted on: counted by interface and neighbour, with its reason, and shown.

use serde_json::{Value, json};

use super::babeld::{Broker, ask_object, with_object};
use super::{Folder, TEQUIO, until};
use crate::place::Place;

/// Sends each datagram, in hex digits, to the group on device `ba` from the port before it.
const SEND: &str = r#"
import socket, sys
index = socket.if_nametoindex("ba")
for word in sys.argv[1:]:
    port, octets = word.split(":")
    one = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
    one.bind(("::", int(port)))
    one.sendto(bytes.fromhex(octets), ("ff02::1:6", 6696, 0, index))
"#;

#[test]
fn what_is_dropped_is_counted_with_its_reason_and_shown() {
    let folder = Folder::new("statistics");
    let [mut a, b] = ["a", "b"].map(|name| Place::new(name, "daemon-statistics", &folder.0));
    a.cable("ab", &b, "ba");
    let socket = folder.0.join("ubus.sock");
    let _broker = Broker::start(&socket);
    let interface = "\nconfig interface\n\toption device 'ab'\n\toption kind 'wired'\n";
    let file = with_object(&a, &socket, interface).display().to_string();
    a.start("tequio", TEQUIO, &["run", "--config", &file]);
    let rows = |_: &Place| {
        let reply = ask_object(&socket, "tequio", "statistics", json!({})).unwrap_or_default();
        reply["statistics"].as_array().cloned().unwrap_or_default()
    };
    until("it speaks", &mut a, |a| rows(a).iter().any(|row| row["sent_packets"].as_i64() > Some(0)));
    until("B may send", &mut a, |_| b.ip("-6 route show table all dev ba").contains("ff00::/8"));
    let send = |words: &[&str]| {
        let said = b.run("python3", &[&["-c", SEND], words].concat());
        assert!(said.status.success(), "python3: {}", String::from_utf8_lossy(&said.stderr));
    };
    // A Hello makes a neighbour of it; then a Hello with an update that names no router; then what is no packet.
    send(&["6696:2a02000804060000000103e8"]);
    until("B is a neighbour", &mut a, |a| rows(a).len() == 2);
    send(&[
        "6696:2a02001404060000000203e8080a0200000000640001000a",
        "6696:63",
        "6696:63000000",
        "6696:2a03000804060000000103e8",
        "6696:2a0200ff04060000000103e8",
        "6696:2a020008040700000001",
        "7777:2a02000804060000000303e8",
        "7777:2a02000804060000000303e8",
    ]);
    let count = |row: &Value, code: &str| row["dropped"][code].as_i64().unwrap_or(0);
    until("all of it was seen", &mut a, |a| count(&rows(a)[0], "wrong_port") == 2);
    let rows = rows(&a);
    let (everybody, neighbour) = (&rows[0], &rows[1]);
    assert_eq!((&everybody["interface"], &everybody["neighbour"]), (&json!("ab"), &Value::Null));
    assert!(
        neighbour["neighbour"].as_str().is_some_and(|address| address.starts_with("fe80:")),
        "{neighbour}"
    );
    for row in [everybody, neighbour] {
        assert_eq!((&row["received_packets"], &row["received_tlvs"]), (&json!(2), &json!(2)), "{row}");
        for code in ["no_router_id", "short", "magic", "version"] {
            assert_eq!(count(row, code), 1, "{code}: {row}");
        }
        assert_eq!(count(row, "body_length"), 2, "{row}");
    }
    assert_eq!(count(neighbour, "wrong_port"), 0, "a socket does not know neighbours");
    let json = a.run(TEQUIO, &["--socket", &socket.display().to_string(), "--json", "statistics"]);
    let printed: Value = serde_json::from_slice(&json.stdout).expect("the command line prints JSON");
    assert_eq!(printed["statistics"][1], *neighbour);
    a.stop();
}
