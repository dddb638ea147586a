//! A day of two nodes on a router's kernel: the mesh finds its ways, a code is sold and typed, a daemon dies.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::console::{self, Outcome, ok, wait_for};
use crate::http::{self, OUTSIDE as OUTSIDE_PAGE, Page};
use crate::link::{BabelRoute, babel_routes};
use crate::machine;
use crate::nft::elements;
use crate::node::run;
use crate::table;
use crate::terrain::{BASE_TABLE, NFT, OUTSIDE, OUTSIDE6, PHONE, PHONE6, PORTAL, Terrain};

/// Tells it. What went before a failure stands on the console.
pub(crate) fn tell() -> Outcome<()> {
    let mut terrain = Terrain::build(LEASE_S)?;
    http::serve(&terrain.outside)?;
    let told = chapters(&mut terrain);
    if told.is_err() {
        // It may stand still, and then answers nobody; that it does not run is no news here.
        let _ = terrain.cerro.resume();
        look_around(&terrain);
    }
    let logs = terrain.plaza.judge_log().and(terrain.cerro.judge_log());
    told.and(logs)
}

fn chapters(terrain: &mut Terrain) -> Outcome<()> {
    ok("the hotspot's base table", &terrain.load_base_table()?);
    same_table()?;
    let status = terrain.plaza.start_and_wait()?;
    terrain.cerro.start_and_wait()?;
    let pid = terrain.plaza.pid()?;
    ok("the daemon runs", &format!("pid {pid}, {} {}", field(&status, "node"), field(&status, "version")));
    mesh(terrain)?;
    portal(terrain)?;
    let verifier = sale(terrain)?;
    clock_jumps(terrain)?;
    death(terrain)?;
    revocation(terrain, &verifier)?;
    farewell(terrain)
}

/// What stands in for nft where Debian has none is the same to the kernel.
fn same_table() -> Outcome<()> {
    if !Path::new(NFT).exists() {
        console::skipped("this program's base table beside nft's", NO_PROGRAM);
        return Ok(());
    }
    let things = table::same_as_nft(NFT, BASE_TABLE)?;
    ok("this program's base table is nft's", &format!("{things} chains, sets, elements and rules"));
    Ok(())
}

/// Routes of both families, learnt and in the kernel.
fn mesh(terrain: &Terrain) -> Outcome<()> {
    let plaza = [
        ("default", "via inet6 fe80::"),
        ("default", "via fe80::"),
        ("203.0.113.0/24", "via inet6 fe80::"),
        ("2001:db8::/64", "via fe80::"),
    ];
    wait_for("the plaza's routes in the kernel", 120, || {
        let routes = terrain.plaza.space.inside(babel_routes)?;
        has_all(&routes, &plaza)
    })?;
    let cerro = [("10.77.4.0/22", "via inet6 fe80::"), ("fd00:77:4::/64", "via fe80::")];
    wait_for("the hill's routes in the kernel", 120, || {
        let routes = terrain.cerro.space.inside(babel_routes)?;
        has_all(&routes, &cerro)
    })?;
    for route in terrain.plaza.space.inside(babel_routes)? {
        ok("route of the plaza", &format!("{} {}", route.to, route.way));
    }
    if !Path::new(IP).exists() {
        console::skipped("the routes as Debian's ip sees them", NO_PROGRAM);
    } else if clock_beyond_2038() {
        let why = "its clock has 32 bits on this processor, and past 2038 it never ends";
        console::skipped("the routes as Debian's ip sees them", why);
    } else {
        let seen = terrain.plaza.space.inside(|| run(IP, &["route", "show", "proto", "babel"]))?;
        console::quote("ip route show proto babel", &seen);
        let line = seen.lines().find(|line| line.starts_with("default via inet6 fe80::"));
        let line = line.ok_or("Debian's ip shows an IPv4 default route via IPv6")?;
        ok("the same as Debian's ip sees it", line.trim());
    }
    let status = terrain.plaza.ask(&["status"])?;
    if status["uplink"]["state"] != "up" {
        return Err(format!("the plaza knows a way to the outside: {status}"));
    }
    ok("status over ubus", &status.to_string());
    Ok(())
}

