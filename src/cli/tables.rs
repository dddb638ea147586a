//! The replies of the ubus object, as people read them.
//!
//! Each function takes the reply of one method; its members are those of `docs/ubus.md`. A member that
//! is absent is shown as `-`, so that a newer command line understands an older daemon and the other
//! way round.

use serde_json::Value;

use super::table::Side::{Left, Right};
use super::table::{Table, facts};
use super::words::{calendar, cost, millis, money, octets, plain, seconds};

/// The reply of `method` as text. `bold` is for terminals.
pub(super) fn show(method: &str, reply: &Value, bold: bool) -> String {
    match method {
        "status" => status(reply),
        "neighbours" => neighbours(reply, bold),
        "routes" => routes(reply, bold),
        "why" => why(reply, bold),
        "sources" => sources(reply, bold),
        "requests" => requests(reply, bold),
        "statistics" => statistics(reply, bold),
        "links" => links(reply, bold),
        "link_change" => "both ends are asked: `tequio links` tells how it goes on\n".to_owned(),
        "link_history" => super::past::history(reply, bold),
        "sync" => sync(reply, bold),
        "plans" => plans(reply, bold),
        "voucher_issue" | "voucher_print" | "voucher_give" | "voucher_exchange" => issued(reply, bold),
        "voucher_show" => voucher(reply),
        "voucher_revoke" => format!("voucher {} is revoked\n", plain(&reply["verifier"])),
        "sessions" => sessions(reply, bold),
        "session_end" => {
            let (verifier, devices) = (plain(&reply["verifier"]), plain(&reply["devices"]));
            format!("{devices} devices of voucher {verifier} were let out\n")
        }
        "books_close" => format!("{} is closed: {} rows\n", plain(&reply["month"]), plain(&reply["rows"])),
        "root_accept" => format!("the root {} counts at this node\n", plain(&reply["root"])),
        "books" => super::accounts::books(reply, bold),
        "network" => super::accounts::network(reply),
        _ if reply["record"].is_string() => super::accounts::written(reply),
        "record_start" => format!("recording to {}\n", plain(&reply["file"])),
        "record_stop" if reply["stopped"] == false => "nothing was being recorded\n".to_owned(),
        "record_stop" => "the recording has ended\n".to_owned(),
        "reload" => "the configuration is in force\n".to_owned(),
        _ => format!("{reply:#}\n"),
    }
}

/// `{node, version, uptime_s, router_id, community, members, records, uplink: {state, via, metric,
/// gateway, hops, delay_ms, since_s}, neighbours, routes, sessions, time: {unix_s, quality}, alerts: [{code, message}]}`
fn status(reply: &Value) -> String {
    let (uplink, time) = (&reply["uplink"], &reply["time"]);
    let mut outside = plain(&uplink["state"]);
    if !uplink["via"].is_null() {
        outside.push_str(&format!(" through {}", plain(&uplink["via"])));
    }
    if !uplink["gateway"].is_null() {
        outside.push_str(&format!(" to {}", plain(&uplink["gateway"])));
    }
    if !uplink["metric"].is_null() {
        outside.push_str(&format!(", metric {}", plain(&uplink["metric"])));
    }
    for (name, unit) in [("hops", "hops"), ("delay_ms", "ms")] {
        if !uplink[name].is_null() {
            outside.push_str(&format!(", {} {unit}", plain(&uplink[name])));
        }
    }
    if !uplink["since_s"].is_null() {
        outside.push_str(&format!(", for {}", seconds(&uplink["since_s"])));
    }
    let community = match reply["community"].as_str() {
        Some(name) => {
            format!("{name}, {} members, {} records", plain(&reply["members"]), plain(&reply["records"]))
        }
        None => "none: make one with `tequio community create`".to_owned(),
    };
    let mut entries = vec![
        ("node", format!("{}, tequio {}", plain(&reply["node"]), plain(&reply["version"]))),
        ("running for", seconds(&reply["uptime_s"])),
        ("router-id", plain(&reply["router_id"])),
        ("community", community),
        (
            "signs with",
            match reply["epoch"].as_u64() {
                Some(epoch) => format!("the secrets of epoch {epoch}"),
                None => "no secrets of a community".to_owned(),
            },
        ),
        ("uplink", outside),
        ("neighbours", plain(&reply["neighbours"])),
        ("routes", plain(&reply["routes"])),
        ("sessions", plain(&reply["sessions"])),
    ];
    for policy in list(reply, "policies") {
        let (down, up) = (octets(&policy["down_bytes"]), octets(&policy["up_bytes"]));
        entries.push(("policy", format!("{}: {down} down, {up} up", plain(&policy["name"]))));
    }
    if reply["names_answered"].as_u64().is_some_and(|answered| answered > 0) {
        entries.push(("offline", format!("{} names answered", plain(&reply["names_answered"]))));
    }
    entries.extend([("time", format!("{} ({})", calendar(&time["unix_s"]), plain(&time["quality"])))]);
    let alerts = list(reply, "alerts");
    if alerts.is_empty() {
        entries.push(("alerts", "none".to_owned()));
    }
    for (number, alert) in alerts.iter().enumerate() {
        entries.push((if number == 0 { "alerts" } else { "" }, plain(alert.get("message").unwrap_or(alert))));
    }
    facts(&entries)
}

