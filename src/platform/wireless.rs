//! What a change of a link makes of `/etc/config/wireless`: which options, in which section, and what they were before.
//!
//! netifd reads that file; whoever writes it and has netifd read it again gives a radio other settings. A link's device
//! stands in it by two sections: the radio itself (`wifi-device`: channel, width, power, distance) and the network on it
//! (`wifi-iface`: key and name). Which ones these are netifd says (`network.wireless status`).
//!
//! What was there before is kept on flash beside the record of the change ([`Kept`]), so that a boot can undo it before any
//! interface comes up: `tequio link undo` writes the words for `uci batch`.

use serde_json::{Map, Value};

use crate::link::change::{Record, Setting, Wanted};
use crate::link::radio_of;
use crate::platform::vault::keys::{check_of, push_hex, unhex};

/// The sections of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sections {
    /// `wifi-device`.
    pub radio: String,
    /// `wifi-iface`.
    pub network: String,
}

/// One option: what it is now, and what it shall be; `None` is "not there".
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its section.
    pub section: String,
    /// Its name.
    pub option: &'static str,
    /// What it was.
    pub old: Option<String>,
    /// What it becomes.
    pub new: Option<String>,
}

/// A change as it stands on flash: its record, and what each option was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The record.
    pub record: Record,
    /// What it changes.
    pub entries: Vec<Entry>,
}

impl Sections {
    /// Those of a device, in netifd's answer to `network.wireless status`; a four-address station is of its radio's device.
    pub fn of(status: &Value, device: &str) -> Option<Self> {
        let device = radio_of(device);
        let radios = status.as_object()?.iter();
        let mut found = radios.filter_map(|(radio, told)| {
            let mut networks = told["interfaces"].as_array()?.iter();
            let network = networks.find(|network| network["ifname"].as_str() == Some(device))?;
            Some(Self { radio: radio.clone(), network: network["section"].as_str()?.to_owned() })
        });
        found.next()
    }
}

/// What the settings come to in these sections, of which `values` are rpcd's (`uci get`). `key` is the derived one. The
/// error is for whoever reads the log.
pub fn entries(
    wanted: &Wanted,
    sections: &Sections,
    values: &Value,
    key: Option<&str>,
) -> Result<Vec<Entry>, &'static str> {
    let mut entries: Vec<Entry> = Vec::new();
    for (setting, value) in wanted.settings() {
        let is_of_network = matches!(setting, Setting::Key | Setting::Ssid);
        let section = if is_of_network { &sections.network } else { &sections.radio };
        let now = |option: &str| values[section][option].as_str().map(str::to_owned);
        let mut put = |option: &'static str, new: Option<String>| {
            entries.push(Entry { section: section.clone(), option, old: now(option), new });
        };
        match setting {
            Setting::Channel => {
                put("channel", Some(channel(value).ok_or("there is no such channel")?.to_string()))
            }
            Setting::Width => {
                let (mode, narrow) = width(now("htmode").as_deref(), value).ok_or("no such width")?;
                put("htmode", Some(mode));
                put("chanbw", narrow.map(|mhz| mhz.to_string()));
            }
            Setting::Power => put("txpower", Some(value.to_string())),
            Setting::Distance => put("distance", Some(value.to_string())),
            Setting::Key => put("key", Some(key.ok_or("the other end's key is not known")?.to_owned())),
            Setting::Ssid => {
                let is_mesh = values[section]["mode"].as_str() == Some("mesh");
                put(if is_mesh { "mesh_id" } else { "ssid" }, Some(wanted.ssid.clone()));
            }
        }
    }
    let is_line = |text: &Option<String>| text.as_ref().is_none_or(|text| !text.contains(['\n', '\r']));
    if !entries.iter().all(|entry| is_line(&entry.old) && is_line(&entry.new)) {
        return Err("a value has more than one line");
    }
    // Whoever has asked for what is there already changes nothing.
    entries.retain(|entry| entry.old != entry.new);
    Ok(entries)
}

