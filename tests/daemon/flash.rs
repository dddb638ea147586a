//! A flash that is full, can only be read, or has lost records: sales stop with a clear message, all else goes on, and
//! the neighbour gives back what was lost.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::babeld::{Broker, ask_object};
use super::{Folder, TEQUIO, config, until};
use crate::place::Place;

/// A seller with a guest's phone, and a second seller behind a cable; one community.
struct Sellers {
    a: Place,
    b: Place,
    phone: Place,
    /// Each node's own.
    _brokers: [Broker; 2],
    _folder: Folder,
}

const OF_B: &str = "10.99.0.1";
const LATER: &str = "fd99:b::2";

impl Sellers {
    fn new(test: &str) -> Self {
        let folder = Folder::new(test);
        let [a, b, phone] = ["a", "b", "phone"].map(|name| Place::new(name, test, &folder.0));
        a.cable("cable", &b, "cable");
        a.cable("hs", &phone, "wlan");
        a.ip("address add 10.77.4.1/22 dev hs");
        phone.ip("address add 10.77.4.2/22 dev wlan");
        phone.ip("route add default via 10.77.4.1");
        for address in [OF_B, LATER] {
            b.ip(&format!("address add {address} dev lo"));
        }
        let dir = folder.0.join("community").display().to_string();
        say(&a, &["community", "create", "--name", "San Tequio", "--dir", &dir]);
        let plan = ["community", "plan", "--dir", &dir, "--id", "hora", "--name", "Hora", "--price", "0.50"];
        say(&a, &[&plan[..], &["--used-seconds", "3600"]].concat());
        for place in [&a, &b] {
            let state = place.file("state").display().to_string();
            let request = say(place, &["community", "request", "--state", &state, "--name", place.name]);
            let admit = ["community", "admit", "--dir", &dir, "--role", "seller,hotspot", "--request"];
            say(place, &[&admit[..], &[request.trim()]].concat());
        }
        let bundle = format!("{dir}/community.records");
        for place in [&a, &b] {
            let state = place.file("state").display().to_string();
            say(place, &["community", "join", "--state", &state, "--bundle", &bundle]);
        }
        let brokers = [&a, &b].map(|place| Broker::start(&place.file("no-broker.sock")));
        Self { a, b, phone, _brokers: brokers, _folder: folder }
    }

    /// Starts both; A in a space of mounts of its own, after `mount` was done there.
    fn start(&mut self, mount: &str) {
        let file = config(
            &self.a,
            &format!(
                "{}{}\nconfig hotspot 'hotspot'\n\toption device 'hs'\n\toption address '10.77.4.1'\n\
                 \toption prefix '10.77.4.0/22'\n",
                interface(),
                announce("10.77.4.0/22")
            ),
        );
        let rules = format!("{TEQUIO} firewall --config {file} | nft -f -");
        let loaded = self.a.run("sh", &["-c", &rules]);
        assert!(loaded.status.success(), "nft: {}", String::from_utf8_lossy(&loaded.stderr));
        let script = format!("{mount} exec {TEQUIO} run --config {file}");
        self.a.start("tequio", "sh", &["-ec", &script]);
        let file = config(&self.b, &(interface() + &announce(&format!("{OF_B}/32"))));
        self.b.start("tequio", TEQUIO, &["run", "--config", &file]);
        for place in [&mut self.a, &mut self.b] {
            until("it is on ubus", place, |place| ask(place, "status", json!({})).is_some());
        }
        until("the route of B is at A", &mut self.a, |a| a.routes().contains_key(OF_B));
        until("both hold the same records", &mut self.a, |a| {
            ask(a, "sync", json!({})).is_some_and(|sync| sync["peers"][0]["even"] == true)
        });
    }

    /// B announces one address more, and A learns it.
    fn routing_goes_on(&mut self) {
        let more = announce(&format!("{OF_B}/32")) + &announce(&format!("{LATER}/128"));
        config(&self.b, &(interface() + &more));
        self.b.hang_up();
        until("A learns a route", &mut self.a, |a| a.routes().contains_key(LATER));
    }