/// `{neighbours: [{interface, address, hello_history, rxcost, txcost, cost, reason}]}`
fn neighbours(reply: &Value, bold: bool) -> String {
    let mut table = Table::new(&[
        ("INTERFACE", Left),
        ("ADDRESS", Left),
        ("HELLOS", Left),
        ("RXCOST", Right),
        ("TXCOST", Right),
        ("COST", Right),
        ("REMARK", Left),
    ]);
    for row in list(reply, "neighbours") {
        table.row([
            plain(&row["interface"]),
            plain(&row["address"]),
            plain(&row["hello_history"]),
            plain(&row["rxcost"]),
            plain(&row["txcost"]),
            cost(&row["cost"]),
            optional(&row["reason"]),
        ]);
    }
    table_or(table.render(bold), list(reply, "neighbours"), "no neighbour is heard\n")
}

/// A prefix, and where packets must come from if that matters.
fn from(prefix: &Value, source: &Value) -> String {
    source.as_str().map_or_else(|| plain(prefix), |source| format!("{} from {source}", plain(prefix)))
}

/// `{routes: [{prefix, source, via, interface, router_id, metric, refmetric, seqno, selected, feasible, age_s}],
/// offset, total}`
fn routes(reply: &Value, bold: bool) -> String {
    let mut table = Table::new(&[
        ("", Left),
        ("PREFIX", Left),
        ("VIA", Left),
        ("INTERFACE", Left),
        ("METRIC", Right),
        ("REFMETRIC", Right),
        ("SEQNO", Right),
        ("ROUTER-ID", Left),
        ("AGE", Right),
    ]);
    for row in list(reply, "routes") {
        let mark = match (row["selected"].as_bool(), row["feasible"].as_bool()) {
            (Some(true), _) => "*",
            (_, Some(false)) => "!",
            _ => "",
        };
        table.row([
            mark.to_owned(),
            from(&row["prefix"], &row["source"]),
            plain(&row["via"]),
            plain(&row["interface"]),
            cost(&row["metric"]),
            cost(&row["refmetric"]),
            plain(&row["seqno"]),
            plain(&row["router_id"]),
            seconds(&row["age_s"]),
        ]);
    }
    let text = format!("{}{}", table.render(bold), rest(reply, "routes"));
    table_or(text, list(reply, "routes"), "there are no routes\n")
}

/// `{destination, prefix, source, text, candidates: [{source, via, interface, metric, selected, reason}]}`
fn why(reply: &Value, bold: bool) -> String {
    let mut table =
        Table::new(&[("", Left), ("VIA", Left), ("INTERFACE", Left), ("METRIC", Right), ("WHY", Left)]);
    let candidates = list(reply, "candidates");
    for row in candidates {
        table.row([
            if row["selected"] == true { "*" } else { "" }.to_owned(),
            plain(&row["via"]),
            plain(&row["interface"]),
            cost(&row["metric"]),
            match row["source"].as_str() {
                Some(source) => format!("packets from {source}: {}", optional(&row["reason"])),
                None => optional(&row["reason"]),
            },
        ]);
    }
    let text = super::table::clean(&plain(&reply["text"]));
    if candidates.is_empty() { format!("{text}\n") } else { format!("{text}\n\n{}", table.render(bold)) }
}

