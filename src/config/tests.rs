use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::schema::{Default as Given, SECTIONS, Value};
use super::*;
use crate::babel::settings::LinkKind;
use crate::node::probe::Ask;

const VILLAGE: &str = "
config node 'node'
\toption name 'plaza'

config interface 'hill'
\toption device 'eth1'
\toption kind 'wired'
\toption split_horizon 'on'

config interface 'valley'
\toption device 'wlan0'
\toption kind 'wireless'
\toption hello_interval_ms '600000'

config announce
\toption prefix 'fd00:77::/48'
\toption metric '96'

config announce
\toption prefix '10.77.4.0/22'

config uplink
\toption device 'wan'

config hotspot 'hotspot'
\toption device 'br-guest'
\toption address '10.77.4.1'
\toption prefix '10.77.4.0/22'
\tlist prefix6 'fd00:77:4::/64'
\tlist infrastructure '10.77.0.0/22'
\tlist infrastructure 'fd00:77::/64'

config service 'library'
\toption name 'Biblioteca'
\toption url 'http://library.example/'
\tlist prefix '10.77.8.2'

config person
\toption login 'rosa'
\toption name 'Rosa Mendoza'
\toption role 'caretaker'
";

fn read(text: &str) -> (Config, Vec<Warning>) {
    Config::parse(text, "tequio").unwrap_or_else(|error| panic!("{error}"))
}

/// What `text` is refused for, all in one text.
fn refused(text: &str) -> String {
    Config::parse(text, "tequio").expect_err(text).to_string()
}

#[test]
fn a_node_of_the_village_is_read_with_its_defaults() {
    let (config, warnings) = read(VILLAGE);
    assert_eq!(warnings, []);
    assert_eq!(config.node.name, "plaza");
    assert_eq!(config.node.state_dir, Path::new("/etc/tequio"));
    assert_eq!((config.node.route_table, config.node.route_priority), (254, 1042));
    assert_eq!(config.node.stale_routes, Span::from_secs(60));
    assert_eq!(config.node.log_level, log::LevelFilter::Info);

    let [hill, valley] = &config.babel.interfaces[..] else { panic!("{:?}", config.babel) };
    assert_eq!((hill.name.as_str(), hill.kind, hill.rxcost), ("eth1", LinkKind::Wired, 96));
    assert_eq!((hill.hello_interval, hill.update_interval), (Span::from_secs(1), Span::from_secs(4)));
    assert!(hill.split_horizon && !valley.split_horizon);
    assert_eq!((valley.kind, valley.rxcost), (LinkKind::Wireless, 256));
    assert_eq!(
        valley.update_interval,
        Span::from_secs(655),
        "four times the interval is more than the wire says"
    );

    let prefixes: Vec<String> = config.announce.iter().map(|announce| announce.prefix.to_string()).collect();
    assert_eq!(prefixes, ["10.77.4.0/22", "fd00:77::/48"]);
    let interval = Span::from_secs(5);
    let settings = UplinkSettings { device: "wan".into(), interval, ..UplinkSettings::default() };
    assert_eq!(config.uplinks, [Uplink { name: "wan".into(), settings }]);
    assert_eq!(config.persons[0].role, Role::Caretaker);

    let hotspot = config.hotspot.expect("the hotspot");
    assert_eq!((hotspot.device.as_str(), hotspot.infrastructure.len()), ("br-guest", 2));
    assert_eq!(hotspot.settings.portal_host, "192.0.2.1");
    assert_eq!(hotspot.settings.portal_url(), "http://192.0.2.1/", "the same at every node");
    assert_eq!(hotspot.settings.portal_address, Ipv4Addr::new(10, 77, 4, 1));
    assert_eq!((hotspot.settings.portal_port, hotspot.settings.lease), (2080, Span::from_secs(900)));
    assert_eq!(hotspot.settings.language, None);
    assert_eq!(hotspot.words.to_str(), Some("/usr/share/tequio/portal"));
    assert_eq!(hotspot.settings.services[0].0, "Biblioteca");
}

