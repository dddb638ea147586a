//! What a daemon calls out on the bus: alerts that begin and end, and the way outside.

use std::path::Path;

use serde_json::{Value, json};
use tequio::platform::ubus::{UbusEvent, UbusServer};

use super::babeld::Broker;
use super::{Folder, LIMIT, TEQUIO, config, until};
use crate::place::Place;

/// Somebody who listens, until he hears what is waited for; everything that he heard.
fn heard_until(
    runtime: &tokio::runtime::Runtime,
    ear: &mut UbusServer,
    wanted: (&str, &Value),
) -> Vec<(String, Value)> {
    let mut heard = Vec::new();
    runtime.block_on(async {
        let listen = async {
            loop {
                let UbusEvent::Event { name, data } = ear.next().await else { continue };
                heard.push((name, Value::Object(data)));
                if heard.last().is_some_and(|(name, data)| (name.as_str(), data) == wanted) {
                    return;
                }
            }
        };
        let over = tokio::time::timeout(LIMIT, listen).await;
        assert!(over.is_ok(), "{wanted:?} was not called out; heard: {heard:?}");
    });
    heard
}

#[test]
fn alerts_and_the_way_outside_are_called_out_when_they_change() {
    let folder = Folder::new("events");
    let [mut a, far] = ["a", "far"].map(|name| Place::new(name, "daemon-events", &folder.0));
    a.cable("wan", &far, "lan");
    a.ip("address add fd99:f::1/64 dev wan nodad");
    let good = "\nconfig interface\n\toption device 'cable'\n\toption kind 'wired'\n\
                \nconfig uplink\n\toption device 'wan'\n";
    let file = config(&a, good);
    let socket = a.file("no-broker.sock");
    let _broker = Broker::start(Path::new(&socket));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let mut ear = UbusServer::new(socket, "ear", &[]).listen(&["tequio.*"]);
    runtime.block_on(async {
        assert_eq!(ear.next().await, UbusEvent::Connected);
    });
    a.start("tequio", TEQUIO, &["run", "--config", &file]);
    heard_until(&runtime, &mut ear, ("tequio.internet", &json!({"up": false, "via": null})));

    a.ip("-6 route add default via fd99:f::2 dev wan proto static");
    let heard = heard_until(&runtime, &mut ear, ("tequio.internet", &json!({"up": true, "via": "wan"})));
    assert_eq!(heard.len(), 1, "what stays as it is is called out once: {heard:?}");

    config(&a, "\nconfig interface\n\toption device 'cable'\n\toption kind 'rope'\n");
    a.hang_up();
    until("the mistake is said", &mut a, |a| a.said().contains("the running configuration goes on"));
    let begins = |heard: &[(String, Value)], begins: bool| {
        let is = |(name, data): &&(String, Value)| {
            name == "tequio.alert" && data["code"] == "config-wrong" && data["begins"] == begins
        };
        heard.iter().filter(is).count()
    };
    // The sentence names the file, so the test waits for what comes behind it: the way outside that goes.
    a.ip("-6 route del default via fd99:f::2 dev wan proto static");
    let heard = heard_until(&runtime, &mut ear, ("tequio.internet", &json!({"up": false, "via": null})));
    assert_eq!(begins(&heard, true), 1, "{heard:?}");

    config(&a, good);
    a.hang_up();
    until("the file is read again", &mut a, |a| a.said().contains("was read again"));
    a.ip("-6 route add default via fd99:f::2 dev wan proto static");
    let heard = heard_until(&runtime, &mut ear, ("tequio.internet", &json!({"up": true, "via": "wan"})));
    assert_eq!(begins(&heard, false), 1, "{heard:?}");
    a.stop();
}