/// `{sources: [{prefix, source, router_id, seqno, metric, left_s}], offset, total}`
fn sources(reply: &Value, bold: bool) -> String {
    let mut table = Table::new(&[
        ("PREFIX", Left),
        ("ROUTER-ID", Left),
        ("SEQNO", Right),
        ("METRIC", Right),
        ("FORGOTTEN IN", Right),
    ]);
    for row in list(reply, "sources") {
        table.row([
            from(&row["prefix"], &row["source"]),
            plain(&row["router_id"]),
            plain(&row["seqno"]),
            plain(&row["metric"]),
            seconds(&row["left_s"]),
        ]);
    }
    let text = format!("{}{}", table.render(bold), rest(reply, "sources"));
    table_or(text, list(reply, "sources"), "nothing was announced lately\n")
}

/// `{requests: [{prefix, source, router_id, seqno, hop_count, to, interface, forwarded, times, left_ms}], offset,
/// total}`
fn requests(reply: &Value, bold: bool) -> String {
    let mut table = Table::new(&[
        ("PREFIX", Left),
        ("ROUTER-ID", Left),
        ("SEQNO", Right),
        ("ASKED", Left),
        ("INTERFACE", Left),
        ("HOPS", Right),
        ("AGAIN", Right),
        ("IN", Right),
        ("REMARK", Left),
    ]);
    for row in list(reply, "requests") {
        table.row([
            from(&row["prefix"], &row["source"]),
            plain(&row["router_id"]),
            plain(&row["seqno"]),
            row["to"].as_str().unwrap_or("all").to_owned(),
            plain(&row["interface"]),
            plain(&row["hop_count"]),
            plain(&row["times"]),
            millis(&row["left_ms"]),
            if row["forwarded"] == true { "for a neighbour" } else { "" }.to_owned(),
        ]);
    }
    let text = format!("{}{}", table.render(bold), rest(reply, "requests"));
    table_or(text, list(reply, "requests"), "nothing is waited for\n")
}

/// `{statistics: [{interface, neighbour, received_packets, received_tlvs, sent_packets, sent_tlvs, dropped: {code:
/// count}}], offset, total}`
fn statistics(reply: &Value, bold: bool) -> String {
    let mut table = Table::new(&[
        ("INTERFACE", Left),
        ("NEIGHBOUR", Left),
        ("RECEIVED", Right),
        ("TLVS", Right),
        ("SENT", Right),
        ("TLVS", Right),
        ("DROPPED", Left),
    ]);
    for row in list(reply, "statistics") {
        let dropped = row["dropped"].as_object().into_iter().flatten();
        let dropped: Vec<String> = dropped.map(|(code, count)| format!("{} {code}", plain(count))).collect();
        table.row([
            plain(&row["interface"]),
            row["neighbour"].as_str().unwrap_or("all").to_owned(),
            plain(&row["received_packets"]),
            plain(&row["received_tlvs"]),
            plain(&row["sent_packets"]),
            plain(&row["sent_tlvs"]),
            dropped.join(", "),
        ]);
    }
    let text = format!("{}{}", table.render(bold), rest(reply, "statistics"));
    table_or(text, list(reply, "statistics"), "Babel speaks nowhere\n")
}

/// `{links: [{device, kind, up, neighbours, hello_interval_ms, cost, ways: [{address, alive, since_s, figures}]}]}`
fn links(reply: &Value, bold: bool) -> String {
    let mut table = Table::new(&[
        ("DEVICE", Left),
        ("KIND", Left),
        ("UP", Left),
        ("NEIGHBOURS", Right),
        ("HELLO EVERY", Right),
        ("COST", Right),
        ("AUTH", Left),
    ]);
    for row in list(reply, "links") {
        table.row([
            plain(&row["device"]),
            plain(&row["kind"]),
            plain(&row["up"]),
            plain(&row["neighbours"]),
            millis(&row["hello_interval_ms"]),
            cost(&row["cost"]),
            plain(&row["auth"]),
        ]);
    }
    let mut text = table.render(bold) + &ways(reply, bold);
    for row in list(reply, "links") {
        for (what, words) in
            [("change", "changes at both ends"), ("radar", "is kept from a channel by radars")]
        {
            if let Some(stage) = row[what]["stage"].as_str() {
                let left = seconds(&row[what]["left_s"]);
                text.push_str(&format!("{} {words}: {stage}, {left} at most\n", plain(&row["device"])));
            }
        }
    }
    table_or(text, list(reply, "links"), "no link is configured\n")
}

