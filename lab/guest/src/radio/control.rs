//! The change of both ends where no netifd is: the daemons know the files of hostapd and wpa_supplicant (`control_file`) and
//! speak with both programs by their control sockets. What is kept stands in the files, and nothing else does.

use std::path::Path;

use super::change::{KEPT, LEFT, anew, armed, carries, ended, file, over, wish};
use super::hills::{Hills, IW, ask_hostapd, ask_supplicant};
use super::kills::{KEPT as KEPT_PHASE, LOOK, PATIENCE, SLOW_MS, phase};
use crate::console::{Outcome, figure, ok, uptime, wait_for};
use crate::node::{Node, TEQUIO, run};

/// Channel, power and key, kept at both ends.
pub(super) fn keeps(hills: &mut Hills) -> Outcome<()> {
    begin(hills)?;
    let (before, reloads) = (files()?, hills.ap.reloads());
    let is_low = before[0].contains("channel=149\n");
    let (mhz, line) = if is_low { ("5825", "channel=165") } else { ("5745", "channel=149") };
    let began = uptime();
    wish(hills, &["--channel", mhz, "--power", "17", "--key", "3"])?;
    armed(hills)?;
    over(hills)?;
    ended(hills, KEPT)?;
    let over_s = (uptime() - began).as_secs_f64();
    carries(hills)?;
    if hills.ap.reloads() != reloads {
        return Err("netifd has no part in it".to_owned());
    }
    let now = files()?;
    let (ap, station) = (changed(&before[0], &now[0])?, changed(&before[1], &now[1])?);
    let key = ap.iter().find_map(|line| line.strip_prefix("sae_password=")).unwrap_or_default();
    let expected_station = vec![format!(" sae_password=\"{key}\"")];
    if key.len() != 32 || !ap.contains(&line.to_owned()) || ap.len() != 2 || station != expected_station {
        return Err("channel and key, and nothing else, stand in the files".to_owned());
    }
    for (node, device) in [(&hills.valle, "wlan0"), (&hills.cerro, "wlan1")] {
        let seen = node.space.inside(|| run(IW, &["dev", device, "info"]))?;
        if !seen.contains(&format!("({mhz} MHz)")) || !seen.contains("txpower 17.00 dBm") {
            return Err(format!("{device} is on the channel, with that power: {seen}"));
        }
    }
    ok("a change by control sockets is kept", &format!("after {over_s:.1} s; both files hold it"));
    figure("link_change_s.control", format!("{over_s:.1}"));
    end(hills)
}

/// A key that arrives wrongly, and power that goes while it is tried: both ends have the old settings.
pub(super) fn undoes(hills: &mut Hills) -> Outcome<()> {
    keeps(hills)?;
    begin(hills)?;
    let before = files()?;
    let began = uptime();
    wish(hills, &["--ssid", "tres cerros", "--key", "8"])?;
    tried("tres cerros")?;
    for words in ["SET_NETWORK 0 sae_password \"no es esta\"", "REASSOCIATE"] {
        let answer = ask_supplicant(words)?;
        if answer != "OK" {
            return Err(format!("wpa_supplicant gets another key: {answer}"));
        }
    }
    over(hills)?;
    ended(hills, LEFT)?;
    carries(hills)?;
    is_as(&before)?;
    let took_s = (uptime() - began).as_secs_f64();
    ok("a wrong key by control sockets comes back by itself", &format!("packets after {took_s:.1} s"));
    figure("link_change_s.control_wrong_key", format!("{took_s:.1}"));
    cut_short(hills)?;
    is_as(&before)?;
    cut_late(hills)?;
    end(hills)
}

/// The power goes at both ends while new settings are tried; the programs begin with their files as they are.
fn cut_short(hills: &mut Hills) -> Outcome<()> {
    anew(hills)?;
    let left = lefts(hills)?;
    wish(hills, &["--ssid", "cuatro cerros", "--key", "9"])?;
    tried("cuatro cerros")?;
    power_off(hills)?;
    let began = uptime();
    power_on(hills)?;
    over(hills)?;
    if lefts(hills)? != left.map(|count| count + 1) {
        return Err("both ends say once that they went back".to_owned());
    }
    carries(hills)?;
    let took_s = (uptime() - began).as_secs_f64();
    ok(
        "a change by control sockets that the power cut short is none",
        &format!("packets after {took_s:.1} s"),
    );
    Ok(())
}

