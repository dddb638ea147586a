//! The signal fades in steps, with traffic in both directions: what Debian's `iw` shows and what the daemon makes of it goes
//! one way only, and the way to the other hill stays where it is.

use std::time::{Duration, Instant};

use serde_json::Value;

use super::hills::{AP_LINK, CERRO_ADDRESS, Hills, STATION_LINK, VALLE_ADDRESS, stations};
use super::{air, way};
use crate::console::{Outcome, figure, ok, wait_for};
use crate::link::babel_routes;
use crate::node::Node;
use crate::space::Space;

/// Plays it.
pub(super) fn fades(hills: &Hills) -> Outcome<()> {
    let flows = [hills.flow_up()?, hills.flow_down()?];
    for flow in &flows {
        flow.flows()?;
    }
    for (node, link) in [(&hills.valle, AP_LINK), (&hills.cerro, STATION_LINK)] {
        // What was lost while the link came up is forgotten: each loss from now on is the signal's.
        wait_for(&format!("sixteen Hellos on {link}"), 60, || {
            let history = neighbour(node, link)?["hello_history"].as_str().unwrap_or_default().to_owned();
            if history == "1".repeat(16) { Ok(()) } else { Err(history) }
        })?;
    }
    let mut steps: Vec<[Seen; 2]> = Vec::new();
    for snr_db in SNR_DB {
        hills.air.snr(0, 1, snr_db);
        settle(hills)?;
        let seen = [Seen::look(&hills.valle, AP_LINK)?, Seen::look(&hills.cerro, STATION_LINK)?];
        ok(&format!("at {snr_db} dB above the noise"), &format!("{}; {}", seen[0], seen[1]));
        figure(&format!("radio.snr_{snr_db}.expected_kbit"), seen[0].expected_kbit);
        figure(&format!("radio.snr_{snr_db}.quality_percent"), seen[0].quality_percent);
        figure(&format!("radio.snr_{snr_db}.cost"), seen[0].cost);
        if let Some(before) = steps.last() {
            for (now, before) in seen.iter().zip(before) {
                now.is_worse_than(before)?;
            }
        }
        steps.push(seen);
    }
    for (first, last) in steps[0].iter().zip(&steps[SNR_DB.len() - 1]) {
        if last.cost < first.cost * 4 / 3 || last.quality_percent > first.quality_percent * 3 / 4 {
            return Err(format!(
                "a link that carries a third costs a third more, at least: {first}, then {last}"
            ));
        }
    }
    hills.air.snr(0, 1, air::NEAR_DB);
    way(&hills.valle.space, CERRO_ADDRESS, AP_LINK)?;
    way(&hills.cerro.space, VALLE_ADDRESS, STATION_LINK)?;
    Ok(())
}

/// What is known of the link at one end.
struct Seen {
    signal_dbm: i32,
    expected_kbit: i64,
    cost: i64,
    /// What the daemon says of it, in hundredths of the best that it saw.
    quality_percent: i64,
}

impl Seen {
    fn look(node: &Node, link: &str) -> Outcome<Self> {
        let text = stations(&node.space, link)?;
        let after = |title: &str| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix(title))?;
            line.split_whitespace().next()
        };
        let signal = after("signal avg:").and_then(|word| word.parse().ok());
        let expected: Option<f64> =
            after("expected throughput:").and_then(|word| word.strip_suffix("Mbps")?.parse().ok());
        let (Some(signal_dbm), Some(mbit)) = (signal, expected) else {
            return Err(format!("iw shows signal and throughput: {text}"));
        };
        let neighbour = neighbour(node, link)?;
        let cost = neighbour["cost"].as_i64();
        let cost = cost.ok_or_else(|| format!("the neighbour on {link} has a cost: {neighbour}"))?;
        let links = node.ask(&["links"])?;
        let links = links["links"].as_array().map(Vec::as_slice).unwrap_or_default();
        let figures = links.iter().find(|one| one["device"] == link).map(|one| &one["ways"][0]["figures"]);
        let figures = figures.ok_or_else(|| format!("the daemon knows the link on {link}: {links:?}"))?;
        let told = |name: &str| figures[name].as_i64().ok_or_else(|| format!("{link} has {name}: {figures}"));
        let quality_percent = told("quality_percent")?;
        // The daemon smooths over some seconds, and so does the kernel in what iw shows.
        if (told("signal_dbm")? - i64::from(signal_dbm)).abs() > 2 {
            return Err(format!("the daemon's signal on {link} is that of iw, {signal_dbm} dBm: {figures}"));
        }
        #[expect(clippy::cast_possible_truncation, reason = "a few hundred Mbit/s")]
        let expected_kbit = (1_000.0 * mbit) as i64;
        Ok(Self { signal_dbm, expected_kbit, cost, quality_percent })
    }

    /// The signal at least; throughput and cost may stand still for a step, and the rate control may try something.
    fn is_worse_than(&self, before: &Self) -> Outcome<()> {
        let is_worse = self.signal_dbm < before.signal_dbm
            && self.expected_kbit <= before.expected_kbit * 11 / 10
            && self.cost >= before.cost * 9 / 10
            && self.quality_percent <= before.quality_percent + 5;
        if is_worse { Ok(()) } else { Err(format!("a fading link gets worse: {before}, then {self}")) }
    }
}

impl std::fmt::Display for Seen {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { signal_dbm, expected_kbit, cost, quality_percent } = self;
        write!(
            formatter,
            "{signal_dbm} dBm, {expected_kbit} kbit/s expected, quality {quality_percent} %, cost {cost}"
        )
    }
}

/// What the daemon says of the neighbour on a device.
fn neighbour(node: &Node, link: &str) -> Outcome<Value> {
    let neighbours = node.ask(&["neighbours"])?;
    let all = neighbours["neighbours"].as_array().map(Vec::as_slice).unwrap_or_default();
    let found = all.iter().find(|one| one["interface"] == link).cloned();
    found.ok_or_else(|| format!("there is a neighbour on {link}: {neighbours}"))
}

/// Waits until the daemon has told what the new signal costs; meanwhile neither way may leave the radio.
fn settle(hills: &Hills) -> Outcome<()> {
    let end = Instant::now() + SETTLED;
    while Instant::now() < end {
        std::thread::sleep(LOOK_EACH);
        stays(&hills.valle.space, CERRO_ADDRESS, AP_LINK)?;
        stays(&hills.cerro.space, VALLE_ADDRESS, STATION_LINK)?;
    }
    Ok(())
}

fn stays(space: &Space, address: &str, link: &str) -> Outcome<()> {
    let routes = space.inside(babel_routes)?;
    let there = routes.iter().find(|route| route.to == format!("{address}/32"));
    match there {
        Some(route) if route.way.split(' ').any(|word| word == link) => Ok(()),
        other => Err(format!("the way to {address} stays on {link}: {other:?}")),
    }
}

const SNR_DB: [f64; 5] = [40.0, 22.0, 15.0, 11.0, 8.0];
/// A cost is told when it has differed for ten seconds, and its figures are smoothed.
const SETTLED: Duration = Duration::from_secs(20);
const LOOK_EACH: Duration = Duration::from_millis(250);
