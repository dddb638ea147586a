//! A program that is none, on a real socket; files of others; and what the settings come to in them.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::file::{File, Program};
use super::settings::{Present, entries};
use super::socket::{ANSWER_BYTES, Control, ControlError};
use super::*;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tequio-control-{test}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// What is left of our own sockets.
    fn own(&self) -> usize {
        let names = std::fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with("control-")).count()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Answers on a socket as it is told, until it goes; what it heard.
struct Fake {
    heard: Arc<Mutex<Vec<String>>>,
    ends: Arc<AtomicBool>,
    /// How many questions have all their answers.
    answered: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

type Answers = Box<dyn FnMut(&str) -> Vec<Vec<u8>> + Send>;

impl Fake {
    fn start(socket: &Path, mut answers: Answers) -> Self {
        let _ = std::fs::remove_file(socket);
        let socket = UnixDatagram::bind(socket).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let (heard, ends) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (all, end) = (Arc::clone(&heard), Arc::clone(&ends));
        let answered = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&answered);
        let thread = std::thread::spawn(move || {
            let mut bytes = [0; 4_096];
            while !end.load(Ordering::Relaxed) {
                let Ok((length, from)) = socket.recv_from(&mut bytes) else { continue };
                let words = String::from_utf8_lossy(&bytes[..length]).into_owned();
                let told = answers(&words);
                all.lock().unwrap().push(words);
                let Some(from) = from.as_pathname() else { continue };
                for answer in told {
                    // Whoever asked may have given up.
                    let _ = socket.send_to(&answer, from);
                }
                count.fetch_add(1, Ordering::Release);
            }
        });
        Self { heard, ends, answered, thread: Some(thread) }
    }

    /// Waits until so many questions have all their answers.
    fn wait_for_answers(&self, questions: usize) {
        let end = Instant::now() + Duration::from_secs(30);
        while self.answered.load(Ordering::Acquire) < questions {
            assert!(Instant::now() < end, "no answer to question {questions}");
            std::thread::yield_now();
        }
    }

    /// hostapd, with a memory of its own, that refuses what begins with one of these.
    fn hostapd(socket: &Path, refused: &'static [&'static str]) -> Self {
        let mut state = "ENABLED";
        let answers = move |words: &str| {
            let answer = match words {
                _ if refused.iter().any(|one| words.starts_with(one)) => "FAIL\n".to_owned(),
                "PING" => "PONG\n".to_owned(),
                "STATUS" => format!("state={state}\nphy=phy0\n"),
                "DISABLE" | "ENABLE" => {
                    state = if words == "ENABLE" { "ENABLED" } else { "DISABLED" };
                    "OK\n".to_owned()
                }
                _ if words.starts_with("SET ") => "OK\n".to_owned(),
                _ => "UNKNOWN COMMAND\n".to_owned(),
            };
            // News that nobody asked for come between.
            vec![b"<3>AP-STA-CONNECTED 02:00:00:00:00:01".to_vec(), answer.into_bytes()]
        };
        Self::start(socket, Box::new(answers))
    }

    fn supplicant(socket: &Path, networks: &'static str) -> Self {
        let answers = move |words: &str| {
            let answer = match words {
                "LIST_NETWORKS" => format!("network id / ssid / bssid / flags\n{networks}"),
                _ => "OK\n".to_owned(),
            };
            vec![answer.into_bytes()]
        };
        Self::start(socket, Box::new(answers))
    }

    /// What was asked until now.
    fn heard(&self) -> Vec<String> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.take().map(JoinHandle::join);
    }
}

fn place(folder: &Folder, file: &str) -> Place {
    Place { device: "wlan0.sta1".into(), file: folder.0.join(file), folder: folder.0.clone() }
}

fn wanted(numbers: &[(Setting, u32)], ssid: &str) -> Wanted {
    Wanted { numbers: numbers.to_vec(), ssid: ssid.to_owned() }
}