fn clock_beyond_2038() -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.is_ok_and(|now| i32::try_from(now.as_secs()).is_err())
}

fn has_all(routes: &[BabelRoute], wanted: &[(&str, &str)]) -> Outcome<()> {
    for (to, way) in wanted {
        let found = routes.iter().any(|route| route.to == *to && route.way.starts_with(way));
        if !found {
            return Err(format!("no `{to} {way}` in {routes:?}"));
        }
    }
    Ok(())
}

/// A stranger is sent to the portal and stays inside, also with a wrong code.
fn portal(terrain: &Terrain) -> Outcome<()> {
    let first = wait_for("the phone opens a page", 30, || browse(terrain, OUTSIDE))?;
    let to = first.location.clone().unwrap_or_default();
    if first.status != 302 || to != EVERYWHERE {
        return Err(format!("the phone is sent to the portal: {first:?}"));
    }
    let form = terrain.phone.inside(|| http::get(&to))?;
    if form.status != 200 || !form.body.contains("action=\"/login\"") || !form.body.contains("name=\"code\"")
    {
        return Err(format!("the portal shows its form: {form:?}"));
    }
    ok("the phone is sent to the portal", &format!("{to} ({} octets)", form.body.len()));
    type_code(terrain, WRONG_CODE)?;
    stranger(terrain, "a wrong code opens nothing")
}

/// Types a code into the form of the portal.
fn type_code(terrain: &Terrain, code: &str) -> Outcome<Page> {
    let page = terrain.phone.inside(|| http::post(&login(), &format!("code={code}")))?;
    if page.status >= 400 {
        return Err(format!("the portal answers a typed code: {page:?}"));
    }
    Ok(page)
}

/// Where strangers are sent to, at every node.
const EVERYWHERE: &str = "http://192.0.2.1/";

/// Where the portal's form is sent to.
pub(crate) fn login() -> String {
    format!("http://{PORTAL}:2080/login")
}

/// A code is sold over ubus and opens the outside.
fn sale(terrain: &Terrain) -> Outcome<String> {
    let sold = terrain.plaza.ask(&["voucher", "issue", "--plan", "hora", "--person", "Ana"])?;
    let (code, verifier) = (field(&sold["vouchers"][0], "code"), field(&sold["vouchers"][0], "verifier"));
    ok("a voucher is sold over ubus", &format!("lot {}, verifier {verifier}", field(&sold, "lot")));
    type_code(terrain, &code)?;
    outside(terrain, "the code opens the outside")?;
    for set in ["cid", "leases", "up", "down"] {
        let found = terrain.plaza.space.inside(|| elements(set))?;
        let lives = found.first().and_then(|element| element.expires_ms).unwrap_or(0);
        if found.len() != 1 || lives == 0 {
            return Err(format!("one element with a timeout in the set {set}: {found:?}"));
        }
        ok("set element", &format!("{set}: key {:02x?}, for {} s more", found[0].key, lives.div_ceil(1000)));
    }
    if Path::new(NFT).exists() {
        let seen = terrain.plaza.space.inside(|| run(NFT, &["list", "map", "inet", "tequio", "cid"]))?;
        console::quote("nft list map inet tequio cid", &seen);
    }
    wait_for("the session counts its octets", 30, || {
        let sessions = terrain.plaza.ask(&["sessions"])?;
        let session = &sessions["sessions"][0];
        match session["up_bytes"].as_u64() {
            Some(bytes) if bytes > 0 && sessions["total"] == 1 => Ok(()),
            _ => Err(sessions.to_string()),
        }
    })?;
    let shown = terrain.plaza.ask(&["voucher", "show", &verifier])?;
    if shown["state"] != "activated" {
        return Err(format!("the voucher is activated: {shown}"));
    }
    ok("the voucher over ubus", &shown.to_string());
    Ok(verifier)
}

