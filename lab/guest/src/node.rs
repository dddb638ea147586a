//! A node: its namespace, its broker, its daemon, and the daemon's own command line as the only way to ask it.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitCode, ExitStatus, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::console::{self, Outcome, wait_for};
use crate::space::Space;

/// A node.
pub(crate) struct Node {
    /// Its name, and that of its folder below `/village`.
    pub(crate) name: &'static str,
    /// Its network.
    pub(crate) space: Space,
    daemon: Option<Child>,
    broker: Child,
}

impl Node {
    /// A node with its configuration and its broker; the daemon does not run yet.
    pub(crate) fn new(name: &'static str, config: &str) -> Outcome<Self> {
        write_config(name, config)?;
        let broker = Command::new("/proc/self/exe").args(["broker", &socket(name)]).spawn();
        let broker = broker.map_err(|error| format!("the broker of {name}: {error}"))?;
        Ok(Self { name, space: Space::new()?, daemon: None, broker })
    }

    /// Starts the daemon.
    pub(crate) fn start(&mut self) -> Outcome<()> {
        let log = File::options().create(true).append(true).open(self.log());
        let log = log.map_err(|error| format!("the log of {}: {error}", self.name))?;
        let config = self.config();
        let daemon = self.space.at_home(|| {
            Command::new(TEQUIO)
                .args(["run", "--config", &config])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()
                .map_err(|error| format!("{TEQUIO}: {error}"))
        })?;
        self.daemon = Some(daemon);
        Ok(())
    }

    /// Waits until the daemon answers on ubus; what it says of itself.
    pub(crate) fn ready(&mut self) -> Outcome<Value> {
        let patience = 60;
        let name = self.name;
        let end = wait_for(&format!("{name} answers on ubus"), patience, || {
            if let Some(status) = self.ended()? {
                return Ok(Err(format!("the daemon of {name} ended: {status}")));
            }
            self.ask(&["status"]).map(Ok)
        });
        end?
    }

    /// Gives the daemon that runs another configuration.
    pub(crate) fn configure(&self, config: &str) -> Outcome<()> {
        write_config(self.name, config)?;
        self.signal(Signal::SIGHUP)
    }

    /// Starts the daemon and waits for it.
    pub(crate) fn start_and_wait(&mut self) -> Outcome<Value> {
        self.start()?;
        self.ready()
    }

    fn ended(&mut self) -> Outcome<Option<ExitStatus>> {
        let daemon = self.daemon.as_mut().ok_or("the daemon was not started")?;
        daemon.try_wait().map_err(|error| format!("the daemon of {}: {error}", self.name))
    }

    /// The process id of the daemon.
    pub(crate) fn pid(&self) -> Outcome<u32> {
        self.daemon.as_ref().map(Child::id).ok_or_else(|| format!("{} does not run", self.name))
    }

    /// Ends the daemon as procd does; it must end well.
    pub(crate) fn stop(&mut self) -> Outcome<()> {
        let status = self.end(Signal::SIGTERM)?;
        if status.success() {
            return Ok(());
        }
        Err(format!("{} ends well after SIGTERM: {status}", self.name))
    }

    /// Ends the daemon as an empty battery does.
    pub(crate) fn kill(&mut self) -> Outcome<()> {
        let status = self.end(Signal::SIGKILL)?;
        match status.signal() {
            Some(9) => Ok(()),
            _ => Err(format!("{} ran until it was killed: {status}", self.name)),
        }
    }

    /// Stops the daemon in its tracks until [`Self::resume`]; its kernel goes on.
    pub(crate) fn pause(&self) -> Outcome<()> {
        self.signal(Signal::SIGSTOP)
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) -> Outcome<()> {
        self.signal(Signal::SIGCONT)
    }

    fn signal(&self, signal: Signal) -> Outcome<()> {
        let pid = Pid::from_raw(self.pid()?.cast_signed());
        kill(pid, signal).map_err(|error| format!("{signal} to {}: {error}", self.name))
    }

    fn end(&mut self, signal: Signal) -> Outcome<ExitStatus> {
        self.signal(signal)?;
        let mut daemon = self.daemon.take().ok_or("the daemon was not started")?;
        wait_for(&format!("{} ends", self.name), 20, || match daemon.try_wait() {
            Ok(Some(status)) => Ok(status),
            Ok(None) => Err("it still runs".to_owned()),
            Err(error) => Err(error.to_string()),
        })
    }

