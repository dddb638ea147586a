//! A channel that is shared with radars: the access point listens for a minute before it speaks, and leaves when it hears one;
//! the daemon says so meanwhile. And a radio that no country was set for.

use super::alert;
use super::change::carries;
use super::hills::{AP_LINK, Hills, IW};
use crate::console::{Outcome, figure, ok, uptime, wait_for};
use crate::machine::mount_kind;
use crate::node::{Node, run};

/// Plays the wait, the radar and the leaving; a minute and a half.
pub(super) fn heard(hills: &Hills) -> Outcome<()> {
    let began = uptime();
    hills.ap.set("radio0.channel", SHARED)?;
    hills.station.set("radio0.channel", SHARED)?;
    let said = alert(&hills.valle, "radar-wait", true)?;
    let stage = stage(&hills.valle)?;
    if stage != "listening" {
        return Err(format!("`links` says that the radio listens: {stage}"));
    }
    wait_for("the minute is over", 90, || {
        let status = hills.valle.ask(&["status"])?;
        if status["alerts"].to_string().contains("radar-wait") {
            Err(status["alerts"].to_string())
        } else {
            Ok(())
        }
    })?;
    carries(hills)?;
    let waited_s = (uptime() - began).as_secs_f64();
    if waited_s < 60.0 {
        return Err(format!("a radio listens for a minute: {waited_s:.1} s"));
    }
    ok("the wait for radars", &format!("{said} Packets after {waited_s:.1} s"));

    mount_kind("debugfs", "/sys/kernel/debug")?;
    let flow = hills.flow_up()?;
    flow.flows()?;
    let at = std::time::Instant::now();
    std::fs::write(RADAR, "1").map_err(|error| format!("{RADAR}: {error}"))?;
    let said = alert(&hills.valle, "radar", true)?;
    let channel = wait_for("another channel", 30, || {
        let seen = hills.valle.space.inside(|| run(IW, &["dev", "wlan0", "info"]))?;
        let channel = seen.lines().find_map(|line| line.trim().strip_prefix("channel ")).unwrap_or_default();
        if channel.is_empty() || channel.starts_with(SHARED) { Err(seen) } else { Ok(channel.to_owned()) }
    })?;
    let back = flow.back_after(at, 60)?;
    ok("a radar", &format!("{said} Now on channel {channel}; packets after {back:.2?}"));
    figure("radar.wait_s", format!("{waited_s:.1}"));
    figure("radar.left_s", format!("{:.2}", back.as_secs_f64()));
    // Whoever begins anew on the radar's channel would first listen elsewhere.
    drop(flow);
    hills.ap.set("radio0.channel", FREE)?;
    hills.station.set("radio0.channel", FREE)?;
    carries(hills)
}

/// Nobody has set a country, and then somebody does.
pub(super) fn country(hills: &Hills) -> Outcome<()> {
    run(IW, &["reg", "set", "00"])?;
    for node in [&hills.valle, &hills.cerro] {
        let said = alert(node, "no-country", true)?;
        ok(&format!("{} has no country", node.name), &said);
    }
    run(IW, &["reg", "set", "MX"])?;
    for node in [&hills.valle, &hills.cerro] {
        alert(node, "no-country", false)?;
    }
    Ok(())
}

fn stage(node: &Node) -> Outcome<String> {
    let links = node.ask(&["links"])?;
    let all = links["links"].as_array().map(Vec::as_slice).unwrap_or_default();
    let link = all.iter().find(|link| link["device"] == AP_LINK);
    Ok(link.map_or(String::new(), |link| link["radar"]["stage"].as_str().unwrap_or_default().to_owned()))
}

/// No radar is here.
const FREE: &str = "149";
/// 5500 MHz.
const SHARED: &str = "100";
/// hwsim's switch of the access point's radio.
const RADAR: &str = "/sys/kernel/debug/ieee80211/phy0/hwsim/dfs_simulate_radar";
