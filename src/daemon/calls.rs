//! From ubus calls to typed questions: the arguments of `docs/ubus.md`.

use std::net::IpAddr;
use std::path::Path;

use serde_json::{Map, Value};

use super::Daemon;
use crate::babel::settings::LinkKind;
use crate::base::address::Prefix;
use crate::base::language::Language;
use crate::base::limit::RECORD_TEXT_BYTES;
use crate::base::time::Span;
use crate::base::voucher::Verifier;
use crate::hotspot::code::Code;
use crate::link::bridge::Reading;
use crate::link::budget::Terrain;
use crate::link::change::{Setting, Wanted};
use crate::node::call::{Call, Caller, LinkChange, PageOf, VoucherIssue, Which};
use crate::node::deed::{DEEDS, Deed, LotUse, Tap};
use crate::node::input::Input;
use crate::planner::Named;
use crate::platform::crypt;
use crate::platform::ubus::table::json;
use crate::platform::ubus::{self, UbusStatus, error_value};

/// Entries of a page when the caller does not say: 200 routes are 40 kB.
const PAGE: u32 = 200;
/// The same of statistics, of which each entry may name 36 reasons: 70 kB.
const STATISTICS_PAGE: u32 = 50;

/// What is read of a name of a link, or of columns of its history: six of the longest are 101.
const MOST_LINK_BYTES: usize = 128;

/// A call that cannot be asked: an error for the person, or a status for the program.
type Refused = Result<Value, UbusStatus>;

impl Daemon {
    /// Asks the node, or does what only the daemon can do.
    pub(super) async fn call(&mut self, call: ubus::Call, caller: Caller) {
        let by_operator = match call.method.as_str() {
            "books_close" => self.by_operator(&caller, "close the books"),
            "root_accept" => self.by_operator(&caller, "accept a root"),
            "link_change" => self.by_operator(&caller, "change a link"),
            "link_reading" => self.by_operator(&caller, "say what a radio hears"),
            _ => Ok(()),
        };
        if let Err(refused) = by_operator {
            return self.ubus.reply(call.call, Ok(refused));
        }
        let done = match call.method.as_str() {
            "reload" => self.by_operator(&caller, "read the configuration again"),
            "interface_add" | "interface_remove" => self.by_operator(&caller, "change interfaces"),
            "record_start" | "record_stop" => self.by_operator(&caller, "record what happens"),
            "plan_link" => return self.ubus.reply(call.call, Ok(plan_link(&call.arguments))),
            _ => {
                match question(&call.method, &call.arguments) {
                    Ok(question) => {
                        let request = self.ids.next();
                        self.calls.insert(request, call.call);
                        self.input(Input::Call { request, caller, call: question }).await;
                    }
                    Err(refused) => self.ubus.reply(call.call, refused),
                }
                return;
            }
        };
        let reply = match done {
            Ok(()) => self.operate(&call).await,
            Err(refused) => refused,
        };
        self.ubus.reply(call.call, Ok(reply));
    }

    /// Only root's programs and admins change the daemon itself.
    fn by_operator(&self, caller: &Caller, what: &str) -> Result<(), Value> {
        use crate::node::settings::Role;
        let Some(login) = &caller.login else { return Ok(()) };
        if self.node.person(login).is_some_and(|(_, role)| role == Role::Admin) {
            return Ok(());
        }
        Err(error_value("no-right", &format!("{login} may not {what} at this node.")))
    }

    async fn operate(&mut self, call: &ubus::Call) -> Value {
        let done = match call.method.as_str() {
            "reload" => self.reload().await.map(|()| json!({"reloaded": true})),
            "interface_add" | "interface_remove" => self.change_interface(call).await,
            "record_stop" => Ok(json!({"stopped": self.stop_recording()})),
            _ => {
                let file = call.arguments.get("file").and_then(Value::as_str).unwrap_or_default();
                let path = Path::new(file);
                if path.is_absolute() {
                    self.start_recording(path).map(|()| json!({"file": file}))
                } else {
                    Err("file must be an absolute path, like /var/run/tequio/field.rec.".to_owned())
                }
            }
        };
        done.unwrap_or_else(|why| error_value("refused", &why))
    }

