//! What stands in for rpcd and netifd at one end of a link: it keeps that end's `/etc/config/wireless`, answers on ubus as
//! they do, and gives the radio what stands there by starting hostapd or wpa_supplicant anew, which breaks the link as it
//! does on a router.
//!
//! As on a router, the station looks for its access point on every channel, whatever stands in its own file; and the device
//! of a four-address station is switched on when hostapd has made it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value, json};

use super::hills::{AP_LINK, IW, ask_hostapd};
use super::program::Program;
use crate::bus::{Answer, Bus};
use crate::console::Outcome;
use crate::link::{index, up};
use crate::node::{Node, run, socket};
use crate::space::Space;

/// Which end of the link.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// hostapd's.
    AccessPoint,
    /// wpa_supplicant's.
    Station,
}

/// Section and option, and what they are.
pub(super) type Options = BTreeMap<String, String>;

/// One end's. It answers until the machine is switched off.
pub(super) struct Netifd(Arc<Mutex<End>>);

struct End {
    role: Role,
    space: Space,
    file: String,
    /// What rpcd was told and has not written; nothing for an option that goes.
    staged: Vec<(String, Option<String>)>,
    /// What stands in the file.
    options: Options,
    program: Program,
    /// The only key that is not typed wrongly, if any is.
    right_key: Option<String>,
    /// How often the radio was begun anew.
    reloads: u32,
    /// How often it was taken down by itself, and stations were sent away.
    downs: u32,
    sent_away: u32,
    is_told: bool,
    /// The station's device that was switched on.
    device: u32,
}

impl Netifd {
    /// Begins to answer at a node, and gives its radio the first settings.
    pub(super) fn start(node: &Node, role: Role) -> Outcome<Self> {
        let options: Options = FIRST.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let space = node.space.again()?;
        let program = role.program(&space, &options)?;
        let file = format!("/village/{}/wireless", node.name);
        let end = End {
            role,
            space,
            file,
            staged: Vec::new(),
            options,
            program,
            right_key: None,
            reloads: 0,
            downs: 0,
            sent_away: 0,
            is_told: false,
            device: 0,
        };
        end.write()?;
        let mut bus = Bus::join(&socket(node.name), OBJECTS)?;
        let shared = Arc::new(Mutex::new(end));
        let (netifd, name) = (Self(Arc::clone(&shared)), node.name);
        std::thread::spawn(move || {
            loop {
                let served =
                    bus.serve(&mut |object, method, words| lock(&shared).answer(object, method, words));
                if let Err(error) = served.and_then(|()| lock(&shared).tend()) {
                    println!("boot: | what stands in for netifd of {name}: {error}");
                    return;
                }
            }
        });
        Ok(netifd)
    }

    /// What stands in the file.
    pub(super) fn options(&self) -> Options {
        lock(&self.0).options.clone()
    }

    /// How often the radio was begun anew.
    pub(super) fn reloads(&self) -> u32 {
        lock(&self.0).reloads
    }

    /// From now on, or no longer, the radio gets each key wrongly but the one that it has.
    pub(super) fn mistypes(&self, does: bool) {
        let mut end = lock(&self.0);
        end.right_key = end.options.get("puente.key").filter(|_| does).cloned();
    }

    /// Somebody writes an option; the radio has it at once.
    pub(super) fn set(&self, option: &str, value: &str) -> Outcome<()> {
        let mut end = lock(&self.0);
        end.options.insert(option.to_owned(), value.to_owned());
        end.write()?;
        end.reload()
    }

    /// The power comes back: what `uci batch` is told first, then the radio gets what stands in the file.
    pub(super) fn boot(&self, batch: &str) -> Outcome<()> {
        let mut end = lock(&self.0);
        end.options = read(&end.file)?;
        end.staged.clear();
        for line in batch.lines() {
            let name = |rest: &str| rest.strip_prefix("wireless.").map(str::to_owned);
            match line.split_once(' ') {
                Some(("set", rest)) => {
                    let (option, value) = rest.split_once('=').ok_or_else(|| format!("uci batch: {line}"))?;
                    let option = name(option).ok_or_else(|| format!("uci batch: {line}"))?;
                    end.staged.push((option, Some(value.trim_matches('\'').to_owned())));
                }
                Some(("delete", rest)) => {
                    let option = name(rest).ok_or_else(|| format!("uci batch: {line}"))?;
                    end.staged.push((option, None));
                }
                Some(("commit", "wireless")) => end.commit()?,
                _ => return Err(format!("uci batch: {line}")),
            }
        }
        end.reload()
    }