fn access_point(folder: &Folder) -> String {
    let folder = folder.0.display();
    format!(
        "# the hill\ninterface=wlan0\ndriver=nl80211\nctrl_interface={folder}\nssid=puente\nhw_mode=a\nchannel=149\n{HT}{SAE}"
    )
}

const HT: &str = "ieee80211n=1\nht_capab=[HT40+][SHORT-GI-20]\n";
const SAE: &str = "wpa=2\nwpa_key_mgmt=SAE\nsae_password=entre dos cerros\n";

fn station(folder: &Folder) -> String {
    let folder = folder.0.display();
    format!(
        "ctrl_interface=DIR={folder} GROUP=netdev\ncountry=MX\nnetwork={{\n  ssid=\"puente\" # the name\n  key_mgmt=SAE\n  sae_password=\"entre # cerros\"\n  # psk=\"no\"\n}}\n"
    )
}

#[test]
fn hostapd_gets_new_values_and_old_ones_and_its_file_only_at_the_end() {
    let folder = Folder::new("hostapd");
    let file = folder.file("hostapd.conf", &access_point(&folder));
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
    let link = folder.0.join("link.conf");
    symlink(&file, &link).unwrap();
    let fake = Fake::hostapd(&folder.0.join("wlan0"), &[]);
    let place = place(&folder, "link.conf");
    let wish = wanted(&[(Setting::Channel, 5_180), (Setting::Width, 20), (Setting::Key, 2)], "dos cerros");
    let entries = place.read(&wish, Some("secreto"), None).unwrap();
    assert_eq!(fake.heard(), ["PING"]);
    place.give(&entries, true).unwrap();
    let down_up = ["DISABLE", "ENABLE", "STATUS"];
    let new = [
        "SET channel 36",
        "SET ht_capab [SHORT-GI-20]",
        "SET sae_password ",
        "SET sae_password secreto",
        "SET ssid dos cerros",
    ];
    assert_eq!(fake.heard(), [&new[..], &down_up].concat());
    place.give(&entries, false).unwrap();
    let old = [
        "SET channel 149",
        "SET ht_capab [HT40+][SHORT-GI-20]",
        "SET sae_password ",
        "SET sae_password entre dos cerros",
        "SET ssid puente",
    ];
    assert_eq!(fake.heard(), [&old[..], &down_up].concat());
    // Until here a start of hostapd has the old settings.
    assert_eq!(std::fs::read_to_string(&file).unwrap(), access_point(&folder));
    place.write(&entries).unwrap();
    let expected = access_point(&folder)
        .replace("149", "36")
        .replace("[HT40+]", "")
        .replace("entre dos cerros", "secreto")
        .replace("ssid=puente", "ssid=dos cerros");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
    let kept = std::fs::symlink_metadata(&link).unwrap();
    assert!(kept.is_symlink() && std::fs::metadata(&file).unwrap().mode() & 0o777 == 0o640);
    assert_eq!(folder.own(), 0, "our sockets are gone");
}

#[test]
fn wpa_supplicant_leaves_its_network_for_new_values_and_joins_it_whatever_becomes_of_them() {
    let folder = Folder::new("supplicant");
    let file = folder.file("wpa.conf", &station(&folder));
    let fake = Fake::supplicant(&folder.0.join("wlan0"), "7\tpuente\tany\t[CURRENT]\n");
    let place = place(&folder, "wpa.conf");
    let entries = place
        .read(&wanted(&[(Setting::Channel, 5_180), (Setting::Key, 2)], "¿dos?"), Some("k"), None)
        .unwrap();
    fake.heard();
    place.give(&entries, true).unwrap();
    let joined = ["ENABLE_NETWORK 7", "REASSOCIATE"];
    let left = ["LIST_NETWORKS", "DISCONNECT", "DISABLE_NETWORK 7"];
    let new = ["SET_NETWORK 7 sae_password \"k\"", "SET_NETWORK 7 ssid c2bf646f733f"];
    assert_eq!(fake.heard(), [&left[..], &new, &joined].concat());
    place.write(&entries).unwrap();
    let expected = station(&folder)
        .replace("ssid=\"puente\" # the name", "ssid=c2bf646f733f")
        .replace("entre # cerros", "k");
    assert_eq!(std::fs::read_to_string(file).unwrap(), expected);
    // A channel alone is the access point's; it is looked for at once.
    place.give(&[], true).unwrap();
    assert_eq!(fake.heard(), [&left[..], &joined].concat());
    drop(fake);
    for (networks, why) in
        [("", "has no network"), ("0\ta\n1\tb\n", "several networks"), ("x\ta\n", "no sense")]
    {
        let _fake = Fake::supplicant(&folder.0.join("wlan0"), networks);
        let told = place.give(&entries, true).unwrap_err();
        assert!(told.contains(why), "{told}");
    }
}