/// The same when the access point's end has kept the new settings and the station's has not heard so: the one gives them
/// to hostapd again, the other has the old ones, and they meet.
fn cut_late(hills: &mut Hills) -> Outcome<()> {
    anew(hills)?;
    let before = files()?;
    wish(hills, &["--ssid", "cinco cerros", "--key", "10"])?;
    tried("cinco cerros")?;
    hills.air.delay(SLOW_MS);
    // The other end has heard so a few milliseconds later.
    let end = uptime() + PATIENCE;
    while phase(&hills.valle) != Some(KEPT_PHASE) {
        if uptime() > end {
            return Err(format!("the access point's end keeps it within {PATIENCE:?}"));
        }
        std::thread::sleep(LOOK);
    }
    hills.cerro.kill()?;
    power_off(hills)?;
    hills.air.delay(0);
    is_as(&before)?;
    let began = uptime();
    power_on(hills)?;
    named("cinco cerros")?;
    over(hills)?;
    carries(hills)?;
    let took_s = (uptime() - began).as_secs_f64();
    let now = files()?;
    let new = [0, 1].map(|end| now[end] != before[end]);
    if new[0] != new[1] {
        return Err(format!("both files have the same settings: {new:?}"));
    }
    let which = if new[0] { "new" } else { "old" };
    ok(
        "one end had kept when the power went, and gives the new settings again",
        &format!("both have the {which} ones, packets after {took_s:.1} s"),
    );
    figure("link_change_s.control_cut_late", format!("{took_s:.1}"));
    Ok(())
}

fn power_off(hills: &mut Hills) -> Outcome<()> {
    for (node, radio) in [(&mut hills.valle, &hills.ap), (&mut hills.cerro, &hills.station)] {
        if node.pid().is_ok() {
            node.kill()?;
        }
        radio.power_off()?;
    }
    Ok(())
}

/// Nothing is undone, and each program begins with its file.
fn power_on(hills: &mut Hills) -> Outcome<()> {
    for (node, radio) in [(&mut hills.valle, &hills.ap), (&mut hills.cerro, &hills.station)] {
        let undo = run(TEQUIO, &["link", "undo", "--config", &format!("/village/{}/tequio", node.name)])?;
        if !undo.is_empty() || !Path::new(&file(node)).exists() {
            return Err(format!("a boot of {} has nothing to undo: {undo}", node.name));
        }
        radio.begin_again()?;
        node.start_and_wait()?;
    }
    Ok(())
}

/// How often each end has said that it went back.
fn lefts(hills: &Hills) -> Outcome<[usize; 2]> {
    let count = |node: &Node| {
        let log = std::fs::read_to_string(node.log()).map_err(|error| format!("{}: {error}", node.log()))?;
        Ok::<usize, String>(log.lines().filter(|line| line.ends_with(LEFT)).count())
    };
    Ok([count(&hills.valle)?, count(&hills.cerro)?])
}

fn begin(hills: &mut Hills) -> Outcome<()> {
    hills.without_netifd(Some(FILES))?;
    anew(hills)
}

/// Netifd gives the radios their settings again, which are those of before.
fn end(hills: &mut Hills) -> Outcome<()> {
    for netifd in [&hills.ap, &hills.station] {
        let ssid = netifd.options()["puente.ssid"].clone();
        netifd.set("puente.ssid", &ssid)?;
    }
    carries(hills)?;
    hills.without_netifd(None)?;
    carries(hills)
}

/// Waits until both ends have this name.
fn tried(ssid: &str) -> Outcome<()> {
    named(ssid)?;
    wait_for("the station has the new name", 60, || {
        let found = ask_supplicant("GET_NETWORK 0 ssid")?;
        if found == format!("\"{ssid}\"") { Ok(()) } else { Err(found) }
    })
}

/// Waits until the access point has it.
fn named(ssid: &str) -> Outcome<()> {
    wait_for("the access point has the new name", 60, || {
        let status = ask_hostapd("STATUS")?;
        let is_there = status.lines().any(|line| line == format!("ssid[0]={ssid}"));
        if is_there { Ok(()) } else { Err(status) }
    })
}

fn files() -> Outcome<[String; 2]> {
    let read = |path: &str| std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"));
    Ok([read(FILES[0])?, read(FILES[1])?])
}

fn is_as(before: &[String; 2]) -> Outcome<()> {
    if files()? == *before { Ok(()) } else { Err("both files are as they were".to_owned()) }
}

/// The lines that are new; there are as many as before.
fn changed(before: &str, now: &str) -> Outcome<Vec<String>> {
    if before.lines().count() != now.lines().count() {
        return Err("a file has as many lines as before".to_owned());
    }
    let pairs = before.lines().zip(now.lines());
    Ok(pairs.filter(|(old, new)| old != new).map(|(_, new)| new.to_owned()).collect())
}

/// hostapd's and wpa_supplicant's.
const FILES: [&str; 2] = ["/run/hostapd.conf", "/run/supplicant.conf"];
