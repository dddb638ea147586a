//! The enforcement suite on this machine's kernel: `tests/guest_io` as it was built for the machine that boots this one,
//! brought along as a program. Phones, a router and the outside are network namespaces here as there; what it proves on the
//! kernel of whoever builds, it proves on an older one.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use crate::console::{self, Outcome, ok};

/// Runs it, one test after the other. Each one's line is told; all must pass, and none be left out.
pub(crate) fn tell() -> Outcome<()> {
    let wrong = |error: std::io::Error| format!("{SUITE}: {error}");
    let mut suite = Command::new(SUITE)
        .args(["--test-threads", "1", "--color", "never"])
        .env("PATH", "/bin:/sbin:/usr/sbin")
        // Its modules are loaded, which the kernel of whoever builds need not have.
        .env("FLOW_TABLES", "1")
        .env("SCAN_PORTS", "8192")
        .stdout(Stdio::piped())
        .spawn()
        .map_err(wrong)?;
    let lines = BufReader::new(suite.stdout.take().ok_or("its output")?).lines();
    let (mut passed, mut last) = (0, String::new());
    for line in lines {
        let line = line.map_err(wrong)?;
        match line.strip_prefix("test ").and_then(|line| line.strip_suffix(" ... ok")) {
            Some(name) => {
                passed += 1;
                ok("passed", name);
            }
            None => console::quote("the suite", &line),
        }
        if line.starts_with("test result:") {
            last = line;
        }
    }
    let status = suite.wait().map_err(wrong)?;
    let whole = last.contains(" 0 failed; 0 ignored; ") && last.contains(" 0 filtered out");
    if status.success() && whole && passed >= FEWEST {
        ok("the enforcement suite", &last);
        return Ok(());
    }
    Err(format!("all of the suite passes here ({passed}, {status}): {last}"))
}

/// Where `scripts/boot.sh` puts it.
const SUITE: &str = "/bin/suite";
/// With fewer, it is not the suite.
const FEWEST: usize = 30;