#[test]
fn what_a_program_refuses_is_told_without_the_key() {
    let folder = Folder::new("refused");
    folder.file("hostapd.conf", &access_point(&folder));
    let place = place(&folder, "hostapd.conf");
    for (refused, told) in [
        (&["SET sae_password s"][..], "SET sae_password: it fails"),
        (&["ENABLE"], "ENABLE: it fails"),
        (&["STATUS"], "STATUS: its answer makes no sense"),
    ] {
        let fake = Fake::hostapd(&folder.0.join("wlan0"), refused);
        let entries = place.read(&wanted(&[(Setting::Key, 2)], ""), Some("secreto"), None).unwrap();
        let why = place.give(&entries, true).unwrap_err();
        assert_eq!(why, told);
        // It is down already where the last values did not work.
        drop(fake);
        let _fake = Fake::hostapd(&folder.0.join("wlan0"), &["DISABLE"]);
        assert_eq!(place.give(&entries, false), Ok(()));
    }
}

#[test]
fn a_program_that_is_silent_talks_nonsense_or_is_not_there_is_given_up() {
    let folder = Folder::new("silent");
    let path = folder.0.join("wlan0");
    let ask = |answers: Vec<Vec<u8>>| {
        let _fake = Fake::start(&path, Box::new(move |_| answers.clone()));
        let control = Control::open(&folder.0, &path, false).unwrap();
        control.order("SET wpa_passphrase secreto", Duration::from_millis(300))
    };
    let said = |answers| ask(answers).map_err(|error| error.to_string());
    assert_eq!(said(vec![b"OK\n".to_vec()]), Ok(()));
    assert_eq!(said(vec![b"<3>OK".to_vec(), b"<4>FAIL".to_vec(), b"OK\n".to_vec()]), Ok(()));
    let silent = Err("no answer to SET wpa_passphrase".to_owned());
    assert_eq!(said(vec![]), silent);
    assert_eq!(said(vec![b"<3>news and nothing else".to_vec(); 100]), silent);
    let no_sense = Err("SET wpa_passphrase: its answer makes no sense".to_owned());
    for nonsense in [&b""[..], b"\0", b"OK?", b"\xff\xfe", b"OK\nOK"] {
        assert_eq!(said(vec![nonsense.to_vec()]), no_sense, "{nonsense:?}");
    }
    assert_eq!(said(vec![vec![b'x'; ANSWER_BYTES]]), no_sense);
    let long = Err("the answer to SET wpa_passphrase has no end".to_owned());
    assert_eq!(said(vec![vec![b'x'; ANSWER_BYTES + 1]]), long);
    assert_eq!(said(vec![vec![b'x'; 100_000]]), long);
    // The file is there, and nobody behind it; then not even that.
    let gone = |path: &Path| matches!(Control::open(&folder.0, path, false), Err(ControlError::Missing(_)));
    assert!(gone(&path) && gone(&folder.0.join("wlan9")));
    assert_eq!(folder.own(), 0);
}

