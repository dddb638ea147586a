//! The ubus object `babeld` of a real daemon at a real broker: its six methods, and what a subscriber hears.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use serde_json::{Value, json};
use tequio::platform::ubus::{UbusClient, UbusError, UbusStatus};

use super::{Folder, LIMIT, TEQUIO, config, until};
use crate::place::Place;

/// A broker in a thread of the test.
pub(crate) struct Broker(Arc<AtomicBool>, Option<JoinHandle<()>>);

impl Broker {
    pub(crate) fn start(socket: &Path) -> Self {
        let config = ubusd::Config {
            socket_path: socket.to_str().expect("a path of text").to_owned(),
            peer_uid_override: Some(0),
            ..ubusd::Config::default()
        };
        let mut broker = ubusd::Broker::bind(config).expect("a socket in the folder of this test");
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                broker.poll_once(5).expect("the broker goes on");
            }
        });
        Self(stop, Some(thread))
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        drop(self.1.take().map(JoinHandle::join));
    }
}

fn ask(socket: &Path, method: &str, arguments: Value) -> Result<Value, UbusError> {
    ask_object(socket, "babeld", method, arguments)
}

pub(crate) fn ask_object(
    socket: &Path,
    object: &str,
    method: &str,
    arguments: Value,
) -> Result<Value, UbusError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut client = UbusClient::connect(socket).await.expect("the broker listens");
        client.invoke(object, method, arguments, LIMIT).await
    })
}

/// A subscriber in octets: nothing of ours helps it.
struct Subscriber(UnixStream);

impl Subscriber {
    fn new(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).expect("the broker listens");
        stream.set_read_timeout(Some(LIMIT)).expect("a timeout");
        let mut one = Self(stream);
        assert_eq!(one.message().0, 0, "HELLO");
        // ADD_OBJECT without a name, LOOKUP of babeld, SUBSCRIBE.
        let own = one.ask(&[0, 6, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4]);
        let mut lookup = vec![0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0x10, 2, 0, 0, 0x0b];
        lookup.extend_from_slice(b"babeld\0\0");
        let object = one.ask(&lookup);
        let mut subscribe = vec![0, 8, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0x14, 3, 0, 0, 8];
        subscribe.extend_from_slice(&own);
        subscribe.extend_from_slice(&[8, 0, 0, 8]);
        subscribe.extend_from_slice(&object);
        one.ask(&subscribe);
        one
    }

    /// Sends a request and reads to its STATUS, which is 0; the object that the DATA names.
    fn ask(&mut self, request: &[u8]) -> [u8; 4] {
        self.0.write_all(request).expect("the broker listens");
        let mut object = [0; 4];
        loop {
            let (kind, attributes) = self.message();
            let of =
                |id: u8| attributes.iter().find(|(found, _)| *found == id).map(|(_, value)| value.clone());
            match kind {
                1 => {
                    assert_eq!(of(1), Some(vec![0; 4]), "STATUS of {request:02x?}");
                    return object;
                }
                2 => object = of(3).and_then(|value| value.try_into().ok()).unwrap_or(object),
                _ => {}
            }
        }
    }

    /// Kind and attributes of the next message.
    fn message(&mut self) -> (u8, Vec<(u8, Vec<u8>)>) {
        let mut head = [0; 12];
        self.0.read_exact(&mut head).expect("a message within the time");
        let length = usize::try_from(u32::from_be_bytes([0, head[9], head[10], head[11]])).expect("small");
        let mut body = vec![0; length - 4];
        self.0.read_exact(&mut body).expect("the rest of it");
        let mut attributes = Vec::new();
        let mut rest = body.as_slice();
        while let Some(([id, high, middle, low], after)) = rest.split_first_chunk::<4>() {
            let length = usize::try_from(u32::from_be_bytes([0, *high, *middle, *low])).expect("small") - 4;
            attributes.push((*id & 0x7f, after[..length].to_vec()));
            rest = &after[length.next_multiple_of(4).min(after.len())..];
        }
        (head[1], attributes)
    }

    /// Waits until all of these were told, in whatever order.
    fn hears(&mut self, names: &[&str]) {
        let mut missing: Vec<&str> = names.to_vec();
        while !missing.is_empty() {
            let (kind, attributes) = self.message();
            let told = attributes.iter().find(|(id, _)| *id == 4).map(|(_, name)| name.clone());
            if let (5, Some(name)) = (kind, told) {
                let name = name.split(|octet| *octet == 0).next().unwrap_or_default();
                missing.retain(|wanted| wanted.as_bytes() != name);
            }
        }
    }
}

pub(crate) fn with_object(place: &Place, socket: &Path, more: &str) -> PathBuf {
    let file = PathBuf::from(config(place, more));
    let text = std::fs::read_to_string(&file).expect("it was just written");
    let unused = place.file("no-broker.sock").display().to_string();
    let used = format!("{}'\n\toption ubus_babeld '1", socket.display());
    std::fs::write(&file, text.replace(&unused, &used)).expect("a file in the folder of this test");
    file
}