    /// The power goes, and hostapd or wpa_supplicant with it.
    pub(super) fn power_off(&self) -> Outcome<()> {
        lock(&self.0).program.end()
    }

    /// It begins with its own file as that is, whoever wrote it.
    pub(super) fn begin_again(&self) -> Outcome<()> {
        let mut end = lock(&self.0);
        let space = end.space.again()?;
        end.program.begin_again(&space)
    }

    /// From now on the radio is a point of a mesh (802.11s).
    pub(super) fn become_mesh(&self) -> Outcome<()> {
        let mut end = lock(&self.0);
        end.program.end()?;
        for (name, value) in [("puente.mode", "mesh"), ("puente.mesh_id", "malla")] {
            end.options.insert(name.to_owned(), value.to_owned());
        }
        end.options.remove("puente.ssid");
        let device = end.role.device();
        // A bridge's four addresses are no mesh's.
        end.space.inside(|| run(IW, &["dev", device, "set", "4addr", "off"]).map(drop))?;
        end.write()?;
        end.reload()
    }

    /// hostapd or wpa_supplicant hangs, until it is begun anew.
    pub(super) fn hangs(&self) -> Outcome<()> {
        lock(&self.0).program.pause()
    }

    /// How often stations were sent away from the radio, and it was taken down by itself.
    pub(super) fn pushes(&self) -> [u32; 2] {
        let end = lock(&self.0);
        [end.sent_away, end.downs]
    }

    /// The failure is that hostapd or wpa_supplicant has ended.
    pub(super) fn judge(&self) -> Outcome<()> {
        lock(&self.0).program.judge()
    }

    /// Puts what it said on the console.
    pub(super) fn quote(&self) {
        lock(&self.0).program.quote();
    }
}

impl End {
    /// As rpcd's `uci`, netifd's `network` and its `network.wireless` answer.
    fn answer(&mut self, object: &str, method: &str, words: &Value) -> Answer {
        let word = |name: &str| words[name].as_str().unwrap_or_default().to_owned();
        match (object, method) {
            ("network.wireless", "status") => {
                let network = json!({"section": "puente", "ifname": self.role.device()});
                return Ok(json!({"radio0": {"interfaces": [network]}}));
            }
            ("network.wireless", "down") if word("device") == "radio0" => {
                self.downs += 1;
                self.program.end().map_err(|_| UNKNOWN_ERROR)?;
            }
            ("network.wireless", "up") if word("device") == "radio0" => self.is_told = true,
            ("hostapd.wlan0", "del_client") if self.role == Role::AccessPoint => {
                self.sent_away += 1;
                let words = format!("DEAUTHENTICATE {}", word("addr"));
                ask_hostapd(&words).map_err(|_| UNKNOWN_ERROR)?;
            }
            ("network", "reload") => self.is_told = true,
            // There is nothing to confirm.
            ("uci", "confirm") => return Err(NO_DATA),
            ("uci", "get") => return Ok(self.values()),
            ("uci", "set") => {
                let values = words["values"].as_object().ok_or(INVALID_ARGUMENT)?;
                for (option, value) in values {
                    let option = format!("{}.{option}", word("section"));
                    self.staged.push((option, value.as_str().map(str::to_owned)));
                }
            }
            ("uci", "delete") => {
                self.staged.push((format!("{}.{}", word("section"), word("option")), None));
            }
            ("uci", "commit") => self.commit().map_err(|_| UNKNOWN_ERROR)?,
            ("uci", "revert") => self.staged.clear(),
            _ => return Err(METHOD_NOT_FOUND),
        }
        Ok(json!({}))
    }

    /// All options, by section.
    fn values(&self) -> Value {
        let mut values = Map::new();
        for (name, value) in &self.options {
            let (section, option) = name.split_once('.').unwrap_or(("", name));
            let section = values.entry(section.to_owned()).or_insert_with(|| json!({}));
            section[option] = value.as_str().into();
        }
        json!({ "values": values })
    }

