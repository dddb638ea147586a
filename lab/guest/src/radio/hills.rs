//! Two hills with a radio link between them, and a way round by a third.
//!
//! ```text
//!   valle ─ wlan0.sta1 )))  the air, SAE, four addresses  ((( wlan1 ─ cerro
//!       └─ loma0 ══════════════ loma, dearer by far ══════════ loma0 ─┘
//! ```

use std::os::fd::AsRawFd;
use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use super::air::Air;
use super::flow::Flow;
use super::netifd::{Netifd, Role};
use super::program::Program;
use crate::console::{self, Outcome, wait_for};
use crate::link::{add_address, cable, up};
use crate::netlink::Socket;
use crate::node::{Node, TEQUIO, run};
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
    /// What gives the access point its settings.
    pub(super) ap: Netifd,
    /// The same for the station.
    pub(super) station: Netifd,
    /// What the access point's end calls the other one.
    pub(super) ap_link: &'static str,
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
        community()?;
        let ap = Netifd::start(&valle, Role::AccessPoint)?;
        let station = Netifd::start(&cerro, Role::Station)?;
        Ok(Self { air, valle, cerro, loma, ap, station, ap_link: AP_LINK, others: Vec::new() })
    }

    /// Waits until the link stands, as Debian's `iw` sees it at both ends.
    pub(super) fn associated(&self) -> Outcome<()> {
        wait_for("the station has proved to know the key", 60, || {
            self.ap.judge()?;
            self.station.judge()?;
            for (space, link) in [(&self.valle.space, self.ap_link), (&self.cerro.space, STATION_LINK)] {
                let stations = stations(space, link)?;
                if !stations.lines().any(|line| line.replace([' ', '\t'], "") == "authorized:yes") {
                    return Err(format!("{link}: {stations}"));
                }
            }
            Ok(())
        })?;
        wait_for("its own device at the access point", 20, || self.valle.space.inside(|| up(self.ap_link)))
    }

    /// The link begins anew, with nothing encrypted.
    pub(super) fn open(&self) -> Outcome<()> {
        for end in [&self.ap, &self.station] {
            end.set("puente.encryption", "none")?;
        }
        Ok(())
    }

    /// The radios become points of a mesh, and the daemon at the access point's end speaks on the radio itself.
    pub(super) fn mesh(&mut self) -> Outcome<()> {
        self.ap_link = "wlan0";
        self.valle.configure(&config(VALLE_ADDRESS, "wireless", self.ap_link))?;
        self.ap.become_mesh()?;
        self.station.become_mesh()
    }

    /// Puts what hostapd, wpa_supplicant and the daemons at both ends said on the console.
    pub(super) fn quote(&self) {
        self.ap.quote();
        self.station.quote();
        for node in [&self.valle, &self.cerro] {
            console::quote(node.name, &std::fs::read_to_string(node.log()).unwrap_or_default());
        }
        self.others.iter().for_each(Program::quote);
    }

    /// From now on, or no longer, the daemons speak with hostapd and wpa_supplicant themselves, by their files here.
    pub(super) fn without_netifd(&self, files: Option<[&str; 2]>) -> Outcome<()> {
        let ends = [(&self.valle, VALLE_ADDRESS, self.ap_link), (&self.cerro, CERRO_ADDRESS, STATION_LINK)];
        for ((node, address, link), at) in ends.into_iter().zip(0..) {
            let file = files.map(|files| format!("{DISTANCE}\toption control_file '{}'\n", files[at]));
            let text = config(address, "wireless", link);
            node.configure(&text.replace(DISTANCE, file.as_deref().unwrap_or(DISTANCE)))?;
        }
        Ok(())
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
}

/// Says something to hostapd's own socket; its answer.
pub(super) fn ask_hostapd(words: &str) -> Outcome<String> {
    ask_program("/run/hostapd/wlan0", words)
}

/// The same to wpa_supplicant's.
pub(super) fn ask_supplicant(words: &str) -> Outcome<String> {
    ask_program("/run/supplicant/wlan1", words)
}

fn ask_program(program: &str, words: &str) -> Outcome<String> {
    let wrong = |error: std::io::Error| format!("{program}, {words}: {error}");
    let own = "/run/program-asked";
    let _ = std::fs::remove_file(own);
    let socket = UnixDatagram::bind(own).map_err(wrong)?;
    socket.set_read_timeout(Some(Duration::from_secs(10))).map_err(wrong)?;
    socket.send_to(words.as_bytes(), program).map_err(wrong)?;
    let mut answer = [0; 4_096];
    let length = socket.recv(&mut answer).map_err(wrong)?;
    Ok(String::from_utf8_lossy(&answer[..length]).trim().to_owned())
}

/// The three hills found a community: only members change a link's settings at both its ends.
fn community() -> Outcome<()> {
    let tequio = |words: &[&str]| run(TEQUIO, &[&["community"], words].concat());
    tequio(&["create", "--name", "San Tequio", "--dir", FOUNDERS])?;
    let hills = ["valle", "cerro", "loma"].map(|name| (name, format!("/village/{name}/state")));
    // A board that does not tell its address: a radio that goes into its namespace would make it another.
    let board = ["--board", "00:00:00:00:00:00"];
    for (name, state) in &hills {
        let request = tequio(&[&["request", "--state", state, "--name", name], &board[..]].concat())?;
        tequio(&["admit", "--dir", FOUNDERS, "--request", request.trim()])?;
    }
    let bundle = format!("{FOUNDERS}/community.records");
    for (_, state) in &hills {
        tequio(&[&["join", "--state", state, "--bundle", &bundle], &board[..]].concat())?;
    }
    Ok(())
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

/// From now on a node wakes its radio when nothing is heard there.
pub(super) fn recovering(node: &Node, address: &str, link: &str) -> Outcome<()> {
    let config = config(address, "wireless", link);
    node.configure(&config.replace(DISTANCE, &format!("{DISTANCE}\toption recover_per_day '2'\n")))
}

fn config(address: &str, kind: &str, link: &str) -> String {
    let more = if kind == "wired" { ROUND_COST } else { DISTANCE };
    format!(
        "\nconfig announce\n\toption prefix '{address}/32'\n\
         \nconfig interface 'radio'\n\toption device '{link}'\n\toption kind '{kind}'\n{more}\
         \nconfig interface 'round'\n\toption device 'loma0'\n\toption kind 'wired'\n{ROUND_COST}"
    )
}

/// Where the root's keys lie.
const FOUNDERS: &str = "/village/community";
/// Debian's.
pub(super) const IW: &str = "/sbin/iw";
const BABELD: &str = "/usr/sbin/babeld";
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
const DISTANCE: &str = "\toption distance_m '27000'\n\toption dead_man_s '45'\n\tlist change 'channel'\n\tlist change 'key'\n\tlist change 'ssid'\n\tlist change 'power'\n";
const COUNTRY: &str = "MX";
/// As the init script sets them.
const KERNEL: [(&str, &str); 5] = [
    ("ipv4/ip_forward", "1"),
    ("ipv6/conf/all/forwarding", "1"),
    ("ipv6/conf/default/forwarding", "1"),
    ("ipv4/conf/all/rp_filter", "0"),
    ("ipv4/conf/default/rp_filter", "0"),
];
/// `nl80211.h`.
const SET_WIPHY_SPACE: u8 = 49;
const WIPHY: u16 = 1;
const SPACE_FILE: u16 = 219;