#[test]
fn an_answer_that_came_too_late_is_not_the_next_one() {
    let folder = Folder::new("late");
    let path = folder.0.join("wlan0");
    let fake = Fake::start(
        &path,
        Box::new(|words| match words {
            "ONE" => vec![b"OK\n".to_vec(), b"FAIL\n".to_vec()],
            _ => vec![b"OK\n".to_vec()],
        }),
    );
    let control = Control::open(&folder.0, &path, false).unwrap();
    for round in 0..20 {
        control.order("ONE", Duration::from_secs(3)).unwrap();
        // Now its second answer is there too.
        fake.wait_for_answers(2 * round + 1);
        control.order("TWO", Duration::from_secs(3)).unwrap();
        fake.wait_for_answers(2 * round + 2);
    }
}

#[test]
fn a_program_that_begins_is_waited_for() {
    let folder = Folder::new("begins");
    let path = folder.0.join("wlan0");
    let later = path.clone();
    let begins = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(300));
        Fake::hostapd(&later, &[])
    });
    let control = Control::open(&folder.0, &path, true).map_err(String::from).unwrap();
    hostapd::answers(&control).map_err(String::from).unwrap();
    drop(begins.join());
}

#[test]
fn a_file_that_cannot_be_meant_is_refused_with_what_to_do() {
    let network = "network={\n ssid=\"a\"\n psk=\"12345678\"\n}\n";
    for (text, why) in [
        ("", "neither hostapd's"),
        ("ssid=puente\n", "no line interface="),
        ("ctrl_interface=/run/wpa\n", "no network={"),
        ("interface=wlan0\nbss=wlan0_1\n", "line 2: a second network"),
        (&format!("{network}\n{network}"), "line 6: a second network block"),
        ("country=MX\nnetwork={\n ssid=\"a\"\n", "line 2: the network block has no end"),
        ("interface=wlan0\r\nssid=a\r\n", "carriage returns"),
        ("interface=wlan0\0", "zeroes"),
        ("interface=wlan0\ninterface=wlan1\n", "line 2: interface stands there twice"),
    ] {
        let told = File::parse(text).unwrap_err();
        assert!(told.contains(why), "{text:?}: {told}");
    }
    let folder = Folder::new("files");
    for (name, bytes, why) in [
        ("long", vec![b'#'; crate::base::limit::CONFIG_BYTES + 1], "more than 65536 octets"),
        ("latin", b"interface=wlan0\nssid=pe\xf1a\n".to_vec(), "no text in UTF-8"),
    ] {
        std::fs::write(folder.0.join(name), bytes).unwrap();
        let told = File::read(&folder.0.join(name)).unwrap_err();
        assert!(told.contains(why) && told.contains(name), "{told}");
    }
    assert!(File::read(&folder.0.join("none")).unwrap_err().contains("No such file"));
}

/// The options that change, each with `old new`, in order; or why none does.
fn told(text: &str, wish: &Wanted) -> Result<Vec<(String, String)>, String> {
    let file = File::parse(text)?;
    let present = Present { power_dbm: Some(20), distance_m: None };
    let entries = entries(&file, "wlan0", wish, Some("k"), &present)?;
    let word = |value: &Option<String>| value.clone().unwrap_or("-".to_owned());
    let row = |one: &Entry| (one.option.to_owned(), format!("{} {}", word(&one.old), word(&one.new)));
    let mut rows: Vec<_> = entries.iter().map(row).collect();
    rows.sort();
    Ok(rows)
}

fn rows(rows: &[(&str, &str)]) -> Result<Vec<(String, String)>, String> {
    let mut rows: Vec<_> =
        rows.iter().map(|(option, values)| ((*option).to_owned(), (*values).to_owned())).collect();
    rows.sort();
    Ok(rows)
}