    /// Asks the daemon through ubus, by its own command line.
    pub(crate) fn ask(&self, words: &[&str]) -> Outcome<Value> {
        let socket = socket(self.name);
        let mut all = vec!["--json", "--socket", &socket];
        all.extend_from_slice(words);
        let text = run(TEQUIO, &all)?;
        serde_json::from_str(&text).map_err(|error| format!("`tequio {}`: {error}: {text}", words.join(" ")))
    }

    /// The text of the base table that the daemon's program makes of the configuration.
    pub(crate) fn base_table(&self) -> Outcome<String> {
        run(TEQUIO, &["firewall", "--config", &self.config()])
    }

    fn config(&self) -> String {
        format!("/village/{}/tequio", self.name)
    }

    /// Where its daemon's words go.
    pub(crate) fn log(&self) -> String {
        format!("/run/{}.log", self.name)
    }

    /// Puts the log on the console; an error in it is a failure.
    pub(crate) fn judge_log(&self) -> Outcome<()> {
        self.judge_log_beside(&[])
    }

    /// The same; errors with one of these words were brought about.
    pub(crate) fn judge_log_beside(&self, expected: &[&str]) -> Outcome<()> {
        let text = std::fs::read_to_string(self.log()).map_err(|error| format!("{}: {error}", self.log()))?;
        console::quote(&format!("log of {}", self.name), &text);
        // <3> is an error as syslog counts; a panic has no number.
        let bad = text.lines().find(|line| {
            let is_error = ["<0>", "<1>", "<2>", "<3>"].contains(&line.get(..3).unwrap_or(""));
            is_error && !expected.iter().any(|words| line.contains(words)) || line.contains("panic")
        });
        match bad {
            Some(line) => Err(format!("the log of {} has no error: {line}", self.name)),
            None => {
                let warnings = text.lines().filter(|line| line.starts_with("<4>")).count();
                let lines = text.lines().count();
                console::ok(
                    &format!("the log of {}", self.name),
                    &format!("{lines} lines, {warnings} warnings, no error"),
                );
                Ok(())
            }
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.broker.kill();
        let _ = self.broker.wait();
    }
}

/// Writes the file of a node: who it is, and `config`.
fn write_config(name: &str, config: &str) -> Outcome<()> {
    let folder = format!("/village/{name}");
    std::fs::create_dir_all(&folder).map_err(|error| format!("the folder {folder}: {error}"))?;
    let node = format!(
        "config node 'node'\n\toption name '{name}'\n\toption state_dir '{folder}/state'\n\
         \toption run_dir '/run/{name}'\n\toption ubus_socket '{}'\n",
        socket(name)
    );
    std::fs::write(format!("{folder}/tequio"), node + config)
        .map_err(|error| format!("the configuration of {name}: {error}"))
}

/// Where its broker listens.
pub(crate) fn socket(name: &str) -> String {
    format!("/run/{name}.ubus")
}

/// Runs a program to its end, for a minute at most; its standard output.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Outcome<String> {
    let line = format!("`{program} {}`", arguments.join(" "));
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{line}: {error}"))?;
    let pid = Pid::from_raw(child.id().cast_signed());
    let (done, ended) = mpsc::channel();
    std::thread::spawn(move || done.send(child.wait_with_output()));
    let Ok(output) = ended.recv_timeout(PATIENCE) else {
        let _ = kill(pid, Signal::SIGKILL);
        return Err(format!("{line}: it still ran after {} s", PATIENCE.as_secs()));
    };
    let Output { status, stdout, stderr } = output.map_err(|error| format!("{line}: {error}"))?;
    if status.success() {
        return Ok(String::from_utf8_lossy(&stdout).into_owned());
    }
    let words = String::from_utf8_lossy(if stderr.is_empty() { &stdout } else { &stderr }).trim().to_owned();
    Err(format!("{line}: {words} ({status})"))
}

/// Is a broker until it is killed.
pub(crate) fn serve_broker(socket: &str) -> ExitCode {
    let config = ubusd::Config { socket_path: socket.to_owned(), ..ubusd::Config::default() };
    let ended = ubusd::Broker::bind(config).and_then(|mut broker| broker.run());
    if let Err(error) = ended {
        eprintln!("guest broker {socket}: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// The daemon under test.
pub(crate) const TEQUIO: &str = "/bin/tequio";

/// How long a program may run that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
