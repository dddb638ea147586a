//! A change of a link at both its ends, by two real daemons: what they ask of rpcd and netifd, what lies on flash meanwhile,
//! and what is left. rpcd and netifd are stood in for by a thread a node, and the air by a bridge: it carries while both
//! ends have the same settings, and these are no bad ones.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::{Map, Value, json};
use tequio::platform::ubus::ArgumentType::{Table, Text};
use tequio::platform::ubus::{Call, Method, UbusEvent, UbusServer, UbusStatus};

use super::babeld::Broker;
use super::flash::{ask, say};
use super::{Folder, TEQUIO, config, until};
use crate::place::Place;

/// The options of one end, as rpcd has them, as they are committed, and as netifd read them.
#[derive(Clone, Debug, Default, PartialEq)]
struct Options {
    staged: BTreeMap<String, Option<String>>,
    file: BTreeMap<String, String>,
    radio: BTreeMap<String, String>,
    /// Whether somebody applies settings with a way back.
    applies: bool,
}

type Shared = Arc<Mutex<[Options; 2]>>;

struct Link {
    a: Place,
    b: Place,
    options: Shared,
    stop: tokio::sync::watch::Sender<bool>,
    netifds: Vec<JoinHandle<()>>,
    _brokers: [Broker; 2],
    _air: Arc<Place>,
    _folder: Folder,
}

impl Link {
    /// Two members with a radio link; on channel `bad` nothing is heard.
    fn new(test: &str, bad: &'static str) -> Self {
        let folder = Folder::new(test);
        let [a, b, air] = ["a", "b", "air"].map(|name| Place::new(name, test, &folder.0));
        air.ip("link add name luft type bridge");
        air.ip("link set luft up");
        for (place, port) in [(&a, "pa"), (&b, "pb")] {
            place.cable("wlan0", &air, port);
            air.ip(&format!("link set {port} master luft"));
        }
        let dir = folder.0.join("community").display().to_string();
        say(&a, &["community", "create", "--name", "San Tequio", "--dir", &dir]);
        let state = |place: &Place| place.file("state").display().to_string();
        for place in [&a, &b] {
            let request =
                say(place, &["community", "request", "--state", &state(place), "--name", place.name]);
            say(place, &["community", "admit", "--dir", &dir, "--request", request.trim()]);
        }
        let bundle = format!("{dir}/community.records");
        for place in [&a, &b] {
            say(place, &["community", "join", "--state", &state(place), "--bundle", &bundle]);
        }
        let first = || {
            let file: BTreeMap<String, String> = [
                ("radio0.channel", "36"),
                ("radio0.htmode", "HT20"),
                ("puente.key", "la de antes"),
                ("puente.ssid", "puente"),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
            Options { radio: file.clone(), file, ..Options::default() }
        };
        let options: Shared = Arc::new(Mutex::new([first(), first()]));
        let (air, (stop, stopped)) = (Arc::new(air), tokio::sync::watch::channel(false));
        let brokers = [&a, &b].map(|place| Broker::start(&place.file("no-broker.sock")));
        let netifds = [&a, &b].into_iter().enumerate().map(|(seat, place)| {
            let (options, air, stopped) = (Arc::clone(&options), Arc::clone(&air), stopped.clone());
            let socket = place.file("no-broker.sock");
            std::thread::spawn(move || play(seat, socket, &options, &air, bad, stopped))
        });
        let netifds = netifds.collect();
        let mut link = Self { a, b, options, stop, netifds, _brokers: brokers, _air: air, _folder: folder };
        for place in [&mut link.a, &mut link.b] {
            start(place);
        }
        until("the ends share the ledger over the link", &mut link.a, |a| {
            ask(a, "sync", json!({})).is_some_and(|sync| sync["peers"][0]["even"] == true)
        });
        link
    }

    fn change(&self, wanted: Value) -> Value {
        let Value::Object(mut words) = wanted else { panic!("{wanted}") };
        words.insert("device".into(), "wlan0".into());
        ask(&self.a, "link_change", Value::Object(words)).expect("an answer")
    }

    /// Until neither end has anything of a change on its flash; the settings of both radios by then.
    fn over(&mut self) -> [BTreeMap<String, String>; 2] {
        for place in [&mut self.a, &mut self.b] {
            until("the change is over", place, |place| !place.file("state/link-change").exists());
        }
        self.options.lock().unwrap().clone().map(|options| {
            assert_eq!(options.radio, options.file, "netifd has read what stands there");
            options.radio
        })
    }

    fn stop(mut self) {
        self.stop.send(true).expect("both stand-ins listen");
        self.netifds.drain(..).for_each(|netifd| netifd.join().expect("a stand-in went on to its end"));
        self.a.stop();
        self.b.stop();
    }
}

fn start(place: &mut Place) {
    let interface = "\nconfig interface 'puente'\n\toption device 'wlan0'\n\toption kind 'wireless'\n\
                     \toption dead_man_s '45'\n\tlist change 'channel'\n\tlist change 'key'\n\tlist change 'ssid'\n";
    let file = config(place, interface);
    place.start("tequio", TEQUIO, &["run", "--config", &file]);
}

/// rpcd's `uci` and netifd's `network` and `network.wireless` of one node, until it is told to stop.
fn play(
    seat: usize,
    socket: PathBuf,
    options: &Shared,
    air: &Place,
    bad: &str,
    mut stop: tokio::sync::watch::Receiver<bool>,
) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut uci = UbusServer::new(socket.clone(), "uci", UCI);
        let mut network = UbusServer::new(socket.clone(), "network", NETWORK);
        let mut wireless = UbusServer::new(socket, "network.wireless", WIRELESS);
        loop {
            tokio::select! {
                _ = stop.changed() => return,
                event = uci.next() => if let UbusEvent::Call(call) = event {
                    let answer = rpcd(&mut options.lock().unwrap()[seat], &call);
                    uci.reply(call.call, answer);
                },
                event = network.next() => if let UbusEvent::Call(call) = event {
                    let mut both = options.lock().unwrap();
                    both[seat].radio = both[seat].file.clone();
                    let hear = both[0].radio == both[1].radio && both[0].radio["radio0.channel"] != bad;
                    air.ip(if hear { "link set pb master luft" } else { "link set pb nomaster" });
                    network.reply(call.call, Ok(json!({})));
                },
                event = wireless.next() => if let UbusEvent::Call(call) = event {
                    let status = json!({"radio0": {"interfaces": [{"section": "puente", "ifname": "wlan0"}]}});
                    wireless.reply(call.call, Ok(status));
                },
            }
        }
    });
}

