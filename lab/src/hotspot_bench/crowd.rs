//! A crowd logs in: each phone is a stack of its own that gets an address, is sent to the portal, types a code of its
//! own, and opens a page outside. And one phone after the other, where the kernel itself says when it lets it through.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use super::client::{Client, ask, dial, nth, talk};
use super::{Bench, NODE, quantile};
use crate::cell::Cell;
use crate::failure::{Failure, Outcome, io};
use crate::form::Form;
use crate::http::{Url, request};
use crate::netns::Namespace;
use crate::phone::Phone;
use crate::routing::private_kb;
use crate::topology::OUTSIDE4;
use crate::uci::PORTAL_PORT;

/// People who type at one time.
const HANDS: usize = 16;
/// Who is not outside by then has not been let in.
const LIMIT: Duration = Duration::from_secs(15);
/// A page that is not there by then is asked for again.
const PATIENCE: Duration = Duration::from_secs(20);
/// Phones of [`Bench::admit`].
const ONE_BY_ONE: u16 = 40;

impl Bench {
    /// From a POST that the daemon reads until `nft monitor` tells that the phone is in the table: with the tag and the
    /// chain of the code, on a quiet node.
    pub(super) fn admit(&mut self) -> Outcome<()> {
        let hotspot = self.household().site.hotspot().expect("the node has a hotspot");
        let node = self.terrain.node(NODE).clone();
        let client = Client::plug_in(&node, &hotspot, "admit", 64..64 + u32::from(ONE_BY_ONE))?;
        let codes = self.sell(ONE_BY_ONE.into())?;
        let mut monitor = Monitor::start(&node)?;
        let mut waited_ms = Vec::new();
        for (number, code) in (0..).zip(codes) {
            let mac = client.change_mac(number)?;
            let own = nth(client.first, number.into());
            let portal = Url::parse(&format!("http://{}:{PORTAL_PORT}/", hotspot.router4))?;
            let posted = client.namespace.inside(move || post(own, &portal, &code))?;
            let known = monitor.guest(&mac)?;
            waited_ms.push(known.saturating_duration_since(posted).as_secs_f64() * 1e3);
        }
        self.note("admit_ms_p50", quantile(&mut waited_ms, 0.5));
        self.note("admit_ms_p99", quantile(&mut waited_ms, 0.99));
        Ok(())
    }

    /// What the daemon has for itself now; of several the one that has most.
    pub(super) fn memory(&mut self, sessions: usize) -> Outcome<()> {
        let mut most_kb = 0;
        for household in &self.households {
            let pid = household.daemon_pid().ok_or_else(|| Failure::new("a daemon", "none"))?;
            most_kb = most_kb.max(private_kb(pid)?);
        }
        self.note(&format!("private_kb_{sessions}"), most_kb as f64);
        Ok(())
    }

    /// So many phones, each with a code of its own, at all nodes in turn.
    pub(super) fn crowd(&mut self, phones: u16) -> Outcome<()> {
        let codes = self.sell(phones.into())?;
        let half = codes.len().min(500);
        let mut waited_ms = self.log_in(&codes[..half], 0)?;
        self.memory(half)?;
        if half < codes.len() {
            waited_ms.extend(self.log_in(&codes[half..], half)?);
            self.memory(codes.len())?;
        }
        self.note("login_ok_ratio", waited_ms.len() as f64 / codes.len() as f64);
        self.note("code_to_packet_ms_p50", quantile(&mut waited_ms, 0.5));
        self.note("code_to_packet_ms_p99", quantile(&mut waited_ms, 0.99));
        let mut count = 0;
        for household in &self.households {
            count += household.ask(&["sessions"])?["sessions"].as_array().map_or(0, Vec::len);
        }
        self.note("sessions", count as f64);
        Ok(())
    }

    /// Each code typed on a phone of its own; how long those waited who came in.
    fn log_in(&self, codes: &[String], before: usize) -> Outcome<Vec<f64>> {
        let cells = self.households.iter().map(|household| household.cell.as_ref());
        let cells: Vec<&Cell> = cells.map(|cell| cell.expect("each node has a hotspot")).collect();
        let (next, waited_ms) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
        let work = || -> Outcome<()> {
            loop {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(code) = codes.get(number) else { return Ok(()) };
                crate::interrupt::check()?;
                let number = before + number;
                if let Some(waited) = one_logs_in(cells[number % cells.len()], number, code)? {
                    waited_ms.lock().expect("nobody panics with it").push(waited.as_secs_f64() * 1e3);
                }
            }
        };
        std::thread::scope(|scope| {
            let hands: Vec<_> = (0..HANDS).map(|_| scope.spawn(work)).collect();
            hands
                .into_iter()
                .try_for_each(|hand| hand.join().map_err(|_| Failure::new("a phone to go on", "a panic"))?)
        })?;
        Ok(waited_ms.into_inner().expect("nobody panics with it"))
    }
}

/// A phone of a person; how long she waited from the button to the first page outside, if she came there.
fn one_logs_in(cell: &Cell, number: usize, code: &str) -> Outcome<Option<Duration>> {
    let number = u16::try_from(number).map_err(|_| Failure::new("fewer phones", number.to_string()))?;
    let mut phone = Phone::switch_on(cell, &format!("phone {number}"), number, PATIENCE, None)?;
    phone.lease()?;
    let outside = format!("http://{OUTSIDE4}/");
    let portal = phone.open(&outside)?;
    let typed = Instant::now();
    let mut answer = phone.submit(&portal, code)?;
    while typed.elapsed() < LIMIT {
        let page = phone.ask(&outside)?;
        if page.text().contains("server=outside") {
            return Ok(Some(typed.elapsed()));
        }
        // What she was told was to wait, or to try again: then the form is there.
        if Form::find(&answer.page.text()).is_ok() {
            let again = phone.open(&outside)?;
            answer = phone.submit(&again, code)?;
        }
    }
    Ok(None)
}

/// Opens the portal, and sends the code; when the last octet of it had left.
fn post(own: std::net::Ipv4Addr, portal: &Url, code: &str) -> Outcome<Instant> {
    let form = Form::find(&ask(own, portal, None)?.text())?;
    let to = portal.join(&form.action)?;
    let address = to.host.parse().map_err(|_| Failure::new("an address", to.to_string()))?;
    let mut stream = dial(own, std::net::SocketAddrV4::new(address, to.port))?;
    let bytes = request(&to, Some(&form.fill(code)), "");
    let posted = Instant::now();
    let answer = talk(&mut stream, &bytes)?;
    match answer.status {
        200 => Ok(posted),
        other => Err(Failure::new("a welcome", other.to_string())),
    }
}

/// `nft monitor`: what the kernel tells of its tables when it has changed them.
struct Monitor {
    child: Child,
    lines: Receiver<(Instant, String)>,
}

impl Monitor {
    fn start(node: &Namespace) -> Outcome<Self> {
        let mut command = node.command(Path::new("nft"));
        command.args(["monitor", "new", "elements"]).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().map_err(io("nft monitor"))?;
        let output = child.stdout.take().ok_or_else(|| Failure::new("the output of nft", "none"))?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send((Instant::now(), line)).is_err() {
                    return;
                }
            }
        });
        Ok(Self { child, lines })
    }

    /// When this device is in the table.
    fn guest(&mut self, mac: &str) -> Outcome<Instant> {
        loop {
            let (at, line) = self
                .lines
                .recv_timeout(LIMIT)
                .map_err(|_| Failure::new("an element of the set cid", "silence of nft monitor"))?;
            if line.contains(" cid ") && line.contains(mac) {
                return Ok(at);
            }
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
