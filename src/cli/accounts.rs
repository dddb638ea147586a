//! The accounts and the network, as people read them on a terminal.

use serde_json::Value;

use super::table::Side::{Left, Right};
use super::table::{Table, facts};
use super::tables::{list, table_or};
use super::words::plain;
use crate::ledger::money;

/// The reply of `books`.
pub(super) fn books(reply: &Value, bold: bool) -> String {
    let digits = reply["minor_units"].as_u64().and_then(|digits| u8::try_from(digits).ok()).unwrap_or(0);
    let amount = |value: &Value| match value.as_i64() {
        Some(value) if value < 0 => format!("-{}", money::format(value.unsigned_abs(), digits)),
        Some(value) => money::format(value.unsigned_abs(), digits),
        None => "-".to_owned(),
    };
    let mut table = Table::new(&[
        ("PERSON", Left),
        ("PRINTED", Right),
        ("HELD", Right),
        ("SOLD", Right),
        ("IN KIND", Right),
        ("DUE", Right),
        ("PAID", Right),
        ("OWES", Right),
        ("HERE", Right),
    ]);
    for row in list(reply, "people") {
        let figure = |name: &str| plain(&row[name]);
        let money = |name: &str| amount(&row[name]);
        table.row([
            if row["person"] == "" { "(nodes)".to_owned() } else { figure("person") },
            figure("printed"),
            figure("held"),
            figure("sold"),
            figure("in_kind"),
            money("due_cents"),
            money("settled_cents"),
            money("owed_cents"),
            money("owed_here_cents"),
        ]);
    }
    let closed = if reply["closed"] == true { ", closed" } else { "" };
    let mut text = format!("{}, in {}{closed}\n", plain(&reply["month"]), plain(&reply["currency"]));
    text.push_str(&table_or(table.render(bold), list(reply, "people"), "nobody did anything\n"));
    text.push_str(&by_plan(reply, bold, amount));
    text.push_str(&format!(
        "cash before {}, cash {}; the float of this node has room for {}\n",
        amount(&reply["cash_before_cents"]),
        amount(&reply["cash_cents"]),
        amount(&reply["float_left_cents"])
    ));
    for row in list(reply, "waiting") {
        let about = if row["kind"] == "settlement" { amount(&row["amount"]) } else { plain(&row["amount"]) };
        let [record, kind, node, person, words] =
            ["record", "kind", "node", "person", "text"].map(|name| plain(&row[name]));
        text.push_str(&format!("waits: {record} {kind} of {node}: {about} {person} {words}\n"));
    }
    text
}

/// What was made, sold and given of each plan.
fn by_plan(reply: &Value, bold: bool, amount: impl Fn(&Value) -> String) -> String {
    let mut plans = Table::new(&[
        ("PLAN", Left),
        ("PRINTED", Right),
        ("SOLD", Right),
        ("USED", Right),
        ("IN KIND", Right),
        ("VOID", Right),
        ("TAKEN", Right),
    ]);
    for row in list(reply, "plans") {
        let [plan, printed, sold, used, given, void] =
            ["plan", "printed", "sold", "activated", "in_kind", "void"].map(|name| plain(&row[name]));
        plans.row([plan, printed, sold, used, given, void, amount(&row["taken_cents"])]);
    }
    table_or(plans.render(bold), list(reply, "plans"), "")
}

/// The reply of `network`.
pub(super) fn network(reply: &Value) -> String {
    let signed: Vec<String> = list(reply, "signed_by").iter().map(plain).collect();
    let mut mode = plain(&reply["mode"]);
    if !signed.is_empty() {
        mode.push_str(&format!(", signed by {}", signed.join(", ")));
        let hours = reply["ends_s"].as_u64().map_or(0, |seconds| seconds.div_ceil(3_600));
        mode.push_str(&format!("; ends by itself within {hours} h"));
    }
    let mut entries = vec![("mode", mode)];
    for service in list(reply, "services") {
        let [name, title, node] = ["name", "title", "node"].map(|name| plain(&service[name]));
        let places: Vec<String> = list(service, "prefixes").iter().map(plain).collect();
        let state = if service["answers"] == false { ", does not answer" } else { "" };
        entries.push(("service", format!("{name}: {title}, at {node}, {}{state}", places.join(" "))));
    }
    for notice in list(reply, "notices") {
        entries.push(("notice", format!("{}: {}", plain(&notice["name"]), plain(&notice["text"]))));
    }
    for person in list(reply, "persons") {
        let [name, role, node] = ["person", "role", "node"].map(|name| plain(&person[name]));
        entries.push(("person", format!("{name}, {role} at {node}")));
    }
    facts(&entries)
}

/// The reply of a deed.
pub(super) fn written(reply: &Value) -> String {
    let [record, kind] = ["record", "kind"].map(|name| plain(&reply[name]));
    if reply["waits"] == true {
        return format!(
            "{kind} {record} waits: another node has to agree with `tequio books agree {record}`\n"
        );
    }
    format!("{kind} {record} is written\n")
}
