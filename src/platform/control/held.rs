//! Power and distance that a change gave a radio: no file of hostapd or wpa_supplicant holds them, so they lie in the state
//! folder, a line each, and the daemon gives them to the radio again when it has others.

use std::io::Read;
use std::path::Path;

use crate::base::limit;
use crate::platform::vault::keys::replace_secret;

/// The values of all devices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Held {
    rows: Vec<Row>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    device: String,
    option: String,
    value: u32,
    /// What the configuration said at that time; when it says something else, that counts.
    instead: Option<u32>,
}

impl Held {
    /// What the folder holds; lines that make no sense are none.
    pub fn load(folder: &Path) -> Self {
        let mut text = String::new();
        let most = limit::RADIOS as u64 * LINE_BYTES;
        let read =
            std::fs::File::open(folder.join(FILE)).and_then(|file| file.take(most).read_to_string(&mut text));
        if let Err(error) = read
            && error.kind() != std::io::ErrorKind::NotFound
        {
            log::warn!(
                "{}: {error}: power and distance of the radios are not held",
                folder.join(FILE).display()
            );
        }
        Self::parse(&text)
    }

    /// The value of an option of a device, as long as the configuration says what it said.
    pub fn value(&self, device: &str, option: &str, configured: Option<u32>) -> Option<u32> {
        let found = self.rows.iter().find(|row| row.device == device && row.option == option)?;
        (found.instead == configured).then_some(found.value)
    }

    /// The devices that have such an option.
    pub fn devices(&self, option: &str) -> impl Iterator<Item = &str> {
        self.rows.iter().filter(move |row| row.option == option).map(|row| row.device.as_str())
    }

    /// From now on it is this.
    pub fn keep(&mut self, device: &str, option: &str, value: u32, instead: Option<u32>) {
        self.rows.retain(|row| row.device != device || row.option != option);
        self.rows.push(Row { device: device.to_owned(), option: option.to_owned(), value, instead });
    }

    /// Puts it on flash.
    pub fn save(&self, folder: &Path) -> Result<(), String> {
        replace_secret(&folder.join(FILE), self.text().as_bytes()).map_err(|error| error.to_string())
    }

    fn text(&self) -> String {
        let line = |row: &Row| {
            let instead = row.instead.map(|value| format!(" {value}")).unwrap_or_default();
            format!("{} {} {}{instead}\n", row.device, row.option, row.value)
        };
        self.rows.iter().map(line).collect()
    }

    fn parse(text: &str) -> Self {
        let row = |line: &str| {
            let mut words = line.split(' ');
            let (device, option) = (words.next()?.to_owned(), words.next()?.to_owned());
            let value = words.next()?.parse().ok()?;
            let instead = words.next().map(str::parse).transpose().ok()?;
            words.next().is_none().then_some(Row { device, option, value, instead })
        };
        Self { rows: text.lines().filter_map(row).collect() }
    }
}

/// The file in the state folder.
const FILE: &str = "link-radio";
/// Octets of two lines at most: a device, an option and two numbers each.
const LINE_BYTES: u64 = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_change_gave_holds_until_the_configuration_says_something_else() {
        let mut held = Held::default();
        held.keep("wlan0", "distance", 27_000, Some(300));
        held.keep("wlan0", "txpower", 17, None);
        held.keep("wlan0", "txpower", 20, None);
        assert_eq!(Held::parse(&held.text()), held);
        assert_eq!(held.text(), "wlan0 distance 27000 300\nwlan0 txpower 20\n");
        assert_eq!(held.value("wlan0", "distance", Some(300)), Some(27_000));
        assert_eq!(held.value("wlan0", "distance", Some(500)), None, "somebody wrote another one");
        assert_eq!(held.value("wlan0", "distance", None), None);
        assert_eq!(held.value("wlan1", "distance", Some(300)), None);
        assert_eq!(held.devices("txpower").collect::<Vec<_>>(), ["wlan0"]);
    }

    #[test]
    fn nonsense_in_the_file_is_none() {
        for text in
            ["", "\n\n", "wlan0", "wlan0 txpower", "wlan0 txpower x", "wlan0 distance 1 2 3", "a b -1", "\0"]
        {
            assert_eq!(Held::parse(text), Held::default(), "{text:?}");
        }
    }
}