/// What radios and probes know of the ways to neighbours, if any does.
fn ways(reply: &Value, bold: bool) -> String {
    let mut table = Table::new(&[
        ("DEVICE", Left),
        ("NEIGHBOUR", Left),
        ("ALIVE", Left),
        ("FOR", Right),
        ("QUALITY %", Right),
        ("SIGNAL dBm", Right),
        ("SNR dB", Right),
        ("KBIT/S", Right),
        ("RETRIES %", Right),
        ("LOST %", Right),
        ("BUSY %", Right),
    ]);
    let mut any = false;
    for link in list(reply, "links") {
        for way in list(link, "ways") {
            any = true;
            let figure = |name: &str| plain(&way["figures"][name]);
            table.row([
                plain(&link["device"]),
                plain(&way["address"]),
                plain(&way["alive"]),
                seconds(&way["since_s"]),
                figure("quality_percent"),
                figure("signal_dbm"),
                figure("snr_db"),
                figure("throughput_kbit"),
                figure("retries_percent"),
                figure("lost_percent"),
                figure("busy_percent"),
            ]);
        }
    }
    if any { format!("\n{}", table.render(bold)) } else { String::new() }
}

/// `{peers: [{member, name, interface, address, since_s, sent, received, compared_s, to_send, unread, even}],
/// refused: [{interface, address, why, ago_s}], counters: {word: count}}`
fn sync(reply: &Value, bold: bool) -> String {
    let mut peers = Table::new(&[
        ("MEMBER", Left),
        ("NAME", Left),
        ("DEVICE", Left),
        ("ADDRESS", Left),
        ("FOR", Right),
        ("SENT", Right),
        ("RECEIVED", Right),
        ("COMPARED", Right),
        ("EVEN", Left),
    ]);
    for row in list(reply, "peers") {
        let words = ["member", "name", "interface", "address"].map(|name| plain(&row[name]));
        let [member, name, device, address] = words;
        peers.row([
            member,
            name,
            device,
            address,
            seconds(&row["since_s"]),
            plain(&row["sent"]),
            plain(&row["received"]),
            seconds(&row["compared_s"]),
            plain(&row["even"]),
        ]);
    }
    let mut text = table_or(peers.render(bold), list(reply, "peers"), "no neighbour exchanges records\n");
    for row in list(reply, "refused") {
        let words = ["address", "interface", "why"].map(|name| plain(&row[name]));
        text.push_str(&format!(
            "refused {} on {}: {}, {} ago\n",
            words[0],
            words[1],
            words[2],
            seconds(&row["ago_s"])
        ));
    }
    text
}

/// `{plans: [{id, name, price_cents, currency, minor_units, used_s, days, devices, hours, data_mb, sellers, sold_here}]}`
fn plans(reply: &Value, bold: bool) -> String {
    let mut table =
        Table::new(&[("PLAN", Left), ("NAME", Left), ("PRICE", Right), ("GIVES", Left), ("DEVICES", Right)]);
    for row in list(reply, "plans") {
        let mut gives = match (&row["used_s"], &row["days"]) {
            (Value::Null, Value::Null) => plain(&Value::Null),
            (Value::Null, days) => format!("{} days from the first use", plain(days)),
            (used, Value::Null) => format!("{} of use", seconds(used)),
            (used, days) => format!("{} of use within {} d", seconds(used), plain(days)),
        };
        if let Some(data_mb) = row["data_mb"].as_u64() {
            gives.push_str(&format!(", {data_mb} MB"));
        }
        if let Some(hours) = row["hours"].as_str() {
            gives.push_str(&format!(", {hours}"));
        }
        let sellers: Vec<&str> = list(row, "sellers").iter().filter_map(Value::as_str).collect();
        if !sellers.is_empty() {
            gives.push_str(&format!(", sold at {}", sellers.join(" ")));
        }
        table.row([
            plain(&row["id"]),
            plain(&row["name"]),
            money(&row["price_cents"], &row["minor_units"], &row["currency"]),
            gives,
            plain(&row["devices"]),
        ]);
    }
    table_or(table.render(bold), list(reply, "plans"), "nothing is for sale yet\n")
}

