//! Programs that live as long as the village: daemons, dnsmasq, web servers. Each has a log file; each dies with the
//! laboratory, also when the laboratory is killed.

use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::command::cannot_start;
use crate::failure::{Failure, Outcome, io};

/// A running program. Dropping it ends it.
#[derive(Debug)]
pub struct Process {
    /// What it is called in the story, like `tequio at plaza`.
    pub name: String,
    /// Where its output goes.
    pub log: PathBuf,
    child: Child,
}

impl Process {
    /// Starts a program; its output is added to `log`.
    ///
    /// To be called from the main thread: the kernel kills the program when the thread that started it ends.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Outcome<Self> {
        let file = || OpenOptions::new().create(true).append(true).open(log);
        let out = file().map_err(io(format!("the log {}", log.display())))?;
        let err = out.try_clone().map_err(io(format!("the log {}", log.display())))?;
        // A group of its own: Ctrl-C in a terminal reaches only the laboratory, which ends the others in order.
        command.stdin(Stdio::null()).stdout(out).stderr(err).process_group(0);
        // SAFETY: prctl only sets a number in the new process and allocates nothing.
        unsafe {
            command.pre_exec(|| {
                libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
                Ok(())
            });
        }
        let program = command.get_program().to_string_lossy().into_owned();
        let child = command.spawn().map_err(|error| cannot_start(&program, &error))?;
        Ok(Self { name: name.to_string(), log: log.to_path_buf(), child })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// An error with the last words of the program if it has ended.
    pub fn check(&mut self) -> Outcome<()> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            Ok(Some(status)) => {
                let last = tail(&self.log, 1).pop().unwrap_or_else(|| "it said nothing".to_string());
                let seen = format!("it ended ({status}); its last words: {last}");
                Err(Failure::new(format!("{} to run", self.name), seen).read(&self.log))
            }
            Err(error) => {
                Err(Failure::new(format!("{} to run", self.name), error.to_string()).read(&self.log))
            }
        }
    }

    /// SIGKILL: like a power cut for this program alone.
    pub fn kill(mut self) {
        self.end(Signal::SIGKILL, Duration::from_secs(2));
    }

    /// SIGTERM, and SIGKILL if that does not help. Gives whether it ended by itself.
    pub fn stop(&mut self) -> bool {
        self.end(Signal::SIGTERM, Duration::from_secs(3))
    }

    fn end(&mut self, signal: Signal, limit: Duration) -> bool {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return true;
        }
        let Ok(pid) = i32::try_from(self.child.id()) else { return false };
        let _ = kill(Pid::from_raw(pid), signal);
        let start = Instant::now();
        while start.elapsed() < limit {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        false
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The last lines of a file.
pub fn tail(path: &Path, lines: usize) -> Vec<String> {
    use std::io::{Read, Seek, SeekFrom};
    let Ok(mut file) = std::fs::File::open(path) else { return Vec::new() };
    let length = file.metadata().map(|data| data.len()).unwrap_or(0);
    let mut bytes = Vec::new();
    if file.seek(SeekFrom::Start(length.saturating_sub(TAIL_OCTETS))).is_err()
        || file.take(TAIL_OCTETS).read_to_end(&mut bytes).is_err()
    {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    all[all.len().saturating_sub(lines)..].iter().map(|line| (*line).to_string()).collect()
}

/// As much of a log as a person reads.
const TAIL_OCTETS: u64 = 16 << 10;
