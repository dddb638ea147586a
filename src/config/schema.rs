//! Every section and option there is, as one table: the parser checks by it, and a test holds
//! `docs/config.md` to it.

use std::fmt;

use crate::base::limit::BABEL_KEYS;

/// A kind of section.
#[derive(Debug)]
pub struct SectionRule {
    /// The word after `config`.
    pub kind: &'static str,
    /// Whether a configuration without it is no configuration.
    pub required: bool,
    /// How many a file may hold.
    pub most: usize,
    /// The option that no two sections of this kind may share; empty if there is none.
    pub unique: &'static str,
    /// Its options.
    pub options: &'static [OptionRule],
}

/// An option of a section.
#[derive(Debug)]
pub struct OptionRule {
    /// Its name.
    pub name: &'static str,
    /// What a value must be.
    pub value: Value,
    /// What holds when it is not given.
    pub default: Default,
    /// How a change takes effect on reload.
    pub takes: Takes,
}

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A whole number, both ends included.
    Number {
        /// The least.
        least: u64,
        /// The most.
        most: u64,
    },
    /// A signal as radios hear it, dBm: below zero.
    Level,
    /// `1`, `on`, `true`, `yes`, `enabled` or `0`, `off`, `false`, `no`, `disabled`.
    Flag,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A node's name: 1 to 32 of `a-z`, `0-9` and `-`, no `-` at either end.
    NodeName,
    /// A name that a person logs in with: 1 to 32 of `a-z`, `0-9`, `_`, `.` and `-`, first a letter.
    Login,
    /// Text for people: 1 to 64 characters, none of them a control character.
    Text,
    /// A key as an even number of hex digits; never shown in a message.
    Secret,
    /// An absolute path of at most 100 bytes (a socket's path must be shorter than 108).
    Path,
    /// The kernel's name of a network device: 1 to 15 visible characters without `/` and `:`.
    Device,
    /// An IPv4 address of one machine.
    Ipv4Address,
    /// An address of one machine, of either family.
    Address,
    /// An IPv4 prefix of 8 to 30 bits.
    Ipv4Prefix,
    /// An IPv6 prefix of 1 to 64 bits.
    Ipv6Prefix,
    /// A prefix of either family.
    Prefix,
    /// Babel's name of a router.
    RouterId,
    /// Hours of the day, in a zone.
    Hours,
    /// The address of one guest's device.
    Mac,
    /// A host name or an IPv4 address, at most 253 characters.
    Host,
    /// A URL that starts with `http://` or `https://`, at most 200 visible ASCII characters without
    /// quotes and angle brackets.
    Url,
}

/// What holds when an option is not given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// It must be given.
    Required,
    /// As if this had been written.
    Is(&'static str),
    /// Follows from other options, as these words say.
    Derived(&'static str),
    /// A `list`: none to this many, each as `value` says.
    List(usize),
    /// A `list`: one to this many, each as `value` says.
    SomeOf(usize),
}

/// How a change takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// At once, on reload.
    Live,
    /// On reload; this one interface starts anew, the others notice nothing.
    Interface,
    /// When the daemon is started anew; a reload says so and keeps the old value.
    Restart,
}

impl OptionRule {
    /// Whether it is written as `list`.
    pub const fn is_list(&self) -> bool {
        matches!(self.default, Default::List(_) | Default::SomeOf(_))
    }
}

/// The sections.
pub const SECTIONS: &[SectionRule] = &[
    SectionRule { kind: "node", required: true, most: 1, unique: "", options: NODE },
    SectionRule { kind: "interface", required: false, most: 32, unique: "device", options: INTERFACE },
    SectionRule { kind: "key", required: false, most: 16, unique: "name", options: KEY },
    SectionRule { kind: "announce", required: false, most: 64, unique: "", options: ANNOUNCE },
    SectionRule { kind: "filter", required: false, most: 64, unique: "", options: FILTER },
    SectionRule { kind: "entitled", required: false, most: 32, unique: "", options: ENTITLED },
    SectionRule { kind: "uplink", required: false, most: 8, unique: "device", options: UPLINK },
    SectionRule { kind: "queue", required: false, most: 8, unique: "device", options: QUEUE },
    SectionRule { kind: "hotspot", required: false, most: 1, unique: "", options: HOTSPOT },
    SectionRule { kind: "service", required: false, most: 32, unique: "url", options: SERVICE },
    SectionRule { kind: "policy", required: false, most: 16, unique: "name", options: POLICY },
    SectionRule { kind: "person", required: false, most: 64, unique: "login", options: PERSON },
];