    fn commit(&mut self) -> Outcome<()> {
        for (name, value) in std::mem::take(&mut self.staged) {
            match value {
                Some(value) => drop(self.options.insert(name, value)),
                None => drop(self.options.remove(&name)),
            }
        }
        self.write()
    }

    /// The file, as UCI has it.
    fn write(&self) -> Outcome<()> {
        let mut text = String::new();
        let mut last = "";
        for (name, value) in &self.options {
            let (section, option) = name.split_once('.').unwrap_or(("", name));
            if section != last {
                let kind = if section == "radio0" { "wifi-device" } else { "wifi-iface" };
                text.push_str(&format!("\nconfig {kind} '{section}'\n"));
                last = section;
            }
            text.push_str(&format!("\toption {option} '{value}'\n"));
        }
        std::fs::write(&self.file, text).map_err(|error| format!("{}: {error}", self.file))
    }

    /// What is left to do when an answer has gone.
    fn tend(&mut self) -> Outcome<()> {
        if std::mem::take(&mut self.is_told) {
            self.reload()?;
        }
        if self.role == Role::Station {
            return Ok(());
        }
        let Ok(device) = self.space.inside(|| index(AP_LINK)) else { return Ok(()) };
        if device != self.device {
            // It may be gone again by now.
            let is_up = self.space.inside(|| up(AP_LINK)).is_ok();
            self.device = if is_up { device } else { 0 };
        }
        Ok(())
    }

    fn reload(&mut self) -> Outcome<()> {
        self.reloads += 1;
        self.program.end()?;
        let mut options = self.options.clone();
        if let (Some(right), Some(key)) = (&self.right_key, options.get_mut("puente.key"))
            && key != right
        {
            key.push('x');
        }
        self.program = self.role.program(&self.space, &options)?;
        self.send_with(&options["radio0.txpower"])
    }
}

impl End {
    /// As netifd's script sets it.
    fn send_with(&self, dbm: &str) -> Outcome<()> {
        let (device, mbm) = (self.role.device(), format!("{dbm}00"));
        self.space.inside(|| run(IW, &["dev", device, "set", "txpower", "fixed", &mbm]).map(drop))
    }
}

/// What stands in a file that [`End::write`] wrote.
fn read(file: &str) -> Outcome<Options> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let (mut options, mut section) = (Options::new(), "");
    for line in text.lines() {
        let mut words = line.trim().splitn(3, ' ');
        match (words.next(), words.next(), words.next()) {
            (Some("config"), Some(_), Some(name)) => section = name.trim_matches('\''),
            (Some("option"), Some(option), Some(value)) => {
                options.insert(format!("{section}.{option}"), value.trim_matches('\'').to_owned());
            }
            _ => {}
        }
    }
    Ok(options)
}

impl Role {
    const fn device(self) -> &'static str {
        match self {
            Self::AccessPoint => "wlan0",
            Self::Station => "wlan1",
        }
    }

    fn program(self, space: &Space, options: &Options) -> Outcome<Program> {
        let is_mesh = options.get("puente.mode").is_some_and(|mode| mode == "mesh");
        let words = ["-i", self.device(), "-D", "nl80211", "-c"];
        match self {
            Self::AccessPoint if is_mesh => {
                Program::start(space, SUPPLICANT, "point", &words, &mesh_point(options))
            }
            Self::AccessPoint => Program::start(space, HOSTAPD, "hostapd", &[], &hostapd(options)),
            Self::Station => {
                let config = if is_mesh { mesh_point(options) } else { supplicant(options) };
                Program::start(space, SUPPLICANT, "supplicant", &words, &config)
            }
        }
    }
}

fn lock(end: &Mutex<End>) -> MutexGuard<'_, End> {
    end.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What netifd's script makes of the options for hostapd.