#[test]
fn the_example_of_the_document_is_right() {
    let document = include_str!("../../docs/config.md");
    let example = document.split("```").nth(1).expect("an example between ``` and ```");
    assert_eq!(read(example).1, []);
}

#[test]
fn a_relay_needs_a_name_and_nothing_else() {
    let (config, _) = read("config node\n\toption name 'relay-1'\n");
    assert_eq!(config.hotspot, None);
    assert_eq!(config.babel.interfaces, []);
}

#[test]
fn an_error_says_where_and_what_was_expected() {
    let node = "config node 'node'\n\toption name 'plaza'\n";
    let interface = "config interface 'hill'\n\toption device 'eth1'\n\toption kind 'wired'\n";
    for (text, expected) in [
        (String::new(), "tequio: the section is missing; expected: config node 'node'"),
        (
            "config node 'node'\n".into(),
            "tequio: line 1, section node 'node', option name: is missing; expected 1 to 32 of a-z, 0-9 and -, \
             with no - at either end",
        ),
        (
            format!("{node}\toption route_table '0'\n"),
            "tequio: line 3, section node 'node', option route_table: expected a whole number from 1 to \
             4294967295, found '0'",
        ),
        (
            format!("{node}\toption name 'b'\n"),
            "tequio: line 3, section node 'node', option name: is given twice, first in line 2",
        ),
        (
            format!("{node}\tlist log_level 'info'\n"),
            "tequio: line 3, section node 'node', option log_level: this is an option, not a list",
        ),
        (
            format!("{node}{node}"),
            "tequio: line 3, section node 'node', there is already a section of this name, in line 1",
        ),
        (
            format!("{node}config node\n\toption name 'b'\n"),
            "tequio: line 3, section node, there is already a section of this kind; there can be only one",
        ),
        (
            format!("{node}{interface}config interface\n\toption device 'eth1'\n\toption kind 'wired'\n"),
            "tequio: line 7, section interface, option device: 'eth1' is already taken by the section in line 3",
        ),
        (
            format!(
                "{node}config interface\n\toption device 'a'\n\toption kind 'wireless'\n\toption split_horizon 1"
            ),
            "tequio: line 6, section interface, option split_horizon: only right on a cable, where everybody \
             hears everybody; leave it out on a radio",
        ),
        (
            format!("{node}config announce\n\toption prefix '10.77.4.1/22'\n"),
            "tequio: line 4, section announce, option prefix: expected a prefix, like 10.77.4.0/22 or \
             fd00:77::/48, found '10.77.4.1/22'",
        ),
        (
            format!("{node}config service\n\toption name 'a'\n\toption url 'http://b/'\n"),
            "tequio: line 3, section service, option prefix: is missing; expected a prefix, like 10.77.4.0/22 or \
             fd00:77::/48",
        ),
    ] {
        assert_eq!(refused(&text), expected, "{text}");
    }
}

#[test]
fn a_closed_radio_has_a_plan_and_nobody_here_changes_or_wakes_it() {
    let of = |kind: &str| {
        read(&format!(
            "config node\n\toption name 'plaza'\nconfig interface\n\toption device 'a'\n\toption kind '{kind}'\n\
             \toption planned_signal_dbm '-60'\n\tlist change 'channel'\n\toption recover_per_day '2'\n"
        ))
        .0
        .links
    };
    let told =
        |kind| of(kind).pop().map(|one| (one.planned_signal_dbm, one.change.len(), one.recover_per_day));
    assert_eq!(told("wireless"), Some((Some(-60), 1, 2)));
    assert_eq!(told("bridge"), Some((Some(-60), 0, 0)));
    assert_eq!(told("wired"), None);
}

