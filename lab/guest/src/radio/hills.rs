//! Two hills with a radio link between them, and a way round by a third.
//!
//! ```text
//!   valle ─ wlan0.sta1 )))  the air, SAE, four addresses  ((( wlan1 ─ cerro
//!       └─ loma0 ══════════════ loma, dearer by far ══════════ loma0 ─┘
//! ```

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::air::Air;
use super::flow::Flow;
use crate::console::{self, Outcome, wait_for};
use crate::link::{add_address, cable, up};
use crate::netlink::Socket;
use crate::node::{Node, run};
use crate::space::Space;
use crate::terrain::to;

/// All of it.
pub(super) struct Hills {
    /// What is between the radios.
    pub(super) air: Air,
    /// The access point's end.
    pub(super) valle: Node,
    /// The station's end.
    pub(super) cerro: Node,
    /// The way round.
    pub(super) loma: Node,
    hostapd: Program,
    supplicant: Program,
    others: Vec<Program>,
}

impl Hills {
    /// Builds everything; no daemon runs yet, and the radios begin to look for each other.
    pub(super) fn build() -> Outcome<Self> {
        run(IW, &["reg", "set", COUNTRY])?;
        let air = Air::start()?;
        let hills = [
            Node::new("valle", &config(VALLE_ADDRESS, "wireless", AP_LINK))?,
            Node::new("cerro", &config(CERRO_ADDRESS, "wireless", STATION_LINK))?,
            Node::new("loma", &config(LOMA_ADDRESS, "wired", "cerro0"))?,
        ];
        let [valle, cerro, loma] = hills;
        for (node, address) in [(&valle, VALLE_ADDRESS), (&cerro, CERRO_ADDRESS), (&loma, LOMA_ADDRESS)] {
            for (path, value) in KERNEL {
                node.space.kernel(path, value)?;
            }
            node.space.inside(|| {
                up("lo")?;
                add_address("lo", to(address), 32)
            })?;
        }
        cable((&valle.space, "loma0"), (&loma.space, "loma0"))?;
        cable((&cerro.space, "loma0"), (&loma.space, "cerro0"))?;
        move_radio("wlan0", &valle.space)?;
        move_radio("wlan1", &cerro.space)?;
        cerro.space.inside(|| run(IW, &["dev", "wlan1", "set", "4addr", "on"]))?;
        let hostapd = Program::start(&valle.space, HOSTAPD, "hostapd", &[], HOSTAPD_CONFIG)?;
        let supplicant =
            Program::start(&cerro.space, SUPPLICANT, "supplicant", &SUPPLICANT_WORDS, SUPPLICANT_CONFIG)?;
        Ok(Self { air, valle, cerro, loma, hostapd, supplicant, others: Vec::new() })
    }

    /// Waits until the link stands, as Debian's `iw` sees it at both ends.
    pub(super) fn associated(&mut self) -> Outcome<()> {
        wait_for("the station has proved to know the key", 60, || {
            self.hostapd.judge()?;
            self.supplicant.judge()?;
            for (space, link) in [(&self.valle.space, AP_LINK), (&self.cerro.space, STATION_LINK)] {
                let stations = stations(space, link)?;
                if !stations.lines().any(|line| line.replace([' ', '\t'], "") == "authorized:yes") {
                    return Err(format!("{link}: {stations}"));
                }
            }
            Ok(())
        })?;
        wait_for("its own device at the access point", 20, || self.valle.space.inside(|| up(AP_LINK)))
    }

    /// The link begins anew, with nothing encrypted.
    pub(super) fn open(&mut self) -> Outcome<()> {
        for program in [&mut self.hostapd, &mut self.supplicant] {
            program.end()?;
        }
        self.hostapd = Program::start(&self.valle.space, HOSTAPD, "hostapd", &[], HOSTAPD_OPEN)?;
        self.supplicant =
            Program::start(&self.cerro.space, SUPPLICANT, "supplicant", &SUPPLICANT_WORDS, SUPPLICANT_OPEN)?;
        Ok(())
    }

    /// Puts what hostapd and wpa_supplicant said on the console.
    pub(super) fn quote(&self) {
        self.hostapd.quote();
        self.supplicant.quote();
        self.others.iter().for_each(Program::quote);
    }

