//! The machine itself: file systems, kernel modules, the clock, the end.

use std::convert::Infallible;
use std::fs::File;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use nix::kmod::{ModuleInitFlags, finit_module};
use nix::mount::{MsFlags, mount};
use nix::sys::reboot::{RebootMode, reboot};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime, clock_settime};

use crate::console::{self, Outcome};
use crate::{memory, pipe, power, radio, story, suite};

/// Plays the story that the kernel's command line asks for (`story=`), and switches the machine off.
pub(crate) fn run() -> ! {
    std::panic::set_hook(Box::new(|panic| {
        println!("boot: FAILED: the guest program itself: {panic}");
        off();
    }));
    let told = prepare().and_then(|()| match std::env::var("story").as_deref() {
        Ok("memory") => memory::tell(),
        Ok("village") => story::tell(),
        Ok("power") => power::tell(),
        Ok("pipe") => pipe::tell(),
        Ok("radio") => radio::tell(),
        Ok("radio-soak") => radio::soak(),
        Ok("hotspot") => suite::tell(),
        other => Err(format!(
            "story=village, memory, power, pipe, radio, radio-soak or hotspot on the kernel's command line: {other:?}"
        )),
    });
    match told {
        Ok(()) => println!("boot: the story is told"),
        Err(why) => println!("boot: FAILED: {why}"),
    }
    off();
}

fn off() -> ! {
    nix::unistd::sync();
    match reboot(RebootMode::RB_POWER_OFF) {
        Ok(never) => never_returns(never),
        Err(error) => println!("boot: FAILED: the machine cannot be switched off: {error}"),
    }
    // The first process must not end: the kernel would panic, and that hides the console's last lines.
    loop {
        std::thread::park();
    }
}

fn never_returns(never: Infallible) -> ! {
    match never {}
}

fn prepare() -> Outcome<()> {
    for (kind, path) in
        [("proc", "/proc"), ("sysfs", "/sys"), ("tmpfs", "/run"), ("tmpfs", "/tmp"), ("devtmpfs", "/dev")]
    {
        std::fs::create_dir_all(path).map_err(|error| format!("the folder {path}: {error}"))?;
        mount_kind(kind, path)?;
    }
    let loaded = modules(Path::new("/modules"))?;
    let kernel = std::fs::read_to_string("/proc/version").map_err(|error| error.to_string())?;
    let memory = std::fs::read_to_string("/proc/meminfo").map_err(|error| error.to_string())?;
    let total = memory.lines().next().unwrap_or_default();
    let place = if cfg!(target_endian = "big") { "big-endian" } else { "little-endian" };
    console::ok("kernel", &format!("{place}, {loaded} modules, {total}; {}", kernel.trim()));
    right_clock()
}

/// Mounts a file system that lives in memory.
pub(crate) fn mount_kind(kind: &str, path: &str) -> Outcome<()> {
    mount(Some(kind), path, Some(kind), MsFlags::empty(), None::<&str>)
        .map_err(|error| format!("{kind} on {path}: {error}"))
}

/// Loads the modules that a list names, in its order. Without the list the kernel has all in itself.
pub(crate) fn modules(folder: &Path) -> Outcome<usize> {
    let Ok(list) = std::fs::read_to_string(folder.join("order")) else { return Ok(0) };
    for name in list.lines() {
        let file = File::open(folder.join(name)).map_err(|error| format!("the module {name}: {error}"))?;
        let parameters = match name {
            "phram.ko" => power::FLASHES,
            "mac80211_hwsim.ko" => radio::RADIOS,
            _ => c"",
        };
        match finit_module(&file, parameters, ModuleInitFlags::empty()) {
            Ok(()) | Err(nix::Error::EEXIST) => {}
            // Another module does the same in software.
            Err(error @ nix::Error::ENODEV) => console::skipped(&format!("the module {name}"), error.desc()),
            Err(error) => return Err(format!("the module {name}: {error}")),
        }
    }
    Ok(list.lines().count())
}

/// The clock shows the year that was ordered (`year=`): a test at 1970 that runs today would prove nothing.
fn right_clock() -> Outcome<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|error| format!("the clock: {error}"))?;
    let year = 1970 + now.as_secs() / SECONDS_A_YEAR;
    let ordered = std::env::var("year").ok().and_then(|text| text.parse::<u64>().ok());
    if ordered.is_some_and(|ordered| ordered != year) {
        return Err(format!("the clock in the year {ordered:?}: it says {year} ({} s)", now.as_secs()));
    }
    console::ok("the clock", &format!("the year {year}, {} s", now.as_secs()));
    Ok(())
}

/// What the clock says, in seconds since 1970: 64 bits of them on every processor that this is built for.
pub(crate) fn clock_s() -> Outcome<i64> {
    clock_gettime(ClockId::CLOCK_REALTIME)
        .map(|now| now.tv_sec())
        .map_err(|error| format!("the clock: {error}"))
}

/// Sets the clock.
pub(crate) fn set_clock(unix_s: i64) -> Outcome<()> {
    clock_settime(ClockId::CLOCK_REALTIME, TimeSpec::new(unix_s, 0))
        .map_err(|error| format!("the clock cannot be set to {unix_s} s: {error}"))
}

/// 365.2425 days.
const SECONDS_A_YEAR: u64 = 31_556_952;
