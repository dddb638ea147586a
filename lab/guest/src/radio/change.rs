//! Other settings for both ends of the link, asked for at one of them (`tequio link change`), on the air: a channel that is
//! kept, a key that arrives wrongly at one end and goes by itself at both, and a key and a name that are kept.

use std::path::Path;

use super::hills::{CERRO_ADDRESS, Hills, IW, STATION_LINK, VALLE_ADDRESS};
use super::netifd::Options;
use super::way;
use crate::console::{Outcome, figure, ok, uptime, wait_for};
use crate::node::{Node, run};

/// Plays them. Between two changes ten minutes must pass, or both daemons begin anew.
pub(super) fn scenes(hills: &mut Hills) -> Outcome<()> {
    let first = hills.ap.options();
    let kept = whole(hills, "channel", &["--channel", &NEW_MHZ.to_string()], KEPT)?;
    differ(&first, &kept, &["radio0.channel"])?;
    let seen = hills.cerro.space.inside(|| run(IW, &["dev", STATION_LINK, "info"]))?;
    if !seen.contains(&format!("({NEW_MHZ} MHz)")) {
        return Err(format!("the station is on {NEW_MHZ} MHz: {seen}"));
    }

    anew(hills)?;
    hills.station.mistypes(true);
    let back = whole(hills, "wrong_key", &["--key", "7"], LEFT)?;
    hills.station.mistypes(false);
    differ(&kept, &back, &[])?;

    anew(hills)?;
    let rotated = whole(hills, "key", &["--key", "2"], KEPT)?;
    differ(&back, &rotated, &["puente.key"])?;

    anew(hills)?;
    let named = whole(hills, "ssid", &["--ssid", "dos cerros"], KEPT)?;
    differ(&rotated, &named, &["puente.ssid"])
}

/// A change from the wish to its ending, and until the link carries packets again; what both ends have then.
pub(super) fn whole(hills: &Hills, name: &str, words: &[&str], ending: &str) -> Outcome<Options> {
    let began = uptime();
    let reloads = hills.ap.reloads();
    wish(hills, words)?;
    armed(hills)?;
    over(hills)?;
    ended(hills, ending)?;
    if hills.ap.reloads() == reloads {
        return Err(format!("the change of {name} reached the radio"));
    }
    let over_s = (uptime() - began).as_secs_f64();
    carries(hills)?;
    let options = hills.ap.options();
    if options != hills.station.options() {
        return Err(format!("both ends have the same: {options:?}, {:?}", hills.station.options()));
    }
    let carries_s = (uptime() - began).as_secs_f64();
    ok(
        &format!("a change of {name} at both ends {ending}"),
        &format!("after {over_s:.1} s; packets over the link after {carries_s:.1} s"),
    );
    figure(&format!("link_change_s.{name}"), format!("{over_s:.1}"));
    Ok(options)
}

/// Asks for a change at the access point's end, as soon as both ends have met as members.
pub(super) fn wish(hills: &Hills, words: &[&str]) -> Outcome<()> {
    let all = [&["link", "change", hills.ap_link], words].concat();
    wait_for(&format!("`tequio {}`", all.join(" ")), 60, || hills.valle.ask(&all)).map(drop)
}

/// Waits until both ends have it on flash.
pub(super) fn armed(hills: &Hills) -> Outcome<()> {
    wait_for("both ends have it on flash", 30, || {
        let is_there = [&hills.valle, &hills.cerro].iter().all(|node| Path::new(&file(node)).exists());
        if is_there { Ok(()) } else { Err("one has not".to_owned()) }
    })
}

/// How the last change ended, as both ends say.
pub(super) fn ended(hills: &Hills, ending: &str) -> Outcome<()> {
    for node in [&hills.valle, &hills.cerro] {
        let log = std::fs::read_to_string(node.log()).map_err(|error| format!("{}: {error}", node.log()))?;
        let last = log.lines().rfind(|line| line.contains("the change of the link")).unwrap_or_default();
        if !last.ends_with(ending) {
            return Err(format!("at {} the change {ending}: {last}", node.name));
        }
    }
    Ok(())
}

/// Waits until neither end has anything of a change on its flash.
pub(super) fn over(hills: &Hills) -> Outcome<()> {
    wait_for("neither end has a change on its flash", 300, || {
        let left: Vec<_> = [&hills.valle, &hills.cerro]
            .into_iter()
            .filter(|node| Path::new(&file(node)).exists())
            .map(|node| node.name)
            .collect();
        if left.is_empty() { Ok(()) } else { Err(format!("{left:?} still have")) }
    })
}

/// The link carries packets, and the way between the hills leads over it.
pub(super) fn carries(hills: &Hills) -> Outcome<()> {
    hills.associated()?;
    way(&hills.valle.space, CERRO_ADDRESS, hills.ap_link)?;
    way(&hills.cerro.space, VALLE_ADDRESS, STATION_LINK)?;
    hills.flow_up()?.flows()
}

/// Where a node keeps what a change would undo.
pub(super) fn file(node: &Node) -> String {
    format!("/village/{}/state/link-change", node.name)
}

/// Both daemons begin anew: they have forgotten when the last change was.
pub(super) fn anew(hills: &mut Hills) -> Outcome<()> {
    for node in [&mut hills.valle, &mut hills.cerro] {
        node.stop()?;
        node.start_and_wait()?;
    }
    carries(hills)
}

/// What changed is this and nothing else.
pub(super) fn differ(before: &Options, now: &Options, names: &[&str]) -> Outcome<()> {
    let other: Vec<&str> = now
        .iter()
        .filter(|(name, value)| before.get(*name) != Some(value))
        .map(|row| row.0.as_str())
        .collect();
    if other == names && before.len() == now.len() {
        return Ok(());
    }
    Err(format!("{names:?} and nothing else changes: {before:?}, then {now:?}"))
}

/// How a change ends, in the words of the log.
pub(super) const KEPT: &str = "is kept";
pub(super) const LEFT: &str = "did not work: the old settings are back";
/// Channel 165.
const NEW_MHZ: u32 = 5_825;
