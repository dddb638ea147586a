//! The object `tequio`: what it can be asked, with the types that its signature shows. What the
//! methods mean and answer: `docs/ubus.md`.

use super::call::Method;
use super::value::ArgumentType::{Bool, Int32, Int64, Text};

/// The name of our object.
pub const OBJECT: &str = "tequio";

/// Its methods.
pub const METHODS: &[Method] = &[
    Method { name: "status", arguments: &[] },
    Method { name: "neighbours", arguments: &[] },
    Method { name: "routes", arguments: &[("offset", Int32), ("limit", Int32)] },
    Method { name: "why", arguments: &[("destination", Text), ("source", Text)] },
    Method { name: "sources", arguments: &[("offset", Int32), ("limit", Int32)] },
    Method { name: "requests", arguments: &[("offset", Int32), ("limit", Int32)] },
    Method { name: "statistics", arguments: &[("offset", Int32), ("limit", Int32)] },
    Method { name: "links", arguments: &[] },
    Method { name: "link_history", arguments: &[("link", Text), ("resolution", Text), ("columns", Text)] },
    Method { name: "link_align", arguments: &[("device", Text), ("action", Text)] },
    Method {
        name: "link_reading",
        arguments: &[
            ("device", Text),
            ("signal_dbm", Int32),
            ("noise_dbm", Int32),
            ("throughput_kbit", Int32),
        ],
    },
    Method {
        name: "link_change",
        arguments: &[
            ("device", Text),
            ("channel", Int32),
            ("width", Int32),
            ("power", Int32),
            ("distance", Int32),
            ("key", Int32),
            ("ssid", Text),
        ],
    },
    Method {
        name: "plan_link",
        arguments: &[
            ("from", Text),
            ("to", Text),
            ("distance", Text),
            ("ground", Text),
            ("mast", Text),
            ("gain", Text),
            ("power", Text),
            ("loss", Text),
            ("frequency", Text),
            ("width", Text),
            ("streams", Text),
            ("chip", Text),
            ("allowed", Text),
            ("names", Text),
            ("language", Text),
        ],
    },
    Method { name: "sync", arguments: &[] },
    Method { name: "plans", arguments: &[] },
    Method {
        name: "voucher_issue",
        arguments: &[("plan", Text), ("count", Int32), ("person", Text), ("key", Text)],
    },
    Method { name: "voucher_show", arguments: &[("code", Text), ("verifier", Text)] },
    Method { name: "voucher_revoke", arguments: &[("code", Text), ("verifier", Text), ("reason", Text)] },
    Method {
        name: "voucher_print",
        arguments: &[("plan", Text), ("count", Int32), ("person", Text), ("key", Text)],
    },
    Method {
        name: "voucher_give",
        arguments: &[
            ("plan", Text),
            ("count", Int32),
            ("person", Text),
            ("reason", Text),
            ("minutes", Int32),
            ("key", Text),
        ],
    },
    Method { name: "voucher_exchange", arguments: &[("code", Text), ("key", Text)] },
    Method {
        name: "voucher_extend",
        arguments: &[
            ("code", Text),
            ("verifier", Text),
            ("seconds", Int32),
            ("days", Int32),
            ("data_mb", Int32),
            ("reason", Text),
            ("key", Text),
        ],
    },
    Method {
        name: "voucher_honour",
        arguments: &[("code", Text), ("plan", Text), ("reason", Text), ("key", Text)],
    },
    Method { name: "hand_over", arguments: &[("lot", Text), ("person", Text), ("key", Text)] },
    Method { name: "settle", arguments: &[("person", Text), ("amount", Text), ("key", Text)] },
    Method { name: "agree", arguments: &[("record", Text), ("key", Text)] },
    Method {
        name: "expense",
        arguments: &[("amount", Text), ("what", Text), ("person", Text), ("key", Text)],
    },
    Method {
        name: "contribute",
        arguments: &[("amount", Text), ("what", Text), ("person", Text), ("key", Text)],
    },
    Method {
        name: "person_set",
        arguments: &[("person", Text), ("role", Text), ("node", Text), ("passphrase", Text), ("key", Text)],
    },
    Method { name: "mode_set", arguments: &[("mode", Text), ("reason", Text), ("key", Text)] },
    Method {
        name: "notice_set",
        arguments: &[("name", Text), ("text", Text), ("days", Int32), ("key", Text)],
    },
    Method {
        name: "service_set",
        arguments: &[
            ("name", Text),
            ("title", Text),
            ("node", Text),
            ("prefixes", Text),
            ("free", Bool),
            ("icon", Text),
            ("port", Int32),
            ("key", Text),
        ],
    },
    Method {
        name: "plan_set",
        arguments: &[
            ("plan", Text),
            ("name", Text),
            ("price", Text),
            ("seller_share", Text),
            ("shares", Text),
            ("seconds", Int32),
            ("days", Int32),
            ("data_mb", Int32),
            ("devices", Int32),
            ("hours", Text),
            ("down_kbps", Int32),
            ("up_kbps", Int32),
            ("sellers", Text),
            ("key", Text),
        ],
    },
    Method { name: "time_set", arguments: &[("unix_s", Int64)] },
    Method { name: "books", arguments: &[("month", Text)] },
    Method { name: "network", arguments: &[] },
    Method { name: "sessions", arguments: &[("offset", Int32), ("limit", Int32)] },
    Method { name: "session_end", arguments: &[("verifier", Text), ("device", Text)] },
    Method { name: "books_close", arguments: &[("month", Text)] },
    Method { name: "root_accept", arguments: &[("fingerprint", Text)] },
    Method { name: "reload", arguments: &[] },
    Method { name: "interface_add", arguments: &[("device", Text), ("kind", Text)] },
    Method { name: "interface_remove", arguments: &[("device", Text)] },
    Method { name: "record_start", arguments: &[("file", Text)] },
    Method { name: "record_stop", arguments: &[] },
];

/// The object for programs that were written for babeld.
pub const BABELD: &str = "babeld";

/// Its methods, as OpenWrt's babeld has them.
pub const BABELD_METHODS: &[Method] = &[
    Method { name: "get_info", arguments: &[] },
    Method { name: "get_neighbours", arguments: &[] },
    Method { name: "get_xroutes", arguments: &[] },
    Method { name: "get_routes", arguments: &[] },
    Method { name: "add_interface", arguments: &[("ifname", Text)] },
    Method { name: "add_filter", arguments: &[("ifname", Text), ("type", Int32), ("metric", Int32)] },
];