    async fn change_interface(&mut self, call: &ubus::Call) -> Result<Value, String> {
        let text = |name: &str| call.arguments.get(name).and_then(Value::as_str).unwrap_or_default();
        let device = text("device");
        if !crate::config::is_device(device) {
            return Err("device must be the name of a network device, like eth1.".to_owned());
        }
        if call.method == "interface_remove" {
            self.remove_interface(device).await?;
            return Ok(json!({"device": device}));
        }
        let kind = match text("kind") {
            "wired" => LinkKind::Wired,
            "wireless" => LinkKind::Wireless,
            "tunnel" => LinkKind::Tunnel,
            "bridge" => LinkKind::Bridge,
            _ => return Err("kind must be wired, wireless, tunnel or bridge.".to_owned()),
        };
        if !self.add_interface(device, kind, Span::from_secs(1)).await {
            return Err("Programs have added too many interfaces.".to_owned());
        }
        Ok(json!({"device": device}))
    }
}

/// What is asked about one link.
fn of_link(method: &str, arguments: &Map<String, Value>) -> Result<Call, Refused> {
    let text = |name: &str| {
        cut(arguments.get(name).and_then(Value::as_str).unwrap_or_default().trim(), MOST_LINK_BYTES)
    };
    Ok(match method {
        "link_change" => return link_change(arguments, &text("device")),
        "link_reading" => Call::LinkReading { device: text("device"), reading: reading(arguments)? },
        "link_align" => Call::LinkAlign { device: text("device"), action: text("action") },
        _ => {
            Call::LinkHistory { link: text("link"), resolution: text("resolution"), columns: text("columns") }
        }
    })
}

/// What somebody read from a closed radio.
fn reading(arguments: &Map<String, Value>) -> Result<Reading, Refused> {
    let figure = |name: &str, least: i64, most: i64| -> Result<Option<i64>, Refused> {
        let Some(value) = arguments.get(name) else { return Ok(None) };
        let value = value.as_i64().filter(|value| (least..=most).contains(value));
        let wrong = || error_value("reading", &format!("{name} must be a number from {least} to {most}."));
        value.map(Some).ok_or_else(|| Ok(wrong()))
    };
    let level = |name| -> Result<Option<i16>, Refused> {
        Ok(figure(name, -126, 0)?.and_then(|dbm| i16::try_from(dbm).ok()))
    };
    Ok(Reading {
        signal_dbm: level("signal_dbm")?,
        noise_dbm: level("noise_dbm")?,
        throughput_kbit: figure("throughput_kbit", 0, 10_000_000)?.and_then(|kbit| u32::try_from(kbit).ok()),
    })
}

/// The settings that are named, each in its place.
fn link_change(arguments: &Map<String, Value>, device: &str) -> Result<Call, Refused> {
    let mut wanted = Wanted::default();
    for (setting, word, least, most) in Setting::ALL {
        let Some(value) = arguments.get(word) else { continue };
        if setting == Setting::Ssid {
            let Some(name) = value.as_str().filter(|name| Wanted::is_name(name)) else {
                return Err(Ok(error_value("setting", "ssid must be a text of 1 to 32 octets.")));
            };
            wanted.ssid = name.to_owned();
            continue;
        }
        let value = value.as_u64().and_then(|value| u32::try_from(value).ok());
        let Some(value) = value.filter(|value| setting.allows(*value)) else {
            return Err(Ok(error_value(
                "setting",
                &format!("{word} must be a number from {least} to {most}."),
            )));
        };
        wanted.numbers.push((setting, value));
    }
    if wanted.settings().next().is_none() {
        let words = Setting::ALL.map(|row| row.1).join(", ");
        return Err(Ok(error_value("setting", &format!("Say what is to change: one of {words}."))));
    }
    Ok(Call::LinkChange(LinkChange { device: device.to_owned(), wanted }))
}

