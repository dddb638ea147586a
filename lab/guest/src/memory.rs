//! How much memory the daemon takes on a router, and how soon it says Hello: idle, with 1,000 routes, and full. Every
//! figure comes from real inputs: routes from a neighbour that announces them, vouchers that this program sold, codes
//! that 500 phones typed.

use std::net::IpAddr;
use std::time::Duration;

use crate::babel::{self, Generator};
use crate::console::{Outcome, figure, ok, uptime, wait_for};
use crate::http;
use crate::link::{self, babel_routes};
use crate::nft::elements;
use crate::story::login;
use crate::terrain::{PHONE, Terrain};

/// Measures and tells; the limits are the host's business.
pub(crate) fn tell() -> Outcome<()> {
    let mut terrain = Terrain::build(900)?;
    let told = measure(&mut terrain);
    let logs = terrain.plaza.judge_log();
    told.and(logs)
}

fn measure(terrain: &mut Terrain) -> Outcome<()> {
    terrain.load_base_table()?;
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let (hello_s, _) = first_hello(terrain)?;
        terrain.plaza.stop()?;
        starts.push(hello_s);
    }
    figure("first_hello_s", median(starts));

    first_hello(terrain)?;
    terrain.plaza.ready()?;
    pass(terrain, QUIET)?;
    private(terrain, "idle")?;

    let generator = Generator::start(&terrain.cerro.space, "mesh0", ROUTES)?;
    routes_are_there(terrain)?;
    private(terrain, "routes1000")?;
    // Who listens for the next Hello needs its port.
    drop(generator);

    terrain.plaza.stop()?;
    full_state()?;
    let (hello_s, _) = first_hello(terrain)?;
    figure("full.first_hello_s", format!("{hello_s:.2}"));
    let status = terrain.plaza.ready()?;
    ok("the node with a full ledger", &status.to_string());
    private(terrain, "vouchers5000")?;
    let generator = Generator::start(&terrain.cerro.space, "mesh0", ROUTES)?;
    routes_are_there(terrain)?;
    private(terrain, "vouchers5000_routes1000")?;
    let began = uptime();
    logins(terrain)?;
    figure("logins_s", format!("{:.1}", (uptime() - began).as_secs_f64()));
    pass(terrain, QUIET)?;
    // All of it at once: what came first must still be there.
    routes_are_there(terrain)?;
    sessions_are(terrain, SESSIONS)?;
    private(terrain, "full")?;
    drop(generator);
    terrain.plaza.stop()
}

/// Starts the daemon; seconds until a neighbour hears its first Hello.
fn first_hello(terrain: &mut Terrain) -> Outcome<(f64, IpAddr)> {
    let ear = babel::Ear::open(&terrain.cerro.space, "mesh0")?;
    let began = uptime();
    terrain.plaza.start()?;
    let (at, from) = ear.first_hello(Duration::from_secs(30))?;
    Ok(((at - began).as_secs_f64(), from))
}

fn median(mut values: Vec<f64>) -> String {
    values.sort_by(f64::total_cmp);
    ok("seconds to the first Hello", &format!("{values:.2?}"));
    format!("{:.2}", values[values.len() / 2])
}

/// Waits for a condition that is only time: what was started settles, buffers that grew are given back.
fn pass(terrain: &Terrain, seconds: u64) -> Outcome<()> {
    let end = uptime() + Duration::from_secs(seconds);
    wait_for("time passes", seconds + 5, || {
        terrain.plaza.ask(&["status"])?;
        if uptime() >= end { Ok(()) } else { Err("not yet".to_owned()) }
    })
}

