//! What the kernel of a node would do with a packet, asked by `ip -j` and not from the daemon: the village believes
//! only the kernel.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;

use crate::failure::Outcome;
use crate::netns::Namespace;
use crate::terrain::Terrain;
use crate::topology::Range;

/// The prefixes that a node has a usable route to, of both families, default routes included.
pub fn reachable(namespace: &Namespace) -> Outcome<BTreeSet<Range>> {
    let mut found = BTreeSet::new();
    for family in ["-4", "-6"] {
        let answer = namespace.ip_json(&[family, "route", "show", "table", "main"])?;
        for route in answer.as_array().into_iter().flatten() {
            // A prefix that is known to be unreachable is a route to the kernel, and none to us.
            let usable = matches!(route.get("type").and_then(Value::as_str), None | Some("unicast"));
            let to = route.get("dst").and_then(Value::as_str).and_then(|text| parse(text, family == "-6"));
            if let (true, Some(range)) = (usable, to) {
                found.insert(range);
            }
        }
    }
    Ok(found)
}

/// The default routes of both families.
pub fn defaults() -> [Range; 2] {
    [Range::new(Ipv4Addr::UNSPECIFIED, 0), Range::new(Ipv6Addr::UNSPECIFIED, 0)]
}

/// The way from a node to an address, node by node; the last word is where it ends: a node, or the `outside`, or the
/// content server. An error sentence if there is no way, or it goes in a circle.
pub fn way(terrain: &Terrain, from: &str, to: IpAddr) -> Outcome<Result<Vec<String>, String>> {
    let mut way = vec![from.to_string()];
    let to_text = to.to_string();
    for _ in 0..terrain.topology.sites.len() + 1 {
        let here = way.last().expect("it begins with the first node").clone();
        let namespace = terrain.node(&here);
        let answer = match namespace.ip_json(&["route", "get", &to_text]) {
            Ok(answer) => answer,
            Err(failure) => return Ok(Err(format!("at {here}: {}", failure.seen))),
        };
        let route = answer.get(0).cloned().unwrap_or(Value::Null);
        let device = route.get("dev").and_then(Value::as_str).unwrap_or("none");
        match (device, device.strip_prefix("m-")) {
            (_, Some(next)) => way.push(next.to_string()),
            ("up0", None) => way.push("outside".to_string()),
            ("lan0", None) => way.push("contenido".to_string()),
            ("lo" | "br-hs", None) => {}
            (other, None) => return Ok(Err(format!("at {here} the way goes to the device {other}"))),
        }
        if !device.starts_with("m-") {
            return Ok(Ok(way));
        }
    }
    Ok(Err(format!("a circle: {}", way.join(" > "))))
}

fn parse(text: &str, six: bool) -> Option<Range> {
    if text == "default" {
        return Some(defaults()[usize::from(six)]);
    }
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length.parse().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    Some(Range::new(address, length.unwrap_or(if address.is_ipv4() { 32 } else { 128 })))
}

#[cfg(test)]
mod test {
    use super::*;

    #[test]
    fn destinations_are_read_as_ip_writes_them() {
        assert_eq!(parse("default", false).expect("a route").to_string(), "0.0.0.0/0");
        assert_eq!(parse("default", true).expect("a route").to_string(), "::/0");
        assert_eq!(parse("10.77.0.5", false).expect("a route").to_string(), "10.77.0.5/32");
        assert_eq!(parse("fd77:7e90:1:1::/64", true).expect("a route").to_string(), "fd77:7e90:1:1::/64");
        assert_eq!(parse("nonsense", false), None);
    }
}