/// What becomes of a link that somebody thinks about. It asks nobody, so the node is not asked either.
fn plan_link(arguments: &Map<String, Value>) -> Value {
    let text = |name: &str| arguments.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
    // Somebody at a node plans a link of that node's country.
    let said = |name: &str| Ok(text(name).or((name == "allowed").then_some("kernel")));
    let reckoned = Language::named(text("language"))
        .and_then(|language| Ok(Named::of(&said, Terrain::default())?.json(language)));
    // What is an option on the command line is an argument here.
    reckoned.unwrap_or_else(|why| error_value("plan", &why.replace("--", "")))
}

/// The arguments of rpcd's `session get` that tell who a session belongs to.
pub(super) fn session_question(session: &str) -> Map<String, Value> {
    let Value::Object(arguments) = json!({"ubus_rpc_session": session, "keys": ["username"]}) else {
        return Map::new();
    };
    arguments
}

/// The login in rpcd's answer.
pub(super) fn session_login(answer: &Value) -> Option<String> {
    answer.get("values")?.get("username")?.as_str().map(str::to_owned)
}

fn question(method: &str, arguments: &Map<String, Value>) -> Result<Call, Refused> {
    let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default().trim();
    Ok(match method {
        "status" => Call::Status,
        "neighbours" => Call::Neighbours,
        "routes" => Call::Routes(page_of(arguments)),
        "why" => {
            let wrong = |what: &str| Ok(error_value("address", what));
            let source = match text("source") {
                "" => None,
                text => Some(
                    text.parse::<IpAddr>()
                        .map_err(|_| wrong("source must be an IP address, like 8.8.8.8."))?,
                ),
            };
            let destination = text("destination").parse::<Prefix>();
            let wrong =
                |_| wrong("destination must be an IP address or a prefix, like 8.8.8.8 or 10.77.4.0/22.");
            Call::Why { destination: destination.map_err(wrong)?, source }
        }
        "sources" => Call::Sources(page_of(arguments)),
        "requests" => Call::Requests(page_of(arguments)),
        "statistics" => {
            let page = page_of(arguments);
            Call::Statistics(PageOf { limit: page.limit.min(STATISTICS_PAGE), ..page })
        }
        "links" => Call::Links,
        "link_change" | "link_history" | "link_align" | "link_reading" => of_link(method, arguments)?,
        "sync" => Call::Sync,
        "plans" => Call::Plans,
        "voucher_issue" | "voucher_print" | "voucher_give" => Call::VoucherIssue(vouchers(method, arguments)),
        "voucher_show" => Call::VoucherShow(which(text("code"), text("verifier"))?),
        "voucher_revoke" => {
            Call::VoucherRevoke(which(text("code"), text("verifier"))?, bounded(text("reason")))
        }
        "sessions" => Call::Sessions(page_of(arguments)),
        "session_end" => {
            let device = match text("device") {
                "" => None,
                device => Some(device.parse().map_err(|_| session_wrong())?),
            };
            Call::SessionEnd(parse_verifier(text("verifier")).ok_or_else(session_wrong)?, device)
        }
        "books_close" => Call::BooksClose(bounded(text("month"))),
        "root_accept" => Call::RootAccept(bounded(text("fingerprint"))),
        "books" => Call::Books(bounded(text("month"))),
        "network" => Call::Network,
        _ => {
            let Some((_, deed, ..)) = DEEDS.iter().find(|row| row.0 == method) else {
                return Err(Err(UbusStatus::MethodNotFound));
            };
            Call::Tap(Box::new(tap(*deed, arguments)?))
        }
    })
}

/// Vouchers to be made, and what becomes of them.
fn vouchers(method: &str, arguments: &Map<String, Value>) -> VoucherIssue {
    let text = |name: &str| bounded(arguments.get(name).and_then(Value::as_str).unwrap_or_default().trim());
    let count = arguments.get("count").map_or(Some(1), |count| u16::try_from(count.as_i64()?).ok());
    let lot_use = match method {
        "voucher_issue" => LotUse::Sale,
        "voucher_print" => LotUse::Paper,
        _ => LotUse::InKind {
            reason: text("reason"),
            minutes: u32::try_from(number(arguments, "minutes")).unwrap_or(u32::MAX),
        },
    };
    let count = count.unwrap_or(0);
    VoucherIssue { plan: text("plan"), count, person: text("person"), key: text("key"), lot_use }
}

