//! What the settings of a link come to in a configuration file of hostapd or wpa_supplicant: which options, and what they
//! were. What the file says in a way that is not understood here is refused, with what to do.

use super::file::{File, Program};
use crate::link::change::{Setting, Wanted};
use crate::platform::wireless::{Entry, channel};

/// The section of what the program is told.
pub(super) const PROGRAM: &str = "program";
/// The section of what the kernel is told.
pub(super) const RADIO: &str = "radio";

/// What only the kernel knows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Present {
    /// The power that the radio sends with.
    pub(super) power_dbm: Option<u32>,
    /// The distance that it is held at.
    pub(super) distance_m: Option<u32>,
}

/// The entries of a change; those that change nothing are none.
pub(super) fn entries(
    file: &File,
    radio: &str,
    wanted: &Wanted,
    key: Option<&str>,
    present: &Present,
) -> Result<Vec<Entry>, String> {
    let number = |of: Setting| wanted.settings().find(|row| row.0 == of).map(|row| row.1);
    let mut entries = Vec::new();
    if let Some(dbm) = number(Setting::Power) {
        let old = present.power_dbm.ok_or("the radio does not say with what power it sends")?;
        entries.push(entry(RADIO, "txpower", Some(old.to_string()), dbm.to_string()));
    }
    if let Some(metres) = number(Setting::Distance) {
        let old = present.distance_m.map(|metres| metres.to_string());
        entries.push(entry(RADIO, "distance", old, metres.to_string()));
    }
    let air = (number(Setting::Channel), number(Setting::Width));
    let key = match number(Setting::Key) {
        Some(_) => Some(key.ok_or("the other end's key is not known")?),
        None => None,
    };
    let name = Some(wanted.ssid.as_str()).filter(|name| !name.is_empty());
    entries.extend(match file.program {
        Program::Hostapd => hostapd(file, radio, air, key, name)?,
        Program::Supplicant => supplicant(file, air, key, name)?,
    });
    entries.retain(|entry| entry.old != entry.new);
    Ok(entries)
}

type Air = (Option<u32>, Option<u32>);

fn hostapd(
    file: &File,
    radio: &str,
    air: Air,
    key: Option<&str>,
    name: Option<&str>,
) -> Result<Vec<Entry>, String> {
    let interface = file.one("interface")?.unwrap_or_default();
    if interface != radio {
        return Err(format!("it is about {interface}, and the link is on {radio}"));
    }
    let mut entries = Vec::new();
    if air != (None, None) {
        entries = channel_and_width(file, air)?;
    }
    if let Some(key) = key {
        let options = ["sae_password", "wpa_passphrase"];
        let olds = [file.one(options[0])?, file.one(options[1])?];
        if olds == [None; 2] {
            return Err(
                "it has no key that can be changed: neither sae_password nor wpa_passphrase".to_owned()
            );
        }
        if olds[0].is_some_and(|old| old.contains('|')) {
            return Err("its sae_password is for some stations only (|)".to_owned());
        }
        for (option, old) in options.into_iter().zip(olds) {
            entries.extend(old.map(|old| entry(PROGRAM, option, Some(old.to_owned()), key.to_owned())));
        }
    }
    if let Some(name) = name {
        let old = file.one("ssid")?.ok_or("its network has no name (ssid=)")?;
        if file.one("ssid2")?.is_some() {
            return Err("its network has two names (ssid=, ssid2=): leave ssid=".to_owned());
        }
        entries.push(entry(PROGRAM, "ssid", Some(old.to_owned()), name.to_owned()));
    }
    Ok(entries)
}

/// A channel has other options of width than another one, so both go together.
fn channel_and_width(file: &File, (mhz, width): Air) -> Result<Vec<Entry>, String> {
    let bits = file.one("ht_capab")?.unwrap_or_default();
    let new = number_of(file, mhz)?;
    let is_high = new > 14;
    if (52..=144).contains(&new) && flag(file, "ieee80211h")? != 1 {
        return Err(format!("channel {new} is shared with radars: write ieee80211d=1 and ieee80211h=1"));
    }
    let now_mhz = match flag(file, WIDTHS[0].1)?.max(flag(file, WIDTHS[1].1)?) {
        0 if bits.contains("[HT40") => 40,
        0 => 20,
        1 => 80,
        _ => return Err("its channel is wider than 80 MHz, which cannot be changed here".to_owned()),
    };
    let width = width.unwrap_or(now_mhz);
    let (half, middle) = wider(new, is_high, width)?;
    if width > 20 && flag(file, "ieee80211n")? != 1 {
        return Err(format!("{width} MHz need ieee80211n=1"));
    }
    if width > 40 && flag(file, WIDTHS[0].0)? != 1 && flag(file, WIDTHS[1].0)? != 1 {
        return Err(format!("{width} MHz need ieee80211ac=1"));
    }
    let mut entries = Vec::new();
    let mut put = |option: &'static str, value: String, is_needed: bool| {
        let old = file.one(option)?.map(str::to_owned);
        if is_needed || old.is_some() {
            entries.push(entry(PROGRAM, option, old, value));
        }
        Ok::<(), String>(())
    };
    put("channel", new.to_string(), true)?;
    let plain = bits.replace("[HT40+]", "").replace("[HT40-]", "");
    put("ht_capab", format!("{half}{plain}"), !half.is_empty())?;
    for (generation, wide, at) in WIDTHS {
        let is_needed = width == 80 && flag(file, generation)? == 1;
        put(wide, u32::from(width == 80).to_string(), is_needed)?;
        put(at, middle.to_string(), is_needed)?;
    }
    Ok(entries)
}

