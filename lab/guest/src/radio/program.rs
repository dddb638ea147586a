//! A program of Debian's that runs on until it is ended or the machine is switched off.

use std::fs::File;
use std::process::{Child, Command, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::console::{self, Outcome};
use crate::space::Space;

/// One of them.
pub(super) struct Program {
    child: Child,
    name: &'static str,
    words: Vec<String>,
    log: String,
}

impl Program {
    /// Starts `name` with a configuration; `files` is the name of what it reads and says.
    pub(super) fn start(
        space: &Space,
        name: &'static str,
        files: &str,
        words: &[&str],
        config: &str,
    ) -> Outcome<Self> {
        let (file, log) = (format!("/run/{files}.conf"), format!("/run/{files}.program.log"));
        std::fs::write(&file, config).map_err(|error| format!("{file}: {error}"))?;
        let words: Vec<String> = words.iter().copied().map(str::to_owned).chain([file]).collect();
        let child = spawn(space, name, &words, &log)?;
        Ok(Self { child, name, words, log })
    }

    /// Starts it once more, with what stands in its file.
    pub(super) fn begin_again(&mut self, space: &Space) -> Outcome<()> {
        self.end()?;
        self.child = spawn(space, self.name, &self.words, &self.log)?;
        Ok(())
    }

    /// Stops it in its tracks, until it is ended.
    pub(super) fn pause(&self) -> Outcome<()> {
        kill(self.pid(), Signal::SIGSTOP).map_err(|error| format!("{} hangs: {error}", self.name))
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Ends it, if it runs.
    pub(super) fn end(&mut self) -> Outcome<()> {
        if matches!(self.child.try_wait(), Ok(Some(_))) {
            return Ok(());
        }
        // One that hangs hears it when it goes on.
        let told =
            [Signal::SIGTERM, Signal::SIGCONT].into_iter().try_for_each(|signal| kill(self.pid(), signal));
        let ended = told.map_err(std::io::Error::from).and_then(|()| self.child.wait());
        ended.map(drop).map_err(|error| format!("{} ends: {error}", self.name))
    }

    /// Puts what it said on the console.
    pub(super) fn quote(&self) {
        console::quote(self.name, &std::fs::read_to_string(&self.log).unwrap_or_default());
    }

    /// The failure is that it has ended.
    pub(super) fn judge(&mut self) -> Outcome<()> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            ended => {
                let text = std::fs::read_to_string(&self.log).unwrap_or_default();
                Err(format!("{} runs: {ended:?}: {text}", self.name))
            }
        }
    }
}

fn spawn(space: &Space, name: &str, words: &[String], log: &str) -> Outcome<Child> {
    let output = File::options().create(true).append(true).open(log);
    let output = output.map_err(|error| format!("{log}: {error}"))?;
    space.at_home(|| {
        let again = output.try_clone().map_err(|error| format!("{log}: {error}"))?;
        Command::new(name)
            .args(words)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(again)
            .spawn()
            .map_err(|error| format!("{name}: {error}"))
    })
}