#[test]
fn channel_and_width_are_what_hostapd_calls_them() {
    let base = "interface=wlan0\nssid=a\nhw_mode=a\nieee80211n=1\n";
    let wide = format!(
        "{base}ieee80211ac=1\nchannel=36\nht_capab=[HT40+]\nvht_oper_chwidth=1\nvht_oper_centr_freq_seg0_idx=42\n"
    );
    let plain = format!("{base}channel=36\n");
    let air = |mhz: Option<u32>, width: Option<u32>| {
        let numbers = [(Setting::Channel, mhz), (Setting::Width, width)];
        wanted(
            &numbers.iter().filter_map(|(one, value)| value.map(|value| (*one, value))).collect::<Vec<_>>(),
            "",
        )
    };
    assert_eq!(told(&plain, &air(Some(5_745), None)), rows(&[("channel", "36 149")]));
    assert_eq!(told(&plain, &air(Some(5_180), Some(20))), rows(&[]));
    assert_eq!(
        told(&plain, &air(Some(5_765), Some(40))),
        rows(&[("channel", "36 153"), ("ht_capab", "- [HT40-]")])
    );
    let vht = [("vht_oper_chwidth", "1 0"), ("vht_oper_centr_freq_seg0_idx", "42 0")];
    assert_eq!(told(&wide, &air(None, Some(20))), rows(&[&[("ht_capab", "[HT40+] ")], &vht[..]].concat()));
    assert_eq!(told(&wide, &air(None, Some(40))), rows(&vht));
    let moved =
        [("channel", "36 161"), ("ht_capab", "[HT40+] [HT40-]"), ("vht_oper_centr_freq_seg0_idx", "42 155")];
    assert_eq!(told(&wide, &air(Some(5_805), None)), rows(&moved));
    let he = plain.replace("ieee80211n=1", "ieee80211n=1\nieee80211ax=1");
    let he_wide =
        [("ht_capab", "- [HT40+]"), ("he_oper_chwidth", "- 1"), ("he_oper_centr_freq_seg0_idx", "- 42")];
    assert_eq!(told(&he, &air(None, Some(80))), rows(&he_wide));
    let low = "interface=wlan0\nhw_mode=g\nieee80211n=1\nchannel=1\n";
    assert_eq!(
        told(low, &air(Some(2_462), Some(40))),
        rows(&[("channel", "1 11"), ("ht_capab", "- [HT40-]")])
    );
    for (text, wish, why) in [
        (&plain, air(Some(2_412), None), "no channel at 2412 MHz"),
        (&plain, air(Some(5_181), None), "no channel at 5181 MHz"),
        (&plain, air(Some(5_955), None), "no channel at 5955 MHz"),
        (&plain, air(Some(5_500), None), "shared with radars"),
        (&plain, air(Some(5_825), Some(40)), "channel 165 is not 40 MHz wide"),
        (&plain, air(None, Some(80)), "80 MHz need ieee80211ac=1"),
        (&plain, air(None, Some(160)), "160 MHz is not hostapd's to set"),
        (&plain, air(None, Some(10)), "10 MHz is not hostapd's to set"),
        (&plain.replace("ieee80211n=1", "ieee80211n=0"), air(None, Some(40)), "40 MHz need ieee80211n=1"),
        (
            &plain.replace("channel=36", "channel=acs_survey"),
            air(Some(5_745), None),
            "chooses its channel itself",
        ),
        (&wide.replace("chwidth=1", "chwidth=2"), air(Some(5_745), None), "wider than 80 MHz"),
        (&format!("{plain}channel=40\n"), air(Some(5_745), None), "channel stands there twice"),
    ] {
        let said = told(text, &wish).unwrap_err();
        assert!(said.contains(why), "{why}: {said}");
    }
}