#[test]
fn filters_are_read_in_their_order_and_by_direction() {
    let (config, _) = read(
        "config node\n\toption name 'a'\n\tlist address_plan '10.0.0.0/8'\n\tlist address_plan 'fd00::/8'\n\
         config filter\n\toption direction 'in'\n\toption prefix '10.1.0.0/16'\n\toption le '24'\n\toption action 'deny'\n\
         config filter\n\toption direction 'out'\n\toption device 'eth1'\n\toption action 'allow'\n\toption metric '9'\n\
         config filter\n\toption direction 'in'\n\toption prefix '::/0'\n\toption source '2001:db8::/32'\n\toption action 'allow'\n\
         config filter\n\toption direction 'redistribute'\n\toption prefix 'fd00::/8'\n\toption ge '64'\n\
         \toption protocol '4'\n\toption table '77'\n\toption action 'allow'\n\toption metric '5'\n",
    );
    let policy = &config.babel.policy;
    assert_eq!(policy.plan.len(), 2);
    let [one, two] = &policy.incoming[..] else { panic!("{policy:?}") };
    assert_eq!((one.routes.prefix.unwrap(), one.adds), (("10.1.0.0/16".parse().unwrap(), 16, 24), None));
    assert_eq!((two.routes.prefix.unwrap(), two.adds), (("::/0".parse().unwrap(), 0, 0), Some(0)));
    assert_eq!(two.routes.source, Some("2001:db8::/32".parse().unwrap()));
    assert_eq!(
        (policy.outgoing[0].routes.device.as_deref(), policy.outgoing[0].adds),
        (Some("eth1"), Some(9))
    );
    let [rule] = &config.redistribute[..] else { panic!("{:?}", config.redistribute) };
    assert_eq!((rule.protocol, rule.table, rule.metric), (Some(4), Some(77), Some(5)));
    assert_eq!(rule.routes.prefix, Some(("fd00::/8".parse().unwrap(), 64, 128)));
}

#[test]
fn an_impossible_filter_is_refused_with_its_line() {
    let filter = |direction: &str, action: &str, options: &[&str]| {
        let given: String = options.iter().map(|option| format!("\toption {option}\n")).collect();
        refused(&format!(
            "config node\n\toption name 'a'\nconfig filter\n\toption direction '{direction}'\n\toption action '{action}'\n{given}"
        ))
    };
    for (direction, action, options, why) in [
        (
            "in",
            "deny",
            &["prefix '10.0.0.0/8'", "ge '33'"][..],
            "line 7, section filter, option ge: a prefix of this family has at most 32 bits",
        ),
        (
            "in",
            "deny",
            &["prefix '10.0.0.0/8'", "le '33'"],
            "line 7, section filter, option le: a prefix of this family has at most 32 bits",
        ),
        (
            "in",
            "deny",
            &["prefix '10.0.0.0/8'", "ge '7'"],
            "line 7, section filter, option ge: is less than the length of 10.0.0.0/8",
        ),
        (
            "in",
            "deny",
            &["prefix '10.0.0.0/8'", "ge '24'", "le '16'"],
            "line 8, section filter, option le: nothing has at least 24 and at most 16 bits",
        ),
        (
            "in",
            "deny",
            &["prefix '10.0.0.0/8'", "le '7'"],
            "line 7, section filter, option le: nothing has at least 8 and at most 7 bits",
        ),
        ("in", "deny", &["le '16'"], "line 6, section filter, option le: needs option prefix"),
        (
            "out",
            "deny",
            &["prefix '10.0.0.0/8'", "source 'fd00::/8'"],
            "line 7, section filter, option source: is of another family",
        ),
        (
            "out",
            "deny",
            &["metric '5'"],
            "line 6, section filter, option metric: what is denied has no metric",
        ),
        (
            "in",
            "deny",
            &["table '5'"],
            "line 6, section filter, option table: only for direction redistribute",
        ),
        (
            "out",
            "allow",
            &["protocol '5'"],
            "line 6, section filter, option protocol: only for direction redistribute",
        ),
        (
            "redistribute",
            "allow",
            &["protocol '42'"],
            "line 6, section filter, option protocol: 42 is Babel itself",
        ),
    ] {
        let said = filter(direction, action, options);
        assert!(said.contains(why), "{said}");
    }
    let twice = "config node\n\toption name 'a'\n\
                 config announce\n\toption prefix '::/0'\n\toption source 'fd00::/8'\n\
                 config announce\n\toption prefix '::/0'\n\
                 config announce\n\toption prefix '::/0'\n\toption source 'fd00::/8'\n";
    assert!(refused(twice).contains("line 9, section announce, option prefix: '::/0 from fd00::/8' is already taken by the section in line 3"));
    let mixed = "config node\n\toption name 'a'\nconfig announce\n\toption prefix '::/0'\n\toption source '10.0.0.0/8'\n";
    assert!(
        refused(mixed).contains("line 5, section announce, option source: is of another family than ::/0")
    );
}