    /// Packets from the access point's end to the station's.
    pub(super) fn flow_up(&self) -> Outcome<Flow> {
        Flow::start((&self.valle.space, VALLE_ADDRESS), (&self.cerro.space, CERRO_ADDRESS))
    }

    /// Packets from the station's end to the access point's.
    pub(super) fn flow_down(&self) -> Outcome<Flow> {
        Flow::start((&self.cerro.space, CERRO_ADDRESS), (&self.valle.space, VALLE_ADDRESS))
    }

    /// Starts Debian's babeld in the place of each of our daemons, which have ended.
    pub(super) fn with_babeld(&mut self) -> Outcome<()> {
        for (node, address, radio, round) in [
            (&self.valle, VALLE_ADDRESS, AP_LINK, "loma0"),
            (&self.cerro, CERRO_ADDRESS, STATION_LINK, "loma0"),
            (&self.loma, LOMA_ADDRESS, "", "cerro0 loma0"),
        ] {
            node.space.inside(forget_babel)?;
            let mut config = format!("redistribute local ip {address}/32 allow\nredistribute local deny\n");
            for link in radio.split_whitespace() {
                config += &format!("interface {link} type wireless hello-interval 1\n");
            }
            for link in round.split_whitespace() {
                config += &format!("interface {link} type wired rxcost 3000 hello-interval 1\n");
            }
            let name = node.name;
            let (pid, state) = (format!("/run/{name}.babeld.pid"), format!("/run/{name}.babeld.state"));
            let words = ["-I", &pid, "-S", &state, "-c"];
            self.others.push(Program::start(&node.space, BABELD, name, &words, &config)?);
        }
        Ok(())
    }

    /// Says something to hostapd's own socket; its answer.
    pub(super) fn hostapd(&self, words: &str) -> Outcome<String> {
        let wrong = |error: std::io::Error| format!("hostapd's socket, {words}: {error}");
        let own = "/run/hostapd-asked";
        let _ = std::fs::remove_file(own);
        let socket = UnixDatagram::bind(own).map_err(wrong)?;
        socket.set_read_timeout(Some(Duration::from_secs(10))).map_err(wrong)?;
        socket.send_to(words.as_bytes(), "/run/hostapd/wlan0").map_err(wrong)?;
        let mut answer = [0; 4_096];
        let length = socket.recv(&mut answer).map_err(wrong)?;
        Ok(String::from_utf8_lossy(&answer[..length]).trim().to_owned())
    }
}

/// Takes away the routes that our daemon left in the kernel.
fn forget_babel() -> Outcome<()> {
    for family in ["-4", "-6"] {
        run("/bin/ip", &[family, "route", "flush", "proto", "babel"])?;
    }
    Ok(())
}

/// What `iw` says of the stations of a device.
pub(super) fn stations(space: &Space, link: &str) -> Outcome<String> {
    space.inside(|| run(IW, &["dev", link, "station", "dump"]))
}

/// A radio goes into a namespace, with its devices.
fn move_radio(link: &str, space: &Space) -> Outcome<()> {
    let file = format!("/sys/class/net/{link}/phy80211/index");
    let index = std::fs::read_to_string(&file).map_err(|error| format!("{file}: {error}"))?;
    let index: u32 = index.trim().parse().map_err(|error| format!("{file}: {error}"))?;
    let mut socket = Socket::generic()?;
    let family = socket.family("nl80211")?;
    let moved = socket.change(family, 0, &[SET_WIPHY_SPACE, 1, 0, 0], |message| {
        message.attribute(WIPHY, &index.to_ne_bytes());
        message.attribute(SPACE_FILE, &space.file().as_raw_fd().to_ne_bytes());
    });
    moved.map_err(|error| format!("{link} goes to its hill: {error}"))
}

/// A program of Debian's that runs on until the machine is switched off.
struct Program {
    child: Child,
    name: &'static str,
    log: String,
}

impl Program {
    /// Starts `name` with a configuration; `files` is the name of what it reads and says.
    fn start(space: &Space, name: &'static str, files: &str, words: &[&str], config: &str) -> Outcome<Self> {
        let (file, log) = (format!("/run/{files}.conf"), format!("/run/{files}.program.log"));
        std::fs::write(&file, config).map_err(|error| format!("{file}: {error}"))?;
        let output = File::create(&log).map_err(|error| format!("{log}: {error}"))?;
        let child = space.at_home(|| {
            let again = output.try_clone().map_err(|error| format!("{log}: {error}"))?;
            Command::new(name)
                .args(words)
                .arg(&file)
                .stdin(Stdio::null())
                .stdout(output)
                .stderr(again)
                .spawn()
                .map_err(|error| format!("{name}: {error}"))
        })?;
        Ok(Self { child, name, log })
    }