/// As rpcd's uci.c has it.
fn rpcd(options: &mut Options, call: &Call) -> Result<Value, UbusStatus> {
    let word = |name: &str| call.arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    let section = word("section");
    match call.method.as_str() {
        "confirm" if options.applies => return Err(UbusStatus::PermissionDenied),
        "confirm" => return Err(UbusStatus::NoData),
        "get" => {
            let mut values: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
            for (name, value) in &options.file {
                let (section, option) = name.split_once('.').expect("a section and an option");
                values.entry(section).or_default().insert(option.to_owned(), value.clone().into());
            }
            return Ok(json!({"values": values}));
        }
        "set" => {
            let values = call.arguments["values"].as_object().expect("values");
            let named = values
                .iter()
                .map(|(option, value)| (format!("{section}.{option}"), value.as_str().map(str::to_owned)));
            options.staged.extend(named);
        }
        "delete" => drop(options.staged.insert(format!("{section}.{}", word("option")), None)),
        "commit" => {
            for (name, value) in std::mem::take(&mut options.staged) {
                match value {
                    Some(value) => drop(options.file.insert(name, value)),
                    None => drop(options.file.remove(&name)),
                }
            }
        }
        other => panic!("uci is asked {other}"),
    }
    Ok(json!({}))
}

const UCI: &[Method] = &[
    Method { name: "get", arguments: &[("config", Text)] },
    Method { name: "set", arguments: &[("config", Text), ("section", Text), ("values", Table)] },
    Method { name: "delete", arguments: &[("config", Text), ("section", Text), ("option", Text)] },
    Method { name: "commit", arguments: &[("config", Text)] },
    Method { name: "revert", arguments: &[("config", Text)] },
    Method { name: "confirm", arguments: &[("ubus_rpc_session", Text)] },
];
const NETWORK: &[Method] = &[Method { name: "reload", arguments: &[] }];
const WIRELESS: &[Method] = &[Method { name: "status", arguments: &[] }];

#[test]
fn channel_and_key_change_at_both_ends_and_nothing_is_left_on_flash() {
    let mut link = Link::new("daemon-change", "1");
    link.options.lock().unwrap()[1].applies = true;
    assert_eq!(link.change(json!({"channel": 5_745, "key": 2})), json!({"changing": true}));
    until("it is refused while rpcd has a way back open there", &mut link.a, |a| {
        a.said().contains("not-armed")
    });
    link.options.lock().unwrap()[1].applies = false;
    assert_eq!(link.change(json!({"power": 20}))["error"]["code"], "not-allowed");
    assert_eq!(link.change(json!({"channel": 1}))["error"]["code"], "setting");
    let too_long = "x".repeat(33);
    for ssid in ["", "a\nb", too_long.as_str()] {
        assert_eq!(link.change(json!({"ssid": ssid}))["error"]["code"], "setting", "{ssid:?}");
    }
    let wish = json!({"channel": 5_745, "key": 2, "ssid": "Peña 'alta'"});
    assert_eq!(link.change(wish), json!({"changing": true}));
    until("it lies on flash", &mut link.b, |b| b.file("state/link-change").exists());
    let [a, b] = link.over();
    assert_eq!(a, b);
    assert_eq!((a["radio0.channel"].as_str(), a["puente.key"].len()), ("149", 32), "{a:?}");
    assert_eq!(a["puente.ssid"], "Peña 'alta'");
    for place in [&link.a, &link.b] {
        assert!(!place.said().contains(&a["puente.key"]), "a key stands in a log");
    }
    link.stop();
}

#[test]
fn a_change_after_which_nothing_is_heard_comes_back_also_where_the_power_went() {
    let mut link = Link::new("daemon-undo", "149");
    let before = link.options.lock().unwrap().clone();
    assert_eq!(link.change(json!({"channel": 5_745, "key": 7})), json!({"changing": true}));
    let shared = Arc::clone(&link.options);
    until("both try it", &mut link.a, |_| {
        shared.lock().unwrap().iter().all(|end| end.radio["radio0.channel"] == "149")
    });
    link.b.kill();
    // What the init script does before netifd starts, and what stands on flash is nobody's business.
    let file = link.b.file("config").display().to_string();
    let undo = say(&link.b, &["link", "undo", "--config", &file]);
    assert_eq!(
        undo,
        "set wireless.radio0.channel='36'\nset wireless.puente.key='la de antes'\ncommit wireless\n"
    );
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &std::fs::metadata(link.b.file("state/link-change")).expect("it is there").permissions(),
    );
    assert_eq!(mode & 0o077, 0);
    start(&mut link.b);
    assert_eq!(link.over(), before.map(|end| end.radio));
    assert_eq!(say(&link.b, &["link", "undo", "--config", &file]), "");
    until("the link is there again", &mut link.a, |a| {
        ask(a, "neighbours", json!({})).is_some_and(|all| all["neighbours"][0]["cost"].is_u64())
    });
    link.stop();
}