/// The number of the channel that is wanted, or of the one that is there.
fn number_of(file: &File, mhz: Option<u32>) -> Result<u32, String> {
    let now = file.one("channel")?.and_then(|text| text.parse().ok()).filter(|number| *number > 0);
    let now = now.ok_or("hostapd chooses its channel itself: write channel=")?;
    let Some(mhz) = mhz else { return Ok(now) };
    let band = if file.one("hw_mode")? == Some("a") { 5_000..=5_900 } else { 2_400..=2_500 };
    let of_band = channel(mhz).filter(|_| band.contains(&mhz));
    of_band.ok_or_else(|| format!("its radio (hw_mode) has no channel at {mhz} MHz"))
}

/// An option that is a number; 0 where it is not there.
fn flag(file: &File, option: &str) -> Result<u32, String> {
    Ok(file.one(option)?.and_then(|text| text.parse().ok()).unwrap_or(0))
}

/// Where the second half of a channel is, and the middle of its four quarters, if it has four (IEEE 802.11, Annex E).
fn wider(number: u32, is_high: bool, width: u32) -> Result<(&'static str, u32), String> {
    let none = || format!("channel {number} is not {width} MHz wide");
    let first = if number >= 149 { 149 } else { 36 };
    let is_whole = number <= 161 && number >= first && (number - first).is_multiple_of(4);
    let is_upper = if is_high { ((number - first.min(number)) / 4) % 2 == 1 } else { number > 7 };
    let half = if is_upper { "[HT40-]" } else { "[HT40+]" };
    match width {
        20 => Ok(("", 0)),
        40 if !is_high || is_whole => Ok((half, 0)),
        80 if is_high && is_whole => Ok((half, first + (number - first) / 16 * 16 + 6)),
        40 | 80 => Err(none()),
        _ => Err(format!("a width of {width} MHz is not hostapd's to set")),
    }
}

fn supplicant(
    file: &File,
    (mhz, width): Air,
    key: Option<&str>,
    name: Option<&str>,
) -> Result<Vec<Entry>, String> {
    let mut entries = Vec::new();
    let follows = matches!(file.one("mode")?, None | Some("0"));
    match (follows, mhz) {
        // A station is where its access point is, if it looks there.
        (true, Some(mhz)) => {
            let lists = [file.one("scan_freq")?, file.one("freq_list")?, file.common("freq_list")];
            let word = mhz.to_string();
            if lists.into_iter().flatten().any(|list| !list.split_whitespace().any(|one| one == word)) {
                return Err(format!(
                    "it looks for its access point on some channels only, and not at {mhz} MHz: scan_freq, freq_list"
                ));
            }
        }
        (false, Some(mhz)) => {
            let old = file.one("frequency")?.ok_or("its network has no channel (frequency=)")?;
            entries.push(entry(PROGRAM, "frequency", Some(old.to_owned()), mhz.to_string()));
        }
        (_, None) => {}
    }
    if !follows && width.is_some() {
        return Err("the width of a mesh point is not changed here".to_owned());
    }
    if let Some(key) = key {
        let olds = [("sae_password", file.one("sae_password")?), ("psk", file.one("psk")?)];
        if olds.iter().all(|row| row.1.is_none()) {
            return Err("it has no key that can be changed: neither sae_password nor psk".to_owned());
        }
        for (option, old) in olds {
            entries.extend(old.map(|old| entry(PROGRAM, option, Some(old.to_owned()), format!("\"{key}\""))));
        }
    }
    if let Some(name) = name {
        let old = file.one("ssid")?.ok_or("its network has no name (ssid=)")?;
        entries.push(entry(PROGRAM, "ssid", Some(old.to_owned()), quoted(name)));
    }
    Ok(entries)
}

/// A name as wpa_supplicant reads it to the letter: as octets where its own marks are in it.
fn quoted(name: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || " -_.".contains(letter);
    if name.chars().all(is_plain) {
        return format!("\"{name}\"");
    }
    let mut hex = String::new();
    name.bytes().for_each(|byte| crate::platform::vault::keys::push_hex(&mut hex, byte));
    hex
}

fn entry(section: &str, option: &'static str, old: Option<String>, new: String) -> Entry {
    Entry { section: section.to_owned(), option, old, new: Some(new) }
}

/// Generations with channels of 80 MHz: their switch, how wide the channel is, and where its middle.
const WIDTHS: [(&str, &str, &str); 2] = [
    ("ieee80211ac", "vht_oper_chwidth", "vht_oper_centr_freq_seg0_idx"),
    ("ieee80211ax", "he_oper_chwidth", "he_oper_centr_freq_seg0_idx"),
];
