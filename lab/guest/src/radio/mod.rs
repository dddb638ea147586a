//! Radio links on simulated radios: `mac80211_hwsim` with Debian's hostapd and wpa_supplicant, and between them a medium of
//! ours ([`air`]) in which each direction has its own SNR and loss. One boot plays all scenes.

mod aim;
mod air;
mod change;
mod control;
mod crowd;
mod flow;
mod hills;
mod kills;
mod mesh;
mod netifd;
mod program;
mod radar;
mod ramp;
mod record;
mod steps;
mod stuck;

use std::ffi::CStr;
use std::path::Path;
use std::time::{Duration, Instant};

use self::hills::{AP_LINK, CERRO_ADDRESS, Hills, IW, STATION_LINK, VALLE_ADDRESS};
use crate::console::{Outcome, figure, ok, uptime, wait_for};
use crate::link::babel_routes;
use crate::machine::modules;
use crate::node::{Node, run};
use crate::space::Space;

/// What `mac80211_hwsim` is told when it is loaded.
pub(crate) const RADIOS: &CStr = c"radios=2";

/// Tells it. What went before a failure stands on the console.
pub(crate) fn tell() -> Outcome<()> {
    told(scenes)
}

/// Tells what is too long for every change: all of [`SOAK`], or the scenes that the kernel's command line names.
pub(crate) fn soak() -> Outcome<()> {
    told(|hills| {
        comes_up(hills)?;
        let only = std::env::var("scenes").unwrap_or_default();
        let is_wanted = |name: &str| only.is_empty() || only.split(',').any(|one| one == name);
        let mut played = 0;
        for (name, scene) in SOAK.iter().filter(|(name, _)| is_wanted(name)) {
            let began = uptime();
            scene(hills).map_err(|why| format!("{name}: {why}"))?;
            played += 1;
            figure(&format!("soak.{name}_s"), format!("{:.0}", (uptime() - began).as_secs_f64()));
        }
        figure("soak.scenes", played);
        Ok(())
    })
}

/// Each scene leaves a link that carries packets, and daemons that run.
const SOAK: [(&str, Scene); 7] = [
    ("kills", kills::all),
    ("control", control::undoes),
    ("power", steps::power),
    ("keys", steps::keys),
    ("radar", |hills| radar::heard(hills)),
    ("stuck", |hills| stuck::wakes(hills)),
    // The radios stay points of a mesh, so this is the last.
    ("mesh", mesh::plays),
];

type Scene = fn(&mut Hills) -> Outcome<()>;

fn told(scenes: impl FnOnce(&mut Hills) -> Outcome<()>) -> Outcome<()> {
    let loaded = modules(Path::new("/air"))?;
    ok("the radios", &format!("{loaded} modules, {} radios", air::COUNT));
    let mut hills = Hills::build()?;
    let told = scenes(&mut hills);
    if told.is_err() {
        hills.quote();
    }
    told
}

fn scenes(hills: &mut Hills) -> Outcome<()> {
    if record::is_wanted() {
        record::events(hills)?;
    }
    comes_up(hills)?;
    if record::is_wanted() {
        record::tables(hills)?;
    }
    distance(hills)?;
    channel(hills)?;
    ramp::fades(hills)?;
    cuts(hills, "ours")?;
    change::scenes(hills)?;
    control::keeps(hills)?;
    radar::country(hills)?;
    aim::dish(hills)?;
    aim::alone(hills)?;
    aim::country(hills)?;
    crowd::costs(hills)?;
    open(hills)?;
    for node in [&mut hills.valle, &mut hills.cerro, &mut hills.loma] {
        node.stop()?;
        node.judge_log_beside(&["cannot be told how long to wait", "encrypt nothing", "has no country"])?;
    }
    hills.with_babeld()?;
    cuts(hills, "babeld")
}

/// A link with SAE and four addresses, a daemon at each end, and routes over it.
fn comes_up(hills: &mut Hills) -> Outcome<()> {
    let began = uptime();
    hills.associated()?;
    ok("the link stands, with SAE and four addresses", &format!("{:.2?}", uptime() - began));
    for node in [&mut hills.valle, &mut hills.cerro, &mut hills.loma] {
        node.start()?;
    }
    for node in [&mut hills.valle, &mut hills.cerro, &mut hills.loma] {
        node.ready()?;
    }
    let there = way(&hills.valle.space, CERRO_ADDRESS, AP_LINK)?;
    let back = way(&hills.cerro.space, VALLE_ADDRESS, STATION_LINK)?;
    ok("routes over the radios", &format!("{there}; {back}"));
    figure("radio.up_s", format!("{:.1}", (uptime() - began).as_secs_f64()));
    let flow = hills.flow_up()?;
    flow.flows()?;
    ok("packets pass over the radios", &format!("{:.0} %", 100.0 * flow.arrived_since(0)));
    Ok(())
}

/// These radios cannot be told how far the other end is, and both ends say so.
fn distance(hills: &Hills) -> Outcome<()> {
    for node in [&hills.valle, &hills.cerro] {
        let said = alert(node, "no-distance", true)?;
        ok(&format!("{} cannot be told its distance", node.name), &said);
    }
    Ok(())
}