    /// The guest types a code; its session is there.
    fn logs_in(&mut self, code: &str) {
        let post = format!(
            "import urllib.request as r; r.urlopen('http://10.77.4.1:2080/login', b'x=1&code={code}', 10).read()"
        );
        let said = self.phone.run("python3", &["-c", &post]);
        assert!(said.status.success(), "python3: {}", String::from_utf8_lossy(&said.stderr));
        until("a session", &mut self.a, |a| {
            ask(a, "sessions", json!({})).is_some_and(|all| all["total"] == 1)
        });
        self.guest_is_online();
    }

    fn guest_is_online(&self) {
        self.phone.pings("10.77.4.2", OF_B).expect("an admitted guest reaches B");
        assert_eq!(ask(&self.a, "sessions", json!({})).expect("an answer")["total"], 1);
    }

    /// What a sale at A brings: codes, or why not.
    fn sell(&self) -> Result<String, String> {
        let sold = ask(&self.a, "voucher_issue", json!({"plan": "hora", "count": 1})).expect("an answer");
        match sold["vouchers"][0]["code"].as_str() {
            Some(code) => Ok(code.to_owned()),
            None => {
                assert_eq!(sold["error"]["code"], "not-saved", "{sold}");
                Err(sold["error"]["message"].as_str().unwrap_or_default().to_owned())
            }
        }
    }

    /// A folder of A as A sees it.
    fn inside(&self, path: &Path) -> PathBuf {
        let relative = path.strip_prefix("/").expect("a whole path");
        Path::new("/proc").join(self.a.pid().to_string()).join("root").join(relative)
    }

    fn stop(&mut self) {
        self.a.stop();
        self.b.stop();
    }
}

fn interface() -> String {
    "\nconfig interface 'cable'\n\toption device 'cable'\n\toption kind 'wired'\n".to_owned()
}

pub(crate) fn announce(prefix: &str) -> String {
    format!("\nconfig announce\n\toption prefix '{prefix}'\n")
}

pub(crate) fn say(place: &Place, words: &[&str]) -> String {
    let done = place.run(TEQUIO, words);
    assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).into_owned()
}

pub(crate) fn ask(place: &Place, method: &str, arguments: Value) -> Option<Value> {
    ask_object(&place.file("no-broker.sock"), "tequio", method, arguments).ok()
}

fn alert(place: &Place, code: &str) -> Option<String> {
    let status = ask(place, "status", json!({}))?;
    let alerts = status["alerts"].as_array().cloned().unwrap_or_default();
    let message = alerts.iter().find(|alert| alert["code"] == code).map(|alert| alert["message"].clone());
    message.and_then(|message| message.as_str().map(str::to_owned))
}

fn records(place: &Place) -> i64 {
    ask(place, "status", json!({})).and_then(|status| status["records"].as_i64()).unwrap_or(-1)
}

