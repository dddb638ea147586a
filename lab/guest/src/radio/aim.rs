//! What an installer asks on the hill: what the dish hears as it turns, and what the country allows, which the kernel knows.

use serde_json::Value;

use super::air;
use super::change::carries;
use super::hills::{AP_LINK, Hills, STATION_LINK};
use crate::console::{Outcome, ok, wait_for};
use crate::node::{Node, TEQUIO, run, socket};

/// The dish at the access point's end hears less, and the other end is told with it; then as before.
pub(super) fn dish(hills: &Hills) -> Outcome<()> {
    let good_dbm = heard(&hills.valle, |_| true)?;
    hills.air.snr(0, 1, air::NEAR_DB - TURNED_DB);
    let turned = heard(&hills.valle, |dbm| (dbm as f64) < good_dbm as f64 - TURNED_DB + 2.0);
    hills.air.snr(0, 1, air::NEAR_DB);
    let turned_dbm = turned?;
    ok("a dish is turned", &format!("{good_dbm} dBm, then {turned_dbm}"));
    Ok(())
}

/// The signal at a node, as `tequio link align` shows it, once it is as wanted and the far end has told its own.
fn heard(node: &Node, is_wanted: impl Fn(i64) -> bool) -> Outcome<i64> {
    let socket = socket(node.name);
    wait_for("both ends of a dish that is turned", 30, || {
        let text = run(TEQUIO, &["--json", "--socket", &socket, "link", "align", AP_LINK, "--seconds", "3"])?;
        let last = text.lines().last().unwrap_or_default();
        let told: Value = serde_json::from_str(last).map_err(|error| format!("{error}: {text}"))?;
        let figures = &told["stations"][0]["figures"];
        match (figures["signal_dbm"].as_i64(), figures["far_signal_dbm"].as_i64()) {
            (Some(here), Some(there)) if is_wanted(here) && is_wanted(there) => Ok(here),
            _ => Err(last.to_owned()),
        }
    })
}

/// A station that finds no access point, for its passphrase is wrong, aims by the one that it hears.
pub(super) fn alone(hills: &Hills) -> Outcome<()> {
    let right = hills.station.options()["puente.key"].clone();
    hills.station.set("puente.key", "otra clave")?;
    let good_dbm = around(hills, |_| true)?;
    hills.air.snr(0, 1, air::NEAR_DB - TURNED_DB);
    let turned = around(hills, |dbm| (dbm as f64) < good_dbm as f64 - TURNED_DB + 2.0);
    hills.air.snr(0, 1, air::NEAR_DB);
    hills.station.set("puente.key", &right)?;
    ok("a dish is turned before its radio is associated", &format!("{good_dbm} dBm, then {}", turned?));
    carries(hills)
}

/// The signal of the access point that the station hears without being associated, by its network's name.
fn around(hills: &Hills, is_wanted: impl Fn(i64) -> bool) -> Outcome<i64> {
    let (socket, name) = (socket(hills.cerro.name), hills.ap.options()["puente.ssid"].clone());
    wait_for("the access point that is heard", 60, || {
        let text =
            run(TEQUIO, &["--json", "--socket", &socket, "link", "align", STATION_LINK, "--seconds", "3"])?;
        let last = text.lines().last().unwrap_or_default();
        let told: Value = serde_json::from_str(last).map_err(|error| format!("{error}: {text}"))?;
        let station = &told["stations"][0];
        let dbm = station["figures"]["signal_dbm"].as_i64();
        dbm.filter(|dbm| station["name"] == name.as_str() && is_wanted(*dbm)).ok_or(last.to_owned())
    })
}

/// What the kernel was told of the country's rules reaches the planner.
pub(super) fn country(hills: &Hills) -> Outcome<()> {
    let words = [
        "plan-link",
        "--distance",
        "27",
        "--frequency",
        "5745",
        "--gain",
        "30",
        "--power",
        "24",
        "--allowed",
        "kernel",
    ];
    // A plan that is against the law is told as one that cannot work.
    let text = hills.valle.space.inside(|| Ok(run(TEQUIO, &words).unwrap_or_else(|why| why)))?;
    if !text.contains("30 allowed") {
        return Err(format!("Mexico allows 30 dBm at 5745 MHz: {text}"));
    }
    ok("what the country allows", "30 dBm, asked of the kernel");
    Ok(())
}

/// By how much less is heard.
const TURNED_DB: f64 = 12.0;