/// A link without SAE or WPA is an alert at both ends.
fn open(hills: &mut Hills) -> Outcome<()> {
    for node in [&hills.valle, &hills.cerro] {
        alert(node, "open-radio", false)?;
    }
    hills.open()?;
    hills.associated()?;
    for node in [&hills.valle, &hills.cerro] {
        let said = alert(node, "open-radio", true)?;
        ok(&format!("{} sends without encryption", node.name), &said);
    }
    Ok(())
}

/// Waits until a node has this alert, or has it not; its words.
fn alert(node: &Node, code: &str, is_there: bool) -> Outcome<String> {
    alert_within(node, code, is_there, 60)
}

fn alert_within(node: &Node, code: &str, is_there: bool, seconds: u64) -> Outcome<String> {
    wait_for(&format!("the alert {code} at {}: {is_there}", node.name), seconds, || {
        let status = node.ask(&["status"])?;
        let alerts = status["alerts"].as_array().map(Vec::as_slice).unwrap_or_default();
        let found = alerts.iter().find(|alert| alert["code"] == code);
        if found.is_some() != is_there {
            return Err(format!("{alerts:?}"));
        }
        Ok(found.and_then(|alert| alert["message"].as_str()).unwrap_or_default().to_owned())
    })
}

/// The access point goes to another channel and takes the station along: nobody is disconnected.
fn channel(hills: &Hills) -> Outcome<()> {
    let flow = hills.flow_up()?;
    flow.flows()?;
    let answer = hills::ask_hostapd(&format!("CHAN_SWITCH 5 {OTHER_MHZ}"))?;
    if answer != "OK" {
        return Err(format!("hostapd changes the channel: {answer}"));
    }
    let since = flow.sent();
    wait_for("the station is on the other channel", 20, || {
        let seen = hills.cerro.space.inside(|| run(IW, &["dev", STATION_LINK, "info"]))?;
        if seen.contains(&format!("({OTHER_MHZ} MHz)")) { Ok(()) } else { Err(seen) }
    })?;
    flow.flows()?;
    let arrived = flow.arrived_since(since);
    if arrived < 0.9 {
        return Err(format!("nine of ten packets arrive while the channel changes: {arrived:.2}"));
    }
    ok("the channel changed", &format!("{:.0} % of the packets arrived meanwhile", 100.0 * arrived));
    Ok(())
}

/// The link is cut some times, and comes back; the worst time that each end needed to send by the way round.
fn cuts(hills: &mut Hills, whose: &str) -> Outcome<()> {
    let mut worst = [Duration::ZERO; 2];
    for _ in 0..CUTS {
        for (worst, back) in worst.iter_mut().zip(cut(hills, whose)?) {
            *worst = back.max(*worst);
        }
    }
    for (end, worst) in ENDS.iter().zip(worst) {
        figure(&format!("cut_to_reroute_s.{whose}.{end}"), format!("{:.2}", worst.as_secs_f64()));
        if whose != "babeld" && worst >= REROUTED_WITHIN {
            return Err(format!("{end} sends by the way round within {REROUTED_WITHIN:?}: {worst:.2?}"));
        }
    }
    Ok(())
}

/// The radios hear nothing of each other any more: how soon each end sends by the way round; and they hear each other again.
fn cut(hills: &mut Hills, whose: &str) -> Outcome<[Duration; 2]> {
    way(&hills.valle.space, CERRO_ADDRESS, hills.ap_link)?;
    way(&hills.cerro.space, VALLE_ADDRESS, STATION_LINK)?;
    let flows = [hills.flow_up()?, hills.flow_down()?];
    for flow in &flows {
        flow.flows()?;
    }
    hills.air.cut(0, 1);
    let at = Instant::now();
    let backs = [flows[0].back_after(at, 120)?, flows[1].back_after(at, 120)?];
    hills.air.snr(0, 1, air::NEAR_DB);
    hills.associated()?;
    way(&hills.valle.space, CERRO_ADDRESS, hills.ap_link)?;
    way(&hills.cerro.space, VALLE_ADDRESS, STATION_LINK)?;
    let [valle, cerro] = backs;
    let words =
        format!("valle {valle:.2?}, cerro {cerro:.2?}; over the radios again after {:.2?}", at.elapsed());
    ok(&format!("a cut, with {whose}, until packets go by the way round"), &words);
    Ok(backs)
}

/// Waits until the way from a hill to an address leads over this device.
fn way(space: &Space, address: &str, device: &str) -> Outcome<String> {
    wait_for(&format!("the way to {address} over {device}"), 60, || {
        let routes = space.inside(babel_routes)?;
        let route = routes.iter().find(|route| route.to == format!("{address}/32"));
        match route {
            Some(route) if route.way.split(' ').any(|word| word == device) => Ok(route.way.clone()),
            other => Err(format!("{other:?}")),
        }
    })
}

const ENDS: [&str; 2] = ["valle", "cerro"];
/// How often the link is cut, with ours and with babeld.
const CUTS: u32 = 3;
/// What a dead link may cost, at each end.
const REROUTED_WITHIN: Duration = Duration::from_secs(3);
/// Channel 157; the link comes up on 149.
const OTHER_MHZ: u32 = 5_785;