/// All announced routes are in the kernel, and the daemon says so too.
fn routes_are_there(terrain: &Terrain) -> Outcome<()> {
    let wanted = usize::from(ROUTES);
    let seen = wait_for("the announced routes", 300, || {
        let kernel = terrain.plaza.space.inside(babel_routes)?.len();
        let status = terrain.plaza.ask(&["status"])?;
        if kernel == wanted && status["routes"] == wanted {
            return Ok(kernel);
        }
        Err(format!("{kernel} in the kernel; {status}"))
    })?;
    ok("routes in the kernel and in the daemon", &seen.to_string());
    Ok(())
}

/// Pages that belong to the daemon alone and that nobody else could read from its file again.
fn private(terrain: &Terrain, name: &str) -> Outcome<()> {
    let pid = terrain.plaza.pid()?;
    let read = |file: &str| {
        std::fs::read_to_string(format!("/proc/{pid}/{file}")).map_err(|error| format!("{file}: {error}"))
    };
    let smaps = read("smaps")?;
    let sum = |field: &str| -> u64 {
        let rows = smaps.lines().filter_map(|line| line.strip_prefix(field));
        rows.filter_map(|row| row.trim().strip_suffix(" kB")?.parse::<u64>().ok()).sum()
    };
    figure(&format!("{name}.private_kb"), sum("Anonymous:"));
    figure(&format!("{name}.rss_kb"), sum("Rss:"));
    let status = read("status")?;
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default();
    ok("memory", &format!("{name}: {} kB private; {peak}", sum("Anonymous:")));
    Ok(())
}

/// Takes the state folder that the host has filled.
fn full_state() -> Outcome<()> {
    let moved = std::fs::rename("/village/plaza/state", "/village/plaza/state.idle")
        .and_then(|()| std::fs::rename("/village/full/state", "/village/plaza/state"));
    moved.map_err(|error| format!("the full ledger: {error}"))
}

/// 500 phones, one after the other with an address and a device of its own, type a code each.
fn logins(terrain: &Terrain) -> Outcome<()> {
    let codes = std::fs::read_to_string("/village/full/codes").map_err(|error| format!("codes: {error}"))?;
    let codes: Vec<&str> = codes.lines().take(SESSIONS).collect();
    if codes.len() != SESSIONS {
        return Err(format!("{SESSIONS} codes: {}", codes.len()));
    }
    let mut before: IpAddr = crate::terrain::to(PHONE);
    for (number, code) in (0_u16..).zip(&codes) {
        let [high, low] = (number + 0x100).to_be_bytes();
        let address = IpAddr::from([10, 77, 4 + high, low]);
        terrain.phone.inside(|| {
            link::remove_address("ph0", before, 22)?;
            link::mac("ph0", [2, 0, 0, 0, high, low])?;
            link::add_address("ph0", address, 22)
        })?;
        before = address;
        let answer = terrain.phone.inside(|| http::post(&login(), &format!("code={code}")))?;
        if answer.status >= 400 {
            return Err(format!("the portal takes code {number}: {answer:?}"));
        }
        let count = usize::from(number) + 1;
        if count.is_multiple_of(PROGRESS) {
            sessions_are(terrain, count)?;
        }
    }
    Ok(())
}

/// So many sessions are open in the daemon and in the kernel. An answer that took long is a page that asks again.
fn sessions_are(terrain: &Terrain, count: usize) -> Outcome<()> {
    wait_for(&format!("{count} sessions"), 300, || {
        let sessions = terrain.plaza.ask(&["sessions", "--limit", "1"])?;
        let kernel = terrain.plaza.space.inside(|| elements("cid"))?.len();
        if sessions["total"] == count && kernel == count {
            return Ok(());
        }
        Err(format!("{} in the daemon, {kernel} in the kernel", sessions["total"]))
    })?;
    ok("sessions in the daemon and in the kernel", &count.to_string());
    Ok(())
}

const STARTS: usize = 5;
/// Seconds that a state lasts before it is measured.
const QUIET: u64 = 30;
const ROUTES: u16 = 1_000;
const SESSIONS: usize = 500;
/// After so many logins the sessions are counted.
const PROGRESS: usize = 50;
