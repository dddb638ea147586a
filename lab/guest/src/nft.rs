//! What the kernel holds in the daemon's nft sets, read without the program `nft`.

use crate::console::Outcome;
use crate::netlink::{Socket, attribute, attributes};

/// One element of a set or map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    /// What it is found by.
    pub(crate) key: Vec<u8>,
    /// What a map gives for it.
    pub(crate) data: Option<Vec<u8>>,
    /// What is left of its timeout.
    pub(crate) expires_ms: Option<u64>,
}

/// The elements of a set of the table `inet tequio` of this namespace, expired ones left out.
pub(crate) fn elements(set: &str) -> Outcome<Vec<Element>> {
    let messages = Socket::netfilter()?.dump(GET_ELEMENTS, &INET, |message| {
        message.text(LIST_TABLE, TABLE);
        message.text(LIST_SET, set);
    });
    let messages = messages.map_err(|error| format!("the set {set}: {error}"))?;
    let mut all = Vec::new();
    for message in messages {
        let rest = message.body.get(INET.len()..).unwrap_or_default();
        for (_, element) in attributes(attribute(rest, LIST_ELEMENTS).unwrap_or_default()) {
            all.extend(self::element(element));
        }
    }
    Ok(all)
}

fn element(bytes: &[u8]) -> Option<Element> {
    let value = |kind| attribute(bytes, kind).and_then(|data| attribute(data, VALUE)).map(<[u8]>::to_vec);
    let expires_ms = attribute(bytes, EXPIRATION)
        .and_then(|data| data.first_chunk())
        .map(|octets| u64::from_be_bytes(*octets));
    Some(Element { key: value(KEY)?, data: value(DATA), expires_ms })
}

/// The daemon's table.
pub(crate) const TABLE: &str = "tequio";
/// `nfgenmsg`: the family inet, version 0, no number.
pub(crate) const INET: [u8; 4] = [1, 0, 0, 0];
/// `NFT_MSG_GETSETELEM` of `NFNL_SUBSYS_NFTABLES`.
const GET_ELEMENTS: u16 = 10 << 8 | 13;
const LIST_TABLE: u16 = 1;
const LIST_SET: u16 = 2;
const LIST_ELEMENTS: u16 = 3;
const KEY: u16 = 1;
const DATA: u16 = 2;
const EXPIRATION: u16 = 5;
const VALUE: u16 = 1;