    fn end(&mut self) -> Outcome<()> {
        let pid = Pid::from_raw(self.child.id().cast_signed());
        let ended = kill(pid, Signal::SIGTERM).map_err(std::io::Error::from).and_then(|()| self.child.wait());
        ended.map(drop).map_err(|error| format!("{} ends: {error}", self.name))
    }

    /// What it said.
    fn quote(&self) {
        console::quote(self.name, &std::fs::read_to_string(&self.log).unwrap_or_default());
    }

    /// The failure is that it has ended.
    fn judge(&mut self) -> Outcome<()> {
        match self.child.try_wait() {
            Ok(None) => Ok(()),
            ended => {
                let text = std::fs::read_to_string(&self.log).unwrap_or_default();
                Err(format!("{} runs: {ended:?}: {text}", self.name))
            }
        }
    }
}

fn config(address: &str, kind: &str, link: &str) -> String {
    let more = if kind == "wired" { ROUND_COST } else { DISTANCE };
    format!(
        "\nconfig announce\n\toption prefix '{address}/32'\n\
         \nconfig interface 'radio'\n\toption device '{link}'\n\toption kind '{kind}'\n{more}\
         \nconfig interface 'round'\n\toption device 'loma0'\n\toption kind 'wired'\n{ROUND_COST}"
    )
}

/// Debian's.
pub(super) const IW: &str = "/sbin/iw";
const BABELD: &str = "/usr/sbin/babeld";
const HOSTAPD: &str = "/usr/sbin/hostapd";
const SUPPLICANT: &str = "/sbin/wpa_supplicant";
/// What the access point calls the station's end of the link.
pub(super) const AP_LINK: &str = "wlan0.sta1";
/// The station's end.
pub(super) const STATION_LINK: &str = "wlan1";
/// What is announced at each hill.
pub(super) const VALLE_ADDRESS: &str = "10.77.1.1";
/// The same.
pub(super) const CERRO_ADDRESS: &str = "10.77.3.1";
const LOMA_ADDRESS: &str = "10.77.2.1";
/// Dearer than the worst radio.
const ROUND_COST: &str = "\toption rxcost '3000'\n";
/// Simulated radios cannot be told how long to wait, as some real ones.
const DISTANCE: &str = "\toption distance_m '27000'\n";
const COUNTRY: &str = "MX";
/// As the init script sets them.
const KERNEL: [(&str, &str); 5] = [
    ("ipv4/ip_forward", "1"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv6/conf/default/forwarding", "1"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
];
const HOSTAPD_CONFIG: &str = "interface=wlan0
driver=nl80211
ctrl_interface=/run/hostapd
ssid=puente
country_code=MX
hw_mode=a
channel=149
ieee80211n=1
wmm_enabled=1
wds_sta=1
wpa=2
wpa_key_mgmt=SAE
rsn_pairwise=CCMP
sae_password=entre dos cerros
ieee80211w=2
sae_pwe=2
";
const HOSTAPD_OPEN: &str = "interface=wlan0
driver=nl80211
ctrl_interface=/run/hostapd
ssid=puente
country_code=MX
hw_mode=a
channel=149
ieee80211n=1
wmm_enabled=1
wds_sta=1
";
const SUPPLICANT_WORDS: [&str; 5] = ["-i", "wlan1", "-D", "nl80211", "-c"];
const SUPPLICANT_OPEN: &str = "ctrl_interface=/run/supplicant
country=MX
network={
 ssid=\"puente\"
 key_mgmt=NONE
 scan_freq=5745 5785
}
";
const SUPPLICANT_CONFIG: &str = "ctrl_interface=/run/supplicant
country=MX
sae_pwe=2
network={
 ssid=\"puente\"
 key_mgmt=SAE
 sae_password=\"entre dos cerros\"
 ieee80211w=2
 scan_freq=5745 5785
}
";

/// `nl80211.h`.
const SET_WIPHY_SPACE: u8 = 49;
const WIPHY: u16 = 1;
const SPACE_FILE: u16 = 219;