#[test]
fn programs_for_babeld_find_its_object_and_hear_what_happens() {
    let folder = Folder::new("babeld");
    let [mut a, mut b] = ["a", "b"].map(|name| Place::new(name, "daemon-babeld", &folder.0));
    a.cable("ab", &b, "ba");
    for (place, address) in [(&a, "fd99:a::1"), (&b, "fd99:b::1")] {
        place.ip(&format!("address add {address}/128 dev lo"));
    }
    let socket = folder.0.join("ubus.sock");
    let _broker = Broker::start(&socket);
    let section = |device: &str, prefix: &str| {
        format!(
            "\nconfig interface\n\toption device '{device}'\n\toption kind 'wired'\n\
             \nconfig announce\n\toption prefix '{prefix}/128'\n"
        )
    };
    let file_a = with_object(&a, &socket, &section("ab", "fd99:a::1")).display().to_string();
    let file_b = config(&b, &section("ba", "fd99:b::1"));
    a.start("tequio", TEQUIO, &["run", "--config", &file_a]);
    until("the object is there", &mut a, |_| ask(&socket, "get_info", json!({})).is_ok());

    let mut subscriber = Subscriber::new(&socket);
    b.start("tequio", TEQUIO, &["run", "--config", &file_b]);
    subscriber.hears(&["neigh.add", "neigh.change", "route.add"]);

    let info = ask(&socket, "get_info", json!({})).expect("info");
    assert!(info["babeld_version"].as_str().is_some_and(|version| version.starts_with("tequio-")), "{info}");
    let neighbours = ask(&socket, "get_neighbours", json!({})).expect("neighbours");
    assert_eq!(
        (&neighbours["IPv6"][0]["dev"], &neighbours["IPv6"][0]["if_up"]),
        (&json!("ab"), &json!(true))
    );
    let routes = ask(&socket, "get_routes", json!({})).expect("routes");
    let route = &routes["IPv6"][0];
    assert_eq!(
        (&route["address"], &route["src_prefix"]),
        (&json!("fd99:b::1/128"), &json!("::/0")),
        "{routes}"
    );
    assert_eq!((&route["installed"], &route["feasible"]), (&json!(true), &json!(true)));
    let own = ask(&socket, "get_xroutes", json!({})).expect("what is announced");
    assert_eq!(own["IPv6"][0], json!({"address": "fd99:a::1/128", "src_prefix": "::/0", "metric": 0}));

    let refused = UbusError::Status(UbusStatus::InvalidArgument);
    assert_eq!(ask(&socket, "add_interface", json!({"ifname": "a/b"})), Err(refused.clone()));
    assert_eq!(ask(&socket, "add_filter", json!({"ifname": "ab", "type": 7, "metric": 1})), Err(refused));
    ask(&socket, "add_filter", json!({"ifname": "ab", "type": 0, "metric": 65_535})).expect("a filter");
    subscriber.hears(&["route.flush"]);
    until("the route is refused", &mut a, |a| !a.routes().contains_key("fd99:b::1"));

    a.cable("ab2", &b, "ba2");
    ask(&socket, "add_interface", json!({"ifname": "ab2"})).expect("an interface");
    let second = format!(
        "{}\nconfig interface\n\toption device 'ba2'\n\toption kind 'wired'\n",
        section("ba", "fd99:b::1")
    );
    config(&b, &second);
    b.hang_up();
    until("the new interface is spoken on", &mut a, |a| {
        a.routes().get("fd99:b::1").is_some_and(|route| route["dev"] == "ab2")
    });
    b.stop();
    a.stop();
}

#[test]
fn a_program_adds_and_removes_an_interface_and_others_notice_nothing() {
    let folder = Folder::new("add");
    let [mut a, mut b] = ["a", "b"].map(|name| Place::new(name, "daemon-add", &folder.0));
    a.cable("ab", &b, "ba");
    a.cable("ab2", &b, "ba2");
    b.ip("address add fd99:b::1/128 dev lo");
    let socket = folder.0.join("ubus.sock");
    let _broker = Broker::start(&socket);
    let section =
        |device: &str| format!("\nconfig interface\n\toption device '{device}'\n\toption kind 'wired'\n");
    let file_a = with_object(&a, &socket, &section("ab")).display().to_string();
    let both = section("ba") + &section("ba2") + "\nconfig announce\n\toption prefix 'fd99:b::1/128'\n";
    let file_b = config(&b, &both);
    a.start("tequio", TEQUIO, &["run", "--config", &file_a]);
    b.start("tequio", TEQUIO, &["run", "--config", &file_b]);
    until("the object is there", &mut a, |_| ask(&socket, "get_info", json!({})).is_ok());
    until("A reaches B", &mut a, |a| a.routes().contains_key("fd99:b::1"));

    let call = |method: &str, arguments| ask_object(&socket, "tequio", method, arguments).expect("an answer");
    for (method, arguments) in [
        ("interface_add", json!({"device": "ab2", "kind": "rope"})),
        ("interface_add", json!({"device": "a/b", "kind": "wired"})),
        ("interface_remove", json!({"device": "ab"})),
        ("interface_remove", json!({"device": "ab2"})),
    ] {
        let refused = call(method, arguments.clone());
        assert_eq!(refused["error"]["code"], "refused", "{method} {arguments}: {refused}");
    }
    let speaks = |device: &str| call("links", json!({})).to_string().contains(&format!("\"{device}\""));
    assert!(!speaks("ab2"));
    assert_eq!(call("interface_add", json!({"device": "ab2", "kind": "wired"})), json!({"device": "ab2"}));
    until("B is heard on the new one", &mut a, |a| a.said().contains("heard on ab2"));
    a.hang_up();
    until("a reload keeps it", &mut a, |a| a.said().contains("was read again"));
    assert!(speaks("ab2"));
    assert_eq!(call("interface_remove", json!({"device": "ab2"})), json!({"device": "ab2"}));
    assert!(!speaks("ab2"));
    assert!(a.routes().get("fd99:b::1").is_some_and(|route| route["dev"] == "ab"));
    assert_eq!(a.said().matches("heard on ab").count(), 2, "once on each: {}", a.said());
    a.stop();
    b.stop();
}
