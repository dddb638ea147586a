//! Flow tables: what OpenWrt calls flow offloading. A rule of fw4 puts established flows into one, and from then on their
//! packets pass by every rule of every table, ours included: no counter moves, no lease ends them, no rate holds.

use crate::platform::netlink::message::Message;

/// `NFNL_SUBSYS_NFTABLES` and `NFT_MSG_GETFLOWTABLE` of `linux/netfilter/nf_tables.h`.
pub(super) const GET_FLOW_TABLE: u16 = 10 << 8 | 23;
/// `NFT_MSG_NEWFLOWTABLE`.
const NEW_FLOW_TABLE: u16 = 10 << 8 | 22;

// `enum nft_flowtable_attributes`.
const TABLE: u16 = 1;
const NAME: u16 = 2;
const USE: u16 = 4;

/// `table name` of a flow table that rules use, if that is what the message tells; `head` octets stand before it.
pub(super) fn read_used(message: &Message<'_>, head: usize) -> Option<String> {
    if message.header.kind != NEW_FLOW_TABLE {
        return None;
    }
    let find = |kind| message.attributes(head).find(|attribute| attribute.kind == kind);
    let rules = find(USE).and_then(|count| count.value.try_into().ok()).map_or(0, u32::from_be_bytes);
    (rules > 0).then(|| {
        let text = |kind| find(kind).map(|name| name.text().into_owned()).unwrap_or_default();
        format!("{} {}", text(TABLE), text(NAME))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::platform::netlink::message::{Batch, Messages};

    fn read(kind: u16, rules: Option<u32>) -> Option<String> {
        let mut batch = Batch::new();
        batch.message(kind, 0, 7, &[1, 0, 0, 0], |batch| {
            batch.attribute(TABLE, b"fw4\0");
            batch.attribute(NAME, b"ft\0");
            if let Some(rules) = rules {
                batch.attribute(USE, &rules.to_be_bytes());
            }
        });
        Messages::new(batch.bytes()).find_map(|message| read_used(&message, 4))
    }

    #[test]
    fn only_one_that_rules_use_is_told() {
        assert_eq!(read(NEW_FLOW_TABLE, Some(1)).as_deref(), Some("fw4 ft"));
        assert_eq!(read(NEW_FLOW_TABLE, Some(0)), None);
        assert_eq!(read(NEW_FLOW_TABLE, None), None);
        assert_eq!(read(GET_FLOW_TABLE, Some(1)), None);
    }
}