/// The number of the channel whose middle is here (IEEE 802.11, Annex E).
pub(super) fn channel(mhz: u32) -> Option<u32> {
    match mhz {
        2_484 => Some(14),
        2_412..=2_472 if (mhz - 2_407).is_multiple_of(5) => Some((mhz - 2_407) / 5),
        5_160..=5_885 if mhz.is_multiple_of(5) => Some((mhz - 5_000) / 5),
        5_955..=7_115 if (mhz - 5_950).is_multiple_of(5) => Some((mhz - 5_950) / 5),
        _ => None,
    }
}

/// The mode of this width, of the generation that the radio has now; below 20 MHz ath9k has a word of its own.
fn width(now: Option<&str>, mhz: u32) -> Option<(String, Option<u32>)> {
    let now = now.unwrap_or("HT20");
    let generation = now.trim_end_matches(|letter: char| letter.is_ascii_digit() || "+-".contains(letter));
    let generation = if ["HT", "VHT", "HE", "EHT"].contains(&generation) { generation } else { "HT" };
    match mhz {
        5 | 10 => Some(("HT20".to_owned(), Some(mhz))),
        20 | 40 => Some((format!("{generation}{mhz}"), None)),
        80 | 160 if generation != "HT" => Some((format!("{generation}{mhz}"), None)),
        _ => None,
    }
}

impl Kept {
    /// As a text for a file, with a line that proves it whole.
    pub fn text(&self) -> String {
        let mut text = HEAD.to_owned();
        text.push_str("\nrecord ");
        self.record.encode().iter().for_each(|byte| push_hex(&mut text, *byte));
        for entry in &self.entries {
            for (word, value) in [("old", &entry.old), ("new", &entry.new)] {
                text.push_str(&format!("\n{word} {} {}", entry.section, entry.option));
                if let Some(value) = value {
                    text.push_str(&format!(" {value}"));
                }
            }
        }
        let check = check_of(&text);
        format!("{text}\ncheck {check}\n")
    }

    /// Reads such a text; `None` if it is another one, or was damaged.
    pub fn parse(text: &str) -> Option<Self> {
        let (body, check) = text.strip_suffix('\n')?.rsplit_once("\ncheck ")?;
        if check != check_of(body) {
            return None;
        }
        let mut lines = body.lines();
        let hex =
            lines.next().filter(|head| *head == HEAD).and_then(|_| lines.next()?.strip_prefix("record "))?;
        let mut record = vec![0; hex.len() / 2];
        unhex(hex, &mut record)?;
        let mut entries: Vec<Entry> = Vec::new();
        for line in lines {
            let mut words = line.splitn(4, ' ');
            let (word, section, option) = (words.next()?, words.next()?, words.next()?);
            let value = words.next().map(str::to_owned);
            let option = OPTIONS.iter().copied().find(|known| *known == option)?;
            match word {
                "old" => {
                    entries.push(Entry { section: section.to_owned(), option, old: value, new: None });
                }
                _ => entries.last_mut().filter(|last| last.option == option)?.new = value,
            }
        }
        Some(Self { record: Record::decode(&record)?, entries })
    }

    /// What rpcd's object `uci` is asked, so that the old or the new values stand there.
    pub fn calls(&self, new: bool) -> Vec<(&'static str, Map<String, Value>)> {
        let mut calls = Vec::new();
        for entry in &self.entries {
            let mut arguments = Map::new();
            arguments.insert("config".to_owned(), CONFIG.into());
            arguments.insert("section".to_owned(), entry.section.clone().into());
            let method = match entry.value(new) {
                Some(value) => {
                    let values = [(entry.option.to_owned(), Value::from(value))].into_iter().collect();
                    arguments.insert("values".to_owned(), Value::Object(values));
                    "set"
                }
                None => {
                    arguments.insert("option".to_owned(), entry.option.into());
                    "delete"
                }
            };
            calls.push((method, arguments));
        }
        calls
    }

