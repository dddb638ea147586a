//! Other programs: run to their end with bounded time and output, their words in the failure.

use std::io::{Read, Write};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome, io};

/// Runs `program` with `arguments`; gives its standard output if it succeeds.
pub fn run(program: &str, arguments: &[&str]) -> Outcome<String> {
    feed(program, arguments, "")
}

/// Like [`run`], with `input` on the standard input.
pub fn feed(program: &str, arguments: &[&str], input: &str) -> Outcome<String> {
    let output = attempt(program, arguments, input)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(text);
    }
    let line = format!("{program} {}", arguments.join(" "));
    let mut words = String::from_utf8_lossy(&output.stderr).trim().to_string();
    if words.is_empty() {
        words = text.trim().to_string();
    }
    Err(Failure::new(format!("`{line}` to succeed"), format!("{} ({})", words, output.status)))
}

/// Runs a program and gives whatever came of it; only a program that cannot be started or does not end is an error.
pub fn attempt(program: &str, arguments: &[&str], input: &str) -> Outcome<Output> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_start(program, &error))?;
    let stdout = drain(child.stdout.take());
    let stderr = drain(child.stderr.take());
    if let Some(mut pipe) = child.stdin.take() {
        // A program that does not read its input has said why on its standard error.
        let _ = pipe.write_all(input.as_bytes());
    }
    let status = wait(&mut child, program)?;
    let stdout = stdout.join().unwrap_or_default();
    let stderr = stderr.join().unwrap_or_default();
    Ok(Output { status, stdout, stderr })
}

/// The failure of a program that cannot be started; names Debian's package when it is one that we know.
pub fn cannot_start(program: &str, error: &std::io::Error) -> Failure {
    let package = PACKAGES.iter().find(|(name, _)| *name == program).map(|(_, package)| *package);
    let hint = match package {
        Some(package) if error.kind() == std::io::ErrorKind::NotFound => {
            format!("it is not installed; on Debian: apt-get install {package}")
        }
        _ => error.to_string(),
    };
    Failure::new(format!("the program `{program}`"), hint)
}

/// Says which of the programs that the village needs is missing, before anything is built.
pub fn require_all() -> Outcome<()> {
    for (program, _) in PACKAGES {
        attempt(program, &["--version"], "")
            .or_else(|failure| if *program == "ip" { attempt(program, &["-V"], "") } else { Err(failure) })?;
    }
    Ok(())
}

fn wait(child: &mut Child, program: &str) -> Outcome<std::process::ExitStatus> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(io(format!("the end of `{program}`")))? {
            return Ok(status);
        }
        if start.elapsed() > TIME_LIMIT {
            let _ = child.kill();
            let _ = child.wait();
            let seen = format!("it still ran after {} s and was killed", TIME_LIMIT.as_secs());
            return Err(Failure::new(format!("`{program}` to end"), seen));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn drain(pipe: Option<impl Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(pipe) = pipe {
            let _ = pipe.take(OUTPUT_LIMIT).read_to_end(&mut bytes);
        }
        bytes
    })
}

/// The programs of the system that the laboratory runs, and Debian's packages that hold them.
const PACKAGES: &[(&str, &str)] = &[("ip", "iproute2"), ("nft", "nftables"), ("dnsmasq", "dnsmasq-base")];

/// No program that the laboratory runs to its end works longer than this.
const TIME_LIMIT: Duration = Duration::from_secs(20);

/// A routing table of some ten thousand routes as JSON fits.
const OUTPUT_LIMIT: u64 = 8 << 20;