#[test]
fn key_and_name_change_where_they_stand_and_only_if_they_can() {
    let (key, name) = (wanted(&[(Setting::Key, 1)], ""), wanted(&[], "b"));
    let ap = "interface=wlan0\nssid=a\n";
    assert_eq!(
        told(&format!("{ap}wpa_passphrase=x\nsae_password=y\n"), &key),
        rows(&[("wpa_passphrase", "x k"), ("sae_password", "y k")])
    );
    assert_eq!(told(ap, &name), rows(&[("ssid", "a b")]));
    let point = "network={\n ssid=61\n psk=\"x\"\n mode=5\n frequency=5180\n}\n";
    let all = wanted(
        &[(Setting::Channel, 5_745), (Setting::Power, 17), (Setting::Distance, 9), (Setting::Key, 1)],
        "b",
    );
    let changed = [
        ("frequency", "5180 5745"),
        ("txpower", "20 17"),
        ("distance", "- 9"),
        ("psk", "\"x\" \"k\""),
        ("ssid", "61 \"b\""),
    ];
    assert_eq!(told(point, &all), rows(&changed));
    let scanning = point.replace(" mode=5\n frequency=5180", " scan_freq=5180 5200");
    let channel = |mhz| wanted(&[(Setting::Channel, mhz), (Setting::Width, 40)], "");
    assert_eq!(told(&scanning, &channel(5_200)), rows(&[]), "a station follows");
    for (text, wish, why) in [
        (ap.to_owned(), &key, "neither sae_password nor wpa_passphrase"),
        (format!("{ap}sae_password=x|mac=02:00:00:00:00:01\n"), &key, "for some stations only"),
        (format!("{ap}sae_password=x\nsae_password=y\n"), &key, "line 4: sae_password stands there twice"),
        (format!("{ap}ssid2=\"b\"\n"), &name, "two names"),
        ("interface=wlan7\n".to_owned(), &name, "about wlan7, and the link is on wlan0"),
        ("network={\n ssid=\"a\"\n key_mgmt=NONE\n}\n".to_owned(), &key, "neither sae_password nor psk"),
        (scanning, &channel(5_745), "not at 5745 MHz"),
        (point.to_owned(), &channel(5_745), "width of a mesh point"),
    ] {
        let said = told(&text, wish).unwrap_err();
        assert!(said.contains(why), "{why}: {said}");
    }
}

#[test]
fn the_folder_of_sockets_is_read_as_both_write_it() {
    let folder = |text: &str| File::parse(text).unwrap().folder().map(str::to_owned);
    let network = "network={\n ssid=\"a\"\n}\n";
    assert_eq!(folder("interface=wlan0\nctrl_interface=/run/hostapd\n"), Ok("/run/hostapd".into()));
    assert!(folder("interface=wlan0\n").unwrap_err().contains("write ctrl_interface=/run/hostapd"));
    assert_eq!(
        folder(&format!("ctrl_interface=DIR=/run/wpa GROUP=netdev\n{network}")),
        Ok("/run/wpa".into())
    );
    assert_eq!(folder(network), Ok("/run/wpa_supplicant".into()));
    assert!(folder("interface=wlan0\nctrl_interface=udp:8877\n").unwrap_err().contains("no folder"));
}

proptest! {
    /// Whatever stands in a file: no panic, and with nothing to change each line stays.
    #[test]
    fn any_file_is_read_or_refused(lines in prop::collection::vec(
        prop_oneof![
            Just("network={".to_owned()), Just(" }".to_owned()), Just("interface=wlan0".to_owned()),
            Just("channel=36".to_owned()), Just("ht_capab=[HT40+]".to_owned()), Just("sae_password=\"a\"#".to_owned()),
            "[ -~ñ]{0,20}", "[a-z_]{1,12}=[ -~]{0,12}",
        ], 0..12))
    {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        if let Ok(file) = File::parse(&text) {
            prop_assert_eq!(file.with(&[]), text);
            let all = wanted(&[(Setting::Channel, 5_745), (Setting::Width, 40), (Setting::Key, 1)], "b");
            let found = entries(&file, "wlan0", &all, Some("k"), &Present::default());
            if let Ok(entries) = found {
                let again = File::parse(&file.with(&entries)).unwrap();
                prop_assert_eq!(again.program, file.program);
                for entry in &entries {
                    prop_assert_eq!(again.one(entry.option).unwrap(), entry.new.as_deref());
                }
            }
            let _ = (file.folder().is_ok(), matches!(file.program, Program::Hostapd));
        }
    }
}
