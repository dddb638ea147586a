//! Queues of slow links: what iproute2's `tc` sees, on whatever this kernel has. Where it has neither cake nor fq_codel, that
//! is said and nothing stands. That they do what they are for is shown in QEMU (`scripts/boot.sh pipe`).

use std::process::Command;

use serde_json::Value;
use tequio::platform::queues::{self, Queue};

use crate::namespace::{Namespace, on_a_thread};

const OURS: &str = "7e90:";

impl Namespace {
    fn tc(&self, words: &str) -> Result<String, String> {
        let output =
            Command::new("tc").args(["-n", self.name()]).args(words.split(' ')).output().expect("tc starts");
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }

    fn shown(&self, what: &str, device: &str) -> Vec<Value> {
        let text = self.tc(&format!("-json {what} show dev {device}")).expect("tc shows");
        serde_json::from_str(if text.trim().is_empty() { "[]" } else { &text }).expect("tc prints JSON")
    }

    fn root(&self, device: &str) -> Option<Value> {
        self.shown("qdisc", device).into_iter().find(|qdisc| qdisc["handle"] == OURS)
    }

    /// The interfaces that are ours.
    fn turns(&self) -> Vec<String> {
        let links = self.json("link show");
        let names = links.iter().filter_map(|link| link["ifname"].as_str());
        names.filter(|name| queues::is_turn(name)).map(str::to_owned).collect()
    }

    fn keep(&self, wanted: &[Queue]) -> Vec<String> {
        queues::keep(wanted, &self.turns())
    }
}

/// A link, and the best queue that this kernel has.
fn place() -> (Namespace, Option<&'static str>) {
    let here = Namespace::new();
    here.ip("link add up0 type veth peer name peer0");
    here.ip("link add other type veth peer name peer1");
    for name in ["up0", "peer0", "other"] {
        here.ip(&format!("link set {name} up"));
    }
    let can = |kind: &str| here.tc(&format!("qdisc replace dev other root handle 5: {kind}")).is_ok();
    let best = if can("cake") {
        Some("cake")
    } else if can("fq_codel") && can("htb") {
        Some("htb")
    } else {
        None
    };
    here.tc("qdisc replace dev other root handle 5: tbf rate 1mbit burst 2k limit 9k")
        .expect("this kernel has TBF");
    (here, best)
}

fn queue(upload_kbit: Option<u32>, download_kbit: Option<u32>) -> Queue {
    Queue { device: "up0".to_owned(), upload_kbit, download_kbit }
}

/// What `tc` says of the rate of our queue, in octets a second.
fn rate(here: &Namespace, device: &str) -> Option<u64> {
    let root = here.root(device)?;
    match root["kind"].as_str()? {
        "cake" => root["options"]["bandwidth"].as_u64(),
        _ => {
            let classes = here.shown("class", device);
            let whole = classes.into_iter().find(|class| class["handle"] == "7e90:1")?;
            whole["rate"].as_u64()
        }
    }
}

#[test]
fn a_link_gets_the_best_queues_that_its_kernel_has() {
    let (here, best) = place();
    on_a_thread(async || {
        here.enter();
        let wanted = [queue(Some(900), Some(4_000))];
        let wrong = here.keep(&wanted);
        let Some(best) = best else {
            // In words that name both what is missing and what to do; nothing half-made is left in anybody's way.
            assert_eq!(wrong.len(), 2, "{wrong:?}");
            for (wrong, way) in wrong.iter().zip(["what leaves on up0", "what arrives on up0"]) {
                let words = [way, "neither cake", "HTB with fq_codel", "kmod-sched-cake"];
                assert!(words.iter().all(|word| wrong.contains(word)), "{wrong}");
            }
            assert_eq!(here.shown("qdisc", "up0").iter().filter(|qdisc| qdisc["handle"] != "0:").count(), 0);
            assert_eq!(here.keep(&wanted), wrong, "again, and the same");
            assert_eq!(here.turns().len(), 1, "it waits for a module, and is made once");
            assert_eq!(here.keep(&[]), [""; 0]);
            assert_eq!(here.turns(), [""; 0]);
            return;
        };
        assert_eq!(wrong, [""; 0]);
        let [turn] = here.turns().try_into().expect("one");
        assert_eq!((rate(&here, "up0"), rate(&here, &turn)), (Some(112_500), Some(500_000)), "{best}");
        let filters = here.tc("filter show dev up0 ingress").expect("tc shows");
        assert!(filters.contains(&format!("mirred (Egress Redirect to device {turn})")), "{filters}");

        // What is right stays as it is; another rate is taken; what somebody took away comes back.
        let before = here.shown("qdisc", "up0");
        assert_eq!(here.keep(&wanted), [""; 0]);
        assert_eq!(here.shown("qdisc", "up0"), before);
        assert_eq!(here.keep(&[queue(Some(800), Some(4_000))]), [""; 0]);
        assert_eq!((rate(&here, "up0"), rate(&here, &turn)), (Some(100_000), Some(500_000)));
        here.ip(&format!("link delete {turn}"));
        here.tc("qdisc delete dev up0 root").expect("it stands");
        assert_eq!(here.keep(&wanted), [""; 0]);
        assert_eq!((rate(&here, "up0"), rate(&here, &turn)), (Some(112_500), Some(500_000)));
        here.tc("filter delete dev up0 ingress").expect("it stands");
        assert_eq!(here.keep(&wanted), [""; 0]);
        assert!(here.tc("filter show dev up0 ingress").expect("tc shows").contains("mirred"));

        // One direction alone, then none.
        assert_eq!(here.keep(&[queue(Some(900), None)]), [""; 0]);
        assert_eq!((here.turns().len(), rate(&here, "up0")), (0, Some(112_500)));
        assert!(here.tc("filter show dev up0 ingress").map_or(true, |filters| filters.trim().is_empty()));
        assert_eq!(here.keep(&[]), [""; 0]);
        assert_eq!(here.root("up0"), None);
    });
}

#[test]
fn the_queues_of_others_stay_and_an_interface_that_is_not_there_is_waited_for() {
    let (here, _) = place();
    on_a_thread(async || {
        here.enter();
        let nowhere = Queue { device: "wan9".to_owned(), upload_kbit: Some(900), download_kbit: Some(900) };
        for wanted in [&[nowhere][..], &[]] {
            assert_eq!(here.keep(wanted), [""; 0]);
            assert_eq!(here.turns(), [""; 0]);
            let others = here.shown("qdisc", "other");
            assert_eq!((others[0]["kind"].as_str(), others[0]["handle"].as_str()), (Some("tbf"), Some("5:")));
        }
    });
}