/// What a deed needs. An argument has one meaning, whatever the deed.
fn tap(deed: Deed, arguments: &Map<String, Value>) -> Result<Tap, Refused> {
    let text = |names: &[&str]| {
        let given = names.iter().find_map(|name| arguments.get(*name)?.as_str());
        bounded(given.unwrap_or_default().trim())
    };
    let (code, verifier) = (text(&["code"]), text(&["verifier"]));
    let which = if code.is_empty() && verifier.is_empty() { None } else { Some(which(&code, &verifier)?) };
    let notice = arguments.get("text").and_then(Value::as_str);
    Ok(Tap {
        deed,
        person: text(&["person"]),
        text: match notice {
            Some(notice) => cut(notice.trim(), 4 * RECORD_TEXT_BYTES),
            None => text(&["reason", "what", "title", "seller_share"]),
        },
        name: text(&["name", "mode", "role"]),
        amount: text(&["amount", "price"]),
        target: text(&["lot", "record", "node", "hours"]),
        plan: text(&["plan"]),
        verifier: passphrase(arguments)?,
        which,
        seconds: number(arguments, "seconds").max(number(arguments, "unix_s")),
        days: u16::try_from(number(arguments, "days")).unwrap_or(u16::MAX),
        prefixes: text(&["prefixes", "shares"]),
        limits: ["devices", "data_mb", "down_kbps", "up_kbps"]
            .map(|name| u32::try_from(number(arguments, name)).unwrap_or(u32::MAX)),
        // A service is there for everybody, unless somebody says otherwise.
        free: arguments.get("free").and_then(Value::as_bool).unwrap_or(true),
        icon: text(&["icon"]),
        sellers: text(&["sellers"]),
        port: u16::try_from(number(arguments, "port")).ok().filter(|port| *port > 0),
        key: text(&["key"]),
    })
}

/// What the ledger keeps of a passphrase.
fn passphrase(arguments: &Map<String, Value>) -> Result<String, Refused> {
    let given = arguments.get("passphrase").and_then(Value::as_str).unwrap_or_default();
    if given.is_empty() {
        return Ok(String::new());
    }
    let wrong = |why: &str| Ok(error_value("passphrase", why));
    crypt::verifier(given).map_err(|why| wrong(&why))
}

fn number(arguments: &Map<String, Value>, name: &str) -> u64 {
    arguments.get(name).and_then(Value::as_u64).unwrap_or(0)
}

/// Names and reasons of a caller: as long as a record may hold, without what moves a cursor.
fn bounded(text: &str) -> String {
    cut(text, RECORD_TEXT_BYTES)
}

fn cut(text: &str, bytes: usize) -> String {
    let mut kept = String::new();
    for letter in text.chars().filter(|letter| !letter.is_control()) {
        if kept.len() + letter.len_utf8() > bytes {
            break;
        }
        kept.push(letter);
    }
    kept
}

fn page_of(arguments: &Map<String, Value>) -> PageOf {
    let number = |name: &str| {
        arguments.get(name).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok())
    };
    PageOf { offset: number("offset").unwrap_or(0), limit: number("limit").unwrap_or(PAGE).clamp(1, PAGE) }
}

fn which(code: &str, verifier: &str) -> Result<Which, Refused> {
    if code.is_empty() {
        let wrong = || Ok(error_value("voucher", "Give a code, or a verifier of 16 hex digits."));
        return parse_verifier(verifier).map(Which::Verifier).ok_or_else(wrong);
    }
    Code::parse(code).map(Which::Code).map_err(|error| Ok(error_value("code-wrong", &error.to_string())))
}

fn session_wrong() -> Refused {
    Ok(error_value(
        "session",
        "Give a verifier of 16 hex digits, and at most a device, like 02:00:00:00:00:01.",
    ))
}

fn parse_verifier(text: &str) -> Option<Verifier> {
    let number = (text.len() == 16).then(|| u64::from_str_radix(text, 16).ok()).flatten()?;
    Some(Verifier(number.to_be_bytes()))
}
