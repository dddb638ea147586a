//! The daemon's base table, made without the program `nft`: no Debian has one for big-endian MIPS.
//!
//! What changes from node to node (interfaces, networks, the portal's port) is read from the daemon's own text, which
//! is written for nft. Declarations and rules stand here a second time ([`rules`]), so that no mistake of the daemon's
//! text is shared; where there is an nft, [`same_as_nft`] holds both against each other in the kernel.

mod compare;
mod rules;
mod word;

use std::net::IpAddr;

pub(crate) use compare::same_as_nft;
use word::{Context, Elements, LIST_ELEMENT, OCTETS, UNNAMED, Unnamed, VALUE, Word, numbers};

use crate::console::Outcome;
use crate::netlink::{ACK, CREATE_OR_KEEP, Socket, Writer};
use crate::nft::{INET, TABLE};

/// Makes the table that `text` describes in the namespace of the calling thread; how many rules it has.
pub(crate) fn make(text: &str) -> Outcome<usize> {
    let settings = Settings::read(text)?;
    let mut batch = Batch::new();
    batch.add(NEW_TABLE, "the table", |message| {
        message.text(1, TABLE);
        numbers(message, &[(2, 0)]);
    });
    chains(&mut batch);
    for (number, set) in (1..).zip(SETS) {
        declare(&mut batch, set, number);
    }
    settings.elements(&mut batch)?;
    let rules = fill(&mut batch, settings.portal_port);
    batch.send()?;
    Ok(rules)
}

/// What the daemon's text says of this node.
struct Settings {
    portal_port: u16,
    /// Set and element, as nft reads them.
    elements: Vec<(String, String)>,
}

impl Settings {
    fn read(text: &str) -> Outcome<Self> {
        let port = text.lines().find_map(|line| line.trim().strip_prefix("tcp dport 80 redirect to :"));
        let port = port.ok_or("the daemon's text has no line that sends to the portal")?;
        let mut elements = Vec::new();
        for line in text.lines() {
            let Some(rest) = line.strip_prefix("add element inet tequio ") else { continue };
            let (set, element) = rest.split_once(" { ").ok_or_else(|| format!("no element in `{line}`"))?;
            elements.push((set.to_owned(), element.trim_end_matches(" }").to_owned()));
        }
        let portal_port = port.parse().map_err(|_| format!("`{port}` is no port"))?;
        Ok(Self { portal_port, elements })
    }

    fn elements(&self, batch: &mut Batch) -> Outcome<()> {
        for (set, element) in &self.elements {
            let what = format!("{element} in {set}");
            let octets = if set == "hotspot_interfaces" {
                vec![(true, interface(element)?)]
            } else {
                let (first, behind) = range(element).ok_or_else(|| format!("`{element}` is no network"))?;
                vec![(true, first), (false, behind)]
            };
            batch.add(NEW_ELEMENTS, &what, |message| {
                message.text(1, TABLE);
                message.text(2, set);
                message.nest(3, |list| octets.iter().for_each(|(begins, key)| one(list, *begins, key)));
            });
        }
        Ok(())
    }
}

/// A name in 16 octets.
fn interface(quoted: &str) -> Outcome<Vec<u8>> {
    let mut octets = quoted.trim_matches('"').as_bytes().to_vec();
    if octets.len() > 15 {
        return Err(format!("{quoted} is no name of an interface"));
    }
    octets.resize(16, 0);
    Ok(octets)
}

/// The first address of a network, and the one behind its last.
fn range(network: &str) -> Option<(Vec<u8>, Vec<u8>)> {
    let (address, bits) = network.split_once('/')?;
    let (address, bits): (IpAddr, u32) = (address.parse().ok()?, bits.parse().ok()?);
    let (octets, width) = match address {
        IpAddr::V4(address) => (address.octets().to_vec(), 32_u32),
        IpAddr::V6(address) => (address.octets().to_vec(), 128),
    };
    let first = octets.iter().fold(0_u128, |sum, octet| sum << 8 | u128::from(*octet));
    let behind = first.checked_add(1_u128.checked_shl(width.checked_sub(bits)?)?)?;
    Some((octets, behind.to_be_bytes()[16 - width as usize / 8..].to_vec()))
}

/// An element of a list: a single one or the beginning of a range, or the end of a range.
fn one(list: &mut Writer, begins: bool, key: &[u8]) {
    list.nest(LIST_ELEMENT, |element| {
        if !begins {
            numbers(element, &[(3, RANGE_END)]);
        }
        element.nest(1, |data| data.attribute(VALUE, key));
    });
}

/// The chains: name and, of those that the kernel calls by itself, kind, place and priority.
fn chains(batch: &mut Batch) {
    for (name, hook) in CHAINS {
        batch.add(NEW_CHAIN, name, |message| {
            message.text(1, TABLE);
            message.text(3, name);
            if let Some((kind, place, priority)) = hook {
                message.text(7, kind);
                numbers(message, &[(5, POLICY_ACCEPT)]);
                message.nest(4, |hook| numbers(hook, &[(1, *place), (2, priority.cast_unsigned())]));
            }
        });
    }
}