#[test]
fn everything_that_is_wrong_is_said_at_once_but_not_more_than_a_screen() {
    let two = refused(
        "config node\n\toption name 'No'\nconfig interface\n\toption device 'a b'\n\toption kind 'x'\n",
    );
    assert_eq!(two.lines().count(), 3, "{two}");
    let many = "config person\n\toption login '1'\n".repeat(1_000);
    assert_eq!(refused(&many).lines().count(), MOST_PROBLEMS);
}

#[test]
fn the_hotspot_hangs_together() {
    let hotspot = |options: &str| {
        let fixed = "config node\n\toption name 'a'\nconfig interface\n\toption device 'eth1'\n\toption kind 'wired'\n\
                     config hotspot\n\toption prefix '10.77.4.0/22'\n";
        refused(&format!("{fixed}{options}"))
    };
    for address in ["10.77.4.0", "10.77.7.255", "10.77.8.1"] {
        let text = format!("\toption device 'br'\n\toption address '{address}'\n");
        assert!(hotspot(&text).contains("is not the address of a machine in 10.77.4.0/22"), "{address}");
    }
    let text = "\toption device 'eth1'\n\toption address '10.77.4.1'\n";
    assert!(hotspot(text).contains("also a mesh interface"));
    let text = "\toption device 'br'\n\toption address '10.77.4.1'\n\toption lease_s 60\n\toption usage_interval_s 21\n";
    assert!(hotspot(text).contains("at most a third of lease_s (60)"));
    let text = "\toption device 'br'\n\toption address '10.77.4.1'\n\toption lease_s 901\n";
    assert!(hotspot(text).contains("from 60 to 900"));
}

#[test]
fn what_nobody_knows_is_a_warning_with_a_guess() {
    let text =
        "config node\n\toption name 'a'\n\toption log_levle 'info'\nconfig interfaces\nconfig zebra 'x'\n";
    let (_, warnings) = read(text);
    let said: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "tequio: line 3, section node, option log_levle: there is no such option and it does nothing; \
             did you mean log_level?",
            "tequio: line 4, section interfaces, there is no such kind of section and it does nothing; \
             did you mean interface?",
            "tequio: line 5, section zebra 'x', there is no such kind of section and it does nothing",
        ]
    );
}

#[test]
fn an_empty_option_is_none_as_uci_deletes_it() {
    let (config, _) = read("config node\n\toption name 'a'\n\toption route_table ''\n");
    assert_eq!(config.node.route_table, 254);
    assert!(refused("config node\n\toption name ''\n").contains("is missing"));
}

#[test]
fn a_file_that_is_no_text_is_refused_with_its_line() {
    let error = Config::parse_bytes(b"config node\n\toption name '\xff'\n", "tequio").unwrap_err();
    assert!(error.to_string().starts_with("tequio: line 2, this is no UTF-8 text"), "{error}");
    let large = "#".repeat(CONFIG_BYTES + 1);
    assert!(refused(&large).contains("larger than 65536 bytes"));
    let missing = Config::load(Path::new("/nonexistent/tequio")).unwrap_err().to_string();
    assert!(missing.starts_with("/nonexistent/tequio: the file cannot be read: "), "{missing}");
    let endless = Config::load(Path::new("/dev/zero")).unwrap_err().to_string();
    assert!(endless.contains("larger than"), "{endless}");
}

