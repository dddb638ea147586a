//! Two ways to the same table: what nft makes of the daemon's text, and what [`super::make`] makes of it, as the kernel
//! tells it back.

use std::collections::BTreeMap;

use crate::console::Outcome;
use crate::netlink::{Socket, attribute, attributes};
use crate::nft::{INET, TABLE};
use crate::node::run;
use crate::space::Space;

/// Makes both tables, each in a namespace of its own, and compares them; how many things are in them.
pub(crate) fn same_as_nft(nft: &str, file: &str) -> Outcome<usize> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let (theirs, ours) = (Space::new()?, Space::new()?);
    theirs.inside(|| run(nft, &["-f", file]))?;
    ours.inside(|| super::make(&text))?;
    let (theirs, ours) = (theirs.inside(things)?, ours.inside(things)?);
    let names: Vec<&String> = theirs.keys().chain(ours.keys()).collect();
    for name in names {
        if theirs.get(name) != ours.get(name) {
            let of = |things: &BTreeMap<String, String>| things.get(name).cloned().unwrap_or_default();
            return Err(format!(
                "{name}: nft makes `{}` of the daemon's text, this program `{}`",
                of(&theirs),
                of(&ours)
            ));
        }
    }
    if ours.len() < FEWEST {
        return Err(format!("only {} things in the base table: {ours:?}", ours.len()));
    }
    Ok(ours.len())
}

/// Everything in the table, each under a name that says where it stands, as the kernel's own octets.
fn things() -> Outcome<BTreeMap<String, String>> {
    let mut things = BTreeMap::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    for (what, kind, table, name, leave_out) in KINDS {
        for message in Socket::netfilter()?.dump(*kind, &INET, |message| message.text(*table, TABLE))? {
            let rest = message.body.get(INET.len()..).unwrap_or_default();
            let name = attribute(rest, *name).map(text).unwrap_or_default();
            let place = places.entry(format!("{what} {name}")).or_default();
            *place += 1;
            let key = format!("{what} {name} {place}");
            let kept = attributes(rest).into_iter().filter(|(kind, _)| !leave_out.contains(kind));
            things.insert(key, told(kept));
            if *what == "set" {
                elements(&name, &mut things)?;
            }
        }
    }
    Ok(things)
}

/// The elements of a set, in an order of their own: the kernel's is by chance.
fn elements(set: &str, things: &mut BTreeMap<String, String>) -> Outcome<()> {
    let messages = Socket::netfilter()?.dump(GET_ELEMENTS, &INET, |message| {
        message.text(1, TABLE);
        message.text(2, set);
    })?;
    for message in messages {
        let rest = message.body.get(INET.len()..).unwrap_or_default();
        for (_, element) in attributes(attribute(rest, 3).unwrap_or_default()) {
            things.insert(format!("element of {set} {}", plain(element)), "is there".to_owned());
        }
    }
    Ok(())
}

/// Attributes without the empty ones: with those a 32-bit kernel moves a number of 64 bits to where the machine can read
/// it, and what stands before it, nft's notes among it, decides where that is.
fn told<'a>(attributes: impl IntoIterator<Item = (u16, &'a [u8])>) -> String {
    let some = attributes.into_iter().filter(|(_, octets)| !octets.is_empty());
    some.map(|(kind, octets)| format!("[{kind}] {} ", plain(octets))).collect()
}

/// What attributes hold, or the octets.
fn plain(octets: &[u8]) -> String {
    nested(octets).map_or_else(|| hex(octets), told)
}

/// The octets as attributes, if they are that and nothing else.
fn nested(octets: &[u8]) -> Option<Vec<(u16, &[u8])>> {
    let (mut rest, mut found) = (octets, Vec::new());
    while !rest.is_empty() {
        let [length, kind] = [0, 2].map(|at| Some(u16::from_ne_bytes(*rest.get(at..)?.first_chunk()?)));
        let length = usize::from(length?);
        found.push((kind?, rest.get(4..length)?));
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    (!found.is_empty()).then_some(found)
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).trim_end_matches('\0').to_owned()
}

/// What there is: its name here, the message that asks for it, where the table's name and its own stand in it, and what
/// is left out: numbers that the kernel gives by chance, and nft's notes to itself.
const KINDS: &[(&str, u16, u16, u16, &[u16])] = &[
    ("chain", 10 << 8 | 4, 1, 3, &[2, 6, 11, 12]),
    ("set", 10 << 8 | 10, 1, 2, &[10, 13, 16]),
    ("rule", 10 << 8 | 7, 1, 2, &[3, 6, 7]),
];
const GET_ELEMENTS: u16 = 10 << 8 | 13;
/// Chains, sets, rules and elements of the smallest table.
const FEWEST: usize = 60;