fn hostapd(options: &Options) -> String {
    let get = |name: &str| options.get(name).map_or("", String::as_str);
    let (ssid, channel, key) = (get("puente.ssid"), get("radio0.channel"), get("puente.key"));
    let mut text = format!(
        "interface=wlan0\ndriver=nl80211\nctrl_interface=/run/hostapd\nssid={ssid}\ncountry_code=MX\nhw_mode=a\n\
         channel={channel}\nieee80211n=1\nwmm_enabled=1\nwds_sta=1\n"
    );
    // Radars, and with them the country in each beacon; it would bind the station's radio.
    if channel.parse::<u32>().is_ok_and(|channel| (52..=144).contains(&channel)) {
        text.push_str("ieee80211d=1\nieee80211h=1\n");
    }
    if get("radio0.htmode") == "HT40" {
        // The lower one of each pair has its second half above itself.
        let is_lower = channel.parse::<u32>().is_ok_and(|channel| (channel - 1) % 8 == 4 || channel % 8 == 4);
        text.push_str(if is_lower { "ht_capab=[HT40+]\n" } else { "ht_capab=[HT40-]\n" });
    }
    if get("puente.encryption") == "sae" {
        text.push_str("wpa=2\nwpa_key_mgmt=SAE\nrsn_pairwise=CCMP\nieee80211w=2\nsae_pwe=2\n");
        text.push_str(&format!("sae_password={key}\n"));
    }
    text
}

/// The same for wpa_supplicant.
fn supplicant(options: &Options) -> String {
    let get = |name: &str| options.get(name).map_or("", String::as_str);
    let security = match get("puente.encryption") {
        "sae" => format!(" key_mgmt=SAE\n sae_password=\"{}\"\n ieee80211w=2\n", get("puente.key")),
        _ => " key_mgmt=NONE\n".to_owned(),
    };
    format!(
        "ctrl_interface=/run/supplicant\ncountry=MX\nsae_pwe=2\nnetwork={{\n ssid=\"{}\"\n{security} scan_freq={SCANNED}\n}}\n",
        get("puente.ssid")
    )
}

/// What it makes of them for a point of a mesh: who is a neighbour Babel decides, so nothing is passed on below it.
fn mesh_point(options: &Options) -> String {
    let get = |name: &str| options.get(name).map_or("", String::as_str);
    let mhz = get("radio0.channel").parse::<u32>().map_or(0, |channel| 5_000 + 5 * channel);
    format!(
        "ctrl_interface=/run/supplicant\ncountry=MX\nuser_mpm=1\nnetwork={{\n ssid=\"{}\"\n mode=5\n frequency={mhz}\n \
         key_mgmt=SAE\n sae_password=\"{}\"\n ieee80211w=2\n mesh_fwding=0\n}}\n",
        get("puente.mesh_id"),
        get("puente.key")
    )
}

const HOSTAPD: &str = "/usr/sbin/hostapd";
const SUPPLICANT: &str = "/sbin/wpa_supplicant";
/// All channels that a scene uses, and those that are shared with no radar.
const SCANNED: &str = "5180 5200 5220 5240 5500 5745 5765 5785 5805 5825";
/// What stands in the file of both ends at first.
const FIRST: [(&str, &str); 6] = [
    ("puente.encryption", "sae"),
    ("puente.key", "entre dos cerros"),
    ("puente.ssid", "puente"),
    ("radio0.channel", "149"),
    ("radio0.htmode", "HT20"),
    ("radio0.txpower", "20"),
];
/// Who is asked, and for what.
const OBJECTS: &[(&str, &[&str])] = &[
    ("uci", &["get", "set", "delete", "commit", "revert", "confirm"]),
    ("network", &["reload"]),
    ("network.wireless", &["status", "down", "up"]),
    // Debian's hostapd has no ubus.
    ("hostapd.wlan0", &["del_client"]),
];
/// `libubus.h`.
const INVALID_ARGUMENT: i32 = 2;
const METHOD_NOT_FOUND: i32 = 3;
const NO_DATA: i32 = 5;
const UNKNOWN_ERROR: i32 = 9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lower_channel_of_a_pair_is_widened_upwards() {
        let config = |channel: &str| {
            let options = [("radio0.channel", channel), ("radio0.htmode", "HT40")];
            hostapd(&options.map(|(name, value)| (name.to_owned(), value.to_owned())).into())
        };
        for (channel, half) in
            [("36", "+"), ("40", "-"), ("100", "+"), ("149", "+"), ("153", "-"), ("157", "+")]
        {
            assert!(config(channel).contains(&format!("[HT40{half}]")), "{channel}");
        }
    }
}