#[test]
fn what_a_reload_cannot_take_is_named() {
    let (one, _) = read("config node\n\toption name 'a'\n");
    let (two, _) =
        read("config node\n\toption name 'b'\n\toption route_table 10\n\toption log_level debug\n");
    assert_eq!(one.node.needs_restart(&two.node), ["route_table"]);
    assert!(one.node.needs_restart(&one.node).is_empty());
}

#[test]
fn an_uplink_names_whom_to_ask_by_address() {
    let uplink = |lines: &str| {
        format!("config node\n\toption name 'a'\nconfig uplink 'wan'\n\toption device w\n{lines}")
    };
    let (config, _) = read(&uplink(
        "\toption metric 300\n\tlist ping 192.0.2.1\n\tlist dns 2001:db8::53\n\tlist http 'http://192.0.2.2:8080/up?a'\n\
         \tlist http 'http://[2001:db8::2]'\n",
    ));
    let asks = [
        Ask::Ping { to: "192.0.2.1".parse().unwrap(), hop_limit: 64 },
        Ask::Dns { server: "2001:db8::53".parse().unwrap() },
        Ask::Http { server: "192.0.2.2:8080".parse().unwrap(), path: "/up?a".to_owned() },
        Ask::Http { server: "[2001:db8::2]:80".parse().unwrap(), path: "/".to_owned() },
    ];
    assert_eq!((config.uplinks[0].settings.metric, &config.uplinks[0].settings.asks[..]), (300, &asks[..]));
    for url in ["http://example.org/", "https://192.0.2.2/", "http://192.0.2.2:/", "http://[::1", "http://"] {
        let error = refused(&uplink(&format!("\tlist http '{url}'\n")));
        assert!(error.contains("line 5") && error.contains("address is given"), "{url}: {error}");
    }
    let twice = "config node\n\toption name 'a'\n\tlist outside 192.0.2.1\n\tlist outside 192.0.2.2\n";
    assert!(refused(twice).contains("one address of each family"));
}

#[test]
fn a_file_of_a_later_version_is_refused_with_its_number() {
    let of = |version: &str| format!("config node\n\toption name 'a'\n\toption version '{version}'\n");
    for good in ["", "1", "01"] {
        assert_eq!(read(&of(good)).1, [], "{good}");
    }
    for (version, word) in [
        ("2", "of version 2, for a later tequio; this one reads version 1"),
        ("4294967296", "of version 4294967296"),
        ("0", "expected the number of a version"),
        ("1.1", "expected the number"),
        ("99999999999999999999", "expected the number"),
    ] {
        let error = refused(&of(version));
        assert!(error.starts_with("tequio: line 3") && error.contains(word), "{version}: {error}");
    }
}

/// A value at the edge of what `value` allows.
fn edges(value: Value) -> Vec<String> {
    let fixed = |values: &[&str]| values.iter().map(|&value| value.to_owned()).collect();
    match value {
        Value::Number { least, most } => vec![least.to_string(), most.to_string()],
        Value::Level => fixed(&["-1", "-110"]),
        Value::Flag => fixed(&["yes", "0"]),
        Value::Choice(words) => fixed(words),
        Value::NodeName | Value::Login => vec!["a".repeat(32)],
        Value::Text => vec!["ñ".repeat(64)],
        Value::Secret => vec!["ab".repeat(32), "00".repeat(128)],
        Value::Path => vec![format!("/{}", "x".repeat(99))],
        Value::Device => fixed(&["x", "br-0123456789ab"]),
        Value::Ipv4Address => fixed(&["10.77.4.1"]),
        Value::Address => fixed(&["10.77.4.1", "2001:db8::1"]),
        Value::Ipv4Prefix => fixed(&["10.77.4.0/30", "10.0.0.0/8"]),
        Value::Ipv6Prefix => fixed(&["fd00::/64", "8000::/1"]),
        Value::Prefix => fixed(&["::/0", "0.0.0.0/0", "10.0.0.1", "fd00::1/128"]),
        Value::RouterId => fixed(&["02:00:5e:00:53:00:00:01", "FF:ff:ff:ff:ff:ff:ff:fe"]),
        Value::Hours => fixed(&["22:00-06:00 UTC-06:00", "00:00-23:59 UTC"]),
        Value::Mac => fixed(&["02:00:5e:00:53:01"]),
        Value::Host => fixed(&["10.0.0.1", "Portal.example"]),
        Value::Url => vec![format!("https://{}", "x".repeat(192))],
    }
}