const NODE: &[OptionRule] = &[
    rule("name", Value::NodeName, Default::Required, Takes::Live),
    rule("state_dir", Value::Path, Default::Is("/etc/tequio"), Takes::Restart),
    rule("run_dir", Value::Path, Default::Is("/var/run/tequio"), Takes::Restart),
    rule("hosts", Value::Path, Default::Is("/tmp/hosts/tequio"), Takes::Restart),
    rule("ubus_socket", Value::Path, Default::Is("/var/run/ubus/ubus.sock"), Takes::Restart),
    rule("ubus_babeld", Value::Flag, Default::Is("0"), Takes::Restart),
    // 0 means "any table" to the kernel.
    rule("route_table", number(1, 0xffff_ffff), Default::Is("254"), Takes::Restart),
    rule("route_priority", number(1, 0xffff_ffff), Default::Is("1042"), Takes::Restart),
    rule("stale_routes_s", number(5, 3_600), Default::Is("60"), Takes::Restart),
    rule("outside", Value::Address, Default::List(2), Takes::Live),
    rule("address_plan", Value::Prefix, Default::List(16), Takes::Live),
    rule(
        "log_level",
        Value::Choice(&["error", "warn", "info", "debug", "trace"]),
        Default::Is("info"),
        Takes::Live,
    ),
];

// Intervals stay below 65,535 centiseconds, which on Babel's wire means "never again".
const INTERFACE: &[OptionRule] = &[
    rule("device", Value::Device, Default::Required, Takes::Interface),
    rule(
        "kind",
        Value::Choice(&["wired", "wireless", "tunnel", "bridge"]),
        Default::Required,
        Takes::Interface,
    ),
    rule("hello_interval_ms", number(100, 600_000), Default::Is("1000"), Takes::Live),
    rule("update_interval_ms", number(400, 655_000), Default::Derived("4 x hello_interval_ms"), Takes::Live),
    rule(
        "rxcost",
        number(1, 65_534),
        Default::Derived("96 wired and tunnel, 256 wireless and bridge"),
        Takes::Live,
    ),
    rule("distance_m", number(1, 114_750), Default::Derived("nothing is set"), Takes::Live),
    rule("split_horizon", Value::Flag, Default::Is("0"), Takes::Live),
    rule(
        "auth",
        Value::Choice(&["community", "off", "sign", "strict"]),
        Default::Is("community"),
        Takes::Live,
    ),
    rule("key", Value::NodeName, Default::List(BABEL_KEYS), Takes::Live),
    rule("radio", Value::Device, Default::Derived("none"), Takes::Live),
    rule("v4_via_v6", Value::Flag, Default::Is("1"), Takes::Live),
    rule("hop_cost", number(0, 10_000), Default::Is("64"), Takes::Live),
    rule("airtime_cost", number(0, 65_534), Default::Is("1920"), Takes::Live),
    rule("throughput_kbit", number(1, 10_000_000), Default::Derived("measured"), Takes::Live),
    rule("planned_kbit", number(1, 10_000_000), Default::Derived("the best that was seen"), Takes::Live),
    rule("planned_signal_dbm", Value::Level, Default::Derived("none"), Takes::Live),
    rule(
        "change",
        Value::Choice(&["channel", "width", "power", "distance", "key", "ssid"]),
        Default::List(6),
        Takes::Live,
    ),
    rule("dead_man_s", number(45, 3_600), Default::Is("180"), Takes::Live),
    #[cfg(feature = "control")]
    rule("control_file", Value::Path, Default::Derived("netifd is asked"), Takes::Live),
    rule("recover_per_day", number(0, 24), Default::Is("0"), Takes::Live),
];

const KEY: &[OptionRule] = &[
    rule("name", Value::NodeName, Default::Required, Takes::Live),
    rule("algorithm", Value::Choice(&["hmac-sha256", "blake2s128"]), Default::Required, Takes::Live),
    rule("use", Value::Choice(&["sign", "verify"]), Default::Is("sign"), Takes::Live),
    rule("value", Value::Secret, Default::Derived("what `file` holds"), Takes::Live),
    rule("file", Value::Path, Default::Derived("none; `value` is given"), Takes::Live),
];

const ANNOUNCE: &[OptionRule] = &[
    rule("prefix", Value::Prefix, Default::Required, Takes::Live),
    rule("source", Value::Prefix, Default::Derived("everywhere"), Takes::Live),
    rule("metric", number(0, 65_534), Default::Is("0"), Takes::Live),
];