type Hook = (&'static str, u32, i32);

const CHAINS: &[(&str, Option<Hook>)] = &[
    ("hs_guard", Some(("filter", PREROUTING, -300))),
    ("hs_guard_destination", None),
    ("hs_mark", Some(("filter", PREROUTING, -150))),
    ("hs_redirect", Some(("nat", PREROUTING, -105))),
    ("hs_own", Some(("filter", INPUT, -5))),
    ("hs_names", Some(("filter", OUTPUT, -5))),
    ("hs_forward", Some(("filter", FORWARD, -5))),
    ("hs_from_guest", None),
    ("hs_to_guest", None),
    ("hs_open_up", None),
    ("hs_open_down", None),
    ("hs_refuse", None),
    ("hs_first", None),
    ("hs_from_policy", None),
    ("hs_to_policy", None),
];

/// A set of the table.
struct Set {
    name: &'static str,
    flags: u32,
    /// nft's number for the type of the elements, and their octets.
    key: (u32, u32),
    /// The same of what a map gives.
    data: Option<(u32, u32)>,
    size: Option<u32>,
    timeout_ms: Option<u64>,
    each: Option<Each>,
}

/// What every element of a set has of its own.
enum Each {
    Counter,
    /// More than 1 kB a second, after 1,500 octets at once.
    Limit,
}

const SETS: &[Set] = &[
    Set { key: (INTERFACE, 16), flags: 0, ..plain("hotspot_interfaces") },
    networks("guests4", IP),
    networks("guests6", IP6),
    networks("infrastructure4", IP),
    networks("infrastructure6", IP6),
    networks("walled_garden4", IP),
    networks("walled_garden6", IP6),
    Set { key: (INTERFACE, 16), flags: 0, ..plain("policy_interfaces") },
    Set { key: (INTERFACE, 16), flags: MAP, data: Some((MARK, 4)), ..plain("policy_marks") },
    Set { flags: 0, each: Some(Each::Limit), ..plain("policy_up") },
    Set { flags: 0, each: Some(Each::Limit), ..plain("policy_down") },
    Set { key: IP, size: Some(1024), timeout_ms: Some(3_600_000), ..plain("free_services4") },
    Set { key: IP6, size: Some(1024), timeout_ms: Some(3_600_000), ..plain("free_services6") },
    Set { size: Some(1024), timeout_ms: Some(3_600_000), ..by_rules("free_names4", IP) },
    Set { size: Some(1024), timeout_ms: Some(3_600_000), ..by_rules("free_names6", IP6) },
    Set { key: MAC, flags: TIMEOUT | MAP, data: Some((MARK, 4)), ..plain("cid") },
    plain("leases"),
    Set { each: Some(Each::Counter), ..plain("up") },
    Set { each: Some(Each::Counter), ..plain("down") },
    Set { each: Some(Each::Limit), ..plain("limit_up") },
    Set { each: Some(Each::Limit), ..plain("limit_down") },
    plain("open"),
    plain("shut"),
    plain("offline"),
    by_rules("dns_rate", MAC),
    by_rules("names_down4", IP),
    by_rules("names_down6", IP6),
    by_rules("open_up", MAC),
    by_rules("open_down4", IP),
    by_rules("open_down6", IP6),
];

const fn by_rules(name: &'static str, key: (u32, u32)) -> Set {
    Set { key, flags: TIMEOUT | BY_RULES, timeout_ms: Some(60_000), ..plain(name) }
}

/// Marks that end, as many as the daemon asks room for.
const fn plain(name: &'static str) -> Set {
    Set { name, flags: TIMEOUT, key: (MARK, 4), data: None, size: Some(2048), timeout_ms: None, each: None }
}

const fn networks(name: &'static str, key: (u32, u32)) -> Set {
    Set { flags: INTERVAL, key, size: None, ..plain(name) }
}

fn declare(batch: &mut Batch, set: &Set, number: u32) {
    batch.add(NEW_SET, set.name, |message| {
        message.text(1, TABLE);
        message.text(2, set.name);
        numbers(message, &[(3, set.flags), (4, set.key.0), (5, set.key.1), (10, number)]);
        if let Some((kind, length)) = set.data {
            numbers(message, &[(6, kind), (7, length)]);
        }
        // The interfaces are few, and nft names no size for them.
        if let Some(size) = set.size.filter(|_| set.key.0 != INTERFACE) {
            message.nest(9, |about| numbers(about, &[(1, size)]));
        }
        if let Some(timeout) = set.timeout_ms {
            message.attribute(11, &timeout.to_be_bytes());
        }
        match set.each {
            Some(Each::Counter) => message.nest(17, word::counter_body),
            Some(Each::Limit) => message.nest(17, |each| word::limit_body(each, 1024, 1500, OCTETS)),
            None => {}
        }
    });
}

/// Writes all rules, and before each the sets that stand in it; how many rules.
fn fill(batch: &mut Batch, portal_port: u16) -> usize {
    let mut unnamed = u32::try_from(SETS.len()).expect("some sets");
    let mut count = 0;
    for (number, (chain, words)) in (1..).zip(rules::all()) {
        let mut contexts = Vec::new();
        for word in *words {
            if let Word::Among(set) = word {
                unnamed += 1;
                set_of_rule(batch, set, unnamed, portal_port);
            }
            contexts.push(Context { portal_port, unnamed });
        }
        batch.add(NEW_RULE, &format!("rule {number}, of {chain}"), |message| {
            message.text(1, TABLE);
            message.text(2, chain);
            message.nest(4, |list| {
                words.iter().zip(&contexts).for_each(|(word, context)| word.write(list, context));
            });
        });
        count = number;
    }
    count
}

fn set_of_rule(batch: &mut Batch, set: &Unnamed, number: u32, portal_port: u16) {
    let elements: Vec<(bool, Vec<u8>)> = match set.elements {
        Elements::Single(all) => all.iter().map(|key| (true, key.to_vec())).collect(),
        Elements::PortsAndPortal(ports) => {
            let all = ports.iter().copied().chain([portal_port]);
            all.map(|port| (true, port.to_be_bytes().to_vec())).collect()
        }
        Elements::Ranges(all) => all.iter().map(|(begins, key)| (*begins, key.to_vec())).collect(),
    };
    let ranges = if matches!(set.elements, Elements::Ranges(_)) { INTERVAL } else { 0 };
    let size = u32::try_from(elements.len()).expect("some elements");
    batch.add(NEW_SET, "a set in a rule", |message| {
        message.text(1, TABLE);
        message.text(2, UNNAMED);
        let flags = WITHOUT_NAME | CONSTANT | ranges;
        numbers(message, &[(3, flags), (4, set.kind), (5, set.length), (10, number)]);
        message.nest(9, |about| numbers(about, &[(1, size)]));
    });
    batch.add(NEW_ELEMENTS, "elements in a rule", |message| {
        message.text(1, TABLE);
        message.text(2, UNNAMED);
        numbers(message, &[(4, number)]);
        message.nest(3, |list| elements.iter().for_each(|(begins, key)| one(list, *begins, key)));
    });
}

/// Messages that become true at once or not at all, and what each is about.
struct Batch {
    writer: Writer,
    about: Vec<String>,
}

impl Batch {
    fn new() -> Self {
        let mut batch = Self { writer: Writer::default(), about: Vec::new() };
        batch.message(BATCH_BEGIN, 0, &BATCH_HEAD, "the beginning", |_| {});
        batch
    }

    fn add(&mut self, kind: u16, about: &str, body: impl FnOnce(&mut Writer)) {
        // Each is confirmed: a refusal names its message.
        self.message(NFTABLES | kind, CREATE_OR_KEEP | APPEND | ACK, &INET, about, body);
    }

    fn message(&mut self, kind: u16, flags: u16, head: &[u8], about: &str, body: impl FnOnce(&mut Writer)) {
        let number = u32::try_from(self.about.len()).expect("some hundred messages");
        self.about.push(about.to_owned());
        self.writer.message(kind, flags, number, head, body);
    }

    fn send(mut self) -> Outcome<()> {
        let last = u32::try_from(self.about.len() - 1).expect("some hundred messages");
        self.message(BATCH_END, 0, &BATCH_HEAD, "the end", |_| {});
        let socket = Socket::netfilter()?;
        socket.send(&self.writer)?;
        socket.confirmed(last).map_err(|error| {
            let about: Vec<String> =
                (0..).zip(&self.about).map(|(n, about)| format!("{n} {about}")).collect();
            format!("the base table: {error}; its messages: {}", about.join(", "))
        })
    }
}

const APPEND: u16 = 0x800;
const BATCH_BEGIN: u16 = 16;
const BATCH_END: u16 = 17;
/// No family, version 0, the number of `NFNL_SUBSYS_NFTABLES`.
const BATCH_HEAD: [u8; 4] = [0, 0, 0, 10];
/// `NFNL_SUBSYS_NFTABLES` in the kind of a message.
const NFTABLES: u16 = 10 << 8;
const NEW_TABLE: u16 = 0;
const NEW_CHAIN: u16 = 3;
const NEW_RULE: u16 = 6;
const NEW_SET: u16 = 9;
const NEW_ELEMENTS: u16 = 12;
const POLICY_ACCEPT: u32 = 1;
const PREROUTING: u32 = 0;
const INPUT: u32 = 1;
const FORWARD: u32 = 2;
const OUTPUT: u32 = 3;
const WITHOUT_NAME: u32 = 1;
const CONSTANT: u32 = 2;
const INTERVAL: u32 = 4;
const MAP: u32 = 8;
const TIMEOUT: u32 = 0x10;
const BY_RULES: u32 = 0x20;
const RANGE_END: u32 = 1;
/// nft's numbers for types, and how many octets such a value has.
const IP: (u32, u32) = (7, 4);
const IP6: (u32, u32) = (8, 16);
const MAC: (u32, u32) = (9, 6);
const MARK: u32 = 19;
const INTERFACE: u32 = 41;