#[test]
fn a_full_flash_stops_sales_and_nothing_else_and_room_opens_them() {
    let mut world = Sellers::new("daemon-full");
    let state = world.a.file("state");
    let place = state.display();
    world.start(&format!(
        "cp -a {place} {place}.0; mount -t tmpfs -o size=128k,mode=700 tmpfs {place}; cp -a {place}.0/. {place};"
    ));
    let code = world.sell().expect("there is room");
    let second = world.sell().expect("there is room");
    let filler = world.inside(&state.join("filler"));
    let mut file = fs::File::create(&filler).expect("there is room");
    while file.write_all(&[7; 512]).is_ok() {}
    drop(file);
    // The last page of the journal may have room for some more.
    let refusal = (0..64).find_map(|_| world.sell().err()).expect("sales stop");
    assert!(
        refusal.contains("Nothing was sold: this node cannot save") && refusal.contains("No space left"),
        "{refusal}"
    );
    assert!(refusal.contains("Internet and running sessions go on. Tell an operator."), "{refusal}");
    assert_eq!(alert(&world.a, "not-saved").as_deref(), Some(refusal.as_str()));
    let socket = world.a.file("no-broker.sock").display().to_string();
    let cli = world.a.run(TEQUIO, &["--socket", &socket, "voucher", "issue", "--plan", "hora"]);
    let said = String::from_utf8_lossy(&cli.stderr).into_owned();
    assert!(
        !cli.status.success() && said.contains("Nothing was sold"),
        "the command line says it too: {said}"
    );
    // A guest with a coupon of before is let in and served; routes come and go.
    world.logs_in(&code);
    world.routing_goes_on();
    assert!(world.sell().is_err());
    world.guest_is_online();
    fs::remove_file(filler).expect("it is ours");
    until("sales are open", &mut world.a, |a| alert(a, "not-saved").is_none());
    assert!(world.a.said().contains("sales are open"));
    world.sell().expect("there is room again");
    world.guest_is_online();
    // What was sold before is what the other one knows too.
    let count = records(&world.a);
    until("B knows it all", &mut world.b, |b| records(b) == count);
    let shown = ask(&world.b, "voucher_show", json!({"code": second})).expect("an answer");
    assert_eq!(shown["state"], "sold", "{shown}");
    world.stop();
}

#[test]
fn a_flash_that_can_only_be_read_sells_nothing_routes_and_sells_when_it_can_be_written() {
    let mut world = Sellers::new("daemon-read-only");
    let state = world.a.file("state").display().to_string();
    world.start(&format!("mount --bind {state} {state}; mount -o remount,bind,ro {state};"));
    let said = alert(&world.a, "not-saved").expect("an alert at the start");
    assert!(
        said.contains("nothing is sold; the rest runs") && said.contains("Read-only file system"),
        "{said}"
    );
    assert!(world.sell().expect_err("it cannot be saved").contains("Read-only file system"));
    world.routing_goes_on();
    let pid = world.a.pid().to_string();
    let write = ["-t", &pid, "-m", "mount", "-o", "remount,bind,rw", &state];
    let done = world.a.run("nsenter", &write);
    assert!(done.status.success(), "nsenter: {}", String::from_utf8_lossy(&done.stderr));
    until("sales are open", &mut world.a, |a| alert(a, "not-saved").is_none());
    let code = world.sell().expect("it can be saved");
    world.logs_in(&code);
    world.stop();
    // It is on that flash.
    world.start("");
    let shown = ask(&world.a, "voucher_show", json!({"code": code})).expect("an answer");
    assert_eq!(shown["plan"], "hora", "{shown}");
    world.stop();
}

#[test]
fn a_damaged_journal_says_what_is_lost_keeps_the_rest_and_gets_it_back() {
    let mut world = Sellers::new("daemon-damaged");
    world.start("");
    let codes: Vec<String> = (0..3).map(|_| world.sell().expect("a sale")).collect();
    let count = records(&world.a);
    until("B knows it all", &mut world.b, |b| records(b) == count);
    world.stop();
    let journal = world.a.file("state/journal");
    let mut bytes = fs::read(&journal).expect("a journal");
    // The charter is the first; then something in the middle; and the last one was not written to its end.
    for at in [60, bytes.len() / 2] {
        bytes[at] ^= 0x10;
    }
    bytes.truncate(bytes.len() - 7);
    fs::write(&journal, &bytes).expect("our file");
    world.start("");
    let said = world.a.said();
    assert!(said.contains("was damaged in 2 place(s), the first at byte 8: "), "{said}");
    assert!(said.contains("the last record of the journal was cut off and is lost"), "{said}");
    assert!(alert(&world.a, "journal-damaged").is_some_and(|text| text.contains("give them back")));
    until("all of it is back", &mut world.a, |a| records(a) >= count);
    for code in codes {
        let shown = ask(&world.a, "voucher_show", json!({"code": code})).expect("an answer");
        assert_eq!(shown["state"], "sold", "{shown}");
    }
    let code = world.sell().expect("it sells as before");
    world.logs_in(&code);
    world.stop();
}