const ENTITLED: &[OptionRule] = &[
    rule("prefix", Value::Prefix, Default::SomeOf(8), Takes::Live),
    rule("router_id", Value::RouterId, Default::List(8), Takes::Live),
];

const UPLINK: &[OptionRule] = &[
    rule("device", Value::Device, Default::Required, Takes::Live),
    rule("metric", number(0, 65_534), Default::Is("0"), Takes::Live),
    rule("ping", Value::Address, Default::List(4), Takes::Live),
    rule("dns", Value::Address, Default::List(4), Takes::Live),
    rule("http", Value::Url, Default::List(4), Takes::Live),
    rule("probe_interval_s", number(1, 3_600), Default::Is("5"), Takes::Live),
    rule("month_mb", number(1, 100_000_000), Default::Derived("no end"), Takes::Live),
    rule("hours", Value::Hours, Default::List(4), Takes::Live),
    rule("source", Value::Prefix, Default::List(8), Takes::Live),
];

// Below the least a packet takes a fifth of a second; the most fits the kernel's 32 bits of octets.
const QUEUE: &[OptionRule] = &[
    rule("device", Value::Device, Default::Required, Takes::Live),
    rule(
        "download_kbit",
        number(64, 10_000_000),
        Default::Derived("0.9 of its radio link, else no queue"),
        Takes::Live,
    ),
    rule(
        "upload_kbit",
        number(64, 10_000_000),
        Default::Derived("0.9 of its radio link, else no queue"),
        Takes::Live,
    ),
];

const FILTER: &[OptionRule] = &[
    rule("direction", Value::Choice(&["in", "out", "redistribute"]), Default::Required, Takes::Live),
    rule("prefix", Value::Prefix, Default::Derived("every one"), Takes::Live),
    rule("ge", number(0, 128), Default::Derived("the length of prefix"), Takes::Live),
    rule(
        "le",
        number(0, 128),
        Default::Derived("ge alone: the longest; else the length of prefix"),
        Takes::Live,
    ),
    rule("source", Value::Prefix, Default::Derived("with and without a source"), Takes::Live),
    rule("device", Value::Device, Default::Derived("every one"), Takes::Live),
    rule("protocol", number(0, 255), Default::Derived("every one"), Takes::Live),
    rule("table", number(1, 0xffff_ffff), Default::Derived("every one that is read"), Takes::Live),
    rule("action", Value::Choice(&["allow", "deny"]), Default::Required, Takes::Live),
    rule("metric", number(0, 65_534), Default::Is("0"), Takes::Live),
];

const HOTSPOT: &[OptionRule] = &[
    rule("device", Value::Device, Default::Required, Takes::Restart),
    rule("address", Value::Ipv4Address, Default::Required, Takes::Restart),
    rule("prefix", Value::Ipv4Prefix, Default::Required, Takes::Restart),
    rule("prefix6", Value::Ipv6Prefix, Default::List(8), Takes::Restart),
    rule("portal_port", number(1, 65_535), Default::Is("2080"), Takes::Restart),
    rule("portal_host", Value::Host, Default::Is("192.0.2.1"), Takes::Live),
    rule("lease_s", number(60, 900), Default::Is("900"), Takes::Live),
    rule("usage_interval_s", number(1, 300), Default::Is("10"), Takes::Live),
    rule("language", Value::Text, Default::Derived("the charter's first"), Takes::Live),
    rule("words", Value::Path, Default::Is("/usr/share/tequio/portal"), Takes::Live),
    rule("infrastructure", Value::Prefix, Default::List(64), Takes::Restart),
    rule("night", Value::Hours, Default::List(4), Takes::Live),
    rule("call", Value::Text, Default::List(4), Takes::Live),
];

const SERVICE: &[OptionRule] = &[
    rule("name", Value::Text, Default::Required, Takes::Live),
    rule("url", Value::Url, Default::Required, Takes::Live),
    rule("prefix", Value::Prefix, Default::SomeOf(16), Takes::Live),
];

const POLICY: &[OptionRule] = &[
    rule("name", Value::Text, Default::Required, Takes::Live),
    rule("mac", Value::Mac, Default::List(64), Takes::Live),
    rule("device", Value::Device, Default::List(4), Takes::Live),
    rule("hours", Value::Hours, Default::List(4), Takes::Live),
    rule("download_kbit", number(64, 10_000_000), Default::Derived("no limit"), Takes::Live),
    rule("upload_kbit", number(64, 10_000_000), Default::Derived("no limit"), Takes::Live),
];

const PERSON: &[OptionRule] = &[
    rule("login", Value::Login, Default::Required, Takes::Live),
    rule("name", Value::Text, Default::Required, Takes::Live),
    rule("role", Value::Choice(&["admin", "caretaker", "viewer"]), Default::Required, Takes::Live),
];