/// The clock jumps by ten years, there and back: the lease is renewed, the guest passes, and his hour is not shorter.
fn clock_jumps(terrain: &Terrain) -> Outcome<()> {
    let began = (machine::clock_s()?, console::uptime().as_secs_f64());
    let left = |what: &str| {
        let sessions = terrain.plaza.ask(&["sessions"])?;
        let left = sessions["sessions"][0]["remaining_s"].as_u64();
        left.ok_or_else(|| format!("{what}, the session is there: {sessions}"))
    };
    let before = left("before the clock jumps")?;
    for years in [10, -10] {
        let what = format!("the clock jumps by {years} years");
        let to = began.0 + years * YEAR_S;
        if to < 0 {
            console::skipped(&what, "no clock goes there");
            continue;
        }
        machine::set_clock(to)?;
        let ends = || -> Outcome<f64> {
            let cid = terrain.plaza.space.inside(|| elements("cid"))?;
            let lives = cid.first().and_then(|element| element.expires_ms);
            let lives = lives.ok_or_else(|| format!("{what}, the guest keeps a lease: {cid:?}"))?;
            Ok(console::uptime().as_secs_f64()
                + f64::from(u32::try_from(lives).unwrap_or(u32::MAX)) / 1_000.0)
        };
        let first = ends()?;
        wait_for("the lease is renewed", u64::from(LEASE_S), || {
            let now = ends()?;
            if now > first + 5.0 { Ok(()) } else { Err(format!("it ends at {now:.1}, as before")) }
        })?;
        outside(terrain, &what)?;
        let after = left(&what)?;
        if before.saturating_sub(after) > JUMP_COSTS_S {
            return Err(format!("{what}, and an hour of use is one: {before} s were left, now {after}"));
        }
        ok(&what, &format!("{after} s of {before} are left, the lease was renewed"));
    }
    let passed = console::uptime().as_secs_f64() - began.1;
    machine::set_clock(began.0 + passed as i64)
}

/// The daemon is killed: nobody is cut at once, nobody gets free days, and its successor goes on.
///
/// The hill stands still meanwhile. Awake it takes its way to the plaza back when two of three Hellos are missing, two
/// to three seconds later and for good; then no answer finds the guest, whatever the plaza's kernel does. What is
/// judged here is that kernel: with a lease guests pass, as long as anybody cares to look, and without one they do not.
fn death(terrain: &mut Terrain) -> Outcome<()> {
    let before = field(&terrain.plaza.ask(&["status"])?, "router_id");
    terrain.cerro.pause()?;
    terrain.plaza.kill()?;
    outside(terrain, "without its daemon the guest still passes")?;
    wait_for("the kernel ends the lease", u64::from(LEASE_S) + 10, || {
        let cid = terrain.plaza.space.inside(|| elements("cid"))?;
        if cid.is_empty() { Ok(()) } else { Err(format!("{cid:?}")) }
    })?;
    let back = terrain.cerro.space.inside(babel_routes)?;
    has_all(&back, &[("10.77.4.0/22", "via inet6 fe80::"), ("fd00:77:4::/64", "via fe80::")])?;
    for host in [OUTSIDE.to_owned(), format!("[{OUTSIDE6}]")] {
        // Port 80 of a stranger leads to the portal, which nobody serves now.
        match browse(terrain, &host) {
            Err(why) if why.contains("refused") => {}
            seen => return Err(format!("an ended lease opens nothing: {host} gives {seen:?}")),
        }
    }
    ok(
        "the kernel ends the lease of a dead daemon",
        &format!("{LEASE_S} s at most, the hill's ways back stand"),
    );
    terrain.cerro.resume()?;
    let status = terrain.plaza.start_and_wait()?;
    let after = field(&status, "router_id");
    if after != before {
        return Err(format!("a restart in one boot keeps the router-id {before}: {after}"));
    }
    outside(terrain, "the guest passes again")?;
    ok("its successor goes on", &format!("router-id {after}, the session is there"));
    Ok(())
}