/// `{lot, plan, price_cents, minor_units, currency, person, vouchers: [{code, verifier}]}`
fn issued(reply: &Value, bold: bool) -> String {
    let mut table = Table::new(&[("CODE", Left), ("VERIFIER", Left)]);
    let vouchers = list(reply, "vouchers");
    for row in vouchers {
        table.row([plain(&row["code"]), plain(&row["verifier"])]);
    }
    // A daemon that does not say how many digits stand behind the point leaves the figure as it is.
    let price = money(&reply["price_cents"], &reply["minor_units"], &reply["currency"]);
    let head = facts(&[
        ("plan", plain(&reply["plan"])),
        ("price", format!("{price} each")),
        ("seller", plain(&reply["person"])),
        ("lot", plain(&reply["lot"])),
    ]);
    format!("{head}\n{}", table.render(bold))
}

/// `{verifier, plan, state, person, used_s, used_bytes, devices}`
fn voucher(reply: &Value) -> String {
    facts(&[
        ("verifier", plain(&reply["verifier"])),
        ("plan", plain(&reply["plan"])),
        ("state", plain(&reply["state"])),
        ("sold by", plain(&reply["person"])),
        ("used", seconds(&reply["used_s"])),
        ("data", octets(&reply["used_bytes"])),
        ("devices", plain(&reply["devices"])),
    ])
}

/// `{sessions: [{client, verifier, plan, devices: [text], remaining_s, remaining_bytes, used_s, up_bytes, down_bytes}],
/// offset, total}`
fn sessions(reply: &Value, bold: bool) -> String {
    let mut table = Table::new(&[
        ("CLIENT", Right),
        ("VOUCHER", Left),
        ("PLAN", Left),
        ("LEFT", Right),
        ("USED HERE", Right),
        ("UP", Right),
        ("DOWN", Right),
        ("DEVICES", Left),
    ]);
    for row in list(reply, "sessions") {
        let devices: Vec<String> = list(row, "devices").iter().map(plain).collect();
        table.row([
            plain(&row["client"]),
            plain(&row["verifier"]),
            plain(&row["plan"]) + if row["closed"] == true { " (other hours)" } else { "" },
            match &row["remaining_bytes"] {
                Value::Null => seconds(&row["remaining_s"]),
                bytes => format!("{} {}", seconds(&row["remaining_s"]), octets(bytes)),
            },
            seconds(&row["used_s"]),
            octets(&row["up_bytes"]),
            octets(&row["down_bytes"]),
            devices.join(" "),
        ]);
    }
    let text = format!("{}{}", table.render(bold), rest(reply, "sessions"));
    let mut text = table_or(text, list(reply, "sessions"), "nobody is online through this node\n");
    if let Some(phones) = reply["suspended"].as_u64().filter(|phones| *phones > 0) {
        text.push_str(&format!(
            "{phones} phone(s) waited since the start: their address is in use at another node\n"
        ));
    }
    text
}

pub(super) fn list<'a>(reply: &'a Value, name: &str) -> &'a [Value] {
    reply[name].as_array().map_or(&[], Vec::as_slice)
}

/// Text that may be missing without being missed.
fn optional(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub(super) fn table_or(table: String, rows: &[Value], empty: &str) -> String {
    if rows.is_empty() { empty.to_owned() } else { table }
}

/// A last line that says how much is not shown.
fn rest(reply: &Value, name: &str) -> String {
    let shown = list(reply, name).len() as u64;
    let (offset, total) = (reply["offset"].as_u64().unwrap_or(0), reply["total"].as_u64().unwrap_or(shown));
    if shown > 0 && shown < total {
        format!("{} to {} of {total}\n", offset + 1, offset.saturating_add(shown))
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests;