const fn rule(name: &'static str, value: Value, default: Default, takes: Takes) -> OptionRule {
    OptionRule { name, value, default, takes }
}

const fn number(least: u64, most: u64) -> Value {
    Value::Number { least, most }
}

impl fmt::Display for Value {
    /// What was expected, to be read after "expected".
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number { least, most } => write!(formatter, "a whole number from {least} to {most}"),
            Self::Level => formatter.write_str("a whole number from -110 to -1"),
            Self::Choice(words) => {
                formatter.write_str("one of")?;
                words.iter().enumerate().try_for_each(|(index, word)| {
                    write!(formatter, "{} {word}", if index == 0 { "" } else { "," })
                })
            }
            Self::Flag => formatter.write_str("1 or 0"),
            Self::NodeName => formatter.write_str("1 to 32 of a-z, 0-9 and -, with no - at either end"),
            Self::Login => formatter.write_str("1 to 32 of a-z, 0-9, _, . and -, first a letter"),
            Self::Text => formatter.write_str("1 to 64 characters on one line"),
            Self::Secret => formatter.write_str("a key as an even number of hex digits, at most 256"),
            Self::Path => formatter.write_str("an absolute path of at most 100 bytes"),
            Self::Device => formatter.write_str("the name of a network device, 1 to 15 characters"),
            Self::Ipv4Address => formatter.write_str("an IPv4 address, like 10.77.4.1"),
            Self::Address => formatter.write_str("an IP address, like 192.0.2.1 or 2001:db8::1"),
            Self::Ipv4Prefix => formatter.write_str("an IPv4 prefix of 8 to 30 bits, like 10.77.4.0/22"),
            Self::Ipv6Prefix => formatter.write_str("an IPv6 prefix of 1 to 64 bits, like fd00:77:4::/64"),
            Self::Prefix => formatter.write_str("a prefix, like 10.77.4.0/22 or fd00:77::/48"),
            Self::RouterId => formatter.write_str("a router-id, like 02:00:5e:00:53:00:00:01"),
            Self::Hours => formatter.write_str("hours in a zone, like 22:00-06:00 UTC-06:00"),
            Self::Mac => formatter.write_str("a MAC address, like 02:00:5e:00:53:01"),
            Self::Host => formatter.write_str("a host name or an IPv4 address"),
            Self::Url => formatter.write_str("a URL of at most 200 characters, http:// or https://"),
        }
    }
}

impl fmt::Display for Takes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Live => "live",
            Self::Interface => "restarts the interface",
            Self::Restart => "needs a restart",
        })
    }
}

impl fmt::Display for Default {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => formatter.write_str("required"),
            Self::Is(value) => write!(formatter, "`{value}`"),
            Self::Derived(words) => formatter.write_str(words),
            Self::List(most) => write!(formatter, "list, 0 to {most}"),
            Self::SomeOf(most) => write!(formatter, "list, 1 to {most}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rows `| name | ... |` of the table that follows `## config KIND` in the document.
    fn documented(document: &str, kind: &str) -> Vec<Vec<String>> {
        document
            .lines()
            .skip_while(|line| *line != format!("## config {kind}"))
            .skip(1)
            .take_while(|line| !line.starts_with("## "))
            .filter(|line| line.starts_with("| `"))
            .map(|line| line.trim_matches('|').split(" | ").map(|cell| cell.trim().to_owned()).collect())
            .collect()
    }

    #[test]
    fn the_document_lists_what_the_parser_takes() {
        let document = include_str!("../../docs/config.md");
        for section in SECTIONS {
            let expected: Vec<Vec<String>> = section
                .options
                .iter()
                .map(|option| {
                    [
                        format!("`{}`", option.name),
                        option.value.to_string(),
                        option.default.to_string(),
                        option.takes.to_string(),
                    ]
                    .to_vec()
                })
                .collect();
            let found: Vec<Vec<String>> = documented(document, section.kind)
                .into_iter()
                .map(|cells| {
                    assert_eq!(cells.len(), 5, "{cells:?}: option, meaning, value, default, on reload");
                    [&cells[0], &cells[2], &cells[3], &cells[4]].map(String::clone).to_vec()
                })
                .collect();
            assert_eq!(found, expected, "docs/config.md, config {}", section.kind);
        }
        let documented = document.lines().filter(|line| line.starts_with("## config ")).count();
        assert_eq!(documented, SECTIONS.len(), "docs/config.md describes a section that does not exist");
    }
}