fn revocation(terrain: &Terrain, verifier: &str) -> Outcome<()> {
    let revoked = terrain.plaza.ask(&["voucher", "revoke", verifier, "--reason", "test"])?;
    ok("revoked over ubus", &revoked.to_string());
    wait_for("the session ends", 20, || {
        let cid = terrain.plaza.space.inside(|| elements("cid"))?;
        if cid.is_empty() { Ok(()) } else { Err(format!("{cid:?}")) }
    })?;
    stranger(terrain, "a revoked voucher opens nothing")
}

/// Both daemons end well, and the hill is missed.
fn farewell(terrain: &mut Terrain) -> Outcome<()> {
    terrain.cerro.stop()?;
    wait_for("the plaza misses the hill", 60, || {
        let routes = terrain.plaza.space.inside(babel_routes)?;
        let alive = routes.iter().find(|route| route.way.starts_with("via"));
        alive.map_or(Ok(()), |route| Err(format!("{route:?}")))
    })?;
    terrain.plaza.stop()?;
    ok("both end well", "the plaza's ways through the hill were taken back");
    Ok(())
}

/// The phone passes over both families, seen with its own address.
fn outside(terrain: &Terrain, what: &str) -> Outcome<()> {
    wait_for(what, 60, || reaches(terrain, OUTSIDE, PHONE))?;
    wait_for(what, 60, || reaches(terrain, &format!("[{OUTSIDE6}]"), PHONE6))?;
    ok(what, &format!("{OUTSIDE} as {PHONE}, {OUTSIDE6} as {PHONE6}"));
    Ok(())
}

fn reaches(terrain: &Terrain, host: &str, seen_as: &str) -> Outcome<()> {
    let page = browse(terrain, host)?;
    if page.status == 200 && page.body == format!("{OUTSIDE_PAGE} client={seen_as}") {
        return Ok(());
    }
    Err(format!("{page:?}"))
}

/// The phone does not pass: the portal answers instead.
fn stranger(terrain: &Terrain, what: &str) -> Outcome<()> {
    for host in [OUTSIDE.to_owned(), format!("[{OUTSIDE6}]")] {
        let page = browse(terrain, &host)?;
        if page.status != 302 {
            return Err(format!("{what}: {host} gives {page:?}"));
        }
    }
    ok(what, "both families are sent to the portal");
    Ok(())
}

fn browse(terrain: &Terrain, host: &str) -> Outcome<Page> {
    terrain.phone.inside(|| http::get(&format!("http://{host}/")))
}

fn field(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

/// What a person would look at after a failure.
fn look_around(terrain: &Terrain) {
    for node in [&terrain.plaza, &terrain.cerro] {
        let routes = node.space.inside(babel_routes);
        console::quote(&format!("routes of {}", node.name), &format!("{routes:#?}"));
        for words in [["status"].as_slice(), &["neighbours"], &["links"], &["routes"], &["sessions"]] {
            let seen = node.ask(words).map_or_else(|why| why, |value| value.to_string());
            console::quote(&format!("tequio {} of {}", words.join(" "), node.name), &seen);
        }
    }
    for set in ["cid", "leases", "up", "down"] {
        let seen = terrain.plaza.space.inside(|| elements(set));
        console::quote(&format!("set {set}"), &format!("{seen:?}"));
    }
}

const YEAR_S: i64 = 31_556_952;
/// What a session may use while the clock jumps, which takes as long as two leases.
const JUMP_COSTS_S: u64 = 300;
/// Well-formed, and of no community.
const WRONG_CODE: &str = "0000-0000-0000";
/// The shortest lease that the configuration allows.
const LEASE_S: u32 = 60;
/// Debian has no packages for big-endian MIPS.
const NO_PROGRAM: &str = "this machine has no such program";
/// Where Debian has it.
const IP: &str = "/bin/ip";