#[test]
fn every_value_that_the_table_allows_fits_its_type() {
    for section in SECTIONS {
        for option in section.options {
            for edge in edges(option.value) {
                assert!(option.value.allows(&edge), "{} {}: {edge}", section.kind, option.name);
                let mut text = format!("config {}\n", section.kind);
                for other in section.options {
                    let value =
                        if other.name == option.name { edge.clone() } else { edges(other.value)[0].clone() };
                    let keyword = if other.is_list() { "list" } else { "option" };
                    if other.name == option.name
                        || matches!(other.default, Given::Required | Given::SomeOf(_))
                    {
                        text += &format!("\t{keyword} {} '{value}'\n", other.name);
                    }
                }
                // Options that contradict each other are refused; what is asked here is that nothing panics.
                let _ = Config::parse(&text, "tequio");
            }
            if let Given::Is(default) = option.default {
                assert!(option.value.allows(default), "{} {}: {default}", section.kind, option.name);
            }
        }
    }
}

#[test]
fn every_kind_of_value_refuses_what_it_is_not() {
    for (value, wrong) in [
        (
            Value::Number { least: 0, most: 9 },
            &["", "-1", "+1", "10", "1.0", "0x1", "99999999999999999999"][..],
        ),
        (Value::Level, &["", "-", "0", "-0", "60", "-111", "--60", "-6.5", "−60"]),
        (Value::Flag, &["2", "", "On"]),
        (Value::NodeName, &["-a", "a-", "A", "a b", "ñ"]),
        (Value::Login, &["1a", "Rosa", "a b", "-a"]),
        (Value::Text, &["a\nb", "\u{7f}"]),
        (Value::Path, &["etc", "/a\nb"]),
        (Value::Device, &["a b", "a/b", ".", "..", "0123456789abcdef", "ñ", "a:1"]),
        (Value::Ipv4Address, &["::1", "10.0.0", "0.0.0.0", "224.0.0.1", "255.255.255.255"]),
        (
            Value::Address,
            &["", "0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "1.2.3.4/8", "a.lan"],
        ),
        (Value::Ipv4Prefix, &["10.0.0.0/31", "10.0.0.0/7", "fd00::/48", "10.0.0.1/24"]),
        (Value::Ipv6Prefix, &["::/0", "fd00::/65", "10.0.0.0/8"]),
        (Value::RouterId, &["", "02:00", "00:00:00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff:ff:ff"]),
        (Value::Hours, &["", "22:00-06:00", "24:00-06:00 UTC", "22:00-22:00 UTC", "22:00-06:00 CST"]),
        (Value::Host, &["a b", "-a", "a..b", "", "a_b"]),
        (Value::Url, &["ftp://a", "http://a b", "http://a\"", "javascript:x", "http://<"]),
    ] {
        for text in wrong {
            assert!(!value.allows(text), "{value:?}: {text:?}");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Config::parse_bytes(&bytes, "tequio");
    }

    #[test]
    fn no_change_of_a_good_file_makes_it_panic(
        changes in prop::collection::vec((0..VILLAGE.len(), "[ -~\\n\\PC]"), 0..8),
    ) {
        let mut text: Vec<char> = VILLAGE.chars().collect();
        for (at, letter) in changes {
            text[at] = letter.chars().next().unwrap_or(' ');
        }
        let _ = Config::parse(&text.into_iter().collect::<String>(), "tequio");
    }
}