    /// The same for `uci batch`, with the old values.
    pub fn undo(&self) -> String {
        let mut text = String::new();
        for entry in &self.entries {
            let name = format!("{CONFIG}.{}.{}", entry.section, entry.option);
            match &entry.old {
                Some(value) => text.push_str(&format!("set {name}='{}'\n", value.replace('\'', r"'\''"))),
                None => text.push_str(&format!("delete {name}\n")),
            }
        }
        text.push_str(&format!("commit {CONFIG}\n"));
        text
    }
}

impl Entry {
    /// What it is to be: the new value, or the old one again.
    pub fn value(&self, new: bool) -> Option<&str> {
        if new { self.new.as_deref() } else { self.old.as_deref() }
    }
}

/// The package of UCI.
pub const CONFIG: &str = "wireless";
/// The first line of the file.
const HEAD: &str = "tequio link change 1";
/// All options that a change can touch.
const OPTIONS: &[&str] = &[
    "channel",
    "htmode",
    "chanbw",
    "txpower",
    "distance",
    "key",
    "ssid",
    "mesh_id",
    #[cfg(feature = "control")]
    "sae_password",
    #[cfg(feature = "control")]
    "wpa_passphrase",
    #[cfg(feature = "control")]
    "psk",
    #[cfg(feature = "control")]
    "frequency",
    #[cfg(feature = "control")]
    "ht_capab",
    #[cfg(feature = "control")]
    "vht_oper_chwidth",
    #[cfg(feature = "control")]
    "vht_oper_centr_freq_seg0_idx",
    #[cfg(feature = "control")]
    "he_oper_chwidth",
    #[cfg(feature = "control")]
    "he_oper_centr_freq_seg0_idx",
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::link::change::{ChangeId, Phase, Side};

    fn sections() -> Sections {
        Sections { radio: "radio0".into(), network: "puente".into() }
    }

    fn values() -> Value {
        json!({
            "radio0": {".type": "wifi-device", "channel": "36", "htmode": "VHT40", "txpower": "20"},
            "puente": {".type": "wifi-iface", "device": "radio0", "key": "it's old", "ssid": "puente"},
        })
    }

    fn numbers(numbers: &[(Setting, u32)]) -> Wanted {
        Wanted { numbers: numbers.to_vec(), ..Wanted::default() }
    }

    fn kept(wanted: &Wanted) -> Kept {
        let record = Record {
            id: ChangeId(7),
            side: Side::Far,
            phase: Phase::Trying,
            device: "wlan0".into(),
            peer: [3; 32],
            wanted: wanted.clone(),
            dead_man_s: 180,
        };
        Kept { record, entries: entries(wanted, &sections(), &values(), Some("n'w")).unwrap() }
    }

    #[test]
    fn netifd_says_which_sections_a_device_has() {
        let status = json!({
            "radio1": {"interfaces": [{"section": "casa", "ifname": "wlan1"}]},
            "radio0": {"up": true, "interfaces": [{"section": "x"}, {"section": "puente", "ifname": "wlan0"}]},
        });
        assert_eq!(Sections::of(&status, "wlan0"), Some(sections()));
        assert_eq!(Sections::of(&status, "wlan0.sta1"), Some(sections()));
        assert_eq!(Sections::of(&status, "wlan2"), None);
        for nonsense in [json!(null), json!({"radio0": 3}), json!({"radio0": {"interfaces": {}}})] {
            assert_eq!(Sections::of(&nonsense, "wlan0"), None);
        }
    }

    #[test]
    fn settings_become_options_and_what_is_there_already_is_none() {
        let told = |wanted: &[(Setting, u32)]| -> Vec<String> {
            let entries = entries(&numbers(wanted), &sections(), &values(), Some("k")).unwrap();
            let word = |value: &Option<String>| value.clone().unwrap_or("-".to_owned());
            let line = |entry: &Entry| {
                format!("{} {} {} {}", entry.section, entry.option, word(&entry.old), word(&entry.new))
            };
            entries.iter().map(line).collect()
        };
        assert_eq!(told(&[(Setting::Channel, 5_180)]), [""; 0]);
        assert_eq!(told(&[(Setting::Channel, 5_745)]), ["radio0 channel 36 149"]);
        assert_eq!(told(&[(Setting::Width, 20)]), ["radio0 htmode VHT40 VHT20"]);
        assert_eq!(told(&[(Setting::Width, 10)]), ["radio0 htmode VHT40 HT20", "radio0 chanbw - 10"]);
        assert_eq!(
            told(&[(Setting::Power, 17), (Setting::Distance, 27_000), (Setting::Key, 2)]),
            ["radio0 txpower 20 17", "radio0 distance - 27000", "puente key it's old k"]
        );
        for (mhz, number) in [(2_412, 1), (2_484, 14), (5_180, 36), (5_955, 1), (6_135, 37)] {
            assert_eq!(channel(mhz), Some(number), "{mhz}");
        }
        for wrong in [(Setting::Channel, 5_181), (Setting::Channel, 3_000), (Setting::Width, 15)] {
            assert!(entries(&numbers(&[wrong]), &sections(), &values(), None).is_err(), "{wrong:?}");
        }
        assert!(entries(&numbers(&[(Setting::Key, 1)]), &sections(), &values(), None).is_err());
    }

    #[test]
    fn a_network_has_another_name_and_a_mesh_has_its_own_word_for_it() {
        let mut values = values();
        let name = Wanted { ssid: "dos cerros".into(), ..Wanted::default() };
        let told = |values: &Value| {
            let one = entries(&name, &sections(), values, None).unwrap().remove(0);
            (one.section, one.option, one.old, one.new)
        };
        let new = Some("dos cerros".to_owned());
        assert_eq!(told(&values), ("puente".into(), "ssid", Some("puente".into()), new.clone()));
        values["puente"]["mode"] = "mesh".into();
        assert_eq!(told(&values), ("puente".into(), "mesh_id", None, new));
        values["puente"]["mesh_id"] = "dos cerros".into();
        assert_eq!(entries(&name, &sections(), &values, None), Ok(vec![]));
    }

    #[test]
    fn what_was_there_survives_on_flash_to_the_letter_and_a_damaged_file_is_none() {
        let settings = [(Setting::Channel, 5_745), (Setting::Width, 5), (Setting::Key, 2)];
        let kept = kept(&Wanted { ssid: " dos  cerros ".into(), ..numbers(&settings) });
        let text = kept.text();
        assert_eq!(Kept::parse(&text), Some(kept.clone()));
        for at in 0..text.len() {
            let mut damaged = text.clone().into_bytes();
            damaged[at] ^= 1;
            assert_eq!(Kept::parse(&String::from_utf8_lossy(&damaged)), None, "octet {at}");
            assert_eq!(Kept::parse(&text[..at]), None, "cut at {at}");
        }
        assert_eq!(
            kept.undo(),
            "set wireless.radio0.channel='36'\nset wireless.radio0.htmode='VHT40'\ndelete wireless.radio0.chanbw\n\
             set wireless.puente.key='it'\\''s old'\nset wireless.puente.ssid='puente'\ncommit wireless\n"
        );
    }

    #[test]
    fn rpcd_is_asked_option_by_option_in_both_directions() {
        let kept = kept(&numbers(&[(Setting::Distance, 27_000)]));
        let there = json!({"config": "wireless", "section": "radio0", "values": {"distance": "27000"}});
        let back = json!({"config": "wireless", "section": "radio0", "option": "distance"});
        let asked = |new| kept.calls(new).into_iter().map(|(method, words)| (method, Value::Object(words)));
        assert_eq!(asked(true).collect::<Vec<_>>(), [("set", there)]);
        assert_eq!(asked(false).collect::<Vec<_>>(), [("delete", back)]);
    }
}
